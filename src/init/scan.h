/* What the service directory holds. */
#ifndef INIT_SCAN_H
#define INIT_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct scan_entry {
	char *name;
	dev_t device;
	ino_t inode;         /* 0: it could not be looked at; perhaps a service, perhaps not */
	unsigned char holds; /* 1 << enum service_hold, of tree.h */
};

/* Zero it to begin. */
struct scan {
	struct scan_entry *entry; /* by name */
	size_t count, room;
};

/* Reads the directory `path`: every directory, or link to one, whose name may be a service's. What
 * cannot be looked at is named to `trouble` (may be NULL) with errno set; a link to nowhere is left
 * out. 0, or -1 with errno. scan_free in either case. */
int scan_read(struct scan *s, char const *path, void (*trouble)(char const *name));

/* The entry whose name are the first `len` bytes of `name`, or NULL. */
struct scan_entry const *scan_find(struct scan const *s, char const *name, size_t len);

/* What is to be held of a service, by the entries of its directory, NAME in `dir`. */
unsigned char scan_holds(int dir, char const *name);

/* A number for the templates among them: another one when some came, went or were replaced. */
uint64_t scan_templates(struct scan const *s);

void scan_free(struct scan *s);

#endif
