/* Readiness by a line of the log: nothing of the log is lost, doubled or out of its order, and the
 * word is heard, whoever dies. */
#include "lined.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"
#include "process.h"

/* What was kept are the numbers from 1 on, one a line, with one line `is ready` among them. */
static unsigned long numbers_kept(void)
{
	char line[64];
	unsigned long n = 0, ready = 0;
	FILE *f = fopen(tree_name("kept"), "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) && strcmp(line, "end\n") != 0)
		if (!strcmp(line, "is ready\n"))
			ready++;
		else if (strtoul(line, 0, 10) != ++n)
			fail_msg("line %lu is `%s'", n, line);
	fclose(f);
	assert_int_equal(ready, 1);
	return n;
}

/* Writes numbers until it may stop; the line that makes it ready when it may be. */
#define COUNTS                                                                                     \
	"i=0; r=; while [ ! -e \"$TREE/enough\" ]; do i=$((i + 1)); echo $i\n"                     \
	"[ \"$r\" ] || [ ! -e \"$TREE/well\" ] || { r=1; echo is ready; }\n"                       \
	"done; echo end; exec sleep 1000"

static void supervisors_are_killed(struct place *web)
{
	enum { KILLS = 30 };
	uint32_t starts = 0;

	STARTS(web);
	for (int i = 0; i < 2 * KILLS; i++) {
		uint64_t until = clock_boottime() + (uint64_t)(rand() % 8) * CLOCK_MILLISEC;
		while (tree_poll(0, 0, until) >= 0)
			;
		depend_kill(web);
		place_supervise(web);
		depend_look(web);
		if (i == KILLS)
			tree_write("well", 0644, "");
		if (i == KILLS)
			UP(web);
		assert_int_equal(web->s.state, i < KILLS ? STATE_STARTING : STATE_UP);
		starts = web->s.starts;
	}
	assert_int_equal(starts, 1);
	tree_write("enough", 0644, "");
	event_is("kept");
	unsigned long n = numbers_kept();
	print_message("%lu lines, %d deaths\n", n, 2 * KILLS);
	assert_true(n > 100);
}

static void deaths_with_a_logger(void **state)
{
	struct place web = lined(COUNTS, KEEPS);
	(void)state;
	held(&web);
	place_supervise(&web);
	supervisors_are_killed(&web);
}

/* Standard output is a pipe, as it is in most containers. */
static void deaths_without_a_logger(void **state)
{
	struct place web = lined(COUNTS, 0);
	(void)state;
	assert_int_equal(mkfifo(tree_name("drain"), 0600), 0);
	/* the first supervisor may be killed before the keeper has opened it */
	int drain = open(tree_name("drain"), O_RDWR | O_CLOEXEC);
	tree_script("keeper", "exec <>\"$TREE/drain\"; " KEEPS);
	tree_start("keeper", (char const *const[]){ tree_name("keeper"), NULL });
	tree.before_exec = to_the_drain;
	place_supervise(&web);
	supervisors_are_killed(&web);
	tree.before_exec = 0;
	close(drain);
}

/* Whenever it dies, what makes it ready is seen by one of them, and is in the log once. */
static void deaths_about_the_word(void **state)
{
	enum { ROUNDS = 40 };
	struct place web = lined("echo is ready; exec sleep 1000", "exec cat >>\"$TREE/kept\"");
	unsigned int lines = 0;
	int pipe = held(&web);
	(void)state;
	place_write(&web, "down", "");
	place_supervise(&web);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		place_command(&web, 'u');
		uint64_t until = clock_boottime() + (uint64_t)(rand() % 12000) * 1000;
		while (tree_poll(0, 0, until) >= 0)
			;
		depend_kill(&web);
		place_supervise(&web);
		UP(&web);
		depend_force(&web);
		DOWN(&web);
	}
	place_send(&web, 'x');
	close(pipe);
	assert_int_equal(tree_end(web.supervisor), 0);
	for (char const *at = tree_read("kept"); (at = strstr(at, "is ready\n")); at++)
		lines++;
	/* one that was killed at its gate wrote nothing, and was started again */
	assert_int_equal(lines, ROUNDS);
	assert_int_equal(strlen(tree_read("kept")), ROUNDS * strlen("is ready\n"));
}

