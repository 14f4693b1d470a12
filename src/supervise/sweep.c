/* What a service left behind. The supervisor is a subreaper, so every orphan of the service becomes
 * its child; nothing that called setsid or forked twice gets away. A pass looks at all children
 * that are not known, tells them to go once, and is repeated when one of them ends; after the kill
 * deadline each pass kills. */
#include <skalibs/nonposix.h>

#include "service.h"
#include "cgroup.h"
#include "sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/process.h"
#include "program.h"

#define CHECK_LOOKS 8                    /* at what may be a check's and cannot be told */
#define UNSURE_LOOK (5 * CLOCK_MILLISEC) /* until one that executes a program can be told */
#define UNSURE_SLOW 6                    /* looks that each come twice as late as the one before */

int sweep_knows(struct supervisor *sup, pid_t pid)
{
	SERVICE_EACH (sup, x)
		for (unsigned int i = 0; i < ROLE_COUNT; i++)
			if (x->s.child[i].pid == (uint32_t)pid)
				return 1;
	return 0;
}

/* With a logger there are two services whose orphans come here. A process belongs to the logger
 * when it is in the logger's session or carries its mark; all others are the service's, and so is
 * one that cannot be told in all that time. -1: it cannot be told now. */
static int belongs(struct service *x, pid_t pid)
{
	struct service *other = service_other(x);
	if (!other)
		return 1;
	struct service *log = x->is_log ? x : other;
	int logs = 1;
	if (!log->s.child[ROLE_RUN].pid ||
		process_session(pid) != (pid_t)log->s.child[ROLE_RUN].pid)
		logs = process_has_env(pid, "CINIT_SERVICE", log->name);
	if (logs < 0 && (value_shortage(errno) || (errno == EAGAIN && x->unsure < UNSURE_LOOKS)))
		return -1;
	return x->is_log ? logs == 1 : logs != 1;
}

int sweep_first_time(struct service *x, pid_t pid)
{
	for (unsigned int i = 0; i < x->termed_count; i++)
		if (x->termed[i] == pid)
			return 0;
	if (x->termed_count < TERMED_MAX)
		x->termed[x->termed_count++] = pid;
	return 1;
}

static int end_stray(pid_t pid, void *data)
{
	struct pass *p = data;
	struct service *x = p->x;
	int r;

	if (sweep_knows(x->sup, pid))
		return 0;
	int ours = belongs(x, pid);
	if (!ours)
		return 0;
	p->found++;
	if (ours < 0) {
		p->unsure = 1;
		return 0;
	}
	if (x->killing) {
		r = kill(pid, SIGKILL);
	} else {
		if (!sweep_first_time(x, pid))
			return 0;
		r = kill(pid, SIGTERM);
		kill(pid, SIGCONT);
	}
	if (r < 0 && errno != ESRCH) {
		p->refused = pid;
		p->error = errno;
	}
	return 0;
}

