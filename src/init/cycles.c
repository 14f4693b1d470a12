/* Needs in a circle: nobody in it can ever start. cinit does not read what services need; a child
 * does, at boot and at each rescan, and tells the services themselves, each by a file in its state
 * directory and a word to look:
 *
 *   cycle         the circle, for people: "a -> b -> a". Waiting for its needs, the service gives
 * up. unawaited/X   of a circle in which somebody only wants the next one, the wants are not waited
 *                 for, and all of it starts.
 *
 * The child has all the time it wants, within reason, and none of our descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>
#include <skalibs/stralloc.h>

#include "../lib/graph.h"
#include "../lib/path.h"
#include "../lib/process.h"
#include "../lib/signals.h"
#include "apart.h"
#include "init.h"
#include "message.h"

#define NICENESS       10
#define LIMIT          60 /* seconds; a service directory on a dead file server would take for ever */
#define TEXT_MAX       512

#define FILE_CYCLE     "cycle"
#define FILE_NEW       ".cycle"
#define FILE_UNAWAITED "unawaited"

struct search {
	struct init const *i;
	struct graph graph;
	stralloc made; /* names of services made on demand, one after the other */
	char **text;   /* of each node: the circle that it is in; NULL: none */
	int run;
	int failed; /* some of it could not be told */
};

/* -------------------------------------------------------------------------- the files */

/* Of a service that has no state directory nobody wants to know anything. */
static int trouble(struct search *s, char const *name, int r)
{
	if (r < 0 && errno != ENOENT && !s->failed++)
		warn_error("", name, ": unable to say that its needs form a cycle");
	return r;
}

