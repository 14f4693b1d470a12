/* Memory that forks do not get; see apart.h. */
#include "apart.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP  32    /* sizes are multiples of this */
#define CHUNK 32768 /* got at a time */

struct piece {
	struct piece *next;
};

static struct piece *given_back[APART_MAX / STEP + 1]; /* by size */
static unsigned char *rest;                            /* of the present chunk */
static size_t left;

/* Where madvise fails forks get it, which costs time and nothing else. */
static void *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTFORK);
	return p;
}

static size_t steps(size_t size)
{
	return size ? (size + STEP - 1) / STEP : 1;
}

void *apart_new(size_t size)
{
	size_t n = steps(size);
	if (size > APART_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	struct piece *p = given_back[n];
	if (p) {
		given_back[n] = p->next;
		return memset(p, 0, n * STEP);
	}
	if (left < n * STEP) {
		unsigned char *more = pages(CHUNK);
		if (!more)
			return NULL;
		rest = more;
		left = CHUNK;
	}
	void *new = rest;
	rest += n * STEP;
	left -= n * STEP;
	return new;
}

void apart_free(void *piece, size_t size)
{
	struct piece *p = piece;
	p->next = given_back[steps(size)];
	given_back[steps(size)] = p;
}

void *apart_array(size_t count, size_t size)
{
	if (!count || count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return pages(count * size);
}

void apart_array_free(void *array, size_t count, size_t size)
{
	int e = errno;
	if (array)
		munmap(array, count * size);
	errno = e;
}

static struct {
	void *start;
	size_t size;
} kept[APART_KEPT];
static unsigned int kept_count;

void apart_keep(void *start, size_t size)
{
	if (kept_count == APART_KEPT || madvise(start, size, MADV_DONTFORK) < 0)
		return;
	kept[kept_count].start = start;
	kept[kept_count++].size = size;
}

pid_t apart_fork(void)
{
	for (unsigned int n = 0; n < kept_count; n++)
		madvise(kept[n].start, kept[n].size, MADV_DOFORK);
	pid_t pid = fork();
	int e = errno;
	for (unsigned int n = 0; n < kept_count; n++)
		madvise(kept[n].start, kept[n].size, MADV_DONTFORK);
	errno = e;
	return pid;
}
