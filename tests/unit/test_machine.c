/* The machine's table, cell by cell: what each filled cell does, and which are empty on purpose. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "supervise/machine.h"

struct cell {
	enum status_state state;
	enum machine_event event;
	enum status_state next;
	unsigned int actions;
};

/* Written from the essay in machine.h, not from the table. Cells that settle are not here. */
static struct cell const cells[] = {
	{ STATE_DOWN, EVENT_UP, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_DOWN, EVENT_ONCE, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_DOWN, EVENT_RESTART, STATE_STARTING, DO_FORGET | DO_START },

	{ STATE_WAITING, EVENT_UP, STATE_STARTING, DO_START },
	{ STATE_WAITING, EVENT_ONCE, STATE_STARTING, DO_START },
	{ STATE_WAITING, EVENT_RESTART, STATE_STARTING, DO_START },
	{ STATE_WAITING, EVENT_DOWN, STATE_DOWN, DO_REST },
	{ STATE_WAITING, EVENT_EXIT, STATE_DOWN, DO_REST },
	{ STATE_WAITING, EVENT_NEEDS_MET, STATE_STARTING, DO_START },
	{ STATE_WAITING, EVENT_NEEDS_NEVER, STATE_FAILED, DO_REST },

	{ STATE_STARTING, EVENT_DOWN, STATE_STOPPING, DO_STOP },
	{ STATE_STARTING, EVENT_EXIT, STATE_STOPPING, DO_STOP },
	{ STATE_STARTING, EVENT_RESTART, STATE_STOPPING, DO_STOP },
	{ STATE_STARTING, EVENT_END_OF_LOG, STATE_STOPPING, DO_END_LOG },
	{ STATE_STARTING, EVENT_READY, STATE_UP, 0 },
	{ STATE_STARTING, EVENT_NOT_STARTED, STATE_STOPPING, DO_SWEEP },
	{ STATE_STARTING, EVENT_RUN_DIED, STATE_STOPPING, DO_SWEEP },
	{ STATE_STARTING, EVENT_WAIT, STATE_WAITING, DO_WAIT },
	{ STATE_STARTING, EVENT_NEEDS_LOST, STATE_STOPPING, DO_STOP },
	{ STATE_STARTING, EVENT_START_DUE, STATE_STOPPING, DO_STOP },

	{ STATE_UP, EVENT_DOWN, STATE_STOPPING, DO_STOP },
	{ STATE_UP, EVENT_EXIT, STATE_STOPPING, DO_STOP },
	{ STATE_UP, EVENT_RESTART, STATE_STOPPING, DO_STOP },
	{ STATE_UP, EVENT_END_OF_LOG, STATE_STOPPING, DO_END_LOG },
	{ STATE_UP, EVENT_RUN_DIED, STATE_STOPPING, DO_SWEEP },
	{ STATE_UP, EVENT_NEEDS_LOST, STATE_STOPPING, DO_STOP },

	{ STATE_STOPPING, EVENT_NOT_STARTED, STATE_STOPPING, DO_SWEEP },
	{ STATE_STOPPING, EVENT_RUN_DIED, STATE_STOPPING, DO_SWEEP },
	{ STATE_STOPPING, EVENT_KILL_DUE, STATE_STOPPING, DO_KILL | DO_SWEEP },

	{ STATE_FINISHING, EVENT_FINISH_DUE, STATE_FINISHING, DO_KILL_FINISH },
	{ STATE_FINISHING, EVENT_FINISH_DIED, STATE_FINISHING, DO_SWEEP },
	{ STATE_FINISHING, EVENT_KILL_DUE, STATE_FINISHING, DO_KILL | DO_SWEEP },

	{ STATE_BACKOFF, EVENT_UP, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_BACKOFF, EVENT_ONCE, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_BACKOFF, EVENT_RESTART, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_BACKOFF, EVENT_DOWN, STATE_DOWN, DO_REST },
	{ STATE_BACKOFF, EVENT_EXIT, STATE_DOWN, DO_REST },
	{ STATE_BACKOFF, EVENT_END_OF_LOG, STATE_DOWN, DO_REST },
	{ STATE_BACKOFF, EVENT_BACKOFF_DUE, STATE_STARTING, DO_START },
	{ STATE_BACKOFF, EVENT_NEEDS_LOST, STATE_WAITING, DO_WAIT },

	{ STATE_FAILED, EVENT_UP, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_FAILED, EVENT_ONCE, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_FAILED, EVENT_RESTART, STATE_STARTING, DO_FORGET | DO_START },
	{ STATE_FAILED, EVENT_DOWN, STATE_DOWN, DO_FORGET | DO_REST },
};

/* These lead to a settling: by finish first where there is one, or at once. */
#define SETTLES_VIA_FINISH STATE_STOPPING, EVENT_SWEPT
#define SETTLES_AT_ONCE    STATE_FINISHING, EVENT_SWEPT

