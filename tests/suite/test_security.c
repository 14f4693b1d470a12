/* What doc/security.md says, with real users: a service that means ill, users who are nobody's
 * owner, and directories that somebody else has laid hands on. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WICKED   12345 /* a service's user */
#define STRANGER 54321
#define GROUP    23456
#define WORKS    "\"$CINIT_BUILD/test/helper/hostile\""

static void needs_users(void)
{
	if (!tree_has_users()) {
		print_message("not root, or no other users\n");
		skip();
	}
	/* others find the programs, and $EVENTS */
	assert_int_equal(chmod(tree.path, 0755), 0);
	assert_int_equal(chmod(tree_name("events"), 0666), 0);
}

static void become_stranger(void)
{
	gid_t none = STRANGER;
	if (setgroups(1, &none) < 0 || setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
		_exit(120);
}

static void become_member(void)
{
	gid_t group = GROUP;
	if (setgroups(1, &group) < 0 || setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
		_exit(120);
}

/* ------------------------------------------------------------------------- a hostile service */

/* Everything it tries is refused, and each try is counted: a helper that tries nothing fails. */
static void a_hostile_service_reaches_nothing(void **state)
{
	struct place web = place_make("web");
	char line[64];
	int tries;
	(void)state;
	needs_users();
	place_script(&web, "run", "exec " WORKS " attack \"$TREE/run\" web");
	place_script(&web, "log/run", "exec cat >/dev/null");
	place_write(&web, "user", "12345:12345\n");
	place_write(&web, "log/user", "12345:12345\n");
	place_write(&web, "notification-fd", "3\n");
	place_write(&web, "timeout-kill", "300");
	pid_t pid = init_run(NULL);
	snprintf(line, sizeof line, "%s", event_next());
	if (sscanf(line, "tried %d", &tries) != 1)
		fail_msg("%s", line);
	assert_in_range(tries, 120, 1000);
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_RUN].pid);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Its readiness channel is all that it has, and that makes nobody deaf. */
static void a_flood_of_noise_deafens_nobody(void **state)
{
	struct place web = place_with("web", "exec " WORKS " flood 3");
	(void)state;
	needs_users();
	place_write(&web, "user", "12345:12345\n");
	place_write(&web, "notification-fd", "3\n");
	place_write(&web, "timeout-kill", "300");
	pid_t pid = init_run(NULL);
	event_is("flooding");
	UNTIL(&web, s->state == STATE_STARTING);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
		event_is("flooding");
	}
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_flood_of_notices_deafens_nobody(void **state)
{
	struct place web =
		place_with("web", "exec " WORKS " notices \"$NOTIFY_SOCKET\" STATUS=here");
	(void)state;
	needs_users();
	place_write(&web, "user", "12345:12345\n");
	place_write(&web, "notify", "");
	place_write(&web, "timeout-kill", "300");
	pid_t pid = init_run(NULL);
	event_is("flooding");
	UNTIL(&web, s->reason == REASON_STATUS);
	assert_string_equal(web.s.reason_text, "here");
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Nor does somebody else's, who may write to the socket: and what he writes is no change. */
static void a_strangers_notices_change_nothing(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	char path[256];
	(void)state;
	needs_users();
	place_write(&web, "notify", "");
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	snprintf(path, sizeof path, "%s/test/helper/hostile", getenv("CINIT_BUILD"));
	char const *const argv[] = { path, "notices", tree_name("run/web/notify"), "READY=1",
		NULL };
	tree.before_exec = become_stranger;
	pid_t stranger = tree_start("stranger", argv);
	tree.before_exec = NULL;
	event_is("flooding");
	uint64_t changes = web.s.change;
	place_look(&web);
	assert_int_equal(web.s.change, changes);
	assert_int_equal(web.s.state, STATE_STARTING);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	assert_true(web.s.noise > 0);
	UNTIL(&web, s->state == STATE_DOWN);
	kill(stranger, SIGKILL);
	assert_int_equal(tree_end(stranger), SIGKILL);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* ------------------------------------------------------------------------------- other users */

static mode_t mode_of(char const *name)
{
	struct stat st;
	if (lstat(tree_name("run/%s", name), &st) < 0)
		fail_msg("%s: %s", name, strerror(errno));
	assert_int_equal(st.st_uid, geteuid());
	return st.st_mode & 07777;
}

static void the_modes_are_those_of_the_manual(void **state)
{
	struct place web = place_make("web");
	static struct {
		char const *name;
		mode_t mode;
	} const rows[] = {
		{ "", 0755 },
		{ ".cinit", 0755 },
		{ ".cinit/in", 0600 },
		{ ".cinit/out", 0644 },
		{ ".cinit/status", 0644 },
		{ ".cinit/lock", 0600 },
		{ "web", 0755 },
		{ "web/in", 0600 },
		{ "web/out", 0644 },
		{ "web/status", 0644 },
		{ "web/lock", 0600 },
		{ "web/pipe", 0600 },
		{ "web/ready", 0600 },
		{ "web/log", 0755 },
		{ "web/log/in", 0600 },
		{ "web/log/out", 0644 },
		{ "web/log/status", 0644 },
	};
	(void)state;
	place_script(&web, "run", "echo >&3; say up; " SLEEPS);
	place_script(&web, "log/run", "exec cat >/dev/null");
	place_write(&web, "notification-fd", "3\n");
	/* neither a generous umask nor a mean one has a say */
	mode_t before = umask(0);
	pid_t pid = init_run(NULL);
	umask(before);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (mode_of(rows[i].name) != rows[i].mode)
			fail_msg("%s: mode %o", rows[i].name, mode_of(rows[i].name));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void others_may_look_and_not_touch(void **state)
{
	struct place web = place_with("web", "say up; " SLEEPS);
	static struct output o;
	(void)state;
	needs_users();
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	tree.before_exec = become_stranger;
	tree_run(&o, "svctl", "status", "web", NULL);
	assert_int_equal(o.code, 0);
	tree_run(&o, "svctl", "-w", "5", "wait", "up", "web", NULL);
	assert_int_equal(o.code, 0);
	tree_run(&o, "svctl", "-w", "5", "stop", "web", NULL);
	assert_int_equal(o.code, 1);
	if (!strstr(o.out, "web: unable to send down: access denied"))
		fail_msg("%s%s", o.out, o.err);
	tree_run(&o, "svctl", "poweroff", NULL);
	assert_int_not_equal(o.code, 0);
	tree_run(&o, "svctl", "rescan", NULL);
	assert_int_not_equal(o.code, 0);
	tree.before_exec = NULL;
	UNTIL(&web, s->state == STATE_UP && s->starts == 1 && s->want == WANT_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* The control group commands services and the tree, and nothing besides. */
static void the_control_group_may_command(void **state)
{
	struct place web = place_with("web", "say up; " SLEEPS);
	static struct output o;
	char path[256];
	(void)state;
	needs_users();
	tree_write("services/conf/control-group", 0644, "23456\n");
	pid_t pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(mode_of("web/in"), 0620);
	assert_int_equal(mode_of(".cinit/in"), 0620);
	tree.before_exec = become_member;
	tree_run(&o, "svctl", "-w", "10", "stop", "web", NULL);
	assert_int_equal(o.code, 0);
	tree_run(&o, "svctl", "disable", "web", NULL);
	assert_int_not_equal(o.code, 0);
	tree_run(&o, "svctl", "rescan", NULL);
	assert_int_equal(o.code, 0);
	snprintf(path, sizeof path, "rm -f '%s' || mv '%s' '%s.x'", tree_name("run/web/in"),
		tree_name("run/web"), tree_name("run/web"));
	tree_run(&o, "/bin/sh", "-c", path, NULL);
	assert_int_not_equal(o.code, 0);
	tree.before_exec = NULL;
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* ------------------------------------------------------------------ squatted, or swapped */

/* The state directory of a service is somebody else's, open to others, or a link. */
static void a_state_directory_of_somebody_else(void **state)
{
	struct place web = place_with("web", SLEEPS);
	(void)state;
	needs_users();
	assert_int_equal(chown(tree_name("run/web"), STRANGER, STRANGER), 0);
	place_supervise(&web);
	assert_int_equal(tree_end(web.supervisor), EXIT(111));
	if (!strstr(tree_read("web.err"), "refused state directory "))
		fail_msg("%s", tree_read("web.err"));
	if (!strstr(tree_read("web.err"), "/run/web: it belongs to uid 54321\n"))
		fail_msg("%s", tree_read("web.err"));
	pid_t pid = init_run(NULL);
	init_says("web: unable to make state directory ");
	init_says(": it belongs to uid 54321; not supervised, trying again");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_int_equal(chown(tree_name("run/web"), 0, 0), 0);
	assert_int_equal(chmod(tree_name("run/web"), 0775), 0);
	place_supervise(&web);
	assert_int_equal(tree_end(web.supervisor), EXIT(111));
	assert_int_equal(chmod(tree_name("run/web"), 0755), 0);
	init_move("run/web", "elsewhere");
	assert_int_equal(symlink(tree_name("elsewhere"), tree_name("run/web")), 0);
	place_supervise(&web);
	assert_int_equal(tree_end(web.supervisor), EXIT(111));
}

/* Somebody who could once write there has left FIFOs and links of his own in the places of ours.
 * They make way, and what they lead to is not touched. */
static void fifos_of_somebody_else_make_way(void **state)
{
	static char const *const names[] = { "in", "out" };
	struct place web = place_with("web", "say up; " SLEEPS);
	struct stat st;
	(void)state;
	needs_users();
	for (size_t i = 0; i < 2; i++) {
		char const *path = tree_name("run/web/%s", names[i]);
		unlink(path);
		assert_int_equal(mkfifo(path, 0666), 0);
		assert_int_equal(chmod(path, 0666), 0);
		assert_int_equal(chown(path, STRANGER, STRANGER), 0);
	}
	tree_write("precious", 0644, "precious\n");
	assert_int_equal(symlink(tree_name("precious"), tree_name("run/web/.status")), 0);
	place_up(&web);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(lstat(tree_name("run/web/%s", names[i]), &st), 0);
		assert_true(S_ISFIFO(st.st_mode) && st.st_uid == geteuid());
		assert_int_equal(st.st_mode & 0777, i ? 0644 : 0600);
	}
	assert_string_equal(tree_read("precious"), "precious\n");
	assert_int_equal(place_command(&web, 'x'), RESULT_DONE);
	assert_int_equal(tree_end(web.supervisor), 0);
	assert_string_equal(tree_read("precious"), "precious\n");
}

/* A client is not led to something else by a link either. */
static void a_client_follows_no_link(void **state)
{
	struct place web = place_with("web", SLEEPS);
	static struct output o;
	(void)state;
	tree_write("precious", 0666, "precious\n");
	unlink(tree_name("run/web/in"));
	assert_int_equal(symlink(tree_name("precious"), tree_name("run/web/in")), 0);
	tree_run(&o, "svctl", "-w", "1", "stop", "web", NULL);
	assert_int_not_equal(o.code, 0);
	assert_string_equal(tree_read("precious"), "precious\n");
	(void)web;
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_hostile_service_reaches_nothing),
		TREE_TEST(a_flood_of_noise_deafens_nobody),
		TREE_TEST(a_flood_of_notices_deafens_nobody),
		TREE_TEST(a_strangers_notices_change_nothing),
		TREE_TEST(the_modes_are_those_of_the_manual),
		TREE_TEST(others_may_look_and_not_touch),
		TREE_TEST(the_control_group_may_command),
		TREE_TEST(a_state_directory_of_somebody_else),
		TREE_TEST(fifos_of_somebody_else_make_way),
		TREE_TEST(a_client_follows_no_link),
	};
	return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
