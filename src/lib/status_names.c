/* The status record: words for its numbers. */
#include "status.h"

#define NAME(table, n) ((n) < sizeof(table) / sizeof *(table) ? (table)[n] : "unknown")

char const *status_state_name(unsigned state)
{
	static char const *const name[STATE_COUNT] = {
		[STATE_DOWN] = "down",
		[STATE_WAITING] = "waiting",
		[STATE_STARTING] = "starting",
		[STATE_UP] = "up",
		[STATE_STOPPING] = "stopping",
		[STATE_FINISHING] = "finishing",
		[STATE_BACKOFF] = "backoff",
		[STATE_FAILED] = "failed",
	};
	return NAME(name, state);
}

char const *status_want_name(unsigned want)
{
	static char const *const name[] = {
		[WANT_DOWN] = "down",
		[WANT_UP] = "up",
		[WANT_ONCE] = "once",
		[WANT_EXIT] = "exit",
	};
	return NAME(name, want);
}

char const *status_reason_name(unsigned reason)
{
	static char const *const name[] = {
		[REASON_NONE] = "none",
		[REASON_CONFIG] = "config",
		[REASON_EXEC] = "exec",
		[REASON_FORK] = "fork",
		[REASON_DEATHS] = "deaths",
		[REASON_FINISH] = "finish",
		[REASON_ENDED] = "ended",
		[REASON_STRAY] = "stray",
		[REASON_TIMEOUT] = "timeout",
		[REASON_PUBLISH] = "publish",
		[REASON_NEEDS] = "needs",
		[REASON_STATUS] = "status",
		[REASON_HEALTH] = "health",
		[REASON_REFUSED] = "refused",
		[REASON_LEFT_OUT] = "left_out",
		[REASON_UPGRADE] = "upgrade",
		[REASON_PROFILE] = "profile",
	};
	return NAME(name, reason);
}

char const *status_why_text(unsigned why)
{
	static char const *const text[WHY_COUNT] = {
		[WHY_NONE] = "no reason given",
		[WHY_UNKNOWN] = "no such command",
		[WHY_SIGNAL] = "the signal could not be sent",
		[WHY_DEPENDENTS] = "others need it",
		[WHY_FORK] = "no process could be made",
		[WHY_CONFIG] = "its service directory cannot be used",
		[WHY_EXITING] = "its supervisor is about to exit",
		[WHY_PUBLISH] = "its state could not be written",
		[WHY_DOUBT] = "nobody can tell whether it was done",
		[WHY_LOGGER] = "a logger exits with its service",
		[WHY_STOPPING] = "the tree is being stopped",
		[WHY_SERVICES] = "the service directory cannot be read",
		[WHY_UPGRADE] = "the program that is there cannot take over",
		[WHY_BUSY] = "too many commands wait for a control script",
	};
	return NAME(text, why);
}
