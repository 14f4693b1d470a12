/* Environments from files, as chpst -e reads them and as our own .env and .params files hold them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "scratch.h"

static stralloc changes;
static char at[64];

static int setup(void **state)
{
	stralloc_free(&changes);
	changes = (stralloc)STRALLOC_ZERO;
	memset(at, 0, sizeof at);
	if (scratch_setup(state) < 0)
		return -1;
	return mkdir(scratch_name("env"), 0755);
}

static int teardown(void **state)
{
	stralloc_free(&changes);
	return scratch_teardown(state);
}

/* Is this change among the gathered ones, as a whole string? */
static int has(char const *change)
{
	for (size_t i = 0; i < changes.len; i += strlen(changes.s + i) + 1)
		if (!strcmp(changes.s + i, change))
			return 1;
	return 0;
}

static unsigned int count(void)
{
	unsigned int n = 0;
	for (size_t i = 0; i < changes.len; i++)
		n += !changes.s[i];
	return n;
}

static int read_env(void)
{
	return environment_dir(&changes, scratch_fd, "env", at);
}

static void a_file_is_a_variable(void **state)
{
	(void)state;
	scratch_text("env/A", "one\n");
	scratch_text("env/B", "no newline");
	scratch_text("env/C", "first\nsecond\n");
	scratch_text("env/D", "  in front stays, behind goes \t \n");
	scratch_text("env/E", "a=b");
	scratch_text("env/F", "\n");
	scratch_text("env/G", " \t \nX");
	scratch_bytes("env/H", "a\0b\0\n", 5);
	scratch_text("env/I", "cr stays\r\n");
	scratch_text("env/lower-case.odd", "x");
	assert_int_equal(read_env(), 0);
	assert_int_equal(count(), 10);
	assert_true(has("A=one"));
	assert_true(has("B=no newline"));
	assert_true(has("C=first"));
	assert_true(has("D=  in front stays, behind goes"));
	assert_true(has("E=a=b"));
	assert_true(has("F="));
	assert_true(has("G="));
	assert_true(has("H=a\nb\n"));
	assert_true(has("I=cr stays\r"));
	assert_true(has("lower-case.odd=x"));
}

static void an_empty_file_unsets(void **state)
{
	(void)state;
	scratch_text("env/A", "");
	assert_int_equal(read_env(), 0);
	assert_int_equal(count(), 1);
	assert_true(has("A"));
}

static void what_is_passed_over(void **state)
{
	(void)state;
	scratch_text("env/.hidden", "x");
	scratch_text("env/A=B", "x");
	assert_int_equal(mkdir(scratch_name("env/SUB"), 0755), 0);
	assert_int_equal(mkfifo(scratch_name("env/FIFO"), 0644), 0);
	assert_int_equal(read_env(), 0);
	assert_int_equal(count(), 0);
}

static void a_link_is_followed(void **state)
{
	(void)state;
	scratch_text("value", "there\n");
	assert_int_equal(symlink("../value", scratch_name("env/A")), 0);
	assert_int_equal(symlink("/dev/null", scratch_name("env/B")), 0);
	assert_int_equal(read_env(), 0);
	assert_true(has("A=there"));
	assert_false(has("B="));
}

