/* status and list: one look at each service, in the order in which they were named. */
#include "svctl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <skalibs/strerr.h>

#include "clock.h"
#include "goal.h"
#include "json.h"
#include "path.h"
#include "printable.h"
#include "report.h"
#include "table.h"
#include "view.h"

#define FLUSH                                                                                      \
	8192   /* bytes of output that are held back at most: fresh memory costs more than a write \
		*/
#define MANY 2 /* so that it pays to ask cinit once instead of each supervisor */

struct show {
	struct options const *o;
	struct where *w;
	struct text text;
	struct table table;
	uint64_t now;
	int64_t wall;
	unsigned long shown, failed;
	int many;
};

static void look(struct show *s, struct view *v, struct target const *t, char const *path)
{
	view_read(v, t->base, path, s->many && t->service && where_keeps(s->w));
}

static int has_logger(struct target const *t, struct view const *v)
{
	return v->seen == SEEN_RECORD && v->status.flags & FLAG_HAS_LOG && !t->is_log;
}

/* The logger's record. 0: it has too long a path. */
static __attribute__((noinline)) int view_log(
	struct show *s, struct view *log, struct target const *t)
{
	char path[PATH_MAX];

	if (path_join(path, t->state, "log") < 0)
		return 0;
	look(s, log, t, path);
	return 1;
}

static void show_line(
	struct show *s, struct target const *t, struct view const *v, struct view const *log)
{
	s->failed += (unsigned long)report_view(&s->text, t->typed, v, s->now);
	if (log) {
		text_add(&s->text, "; ");
		report_view(&s->text, "log", log, s->now);
	}
	text_add(&s->text, "\n");
}

static void show_row(
	struct show *s, struct target const *t, struct view const *v, struct view const *log)
{
	char name[PATH_MAX];
	int log_is_well = log && log->seen == SEEN_RECORD && log->supervised &&
			  log->status.state == STATE_UP && !(log->status.flags & FLAG_PAUSED);

	table_service(&s->table, t->typed, v, s->now);
	if (log && (s->o->verbose || (!log_is_well && !status_exited(&v->status))) &&
		path_join(name, t->typed, "log") == 0)
		table_service(&s->table, name, log, s->now);
}

static void show_object(
	struct show *s, struct target const *t, struct view const *v, struct view const *log)
{
	text_add(&s->text, s->shown ? ",\n" : "[\n");
	json_service(&s->text, t->typed, v, log, s->now, s->wall);
}

static void show_one(struct show *s, struct target const *t)
{
	struct view v, log;
	struct view const *has_log;
	int is_list = s->o->verb->kind == VERB_LIST;

	if (t->missing)
		v = (struct view){ .seen = SEEN_NO_SERVICE };
	else
		look(s, &v, t, t->state);
	/* a service directory in which no supervisor ever was */
	if (v.seen == SEEN_NO_SERVICE && !t->service && !t->missing)
		v.seen = SEEN_NOTHING;
	/* cinit has made the place, and is about to start who publishes in it */
	if (v.seen == SEEN_NOTHING && t->service && where_alive(s->w))
		v.supervised = 1;
	has_log = has_logger(t, &v) && view_log(s, &log, t) ? &log : NULL;
	if (has_log && log.seen == SEEN_NOTHING)
		log.supervised = v.supervised;
	if (s->o->json)
		show_object(s, t, &v, has_log);
	else if (is_list)
		show_row(s, t, &v, has_log);
	else
		show_line(s, t, &v, has_log);
	if (is_list || s->o->json)
		s->failed += v.seen == SEEN_NO_SERVICE || v.seen == SEEN_UNREADABLE ||
			     (!is_list && !v.supervised);
	s->shown++;
}

static void flush(struct show *s)
{
	if (text_write(&s->text, 1) < 0)
		die_output();
}

static void flush_full(void *data)
{
	struct show *s = data;

	if (s->text.sa.len >= FLUSH)
		flush(s);
}

/* What the rows cannot tell: that nobody keeps them, or that one is missing. */
static void warn_of_tree(struct where *w)
{
	char text[STATUS_TEXT];
	struct view v;

	if (w->fd < 0)
		return;
	view_read(&v, w->fd, RUNDIR_TREE, 0);
	if (!where_alive(w))
		strerr_warn(PROG, ": warning: no cinit runs in ", w->run);
	else if (v.seen == SEEN_RECORD && v.status.reason == REASON_PUBLISH)
		strerr_warn(PROG, ": warning: cinit in ", w->run, ": ",
			printable_copy(text, sizeof text, v.status.reason_text));
}

int show_services(struct options const *o, struct where *w, struct targets const *ts)
{
	struct show s = { .o = o, .w = w, .text = TEXT_ZERO, .table = TABLE_ZERO };
	struct tally y = { 0 };

	s.many = ts->count >= MANY;
	s.now = clock_boottime();
	if (o->json)
		s.wall = (int64_t)time(NULL);
	if (o->verb->kind == VERB_LIST)
		warn_of_tree(w);
	if (o->verb->kind == VERB_LIST && !o->json)
		table_head(&s.table);
	for (size_t i = 0; i < ts->count; i++) {
		show_one(&s, ts->list + i);
		flush_full(&s);
	}
	if (o->json)
		text_add(&s.text, s.shown ? "\n]\n" : "[]\n");
	else if (o->verb->kind == VERB_LIST)
		table_print(&s.table, &s.text, flush_full, &s);
	flush(&s);
	text_free(&s.text);
	y.failed = s.failed;
	return tally_code(&y);
}
