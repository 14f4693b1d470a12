/* A small tree for each test: a temporary directory with service directories and a run directory,
 * real supervisors (or cinit) on it, and waits that end at events.
 *
 *   static void starts(void **state)
 *   {
 *           struct place web = place_make("web");
 *           place_script(&web, "run", "say up; exec sleep 1000");
 *           place_supervise(&web);
 *           UNTIL(&web, s->state == STATE_UP);
 *           event_is("up");
 *           assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
 *           UNTIL(&web, s->state == STATE_DOWN);
 *   }
 *   ... cmocka_unit_test_setup_teardown(starts, tree_setup, tree_teardown)
 *
 * Nothing here sleeps. The test's process is a subreaper, as cinit is: whatever a test leaves
 * behind becomes its child and is killed in tree_teardown, also when the test failed; the alarm
 * that bounds a test kills the same. While a test waits, ended children are reaped. A wait that is
 * in vain fails the test after TREE_PATIENCE seconds, with the record and what supervisors said. */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H

/* cmocka.h wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/types.h>

#include "ipc.h"
#include "status.h"

#define TREE_PATIENCE 20 /* seconds: a wait, on a loaded machine; $CINIT_TEST_PATIENCE */
#define TREE_LIMIT    90 /* seconds: a whole test */
#define TREE_PATH     192

struct tree {
	char path[64];     /* the temporary directory, absolute */
	char services[96]; /* PATH/services, for -d */
	char run[96];      /* PATH/run, for -r; $CINIT_RUN says so, too */
	int events;        /* PATH/events; $EVENTS says where */
	/* Called before a child that the test did not start, an orphan, is reaped. */
	void (*orphan)(pid_t pid, int wstat);
	/* Called in a program's process before it is executed. */
	void (*before_exec)(void);
};
extern struct tree tree;

int tree_setup(void **state);
int tree_teardown(void **state);

/* For a main that runs all its tests in trees: cmocka's rows, with set-up and tear-down. */
#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

/* ------------------------------------------------------------------------------------- files */

