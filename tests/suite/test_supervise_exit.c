/* How a supervisor ends: by command, by signal, at once. */
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define DEAF "listen up"

static void exit_by_command(void **state)
{
	struct place web = place_with("web", "alone; say up; exec sleep 1000");
	(void)state;
	place_up(&web);
	uint32_t incarnation = web.s.incarnation;
	place_send(&web, 'x');
	assert_int_equal(tree_end(web.supervisor), 0);
	place_look(&web);
	assert_int_equal(web.s.state, STATE_DOWN);
	assert_int_equal(web.s.want, WANT_EXIT);
	assert_int_equal(web.s.flags & FLAG_EXITED, FLAG_EXITED);
	assert_int_equal(web.s.supervisor, 0);
	assert_int_equal(web.s.pid, 0);
	assert_int_equal(cinit_ipc_probe(AT_FDCWD, web.state), CINIT_NO_SUPERVISOR);
	/* the next one begins as at boot */
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP && s->supervisor == (uint32_t)p_->supervisor);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.flags & FLAG_EXITED, 0);
	assert_int_not_equal(web.s.incarnation, incarnation);
}

static void exit_when_it_is_down_or_failed(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_write(&web, "down", "");
	place_supervise(&web);
	UNTIL(&web, s->supervisor);
	place_send(&web, 'x');
	assert_int_equal(tree_end(web.supervisor), 0);
	unlink(tree_name("services/web/down"));
	place_write(&web, "kill-mode", "x");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	place_send(&web, 'x');
	assert_int_equal(tree_end(web.supervisor), 0);
}

static void term_is_exit(void **state)
{
	struct place web = place_with("web", "alone; listen up TERM=3");
	(void)state;
	place_up(&web);
	kill(web.supervisor, SIGTERM);
	event_is("TERM");
	assert_int_equal(tree_end(web.supervisor), 0);
	place_look(&web);
	assert_int_equal(web.s.last_exit, 3 << 8);
	assert_int_equal(web.s.flags & FLAG_EXITED, FLAG_EXITED);
}

static void quit_kills_at_once(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
	place_look(&web);
	assert_int_equal(web.s.last_exit, SIGKILL);
	event_none();
}

static void quit_after_term_kills_at_once(void **state)
{
	struct place web = place_with("web", DEAF);
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	kill(web.supervisor, SIGTERM);
	event_is("TERM");
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
}

static void quit_kills_strays_and_scripts(void **state)
{
	struct place web = place_with("web",
		"setsid sh -c 'trap \"\" TERM; echo $$ >>$EVENTS; while :; do sleep "
		"1000; done' & hold said; say up; exec sleep 1000");
	int said = tree_hold("said");
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_write(&web, "timeout-control", "0");
	place_script(&web, "control/h", "listen control");
	place_script(&web, "control/x", "say never");
	place_script(&web, "finish", "say never");
	place_supervise(&web);
	pid_t stray = event_pid();
	tree_pass(said);
	event_is("up");
	place_command(&web, 'h');
	event_is("control");
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
	assert_true(tree_gone(stray));
	event_none();
	assert_string_equal(tree_read("web.err"), "");
}

static void quit_kills_what_starts(void **state)
{
	struct place web = place_with("web", "say never");
	(void)state;
	place_write(&web, "timeout-control", "0");
	place_script(&web, "control/u", "listen control");
	place_supervise(&web);
	event_is("control");
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
	char const *line = event_poll();
	if (line) /* it is told before it is killed */
		assert_string_equal(line, "TERM");
}

static void quit_kills_finish(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_write(&web, "timeout-finish", "0");
	place_script(&web, "finish", "listen finish");
	place_up(&web);
	kill(web.supervisor, SIGTERM);
	event_is("finish");
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
}

static void quit_while_it_waits_to_start(void **state)
{
	struct place web = place_with("web", "exit 1");
	(void)state;
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms >= 400);
	kill(web.supervisor, SIGQUIT);
	assert_int_equal(tree_end(web.supervisor), 0);
}

static void int_and_hup_are_ignored(void **state)
{
	struct place web = place_with("web", "alone; say up; exec sleep 1000");
	(void)state;
	place_up(&web);
	kill(web.supervisor, SIGINT);
	kill(web.supervisor, SIGHUP);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(getsid(web.supervisor), web.supervisor);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(exit_by_command),
		TREE_TEST(exit_when_it_is_down_or_failed),
		TREE_TEST(term_is_exit),
		TREE_TEST(quit_kills_at_once),
		TREE_TEST(quit_after_term_kills_at_once),
		TREE_TEST(quit_kills_strays_and_scripts),
		TREE_TEST(quit_kills_what_starts),
		TREE_TEST(quit_kills_finish),
		TREE_TEST(quit_while_it_waits_to_start),
		TREE_TEST(int_and_hup_are_ignored),
	};
	return cmocka_run_group_tests_name("supervise_exit", tests, 0, 0);
}
