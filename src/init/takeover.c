/* A former cinit was killed, and its supervisors live on: they stay, and we watch them by pidfd.
 * One that had not published anything yet is found by the supervisor that we start beside it: that
 * finds the lock held, and says so with exit code 100. Where there are no pidfds it is tried again
 * by backoff, until the old one has gone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include "../lib/path.h"
#include "../lib/process.h"
#include "apart.h"
#include "init.h"
#include "message.h"

/* 0. It may live, and die without our notice. */
static int unwatched(struct init *i)
{
	record_unseal(i);
	return 0;
}

/* Takes over the supervisor that the record names. 1: it lives, and it is watched. 0: give the
 * service a new one. */
int takeover(struct init *i, struct service *s, struct status const *st)
{
	pid_t pid = (pid_t)st->supervisor;
	enum process_alive lives = pid ? process_alive(pid, st->supervisor_identity) : PROCESS_GONE;

	if (lives == PROCESS_GONE)
		return 0;
	/* or it is a service that came with a rescan */
	if (lives == PROCESS_UNSURE || (i->polls && i->tree.taken == i->polls_taken))
		return unwatched(i);
	/* left by the program that was in this process before */
	if (process_is_child(pid)) {
		s->spawned = st->executed;
		return !tree_runs(&i->tree, s, pid);
	}
	int fd = process_pidfd(pid);
	if (fd < 0) {
		if (errno == ESRCH)
			return 0;
		warn_error("; waiting for its lock", s->name,
			": unable to watch the supervisor that is there");
		return unwatched(i);
	}
	/* the pid may have been given to another meanwhile */
	if (process_alive(pid, st->supervisor_identity) != PROCESS_ALIVE) {
		fd_close(fd);
		return 0;
	}
	s->identity = st->supervisor_identity;
	s->spawned = st->executed;
	tree_taken(&i->tree, s, pid, fd);
	return 1;
}

static int children_live(struct status const *st)
{
	for (unsigned int n = 0; n < ROLE_COUNT; n++) {
		struct status_child const *c = st->child + n;
		if (c->pid && process_alive((pid_t)c->pid, c->identity) == PROCESS_ALIVE)
			return 1;
	}
	return 0;
}

/* Does any process live that the records of the service and of its logger name? */
int takeover_lives(struct init const *i, struct service const *s)
{
	char log[PATH_MAX];
	struct status st;

	if (status_read(i->run, s->name, &st, NULL) == STATUS_OK && children_live(&st))
		return 1;
	return !path_join(log, s->name, "log") &&
	       status_read(i->run, log, &st, NULL) == STATUS_OK && children_live(&st);
}

/* Is a supervisor there that no record names? One that a former cinit forked just before it was
 * killed has the lock before it publishes anything. */
int takeover_unseen(struct init const *i, struct service const *s)
{
	char path[PATH_MAX];
	int fd = i->first || path_join(path, s->name, "lock") < 0
			 ? -1
			 : openat(i->run, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	int held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	fd_close(fd);
	return held;
}

/* Memory for what the loop polls: any service may have a supervisor that is found only later. */
int takeover_polls(struct init *i, size_t others)
{
	i->polls_taken = i->first ? 0 : i->tree.count;
	i->polls = apart_array(others + i->polls_taken, sizeof *i->polls);
	return i->polls ? 0 : -1;
}

/* Adds their descriptors. Returns how many. */
size_t takeover_fill(struct init const *i, struct pollfd *fds)
{
	size_t count = 0;

	for (size_t n = 0; i->tree.taken && n < i->tree.count; n++) {
		struct service const *s = i->tree.list[n];
		if (s->phase == SERVICE_TAKEN)
			fds[count++] = (struct pollfd){ .fd = s->pidfd, .events = POLLIN };
	}
	return count;
}

static struct service *by_pidfd(struct tree const *t, int fd)
{
	for (size_t n = 0; n < t->count; n++) {
		if (t->list[n]->phase == SERVICE_TAKEN && t->list[n]->pidfd == fd)
			return t->list[n];
	}
	return NULL;
}

/* Looks whom the poll found ended. Not our children: who reaps them knows how they ended, we do
 * not. */
void takeover_ended(struct init *i, struct pollfd const *fds, size_t n)
{
	for (; n--; fds++) {
		struct service *s = fds->revents ? by_pidfd(&i->tree, fds->fd) : NULL;
		if (s)
			reap_supervisor(i, s, NULL);
	}
}
