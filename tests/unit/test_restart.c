/* What follows a death of run, with the clock as an argument. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "clock.h"
#include "supervise/service.h"

#define SECONDS(n) ((uint64_t)(n)*CLOCK_SECOND)
#define MS(n)      ((uint64_t)(n)*CLOCK_MILLISEC)
#define EXIT(n)    ((n) << 8)

/* A service and its clock. */
struct world {
	struct status s;
	struct config c;
	uint64_t now;
};

static struct world begin(void)
{
	struct world w = {
		.c = { .backoff_max = 30000, .restart = RESTART_ALWAYS },
		.now = SECONDS(1000),
	};
	w.s.started = w.now;
	return w;
}

/* It lives for `life`, dies unasked with exit 1, waits for what it is given, and is started again.
 */
static enum machine_after dies_after(struct world *w, uint64_t life)
{
	w->now += life;
	w->s.last_exit = EXIT(1);
	w->s.flags |= FLAG_EXIT_VALID;
	enum machine_after after = restart_decide(&w->s, &w->c, 0, w->now);
	if (after == AFTER_BACKOFF)
		w->now += MS(w->s.backoff_ms);
	w->s.started = w->now;
	return after;
}

static void first_death_is_answered_at_once(void **state)
{
	struct world w = begin();
	(void)state;
	assert_int_equal(dies_after(&w, MS(1)), AFTER_START);
	assert_int_equal(w.s.backoff_ms, 0);
	assert_int_equal(w.s.deaths, 1);
}

static void delay_doubles_up_to_its_bound(void **state)
{
	static uint32_t const delays[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600,
		30000, 30000, 30000 };
	struct world w = begin();
	(void)state;
	assert_int_equal(dies_after(&w, MS(5)), AFTER_START);
	for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
		assert_int_equal(dies_after(&w, MS(5)), AFTER_BACKOFF);
		assert_int_equal(w.s.backoff_ms, delays[i]);
	}
	assert_int_equal(w.s.deaths, 13);
}

static void bound_holds_whatever_it_is(void **state)
{
	static uint32_t const bounds[] = { 1, 50, 100, 150, 1000, 3000000000u, UINT32_MAX };
	(void)state;
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		struct world w = begin();
		uint32_t last = 0;
		w.c.backoff_max = bounds[i];
		dies_after(&w, MS(1));
		for (int n = 0; n < 40; n++) {
			assert_int_equal(dies_after(&w, MS(1)), AFTER_BACKOFF);
			assert_true(w.s.backoff_ms <= bounds[i]);
			assert_true(w.s.backoff_ms >= last);
			last = w.s.backoff_ms;
		}
		assert_true(last == bounds[i]);
	}
}

static void without_a_bound_there_is_no_delay(void **state)
{
	struct world w = begin();
	(void)state;
	w.c.backoff_max = 0;
	for (int n = 0; n < 5; n++)
		assert_int_equal(dies_after(&w, MS(1)), AFTER_START);
}

static void bound_that_shrank_holds_at_once(void **state)
{
	struct world w = begin();
	(void)state;
	for (int n = 0; n < 9; n++)
		dies_after(&w, MS(1));
	assert_int_equal(w.s.backoff_ms, 12800);
	w.c.backoff_max = 500;
	assert_int_equal(dies_after(&w, MS(1)), AFTER_BACKOFF);
	assert_int_equal(w.s.backoff_ms, 500);
}

static void ten_healthy_seconds_forgive(void **state)
{
	struct world w = begin();
	(void)state;
	for (int n = 0; n < 5; n++)
		dies_after(&w, MS(5));
	assert_int_equal(w.s.backoff_ms, 800);
	assert_int_equal(dies_after(&w, SECONDS(10)), AFTER_START);
	assert_int_equal(w.s.backoff_ms, 0);
	/* and it begins from the bottom */
	assert_int_equal(dies_after(&w, MS(5)), AFTER_BACKOFF);
	assert_int_equal(w.s.backoff_ms, 100);
}

static void nearly_ten_seconds_do_not(void **state)
{
	struct world w = begin();
	(void)state;
	for (int n = 0; n < 5; n++)
		dies_after(&w, MS(5));
	assert_int_equal(dies_after(&w, SECONDS(10) - 1), AFTER_BACKOFF);
	assert_int_equal(w.s.backoff_ms, 1600);
}

/* The time between two deaths is long when the delay is: that is no calm. */
static void long_delays_are_not_mistaken_for_calm(void **state)
{
	struct world w = begin();
	(void)state;
	for (int n = 0; n < 20; n++)
		dies_after(&w, MS(5));
	for (int n = 0; n < 5; n++) {
		assert_int_equal(dies_after(&w, MS(5)), AFTER_BACKOFF);
		assert_int_equal(w.s.backoff_ms, 30000);
	}
}

static void a_death_every_eleven_seconds_is_answered_at_once(void **state)
{
	struct world w = begin();
	(void)state;
	for (int n = 0; n < 20; n++)
		assert_int_equal(dies_after(&w, SECONDS(11)), AFTER_START);
}

