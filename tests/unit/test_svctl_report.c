/* runit's lines, the table, and the exit code. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "clock.h"
#include "svctl/report.h"
#include "svctl/table.h"

#define NOW   (1000 * CLOCK_SECOND)
#define LIMIT (7 * CLOCK_SECOND)

static struct text text;
static struct status s;

/* A service that has been up for 12.9 s. */
static int reset(void **state)
{
	(void)state;
	text.sa.len = 0;
	memset(&s, 0, sizeof s);
	s.state = STATE_UP;
	s.want = WANT_UP;
	s.supervisor = 9;
	s.child[ROLE_RUN].pid = 21;
	s.started = NOW - 12900 * CLOCK_MILLISEC;
	s.since = NOW - 5 * CLOCK_SECOND;
	return 0;
}

static int forget(void **state)
{
	(void)state;
	text_free(&text);
	return 0;
}

static char const *result(void)
{
	text_bytes(&text, "", 1);
	assert_int_equal(text.failed, 0);
	text.sa.len = 0;
	return text.sa.s;
}

static void is_state(char const *line)
{
	report_state(&text, "web", &s, NOW);
	assert_string_equal(result(), line);
}

static void goes_down(void)
{
	s.state = STATE_DOWN;
	s.child[ROLE_RUN].pid = 0;
	s.want = WANT_DOWN;
}

/* ------------------------------------------------------------------------------- sv's status lines
 */

static void run_lines_are_as_sv_has_them(void **state)
{
	(void)state;
	is_state("run: web: (pid 21) 12s");
	s.flags = FLAG_NORMALLY_DOWN;
	is_state("run: web: (pid 21) 12s, normally down");
	s.flags |= FLAG_PAUSED;
	is_state("run: web: (pid 21) 12s, normally down, paused");
	s.want = WANT_DOWN;
	is_state("run: web: (pid 21) 12s, normally down, paused, want down");
	s.flags |= FLAG_GOT_TERM;
	is_state("run: web: (pid 21) 12s, normally down, paused, want down, got TERM");
	s.flags = FLAG_GOT_TERM;
	s.state = STATE_STOPPING;
	is_state("run: web: (pid 21) 12s, want down, got TERM");
}

static void once_and_exit_are_wanted_down_to_sv(void **state)
{
	(void)state;
	s.want = WANT_ONCE;
	is_state("run: web: (pid 21) 12s, want down");
	s.want = WANT_EXIT;
	is_state("run: web: (pid 21) 12s, want down");
}

static void down_lines_are_as_sv_has_them(void **state)
{
	(void)state;
	goes_down();
	is_state("down: web: 5s, normally up");
	s.want = WANT_UP;
	is_state("down: web: 5s, normally up, want up");
	s.flags = FLAG_NORMALLY_DOWN;
	is_state("down: web: 5s, want up");
	s.want = WANT_DOWN;
	is_state("down: web: 5s");
}

static void finish_lines_are_as_sv_has_them(void **state)
{
	(void)state;
	s.state = STATE_FINISHING;
	s.child[ROLE_RUN].pid = 0;
	s.child[ROLE_FINISH].pid = 22;
	is_state("finish: web: (pid 22) 12s");
	s.want = WANT_DOWN;
	is_state("finish: web: (pid 22) 12s, want down");
}

static void what_sv_has_not_goes_behind(void **state)
{
	(void)state;
	goes_down();
	s.want = WANT_UP;
	s.state = STATE_FAILED;
	s.reason = REASON_EXEC;
	strcpy(s.reason_text, "unable to execute run:\tno such file\n");
	is_state("down: web: 5s, normally up, want up, failed, unable to execute run:?no such "
		 "file?");
	s.reason = REASON_NONE;
	s.strays = 2;
	is_state("down: web: 5s, normally up, want up, processes left: 2, failed");
}

static void a_stamp_ahead_of_the_clock_is_now(void **state)
{
	(void)state;
	s.started = NOW + 1;
	is_state("run: web: (pid 21) 0s");
	s.started = 0;
	is_state("run: web: (pid 21) 0s");
}

