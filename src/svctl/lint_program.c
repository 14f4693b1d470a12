/* Can a program entry be executed? The kernel's answer to execve is foreseen as far as it can be
 * without executing anything. */
#include <skalibs/nonposix.h>

#include "lint.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/unix-transactional.h>

#define HEAD    256 /* bytes of a script's first line that the kernel looks at */
#define HEADERS 64  /* of an ELF file that are looked at */

#if __SIZEOF_POINTER__ == 8
#define CLASS ELFCLASS64
#else
#define CLASS ELFCLASS32
#endif

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

/* "#!", blanks, the interpreter, and then a blank or the end of the line. */
static void look_at_script(struct program const *r, char *head, size_t len)
{
	char *name = head + 2, *end = head + len;

	while (name < end && (*name == ' ' || *name == '\t'))
		name++;
	char *stop = name;
	while (stop < end && !strchr(" \t\n", *stop))
		stop++;
	if (stop == end && len == HEAD) {
		lint_say(r->l, LINT_ERROR, r->p, r->name, 1,
			"the first line is too long (its interpreter must end within %d bytes)",
			HEAD);
		return;
	}
	*stop = 0;
	if (name < stop && stop[-1] == '\r') {
		lint_say(r->l, LINT_ERROR, r->p, r->name, 1,
			"the line ends with a carriage return, which is taken for a part of it");
		return;
	}
	if (!*name) {
		lint_say(r->l, LINT_ERROR, r->p, r->name, 1, "no interpreter behind #!");
		return;
	}
	is_executable(r, name, 1, "interpreter");
}

/* Its dynamic loader, which execve reports as if the file itself were missing. */
static void look_at_binary(struct program const *r, int fd, char const *head, size_t len)
{
	ElfW(Ehdr) h;
	ElfW(Phdr) ph;
	char path[PATH_MAX];

	if (len < sizeof h || head[EI_CLASS] != CLASS)
		return;
	memcpy(&h, head, sizeof h);
	if (h.e_phentsize != sizeof ph)
		return;
	for (unsigned int i = 0; i < h.e_phnum && i < HEADERS; i++) {
		off_t at = (off_t)(h.e_phoff + i * sizeof ph);
		if (pread(fd, &ph, sizeof ph, at) != (ssize_t)sizeof ph)
			return;
		if (ph.p_type != PT_INTERP || ph.p_filesz < 2 || ph.p_filesz > sizeof path)
			continue;
		if (pread(fd, path, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
			return;
		path[ph.p_filesz - 1] = 0;
		is_executable(r, path, 0, "its loader");
		return;
	}
}

static void look_inside(struct program const *r, int fd)
{
	struct statvfs fs;
	char head[HEAD + 1];
	size_t len = allread(fd, head, HEAD);

	if (!fstatvfs(fd, &fs) && (fs.f_flag & ST_NOEXEC))
		lint_say(r->l, LINT_ERROR, r->p, r->name, 0,
			"its file system is mounted noexec, so it cannot be executed");
	if (len >= 2 && head[0] == '#' && head[1] == '!')
		look_at_script(r, head, len);
	else if (len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		look_at_binary(r, fd, head, len);
	else
		lint_say(r->l, LINT_ERROR, r->p, r->name, len ? 1 : 0,
			len ? "neither a script, which begins with #!, nor a binary"
			    : "is empty, so it cannot be executed");
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
