/* Stopping: the signals, their time limits, and the sweep of what a service left behind. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define DEAF "listen up"

static void down_signal(void **state)
{
	struct place web = place_with("web", "listen up INT=0");
	(void)state;
	place_write(&web, "down-signal", "SIGINT\n");
	place_up(&web);
	place_command(&web, 'd');
	if (web.s.state == STATE_STOPPING) /* it may be over */
		assert_int_equal(web.s.flags & FLAG_GOT_TERM, FLAG_GOT_TERM);
	event_is("INT");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, 0);
	event_none();
}

static void kill_as_down_signal(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "down-signal", "KILL");
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGKILL);
	event_none();
}

static void cont_follows_the_down_signal(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_up(&web);
	place_command(&web, 'd');
	event_is("TERM");
	event_is("CONT");
	assert_int_equal(web.s.state, STATE_STOPPING);
	assert_true(!web.s.child[ROLE_RUN].pid || (web.s.flags & FLAG_GOT_TERM));
	place_command(&web, 'k');
	UNTIL(&web, s->state == STATE_DOWN);
}

static void what_is_deaf_to_term_is_killed(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "timeout-kill", "600");
	place_up(&web);
	uint64_t before = clock_boottime();
	place_command(&web, 'd');
	assert_true(web.s.deadline[DEADLINE_KILL] >= before + 600 * CLOCK_MILLISEC);
	event_is("TERM");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(clock_boottime() >= before + 600 * CLOCK_MILLISEC);
	assert_int_equal(web.s.last_exit, SIGKILL);
	assert_int_equal(web.s.reason, REASON_TIMEOUT);
	assert_non_null(strstr(web.s.reason_text, "600 ms"));
	assert_non_null(strstr(tree_read("web.err"), "web: run did not end within 600 ms"));
	assert_int_equal(web.s.deaths, 0);
}

static void without_a_limit_nothing_is_killed(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	place_command(&web, 'd');
	event_is("TERM");
	event_is("CONT");
	assert_true(web.s.deadline[DEADLINE_KILL] == 0);
	assert_int_equal(place_command(&web, 't'), RESULT_DONE);
	event_is("TERM");
	assert_int_equal(web.s.state, STATE_STOPPING);
	place_command(&web, 'k');
	UNTIL(&web, s->state == STATE_DOWN);
}

/* A new limit counts for the next stop, whatever was read before the start. */
static void a_limit_is_read_at_the_stop(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	place_write(&web, "timeout-kill", "10");
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGKILL);
}

static void a_bad_limit_leaves_the_former(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "timeout-kill", "10");
	place_up(&web);
	place_write(&web, "timeout-kill", "soon");
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGKILL);
	assert_non_null(strstr(tree_read("web.err"), "timeout-kill: `soon'"));
}

/* ---------------------------------------------------------------------- what is left behind */

/* Workers: a child of run, one in a session of its own, one whose parent is gone, and one that is
 * both; `9` holds them all to the lock that the next instance wants. */
#define STRAYS                                                                                     \
	"alone; echo $$ >>\"$TREE/pids\"\n"                                                        \
	"keep() { sh -c 'echo $$ >>\"$TREE/pids\"; echo stray >>\"$EVENTS\"; exec sleep 1000'; "   \
	"}\n"                                                                                      \
	"keep &\n"                                                                                 \
	"( keep & )\n"                                                                             \
	"setsid sh -c 'echo $$ >>\"$TREE/pids\"; echo stray >>\"$EVENTS\"; exec sleep 1000' &\n"   \
	"( setsid sh -c 'setsid sleep 1000 & echo $! >>\"$TREE/pids\"; echo $$ >>\"$TREE/pids\"\n" \
	"echo stray >>\"$EVENTS\"; exec sleep 1000' & )\n"

/* How many of the pids in the file are there? */
static unsigned int living(unsigned int want)
{
	unsigned int n = 0, all = 0;
	char text[4096];
	snprintf(text, sizeof text, "%s", tree_read("pids"));
	for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
		all++;
		n += !tree_gone(atoi(line));
	}
	assert_int_equal(all, want);
	return n;
}

static void strays_start(struct place *web)
{
	place_supervise(web);
	for (int i = 0; i < 4; i++)
		event_is("stray");
	UNTIL(web, s->state == STATE_UP);
	assert_int_equal(living(6), 6);
}

static void nothing_is_left_after_a_stop(void **state)
{
	struct place web = place_with("web", STRAYS "exec sleep 1000");
	(void)state;
	strays_start(&web);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(living(6), 0);
	assert_int_equal(web.s.strays, 0);
	assert_int_equal(web.s.reason, REASON_NONE);
}

/* Nobody told it to go; its workers go before the next one comes. */
static void nothing_is_left_beside_the_next_one(void **state)
{
	struct place web = place_with("web", STRAYS "hold crash; kill -KILL $$");
	int crash = tree_hold("crash");
	(void)state;
	place_write(&web, "backoff-max", "0");
	place_supervise(&web);
	for (unsigned int n = 1; n <= 5; n++) {
		for (int i = 0; i < 4; i++)
			event_is("stray"); /* and never: two at once */
		UNTIL(&web, s->state == STATE_UP && s->starts == n);
		tree_pass(crash);
	}
	UNTIL(&web, s->starts == 6);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
}

