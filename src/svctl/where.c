/* The tree that we look at: its run directory, its service directories. */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>

#include "clock.h"
#include "ipc.h"
#include "path.h"
#include "place.h"
#include "process.h"
#include "template.h"
#include "view.h"

#define LINK RUNDIR_TREE "/services" /* made by cinit, leads to the service directory in use */

/* Does a cinit live in this run directory? */
static int is_alive(int run)
{
	struct view v;

	if (cinit_ipc_probe(run, RUNDIR_TREE) == CINIT_SENT)
		return 1;
	view_read(&v, run, RUNDIR_TREE, 0);
	return v.supervised;
}

void where_find(struct where *w, char const *given, char const *services)
{
	memset(w, 0, sizeof *w);
	w->error = rundir_find(w->run, given, is_alive, &w->fd);
	w->error_number = errno;
	w->services = services;
	if (!w->services)
		w->services = getenv("SVDIR");
	if (w->services && !w->services[0])
		w->services = NULL;
	w->alive = w->keeps = -1;
}

int where_alive(struct where *w)
{
	if (w->alive < 0 && w->fd >= 0)
		w->alive = (signed char)is_alive(w->fd);
	return w->alive > 0;
}

int where_keeps(struct where *w)
{
	struct status s;

	if (w->keeps < 0)
		w->keeps = w->fd >= 0 && status_glance(w->fd, RUNDIR_TREE, &s) &&
			   s.state != STATE_STARTING &&
			   process_runs((pid_t)s.supervisor, s.supervisor_identity);
	return w->keeps;
}

int where_settle(struct where *w)
{
	struct cinit_client c = CINIT_CLIENT_ZERO;
	struct status s;

	if (w->fd < 0 || w->settled)
		return 0;
	w->settled = 1;
	uint64_t until = clock_boottime() + w->patience;
	c.base = w->fd;
	c.path = RUNDIR_TREE;
	for (;;) {
		enum status_error e = cinit_ipc_watch(&c, &s, NULL);
		struct pollfd p = { .fd = c.out };
		int boots = e == STATUS_OK ? s.state == STATE_STARTING
					   : e == STATUS_SYSTEM && errno == ENOENT && c.out >= 0;
		if (!boots || cinit_ipc_probe(w->fd, RUNDIR_TREE) == CINIT_NO_SUPERVISOR ||
			clock_poll(&p, 1, until) <= 0)
			break;
	}
	cinit_ipc_release(&c);
	return 1;
}

int where_services(struct where const *w, char out[PATH_MAX])
{
	struct stat st;
	ssize_t n = -1;

	if (w->services) {
		if (strlen(w->services) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(out, w->services, strlen(w->services) + 1);
		return 0;
	}
	if (w->fd >= 0 && fstatat(w->fd, LINK, &st, 0) == 0)
		n = readlinkat(w->fd, LINK, out, PATH_MAX - 1);
	if (n > 0) { /* and not the link: people know the directory by its own name */
		out[n] = 0;
		return 0;
	}
	return path_join(out, CINIT_SYSCONFDIR, "cinit");
}

void where_close(struct where *w)
{
	for (size_t i = 0; i < w->place_count; i++)
		free(w->places[i].name);
	free(w->places);
	if (w->fd >= 0)
		fd_close(w->fd);
	w->fd = -1;
}

static int by_inode(void const *a, void const *b)
{
	struct place const *x = a, *y = b;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int place_add(struct where *w, size_t *room, char const *name, struct stat const *st)
{
	if (w->place_count == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct place *p = realloc(w->places, more * sizeof *p);
		if (!p)
			return -1;
		w->places = p;
		*room = more;
	}
	char *copy = strdup(name);
	if (!copy)
		return -1;
	w->places[w->place_count++] =
		(struct place){ .device = st->st_dev, .inode = st->st_ino, .name = copy };
	return 0;
}

/* Reads all of them once: with one look a path, thousands of paths would cost millions of looks. */
static void read_places(struct where *w)
{
	size_t room = 0;
	struct dirent *d;
	struct stat st;
	int fd = openat(w->fd, LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	w->places = malloc(sizeof *w->places);
	room = w->places ? 1 : 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			fd_close(fd);
		return;
	}
	while ((d = readdir(dir))) {
		if (!service_name_valid(d->d_name) || fstatat(fd, d->d_name, &st, 0) < 0 ||
			!S_ISDIR(st.st_mode))
			continue;
		if (place_add(w, &room, d->d_name, &st) < 0)
			break;
	}
	dir_close(dir);
	if (w->place_count)
		qsort(w->places, w->place_count, sizeof *w->places, by_inode);
}

static int is_place(struct where const *w, char const *name, struct stat const *st)
{
	char path[PATH_MAX];
	struct stat theirs;

	return service_name_valid(name) && path_join(path, LINK, name) == 0 &&
	       fstatat(w->fd, path, &theirs, 0) == 0 && theirs.st_ino == st->st_ino &&
	       theirs.st_dev == st->st_dev;
}

/* "." in an instance's own scripts: the directory is its template's. */
static int is_own_template(struct where const *w, char const *self, struct stat const *st)
{
	char template[256];
	size_t len = template_length(self);

	if (!len || len >= sizeof template || !service_name_valid(self))
		return 0;
	memcpy(template, self, len);
	template[len] = 0;
	return is_place(w, template, st);
}

/* The name of the service that cinit runs from directory `path`, or NULL. */
char const *place_name(struct where *w, char const *path, struct stat const *st)
{
	char const *base = strrchr(path, '/');
	char const *self = getenv("CINIT_SERVICE");

	if (w->fd < 0)
		return NULL;
	base = base ? base + 1 : path;
	if (is_place(w, base, st))
		return base;
	/* "." in a service's own scripts */
	if (self && (is_place(w, self, st) || is_own_template(w, self, st)))
		return self;
	if (!w->places)
		read_places(w);
	size_t low = 0, high = w->place_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct place const *p = w->places + mid;
		if (p->inode < st->st_ino || (p->inode == st->st_ino && p->device < st->st_dev))
			low = mid + 1;
		else
			high = mid;
	}
	if (low < w->place_count && w->places[low].inode == st->st_ino &&
		w->places[low].device == st->st_dev)
		return w->places[low].name;
	return NULL;
}
