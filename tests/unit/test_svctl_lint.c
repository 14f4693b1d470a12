/* lint: values, what does not go together, and what is misspelt, each with its file and line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scratch.h"
#include "svctl/lint.h"
#include "svctl_lint.h"

static void a_good_service_is_passed_over_in_silence(void **state)
{
	(void)state;
	lint_good("db");
	lint_good("web");
	lint_put("web/finish", 0755, "#!/bin/sh -e\nexit 0\n");
	lint_put("web/check", 0755, "#! /bin/sh\n");
	lint_put("web/control/t", 0755, "#!/bin/sh\n");
	lint_put("web/control/t.params", 0644, "-x\n");
	lint_put("web/log/run", 0755, "#!/bin/sh\n");
	lint_put("web/log/timeout-kill", 0644, "1s\n");
	lint_put("web/env/HOME", 0644, "/\n");
	lint_put("web/run.env", 0644, "# words\n\nA=b\nB\n");
	lint_put("web/run.params", 0644, "-a\n\n-b");
	lint_put("web/user", 0644, "root\n");
	lint_put("web/timeout-kill", 0644, "5s\n");
	lint_put("web/down-signal", 0644, "INT\n");
	lint_put("web/max-deaths", 0644, "5/60\n");
	lint_put("web/kill-mode", 0644, "group\n");
	lint_put("web/down", 0644, "why it is down\n");
	lint_put("web/notification-fd", 0644, "3\n");
	lint_put("web/enable-if-env", 0644, "# not then\n!DEBUG\nHOME=/\n");
	lint_put("web/needs/db", 0644, "");
	lint_put("web/README", 0644, "");
	lint_put("web/run~", 0644, "");
	lint_put("web/.run.swp", 0644, "");
	lint_link("web/supervise", "/run/nowhere");
	assert_string_equal(lint_of("web"), "");
	assert_int_equal(lint_errors + lint_warnings, 0);
}

static void oneshots_and_bundles_are_good_too(void **state)
{
	(void)state;
	lint_put("mount/on", 0755, "#!/bin/sh\n");
	lint_put("mount/off", 0755, "#!/bin/sh\n");
	lint_put("mount/success-codes", 0644, "0 3\n");
	lint_put("mount/timeout-up", 0644, "1m");
	lint_put("mount/timeout-down", 0644, "1m");
	assert_string_equal(lint_of("mount"), "");
	lint_put("all/wants/mount", 0644, "");
	assert_string_equal(lint_of("all"), "");
}

static void bad_values_are_told_with_their_line(void **state)
{
	static struct {
		char const *file, *text, *said;
	} const rows[] = {
		{ "timeout-kill", "-1", "web/timeout-kill:1: `-1' is not a duration" },
		{ "backoff-max", "1e9", "web/backoff-max:1: `1e9' is not a duration" },
		{ "ready-line", "\n", "web/ready-line: an empty file is no text to look for" },
		{ "timeout-up", "5d\n", "web/timeout-up:1: `5d' is not a duration" },
		{ "timeout-up", "5m \n", "web/timeout-up:1: `5m ' is not a duration" },
		{ "timeout-up", "", "web/timeout-up: an empty file is not a duration" },
		{ "timeout-up", "2000h", "web/timeout-up:1: `2000h' is too long" },
		{ "down-signal", "FOO", "web/down-signal:1: `FOO' is not a signal" },
		{ "down-signal", "65", "web/down-signal:1: `65' is not a signal" },
		{ "max-deaths", "5", "web/max-deaths:1: `5' is not a limit" },
		{ "restart", "yes", "web/restart:1: `yes' is none of always, on-failure, never\n" },
		{ "kill-mode", "All", "web/kill-mode:1: `All' is none of all, group, process\n" },
		{ "notification-fd", "2",
			"web/notification-fd:1: `2' is not a number from 3 to 1023\n" },
		{ "notification-fd", "x", "web/notification-fd:1: `x' is not a number" },
		{ "user", "nosuchuser", "web/user:1: no user `nosuchuser' in /etc/passwd\n" },
		{ "user", "\n", "web/user: names nobody" },
		{ "capabilities", "cap_chown\ncap_fly\n",
			"web/capabilities: `cap_fly' is not a capability\n" },
		{ "cgroup/pids.max", "few",
			"web/cgroup/pids.max:1: `few' is not a limit (max, or" },
		{ "cgroup/memory.max", "64MB", "web/cgroup/memory.max:1: `64MB' is not a limit" },
		{ "cgroup/cpu.max", "50%", "web/cgroup/cpu.max:1: `50%' is not a limit" },
		{ "enable-if-env", "!A\n\n# no\n!A=b\n",
			"web/enable-if-env:4: `!A=b' is not a condition (VAR, VAR=value or "
			"!VAR)\n" },
		{ "enable-if-env", "A B", "web/enable-if-env:1: `A B' is not a condition" },
		{ "enable-if-env", "=x", "web/enable-if-env:1: `=x' is not a condition" },
		{ "run.env", "A=b\n\n=c\n", "web/run.env:3: `=c' names no variable\n" },
	};
	(void)state;
	lint_good("web");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[64];
		snprintf(path, sizeof path, "web/%s", rows[i].file);
		lint_put(path, 0644, rows[i].text);
		char const *said = lint_of("web");
		if (strncmp(said, rows[i].said, strlen(rows[i].said)) != 0)
			fail_msg("%s: `%s': %s", rows[i].file, rows[i].text, said);
		assert_int_equal(lint_errors, 1);
		assert_int_equal(lint_warnings, 0);
		assert_int_equal(remove(scratch_name(path)), 0);
	}
	lint_put("web/on", 0755, "#!/bin/sh\n");
	remove(scratch_name("web/run"));
	lint_put("web/success-codes", 0644, "1 256\n");
	assert_string_equal(lint_of("web"),
		"web/success-codes:1: `1 256' is not a list of exit codes (numbers from 0 to "
		"255)\n");
}

static void what_is_no_file_is_told(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/timeout-kill/", 0, "");
	assert_string_equal(lint_of("web"), "web/timeout-kill: unable to read: Is a directory\n");
	remove(scratch_name("web/timeout-kill"));
	lint_link("web/timeout-kill", "nowhere");
	assert_string_equal(lint_of("web"), "web/timeout-kill: a link that leads nowhere\n");
	remove(scratch_name("web/timeout-kill"));
	lint_put("web/env", 0644, "");
	assert_string_equal(lint_of("web"), "web/env: Not a directory\n");
	remove(scratch_name("web/env"));
	lint_put("web/run.params/", 0, "");
	assert_string_equal(lint_of("web"), "web/run.params: is no regular file\n");
	remove(scratch_name("web/run.params"));
	scratch_bytes("web/run.env", "A\0B", 3);
	assert_string_equal(lint_of("web"), "web/run.env: holds a NUL byte\n");
	remove(scratch_name("web/run.env"));
	/* it must not be waited for */
	assert_int_equal(mkfifo(scratch_name("web/timeout-kill"), 0644), 0);
	lint_of("web");
	assert_int_equal(lint_errors, 1);
}

