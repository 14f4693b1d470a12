/* svctl and a tree: what it does, says, and exits with. */
#include "svctl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

#define SLEEPS "trap '' HUP; exec sleep 1000"

static struct place web, db;

static int two(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	svctl_two(&web, &db, SLEEPS);
	return 0;
}

static void status_has_svs_lines(void **state)
{
	(void)state;
	SVCTL(0, "run: web: (pid #) #s\n", "status", "web");
	SVCTL(0, "down: db: #s\nrun: web: (pid #) #s\n", "status");
	SVCTL(0, "run: web: (pid #) #s\ndown: db: #s\n", "s", "web", "db");
	SVCTL(0, "down: db: #s\nrun: web: (pid #) #s\n", "status", "*");
	SVCTL(0, "run: web: (pid #) #s\n", "status", "w?b");
	SVCTL(2, "fail: x: no such service\nrun: web: (pid #) #s\nfail: y*: no such service\n",
		"status", "x", "web", "y*");
}

static void paths_lead_to_services(void **state)
{
	(void)state;
	SVCTL(0, "run: @/services/web: (pid #) #s\n", "status", web.dir);
	assert_int_equal(symlink(web.dir, tree_name("other")), 0);
	SVCTL(0, "run: @/other/: (pid #) #s\n", "status", tree_name("other/"));
	assert_int_equal(chdir(web.dir), 0);
	SVCTL(0, "run: .: (pid #) #s\n", "status", ".");
	SVCTL(0, "run: ./: (pid #) #s\n", "status", "./");
	SVCTL(0, "down: ../db: #s\n", "status", "../db");
	assert_int_equal(chdir("/"), 0);
}

static void letters_return_when_acknowledged(void **state)
{
	(void)state;
	SVCTL(0, "", "d", "web");
	UNTIL(&web, s->state == STATE_DOWN);
	SVCTL(0, "", "o", "web");
	UNTIL(&web, s->state == STATE_UP && s->want == WANT_ONCE);
	SVCTL(0, "", "u", "web", "db");
	UNTIL(&web, s->state == STATE_UP && s->want == WANT_UP);
	UNTIL(&db, s->state == STATE_UP);
	SVCTL(0, "", "p", "web");
	UNTIL(&web, s->flags & FLAG_PAUSED);
	SVCTL(0, "run: web: (pid #) #s, paused\n", "status", "web");
	SVCTL(0, "", "cont", "web");
	UNTIL(&web, !(s->flags & FLAG_PAUSED));
	/* no process to signal is a success, as it is to sv */
	SVCTL(0, "ok: down: db: #s\n", "stop", "db");
	SVCTL(0, "", "hup", "db");
}

static void every_signal_arrives(void **state)
{
	static char const *const words[][2] = { { "hup", "HUP" }, { "alarm", "ALRM" },
		{ "interrupt", "INT" }, { "quit", "QUIT" }, { "1", "USR1" }, { "2", "USR2" },
		{ "term", "TERM" } };
	(void)state;
	place_script(&db, "run", "listen ready");
	SVCTL(0, "", "up", "db");
	event_is("ready");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		SVCTL(0, "", words[i][0], "db");
		event_is(words[i][1]);
	}
	SVCTL(0, "", "kill", "db");
	event_is("ready");
}

static void words_wait_and_report(void **state)
{
	(void)state;
	SVCTL(0, "ok: down: web: #s, normally up\n", "stop", "web");
	UNTIL(&web, s->state == STATE_DOWN);
	SVCTL(0, "ok: run: web: (pid #) #s\n", "start", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "-v", "up", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "reload", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "try-restart", "web");
	SVCTL(0, "ok: down: db: #s\n", "try-restart", "db");
	SVCTL(0, "ok: run: web: (pid #) #s, paused\n", "-w", "7", "pause", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "-v", "cont", "web");
	SVCTL(0, "ok: down: web: #s, normally up\n", "force-stop", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "force-restart", "web");
}

static uint32_t pid_in_output(void)
{
	char const *p = strstr(svctl_output.out, "(pid ");
	assert_non_null(p);
	return (uint32_t)strtoul(p + 5, NULL, 10);
}

