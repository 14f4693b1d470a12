/* Reading a service directory: entries, values, what is bad, and what cannot be read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "supervise/config.h"

static int load(struct config *c, struct value_error *e)
{
	memset(c, 0xa5, sizeof *c); /* nothing is left as it was */
	memset(e, 0, sizeof *e);
	return config_load(c, scratch_path, e);
}

static void an_empty_directory_has_defaults(void **state)
{
	struct config c;
	struct value_error e;
	(void)state;
	assert_int_equal(load(&c, &e), 0);
	assert_int_equal(c.entries, 0);
	assert_int_equal(c.timeout_kill, 5000);
	assert_int_equal(c.timeout_finish, 5000);
	assert_int_equal(c.timeout_control, 10000);
	assert_int_equal(c.backoff_max, 30000);
	assert_int_equal(c.max_deaths, 0);
	assert_int_equal(c.down_signal, SIGTERM);
	assert_int_equal(c.kill_mode, KILL_ALL);
	assert_int_equal(c.restart, RESTART_ALWAYS);
}

static void each_entry_has_its_bit(void **state)
{
	static struct {
		char const *name, *text;
		uint32_t bit;
	} const rows[] = {
		{ "run", "", ENTRY_RUN },
		{ "finish", "", ENTRY_FINISH },
		{ "check", "", ENTRY_CHECK },
		{ "control", "", ENTRY_CONTROL },
		{ "down", "", ENTRY_DOWN },
		{ "env", "", ENTRY_ENV },
		{ "user", "", ENTRY_USER },
		{ "log", "", ENTRY_LOG },
		{ "down-signal", "INT", ENTRY_DOWN_SIGNAL },
		{ "timeout-kill", "1", ENTRY_TIMEOUT_KILL },
		{ "timeout-finish", "1", ENTRY_TIMEOUT_FINISH },
		{ "timeout-control", "1", ENTRY_TIMEOUT_CONTROL },
		{ "max-deaths", "1/1", ENTRY_MAX_DEATHS },
		{ "kill-mode", "all", ENTRY_KILL_MODE },
		{ "restart", "never", ENTRY_RESTART },
		{ "essential", "", ENTRY_ESSENTIAL },
		{ "backoff-max", "1", ENTRY_BACKOFF_MAX },
		{ "run.params", "", ENTRY_RUN_PARAMS },
		{ "run.env", "", ENTRY_RUN_ENV },
		{ "finish.params", "", ENTRY_FINISH_PARAMS },
		{ "finish.env", "", ENTRY_FINISH_ENV },
	};
	struct config c;
	struct value_error e;
	uint32_t all = 0;
	(void)state;
	scratch_text("runs", "no entry of ours");
	scratch_text(".run", "nor this");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scratch_text(rows[i].name, rows[i].text);
		all |= rows[i].bit;
		if (load(&c, &e) < 0)
			fail_msg("%s: %s", rows[i].name, e.text);
		assert_int_equal(c.entries, all);
	}
}

static void values(void **state)
{
	struct config c;
	struct value_error e;
	(void)state;
	scratch_text("timeout-kill", "250\n");
	scratch_text("timeout-finish", "3s\n");
	scratch_text("timeout-control", "2m");
	scratch_text("backoff-max", "1h\n");
	scratch_text("max-deaths", "5/60\n");
	scratch_text("down-signal", "SIGINT\n");
	scratch_text("kill-mode", "process\n");
	scratch_text("restart", "on-failure\n");
	assert_int_equal(load(&c, &e), 0);
	assert_int_equal(c.timeout_kill, 250);
	assert_int_equal(c.timeout_finish, 3000);
	assert_int_equal(c.timeout_control, 120000);
	assert_int_equal(c.backoff_max, 3600000);
	assert_int_equal(c.max_deaths, 5);
	assert_int_equal(c.max_deaths_ms, 60000);
	assert_int_equal(c.down_signal, SIGINT);
	assert_int_equal(c.kill_mode, KILL_PROCESS);
	assert_int_equal(c.restart, RESTART_ON_FAILURE);
	scratch_text("kill-mode", "group\n");
	scratch_text("restart", "never\n");
	scratch_text("timeout-kill", "0\n");
	assert_int_equal(load(&c, &e), 0);
	assert_int_equal(c.kill_mode, KILL_GROUP);
	assert_int_equal(c.restart, RESTART_NEVER);
	assert_int_equal(c.timeout_kill, 0);
}

