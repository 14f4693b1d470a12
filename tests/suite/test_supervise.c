/* The supervisor: starting and stopping, in the ordinary ways. */
#include "tree.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define SLEEPS  "alone; say up; exec sleep 1000"
#define EXIT(n) ((n) << 8)

static void starts_and_stops(void **state)
{
	struct place web = place_running("web", SLEEPS);

	(void)state;
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.reason, REASON_NONE);
	assert_int_equal(web.s.flags, FLAG_READY | FLAG_ASKED);
	assert_int_equal(web.s.supervisor, web.supervisor);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.deaths, 0);
	assert_int_equal(web.s.pid, web.s.child[ROLE_RUN].pid);
	assert_int_equal(web.s.child[ROLE_RUN].phase, PHASE_STARTED);
	assert_int_equal(kill((pid_t)web.s.pid, 0), 0);
	assert_true(
		web.s.started && web.s.started <= web.s.ready && web.s.ready <= clock_boottime());
	assert_true(web.s.since == web.s.ready);
	assert_true(web.s.died == 0);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	assert_int_equal(web.s.want, WANT_DOWN);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.pid, 0);
	assert_int_equal(web.s.flags & FLAG_EXIT_VALID, FLAG_EXIT_VALID);
	assert_int_equal(web.s.flags & FLAG_READY, 0);
	assert_int_equal(web.s.last_exit, SIGTERM);
	assert_int_equal(web.s.deaths, 0);
	assert_true(web.s.died >= web.s.started);
	for (unsigned int i = 0; i < DEADLINE_COUNT; i++)
		assert_true(web.s.deadline[i] == 0);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_equal(web.s.restarts, 0);
}

/* What runit's clients read: when it was started, or when it came to rest. */
static void the_label_is_the_time_of_the_last_change(void **state)
{
	struct place web = place_running("web", SLEEPS);
	uint64_t now, started = web.s.label_sec;
	uint32_t nsec;

	(void)state;
	clock_label(&now, &nsec);
	assert_true(started <= now && started + 5 + TREE_PATIENCE > now);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	clock_label(&now, &nsec);
	assert_true(web.s.label_sec >= started && web.s.label_sec <= now);
}

static void a_down_file_keeps_it_down(void **state)
{
	struct place web = place_make("web");

	(void)state;
	place_script(&web, "run", SLEEPS);
	place_write(&web, "down", "");
	place_supervise(&web);
	UNTIL(&web, s->supervisor && s->state == STATE_DOWN);
	assert_int_equal(web.s.want, WANT_DOWN);
	assert_int_equal(web.s.flags, FLAG_NORMALLY_DOWN);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_DOWN);
	event_none();
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
}

/* What was read long ago does not count. */
static void edits_count_from_the_next_start_on(void **state)
{
	struct place web = place_make("web");

	(void)state;
	place_script(&web, "run", "say \"$WHO\"; exec sleep 1000");
	place_write(&web, "down", "");
	place_supervise(&web);
	UNTIL(&web, s->supervisor);
	place_write(&web, "env/WHO", "edited\n");
	place_write(&web, "timeout-kill", "nonsense");
	assert_int_equal(place_command(&web, 'u'), RESULT_REFUSED);
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	place_write(&web, "timeout-kill", "1s");
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->reason == REASON_NONE);
	event_is("edited");
	place_write(&web, "env/WHO", "again\n");
	place_command(&web, 'r');
	event_is("again");
}

static void once(void **state)
{
	struct place web = place_make("web");
	int go = tree_hold("go");

	(void)state;
	place_script(&web, "run", "alone; say up; hold go; exit 3");
	place_write(&web, "down", "");
	place_supervise(&web);
	assert_int_equal(place_command(&web, 'o'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(web.s.want, WANT_ONCE);
	event_is("up");
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.want, WANT_DOWN);
	assert_int_equal(web.s.last_exit, EXIT(3));
	assert_int_equal(web.s.starts, 1);
	place_command(&web, 'y');
	event_none();
}

static void once_for_what_runs_already(void **state)
{
	int go = tree_hold("go");
	struct place web = place_running("web", "alone; say up; hold go");

	(void)state;
	assert_int_equal(place_command(&web, 'o'), RESULT_DONE);
	assert_int_equal(web.s.want, WANT_ONCE);
	assert_int_equal(web.s.starts, 1);
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 1);
	event_none();
}

static void what_ends_is_started_again(void **state)
{
	int go = tree_hold("go");
	struct place web = place_running("web", "alone; say up; hold go; exit 7");
	uint32_t first = web.s.pid;

	(void)state;
	tree_pass(go);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_not_equal(web.s.pid, first);
	assert_int_equal(web.s.deaths, 1);
	assert_int_equal(web.s.restarts, 1);
	assert_int_equal(web.s.last_exit, EXIT(7));
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.backoff_ms, 0);
	event_none();
}

