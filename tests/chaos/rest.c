/* A moment of rest: everything must come to be as it was ordered, soon, and by nobody's hand.
 *
 * Soon is a second, and what the service's own settings make it wait, and not less than it takes
 * the machine to make a hundred processes: that is how load is allowed for. */
#include "chaos.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define LOST   CLOCK_SECOND
#define PULSES 100 /* processes made and ended: so slow the machine may be */
#define TRIES  5   /* to get an answer, when nobody disturbs */

/* Settings: the wait for a supervisor that died for the third time, backoff-max, timeout-kill for
 * run and for what it left, and a slow finish. */
#define DELAYS ((200 + 100 + 300 + 300 + 200) * CLOCK_MILLISEC)

uint64_t rest_longest;
static unsigned int pulses;
static uint64_t since[SERVICES_MAX + 1];

/* --------------------------------------------------------------------- what is to be */

static int find(char const *name)
{
	for (int i = 0; i < service_count; i++)
		if (!strcmp(services[i].kind->name, name))
			return i;
	return -1;
}

static int order_of(int i)
{
	return atomic_load(&chaos->of[i].order);
}

/* Which service its edge number n leads to; -1: there is none. Wants come last. */
static int edge(int i, int n)
{
	struct kind const *k = services[i].kind;

	if (n < EDGES)
		return k->needs[n] ? find(strchr(k->needs[n], '/') + 1) : -1;
	return k->wants ? find(k->wants) : -1;
}

/* Does anybody depend on it, or it on anybody? */
static int is_tied(int i)
{
	for (int j = 0; j < service_count; j++)
		for (int n = 0; n <= EDGES; n++)
			if ((j == i && edge(j, n) >= 0) || edge(j, n) == i)
				return 1;
	return 0;
}

/* What is to become of those depends on each other's records. */
static void look_at_tied(void)
{
	for (int i = 0; i < service_count; i++)
		if (is_tied(i))
			place_look(&services[i].place);
}

static int is_held(int i)
{
	return (services[i].place.s.flags & FLAG_HELD) != 0;
}

/* By order, or for the sake of somebody who wants up. */
static int wants_up(int i)
{
	if (is_held(i))
		return 0;
	if (order_of(i) == ORDER_UP)
		return 1;
	for (int j = 0; j < service_count; j++)
		for (int n = 0; n <= EDGES; n++)
			if (edge(j, n) == i && wants_up(j))
				return 1;
	return 0;
}

static int is_met(int i)
{
	for (int n = 0; n < EDGES; n++) {
		int need = edge(i, n);
		if (need >= 0 && !(wants_up(need) && is_met(need)))
			return 0;
	}
	return 1;
}

/* A bundle stays up, and is not ready, while what it needs crashes and comes back; that may have to
 * wait in turn, for one that was ordered down meanwhile. */
static int is_up_beside_a_crash(int i)
{
	struct status const *s = &services[i].place.s;
	int crashed = services[i].kind->flags & BUNDLE && s->state == STATE_UP &&
		      !(s->flags & FLAG_READY);

	for (int n = 0; n < EDGES; n++)
		crashed = crashed && (edge(i, n) < 0 || wants_up(edge(i, n)));
	return crashed;
}

static uint64_t delays(int i)
{
	uint64_t all = DELAYS;

	for (int n = 0; n <= EDGES; n++)
		if (edge(i, n) >= 0)
			all += delays(edge(i, n));
	return all;
}

/* -------------------------------------------------------------------------- what is */

static int lives(uint32_t pid, uint64_t identity)
{
	return pid && process_alive((pid_t)pid, identity) == PROCESS_ALIVE;
}

static char const *not_up(struct service const *x)
{
	struct status const *s = &x->place.s;
	struct status_child const *run = &s->child[ROLE_RUN];

	if (x->kind->flags & FRAIL && s->state == STATE_FAILED)
		return NULL;
	if (s->state != STATE_UP || s->flags & FLAG_AGAIN || !(s->flags & FLAG_READY))
		return "is not up";
	if (x->kind->flags & (ONESHOT | BUNDLE))
		return NULL;
	if (!lives(run->pid, run->identity))
		return "is up, and nobody is there";
	return atomic_load(&x->witness->pid) == run->pid ? NULL : "is up, and another one lives";
}