static void contradictions_are_errors(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/on", 0755, "#!/bin/sh\n");
	lint_put("web/notify", 0644, "");
	lint_put("web/notification-fd", 0644, "3");
	assert_string_equal(lint_of("web"),
		"web/on: contradicts `run': a service is one or the other\n"
		"web/notify: contradicts `notification-fd': readiness is told one way\n");
	assert_int_equal(lint_errors, 2);
}

static void nothing_to_start_is_an_error(void **state)
{
	(void)state;
	lint_put("web/finish", 0755, "#!/bin/sh\n");
	assert_string_equal(lint_of("web"),
		"web: holds no `run', no `on' and no dependencies: nothing that could be up\n");
	lint_put("web/needs/", 0, "");
	assert_string_equal(lint_of("web"), "");
}

static void a_log_without_reader_is_an_error(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/log/config", 0644, "");
	assert_string_equal(lint_of("web"), "web/log: holds no `run': nobody reads the log\n");
	lint_put("web/log/run", 0644, "#!/bin/sh\n");
	assert_string_equal(lint_of("web"), "web/log/run: is not executable (chmod +x)\n");
	lint_put("web/log/run", 0755, "#!/bin/sh\n");
	lint_put("web/log/timeout-kill", 0644, "x");
	assert_non_null(strstr(lint_of("web"), "web/log/timeout-kill:1: `x' is not a duration"));
	assert_int_equal(lint_errors, 1);
}

static void a_log_that_is_no_directory_is_an_error(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/log", 0644, "");
	assert_string_equal(lint_of("web"), "web/log: Not a directory\n");
	remove(scratch_name("web/log"));
	lint_link("web/log", "nowhere");
	assert_string_equal(lint_of("web"), "web/log: No such file or directory\n");
}

