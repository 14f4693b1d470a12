/* Oneshots: on brings up and ends, off brings down. */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"
#include "svctl.h"

static void on_brings_up_and_off_down(void **state)
{
	struct place net = member_oneshot("net", "hold=net");
	int hold = tree_hold("net");
	(void)state;
	place_supervise(&net);
	event_is("net start");
	UNTIL(&net, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	tree_pass(hold);
	event_is("net ready");
	UP(&net);
	assert_int_equal(net.s.child[ROLE_RUN].pid, 0);
	assert_int_equal(net.s.starts, 1);
	assert_int_equal(net.s.deaths, 0);
	assert_int_equal(net.s.flags & FLAG_BROUGHT_UP, FLAG_BROUGHT_UP);
	assert_int_equal(net.s.last_exit, 0);
	assert_int_equal(depend_down(&net), RESULT_DONE);
	events("net stop", "net gone");
	DOWN(&net);
	assert_int_equal(net.s.deaths, 0);
	assert_int_equal(net.s.flags & FLAG_BROUGHT_UP, 0);
	event_none();
	/* what is down is not brought down */
	assert_int_equal(depend_down(&net), RESULT_DONE);
	assert_int_equal(net.s.state, STATE_DOWN);
	event_none();
	tree_pass(hold);
	SVCTL(0, "ok: up: net: #s\n", "-v", "up", "net");
	events("net start", "net ready");
	tree_pass(hold);
	SVCTL(0, "ok: up: net: #s\n", "restart", "net");
	events("net stop", "net gone", "net start", "net ready");
	SVCTL(0, "ok: down: net: #s, normally up\n", "-v", "down", "net");
}

/* Nothing to run is nothing to wait for. */
static void without_off(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "say on");
	place_supervise(&net);
	event_is("on");
	UP(&net);
	assert_int_equal(depend_down(&net), RESULT_DONE);
	DOWN(&net);
	assert_int_equal(place_command(&net, 'u'), RESULT_DONE);
	event_is("on");
	UP(&net);
}

/* A link to a binary, with arguments and environment of its own. */
static void binaries_with_arguments(void **state)
{
	struct place net = place_make("net");
	char target[300];
	(void)state;
	snprintf(target, sizeof target, "%s/test/helper/member", getenv("CINIT_BUILD"));
	assert_int_equal(symlink(target, tree_name("services/net/on")), 0);
	assert_int_equal(symlink(target, tree_name("services/net/off")), 0);
	place_write(&net, "on.params", "eth0\non\n");
	place_write(&net, "off.params", "eth1\noff\n");
	place_supervise(&net);
	events("eth0 start", "eth0 ready");
	UP(&net);
	depend_down(&net);
	events("eth1 stop", "eth1 gone");
	DOWN(&net);
}

static void failure_is_failed_with_its_code(void **state)
{
	struct place net = member_oneshot("net", "code=7");
	(void)state;
	place_supervise(&net);
	event_is("net start");
	UNTIL(&net, s->state == STATE_FAILED);
	assert_int_equal(net.s.last_exit, EXIT(7));
	assert_int_equal(net.s.flags & FLAG_EXIT_VALID, FLAG_EXIT_VALID);
	assert_int_equal(net.s.reason, REASON_ENDED);
	reason_is(&net, "on exited 7");
	assert_int_equal(net.s.want, WANT_UP);
	assert_int_equal(net.s.starts, 1);
	/* what was not brought up is not brought down */
	assert_int_equal(depend_down(&net), RESULT_DONE);
	DOWN(&net);
	assert_int_equal(net.s.reason, REASON_NONE);
	event_none();
	SVCTL(1, "fail: down: net: #s, normally up, want up, failed, on exited 7\n", "-v", "up",
		"net");
}

static void death_by_signal_is_failure(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "kill -KILL $$");
	place_supervise(&net);
	UNTIL(&net, s->state == STATE_FAILED);
	reason_is(&net, "on was killed by signal 9");
	assert_int_equal(net.s.last_exit, SIGKILL);
}

static void what_cannot_be_executed_is_failure(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_write(&net, "on", "#!/nonexistent/interpreter\n");
	assert_int_equal(chmod(tree_name("services/net/on"), 0755), 0);
	place_supervise(&net);
	UNTIL(&net, s->state == STATE_FAILED);
	assert_int_equal(net.s.reason, REASON_EXEC);
	reason_is(&net, "unable to execute on: its interpreter /nonexistent/interpreter: No such "
			"file or directory");
	assert_non_null(strstr(tree_read("net.err"), "; not tried again\n"));
}

