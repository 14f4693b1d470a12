/* FIFOs with a name; see fifo.h. */
#include <skalibs/nonposix.h>

#include "fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

static int is_fifo(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISFIFO(st.st_mode) && st.st_uid == geteuid();
}

int fifo_open(int dir, char const *name, int access)
{
	for (int again = 0;; again = 1) {
		if (mkfifoat(dir, name, 0600) < 0 && errno != EEXIST)
			return -1;
		int fd = openat(dir, name, access | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && is_fifo(fd))
			return fd;
		if (fd >= 0) {
			fd_close(fd);
			errno = EEXIST;
		}
		/* ENOENT: a link to nowhere stands there, or somebody was quicker */
		if (again ||
			(errno != EEXIST && errno != ELOOP && errno != ENXIO && errno != ENOENT) ||
			(unlinkat(dir, name, 0) < 0 && errno != ENOENT))
			return -1;
	}
}

ssize_t fifo_peek(int fd, int const scratch[2], void *buf, size_t size)
{
	ssize_t n = tee(fd, scratch[1], size, SPLICE_F_NONBLOCK);

	return n > 0 ? (ssize_t)allread(scratch[0], buf, (size_t)n) : n;
}
