/* Conditions on the environment; see condition.h. */
#include <skalibs/nonposix.h>

#include "condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/posixplz.h>
#include <skalibs/stralloc.h>

#include "environment.h"

/* The value of the variable whose name has `len` bytes; NULL: it is not set. */
static char const *value_of(char const *name, size_t len)
{
	for (char const *const *e = (char const *const *)environ; *e; e++)
		if (!strncmp(*e, name, len) && (*e)[len] == '=')
			return *e + len + 1;
	return 0;
}

int condition_holds(char const *line)
{
	int not = line[0] == '!';
	char const *name = line + not ;
	size_t len = strcspn(name, "=");
	/* a blank is a slip of the hand that would never hold, and never be noticed */
	if (!len || strcspn(name, " \t\r") < len || (not &&name[len]))
		return -1;
	char const *value = value_of(name, len);
	if (!name[len])
		return not == !value;
	return value && !strcmp(value, name + len + 1);
}

int condition_env(int dir, char const *file, struct value_error *e)
{
	stralloc lines = STRALLOC_ZERO;
	int result = 1;

	e->shortage = 0;
	if (environment_lines(&lines, dir, file) < 0) {
		e->shortage = value_shortage(errno);
		snprintf(e->text, sizeof e->text, "%s: %s", file,
			errno == EINVAL ? "must not hold NUL bytes" : strerror(errno));
		result = -1;
	}
	/* all lines are looked at, so that a bad one is found whatever the others say */
	for (size_t i = 0; result >= 0 && i < lines.len; i += strlen(lines.s + i) + 1) {
		char const *line = lines.s + i;
		int r = line[0] && line[0] != '#' ? condition_holds(line) : 1;
		if (r < 0)
			snprintf(e->text, sizeof e->text,
				"%s: `%.60s' is not a condition (VAR, VAR=value or !VAR)", file,
				line);
		else if (!r && result)
			snprintf(e->text, sizeof e->text, "%.100s", line);
		result = r < result ? r : result;
	}
	stralloc_free(&lines);
	return result;
}
