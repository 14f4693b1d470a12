/* check: polled until the service is ready, and then, where that is asked for, as a health check.
 */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "svctl.h"

static void mend(char const *name)
{
	tree_write(name, 0644, "");
}

static void spoil(char const *name)
{
	assert_int_equal(unlink(tree_name("%s", name)), 0);
}

/* A service whose check asks for the file `good`, and says each time that it is asked. */
static struct place make(void)
{
	struct place web = member_make("web", "");
	place_script(&web, "check", "say check; [ -e \"$TREE/good\" ]");
	return web;
}

static void polled_until_ready(void **state)
{
	struct place web = make();
	(void)state;
	place_write(&web, "check-interval", "50");
	uint64_t before = clock_boottime();
	place_supervise(&web);
	event_await("web ready");
	for (int i = 0; i < 4; i++)
		event_is("check");
	assert_true(clock_boottime() - before >= 150 * CLOCK_MILLISEC);
	UNTIL(&web, s->state == STATE_STARTING);
	assert_int_equal(web.s.deaths, 0);
	mend("good");
	UP(&web);
	/* and not longer */
	while (event_poll())
		;
	depend_look(&web);
	assert_true(web.s.deadline[DEADLINE_CHECK] == 0);
	assert_int_equal(web.s.child[ROLE_CHECK].pid, 0);
	spoil("good");
	tree_poll(0, 0, clock_boottime() + 150 * CLOCK_MILLISEC);
	event_none();
	place_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
}

static void dependents_wait_for_it(void **state)
{
	struct place web = make(), shop = member_make("shop", "");
	(void)state;
	place_write(&web, "check-interval", "20");
	depend_on(&shop, "needs", "web", NULL);
	depend_supervise(&web, &shop, NULL);
	event_await("web ready");
	event_await("check");
	UNTIL(&shop, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs web: starting"));
	mend("good");
	event_await("shop start");
}

static void a_check_that_hangs_is_killed(void **state)
{
	struct place web = make();
	(void)state;
	place_script(&web, "check",
		"say $$; [ -e \"$TREE/good\" ] && exit 0; sleep 1000 & echo $! >>\"$EVENTS\"; "
		"wait");
	place_write(&web, "check-interval", "20");
	place_write(&web, "timeout-check", "150");
	place_supervise(&web);
	event_await("web ready");
	pid_t check = event_pid(), child = event_pid();
	event_pid();
	assert_true(tree_gone(check));
	AWAIT(tree_gone(child));
	mend("good");
	UP(&web);
	assert_int_equal(web.s.deaths, 0);
}

/* It leaves one process in its session, one in a session of its own, and one behind that. What run
 * put into the background stays. */
static void what_a_check_leaves_behind_goes(void **state)
{
	struct place web = place_with("web", "setsid sleep 1000 & echo $! >\"$TREE/pid\"; "
					     "mv \"$TREE/pid\" \"$TREE/daemon\"; exec sleep 1000");
	pid_t left[6];
	(void)state;
	place_script(&web, "check",
		"while ! [ -e \"$TREE/daemon\" ]; do sleep 0.01; done; "
		"sleep 1000 & echo $! >>\"$EVENTS\"; "
		"setsid sh -c 'setsid sleep 1000 & echo $! >>\"$EVENTS\"; "
		"echo $$ >>\"$EVENTS\"; exec sleep 1000' & "
		"while ! [ -e \"$TREE/left\" ]; do sleep 0.01; done; [ -e \"$TREE/good\" ]");
	place_write(&web, "check-interval", "50");
	place_supervise(&web);
	for (int i = 0; i < 3; i++)
		left[i] = event_pid();
	mend("left"); /* the first check ends, and so do those that follow */
	for (int i = 3; i < 6; i++)
		left[i] = event_pid();
	mend("good");
	UP(&web);
	for (int i = 0; i < 6; i++)
		AWAIT(tree_gone(left[i]));
	pid_t daemon = (pid_t)strtol(tree_read("daemon"), NULL, 10);
	assert_true(daemon > 0 && !tree_gone(daemon));
}

/* One process alone, in a session of its own before the check ends, and no other check follows. */
static void what_a_single_check_leaves_behind_goes(void **state)
{
	int hold = tree_hold("check");
	struct place web = place_with("web", "exec sleep 1000");
	(void)state;
	place_script(&web, "check",
		"setsid sh -c 'echo $$ >>\"$EVENTS\"; exec sleep 1000' & hold check");
	place_supervise(&web);
	pid_t left = event_pid();
	tree_pass(hold);
	UP(&web);
	AWAIT(tree_gone(left));
}

/* Said once, in the record as long as it is so, and gone with its cause. */
static void a_check_that_cannot_be_executed(void **state)
{
	struct place web = place_with("web", "exec sleep 1000");
	(void)state;
	place_script(&web, "check", "exit 0");
	assert_int_equal(chmod(tree_name("services/web/check"), 0644), 0);
	place_write(&web, "check-interval", "20");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_STARTING && s->reason == REASON_EXEC);
	assert_string_equal(web.s.reason_text, "unable to execute check: Permission denied");
	uint64_t change = web.s.change;
	UNTIL(&web, s->change > change + 6); /* it is tried */
	assert_string_equal(tree_read("web.err"),
		"supervise: warning: web: unable to execute check: Permission denied; not ready "
		"until it can be\n");
	assert_int_equal(chmod(tree_name("services/web/check"), 0755), 0);
	UP(&web);
	assert_int_equal(web.s.reason, REASON_NONE);
	assert_int_equal(web.s.deaths, 0);
}

