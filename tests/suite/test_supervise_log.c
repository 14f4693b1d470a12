/* The logger: a second service behind a pipe that outlives them both. */
#include "tree.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Repeats each line as "log: LINE", and the end of its input. */
#define LOGS "say logger; while read -r l; do say \"log: $l\"; done; say eof"

struct logged {
	struct place web, log;
};

static struct logged logged(char const *run, char const *log_run)
{
	struct logged l = { .web = place_with("web", run), .log = place_make("web/log") };
	place_script(&l.web, "log/run", log_run);
	return l;
}

static void supervise(struct logged *l)
{
	place_supervise(&l->web);
	UNTIL(&l->web, s->state == STATE_UP);
	UNTIL(&l->log, s->state == STATE_UP);
}

static void lines_arrive(void **state)
{
	struct logged l = logged("echo not this >&2; echo one; echo two; exec sleep 1000", LOGS);
	(void)state;
	supervise(&l);
	event_is("logger");
	event_is("log: one");
	event_is("log: two");
	assert_int_equal(l.web.s.flags & (FLAG_HAS_LOG | FLAG_IS_LOG), FLAG_HAS_LOG);
	assert_int_equal(l.log.s.flags & (FLAG_HAS_LOG | FLAG_IS_LOG), FLAG_IS_LOG);
	assert_int_equal(l.log.s.supervisor, l.web.supervisor);
	assert_string_equal(tree_read("web.err"), "not this\n");
	event_none();
}

static void what_the_logger_is_given(void **state)
{
	struct logged l =
		logged("exec sleep 1000", "say \"$CINIT_SERVICE $PWD $A\"; exec cat >/dev/null");
	char want[300];
	(void)state;
	place_write(&l.web, "env/A", "of the service");
	place_write(&l.web, "log/env/A", "of the logger");
	place_supervise(&l.web);
	snprintf(want, sizeof want, "web/log %s/log of the logger", l.web.dir);
	event_is(want);
}

static void finish_and_scripts_are_logged(void **state)
{
	struct logged l =
		logged("trap 'exit 0' HUP; echo up; while :; do sleep 1000 & wait; done", LOGS);
	(void)state;
	place_script(&l.web, "finish", "echo finish");
	place_script(&l.web, "control/t", "echo control; exit 1");
	supervise(&l);
	event_is("logger");
	event_is("log: up");
	place_command(&l.web, 'd');
	event_is("log: control");
	event_is("log: finish");
	UNTIL(&l.web, s->state == STATE_DOWN);
}

static void something_else_in_place_of_the_pipe(void **state)
{
	struct logged l = logged("echo one; exec sleep 1000", LOGS);
	(void)state;
	tree_write("run/web/pipe", 0644, "no FIFO\n");
	supervise(&l);
	event_is("logger");
	event_is("log: one");
	place_send(&l.web, 'x');
	event_is("eof");
	assert_int_equal(tree_end(l.web.supervisor), 0);
	unlink(tree_name("run/web/pipe"));
	assert_int_equal(symlink("in", tree_name("run/web/pipe")), 0);
	place_supervise(&l.web);
	event_is("logger");
	event_is("log: one");
}

static void lines_wait_for_a_logger_that_is_down(void **state)
{
	struct logged l = logged("echo one; hold go; echo two; say up; exec sleep 1000", LOGS);
	int go = tree_hold("go");
	(void)state;
	place_write(&l.web, "log/down", "");
	place_supervise(&l.web);
	UNTIL(&l.web, s->state == STATE_UP);
	tree_pass(go);
	event_is("up");
	UNTIL(&l.log, s->state == STATE_DOWN && (s->flags & FLAG_NORMALLY_DOWN));
	event_none();
	place_command(&l.log, 'u');
	event_is("logger");
	event_is("log: one");
	event_is("log: two");
	place_command(&l.log, 'd');
	UNTIL(&l.log, s->state == STATE_DOWN);
	assert_int_equal(l.web.s.state, STATE_UP);
}

