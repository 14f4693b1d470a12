/* svctl: control and query of services. From the command line to the right room. */
#include "svctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "ipc.h"
#include "loop.h"
#include "report.h"
#include "template.h"

struct room {
	struct text text;
	struct tally tally;
	uint64_t limit;
	int waits;
};

void die_no_run(struct where const *w)
{
	char why[RUNDIR_REFUSAL];

	errno = w->error_number;
	switch (w->error) {
	case RUNDIR_FOREIGN:
		strerr_dief(EXIT_SYSTEM, "refused run directory ", w->run, ": ",
			rundir_refusal(AT_FDCWD, w->run, why));
	case RUNDIR_LONG:
		strerr_dief(EXIT_SYSTEM, "the name of the run directory is too long");
	case RUNDIR_OK:
	case RUNDIR_NONE:
		break;
	}
	strerr_dief(EXIT_SYSTEM, "unable to open run directory ", w->run, ": ", strerror(errno),
		"; does cinit run?");
}

void die_output(void)
{
	if (errno == EPIPE)
		_exit(EXIT_SYSTEM);
	strerr_diefu1sys(EXIT_SYSTEM, "write to standard output");
}

static void flush(struct room *r)
{
	if (r->text.sa.len || r->text.failed) {
		if (text_write(&r->text, 1) < 0)
			die_output();
	}
}

static void ended(void *data, struct target const *t, struct job const *j, struct status const *s,
	uint64_t now)
{
	struct room *r = data;
	int well = j->outcome == OUTCOME_OK || j->outcome == OUTCOME_GONE;

	tally_add(&r->tally, j);
	/* who did not wait is not told of what went well; in a control script there was nothing to
	 * wait for */
	if (!well || (r->waits && !(j->options & JOB_DETACHED)))
		report_job(&r->text, j, t->typed, s, now, r->limit);
}

static void killed(void *data, struct target const *t, struct status const *s, uint64_t now)
{
	struct room *r = data;
	report_kill(&r->text, t->typed, s, now);
}

static void quiet(void *data)
{
	flush(data);
}

/* Who asks for an instance that nobody has asked for before gets it, if there is its template. */
static int can_be_made(struct target const *t, struct verb const *v, struct where *w)
{
	return v->kind == VERB_SERVICE && (v->flags & VERB_WAKES) && t->service && !t->is_log &&
	       template_length(t->service) && where_alive(w);
}

/* Says which do not exist, and keeps the others. */
static void drop_missing(struct room *r, struct where *w, struct targets *ts, struct verb const *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < ts->count; i++) {
		struct target t = ts->list[i];
		t.maker = t.missing && can_be_made(&t, v, w);
		if (!t.missing || t.maker) {
			ts->list[i] = ts->list[kept];
			ts->list[kept++] = t;
			continue;
		}
		text_add(&r->text, "fail: ");
		text_add(&r->text, t.typed);
		text_add(&r->text,
			t.directory ? ": no such service directory" : ": no such service in ");
		text_add(&r->text, t.directory ? "" : w->run);
		text_add(&r->text, "\n");
		r->tally.failed++;
	}
	targets_keep(ts, kept);
}

static void set_limits(struct options const *o, struct loop_request *q)
{
	q->limit = o->wait;
	if (o->verb->kind != VERB_WAIT)
		return;
	q->common = 1;
	q->no_limit = !o->has_timeout && !o->has_wait;
	if (o->has_timeout)
		q->limit = o->timeout;
}

static int command(struct options const *o, struct where *w, struct targets *ts)
{
	struct room r = { .text = TEXT_ZERO };
	struct verb const *v = o->condition ? o->condition : o->verb;
	struct loop_request q = {
		.where = w,
		.targets = ts,
		.verb = v,
		.flags = o->force ? MESSAGE_FORCE : 0,
		.waits = (v->flags & VERB_WAITS) || o->verbose || o->has_wait,
		.ended = ended,
		.killed = killed,
		.quiet = quiet,
		.data = &r,
	};

	if (v->kind == VERB_ENABLE || v->kind == VERB_DISABLE)
		admin_edit(o, w, ts, &r.tally.failed);
	else
		drop_missing(&r, w, ts, v);
	order_down(o, w, ts);
	set_limits(o, &q);
	r.limit = q.limit ? q.limit : LIMIT_DEFAULT;
	r.waits = q.waits;
	if (loop_run(&q) < 0) {
		int e = errno;
		flush(&r);
		errno = e;
		strerr_diefu1sys(
			EXIT_SYSTEM, "wait for services; what was not reported is unknown");
	}
	flush(&r);
	text_free(&r.text);
	return tally_code(&r.tally);
}

/* A name says nothing where there is no tree; but enable and disable may come before it. */
static void need_run(struct options const *o, struct where const *w, struct targets const *ts)
{
	if (w->fd >= 0 || o->verb->kind == VERB_ENABLE || o->verb->kind == VERB_DISABLE)
		return;
	for (size_t i = 0; i < ts->count; i++) {
		if (!ts->list[i].directory)
			die_no_run(w);
	}
}

static void find_targets(struct options const *o, struct where *w, struct targets *ts)
{
	long n = 0;

	if (!o->count) {
		if (w->fd < 0)
			die_no_run(w);
		n = targets_all(ts, w);
	}
	for (int i = 0; i < o->count && n >= 0; i++)
		n = targets_add(ts, w, o->names[i]);
	if (n >= 0) {
		need_run(o, w, ts);
		return;
	}
	if (w->fd < 0)
		die_no_run(w);
	strerr_diefu1sys(EXIT_SYSTEM, "look for services");
}

static int serve(struct options const *o, struct where *w)
{
	struct targets ts = { .list = NULL };
	int code;

	switch ((enum verb_kind)o->verb->kind) {
	case VERB_TREE:
		return admin_tree(o, w);
	case VERB_UPGRADE:
		return upgrade_run(o, w);
	case VERB_VERSION:
		return admin_version(w);
	case VERB_LINT:
		return lint_run(o, w);
	case VERB_PLAN:
		return plan_run(o, w);
	case VERB_GRAPH:
		return tree_run(o, w);
	case VERB_WHY:
		return why_run(o, w);
	case VERB_STATUS:
	case VERB_LIST:
		find_targets(o, w, &ts);
		code = show_services(o, w, &ts);
		break;
	case VERB_SERVICE:
	case VERB_ENABLE:
	case VERB_DISABLE:
	case VERB_WAIT:
	default:
		find_targets(o, w, &ts);
		code = command(o, w, &ts);
		break;
	}
	targets_free(&ts);
	return code;
}

int main(int argc, char **argv)
{
	struct options o;
	struct where w;

	PROG = "svctl";
	if (!fd_sanitize())
		strerr_diefu1sys(EXIT_SYSTEM, "open standard descriptors");
	/* a FIFO may lose its reader at any time; and a child shall not inherit that this is
	 * ignored */
	if (!sig_altignore(SIGPIPE))
		strerr_diefu1sys(EXIT_SYSTEM, "ignore SIGPIPE");
	options_parse(&o, argc, argv);
	where_find(&w, o.run, o.services);
	w.patience = o.wait;
	int code = serve(&o, &w);
	where_close(&w);
	return code;
}
