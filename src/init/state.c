/* What lies in a service's state directory, as far as cinit takes it away: at the beginning what
 * another time left behind, and all of it when the service is no more. By name, never whatever is
 * there: should the run directory be one that holds other things too, they stay. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "../lib/listing.h"
#include "../lib/path.h"
#include "init.h"

#define GONE         "gone" /* in cinit's own directory: what is being removed */

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Directories whose entries are named as services. */
static char const *const lists[] = { "dependents", "unawaited" };

static void remove_entry(char const *name, unsigned int type, void *dir)
{
	(void)type;
	if (service_name_valid(name))
		unlinkat(*(int *)dir, name, 0);
}

static void remove_list(int run, char const *name, char const *list)
{
	char path[PATH_MAX];
	int fd = path_join(path, name, list) < 0
			 ? -1
			 : openat(run, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	listing_each(fd, remove_entry, &fd);
	fd_close(fd);
	unlinkat(run, path, AT_REMOVEDIR);
}

/* 0, or -1 with errno. */
static int remove_file(int run, char const *name, char const *file)
{
	char path[PATH_MAX];

	return path_join(path, name, file) < 0 ? -1 : unlinkat(run, path, 0);
}

/* The byte in it says that somebody has been there. */
static void empty_file(int run, char const *name, char const *file)
{
	char path[PATH_MAX];

	if (path_join(path, name, file) < 0)
		return;
	int fd = openat(run, path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		fd_close(fd);
}

/* It was told to exit and is to come back: should we be killed before it does, the next cinit must
 * not take it for one that stays away. */
void state_mark(struct init const *i, struct service *s)
{
	char path[PATH_MAX];
	int fd = path_join(path, s->name, "renew") < 0
			 ? -1
			 : openat(i->run, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	s->marked = 1;
	if (fd >= 0)
		fd_close(fd);
}

/* It has a supervisor again. */
void state_unmark(struct init const *i, struct service *s)
{
	remove_file(i->run, s->name, "renew");
	s->marked = 0;
}

int state_is_marked(struct init const *i, struct service *s)
{
	char path[PATH_MAX];

	s->marked = !path_join(path, s->name, "renew") &&
		    !faccessat(i->run, path, F_OK, AT_SYMLINK_NOFOLLOW);
	return s->marked;
}

/* Without the records of another time supervisors begin cold. Who depended on the service then is
 * nobody now, even where its supervisor had not published anything yet. */
void state_begin(struct init const *i, struct service const *s)
{
	static char const *const past[] = { ".status", "exited", "notify", "log/status",
		"log/.status", "log/exited", "log/notify" };

	for (size_t n = 0; n < COUNT(lists); n++)
		remove_list(i->run, s->name, lists[n]);
	remove_file(i->run, s->name, "cycle");
	if (remove_file(i->run, s->name, "status") < 0 && errno == ENOENT)
		return;
	empty_file(i->run, s->name, "lock");
	for (size_t n = 0; n < COUNT(past); n++)
		remove_file(i->run, s->name, past[n]);
}

/* A filter of system calls, or a file system that became read-only, may refuse it. */
static void unseal(struct init *i, char const *directory)
{
	if (status_unseal(directory) < 0 && errno != ENOENT && errno != ENOTDIR)
		record_unseal(i);
}

/* It has no supervisor, or none that we know: whoever looks at its record, or its logger's, is to
 * look further. */
void state_unkept(struct init *i, struct service const *s)
{
	char path[PATH_MAX], log[PATH_MAX];

	if (path_join(path, i->run_path, s->name) < 0)
		return;
	unseal(i, path);
	if (!path_join(log, path, "log"))
		unseal(i, log);
}

static int remove_files(int run, char const *name)
{
	static char const *const file[] = { "in", "out", "status", "lock", "pipe", "exited",
		"ready", "lines", "notify", "renew", "cycle", ".cycle", ".status", ".out",
		"status.bad" };

	for (size_t n = 0; n < COUNT(file); n++)
		remove_file(run, name, file[n]);
	return unlinkat(run, name, AT_REMOVEDIR);
}

static int remove_all(int run, char const *name)
{
	char path[PATH_MAX];

	if (!path_join(path, name, "log"))
		remove_files(run, path);
	for (size_t n = 0; n < COUNT(lists); n++)
		remove_list(run, name, lists[n]);
	return remove_files(run, name);
}

/* A writer's end of `out`, or -1: there is none. Read and write, which needs no reader: one that
 * comes before `out` has gone is told by this writer's end, too. */
static int watched(int run, char const *name, char const *out)
{
	char path[PATH_MAX];

	return path_join(path, name, out) < 0
		       ? -1
		       : openat(run, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

/* All of it. It is moved away first: those who depend on the service make entries in it while we
 * look. When it is gone, who watched it is told so by a writer that comes and goes. */
void state_remove(struct init const *i, char const *name)
{
	int out = watched(i->run, name, "out"), log = watched(i->run, name, "log/out");

	if (renameat(i->run, name, i->dir, GONE) < 0)
		remove_all(i->run, name);
	/* a second time, for who was about to make an entry when it was moved */
	else if (remove_all(i->dir, GONE) < 0 && remove_all(i->dir, GONE) < 0)
		renameat(i->dir, GONE, i->run, name); /* other things lie in it, too */
	if (out >= 0)
		fd_close(out);
	if (log >= 0)
		fd_close(log);
}

/* What a cinit that was killed over it has left. */
void state_tidy(struct init const *i)
{
	remove_all(i->dir, GONE);
}