static void timeout_up(void **state)
{
	struct place web = make();
	(void)state;
	place_write(&web, "timeout-up", "300");
	place_write(&web, "max-deaths", "1/60");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_non_null(
		strstr(tree_read("web.err"), "web: not ready within 300 ms: waited for its check"));
	/* a check that runs does not outlive the service */
	assert_int_equal(web.s.child[ROLE_CHECK].pid, 0);
}

static void a_death_ends_the_checks(void **state)
{
	struct place web = place_with("web", "hold go; exit 1");
	int hold = tree_hold("go");
	(void)state;
	place_script(&web, "check", "echo $$ >>\"$EVENTS\"; exec sleep 1000");
	place_write(&web, "max-deaths", "1/60");
	place_supervise(&web);
	pid_t check = event_pid();
	tree_pass(hold);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_true(tree_gone(check));
	event_none();
}

/* With a descriptor the check is not what readiness is told by. */
static void the_descriptor_goes_before(void **state)
{
	struct place web = member_make("web", "fd=3");
	(void)state;
	place_script(&web, "check", "say check; exit 1");
	place_supervise(&web);
	events("web start", "web ready");
	UP(&web);
	event_none();
}

static void a_successor_goes_on_checking(void **state)
{
	struct place web = make();
	(void)state;
	place_keep_exits(&web, 1);
	place_write(&web, "check-interval", "50");
	place_supervise(&web);
	event_await("web ready");
	depend_kill(&web);
	while (event_poll())
		;
	place_supervise(&web);
	event_is("check");
	mend("good");
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

/* Killed while a check runs: that one's end is waited for, and then there is another. */
static void a_successor_of_one_that_was_checking(void **state)
{
	struct place web = make();
	int hold = tree_hold("check");
	(void)state;
	place_keep_exits(&web, 1);
	place_script(&web, "check", "say check; hold check; [ -e \"$TREE/good\" ]");
	place_write(&web, "check-interval", "50");
	place_supervise(&web);
	event_are("web start", "web ready", "check", NULL);
	UNTIL(&web, s->child[ROLE_CHECK].phase == PHASE_STARTED);
	depend_kill(&web);
	place_supervise(&web);
	depend_look(&web);
	assert_true(web.s.child[ROLE_CHECK].pid != 0);
	event_none();
	mend("good");
	tree_pass(hold);
	UP(&web);
}

/* --------------------------------------------------------------------------------- health */

static void unwell(struct place *web, char const *failures)
{
	*web = make();
	place_write(web, "check-interval", "20");
	place_write(web, "health-interval", "60");
	if (failures)
		place_write(web, "health-failures", failures);
	mend("good");
}

static void so_many_failures_in_a_row_restart_it(void **state)
{
	struct place web;
	(void)state;
	unwell(&web, "2");
	place_supervise(&web);
	UP(&web);
	event_await("check");
	event_await("check"); /* well */
	spoil("good");
	event_await("web stop");
	event_await("web start");
	assert_non_null(
		strstr(tree_read("web.err"), "web: check failed 2 times in a row: restarted"));
	UNTIL(&web, s->starts == 2);
	assert_int_equal(web.s.deaths, 1);
	UNTIL(&web, s->state == STATE_STARTING);
	mend("good");
	UP(&web);
}

/* One that succeeds in between begins the count anew. */
static void not_in_a_row_is_no_matter(void **state)
{
	struct place web;
	int hold = tree_hold("check");
	(void)state;
	unwell(&web, "2");
	place_script(&web, "check", "read x <\"$TREE/hold.check\"; say $x; [ \"$x\" = well ]");
	place_supervise(&web);
	assert_int_equal(write(hold, "well\n", 5), 5);
	event_are("web start", "web ready", "well", NULL);
	UP(&web);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(write(hold, "ill\n", 4), 4);
		event_is("ill");
		assert_int_equal(write(hold, "well\n", 5), 5);
		event_is("well");
	}
	depend_look(&web);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.state, STATE_UP);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(hold, "ill\n", 4), 4);
		event_is("ill");
	}
	event_is("web stop");
}

