/* lint: what is wrong in service directories, without a daemon. */
#include <skalibs/nonposix.h>

#include "lint.h"
#include "svctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/unix-transactional.h>

#include "lint_foreign.h"
#include "names.h"
#include "path.h"
#include "report.h"
#include "rundir.h"

#define FLUSH 65536 /* bytes of output that are held back at most */

static void look_at_node(struct lint *l, struct graph const *g, char const *prefix, uint32_t node)
{
	struct lint_place p = { .name = g->node[node].name };
	struct lint_place const above = { .path = prefix };
	char path[PATH_MAX];

	p.dir = open2_at(g->dir, p.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dir < 0 || path_join(path, prefix, p.name) < 0) {
		lint_say(l, LINT_ERROR, &above, p.name, 0, "%s", strerror(errno));
	} else {
		p.path = path;
		lint_service(l, &p, g);
	}
	if (l->text.sa.len >= FLUSH && text_write(&l->text, 1) < 0)
		die_output();
	if (p.dir >= 0)
		fd_close(p.dir);
}

/* A file that describes a service in another suite's way. */
static void look_at_file(struct lint *l, struct lint_place const *p, int dir, char const *name)
{
	char text[4096];
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : fd_read(fd, text, sizeof text - 1);

	if (fd >= 0)
		fd_close(fd);
	if (len <= 0)
		return;
	text[len] = 0;
	char const *foreign = lint_foreign_file(text);
	if (foreign)
		lint_say(l, LINT_WARNING, p, name, 0, "is passed over, it is %s", foreign);
}

/* What is not supervised although it looks as if it should be. */
static void look_at_others(struct lint *l, struct graph const *g, char const *prefix)
{
	struct lint_place const p = { .path = prefix };
	struct names n = { .list = NULL };
	struct stat st;

	if (names_read(&n, g->dir, ".", NULL) < 0)
		lint_say(l, LINT_ERROR, &p, NULL, 0, "unable to list it: %s", strerror(errno));
	for (size_t i = 0; i < n.count; i++) {
		char const *name = n.list[i];
		int valid = service_name_valid(name);
		if (valid && fstatat(g->dir, name, &st, 0) < 0)
			lint_say(l, LINT_ERROR, &p, name, 0, "%s",
				errno == ENOENT ? "a link that leads nowhere" : strerror(errno));
		else if (!valid && strcmp(name, "conf") != 0 &&
			 fstatat(g->dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
			lint_say(l, LINT_WARNING, &p, name, 0,
				"is passed over: this cannot be a service's name");
		else if (valid && S_ISREG(st.st_mode))
			look_at_file(l, &p, g->dir, name);
	}
	names_free(&n);
}

static void load(struct graph *g, char const *services)
{
	if (graph_scan(g, services) < 0)
		strerr_diefu2sys(EXIT_SYSTEM, "read service directory ", services);
	if (graph_load(g) < 0)
		strerr_diefu2sys(EXIT_SYSTEM, "read dependencies in ", services);
}

static void lint_all(struct lint *l, char const *services)
{
	struct graph g = GRAPH_ZERO;

	load(&g, services);
	look_at_others(l, &g, services);
	for (uint32_t i = 0; i < g.count; i++) {
		uint8_t origin = g.node[i].origin;
		if (origin == GRAPH_SERVICE || origin == GRAPH_TEMPLATE)
			look_at_node(l, &g, services, i);
	}
	if (lint_cycles(l, &g, services, GRAPH_NONE) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "look for cycles");
	graph_free(&g);
}

/* Is it the directory of one service, and not of all of them? */
static int is_one(char const *path)
{
	static char const *const programs[] = { "run", "on", "up", "type" };
	char file[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (path_join(file, path, programs[i]) == 0 && lstat(file, &st) == 0 &&
			!S_ISDIR(st.st_mode))
			return 1;
	return 0;
}

/* One service, among those beside it. */
static void lint_one(struct lint *l, char const *path)
{
	struct graph g = GRAPH_ZERO;
	struct lint_place p = { .path = path };
	char real[PATH_MAX];

	p.dir = open2(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dir < 0 || !realpath(path, real))
		strerr_diefu2sys(EXIT_SYSTEM, "read service directory ", path);
	char *slash = strrchr(real, '/');
	p.name = slash + 1;
	*slash = 0;
	load(&g, real[0] ? real : "/");
	lint_service(l, &p, &g);
	uint32_t node = graph_find(&g, p.name);
	if (node != GRAPH_NONE && lint_cycles(l, &g, real, node) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "look for cycles");
	fd_close(p.dir);
	graph_free(&g);
}

/* What is found is told at once: the next directory may not be readable. */
static void tell(struct lint *l)
{
	if (text_write(&l->text, 1) < 0)
		die_output();
	text_free(&l->text);
}

/* Findings name files as DIR/FILE, whatever slashes DIR ends with. */
static void lint_given(struct lint *l, char *given)
{
	size_t len = strlen(given);

	while (len > 1 && given[len - 1] == '/')
		given[--len] = 0;
	if (is_one(given))
		lint_one(l, given);
	else
		lint_all(l, given);
	tell(l);
}

int lint_run(struct options const *o, struct where const *w)
{
	struct lint l = { .text = TEXT_ZERO };
	char services[PATH_MAX];

	for (int n = 0; n < o->count; n++)
		lint_given(&l, o->names[n]);
	if (!o->count) {
		if (where_services(w, services) < 0)
			strerr_diefu1sys(EXIT_SYSTEM, "find the service directory");
		lint_all(&l, services);
		tell(&l);
	}
	return l.errors != 0;
}
