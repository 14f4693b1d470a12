/* Our environment; see environs.h. */
#include "environs.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is larger lies in memory from malloc; of the room what is not touched is not there. */
#define ROOM  16384
#define SPARE 4 /* variables that we may add */

static struct {
	alignas(char *) char room[ROOM];
	char *rest; /* of the room; NULL: it does not hold the environment */
	char **end; /* of the array's slots, the last NULL among them */
} ours;

/* An array with `spare` slots more, and its strings behind it. */
static char *copy(char *at, size_t n, size_t spare)
{
	char **array = (char **)(void *)at;
	char *text = at + (n + 1 + spare) * sizeof *array;

	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(environ[i]) + 1;
		array[i] = memcpy(text, environ[i], size);
		text += size;
	}
	array[n] = NULL;
	environ = array;
	return text;
}

int environs_move(void)
{
	size_t n = 0, bytes = 0;

	while (environ[n])
		bytes += strlen(environ[n++]) + 1;
	bytes += (n + 1 + SPARE) * sizeof *environ;
	if (bytes <= ROOM) {
		ours.rest = copy(ours.room, n, SPARE);
		ours.end = environ + n + 1 + SPARE;
		return 0;
	}
	char *memory = malloc(bytes);
	if (!memory)
		return -1;
	copy(memory, n, SPARE);
	return 0;
}

/* Its slot, or the NULL at the end. */
static char **find(char const *name, size_t len)
{
	char **slot = environ;

	while (*slot && (strncmp(*slot, name, len) || (*slot)[len] != '='))
		slot++;
	return slot;
}

int environs_set(char const *name, char const *value)
{
	size_t len = strlen(name), size = strlen(value) + 1;
	char **slot = find(name, len);

	if (!ours.rest || environ != (char **)(void *)ours.room ||
		(!*slot && slot + 1 == ours.end) ||
		len + 1 + size > (size_t)(ours.room + ROOM - ours.rest))
		return setenv(name, value, 1);
	if (!*slot)
		slot[1] = NULL;
	*slot = memcpy(ours.rest, name, len);
	ours.rest[len] = '=';
	memcpy(ours.rest + len + 1, value, size);
	ours.rest += len + 1 + size;
	return 0;
}
