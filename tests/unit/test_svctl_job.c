/* One command to one service: until it is answered, or not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "svctl/job.h"
#include "svctl_job.h"

/* ------------------------------------------------------------------------------ acknowledgement */

static void a_letter_ends_with_its_answer(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	assert_int_equal(step(JOB_SENT), JOB_DO_SLEEP);
	assert_int_equal(step(JOB_CHANGED), JOB_DO_WATCH);
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void nothing_to_do_is_done(void **state)
{
	(void)state;
	begin("hup", 0);
	sends(JOB_RECORD, 'h', ID);
	step(JOB_SENT);
	answer(ID, RESULT_NOTHING, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void a_refusal_says_why(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	answer(ID, RESULT_REFUSED, WHY_DEPENDENTS);
	ends(step(JOB_RECORD), OUTCOME_REFUSED);
	assert_int_equal(job.detail, WHY_DEPENDENTS);
}

static void a_refusal_in_doubt_is_no_refusal(void **state)
{
	(void)state;
	begin("restart", JOB_WAITS);
	sends(JOB_RECORD, 'r', ID);
	step(JOB_SENT);
	answer(ID, RESULT_REFUSED, WHY_DOUBT);
	ends(step(JOB_RECORD), OUTCOME_UNKNOWN);
}

static void another_incarnation_gets_the_same_id(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	record.incarnation = 6;
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	/* once for each */
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	record.incarnation = 7;
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void a_dead_supervisor_is_waited_for(void **state)
{
	(void)state;
	begin("up", 0);
	sends(JOB_RECORD, 'u', ID);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_SLEEP);
	assert_int_equal(step(JOB_CHANGED), JOB_DO_WATCH);
	record.incarnation = 6;
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void an_abandoned_service_fails_at_once(void **state)
{
	(void)state;
	begin("up", 0);
	sends(JOB_RECORD, 'u', ID);
	ends(step(JOB_ABANDONED), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_NO_SUPERVISOR);
}

static void no_record_yet_is_no_obstacle(void **state)
{
	(void)state;
	begin("start", JOB_WAITS);
	sends(JOB_NO_RECORD, 'u', ID);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_SLEEP);
	sends(JOB_NO_RECORD, 'u', ID);
	step(JOB_SENT);
	/* the first record is of an incarnation we did not know */
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_NO_CHECK), OUTCOME_OK);
}

static void errors_of_sending_end_it(void **state)
{
	static enum job_error const errors[] = { JOB_ERROR_NO_SERVICE, JOB_ERROR_FULL,
		JOB_ERROR_DENIED, JOB_ERROR_NOT_FIFO, JOB_ERROR_SEND };
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		begin("up", 0);
		sends(JOB_RECORD, 'u', ID);
		job.error = (uint8_t)errors[i];
		ends(step(JOB_SEND_FAILED), OUTCOME_FAILED);
		assert_int_equal(job.error, errors[i]);
	}
}

static void a_second_copy_need_not_fit(void **state)
{
	(void)state;
	begin("up", 0);
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	record.incarnation = 6;
	sends(JOB_RECORD, 'u', ID);
	job.error = JOB_ERROR_FULL;
	assert_int_equal(step(JOB_SEND_FAILED), JOB_DO_SLEEP);
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_OK);
}

static void a_bad_record_before_and_after_sending(void **state)
{
	(void)state;
	begin("up", 0);
	job.error = JOB_ERROR_RECORD;
	ends(step(JOB_BAD_RECORD), OUTCOME_FAILED);
	begin("up", 0);
	sends(JOB_RECORD, 'u', ID);
	step(JOB_SENT);
	job.error = JOB_ERROR_RECORD;
	ends(step(JOB_BAD_RECORD), OUTCOME_UNKNOWN);
}

/* --------------------------------------------------------------------------------- cut off */

/* It is looked for once more after each pause. */
static void looks_in_vain(enum job_error error)
{
	for (int i = 1; i < JOB_CUTS; i++) {
		job.error = (uint8_t)error;
		assert_int_equal(step(JOB_CUT_OFF), JOB_DO_PAUSE);
		assert_int_equal(step(JOB_CHANGED), JOB_DO_WATCH);
		if (job.verb->letters[0] && error == JOB_ERROR_CUT_IN)
			assert_int_equal(step(JOB_RECORD), JOB_DO_SEND);
	}
	job.error = (uint8_t)error;
}

static void one_that_lives_and_does_not_listen(void **state)
{
	(void)state;
	begin("restart", JOB_WAITS);
	sends(JOB_RECORD, 'r', ID);
	looks_in_vain(JOB_ERROR_CUT_IN);
	ends(step(JOB_CUT_OFF), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_CUT_IN);
	begin("restart", JOB_WAITS);
	looks_in_vain(JOB_ERROR_CUT_OUT);
	ends(step(JOB_CUT_OFF), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_CUT_OUT);
	/* who waits only need not be heard */
	job_init(&job, verb_condition("up"), JOB_WAITS);
	step(JOB_BEGIN);
	looks_in_vain(JOB_ERROR_CUT_IN);
	ends(step(JOB_CUT_OFF), OUTCOME_OK);
	/* it may have read what was sent before */
	begin("restart", JOB_WAITS);
	sends(JOB_RECORD, 'r', ID);
	step(JOB_SENT);
	looks_in_vain(JOB_ERROR_CUT_OUT);
	ends(step(JOB_CUT_OFF), OUTCOME_UNKNOWN);
}

