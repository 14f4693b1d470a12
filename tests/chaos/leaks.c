/* Nothing is left behind: no process that belongs to nobody, no descriptor that is not closed. */
#include "chaos.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

unsigned int leaks_most_cinit;

/* -------------------------------------------------------------------------------- processes */

enum { PROCESSES = 4096 };

static struct process {
	int pid, parent;
	char state;
} all[PROCESSES];
static int count;

static int read_file(int pid, char const *name, char *to, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, to, size - 1);
	close(fd);
	to[n > 0 ? n : 0] = 0;
	return n > 0 ? (int)n : -1;
}

static void read_all(void)
{
	DIR *d = opendir("/proc");
	struct dirent const *e;
	char line[512];

	count = 0;
	while (d && (e = readdir(d)) && count < PROCESSES) {
		int pid = atoi(e->d_name);
		if (!isdigit((unsigned char)*e->d_name) ||
			read_file(pid, "stat", line, sizeof line) < 0)
			continue;
		char const *p = strrchr(line, ')');
		if (!p || sscanf(p + 1, " %c %d", &all[count].state, &all[count].parent) != 2)
			continue;
		all[count++].pid = pid;
	}
	if (d)
		closedir(d);
}

static int is_ours(int pid)
{
	for (int steps = 0; pid > 1 && steps < 64; steps++) {
		int i = 0;
		while (i < count && all[i].pid != pid)
			i++;
		if (i == count)
			return 0;
		if (all[i].parent == (int)getpid())
			return 1;
		pid = all[i].parent;
	}
	return 0;
}

/* The service that it says it is of; -1: none, -2: not to be told just now. */
static int marked(int pid, int *logger)
{
	static char environment[16384];
	int n = read_file(pid, "environ", environment, sizeof environment);

	if (n < 0)
		return -2;
	for (char *p = environment; p < environment + n; p += strlen(p) + 1) {
		if (strncmp(p, "CINIT_SERVICE=", 14) != 0)
			continue;
		char *slash = strchr(p, '/');
		*logger = slash != NULL;
		if (slash)
			*slash = 0;
		for (int i = 0; i < service_count; i++)
			if (!strcmp(p + 14, services[i].kind->name))
				return i;
	}
	return -1;
}

static int is_supervisor(int pid)
{
	for (int i = 0; i < service_count; i++)
		if (services[i].place.e == STATUS_OK &&
			services[i].place.s.supervisor == (uint32_t)pid)
			return 1;
	return 0;
}

/* How many processes it has when it is as its record says. */
static int may_have(struct service const *x)
{
	struct status const *s = &x->place.s;

	if (x->kind->flags & LINGERS)
		return PROCESSES;
	if (s->state != STATE_UP)
		return 0;
	return !(x->kind->flags & (ONESHOT | BUNDLE)) + ((x->kind->flags & WORKS) != 0);
}

/* A command line, and what of a tree it is. */
static char const *title(int pid, char *to, size_t size)
{
	int n = read_file(pid, "cmdline", to, size);

	for (int k = 0; k < n - 1; k++)
		to[k] = to[k] ? to[k] : ' ';
	return n > 0 ? to : "";
}

static int say_whose(char *what, size_t size, int i, int logger, char const *how)
{
	char line[256], parent[256];

	snprintf(what, size, "process %d (%c, `%.60s'%s, child of %d, `%.60s') %s", all[i].pid,
		all[i].state, title(all[i].pid, line, sizeof line), logger ? ", logger" : "",
		all[i].parent, title(all[i].parent, parent, sizeof parent), how);
	return 1;
}

int leaks_processes(char *what, size_t size)
{
	int seen[2][SERVICES_MAX] = { { 0 } }, logger = 0;

	read_all();
	for (int i = 0; i < count; i++) {
		int pid = all[i].pid;
		if (!is_ours(pid) || pid == (int)monkey_cinit || is_supervisor(pid))
			continue;
		int of = marked(pid, &logger);
		if (of == -2)
			return say_whose(what, size, i, 0, "is not reaped");
		if (of == -1)
			return say_whose(what, size, i, 0, "belongs to nobody");
		if (++seen[logger][of] > (logger ? 1 : may_have(&services[of])))
			return say_whose(what, size, i, logger, "is one too many");
	}
	return 0;
}

int leaks_any(char *what, size_t size)
{
	read_all();
	for (int i = 0; i < count; i++)
		if (is_ours(all[i].pid))
			return say_whose(what, size, i, 0, "is left");
	return 0;
}

/* ------------------------------------------------------------------------------ descriptors */

static void tell(pid_t pid, int where)
{
	char path[64], target[256];
	struct dirent const *e;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = 0;
		if (n > 0)
			timeline_note(where, "descriptor %s: %.90s", e->d_name, target);
	}
	if (d)
		closedir(d);
}

/* cinit-ipc(7): 9, 14 with a logger; 1 for what readiness is told by, 2 for ready-line; 1 for each
 * that was taken over, and for one left behind by an earlier supervisor; 1 for each dependency. */
static unsigned int allowed(struct service const *x)
{
	struct kind const *k = x->kind;
	unsigned int n = k->flags & LOGGED ? 14 + 1 : 9;

	n += k->flags & (WORKS | LINGERS) ? 4 : 3;
	for (int i = 0; i < EDGES; i++)
		n += k->needs[i] != NULL;
	return n + (k->wants != NULL);
}

static void look_at_cinit(void)
{
	unsigned int most = 10, have = tree_descriptors(monkey_cinit);

	for (int i = 0; i < service_count; i++)
		most += 3; /* supervisor taken over; pipe; ready or lines */
	if (have > leaks_most_cinit)
		leaks_most_cinit = have;
	if (have <= most)
		return;
	tell(monkey_cinit, TREE);
	CHAOS_FAIL(TREE, "cinit has %u descriptors open, and may have %u", have, most);
}

void leaks_descriptors(void)
{
	look_at_cinit();
	for (int i = 0; i < service_count; i++) {
		struct service *x = &services[i];
		unsigned int have =
			x->place.s.supervisor ? tree_descriptors((pid_t)x->place.s.supervisor) : 0;
		if (have > x->most)
			x->most = have;
		if (have <= allowed(x))
			continue;
		tell((pid_t)x->place.s.supervisor, i);
		CHAOS_FAIL(i, "its supervisor has %u descriptors open, and may have %u", have,
			allowed(x));
	}
}
