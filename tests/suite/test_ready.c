/* Readiness by a descriptor and by check, health, and limits to all of it. */
#include "depend.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"

#define STARTS(p) UNTIL(p, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED)

/* -------------------------------------------------------------------------- the descriptor */

static void notification_fd(void **state)
{
	static char const *const numbers[] = { "3", "4", "5", "9", "10", "200", "1023" };
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		char name[8], words[40];
		snprintf(name, sizeof name, "w%s", numbers[i]);
		snprintf(words, sizeof words, "fd=%s hold=%s", numbers[i], name);
		struct place web = member_make(name, words);
		int hold = tree_hold(name);
		place_supervise(&web);
		event_next();
		STARTS(&web);
		assert_int_equal(web.s.flags & FLAG_READY, 0);
		assert_true(web.s.ready == 0);
		tree_pass(hold);
		event_next();
		UP(&web);
		assert_true(web.s.ready > web.s.started);
		assert_int_equal(web.s.starts, 1);
	}
}

/* It gets this descriptor and no other. */
static void no_other_descriptor(void **state)
{
	struct place web = place_with("web", "exec \"$CINIT_BUILD/test/helper/probe\"");
	char const *line;
	(void)state;
	for (int n = 3; n < 7; n++) {
		char number[12], want[32];
		snprintf(number, sizeof number, "%d", n);
		snprintf(want, sizeof want, "fds 0 1 2 %d", n);
		place_write(&web, "notification-fd", number);
		if (n == 3)
			place_supervise(&web);
		else
			place_command(&web, 'r');
		while (strcmp(line = event_next(), "end") != 0)
			if (!strncmp(line, "fds", 3))
				assert_string_equal(line, want);
		STARTS(&web);
	}
}

static void a_newline_is_what_counts(void **state)
{
	struct place web = place_with("web",
		"printf ready >&4; say wrote; hold go; printf 'and more\\nand more' >&4; say up\n"
		"printf '\\n\\n\\n' >&4; exec 4>&-; exec sleep 1000");
	int hold = tree_hold("go");
	(void)state;
	place_write(&web, "notification-fd", "4\n");
	place_supervise(&web);
	event_is("wrote");
	STARTS(&web);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(hold);
	event_is("up");
	UP(&web);
}

/* It will never be: nobody spins, nobody gives up, and a limit says what it waited for. */
static void closed_without_a_newline(void **state)
{
	struct place web = place_with("web", "exec 3>&-; say closed; exec sleep 1000");
	(void)state;
	place_write(&web, "notification-fd", "3");
	place_write(&web, "timeout-up", "1500");
	place_write(&web, "max-deaths", "1/60");
	place_supervise(&web);
	event_is("closed");
	STARTS(&web);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_non_null(strstr(tree_read("web.err"),
		"web: not ready within 1500 ms: waited for a newline on its notification-fd"));
	assert_true(web.s.died - web.s.started >= 1500 * CLOCK_MILLISEC);
}

/* A process of a former run still has the descriptor: what it says is not about this one. */
static void a_former_run_does_not_count(void **state)
{
	struct place web = place_with("web",
		"if [ -e \"$TREE/second\" ]; then say second; exec sleep 1000; fi\n"
		"echo >\"$TREE/second\"; setsid sh -c 'read x <\"$TREE/hold.old\"; echo >&3; "
		"echo old >>\"$EVENTS\"; read x <\"$TREE/hold.old\"' & say first; exec sleep 1000");
	int hold = tree_hold("old");
	(void)state;
	place_write(&web, "notification-fd", "3");
	place_write(&web, "kill-mode", "process");
	place_supervise(&web);
	event_is("first");
	STARTS(&web);
	place_command(&web, 'r');
	event_is("second");
	UNTIL(&web, s->starts == 2 && s->child[ROLE_RUN].phase == PHASE_STARTED);
	tree_pass(hold);
	event_is("old");
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
}

