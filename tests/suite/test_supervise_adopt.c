/* A supervisor is killed, and another one takes its place: in every state, with everything kept. */
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"

#define SLEEPS "alone; say up; exec sleep 1000"

/* As place_kill_supervisor, and until the new one has published. */
static void succeed(struct place *p)
{
	uint32_t incarnation = p->s.incarnation;
	place_kill_supervisor(p);
	UNTIL(p, s->supervisor == (uint32_t)p_->supervisor);
	assert_int_equal(p->s.incarnation, incarnation + 1);
}

static void up(void **state)
{
	struct place web = place_running("web", SLEEPS);
	(void)state;
	struct status before = web.s;
	place_keep_exits(&web, 1);
	for (int i = 0; i < 3; i++) {
		succeed(&web);
		assert_int_equal(web.s.state, STATE_UP);
		assert_int_equal(web.s.pid, before.pid);
		assert_int_equal(web.s.starts, 1);
		assert_true(web.s.started == before.started);
		assert_true(web.s.since == before.since);
		assert_true(web.s.label_sec == before.label_sec);
		assert_int_equal(web.s.flags & FLAG_ADOPTED, FLAG_ADOPTED);
	}
	/* it is told, stopped, and its code is known */
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGTERM);
	assert_int_equal(web.s.flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN), FLAG_EXIT_VALID);
	assert_int_equal(web.s.deaths, 0);
	assert_int_equal(access(tree_name("run/web/exited"), F_OK), -1);
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_equal(web.s.flags & FLAG_ADOPTED, 0);
}

static void signals_reach_what_was_adopted(void **state)
{
	struct place web = place_running("web", "listen up TERM=6");
	(void)state;
	place_keep_exits(&web, 1);
	succeed(&web);
	place_command(&web, 'h');
	event_is("HUP");
	place_command(&web, '1');
	event_is("USR1");
	place_command(&web, 'r');
	event_is("TERM");
	event_await("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(web.s.last_exit, 6 << 8);
	assert_int_equal(web.s.deaths, 0);
}

static void its_death_is_answered(void **state)
{
	int crash = tree_hold("crash");
	struct place web = place_running("web", "alone; say up; hold crash; exit 8");
	(void)state;
	place_keep_exits(&web, 1);
	succeed(&web);
	tree_pass(crash);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_equal(web.s.last_exit, 8 << 8);
	assert_int_equal(web.s.deaths, 1);
	assert_int_equal(web.s.restarts, 1);
	event_none();
}

static void its_death_while_nobody_looked(void **state)
{
	int crash = tree_hold("crash");
	struct place web = place_running("web", "alone; say up; hold crash; exit 8");
	(void)state;
	place_keep_exits(&web, 1);
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	tree_pass(crash);
	pid_t run = (pid_t)web.s.pid;
	AWAIT(tree_gone(run));
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_equal(web.s.last_exit, 8 << 8);
	assert_int_equal(web.s.deaths, 1);
}

/* Without a cinit its code is lost, and that is said. */
static void its_code_is_unknown(void **state)
{
	int crash = tree_hold("crash");
	struct place web = place_running("web", "alone; say up; hold crash; exit 8");
	(void)state;
	place_write(&web, "restart", "on-failure");
	place_script(&web, "finish", "alone; say \"finish $1 $2 $CINIT_EXIT_CODE\"");
	succeed(&web);
	tree_pass(crash);
	event_is("finish -1 0 ");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(web.s.flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN), FLAG_EXIT_UNKNOWN);
	assert_int_equal(web.s.deaths, 1);
}

static void down(void **state)
{
	struct place web = place_running("web", SLEEPS);
	(void)state;
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	succeed(&web);
	assert_int_equal(web.s.state, STATE_DOWN);
	assert_int_equal(web.s.want, WANT_DOWN);
	assert_int_equal(web.s.last_exit, SIGTERM);
	place_command(&web, 'y');
	event_none();
}

/* The time limit of the stop goes on. */
static void stopping(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_keep_exits(&web, 1);
	place_write(&web, "timeout-kill", "3s");
	place_script(&web, "finish", "alone; say finish");
	place_up(&web);
	place_command(&web, 'd');
	event_is("TERM");
	event_is("CONT");
	uint64_t deadline = web.s.deadline[DEADLINE_KILL];
	uint32_t run = web.s.pid;
	succeed(&web);
	assert_int_equal(web.s.state, STATE_STOPPING);
	assert_int_equal(web.s.pid, run);
	assert_true(web.s.deadline[DEADLINE_KILL] == deadline);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(clock_boottime() >= deadline);
	assert_int_equal(web.s.last_exit, SIGKILL);
	assert_int_equal(web.s.deaths, 0);
	event_is("finish");
	event_none();
}

