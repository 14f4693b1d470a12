/* A tree under stress: one cinit, its services, fifty waiters and eight senders, and a monkey that
 * kills supervisors at random instants. No acknowledgement and no wake-up is lost, and none is
 * invented; nothing runs twice, nothing is lost, and what was acknowledged was done.
 *
 * It goes in rounds. Each has a tree of its own, because cinit lets a supervisor that keeps dying
 * wait longer each time; so in a round a supervisor is killed a few times only. A round has phases:
 * senders and monkey work, then all comes to rest, and every waiter must have seen the last record.
 * Then the tree stops, and the books are closed.
 *
 * CINIT_STRESS_SECONDS: how long (8). CINIT_STRESS_SEED: as it was printed; each round adds one. */
#include "init.h"
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

enum { PHASES = 2 };
#define ROUND 170 /* seconds, should somebody wait in vain */

static uint64_t seed;
struct arena arena;
struct totals totals;

/* ----------------------------------------------------------------------------- those we fork */

static void child_ended(pid_t pid, int wstat)
{
	for (int i = 0; i < SENDERS; i++)
		if (arena.sender[i] == pid) {
			arena.sender[i] = 0;
			arena.failed |= wstat;
		}
	for (int i = 0; i < WAITERS; i++)
		if (arena.waiter[i] == pid) {
			arena.waiter[i] = 0;
			arena.failed |= wstat;
		}
}

static pid_t fork_one(char const *role, unsigned int self, void (*live)(unsigned int))
{
	pid_t parent = getpid();
	uint64_t chance = chance_pass_on();
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_IGN);
	snprintf(timeline_who, sizeof timeline_who, "%s %u", role, self);
	stress_self = self;
	chance_seed(chance, self);
	live(self);
	_exit(0);
}

/* Reads on until the end of the tree. */
static void wait_on(unsigned int self)
{
	static struct view v;
	uint64_t one = 1;

	view_open(&v, (int)(self % PLACES));
	view_look(&v);
	stress->first_change[self] = v.s.change;
	stress->first_incarnation[self] = v.s.incarnation;
	for (;;) {
		atomic_store(&stress->seen[self], v.s.change);
		if ((atomic_load(&stress->bell) || timeline_complaint()) &&
			write(stress_bell, &one, sizeof one) < 0)
			timeline_complain(v.where, "unable to ring: %s", strerror(errno));
		if (view_is_over(v.where, &v.s))
			return;
		/* a hang-up lasts: it does not matter when its waiter sleeps in */
		if (chance_below(16) == 0)
			chance_pause(chance_below(5 * CLOCK_MILLISEC));
		view_wait(&v, clock_boottime() + 3 * PATIENCE); /* others complain sooner */
		atomic_fetch_add(&stress->wakes[self], 1);
		view_look(&v);
	}
}

/* ------------------------------------------------------------------------------------- the test */

void arena_fail(void)
{
	if (!timeline_complaint())
		timeline_object(PLACES, "a child ended badly: %#x", (unsigned int)arena.failed);
	timeline_tell();
	tree_messages();
	fail_msg("CINIT_STRESS_SEED=%llu: %s", (unsigned long long)(seed + totals.rounds),
		timeline_complaint());
}

void arena_turn(uint64_t nanoseconds)
{
	uint64_t count;

	if (tree_poll(stress_bell, POLLIN, clock_boottime() + nanoseconds) > 0 &&
		read(stress_bell, &count, sizeof count) < 0)
		fail_msg("eventfd: %s", strerror(errno));
	if (timeline_complaint() || arena.failed)
		arena_fail();
}

/* ----------------------------------------------------------------------------------- phases */

static int has_settled(int where)
{
	struct place *p = &arena.place[where];
	struct status const *s = &p->s;

	place_look(p);
	if (where == CINIT)
		return p->e == STATUS_OK;
	/* the logger's supervisor is its service's */
	int killed = where == WEB_LOG ? WEB : where;
	if (p->e != STATUS_OK || s->supervisor == (uint32_t)arena.last_killed[killed])
		return 0;
	return s->want == WANT_DOWN ? s->state == STATE_DOWN
				    : s->state == STATE_UP && !(s->flags & FLAG_AGAIN);
}

static int has_seen(unsigned int waiter)
{
	return atomic_load(&stress->seen[waiter]) >= arena.place[waiter % PLACES].s.change;
}

/* All that is wanted is so, and every waiter has read the record that says it. */
static void come_to_rest(void)
{
	uint64_t limit = clock_boottime() + PATIENCE;
	int settled = 0;
	unsigned int seen = 0;

	atomic_store(&stress->bell, 1);
	while (settled < PLACES || seen < WAITERS) {
		if (settled < PLACES && has_settled(settled)) {
			settled++;
			continue;
		}
		if (settled == PLACES && has_seen(seen)) {
			seen++;
			continue;
		}
		arena_turn(10 * CLOCK_MILLISEC);
		monkey_look_for_the_lost();
		if (clock_boottime() < limit)
			continue;
		if (settled < PLACES)
			timeline_object(settled, "does not come to rest");
		else
			timeline_object((int)seen % PLACES,
				"waiter %u sleeps at record %llu, and number %llu is the last",
				seen, (unsigned long long)atomic_load(&stress->seen[seen]),
				(unsigned long long)arena.place[seen % PLACES].s.change);
		arena_fail();
	}
	atomic_store(&stress->bell, 0);
}