static int is_view(struct view const *v, char const *line)
{
	int r = report_view(&text, "web", v, NOW);
	assert_string_equal(result(), line);
	return r;
}

static void one_look(void **state)
{
	struct view v = { .seen = SEEN_RECORD, .supervised = 1, .status = s };
	(void)state;
	assert_int_equal(is_view(&v, "run: web: (pid 21) 12s"), 0);
	v.supervised = 0;
	assert_int_equal(is_view(&v, "fail: web: supervisor not running"), 1);
	v.seen = SEEN_NOTHING;
	assert_int_equal(is_view(&v, "fail: web: supervisor not running"), 1);
	v.seen = SEEN_NO_SERVICE;
	assert_int_equal(is_view(&v, "fail: web: no such service"), 1);
	v.seen = SEEN_UNREADABLE;
	v.error = STATUS_SHORT;
	assert_int_equal(is_view(&v, "warning: web: unable to read status: it is too short to be a "
				     "status record"),
		1);
	v.error = STATUS_SYSTEM;
	v.error_number = EACCES;
	assert_int_equal(is_view(&v, "warning: web: unable to read status: access denied"), 1);
}

/* ---------------------------------------------------------------------------------- the ends of
 * jobs */

static struct job ended(char const *word, enum job_outcome outcome)
{
	struct job j;
	job_init(&j, verb_find(word), 0);
	j.phase = JOB_OVER;
	j.outcome = (uint8_t)outcome;
	return j;
}

static void is_end(struct job const *j, char const *line)
{
	report_job(&text, j, "web", &s, NOW, LIMIT);
	assert_string_equal(result(), line);
}

static void ends_are_as_sv_has_them(void **state)
{
	struct job j = ended("start", OUTCOME_OK);
	(void)state;
	is_end(&j, "ok: run: web: (pid 21) 12s\n");
	j.outcome = OUTCOME_TIMEOUT;
	is_end(&j, "timeout: run: web: (pid 21) 12s\n");
	j.check_failed = 1;
	is_end(&j, "timeout: run: web: (pid 21) 12s, ./check failed\n");
	j.not_run = 1;
	is_end(&j, "timeout: run: web: (pid 21) 12s, ./check was not run\n");
	j.check_failed = 0;
	j.outcome = OUTCOME_NEVER;
	goes_down();
	is_end(&j, "fail: down: web: 5s, normally up\n");
	j.outcome = OUTCOME_GONE;
	is_end(&j, "ok: web: supervisor not running\n");
	j.outcome = OUTCOME_KILLED;
	is_end(&j, "");
	report_kill(&text, "web", &s, NOW);
	assert_string_equal(result(), "kill: down: web: 5s, normally up\n");
}

static void a_refusal_gives_the_reason(void **state)
{
	struct job j = ended("stop", OUTCOME_REFUSED);
	(void)state;
	j.detail = WHY_DEPENDENTS;
	is_end(&j, "fail: web: down refused: others need it\n");
	strcpy(s.reason_text, "a, b");
	is_end(&j, "fail: web: down refused: others need it: a, b\n");
}

static void an_unknown_outcome_is_no_success(void **state)
{
	struct job j = ended("stop", OUTCOME_UNKNOWN);
	(void)state;
	is_end(&j, "warning: web: no answer to down within 7 s; outcome unknown\n");
	j.detail = WHY_DOUBT;
	is_end(&j, "warning: web: down: nobody can tell whether it was done; outcome unknown\n");
	j.detail = WHY_NONE;
	j.waking = 1;
	is_end(&j, "warning: web: no answer to wake from cinit within 7 s; outcome unknown\n");
	j.waking = 0;
	j.error = JOB_ERROR_WATCH;
	j.detail = EMFILE;
	is_end(&j,
		"warning: web: unable to watch it: Too many open files; outcome of down unknown\n");
}