/* What the file says now; "" where there is none. */
static void read_cycle(struct search const *s, char const *name, char text[TEXT_MAX])
{
	char path[PATH_MAX];
	int fd = path_join(path, name, FILE_CYCLE) < 0
			 ? -1
			 : openat(s->run, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	size_t n = fd < 0 ? 0 : allread(fd, text, TEXT_MAX - 1);

	text[n] = 0;
	if (fd >= 0)
		fd_close(fd);
}

static int is_told(struct search const *s, char const *name, char const *text)
{
	char now[TEXT_MAX];

	read_cycle(s, name, now);
	return text ? !strncmp(now, text, TEXT_MAX - 1) : !now[0];
}

static int write_cycle(struct search const *s, char const *name, char const *text)
{
	char path[PATH_MAX], new[PATH_MAX];
	size_t len = strnlen(text, TEXT_MAX - 1);

	if (path_join(path, name, FILE_CYCLE) < 0 || path_join(new, name, FILE_NEW) < 0)
		return -1;
	int fd = openat(s->run, new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	size_t n = allwrite(fd, text, len);
	fd_close(fd); /* keeps errno */
	return n < len ? -1 : renameat(s->run, new, s->run, path);
}

/* 1: it has changed. */
static int tell_cycle(struct search *s, char const *name, char const *text)
{
	char path[PATH_MAX];

	if (is_told(s, name, text))
		return 0;
	if (text)
		return !trouble(s, name, write_cycle(s, name, text));
	return !path_join(path, name, FILE_CYCLE) && !trouble(s, name, unlinkat(s->run, path, 0));
}

static int is_wanted_so(struct search const *s, uint32_t node, char const *name)
{
	struct graph_edge const *e = graph_out(&s->graph, node);

	for (; e < graph_out_end(&s->graph, node); e++) {
		if (e->loose && !strcmp(s->graph.node[e->node].name, name))
			return 1;
	}
	return 0;
}

/* What was said before and does not hold any more. */
static void clear_unawaited(struct search const *s, uint32_t node, char const *path)
{
	int fd = openat(s->run, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent const *e;

	if (!d) {
		if (fd >= 0)
			fd_close(fd);
		return;
	}
	while ((e = readdir(d))) {
		if (service_name_valid(e->d_name) && !is_wanted_so(s, node, e->d_name))
			unlinkat(fd, e->d_name, 0);
	}
	dir_close(d);
	unlinkat(s->run, path, AT_REMOVEDIR); /* where it is empty */
}

/* 1: there are more of them now. */
static int tell_unawaited(struct search *s, uint32_t node)
{
	char const *name = s->graph.node[node].name;
	char path[PATH_MAX], file[PATH_MAX];
	struct graph_edge const *e = graph_out(&s->graph, node);
	int news = 0;

	if (path_join(path, name, FILE_UNAWAITED) < 0)
		return 0;
	clear_unawaited(s, node, path);
	for (; e < graph_out_end(&s->graph, node); e++) {
		if (!e->loose || path_join(file, path, s->graph.node[e->node].name) < 0)
			continue;
		mkdirat(s->run, path, 0755);
		int fd = openat(s->run, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd >= 0)
			fd_close(fd);
		else if (errno != EEXIST)
			trouble(s, name, -1);
		news |= fd >= 0;
	}
	return news;
}

/* ------------------------------------------------------------------------- the search */

static int in_need(void *data, uint32_t const *path, size_t count)
{
	struct search *s = data;
	char *text = graph_cycle_text(&s->graph, path, count);
	int news = 0;

	if (!text)
		return -1;
	for (size_t n = 0; n < count; n++) {
		if (s->text[path[n]])
			continue;
		s->text[path[n]] = text;
		news |= !is_told(s, s->graph.node[path[n]].name, text);
	}
	/* at a rescan the old ones are known */
	if (news)
		warn("cycle: ", text, "; these do not start");
	return 0;
}

static uint8_t kind_of(struct graph const *g, uint32_t from, uint32_t to)
{
	struct graph_edge const *e = graph_out(g, from);

	while (e->node != to)
		e++;
	return e->kind;
}

static int in_want(void *data, uint32_t const *path, size_t count)
{
	struct search *s = data;
	char file[PATH_MAX], in[PATH_MAX];
	int wants = 0, news = 0;

	for (size_t n = 0; n < count; n++) {
		uint32_t next = path[(n + 1) % count];
		if (kind_of(&s->graph, path[n], next) != DEPENDENCY_WANTS)
			continue;
		wants = 1;
		news |= path_join(in, s->graph.node[path[n]].name, FILE_UNAWAITED) < 0 ||
			path_join(file, in, s->graph.node[next].name) < 0 ||
			faccessat(s->run, file, F_OK, 0) < 0;
	}
	if (!wants || !news)
		return 0;
	char *text = graph_cycle_text(&s->graph, path, count);
	if (!text)
		return -1;
	warn("cycle: ", text, "; the wants in it are not waited for");
	free(text);
	return 0;
}

/* A tangle of many circles is not told to its end. */
static void name_the_rest(struct search *s)
{
	static char text[] = "its needs lead back to itself in more ways than one";

	for (size_t n = 0; n < s->graph.count; n++) {
		if (s->graph.node[n].cyclic && !s->text[n])
			s->text[n] = text;
	}
}

static int read_graph(struct search *s)
{
	struct init const *i = s->i;

	s->run = open(i->run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->run < 0 || graph_scan(&s->graph, i->service_path) < 0)
		return -1;
	for (size_t n = 0; n < s->made.len; n += strlen(s->made.s + n) + 1) {
		if (graph_add(&s->graph, s->made.s + n, NULL) < 0)
			return -1;
	}
	if (graph_load(&s->graph) < 0)
		return -1;
	s->text = calloc(s->graph.count + 1, sizeof *s->text);
	return s->text ? 0 : -1;
}

static void tell_one(struct search *s, uint32_t n)
{
	struct graph_node const *node = s->graph.node + n;

	if (node->origin == GRAPH_TEMPLATE || node->origin == GRAPH_MISSING)
		return;
	int news = tell_cycle(s, node->name, s->text[n]);
	if (tell_unawaited(s, n) || news)
		spawn_poke(s->run, node->name);
}

static int search(struct search *s)
{
	if (read_graph(s) < 0 || graph_cycles(&s->graph, GRAPH_NEEDS, in_need, s) < 0)
		return -1;
	name_the_rest(s);
	if (graph_cycles(&s->graph, GRAPH_ALL, in_want, s) < 0 || graph_loosen(&s->graph) < 0)
		return -1;
	for (uint32_t n = 0; n < s->graph.count; n++)
		tell_one(s, n);
	return 0;
}

/* -------------------------------------------------------------------------- the child */

/* The child does not get the table (apart.h): what it needs of it. 0, or -1 with ENOMEM. */
static int list_made(struct init const *i, stralloc *made)
{
	for (size_t n = 0; n < i->tree.count; n++) {
		struct service const *s = i->tree.list[n];
		if (s->made && !stralloc_catb(made, s->name, strlen(s->name) + 1))
			return -1;
	}
	return 0;
}

static _Noreturn void child(struct init const *i, stralloc const *made, pid_t parent)
{
	struct search s = { .i = i, .graph = GRAPH_ZERO, .made = *made };

	fault_drop(i);
	selfpipe_finish();
	signals_clean();
	/* a copy of our `out` or lock in here would keep others waiting */
	process_close_from(3);
	/* the search of a cinit that was killed must not meet that of the next */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	prctl(PR_SET_NAME, "cinit cycles");
	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0, NICENESS);
	alarm(LIMIT);
	if (search(&s) < 0) {
		warn_error("; whoever is in one waits for ever", "unable to look for cycles");
		_exit(1);
	}
	_exit(0);
}

void cycles_look(struct init *i)
{
	if (!i->tree.count)
		return;
	/* one at a time: two would write the same files */
	if (i->cycles) {
		i->cycles_again = 1;
		return;
	}
	stralloc made = STRALLOC_ZERO;
	pid_t us = getpid(), pid = list_made(i, &made) < 0 ? -1 : apart_fork();
	if (!pid)
		child(i, &made, us);
	stralloc_free(&made);
	if (pid < 0)
		warn_error("; they are not looked for", "unable to fork for cycles among needs");
	else
		i->cycles = pid;
}

void cycles_turn(struct init *i)
{
	if (!i->cycles_again || i->cycles || i->spawning)
		return;
	i->cycles_again = 0;
	if (i->stop.phase == STOP_NOT)
		cycles_look(i);
}

void cycles_ended(struct init *i, int wait_status)
{
	char end[MESSAGE_END];
	int again = i->cycles_again;

	i->cycles = 0;
	i->cycles_again = 0;
	if (i->stop.phase != STOP_NOT)
		return;
	if (wait_status & 0x7f)
		warn("the search for cycles among needs ", message_end(end, wait_status));
	if (again)
		cycles_look(i);
}
