/* Looks at a program as the kernel does when it executes it; see interpreter.h. */
#include <skalibs/nonposix.h>

#include "interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#define HEAD    INTERPRETER_HEAD
#define HEADERS 64 /* of an ELF file that are looked at */

#if __SIZEOF_POINTER__ == 8
#define CLASS ELFCLASS64
#else
#define CLASS ELFCLASS32
#endif

/* "#!", blanks, the interpreter, and then a blank or the end of the line. */
static enum interpreter of_script(char *head, size_t len, char name[PATH_MAX])
{
	char *at = head + 2, *end = head + len;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	char *stop = at;
	while (stop < end && !strchr(" \t\n", *stop))
		stop++;
	if (stop == end && len == HEAD)
		return INTERPRETER_LONG;
	*stop = 0;
	if (at < stop && stop[-1] == '\r')
		return INTERPRETER_RETURN;
	if (!*at)
		return INTERPRETER_NAMELESS;
	memcpy(name, at, (size_t)(stop - at) + 1);
	return INTERPRETER_SCRIPT;
}

static enum interpreter of_binary(int fd, char const *head, size_t len, char name[PATH_MAX])
{
	ElfW(Ehdr) h;
	ElfW(Phdr) ph;

	if (len < sizeof h || head[EI_CLASS] != CLASS)
		return INTERPRETER_NONE;
	memcpy(&h, head, sizeof h);
	if (h.e_phentsize != sizeof ph)
		return INTERPRETER_NONE;
	for (unsigned int i = 0; i < h.e_phnum && i < HEADERS; i++) {
		off_t at = (off_t)(h.e_phoff + i * sizeof ph);
		if (pread(fd, &ph, sizeof ph, at) != (ssize_t)sizeof ph)
			return INTERPRETER_NONE;
		if (ph.p_type != PT_INTERP || ph.p_filesz < 2 || ph.p_filesz > PATH_MAX)
			continue;
		if (pread(fd, name, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
			return INTERPRETER_NONE;
		name[ph.p_filesz - 1] = 0;
		return INTERPRETER_LOADER;
	}
	return INTERPRETER_NONE;
}

enum interpreter interpreter_find(int fd, char name[PATH_MAX])
{
	char head[HEAD + 1];
	ssize_t n = pread(fd, head, HEAD, 0);
	size_t len = n > 0 ? (size_t)n : 0;

	name[0] = 0;
	if (len >= 2 && head[0] == '#' && head[1] == '!')
		return of_script(head, len, name);
	if (len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		return of_binary(fd, head, len, name);
	return len ? INTERPRETER_UNKNOWN : INTERPRETER_EMPTY;
}

int interpreter_is_to_blame(int dir, char const *file, int error, char name[PATH_MAX])
{
	if ((error != ENOENT && error != EACCES) || faccessat(dir, file, X_OK, 0) < 0)
		return 0;
	int fd = openat(dir, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return 0;
	enum interpreter i = interpreter_find(fd, name);
	fd_close(fd);
	return (i == INTERPRETER_SCRIPT || i == INTERPRETER_LOADER) &&
	       faccessat(dir, name, X_OK, 0) < 0;
}
