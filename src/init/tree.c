/* The table of services. */
#include "tree.h"

#include <string.h>

#include <skalibs/djbunix.h>

#include "../lib/clock.h"
#include "apart.h"

#define BACKOFF_FIRST 100 /* milliseconds */
#define BACKOFF_MAX   30000

int tree_reserve(struct tree *t, size_t n)
{
	if (pidmap_reserve(&t->supervisors, n) < 0)
		return -1;
	if (n <= t->room)
		return 0;
	struct service **list = apart_array(n, sizeof *list);
	if (!list)
		return -1;
	if (t->count)
		memcpy(list, t->list, t->count * sizeof *list);
	apart_array_free(t->list, t->room, sizeof *list);
	t->list = list;
	t->room = n;
	return 0;
}

/* Where the name is, or would be. */
static size_t position(struct tree const *t, char const *name, int *found)
{
	size_t low = 0, high = t->count;

	*found = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(t->list[middle]->name, name);
		if (!order)
			*found = 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct service *tree_find(struct tree const *t, char const *name)
{
	int found;
	size_t i = position(t, name, &found);

	return found ? t->list[i] : NULL;
}

struct service *tree_add(struct tree *t, char const *name)
{
	int found;
	size_t i = position(t, name, &found);

	if (found)
		return t->list[i];
	if (t->count == t->room && tree_reserve(t, t->room ? t->room * 2 : 16) < 0)
		return NULL;
	/* the name behind it, in the same piece */
	size_t len = strlen(name) + 1;
	struct service *s = apart_new(sizeof *s + len);
	if (!s)
		return NULL;
	s->name = memcpy(s + 1, name, len);
	s->pidfd = s->told = -1;
	for (unsigned int n = 0; n < HOLD_COUNT; n++)
		s->held[n] = -1;
	memmove(t->list + i + 1, t->list + i, (t->count - i) * sizeof *t->list);
	t->list[i] = s;
	t->count++;
	return s;
}

void tree_remove(struct tree *t, struct service *s)
{
	int found;
	size_t i = position(t, s->name, &found);

	if (!found)
		return;
	t->count--;
	memmove(t->list + i, t->list + i + 1, (t->count - i) * sizeof *t->list);
	tree_cancel(t, s);
	for (unsigned int n = 0; n < HOLD_COUNT; n++)
		if (s->held[n] >= 0)
			fd_close(s->held[n]);
	if (s->told >= 0)
		fd_close(s->told);
	apart_free(s, sizeof *s + strlen(s->name) + 1);
}

struct service *tree_by_pid(struct tree const *t, pid_t pid)
{
	struct pidmap_entry const *e = pidmap_get(&t->supervisors, pid);

	return e ? e->value : NULL;
}

void tree_schedule(struct tree *t, struct service *s, uint64_t when)
{
	if (s->phase != SERVICE_DUE)
		t->due++;
	s->phase = SERVICE_DUE;
	s->due = when;
	t->earliest = clock_earlier(t->earliest, when);
}

void tree_cancel(struct tree *t, struct service *s)
{
	if (s->phase != SERVICE_DUE)
		return;
	t->due--;
	s->phase = SERVICE_IDLE;
}

int tree_runs(struct tree *t, struct service *s, pid_t pid)
{
	if (!pidmap_put(&t->supervisors, pid, s))
		return -1;
	tree_cancel(t, s);
	s->phase = SERVICE_RUNS;
	s->supervisor = pid;
	t->living++;
	return 0;
}

void tree_taken(struct tree *t, struct service *s, pid_t pid, int pidfd)
{
	tree_cancel(t, s);
	s->phase = SERVICE_TAKEN;
	s->supervisor = pid;
	s->pidfd = pidfd;
	t->living++;
	t->taken++;
}

void tree_ended(struct tree *t, struct service *s)
{
	if (s->phase == SERVICE_RUNS) {
		pidmap_drop(&t->supervisors, s->supervisor);
		t->living--;
	} else if (s->phase == SERVICE_TAKEN) {
		fd_close(s->pidfd);
		s->pidfd = -1;
		t->living--;
		t->taken--;
	}
	if (s->told >= 0)
		fd_close(s->told);
	s->told = -1;
	s->phase = SERVICE_IDLE;
	s->supervisor = 0;
}

unsigned int tree_backoff(unsigned int row)
{
	unsigned int ms = BACKOFF_FIRST;

	if (row <= 1)
		return 0;
	while (row-- > 2 && ms < BACKOFF_MAX)
		ms *= 2;
	return ms < BACKOFF_MAX ? ms : BACKOFF_MAX;
}
