/* plan: what `up' or `down' would start and stop, and in what order. Nothing is done.
 *
 * It is foretold from the service directory as it is now and from the records as they are now. Who
 * was started before an edit, and what changes meanwhile, can make it come differently. */
#include <skalibs/nonposix.h>

#include "svctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "report.h"
#include "world.h"

struct plan {
	struct world *x;
	struct text text, never; /* what will be, and what not */
	uint32_t *wave;          /* of each node; 0: nothing happens to it */
	uint32_t *queue;         /* nodes that are to be followed */
	size_t queued;
	unsigned char *mark; /* enum mark */
	unsigned long failed;
};

enum mark {
	MARK_NAMED = 1,   /* on the command line */
	MARK_NEVER = 2,   /* will not come up */
	MARK_ALREADY = 4, /* is as it is to be */
	MARK_FREED = 8,   /* nobody wants it up any more */
	MARK_BACK = 16    /* is stopped and wants to come back */
};

static void begin(struct plan *p)
{
	size_t n = p->x->graph.count + 1;

	p->wave = calloc(n, sizeof *p->wave);
	p->queue = calloc(n, sizeof *p->queue);
	p->mark = calloc(n, 1);
	if (!p->wave || !p->queue || !p->mark)
		strerr_diefu1sys(EXIT_SYSTEM, "make a plan");
	for (size_t i = 0; i < p->x->chosen_count; i++)
		p->mark[p->x->chosen[i]] = MARK_NAMED;
}

static void take(struct plan *p, uint32_t node)
{
	if (p->wave[node] || (p->mark[node] & MARK_ALREADY))
		return;
	p->wave[node] = 1;
	p->queue[p->queued++] = node;
}

static void order(struct plan *p, enum graph_direction direction)
{
	if (graph_waves(&p->x->graph, direction, p->wave) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "make a plan");
}

static int by_wave(void const *a, void const *b, void *data)
{
	struct plan const *p = data;
	uint32_t x = *(uint32_t const *)a, y = *(uint32_t const *)b;

	if (p->wave[x] != p->wave[y])
		return p->wave[x] < p->wave[y] ? -1 : 1;
	return strcmp(world_name(p->x, x), world_name(p->x, y));
}

/* "wave 2: start a, b" */
static void add_waves(struct plan *p, char const *verb)
{
	uint32_t last = 0;

	if (p->queued)
		qsort_r(p->queue, p->queued, sizeof *p->queue, by_wave, p);
	for (size_t i = 0; i < p->queued; i++) {
		uint32_t wave = p->wave[p->queue[i]];
		if (!wave || wave == GRAPH_NEVER)
			continue;
		if (wave != last) {
			text_add(&p->text, last ? "\nwave " : "wave ");
			text_number(&p->text, wave);
			text_add(&p->text, ": ");
			text_add(&p->text, verb);
			text_add(&p->text, " ");
		} else {
			text_add(&p->text, ", ");
		}
		text_foreign(&p->text, world_name(p->x, p->queue[i]));
		last = wave;
	}
	if (last)
		text_add(&p->text, "\n");
}

/* "LABEL: a, b" of those that have a mark. */
static void add_list(struct plan *p, char const *label, enum mark mark)
{
	int some = 0;

	for (uint32_t i = 0; i < p->x->graph.count; i++) {
		if (!(p->mark[i] & mark))
			continue;
		text_add(&p->text, some++ ? ", " : label);
		text_foreign(&p->text, world_name(p->x, i));
	}
	if (some)
		text_add(&p->text, "\n");
}

/* ------------------------------------------------------------------------------------------- up */

/* Everything that is named, and what it depends on, as far as it is not there already. */
static void gather_up(struct plan *p)
{
	struct graph const *g = &p->x->graph;

	for (size_t i = 0; i < p->x->chosen_count; i++)
		take(p, p->x->chosen[i]);
	for (size_t i = 0; i < p->queued; i++) {
		uint32_t n = p->queue[i];
		if (world_is_ready(p->x, n)) {
			p->mark[n] |= MARK_ALREADY;
			p->wave[n] = 0;
			continue;
		}
		for (struct graph_edge const *e = graph_out(g, n); e < graph_out_end(g, n); e++)
			if (!e->loose)
				take(p, e->node);
	}
}

/* A named one is told to be up, which ends a failure and a hold. */
static char const *obstacle(struct plan const *p, uint32_t n)
{
	struct graph_node const *node = p->x->graph.node + n;

	if ((p->mark[n] & MARK_NAMED) && world_status(p->x, n) && !node->error && !node->cyclic)
		return NULL;
	return world_obstacle(p->x, n);
}

static void say_never(struct plan *p, uint32_t n, char const *why, char const *whom)
{
	text_add(&p->never, "never: ");
	text_foreign(&p->never, world_name(p->x, n));
	text_add(&p->never, ": ");
	text_foreign(&p->never, why);
	text_foreign(&p->never, whom);
	text_add(&p->never, "\n");
	p->mark[n] |= MARK_NEVER;
	p->failed += (p->mark[n] & MARK_NAMED) != 0;
}

/* Who can never come up keeps those down that need it, and so on; those that only want it do not
 * wait in vain. */
