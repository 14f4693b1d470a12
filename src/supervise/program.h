/* What a child becomes: an entry of the service directory (run, finish, control/X), with its
 * arguments, environment and user. Works in the child, in the service directory, between fork and
 * exec. */
#ifndef SUPERVISE_PROGRAM_H
#define SUPERVISE_PROGRAM_H

#include <stdint.h>

#include "../lib/execution.h"

/* In the environment of a check: its pid. */
#define PROGRAM_CHECK_MARK "CINIT_CHECK"

enum program_entry {
	PROGRAM_RUN,
	PROGRAM_ON,
	PROGRAM_OFF,
	PROGRAM_CHECK,
	PROGRAM_FINISH,
	PROGRAM_CONTROL
};

struct program {
	char const *name; /* the service, for CINIT_SERVICE */
	enum program_entry entry;
	char letter;          /* control/LETTER; 0 otherwise */
	uint32_t pid;         /* of run; 0: none */
	int exit_valid;       /* last_exit is known */
	int32_t last_exit;    /* wait status of run, for finish */
	uint64_t entries;     /* ENTRY_* */
	char const *notify;   /* path of the socket of sd_notify(3); NULL: none */
	uint32_t watchdog_ms; /* 0: none */
	/* made by program_prepare */
	struct execution execution;
	char path[16];
};

enum program_stage {
	STAGE_STDIO,
	STAGE_CHDIR,
	STAGE_CGROUP,
	STAGE_PARAMS,
	STAGE_ENV,
	STAGE_USER,
	STAGE_RIGHTS,
	STAGE_EXEC
};

struct program_failure {
	enum program_stage stage;
	char text[152]; /* the object: "run", "env", "user `www'" */
};

/* Reads arguments and environment, and changes the user. 0, or -1 with errno and *f. */
int program_prepare(struct program *p, struct program_failure *f);

/* Executes; returns only when that failed, with errno and *f. */
void program_execute(struct program *p, struct program_failure *f);

/* What the entry is called: "run". */
char const *program_name(enum program_entry entry);

/* The verb of a stage: "execute". */
char const *program_stage_text(unsigned int stage);

#endif
