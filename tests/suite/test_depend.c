/* needs/: who starts when, who is brought up for whom, and what may go down. */
#include "depend.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "svctl.h"

/* web needs db; both are up, and have said so. */
static void pair(struct place *web, struct place *db)
{
	*db = member_make("db", "fd=3");
	*web = member_make("web", "fd=3");
	depend_on(web, "needs", "db", NULL);
	depend_supervise(web, db, NULL);
	events("db start", "db ready", "web start", "web ready");
	UP(web);
	UP(db);
}

static void a_start_waits_until_the_need_is_ready(void **state)
{
	struct place db = member_make("db", "fd=3 hold=db"), web = member_make("web", "");
	int hold = tree_hold("db");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&web, &db, NULL);
	event_is("db start");
	UNTIL(&db, s->state == STATE_STARTING && s->child[ROLE_RUN].phase == PHASE_STARTED);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: starting"));
	assert_int_equal(web.s.reason, REASON_NEEDS);
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.starts, 0);
	event_none();
	tree_pass(hold);
	events("db ready", "web start", "web ready");
	UP(&web);
	assert_int_equal(web.s.reason, REASON_NONE);
	reason_is(&web, "");
}

/* The last of several decides, and the reason tells the first that is not there. */
static void all_needs_are_waited_for(void **state)
{
	struct place web = member_make("web", "");
	struct place need[3] = { member_make("a", "fd=3 hold=a"), member_make("b", "fd=3 hold=b"),
		member_make("c", "fd=3 hold=c") };
	int hold[3] = { tree_hold("a"), tree_hold("b"), tree_hold("c") };
	(void)state;
	depend_on(&web, "needs", "a", "b", "c", NULL);
	depend_supervise(&web, &need[0], &need[1], &need[2], NULL);
	event_are("a start", "b start", "c start", NULL);
	tree_pass(hold[1]);
	event_is("b ready");
	UP(&need[1]);
	UNTIL(&web, !strcmp(s->reason_text, "needs a: starting"));
	tree_pass(hold[0]);
	event_is("a ready");
	UNTIL(&web, !strcmp(s->reason_text, "needs c: starting"));
	assert_int_equal(web.s.state, STATE_WAITING);
	event_none();
	tree_pass(hold[2]);
	events("c ready", "web start");
}

/* Although it has a `down` file, and for no longer than it is needed. */
static void up_brings_up_what_is_needed(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3");
	(void)state;
	place_write(&db, "down", "");
	place_write(&web, "down", "");
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	DOWN(&db);
	DOWN(&web);
	assert_false(depend_has_entry(&db, "web"));
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	events("db start", "db ready", "web start", "web ready");
	UP(&db);
	assert_int_equal(db.s.flags & (FLAG_ASKED | FLAG_IMPLIED), FLAG_IMPLIED);
	assert_true(depend_has_entry(&db, "web"));
	UP(&web);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	events("web stop", "web gone", "db stop", "db gone");
	DOWN(&db);
	assert_int_equal(db.s.want, WANT_DOWN);
	assert_int_equal(db.s.flags & FLAG_IMPLIED, 0);
	assert_false(depend_has_entry(&db, "web"));
}

static void who_was_asked_for_stays(void **state)
{
	struct place web, db;
	(void)state;
	pair(&web, &db);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	events("web stop", "web gone");
	DOWN(&web);
	depend_look(&db); /* it was told that web is gone, and has looked */
	assert_int_equal(db.s.state, STATE_UP);
	assert_int_equal(db.s.want, WANT_UP);
	assert_false(depend_has_entry(&db, "web"));
	event_none();
}

/* Asked for after it was brought up for somebody: the same. */
static void who_is_asked_for_later_stays(void **state)
{
	struct place db = member_make("db", ""), web = member_make("web", "");
	(void)state;
	place_write(&db, "down", "");
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	assert_int_equal(place_command(&db, 'u'), RESULT_DONE);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	DOWN(&web);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_UP);
	assert_int_equal(db.s.starts, 1);
}

