/* Processes: identities, who lives, who gets a signal; with pidfds, without, and when asking fails.
 */
/* no valgrind: it refuses pidfd_open and raising RLIMIT_NOFILE */
/* wrap: syscall read open opendir fstatfs */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "process_world.h"
#include "scratch.h"

/* What the code remembers of its kernel it remembers in a child: each test starts with a clean
 * head. */

#define START_KIND ((uint64_t)1 << 63)

/* ---------------------------------------------------------------------------- identities */

static int identity_act(void *data)
{
	int ga, gb;
	pid_t a = world_child(&ga), b = world_child(&gb);
	uint64_t ia = process_identity(a), ib = process_identity(b);

	(void)data;
	CHILD_CHECK(ia && ib && ia == process_identity(a));
	CHILD_CHECK(!process_identity(0) && !process_identity(-1));
	CHILD_CHECK(process_alive(a, ia) == PROCESS_ALIVE);
	/* two processes of one clock tick have one start time: only inodes tell them apart */
	if (!(ia & START_KIND)) {
		CHILD_CHECK(ia != ib);
		CHILD_CHECK(process_alive(a, ib) == PROCESS_GONE);
	}
	CHILD_CHECK(process_alive(a, ia ^ 1) == PROCESS_GONE);
	CHILD_CHECK(process_alive(a, 0) == PROCESS_UNSURE);
	CHILD_CHECK(process_alive(0, ia) == PROCESS_GONE);
	CHILD_CHECK(process_alive(-1, 0) == PROCESS_GONE);

	/* a zombie is still that process */
	siginfo_t info;
	close(ga);
	CHILD_CHECK(!waitid(P_PID, (id_t)a, &info, WEXITED | WNOWAIT));
	CHILD_CHECK(process_alive(a, ia) == PROCESS_ALIVE);
	CHILD_CHECK(process_identity(a) == ia);
	CHILD_CHECK(waitpid(a, 0, 0) == a);
	CHILD_CHECK(process_alive(a, ia) == PROCESS_GONE);
	CHILD_CHECK(process_alive(a, 0) == PROCESS_GONE);
	CHILD_CHECK(!process_identity(a));
	world_end(b, gb);
	return 0;
}

static int no_pidfd_act(void *data)
{
	fault.pidfd_open = *(int *)data;
	CHILD_CHECK(process_pidfd(getpid()) == -1 && errno == fault.pidfd_open);
	CHILD_CHECK(process_identity(getpid()) & START_KIND);
	int r = identity_act(0);
	/* asked once */
	CHILD_CHECK(fault.opened == 1);
	CHILD_CHECK(process_pidfd(getpid()) == -1 && errno == fault.pidfd_open);
	return r;
}

static int no_pidfs_act(void *data)
{
	if (!world_has_pidfd())
		return 0;
	fault.no_pidfs = 1;
	CHILD_CHECK(process_identity(getpid()) & START_KIND);
	int r = identity_act(data);
	CHILD_CHECK(fault.statfs == 1);
	return r;
}

static int neither_act(void *data)
{
	int gate;
	pid_t pid = world_child(&gate);

	fault.pidfd_open = ENOSYS;
	fault.no_proc = ENOENT;
	CHILD_CHECK(!process_identity(pid));
	CHILD_CHECK(process_alive(pid, 0) == PROCESS_UNSURE);
	CHILD_CHECK(process_alive(pid, 7) == PROCESS_UNSURE);
	CHILD_CHECK(process_alive(pid, 7 | START_KIND) == PROCESS_UNSURE);
	/* an identity that cannot be compared moves nobody to send a signal */
	CHILD_CHECK(process_signal(pid, 7, SIGKILL) == -1 && errno == ENOTSUP);
	CHILD_CHECK(process_signal(pid, 7 | START_KIND, SIGKILL) == -1 && errno == ENOTSUP);
	CHILD_CHECK(process_signal(pid, 0, 0) == 1);
	world_end(pid, gate);
	CHILD_CHECK(process_alive(pid, 7) == PROCESS_GONE);
	CHILD_CHECK(process_alive(pid, 7 | START_KIND) == PROCESS_GONE);
	CHILD_CHECK(process_signal(pid, 7, SIGKILL) == 0);
	(void)data;
	return 0;
}

static void identities(void **state)
{
	int errors[] = { ENOSYS, EPERM };
	(void)state;

	assert_int_equal(scratch_child(identity_act, 0), 0);
	assert_int_equal(scratch_child(no_pidfd_act, errors), 0);
	assert_int_equal(scratch_child(no_pidfd_act, errors + 1), 0);
	assert_int_equal(scratch_child(no_pidfs_act, 0), 0);
	assert_int_equal(scratch_child(neither_act, 0), 0);
}

