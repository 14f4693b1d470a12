/* Does a value parse? The functions that the supervisor reads with are asked. */
#include <skalibs/nonposix.h>

#include "lint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/stralloc.h>

#include "account.h"
#include "capability.h"
#include "command.h"
#include "condition.h"
#include "environment.h"
#include "limit.h"
#include "names.h"
#include "servicedir.h"

#define TEXTS 256 /* the supervisor's room for ready-line */
#define LINE  512 /* the supervisor's room for a user and his groups */

/* The messages of the readers begin with the file's name; those that quote are of its first line.
 */
static void say_value(
	struct lint *l, struct lint_place const *p, char const *file, struct value_error const *e)
{
	size_t len = strlen(file);
	char const *text = e->text;

	if (!strncmp(text, file, len) && !strncmp(text + len, ": ", 2))
		text += len + 2;
	lint_say(l, LINT_ERROR, p, file, strchr(text, '`') != NULL, "%s", text);
}

/* ----------------------------------------------------------------------------- one value a file */

static int read_number(struct lint *l, struct lint_place const *p, struct lint_row const *row,
	struct value_error *e)
{
	uint32_t n = row->least;
	int r = value_unsigned(p->dir, row->name, &n, e);

	if (r > 0 && (n < row->least || n > row->most))
		lint_say(l, LINT_ERROR, p, row->name, 1, "`%u' is not a number from %u to %u",
			(unsigned int)n, (unsigned int)row->least, (unsigned int)row->most);
	return r;
}

static int read_account(struct lint_place const *p, char const *file, struct value_error *e)
{
	struct account a;
	char spec[LINE];
	int r = value_line(p->dir, file, spec, sizeof spec, e);

	return r > 0 ? account_lookup(spec, &a, e) : r;
}

static int read_value(struct lint *l, struct lint_place const *p, struct lint_row const *row,
	struct value_error *e)
{
	unsigned char codes[32];
	char texts[TEXTS];
	unsigned int word;
	uint32_t n, ms;
	int sig;

	switch (row->type) {
	case LINT_DURATION:
		return value_duration(p->dir, row->name, &ms, e);
	case LINT_NUMBER:
		return read_number(l, p, row, e);
	case LINT_SIGNAL:
		return value_signal(p->dir, row->name, &sig, e);
	case LINT_LIMIT:
		return value_limit(p->dir, row->name, &n, &ms, e);
	case LINT_WORD:
		return value_word(p->dir, row->name, row->words, &word, e);
	case LINT_CODES:
		return value_codes(p->dir, row->name, codes, e);
	case LINT_TEXTS:
		return value_texts(p->dir, row->name, texts, sizeof texts, e);
	case LINT_ACCOUNT:
		return read_account(p, row->name, e);
	case LINT_PROGRAM:
	case LINT_FLAG:
	case LINT_CONDITIONS:
	case LINT_ARGUMENTS:
	case LINT_VARIABLES:
	case LINT_VARIABLE_DIR:
	case LINT_LIMITS:
	case LINT_CAPABILITIES:
	case LINT_SCRIPTS:
	case LINT_LOGGER:
	case LINT_DEPENDENCIES:
		break;
	}
	return 0;
}

/* ------------------------------------------------------------------------------- many lines a file
 */

static void look_at_variable(struct lint *l, struct lint_place const *p, char const *file,
	unsigned long n, char const *line)
{
	size_t len = strcspn(line, "=");

	if (!line[0] || line[0] == '#')
		return;
	if (!len)
		lint_say(l, LINT_ERROR, p, file, n, "`%.48s' names no variable", line);
	else if (strcspn(line, " \t'\"$") < len)
		lint_say(l, LINT_WARNING, p, file, n,
			"`%.*s' is an odd name for a variable (lines are NAME=value, and no shell "
			"reads them)",
			len > 48 ? 48 : (int)len, line);
}

static void look_at_condition(struct lint *l, struct lint_place const *p, char const *file,
	unsigned long n, char const *line)
{
	if (line[0] && line[0] != '#' && condition_holds(line) < 0)
		lint_say(l, LINT_ERROR, p, file, n,
			"`%.48s' is not a condition (VAR, VAR=value or !VAR)", line);
}

static void look_at_lines(struct lint *l, struct lint_place const *p, struct lint_row const *row)
{
	stralloc lines = STRALLOC_ZERO;
	struct stat st;
	unsigned long n = 1;

	if (fstatat(p->dir, row->name, &st, 0) == 0 && !S_ISREG(st.st_mode)) {
		lint_say(l, LINT_ERROR, p, row->name, 0, "is no regular file");
	} else if (environment_lines(&lines, p->dir, row->name) < 0) {
		lint_say(l, LINT_ERROR, p, row->name, 0, "%s",
			errno == EINVAL  ? "holds a NUL byte"
			: errno == E2BIG ? "is longer than 128 KiB"
					 : strerror(errno));
		lines.len = 0; /* what was read are no lines yet */
	}
	for (size_t i = 0; i < lines.len; i += strlen(lines.s + i) + 1, n++) {
		if (row->type == LINT_VARIABLES)
			look_at_variable(l, p, row->name, n, lines.s + i);
		else if (row->type == LINT_CONDITIONS)
			look_at_condition(l, p, row->name, n, lines.s + i);
	}
	stralloc_free(&lines);
}

