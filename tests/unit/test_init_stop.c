/* The end of the tree: every way through the phases, with a clock that the test turns. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "clock.h"
#include "init/stop.h"

#define START  (100 * CLOCK_SECOND)
#define MILLIS CLOCK_MILLISEC

static struct stop stop;
static struct stop_facts facts;

static int begin(void **state)
{
	(void)state;
	memset(&stop, 0, sizeof stop);
	facts = (struct stop_facts){ .now = START, .ours = 3, .others = 1 };
	return 0;
}

/* All the actions of the steps that are due. */
static unsigned int steps(void)
{
	unsigned int all = 0, action;

	while ((action = stop_step(&stop, &facts))) {
		assert_int_equal(all & action, 0);
		all |= action;
	}
	return all;
}

static unsigned int at(uint64_t ms)
{
	facts.now = START + ms * MILLIS;
	return steps();
}

/* Nothing happens before the deadline that the machine names; the actions at it. */
static unsigned int at_deadline(uint64_t ms)
{
	assert_true(stop_deadline(&stop) == START + ms * MILLIS);
	facts.now = START + ms * MILLIS - 1;
	assert_int_equal(steps(), 0);
	return at(ms);
}

static void start(uint32_t limit)
{
	stop_begin(&stop, START, limit);
	assert_int_equal(stop.phase, STOP_BEGUN);
	assert_true(stop_deadline(&stop) == START);
	assert_int_equal(steps(), STOP_ACT_TERM);
	assert_int_equal(stop.phase, STOP_TERM);
}

static void does_nothing_before_it_has_begun(void **state)
{
	(void)state;
	assert_int_equal(steps(), 0);
	assert_true(stop_deadline(&stop) == 0);
	stop_hurry(&stop, START);
	assert_int_equal(steps(), 0);
	facts.ours = 0;
	facts.others = 0;
	assert_int_equal(steps(), 0);
	assert_int_equal(stop.phase, STOP_NOT);
}

static void is_over_when_the_last_has_gone(void **state)
{
	(void)state;
	start(9000);
	facts.ours = 1;
	assert_int_equal(at(10), 0);
	facts.ours = 0;
	facts.others = 0;
	assert_int_equal(at(20), 0);
	assert_int_equal(stop.phase, STOP_DONE);
	assert_true(stop_deadline(&stop) == 0);
	assert_int_equal(at(100000), 0);
}

static void is_over_at_once_where_nobody_is(void **state)
{
	(void)state;
	facts.ours = 0;
	facts.others = 0;
	stop_begin(&stop, START, 9000);
	assert_true(stop_deadline(&stop) == START);
	assert_int_equal(steps(), 0);
	assert_int_equal(stop.phase, STOP_DONE);
}

static void others_are_swept_where_there_are_no_supervisors(void **state)
{
	(void)state;
	facts.ours = 0;
	stop_begin(&stop, START, 9000);
	assert_int_equal(steps(), STOP_ACT_SWEEP);
	assert_int_equal(stop.phase, STOP_SWEEP);
	facts.others = 0;
	assert_int_equal(at(1), 0);
	assert_int_equal(stop.phase, STOP_DONE);
}

static void a_container_escalates_within_its_budget(void **state)
{
	(void)state;
	start(9000);
	assert_int_equal(at_deadline(2000), STOP_ACT_REPORT);
	assert_int_equal(at_deadline(7000), STOP_ACT_REPORT);
	assert_int_equal(at_deadline(8000), STOP_ACT_QUIT);
	assert_int_equal(at_deadline(8500), STOP_ACT_KILL);
	/* not even KILL: the sweep begins all the same */
	assert_int_equal(at_deadline(8750), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(9000), STOP_ACT_SWEEP_KILL);
	assert_int_equal(stop.phase, STOP_SWEEP_KILL);
	assert_int_equal(at_deadline(10000), 0);
	assert_int_equal(stop.phase, STOP_DONE);
}

static void a_short_budget_is_kept_too(void **state)
{
	(void)state;
	start(1000);
	assert_int_equal(at_deadline(750), STOP_ACT_QUIT);
	assert_int_equal(at_deadline(875), STOP_ACT_KILL);
	facts.ours = 0;
	assert_int_equal(at(900), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(1000), STOP_ACT_SWEEP_KILL);
}

static void the_shortest_budget_kills_at_once(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(at(1) & (STOP_ACT_QUIT | STOP_ACT_KILL), STOP_ACT_QUIT);
	assert_true(stop_deadline(&stop) <= START + 2 * MILLIS);
}

static void the_sweep_has_a_second_at_most(void **state)
{
	(void)state;
	start(60000);
	facts.ours = 0;
	assert_int_equal(at(100), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(1100), STOP_ACT_SWEEP_KILL);
	facts.others = 0;
	assert_int_equal(at(1101), 0);
	assert_int_equal(stop.phase, STOP_DONE);
}

