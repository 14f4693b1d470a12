/* A service that is told everything: says a line in $EVENTS, then the name of each signal it gets.
 *
 *   listener LINE [SIGNAL=CODE]...     CODE: exit with it when that signal comes
 *
 * A shell's trap can miss a signal that comes just before it waits; this cannot. */
#include <skalibs/nonposix.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/sig.h>

static void say(char const *text)
{
	char line[64];
	size_t len = strlen(text);
	char const *events = getenv("EVENTS");
	int fd = open(events ? events : "", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || len >= sizeof line)
		_exit(122);
	memcpy(line, text, len);
	line[len] = '\n';
	if (write(fd, line, len + 1) < 0)
		_exit(123);
	close(fd);
}

int main(int argc, char **argv)
{
	sigset_t all;
	int sig;

	if (argc < 2)
		return 100;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, 0);
	say(argv[1]);
	while (!sigwait(&all, &sig)) {
		char const *name = sig_name(sig);
		size_t len = strlen(name);
		say(name);
		for (int i = 2; i < argc; i++)
			if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
				return atoi(argv[i] + len + 1);
	}
	return 121;
}
