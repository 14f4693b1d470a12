/* CMD: waits until every service has been tried, runs with the terminal, and takes the tree along
 * when it ends. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/selfpipe.h>

#include "../lib/clock.h"
#include "../lib/command.h"
#include "../lib/signals.h"
#include "apart.h"
#include "init.h"
#include "message.h"

#define REPORT_FIRST (10 * CLOCK_SECOND)
#define REPORT_NEXT  (60 * CLOCK_SECOND)

/* ---------------------------------------------------------------------------- waiting */

/* Has the service been tried: is it up, or do we know that it is not coming up now? */
static int is_settled(struct status const *s)
{
	switch ((enum status_state)s->state) {
	case STATE_UP:
	case STATE_FAILED:
	case STATE_BACKOFF:
	case STATE_STOPPING:
	case STATE_FINISHING:
		return 1;
	case STATE_DOWN:
		return s->want != WANT_UP || s->reason == REASON_ENDED;
	case STATE_WAITING:
		return (s->flags & FLAG_BLOCKED) != 0;
	case STATE_STARTING:
	case STATE_COUNT:
		break;
	}
	return 0;
}

/* Looks at one service. 1: CMD need not wait for it. 0: it is watched, and hangs up when it
 * changes. */
static int look(struct init *i, struct service const *s, int hung_up)
{
	struct cinit_client *c = &i->cmd.watch;
	struct status st;

	if (s->phase == SERVICE_IDLE || (s->phase == SERVICE_DUE && s->row > 1))
		return 1;
	if (c->out >= 0 && !hung_up)
		return 0;
	c->base = i->run;
	c->path = s->name;
	enum status_error e = cinit_ipc_watch(c, &st, NULL);
	if (c->out < 0) {
		warn_error("; CMD does not wait for it", s->name, ": unable to watch");
		return 1;
	}
	/* a record of an earlier supervisor tells what was */
	return e == STATUS_OK && (pid_t)st.supervisor == s->supervisor && is_settled(&st);
}

/* 1: CMD may start. */
static int all_settled(struct init *i, int hung_up)
{
	struct cmd *cmd = &i->cmd;

	while (cmd->next < i->tree.count && look(i, i->tree.list[cmd->next], hung_up)) {
		cinit_ipc_release(&cmd->watch);
		hung_up = 0;
		cmd->next++;
	}
	return cmd->next >= i->tree.count;
}

/* The table has changed: who was looked at and is settled, is so at the second look too. */
void cmd_await_anew(struct init *i)
{
	cinit_ipc_release(&i->cmd.watch);
	i->cmd.next = 0;
}

/* A service was added that CMD need not wait for: who needs it waits for it. The one that is looked
 * at may have moved on by a place. */
void cmd_passes(struct init *i, struct service const *s)
{
	struct cmd *cmd = &i->cmd;

	if (cmd->next < i->tree.count && strcmp(s->name, i->tree.list[cmd->next]->name) <= 0)
		cmd->next++;
}

/* ---------------------------------------------------------------------------- running */

/* Makes CMD the foreground of the terminal that is its stdin. As PID 1 of a fresh PID namespace we
 * may have a terminal and no session to control it from: then CMD leads one. */
static void take_terminal(void)
{
	if (!isatty(0) || tcgetpgrp(0) >= 0 || errno != ENOTTY) {
		setpgid(0, 0);
		/* from the background this sends TTOU, which is still blocked here */
		if (isatty(0))
			tcsetpgrp(0, getpid());
	} else if (setsid() >= 0) {
		ioctl(0, TIOCSCTTY, 0);
	}
}

/* `cinit services' is easily written. */
static char const *hint(char const *command)
{
	struct stat st;
	return !stat(command, &st) && S_ISDIR(st.st_mode)
		       ? " (it is a directory: services are read from one after -d)"
		       : "";
}

