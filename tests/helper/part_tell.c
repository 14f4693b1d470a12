/* How a helper tells that it is ready. */
#include "helper/part_tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int tell_fd(int fd)
{
	return !fd || write(fd, "\n", 1) == 1 ? 0 : -1;
}

int tell_notify(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char const *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path ? path : "");
	ssize_t n = sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&a, sizeof a);
	if (fd >= 0)
		close(fd);
	return n == 7 ? 0 : -1;
}
