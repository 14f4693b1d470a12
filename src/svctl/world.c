/* What is configured, and how it is. */
#include <skalibs/nonposix.h>

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/strerr.h>

#include "names.h"
#include "place.h"
#include "report.h"
#include "rundir.h"
#include "svctl.h"
#include "template.h"

/* ----------------------------------------------------------------------------- the command line */

static int is_path(char const *typed)
{
	return typed[0] == '.' || strchr(typed, '/') != NULL;
}

/* A service directory by its path: that of the tree which runs, or one of those that were read. */
static uint32_t node_of_path(struct world const *x, struct where *w, char const *typed)
{
	char real[PATH_MAX];
	struct stat st, theirs;

	if (stat(typed, &st) < 0 || !realpath(typed, real))
		return GRAPH_NONE;
	char const *name = place_name(w, real, &st);
	if (name)
		return graph_find(&x->graph, name);
	name = strrchr(real, '/') + 1;
	if (fstatat(x->graph.dir, name, &theirs, 0) < 0 || theirs.st_ino != st.st_ino ||
		theirs.st_dev != st.st_dev)
		return GRAPH_NONE;
	return graph_find(&x->graph, name);
}

static int choose(struct world *x, uint32_t node, unsigned char *seen)
{
	/* templates are no services, and what somebody only depends on need not be one */
	struct graph_node const *n = x->graph.node + node;
	int is_there = n->origin == GRAPH_SERVICE || n->origin == GRAPH_INSTANCE ||
		       (x->view && x->view[node].seen != SEEN_NO_SERVICE);

	if (is_there && !seen[node]) {
		seen[node] = 1;
		x->chosen[x->chosen_count++] = node;
	}
	return is_there;
}

static int choose_matching(struct world *x, char const *pattern, unsigned char *seen)
{
	int some = 0;
	for (uint32_t i = 0; i < x->graph.count; i++)
		if (!fnmatch(pattern, x->graph.node[i].name, 0))
			some |= choose(x, i, seen);
	return some;
}

static void choose_all(struct world *x, struct where *w, char *const *names, int count)
{
	unsigned char *seen = calloc(x->graph.count + 1, 1);
	struct text t = TEXT_ZERO;

	x->chosen = calloc(x->graph.count + 1, sizeof *x->chosen);
	if (!seen || !x->chosen)
		strerr_diefu1sys(EXIT_SYSTEM, "look for services");
	for (int i = 0; i < count; i++) {
		uint32_t node = is_path(names[i]) ? node_of_path(x, w, names[i])
						  : graph_find(&x->graph, names[i]);
		if (node != GRAPH_NONE && choose(x, node, seen))
			continue;
		if (strpbrk(names[i], "*?[") && choose_matching(x, names[i], seen))
			continue;
		x->unknown++;
		text_add(&t, "fail: ");
		text_foreign(&t, names[i]);
		text_add(&t, template_is(names[i]) && node != GRAPH_NONE
				     ? ": is a template, not a service"
				     : ": no such service");
		text_add(&t, "\n");
	}
	if (text_write(&t, 1) < 0)
		die_output();
	text_free(&t);
	free(seen);
}

/* ------------------------------------------------------------------------------------ reading */

/* Instances have no directory of their own: they are named where they run, or here. */
static int add_instances(struct world *x, struct where const *w, char *const *names, int count)
{
	struct names n = { .list = NULL };
	int r = 0;

	if (w->fd >= 0)
		r = names_read(&n, w->fd, ".", names_service);
	for (size_t i = 0; i < n.count && !r; i++)
		r = graph_add(&x->graph, n.list[i], NULL);
	names_free(&n);
	for (int i = 0; i < count && !r; i++)
		if (template_length(names[i]) && service_name_valid(names[i]))
			r = graph_add(&x->graph, names[i], NULL);
	return r;
}

/* Without a single supervisor there is no tree, only what one has left behind. */
static int look_at_all(struct world *x, struct where *w)
{
	int runs = w->fd >= 0 && where_alive(w);

	if (w->fd < 0)
		return 0;
	x->view = calloc(x->graph.count + 1, sizeof *x->view);
	if (!x->view)
		return -1;
	for (size_t i = 0; i < x->graph.count; i++) {
		view_read(x->view + i, w->fd, x->graph.node[i].name, where_keeps(w));
		runs |= x->view[i].supervised;
	}
	if (!runs) {
		free(x->view);
		x->view = NULL;
	}
	return 0;
}

void world_load(struct world *x, struct where *w, char *const *names, int count)
{
	*x = (struct world){ .graph = GRAPH_ZERO };
	if (where_services(w, x->services) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "find the service directory");
	if (graph_scan(&x->graph, x->services) < 0)
		strerr_diefu2sys(EXIT_SYSTEM, "read service directory ", x->services);
	if (add_instances(x, w, names, count) < 0 || graph_load(&x->graph) < 0 ||
		graph_cycles(&x->graph, GRAPH_NEEDS, NULL, NULL) < 0 ||
		graph_loosen(&x->graph) < 0 || look_at_all(x, w) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "look at the services");
	choose_all(x, w, names, count);
}

