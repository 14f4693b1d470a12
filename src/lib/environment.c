/* Gathering changes to an environment; see environment.h. */
#include <skalibs/nonposix.h>

#include "environment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/env.h>
#include <skalibs/unix-transactional.h>

#define FILE_MAX (128 * 1024) /* as much as one environment string may hold */

static void blame(char at[64], char const *what)
{
	if (at)
		snprintf(at, 64, "%s", what);
}

int environment_set(stralloc *changes, char const *name, char const *value)
{
	if (!stralloc_cats(changes, name))
		return -1;
	if (value && (!stralloc_catb(changes, "=", 1) || !stralloc_cats(changes, value)))
		return -1;
	return stralloc_0(changes) ? 0 : -1;
}

/* Appends a whole regular file. 1: done. 0: no regular file. -1: errno. */
static int read_file(stralloc *sa, int dir, char const *name)
{
	struct stat st;
	char buf[4096];
	ssize_t n = -1;
	size_t start = sa->len;
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		goto fail;
	if (!S_ISREG(st.st_mode)) {
		fd_close(fd);
		return 0;
	}
	while ((n = fd_read(fd, buf, sizeof buf)) > 0) {
		if (sa->len - start + (size_t)n > FILE_MAX) {
			errno = E2BIG;
			goto fail;
		}
		if (!stralloc_catb(sa, buf, (size_t)n))
			goto fail;
	}
	if (n < 0)
		goto fail;
	fd_close(fd);
	return 1;

fail:
	fd_close(fd);
	return -1;
}

static int add_variable(stralloc *changes, int dir, char const *name, stralloc *content)
{
	content->len = 0;
	int r = read_file(content, dir, name);
	if (r <= 0)
		return r;
	if (!content->len)
		return environment_set(changes, name, 0);
	char const *newline = memchr(content->s, '\n', content->len);
	if (newline)
		content->len = (size_t)(newline - content->s);
	while (content->len &&
		(content->s[content->len - 1] == ' ' || content->s[content->len - 1] == '\t'))
		content->len--;
	for (size_t i = 0; i < content->len; i++)
		if (!content->s[i])
			content->s[i] = '\n';
	return stralloc_0(content) ? environment_set(changes, name, content->s) : -1;
}

int environment_dir(stralloc *changes, int dir, char const *name, char at[64])
{
	stralloc content = STRALLOC_ZERO;
	int r = 0;
	blame(at, name);
	DIR *d = opendir_at(dir, name);
	if (!d)
		return -1;
	for (;;) {
		errno = 0;
		struct dirent const *e = readdir(d);
		if (!e)
			break;
		if (e->d_name[0] == '.' || strchr(e->d_name, '='))
			continue;
		if (add_variable(changes, dirfd(d), e->d_name, &content) < 0) {
			if (at)
				snprintf(at, 64, "%s/%.48s", name, e->d_name);
			r = -1;
			break;
		}
	}
	if (errno)
		r = -1;
	stralloc_free(&content);
	dir_close(d);
	return r;
}

/* Turns a file into lines that end with NUL. */
int environment_lines(stralloc *lines, int dir, char const *name)
{
	size_t start = lines->len;
	int r = read_file(lines, dir, name);
	if (r < 0)
		return -1;
	if (lines->len == start)
		return 0;
	if (memchr(lines->s + start, 0, lines->len - start)) {
		errno = EINVAL;
		return -1;
	}
	if (lines->s[lines->len - 1] != '\n' && !stralloc_catb(lines, "\n", 1))
		return -1;
	for (size_t i = start; i < lines->len; i++)
		if (lines->s[i] == '\n')
			lines->s[i] = 0;
	return 0;
}

int environment_file(stralloc *changes, int dir, char const *name, char at[64])
{
	stralloc lines = STRALLOC_ZERO;
	int r = environment_lines(&lines, dir, name);

	blame(at, name);
	for (size_t i = 0, n = 1; !r && i < lines.len; i += strlen(lines.s + i) + 1, n++) {
		char const *line = lines.s + i;
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '=') {
			if (at)
				snprintf(at, 64, "%.40s line %zu", name, n);
			errno = EINVAL;
			r = -1;
		} else if (!stralloc_catb(changes, line, strlen(line) + 1)) {
			r = -1;
		}
	}
	stralloc_free(&lines);
	return r;
}

char const **environment_merge(char const *const *envp, stralloc const *changes)
{
	size_t have = env_len(envp), count = 0;
	for (size_t i = 0; i < changes->len; i++)
		count += !changes->s[i];
	size_t room = have + count + 1;
	char const **merged = malloc(room * sizeof *merged);
	if (!merged)
		return 0;
	if (!env_mergen(merged, room, envp, have, changes->s, changes->len, count)) {
		free(merged);
		return 0;
	}
	return merged;
}
