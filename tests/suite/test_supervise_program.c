/* What a program of a service is given: arguments, environment, user, descriptors, signals, limits;
 * and what is said of one that cannot be executed. */
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char const *probe_path(void)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/test/helper/probe", getenv("CINIT_BUILD"));
	return path;
}

/* A service whose run is a link to the probe: there is no shell in it. */
static struct place probe(void)
{
	struct place web = place_make("web");
	assert_int_equal(symlink(probe_path(), tree_name("services/web/run")), 0);
	return web;
}

static char report[8192];

/* Takes what the probe says, up to its end. */
static void listen_to_probe(void)
{
	report[0] = '\n';
	report[1] = 0;
	for (;;) {
		char const *line = event_next();
		if (!strcmp(line, "end"))
			return;
		assert_true(strlen(report) + strlen(line) + 2 < sizeof report);
		strcat(strcat(report, line), "\n");
	}
}

static int says(char const *line)
{
	char whole[600];
	snprintf(whole, sizeof whole, "\n%s\n", line);
	return strstr(report, whole) != 0;
}

#define SAYS(line)                                                                                 \
	do {                                                                                       \
		if (!says(line))                                                                   \
			fail_msg("not said: %s; but: %s", line, report);                           \
	} while (0)

static void a_clean_process(void **state)
{
	struct place web = probe();
	char line[600];
	(void)state;
	place_supervise(&web);
	listen_to_probe();
	UNTIL(&web, s->state == STATE_UP);
	snprintf(line, sizeof line, "argv0 %s", probe_path());
	SAYS(line);
	assert_null(strstr(report, "\nargv1"));
	SAYS("fds 0 1 2");
	SAYS("signals");
	SAYS("leader 11 subreaper 0");
	SAYS("stdin 0");
	SAYS("env CINIT_SERVICE=web");
	snprintf(line, sizeof line, "cwd %s", web.dir);
	SAYS(line);
	assert_int_equal(getsid((pid_t)web.s.pid), web.s.pid);
}

static void from_a_spoiled_caller(void **state)
{
	struct place web = probe();
	char supervise[512];
	struct rlimit before, small;
	(void)state;
	snprintf(supervise, sizeof supervise, "%s/supervise", getenv("CINIT_BUILD"));
	char const *argv[] = { probe_path(), "-s", supervise, "-r", tree.run, "-d", tree.services,
		"web", 0 };
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	small = before;
	small.rlim_cur = 123;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	umask(027);
	web.supervisor = tree_start("web", argv);
	umask(022);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	listen_to_probe();
	SAYS("fds 0 1 2");
	SAYS("signals");
	SAYS("umask 027 nofile 123");
	/* the supervisor listens, whatever was blocked and ignored */
	UNTIL(&web, s->state == STATE_UP);
	kill((pid_t)web.s.pid, SIGKILL);
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	kill(web.supervisor, SIGTERM);
	assert_int_equal(tree_end(web.supervisor), 0);
}

static void closed_standard_descriptors(void **state)
{
	struct place web = probe();
	char line[600];
	(void)state;
	snprintf(line, sizeof line, "exec %s/supervise -r %s -d %s web <&- >&- 2>&-",
		getenv("CINIT_BUILD"), tree.run, tree.services);
	char const *argv[] = { "/bin/sh", "-c", line, 0 };
	web.supervisor = tree_start("web", argv);
	listen_to_probe();
	SAYS("fds 0 1 2");
	SAYS("stdin 0");
	UNTIL(&web, s->state == STATE_UP);
}

static void standard_input_is_empty(void **state)
{
	struct place web = probe();
	char line[600];
	(void)state;
	tree_write("input", 0644, "not for a service\n");
	snprintf(line, sizeof line, "exec %s/supervise -r %s -d %s web <%s/input",
		getenv("CINIT_BUILD"), tree.run, tree.services, tree.path);
	char const *argv[] = { "/bin/sh", "-c", line, 0 };
	web.supervisor = tree_start("web", argv);
	listen_to_probe();
	SAYS("stdin 0");
	UNTIL(&web, s->state == STATE_UP);
}

static void params_and_environment(void **state)
{
	struct place web = probe();
	(void)state;
	place_write(&web, "run.params", "-x\ntwo words\n\n$HOME *\n");
	place_write(&web, "env/PROBE_A", "env\n");
	place_write(&web, "env/PROBE_B", "env  \nsecond line\n");
	place_write(&web, "env/PROBE_GONE", "");
	place_write(&web, "run.env", "PROBE_A=run.env\nPROBE_C=x=y z\n# PROBE_D=no\n");
	setenv("PROBE_GONE", "inherited", 1);
	setenv("PROBE_STAYS", "inherited", 1);
	setenv("CINIT_SERVICE", "somebody else", 1);
	place_supervise(&web);
	unsetenv("PROBE_GONE");
	unsetenv("PROBE_STAYS");
	unsetenv("CINIT_SERVICE");
	listen_to_probe();
	SAYS("argv1 -x");
	SAYS("argv2 two words");
	SAYS("argv3 ");
	SAYS("argv4 $HOME *");
	assert_null(strstr(report, "\nargv5"));
	SAYS("env PROBE_A=run.env");
	SAYS("env PROBE_B=env");
	SAYS("env PROBE_C=x=y z");
	SAYS("env PROBE_STAYS=inherited");
	SAYS("env CINIT_SERVICE=web");
	assert_null(strstr(report, "PROBE_GONE"));
	assert_null(strstr(report, "PROBE_D"));
	assert_null(strstr(report, "CINIT_CONTROL"));
	assert_null(strstr(report, "CINIT_EXIT"));
}

