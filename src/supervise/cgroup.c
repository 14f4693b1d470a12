/* A control group of the service's own. Its members are found whatever they called, and whoever
 * their parent is, also after an adoption; the kernel kills them in one step, and says when the
 * last has gone.
 *
 * The one descriptor is that of cgroup.events; poll(2) tells of a change once it was read. All else
 * goes by name. A logger's group stands beside its service's: a group with processes has no room
 * for others below it where there are controllers. */
#include <skalibs/nonposix.h>

#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/uint32.h>

#include "../lib/limit.h"
#include "service.h"
#include "sweep.h"

#define DEEPEST 16 /* groups below groups that the service has made */

char const *cgroup_path(struct service const *x, char const *file, char path[], unsigned long size)
{
	/* no service's name begins with a dot */
	snprintf(path, size, "%s/%s%s%s%s", x->sup->o->cgroup, x->is_log ? ".log." : "",
		x->sup->o->name, file[0] ? "/" : "", file);
	return path;
}

/* 0, or -1 with errno. */
static int put(int dir, char const *file, char const *value)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	ssize_t n = fd_write(fd, value, strlen(value));
	fd_close(fd);
	return n < 0 ? -1 : 0;
}

/* Is anybody in it, or below it? Reading arms the next event. */
static int is_populated(int events)
{
	char buf[128];
	ssize_t n = pread(events, buf, sizeof buf - 1, 0);
	/* ENODEV: it was removed, which is only done to an empty one */
	if (n < 0)
		return 0;
	buf[n] = 0;
	return strstr(buf, "populated 1") != 0;
}

/* Calls `each` for whoever is in the group, in its threads' groups and below. */
static void members(int dir, unsigned int depth, void (*each)(pid_t, struct pass *), struct pass *p)
{
	stralloc list = STRALLOC_ZERO;
	DIR *d;
	struct dirent const *e;
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && slurp(&list, fd) && stralloc_0(&list)) {
		uint32_t pid;
		size_t len;
		/* 0 is one of a PID namespace that we do not see */
		for (char const *at = list.s; (len = uint32_scan(at, &pid));
			at += len + (at[len] == '\n'))
			if (pid)
				each((pid_t)pid, p);
	}
	stralloc_free(&list);
	if (fd >= 0)
		fd_close(fd);
	fd = depth < DEEPEST ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	d = fd < 0 ? 0 : fdopendir(fd);
	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
			int below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (below < 0)
				continue;
			members(below, depth + 1, each, p);
			fd_close(below);
		}
	if (d)
		dir_close(d);
}

static void kill_one(pid_t pid, struct pass *p)
{
	p->found++;
	kill(pid, SIGKILL);
}

/* Before Linux 5.14 one by one: who forks meanwhile is met at the next event. */
static void kill_all(int dir, struct pass *p)
{
	if (put(dir, "cgroup.kill", "1") < 0)
		members(dir, 0, kill_one, p);
}

/* --------------------------------------------------------------------------------- begin */

static int open_events(struct service *x, int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -1;
	x->cgroup = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	x->s.cgroup = x->cgroup < 0 ? 0 : st.st_ino;
	return x->cgroup < 0 ? -1 : 0;
}

static int limit_refused(struct service *x, struct limit const *l, char const *value)
{
	if (errno == ENOENT || errno == EACCES || errno == EPERM)
		snprintf(x->config_error.text, sizeof x->config_error.text,
			"cgroup/%s: unable to apply: controller %s is not delegated to %.80s",
			l->file, l->controller, x->sup->o->cgroup);
	else
		snprintf(x->config_error.text, sizeof x->config_error.text,
			"cgroup/%s: unable to apply `%.32s': %s", l->file, value, strerror(errno));
	return -1;
}

/* The limits of the service directory. The group may be one of an earlier start, so what is no
 * longer limited is let loose. */
static int set_limits(struct service *x, int dir)
{
	char file[64], value[LIMIT_VALUE];

	for (size_t i = 0; i < limit_count; i++) {
		int r = 0;
		snprintf(file, sizeof file, "%s" LIMIT_DIRECTORY "/%s", x->is_log ? "log/" : "",
			limits[i].file);
		if (x->config.entries & ENTRY_CGROUP)
			r = limit_read(AT_FDCWD, file, &limits[i], value, &x->config_error);
		if (r < 0)
			return -1;
		if (put(dir, limits[i].file, r ? value : "max") < 0 && r)
			return limit_refused(x, &limits[i], value);
	}
	return 0;
}

