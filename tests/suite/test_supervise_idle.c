/* What a supervisor costs: descriptors, and nothing at all while nothing happens. */
#include "tree.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define IDLE_MS 1500

static unsigned int descriptors(pid_t pid)
{
	char path[64];
	unsigned int n = 0;
	struct dirent const *e;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Switches to another process, for want of something to do or of time. */
static unsigned long switches(pid_t pid)
{
	char path[64], line[256];
	unsigned long n, sum = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1 ||
			sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

/* Until it has done what it was about to: two looks with a pause in between are equal. */
static unsigned long settled(pid_t pid)
{
	unsigned long before, after = switches(pid);
	uint64_t deadline = tree_patience();
	do {
		before = after;
		uint64_t until = clock_boottime() + 50 * CLOCK_MILLISEC;
		while (tree_poll(0, 0, until) >= 0)
			;
		after = switches(pid);
		assert_true(clock_boottime() < deadline);
	} while (before != after);
	return after;
}

static void expect_idle(struct place const *p)
{
	unsigned long before = settled(p->supervisor);
	uint64_t until = clock_boottime() + IDLE_MS * CLOCK_MILLISEC;
	while (tree_poll(0, 0, until) >= 0)
		;
	assert_int_equal(switches(p->supervisor), before);
}

static void up(void **state)
{
	struct place web = place_running("web", "say up; exec sleep 1000");
	(void)state;
	assert_in_range(descriptors(web.supervisor), 6, 12);
	expect_idle(&web);
	assert_in_range(descriptors(web.supervisor), 6, 12);
}

static void with_a_logger(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000"),
		     log = place_make("web/log");
	(void)state;
	place_script(&web, "log/run", "exec cat >/dev/null");
	place_up(&web);
	UNTIL(&log, s->state == STATE_UP);
	assert_in_range(descriptors(web.supervisor), 6, 18);
	expect_idle(&web);
}

/* A waiter, a client that keeps `in` open, a process that is stopped. */
static void watched_and_paused(void **state)
{
	struct place web = place_running("web", "say up; exec sleep 1000");
	(void)state;
	place_command(&web, 'p');
	place_answer(&web, place_send(&web, 'y'), 0);
	place_look(&web); /* opens out */
	assert_true(web.client.in >= 0 && web.client.out >= 0);
	expect_idle(&web);
}

static void down_and_failed(void **state)
{
	struct place web = place_with("web", "exit 1");
	(void)state;
	place_write(&web, "max-deaths", "1/60");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	expect_idle(&web);
	place_command(&web, 'd');
	expect_idle(&web);
}

static void adopted(void **state)
{
	struct place web = place_running("web", "say up; exec sleep 1000");
	(void)state;
	place_kill_supervisor(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
	assert_in_range(descriptors(web.supervisor), 6, 12);
	expect_idle(&web);
}

/* A stop without time limit waits for its process, not for a time. */
static void stopping_for_ever(void **state)
{
	struct place web = place_with("web", "listen up");
	(void)state;
	place_write(&web, "timeout-kill", "0");
	place_up(&web);
	place_command(&web, 'd');
	event_is("TERM");
	expect_idle(&web);
	assert_int_equal(web.s.state, STATE_STOPPING);
}

/* While it works, too, and nothing is left open by it. */
static void descriptors_after_much_work(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000"),
		     log = place_make("web/log");
	(void)state;
	place_script(&web, "log/run", "exec cat >/dev/null");
	place_script(&web, "finish", "exit 0");
	place_script(&web, "control/t", "exit 1");
	place_up(&web);
	UNTIL(&log, s->state == STATE_UP);
	settled(web.supervisor);
	unsigned int before = descriptors(web.supervisor);
	for (unsigned int i = 2; i < 12; i++) {
		place_command(&web, i & 1 ? 'r' : 't');
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		assert_in_range(descriptors(web.supervisor), 6, 18);
		place_command(&log, 'r');
		UNTIL(&log, s->starts == i && s->state == STATE_UP);
	}
	settled(web.supervisor);
	assert_int_equal(descriptors(web.supervisor), before);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(up),
		TREE_TEST(with_a_logger),
		TREE_TEST(watched_and_paused),
		TREE_TEST(down_and_failed),
		TREE_TEST(adopted),
		TREE_TEST(stopping_for_ever),
		TREE_TEST(descriptors_after_much_work),
	};
	return cmocka_run_group_tests_name("supervise_idle", tests, 0, 0);
}
