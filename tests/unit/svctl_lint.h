/* A service directory in the scratch directory, for lint: files by name, then what lint says. */
#ifndef TESTS_SVCTL_LINT_H
#define TESTS_SVCTL_LINT_H

#include <sys/types.h>

#include "svctl/lint.h"

/* Set-up and tear-down of a test, in place of scratch's. */
int lint_setup(void **state);
int lint_teardown(void **state);

/* Makes "web/needs/db" with its directories below the scratch directory; with a slash at its end, a
 * directory. */
void lint_put(char const *path, mode_t mode, char const *text);
void lint_link(char const *path, char const *target);

/* A service that nothing is wrong with. */
void lint_good(char const *name);

/* What lint says of service `name`, with all the others in sight: lines, with the scratch directory
 * and the slash behind it left out. Valid until the next call. */
char const *lint_of(char const *name);

/* The same of all cycles. */
char const *lint_of_cycles(void);

/* After one of them. */
extern unsigned long lint_errors, lint_warnings;

#endif
