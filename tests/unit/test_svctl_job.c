/* One command to one service: the machine without a system behind it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "command.h"
#include "svctl/job.h"

#define ID 77

static struct job job;
static struct status record;
static struct status_ring ring;

static int reset(void **state)
{
	(void)state;
	memset(&record, 0, sizeof record);
	memset(&ring, 0, sizeof ring);
	record.state = STATE_UP;
	record.want = WANT_UP;
	record.flags = FLAG_READY;
	record.incarnation = 5;
	record.supervisor = 10;
	record.starts = 3;
	record.child[ROLE_RUN] = (struct status_child){ .pid = 20, .phase = PHASE_STARTED };
	return 0;
}

static enum job_act step(enum job_event event)
{
	return job_step(&job, event, &record, &ring);
}

static void begin(char const *word, unsigned int options)
{
	struct verb const *v = verb_find(word);
	assert_non_null(v);
	job_init(&job, v, options);
	assert_int_equal(step(JOB_BEGIN), JOB_DO_WATCH);
}

/* As the loop does, and the frame goes out. */
static void sends(enum job_event event, char letter, uint64_t id)
{
	assert_int_equal(step(event), JOB_DO_SEND);
	assert_int_equal(job_letter(&job), letter);
	if (!*job_id(&job))
		*job_id(&job) = id;
	assert_int_equal(*job_id(&job), id);
}

static void answer(uint64_t id, enum status_result result, enum status_why why)
{
	status_acknowledge(&record, &ring, id, result, why);
	record.change++;
}

static void ends(enum job_act act, enum job_outcome outcome)
{
	assert_int_equal(act, JOB_DO_END);
	assert_int_equal(job.phase, JOB_OVER);
	assert_int_equal(job.outcome, outcome);
}

static void is_down(void)
{
	record.state = STATE_DOWN;
	record.child[ROLE_RUN] = (struct status_child){ 0 };
	record.flags = 0;
}

static void has_exited(void)
{
	is_down();
	record.flags = FLAG_EXITED;
	record.supervisor = 0;
}

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
		reset(state);
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
	reset(state);
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
	reset(state);
	wakes("up", 'u');
	ends(step(JOB_TIMEOUT), OUTCOME_FAILED);
	assert_int_equal(job.error, JOB_ERROR_NO_SUPERVISOR);
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

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(a_letter_ends_with_its_answer),
		TEST(nothing_to_do_is_done),
		TEST(a_refusal_says_why),
		TEST(another_incarnation_gets_the_same_id),
		TEST(a_dead_supervisor_is_waited_for),
		TEST(an_abandoned_service_fails_at_once),
		TEST(no_record_yet_is_no_obstacle),
		TEST(errors_of_sending_end_it),
		TEST(a_second_copy_need_not_fit),
		TEST(a_bad_record_before_and_after_sending),
		TEST(no_answer_is_an_unknown_outcome),
		TEST(what_was_never_sent_is_not_unknown),
		TEST(an_answer_in_the_last_moment_counts),
		TEST(a_goal_not_reached_is_a_time_out),
		TEST(a_goal_reached_in_the_last_moment_counts),
		TEST(force_sends_a_kill_and_awaits_its_answer),
		TEST(a_kill_that_is_not_answered_was_a_kill),
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
		TEST(without_a_tree_nobody_wakes_it),
		TEST(a_control_script_does_not_wait_for_itself),
		TEST(what_is_over_stays_over),
	};
	return cmocka_run_group_tests_name("svctl_job", tests, NULL, NULL);
}
