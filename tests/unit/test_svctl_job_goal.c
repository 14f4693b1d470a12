/* One command to one service: what comes after the answer; exits, and waking up. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "command.h"
#include "svctl/job.h"
#include "svctl_job.h"

/* ----------------------------------------------------------------------------------------- goals
 */

static void a_restart_never_takes_the_old_process(void **state)
{
	(void)state;
	begin("restart", JOB_WAITS);
	sends(JOB_RECORD, 'r', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	record.flags |= FLAG_GOT_TERM;
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	record.state = STATE_STARTING;
	record.starts = 4;
	record.flags = 0;
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	record.state = STATE_UP;
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_NO_CHECK), OUTCOME_OK);
}

static void the_generation_is_that_before_the_first_sending(void **state)
{
	(void)state;
	begin("restart", JOB_WAITS);
	sends(JOB_RECORD, 'r', ID);
	step(JOB_NO_SUPERVISOR);
	record.incarnation = 6;
	record.starts = 4; /* it was restarted by the new supervisor */
	sends(JOB_RECORD, 'r', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	record.flags |= FLAG_GOT_TERM;
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
}

static void a_service_that_gives_up_ends_the_wait(void **state)
{
	(void)state;
	begin("start", JOB_WAITS);
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	is_down();
	record.state = STATE_FAILED;
	ends(step(JOB_RECORD), OUTCOME_NEVER);
}

static void a_check_that_passes_is_followed_by_a_look(void **state)
{
	(void)state;
	begin("start", JOB_WAITS);
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	assert_int_equal(step(JOB_CHECK_PASSED), JOB_DO_WATCH);
	ends(step(JOB_RECORD), OUTCOME_OK);
	assert_int_equal(job.check_failed, 0);
}

static void a_check_of_the_old_generation_does_not_count(void **state)
{
	(void)state;
	begin("start", JOB_WAITS);
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	assert_int_equal(step(JOB_CHECK_PASSED), JOB_DO_WATCH);
	record.starts++;
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	assert_int_equal(step(JOB_CHECK_PASSED), JOB_DO_WATCH);
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void a_check_that_does_not_pass_is_run_again(void **state)
{
	(void)state;
	begin("start", JOB_WAITS);
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	assert_int_equal(step(JOB_CHECK_FAILED), JOB_DO_PAUSE);
	assert_int_equal(step(JOB_CHANGED), JOB_DO_WATCH);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_TIMEOUT), OUTCOME_TIMEOUT);
	assert_int_equal(job.check_failed, 1);
}

static void two_letters_are_two_answers(void **state)
{
	(void)state;
	begin("try-restart", JOB_WAITS);
	sends(JOB_RECORD, 't', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	sends(JOB_RECORD, 'c', ID + 1);
	step(JOB_SENT);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	record.starts++;
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_NO_CHECK), OUTCOME_OK);
}

static void half_a_command_is_an_unknown_outcome(void **state)
{
	(void)state;
	begin("try-restart", JOB_WAITS);
	sends(JOB_RECORD, 't', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	sends(JOB_RECORD, 'c', ID + 1);
	step(JOB_NO_SUPERVISOR);
	ends(step(JOB_TIMEOUT), OUTCOME_UNKNOWN);
}

static void one_look_decides_where_nobody_waits(void **state)
{
	(void)state;
	begin("stop", JOB_WAITS | JOB_ONE_LOOK);
	sends(JOB_RECORD, 'd', ID);
	assert_int_equal(step(JOB_SENT), JOB_DO_SLEEP); /* for the answer */
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_TIMEOUT);
	begin("check", JOB_WAITS | JOB_ONE_LOOK);
	record.state = STATE_STARTING;
	ends(step(JOB_RECORD), OUTCOME_NEVER);
	begin("check", JOB_WAITS | JOB_ONE_LOOK);
	record.state = STATE_UP;
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_CHECK_FAILED), OUTCOME_NEVER);
}

/* --------------------------------------------------------------------------------- nothing is sent
 */

static void waiting_sends_nothing(void **state)
{
	(void)state;
	job_init(&job, verb_condition("down"), JOB_WAITS);
	assert_int_equal(step(JOB_BEGIN), JOB_DO_WATCH);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	is_down();
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void waiting_bears_with_a_dead_supervisor(void **state)
{
	(void)state;
	job_init(&job, verb_condition("up"), JOB_WAITS);
	assert_int_equal(step(JOB_BEGIN), JOB_DO_WATCH);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_SLEEP);
	assert_int_equal(step(JOB_NO_RECORD), JOB_DO_SLEEP);
	ends(step(JOB_RECORD), OUTCOME_OK);
	job_init(&job, verb_condition("up"), JOB_WAITS);
	step(JOB_BEGIN);
	ends(step(JOB_ABANDONED), OUTCOME_FAILED);
	job_init(&job, verb_condition("up"), JOB_WAITS);
	step(JOB_BEGIN);
	step(JOB_NO_SUPERVISOR);
	ends(step(JOB_TIMEOUT), OUTCOME_TIMEOUT);
}

