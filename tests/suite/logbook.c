/* What a witness said, and a logger wrote down. */
#include "logbook.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/witness.h"

static char wrong[300];

void logbook_open(struct logbook *b, char const *name, char const *path, struct witness const *w)
{
	*b = (struct logbook){ .name = name, .witness = w, .fd = -1 };
	snprintf(b->path, sizeof b->path, "%s", path);
}

/* A life is over: all that was taken in it has come. Of one that was killed in write(2) one line
 * more may have been taken than it counted. */
static char const *end_life(struct logbook const *b, uint32_t life, uint32_t number)
{
	uint32_t taken = life ? b->witness->taken[life % WITNESS_LIVES] : 0;

	if (number == taken || number == taken + 1)
		return NULL;
	snprintf(wrong, sizeof wrong, "%s: life %u: write(2) took %u lines, and %u are in the log",
		b->name, life, taken, number);
	return wrong;
}

/* From the life of the last line to a later one: who came in between said nothing. */
static char const *pass_on(struct logbook *b, uint32_t to)
{
	char const *e = NULL;

	if (to - b->life >= WITNESS_LIVES) {
		snprintf(wrong, sizeof wrong, "%s: %u lives at once", b->name, to - b->life);
		return wrong;
	}
	while (!e && b->life < to) {
		e = b->life ? end_life(b, b->life, b->number) : NULL;
		b->life++;
		b->number = 0;
	}
	return e;
}

static char const *take_line(struct logbook *b, char const *line)
{
	size_t n = strlen(b->name);
	uint32_t life, number;
	char const *e;

	if (strncmp(line, b->name, n) != 0 || sscanf(line + n, " %u %u ", &life, &number) != 2) {
		snprintf(wrong, sizeof wrong, "%s: behind line %u of life %u: `%.80s'", b->name,
			b->number, b->life, line);
		return wrong;
	}
	if (life > b->life && (e = pass_on(b, life)))
		return e;
	if (life != b->life || number != b->number + 1) {
		snprintf(wrong, sizeof wrong,
			"%s: line %u of life %u stands behind line %u of life %u", b->name, number,
			life, b->number, b->life);
		return wrong;
	}
	b->number = number;
	b->lines++;
	return NULL;
}

static char const *take_lines(struct logbook *b)
{
	char *line = b->rest, *end;
	char const *e = NULL;

	b->rest[b->have] = 0;
	while (!e && (end = strchr(line, '\n'))) {
		*end = 0;
		e = take_line(b, line);
		line = end + 1;
	}
	b->have -= (size_t)(line - b->rest);
	memmove(b->rest, line, b->have);
	return e;
}

char const *logbook_read(struct logbook *b)
{
	char const *e = NULL;
	ssize_t n;

	if (b->fd < 0)
		b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
	while (!e && b->fd >= 0 &&
		(n = read(b->fd, b->rest + b->have, sizeof b->rest - 1 - b->have)) > 0) {
		b->have += (size_t)n;
		e = take_lines(b);
	}
	return e;
}

char const *logbook_close(struct logbook *b)
{
	char const *e = logbook_read(b);

	if (!e && b->have) {
		snprintf(wrong, sizeof wrong, "%s: half a line at the end: `%.*s'", b->name,
			(int)b->have, b->rest);
		e = wrong;
	}
	if (!e)
		e = pass_on(b, b->witness->lives);
	if (!e && b->witness->lives)
		e = end_life(b, b->life, b->number);
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	return e;
}
