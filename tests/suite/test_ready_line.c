/* Readiness by a line of the log: what is found, and what becomes of the lines. */
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

/* ------------------------------------------------------------------------------ what is found */

static void a_line_makes_it_ready(void **state)
{
	struct place web =
		lined("echo begins; hold go; echo the server is ready now; echo is ready; "
		      "hold go; echo more; exec sleep 1000",
			LOGS);
	int go = tree_hold("go");
	(void)state;
	place_supervise(&web);
	event_is("log: begins");
	STARTS(&web);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(go);
	event_is("log: the server is ready now");
	event_is("log: is ready");
	UP(&web);
	assert_true(web.s.ready >= web.s.started);
	tree_pass(go);
	event_is("log: more");
	assert_int_equal(web.s.starts, 1);
}

static void without_a_logger(void **state)
{
	struct place web =
		lined("echo begins; hold go; echo is ready; echo more; say more; hold go", 0);
	int go = tree_hold("go");
	(void)state;
	place_supervise(&web);
	STARTS(&web);
	tree_pass(go);
	event_is("more");
	UP(&web);
	place_send(&web, 'x');
	assert_int_equal(tree_end(web.supervisor), 0);
	assert_string_equal(tree_read("web.out"), "begins\nis ready\nmore\n");
}

/* Any of several texts, blanks behind them and empty lines off; a part of a line, but of one. */
static void texts(void **state)
{
	struct place web = lined("echo one; echo ' two'; echo th; echo ree; echo fou.; hold go; "
				 "printf '[x] (three) \\000 fou*r\\r\\n'; exec sleep 1000",
		LOGS);
	int go = tree_hold("go");
	(void)state;
	place_write(&web, "ready-line", "  two\n\nthree)  \n\tone\nfou*r");
	place_supervise(&web);
	STARTS(&web);
	for (int i = 0; i < 5; i++)
		event_next();
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(go);
	UP(&web);
}

/* As much of a line is looked at as a page holds; all of it goes on. */
static void long_lines(void **state)
{
	struct place web = lined("line() { printf '%4080s%s%4000s\\n' '' \"$1\" ''; }\n"
				 "line '         is ready'; line 'is not'; say far; hold go\n"
				 "line 'is ready'; say near; exec sleep 1000",
		"while IFS= read -r l; do say \"log: ${#l}\"; done");
	int go = tree_hold("go");
	(void)state;
	place_supervise(&web);
	event_are("far", "log: 8097", "log: 8086", NULL);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(go);
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

/* Time on a processor, in nanoseconds. */
static unsigned long long spent(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &ns), 1);
	fclose(f);
	return ns;
}

/* It waits for its end without being asked about again and again, and a successor sees all of it.
 */
static void an_unfinished_line(void **state)
{
	struct place web =
		lined("printf 'is re'; say half; hold go; echo ady; exec sleep 1000", LOGS);
	int go = tree_hold("go");
	(void)state;
	held(&web);
	place_supervise(&web);
	event_is("half");
	STARTS(&web);
	depend_look(&web);
	unsigned long long before = spent(web.supervisor);
	uint64_t until = clock_boottime() + CLOCK_SECOND;
	while (tree_poll(0, 0, until) >= 0)
		;
	assert_true(spent(web.supervisor) - before < CLOCK_SECOND / 20);
	depend_kill(&web);
	place_supervise(&web);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	event_none();
	tree_pass(go);
	event_is("log: is ready");
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

/* What is unfinished when it dies goes on too, in front of what its finish writes. */
static void the_last_words(void **state)
{
	struct place web = lined("echo one; printf two; say wrote; hold go", LOGS);
	int go = tree_hold("go");
	(void)state;
	place_script(&web, "finish", "echo .; echo finish; exit 125");
	place_supervise(&web);
	event_are("wrote", "log: one", NULL);
	tree_pass(go);
	event_is("log: two.");
	event_is("log: finish");
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_FINISH);
	place_send(&web, 'x');
	event_is("eof");
	assert_int_equal(tree_end(web.supervisor), 0);
}

/* What a former run wrote, and what waits behind more than the logger's pipe holds, is not about
 * the next one. */
static void a_former_run_does_not_count(void **state)
{
	struct place web =
		lined("[ ! -e \"$TREE/second\" ] || { say second; exec sleep 1000; }\n"
		      "echo >\"$TREE/second\"; head -c 90000 /dev/zero | tr '\\0' '\\n'\n"
		      "say full; hold go; echo is ready; say first; kill -KILL $$",
			"hold log; while read -r l; do [ -z \"$l\" ] || say \"log: $l\"; done");
	int go = tree_hold("go"), log = tree_hold("log");
	(void)state;
	place_supervise(&web);
	event_is("full");
	kill(web.supervisor, SIGSTOP);
	tree_pass(go);
	event_is("first");
	kill(web.supervisor, SIGCONT);
	event_is("second");
	UNTIL(&web, s->starts == 2 && s->child[ROLE_RUN].phase == PHASE_STARTED);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(log);
	event_is("log: is ready");
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
}

static void a_limit_says_what_was_waited_for(void **state)
{
	struct place web = lined("echo is not; exec sleep 1000", 0);
	(void)state;
	place_write(&web, "ready-line", "is ready\nor so\n");
	place_write(&web, "timeout-up", "300");
	place_write(&web, "max-deaths", "1/60");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_non_null(strstr(tree_read("web.err"),
		"web: not ready within 300 ms: waited for a line with `is ready' or another"));
}

