/* Many: a long chain, and what waiting costs. */
#include "depend.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"

#define MANY    1000
#define FACTOR  3 /* a chain of them takes no longer than so many times as many without needs */
#define WAITERS 20

/* n services that sleep: each needs the one before it, or none does. */
static void make(unsigned int n, int chain)
{
	char path[TREE_PATH], need[TREE_PATH + 16];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/s%04u", tree.services, i);
		if (mkdir(path, 0755) < 0)
			fail_msg("unable to make %s", path);
		snprintf(need, sizeof need, "%s/run", path);
		if (symlink("/bin/sleep", need) < 0)
			fail_msg("unable to make %s", need);
		snprintf(need, sizeof need, "services/s%04u/run.params", i);
		tree_write(need, 0644, "1000\n");
		if (!chain || !i)
			continue;
		snprintf(need, sizeof need, "services/s%04u/needs/s%04u", i, i - 1);
		tree_write(need, 0644, "");
	}
}

static void await_up(unsigned int i)
{
	struct place p;
	char name[16];

	snprintf(name, sizeof name, "s%04u", i);
	p = place_make(name);
	UP(&p);
	cinit_ipc_release(&p.client);
}

/* From the start of cinit until the last of them is up: ms. */
static uint64_t time_to_boot(unsigned int n, int chain)
{
	make(n, chain);
	uint64_t before = clock_boottime();
	pid_t cinit = init_start(0);
	for (unsigned int i = 0; i < n; i++)
		await_up(i);
	uint64_t ms = (clock_boottime() - before) / CLOCK_MILLISEC;
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	return ms;
}

/* In a tree of its own. */
static uint64_t measure(unsigned int n, int chain)
{
	uint64_t ms = time_to_boot(n, chain);
	assert_int_equal(tree_teardown(0), 0);
	assert_int_equal(tree_setup(0), 0);
	return ms;
}

static void a_long_chain(void **state)
{
	uint64_t alone, chain, quarter;
	(void)state;
	/* others work on this machine, too: the best of two counts */
	for (int tries = 0; tries < 2; tries++) {
		alone = measure(MANY, 0);
		quarter = measure(MANY / 4, 1);
		chain = measure(MANY, 1);
		print_message("%d alone %llu ms, a chain of them %llu ms, of %d %llu ms\n", MANY,
			(unsigned long long)alone, (unsigned long long)chain, MANY / 4,
			(unsigned long long)quarter);
		if (chain <= FACTOR * alone && chain <= 6 * quarter)
			return;
	}
	assert_true(chain <= FACTOR * alone);
	assert_true(chain <= 6 * quarter);
}

/* Waiting for a need that starts, that is held down, that is not there; awaiting a dependent; up
 * with needs. */
static void nobody_polls(void **state)
{
	static char const *const needs[] = { "starts", "held", "nosuch" };
	struct place starts = member_make("starts", "fd=3 hold=never"),
		     held = member_make("held", "fd=3"),
		     web = member_make("web", "fd=3 leave=never"), up = member_make("up", "fd=3"),
		     happy = member_make("happy", "fd=3"), waiter[WAITERS];
	unsigned long before[WAITERS + 4];
	(void)state;
	tree_hold("never");
	depend_on(&web, "needs", "held", NULL);
	depend_on(&happy, "needs", "up", NULL);
	place_write(&web, "timeout-kill", "0");
	depend_supervise(&starts, &held, &web, &up, &happy, NULL);
	UP(&web);
	UP(&happy);
	depend_force(&held);
	UNTIL(&web, s->state == STATE_STOPPING);
	for (int i = 0; i < WAITERS; i++) {
		char name[16];
		snprintf(name, sizeof name, "w%d", i);
		waiter[i] = member_make(name, "");
		depend_on(&waiter[i], i % 2 ? "needs" : "binds", needs[i % 3], NULL);
		place_supervise(&waiter[i]);
	}
	for (int i = 0; i < WAITERS; i++)
		WAITS(&waiter[i]);
	struct place const *all[WAITERS + 4] = { &held, &web, &up, &happy };
	for (int i = 0; i < WAITERS; i++)
		all[4 + i] = &waiter[i];
	/* what was said last has been heard at some time, and then nothing happens for a while */
	struct place const *awake;
	int tries = 0;
	do {
		awake = NULL;
		for (int i = 0; i < WAITERS + 4; i++)
			before[i] = tree_switches(all[i]->supervisor);
		tree_poll(0, 0, clock_boottime() + CLOCK_SECOND);
		for (int i = 0; i < WAITERS + 4; i++)
			if (tree_switches(all[i]->supervisor) != before[i])
				awake = all[i];
	} while (awake && ++tries < 5);
	if (awake)
		fail_msg("the supervisor of %s wakes up", awake->name);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_long_chain),
		TREE_TEST(nobody_polls),
	};
	return cmocka_run_group_tests_name("depend_many", tests, 0, 0);
}
