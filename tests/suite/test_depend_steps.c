/* Who starts and who stops at the same time: one supervisor is stopped before each of its system
 * calls in turn, and another one does all of its part meanwhile. Whatever the order, nobody ever
 * starts beside a need that stops. */
#include "depend.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "trace.h"

#define STRIDE 5  /* each run takes every fifth stop, $CINIT_TEST_FULL all */
#define ENOUGH 40 /* seconds: on a slow machine those after that are for other runs */

/* Three services, made anew for each stop: shop needs all, which is a bundle, and needs db. */
struct three {
	struct place db, all, shop;
	int hold; /* lets db be ready */
};

static struct three make(unsigned int n, int with_bundle)
{
	struct three t;
	char name[16], words[32];

	snprintf(name, sizeof name, "db%u", n);
	snprintf(words, sizeof words, "fd=3 hold=%s", name);
	t.hold = tree_hold(name);
	t.db = member_make(name, words);
	snprintf(name, sizeof name, "all%u", n);
	t.all = member_bundle(name);
	depend_on(&t.all, "needs", t.db.name, NULL);
	snprintf(name, sizeof name, "shop%u", n);
	t.shop = member_make(name, "fd=3");
	depend_on(&t.shop, "needs", with_bundle ? t.all.name : t.db.name, NULL);
	place_supervise(&t.db);
	if (with_bundle)
		place_supervise(&t.all);
	return t;
}

/* shop starts when db is ready, and db stops when shop is gone. It may be told to go before it can
 * say a word; but not after db. */
static void expect_order(struct three const *t, unsigned int n)
{
	int shop_runs = 0, db_is_ready = 0, seen = 0;
	char const *line;

	while ((line = event_poll())) {
		char const *what = strchr(line, ' ');
		int shop = !strncmp(line, "shop", 4);
		seen++;
		if (shop)
			shop_runs = strcmp(what, " gone") != 0;
		else
			db_is_ready = !strcmp(what, " ready");
		if (shop_runs && !db_is_ready)
			fail_msg("stop %u: %s runs without %s: %s", n, t->shop.name, t->db.name,
				line);
	}
	assert_true(seen >= 2);
	if (t->db.s.state == STATE_DOWN && (t->shop.s.flags & FLAG_EXIT_VALID) &&
		t->shop.s.died > t->db.s.died)
		fail_msg("stop %u: %s ran after the end of %s", n, t->shop.name, t->db.name);
}

static void end(struct three *t)
{
	struct place *p[] = { &t->shop, &t->all, &t->db };

	for (int i = 0; i < 3; i++) {
		if (!p[i]->supervisor)
			continue;
		place_send(p[i], 'x');
		tree_end(p[i]->supervisor);
		cinit_ipc_release(&p[i]->client);
	}
	close(t->hold);
	while (event_poll())
		;
}

/* Does it wait for events, in this state? */
static int rests(struct place *p, enum status_state state)
{
	place_look(p);
	return p->e == STATUS_OK && p->s.state == state && trace_in_poll(p->supervisor);
}

static int is_up(struct place *p)
{
	return rests(p, STATE_UP) && p->s.want == WANT_UP;
}

static int waits(struct place *p)
{
	return rests(p, STATE_WAITING);
}

/* Waits for something that nothing tells of. */
static void await(struct three *t, int (*condition)(struct three *), char const *what)
{
	uint64_t deadline = tree_patience();

	while (!condition(t)) {
		tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC);
		if (clock_boottime() < deadline)
			continue;
		place_look(&t->all);
		print_error("%s is %s, %s is %s (%s)\n", t->db.name,
			status_state_name(t->db.s.state), t->all.name,
			status_state_name(t->all.s.state), t->all.s.reason_text);
		place_fail(&t->shop, what, __FILE__, __LINE__);
	}
}

static int shop_rests(struct three *t)
{
	return is_up(&t->shop) || waits(&t->shop);
}

static int db_rests(struct three *t)
{
	return rests(&t->db, STATE_DOWN) || rests(&t->db, STATE_STOPPING);
}

static int both_are_up(struct three *t)
{
	return is_up(&t->shop) && is_up(&t->db);
}

