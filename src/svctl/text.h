/* Text under construction: lines, tables, JSON. Memory that is missing is remembered and told once,
 * by text_write, so that nobody checks each word. */
#ifndef SVCTL_TEXT_H
#define SVCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>

struct text {
	stralloc sa;
	int failed; /* errno of the first failure; 0: none */
};
#define TEXT_ZERO                                                                                  \
	{                                                                                          \
		.sa = STRALLOC_ZERO, .failed = 0                                                   \
	}

void text_bytes(struct text *t, char const *s, size_t len);
void text_add(struct text *t, char const *s);
void text_number(struct text *t, uint64_t n);
void text_signed(struct text *t, int64_t n);

/* Text that others wrote, for a line on a terminal: control characters become '?'. */
void text_foreign(struct text *t, char const *s);

/* Writes everything to `fd` and empties it. 0, or -1 with errno. */
int text_write(struct text *t, int fd);

void text_free(struct text *t);

#endif
