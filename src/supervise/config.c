/* Reading a service directory: one listing, then only the files that are there. */
#include <skalibs/nonposix.h>

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "../lib/listing.h"

#define FD_LAST 1023

enum value_type { PRESENCE, DURATION, NUMBER, SIGNAL, LIMIT, WORD, CODES, TEXTS };

static char const *const kill_modes[] = { "all", "group", "process", 0 };
static char const *const restarts[] = { "always", "on-failure", "never", 0 };

#define VALUE(type, member) type, offsetof(struct config, member)

/* One row an entry: what it is called, what its value is, and where that goes. */
static struct {
	char const *name;
	enum value_type type;
	size_t offset;
	char const *const *words;
} const entries[BIT_COUNT] = {
	[BIT_RUN] = { "run", PRESENCE, 0, 0 },
	[BIT_FINISH] = { "finish", PRESENCE, 0, 0 },
	[BIT_CHECK] = { "check", PRESENCE, 0, 0 },
	[BIT_CONTROL] = { "control", PRESENCE, 0, 0 },
	[BIT_DOWN] = { "down", PRESENCE, 0, 0 },
	[BIT_ENV] = { "env", PRESENCE, 0, 0 },
	[BIT_USER] = { "user", PRESENCE, 0, 0 },
	[BIT_LOG] = { "log", PRESENCE, 0, 0 },
	[BIT_DOWN_SIGNAL] = { "down-signal", VALUE(SIGNAL, down_signal), 0 },
	[BIT_TIMEOUT_KILL] = { "timeout-kill", VALUE(DURATION, timeout_kill), 0 },
	[BIT_TIMEOUT_FINISH] = { "timeout-finish", VALUE(DURATION, timeout_finish), 0 },
	[BIT_TIMEOUT_CONTROL] = { "timeout-control", VALUE(DURATION, timeout_control), 0 },
	[BIT_MAX_DEATHS] = { "max-deaths", VALUE(LIMIT, max_deaths), 0 },
	[BIT_KILL_MODE] = { "kill-mode", VALUE(WORD, kill_mode), kill_modes },
	[BIT_RESTART] = { "restart", VALUE(WORD, restart), restarts },
	[BIT_ESSENTIAL] = { "essential", PRESENCE, 0, 0 },
	[BIT_BACKOFF_MAX] = { "backoff-max", VALUE(DURATION, backoff_max), 0 },
	[BIT_RUN_PARAMS] = { "run.params", PRESENCE, 0, 0 },
	[BIT_RUN_ENV] = { "run.env", PRESENCE, 0, 0 },
	[BIT_FINISH_PARAMS] = { "finish.params", PRESENCE, 0, 0 },
	[BIT_FINISH_ENV] = { "finish.env", PRESENCE, 0, 0 },
	[BIT_NEEDS] = { "needs", PRESENCE, 0, 0 },
	[BIT_WANTS] = { "wants", PRESENCE, 0, 0 },
	[BIT_BINDS] = { "binds", PRESENCE, 0, 0 },
	[BIT_ON] = { "on", PRESENCE, 0, 0 },
	[BIT_OFF] = { "off", PRESENCE, 0, 0 },
	[BIT_RESPAWN] = { "respawn", PRESENCE, 0, 0 },
	[BIT_ON_PARAMS] = { "on.params", PRESENCE, 0, 0 },
	[BIT_ON_ENV] = { "on.env", PRESENCE, 0, 0 },
	[BIT_OFF_PARAMS] = { "off.params", PRESENCE, 0, 0 },
	[BIT_OFF_ENV] = { "off.env", PRESENCE, 0, 0 },
	[BIT_TIMEOUT_UP] = { "timeout-up", VALUE(DURATION, timeout_up), 0 },
	[BIT_TIMEOUT_DOWN] = { "timeout-down", VALUE(DURATION, timeout_down), 0 },
	[BIT_SUCCESS_CODES] = { "success-codes", VALUE(CODES, success), 0 },
	[BIT_NOTIFICATION_FD] = { "notification-fd", VALUE(NUMBER, notification_fd), 0 },
	[BIT_NOTIFY] = { "notify", PRESENCE, 0, 0 },
	[BIT_READY_LINE] = { "ready-line", VALUE(TEXTS, ready_line), 0 },
	[BIT_CHECK_INTERVAL] = { "check-interval", VALUE(DURATION, check_interval), 0 },
	[BIT_TIMEOUT_CHECK] = { "timeout-check", VALUE(DURATION, timeout_check), 0 },
	[BIT_HEALTH_INTERVAL] = { "health-interval", VALUE(DURATION, health_interval), 0 },
	[BIT_HEALTH_FAILURES] = { "health-failures", VALUE(NUMBER, health_failures), 0 },
	[BIT_TIMEOUT_WATCHDOG] = { "timeout-watchdog", VALUE(DURATION, watchdog), 0 },
	[BIT_ENABLE_IF_ENV] = { "enable-if-env", PRESENCE, 0, 0 },
	[BIT_CHECK_PARAMS] = { "check.params", PRESENCE, 0, 0 },
	[BIT_CHECK_ENV] = { "check.env", PRESENCE, 0, 0 },
	[BIT_CGROUP] = { "cgroup", PRESENCE, 0, 0 },
	[BIT_CAPABILITIES] = { "capabilities", PRESENCE, 0, 0 },
	[BIT_NO_NEW_PRIVS] = { "no-new-privs", PRESENCE, 0, 0 },
};

static uint64_t entry_bit(char const *name)
{
	for (unsigned int i = 0; i < BIT_COUNT; i++)
		if (!strcmp(entries[i].name, name))
			return ENTRY(i);
	return 0;
}