static void a_link_to_nowhere_is_told(void **state)
{
	(void)state;
	assert_int_equal(symlink("nowhere", scratch_name("env/A")), 0);
	assert_int_equal(read_env(), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(at, "env/A");
}

static void no_directory(void **state)
{
	(void)state;
	rmdir(scratch_name("env"));
	assert_int_equal(read_env(), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(at, "env");
	scratch_text("env", "a file");
	assert_int_equal(read_env(), -1);
	assert_int_equal(errno, ENOTDIR);
	unlink(scratch_name("env"));
	alarm(5); /* it must not wait for a writer */
	assert_int_equal(mkfifo(scratch_name("env"), 0644), 0);
	assert_int_equal(read_env(), -1);
	assert_int_equal(errno, ENOTDIR);
	alarm(0);
}

static void long_values(void **state)
{
	static char text[128 * 1024 + 1];
	(void)state;
	memset(text, 'x', sizeof text);
	scratch_bytes("env/A", text, sizeof text - 1);
	assert_int_equal(read_env(), 0);
	assert_int_equal(changes.len, 2 + sizeof text - 1 + 1);
	scratch_bytes("env/A", text, sizeof text);
	assert_int_equal(read_env(), -1);
	assert_int_equal(errno, E2BIG);
	assert_string_equal(at, "env/A");
}

static void a_long_name_is_told_cut(void **state)
{
	char name[256] = "env/", full[256] = "";
	(void)state;
	memset(full, 'N', 200);
	memcpy(name + 4, full, 201);
	assert_int_equal(symlink("nowhere", scratch_name(name)), 0);
	assert_int_equal(read_env(), -1);
	assert_true(strlen(at) < sizeof at);
	assert_memory_equal(at, "env/NNNN", 8);
}

static int read_as_nobody(void *data)
{
	(void)data;
	if (!geteuid() && scratch_become(65534) < 0)
		return 99;
	CHILD_CHECK(read_env() == -1 && errno == EACCES);
	CHILD_CHECK(!strcmp(at, "env/SECRET"));
	return 0;
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	scratch_text("env/SECRET", "x");
	assert_int_equal(chmod(scratch_name("env/SECRET"), 0), 0);
	assert_int_equal(scratch_child(read_as_nobody, 0), 0);
}

/* -------------------------------------------------------------------- a line a variable */

static int read_file(void)
{
	return environment_file(&changes, scratch_fd, "run.env", at);
}

static void a_line_is_a_variable(void **state)
{
	(void)state;
	scratch_text("run.env", "A=one\n\n# remark\nB=\nC\nD=a=b \n  E=x\n#F=no\nG=last");
	assert_int_equal(read_file(), 0);
	assert_int_equal(count(), 6);
	assert_true(has("A=one"));
	assert_true(has("B="));
	assert_true(has("C"));
	assert_true(has("D=a=b "));
	assert_true(has("  E=x"));
	assert_true(has("G=last"));
}

static void an_empty_file_changes_nothing(void **state)
{
	(void)state;
	scratch_text("run.env", "");
	assert_int_equal(read_file(), 0);
	assert_int_equal(count(), 0);
}

static void a_line_without_a_name(void **state)
{
	(void)state;
	scratch_text("run.env", "A=1\n\n=x\n");
	assert_int_equal(read_file(), -1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(at, "run.env line 3");
}

static void nul_in_a_line(void **state)
{
	(void)state;
	scratch_bytes("run.env", "A=1\0B=2\n", 8);
	assert_int_equal(read_file(), -1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(at, "run.env");
}

static void no_env_file(void **state)
{
	(void)state;
	assert_int_equal(read_file(), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(at, "run.env");
	alarm(5);
	assert_int_equal(mkfifo(scratch_name("run.env"), 0644), 0);
	assert_int_equal(read_file(), 0); /* nothing in it */
	assert_int_equal(count(), 0);
	alarm(0);
}

/* ------------------------------------------------------------------------- arguments */

static void a_line_is_an_argument(void **state)
{
	static char const want[] = "-a\0two words\0\0$HOME `x`\0last";
	(void)state;
	scratch_text("run.params", "-a\ntwo words\n\n$HOME `x`\nlast");
	assert_int_equal(environment_lines(&changes, scratch_fd, "run.params"), 0);
	assert_int_equal(changes.len, sizeof want);
	assert_memory_equal(changes.s, want, sizeof want);
}

static void no_arguments(void **state)
{
	(void)state;
	scratch_text("run.params", "");
	assert_int_equal(environment_lines(&changes, scratch_fd, "run.params"), 0);
	assert_int_equal(changes.len, 0);
	unlink(scratch_name("run.params"));
	assert_int_equal(environment_lines(&changes, scratch_fd, "run.params"), -1);
	assert_int_equal(errno, ENOENT);
}

static void lines_are_appended(void **state)
{
	(void)state;
	scratch_text("one", "1\n");
	scratch_text("two", "2");
	assert_int_equal(environment_lines(&changes, scratch_fd, "one"), 0);
	assert_int_equal(environment_lines(&changes, scratch_fd, "two"), 0);
	assert_int_equal(changes.len, 4);
	assert_memory_equal(changes.s, "1\0002\0", 4);
}

/* --------------------------------------------------------------------------- merging */

static char const *find(char const *const *envp, char const *name)
{
	size_t len = strlen(name);
	for (; *envp; envp++)
		if (!strncmp(*envp, name, len) && (*envp)[len] == '=')
			return *envp + len + 1;
	return 0;
}

static size_t length(char const *const *envp)
{
	size_t n = 0;
	while (envp[n])
		n++;
	return n;
}

static void merging(void **state)
{
	char const *const env[] = { "A=old", "B=stays", "C=goes", "AA=other", 0 };
	(void)state;
	assert_int_equal(environment_set(&changes, "A", "first"), 0);
	assert_int_equal(environment_set(&changes, "A", "last"), 0);
	assert_int_equal(environment_set(&changes, "C", 0), 0);
	assert_int_equal(environment_set(&changes, "D", ""), 0);
	assert_int_equal(environment_set(&changes, "E", "x"), 0);
	assert_int_equal(environment_set(&changes, "E", 0), 0);
	assert_int_equal(environment_set(&changes, "NEVER", 0), 0);
	char const **merged = environment_merge(env, &changes);
	assert_non_null(merged);
	assert_int_equal(length(merged), 4);
	assert_string_equal(find(merged, "A"), "last");
	assert_string_equal(find(merged, "B"), "stays");
	assert_string_equal(find(merged, "AA"), "other");
	assert_string_equal(find(merged, "D"), "");
	free(merged);
}

static void merging_nothing(void **state)
{
	char const *const env[] = { "A=1", 0 }, *const none[] = { 0 };
	(void)state;
	char const **merged = environment_merge(env, &changes);
	assert_non_null(merged);
	assert_int_equal(length(merged), 1);
	free(merged);
	merged = environment_merge(none, &changes);
	assert_non_null(merged);
	assert_int_equal(length(merged), 0);
	free(merged);
	assert_int_equal(environment_set(&changes, "B", "2"), 0);
	merged = environment_merge(none, &changes);
	assert_non_null(merged);
	assert_int_equal(length(merged), 1);
	assert_string_equal(merged[0], "B=2");
	free(merged);
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		IN_SCRATCH(a_file_is_a_variable),
		IN_SCRATCH(an_empty_file_unsets),
		IN_SCRATCH(what_is_passed_over),
		IN_SCRATCH(a_link_is_followed),
		IN_SCRATCH(a_link_to_nowhere_is_told),
		IN_SCRATCH(no_directory),
		IN_SCRATCH(long_values),
		IN_SCRATCH(a_long_name_is_told_cut),
		IN_SCRATCH(a_file_that_cannot_be_read_is_told),
		IN_SCRATCH(a_line_is_a_variable),
		IN_SCRATCH(an_empty_file_changes_nothing),
		IN_SCRATCH(a_line_without_a_name),
		IN_SCRATCH(nul_in_a_line),
		IN_SCRATCH(no_env_file),
		IN_SCRATCH(a_line_is_an_argument),
		IN_SCRATCH(no_arguments),
		IN_SCRATCH(lines_are_appended),
		IN_SCRATCH(merging),
		IN_SCRATCH(merging_nothing),
	};
	return cmocka_run_group_tests_name("environment", tests, 0, 0);
}
