/* Lines on standard error: what went wrong, with whom, why, and what follows from it.
 *
 * A line that standard error has no room for (a stopped terminal, a full pipe that nobody reads) is
 * dropped and counted: init must never wait for whoever reads its messages. */
#ifndef INIT_MESSAGE_H
#define INIT_MESSAGE_H

#include <errno.h>
#include <string.h>

#include <skalibs/strerr.h>

/* May a line be written now without waiting? When there is room again, says how many were not. */
int message_room(void);

/* "cinit: warning: ...", "cinit: info: ...". errno is kept. */
#define warn(...)                                                                                  \
	do {                                                                                       \
		if (message_room())                                                                \
			strerr_warnw(__VA_ARGS__);                                                 \
	} while (0)
#define info(...)                                                                                  \
	do {                                                                                       \
		if (message_room())                                                                \
			strerr_warni(__VA_ARGS__);                                                 \
	} while (0)

/* "cinit: warning: ...: REASON; THEN": errno's reason, and what follows ("", or with "; "). */
#define warn_error(then, ...) warn(__VA_ARGS__, ": ", strerror(errno), (then))

/* By errno, why directory `name` is no service; EILSEQ: its name holds a control character. `then`:
 * what follows, with "; ". */
void message_trouble(char const *name, char const *then);

/* "0.1 s", "30 s": milliseconds for people, in a buffer of MESSAGE_TIME. Returns it. */
#define MESSAGE_TIME 24
char const *message_time(char buf[MESSAGE_TIME], unsigned int ms);

/* How a process ended: "exited 3", "was killed by KILL", in a buffer of MESSAGE_END. Returns it. */
#define MESSAGE_END 32
char const *message_end(char buf[MESSAGE_END], int wait_status);

/* A number, in a buffer of MESSAGE_NUMBER. Returns it. */
#define MESSAGE_NUMBER 12
char const *message_number(char buf[MESSAGE_NUMBER], unsigned int n);

#endif
