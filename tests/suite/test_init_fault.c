/* cinit as PID 1 that gets a fatal signal: it executes itself again, and goes on; and as one that
 * is upgraded. */
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

#define AGAIN "cinit: warning: fatal signal; executing myself again\n"
#define LAST  "from now on only reaping\n"

/* The pid of a process of the namespace, seen from here: a child of `of` with this pid in there. */
static pid_t outside(pid_t of, uint32_t inside)
{
	char path[64], line[128];
	int child;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)of, (int)of);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fscanf(f, "%d", &child) == 1) {
		unsigned int last = 0;
		snprintf(path, sizeof path, "/proc/%d/status", child);
		FILE *g = fopen(path, "re");
		while (g && fgets(line, sizeof line, g)) {
			char *p = strncmp(line, "NSpid:", 6) ? NULL : strrchr(line, '\t');
			if (p)
				last = (unsigned int)strtoul(p, NULL, 10);
		}
		if (g)
			fclose(g);
		if (last == inside) {
			fclose(f);
			return (pid_t)child;
		}
	}
	fclose(f);
	fail_msg("no child %u", inside);
	return 0;
}

/* A fatal signal, and cinit has gone on. */
static void fault(struct place *cinit, pid_t first, int sig)
{
	place_look(cinit);
	uint32_t incarnation = cinit->s.incarnation;
	kill(first, sig);
	UNTIL(cinit, s->incarnation == incarnation + 1 && s->state == STATE_UP);
}

