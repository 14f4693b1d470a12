/* Changes to an environment, gathered from files: an envdir (one file a variable), an env file (one
 * line a variable), single settings. Works in a child before exec; never prints. */
#ifndef CINIT_ENVIRONMENT_H
#define CINIT_ENVIRONMENT_H

#include <skalibs/stralloc.h>

/* Changes are `NAME=value` (set) and `NAME` (unset), each ended by NUL, later ones win. They are
 * appended to *changes, which the caller owns. 0, or -1 with errno; `at` (of at least 64 bytes, or
 * NULL) then names the file or line that is to blame. */
int environment_set(stralloc *changes, char const *name, char const *value);

/* Files of directory `name` below `dir`, as chpst -e reads them: the first line is the value,
 * trailing blanks and tabs off, NUL stands for newline; an empty file unsets; names with a leading
 * dot or a '=' and directories are passed over. Never blocks on what lies there. */
int environment_dir(stralloc *changes, int dir, char const *name, char at[64]);

/* Lines `NAME=value` of file `name` below `dir`; empty lines and lines that begin with # are passed
 * over; `NAME` alone unsets. EINVAL: a line without a name. */
int environment_file(stralloc *changes, int dir, char const *name, char at[64]);

/* Lines of a file as an argument vector's tail, each ended by NUL. 0, or -1 with errno. */
int environment_lines(stralloc *lines, int dir, char const *name);

/* envp with the changes merged in, allocated, ended by a null pointer; NULL with errno. It points
 * into both, which must live as long. */
char const **environment_merge(char const *const *envp, stralloc const *changes);

#endif
