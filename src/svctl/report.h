/* What svctl says of services: runit's lines, word for word where runit has the state, so that what
 * reads sv's output reads ours. */
#ifndef SVCTL_REPORT_H
#define SVCTL_REPORT_H

#include <stdint.h>

#include "job.h"
#include "status.h"
#include "text.h"
#include "view.h"

/* Reports of failures differ from sv's in one thing: it is not runsv that does not run. */
#define REPORT_NO_SUPERVISOR "supervisor not running"
/* Behind who it is that lives. */
#define REPORT_CUT_IN        "does not read `in', which was removed or replaced; "
#define REPORT_MEND          "`svctl rescan' makes it anew"
#define REPORT_MEND_CINIT    "HUP to cinit makes it anew"

/* "run: NAME: (pid N) Ts, normally down", without newline; `now` is CLOCK_BOOTTIME. */
void report_state(struct text *t, char const *name, struct status const *s, uint64_t now);

/* What `status` says of one look: the above, or "fail: NAME: ...". 0: it is well, 1: it is not. */
int report_view(struct text *t, char const *name, struct view const *v, uint64_t now);

/* The end of a job: "ok: ", "timeout: ", "fail: " and so on, with newline. `s` is the record that
 * it ended with; NULL: none could be read. */
void report_job(struct text *t, struct job const *j, char const *name, struct status const *s,
	uint64_t now, uint64_t limit);

/* "kill: run: NAME: ...", with newline. */
void report_kill(struct text *t, char const *name, struct status const *s, uint64_t now);

/* How the last run ended: "exit 3", "signal 9 (KILL)", "exit code unknown"; nothing where it never
 * has. */
void report_exit(struct text *t, struct status const *s);

/* Is its reason worth telling those who ask how it is? A refusal was told whoever asked for it. */
int report_reason(struct status const *s);

/* Counts of what ended how, and the exit code that follows. */
struct tally {
	unsigned long failed, unknown, late;
};
void tally_add(struct tally *y, struct job const *j);
int tally_code(struct tally const *y);

#define EXIT_FAILED_MAX 99
#define EXIT_USAGE      100
#define EXIT_UNKNOWN    101 /* sent, and not known whether it was done */
#define EXIT_LATE       102 /* a wait ran out */
#define EXIT_SYSTEM     111

#endif
