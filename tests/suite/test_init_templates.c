/* Templates: name@ starts nothing, name@arg is made when somebody asks for it. */
/* long: one story a test, told in full */
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

/* Says its argument, in all the ways that it gets it, and is ready then. */
static void make_template(char const *name)
{
	char file[128];

	snprintf(file, sizeof file, "services/%s/run", name);
	tree_script(file, "say \"up $# $1 $CINIT_INSTANCE $CINIT_SERVICE\"; echo >&3\n"
			  "exec sleep 1000");
	snprintf(file, sizeof file, "services/%s/notification-fd", name);
	tree_write(file, 0644, "3");
}

/* An instance; cinit makes all there is of it. */
static struct place instance(char const *name)
{
	return place_at(name, tree_name("run/%s", name));
}

/* The same, when it is there. */
static struct place made(char const *name)
{
	struct place p = instance(name);

	init_there(tree_name("run/%s/out", name) + strlen(tree.path) + 1);
	return p;
}

static void is_absent(char const *name)
{
	assert_int_not_equal(access(tree_name("run/%s", name), F_OK), 0);
}

static enum status_result wake(char const *name)
{
	return init_command(COMMAND_WAKE, name, 0, NULL);
}

/* ------------------------------------------------------------------------ who asks for it */

static void a_template_starts_nothing(void **state)
{
	struct place web = init_service("web");

	(void)state;
	make_template("x@");
	pid_t pid = init_start(NULL);
	UP(&web);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	is_absent("x@");
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_link_is_an_instance(void **state)
{
	struct place one = instance("x@one");

	(void)state;
	make_template("x@");
	assert_int_equal(symlink("x@", tree_name("services/x@one")), 0);
	pid_t pid = init_start(NULL);
	event_is("up 1 one one x@one");
	UP(&one);
	assert_true(one.s.flags & FLAG_ASKED);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_need_makes_one(void **state)
{
	struct place web = init_service("web"), two = init_service("two"), one = instance("x@1");

	(void)state;
	make_template("x@");
	depend_on(&web, "needs", "x@1", NULL);
	depend_on(&two, "wants", "x@1", "x@2", NULL);
	pid_t pid = init_start(NULL);
	UP(&web);
	UP(&two);
	event_are("up 1 1 1 x@1", "up 1 2 2 x@2", NULL);
	UP(&one);
	assert_int_equal(one.s.flags & (FLAG_ASKED | FLAG_IMPLIED), FLAG_IMPLIED);
	/* it goes with the last one who needs it */
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	assert_int_equal(place_command(&two, 'd'), RESULT_DONE);
	DOWN(&one);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	event_is("up 1 1 1 x@1");
	UP(&web);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_chain_of_templates(void **state)
{
	struct place web = init_service("web"), b = instance("b@7");

	(void)state;
	make_template("a@");
	make_template("b@");
	tree_write("services/a@/needs/b@7", 0644, "");
	depend_on(&web, "needs", "a@x@y", NULL);
	/* a command waits for all of it */
	pid_t pid = init_words("--", "/bin/sh", "-c", "echo cmd >>$EVENTS; exec sleep 1000");
	events("up 1 7 7 b@7", "up 1 x@y x@y a@x@y", "cmd");
	UP(&web);
	UP(&b);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

static void a_need_without_template_waits(void **state)
{
	struct place web = init_service("web"), one = instance("x@1");

	(void)state;
	depend_on(&web, "needs", "x@1", NULL);
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
	reason_is(&web, "needs x@1: no such service");
	make_template("x@");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UP(&web);
	UP(&one);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_need_on_a_template_is_an_error(void **state)
{
	struct place web = init_service("web");

	(void)state;
	make_template("x@");
	depend_on(&web, "needs", "x@", NULL);
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	reason_is(&web, "needs/x@: is a template; an instance has a name behind the @");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_wake_makes_one_that_is_down(void **state)
{
	struct place web = init_service("web");

	(void)state;
	make_template("x@");
	pid_t pid = init_start(NULL);
	UP(&web);
	assert_int_equal(wake("x@1"), RESULT_DONE);
	struct place one = instance("x@1");
	UNTIL(&one, s->state == STATE_DOWN && s->want == WANT_DOWN);
	assert_int_equal(wake("x@1"), RESULT_NOTHING);
	event_none();
	assert_int_equal(place_command(&one, 'u'), RESULT_DONE);
	event_is("up 1 1 1 x@1");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void wrong_names_are_refused(void **state)
{
	static char const *const wrong[] = { "x@", "y@1", "@", "@1", "x", "x@.", "x@.a", "x@a/b",
		"x@/", "x@..", "../x@1", ".x@1", "x@\n", "services/x@1", "", "f@1" };
	struct place web = init_service("web");
	enum status_why why;
	char longest[257];

	(void)state;
	make_template("x@");
	tree_write("services/f@", 0644, "");
	pid_t pid = init_start(NULL);
	UP(&web);
	for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
		assert_int_equal(init_command(COMMAND_WAKE, wrong[n], 0, &why), RESULT_REFUSED);
		assert_int_equal(why, WHY_UNKNOWN);
	}
	memset(longest, 'a', 255);
	memcpy(longest, "x@", 2);
	longest[255] = 0;
	assert_int_equal(wake(longest), RESULT_DONE);
	/* what one argument holds is another one's business */
	assert_int_equal(wake("x@a b*$(c)@"), RESULT_DONE);
	struct place odd = instance("x@a b*$(c)@");
	assert_int_equal(place_command(&odd, 'u'), RESULT_DONE);
	event_is("up 1 a b*$(c)@ a b*$(c)@ x@a b*$(c)@");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* --------------------------------------------------------------------------- how it ends */

static void it_goes_with_its_template(void **state)
{
	struct place web = init_service("web");

	(void)state;
	make_template("x@");
	tree_script("services/x@/log/run", "exec cat >/dev/null");
	depend_on(&web, "needs", "x@1", NULL);
	pid_t pid = init_start(NULL);
	UP(&web);
	assert_int_equal(wake("x@2"), RESULT_DONE);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	struct place one = made("x@1");
	UP(&one);
	init_move("services/x@", "gone");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/x@1");
	init_gone("run/x@2");
	UNTIL(&web, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
	init_move("gone", "services/x@");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UP(&web);
	is_absent("x@2");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void another_template_starts_it_anew(void **state)
{
	(void)state;
	make_template("x@");
	pid_t pid = svctl_boot();
	SVCTL(0, "", "up", "x@1");
	event_is("up 1 1 1 x@1");
	struct place one = made("x@1");
	UP(&one);
	uint32_t supervisor = one.s.supervisor;
	init_move("services/x@", "old");
	make_template("x@");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	/* as it was when it was made: down, until somebody asks */
	UNTIL(&one, s->supervisor && s->supervisor != supervisor && s->state == STATE_DOWN);
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_directory_of_its_own_takes_its_place(void **state)
{
	(void)state;
	make_template("x@");
	pid_t pid = svctl_boot();
	SVCTL(0, "", "up", "x@1");
	event_is("up 1 1 1 x@1");
	tree_script("services/x@1/run", "say \"own $1\"; exec sleep 1000");
	/* before a rescan nobody knows of it */
	SVCTL(0, "", "up", "x@1");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	event_is("own 1");
	/* one that was not there yet needs no rescan */
	tree_script("services/x@2/run", "say \"own $1\"; exec sleep 1000");
	SVCTL(0, "", "up", "x@2");
	event_is("own 2");
	/* it goes with its directory, whatever template there is */
	init_move("services/x@2", "old");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/x@2");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void another_cinit_takes_it_over(void **state)
{
	(void)state;
	make_template("x@");
	make_template("y@");
	pid_t pid = svctl_boot();
	SVCTL(0, "", "up", "x@1", "y@1");
	event_next(), event_next();
	struct place one = made("x@1"), other = made("y@1");
	UP(&one);
	UP(&other);
	uint32_t run = one.s.pid, supervisor = one.s.supervisor;
	kill(pid, SIGKILL);
	tree_end(pid);
	init_move("services/y@", "old");
	pid = init_start(NULL);
	init_gone("run/y@1");
	place_look(&one);
	assert_int_equal(one.s.pid, run);
	assert_int_equal(one.s.supervisor, supervisor);
	/* it is as good as before */
	kill((pid_t)supervisor, SIGKILL);
	UNTIL(&one, s->supervisor && s->supervisor != supervisor && s->state == STATE_UP);
	assert_int_equal(one.s.pid, run);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	assert_int_equal(place_command(&one, 'y'), RESULT_DONE);
	assert_int_equal(one.s.pid, run);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	/* at the next boot nobody has asked for it */
	pid = init_start(NULL);
	init_gone("run/x@1");
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* What was asked of a cinit that died is asked again. */
static void a_wake_is_not_lost(void **state)
{
	struct place web = init_service("web");

	(void)state;
	depend_on(&web, "needs", "x@1", NULL);
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
	kill(pid, SIGSTOP);
	make_template("x@");
	place_letters(&web, "y");
	/* "not started yet": it has asked */
	UNTIL(&web, s->state == STATE_WAITING && !(s->flags & FLAG_BLOCKED));
	kill(pid, SIGKILL);
	tree_end(pid);
	pid = init_start(NULL);
	UP(&web);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* ------------------------------------------------------------------------------ many */

#define MANY 60

static void many_at_once(void **state)
{
	struct place all = member_bundle("all");
	char name[16];

	(void)state;
	tree_script("services/x@/run", "exec sleep 1000");
	for (int n = 0; n < MANY; n++) {
		snprintf(name, sizeof name, "x@%d", n);
		depend_on(&all, n % 2 ? "needs" : "wants", name, NULL);
		snprintf(name, sizeof name, "s%d", n);
		struct place s = init_service(name);
		snprintf(name, sizeof name, "x@%d", n);
		depend_on(&s, "needs", name, "x@0", NULL);
	}
	pid_t pid = init_words("--", "/bin/sh", "-c", "echo cmd >>$EVENTS; exec sleep 1000");
	event_is("cmd");
	UP(&all);
	struct output *o = &svctl_output;
	tree_run(o, "svctl", "list", "s*", NULL);
	int up = 0;
	for (char const *from = o->out; (from = strstr(from, " up ")); from++)
		up++;
	assert_int_equal(up, MANY);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_template_starts_nothing),
		TREE_TEST(a_link_is_an_instance),
		TREE_TEST(a_need_makes_one),
		TREE_TEST(a_chain_of_templates),
		TREE_TEST(a_need_without_template_waits),
		TREE_TEST(a_need_on_a_template_is_an_error),
		TREE_TEST(a_wake_makes_one_that_is_down),
		TREE_TEST(wrong_names_are_refused),
		TREE_TEST(it_goes_with_its_template),
		TREE_TEST(another_template_starts_it_anew),
		TREE_TEST(a_directory_of_its_own_takes_its_place),
		TREE_TEST(another_cinit_takes_it_over),
		TREE_TEST(a_wake_is_not_lost),
		TREE_TEST(many_at_once),
	};
	return cmocka_run_group_tests_name("init_templates", tests, NULL, NULL);
}
