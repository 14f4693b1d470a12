/* Deaths. A child's wait status is peeked, published and only then reaped, so that no death of this
 * process in between can lose it. Processes that a predecessor started are cinit's children: cinit
 * writes their wait status to `exited` before it reaps them, and pokes. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include "../lib/clock.h"
#include "../lib/process.h"
#include "ready.h"

#define FINISH_GIVE_UP 125
#define REAP_MAX       256 /* deaths a turn */
#define GATE_LOOK      (20 * CLOCK_MILLISEC)
#define EXITED_RECORD  16 /* pid 4, wait status 4, identity 8, big endian */

static void forget_child(struct service *x, enum status_role role)
{
	struct child *c = &x->child[role];
	if (c->gate >= 0)
		fd_close(c->gate);
	if (c->pidfd >= 0)
		fd_close(c->pidfd);
	*c = (struct child){ .gate = -1, .pidfd = -1 };
	if (role == ROLE_RUN)
		x->launch.taken = 0;
	x->s.child[role] = (struct status_child){ 0 };
	x->dirty = 1;
}

/* It was stopped at its gate, or its gate died with a predecessor: nothing ran, and no death
 * counts. */
static int never_ran(struct service const *x, enum status_role role, int wstat, int known)
{
	if (x->s.child[role].phase != PHASE_GATED || x->child[role].exec_failed)
		return 0;
	return !known || (WIFEXITED(wstat) && WEXITSTATUS(wstat) == GATE_EXIT);
}

/* Why it could not be executed is what is to be mended: it stays to be read. */
static void gave_up(struct service *x, int exec_failed)
{
	char text[STATUS_TEXT];

	snprintf(text, sizeof text, "died too often; gave up%s%.150s", exec_failed ? ": " : "",
		exec_failed ? x->s.reason_text : "");
	service_reason(x, REASON_DEATHS, x->s.window_deaths, text);
}

static int is_success(struct service const *x, int wstat)
{
	return WIFEXITED(wstat) &&
	       (x->config.success[WEXITSTATUS(wstat) / 8] & 1u << WEXITSTATUS(wstat) % 8);
}

/* off has ended: whatever it says, the service goes down. */
static void off_ended(struct service *x, int wstat, int known, int nothing)
{
	x->off = 0;
	if (nothing && !x->sup->at_once && service_start_off(x))
		return;
	x->s.flags &= ~(uint32_t)FLAG_BROUGHT_UP;
	x->after = AFTER_START;
	if (!known || wstat)
		say(x, "off did not succeed");
	service_event(x, EVENT_RUN_DIED);
}

/* 1: `on` did it, and the service is up. Otherwise, unless the restart policy was written down,
 * that is that. */
static int oneshot_ended(struct service *x, int wstat, int known)
{
	char text[64];

	x->s.last_exit = wstat;
	x->s.flags |= known ? FLAG_EXIT_VALID : FLAG_EXIT_UNKNOWN;
	if (x->s.state == STATE_STARTING && known && is_success(x, wstat)) {
		x->s.deadline[DEADLINE_START] = 0;
		x->s.flags |= FLAG_BROUGHT_UP;
		service_event(x, EVENT_READY);
		return 1;
	}
	/* it was told to go, and did its work all the same: that is undone */
	if (x->s.state == STATE_STOPPING && known && is_success(x, wstat) && !x->sup->at_once) {
		x->s.flags |= FLAG_BROUGHT_UP;
		if (service_start_off(x))
			return 1;
	}
	if (x->blamed || !known)
		return 0;
	if (WIFEXITED(wstat))
		snprintf(text, sizeof text, "on exited %d", WEXITSTATUS(wstat));
	else
		snprintf(text, sizeof text, "on was killed by signal %d", WTERMSIG(wstat));
	if (!x->asked)
		service_reason(x, REASON_ENDED, 0, text);
	return 0;
}

static enum machine_after what_follows(struct service *x, int bad_config, int exec_failed)
{
	int asked = (x->asked || (x->s.flags & FLAG_GOT_TERM)) && !x->blamed;
	enum machine_after after = restart_decide(&x->s, &x->config, asked, clock_boottime());

	x->unasked = !asked;

