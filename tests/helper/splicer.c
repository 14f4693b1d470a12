/* A logger that loses nothing: whoever kills it, a byte is in the pipe or in the file.
 *
 *   splicer FILE
 *
 * It moves its input to the end of $TREE/FILE with splice(2), which a signal cannot divide: what
 * was not moved is still in the pipe, for the next one. No byte is ever in its own memory. (A file
 * that is open for appending cannot be spliced to, so it looks for the end once; a lock on the file
 * sees to it that nobody else writes there.)
 *
 * As a witness it writes lines of $TREE/journal, `NAME KIND PID TIME`: + began, $ saw the end of
 * its input, ! another instance lives. */
#include <skalibs/nonposix.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "helper/part_bear.h"

#define AT_ONCE (1u << 20) /* the most that a pipe of an unprivileged user holds */

static void wait_for_input(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	poll(&p, 1, -1);
}

int main(int argc, char **argv)
{
	bear_begin();
	int fd = argc == 2 ? bear_open(argv[1], "", O_WRONLY | O_CREAT) : -1;
	if (fd < 0)
		return 100;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		bear_write('!');
		return 125;
	}
	if (lseek(fd, 0, SEEK_END) < 0)
		return 111;
	bear_write('+');
	for (;;) {
		ssize_t n = splice(0, NULL, fd, NULL, AT_ONCE, SPLICE_F_MOVE);
		if (!n)
			break;
		if (n < 0 && errno == EAGAIN)
			wait_for_input();
		else if (n < 0 && errno != EINTR)
			return 111;
	}
	bear_write('$');
	return 0;
}
