/* The graph of services: who waits for himself; see graph.h. Tangles are what textbooks call
 * strongly connected components; they are found as Tarjan does it, with a stack of our own. */
#include <skalibs/nonposix.h>

#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/stralloc.h>
#include <skalibs/types.h>

#define SHOWN 12 /* names in a cycle's text; of a longer one the middle is left out */

struct search {
	struct graph *g;
	unsigned int kinds;
	uint32_t *block;   /* all of the below */
	uint32_t *order;   /* when it was first seen; 0: not yet */
	uint32_t *low;     /* the earliest that it leads to */
	uint32_t *tangle;  /* its tangle, from 1 on; 0: not yet known */
	uint32_t *next;    /* how many of its edges have been followed */
	uint32_t *way;     /* the nodes between the first and the one that we are at */
	uint32_t *waiting; /* seen, and of no tangle yet */
	uint32_t depth, waits, seen, tangles;
};

static int is_followed(struct search const *s, struct graph_edge const *e)
{
	return (s->kinds >> e->kind & 1u) != 0;
}

/* ----------------------------------------------------------------------------------- tangles */

static void enter(struct search *s, uint32_t n)
{
	s->order[n] = s->low[n] = ++s->seen;
	s->way[s->depth++] = n;
	s->waiting[s->waits++] = n;
}

/* Everything behind `n` has been seen. What waits since it was entered is its tangle, unless
 * something of it led to an earlier one. */
static void leave(struct search *s, uint32_t n)
{
	s->depth--;
	if (s->depth) {
		uint32_t up = s->way[s->depth - 1];
		if (s->low[n] < s->low[up])
			s->low[up] = s->low[n];
	}
	if (s->low[n] != s->order[n])
		return;
	s->tangles++;
	do
		s->tangle[s->waiting[--s->waits]] = s->tangles;
	while (s->waiting[s->waits] != n);
}

static void search_from(struct search *s, uint32_t first)
{
	enter(s, first);
	while (s->depth) {
		uint32_t n = s->way[s->depth - 1];
		struct graph_edge const *e = graph_out(s->g, n) + s->next[n];
		if (e == graph_out_end(s->g, n)) {
			leave(s, n);
			continue;
		}
		s->next[n]++;
		if (!is_followed(s, e))
			continue;
		if (!s->order[e->node])
			enter(s, e->node);
		else if (!s->tangle[e->node] && s->order[e->node] < s->low[n])
			s->low[n] = s->order[e->node];
	}
}

/* An edge within a tangle is part of a cycle, and every cycle is within one. */
static long mark_cyclic(struct search *s)
{
	struct graph *g = s->g;
	long count = 0;

	for (uint32_t i = 0; i < g->count; i++)
		g->node[i].cyclic = 0;
	for (uint32_t i = 0; i < g->count; i++)
		for (struct graph_edge const *e = graph_out(g, i); e < graph_out_end(g, i); e++)
			if (is_followed(s, e) && s->tangle[i] == s->tangle[e->node])
				g->node[i].cyclic = g->node[e->node].cyclic = 1;
	for (uint32_t i = 0; i < g->count; i++)
		count += g->node[i].cyclic;
	return count;
}

/* ------------------------------------------------------------------------------------ cycles */

/* The arrays of the first search are used again. */
struct walk {
	struct search *s;
	uint32_t *round; /* in which it was reached: the first node + 1 */
	uint32_t *from;  /* which node it was reached from */
	uint32_t *queue;
	uint32_t *told; /* it has been in a cycle that was told */
	uint32_t *path;
};

/* Breadth first, so that the cycle is a shortest one. Its last node, the one that leads back. */
static uint32_t walk_round(struct walk *w, uint32_t first)
{
	struct graph const *g = w->s->g;
	uint32_t head = 0, tail = 0;

	w->queue[tail++] = first;
	w->round[first] = first + 1;
	while (head < tail) {
		uint32_t n = w->queue[head++];
		for (struct graph_edge const *e = graph_out(g, n); e < graph_out_end(g, n); e++) {
			if (!is_followed(w->s, e) || w->s->tangle[e->node] != w->s->tangle[first])
				continue;
			if (e->node == first)
				return n;
			if (w->round[e->node] == first + 1)
				continue;
			w->round[e->node] = first + 1;
			w->from[e->node] = n;
			w->queue[tail++] = e->node;
		}
	}
	return first; /* not reached: a node of a tangle leads to itself */
}

