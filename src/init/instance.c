/* Instances of templates. A directory `name@` starts nothing; it describes every `name@arg` that
 * has no directory of its own, and such a one is made when somebody asks for it: a supervisor whose
 * service needs it, a person by svctl up, a profile. It goes when its template does. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/clock.h"
#include "../lib/path.h"
#include "../lib/template.h"
#include "init.h"
#include "message.h"
#include "scan.h"

/* Where the first `len` bytes of `name` are a directory in the service directory: its path. 0, or
 * -1 with errno. */
static int join(struct init const *i, char const *name, size_t len, char out[PATH_MAX])
{
	char first[256];

	if (len >= sizeof first) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(first, name, len);
	first[len] = 0;
	return path_join(out, i->service_path, first);
}

static int is_directory(
	struct init const *i, char const *name, size_t len, char out[PATH_MAX], struct stat *st)
{
	return len && !join(i, name, len, out) && !stat(out, st) && S_ISDIR(st->st_mode);
}

/* The directory that describes it: 0: there is none; 1: its own; 2: that of its template. */
static int describe(struct init const *i, char const *name, char out[PATH_MAX], struct stat *st)
{
	if (!service_name_valid(name) || template_is(name))
		return 0;
	if (is_directory(i, name, strlen(name), out, st))
		return 1;
	return is_directory(i, name, template_length(name), out, st) ? 2 : 0;
}

/* Could there be such a service? */
int instance_described(struct init const *i, char const *name)
{
	char path[PATH_MAX];
	struct stat st;

	return describe(i, name, path, &st) != 0;
}

/* The path of a service's directory. 0, or -1 with errno. */
int instance_directory(struct init const *i, struct service const *s, char out[PATH_MAX])
{
	return join(i, s->name, s->made ? template_length(s->name) : strlen(s->name), out);
}

/* Into the table, where it has a directory: NULL with errno, 0 where it has none. */
struct service *instance_add(struct init *i, char const *name)
{
	char path[PATH_MAX];
	struct stat st;
	int by = describe(i, name, path, &st);

	errno = 0;
	struct service *s = by ? tree_add(&i->tree, name) : NULL;
	if (!s)
		return NULL;
	s->made = by == 2;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	s->holds = scan_holds(AT_FDCWD, path);
	return s;
}

/* Somebody asks for one that we do not have. */
enum instance_made instance_make(struct init *i, char const *name)
{
	if (!template_length(name))
		return INSTANCE_UNKNOWN;
	struct service *s = instance_add(i, name);
	if (!s && !errno)
		return INSTANCE_UNKNOWN;
	if (!s) {
		warn_error("", name, ": unable to make the instance");
		return INSTANCE_REFUSED;
	}
	if (s->holds)
		spawn_limit(i);
	if (spawn_prepare(i, s) < 0) {
		state_remove(i, s->name);
		tree_remove(&i->tree, s);
		return INSTANCE_REFUSED;
	}
	cmd_passes(i, s);
	tree_schedule(&i->tree, s, clock_boottime());
	return INSTANCE_MADE;
}
