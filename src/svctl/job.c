/* One command to one service: the machine behind job.h. No system calls here. */
#include "job.h"

#include <string.h>

#include "command.h"

void job_init(struct job *j, struct verb const *v, unsigned int options)
{
	memset(j, 0, sizeof *j);
	j->verb = v;
	j->options = (uint8_t)options;
	j->phase = JOB_LOOK;
}

char job_letter(struct job const *j)
{
	if (j->waking)
		return COMMAND_WAKE;
	return j->killing ? 'k' : j->verb->letters[j->letter];
}

uint64_t *job_id(struct job *j)
{
	return &j->frame[j->waking].id;
}

static enum job_act end(struct job *j, enum job_outcome outcome)
{
	j->phase = JOB_OVER;
	j->outcome = (uint8_t)outcome;
	return JOB_DO_END;
}

/* A command could not be delivered. What was going to be a KILL is a killing all the same: it was
 * said, and it has failed already. */
static enum job_act fail(struct job *j, enum job_error error)
{
	if (j->killing)
		return end(j, OUTCOME_KILLED);
	j->error = (uint8_t)error;
	return end(j, OUTCOME_FAILED);
}

static void note(struct job *j, struct status const *s)
{
	j->exited = (uint8_t)status_exited(s);
	j->incarnation = s->incarnation;
	if (j->waking || (j->based && !j->exited))
		return;
	/* after an exit in good order the count begins again from 0 */
	j->based = 1;
	j->starts = j->exited ? 0 : s->starts;
}

static enum verdict verdict(struct job const *j, struct status const *s)
{
	if (j->verb->goal == GOAL_EXECUTED)
		return goal_executed(s, j->since);
	return goal_verdict((enum goal)j->verb->goal, s, j->starts);
}

static enum job_act judge(struct job *j, struct status const *s)
{
	switch (verdict(j, s)) {
	case VERDICT_MET:
		return end(j, j->verb->goal == GOAL_EXITED ? OUTCOME_GONE : OUTCOME_OK);
	case VERDICT_CHECK:
		if (j->passed && j->checked == s->starts)
			return end(j, OUTCOME_OK);
		j->phase = JOB_CHECKING;
		j->checked = s->starts;
		return JOB_DO_CHECK;
	case VERDICT_NEVER:
		return end(j, OUTCOME_NEVER);
	case VERDICT_NOT_YET:
		break;
	}
	j->phase = JOB_GOAL;
	if (!(j->options & JOB_ONE_LOOK))
		return JOB_DO_SLEEP;
	/* of a service's health one look is a verdict, not a wait that ran out */
	return end(j, j->verb->goal == GOAL_HEALTHY ? OUTCOME_NEVER : OUTCOME_TIMEOUT);
}

static void fresh_frame(struct job *j)
{
	j->frame[j->waking] = (struct job_frame){ .id = 0 };
}

/* The frame in flight is done with. */
static void next_letter(struct job *j)
{
	fresh_frame(j);
	j->letter++;
}

/* The tree has answered: from now on to the service again. */
static enum job_act awake(struct job *j)
{
	j->waking = 0;
	j->woken = 1;
	j->exited = 0;
	j->phase = JOB_LOOK;
	return JOB_DO_WATCH;
}

static enum job_act answered(
	struct job *j, struct status const *s, struct status_ring const *r, int slot)
{
	if (j->killing)
		return end(j, OUTCOME_KILLED);
	if (r->result[slot] == RESULT_REFUSED) {
		j->detail = r->why[slot];
		if (j->waking && j->detail == WHY_UNKNOWN)
			return fail(j, JOB_ERROR_NO_SERVICE);
		return end(j, j->detail == WHY_DOUBT ? OUTCOME_UNKNOWN : OUTCOME_REFUSED);
	}
	if (j->waking)
		return awake(j);
	j->acted |= r->result[slot] != RESULT_NOTHING;
	next_letter(j);
	if (j->verb->letters[j->letter]) {
		note(j, s);
		j->phase = JOB_SENDING;
		return JOB_DO_SEND;
	}
	if (!(j->options & JOB_WAITS))
		return end(j, OUTCOME_OK);
	/* nothing was signalled, so nothing will come of it */
	if (!j->acted && j->verb->goal == GOAL_CYCLED && goal_is_settled(s))
		return end(j, OUTCOME_OK);
	return judge(j, s);
}