static void turn_back(uint32_t *path, size_t from, size_t to)
{
	while (from + 1 < to) {
		uint32_t n = path[from];
		path[from++] = path[--to];
		path[to] = n;
	}
}

/* The path was found from its end: turns it round, and moves the first by name to the front. */
static size_t make_path(struct walk *w, uint32_t first, uint32_t last)
{
	size_t count = 0, least = 0;

	for (uint32_t n = last; n != first; n = w->from[n])
		w->path[count++] = n;
	w->path[count++] = first;
	turn_back(w->path, 0, count);
	for (size_t i = 1; i < count; i++)
		if (strcmp(w->s->g->node[w->path[i]].name, w->s->g->node[w->path[least]].name) < 0)
			least = i;
	turn_back(w->path, 0, least);
	turn_back(w->path, least, count);
	turn_back(w->path, 0, count);
	return count;
}

static int tell_cycles(struct search *s, graph_cycle *each, void *data)
{
	struct graph const *g = s->g;
	uint32_t *shown = s->way; /* of each tangle */
	struct walk w = { .s = s,
		.round = s->order,
		.from = s->low,
		.queue = s->next,
		.told = s->waiting,
		.path = s->block + 6 * g->count };
	int stop = 0;

	memset(w.round, 0, g->count * sizeof *w.round);
	memset(w.told, 0, g->count * sizeof *w.told);
	memset(shown, 0, g->count * sizeof *shown);
	for (uint32_t i = 0; i < g->count && !stop; i++) {
		if (!g->node[i].cyclic || w.told[i] || shown[s->tangle[i] - 1]++ >= GRAPH_CYCLES)
			continue;
		size_t count = make_path(&w, i, walk_round(&w, i));
		for (size_t k = 0; k < count; k++)
			w.told[w.path[k]] = 1;
		stop = each(data, w.path, count);
	}
	return stop;
}

/* Finds all tangles. 0, or -1 with errno; `s->block` is to be freed. */
static int search_all(struct search *s)
{
	size_t n = s->g->count;

	s->block = calloc(n ? n : 1, 7 * sizeof *s->block);
	if (!s->block)
		return -1;
	s->order = s->block;
	s->low = s->block + n;
	s->tangle = s->block + 2 * n;
	s->next = s->block + 3 * n;
	s->way = s->block + 4 * n;
	s->waiting = s->block + 5 * n;
	for (uint32_t i = 0; i < n; i++)
		if (!s->order[i])
			search_from(s, i);
	return 0;
}

long graph_cycles(struct graph *g, unsigned int kinds, graph_cycle *each, void *data)
{
	struct search s = { .g = g, .kinds = kinds };

	if (search_all(&s) < 0)
		return -1;
	long found = mark_cyclic(&s);
	if (found && each)
		tell_cycles(&s, each, data);
	free(s.block);
	return found;
}

int graph_loosen(struct graph *g)
{
	struct search s = { .g = g, .kinds = GRAPH_ALL };

	if (search_all(&s) < 0)
		return -1;
	for (uint32_t i = 0; i < g->count; i++) {
		struct graph_edge *out = g->out + g->node[i].needs, *in = g->in + g->node[i].needed;
		for (uint32_t k = 0; k < g->node[i].needs_count; k++)
			out[k].loose = out[k].kind == DEPENDENCY_WANTS &&
				       s.tangle[i] == s.tangle[out[k].node];
		for (uint32_t k = 0; k < g->node[i].needed_count; k++)
			in[k].loose = in[k].kind == DEPENDENCY_WANTS &&
				      s.tangle[i] == s.tangle[in[k].node];
	}
	free(s.block);
	return 0;
}

/* -------------------------------------------------------------------------------------- text */

char *graph_cycle_text(struct graph const *g, uint32_t const *path, size_t count)
{
	stralloc text = STRALLOC_ZERO;
	char digits[SIZE_FMT];
	int ok = 1;

	for (size_t i = 0; i < count && ok; i++) {
		if (count > SHOWN && i == SHOWN - 2) {
			i = count - 1;
			ok = stralloc_cats(&text, "(") &&
			     stralloc_catb(&text, digits, size_fmt(digits, count - SHOWN + 1)) &&
			     stralloc_cats(&text, " more) -> ");
		}
		ok = ok && stralloc_cats(&text, g->node[path[i]].name) &&
		     stralloc_cats(&text, " -> ");
	}
	ok = ok && stralloc_cats(&text, g->node[path[0]].name) && stralloc_0(&text);
	if (ok)
		return text.s;
	stralloc_free(&text);
	errno = ENOMEM;
	return 0;
}
