/* The graph of services: from the service directory; see graph.h. */
#include <skalibs/nonposix.h>

#include "graph.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/unix-transactional.h>

#include "names.h"

int graph_scan(struct graph *g, char const *services)
{
	struct names n = { .list = 0 };
	int result;

	g->dir = open2(services, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir < 0)
		return -1;
	result = names_read(&n, g->dir, ".", names_service);
	for (size_t i = 0; i < n.count && !result; i++)
		result = graph_own(g, n.list[i]);
	int error = errno;
	names_free(&n);
	errno = error;
	return result;
}

static int note_error(struct graph *g, uint32_t node, char const *text)
{
	g->node[node].error = strdup(text);
	return g->node[node].error ? graph_depend(g, node, 0, 0) : -1;
}

static int load_node(struct graph *g, uint32_t node)
{
	struct dependency *list;
	struct value_error e;
	char directory[256];
	size_t count;
	int result;

	if (graph_directory(g, node, directory) < 0)
		return graph_depend(g, node, 0, 0);
	int dir = open2_at(g->dir, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return note_error(g, node, strerror(errno));
	if (dependency_read(&list, &count, dir, 0, 0, &e) < 0) {
		result = note_error(g, node, e.text);
	} else {
		result = graph_depend(g, node, list, count);
		free(list);
	}
	fd_close(dir); /* keeps errno */
	return result;
}

int graph_load(struct graph *g)
{
	/* those that are depended on are added while we go, and read in their turn */
	for (size_t i = 0; i < g->count; i++)
		if (load_node(g, (uint32_t)i) < 0)
			return -1;
	return graph_close(g);
}