static void the_last_dependent_lets_go(void **state)
{
	struct place db = member_make("db", ""), a = member_make("a", ""), b = member_make("b", "");
	(void)state;
	place_write(&db, "down", "");
	depend_on(&a, "needs", "db", NULL);
	depend_on(&b, "needs", "db", NULL);
	depend_supervise(&db, &a, &b, NULL);
	UP(&a);
	UP(&b);
	place_command(&a, 'd');
	DOWN(&a);
	depend_look(&db);
	assert_int_equal(db.s.want, WANT_UP);
	place_command(&b, 'd');
	DOWN(&b);
	DOWN(&db);
}

/* What is needed by what is needed comes and goes with it. */
static void a_chain_comes_and_goes(void **state)
{
	static char const *const names[] = { "a", "b", "c", "d" };
	struct place p[4];
	(void)state;
	for (int i = 0; i < 4; i++) {
		p[i] = member_make(names[i], "fd=4 delay=5");
		place_write(&p[i], "down", "");
		if (i)
			depend_on(&p[i], "needs", names[i - 1], NULL);
	}
	depend_supervise(&p[3], &p[2], &p[1], &p[0], NULL);
	place_command(&p[3], 'u');
	events("a start", "a ready", "b start", "b ready", "c start", "c ready", "d start",
		"d ready");
	UP(&p[3]);
	place_command(&p[3], 'd');
	events("d stop", "d gone", "c stop", "c gone", "b stop", "b gone", "a stop", "a gone");
	DOWN(&p[0]);
}

/* ------------------------------------------------------------------------------ going down */

static void down_is_refused_with_names(void **state)
{
	struct place db = member_make("db", ""), a = member_make("a", ""), b = member_make("b", "");
	enum status_why why = WHY_NONE;
	(void)state;
	depend_on(&a, "needs", "db", NULL);
	depend_on(&b, "needs", "db", NULL);
	depend_supervise(&db, &a, &b, NULL);
	UP(&a);
	UP(&b);
	assert_int_equal(depend_down_at(&db, 0, &why, __FILE__, __LINE__), RESULT_REFUSED);
	assert_int_equal(why, WHY_DEPENDENTS);
	assert_int_equal(db.s.state, STATE_UP);
	assert_int_equal(db.s.want, WANT_UP);
	assert_int_equal(db.s.reason, REASON_REFUSED);
	assert_true(!strcmp(db.s.reason_text, "needed by a, b") ||
		    !strcmp(db.s.reason_text, "needed by b, a"));
}

static void svctl_says_who_needs_it(void **state)
{
	struct place web, db;
	(void)state;
	pair(&web, &db);
	SVCTL(1, "fail: db: down refused: others need it: needed by web\n", "-v", "down", "db");
	SVCTL(0, "ok: down: db: #s, normally up\n", "-v", "down", "--force", "db");
	events("web stop", "web gone", "db stop", "db gone");
	WAITS(&web);
	SVCTL(0, "ok: run: db: (pid #) #s\n", "-v", "up", "db");
	UP(&web);
}

/* Nobody waits for a letter's answer: the reason is in the record until it is over. */
static void a_letter_is_refused_in_the_same_way(void **state)
{
	struct place web, db;
	(void)state;
	pair(&web, &db);
	place_letters(&db, "d");
	UNTIL(&db, s->reason == REASON_REFUSED);
	reason_is(&db, "needed by web");
	assert_int_equal(db.s.want, WANT_UP);
	place_command(&web, 'd');
	DOWN(&web);
	place_letters(&db, "d");
	DOWN(&db);
	assert_int_equal(db.s.reason, REASON_NONE);
}

/* One that waits for it, or comes back by itself, needs it too. */
static void who_waits_needs_it_too(void **state)
{
	struct place db = member_make("db", "fd=3 hold=never"), web = member_make("web", "");
	(void)state;
	tree_hold("never");
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	WAITS(&web);
	depend_look(&db);
	assert_int_equal(depend_down(&db), RESULT_REFUSED);
	reason_is(&db, "needed by web");
	assert_int_equal(depend_down(&web), RESULT_DONE);
	DOWN(&web);
	assert_int_equal(depend_down(&db), RESULT_DONE);
	DOWN(&db);
}

