/* The monkey: kills, stops, ends and replaces whoever it meets. */
#include "chaos.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "process.h"

/* cinit lets a supervisor that dies again within ten seconds wait: not at all, 100 ms, 200 ms ...
 * It shall not wait longer than a service may be away. */
#define ROW_MAX  3
#define ROW_OVER (11 * CLOCK_SECOND)

#define STILL    (300 * CLOCK_MILLISEC) /* the longest that somebody is stopped */
#define ENOUGH   20                     /* stopped at once */

pid_t monkey_cinit;
struct bites bites;

static struct {
	pid_t pid;
	uint64_t identity, until;
} still[ENOUGH];
static unsigned int still_count;
static pid_t upgrade;      /* svctl that is under way */
static int upgrade_spoilt; /* cinit was killed meanwhile */
static uint64_t next_cinit;

/* ------------------------------------------------------------------------------- cinit */

void monkey_boot(void)
{
	monkey_cinit = init_start_copy(0, NULL);
	timeline_note(TREE, "cinit %d starts", (int)monkey_cinit);
	next_cinit = clock_boottime() + CLOCK_SECOND + chance_below(4 * CLOCK_SECOND);
}

static int record_of(struct place const *p, struct status *s)
{
	return status_read(AT_FDCWD, p->state, s, NULL) == STATUS_OK;
}

/* What is in a log pipe is held by cinit, or by whoever else has it open. The promise ends where
 * cinit dies while nobody else has: each supervisor of a logger has to be there then, and to stay
 * until the next cinit holds the pipe. */
static int pipes_are_held(void)
{
	struct status s;

	for (int i = 0; i < service_count; i++) {
		struct service const *x = &services[i];
		if (!(x->kind->flags & LOGGED))
			continue;
		if (!record_of(&x->place, &s) ||
			(s.supervisor && (pid_t)s.supervisor == x->last_killed) ||
			(s.supervisor && process_alive((pid_t)s.supervisor,
						 s.supervisor_identity) != PROCESS_ALIVE))
			return 0;
	}
	return 1;
}

static int cinit_is_up(void)
{
	static pid_t up;
	struct place p = place_at(".cinit", tree_name("run/.cinit"));
	struct status s;

	if (up != monkey_cinit && record_of(&p, &s) && (pid_t)s.supervisor == monkey_cinit &&
		s.state == STATE_UP)
		up = monkey_cinit;
	return up == monkey_cinit;
}

static void kill_cinit(void)
{
	if (!pipes_are_held())
		return;
	timeline_note(TREE, "KILL to cinit %d", (int)monkey_cinit);
	kill(monkey_cinit, SIGKILL);
	tree_end(monkey_cinit);
	bites.cinits++;
	upgrade_spoilt = 1;
	if (chance_below(2))
		chance_pause(chance_below(20 * CLOCK_MILLISEC));
	monkey_boot();
}

static void begin_upgrade(void)
{
	static char const *const argv[] = { "svctl", "-w", "20", "upgrade", NULL };

	if (upgrade || !cinit_is_up())
		return;
	init_install();
	timeline_note(TREE, "svctl upgrade");
	upgrade_spoilt = 0;
	upgrade = tree_start("upgrade", argv);
	bites.upgrades++;
}

/* It fails only where cinit was killed. */
static void look_at_upgrade(int wait)
{
	if (!upgrade || (!wait && !tree_ended(upgrade)))
		return;
	int w = tree_end(upgrade);
	timeline_note(TREE, "svctl upgrade: %#x%s", (unsigned int)w,
		upgrade_spoilt ? ", cinit was killed" : "");
	if (w && !upgrade_spoilt)
		CHAOS_FAIL(
			TREE, "svctl upgrade: %#x: %s", (unsigned int)w, tree_read("upgrade.err"));
	upgrade = 0;
}

/* ------------------------------------------------------------------------- standing still */

static void go_on(unsigned int n)
{
	process_signal(still[n].pid, still[n].identity, SIGCONT);
	still[n] = still[--still_count];
}

static void let_go_on(uint64_t now)
{
	for (unsigned int n = still_count; n-- > 0;)
		if (still[n].until <= now)
			go_on(n);
}

static void stop(int i, char const *what, pid_t pid, uint64_t identity)
{
	if (still_count == ENOUGH || process_signal(pid, identity, SIGSTOP) != 1)
		return;
	timeline_note(i, "STOP to %s %d", what, (int)pid);
	still[still_count].pid = pid;
	still[still_count].identity = identity;
	still[still_count++].until = clock_boottime() + chance_below(STILL);
	bites.stops++;
}

/* --------------------------------------------------------------------------------- services */

static void signal_child(
	int i, char const *what, struct status_child const *c, int sig, unsigned int *count)
{
	if (!c->pid || process_signal((pid_t)c->pid, c->identity, sig) != 1)
		return;
	timeline_note(i, "%s to %s %u", sig == SIGKILL ? "KILL" : "TERM", what, c->pid);
	++*count;
}

/* Scripts and checks are seldom there: they come first, as a rule. */
static unsigned int choose(struct status const *s)
{
	for (unsigned int role = ROLE_FINISH; role < ROLE_SPARE1 && chance_below(4); role++)
		if (s->child[role].pid)
			return role;
	return ROLE_RUN;
}

static void bite_child(int i, struct place const *p, char const *what, unsigned int *count)
{
	static char const *const names[ROLE_COUNT] = { "run", "finish", "control", "check" };
	struct status s;

	if (!record_of(p, &s))
		return;
	unsigned int role = choose(&s);
	struct status_child const *c = &s.child[role];
	if (role != ROLE_RUN) {
		what = names[role];
		count = &bites.others;
	}
	if (chance_below(4) == 0 && c->pid && c->phase == PHASE_STARTED)
		stop(i, what, (pid_t)c->pid, c->identity);
	else
		signal_child(i, what, c, chance_below(3) ? SIGKILL : SIGTERM, count);
}

