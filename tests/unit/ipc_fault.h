/* System calls that fail on request. A test that uses this says in its head:
 * wrap: openat write mkfifoat syscall renameat poll */
#ifndef TESTS_IPC_FAULT_H
#define TESTS_IPC_FAULT_H

enum call { OPENAT, WRITE, MKFIFOAT, RENAMEAT2, RENAMEAT, POLL, CALLS };

/* The nth call from now on fails, and all later ones where `always` is not 0. `error` is its errno;
 * 0: a write that is cut in half. */
void fault_inject(enum call call, unsigned int nth, int always, int error);

/* Nothing fails any more. */
void fault_heal(void);

/* The process is killed when it makes the nth of all these calls, and does not make it. */
void fault_die(unsigned int nth);

/* Calls made since. */
extern unsigned int fault_made[CALLS];

#endif