static void all_end(pid_t const *pid, int n, char const *who)
{
	uint64_t limit = clock_boottime() + 2 * PATIENCE;

	for (int i = 0; i < n;) {
		if (!pid[i]) {
			i++;
			continue;
		}
		arena_turn(100 * CLOCK_MILLISEC);
		if (clock_boottime() > limit) {
			timeline_object(PLACES, "%s %d does not end", who, i);
			arena_fail();
		}
	}
}

static void run_phase(uint64_t until)
{
	timeline_note(PLACES, "a phase begins");
	atomic_store(&stress->sending, 1);
	for (unsigned int i = 0; i < SENDERS; i++)
		arena.sender[i] = fork_one("sender", i, sender_live);
	monkey_live(until);
	atomic_store(&stress->sending, 0);
	all_end(arena.sender, SENDERS, "sender");
	timeline_note(PLACES, "the senders have ended");
	come_to_rest();
	timeline_note(PLACES, "all is at rest");
}

/* ---------------------------------------------------------------------------------- a round */

static void make_service(int where, char const *words)
{
	char program[256];
	struct place *p = &arena.place[where];
	char const *log = where == WEB_LOG ? "web/log" : place_names[where];

	*p = place_make(place_names[where]);
	snprintf(program, sizeof program, "%s/test/helper/witness", getenv("CINIT_BUILD"));
	assert_int_equal(symlink(program, tree_name("services/%s/run", log)), 0);
	place_write(p, "run.params", words);
}

static void begin_round(void)
{
	memset(&arena, 0, sizeof arena);
	alarm(ROUND);
	stress_begin();
	tree.orphan = child_ended;
	for (int i = 0; i < CINIT; i++)
		make_service(i, i == WORK      ? "worker\n"
				: i == WEB     ? "echo\n"
				: i == WEB_LOG ? "log\n"
					       : "");
	arena.place[CINIT] = place_at(".cinit", tree_name("run/.cinit"));
	arena.cinit = init_run(NULL);
	for (int i = 0; i < CINIT; i++)
		UNTIL(&arena.place[i], s->state == STATE_UP);
	for (int i = 0; i < CINIT; i++)
		while (!atomic_load(&witness[i]->pid)) {
			arena_turn(CLOCK_MILLISEC);
			monkey_look_for_the_lost();
		}
	for (unsigned int i = 0; i < WAITERS; i++)
		arena.waiter[i] = fork_one("waiter", i, wait_on);
}

static void end_round(void)
{
	timeline_note(PLACES, "the tree stops");
	atomic_store(&stress->stopping, 1);
	kill(arena.cinit, SIGTERM);
	if (chance_below(2))
		monkey_live_on(arena.cinit);
	assert_int_equal(tree_end(arena.cinit), EXIT(0));
	for (int i = 0; i < WAITERS; i++)
		if (arena.waiter[i] && arena.late[i % PLACES]) {
			kill(arena.waiter[i], SIGKILL);
			arena.waiter[i] = 0;
		}
	all_end(arena.waiter, WAITERS, "waiter");
	arena_close();
	stress_end();
	totals.rounds++;
}

static void nothing_is_lost_and_nothing_invented(void **state)
{
	char const *seconds = getenv("CINIT_STRESS_SECONDS");
	uint64_t end =
		clock_boottime() + (seconds ? strtoull(seconds, NULL, 10) : 8) * CLOCK_SECOND;

	for (int first = 1; first || clock_boottime() < end; first = 0) {
		if (!first && (tree_teardown(state) || tree_setup(state)))
			fail_msg("unable to begin another round");
		chance_seed(seed + totals.rounds, 0);
		begin_round();
		for (int i = 0; i < PHASES; i++)
			run_phase(clock_boottime() + (300 + chance_below(400)) * CLOCK_MILLISEC);
		end_round();
	}
	print_message("# %llu rounds, %llu supervisors killed, %llu changes, %llu frames (%llu "
		      "sent again, %llu in doubt), %llu wake-ups\n",
		(unsigned long long)totals.rounds, (unsigned long long)totals.kills,
		(unsigned long long)totals.changes, (unsigned long long)totals.frames,
		(unsigned long long)totals.again, (unsigned long long)totals.doubts,
		(unsigned long long)totals.wakes);
	assert_true(totals.kills && totals.frames && totals.wakes);
}

static int setup(void **state)
{
	char const *given = getenv("CINIT_STRESS_SEED");

	seed = given ? strtoull(given, NULL, 10) : cinit_ipc_id() >> 40;
	print_message("# seed %llu\n", (unsigned long long)seed);
	return tree_setup(state);
}

static int teardown(void **state)
{
	stress_end();
	return tree_teardown(state);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_is_lost_and_nothing_invented, setup, teardown),
	};
	return cmocka_run_group_tests_name("stress_tree", tests, NULL, NULL);
}
