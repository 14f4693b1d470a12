/* What the fuzzing harnesses share. A harness is a file of its own, built by `make fuzz` with
 * clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer; its seeds are in the
 * directory of its name. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

/* A directory of its own, made once. It stays behind where the fuzzer is killed: the runner makes
 * TMPDIR and removes it. */
static inline int fuzz_scratch(void)
{
	static int dir = -1;
	char path[256];

	if (dir >= 0)
		return dir;
	char const *tmp = getenv("TMPDIR");
	snprintf(path, sizeof path, "%s/fuzz.XXXXXX", tmp ? tmp : "/tmp");
	EXPECT(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT(dir >= 0 && fchdir(dir) == 0);
	return dir;
}

/* Writes a file below `dir`. 0, or -1 where the name is none. */
static inline int fuzz_file(int dir, char const *name, void const *data, size_t size, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -1;
	EXPECT(write(fd, data, size) == (ssize_t)size);
	close(fd);
	return 0;
}

#endif
