/* What entries of other suites' service directories are called here. */
#ifndef SVCTL_LINT_FOREIGN_H
#define SVCTL_LINT_FOREIGN_H

/* Whose it is and what to do here, as the end of a sentence; NULL: it is nobody's that we know. */
char const *lint_foreign(char const *name);

/* Likewise for a file where a directory is expected: what it describes in another suite's way.
 * `text` is its beginning. */
char const *lint_foreign_file(char const *text);

#endif
