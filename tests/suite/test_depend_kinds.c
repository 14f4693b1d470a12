/* wants/, binds/, bundles, and needs that cannot be met. */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------- wants */

static void a_want_is_waited_for(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), web = member_make("web", "");
	int hold = tree_hold("db");
	(void)state;
	depend_on(&web, "wants", "db", NULL);
	depend_supervise(&web, &db, NULL);
	event_is("db start");
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "wants db: starting"));
	event_none();
	tree_pass(hold);
	events("db ready", "web start");
	UP(&web);
	assert_int_equal(web.s.reason, REASON_NONE);
}

/* It is brought up, though it may stay away. */
static void a_want_is_brought_up(void **state)
{
	struct place db = member_make("db", ""), web = member_make("web", "");
	(void)state;
	place_write(&db, "down", "");
	depend_on(&web, "wants", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	UP(&db);
	place_command(&web, 'd');
	DOWN(&db);
}

static void a_want_that_fails_is_settled(void **state)
{
	struct place db = place_with("db", "exit 3"), web = member_make("web", "");
	(void)state;
	place_write(&db, "max-deaths", "2/60");
	place_write(&db, "notification-fd", "3");
	depend_on(&web, "wants", "db", NULL);
	depend_supervise(&web, &db, NULL);
	event_is("web start");
	UP(&web);
	UNTIL(&db, s->state == STATE_FAILED);
}

static void a_want_that_is_not_there_is_settled(void **state)
{
	struct place web = member_make("web", "");
	(void)state;
	depend_on(&web, "wants", "nosuch", NULL);
	place_supervise(&web);
	UP(&web);
	assert_int_equal(web.s.reason, REASON_NONE);
}

/* Who only wants another is no reason for that one to stay, and does not go with it. */
static void a_want_may_go(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3");
	(void)state;
	depend_on(&web, "wants", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	assert_int_equal(place_command(&db, 'r'), RESULT_DONE);
	events("db stop", "db gone", "db start", "db ready");
	UNTIL(&db, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(depend_down(&db), RESULT_DONE);
	events("db stop", "db gone");
	DOWN(&db);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.starts, 1);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_DOWN);
	/* and it starts without it */
	place_command(&web, 'r');
	events("web stop", "web gone", "web start", "web ready");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_DOWN);
}

/* Who is told to come back while it stops brings back what went meanwhile. */
static void a_want_that_went_meanwhile_comes_back(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3 leave=web");
	int hold = tree_hold("web");

	(void)state;
	depend_on(&web, "wants", "db", NULL);
	place_write(&web, "timeout-kill", "0");
	depend_supervise(&db, &web, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	assert_int_equal(depend_down(&web), RESULT_DONE);
	event_is("web stop");
	assert_int_equal(depend_down(&db), RESULT_DONE);
	events("db stop", "db gone");
	DOWN(&db);
	assert_int_equal(db.s.flags & FLAG_HELD, 0);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	tree_pass(hold);
	event_await("web gone");
	UP(&db);
	UP(&web);
}

static void a_want_goes_by_force_alone(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3");
	(void)state;
	depend_on(&web, "wants", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	assert_int_equal(depend_force(&db), RESULT_DONE);
	events("db stop", "db gone");
	DOWN(&db);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
}

/* ------------------------------------------------------------------------------------- binds */

static void a_crash_leaves_those_alone_that_need(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	place_command(&db, '1');
	events("db crash", "db start", "db ready");
	UNTIL(&db, s->state == STATE_UP && s->starts == 2);
	depend_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.reason, REASON_NONE);
	event_none();
}

static void a_crash_takes_those_along_that_bind(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), web = member_make("web", "");
	int hold = tree_hold("db");
	(void)state;
	depend_on(&web, "binds", "db", NULL);
	depend_supervise(&db, &web, NULL);
	tree_pass(hold);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	place_command(&db, '1');
	event_are("db crash", "db start", "web stop", "web gone", NULL);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: starting"));
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.deaths, 0);
	tree_pass(hold);
	events("db ready", "web start");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
}

/* In several directories: the strongest counts. */
static void the_strongest_kind_counts(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "");
	(void)state;
	depend_on(&web, "wants", "db", NULL);
	depend_on(&web, "needs", "db", NULL);
	depend_on(&web, "binds", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	assert_int_equal(depend_down(&db), RESULT_REFUSED);
	reason_is(&db, "needed by web");
	place_command(&db, '1');
	event_are("db crash", "db start", "db ready", "web stop", "web gone", "web start",
		"web ready", NULL);
}

/* It is over before web's supervisor can see it. */
static void a_crash_that_is_over_counts_for_those_that_bind(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "");
	(void)state;
	depend_on(&web, "binds", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	kill(web.supervisor, SIGSTOP);
	place_command(&db, '1');
	events("db crash", "db start", "db ready");
	UNTIL(&db, s->state == STATE_UP && s->starts == 2);
	event_none();
	kill(web.supervisor, SIGCONT);
	events("web stop", "web gone", "web start", "web ready");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	depend_look(&web);
	event_none();
}

