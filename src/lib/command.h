/* The command table: one row a command, the single truth that the supervisor,
 * svctl, the usage text and the tests read.
 *
 * Letters are runit's (runsv(8)), so that `printf d > in` does what its users
 * expect; `r`, `y` and the letters of the tree are cinit's own. */
#ifndef CINIT_COMMAND_H
#define CINIT_COMMAND_H

#include <stddef.h>

/* Who obeys a command. */
enum command_target {
	COMMAND_SERVICE = 1, /* a supervisor, on the pair of its service */
	COMMAND_TREE = 2     /* cinit, on the pair in `.cinit` */
};

/* What a command asks of a service. The machine knows nothing of letters. */
enum command_action {
	ACTION_NONE,    /* look again: nothing is asked */
	ACTION_UP,      /* want up; start if down */
	ACTION_DOWN,    /* want down; stop if running */
	ACTION_ONCE,    /* start if down, do not restart */
	ACTION_EXIT,    /* as DOWN, then the supervisor ends */
	ACTION_RESTART, /* want up; stop what runs, start it again without backoff */
	ACTION_PAUSE,   /* STOP */
	ACTION_CONT,    /* CONT */
	ACTION_SIGNAL,  /* .signal to `run` */
	ACTION_TREE     /* not for a service */
};

struct command {
	char letter;
	enum command_target target;
	enum command_action action;
	int signal;       /* signal number, 0: none */
	char const *verb; /* full word, as svctl and the man page spell it */
	char const *help; /* one line, lower case, no full stop */
};

/* Letters of the tree, in frames on cinit's own pair. */
#define COMMAND_RESCAN   'r' /* read the service directory again */
#define COMMAND_SHUTDOWN 's' /* argument: enum shutdown_how */
#define COMMAND_LOOK     'y' /* text: name of a service whose status cinit shall look at */
#define COMMAND_WAKE     'w' /* text: name of a service that shall have a supervisor again */
#define COMMAND_UPGRADE  'g' /* execute the program that is there now, and so shall supervisors */

enum shutdown_how {
	SHUTDOWN_EXIT = 0, /* stop everything; a container or a user's cinit exits 0 */
	SHUTDOWN_REBOOT = 1,
	SHUTDOWN_POWEROFF = 2,
	SHUTDOWN_HALT = 3
};

extern struct command const command_table[];
extern size_t const command_count;

/* The row of a letter among the commands of `target`; NULL: there is none. */
struct command const *command_by_letter(enum command_target target, int letter);

/* The row of a verb among the commands of `target`; NULL: there is none. Case matters. */
struct command const *command_by_verb(enum command_target target, char const *verb);

#endif
