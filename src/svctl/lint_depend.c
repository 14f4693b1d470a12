/* Who is depended on: is there such a service, can it be depended on, and does nobody wait for
 * himself? */
#include <skalibs/nonposix.h>

#include "lint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "rundir.h"
#include "template.h"

/* The name counts, not what a link leads to. */
static void look_at_link(
	struct lint *l, struct lint_place const *p, char const *file, char const *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(p->dir, file, target, sizeof target - 1);

	if (len <= 0)
		return;
	target[len] = 0;
	while (len > 1 && target[len - 1] == '/')
		target[--len] = 0;
	char const *slash = strrchr(target, '/');
	char const *base = slash ? slash + 1 : target;
	size_t template = template_length(name);
	if (!strcmp(base, name) ||
		(template && strlen(base) == template && !strncmp(base, name, template)))
		return;
	lint_say(l, LINT_WARNING, p, file, 0,
		"leads to `%.255s', but it is the entry's own name that counts", base);
}

static void look_at_entry(struct lint *l, struct lint_place const *p, struct graph const *g,
	char const *kind, char const *name)
{
	char file[300];
	uint32_t n = graph_find(g, name);
	int wants = !strcmp(kind, dependency_directory(DEPENDENCY_WANTS));

	snprintf(file, sizeof file, "%s/%s", kind, name);
	if (!service_name_valid(name))
		lint_say(l, LINT_ERROR, p, file, 0, "is not a service's name");
	else if (!strcmp(name, p->name))
		lint_say(l, LINT_ERROR, p, file, 0, "a service cannot depend on itself");
	else if (template_is(name))
		lint_say(l, LINT_ERROR, p, file, 0,
			"a template is no service: an instance must be named, such as `%sNAME'",
			name);
	/* one that is not in the graph stands in a list that could not be read to its end */
	else if (n != GRAPH_NONE && g->node[n].origin == GRAPH_MISSING)
		lint_say(l, wants ? LINT_WARNING : LINT_ERROR, p, file, 0, "no such service%s",
			wants ? ", so it is not waited for" : "");
	else
		look_at_link(l, p, file, name);
}

void lint_depend(struct lint *l, struct lint_place const *p, struct graph const *g,
	struct lint_row const *row)
{
	struct names n = { .list = NULL };

	if (names_read(&n, p->dir, row->name, NULL) < 0)
		lint_say(l, LINT_ERROR, p, row->name, 0, "%s",
			errno == ENOTDIR ? "must be a directory with an entry for each service"
					 : strerror(errno));
	for (size_t i = 0; i < n.count; i++)
		look_at_entry(l, p, g, row->name, n.list[i]);
	names_free(&n);
}

/* -------------------------------------------------------------------------------------- cycles */

struct cycles {
	struct lint *l;
	struct graph const *g;
	char const *prefix;
	uint32_t only;
	size_t told_count;
	unsigned char *told; /* of each node: it has been in one */
};

static struct graph_edge const *edge_to(struct graph const *g, uint32_t from, uint32_t to)
{
	struct graph_edge const *e = graph_out(g, from);
	while (e->node != to)
		e++;
	return e;
}

/* Of a dependency on oneself the entry has been told of already. */
static int is_of_interest(struct cycles const *c, uint32_t const *path, size_t count)
{
	if (count == 1 && c->g->node[path[0]].origin != GRAPH_INSTANCE)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (c->only == GRAPH_NONE || c->only == path[i])
			return 1;
	return 0;
}

/* At the entry by which path[at] depends on the next one. */
static void say_cycle(
	struct cycles const *c, uint32_t const *path, size_t count, size_t at, int is_error)
{
	struct lint_place const p = { .path = c->prefix };
	uint32_t next = path[(at + 1) % count];
	struct graph_edge const *e = edge_to(c->g, path[at], next);
	char directory[256] = "", file[600];
	char *text = graph_cycle_text(c->g, path, count);

	graph_directory(c->g, path[at], directory);
	snprintf(file, sizeof file, "%s/%s/%s", directory,
		dependency_directory((enum dependency_kind)e->kind), c->g->node[next].name);
	lint_say(c->l, is_error ? LINT_ERROR : LINT_WARNING, &p, file, 0, "%s%s",
		is_error ? "a cycle, none of which can start: "
			 : "in a cycle, so it is not waited for: ",
		text ? text : strerror(errno));
	free(text);
}

static int tell_needs(void *data, uint32_t const *path, size_t count)
{
	struct cycles *c = data;

	for (size_t i = 0; i < count; i++) {
		c->told_count += !c->told[path[i]];
		c->told[path[i]] = 1;
	}
	if (is_of_interest(c, path, count))
		say_cycle(c, path, count, 0, 1);
	return 0;
}

/* A want in it lets all of it start, but is none any more. */
static int tell_wants(void *data, uint32_t const *path, size_t count)
{
	struct cycles const *c = data;

	for (size_t i = 0; i < count && is_of_interest(c, path, count); i++)
		if (edge_to(c->g, path[i], path[(i + 1) % count])->kind == DEPENDENCY_WANTS) {
			say_cycle(c, path, count, i, 0);
			break;
		}
	return 0;
}

int lint_cycles(struct lint *l, struct graph *g, char const *prefix, uint32_t only)
{
	struct cycles c = { .l = l, .g = g, .prefix = prefix, .only = only };
	struct lint_place const p = { .path = prefix };

	c.told = calloc(g->count ? g->count : 1, 1);
	if (!c.told)
		return -1;
	long found = graph_cycles(g, GRAPH_NEEDS, tell_needs, &c);
	free(c.told);
	if (found < 0)
		return -1;
	if ((size_t)found > c.told_count && only == GRAPH_NONE)
		lint_say(l, LINT_ERROR, &p, NULL, 0,
			"%zu more services are in cycles together with those",
			(size_t)found - c.told_count);
	return graph_cycles(g, GRAPH_ALL, tell_wants, &c) < 0 ? -1 : 0;
}
