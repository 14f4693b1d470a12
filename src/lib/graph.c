/* The graph of services: nodes by name, edges; see graph.h. */
#include <skalibs/nonposix.h>

#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include "template.h"

/* ------------------------------------------------------------------------------------- names */

static uint32_t hash(char const *s, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

/* The slot that holds the name, or the free one where it belongs. There is always a free one. */
static size_t find_slot(struct graph const *g, char const *name, size_t len)
{
	size_t i = hash(name, len) & (g->slots - 1);

	while (g->slot[i] != GRAPH_NONE) {
		char const *there = g->node[g->slot[i]].name;
		if (!strncmp(there, name, len) && !there[len])
			break;
		i = (i + 1) & (g->slots - 1);
	}
	return i;
}

static uint32_t find(struct graph const *g, char const *name, size_t len)
{
	return g->slots ? g->slot[find_slot(g, name, len)] : GRAPH_NONE;
}

uint32_t graph_find(struct graph const *g, char const *name)
{
	return find(g, name, strlen(name));
}

static int grow_slots(struct graph *g)
{
	size_t slots = g->slots ? 2 * g->slots : 64;
	uint32_t *slot = reallocarray(g->slot, slots, sizeof *slot);

	if (!slot)
		return -1;
	memset(slot, 0xff, slots * sizeof *slot); /* GRAPH_NONE */
	g->slot = slot;
	g->slots = slots;
	for (size_t i = 0; i < g->count; i++)
		slot[find_slot(g, g->node[i].name, strlen(g->node[i].name))] = (uint32_t)i;
	return 0;
}

static uint32_t new_node(struct graph *g, char const *name, enum graph_origin origin)
{
	if (2 * (g->count + 1) > g->slots && grow_slots(g) < 0)
		return GRAPH_NONE;
	if (g->count == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		struct graph_node *node = reallocarray(g->node, room, sizeof *node);
		if (!node)
			return GRAPH_NONE;
		g->node = node;
		g->room = room;
	}
	struct graph_node *n = g->node + g->count;
	*n = (struct graph_node){ .name = strdup(name), .origin = (uint8_t)origin };
	if (!n->name)
		return GRAPH_NONE;
	g->slot[find_slot(g, name, strlen(name))] = (uint32_t)g->count;
	return (uint32_t)g->count++;
}

/* One that nothing is known of but its name. */
static enum graph_origin origin_of(struct graph const *g, char const *name)
{
	size_t len = template_length(name);
	uint32_t template = len ? find(g, name, len) : GRAPH_NONE;

	return template != GRAPH_NONE && g->node[template].origin == GRAPH_TEMPLATE ? GRAPH_INSTANCE
										    : GRAPH_MISSING;
}

int graph_add(struct graph *g, char const *name, uint32_t *node)
{
	uint32_t n = graph_find(g, name);

	if (n == GRAPH_NONE)
		n = new_node(g, name, origin_of(g, name));
	if (node)
		*node = n;
	return n == GRAPH_NONE ? -1 : 0;
}

int graph_own(struct graph *g, char const *name)
{
	enum graph_origin origin = template_is(name) ? GRAPH_TEMPLATE : GRAPH_SERVICE;
	return new_node(g, name, origin) == GRAPH_NONE ? -1 : 0;
}

int graph_directory(struct graph const *g, uint32_t node, char out[256])
{
	struct graph_node const *n = g->node + node;
	size_t len = strlen(n->name);

	if (n->origin == GRAPH_MISSING)
		return -1;
	if (n->origin == GRAPH_INSTANCE)
		len = template_length(n->name);
	if (len > 255)
		return -1;
	memcpy(out, n->name, len);
	out[len] = 0;
	return 0;
}

/* ------------------------------------------------------------------------------------- edges */

int graph_depend(struct graph *g, uint32_t node, struct dependency const *list, size_t count)
{
	if (g->edges + count > g->edge_room) {
		size_t room = g->edge_room ? 2 * g->edge_room : 64;
		while (room < g->edges + count)
			room *= 2;
		struct graph_edge *out = reallocarray(g->out, room, sizeof *out);
		if (!out)
			return -1;
		g->out = out;
		g->edge_room = room;
	}
	g->node[node].needs = (uint32_t)g->edges;
	for (size_t i = 0; i < count; i++) {
		struct graph_edge *e = g->out + g->edges;
		*e = (struct graph_edge){ .kind = list[i].kind };
		if (graph_add(g, list[i].name, &e->node) < 0)
			return -1;
		g->edges++;
		g->node[node].needs_count++;
	}
	return 0;
}

/* The edges of the other direction, in the order of the nodes: counted, then given room, then
 * filled in. */
static void turn_edges(struct graph *g, int fill)
{
	for (uint32_t i = 0; i < g->count; i++) {
		if (g->node[i].origin == GRAPH_TEMPLATE)
			continue;
		for (struct graph_edge const *e = graph_out(g, i); e < graph_out_end(g, i); e++) {
			struct graph_node *to = g->node + e->node;
			if (fill)
				g->in[to->needed + to->needed_count] =
					(struct graph_edge){ .node = i, .kind = e->kind };
			to->needed_count++;
		}
	}
}

int graph_close(struct graph *g)
{
	uint32_t at = 0;

	/* also where there is no edge: C knows no offset from a null pointer, not even 0 */
	g->in = calloc(g->edges ? g->edges : 1, sizeof *g->in);
	if (!g->out)
		g->out = calloc(1, sizeof *g->out);
	if (!g->in || !g->out)
		return -1;
	turn_edges(g, 0);
	for (size_t i = 0; i < g->count; i++) {
		g->node[i].needed = at;
		at += g->node[i].needed_count;
		g->node[i].needed_count = 0;
	}
	turn_edges(g, 1);
	return 0;
}

struct graph_edge const *graph_out(struct graph const *g, uint32_t node)
{
	return g->out + g->node[node].needs;
}

struct graph_edge const *graph_out_end(struct graph const *g, uint32_t node)
{
	return graph_out(g, node) + g->node[node].needs_count;
}

struct graph_edge const *graph_in(struct graph const *g, uint32_t node)
{
	return g->in + g->node[node].needed;
}

struct graph_edge const *graph_in_end(struct graph const *g, uint32_t node)
{
	return graph_in(g, node) + g->node[node].needed_count;
}

void graph_free(struct graph *g)
{
	for (size_t i = 0; i < g->count; i++) {
		free(g->node[i].name);
		free(g->node[i].error);
	}
	free(g->node);
	free(g->out);
	free(g->in);
	free(g->slot);
	if (g->dir >= 0)
		fd_close(g->dir);
	*g = (struct graph)GRAPH_ZERO;
}
