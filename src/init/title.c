/* Room for the command lines of our supervisors: they are forks that never execute, so they inherit
 * ours, and another one may be as long as the strings that the kernel laid out side by side for us.
 * (PR_SET_MM could set a longer one, with a capability.) */
#include "title.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A copy of the environment, array and strings in one piece, or NULL. */
static char **environment_copy(char **env)
{
	size_t n = 0, bytes = 0;

	while (env[n])
		bytes += strlen(env[n++]) + 1;
	size_t array = (n + 1) * sizeof *env;
	char **copy = malloc(array + bytes);
	if (!copy)
		return NULL;
	char *text = (char *)copy + array;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(env[i]) + 1;
		copy[i] = memcpy(text, env[i], len);
		text += len;
	}
	copy[n] = NULL;
	return copy;
}

/* Where the strings end that follow each other from `end` on. */
static char *contiguous(char *end, char **strings)
{
	for (; *strings && *strings == end; strings++)
		end += strlen(end) + 1;
	return end;
}

void title_reserve(int argc, char **argv, char **title, size_t *size)
{
	*title = NULL;
	*size = 0;
	if (argc < 1)
		return;
	char *end = contiguous(argv[0], argv);
	char **copy = environment_copy(environ);
	if (copy) {
		end = contiguous(end, environ);
		environ = copy;
	}
	*title = argv[0];
	*size = (size_t)(end - argv[0]);
}