static _Noreturn void child(struct init const *i)
{
	take_terminal();
	setrlimit(RLIMIT_NOFILE, &i->nofile);
	umask(i->umask);
	selfpipe_finish();
	signals_clean();
	execvp(i->cmd.argv[0], i->cmd.argv);
	int error = errno;
	char const *more = hint(i->cmd.argv[0]);
	strerr_warn(PROG, ": fatal: unable to execute ", i->cmd.argv[0], ": ", strerror(error),
		more, "; stopping the tree");
	_exit(error == ENOENT ? 127 : 126);
}

static void run(struct init *i, uint64_t now)
{
	struct cmd *cmd = &i->cmd;
	pid_t pid = apart_fork();

	if (!pid)
		child(i);
	if (pid > 0) {
		cmd->pid = pid;
		cmd->phase = CMD_RUNS;
		cmd->terminal = isatty(0) == 1;
		return;
	}
	if (!cmd->row++)
		warn_error("; trying again", "unable to fork for ", cmd->argv[0]);
	cmd->phase = CMD_DUE;
	cmd->due = now + tree_backoff(cmd->row + 1) * CLOCK_MILLISEC;
}

/* It takes long: somebody will want to know why. */
static void report(struct init *i, uint64_t now)
{
	struct cmd *cmd = &i->cmd;

	if (cmd->report && now >= cmd->report && cmd->next < i->tree.count)
		info(cmd->argv[0], " is still waiting for ", i->tree.list[cmd->next]->name);
	if (!cmd->report || now >= cmd->report)
		cmd->report = now + (cmd->report ? REPORT_NEXT : REPORT_FIRST);
}

/* `hung_up`: the service that CMD waits for has changed. */
void cmd_turn(struct init *i, uint64_t now, int hung_up)
{
	struct cmd *cmd = &i->cmd;

	if (i->stop.phase != STOP_NOT) {
		if (cmd->phase != CMD_RUNS) {
			cinit_ipc_release(&cmd->watch);
			cmd->phase = CMD_NONE;
		}
		return;
	}
	if (cmd->phase == CMD_AWAITS && all_settled(i, hung_up))
		run(i, now);
	else if (cmd->phase == CMD_AWAITS)
		report(i, now);
	else if (cmd->phase == CMD_DUE && now >= cmd->due)
		run(i, now);
}

/* Suspends us, as a shell's job that is stopped from the terminal: our group, which the shell waits
 * for. Where nobody could continue it, in a session that no shell controls and as PID 1, the kernel
 * passes over the signal. */
static void suspend(struct init const *i, int sig)
{
	sigset_t stop, before, waiting;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	kill(0, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, &before); /* here we stop */
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (tcgetpgrp(0) == getpgrp())
		tcsetpgrp(0, i->cmd.pid); /* in the foreground again, so CMD is */
	/* one that read or wrote in the background would do so again, if nobody has said that it
	 * goes on */
	if (sig == SIGTSTP || (!sigpending(&waiting) && sigismember(&waiting, SIGCONT)))
		kill(-i->cmd.pid, SIGCONT);
}

/* CMD stopped by the terminal would be continued by nobody, and the terminal would hang. */
void cmd_look_stopped(struct init *i)
{
	siginfo_t si = { 0 };

	if (i->cmd.phase != CMD_RUNS || !i->cmd.terminal || i->stop.phase != STOP_NOT)
		return;
	if (waitid(P_PID, (id_t)i->cmd.pid, &si, WSTOPPED | WNOHANG) < 0 || !si.si_pid)
		return;
	if (si.si_status == SIGTSTP || si.si_status == SIGTTIN || si.si_status == SIGTTOU)
		suspend(i, si.si_status);
}

void cmd_kill(struct init *i, int sig)
{
	if (i->cmd.phase == CMD_RUNS)
		kill(i->cmd.pid, sig);
}

void cmd_ended(struct init *i, int wait_status)
{
	int code =
		WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);

	i->cmd.phase = CMD_NONE;
	i->cmd.pid = 0;
	/* ctrl-c shall reach us from now on, and our caller's shell find its terminal as it was */
	if (i->cmd.terminal)
		tcsetpgrp(0, getpgrp());
	shutdown_begin(i, SHUTDOWN_EXIT, code);
}
