/* cinit itself, for tests: started on the test's tree, asked, and ended. */
#ifndef TESTS_INIT_H
#define TESTS_INIT_H

#include "tree.h"

#define SLEEPS  "exec sleep 1000"
#define EXIT(n) ((n) << 8)

/* Starts `cinit -r RUN -d SERVICES [-- CMD...]`; what it says goes to cinit.err. */
pid_t init_start(char const *const *cmd);
#define init_run(...) init_start((char const *const[]){ __VA_ARGS__, NULL })

/* Starts `cinit -r RUN -d SERVICES WORD...`. */
pid_t init_start_words(char const *const *words);
#define init_words(...) init_start_words((char const *const[]){ __VA_ARGS__, NULL })

/* As init_start, as PID 1 of a PID namespace with its own /proc; needs init_namespace. The pid is
 * unshare's, which ends as cinit does, by exit code, and takes the namespace along when it is
 * killed. */
pid_t init_start_first(char const *const *cmd);
#define init_run_first(...) init_start_first((char const *const[]){ __VA_ARGS__, NULL })

/* The same with a copy of cinit that can be replaced, tree's `bin/cinit`, see init_install; first:
 * as PID 1. */
pid_t init_start_copy(int first, char const *const *cmd);

/* Puts a fresh copy of cinit at the tree's `bin/cinit`, as a package manager does: another file
 * takes the name. */
void init_install(void);

/* The same with another program of $CINIT_BUILD. */
void init_install_program(char const *name);

/* Runs `svctl upgrade`, which is to succeed in silence. */
void init_upgrade_at(char const *file, int line);
#define init_upgrade() init_upgrade_at(__FILE__, __LINE__)

/* Skips the test where PID namespaces cannot be had. */
void init_namespace(void);

/* The host's pid of the PID 1 that `pid`, from init_start_first, has started. */
pid_t init_first(pid_t pid);

/* Sends a signal, and waits for the end: the wait status. */
int init_stop_at(pid_t pid, int sig, char const *file, int line);
#define init_stop(pid, sig) init_stop_at(pid, sig, __FILE__, __LINE__)

/* Waits until cinit has said this on stderr. */
void init_says_at(char const *text, char const *file, int line);
#define init_says(text) init_says_at(text, __FILE__, __LINE__)

/* A service with a script that sleeps. */
struct place init_service(char const *name);

/* A service whose script exits with 7 at USR1. */
struct place init_seven(char const *name);

/* Kills its supervisor, and waits for the next. */
void init_kill_supervisor_at(struct place *p, char const *file, int line);
#define init_kill_supervisor(p) init_kill_supervisor_at(p, __FILE__, __LINE__)

/* Sends a command of the tree and waits for its answer. */
enum status_result init_command_at(int letter, char const *text, uint32_t argument,
	enum status_why *why, char const *file, int line);
#define init_command(letter, text, argument, why)                                                  \
	init_command_at(letter, text, argument, why, __FILE__, __LINE__)

/* Renames, below the tree. */
void init_move(char const *from, char const *to);

/* Waits until there is something at a path below the tree. */
void init_there_at(char const *name, char const *file, int line);
#define init_there(name) init_there_at(name, __FILE__, __LINE__)

/* Waits until a path below the tree is gone. */
void init_gone_at(char const *name, char const *file, int line);
#define init_gone(name) init_gone_at(name, __FILE__, __LINE__)

/* For a moment nobody but cinit has the log pipe of `web` open, and a line in it waits. Lets the
 * next logger, which reads `hold` first, go on; `got` is what it says then. */
void init_alone_with_pipe(pid_t cinit, struct place *web, struct place const *log, char const *got);

#endif
