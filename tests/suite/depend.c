/* Services that depend on each other, for tests. */
#include "depend.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void script(struct place const *p, char const *entry, char const *words)
{
	char text[512];
	snprintf(text, sizeof text, "exec \"$CINIT_BUILD/test/helper/member\" %s %s", p->name,
		words);
	place_script(p, entry, text);
}

struct place member_make(char const *name, char const *words)
{
	struct place p = place_make(name);
	char const *fd = strstr(words, "fd=");
	char number[8];

	script(&p, "run", words);
	if (fd) {
		snprintf(number, sizeof number, "%d", atoi(fd + 3));
		place_write(&p, "notification-fd", number);
	}
	if (strstr(words, "notify"))
		place_write(&p, "notify", "");
	return p;
}

struct place member_oneshot(char const *name, char const *words)
{
	struct place p = place_make(name);
	char text[256];

	snprintf(text, sizeof text, "on %s", words);
	script(&p, "on", text);
	script(&p, "off", "off");
	return p;
}

struct place member_bundle(char const *name)
{
	return place_make(name);
}

void depend_on(struct place const *p, char const *kind, ...)
{
	char const *name;
	char entry[160];
	va_list ap;

	va_start(ap, kind);
	while ((name = va_arg(ap, char const *))) {
		snprintf(entry, sizeof entry, "%s/%s", kind, name);
		place_write(p, entry, "");
	}
	va_end(ap);
}

void depend_no_more(struct place const *p, char const *kind, char const *name)
{
	char path[TREE_PATH + 160];
	snprintf(path, sizeof path, "%s/%s/%s", p->dir, kind, name);
	if (unlink(path) < 0)
		fail_msg("unable to remove %s: %s", path, strerror(errno));
	*strrchr(path, '/') = 0;
	rmdir(path);
}

int depend_has_entry(struct place const *need, char const *name)
{
	char path[TREE_PATH + 160];
	snprintf(path, sizeof path, "%s/dependents/%s", need->state, name);
	return !access(path, F_OK);
}

enum status_result depend_down_at(
	struct place *p, int force, enum status_why *why, char const *file, int line)
{
	struct message m = { .id = cinit_ipc_id(), .command = 'd' };

	m.flags = force ? MESSAGE_FORCE : 0;
	place_message_at(p, &m, file, line);
	enum status_result result = place_answer_at(p, m.id, why, file, line);
	cinit_ipc_unsend(&p->client);
	return result;
}

void depend_supervise(struct place *p, ...)
{
	va_list ap;

	va_start(ap, p);
	for (; p; p = va_arg(ap, struct place *))
		place_supervise(p);
	va_end(ap);
}

void depend_kill(struct place *p)
{
	kill(p->supervisor, SIGKILL);
	tree_end(p->supervisor);
}

void depend_look_at(struct place *p, char const *file, int line)
{
	p->deadline = tree_patience();
	place_look(p);
	while (p->e != STATUS_OK || (p->supervisor && p->s.supervisor != (uint32_t)p->supervisor))
		place_wait_at(p, "its supervisor", file, line);
	assert_int_equal(place_command_at(p, 'y', file, line), RESULT_DONE);
}

void event_are_at(char const *file, int line, ...)
{
	char const *want[16];
	unsigned int count = 0, i;
	va_list ap;

	va_start(ap, line);
	while (count < 16 && (want[count] = va_arg(ap, char const *)))
		count++;
	va_end(ap);
	while (count) {
		char const *got = event_next_at(file, line);
		for (i = 0; i < count && strcmp(want[i], got); i++)
			;
		if (i == count) {
			print_error("tree: %s:%d: said `%s'; awaited `%s' and %u more\n", file,
				line, got, want[0], count - 1);
			_fail(file, line);
		}
		want[i] = want[--count];
	}
}

void events_at(char const *file, int line, ...)
{
	char const *want;
	va_list ap;

	va_start(ap, line);
	while ((want = va_arg(ap, char const *)))
		event_is_at(want, file, line);
	va_end(ap);
}
