/* Records under stress: whoever reads one holds it against what it read before, and against what
 * all others have sent and seen. */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"

/* ---------------------------------------------------------------------------------- the book */

static struct frame *slot_of(uint64_t id)
{
	return &stress->frame[(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) % FRAMES];
}

static struct frame *next_slot(struct frame *f)
{
	return f == &stress->frame[FRAMES - 1] ? stress->frame : f + 1;
}

int want_of(int letter)
{
	switch (letter) {
	case 'u':
	case 'r':
		return WANT_UP;
	case 'd':
		return WANT_DOWN;
	case 'o':
		return WANT_ONCE;
	default:
		return -1;
	}
}

void book_enter(uint64_t id, int where, int letter)
{
	struct frame *f = slot_of(id);

	for (int tries = 0;; f = next_slot(f)) {
		uint64_t none = 0;
		if (atomic_compare_exchange_strong(&f->id, &none, id))
			break;
		if (none == id)
			timeline_complain(where, "one id twice; that is no chance");
		if (++tries == FRAMES / 2)
			timeline_complain(where, "the book is full");
	}
	f->where = (uint8_t)where;
	f->letter = (uint8_t)letter;
	if (want_of(letter) < 0)
		return;
	struct wishes *w = &stress->wish[where][stress_self];
	uint32_t n = atomic_load(&w->count);
	atomic_store(&w->id[n % WISHES], id);
	atomic_store(&w->count, n + 1);
}

static struct frame *book_find(uint64_t id)
{
	struct frame *f = slot_of(id);

	for (uint64_t there; (there = atomic_load(&f->id)); f = next_slot(f))
		if (there == id)
			return f;
	return NULL;
}

/* --------------------------------------------------------------------------------- answers */

/* An answer, as the book has it: its number, counted from 1, result and reason. */
#define ANSWER(number, result, why)                                                                \
	(((uint64_t)(number) + 1) << 16 | (uint64_t)(result) << 8 | (uint64_t)(why))
#define NUMBER(answer)   (((answer) >> 16) - 1)
#define IN_DOUBT(answer) (((answer)&0xffff) == ANSWER(-1, RESULT_REFUSED, WHY_DOUBT))

/* It stands where all others have seen it, and nowhere else. Only a frame that is sent again so
 * late that its answer was forgotten gets another one: that it is in doubt. */
static void enter_answer(struct view const *v, struct frame *f, uint64_t number, uint64_t answer)
{
	uint64_t none = 0, id = atomic_load(&f->id);

	if (number >= ANSWERS)
		timeline_complain(v->where, "more answers than there is room for");
	if (!atomic_compare_exchange_strong(&stress->answered[v->where][number], &none, id) &&
		none != id)
		timeline_complain(v->where, "answer %llu was to %llx, and now is to %llx",
			(unsigned long long)number, (unsigned long long)none,
			(unsigned long long)id);
	none = 0;
	if (atomic_compare_exchange_strong(&f->answer[0], &none, answer) || none == answer)
		return;
	uint64_t first = none;
	none = 0;
	if (atomic_compare_exchange_strong(&f->answer[1], &none, answer)) {
		if (!IN_DOUBT(first) && !IN_DOUBT(answer))
			timeline_complain(v->where, "%c %llx was answered twice: %llx, then %llx",
				f->letter, (unsigned long long)id, (unsigned long long)first,
				(unsigned long long)answer);
		atomic_fetch_add(&stress->tally[v->where].doubles, 1);
	} else if (none != answer) {
		timeline_complain(
			v->where, "%c %llx was answered thrice", f->letter, (unsigned long long)id);
	}
}

/* What an acknowledged command makes of the wanted state, and of what may still run. */
static void take_effect(struct view *v, struct frame const *f)
{
	if (want_of(f->letter) >= 0)
		v->want = want_of(f->letter);
	/* whatever ran before it was obeyed goes: it was not yet obeyed when we looked last */
	if (v->seen && (f->letter == 'd' || f->letter == 'r') && v->need_starts < v->s.starts + 1)
		v->need_starts = v->s.starts + 1;
}

