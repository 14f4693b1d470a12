/* What a boot is made of: profiles, and services that leave themselves out by enable-if-env. */
#include "init.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "depend.h"
#include "svctl.h"

/* A tree in which everything but `tool` is of a profile `dev`: dev is a bundle of web, which needs
 * db; and `tool` stands apart. */
struct house {
	struct place dev, web, db, tool;
};

static struct house build(void)
{
	struct house h = { .dev = member_bundle("dev"),
		.web = init_service("web"),
		.db = init_service("db"),
		.tool = init_service("tool") };

	depend_on(&h.dev, "needs", "web", NULL);
	depend_on(&h.web, "needs", "db", NULL);
	return h;
}

static void is_dev(struct house *h)
{
	UP(&h->dev);
	UP(&h->web);
	UP(&h->db);
	UNTIL(&h->tool, s->state == STATE_DOWN && s->want == WANT_DOWN && !s->starts);
}

/* --------------------------------------------------------------------------- profiles */

static void a_profile_starts_what_it_needs(void **state)
{
	struct house h = build();

	(void)state;
	pid_t pid = init_words("-p", "dev");
	is_dev(&h);
	assert_int_equal(h.tool.s.reason, REASON_PROFILE);
	SVCTL(0, "tool: down: not in the profile of this boot\n", "why", "tool");
	SVCTL(0, "down: tool: #s, not in the profile of this boot\n", "status", "tool");
	assert_int_equal(h.db.s.reason, REASON_NONE);
	/* what is implied goes with what implied it */
	assert_int_equal(place_command(&h.dev, 'd'), RESULT_DONE);
	DOWN(&h.db);
	/* and the others are as good as any */
	assert_int_equal(place_command(&h.tool, 'u'), RESULT_DONE);
	UP(&h.tool);
	assert_int_equal(h.tool.s.reason, REASON_NONE);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_profile_need_not_be_a_bundle(void **state)
{
	struct house h = build();

	(void)state;
	/* down files count for nothing there */
	place_write(&h.web, "down", "");
	place_write(&h.db, "down", "");
	pid_t pid = init_words("--profile=web");
	UP(&h.web);
	UP(&h.db);
	assert_true(h.web.s.flags & FLAG_ASKED);
	UNTIL(&h.dev, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void without_one_everything_starts(void **state)
{
	struct house h = build();

	(void)state;
	setenv("CINIT_PROFILE", "", 1);
	pid_t pid = init_start(NULL);
	unsetenv("CINIT_PROFILE");
	UP(&h.dev);
	UP(&h.tool);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void the_environment_names_one(void **state)
{
	struct house h = build();

	(void)state;
	place_script(&h.web, "run", "say \"profile:${CINIT_PROFILE-none}\"; exec sleep 1000");
	setenv("CINIT_PROFILE", "dev", 1);
	pid_t pid = init_start(NULL);
	is_dev(&h);
	/* a cinit below boots as it likes */
	event_is("profile:none");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	/* the command line has the last word */
	setenv("CINIT_PROFILE", "tool", 1);
	pid = init_words("-p", "dev");
	unsetenv("CINIT_PROFILE");
	is_dev(&h);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void the_command_comes_after_the_profile(void **state)
{
	struct house h = build();

	(void)state;
	place_script(&h.db, "run", "say db; echo >&3; exec sleep 1000");
	place_write(&h.db, "notification-fd", "3");
	place_script(&h.web, "run", "say web; echo >&3; exec sleep 1000");
	place_write(&h.web, "notification-fd", "3");
	place_script(&h.tool, "run", "say tool; exec sleep 1000");
	pid_t pid = init_words("-p", "dev", "--", "/bin/sh", "-c", "echo cmd >>$EVENTS; exit 3");
	event_is("db");
	event_is("web");
	event_is("cmd");
	assert_int_equal(tree_end(pid), EXIT(3));
	event_none();
}

static void a_name_that_is_none_boots_nothing(void **state)
{
	static char const *const wrong[] = { "prod", "", ".", "..", "conf", "x@", "y@1", "x@.a",
		"../services/web", "file" };
	struct house h = build();
	char text[300];

	(void)state;
	tree_script("services/x@/run", SLEEPS);
	tree_write("services/file", 0644, "");
	for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
		assert_int_equal(tree_end(init_words("-p", wrong[n])), EXIT(100));
		snprintf(text, sizeof text,
			"cinit: fatal: unable to boot profile %s: no such service in %s\n",
			wrong[n], tree.services);
		assert_non_null(strstr(tree_read("cinit.err"), text));
	}
	place_look(&h.web);
	assert_int_not_equal(h.web.e, STATUS_OK);
	/* and it has not disturbed anybody */
	pid_t pid = init_start(NULL);
	UP(&h.web);
	assert_int_equal(tree_end(init_words("-p", "prod")), EXIT(100));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_profile_may_be_an_instance(void **state)
{
	struct house h = build();
	struct place one = place_at("x@1", tree_name("run/x@1"));

	(void)state;
	tree_script("services/x@/run", "say \"$1\"; exec sleep 1000");
	pid_t pid = init_words("-p", "x@1");
	event_is("1");
	UP(&one);
	assert_true(one.s.flags & FLAG_ASKED);
	UNTIL(&h.web, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void what_comes_later_is_not_of_the_profile(void **state)
{
	struct house h = build();

	(void)state;
	pid_t pid = init_words("-p", "dev");
	is_dev(&h);
	struct place new = init_service("new");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UNTIL(&new, s->state == STATE_DOWN && s->want == WANT_DOWN);
	/* nor is what is told to exit and comes back */
	assert_int_equal(place_command(&h.tool, 'u'), RESULT_DONE);
	UP(&h.tool);
	place_send(&h.tool, 'x');
	UNTIL(&h.tool, s->flags & FLAG_EXITED && !s->supervisor);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UNTIL(&h.tool, s->supervisor && s->state == STATE_DOWN && s->want == WANT_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_profile_of_a_container(void **state)
{
	struct house h = build();

	init_namespace();
	(void)state;
	setenv("CINIT_PROFILE", "dev", 1);
	pid_t pid = init_start_first(NULL);
	is_dev(&h);
	kill(init_first(pid), SIGTERM);
	assert_int_equal(tree_end(pid), 0);
	setenv("CINIT_PROFILE", "prod", 1);
	pid = init_start_first(NULL);
	unsetenv("CINIT_PROFILE");
	assert_int_equal(tree_end(pid), EXIT(100));
}

static void loggers_are_of_every_profile(void **state)
{
	struct house h = build();
	struct place log = place_at("tool/log", tree_name("run/tool/log"));

	(void)state;
	place_script(&h.tool, "log/run", "exec cat >/dev/null");
	pid_t pid = init_words("-p", "dev");
	is_dev(&h);
	UP(&log);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* ---------------------------------------------------------------------- enable-if-env */

#define LEFT_OUT(p, line)                                                                          \
	UNTIL(p, s->state == STATE_DOWN && s->want == WANT_DOWN && s->flags & FLAG_HELD &&         \
			 s->reason == REASON_LEFT_OUT &&                                           \
			 !strcmp(s->reason_text, "left out: enable-if-env: " line))

static void a_condition_that_does_not_hold_leaves_it_out(void **state)
{
	struct house h = build();

	(void)state;
	place_write(&h.db, "enable-if-env", "SITE=here\n!TESTING\n");
	place_write(&h.tool, "enable-if-env", "SITE=here\nTESTING\n");
	setenv("SITE", "here", 1);
	setenv("TESTING", "1", 1);
	pid_t pid = init_start(NULL);
	unsetenv("SITE");
	unsetenv("TESTING");
	UP(&h.tool);
	LEFT_OUT(&h.db, "!TESTING");
	UNTIL(&h.web, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
	reason_is(&h.web, "needs db: left out: enable-if-env: !TESTING");
	/* that somebody needs it is no reason to start it; that somebody says up is */
	assert_int_equal(place_command(&h.web, 'u'), RESULT_DONE);
	assert_int_equal(place_command(&h.db, 'd'), RESULT_DONE);
	LEFT_OUT(&h.db, "!TESTING");
	assert_int_equal(place_command(&h.db, 'u'), RESULT_DONE);
	UP(&h.db);
	assert_int_equal(h.db.s.reason, REASON_NONE);
	UP(&h.web);
	UP(&h.dev);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_want_of_one_that_is_left_out_is_satisfied(void **state)
{
	struct place web = init_service("web"), extra = init_service("extra");

	(void)state;
	place_write(&extra, "enable-if-env", "NOSUCHVARIABLE\n");
	depend_on(&web, "wants", "extra", NULL);
	/* a command need not wait for who waits for it either */
	struct place user = init_service("user");
	depend_on(&user, "needs", "extra", NULL);
	pid_t pid = init_words("--", "/bin/sh", "-c", "echo cmd >>$EVENTS; exec sleep 1000");
	event_is("cmd");
	UP(&web);
	LEFT_OUT(&extra, "NOSUCHVARIABLE");
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

static void a_condition_is_asked_once_a_boot(void **state)
{
	struct place web = init_service("web");

	(void)state;
	place_write(&web, "enable-if-env", "HOME_OF_WEB\n");
	pid_t pid = init_start(NULL);
	LEFT_OUT(&web, "HOME_OF_WEB");
	kill((pid_t)web.s.supervisor, SIGKILL);
	uint32_t former = web.s.supervisor;
	UNTIL(&web, s->supervisor && s->supervisor != former);
	LEFT_OUT(&web, "HOME_OF_WEB");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	setenv("HOME_OF_WEB", "/srv", 1);
	pid = init_start(NULL);
	unsetenv("HOME_OF_WEB");
	UP(&web);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_profile_does_not_override_it(void **state)
{
	struct place web = init_service("web");

	(void)state;
	place_write(&web, "enable-if-env", "NOSUCHVARIABLE\n");
	pid_t pid = init_words("-p", "web");
	LEFT_OUT(&web, "NOSUCHVARIABLE");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void what_is_no_condition_is_a_failure(void **state)
{
	struct place web = init_service("web");

	(void)state;
	place_write(&web, "enable-if-env", "A\n!B=c\n");
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	reason_is(&web, "enable-if-env: `!B=c' is not a condition (VAR, VAR=value or !VAR)");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_profile_starts_what_it_needs),
		TREE_TEST(a_profile_need_not_be_a_bundle),
		TREE_TEST(without_one_everything_starts),
		TREE_TEST(the_environment_names_one),
		TREE_TEST(the_command_comes_after_the_profile),
		TREE_TEST(a_name_that_is_none_boots_nothing),
		TREE_TEST(a_profile_may_be_an_instance),
		TREE_TEST(what_comes_later_is_not_of_the_profile),
		TREE_TEST(a_profile_of_a_container),
		TREE_TEST(loggers_are_of_every_profile),
		TREE_TEST(a_condition_that_does_not_hold_leaves_it_out),
		TREE_TEST(a_want_of_one_that_is_left_out_is_satisfied),
		TREE_TEST(a_condition_is_asked_once_a_boot),
		TREE_TEST(a_profile_does_not_override_it),
		TREE_TEST(what_is_no_condition_is_a_failure),
	};
	return cmocka_run_group_tests_name("init_profile", tests, NULL, NULL);
}
