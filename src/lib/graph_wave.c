/* The graph of services: in what order; see graph.h. */
#include <skalibs/nonposix.h>

#include "graph.h"

#include <stdlib.h>

/* What comes before a node, and what after it. */
static struct graph_edge const *before(
	struct graph const *g, enum graph_direction d, uint32_t n, struct graph_edge const **end)
{
	*end = d == GRAPH_UP ? graph_out_end(g, n) : graph_in_end(g, n);
	return d == GRAPH_UP ? graph_out(g, n) : graph_in(g, n);
}

static struct graph_edge const *after(
	struct graph const *g, enum graph_direction d, uint32_t n, struct graph_edge const **end)
{
	return before(g, d == GRAPH_UP ? GRAPH_DOWN : GRAPH_UP, n, end);
}

/* A node's turn comes when all that are before it have had theirs. */
long graph_waves(struct graph const *g, enum graph_direction direction, uint32_t *wave)
{
	struct graph_edge const *e, *end;
	size_t head = 0, tail = 0;
	long waves = 0;
	uint32_t *pending = calloc(g->count ? g->count : 1, 2 * sizeof *pending);
	uint32_t *queue = pending + g->count;

	if (!pending)
		return -1;
	for (uint32_t i = 0; i < g->count; i++) {
		if (!wave[i])
			continue;
		for (e = before(g, direction, i, &end); e < end; e++)
			pending[i] += wave[e->node] && !e->loose;
		wave[i] = pending[i] ? GRAPH_NEVER : 1;
		if (!pending[i])
			queue[tail++] = i;
	}
	while (head < tail) {
		uint32_t n = queue[head++];
		if ((long)wave[n] > waves)
			waves = (long)wave[n];
		for (e = after(g, direction, n, &end); e < end; e++)
			/* those that come first have had theirs: the last of them decides */
			if (wave[e->node] && !e->loose && !--pending[e->node]) {
				wave[e->node] = wave[n] + 1;
				queue[tail++] = e->node;
			}
	}
	free(pending);
	return waves;
}
