/* The timeline. */
#include "timeline.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "shared.h"
#include "tree.h"

#define SHOWN 160 /* lines before a complaint */

struct timeline *timeline;
char timeline_who[12] = "test";
static char const *const *place_name;
static int places;

void timeline_begin(char const *const *names, int count)
{
	timeline = shared_memory(sizeof *timeline);
	place_name = names;
	places = count;
}

void timeline_end(void)
{
	if (timeline)
		munmap(timeline, sizeof *timeline);
	timeline = NULL;
}

char const *timeline_complaint(void)
{
	if (!atomic_load(&timeline->complained))
		return NULL;
	while (atomic_load(&timeline->complained) == 1)
		sched_yield();
	return timeline->complaint;
}

void timeline_note(int where, char const *format, ...)
{
	struct timeline_line *l =
		&timeline->line[atomic_fetch_add(&timeline->lines, 1) % TIMELINE_LINES];
	va_list args;

	l->when = clock_boottime();
	l->where = where;
	memcpy(l->who, timeline_who, sizeof l->who);
	va_start(args, format);
	vsnprintf(l->text, sizeof l->text, format, args);
	va_end(args);
}

static void object(int where, char const *format, va_list args)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&timeline->complained, &none, 1))
		return;
	timeline->when = clock_boottime();
	timeline->about = where;
	int n = snprintf(timeline->complaint, sizeof timeline->complaint, "%s: %s: ", timeline_who,
		where < places ? place_name[where] : "tree");
	vsnprintf(timeline->complaint + n, sizeof timeline->complaint - (size_t)n, format, args);
	atomic_store(&timeline->complained, 2);
}

void timeline_object(int where, char const *format, ...)
{
	va_list args;
	va_start(args, format);
	object(where, format, args);
	va_end(args);
}

void timeline_complain(int where, char const *format, ...)
{
	va_list args;
	va_start(args, format);
	object(where, format, args);
	va_end(args);
	_exit(1);
}

/* Service and logger are of one supervisor. */
static size_t family(char const *name)
{
	return strcspn(name, "/");
}

static int is_logger_of(char const *name, char const *service)
{
	return strlen(service) == family(name) && !strncmp(name, service, family(name));
}

static int concerns(struct timeline_line const *l, int where)
{
	if (l->where == where || l->where == places || where == places)
		return 1;
	size_t n = family(place_name[where]);
	return n == family(place_name[l->where]) &&
	       !strncmp(place_name[l->where], place_name[where], n);
}

/* What witnesses wrote down belongs into the timeline, too. */
static size_t add_journal(struct timeline_line *line, size_t n, size_t room)
{
	FILE *f = fopen(tree_name("journal"), "re");
	char name[16], kind;
	int pid;
	unsigned long long when;

	while (f && n < room && fscanf(f, "%15s %c %d %llu\n", name, &kind, &pid, &when) == 4) {
		struct timeline_line *l = &line[n++];
		*l = (struct timeline_line){ .when = when, .where = places, .who = "witness" };
		for (int i = 0; i < places; i++)
			if (!strcmp(place_name[i], name) ||
				(l->where == places && is_logger_of(name, place_name[i])))
				l->where = i;
		snprintf(l->text, sizeof l->text, "%c %d%s", kind, pid,
			strchr(name, '/') ? ", logger" : "");
	}
	if (f)
		fclose(f);
	return n;
}

static int by_time(void const *a, void const *b)
{
	uint64_t x = ((struct timeline_line const *)a)->when,
		 y = ((struct timeline_line const *)b)->when;
	return x < y ? -1 : x > y;
}

void timeline_tell(void)
{
	size_t const room = 4 * TIMELINE_LINES;
	struct timeline_line *line = calloc(room, sizeof *line);
	size_t n = 0, all;
	int where = timeline->about;

	print_error("timeline: %s\n", timeline->complaint);
	if (!line)
		return;
	memcpy(line, timeline->line, sizeof timeline->line);
	all = add_journal(line, TIMELINE_LINES, room);
	qsort(line, all, sizeof *line, by_time);
	for (size_t i = 0; i < all; i++)
		if (line[i].when && concerns(&line[i], where))
			line[n++] = line[i];
	for (size_t i = n > SHOWN ? n - SHOWN : 0; i < n; i++)
		print_error("%+10.3f ms  %-10s %-8s %s\n",
			((double)line[i].when - (double)timeline->when) / 1e6, line[i].who,
			line[i].where < places ? place_name[line[i].where] : "", line[i].text);
	free(line);
}
