/* What a supervisor costs: descriptors, and nothing at all while nothing happens. */
#include "tree.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define IDLE (4 * CLOCK_SECOND)

/* Until all have done what they were about to: two looks with a pause in between are equal. */
static unsigned long settled(struct place const *places, unsigned int n)
{
	unsigned long before = 0, after = 0;
	uint64_t deadline = tree_patience();
	do {
		uint64_t until = clock_boottime() + 50 * CLOCK_MILLISEC;
		while (tree_poll(0, 0, until) >= 0)
			;
		assert_true(clock_boottime() < deadline);
		before = after;
		after = 0;
		for (unsigned int i = 0; i < n; i++)
			after += tree_switches(places[i].supervisor);
	} while (before != after);
	return after;
}

enum { UP, LOGGED, PAUSED, FAILED, DOWN, ADOPTED, STOPPING, COUNT };
static struct place places[COUNT];
static struct place logger;

/* One of each kind. */
static void populate(void)
{
	places[UP] = place_running("up", "say up; exec sleep 1000");
	places[LOGGED] = place_with("logged", "say up; exec sleep 1000");
	logger = place_make("logged/log");
	place_script(&places[LOGGED], "log/run", "exec cat >/dev/null");
	place_up(&places[LOGGED]);
	UNTIL(&logger, s->state == STATE_UP);
	/* with somebody who watches and somebody who keeps `in` open */
	places[PAUSED] = place_running("paused", "say up; exec sleep 1000");
	place_command(&places[PAUSED], 'p');
	place_answer(&places[PAUSED], place_send(&places[PAUSED], 'y'), 0);
	place_look(&places[PAUSED]);
	assert_true(places[PAUSED].client.in >= 0 && places[PAUSED].client.out >= 0);
	places[FAILED] = place_with("failed", "exit 1");
	place_write(&places[FAILED], "max-deaths", "1/60");
	place_supervise(&places[FAILED]);
	UNTIL(&places[FAILED], s->state == STATE_FAILED);
	places[DOWN] = place_with("down", "exit 1");
	place_write(&places[DOWN], "down", "");
	place_supervise(&places[DOWN]);
	UNTIL(&places[DOWN], s->supervisor);
	places[ADOPTED] = place_running("adopted", "say up; exec sleep 1000");
	place_kill_supervisor(&places[ADOPTED]);
	UNTIL(&places[ADOPTED], s->supervisor == (uint32_t)p_->supervisor);
	/* without a time limit it waits for its process, not for a time */
	places[STOPPING] = place_with("stopping", "listen up");
	place_write(&places[STOPPING], "timeout-kill", "0");
	place_up(&places[STOPPING]);
	place_command(&places[STOPPING], 'd');
	event_is("TERM");
	event_is("CONT");
}

static void nothing_is_done_while_nothing_happens(void **state)
{
	(void)state;
	populate();
	unsigned long before = settled(places, COUNT), sum = 0;
	uint64_t until = clock_boottime() + IDLE;
	while (tree_poll(0, 0, until) >= 0)
		;
	for (unsigned int i = 0; i < COUNT; i++)
		sum += tree_switches(places[i].supervisor);
	assert_int_equal(sum, before);
}

static void descriptors_are_bounded(void **state)
{
	(void)state;
	populate();
	settled(places, COUNT);
	for (unsigned int i = 0; i < COUNT; i++)
		assert_int_equal(
			tree_descriptors(places[i].supervisor), i == LOGGED                    ? 12
								: i == ADOPTED /* its pidfd */ ? 9
											       : 8);
}

/* While it works, too, and nothing is left open by it. */
static void descriptors_after_much_work(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000"),
		     log = place_make("web/log");
	(void)state;
	place_script(&web, "log/run", "exec cat >/dev/null");
	place_script(&web, "finish", "exit 0");
	place_script(&web, "control/t", "exit 1");
	place_up(&web);
	UNTIL(&log, s->state == STATE_UP);
	settled(&web, 1);
	unsigned int before = tree_descriptors(web.supervisor);
	for (unsigned int i = 2; i < 12; i++) {
		place_command(&web, i & 1 ? 'r' : 't');
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		assert_in_range(tree_descriptors(web.supervisor), 12, 19);
		place_command(&log, 'r');
		UNTIL(&log, s->starts == i && s->state == STATE_UP);
	}
	settled(&web, 1);
	assert_int_equal(tree_descriptors(web.supervisor), before);
}

/* A service, or its logger, that has all at a time: the socket of sd_notify(3), and a check that
 * takes long. */
static void give_all(struct place const *p, char const *in, char const *name)
{
	char entry[64], body[300];

	snprintf(body, sizeof body, "exec \"$CINIT_BUILD/test/helper/member\" %s notify", name);
	snprintf(entry, sizeof entry, "%srun", in);
	place_script(p, entry, body);
	snprintf(entry, sizeof entry, "%scheck", in);
	place_script(p, entry, "exec sleep 1000");
	snprintf(entry, sizeof entry, "%stimeout-check", in);
	place_write(p, entry, "0");
	snprintf(entry, sizeof entry, "%shealth-interval", in);
	place_write(p, entry, "1");
	snprintf(entry, sizeof entry, "%snotify", in);
	place_write(p, entry, "");
}

/* And a control script, which loggers do not have. */
static struct place service_with_all(char const *name)
{
	struct place p = place_make(name);

	give_all(&p, "", name);
	place_script(&p, "control/h", "exec sleep 1000");
	place_write(&p, "timeout-control", "0");
	return p;
}

static void all_runs(struct place *p)
{
	UNTIL(p, s->child[ROLE_CHECK].phase == PHASE_STARTED);
	place_command(p, 'h');
	UNTIL(p, s->child[ROLE_CONTROL].phase == PHASE_STARTED);
}

/* The most there is: all that runs was taken over, which is a descriptor for each process. */
static void descriptors_at_the_most(void **state)
{
	struct place web = service_with_all("web"), both = service_with_all("both"),
		     log = place_make("both/log");

	(void)state;
	place_supervise(&web);
	all_runs(&web);
	settled(&web, 1);
	assert_int_equal(tree_descriptors(web.supervisor), 9);
	place_kill_supervisor(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
	settled(&web, 1);
	assert_int_equal(tree_descriptors(web.supervisor), 12);

	give_all(&both, "log/", "logger");
	place_supervise(&both);
	all_runs(&both);
	UNTIL(&log, s->child[ROLE_CHECK].phase == PHASE_STARTED);
	settled(&both, 1);
	assert_int_equal(tree_descriptors(both.supervisor), 14);
	place_kill_supervisor(&both);
	UNTIL(&log, s->supervisor == (uint32_t)both.supervisor);
	UNTIL(&both, s->supervisor == (uint32_t)p_->supervisor);
	settled(&both, 1);
	assert_int_equal(tree_descriptors(both.supervisor), 19);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(nothing_is_done_while_nothing_happens),
		TREE_TEST(descriptors_are_bounded),
		TREE_TEST(descriptors_at_the_most),
		TREE_TEST(descriptors_after_much_work),
	};
	return cmocka_run_group_tests_name("supervise_idle", tests, 0, 0);
}
