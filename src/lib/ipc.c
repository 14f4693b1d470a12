/* The seam between processes, the owner's side: taking commands, and telling of changes.
 *
 * A change is told by a hang-up: the record is replaced, then the FIFO `out` is replaced by a fresh
 * one and the old one closed, which wakes everybody who has it open. For this to reach all and to
 * be noticed by those who have not run yet, a FIFO that was `out` once is never `out` again. */
#include "ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

#define OPEN_FIFO    (O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
#define MODE_IN      0600
#define MODE_CONTROL 0620 /* `in`, where a group may send commands */
#define MODE_OUT     0644
#define MODE_STATUS  0644
#define NO_GROUP     ((gid_t)-1)

/* ------------------------------------------------------------------------- files that we own */

/* A raw call: older libcs have no wrapper. */
static int rename_flags(int dir, char const *from, char const *to, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, dir, from, dir, to, flags);
}

/* Removes whatever lies at `name`, for something of ours to take its place. */
static int remove_entry(int dir, char const *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EISDIR ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

/* Did an open fail because of what lies there, and not for want of memory, descriptors or space? */
static int in_the_way(int error)
{
	return error == ELOOP || error == EISDIR || error == ENXIO || error == ENODEV ||
	       error == EACCES;
}

/* Is it a FIFO of ours? Then sees to its mode and group; a system call only for what differs. */
static int fifo_adjust(int fd, mode_t mode, gid_t group)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) || st.st_uid != geteuid())
		return 0;
	/* The group first: between the two calls nobody may write who shall not. */
	if (group != NO_GROUP && st.st_gid != group && fchown(fd, (uid_t)-1, group) < 0)
		return 0;
	return (st.st_mode & 07777) == mode || fchmod(fd, mode) == 0;
}

