/* The service directory's reader: lists, of exit codes and of texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "servicedir.h"

static void lists_of_codes(void **state)
{
	static struct {
		char const *text, *codes; /* NULL: an error */
	} const rows[] = {
		{ "0", "0" },
		{ "3 5,7\n9\n", "3 5 7 9" },
		{ " \t255, 0 ", "0 255" },
		{ "", "" },
		{ "256", 0 },
		{ "-1", 0 },
		{ "1 2x", 0 },
		{ "99999999999999999999", 0 },
		{ "0x1", 0 },
		{ "1-3", 0 },
		{ "SIGTERM", 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned char set[32] = { 0 };
		struct value_error e = { .text = "" };
		char found[64] = "";

		scratch_text("c", rows[i].text);
		int r = value_codes(scratch_fd, "c", set, &e);
		if (r != (rows[i].codes ? 1 : -1))
			fail_msg("`%s' gave %d (%s)", rows[i].text, r, e.text);
		if (!rows[i].codes)
			continue;
		for (unsigned int n = 0; n < 256; n++)
			if (set[n / 8] & 1u << n % 8)
				snprintf(found + strlen(found), sizeof found - strlen(found),
					"%s%u", found[0] ? " " : "", n);
		assert_string_equal(found, rows[i].codes);
	}
}

static void a_bad_list_says_what_is_allowed(void **state)
{
	unsigned char set[32] = { 1 };
	struct value_error e;
	(void)state;
	scratch_text("c", "x");
	assert_int_equal(value_codes(scratch_fd, "c", set, &e), -1);
	assert_string_equal(e.text, "c: `x' is not a list of exit codes (numbers from 0 to 255)");
}

static void what_is_set_stays_set(void **state)
{
	unsigned char set[32] = { 1 };
	struct value_error e;
	(void)state;
	assert_int_equal(value_codes(scratch_fd, "none", set, &e), 0);
	assert_int_equal(set[0], 1);
	scratch_text("c", "2");
	assert_int_equal(value_codes(scratch_fd, "c", set, &e), 1);
	assert_int_equal(set[0], 5);
}

static void texts(void **state)
{
	static struct {
		char const *file, *texts; /* NULL: an error */
	} const rows[] = {
		{ "is ready", "is ready" },
		{ "is ready \t\r\n\n", "is ready" },
		{ " one\ntwo  \n\n \n\tthree\r\n", " one\ntwo\n\tthree" },
		{ "\n\nlate", "late" },
		{ "", 0 },
		{ " \n\t\n", 0 },
		{ "01234567890123456789012345678901", 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char buf[32] = "";
		struct value_error e = { .text = "" };

		scratch_text("t", rows[i].file);
		int r = value_texts(scratch_fd, "t", buf, sizeof buf, &e);
		if (r != (rows[i].texts ? 1 : -1))
			fail_msg("`%s' gave %d (%s)", rows[i].file, r, e.text);
		if (rows[i].texts)
			assert_string_equal(buf, rows[i].texts);
		else
			assert_memory_equal(e.text, "t: ", 3);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(lists_of_codes),
		T(a_bad_list_says_what_is_allowed),
		T(what_is_set_stays_set),
		T(texts),
	};
	return cmocka_run_group_tests_name("servicedir_codes", tests, NULL, NULL);
}
