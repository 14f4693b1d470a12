/* A run: a PID and a mount namespace with a /proc of their own, in which process 1 measures one
 * tree. When that process ends, so does whatever is left of the tree. */
#include "bench.h"
#include "namespace.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOFILE 1024 /* the usual soft limit */

static void limit_files(void)
{
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl))
		return;
	rl.rlim_cur = rl.rlim_max < NOFILE ? rl.rlim_max : NOFILE;
	setrlimit(RLIMIT_NOFILE, &rl);
}

/* On a tmpfs of the namespace's own: it goes with it. Nobody has what he builds in /mnt. */
static int make_place(struct run *r, unsigned int n)
{
	struct place *p = &r->place;
	char path[256];
	p->n = n;
	snprintf(p->root, sizeof p->root, "/mnt");
	if (mount("bench", p->root, "tmpfs", 0, "mode=0755") < 0)
		return -1;
	snprintf(p->services, sizeof p->services, "%s/services", p->root);
	snprintf(p->run, sizeof p->run, "%s/run", p->root);
	snprintf(p->log, sizeof p->log, "%s/log", p->root);
	snprintf(path, sizeof path, "%s/shared", p->root);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *r->shared) < 0 || close(fd) < 0)
		return -1;
	r->shared = shared_map(path);
	setenv(SHARED_ENV, path, 1);
	if (!r->shared || make_directory(p->services) < 0)
		return -1;
	return r->system->prepare(r->system, p);
}

/* Process 1 of the namespace, and before it whoever entered it: they go with the benchmark. */
static _Noreturn void in_space(struct run *r, unsigned int n)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (namespaces_enter(CLONE_NEWPID | CLONE_NEWNS) < 0) {
		perror("bench: unable to make a PID namespace");
		_exit(1);
	}
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
		mount("proc", "/proc", "proc", 0, 0);
		limit_files();
		if (make_place(r, n) < 0) {
			perror("bench: unable to make a place for the services");
			_exit(1);
		}
		_exit(measure(r) < 0);
	}
	int w = 1;
	/* should the run's own limits fail: this ends us, and with us the namespace */
	alarm(20 * (settings.patience + n / 50));
	waitpid(pid, &w, 0);
	_exit(w != 0);
}

int space_run(struct system const *s, unsigned int n, unsigned int what, double *values)
{
	size_t const size = METRIC_COUNT * sizeof *values;
	struct run r = { .system = s, .what = what };
	int w = 1;

	for (int i = 0; i < METRIC_COUNT; i++)
		values[i] = NAN;
	r.values = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.values == MAP_FAILED)
		return -1;
	memcpy(r.values, values, size);
	pid_t pid = fork();
	if (!pid)
		in_space(&r, n);
	if (pid > 0)
		waitpid(pid, &w, 0);
	if (WIFSIGNALED(w))
		fprintf(stderr, "\nbench: %s, %u services: the run was ended by signal %d\n",
			s->title, n, WTERMSIG(w));
	memcpy(values, r.values, size);
	munmap(r.values, size);
	return w ? -1 : 0;
}
