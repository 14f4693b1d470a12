/* svctl and what should not be: every mistake gets one clear line and its exit code, at once or
 * when its time limit is over. */
#include "svctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

#define SLEEPS  "say up; exec sleep 1000"
#define SETPRIV "/usr/bin/setpriv"
#define HELP    "; try `svctl --help'\n"

static struct place web;

/* A supervisor without a cinit. */
static int one(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	web = place_running("web", SLEEPS);
	return 0;
}

/* With a cinit. */
static int booted(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	web = place_make("web");
	place_script(&web, "run", SLEEPS);
	svctl_boot();
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	return 0;
}

/* -------------------------------------------------------------------------------- the command line
 */

static void usage_errors(void **state)
{
	static struct {
		char const *args[5];
		char const *err;
	} const wrong[] = {
		{ { "frobnicate" }, "unknown command `frobnicate'" HELP },
		{ { "staus" }, "unknown command `staus'; did you mean `status'?\n" },
		{ { "" }, "unknown command `'" HELP },
		{ { "-Z" }, "unknown option, or one that lacks its value: -Z" HELP },
		{ { "--frob" }, "unknown option, or one that lacks its value: --frob" HELP },
		{ { "-w" }, "unknown option, or one that lacks its value: -w" HELP },
		{ { "-w", "soon", "up", "web" }, "-w: `soon' is not a number of seconds" HELP },
		{ { "-w", "-1", "up", "web" }, "-w: `-1' is not a number of seconds" HELP },
		{ { "-w", "99999999999", "up" },
			"-w: `99999999999' is not a number of seconds" HELP },
		{ { "up" }, "up: of which service? '*' means all of them" HELP },
		{ { "up", "" }, "up: an empty name\n" },
		{ { "wait" }, "wait: for up, down, ready or finished?" HELP },
		{ { "wait", "web" }, "wait: `web' is not up, down, ready or finished" HELP },
		{ { "wait", "up" }, "wait: of which service? '*' means all of them" HELP },
		{ { "up", "-t", "3", "web" },
			"up: -t goes with wait only; -w is for all that wait\n" },
		{ { "up", "--force", "web" },
			"up: --force goes with down, stop, force-stop and disable only\n" },
		{ { "--json", "up", "web" }, "up: --json goes with status and list only\n" },
		{ { "rescan", "web" }, "rescan: takes no names\n" },
	};
	char err[256];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char const *const *a = wrong[i].args;
		/* a NULL ends the list, wherever it stands */
		tree_run(&svctl_output, "svctl", a[0], a[1], a[2], a[3], NULL);
		snprintf(err, sizeof err, "svctl: fatal: %s", wrong[i].err);
		svctl_said(100, "", err, __FILE__, __LINE__);
	}
	setenv("SVWAIT", "x", 1);
	SVCTL_ERR(100, "", "svctl: fatal: $SVWAIT: `x' is not a number of seconds" HELP, "list");
	unsetenv("SVWAIT");
}

static void there_is_no_run_directory(void **state)
{
	char none[TREE_PATH], foreign[TREE_PATH];
	static char const text[] = "svctl: fatal: unable to open run directory @/none: "
				   "No such file or directory; does cinit run?\n";
	(void)state;
	strcpy(none, tree_name("none"));
	strcpy(foreign, tree_name("foreign"));
	SVCTL_ERR(111, "", text, "-r", none, "up", "web");
	SVCTL_ERR(111, "", text, "-r", none);
	SVCTL_ERR(111, "", text, "-r", none, "rescan");
	SVCTL_ERR(111, "", text, "-r", none, "status", "web");
	SVCTL(0, "svctl #.#\ncinit: not running\n", "-r", none, "version");
	assert_int_equal(mkdir(foreign, 0777), 0);
	assert_int_equal(chmod(foreign, 0777), 0);
	SVCTL_ERR(111, "",
		"svctl: fatal: refused run directory @/foreign: others may write to it (mode "
		"0777)\n",
		"-r", foreign, "up", "web");
}

static void there_is_no_cinit(void **state)
{
	(void)state;
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to send rescan to cinit in @/run: it does not run\n",
		"rescan");
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to send reboot to cinit in @/run: it does not run\n",
		"reboot");
}

static void there_is_no_service(void **state)
{
	(void)state;
	SVCTL(3,
		"fail: x: no such service in @/run\nfail: conf: no such service in @/run\n"
		"fail: @/services/x: no such service directory\n",
		"up", "x", "web", "conf", tree_name("services/x"));
	SVCTL(1, "fail: x/log: no such service in @/run\n", "up", "x/log");
	SVCTL(1, "fail: q*: no such service in @/run\n", "up", "q*");
	/* a service directory that nobody supervises */
	assert_int_equal(mkdir(tree_name("services/idle"), 0755), 0);
	SVCTL(1, "fail: @/services/idle: supervisor not running\n", "up",
		tree_name("services/idle"));
	SVCTL(1, "fail: @/services/idle: supervisor not running\n", "status",
		tree_name("services/idle"));
}

/* -------------------------------------------------------------------------------- FIFOs and
 * records */

