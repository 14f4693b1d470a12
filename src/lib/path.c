/* Path names. */
#include "path.h"

#include <errno.h>
#include <string.h>

int path_join(char out[PATH_MAX], char const *dir, char const *name)
{
	size_t d = strlen(dir), n = strlen(name);
	if (d >= PATH_MAX || n >= PATH_MAX || d + n + 2 > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(out, dir, d);
	out[d] = '/';
	memcpy(out + d + 1, name, n + 1);
	return 0;
}
