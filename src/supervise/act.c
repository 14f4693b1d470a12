/* Events go through the machine, and what it says is done here. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/random.h>

#include "../lib/clock.h"
#include "../lib/process.h"
#include "cgroup.h"
#include "ready.h"

/* What a logger has for the rest of its input when all else was killed. */
#define LAST_LINES_MS 500

static uint64_t after_ms(uint32_t ms)
{
	return clock_boottime() + (uint64_t)ms * CLOCK_MILLISEC;
}

void service_arm(struct service *x, enum status_deadline which, uint32_t ms)
{
	x->s.deadline[which] = ms ? after_ms(ms) : 0;
	x->dirty = 1;
}

int service_enter(struct service const *x)
{
	/* by path each time: a directory that was replaced (package upgrade) is found again */
	return chdir(x->sup->o->service_dir);
}

#define FLAGS_OF_CONFIG ((uint32_t)(FLAG_ESSENTIAL | FLAG_NORMALLY_DOWN | FLAG_HAS_CHECK))

void service_config_failed(struct service *x)
{
	if (strcmp(x->s.reason_text, x->config_error.text))
		say(x, x->config_error.text);
	service_reason(x, REASON_CONFIG, 0, x->config_error.text);
}

/* Is it not started at boot of its own accord? */
static int is_normally_down(struct service const *x)
{
	int want = x->is_log ? BOOT_DIRECTORY : x->sup->o->boot_want;

	return want == BOOT_DIRECTORY ? (x->config.entries & ENTRY_DOWN) != 0 : want != BOOT_UP;
}

/* Nothing in it could be up. One that has run is tried again: its directory may be about to be
 * replaced by another. */
static int holds_nothing(struct service *x)
{
	if (x->is_log || x->s.starts ||
		(x->config.entries & (ENTRY_RUN | ENTRY_ON | ENTRY_DEPENDENCIES)))
		return 0;
	snprintf(x->config_error.text, sizeof x->config_error.text,
		"its directory holds no run, no on and no dependencies: nothing to start; mend it, "
		"then up");
	return 1;
}

int service_configure(struct service *x)
{
	struct config *c = &x->config;
	int r = -1, gone = 0;

	if (service_enter(x) < 0) {
		gone = errno == ENOENT && x->s.want == WANT_EXIT; /* which is why it goes */
		x->config_error.shortage = value_shortage(errno);
		snprintf(x->config_error.text, sizeof x->config_error.text,
			"unable to enter service directory: %s", strerror(errno));
	} else {
		r = config_load(c, x->is_log ? "log" : ".", &x->config_error);
		if (!r && holds_nothing(x))
			r = -1;
		x->s.flags = (x->s.flags & ~FLAGS_OF_CONFIG) |
			     (c->entries & ENTRY_ESSENTIAL ? FLAG_ESSENTIAL : 0) |
			     (c->entries & ENTRY_CHECK ? FLAG_HAS_CHECK : 0);
	}
	if (is_normally_down(x))
		x->s.flags |= FLAG_NORMALLY_DOWN;
	x->config_bad = r < 0;
	x->config_read = 1;
	/* a shortage: it is tried again, and said then */
	if (r < 0 && !gone && !x->config_error.shortage)
		service_config_failed(x);
	return r;
}

/* ------------------------------------------------------------------ signals to processes */

static int signal_child(struct service *x, enum status_role role, int sig)
{
	struct status_child const *c = &x->s.child[role];
	if (!c->pid)
		return 0;
	struct child const *own = &x->child[role];
	if (own->adopted)
		return process_signal_by(
			own->pidfd, (pid_t)c->pid, own->pidfd_is_its ? 0 : c->identity, sig);
	return kill((pid_t)c->pid, sig) < 0 ? -1 : 1;
}

void service_signal_run(struct service *x, int sig)
{
	if (signal_child(x, ROLE_RUN, sig) < 0) {
		char text[64];
		snprintf(text, sizeof text, "unable to signal process %u: %s",
			x->s.child[ROLE_RUN].pid, strerror(errno));
		service_reason(x, REASON_STRAY, x->s.child[ROLE_RUN].pid, text);
		say(x, text);
	}
	if (sig == SIGTERM || sig == x->config.down_signal)
		x->s.flags |= FLAG_GOT_TERM;
	x->dirty = 1;
}

/* A script and what it started, which lives in its session. */
void service_kill_script(struct service *x, enum status_role role)
{
	uint32_t pid = x->s.child[role].pid;
	if (!pid || signal_child(x, role, SIGKILL) <= 0)
		return;
	if (!x->child[role].adopted && x->s.child[role].phase == PHASE_STARTED)
		kill(-(pid_t)pid, SIGKILL);
}

