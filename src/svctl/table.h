/* The table that `svctl list` prints: NAME STATE PID FOR WHY. */
#ifndef SVCTL_TABLE_H
#define SVCTL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"
#include "view.h"

#define TABLE_COLUMNS 5

struct table {
	struct text cells; /* one behind the other, TABLE_COLUMNS a row, each with NUL at its end */
	size_t begin;      /* of the cell under construction */
	size_t rows;
	size_t width[TABLE_COLUMNS];
};
#define TABLE_ZERO                                                                                 \
	{                                                                                          \
		.cells = TEXT_ZERO, .begin = 0, .rows = 0, .width = { 0 }                          \
	}

/* Adds the heading; the first row. */
void table_head(struct table *b);

void table_service(struct table *b, char const *name, struct view const *v, uint64_t now);

/* Prints it into `t`, and empties it. The columns are as wide as what is in them. Calls `each`
 * after every row, for what there is to be written; it may
 * be NULL. */
void table_print(struct table *b, struct text *t, void (*each)(void *data), void *data);

/* "5s", "2m03s", "4h12m", "3d04h": for how long. */
void table_duration(struct text *t, uint64_t seconds);

#endif