/* A need that crashed is waited for by those that start, and come back, meanwhile. */
static void who_comes_back_waits_for_a_crashed_need(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), web = member_make("web", "");
	int hold = tree_hold("db");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	tree_pass(hold);
	UP(&web);
	events("db start", "db ready", "web start", "web ready");
	place_command(&db, '1');
	events("db crash", "db start");
	UNTIL(&db, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	place_command(&web, '1');
	event_is("web crash");
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: starting"));
	event_none();
	tree_pass(hold);
	events("db ready", "web start");
}

/* ------------------------------------------------------------------- what cannot be met */

static void a_need_that_fails_is_named(void **state)
{
	struct place db = place_with("db", "[ -e \"$TREE/good\" ] || exit 3\n"
					   "say db start; >\"$TREE/begun\"; exec sleep 99");
	struct place web = member_make("web", "fd=3"), shop = member_make("shop", "");
	(void)state;
	place_write(&db, "max-deaths", "2/60");
	place_script(&db, "check", "test -e \"$TREE/begun\"");
	depend_on(&web, "needs", "db", NULL);
	depend_on(&shop, "needs", "web", NULL);
	depend_supervise(&db, &web, &shop, NULL);
	UNTIL(&web, s->state == STATE_WAITING && strstr(s->reason_text, "needs db: failed"));
	reason_is(&web, "needs db: failed (exit 3; died too often; gave up)");
	assert_int_equal(web.s.want, WANT_UP);
	UNTIL(&shop, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs web: waiting"));
	event_none();
	/* mended */
	tree_write("good", 0644, "");
	assert_int_equal(place_command(&db, 'u'), RESULT_DONE);
	events("db start", "web start", "web ready", "shop start");
	UP(&shop);
}

static void a_oneshot_that_fails_is_named(void **state)
{
	struct place db = member_oneshot("db", "code=3"), web = member_make("web", "");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	event_is("db start");
	UNTIL(&web, s->state == STATE_WAITING && strstr(s->reason_text, "needs db: failed"));
	reason_is(&web, "needs db: failed (exit 3)");
	event_none();
}

static void a_need_that_is_not_there_is_named(void **state)
{
	struct place web = member_make("web", "");
	(void)state;
	depend_on(&web, "needs", "nosuch", NULL);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_WAITING &&
			    !strcmp(s->reason_text, "needs nosuch: no such service"));
	event_none();
	/* it comes, and whoever looks after it tells to look again */
	struct place nosuch = member_make("nosuch", "fd=3");
	place_supervise(&nosuch);
	UP(&nosuch);
	place_letters(&web, "y");
	events("nosuch start", "nosuch ready", "web start");
	UP(&web);
}

/* A need whose supervisor is yet to come. */
static void a_need_that_is_not_started_yet(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	place_supervise(&web);
	UNTIL(&web,
		s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: not started yet"));
	place_supervise(&db);
	events("db start", "db ready", "web start");
}

/* What is wrong with the directories is a failure that says so; the file's name is in it. */
static void bad_dependencies(void **state)
{
	struct place self = member_make("self", ""), name = member_make("name", ""),
		     file = member_make("file", "");
	(void)state;
	depend_on(&self, "binds", "self", NULL);
	depend_on(&name, "needs", "conf", NULL);
	place_write(&file, "wants", "");
	depend_supervise(&self, &name, &file, NULL);
	UNTIL(&self, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	reason_is(&self, "binds/self: a service cannot depend on itself");
	UNTIL(&name, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	reason_is(&name, "needs/conf: is not a service's name");
	UNTIL(&file, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	assert_non_null(strstr(file.s.reason_text, "wants"));
	assert_non_null(strstr(tree_read("self.err"), "cannot depend on itself"));
	event_none();
}

/* A value that is mended counts from the next up on. */
static void what_is_mended_counts(void **state)
{
	struct place web = member_make("web", "");
	(void)state;
	depend_on(&web, "needs", "nosuch", NULL);
	place_supervise(&web);
	WAITS(&web);
	depend_no_more(&web, "needs", "nosuch");
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	event_is("web start");
	UP(&web);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_want_is_waited_for),
		TREE_TEST(a_want_is_brought_up),
		TREE_TEST(a_want_that_fails_is_settled),
		TREE_TEST(a_want_that_is_not_there_is_settled),
		TREE_TEST(a_want_may_go),
		TREE_TEST(a_want_that_went_meanwhile_comes_back),
		TREE_TEST(a_want_goes_by_force_alone),
		TREE_TEST(a_crash_leaves_those_alone_that_need),
		TREE_TEST(a_crash_takes_those_along_that_bind),
		TREE_TEST(a_crash_that_is_over_counts_for_those_that_bind),
		TREE_TEST(the_strongest_kind_counts),
		TREE_TEST(who_comes_back_waits_for_a_crashed_need),
		TREE_TEST(a_need_that_fails_is_named),
		TREE_TEST(a_oneshot_that_fails_is_named),
		TREE_TEST(a_need_that_is_not_there_is_named),
		TREE_TEST(a_need_that_is_not_started_yet),
		TREE_TEST(bad_dependencies),
		TREE_TEST(what_is_mended_counts),
	};
	return cmocka_run_group_tests_name("depend_kinds", tests, 0, 0);
}
