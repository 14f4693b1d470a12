/* sd_notify(3): what is believed, of whom, and what is not. */
#include "depend.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

static int orders;

static void order(char const *line)
{
	size_t len = strlen(line);
	assert_int_equal(write(orders, line, len), len);
	assert_int_equal(write(orders, "\n", 1), 1);
}

/* Sent, and read: what a supervisor answers later it has read later. */
static void tell(struct place *p, char const *line)
{
	order(line);
	event_is("sent");
	assert_int_equal(place_command(p, 'y'), RESULT_DONE);
}

static struct place make(void)
{
	struct place web = place_with("web", "exec \"$CINIT_BUILD/test/helper/notifier\"");
	orders = tree_hold("orders");
	place_write(&web, "notify", "");
	return web;
}

static struct place begin(void)
{
	struct place web = make();
	place_supervise(&web);
	event_is("up");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	return web;
}

static void ready(void **state)
{
	struct place web = begin();
	(void)state;
	tell(&web, "send READY=1");
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.flags & FLAG_READY, FLAG_READY);
	assert_true(web.s.ready >= web.s.started);
	tell(&web, "send READY=1"); /* more often: no matter */
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.noise, 0);
}

static void not_quite_ready(void **state)
{
	static char const *const words[] = { "send READY=0", "send READY=", "send READY=11",
		"send ready=1", "send XREADY=1", "send READY=1 ", "send  READY=1", "send X=READY=1",
		"empty", "send MAINPID=1", "send RELOADING=1", "send WATCHDOG=1",
		"send STATUS=READY=1", "send FDSTORE=1\\nBARRIER=1" };
	struct place web = begin();
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		tell(&web, words[i]);
		if (web.s.state != STATE_STARTING)
			fail_msg("`%s' made it ready", words[i]);
	}
	tell(&web, "send READY=1");
	assert_int_equal(web.s.state, STATE_UP);
}

static void among_other_lines(void **state)
{
	struct place web = begin();
	(void)state;
	tell(&web, "send \\n\\nX_OF=MINE\\nSTATUS=serving 3 of 4\\nREADY=1\\nMAINPID=1\\n");
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.reason, REASON_STATUS);
	reason_is(&web, "serving 3 of 4");
	assert_true(web.s.child[ROLE_RUN].pid != 1);
}

static void a_logger_has_a_socket_of_its_own(void **state)
{
	struct place web = member_make("web", "notify"), log = place_make("web/log");

	(void)state;
	place_script(&web, "log/run", "exec \"$CINIT_BUILD/test/helper/member\" log notify");
	place_write(&web, "log/notify", "");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
}

static void status(void **state)
{
	struct place web = begin();
	char line[400] = "send STATUS=", long_text[300];
	(void)state;
	tell(&web, "send STATUS=loading");
	assert_int_equal(web.s.state, STATE_STARTING);
	reason_is(&web, "loading");
	tell(&web, "send READY=1\\nSTATUS=");
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.reason, REASON_NONE);
	reason_is(&web, "");
	tell(&web, "send STATUS=a\tb\033[31mc\177");
	reason_is(&web, "a b [31mc ");
	tell(&web, "send STATUS=gr\303\274n");
	reason_is(&web, "gr\303\274n");
	memset(long_text, 'x', 299);
	long_text[299] = 0;
	strcat(line, long_text);
	tell(&web, line);
	assert_int_equal(strlen(web.s.reason_text), STATUS_TEXT - 1);
	tell(&web, "send RELOADING=1");
	reason_is(&web, "reloading");
	tell(&web, "send STOPPING=1");
	reason_is(&web, "stopping");
	/* what it said of itself is over with it */
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("up");
	UNTIL(&web, s->state == STATE_STARTING && s->starts == 2);
	assert_int_equal(web.s.reason, REASON_NONE);
	reason_is(&web, "");
}

static void a_child_speaks_for_it(void **state)
{
	struct place web = begin();
	(void)state;
	tell(&web, "child READY=1");
	assert_int_equal(web.s.state, STATE_UP);
}

static int to_web(char const *text, size_t len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", tree_name("run/web/notify"));
	ssize_t n = sendto(fd, text, len, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof a);
	close(fd);
	return n == (ssize_t)len;
}

static void strangers_are_not_believed(void **state)
{
	struct place web = begin();
	(void)state;
	tell(&web, "away READY=1");
	assert_int_equal(web.s.state, STATE_STARTING);
	assert_int_equal(web.s.noise, 1);
	assert_true(to_web("READY=1", 7));
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	assert_int_equal(web.s.noise, 2);
	assert_true(to_web("STATUS=mine", 11));
	depend_look(&web);
	reason_is(&web, "");
	tell(&web, "send READY=1");
	assert_int_equal(web.s.state, STATE_UP);
}

/* Nor do they keep it from being heard. */
static void many_strangers(void **state)
{
	struct place web = begin();
	(void)state;
	kill(web.supervisor, SIGSTOP);
	while (to_web("READY=1", 7))
		;
	kill(web.supervisor, SIGCONT);
	depend_look(&web);
	tell(&web, "send READY=1");
	UP(&web);
	assert_true(web.s.noise > 0);
}

