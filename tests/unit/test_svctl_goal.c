/* When a wait is over: every goal in every state. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "svctl/goal.h"

#define N VERDICT_NOT_YET
#define M VERDICT_MET
#define C VERDICT_CHECK
#define X VERDICT_NEVER

/* A service as it is in each state, wanted up, in its second generation. */
static struct status in_state(enum status_state state)
{
	struct status s;

	memset(&s, 0, sizeof s);
	s.state = (uint8_t)state;
	s.want = WANT_UP;
	s.supervisor = 10;
	s.starts = 2;
	if (state == STATE_STARTING || state == STATE_UP || state == STATE_STOPPING)
		s.child[ROLE_RUN] = (struct status_child){ .pid = 20, .phase = PHASE_STARTED };
	if (state == STATE_FINISHING)
		s.child[ROLE_FINISH] = (struct status_child){ .pid = 21, .phase = PHASE_STARTED };
	if (state == STATE_STOPPING)
		s.flags = FLAG_GOT_TERM;
	if (state == STATE_UP)
		s.flags = FLAG_READY;
	return s;
}

/* Before the command it was in its first generation. */
static enum verdict const expected[GOAL_COUNT][STATE_COUNT] = {
	/*                  down waiting starting up stopping finishing backoff failed */
	[GOAL_ANSWER] = { M, M, M, M, M, M, M, M },
	[GOAL_UP] = { N, N, N, C, N, N, N, X },
	[GOAL_RUNNING] = { N, N, M, M, N, N, N, X },
	[GOAL_READY] = { N, N, N, M, N, N, N, X },
	[GOAL_DOWN] = { M, N, N, N, N, N, N, M },
	[GOAL_RESTARTED] = { N, N, N, C, N, N, N, X },
	[GOAL_CYCLED] = { N, N, N, C, N, N, N, X },
	[GOAL_ONCE] = { N, N, N, N, N, N, N, X },
	[GOAL_PAUSED] = { M, M, N, N, N, M, M, M },
	[GOAL_CONTINUED] = { M, M, M, M, M, M, M, M },
	[GOAL_EXITED] = { N, N, N, N, N, N, N, N },
	[GOAL_HEALTHY] = { N, N, N, C, N, N, N, X },
	[GOAL_EXECUTED] = { X, X, X, X, X, X, X, X }, /* its own question: goal_executed */
};

static void every_goal_in_every_state(void **state)
{
	(void)state;
	for (int g = 0; g < GOAL_COUNT; g++) {
		for (int i = 0; i < STATE_COUNT; i++) {
			struct status s = in_state((enum status_state)i);
			enum verdict v = goal_verdict((enum goal)g, &s, 1);
			if (v != expected[g][i])
				fail_msg("goal %d in state %s: %d", g,
					status_state_name((unsigned)i), v);
		}
	}
}

static void the_old_generation_is_no_restart(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	assert_int_equal(goal_verdict(GOAL_RESTARTED, &s, 2), N);
	assert_int_equal(goal_verdict(GOAL_RESTARTED, &s, 3), N);
	assert_int_equal(goal_verdict(GOAL_CYCLED, &s, 2), N);
	s.starts = 1;
	assert_int_equal(goal_verdict(GOAL_RESTARTED, &s, UINT32_MAX), C);
}

/* It restarted by itself after we looked, and has just been told to go on our behalf. */
static void one_that_was_told_to_go_is_no_restart(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	s.flags |= FLAG_GOT_TERM;
	assert_int_equal(goal_verdict(GOAL_RESTARTED, &s, 1), N);
	assert_int_equal(goal_verdict(GOAL_RUNNING, &s, 1), N);
}

static void what_ended_for_good_never_comes_up(void **state)
{
	struct status s = in_state(STATE_DOWN);
	(void)state;
	s.reason = REASON_ENDED;
	assert_int_equal(goal_verdict(GOAL_UP, &s, 1), X);
	assert_int_equal(goal_verdict(GOAL_RUNNING, &s, 1), X);
	assert_int_equal(goal_verdict(GOAL_READY, &s, 1), X);
	assert_int_equal(goal_verdict(GOAL_RESTARTED, &s, 1), X);
	assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), X);
	assert_int_equal(goal_verdict(GOAL_DOWN, &s, 1), M);
}

static void a_process_left_is_not_down(void **state)
{
	(void)state;
	for (int role = 0; role < ROLE_COUNT; role++) {
		struct status s = in_state(STATE_DOWN);
		s.child[role].pid = 5;
		assert_int_equal(goal_verdict(GOAL_DOWN, &s, 1), N);
	}
	struct status s = in_state(STATE_DOWN);
	s.strays = 1;
	assert_int_equal(goal_verdict(GOAL_DOWN, &s, 1), N);
}

static void up_without_a_process_is_not_up(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	s.child[ROLE_RUN].pid = 0;
	assert_int_equal(goal_verdict(GOAL_UP, &s, 1), N);
	assert_int_equal(goal_verdict(GOAL_READY, &s, 1), N);
}

