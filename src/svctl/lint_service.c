/* What is wrong in one service directory. */
#include <skalibs/nonposix.h>

#include "lint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/unix-transactional.h>

#include "lint_foreign.h"
#include "names.h"
#include "path.h"

void lint_say(struct lint *l, enum lint_weight weight, struct lint_place const *p, char const *file,
	unsigned long line, char const *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	text_foreign(&l->text, p->path);
	if (file) {
		text_add(&l->text, "/");
		text_foreign(&l->text, file);
	}
	if (line) {
		text_add(&l->text, ":");
		text_number(&l->text, line);
	}
	text_add(&l->text, weight == LINT_ERROR ? ": " : ": warning: ");
	text_foreign(&l->text, text);
	text_add(&l->text, "\n");
	if (weight == LINT_ERROR)
		l->errors++;
	else
		l->warnings++;
}

/* Which entries there are, a bit each by the table's index. */
static int has(uint64_t entries, char const *name)
{
	int row = lint_row(name);
	return row >= 0 && (entries >> row & 1);
}

/* What others left there, and what an editor did. */
static int is_nobodys(char const *name)
{
	return !strcmp(name, "supervise") || !strcmp(name, "event") ||
	       name[strlen(name) - 1] == '~';
}

static void look_at_unknown(struct lint *l, struct lint_place const *p, char const *name)
{
	char const *foreign = lint_foreign(name);
	char const *meant = is_nobodys(name) ? NULL : lint_suggest(name);

	if (foreign)
		lint_say(l, LINT_WARNING, p, name, 0, "is passed over, it is %s", foreign);
	else if (meant)
		lint_say(l, LINT_WARNING, p, name, 0, "is passed over; did you mean `%s'?", meant);
}

static void look_at_logger(struct lint *l, struct lint_place const *p, char const *name)
{
	struct lint_place log = { .name = p->name, .is_log = 1 };
	char path[PATH_MAX];

	log.dir = open2_at(p->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log.dir < 0 || path_join(path, p->path, name) < 0) {
		lint_say(l, LINT_ERROR, p, name, 0, "%s", strerror(errno));
	} else {
		log.path = path;
		lint_service(l, &log, NULL);
	}
	if (log.dir >= 0)
		fd_close(log.dir);
}

static void look_at_entry(struct lint *l, struct lint_place const *p, struct graph const *g,
	uint64_t entries, struct lint_row const *row)
{
	if (p->is_log && row->not_in_log)
		lint_say(l, LINT_WARNING, p, row->name, 0, "has no effect in a logger's directory");
	else if (row->type == LINT_PROGRAM)
		lint_program(l, p, row->name);
	else if (row->type == LINT_LOGGER)
		look_at_logger(l, p, row->name);
	else if (row->type == LINT_DEPENDENCIES)
		lint_depend(l, p, g, row);
	else
		lint_value(l, p, row);
	if (!strcmp(row->name, "down") && entry_exists(p->dir, "up"))
		lint_say(l, LINT_WARNING, p, row->name, 0,
			"keeps the service from being started at boot; what brings a oneshot down "
			"is called `off' here");
	if (row->with && !has(entries, row->with))
		lint_say(l, LINT_WARNING, p, row->name, 0, "has no effect without `%s'", row->with);
}

/* What contradicts itself, or amounts to nothing. */
static void look_at_whole(struct lint *l, struct lint_place const *p, uint64_t entries)
{
	if (has(entries, "run") && has(entries, "on"))
		lint_say(l, LINT_ERROR, p, "on", 0,
			"contradicts `run': a service is one or the other");
	if (has(entries, "notification-fd") && has(entries, "notify"))
		lint_say(l, LINT_ERROR, p, "notify", 0,
			"contradicts `notification-fd': readiness is told one way");
	if (has(entries, "ready-line") &&
		(has(entries, "notification-fd") || has(entries, "notify")))
		lint_say(l, LINT_ERROR, p, "ready-line", 0,
			"contradicts `%s': readiness is told one way",
			has(entries, "notify") ? "notify" : "notification-fd");
	if (has(entries, "run") || has(entries, "on"))
		return;
	if (p->is_log)
		lint_say(l, LINT_ERROR, p, NULL, 0, "holds no `run': nobody reads the log");
	else if (!has(entries, "needs") && !has(entries, "wants") && !has(entries, "binds"))
		lint_say(l, LINT_ERROR, p, NULL, 0,
			"holds no `run', no `on' and no dependencies: nothing that could be up");
}

void lint_service(struct lint *l, struct lint_place const *p, struct graph const *g)
{
	struct names n = { .list = NULL };
	uint64_t entries = 0;
	int listed = names_read(&n, p->dir, ".", NULL) == 0;

	if (!listed)
		lint_say(l, LINT_ERROR, p, NULL, 0, "unable to list it: %s", strerror(errno));
	for (size_t i = 0; i < n.count; i++) {
		int row = lint_row(n.list[i]);
		if (row >= 0)
			entries |= UINT64_C(1) << row;
	}
	for (size_t i = 0; i < n.count; i++) {
		int row = lint_row(n.list[i]);
		if (row >= 0)
			look_at_entry(l, p, g, entries, lint_table + row);
		else
			look_at_unknown(l, p, n.list[i]);
	}
	if (listed)
		look_at_whole(l, p, entries);
	names_free(&n);
}
