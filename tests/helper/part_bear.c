/* What witnesses have in common. */
#include "helper/part_bear.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

char const *bear_name;
int bear_echoes;

void bear_begin(void)
{
	bear_name = getenv("CINIT_SERVICE");
	if (!bear_name || !getenv("TREE") || !getenv("CINIT_RUN"))
		_exit(100);
}

int bear_open(char const *base, char const *suffix, int flags)
{
	char path[256];
	int n = snprintf(path, sizeof path, "%s/", getenv("TREE"));

	snprintf(path + n, sizeof path - (size_t)n, "%s%s", base, suffix);
	for (char *slash = path + n; (slash = strchr(slash, '/'));)
		*slash = '-';
	return open(path, flags | O_CLOEXEC, 0600);
}

void bear_write(char kind)
{
	char line[128];
	int fd = bear_open("journal", "", O_WRONLY | O_APPEND);
	int n = snprintf(line, sizeof line, "%s %c %d %llu\n", bear_name, kind, (int)getpid(),
		(unsigned long long)clock_boottime());

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(122);
	close(fd);
	if (bear_echoes && write(1, line, (size_t)n) < 0)
		_exit(123);
}