/* Only what is in the process group of the last run. */
static void pass_group(struct pass *p)
{
	siginfo_t si;
	pid_t group = p->x->last_group;
	uint32_t others = p->found; /* of a predecessor's, and awaited */
	if (!group || kill(-group, 0) < 0)
		return;
	p->found = others ? others : 1;
	if (p->x->killing) {
		kill(-group, SIGKILL);
		/* others than our children may be in it, whose end nobody tells us: they have had
		 * what can be done */
		if (waitid(P_PGID, (id_t)group, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
			p->found = others;
	} else if (sweep_first_time(p->x, group)) {
		kill(-group, SIGTERM);
		kill(-group, SIGCONT);
	}
}

/* For want of a descriptor, or memory? Then it looks again. */
static int cannot_look(struct pass *p)
{
	int e = value_shortage(errno);

	if (!e)
		return 0;
	p->unsure = 1;
	p->found++;
	service_retries(p->x, "look for what it left behind", e);
	return 1;
}

/* Whoever is still our child is a stray: no other service of ours has processes. */
static int only_child_waits(struct service *x)
{
	struct service *other = service_other(x);
	for (unsigned int i = 0; other && i < ROLE_COUNT; i++)
		if (other->s.child[i].pid)
			return 0;
	return 1;
}

static void run_pass(struct pass *p)
{
	siginfo_t si;
	struct service *x = p->x;

	if (x->config.kill_mode == KILL_PROCESS)
		return;
	/* who is in the group is met there; who had the right to leave it, below */
	if (x->config.kill_mode == KILL_ALL && cgroup_sweep(p))
		return;
	sweep_foreign(p);
	if (x->config.kill_mode == KILL_GROUP) {
		pass_group(p);
		return;
	}
	/* the usual case, answered in one call: no child of any kind is left */
	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		return;
	if (process_children(end_stray, p) < 0) {
		if (cannot_look(p))
			return;
		/* no /proc: the group is all that can be found; that others are left is said */
		pass_group(p);
		p->unseen = !p->found && only_child_waits(x);
	}
}

static void note_strays(struct service *x, struct pass const *p)
{
	if (x->s.strays == p->found && !p->refused)
		return;
	x->s.strays = p->found;
	x->dirty = 1;
	if (p->refused) {
		char text[96];
		snprintf(text, sizeof text, "unable to end process %d it left behind: %s",
			(int)p->refused, strerror(p->error));
		if (strcmp(text, x->s.reason_text))
			say(x, text);
		service_reason(x, REASON_STRAY, (uint32_t)p->refused, text);
	}
}

/* ------------------------------------------------------------------------- after a check */

struct leavings {
	struct service *x;
	int killed, unsure;
};

/* Does it belong to a check that is over? */
static int is_leaving(struct supervisor *sup, pid_t pid)
{
	char number[12];
	int marked = sweep_knows(sup, pid) ? 0 : process_names_env(pid, PROGRAM_CHECK_MARK);

	if (marked != 1)
		return marked;
	SERVICE_EACH (sup, x) {
		snprintf(number, sizeof number, "%u", x->s.child[ROLE_CHECK].pid);
		if (process_has_env(pid, PROGRAM_CHECK_MARK, number) == 1)
			return 0;
	}
	return 1;
}

static int end_leaving(pid_t pid, void *data)
{
	struct leavings *l = data;
	int leaving = is_leaving(l->x->sup, pid);

	l->unsure |= leaving < 0 && (errno == EAGAIN || value_shortage(errno));
	l->killed |= leaving > 0 && !kill(pid, SIGKILL);
	return 0;
}

/* What it left becomes our child when its parent ends, so this is repeated when something of it
 * ends. Where we are part of a check ourselves, its mark says nothing. */
static void sweep_leavings(struct service *x)
{
	struct leavings l = { .x = x };

	if (!getenv(PROGRAM_CHECK_MARK))
		process_children(end_leaving, &l);
	if (!l.unsure && !l.killed)
		x->check_left = 0;
	if (!l.unsure || x->retry_sweep) /* a look that something else causes does not count */
		return;
	if (--x->check_left)
		x->retry_sweep = clock_boottime() + (UNSURE_LOOK << (CHECK_LOOKS - x->check_left));
}

void service_sweep_check(struct service *x, pid_t check)
{
	kill(-check, SIGKILL);
	x->check_left = CHECK_LOOKS;
	sweep_leavings(x);
}

/* When to look again, because it cannot be told now whose some are; 0: it was told. A look that
 * something else causes before that time does not count: many processes may end in a moment. */
static uint64_t look_again(struct service *x, struct pass const *p)
{
	if (!p->unsure)
		return 0;
	if (x->retry_sweep)
		return x->retry_sweep;
	uint64_t delay = UNSURE_LOOK << (x->unsure < UNSURE_SLOW ? x->unsure : UNSURE_SLOW);
	if (x->unsure < UNSURE_LOOKS)
		x->unsure++;
	return clock_boottime() + delay;
}

/* All that could be ended is; what is left is said, and does not keep the service. */
static void say_left(struct service *x, struct pass const *p)
{
	char text[120] = "left processes behind that cannot be found without /proc";

	if (!p->unseen && !p->passed_over)
		return;
	if (!p->unseen)
		snprintf(text, sizeof text,
			"may have left process %d behind: it has no environment that could tell",
			(int)p->passed_over);
	service_reason(x, REASON_STRAY, (uint32_t)p->passed_over, text);
	say(x, text);
}

void service_sweep(struct service *x)
{
	struct pass p = { .x = x };

	if (x->check_left)
		sweep_leavings(x);
	if (x->queued)
		service_job_next(x); /* what waited for an exec that never came */
	x->sweeping = 0;
	if ((x->s.state != STATE_STOPPING && x->s.state != STATE_FINISHING) ||
		(x->s.flags & FLAG_AWAITS) || x->s.child[ROLE_RUN].pid ||
		x->s.child[ROLE_FINISH].pid || x->s.child[ROLE_CONTROL].pid ||
		x->s.child[ROLE_CHECK].pid || x->queued)
		return;
	if (x->off && x->s.state == STATE_STOPPING) {
		if (service_start_off(x))
			return;
		x->off = 0;
	}
	if (service_awaits_finish(x)) {
		service_start_finish(x);
		return;
	}
	run_pass(&p);
	note_strays(x, &p);
	x->retry_sweep = look_again(x, &p);
	if (!p.found) {
		if (x->after != AFTER_RETRY) /* which is the reason of a delay to come */
			service_mended(x, 1u << REASON_FORK);
		say_left(x, &p);
		x->unsure = 0;
		x->s.deadline[DEADLINE_KILL] = 0;
		x->last_group = 0; /* from here on the number may be somebody else's */
		service_event(x, EVENT_SWEPT);
	} else if (!x->killing && !x->s.deadline[DEADLINE_KILL] && x->config.timeout_kill) {
		x->s.deadline[DEADLINE_KILL] =
			clock_boottime() + (uint64_t)x->config.timeout_kill * CLOCK_MILLISEC;
		x->dirty = 1;
	}
}
