/* The table that `svctl list` prints: NAME STATE PID FOR WHY. */
#ifndef SVCTL_TABLE_H
#define SVCTL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"
#include "view.h"

#define TABLE_COLUMNS 5

struct table {
	char **cells; /* TABLE_COLUMNS a row */
	size_t rows, room;
	size_t width[TABLE_COLUMNS];
	int failed; /* errno of the first failure; 0: none */
};
#define TABLE_ZERO                                                                                 \
	{                                                                                          \
		.cells = NULL, .rows = 0, .room = 0, .width = { 0 }, .failed = 0                   \
	}

/* Adds the heading; the first row. */
void table_head(struct table *b);

void table_service(struct table *b, char const *name, struct view const *v, uint64_t now);

/* Prints it into `t`, and empties it. The columns are as wide as what is in them. */
void table_print(struct table *b, struct text *t);

/* "5s", "2m03s", "4h12m", "3d04h": for how long. */
void table_duration(struct text *t, uint64_t seconds);

#endif
