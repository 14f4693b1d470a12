/* cinit as an ordinary process: it boots a tree, runs a command beside it, and stops it in good
 * order. */
#include "init.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"

static struct place cinit_place(void)
{
	return place_at(".cinit", tree_name("run/.cinit"));
}

/* ------------------------------------------------------------------------ boot and stop */

static void boots_and_stops(void **state)
{
	struct place web = init_service("web"), db = init_service("db"), off = init_service("off");
	struct place cinit = cinit_place();
	char target[TREE_PATH] = "";

	(void)state;
	place_write(&off, "down", "");
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&db, s->state == STATE_UP);
	UNTIL(&off, s->supervisor && s->state == STATE_DOWN);
	UNTIL(&cinit, s->state == STATE_UP);
	assert_int_equal(cinit.s.supervisor, pid);
	assert_true(readlink(tree_name("run/.cinit/services"), target, sizeof target - 1) > 0);
	assert_string_equal(target, tree.services);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
	UNTIL(&db, s->state == STATE_DOWN && s->last_exit == SIGTERM);
	UNTIL(&cinit, s->state == STATE_DOWN && !s->supervisor && s->flags & FLAG_EXITED);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody was left to us */
	assert_string_equal(tree_read("cinit.err"), "");
}

static void begins_afresh_after_a_good_end(void **state)
{
	struct place web = init_service("web");

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGINT), 0);
	/* what was wanted then belongs to that life */
	pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	assert_int_equal(init_stop(pid, SIGQUIT), 0);
}

