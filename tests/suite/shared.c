/* Memory that processes of a test share. */
#include "shared.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

static void *map(size_t size, int fd)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		fail_msg("no memory to share");
	return p;
}

void *shared_memory(size_t size)
{
	return map(size, -1);
}

char const *shared_name(char const *name, char const *suffix)
{
	char file[80];
	snprintf(file, sizeof file, "%s%s", name, suffix);
	for (char *slash = file; (slash = strchr(slash, '/'));)
		*slash = '-';
	return tree_name("%s", file);
}

struct witness *shared_witness(char const *name)
{
	char const *path = shared_name(name, ".witness");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	/* some run as other users */
	if (fd < 0 || fchmod(fd, 0666) < 0 || ftruncate(fd, sizeof(struct witness)) < 0)
		fail_msg("unable to make %s", path);
	struct witness *w = map(sizeof *w, fd);
	close(fd);
	return w;
}
