/* What a service directory says, read in one go: which entries there are, and the values of those
 * that are there. Read before each start and each stop, so that an edit counts from the next of
 * them on. */
#ifndef SUPERVISE_CONFIG_H
#define SUPERVISE_CONFIG_H

#include <stdint.h>

#include "../lib/servicedir.h"

enum config_entry {
	ENTRY_RUN = 1u << 0,
	ENTRY_FINISH = 1u << 1,
	ENTRY_CHECK = 1u << 2,
	ENTRY_CONTROL = 1u << 3,
	ENTRY_DOWN = 1u << 4,
	ENTRY_ENV = 1u << 5,
	ENTRY_USER = 1u << 6,
	ENTRY_LOG = 1u << 7,
	ENTRY_DOWN_SIGNAL = 1u << 8,
	ENTRY_TIMEOUT_KILL = 1u << 9,
	ENTRY_TIMEOUT_FINISH = 1u << 10,
	ENTRY_TIMEOUT_CONTROL = 1u << 11,
	ENTRY_MAX_DEATHS = 1u << 12,
	ENTRY_KILL_MODE = 1u << 13,
	ENTRY_RESTART = 1u << 14,
	ENTRY_ESSENTIAL = 1u << 15,
	ENTRY_BACKOFF_MAX = 1u << 16,
	ENTRY_RUN_PARAMS = 1u << 17,
	ENTRY_RUN_ENV = 1u << 18,
	ENTRY_FINISH_PARAMS = 1u << 19,
	ENTRY_FINISH_ENV = 1u << 20,
	ENTRY_NEEDS = 1u << 21,
	ENTRY_WANTS = 1u << 22,
	ENTRY_BINDS = 1u << 23
};

#define ENTRY_DEPENDENCIES (ENTRY_NEEDS | ENTRY_WANTS | ENTRY_BINDS)

enum config_kill_mode { KILL_ALL, KILL_GROUP, KILL_PROCESS };
enum config_restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

struct config {
	uint32_t entries;         /* enum config_entry: present (or not to be told) */
	uint32_t timeout_kill;    /* ms; 0: no KILL ever */
	uint32_t timeout_finish;  /* ms; 0: no limit */
	uint32_t timeout_control; /* ms; 0: no limit */
	uint32_t backoff_max;     /* ms */
	uint32_t max_deaths;      /* 0: no limit */
	uint32_t max_deaths_ms;   /* their window */
	int down_signal;
	enum config_kill_mode kill_mode;
	enum config_restart restart;
};

/* Reads the service directory `path`. 0: everything parsed. -1: *e describes the first value that
 * does not (or why the directory cannot be opened), what could be read is in *c. One that may be
 * searched but not listed is read entry by entry. */
int config_load(struct config *c, char const *path, struct value_error *e);

#endif
