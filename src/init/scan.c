/* What the service directory holds. */
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/djbunix.h>

#include "../lib/listing.h"
#include "../lib/path.h"
#include "../lib/printable.h"
#include "../lib/rundir.h"
#include "../lib/servicedir.h"
#include "../lib/template.h"
#include "apart.h"
#include "tree.h"

static struct scan_entry *scan_add(struct scan *s, char const *name)
{
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct scan_entry *entry = apart_array(room, sizeof *entry);
		if (!entry)
			return NULL;
		if (s->count)
			memcpy(entry, s->entry, s->count * sizeof *entry);
		apart_array_free(s->entry, s->room, sizeof *entry);
		s->entry = entry;
		s->room = room;
	}
	struct scan_entry *e = s->entry + s->count;
	size_t size = strlen(name) + 1;
	*e = (struct scan_entry){ .name = apart_new(size) };
	if (!e->name)
		return NULL;
	memcpy(e->name, name, size);
	s->count++;
	return e;
}

/* Of the entries of a service's directory. 0, or -1 with errno: for want of memory. */
static int look_inside(int dir, char const *name, unsigned char *holds)
{
	static struct {
		char const *entry;
		mode_t type;
	} const row[HOLD_COUNT] = {
		[HOLD_PIPE] = { "log", S_IFDIR },
		[HOLD_READY] = { "notification-fd", S_IFREG },
		[HOLD_LINES] = { "ready-line", S_IFREG },
	};
	char path[PATH_MAX];
	struct stat st;

	*holds = 0;
	for (unsigned int n = 0; n < HOLD_COUNT; n++) {
		if (path_join(path, name, row[n].entry))
			continue;
		if (!fstatat(dir, path, &st, 0)) {
			if ((st.st_mode & S_IFMT) == row[n].type)
				*holds |= (unsigned char)(1u << n);
		} else if (value_shortage(errno)) {
			return -1;
		}
	}
	return 0;
}

unsigned char scan_holds(int dir, char const *name)
{
	unsigned char holds;

	look_inside(dir, name, &holds);
	return holds;
}

/* One name. 0, or -1 with errno: no memory. */
static int look(struct scan *s, int dir, char const *name, void (*trouble)(char const *name))
{
	struct stat st;

	if (!service_name_valid(name)) {
		/* a directory that somebody may have meant for a service */
		if (trouble && printable_not(name) && !fstatat(dir, name, &st, 0) &&
			S_ISDIR(st.st_mode)) {
			errno = EILSEQ;
			trouble(name);
		}
		return 0;
	}
	if (fstatat(dir, name, &st, 0) < 0) {
		/* nobody would look again, and it would be missing */
		if (value_shortage(errno))
			return -1;
		/* gone between readdir and here: it was never there; a link to nowhere is worth a
		 * word */
		int gone = errno == ENOENT;
		if (gone && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
		if (trouble)
			trouble(name);
		if (gone)
			return 0;
		st = (struct stat){ 0 };
	} else if (!S_ISDIR(st.st_mode)) {
		return 0;
	}
	struct scan_entry *e = scan_add(s, name);
	if (!e)
		return -1;
	e->device = st.st_dev;
	e->inode = st.st_ino;
	return e->inode ? look_inside(dir, name, &e->holds) : 0;
}

static int by_name(void const *a, void const *b)
{
	struct scan_entry const *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct reading {
	struct scan *s;
	int dir;
	void (*trouble)(char const *name);
	int error; /* errno; 0: none */
};

static void read_one(char const *name, unsigned int type, void *data)
{
	struct reading *r = data;
	(void)type;

	if (!r->error && look(r->s, r->dir, name, r->trouble) < 0)
		r->error = errno;
}

int scan_read(struct scan *s, char const *path, void (*trouble)(char const *name))
{
	struct reading r = { .s = s, .trouble = trouble };

	r.dir = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.dir < 0)
		return -1;
	if (listing_each(r.dir, read_one, &r) < 0)
		r.error = errno;
	fd_close(r.dir);
	if (r.error) {
		errno = r.error;
		return -1;
	}
	if (s->count)
		qsort(s->entry, s->count, sizeof *s->entry, by_name);
	return 0;
}

struct scan_entry const *scan_find(struct scan const *s, char const *name, size_t len)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct scan_entry const *e = s->entry + middle;
		int order = strncmp(e->name, name, len);
		if (!order && !e->name[len])
			return e;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static uint64_t mix(uint64_t h, void const *bytes, size_t len)
{
	unsigned char const *b = bytes;

	for (size_t n = 0; n < len; n++)
		h = (h ^ b[n]) * UINT64_C(1099511628211); /* FNV-1a */
	return h;
}

uint64_t scan_templates(struct scan const *s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t n = 0; n < s->count; n++) {
		struct scan_entry const *e = s->entry + n;
		if (!template_is(e->name))
			continue;
		h = mix(h, e->name, strlen(e->name) + 1);
		h = mix(h, &e->inode, sizeof e->inode);
	}
	return h;
}

void scan_free(struct scan *s)
{
	for (size_t i = 0; i < s->count; i++)
		apart_free(s->entry[i].name, strlen(s->entry[i].name) + 1);
	apart_array_free(s->entry, s->room, sizeof *s->entry);
	*s = (struct scan){ 0 };
}
