/* down for several services at once. A service that others need refuses to go down while they want
 * to be up. All of them are told at the same time, so whether those others have been told already
 * would be a matter of luck. So they are told first, a wave at a time, and wanting down is all that
 * is waited for; then everybody is told, as if nothing had been. */
#include <skalibs/nonposix.h>

#include "svctl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include "graph.h"
#include "loop.h"

struct order {
	struct graph graph;  /* of the targets, and what they depend on */
	uint32_t *wave;      /* of each node */
	struct target *list; /* of one wave */
};

/* Its node, or GRAPH_NONE: a logger, or no service of the tree. */
static uint32_t node_of(struct graph const *g, struct target const *t)
{
	return t->service && !t->is_log ? graph_find(g, t->service) : GRAPH_NONE;
}

/* What cannot be read is not in order, and may be refused. 0, or -1: no memory. */
static int read_target(struct graph *g, struct where const *w, struct target const *t, uint32_t n)
{
	char path[PATH_MAX];
	struct dependency *list;
	struct value_error e;
	size_t count;

	if (target_programs(t, w, path) < 0)
		return 0;
	int dir = open2(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	int r = dependency_read(&list, &count, dir, NULL, 1u << DEPENDENCY_WANTS, &e);
	fd_close(dir);
	if (r < 0)
		return 0;
	r = graph_depend(g, n, list, count);
	free(list);
	return r;
}

static int read_targets(struct graph *g, struct where const *w, struct targets const *ts)
{
	for (size_t i = 0; i < ts->count; i++) {
		struct target const *t = ts->list + i;
		if (t->service && !t->is_log && node_of(g, t) == GRAPH_NONE &&
			graph_own(g, t->service) < 0)
			return -1;
	}
	for (size_t i = 0; i < ts->count; i++) {
		uint32_t n = node_of(g, ts->list + i);
		/* named twice, it has been read already */
		if (n != GRAPH_NONE && !g->node[n].needs_count &&
			read_target(g, w, ts->list + i, n) < 0)
			return -1;
	}
	return graph_close(g);
}

static void ended(void *data, struct target const *t, struct job const *j, struct status const *s,
	uint64_t now)
{
	/* whatever it is, it will be so again when it is told once more */
	(void)data, (void)t, (void)j, (void)s, (void)now;
}

static void killed(void *data, struct target const *t, struct status const *s, uint64_t now)
{
	(void)data, (void)t, (void)s, (void)now;
}

static void quiet(void *data)
{
	(void)data;
}

static void tell_wave(struct order *d, struct options const *o, struct where *w,
	struct targets const *ts, uint32_t wave)
{
	struct targets some = { .list = d->list };
	struct loop_request q = {
		.where = w,
		.targets = &some,
		.verb = verb_find("down"),
		.limit = o->wait,
		.ended = ended,
		.killed = killed,
		.quiet = quiet,
	};

	for (size_t i = 0; i < ts->count; i++) {
		uint32_t n = node_of(&d->graph, ts->list + i);
		if (n != GRAPH_NONE && d->wave[n] == wave)
			d->list[some.count++] = ts->list[i];
	}
	loop_run(&q);
}

/* All but the last wave. Where there is no memory, there is no order. */
void order_down(struct options const *o, struct where *w, struct targets const *ts)
{
	struct order d = { .graph = GRAPH_ZERO };
	long waves = 0;

	if (o->force || ts->count < 2 || o->verb->goal != GOAL_DOWN ||
		strcmp(o->verb->letters, "d") != 0)
		return;
	int r = read_targets(&d.graph, w, ts);
	d.wave = calloc(d.graph.count + 1, sizeof *d.wave);
	d.list = calloc(ts->count, sizeof *d.list);
	if (!r && d.wave && d.list) {
		for (size_t i = 0; i < ts->count; i++) {
			uint32_t n = node_of(&d.graph, ts->list + i);
			if (n != GRAPH_NONE)
				d.wave[n] = 1;
		}
		waves = graph_waves(&d.graph, GRAPH_DOWN, d.wave);
	}
	for (long wave = 1; wave < waves; wave++)
		tell_wave(&d, o, w, ts, (uint32_t)wave);
	free(d.wave);
	free(d.list);
	graph_free(&d.graph);
}
