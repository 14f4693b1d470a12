/* What a program of a service directory is executed with; see execution.h. */
#include <skalibs/nonposix.h>

#include "execution.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/posixplz.h>

#include "environment.h"

#define TARGET_MAX 4096

/* Which values are not allowed, and what is. */
static int fails(struct execution *e, char const *at)
{
	char const *rule = errno == E2BIG    ? ": may hold 128 KiB at most"
			   : errno != EINVAL ? ""
			   : strchr(at, ' ') ? ": must be NAME=VALUE or NAME"
					     : ": may not hold a NUL byte";
	snprintf(e->blame, sizeof e->blame, "%.80s%s", at, rule);
	if (rule[0])
		errno = 0;
	return -1;
}

int execution_argument(struct execution *e, char const *text)
{
	return stralloc_catb(&e->arguments, text, strlen(text) + 1) ? 0 : fails(e, text);
}

int execution_arguments(struct execution *e, char const *params)
{
	return environment_lines(&e->arguments, AT_FDCWD, params) < 0 ? fails(e, params) : 0;
}

int execution_environment(struct execution *e, char const *env, char const *file)
{
	char at[64];

	if ((env && environment_dir(&e->changes, AT_FDCWD, env, at) < 0) ||
		(file && environment_file(&e->changes, AT_FDCWD, file, at) < 0))
		return fails(e, at);
	return 0;
}

int execution_variable(struct execution *e, char const *name, char const *value)
{
	return environment_set(&e->changes, name, value) < 0 ? fails(e, name) : 0;
}

static char const *argv_zero(struct execution const *e)
{
	char target[TARGET_MAX];
	ssize_t n = readlink(e->path, target, sizeof target - 1);
	if (n <= 0)
		return e->path;
	target[n] = 0;
	char const *copy = strdup(target);
	return copy ? copy : e->path;
}

int execution_ready(struct execution *e)
{
	stralloc const *lines = &e->arguments;
	size_t n = 0, count = 0;

	for (size_t i = 0; i < lines->len; i++)
		count += !lines->s[i];
	e->argv = malloc((count + 2) * sizeof *e->argv);
	/* the merged vector points into `changes`, which lives until exec */
	e->envp = environment_merge((char const *const *)environ, &e->changes);
	if (!e->argv || !e->envp)
		return fails(e, e->path);
	e->argv[n++] = argv_zero(e);
	for (size_t i = 0; i < lines->len; i += strlen(lines->s + i) + 1)
		e->argv[n++] = lines->s + i;
	e->argv[n] = 0;
	return 0;
}

/* By the name that a link leads to, so that the process is called that, and not "run", in ps and
 * its like. A relative target may be relative to control/. */
void execution_go(struct execution const *e)
{
	char const *file = e->argv[0][0] == '/' ? e->argv[0] : e->path;

	execve(file, (char *const *)e->argv, (char *const *)e->envp);
}
