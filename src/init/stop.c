/* The end of the tree: phases, what leads from one to the next, and when. */
#include "stop.h"

#include "../lib/clock.h"

#define SWEEP_TIME   CLOCK_SECOND
#define KILL_TIME    (60 * CLOCK_SECOND)
#define REPORT_FIRST (2 * CLOCK_SECOND)
#define REPORT_NEXT  (5 * CLOCK_SECOND)

enum waits_for { FOR_NOBODY, FOR_OURS, FOR_ALL };

static struct row {
	enum waits_for who;         /* when they are gone, `then` */
	enum stop_phase then, late; /* `late`: when time is over */
	unsigned int action;        /* on entry */
} const table[] = {
	[STOP_NOT] = { .who = FOR_NOBODY, .then = STOP_NOT, .late = STOP_NOT },
	[STOP_BEGUN] = { .who = FOR_NOBODY, .then = STOP_TERM, .late = STOP_TERM },
	[STOP_TERM] = { .who = FOR_OURS,
		.then = STOP_SWEEP,
		.late = STOP_QUIT,
		.action = STOP_ACT_TERM },
	[STOP_QUIT] = { .who = FOR_OURS,
		.then = STOP_SWEEP,
		.late = STOP_KILL,
		.action = STOP_ACT_QUIT },
	[STOP_KILL] = { .who = FOR_OURS,
		.then = STOP_SWEEP,
		.late = STOP_SWEEP,
		.action = STOP_ACT_KILL },
	[STOP_SWEEP] = { .who = FOR_ALL,
		.then = STOP_DONE,
		.late = STOP_SWEEP_KILL,
		.action = STOP_ACT_SWEEP },
	[STOP_SWEEP_KILL] = { .who = FOR_ALL,
		.then = STOP_DONE,
		.late = STOP_DONE,
		.action = STOP_ACT_SWEEP_KILL },
	[STOP_DONE] = { .who = FOR_NOBODY, .then = STOP_DONE, .late = STOP_DONE },
};

static int is_over(struct row const *row, struct stop_facts const *f)
{
	switch (row->who) {
	case FOR_OURS:
		return !f->ours;
	case FOR_ALL:
		return !f->ours && !f->others;
	case FOR_NOBODY:
		break;
	}
	return 0;
}

/* When a phase that begins now runs out of time. */
static uint64_t time_limit(struct stop const *s, uint64_t now)
{
	switch (s->phase) {
	case STOP_TERM:
		if (s->hurried)
			return now;
		return s->end ? s->end - s->margin : 0;
	case STOP_QUIT:
		return now + s->margin / 2;
	case STOP_KILL:
		return now + s->margin / 4;
	case STOP_SWEEP:
		/* what is left of the budget; nothing, when that is over: the past is a deadline
		 * too */
		return clock_earlier(s->end, now + SWEEP_TIME);
	case STOP_SWEEP_KILL:
		return now + SWEEP_TIME;
	case STOP_NOT:
	case STOP_BEGUN:
	case STOP_DONE:
		break;
	}
	return 0;
}

static unsigned int enter(struct stop *s, enum stop_phase phase, struct stop_facts const *f)
{
	s->phase = phase;
	/* nobody is there to act upon: pass through */
	if (is_over(table + phase, f))
		return enter(s, table[phase].then, f);
	s->late = time_limit(s, f->now);
	if (phase == STOP_SWEEP_KILL)
		s->end = f->now + KILL_TIME; /* the budget is used up; this bounds what is left */
	if (phase == STOP_DONE)
		s->report = 0;
	return table[phase].action;
}

void stop_begin(struct stop *s, uint64_t now, uint32_t limit)
{
	if (s->phase != STOP_NOT)
		return;
	uint64_t budget = limit * CLOCK_MILLISEC;
	s->phase = STOP_BEGUN;
	s->margin = CLOCK_SECOND;
	if (limit && budget / 4 < s->margin)
		s->margin = budget / 4;
	s->end = limit ? now + budget : 0;
	s->report = now + REPORT_FIRST;
	s->late = now; /* the first step enters TERM */
}

void stop_hurry(struct stop *s, uint64_t now)
{
	s->hurried = s->phase == STOP_BEGUN || s->phase == STOP_TERM;
	if (s->phase == STOP_TERM)
		s->late = now;
}

unsigned int stop_step(struct stop *s, struct stop_facts const *f)
{
	if (s->phase == STOP_NOT || s->phase == STOP_DONE)
		return 0;
	if (is_over(table + s->phase, f))
		return enter(s, table[s->phase].then, f);
	/* KILL does help: the kernel takes its time over thousands, and whoever has not got it yet
	 * is a child of one that has */
	if (s->phase == STOP_SWEEP_KILL && f->ended)
		s->late = clock_earlier(s->end, f->now + SWEEP_TIME);
	if (s->late && f->now >= s->late)
		return enter(s, table[s->phase].late, f);
	if (f->now >= s->report) {
		s->report = f->now + REPORT_NEXT;
		return STOP_ACT_REPORT;
	}
	return 0;
}

uint64_t stop_deadline(struct stop const *s)
{
	if (s->phase == STOP_NOT || s->phase == STOP_DONE)
		return 0;
	return clock_earlier(s->late, s->report);
}
