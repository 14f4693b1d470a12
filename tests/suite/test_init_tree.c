/* cinit while the tree runs: supervisors that die, essential services, commands. */
#include "init.h"

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

#define KILLS     12
#define BACK_MOST 20 /* times as long as the start and end of a program; half of it was seen */

/* ------------------------------------------------------------------------ supervisors */

static void a_killed_supervisor_is_back_and_its_service_goes_on(void **state)
{
	struct place web = init_seven("web");

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	uint32_t run = web.s.pid;
	init_kill_supervisor(&web);
	UNTIL(&web, s->state == STATE_UP && s->pid == run);
	assert_non_null(strstr(tree_read("cinit.err"),
		"cinit: warning: web: supervisor was killed by KILL; another follows at once\n"));
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	UNTIL(&web, s->state == STATE_DOWN && s->last_exit == SIGTERM);
}

/* The least that a machine takes to start a process and see it end, beside. */
static uint64_t time_of_a_program(void)
{
	static struct output o;
	uint64_t begun = clock_boottime();

	tree_run(&o, "svctl", "--version", NULL);
	assert_int_equal(o.code, 0);
	return clock_boottime() - begun;
}

static int compare(void const *a, void const *b)
{
	uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

	return (x > y) - (x < y);
}

/* Each is the first death of its supervisor, which is answered at once. */
static void a_killed_supervisor_is_back_at_once(void **state)
{
	struct place killed[KILLS];
	uint64_t back[KILLS], program[KILLS];

	(void)state;
	for (int n = 0; n < KILLS; n++) {
		char name[16];
		snprintf(name, sizeof name, "web%d", n);
		killed[n] = init_service(name);
	}
	pid_t pid = init_start(NULL);
	for (int n = 0; n < KILLS; n++)
		UNTIL(killed + n, s->state == STATE_UP);
	for (int n = 0; n < KILLS; n++) {
		program[n] = time_of_a_program();
		back[n] = clock_boottime();
		init_kill_supervisor(killed + n);
		back[n] = clock_boottime() - back[n];
	}
	qsort(back, KILLS, sizeof *back, compare);
	qsort(program, KILLS, sizeof *program, compare);
	print_message(
		"# a killed supervisor is back after %.1f ms (median; %.1f to %.1f), a program's "
		"start and end take %.1f\n",
		(double)back[KILLS / 2] / CLOCK_MILLISEC, (double)back[0] / CLOCK_MILLISEC,
		(double)back[KILLS - 1] / CLOCK_MILLISEC,
		(double)program[KILLS / 2] / CLOCK_MILLISEC);
	assert_true(back[KILLS / 2] < BACK_MOST * program[KILLS / 2]);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void an_orphans_exit_code_arrives(void **state)
{
	struct place web = init_seven("web");

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	/* twice: an orphan of two supervisors is still one */
	init_kill_supervisor(&web);
	init_kill_supervisor(&web);
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	kill((pid_t)web.s.pid, SIGUSR1);
	UNTIL(&web, s->starts == 2);
	assert_int_equal(web.s.flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN), FLAG_EXIT_VALID);
	assert_int_equal(web.s.last_exit, EXIT(7));
	event_is("up");
	init_gone("run/web/exited");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_loggers_exit_code_arrives_too(void **state)
{
	struct place web = init_service("web"), log;

	(void)state;
	place_script(&web, "log/run", "trap 'exit 9' USR1; say log; while :; do sleep 0.02; done");
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start(NULL);
	event_is("log");
	UNTIL(&web, s->state == STATE_UP);
	init_kill_supervisor(&web);
	UNTIL(&log, s->state == STATE_UP && s->supervisor == web.s.supervisor);
	kill((pid_t)log.s.pid, SIGUSR1);
	UNTIL(&log, s->starts == 2);
	assert_int_equal(log.s.last_exit, EXIT(9));
	event_is("log");
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

static void supervisor_and_service_die_together(void **state)
{
	struct place web = init_seven("web");

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	kill(pid, SIGSTOP); /* so that it finds both dead at once */
	kill((pid_t)web.s.supervisor, SIGKILL);
	kill((pid_t)web.s.pid, SIGSEGV);
	kill(pid, SIGCONT);
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	assert_int_equal(web.s.last_exit & 0x7f, SIGSEGV);
	event_is("up");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void one_that_keeps_dying_waits_longer_each_time(void **state)
{
	struct place web = init_seven("web");

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	for (int n = 0; n < 4; n++)
		init_kill_supervisor(&web);
	assert_non_null(strstr(tree_read("cinit.err"), "another follows at once\n"));
	assert_non_null(strstr(tree_read("cinit.err"), "another follows in 0.1 s\n"));
	assert_non_null(strstr(tree_read("cinit.err"), "another follows in 0.4 s\n"));
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void what_is_in_the_log_pipe_outlives_everybody(void **state)
{
	struct place web = place_make("web"), log;

	(void)state;
	place_script(&web, "run", "trap '' PIPE; echo one; say wrote; exec sleep 1000");
	/* takes one line a life, and only when it is told to */
	place_script(&web, "log/run",
		"say log; read x <$TREE/hold; read line; say got $line; exec sleep 1000");
	assert_int_equal(mkfifo(tree_name("hold"), 0600), 0);
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start(NULL);
	event_await("wrote");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	init_alone_with_pipe(pid, &web, &log, "got one");
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

static void one_told_to_exit_stays_away_until_it_is_woken(void **state)
{
	struct place web = init_service("web");
	enum status_why why;

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	place_command(&web, 'x');
	UNTIL(&web, !s->supervisor && s->flags & FLAG_EXITED);
	assert_int_equal(init_command(COMMAND_LOOK, "web", 0, NULL), RESULT_DONE);
	place_look(&web);
	assert_int_equal(web.s.supervisor, 0);
	assert_int_equal(init_command(COMMAND_WAKE, "web", 0, NULL), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(init_command(COMMAND_WAKE, "web", 0, NULL), RESULT_NOTHING);
	assert_int_equal(init_command(COMMAND_WAKE, "nobody", 0, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_UNKNOWN);
	place_command(&web, 'x');
	UNTIL(&web, !s->supervisor && s->flags & FLAG_EXITED);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* --------------------------------------------------------------------------- essential */

static void an_essential_end_ends_the_tree(void **state)
{
	static struct {
		char const *run;
		int end;
	} const how[] = { { "exit 37", EXIT(37) }, { "kill -USR2 $$", EXIT(128 + SIGUSR2) },
		{ "exit 0", 0 } };
	struct place web = init_service("web"), job = place_make("job");

	(void)state;
	place_write(&job, "essential", "");
	for (unsigned int n = 0; n < sizeof how / sizeof *how; n++) {
		place_script(&job, "run", how[n].run);
		pid_t pid = init_start(NULL);
		assert_int_equal(tree_end(pid), how[n].end);
		/* or it was told to go before it had published anything */
		place_look(&web);
		assert_true(web.e != STATUS_OK || web.s.state == STATE_DOWN);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	/* also one that was wanted once */
	place_write(&job, "down", "");
	place_script(&job, "run", "exit 36");
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	place_look(&job);
	place_send(&job, 'o');
	assert_int_equal(tree_end(pid), EXIT(36));
	unlink(tree_name("services/job/down"));
	/* beside a command too: its code, not the command's */
	place_script(&job, "run", "sleep 0.2; exit 38");
	assert_int_equal(tree_end(init_run("/bin/sleep", "1000")), EXIT(38));
	assert_non_null(strstr(tree_read("cinit.err"), "job: essential, and it has ended"));
}

/* ---------------------------------------------------------------------------- commands */

static void a_shutdown_is_answered(void **state)
{
	struct place web = init_service("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));
	enum status_why why;

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(init_command(COMMAND_SHUTDOWN, "", 99, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_UNKNOWN);
	assert_int_equal(init_command('?', "", 0, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_UNKNOWN);
	/* not a machine: it just ends */
	assert_int_equal(init_command(COMMAND_SHUTDOWN, "", SHUTDOWN_REBOOT, NULL), RESULT_DONE);
	assert_int_equal(tree_end(pid), 0);
	UNTIL(&cinit, s->state == STATE_DOWN && !s->supervisor);
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

static void noise_changes_nothing(void **state)
{
	struct place web = init_service("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));
	char noise[4096];

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	uint32_t run = web.s.pid;
	for (int round = 0; round < 64; round++) {
		for (size_t n = 0; n < sizeof noise; n++) {
			noise[n] = (char)(n * 7 + (size_t)round * 13);
			/* but the letter that it would obey */
			if (noise[n] == COMMAND_SHUTDOWN || noise[n] == COMMAND_RESCAN)
				noise[n] = '.';
		}
		place_bytes(&cinit, noise, sizeof noise);
		assert_int_equal(init_command(COMMAND_LOOK, "web", 0, NULL), RESULT_DONE);
	}
	place_look(&web);
	assert_int_equal(web.s.pid, run);
	/* a letter alone, as a shell would write it */
	place_letters(&cinit, "s");
	assert_int_equal(tree_end(pid), 0);
}

/* ---------------------------------------------------------------------------- takeover */

static void holds_few_descriptors_and_sleeps(void **state)
{
	struct place p[12];

	(void)state;
	for (int n = 0; n < 12; n++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", n);
		p[n] = init_service(name);
		if (n < 4)
			place_script(p + n, "log/run", "exec cat >/dev/null");
	}
	pid_t pid = init_run("/bin/sh", "-c", "echo cmd >>$EVENTS; exec sleep 1000");
	event_is("cmd");
	assert_in_range(tree_descriptors(pid), 5, 10 + 4);
	/* the search for cycles ends when it does, and that is heard: asleep is who sleeps at last
	 */
	unsigned long before;
	int tries = 0;
	do {
		before = tree_switches(pid);
		assert_int_equal(tree_poll(0, 0, clock_boottime() + 2 * CLOCK_SECOND), -1);
	} while (tree_switches(pid) != before && ++tries < 3);
	assert_int_not_equal(tries, 3);
	assert_int_equal(init_stop(pid, SIGTERM), EXIT(143));
	(void)p;
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_killed_supervisor_is_back_and_its_service_goes_on),
		TREE_TEST(a_killed_supervisor_is_back_at_once),
		TREE_TEST(an_orphans_exit_code_arrives),
		TREE_TEST(a_loggers_exit_code_arrives_too),
		TREE_TEST(supervisor_and_service_die_together),
		TREE_TEST(one_that_keeps_dying_waits_longer_each_time),
		TREE_TEST(what_is_in_the_log_pipe_outlives_everybody),
		TREE_TEST(one_told_to_exit_stays_away_until_it_is_woken),
		TREE_TEST(an_essential_end_ends_the_tree),
		TREE_TEST(a_shutdown_is_answered),
		TREE_TEST(noise_changes_nothing),
		TREE_TEST(holds_few_descriptors_and_sleeps),
	};
	return cmocka_run_group_tests_name("init_tree", tests, NULL, NULL);
}