static void mended_and_asked_for_it_comes(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "[ -e \"$TREE/good\" ] || exit 3; say on");
	place_supervise(&net);
	UNTIL(&net, s->state == STATE_FAILED);
	tree_write("good", 0644, "");
	assert_int_equal(place_command(&net, 'u'), RESULT_DONE);
	event_is("on");
	UP(&net);
	assert_int_equal(net.s.reason, REASON_NONE);
}

/* What came of it once is nothing to the next time: its need restarts, and it comes back. */
static void after_a_failure_it_comes_back_with_its_need(void **state)
{
	struct place db = member_make("db", "fd=3"), net = place_make("net");
	(void)state;
	place_script(&net, "on", "[ -e \"$TREE/good\" ] || exit 3; say on");
	place_script(&net, "off", "say off");
	depend_on(&net, "needs", "db", NULL);
	depend_supervise(&db, &net, NULL);
	events("db start", "db ready");
	UNTIL(&net, s->state == STATE_FAILED);
	tree_write("good", 0644, "");
	place_command(&net, 'u');
	event_is("on");
	UP(&net);
	place_command(&db, 'r');
	events("off", "db stop", "db gone", "db start", "db ready", "on");
	UP(&net);
}

static void success_codes(void **state)
{
	struct place a = member_oneshot("a", "code=3"), b = member_oneshot("b", "code=4"),
		     c = member_oneshot("c", "");
	(void)state;
	place_write(&a, "success-codes", "0 3,200\n");
	place_write(&b, "success-codes", "3 5");
	place_write(&c, "success-codes", "3");
	depend_supervise(&a, &b, &c, NULL);
	UP(&a);
	assert_int_equal(a.s.last_exit, EXIT(3));
	UNTIL(&b, s->state == STATE_FAILED);
	UP(&c); /* 0 is one in any case */
	depend_down(&a);
	event_await("a gone");
	DOWN(&a);
}

static void success_codes_on_several_lines(void **state)
{
	struct place a = member_oneshot("a", "code=9");
	(void)state;
	place_write(&a, "success-codes", "3\n9\n");
	place_supervise(&a);
	UP(&a);
}

static void bad_success_codes(void **state)
{
	static char const *const bad[] = { "256", "-1", "3x", "3;4", "three" };
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char name[8];
		snprintf(name, sizeof name, "b%zu", i);
		struct place b = member_oneshot(name, "");
		place_write(&b, "success-codes", bad[i]);
		place_supervise(&b);
		UNTIL(&b, s->state == STATE_FAILED);
		assert_int_equal(b.s.reason, REASON_CONFIG);
		assert_non_null(strstr(b.s.reason_text, "success-codes"));
		assert_non_null(strstr(b.s.reason_text, bad[i]));
	}
	event_none();
}

/* ----------------------------------------------------------------------------- time limits */

static void timeout_up(void **state)
{
	struct place net = member_oneshot("net", "hold=never");
	(void)state;
	tree_hold("never");
	place_write(&net, "timeout-up", "1500ms");
	place_supervise(&net);
	events("net start", "net stop", "net gone");
	UNTIL(&net, s->state == STATE_FAILED);
	assert_int_equal(net.s.reason, REASON_TIMEOUT);
	reason_is(&net, "not ready within 1500 ms: waited for the end of on");
	assert_non_null(strstr(tree_read("net.err"), "net: not ready within 1500 ms"));
	assert_int_equal(net.s.starts, 1);
}

/* on is told to go, and after timeout-kill it is killed. */
static void timeout_up_of_a_deaf_one(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "listen on");
	place_write(&net, "timeout-up", "1s"); /* long enough for it to be listening */
	place_write(&net, "timeout-kill", "1s");
	place_supervise(&net);
	events("on", "TERM", "CONT");
	UNTIL(&net, s->state == STATE_FAILED);
	assert_int_equal(net.s.last_exit, SIGKILL);
}

static void timeout_down(void **state)
{
	struct place net = member_oneshot("net", "");
	(void)state;
	place_script(&net, "off", "listen off");
	place_write(&net, "timeout-down", "1500");
	place_supervise(&net);
	events("net start", "net ready");
	UP(&net);
	depend_down(&net);
	event_is("off");
	DOWN(&net);
	event_none(); /* off is not told to go first: it is what tells */
	assert_int_equal(net.s.reason, REASON_TIMEOUT);
	reason_is(&net, "off did not end within 1500 ms; killed");
	assert_non_null(strstr(tree_read("net.err"), "off did not"));
}

static void off_that_fails_is_said(void **state)
{
	struct place net = member_oneshot("net", "");
	(void)state;
	place_script(&net, "off", "exit 4");
	place_supervise(&net);
	UP(&net);
	depend_down(&net);
	DOWN(&net);
	assert_non_null(strstr(tree_read("net.err"), "off did not succeed"));
	assert_int_equal(net.s.want, WANT_DOWN);
}