static void judge_up(struct plan *p)
{
	struct graph const *g = &p->x->graph;
	uint32_t *lame = calloc(g->count + 1, sizeof *lame);
	size_t count = 0;

	if (!lame)
		strerr_diefu1sys(EXIT_SYSTEM, "make a plan");
	for (size_t i = 0; i < p->queued; i++) {
		uint32_t n = p->queue[i];
		char const *why = p->wave[n] ? obstacle(p, n) : NULL;
		if (!why)
			continue;
		say_never(p, n, why, "");
		lame[count++] = n;
	}
	for (size_t i = 0; i < count; i++)
		for (struct graph_edge const *e = graph_in(g, lame[i]);
			e < graph_in_end(g, lame[i]); e++) {
			if (e->kind == DEPENDENCY_WANTS || !p->wave[e->node] ||
				(p->mark[e->node] & MARK_NEVER))
				continue;
			say_never(p, e->node, "needs ", world_name(p->x, lame[i]));
			lame[count++] = e->node;
		}
	for (size_t i = 0; i < count; i++)
		p->wave[lame[i]] = 0;
	free(lame);
}

static void plan_up(struct plan *p)
{
	gather_up(p);
	if (p->queued)
		qsort_r(p->queue, p->queued, sizeof *p->queue, by_wave, p);
	judge_up(p);
	order(p, GRAPH_UP);
	add_waves(p, "start");
	add_list(p, "up already: ", MARK_ALREADY);
	text_bytes(&p->text, p->never.sa.s, p->never.sa.len);
}

/* ----------------------------------------------------------------------------------------- down */

/* What runs; all of it, where no tree tells. */
static int is_there(struct plan const *p, uint32_t n)
{
	return !p->x->view || world_is_active(p->x, n);
}

static void gather_down(struct plan *p)
{
	struct graph const *g = &p->x->graph;

	for (size_t i = 0; i < p->x->chosen_count; i++) {
		if (is_there(p, p->x->chosen[i]))
			take(p, p->x->chosen[i]);
		else
			p->mark[p->x->chosen[i]] |= MARK_ALREADY;
	}
	for (size_t i = 0; i < p->queued; i++)
		for (struct graph_edge const *e = graph_in(g, p->queue[i]);
			e < graph_in_end(g, p->queue[i]); e++)
			if (e->kind != DEPENDENCY_WANTS && is_there(p, e->node))
				take(p, e->node);
}

/* Is it up only because others want it, and do none of them any more? */
static int is_freed(struct plan const *p, uint32_t n)
{
	struct graph const *g = &p->x->graph;
	struct status const *s = world_status(p->x, n);

	if (!s || !(s->flags & FLAG_IMPLIED) || (s->flags & FLAG_ASKED) || p->wave[n])
		return 0;
	for (struct graph_edge const *e = graph_in(g, n); e < graph_in_end(g, n); e++)
		if (!e->loose && world_is_active(p->x, e->node) &&
			!(p->mark[e->node] & (MARK_NAMED | MARK_FREED)))
			return 0;
	return 1;
}

/* Those that depend on what is stopped go on wanting up, and keep what else they need; who was told
 * to be down lets go of it. */
static void gather_freed(struct plan *p)
{
	struct graph const *g = &p->x->graph;

	for (size_t i = 0; i < p->queued; i++) {
		if (!(p->mark[p->queue[i]] & (MARK_NAMED | MARK_FREED)))
			continue;
		for (struct graph_edge const *e = graph_out(g, p->queue[i]);
			e < graph_out_end(g, p->queue[i]); e++)
			if (!e->loose && is_freed(p, e->node)) {
				p->mark[e->node] |= MARK_FREED;
				take(p, e->node);
			}
	}
}

/* "refused without --force: db is needed by a, b" */
static void say_refused(struct plan *p)
{
	struct graph const *g = &p->x->graph;

	for (size_t i = 0; i < p->x->chosen_count; i++) {
		uint32_t n = p->x->chosen[i];
		int some = 0;
		for (struct graph_edge const *e = graph_in(g, n); e < graph_in_end(g, n); e++) {
			if (e->kind == DEPENDENCY_WANTS || !p->wave[e->node] ||
				(p->mark[e->node] & MARK_NAMED))
				continue;
			if (!some++) {
				text_add(&p->text, "refused without --force: ");
				text_foreign(&p->text, world_name(p->x, n));
				text_add(&p->text, " is needed by ");
			} else {
				text_add(&p->text, ", ");
			}
			text_foreign(&p->text, world_name(p->x, e->node));
		}
		text_add(&p->text, some ? "\n" : "");
	}
}

static void plan_down(struct plan *p)
{
	gather_down(p);
	say_refused(p);
	gather_freed(p);
	order(p, GRAPH_DOWN);
	add_waves(p, "stop");
	for (size_t i = 0; i < p->queued; i++)
		if (!(p->mark[p->queue[i]] & (MARK_NAMED | MARK_FREED)))
			p->mark[p->queue[i]] |= MARK_BACK;
	add_list(p, "waits then, to come back: ", MARK_BACK);
	add_list(p, "down already: ", MARK_ALREADY);
}

int plan_run(struct options const *o, struct where *w)
{
	struct world x;
	struct plan p = { .x = &x, .text = TEXT_ZERO, .never = TEXT_ZERO };
	struct tally y = { 0 };
	int up = !strcmp(o->names[0], "up");

	if (!up && strcmp(o->names[0], "down") != 0)
		strerr_dief(EXIT_USAGE, "plan: `", o->names[0],
			"' is not up or down; try `svctl --help'");
	if (o->count < 2)
		strerr_dief(EXIT_USAGE, "plan: for which service? '*' means all of them");
	world_load(&x, w, o->names + 1, o->count - 1);
	begin(&p);
	if (!x.view)
		text_add(&p.text, up ? "no tree runs: taking all services to be down\n"
				     : "no tree runs: taking all services to be up\n");
	if (up)
		plan_up(&p);
	else
		plan_down(&p);
	if (text_write(&p.text, 1) < 0)
		die_output();
	y.failed = p.failed + x.unknown;
	text_free(&p.text);
	text_free(&p.never);
	free(p.wave);
	free(p.queue);
	free(p.mark);
	world_free(&x);
	return tally_code(&y);
}
