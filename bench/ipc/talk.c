/* One run: owners, each a process of its own as supervisors are, and a client that talks to them.
 */
#include "ipc/ways.h"
#include "order.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "namespace.h"

#define ROOT    "/mnt" /* nobody has what he builds in there */
#define FILES   1024   /* the usual soft limit */
#define SPARE   24     /* of these, for other things */
#define REPEATS 5      /* of a talk with many */

/* ---------------------------------------------------------------------------------------- ends */

int end_directory(unsigned int number)
{
	char path[32];
	snprintf(path, sizeof path, ROOT "/s%05u", number);
	if (mkdir(path, 0755) < 0 && errno != EEXIST && errno != EROFS)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void end_begin(struct end *e, unsigned int number)
{
	*e = (struct end){ .dir = -1, .number = number, .fd = { -1, -1, -1 } };
	e->ring = calloc(1, sizeof *e->ring);
	if (!e->ring)
		abort();
}

int end_own(struct way const *w, struct end *e, int record)
{
	e->dir = end_directory(e->number);
	if (e->dir < 0)
		return -1;
	if (w->publishes || record) {
		e->ipc = calloc(1, sizeof *e->ipc);
		e->status.supervisor = (uint32_t)getpid();
		if (!e->ipc || cinit_ipc_prepare(e->dir) < 0 ||
			cinit_ipc_init(e->ipc, e->dir, (gid_t)-1) < 0 ||
			cinit_ipc_publish(e->ipc, &e->status, e->ring) < 0)
			return -1;
	}
	return w->own(e);
}

int end_join(struct way const *w, struct end *e)
{
	static int root = -1;
	if (root < 0)
		root = open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(e->name, sizeof e->name, "s%05u", e->number);
	e->client = (struct cinit_client)CINIT_CLIENT_ZERO;
	e->client.base = root;
	e->client.path = e->name;
	e->dir = end_directory(e->number);
	int r = e->dir < 0 ? -1 : w->join(e);
	int error = errno;
	close(e->dir);
	errno = error;
	return r;
}

/* ------------------------------------------------------------------------------------- owners */

static _Noreturn void owner_run(struct way const *w, unsigned int number, int record, int ready)
{
	struct end e;
	uint64_t id;
	end_begin(&e, number);
	if (end_own(w, &e, record) < 0) {
		fprintf(stderr, "ipc: %s: unable to make the owner's side: %s\n", w->title,
			strerror(errno));
		_exit(1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	close(ready);
	while (w->take(&e, &id) == 0) {
		/* as a supervisor does: what is acknowledged is on disk before */
		if (e.ipc && !w->publishes && way_fifo.answer(&e, id) < 0)
			continue;
		w->answer(&e, id);
	}
	_exit(1);
}

pid_t owner_start(struct way const *w, unsigned int number, int record)
{
	char byte;
	int ready[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (!pid)
		owner_run(w, number, record, ready[1]);
	close(ready[1]);
	ssize_t n = pid < 0 ? 0 : read(ready[0], &byte, 1);
	close(ready[0]);
	return n == 1 ? pid : -1;
}

/* -------------------------------------------------------------------------------------- places */

/* How many POSIX queues there may be in this namespace. */
void queues_allow(unsigned int most)
{
	FILE *f = fopen("/proc/sys/fs/mqueue/queues_max", "w");
	if (f) {
		fprintf(f, "%u\n", most);
		fclose(f);
	}
}

static int enter_place(void)
{
	struct rlimit files, queues = { RLIM_INFINITY, RLIM_INFINITY };
	if (mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) < 0 ||
		mount("proc", "/proc", "proc", 0, 0) < 0 ||
		mount("ipc", ROOT, "tmpfs", 0, "mode=0755") < 0)
		return -1;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* else a user's queues are few; how few, fate.c finds out */
	setrlimit(RLIMIT_MSGQUEUE, &queues);
	queues_allow(20000);
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Our child ends by an alarm when the job takes too long, and with it the namespace's process 1,
 * which an alarm would not end, and everybody in there. */
int apart(int (*job)(void *), void *data)
{
	int w = 1;
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (namespaces_enter(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC) < 0) {
			perror("ipc: unable to make namespaces");
			_exit(1);
		}
		pid_t first = fork();
		if (!first) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(enter_place() < 0 || job(data) < 0);
		}
		alarm(options.patience);
		waitpid(first, &w, 0);
		_exit(w != 0);
	}
	if (pid > 0)
		waitpid(pid, &w, 0);
	return w ? -1 : 0;
}

/* ---------------------------------------------------------------------------------------- talk */

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* One that System V takes for a type and that no owner has answered before. */
uint64_t next_id(void)
{
	static uint64_t last;
	return last += 4;
}

static int fail(struct talk const *t, char const *step)
{
	fprintf(stderr, "ipc: %s, %u services: unable to %s: %s\n", t->way->title, t->n, step,
		strerror(errno));
	return -1;
}

static int talk_to_one(struct talk *t)
{
	struct way const *w = t->way;
	struct end e;
	end_begin(&e, 0);
	if (end_join(w, &e) < 0)
		return fail(t, "open the client's side");
	for (unsigned int i = 0; i < t->room; i++) {
		double begin = now_us();
		uint64_t id = next_id();
		if (w->send(&e, id) < 0 || w->await(&e, id) < 0)
			return fail(t, "talk");
		t->open[i] = now_us() - begin;
	}
	w->leave(&e);
	for (unsigned int i = 0; i < t->room; i++) {
		double begin = now_us();
		uint64_t id = next_id();
		if (end_join(w, &e) < 0 || w->send(&e, id) < 0 || w->await(&e, id) < 0)
			return fail(t, "talk anew");
		w->leave(&e);
		t->anew[i] = now_us() - begin;
	}
	t->count = t->room;
	return 0;
}

/* As many at a time as there are descriptors for: all are told, then all are waited for. */
static int talk_to_some(struct talk *t, struct end *ends, unsigned int count)
{
	struct way const *w = t->way;
	uint64_t first = next_id();
	for (unsigned int i = 0; i < count; i++)
		if (end_join(w, ends + i) < 0 || w->send(ends + i, first + 4 * i) < 0)
			return fail(t, "send");
	for (unsigned int i = 0; i < count; i++)
		next_id();
	for (unsigned int i = 0; i < count; i++) {
		if (w->await(ends + i, first + 4 * i) < 0)
			return fail(t, "get an answer");
		w->leave(ends + i);
	}
	return 0;
}

static int talk_to_many(struct talk *t)
{
	double times[REPEATS];
	unsigned int most = t->way->files ? (FILES - SPARE) / (unsigned int)t->way->files : t->n;
	struct end *ends = calloc(t->n, sizeof *ends);
	if (!ends)
		return -1;
	for (unsigned int i = 0; i < t->n; i++)
		end_begin(ends + i, i);
	for (int k = 0; k < REPEATS; k++) {
		double begin = now_us();
		for (unsigned int i = 0; i < t->n; i += most)
			if (talk_to_some(t, ends + i, t->n - i < most ? t->n - i : most) < 0)
				return -1;
		times[k] = (now_us() - begin) / 1e3;
	}
	qsort(times, REPEATS, sizeof *times, number_order);
	t->together = times[REPEATS / 2];
	return 0;
}

int talk(void *data)
{
	struct talk *t = data;
	for (unsigned int i = 0; i < t->n; i++)
		if (owner_start(t->way, i, t->record) < 0)
			return -1;
	return t->n == 1 ? talk_to_one(t) : talk_to_many(t);
}