static void look_at_directory(struct lint *l, struct lint_place const *p, char const *name)
{
	stralloc changes = STRALLOC_ZERO;
	char at[64];

	if (environment_dir(&changes, p->dir, name, at) < 0)
		lint_say(l, LINT_ERROR, p, at, 0, "%s",
			errno == E2BIG ? "is longer than 128 KiB" : strerror(errno));
	stralloc_free(&changes);
}

/* -------------------------------------------------------------------------------------- control */

static int is_script_of(char const *file)
{
	return file[0] && !file[1] && command_by_letter(COMMAND_SERVICE, file[0]) != NULL;
}

/* t.params and t.env belong to t. */
static int is_companion(char const *file)
{
	return file[0] && file[1] == '.' &&
	       (!strcmp(file + 2, "params") || !strcmp(file + 2, "env"));
}

static void look_at_script(struct lint *l, struct lint_place const *p, char const *file)
{
	char name[300] = "control/";

	strncat(name, file, sizeof name - strlen(name) - 1);
	if (is_companion(file))
		return;
	if (!is_script_of(file))
		lint_say(l, LINT_WARNING, p, name, 0, "no command has this letter");
	else if (!entry_executable(p->dir, name))
		lint_say(l, LINT_WARNING, p, name, 0,
			"is passed over: no regular file that its owner may execute");
	else
		lint_program(l, p, name);
}

static void look_at_scripts(struct lint *l, struct lint_place const *p, char const *name)
{
	struct names n = { .list = NULL };

	if (names_read(&n, p->dir, name, NULL) < 0)
		lint_say(l, LINT_ERROR, p, name, 0, "%s", strerror(errno));
	for (size_t i = 0; i < n.count; i++)
		look_at_script(l, p, n.list[i]);
	names_free(&n);
}

/* --------------------------------------------------------------------------------------- cgroup */

static struct limit const *limit_of(char const *name)
{
	for (size_t i = 0; i < limit_count; i++)
		if (!strcmp(limits[i].file, name))
			return &limits[i];
	return NULL;
}

static void look_at_limits(struct lint *l, struct lint_place const *p, char const *name)
{
	struct names n = { .list = NULL };
	struct value_error e;
	char file[300], value[LIMIT_VALUE];

	if (names_read(&n, p->dir, name, NULL) < 0)
		lint_say(l, LINT_ERROR, p, name, 0, "%s", strerror(errno));
	for (size_t i = 0; i < n.count; i++) {
		struct limit const *limit = limit_of(n.list[i]);
		file[0] = 0;
		strncat(strcat(strcat(file, name), "/"), n.list[i], 255);
		if (!limit)
			lint_say(l, LINT_WARNING, p, file, 0, "is passed over: no such limit");
		else if (limit_read(p->dir, file, limit, value, &e) < 0)
			say_value(l, p, file, &e);
	}
	names_free(&n);
}

/* Names in any of its lines: it is not told in which. */
static void look_at_capabilities(struct lint *l, struct lint_place const *p, char const *name)
{
	struct value_error e;
	uint64_t set;
	size_t len = strlen(name);

	if (value_capabilities(p->dir, name, &set, &e) < 0)
		lint_say(l, LINT_ERROR, p, name, 0, "%s",
			strncmp(e.text, name, len) ? e.text : e.text + len + 2);
}

void lint_value(struct lint *l, struct lint_place const *p, struct lint_row const *row)
{
	struct value_error e;

	switch (row->type) {
	case LINT_ARGUMENTS:
	case LINT_VARIABLES:
	case LINT_CONDITIONS:
		look_at_lines(l, p, row);
		return;
	case LINT_VARIABLE_DIR:
		look_at_directory(l, p, row->name);
		return;
	case LINT_SCRIPTS:
		look_at_scripts(l, p, row->name);
		return;
	case LINT_LIMITS:
		look_at_limits(l, p, row->name);
		return;
	case LINT_CAPABILITIES:
		look_at_capabilities(l, p, row->name);
		return;
	case LINT_PROGRAM:
	case LINT_FLAG:
	case LINT_DURATION:
	case LINT_NUMBER:
	case LINT_SIGNAL:
	case LINT_LIMIT:
	case LINT_WORD:
	case LINT_CODES:
	case LINT_TEXTS:
	case LINT_ACCOUNT:
	case LINT_LOGGER:
	case LINT_DEPENDENCIES:
		break;
	}
	if (read_value(l, p, row, &e) < 0)
		say_value(l, p, row->name, &e);
}