/* finish comes when they are gone, and they have the time of timeout-kill. */
static void deaf_strays_are_killed(void **state)
{
	struct place web =
		place_with("web", "alone; setsid \"$CINIT_BUILD/test/helper/listener\" stray &\n"
				  "hold said; say up; exec sleep 1000");
	int said = tree_hold("said");
	(void)state;
	place_script(&web, "finish", "alone; say finish");
	place_write(&web, "timeout-kill", "600");
	place_supervise(&web);
	event_is("stray");
	tree_pass(said);
	event_is("up");
	uint64_t before = clock_boottime();
	place_command(&web, 'd');
	event_is("TERM");
	event_is("CONT");
	event_is("finish");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(clock_boottime() >= before + 600 * CLOCK_MILLISEC);
	assert_int_equal(web.s.last_exit, SIGTERM);
}

static void strays_are_counted_while_they_go(void **state)
{
	struct place web = place_with("web",
		"say up; setsid sh -c 'trap \"\" TERM; echo ready >>$EVENTS; sleep 1000; "
		":' & exec sleep 1000");
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_supervise(&web);
	event_await("ready");
	place_command(&web, 'd');
	/* the shell is deaf; whether its sleep is depends on which of them is seen first */
	UNTIL(&web, s->state == STATE_STOPPING && s->child[ROLE_RUN].pid == 0 && s->strays >= 1);
	assert_int_equal(web.s.last_exit, SIGTERM);
}

/* Each child forks the next one and ends: no pass over the children sees the same one twice. */
static void what_forks_in_a_loop_is_caught(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_script(&web, "chain", "trap '' TERM; setsid ./chain & exit");
	place_script(&web, "run", "./chain; say up; exec sleep 1000");
	place_write(&web, "timeout-kill", "50");
	place_up(&web);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(place_command(&web, 'x'), RESULT_DONE);
	assert_int_equal(tree_end(web.supervisor), 0);
}

static void kill_mode_group(void **state)
{
	struct place web = place_with("web",
		"( sleep 1000 & say $! ); setsid sh -c 'echo $$ >>$EVENTS; exec sleep 1000' &\n"
		"hold said; say up; exec sleep 1000");
	int said = tree_hold("said");
	(void)state;
	place_write(&web, "kill-mode", "group");
	place_supervise(&web);
	pid_t one = event_pid(), two = event_pid();
	pid_t member = getpgid(one) == one ? two : one, stranger = member == one ? two : one;
	assert_int_equal(getsid(stranger), stranger);
	tree_pass(said);
	event_is("up");
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(tree_gone(member));
	assert_false(tree_gone(stranger));
}

static void kill_mode_process(void **state)
{
	struct place web = place_with("web", "( sleep 1000 & say $! ); say up; exec sleep 1000");
	(void)state;
	place_write(&web, "kill-mode", "process");
	place_supervise(&web);
	pid_t child = event_pid();
	event_is("up");
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_false(tree_gone(child));
	/* a later start with another mode ends it */
	place_write(&web, "kill-mode", "all");
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_UP);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(tree_gone(child));
}

/* In the group, but the child of somebody outside of it who does not care to reap it. */
static void a_member_of_the_group_that_is_no_child_of_ours(void **state)
{
	struct place web =
		place_with("web", "sh -c 'trap \"\" TERM; sleep 1000 & echo $! >>$EVENTS; exec "
				  "setsid -w sleep 1000' &\n"
				  "hold said; say up; exec sleep 1000");
	int said = tree_hold("said");
	(void)state;
	place_write(&web, "kill-mode", "group");
	place_write(&web, "timeout-kill", "100");
	place_supervise(&web);
	pid_t member = event_pid();
	(void)member;
	tree_pass(said);
	event_is("up");
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(down_signal),
		TREE_TEST(kill_as_down_signal),
		TREE_TEST(cont_follows_the_down_signal),
		TREE_TEST(what_is_deaf_to_term_is_killed),
		TREE_TEST(without_a_limit_nothing_is_killed),
		TREE_TEST(a_limit_is_read_at_the_stop),
		TREE_TEST(a_bad_limit_leaves_the_former),
		TREE_TEST(nothing_is_left_after_a_stop),
		TREE_TEST(nothing_is_left_beside_the_next_one),
		TREE_TEST(deaf_strays_are_killed),
		TREE_TEST(strays_are_counted_while_they_go),
		TREE_TEST(what_forks_in_a_loop_is_caught),
		TREE_TEST(kill_mode_group),
		TREE_TEST(kill_mode_process),
		TREE_TEST(a_member_of_the_group_that_is_no_child_of_ours),
	};
	return cmocka_run_group_tests_name("supervise_stop", tests, 0, 0);
}
