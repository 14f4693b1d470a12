/* Waiting for what a service depends on; see needs.h. */
#include <skalibs/nonposix.h>

#include "needs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "../lib/clock.h"
#include "../lib/command.h"
#include "../lib/rundir.h"
#include "../lib/template.h"
#include "service.h"

#define MADE_BY CLOCK_SECOND

static void forget(struct needs *n)
{
	for (size_t i = 0; i < n->count; i++)
		cinit_ipc_release(&n->list[i].watch);
	if (n->list) /* few have any: free(3) is on a page of its own, which others never touch */
		free(n->list);
	*n = (struct needs){ 0 };
}

static int same(struct needs const *n, struct dependency const *list, size_t count)
{
	if (n->count != count)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (n->list[i].kind != list[i].kind || strcmp(n->list[i].name, list[i].name))
			return 0;
	return 1;
}

int needs_load(struct service *x, struct value_error *e)
{
	struct dependency *list;
	size_t count;

	if (dependency_read(&list, &count, AT_FDCWD, x->name, 0, e) < 0)
		return -1;
	if (same(&x->needs, list, count)) {
		free(list);
		return 0;
	}
	struct need *needs = calloc(count ? count : 1, sizeof *needs);
	if (!needs) {
		e->shortage = ENOMEM;
		snprintf(e->text, sizeof e->text, "needs: %s", strerror(errno));
		free(list);
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		needs[i].kind = list[i].kind;
		memcpy(needs[i].name, list[i].name, sizeof needs[i].name);
		needs[i].watch = (struct cinit_client){
			.base = x->sup->run, .path = needs[i].name, .in = -1, .out = -1
		};
	}
	free(list);
	needs_leave(x);
	x->needs.list = needs;
	x->needs.count = count;
	return 0;
}

/* ------------------------------------------------------------------------- telling a need */

/* Its supervisor looks at who wants it. */
static enum cinit_sent tell_to_look(struct service *x, struct need *n)
{
	struct message const look = { .command = COMMAND_LOOK };
	enum cinit_sent sent = cinit_ipc_send(&n->watch, &look);

	cinit_ipc_unsend(&n->watch);
	if (sent == CINIT_FULL || sent == CINIT_SEND_ERROR)
		x->needs.retry = clock_boottime() + NEEDS_RETRY;
	return sent;
}

/* cinit gives it a supervisor, and makes it where it is an instance; then we are told to look. */
static void tell_cinit(struct service *x, struct need const *n)
{
	struct message wake = { .command = COMMAND_WAKE };
	struct cinit_client cinit = {
		.base = x->sup->run, .path = RUNDIR_TREE, .in = -1, .out = -1
	};

	wake.id = cinit_ipc_id();
	wake.argument = (uint32_t)getpid();
	wake.text_len = (uint8_t)strlen(n->name);
	memcpy(wake.text, n->name, wake.text_len);
	if (cinit_ipc_send(&cinit, &wake) != CINIT_SENT)
		x->needs.retry = clock_boottime() + NEEDS_RETRY;
	cinit_ipc_release(&cinit);
}

/* One whose supervisor was told to exit is given another one where somebody has just asked for us,
 * which may be why it is to come back; not because we have been there all the time. */
static void tell(struct service *x, struct need *n, struct status const *s, int asked)
{
	if (s && (s->flags & FLAG_EXITED)) {
		if (asked)
			tell_cinit(x, n);
	} else if (tell_to_look(x, n) == CINIT_NO_SERVICE) {
		tell_cinit(x, n);
	} /* a supervisor that is on its way looks by itself */
}

static int entry_path(char *path, size_t size, struct need const *n, char const *name)
{
	int len = snprintf(path, size, "%s/dependents/%s", n->name, name ? name : "");
	return len > 0 && (size_t)len < size ? 0 : -1;
}

