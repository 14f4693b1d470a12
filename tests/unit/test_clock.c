/* Time: the clocks, and waiting on a clock that the test turns. */
/* wrap: clock_system ppoll */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

int __real_clock_system(clockid_t clock, struct timespec *t);
int __wrap_clock_system(clockid_t clock, struct timespec *t);
int __real_ppoll(struct pollfd *, nfds_t, struct timespec const *, sigset_t const *);
int __wrap_ppoll(struct pollfd *, nfds_t, struct timespec const *, sigset_t const *);

static int faked;
static uint64_t boottime, monotonic, wallclock; /* nanoseconds */
static int no_boottime;

static struct poll_step {
	int result, error;
	uint64_t takes; /* nanoseconds that pass meanwhile; UINT64_MAX: all that it may wait */
} const *script;
static unsigned int polls;
static uint64_t asked[8]; /* timeouts; UINT64_MAX: for ever */

int __wrap_clock_system(clockid_t clock, struct timespec *t)
{
	if (!faked)
		return __real_clock_system(clock, t);
	uint64_t now = clock == CLOCK_BOOTTIME    ? boottime
		       : clock == CLOCK_MONOTONIC ? monotonic
						  : wallclock;
	if (clock == CLOCK_BOOTTIME && no_boottime) {
		errno = EINVAL;
		return -1;
	}
	t->tv_sec = (time_t)(now / CLOCK_SECOND);
	t->tv_nsec = (long)(now % CLOCK_SECOND);
	return 0;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, struct timespec const *timeout, sigset_t const *mask)
{
	if (!script)
		return __real_ppoll(fds, n, timeout, mask);
	uint64_t wait =
		timeout ? (uint64_t)timeout->tv_sec * CLOCK_SECOND + (uint64_t)timeout->tv_nsec
			: UINT64_MAX;
	struct poll_step const *step = script + polls;
	asked[polls++] = wait;
	boottime += step->takes == UINT64_MAX ? wait : step->takes;
	errno = step->error;
	return step->result;
}

static int reset(void **state)
{
	(void)state;
	faked = no_boottime = 0;
	script = NULL;
	polls = 0;
	boottime = 1000 * CLOCK_SECOND;
	return 0;
}

static void boottime_is_the_kernels(void **state)
{
	(void)state;
	struct timespec t;
	uint64_t before = clock_boottime();
	__real_clock_system(CLOCK_BOOTTIME, &t);
	uint64_t now = (uint64_t)t.tv_sec * CLOCK_SECOND + (uint64_t)t.tv_nsec;
	assert_true(before && before <= now && now <= clock_boottime());
	faked = 1;
	boottime = UINT64_C(123456789) * CLOCK_SECOND + 987654321;
	assert_true(clock_boottime() == UINT64_C(123456789987654321));
}

static void monotonic_stands_in_for_it(void **state)
{
	(void)state;
	faked = no_boottime = 1;
	monotonic = 42 * CLOCK_SECOND + 7;
	assert_true(clock_boottime() == 42 * CLOCK_SECOND + 7);
}

/* runit's offset, without a table of leap seconds: 2026-11-22 is 1795305600 after 1970 */
static void labels_are_of_runits_epoch(void **state)
{
	(void)state;
	uint64_t sec;
	uint32_t nsec;
	faked = 1;
	wallclock = UINT64_C(1795305600) * CLOCK_SECOND + 999999999;
	clock_label(&sec, &nsec);
	assert_true(sec == UINT64_C(0x400000006b02308a));
	assert_int_equal(nsec, 999999999);
	wallclock = 0;
	clock_label(&sec, &nsec);
	assert_true(sec == (UINT64_C(1) << 62) + 10);
	assert_int_equal(nsec, 0);
}