static void failures_name_the_verb_and_the_reason(void **state)
{
	static struct {
		enum job_error error;
		int detail;
		char const *line;
	} const expected[] = {
		{ JOB_ERROR_NO_SERVICE, 0, "fail: web: no such service\n" },
		{ JOB_ERROR_NO_SUPERVISOR, 0, "fail: web: supervisor not running\n" },
		{ JOB_ERROR_FULL, 0,
			"fail: web: unable to send up: its FIFO is full; the supervisor is stopped "
			"or busy\n" },
		{ JOB_ERROR_DENIED, 0, "fail: web: unable to send up: access denied\n" },
		{ JOB_ERROR_NOT_FIFO, 0, "fail: web: unable to send up: `in' is not a FIFO\n" },
		{ JOB_ERROR_CUT_IN, 0,
			"fail: web: unable to send up: its supervisor lives, but does not read "
			"`in', which was removed or replaced; `svctl rescan' makes it anew\n" },
		{ JOB_ERROR_CUT_OUT, 0,
			"fail: web: unable to watch it: its supervisor lives, but `out' is "
			"gone; `svctl rescan' makes it anew\n" },
		{ JOB_ERROR_RECORD, STATUS_FOREIGN,
			"fail: web: unable to read status: it is of another version; nothing was "
			"sent\n" },
		{ JOB_ERROR_SEND, EACCES, "fail: web: unable to send up: access denied\n" },
		{ JOB_ERROR_WATCH, EPERM, "fail: web: unable to watch it: access denied\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct job j = ended("start", OUTCOME_FAILED);
		j.error = (uint8_t)expected[i].error;
		j.detail = expected[i].detail;
		is_end(&j, expected[i].line);
	}
}

static void exits_are_told_apart(void **state)
{
	(void)state;
	report_exit(&text, &s);
	assert_string_equal(result(), "");
	s.flags = FLAG_EXIT_VALID;
	s.last_exit = 3 << 8;
	report_exit(&text, &s);
	assert_string_equal(result(), "exit 3");
	s.last_exit = SIGKILL;
	report_exit(&text, &s);
	assert_string_equal(result(), "signal 9 (KILL)");
	s.last_exit = SIGSEGV | 0x80;
	report_exit(&text, &s);
	assert_string_equal(result(), "signal 11 (SEGV)");
	s.flags = FLAG_EXIT_UNKNOWN;
	report_exit(&text, &s);
	assert_string_equal(result(), "exit code unknown");
}

/* ------------------------------------------------------------------------------------- exit codes
 */

static int code_of(unsigned long failed, unsigned long unknown, unsigned long late)
{
	struct tally y = { .failed = failed, .unknown = unknown, .late = late };
	return tally_code(&y);
}

static void codes_have_an_order(void **state)
{
	(void)state;
	assert_int_equal(code_of(0, 0, 0), 0);
	assert_int_equal(code_of(1, 0, 0), 1);
	assert_int_equal(code_of(99, 0, 0), 99);
	assert_int_equal(code_of(100, 0, 0), 99);
	assert_int_equal(code_of(1000000, 0, 0), 99);
	assert_int_equal(code_of(3, 0, 1), 102);
	assert_int_equal(code_of(3, 1, 1), 101);
}

static void outcomes_are_counted(void **state)
{
	static enum job_outcome const bad[] = { OUTCOME_KILLED, OUTCOME_NEVER, OUTCOME_FAILED,
		OUTCOME_REFUSED, OUTCOME_TIMEOUT };
	struct tally y = { 0 };
	struct job j = ended("stop", OUTCOME_OK);
	(void)state;
	tally_add(&y, &j);
	j.outcome = OUTCOME_GONE;
	tally_add(&y, &j);
	assert_int_equal(tally_code(&y), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		j.outcome = (uint8_t)bad[i];
		tally_add(&y, &j);
		assert_int_equal(tally_code(&y), i + 1);
	}
	j = ended("check", OUTCOME_TIMEOUT);
	tally_add(&y, &j);
	assert_int_equal(tally_code(&y), EXIT_LATE);
	j.outcome = OUTCOME_UNKNOWN;
	tally_add(&y, &j);
	assert_int_equal(tally_code(&y), EXIT_UNKNOWN);
}

/* --------------------------------------------------------------------------------------- the table
 */

static void durations_are_short(void **state)
{
	static struct {
		uint64_t seconds;
		char const *text;
	} const expected[] = { { 0, "0s" }, { 59, "59s" }, { 60, "1m00s" }, { 125, "2m05s" },
		{ 3600, "1h00m" }, { 15120, "4h12m" }, { 86399, "23h59m" }, { 86400, "1d00h" },
		{ 40000000, "462d23h" } };
	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		table_duration(&text, expected[i].seconds);
		assert_string_equal(result(), expected[i].text);
	}
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
	struct table b = TABLE_ZERO;
	struct view up = { .seen = SEEN_RECORD, .supervised = 1, .status = s };
	struct view failed = up, gone = up, none = { .seen = SEEN_NO_SERVICE };
	(void)state;

	up.status.child[ROLE_RUN].pid = 4194303;
	failed.status.state = STATE_FAILED;
	failed.status.child[ROLE_RUN].pid = 0;
	failed.status.flags = FLAG_EXIT_VALID | FLAG_NORMALLY_DOWN;
	failed.status.last_exit = SIGKILL;
	failed.status.deaths = failed.status.restarts = 1;
	gone.supervised = 0;
	gone.status.restarts = 2;
	table_head(&b);
	table_service(&b, "web", &up, NOW);
	table_service(&b, "gr\xc3\xbc\xc3\x9f-gott", &failed, NOW);
	table_service(&b, "x", &gone, NOW);
	table_service(&b, "y", &none, NOW);
	table_print(&b, &text, NULL, NULL);
	assert_string_equal(result(),
		"NAME       STATE        PID  FOR  WHY\n"
		"web        up       4194303  12s\n"
		"gr\xc3\xbc\xc3\x9f-gott  failed         -   5s  signal 9 (KILL), 1 restart, "
		"normally down\n"
		"x          up            21  12s  supervisor not running, 2 restarts\n"
		"y          unknown        -    -  no such service\n");
}

