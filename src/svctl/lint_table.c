/* What a service directory may hold. A test compares this table with what the supervisor reads. */
#include "lint_table.h"

#include <string.h>

#include "spell.h"

static char const *const kill_modes[] = { "all", "group", "process", NULL };
static char const *const restarts[] = { "always", "on-failure", "never", NULL };

#define COMPANIONS(NAME)                                                                           \
	{ .name = NAME ".params", .type = LINT_ARGUMENTS, .with = NAME },                          \
	{                                                                                          \
		.name = NAME ".env", .type = LINT_VARIABLES, .with = NAME                          \
	}

struct lint_row const lint_table[] = {
	{ .name = "run", .type = LINT_PROGRAM },
	{ .name = "finish", .type = LINT_PROGRAM },
	{ .name = "on", .type = LINT_PROGRAM },
	{ .name = "off", .type = LINT_PROGRAM, .with = "on" },
	{ .name = "check", .type = LINT_PROGRAM },
	COMPANIONS("run"),
	COMPANIONS("finish"),
	COMPANIONS("on"),
	COMPANIONS("off"),
	COMPANIONS("check"),
	{ .name = "control", .type = LINT_SCRIPTS, .not_in_log = 1 },
	{ .name = "log", .type = LINT_LOGGER, .not_in_log = 1 },
	{ .name = "env", .type = LINT_VARIABLE_DIR },
	{ .name = "user", .type = LINT_ACCOUNT },
	{ .name = "capabilities", .type = LINT_CAPABILITIES },
	{ .name = "no-new-privs", .type = LINT_FLAG },
	{ .name = "cgroup", .type = LINT_LIMITS },
	{ .name = "down", .type = LINT_FLAG },
	{ .name = "essential", .type = LINT_FLAG, .not_in_log = 1 },
	{ .name = "respawn", .type = LINT_FLAG, .with = "on" },
	{ .name = "down-signal", .type = LINT_SIGNAL },
	{ .name = "kill-mode", .type = LINT_WORD, .words = kill_modes },
	{ .name = "restart", .type = LINT_WORD, .words = restarts },
	{ .name = "max-deaths", .type = LINT_LIMIT },
	{ .name = "backoff-max", .type = LINT_DURATION },
	{ .name = "success-codes", .type = LINT_CODES, .with = "on" },
	{ .name = "timeout-kill", .type = LINT_DURATION },
	{ .name = "timeout-finish", .type = LINT_DURATION, .with = "finish" },
	{ .name = "timeout-control", .type = LINT_DURATION, .with = "control" },
	{ .name = "timeout-up", .type = LINT_DURATION },
	{ .name = "timeout-down", .type = LINT_DURATION, .with = "off" },
	{ .name = "notification-fd", .type = LINT_NUMBER, .least = 3, .most = 1023 },
	{ .name = "notify", .type = LINT_FLAG },
	{ .name = "ready-line", .type = LINT_TEXTS, .not_in_log = 1 },
	{ .name = "timeout-watchdog", .type = LINT_DURATION, .with = "notify" },
	{ .name = "check-interval", .type = LINT_DURATION, .with = "check" },
	{ .name = "timeout-check", .type = LINT_DURATION, .with = "check" },
	{ .name = "health-interval", .type = LINT_DURATION, .with = "check" },
	{ .name = "health-failures",
		.type = LINT_NUMBER,
		.with = "health-interval",
		.least = 0,
		.most = UINT32_MAX },
	{ .name = "enable-if-env", .type = LINT_CONDITIONS, .not_in_log = 1 },
	{ .name = "needs", .type = LINT_DEPENDENCIES, .not_in_log = 1 },
	{ .name = "wants", .type = LINT_DEPENDENCIES, .not_in_log = 1 },
	{ .name = "binds", .type = LINT_DEPENDENCIES, .not_in_log = 1 },
};

size_t const lint_rows = sizeof lint_table / sizeof *lint_table;
_Static_assert(sizeof lint_table / sizeof *lint_table <= LINT_ROWS_MAX, "a bit each");

int lint_row(char const *name)
{
	for (size_t i = 0; i < lint_rows; i++)
		if (!strcmp(lint_table[i].name, name))
			return (int)i;
	return -1;
}

char const *lint_suggest(char const *name)
{
	unsigned int best = 3;
	char const *found = NULL;

	for (size_t i = 0; i < lint_rows; i++) {
		unsigned int slip = spell_slip(name, lint_table[i].name);
		if (slip && slip < best) {
			best = slip;
			found = lint_table[i].name;
		}
	}
	return found;
}