void world_free(struct world *x)
{
	graph_free(&x->graph);
	free(x->view);
	free(x->chosen);
}

/* ------------------------------------------------------------------------------------- states */

char const *world_name(struct world const *x, uint32_t node)
{
	return x->graph.node[node].name;
}

struct status const *world_status(struct world const *x, uint32_t node)
{
	if (!x->view || x->view[node].seen != SEEN_RECORD || !x->view[node].supervised)
		return NULL;
	return &x->view[node].status;
}

static int goes_down(struct status const *s)
{
	return s->want == WANT_DOWN || s->want == WANT_EXIT || (s->flags & FLAG_CYCLING);
}

int world_is_ready(struct world const *x, uint32_t node)
{
	struct status const *s = world_status(x, node);
	return s && s->state == STATE_UP && (s->flags & FLAG_READY) && !goes_down(s);
}

int world_is_active(struct world const *x, uint32_t node)
{
	struct status const *s = world_status(x, node);
	return s && s->state != STATE_DOWN && s->state != STATE_FAILED;
}

static char const *missing_text(struct world const *x, uint32_t node)
{
	struct view const *v = x->view ? x->view + node : NULL;

	switch (x->graph.node[node].origin) {
	case GRAPH_TEMPLATE:
		return "is a template, not a service";
	case GRAPH_MISSING:
		if (!v || v->seen == SEEN_NO_SERVICE)
			return "no such service";
		break;
	default:
		break;
	}
	if (!v)
		return NULL;
	if (v->seen == SEEN_NO_SERVICE)
		return x->graph.node[node].origin == GRAPH_INSTANCE
			       ? "not started"
			       : "the running tree does not have it (svctl rescan)";
	if (v->seen == SEEN_NOTHING)
		return "not started";
	if (v->seen == SEEN_UNREADABLE)
		return view_error_text(v->error, v->error_number);
	if (status_exited(&v->status))
		return "its supervisor was told to exit";
	return v->supervised ? NULL : REPORT_NO_SUPERVISOR;
}

static char const *down_text(struct status const *s)
{
	if (s->reason == REASON_LEFT_OUT || s->reason == REASON_PROFILE)
		return "down";
	if (s->flags & FLAG_HELD)
		return "down: told to be down";
	if (s->want == WANT_UP || s->want == WANT_ONCE)
		return "down: about to start";
	if (s->flags & FLAG_NORMALLY_DOWN)
		return "down: not wanted up (normally down)";
	return "down: not wanted up";
}

/* Is how it ended a part of why it is as it is? */
static int tells_exit(struct status const *s)
{
	if (!(s->flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN)))
		return 0;
	return s->state == STATE_BACKOFF || s->reason == REASON_DEATHS ||
	       s->reason == REASON_FINISH || (s->reason == REASON_ENDED && s->state == STATE_DOWN);
}

/* What it waits for is the caller's to tell: he follows the needs. */
static void describe_record(struct text *t, struct status const *s)
{
	int exit = tells_exit(s);

	if (s->state == STATE_UP && goes_down(s))
		text_add(t, "up, about to go down");
	else if (s->state == STATE_DOWN && !exit)
		text_add(t, down_text(s));
	else
		text_add(t, status_state_name(s->state));
	if (exit) {
		text_add(t, ": ");
		report_exit(t, s);
	}
	if (report_reason(s) && (s->reason != REASON_NEEDS || s->state == STATE_FAILED)) {
		text_add(t, exit ? ", " : ": ");
		text_foreign(t, s->reason_text);
	}
}

void world_describe(struct text *t, struct world const *x, uint32_t node)
{
	char const *missing = missing_text(x, node);

	if (missing)
		text_add(t, missing);
	else if (x->view)
		describe_record(t, &x->view[node].status);
}

char const *world_obstacle(struct world const *x, uint32_t node)
{
	struct graph_node const *n = x->graph.node + node;
	struct status const *s = world_status(x, node);

	if (n->origin == GRAPH_MISSING && !s)
		return "no such service";
	if (n->origin == GRAPH_TEMPLATE)
		return "is a template, not a service";
	if (n->error)
		return n->error;
	if (n->cyclic)
		return "waits for itself";
	if (s && s->state == STATE_FAILED)
		return "has failed, and stays so until it is told to be up";
	if (s && s->reason == REASON_LEFT_OUT)
		return s->reason_text;
	if (s && (s->flags & FLAG_HELD))
		return "was told to be down, and stays so until it is told to be up";
	return NULL;
}