static void stopping_for_a_restart(void **state)
{
	struct place web = place_with("web", "listen up USR1=0");
	(void)state;
	place_keep_exits(&web, 1);
	place_up(&web);
	place_command(&web, 'r');
	event_is("TERM");
	event_is("CONT");
	succeed(&web);
	assert_int_equal(web.s.state, STATE_STOPPING);
	place_command(&web, '1');
	event_is("USR1");
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(web.s.deaths, 0);
	assert_int_equal(web.s.restarts, 0);
}

/* It waits for the old finish, and starts nothing beside it. */
static void finishing(void **state)
{
	struct place web = place_with("web", SLEEPS);
	int go = tree_hold("go");
	(void)state;
	place_keep_exits(&web, 1);
	place_script(&web, "finish", "alone; say finish; hold go; say finished");
	place_up(&web);
	place_command(&web, 'r');
	event_is("finish");
	UNTIL(&web, s->state == STATE_FINISHING && s->child[ROLE_FINISH].phase == PHASE_STARTED);
	uint32_t finish = web.s.child[ROLE_FINISH].pid;
	succeed(&web);
	assert_int_equal(web.s.state, STATE_FINISHING);
	assert_int_equal(web.s.child[ROLE_FINISH].pid, finish);
	place_command(&web, 'y');
	event_none();
	tree_pass(go);
	event_is("finished");
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_none();
}

/* Of two supervisors one decided that it gave up, the other does so. */
static void finishing_after_the_last_death(void **state)
{
	struct place web = place_with("web", "exit 1");
	int go = tree_hold("go");
	(void)state;
	place_keep_exits(&web, 1);
	place_write(&web, "max-deaths", "1/60");
	place_script(&web, "finish", "say finish; hold go");
	place_supervise(&web);
	event_is("finish");
	UNTIL(&web, s->state == STATE_FINISHING);
	succeed(&web);
	tree_pass(go);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_DEATHS);
	assert_int_equal(web.s.starts, 1);
	event_none();
}

static void up_said_while_it_finishes(void **state)
{
	struct place web = place_with("web", "say up; hold crash");
	int go = tree_hold("go"), crash = tree_hold("crash");
	(void)state;
	place_keep_exits(&web, 1);
	place_write(&web, "restart", "never");
	place_script(&web, "finish", "say finish; hold go");
	place_up(&web);
	tree_pass(crash);
	event_is("finish");
	place_command(&web, 'u');
	succeed(&web);
	tree_pass(go);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
}

static void backoff(void **state)
{
	struct place web = place_with("web", "exit 1");
	(void)state;
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms == 800);
	uint32_t starts = web.s.starts;
	uint64_t deadline = web.s.deadline[DEADLINE_BACKOFF];
	succeed(&web);
	if (web.s.state == STATE_BACKOFF && web.s.starts == starts)
		assert_true(web.s.deadline[DEADLINE_BACKOFF] == deadline);
	UNTIL(&web, s->state == STATE_BACKOFF && s->starts > starts);
	assert_int_equal(web.s.backoff_ms, 1600);
	assert_int_equal(web.s.deaths, starts + 1);
}

static void starting_with_a_script(void **state)
{
	struct place web = place_with("web", SLEEPS);
	int go = tree_hold("go");
	(void)state;
	place_keep_exits(&web, 1);
	place_script(&web, "control/u", "alone; say u; hold go");
	place_supervise(&web);
	event_is("u");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_CONTROL].phase == PHASE_STARTED);
	succeed(&web);
	tree_pass(go);
	/* what the script was for is lost with its supervisor: it begins again */
	event_is("u");
	tree_pass(go);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	event_none();
}

static void stopping_with_a_script(void **state)
{
	struct place web = place_running("web", SLEEPS);
	int go = tree_hold("go");
	(void)state;
	place_keep_exits(&web, 1);
	place_script(&web, "control/d", "say d; hold go");
	place_command(&web, 'd');
	event_is("d");
	UNTIL(&web, s->state == STATE_STOPPING && !s->child[ROLE_RUN].pid &&
			    s->child[ROLE_CONTROL].phase == PHASE_STARTED);
	succeed(&web);
	assert_int_equal(web.s.state, STATE_STOPPING);
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
}

/* The script that was to end it died with the supervisor's knowledge of it. */
static void stopping_by_a_script(void **state)
{
	struct place web = place_with(
		"web", "alone; say up; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done");
	int go = tree_hold("go");
	(void)state;
	place_keep_exits(&web, 1);
	place_script(&web, "control/t", "say t; hold go; exit 1");
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	place_command(&web, 'r');
	event_is("t");
	UNTIL(&web, s->state == STATE_STOPPING && s->child[ROLE_CONTROL].phase == PHASE_STARTED);
	succeed(&web);
	tree_pass(go);
	char const *next = event_next(); /* t may run again */
	if (!strcmp(next, "t")) {
		tree_pass(go);
		event_is("up");
	} else {
		assert_string_equal(next, "up");
	}
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(web.s.deaths, 0);
}