static void either_can_be_restarted(void **state)
{
	struct logged l = logged("echo one; exec sleep 1000", LOGS);
	(void)state;
	supervise(&l);
	event_is("logger");
	event_is("log: one");
	uint32_t logger = l.log.s.pid, web = l.web.s.pid;
	place_command(&l.web, 'r');
	event_is("log: one");
	place_look(&l.log);
	assert_int_equal(l.log.s.pid, logger);
	kill((pid_t)logger, SIGKILL);
	event_is("logger");
	UNTIL(&l.log, s->starts == 2 && s->state == STATE_UP);
	assert_int_equal(l.log.s.deaths, 1);
	place_look(&l.web);
	assert_int_not_equal(l.web.s.pid, web);
	assert_int_equal(l.web.s.deaths, 0);
	place_command(&l.web, 'r');
	event_is("log: one");
}

/* The logger ends after every tenth line, the service after every hundredth. */
static void no_line_is_lost(void **state)
{
	enum { LINES = 600 };
	struct logged l = logged("n=$(cat \"$TREE/n\"); i=0\n"
				 "while [ $i -lt 100 ]; do\n"
				 "  [ $n -lt 600 ] || exec sleep 1000\n"
				 "  n=$((n+1)); echo $n; i=$((i+1))\n"
				 "done; echo $n >\"$TREE/n\"",
		"i=0; while [ $i -lt 10 ] && read -r l; do say $l; i=$((i+1)); done");
	char want[16];
	(void)state;
	tree_write("n", 0644, "0\n");
	place_write(&l.web, "backoff-max", "0");
	place_write(&l.web, "log/backoff-max", "0");
	place_supervise(&l.web);
	for (int i = 1; i <= LINES; i++) {
		snprintf(want, sizeof want, "%d", i);
		event_is(want);
	}
	UNTIL(&l.log, s->starts >= LINES / 10);
	UNTIL(&l.web, s->starts >= LINES / 100);
}

/* More than a pipe holds: the service waits, and nothing is lost. */
static void a_full_pipe(void **state)
{
	struct logged l =
		logged("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); "
		       "echo $i 0123456789 0123456789 0123456789 0123456789; done; say all; "
		       "exec sleep 1000",
			"n=0; while read -r i rest; do n=$((n+1)); [ $n = $i ] || say lost; [ $i "
			"!= 3000 ] || "
			"say last; done");
	(void)state;
	place_write(&l.web, "log/down", "");
	place_supervise(&l.web);
	UNTIL(&l.web, s->state == STATE_UP);
	/* the supervisor is not the one that is blocked */
	assert_int_equal(place_command(&l.web, 'y'), RESULT_DONE);
	event_none();
	place_command(&l.log, 'u');
	char first[8];
	snprintf(first, sizeof first, "%s", event_next());
	event_is(strcmp(first, "all") ? "all" : "last");
}

/* --------------------------------------------------------------------------------- the end */

static void the_logger_goes_last_by_the_end_of_its_input(void **state)
{
	struct logged l =
		logged("trap 'echo last words; exit 0' TERM; echo up; while :; do sleep 1000 & "
		       "wait; done",
			"trap 'say told' TERM; " LOGS);
	(void)state;
	place_script(&l.web, "finish", "echo finish");
	supervise(&l);
	event_is("logger");
	event_is("log: up");
	place_send(&l.web, 'x');
	event_is("log: last words");
	event_is("log: finish");
	event_is("eof");
	assert_int_equal(tree_end(l.web.supervisor), 0);
	place_look(&l.log);
	assert_int_equal(l.log.s.state, STATE_DOWN);
	assert_int_equal(l.log.s.flags & FLAG_EXITED, FLAG_EXITED);
	assert_int_equal(l.log.s.supervisor, 0);
	assert_int_equal(l.log.s.last_exit, 0);
	assert_int_equal(l.log.s.deaths, 0);
	event_none();
}

static void a_logger_that_ignores_the_end(void **state)
{
	struct logged l = logged("echo one; exec sleep 1000",
		"trap 'say told; exit 0' TERM; say logger; while :; do sleep 1000 & wait; done");
	(void)state;
	place_write(&l.web, "log/timeout-kill", "400");
	supervise(&l);
	event_is("logger");
	place_send(&l.web, 'x');
	event_is("told");
	assert_int_equal(tree_end(l.web.supervisor), 0);
}

