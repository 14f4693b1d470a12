/* A process whose first thread has ended: its environment cannot be read, as that of one that is
 * about to end or just executes a program. Says "headless" in $EVENTS when it is so. A line in FIFO
 * lets it execute the program.
 *
 *   headless FIFO PROGRAM [ARGUMENT]... */
#include <skalibs/nonposix.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char **arguments;

static void *go_on(void *data)
{
	static char const line[] = "headless\n";
	char path[32], c;
	int fd;

	(void)data;
	snprintf(path, sizeof path, "/proc/%ld/environ", (long)getpid());
	while ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0 && read(fd, &c, 1) > 0)
		close(fd);
	fd = open(getenv("EVENTS"), O_WRONLY | O_CLOEXEC);
	if (write(fd, line, sizeof line - 1) < 0)
		_exit(123);
	fd = open(arguments[1], O_RDONLY | O_CLOEXEC);
	if (read(fd, &c, 1) == 1)
		execvp(arguments[2], arguments + 2);
	_exit(122);
}

int main(int argc, char **argv)
{
	pthread_t other;

	if (argc < 3)
		return 100;
	arguments = argv;
	if (pthread_create(&other, 0, go_on, 0))
		return 111;
	pthread_exit(0);
}
