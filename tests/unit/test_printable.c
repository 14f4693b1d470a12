/* What a terminal would obey. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "printable.h"

static struct {
	char const *text, *shown;
} const rows[] = {
	{ "", "" },
	{ "web", "web" },
	{ "a\tb\033[31m\x7f", "a?b?[31m?" },
	{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" }, /* 0x9f, as the end of a letter */
	{ "a\xc2\x9b"
	  "31m",
		"a?31m" }, /* U+009B */
	{ "\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0" },
	{ "a\x9b"
	  "31m\xe9",
		"a?31m\xe9" }, /* where characters are bytes */
	{ "\xe2\x82\xac\xe2\x9b", "\xe2\x82\xac\xe2?" },
};

static void control_characters_are_found(void **state)
{
	char to[64];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(printable_copy(to, sizeof to, rows[i].text), rows[i].shown);
		assert_int_equal(
			printable_not(rows[i].text), strcmp(rows[i].text, rows[i].shown) != 0);
	}
}

static void no_character_is_cut(void **state)
{
	char to[4];
	(void)state;
	assert_string_equal(printable_copy(to, sizeof to, "abcdef"), "abc");
	assert_string_equal(printable_copy(to, sizeof to, "ab\xc3\xbc"), "ab");
	assert_string_equal(printable_copy(to, 1, "a"), "");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(control_characters_are_found),
		cmocka_unit_test(no_character_is_cut),
	};
	return cmocka_run_group_tests_name("printable", tests, 0, 0);
}
