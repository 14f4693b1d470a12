/* The status record: reading it from its file. */
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "path.h"

/* A record changes under its reader where a publication falls between two of its system calls.
 * Twice in a row is rare; this often means damage. */
#define TRIES 64

/* Is `file` what we have open? Otherwise it became the spare meanwhile, and what we read of it may
 * be half a record, or a whole one that is yet to be published, and never will be if its writer
 * dies now. */
static int is_published(int base, char const *file, int fd)
{
	struct stat ours, theirs;
	return fstat(fd, &ours) == 0 && fstatat(base, file, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

struct piece {
	unsigned char *bytes;
	size_t size;
};

static enum status_error read_piece(
	int base, char const *file, int fd, struct piece p, struct status *s, struct status_ring *r)
{
	ssize_t len = fd_read(fd, (char *)p.bytes, p.size);
	int error = errno;
	int published = is_published(base, file, fd);
	fd_close(fd);
	errno = error;
	if (len < 0)
		return STATUS_SYSTEM;
	return published ? status_unpack(p.bytes, (size_t)len, s, r) : STATUS_TORN;
}

/* Frames of their own for what is read: pages of the stack that are not needed stay untouched. */
static __attribute__((noinline)) enum status_error read_record(
	int base, char const *file, int fd, struct status *s, struct status_ring *r)
{
	unsigned char record[STATUS_SIZE];
	return read_piece(base, file, fd, (struct piece){ record, sizeof record }, s, r);
}

static __attribute__((noinline)) enum status_error read_header(
	int base, char const *file, int fd, struct status *s)
{
	unsigned char header[STATUS_HEADER_SIZE];
	return read_piece(base, file, fd, (struct piece){ header, sizeof header }, s, NULL);
}

static int open_record(int base, char const *file)
{
	return openat(base, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
}

static enum status_error read_once(
	int base, char const *file, struct status *s, struct status_ring *r)
{
	int fd = open_record(base, file);
	if (fd < 0)
		return STATUS_SYSTEM;
	return r ? read_record(base, file, fd, s, r) : read_header(base, file, fd, s);
}

static enum status_error read_file(
	int base, char const *file, struct status *s, struct status_ring *r)
{
	enum status_error e = STATUS_TORN;
	for (int i = 0; i < TRIES && e == STATUS_TORN; i++)
		e = read_once(base, file, s, r);
	return e;
}

static __attribute__((noinline)) enum status_error read_below(
	int base, char const *path, struct status *s, struct status_ring *r)
{
	char file[PATH_MAX];
	return path_join(file, path, "status") < 0 ? STATUS_SYSTEM : read_file(base, file, s, r);
}

enum status_error status_read(int base, char const *path, struct status *s, struct status_ring *r)
{
	int here = path[0] == '.' && !path[1];
	return here ? read_file(base, "status", s, r) : read_below(base, path, s, r);
}

int status_glance(int base, char const *path, struct status *s)
{
	unsigned char record[STATUS_SIZE + STATUS_SEAL];
	char file[PATH_MAX];
	int fd = path_join(file, path, "status") < 0 ? -1 : open_record(base, file);

	if (fd < 0)
		return 0;
	ssize_t len = fd_read(fd, (char *)record, sizeof record);
	fd_close(fd);
	return len > 0 && status_is_sealed(record, (size_t)len) &&
	       status_unpack(record, (size_t)len, s, NULL) == STATUS_OK;
}

int status_unseal(char const *directory)
{
	char file[PATH_MAX];

	return path_join(file, directory, "status") < 0 ? -1 : truncate(file, STATUS_SIZE);
}

int status_unreadable(enum status_error e, int error)
{
	/* no file, or something else in its place */
	static int const nothing[] = { ENOENT, ENOTDIR, ELOOP, EISDIR, ENXIO, EINVAL,
		ENAMETOOLONG };

	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
		if (error == nothing[i])
			return 0;
	return e == STATUS_SYSTEM;
}