/* ------------------------------------------------------------------------- commands meanwhile */

static void down_while_on_runs(void **state)
{
	struct place net = member_oneshot("net", "hold=never");
	(void)state;
	tree_hold("never");
	place_supervise(&net);
	event_is("net start");
	assert_int_equal(depend_down(&net), RESULT_DONE);
	events("net stop", "net gone");
	DOWN(&net);
	event_none();
	assert_int_equal(net.s.reason, REASON_NONE);
}

/* It was told too late. */
static void on_succeeds_all_the_same(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "listen on USR1=0");
	place_script(&net, "off", "say off");
	place_supervise(&net);
	event_is("on");
	UNTIL(&net, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	assert_int_equal(depend_down(&net), RESULT_DONE);
	events("TERM", "CONT");
	assert_int_equal(place_command(&net, '1'), RESULT_DONE);
	events("USR1", "off");
	DOWN(&net);
}

static void up_while_off_runs(void **state)
{
	struct place net = member_oneshot("net", "");
	int hold = tree_hold("off");
	(void)state;
	place_script(&net, "off", "say off; hold off");
	place_supervise(&net);
	events("net start", "net ready");
	UP(&net);
	depend_down(&net);
	event_is("off");
	assert_int_equal(place_command(&net, 'u'), RESULT_DONE);
	event_none();
	tree_pass(hold);
	events("net start", "net ready");
	UP(&net);
}

/* ----------------------------------------------------------------------------- restart policy */

static void with_a_restart_file_it_is_tried_again(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "say on; [ -e \"$TREE/good\" ]");
	place_write(&net, "restart", "on-failure");
	place_supervise(&net);
	for (int i = 0; i < 3; i++)
		event_is("on");
	UNTIL(&net, s->state == STATE_BACKOFF);
	assert_int_equal(net.s.last_exit, EXIT(1));
	tree_write("good", 0644, "");
	event_is("on");
	UP(&net);
	assert_true(net.s.deaths >= 3);
}

static void with_max_deaths_it_is_given_up(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "exit 5");
	place_write(&net, "restart", "always");
	place_write(&net, "max-deaths", "3/60");
	place_supervise(&net);
	UNTIL(&net, s->state == STATE_FAILED);
	assert_int_equal(net.s.starts, 3);
	assert_int_equal(net.s.reason, REASON_DEATHS);
}

/* `on` with respawn beside it is a run. */
static void respawn(void **state)
{
	struct place net = place_make("net");
	(void)state;
	place_script(&net, "on", "listen on USR1=0");
	place_write(&net, "respawn", "");
	place_supervise(&net);
	event_is("on");
	UP(&net);
	assert_true(net.s.child[ROLE_RUN].pid != 0);
	place_command(&net, '1');
	events("USR1", "on");
	UNTIL(&net, s->state == STATE_UP && s->starts == 2);
	depend_down(&net);
	events("TERM", "CONT");
}

static void run_and_on(void **state)
{
	struct place net = member_oneshot("net", "");
	(void)state;
	place_script(&net, "run", "say run");
	place_supervise(&net);
	UNTIL(&net, s->state == STATE_FAILED);
	assert_int_equal(net.s.reason, REASON_CONFIG);
	reason_is(&net, "run and on: a service is one or the other");
	event_none();
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(on_brings_up_and_off_down),
		TREE_TEST(without_off),
		TREE_TEST(binaries_with_arguments),
		TREE_TEST(failure_is_failed_with_its_code),
		TREE_TEST(death_by_signal_is_failure),
		TREE_TEST(what_cannot_be_executed_is_failure),
		TREE_TEST(mended_and_asked_for_it_comes),
		TREE_TEST(after_a_failure_it_comes_back_with_its_need),
		TREE_TEST(success_codes),
		TREE_TEST(success_codes_on_several_lines),
		TREE_TEST(bad_success_codes),
		TREE_TEST(timeout_up),
		TREE_TEST(timeout_up_of_a_deaf_one),
		TREE_TEST(timeout_down),
		TREE_TEST(off_that_fails_is_said),
		TREE_TEST(down_while_on_runs),
		TREE_TEST(on_succeeds_all_the_same),
		TREE_TEST(up_while_off_runs),
		TREE_TEST(with_a_restart_file_it_is_tried_again),
		TREE_TEST(with_max_deaths_it_is_given_up),
		TREE_TEST(respawn),
		TREE_TEST(run_and_on),
	};
	return cmocka_run_group_tests_name("oneshot", tests, 0, 0);
}
