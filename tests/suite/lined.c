/* Services with ready-line; see lined.h. */
#include "lined.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct place lined(char const *run, char const *log_run)
{
	struct place web = place_with("web", run);
	place_write(&web, "ready-line", "is ready\n");
	if (log_run)
		place_script(&web, "log/run", log_run);
	return web;
}

int held(struct place const *p)
{
	char lines[TREE_PATH + 8], path[TREE_PATH + 8];
	snprintf(lines, sizeof lines, "%s/lines", p->state);
	snprintf(path, sizeof path, "%s/pipe", p->state);
	assert_int_equal(mkfifo(lines, 0600), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(open(lines, O_RDONLY | O_NONBLOCK | O_CLOEXEC) >= 0);
	return open(path, O_RDWR | O_CLOEXEC);
}

void to_the_drain(void)
{
	int fd = open(tree_name("drain"), O_RDWR | O_CLOEXEC);
	dup2(fd, 1);
}
