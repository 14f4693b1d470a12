/* The run directory: where it is, whether it can be trusted, and what may be a service's name. */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include "printable.h"

#define DEFAULT_DIR "/run/cinit"
#define USER_DIR    "/cinit"          /* below $XDG_RUNTIME_DIR */
#define MEMORY_DIR  "/dev/shm/cinit-" /* the uid follows */
#define CANDIDATES  3

enum purpose { PURPOSE_FIND, PURPOSE_MAKE };

struct candidate {
	char path[RUNDIR_PATH];
	enum rundir_error result;
	int error;
};

/* ------------------------------------------------------------------------------ names */

int service_name_valid(char const *name)
{
	size_t len = strlen(name);

	if (!len || len > 255 || name[0] == '.' || !strcmp(name, "conf"))
		return 0;
	return !strchr(name, '/') && !printable_not(name);
}

/* Appends the components of `from` to path, each behind a slash. Empty ones and "." are dropped: a
 * slash or a dot at the end would make the kernel follow a link in spite of O_NOFOLLOW. */
static int path_append(char path[RUNDIR_PATH], char const *from)
{
	size_t len = strlen(path);

	for (;;) {
		from += strspn(from, "/");
		size_t n = strcspn(from, "/");
		if (!n)
			return 1;
		if (n != 1 || from[0] != '.') {
			if (n >= RUNDIR_PATH - 1 || len + n + 2 > RUNDIR_PATH)
				return 0;
			path[len++] = '/';
			memcpy(path + len, from, n);
			len += n;
			path[len] = 0;
		}
		from += n;
	}
}

/* Makes `given` absolute. */
static enum rundir_error path_absolute(char path[RUNDIR_PATH], char const *given)
{
	char here[RUNDIR_PATH];

	path[0] = 0;
	if (!given[0]) {
		errno = ENOENT;
		return RUNDIR_NONE;
	}
	if (given[0] != '/') {
		if (!getcwd(here, sizeof here))
			return errno == ERANGE ? RUNDIR_LONG : RUNDIR_NONE;
		/* "(unreachable)/...": the working directory is outside of our root */
		if (here[0] != '/') {
			errno = ENOENT;
			return RUNDIR_NONE;
		}
		if (!path_append(path, here))
			return RUNDIR_LONG;
	}
	if (!path_append(path, given))
		return RUNDIR_LONG;
	if (!path[0])
		memcpy(path, "/", 2);
	return RUNDIR_OK;
}

/* -------------------------------------------------------------------------- judgement */

/* May a directory be relied on? Root and we may own it, nobody else may write to it. The sticky bit
 * is no excuse: it keeps others from taking names away, not from planting new ones. */
static int is_trusted(struct stat const *st)
{
	if (!S_ISDIR(st->st_mode) || (st->st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return !st->st_uid || st->st_uid == geteuid();
}

/* O_DIRECTORY with O_NOFOLLOW says ENOTDIR of a link and of a file, but also when a directory on
 * the way is none; only the former two are foreign. */
static int open_directory(int base, char const *name)
{
	struct stat st;
	int fd;

	do
		fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
		if (!fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW))
			errno = EPERM;
	}
	return fd;
}

