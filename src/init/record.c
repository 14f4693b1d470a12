/* cinit's own status record, in `.cinit`: whether the tree runs or stops, and what became of
 * commands. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/process.h"
#include "init.h"
#include "message.h"

#define OUT_RETRY (2 * CLOCK_SECOND)

/* `former`: the record of a cinit whose tree this one takes over, or NULL. */
void record_begin(struct init *i, struct status const *former)
{
	struct status *s = &i->status;

	if (former) {
		*s = *former;
	} else {
		i->ring = (struct status_ring){ 0 };
		/* no client shall take us for the one it spoke to before */
		s->incarnation = (uint32_t)cinit_ipc_id();
	}
	s->incarnation++;
	/* When the former one stopped, or had not come to start everything, who has exited was not
	 * told to by a command. Until we are up `ready` says so to who follows us. */
	i->keeps_exits = former && former->ready;
	s->want = WANT_UP;
	s->flags = 0;
	if (s->reason == REASON_PUBLISH) /* it is seen again, if it is still so */
		record_reason(i, REASON_NONE, "");
	s->supervisor = (uint32_t)getpid();
	s->supervisor_identity = process_identity(getpid());
	s->pid = s->supervisor;
	for (unsigned int n = 0; n < sizeof s->boot_id; n++)
		s->boot_id[n] = i->boot_id[n];
	s->starts++;
	s->started = s->executed = clock_boottime();
	record_state(i, STATE_STARTING);
}

/* Why something is as it is, for who reads the record. */
void record_reason(struct init *i, unsigned int reason, char const *text)
{
	struct status *s = &i->status;

	s->reason = (uint16_t)reason;
	memset(s->reason_text, 0, sizeof s->reason_text);
	memcpy(s->reason_text, text, strnlen(text, sizeof s->reason_text - 1));
	i->dirty = 1;
}

/* Whether a service got its state directory (`error` 0), or is not supervised for want of one. Of
 * several the first is told. */
void record_prepared(struct init *i, struct service *s, int error)
{
	static char const then[] = "; not supervised, trying again";
	char text[STATUS_TEXT], refusal[RUNDIR_REFUSAL];
	struct status *r = &i->status;
	char const *why =
		error == EPERM ? rundir_refusal(i->run, s->name, refusal) : strerror(error);

	if (error && !(s->said & SAID_PREPARE))
		warn(s->name, ": unable to make state directory ", i->run_path, "/", s->name, ": ",
			why, then);
	if (error)
		s->said |= SAID_PREPARE;
	if (error && r->reason != REASON_PUBLISH) {
		snprintf(text, sizeof text, "%.60s: unable to make its state directory: %.50s%s",
			s->name, why, then);
		record_reason(i, REASON_PUBLISH, text);
		r->reason_detail = (uint32_t)error;
	}
	if (error || r->reason != REASON_PUBLISH)
		return;
	for (size_t n = 0; n < i->tree.count; n++)
		if (!i->tree.list[n]->prepared && !i->tree.list[n]->vanished)
			return;
	record_reason(i, REASON_NONE, "");
	r->reason_detail = 0;
}

void record_state(struct init *i, unsigned int state)
{
	struct status *s = &i->status;

	s->state = (uint8_t)state;
	s->since = clock_boottime();
	clock_label(&s->label_sec, &s->label_nsec);
	if (state == STATE_UP) {
		s->ready = s->since;
		s->flags |= FLAG_READY;
	} else if (state != STATE_STARTING) {
		s->want = WANT_EXIT;
		s->ready = 0;
		s->flags &= ~(uint32_t)FLAG_READY;
	}
	if (state == STATE_DOWN) {
		/* an end in good order: the next cinit may begin afresh */
		s->flags |= FLAG_EXITED;
		s->supervisor = 0;
		s->pid = 0;
		i->publish_due = 0; /* there is no later */
	}
	i->dirty = 1;
}

/* Publishes what has changed, or tries again what failed. */
void record_publish(struct init *i, uint64_t now)
{
	if (i->out_due && now >= i->out_due)
		i->dirty = 1;
	if (!i->dirty || (i->publish_due && now < i->publish_due))
		return;
	i->status.change++;
	i->ipc.seals = !i->unwatched;
	int r = cinit_ipc_publish(&i->ipc, &i->status, &i->ring);
	if (r >= 0) {
		i->dirty = 0;
		i->publish_row = 0;
		i->publish_due = 0;
		/* it has no writer: a wait for us would not notice our end */
		i->out_due = r ? now + OUT_RETRY : 0;
		return;
	}
	unsigned int ms = tree_backoff(++i->publish_row + 1);
	if (i->publish_row == 1)
		warn_error("; commands stay unanswered, trying again",
			"unable to publish status in ", i->run_path, "/" RUNDIR_TREE);
	i->publish_due = now + ms * CLOCK_MILLISEC;
}

/* From now on nobody relies on the seals of others. */
void record_unseal(struct init *i)
{
	i->unwatched = 1;
	i->dirty = 1;
}
