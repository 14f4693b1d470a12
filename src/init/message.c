/* Lines on standard error: room for them, and the words in them. */
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include <skalibs/sig.h>
#include <skalibs/types.h>

#include "../lib/printable.h"

/* The one thing here that outlives a call: lines dropped since the last that was written. */
static unsigned int dropped;

int message_room(void)
{
	struct pollfd p = { .fd = 2, .events = POLLOUT };
	char n[MESSAGE_NUMBER];
	int error = errno;
	/* O_NONBLOCK would do, but it belongs to the open file and so to every service that has it
	 * too */
	int room = poll(&p, 1, 0) != 0;

	if (!room) {
		dropped++;
	} else if (dropped) {
		unsigned int lines = dropped;
		dropped = 0;
		strerr_warni(
			message_number(n, lines), " lines were dropped: standard error was full");
		room = message_room();
	}
	errno = error;
	return room;
}

void message_trouble(char const *name, char const *then)
{
	char safe[256];

	printable_copy(safe, sizeof safe, name);
	if (errno == EILSEQ)
		warn(safe, ": a control character in its name; this can be no service");
	else
		warn_error(then, safe, ": unable to look at the service directory");
}

char const *message_number(char buf[MESSAGE_NUMBER], unsigned int n)
{
	buf[uint_fmt(buf, n)] = 0;
	return buf;
}

char const *message_time(char buf[MESSAGE_TIME], unsigned int ms)
{
	size_t len = uint_fmt(buf, ms / 1000);

	if (ms % 1000) {
		buf[len++] = '.';
		buf[len++] = (char)('0' + ms % 1000 / 100);
	}
	memcpy(buf + len, " s", 3);
	return buf;
}

char const *message_end(char buf[MESSAGE_END], int wait_status)
{
	static char const killed[] = "was killed by ", exited[] = "exited ";

	if (WIFSIGNALED(wait_status)) {
		char const *name = sig_name(WTERMSIG(wait_status));
		size_t len = strnlen(name, MESSAGE_END - sizeof killed);
		memcpy(buf, killed, sizeof killed - 1);
		memcpy(buf + sizeof killed - 1, name, len);
		buf[sizeof killed - 1 + len] = 0;
	} else {
		memcpy(buf, exited, sizeof exited - 1);
		message_number(buf + sizeof exited - 1, (unsigned int)WEXITSTATUS(wait_status));
	}
	return buf;
}
