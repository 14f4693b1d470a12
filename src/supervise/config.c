/* Reading a service directory: one listing, then only the files that are there. */
#include <skalibs/nonposix.h>

#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>

static struct {
	char const *name;
	enum config_entry entry;
} const entries[] = {
	{ "run", ENTRY_RUN },
	{ "finish", ENTRY_FINISH },
	{ "check", ENTRY_CHECK },
	{ "control", ENTRY_CONTROL },
	{ "down", ENTRY_DOWN },
	{ "env", ENTRY_ENV },
	{ "user", ENTRY_USER },
	{ "log", ENTRY_LOG },
	{ "down-signal", ENTRY_DOWN_SIGNAL },
	{ "timeout-kill", ENTRY_TIMEOUT_KILL },
	{ "timeout-finish", ENTRY_TIMEOUT_FINISH },
	{ "timeout-control", ENTRY_TIMEOUT_CONTROL },
	{ "max-deaths", ENTRY_MAX_DEATHS },
	{ "kill-mode", ENTRY_KILL_MODE },
	{ "restart", ENTRY_RESTART },
	{ "essential", ENTRY_ESSENTIAL },
	{ "backoff-max", ENTRY_BACKOFF_MAX },
	{ "run.params", ENTRY_RUN_PARAMS },
	{ "run.env", ENTRY_RUN_ENV },
	{ "finish.params", ENTRY_FINISH_PARAMS },
	{ "finish.env", ENTRY_FINISH_ENV },
	{ "needs", ENTRY_NEEDS },
	{ "wants", ENTRY_WANTS },
	{ "binds", ENTRY_BINDS },
};

#define ENTRY_TOTAL (sizeof entries / sizeof entries[0])

static uint32_t entry_bit(char const *name)
{
	for (size_t i = 0; i < ENTRY_TOTAL; i++)
		if (!strcmp(entries[i].name, name))
			return entries[i].entry;
	return 0;
}

/* A directory that may be searched but not listed still works: ask for each name. */
static uint32_t probe_entries(int dir)
{
	uint32_t found = 0;
	for (size_t i = 0; i < ENTRY_TOTAL; i++)
		if (entry_exists(dir, entries[i].name))
			found |= entries[i].entry;
	return found;
}

/* Lists by the descriptor itself, which stays open in *d for the values to be read by. */
static uint32_t list_entries(int dir, DIR **d)
{
	uint32_t found = 0;
	*d = fdopendir(dir);
	if (!*d)
		return probe_entries(dir);
	for (;;) {
		errno = 0;
		struct dirent const *e = readdir(*d);
		if (!e)
			break;
		found |= entry_bit(e->d_name);
	}
	return errno ? probe_entries(dir) : found;
}

static int load_values(struct config *c, int dir, struct value_error *e)
{
	static char const *const kill_modes[] = { "all", "group", "process", 0 };
	static char const *const restarts[] = { "always", "on-failure", "never", 0 };
	struct {
		enum config_entry entry;
		char const *name;
		uint32_t *value;
	} const durations[] = {
		{ ENTRY_TIMEOUT_KILL, "timeout-kill", &c->timeout_kill },
		{ ENTRY_TIMEOUT_FINISH, "timeout-finish", &c->timeout_finish },
		{ ENTRY_TIMEOUT_CONTROL, "timeout-control", &c->timeout_control },
		{ ENTRY_BACKOFF_MAX, "backoff-max", &c->backoff_max },
	};
	struct value_error other, *err = e;
	unsigned int word = 0;
	int bad = 0;

	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
		if ((c->entries & durations[i].entry) &&
			value_duration(dir, durations[i].name, durations[i].value, err) < 0)
			bad = 1, err = &other;
	if ((c->entries & ENTRY_DOWN_SIGNAL) &&
		value_signal(dir, "down-signal", &c->down_signal, err) < 0)
		bad = 1, err = &other;
	if ((c->entries & ENTRY_MAX_DEATHS) &&
		value_limit(dir, "max-deaths", &c->max_deaths, &c->max_deaths_ms, err) < 0)
		bad = 1, err = &other;
	if (c->entries & ENTRY_KILL_MODE) {
		if (value_word(dir, "kill-mode", kill_modes, &word, err) < 0)
			bad = 1, err = &other;
		else
			c->kill_mode = (enum config_kill_mode)word;
	}
	if (c->entries & ENTRY_RESTART) {
		word = (unsigned int)c->restart;
		if (value_word(dir, "restart", restarts, &word, err) < 0)
			bad = 1;
		else
			c->restart = (enum config_restart)word;
	}
	return -bad;
}

int config_load(struct config *c, char const *path, struct value_error *e)
{
	DIR *d = 0;
	int r, dir = open2(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (dir < 0 && errno == EACCES) /* may be searched, if not listed */
		dir = open2(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*c = (struct config){
		.timeout_kill = 5000,
		.timeout_finish = 5000,
		.timeout_control = 10000,
		.backoff_max = 30000,
		.down_signal = SIGTERM,
		.kill_mode = KILL_ALL,
		.restart = RESTART_ALWAYS,
	};
	if (dir < 0) {
		snprintf(e->text, sizeof e->text, "unable to open service directory: %s",
			strerror(errno));
		return -1;
	}
	c->entries = list_entries(dir, &d);
	if (c->entries & ENTRY_ESSENTIAL)
		c->restart = RESTART_NEVER;
	r = load_values(c, dir, e);
	if (d)
		dir_close(d);
	else
		fd_close(dir);
	return r;
}
