/* Limits of a service's control group: the files of its directory cgroup/, named as the kernel's.
 */
#ifndef CINIT_LIMIT_H
#define CINIT_LIMIT_H

#include <stddef.h>

#include "servicedir.h"

#define LIMIT_DIRECTORY "cgroup"
#define LIMIT_VALUE     64 /* room for a value */

struct limit {
	char const *file;       /* in cgroup/, and in the control group */
	char const *controller; /* that has to be delegated for it */
};

extern struct limit const limits[];
extern size_t const limit_count;

/* Reads limit `l` from directory `dir`, at `file`. 1: read, as the kernel wants it. 0: no such
 * file. -1: bad, *e says why. */
int limit_read(int dir, char const *file, struct limit const *l, char value[LIMIT_VALUE],
	struct value_error *e);

#endif
