/* svctl why on real trees: through what a service needs to the root of it. */
#include "shop.h"

#include <string.h>

#include "svctl.h"

#include <string.h>

static void why_goes_to_the_root(void **state)
{
	(void)state;
	shop_lame("db");
	shop_service("app", "needs/db");
	shop_service("web", "needs/app needs/clock");
	shop_service("clock", "");
	svctl_boot();
	struct place web = shop_place("web"), db = shop_place("db");
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
	tree_script("services/db/run", SHOP_DIARY);
	SVCTL(0, "", "up", "db");
	event_is("db up");
	event_is("app up");
	event_is("web up");
	shop_ready("web");
	SVCTL(0, "web: up\n", "why", "web");
}

static void why_names_what_is_missing_and_what_goes_round(void **state)
{
	(void)state;
	shop_service("a", "needs/b");
	shop_service("b", "needs/a");
	shop_service("c", "needs/b");
	shop_service("lost", "needs/nosuch");
	shop_service("off", "");
	shop_write("off", "down", "");
	svctl_boot();
	struct place c = shop_place("c"), lost = shop_place("lost"), off = shop_place("off");
	struct place a = shop_place("a"), b = shop_place("b");
	UNTIL(&a, s->state == STATE_FAILED);
	UNTIL(&b, s->state == STATE_FAILED);
	UNTIL(&c, s->state == STATE_WAITING && strstr(s->reason_text, "failed"));
	UNTIL(&lost, s->state == STATE_WAITING);
	UNTIL(&off, s->state == STATE_DOWN);
	SVCTL(1,
		"fail: nosuch: no such service\n"
		"c: waiting, needs b: failed: needs form a cycle: a -> b -> a\n"
		"a: failed: needs form a cycle: a -> b -> a\n"
		"lost: waiting, needs nosuch: no such service\n"
		"off: down: not wanted up (normally down)\n",
		"why", "c", "a", "lost", "off", "nosuch");
}

/* Of several the one that will not mend itself is the reason. */
static void why_prefers_what_is_there_to_stay(void **state)
{
	(void)state;
	shop_lame("zdead");
	tree_script("services/aslow/run", "say slow; hold go; echo >&3; exec sleep 1000");
	shop_write("aslow", "notification-fd", "3\n");
	shop_service("web", "needs/aslow needs/zdead");
	int go = tree_hold("go");
	svctl_boot();
	struct place dead = shop_place("zdead"), web = shop_place("web");
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
	shop_service("web", "");
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
		TREE_TEST(why_goes_to_the_root),
		TREE_TEST(why_names_what_is_missing_and_what_goes_round),
		TREE_TEST(why_prefers_what_is_there_to_stay),
		TREE_TEST(why_needs_a_tree),
	};
	return cmocka_run_group_tests_name("svctl_why", tests, NULL, NULL);
}
