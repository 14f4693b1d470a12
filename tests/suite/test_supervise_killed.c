/* A supervisor is killed before each of its system calls in turn, and another one takes over: what
 * was asked for happens all the same, once, and nothing ever runs twice. */
#include "story.h"

#define STRIDE 11 /* each run takes every eleventh call, $CINIT_TEST_FULL all */

/* Returns 0 when the goal was reached before call number n. */
static int one(void const *story, unsigned int n)
{
	struct course c;
	story_begin(&c, story, n);
	int killed = trace_kill_at(c.p.supervisor, n, &c.p, story_at_goal, &c);
	tree_end(c.p.supervisor);
	place_supervise(&c.p);
	UNTIL(&c.p, s->supervisor == (uint32_t)p_->supervisor);
	story_end(&c, n);
	return killed;
}

static void killed(void **state)
{
	trace_story(one, STRIDE, "killed", *state);
}

int main(void)
{
	struct CMUnitTest tests[STORY_COUNT];

	for (size_t i = 0; i < STORY_COUNT; i++)
		tests[i] = (struct CMUnitTest){ stories[i].name, killed, tree_setup, tree_teardown,
			(void *)&stories[i] };
	return cmocka_run_group_tests_name("supervise_killed", tests, 0, 0);
}
