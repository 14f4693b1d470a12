/* Control scripts: what they run instead of, one after the other, never in the way of a command. */
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "command.h"

static void exit_0_suppresses_the_signal(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_script(&web, "control/h", "say \"control $# $1 $CINIT_CONTROL $CINIT_SERVICE\"");
	place_script(&web, "control/1", "say one; exit 1");
	place_up(&web);
	assert_int_equal(place_command(&web, 'h'), RESULT_DONE);
	char want[64];
	snprintf(want, sizeof want, "control 1 %u h web", web.s.child[ROLE_RUN].pid);
	event_is(want);
	UNTIL(&web, !s->child[ROLE_CONTROL].pid);
	assert_int_equal(place_command(&web, '1'), RESULT_DONE);
	event_is("one");
	event_is("USR1");
	event_none();
	/* no script, no delay */
	assert_int_equal(place_command(&web, '2'), RESULT_DONE);
	event_is("USR2");
}

static void each_letter_may_have_one(void **state)
{
	struct place web = place_with("web", "listen up");
	char entry[] = "control/?", say[] = "say control ?; exit 1", want[] = "control ?";
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		if (command_table[i].action != ACTION_SIGNAL)
			continue;
		entry[8] = command_table[i].letter;
		*strchr(say, '?') = command_table[i].letter;
		place_script(&web, entry, say);
		strcpy(say, "say control ?; exit 1");
	}
	place_up(&web);
	for (size_t i = 0; i < command_count; i++) {
		if (command_table[i].action != ACTION_SIGNAL)
			continue;
		*strchr(want, '?') = command_table[i].letter;
		place_command(&web, command_table[i].letter);
		event_is(want);
		UNTIL(&web, !s->child[ROLE_CONTROL].pid);
		if (command_table[i].signal != SIGKILL)
			event_next();
		strcpy(want, "control ?");
	}
	UNTIL(&web, s->starts == 2);
}

static void term_suppressed_in_a_stop(void **state)
{
	struct place web = place_with("web", "listen up USR1=5");
	(void)state;
	place_script(&web, "control/t", "say t; kill -USR1 $1");
	place_script(&web, "control/d", "say d; exit 1");
	place_up(&web);
	place_command(&web, 'd');
	event_is("t");
	char first[8];
	snprintf(first, sizeof first, "%s", event_next());
	/* d follows t whether the service still runs or not */
	if (!strcmp(first, "d"))
		event_is("USR1");
	else
		assert_string_equal(first, "USR1");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, 5 << 8);
	char const *line = strcmp(first, "d") ? event_next() : 0;
	while (line && strcmp(line, "d") != 0) { /* CONT, if it came in time */
		assert_string_equal(line, "CONT");
		line = event_next();
	}
}

static void exit_runs_x_and_not_d(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_script(&web, "control/x", "say x");
	place_script(&web, "control/d", "say d");
	place_up(&web);
	place_send(&web, 'x');
	assert_int_equal(tree_end(web.supervisor), 0);
	event_is("x");
	event_none();
}

static void restart_runs_t_and_not_d(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_script(&web, "control/t", "say t; exit 1");
	place_script(&web, "control/d", "say d");
	place_up(&web);
	place_command(&web, 'r');
	event_is("t");
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_none();
}

/* The signal comes when t fails, and a service that would not go is killed all the same. */
static void term_that_fails(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_script(&web, "control/t", "exit 1");
	place_write(&web, "timeout-kill", "600");
	place_up(&web);
	place_command(&web, 'd');
	event_is("TERM");
	event_is("CONT");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGKILL);
}

static void term_that_never_ends(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_script(&web, "control/t", "alone; say t; sleep 1000; :");
	place_write(&web, "timeout-kill", "50");
	place_write(&web, "timeout-control", "2s");
	place_up(&web);
	place_command(&web, 'd');
	event_is("t");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGKILL);
	assert_non_null(
		strstr(tree_read("web.err"), "web: control script did not end in time; killed"));
	event_none();
}

