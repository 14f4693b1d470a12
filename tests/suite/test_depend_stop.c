/* The order of going: dependents first, each as early as it can. */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"
#include "svctl.h"

static void web_needs_db(struct place *db, struct place *web)
{
	depend_on(web, "needs", "db", NULL);
	depend_supervise(db, web, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(web);
}

static void it_ends_by_itself_while_others_go_first(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3 leave=web");
	int hold = tree_hold("web");
	(void)state;
	web_needs_db(&db, &web);
	assert_int_equal(place_command(&db, 'r'), RESULT_DONE);
	event_is("web stop");
	assert_int_equal(db.s.state, STATE_STOPPING);
	assert_int_equal(place_command(&db, '1'), RESULT_DONE);
	events("db crash", "db start", "db ready");
	UNTIL(&db, s->state == STATE_UP && s->starts == 2);
	tree_pass(hold);
	events("web gone", "web start", "web ready");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	depend_look(&db);
	assert_int_equal(db.s.starts, 2);
	assert_int_equal(db.s.state, STATE_UP);
	event_none();
}

/* The end of what its `on` left behind is not its own. */
static void a_process_of_a_oneshot_ends_meanwhile(void **state)
{
	struct place db = member_oneshot("db", ""), web = member_make("web", "fd=3 leave=web");
	int hold = tree_hold("web");
	(void)state;
	place_script(&db, "on", "setsid sleep 1000 & echo $! >>\"$EVENTS\"");
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	pid_t left = event_pid();
	events("web start", "web ready");
	UP(&web);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	event_is("web stop");
	kill(left, SIGKILL);
	AWAIT(tree_gone(left));
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_STOPPING);
	event_none();
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	DOWN(&db);
}

static void more_than_are_watched_at_a_time(void **state)
{
	struct place db = member_make("db", "fd=3"), web[40];
	int hold = tree_hold("web");
	(void)state;
	place_supervise(&db);
	for (int i = 0; i < 40; i++) {
		char name[16];
		snprintf(name, sizeof name, "w%d", i);
		web[i] = place_with(
			name, "exec \"$CINIT_BUILD/test/helper/member\" web fd=3 leave=web");
		place_write(&web[i], "notification-fd", "3");
		place_write(&web[i], "timeout-kill", "0");
		depend_on(&web[i], "needs", "db", NULL);
		place_supervise(&web[i]);
	}
	for (int i = 0; i < 40; i++)
		UP(&web[i]);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	for (int i = 0; i < 40; i++) {
		event_await("web stop");
		cinit_ipc_release(&web[i].client);
	}
	for (int i = 0; i < 39; i++) {
		tree_pass(hold);
		event_is("web gone");
	}
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_STOPPING);
	event_none();
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	DOWN(&db);
}

/* Whatever does not go in time is killed, and then the others go. */
static void a_deaf_one_holds_nobody_up_for_ever(void **state)
{
	struct place db = member_make("db", "fd=3"), web = place_with("web", "listen web");
	(void)state;
	place_write(&web, "timeout-kill", "50");
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	events("db start", "db ready", "web");
	UP(&web);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	event_is("TERM");
	event_await("db stop"); /* CONT may come too late for web to say it */
	event_is("db gone");
	DOWN(&db);
	UNTIL(&web, s->state == STATE_WAITING && s->last_exit == SIGKILL);
}

/* Nothing runs that would have to go first; it does not start again either. */
static void one_between_two_starts(void **state)
{
	struct place db = member_make("db", "fd=3"), web = place_with("web", "exit 1");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	events("db start", "db ready");
	UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms >= 800);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	events("db stop", "db gone");
	DOWN(&db);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: held down"));
	uint32_t starts = web.s.starts;
	place_command(&db, 'u');
	UNTIL(&web, s->starts > starts);
}

/* It was told to come back before one that has to go first had looked: that one goes all the same,
 * and does not wait for what waits for it. */
static void called_back_before_others_looked(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3");
	(void)state;
	web_needs_db(&db, &web);
	kill(web.supervisor, SIGSTOP);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	assert_int_equal(place_command(&db, 'u'), RESULT_DONE);
	assert_int_equal(db.s.state, STATE_STOPPING);
	assert_int_equal(db.s.want, WANT_UP);
	kill(web.supervisor, SIGCONT);
	events("web stop", "web gone", "db stop", "db gone", "db start", "db ready", "web start",
		"web ready");
	UP(&web);
}

static void down_while_others_go_first_ends_a_restart(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3 leave=web");
	int hold = tree_hold("web");
	(void)state;
	web_needs_db(&db, &web);
	assert_int_equal(place_command(&db, 'r'), RESULT_DONE);
	event_is("web stop");
	assert_int_equal(depend_force(&db), RESULT_DONE);
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	DOWN(&db);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: held down"));
	event_none();
}

