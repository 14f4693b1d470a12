/* Supervisors: a state directory before the first, a fork for each, and patience with those that
 * die. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "../lib/clock.h"
#include "../lib/fifo.h"
#include "../lib/path.h"
#include "../lib/process.h"
#include "../supervise/supervise.h"
#include "cradle.h"
#include "init.h"
#include "message.h"

#define BATCH           64
#define DESCRIPTORS_OWN 32 /* what init.h counts, and what is open for a moment */

/* -------------------------------------------------------------------- state directory */

/* Has the supervisor the only write end of the pipe to the logger? */
static int pumps(struct service const *s)
{
	return (s->holds & 1u << HOLD_PIPE) && (s->holds & 1u << HOLD_LINES);
}

/* The logger shall not see an end of its input because a supervisor has died, and should it be in
 * the middle of a line: where nobody else has a write end, we do. */
static void hold_pipe(struct init *i, struct service *s, int access)
{
	char path[PATH_MAX];
	int fd = path_join(path, s->name, "pipe") < 0 ? -1 : fifo_open(i->run, path, access);

	if (fd < 0)
		return;
	if (s->held[HOLD_PIPE] >= 0)
		fd_close(s->held[HOLD_PIPE]);
	s->held[HOLD_PIPE] = fd;
	s->writes = access == O_RDWR;
}

/* Its supervisor is about to end, and the logger is to see the end of its input. */
void spawn_let_go(struct init *i, struct service *s)
{
	if (s->writes)
		hold_pipe(i, s, O_RDONLY);
}

/* Holds what the service writes to: a read end, and nothing else as a rule. With it what was
 * written stays when service, logger and supervisor all die, and whoever writes meanwhile waits
 * instead of dying of SIGPIPE; without a write end here the logger still sees the end of its input
 * when the last writer has gone, so that nobody has to tell us when to let go. */
static void hold(struct service *s, int dir)
{
	static char const *const name[HOLD_COUNT] = {
		[HOLD_PIPE] = "pipe",
		[HOLD_READY] = "ready",
		[HOLD_LINES] = "lines",
	};

	for (unsigned int n = 0; n < HOLD_COUNT; n++) {
		if (!(s->holds & 1u << n) || s->held[n] >= 0)
			continue;
		s->held[n] = fifo_open(dir, name[n], O_RDONLY);
		if (s->held[n] < 0 && !(s->said & SAID_HOLD)) {
			warn_error("; what is in it is lost if all who have it die", s->name,
				": unable to hold ", name[n]);
			s->said |= SAID_HOLD;
		}
	}
}

/* The same for the logger: a second service object, to its supervisor. */
static int prepare_log(int dir)
{
	int log = rundir_open(dir, "log", 0755);
	if (log < 0)
		return -1;
	int r = cinit_ipc_prepare(log);
	fd_close(log); /* keeps errno */
	return r;
}

/* A supervisor that finds no record looks for what runs where another one has been before it, whose
 * byte is in the lock; the second is the logger's. Should both have been removed while the tree
 * lives, that is no sign that nothing runs. 0, or -1 with errno. */
static int expect_somebody(int dir)
{
	struct stat st;
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	int r = fstat(fd, &st) < 0 || (!st.st_size && fd_write(fd, "\0", 2) != 2) ? -1 : 0;
	fd_close(fd);
	return r;
}

/* Can nobody have been there before its first supervisor? */
static int is_first(struct init const *i, struct service const *s)
{
	return i->fresh && !s->supervisor && !s->spawned;
}

/* Makes RUNDIR/NAME with `out` in it, so that from now on a missing one means "no such service".
 * Again for a service that got something to be held. 0, or -1: said. */
int spawn_prepare(struct init *i, struct service *s)
{
	int is_new, dir = rundir_enter(i->run, s->name, 0755, &is_new);
	int r = dir < 0 ? -1 : 0;

	if (is_first(i, s))
		s->blank |= is_new != 0;
	else if (!r)
		r = expect_somebody(dir);
	if (!r)
		r = cinit_ipc_prepare(dir);
	if (!r && s->holds & 1u << HOLD_PIPE)
		r = prepare_log(dir);
	s->prepared = !r;
	record_prepared(i, s, r < 0 ? errno : 0);
	if (!r)
		hold(s, dir);
	if (!r && pumps(s) && !s->writes)
		hold_pipe(i, s, O_RDWR);
	if (dir >= 0)
		fd_close(dir);
	return r;
}

/* Raises our own limit of descriptors where it is not enough; services get the one we had. */
void spawn_limit(struct init *i)
{
	struct rlimit limit = i->nofile;
	rlim_t need = DESCRIPTORS_OWN;

	for (size_t n = 0; n < i->tree.count; n++)
		need += (rlim_t)__builtin_popcount(i->tree.list[n]->holds);
	/* any of them may turn out to have been left to us by a former cinit */
	if (!i->first && !i->polls)
		need += i->tree.count;
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		warn_error("; not everything that services write can be held",
			"unable to raise my limit of open files");
}

/* ------------------------------------------------------------------------ supervisors */

