/* Room for the command lines of our supervisors: they are forks that never execute, so they inherit
 * ours, and another one may be as long as the strings that the kernel laid out side by side for us.
 * (PR_SET_MM could set a longer one, with a capability.) */
#include "title.h"

#include <string.h>
#include <unistd.h>

#include "environs.h"

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
	char *environment = contiguous(end, environ);
	if (!environs_move())
		end = environment;
	*title = argv[0];
	*size = (size_t)(end - argv[0]);
}