/* One script runs, others wait; what needs no script acts at once, also a stop. */
static void they_queue(void **state)
{
	struct place web = place_with("web", "listen up");
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "control/h", "say begin; hold go; say end; exit 1");
	place_script(&web, "control/1", "say one");
	place_up(&web);
	assert_int_equal(place_command(&web, 'h'), RESULT_DONE);
	event_is("begin");
	uint64_t second = place_send(&web, 'h'), third = place_send(&web, '1');
	assert_int_equal(place_command(&web, '2'), RESULT_DONE);
	event_is("USR2");
	/* these two are not acknowledged before they run */
	assert_true(status_answer(&web.r, second) < 0);
	assert_true(status_answer(&web.r, third) < 0);
	tree_pass(go);
	event_is("end");
	event_await("begin"); /* HUP of the first may come before or after */
	assert_int_equal(place_answer(&web, second, 0), RESULT_DONE);
	assert_true(status_answer(&web.r, third) < 0);
	tree_pass(go);
	event_await("one");
	assert_int_equal(place_answer(&web, third, 0), RESULT_DONE);
}

/* However long the queue: a stop is a stop. */
static void a_stop_passes_the_queue(void **state)
{
	struct place web = place_with("web", "listen up TERM=0");
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "control/h", "say begin; hold go");
	place_up(&web);
	place_command(&web, 'h');
	event_is("begin");
	uint64_t later = place_send(&web, 'h');
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	event_is("TERM");
	UNTIL(&web, s->state == STATE_STOPPING && !s->child[ROLE_RUN].pid);
	assert_true(web.s.child[ROLE_CONTROL].pid != 0);
	tree_pass(go);
	/* there is nothing left for the second one to act on */
	assert_int_equal(place_answer(&web, later, 0), RESULT_NOTHING);
	UNTIL(&web, s->state == STATE_DOWN);
}

static void the_queue_is_bounded(void **state)
{
	enum { MANY = 40 };
	struct place web = place_with("web", "listen up");
	uint64_t ids[MANY];
	enum status_why why;
	unsigned int done = 0, busy = 0;
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "control/1", "hold go");
	place_up(&web);
	for (unsigned int i = 0; i < MANY; i++)
		ids[i] = place_send(&web, '1');
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	for (unsigned int i = 0; i < MANY; i++)
		tree_pass(go);
	for (unsigned int i = 0; i < MANY; i++) {
		enum status_result result = place_answer(&web, ids[i], &why);
		if (result == RESULT_DONE)
			done++;
		else if (result == RESULT_REFUSED && why == WHY_BUSY)
			busy++;
	}
	assert_int_equal(done + busy, MANY);
	assert_int_equal(done, 32);
}

static void up_runs_u_before_each_start(void **state)
{
	struct place web = place_with("web", "say up; hold crash");
	int crash = tree_hold("crash");
	(void)state;
	place_script(&web, "control/u", "say u $#; exit 1");
	place_supervise(&web);
	for (unsigned int i = 1; i < 4; i++) {
		event_is("u 0");
		event_is("up");
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		if (i < 3)
			tree_pass(crash);
	}
}

static void down_while_u_runs(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_script(&web, "control/u", "say u; exec sleep 1000");
	place_script(&web, "control/d", "say d");
	place_supervise(&web);
	event_is("u");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_CONTROL].pid);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 0);
	event_none();
}

static void restart_while_u_runs(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "control/u",
		"say u; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done");
	place_supervise(&web);
	event_is("u");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_CONTROL].phase == PHASE_STARTED);
	place_script(&web, "control/u", "say again; hold go");
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("again");
	tree_pass(go);
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	event_is("up");
}

/* A stop is bounded by timeout-kill, also where nothing runs but a deaf script. */
static void down_while_a_deaf_u_runs(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_script(&web, "control/u", "listen u");
	place_write(&web, "timeout-control", "0");
	place_write(&web, "timeout-kill", "600");
	place_supervise(&web);
	event_is("u");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_CONTROL].pid);
	place_command(&web, 'd');
	event_is("TERM");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 0);
}