static void essential_is_not_restarted_unless_it_says_so(void **state)
{
	struct config c;
	struct value_error e;
	(void)state;
	scratch_text("essential", "");
	assert_int_equal(load(&c, &e), 0);
	assert_int_equal(c.restart, RESTART_NEVER);
	scratch_text("restart", "always");
	assert_int_equal(load(&c, &e), 0);
	assert_int_equal(c.restart, RESTART_ALWAYS);
	scratch_text("restart", "sometimes");
	assert_int_equal(load(&c, &e), -1);
	assert_int_equal(c.restart, RESTART_NEVER);
}

/* Each bad value is named; the others are read all the same, and the bad one has its default. */
static void bad_values(void **state)
{
	static struct {
		char const *name, *text;
	} const rows[] = {
		{ "timeout-kill", "soon" },
		{ "timeout-kill", "-1" },
		{ "timeout-kill", "" },
		{ "timeout-kill", "5x" },
		{ "timeout-kill", "99999999999999999999" },
		{ "timeout-finish", "1.5s" },
		{ "timeout-control", "1 s" },
		{ "backoff-max", "ever" },
		{ "max-deaths", "5" },
		{ "max-deaths", "5/0" },
		{ "max-deaths", "/5" },
		{ "down-signal", "NONE" },
		{ "down-signal", "0" },
		{ "down-signal", "65" },
		{ "kill-mode", "everything" },
		{ "kill-mode", "" },
		{ "restart", "maybe" },
	};
	struct config c, before;
	struct value_error e;
	(void)state;
	scratch_text("backoff-max", "7s");
	assert_int_equal(load(&before, &e), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scratch_text("backoff-max", "7s");
		scratch_text(rows[i].name, rows[i].text);
		assert_int_equal(load(&c, &e), -1);
		if (strncmp(e.text, rows[i].name, strlen(rows[i].name)) != 0)
			fail_msg("%s `%s': says %s", rows[i].name, rows[i].text, e.text);
		assert_int_equal(c.backoff_max, strcmp(rows[i].name, "backoff-max") ? 7000 : 30000);
		assert_int_equal(c.timeout_kill, before.timeout_kill);
		assert_int_equal(c.timeout_finish, before.timeout_finish);
		assert_int_equal(c.timeout_control, before.timeout_control);
		assert_int_equal(c.max_deaths, 0);
		assert_int_equal(c.down_signal, SIGTERM);
		assert_int_equal(c.kill_mode, KILL_ALL);
		assert_int_equal(c.restart, RESTART_ALWAYS);
		unlink(scratch_name(rows[i].name));
	}
}

static void the_first_bad_value_is_told(void **state)
{
	struct config c;
	struct value_error e;
	(void)state;
	scratch_text("timeout-kill", "x");
	scratch_text("down-signal", "x");
	scratch_text("kill-mode", "x");
	scratch_text("restart", "x");
	scratch_text("max-deaths", "x");
	assert_int_equal(load(&c, &e), -1);
	assert_non_null(strstr(e.text, "timeout-kill"));
}

static void odd_things_in_place_of_values(void **state)
{
	struct config c;
	struct value_error e;
	(void)state;
	/* none of these may hang, and none is taken for a value */
	assert_int_equal(mkfifo(scratch_name("timeout-kill"), 0600), 0);
	assert_int_equal(load(&c, &e), -1);
	assert_non_null(strstr(e.text, "timeout-kill"));
	unlink(scratch_name("timeout-kill"));
	assert_int_equal(mkdir(scratch_name("kill-mode"), 0700), 0);
	assert_int_equal(load(&c, &e), -1);
	assert_non_null(strstr(e.text, "kill-mode"));
	rmdir(scratch_name("kill-mode"));
	assert_int_equal(symlink("nowhere", scratch_name("restart")), 0);
	assert_int_equal(load(&c, &e), -1);
	assert_non_null(strstr(e.text, "restart"));
}

