/* The names in a directory, sorted. */
#include <skalibs/nonposix.h>

#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/djbunix.h>

#include "listing.h"
#include "rundir.h"

#define CHUNK 4000

struct names_chunk {
	struct names_chunk *former;
	char bytes[];
};

/* A copy. NULL with errno. */
static char *keep_name(struct names *n, char const *name)
{
	size_t size = strlen(name) + 1;

	if (size > n->left) {
		size_t room = size > CHUNK ? size : CHUNK;
		struct names_chunk *c = malloc(sizeof *c + room);
		if (!c)
			return NULL;
		c->former = n->chunk;
		n->chunk = c;
		n->left = room;
		n->next = c->bytes;
	}
	char *copy = n->next;
	n->next += size;
	n->left -= size;
	return memcpy(copy, name, size);
}

int names_add(struct names *n, char const *name)
{
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 16;
		char **list = reallocarray(n->list, room, sizeof *list);
		if (!list)
			return -1;
		n->list = list;
		n->room = room;
	}
	n->list[n->count] = keep_name(n, name);
	if (!n->list[n->count])
		return -1;
	n->count++;
	return 0;
}

static int by_name(void const *a, void const *b)
{
	char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

struct reading {
	struct names *n;
	int fd;
	int (*keep)(int dir, char const *name, unsigned int type);
	int error;
};

static void take_name(char const *name, unsigned int type, void *data)
{
	struct reading *r = data;

	if (!r->error && name[0] != '.' && (!r->keep || r->keep(r->fd, name, type)) &&
		names_add(r->n, name) < 0)
		r->error = errno;
}

int names_read(struct names *n, int dir, char const *path,
	int (*keep)(int dir, char const *name, unsigned int type))
{
	struct reading r = { .n = n, .keep = keep };

	r.fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.fd < 0)
		return -1;
	if (listing_each(r.fd, take_name, &r) < 0)
		r.error = errno;
	fd_close(r.fd);
	if (n->count)
		qsort(n->list, n->count, sizeof *n->list, by_name);
	errno = r.error;
	return r.error ? -1 : 0;
}

void names_free(struct names *n)
{
	for (struct names_chunk *c = n->chunk, *former; c; c = former) {
		former = c->former;
		free(c);
	}
	free(n->list);
	*n = (struct names){ .list = 0 };
}

int names_service(int dir, char const *name, unsigned int type)
{
	struct stat st;

	if (!service_name_valid(name))
		return 0;
	if (type == DT_DIR)
		return 1;
	if (type != DT_LNK && type != DT_UNKNOWN)
		return 0;
	return !fstatat(dir, name, &st, 0) && S_ISDIR(st.st_mode);
}
