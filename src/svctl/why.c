/* why: the one reason why a service is not up, followed through what it needs to the root. */
#include <skalibs/nonposix.h>

#include "svctl.h"

#include <stdlib.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "report.h"
#include "world.h"

struct search {
	struct world *x;
	uint32_t *from; /* the node that waits for this one; GRAPH_NONE: not reached */
	uint32_t *queue;
};

/* Does it wait for what it depends on, so that the reason is to be looked for there? */
static int is_waiting(struct world const *x, uint32_t n)
{
	struct status const *s = world_status(x, n);
	return s && s->state == STATE_WAITING;
}

/* A want is settled, too, when it gave up, waits in vain or is meant to be down. */
static int has_settled(struct status const *s)
{
	return s->state == STATE_FAILED || (s->flags & FLAG_HELD) || status_exited(s) ||
	       (s->state == STATE_DOWN && (s->want == WANT_UP || s->reason == REASON_ENDED)) ||
	       (s->state == STATE_WAITING && (s->flags & FLAG_BLOCKED));
}

static int is_awaited(struct world const *x, struct graph_edge const *e)
{
	struct status const *s = world_status(x, e->node);

	if (world_is_ready(x, e->node))
		return 0;
	return e->kind != DEPENDENCY_WANTS || (!e->loose && s && !has_settled(s));
}

/* How sure it is that it will not come up by itself. */
static int weight(struct world const *x, uint32_t n)
{
	struct status const *s = world_status(x, n);

	if (!s || world_obstacle(x, n))
		return 3;
	if (s->state == STATE_DOWN || s->state == STATE_BACKOFF)
		return 2;
	return s->state == STATE_WAITING ? 0 : 1;
}

/* Breadth first through those that wait: of the heaviest, the nearest. */
static uint32_t find_root(struct search *k, uint32_t first)
{
	struct graph const *g = &k->x->graph;
	size_t head = 0, tail = 0;
	uint32_t root = first;
	int heaviest = -1;

	memset(k->from, 0xff, g->count * sizeof *k->from); /* GRAPH_NONE */
	k->queue[tail++] = first;
	k->from[first] = first;
	while (head < tail) {
		uint32_t n = k->queue[head++];
		int w = weight(k->x, n);
		if (n != first && w > heaviest) {
			heaviest = w;
			root = n;
		}
		if (!is_waiting(k->x, n))
			continue;
		for (struct graph_edge const *e = graph_out(g, n); e < graph_out_end(g, n); e++) {
			if (k->from[e->node] != GRAPH_NONE || !is_awaited(k->x, e))
				continue;
			k->from[e->node] = n;
			k->queue[tail++] = e->node;
		}
	}
	return root;
}

static char const *kind_of(struct graph const *g, uint32_t n, uint32_t need)
{
	struct graph_edge const *e = graph_out(g, n);
	while (e->node != need)
		e++;
	return e->kind == DEPENDENCY_WANTS ? "wants " : "needs ";
}

struct cycle {
	struct graph const *g;
	struct text *text;
	uint32_t node;
};

static int tell_cycle(void *data, uint32_t const *path, size_t count)
{
	struct cycle *c = data;
	size_t i = 0;

	while (i < count && path[i] != c->node)
		i++;
	if (i == count)
		return 0;
	char *all = graph_cycle_text(c->g, path, count);
	text_add(c->text, ", and that is a cycle: ");
	text_foreign(c->text, all ? all : "");
	free(all);
	return 1;
}

/* What the root of it all waits for is no other service's state. */
static void add_end(struct text *t, struct world *x, uint32_t root)
{
	struct status const *s = world_status(x, root);
	struct cycle c = { .g = &x->graph, .text = t, .node = root };

	if (!is_waiting(x, root))
		return;
	if (x->graph.node[root].cyclic) {
		if (graph_cycles(&x->graph, GRAPH_NEEDS, tell_cycle, &c) < 0)
			strerr_diefu1sys(EXIT_SYSTEM, "look for cycles");
	} else if (s->reason_text[0]) {
		text_add(t, ", ");
		text_foreign(t, s->reason_text);
	}
}

static void explain(struct search *k, struct text *t, uint32_t node)
{
	struct graph const *g = &k->x->graph;
	uint32_t root = find_root(k, node);
	size_t steps = 0;

	text_foreign(t, world_name(k->x, node));
	text_add(t, ": ");
	world_describe(t, k->x, node);
	for (uint32_t n = root; n != node; n = k->from[n])
		k->queue[steps++] = n;
	for (uint32_t n = node, need; steps--; n = need) {
		need = k->queue[steps];
		text_add(t, ", ");
		text_add(t, kind_of(g, n, need));
		text_foreign(t, world_name(k->x, need));
		text_add(t, ": ");
		world_describe(t, k->x, need);
	}
	add_end(t, k->x, root);
	text_add(t, "\n");
}

int why_run(struct options const *o, struct where *w)
{
	struct world x;
	struct tally y = { 0 };
	struct text t = TEXT_ZERO;
	struct search k = { .x = &x };

	if (w->fd < 0)
		die_no_run(w);
	world_load(&x, w, o->names, o->count);
	if (!x.view)
		strerr_dief(EXIT_SYSTEM, "no tree runs in ", w->run);
	k.from = calloc(x.graph.count + 1, sizeof *k.from);
	k.queue = calloc(x.graph.count + 1, sizeof *k.queue);
	if (!k.from || !k.queue)
		strerr_diefu1sys(EXIT_SYSTEM, "look for reasons");
	for (size_t i = 0; i < x.chosen_count; i++)
		explain(&k, &t, x.chosen[i]);
	if (text_write(&t, 1) < 0)
		die_output();
	y.failed = x.unknown;
	text_free(&t);
	free(k.from);
	free(k.queue);
	world_free(&x);
	return tally_code(&y);
}