/* ------------------------------------------------------------------------------------ exit and
 * wake */

static void exit_is_met_by_an_exit(void **state)
{
	(void)state;
	begin("shutdown", JOB_WAITS);
	sends(JOB_RECORD, 'x', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	has_exited();
	ends(step(JOB_RECORD), OUTCOME_GONE);
	begin("exit", 0);
	sends(JOB_RECORD, 'x', ID + 1);
	ends(step(JOB_NO_SUPERVISOR), OUTCOME_GONE);
}

static void what_does_not_start_it_does_not_wake_it(void **state)
{
	static char const *const words[] = { "down", "hup", "term", "stop", "try-restart",
		"pause" };
	(void)state;
	has_exited();
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		begin(words[i], 0);
		assert_int_equal(step(JOB_RECORD), JOB_DO_SEND);
		ends(step(JOB_NO_SUPERVISOR), OUTCOME_FAILED);
		assert_int_equal(job.error, JOB_ERROR_NO_SUPERVISOR);
	}
}

/* Up to the frame to the tree. */
static void wakes(char const *word, char letter)
{
	has_exited();
	begin(word, JOB_WAITS);
	sends(JOB_RECORD, letter, ID);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_WATCH);
	assert_int_equal(job.waking, 1);
	record.flags = 0; /* the tree's */
	record.supervisor = 1;
	record.incarnation = 1;
	sends(JOB_RECORD, COMMAND_WAKE, ID + 1);
	assert_int_equal(step(JOB_SENT), JOB_DO_SLEEP);
}

static void starting_wakes_the_supervisor_first(void **state)
{
	(void)state;
	wakes("restart", 'r');
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_WATCH);
	assert_int_equal(job.waking, 0);
	/* its supervisor is on its way, and the old record still there */
	has_exited();
	sends(JOB_RECORD, 'r', ID);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_SLEEP);
	job_reset(state);
	record.incarnation = 1000;
	record.starts = 1; /* counted from 0 again */
	sends(JOB_RECORD, 'r', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_NO_CHECK), OUTCOME_OK);
}

static void a_tree_that_refuses_to_wake(void **state)
{
	(void)state;
	wakes("up", 'u');
	answer(ID + 1, RESULT_REFUSED, WHY_EXITING);
	ends(step(JOB_RECORD), OUTCOME_REFUSED);
	job_reset(state);
	wakes("up", 'u');
	/* unread, it may be obeyed yet, and the service started */
	ends(step(JOB_TIMEOUT), OUTCOME_UNKNOWN);
	job_reset(state);
	wakes("up", 'u');
	job.error = JOB_ERROR_WATCH;
	ends(step(JOB_BAD_RECORD), OUTCOME_UNKNOWN);
	job_reset(state);
	wakes("up", 'u');
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	step(JOB_RECORD);
	has_exited();
	sends(JOB_RECORD, 'u', ID);
	step(JOB_NO_SUPERVISOR);
	ends(step(JOB_TIMEOUT), OUTCOME_UNKNOWN);
}

/* ------------------------------------------------------------------------- nothing to signal */

/* term and cont, each with this answer. */
static void try_restart(enum status_state now, enum status_result term, enum status_result cont)
{
	job_reset(NULL);
	record.state = (uint8_t)now;
	record.child[ROLE_RUN] = (struct status_child){ 0 };
	begin("try-restart", JOB_WAITS);
	sends(JOB_RECORD, 't', ID);
	step(JOB_SENT);
	answer(ID, term, WHY_NONE);
	sends(JOB_RECORD, 'c', ID + 1);
	step(JOB_SENT);
	answer(ID + 1, cont, WHY_NONE);
}

