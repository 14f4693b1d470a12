/* Taking a service: the lock first, then what a predecessor left on disk. Nothing is touched before
 * the lock is ours. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "../lib/clock.h"
#include "../lib/condition.h"
#include "../lib/process.h"
#include "cgroup.h"
#include "ready.h"

/* Was there a supervisor before? Its byte is in the lock, until cinit forgets what was. */
static int has_been_held(struct service const *x)
{
	struct stat st;
	return fstat(x->lock, &st) < 0 || st.st_size > LOCK_BYTE(x);
}

/* Is the supervisor that `s` tells of there? */
static int is_there(struct status const *s)
{
	return s->supervisor &&
	       process_alive((pid_t)s->supervisor, s->supervisor_identity) == PROCESS_ALIVE;
}

/* Waits until somebody else has gone, whose end hangs up `gone`: 0. 1: a record tells meanwhile
 * that the lock's holder lives and means to stay; it was published after we had looked. -1: errno.
 */
static int await_lock(struct service *x, int gone)
{
	struct cinit_client c = { .base = x->dir, .path = ".", .in = -1, .out = -1 };
	struct status s;
	int r = 0;

	while (!r) {
		int stays = cinit_ipc_watch(&c, &s, 0) == STATUS_OK && is_there(&s);
		struct pollfd p[2] = { { .fd = gone }, { .fd = c.out } };
		if (stays)
			r = 1;
		else if (clock_poll(p, 2, 0) < 0)
			r = -1;
		else if (p[0].revents)
			break;
	}
	cinit_ipc_release(&c);
	return r;
}

/* The lock is held by a child of our predecessor that has not closed it yet, or stands behind one
 * that does; or by a supervisor that has not published anything yet. A helper on the same open file
 * description waits for it, so that this process need not: when the helper has it, so have we. As
 * await_lock. */
static int lock_later(struct service *x)
{
	int w, end[2];
	if (pipecoe(end) < 0)
		return -1;
	pid_t pid = fork();
	if (!pid)
		_exit(flock(x->lock, LOCK_EX) < 0);
	fd_close(end[1]);
	int r = pid < 0 ? -1 : await_lock(x, end[0]);
	fd_close(end[0]);
	if (pid > 0 && r)
		kill(pid, SIGKILL);
	if (pid > 0 && (waitpid_nointr(pid, &w, 0) < 0 || (!r && w)))
		r = -1;
	return r;
}