static void restart(void **state)
{
	struct place web = place_running("web", SLEEPS);
	uint32_t first = web.s.pid;

	(void)state;
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2 && !(s->flags & FLAG_GOT_TERM));
	event_is("up");
	assert_int_not_equal(web.s.pid, first);
	assert_int_equal(web.s.deaths, 0);
	assert_int_equal(web.s.restarts, 0);
	assert_int_equal(web.s.backoff_ms, 0);
	/* ten of them in a row are no crash loop */
	for (unsigned int i = 3; i < 13; i++) {
		assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		event_is("up");
	}
	assert_int_equal(web.s.backoff_ms, 0);
}

static void restart_starts_what_is_down(void **state)
{
	struct place web = place_running("web", SLEEPS);

	(void)state;
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
}

static void restart_does_not_give_up_what_would_not_start_again(void **state)
{
	struct place web = place_running("web", SLEEPS);
	uint32_t first = web.s.pid;
	enum status_why why;

	(void)state;
	place_write(&web, "kill-mode", "politely");
	assert_int_equal(place_answer(&web, place_send(&web, 'r'), &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_CONFIG);
	assert_int_equal(web.s.reason, REASON_CONFIG);
	assert_non_null(strstr(web.s.reason_text, "kill-mode"));
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.pid, first);
	/* it can be stopped all the same, and then restart says what up says */
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(place_answer(&web, place_send(&web, 'r'), &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_CONFIG);
	UNTIL(&web, s->state == STATE_FAILED);
}

/* It is slow to go; what is said meanwhile counts when it has gone. */
static void comes_back_when_told_so_while_it_goes(void **state, char letter)
{
	int go = tree_hold("go");
	struct place web = place_running("web", "alone; trap 'say told; hold go; exit 0' TERM; say "
						"up; while :; do sleep 1000 & wait; done");
	uint32_t first = web.s.pid;

	(void)state;
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	event_is("told");
	assert_int_equal(place_command(&web, letter), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_STOPPING);
	assert_int_equal(web.s.pid, first);
	event_none();
	tree_pass(go);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_not_equal(web.s.pid, first);
}

static void up_while_it_stops(void **state)
{
	comes_back_when_told_so_while_it_goes(state, 'u');
}

static void restart_while_it_stops(void **state)
{
	comes_back_when_told_so_while_it_goes(state, 'r');
}

static void once_while_it_stops(void **state)
{
	comes_back_when_told_so_while_it_goes(state, 'o');
}

/* A restart that is on its way is called off. */
static void down_while_it_restarts(void **state)
{
	int go = tree_hold("go");
	struct place web = place_running("web", "alone; trap 'say told; hold go; exit 0' TERM; say "
						"up; while :; do sleep 1000 & wait; done");

	(void)state;
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("told");
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.starts, 1);
	event_none();
}

/* It ended by itself and is not to be restarted; who says up while finish runs is heard. */
static void up_while_it_finishes(void **state)
{
	int go = tree_hold("go"), finish = tree_hold("finish");
	struct place web = place_make("web");

	(void)state;
	place_script(&web, "run", "alone; say up; hold go");
	place_script(&web, "finish", "alone; say finish; hold finish");
	place_write(&web, "restart", "never");
	place_supervise(&web);
	event_is("up");
	tree_pass(go);
	event_is("finish");
	UNTIL(&web, s->state == STATE_FINISHING);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	tree_pass(finish);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
}

/* A reason is over when what it says is. */
static void reasons_end(void **state)
{
	struct place web = place_running("web", "alone; say up; exec sleep 1000");
	(void)state;
	place_write(&web, "timeout-kill", "never\n");
	assert_int_equal(place_command(&web, 'r'), RESULT_REFUSED);
	assert_int_equal(web.s.reason, REASON_CONFIG);
	place_write(&web, "timeout-kill", "10s\n");
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(web.s.reason, REASON_NONE);
	/* it had to be killed: the next one had not */
	place_script(&web, "run", "trap '' TERM; say deaf; while :; do sleep 1; done");
	place_write(&web, "timeout-kill", "50\n");
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("deaf");
	place_command(&web, 'r');
	event_is("deaf");
	UNTIL(&web, s->state == STATE_UP && s->starts == 4);
	assert_int_equal(web.s.reason, REASON_NONE);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(reasons_end),
		TREE_TEST(starts_and_stops),
		TREE_TEST(the_label_is_the_time_of_the_last_change),
		TREE_TEST(a_down_file_keeps_it_down),
		TREE_TEST(edits_count_from_the_next_start_on),
		TREE_TEST(once),
		TREE_TEST(once_for_what_runs_already),
		TREE_TEST(what_ends_is_started_again),
		TREE_TEST(restart),
		TREE_TEST(restart_starts_what_is_down),
		TREE_TEST(restart_does_not_give_up_what_would_not_start_again),
		TREE_TEST(up_while_it_stops),
		TREE_TEST(restart_while_it_stops),
		TREE_TEST(once_while_it_stops),
		TREE_TEST(down_while_it_restarts),
		TREE_TEST(up_while_it_finishes),
	};
	return cmocka_run_group_tests_name("supervise", tests, 0, 0);
}
