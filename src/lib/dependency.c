/* Reading needs/, wants/ and binds/; see dependency.h. */
#include <skalibs/nonposix.h>

#include "dependency.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/direntry.h>
#include <skalibs/unix-transactional.h>

#include "rundir.h"
#include "template.h"

char const *dependency_directory(enum dependency_kind kind)
{
	static char const *const names[DEPENDENCY_KINDS] = {
		[DEPENDENCY_WANTS] = "wants",
		[DEPENDENCY_NEEDS] = "needs",
		[DEPENDENCY_BINDS] = "binds",
	};
	return names[kind];
}

struct reading {
	struct dependency *list;
	size_t count, room;
	char const *self;
	struct value_error *e;
};

static int fails(struct reading *r, enum dependency_kind kind, char const *name, char const *why)
{
	r->e->shortage = 0;
	snprintf(r->e->text, sizeof r->e->text, "%s/%.64s: %s", dependency_directory(kind), name,
		why);
	return -1;
}

static int fails_system(struct reading *r, enum dependency_kind kind, char const *name)
{
	int error = errno;
	fails(r, kind, name, strerror(error));
	r->e->shortage = value_shortage(error);
	return -1;
}

static int add(struct reading *r, enum dependency_kind kind, char const *name)
{
	if (!service_name_valid(name))
		return fails(r, kind, name, "is not a service's name");
	if (template_is(name))
		return fails(r, kind, name, "is a template; an instance has a name behind the @");
	if (r->self && !strcmp(name, r->self))
		return fails(r, kind, name, "a service cannot depend on itself");
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 8;
		struct dependency *list = realloc(r->list, room * sizeof *list);
		if (!list)
			return fails_system(r, kind, name);
		r->list = list;
		r->room = room;
	}
	struct dependency *d = &r->list[r->count++];
	d->kind = (uint8_t)kind;
	strcpy(d->name, name); /* valid names fit */
	return 0;
}

static int read_kind(struct reading *r, int dir, enum dependency_kind kind)
{
	DIR *d = opendir_at(dir, dependency_directory(kind));
	int result = 0;

	if (!d)
		return errno == ENOENT ? 0 : fails_system(r, kind, "");
	while (!result) {
		errno = 0;
		struct dirent const *entry = readdir(d);
		if (!entry) {
			if (errno)
				result = fails_system(r, kind, "");
			break;
		}
		if (entry->d_name[0] != '.')
			result = add(r, kind, entry->d_name);
	}
	dir_close(d);
	return result;
}

/* By name, the strongest kind first. */
static int compare(void const *a, void const *b)
{
	struct dependency const *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c ? c : (int)y->kind - (int)x->kind;
}

static size_t unique(struct dependency *list, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(list[kept - 1].name, list[i].name))
			list[kept++] = list[i];
	return kept;
}

int dependency_read(struct dependency **list, size_t *count, int dir, char const *self,
	unsigned int except, struct value_error *e)
{
	struct reading r = { .self = self, .e = e };

	for (unsigned int kind = 0; kind < DEPENDENCY_KINDS; kind++)
		if (!(except & 1u << kind) && read_kind(&r, dir, (enum dependency_kind)kind) < 0) {
			free(r.list);
			return -1;
		}
	if (r.count)
		qsort(r.list, r.count, sizeof *r.list, compare);
	*list = r.list;
	*count = unique(r.list, r.count);
	return 0;
}