static void a_chain_of_links_and_a_linked_directory(void **state)
{
	struct place web = place_make("web");
	char line[600];
	(void)state;
	tree_write("elsewhere/file", 0644, "");
	assert_int_equal(symlink("second", tree_name("elsewhere/run")), 0);
	assert_int_equal(symlink(probe_path(), tree_name("elsewhere/second")), 0);
	assert_int_equal(rmdir(web.dir), 0);
	assert_int_equal(symlink(tree_name("elsewhere"), web.dir), 0);
	place_supervise(&web);
	listen_to_probe();
	SAYS("argv0 second");
	snprintf(line, sizeof line, "cwd %s", tree_name("elsewhere"));
	SAYS(line);
}

static void an_odd_thing_in_env_does_not_hang_it(void **state)
{
	struct place web = probe();
	(void)state;
	place_write(&web, "env/PROBE_A", "a");
	assert_int_equal(mkfifo(tree_name("services/web/env/PROBE_FIFO"), 0644), 0);
	assert_int_equal(mkdir(tree_name("services/web/env/PROBE_DIR"), 0755), 0);
	place_supervise(&web);
	listen_to_probe();
	SAYS("env PROBE_A=a");
	assert_null(strstr(report, "PROBE_FIFO"));
}

/* -------------------------------------------------------------------------------------- users */

static void expect_ids(char const *user, char const *ids)
{
	struct place web = place_make("web");
	struct output o;
	if (!tree_has_users())
		skip();
	/* the build may be where only we may go */
	tree_run(&o, "/bin/cp", probe_path(), tree_name("services/web/run"), NULL);
	assert_int_equal(o.code, 0);
	place_write(&web, "user", user);
	place_supervise(&web);
	listen_to_probe();
	SAYS(ids);
	SAYS("fds 0 1 2");
}

static void a_numeric_user_with_groups(void **state)
{
	(void)state;
	expect_ids("12345:23456:34567\n",
		"ids 12345 12345 12345 23456 23456 23456 groups 23456 34567");
}

static void names_forbidden(void **state)
{
	(void)state;
	expect_ids(":12345:23456", "ids 12345 12345 12345 23456 23456 23456 groups 23456");
}

static void a_user_by_name(void **state)
{
	(void)state;
	expect_ids("root:12", "ids 0 0 0 12 12 12 groups 12");
}

/* Who the user is does not concern scripts that clean up after it. */
static void finish_and_scripts_run_as_the_supervisor(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	if (!tree_has_users())
		skip();
	place_write(&web, "user", "12345:23456");
	place_script(&web, "control/t", "say t $(id -u); exit 1");
	place_script(&web, "finish", "say finish $(id -u)");
	place_up(&web);
	place_command(&web, 'd');
	event_is("t 0");
	event_is("finish 0");
}

static void a_user_that_is_not_there(void **state)
{
	struct place web = probe();
	(void)state;
	place_write(&web, "user", "no-such-user");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_CONFIG);
	assert_non_null(strstr(web.s.reason_text, "no-such-user"));
	event_none();
	place_write(&web, "user", "12345"); /* a number, and no group to go with it */
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_FAILED && strstr(s->reason_text, "12345"));
	event_none();
}

/* --------------------------------------------------------------------- what cannot be executed */

static void expect_reason(struct place *web, char const *text)
{
	char line[300];
	place_supervise(web);
	UNTIL(web, s->state == STATE_BACKOFF);
	assert_int_equal(web->s.reason, REASON_EXEC);
	assert_string_equal(web->s.reason_text, text);
	assert_int_equal(web->s.last_exit, 111 << 8);
	assert_true(web->s.flags & FLAG_EXIT_VALID);
	assert_int_equal(web->s.want, WANT_UP);
	/* said once, however often it is tried */
	UNTIL(web, s->state == STATE_BACKOFF && s->starts >= 4);
	snprintf(line, sizeof line, "supervise: warning: web: %s; trying again, later each time\n",
		text);
	assert_string_equal(tree_read("web.err"), line);
	/* it can be put right */
	place_script(web, "run", "say up; exec sleep 1000");
	assert_int_equal(place_command(web, 'u'), RESULT_DONE);
	UNTIL(web, s->state == STATE_UP);
	event_is("up");
	assert_int_equal(web->s.reason, REASON_NONE);
}

