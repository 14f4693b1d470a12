/* A supervisor is killed while it waits for others, or others for it: the next one goes on. */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void again(struct place *p)
{
	place_supervise(p);
	depend_look(p);
}

/* Nobody supervises it from here on, until again(). */
static void web_needs(struct place *web, char const *words, struct place const *db)
{
	*web = member_make("web", words);
	place_keep_exits(web, 1);
	depend_on(web, "needs", db->name, NULL);
}

static void while_it_waits(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), web;
	int hold = tree_hold("db");
	(void)state;
	web_needs(&web, "", &db);
	depend_supervise(&db, &web, NULL);
	event_is("db start");
	WAITS(&web);
	depend_kill(&web);
	assert_true(depend_has_entry(&db, "web"));
	again(&web);
	assert_int_equal(web.s.state, STATE_WAITING);
	reason_is(&web, "needs db: starting");
	depend_kill(&web);
	tree_pass(hold);
	event_is("db ready");
	UP(&db);
	again(&web);
	event_is("web start");
	UP(&web);
	assert_int_equal(web.s.starts, 1);
}

/* What it waited for is not asked for any more. */
static void while_it_waits_and_the_need_is_taken_away(void **state)
{
	struct place db = member_make("db", "fd=3 hold=never"), web;
	(void)state;
	tree_hold("never");
	web_needs(&web, "", &db);
	depend_supervise(&db, &web, NULL);
	event_is("db start");
	WAITS(&web);
	depend_kill(&web);
	depend_no_more(&web, "needs", "db");
	again(&web);
	event_is("web start");
	UP(&web);
}

static void while_it_is_up(void **state)
{
	struct place db = member_make("db", "fd=3"), web;
	(void)state;
	web_needs(&web, "", &db);
	depend_supervise(&db, &web, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	depend_kill(&web);
	assert_int_equal(depend_down(&db), RESULT_REFUSED);
	again(&web);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.starts, 1);
	event_none();
	assert_int_equal(depend_force(&db), RESULT_DONE);
	events("web stop", "web gone", "db stop", "db gone");
	WAITS(&web);
}

/* Its need is to go, and nobody is there to tell it. */
static void while_it_is_up_and_its_need_goes(void **state)
{
	struct place db = member_make("db", "fd=3"), web;
	(void)state;
	web_needs(&web, "", &db);
	depend_supervise(&db, &web, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	depend_kill(&web);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_STOPPING);
	assert_int_equal(db.s.flags & FLAG_GOT_TERM, 0);
	event_none();
	place_supervise(&web);
	events("web stop", "web gone", "db stop", "db gone");
	DOWN(&db);
	WAITS(&web);
}

/* It crashes, and has a crashed need to wait for. */
static void while_nobody_sees_it_end(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), web;
	int hold = tree_hold("db");
	(void)state;
	web_needs(&web, "", &db);
	depend_supervise(&db, &web, NULL);
	tree_pass(hold);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	depend_kill(&web);
	place_command(&db, '1');
	events("db crash", "db start");
	kill((pid_t)web.s.child[ROLE_RUN].pid, SIGUSR1);
	event_is("web crash");
	again(&web);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: starting"));
	tree_pass(hold);
	events("db ready", "web start");
}

/* ------------------------------------------------------------------- those that are needed */

/* db waits for web, which is slow, and goes when that has gone. */
static void begin_to_await(struct place *db, struct place *web, int *hold, int letter)
{
	*hold = tree_hold("web");
	*web = member_make("web", "leave=web");
	place_keep_exits(db, 1);
	depend_on(web, "needs", db->name, NULL);
	depend_supervise(db, web, NULL);
	UP(web);
	event_await("web ready");
	if (letter == 'd')
		assert_int_equal(depend_force(db), RESULT_DONE);
	else
		assert_int_equal(place_command(db, letter), RESULT_DONE);
	event_is("web stop");
	UNTIL(db, s->state == STATE_STOPPING);
	depend_kill(db);
	again(db);
	assert_int_equal(db->s.state, STATE_STOPPING);
	assert_int_equal(db->s.flags & FLAG_GOT_TERM, 0);
	event_none();
}

static void while_others_go_first(void **state)
{
	struct place db = member_make("db", "fd=3"), web;
	int hold;
	(void)state;
	begin_to_await(&db, &web, &hold, 'd');
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	DOWN(&db);
	WAITS(&web);
	place_command(&db, 'u');
	events("db start", "db ready", "web start");
}