static int may_kill_supervisor(struct service const *x, struct status const *s)
{
	uint64_t now = clock_boottime();

	if (!s->supervisor || (pid_t)s->supervisor == x->last_killed)
		return 0;
	return x->row < ROW_MAX || now - x->last > ROW_OVER;
}

static void kill_supervisor(int i)
{
	struct service *x = &services[i];
	struct status s;

	if (x->kind->flags & LOGGED && !cinit_is_up())
		return;
	if (!record_of(&x->place, &s) || !may_kill_supervisor(x, &s) ||
		process_signal((pid_t)s.supervisor, s.supervisor_identity, SIGKILL) != 1)
		return;
	timeline_note(i, "KILL to supervisor %u", s.supervisor);
	uint64_t now = clock_boottime();
	x->row = now - x->last > ROW_OVER ? 1 : x->row + 1;
	x->last = now;
	x->last_killed = (pid_t)s.supervisor;
	bites.supervisors++;
}

/* TERM tells it to exit: an order that nobody acknowledges, so who gives orders keeps away. */
static void end_supervisor(int i)
{
	struct status s;
	int none = 0;

	if (!(services[i].kind->flags & LONELY) ||
		!atomic_compare_exchange_strong(&chaos->of[i].taken, &none, 1))
		return;
	if (record_of(&services[i].place, &s) && s.supervisor &&
		process_signal((pid_t)s.supervisor, s.supervisor_identity, SIGTERM) == 1) {
		timeline_note(i, "TERM to supervisor %u", s.supervisor);
		atomic_store(&chaos->of[i].order, ORDER_UNKNOWN);
		bites.terms++;
	}
	atomic_store(&chaos->of[i].taken, 0);
}

static void touch_supervisor(int i, int sig)
{
	struct status s;

	if (!record_of(&services[i].place, &s) || !s.supervisor)
		return;
	if (sig == SIGSTOP) {
		stop(i, "supervisor", (pid_t)s.supervisor, s.supervisor_identity);
	} else if (process_signal((pid_t)s.supervisor, s.supervisor_identity, sig) == 1) {
		timeline_note(i, "USR1 to supervisor %u: it executes itself", s.supervisor);
		bites.execs++;
	}
}

static void breathe(void)
{
	if (chance_below(2))
		chance_pause(chance_below(500000));
}

/* Something is in the pipe when they die. */
static void fill_pipe(int i)
{
	struct status s;

	if (!record_of(&services[i].log, &s) || !s.child[ROLE_RUN].pid)
		return;
	stop(i, "logger", (pid_t)s.child[ROLE_RUN].pid, s.child[ROLE_RUN].identity);
	chance_pause(chance_below(10 * CLOCK_MILLISEC));
}

/* Service, logger and supervisor, in any order, at once or nearly so. */
static void kill_all(int i)
{
	unsigned int first = (unsigned int)chance_below(3);

	if (services[i].kind->flags & LOGGED)
		fill_pipe(i);
	for (unsigned int n = 0; n < 3; n++) {
		struct status s;
		switch ((first + n) % 3) {
		case 0:
			kill_supervisor(i);
			break;
		case 1:
			if (record_of(&services[i].place, &s))
				signal_child(
					i, "run", &s.child[ROLE_RUN], SIGKILL, &bites.services);
			break;
		default:
			if (services[i].kind->flags & LOGGED && record_of(&services[i].log, &s))
				signal_child(
					i, "logger", &s.child[ROLE_RUN], SIGKILL, &bites.loggers);
		}
		breathe();
	}
	bites.all++;
}

static int any_with(unsigned int flags)
{
	int i;

	do
		i = (int)chance_below((uint64_t)service_count);
	while (!(services[i].kind->flags & flags));
	return i;
}

static void bite(int i)
{
	switch (chance_below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		kill_supervisor(i);
		break;
	case 4:
		kill_all(i);
		break;
	case 5:
		kill_all(any_with(LOGGED));
		break;
	case 6:
		end_supervisor(i);
		break;
	case 7:
		touch_supervisor(i, SIGSTOP);
		break;
	case 8:
		touch_supervisor(i, SIGUSR1);
		break;
	case 9:
		i = any_with(LOGGED);
		bite_child(i, &services[i].log, "logger", &bites.loggers);
		break;
	case 10:
		i = any_with(FINISH | SCRIPTS | CHECKED);
		bite_child(i, &services[i].place, "run", &bites.services);
		break;
	default:
		bite_child(i, &services[i].place, "run", &bites.services);
	}
}

static void bite_cinit(void)
{
	switch (chance_below(60)) {
	case 0:
		begin_upgrade();
		break;
	case 1:
		stop(TREE, "cinit", monkey_cinit, process_identity(monkey_cinit));
		break;
	default:
		if (clock_boottime() > next_cinit)
			kill_cinit();
	}
}

void monkey_live(uint64_t until)
{
	while (clock_boottime() < until) {
		chaos_turn(chance_below(20 * CLOCK_MILLISEC));
		let_go_on(clock_boottime());
		look_at_upgrade(0);
		bite((int)chance_below((uint64_t)service_count));
		bite_cinit();
	}
}

void monkey_rest(void)
{
	while (still_count)
		go_on(still_count - 1);
}

void monkey_live_on(void)
{
	look_at_upgrade(1);
	kill(monkey_cinit, SIGTERM);
	for (int n = (int)chance_below(8); n && !tree_ended(monkey_cinit); n--) {
		chance_pause(chance_below(5 * CLOCK_MILLISEC));
		kill_supervisor((int)chance_below((uint64_t)service_count));
	}
}