/* Makes the FIFO `name`, removing what lies in its place, and opens it O_RDWR. */
static int fifo_make(int dir, char const *name, mode_t mode, gid_t group)
{
	if (mkfifoat(dir, name, MODE_IN | (group == NO_GROUP ? mode : 0)) < 0) {
		if (errno != EEXIST || remove_entry(dir, name) < 0)
			return -1;
		if (mkfifoat(dir, name, MODE_IN | (group == NO_GROUP ? mode : 0)) < 0)
			return -1;
	}
	int fd = openat(dir, name, O_RDWR | OPEN_FIFO);
	if (fd >= 0 && group != NO_GROUP && !fifo_adjust(fd, mode, group)) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

/* Opens the FIFO `name` O_RDWR: the one that is there if it is ours, else a new one. */
static int fifo_take(int dir, char const *name, mode_t mode, gid_t group)
{
	int old = openat(dir, name, O_RDWR | OPEN_FIFO);
	if (old >= 0 && fifo_adjust(old, mode, group))
		return old;
	if (old < 0 && errno != ENOENT && !in_the_way(errno))
		return -1;
	int fd = fifo_make(dir, name, mode, group);
	if (old >= 0)
		fd_close(old); /* which hangs up on who watched it: they find the new one */
	return fd;
}

/* Turns the O_RDWR descriptor of a FIFO into one that only writes, so that we do not count among
 * its readers. Its opening needs a reader: the former, closed in any case. */
static int fifo_write_only(int dir, char const *name, int both)
{
	if (both < 0)
		return -1;
	int fd = openat(dir, name, O_WRONLY | OPEN_FIFO);
	fd_close(both);
	return fd;
}

/* ------------------------------------------------------------------------------ making a pair */

int cinit_ipc_prepare(int dir)
{
	return mkfifoat(dir, "out", MODE_OUT) == 0 || errno == EEXIST ? 0 : -1;
}

/* `in` is new at a cold start, `out` is there (cinit_ipc_prepare): so the first is made and, where
 * that fails, opened, the second the other way round. At boot every system call counts. */
int cinit_ipc_init(struct cinit_ipc *ipc, int dir, gid_t group)
{
	mode_t mode = group == NO_GROUP ? MODE_IN : MODE_CONTROL;

	/* not the buffers: what was never written to costs nothing */
	ipc->dir = dir;
	ipc->in = ipc->out = -1;
	ipc->spare_status = ipc->no_exchange = ipc->seals = 0;
	ipc->have = ipc->next = 0;
	ipc->decoder.have = ipc->decoder.want = 0;
	ipc->decoder.noise = ipc->decoder.foreign = 0;

	if (mkfifoat(dir, "in", MODE_IN) == 0 && group == NO_GROUP)
		ipc->in = openat(dir, "in", O_RDWR | OPEN_FIFO);
	else
		ipc->in = fifo_take(dir, "in", mode, group);
	if (ipc->in < 0)
		return -1;

	ipc->out = fifo_write_only(dir, "out", fifo_take(dir, "out", MODE_OUT, NO_GROUP));
	if (ipc->out < 0) {
		cinit_ipc_close(ipc);
		return -1;
	}
	return 0;
}

int cinit_ipc_fd(struct cinit_ipc const *ipc)
{
	return ipc->in;
}

/* A fresh FIFO, opened, in the place of `out`. -1 with errno. */
static int out_fresh(struct cinit_ipc *ipc)
{
	int const dir = ipc->dir;
	/* `.out` is there from the last time, or a predecessor's, or is made now. */
	int fd = fifo_write_only(dir, ".out", fifo_take(dir, ".out", MODE_OUT, NO_GROUP));
	if (fd >= 0 && renameat(dir, ".out", dir, "out") < 0) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

/* Is what we hold what lies there? */
static int is_in_place(int dir, char const *name, int fd)
{
	struct stat ours, theirs;

	return fd >= 0 && fstat(fd, &ours) == 0 &&
	       fstatat(dir, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

int cinit_ipc_mend(struct cinit_ipc *ipc, gid_t group)
{
	int mended = 0;

	if (!is_in_place(ipc->dir, "in", ipc->in)) {
		int fd = fifo_take(
			ipc->dir, "in", group == NO_GROUP ? MODE_IN : MODE_CONTROL, group);
		if (fd < 0)
			return -1;
		fd_close(ipc->in);
		ipc->in = fd;
		mended = 1;
	}
	/* where we have none a publication sees to it */
	if (ipc->out >= 0 && !is_in_place(ipc->dir, "out", ipc->out)) {
		int fd = out_fresh(ipc);
		if (fd < 0)
			return -1;
		fd_close(ipc->out);
		ipc->out = fd;
		mended = 1;
	}
	return mended;
}

void cinit_ipc_close(struct cinit_ipc *ipc)
{
	if (ipc->in >= 0)
		fd_close(ipc->in);
	if (ipc->out >= 0)
		fd_close(ipc->out);
	ipc->in = ipc->out = -1;
}

/* ---------------------------------------------------------------------------- taking commands */

/* At most one read a call: whoever writes noise without end gets no more of us than that. */
int cinit_ipc_listen(struct cinit_ipc *ipc, struct message *m)
{
	for (int filled = 0;; filled = 1) {
		while (ipc->next < ipc->have)
			if (frame_decode(&ipc->decoder, ipc->buffer[ipc->next++], m))
				return 1;
		if (filled)
			return 0;
		ipc->next = ipc->have = 0;
		ssize_t n = fd_read(ipc->in, (char *)ipc->buffer, sizeof ipc->buffer);
		if (n <= 0)
			return n == 0 || errno == EAGAIN ? 0 : -1;
		ipc->have = (size_t)n;
	}
}

int cinit_ipc_pending(struct cinit_ipc const *ipc)
{
	return ipc->next < ipc->have;
}

enum cinit_novelty cinit_ipc_novelty(
	struct message const *m, struct status const *s, struct status_ring const *r)
{
	if (status_answer(r, m->id) >= 0)
		return CINIT_KNOWN;
	/* A first sending was never answered. One that is repeated may have been, by an answer that
	 * 256 others pushed out while its client did not look: it is not for us to guess. */
	if (m->flags & MESSAGE_AGAIN && ((s->acknowledged - m->id) & CINIT_ID_SEEN) > STATUS_RING)
		return CINIT_DOUBTFUL;
	return CINIT_NEW;
}

/* ------------------------------------------------------------------------------- telling them */

/* Writes the record into `.status`: in place where it exists, so that a full file system does not
 * matter. */
static int spare_write(struct cinit_ipc const *ipc, struct iovec const *pieces, int count)
{
	int const flags = O_WRONLY | O_CREAT | OPEN_FIFO;
	int fd = openat(ipc->dir, ".status", flags, MODE_STATUS);
	if (fd < 0 && in_the_way(errno) && remove_entry(ipc->dir, ".status") == 0)
		fd = openat(ipc->dir, ".status", flags, MODE_STATUS);
	if (fd < 0)
		return -1;
	ssize_t n = fd_writev(fd, pieces, (unsigned int)count);
	fd_close(fd);
	ssize_t all = ipc->seals ? STATUS_SIZE + STATUS_SEAL : STATUS_SIZE;
	if (n >= 0 && n < all)
		errno = ENOSPC; /* what a file system says that had room for a part */
	return n == all ? 0 : -1;
}

/* Brings `.status` to the place of `status`; what was there becomes the spare. */
static int spare_swap(struct cinit_ipc *ipc)
{
	if (!ipc->no_exchange) {
		/* With no spare known there may be no record yet, then this is the only call. */
		if (!ipc->spare_status &&
			rename_flags(ipc->dir, ".status", "status", RENAME_NOREPLACE) == 0)
			return 0;
		if (ipc->spare_status || errno == EEXIST) {
			ipc->spare_status =
				rename_flags(ipc->dir, ".status", "status", RENAME_EXCHANGE) == 0;
			if (ipc->spare_status)
				return 0;
		}
		/* EPERM: a seccomp filter. ENOENT: somebody removed the record. */
		if (errno == EINVAL || errno == ENOSYS || errno == EPERM)
			ipc->no_exchange = 1;
		else if (errno != ENOENT)
			return -1;
	}
	return renameat(ipc->dir, ".status", ipc->dir, "status");
}

static int pieces_replace(struct cinit_ipc *ipc, struct iovec const *pieces, int count)
{
	if (spare_write(ipc, pieces, count) < 0 || spare_swap(ipc) < 0)
		return -1;
	/* The first record leaves no spare: make it now, so that later ones create nothing. Where
	 * this fails, the next publication tries again by itself. */
	if (!ipc->spare_status && !ipc->no_exchange)
		ipc->spare_status = spare_write(ipc, pieces, count) == 0;
	return 0;
}

static __attribute__((noinline)) int whole_replace(
	struct cinit_ipc *ipc, struct status const *s, struct status_ring const *r)
{
	unsigned char record[STATUS_SIZE + STATUS_SEAL];
	status_pack(record, s, r);
	status_seal(record + STATUS_SIZE, record);
	struct iovec const whole = { .iov_base = record,
		.iov_len = ipc->seals ? sizeof record : STATUS_SIZE };
	return pieces_replace(ipc, &whole, 1);
}

/* Most services are never told anything. Their supervisors have neither a ring in memory of their
 * own nor a copy of it. */
static int record_replace(
	struct cinit_ipc *ipc, struct status const *s, struct status_ring const *r)
{
	static unsigned char const ring[STATUS_SIZE - STATUS_HEADER_SIZE - STATUS_SUM];
	unsigned char header[STATUS_HEADER_SIZE], end[STATUS_SUM + STATUS_SEAL];

	if (s->acknowledged)
		return whole_replace(ipc, s, r);
	status_pack_new(header, end, s);
	status_seal(end + STATUS_SUM, header);
	struct iovec const pieces[] = {
		{ .iov_base = header, .iov_len = sizeof header },
		{ .iov_base = (void *)ring, .iov_len = sizeof ring },
		{ .iov_base = end, .iov_len = ipc->seals ? sizeof end : STATUS_SUM },
	};
	return pieces_replace(ipc, pieces, 3);
}

/* A FIFO that we hold write-only reports POLLERR while no reader has it open. */
static int somebody_reads(int out)
{
	struct pollfd p = { .fd = out, .events = 0 };
	return poll(&p, 1, 0) <= 0 || !(p.revents & POLLERR); /* in doubt: yes */
}

/* Hangs up on everybody who watches. 1: and there is no new `out`. */
static int hang_up(struct cinit_ipc *ipc)
{
	/* Those who came while we had no `out` opened the old one: it must have a writer to lose
	 * one. */
	if (ipc->out < 0)
		ipc->out = fifo_write_only(
			ipc->dir, "out", openat(ipc->dir, "out", O_RDWR | OPEN_FIFO));
	if (ipc->out >= 0 && !somebody_reads(ipc->out))
		return 0;
	int fresh = out_fresh(ipc);
	if (ipc->out >= 0)
		fd_close(ipc->out); /* keeps errno */
	ipc->out = fresh;
	if (fresh < 0)
		return 1;
	/* The next one, while there is room for it. Failing is no error: it is tried again. */
	(void)mkfifoat(ipc->dir, ".out", MODE_OUT);
	return 0;
}

int cinit_ipc_publish(struct cinit_ipc *ipc, struct status const *s, struct status_ring const *r)
{
	if (record_replace(ipc, s, r) < 0)
		return -1;
	/* We store the record, then load the count of readers; a waiter stores its opening, then
	 * loads the record. One of the two must see the other's store, and without a full fence on
	 * either side no processor promises that: poll(2) takes no lock on a FIFO, so the calls
	 * themselves do not. */
	atomic_thread_fence(memory_order_seq_cst);
	return hang_up(ipc);
}
