/* When is a wait over? One predicate a goal. */
#include "goal.h"

int status_exited(struct status const *s)
{
	return (s->flags & FLAG_EXITED) && !s->supervisor;
}

int status_has_process(struct status const *s)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (s->child[i].pid)
			return 1;
	}
	return s->strays != 0;
}

static int has(struct status const *s, enum status_flag flag)
{
	return (s->flags & flag) != 0;
}

static int runs(struct status const *s)
{
	return s->child[ROLE_RUN].pid != 0;
}

/* A bundle, or a oneshot that was brought up: up without a process. */
static int needs_no_process(struct status const *s)
{
	return has(s, FLAG_BUNDLE) || has(s, FLAG_BROUGHT_UP);
}

static int is_up(struct status const *s)
{
	return s->state == STATE_UP && (runs(s) || needs_no_process(s));
}

static int is_down(struct status const *s)
{
	return (s->state == STATE_DOWN || s->state == STATE_FAILED) && !status_has_process(s);
}

/* Nobody starts it again of their own accord: it gave up, or it ended and is not to be restarted.
 */
static int gave_up(struct status const *s)
{
	return s->state == STATE_FAILED || (s->state == STATE_DOWN && s->reason == REASON_ENDED);
}

int goal_is_settled(struct status const *s)
{
	return s->state != STATE_STARTING && s->state != STATE_STOPPING &&
	       s->state != STATE_FINISHING;
}

static enum verdict restarted(struct status const *s, uint32_t starts)
{
	/* Generations are compared by difference: the count may wrap. */
	int newer = (int32_t)(s->starts - starts) > 0;
	if (is_up(s) && newer && !has(s, FLAG_GOT_TERM))
		return VERDICT_CHECK;
	return gave_up(s) ? VERDICT_NEVER : VERDICT_NOT_YET;
}

static enum verdict once(struct status const *s, uint32_t starts)
{
	if (s->state == STATE_FAILED)
		return VERDICT_NEVER;
	return s->want != WANT_UP && (runs(s) || s->starts != starts) ? VERDICT_MET
								      : VERDICT_NOT_YET;
}

static enum verdict healthy(struct status const *s)
{
	if (gave_up(s) || s->want == WANT_DOWN || s->want == WANT_EXIT)
		return VERDICT_NEVER;
	if (s->state == STATE_DOWN && s->want == WANT_ONCE)
		return VERDICT_NEVER;
	return is_up(s) && has(s, FLAG_READY) && !has(s, FLAG_PAUSED) ? VERDICT_CHECK
								      : VERDICT_NOT_YET;
}

static enum verdict met_if(int condition)
{
	return condition ? VERDICT_MET : VERDICT_NOT_YET;
}

/* Met, or not to be met any more, or not yet. */
static enum verdict unless_gave_up(struct status const *s, enum verdict met, int condition)
{
	if (condition)
		return met;
	return gave_up(s) ? VERDICT_NEVER : VERDICT_NOT_YET;
}

enum verdict goal_verdict(enum goal goal, struct status const *s, uint32_t starts)
{
	switch (goal) {
	case GOAL_ANSWER:
		return VERDICT_MET;
	case GOAL_UP:
		return unless_gave_up(s, VERDICT_CHECK, is_up(s));
	case GOAL_RUNNING:
		return unless_gave_up(s, VERDICT_MET,
			(is_up(s) && needs_no_process(s)) ||
				((s->state == STATE_STARTING || s->state == STATE_UP) && runs(s) &&
					s->child[ROLE_RUN].phase == PHASE_STARTED &&
					!has(s, FLAG_GOT_TERM)));
	case GOAL_READY:
		return unless_gave_up(s, VERDICT_MET, is_up(s) && has(s, FLAG_READY));
	case GOAL_DOWN:
		return met_if(is_down(s));
	case GOAL_RESTARTED:
		return restarted(s, starts);
	case GOAL_CYCLED:
		if (is_down(s) && s->want != WANT_UP)
			return VERDICT_MET;
		return restarted(s, starts);
	case GOAL_ONCE:
		return once(s, starts);
	case GOAL_PAUSED:
		return met_if(!runs(s) || has(s, FLAG_PAUSED));
	case GOAL_CONTINUED:
		return met_if(!runs(s) || !has(s, FLAG_PAUSED));
	case GOAL_EXITED:
		return met_if(status_exited(s));
	case GOAL_HEALTHY:
		return healthy(s);
	case GOAL_COUNT:
		break;
	}
	return VERDICT_NEVER;
}
