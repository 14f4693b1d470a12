/* A temporary directory for each test, and children for what would spoil the test's own process. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stddef.h>
#include <sys/types.h>

extern char scratch_path[64]; /* the directory, absolute */
extern int scratch_fd;        /* and a descriptor on it */

/* cmocka's set-up and tear-down of one test. The umask is 022 meanwhile. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* Makes a file of `len` bytes, or of a string. */
void scratch_bytes(char const *name, char const *bytes, size_t len);
void scratch_text(char const *name, char const *text);

/* "SCRATCH/NAME", in a buffer of the next call but three. */
char const *scratch_name(char const *name);

/* Runs `act` in a forked child and returns its exit code, or 1000 + the signal that ended it. `act`
 * must not use cmocka's assertions: it returns 0, or what CHILD_CHECK does. */
int scratch_child(int (*act)(void *data), void *data);

/* Becomes uid and gid `id` for good; 0 or -1. */
int scratch_become(uid_t id);

/* For `act`: says what is false on stderr, and returns. */
#define CHILD_CHECK(what)                                                                          \
	do {                                                                                       \
		if (!(what))                                                                       \
			return scratch_complain(__LINE__, #what);                                  \
	} while (0)
int scratch_complain(int line, char const *what);

#endif
