/* Whatever ends is reaped here, whoever it was. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "../lib/clock.h"
#include "../lib/command.h"
#include "init.h"
#include "message.h"

#define HEALTHY (10 * CLOCK_SECOND)
#define LAST_TRIES                                                                                 \
	3 /* supervisors that may die in a stop before their service is left to the sweep */

/* ------------------------------------------------------------------------ supervisors */

static int exit_code(struct status const *st)
{
	if (!(st->flags & FLAG_EXIT_VALID))
		return EXIT_SYSTEM;
	if (WIFSIGNALED(st->last_exit))
		return 128 + WTERMSIG(st->last_exit);
	return WEXITSTATUS(st->last_exit);
}

/* Does a logger wait for the end of its input? Has an essential service ended for good? Then so
 * does the tree. */
void reap_look(struct init *i, struct service *s, struct status const *st)
{
	char code[MESSAGE_NUMBER];

	if (st->want == WANT_EXIT && (st->state == STATE_DOWN || st->state == STATE_FAILED))
		spawn_let_go(i, s);
	if (~st->flags & (FLAG_ESSENTIAL | FLAG_ENDED) || i->stop.phase != STOP_NOT)
		return;
	info(s->name, ": essential, and it has ended: stopping the tree, exit code ",
		message_number(code, (unsigned int)exit_code(st)));
	shutdown_begin(i, SHUTDOWN_EXIT, exit_code(st));
}

/* It was told to end, and so it did. */
static void ended_as_told(struct init *i, struct service *s, uint64_t now)
{
	int renew = s->renew;

	s->renew = 0;
	s->row = 0;
	if (s->vanished)
		rescan_forget(i, s);
	else if (renew && i->stop.phase == STOP_NOT)
		tree_schedule(&i->tree, s, now);
}

/* What made it exit will make the next one exit: one line for all of them. A kill is news each
 * time. */
static void say_death(struct service *s, int const *wait_status)
{
	char end[MESSAGE_END], wait[MESSAGE_TIME];
	unsigned int ms = tree_backoff(s->row + 1);
	int exited = wait_status && WIFEXITED(*wait_status);

	if (exited && s->said & SAID_EXIT)
		return;
	s->said = (uint8_t)(exited ? s->said | SAID_EXIT : s->said & ~SAID_EXIT);
	if (exited && WEXITSTATUS(*wait_status) == EXIT_USAGE)
		warn(s->name, ": another supervisor has it; trying again until that is gone");
	else if (exited)
		warn(s->name, ": supervisor ", message_end(end, *wait_status),
			"; trying again, later each time");
	else
		warn(s->name, ": supervisor ",
			wait_status ? message_end(end, *wait_status) : "of a former cinit ended",
			"; another follows ", ms ? "in " : "at once",
			ms ? message_time(wait, ms) : "");
}

/* Is there anything to be done for it, be it `off`, `finish`, or the end of what it left behind? */
static int is_unfinished(struct status const *st)
{
	switch ((enum status_state)st->state) {
	case STATE_STARTING:
	case STATE_UP:
	case STATE_STOPPING:
	case STATE_FINISHING:
		return 1;
	case STATE_DOWN:
	case STATE_WAITING:
	case STATE_BACKOFF:
	case STATE_FAILED:
	case STATE_COUNT:
		break;
	}
	return 0;
}

/* `st`: its record; NULL: it cannot be read. */
static void died(struct init *i, struct service *s, struct status const *st, int const *wait_status,
	uint64_t now)
{
	int lives = takeover_lives(i, s);

	if (now - s->spawned >= HEALTHY) {
		s->row = 0;
		s->said &= (uint8_t)~SAID_EXIT;
	}
	if (i->stop.phase != STOP_NOT) {
		/* its service shall be stopped as it wishes, not swept: that takes a supervisor.
		 * So does finding one that was there before it. */
		if ((lives || (st && is_unfinished(st)) || takeover_unseen(i, s)) &&
			s->row < LAST_TRIES && i->stop.phase < STOP_KILL)
			spawn_again(i, s, now);
	} else if (s->vanished && !lives) {
		rescan_forget(i, s);
	} else {
		say_death(s, wait_status);
		spawn_again(i, s, now);
	}
}

/* It found another one that has the service. */
static int is_busy(int wait_status)
{
	return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EXIT_USAGE;
}

/* A supervisor has ended; `wait_status` is NULL where it was not ours. May forget the service. */
void reap_supervisor(struct init *i, struct service *s, int const *wait_status)
{
	struct status st;
	enum status_error e = status_read(i->run, s->name, &st, NULL);
	int known = e == STATUS_OK, unreadable = status_unreadable(e, errno);
	int missing = e == STATUS_SYSTEM && errno == ENOENT;
	int well = !wait_status || !*wait_status;
	uint64_t now = clock_boottime();

	if (missing)
		s->prepared = 0; /* its state directory may have been removed */
	tree_ended(&i->tree, s);
	if (known && wait_status && is_busy(*wait_status) && !s->vanished &&
		i->stop.phase < STOP_SWEEP && takeover(i, s, &st)) {
		shutdown_tell(i, s);
		return;
	}
	/* those of a supervisor that was not ours are not ours either */
	if (known && wait_status)
		orphans_note(i, s, &st);
	if (known)
		reap_look(i, s, &st);
	/* the record says it and the exit code agrees: a supervisor that crashed on its way out has
	 * not ended. Where the record cannot be read, the exit code alone must do. */
	int said = known && st.flags & FLAG_EXITED && !st.supervisor && well;
	if (!said)
		state_unkept(i, s);
	if (said || (unreadable && wait_status && well))
		ended_as_told(i, s, now);
	else
		died(i, s, known ? &st : NULL, wait_status, now);
}

/* --------------------------------------------------------------------------- everybody */

static int wait_status_of(siginfo_t const *si)
{
	switch (si->si_code) {
	case CLD_EXITED:
		return (si->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return si->si_status | 0x80;
	default:
		return si->si_status;
	}
}

/* One that has ended and is not yet reaped. 0, or -1: it cannot be reaped. */
static int reap_one(struct init *i, siginfo_t const *si)
{
	pid_t pid = si->si_pid;
	int w = wait_status_of(si), ignored;
	struct service *s = tree_by_pid(&i->tree, pid);
	/* on disk before it is reaped: if we die in between, the next one reaps it again and the
	 * supervisor sees the same pid and identity twice */
	struct service *of = s ? NULL : orphans_record(i, pid, w);

	if (waitpid(pid, &ignored, WNOHANG) != pid)
		return -1;
	pidmap_drop(&i->swept, pid);
	if (of)
		spawn_poke(i->run, of->name);
	if (s)
		reap_supervisor(i, s, &w);
	else if (pid == i->upgrade.asked)
		upgrade_answered(i, w);
	else if (pid == i->cycles)
		cycles_ended(i, w);
	else if (i->cmd.phase == CMD_RUNS && pid == i->cmd.pid)
		cmd_ended(i, w);
	return 0;
}

/* Reaps all that have ended. Returns how many. The kernel lists a dead supervisor before the
 * orphans that it leaves (they are put at the end of our list when it dies), so what is known of
 * them is read before they are met. */
int reap(struct init *i)
{
	int count = 0;

	for (;; count++) {
		siginfo_t si = { 0 };
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0) {
			i->childless = errno == ECHILD;
			return count;
		}
		i->childless = 0;
		if (!si.si_pid || reap_one(i, &si) < 0)
			return count;
	}
}
