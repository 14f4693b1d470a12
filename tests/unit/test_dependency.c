/* What a service says it depends on: needs/, wants/ and binds/. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dependency.h"
#include "scratch.h"

static struct dependency *list;
static size_t count;
static struct value_error error;

static int read_all(char const *self, unsigned int except)
{
	free(list);
	list = 0;
	count = 99;
	memset(&error, 0, sizeof error);
	return dependency_read(&list, &count, scratch_fd, self, except, &error);
}

static void entry(char const *kind, char const *name)
{
	char path[300];
	mkdirat(scratch_fd, kind, 0755);
	snprintf(path, sizeof path, "%s/%s", kind, name);
	scratch_text(path, "");
}

static int teardown(void **state)
{
	free(list);
	list = 0;
	return scratch_teardown(state);
}

static void expect(size_t i, char const *name, enum dependency_kind kind)
{
	assert_true(i < count);
	assert_string_equal(list[i].name, name);
	assert_int_equal(list[i].kind, kind);
}

static void bad(char const *self, char const *why)
{
	assert_int_equal(read_all(self, 0), -1);
	assert_string_equal(error.text, why);
	assert_null(list);
}

static void none(void **state)
{
	(void)state;
	assert_int_equal(read_all("web", 0), 0);
	assert_int_equal(count, 0);
	mkdirat(scratch_fd, "needs", 0755);
	mkdirat(scratch_fd, "wants", 0755);
	assert_int_equal(read_all("web", 0), 0);
	assert_int_equal(count, 0);
}

static void directories_have_names(void **state)
{
	(void)state;
	assert_string_equal(dependency_directory(DEPENDENCY_NEEDS), "needs");
	assert_string_equal(dependency_directory(DEPENDENCY_WANTS), "wants");
	assert_string_equal(dependency_directory(DEPENDENCY_BINDS), "binds");
}

static void sorted_by_name(void **state)
{
	(void)state;
	entry("wants", "c");
	entry("needs", "b");
	entry("binds", "a");
	entry("needs", "d");
	assert_int_equal(read_all("web", 0), 0);
	assert_int_equal(count, 4);
	expect(0, "a", DEPENDENCY_BINDS);
	expect(1, "b", DEPENDENCY_NEEDS);
	expect(2, "c", DEPENDENCY_WANTS);
	expect(3, "d", DEPENDENCY_NEEDS);
}

/* Whatever an entry is: a link to the service, to nowhere, a directory. */
static void any_kind_of_entry(void **state)
{
	(void)state;
	entry("needs", "file");
	assert_int_equal(symlinkat("../../db", scratch_fd, "needs/link"), 0);
	assert_int_equal(symlinkat("/nonexistent", scratch_fd, "needs/dangling"), 0);
	assert_int_equal(mkdirat(scratch_fd, "needs/directory", 0755), 0);
	assert_int_equal(mkfifoat(scratch_fd, "needs/fifo", 0600), 0);
	entry("needs", ".hidden");
	assert_int_equal(read_all("web", 0), 0);
	assert_int_equal(count, 5);
	expect(0, "dangling", DEPENDENCY_NEEDS);
	expect(4, "link", DEPENDENCY_NEEDS);
}

static void the_strongest_kind_counts(void **state)
{
	(void)state;
	entry("wants", "a");
	entry("needs", "a");
	entry("wants", "b");
	entry("binds", "b");
	entry("needs", "c");
	entry("binds", "c");
	entry("wants", "c");
	assert_int_equal(read_all("web", 0), 0);
	assert_int_equal(count, 3);
	expect(0, "a", DEPENDENCY_NEEDS);
	expect(1, "b", DEPENDENCY_BINDS);
	expect(2, "c", DEPENDENCY_BINDS);
}

static void but_for_some_kinds(void **state)
{
	(void)state;
	entry("wants", "a");
	entry("needs", "a");
	entry("binds", "b");
	assert_int_equal(read_all("web", 1u << DEPENDENCY_NEEDS), 0);
	assert_int_equal(count, 2);
	expect(0, "a", DEPENDENCY_WANTS);
	assert_int_equal(read_all("web", 1u << DEPENDENCY_NEEDS | 1u << DEPENDENCY_WANTS), 0);
	assert_int_equal(count, 1);
	expect(0, "b", DEPENDENCY_BINDS);
}

static void many_and_long(void **state)
{
	char name[256];
	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "s%03d", i);
		entry(i % 2 ? "needs" : "wants", name);
	}
	memset(name, 'x', 255);
	name[255] = 0;
	entry("binds", name);
	entry("needs", "name@instance");
	assert_int_equal(read_all("web", 0), 0);
	assert_int_equal(count, 302);
	expect(0, "name@instance", DEPENDENCY_NEEDS);
	expect(1, "s000", DEPENDENCY_WANTS);
	expect(300, "s299", DEPENDENCY_NEEDS);
	expect(301, name, DEPENDENCY_BINDS);
}

static void on_itself(void **state)
{
	(void)state;
	entry("needs", "db");
	entry("wants", "web");
	bad("web", "wants/web: a service cannot depend on itself");
	assert_int_equal(read_all("shop", 0), 0);
	assert_int_equal(read_all(0, 0), 0);
	assert_int_equal(count, 2);
}

static void on_what_is_no_service(void **state)
{
	(void)state;
	entry("needs", "conf");
	bad("web", "needs/conf: is not a service's name");
	unlinkat(scratch_fd, "needs/conf", 0);
	entry("binds", "a\nb");
	bad("web", "binds/a\nb: is not a service's name");
}

static void no_directory(void **state)
{
	(void)state;
	scratch_text("binds", "db\n");
	bad("web", "binds/: Not a directory");
	unlinkat(scratch_fd, "binds", 0);
	assert_int_equal(symlinkat("nowhere", scratch_fd, "needs"), 0);
	assert_int_equal(read_all("web", 0), 0); /* as if it was not there */
}

static int without_rights(void *data)
{
	(void)data;
	CHILD_CHECK(!scratch_become(65534));
	CHILD_CHECK(read_all("web", 0) < 0);
	CHILD_CHECK(!strcmp(error.text, "needs/: Permission denied"));
	return 0;
}

static void a_directory_that_may_not_be_read(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	entry("needs", "db");
	assert_int_equal(fchmodat(scratch_fd, "needs", 0700, 0), 0);
	assert_int_equal(scratch_child(without_rights, 0), 0);
}

static int without_descriptors(void *data)
{
	struct rlimit none_left;
	(void)data;
	CHILD_CHECK(!getrlimit(RLIMIT_NOFILE, &none_left));
	none_left.rlim_cur = 0; /* valgrind has its own idea of the hard limit */
	CHILD_CHECK(!setrlimit(RLIMIT_NOFILE, &none_left));
	CHILD_CHECK(read_all("web", 0) < 0);
	CHILD_CHECK(!strcmp(error.text, "wants/: Too many open files"));
	return 0;
}

static void no_descriptor_left(void **state)
{
	(void)state;
	entry("needs", "db");
	entry("wants", "db");
	assert_int_equal(scratch_child(without_descriptors, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(none),
		TEST(directories_have_names),
		TEST(sorted_by_name),
		TEST(any_kind_of_entry),
		TEST(the_strongest_kind_counts),
		TEST(but_for_some_kinds),
		TEST(many_and_long),
		TEST(on_itself),
		TEST(on_what_is_no_service),
		TEST(no_directory),
		TEST(a_directory_that_may_not_be_read),
		TEST(no_descriptor_left),
	};
	return cmocka_run_group_tests_name("dependency", tests, 0, 0);
}
