/* What a run that a predecessor started left behind. Its orphans became our parent's children, or,
 * where cinit had died too, those of whoever is above it; not ours. They are told by session and by
 * their mark in the environment, and their end is told by a pidfd. One at a time is awaited; the
 * next pass finds the others. */
#include <skalibs/nonposix.h>

#include "service.h"
#include "sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "../lib/process.h"

#define PASSES 8

/* Where cinit itself is a service of that name, its supervisors carry the mark, too. */
int service_marks(struct service const *x, pid_t pid)
{
	char const *ours = getenv("CINIT_SERVICE");
	if (ours && !strcmp(ours, x->name))
		return 0;
	int r = process_has_env(pid, "CINIT_SERVICE", x->name);
	if (r != 1 || process_parent(pid) == getppid())
		return r;
	/* not our cinit's: another tree may have a service of that name, and its marks may be
	 * anywhere */
	char const *run = getenv("CINIT_RUN");
	return run ? process_has_env(pid, "CINIT_RUN", run) : !process_names_env(pid, "CINIT_RUN");
}

/* 1, 0, or -1: it just executes a program or ends, and cannot be told now. */
static int is_left(struct service const *x, pid_t pid)
{
	if (x->config.kill_mode == KILL_GROUP)
		return x->last_group && getpgid(pid) == x->last_group;
	if (x->last_group && process_session(pid) == x->last_group)
		return 1;
	int marks = service_marks(x, pid);
	return marks >= 0 || errno == EAGAIN || value_shortage(errno) ? marks : 0;
}

/* Its end, or -1: it has ended, or nothing tells. */
static int watch(pid_t pid)
{
	struct pollfd p = { .fd = process_pidfd(pid), .events = POLLIN };
	if (p.fd >= 0 && poll(&p, 1, 0) != 0) {
		fd_close(p.fd);
		errno = ESRCH;
		return -1;
	}
	return p.fd;
}

static int end_foreign(pid_t pid, void *data)
{
	struct pass *p = data;
	struct service *x = p->x;
	uint64_t identity = process_identity(pid);

	if (pid == getpid() || sweep_knows(x->sup, pid))
		return 0;
	int left = is_left(x, pid), fd = left ? watch(pid) : -1;
	if (left && fd < 0 && value_shortage(errno)) {
		p->unsure = 1, p->found++; /* it is looked at again */
		return 0;
	}
	if (fd < 0) {
		p->ended += left != 0;
		if (left > 0 && (errno == ENOSYS || errno == EPERM))
			kill(pid, SIGKILL); /* nothing would tell us of its end: no grace */
		return 0;
	}
	/* to execute or to end takes a moment, which is long on a busy machine; what takes longer
	 * is stuck, and may be somebody else's */
	if (left < 0 && x->unsure < UNSURE_LOOKS) {
		p->unsure = 1, p->found++;
		fd_close(fd);
		return 0;
	}
	if (left < 0 && (x->killing || !x->config.timeout_kill)) {
		p->passed_over = pid;
		fd_close(fd);
		return 0;
	}
	p->found++;
	if (x->stray < 0)
		x->stray = fd;
	else
		fd_close(fd);
	if (left < 0 || (!x->killing && !sweep_first_time(x, pid)))
		return 0;
	if (process_signal(pid, identity, x->killing ? SIGKILL : SIGTERM) < 0) {
		p->refused = pid;
		p->error = errno;
	}
	if (!x->killing)
		process_signal(pid, identity, SIGCONT);
	return 0;
}

void sweep_foreign(struct pass *p)
{
	struct service *x = p->x;
	if (!x->foreign)
		return;
	service_forget_stray(x);
	/* one that forks and ends at once may do so behind our back, again and again */
	for (int i = 0; i < PASSES && !p->found; i++) {
		p->ended = 0;
		int r = process_orphans(end_foreign, p, &p->ended);
		if (r < 0 && value_shortage(errno))
			p->unsure = 1, p->found++;
		if (r < 0 || !p->ended)
			break;
	}
	/* no /proc, or a parent that is nobody's reaper: the group gets what can be given unseen */
	if (!p->found && x->last_group)
		kill(-x->last_group, SIGKILL);
}

void service_forget_stray(struct service *x)
{
	if (x->stray >= 0)
		fd_close(x->stray);
	x->stray = -1;
}
