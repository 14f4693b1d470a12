/* Values of a service directory that are numbers: the least and the most, and what is none. */
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

#define BAD UINT64_MAX /* as an expected value */

#define DURATION                                                                                   \
	"' is not a duration (a number, with ms, s, m or h, no blanks; bare numbers are ms)"
#define LARGE "' is too long (at most 4294967295 ms, 1193 h)"

struct row {
	char const *text;
	uint64_t value;
	char const *error; /* NULL: any */
};

static uint32_t const untouched = 0xabcdef01u;

/* ---------------------------------------------------------------------------- durations */

static struct row const duration_rows[] = {
	{ "0", 0, 0 },
	{ "5", 5, 0 },
	{ "5\n", 5, 0 },
	{ "5ms", 5, 0 },
	{ "5s", 5000, 0 },
	{ "5m", 300000, 0 },
	{ "5h", 18000000, 0 },
	{ "5m\n\n", 300000, 0 },
	{ "5m ", BAD, "t: `5m " DURATION },
	{ "5m \n", BAD, "t: `5m " DURATION },
	{ "5m\t", BAD, "t: `5m?" DURATION },
	{ "5m\r\n", BAD, "t: `5m?" DURATION },
	{ "5 ", BAD, "t: `5 " DURATION },
	{ "5m \t\r\n\n", BAD, "t: `5m ??" DURATION },
	{ "007s", 7000, 0 },
	{ "4294967295", 4294967295u, 0 },
	{ "4294967295ms\n", 4294967295u, 0 },
	{ "4294967s", 4294967000u, 0 },
	{ "71582m", 4294920000u, 0 },
	{ "1193h", 4294800000u, 0 },
	{ "4294967296", BAD, "t: `4294967296" LARGE },
	{ "4294968s", BAD, "t: `4294968s" LARGE },
	{ "71583m", BAD, "t: `71583m" LARGE },
	{ "1194h", BAD, "t: `1194h" LARGE },
	{ "18446744073709551616", BAD, "t: `18446744073709551616" LARGE },
	{ "99999999999999999999999s", BAD, "t: `99999999999999999999999s" LARGE },
	{ "5x", BAD, "t: `5x" DURATION },
	{ "-1", BAD, "t: `-1" DURATION },
	{ "+1", BAD, "t: `+1" DURATION },
	{ "1e9", BAD, "t: `1e9" DURATION },
	{ "1.5s", BAD, 0 },
	{ "0x10", BAD, 0 },
	{ " 5", BAD, "t: ` 5" DURATION },
	{ "5 m", BAD, "t: `5 m" DURATION },
	{ "5mm", BAD, 0 },
	{ "5sm", BAD, 0 },
	{ "5S", BAD, 0 },
	{ "5d", BAD, 0 },
	{ "s", BAD, "t: `s" DURATION },
	{ "ms", BAD, 0 },
	{ "5\n6", BAD, "t: `5?6" DURATION },
	{ "5\033[31m", BAD, "t: `5?[31m" DURATION },
	{ "5\xc3\xa9", BAD, "t: `5??" DURATION },
	{ "", BAD,
		"t: an empty file is not a duration (a number, with ms, s, m or h, "
		"no blanks; bare numbers are ms)" },
	{ " \n", BAD, "t: ` " DURATION },
	{ "\n", BAD,
		"t: an empty file is not a duration (a number, with ms, s, m or h, "
		"no blanks; bare numbers are ms)" },
	{ "unlimited", BAD, 0 },
};

static void durations(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof duration_rows / sizeof *duration_rows; i++) {
		struct value_error e = { .text = "" };
		uint32_t ms = untouched;

		scratch_text("t", duration_rows[i].text);
		int r = value_duration(scratch_fd, "t", &ms, &e);
		if (r != (duration_rows[i].value == BAD ? -1 : 1))
			fail_msg("`%s' gave %d (%s)", duration_rows[i].text, r, e.text);
		assert_int_equal(ms, r > 0 ? duration_rows[i].value : untouched);
		if (duration_rows[i].error)
			assert_string_equal(e.text, duration_rows[i].error);
		else if (r < 0)
			assert_memory_equal(e.text, "t: ", 3);
	}
}

/* ------------------------------------------------------------------------------ numbers */