static void no_deadline_is_later_than_any(void **state)
{
	(void)state;
	static struct {
		uint64_t a, b, earlier;
	} const row[] = {
		{ 0, 0, 0 },
		{ 5, 0, 5 },
		{ 0, 5, 5 },
		{ 5, 7, 5 },
		{ 7, 5, 5 },
		{ 5, 5, 5 },
		{ UINT64_MAX, 0, UINT64_MAX },
		{ UINT64_MAX, 1, 1 },
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_true(clock_earlier(row[i].a, row[i].b) == row[i].earlier);
}

static void what_is_ready_is_reported(void **state)
{
	(void)state;
	int p[2];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	struct pollfd fds[2] = { { .fd = p[0], .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	assert_int_equal(clock_poll(fds, 2, 0), 1);
	assert_int_equal(fds[0].revents, POLLIN);
	/* and when the deadline is long past, too */
	assert_int_equal(clock_poll(fds, 2, 1), 1);
	close(p[0]);
	close(p[1]);
}

static void a_deadline_that_has_passed_does_not_wait(void **state)
{
	(void)state;
	static struct poll_step const steps[] = { { 0, 0, UINT64_MAX } };
	faked = 1;
	script = steps;
	assert_int_equal(clock_poll(NULL, 0, boottime - 1), 0);
	assert_int_equal(polls, 1);
	assert_true(asked[0] == 0);
}

static void a_real_deadline_is_kept(void **state)
{
	(void)state;
	uint64_t deadline = clock_boottime() + 5 * CLOCK_MILLISEC;
	assert_int_equal(clock_poll(NULL, 0, deadline), 0);
	assert_true(clock_boottime() >= deadline);
}

static void without_deadline_it_waits_for_ever(void **state)
{
	(void)state;
	static struct poll_step const steps[] = { { -1, EINTR, CLOCK_SECOND }, { 2, 0, 0 } };
	faked = 1;
	script = steps;
	assert_int_equal(clock_poll(NULL, 0, 0), 2);
	assert_int_equal(polls, 2);
	assert_true(asked[0] == UINT64_MAX && asked[1] == UINT64_MAX);
}

static void signals_do_not_prolong_the_waiting(void **state)
{
	(void)state;
	static struct poll_step const steps[] = {
		{ -1, EINTR, 3 * CLOCK_SECOND },
		{ -1, EINTR, 4 * CLOCK_SECOND },
		{ 0, 0, UINT64_MAX },
	};
	faked = 1;
	script = steps;
	assert_int_equal(clock_poll(NULL, 0, boottime + 10 * CLOCK_SECOND + 5), 0);
	assert_int_equal(polls, 3);
	assert_true(asked[0] == 10 * CLOCK_SECOND + 5);
	assert_true(asked[1] == 7 * CLOCK_SECOND + 5);
	assert_true(asked[2] == 3 * CLOCK_SECOND + 5);
	assert_true(boottime == 1010 * CLOCK_SECOND + 5);
}

/* It is asked again, but never at once, and not beyond the deadline. */
static void without_memory_it_does_not_spin(void **state)
{
	(void)state;
	static struct poll_step const steps[] = {
		{ -1, ENOMEM, 0 },
		{ 0, 0, UINT64_MAX },
		{ -1, ENOMEM, 0 },
		{ 0, 0, UINT64_MAX },
		{ 1, 0, 0 },
		{ -1, ENOMEM, 0 },
		{ 0, 0, UINT64_MAX },
	};
	faked = 1;
	script = steps;
	assert_int_equal(clock_poll(NULL, 0, 0), 1);
	assert_true(asked[0] == UINT64_MAX && asked[2] == UINT64_MAX && asked[4] == UINT64_MAX);
	assert_true(asked[1] == CLOCK_SECOND / 10 && asked[3] == CLOCK_SECOND / 10);
	assert_int_equal(clock_poll(NULL, 0, boottime + CLOCK_SECOND / 50), 0);
	assert_true(asked[5] == CLOCK_SECOND / 50 && asked[6] == CLOCK_SECOND / 50);
	assert_int_equal(polls, 7);
}

/* ppoll counts on another clock: it may come back a little early. */
static void it_never_returns_before_the_deadline(void **state)
{
	(void)state;
	static struct poll_step const steps[] = {
		{ 0, 0, CLOCK_SECOND - 1 },
		{ 0, 0, UINT64_MAX },
	};
	faked = 1;
	script = steps;
	assert_int_equal(clock_poll(NULL, 0, boottime + CLOCK_SECOND), 0);
	assert_int_equal(polls, 2);
	assert_true(asked[1] == 1);
}

static void errors_are_returned(void **state)
{
	(void)state;
	static struct poll_step const steps[] = { { -1, EINVAL, 0 } };
	faked = 1;
	script = steps;
	assert_int_equal(clock_poll(NULL, 0, boottime + 1), -1);
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup(boottime_is_the_kernels, reset),
		cmocka_unit_test_setup(monotonic_stands_in_for_it, reset),
		cmocka_unit_test_setup(labels_are_of_runits_epoch, reset),
		cmocka_unit_test_setup(no_deadline_is_later_than_any, reset),
		cmocka_unit_test_setup(what_is_ready_is_reported, reset),
		cmocka_unit_test_setup(a_deadline_that_has_passed_does_not_wait, reset),
		cmocka_unit_test_setup(a_real_deadline_is_kept, reset),
		cmocka_unit_test_setup(without_deadline_it_waits_for_ever, reset),
		cmocka_unit_test_setup(signals_do_not_prolong_the_waiting, reset),
		cmocka_unit_test_setup(without_memory_it_does_not_spin, reset),
		cmocka_unit_test_setup(it_never_returns_before_the_deadline, reset),
		cmocka_unit_test_setup(errors_are_returned, reset),
	};
	return cmocka_run_group_tests_name("clock", tests, reset, reset);
}