static void entries_of_other_suites_are_translated(void **state)
{
	(void)state;
	lint_put("mount/type", 0644, "oneshot\n");
	lint_put("mount/up", 0644, "mount -a\n");
	lint_put("mount/down", 0644, "umount -a\n");
	lint_put("mount/dependencies.d/db", 0644, "");
	assert_string_equal(lint_of("mount"),
		"mount/dependencies.d: warning: is passed over, it is s6-rc's: here `needs/' holds "
		"an entry for each service\n"
		"mount/down: warning: keeps the service from being started at boot; what brings a "
		"oneshot down is called `off' here\n"
		"mount/type: warning: is passed over, it is s6-rc's: here `run' makes a service, "
		"`on' a oneshot, `needs/' alone a bundle\n"
		"mount/up: warning: is passed over, it is s6-rc's: here a oneshot is brought up by "
		"the program `on'\n"
		"mount: holds no `run', no `on' and no dependencies: nothing that could be up\n");
	lint_good("web");
	lint_put("web/producer-for", 0644, "web-log\n");
	assert_string_equal(lint_of("web"),
		"web/producer-for: warning: is passed over, it is s6-rc's: here a service's logger "
		"is the directory `log' in its own\n");
}

static void what_has_no_effect_is_a_warning(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/finish.params", 0644, "");
	lint_put("web/respawn", 0644, "");
	lint_put("web/health-interval", 0644, "1s");
	lint_put("web/log/run", 0755, "#!/bin/sh\n");
	lint_put("web/log/needs/db", 0644, "");
	lint_put("web/log/essential", 0644, "");
	assert_string_equal(lint_of("web"),
		"web/finish.params: warning: has no effect without `finish'\n"
		"web/health-interval: warning: has no effect without `check'\n"
		"web/log/essential: warning: has no effect in a logger's directory\n"
		"web/log/needs: warning: has no effect in a logger's directory\n"
		"web/respawn: warning: has no effect without `on'\n");
	assert_int_equal(lint_errors, 0);
	assert_int_equal(lint_warnings, 5);
}

static void slips_are_warnings(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/Run", 0644, "");
	lint_put("web/dependson", 0644, "");
	lint_put("web/need/", 0, "");
	lint_put("web/timeout_kill", 0644, "");
	lint_put("web/timout-klil", 0644, "");
	assert_string_equal(lint_of("web"),
		"web/Run: warning: is passed over; did you mean `run'?\n"
		"web/need: warning: is passed over; did you mean `needs'?\n"
		"web/timeout_kill: warning: is passed over; did you mean `timeout-kill'?\n"
		"web/timout-klil: warning: is passed over; did you mean `timeout-kill'?\n");
	assert_int_equal(lint_errors, 0);
}

static void control_scripts_are_looked_at(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/control/d", 0755, "#!/nowhere/sh\n");
	lint_put("web/control/t", 0644, "#!/bin/sh\n");
	lint_put("web/control/term", 0755, "#!/bin/sh\n");
	lint_put("web/control/z", 0755, "#!/bin/sh\n");
	assert_string_equal(lint_of("web"),
		"web/control/d:1: interpreter `/nowhere/sh': No such file or directory\n"
		"web/control/t: warning: is passed over: no regular file that its owner may "
		"execute\n"
		"web/control/term: warning: no command has this letter\n"
		"web/control/z: warning: no command has this letter\n");
}

static void odd_variables_are_warnings(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/run.env", 0644, "export A=1\nB=2 3\nC D\n");
	assert_string_equal(lint_of("web"),
		"web/run.env:1: warning: `export A' is an odd name for a variable (lines are "
		"NAME=value, and no shell reads them)\n"
		"web/run.env:3: warning: `C D' is an odd name for a variable (lines are "
		"NAME=value, "
		"and no shell reads them)\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	lint_good("web");
	lint_put("web/timeout-kill", 0644, "\033[2J");
	lint_put("web/control/\033x", 0755, "");
	char const *said = lint_of("web");
	assert_non_null(strstr(said, "web/control/?x: warning"));
	assert_null(strchr(said, '\033'));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lint_setup, lint_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(a_good_service_is_passed_over_in_silence),
		TEST(oneshots_and_bundles_are_good_too),
		TEST(bad_values_are_told_with_their_line),
		TEST(what_is_no_file_is_told),
		TEST(contradictions_are_errors),
		TEST(nothing_to_start_is_an_error),
		TEST(a_log_without_reader_is_an_error),
		TEST(a_log_that_is_no_directory_is_an_error),
		TEST(entries_of_other_suites_are_translated),
		TEST(what_has_no_effect_is_a_warning),
		TEST(slips_are_warnings),
		TEST(control_scripts_are_looked_at),
		TEST(odd_variables_are_warnings),
		TEST(control_characters_do_not_reach_the_terminal),
	};
	return cmocka_run_group_tests_name("svctl_lint", tests, NULL, NULL);
}