/* Whoever holds the lock is an instance, or what one has left behind. */
static char const *not_down(struct service const *x)
{
	char const *e = NULL;

	if (x->place.s.state != STATE_DOWN || x->place.s.child[ROLE_RUN].pid)
		return "is not down";
	int fd = open(shared_name(x->kind->name, ".lock"), O_RDWR | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		e = "is down, and something of it lives";
	if (fd >= 0)
		close(fd);
	return e;
}

static char const *not_exited(struct service const *x)
{
	struct status const *s = &x->place.s;

	if (!(s->flags & FLAG_EXITED) || s->supervisor)
		return "has not exited";
	return not_down(x);
}

static char const *logger_lacks(struct service *x)
{
	place_look(&x->log);
	if (x->log.e != STATUS_OK || x->log.s.state != STATE_UP ||
		!lives(x->log.s.child[ROLE_RUN].pid, x->log.s.child[ROLE_RUN].identity))
		return "has no logger";
	return NULL;
}

/* NULL: it is as ordered. */
static char const *lacks(int i)
{
	struct service *x = &services[i];
	struct status const *s = &x->place.s;
	char const *e;

	if (is_tied(i))
		look_at_tied();
	else
		place_look(&x->place);
	if (x->place.e != STATUS_OK)
		return "has no record";
	if ((e = client_undone(s, (enum order)order_of(i))))
		return e;
	if (order_of(i) == ORDER_EXIT)
		return not_exited(x);
	if (!lives(s->supervisor, s->supervisor_identity) || (pid_t)s->supervisor == x->last_killed)
		return "has no supervisor";
	if (x->kind->flags & LOGGED && (e = logger_lacks(x)))
		return e;
	if (x->kind->flags & ONCE && order_of(i) != ORDER_DOWN)
		return s->state == STATE_DOWN ? not_down(x) : not_up(x);
	if (!wants_up(i))
		return not_down(x);
	if (!is_met(i))
		return s->state == STATE_WAITING || is_up_beside_a_crash(i)
			       ? NULL
			       : "does not wait for what it needs";
	return not_up(x);
}

/* -------------------------------------------------------------------------------- waiting */

static void pulse(void)
{
	char const *argv[] = { tree_name("bin/witness"), NULL };

	tree_end(tree_start("pulse", argv));
	pulses++;
}

static void complain(int i, char const *what)
{
	struct status const *s = &services[i].place.s;
	uint64_t ms = (clock_boottime() - since[i]) / CLOCK_MILLISEC;

	if (i == TREE)
		CHAOS_FAIL(TREE, "at rest for %llu ms, and %s", (unsigned long long)ms, what);
	CHAOS_FAIL(i,
		"at rest for %llu ms (%u processes made), and %s: state %s, want %s, flags %#x, "
		"reason `%s', run %u, supervisor %u; ordered: %d",
		(unsigned long long)ms, pulses, what, status_state_name(s->state),
		status_want_name(s->want), s->flags, s->reason_text, s->child[ROLE_RUN].pid,
		s->supervisor, order_of(i));
}

static void settle(void)
{
	int settled = 0;
	char what[200];

	for (pulses = 0; settled <= service_count;) {
		char const *e = settled < service_count              ? lacks(settled)
				: leaks_processes(what, sizeof what) ? what
								     : NULL;
		uint64_t now = clock_boottime();
		if (!e) {
			if (now - since[settled] > rest_longest && settled < service_count)
				rest_longest = now - since[settled];
			settled++;
			continue;
		}
		uint64_t limit = LOST + (settled < service_count ? delays(settled) : DELAYS);
		if (now - since[settled] > limit && pulses > PULSES)
			complain(settled, e);
		pulse();
		chaos_turn(CLOCK_MILLISEC);
	}
}

/* Says it until it is acknowledged: nobody is in the way, but for a supervisor that was told to
 * exit a moment ago and is about to. */
static void say(int i, char const *verb)
{
	char const *words[] = { verb, services[i].kind->name, NULL };
	uint64_t limit = clock_boottime() + LOST + delays(i);
	int code = 1;

	for (int tries = 0; code && (tries < TRIES || clock_boottime() < limit); tries++) {
		if (tries)
			chaos_turn(10 * CLOCK_MILLISEC);
		timeline_note(i, "svctl %s", verb);
		code = client_run(words);
		timeline_note(i, "svctl %s: %d", verb, code);
	}
	if (code)
		CHAOS_FAIL(
			i, "at rest, and svctl %s is not acknowledged: exit code %d", verb, code);
	since[i] = clock_boottime();
}

static void decide(int i)
{
	int once = (services[i].kind->flags & ONCE) != 0;

	if (services[i].kind->flags & PAUSES)
		say(i, "cont");
	if (order_of(i) == ORDER_EXIT && chaos->of[i].rescans != chaos->rescans)
		atomic_store(&chaos->of[i].order, ORDER_UNKNOWN);
	if (order_of(i) != ORDER_UNKNOWN)
		return;
	say(i, once ? "once" : "up");
	atomic_store(&chaos->of[i].order, once ? ORDER_ONCE : ORDER_UP);
}

/* ------------------------------------------------------------------------------ the journal */

static void read_journal(void)
{
	FILE *f = fopen(tree_name("journal"), "re");
	char name[32], kind;
	int pid;
	unsigned long long when;

	while (f && fscanf(f, "%31s %c %d %llu\n", name, &kind, &pid, &when) == 4) {
		char *slash = strchr(name, '/');
		if (slash)
			*slash = 0;
		int i = find(name);
		if (kind == '!' || kind == '?')
			CHAOS_FAIL(i < 0 ? TREE : i, "process %d: %s%s", pid,
				kind == '!' ? "another instance lives"
					    : "the record does not name it",
				slash ? " (logger)" : "");
	}
	if (f)
		fclose(f);
}

static void read_books(void)
{
	for (int i = 0; i < service_count; i++) {
		char const *e =
			services[i].kind->flags & LOGGED ? logbook_read(&services[i].book) : NULL;
		if (e)
			CHAOS_FAIL(i, "%s", e);
	}
}

void rest(void)
{
	for (int i = 0; i <= service_count; i++)
		since[i] = clock_boottime();
	timeline_note(TREE, "rest");
	for (int i = 0; i < service_count; i++)
		decide(i);
	/* at once a second time: what was there may have gone since */
	settle();
	settle();
	timeline_note(TREE, "all is as ordered");
	leaks_descriptors();
	read_books();
	read_journal();
}
