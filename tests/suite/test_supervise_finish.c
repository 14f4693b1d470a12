/* finish: when it runs, what it is told, how long it may take, and what its end means. */
#include "tree.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* Says its arguments and what it finds in its environment. */
#define TELLS "say \"$# $1 $2 code=$CINIT_EXIT_CODE signal=$CINIT_EXIT_SIGNAL $CINIT_SERVICE\""

static void expect_ending(char const *run, char const *said)
{
	struct place web = place_with("web", run);
	place_write(&web, "restart", "never");
	place_script(&web, "finish", TELLS);
	place_supervise(&web);
	event_is(said);
	UNTIL(&web, s->state == STATE_DOWN);
	event_none();
}

static void an_exit_code(void **state)
{
	(void)state;
	expect_ending("exit 7", "2 7 0 code=7 signal= web");
}

static void exit_zero(void **state)
{
	(void)state;
	expect_ending("exit 0", "2 0 0 code=0 signal= web");
}

static void exit_255(void **state)
{
	(void)state;
	expect_ending("exit 255", "2 255 0 code=255 signal= web");
}

static void a_signal(void **state)
{
	(void)state;
	expect_ending("kill -TERM $$", "2 -1 15 code= signal=15 web");
}

static void another_signal(void **state)
{
	(void)state;
	expect_ending("ulimit -c 0; kill -SEGV $$", "2 -1 11 code= signal=11 web");
}

/* Waits for the ending to be told, whatever run is. */
static void a_run_that_is_missing_or_cannot_be_executed(void **state)
{
	struct place web = place_with("web", "exit 0");
	(void)state;
	place_write(&web, "restart", "never");
	place_script(&web, "finish", TELLS);
	place_supervise(&web);
	event_is("2 0 0 code=0 signal= web");
	UNTIL(&web, s->state == STATE_DOWN);
	/* there was one, so a service it is */
	assert_int_equal(unlink(tree_name("services/web/run")), 0);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	event_is("2 111 0 code=111 signal= web");
	UNTIL(&web, s->state == STATE_DOWN);
	place_write(&web, "run", "#!/bin/sh\n");
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	event_is("2 111 0 code=111 signal= web");
}

static void after_a_stop_by_command(void **state)
{
	struct place web = place_with("web", "alone; say up; exec sleep 1000");
	(void)state;
	place_script(&web, "finish", "alone; " TELLS);
	place_up(&web);
	place_command(&web, 'd');
	event_is("2 -1 15 code= signal=15 web");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGTERM);
}

static void before_the_next_start(void **state)
{
	struct place web = place_with("web", "alone; say up; hold crash");
	int crash = tree_hold("crash");
	(void)state;
	place_script(&web, "finish", "alone; say finish");
	place_up(&web);
	for (unsigned int i = 2; i < 5; i++) {
		tree_pass(crash);
		event_is("finish");
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		event_is("up");
	}
	place_command(&web, 'r');
	event_is("finish");
	event_is("up");
}

/* The pid of finish is the one that counts meanwhile, and down is answered at once. */
static void what_is_seen_of_it(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "finish", "say $$; hold go");
	place_up(&web);
	place_command(&web, 'r');
	pid_t pid = event_pid();
	UNTIL(&web, s->state == STATE_FINISHING && s->child[ROLE_FINISH].phase == PHASE_STARTED);
	assert_int_equal(web.s.pid, pid);
	assert_int_equal(web.s.child[ROLE_FINISH].pid, pid);
	assert_int_equal(web.s.child[ROLE_RUN].pid, 0);
	assert_int_not_equal(web.s.deadline[DEADLINE_FINISH], 0);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_FINISHING);
	assert_int_equal(place_command(&web, 't'), RESULT_NOTHING);
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 1);
}

static void a_time_limit(void **state)
{
	struct place web = place_with("web", "alone; say up; exec sleep 1000");
	(void)state;
	/* deaf, and with a deaf child in its group: both go */
	place_script(&web, "finish", "alone; trap '' TERM; sleep 1000 & say finish; sleep 1000; :");
	place_write(&web, "timeout-finish", "2s");
	place_up(&web);
	uint64_t before = clock_boottime();
	place_command(&web, 'd');
	event_is("finish");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(clock_boottime() >= before + 2 * CLOCK_SECOND);
	assert_int_equal(web.s.reason, REASON_TIMEOUT);
	assert_non_null(strstr(tree_read("web.err"), "web: finish did not end in time; killed"));
	place_command(&web, 'u');
	event_is("up"); /* and alone */
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void without_a_limit(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "finish", "say finish; hold go");
	place_write(&web, "timeout-finish", "0");
	place_up(&web);
	place_command(&web, 'd');
	event_is("finish");
	UNTIL(&web, s->state == STATE_FINISHING);
	for (unsigned int i = 0; i < DEADLINE_COUNT; i++)
		assert_true(web.s.deadline[i] == 0);
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
}