	if (bad_config)
		return AFTER_FAIL;
	if (x->config.kind == KIND_ONESHOT && !(x->config.entries & ENTRY_RESTART) && !asked)
		return AFTER_FAIL; /* the reason says how `on` ended */
	if (after == AFTER_FAIL)
		gave_up(x, exec_failed);
	else if (after == AFTER_REST)
		service_reason(x, REASON_ENDED, 0, "ended, and is not to be restarted");
	return after;
}

static void run_ended(struct service *x, int wstat, int known)
{
	int exec_failed = x->child[ROLE_RUN].exec_failed;
	int nothing = never_ran(x, ROLE_RUN, wstat, known);
	int bad_config = x->child[ROLE_RUN].bad_config;
	int shortage = x->child[ROLE_RUN].shortage;

	forget_child(x, ROLE_RUN);
	ready_close(x);
	service_kill_script(x, ROLE_CHECK);
	service_await_nobody(x);                /* it went by itself */
	service_mended(x, 1u << REASON_STATUS); /* what it said of itself is over with it */
	if (x->off) {
		off_ended(x, wstat, known, nothing);
		return;
	}
	x->s.flags &= ~(uint32_t)(FLAG_PAUSED | FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN);
	if (shortage) {
		x->s.flags &= ~(uint32_t)FLAG_RAN;
		service_start_delayed(x);
		return;
	}
	if (nothing) {
		x->s.flags &= ~(uint32_t)FLAG_RAN;
		x->after = AFTER_START;
		if (x->s.want == WANT_ONCE)
			x->s.flags |= FLAG_AGAIN; /* that once has not been yet */
		service_event(x, EVENT_NOT_STARTED);
		return;
	}
	if (x->config.kind == KIND_ONESHOT && !exec_failed) {
		if (oneshot_ended(x, wstat, known))
			return;
	} else {
		x->s.flags |= FLAG_RAN;
	}
	x->s.last_exit = exec_failed ? EXEC_EXIT << 8 : wstat;
	x->s.flags |= known || exec_failed ? FLAG_EXIT_VALID : FLAG_EXIT_UNKNOWN;
	x->after = what_follows(x, bad_config, exec_failed);
	service_event(x, EVENT_RUN_DIED);
}

static void finish_ended(struct service *x, int wstat, int known)
{
	int nothing = never_ran(x, ROLE_FINISH, wstat, known);

	forget_child(x, ROLE_FINISH);
	x->s.deadline[DEADLINE_FINISH] = 0;
	if (nothing && !x->sup->at_once) {
		service_start_finish(x);
		return;
	}
	if (known && WIFEXITED(wstat) && WEXITSTATUS(wstat) == FINISH_GIVE_UP &&
		x->s.want != WANT_DOWN && x->s.want != WANT_EXIT) {
		x->after = AFTER_FAIL;
		x->s.flags &= ~(uint32_t)FLAG_AGAIN;
		service_reason(x, REASON_FINISH, 0, "finish exited 125: not to be started again");
	}
	service_event(x, EVENT_FINISH_DIED);
}

void service_child_ended(struct service *x, enum status_role role, int wstat, int known)
{
	if (x->child[role].gate >= 0)
		child_report(x, role); /* it may have said why */
	if (role == ROLE_RUN) {
		run_ended(x, wstat, known);
	} else if (role == ROLE_FINISH) {
		finish_ended(x, wstat, known);
	} else if (role == ROLE_CHECK) {
		pid_t check = (pid_t)x->s.child[role].pid;
		int ran = !x->child[role].adopted && x->s.child[role].phase == PHASE_STARTED;
		forget_child(x, role); /* what has its mark belongs to a check that is over, now */
		if (ran)
			service_sweep_check(x, check);
		ready_check_ended(x, wstat, known);
		x->sweeping |= x->s.state == STATE_STOPPING || x->s.state == STATE_FINISHING;
	} else {
		forget_child(x, role);
		service_job_ended(x, known ? wstat : -1);
	}
}

static struct service *find_child(struct supervisor *sup, uint32_t pid, enum status_role *role)
{
	SERVICE_EACH (sup, x)
		for (unsigned int i = 0; i < ROLE_COUNT; i++)
			if (x->s.child[i].pid == pid && !x->child[i].adopted) {
				*role = (enum status_role)i;
				return x;
			}
	return 0;
}

static int wait_status_of(siginfo_t const *si)
{
	if (si->si_code == CLD_EXITED)
		return (si->si_status & 0xff) << 8;
	return (si->si_status & 0x7f) | (si->si_code == CLD_DUMPED ? 0x80 : 0);
}