/* They go first, each before what it needs; they keep wanting up, and come back with it. */
static void by_force_dependents_go_first(void **state)
{
	struct place db = member_make("db", "fd=3"), web = member_make("web", "fd=3"),
		     shop = member_make("shop", "fd=3");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_on(&shop, "needs", "web", NULL);
	depend_supervise(&db, &web, &shop, NULL);
	UP(&shop);
	for (int i = 0; i < 6; i++)
		event_next();
	assert_int_equal(depend_force(&db), RESULT_DONE);
	events("shop stop", "shop gone", "web stop", "web gone", "db stop", "db gone");
	DOWN(&db);
	assert_int_equal(db.s.flags & FLAG_HELD, FLAG_HELD);
	UNTIL(&web, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: held down"));
	assert_int_equal(web.s.want, WANT_UP);
	UNTIL(&shop, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs web: waiting"));
	assert_int_equal(shop.s.want, WANT_UP);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_DOWN);
	event_none();
	assert_int_equal(place_command(&db, 'u'), RESULT_DONE);
	events("db start", "db ready", "web start", "web ready", "shop start", "shop ready");
	UP(&shop);
	assert_int_equal(shop.s.deaths, 0);
	assert_int_equal(db.s.flags & FLAG_HELD, 0);
}

/* A need goes when its dependents have gone, not when they were told. */
static void by_force_it_waits_for_slow_ones(void **state)
{
	struct place db = member_make("db", ""), web = member_make("web", "leave=web");
	int hold = tree_hold("web");
	(void)state;
	depend_on(&web, "needs", "db", NULL);
	depend_supervise(&db, &web, NULL);
	UP(&web);
	event_are("db start", "db ready", "web start", "web ready", NULL);
	assert_int_equal(depend_force(&db), RESULT_DONE);
	event_is("web stop");
	assert_int_equal(db.s.state, STATE_STOPPING);
	assert_int_equal(db.s.want, WANT_DOWN);
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_STOPPING);
	assert_int_equal(db.s.flags & FLAG_GOT_TERM, 0);
	event_none();
	tree_pass(hold);
	events("web gone", "db stop", "db gone");
	DOWN(&db);
}

static void a_held_service_is_not_brought_up(void **state)
{
	struct place web, db;
	struct place other = member_make("other", "");
	(void)state;
	pair(&web, &db);
	depend_force(&db);
	DOWN(&db);
	depend_on(&other, "needs", "db", NULL);
	place_supervise(&other);
	UNTIL(&other, s->state == STATE_WAITING && !strcmp(s->reason_text, "needs db: held down"));
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_DOWN);
	place_command(&web, 'r');
	depend_look(&db);
	assert_int_equal(db.s.state, STATE_DOWN);
	assert_int_equal(db.s.want, WANT_DOWN);
}

static void restart_takes_dependents_along(void **state)
{
	struct place web, db;
	(void)state;
	pair(&web, &db);
	assert_int_equal(place_command(&db, 'r'), RESULT_DONE);
	events("web stop", "web gone", "db stop", "db gone", "db start", "db ready", "web start",
		"web ready");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	UNTIL(&db, s->state == STATE_UP && s->starts == 2);
	assert_int_equal(db.s.flags & FLAG_CYCLING, 0);
	assert_int_equal(db.s.deaths + web.s.deaths, 0);
	SVCTL(0, "ok: run: db: (pid #) #s\n", "restart", "db");
	events("web stop", "web gone", "db stop", "db gone", "db start", "db ready", "web start");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_start_waits_until_the_need_is_ready),
		TREE_TEST(all_needs_are_waited_for),
		TREE_TEST(up_brings_up_what_is_needed),
		TREE_TEST(who_was_asked_for_stays),
		TREE_TEST(who_is_asked_for_later_stays),
		TREE_TEST(the_last_dependent_lets_go),
		TREE_TEST(a_chain_comes_and_goes),
		TREE_TEST(down_is_refused_with_names),
		TREE_TEST(svctl_says_who_needs_it),
		TREE_TEST(a_letter_is_refused_in_the_same_way),
		TREE_TEST(who_waits_needs_it_too),
		TREE_TEST(by_force_dependents_go_first),
		TREE_TEST(by_force_it_waits_for_slow_ones),
		TREE_TEST(a_held_service_is_not_brought_up),
		TREE_TEST(restart_takes_dependents_along),
	};
	return cmocka_run_group_tests_name("depend", tests, 0, 0);
}
