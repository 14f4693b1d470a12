/* Bundles: nothing to execute; up when what they depend on is. */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"
#include "svctl.h"

/* all needs db and web; neither is wanted for its own sake. */
static void three(struct place *all, struct place *db, struct place *web)
{
	*db = member_make("db", "fd=3");
	*web = member_make("web", "fd=3 hold=web");
	*all = member_bundle("all");
	place_write(db, "down", "");
	place_write(web, "down", "");
	depend_on(web, "needs", "db", NULL);
	depend_on(all, "needs", "db", "web", NULL);
}

static void up_when_its_needs_are(void **state)
{
	struct place all, db, web;
	int hold = tree_hold("web");
	(void)state;
	three(&all, &db, &web);
	depend_supervise(&all, &db, &web, NULL);
	events("db start", "db ready", "web start");
	UNTIL(&all, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs web: starting"));
	assert_int_equal(all.s.starts, 0);
	tree_pass(hold);
	UP(&all);
	assert_int_equal(all.s.reason, REASON_NONE);
	assert_int_equal(all.s.flags & FLAG_BUNDLE, FLAG_BUNDLE);
	assert_int_equal(all.s.starts, 1);
	assert_int_equal(all.s.pid, 0);
	assert_true(all.s.ready >= web.s.ready);
}

static void going_down_it_lets_go(void **state)
{
	struct place all, db, web;
	int hold = tree_hold("web");
	(void)state;
	three(&all, &db, &web);
	depend_supervise(&all, &db, &web, NULL);
	tree_pass(hold);
	UP(&all);
	events("db start", "db ready", "web start", "web ready");
	assert_int_equal(place_command(&db, 'u'), RESULT_DONE); /* for its own sake, too */
	assert_int_equal(depend_down(&all), RESULT_DONE);
	events("web stop", "web gone");
	DOWN(&all);
	DOWN(&web);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_UP);
	event_none();
	tree_pass(hold);
	SVCTL(0, "ok: up: all: #s\n", "-v", "up", "all");
	events("web start", "web ready");
	SVCTL(0, "ok: down: all: #s, normally up\n", "-v", "down", "all");
	events("web stop", "web gone");
}