static void one_at_its_gate_does_not_run(void **state)
{
	struct status s = in_state(STATE_STARTING);
	(void)state;
	s.child[ROLE_RUN].phase = PHASE_GATED;
	assert_int_equal(goal_verdict(GOAL_RUNNING, &s, 1), N);
}

static void up_is_not_ready(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	s.flags &= ~(uint32_t)FLAG_READY;
	assert_int_equal(goal_verdict(GOAL_READY, &s, 1), N);
	assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), N);
	assert_int_equal(goal_verdict(GOAL_UP, &s, 1), C);
}

static void a_cycle_ends_down_where_that_is_wanted(void **state)
{
	struct status s = in_state(STATE_DOWN);
	(void)state;
	s.want = WANT_DOWN;
	assert_int_equal(goal_verdict(GOAL_CYCLED, &s, 2), M);
	s.want = WANT_UP;
	assert_int_equal(goal_verdict(GOAL_CYCLED, &s, 2), N);
}

static void once_is_met_by_running_and_by_having_run(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	s.want = WANT_ONCE;
	assert_int_equal(goal_verdict(GOAL_ONCE, &s, 2), M);
	s = in_state(STATE_DOWN);
	s.want = WANT_DOWN;
	assert_int_equal(goal_verdict(GOAL_ONCE, &s, 1), M);
	assert_int_equal(goal_verdict(GOAL_ONCE, &s, 2), N);
}

static void pausing(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	assert_int_equal(goal_verdict(GOAL_PAUSED, &s, 1), N);
	assert_int_equal(goal_verdict(GOAL_CONTINUED, &s, 1), M);
	s.flags |= FLAG_PAUSED;
	assert_int_equal(goal_verdict(GOAL_PAUSED, &s, 1), M);
	assert_int_equal(goal_verdict(GOAL_CONTINUED, &s, 1), N);
	assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), N);
}

static void exited_needs_both_the_word_and_the_deed(void **state)
{
	struct status s = in_state(STATE_DOWN);
	(void)state;
	s.flags = FLAG_EXITED;
	assert_int_equal(goal_verdict(GOAL_EXITED, &s, 1), N);
	s.supervisor = 0;
	assert_int_equal(goal_verdict(GOAL_EXITED, &s, 1), M);
	s.flags = 0;
	assert_int_equal(goal_verdict(GOAL_EXITED, &s, 1), N);
}

static void what_is_wanted_down_is_not_healthy(void **state)
{
	(void)state;
	for (int i = 0; i < STATE_COUNT; i++) {
		struct status s = in_state((enum status_state)i);
		s.want = WANT_DOWN;
		assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), X);
		s.want = WANT_EXIT;
		assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), X);
	}
	struct status s = in_state(STATE_UP);
	s.want = WANT_ONCE;
	assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), C);
	s = in_state(STATE_DOWN);
	s.want = WANT_ONCE;
	assert_int_equal(goal_verdict(GOAL_HEALTHY, &s, 1), X);
}

static void a_later_program_is_what_an_upgrade_waits_for(void **state)
{
	struct status s = in_state(STATE_UP);
	(void)state;
	s.supervisor = 5;
	s.executed = 10;
	assert_int_equal(goal_executed(&s, 10), M);
	assert_int_equal(goal_executed(&s, 11), N);
	/* what was refused before is no news */
	s.refused = 10;
	s.refusal = 2;
	assert_int_equal(goal_executed(&s, 11), N);
	s.refused = 12;
	assert_int_equal(goal_executed(&s, 11), X);
	s.executed = 13;
	assert_int_equal(goal_executed(&s, 11), M);
	s.executed = 1;
	s.supervisor = 0;
	s.flags |= FLAG_EXITED;
	assert_int_equal(goal_executed(&s, 11), M);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(every_goal_in_every_state),
		cmocka_unit_test(the_old_generation_is_no_restart),
		cmocka_unit_test(one_that_was_told_to_go_is_no_restart),
		cmocka_unit_test(what_ended_for_good_never_comes_up),
		cmocka_unit_test(a_process_left_is_not_down),
		cmocka_unit_test(up_without_a_process_is_not_up),
		cmocka_unit_test(one_at_its_gate_does_not_run),
		cmocka_unit_test(up_is_not_ready),
		cmocka_unit_test(a_cycle_ends_down_where_that_is_wanted),
		cmocka_unit_test(once_is_met_by_running_and_by_having_run),
		cmocka_unit_test(pausing),
		cmocka_unit_test(exited_needs_both_the_word_and_the_deed),
		cmocka_unit_test(what_is_wanted_down_is_not_healthy),
		cmocka_unit_test(a_later_program_is_what_an_upgrade_waits_for),
	};
	return cmocka_run_group_tests_name("svctl_goal", tests, NULL, NULL);
}