static void goes_on_after(int sig)
{
	struct place web = init_seven("web"), log,
		     cinit = place_at(".cinit", tree_name("run/.cinit"));

	place_script(&web, "log/run", "say log; exec cat >/dev/null");
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start_first(NULL);
	event_next();
	event_next();
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	UNTIL(&cinit, s->state == STATE_UP);
	pid_t first = init_first(pid);
	struct status before = web.s;
	fault(&cinit, first, sig);
	assert_string_equal(tree_read("cinit.err"), AGAIN);
	place_look(&web);
	assert_memory_equal(&web.s, &before, sizeof before);
	/* it still gives services another supervisor, knows their orphans, and obeys */
	kill(outside(first, web.s.supervisor), SIGKILL);
	UNTIL(&web, s->supervisor && s->supervisor != before.supervisor && s->pid == before.pid);
	fault(&cinit, first, sig);
	kill(outside(first, web.s.pid), SIGUSR1);
	UNTIL(&web, s->starts == 2 && s->last_exit == EXIT(7) && (s->flags & FLAG_EXIT_VALID));
	event_is("up");
	struct place later = init_service("later");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UNTIL(&later, s->state == STATE_UP);
	kill(first, SIGTERM);
	assert_int_equal(tree_end(pid), 0);
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

static void goes_on_after_segv(void **state)
{
	(void)state;
	init_namespace();
	goes_on_after(SIGSEGV);
}

static void goes_on_after_abrt(void **state)
{
	(void)state;
	init_namespace();
	goes_on_after(SIGABRT);
}

static void goes_on_after_each_of_them(void **state)
{
	static int const sig[] = { SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
	struct place web = init_service("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	init_namespace();
	for (size_t n = 0; n < sizeof sig / sizeof *sig; n++) {
		pid_t pid = init_start_first(NULL);
		UNTIL(&web, s->state == STATE_UP);
		UNTIL(&cinit, s->state == STATE_UP);
		fault(&cinit, init_first(pid), sig[n]);
		kill(init_first(pid), SIGTERM);
		assert_int_equal(tree_end(pid), 0);
	}
}

static void cmd_is_not_forgotten(void **state)
{
	struct place web = init_service("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));
	int hold = tree_hold("cmd");
	char path[256];

	(void)state;
	init_namespace();
	tree_script("cmd", "say cmd; hold cmd; exit 41");
	snprintf(path, sizeof path, "%s", tree_name("cmd"));
	pid_t pid = init_run_first(path);
	event_is("cmd");
	UNTIL(&web, s->state == STATE_UP);
	fault(&cinit, init_first(pid), SIGSEGV);
	event_none();
	tree_pass(hold);
	assert_int_equal(tree_end(pid), EXIT(41));
}

static void a_stop_goes_on(void **state)
{
	struct place web = place_make("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	init_namespace();
	place_script(&web, "run", "listen up TERM=0");
	place_write(&web, "down-signal", "USR1\n");
	pid_t pid = init_start_first(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&cinit, s->state == STATE_UP);
	pid_t first = init_first(pid);
	uint32_t incarnation = cinit.s.incarnation;
	kill(first, SIGTERM);
	event_is("USR1");
	kill(first, SIGSEGV);
	UNTIL(&cinit, s->incarnation == incarnation + 1 && s->state == STATE_STOPPING);
	kill(outside(outside(first, web.s.supervisor), web.s.pid), SIGTERM);
	assert_int_equal(tree_end(pid), 0);
}

static void the_third_in_ten_seconds_only_reaps(void **state)
{
	struct place web = init_seven("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	init_namespace();
	pid_t pid = init_start_first(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&cinit, s->state == STATE_UP);
	pid_t first = init_first(pid);
	fault(&cinit, first, SIGSEGV);
	fault(&cinit, first, SIGBUS);
	kill(first, SIGSEGV);
	init_says(LAST);
	/* nor does anybody break the seals of others */
	AWAIT(!status_glance(AT_FDCWD, cinit.state, &cinit.s));
	/* nobody follows this one, but it does not stay a zombie, and its service lives on */
	pid_t supervisor = outside(first, web.s.supervisor);
	pid_t run = outside(supervisor, web.s.pid);
	kill(supervisor, SIGKILL);
	AWAIT(tree_gone(supervisor));
	assert_int_equal(kill(run, 0), 0);
	event_none();
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

/* Whatever it is doing when the second comes: the record is out, and the rest of that turn is not.
 */
static void at_any_time(void **state)
{
	struct place web = init_service("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	init_namespace();
	for (int n = 0; n < 20; n++) {
		pid_t pid = init_start_first(NULL);
		UNTIL(&web, s->state == STATE_UP);
		UNTIL(&cinit, s->state == STATE_UP);
		fault(&cinit, init_first(pid), SIGSEGV);
		fault(&cinit, init_first(pid), SIGSEGV);
		kill(init_first(pid), SIGTERM);
		assert_int_equal(tree_end(pid), 0);
		UNTIL(&web, s->state == STATE_DOWN && s->starts == 1);
	}
}

static void faults_that_come_seldom_are_survived_again_and_again(void **state)
{
	struct place web = init_seven("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	init_namespace();
	pid_t pid = init_start_first(NULL);
	event_is("up");
	UNTIL(&cinit, s->state == STATE_UP);
	fault(&cinit, init_first(pid), SIGSEGV);
	fault(&cinit, init_first(pid), SIGSEGV);
	uint64_t later = clock_boottime() + 11 * CLOCK_SECOND;
	while (clock_boottime() < later)
		tree_poll(0, 0, later);
	fault(&cinit, init_first(pid), SIGSEGV);
	fault(&cinit, init_first(pid), SIGSEGV);
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	kill(init_first(pid), SIGTERM);
	assert_int_equal(tree_end(pid), 0);
}

/* ------------------------------------------------------------------------------ upgrade */

static void pid_1_is_upgraded(void **state)
{
	static struct output o;
	struct place web = init_seven("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	init_namespace();
	pid_t pid = init_start_copy(1, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&cinit, s->state == STATE_UP);
	struct status before = web.s;
	for (int n = 0; n < 5; n++) {
		init_install();
		tree_run(&o, "svctl", "-w", "20", "upgrade", NULL);
		assert_string_equal(o.err, "");
		assert_int_equal(o.code, 0);
	}
	UNTIL(&web, s->executed > before.executed && s->pid == before.pid && s->starts == 1);
	/* the new one survives faults, by its own program: that of the path is not needed */
	unlink(tree_name("bin/cinit"));
	fault(&cinit, init_first(pid), SIGSEGV);
	init_install();
	tree_run(&o, "svctl", "-w", "20", "upgrade", NULL);
	assert_string_equal(o.err, "");
	assert_int_equal(o.code, 0);
	event_none();
	kill(init_first(pid), SIGTERM);
	assert_int_equal(tree_end(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(goes_on_after_segv),
		TREE_TEST(goes_on_after_abrt),
		TREE_TEST(goes_on_after_each_of_them),
		TREE_TEST(cmd_is_not_forgotten),
		TREE_TEST(a_stop_goes_on),
		TREE_TEST(the_third_in_ten_seconds_only_reaps),
		TREE_TEST(at_any_time),
		TREE_TEST(faults_that_come_seldom_are_survived_again_and_again),
		TREE_TEST(pid_1_is_upgraded),
	};
	return cmocka_run_group_tests_name("init_fault", tests, NULL, NULL);
}
