/* svctl's words that explain: plan, tree and why, and down where others depend, on real trees; and
 * what plan foretells is what happens. */
#include "svctl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Says "NAME up" and is ready then, and "NAME down" when it is told to go. */
#define DIARY                                                                                      \
	"trap 'say $CINIT_SERVICE down; exit 0' TERM\n"                                            \
	"say $CINIT_SERVICE up\n"                                                                  \
	"echo >&3\n"                                                                               \
	"exec 3>&-\n"                                                                              \
	"sleep 1000 & wait"
#define DIES "exit 3"

static void write_entry(char const *name, char const *entry, char const *text)
{
	char path[512];
	snprintf(path, sizeof path, "services/%s/%s", name, entry);
	tree_write(path, 0644, text);
}

/* "needs/db wants/clock" */
static void depends(char const *name, char const *entries)
{
	char copy[256], *rest;

	snprintf(copy, sizeof copy, "%s", entries);
	for (char *e = strtok_r(copy, " ", &rest); e; e = strtok_r(NULL, " ", &rest))
		write_entry(name, e, "");
}

static void service(char const *name, char const *entries)
{
	char path[512];

	snprintf(path, sizeof path, "services/%s/run", name);
	tree_script(path, DIARY);
	write_entry(name, "notification-fd", "3\n");
	depends(name, entries);
}

/* One that exits 3 and gives up at once; it is never ready. */
static void lame(char const *name)
{
	char path[512];

	snprintf(path, sizeof path, "services/%s/run", name);
	tree_script(path, DIES);
	write_entry(name, "notification-fd", "3\n");
	write_entry(name, "max-deaths", "1/60\n");
}

/* web needs app needs db binds disk. */
static void make_shop(void)
{
	service("web", "needs/app");
	service("app", "needs/db");
	service("db", "binds/disk");
	service("disk", "");
}

static void await_ready(char const *name)
{
	tree_run(&svctl_output, "svctl", "wait", "-t", "20", "ready", name, NULL);
	if (svctl_output.code)
		fail_msg("%s is not ready: %s", name, svctl_output.out);
}

static void await_down(char const *name)
{
	tree_run(&svctl_output, "svctl", "wait", "-t", "20", "down", name, NULL);
	if (svctl_output.code)
		fail_msg("%s is not down: %s", name, svctl_output.out);
}

static void boot_shop(void)
{
	make_shop();
	svctl_boot();
	event_is("disk up");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	await_ready("web");
}

static struct place named(char const *name)
{
	return place_at(name, tree_name("run/%s", name));
}

/* ---------------------------------------------------------------------------------------- plan */

static void a_plan_needs_no_tree(void **state)
{
	(void)state;
	make_shop();
	service("clock", "");
	depends("web", "wants/clock wants/nobody");
	write_entry("disk", "down", "");
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
	service("a", "needs/b");
	service("b", "needs/a");
	service("c", "needs/b");
	service("d", "needs/nosuch wants/e");
	service("e", "");
	service("f", "wants/d"); /* which will wait, and be waited for */
	service("g", "wants/nosuch");
	SVCTL(4,
		"fail: zzz*: no such service\n"
		"no tree runs: taking all services to be down\n"
		"wave 1: start e, g\n"
		"never: nosuch: no such service\n"
		"never: d: needs nosuch\n"
		"never: f: wants d\n"
		"never: a: waits for itself\n"
		"never: b: waits for itself\n"
		"never: c: needs b\n",
		"-d", tree.services, "plan", "up", "c", "d", "f", "g", "zzz*");
}

static void a_plan_knows_templates(void **state)
{
	(void)state;
	service("db@", "needs/disk");
	service("disk", "");
	service("web", "needs/db@1");
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
	await_down("db");
	/* what is there now is planned from */
	struct place web = named("web");
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
	await_ready("web");
	SVCTL(0, "up already: web\n", "plan", "up", "web");
}

static void what_is_foretold_of_up_comes_true(void **state)
{
	(void)state;
	make_shop();
	for (char const *const *n = (char const *const[]){ "web", "app", "db", "disk", NULL }; *n;
		n++)
		write_entry(*n, "down", "");
	svctl_boot();
	SVCTL(0, "wave 1: start disk\nwave 2: start db\nwave 3: start app\nwave 4: start web\n",
		"plan", "up", "web");
	event_none();
	SVCTL(0, "", "up", "web");
	event_is("disk up");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	await_ready("web");
	/* they are up for its sake, and go when it goes */
	SVCTL(0, "wave 1: stop web\nwave 2: stop app\nwave 3: stop db\nwave 4: stop disk\n", "plan",
		"down", "web");
	SVCTL(0, "", "down", "web");
	event_is("web down");
	event_is("app down");
	event_is("db down");
	event_is("disk down");
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
	service("clock", "needs/disk");
	depends("web", "wants/clock wants/nobody");
	service("alone", "");
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
	service("a", "needs/b needs/c");
	service("b", "needs/d");
	service("c", "needs/d");
	service("d", "needs/e");
	service("e", "");
	service("x", "needs/y");
	service("y", "needs/x");
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
	lame("db");
	service("app", "needs/db");
	service("web", "needs/app wants/clock");
	service("clock", "");
	service("spare", "");
	write_entry("spare", "down", "");
	svctl_boot();
	event_is("clock up");
	await_ready("clock");
	struct place web = named("web"), db = named("db");
	UNTIL(&web, s->state == STATE_WAITING);
	UNTIL(&db, s->state == STATE_FAILED);
	SVCTL(0,
		"spare: down: not wanted up (it has a file `down')\n"
		"web: waiting\n"
		"  needs app: waiting\n"
		"    needs db: failed: exit 3, died too often; gave up\n"
		"  wants clock: up\n",
		"tree");
	SVCTL(0, "spare: down: not wanted up (it has a file `down')\n", "tree",
		tree_name("services/spare"));
	/* one that the tree does not have yet */
	service("new", "");
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
		service(name, need);
	}
	service("c500", "");
	tree_run(&svctl_output, "svctl", "-d", tree.services, "tree", NULL);
	assert_int_equal(svctl_output.code, 0);
	assert_non_null(strstr(svctl_output.out, "\n  needs c001\n    needs c002\n"));
	assert_non_null(strstr(svctl_output.out, "[500] needs c500\n"));
	tree_run(&svctl_output, "svctl", "-d", tree.services, "plan", "up", "c000", NULL);
	assert_non_null(strstr(svctl_output.out, "\nwave 501: start c000\n"));
}