/* runit reports the old process within the second of its start. */
static void restart_never_reports_the_old_process(void **state)
{
	(void)state;
	UNTIL(&web, s->state == STATE_UP);
	for (int i = 0; i < 10; i++) {
		uint32_t old = web.s.child[ROLE_RUN].pid, starts = web.s.starts;
		SVCTL(0, "ok: run: web: (pid #) #s\n", "restart", "web");
		uint32_t said = pid_in_output();
		UNTIL(&web, s->state == STATE_UP);
		assert_int_not_equal(said, old);
		assert_int_equal(said, web.s.child[ROLE_RUN].pid);
		assert_int_equal(web.s.starts, starts + 1);
	}
}

/* runit loses the second command of these two, six times of six. */
static void down_and_up_in_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		SVCTL(0, "", "down", "web");
		SVCTL(0, "", "up", "web");
		UNTIL(&web, s->state == STATE_UP && s->want == WANT_UP);
	}
}

static void a_stop_in_vain(void **state)
{
	(void)state;
	place_write(&db, "timeout-kill", "1h");
	place_script(
		&db, "run", "trap '' TERM; say up; while :; do read x <\"$TREE/hold.never\"; done");
	tree_hold("never");
	SVCTL(0, "", "up", "db");
	event_is("up");
	SVCTL(1, "timeout: run: db: (pid #) #s, normally down, want down, got TERM\n", "-w", "1",
		"stop", "db");
	SVCTL(1, "kill: run: db: (pid #) #s, normally down, want down, got TERM\n", "-w", "1",
		"force-stop", "db");
	UNTIL(&db, s->state == STATE_DOWN);
	assert_int_equal(db.s.last_exit, SIGKILL);
}

static void waiting(void **state)
{
	char const *up[] = { "svctl", "wait", "up", "db", NULL };
	char const *down[] = { "svctl", "wait", "-t", "60", "finished", "web", "db", NULL };
	pid_t pid;
	(void)state;

	SVCTL(0, "ok: run: web: (pid #) #s\n", "wait", "up", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "wait", "ready", "web");
	SVCTL(0, "ok: down: db: #s\n", "wait", "down", "db");
	SVCTL(102, "timeout: down: db: #s\n", "wait", "-t", "1", "up", "db");
	SVCTL(102, "timeout: down: db: #s\n", "-t", "0", "wait", "ready", "db");
	pid = tree_start("waiter", up);
	SVCTL(0, "", "up", "db");
	assert_int_equal(tree_end(pid), 0);
	pid = tree_start("waiter2", down);
	SVCTL(0, "", "down", "*");
	assert_int_equal(tree_end(pid), 0);
	assert_string_equal(tree_read("waiter.err"), "");
	assert_true(
		svctl_like(tree_read("waiter.out"), "ok: run: db: (pid #) #s, normally down\n"));
}

