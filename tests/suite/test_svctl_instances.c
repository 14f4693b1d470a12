/* Instances of templates in svctl's hands. */
#include "init.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "depend.h"
#include "svctl.h"

/* Says its argument, in all the ways that it gets it. */
static void make_template(void)
{
	tree_script("services/x@/run",
		"say \"up $# $1 $CINIT_INSTANCE $CINIT_SERVICE\"; exec sleep 1000");
}

/* One that cinit makes, when it is there. */
static struct place made(char const *name)
{
	init_there(tree_name("run/%s/out", name) + strlen(tree.path) + 1);
	return place_at(name, tree_name("run/%s", name));
}

static void is_absent(char const *name)
{
	assert_int_not_equal(access(tree_name("run/%s", name), F_OK), 0);
}

static void svctl_makes_what_is_to_come_up(void **state)
{
	(void)state;
	make_template();
	pid_t pid = svctl_boot();
	SVCTL(0, "", "up", "x@1");
	event_is("up 1 1 1 x@1");
	SVCTL(0, "ok: run: x@2: (pid #) #s, normally down\n", "start", "x@2");
	event_is("up 1 2 2 x@2");
	SVCTL(0, "ok: run: x@3: (pid #) #s, normally down\n", "restart", "x@3");
	event_is("up 1 3 3 x@3");
	SVCTL(0, "", "once", "x@4");
	event_is("up 1 4 4 x@4");
	/* nothing else makes any */
	SVCTL(1, "fail: x@5: no such service in @/run\n", "stop", "x@5");
	SVCTL(1, "fail: x@5: no such service in @/run\n", "exit", "x@5");
	SVCTL(1, "fail: x@5: no such service in @/run\n", "-w1", "wait", "up", "x@5");
	SVCTL(1, "fail: x@5: no such service in @/run\n", "term", "x@5");
	SVCTL(1, "fail: x@5: no such service\n", "status", "x@5");
	SVCTL(1, "fail: x@5: no such service directory: @/services/x@5\n", "disable", "x@5");
	is_absent("x@5");
	SVCTL(1, "fail: y@1: no such service\n", "up", "y@1");
	SVCTL(1, "fail: x@.5: no such service in @/run\n", "up", "x@.5");
	SVCTL(1, "fail: x@: no such service in @/run\n", "up", "x@");
	SVCTL(1, "fail: x@5/log: no such service in @/run\n", "up", "x@5/log");
	/* many at once */
	SVCTL(0, "", "up", "x@a", "x@b", "x@c", "x@d", "x@e", "x@f", "x@g", "x@h", "x@i", "x@j",
		"x@k", "x@l", "x@m", "x@n", "x@o", "x@p", "x@q", "x@r", "x@s");
	struct place last = made("x@s");
	UP(&last);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	SVCTL(1, "fail: x@9: no such service in @/run\n", "up", "x@9");
}

static void everything_gets_the_argument(void **state)
{
	struct place log;

	(void)state;
	make_template();
	tree_script("services/x@/run", "read x <$TREE/hold.x; say \"run $*\"; exec sleep 1000");
	tree_write("services/x@/run.params", 0644, "more\n");
	tree_script("services/x@/finish", "say \"finish $1 $2 $3 $CINIT_INSTANCE\"");
	tree_script("services/x@/check", "test \"$1 $CINIT_INSTANCE\" = 'a a'");
	tree_script("services/x@/log/run", "say \"log $* $CINIT_INSTANCE\"; exec cat >/dev/null");
	int hold = tree_hold("x");
	pid_t pid = svctl_boot();
	SVCTL(0, "", "up", "x@a");
	event_is("log a a");
	log = made("x@a/log");
	UP(&log);
	tree_pass(hold);
	event_is("run a more");
	/* svctl runs its check as its supervisor would */
	SVCTL(0, "ok: run: x@a: (pid #) #s, normally down\n", "check", "x@a");
	SVCTL(0, "ok: down: x@a: #s\n", "stop", "x@a");
	event_is("finish a -1 15 a");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void its_scripts_know_where_they_are(void **state)
{
	(void)state;
	tree_script("services/x@/run", "$CINIT_BUILD/svctl up . && say \"$PWD\"; exec sleep 1000");
	pid_t pid = svctl_boot();
	SVCTL(0, "ok: run: x@a: (pid #) #s, normally down\n", "start", "x@a");
	event_is(tree_name("services/x@"));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void told_to_exit_it_is_forgotten_at_a_rescan(void **state)
{
	(void)state;
	make_template();
	pid_t pid = svctl_boot();
	SVCTL(0, "", "up", "x@1", "x@2");
	event_next(), event_next();
	SVCTL(0, "ok: x@1: supervisor not running\n", "shutdown", "x@1");
	/* until then it can come back */
	SVCTL(0, "", "up", "x@1");
	event_is("up 1 1 1 x@1");
	SVCTL(0, "ok: x@1: supervisor not running\n", "shutdown", "x@1");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/x@1");
	struct place two = made("x@2");
	UP(&two);
	SVCTL(0, "", "up", "x@1");
	event_is("up 1 1 1 x@1");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(svctl_makes_what_is_to_come_up),
		TREE_TEST(everything_gets_the_argument),
		TREE_TEST(its_scripts_know_where_they_are),
		TREE_TEST(told_to_exit_it_is_forgotten_at_a_rescan),
	};
	return cmocka_run_group_tests_name("svctl_instances", tests, NULL, NULL);
}