static void run_is_missing(void **state)
{
	int hold = tree_hold("on");
	struct place web = place_running("web", "say up; hold on; exit 1");
	(void)state;
	assert_int_equal(unlink(tree_name("services/web/run")), 0);
	tree_pass(hold);
	UNTIL(&web, s->state == STATE_BACKOFF && s->starts >= 3);
	assert_string_equal(web.s.reason_text, "unable to execute run: No such file or directory");
	/* it comes by itself, or somebody says up */
	place_script(&web, "run", "say up; exec sleep 1000");
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void run_is_not_executable(void **state)
{
	struct place web = place_make("web");
	(void)state;
	place_write(&web, "run", "#!/bin/sh\n");
	expect_reason(&web, "unable to execute run: Permission denied");
}

static void run_has_a_bad_interpreter(void **state)
{
	struct place web = place_make("web");
	(void)state;
	tree_write("services/web/run", 0755, "#! /nowhere/interpreter -e\n");
	expect_reason(&web, "unable to execute run: its interpreter /nowhere/interpreter: "
			    "No such file or directory");
}

static void run_has_no_first_line(void **state)
{
	struct place web = place_make("web");
	(void)state;
	tree_write("services/web/run", 0755, "echo hello\n");
	expect_reason(&web, "unable to execute run: Exec format error (a script needs a first line "
			    "that begins with #!)");
}

static void run_is_a_link_to_nowhere(void **state)
{
	struct place web = place_make("web");
	(void)state;
	assert_int_equal(symlink("nowhere", tree_name("services/web/run")), 0);
	expect_reason(&web, "unable to execute run: No such file or directory");
}

static void the_environment_cannot_be_read(void **state)
{
	struct place web = place_make("web");
	(void)state;
	place_script(&web, "run", "say never");
	place_write(&web, "env/A", "a");
	assert_int_equal(symlink("nowhere", tree_name("services/web/env/B")), 0);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_BACKOFF);
	assert_string_equal(web.s.reason_text,
		"unable to read environment from env/B: No such file or directory");
	event_none();
}

/* What trying again would not mend: it fails, and says what is allowed. */
static void expect_failure(struct place *web, char const *text)
{
	char line[300];
	place_supervise(web);
	UNTIL(web, s->state == STATE_FAILED);
	assert_int_equal(web->s.reason, REASON_CONFIG);
	assert_string_equal(web->s.reason_text, text);
	snprintf(line, sizeof line, "supervise: warning: web: %s; not tried again\n", text);
	assert_string_equal(tree_read("web.err"), line);
	event_none();
}

static void a_line_of_run_env_without_a_name(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_write(&web, "run.env", "A=a\n=b\n");
	expect_failure(
		&web, "unable to read environment from run.env line 2: must be NAME=VALUE or NAME");
}

static char const *long_text(void)
{
	static char text[128 * 1024 + 2];
	memset(text, 'x', sizeof text - 1);
	return text;
}

static void a_variable_that_is_too_long(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_write(&web, "env/A", long_text());
	expect_failure(&web, "unable to read environment from env/A: may hold 128 KiB at most");
}

static void arguments_that_are_too_long(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_write(&web, "run.params", long_text());
	expect_failure(&web, "unable to read arguments of run.params: may hold 128 KiB at most");
}

/* By one byte, for the kernel; the file itself is not. */
static void an_argument_that_is_too_long(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_write(&web, "run.params", long_text() + 1);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_non_null(strstr(web.s.reason_text,
		"unable to execute run: Argument list too long (one argument or variable may "
		"have 128 KiB"));
	event_none();
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_clean_process),
		TREE_TEST(from_a_spoiled_caller),
		TREE_TEST(closed_standard_descriptors),
		TREE_TEST(standard_input_is_empty),
		TREE_TEST(params_and_environment),
		TREE_TEST(a_chain_of_links_and_a_linked_directory),
		TREE_TEST(an_odd_thing_in_env_does_not_hang_it),
		TREE_TEST(a_numeric_user_with_groups),
		TREE_TEST(names_forbidden),
		TREE_TEST(a_user_by_name),
		TREE_TEST(finish_and_scripts_run_as_the_supervisor),
		TREE_TEST(a_user_that_is_not_there),
		TREE_TEST(run_is_missing),
		TREE_TEST(run_is_not_executable),
		TREE_TEST(run_has_a_bad_interpreter),
		TREE_TEST(run_has_no_first_line),
		TREE_TEST(run_is_a_link_to_nowhere),
		TREE_TEST(the_environment_cannot_be_read),
		TREE_TEST(a_line_of_run_env_without_a_name),
		TREE_TEST(a_variable_that_is_too_long),
		TREE_TEST(arguments_that_are_too_long),
		TREE_TEST(an_argument_that_is_too_long),
	};
	return cmocka_run_group_tests_name("supervise_program", tests, 0, 0);
}
