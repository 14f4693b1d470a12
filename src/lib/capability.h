/* Capabilities: what of root's power a process has. See capabilities(7). */
#ifndef CINIT_CAPABILITY_H
#define CINIT_CAPABILITY_H

#include <stdint.h>

#include "servicedir.h"

/* A set: bit n is capability n. */
#define CAPABILITY(n) (UINT64_C(1) << (n))

/* Reads a list of names, with blanks, commas or newlines between them; cap_net_raw or net_raw, in
 * capitals or not. An empty file is the empty set. 1: read. 0: no such file, *set untouched. -1:
 * bad, *e says why. */
int value_capabilities(int dir, char const *file, uint64_t *set, struct value_error *e);

/* "cap_net_raw"; "an unknown one" out of range. */
char const *capability_name(unsigned int n);

/* Those that this process may have. 0, or -1 with errno. */
int capability_permitted(uint64_t *set);

/* Two steps, because a change of the user lies between them where there is one. First, with the
 * rights that are to be given up: no program that is executed from now on can have others than
 * those in the set; and the change of the user takes none away. Then: this process has the set,
 * and keeps it when it executes a program, whoever it is. 0, or -1 with errno. */
int capability_bound(uint64_t set);
int capability_take(uint64_t set);

#endif
