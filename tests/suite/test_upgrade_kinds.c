/* svctl upgrade with services whose supervisors hold more than most: a control group, a log that is
 * looked through for the line that says ready. */
#include "group.h"
#include "init.h"
#include "lined.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ----------------------------------------------------------------------------- control groups */

/* In the group before, in it after; and what leaves the session is still found by it. */
static void a_group_is_kept(void **state)
{
	struct place web = place_with("web",
		"trap 'exit 7' USR1; ( trap '' TERM; setsid sleep 1000 & say $! ); "
		"say up; while :; do sleep 0.02; done");

	(void)state;
	group_needed();
	pid_t pid = init_start_copy(0, NULL);
	pid_t stray = event_pid();
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	struct status before = web.s;
	for (int n = 0; n < 3; n++) {
		init_install();
		init_upgrade();
	}
	UNTIL(&web, s->executed > before.executed);
	assert_int_equal(web.s.pid, before.pid);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.cgroup, before.cgroup);
	assert_true(group_members("web", stray) >= 2);
	/* it dies: who is left in the group goes before the next one comes, into the group again */
	kill((pid_t)web.s.pid, SIGUSR1);
	pid_t next = event_pid();
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2 && s->last_exit == EXIT(7));
	assert_true(tree_over(stray));
	assert_true(group_members("web", next) >= 2);
	/* and a stop leaves nobody, and no group */
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(tree_over(next));
	assert_false(group_there("web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_false(group_there(""));
}

/* The stop waits for the group to become empty: by an event that the next program hears, too. */
static void a_stop_that_waits_for_the_group(void **state)
{
	struct place web =
		place_with("web", "( trap '' TERM; say here; hold stray ) & say up; " SLEEPS);
	int hold = tree_hold("stray");

	(void)state;
	group_needed();
	place_write(&web, "timeout-kill", "1h\n");
	pid_t pid = init_start_copy(0, NULL);
	event_next();
	event_next();
	UNTIL(&web, s->state == STATE_UP);
	uint64_t executed = web.s.executed;
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_STOPPING && !s->pid);
	init_install();
	init_upgrade();
	UNTIL(&web, s->executed > executed && s->state == STATE_STOPPING);
	assert_true(group_members("web", 0) >= 1);
	tree_pass(hold);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_false(group_there("web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* ------------------------------------------------------------------------------- a line of the log
 */

/* How many lines `kept` holds, which are 1, 2, 3 and so on, and `is ready` between two of them. */
static unsigned int kept(unsigned int *ready_after)
{
	unsigned int n = 0, readies = 0;
	char line[64];
	FILE *f = fopen(tree_name("kept"), "re");

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		if (!strcmp(line, "is ready\n")) {
			readies++;
			*ready_after = n;
		} else if (strcmp(line, "end\n")) {
			assert_int_equal(strtoul(line, NULL, 10), ++n);
		}
	}
	fclose(f);
	assert_int_equal(readies, 1);
	return n;
}

/* Upgrades before the line, while lines flow, in the middle of the very line, and after it. */
static void lines_are_looked_through_by_the_next_program(void **state)
{
	struct place web =
		lined("i=0; line() { i=$((i + 1)); echo $i; }; "
		      "go() { say \"$1\"; while ! [ -e $TREE/$1 ]; do line; sleep 0.005; "
		      "done; }; "
		      "go first; printf 'is re'; say half; hold half; echo ady; go second; "
		      "echo end; exec sleep 1000",
			KEEPS);
	int half = tree_hold("half");
	unsigned int ready_after = 0;

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	event_is("first");
	STARTS(&web);
	uint32_t run = web.s.pid;
	for (int n = 0; n < 5; n++) {
		init_install();
		init_upgrade();
	}
	place_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_write("first", 0644, "");
	event_is("half");
	init_install();
	init_upgrade();
	place_look(&web);
	assert_int_equal(web.s.state, STATE_STARTING);
	tree_pass(half);
	event_is("second");
	UNTIL(&web, s->state == STATE_UP);
	for (int n = 0; n < 5; n++) {
		init_install();
		init_upgrade();
	}
	tree_write("second", 0644, "");
	event_is("kept");
	UNTIL(&web, s->state == STATE_UP && s->starts == 1 && s->pid == run);
	unsigned int lines = kept(&ready_after);
	assert_true(ready_after > 0 && ready_after < lines);
	print_message("11 upgrades: %u lines, ready after %u\n", lines, ready_after);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_string_equal(tree_read("cinit.err"), "");
}

/* A word said while the supervisor stood still, and then was another program. */
static void a_line_that_waits_is_seen(void **state)
{
	struct place web =
		lined("say begun; hold go; echo is ready; say said; exec sleep 1000", LOGS);
	int go = tree_hold("go");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	event_is("begun");
	STARTS(&web);
	uint64_t executed = web.s.executed;
	kill((pid_t)web.s.supervisor, SIGSTOP);
	tree_pass(go);
	event_is("said");
	kill((pid_t)web.s.supervisor, SIGUSR1);
	kill((pid_t)web.s.supervisor, SIGCONT);
	UNTIL(&web, s->executed > executed && s->state == STATE_UP && s->starts == 1);
	event_is("log: is ready");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Both at once, and with them as many times as it takes to meet each state. */
static void both(void **state)
{
	struct place web = lined("i=0; while [ $((i += 1)) -le 300 ]; do echo $i; "
				 "[ $i != 150 ] || echo is ready; sleep 0.003; done; echo end; "
				 "exec sleep 1000",
		KEEPS);
	unsigned int ready_after = 0, upgrades = 0;

	(void)state;
	group_needed();
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&web, s->supervisor && s->state != STATE_DOWN);
	char const *said;
	while (!(said = event_poll())) {
		init_upgrade();
		upgrades++;
	}
	assert_string_equal(said, "kept");
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	assert_int_equal(group_members("web", (pid_t)web.s.pid), 1);
	assert_int_equal(kept(&ready_after), 300);
	assert_int_equal(ready_after, 150);
	print_message("%u upgrades\n", upgrades);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_false(group_there(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(a_group_is_kept),
		GROUP_TEST(a_stop_that_waits_for_the_group),
		TREE_TEST(lines_are_looked_through_by_the_next_program),
		TREE_TEST(a_line_that_waits_is_seen),
		GROUP_TEST(both),
	};
	return cmocka_run_group_tests_name("upgrade_kinds", tests, NULL, NULL);
}
