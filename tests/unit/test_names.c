/* The names in a directory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "scratch.h"

static void names_are(struct names const *n, char const *want)
{
	char text[256] = "";
	for (size_t i = 0; i < n->count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
			n->list[i]);
	assert_string_equal(text, want);
}

static void names_are_sorted_and_those_with_a_dot_left_out(void **state)
{
	struct names n = { .list = NULL };
	(void)state;
	scratch_text("b", "");
	scratch_text("a", "");
	scratch_text(".c", "");
	scratch_text("B", "");
	assert_int_equal(names_read(&n, scratch_fd, ".", NULL), 0);
	names_are(&n, "B a b");
	/* what is there stays */
	assert_int_equal(names_add(&n, "0"), 0);
	names_are(&n, "B a b 0");
	assert_int_equal(names_read(&n, scratch_fd, ".", NULL), 0);
	names_are(&n, "0 B B a a b b");
	names_free(&n);
	assert_int_equal(n.count, 0);
}

static void services_are_directories_and_links_to_some(void **state)
{
	struct names n = { .list = NULL };
	(void)state;
	scratch_text("file", "");
	assert_int_equal(mkdir(scratch_name("web"), 0755), 0);
	assert_int_equal(mkdir(scratch_name("conf"), 0755), 0);
	assert_int_equal(mkdir(scratch_name("db@"), 0755), 0);
	assert_int_equal(symlink("db@", scratch_name("db@1")), 0);
	assert_int_equal(symlink("file", scratch_name("link")), 0);
	assert_int_equal(symlink("nowhere", scratch_name("broken")), 0);
	assert_int_equal(names_read(&n, scratch_fd, ".", names_service), 0);
	names_are(&n, "db@ db@1 web");
	names_free(&n);
}

static void what_cannot_be_read_is_an_error(void **state)
{
	struct names n = { .list = NULL };
	(void)state;
	assert_int_equal(names_read(&n, scratch_fd, "nowhere", NULL), -1);
	assert_int_equal(errno, ENOENT);
	scratch_text("file", "");
	assert_int_equal(names_read(&n, scratch_fd, "file", NULL), -1);
	assert_int_equal(errno, ENOTDIR);
	names_free(&n);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(names_are_sorted_and_those_with_a_dot_left_out),
		TEST(services_are_directories_and_links_to_some),
		TEST(what_cannot_be_read_is_an_error),
	};
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
