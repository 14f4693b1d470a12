/* The record goes out, and only then do gates open. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "../lib/clock.h"
#include "../lib/path.h"

#define RETRY_FIRST (CLOCK_SECOND / 10)
#define RETRY_LAST  (5 * CLOCK_SECOND)

void service_touch(struct service *x)
{
	x->dirty = 1;
}

void service_reason(struct service *x, enum status_reason reason, uint32_t detail, char const *text)
{
	size_t len = strlen(text);
	if (len >= STATUS_TEXT)
		len = STATUS_TEXT - 1;
	x->s.reason = (uint16_t)reason;
	x->s.reason_detail = detail;
	memset(x->s.reason_text, 0, STATUS_TEXT);
	memcpy(x->s.reason_text, text, len);
	x->dirty = 1;
}

void service_retries(struct service *x, char const *what, int error)
{
	char text[STATUS_TEXT];

	snprintf(text, sizeof text, "unable to %s: %s; retrying", what, strerror(error));
	if (strcmp(text, x->s.reason_text))
		say(x, text);
	service_reason(x, REASON_FORK, (uint32_t)error, text);
}

void service_mended(struct service *x, unsigned int reasons)
{
	if (reasons >> x->s.reason & 1)
		service_reason(x, REASON_NONE, 0, "");
}

/* What runit's clients read: the process that counts. */
static void fill_derived(struct service *x)
{
	struct status *s = &x->s;
	uint32_t run = s->child[ROLE_RUN].pid;
	s->pid = run ? run : s->child[ROLE_FINISH].pid;
	s->noise = x->ipc.decoder.noise;
	s->foreign = x->ipc.decoder.foreign;
}

/* There is no memory for a byte in a socket: the child stands there still. */
static __attribute__((noinline)) void open_later(struct service *x)
{
	x->dirty = 1;
	x->retry_publish = clock_boottime() + RETRY_FIRST;
}

void service_open_gates(struct service *x)
{
	for (unsigned int i = 0; i < ROLE_COUNT; i++) {
		struct child *c = &x->child[i];
		if (c->gate < 0 || c->opened || x->s.child[i].phase != PHASE_GATED)
			continue;
		/* told to stop before it ran: it never will. A logger at its end is to run. */
		if (i == ROLE_RUN && x->s.state != STATE_STARTING && !x->off && !x->end_of_log)
			continue;
		/* what it needs may have changed since it was looked at: that comes first */
		if (i == ROLE_RUN && !x->off && needs_stirred(x))
			continue;
		/* EPIPE: it died at its gate, and its SIGCHLD is on the way */
		c->opened = fd_write(c->gate, "g", 1) == 1 || errno == EPIPE;
		if (!c->opened)
			open_later(x);
	}
}

/* A byte in `lock` says why nothing is published: it is there from the start and needs no space. */
static void note_failure(struct service *x, int e)
{
	char byte = (char)e;
	if (pwrite(x->lock, &byte, 1, LOCK_BYTE(x)) != 1)
		say_errno(x, "write to", "lock", 0);
}

/* And who finds the record is to look there. A record outside of a run directory has no seal, and
 * its path may lead through directories of others. */
static __attribute__((noinline)) void break_seal(struct service const *x)
{
	char log[PATH_MAX];

	if (!x->ipc.seals)
		return;
	if (!x->is_log)
		status_unseal(x->sup->o->state_dir);
	else if (!path_join(log, x->sup->o->state_dir, "log"))
		status_unseal(log);
}

static void publish_failed(struct service *x)
{
	int e = errno;
	uint64_t now = clock_boottime();
	if (!x->publish_delay) {
		say_errno(x, "publish", "status",
			"what runs goes on, nothing new is started or acknowledged; retrying");
		x->publish_failed = 1;
		x->publish_delay = RETRY_FIRST;
		note_failure(x, e);
		break_seal(x);
	} else if (x->publish_delay < RETRY_LAST) {
		x->publish_delay *= 2;
	}
	x->retry_publish = now + x->publish_delay;
}

/* The record is out, and who watched knows. That nobody would learn of our death is mended as soon
 * as it can be; nothing waits for that. */
static void out_failed(struct service *x)
{
	if (!x->out_delay)
		say_errno(x, "make", "out", "whoever waits may not notice its end; retrying");
	x->out_delay = x->out_delay ? clock_earlier(2 * x->out_delay, RETRY_LAST) : RETRY_FIRST;
	x->retry_out = clock_boottime() + x->out_delay;
}

/* Somebody says that `in` or `out` may have been removed. 0: not now, there is something to read.
 */
int service_mend_pair(struct service *x)
{
	struct pollfd p = { .fd = cinit_ipc_fd(&x->ipc), .events = POLLIN };

	if (cinit_ipc_pending(&x->ipc) || poll(&p, 1, 0) != 0)
		return 0;
	int r = cinit_ipc_mend(&x->ipc, x->sup->o->control_group);
	if (r < 0)
		say_errno(
			x, "make", "in and out anew", "no command reaches it; rescan tries again");
	else if (r)
		say(x, "in or out was removed or replaced; made anew");
	x->dirty |= r > 0;
	return 1;
}

void service_publish(struct service *x)
{
	fill_derived(x);
	x->s.change++;
	int r = cinit_ipc_publish(&x->ipc, &x->s, &x->ring);
	if (r < 0) {
		publish_failed(x);
		return;
	}
	x->retry_out = 0;
	if (r)
		out_failed(x);
	else
		x->out_delay = 0;
	x->dirty = 0;
	x->unpublished = 0;
	x->retry_publish = 0;
	if (x->publish_failed) {
		x->publish_failed = 0;
		x->publish_delay = 0;
		note_failure(x, 0);
		say(x, "status is published again");
	}
	service_open_gates(x);
}