/* A logger is nobody's but its service's supervisor's: one lock serves both. */
static int take_lock(struct service *x)
{
	if (x->is_log) {
		x->lock = x->sup->service.lock;
		return 0;
	}
	x->lock = openat(
		x->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (x->lock < 0) {
		say_errno(x, "open", "lock", "not supervised");
		return -1;
	}
	if (!flock(x->lock, LOCK_EX | LOCK_NB))
		return 0;
	int r = errno == EWOULDBLOCK ? lock_later(x) : -1;
	if (r > 0)
		say(x, "already supervised by another process");
	else if (r < 0)
		say_errno(x, "lock", "lock", "not supervised");
	return r;
}

static int same_boot(struct service const *x, struct status const *s)
{
	static unsigned char const unknown[16];
	unsigned char const *ours = x->sup->o->boot_id;
	if (!memcmp(ours, unknown, 16) || !memcmp(s->boot_id, unknown, 16))
		return 1;
	return !memcmp(ours, s->boot_id, 16);
}

static void set_aside(struct service *x, enum status_error e)
{
	char text[128];
	snprintf(text, sizeof text, "status is %s; set aside as status.bad, beginning afresh",
		e == STATUS_SHORT     ? "cut short"
		: e == STATUS_FOREIGN ? "of another version"
		: e == STATUS_TORN    ? "damaged"
				      : "not to be understood");
	say(x, text);
	renameat(x->dir, "status", x->dir, "status.bad");
}

static void adopt_children(struct service *x)
{
	for (unsigned int i = 0; i < ROLE_COUNT; i++) {
		struct status_child const *c = &x->s.child[i];
		x->child[i] = (struct child){ .gate = -1, .pidfd = -1 };
		if (!c->pid)
			continue;
		x->child[i].adopted = 1;
		/* in this order: whom the descriptor finds is whom the comparison found */
		int fd = process_pidfd((pid_t)c->pid);
		enum process_alive alive = process_alive((pid_t)c->pid, c->identity);
		if (alive == PROCESS_GONE && fd >= 0)
			fd_close(fd);
		x->child[i].pidfd = alive == PROCESS_GONE ? -1 : fd;
		x->child[i].pidfd_is_its = fd >= 0 && alive == PROCESS_ALIVE;
		if (i == ROLE_RUN)
			x->s.flags |= FLAG_ADOPTED;
		if (c->phase == PHASE_GATED)
			x->gate_limit = clock_boottime() + CLOCK_SECOND;
	}
}

/* A session leader with our mark among our parent's children, which is where a dead supervisor's
 * go: an instance whose record is lost. Scripts carry marks of their own. */
static int find_run(pid_t pid, void *data)
{
	struct service *x = data;
	if (process_session(pid) != pid || service_marks(x, pid) != 1 ||
		process_names_env(pid, "CINIT_CONTROL") ||
		process_names_env(pid, "CINIT_EXIT_CODE"))
		return 0;
	x->s.child[ROLE_RUN] = (struct status_child){
		.pid = (uint32_t)pid,
		.phase = PHASE_STARTED,
		.identity = process_identity(pid),
	};
	return 1;
}

/* The record is lost; what runs is not: never two. */
static void recover_run(struct service *x)
{
	process_orphans(find_run, x, NULL);
	if (!x->s.child[ROLE_RUN].pid)
		return;
	say(x, "found its process running without a record; taking it over");
	x->s.state = STATE_UP;
	x->s.want = WANT_UP;
	x->s.starts = 1;
	x->s.started = x->s.ready = clock_boottime();
	x->s.flags |= FLAG_READY | FLAG_ASKED;
	x->fresh = 0;
}

static void begin(struct service *x, int was_read)
{
	memset(&x->s, 0, sizeof x->s);
	if (was_read) /* else it is zeros, in pages that we had better not touch */
		memset(&x->ring, 0, sizeof x->ring);
	/* so that a client never takes a first supervisor for the one it spoke to */
	x->s.incarnation = (uint32_t)cinit_ipc_id();
	x->s.since = clock_boottime();
	clock_label(&x->s.label_sec, &x->s.label_nsec);
}

int service_take(struct service *x)
{
	char unpublished = 0;
	int r = take_lock(x);
	if (r)
		return r;
	enum status_error e = status_read(x->dir, ".", &x->s, &x->ring);
	if (status_unreadable(e, errno)) {
		say_errno(x, "read", "status", "not supervised");
		return -1;
	}
	int missing = e == STATUS_SYSTEM && errno == ENOENT;
	/* one that was told to exit begins as at boot when it is started again */
	x->fresh = e != STATUS_OK || !same_boot(x, &x->s) || (x->s.flags & FLAG_EXITED);
	if (x->fresh) {
		int had_one = has_been_held(x);
		begin(x, !missing);
		/* reserves the byte that says why nothing can be published, should it come to that
		 */
		if (pwrite(x->lock, "", 1, LOCK_BYTE(x)) < 0)
			say_errno(x, "write to", "lock", 0);
		if (e != STATUS_OK && had_one)
			recover_run(x);
	} else if (pread(x->lock, &unpublished, 1, LOCK_BYTE(x)) == 1 && unpublished) {
		x->publish_failed = 1; /* a predecessor could not: the byte goes when we can */
	}
	adopt_children(x);
	cgroup_adopt(x);
	x->s.incarnation++;
	x->s.executed = clock_boottime();
	x->s.supervisor = (uint32_t)getpid();
	x->s.supervisor_identity = process_identity(getpid());
	memcpy(x->s.boot_id, x->sup->o->boot_id, 16);
	x->s.flags &= ~(uint32_t)(FLAG_EXITED | FLAG_HAS_LOG | FLAG_IS_LOG);
	x->s.flags |= x->is_log ? FLAG_IS_LOG : x->sup->has_log ? FLAG_HAS_LOG : 0;
	if (cinit_ipc_init(&x->ipc, x->dir, x->sup->o->control_group) < 0) {
		say_errno(x, "make", "in and out", "not supervised");
		return -1;
	}
	x->ipc.seals = x->sup->o->forked != 0; /* cinit breaks the seal when we die */
	if (e != STATUS_OK && !missing)
		set_aside(x, e); /* now that another one can take its place */
	x->dirty = 1;
	return 0;
}

/* What a predecessor had decided about a death, as far as the record tells. */
static enum machine_after decided(struct service const *x)
{
	if (x->s.want == WANT_DOWN || x->s.want == WANT_EXIT)
		return AFTER_REST;
	if (x->asked)
		return AFTER_START;
	if (x->s.reason == REASON_DEATHS || x->s.reason == REASON_FINISH)
		return AFTER_FAIL;
	if (x->s.reason == REASON_ENDED)
		return AFTER_REST;
	return x->s.backoff_ms ? AFTER_BACKOFF : AFTER_START;
}

/* After a predecessor: what it was about to do goes on. */
static void carry_on(struct service *x)
{
	/* nothing that runs is in `stopping` but what was told to go */
	x->foreign = 1;
	x->last_group = (pid_t)x->s.child[ROLE_RUN].pid;
	x->asked = (x->s.flags & FLAG_GOT_TERM) ||
		   (x->s.state == STATE_STOPPING && x->s.child[ROLE_RUN].pid);
	x->after = decided(x);
	/* off runs, or had still to be started */
	x->off = x->s.state == STATE_STOPPING && (x->s.flags & FLAG_BROUGHT_UP) &&
		 (x->s.child[ROLE_RUN].pid || x->config.entries & ENTRY_OFF);
	x->dependents.stale = 1;
	ready_resume(x);
	service_look_adopted(x);
	if (x->s.want != WANT_DOWN && x->s.want != WANT_EXIT && x->s.state != STATE_DOWN &&
		x->s.state != STATE_FAILED && (x->config.entries & ENTRY_DEPENDENCIES) &&
		!x->is_log && supervisor_run(x->sup) >= 0 && !needs_load(x, &x->config_error))
		x->needs_enter = 1; /* our entries may lie there already: they are the same */
	switch ((enum status_state)x->s.state) {
	case STATE_STARTING:
	case STATE_UP:
		if (!x->s.child[ROLE_RUN].pid)
			service_event(x, EVENT_NOT_STARTED); /* control/u was under way */
		break;
	case STATE_STOPPING:
	case STATE_FINISHING:
		service_tell_again(x);
		x->sweeping = 1;
		break;
	case STATE_DOWN:
	case STATE_FAILED:
	case STATE_BACKOFF:
	case STATE_COUNT:
		break;
	case STATE_WAITING:
		if (!x->needs_enter) /* somebody took them away */
			service_event(x, EVENT_NEEDS_MET);
		break;
	}
	if (x->s.want == WANT_EXIT) {
		x->sup->ending |= !x->is_log;
		service_event(x, EVENT_EXIT);
	}
}

/* It was published that it shall be down, and nothing was done about it yet. */
static void carry_on_down(struct service *x)
{
	if (x->s.want == WANT_DOWN &&
		(x->s.state == STATE_STARTING || x->s.state == STATE_UP ||
			x->s.state == STATE_WAITING || x->s.state == STATE_BACKOFF))
		service_event(x, EVENT_DOWN);
}

/* Does enable-if-env leave it out of this boot? 0: then it stays down, whoever depends on it. */
static int takes_part(struct service *x)
{
	char text[STATUS_TEXT];
	struct value_error e;

	if (x->is_log || !(x->config.entries & ENTRY_ENABLE_IF_ENV))
		return 1;
	int r = condition_env(AT_FDCWD, "enable-if-env", &e);
	if (r > 0)
		return 1;
	if (!r) {
		snprintf(text, sizeof text, "left out: enable-if-env: %s", e.text);
		x->s.flags |= FLAG_HELD;
		service_reason(x, REASON_LEFT_OUT, 0, text);
		return 0;
	}
	if (!x->config_bad) {
		x->config_error = e;
		x->config_bad = 1;
		say(x, e.text);
		service_reason(x, REASON_CONFIG, 0, e.text);
	}
	return 1; /* to fail at its start */
}

void service_resume(struct service *x)
{
	service_configure(x); /* a bad value is said there; starting finds it again and fails */
	if (!x->fresh)
		carry_on(x);
	else if (takes_part(x) && !(x->s.flags & FLAG_NORMALLY_DOWN)) {
		x->s.flags |= FLAG_ASKED;
		service_want(x, WANT_UP, EVENT_UP);
	} else if (x->s.reason == REASON_NONE && !x->is_log &&
		   x->sup->o->boot_want == BOOT_OTHERS) {
		service_reason(x, REASON_PROFILE, 0, "not in the profile of this boot");
	}
	service_look_dependents(x); /* some may have come before us */
	carry_on_down(x);
	x->config_read = 0; /* a later start reads what is there then */
}
