/* Services with ready-line, for tests. */
#ifndef TESTS_LINED_H
#define TESTS_LINED_H

#include "depend.h"

#define LOGS      "while read -r l; do say \"log: $l\"; done; say eof"

/* Keeps its input up to the line `end` in a file, and says so. */
#define KEEPS     "sed '/^end$/q' >>\"$TREE/kept\"; say kept; exec cat >/dev/null"

#define STARTS(p) UNTIL(p, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED)

/* `web`, ready by a line with `is ready`; no logger where log_run is NULL. */
struct place lined(char const *run, char const *log_run);

/* What cinit does for such a service: holds both FIFOs, the logger's for writing as well. The
 * latter's descriptor, for it to see its end. */
int held(struct place const *p);

/* For tree.before_exec: standard output is the FIFO $TREE/drain. */
void to_the_drain(void);

#endif
