/* The service directory's reader: words, lines, what is no value, and what is no file at all. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "servicedir.h"

static uint32_t const untouched = 0xabcdef01u;

/* -------------------------------------------------------------------------------- words */

static void words(void **state)
{
	static char const *const modes[] = { "all", "group", "process", 0 };
	struct value_error e;
	unsigned int index = 77;
	(void)state;

	scratch_text("kill-mode", "process\n");
	assert_int_equal(value_word(scratch_fd, "kill-mode", modes, &index, &e), 1);
	assert_int_equal(index, 2);
	scratch_text("kill-mode", "all");
	assert_int_equal(value_word(scratch_fd, "kill-mode", modes, &index, &e), 1);
	assert_int_equal(index, 0);

	scratch_text("kill-mode", "All");
	assert_int_equal(value_word(scratch_fd, "kill-mode", modes, &index, &e), -1);
	assert_string_equal(e.text, "kill-mode: `All' is none of all, group, process");
	scratch_text("kill-mode", "al");
	assert_int_equal(value_word(scratch_fd, "kill-mode", modes, &index, &e), -1);
	scratch_text("kill-mode", "");
	assert_int_equal(value_word(scratch_fd, "kill-mode", modes, &index, &e), -1);
	assert_string_equal(e.text, "kill-mode: an empty file is none of all, group, process");
	assert_int_equal(index, 0);
}

static void word_lists_of_any_length(void **state)
{
	static char const *const many[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", "d", 0
	};
	struct value_error e;
	unsigned int index;
	(void)state;

	scratch_text("w", "d");
	assert_int_equal(value_word(scratch_fd, "w", many, &index, &e), 1);
	assert_int_equal(index, 3);
	scratch_text("w", "e");
	assert_int_equal(value_word(scratch_fd, "w", many, &index, &e), -1);
	assert_true(strlen(e.text) < sizeof e.text);
}

/* -------------------------------------------------------------------------------- lines */

static void lines(void **state)
{
	struct value_error e;
	char buf[8];
	(void)state;

	scratch_text("user", "www:log \nand more that is not read\n");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), -1);
	scratch_text("user", "www \t\nand more");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), 1);
	assert_string_equal(buf, "www");
	scratch_text("user", "\nwww");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), 1);
	assert_string_equal(buf, "");
	scratch_text("user", "");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), 1);
	assert_string_equal(buf, "");

	/* the longest that fits, with and without its newline, and one more */
	scratch_text("user", "1234567");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), 1);
	assert_string_equal(buf, "1234567");
	scratch_text("user", "1234567\nx");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), 1);
	assert_string_equal(buf, "1234567");
	scratch_text("user", "12345678");
	assert_int_equal(value_line(scratch_fd, "user", buf, sizeof buf, &e), -1);
	assert_string_equal(e.text, "user: too long (at most 7 bytes)");
}

static void nul_bytes_are_errors(void **state)
{
	struct value_error e;
	char buf[64];
	uint32_t ms = untouched;
	(void)state;

	scratch_bytes("t", "5\0", 2);
	assert_int_equal(value_duration(scratch_fd, "t", &ms, &e), -1);
	assert_string_equal(e.text, "t: holds a NUL byte");
	scratch_bytes("t", "\0005", 2);
	assert_int_equal(value_line(scratch_fd, "t", buf, sizeof buf, &e), -1);
	assert_int_equal(ms, untouched);
}

static void long_values_are_errors(void **state)
{
	static char text[300];
	struct value_error e;
	uint32_t n = untouched;
	(void)state;

	memset(text, '0', sizeof text);
	scratch_bytes("n", text, 255);
	assert_int_equal(value_unsigned(scratch_fd, "n", &n, &e), 1);
	assert_int_equal(n, 0);
	scratch_bytes("n", text, 256);
	assert_int_equal(value_unsigned(scratch_fd, "n", &n, &e), -1);
	assert_string_equal(e.text, "n: too long (at most 255 bytes)");
	scratch_bytes("n", text, sizeof text);
	assert_int_equal(value_duration(scratch_fd, "n", &n, &e), -1);

	/* what a message shows of a long one is cut, and says so */
	memset(text, 'a', 200);
	scratch_bytes("n", text, 200);
	assert_int_equal(value_unsigned(scratch_fd, "n", &n, &e), -1);
	assert_non_null(strstr(e.text, "aaa...' is not a number"));
}

/* ---------------------------------------------------------------------- things of other kinds */

static void absent_files_leave_the_value(void **state)
{
	static char const *const list[] = { "a", 0 };
	struct value_error e;
	uint32_t a = untouched, b = untouched;
	int sig = 3;
	unsigned int index = 4;
	char buf[8] = "abc";
	(void)state;

	assert_int_equal(value_duration(scratch_fd, "none", &a, &e), 0);
	assert_int_equal(value_unsigned(scratch_fd, "none", &a, &e), 0);
	assert_int_equal(value_limit(scratch_fd, "none", &a, &b, &e), 0);
	assert_int_equal(value_signal(scratch_fd, "none", &sig, &e), 0);
	assert_int_equal(value_word(scratch_fd, "none", list, &index, &e), 0);
	assert_int_equal(value_line(scratch_fd, "none", buf, sizeof buf, &e), 0);
	assert_int_equal(a, untouched);
	assert_int_equal(b, untouched);
	assert_int_equal(sig, 3);
	assert_int_equal(index, 4);
	assert_string_equal(buf, "abc");
}

