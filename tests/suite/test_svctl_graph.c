/* svctl plan and tree, and down where others depend, on real trees; and what plan foretells is what
 * happens. */
#include "shop.h"
#include "svctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* web needs app needs db binds disk. */
static void make_shop(void)
{
	shop_service("web", "needs/app");
	shop_service("app", "needs/db");
	shop_service("db", "binds/disk");
	shop_service("disk", "");
}

static void boot_shop(void)
{
	make_shop();
	svctl_boot();
	event_is("disk up");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	shop_ready("web");
}

/* ---------------------------------------------------------------------------------------- plan */

static void a_plan_needs_no_tree(void **state)
{
	(void)state;
	make_shop();
	shop_service("clock", "");
	shop_depends("web", "wants/clock wants/nobody");
	shop_write("disk", "down", "");
	SVCTL(0,
		"no tree runs: taking all services to be down\n"
		"wave 1: start clock, disk\n"
		"wave 2: start db\n"
		"wave 3: start app\n"
		"wave 4: start web\n"
		"never: nobody: no such service\n",
		"-d", tree.services, "plan", "up", "web");
	SVCTL(0,
		"no tree runs: taking all services to be up\n"
		"refused without --force: db is needed by app\n"
		"wave 1: stop web\n"
		"wave 2: stop app\n"
		"wave 3: stop db\n"
		"waits then, to come back: app, web\n",
		"-d", tree.services, "plan", "down", "db");
	/* who only wants it does not keep it */
	SVCTL(0,
		"no tree runs: taking all services to be up\n"
		"wave 1: stop clock\n",
		"-d", tree.services, "plan", "down", "clock");
	/* and nothing was done */
	event_none();
	assert_int_equal(access(tree_name("run/web"), F_OK), -1);
}

static void a_plan_says_what_will_never_be(void **state)
{
	(void)state;
	shop_service("a", "needs/b");
	shop_service("b", "needs/a");
	shop_service("c", "needs/b");
	shop_service("d", "needs/nosuch wants/e");
	shop_service("e", "");
	shop_service("f", "wants/d"); /* which waits in vain, and so is not waited for */
	shop_service("g", "wants/nosuch wants/a wants/h");
	shop_service("h", "wants/g"); /* in a circle, and so not waited for either */
	SVCTL(3,
		"fail: zzz*: no such service\n"
		"no tree runs: taking all services to be down\n"
		"wave 1: start e, f, g\n"
		"never: a: waits for itself\n"
		"never: b: waits for itself\n"
		"never: nosuch: no such service\n"
		"never: c: needs b\n"
		"never: d: needs nosuch\n",
		"-d", tree.services, "plan", "up", "c", "d", "f", "g", "zzz*");
}

static void a_plan_knows_templates(void **state)
{
	(void)state;
	shop_service("db@", "needs/disk");
	shop_service("disk", "");
	shop_service("web", "needs/db@1");
	tree_run(&svctl_output, "svctl", "-d", tree.services, "plan", "up", "web", "db@2", NULL);
	assert_int_equal(svctl_output.code, 0);
	assert_string_equal(svctl_output.out, "no tree runs: taking all services to be down\n"
					      "wave 1: start disk\n"
					      "wave 2: start db@1, db@2\n"
					      "wave 3: start web\n");
	tree_run(&svctl_output, "svctl", "-d", tree.services, "plan", "up", "db@", "x@1", NULL);
	assert_int_equal(svctl_output.code, 2);
	assert_string_equal(svctl_output.out, "fail: db@: is a template, not a service\n"
					      "fail: x@1: no such service\n"
					      "no tree runs: taking all services to be down\n");
}

