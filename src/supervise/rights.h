/* Whom a program runs as, and what it may do. */
#ifndef SUPERVISE_RIGHTS_H
#define SUPERVISE_RIGHTS_H

#include <stdint.h>

#include "program.h"

/* In the child, in the service directory: `user`, `capabilities`, `no-new-privs`, as far as
 * `entries` says that they are there. 0, or -1 with errno and *f; errno 0: a value is bad. */
int rights_apply(uint64_t entries, struct program_failure *f);

#endif
