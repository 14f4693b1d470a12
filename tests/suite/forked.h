/* A supervisor that is a fork of the test: its calls are wrapped as the test's are. */
#ifndef TESTS_FORKED_H
#define TESTS_FORKED_H

#include "tree.h"

/* We are one, or a child of one. */
extern int forked_supervisor;

/* As place_supervise. */
void forked_supervise(struct place *p);

/* It is told to exit, and does. */
void forked_end(struct place *p);

#endif