static void in_is_a_file(void **state)
{
	(void)state;
	assert_int_equal(unlink(tree_name("run/web/in")), 0);
	tree_write("run/web/in", 0600, "");
	SVCTL(1, "fail: web: unable to send up: `in' is not a FIFO\n", "up", "web");
}

static void the_record_is_damaged(void **state)
{
	char byte = 99;
	(void)state;
	UNTIL(&web, s->state == STATE_UP);
	kill((pid_t)web.s.supervisor, SIGSTOP);
	int fd = open(tree_name("run/web/status"), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &byte, 1, 20), 1); /* the version */
	SVCTL(1, "warning: web: unable to read status: it is of another version\n", "status",
		"web");
	SVCTL(1, "fail: web: unable to read status: it is of another version; nothing was sent\n",
		"up", "web");
	SVCTL(1,
		"NAME  STATE    PID  FOR  WHY\nweb   unknown    -    -  it is of another version\n",
		"list");
	assert_int_equal(ftruncate(fd, 100), 0);
	SVCTL(1, "warning: web: unable to read status: it is too short to be a status record\n",
		"status", "web");
	SVCTL(1, "fail: web: unable to read status: it is too short to be a status record\n",
		"wait", "up", "web");
	close(fd);
	assert_int_equal(unlink(tree_name("run/web/status")), 0);
	SVCTL(0, "down: web: 0s, nothing is published yet\n", "status", "web");
	SVCTL(101, "warning: web: no answer to up within 1 s; outcome unknown\n", "-w", "1", "up",
		"web");
	kill((pid_t)web.s.supervisor, SIGCONT);
}

/* ----------------------------------------------------------------------------------------
 * supervisors */

static void a_stopped_supervisor_leaves_the_outcome_unknown(void **state)
{
	uint64_t before;
	(void)state;
	kill(web.supervisor, SIGSTOP);
	before = clock_boottime();
	SVCTL(101, "warning: web: no answer to down within 1 s; outcome unknown\n", "-w", "1",
		"down", "web");
	assert_true(clock_boottime() - before >= CLOCK_SECOND);
	setenv("SVWAIT", "1", 1);
	SVCTL(101, "warning: web: no answer to hup within 1 s; outcome unknown\n", "hup", "web");
	SVCTL(101, "warning: web: no answer to down within 1 s; outcome unknown\n", "force-stop",
		"web");
	/* one that fails otherwise does not hide it, and its lines do not wait for the other's */
	SVCTL(101,
		"fail: x: no such service in @/run\n"
		"warning: web: no answer to cont within 1 s; outcome unknown\n",
		"cont", "x", "web");
	unsetenv("SVWAIT");
	/* it is done all the same when the supervisor goes on: so it said */
	kill(web.supervisor, SIGCONT);
	UNTIL(&web, s->state == STATE_DOWN);
}