/* ----------------------------------------------------------------------------------------- why */

static void why_goes_to_the_root(void **state)
{
	(void)state;
	lame("db");
	service("app", "needs/db");
	service("web", "needs/app needs/clock");
	service("clock", "");
	svctl_boot();
	struct place web = named("web"), db = named("db");
	event_is("clock up");
	UNTIL(&web, s->state == STATE_WAITING);
	UNTIL(&db, s->state == STATE_FAILED);
	SVCTL(0,
		"web: waiting, needs app: waiting, needs db: failed: exit 3, died too often; gave "
		"up\n"
		"clock: up\n"
		"db: failed: exit 3, died too often; gave up\n",
		"why", "web", "clock", "db");
	/* mended, it has no reason any more */
	tree_script("services/db/run", DIARY);
	SVCTL(0, "", "up", "db");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	await_ready("web");
	SVCTL(0, "web: up\n", "why", "web");
}

static void why_names_what_is_missing_and_what_goes_round(void **state)
{
	(void)state;
	service("a", "needs/b");
	service("b", "needs/a");
	service("c", "needs/b");
	service("lost", "needs/nosuch");
	service("off", "");
	write_entry("off", "down", "");
	svctl_boot();
	struct place c = named("c"), lost = named("lost"), off = named("off");
	UNTIL(&c, s->state == STATE_WAITING);
	UNTIL(&lost, s->state == STATE_WAITING);
	UNTIL(&off, s->state == STATE_DOWN);
	SVCTL(1,
		"fail: nosuch: no such service\n"
		"c: waiting, needs b: waiting, and that is a cycle: a -> b -> a\n"
		"a: waiting, needs b: waiting, and that is a cycle: a -> b -> a\n"
		"lost: waiting, needs nosuch: no such service\n"
		"off: down: not wanted up (it has a file `down')\n",
		"why", "c", "a", "lost", "off", "nosuch");
}

/* Of several the one that will not mend itself is the reason. */
static void why_prefers_what_is_there_to_stay(void **state)
{
	(void)state;
	lame("zdead");
	tree_script("services/aslow/run", "say slow; hold go; echo >&3; exec sleep 1000");
	write_entry("aslow", "notification-fd", "3\n");
	service("web", "needs/aslow needs/zdead");
	int go = tree_hold("go");
	svctl_boot();
	struct place dead = named("zdead"), web = named("web");
	event_is("slow");
	UNTIL(&dead, s->state == STATE_FAILED);
	UNTIL(&web, s->state == STATE_WAITING);
	SVCTL(0, "web: waiting, needs zdead: failed: exit 3, died too often; gave up\n", "why",
		"web");
	SVCTL(0, "aslow: starting\n", "why", "aslow");
	tree_pass(go);
}

static void why_needs_a_tree(void **state)
{
	(void)state;
	service("web", "");
	SVCTL_ERR(111, "", "svctl: fatal: no tree runs in @/run\n", "-d", tree.services, "why",
		"web");
	SVCTL_ERR(100, "",
		"svctl: fatal: why: of which service? '*' means all of them; try `svctl --help'\n",
		"why");
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to open run directory @/nowhere: No such file or directory; "
		"does cinit run?\n",
		"-r", tree_name("nowhere"), "why", "web");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_plan_needs_no_tree),
		TREE_TEST(a_plan_says_what_will_never_be),
		TREE_TEST(a_plan_knows_templates),
		TREE_TEST(what_is_foretold_of_down_comes_true),
		TREE_TEST(what_is_foretold_of_up_comes_true),
		TREE_TEST(plans_are_asked_for_in_a_sensible_way),
		TREE_TEST(a_tree_needs_no_tree),
		TREE_TEST(each_is_expanded_once),
		TREE_TEST(a_tree_has_states),
		TREE_TEST(a_long_chain_is_drawn),
		TREE_TEST(why_goes_to_the_root),
		TREE_TEST(why_names_what_is_missing_and_what_goes_round),
		TREE_TEST(why_prefers_what_is_there_to_stay),
		TREE_TEST(why_needs_a_tree),
	};
	return cmocka_run_group_tests_name("svctl_graph", tests, NULL, NULL);
}
