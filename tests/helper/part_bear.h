/* What witnesses have in common: a name, files in $TREE, and the journal. */
#ifndef TESTS_PART_BEAR_H
#define TESTS_PART_BEAR_H

/* Its own name, $CINIT_SERVICE. */
extern char const *bear_name;

/* To be called first; ends the process, 100, where it is no service of a test. */
void bear_begin(void);

/* Opens $TREE/BASESUFFIX, with '-' for '/' in it; close-on-exec; what it makes has mode 0600. A
 * descriptor, or -1 with errno. */
int bear_open(char const *base, char const *suffix, int flags);

/* A line of $TREE/journal, `NAME KIND PID TIME`, and of standard output if bear_echoes. */
void bear_write(char kind);
extern int bear_echoes;

#endif