/* "PATH/..." by a format, in a buffer of the next call but seven. */
char const *tree_name(char const *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes a file below the tree, making the directories above it. */
void tree_write(char const *name, mode_t mode, char const *text);

/* As tree_write, mode 0755: a /bin/sh script. In it `say WORD...` tells the test one line; `alone`
 * says "two at once" when another process that was alone, or a child of it, still lives; `hold
 * NAME` waits until the test lets it pass; `listen LINE [SIGNAL=CODE]...` becomes a program that
 * says LINE and then the name of each signal it gets, see tests/helper/listener.c. $TREE is the
 * temporary directory. */
void tree_script(char const *name, char const *body);

/* For `hold NAME`: a descriptor; each tree_pass on it lets one script pass, now or later. */
int tree_hold(char const *name);
void tree_pass(int hold);

/* Contents of a file below the tree, NUL-terminated, cut at 64 KiB; static, "" where it is absent.
 */
char const *tree_read(char const *name);

/* -------------------------------------------------------------------------- lines from scripts */

/* The next line that a script said; waits for it. Static until the next call. */
char const *event_next_at(char const *file, int line);
#define event_next() event_next_at(__FILE__, __LINE__)

/* The next line is `want`. */
void event_is_at(char const *want, char const *file, int line);
#define event_is(want) event_is_at(want, __FILE__, __LINE__)

/* The next line is a process id. */
pid_t event_pid_at(char const *file, int line);
#define event_pid() event_pid_at(__FILE__, __LINE__)

/* Passes over lines until one is `want`. */
void event_await_at(char const *want, char const *file, int line);
#define event_await(want) event_await_at(want, __FILE__, __LINE__)

/* A line that is there already, or NULL. Does not wait. */
char const *event_poll(void);

/* There is no line. */
void event_none_at(char const *file, int line);
#define event_none() event_none_at(__FILE__, __LINE__)

/* ----------------------------------------------------------------------------------- programs */

/* Starts a program: argv ends with NULL; a name without '/' is one in $CINIT_BUILD. Its stdin is
 * /dev/null, its stdout and stderr go to the files PATH/NAME.out and PATH/NAME.err, appended; NAME
 * NULL: the program's. */
pid_t tree_start(char const *name, char const *const *argv);

/* Waits for a program that tree_start started, and gives its wait status. */
int tree_end_at(pid_t pid, char const *file, int line);
#define tree_end(pid) tree_end_at(pid, __FILE__, __LINE__)

/* Is there no such process, not even a zombie? */
int tree_gone(pid_t pid);

/* Has it ended? It may be a zombie still, whose parent has not reaped it yet. */
int tree_over(pid_t pid);

/* How often it gave up a processor, for want of something to do or of time: who sleeps does not. */
unsigned long tree_switches(pid_t pid);

/* How many descriptors a process has open; 0: it is gone. */
unsigned int tree_descriptors(pid_t pid);

/* Has it ended? Reaps and looks, does not wait. */
int tree_ended(pid_t pid);

struct output {
	int code; /* exit code, or 128 + signal */
	char out[65536];
	char err[16384];
};

/* Runs a program to its end: tree_run(&o, "svctl", "status", "web", NULL). */
void tree_run_at(struct output *o, char const *file, int line, char const *program, ...)
	__attribute__((sentinel));
#define tree_run(o, ...) tree_run_at(o, __FILE__, __LINE__, __VA_ARGS__)

/* May programs be started as any user? Else a test that needs it skips. */
int tree_has_users(void);

/* Waits for `events` on fd (poll's), or for the end of any child of ours; 0 for fd: only for that.
 * 1: fd is ready. 0: children were reaped. -1: the deadline (CLOCK_BOOTTIME) has passed. */
int tree_poll(int fd, short events, uint64_t deadline);

/* Shows what programs said on stderr, for whoever has to find out why a test failed. */
void tree_messages(void);

/* The deadline of a wait that begins now. */
uint64_t tree_patience(void);

/* Waits until a condition holds that nothing tells of, such as the end of what is not our child. */
#define AWAIT(condition)                                                                           \
	do {                                                                                       \
		uint64_t deadline_ = tree_patience();                                              \
		while (!(condition))                                                               \
			tree_pause_at(deadline_, #condition, __FILE__, __LINE__);                  \
	} while (0)

/* A moment of such a wait; fails the test when the deadline has passed. */
void tree_pause_at(uint64_t deadline, char const *what, char const *file, int line);

/* ----------------------------------------------------------------------------------- services */

/* A service (or a logger: NAME/log), or cinit's own pair (.cinit). Released by tree_teardown. */
struct place {
	char name[64];
	char dir[TREE_PATH];        /* its service directory */
	char state[TREE_PATH];      /* its state directory */
	pid_t supervisor;           /* started by place_supervise; 0: by somebody else */
	struct cinit_client client; /* path is set at each use */
	struct status s;            /* the record as it was last read; zeros before the first */
	struct status_ring r;
	enum status_error e; /* what came of reading it */
	uint64_t deadline;   /* of the wait under way */
};

/* A service by name: makes services/NAME and run/NAME with `out`, as cinit does before it starts
 * a supervisor. With "/log" behind it the logger of a service made before. */
struct place place_make(char const *name);

/* Cinit's own pair, or that of a service whose state directory is elsewhere; makes nothing. */
struct place place_at(char const *name, char const *state);

/* Cinit's part for orphans of these services (an array of n, or NULL): their wait statuses are left
 * in `exited`. */
void place_keep_exits(struct place *places, unsigned int n);

/* SIGKILLs the supervisor, and starts another one when it is gone. */
void place_kill_supervisor_at(struct place *p, char const *file, int line);
#define place_kill_supervisor(p) place_kill_supervisor_at(p, __FILE__, __LINE__)

/* Files of the service directory: place_script(&web, "run", "exec sleep 1000"). */
void place_script(struct place const *p, char const *entry, char const *body);
void place_write(struct place const *p, char const *entry, char const *text);

/* Starts `supervise -r RUN -d SERVICES NAME`; its messages go to NAME.err, see tree_read. */
void place_supervise(struct place *p);

/* A service with this `run`, not supervised yet. */
struct place place_with(char const *name, char const *run);

/* Supervises it; waits until it is up and has said "up". */
void place_up_at(struct place *p, char const *file, int line);
#define place_up(p) place_up_at(p, __FILE__, __LINE__)

/* Both. */
struct place place_running_at(char const *name, char const *run, char const *file, int line);
#define place_running(name, run) place_running_at(name, run, __FILE__, __LINE__)

/* Reads the record; watches `out` from before the reading on. */
void place_look(struct place *p);

/* Sends a frame as it is. Where no supervisor reads yet it waits for one. */
void place_message_at(struct place *p, struct message const *m, char const *file, int line);

/* Sends a frame; its id. */
uint64_t place_send_at(struct place *p, int letter, char const *file, int line);
#define place_send(p, letter) place_send_at(p, letter, __FILE__, __LINE__)

/* Waits for the answer to an id: enum status_result, the record is in p->s. `why` may be NULL. */
enum status_result place_answer_at(
	struct place *p, uint64_t id, enum status_why *why, char const *file, int line);
#define place_answer(p, id, why) place_answer_at(p, id, why, __FILE__, __LINE__)

/* Sends a frame and waits for its answer. */
enum status_result place_command_at(struct place *p, int letter, char const *file, int line);
#define place_command(p, letter) place_command_at(p, letter, __FILE__, __LINE__)

/* Writes bytes into `in` as they are, as a shell's printf would. */
void place_bytes_at(struct place *p, void const *bytes, size_t len, char const *file, int line);
#define place_bytes(p, bytes, len) place_bytes_at(p, bytes, len, __FILE__, __LINE__)
#define place_letters(p, letters)  place_bytes(p, letters, strlen(letters))

/* Waits until a condition holds of the record, called `s` in it. */
#define UNTIL(which, condition)                                                                    \
	do {                                                                                       \
		struct place *p_ = (which);                                                        \
		struct status const *s = &p_->s;                                                   \
		p_->deadline = tree_patience();                                                    \
		place_look(p_);                                                                    \
		while (!(p_->e == STATUS_OK && (condition)))                                       \
			place_wait_at(p_, #condition, __FILE__, __LINE__);                         \
	} while (0)

/* Waits for the next change of the record and reads it; fails when the deadline has passed. */
void place_wait_at(struct place *p, char const *what, char const *file, int line);

/* Fails the test, saying what was awaited, what the record holds and what was said on stderr. */
void place_fail(struct place const *p, char const *what, char const *file, int line);

#endif