static void one_that_makes_new_fifos_is_heard_of(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	looks_in_vain(JOB_ERROR_CUT_IN);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_OK);
	/* and one that was dying is dead */
	begin("up", 0);
	sends(JOB_RECORD, 'u', ID);
	looks_in_vain(JOB_ERROR_CUT_IN);
	assert_int_equal(step(JOB_NO_SUPERVISOR), JOB_DO_SLEEP);
	sends(JOB_RECORD, 'u', ID);
	looks_in_vain(JOB_ERROR_CUT_IN);
}

static void a_check_that_cannot_be_run_is_not_waited_for(void **state)
{
	(void)state;
	begin("check", JOB_WAITS);
	assert_int_equal(step(JOB_RECORD), JOB_DO_CHECK);
	ends(step(JOB_CHECK_NOT_RUN), OUTCOME_NEVER);
	assert_int_equal(job.not_run, 1);
}

/* ------------------------------------------------------------------------------------- time-outs
 */

static void no_answer_is_an_unknown_outcome(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	ends(step(JOB_TIMEOUT), OUTCOME_UNKNOWN);
	begin("force-stop", JOB_WAITS);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	ends(job_step(&job, JOB_TIMEOUT, NULL, &ring), OUTCOME_UNKNOWN);
}

static void what_was_never_sent_is_not_unknown(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_NO_SUPERVISOR);
	ends(step(JOB_TIMEOUT), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_NO_SUPERVISOR);
}

static void an_answer_in_the_last_moment_counts(void **state)
{
	(void)state;
	begin("down", 0);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	ends(step(JOB_TIMEOUT), OUTCOME_OK);
	begin("stop", JOB_WAITS);
	sends(JOB_RECORD, 'd', ID + 1);
	step(JOB_SENT);
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	ends(step(JOB_TIMEOUT), OUTCOME_TIMEOUT);
}

static void a_goal_not_reached_is_a_time_out(void **state)
{
	(void)state;
	begin("stop", JOB_WAITS);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	record.state = STATE_STOPPING;
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	ends(step(JOB_TIMEOUT), OUTCOME_TIMEOUT);
}

static void a_goal_reached_in_the_last_moment_counts(void **state)
{
	(void)state;
	begin("stop", JOB_WAITS);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	assert_int_equal(step(JOB_RECORD), JOB_DO_SLEEP);
	is_down();
	ends(step(JOB_TIMEOUT), OUTCOME_OK);
}

static void force_sends_a_kill_and_awaits_its_answer(void **state)
{
	(void)state;
	begin("force-stop", JOB_WAITS);
	sends(JOB_RECORD, 'd', ID);
	step(JOB_SENT);
	answer(ID, RESULT_DONE, WHY_NONE);
	step(JOB_RECORD);
	assert_int_equal(step(JOB_TIMEOUT), JOB_DO_ESCALATE);
	assert_int_equal(job_letter(&job), 'k');
	assert_int_equal(*job_id(&job), 0);
	*job_id(&job) = ID + 1;
	assert_int_equal(step(JOB_SENT), JOB_DO_SLEEP);
	answer(ID + 1, RESULT_DONE, WHY_NONE);
	ends(step(JOB_RECORD), OUTCOME_KILLED);
}

static void a_kill_that_is_not_answered_was_a_kill(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		job_reset(state);
		begin("force-restart", JOB_WAITS);
		sends(JOB_RECORD, 'r', ID);
		step(JOB_SENT);
		answer(ID, RESULT_DONE, WHY_NONE);
		step(JOB_RECORD);
		assert_int_equal(step(JOB_TIMEOUT), JOB_DO_ESCALATE);
		if (i == 0) {
			step(JOB_SENT);
			ends(step(JOB_TIMEOUT), OUTCOME_KILLED);
		} else {
			ends(step(i == 1 ? JOB_ABANDONED : JOB_BAD_RECORD), OUTCOME_KILLED);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup(f, job_reset)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(a_letter_ends_with_its_answer),
		TEST(nothing_to_do_is_done),
		TEST(a_refusal_says_why),
		TEST(a_refusal_in_doubt_is_no_refusal),
		TEST(another_incarnation_gets_the_same_id),
		TEST(a_dead_supervisor_is_waited_for),
		TEST(an_abandoned_service_fails_at_once),
		TEST(no_record_yet_is_no_obstacle),
		TEST(errors_of_sending_end_it),
		TEST(a_second_copy_need_not_fit),
		TEST(a_bad_record_before_and_after_sending),
		TEST(one_that_lives_and_does_not_listen),
		TEST(one_that_makes_new_fifos_is_heard_of),
		TEST(a_check_that_cannot_be_run_is_not_waited_for),
		TEST(no_answer_is_an_unknown_outcome),
		TEST(what_was_never_sent_is_not_unknown),
		TEST(an_answer_in_the_last_moment_counts),
		TEST(a_goal_not_reached_is_a_time_out),
		TEST(a_goal_reached_in_the_last_moment_counts),
		TEST(force_sends_a_kill_and_awaits_its_answer),
		TEST(a_kill_that_is_not_answered_was_a_kill),
	};
	return cmocka_run_group_tests_name("svctl_job", tests, NULL, NULL);
}
