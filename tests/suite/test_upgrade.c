/* svctl upgrade: other programs take the place of those that run, and nobody notices. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"

static ino_t program_of(pid_t pid)
{
	struct stat st;

	assert_int_equal(stat(tree_name("../../proc/%d/exe", (int)pid), &st), 0);
	return st.st_ino;
}

static ino_t installed(void)
{
	struct stat st;

	assert_int_equal(stat(tree_name("bin/cinit"), &st), 0);
	return st.st_ino;
}

/* The record is what it was, but for who published it when. */
static void assert_same(struct place *p, struct status const *before)
{
	struct status now;

	UNTIL(p, s->executed > before->executed);
	now = p->s;
	assert_true(now.change > before->change);
	now.executed = before->executed;
	now.change = before->change;
	now.noise = before->noise;
	assert_memory_equal(&now, before, sizeof now);
}

/* ---------------------------------------------------------------------------- what stays */

static void everything_is_as_it_was_but_the_programs(void **state)
{
	struct place web = init_seven("web"), log,
		     cinit = place_at(".cinit", tree_name("run/.cinit"));
	struct status before, log_before;

	(void)state;
	place_script(&web, "log/run", "say log; exec cat >>$TREE/log");
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	event_next();
	event_next();
	UNTIL(&cinit, s->state == STATE_UP);
	before = web.s;
	log_before = log.s;
	uint32_t incarnation = cinit.s.incarnation;
	ino_t old = program_of(pid);
	init_install();
	assert_int_not_equal(installed(), old);
	/* as programs left them that knew no seals */
	assert_int_equal(status_unseal(web.state), 0);
	assert_int_equal(status_unseal(log.state), 0);
	assert_int_equal(status_unseal(cinit.state), 0);
	init_upgrade();
	assert_same(&web, &before);
	assert_same(&log, &log_before);
	assert_true(status_glance(AT_FDCWD, web.state, &web.s));
	assert_true(status_glance(AT_FDCWD, log.state, &log.s));
	assert_true(status_glance(AT_FDCWD, cinit.state, &cinit.s));
	UNTIL(&cinit, s->state == STATE_UP && s->executed > before.executed);
	assert_int_equal(cinit.s.incarnation, incarnation);
	assert_int_equal(cinit.s.supervisor, pid);
	assert_int_equal(program_of(pid), installed());
	assert_int_equal(program_of((pid_t)before.supervisor), installed());
	assert_string_equal(tree_read("cinit.err"), "");
	/* and all goes on: what runs is still its supervisor's child, that is still cinit's */
	kill((pid_t)web.s.pid, SIGUSR1);
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	assert_int_equal(web.s.last_exit, EXIT(7));
	event_is("up");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

static void orphans_are_still_known(void **state)
{
	struct place web = init_seven("web");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	uint32_t run = web.s.pid, supervisor = web.s.supervisor;
	kill((pid_t)supervisor, SIGKILL);
	UNTIL(&web, s->supervisor && s->supervisor != supervisor && s->pid == run);
	init_upgrade();
	kill((pid_t)run, SIGUSR1);
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	assert_int_equal(web.s.flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN), FLAG_EXIT_VALID);
	assert_int_equal(web.s.last_exit, EXIT(7));
	event_is("up");
	/* one that died before and was orphaned once more: by the new cinit */
	kill((pid_t)web.s.supervisor, SIGKILL);
	run = web.s.pid;
	UNTIL(&web, s->supervisor && s->incarnation > 2 && s->pid == run);
	kill((pid_t)run, SIGUSR1);
	UNTIL(&web, s->starts == 3);
	assert_int_equal(web.s.last_exit, EXIT(7));
	event_is("up");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Services in as many states, each held in its own until the test lets go. */
enum { FD, CHECK, FIN, SLOW, WAITS, SCRIPT, LAME, HELD, STATES };
static struct place in[STATES];

static void describe_states(void)
{
	static char const *const names[STATES] = { "fd", "check", "fin", "slow", "waits", "script",
		"lame", "held" };

	for (int n = 0; n < STATES; n++) {
		in[n] = place_make(names[n]);
		place_script(&in[n], "run", SLEEPS);
	}
	place_write(&in[FD], "notification-fd", "7\n");
	place_script(&in[FD], "run", "hold fd; echo >&7; exec sleep 1000");
	place_script(&in[CHECK], "check", "say checks; hold check");
	place_write(&in[CHECK], "timeout-check", "1h\n");
	place_script(&in[FIN], "run", "exit 3");
	place_script(&in[FIN], "finish", "say fin $1; hold fin; exit 125");
	place_write(&in[FIN], "timeout-finish", "1h\n");
	place_script(&in[SLOW], "run", "listen slow TERM=0");
	place_write(&in[SLOW], "down-signal", "USR1\n");
	place_write(&in[SLOW], "timeout-kill", "1h\n");
	place_write(&in[WAITS], "needs/fd", "");
	place_script(&in[SCRIPT], "control/h", "say hup; hold script");
	place_write(&in[SCRIPT], "timeout-control", "1h\n");
	place_script(&in[LAME], "run", "exit 1");
	place_write(&in[LAME], "max-deaths", "1/60\n");
}

static void reach_states(void)
{
	UNTIL(&in[FD], s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	UNTIL(&in[CHECK], s->child[ROLE_CHECK].phase == PHASE_STARTED);
	UNTIL(&in[FIN],
		s->state == STATE_FINISHING && s->child[ROLE_FINISH].phase == PHASE_STARTED);
	UNTIL(&in[SLOW], s->state == STATE_UP);
	/* it says what it waits for, and then what that does */
	UNTIL(&in[WAITS],
		s->state == STATE_WAITING && !strcmp(s->reason_text, "needs fd: starting"));
	UNTIL(&in[SCRIPT], s->state == STATE_UP);
	UNTIL(&in[LAME], s->state == STATE_FAILED);
	UNTIL(&in[HELD], s->state == STATE_UP);
	assert_int_equal(place_command(&in[HELD], 'p'), RESULT_DONE);
	for (int n = 0; n < 3; n++)
		event_next();
	assert_int_equal(place_command(&in[SLOW], 'd'), RESULT_DONE);
	event_is("USR1");
	event_is("CONT");
	assert_int_equal(place_command(&in[SCRIPT], 'h'), RESULT_DONE);
	event_is("hup");
}

static void in_every_state(void **state)
{
	struct place again = place_make("again");
	struct status before[STATES];
	int hold = tree_hold("fd"), checks = tree_hold("check"), ends = tree_hold("fin"),
	    scripts = tree_hold("script");

	(void)state;
	describe_states();
	place_script(&again, "run", "echo $CINIT_SERVICE >>$TREE/names; exit 1");
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&again, s->state == STATE_BACKOFF);
	reach_states();
	/* the second of two is not answered before the first script has ended */
	uint64_t queued = place_send(&in[SCRIPT], 'h');
	UNTIL(&in[SCRIPT], s->child[ROLE_CONTROL].phase == PHASE_STARTED);
	for (int n = 0; n < STATES; n++) {
		place_look(&in[n]);
		before[n] = in[n].s;
	}
	init_install();
	init_upgrade();
	init_upgrade();
	for (int n = 0; n < STATES; n++)
		assert_same(&in[n], &before[n]);
	event_none();
	tree_pass(scripts);
	event_is("hup");
	assert_int_equal(place_answer(&in[SCRIPT], queued, NULL), RESULT_DONE);
	tree_pass(scripts);
	tree_pass(hold);
	UNTIL(&in[FD], s->state == STATE_UP && s->starts == 1);
	UNTIL(&in[WAITS], s->state == STATE_UP);
	tree_pass(checks);
	UNTIL(&in[CHECK], s->state == STATE_UP && s->starts == 1);
	tree_pass(ends);
	UNTIL(&in[FIN], s->state == STATE_FAILED && s->reason == REASON_FINISH && s->starts == 1);
	place_look(&again);
	uint32_t starts = again.s.starts;
	UNTIL(&again, s->starts > starts && s->deaths >= starts);
	for (char const *line = tree_read("names"); *line; line += 6)
		assert_memory_equal(line, "again\n", 6);
	/* and those that depend on others are still known by their own name */
	assert_int_equal(access(tree_name("run/fd/dependents/waits"), F_OK), 0);
	assert_int_equal(place_command(&in[FD], 'd'), RESULT_REFUSED);
	assert_string_equal(in[FD].s.reason_text, "needed by waits");
	kill((pid_t)in[SLOW].s.pid, SIGTERM);
	event_is("TERM");
	UNTIL(&in[SLOW], s->state == STATE_DOWN && s->starts == 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* In one turn it is told to start and to execute another program: whoever opened the gate, the next
 * one hears that run was executed. */
static void one_at_its_gate_is_let_through(void **state)
{
	struct place web = init_service("web");

	(void)state;
	place_write(&web, "down", "");
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&web, s->state == STATE_DOWN && s->supervisor);
	for (uint32_t n = 1; n <= 20; n++) {
		uint64_t executed = web.s.executed;
		kill((pid_t)web.s.supervisor, SIGSTOP);
		uint64_t id = place_send(&web, 'u');
		kill((pid_t)web.s.supervisor, SIGUSR1);
		kill((pid_t)web.s.supervisor, SIGCONT);
		assert_int_equal(place_answer(&web, id, NULL), RESULT_DONE);
		UNTIL(&web, s->state == STATE_UP && s->executed > executed && s->starts == n);
		assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
		UNTIL(&web, s->state == STATE_DOWN);
	}
	assert_int_equal(web.s.deaths, 0);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_word_to_the_socket_is_heard(void **state)
{
	struct place web = place_make("web");
	int hold = tree_hold("orders");
	char run[256];

	(void)state;
	snprintf(run, sizeof run, "exec %s/test/helper/notifier", getenv("CINIT_BUILD"));
	place_write(&web, "notify", "");
	place_script(&web, "run", run);
	pid_t pid = init_start_copy(0, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	/* what was said while nobody listened counts: its supervisor stands still meanwhile */
	kill((pid_t)web.s.supervisor, SIGSTOP);
	kill((pid_t)web.s.supervisor, SIGUSR1);
	assert_int_equal(write(hold, "send STATUS=busy\n", 17), 17);
	event_is("sent");
	kill((pid_t)web.s.supervisor, SIGCONT);
	UNTIL(&web, !strcmp(s->reason_text, "busy"));
	init_upgrade();
	assert_int_equal(write(hold, "send READY=1\n", 13), 13);
	event_is("sent");
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void cmd_goes_on_and_its_code_passes_through(void **state)
{
	struct place web = init_service("web");
	int hold = tree_hold("cmd");

	(void)state;
	tree_script("cmd", "say cmd; hold cmd; exit 41");
	char path[256];
	char const *const cmd[] = { path, NULL };
	snprintf(path, sizeof path, "%s", tree_name("cmd"));
	pid_t pid = init_start_copy(0, cmd);
	event_is("cmd");
	init_upgrade();
	event_none();
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	tree_pass(hold);
	assert_int_equal(tree_end(pid), EXIT(41));
}

static void supervisors_that_were_taken_over_follow(void **state)
{
	struct place web = init_seven("web"), db = init_service("db");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&db, s->state == STATE_UP);
	struct status before = web.s;
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	pid = init_start_copy(0, NULL);
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	UNTIL(&cinit, s->state == STATE_UP && (pid_t)s->supervisor == pid);
	init_install();
	init_upgrade();
	UNTIL(&web, s->executed > before.executed);
	assert_int_equal(web.s.supervisor, before.supervisor);
	assert_int_equal(program_of((pid_t)before.supervisor), installed());
	/* it is still watched */
	kill((pid_t)web.s.supervisor, SIGKILL);
	UNTIL(&web, s->supervisor && s->supervisor != before.supervisor);
	assert_int_equal(web.s.pid, before.pid);
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(everything_is_as_it_was_but_the_programs),
		TREE_TEST(orphans_are_still_known),
		TREE_TEST(in_every_state),
		TREE_TEST(one_at_its_gate_is_let_through),
		TREE_TEST(a_word_to_the_socket_is_heard),
		TREE_TEST(cmd_goes_on_and_its_code_passes_through),
		TREE_TEST(supervisors_that_were_taken_over_follow),
	};
	return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
