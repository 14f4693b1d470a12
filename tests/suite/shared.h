/* Memory that processes of a test share: with those it forks, and with witnesses
 * (tests/helper/witness.c). */
#ifndef TESTS_SHARED_H
#define TESTS_SHARED_H

#include <stddef.h>

#include "helper/witness.h"

/* Zeros; fails the test where there is no memory. To be unmapped by munmap(2). */
void *shared_memory(size_t size);

/* What the witness that is service NAME tells, from before it starts. */
struct witness *shared_witness(char const *name);

/* "PATH/NAMESUFFIX" of the tree with '-' for '/' in NAME, as witnesses name their files; static, of
 * the next call but seven. */
char const *shared_name(char const *name, char const *suffix);

#endif
