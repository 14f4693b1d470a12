/* Control groups of services: conf/cgroup, on the cgroup2 that this machine has, with or without
 * controllers. */
#include "group.h"
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static void write_group(char const *name, char const *text)
{
	int fd = open(group_path(name), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* A process of no service, in a group. */
static pid_t stranger(char const *name)
{
	int pipes[2];
	char byte;

	assert_int_equal(mkdir(group_base, 0755) && errno != EEXIST, 0);
	assert_int_equal(mkdir(group_path(name), 0755), 0);
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (!pid) {
		char path[320];
		snprintf(path, sizeof path, "%s/cgroup.procs", group_path(name));
		int fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, "0", 1) != 1 || write(pipes[1], "1", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	return pid;
}

/* Gone, or a zombie that its parent is about to reap. */
static int is_dead(pid_t pid)
{
	char path[32], state = 'Z';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	if (f)
		fclose(f);
	return state == 'Z';
}

static pid_t run_of(struct place const *p)
{
	return (pid_t)p->s.child[ROLE_RUN].pid;
}

/* -------------------------------------------------------------------------------------- tests */

static void each_service_has_its_own(void **state)
{
	struct place web = place_make("web"), log = place_make("web/log");
	struct stat st;
	(void)state;
	group_needed();
	place_script(&web, "run", SLEEPS);
	place_script(&web, "log/run", "exec cat >/dev/null");
	pid_t pid = init_run(NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	assert_int_equal(group_members("web", run_of(&web)), 1);
	assert_int_equal(group_members(".log.web", run_of(&log)), 1);
	assert_int_equal(stat(group_path("web"), &st), 0);
	assert_true(web.s.cgroup == st.st_ino);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN && !s->cgroup);
	assert_false(group_there("web"));
	assert_true(group_there(".log.web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_false(group_there(""));
	assert_string_equal(tree_read("cinit.err"), "");
}

/* What no supervisor finds without: it has left its session, its parents are gone, it shows no
 * mark, it ignores what can be ignored, and the supervisor that started it is dead. */
#define HIDES                                                                                      \
	"( setsid env -i sh -c 'trap \"\" TERM HUP INT QUIT; echo $$ >\"'$TREE'/hidden\"; "        \
	"while :; do sleep 1000; done' & )\n"                                                      \
	"until [ -s \"$TREE/hidden\" ]; do :; done\n"

static void what_hides_is_found_after_an_adoption(void **state)
{
	struct place web = place_with("web", HIDES "say up; exec sleep 1000");
	(void)state;
	group_needed();
	place_write(&web, "timeout-kill", "300");
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	pid_t hidden = atoi(tree_read("hidden")), run = run_of(&web);
	assert_false(is_dead(hidden));
	uint32_t first = web.s.incarnation;
	assert_int_equal(kill((pid_t)web.s.supervisor, SIGKILL), 0);
	UNTIL(&web, s->incarnation != first);
	assert_int_equal(run_of(&web), run);
	assert_true(web.s.cgroup != 0);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(is_dead(hidden));
	assert_false(group_there("web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Twenty chains, each link of which forks the next one and ends, deaf to TERM. */
static void what_forks_in_a_loop_is_killed_in_one_step(void **state)
{
	struct place web = place_with("web", "");
	(void)state;
	group_needed();
	place_script(&web, "chain", "trap '' TERM; setsid ./chain & exit");
	place_script(&web, "run",
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ./chain; done\n"
		"say up; exec sleep 1000");
	place_write(&web, "timeout-kill", "50");
	pid_t pid = init_run(NULL);
	event_is("up");
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_false(group_there("web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Groups that the service makes in its own go with it. */
static void groups_below_go(void **state)
{
	struct place web = place_with("web", "");
	char body[700];
	(void)state;
	group_needed();
	snprintf(body, sizeof body,
		"mkdir -p %s/web/one/two\nsleep 1000 &\necho $! >%s/web/one/two/cgroup.procs\n"
		"say up; exec sleep 1000",
		group_base, group_base);
	place_script(&web, "run", body);
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(group_members("web/one/two", 0), 1);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_false(group_there("web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void what_may_stay_stays(void **state)
{
	struct place web =
		place_with("web", "( setsid sleep 1000 & say $! ); say up; exec sleep 1000");
	(void)state;
	group_needed();
	place_write(&web, "kill-mode", "process");
	pid_t pid = init_run(NULL);
	pid_t child = event_pid();
	event_is("up");
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(group_members("web", child), 1);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	(void)event_pid();
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(group_members("web", child), 3);
	place_write(&web, "kill-mode", "all");
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_false(group_there("web"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Nobody knows it any more: it does not run beside the service. */
static void what_is_left_of_another_time_goes_first(void **state)
{
	struct place web = place_with("web", "say up; " SLEEPS);
	(void)state;
	group_needed();
	pid_t old = stranger("web"), pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	assert_true(is_dead(old));
	assert_int_equal(group_members("web", run_of(&web)), 1);
	assert_int_equal(web.s.deaths, 0);
	assert_non_null(strstr(tree_read("cinit.err"), "processes were in it that nobody knows"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_false(group_there(""));
}

/* No group can be made for a while: it is said, and tried again. */
static void a_group_that_cannot_be_made(void **state)
{
	struct place web = place_with("web", "say up; " SLEEPS);
	(void)state;
	group_needed();
	assert_int_equal(mkdir(group_base, 0755), 0);
	write_group("cgroup.max.descendants", "0");
	pid_t pid = init_run(NULL);
	UNTIL(&web, s->state == STATE_BACKOFF && s->reason == REASON_FORK);
	assert_non_null(strstr(web.s.reason_text, "unable to make its control group: "));
	write_group("cgroup.max.descendants", "max");
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->reason == REASON_NONE);
	assert_int_equal(group_members("web", run_of(&web)), 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* -------------------------------------------------------------------------------------- limits */

static void refused(char const *file, char const *value, char const *reason)
{
	struct place web = place_with("web", SLEEPS);
	place_write(&web, file, value);
	pid_t pid = init_run(NULL);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_CONFIG);
	if (!strstr(web.s.reason_text, reason))
		fail_msg("%s", web.s.reason_text);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_limit_without_its_controller(void **state)
{
	(void)state;
	group_needed();
	/* a subtree that somebody made for us, and that has none */
	assert_int_equal(mkdir(group_base, 0755), 0);
	refused("cgroup/pids.max", "10\n",
		"cgroup/pids.max: unable to apply: controller pids is not delegated to ");
	assert_false(group_there("web"));
}

static void a_limit_that_is_none(void **state)
{
	(void)state;
	group_needed();
	refused("cgroup/memory.max", "lots\n", "cgroup/memory.max: `lots' is not a limit");
}

static void a_limit_without_a_group(void **state)
{
	(void)state;
	unlink(tree_name("services/conf/cgroup"));
	refused("cgroup/pids.max", "10\n",
		"cgroup: limits need a control group, and conf/cgroup names no subtree");
}

/* -------------------------------------------------------------------------------- conf/cgroup */

static void runs_without(char const *value, char const *said)
{
	struct place web = place_with("web", "say up; " SLEEPS);
	tree_write("services/conf/cgroup", 0644, value);
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	assert_true(web.s.cgroup == 0);
	init_says(said);
	init_says("; services have no control groups");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_subtree_that_is_none(void **state)
{
	(void)state;
	runs_without("services\n", "conf/cgroup: `services' is not an absolute path");
	runs_without("/nosuch/cgroup\n", "conf/cgroup: unable to make or open /nosuch/cgroup: ");
	runs_without(tree_name("here\n"), "here: it is not on a cgroup2 file system");
	assert_int_equal(access(tree_name("here"), F_OK), -1);
}

static void a_subtree_of_another_cinit(void **state)
{
	char line[200];
	(void)state;
	group_needed();
	struct place web = place_with("web", "say up; " SLEEPS);
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	snprintf(line, sizeof line, "%s/services", tree.path);
	char const *const argv[] = { "cinit", "-r", tree_name("other"), "-d", line, NULL };
	pid_t other = tree_start("other", argv);
	event_is("up");
	assert_non_null(strstr(tree_read("other.err"), "another cinit uses it"));
	assert_int_equal(group_members("web", run_of(&web)), 1);
	assert_int_equal(init_stop(other, SIGTERM), 0);
	assert_int_equal(group_members("web", run_of(&web)), 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Shares what `pid` has open of the subtree, as a child does that it has just forked. */
static int share_subtree(pid_t pid)
{
	char path[48], link[200];
	int pidfd = process_pidfd(pid), shared = -1;

	for (int fd = 3; fd < 64 && shared < 0; fd++) {
		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
		ssize_t n = readlink(path, link, sizeof link - 1);
		link[n < 0 ? 0 : n] = 0;
		if (!strncmp(link, group_base, strlen(group_base)))
			shared = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	}
	close(pidfd);
	return shared;
}

/* A child of one that was killed has its descriptors for a moment more. That is not what says that
 * there is another cinit. */
static void a_subtree_that_a_child_of_a_dead_cinit_has_open(void **state)
{
	(void)state;
	group_needed();
	struct place web = place_with("web", "say up; " SLEEPS);
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	int shared = share_subtree(pid);
	assert_true(shared >= 0);
	kill(pid, SIGKILL);
	tree_end(pid);
	pid = init_run(NULL);
	UNTIL(&cinit, s->state == STATE_UP && (pid_t)s->supervisor == pid);
	init_kill_supervisor(&web); /* the next one has what this cinit gives it */
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(group_members("web", run_of(&web)), 1);
	assert_null(strstr(tree_read("cinit.err"), "another cinit uses it"));
	close(shared);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		GROUP_TEST(each_service_has_its_own),
		GROUP_TEST(what_hides_is_found_after_an_adoption),
		GROUP_TEST(what_forks_in_a_loop_is_killed_in_one_step),
		GROUP_TEST(groups_below_go),
		GROUP_TEST(what_may_stay_stays),
		GROUP_TEST(what_is_left_of_another_time_goes_first),
		GROUP_TEST(a_group_that_cannot_be_made),
		GROUP_TEST(a_limit_without_its_controller),
		GROUP_TEST(a_limit_that_is_none),
		GROUP_TEST(a_limit_without_a_group),
		GROUP_TEST(a_subtree_that_is_none),
		GROUP_TEST(a_subtree_of_another_cinit),
		GROUP_TEST(a_subtree_that_a_child_of_a_dead_cinit_has_open),
	};
	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
