/* What a service may do: capabilities and no-new-privs, seen from inside it. */
#include "tree.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capability.h"

#define SHOW                                                                                       \
	"grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status >\"$TREE/rights\"; say up; exec sleep " \
	"1000"

static void needs_root(void)
{
	uint64_t set;
	if (capability_permitted(&set) < 0 || geteuid() || !(set & CAPABILITY(8)) ||
		!(set & CAPABILITY(10)) || !tree_has_users()) {
		print_message("only root can give capabilities away\n");
		skip();
	}
}

/* A line of /proc/self/status, as the service read it. */
static uint64_t shown(char const *name)
{
	char const *at = strstr(tree_read("rights"), name);
	if (!at)
		fail_msg("no %s in %s", name, tree_read("rights"));
	return strtoull(at + strlen(name), 0, 16);
}

/* The sets in which `want` is to be found, all of them. */
static void has(uint64_t want)
{
	assert_int_equal(shown("CapPrm:"), want);
	assert_int_equal(shown("CapEff:"), want);
	assert_int_equal(shown("CapBnd:"), want);
	assert_int_equal(shown("CapInh:"), want);
	assert_int_equal(shown("CapAmb:"), want);
}

static void ends(struct place *web)
{
	assert_int_equal(place_command(web, 'x'), RESULT_DONE);
	assert_int_equal(tree_end(web->supervisor), 0);
}

static void a_user_keeps_what_is_listed(void **state)
{
	struct place web = place_with("web", SHOW);
	(void)state;
	needs_root();
	assert_int_equal(chmod(tree.path, 0777), 0);
	place_write(&web, "user", "12345:12345\n");
	place_write(&web, "capabilities", "cap_net_bind_service, NET_RAW\nCAP_CHOWN\n");
	place_up(&web);
	has(CAPABILITY(10) | CAPABILITY(13) | CAPABILITY(0));
	assert_int_equal(strtoul(strstr(tree_read("rights"), "Uid:") + 4, 0, 10), 12345);
	ends(&web);
}

/* All of root's files, and little of its power. */
static void root_keeps_what_is_listed(void **state)
{
	struct place web = place_with("web", SHOW);
	(void)state;
	needs_root();
	place_write(&web, "capabilities", "cap_net_bind_service\n");
	place_up(&web);
	has(CAPABILITY(10));
	ends(&web);
}

static void an_empty_list_leaves_none(void **state)
{
	struct place web = place_with("web", SHOW);
	(void)state;
	needs_root();
	place_write(&web, "capabilities", "");
	place_up(&web);
	has(0);
	assert_int_equal(shown("NoNewPrivs:"), 0);
	ends(&web);
}

static void without_a_list_a_user_has_none(void **state)
{
	struct place web = place_with("web", SHOW);
	(void)state;
	needs_root();
	assert_int_equal(chmod(tree.path, 0777), 0);
	place_write(&web, "user", "12345:12345\n");
	place_up(&web);
	assert_int_equal(shown("CapPrm:"), 0);
	assert_int_equal(shown("CapAmb:"), 0);
	assert_true(shown("CapBnd:") != 0);
	ends(&web);
}

static void no_new_privs(void **state)
{
	struct place web = place_with("web", SHOW);
	(void)state;
	place_write(&web, "no-new-privs", "");
	place_up(&web);
	assert_int_equal(shown("NoNewPrivs:"), 1);
	ends(&web);
}

/* finish cleans up with the supervisor's rights; and the supervisor has lost nothing. */
static void finish_and_the_supervisor_keep_theirs(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	needs_root();
	place_write(&web, "capabilities", "");
	place_write(&web, "no-new-privs", "");
	place_script(&web, "finish",
		"grep -E '^(Cap|NoNewPrivs)' /proc/self/status >\"$TREE/rights\"; say done");
	place_up(&web);
	uint64_t ours;
	assert_int_equal(capability_permitted(&ours), 0);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	event_is("done");
	assert_int_equal(shown("CapPrm:"), ours);
	assert_int_equal(shown("NoNewPrivs:"), 0);
	UNTIL(&web, s->state == STATE_DOWN);
	ends(&web);
}

static void refused(char const *value, char const *reason)
{
	struct place web = place_with("web", SHOW);
	place_write(&web, "capabilities", value);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_CONFIG);
	assert_string_equal(web.s.reason_text, reason);
	event_none();
	ends(&web);
}

static void what_is_no_capability(void **state)
{
	(void)state;
	refused("cap_chown cap_fly\n",
		"unable to apply capabilities: `cap_fly' is not a capability");
}

/* Nobody gives what he does not have. */
static void drop_one(void)
{
	prctl(PR_CAPBSET_DROP, 25, 0, 0, 0); /* gone at the exec */
}

static void what_the_supervisor_does_not_have(void **state)
{
	(void)state;
	needs_root();
	tree.before_exec = drop_one;
	refused("cap_chown cap_sys_time\n",
		"unable to apply capabilities: cap_sys_time is not among the supervisor's own");
	tree.before_exec = NULL;
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_user_keeps_what_is_listed),
		TREE_TEST(root_keeps_what_is_listed),
		TREE_TEST(an_empty_list_leaves_none),
		TREE_TEST(without_a_list_a_user_has_none),
		TREE_TEST(no_new_privs),
		TREE_TEST(finish_and_the_supervisor_keep_theirs),
		TREE_TEST(what_is_no_capability),
		TREE_TEST(what_the_supervisor_does_not_have),
	};
	return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}