static void what_is_too_long_is_passed_over(void **state)
{
	struct place web = begin();
	(void)state;
	tell(&web, "big 5000");
	assert_int_equal(web.s.state, STATE_STARTING);
	assert_int_equal(web.s.noise, 1);
	tell(&web, "big 100000");
	assert_int_equal(web.s.state, STATE_STARTING);
	tell(&web, "big 4000");
	assert_int_equal(web.s.state, STATE_UP);
}

static void what_holds_a_nul_is_passed_over(void **state)
{
	struct place web = begin();
	(void)state;
	tell(&web, "send READY=1\\0");
	tell(&web, "send \\0READY=1");
	tell(&web, "send READY=1\\nSTATUS=a\\0b");
	assert_int_equal(web.s.state, STATE_STARTING);
	assert_int_equal(web.s.noise, 3);
	reason_is(&web, "");
}

static unsigned int open_fds(pid_t pid)
{
	char path[64];
	unsigned int n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void passed_descriptors_are_closed(void **state)
{
	struct place web = begin();
	(void)state;
	unsigned int before = open_fds(web.supervisor);
	tell(&web, "fds 3");
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(open_fds(web.supervisor), before);
	tell(&web, "fds 253"); /* more than there is room for */
	assert_int_equal(open_fds(web.supervisor), before);
}

/* What a former run sent and nobody read does not speak for the next one. */
static void a_former_run_does_not_count(void **state)
{
	struct place web = begin();
	(void)state;
	kill(web.supervisor, SIGSTOP);
	order("send READY=1");
	event_is("sent");
	kill((pid_t)web.s.child[ROLE_RUN].pid, SIGKILL);
	kill(web.supervisor, SIGCONT);
	event_is("up");
	UNTIL(&web, s->starts == 2 && s->child[ROLE_RUN].phase == PHASE_STARTED);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tell(&web, "send READY=1");
	assert_int_equal(web.s.state, STATE_UP);
}

static void a_successor_listens(void **state)
{
	struct place web = begin();
	(void)state;
	depend_kill(&web);
	place_supervise(&web);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tell(&web, "send READY=1");
	assert_int_equal(web.s.state, STATE_UP);
	depend_kill(&web);
	place_supervise(&web);
	depend_look(&web);
	tell(&web, "send STATUS=again");
	reason_is(&web, "again");
}

static void timeout_up(void **state)
{
	struct place web = make();
	(void)state;
	place_write(&web, "timeout-up", "300");
	place_write(&web, "restart", "never");
	place_supervise(&web);
	DOWN(&web);
	assert_non_null(strstr(
		tree_read("web.err"), "web: not ready within 300 ms: waited for READY=1 from it"));
	assert_int_equal(web.s.deaths, 1);
}

/* -------------------------------------------------------------------------------- watchdog */

static void watchdog(void **state)
{
	struct place web = make();
	(void)state;
	place_write(&web, "timeout-watchdog", "2s");
	place_supervise(&web);
	event_is("up 2000000");
	tell(&web, "send READY=1");
	assert_int_equal(web.s.state, STATE_UP);
	uint64_t due = web.s.watchdog;
	assert_true(due > clock_boottime());
	tell(&web, "send WATCHDOG=1");
	assert_true(web.s.watchdog > due);
	due = web.s.watchdog;
	pid_t run = (pid_t)web.s.child[ROLE_RUN].pid;
	event_is("up 2000000");
	assert_true(clock_boottime() >= due);
	UNTIL(&web, s->starts == 2 && s->child[ROLE_RUN].phase == PHASE_STARTED);
	assert_true(tree_gone(run));
	assert_int_equal(web.s.last_exit & 0x7f, SIGABRT);
	assert_int_equal(web.s.deaths, 1);
	assert_non_null(strstr(tree_read("web.err"), "did not say WATCHDOG=1 within 2000 ms"));
}

/* Those that need it are left alone, and it comes back once. */
static void watchdog_with_dependents(void **state)
{
	struct place web = make(), shop = member_make("shop", "fd=3");
	(void)state;
	place_write(&web, "timeout-watchdog", "3s");
	depend_on(&shop, "needs", "web", NULL);
	depend_supervise(&web, &shop, NULL);
	event_is("up 3000000");
	tell(&web, "send READY=1");
	events("shop start", "shop ready");
	UP(&shop);
	event_is("up 3000000");
	tell(&web, "send READY=1");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	depend_look(&shop);
	assert_int_equal(shop.s.state, STATE_UP);
	assert_int_equal(shop.s.starts, 1);
	event_none();
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(ready),
		TREE_TEST(not_quite_ready),
		TREE_TEST(among_other_lines),
		TREE_TEST(a_logger_has_a_socket_of_its_own),
		TREE_TEST(status),
		TREE_TEST(a_child_speaks_for_it),
		TREE_TEST(strangers_are_not_believed),
		TREE_TEST(many_strangers),
		TREE_TEST(what_is_too_long_is_passed_over),
		TREE_TEST(what_holds_a_nul_is_passed_over),
		TREE_TEST(passed_descriptors_are_closed),
		TREE_TEST(a_former_run_does_not_count),
		TREE_TEST(a_successor_listens),
		TREE_TEST(timeout_up),
		TREE_TEST(watchdog),
		TREE_TEST(watchdog_with_dependents),
	};
	return cmocka_run_group_tests_name("notify", tests, 0, 0);
}
