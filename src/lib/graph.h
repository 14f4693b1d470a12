/* Services and what they say of each other, as a graph: who depends on whom, in what order they can
 * start, and who can never start because it waits for itself.
 *
 * Nodes are names, and stay where they are: a node's number is its index, for good. A graph is made
 * in steps:
 *
 *   graph_scan     every directory that may be a service becomes a node, sorted by name
 *   graph_add      names that have no directory (instances of templates), as many as wanted
 *   graph_load     what each of them depends on; who is depended on and is not there becomes a node
 *                  too. Graphs built by hand call graph_depend, then graph_close.
 *
 * Every step, and every question below, takes time in proportion to nodes and edges, and no more
 * stack for a chain of ten thousand than for one of two. Nothing here looks at states. */
#ifndef CINIT_GRAPH_H
#define CINIT_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "dependency.h"

#define GRAPH_NONE UINT32_MAX /* no node */

enum graph_origin {
	GRAPH_SERVICE,  /* has a directory of its own */
	GRAPH_INSTANCE, /* name@arg, described by the directory of its template */
	GRAPH_TEMPLATE, /* name@: no service. It has edges as its instances have, but in .in it is
			   nobody */
	GRAPH_MISSING   /* somebody depends on it, and there is no such service */
};

struct graph_edge {
	uint32_t node;
	uint8_t kind;  /* enum dependency_kind */
	uint8_t loose; /* made by graph_loosen: it is not waited for */
};

struct graph_node {
	char *name;
	char *error;            /* why its dependencies are not known; NULL: they are */
	uint32_t needs, needed; /* first of each of the below in graph.out and graph.in */
	uint32_t needs_count;   /* what it depends on, by name */
	uint32_t needed_count;  /* what depends on it */
	uint8_t origin;         /* enum graph_origin */
	uint8_t cyclic;         /* made by graph_cycles: it waits for itself */
};

struct graph {
	int dir; /* the service directory, or -1 */
	struct graph_node *node;
	size_t count, room;
	struct graph_edge *out, *in; /* edges by their two ends; .node is the other one */
	size_t edges, edge_room;
	uint32_t *slot; /* hash of names: indexes, or GRAPH_NONE */
	size_t slots;   /* a power of two, or 0 */
};
#define GRAPH_ZERO                                                                                 \
	{                                                                                          \
		.dir = -1                                                                          \
	}

/* All of them return 0, or -1 with errno (ENOMEM, or that of the service directory itself); what
 * cannot be read of a single service is told in its node. */

/* Notes the directories below `services`. A name that is no service's is passed over. */
int graph_scan(struct graph *g, char const *services);

/* Adds a name that may have no directory, unless it is there; *node (may be NULL) is its index. */
int graph_add(struct graph *g, char const *name, uint32_t *node);

/* Reads what each node depends on, and closes the graph. A dependency on oneself is an edge, too.
 */
int graph_load(struct graph *g);

/* By hand: adds one that has a directory of its own; gives a node its edges, all at once; and when
 * all have theirs, makes the edges of the other direction. */
int graph_own(struct graph *g, char const *name);
int graph_depend(struct graph *g, uint32_t node, struct dependency const *list, size_t count);
int graph_close(struct graph *g);

void graph_free(struct graph *g);

/* The node of that name, or GRAPH_NONE. */
uint32_t graph_find(struct graph const *g, char const *name);

/* Its edges: for (e = graph_out(g, n); e < graph_out_end(g, n); e++). */
struct graph_edge const *graph_out(struct graph const *g, uint32_t node);
struct graph_edge const *graph_out_end(struct graph const *g, uint32_t node);
struct graph_edge const *graph_in(struct graph const *g, uint32_t node);
struct graph_edge const *graph_in_end(struct graph const *g, uint32_t node);

/* The name of the directory that describes it: "db@" for a db@1 that has none of its own. 0, or -1:
 * there is none. */
int graph_directory(struct graph const *g, uint32_t node, char out[256]);

/* ------------------------------------------------------------------------------------ cycles */

#define GRAPH_CYCLES 8 /* of one tangle, at most so many are shown */

/* path[0] depends on path[1] and so on, and the last on path[0], which is the first of them by
 * name. Returns 0 to go on. */
typedef int graph_cycle(void *data, uint32_t const *path, size_t count);

/* Finds who waits for himself through edges of the kinds in the mask `kinds` (1 << kind), and sets
 * .cyclic of each. Of each tangle (nodes that all lead to each other) `each` (may be NULL) is told
 * cycles, short ones first, until every node has been in one or GRAPH_CYCLES have been told. The
 * number of nodes in cycles; -1 with errno. */
long graph_cycles(struct graph *g, unsigned int kinds, graph_cycle *each, void *data);

#define GRAPH_NEEDS (1u << DEPENDENCY_NEEDS | 1u << DEPENDENCY_BINDS)
#define GRAPH_ALL   (GRAPH_NEEDS | 1u << DEPENDENCY_WANTS)

/* Marks every want that is part of a cycle, at both its ends: it is not waited for, and all around
 * it start. 0, or -1 with errno. */
int graph_loosen(struct graph *g);

/* "a -> b -> a", allocated; the middle of a long one is left out. NULL with errno. */
char *graph_cycle_text(struct graph const *g, uint32_t const *path, size_t count);

/* ------------------------------------------------------------------------------------- waves */

#define GRAPH_NEVER UINT32_MAX

enum graph_direction {
	GRAPH_UP,  /* what is depended on comes first */
	GRAPH_DOWN /* what depends comes first */
};

/* Sorts a set of nodes, those whose wave[] is not 0, into waves: a node's wave is 1, or one more
 * than the latest of those in the set that come before it. Loose edges do not count, and templates
 * must not be in it. GRAPH_NEVER: it is in a cycle, or comes
 * after one. The number of waves; -1 with errno. */
long graph_waves(struct graph const *g, enum graph_direction direction, uint32_t *wave);

#endif
