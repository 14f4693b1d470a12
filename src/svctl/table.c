/* The table of services. */
#include "table.h"

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

/* The cell is complete. */
static void put(struct table *b, enum column column)
{
	text_bytes(&b->cells, "", 1);
	if (b->cells.failed)
		return;
	size_t width = width_of(b->cells.sa.s + b->begin);
	if (width > b->width[column])
		b->width[column] = width;
	b->begin = b->cells.sa.len;
}

void table_head(struct table *b)
{
	static char const *const head[] = { "NAME", "STATE", "PID", "FOR", "WHY" };

	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		text_add(&b->cells, head[i]);
		put(b, (enum column)i);
	}
	b->rows++;
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
static struct text *also(struct table *b)
{
	if (b->cells.sa.len > b->begin)
		text_add(&b->cells, ", ");
	return &b->cells;
}

static void add_why(struct table *b, struct view const *v)
{
	struct text *t = &b->cells;
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
		text_foreign(also(b), s->reason_text);
	/* of a service that runs, only what nobody asked for is worth telling */
	if ((s->flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN)) && (s->deaths || rests))
		report_exit(also(b), s);
	if (s->restarts) {
		text_number(also(b), s->restarts);
		text_add(t, s->restarts == 1 ? " restart" : " restarts");
	}
	if (s->strays) {
		text_number(also(b), s->strays);
		text_add(t, s->strays == 1 ? " process left" : " processes left");
	}
	if (rests && (s->flags & FLAG_NORMALLY_DOWN))
		text_add(also(b), "normally down");
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
	struct text *t = &b->cells;

	text_foreign(t, name);
	put(b, NAME);
	text_add(t, state_word(v));
	put(b, STATE);
	if (pid)
		text_number(t, pid);
	else
		text_add(t, "-");
	put(b, PID);
	if (from)
		table_duration(t, from < now ? (now - from) / CLOCK_SECOND : 0);
	else
		text_add(t, "-");
	put(b, FOR);
	add_why(b, v);
	put(b, WHY);
	b->rows++;
}

static void pad(struct text *t, size_t n)
{
	static char const blanks[] = "                ";
	for (; n >= sizeof blanks - 1; n -= sizeof blanks - 1)
		text_add(t, blanks);
	text_bytes(t, blanks, n);
}

/* Returns the next row. */
static char const *print_row(struct table const *b, char const *cell, struct text *t)
{
	size_t owed = 0; /* blanks are put before a word, never at the end of a line */

	for (size_t i = 0; i < TABLE_COLUMNS; i++, cell += strlen(cell) + 1) {
		size_t left = b->width[i] - width_of(cell);
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
	return cell;
}

void table_print(struct table *b, struct text *t, void (*each)(void *data), void *data)
{
	char const *row = b->cells.sa.s;

	if (b->cells.failed)
		t->failed = b->cells.failed;
	for (size_t i = 0; i < b->rows && !t->failed; i++) {
		row = print_row(b, row, t);
		if (each)
			each(data);
	}
	text_free(&b->cells);
	*b = (struct table)TABLE_ZERO;
}