static void take_answers(struct view *v, struct status const *s, struct status_ring const *r)
{
	uint64_t from = v->seen ? v->s.acknowledged : 0;

	if (!v->seen)
		v->want = WANT_UP;
	if (s->acknowledged - from > STATUS_RING) {
		v->want = -1;
		from = s->acknowledged - STATUS_RING;
	}
	for (; from < s->acknowledged; from++) {
		size_t slot = (size_t)(from % STATUS_RING);
		struct frame *f = book_find(r->id[slot]);
		if (!f)
			timeline_complain(v->where, "answer %llu is to %llx, which nobody sent",
				(unsigned long long)from, (unsigned long long)r->id[slot]);
		if (f->where != v->where)
			timeline_complain(
				v->where, "an answer to a frame for %s", place_names[f->where]);
		enter_answer(v, f, from, ANSWER(from, r->result[slot], r->why[slot]));
		if (r->result[slot] == RESULT_DONE)
			take_effect(v, f);
	}
}

/* ------------------------------------------------------------------------ record after record */

/* What was answered stays answered, whoever was killed in between. */
static void keeps_answers(struct view const *v, struct status const *s, struct status_ring const *r)
{
	uint64_t from = s->acknowledged > STATUS_RING ? s->acknowledged - STATUS_RING : 0;

	for (; from < v->s.acknowledged; from++) {
		size_t i = (size_t)(from % STATUS_RING);
		if (v->r.id[i] != r->id[i] || v->r.result[i] != r->result[i] ||
			v->r.why[i] != r->why[i])
			timeline_complain(v->where, "answer %llu, to %llx, was taken back",
				(unsigned long long)from, (unsigned long long)v->r.id[i]);
	}
}

static void only_forward(struct view const *v, struct status const *s)
{
	struct status const *old = &v->s;

	if (s->change < old->change || s->acknowledged < old->acknowledged ||
		(int32_t)(s->incarnation - old->incarnation) < 0 || s->starts < old->starts ||
		s->deaths < old->deaths)
		timeline_complain(v->where, "a record was taken back: change %llu, then %llu",
			(unsigned long long)old->change, (unsigned long long)s->change);
	if (s->change == old->change &&
		(s->acknowledged != old->acknowledged || s->state != old->state))
		timeline_complain(
			v->where, "two records are number %llu", (unsigned long long)s->change);
	if ((s->incarnation == old->incarnation) != (s->supervisor == old->supervisor) &&
		s->supervisor)
		timeline_complain(v->where, "incarnation and supervisor do not agree");
}

static void is_coherent(struct view const *v, struct status const *s)
{
	struct status_child const *run = &s->child[ROLE_RUN];
	int alive = s->state == STATE_UP || (s->state == STATE_STARTING && run->pid);

	if (s->state == STATE_UP && (!run->pid || run->phase != PHASE_STARTED))
		timeline_complain(
			v->where, "up, with process %u in phase %u", run->pid, run->phase);
	if ((s->state == STATE_DOWN || s->state == STATE_BACKOFF) && run->pid)
		timeline_complain(v->where, "not running, with process %u", run->pid);
	if (alive && s->starts < v->need_starts)
		timeline_complain(v->where,
			"run number %u is up, after a command that ended it was acknowledged",
			s->starts);
	if (s->reason != REASON_NONE)
		timeline_complain(v->where, "there is a reason: %s", s->reason_text);
	if (s->flags & FLAG_EXIT_UNKNOWN)
		timeline_complain(v->where, "how a process ended was lost");
	if (s->flags & FLAG_EXIT_VALID && s->last_exit && s->last_exit != SIGTERM)
		timeline_complain(v->where, "a process ended with %#x", (unsigned int)s->last_exit);
}