/* As often as max-deaths allows. */
static void illness_counts_as_death(void **state)
{
	struct place web;
	(void)state;
	unwell(&web, "1");
	place_script(&web, "check",
		"[ -e \"$TREE/was\" ] && rm \"$TREE/was\" && exit 1; >\"$TREE/was\"");
	place_write(&web, "max-deaths", "2/60");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.starts, 2);
	assert_int_equal(web.s.reason, REASON_DEATHS);
}

static void dependents_are_left_alone(void **state)
{
	struct place web, shop = member_make("shop", "fd=3"), twin = member_make("twin", "fd=3");
	(void)state;
	unwell(&web, "1");
	place_script(&web, "check", "[ -e \"$TREE/good\" ]");
	depend_on(&shop, "needs", "web", NULL);
	depend_on(&twin, "binds", "web", NULL);
	depend_supervise(&web, &shop, &twin, NULL);
	UP(&shop);
	UP(&twin);
	spoil("good");
	UNTIL(&web, s->starts == 2);
	event_await("twin gone");
	mend("good");
	UP(&web);
	event_await("twin start");
	depend_look(&shop);
	assert_int_equal(shop.s.starts, 1);
	assert_int_equal(shop.s.state, STATE_UP);
}

/* By a descriptor it is ready, and by its check it is well. */
static void health_beside_a_descriptor(void **state)
{
	struct place web = member_make("web", "fd=3");
	(void)state;
	place_script(&web, "check", "say check; exit 1");
	place_write(&web, "health-interval", "30");
	place_write(&web, "health-failures", "3");
	place_supervise(&web);
	events("web start", "web ready", "check", "check", "check", "web stop", "web gone",
		"web start");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(polled_until_ready),
		TREE_TEST(dependents_wait_for_it),
		TREE_TEST(a_check_that_hangs_is_killed),
		TREE_TEST(what_a_check_leaves_behind_goes),
		TREE_TEST(what_a_single_check_leaves_behind_goes),
		TREE_TEST(a_check_that_cannot_be_executed),
		TREE_TEST(timeout_up),
		TREE_TEST(a_death_ends_the_checks),
		TREE_TEST(the_descriptor_goes_before),
		TREE_TEST(a_successor_goes_on_checking),
		TREE_TEST(a_successor_of_one_that_was_checking),
		TREE_TEST(so_many_failures_in_a_row_restart_it),
		TREE_TEST(not_in_a_row_is_no_matter),
		TREE_TEST(illness_counts_as_death),
		TREE_TEST(dependents_are_left_alone),
		TREE_TEST(health_beside_a_descriptor),
	};
	return cmocka_run_group_tests_name("check", tests, 0, 0);
}
