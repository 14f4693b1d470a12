/* What is configured, and how it is: the graph of services, with a look at each of them where a
 * tree runs. For those who explain: plan, tree, why. */
#ifndef SVCTL_WORLD_H
#define SVCTL_WORLD_H

#include <limits.h>

#include "graph.h"
#include "options.h"
#include "target.h"
#include "text.h"
#include "view.h"

struct world {
	struct graph graph;
	struct view *view; /* one a node; NULL: no tree runs */
	uint32_t *chosen;  /* nodes that the command line names, each once, in their order */
	size_t chosen_count;
	unsigned long unknown;   /* names that are no service's; said on stdout */
	char services[PATH_MAX]; /* the service directory */
};

/* Reads it all; `names` are the command line's, patterns among them. What cannot be read at all
 * ends the program. */
void world_load(struct world *x, struct where *w, char *const *names, int count);

void world_free(struct world *x);

char const *world_name(struct world const *x, uint32_t node);

/* Its record; NULL: it has none that somebody keeps true, or no tree runs. */
struct status const *world_status(struct world const *x, uint32_t node);

/* Is it ready and meant to stay so, so that those that need it may start? */
int world_is_ready(struct world const *x, uint32_t node);

/* Does something of it run, or is it to run as soon as it can? */
int world_is_active(struct world const *x, uint32_t node);

/* How it is: "up", "waiting", "failed: exit 3, died too often; gave up". Nothing where no tree runs
 * and the service exists. */
void world_describe(struct text *t, struct world const *x, uint32_t node);

/* Why nothing that waits for it will start before somebody does something about it; NULL: it may
 * still come up. Valid as long as `x` is. */
char const *world_obstacle(struct world const *x, uint32_t node);

#endif
