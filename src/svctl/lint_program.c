/* Can a program entry be executed? The kernel's answer to execve is foreseen as far as it can be
 * without executing anything. */
#include <skalibs/nonposix.h>

#include "lint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <skalibs/djbunix.h>
#include <skalibs/unix-transactional.h>

#include "interpreter.h"

struct program {
	struct lint *l;
	struct lint_place const *p;
	char const *name;
};

/* Is `path` there, and may it be executed? What an interpreter must be, too. */
static int is_executable(
	struct program const *r, char const *path, unsigned long line, char const *what)
{
	struct stat st;

	if (fstatat(r->p->dir, path, &st, 0) < 0) {
		char const *why = strerror(errno);
		if (what[0])
			lint_say(r->l, LINT_ERROR, r->p, r->name, line, "%s `%s': %s", what, path,
				why);
		else
			lint_say(r->l, LINT_ERROR, r->p, r->name, line, "%s",
				errno == ENOENT ? "a link that leads nowhere" : why);
		return 0;
	}
	char const *why = !S_ISREG(st.st_mode)   ? "is no regular file"
			  : !(st.st_mode & 0111) ? "is not executable (chmod +x)"
						 : 0;
	if (!why)
		return 1;
	if (what[0])
		lint_say(r->l, LINT_ERROR, r->p, r->name, line, "%s `%s' %s", what, path, why);
	else
		lint_say(r->l, LINT_ERROR, r->p, r->name, line, "%s", why);
	return 0;
}

static void look_inside(struct program const *r, int fd)
{
	static char const *const wrong[] = {
		[INTERPRETER_LONG] = "the first line is too long (its interpreter must end within "
				     "256 bytes)",
		[INTERPRETER_RETURN] = "the line ends with a carriage return, which is taken for a "
				       "part of it",
		[INTERPRETER_NAMELESS] = "no interpreter behind #!",
		[INTERPRETER_EMPTY] = "is empty, so it cannot be executed",
		[INTERPRETER_UNKNOWN] = "neither a script, which begins with #!, nor a binary",
	};
	struct statvfs fs;
	char name[PATH_MAX];

	if (!fstatvfs(fd, &fs) && (fs.f_flag & ST_NOEXEC))
		lint_say(r->l, LINT_ERROR, r->p, r->name, 0,
			"its file system is mounted noexec, so it cannot be executed");
	enum interpreter i = interpreter_find(fd, name);
	if (i == INTERPRETER_SCRIPT)
		is_executable(r, name, 1, "interpreter");
	else if (i == INTERPRETER_LOADER)
		is_executable(r, name, 0, "its loader");
	else if (wrong[i])
		lint_say(r->l, LINT_ERROR, r->p, r->name, i != INTERPRETER_EMPTY, "%s", wrong[i]);
}

void lint_program(struct lint *l, struct lint_place const *p, char const *name)
{
	struct program const r = { .l = l, .p = p, .name = name };

	if (!is_executable(&r, name, 0, ""))
		return;
	int fd = open2_at(p->dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		/* what may be executed need not be readable */
		if (errno != EACCES)
			lint_say(l, LINT_ERROR, p, name, 0, "unable to open it: %s",
				strerror(errno));
		return;
	}
	look_inside(&r, fd);
	fd_close(fd);
}
