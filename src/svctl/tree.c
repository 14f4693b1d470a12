/* tree: who depends on whom, as an indented tree with states. */
#include <skalibs/nonposix.h>

#include "svctl.h"

#include <stdlib.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "report.h"
#include "world.h"

#define DEEPEST 40    /* levels that are indented; from there on the level is told */
#define FLUSH   65536 /* bytes of output that are held back at most */

struct branch {
	uint32_t node;
	uint32_t next; /* of its edges */
};

struct walk {
	struct world const *x;
	struct text text;
	unsigned char *seen;
	struct branch *branch; /* from the root to where we are */
	size_t depth;
};

static void add_indent(struct walk *k)
{
	size_t shown = k->depth < DEEPEST ? k->depth : DEEPEST;

	for (size_t i = 0; i < shown; i++)
		text_add(&k->text, "  ");
	if (k->depth > DEEPEST) {
		text_add(&k->text, "[");
		text_number(&k->text, k->depth);
		text_add(&k->text, "] ");
	}
}

static int has_failed(struct world const *x, uint32_t node)
{
	struct status const *s = world_status(x, node);
	return s && s->state == STATE_FAILED;
}

/* "  needs db: up"; 1: it is to be expanded. */
static int add_line(struct walk *k, uint32_t node, struct graph_edge const *e)
{
	struct graph_node const *n = k->x->graph.node + node;
	int again = k->seen[node] && n->needs_count;
	size_t before;

	add_indent(k);
	if (e) {
		text_add(&k->text, dependency_directory((enum dependency_kind)e->kind));
		text_add(&k->text, " ");
	}
	text_foreign(&k->text, n->name);
	text_add(&k->text, ": ");
	before = k->text.sa.len;
	world_describe(&k->text, k->x, node);
	if (before == k->text.sa.len)
		k->text.sa.len -= k->text.failed ? 0 : 2;
	if (n->error) {
		text_add(&k->text, ", ");
		text_foreign(&k->text, n->error);
	}
	/* cinit tells those in a cycle, and their reasons say so */
	text_add(&k->text, n->cyclic && !has_failed(k->x, node) ? ", waits for itself" : "");
	text_add(&k->text, again ? " (see above)\n" : "\n");
	k->seen[node] = 1;
	if (k->text.sa.len >= FLUSH && text_write(&k->text, 1) < 0)
		die_output();
	return !again;
}

static void walk_from(struct walk *k, uint32_t root)
{
	struct graph const *g = &k->x->graph;

	add_line(k, root, NULL);
	k->branch[k->depth++] = (struct branch){ .node = root };
	while (k->depth) {
		struct branch *b = k->branch + k->depth - 1;
		struct graph_edge const *e = graph_out(g, b->node) + b->next;
		if (e == graph_out_end(g, b->node)) {
			k->depth--;
			continue;
		}
		b->next++;
		if (add_line(k, e->node, e))
			k->branch[k->depth++] = (struct branch){ .node = e->node };
	}
}

static int is_service(struct world const *x, uint32_t n)
{
	uint8_t origin = x->graph.node[n].origin;
	return origin == GRAPH_SERVICE || origin == GRAPH_INSTANCE || world_status(x, n);
}

/* First those that nobody depends on; what is left then is in cycles, and below them. */
static void walk_all(struct walk *k)
{
	struct graph const *g = &k->x->graph;

	for (int rest = 0; rest < 2; rest++)
		for (uint32_t i = 0; i < g->count; i++)
			if (!k->seen[i] && is_service(k->x, i) &&
				(rest || !g->node[i].needed_count))
				walk_from(k, i);
}

int tree_run(struct options const *o, struct where *w)
{
	struct world x;
	struct tally y = { 0 };
	struct walk k = { .x = &x, .text = TEXT_ZERO };

	world_load(&x, w, o->names, o->count);
	/* a node is expanded once, so that no branch is longer than all nodes */
	k.seen = calloc(x.graph.count + 1, 1);
	k.branch = calloc(x.graph.count + 1, sizeof *k.branch);
	if (!k.seen || !k.branch)
		strerr_diefu1sys(EXIT_SYSTEM, "draw the tree");
	if (!o->count)
		walk_all(&k);
	for (size_t i = 0; i < x.chosen_count; i++)
		walk_from(&k, x.chosen[i]);
	if (text_write(&k.text, 1) < 0)
		die_output();
	y.failed = x.unknown;
	text_free(&k.text);
	free(k.seen);
	free(k.branch);
	world_free(&x);
	return tally_code(&y);
}