static void exit_125_gives_up(void **state)
{
	struct place web = place_with("web", "exit 3");
	(void)state;
	place_script(&web, "finish", "exit 125");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_FINISH);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.last_exit, 3 << 8);
	/* latched on disk, too */
	place_kill_supervisor(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_FINISH);
	assert_int_equal(web.s.starts, 1);
	place_script(&web, "run", "say up; exec sleep 1000");
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_UP);
	/* told to go down it goes down: the code has no meaning then */
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void its_other_exit_codes_mean_nothing(void **state)
{
	struct place web = place_with("web", "say up; hold crash; exit 1");
	int crash = tree_hold("crash");
	(void)state;
	place_script(&web, "finish", "kill -KILL $$");
	place_up(&web);
	tree_pass(crash);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_equal(web.s.last_exit, 1 << 8);
	place_script(&web, "finish", "exit 1");
	place_command(&web, 'r');
	UNTIL(&web, s->state == STATE_UP && s->starts == 3);
}

/* A start that came to nothing is no end of run. */
static void not_after_a_start_that_was_called_off(void **state)
{
	struct place web = place_with("web", "say up; hold crash; exit 1");
	int crash = tree_hold("crash"), go = tree_hold("go");
	(void)state;
	place_script(&web, "finish", "say finish");
	place_up(&web);
	place_script(&web, "control/u", "say control; hold go; exit 0");
	tree_pass(crash);
	event_is("finish");
	event_is("control");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_CONTROL].pid);
	place_command(&web, 'd');
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 1);
	event_none();
}

static void its_strays_are_swept(void **state)
{
	struct place web = place_with("web", "alone; say up; exec sleep 1000");
	(void)state;
	place_script(&web, "finish", "alone; ( setsid sleep 1000 & say $! )");
	place_up(&web);
	for (int i = 0; i < 3; i++) {
		place_command(&web, 'r');
		pid_t pid = event_pid();
		event_is("up");
		assert_true(tree_gone(pid));
		UNTIL(&web, s->state == STATE_UP);
	}
}

static void what_cannot_be_executed_is_said(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_write(&web, "finish", "echo no interpreter\n");
	place_up(&web);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_string_equal(tree_read("web.err"),
		"supervise: warning: web: unable to execute finish: Permission denied\n");
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void params_and_env(void **state)
{
	struct place web = place_with("web", "exit 9");
	(void)state;
	place_write(&web, "restart", "never");
	place_write(&web, "finish.params", "one\ntwo words\n");
	place_write(&web, "finish.env", "A=from finish.env\n");
	place_write(&web, "env/A", "from env\n");
	place_write(&web, "env/B", "from env\n");
	place_script(&web, "finish", "say \"$# $1,$2,$3,$4 $A, $B\"");
	place_supervise(&web);
	event_is("4 one,two words,9,0 from finish.env, from env");
	UNTIL(&web, s->state == STATE_DOWN);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(an_exit_code),
		TREE_TEST(exit_zero),
		TREE_TEST(exit_255),
		TREE_TEST(a_signal),
		TREE_TEST(another_signal),
		TREE_TEST(a_run_that_is_missing_or_cannot_be_executed),
		TREE_TEST(after_a_stop_by_command),
		TREE_TEST(before_the_next_start),
		TREE_TEST(what_is_seen_of_it),
		TREE_TEST(a_time_limit),
		TREE_TEST(without_a_limit),
		TREE_TEST(exit_125_gives_up),
		TREE_TEST(its_other_exit_codes_mean_nothing),
		TREE_TEST(not_after_a_start_that_was_called_off),
		TREE_TEST(its_strays_are_swept),
		TREE_TEST(what_cannot_be_executed_is_said),
		TREE_TEST(params_and_env),
	};
	return cmocka_run_group_tests_name("supervise_finish", tests, 0, 0);
}