static void a_full_fifo_is_said_at_once(void **state)
{
	char bytes[4096];
	(void)state;
	kill(web.supervisor, SIGSTOP);
	memset(bytes, 'y', sizeof bytes);
	int fd = open(tree_name("run/web/in"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	while (write(fd, bytes, sizeof bytes) > 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	SVCTL(1,
		"fail: web: unable to send up: its FIFO is full; the supervisor is stopped or "
		"busy\n",
		"up", "web");
	close(fd);
	kill(web.supervisor, SIGCONT);
}

static void a_dead_supervisor_without_cinit_fails_at_once(void **state)
{
	static char const line[] = "fail: web: supervisor not running\n";
	(void)state;
	UNTIL(&web, s->state == STATE_UP);
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	SVCTL(1, line, "-w", "60", "stop", "web");
	SVCTL(1, line, "up", "web");
	SVCTL(1, line, "wait", "down", "web");
	SVCTL(1, line, "check", "web");
	SVCTL(1, line, "status", "web");
	/* what was known last, and that nobody keeps it true */
	SVCTL_ERR(0, "NAME  STATE~PID  FOR  WHY\nweb   up~#~#s  supervisor not running\n",
		"svctl: warning: no cinit runs in @/run\n", "list");
}

static void one_that_exited_stays_so_without_cinit(void **state)
{
	(void)state;
	SVCTL(0, "ok: web: supervisor not running\n", "shutdown", "web");
	SVCTL(1, "fail: web: supervisor not running\n", "up", "web");
	SVCTL(0, "", "x", "web");
	SVCTL(1, "fail: down: web: #s, normally up\n", "check", "web");
}

/* It does what it can with what it has, and else says what it lacks, not that nobody answers. */
static void few_descriptors(void **state)
{
	char script[128];
	int doubts = 0;
	(void)state;
	for (int n = 5; n < 10; n++) {
		snprintf(script, sizeof script,
			"ulimit -n %d; exec \"$CINIT_BUILD/svctl\" restart web", n);
		tree_run(&svctl_output, "/bin/sh", "-c", script, NULL);
		doubts += svctl_output.code == 101;
		if (svctl_output.code && !strstr(svctl_output.out, ": Too many open files"))
			fail_msg("%d: %s%s", n, svctl_output.out, svctl_output.err);
	}
	assert_int_equal(svctl_output.code, 0);
	assert_true(doubts);
}

static void a_service_without_run(void **state)
{
	(void)state;
	place_script(&web, "run", SLEEPS);
	assert_int_equal(unlink(tree_name("services/web/run")), 0);
	tree_run(&svctl_output, "svctl", "-w", "5", "restart", "web", NULL);
	assert_int_equal(svctl_output.code, 1);
	/* the reason is the supervisor's */
	assert_non_null(strstr(svctl_output.out, "down: web: "));
	assert_non_null(strstr(svctl_output.out, "run"));
}

static void a_service_that_gives_up_ends_the_wait(void **state)
{
	(void)state;
	place_script(&web, "run", "exit 3");
	place_script(&web, "finish", "exit 125");
	tree_run(&svctl_output, "svctl", "-w", "60", "restart", "web", NULL);
	assert_int_equal(svctl_output.code, 1);
	assert_true(
		svctl_like(svctl_output.out, "fail: down: web: #s, normally up, want up, failed, "
					     "finish exited 125: not to be started again\n"));
	SVCTL(1,
		"fail: down: web: #s, normally up, want up, failed, finish exited 125: not to be "
		"started again\n",
		"wait", "ready", "web");
}

/* -----------------------------------------------------------------------------------------
 * permissions */

static void others_may_look_and_wait(void **state)
{
	char svctl[512];
	(void)state;
	if (geteuid() != 0 || access(SETPRIV, X_OK) != 0)
		skip();
	snprintf(svctl, sizeof svctl, "%s/svctl", getenv("CINIT_BUILD"));
#define AS_OTHER(code, out, ...)                                                                   \
	do {                                                                                       \
		tree_run(&svctl_output, SETPRIV, "--reuid=12345", "--regid=12345",                 \
			"--clear-groups", svctl, __VA_ARGS__, NULL);                               \
		svctl_said(code, out, "", __FILE__, __LINE__);                                     \
	} while (0)
	AS_OTHER(0, "run: web: (pid #) #s\n", "status", "web");
	AS_OTHER(0, "ok: run: web: (pid #) #s\n", "wait", "up", "web");
	AS_OTHER(0, "ok: run: web: (pid #) #s\n", "check", "web");
	AS_OTHER(102, "timeout: run: web: (pid #) #s\n", "wait", "-t", "1", "down", "web");
	AS_OTHER(1, "fail: web: unable to send down: access denied\n", "down", "web");
	AS_OTHER(1,
		"fail: web: unable to make @/services/web/down: access denied; nothing "
		"was sent\n",
		"disable", "web");
	tree_run(&svctl_output, SETPRIV, "--reuid=12345", "--regid=12345", "--clear-groups", svctl,
		"rescan", NULL);
	svctl_said(111, "",
		"svctl: fatal: unable to send rescan to cinit in @/run: access denied\n", __FILE__,
		__LINE__);
}

/* ------------------------------------------------------------------------------------------- svctl
 * itself */

static void output_that_cannot_be_written(void **state)
{
	(void)state;
	tree_run(&svctl_output, "/bin/sh", "-c", "\"$CINIT_BUILD/svctl\" list >/dev/full", NULL);
	svctl_said(111, "",
		"svctl: fatal: unable to write to standard output: No space left on device\n",
		__FILE__, __LINE__);
	/* closed is nowhere, and no descriptor of ours takes its place */
	tree_run(&svctl_output, "/bin/sh", "-c", "\"$CINIT_BUILD/svctl\" list >&-", NULL);
	svctl_said(0, "", "", __FILE__, __LINE__);
}

static void a_check_does_not_outlive_us(void **state)
{
	char const *argv[] = { "svctl", "-d", tree.services, "check", "web", NULL };
	(void)state;
	place_script(&web, "check", "alone; say checking; sleep 1000; true");
	for (int i = 0; i < 2; i++) {
		pid_t pid = tree_start(NULL, argv);
		event_is("checking");
		kill(pid, SIGTERM);
		assert_int_equal(tree_end(pid), SIGTERM);
	}
	event_none();
}

#define TEST(f)   cmocka_unit_test_setup_teardown(f, one, tree_teardown)
#define BOOTED(f) cmocka_unit_test_setup_teardown(f, booted, tree_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(usage_errors),
		TREE_TEST(there_is_no_run_directory),
		TEST(there_is_no_cinit),
		TEST(there_is_no_service),
		TEST(in_is_a_file),
		BOOTED(the_record_is_damaged),
		TEST(a_stopped_supervisor_leaves_the_outcome_unknown),
		TEST(a_full_fifo_is_said_at_once),
		TEST(a_dead_supervisor_without_cinit_fails_at_once),
		TEST(one_that_exited_stays_so_without_cinit),
		TEST(a_service_without_run),
		TEST(few_descriptors),
		TEST(a_service_that_gives_up_ends_the_wait),
		BOOTED(others_may_look_and_wait),
		BOOTED(output_that_cannot_be_written),
		TEST(a_check_does_not_outlive_us),
	};
	return cmocka_run_group_tests_name("svctl_bad", tests, NULL, NULL);
}
