/* svctl and those whom it cannot reach, not yet, or not in time: stopped, cut off from their FIFOs,
 * about to begin, about to end. */
#include "init.h"
#include "svctl.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct place web;
static pid_t cinit;

static int booted(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	web = place_make("web");
	place_script(&web, "run", "exec sleep 1000");
	cinit = svctl_boot();
	UNTIL(&web, s->state == STATE_UP);
	return 0;
}

/* Stopped, so that it lives and cannot mend them. */
static void its_fifos_are_gone(void **state)
{
	static char const in[] =
		"fail: web: unable to send up: its supervisor lives, but does not "
		"read `in', which was removed or replaced; `svctl rescan' makes it "
		"anew\n";
	static char const out[] =
		"fail: web: unable to watch it: its supervisor lives, but `out' is gone; "
		"`svctl rescan' makes it anew\n";
	(void)state;
	UNTIL(&web, s->state == STATE_UP);
	kill((pid_t)web.s.supervisor, SIGSTOP);
	assert_int_equal(unlink(tree_name("run/web/in")), 0);
	SVCTL(1, in, "-w", "60", "up", "web");
	SVCTL(0, "run: web: (pid #) #s\n", "status", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "-w", "60", "wait", "up", "web");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "-w", "60", "check", "web");
	assert_int_equal(mkfifo(tree_name("run/web/in"), 0600), 0);
	SVCTL(1, in, "-w", "60", "up", "web");
	assert_int_equal(unlink(tree_name("run/web/out")), 0);
	SVCTL(1, out, "-w", "60", "up", "web");
	SVCTL(1, out, "-w", "60", "wait", "up", "web");
	SVCTL(0, "run: web: (pid #) #s\n", "status", "web");
	/* the dead are no living who do not read */
	kill((pid_t)web.s.supervisor, SIGKILL);
	SVCTL(0, "ok: run: web: (pid #) #s\n", "-w", "60", "restart", "web");
}

static void cinits_fifo_is_gone(void **state)
{
	(void)state;
	SVCTL(0, "ok: web: supervisor not running\n", "shutdown", "web");
	kill(cinit, SIGSTOP);
	assert_int_equal(unlink(tree_name("run/.cinit/in")), 0);
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to send rescan to cinit in @/run: it lives, but does not "
		"read `in', which was removed or replaced; HUP to cinit makes it anew\n",
		"-w", "60", "rescan");
	SVCTL(1,
		"fail: web: unable to send wake: cinit lives, but does not read `in', which was "
		"removed or replaced; HUP to cinit makes it anew\n",
		"-w", "60", "up", "web");
	kill(cinit, SIGCONT);
	kill(cinit, SIGHUP);
	init_says("run/.cinit was removed or replaced; made anew\n");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "start", "web");
}

static void replace_fifo(char const *name, int kind)
{
	if (unlink(tree_name("%s", name)) < 0)
		fail_msg("%s", name);
	if (kind == 1)
		assert_int_equal(mkfifo(tree_name("%s", name), 0644), 0);
	else if (kind == 2)
		tree_write(name, 0644, "");
}

static void await_pair(char const *name)
{
	AWAIT(cinit_ipc_attended(AT_FDCWD, tree_name("%s", name)));
}

/* Removed, replaced by a FIFO, replaced by a file: a rescan has them made anew, for the logger,
 * too; and who is well is left alone. */
