/* What a name on the command line means. */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "names.h"
#include "path.h"
#include "place.h"
#include "template.h"

#define LOG   "/log"
#define STATE "supervise"

/* --------------------------------------------------------------------------------- one target */

/* Room for `n` more. 0, or -1 with errno. */
static int reserve(struct targets *ts, size_t n)
{
	if (ts->room - ts->count >= n)
		return 0;
	size_t room = n > 1 ? ts->count + n : ts->room ? ts->room * 2 : 16;
	struct target *list = realloc(ts->list, room * sizeof *list);
	if (!list)
		return -1;
	ts->list = list;
	ts->room = room;
	return 0;
}

static struct target *append(struct targets *ts, char const *typed)
{
	if (reserve(ts, 1) < 0)
		return NULL;
	struct target *t = ts->list + ts->count++;
	ts->all = ts->count;
	*t = (struct target){ .typed = typed, .base = AT_FDCWD };
	return t;
}

static char *joined(char const *a, char const *b, char const *c)
{
	size_t la = strlen(a), lb = strlen(b), lc = strlen(c);
	char *s = malloc(la + lb + lc + 1);
	if (!s)
		return NULL;
	memcpy(s, a, la);
	memcpy(s + la, b, lb);
	memcpy(s + la + lb, c, lc + 1);
	return s;
}

