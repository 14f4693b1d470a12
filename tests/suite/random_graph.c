/* Random services, and what is to become of them. */
#include "random_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int graph_any(struct graph *g, unsigned int n)
{
	g->state = g->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(g->state >> 33) % n;
}

static int chance(struct graph *g, unsigned int percent)
{
	return graph_any(g, 100) < percent;
}

static void make_edges(struct graph *g, unsigned int i)
{
	struct node *n = &g->node[i];
	unsigned int want = graph_any(g, 4);

	if (n->kind == NODE_BUNDLE && !want)
		want = 1;
	while (want-- && n->edges < GRAPH_EDGES) {
		/* most are on neighbours: chains get long */
		unsigned int back = 1 + graph_any(g, chance(g, 60) ? 4 : i);
		unsigned int to = back > i ? 0 : i - back;
		unsigned int k = 0;
		while (k < n->edges && n->edge[k].to != to)
			k++;
		if (k < n->edges)
			continue;
		n->edge[k].to = to;
		n->edge[k].kind = chance(g, 60)   ? EDGE_NEEDS
				  : chance(g, 50) ? EDGE_WANTS
						  : EDGE_BINDS;
		n->edges++;
	}
}

void graph_make(struct graph *g, uint64_t seed)
{
	memset(g, 0, sizeof *g);
	g->seed = seed;
	g->state = seed * 2 + 1;
	for (unsigned int i = 0; i < 8; i++)
		graph_any(g, 2);
	for (unsigned int i = 0; i < GRAPH_SIZE; i++) {
		struct node *n = &g->node[i];
		unsigned int kind = graph_any(g, 100);
		n->kind = kind < 10 && i ? NODE_BUNDLE
			  : kind < 25    ? NODE_ONESHOT
			  : kind < 35    ? NODE_EXEC
					 : NODE_RUN;
		n->normally_down = chance(g, 20);
		n->delay = chance(g, 50) ? (long)graph_any(g, 30) : 0;
		n->last = chance(g, 30) ? 1 + (long)graph_any(g, 20) : 0;
		if (n->kind <= NODE_EXEC && chance(g, 20))
			n->crash = 20 + (long)graph_any(g, 300);
		if (i)
			make_edges(g, i);
	}
}

char const *graph_name(unsigned int n)
{
	static char names[8][8];
	static unsigned int next;
	char *name = names[next++ % 8];

	snprintf(name, sizeof names[0], "s%02u", n % 100);
	return name;
}

int graph_number(char const *name, size_t len)
{
	if (len != 3 || name[0] != 's' || name[1] < '0' || name[1] > '9' || name[2] < '0' ||
		name[2] > '9')
		return -1;
	int n = (name[1] - '0') * 10 + name[2] - '0';
	return n < GRAPH_SIZE ? n : -1;
}

void graph_print(struct graph const *g)
{
	static char const *const kinds[] = { "run", "exec", "oneshot", "bundle" };
	static char const *const edges[] = { "needs", "wants", "binds" };

	for (unsigned int i = 0; i < GRAPH_SIZE; i++) {
		struct node const *n = &g->node[i];
		fprintf(stderr, "%s %s%s delay %ld crash %ld last %ld", graph_name(i),
			kinds[n->kind], n->normally_down ? " (down)" : "", n->delay, n->crash,
			n->last);
		for (unsigned int k = 0; k < n->edges; k++)
			fprintf(stderr, ", %s %s", edges[n->edge[k].kind],
				graph_name(n->edge[k].to));
		fprintf(stderr, "\n");
	}
}

void graph_ends(struct graph const *g, int const asked[GRAPH_SIZE], int const held[GRAPH_SIZE],
	enum node_end end[GRAPH_SIZE])
{
	int wanted[GRAPH_SIZE];

	memcpy(wanted, asked, sizeof wanted);
	/* dependents have higher numbers: who wants up keeps up what it depends on */
	for (unsigned int i = GRAPH_SIZE; i-- > 0;) {
		wanted[i] = wanted[i] && !held[i];
		for (unsigned int k = 0; k < g->node[i].edges; k++)
			wanted[g->node[i].edge[k].to] |= wanted[i];
	}
	for (unsigned int i = 0; i < GRAPH_SIZE; i++) {
		int all = 1, may = 1;
		for (unsigned int k = 0; k < g->node[i].edges; k++) {
			unsigned int to = g->node[i].edge[k].to;
			if (g->node[i].edge[k].kind == EDGE_WANTS || end[to] == END_UP)
				continue;
			all = 0;
			may &= end[to] == END_WAITING_OR_UP ||
			       (g->node[i].edge[k].kind == EDGE_NEEDS && g->node[to].crash);
		}
		end[i] = !wanted[i] ? END_DOWN
			 : all      ? END_UP
			 : may      ? END_WAITING_OR_UP
				    : END_WAITING;
	}
}