/* ------------------------------------------------------------------------------- actions */

static void do_forget(struct service *x)
{
	/* what the set-up has just read of the directory, and said, is not forgotten */
	if (!x->config_read || !x->config_bad)
		service_reason(x, REASON_NONE, 0, "");
	x->s.backoff_ms = 0;
	x->s.window_deaths = 0;
	x->s.flags &= ~(uint32_t)FLAG_ENDED;
}

static void stop_signals(struct service *x)
{
	struct job stop = {
		.letter = 't', .instead = 1, .stop = 1, .signal = x->config.down_signal
	};
	struct job also = { .letter = x->s.want == WANT_EXIT ? 'x' : 'd', .stop = 1 };

	/* TERM or a script of ours would hide where it hangs; and where there is no room behind the
	 * scripts, it is done without one */
	if (x->hung || service_job(x, &stop) < 0) {
		service_signal_run(x, x->hung ? SIGABRT : stop.signal);
		service_signal_run(x, SIGCONT);
	}
	if (x->hung)
		return;
	if (x->s.want == WANT_DOWN || x->s.want == WANT_EXIT)
		service_job(x, &also);
}

void service_tell_again(struct service *x)
{
	if (x->s.state == STATE_STOPPING && x->s.child[ROLE_RUN].pid &&
		!x->s.child[ROLE_CONTROL].pid && !(x->s.flags & FLAG_GOT_TERM) &&
		!(x->is_log && x->s.want == WANT_EXIT) && !(x->s.flags & FLAG_AWAITS) && !x->off) {
		if (!x->s.deadline[DEADLINE_KILL]) /* it had told nobody yet */
			service_arm(x, DEADLINE_KILL, x->config.timeout_kill);
		stop_signals(x);
	}
}

static void do_stop(struct service *x)
{
	struct config before = x->config;

	x->asked = 1;
	x->s.deadline[DEADLINE_START] = 0;
	if (service_configure(x) < 0)
		x->config = before;   /* the reason is shown; a stop goes on with what was known */
	x->config.kind = before.kind; /* what runs is what was started */
	x->config.ready = before.ready;
	x->config_read = 0;
	if (!service_begin_stop(x))
		service_stop_run(x);
}

/* Nobody is waited for, or there is nothing left to be done about them. */
void service_await_nobody(struct service *x)
{
	x->s.flags &= ~(uint32_t)FLAG_AWAITS;
	dependents_release(x);
}

void service_stop_run(struct service *x)
{
	service_await_nobody(x);
	service_kill_script(x, ROLE_CHECK);
	if (x->s.child[ROLE_RUN].phase == PHASE_GATED && x->child[ROLE_RUN].gate >= 0 &&
		!x->child[ROLE_RUN].opened) {
		/* it has run nothing and never will: it reads the end of its gate */
		fd_close(x->child[ROLE_RUN].gate);
		x->child[ROLE_RUN].gate = -1;
		return;
	}
	if (!x->s.child[ROLE_RUN].pid && !x->s.child[ROLE_CONTROL].pid) {
		if (service_start_off(x))
			return;
		x->after = AFTER_START;
		service_event(x, EVENT_NOT_STARTED); /* a bundle or a oneshot: nothing runs */
		return;
	}
	service_arm(x, DEADLINE_KILL, x->config.timeout_kill);
	if (!x->s.child[ROLE_RUN].pid)
		signal_child(x, ROLE_CONTROL, SIGTERM); /* control/u runs, run does not yet */
	else if (x->sup->at_once)
		service_signal_run(x, SIGKILL);
	else
		stop_signals(x);
	x->killing = (uint8_t)x->sup->at_once;
}

static void do_end_log(struct service *x)
{
	x->asked = 1;
	service_arm(x, DEADLINE_KILL, x->sup->at_once ? LAST_LINES_MS : x->config.timeout_kill);
}