static void an_end_that_was_asked_for_is_no_death(void **state)
{
	struct world w = begin();
	(void)state;
	w.c.max_deaths = 1;
	w.c.max_deaths_ms = 60000;
	for (int n = 0; n < 10; n++) {
		w.now += MS(1);
		assert_int_equal(restart_decide(&w.s, &w.c, 1, w.now), AFTER_START);
		assert_true(w.s.died == w.now);
	}
	assert_int_equal(w.s.deaths, 0);
	assert_int_equal(w.s.backoff_ms, 0);
	assert_int_equal(w.s.window_deaths, 0);
}

static void too_many_deaths(void **state)
{
	struct world w = begin();
	(void)state;
	w.c.max_deaths = 3;
	w.c.max_deaths_ms = 60000;
	assert_int_equal(dies_after(&w, MS(1)), AFTER_START);
	assert_int_equal(dies_after(&w, MS(1)), AFTER_BACKOFF);
	assert_int_equal(dies_after(&w, MS(1)), AFTER_FAIL);
	assert_int_equal(w.s.window_deaths, 3);
}

static void first_death_can_be_one_too_many(void **state)
{
	struct world w = begin();
	(void)state;
	w.c.max_deaths = 1;
	w.c.max_deaths_ms = 1000;
	assert_int_equal(dies_after(&w, SECONDS(100)), AFTER_FAIL);
}

static void deaths_outside_the_window_do_not_count(void **state)
{
	struct world w = begin();
	(void)state;
	w.c.max_deaths = 3;
	w.c.max_deaths_ms = 60000;
	for (int n = 0; n < 20; n++)
		assert_int_not_equal(dies_after(&w, SECONDS(31)), AFTER_FAIL);
}

static enum machine_after ends_with(enum config_restart restart, int wstat, unsigned int flag)
{
	struct world w = begin();
	w.c.restart = restart;
	w.s.last_exit = wstat;
	w.s.flags = flag;
	return restart_decide(&w.s, &w.c, 0, w.now + MS(1));
}

static void on_failure(void **state)
{
	static int const clean[] = { EXIT(0), SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };
	static int const dirty[] = { EXIT(1), EXIT(111), EXIT(255), SIGKILL, SIGSEGV,
		SIGSEGV | 0x80, SIGABRT, SIGQUIT, SIGALRM, SIGPIPE };
	(void)state;
	for (size_t i = 0; i < sizeof clean / sizeof *clean; i++)
		assert_int_equal(
			ends_with(RESTART_ON_FAILURE, clean[i], FLAG_EXIT_VALID), AFTER_REST);
	for (size_t i = 0; i < sizeof dirty / sizeof *dirty; i++)
		assert_int_equal(
			ends_with(RESTART_ON_FAILURE, dirty[i], FLAG_EXIT_VALID), AFTER_START);
	/* an end that nobody saw may have been a failure */
	assert_int_equal(ends_with(RESTART_ON_FAILURE, EXIT(0), FLAG_EXIT_UNKNOWN), AFTER_START);
}

static void never(void **state)
{
	(void)state;
	assert_int_equal(ends_with(RESTART_NEVER, EXIT(0), FLAG_EXIT_VALID), AFTER_REST);
	assert_int_equal(ends_with(RESTART_NEVER, EXIT(1), FLAG_EXIT_VALID), AFTER_REST);
	assert_int_equal(ends_with(RESTART_NEVER, SIGKILL, FLAG_EXIT_VALID), AFTER_REST);
	assert_int_equal(ends_with(RESTART_NEVER, 0, FLAG_EXIT_UNKNOWN), AFTER_REST);
}

static void always(void **state)
{
	(void)state;
	assert_int_equal(ends_with(RESTART_ALWAYS, EXIT(0), FLAG_EXIT_VALID), AFTER_START);
	assert_int_equal(ends_with(RESTART_ALWAYS, SIGTERM, FLAG_EXIT_VALID), AFTER_START);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(first_death_is_answered_at_once),
		cmocka_unit_test(delay_doubles_up_to_its_bound),
		cmocka_unit_test(bound_holds_whatever_it_is),
		cmocka_unit_test(without_a_bound_there_is_no_delay),
		cmocka_unit_test(bound_that_shrank_holds_at_once),
		cmocka_unit_test(ten_healthy_seconds_forgive),
		cmocka_unit_test(nearly_ten_seconds_do_not),
		cmocka_unit_test(long_delays_are_not_mistaken_for_calm),
		cmocka_unit_test(a_death_every_eleven_seconds_is_answered_at_once),
		cmocka_unit_test(an_end_that_was_asked_for_is_no_death),
		cmocka_unit_test(too_many_deaths),
		cmocka_unit_test(first_death_can_be_one_too_many),
		cmocka_unit_test(deaths_outside_the_window_do_not_count),
		cmocka_unit_test(on_failure),
		cmocka_unit_test(never),
		cmocka_unit_test(always),
	};
	return cmocka_run_group_tests_name("restart", tests, 0, 0);
}
