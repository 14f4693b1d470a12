/* Faults for tests of processes: system calls that a kernel or a filter does not have, short reads,
 * and children to look at. Its users say: wrap syscall read open opendir fstatfs. */
#ifndef TESTS_PROCESS_WORLD_H
#define TESTS_PROCESS_WORLD_H

#include <stdint.h>
#include <sys/types.h>

/* Errors that calls give instead of being made; 0: they are made. */
struct process_fault {
	int pidfd_open;
	int pidfd_send_signal;
	int close_range;
	int no_proc;         /* errno of open and opendir below /proc */
	char const *no_file; /* this path alone does not exist */
	int no_pidfs;        /* pidfds are on some other file system */
	size_t chunk;        /* bytes that read gives at most */
	unsigned int opened; /* how often pidfd_open was asked for */
	unsigned int statfs; /* how often fstatfs was */
};
extern struct process_fault fault;

/* Are there pidfds here? Old kernels, filters and emulators have none. */
int world_has_pidfd(void);

/* A child that lives until its descriptor in *gate is closed; its pid. */
pid_t world_child(int *gate);

/* Ends it and reaps it. */
void world_end(pid_t pid, int gate);

/* Runs `act` as the first process but one of a new pid namespace: with its own /proc when `proc` is
 * set. As scratch_child; -2: may not. */
int world_namespace(int (*act)(void *data), void *data, int proc);

/* What `act` may leave for its parent. */
struct world_shared {
	uint64_t identity[4];
};
struct world_shared *world_shared(void);

#endif