/* A living service must not look dead because descriptors ran out while somebody looked. */
static int passing_failure_act(void *data)
{
	int gate;
	pid_t pid = world_child(&gate);
	uint64_t identity = process_identity(pid);

	fault.pidfd_open = *(int *)data;
	CHILD_CHECK(!process_identity(pid));
	if (!(identity & START_KIND))
		CHILD_CHECK(process_alive(pid, identity) == PROCESS_UNSURE);
	CHILD_CHECK(process_signal(pid, identity, SIGKILL) == -1 && errno == fault.pidfd_open);
	fault.pidfd_open = 0;
	CHILD_CHECK(process_alive(pid, identity) == PROCESS_ALIVE);
	world_end(pid, gate);
	return 0;
}

static void failures_that_pass(void **state)
{
	int errors[] = { EMFILE, ENFILE, ENOMEM };
	(void)state;

	if (!world_has_pidfd())
		skip();
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		assert_int_equal(scratch_child(passing_failure_act, errors + i), 0);
}

/* Two supervisors need not be allowed the same calls. */
static int record_act(void *data)
{
	struct world_shared *shared = data;

	fault.pidfd_open = shared->identity[1] ? ENOSYS : 0;
	shared->identity[0] = process_identity(getppid());
	return 0;
}

static int kinds_act(void *data)
{
	struct world_shared *shared = world_shared();
	(void)data;

	shared->identity[1] = 1;
	CHILD_CHECK(!scratch_child(record_act, shared));
	uint64_t start = shared->identity[0];
	shared->identity[1] = 0;
	CHILD_CHECK(!scratch_child(record_act, shared));
	uint64_t inode = shared->identity[0];
	CHILD_CHECK(start & START_KIND);
	CHILD_CHECK(process_alive(getpid(), start) == PROCESS_ALIVE);
	CHILD_CHECK(process_alive(getpid(), inode) == PROCESS_ALIVE);
	CHILD_CHECK(process_signal(getpid(), start, 0) == 1);
	CHILD_CHECK(process_signal(getpid(), start + 1, SIGKILL) == 0);
	fault.pidfd_open = ENOSYS;
	if (!(inode & START_KIND))
		CHILD_CHECK(process_alive(getpid(), inode) == PROCESS_UNSURE);
	CHILD_CHECK(process_alive(getpid(), start) == PROCESS_ALIVE);
	return 0;
}

static void kinds_are_not_mixed_up(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(kinds_act, 0), 0);
}

/* The count of fields begins behind the last parenthesis of the name. */
static int odd_name_act(void *data)
{
	(void)data;
	fault.pidfd_open = ENOSYS;
	uint64_t identity = process_identity(getpid());
	CHILD_CHECK(identity & START_KIND);
	CHILD_CHECK(!prctl(PR_SET_NAME, "a) S 1 2 (b c"));
	CHILD_CHECK(process_identity(getpid()) == identity);
	CHILD_CHECK(!prctl(PR_SET_NAME, ") 1 1 1 1 1 ("));
	CHILD_CHECK(process_identity(getpid()) == identity);
	return 0;
}

static void odd_names(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(odd_name_act, 0), 0);
}

static void *thread_main(void *data)
{
	*(pid_t *)data = (pid_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return 0;
}

/* A reused number may be a thread's: that is no process. */
static int thread_act(void *data)
{
	pthread_t thread;
	pid_t volatile tid = 0;
	(void)data;

	CHILD_CHECK(!pthread_create(&thread, 0, thread_main, (void *)(uintptr_t)&tid));
	while (!tid)
		sched_yield();
	CHILD_CHECK(!process_identity(tid));
	CHILD_CHECK(process_alive(tid, 12345) == PROCESS_GONE);
	CHILD_CHECK(process_signal(tid, 12345, SIGKILL) == 0);
	CHILD_CHECK(process_signal(tid, 0, SIGKILL) == 0);
	return 0;
}

static void threads_are_nobody(void **state)
{
	(void)state;

	if (!world_has_pidfd())
		skip();
	assert_int_equal(scratch_child(thread_act, 0), 0);
}

/* ---------------------------------------------------------------------------- reused pids */

/* Makes the next child of this pid namespace get that number. */
static int next_pid(pid_t pid)
{
	char text[24];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	int len = snprintf(text, sizeof text, "%ld", (long)pid - 1);
	int r = write(fd, text, (size_t)len) == len;
	close(fd);
	return r;
}

static void one_tick(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec < 25000000L);
}

static int reuse_act(void *data)
{
	int gate;

	fault.pidfd_open = *(int *)data;
	pid_t pid = world_child(&gate);
	uint64_t identity = process_identity(pid);
	CHILD_CHECK(process_alive(pid, identity) == PROCESS_ALIVE);
	world_end(pid, gate);
	one_tick();
	CHILD_CHECK(next_pid(pid));
	CHILD_CHECK(world_child(&gate) == pid);
	CHILD_CHECK(process_identity(pid) && process_identity(pid) != identity);
	CHILD_CHECK(process_alive(pid, identity) == PROCESS_GONE);
	CHILD_CHECK(process_alive(pid, 0) == PROCESS_UNSURE);
	/* and it is not hit */
	CHILD_CHECK(process_signal(pid, identity, SIGKILL) == 0);
	CHILD_CHECK(waitpid(pid, 0, WNOHANG) == 0);
	CHILD_CHECK(process_signal(pid, process_identity(pid), SIGKILL) == 1);
	int w;
	CHILD_CHECK(waitpid(pid, &w, 0) == pid && WIFSIGNALED(w));
	close(gate);
	return 0;
}