static void a_logger_that_ignores_everything(void **state)
{
	struct logged l = logged("exec sleep 1000", "listen logger");
	(void)state;
	place_write(&l.web, "log/timeout-kill", "400");
	supervise(&l);
	event_is("logger");
	place_send(&l.web, 'x');
	event_is("TERM");
	assert_int_equal(tree_end(l.web.supervisor), 0);
	place_look(&l.log);
	assert_int_equal(l.log.s.last_exit, SIGKILL);
}

static void a_logger_cannot_be_told_to_exit(void **state)
{
	struct logged l = logged("exec sleep 1000", LOGS);
	enum status_why why = WHY_NONE;
	(void)state;
	supervise(&l);
	event_is("logger");
	assert_int_equal(place_answer(&l.log, place_send(&l.log, 'x'), &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_LOGGER);
	assert_int_equal(l.log.s.state, STATE_UP);
	assert_int_equal(l.log.s.want, WANT_UP);
}

/* A survivor of the service holds the pipe: its lines are logged, and the logger is told in the
 * end. */
/* The service is down and its logger about to go: nothing starts that would have no logger. */
static void no_start_when_the_logger_is_told_to_go(void **state)
{
	struct logged l = logged("exec sleep 1000", "exec cat >/dev/null");
	enum status_why why;
	(void)state;
	supervise(&l);
	kill((pid_t)l.log.s.pid, SIGSTOP);
	assert_int_equal(place_command(&l.web, 'x'), RESULT_DONE);
	UNTIL(&l.log, s->want == WANT_EXIT);
	uint64_t id = place_send(&l.web, 'u');
	assert_int_equal(place_answer(&l.web, id, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_EXITING);
	kill((pid_t)l.log.s.pid, SIGCONT);
	assert_int_equal(tree_end(l.web.supervisor), 0);
}

static void somebody_still_holds_the_pipe(void **state)
{
	struct logged l = logged("( sleep 1000 & ); echo up; exec sleep 1000", LOGS);
	(void)state;
	place_write(&l.web, "kill-mode", "process");
	place_write(&l.web, "log/timeout-kill", "400");
	supervise(&l);
	event_is("logger");
	event_is("log: up");
	place_send(&l.web, 'x');
	assert_int_equal(tree_end(l.web.supervisor), 0);
	place_look(&l.log);
	assert_int_equal(l.log.s.last_exit, SIGTERM);
}

/* It died a moment ago and waits for its next start: what is in the pipe is logged all the same. */
static void the_end_comes_while_the_logger_waits_to_start(void **state)
{
	struct logged l = logged("echo one; hold go; echo two; say two; exec sleep 1000",
		"read -r l; say \"log: $l\"; [ \"$l\" != two ] || exec cat >/dev/null");
	int go = tree_hold("go");
	(void)state;
	place_supervise(&l.web);
	event_is("log: one");
	UNTIL(&l.log, s->starts == 2 && s->state == STATE_UP);
	place_write(&l.web, "log/backoff-max", "1h");
	for (int i = 0; i < 6; i++) { /* a long wait */
		uint32_t deaths = l.log.s.deaths;
		kill((pid_t)l.log.s.pid, SIGKILL);
		UNTIL(&l.log, s->deaths == deaths + 1);
		if (i < 5)
			place_command(&l.log, 'u');
		UNTIL(&l.log, s->state == (i < 5 ? STATE_UP : STATE_BACKOFF));
	}
	tree_pass(go);
	event_is("two");
	place_send(&l.web, 'x');
	event_is("log: two");
	assert_int_equal(tree_end(l.web.supervisor), 0);
}

/* ------------------------------------------------------------------------------- two services */

static void the_sweep_of_one_spares_the_other(void **state)
{
	struct logged l = logged("( setsid sleep 1000 & echo $! ); echo up; exec sleep 1000",
		"( setsid sleep 1000 </dev/null & say $! ); " LOGS);
	(void)state;
	place_write(&l.web, "log/timeout-kill", "0");
	place_write(&l.web, "timeout-kill", "0");
	supervise(&l);
	pid_t of_log = event_pid();
	event_is("logger");
	for (int i = 0; i < 3; i++) {
		pid_t of_web = atoi(event_next() + strlen("log: "));
		event_is("log: up");
		assert_false(tree_gone(of_web));
		place_command(&l.web, 'r');
		UNTIL(&l.web, s->state == STATE_UP && s->starts == (uint32_t)i + 2);
		assert_true(tree_gone(of_web));
		assert_false(tree_gone(of_log));
	}
	pid_t of_web = atoi(event_next() + strlen("log: "));
	event_is("log: up");
	place_command(&l.log, 'r');
	pid_t next = event_pid();
	event_is("logger");
	assert_true(tree_gone(of_log));
	assert_false(tree_gone(of_web));
	assert_false(tree_gone(next));
}

static void a_logger_that_cannot_be_executed(void **state)
{
	struct logged l = logged("echo one; say up; exec sleep 1000", LOGS);
	(void)state;
	place_write(&l.web, "log/run", "#!/bin/sh\n");
	place_supervise(&l.web);
	event_is("up");
	UNTIL(&l.web, s->state == STATE_UP && s->reason == REASON_NONE);
	UNTIL(&l.log, s->state == STATE_BACKOFF && s->reason == REASON_EXEC);
	assert_non_null(
		strstr(tree_read("web.err"), "web/log: unable to execute run: Permission denied"));
	place_script(&l.web, "log/run", LOGS);
	place_command(&l.log, 'u');
	event_is("logger");
	event_is("log: one");
}

static void a_bad_value_of_the_logger_is_no_trouble_for_the_service(void **state)
{
	struct logged l = logged("echo one; say up; exec sleep 1000", LOGS);
	(void)state;
	place_write(&l.web, "log/kill-mode", "softly");
	place_supervise(&l.web);
	event_is("up");
	UNTIL(&l.log, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	UNTIL(&l.web, s->state == STATE_UP && s->reason == REASON_NONE);
	place_send(&l.web, 'x');
	assert_int_equal(tree_end(l.web.supervisor), 0);
}

static void quit_leaves_time_for_the_last_lines(void **state)
{
	struct logged l = logged("echo up; say up; exec sleep 1000", LOGS);
	(void)state;
	place_write(&l.web, "log/down", "");
	place_supervise(&l.web);
	event_is("up");
	place_command(&l.log, 'u');
	kill(l.web.supervisor, SIGQUIT);
	event_is("logger");
	event_is("log: up");
	event_is("eof");
	assert_int_equal(tree_end(l.web.supervisor), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(lines_arrive),
		TREE_TEST(what_the_logger_is_given),
		TREE_TEST(finish_and_scripts_are_logged),
		TREE_TEST(something_else_in_place_of_the_pipe),
		TREE_TEST(lines_wait_for_a_logger_that_is_down),
		TREE_TEST(either_can_be_restarted),
		TREE_TEST(no_line_is_lost),
		TREE_TEST(a_full_pipe),
		TREE_TEST(the_logger_goes_last_by_the_end_of_its_input),
		TREE_TEST(a_logger_that_ignores_the_end),
		TREE_TEST(a_logger_that_ignores_everything),
		TREE_TEST(a_logger_cannot_be_told_to_exit),
		TREE_TEST(no_start_when_the_logger_is_told_to_go),
		TREE_TEST(somebody_still_holds_the_pipe),
		TREE_TEST(the_end_comes_while_the_logger_waits_to_start),
		TREE_TEST(the_sweep_of_one_spares_the_other),
		TREE_TEST(a_logger_that_cannot_be_executed),
		TREE_TEST(a_bad_value_of_the_logger_is_no_trouble_for_the_service),
		TREE_TEST(quit_leaves_time_for_the_last_lines),
	};
	return cmocka_run_group_tests_name("supervise_log", tests, 0, 0);
}
