/* conf/cgroup: the subtree in which each service gets a control group of its own. It is ours alone:
 * supervisors kill what they find in a group of theirs. Whatever fails is said, and services run
 * without. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "../lib/limit.h"
#include "../lib/path.h"
#include "../lib/process.h"
#include "../lib/servicedir.h"
#include "init.h"
#include "message.h"

#define WITHOUT "; services have no control groups"

/* The controllers that a service may have limits of, as far as they are there: each by itself,
 * because one that is not would refuse them all. A service that wants what is missing says so. */
static void delegate(int dir, char const *file)
{
	char word[32];
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	for (size_t n = 0; fd >= 0 && n < limit_count; n++) {
		snprintf(word, sizeof word, "+%s", limits[n].controller);
		fd_write(fd, word, strlen(word));
	}
	if (fd >= 0)
		fd_close(fd);
}

/* What is wrong with the directory, or NULL. */
static char const *judge(int dir, int *lock)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return strerror(errno);
	if ((unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC)
		return "it is not on a cgroup2 file system";
	if (faccessat(dir, ".", W_OK, 0) < 0)
		return strerror(errno);
	*lock = openat(dir, "cgroup.procs", O_RDWR | O_CLOEXEC);
	if (*lock < 0)
		return strerror(errno);
	if (process_lock(*lock) < 0)
		return errno == EAGAIN ? "another cinit uses it" : strerror(errno);
	return NULL;
}

/* 0, or -1: said. The lock stays open for as long as we live. */
static int use(struct init *i, char const *path)
{
	int made = !mkdir(path, 0755);
	char const *wrong;
	int lock = -1,
	    dir = made || errno == EEXIST ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0) {
		warn_error(WITHOUT, "conf/cgroup: unable to make or open ", path);
		return -1;
	}
	wrong = judge(dir, &lock);
	if (wrong) {
		warn("conf/cgroup: unable to use ", path, ": ", wrong, WITHOUT);
		if (lock >= 0)
			fd_close(lock);
		fd_close(dir);
		if (made)
			rmdir(path);
		return -1;
	}
	/* what somebody made for us has the controllers that he wants us to have */
	if (made)
		delegate(dir, "../cgroup.subtree_control");
	delegate(dir, "cgroup.subtree_control");
	fd_close(dir);
	i->cgroup_lock = lock;
	return 0;
}

void cgroup_prepare(struct init *i)
{
	struct value_error e;
	char path[PATH_MAX];
	int conf = -1, r = 0;

	if (!path_join(path, i->service_path, "conf"))
		conf = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (conf >= 0)
		r = value_line(conf, "cgroup", i->cgroup, sizeof i->cgroup, &e);
	if (r < 0)
		warn("conf/", e.text, WITHOUT);
	else if (r > 0 && i->cgroup[0] != '/')
		warn("conf/cgroup: `", i->cgroup, "' is not an absolute path" WITHOUT);
	if (r <= 0 || i->cgroup[0] != '/' || use(i, i->cgroup) < 0)
		i->cgroup[0] = 0;
	if (conf >= 0)
		fd_close(conf);
}

/* The tree is down: the subtree is as empty as it was. */
void cgroup_leave(struct init *i)
{
	if (i->cgroup[0])
		rmdir(i->cgroup);
}
