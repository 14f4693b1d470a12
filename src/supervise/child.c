/* A child until it executes.
 *
 * Its first act is to close everything that is not its own: a copy of `out` would keep
 * waiters asleep, a copy of `lock` would keep a successor out. Then it prepares itself, stops at
 * its gate, and executes when the supervisor has published its pid; if the supervisor dies instead,
 * it reads the end of the gate and exits without having run anything. Gate and report are one
 * socket: a byte in, {stage, errno} out, and a hang-up when exec has happened. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>

#include "../lib/clock.h"
#include "../lib/interpreter.h"
#include "../lib/process.h"
#include "cgroup.h"
#include "launch.h"
#include "program.h"
#include "ready.h"

#define GATE_FD 3 /* or the next, where that is the notification-fd */

static int open_stdio(struct service const *x, enum status_role role)
{
	struct supervisor const *sup = x->sup;
	int logger = x->is_log && role == ROLE_RUN;
	if (x->lines.fd >= 0) {
		/* finish and scripts, too: all come in the order in which they were written */
		int lines = lines_child_fd(x);
		return lines < 0 || dup2(lines, 1) < 0 ? -1 : 0;
	}
	if (sup->pipe < 0 || (x->is_log && !logger))
		return 0;
	/* non-blocking only for the open: nothing before the gate may wait */
	int fd = openat(sup->service.dir, "pipe",
		(logger ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fcntl(fd, F_SETFL, logger ? O_RDONLY : O_WRONLY) < 0)
		return -1;
	return dup2(fd, logger ? 0 : 1) < 0 ? -1 : 0;
}

/* Puts the descriptor that run tells its readiness by where it expects it, and closes what lies
 * between. */
static int place_notification(struct service const *x, int fd, int gate)
{
	int want = (int)x->config.notification_fd;
	if ((fd == want ? fcntl(fd, F_SETFD, 0) : dup2(fd, want)) < 0)
		return -1;
	for (int i = 3; i < want; i++)
		if (i != gate)
			close(i);
	process_close_from((want > gate ? want : gate) + 1);
	return 0;
}

/* Returns our end of the gate, or -1. */
static int drop_inherited(struct service const *x, enum status_role role, int gate)
{
	int tells = role == ROLE_RUN && x->config.kind == KIND_RUN && x->config.ready == READY_FD;
	int at = tells && x->config.notification_fd == GATE_FD ? GATE_FD + 1 : GATE_FD, ready = -1;

	if (open_stdio(x, role) < 0)
		return -1;
	sig_blocknone();
	/* the state directory, which it is opened by, may be where the gate goes; and so may it */
	if (tells && ((ready = ready_child_fd(x)) < 0 ||
			     (ready == at && (ready = fcntl(ready, F_DUPFD_CLOEXEC, at + 1)) < 0)))
		return -1;
	if (gate != at && dup3(gate, at, O_CLOEXEC) < 0)
		return -1;
	if (tells && place_notification(x, ready, at) < 0)
		return -1;
	if (!tells)
		process_close_from(at + 1);
	return at;
}

static _Noreturn void child_fails(int gate, enum program_stage stage, char const *text)
{
	struct report r = { .stage = (uint32_t)stage, .error = errno };
	snprintf(r.text, sizeof r.text, "%.151s", text);
	fd_write(gate, (char const *)&r, sizeof r);
	_exit(EXEC_EXIT);
}

static enum program_entry entry_of(struct service const *x, enum status_role role)
{
	switch (role) {
	case ROLE_RUN:
		return x->off                          ? PROGRAM_OFF
		       : x->config.entries & ENTRY_RUN ? PROGRAM_RUN
		       : x->config.entries & ENTRY_ON  ? PROGRAM_ON
						       : PROGRAM_RUN;
	case ROLE_FINISH:
		return PROGRAM_FINISH;
	case ROLE_CHECK:
		return PROGRAM_CHECK;
	case ROLE_CONTROL:
	case ROLE_SPARE1:
	case ROLE_SPARE2:
	case ROLE_COUNT:
		break;
	}
	return PROGRAM_CONTROL;
}

static void fill_program(struct service *x, enum status_role role, char letter, struct program *p,
	char *socket, size_t size)
{
	*p = (struct program){
		.name = x->name,
		.entry = entry_of(x, role),
		.letter = role == ROLE_CONTROL ? letter : 0,
		.pid = x->s.child[ROLE_RUN].pid,
		.exit_valid = (x->s.flags & FLAG_EXIT_VALID) != 0,
		.last_exit = x->s.last_exit,
		.entries = x->config.entries,
	};
	if (role == ROLE_RUN && x->config.kind == KIND_RUN && x->config.ready == READY_NOTIFY) {
		ready_socket(x, socket, size);
		p->notify = socket;
		p->watchdog_ms = x->config.watchdog;
	}
}

static _Noreturn void child_main(struct service *x, enum status_role role, char letter, int gate)
{
	struct program p;
	struct program_failure f = { 0 };
	char byte, socket[128];

	int at = drop_inherited(x, role, gate);
	if (at < 0)
		child_fails(gate, STAGE_STDIO, "pipe");
	setsid();
	umask(x->sup->o->umask);
	if (x->is_log && chdir("log") < 0)
		child_fails(at, STAGE_CHDIR, "log");
	fill_program(x, role, letter, &p, socket, sizeof socket);
	if (x->cgroup >= 0 && cgroup_join(x) < 0)
		child_fails(at, STAGE_CGROUP, program_name(p.entry));
	if (program_prepare(&p, &f) < 0)
		child_fails(at, f.stage, f.text);
	if (fd_read(at, &byte, 1) != 1)
		_exit(GATE_EXIT);
	program_execute(&p, &f);
	child_fails(at, f.stage, f.text);
}

pid_t child_fork(struct service *x, enum status_role role, char letter)
{
	int sv[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	pid_t pid = role != ROLE_RUN ? 0 : launch_run(x, program_name(entry_of(x, role)), sv[1]);
	if (!pid) {
		pid = fork();
		if (!pid) {
			close(sv[0]);
			child_main(x, role, letter, sv[1]);
		}
	}
	fd_close(sv[1]);
	if (pid < 0) {
		fd_close(sv[0]);
		return -1;
	}
	x->child[role] = (struct child){ .gate = sv[0], .pidfd = -1 };
	x->s.child[role] = (struct status_child){
		.pid = (uint32_t)pid, .phase = PHASE_GATED, .identity = process_identity(pid)
	};
	x->dirty = 1;
	return pid;
}

/* Why execve failed, where errno alone would mislead. */
static void explain_exec(struct service const *x, struct report const *r, char *text, size_t size)
{
	char file[sizeof r->text + 4], name[PATH_MAX];
	char const *hint = r->error == ENOEXEC
				   ? " (a script needs a first line that begins with #!)"
			   : r->error == E2BIG
				   ? " (one argument or variable may have 128 KiB, and all of them "
				     "a quarter of the limit of the stack)"
				   : "";

	/* we are in the service directory */
	snprintf(file, sizeof file, "%s%s", x->is_log ? "log/" : "", r->text);
	if (interpreter_is_to_blame(AT_FDCWD, file, r->error, name))
		snprintf(text, size, "unable to execute %s: its interpreter %.90s: %s", r->text,
			name, strerror(r->error));
	else
		snprintf(text, size, "unable to execute %s: %s%s", r->text, strerror(r->error),
			hint);
}

int child_shortage(int error)
{
	return value_shortage(error) || error == EAGAIN;
}

/* Of run it is known what follows. */
static int is_shortage(struct service const *x, enum status_role role, int error)
{
	return role == ROLE_RUN && !x->off && child_shortage(error);
}

/* What follows when run was not executed. */
static char const *consequence(struct service const *x, enum status_role role)
{
	if (role == ROLE_CHECK)
		return x->s.state == STATE_STARTING ? "not ready until it can be" : "";
	if (role != ROLE_RUN || x->off)
		return "";
	if (x->child[role].shortage)
		return "trying again, later each time";
	if (x->child[role].bad_config || x->config.restart == RESTART_NEVER ||
		x->s.want == WANT_ONCE ||
		(x->config.kind == KIND_ONESHOT && !(x->config.entries & ENTRY_RESTART)))
		return "not tried again";
	return "trying again, later each time";
}

/* The reason, as status shows it: "unable to execute run: Permission denied". What is tried again
 * and again is said once. */
static void explain(struct service *x, enum status_role role, struct report const *r)
{
	char text[STATUS_TEXT + 128];

	if (r->stage == STAGE_EXEC && r->error)
		explain_exec(x, r, text, sizeof text);
	else
		snprintf(text, sizeof text, "unable to %s %s%s%s", program_stage_text(r->stage),
			r->text, r->error ? ": " : "", r->error ? strerror(r->error) : "");
	text[STATUS_TEXT - 1] = 0;
	/* no errno: a value of the service directory, described in full; trying again would not
	 * mend it */
	x->child[role].bad_config = !r->error || (r->stage == STAGE_EXEC && r->error == E2BIG);
	x->child[role].shortage = (uint8_t)is_shortage(x, role, r->error);
	int news = strcmp(x->s.reason_text, text) != 0;
	if (role == ROLE_RUN || role == ROLE_CHECK)
		service_reason(x, x->child[role].bad_config ? REASON_CONFIG : REASON_EXEC,
			(uint32_t)r->error, text);
	if (news)
		say_then(x, text, consequence(x, role));
}

void child_report(struct service *x, enum status_role role)
{
	struct child *c = &x->child[role];
	struct report r;
	ssize_t n = recv(c->gate, &r, sizeof r, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	fd_close(c->gate);
	c->gate = -1;
	if (role == ROLE_RUN && n <= 0)
		x->launch.taken = 0; /* it closed its end: it executes, or has left */
	if (n == (ssize_t)sizeof r) {
		r.text[sizeof r.text - 1] = 0;
		c->exec_failed = 1;
		explain(x, role, &r);
		if (role == ROLE_CONTROL)
			service_job_begun(x);
	} else if (c->opened && x->s.child[role].phase == PHASE_GATED) {
		x->s.child[role].phase = PHASE_STARTED;
		x->dirty = 1;
		if (role == ROLE_RUN) {
			service_mended(x, 1u << REASON_EXEC | 1u << REASON_FORK |
						  1u << REASON_CONFIG | 1u << REASON_STRAY);
			if (x->config.kind == KIND_RUN)
				ready_executed(x);
			service_job_next(x); /* signals that waited for this */
		} else if (role == ROLE_CHECK) {
			service_mended(x, 1u << REASON_EXEC | 1u << REASON_CONFIG);
		} else if (role == ROLE_CONTROL) {
			service_job_begun(x);
		}
	}
}
