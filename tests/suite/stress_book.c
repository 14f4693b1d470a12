/* What the processes of a stress share: memory, complaints, the timeline; and chance. */
#include "stress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define SHOWN 160 /* lines before a complaint */

char const *const place_names[PLACES] = { "beat", "beep", "hush", "solo", "work", "web", "web/log",
	"duo", ".cinit" };

struct stress *stress;
struct witness *witness[PLACES];
char stress_who[12] = "test";
unsigned int stress_self;
int stress_bell = -1;

/* ---------------------------------------------------------------------------------- memory */

static void *map(size_t size, int fd)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		fail_msg("no memory to share");
	return p;
}

static struct witness *map_witness(char const *name)
{
	char file[80];
	snprintf(file, sizeof file, "%s.witness", name);
	for (char *slash = file; (slash = strchr(slash, '/'));)
		*slash = '-';
	int fd = open(tree_name("%s", file), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct witness)) < 0)
		fail_msg("unable to make %s", file);
	struct witness *w = map(sizeof *w, fd);
	close(fd);
	return w;
}

void stress_begin(void)
{
	stress = map(sizeof *stress, -1);
	for (int i = 0; i < CINIT; i++)
		witness[i] = map_witness(place_names[i]);
	tree_write("journal", 0600, "");
	stress_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stress_bell < 0)
		fail_msg("no eventfd");
}

void stress_end(void)
{
	for (int i = 0; i < CINIT; i++)
		if (witness[i])
			munmap(witness[i], sizeof *witness[i]);
	memset(witness, 0, sizeof witness);
	if (stress)
		munmap(stress, sizeof *stress);
	stress = NULL;
}

/* ---------------------------------------------------------------------------------- chance */

static uint64_t chance = 1;

uint64_t stress_random(uint64_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 11) % n;
}

void stress_seed(uint64_t seed, uint64_t self)
{
	chance = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^
		 (self + 1) * UINT64_C(0xbf58476d1ce4e5b9);
	chance |= !chance;
	for (int i = 0; i < 8; i++)
		stress_random(2);
}

void stress_pause(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / CLOCK_SECOND),
		.tv_nsec = (long)(ns % CLOCK_SECOND) };
	nanosleep(&t, NULL);
}

/* ------------------------------------------------------------------------------ the timeline */

void stress_note(int where, char const *format, ...)
{
	struct line *l = &stress->line[atomic_fetch_add(&stress->lines, 1) % LINES];
	va_list args;

	l->when = clock_boottime();
	l->where = where;
	memcpy(l->who, stress_who, sizeof l->who);
	va_start(args, format);
	vsnprintf(l->text, sizeof l->text, format, args);
	va_end(args);
}

static void object(int where, char const *format, va_list args)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&stress->complained, &none, 1))
		return;
	stress->complaint_when = clock_boottime();
	stress->complaint_about = where;
	int n = snprintf(stress->complaint, sizeof stress->complaint, "%s: %s: ", stress_who,
		where < PLACES ? place_names[where] : "tree");
	vsnprintf(stress->complaint + n, sizeof stress->complaint - (size_t)n, format, args);
	atomic_store(&stress->complained, 2);
	atomic_store(&stress->bell, 1);
}

void stress_object(int where, char const *format, ...)
{
	va_list args;
	va_start(args, format);
	object(where, format, args);
	va_end(args);
}

void stress_complain(int where, char const *format, ...)
{
	va_list args;
	va_start(args, format);
	object(where, format, args);
	va_end(args);
	_exit(1);
}

/* What witnesses wrote down belongs into the timeline, too. */
static size_t add_journal(struct line *line, size_t n, size_t room)
{
	FILE *f = fopen(tree_name("journal"), "re");
	char name[16], kind;
	int pid;
	unsigned long long when;

	while (f && n < room && fscanf(f, "%15s %c %d %llu\n", name, &kind, &pid, &when) == 4) {
		struct line *l = &line[n++];
		*l = (struct line){ .when = when, .where = PLACES, .who = "witness" };
		for (int i = 0; i < PLACES; i++)
			if (!strcmp(place_names[i], name))
				l->where = i;
		snprintf(l->text, sizeof l->text, "%c %d", kind, pid);
	}
	if (f)
		fclose(f);
	return n;
}

static int by_time(void const *a, void const *b)
{
	uint64_t x = ((struct line const *)a)->when, y = ((struct line const *)b)->when;
	return x < y ? -1 : x > y;
}

static int concerns(struct line const *l, int where)
{
	return l->where == where || l->where == PLACES || where == PLACES ||
	       (where == WEB_LOG && l->where == WEB) || (where == WEB && l->where == WEB_LOG);
}

void stress_tell(void)
{
	size_t const room = 4 * LINES;
	struct line *line = calloc(room, sizeof *line);
	size_t n = 0, all;
	int where = stress->complaint_about;

	print_error("stress: %s\n", stress->complaint);
	if (!line)
		return;
	memcpy(line, stress->line, sizeof stress->line);
	all = add_journal(line, LINES, room);
	qsort(line, all, sizeof *line, by_time);
	for (size_t i = 0; i < all; i++)
		if (line[i].when && concerns(&line[i], where))
			line[n++] = line[i];
	for (size_t i = n > SHOWN ? n - SHOWN : 0; i < n; i++)
		print_error("%+10.3f ms  %-10s %-8s %s\n",
			((double)line[i].when - (double)stress->complaint_when) / 1e6, line[i].who,
			line[i].where < PLACES ? place_names[line[i].where] : "", line[i].text);
	free(line);
}