/* Empty on purpose, state by state; E(x) is a bit of the set. */
#define E(event)           (1u << EVENT_##event)
static unsigned int const empty[STATE_COUNT] = {
	/* nothing runs and nothing is due; down and exit find what they want */
	[STATE_DOWN] = E(DOWN) | E(EXIT) | E(END_OF_LOG) | E(READY) | E(NOT_STARTED) | E(RUN_DIED) |
		       E(SWEPT) | E(FINISH_DIED) | E(KILL_DUE) | E(FINISH_DUE) | E(BACKOFF_DUE) |
		       E(WAIT) | E(NEEDS_MET) | E(NEEDS_LOST) | E(START_DUE) | E(NEEDS_NEVER),
	/* up, once and restart change nothing about an unmet need; a logger has no needs */
	[STATE_WAITING] = E(END_OF_LOG) | E(READY) | E(NOT_STARTED) | E(RUN_DIED) | E(SWEPT) |
			  E(FINISH_DIED) | E(KILL_DUE) | E(FINISH_DUE) | E(BACKOFF_DUE) | E(WAIT) |
			  E(NEEDS_LOST) | E(START_DUE),
	/* it is being started already */
	[STATE_STARTING] = E(UP) | E(ONCE) | E(SWEPT) | E(FINISH_DIED) | E(KILL_DUE) |
			   E(FINISH_DUE) | E(BACKOFF_DUE) | E(NEEDS_MET) | E(NEEDS_NEVER),
	/* it runs already, and was ready before */
	[STATE_UP] = E(UP) | E(ONCE) | E(READY) | E(NOT_STARTED) | E(SWEPT) | E(FINISH_DIED) |
		     E(KILL_DUE) | E(FINISH_DUE) | E(BACKOFF_DUE) | E(WAIT) | E(NEEDS_MET) |
		     E(START_DUE) | E(NEEDS_NEVER),
	/* commands change only where settling leads; the readiness of what goes is no news */
	[STATE_STOPPING] = E(UP) | E(DOWN) | E(ONCE) | E(EXIT) | E(RESTART) | E(END_OF_LOG) |
			   E(READY) | E(FINISH_DIED) | E(FINISH_DUE) | E(BACKOFF_DUE) | E(WAIT) |
			   E(NEEDS_MET) | E(NEEDS_LOST) | E(START_DUE) | E(NEEDS_NEVER),
	[STATE_FINISHING] = E(UP) | E(DOWN) | E(ONCE) | E(EXIT) | E(RESTART) | E(END_OF_LOG) |
			    E(READY) | E(NOT_STARTED) | E(RUN_DIED) | E(BACKOFF_DUE) | E(WAIT) |
			    E(NEEDS_MET) | E(NEEDS_LOST) | E(START_DUE) | E(NEEDS_NEVER),
	[STATE_BACKOFF] = E(READY) | E(NOT_STARTED) | E(RUN_DIED) | E(SWEPT) | E(FINISH_DIED) |
			  E(KILL_DUE) | E(FINISH_DUE) | E(WAIT) | E(NEEDS_MET) | E(START_DUE) |
			  E(NEEDS_NEVER),
	/* latched: told to exit it exits failed, so that the reason stays */
	[STATE_FAILED] = E(EXIT) | E(END_OF_LOG) | E(READY) | E(NOT_STARTED) | E(RUN_DIED) |
			 E(SWEPT) | E(FINISH_DIED) | E(KILL_DUE) | E(FINISH_DUE) | E(BACKOFF_DUE) |
			 E(WAIT) | E(NEEDS_MET) | E(NEEDS_LOST) | E(START_DUE) | E(NEEDS_NEVER),
};

static enum status_want const wants[] = { WANT_DOWN, WANT_UP, WANT_ONCE, WANT_EXIT };
static enum machine_after const afters[] = { AFTER_START, AFTER_BACKOFF, AFTER_REST, AFTER_FAIL,
	AFTER_RETRY };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Calls f for every combination of facts. */
static void with_all_facts(
	void (*f)(struct machine_facts const *facts, void const *data), void const *data)
{
	for (size_t w = 0; w < COUNT(wants); w++)
		for (size_t a = 0; a < COUNT(afters); a++)
			for (int n = 0; n < 4; n++) {
				struct machine_facts facts = { .want = wants[w],
					.after = afters[a],
					.has_finish = n & 1,
					.again = n & 2 };
				f(&facts, data);
			}
}

static void expect_step(struct machine_step got, enum status_state next, unsigned int actions,
	enum status_state from, enum machine_event event)
{
	if (got.next == next && got.actions == actions)
		return;
	fail_msg("%s, %s: got %s %#x instead of %s %#x", status_state_name(from),
		machine_event_name(event), status_state_name(got.next), got.actions,
		status_state_name(next), actions);
}

static void check_cell(struct machine_facts const *facts, void const *data)
{
	struct cell const *c = data;
	expect_step(
		machine_step(c->state, c->event, facts), c->next, c->actions, c->state, c->event);
}

static void filled_cells(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cells); i++) {
		assert_true(machine_has_row(cells[i].state, cells[i].event));
		with_all_facts(check_cell, &cells[i]);
	}
}

static void check_nothing(struct machine_facts const *facts, void const *data)
{
	struct cell const *c = data;
	expect_step(machine_step(c->state, c->event, facts), c->state, 0, c->state, c->event);
}