static void up_while_others_go_first_brings_all_back(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3 leave=web");
	int hold = tree_hold("web");
	(void)state;
	web_needs_db(&db, &web);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	event_is("web stop");
	assert_int_equal(place_command(&db, 'u'), RESULT_DONE);
	tree_pass(hold);
	events("web gone", "db stop", "db gone", "db start", "db ready", "web start", "web ready");
	UP(&web);
}

/* ----------------------------------------------------------------------- the end of the tree */

static void by_quit_nobody_waits(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3");
	(void)state;
	web_needs_db(&db, &web);
	kill(db.supervisor, SIGQUIT);
	assert_int_equal(tree_end(db.supervisor), 0);
	event_are("web stop", "web gone", NULL);
	WAITS(&web);
}

/* Reverse, through a bundle and a oneshot; and who has nothing to wait for does not wait. */
static void the_tree_goes_in_reverse(void **state)
{
	struct place db = member_make("db", "fd=3"), setup = member_oneshot("setup", ""),
		     all = member_bundle("all"), web = member_make("web", "fd=3 leave=web"),
		     slow = member_make("slow", "fd=3 leave=slow"), fast = member_make("fast", "");
	int hold = tree_hold("web"), slow_hold = tree_hold("slow");
	(void)state;
	depend_on(&setup, "needs", "db", NULL);
	depend_on(&all, "needs", "setup", NULL);
	depend_on(&web, "needs", "all", NULL);
	depend_on(&fast, "needs", "slow", NULL);
	pid_t cinit = init_start(0);
	for (int i = 0; i < 10; i++)
		event_next(); /* two each */
	UP(&db);
	UP(&slow);
	UP(&web);
	UP(&fast);
	kill(cinit, SIGTERM);
	event_are("web stop", "fast stop", "fast gone", "slow stop", NULL);
	tree_pass(hold);
	events("web gone", "setup stop", "setup gone", "db stop", "db gone");
	tree_pass(slow_hold);
	event_is("slow gone");
	assert_int_equal(tree_end(cinit), 0);
	event_none();
}

/* Who wants another goes before it, too, when both go for good. */
static void a_want_goes_in_reverse(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3 leave=web");
	int hold = tree_hold("web");
	(void)state;
	depend_on(&web, "wants", "db", NULL);
	pid_t cinit = init_start(0);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	kill(cinit, SIGTERM);
	event_is("web stop");
	UNTIL(&db, s->want == WANT_EXIT);
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	assert_int_equal(tree_end(cinit), 0);
}

/* One that is told to exit goes when its dependents have gone, and stays away until somebody says
 * up. */
static void one_that_others_need_exits(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3");
	(void)state;
	depend_on(&web, "needs", db.name, NULL);
	pid_t cinit = init_start(0);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	SVCTL(0, "ok: db: supervisor not running\n", "-v", "exit", "db");
	events("web stop", "web gone", "db stop", "db gone");
	UNTIL(&web, s->state == STATE_WAITING &&
			    !strcmp(s->reason_text, "needs db: its supervisor was told to exit"));
	depend_look(&web);
	assert_int_equal(init_command('y', "web", 0, 0), RESULT_DONE);
	place_look(&db);
	assert_int_equal(db.s.flags & FLAG_EXITED, FLAG_EXITED);
	event_none();
	SVCTL(0, "ok: run: db: (pid #) #s\n", "-v", "up", "db");
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	/* or until somebody says up to who needs it */
	SVCTL(0, "ok: db: supervisor not running\n", "-v", "exit", "db");
	events("web stop", "web gone", "db stop", "db gone");
	WAITS(&web);
	SVCTL(0, "ok: run: web: (pid #) #s\n", "-v", "up", "web");
	events("db start", "db ready", "web start", "web ready");
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(it_ends_by_itself_while_others_go_first),
		TREE_TEST(a_process_of_a_oneshot_ends_meanwhile),
		TREE_TEST(more_than_are_watched_at_a_time),
		TREE_TEST(a_deaf_one_holds_nobody_up_for_ever),
		TREE_TEST(one_between_two_starts),
		TREE_TEST(called_back_before_others_looked),
		TREE_TEST(down_while_others_go_first_ends_a_restart),
		TREE_TEST(up_while_others_go_first_brings_all_back),
		TREE_TEST(by_quit_nobody_waits),
		TREE_TEST(the_tree_goes_in_reverse),
		TREE_TEST(a_want_goes_in_reverse),
		TREE_TEST(one_that_others_need_exits),
	};
	return cmocka_run_group_tests_name("depend_stop", tests, 0, 0);
}