static int runs_anything(struct service const *x)
{
	for (unsigned int i = 0; i < ROLE_COUNT; i++)
		if (x->s.child[i].pid)
			return 1;
	return 0;
}

/* A group from before: whoever is in it has no record, and nothing may run beside it. */
static int is_free(struct service *x, int dir)
{
	struct pass p = { .x = x };

	if (x->config.kill_mode != KILL_ALL || runs_anything(x) || !is_populated(x->cgroup))
		return 1;
	kill_all(dir, &p);
	errno = EBUSY;
	return 0;
}

/* A frame of its own, because of the path: most services have no group. */
static __attribute__((noinline)) int make_group(struct service *x)
{
	char path[PATH_MAX];
	int r = -2;

	cgroup_path(x, "", path, sizeof path);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -2;
	int dir = open2(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -2;
	if (x->cgroup >= 0)
		fd_close(x->cgroup);
	if (open_events(x, dir) == 0 && is_free(x, dir))
		r = set_limits(x, dir);
	fd_close(dir); /* keeps errno */
	return r;
}

int cgroup_begin(struct service *x)
{
	if (x->sup->o->cgroup)
		return make_group(x);
	if (!(x->config.entries & ENTRY_CGROUP))
		return 0;
	snprintf(x->config_error.text, sizeof x->config_error.text,
		LIMIT_DIRECTORY ": limits need a control group, and conf/cgroup names no "
				"subtree for them");
	return -1;
}

void cgroup_adopt(struct service *x)
{
	char path[PATH_MAX];
	uint64_t former = x->s.cgroup;

	x->s.cgroup = 0;
	if (!x->sup->o->cgroup || (!former && !runs_anything(x)))
		return;
	int dir = open2(cgroup_path(x, "", path, sizeof path),
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0 && !open_events(x, dir) && former && x->s.cgroup != former) {
		fd_close(x->cgroup); /* another one of the same name */
		x->cgroup = -1;
		x->s.cgroup = 0;
	}
	if (dir >= 0)
		fd_close(dir);
	if (former && x->cgroup < 0)
		say(x, "its control group is not where conf/cgroup says; what is left behind is "
		       "looked for without it");
}

int cgroup_join(struct service const *x)
{
	char path[PATH_MAX];
	int fd = open2(cgroup_path(x, "cgroup.procs", path, sizeof path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = fd_write(fd, "0", 1);
	fd_close(fd);
	return n == 1 ? 0 : -1;
}

/* ----------------------------------------------------------------------------------- end */

static void term_one(pid_t pid, struct pass *p)
{
	p->found++;
	if (sweep_knows(p->x->sup, pid) || !sweep_first_time(p->x, pid))
		return;
	/* between its name and this it cannot have become another one: a number that is free again
	 * is given out last */
	if (kill(pid, SIGTERM) < 0 && errno != ESRCH) {
		p->refused = pid;
		p->error = errno;
	}
	kill(pid, SIGCONT);
}

int cgroup_sweep(struct pass *p)
{
	struct service *x = p->x;
	char path[PATH_MAX];

	x->cgroup_waits = 0;
	if (x->cgroup < 0 || !is_populated(x->cgroup))
		return 0;
	int dir = open2(cgroup_path(x, "", path, sizeof path),
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return 0;
	if (x->killing)
		kill_all(dir, p);
	else
		members(dir, 0, term_one, p);
	fd_close(dir);
	if (!p->found) /* killed in one step, or each of them ends just now */
		p->found = 1;
	x->cgroup_waits = 1;
	return 1;
}

/* What the service has made below it goes, too. */
static void remove_below(int base, char const *name, unsigned int depth)
{
	struct dirent const *e;
	int fd = depth < DEEPEST
			 ? openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			 : -1;
	DIR *d = fd < 0 ? 0 : fdopendir(fd);

	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			remove_below(fd, e->d_name, depth + 1);
	if (d)
		dir_close(d);
	unlinkat(base, name, AT_REMOVEDIR);
}

void cgroup_end(struct service *x)
{
	char path[PATH_MAX];

	if (x->cgroup < 0)
		return;
	fd_close(x->cgroup);
	x->cgroup = -1;
	x->cgroup_waits = 0;
	x->s.cgroup = 0;
	x->dirty = 1;
	cgroup_path(x, "", path, sizeof path);
	/* the usual case in one call; EBUSY: with this kill-mode processes may stay */
	if (rmdir(path) < 0 && errno == EBUSY)
		remove_below(AT_FDCWD, path, 0);
}
