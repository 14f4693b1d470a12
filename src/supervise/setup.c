/* Setting up: what a fork of cinit drops, what a supervisor is, and the services it takes. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/sig.h>

#include "../lib/fifo.h"
#include "../lib/process.h"
#include "../lib/rundir.h"

/* Reads as empty. Without /dev/null a pipe that nobody writes to serves. */
static void empty_stdin(void)
{
	int p[2], fd = openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (pipe(p) < 0)
			return;
		close(p[1]);
		fd = p[0];
	}
	if (fd) {
		dup2(fd, 0);
		close(fd);
	} else {
		fcntl(0, F_SETFD, 0);
	}
}

/* Writes both, and what fits of them; the length. Not by printf(3), of which every supervisor would
 * touch page after page. */
static size_t join(char *out, size_t size, char const *a, char const *b)
{
	size_t na = strnlen(a, size - 1), nb = strnlen(b, size - 1 - na);

	memcpy(out, a, na);
	memcpy(out + na, b, nb);
	out[na + nb] = 0;
	return na + nb;
}

static void set_title(struct supervise_options const *o)
{
	prctl(PR_SET_NAME, "supervise");
	if (!o->title || !o->title_size)
		return;
	size_t len = join(o->title, o->title_size, SUPERVISE_TITLE, o->name);
	if (o->layout)
		process_show_title(o->layout, o->title, len + 1);
	else
		memset(o->title + len, 0, o->title_size - len);
}

/* From now on signals are read by the loop, those too that came while nothing was set up: a fork of
 * cinit was born with all of them held back. SIGPIPE is caught there as well. */
static int trap_signals(struct supervisor *sup)
{
	static int const taken[] = { SIGCHLD, SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		sigaddset(&set, taken[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -1;
	sup->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return sup->signals < 0 ? -1 : 0;
}

/* The same for a process that came to be in another way. */
static int trap_signals_anew(struct supervisor *sup)
{
	return sig_altignore(SIGPIPE) < 0 || sig_restore(SIGCHLD) < 0 ? -1 : trap_signals(sup);
}

/* What a fork of cinit inherits and what a service must not: dropped before anything else. */
int setup_process(struct supervisor *sup)
{
	struct supervise_options const *o = sup->o;
	struct rlimit rl;

	if (o->forked)
		process_close_from(3);
	/* before TSTP stops us with cinit's group, if somebody suspends that. EPERM: we lead a
	 * group already, which is as good */
	setsid();
	if ((o->forked ? trap_signals(sup) : trap_signals_anew(sup)) < 0)
		return -1;
	set_title(o);
	umask(0);
	empty_stdin();
	if (process_subreaper() < 0)
		say_errno(&sup->service, "become subreaper", "of the service",
			"processes that leave its session are not found");
	if (!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur != o->nofile && o->nofile) {
		rl.rlim_cur = o->nofile < rl.rlim_max ? o->nofile : rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	return 0;
}

int setup_process_anew(struct supervisor *sup)
{
	prctl(PR_SET_NAME, "supervise");
	umask(0);
	process_subreaper(); /* we are one already */
	return trap_signals_anew(sup);
}

void setup_name(struct service *x)
{
	join(x->name, sizeof x->name, x->sup->o->name, x->is_log ? "/log" : "");
}

void setup_service(struct supervisor *sup, struct service *x, int is_log)
{
	x->sup = sup;
	x->is_log = (uint8_t)is_log;
	x->lines = (struct lines)LINES_ZERO;
	x->dir = x->lock = x->ipc.in = x->ipc.out = x->ready_fd = x->stray = x->cgroup = -1;
	for (unsigned int i = 0; i < ROLE_COUNT; i++)
		x->child[i] = (struct child){ .gate = -1, .pidfd = -1 };
	setup_name(x);
}

static void say_refused(struct service const *x, char const *state_dir)
{
	char why[RUNDIR_REFUSAL], text[PATH_MAX + RUNDIR_REFUSAL + 32];

	snprintf(text, sizeof text, "refused state directory %s: %s", state_dir,
		rundir_refusal(AT_FDCWD, state_dir, why));
	say_then(x, text, "not supervised");
}

/* Has it a logger? -1: there is no memory to tell. To begin without it would be worse than to be
 * started again. */
static int look_for_log(struct service const *x)
{
	struct stat st;

	int entered = !service_enter(x);
	if (entered && !fstatat(AT_FDCWD, "log/run", &st, AT_SYMLINK_NOFOLLOW))
		return 1;
	if (value_shortage(errno))
		return -1;
	return entered && errno != ENOENT;
}

/* Opens the state directories and takes the locks. 0, or the exit code. */
int setup_services(struct supervisor *sup)
{
	struct service *x = &sup->service;
	/* ours, or root's, and nobody else may write to it: all else is opened below it */
	x->dir = rundir_open(AT_FDCWD, sup->o->state_dir, 0);
	if (x->dir < 0) {
		if (errno == EPERM)
			say_refused(x, sup->o->state_dir);
		else
			say_errno(x, "open", sup->o->state_dir, "not supervised");
		return EXIT_REFUSED;
	}
	sup->has_log = look_for_log(x);
	if (sup->has_log < 0) {
		say_errno(x, "look for", "log/run", "not supervised");
		return EXIT_REFUSED;
	}
	int r = service_take(x);
	if (!r && sup->has_log) {
		setup_service(sup, &sup->log, 1);
		sup->log.dir = rundir_open(x->dir, "log", 0755);
		sup->pipe = fifo_open(x->dir, "pipe", O_RDWR);
		if (sup->log.dir < 0 || sup->pipe < 0) {
			say_errno(x, "open", "state of its logger", "not supervised");
			return EXIT_REFUSED;
		}
		r = service_take(&sup->log);
	}
	if (!r && lines_resume(x) < 0) {
		say_errno(x, "open", "lines", "not supervised");
		return EXIT_REFUSED;
	}
	return r < 0 ? EXIT_REFUSED : r ? EXIT_BUSY : 0;
}
