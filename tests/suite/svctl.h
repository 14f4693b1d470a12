/* svctl in a test's hands: run it, compare what it says. */
#ifndef TESTS_SVCTL_H
#define TESTS_SVCTL_H

#include "tree.h"

extern struct output svctl_output;

/* Runs svctl to its end: its exit code is `code`, its standard output `out`, in which # stands for
 * a number, and its standard error is empty. */
#define SVCTL(code, out, ...)                                                                      \
	do {                                                                                       \
		tree_run(&svctl_output, "svctl", __VA_ARGS__, NULL);                               \
		svctl_said(code, out, "", __FILE__, __LINE__);                                     \
	} while (0)

/* The same, with what is on standard error. */
#define SVCTL_ERR(code, out, err, ...)                                                             \
	do {                                                                                       \
		tree_run(&svctl_output, "svctl", __VA_ARGS__, NULL);                               \
		svctl_said(code, out, err, __FILE__, __LINE__);                                    \
	} while (0)

void svctl_said(int code, char const *out, char const *err, char const *file, int line);

/* Does `text` read as `pattern`, in which # stands for digits, ~ for blanks and @ for the path of
 * the tree, or itself? */
int svctl_like(char const *text, char const *pattern);

/* Starts cinit on the tree, and waits until it has started everything. Its pid. */
pid_t svctl_boot(void);

/* Boots a tree of two services that run this script: web runs, db is normally down. */
void svctl_two(struct place *web, struct place *db, char const *run);

#endif