static void do_kill(struct service *x)
{
	int at_once = x->sup->at_once;
	if (x->end_of_log && !at_once && !(x->s.flags & FLAG_GOT_TERM) &&
		x->s.child[ROLE_RUN].pid) {
		service_signal_run(x, SIGTERM);
		service_signal_run(x, SIGCONT);
		service_arm(x, DEADLINE_KILL, x->config.timeout_kill);
		return;
	}
	x->killing = 1;
	x->unsure = 0;
	service_await_nobody(x);
	service_off_due(x);
	if (at_once) {
		signal_child(x, ROLE_RUN, SIGKILL);
		service_kill_script(x, ROLE_FINISH);
		service_kill_script(x, ROLE_CONTROL);
	} else if (x->s.child[ROLE_RUN].pid) {
		char text[96];
		if (x->off)
			snprintf(text, sizeof text, "off did not end within %u ms; killed",
				x->config.timeout_down);
		else
			snprintf(text, sizeof text,
				"run did not end within %u ms of being told; killed",
				x->config.timeout_kill);
		service_reason(x, REASON_TIMEOUT, x->s.child[ROLE_RUN].pid, text);
		say(x, text);
		signal_child(x, ROLE_RUN, SIGKILL);
	} else if (x->queued && x->queue[0].start) {
		service_kill_script(x, ROLE_CONTROL); /* control/u of a start that was called off */
	}
}

static void do_backoff(struct service *x)
{
	unsigned char r = 128;
	uint32_t ms = x->s.backoff_ms ? x->s.backoff_ms : 1000;
	/* a tenth of jitter either way, so that services that fell together do not rise together */
	random_buf_early((char *)&r, 1);
	service_arm(
		x, DEADLINE_BACKOFF, ms - ms / 10 + (uint32_t)((uint64_t)(ms / 5) * r / 256) + 1);
}

static void do_rest(struct service *x)
{
	memset(x->s.deadline, 0, sizeof x->s.deadline);
	x->s.watchdog = 0;
	clock_label(&x->s.label_sec, &x->s.label_nsec);
	int wanted = x->s.want == WANT_UP || x->s.want == WANT_ONCE;
	if (x->s.want == WANT_ONCE)
		x->s.want = WANT_DOWN;
	service_needs_gone(x);
	cgroup_end(x);
	/* the end of an essential service that nobody asked for is the end of the tree */
	if (!x->is_log && (x->s.flags & FLAG_ESSENTIAL) && !x->asked && wanted) {
		x->s.flags |= FLAG_ENDED;
		x->sup->look_pending = 1;
	}
}

static void do_wait(struct service *x)
{
	x->s.deadline[DEADLINE_BACKOFF] = 0;
	x->needs_enter = 1; /* when it is published that we want up */
}

static void enter(struct service *x, enum status_state next)
{
	if (next == x->s.state)
		return;
	x->s.state = (uint8_t)next;
	x->s.since = clock_boottime();
	x->s.deadline[DEADLINE_BACKOFF] = 0;
	x->s.flags &= ~(uint32_t)FLAG_BLOCKED;
	if (next != STATE_STOPPING && next != STATE_FINISHING && next != STATE_UP)
		x->s.flags &= ~(uint32_t)(FLAG_RAN | FLAG_AGAIN | FLAG_GOT_TERM | FLAG_CYCLING |
					  FLAG_BUNDLE | FLAG_BROUGHT_UP | FLAG_AWAITS);
	if (next == STATE_UP) {
		x->s.ready = x->s.since;
		x->s.flags |= FLAG_READY;
	} else {
		x->s.flags &= ~(uint32_t)FLAG_READY;
	}
	x->dirty = 1;
}

void service_event(struct service *x, enum machine_event event)
{
	static struct {
		enum machine_action action;
		void (*act)(struct service *);
	} const acts[] = {
		{ DO_FORGET, do_forget },
		{ DO_STOP, do_stop },
		{ DO_END_LOG, do_end_log },
		{ DO_KILL, do_kill },
		{ DO_FINISH, service_start_finish },
		{ DO_KILL_FINISH, service_finish_due },
		{ DO_BACKOFF, do_backoff },
		{ DO_REST, do_rest },
		{ DO_WAIT, do_wait },
		{ DO_START, service_start },
	};
	struct machine_facts facts = {
		.want = (enum status_want)x->s.want,
		.after = x->after,
		.has_finish = (x->s.flags & FLAG_RAN) && (x->config.entries & ENTRY_FINISH) &&
			      !x->sup->at_once,
		.again = (x->s.flags & FLAG_AGAIN) != 0,
	};
	struct machine_step step = machine_step((enum status_state)x->s.state, event, &facts);

	enter(x, step.next);
	if (step.actions & DO_SWEEP)
		x->sweeping = 1;
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if (step.actions & acts[i].action)
			acts[i].act(x);
}

/* Nothing runs, nothing is due. */
int service_at_rest(struct service const *x)
{
	if (x->s.state != STATE_DOWN && x->s.state != STATE_FAILED)
		return 0;
	for (unsigned int i = 0; i < ROLE_COUNT; i++)
		if (x->s.child[i].pid)
			return 0;
	return !x->sweeping && !x->queued;
}