/* 1: it was not there before. 0, or -1 with errno. */
static int make_entry(struct service *x, struct need const *n)
{
	char path[600];
	if (entry_path(path, sizeof path, n, x->name) < 0)
		return -1;
	mode_t mode = n->kind == DEPENDENCY_WANTS ? DEPENDENT_WANTS : DEPENDENT_NEEDS;
	for (int tries = 0; tries < 2; tries++) {
		int fd = openat(x->sup->run, path,
			O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd >= 0) {
			fd_close(fd);
			return 1;
		}
		if (errno == EEXIST) /* perhaps from another time */
			return fchmodat(x->sup->run, path, mode, 0);
		if (errno != ENOENT)
			return -1;
		char dir[600];
		entry_path(dir, sizeof dir, n, 0);
		if (mkdirat(x->sup->run, dir, 0700) < 0 && errno != EEXIST)
			return -1;
	}
	return -1;
}

void needs_enter(struct service *x)
{
	for (size_t i = 0; i < x->needs.count; i++)
		x->needs.list[i].stale = 1;
	x->needs.entered = 1;
}

void needs_leave(struct service *x)
{
	char path[600];
	if (x->needs.entered)
		for (size_t i = 0; i < x->needs.count; i++) {
			struct need *n = &x->needs.list[i];
			if (entry_path(path, sizeof path, n, x->name) < 0)
				continue;
			if (!unlinkat(x->sup->run, path, 0))
				tell_to_look(x, n);
		}
	forget(&x->needs);
}

/* ------------------------------------------------------------------------- looking at them */

static void why(struct service *x, struct need const *n, char const *text)
{
	char all[STATUS_TEXT + 300];
	snprintf(all, sizeof all, "%s %s: %s", n->kind == DEPENDENCY_WANTS ? "wants" : "needs",
		n->name, text);
	if (strncmp(all, x->s.reason_text, STATUS_TEXT - 1))
		service_reason(x, REASON_NEEDS, 0, all);
}

static int goes_down(struct status const *s)
{
	/* AWAITS alone: it was told to come back meanwhile, and waits for us to leave still */
	return s->want == WANT_DOWN || s->want == WANT_EXIT ||
	       (s->flags & (FLAG_CYCLING | FLAG_AWAITS | FLAG_EXITED));
}

static int is_ready(struct status const *s)
{
	return s->state == STATE_UP && (s->flags & FLAG_READY) && !goes_down(s);
}

/* It ended and is not to be restarted, or waits in vain itself. */
static int gave_up(struct status const *s)
{
	return s->state == STATE_FAILED || (s->state == STATE_DOWN && s->reason == REASON_ENDED) ||
	       (s->state == STATE_WAITING && (s->flags & FLAG_BLOCKED));
}

/* One that rests because nobody wanted it until now is told that we do, and waited for. One that
 * somebody wants down, or that ended for good, is not. */
static int has_settled(struct status const *s)
{
	int for_good = s->want == WANT_UP || (s->flags & (FLAG_HELD | FLAG_EXITED));
	return is_ready(s) || gave_up(s) || (s->state == STATE_DOWN && for_good);
}

/* Do we wait in vain? One that keeps dying counts until it is up, not only between its starts: each
 * change of ours is one for all that wait for us. */
static int is_blocking(struct status const *s)
{
	int keeps_dying = s->backoff_ms && s->state != STATE_UP && s->state != STATE_DOWN;
	return gave_up(s) || (s->flags & FLAG_HELD) || keeps_dying;
}

static int runs(struct service const *x)
{
	return x->s.state == STATE_UP || (x->s.state == STATE_STARTING && x->s.child[ROLE_RUN].pid);
}

/* Whoever is bound to a need runs beside one instance of it. One that was back before we looked has
 * become ready after we started. */
static int is_bound_to(struct service const *x, struct status const *s)
{
	return is_ready(s) && !(runs(x) && s->ready > x->s.started);
}