static void kill_goes_on_while_somebody_ends(void **state)
{
	(void)state;
	start(9000);
	facts.ours = 0;
	stop.report = UINT64_MAX; /* what it says meanwhile is not the point */
	assert_int_equal(at(8000), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(9000), STOP_ACT_SWEEP_KILL);
	for (uint64_t ms = 9500; ms < 20000; ms += 500) {
		facts.ended = 1;
		assert_int_equal(at(ms), 0);
		facts.ended = 0;
		assert_int_equal(stop.phase, STOP_SWEEP_KILL);
	}
	assert_int_equal(at_deadline(20500), 0);
	assert_int_equal(stop.phase, STOP_DONE);
}

static void kill_does_not_go_on_for_ever(void **state)
{
	uint64_t ms = 9000;

	(void)state;
	start(9000);
	facts.ours = 0;
	stop.report = UINT64_MAX; /* what it says meanwhile is not the point */
	assert_int_equal(at(8000), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(ms), STOP_ACT_SWEEP_KILL);
	facts.ended = 1; /* who forks faster than it dies */
	while (stop.phase != STOP_DONE)
		at(ms += 100);
	assert_int_equal(ms, 69000);
}

static void the_sweep_gets_what_is_left_of_the_budget(void **state)
{
	(void)state;
	start(9000);
	assert_int_equal(at(8000), STOP_ACT_QUIT | STOP_ACT_REPORT);
	facts.ours = 0;
	assert_int_equal(at(8100), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(9000), STOP_ACT_SWEEP_KILL);
}

static void a_machine_waits_and_says_for_whom(void **state)
{
	(void)state;
	start(0);
	for (uint64_t ms = 2000; ms < 600000; ms += 5000)
		assert_int_equal(at_deadline(ms), STOP_ACT_REPORT);
	assert_int_equal(stop.phase, STOP_TERM);
	facts.ours = 0;
	assert_int_equal(at(600000), STOP_ACT_SWEEP);
}

static void a_person_can_hurry_it(void **state)
{
	(void)state;
	start(0);
	facts.now = START + 300 * MILLIS;
	stop_hurry(&stop, facts.now);
	assert_int_equal(steps(), STOP_ACT_QUIT);
	stop_hurry(&stop, facts.now);
	assert_int_equal(steps(), 0);
	assert_int_equal(at_deadline(800), STOP_ACT_KILL);
	facts.ours = 0;
	assert_int_equal(at(900), STOP_ACT_SWEEP);
	assert_int_equal(at_deadline(1900), STOP_ACT_SWEEP_KILL);
}

static void hurried_before_anybody_was_told(void **state)
{
	(void)state;
	stop_begin(&stop, START, 0);
	stop_hurry(&stop, START);
	assert_int_equal(stop_step(&stop, &facts), STOP_ACT_TERM);
	assert_int_equal(stop_step(&stop, &facts), STOP_ACT_QUIT);
	assert_int_equal(stop_step(&stop, &facts), 0);
}

static void begins_only_once(void **state)
{
	(void)state;
	start(9000);
	stop_begin(&stop, START + CLOCK_SECOND, 60000);
	assert_int_equal(steps(), 0);
	assert_true(stop.end == START + 9 * CLOCK_SECOND);
}

static void a_late_turn_does_all_that_is_due(void **state)
{
	(void)state;
	/* a machine that slept: not everything at once, each phase gets its time */
	start(9000);
	assert_int_equal(at(50000), STOP_ACT_QUIT | STOP_ACT_REPORT);
	assert_int_equal(at(50500), STOP_ACT_KILL);
	facts.ours = 0;
	/* but nothing is left for a gentle sweep */
	assert_int_equal(at(50600), STOP_ACT_SWEEP | STOP_ACT_SWEEP_KILL);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup(does_nothing_before_it_has_begun, begin),
		cmocka_unit_test_setup(is_over_when_the_last_has_gone, begin),
		cmocka_unit_test_setup(is_over_at_once_where_nobody_is, begin),
		cmocka_unit_test_setup(others_are_swept_where_there_are_no_supervisors, begin),
		cmocka_unit_test_setup(a_container_escalates_within_its_budget, begin),
		cmocka_unit_test_setup(a_short_budget_is_kept_too, begin),
		cmocka_unit_test_setup(the_shortest_budget_kills_at_once, begin),
		cmocka_unit_test_setup(the_sweep_has_a_second_at_most, begin),
		cmocka_unit_test_setup(kill_goes_on_while_somebody_ends, begin),
		cmocka_unit_test_setup(kill_does_not_go_on_for_ever, begin),
		cmocka_unit_test_setup(the_sweep_gets_what_is_left_of_the_budget, begin),
		cmocka_unit_test_setup(a_machine_waits_and_says_for_whom, begin),
		cmocka_unit_test_setup(a_person_can_hurry_it, begin),
		cmocka_unit_test_setup(hurried_before_anybody_was_told, begin),
		cmocka_unit_test_setup(begins_only_once, begin),
		cmocka_unit_test_setup(a_late_turn_does_all_that_is_due, begin),
	};
	return cmocka_run_group_tests_name("init/stop", tests, NULL, NULL);
}