/* An instance on demand is wanted by whoever asked for it, and says so next. */
static enum boot_want boot_want(struct init const *i, struct service const *s)
{
	if (i->profile && !strcmp(s->name, i->profile))
		return BOOT_UP;
	if (s->made)
		return BOOT_DOWN;
	return i->profile ? BOOT_OTHERS : BOOT_DIRECTORY;
}

/* The pid, or -1 with errno. */
static pid_t fork_supervisor(struct init const *i, struct service const *s)
{
	char service_dir[PATH_MAX], state_dir[PATH_MAX];
	struct supervise_options o = {
		.run_dir = i->run_path,
		.program = i->program[0] ? i->program : NULL,
		.nofile = i->nofile.rlim_cur,
		.umask = i->umask,
		.cgroup = i->cgroup[0] ? i->cgroup : NULL,
		.control_group = i->control_group,
		.title = i->title,
		.title_size = i->title_size,
		.boot_want = boot_want(i, s),
		.forked = 1,
	};

	memcpy(o.boot_id, i->boot_id, sizeof o.boot_id);
	if (instance_directory(i, s, service_dir) < 0 ||
		path_join(state_dir, i->run_path, s->name) < 0)
		return -1;
	o.name = s->name;
	o.service_dir = service_dir;
	o.state_dir = state_dir;
	return cradle_fork(i, &o);
}

/* The next supervisor is to stop what its predecessor left running, and to end. A signal would come
 * too early: until it has set up its handlers TERM kills it. So the word waits in `in`, which we
 * hold open until then. */
static void tell_to_exit(struct init *i, struct service *s)
{
	char path[PATH_MAX];

	if (s->told >= 0 || path_join(path, s->name, "in") < 0)
		return;
	s->told = fifo_open(i->run, path, O_RDWR);
	if (s->told < 0 || fd_write(s->told, "x", 1) != 1)
		warn_error("; its processes are left to the sweep", s->name,
			": unable to write to in");
}

static void spawn(struct init *i, struct service *s, uint64_t now)
{
	struct status st;

	if (!s->prepared && spawn_prepare(i, s) < 0) {
		spawn_again(i, s, now);
		return;
	}
	/* one that PID 1 forked just before a fault, and that we did not know of */
	if (i->resumed == RESUMED_FAULT && status_read(i->run, s->name, &st, NULL) == STATUS_OK &&
		process_is_child((pid_t)st.supervisor) && takeover(i, s, &st))
		return;
	if (pumps(s) && !s->writes)
		hold_pipe(i, s, O_RDWR);
	if (i->stop.phase != STOP_NOT || s->vanished)
		tell_to_exit(i, s);
	uint64_t before = clock_boottime();
	pid_t pid = fork_supervisor(i, s);
	if (pid < 0 || tree_runs(&i->tree, s, pid) < 0) {
		if (pid > 0)
			kill(pid, SIGKILL); /* nobody would know whose it is; it has not done
					       anything yet */
		if (!i->said_fork)
			warn_error("; trying again", s->name, ": unable to fork a supervisor");
		i->said_fork = 1;
		spawn_again(i, s, now);
		return;
	}
	i->said_fork = 0;
	s->blank = 0;
	s->said &= (uint8_t)~SAID_PREPARE;
	/* one that only stops what runs is not the one that was promised */
	if (s->marked && !s->renew && !s->vanished)
		state_unmark(i, s);
	s->spawned = before;
}

/* Tells a supervisor to look: at what became of orphans, at needs that there were not. One that is
 * not there looks when it begins. */
void spawn_poke(int run, char const *name)
{
	struct cinit_client c = CINIT_CLIENT_ZERO;
	struct message const m = { .command = 'y' };

	c.base = run;
	c.path = name;
	cinit_ipc_send(&c, &m);
	cinit_ipc_release(&c);
}

void spawn_poke_all(struct init const *i)
{
	for (size_t n = 0; n < i->tree.count; n++) {
		if (i->tree.list[n]->supervisor)
			spawn_poke(i->run, i->tree.list[n]->name);
	}
}

/* After a failure: another try, later each time. */
void spawn_again(struct init *i, struct service *s, uint64_t now)
{
	tree_schedule(&i->tree, s, now + tree_backoff(++s->row) * CLOCK_MILLISEC);
}

/* Forks supervisors that are due: not more of them in a turn than we can be deaf for. Whoever wants
 * to stop a large tree that is just beginning shall not have to wait until all of it has begun. */
void spawn_due(struct init *i, uint64_t now)
{
	unsigned int left = BATCH;

	if (!i->tree.earliest || now < i->tree.earliest)
		return;
	i->tree.earliest = 0;
	for (size_t n = 0; n < i->tree.count; n++) {
		struct service *s = i->tree.list[n];
		if (s->phase == SERVICE_DUE && s->due <= now && left) {
			left--;
			spawn(i, s, now);
		}
		/* one that was due and failed has told the tree of its next try already */
		if (s->phase == SERVICE_DUE)
			i->tree.earliest = clock_earlier(i->tree.earliest, s->due);
	}
	i->spawning = i->tree.earliest && i->tree.earliest <= now;
}