static enum job_act on_record(struct job *j, struct status const *s, struct status_ring const *r)
{
	int slot;
	uint32_t incarnation = j->incarnation;

	switch ((enum job_phase)j->phase) {
	case JOB_LOOK:
		note(j, s);
		if (!j->waking && !j->verb->letters[0])
			return judge(j, s);
		j->phase = JOB_SENDING;
		return JOB_DO_SEND;
	case JOB_SENDING:
		note(j, s);
		return JOB_DO_SEND;
	case JOB_ANSWER:
		slot = status_answer(r, *job_id(j));
		if (slot >= 0)
			return answered(j, s, r, slot);
		note(j, s);
		if (s->incarnation == incarnation && !j->exited)
			return JOB_DO_SLEEP;
		/* another supervisor, and it does not know of us */
		j->phase = JOB_SENDING;
		return JOB_DO_SEND;
	case JOB_GOAL:
	case JOB_CHECKING:
		return judge(j, s);
	case JOB_OVER:
		break;
	}
	return JOB_DO_END;
}

/* A service that cinit has just made, or a record that was taken away: there is nothing to compare
 * with. */
static enum job_act on_no_record(struct job *j)
{
	if (j->phase != JOB_LOOK && j->phase != JOB_SENDING)
		return JOB_DO_SLEEP;
	if (!j->waking && !j->verb->letters[0]) {
		j->phase = JOB_GOAL;
		return j->options & JOB_ONE_LOOK ? end(j, OUTCOME_TIMEOUT) : JOB_DO_SLEEP;
	}
	j->based = j->based || !j->waking; /* .starts is 0 */
	j->phase = JOB_SENDING;
	return JOB_DO_SEND;
}

static enum job_act wake(struct job *j)
{
	j->waking = 1;
	fresh_frame(j);
	j->phase = JOB_LOOK;
	return JOB_DO_WATCH;
}

/* Unless what was sent may yet be obeyed, or has been. Why it is not known is told where that is a
 * reason of our own, and not the time limit. */
static enum job_act fail_in_doubt(struct job *j)
{
	if (!(j->frame[0].sent || j->frame[j->waking].sent) || j->killing)
		return fail(j, (enum job_error)j->error);
	if (j->error != JOB_ERROR_WATCH) {
		j->error = JOB_ERROR_NONE;
		j->detail = WHY_NONE;
	}
	return end(j, OUTCOME_UNKNOWN);
}

static enum job_act on_bad_record(struct job *j)
{
	if (j->error == JOB_ERROR_NO_SERVICE && (j->options & JOB_MAKES) &&
		(j->verb->flags & VERB_WAKES) && !j->waking && !j->woken) {
		j->error = JOB_ERROR_NONE;
		return wake(j);
	}
	return fail_in_doubt(j);
}

/* It lives, and we cannot talk with it. */
static enum job_act on_cut_off(struct job *j, struct status const *s, struct status_ring const *r)
{
	if (++j->cuts < JOB_CUTS) {
		j->error = JOB_ERROR_NONE;
		return JOB_DO_PAUSE;
	}
	/* who only looks need not be heard */
	if (j->error == JOB_ERROR_CUT_IN && !j->waking && !j->verb->letters[0])
		return on_record(j, s, r);
	return fail_in_doubt(j);
}

/* Nobody reads what we send. `hope`: somebody will. */
static enum job_act on_nobody(struct job *j, int hope)
{
	if (!j->waking && j->exited) {
		if (j->verb->goal == GOAL_EXITED && !j->killing)
			return end(j, OUTCOME_GONE);
		if (hope && (j->verb->flags & VERB_WAKES) && !j->woken)
			return wake(j);
	}
	/* one that was woken exits again only by command */
	if (!hope || (j->exited && !j->waking && !j->woken))
		return fail(j, JOB_ERROR_NO_SUPERVISOR);
	return JOB_DO_SLEEP;
}

