/* The supervisor: starting and stopping, in the ordinary ways. */
#include "tree.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void starts_and_stops(void **state)
{
	struct place web = place_make("web");

	(void)state;
	place_script(&web, "run", "say up; exec sleep 1000");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.want, WANT_DOWN);
	assert_int_equal(place_command(&web, 'x'), RESULT_DONE);
	assert_int_equal(tree_end(web.supervisor), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(starts_and_stops),
	};
	return cmocka_run_group_tests_name("supervise", tests, 0, 0);
}
