/* Services that wait for themselves: found by name, and the rest of the tree runs. */
#include "init.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "depend.h"

#define FAILED(p, text)                                                                            \
	do {                                                                                       \
		UNTIL(p, s->state == STATE_FAILED && s->reason == REASON_NEEDS);                   \
		assert_string_equal((p)->s.reason_text, "needs form a cycle: " text);              \
	} while (0)

/* How often does cinit say it? */
static int said(char const *text)
{
	char const *from = tree_read("cinit.err");
	int count = 0;

	while ((from = strstr(from, text))) {
		count++;
		from += strlen(text);
	}
	return count;
}

static int exists(char const *name)
{
	return !access(tree_name("%s", name), F_OK);
}

static void a_circle_of_needs_is_named_and_the_rest_runs(void **state)
{
	struct place a = init_service("a"), b = init_service("b"), c = init_service("c"),
		     on_top = init_service("on-top"), free = init_service("free");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	depend_on(&b, "binds", "c", NULL);
	depend_on(&c, "needs", "a", "free", NULL);
	depend_on(&on_top, "needs", "a", NULL);
	pid_t pid = init_start(NULL);
	FAILED(&a, "a -> b -> c -> a");
	FAILED(&b, "a -> b -> c -> a");
	FAILED(&c, "a -> b -> c -> a");
	UP(&free);
	UNTIL(&on_top, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
	assert_non_null(
		strstr(on_top.s.reason_text, "needs a: failed (needs form a cycle: a -> b"));
	assert_int_equal(said("cinit: warning: cycle: a -> b -> c -> a; these do not start\n"), 1);
	assert_string_equal(tree_read("run/b/cycle"), "a -> b -> c -> a");
	assert_false(exists("run/free/cycle"));
	/* who is told to start all the same fails again */
	assert_int_equal(place_command(&b, 'u'), RESULT_DONE);
	FAILED(&b, "a -> b -> c -> a");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_command_does_not_wait_for_them(void **state)
{
	struct place a = init_service("a"), b = init_service("b");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	depend_on(&b, "needs", "a", NULL);
	assert_int_equal(tree_end(init_run("/bin/sh", "-c", "exit 7")), EXIT(7));
}

static void a_rescan_finds_that_it_was_mended(void **state)
{
	struct place a = init_service("a"), b = init_service("b");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	depend_on(&b, "needs", "a", NULL);
	pid_t pid = init_start(NULL);
	FAILED(&a, "a -> b -> a");
	FAILED(&b, "a -> b -> a");
	/* as it is, it is old news */
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	depend_no_more(&b, "needs", "a");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/a/cycle");
	init_gone("run/b/cycle");
	assert_int_equal(said("warning: cycle: "), 1);
	assert_int_equal(place_command(&a, 'u'), RESULT_DONE);
	/* that was failed, and a need of one that wants up does not lead out of it */
	assert_int_equal(place_command(&b, 'u'), RESULT_DONE);
	UP(&a);
	UP(&b);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_rescan_finds_new_ones(void **state)
{
	struct place a = init_service("a"), other = init_service("other");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	pid_t pid = init_start(NULL);
	UNTIL(&a, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
	reason_is(&a, "needs b: no such service");
	struct place b = init_service("b");
	depend_on(&b, "needs", "a", NULL);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	FAILED(&a, "a -> b -> a");
	FAILED(&b, "a -> b -> a");
	UP(&other);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* What runs already goes on: the needs of its next start are at fault. */
static void who_runs_is_left_alone(void **state)
{
	struct place a = init_service("a"), b = init_service("b");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	pid_t pid = init_start(NULL);
	UP(&a);
	UP(&b);
	depend_on(&b, "needs", "a", NULL);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_says("cycle: a -> b -> a; these do not start\n");
	init_there("run/b/cycle");
	assert_int_equal(place_command(&a, 'y'), RESULT_DONE);
	assert_int_equal(place_command(&b, 'y'), RESULT_DONE);
	assert_int_equal(a.s.state, STATE_UP);
	assert_int_equal(b.s.state, STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void wants_in_a_circle_are_not_waited_for(void **state)
{
	struct place a = init_service("a"), b = init_service("b"), c = init_service("c");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	depend_on(&b, "wants", "a", "c", NULL);
	depend_on(&c, "wants", "c2", NULL);
	struct place c2 = init_service("c2");
	depend_on(&c2, "wants", "c", NULL);
	pid_t pid = init_start(NULL);
	UP(&a);
	UP(&b);
	UP(&c);
	UP(&c2);
	assert_int_equal(said("cycle: a -> b -> a; the wants in it are not waited for\n"), 1);
	assert_int_equal(said("cycle: c -> c2 -> c; the wants in it are not waited for\n"), 1);
	assert_true(exists("run/b/unawaited/a"));
	/* a want that leads from circle to circle is part of neither */
	assert_false(exists("run/b/unawaited/c"));
	assert_false(depend_has_entry(&a, "b"));
	depend_no_more(&c2, "wants", "c");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/c2/unawaited");
	init_gone("run/c/unawaited");
	assert_int_equal(said("cycle: "), 2);
	/* nor do they wait for each other in a stop */
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_int_equal(said("still waiting"), 0);
}

static void a_circle_through_a_template(void **state)
{
	struct place a = init_service("a"), one = place_at("x@1", tree_name("run/x@1"));

	(void)state;
	depend_on(&a, "needs", "x@1", NULL);
	tree_script("services/x@/run", SLEEPS);
	tree_write("services/x@/needs/a", 0644, "");
	pid_t pid = init_start(NULL);
	FAILED(&a, "a -> x@1 -> a");
	/* nobody wants it any more, should it have come to that */
	init_there("run/x@1/out");
	UNTIL(&one, s->state == STATE_DOWN || s->state == STATE_FAILED);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void need_on_oneself(void **state)
{
	struct place a = init_service("a");

	(void)state;
	depend_on(&a, "needs", "a", NULL);
	pid_t pid = init_start(NULL);
	UNTIL(&a, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	reason_is(&a, "needs/a: a service cannot depend on itself");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* More circles than anybody wants to read about. */
static void a_circle_through_a_bundle(void **state)
{
	struct place a = init_service("a"), b = init_service("b"), all = place_make("all");

	(void)state;
	depend_on(&all, "needs", "a", "b", NULL);
	depend_on(&a, "needs", "all", NULL);
	pid_t pid = init_start(NULL);
	FAILED(&a, "a -> all -> a");
	FAILED(&all, "a -> all -> a");
	UP(&b);
	assert_int_equal(said("cinit: warning: cycle: a -> all -> a; these do not start\n"), 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_tangle(void **state)
{
	struct place all[14];
	char name[16], other[16];

	(void)state;
	for (int n = 0; n < 14; n++) {
		snprintf(name, sizeof name, "s%02d", n);
		all[n] = init_service(name);
		for (int k = 0; k < 14; k++) {
			snprintf(other, sizeof other, "s%02d", k);
			if (k != n && (k == 0 || n == 0))
				depend_on(&all[n], "needs", other, NULL);
		}
	}
	pid_t pid = init_start(NULL);
	for (int n = 0; n < 14; n++)
		UNTIL(&all[n], s->state == STATE_FAILED &&
				       !strncmp(s->reason_text, "needs form a cycle: ", 20));
	assert_in_range(said("warning: cycle: s00 -> "), 1, 13);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void what_another_time_found_counts_no_more(void **state)
{
	struct place a = init_service("a"), b = init_service("b");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	tree_write("run/a/cycle", 0644, "a -> b -> a");
	tree_write("run/a/dependents/gone", 0600, "");
	tree_write("run/b/unawaited/a", 0644, "");
	pid_t pid = init_start(NULL);
	UP(&a);
	UP(&b);
	assert_false(exists("run/a/cycle"));
	assert_false(exists("run/a/dependents/gone"));
	init_gone("run/b/unawaited");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_int_equal(said("cycle"), 0);
}

/* A cinit that takes over looks for them, too. */
static void a_takeover_finds_them(void **state)
{
	struct place a = init_service("a"), b = init_service("b");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	pid_t pid = init_start(NULL);
	UP(&a);
	kill(pid, SIGKILL);
	tree_end(pid);
	depend_on(&b, "needs", "a", NULL);
	pid = init_start(NULL);
	init_says("cycle: a -> b -> a; these do not start\n");
	place_look(&a);
	assert_int_equal(a.s.state, STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void what_it_leaves_behind_goes_with_the_service(void **state)
{
	struct place a = init_service("a"), b = init_service("b"), c = init_service("c");

	(void)state;
	depend_on(&a, "needs", "b", NULL);
	depend_on(&b, "needs", "a", NULL);
	depend_on(&b, "wants", "c", NULL);
	depend_on(&c, "wants", "b", NULL);
	pid_t pid = init_start(NULL);
	FAILED(&a, "a -> b -> a");
	FAILED(&b, "a -> b -> a");
	init_there("run/c/unawaited/b");
	init_move("services/a", "a.old");
	init_move("services/b", "b.old");
	init_move("services/c", "c.old");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/a");
	init_gone("run/b");
	init_gone("run/c");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_circle_of_needs_is_named_and_the_rest_runs),
		TREE_TEST(a_command_does_not_wait_for_them),
		TREE_TEST(a_rescan_finds_that_it_was_mended),
		TREE_TEST(a_rescan_finds_new_ones),
		TREE_TEST(who_runs_is_left_alone),
		TREE_TEST(wants_in_a_circle_are_not_waited_for),
		TREE_TEST(a_circle_through_a_template),
		TREE_TEST(need_on_oneself),
		TREE_TEST(a_circle_through_a_bundle),
		TREE_TEST(a_tangle),
		TREE_TEST(what_another_time_found_counts_no_more),
		TREE_TEST(a_takeover_finds_them),
		TREE_TEST(what_it_leaves_behind_goes_with_the_service),
	};
	return cmocka_run_group_tests_name("init_cycles", tests, NULL, NULL);
}
