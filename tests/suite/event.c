/* Lines that scripts of services say to the test, through a FIFO. */
#include "tree.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char line_buffer[8192];
static size_t line_have, line_next;

char const *event_poll(void)
{
	static unsigned int generation;
	static char last_tree[sizeof tree.path];
	char *end;

	if (!generation++ || strcmp(last_tree, tree.path)) {
		line_have = line_next = 0;
		memcpy(last_tree, tree.path, sizeof last_tree);
	}
	memmove(line_buffer, line_buffer + line_next, line_have - line_next);
	line_have -= line_next;
	line_next = 0;
	for (;;) {
		end = memchr(line_buffer, '\n', line_have);
		if (end) {
			*end = 0;
			line_next = (size_t)(end - line_buffer) + 1;
			return line_buffer;
		}
		ssize_t n =
			read(tree.events, line_buffer + line_have, sizeof line_buffer - line_have);
		if (n <= 0)
			return 0;
		line_have += (size_t)n;
	}
}

static char const *event_wait(char const *want, char const *file, int line)
{
	uint64_t deadline = tree_patience();
	char const *text;

	while (!(text = event_poll()))
		if (tree_poll(tree.events, POLLIN, deadline) < 0) {
			print_error(
				"tree: %s:%d: nothing was said; awaited: %s\n", file, line, want);
			tree_messages();
			_fail(file, line);
		}
	return text;
}

char const *event_next_at(char const *file, int line)
{
	return event_wait("a line", file, line);
}

void event_is_at(char const *want, char const *file, int line)
{
	_assert_string_equal(event_wait(want, file, line), want, file, line);
}

pid_t event_pid_at(char const *file, int line)
{
	char *end;
	char const *text = event_wait("a process id", file, line);
	long pid = strtol(text, &end, 10);
	if (*end || pid <= 1) {
		print_error("tree: %s:%d: no process id: %s\n", file, line, text);
		_fail(file, line);
	}
	return (pid_t)pid;
}

void event_await_at(char const *want, char const *file, int line)
{
	while (strcmp(event_wait(want, file, line), want) != 0)
		;
}

void event_none_at(char const *file, int line)
{
	char const *text = event_poll();
	if (!text)
		return;
	print_error("tree: %s:%d: a script said: %s\n", file, line, text);
	_fail(file, line);
}
