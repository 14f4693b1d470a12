/* Where forks for supervisors begin: on a stack of their own, with all that they are told above it.
 *
 * A fork copies the page tables of what its parent has touched, and whatever either writes to
 * afterwards is copied page by page. So a supervisor gets neither our stack nor our tables nor
 * struct init: it begins in pages that nobody else writes to, and ours are left alone. */
#ifndef INIT_CRADLE_H
#define INIT_CRADLE_H

#include <sys/types.h>

#include "../supervise/supervise.h"
#include "init.h"

/* Once, when the environment is where it stays: takes our stack away from forks, where a command
 * line can be shown that does not lie there. */
void cradle_prepare(struct init *i);

/* Forks a supervisor that is told *o, all of which is copied. The pid, or -1 with errno. */
pid_t cradle_fork(struct init const *i, struct supervise_options const *o);

#endif
