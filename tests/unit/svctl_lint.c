/* A service directory in the scratch directory, for lint. */
#include "svctl_lint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

unsigned long lint_errors, lint_warnings;

static struct lint l;
static char said[8192];

static void give_up(char const *verb, char const *name)
{
	fprintf(stderr, "unable to %s %s: %s\n", verb, name, strerror(errno));
	abort();
}

int lint_setup(void **state)
{
	l = (struct lint){ .text = TEXT_ZERO };
	return scratch_setup(state);
}

int lint_teardown(void **state)
{
	text_free(&l.text);
	return scratch_teardown(state);
}

static void make_parents(char const *path)
{
	char name[512];

	snprintf(name, sizeof name, "%s/%s", scratch_path, path);
	for (char *slash = name + strlen(scratch_path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(name, 0755) < 0 && errno != EEXIST)
			give_up("make", name);
		*slash = '/';
	}
}

void lint_put(char const *path, mode_t mode, char const *text)
{
	make_parents(path);
	if (path[strlen(path) - 1] == '/')
		return;
	scratch_text(path, text);
	if (chmod(scratch_name(path), mode) < 0)
		give_up("chmod", path);
}

void lint_link(char const *path, char const *target)
{
	make_parents(path);
	if (symlink(target, scratch_name(path)) < 0)
		give_up("link", path);
}

void lint_good(char const *name)
{
	char path[300];
	snprintf(path, sizeof path, "%s/run", name);
	lint_put(path, 0755, "#!/bin/sh\n");
}

static void load(struct graph *g)
{
	if (graph_scan(g, scratch_path) < 0 || graph_load(g) < 0)
		give_up("read", scratch_path);
	l.errors = l.warnings = 0;
	l.text.sa.len = 0;
}

/* Copies the lines without the directory in front. */
static char const *result(struct graph *g)
{
	char prefix[80];
	char *to = said;

	graph_free(g);
	lint_errors = l.errors;
	lint_warnings = l.warnings;
	text_bytes(&l.text, "", 1);
	size_t len = (size_t)snprintf(prefix, sizeof prefix, "%s/", scratch_path);
	for (char const *s = l.text.sa.s; *s;) {
		if (!strncmp(s, prefix, len))
			s += len;
		else
			*to++ = *s++;
	}
	*to = 0;
	return said;
}

char const *lint_of(char const *name)
{
	struct graph g = GRAPH_ZERO;
	char path[512];
	struct lint_place p = { .path = path, .name = name };

	load(&g);
	snprintf(path, sizeof path, "%s/%s", scratch_path, name);
	p.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dir < 0)
		give_up("open", path);
	lint_service(&l, &p, &g);
	close(p.dir);
	return result(&g);
}

char const *lint_of_cycles(void)
{
	struct graph g = GRAPH_ZERO;

	load(&g);
	if (lint_cycles(&l, &g, scratch_path, GRAPH_NONE) < 0)
		give_up("look for cycles in", scratch_path);
	return result(&g);
}
