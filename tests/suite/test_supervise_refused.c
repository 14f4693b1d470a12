/* One system call of a supervisor is refused, each in turn that can be: there is no memory for it,
 * no descriptor, no process. The supervisor goes on, and what was asked for happens all the same,
 * once, without a hand, nothing runs twice, the record says what holds it up, and nothing leaks.
 * Only one that had not begun yet may leave; whoever started it starts another one. */
#include "story.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"

/* Each run takes every eleventh call, $CINIT_TEST_FULL all. Fewer can fail for want of a
 * descriptor, and hardly any for want of a process. */
static unsigned int stride(int error)
{
	return error == ENOMEM ? 11 : error == EAGAIN ? 1 : 3;
}

/* One test. */
struct refusal {
	char name[80];
	struct story const *story;
	int error;
};

static struct refusal const *now;
static unsigned int usual; /* descriptors of a supervisor that nothing was refused to */

static void fails(struct course *c, char const *call, unsigned int n, char const *what)
{
	print_error(
		"%s, refused at call %u (%s): %s\n", c->story->name, n, call, strerror(now->error));
	place_look(&c->p);
	place_fail(&c->p, what, __FILE__, __LINE__);
}

/* What holds it up is said, if something does. */
static void expect_truth(struct course *c, char const *call, unsigned int n)
{
	struct status const *s = &c->p.s;

	if (c->p.e != STATUS_OK) {
		if (!status_unreadable(c->p.e, errno) && c->p.e == STATUS_SYSTEM)
			return; /* there is none yet */
		fails(c, call, n, "a record that can be read");
	}
	if (s->state == STATE_FAILED)
		fails(c, call, n, "another try");
	if (s->state == STATE_BACKOFF && (s->reason_detail != (uint32_t)now->error ||
						 !strstr(s->reason_text, strerror(now->error))))
		fails(c, call, n, "the reason");
	if (s->state == STATE_UP && s->reason != REASON_NONE && s->reason != REASON_REFUSED)
		fails(c, call, n, "no reason where nothing is the matter");
}

/* A client that is told that it was not done for want of memory says it again. */
static void say_again(struct course *c)
{
	int slot =
		c->story->letter && c->p.e == STATUS_OK ? (int)status_answer(&c->p.r, c->m.id) : -1;

	if (slot < 0 || c->p.r.result[slot] != RESULT_REFUSED || c->p.r.why[slot] != WHY_FORK)
		return;
	c->m.id = cinit_ipc_id_after(c->p.s.acknowledged);
	c->m.flags &= (uint8_t)~MESSAGE_AGAIN;
	story_send(c);
}

/* Until it is where it shall be. */
static void await_goal(struct course *c, char const *call, unsigned int n)
{
	struct place *p = &c->p;
	uint64_t deadline = tree_patience();

	while (!story_at_goal(p, c)) {
		expect_truth(c, call, n);
		say_again(c);
		if (tree_ended(p->supervisor)) {
			if (story_told(c->story))
				fails(c, call, n, "a supervisor that stays");
			place_supervise(p);
		}
		if (tree_poll(p->client.out, 0, deadline) < 0)
			fails(c, call, n, "the goal");
	}
	expect_truth(c, call, n);
}

/* What it has opened it has closed again. Another one that has adopted a process, or its logger,
 * has a descriptor of each. */
static void expect_no_leak(struct course *c, char const *call, unsigned int n, pid_t first)
{
	struct place *p = &c->p;
	unsigned int limit = usual + (p->supervisor == first ? 0 : 2);
	uint64_t deadline = tree_patience();

	if (!call)
		limit = usual = ~0u;
	while (!trace_in_poll(p->supervisor) || tree_descriptors(p->supervisor) > limit) {
		if (clock_boottime() > deadline)
			fails(c, call, n, "no descriptor that is left open");
		tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC);
	}
	if (!call)
		usual = tree_descriptors(p->supervisor);
}

/* Is anybody left? Those that are about to end do. */
static void expect_nobody(struct course *c, char const *call, unsigned int n)
{
	uint64_t deadline = tree_patience();

	while (waitpid(-1, 0, WNOHANG | __WALL) >= 0) {
		if (clock_boottime() > deadline)
			fails(c, call, n, "no process that is left");
		tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC);
	}
}

/* Returns 0 when the goal was reached before call number n. */
static int one(void const *data, unsigned int n)
{
	struct story const *story = data;
	struct course c;
	story_begin(&c, story, n);
	pid_t first = c.p.supervisor;
	char const *call = trace_refuse_at(first, n, now->error, &c.p, story_at_goal, &c);
	if (call && getenv("CINIT_TEST_FULL"))
		print_message("call %u: %s\n", n, call);
	await_goal(&c, call, n);
	if (c.p.s.starts != story->starts || c.p.s.deaths != story->deaths)
		fails(&c, call, n, "the number of starts and deaths");
	expect_no_leak(&c, call, n, first);
	story_end(&c, n);
	expect_nobody(&c, call, n);
	return call != 0;
}

static void refused(void **state)
{
	char what[80];
	now = *state;
	trace_refusal_needed();
	trace_needed();
	one(now->story, ~0u); /* how it is when nothing is refused */
	snprintf(what, sizeof what, "refused (%s)", strerror(now->error));
	trace_story(one, stride(now->error), what, now->story);
}

/* What else may be used up than memory, in some of the stories. */
static struct {
	char const *story;
	int error;
} const others[] = {
	{ "start", EMFILE },
	{ "start", ENFILE },
	{ "start", EAGAIN },
	{ "restart", EMFILE },
	{ "restart", EAGAIN },
	{ "adoption", EMFILE },
};

#define TESTS (STORY_COUNT + sizeof others / sizeof others[0])

static struct refusal refusals[TESTS];

static void fill(struct refusal *r, struct story const *story, int error)
{
	r->story = story;
	r->error = error;
	snprintf(r->name, sizeof r->name, "%s: %s", story->name, strerror(error));
}

int main(void)
{
	struct CMUnitTest tests[TESTS];
	size_t n = 0;

	for (; n < STORY_COUNT; n++)
		fill(&refusals[n], &stories[n], ENOMEM);
	for (; n < TESTS; n++)
		for (size_t i = 0; i < STORY_COUNT; i++)
			if (!strcmp(stories[i].name, others[n - STORY_COUNT].story))
				fill(&refusals[n], &stories[i], others[n - STORY_COUNT].error);
	for (size_t i = 0; i < TESTS; i++)
		tests[i] = (struct CMUnitTest){ refusals[i].name, refused, tree_setup,
			tree_teardown, &refusals[i] };
	return cmocka_run_group_tests_name("supervise_refused", tests, 0, 0);
}
