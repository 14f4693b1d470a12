/* The cgroup2 that this machine has, for tests: a subtree of its own for each test. */
#ifndef TESTS_GROUP_H
#define TESTS_GROUP_H

#include "tree.h"

/* The subtree; "" where there is no cgroup2 to be written to. */
extern char group_base[192];

/* As tree_setup and tree_teardown, with conf/cgroup. */
int group_setup(void **state);
int group_teardown(void **state);
#define GROUP_TEST(f) cmocka_unit_test_setup_teardown(f, group_setup, group_teardown)

/* Skips the test where there are none. */
void group_needed(void);

/* The path of one, in a buffer of the next call but one. */
char const *group_path(char const *name);

int group_there(char const *name);

/* How many processes are in it; `pid`, unless it is 0, is one of them. */
unsigned int group_members(char const *name, pid_t pid);

#endif