static void while_others_go_first_and_it_comes_back(void **state)
{
	struct place db = member_make("db", "fd=3"), web;
	int hold;
	(void)state;
	begin_to_await(&db, &web, &hold, 'r');
	tree_pass(hold);
	events("web gone", "db stop", "db gone", "db start", "db ready", "web start");
	UNTIL(&db, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(db.s.deaths, 0);
	assert_int_equal(db.s.flags & FLAG_CYCLING, 0);
}

/* No process says that it has not gone yet. */
static void a_bundle_while_others_go_first(void **state)
{
	struct place db = member_bundle("db"), web;
	int hold;
	(void)state;
	depend_on(&db, "wants", "nosuch", NULL);
	begin_to_await(&db, &web, &hold, 'd');
	UNTIL(&web, s->state == STATE_STOPPING);
	tree_pass(hold);
	event_is("web gone");
	DOWN(&db);
}

static void a_oneshot_while_others_go_first(void **state)
{
	struct place db = member_oneshot("db", ""), web;
	int hold;
	(void)state;
	begin_to_await(&db, &web, &hold, 'd');
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	DOWN(&db);
}

/* off is not told to go, and runs once. */
static void while_off_runs(void **state)
{
	struct place db = member_oneshot("db", "");
	(void)state;
	place_keep_exits(&db, 1);
	place_script(&db, "off", "listen off USR1=0");
	place_supervise(&db);
	events("db start", "db ready");
	UP(&db);
	assert_int_equal(depend_down(&db), RESULT_DONE);
	event_is("off");
	UNTIL(&db, s->state == STATE_STOPPING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	depend_kill(&db);
	again(&db);
	assert_int_equal(db.s.state, STATE_STOPPING);
	event_none();
	kill((pid_t)db.s.child[ROLE_RUN].pid, SIGUSR1);
	event_is("USR1");
	DOWN(&db);
	event_none();
	assert_null(strstr(tree_read("db.err"), "off did not succeed"));
}

/* `on` that is told to go is not taken for off. */
static void while_on_is_stopped(void **state)
{
	struct place db = place_make("db");
	(void)state;
	place_keep_exits(&db, 1);
	place_script(&db, "on", "listen on USR1=1");
	place_script(&db, "off", "say off");
	place_supervise(&db);
	event_is("on");
	UNTIL(&db, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	assert_int_equal(depend_down(&db), RESULT_DONE);
	events("TERM", "CONT");
	UNTIL(&db, s->state == STATE_STOPPING);
	depend_kill(&db);
	again(&db);
	kill((pid_t)db.s.child[ROLE_RUN].pid, SIGUSR1);
	event_await("USR1");
	DOWN(&db);
	event_none();
	assert_null(strstr(tree_read("db.err"), "off did not succeed"));
}

/* Those that need it do not notice. */
static void while_it_is_needed(void **state)
{
	struct place db = member_make("db", "fd=3"), web;
	(void)state;
	place_write(&db, "down", "");
	place_keep_exits(&db, 1);
	web_needs(&web, "", &db);
	depend_supervise(&db, &web, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	depend_kill(&db);
	again(&db);
	assert_int_equal(db.s.state, STATE_UP);
	assert_int_equal(db.s.flags & FLAG_IMPLIED, FLAG_IMPLIED);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(depend_down(&db), RESULT_REFUSED);
	event_none();
	/* and the last one goes while nobody is there to be told */
	depend_kill(&db);
	assert_int_equal(depend_down(&web), RESULT_DONE);
	DOWN(&web);
	events("web stop", "web gone");
	place_supervise(&db);
	events("db stop", "db gone");
	DOWN(&db);
}

/* One comes while nobody is there to be told. */
static void while_it_is_about_to_be_needed(void **state)
{
	struct place db = member_make("db", "fd=3"), web;
	(void)state;
	place_write(&db, "down", "");
	web_needs(&web, "", &db);
	place_supervise(&db);
	DOWN(&db);
	depend_kill(&db);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: down"));
	place_supervise(&db);
	events("db start", "db ready", "web start");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(while_it_waits),
		TREE_TEST(while_it_waits_and_the_need_is_taken_away),
		TREE_TEST(while_it_is_up),
		TREE_TEST(while_it_is_up_and_its_need_goes),
		TREE_TEST(while_nobody_sees_it_end),
		TREE_TEST(while_others_go_first),
		TREE_TEST(while_others_go_first_and_it_comes_back),
		TREE_TEST(a_bundle_while_others_go_first),
		TREE_TEST(a_oneshot_while_others_go_first),
		TREE_TEST(while_off_runs),
		TREE_TEST(while_on_is_stopped),
		TREE_TEST(while_it_is_needed),
		TREE_TEST(while_it_is_about_to_be_needed),
	};
	return cmocka_run_group_tests_name("depend_killed", tests, 0, 0);
}
