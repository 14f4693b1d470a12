/* Limits of control groups and lists of capabilities: what parses, and what does not. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "capability.h"
#include "limit.h"

static char directory[] = "/tmp/cinit-limit.XXXXXX";
static int dir;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(dir, "value", 0);
	close(dir);
	return rmdir(directory);
}

static void put(char const *text, size_t len)
{
	int fd = openat(dir, "value", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

/* ------------------------------------------------------------------------------------- limits */

static struct limit const *limit(char const *file)
{
	for (size_t i = 0; i < limit_count; i++)
		if (!strcmp(limits[i].file, file))
			return &limits[i];
	fail_msg("no limit %s", file);
	return NULL;
}

static void limits_that_parse(void **state)
{
	static char const *const good[][2] = {
		{ "memory.max", "max" },
		{ "memory.max", "1" },
		{ "memory.max", "64M" },
		{ "memory.max", "2g" },
		{ "memory.max", "999999999999999999" },
		{ "pids.max", "max" },
		{ "pids.max", "0" },
		{ "pids.max", "4194304" },
		{ "cpu.max", "max" },
		{ "cpu.max", "max 100000" },
		{ "cpu.max", "50000" },
		{ "cpu.max", "50000 100000" },
	};
	char value[LIMIT_VALUE];
	struct value_error e;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char line[64];
		snprintf(line, sizeof line, "%s \n", good[i][1]);
		put(line, strlen(line));
		assert_int_equal(limit_read(dir, "value", limit(good[i][0]), value, &e), 1);
		assert_string_equal(value, good[i][1]);
	}
}

static void limits_that_do_not(void **state)
{
	static char const *const bad[][2] = {
		{ "memory.max", "" },
		{ "memory.max", "lots" },
		{ "memory.max", "-1" },
		{ "memory.max", "64MB" },
		{ "memory.max", "64 M" },
		{ "memory.max", "1.5G" },
		{ "memory.max", "9999999999999999999" },
		{ "memory.max", "maximum" },
		{ "pids.max", "10K" },
		{ "pids.max", "" },
		{ "pids.max", "1 2" },
		{ "cpu.max", "50%" },
		{ "cpu.max", "50000 "
			     "x" },
		{ "cpu.max", "1 2 3" },
		{ "cpu.max", "max max" },
		{ "cpu.max", "maxi" },
		{ "cpu.max", "" },
	};
	char value[LIMIT_VALUE];
	struct value_error e;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char want[80];
		put(bad[i][1], strlen(bad[i][1]));
		snprintf(want, sizeof want, "value: `%s' is not a limit (max, or ", bad[i][1]);
		if (limit_read(dir, "value", limit(bad[i][0]), value, &e) != -1)
			fail_msg("%s: `%s'", bad[i][0], bad[i][1]);
		if (strncmp(e.text, want, strlen(want)))
			fail_msg("%s", e.text);
	}
	unlinkat(dir, "value", 0);
	assert_int_equal(limit_read(dir, "value", limit("pids.max"), value, &e), 0);
}

/* ------------------------------------------------------------------------------- capabilities */

static void lists_that_parse(void **state)
{
	static struct {
		char const *text;
		uint64_t set;
	} const good[] = {
		{ "", 0 },
		{ "\n\n", 0 },
		{ "cap_chown", CAPABILITY(0) },
		{ "CAP_CHOWN\n", CAPABILITY(0) },
		{ "chown", CAPABILITY(0) },
		{ "cap_chown,cap_chown", CAPABILITY(0) },
		{ " cap_net_bind_service ,\tNet_Raw\n\nsys_admin",
			CAPABILITY(10) | CAPABILITY(13) | CAPABILITY(21) },
		{ "cap_checkpoint_restore", CAPABILITY(40) },
	};
	struct value_error e;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint64_t set = 77;
		put(good[i].text, strlen(good[i].text));
		assert_int_equal(value_capabilities(dir, "value", &set, &e), 1);
		assert_int_equal(set, good[i].set);
	}
}

static void lists_that_do_not(void **state)
{
	static char const *const bad[] = { "cap_fly", "cap_", "_chown", "cap_chown cap_fly",
		"cap_chown;cap_kill", "0", "all", "!cap_chown",
		"cap_net_bind_service_and_a_very_long_tail_that_fits_nowhere" };
	struct value_error e;
	uint64_t set = 77;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(bad[i], strlen(bad[i]));
		if (value_capabilities(dir, "value", &set, &e) != -1)
			fail_msg("`%s'", bad[i]);
		assert_non_null(strstr(e.text, "value: `"));
		assert_non_null(strstr(e.text, "is not a capability"));
		assert_int_equal(set, 77);
	}
	put("cap_chown\0cap_kill", 18);
	assert_int_equal(value_capabilities(dir, "value", &set, &e), -1);
	unlinkat(dir, "value", 0);
	assert_int_equal(value_capabilities(dir, "value", &set, &e), 0);
}

/* The numbers are the kernel's: it says which is the last that it knows. */
static void names_are_the_kernels(void **state)
{
	uint64_t set;
	(void)state;
	assert_int_equal(capability_permitted(&set), 0);
	assert_string_equal(capability_name(0), "cap_chown");
	assert_string_equal(capability_name(21), "cap_sys_admin");
	assert_string_equal(capability_name(37), "cap_audit_read");
	assert_string_equal(capability_name(40), "cap_checkpoint_restore");
	assert_string_equal(capability_name(41), "an unknown one");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(limits_that_parse),
		cmocka_unit_test(limits_that_do_not),
		cmocka_unit_test(lists_that_parse),
		cmocka_unit_test(lists_that_do_not),
		cmocka_unit_test(names_are_the_kernels),
	};
	return cmocka_run_group_tests_name("limit_capability", tests, setup, teardown);
}