static void restart_of_a_bundle(void **state)
{
	struct place all, db, web, user = member_make("user", "fd=3");
	int hold = tree_hold("web");
	(void)state;
	three(&all, &db, &web);
	depend_on(&user, "needs", "all", NULL);
	depend_supervise(&all, &db, &web, &user, NULL);
	tree_pass(hold);
	events("db start", "db ready", "web start", "web ready", "user start", "user ready");
	UP(&user);
	SVCTL(0, "ok: up: all: #s\n", "restart", "all");
	events("user stop", "user gone", "user start", "user ready");
	UNTIL(&all, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(depend_down(&all), RESULT_REFUSED);
	reason_is(&all, "needed by user");
}

/* A chain of bundles: what goes at its end takes all along that stands on it. */
static void bundles_of_bundles(void **state)
{
	struct place db = member_make("db", "fd=3"), a = member_bundle("a"), b = member_bundle("b"),
		     web = member_make("web", "fd=3");
	(void)state;
	depend_on(&a, "needs", "db", NULL);
	depend_on(&b, "needs", "a", NULL);
	depend_on(&web, "needs", "b", NULL);
	depend_supervise(&web, &b, &a, &db, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(&web);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	events("web stop", "web gone", "db stop", "db gone");
	DOWN(&db);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs b: waiting"));
	UNTIL(&b, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs a: waiting"));
	UNTIL(&a, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: held down"));
	place_command(&db, 'u');
	events("db start", "db ready", "web start", "web ready");
}

/* A need that crashed leaves alone who stands on the bundle; but nobody starts on it, and who is
 * bound to it goes. */
static void as_ready_as_its_needs(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), all = member_bundle("all"),
		     web = member_make("web", "fd=3"), bound = member_make("bound", "fd=3"),
		     late = member_make("late", "");
	int hold = tree_hold("db");
	(void)state;
	depend_on(&all, "needs", "db", NULL);
	depend_on(&web, "needs", "all", NULL);
	depend_on(&bound, "binds", "all", NULL);
	depend_on(&late, "needs", "all", NULL);
	place_write(&late, "down", "");
	depend_supervise(&db, &all, &web, &bound, &late, NULL);
	tree_pass(hold);
	UP(&web);
	UP(&bound);
	for (int i = 0; i < 6; i++)
		event_next();
	place_command(&db, '1');
	event_are("db crash", "db start", "bound stop", "bound gone", NULL);
	UNTIL(&all, s->state == STATE_UP && !(s->flags & FLAG_READY));
	reason_is(&all, "needs db: starting");
	place_command(&late, 'u');
	UNTIL(&late, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs all: not ready"));
	UNTIL(&bound, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs all: not ready"));
	event_none();
	tree_pass(hold);
	event_is("db ready");
	event_are("bound start", "bound ready", "late start", "late ready", NULL);
	UP(&all);
	assert_int_equal(all.s.reason, REASON_NONE);
	depend_look(&web);
	assert_int_equal(web.s.starts, 1);
	assert_int_equal(web.s.state, STATE_UP);
}

static void only_wants(void **state)
{
	struct place all = member_bundle("all"), db = place_with("db", "exit 1"),
		     web = member_make("web", "");
	(void)state;
	place_write(&db, "max-deaths", "1/60");
	place_write(&db, "down", "");
	place_write(&db, "notification-fd", "3");
	place_write(&web, "down", "");
	depend_on(&all, "wants", "db", "web", "nosuch", NULL);
	depend_supervise(&db, &web, &all, NULL);
	event_is("web start");
	UP(&all);
	UNTIL(&db, s->state == STATE_FAILED);
}

/* Neither a bundle nor anything else. */
static void nothing_at_all(void **state)
{
	static char const text[] = "its directory holds no run, no on and no dependencies: nothing "
				   "to start; mend it, then up";
	struct place web = place_make("web");
	uint64_t id;

	(void)state;
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_CONFIG);
	assert_string_equal(web.s.reason_text, text);
	id = place_send(&web, 'u');
	assert_int_equal(place_answer(&web, id, NULL), RESULT_REFUSED);
	place_script(&web, "run", "say up; exec sleep 1000");
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(web.s.reason, REASON_NONE);
}

/* With finish, down and time limits, which mean nothing to it. */
static void what_a_bundle_has_no_use_for(void **state)
{
	struct place db = member_make("db", "fd=3"), all = member_bundle("all");
	(void)state;
	place_script(&all, "finish", "say finish");
	place_write(&all, "down", "");
	place_write(&all, "timeout-up", "1");
	place_write(&all, "notification-fd", "3");
	place_write(&db, "down", "");
	depend_on(&all, "needs", "db", NULL);
	depend_supervise(&db, &all, NULL);
	DOWN(&all);
	place_command(&all, 'u');
	events("db start", "db ready");
	UP(&all);
	assert_int_equal(depend_down(&all), RESULT_DONE);
	events("db stop", "db gone");
	DOWN(&all);
	event_none();
}

static void the_tree_of_a_bundle(void **state)
{
	struct place all, db, web;
	int hold = tree_hold("web");
	(void)state;
	three(&all, &db, &web);
	pid_t cinit = init_start(0);
	tree_pass(hold);
	events("db start", "db ready", "web start", "web ready");
	UP(&all);
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	events("web stop", "web gone", "db stop", "db gone");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(up_when_its_needs_are),
		TREE_TEST(going_down_it_lets_go),
		TREE_TEST(restart_of_a_bundle),
		TREE_TEST(bundles_of_bundles),
		TREE_TEST(as_ready_as_its_needs),
		TREE_TEST(only_wants),
		TREE_TEST(nothing_at_all),
		TREE_TEST(what_a_bundle_has_no_use_for),
		TREE_TEST(the_tree_of_a_bundle),
	};
	return cmocka_run_group_tests_name("bundle", tests, 0, 0);
}