char const *rundir_refusal(int base, char const *name, char text[RUNDIR_REFUSAL])
{
	struct stat st;

	if (fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return "it has changed meanwhile";
	if (S_ISLNK(st.st_mode))
		return "it is a link";
	if (!S_ISDIR(st.st_mode))
		return "it is no directory";
	if (st.st_uid && st.st_uid != geteuid())
		snprintf(text, RUNDIR_REFUSAL, "it belongs to uid %lu", (unsigned long)st.st_uid);
	else
		snprintf(text, RUNDIR_REFUSAL, "others may write to it (mode %04o)",
			(unsigned int)st.st_mode & 07777);
	return text;
}

int rundir_open(int base, char const *name, mode_t mode)
{
	int made;
	return rundir_enter(base, name, mode, &made);
}

int rundir_enter(int base, char const *name, mode_t mode, int *is_new)
{
	struct stat st;
	int made = 0, error = EEXIST;

	if (mode) {
		made = !mkdirat(base, name, mode);
		error = errno;
	}
	*is_new = made;
	int fd = open_directory(base, name);
	if (fd < 0) {
		/* it is not there because it could not be made: that is the reason to tell, but
		 * EPERM (an immutable parent) has another meaning here */
		if (mode && !made && error != EEXIST && errno == ENOENT)
			errno = error == EPERM ? EACCES : error;
		return -1;
	}
	if (fstat(fd, &st) < 0)
		goto fail;
	/* an umask, or a default ACL of the parent, had its say */
	if (made && st.st_uid == geteuid() && (st.st_mode & 0777) != mode) {
		if (fchmod(fd, mode) < 0 || fstat(fd, &st) < 0)
			goto fail;
	}
	if (is_trusted(&st))
		return fd;
	errno = EPERM;
fail:
	fd_close(fd);
	return -1;
}

/* Is the directory one that we may fill? What is root's is trusted, but it is not ours. */
static int is_ours(int fd)
{
	struct stat st;
	/* the old call where it gives the same answer: filters may not know faccessat2 */
	int flag = getuid() == geteuid() && getgid() == getegid() ? 0 : AT_EACCESS;

	if (fstat(fd, &st) < 0)
		return 0;
	if (st.st_uid == geteuid() && !faccessat(fd, ".", R_OK | W_OK | X_OK, flag))
		return 1;
	if (st.st_uid != geteuid() || errno == EPERM)
		errno = EACCES;
	return 0;
}

/* ------------------------------------------------------------------------- candidates */

/* Tries one. Descriptor, or -1 with c->result and c->error set. */
static int candidate_try(struct candidate *c, enum purpose purpose)
{
	int fd = rundir_open(AT_FDCWD, c->path, purpose == PURPOSE_MAKE ? 0755 : 0);

	if (fd >= 0 && purpose == PURPOSE_MAKE && !is_ours(fd)) {
		fd_close(fd);
		fd = -1;
	}
	c->error = fd < 0 ? errno : 0;
	c->result = fd >= 0 ? RUNDIR_OK : c->error == EPERM ? RUNDIR_FOREIGN : RUNDIR_NONE;
	return fd;
}

/* $XDG_RUNTIME_DIR is inherited across su: another user's is not for us. */
static int user_dir(char path[RUNDIR_PATH])
{
	char const *dir = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (!dir || dir[0] != '/')
		return 0;
	if (stat(dir, &st) < 0 || st.st_uid != geteuid())
		return 0;
	path[0] = 0;
	return path_append(path, dir) && path_append(path, USER_DIR);
}

static unsigned int candidate_list(struct candidate c[CANDIDATES])
{
	unsigned int n = 0;

	memcpy(c[n++].path, DEFAULT_DIR, sizeof DEFAULT_DIR);
	if (user_dir(c[n].path))
		n++;
	memcpy(c[n].path, MEMORY_DIR, sizeof MEMORY_DIR);
	char *end = c[n].path + sizeof MEMORY_DIR - 1;
	end[uid_fmt(end, geteuid())] = 0;
	return n + 1;
}

/* Is this failure a reason to look at the next candidate? Others (no descriptors, no memory) pass,
 * and then the same call would find another directory: two trees where one was meant. */
static int is_next(int error)
{
	return error == EACCES || error == EROFS || error == ENOENT || error == EPERM ||
	       error == ENOTDIR || error == ELOOP;
}

/* Which failure tells most? A foreign directory before all, then the last that is not just absent,
 * then the first. */
static struct candidate const *candidate_worst(struct candidate const *c, unsigned int n)
{
	struct candidate const *worst = c;

	for (unsigned int i = 0; i < n; i++) {
		if (c[i].result == RUNDIR_FOREIGN)
			return c + i;
		if (c[i].error != ENOENT)
			worst = c + i;
	}
	return worst;
}

/* Takes the one that was tried last, and leaves `kept`, -1 for none. */
static enum rundir_error take(
	char path[RUNDIR_PATH], struct candidate const *c, int kept, int *fd, int tried)
{
	if (kept >= 0)
		fd_close(kept);
	memcpy(path, c->path, RUNDIR_PATH);
	*fd = tried;
	if (tried < 0)
		errno = c->error;
	return c->result;
}

static enum rundir_error try_all(
	char path[RUNDIR_PATH], enum purpose purpose, int (*lives)(int fd), int *fd)
{
	struct candidate c[CANDIDATES];
	struct candidate const *first = NULL;
	unsigned int n = candidate_list(c);
	int kept = -1;

	for (struct candidate *now = c; now < c + n; now++) {
		int tried = candidate_try(now, purpose);

		if (tried < 0 ? !is_next(now->error) : !lives || lives(tried))
			return take(path, now, kept, fd, tried);
		if (tried >= 0 && first)
			fd_close(tried);
		else if (tried >= 0)
			first = now, kept = tried;
	}
	return first ? take(path, first, -1, fd, kept)
		     : take(path, candidate_worst(c, n), -1, fd, -1);
}

static enum rundir_error choose(char path[RUNDIR_PATH], char const *given, enum purpose purpose,
	int (*lives)(int fd), int *fd)
{
	struct candidate c;

	*fd = -1;
	if (!given) {
		given = getenv("CINIT_RUN");
		if (!given || !given[0])
			return try_all(path, purpose, lives, fd);
	}
	c.result = path_absolute(c.path, given);
	c.error = errno;
	if (c.result == RUNDIR_OK)
		*fd = candidate_try(&c, purpose);
	memcpy(path, c.path, RUNDIR_PATH);
	if (!path[0]) /* for a message */
		strncat(path, given, RUNDIR_PATH - 1);
	if (c.result != RUNDIR_OK)
		errno = c.error;
	return c.result;
}

enum rundir_error rundir_make(char path[RUNDIR_PATH], char const *given, int *fd)
{
	return choose(path, given, PURPOSE_MAKE, NULL, fd);
}

enum rundir_error rundir_find(
	char path[RUNDIR_PATH], char const *given, int (*lives)(int fd), int *fd)
{
	return choose(path, given, PURPOSE_FIND, lives, fd);
}
