/* What a service says of others: the directories needs/, wants/ and binds/ of its service
 * directory, one entry a dependency, named as the service it is on. */
#ifndef CINIT_DEPENDENCY_H
#define CINIT_DEPENDENCY_H

#include <stddef.h>
#include <stdint.h>

#include "servicedir.h"

enum dependency_kind {
	DEPENDENCY_WANTS, /* waited for until it is settled: ready, failed or wanted down */
	DEPENDENCY_NEEDS, /* must be ready for a start, and may not go down before us */
	DEPENDENCY_BINDS, /* a need, and when it is not ready any more we stop until it is */
	DEPENDENCY_KINDS
};

struct dependency {
	uint8_t kind; /* enum dependency_kind */
	char name[256];
};

/* The entry that holds a kind: "needs". */
char const *dependency_directory(enum dependency_kind kind);

/* Reads what service `self` (may be NULL) says in its directory, open as `dir`: an allocated list,
 * sorted by name; one that is named in several directories counts as the strongest. `except` is a
 * mask of kinds not to look for (1 << kind). 0; or -1 and *e says why: an entry that is no
 * service's name, a dependency on oneself, a directory that cannot be read. Entries with a leading
 * dot are passed over. */
int dependency_read(struct dependency **list, size_t *count, int dir, char const *self,
	unsigned int except, struct value_error *e);

#endif
