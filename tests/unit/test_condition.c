/* enable-if-env: what may stand there, and when it holds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "condition.h"
#include "scratch.h"

#define FILE_NAME "enable-if-env"

static struct value_error error;

/* What comes of these lines. */
static int asked(char const *text)
{
	scratch_text(FILE_NAME, text);
	memset(&error, 0, sizeof error);
	return condition_env(scratch_fd, FILE_NAME, &error);
}

static int set_up(void **state)
{
	setenv("SET", "value", 1);
	setenv("EMPTY", "", 1);
	setenv("SPACED", " two  words ", 1);
	setenv("SETTER", "another", 1);
	unsetenv("UNSET");
	return scratch_setup(state);
}

static void each_kind_holds_or_not(void **state)
{
	static struct {
		char const *line;
		int holds;
	} const rows[] = {
		{ "SET", 1 }, { "SET=value", 1 }, { "SET=valu", 0 }, { "SET=value2", 0 },
		{ "SET=", 0 }, { "SE", 0 }, { "!SE", 1 }, { "!SET", 0 }, { "UNSET", 0 },
		{ "UNSET=", 0 }, { "!UNSET", 1 }, { "EMPTY", 1 }, { "EMPTY=", 1 }, { "!EMPTY", 0 },
		{ "SPACED= two  words ", 1 }, { "SPACED=two  words", 0 }, { "SETTER=another", 1 },
		{ "!!", 1 }, /* nothing forbids a variable to be called so */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r = asked(rows[i].line);
		if (r != rows[i].holds)
			fail_msg("%s: %d", rows[i].line, r);
		assert_string_equal(error.text, r ? "" : rows[i].line);
	}
}

static void all_lines_must_hold(void **state)
{
	(void)state;
	assert_int_equal(asked(""), 1);
	assert_int_equal(asked("\n# a remark\n\n"), 1);
	assert_int_equal(asked("SET\n!UNSET\nEMPTY=\n"), 1);
	assert_int_equal(asked("SET\nSET=no\nUNSET\n"), 0);
	assert_string_equal(error.text, "SET=no");
}

static void what_is_no_condition_is_said(void **state)
{
	static char const *const bad[] = { "=value", "!", "!SET=value", " SET", "SET =value", "A B",
		"SET\r", "UNSET\n=\n" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(asked(bad[i]), -1);
		assert_non_null(strstr(error.text, FILE_NAME ": `"));
		assert_non_null(
			strstr(error.text, "' is not a condition (VAR, VAR=value or !VAR)"));
	}
}

static void what_cannot_be_read_is_bad(void **state)
{
	(void)state;
	assert_int_equal(condition_env(scratch_fd, FILE_NAME, &error), -1);
	assert_string_equal(error.text, FILE_NAME ": No such file or directory");
	/* a FIFO is empty, and nobody waits for its writer */
	assert_int_equal(mkfifoat(scratch_fd, FILE_NAME, 0600), 0);
	assert_int_equal(condition_env(scratch_fd, FILE_NAME, &error), 1);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup_teardown(each_kind_holds_or_not, set_up, scratch_teardown),
		cmocka_unit_test_setup_teardown(all_lines_must_hold, set_up, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_condition_is_said, set_up, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_read_is_bad, set_up, scratch_teardown),
	};
	return cmocka_run_group_tests_name("condition", tests, NULL, NULL);
}