static void a_second_one_is_refused(void **state)
{
	struct place web = init_service("web");
	struct output o;

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	tree_run(&o, "cinit", "-r", tree.run, "-d", tree.services, NULL);
	assert_int_equal(o.code, 100);
	assert_non_null(strstr(o.err, "another cinit (pid "));
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void says_what_it_cannot_use(void **state)
{
	struct output o;

	(void)state;
	tree_run(&o, "cinit", "-r", tree.run, "-d", "/nowhere", NULL);
	assert_int_equal(o.code, 111);
	assert_string_equal(o.err, "cinit: fatal: unable to read service directory /nowhere: "
				   "No such file or directory\n");
	/* and leaves nothing behind that would be taken for a tree */
	tree_run(&o, "cinit", "-r", tree_name("other"), "-d", "/nowhere", NULL);
	assert_int_equal(o.code, 111);
	assert_int_equal(access(tree_name("other"), F_OK), -1);
	assert_int_equal(chmod(tree.run, 0777), 0);
	tree_run(&o, "cinit", "-r", tree.run, "-d", tree.services, NULL);
	assert_int_equal(o.code, 111);
	assert_non_null(strstr(o.err, "others may write to it (mode 0777)"));
	assert_int_equal(chmod(tree.run, 0755), 0);
	tree_run(&o, "cinit", "--frobnicate", NULL);
	assert_int_equal(o.code, 100);
	assert_non_null(strstr(o.err, "unknown option: --frobnicate\n"));
	tree_run(&o, "cinit", "--help", NULL);
	assert_int_equal(o.code, 0);
	assert_non_null(strstr(o.out, "--service-dir"));
	tree_run(&o, "cinit", "--version", NULL);
	assert_int_equal(o.code, 0);
	assert_int_equal(strncmp(o.out, "cinit ", 6), 0);
}

static void bad_settings_are_said_and_passed_over(void **state)
{
	struct place web = init_service("web");

	(void)state;
	tree_write("services/conf/stop-timeout", 0644, "soon\n");
	tree_write("services/conf/control-group", 0644, "no such group\n");
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	assert_non_null(strstr(tree_read("cinit.err"), "cinit: warning: conf/stop-timeout: "));
	assert_non_null(strstr(tree_read("cinit.err"), "; control is for the owner only\n"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void debris_in_the_run_directory_is_cleared(void **state)
{
	struct place web = init_service("web"), log;

	(void)state;
	place_script(&web, "log/run", "exec cat >/dev/null");
	tree_write("run/web/pipe", 0644, "not a FIFO");
	tree_write("run/web/in", 0644, "not a FIFO");
	tree_write("run/.cinit/in", 0644, "not a FIFO");
	tree_write("run/.cinit/status", 0644, "garbage");
	tree_write("run/web/status", 0644, "garbage");
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	assert_int_equal(init_command(COMMAND_LOOK, "web", 0, NULL), RESULT_DONE);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* -------------------------------------------------------------------------------- stop */

static void the_budget_bounds_the_stop(void **state)
{
	struct place deaf = place_make("deaf");

	(void)state;
	place_script(&deaf, "run", "trap '' TERM; say up; while :; do sleep 1; done");
	place_write(&deaf, "timeout-kill", "60s\n");
	tree_write("services/conf/stop-timeout", 0644, "3s\n");
	pid_t pid = init_start(NULL);
	event_is("up");
	uint64_t begun = clock_boottime();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	uint64_t took = clock_boottime() - begun;
	assert_true(took >= 2 * CLOCK_SECOND && took < 30 * CLOCK_SECOND); /* and not 60 */
	assert_non_null(strstr(tree_read("cinit.err"), "still waiting for deaf (stopping)\n"));
	assert_non_null(strstr(tree_read("cinit.err"), "not waiting any longer"));
	UNTIL(&deaf, s->state == STATE_DOWN && s->last_exit == SIGKILL);
}

static void a_second_int_hurries_it(void **state)
{
	struct place deaf = place_make("deaf"), cinit = cinit_place();

	(void)state;
	place_script(&deaf, "run", "trap '' TERM; say up; while :; do sleep 1; done");
	place_write(&deaf, "timeout-kill", "1h\n");
	tree_write("services/conf/stop-timeout", 0644, "0\n");
	pid_t pid = init_start(NULL);
	event_is("up");
	kill(pid, SIGINT);
	UNTIL(&cinit, s->state == STATE_STOPPING);
	assert_int_equal(init_stop(pid, SIGINT), 0);
	UNTIL(&deaf, s->state == STATE_DOWN && s->last_exit == SIGKILL);
}

/* What goes down with the tree cannot be brought back, nor made to forget that its end is awaited.
 */
static void nothing_comes_up_while_it_stops(void **state)
{
	struct place slow = place_make("slow"), cinit = cinit_place();
	enum status_why why;

	(void)state;
	place_script(&slow, "run",
		"trap 'say stopping; read x <$TREE/hold.go; exit 0' TERM; say up\n"
		"while :; do sleep 1000 & wait; done");
	tree_write("services/conf/stop-timeout", 0644, "0\n");
	int hold = tree_hold("go");
	pid_t pid = init_start(NULL);
	event_is("up");
	kill(pid, SIGTERM);
	event_is("stopping");
	UNTIL(&cinit, s->state == STATE_STOPPING);
	for (char const *letter = "uor"; *letter; letter++) {
		uint64_t id = place_send(&slow, *letter);
		assert_int_equal(place_answer(&slow, id, &why), RESULT_REFUSED);
		assert_int_equal(why, WHY_EXITING);
	}
	assert_int_equal(place_command(&slow, 'd'), RESULT_NOTHING);
	/* nor does its successor */
	pid_t first = (pid_t)slow.s.supervisor;
	kill(first, SIGKILL);
	UNTIL(&slow, s->supervisor && (pid_t)s->supervisor != first);
	assert_int_equal(place_command(&slow, 'r'), RESULT_REFUSED);
	tree_pass(hold);
	assert_int_equal(tree_end(pid), 0);
	event_none();
}

static void a_paused_supervisor_stops_too(void **state)
{
	struct place web = init_service("web");

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	kill((pid_t)web.s.supervisor, SIGSTOP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	UNTIL(&web, s->state == STATE_DOWN && s->last_exit == SIGTERM);
}

static void a_supervisor_that_dies_in_the_stop_is_replaced(void **state)
{
	struct place slow = place_make("slow");

	(void)state;
	place_script(&slow, "run",
		"trap 'say stopping; read x <$TREE/hold; exit 7' TERM; say up\n"
		"while :; do sleep 0.05; done");
	assert_int_equal(mkfifo(tree_name("hold"), 0600), 0);
	pid_t pid = init_start(NULL);
	event_is("up");
	UNTIL(&slow, s->state == STATE_UP);
	pid_t first = (pid_t)slow.s.supervisor;
	kill(pid, SIGTERM);
	event_is("stopping");
	kill(first, SIGKILL);
	UNTIL(&slow, s->supervisor && (pid_t)s->supervisor != first);
	int hold = open(tree_name("hold"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(hold, "\n", 1), 1);
	close(hold);
	assert_int_equal(tree_end(pid), 0);
	/* stopped by its supervisor, and the exit code came through cinit */
	UNTIL(&slow, s->state == STATE_DOWN && s->last_exit == EXIT(7));
}

static void strays_are_swept(void **state)
{
	struct place web = init_service("web");

	(void)state;
	pid_t pid = init_run("/bin/sh", "-c",
		"setsid sleep 1000 & setsid sh -c 'trap \"\" TERM; echo >>$EVENTS; exec sleep "
		"1000' &"
		"wait $!");
	event_is("");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), EXIT(143));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* --------------------------------------------------------------------------------- CMD */

static void exits_with_the_code_of_cmd(void **state)
{
	struct place web = init_service("web");

	(void)state;
	(void)web;
	assert_int_equal(tree_end(init_run("/bin/true")), 0);
	assert_int_equal(tree_end(init_run("sh", "-c", "exit 37")), EXIT(37));
	assert_int_equal(tree_end(init_run("/bin/sh", "-c", "kill -KILL $$")), EXIT(137));
	assert_int_equal(tree_end(init_run("/nowhere")), EXIT(127));
	assert_non_null(
		strstr(tree_read("cinit.err"), "cinit: fatal: unable to execute /nowhere: No such "
					       "file or directory; stopping the tree\n"));
	assert_int_equal(tree_end(init_run("/etc/passwd")), EXIT(126));
	assert_int_equal(tree_end(init_run(tree.services)), EXIT(126));
	assert_non_null(strstr(tree_read("cinit.err"),
		"Permission denied (it is a directory: services are read from one after -d); "
		"stopping the tree\n"));
}

static void cmd_runs_when_every_service_was_tried(void **state)
{
	struct place web = init_service("web"), off = init_service("off"), bad = place_make("bad");

	(void)state;
	place_write(&off, "down", "");
	place_write(&bad, "run", "not executable");
	pid_t pid = init_run("/bin/sh", "-c", "echo cmd >>$EVENTS; exec sleep 1000");
	event_is("cmd");
	place_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
	place_look(&bad);
	assert_true(bad.s.deaths || bad.s.state == STATE_BACKOFF);
	place_look(&off);
	assert_int_equal(off.s.state, STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), EXIT(143));
}

static void cmd_gets_every_signal(void **state)
{
	static struct {
		int number;
		char const *name;
	} const signals[] = { { SIGHUP, "HUP" }, { SIGINT, "INT" }, { SIGQUIT, "QUIT" },
		{ SIGUSR1, "USR1" }, { SIGUSR2, "USR2" }, { SIGTERM, "TERM" }, { SIGALRM, "ALRM" },
		{ SIGPWR, "PWR" }, { SIGWINCH, "WINCH" }, { SIGCONT, "CONT" },
		{ SIGTSTP, "TSTP" } };

	(void)state;
	tree_script("cmd", "for s in HUP INT QUIT USR1 USR2 TERM ALRM PWR WINCH CONT TSTP; do\n"
			   "trap \"say $s\" $s; done\n"
			   "trap 'exit 5' 40; say ready; while :; do sleep 0.02; done");
	pid_t pid = init_run(tree_name("cmd"));
	event_is("ready");
	for (unsigned int n = 0; n < sizeof signals / sizeof *signals; n++) {
		kill(pid, signals[n].number);
		event_is(signals[n].name);
	}
	assert_int_equal(init_stop(pid, 40), EXIT(5));
}

static void cmd_has_what_cinit_was_given(void **state)
{
	struct rlimit old, low;

	(void)state;
	tree_script("cmd",
		"say $(umask) $(ulimit -Sn) $CINIT_RUN $MARK; "
		"for s in $(sed -n 's/^Sig\\(Blk\\|Ign\\):[[:space:]]*//p' /proc/self/status);"
		"do say $s; done");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 123;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	setenv("MARK", "passed", 1);
	umask(027);
	pid_t pid = init_run(tree_name("cmd"));
	umask(022);
	unsetenv("MARK");
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(tree_end(pid), 0);
	char text[TREE_PATH + 40];
	snprintf(text, sizeof text, "0027 123 %s passed", tree.run);
	event_is(text);
	event_is("0000000000000000");
	event_is("0000000000000000");
	struct stat st;
	assert_int_equal(stat(tree_name("run/.cinit/status"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void works_with_nothing_open(void **state)
{
	struct place web = init_service("web");

	(void)state;
	tree_script("start", "exec $CINIT_BUILD/cinit -r $TREE/run -d $TREE/services -- $TREE/cmd "
			     "<&- >&- 2>&-");
	tree_script("cmd", "say $(readlink /proc/$$/fd/0) $(readlink /proc/$$/fd/1)");
	char const *argv[] = { tree_name("start"), NULL };
	assert_int_equal(tree_end(tree_start("start", argv)), 0);
	event_is("/dev/null /dev/null");
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(boots_and_stops),
		TREE_TEST(begins_afresh_after_a_good_end),
		TREE_TEST(a_second_one_is_refused),
		TREE_TEST(says_what_it_cannot_use),
		TREE_TEST(bad_settings_are_said_and_passed_over),
		TREE_TEST(debris_in_the_run_directory_is_cleared),
		TREE_TEST(the_budget_bounds_the_stop),
		TREE_TEST(a_second_int_hurries_it),
		TREE_TEST(nothing_comes_up_while_it_stops),
		TREE_TEST(a_paused_supervisor_stops_too),
		TREE_TEST(a_supervisor_that_dies_in_the_stop_is_replaced),
		TREE_TEST(strays_are_swept),
		TREE_TEST(exits_with_the_code_of_cmd),
		TREE_TEST(cmd_runs_when_every_service_was_tried),
		TREE_TEST(cmd_gets_every_signal),
		TREE_TEST(cmd_has_what_cinit_was_given),
		TREE_TEST(works_with_nothing_open),
	};
	return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