static void what_is_foretold_of_down_comes_true(void **state)
{
	(void)state;
	boot_shop();
	SVCTL(0,
		"refused without --force: db is needed by app\n"
		"wave 1: stop web\n"
		"wave 2: stop app\n"
		"wave 3: stop db\n"
		"waits then, to come back: app, web\n",
		"plan", "down", "db");
	SVCTL(1, "fail: db: down refused: others need it: needed by app\n", "down", "db");
	event_none();
	SVCTL(0, "", "down", "--force", "db");
	event_is("web down");
	event_is("app down");
	event_is("db down");
	shop_down("db");
	/* what is there now is planned from */
	struct place web = shop_place("web");
	UNTIL(&web, s->state == STATE_WAITING);
	SVCTL(0, "down already: db\n", "plan", "down", "db");
	SVCTL(1,
		"up already: disk\n"
		"never: db: was told to be down, and stays so until it is told to be up\n"
		"never: app: needs db\n"
		"never: web: needs app\n",
		"plan", "up", "web");
	SVCTL(0, "wave 1: start db\nup already: disk\n", "plan", "up", "db");
	SVCTL(0, "", "up", "db");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	shop_ready("web");
	SVCTL(0, "up already: web\n", "plan", "up", "web");
}

static void by_the_name_of_sv_it_is_forced(void **state)
{
	char program[256];
	(void)state;
	boot_shop();
	snprintf(program, sizeof program, "%s/svctl", getenv("CINIT_BUILD"));
	assert_int_equal(symlink(program, tree_name("sv")), 0);
	tree_run(&svctl_output, tree_name("sv"), "down", "db", NULL);
	svctl_said(0, "", "", __FILE__, __LINE__);
	event_is("web down");
	event_is("app down");
	event_is("db down");
	shop_down("db");
	tree_run(&svctl_output, tree_name("sv"), "up", "db", NULL);
	svctl_said(0, "", "", __FILE__, __LINE__);
	event_is("db up");
	event_is("app up");
	event_is("web up");
}

static void what_is_foretold_of_up_comes_true(void **state)
{
	(void)state;
	make_shop();
	for (char const *const *n = (char const *const[]){ "web", "app", "db", "disk", NULL }; *n;
		n++)
		shop_write(*n, "down", "");
	svctl_boot();
	SVCTL(0, "wave 1: start disk\nwave 2: start db\nwave 3: start app\nwave 4: start web\n",
		"plan", "up", "web");
	event_none();
	SVCTL(0, "", "up", "web");
	event_is("disk up");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	shop_ready("web");
	/* they are up for its sake, and go when it goes */
	SVCTL(0, "wave 1: stop web\nwave 2: stop app\nwave 3: stop db\nwave 4: stop disk\n", "plan",
		"down", "web");
	SVCTL(0, "", "down", "web");
	event_is("web down");
	event_is("app down");
	event_is("db down");
	event_is("disk down");
}

/* In whatever order they are named, and again and again, because luck must have no part in it. */
static void several_go_down_in_order(void **state)
{
	(void)state;
	boot_shop();
	SVCTL(1, "fail: db: down refused: others need it: needed by app\n", "down", "web", "db");
	event_is("web down");
	for (int i = 0; i < 5; i++) {
		SVCTL(0, "", "up", "web");
		for (int k = 0; k < (i ? 3 : 0); k++)
			event_next();
		event_is("web up");
		shop_ready("web");
		tree_run(&svctl_output, "svctl", "stop", "disk", "db", "web", "app", "db", NULL);
		if (svctl_output.code)
			fail_msg("%s", svctl_output.out);
		event_is("web down");
		event_is("app down");
		event_is("db down");
		event_is("disk down");
	}
}

static void plans_are_asked_for_in_a_sensible_way(void **state)
{
	(void)state;
	SVCTL_ERR(100, "", "svctl: fatal: plan: up or down?; try `svctl --help'\n", "plan");
	SVCTL_ERR(100, "", "svctl: fatal: plan: `left' is not up or down; try `svctl --help'\n",
		"plan", "left", "web");
	SVCTL_ERR(100, "", "svctl: fatal: plan: for which service? '*' means all of them\n", "plan",
		"up");
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to read service directory @/nowhere: No such file or "
		"directory\n",
		"-d", tree_name("nowhere"), "plan", "up", "web");
}

/* ---------------------------------------------------------------------------------------- tree */