static void reused_pids(void **state)
{
	int errors[] = { 0, ENOSYS };
	(void)state;

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		int r = world_namespace(reuse_act, errors + i, 1);
		if (r == -2)
			skip();
		assert_int_equal(r, 0);
	}
}

/* --------------------------------------------------------------------- another's /proc */

static int stop_at_once(pid_t pid, void *data)
{
	(void)pid;
	(void)data;
	return 1;
}

/* In a pid namespace whose /proc is not mounted, the numbers in /proc are other processes'. */
static int foreign_proc_act(void *data)
{
	int gate;
	pid_t pid = world_child(&gate);
	(void)data;

	CHILD_CHECK(process_children(stop_at_once, 0) == -1 && errno == ENOENT);
	CHILD_CHECK(process_has_env(pid, "PATH", "/bin") == -1);
	CHILD_CHECK(!(process_identity(pid) & START_KIND));
	fault.pidfd_open = ENOSYS;
	CHILD_CHECK(!process_identity(pid));
	CHILD_CHECK(process_alive(pid, START_KIND | 5) == PROCESS_UNSURE);
	world_end(pid, gate);
	return 0;
}

static void a_foreign_proc_is_not_believed(void **state)
{
	(void)state;

	int r = world_namespace(foreign_proc_act, 0, 0);
	if (r == -2)
		skip();
	assert_int_equal(r, 0);
}

/* -------------------------------------------------------------------------------- signals */

static int signal_act(void *data)
{
	int gate, w;
	pid_t pid = world_child(&gate);

	if (data)
		fault.pidfd_open = *(int *)data;
	uint64_t identity = process_identity(pid);
	CHILD_CHECK(process_signal(pid, identity, 0) == 1);
	CHILD_CHECK(process_signal(pid, identity ^ 2, SIGKILL) == 0);
	CHILD_CHECK(waitpid(pid, &w, WNOHANG) == 0);
	CHILD_CHECK(process_signal(pid, identity, SIGUSR1) == 1);
	CHILD_CHECK(waitpid(pid, &w, 0) == pid);
	CHILD_CHECK(WIFSIGNALED(w) && WTERMSIG(w) == SIGUSR1);
	CHILD_CHECK(process_signal(pid, identity, SIGKILL) == 0);
	CHILD_CHECK(process_signal(pid, 0, SIGKILL) == 0);
	close(gate);

	/* unknown identity: whoever has the pid */
	pid = world_child(&gate);
	CHILD_CHECK(process_signal(pid, 0, SIGUSR2) == 1);
	CHILD_CHECK(waitpid(pid, &w, 0) == pid && WTERMSIG(w) == SIGUSR2);
	close(gate);
	CHILD_CHECK(process_signal(0, 0, 0) == -1 && errno == EINVAL);
	CHILD_CHECK(process_signal(-1, 0, 0) == -1 && errno == EINVAL);
	CHILD_CHECK(process_signal(getpid(), 0, 12345) == -1 && errno == EINVAL);
	return 0;
}

static int no_send_act(void *data)
{
	fault.pidfd_send_signal = ENOSYS;
	return signal_act(data);
}

static int refused_act(void *data)
{
	int gate;
	pid_t pid = world_child(&gate);

	(void)data;
	fault.pidfd_send_signal = EPERM;
	CHILD_CHECK(process_signal(pid, 0, SIGKILL) == -1 && errno == EPERM);
	CHILD_CHECK(waitpid(pid, 0, WNOHANG) == 0);
	world_end(pid, gate);
	/* no descriptor is lost on any way out */
	int before = dup(0), after;
	fault.pidfd_send_signal = 0;
	process_signal(getpid(), 0, 0);
	process_signal(getpid(), 77, 0);
	process_identity(getpid());
	process_alive(getpid(), 77);
	process_has_env(getpid(), "A", "B");
	close(before);
	after = dup(0);
	CHILD_CHECK(before == after);
	return 0;
}

static void signals(void **state)
{
	int error = EPERM;
	(void)state;

	assert_int_equal(scratch_child(signal_act, 0), 0);
	assert_int_equal(scratch_child(signal_act, &error), 0);
	assert_int_equal(scratch_child(no_send_act, 0), 0);
	if (world_has_pidfd())
		assert_int_equal(scratch_child(refused_act, 0), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(identities),
		cmocka_unit_test(failures_that_pass),
		cmocka_unit_test(kinds_are_not_mixed_up),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(threads_are_nobody),
		cmocka_unit_test(reused_pids),
		cmocka_unit_test(a_foreign_proc_is_not_believed),
		cmocka_unit_test(signals),
	};
	return cmocka_run_group_tests_name("process", tests, 0, 0);
}
