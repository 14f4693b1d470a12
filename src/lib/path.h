/* Path names: putting two together. */
#ifndef CINIT_PATH_H
#define CINIT_PATH_H

#include <limits.h>

/* Writes "DIR/NAME" into `out`. 0, or -1 with ENAMETOOLONG. */
int path_join(char out[PATH_MAX], char const *dir, char const *name);

#endif