static void empty_cells(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < STATE_COUNT; s++)
		for (unsigned int e = 0; e < EVENT_COUNT; e++) {
			struct cell c = { .state = s, .event = e };
			if (empty[s] & 1u << e) {
				assert_false(machine_has_row(s, e));
				with_all_facts(check_nothing, &c);
			}
		}
}

static int is_listed(unsigned int s, unsigned int e)
{
	int n = 0;
	for (size_t i = 0; i < COUNT(cells); i++)
		n += cells[i].state == s && cells[i].event == e;
	n += (s == STATE_STOPPING || s == STATE_FINISHING) && e == EVENT_SWEPT;
	return n + !!(empty[s] & 1u << e);
}

/* So that a new state or event cannot be forgotten here. */
static void every_cell_is_listed_once(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < STATE_COUNT; s++)
		for (unsigned int e = 0; e < EVENT_COUNT; e++)
			if (is_listed(s, e) != 1)
				fail_msg("%s, %s: listed %d times", status_state_name(s),
					machine_event_name(e), is_listed(s, e));
}

/* Where a settling leads: by the wanted state, then by what follows the death. */
static struct machine_step settled(struct machine_facts const *f)
{
	struct machine_step down = { STATE_DOWN, DO_REST }, failed = { STATE_FAILED, DO_REST },
			    start = { STATE_STARTING, DO_START },
			    backoff = { STATE_BACKOFF, DO_BACKOFF };
	if (f->want == WANT_DOWN || f->want == WANT_EXIT)
		return down;
	if (f->again)
		return (struct machine_step){ STATE_STARTING, DO_FORGET | DO_START };
	if (f->after == AFTER_RETRY)
		return backoff;
	if (f->after == AFTER_FAIL)
		return failed;
	if (f->want == WANT_ONCE || f->after == AFTER_REST)
		return down;
	return f->after == AFTER_BACKOFF ? backoff : start;
}

static void check_settle(struct machine_facts const *facts, void const *data)
{
	struct machine_step want = settled(facts);
	(void)data;
	expect_step(machine_step(SETTLES_AT_ONCE, facts), want.next, want.actions, SETTLES_AT_ONCE);
	if (facts->has_finish)
		want = (struct machine_step){ STATE_FINISHING, DO_FINISH };
	expect_step(machine_step(SETTLES_VIA_FINISH, facts), want.next, want.actions,
		SETTLES_VIA_FINISH);
}

static void settling(void **state)
{
	(void)state;
	with_all_facts(check_settle, 0);
}

/* Whatever happens, in whatever order: a start is asked for only where nothing runs, from a state
 * in which nothing of the service is left. */
static void check_start(struct machine_facts const *facts, void const *data)
{
	(void)data;
	for (unsigned int s = 0; s < STATE_COUNT; s++)
		for (unsigned int e = 0; e < EVENT_COUNT; e++) {
			struct machine_step step = machine_step(s, e, facts);
			if (!(step.actions & DO_START))
				continue;
			assert_int_equal(step.next, STATE_STARTING);
			if (s == STATE_STOPPING || s == STATE_FINISHING)
				assert_int_equal(e, EVENT_SWEPT);
			else
				assert_true(s == STATE_DOWN || s == STATE_FAILED ||
					    s == STATE_BACKOFF || s == STATE_WAITING);
		}
}

static void starts_only_where_nothing_is_left(void **state)
{
	(void)state;
	with_all_facts(check_start, 0);
}

/* Nobody rests, fails or exits on a way that does not come from a state without processes. */
static void check_rest(struct machine_facts const *facts, void const *data)
{
	(void)data;
	for (unsigned int s = 0; s < STATE_COUNT; s++)
		for (unsigned int e = 0; e < EVENT_COUNT; e++) {
			struct machine_step step = machine_step(s, e, facts);
			int rests = step.next == STATE_DOWN || step.next == STATE_FAILED ||
				    step.next == STATE_BACKOFF;
			int busy = s == STATE_STARTING || s == STATE_UP || s == STATE_STOPPING ||
				   s == STATE_FINISHING;
			if (busy && rests)
				assert_int_equal(e, EVENT_SWEPT);
			if (step.actions & DO_REST)
				assert_true(step.next == STATE_DOWN || step.next == STATE_FAILED);
		}
}

static void rests_only_after_a_sweep(void **state)
{
	(void)state;
	with_all_facts(check_rest, 0);
}

static void events_have_names(void **state)
{
	(void)state;
	for (unsigned int e = 0; e < EVENT_COUNT; e++) {
		assert_non_null(machine_event_name(e));
		for (unsigned int other = 0; other < e; other++)
			assert_string_not_equal(machine_event_name(e), machine_event_name(other));
	}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(filled_cells),
		cmocka_unit_test(empty_cells),
		cmocka_unit_test(every_cell_is_listed_once),
		cmocka_unit_test(settling),
		cmocka_unit_test(starts_only_where_nothing_is_left),
		cmocka_unit_test(rests_only_after_a_sweep),
		cmocka_unit_test(events_have_names),
	};
	return cmocka_run_group_tests_name("machine", tests, 0, 0);
}