static void judge(struct service const *x, struct need *n, struct status const *s)
{
	n->settled = (uint8_t)(n->kind == DEPENDENCY_WANTS ? has_settled(s) : is_ready(s));
	n->blocked = (uint8_t)(!n->settled && is_blocking(s));
	n->lost = (uint8_t)(n->kind == DEPENDENCY_WANTS   ? 0
			    : n->kind == DEPENDENCY_BINDS ? !is_bound_to(x, s)
							  : goes_down(s));
}

/* How its last run ended, where that is why it failed: "exit 3; died too often; gave up". */
static void describe_failure(char *text, size_t size, struct status const *s)
{
	int died = s->reason == REASON_DEATHS || s->reason == REASON_FINISH ||
		   s->reason == REASON_ENDED;
	char const *more = s->reason == REASON_ENDED ? "" : s->reason_text;
	char ended[24] = "";

	if (died && (s->flags & FLAG_EXIT_VALID))
		snprintf(ended, sizeof ended, WIFEXITED(s->last_exit) ? "exit %d" : "signal %d",
			WIFEXITED(s->last_exit) ? WEXITSTATUS(s->last_exit)
						: WTERMSIG(s->last_exit));
	else
		more = s->reason_text;
	if (*ended || *more)
		snprintf(text, size, "failed (%s%s%s)", ended, *ended && *more ? "; " : "", more);
	else
		snprintf(text, size, "failed");
}

static void describe(struct service *x, struct need const *n, struct status const *s)
{
	char text[STATUS_TEXT + 64];
	if (s->flags & FLAG_EXITED)
		snprintf(text, sizeof text, "its supervisor was told to exit");
	else if (s->flags & FLAG_HELD)
		snprintf(text, sizeof text, "%s",
			s->reason == REASON_LEFT_OUT ? s->reason_text : "held down");
	else if (s->state == STATE_FAILED)
		describe_failure(text, sizeof text, s);
	else if (s->state == STATE_UP && goes_down(s))
		snprintf(text, sizeof text, "going down");
	else if (s->state == STATE_UP)
		snprintf(text, sizeof text, "not ready");
	else
		snprintf(text, sizeof text, "%s", status_state_name(s->state));
	why(x, n, text);
}

/* Can cinit make it, from a template? */
static int can_be_made(struct service const *x, struct need const *n)
{
	char path[300];
	struct stat st;
	size_t len = template_length(n->name);
	snprintf(path, sizeof path, RUNDIR_TREE "/services/%.*s", (int)len, n->name);
	return len && !fstatat(x->sup->run, path, &st, 0) && S_ISDIR(st.st_mode);
}

/* The first that is waited for is the reason. */
static void explain(struct service *x)
{
	struct status s;
	struct need const *n = x->needs.list;

	while (n->settled)
		n++;
	if (n->error == ENOENT)
		why(x, n, can_be_made(x, n) ? "not started yet" : "no such service");
	else if (n->error)
		why(x, n, strerror(n->error));
	else if (status_read(x->sup->run, n->name, &s, 0) == STATUS_OK)
		describe(x, n, &s);
	else
		why(x, n, "not started yet");
}

static void look_later(struct service *x, struct need *n, int error)
{
	n->error = error;
	x->needs.retry = clock_boottime() + NEEDS_RETRY;
	n->stale = 1;
}

/* A want that is part of a cycle, as cinit says by an entry of ours, is not waited for; nor does
 * the one that is wanted wait for us when it stops. */
static int is_unawaited(struct service const *x, struct need *n)
{
	char path[600];
	snprintf(path, sizeof path, "unawaited/%s", n->name);
	if (n->kind != DEPENDENCY_WANTS || faccessat(x->dir, path, F_OK, 0) < 0)
		return 0;
	if (!entry_path(path, sizeof path, n, x->name))
		unlinkat(x->sup->run, path, 0);
	cinit_ipc_release(&n->watch);
	n->settled = 1;
	return 1;
}