static void exit_and_back(void **state)
{
	(void)state;
	SVCTL(0, "ok: web: supervisor not running\n", "shutdown", "web");
	SVCTL(1, "fail: web: supervisor not running\n", "status", "web");
	SVCTL(1, "fail: web: supervisor not running\n", "down", "web");
	SVCTL(0, "", "exit", "web");
	SVCTL(0, "ok: down: web: #s, normally up\n", "wait", "down", "web");
	SVCTL(0, "NAME  STATE   PID  FOR  WHY\nweb   exited    -~#s  signal 15 (TERM)\n", "list",
		"web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "start", "web");
	SVCTL(0, "ok: web: supervisor not running\n", "force-shutdown", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "restart", "web");
	SVCTL(0, "", "x", "db");
	UNTIL(&db, (s->flags & FLAG_EXITED) && !s->supervisor);
	SVCTL(0, "", "u", "db");
	UNTIL(&db, s->state == STATE_UP);
}

static void loggers(void **state)
{
	struct place logged = place_make("logged");
	(void)state;
	place_script(&logged, "run", SLEEPS);
	tree_script("services/logged/log/run", "exec cat >/dev/null");
	SVCTL(0, "", "rescan");
	UNTIL(&logged, s->state == STATE_UP);
	SVCTL(0, "ok: run: logged/log: (pid #) #s\n", "wait", "up", "logged/log");
	SVCTL(0, "run: logged: (pid #) #s; run: log: (pid #) #s\n", "status", "logged");
	SVCTL(0, "run: logged/log: (pid #) #s\n", "status", "logged/log");
	SVCTL(0, "ok: run: logged/log: (pid #) #s\n", "restart", "logged/log");
	SVCTL(1, "fail: logged/log: exit refused: a logger exits with its service\n", "x",
		"logged/log");
	SVCTL(0, "run: @/services/logged/log: (pid #) #s\n", "status",
		tree_name("services/logged/log"));
	SVCTL(0, "NAME    STATE~PID  FOR  WHY\nlogged  up~#~#s\n", "list", "logged");
}

/* A logger's own scripts stand in its directory, and their service is the logger. */
static void a_dot_in_a_loggers_directory(void **state)
{
	struct place logged = place_make("logged");
	(void)state;
	place_script(&logged, "run", SLEEPS);
	tree_script("services/logged/log/run", "exec cat >/dev/null");
	SVCTL(0, "", "rescan");
	UNTIL(&logged, s->state == STATE_UP);
	assert_int_equal(chdir(tree_name("services/logged/log")), 0);
	setenv("CINIT_SERVICE", "logged/log", 1);
	SVCTL(0, "ok: run: .: (pid #) #s\n", "wait", "up", ".");
	uint32_t logger = pid_in_output();
	unsetenv("CINIT_SERVICE");
	SVCTL(0, "run: ../log: (pid #) #s\n", "status", "../log");
	assert_int_equal(pid_in_output(), logger);
	assert_int_equal(chdir(".."), 0);
	SVCTL(0, "run: ./log: (pid #) #s\n", "status", "./log");
	assert_int_equal(pid_in_output(), logger);
	assert_int_equal(chdir("/"), 0);
}

/* No tree at all: state beside the service directory, where runit has it. */
static void services_by_path(void **state)
{
	char dir[TREE_PATH], none[TREE_PATH];
	char const *argv[] = { "supervise", dir, NULL };
	(void)state;
	snprintf(dir, sizeof dir, "%s", tree_name("services/far"));
	snprintf(none, sizeof none, "%s", tree_name("none"));
	tree_script("services/far/run", "exec sleep 1000");
	tree_script("services/far/check", "exit 0");
	tree_script("services/far/log/run", "exec cat >/dev/null");
	struct place far = place_at("far", tree_name("services/far/supervise"));
	tree_start("far", argv);
	/* `out` comes with the supervisor */
	AWAIT((tree_run(&svctl_output, "svctl", "-r", none, "status", dir, NULL),
		svctl_output.code == 0));
	UNTIL(&far, s->state == STATE_UP);
	SVCTL(0, "ok: run: @/services/far: (pid #) #s\n", "-r", none, "restart", dir);
	SVCTL(0, "ok: run: @/services/far: (pid #) #s\n", "-r", none, "check", dir);
	SVCTL(0, "ok: run: @/services/far/log: (pid #) #s\n", "-r", none, "wait", "up",
		tree_name("services/far/log"));
	setenv("SVDIR", tree.services, 1);
	SVCTL(0, "run: far: (pid #) #s; run: log: (pid #) #s\n", "-r", none, "status", "far");
	SVCTL(0, "run: far/log: (pid #) #s\n", "status", "far/log");
	unsetenv("SVDIR");
	SVCTL(0, "ok: down: far: #s, normally up\n", "-r", none, "-d", tree.services, "stop",
		"far");
	SVCTL(0, "ok: far: supervisor not running\n", "-d", tree.services, "shutdown", "far");
}

static void enabling(void **state)
{
	(void)state;
	SVCTL(0, "", "enable", "db");
	UNTIL(&db, s->state == STATE_UP);
	assert_int_not_equal(access(tree_name("services/db/down"), F_OK), 0);
	SVCTL(0, "ok: down: web: #s\n", "-v", "disable", "web");
	assert_int_equal(access(tree_name("services/web/down"), F_OK), 0);
	/* twice does no harm */
	SVCTL(0, "", "disable", "web");
	SVCTL(0, "", "enable", "db");
	SVCTL(1, "fail: nosuch: no such service directory: @/services/nosuch\n", "enable",
		"nosuch");
	assert_int_equal(mkdir(tree_name("services/new"), 0755), 0);
	SVCTL(1, "warning: new: disabled, but cinit does not have it yet: use `svctl rescan'\n",
		"disable", "new");
	/* where it cannot be written, nothing is sent */
	assert_int_equal(mkdir(tree_name("services/db/down"), 0755), 0);
	SVCTL(1,
		"fail: db: unable to remove @/services/db/down: Is a directory; nothing "
		"was sent\n",
		"enable", "db");
}

/* There is no `down` to be removed: it is enabled already. */
static void enabling_where_nothing_can_be_written(void **state)
{
	static char const script[] =
		"mount --bind services services && mount -o remount,ro,bind services && "
		"exec $CINIT_BUILD/svctl enable web db";
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(chdir(tree.path), 0);
	tree_run(&svctl_output, "/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, NULL);
	svctl_said(1,
		"fail: db: unable to remove @/services/db/down: Read-only file system; nothing was "
		"sent\n",
		"", __FILE__, __LINE__);
}

static void enabling_without_a_tree(void **state)
{
	(void)state;
	assert_int_equal(mkdir(tree_name("services/web"), 0755), 0);
	SVCTL(0, "ok: web: disabled from the next start of cinit on; none runs now\n", "-r",
		tree_name("none"), "-d", tree.services, "disable", "web");
	assert_int_equal(access(tree_name("services/web/down"), F_OK), 0);
}

static void json(void **state)
{
	char const *s = svctl_output.out;
	(void)state;
	tree_run(&svctl_output, "svctl", "--json", "status", "web", "nosuch", NULL);
	assert_int_equal(svctl_output.code, 1);
	assert_ptr_equal(strstr(s, "[\n{\"name\":\"web\",\"state\":\"up\",\"want\":\"up\","
				   "\"supervised\":true"),
		s);
	assert_non_null(strstr(
		s, ",\"log\":null},\n{\"name\":\"nosuch\",\"error\":\"no such service\"}\n]\n"));
	tree_run(&svctl_output, "svctl", "list", "--json", NULL);
	assert_int_equal(svctl_output.code, 0);
	assert_ptr_equal(strstr(s, "[\n{\"name\":\"db\",\"state\":\"down\""), s);
	SVCTL_ERR(0, "[]\n", "svctl: warning: no cinit runs in @/empty\n", "--json", "-r",
		tree_name("empty"), "list");
}

static int empty(void **state)
{
	if (two(state) < 0)
		return -1;
	return mkdir(tree_name("empty"), 0755);
}

/* A control script of a service commands that service: its queue stands behind the script. */
static void a_control_script_commands_its_own_service(void **state)
{
	(void)state;
	tree_script("services/web/control/h",
		"\"$CINIT_BUILD/svctl\" -v 1 . && \"$CINIT_BUILD/svctl\" term web && say sent");
	place_script(&web, "run", "listen up TERM=0");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "restart", "web");
	event_is("up");
	SVCTL(0, "", "hup", "web");
	for (int i = 0; i < 4; i++)
		assert_non_null(strstr("USR1 sent TERM up", event_next()));
}

static void a_supervisor_that_dies_is_waited_for(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		UNTIL(&web, s->state == STATE_UP && s->supervisor);
		kill((pid_t)web.s.supervisor, SIGKILL);
		SVCTL(0, "ok: run: web: (pid #) #s\n", "restart", "web");
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, two, tree_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(status_has_svs_lines),
		TEST(paths_lead_to_services),
		TEST(letters_return_when_acknowledged),
		TEST(every_signal_arrives),
		TEST(words_wait_and_report),
		TEST(restart_never_reports_the_old_process),
		TEST(down_and_up_in_a_row),
		TEST(a_stop_in_vain),
		TEST(waiting),
		TEST(exit_and_back),
		TEST(loggers),
		TEST(a_dot_in_a_loggers_directory),
		TREE_TEST(services_by_path),
		TEST(enabling),
		TEST(enabling_where_nothing_can_be_written),
		TREE_TEST(enabling_without_a_tree),
		cmocka_unit_test_setup_teardown(json, empty, tree_teardown),
		TEST(a_control_script_commands_its_own_service),
		TEST(a_supervisor_that_dies_is_waited_for),
	};
	return cmocka_run_group_tests_name("svctl", tests, NULL, NULL);
}