static void a_tree_needs_no_tree(void **state)
{
	(void)state;
	make_shop();
	shop_service("clock", "needs/disk");
	shop_depends("web", "wants/clock wants/nobody");
	shop_service("alone", "");
	SVCTL(0,
		"alone\n"
		"web\n"
		"  needs app\n"
		"    needs db\n"
		"      binds disk\n"
		"  wants clock\n"
		"    needs disk\n"
		"  wants nobody: no such service\n",
		"-d", tree.services, "tree");
	SVCTL(1, "fail: nosuch: no such service\ndb\n  binds disk\n", "-d", tree.services, "tree",
		"db", "nosuch");
}

static void each_is_expanded_once(void **state)
{
	(void)state;
	shop_service("a", "needs/b needs/c");
	shop_service("b", "needs/d");
	shop_service("c", "needs/d");
	shop_service("d", "needs/e");
	shop_service("e", "");
	shop_service("x", "needs/y");
	shop_service("y", "needs/x");
	SVCTL(0,
		"a\n"
		"  needs b\n"
		"    needs d\n"
		"      needs e\n"
		"  needs c\n"
		"    needs d (see above)\n"
		"x, waits for itself\n"
		"  needs y, waits for itself\n"
		"    needs x, waits for itself (see above)\n",
		"-d", tree.services, "tree");
}

static void a_tree_has_states(void **state)
{
	(void)state;
	shop_lame("db");
	shop_service("app", "needs/db");
	shop_service("web", "needs/app wants/clock");
	shop_service("clock", "");
	shop_service("spare", "");
	shop_write("spare", "down", "");
	svctl_boot();
	event_is("clock up");
	shop_ready("clock");
	struct place web = shop_place("web"), db = shop_place("db");
	UNTIL(&web, s->state == STATE_WAITING);
	UNTIL(&db, s->state == STATE_FAILED);
	SVCTL(0,
		"spare: down: not wanted up (normally down)\n"
		"web: waiting\n"
		"  needs app: waiting\n"
		"    needs db: failed: exit 3, died too often; gave up\n"
		"  wants clock: up\n",
		"tree");
	SVCTL(0, "spare: down: not wanted up (normally down)\n", "tree",
		tree_name("services/spare"));
	/* one that the tree does not have yet */
	shop_service("new", "");
	SVCTL(0, "new: the running tree does not have it (svctl rescan)\n", "tree", "new");
}

/* A chain as long as this does not end the stack, and its lines not the disk. */
static void a_long_chain_is_drawn(void **state)
{
	char name[32], need[64];
	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "c%03u", i);
		snprintf(need, sizeof need, "needs/c%03u", i + 1);
		shop_service(name, need);
	}
	shop_service("c500", "");
	tree_run(&svctl_output, "svctl", "-d", tree.services, "tree", NULL);
	assert_int_equal(svctl_output.code, 0);
	assert_non_null(strstr(svctl_output.out, "\n  needs c001\n    needs c002\n"));
	assert_non_null(strstr(svctl_output.out, "[500] needs c500\n"));
	tree_run(&svctl_output, "svctl", "-d", tree.services, "plan", "up", "c000", NULL);
	assert_non_null(strstr(svctl_output.out, "\nwave 501: start c000\n"));
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_plan_needs_no_tree),
		TREE_TEST(a_plan_says_what_will_never_be),
		TREE_TEST(a_plan_knows_templates),
		TREE_TEST(what_is_foretold_of_down_comes_true),
		TREE_TEST(what_is_foretold_of_up_comes_true),
		TREE_TEST(by_the_name_of_sv_it_is_forced),
		TREE_TEST(several_go_down_in_order),
		TREE_TEST(plans_are_asked_for_in_a_sensible_way),
		TREE_TEST(a_tree_needs_no_tree),
		TREE_TEST(each_is_expanded_once),
		TREE_TEST(a_tree_has_states),
		TREE_TEST(a_long_chain_is_drawn),
	};
	return cmocka_run_group_tests_name("svctl_graph", tests, NULL, NULL);
}
