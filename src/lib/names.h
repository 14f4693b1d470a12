/* The names in a directory, sorted. */
#ifndef CINIT_NAMES_H
#define CINIT_NAMES_H

#include <stddef.h>

struct dirent;

/* Zero it to begin. */
struct names {
	char **list;
	size_t count, room;
};

/* Adds the names in directory `path` below `dir` that do not begin with a dot and that `keep` (may
 * be NULL) returns 1 for, and sorts all. `keep` is given a descriptor of that directory. 0, or -1
 * with errno; names_free in either case. */
int names_read(
	struct names *n, int dir, char const *path, int (*keep)(int dir, struct dirent const *e));

/* Adds one, a copy, at the end. 0, or -1 with errno. */
int names_add(struct names *n, char const *name);

void names_free(struct names *n);

/* For `keep`: directories, and links to some, that have the name of a service. */
int names_service(int dir, struct dirent const *e);

#endif
