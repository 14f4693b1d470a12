/* cinit where the system refuses: fork, mkdir, open, write; and the order in which an orphan's end
 * is told. */
/* wrap: cradle_fork mkdirat openat waitid waitpid */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "clock.h"
#include "init/cradle.h"
#include "init/init.h"
#include "scratch.h"

pid_t __real_cradle_fork(struct init const *i, struct supervise_options const *o);
pid_t __wrap_cradle_fork(struct init const *i, struct supervise_options const *o);
int __real_mkdirat(int dir, char const *name, mode_t mode);
int __wrap_mkdirat(int dir, char const *name, mode_t mode);
int __real_openat(int dir, char const *name, int flags, mode_t mode);
int __wrap_openat(int dir, char const *name, int flags, mode_t mode);
int __real_waitid(idtype_t type, id_t id, siginfo_t *si, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *si, int options);
pid_t __real_waitpid(pid_t pid, int *w, int options);
pid_t __wrap_waitpid(pid_t pid, int *w, int options);

static struct {
	int fork_errno; /* 0: a fork yields fork_pid; -1: the real one */
	pid_t fork_pid;
	int mkdir_errno;
	int open_errno;
	char const *open_name; /* fails for this name */
	siginfo_t dead;        /* si_pid 0: nobody */
	int childless;
	off_t told; /* size of `exited` when the orphan was reaped */
	int reaped;
} world;

static struct init init;

pid_t __wrap_cradle_fork(struct init const *i, struct supervise_options const *o)
{
	if (world.fork_errno < 0)
		return __real_cradle_fork(i, o);
	errno = world.fork_errno;
	return world.fork_errno ? -1 : world.fork_pid;
}

int __wrap_mkdirat(int dir, char const *name, mode_t mode)
{
	if (!world.mkdir_errno)
		return __real_mkdirat(dir, name, mode);
	errno = world.mkdir_errno;
	return -1;
}

int __wrap_openat(int dir, char const *name, int flags, mode_t mode)
{
	if (!world.open_name || strcmp(world.open_name, name))
		return __real_openat(dir, name, flags, mode);
	errno = world.open_errno;
	return -1;
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *si, int options)
{
	if (world.fork_errno < 0)
		return __real_waitid(type, id, si, options);
	if (world.childless) {
		errno = ECHILD;
		return -1;
	}
	*si = world.dead;
	return 0;
}

pid_t __wrap_waitpid(pid_t pid, int *w, int options)
{
	struct stat st;

	if (world.fork_errno < 0)
		return __real_waitpid(pid, w, options);
	world.told = fstatat(scratch_fd, "web/exited", &st, 0) < 0 ? -1 : st.st_size;
	world.reaped++;
	world.dead.si_pid = 0;
	return pid;
}