static void fifos_read_as_empty(void **state)
{
	struct value_error e;
	uint32_t ms = untouched;
	char buf[8] = "abc";
	(void)state;

	assert_int_equal(mkfifoat(scratch_fd, "t", 0600), 0);
	alarm(5); /* a blocking open would never come back */
	assert_int_equal(value_duration(scratch_fd, "t", &ms, &e), -1);
	assert_memory_equal(e.text, "t: an empty file is not", 23);
	assert_int_equal(value_line(scratch_fd, "t", buf, sizeof buf, &e), 1);
	assert_string_equal(buf, "");

	/* with a silent writer */
	int fd = openat(scratch_fd, "t", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(value_duration(scratch_fd, "t", &ms, &e), -1);
	assert_memory_equal(e.text, "t: an empty file is not", 23);
	close(fd);
	alarm(0);
	assert_int_equal(ms, untouched);
}

static void directories_and_links(void **state)
{
	struct value_error e;
	uint32_t ms = untouched;
	(void)state;

	assert_int_equal(mkdirat(scratch_fd, "t", 0755), 0);
	assert_int_equal(value_duration(scratch_fd, "t", &ms, &e), -1);
	assert_string_equal(e.text, "t: unable to read: Is a directory");

	assert_int_equal(symlinkat("nowhere", scratch_fd, "broken"), 0);
	assert_int_equal(value_duration(scratch_fd, "broken", &ms, &e), -1);
	assert_string_equal(e.text, "broken: a link that leads nowhere");
	assert_int_equal(symlinkat("loop", scratch_fd, "loop"), 0);
	assert_int_equal(value_duration(scratch_fd, "loop", &ms, &e), -1);

	scratch_text("real", "3s");
	assert_int_equal(symlinkat("real", scratch_fd, "link"), 0);
	assert_int_equal(value_duration(scratch_fd, "link", &ms, &e), 1);
	assert_int_equal(ms, 3000);
	assert_int_equal(value_duration(scratch_fd, "real/t", &ms, &e), -1);
	assert_string_equal(e.text, "real/t: unable to open: Not a directory");
}

static int unreadable_act(void *data)
{
	struct value_error e;
	uint32_t ms = 1;

	CHILD_CHECK(!*(int *)data || !scratch_become(12345));
	CHILD_CHECK(value_duration(scratch_fd, "t", &ms, &e) == -1);
	CHILD_CHECK(!strcmp(e.text, "t: unable to open: Permission denied"));
	CHILD_CHECK(ms == 1);
	return 0;
}

static void unreadable_files(void **state)
{
	int root = !geteuid();
	(void)state;

	scratch_text("t", "5");
	assert_int_equal(fchmodat(scratch_fd, "t", 0000, 0), 0);
	assert_int_equal(scratch_child(unreadable_act, &root), 0);
}

static void long_file_names_are_cut(void **state)
{
	char name[400];
	struct value_error e;
	uint32_t n;
	(void)state;

	memset(name, 'f', sizeof name);
	name[sizeof name - 1] = 0;
	assert_int_equal(value_unsigned(scratch_fd, name, &n, &e), -1);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

/* ------------------------------------------------------------------------------ entries */

static void entries(void **state)
{
	(void)state;

	scratch_text("run", "x");
	assert_int_equal(symlinkat("nowhere", scratch_fd, "broken"), 0);
	assert_int_equal(mkdirat(scratch_fd, "dir", 0755), 0);
	assert_true(entry_exists(scratch_fd, "run"));
	assert_true(entry_exists(scratch_fd, "broken"));
	assert_true(entry_exists(scratch_fd, "dir"));
	assert_true(entry_exists(scratch_fd, "run/under-a-file"));
	assert_false(entry_exists(scratch_fd, "none"));
	assert_false(entry_exists(scratch_fd, "dir/none"));

	assert_false(entry_executable(scratch_fd, "run"));
	assert_int_equal(fchmodat(scratch_fd, "run", 0611, 0), 0);
	assert_false(entry_executable(scratch_fd, "run"));
	assert_int_equal(fchmodat(scratch_fd, "run", 0100, 0), 0);
	assert_true(entry_executable(scratch_fd, "run"));
	assert_int_equal(symlinkat("run", scratch_fd, "link"), 0);
	assert_true(entry_executable(scratch_fd, "link"));
	assert_false(entry_executable(scratch_fd, "dir"));
	assert_false(entry_executable(scratch_fd, "broken"));
	assert_false(entry_executable(scratch_fd, "none"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(words),
		T(word_lists_of_any_length),
		T(lines),
		T(nul_bytes_are_errors),
		T(long_values_are_errors),
		T(absent_files_leave_the_value),
		T(fifos_read_as_empty),
		T(directories_and_links),
		T(unreadable_files),
		T(long_file_names_are_cut),
		T(entries),
	};
	return cmocka_run_group_tests_name("servicedir", tests, 0, 0);
}
