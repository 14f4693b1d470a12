/* The names in a directory, sorted. */
#include <skalibs/nonposix.h>

#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/direntry.h>
#include <skalibs/unix-transactional.h>

#include "rundir.h"

int names_add(struct names *n, char const *name)
{
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 16;
		char **list = reallocarray(n->list, room, sizeof *list);
		if (!list)
			return -1;
		n->list = list;
		n->room = room;
	}
	n->list[n->count] = strdup(name);
	if (!n->list[n->count])
		return -1;
	n->count++;
	return 0;
}

static int by_name(void const *a, void const *b)
{
	char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

int names_read(
	struct names *n, int dir, char const *path, int (*keep)(int dir, struct dirent const *e))
{
	DIR *d = opendir_at(dir, path);
	int result = 0;

	if (!d)
		return -1;
	while (!result) {
		errno = 0;
		struct dirent const *e = readdir(d);
		if (!e) {
			result = errno ? -1 : 0;
			break;
		}
		if (e->d_name[0] != '.' && (!keep || keep(dirfd(d), e)))
			result = names_add(n, e->d_name);
	}
	dir_close(d); /* keeps errno */
	if (n->count)
		qsort(n->list, n->count, sizeof *n->list, by_name);
	return result;
}

void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	*n = (struct names){ .list = 0 };
}

int names_service(int dir, struct dirent const *e)
{
	struct stat st;

	if (!service_name_valid(e->d_name))
		return 0;
	if (e->d_type == DT_DIR)
		return 1;
	if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return 0;
	return !fstatat(dir, e->d_name, &st, 0) && S_ISDIR(st.st_mode);
}