static void what_signals_nothing_waits_for_nothing(void **state)
{
	static enum status_state const settled[] = { STATE_UP, STATE_WAITING, STATE_BACKOFF };
	static enum status_state const moving[] = { STATE_STARTING, STATE_STOPPING,
		STATE_FINISHING };
	(void)state;
	for (size_t i = 0; i < sizeof settled / sizeof *settled; i++) {
		try_restart(settled[i], RESULT_NOTHING, RESULT_NOTHING);
		ends(step(JOB_RECORD), OUTCOME_OK);
	}
	/* what is on its way up again is waited for, and what was signalled all the more */
	for (size_t i = 0; i < sizeof moving / sizeof *moving; i++) {
		try_restart(moving[i], RESULT_NOTHING, RESULT_NOTHING);
		assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	}
	try_restart(STATE_BACKOFF, RESULT_DONE, RESULT_NOTHING);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	try_restart(STATE_BACKOFF, RESULT_NOTHING, RESULT_DONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
}

static void without_a_tree_nobody_wakes_it(void **state)
{
	(void)state;
	has_exited();
	begin("up", 0);
	sends(JOB_RECORD, 'u', ID);
	ends(step(JOB_ABANDONED), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_NO_SUPERVISOR);
}

/* Nobody has asked for the instance yet: up to the frame to the tree. */
static void makes(char const *word)
{
	begin(word, JOB_WAITS | JOB_MAKES);
	job.error = JOB_ERROR_NO_SERVICE;
	assert_int_equal(step(JOB_BAD_RECORD), JOB_DO_WATCH);
	assert_int_equal(job.waking, 1);
	sends(JOB_RECORD, COMMAND_WAKE, ID + 1);
	assert_int_equal(step(JOB_SENT), JOB_DO_SLEEP);
}

static void an_instance_is_made_before_it_is_told(void **state)
{
	(void)state;
	makes("start");
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_WATCH);
	assert_int_equal(job.waking, 0);
	/* it has no record yet, and then one that never ran */
	sends(JOB_NO_RECORD, 'u', ID);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_SLEEP);
	is_down();
	record.starts = 0;
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	job_reset(state);
	record.starts = 1;
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_NO_CHECK), OUTCOME_OK);
}

static void what_cannot_be_made_is_no_service(void **state)
{
	(void)state;
	makes("up");
	answer(ID + 1, RESULT_REFUSED, WHY_UNKNOWN);
	ends(step(JOB_RECORD), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_NO_SERVICE);
	job_reset(state);
	makes("up");
	answer(ID + 1, RESULT_REFUSED, WHY_PUBLISH);
	ends(step(JOB_RECORD), OUTCOME_REFUSED);
	/* made, and gone again: that is not tried twice */
	job_reset(state);
	makes("up");
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	step(JOB_RECORD);
	job.error = JOB_ERROR_NO_SERVICE;
	ends(step(JOB_BAD_RECORD), OUTCOME_FAILED);
}

static void only_what_starts_makes_one(void **state)
{
	static char const *const words[] = { "stop", "exit", "term", "reload", "pause", "check" };
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		begin(words[i], JOB_WAITS | JOB_MAKES);
		job.error = JOB_ERROR_NO_SERVICE;
		ends(step(JOB_BAD_RECORD), OUTCOME_FAILED);
		assert_int_equal(job.error, JOB_ERROR_NO_SERVICE);
	}
	begin("up", 0);
	job.error = JOB_ERROR_NO_SERVICE;
	ends(step(JOB_BAD_RECORD), OUTCOME_FAILED);
}

static void a_control_script_does_not_wait_for_itself(void **state)
{
	(void)state;
	begin("try-restart", JOB_WAITS | JOB_DETACHED);
	sends(JOB_RECORD, 't', ID);
	sends(JOB_SENT, 'c', ID + 1);
	ends(step(JOB_SENT), OUTCOME_OK);
}

static void what_is_over_stays_over(void **state)
{
	(void)state;
	begin("up", 0);
	step(JOB_RECORD);
	step(JOB_ABANDONED);
	for (int e = JOB_BEGIN; e <= JOB_TIMEOUT; e++)
		ends(step((enum job_event)e), OUTCOME_FAILED);
}

#define TEST(f) cmocka_unit_test_setup(f, job_reset)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(a_restart_never_takes_the_old_process),
		TEST(the_generation_is_that_before_the_first_sending),
		TEST(a_service_that_gives_up_ends_the_wait),
		TEST(a_check_that_passes_is_followed_by_a_look),
		TEST(a_check_of_the_old_generation_does_not_count),
		TEST(a_check_that_does_not_pass_is_run_again),
		TEST(two_letters_are_two_answers),
		TEST(half_a_command_is_an_unknown_outcome),
		TEST(one_look_decides_where_nobody_waits),
		TEST(waiting_sends_nothing),
		TEST(waiting_bears_with_a_dead_supervisor),
		TEST(exit_is_met_by_an_exit),
		TEST(what_does_not_start_it_does_not_wake_it),
		TEST(starting_wakes_the_supervisor_first),
		TEST(a_tree_that_refuses_to_wake),
		TEST(what_signals_nothing_waits_for_nothing),
		TEST(without_a_tree_nobody_wakes_it),
		TEST(an_instance_is_made_before_it_is_told),
		TEST(what_cannot_be_made_is_no_service),
		TEST(only_what_starts_makes_one),
		TEST(a_control_script_does_not_wait_for_itself),
		TEST(what_is_over_stays_over),
	};
	return cmocka_run_group_tests_name("svctl_job_goal", tests, NULL, NULL);
}