/* The next run is told by other means: its output goes to the pipe itself. */
static void it_is_taken_away(void **state)
{
	struct place web = lined("echo is ready; exec sleep 1000", LOGS);
	(void)state;
	place_supervise(&web);
	event_is("log: is ready");
	UP(&web);
	unlink(tree_name("services/web/ready-line"));
	place_command(&web, 'r');
	event_is("log: is ready");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	char path[64], to[256];
	snprintf(path, sizeof path, "/proc/%u/fd/1", web.s.pid);
	ssize_t n = readlink(path, to, sizeof to - 1);
	to[n < 0 ? 0 : n] = 0;
	assert_string_equal(to, tree_name("run/web/pipe"));
}

/* ----------------------------------------------------------------------------- on the way */

/* Watched no more: no copies, no questions what arrives. */
static void watching_stops(void **state)
{
	struct place web = lined("hold go; echo is ready; exec sleep 1000", LOGS);
	int go = tree_hold("go");
	char path[64], to[64];
	unsigned int polls[2] = { 0 };
	(void)state;
	place_supervise(&web);
	STARTS(&web);
	for (int i = 0; i < 2; i++) {
		for (int fd = 3; fd < 64; fd++) {
			snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)web.supervisor, fd);
			ssize_t n = readlink(path, to, sizeof to - 1);
			to[n < 0 ? 0 : n] = 0;
			polls[i] += strstr(to, "eventpoll") || !strncmp(to, "pipe:", 5);
		}
		tree_pass(go);
		UP(&web);
	}
	assert_int_equal(polls[0], 3);
	assert_int_equal(polls[1], 0);
}

/* More than both pipes hold: the service waits, and not the supervisor. */
static void no_room(void **state)
{
	struct place web = lined("i=0; while [ $i -lt 9000 ]; do i=$((i+1)); "
				 "echo $i 0123456789 0123456789; done; echo is ready; echo end\n"
				 "exec sleep 1000",
			     KEEPS),
		     log = place_make("web/log");
	(void)state;
	place_write(&web, "log/down", "");
	place_supervise(&web);
	STARTS(&web);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_STARTING);
	place_command(&log, 'u');
	event_is("kept");
	UP(&web);
	FILE *f = fopen(tree_name("kept"), "re");
	int n, i = 0;
	while (fscanf(f, "%d 0123456789 0123456789\n", &n) == 1)
		assert_int_equal(n, ++i);
	fclose(f);
	assert_int_equal(i, 9000);
}

/* Nobody reads any more: that is said once, and the service is not held up. */
static void to_a_closed_pipe(void)
{
	int p[2];
	if (pipe(p) < 0)
		_exit(126);
	dup2(p[1], 1);
	close(p[0]);
	close(p[1]);
}

static void nobody_reads(void **state)
{
	struct place web = lined("echo one; hold go; echo two; echo is ready; exec sleep 1000", 0);
	int go = tree_hold("go");
	(void)state;
	tree.before_exec = to_a_closed_pipe;
	place_supervise(&web);
	tree.before_exec = 0;
	tree_pass(go);
	UP(&web);
	place_send(&web, 'x');
	assert_int_equal(tree_end(web.supervisor), 0);
	assert_string_equal(tree_read("web.err"), "supervise: warning: web: unable to pass on what "
						  "run writes: Broken pipe; it is lost\n");
}

/* A reader that has stopped reading keeps nobody from going at once, nor for ever. */
static void nobody_reads_the_rest(void **state)
{
	struct place web = lined("echo is ready; yes", 0);
	(void)state;
	assert_int_equal(mkfifo(tree_name("drain"), 0600), 0);
	struct pollfd drain = {
		.fd = open(tree_name("drain"), O_RDWR | O_CLOEXEC),
		.events = POLLOUT,
	};
	tree.before_exec = to_the_drain;
	place_supervise(&web);
	UP(&web);
	AWAIT(poll(&drain, 1, 0) == 0); /* it is full */
	uint64_t before = clock_boottime();
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
	assert_true(clock_boottime() - before < 4 * CLOCK_SECOND);
	char old[65536];
	assert_true(read(drain.fd, old, sizeof old) > 0); /* for it to be ready once more */
	place_supervise(&web);
	UP(&web);
	AWAIT(poll(&drain, 1, 0) == 0);
	before = clock_boottime();
	kill(web.supervisor, SIGTERM);
	assert_int_equal(tree_end(web.supervisor), 0);
	assert_true(clock_boottime() - before >= 4 * CLOCK_SECOND);
	tree.before_exec = 0;
	close(drain.fd);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_line_makes_it_ready),
		TREE_TEST(without_a_logger),
		TREE_TEST(texts),
		TREE_TEST(long_lines),
		TREE_TEST(an_unfinished_line),
		TREE_TEST(the_last_words),
		TREE_TEST(a_former_run_does_not_count),
		TREE_TEST(a_limit_says_what_was_waited_for),
		TREE_TEST(it_is_taken_away),
		TREE_TEST(watching_stops),
		TREE_TEST(no_room),
		TREE_TEST(nobody_reads),
		TREE_TEST(nobody_reads_the_rest),
	};
	return cmocka_run_group_tests_name("ready_line", tests, 0, 0);
}