static void a_rescan_mends_them(void **state)
{
	static char const *const names[] = { "run/web/in", "run/web/out", "run/logged/in",
		"run/logged/log/in", "run/logged/log/out" };
	struct place logged = place_make("logged"), log;
	(void)state;
	place_script(&logged, "run", "exec sleep 1000");
	place_script(&logged, "log/run", "exec cat >/dev/null");
	SVCTL(0, "", "rescan");
	log = place_at("logged/log", tree_name("run/logged/log"));
	UNTIL(&logged, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	place_look(&web);
	struct status before = web.s;
	for (int kind = 0; kind < 3; kind++) {
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			replace_fifo(names[i], kind);
		SVCTL(0, "", "rescan");
		await_pair("run/web");
		await_pair("run/logged");
		await_pair("run/logged/log");
		SVCTL(0, "ok: run: web: (pid #) #s\n", "-v", "up", "web");
		SVCTL(0, "ok: run: logged: (pid #) #s\n", "-v", "up", "logged");
		SVCTL(0, "ok: run: logged/log: (pid #) #s\n", "restart", "logged/log");
	}
	init_says("supervise: warning: logged/log: in or out was removed or replaced; made anew\n");
	place_look(&web);
	assert_int_equal(web.s.starts, before.starts);
	assert_int_equal(web.s.incarnation, before.incarnation);
	before = web.s;
	size_t said = strlen(tree_read("cinit.err"));
	SVCTL(0, "", "rescan");
	SVCTL(0, "run: web: (pid #) #s\n", "status", "web");
	place_look(&web);
	assert_int_equal(web.s.change, before.change);
	assert_int_equal(strlen(tree_read("cinit.err")), said);
}

static void a_stopped_cinit_leaves_the_outcome_unknown(void **state)
{
	(void)state;
	SVCTL(0, "ok: web: supervisor not running\n", "shutdown", "web");
	kill(cinit, SIGSTOP);
	SVCTL(101, "warning: web: no answer to wake from cinit within 1 s; outcome unknown\n", "-w",
		"1", "start", "web");
	/* and so it was */
	kill(cinit, SIGCONT);
	UNTIL(&web, s->state == STATE_UP && s->supervisor);
}

/* What cinit does for a new service before it starts its supervisor. */
static void a_service_that_has_not_begun_is_no_failure(void **state)
{
	static char const error[] =
		"[\n{\"name\":\"next\",\"error\":\"nothing is published yet\"}\n]\n";
	(void)state;
	assert_int_equal(mkdir(tree_name("run/next"), 0755), 0);
	SVCTL(0, "down: next: 0s, nothing is published yet\nrun: web: (pid #) #s\n", "status", "*");
	SVCTL(0, error, "--json", "status", "next");
	/* nobody will begin it */
	kill(cinit, SIGKILL);
	tree_end(cinit);
	SVCTL(1, "fail: next: supervisor not running\n", "status", "next");
	SVCTL(1, error, "--json", "status", "next");
}

static void refusals_of_the_tree(void **state)
{
	struct place slow = place_make("slow"), self = place_at(".cinit", tree_name("run/.cinit"));
	(void)state;
	int held = tree_hold("end");
	place_script(&slow, "run", "trap '' TERM; say slow; read x <\"$TREE/hold.end\"; exit 0");
	SVCTL(0, "", "rescan");
	event_is("slow");
	assert_int_equal(rename(tree_name("services"), tree_name("elsewhere")), 0);
	SVCTL_ERR(111, "",
		"svctl: fatal: cinit in @/run refused rescan: the service directory cannot be "
		"read\n",
		"rescan");
	assert_int_equal(rename(tree_name("elsewhere"), tree_name("services")), 0);
	kill(cinit, SIGTERM);
	UNTIL(&self, s->want == WANT_EXIT);
	SVCTL_ERR(111, "",
		"svctl: fatal: cinit in @/run refused rescan: the tree is being stopped\n",
		"rescan");
	close(held);
	tree_end(cinit);
}

/* A wait without a limit; it has begun to watch. */
static pid_t begin_to_wait(void)
{
	char svctl[300];
	snprintf(svctl, sizeof svctl, "%s/svctl", getenv("CINIT_BUILD"));
	char const *argv[] = { svctl, "-r", tree.run, "wait", "up", "web", NULL };
	pid_t pid = tree_start("wait", argv);
	/* opens when it watches */
	int out;
	AWAIT((out = open(tree_name("run/web/out"), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0);
	close(out);
	return pid;
}

/* Nobody is left that could bring it up: a wait without a limit is over. */
static void the_end_of_the_tree_ends_a_wait(void **state)
{
	(void)state;
	SVCTL(0, "ok: down: web: #s, normally up\n", "stop", "web");
	pid_t pid = begin_to_wait();
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	assert_int_equal(tree_end(pid), EXIT(1));
	SVCTL(1, "fail: web: supervisor not running\n", "wait", "up", "web");
}

/* Its `out` has no writer, as where there is no room for another one, or while it is being killed:
 * that is no end, and the end is noticed all the same. */
static void a_cinit_that_cannot_be_watched(void **state)
{
	(void)state;
	SVCTL(0, "ok: web: supervisor not running\n", "shutdown", "web");
	assert_int_equal(unlink(tree_name("run/.cinit/out")), 0);
	assert_int_equal(mkfifo(tree_name("run/.cinit/out"), 0644), 0);
	SVCTL(102, "timeout: down: web: #s, normally up\n", "-w", "1", "wait", "up", "web");
	pid_t pid = begin_to_wait();
	kill(cinit, SIGKILL);
	tree_end(cinit);
	assert_int_equal(tree_end(pid), EXIT(1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, booted, tree_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(its_fifos_are_gone),
		TEST(cinits_fifo_is_gone),
		TEST(a_rescan_mends_them),
		TEST(a_stopped_cinit_leaves_the_outcome_unknown),
		TEST(a_service_that_has_not_begun_is_no_failure),
		TEST(refusals_of_the_tree),
		TEST(the_end_of_the_tree_ends_a_wait),
		TEST(a_cinit_that_cannot_be_watched),
	};
	return cmocka_run_group_tests_name("svctl_reach", tests, NULL, NULL);
}
