/* svctl and what it waits for: ./check, and nothing where there is nothing to wait for. */
#include "svctl.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLEEPS "exec sleep 1000"

static struct place web, db;

static int two(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	svctl_two(&web, &db, SLEEPS);
	return 0;
}

static void checks(void **state)
{
	(void)state;
	place_script(&web, "check",
		"(: 3>&1) 2>/dev/null && say standard output is open\n[ -e ../healthy ]");
	SVCTL(1, "fail: run: web: (pid #) #s, ./check failed\n", "-w", "0", "check", "web");
	SVCTL(102, "timeout: run: web: (pid #) #s, ./check failed\n", "-w", "1", "check", "web");
	SVCTL(1, "timeout: run: web: (pid #) #s, ./check failed\n", "-w", "1", "start", "web");
	event_none();
	/* it passes while somebody waits for it */
	place_script(&web, "check", "if [ -e ../tried ]; then exit 0; fi; >../tried; exit 1");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "check", "web");
	/* one that does not end */
	place_script(&web, "check", "say checking; sleep 1000");
	SVCTL(102, "timeout: run: web: (pid #) #s, ./check failed\n", "-w", "1", "check", "web");
	event_is("checking");
}

static void a_check_gets_what_its_supervisor_gives_it(void **state)
{
	char line[300];
	(void)state;
	place_script(&web, "probe", "say \"$0 $* $A $B $CINIT_SERVICE\"");
	assert_int_equal(
		symlink(tree_name("services/web/probe"), tree_name("services/web/check")), 0);
	place_write(&web, "check.params", "one\ntwo three\n");
	place_write(&web, "check.env", "A=alpha\n");
	place_write(&web, "env/B", "beta\n");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "check", "web");
	snprintf(line, sizeof line, "%s one two three alpha beta web",
		tree_name("services/web/probe"));
	event_is(line);
	/* what cannot be read is no check that failed in silence */
	place_write(&web, "check.env", "=no name\n");
	SVCTL_ERR(1, "fail: run: web: (pid #) #s, ./check was not run\n",
		"svctl: warning: unable to run ./check in @/services/web: check.env "
		"line 1: must be NAME=VALUE or NAME\n",
		"-w", "0", "check", "web");
}

static void a_check_is_a_verdict(void **state)
{
	static char const not_run[] = "svctl: warning: unable to run ./check in "
				      "@/services/web: Permission denied\n";
	(void)state;
	SVCTL(0, "ok: run: web: (pid #) #s\n", "check", "web");
	SVCTL(1, "ok: run: web: (pid #) #s\nfail: down: db: #s\n", "check", "web", "db");
	place_script(&web, "check", "exit 3");
	assert_int_equal(chmod(tree_name("services/web/check"), 0644), 0);
	SVCTL_ERR(1, "fail: run: web: (pid #) #s, ./check was not run\n", not_run, "-w", "0",
		"check", "web");
	/* said once, and nobody waits for what will not come */
	SVCTL_ERR(1, "fail: run: web: (pid #) #s, ./check was not run\n", not_run, "-w", "60",
		"start", "web");
	SVCTL_ERR(1, "fail: run: web: (pid #) #s, ./check was not run\n", not_run, "-w", "60",
		"check", "web");
}

static void what_has_no_process_is_not_waited_for(void **state)
{
	struct place one = place_make("one"), all = place_make("all");
	(void)state;
	place_script(&one, "on", "exit 0");
	place_write(&all, "needs/web", "");
	SVCTL(0, "", "rescan");
	UNTIL(&one, s->state == STATE_UP);
	UNTIL(&all, s->state == STATE_UP);
	SVCTL(0, "ok: up: one: #s\n", "-w", "60", "try-restart", "one");
	SVCTL(0, "ok: up: all: #s\n", "-w", "60", "try-restart", "all");
	SVCTL(0, "ok: up: one: #s\n", "-w", "60", "term", "one");
	SVCTL(0, "ok: up: all: #s\n", "-w", "60", "term", "all");
	SVCTL(0, "ok: up: one: #s\n", "-w", "60", "force-reload", "one");
	SVCTL(0, "ok: up: all: #s\n", "-w", "60", "force-reload", "all");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, two, tree_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(checks),
		TEST(a_check_gets_what_its_supervisor_gives_it),
		TEST(a_check_is_a_verdict),
		TEST(what_has_no_process_is_not_waited_for),
	};
	return cmocka_run_group_tests_name("svctl_check", tests, NULL, NULL);
}
