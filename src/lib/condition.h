/* Conditions on the environment: enable-if-env of a service directory. */
#ifndef CINIT_CONDITION_H
#define CINIT_CONDITION_H

#include "servicedir.h"

/* One condition, a line: 1: it holds in our environment. 0: it does not. -1: it is none. */
int condition_holds(char const *line);

/* Reads `file` below `dir`, one condition a line: VAR (it is set, were it to nothing), VAR=value
 * (it has this value, taken as it stands), !VAR (it is not set). Empty lines and lines that begin
 * with # are passed over. 1: all hold in our environment. 0: one does not; e->text is that line.
 * -1: bad, or it cannot be read; *e says why. Never blocks, never prints. */
int condition_env(int dir, char const *file, struct value_error *e);

#endif