static int is_directory(int base, char const *path)
{
	struct stat st;
	return fstatat(base, path, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* A service of the tree that is there, or its logger. */
static int set_present(struct target *t, struct where const *w, char const *name, int is_log)
{
	t->base = w->fd;
	t->is_log = (uint8_t)is_log;
	t->service = strdup(name);
	t->state = is_log ? joined(name, LOG, "") : t->service;
	return t->service && t->state ? 0 : -1;
}

/* The same where it may be missing. */
static int set_named(struct target *t, struct where *w, char const *name, int is_log)
{
	if (set_present(t, w, name, is_log) < 0)
		return -1;
	t->missing = w->fd < 0 || (!is_directory(w->fd, t->state) &&
					  !(where_settle(w) && is_directory(w->fd, t->state)));
	return 0;
}

/* A service given by its directory, that no tree runs; `path` has no slash at its end. */
static int set_path(struct target *t, char const *path, int is_log)
{
	t->is_log = (uint8_t)is_log;
	t->directory = joined(path, is_log ? LOG : "", "");
	t->state = joined(path, "/" STATE, is_log ? LOG : "");
	if (!t->directory || !t->state)
		return -1;
	t->missing = !is_directory(AT_FDCWD, t->directory);
	return 0;
}

/* Does `path` end in /log? Then it is cut off. */
static int cut_log(char *path)
{
	size_t len = strlen(path);
	if (len < sizeof LOG || strcmp(path + len - (sizeof LOG - 1), LOG) != 0)
		return 0;
	path[len - (sizeof LOG - 1)] = 0;
	return 1;
}

/* "." in a logger's own scripts: the logger of $CINIT_SERVICE. */
static int is_own_log(struct where const *w, char name[PATH_MAX], struct stat const *st)
{
	char const *self = getenv("CINIT_SERVICE");
	char file[PATH_MAX], services[PATH_MAX];
	struct stat own;

	if (w->fd < 0 || !self || strlen(self) >= PATH_MAX || where_services(w, services) < 0 ||
		path_join(file, services, self) < 0)
		return 0;
	memcpy(name, self, strlen(self) + 1);
	return cut_log(name) && service_name_valid(name) && stat(file, &own) == 0 &&
	       own.st_ino == st->st_ino && own.st_dev == st->st_dev;
}

static __attribute__((noinline)) int resolve_path(
	struct target *t, struct where *w, char const *typed)
{
	char path[PATH_MAX], name[PATH_MAX];
	char const *service;
	struct stat st;
	size_t len = strlen(typed);

	if (len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, typed, len + 1);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = 0;
	if (stat(path, &st) == 0) {
		if ((service = place_name(w, path, &st)))
			return set_named(t, w, service, 0);
		if (is_own_log(w, name, &st))
			return set_named(t, w, name, 1);
	}
	if (!cut_log(path))
		return set_path(t, path, 0);
	if (stat(path, &st) == 0 && (service = place_name(w, path, &st)))
		return set_named(t, w, service, 1);
	if (path_join(name, path, STATE) == 0 && is_directory(AT_FDCWD, name))
		return set_path(t, path, 1);
	path[len - (sizeof LOG - 1)] = '/';
	return set_path(t, path, 0);
}

/* A name that the run directory does not have may be a service directory of -d's or $SVDIR's that
 * has its state beside it. */
static __attribute__((noinline)) int resolve_elsewhere(
	struct target *t, struct where *w, char const *name, int is_log)
{
	char path[PATH_MAX], file[PATH_MAX];

	if (w->services && path_join(path, w->services, name) == 0 &&
		path_join(file, path, STATE) == 0 && is_directory(AT_FDCWD, file))
		return set_path(t, path, is_log);
	return set_named(t, w, name, is_log);
}

static int resolve(struct target *t, struct where *w, char const *typed)
{
	char name[NAME_MAX + sizeof LOG]; /* what is longer is no service's name */
	int is_log = 0;

	if (strlen(typed) < sizeof name) {
		memcpy(name, typed, strlen(typed) + 1);
		is_log = cut_log(name);
		if (service_name_valid(name) &&
			!(is_log && w->fd >= 0 && !is_directory(w->fd, typed) &&
				is_directory(AT_FDCWD, typed)))
			return w->fd >= 0 && is_directory(w->fd, typed)
				       ? set_present(t, w, name, is_log)
				       : resolve_elsewhere(t, w, name, is_log);
	}
	if (typed[0] != '.' && !strchr(typed, '/')) {
		t->missing = 1;
		return 0;
	}
	return resolve_path(t, w, typed);
}

/* ---------------------------------------------------------------------------------------- many */

/* Adds those names that match; they belong to the targets from now on. How many, or -1 with errno,
 * and they do not. */
static long take_names(
	struct targets *ts, struct where const *w, struct names const *n, char const *pattern)
{
	size_t first = ts->count;
	struct names *all = realloc(ts->names, (ts->names_count + 1) * sizeof *all);

	if (!all)
		return -1;
	ts->names = all;
	if (reserve(ts, n->count) < 0)
		return -1;
	all[ts->names_count++] = *n;
	for (size_t i = 0; i < n->count; i++) {
		if (pattern && fnmatch(pattern, n->list[i], 0) != 0)
			continue;
		struct target *t = append(ts, n->list[i]);
		t->base = w->fd;
		t->service = t->state = n->list[i];
		t->listed = 1;
	}
	return (long)(ts->count - first);
}

static long add_pattern(struct targets *ts, struct where *w, char const *pattern)
{
	struct names n = { .list = NULL };

	if (w->fd < 0) {
		errno = ENOENT;
		return -1;
	}
	where_settle(w);
	long count =
		names_read(&n, w->fd, ".", names_service) < 0 ? -1 : take_names(ts, w, &n, pattern);
	if (count < 0) {
		int e = errno;
		names_free(&n);
		errno = e;
	}
	return count;
}

long targets_all(struct targets *ts, struct where *w)
{
	return add_pattern(ts, w, NULL);
}

long targets_add(struct targets *ts, struct where *w, char const *typed)
{
	/* a service may be called like a pattern */
	if (strpbrk(typed, "*?[") && !strchr(typed, '/') &&
		!(w->fd >= 0 && is_directory(w->fd, typed))) {
		long n = add_pattern(ts, w, typed);
		/* all services of an empty tree are no mistake, a pattern that matches none is */
		if (n || strcmp(typed, "*") == 0)
			return n;
	}
	struct target *t = append(ts, typed);
	if (!t)
		return -1;
	return resolve(t, w, typed) < 0 ? -1 : 1;
}

void targets_keep(struct targets *ts, size_t count)
{
	ts->count = count;
}

void targets_free(struct targets *ts)
{
	for (size_t i = 0; i < ts->all; i++) {
		struct target const *t = ts->list + i;
		free(t->directory);
		if (t->listed)
			continue;
		if (t->state != t->service)
			free(t->state);
		free(t->service);
	}
	for (size_t i = 0; i < ts->names_count; i++)
		names_free(ts->names + i);
	free(ts->names);
	free(ts->list);
	*ts = (struct targets){ .list = NULL };
}

int target_directory(struct target const *t, struct where const *w, char out[PATH_MAX])
{
	char services[PATH_MAX], path[PATH_MAX];
	size_t len;

	if (t->directory) {
		if ((len = strlen(t->directory)) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(out, t->directory, len + 1);
		return 0;
	}
	if (where_services(w, services) < 0 || path_join(path, services, t->service) < 0)
		return -1;
	if (t->is_log)
		return path_join(out, path, "log");
	memcpy(out, path, strlen(path) + 1);
	return 0;
}

char const *target_name(struct target const *t)
{
	return t->service ? t->state : NULL;
}

char const *target_instance(struct target const *t)
{
	size_t len = t->service ? template_length(t->service) : 0;
	return len ? t->service + len : NULL;
}

int target_programs(struct target const *t, struct where const *w, char out[PATH_MAX])
{
	char services[PATH_MAX], name[256], path[PATH_MAX];

	if (target_directory(t, w, out) < 0)
		return -1;
	if (t->directory || !target_instance(t) || is_directory(AT_FDCWD, out))
		return 0;
	size_t len = template_length(t->service);
	memcpy(name, t->service, len);
	name[len] = 0;
	if (where_services(w, services) < 0 ||
		path_join(t->is_log ? path : out, services, name) < 0)
		return -1;
	return t->is_log ? path_join(out, path, "log") : 0;
}
