/* When the machine has nothing left: no descriptors, no memory, no room in `in`; a supervisor that
 * stands still; a wall clock that jumps. Services run on, what is on disk stays whole, the record
 * says what is the matter, and when there is enough again nobody has to do anything. */
/* wrap: clock_system fork clone openat __open_2 */
#include "forked.h"
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define RUN  "alone; say up; exec sleep 1000"
#define YEAR (INT64_C(365) * 24 * 3600)

static rlim_t limit_descriptors(pid_t pid, rlim_t now)
{
	struct rlimit new = { .rlim_cur = now, .rlim_max = RLIM_INFINITY }, old;
	if (prlimit(pid, RLIMIT_NOFILE, 0, &old) < 0)
		fail_msg("prlimit: %s", strerror(errno));
	new.rlim_max = old.rlim_max;
	if (prlimit(pid, RLIMIT_NOFILE, &new, 0) < 0)
		fail_msg("prlimit: %s", strerror(errno));
	return old.rlim_cur;
}

/* It has said this; nothing tells when a file grows. */
static void await_message(struct place *p, char const *text)
{
	char name[80];
	uint64_t deadline = tree_patience();
	snprintf(name, sizeof name, "%s.err", p->name);
	while (!strstr(tree_read(name), text)) {
		if (clock_boottime() > deadline)
			place_fail(p, text, __FILE__, __LINE__);
		tree_poll(0, 0, clock_boottime() + 5 * CLOCK_MILLISEC);
	}
}

/* What `svctl status` prints of it. */
static void expect_status(struct place *p, char const *text)
{
	static struct output o;
	tree_run(&o, "svctl", "status", p->name, NULL);
	if (!strstr(o.out, text))
		fail_msg("status says: %s%s, not: %s", o.out, o.err, text);
}

/* --------------------------------------------------------------------------- no descriptors */

/* It can neither publish nor start anything. What it could not write it knows, and `lock` tells. */
static void no_descriptors(void **state)
{
	struct place web = place_running("web", RUN);
	struct message m = { .command = 'y', .id = cinit_ipc_id() };
	(void)state;

	uint32_t run = web.s.pid;
	rlim_t before = limit_descriptors(web.supervisor, 3);
	place_message_at(&web, &m, __FILE__, __LINE__);
	await_message(&web, "web: unable to publish status: Too many open files; ");
	assert_int_equal(tree_read("run/web/lock")[0], EMFILE);
	expect_status(&web, "unable to publish status: Too many open files");
	place_look(&web);
	assert_true(status_answer(&web.r, m.id) < 0); /* what is not written down is not answered */
	assert_int_equal(kill((pid_t)run, 0), 0);
	limit_descriptors(web.supervisor, before);
	assert_int_equal(place_answer(&web, m.id, 0), RESULT_DONE);
	assert_int_equal(web.s.pid, run);
	AWAIT(!tree_read("run/web/lock")[0]); /* it goes after the answer */
	event_none();
}

/* Its process ends meanwhile: the start is tried again by backoff, and both the reason and the
 * death are told when something can be told again. */
static void a_death_without_descriptors(void **state)
{
	struct place web = place_running("web", RUN);
	(void)state;

	rlim_t before = limit_descriptors(web.supervisor, 3);
	kill((pid_t)web.s.pid, SIGKILL);
	await_message(&web, "web: unable to publish status: Too many open files; ");
	event_none();
	limit_descriptors(web.supervisor, before);
	UNTIL(&web, s->state == STATE_UP && s->deaths == 1 && s->reason == REASON_NONE);
	assert_true(web.s.flags & FLAG_EXIT_VALID);
	assert_int_equal(web.s.last_exit, SIGKILL);
	event_is("up");
	event_none();
}

/* ------------------------------------------------------------------------------ cinit itself */