/* Service, logger and supervisor at once: cinit holds what was written. */
static void all_of_them_die(void **state)
{
	struct place web = lined("[ ! -e \"$TREE/second\" ] || exec sleep 1000\n"
				 "echo one; echo is ready; hold go; echo two; printf three\n"
				 "echo >\"$TREE/second\"; say wrote; hold go",
			     LOGS),
		     log = place_make("web/log");
	int go = tree_hold("go");
	(void)state;
	pid_t init = init_run(NULL);
	event_is("log: one");
	event_is("log: is ready");
	UP(&web);
	UNTIL(&log, s->state == STATE_UP);
	pid_t supervisor = (pid_t)web.s.supervisor;
	kill(supervisor, SIGSTOP);
	tree_pass(go);
	event_is("wrote");
	/* one that is killed may read until it notices, and this logger loses what it has read */
	int logger = process_pidfd((pid_t)log.s.pid);
	kill((pid_t)log.s.pid, SIGKILL);
	while (!tree_poll(logger, POLLIN, tree_patience()))
		;
	close(logger);
	kill((pid_t)web.s.pid, SIGKILL);
	kill(supervisor, SIGKILL);
	event_is("log: two");
	UNTIL(&web, s->starts == 2);
	init_stop(init, SIGTERM);
	event_is("eof"); /* read does not count a line without its end as one */
}

/* The logger is not disturbed by a supervisor's death, and ends by the end of its input. */
static void the_logger_lives_on(void **state)
{
	struct place web = lined(
			     "echo one; echo is ready; hold go; echo two; exec sleep 1000", LOGS),
		     log = place_make("web/log");
	int go = tree_hold("go");
	(void)state;
	pid_t init = init_run(NULL);
	event_is("log: one");
	event_is("log: is ready");
	UP(&web);
	UNTIL(&log, s->state == STATE_UP);
	uint32_t logger = log.s.pid, incarnation = web.s.incarnation;
	kill((pid_t)web.s.supervisor, SIGKILL);
	UNTIL(&web, s->incarnation > incarnation);
	tree_pass(go);
	event_is("log: two");
	UNTIL(&log, s->incarnation && s->pid == logger && s->starts == 1);
	assert_int_equal(place_command(&web, 'x'), RESULT_DONE);
	event_is("eof");
	UNTIL(&log, s->flags & FLAG_EXITED);
	assert_int_equal(log.s.last_exit, 0);
	init_stop(init, SIGTERM);
}

/* The newline was written, and the descriptor closed, while nobody listened. */
static void a_newline_that_only_cinit_holds(void **state)
{
	struct place web =
		place_with("web", "hold go; echo >&3; exec 3>&-; say closed; exec sleep 1000");
	int go = tree_hold("go");
	(void)state;
	place_write(&web, "notification-fd", "3");
	pid_t init = init_run(NULL);
	STARTS(&web);
	kill((pid_t)web.s.supervisor, SIGSTOP);
	tree_pass(go);
	event_is("closed");
	kill((pid_t)web.s.supervisor, SIGKILL);
	UP(&web);
	assert_int_equal(web.s.starts, 1);
	init_stop(init, SIGTERM);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(deaths_with_a_logger),
		TREE_TEST(deaths_without_a_logger),
		TREE_TEST(deaths_about_the_word),
		TREE_TEST(all_of_them_die),
		TREE_TEST(the_logger_lives_on),
		TREE_TEST(a_newline_that_only_cinit_holds),
	};
	return cmocka_run_group_tests_name("ready_line_killed", tests, 0, 0);
}
