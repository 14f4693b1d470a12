/* A small machine for tests of the run directory: /run and /dev/shm are led into the scratch
 * directory. Its users say: wrap openat mkdirat fstatat stat faccessat getcwd. */
#ifndef TESTS_RUNDIR_WORLD_H
#define TESTS_RUNDIR_WORLD_H

#include <sys/types.h>

#include "rundir.h"

/* What goes wrong; zeros at the start of each test. */
struct world_fault {
	char const *path; /* as the code under test says it */
	int mkdir_error;  /* what mkdirat says of it */
	int open_error;
	int access_error;  /* of any directory */
	int access_grants; /* as a capability would */
	char const *cwd;   /* what getcwd says */
};
extern struct world_fault fault;

int world_setup(void **state);
int world_teardown(void **state);

/* What a machine has: /run, /dev/shm, and a directory of our own for XDG_RUNTIME_DIR. */
void machine(void);

enum { FIND, MAKE };

extern char got[RUNDIR_PATH];

/* Where a cinit lives; NULL: nowhere. */
extern char const *alive;

/* One call; the path is in `got`, the descriptor is checked and closed. Aborts when the contract is
 * broken. */
enum rundir_error call(int make, char const *given);

/* Mode of what is in the scratch directory; 0: not there. */
mode_t mode_of(char const *name);

/* /dev/shm/cinit-UID */
char const *memory_dir(void);

void make_dir(char const *name, mode_t mode);

#endif