static void states_that_a_record_does_not_name(void **state)
{
	struct table b = TABLE_ZERO;
	struct view v = { .seen = SEEN_RECORD, .supervised = 1, .status = s };
	(void)state;
	v.status.flags = FLAG_PAUSED;
	table_service(&b, "a", &v, NOW);
	v.status.state = STATE_DOWN;
	v.status.flags = FLAG_EXITED;
	v.status.supervisor = 0;
	v.status.child[ROLE_RUN].pid = 0;
	v.supervised = 0;
	table_service(&b, "b", &v, NOW);
	v = (struct view){ .seen = SEEN_NOTHING };
	table_service(&b, "c", &v, NOW);
	table_print(&b, &text, NULL, NULL);
	assert_string_equal(
		result(), "a  paused  21  12s\nb  exited   -   5s\nc  new      -    -\n");
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(run_lines_are_as_sv_has_them),
		TEST(once_and_exit_are_wanted_down_to_sv),
		TEST(down_lines_are_as_sv_has_them),
		TEST(finish_lines_are_as_sv_has_them),
		TEST(what_sv_has_not_goes_behind),
		TEST(a_stamp_ahead_of_the_clock_is_now),
		TEST(one_look),
		TEST(ends_are_as_sv_has_them),
		TEST(a_refusal_gives_the_reason),
		TEST(an_unknown_outcome_is_no_success),
		TEST(failures_name_the_verb_and_the_reason),
		TEST(exits_are_told_apart),
		TEST(codes_have_an_order),
		TEST(outcomes_are_counted),
		TEST(durations_are_short),
		TEST(columns_are_as_wide_as_what_is_in_them),
		TEST(states_that_a_record_does_not_name),
	};
	return cmocka_run_group_tests_name("svctl_report", tests, NULL, forget);
}
