/* The table of services. */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "goal.h"
#include "report.h"

enum column { NAME, STATE, PID, FOR, WHY };
_Static_assert(WHY + 1 == TABLE_COLUMNS, "every column has its place");

/* How wide a terminal shows it: bytes that continue a UTF-8 sequence take no room. */
static size_t width_of(char const *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void fail(struct table *b)
{
	if (!b->failed)
		b->failed = errno;
}

/* Takes `cell` as it is and empties it. */
static void put(struct table *b, enum column column, struct text *cell)
{
	text_bytes(cell, "", 1);
	char *copy = cell->failed ? NULL : strdup(cell->sa.s);
	if (!copy)
		fail(b);
	else if (width_of(copy) > b->width[column])
		b->width[column] = width_of(copy);
	b->cells[(b->rows - 1) * TABLE_COLUMNS + column] = copy;
	cell->sa.len = 0;
}

static int add_row(struct table *b)
{
	if (b->rows == b->room) {
		size_t more = b->room ? b->room * 2 : 64;
		char **cells = realloc(b->cells, more * TABLE_COLUMNS * sizeof *cells);
		if (!cells) {
			fail(b);
			return -1;
		}
		b->cells = cells;
		b->room = more;
	}
	memset(b->cells + b->rows * TABLE_COLUMNS, 0, TABLE_COLUMNS * sizeof *b->cells);
	b->rows++;
	return 0;
}

void table_head(struct table *b)
{
	static char const *const head[] = { "NAME", "STATE", "PID", "FOR", "WHY" };
	struct text t = TEXT_ZERO;

	if (add_row(b) < 0)
		return;
	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		text_add(&t, head[i]);
		put(b, (enum column)i, &t);
	}
	text_free(&t);
}

static void add_part(struct text *t, uint64_t n, int digits, char const *unit)
{
	if (digits == 2 && n < 10)
		text_add(t, "0");
	text_number(t, n);
	text_add(t, unit);
}

void table_duration(struct text *t, uint64_t seconds)
{
	uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (days) {
		add_part(t, days, 1, "d");
		add_part(t, hours % 24, 2, "h");
	} else if (hours) {
		add_part(t, hours, 1, "h");
		add_part(t, minutes % 60, 2, "m");
	} else if (minutes) {
		add_part(t, minutes, 1, "m");
		add_part(t, seconds % 60, 2, "s");
	} else {
		add_part(t, seconds, 1, "s");
	}
}

/* A separator before every word but the first. */
static struct text *also(struct text *t)
{
	if (t->sa.len)
		text_add(t, ", ");
	return t;
}

static void add_why(struct text *t, struct view const *v)
{
	struct status const *s = &v->status;
	int rests = s->state == STATE_DOWN || s->state == STATE_FAILED;

	if (v->seen == SEEN_UNREADABLE)
		text_add(t, view_error_text(v->error, v->error_number));
	if (v->seen == SEEN_NO_SERVICE)
		text_add(t, "no such service");
	if (v->seen != SEEN_RECORD)
		return;
	if (!v->supervised && !status_exited(s))
		text_add(t, REPORT_NO_SUPERVISOR);
	if (report_reason(s))
		text_foreign(also(t), s->reason_text);
	/* of a service that runs, only what nobody asked for is worth telling */
	if ((s->flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN)) && (s->deaths || rests))
		report_exit(also(t), s);
	if (s->restarts) {
		text_number(also(t), s->restarts);
		text_add(t, s->restarts == 1 ? " restart" : " restarts");
	}
	if (s->strays) {
		text_number(also(t), s->strays);
		text_add(t, s->strays == 1 ? " process left" : " processes left");
	}
	if (rests && (s->flags & FLAG_NORMALLY_DOWN))
		text_add(also(t), "normally down");
}

static char const *state_word(struct view const *v)
{
	struct status const *s = &v->status;

	if (v->seen != SEEN_RECORD)
		return v->seen == SEEN_NOTHING ? "new" : "unknown";
	if (status_exited(s))
		return "exited";
	if (s->state == STATE_UP && (s->flags & FLAG_PAUSED))
		return "paused";
	return status_state_name(s->state);
}

static uint64_t since(struct status const *s, uint32_t pid)
{
	return pid && s->started ? s->started : s->since;
}

void table_service(struct table *b, char const *name, struct view const *v, uint64_t now)
{
	struct status const *s = &v->status;
	uint32_t run = s->child[ROLE_RUN].pid, pid = run ? run : s->child[ROLE_FINISH].pid;
	uint64_t from = since(s, pid);
	struct text t = TEXT_ZERO;

	if (add_row(b) < 0)
		return;
	text_foreign(&t, name);
	put(b, NAME, &t);
	text_add(&t, state_word(v));
	put(b, STATE, &t);
	if (pid)
		text_number(&t, pid);
	else
		text_add(&t, "-");
	put(b, PID, &t);
	if (from)
		table_duration(&t, from < now ? (now - from) / CLOCK_SECOND : 0);
	else
		text_add(&t, "-");
	put(b, FOR, &t);
	add_why(&t, v);
	put(b, WHY, &t);
	text_free(&t);
}

static void pad(struct text *t, size_t n)
{
	static char const blanks[] = "                ";
	for (; n >= sizeof blanks - 1; n -= sizeof blanks - 1)
		text_add(t, blanks);
	text_bytes(t, blanks, n);
}

static void print_row(struct table const *b, size_t row, struct text *t)
{
	char *const *cells = b->cells + row * TABLE_COLUMNS;
	size_t owed = 0; /* blanks are put before a word, never at the end of a line */

	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		char const *cell = cells[i] ? cells[i] : "";
		size_t left = b->width[i] - (cells[i] ? width_of(cell) : 0);
		int right = i == PID || i == FOR; /* numbers stand under each other's ends */
		if (!*cell) {
			owed += b->width[i] + 2;
			continue;
		}
		pad(t, owed + (right ? left : 0));
		text_add(t, cell);
		owed = 2 + (right ? 0 : left);
	}
	text_add(t, "\n");
}

void table_print(struct table *b, struct text *t)
{
	for (size_t row = 0; row < b->rows; row++)
		print_row(b, row, t);
	for (size_t i = 0; i < b->rows * TABLE_COLUMNS; i++)
		free(b->cells[i]);
	free(b->cells);
	if (b->failed && !t->failed)
		t->failed = b->failed;
	*b = (struct table)TABLE_ZERO;
}