/* What it said and nobody read before it died is not about the next one. */
static void what_was_left_unread_does_not_count(void **state)
{
	struct place web = place_with("web",
		"if [ -e \"$TREE/second\" ]; then say second; exec sleep 1000; fi\n"
		"echo >\"$TREE/second\"; hold go; echo >&3; say first; kill -KILL $$");
	int hold = tree_hold("go");
	(void)state;
	place_write(&web, "notification-fd", "3");
	place_supervise(&web);
	STARTS(&web);
	kill(web.supervisor, SIGSTOP);
	tree_pass(hold);
	event_is("first");
	kill(web.supervisor, SIGCONT);
	event_is("second");
	UNTIL(&web, s->starts == 2 && s->child[ROLE_RUN].phase == PHASE_STARTED);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
}

static void a_death_before_readiness(void **state)
{
	struct place web = place_with("web", "exit 1"), shop = member_make("shop", "");
	(void)state;
	place_write(&web, "notification-fd", "3");
	place_write(&web, "max-deaths", "3/60");
	depend_on(&shop, "needs", "web", NULL);
	depend_supervise(&web, &shop, NULL);
	UNTIL(&web, s->state == STATE_FAILED);
	UNTIL(&shop, s->state == STATE_WAITING && strstr(s->reason_text, "failed"));
	event_none();
}

