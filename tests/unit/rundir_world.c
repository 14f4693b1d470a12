/* A small machine for tests of the run directory. */
#include "rundir_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

struct world_fault fault;
char got[RUNDIR_PATH];

/* ----------------------------------------------------------------------------- the fakes */

int __real_openat(int dir, char const *path, int flags, ...);
int __wrap_openat(int dir, char const *path, int flags, ...);
int __real_mkdirat(int dir, char const *path, mode_t mode);
int __wrap_mkdirat(int dir, char const *path, mode_t mode);
int __real_fstatat(int dir, char const *path, struct stat *st, int flags);
int __wrap_fstatat(int dir, char const *path, struct stat *st, int flags);
int __real_stat(char const *path, struct stat *st);
int __wrap_stat(char const *path, struct stat *st);
int __real_faccessat(int dir, char const *path, int mode, int flags);
int __wrap_faccessat(int dir, char const *path, int mode, int flags);
char *__real_getcwd(char *buf, size_t size);
char *__wrap_getcwd(char *buf, size_t size);

static char const *led(char const *path)
{
	if (!strncmp(path, "/run/", 5) || !strncmp(path, "/dev/shm/", 9))
		return scratch_name(path + 1);
	return path;
}

static int fails(char const *path, int error)
{
	if (!error || !fault.path || strcmp(path, fault.path))
		return 0;
	errno = error;
	return 1;
}

int __wrap_openat(int dir, char const *path, int flags, ...)
{
	return fails(path, fault.open_error) ? -1 : __real_openat(dir, led(path), flags, 0644);
}

int __wrap_mkdirat(int dir, char const *path, mode_t mode)
{
	return fails(path, fault.mkdir_error) ? -1 : __real_mkdirat(dir, led(path), mode);
}

int __wrap_fstatat(int dir, char const *path, struct stat *st, int flags)
{
	return __real_fstatat(dir, led(path), st, flags);
}

int __wrap_stat(char const *path, struct stat *st)
{
	return __real_stat(led(path), st);
}

int __wrap_faccessat(int dir, char const *path, int mode, int flags)
{
	if (fault.access_error) {
		errno = fault.access_error;
		return -1;
	}
	return fault.access_grants ? 0 : __real_faccessat(dir, path, mode, flags);
}

char *__wrap_getcwd(char *buf, size_t size)
{
	if (!fault.cwd)
		return __real_getcwd(buf, size);
	snprintf(buf, size, "%s", fault.cwd);
	return buf;
}

int world_setup(void **state)
{
	memset(&fault, 0, sizeof fault);
	alive = NULL;
	unsetenv("CINIT_RUN");
	unsetenv("XDG_RUNTIME_DIR");
	return scratch_setup(state);
}

int world_teardown(void **state)
{
	memset(&fault, 0, sizeof fault);
	return chdir("/") < 0 ? -1 : scratch_teardown(state);
}

/* ------------------------------------------------------------------------------ the tools */

char const *alive;

static int world_lives(int fd)
{
	struct stat a, b;

	return alive && !fstat(fd, &a) && !__real_stat(led(alive), &b) && a.st_ino == b.st_ino;
}

enum rundir_error call(int make, char const *given)
{
	struct stat a, b;
	int fd = -7;

	memset(got, 'x', sizeof got);
	errno = 0;
	enum rundir_error r =
		make ? rundir_make(got, given, &fd) : rundir_find(got, given, world_lives, &fd);
	int error = errno;
	if (!memchr(got, 0, sizeof got))
		abort();
	if (r != RUNDIR_OK) {
		if (fd != -1)
			abort();
		errno = error;
		return r;
	}
	if (fstat(fd, &a) < 0 || __real_stat(led(got), &b) < 0 || a.st_ino != b.st_ino)
		abort();
	if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
		abort();
	close(fd);
	return r;
}

mode_t mode_of(char const *name)
{
	struct stat st;

	return __real_stat(scratch_name(name), &st) < 0 ? 0 : st.st_mode & 07777;
}

char const *memory_dir(void)
{
	static char name[64];

	snprintf(name, sizeof name, "/dev/shm/cinit-%ld", (long)geteuid());
	return name;
}

void make_dir(char const *name, mode_t mode)
{
	if (__real_mkdirat(scratch_fd, name, 0700) < 0 || chmod(scratch_name(name), mode) < 0)
		abort();
}

void machine(void)
{
	char const *const dirs[] = { "run", "run/user", "dev", "dev/shm" };

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		make_dir(dirs[i], 0755);
	if (chmod(scratch_name("dev/shm"), 01777) < 0 ||
		setenv("XDG_RUNTIME_DIR", "/run/user", 1) < 0)
		abort();
}