/* A directory that may be searched but not listed still works: ask for each name. */
static uint64_t probe_entries(int dir)
{
	uint64_t found = 0;
	for (unsigned int i = 0; i < BIT_COUNT; i++)
		if (entry_exists(dir, entries[i].name))
			found |= ENTRY(i);
	return found;
}

static void note_entry(char const *name, unsigned int type, void *data)
{
	(void)type;
	uint64_t *found = data;
	*found |= entry_bit(name);
}

static uint64_t list_entries(int dir)
{
	uint64_t found = 0;
	return listing_each(dir, note_entry, &found) < 0 ? probe_entries(dir) : found;
}

static int load_value(struct config *c, unsigned int bit, int dir, struct value_error *e)
{
	char const *name = entries[bit].name;
	void *to = (char *)c + entries[bit].offset;
	unsigned int word;
	int r;

	switch (entries[bit].type) {
	case PRESENCE:
		return 0;
	case DURATION:
		return value_duration(dir, name, to, e);
	case NUMBER:
		return value_unsigned(dir, name, to, e);
	case SIGNAL:
		return value_signal(dir, name, to, e);
	case LIMIT:
		return value_limit(dir, name, &c->max_deaths, &c->max_deaths_ms, e);
	case CODES:
		return value_codes(dir, name, to, e);
	case TEXTS:
		return value_texts(dir, name, to, sizeof c->ready_line, e);
	case WORD:
		break;
	}
	r = value_word(dir, name, entries[bit].words, &word, e);
	if (r > 0)
		*(int *)to = (int)word;
	return r;
}

static int contradiction(struct config const *c, char const **text)
{
	static struct {
		uint64_t both;
		char const *text;
	} const pairs[] = {
		{ ENTRY_RUN | ENTRY_ON, "run and on: a service is one or the other" },
		{ ENTRY_NOTIFICATION_FD | ENTRY_NOTIFY,
			"notification-fd and notify: readiness is told one way" },
		{ ENTRY_NOTIFICATION_FD | ENTRY_READY_LINE,
			"notification-fd and ready-line: readiness is told one way" },
		{ ENTRY_NOTIFY | ENTRY_READY_LINE,
			"notify and ready-line: readiness is told one way" },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if ((c->entries & pairs[i].both) == pairs[i].both) {
			*text = pairs[i].text;
			return 1;
		}
	if ((c->entries & ENTRY_NOTIFICATION_FD) &&
		(c->notification_fd < 3 || c->notification_fd > FD_LAST)) {
		*text = "notification-fd: must be from 3 to 1023";
		return 1;
	}
	return 0;
}

static void classify(struct config *c)
{
	c->kind = c->entries & ENTRY_RUN  ? KIND_RUN
		  : c->entries & ENTRY_ON ? (c->entries & ENTRY_RESPAWN ? KIND_RUN : KIND_ONESHOT)
		  : c->entries & ENTRY_DEPENDENCIES ? KIND_BUNDLE
						    : KIND_RUN;
	c->ready = c->kind != KIND_RUN                  ? READY_EXEC
		   : c->entries & ENTRY_NOTIFICATION_FD ? READY_FD
		   : c->entries & ENTRY_NOTIFY          ? READY_NOTIFY
		   : c->entries & ENTRY_READY_LINE      ? READY_LINE
		   : c->entries & ENTRY_CHECK           ? READY_CHECK
							: READY_EXEC;
}

static int load_values(struct config *c, int dir, struct value_error *e)
{
	struct value_error other, *err = e;
	char const *text;
	int bad = 0;

	for (unsigned int i = 0; i < BIT_COUNT; i++)
		if ((c->entries & ENTRY(i)) && load_value(c, i, dir, err) < 0)
			bad = 1, err = &other;
	if (!bad && contradiction(c, &text)) {
		snprintf(e->text, sizeof e->text, "%s", text);
		bad = 1;
	}
	classify(c);
	return -bad;
}

int config_load(struct config *c, char const *path, struct value_error *e)
{
	int r, dir = open2(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (dir < 0 && errno == EACCES) /* may be searched, if not listed */
		dir = open2(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*c = (struct config){
		.timeout_kill = 5000,
		.timeout_finish = 5000,
		.timeout_control = 10000,
		.backoff_max = 30000,
		.timeout_check = 5000,
		.check_interval = 1000,
		.health_failures = 3,
		.success = { 1 },
		.down_signal = SIGTERM,
		.kill_mode = KILL_ALL,
		.restart = RESTART_ALWAYS,
	};
	e->shortage = dir < 0 ? value_shortage(errno) : 0;
	if (dir < 0) {
		snprintf(e->text, sizeof e->text, "unable to open service directory: %s",
			strerror(errno));
		return -1;
	}
	c->entries = list_entries(dir);
	if (c->entries & ENTRY_ESSENTIAL)
		c->restart = RESTART_NEVER;
	r = load_values(c, dir, e);
	fd_close(dir);
	return r;
}

size_t config_names(struct config const *c, char names[CONFIG_NAMES])
{
	size_t at = 0;

	for (unsigned int i = 0; i < BIT_COUNT; i++) {
		size_t len = strlen(entries[i].name) + 1;
		if (!(c->entries & ENTRY(i)) || len > CONFIG_NAMES - at)
			continue;
		memcpy(names + at, entries[i].name, len);
		at += len;
	}
	return at;
}

void config_enter_names(struct config *c, char const *names, size_t len)
{
	c->entries = 0;
	while (len) {
		size_t n = strnlen(names, len) + 1;
		if (n > len)
			return;
		c->entries |= entry_bit(names);
		names += n;
		len -= n;
	}
}
