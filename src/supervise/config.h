/* What a service directory says, read in one go: which entries there are, and the values of those
 * that are there. Read before each start and each stop, so that an edit counts from the next of
 * them on. */
#ifndef SUPERVISE_CONFIG_H
#define SUPERVISE_CONFIG_H

#include <stdint.h>

#include "../lib/servicedir.h"

/* Which entries there are, a bit each. */
enum config_bit {
	BIT_RUN,
	BIT_FINISH,
	BIT_CHECK,
	BIT_CONTROL,
	BIT_DOWN,
	BIT_ENV,
	BIT_USER,
	BIT_LOG,
	BIT_TIMEOUT_KILL,
	BIT_TIMEOUT_FINISH,
	BIT_TIMEOUT_CONTROL,
	BIT_DOWN_SIGNAL,
	BIT_MAX_DEATHS,
	BIT_KILL_MODE,
	BIT_RESTART,
	BIT_ESSENTIAL,
	BIT_BACKOFF_MAX,
	BIT_RUN_PARAMS,
	BIT_RUN_ENV,
	BIT_FINISH_PARAMS,
	BIT_FINISH_ENV,
	BIT_NEEDS,
	BIT_WANTS,
	BIT_BINDS,
	BIT_ON,
	BIT_OFF,
	BIT_RESPAWN,
	BIT_ON_PARAMS,
	BIT_ON_ENV,
	BIT_OFF_PARAMS,
	BIT_OFF_ENV,
	BIT_TIMEOUT_UP,
	BIT_TIMEOUT_DOWN,
	BIT_SUCCESS_CODES,
	BIT_NOTIFICATION_FD,
	BIT_NOTIFY,
	BIT_READY_LINE,
	BIT_CHECK_INTERVAL,
	BIT_TIMEOUT_CHECK,
	BIT_HEALTH_INTERVAL,
	BIT_HEALTH_FAILURES,
	BIT_TIMEOUT_WATCHDOG,
	BIT_ENABLE_IF_ENV,
	BIT_CHECK_PARAMS,
	BIT_CHECK_ENV,
	BIT_CGROUP,
	BIT_CAPABILITIES,
	BIT_NO_NEW_PRIVS,
	BIT_COUNT
};

#define ENTRY(bit)             (UINT64_C(1) << (bit))
#define ENTRY_RUN              ENTRY(BIT_RUN)
#define ENTRY_FINISH           ENTRY(BIT_FINISH)
#define ENTRY_CHECK            ENTRY(BIT_CHECK)
#define ENTRY_CONTROL          ENTRY(BIT_CONTROL)
#define ENTRY_DOWN             ENTRY(BIT_DOWN)
#define ENTRY_ENV              ENTRY(BIT_ENV)
#define ENTRY_USER             ENTRY(BIT_USER)
#define ENTRY_LOG              ENTRY(BIT_LOG)
#define ENTRY_DOWN_SIGNAL      ENTRY(BIT_DOWN_SIGNAL)
#define ENTRY_TIMEOUT_KILL     ENTRY(BIT_TIMEOUT_KILL)
#define ENTRY_TIMEOUT_FINISH   ENTRY(BIT_TIMEOUT_FINISH)
#define ENTRY_TIMEOUT_CONTROL  ENTRY(BIT_TIMEOUT_CONTROL)
#define ENTRY_MAX_DEATHS       ENTRY(BIT_MAX_DEATHS)
#define ENTRY_KILL_MODE        ENTRY(BIT_KILL_MODE)
#define ENTRY_RESTART          ENTRY(BIT_RESTART)
#define ENTRY_ESSENTIAL        ENTRY(BIT_ESSENTIAL)
#define ENTRY_BACKOFF_MAX      ENTRY(BIT_BACKOFF_MAX)
#define ENTRY_RUN_PARAMS       ENTRY(BIT_RUN_PARAMS)
#define ENTRY_RUN_ENV          ENTRY(BIT_RUN_ENV)
#define ENTRY_FINISH_PARAMS    ENTRY(BIT_FINISH_PARAMS)
#define ENTRY_FINISH_ENV       ENTRY(BIT_FINISH_ENV)
#define ENTRY_NEEDS            ENTRY(BIT_NEEDS)
#define ENTRY_WANTS            ENTRY(BIT_WANTS)
#define ENTRY_BINDS            ENTRY(BIT_BINDS)
#define ENTRY_ON               ENTRY(BIT_ON)
#define ENTRY_OFF              ENTRY(BIT_OFF)
#define ENTRY_RESPAWN          ENTRY(BIT_RESPAWN)
#define ENTRY_ON_PARAMS        ENTRY(BIT_ON_PARAMS)
#define ENTRY_ON_ENV           ENTRY(BIT_ON_ENV)
#define ENTRY_OFF_PARAMS       ENTRY(BIT_OFF_PARAMS)
#define ENTRY_OFF_ENV          ENTRY(BIT_OFF_ENV)
#define ENTRY_TIMEOUT_UP       ENTRY(BIT_TIMEOUT_UP)
#define ENTRY_TIMEOUT_DOWN     ENTRY(BIT_TIMEOUT_DOWN)
#define ENTRY_SUCCESS_CODES    ENTRY(BIT_SUCCESS_CODES)
#define ENTRY_NOTIFICATION_FD  ENTRY(BIT_NOTIFICATION_FD)
#define ENTRY_NOTIFY           ENTRY(BIT_NOTIFY)
#define ENTRY_READY_LINE       ENTRY(BIT_READY_LINE)
#define ENTRY_CHECK_INTERVAL   ENTRY(BIT_CHECK_INTERVAL)
#define ENTRY_TIMEOUT_CHECK    ENTRY(BIT_TIMEOUT_CHECK)
#define ENTRY_HEALTH_INTERVAL  ENTRY(BIT_HEALTH_INTERVAL)
#define ENTRY_HEALTH_FAILURES  ENTRY(BIT_HEALTH_FAILURES)
#define ENTRY_TIMEOUT_WATCHDOG ENTRY(BIT_TIMEOUT_WATCHDOG)
#define ENTRY_ENABLE_IF_ENV    ENTRY(BIT_ENABLE_IF_ENV)
#define ENTRY_CHECK_PARAMS     ENTRY(BIT_CHECK_PARAMS)
#define ENTRY_CHECK_ENV        ENTRY(BIT_CHECK_ENV)
#define ENTRY_CGROUP           ENTRY(BIT_CGROUP)
#define ENTRY_CAPABILITIES     ENTRY(BIT_CAPABILITIES)
#define ENTRY_NO_NEW_PRIVS     ENTRY(BIT_NO_NEW_PRIVS)
#define ENTRY_DEPENDENCIES     (ENTRY_NEEDS | ENTRY_WANTS | ENTRY_BINDS)