/* There is no such service. */
static void look_at_nobody(struct service *x, struct need *n)
{
	int made = can_be_made(x, n);
	n->blocked = (uint8_t)!made;
	if (made) {
		tell(x, n, 0, 0);
		/* should it not come to that */
		x->needs.retry = clock_earlier(x->needs.retry, clock_boottime() + MADE_BY);
	} else if (n->kind == DEPENDENCY_WANTS) {
		n->settled = 1; /* what is not there cannot be waited for */
	}
}

/* Reads one need again. */
static void look_at(struct service *x, struct need *n)
{
	struct status s;
	n->stale = n->settled = 0;
	if (is_unawaited(x, n))
		return;
	/* before its status is read, see needs.h; again each time, because it may have vanished and
	 * come back */
	int made = make_entry(x, n);
	if (made < 0 && errno != ENOENT) {
		look_later(x, n, errno);
		return;
	}
	enum status_error e = cinit_ipc_watch(&n->watch, &s, 0);
	/* one that has no record yet hangs up when it has */
	n->error = n->watch.out < 0 || status_unreadable(e, errno) ? errno : 0;
	if (e == STATUS_OK) {
		judge(x, n, &s);
		/* it may rest because nobody wanted it until now */
		if (!n->settled && s.state == STATE_DOWN)
			tell(x, n, &s, made > 0 || x->needs.asked);
		if (n->settled && n->kind == DEPENDENCY_WANTS)
			cinit_ipc_release(&n->watch);
		return;
	}
	n->lost = n->error == ENOENT && n->kind != DEPENDENCY_WANTS;
	n->blocked = 0;
	if (n->error == ENOENT)
		look_at_nobody(x, n);
	else if (n->error)
		look_later(x, n, n->error);
}

int needs_look(struct service *x, int *lost)
{
	int settled = 1, looked = 0;
	*lost = 0;
	for (size_t i = 0; i < x->needs.count; i++) {
		struct need *n = &x->needs.list[i];
		if (n->stale)
			look_at(x, n), looked = 1;
		settled &= n->settled;
		*lost |= n->lost;
	}
	if (looked)
		x->needs.asked = 0;
	/* one that runs although a need has crashed has no reason to give, but for a bundle */
	if (!settled && looked &&
		(x->s.state == STATE_WAITING || *lost || (x->s.flags & FLAG_BUNDLE)))
		explain(x);
	if (settled)
		service_mended(x, 1u << REASON_NEEDS);
	return settled;
}

int needs_blocked(struct service const *x)
{
	for (size_t i = 0; i < x->needs.count; i++)
		if (x->needs.list[i].blocked && !x->needs.list[i].settled)
			return 1;
	return 0;
}

void needs_doubt(struct service *x)
{
	for (size_t i = 0; i < x->needs.count; i++)
		if (!x->needs.list[i].settled || x->needs.list[i].watch.out < 0)
			x->needs.list[i].stale = 1;
}

unsigned int needs_gather(struct service *x, struct pollfd *fds)
{
	unsigned int n = 0;
	for (size_t i = 0; i < x->needs.count; i++)
		if (x->needs.list[i].watch.out >= 0)
			fds[n++] = (struct pollfd){ .fd = x->needs.list[i].watch.out };
	return n;
}

int needs_stirred(struct service *x)
{
	int some = x->needs_enter;
	for (size_t i = 0; i < x->needs.count; i++) {
		struct need *n = &x->needs.list[i];
		struct pollfd p = { .fd = n->watch.out };
		if (p.fd >= 0 && poll(&p, 1, 0) != 0)
			n->stale = 1;
		some |= n->stale;
	}
	return some;
}

int needs_dispatch(struct service *x, struct pollfd const *fds, unsigned int n)
{
	int some = 0;
	for (unsigned int k = 0; k < n; k++) {
		if (!fds[k].revents)
			continue;
		for (size_t i = 0; i < x->needs.count; i++)
			if (x->needs.list[i].watch.out == fds[k].fd)
				x->needs.list[i].stale = 1, some = 1;
	}
	return some;
}