void supervisor_reap(struct supervisor *sup)
{
	sup->reap_pending = 0;
	for (unsigned int n = 0;; n++) {
		if (n == REAP_MAX) { /* a service that forks in a loop must not keep us from
					commands */
			sup->reap_pending = 1;
			return;
		}
		enum status_role role;
		siginfo_t si = { .si_pid = 0 };
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || !si.si_pid)
			return;
		struct service *x = find_child(sup, (uint32_t)si.si_pid, &role);
		if (x) {
			service_child_ended(x, role, wait_status_of(&si), 1);
			service_publish(x);
		}
		waitpid(si.si_pid, 0, WNOHANG);
		if (!x) /* a stray went: see whether others are left */
			SERVICE_EACH (sup, y)
				if (y->s.state == STATE_STOPPING || y->s.state == STATE_FINISHING ||
					y->check_left)
					y->sweeping = 1;
	}
}

/* ------------------------------------------------------------------- adopted processes */

/* 1: `exited` has the wait status of this process. 0: it has not. -1: that cannot be told now. */
static int find_exited(struct service const *x, struct status_child const *c, int *wstat)
{
	char rec[EXITED_RECORD];
	int found = 0,
	    fd = openat(x->dir, "exited", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return value_shortage(errno) ? -1 : 0;
	while (!found && fd_read(fd, rec, sizeof rec) == (ssize_t)sizeof rec) {
		uint32_t pid, w;
		uint64_t identity;
		uint32_unpack_big(rec, &pid);
		uint32_unpack_big(rec + 4, &w);
		uint64_unpack_big(rec + 8, &identity);
		if (pid != c->pid || (identity && c->identity && identity != c->identity))
			continue;
		*wstat = (int)w;
		found = 1;
	}
	fd_close(fd);
	return found;
}

/* An adopted child was at its gate when its supervisor died. If the gate was never opened it reads
 * the end and is gone in a moment; if it was, it executes, which no event tells. Its mark appears
 * with exec. */
static void look_at_gate(struct service *x, enum status_role role)
{
	struct status_child *c = &x->s.child[role];
	uint64_t now = clock_boottime();

	if (process_has_env((pid_t)c->pid, "CINIT_SERVICE", x->name) != 1 && now < x->gate_limit) {
		x->retry_adopted = now + GATE_LOOK;
		return;
	}
	c->phase = PHASE_STARTED;
	x->dirty = 1;
	if (role == ROLE_RUN && x->config.kind == KIND_RUN)
		ready_executed(x);
}

/* It ended a while ago and is still there: whoever is its parent now does not reap, and tells
 * nobody. */
static int never_reaped(struct service const *x, enum status_role role)
{
	struct child const *c = &x->child[role];
	return c->ended && clock_boottime() - c->ended_at >= CLOCK_SECOND;
}

static int look_at(struct service *x, enum status_role role)
{
	struct status_child const *c = &x->s.child[role];
	int wstat = 0, known = find_exited(x, c, &wstat);

	if (known < 1) {
		enum process_alive alive = process_alive((pid_t)c->pid, c->identity);
		if (alive != PROCESS_GONE) {
			/* ended but not reaped: cinit is about to tell; without a cinit nobody will
			 */
			if (!known && never_reaped(x, role))
				goto ended;
			if (x->child[role].ended || x->child[role].pidfd < 0)
				x->retry_adopted = clock_boottime() + CLOCK_SECOND;
			else if (c->phase == PHASE_GATED)
				look_at_gate(x, role);
			return 1;
		}
		/* it may have been written between our two looks */
		known = find_exited(x, c, &wstat);
		if (known < 0) {
			x->retry_adopted = clock_boottime() + GATE_LOOK;
			return 1;
		}
	}
ended:
	service_child_ended(x, role, wstat, known > 0);
	service_publish(x);
	return 0;
}

void service_look_adopted(struct service *x)
{
	int left = 0, some = 0;
	for (unsigned int i = 0; i < ROLE_COUNT; i++)
		if (x->s.child[i].pid && x->child[i].adopted) {
			some = 1;
			left |= look_at(x, (enum status_role)i);
		}
	/* nothing is appended any more when nobody adopted is left */
	if (some && !left)
		unlinkat(x->dir, "exited", 0);
}