/* Had a sender a command for `want` under way when `acknowledged` frames had been answered? */
static int wished(struct wishes const *w, int want, uint64_t acknowledged)
{
	uint32_t n = atomic_load(&w->count);

	for (uint32_t back = 1; back <= n && back < WISHES; back++) {
		struct frame const *f = book_find(atomic_load(&w->id[(n - back) % WISHES]));
		uint64_t answer = f ? atomic_load(&f->answer[0]) : 0;
		if (answer && NUMBER(answer) < acknowledged)
			return 0; /* so were those before it */
		if (f && want_of(f->letter) == want)
			return 1;
	}
	return 0;
}

/* That a service is to stop is published before it is carried out and acknowledged. */
static int is_under_way(struct view const *v, struct status const *s)
{
	for (int i = 0; i < SENDERS; i++)
		if (wished(&stress->wish[v->where][i], s->want, s->acknowledged))
			return 1;
	return 0;
}

static void is_wanted(struct view const *v, struct status const *s)
{
	/* letters leave no trace */
	if (v->want < 0 || s->want == v->want || v->where == DUO || v->where == SOLO)
		return;
	if (v->want == WANT_ONCE && s->want == WANT_DOWN)
		return; /* it was, and has ended */
	if (s->want == WANT_EXIT && atomic_load(&stress->stopping))
		return;
	if (is_under_way(v, s))
		return;
	timeline_complain(v->where, "wants %s, and %s is what was acknowledged last",
		status_want_name(s->want), status_want_name((unsigned int)v->want));
}

static void note_record(struct view const *v, struct status const *s)
{
	uint64_t newest = atomic_load(&stress->newest[v->where]);

	while (newest < s->change)
		if (atomic_compare_exchange_weak(&stress->newest[v->where], &newest, s->change)) {
			timeline_note(v->where,
				"%llu: %s, want %s, flags %x, run %u/%u, starts %u, deaths %u, "
				"acknowledged %llu, by %u",
				(unsigned long long)s->change, status_state_name(s->state),
				status_want_name(s->want), s->flags, s->child[ROLE_RUN].pid,
				s->child[ROLE_RUN].phase, s->starts, s->deaths,
				(unsigned long long)s->acknowledged, s->supervisor);
			return;
		}
}

/* ----------------------------------------------------------------------------------- the view */

void view_open(struct view *v, int where)
{
	memset(v, 0, sizeof *v);
	v->where = where;
	snprintf(v->path, sizeof v->path, "%s", tree_name("run/%s", place_names[where]));
	v->client = (struct cinit_client)CINIT_CLIENT_ZERO;
	v->client.base = AT_FDCWD;
	v->client.path = v->path;
}

void view_close(struct view *v)
{
	cinit_ipc_release(&v->client);
}

void view_look(struct view *v)
{
	static struct status s;
	static struct status_ring r;
	enum status_error e = cinit_ipc_watch(&v->client, &s, &r);

	if (e != STATUS_OK)
		timeline_complain(v->where, "unable to watch: %d, %s", e, strerror(errno));
	note_record(v, &s);
	if (v->seen) {
		only_forward(v, &s);
		keeps_answers(v, &s, &r);
	}
	take_answers(v, &s, &r);
	if (v->where != CINIT) {
		is_coherent(v, &s);
		is_wanted(v, &s);
	}
	v->s = s;
	v->r = r;
	v->seen = 1;
}

int view_is_over(int where, struct status const *s)
{
	return where == CINIT ? s->state == STATE_DOWN : (s->flags & FLAG_EXITED) != 0;
}

void view_wait(struct view *v, uint64_t limit)
{
	struct pollfd p = { .fd = v->client.out, .events = 0 };
	struct status now = { 0 };
	int n = clock_poll(&p, 1, limit);

	if (n == 1 && p.revents & POLLHUP)
		return;
	status_read(AT_FDCWD, v->path, &now, NULL);
	if (now.change != v->s.change)
		timeline_complain(v->where,
			"a wake-up was lost: the record is number %llu, who sleeps has read %llu",
			(unsigned long long)now.change, (unsigned long long)v->s.change);
	timeline_complain(v->where, "what was awaited does not come");
}
