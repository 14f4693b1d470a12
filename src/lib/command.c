/* The command table: the letters and words of services and of the tree. */
#include "command.h"

#include <signal.h>
#include <string.h>

#define SERVICE(LETTER, VERB, ACTION, SIGNAL, HELP)                                                \
	{                                                                                          \
		.letter = (LETTER), .target = COMMAND_SERVICE, .action = (ACTION),                 \
		.signal = (SIGNAL), .verb = (VERB), .help = (HELP)                                 \
	}
#define TREE(LETTER, VERB, HELP)                                                                   \
	{                                                                                          \
		.letter = (LETTER), .target = COMMAND_TREE, .action = ACTION_TREE, .signal = 0,    \
		.verb = (VERB), .help = (HELP)                                                     \
	}

/* clang-format off: a table is read by its columns */
struct command const command_table[] = {
	SERVICE('u', "up", ACTION_UP, 0, "start it, and restart it when it ends"),
	SERVICE('d', "down", ACTION_DOWN, 0, "stop it, and do not restart it"),
	SERVICE('o', "once", ACTION_ONCE, 0, "start it, and do not restart it"),
	SERVICE('x', "exit", ACTION_EXIT, 0, "stop it, then end its supervisor"),
	SERVICE('r', "restart", ACTION_RESTART, 0, "stop it if it runs, and start it at once"),
	SERVICE('p', "pause", ACTION_PAUSE, SIGSTOP, "send it a STOP signal"),
	SERVICE('c', "cont", ACTION_CONT, SIGCONT, "send it a CONT signal"),
	SERVICE('h', "hup", ACTION_SIGNAL, SIGHUP, "send it a HUP signal"),
	SERVICE('a', "alarm", ACTION_SIGNAL, SIGALRM, "send it an ALRM signal"),
	SERVICE('i', "interrupt", ACTION_SIGNAL, SIGINT, "send it an INT signal"),
	SERVICE('q', "quit", ACTION_SIGNAL, SIGQUIT, "send it a QUIT signal"),
	SERVICE('1', "1", ACTION_SIGNAL, SIGUSR1, "send it a USR1 signal"),
	SERVICE('2', "2", ACTION_SIGNAL, SIGUSR2, "send it a USR2 signal"),
	SERVICE('t', "term", ACTION_SIGNAL, SIGTERM, "send it a TERM signal"),
	SERVICE('k', "kill", ACTION_SIGNAL, SIGKILL, "send it a KILL signal"),
	SERVICE('y', "look", ACTION_NONE, 0, "make its supervisor look again, and change nothing"),
	TREE(COMMAND_RESCAN, "rescan", "read the service directory again"),
	TREE(COMMAND_SHUTDOWN, "shutdown", "stop every service, then end"),
	TREE(COMMAND_LOOK, "look", "look at the state of a service"),
	TREE(COMMAND_WAKE, "wake", "give a service a supervisor again"),
	TREE(COMMAND_UPGRADE, "upgrade", "execute the program that is there now, in place"),
};
/* clang-format on */

size_t const command_count = sizeof command_table / sizeof *command_table;

struct command const *command_by_letter(enum command_target target, int letter)
{
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = command_table + i;
		if (c->target == target && c->letter == letter)
			return c;
	}
	return NULL;
}

struct command const *command_by_verb(enum command_target target, char const *verb)
{
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = command_table + i;
		if (c->target == target && strcmp(c->verb, verb) == 0)
			return c;
	}
	return NULL;
}