static void told_to_exit(void **state)
{
	struct place web = place_running("web", "listen up USR1=0");
	(void)state;
	place_keep_exits(&web, 1);
	place_command(&web, 'x');
	event_is("TERM");
	succeed(&web);
	place_command(&web, '1');
	assert_int_equal(tree_end(web.supervisor), 0);
	place_look(&web);
	assert_int_equal(web.s.flags & FLAG_EXITED, FLAG_EXITED);
}

static void with_a_logger(void **state)
{
	struct place both[2] = { place_with("web",
					 "alone; say up; hold go; echo one; exec sleep 1000"),
		place_make("web/log") };
	int go = tree_hold("go");
	(void)state;
	place_keep_exits(both, 2);
	place_script(
		&both[0], "log/run", "say log; while read -r l; do say \"log: $l\"; done; say eof");
	place_supervise(&both[0]);
	UNTIL(&both[0], s->state == STATE_UP);
	UNTIL(&both[1], s->state == STATE_UP);
	event_next();
	event_next();
	succeed(&both[0]);
	UNTIL(&both[1], s->supervisor == (uint32_t)both[0].supervisor && s->state == STATE_UP);
	assert_int_equal(both[1].s.starts, 1);
	assert_int_equal(both[0].s.starts, 1);
	tree_pass(go);
	event_is("log: one");
	place_command(&both[0], 'x');
	event_is("eof");
	assert_int_equal(tree_end(both[0].supervisor), 0);
}

/* Workers of the old instance, in its session and in others, never run beside the next one. */
static void workers_of_an_adopted_service(void **state)
{
	struct place web = place_with("web",
		"alone; sh -c 'trap \"\" TERM; echo w >>$EVENTS; while :; do sleep 1000; done' &\n"
		"setsid sh -c 'trap \"\" TERM; echo w >>$EVENTS; while :; do sleep 1000; done' &\n"
		"( setsid sh -c 'echo w >>$EVENTS; exec sleep 1000' & )\n"
		"hold crash");
	int crash = tree_hold("crash");
	(void)state;
	place_keep_exits(&web, 1);
	place_write(&web, "timeout-kill", "200");
	place_supervise(&web);
	for (int i = 1; i <= 3; i++) {
		event_is("w");
		event_is("w");
		event_is("w"); /* and never: two at once */
		UNTIL(&web, s->state == STATE_UP && s->starts == (uint32_t)i);
		succeed(&web);
		tree_pass(crash);
	}
	UNTIL(&web, s->state == STATE_UP && s->starts == 4);
	succeed(&web);
	for (int i = 0; i < 3; i++)
		event_is("w");
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	int fd = open(tree_name("alone"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
}

/* The supervisor dies while it sweeps. */
static void workers_that_are_being_swept(void **state)
{
	struct place web = place_with("web", "alone; setsid sh -c 'trap \"\" TERM; echo w "
					     ">>$EVENTS; while :; do sleep 1000; done' &\n"
					     "hold crash");
	int crash = tree_hold("crash");
	(void)state;
	place_keep_exits(&web, 1);
	place_write(&web, "timeout-kill", "700");
	place_script(&web, "finish", "alone; say finish");
	place_supervise(&web);
	event_is("w");
	tree_pass(crash);
	UNTIL(&web, s->state == STATE_STOPPING && s->strays);
	succeed(&web);
	event_is("finish");
	event_is("w");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(up),
		TREE_TEST(signals_reach_what_was_adopted),
		TREE_TEST(its_death_is_answered),
		TREE_TEST(its_death_while_nobody_looked),
		TREE_TEST(its_code_is_unknown),
		TREE_TEST(down),
		TREE_TEST(stopping),
		TREE_TEST(stopping_for_a_restart),
		TREE_TEST(finishing),
		TREE_TEST(finishing_after_the_last_death),
		TREE_TEST(up_said_while_it_finishes),
		TREE_TEST(backoff),
		TREE_TEST(starting_with_a_script),
		TREE_TEST(stopping_with_a_script),
		TREE_TEST(stopping_by_a_script),
		TREE_TEST(told_to_exit),
		TREE_TEST(with_a_logger),
		TREE_TEST(workers_of_an_adopted_service),
		TREE_TEST(workers_that_are_being_swept),
	};
	return cmocka_run_group_tests_name("supervise_adopt", tests, 0, 0);
}
