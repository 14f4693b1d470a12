/* lint: whom services depend on, by file and by name. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "svctl/lint.h"
#include "svctl_lint.h"

static void who_is_not_there_is_named(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/binds/disk", 0644, "");
	lint_put("web/needs/db", 0644, "");
	lint_put("web/wants/clock", 0644, "");
	assert_string_equal(lint_of("web"),
		"web/binds/disk: no such service\n"
		"web/needs/db: no such service\n"
		"web/wants/clock: warning: no such service, so it is not waited for\n");
	assert_int_equal(lint_errors, 2);
	assert_int_equal(lint_warnings, 1);
}

static void impossible_dependencies_are_errors(void **state)
{
	(void)state;
	lint_good("web");
	lint_good("db@");
	lint_put("web/needs/conf", 0644, "");
	lint_put("web/needs/db@", 0644, "");
	lint_put("web/needs/db@1", 0644, "");
	lint_put("web/needs/nosuch@1", 0644, "");
	lint_put("web/needs/web", 0644, "");
	lint_put("web/wants", 0644, "");
	assert_string_equal(lint_of("web"),
		"web/needs/conf: is not a service's name\n"
		"web/needs/db@: a template is no service: an instance must be named, such as "
		"`db@NAME'\n"
		/* the list is not read to its end where a name is none: whom else it names is not
		 * known */
		"web/needs/web: a service cannot depend on itself\n"
		"web/wants: must be a directory with an entry for each service\n");
}

static void templates_are_looked_at_as_services_are(void **state)
{
	(void)state;
	lint_good("db@");
	lint_put("db@/needs/disk", 0644, "");
	assert_string_equal(lint_of("db@"), "db@/needs/disk: no such service\n");
	lint_good("web");
	lint_put("web/needs/db@1", 0644, "");
	lint_put("web/needs/other@1", 0644, "");
	assert_string_equal(lint_of("web"), "web/needs/other@1: no such service\n");
}

static void the_name_counts_and_not_the_link(void **state)
{
	(void)state;
	lint_good("web");
	lint_good("db");
	lint_good("postgres");
	lint_good("t@");
	lint_link("web/needs/db", "../../postgres/");
	lint_link("web/needs/postgres", "../../postgres");
	lint_link("web/needs/t@1", "../../t@");
	assert_string_equal(lint_of("web"),
		"web/needs/db: warning: leads to `postgres', but it is the entry's own name that "
		"counts\n");
}

static void cycles_are_told_once_by_name(void **state)
{
	(void)state;
	lint_good("a");
	lint_good("b");
	lint_good("c");
	lint_good("d");
	lint_put("b/needs/a", 0644, "");
	lint_put("a/binds/b", 0644, "");
	lint_put("c/needs/a", 0644, "");
	lint_put("d/needs/c", 0644, "");
	assert_string_equal(
		lint_of_cycles(), "a/binds/b: a cycle, none of which can start: a -> b -> a\n");
	assert_int_equal(lint_errors, 1);
}

static void cycles_go_through_bundles(void **state)
{
	(void)state;
	lint_put("net/needs/dhcp", 0644, "");
	lint_good("dhcp");
	lint_put("dhcp/needs/net", 0644, "");
	assert_string_equal(lint_of_cycles(),
		"dhcp/needs/net: a cycle, none of which can start: dhcp -> net -> dhcp\n");
}

static void wants_in_a_cycle_are_warnings(void **state)
{
	(void)state;
	lint_put("net/wants/dhcp", 0644, "");
	lint_good("dhcp");
	lint_put("dhcp/needs/net", 0644, "");
	assert_string_equal(lint_of_cycles(),
		"net/wants/dhcp: warning: in a cycle, so it is not waited for: dhcp -> net -> "
		"dhcp\n");
	assert_int_equal(lint_errors, 0);
	/* nor does a want lead to somebody's despair */
	lint_good("web");
	lint_put("web/wants/dhcp", 0644, "");
	lint_of_cycles();
	assert_int_equal(lint_warnings, 1);
}

static void cycles_go_through_instances(void **state)
{
	(void)state;
	lint_good("t@");
	lint_put("t@/needs/a", 0644, "");
	lint_good("a");
	lint_put("a/needs/t@1", 0644, "");
	lint_good("u@");
	lint_put("u@/needs/u@1", 0644, "");
	assert_string_equal(lint_of_cycles(),
		"a/needs/t@1: a cycle, none of which can start: a -> t@1 -> a\n"
		"u@/needs/u@1: a cycle, none of which can start: u@1 -> u@1\n");
}

static void a_need_on_itself_is_told_by_its_entry_only(void **state)
{
	(void)state;
	lint_good("a");
	lint_put("a/needs/a", 0644, "");
	assert_string_equal(lint_of("a"), "a/needs/a: a service cannot depend on itself\n");
	assert_string_equal(lint_of_cycles(), "");
}

static void a_large_tangle_is_told_in_part_and_counted(void **state)
{
	char path[64];
	(void)state;
	lint_good("hub");
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(path, sizeof path, "s%02u", i);
		lint_good(path);
		snprintf(path, sizeof path, "s%02u/needs/hub", i);
		lint_put(path, 0644, "");
		snprintf(path, sizeof path, "hub/needs/s%02u", i);
		lint_put(path, 0644, "");
	}
	char const *said = lint_of_cycles();
	assert_non_null(
		strstr(said, "hub/needs/s00: a cycle, none of which can start: hub -> s00"));
	assert_non_null(strstr(said, ": 12 more services are in cycles together with those\n"));
	assert_int_equal(lint_errors, GRAPH_CYCLES + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lint_setup, lint_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(who_is_not_there_is_named),
		TEST(impossible_dependencies_are_errors),
		TEST(templates_are_looked_at_as_services_are),
		TEST(the_name_counts_and_not_the_link),
		TEST(cycles_are_told_once_by_name),
		TEST(cycles_go_through_bundles),
		TEST(wants_in_a_cycle_are_warnings),
		TEST(cycles_go_through_instances),
		TEST(a_need_on_itself_is_told_by_its_entry_only),
		TEST(a_large_tangle_is_told_in_part_and_counted),
	};
	return cmocka_run_group_tests_name("svctl_lint_depend", tests, NULL, NULL);
}