/* What kind of service the entries make. */
enum config_kind {
	KIND_RUN,     /* a long-running process: run, or on with respawn */
	KIND_ONESHOT, /* on brings it up and ends, off brings it down */
	KIND_BUNDLE   /* nothing to execute: up when what it depends on is */
};

/* What makes it ready. */
enum config_ready {
	READY_EXEC,   /* its exec */
	READY_FD,     /* a newline on a descriptor */
	READY_NOTIFY, /* sd_notify(3) */
	READY_LINE,   /* a line of its output */
	READY_CHECK   /* check exits 0 */
};

enum config_kill_mode { KILL_ALL, KILL_GROUP, KILL_PROCESS };
enum config_restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

struct config {
	uint64_t entries; /* ENTRY_*: present (or not to be told) */
	enum config_kind kind;
	enum config_ready ready;
	uint32_t timeout_up;      /* ms from the start until it is ready; 0: no limit */
	uint32_t timeout_down;    /* ms for off; 0: no limit */
	uint32_t timeout_check;   /* ms for one check; 0: no limit */
	uint32_t check_interval;  /* ms between checks until it is ready */
	uint32_t health_interval; /* ms between checks when it is up; 0: none */
	uint32_t health_failures; /* in a row, that restart it */
	uint32_t watchdog;        /* ms within which it says WATCHDOG=1; 0: need not */
	uint32_t notification_fd;
	unsigned char success[32]; /* a bit for each exit code that is a success of on */
	uint32_t timeout_kill;     /* ms; 0: no KILL ever */
	uint32_t timeout_finish;   /* ms; 0: no limit */
	uint32_t timeout_control;  /* ms; 0: no limit */
	uint32_t backoff_max;      /* ms */
	uint32_t max_deaths;       /* 0: no limit */
	uint32_t max_deaths_ms;    /* their window */
	int down_signal;
	enum config_kill_mode kill_mode;
	enum config_restart restart;
	char ready_line[256]; /* texts, one a line: a line with one of them is the word */
};

/* Reads the service directory `path`. 0: everything parsed. -1: *e describes the first value that
 * does not (or why the directory cannot be opened), what could be read is in *c. One that may be
 * searched but not listed is read entry by entry. */
int config_load(struct config *c, char const *path, struct value_error *e);

#endif
