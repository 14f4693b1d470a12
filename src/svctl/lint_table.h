/* What a service directory may hold: a row for each entry, with the type of its value. */
#ifndef SVCTL_LINT_TABLE_H
#define SVCTL_LINT_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum lint_type {
	LINT_PROGRAM,
	LINT_FLAG, /* its being there is all */
	LINT_DURATION,
	LINT_NUMBER,
	LINT_SIGNAL,
	LINT_LIMIT,
	LINT_WORD,
	LINT_CODES,
	LINT_TEXTS,
	LINT_ACCOUNT,
	LINT_CAPABILITIES,
	LINT_CONDITIONS, /* on the environment, one a line */
	LINT_ARGUMENTS,  /* a program's, one a line */
	LINT_VARIABLES,  /* a program's environment, one a line */
	LINT_VARIABLE_DIR,
	LINT_LIMITS,  /* cgroup/ */
	LINT_SCRIPTS, /* control/ */
	LINT_LOGGER,  /* a service directory of its own */
	LINT_DEPENDENCIES
};

struct lint_row {
	char const *name;
	enum lint_type type;
	char const *with;         /* without this entry it has no effect; NULL: it stands alone */
	char const *const *words; /* of LINT_WORD, NULL-terminated */
	uint32_t least, most;     /* of LINT_NUMBER */
	uint8_t not_in_log;       /* has no effect in a logger's directory */
};

extern struct lint_row const lint_table[];
extern size_t const lint_rows;

#define LINT_ROWS_MAX 64 /* a bit each */

/* The index of a name's row, or -1. */
int lint_row(char const *name);

/* The entry that a name was probably meant to be, or NULL. */
char const *lint_suggest(char const *name);

#endif
