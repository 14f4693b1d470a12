/* cinit as PID 1 of a container: what only the first process has to do, where there is little to
 * work with, and with a terminal. */
#include "init.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"

/* Ends the namespace as `docker stop` does: a signal to its PID 1. */
static int stop_first(pid_t pid, int sig)
{
	kill(init_first(pid), sig);
	return tree_end(pid);
}

/* -------------------------------------------------------------------------------- PID 1 */

static void boots_and_stops(void **state)
{
	struct place web = init_service("web");

	(void)state;
	init_namespace();
	pid_t pid = init_start_first(NULL);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(stop_first(pid, SIGTERM), 0);
	UNTIL(&web, s->state == STATE_DOWN && s->last_exit == SIGTERM);
	pid = init_start_first(NULL);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(stop_first(pid, SIGINT), 0);
	pid = init_start_first(NULL);
	UNTIL(&web, s->state == STATE_UP);
	/* SIGRTMIN+3 is this number to container runtimes, whatever it is to a C library */
	assert_int_equal(stop_first(pid, 37), 0);
}

static void passes_the_code_of_cmd_through(void **state)
{
	struct place web = init_service("web");

	(void)state;
	init_namespace();
	assert_int_equal(tree_end(init_run_first("/bin/sh", "-c", "exit 41")), EXIT(41));
	assert_int_equal(
		tree_end(init_run_first("/bin/sh", "-c", "kill -USR1 $$")), EXIT(128 + SIGUSR1));
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

static void reaps_whatever_ends(void **state)
{
	(void)state;
	init_namespace();
	tree_script("cmd",
		"for i in 1 2 3 4 5 6 7 8; do (setsid sh -c 'sleep 0.05' &); done\n"
		"sleep 0.1\n"
		"while grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null || \n"
		"grep -q '^Name:.sleep' /proc/[0-9]*/status; do read x </dev/null; done\n"
		"exit 4");
	assert_int_equal(tree_end(init_run_first(tree_name("cmd"))), EXIT(4));
}

static void leaves_nobody_behind(void **state)
{
	struct place web = init_service("web");

	(void)state;
	init_namespace();
	/* a child shell has no `say' of its own */
	tree_script("say", "say \"$@\"");
	assert_int_equal(mkfifo(tree_name("hold"), 0600), 0);
	tree_script("cmd",
		"setsid sh -c 'trap \"$TREE/say swept; exit\" TERM; $TREE/say one; sleep 1000 & "
		"wait' &\n"
		"setsid sh -c 'trap \"\" TERM; $TREE/say two; while :; do sleep 1; done' &\n"
		"read x <$TREE/hold");
	pid_t pid = init_run_first(tree_name("cmd"));
	event_next();
	event_next();
	int hold = open(tree_name("hold"), O_RDWR | O_CLOEXEC);
	assert_int_equal(write(hold, "\n", 1), 1);
	assert_int_equal(tree_end(pid), 0);
	close(hold);
	/* one took the hint, the other its second */
	event_is("swept");
	UNTIL(&web, s->state == STATE_DOWN);
}

static void begins_afresh_whatever_it_finds(void **state)
{
	struct place web = init_service("web"), old = init_service("old");

	(void)state;
	init_namespace();
	pid_t pid = init_start_first(NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&old, s->state == STATE_UP);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	/* the power goes */
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	assert_int_equal(rename(tree_name("services/old"), tree_name("old")), 0);
	pid = init_start_first(NULL);
	UNTIL(&web, s->state == STATE_UP && s->starts == 1);
	init_gone("run/old");
	assert_int_equal(stop_first(pid, SIGTERM), 0);
}

static void a_container_just_ends_when_it_is_to_reboot(void **state)
{
	static uint32_t const how[] = { SHUTDOWN_EXIT, SHUTDOWN_REBOOT, SHUTDOWN_POWEROFF,
		SHUTDOWN_HALT };
	struct place web = init_service("web");

	(void)state;
	init_namespace();
	for (unsigned int n = 0; n < sizeof how / sizeof *how; n++) {
		pid_t pid = init_start_first(NULL);
		UNTIL(&web, s->state == STATE_UP && s->supervisor);
		assert_int_equal(init_command(COMMAND_SHUTDOWN, "", how[n], NULL), RESULT_DONE);
		assert_int_equal(tree_end(pid), 0);
	}
}

static void hundreds_with_few_descriptors(void **state)
{
	struct rlimit old, low;
	struct place last;

	(void)state;
	init_namespace();
	tree_script("sleeper", "exec sleep 1000");
	for (int n = 0; n < 150; n++) {
		char name[64];
		snprintf(name, sizeof name, "services/s%03d", n);
		assert_int_equal(mkdir(tree_name("%s", name), 0755), 0);
		assert_int_equal(link(tree_name("sleeper"), tree_name("%s/run", name)), 0);
		if (n < 60) {
			assert_int_equal(mkdir(tree_name("%s/log", name), 0755), 0);
			assert_int_equal(symlink("/bin/cat", tree_name("%s/log/run", name)), 0);
		}
	}
	last = place_at("s149", tree_name("run/s149"));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 40;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	pid_t pid =
		init_run_first("/bin/sh", "-c", "echo $(ulimit -Sn) >>$EVENTS; exec sleep 1000");
	setrlimit(RLIMIT_NOFILE, &old);
	event_is("40");
	UNTIL(&last, s->state == STATE_UP);
	assert_string_equal(tree_read("cinit.err"), "");
	assert_int_equal(stop_first(pid, SIGTERM), EXIT(143));
	UNTIL(&last, s->state == STATE_DOWN && !s->supervisor);
}

/* --------------------------------------------------------------------------- little room */

/* The address sanitizer itself cannot do without /proc. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

static pid_t start_script(char const *name, char const *body)
{
	char const *argv[] = { "/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child",
		tree_name("%s", name), NULL };

	tree_script(name, body);
	return tree_start("cinit", argv);
}

__attribute__((unused)) /* where it is sanitized */
static void
needs_no_proc_and_no_writable_root(void **state)
{
	struct place web = init_service("web");

	(void)state;
	if (geteuid())
		skip();
	init_namespace();
	pid_t pid = start_script("start",
		"mount -t tmpfs none /proc && mount -t tmpfs -o noexec,mode=755 none $TREE/run &&\n"
		"mkfifo $TREE/run/events && mount --bind $TREE/events $TREE/run/events &&\n"
		"mount -o remount,ro,bind / || { say no; exit 1; }\n"
		"export EVENTS=$TREE/run/events\n"
		"exec $CINIT_BUILD/cinit -r $TREE/run/cinit -d $TREE/services -- $TREE/cmd");
	tree_script("cmd",
		"set -- /proc/*; say $1 $CINIT_RUN; touch /x 2>/dev/null && say writable\n"
		"[ -p $CINIT_RUN/web/out ] && say web; exit 6");
	char text[TREE_PATH + 40];
	snprintf(text, sizeof text, "/proc/* %s/cinit", tree.run);
	event_is(text);
	event_is("web");
	assert_int_equal(tree_end(pid), EXIT(6));
	event_none();
	(void)web;
}

static void any_uid_will_do(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	init_namespace();
	tree_script("services/web/run", "exec sleep 1000");
	tree_script("cmd", "say $(id -u) $CINIT_RUN; [ -p $CINIT_RUN/web/out ] && exit 8");
	pid_t pid = start_script("start",
		"mount -t tmpfs -o mode=1777 none /dev/shm && mount -t tmpfs -o mode=755 none /run "
		"&&\n"
		"unset CINIT_RUN XDG_RUNTIME_DIR\n"
		"exec setpriv --reuid 12345 --regid 12345 --clear-groups $CINIT_BUILD/cinit "
		"-d $TREE/services -- $TREE/cmd");
	event_is("12345 /dev/shm/cinit-12345");
	assert_int_equal(tree_end(pid), EXIT(8));
}

/* ------------------------------------------------------------------------------ terminal */

static int pty_ended, pty_status;

static void note_end(pid_t pid, int wstat)
{
	if (pid == pty_ended) {
		pty_ended = 0;
		pty_status = wstat;
	}
}

/* Starts a program with a terminal as its stdin; `session`: as the leader of a session that it
 * controls, as a login or `docker run -t` does. Returns the terminal's other end. */
static int start_on_terminal(int session, char const *const *argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
	char const *name = ptsname(master);
	tree.orphan = note_end;
	pty_ended = fork();
	if (!pty_ended) {
		int fd;
		setsid();
		fd = open(name, O_RDWR | O_NOCTTY);
		if (session)
			ioctl(fd, TIOCSCTTY, 0);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_true(pty_ended > 0);
	return master;
}

static int end_on_terminal(int master)
{
	uint64_t deadline = tree_patience();

	while (pty_ended)
		assert_true(tree_poll(0, 0, deadline) >= 0);
	close(master);
	return pty_status;
}

/* Says whether it is in the foreground, and in which session; then waits for ctrl-c. */
static char const in_foreground[] =
	"trap 'say INT; exit 9' INT\n"
	"read -r pid _ _ _ group session _ foreground _ </proc/self/stat\n"
	"[ $group = $foreground ] && [ -t 0 ] && say foreground $session $TERM\n"
	"while :; do sleep 0.02; done";

static void cmd_gets_the_terminal(void **state)
{
	struct place web = init_service("web");
	char cinit[256];

	(void)state;
	tree_script("cmd", in_foreground);
	snprintf(cinit, sizeof cinit, "%s/cinit", getenv("CINIT_BUILD"));
	setenv("TERM", "vt52", 1);
	int master = start_on_terminal(1, (char const *const[]){ cinit, "-r", tree.run, "-d",
						  tree.services, "--", tree_name("cmd"), NULL });
	char const *line = event_next();
	assert_non_null(strstr(line, "foreground "));
	assert_non_null(strstr(line, " vt52"));
	assert_int_equal(write(master, "\003", 1), 1);
	event_is("INT");
	assert_int_equal(end_on_terminal(master), EXIT(9));
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

/* A container's console that no session controls yet: PID 1 of a fresh namespace is in nobody's
 * session. */
/* Says when it is continued. A shell that is just about to fork, as in a loop, would not stop. */
static void script_that_is_continued(void)
{
	tree_script("cmd", "trap 'say CONT' CONT\ntrap 'say INT; exit 9' INT\nsay foreground\n"
			   "sleep 1000 &\nwhile :; do wait; done");
}

/* ctrl-z stops CMD, and cinit with it, as the job of a shell that it is; fg brings both back. */
static void a_job_is_stopped_and_continued(void **state)
{
	struct place web = init_service("web");

	(void)state;
	script_that_is_continued();
	tree_script("shell",
		"set -m\n$CINIT_BUILD/cinit -r $TREE/run -d $TREE/services -- $TREE/cmd\n"
		"say stopped $?\nfg >/dev/null\nsay end $?");
	int master = start_on_terminal(1, (char const *const[]){ tree_name("shell"), NULL });
	event_is("foreground");
	assert_int_equal(write(master, "\032", 1), 1);
	event_is("stopped 148");
	event_is("CONT");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(write(master, "\003", 1), 1);
	event_await("INT");
	event_await("end 9");
	end_on_terminal(master);
}

/* Where no shell could bring it back, ctrl-z is over at once. */
static void nobody_else_would_continue_cmd(void **state)
{
	char cinit[256];

	(void)state;
	script_that_is_continued();
	snprintf(cinit, sizeof cinit, "%s/cinit", getenv("CINIT_BUILD"));
	int master = start_on_terminal(1, (char const *const[]){ cinit, "-r", tree.run, "-d",
						  tree.services, "--", tree_name("cmd"), NULL });
	event_is("foreground");
	assert_int_equal(write(master, "\032", 1), 1);
	event_is("CONT");
	assert_int_equal(write(master, "\003", 1), 1);
	event_await("INT");
	assert_int_equal(end_on_terminal(master), EXIT(9));
}

static void cmd_of_pid_1_leads_a_session(void **state)
{
	char cinit[256];

	(void)state;
	init_namespace();
	if (geteuid())
		skip();
	tree_script("cmd", in_foreground);
	snprintf(cinit, sizeof cinit, "%s/cinit", getenv("CINIT_BUILD"));
	setenv("TERM", "vt52", 1);
	int master =
		start_on_terminal(0, (char const *const[]){ "/usr/bin/unshare", "--pid", "--fork",
					     "--kill-child", "--mount-proc", cinit, "-r", tree.run,
					     "-d", tree.services, "--", tree_name("cmd"), NULL });
	assert_non_null(strstr(event_next(), "foreground "));
	assert_int_equal(write(master, "\003", 1), 1);
	event_is("INT");
	assert_int_equal(end_on_terminal(master), EXIT(9));
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(boots_and_stops),
		TREE_TEST(passes_the_code_of_cmd_through),
		TREE_TEST(reaps_whatever_ends),
		TREE_TEST(leaves_nobody_behind),
		TREE_TEST(begins_afresh_whatever_it_finds),
		TREE_TEST(a_container_just_ends_when_it_is_to_reboot),
		TREE_TEST(hundreds_with_few_descriptors),
#if !SANITIZED
		TREE_TEST(needs_no_proc_and_no_writable_root),
#endif
		TREE_TEST(any_uid_will_do),
		TREE_TEST(cmd_gets_the_terminal),
		TREE_TEST(cmd_of_pid_1_leads_a_session),
		TREE_TEST(a_job_is_stopped_and_continued),
		TREE_TEST(nobody_else_would_continue_cmd),
	};
	return cmocka_run_group_tests_name("init_first", tests, NULL, NULL);
}
