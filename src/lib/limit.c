/* Limits of a service's control group: which there are, and whether a value is one. */
#include "limit.h"

#include <stdio.h>
#include <string.h>

struct limit const limits[] = {
	{ "memory.max", "memory" },
	{ "pids.max", "pids" },
	{ "cpu.max", "cpu" },
};
size_t const limit_count = sizeof limits / sizeof *limits;

/* Digits, 18 at most. Returns what follows them, or NULL. */
static char const *number(char const *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 19 ? s + n : NULL;
}

static int is_bytes(char const *s)
{
	s = number(s);
	return s && (!s[0] || (strchr("KMGTkmgt", s[0]) && !s[1]));
}

static int is_count(char const *s)
{
	s = number(s);
	return s && !s[0];
}

/* QUOTA [PERIOD], in microseconds; the kernel takes periods from a millisecond to a second. */
static int is_share(char const *s)
{
	char const *rest = !strncmp(s, "max", 3) ? s + 3 : number(s);

	if (!rest || !rest[0])
		return rest != NULL;
	return rest[0] == ' ' && is_count(rest + 1);
}

int limit_read(int dir, char const *file, struct limit const *l, char value[LIMIT_VALUE],
	struct value_error *e)
{
	int r = value_line(dir, file, value, LIMIT_VALUE, e), good;
	char const *what = "a number of processes";

	if (r <= 0)
		return r;
	if (!strcmp(l->controller, "memory")) {
		good = is_bytes(value);
		what = "a number of bytes, with K, M, G or T";
	} else if (!strcmp(l->controller, "cpu")) {
		good = is_share(value);
		what = "microseconds, and of how many (100000)";
	} else {
		good = is_count(value);
	}
	if (good || !strcmp(value, "max"))
		return 1;
	snprintf(e->text, sizeof e->text, "%s: `%.32s' is not a limit (max, or %s)", file, value,
		what);
	return -1;
}