/* In a child whose stderr is the file `err`. */
static void enter(void)
{
	int fd;

	PROG = "cinit";
	world.fork_errno = 0;
	world.fork_pid = 4242;
	umask(0);
	fd = open(scratch_name("err"), O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(fd, 2);
	close(fd);
	init.run = scratch_fd;
	init.service_path = scratch_path;
	strcpy(init.run_path, scratch_path);
}

static char const *said(void)
{
	static char text[4096];
	int fd = open(scratch_name("err"), O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* ------------------------------------------------------------------------------ spawn */

static int try(struct service const *s)
{
	spawn_due(&init, s->due);
	return s->phase;
}

static int fork_fails(void *data)
{
	struct service *s = tree_add(&init.tree, "web");
	static unsigned int const wait[] = { 0, 100, 200, 400 };

	(void)data;
	enter();
	world.fork_errno = EAGAIN;
	tree_schedule(&init.tree, s, 1000);
	for (unsigned int n = 0; n < sizeof wait / sizeof *wait; n++) {
		uint64_t due = s->due;
		CHILD_CHECK(try(s) == SERVICE_DUE);
		CHILD_CHECK(s->due == due + wait[n] * CLOCK_MILLISEC);
		CHILD_CHECK(init.tree.earliest == s->due);
	}
	/* not before its time */
	spawn_due(&init, s->due - 1);
	CHILD_CHECK(s->row == 4);
	CHILD_CHECK(!strcmp(said(), "cinit: warning: web: unable to fork a supervisor: Resource "
				    "temporarily unavailable; trying again\n"));
	world.fork_errno = 0;
	CHILD_CHECK(try(s) == SERVICE_RUNS && s->supervisor == 4242);
	CHILD_CHECK(init.tree.earliest == 0);
	return 0;
}

static int no_space(void *data)
{
	struct service *s = tree_add(&init.tree, "web");

	(void)data;
	enter();
	world.mkdir_errno = ENOSPC;
	tree_schedule(&init.tree, s, 1000);
	CHILD_CHECK(try(s) == SERVICE_DUE && try(s) == SERVICE_DUE && try(s) == SERVICE_DUE);
	CHILD_CHECK(strstr(said(), "web: unable to make state directory "));
	CHILD_CHECK(
		strstr(said(), "/web: No space left on device; not supervised, trying again\n"));
	CHILD_CHECK(strchr(said(), '\n') == strrchr(said(), '\n'));
	world.mkdir_errno = 0;
	CHILD_CHECK(try(s) == SERVICE_RUNS && s->prepared);
	return 0;
}

static int no_descriptors(void *data)
{
	struct service *s = tree_add(&init.tree, "web");

	(void)data;
	enter();
	s->holds = 1 << HOLD_PIPE;
	world.open_name = "pipe";
	world.open_errno = EMFILE;
	CHILD_CHECK(spawn_prepare(&init, s) == 0 && s->prepared && s->held[HOLD_PIPE] < 0);
	CHILD_CHECK(spawn_prepare(&init, s) == 0);
	CHILD_CHECK(
		!strcmp(said(), "cinit: warning: web: unable to hold pipe: Too many open files; "
				"what is in it is lost if all who have it die\n"));
	world.open_name = NULL;
	CHILD_CHECK(spawn_prepare(&init, s) == 0 && s->held[HOLD_PIPE] >= 0);
	/* a read end: the logger sees its end when the last writer has gone */
	CHILD_CHECK((fcntl(s->held[HOLD_PIPE], F_GETFL) & O_ACCMODE) == O_RDONLY);
	CHILD_CHECK(fcntl(s->held[HOLD_PIPE], F_GETFD) == FD_CLOEXEC);
	return 0;
}

static int debris(void *data)
{
	struct service *s = tree_add(&init.tree, "web");
	struct stat st;

	(void)data;
	enter();
	s->holds = 1 << HOLD_PIPE;
	CHILD_CHECK(mkdirat(scratch_fd, "web", 0755) == 0);
	CHILD_CHECK(symlinkat("/etc/passwd", scratch_fd, "web/pipe") == 0);
	CHILD_CHECK(spawn_prepare(&init, s) == 0 && s->held[HOLD_PIPE] >= 0);
	CHILD_CHECK(fstat(s->held[HOLD_PIPE], &st) == 0 && S_ISFIFO(st.st_mode) &&
		    (st.st_mode & 0777) == 0600);
	CHILD_CHECK(!*said());
	return 0;
}

static void in_a_child(int (*act)(void *))
{
	world.fork_errno = -1;
	assert_int_equal(scratch_child(act, NULL), 0);
}

static void a_fork_that_fails_is_tried_again(void **state)
{
	(void)state;
	in_a_child(fork_fails);
}

static void a_full_run_directory_is_tried_again(void **state)
{
	(void)state;
	in_a_child(no_space);
}

static void a_pipe_that_cannot_be_held_is_said_once(void **state)
{
	(void)state;
	in_a_child(no_descriptors);
}

static void what_lies_in_the_place_of_a_pipe_goes(void **state)
{
	(void)state;
	in_a_child(debris);
}

/* ---------------------------------------------------------------------------- orphans */

static struct service *with_orphan(pid_t pid)
{
	struct service *s = tree_add(&init.tree, "web");
	struct pidmap_entry *e = pidmap_put(&init.orphans, pid, s);

	enter();
	e->identity = UINT64_C(0x0102030405060708);
	world.dead.si_pid = pid;
	world.dead.si_code = CLD_EXITED;
	world.dead.si_status = 7;
	return s;
}

static int told_in_order(void *data)
{
	unsigned char record[17], letter[4];
	static unsigned char const want[16] = { 0, 0, 0x12, 0x34, 0, 0, 7, 0, 1, 2, 3, 4, 5, 6, 7,
		8 };

	(void)data;
	with_orphan(0x1234);
	CHILD_CHECK(mkdirat(scratch_fd, "web", 0755) == 0);
	CHILD_CHECK(mkfifoat(scratch_fd, "web/in", 0600) == 0);
	int in = openat(scratch_fd, "web/in", O_RDONLY | O_NONBLOCK);
	CHILD_CHECK(reap(&init) == 1);
	CHILD_CHECK(world.reaped == 1 && world.told == 16); /* on disk before it was reaped */
	CHILD_CHECK(!pidmap_get(&init.orphans, 0x1234));
	int fd = openat(scratch_fd, "web/exited", O_RDONLY);
	CHILD_CHECK(read(fd, record, sizeof record) == 16 && !memcmp(record, want, 16));
	CHILD_CHECK(read(in, letter, sizeof letter) == 1 && letter[0] == 'y');
	return 0;
}

static int reaped_all_the_same(void *data)
{
	(void)data;
	with_orphan(0x1234);
	CHILD_CHECK(mkdirat(scratch_fd, "web", 0755) == 0);
	world.open_name = "web/exited";
	world.open_errno = ENOSPC;
	CHILD_CHECK(reap(&init) == 1 && world.reaped == 1);
	CHILD_CHECK(
		!strcmp(said(), "cinit: warning: web: unable to write to exited: No space left on "
				"device; an exit code will be unknown\n"));
	return 0;
}

static int strangers(void *data)
{
	(void)data;
	enter();
	world.dead.si_pid = 99;
	world.dead.si_code = CLD_KILLED;
	world.dead.si_status = SIGKILL;
	init.childless = 1;
	CHILD_CHECK(reap(&init) == 1 && world.reaped == 1 && !init.childless);
	CHILD_CHECK(reap(&init) == 0);
	world.childless = 1;
	CHILD_CHECK(reap(&init) == 0 && init.childless);
	CHILD_CHECK(!*said());
	return 0;
}

static void an_orphans_end_is_on_disk_before_it_is_reaped(void **state)
{
	(void)state;
	in_a_child(told_in_order);
}

static void no_reap_is_withheld(void **state)
{
	(void)state;
	in_a_child(reaped_all_the_same);
}

static void strangers_are_reaped_too(void **state)
{
	(void)state;
	in_a_child(strangers);
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		IN_SCRATCH(a_fork_that_fails_is_tried_again),
		IN_SCRATCH(a_full_run_directory_is_tried_again),
		IN_SCRATCH(a_pipe_that_cannot_be_held_is_said_once),
		IN_SCRATCH(what_lies_in_the_place_of_a_pipe_goes),
		IN_SCRATCH(an_orphans_end_is_on_disk_before_it_is_reaped),
		IN_SCRATCH(no_reap_is_withheld),
		IN_SCRATCH(strangers_are_reaped_too),
	};
	world.fork_errno = -1;
	return cmocka_run_group_tests_name("init/faults", tests, NULL, NULL);
}
