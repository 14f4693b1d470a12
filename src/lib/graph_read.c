/* The graph of services: from the service directory; see graph.h. */
#include <skalibs/nonposix.h>

#include "graph.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/unix-transactional.h>

#include "rundir.h"

/* ------------------------------------------------------------------------------- directories */

struct names {
	char **list;
	size_t count, room;
};

static int add_name(struct names *n, char const *name)
{
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 64;
		char **list = reallocarray(n->list, room, sizeof *list);
		if (!list)
			return -1;
		n->list = list;
		n->room = room;
	}
	n->list[n->count] = strdup(name);
	if (!n->list[n->count])
		return -1;
	n->count++;
	return 0;
}

static int is_directory(int dir, struct dirent const *e)
{
	struct stat st;

	if (e->d_type == DT_DIR)
		return 1;
	if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return 0;
	return !fstatat(dir, e->d_name, &st, 0) && S_ISDIR(st.st_mode);
}

static int list_directories(struct names *n, int dir)
{
	DIR *d = opendir_at(dir, ".");
	int result = 0;

	if (!d)
		return -1;
	while (!result) {
		errno = 0;
		struct dirent const *e = readdir(d);
		if (!e) {
			result = errno ? -1 : 0;
			break;
		}
		if (service_name_valid(e->d_name) && is_directory(dir, e))
			result = add_name(n, e->d_name);
	}
	dir_close(d); /* keeps errno */
	return result;
}

static int by_name(void const *a, void const *b)
{
	char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

int graph_scan(struct graph *g, char const *services)
{
	struct names n = { .list = 0 };
	int result;

	g->dir = open2(services, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir < 0)
		return -1;
	result = list_directories(&n, g->dir);
	if (n.count)
		qsort(n.list, n.count, sizeof *n.list, by_name);
	for (size_t i = 0; i < n.count; i++) {
		if (!result)
			result = graph_own(g, n.list[i]);
		free(n.list[i]);
	}
	free(n.list);
	return result;
}

/* ------------------------------------------------------------------------------ dependencies */

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