static void a_time_limit(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_script(&web, "control/h", "alone; trap '' TERM; sleep 1000 & say h; sleep 1000; :");
	place_write(&web, "timeout-control", "2s");
	place_up(&web);
	place_command(&web, 'h');
	event_is("h");
	assert_true(web.s.deadline[DEADLINE_CONTROL] != 0);
	event_is("HUP"); /* it did not do what it was for */
	/* and it is killed with all of its group */
	int fd = open(tree_name("alone"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	UNTIL(&web, !s->child[ROLE_CONTROL].pid);
}

/* Ansible, and Debian's own scripts, call sv from inside control/t: frames, not awaited. */
static void commands_from_inside(void **state)
{
	struct place web = place_with("web", "listen up TERM=0");
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "control/t", "printf 12 >\"$TREE/run/web/in\"; hold go; exit 1");
	place_up(&web);
	place_send(&web, 'd');
	char first = event_next()[3]; /* USR1 or USR2: pending signals have no order */
	event_is(first == '1' ? "USR2" : "USR1");
	tree_pass(go);
	event_is("TERM");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void down_from_inside_run(void **state)
{
	struct place web =
		place_with("web", "say up; printf d >\"$TREE/run/web/in\"; exec sleep 1000");
	(void)state;
	place_supervise(&web);
	event_is("up");
	UNTIL(&web, s->state == STATE_DOWN && s->starts == 1);
	assert_int_equal(web.s.want, WANT_DOWN);
}

static void down_from_inside_finish(void **state)
{
	struct place web = place_with("web", "say up");
	(void)state;
	place_script(&web, "finish", "printf d >\"$TREE/run/web/in\"; exit 1");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 1);
	event_is("up");
	event_none();
}

/* Not for its owner to execute, or no file at all: as if it were not there. */
static void what_is_no_script(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_write(&web, "control/h", "#!/bin/sh\n");
	tree_write("services/web/control/1/file", 0755, "");
	place_up(&web);
	place_command(&web, 'h');
	event_is("HUP");
	place_command(&web, '1');
	event_is("USR1");
	place_command(&web, '2');
	event_is("USR2");
}

static void one_that_cannot_be_executed(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	tree_write("services/web/control/h", 0755, "#!/nowhere/sh\n");
	place_up(&web);
	assert_int_equal(place_command(&web, 'h'), RESULT_DONE);
	event_is("HUP");
	assert_non_null(strstr(tree_read("web.err"),
		"web: unable to execute control/h: its interpreter /nowhere/sh: No such file"));
}

static void params_and_env(void **state)
{
	struct place web = place_with("web", "listen up");
	char want[64];
	(void)state;
	place_script(&web, "control/h", "say \"$1,$2,$3 $A\"");
	place_write(&web, "control/h.params", "one\ntwo words\n");
	place_write(&web, "control/h.env", "A=alpha\n");
	place_up(&web);
	place_command(&web, 'h');
	snprintf(want, sizeof want, "one,two words,%u alpha", web.s.child[ROLE_RUN].pid);
	event_is(want);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(exit_0_suppresses_the_signal),
		TREE_TEST(each_letter_may_have_one),
		TREE_TEST(term_suppressed_in_a_stop),
		TREE_TEST(exit_runs_x_and_not_d),
		TREE_TEST(restart_runs_t_and_not_d),
		TREE_TEST(term_that_fails),
		TREE_TEST(term_that_never_ends),
		TREE_TEST(they_queue),
		TREE_TEST(a_stop_passes_the_queue),
		TREE_TEST(the_queue_is_bounded),
		TREE_TEST(up_runs_u_before_each_start),
		TREE_TEST(down_while_u_runs),
		TREE_TEST(restart_while_u_runs),
		TREE_TEST(down_while_a_deaf_u_runs),
		TREE_TEST(a_time_limit),
		TREE_TEST(commands_from_inside),
		TREE_TEST(down_from_inside_run),
		TREE_TEST(down_from_inside_finish),
		TREE_TEST(what_is_no_script),
		TREE_TEST(one_that_cannot_be_executed),
		TREE_TEST(params_and_env),
	};
	return cmocka_run_group_tests_name("supervise_control", tests, 0, 0);
}
