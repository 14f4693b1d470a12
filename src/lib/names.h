/* The names in a directory, sorted. */
#ifndef CINIT_NAMES_H
#define CINIT_NAMES_H

#include <stddef.h>

struct names_chunk;

/* Zero it to begin. The names lie one behind the other: of thousands each would cost a piece of
 * memory of its own. */
struct names {
	char **list;
	size_t count, room;
	struct names_chunk *chunk; /* the last one */
	char *next;                /* free bytes in it */
	size_t left;               /* so many */
};

/* Adds the names in directory `path` below `dir` that do not begin with a dot and that `keep` (may
 * be NULL) returns 1 for, and sorts all. `keep` is given a descriptor of that directory, and what
 * readdir(3) says of the name's type. 0, or -1 with errno; names_free in either case. */
int names_read(struct names *n, int dir, char const *path,
	int (*keep)(int dir, char const *name, unsigned int type));

/* Adds one, a copy, at the end. 0, or -1 with errno. */
int names_add(struct names *n, char const *name);

void names_free(struct names *n);

/* For `keep`: directories, and links to some, that have the name of a service. */
int names_service(int dir, char const *name, unsigned int type);

#endif
