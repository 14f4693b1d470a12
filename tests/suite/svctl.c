/* svctl in a test's hands. */
#include "svctl.h"

#include <ctype.h>
#include <string.h>

struct output svctl_output;

int svctl_like(char const *text, char const *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == '#') {
			if (!isdigit((unsigned char)*text))
				return 0;
			while (isdigit((unsigned char)*text))
				text++;
		} else if (*pattern == '@') {
			size_t len = strlen(tree.path);
			if (strncmp(text, tree.path, len) == 0)
				text += len;
			else if (*text++ != '@')
				return 0;
		} else if (*pattern == '~') {
			if (*text != ' ')
				return 0;
			text += strspn(text, " ");
		} else if (*text++ != *pattern) {
			return 0;
		}
	}
	return !*text;
}

void svctl_said(int code, char const *out, char const *err, char const *file, int line)
{
	struct output const *o = &svctl_output;

	if (o->code == code && svctl_like(o->out, out) && svctl_like(o->err, err))
		return;
	print_message(
		"%s:%d: svctl exited %d, not %d, and said\n%s", file, line, o->code, code, o->out);
	print_message("-- instead of\n%s-- and on stderr\n%s-- instead of\n%s", out, o->err, err);
	tree_messages();
	_fail(file, line);
}

pid_t svctl_boot(void)
{
	char const *argv[] = { "cinit", "-r", tree.run, "-d", tree.services, NULL };
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	pid_t pid = tree_start("cinit", argv);

	/* without a record there is nothing to watch, and `out` may not be there yet */
	struct output *o = &svctl_output;
	AWAIT((tree_run(o, "svctl", "version", NULL),
		strstr(o->out, "cinit 0") || tree_ended(pid)));
	UNTIL(&cinit, s->state == STATE_UP);
	return pid;
}

void svctl_two(struct place *web, struct place *db, char const *run)
{
	*web = place_make("web");
	*db = place_make("db");
	place_script(web, "run", run);
	place_script(db, "run", run);
	place_write(db, "down", "");
	svctl_boot();
	UNTIL(web, s->state == STATE_UP);
	UNTIL(db, s->state == STATE_DOWN);
}