static int load_as_nobody(void *data)
{
	struct config c;
	struct value_error e;
	(void)data;
	if (!geteuid() && scratch_become(65534) < 0)
		return 99;
	CHILD_CHECK(load(&c, &e) == 0);
	CHILD_CHECK(c.entries == (ENTRY_RUN | ENTRY_TIMEOUT_KILL));
	CHILD_CHECK(c.timeout_kill == 70);
	return 0;
}

/* Search permission without read permission is enough. */
static void a_directory_that_cannot_be_listed(void **state)
{
	(void)state;
	scratch_text("run", "");
	scratch_text("timeout-kill", "70");
	assert_int_equal(chmod(scratch_path, 0111), 0);
	assert_int_equal(scratch_child(load_as_nobody, 0), 0);
	chmod(scratch_path, 0755);
}

static int load_shut(void *data)
{
	struct config c;
	struct value_error e;
	(void)data;
	if (!geteuid() && scratch_become(65534) < 0)
		return 99;
	/* nothing can be told: each entry counts as there, and reading it says why not */
	CHILD_CHECK(load(&c, &e) == -1);
	CHILD_CHECK(strstr(e.text, "ermission denied") != 0);
	return 0;
}

static void a_directory_that_is_shut(void **state)
{
	(void)state;
	scratch_text("run", "");
	assert_int_equal(chmod(scratch_path, 0), 0);
	assert_int_equal(scratch_child(load_shut, 0), 0);
	chmod(scratch_path, 0755);
}

static void no_directory(void **state)
{
	struct config c;
	struct value_error e;
	(void)state;
	assert_int_equal(config_load(&c, scratch_name("none"), &e), -1);
	assert_string_equal(e.text, "unable to open service directory: No such file or directory");
	assert_int_equal(c.timeout_kill, 5000);
	assert_int_equal(c.entries, 0);
	scratch_text("file", "");
	assert_int_equal(config_load(&c, scratch_name("file"), &e), -1);
	assert_string_equal(e.text, "unable to open service directory: Not a directory");
	alarm(5);
	assert_int_equal(mkfifo(scratch_name("fifo"), 0644), 0);
	assert_int_equal(config_load(&c, scratch_name("fifo"), &e), -1);
	alarm(0);
}

static void no_descriptor_is_left_open(void **state)
{
	struct config c;
	struct value_error e;
	int before = dup(0);
	(void)state;
	assert_int_equal(close(before), 0);
	scratch_text("timeout-kill", "1");
	assert_int_equal(load(&c, &e), 0);
	scratch_text("timeout-kill", "x");
	assert_int_equal(load(&c, &e), -1);
	assert_int_equal(chmod(scratch_path, 0111), 0);
	load(&c, &e);
	chmod(scratch_path, 0755);
	int after = dup(0);
	assert_int_equal(after, before);
	close(after);
}

static int load_unreadable_value(void *data)
{
	struct config c;
	struct value_error e;
	(void)data;
	if (!geteuid() && scratch_become(65534) < 0)
		return 99;
	CHILD_CHECK(load(&c, &e) == -1);
	CHILD_CHECK(!strcmp(e.text, "timeout-kill: unable to open: Permission denied"));
	CHILD_CHECK(c.timeout_kill == 5000);
	return 0;
}

static void a_value_that_cannot_be_read(void **state)
{
	(void)state;
	scratch_text("timeout-kill", "70");
	assert_int_equal(chmod(scratch_name("timeout-kill"), 0), 0);
	assert_int_equal(scratch_child(load_unreadable_value, 0), 0);
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		IN_SCRATCH(an_empty_directory_has_defaults),
		IN_SCRATCH(each_entry_has_its_bit),
		IN_SCRATCH(values),
		IN_SCRATCH(essential_is_not_restarted_unless_it_says_so),
		IN_SCRATCH(bad_values),
		IN_SCRATCH(the_first_bad_value_is_told),
		IN_SCRATCH(odd_things_in_place_of_values),
		IN_SCRATCH(no_directory),
		IN_SCRATCH(no_descriptor_is_left_open),
		IN_SCRATCH(a_directory_that_cannot_be_listed),
		IN_SCRATCH(a_directory_that_is_shut),
		IN_SCRATCH(a_value_that_cannot_be_read),
	};
	return cmocka_run_group_tests_name("config", tests, 0, 0);
}