/* In the end all are up, or none. */
static int all_rest(struct three *t)
{
	return both_are_up(t) || (waits(&t->shop) && rests(&t->db, STATE_DOWN));
}

/* Steps to stop n of the traced one; 0: it rests in that state before that. */
static int step(struct place *p, unsigned int n, enum status_state end)
{
	for (unsigned int i = 0; i <= n; i++)
		while (!trace_step(p))
			if (rests(p, end))
				return 0;
	return 1;
}

/* While one that waited starts, its need is made to go down. 0: it was up before stop n. */
static int start_and_stop(unsigned int n, int with_bundle)
{
	struct three t = make(n, with_bundle);
	struct place *traced = with_bundle ? &t.all : &t.shop;

	place_supervise(&t.shop);
	WAITS(traced);
	WAITS(&t.shop);
	trace_attach(traced);
	tree_pass(t.hold);
	UP(&t.db);
	int stopped = step(traced, n, STATE_UP);
	if (stopped) {
		assert_int_equal(depend_force(&t.db), RESULT_DONE);
		await(&t, db_rests, "an end of what can happen");
	}
	trace_detach(traced);
	if (stopped) {
		await(&t, all_rest, "an end");
		assert_int_equal(t.db.s.state, STATE_DOWN);
		expect_order(&t, n);
	}
	end(&t);
	return stopped;
}

/* While a service goes down, another one that needs it is told to start. 0: it was down before stop
 * n. */
static int stop_and_start(unsigned int n, int force)
{
	struct three t = make(n, 0);
	struct message down = { .id = cinit_ipc_id(), .command = 'd' };

	down.flags = force ? MESSAGE_FORCE : 0;
	place_write(&t.shop, "down", "");
	place_supervise(&t.shop);
	tree_pass(t.hold);
	UP(&t.db);
	DOWN(&t.shop);
	tree_pass(t.hold); /* it may come back */
	trace_attach(&t.db);
	place_message_at(&t.db, &down, __FILE__, __LINE__);
	int stopped = step(&t.db, n, STATE_DOWN);
	if (stopped) {
		assert_int_equal(place_command(&t.shop, 'u'), RESULT_DONE);
		await(&t, shop_rests, "an end of its start");
	}
	trace_detach(&t.db);
	if (stopped) {
		int refused = place_answer(&t.db, down.id, 0) == RESULT_REFUSED;
		await(&t, all_rest, "an end");
		/* or it was told too late for the refusal, and too early to call db back */
		if (refused || (!force && !(t.db.s.flags & FLAG_HELD)))
			/* what makes it look may not have woken it yet */
			await(&t, both_are_up, "both up");
		expect_order(&t, n);
	}
	end(&t);
	return stopped;
}

static void all_stops(int (*story)(unsigned int, int), int with_bundle)
{
	int full = getenv("CINIT_TEST_FULL") != NULL, more = 1;
	unsigned int n = full ? 0 : (unsigned int)getpid() % STRIDE, stride = full ? 1 : STRIDE;
	uint64_t enough = clock_boottime() + ENOUGH * CLOCK_SECOND;

	while ((full || clock_boottime() < enough) && (more = story(n, with_bundle)))
		n += stride;
	if (!more)
		assert_true(n > 10);
	print_message("%u stops%s\n", n, more ? ", and more for which there was no time" : "");
}

static void a_start_while_its_need_goes(void **state)
{
	(void)state;
	all_stops(start_and_stop, 0);
}

static void a_bundle_while_its_need_goes(void **state)
{
	(void)state;
	all_stops(start_and_stop, 1);
}

static void a_stop_while_a_dependent_comes(void **state)
{
	(void)state;
	all_stops(stop_and_start, 0);
}

static void a_forced_stop_while_a_dependent_comes(void **state)
{
	(void)state;
	all_stops(stop_and_start, 1);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_start_while_its_need_goes),
		TREE_TEST(a_bundle_while_its_need_goes),
		TREE_TEST(a_stop_while_a_dependent_comes),
		TREE_TEST(a_forced_stop_while_a_dependent_comes),
	};
	return cmocka_run_group_tests_name("depend_steps", tests, 0, 0);
}