static void a_successor_listens(void **state)
{
	struct place web = member_make("web", "fd=3 hold=web");
	int hold = tree_hold("web");
	(void)state;
	place_supervise(&web);
	event_is("web start");
	STARTS(&web);
	depend_kill(&web);
	place_supervise(&web);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(hold);
	event_is("web ready");
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

/* The newline was written while nobody listened. */
static void a_successor_hears_what_was_said(void **state)
{
	struct place web = member_make("web", "fd=3 keep hold=web");
	int hold = tree_hold("web");
	(void)state;
	place_supervise(&web);
	event_is("web start");
	STARTS(&web);
	depend_kill(&web);
	tree_pass(hold);
	event_is("web ready");
	place_supervise(&web);
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

/* A predecessor had opened its gate and could not say so any more. The record is made to look so.
 */
static void a_child_at_its_gate_is_not_ready(void **state)
{
	unsigned char record[STATUS_SIZE];
	struct place web = member_make("web", "fd=3 hold=web");
	int hold = tree_hold("web");
	(void)state;
	place_supervise(&web);
	event_is("web start");
	STARTS(&web);
	depend_kill(&web);
	place_look(&web);
	web.s.child[ROLE_RUN].phase = PHASE_GATED;
	status_pack(record, &web.s, &web.r);
	int fd = open(tree_name("run/web/status"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, record, sizeof record), sizeof record);
	close(fd);
	place_supervise(&web);
	UNTIL(&web, s->child[ROLE_RUN].phase == PHASE_STARTED);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(hold);
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

static void timeout_up_is_not_spent_on_waiting(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"),
		     web = member_make("web", "fd=3 hold=web");
	int db_hold = tree_hold("db"), web_hold = tree_hold("web");
	(void)state;
	place_write(&web, "timeout-up", "60s");
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	WAITS(&web);
	assert_true(web.s.deadline[DEADLINE_START] == 0);
	tree_pass(db_hold);
	STARTS(&web);
	assert_true(web.s.deadline[DEADLINE_START] >= web.s.started + 59 * CLOCK_SECOND);
	tree_pass(web_hold);
	UP(&web);
	assert_true(web.s.deadline[DEADLINE_START] == 0);
}

/* -------------------------------------------------------------------------- contradictions */

static void contradictions(void **state)
{
	static struct {
		char const *file, *value, *reason;
	} const row[] = {
		{ "notification-fd", "2", "notification-fd: must be from 3 to 1023" },
		{ "notification-fd", "1024", "notification-fd: must be from 3 to 1023" },
		{ "notification-fd", "-1", "notification-fd: `-1' is not" },
		{ "notification-fd", "", "notification-fd" },
		{ "notification-fd", "three", "notification-fd: `three' is not" },
		{ "timeout-up", "-1", "timeout-up: `-1' is not a duration" },
		{ "timeout-up", "1e9", "timeout-up: `1e9' is not a duration" },
		{ "timeout-up", "5d", "timeout-up: `5d' is not a duration" },
		{ "timeout-watchdog", "5 m", "timeout-watchdog: `5 m' is not a duration" },
		{ "timeout-up", "5m ", "timeout-up: `5m ' is not a duration" },
		{ "timeout-kill", "5m \n", "timeout-kill: `5m ' is not a duration" },
		{ "check-interval", "soon", "check-interval: `soon' is not a duration" },
		{ "health-interval", "1.5s", "health-interval: `1.5s' is not a duration" },
		{ "health-failures", "few", "health-failures: `few' is not" },
		{ "ready-line", " \n\n",
			"ready-line: an empty file is no text to look for in a line" },
		{ "timeout-down", "0x10", "timeout-down: `0x10' is not a duration" },
		{ "timeout-check", "99999999999", "timeout-check: `99999999999' is too long" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		char name[8];
		snprintf(name, sizeof name, "c%zu", i);
		struct place web = member_make(name, "");
		place_write(&web, row[i].file, row[i].value);
		place_supervise(&web);
		UNTIL(&web, s->state == STATE_FAILED);
		assert_int_equal(web.s.reason, REASON_CONFIG);
		if (strncmp(web.s.reason_text, row[i].reason, strlen(row[i].reason)) != 0)
			fail_msg("%s: %s: %s", row[i].file, row[i].value, web.s.reason_text);
	}
	struct place both = member_make("both", "fd=3"), line = member_make("line", "fd=3"),
		     third = member_make("third", "notify");
	place_write(&both, "notify", "");
	place_write(&line, "ready-line", "ready");
	place_write(&third, "ready-line", "ready");
	depend_supervise(&both, &line, &third, NULL);
	UNTIL(&both, s->state == STATE_FAILED);
	reason_is(&both, "notification-fd and notify: readiness is told one way");
	UNTIL(&line, s->state == STATE_FAILED);
	reason_is(&line, "notification-fd and ready-line: readiness is told one way");
	UNTIL(&third, s->state == STATE_FAILED);
	reason_is(&third, "notify and ready-line: readiness is told one way");
	event_none();
}

/* Each unit has its meaning, and newlines behind it do no harm. */
static void durations(void **state)
{
	static struct {
		char const *value;
		uint64_t ms;
	} const row[] = { { "5m", 300000 }, { "90s\n", 90000 }, { "70000", 70000 },
		{ "61000ms", 61000 }, { "1h\n\n", 3600000 } };
	(void)state;
	tree_hold("never");
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		char name[8];
		snprintf(name, sizeof name, "d%zu", i);
		struct place web = member_make(name, "fd=3 hold=never");
		place_write(&web, "timeout-up", row[i].value);
		place_supervise(&web);
		STARTS(&web);
		uint64_t ms = (web.s.deadline[DEADLINE_START] - web.s.started) / CLOCK_MILLISEC;
		assert_in_range(ms, row[i].ms - 5000, row[i].ms + 5000);
	}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(notification_fd),
		TREE_TEST(no_other_descriptor),
		TREE_TEST(a_newline_is_what_counts),
		TREE_TEST(closed_without_a_newline),
		TREE_TEST(a_former_run_does_not_count),
		TREE_TEST(what_was_left_unread_does_not_count),
		TREE_TEST(a_death_before_readiness),
		TREE_TEST(a_successor_listens),
		TREE_TEST(a_successor_hears_what_was_said),
		TREE_TEST(a_child_at_its_gate_is_not_ready),
		TREE_TEST(timeout_up_is_not_spent_on_waiting),
		TREE_TEST(contradictions),
		TREE_TEST(durations),
	};
	return cmocka_run_group_tests_name("ready", tests, 0, 0);
}