static enum job_act on_sent(struct job *j)
{
	j->frame[j->waking].sent = 1;
	j->cuts = 0;
	if (!(j->options & JOB_DETACHED) || j->waking) {
		j->phase = JOB_ANSWER;
		return JOB_DO_SLEEP;
	}
	next_letter(j);
	return j->verb->letters[j->letter] ? JOB_DO_SEND : end(j, OUTCOME_OK);
}

static enum job_act on_send_failed(struct job *j)
{
	/* the first copy is in there */
	if (j->error == JOB_ERROR_FULL && j->frame[j->waking].sent) {
		j->error = JOB_ERROR_NONE;
		j->phase = JOB_ANSWER;
		return JOB_DO_SLEEP;
	}
	return fail(j, (enum job_error)j->error);
}

static enum job_act on_check(struct job *j, int passed)
{
	j->passed = (uint8_t)passed;
	j->check_failed = !passed;
	j->phase = JOB_GOAL;
	if (passed)
		return JOB_DO_WATCH;
	if (j->options & JOB_ONE_LOOK)
		return end(j, j->verb->goal == GOAL_HEALTHY ? OUTCOME_NEVER : OUTCOME_TIMEOUT);
	return JOB_DO_PAUSE;
}

/* That will not change while somebody waits. */
static enum job_act on_check_not_run(struct job *j)
{
	j->check_failed = j->not_run = 1;
	return end(j, OUTCOME_NEVER);
}

static enum job_act late(struct job *j, struct status const *s)
{
	if (s && verdict(j, s) == VERDICT_MET)
		return end(j, j->verb->goal == GOAL_EXITED ? OUTCOME_GONE : OUTCOME_OK);
	if (!(j->verb->flags & VERB_ESCALATES))
		return end(j, OUTCOME_TIMEOUT);
	j->killing = 1;
	fresh_frame(j);
	j->phase = JOB_SENDING;
	return JOB_DO_ESCALATE;
}

static enum job_act on_timeout(struct job *j, struct status const *s, struct status_ring const *r)
{
	if (j->killing)
		return end(j, OUTCOME_KILLED);
	if (j->phase == JOB_ANSWER && s && !j->waking) {
		int slot = status_answer(r, *job_id(j));
		if (slot >= 0) {
			enum job_act act = answered(j, s, r, slot);
			if (act == JOB_DO_END)
				return act;
		}
	}
	if (j->phase == JOB_GOAL || j->phase == JOB_CHECKING)
		return late(j, s);
	/* of a command in two letters the first may have had its effect, and a supervisor that was
	 * asked for may yet come, and start the service */
	if (j->frame[0].sent || j->frame[1].sent || j->letter) {
		j->error = JOB_ERROR_NONE;
		return end(j, OUTCOME_UNKNOWN);
	}
	if (!j->verb->letters[0])
		return end(j, OUTCOME_TIMEOUT);
	return fail(j, JOB_ERROR_NO_SUPERVISOR);
}

enum job_act job_step(
	struct job *j, enum job_event event, struct status const *s, struct status_ring const *r)
{
	if (j->phase == JOB_OVER)
		return JOB_DO_END;
	switch (event) {
	case JOB_BEGIN:
	case JOB_CHANGED:
		return JOB_DO_WATCH;
	case JOB_RECORD:
		return on_record(j, s, r);
	case JOB_NO_RECORD:
		return on_no_record(j);
	case JOB_BAD_RECORD:
		return on_bad_record(j);
	case JOB_SENT:
		return on_sent(j);
	case JOB_NO_SUPERVISOR:
	case JOB_ABANDONED:
		j->cuts = 0;
		return on_nobody(j, event == JOB_NO_SUPERVISOR);
	case JOB_CUT_OFF:
		return on_cut_off(j, s, r);
	case JOB_SEND_FAILED:
		return on_send_failed(j);
	case JOB_NO_CHECK:
		return end(j, OUTCOME_OK);
	case JOB_CHECK_PASSED:
		return on_check(j, 1);
	case JOB_CHECK_FAILED:
		return on_check(j, 0);
	case JOB_CHECK_NOT_RUN:
		return on_check_not_run(j);
	case JOB_TIMEOUT:
		return on_timeout(j, s, r);
	}
	return JOB_DO_END;
}
