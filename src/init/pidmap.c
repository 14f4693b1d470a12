/* From a pid to what we know of it: open addressing, linear probing, deletion by moving back. */
#include "pidmap.h"

#include <errno.h>
#include <stdint.h>

#include "apart.h"

#define SIZE_MIN 64

/* The kernel hands out pids in sequence: neighbours fill neighbouring slots, which is what a cache
 * likes, and they never collide before the table wraps. */
static size_t home(struct pidmap const *m, pid_t pid)
{
	return (size_t)pid & (m->size - 1);
}

/* Where the pid is, or the free slot where it would go. The table is never full. */
static struct pidmap_entry *find(struct pidmap const *m, pid_t pid)
{
	size_t i = home(m, pid);

	while (m->entry[i].pid && m->entry[i].pid != pid)
		i = (i + 1) & (m->size - 1);
	return m->entry + i;
}

int pidmap_reserve(struct pidmap *m, size_t n)
{
	struct pidmap old = *m;
	size_t size = m->size ? m->size : SIZE_MIN;

	while (size / 2 < n) {
		if (size > SIZE_MAX / 2 / sizeof *m->entry) {
			errno = ENOMEM;
			return -1;
		}
		size *= 2;
	}
	if (size == old.size)
		return 0;
	struct pidmap_entry *entry = apart_array(size, sizeof *entry);
	if (!entry)
		return -1;
	m->entry = entry;
	m->size = size;
	for (size_t i = 0; i < old.size; i++) {
		if (old.entry[i].pid)
			*find(m, old.entry[i].pid) = old.entry[i];
	}
	apart_array_free(old.entry, old.size, sizeof *old.entry);
	return 0;
}

struct pidmap_entry *pidmap_put(struct pidmap *m, pid_t pid, void *value)
{
	/* above half it would like to grow; where it cannot, it goes on until one slot is left */
	if (pidmap_reserve(m, m->used + 1) < 0 && m->used + 1 >= m->size) {
		struct pidmap_entry *known = pidmap_get(m, pid);
		if (!known) {
			errno = ENOMEM;
			return NULL;
		}
	}
	struct pidmap_entry *e = find(m, pid);
	if (!e->pid)
		m->used++;
	*e = (struct pidmap_entry){ .pid = pid, .value = value };
	return e;
}

struct pidmap_entry *pidmap_get(struct pidmap const *m, pid_t pid)
{
	if (!m->size)
		return NULL;
	struct pidmap_entry *e = find(m, pid);
	return e->pid ? e : NULL;
}

void pidmap_drop(struct pidmap *m, pid_t pid)
{
	struct pidmap_entry *e = pidmap_get(m, pid);
	if (!e)
		return;
	size_t hole = (size_t)(e - m->entry), i = hole;

	/* an entry behind the hole moves into it unless its home lies between the two */
	for (;;) {
		i = (i + 1) & (m->size - 1);
		if (!m->entry[i].pid)
			break;
		size_t from_home = (i - home(m, m->entry[i].pid)) & (m->size - 1);
		size_t from_hole = (i - hole) & (m->size - 1);
		if (from_home < from_hole)
			continue;
		m->entry[hole] = m->entry[i];
		hole = i;
	}
	m->entry[hole] = (struct pidmap_entry){ 0 };
	m->used--;
}

void pidmap_drop_value(struct pidmap *m, void const *value)
{
	/* a drop moves entries back, into the slot just looked at too: look at it again */
	for (size_t i = 0; i < m->size;) {
		if (m->entry[i].pid && m->entry[i].value == value)
			pidmap_drop(m, m->entry[i].pid);
		else
			i++;
	}
}