/* cinit has no descriptors: supervisors come back when it has, or at once. */
static void cinit_without_descriptors(void **state)
{
	struct place web = place_with("web", RUN);
	struct place tree_of = place_at(".cinit", tree_name("run/.cinit"));
	(void)state;

	pid_t cinit = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	uint32_t run = web.s.pid, supervisor = web.s.supervisor;
	rlim_t before = limit_descriptors(cinit, 3);
	kill((pid_t)supervisor, SIGKILL);
	tree_poll(0, 0, clock_boottime() + 50 * CLOCK_MILLISEC);
	limit_descriptors(cinit, before);
	UNTIL(&web, s->supervisor && s->supervisor != supervisor && s->state == STATE_UP);
	assert_int_equal(web.s.pid, run);
	UNTIL(&tree_of, s->state == STATE_UP);
	assert_int_equal(init_command('y', "web", 0, NULL), RESULT_DONE);
	event_none();
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	assert_true(tree_gone((pid_t)run));
}

/* --------------------------------------------------------------- a supervisor that stands still */

/* What happens while it is stopped it sees afterwards, once; its service runs on, `in` fills up,
 * and who finds it full is told. */
static void a_stopped_supervisor_and_a_full_in(void **state)
{
	struct place web = place_running("web", RUN);
	char noise[4096];
	struct output o;
	(void)state;

	uint32_t run = web.s.pid;
	kill(web.supervisor, SIGSTOP);
	memset(noise, '\n', sizeof noise);
	int in = open(tree_name("run/web/in"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(in >= 0);
	for (size_t size = sizeof noise; size; size /= 2)
		while (write(in, noise, size) > 0)
			;
	assert_int_equal(errno, EAGAIN);
	close(in);
	struct message m = { .command = 'u', .id = cinit_ipc_id() };
	web.client.path = web.state;
	assert_int_equal(cinit_ipc_send(&web.client, &m), CINIT_FULL);
	tree_run(&o, "svctl", "down", "web", NULL);
	assert_true(o.code != 0);
	assert_non_null(strstr(o.out, "full"));
	assert_int_equal(kill((pid_t)run, 0), 0);
	kill((pid_t)run, SIGKILL);
	kill(web.supervisor, SIGCONT);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2 && s->deaths == 1);
	UNTIL(&web, s->noise >= 60000);
	event_is("up");
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	event_none();
}

/* ------------------------------------------------------------------ a world that is made up */

/* What the supervisors of these tests see of the world: they are forks of the test. */
static struct world {
	int64_t jump;   /* seconds that are added to the wall clock */
	int fork_error; /* errno of every fork and clone; 0: they work */
	int open_error; /* of every opening */
} * world;

int __real_clock_system(clockid_t clock, struct timespec *t);
int __wrap_clock_system(clockid_t clock, struct timespec *t);
int __wrap_clock_system(clockid_t clock, struct timespec *t)
{
	int r = __real_clock_system(clock, t);
	if (!r && forked_supervisor && clock == CLOCK_REALTIME)
		t->tv_sec += world->jump;
	return r;
}

static int refused(int error)
{
	if (!forked_supervisor || !error)
		return 0;
	errno = error;
	return 1;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	return refused(world ? world->fork_error : 0) ? -1 : __real_fork();
}

int __real_clone(int (*f)(void *), void *stack, int flags, void *data, ...);
int __wrap_clone(int (*f)(void *), void *stack, int flags, void *data);
int __wrap_clone(int (*f)(void *), void *stack, int flags, void *data)
{
	return refused(world ? world->fork_error : 0) ? -1 : __real_clone(f, stack, flags, data);
}

int __real_openat(int dir, char const *path, int flags, ...);
int __wrap_openat(int dir, char const *path, int flags, mode_t mode);
int __wrap_openat(int dir, char const *path, int flags, mode_t mode)
{
	return refused(world ? world->open_error : 0) ? -1 : __real_openat(dir, path, flags, mode);
}

/* skalibs' open2, in an archive that was built with FORTIFY */
int __real___open_2(char const *path, int flags);
int __wrap___open_2(char const *path, int flags);
int __wrap___open_2(char const *path, int flags)
{
	return refused(world ? world->open_error : 0) ? -1 : __real___open_2(path, flags);
}

static int world_setup(void **state)
{
	world = mmap(0, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return world == MAP_FAILED ? -1 : tree_setup(state);
}

static int world_teardown(void **state)
{
	munmap(world, sizeof *world);
	world = 0;
	return tree_teardown(state);
}

/* ------------------------------------------------------------------- no processes, no memory */

static void no_process(int error, char const *text)
{
	struct place web = place_with(error == ENOMEM ? "memory" : "process", RUN);

	forked_supervise(&web);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	world->fork_error = error;
	kill((pid_t)web.s.pid, SIGKILL);
	UNTIL(&web, s->state == STATE_BACKOFF && s->reason == REASON_FORK);
	assert_int_equal(web.s.reason_detail, error);
	expect_status(&web, text);
	world->fork_error = 0;
	UNTIL(&web, s->state == STATE_UP && s->reason == REASON_NONE && s->deaths == 1);
	event_is("up");
	event_none();
	forked_end(&web);
}

static void a_fork_that_is_refused(void **state)
{
	(void)state;
	no_process(ENOMEM, "unable to fork: Cannot allocate memory; retrying");
	no_process(EAGAIN, "unable to fork: Resource temporarily unavailable; retrying");
}

/* The whole machine has no file left to be opened: nothing can be written, or read. */
static void no_open_file_in_the_system(void **state)
{
	struct place web = place_with("web", RUN);
	struct message m = { .command = 'y', .id = cinit_ipc_id() };
	(void)state;

	forked_supervise(&web);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	world->open_error = ENFILE;
	kill((pid_t)web.s.pid, SIGKILL);
	place_message_at(&web, &m, __FILE__, __LINE__);
	await_message(&web, "unable to publish status: Too many open files in system; ");
	expect_status(&web, "unable to publish status: Too many open files in system");
	event_none();
	world->open_error = 0;
	assert_int_equal(place_answer(&web, m.id, 0), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->deaths == 1 && s->reason == REASON_NONE);
	event_is("up");
	event_none();
	forked_end(&web);
}

/* ------------------------------------------------------------------------------- clock jumps */

static uint64_t wall(struct place const *p)
{
	return p->s.label_sec - CLOCK_TAI_EPOCH;
}

/* A delay takes as long as it takes, whatever the wall clock says; only labels follow it. */
static void jump_during_a_delay(int64_t by)
{
	struct place web = place_with(by > 0 ? "forth" : "back", "say up; exec sleep 1000");
	place_write(&web, "timeout-kill", "1m\n");

	world->jump = 0;
	forked_supervise(&web);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	uint64_t then = wall(&web);
	kill((pid_t)web.s.pid, SIGKILL); /* the first death: at once */
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	kill((pid_t)web.s.pid, SIGKILL);
	UNTIL(&web, s->state == STATE_BACKOFF || s->starts == 3);
	world->jump = by;
	uint64_t started = clock_boottime();
	event_is("up");
	UNTIL(&web, s->state == STATE_UP && s->starts == 3);
	assert_true(clock_boottime() - started < 15 * CLOCK_SECOND);
	int64_t moved = (int64_t)(wall(&web) - then);
	assert_true(moved >= by - 60 && moved <= by + 60);
	assert_int_equal(web.s.deaths, 2);
	assert_true(web.s.started <= clock_boottime());
	assert_true(web.s.deadline[DEADLINE_BACKOFF] == 0);
	/* the clock jumps back while it is told to go, and a deadline is set: no KILL comes */
	world->jump = -by;
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGTERM);
	forked_end(&web);
}

static void the_wall_clock_jumps(void **state)
{
	(void)state;
	jump_during_a_delay(YEAR);
	jump_during_a_delay(-YEAR);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(no_descriptors),
		TREE_TEST(a_death_without_descriptors),
		TREE_TEST(cinit_without_descriptors),
		TREE_TEST(a_stopped_supervisor_and_a_full_in),
		cmocka_unit_test_setup_teardown(
			a_fork_that_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			no_open_file_in_the_system, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_wall_clock_jumps, world_setup, world_teardown),
	};
	return cmocka_run_group_tests_name("exhaustion", tests, 0, 0);
}
