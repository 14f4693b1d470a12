/* The rooms of svctl:
 *
 *   main.c     from the command line to the right room
 *   options.c  the command line
 *   verbs.c    the table of words
 *   target.c   what a name means; where.c: the tree that it is looked up in
 *   view.c     one look at a service
 *   show.c     status and list, with table.c and json.c
 *   goal.c     when a wait is over (pure)
 *   job.c      one command to one service (pure)
 *   flight.c   what a job says is done here; loop.c: many of them at once; check.c: ./check
 *   report.c   runit's lines, and the exit code
 *   admin.c    enable and disable, the commands to the tree
 *   order.c    down for several: who depends on others is told first
 *   lint.c     what is wrong in service directories, with lint_*.c and spell.c
 *   world.c    what is configured and how it is, for those who explain it:
 *   plan.c     what would start and stop; tree.c: who depends on whom; why.c: why one is not up
 *   text.c     text under construction
 *
 * A room returns the exit code; what concerns one service goes to standard output as sv has it,
 * what ends everything to standard error. */
#ifndef SVCTL_SVCTL_H
#define SVCTL_SVCTL_H

#include "options.h"
#include "target.h"

/* main.c: dies saying that there is no run directory. */
void die_no_run(struct where const *w) __attribute__((noreturn));

/* main.c: dies saying that standard output cannot be written to; says nothing where its reader has
 * gone. */
void die_output(void) __attribute__((noreturn));

/* show.c */
int show_services(struct options const *o, struct where *w, struct targets const *ts);

/* admin.c */

/* Edits the service directories. What failed is reported and leaves the list, as does what cannot
 * be told because no tree runs it; *failed counts up. */
void admin_edit(
	struct options const *o, struct where *w, struct targets *ts, unsigned long *failed);
int admin_tree(struct options const *o, struct where *w);
int admin_version(struct where *w);

/* order.c: tells those targets of down first that depend on others of them. */
void order_down(struct options const *o, struct where *w, struct targets const *ts);

/* lint.c, plan.c, tree.c, why.c */
int lint_run(struct options const *o, struct where const *w);
int plan_run(struct options const *o, struct where *w);
int tree_run(struct options const *o, struct where *w);
int why_run(struct options const *o, struct where *w);

#endif
