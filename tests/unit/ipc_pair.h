/* A FIFO pair in a temporary directory, for tests of both of its sides. */
#ifndef TESTS_IPC_PAIR_H
#define TESTS_IPC_PAIR_H

#include <sys/types.h>

#include "ipc.h"

/* The pair's owner in the scratch directory, and what it publishes. */
extern struct cinit_ipc pair;
extern struct status pair_status;
extern struct status_ring pair_ring;

/* cmocka's set-up and tear-down: with a pair (but nothing published), or with an empty directory.
 * The umask is 0. */
int pair_setup(void **state);
int pair_setup_empty(void **state);
int pair_teardown(void **state);

/* Counts the change up and publishes; what cinit_ipc_publish says. */
int pair_publish(void);

/* A client of the pair; release it. */
struct cinit_client pair_client(void);

/* 1: `fd` has been hung up on. */
int pair_hung_up(int fd);

/* Inode of an entry of the directory; 0: none. */
ino_t pair_inode(char const *name);

/* Mode of an entry, type and all; 0: none. */
mode_t pair_mode(char const *name);

/* How many descriptors this process has open; how many entries the directory has. */
unsigned int pair_descriptors(void);
unsigned int pair_entries(void);

/* What may lie in the place of ours: each makes an entry of the name. NULL ends the list. The first
 * PAIR_NO_FIFOS make something that is no FIFO. */
#define PAIR_NO_FIFOS 5
extern void (*const pair_obstacle[])(char const *name);

#endif
