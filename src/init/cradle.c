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
#define FAR_OFF     (UINT64_C(0x10000000000) + PAGE)

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
	struct init const *i;
};

static struct told *told(void)
{
	return (struct told *)(void *)(cradle.room + ROOM - sizeof(struct told));
}

/* ---------------------------------------------------------------------------------- our stack */

/* The mapping that `inside` lies in. 0, or -1: it is not to be told. */
static int find_mapping(void const *inside, uintptr_t *start, uintptr_t *end)
{
	char maps[MAPS_ROOM];
	ssize_t n = openreadnclose("/proc/self/maps", maps, sizeof maps - 1);

	if (n <= 0)
		return -1;
	maps[n] = 0;
	for (char const *line = maps; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		uint64_t a, b;
		size_t len = uint64_xscan(line, &a);
		if (len && line[len] == '-' && uint64_xscan(line + len + 1, &b) &&
			a <= (uintptr_t)inside && (uintptr_t)inside < b) {
			*start = a;
			*end = b;
			return 0;
		}
	}
	return -1;
}

/* musl's malloc looks at the auxiliary vector when it is first called, and that lies on the stack,
 * which forks do not have. So it is called before them; what is as large as this is given back at
 * once. Its page tables are, too, only if nothing else lies near, and the vdso would. A whole
 * number of huge pages between would leave a gap beside the vdso, for malloc to take. */
static void wake_malloc(void)
{
	int const kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *near = mmap(NULL, (size_t)FAR_OFF, PROT_NONE, kind, -1, 0);
	void *volatile piece = malloc(MALLOC_MAPS); /* which a compiler must not leave out */

	free(piece);
	if (near != MAP_FAILED)
		munmap(near, (size_t)FAR_OFF);
}

void cradle_prepare(struct init *i)
{
	uintptr_t start, end;

	if (CINIT_WATCHED)
		return;
	mprotect(cradle.guard, sizeof cradle.guard, PROT_NONE);
	wake_malloc();
	apart_keep(i, sizeof *i);
	/* the kernel shows the command line of a fork from where ours is, unless it can be told of
	 * another place; the environment had to be moved, too */
	if (process_layout(&layout) < 0 || find_mapping(&start, &start, &end) < 0 ||
		((uintptr_t)environ >= start && (uintptr_t)environ < end))
		return;
	moves = 1;
	apart_keep((void *)start, end - start);
}

/* ----------------------------------------------------------------------------------- the fork */

static int begin(void *data)
{
	struct told *t = data;

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
	t->i = i;
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