static void numbers(void **state)
{
	static struct row const rows[] = {
		{ "0", 0, 0 },
		{ "17\n", 17, 0 },
		{ "4294967295", 4294967295u, 0 },
		{ "4294967296", BAD, "n: `4294967296' is not a number from 0 to 4294967295" },
		{ "42949672950", BAD, 0 },
		{ "18446744073709551617", BAD, 0 },
		{ "1s", BAD, "n: `1s' is not a number from 0 to 4294967295" },
		{ "-1", BAD, 0 },
		{ "", BAD, "n: an empty file is not a number from 0 to 4294967295" },
		{ "1 2", BAD, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value_error e = { .text = "" };
		uint32_t n = untouched;

		scratch_text("n", rows[i].text);
		int r = value_unsigned(scratch_fd, "n", &n, &e);
		if (r != (rows[i].value == BAD ? -1 : 1))
			fail_msg("`%s' gave %d (%s)", rows[i].text, r, e.text);
		assert_int_equal(n, r > 0 ? rows[i].value : untouched);
		if (rows[i].error)
			assert_string_equal(e.text, rows[i].error);
	}
}

static void signals(void **state)
{
#define SIGNAL "' is not a signal (TERM, SIGTERM, or a number from 1 to 64)"
	static struct row const rows[] = {
		{ "TERM", SIGTERM, 0 },
		{ "SIGTERM\n", SIGTERM, 0 },
		{ "15", SIGTERM, 0 },
		{ "HUP", SIGHUP, 0 },
		{ "SIGUSR1", SIGUSR1, 0 },
		{ "KILL", SIGKILL, 0 },
		{ "STOP", SIGSTOP, 0 },
		{ "WINCH", SIGWINCH, 0 },
		{ "1", 1, 0 },
		{ "64", 64, 0 },
		{ "0", BAD, "s: `0" SIGNAL },
		{ "65", BAD, "s: `65" SIGNAL },
		{ "70", BAD, 0 },
		{ "4294967311", BAD, 0 }, /* 15 in 32 bits */
		{ "18446744073709551631", BAD, 0 },
		{ "-15", BAD, 0 },
		{ "15x", BAD, 0 },
		{ "TERMX", BAD, 0 },
		{ "SIG", BAD, 0 },
		{ "SIGSIGTERM", BAD, 0 },
		{ "SIG15", BAD, 0 },
		{ "term", BAD, "s: `term" SIGNAL },
		{ "sigterm", BAD, 0 },
		{ "???", BAD, 0 },
		{ "", BAD,
			"s: an empty file is not a signal (TERM, SIGTERM, or a number from 1 to "
			"64)" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value_error e = { .text = "" };
		int sig = -7;

		scratch_text("s", rows[i].text);
		int r = value_signal(scratch_fd, "s", &sig, &e);
		if (r != (rows[i].value == BAD ? -1 : 1))
			fail_msg("`%s' gave %d (%s)", rows[i].text, r, e.text);
		assert_int_equal(sig, r > 0 ? (int)rows[i].value : -7);
		if (rows[i].error)
			assert_string_equal(e.text, rows[i].error);
	}
}

static void limits(void **state)
{
#define LIMIT "' is not a limit (COUNT/SECONDS, as in 5/60; at most 4294967 seconds)"
	static struct {
		char const *text;
		uint32_t n, ms;
		char const *error;
	} const rows[] = {
		{ "5/60", 5, 60000, "" },
		{ "5/60 \n", 5, 60000, "" },
		{ "0/1", 0, 1000, "" },
		{ "4294967295/4294967", 4294967295u, 4294967000u, "" },
		{ "1/4294968", 0, 0, "m: `1/4294968" LIMIT },
		{ "4294967296/1", 0, 0, 0 },
		{ "5/0", 0, 0, "m: `5/0" LIMIT },
		{ "5", 0, 0, "m: `5" LIMIT },
		{ "5/", 0, 0, 0 },
		{ "/5", 0, 0, 0 },
		{ "5/60s", 0, 0, 0 },
		{ "5 / 60", 0, 0, 0 },
		{ "5/-60", 0, 0, 0 },
		{ "5/60/1", 0, 0, 0 },
		{ "", 0, 0, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value_error e = { .text = "" };
		uint32_t n = untouched, ms = untouched;
		int good = rows[i].error && !rows[i].error[0];

		scratch_text("m", rows[i].text);
		int r = value_limit(scratch_fd, "m", &n, &ms, &e);
		if (r != (good ? 1 : -1))
			fail_msg("`%s' gave %d (%s)", rows[i].text, r, e.text);
		assert_int_equal(n, good ? rows[i].n : untouched);
		assert_int_equal(ms, good ? rows[i].ms : untouched);
		if (rows[i].error)
			assert_string_equal(e.text, rows[i].error);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(durations),
		T(numbers),
		T(signals),
		T(limits),
	};
	return cmocka_run_group_tests_name("servicedir_number", tests, 0, 0);
}
