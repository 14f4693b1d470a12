/* Forks for supervisors; see cradle.h. */
#include <skalibs/nonposix.h>

#include "cradle.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/uint64.h>

#include "../lib/process.h"
#include "../lib/watched.h"
#include "apart.h"

#define PAGE        4096
#define ROOM        262144 /* a supervisor's stack; of pages that it does not touch there is nothing */
#define ALIGNMENT   16     /* of a stack */
#define MAPS_ROOM   16384
#define MALLOC_MAPS 262144 /* bytes that malloc(3) maps by themselves */

/* A guard below it: a stack that is used up ends in a fault, and not in other memory. */
static struct {
	alignas(PAGE) char guard[PAGE];
	char room[ROOM];
} cradle;

static struct process_layout layout;
static int moves; /* command lines can be shown that lie here */

/* What a fork finds at the upper end, with its strings below it and its stack below these. */
struct told {
	struct supervise_options o;
	struct init const *i; /* NULL: no faults are taken; a fork would touch a page to learn it */
};

static struct told *told(void)
{
	return (struct told *)(void *)(cradle.room + ROOM - sizeof(struct told));
}

/* ---------------------------------------------------------------------------------- our stack */

struct mapping {
	uintptr_t start, end;
	int of_kernel; /* its shared code, or the data beside that */
};

/* The mapping that a line of /proc/self/maps tells of, and the next line; NULL: there is none. */
static char const *next_mapping(char const *line, struct mapping *m)
{
	uint64_t start, end;
	size_t len = uint64_xscan(line, &start);

	if (!len || line[len] != '-' || !uint64_xscan(line + len + 1, &end))
		return NULL;
	char const *name = line + strcspn(line, "/[\n"); /* a path begins with a slash */
	*m = (struct mapping){ .start = start, .end = end };
	m->of_kernel = name[0] == '[' && name[1] == 'v';
	char const *newline = strchr(name, '\n');
	return newline ? newline + 1 : NULL;
}

/* Finds the mapping that `inside` lies in: 0, or -1: it is not to be told. Forks get nothing of the
 * kernel's shared code and data where the C library does not know of it (entry.c): page tables
 * that lead to that region would be made for each, and the stack is in the same. */
static int sort_mappings(void const *inside, struct mapping *found)
{
	char maps[MAPS_ROOM];
	struct mapping m;
	int known = getauxval(AT_SYSINFO_EHDR) != 0, r = -1;
	ssize_t n = openreadnclose("/proc/self/maps", maps, sizeof maps - 1);

	if (n <= 0)
		return -1;
	maps[n] = 0;
	for (char const *line = maps; (line = next_mapping(line, &m));) {
		if (m.of_kernel && !known)
			madvise((void *)m.start, m.end - m.start, MADV_DONTFORK);
		if (m.start <= (uintptr_t)inside && (uintptr_t)inside < m.end) {
			*found = m;
			r = 0;
		}
	}
	return r;
}

/* musl's malloc looks at the auxiliary vector when it is first called, and that lies on the stack,
 * which forks do not have. So it is called before them; what is as large as this is given back at
 * once. */
static void wake_malloc(void)
{
	void *volatile piece = malloc(MALLOC_MAPS); /* which a compiler must not leave out */

	free(piece);
}

void cradle_prepare(struct init *i)
{
	struct mapping stack;

	if (CINIT_WATCHED)
		return;
	mprotect(cradle.guard, sizeof cradle.guard, PROT_NONE);
	wake_malloc();
	apart_keep(i, sizeof *i);
	int found = sort_mappings(&stack, &stack) == 0;
	/* the kernel shows the command line of a fork from where ours is, unless it can be told of
	 * another place; the environment had to be moved, too */
	if (!found || process_layout(&layout) < 0 ||
		((uintptr_t)environ >= stack.start && (uintptr_t)environ < stack.end))
		return;
	moves = 1;
	apart_keep((void *)stack.start, stack.end - stack.start);
}

/* ----------------------------------------------------------------------------------- the fork */

static int begin(void *data)
{
	struct told *t = data;

	if (t->i)
		fault_drop(t->i);
	_exit(supervise_run(&t->o));
}

/* A copy below *top; NULL stays NULL. */
static char const *keep(char **top, char const *text)
{
	if (!text)
		return NULL;
	size_t size = strlen(text) + 1;
	return memcpy(*top -= size, text, size);
}

pid_t cradle_fork(struct init const *i, struct supervise_options const *o)
{
	struct told *t = told();
	char *top = (char *)t;

	t->o = *o;
	t->i = fault_taken(i) ? i : NULL;
	t->o.name = keep(&top, o->name);
	t->o.service_dir = keep(&top, o->service_dir);
	t->o.state_dir = keep(&top, o->state_dir);
	t->o.run_dir = keep(&top, o->run_dir);
	t->o.program = keep(&top, o->program);
	t->o.cgroup = keep(&top, o->cgroup);
	if (moves) {
		t->o.layout = &layout;
		t->o.title_size = sizeof SUPERVISE_TITLE + strlen(o->name);
		t->o.title = top -= t->o.title_size;
	}
	if (!CINIT_WATCHED)
		return clone(begin, top - (uintptr_t)top % ALIGNMENT, SIGCHLD, t);
	pid_t pid = fork();
	if (!pid)
		begin(t);
	return pid;
}
