/* The seam between processes, the client's side: sending a command, and waiting for a change. */
#include "ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/random.h>

#include "path.h"

#define OPEN_FIFO  (O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)

/* An owner that replaces `out` this often between two of our system calls is out of its mind. */
#define OPEN_TRIES 1000

static void close_and_forget(int *fd)
{
	if (*fd >= 0)
		fd_close(*fd); /* keeps errno */
	*fd = -1;
}

/* ------------------------------------------------------------------------------------- sending */

static enum cinit_sent exists_without_in(struct cinit_client const *c)
{
	char file[PATH_MAX];
	struct stat st;
	/* `out` is made before the first supervisor runs: the service is there, its supervisor is
	 * yet to come. */
	if (path_join(file, c->path, "out") == 0 &&
		fstatat(c->base, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return CINIT_NO_SUPERVISOR;
	return CINIT_NO_SERVICE;
}

static enum cinit_sent open_failed(struct cinit_client const *c, char const *file)
{
	struct stat st;
	switch (errno) {
	case ENOENT:
		return exists_without_in(c);
	case ENOTDIR:
		return CINIT_NO_SERVICE;
	case ENXIO:
		/* A FIFO without reader, or a socket. */
		if (fstatat(c->base, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISFIFO(st.st_mode))
			return CINIT_NOT_FIFO;
		return CINIT_NO_SUPERVISOR;
	case ELOOP:
	case EISDIR:
		return CINIT_NOT_FIFO;
	case EACCES:
	case EPERM:
	case EROFS:
		return CINIT_DENIED;
	default:
		return CINIT_SEND_ERROR;
	}
}

static enum cinit_sent open_in(struct cinit_client *c)
{
	char file[PATH_MAX];
	struct stat st;
	if (path_join(file, c->path, "in") < 0)
		return CINIT_SEND_ERROR;
	c->in = openat(c->base, file, O_WRONLY | OPEN_FIFO);
	if (c->in < 0)
		return open_failed(c, file);
	if (fstat(c->in, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		close_and_forget(&c->in);
		return CINIT_NOT_FIFO;
	}
	return CINIT_SENT;
}

enum cinit_sent cinit_ipc_send(struct cinit_client *c, struct message const *m)
{
	char bytes[FRAME_MAX] = { (char)m->command };
	size_t len = m->id ? frame_encode(bytes, m) : 1;

	if (c->in < 0) {
		enum cinit_sent opened = open_in(c);
		if (opened != CINIT_SENT)
			return opened;
	}
	/* Up to PIPE_BUF bytes go as a whole or not at all. */
	if (fd_write(c->in, bytes, len) >= 0)
		return CINIT_SENT;
	switch (errno) {
	case EAGAIN:
		return CINIT_FULL;
	case EPIPE:
		/* The reader died. Its successor may have made a new `in`: do not cling to this
		 * one. */
		close_and_forget(&c->in);
		return CINIT_NO_SUPERVISOR;
	default:
		return CINIT_SEND_ERROR;
	}
}

enum cinit_sent cinit_ipc_probe(int base, char const *path)
{
	struct cinit_client c = { .base = base, .path = path, .in = -1, .out = -1 };
	enum cinit_sent opened = open_in(&c);
	close_and_forget(&c.in);
	return opened;
}

void cinit_ipc_unsend(struct cinit_client *c)
{
	close_and_forget(&c->in);
}

/* ------------------------------------------------------------------------------------ watching */

/* Opens the FIFO that is `out` now. An older one would have been hung up on before we opened it,
 * and would never be again. 0, or -1 with errno. */
static int open_out(struct cinit_client *c)
{
	char file[PATH_MAX];
	struct stat ours, theirs;
	if (path_join(file, c->path, "out") < 0)
		return -1;
	for (int i = 0; i < OPEN_TRIES; i++) {
		c->out = openat(c->base, file, O_RDONLY | OPEN_FIFO);
		if (c->out < 0)
			return -1;
		if (fstat(c->out, &ours) < 0)
			break;
		if (!S_ISFIFO(ours.st_mode)) {
			errno = EINVAL;
			break;
		}
		if (fstatat(c->base, file, &theirs, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
			return 0;
		close_and_forget(&c->out);
		errno = EAGAIN;
	}
	close_and_forget(&c->out);
	return -1;
}

enum status_error cinit_ipc_watch(struct cinit_client *c, struct status *s, struct status_ring *r)
{
	close_and_forget(&c->out);
	if (open_out(c) < 0)
		return STATUS_SYSTEM;
	/* Our opening before our reading, for the owner's eyes too; see cinit_ipc_publish. */
	atomic_thread_fence(memory_order_seq_cst);
	return status_read(c->base, c->path, s, r);
}

void cinit_ipc_release(struct cinit_client *c)
{
	close_and_forget(&c->in);
	close_and_forget(&c->out);
}

int cinit_ipc_held(struct cinit_client const *c)
{
	struct pollfd p = { .fd = c->out };
	char byte;

	/* a FIFO that has no writer reads an end */
	if (fd_read(c->out, &byte, 1) != 0)
		return errno == EAGAIN;
	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

int cinit_ipc_attended(int base, char const *path)
{
	struct cinit_client c = { .base = base, .path = path, .in = -1, .out = -1 };
	int attended = open_in(&c) == CINIT_SENT && open_out(&c) == 0 && cinit_ipc_held(&c);

	cinit_ipc_release(&c);
	return attended;
}

uint64_t cinit_ipc_id(void)
{
	uint64_t id;
	do
		random_buf_early((char *)&id, sizeof id); /* random_buf may block at early boot */
	while (!id);
	return id;
}

uint64_t cinit_ipc_id_after(uint64_t acknowledged)
{
	uint64_t id;
	do
		id = cinit_ipc_id() << CINIT_ID_SEEN_BITS | (acknowledged & CINIT_ID_SEEN);
	while (!id);
	return id;
}
