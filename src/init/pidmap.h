/* From a pid to what we know of it: a hash table, so that a death costs the same in a tree of ten
 * services and of ten thousand. */
#ifndef INIT_PIDMAP_H
#define INIT_PIDMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pidmap_entry {
	pid_t pid;         /* 0: free */
	uint32_t tag;      /* the caller's own */
	uint64_t identity; /* see process.h */
	void *value;
};

/* Zero it to begin. */
struct pidmap {
	struct pidmap_entry *entry;
	size_t size; /* a power of two, or 0 */
	size_t used;
};

/* Makes room for `n` pids in all. 0, or -1 with ENOMEM; then the old room stays. */
int pidmap_reserve(struct pidmap *m, size_t n);

/* Adds a pid, or replaces what is known of it; grows if it must. The entry, valid until the next
 * change, or NULL with ENOMEM: then nothing was added. */
struct pidmap_entry *pidmap_put(struct pidmap *m, pid_t pid, void *value);

/* NULL: not there. */
struct pidmap_entry *pidmap_get(struct pidmap const *m, pid_t pid);

/* One that is not there is no error. */
void pidmap_drop(struct pidmap *m, pid_t pid);

/* Drops every pid whose value is `value`: as slow as the table is long. */
void pidmap_drop_value(struct pidmap *m, void const *value);

#endif
