/* Processes: a process's own children, descriptors and surroundings. */
/* no valgrind: it refuses pidfd_open and raising RLIMIT_NOFILE */
/* wrap: syscall read open opendir fstatfs */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "process_world.h"
#include "scratch.h"

#define CHILDREN 500
#define FEW      40

/* ------------------------------------------------------------------------------- children */

struct crowd {
	pid_t pid[CHILDREN];
	unsigned char seen[CHILDREN];
	int strangers;
	int stop_after; /* 0: never */
};

static int note(pid_t pid, void *data)
{
	struct crowd *crowd = data;

	for (int i = 0; i < CHILDREN; i++) {
		if (crowd->pid[i] == pid) {
			crowd->seen[i]++;
			return crowd->stop_after && !--crowd->stop_after;
		}
	}
	crowd->strangers++;
	return 0;
}

static int all_once(struct crowd const *crowd, int n)
{
	for (int i = 0; i < n; i++) {
		if (crowd->seen[i] != 1)
			return 0;
	}
	return !crowd->strangers;
}

/* Hundreds are too many where each of them carries an emulator. */
static int crowd_size(void)
{
	char const *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload") ? FEW : CHILDREN;
}

struct children {
	struct process_fault fault;
	int count;
};

static int children_act(void *data)
{
	static struct crowd crowd;
	struct children *children = data;
	int p[2], n = children->count;
	char c;

	fault = children->fault;
	CHILD_CHECK(!process_children(note, &crowd));
	CHILD_CHECK(!pipe2(p, O_CLOEXEC));
	for (int i = 0; i < n; i++) {
		crowd.pid[i] = fork();
		if (!crowd.pid[i]) {
			close(p[1]);
			_exit(read(p[0], &c, 1) != 0);
		}
		CHILD_CHECK(crowd.pid[i] > 0);
	}
	CHILD_CHECK(process_children(note, &crowd) == n);
	CHILD_CHECK(all_once(&crowd, n));

	crowd.stop_after = 7;
	CHILD_CHECK(process_children(note, &crowd) == 7);
	memset(crowd.seen, 0, sizeof crowd.seen);

	/* ended, not reaped: still children */
	siginfo_t info;
	close(p[1]);
	for (int i = 0; i < n; i++)
		CHILD_CHECK(!waitid(P_PID, (id_t)crowd.pid[i], &info, WEXITED | WNOWAIT));
	CHILD_CHECK(process_children(note, &crowd) == n);
	CHILD_CHECK(all_once(&crowd, n));
	for (int i = 0; i < n; i++)
		CHILD_CHECK(waitpid(crowd.pid[i], 0, 0) == crowd.pid[i]);
	CHILD_CHECK(!process_children(note, &crowd));
	return 0;
}

static void children_are_listed(void **state)
{
	struct children plain = { .count = crowd_size() };
	struct children split = { .fault = { .chunk = 7 }, .count = FEW };
	struct children search = { .fault = { .no_file = "/proc/thread-self/children" },
		.count = FEW };
	(void)state;

	assert_int_equal(scratch_child(children_act, &plain), 0);
	/* numbers that arrive in two pieces */
	assert_int_equal(scratch_child(children_act, &split), 0);
	assert_int_equal(scratch_child(children_act, &search), 0);
}

static int no_proc_act(void *data)
{
	struct crowd crowd = { .strangers = 0 };

	(void)data;
	fault.no_proc = ENOENT;
	CHILD_CHECK(process_children(note, &crowd) == -1 && errno == ENOENT);
	fault.no_proc = EMFILE;
	CHILD_CHECK(process_children(note, &crowd) == -1 && errno == EMFILE);
	return 0;
}

static void no_children_without_proc(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(no_proc_act, 0), 0);
}

/* ---------------------------------------------------------------------------- environment */

static int env_act(void *data)
{
	static char big[9000];
	char *argv[] = { "cat", 0 };
	char *envp[] = { "CINIT_SERVICE=web", big, "EMPTY=", "XCINIT_SERVICE=other", "LAST=1", 0 };
	int in[2], gone[2];
	char c;

	fault.chunk = *(size_t *)data;
	memset(big, 'b', sizeof big - 1);
	memcpy(big, "BIG=", 4);
	CHILD_CHECK(!pipe2(in, O_CLOEXEC) && !pipe2(gone, O_CLOEXEC));
	pid_t pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		execve("/bin/cat", argv, envp);
		_exit(111);
	}
	close(gone[1]);
	CHILD_CHECK(read(gone[0], &c, 1) == 0); /* it has executed */
	CHILD_CHECK(process_has_env(pid, "CINIT_SERVICE", "web") == 1);
	CHILD_CHECK(process_has_env(pid, "CINIT_SERVICE", "we") == 0);
	CHILD_CHECK(process_has_env(pid, "CINIT_SERVICE", "web2") == 0);
	CHILD_CHECK(process_has_env(pid, "CINIT_SERVICE", "other") == 0);
	CHILD_CHECK(process_has_env(pid, "CINIT_SERVICE", "") == 0);
	CHILD_CHECK(process_has_env(pid, "INIT_SERVICE", "web") == 0);
	CHILD_CHECK(process_has_env(pid, "EMPTY", "") == 1);
	CHILD_CHECK(process_has_env(pid, "BIG", big + 4) == 1);
	CHILD_CHECK(process_has_env(pid, "LAST", "1") == 1);
	kill(pid, SIGKILL);
	CHILD_CHECK(waitpid(pid, 0, 0) == pid);
	CHILD_CHECK(process_has_env(pid, "LAST", "1") == -1);
	return 0;
}

static void environments(void **state)
{
	size_t chunks[] = { 0, 1, 7 };
	(void)state;

	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
		assert_int_equal(scratch_child(env_act, chunks + i), 0);
}

/* ---------------------------------------------------------------------------- descriptors */

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int soft_limit(rlim_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = n;
	return !setrlimit(RLIMIT_NOFILE, &limit);
}

static int close_act(void *data)
{
	static int const high[] = { 20, 21, 50, 63, 64, 65, 300, 899 };

	fault = *(struct process_fault *)data;
	CHILD_CHECK(soft_limit(900));
	for (int fd = 3; fd < 19; fd++)
		CHILD_CHECK(dup2(2, fd) == fd);
	for (size_t i = 0; i < sizeof high / sizeof *high; i++)
		CHILD_CHECK(dup2(2, high[i]) == high[i]);
	process_close_from(17);
	for (int fd = 0; fd < 17; fd++)
		CHILD_CHECK(is_open(fd) || fd < 2);
	for (int fd = 17; fd < 900; fd++)
		CHILD_CHECK(!is_open(fd));
	return 0;
}

/* Not one descriptor is left to read the list with. */
static int close_full_act(void *data)
{
	int fd;

	(void)data;
	fault.close_range = ENOSYS;
	CHILD_CHECK(soft_limit(64));
	do
		fd = dup(2);
	while (fd >= 0);
	/* one above the limit, which a loop up to the limit would leave */
	CHILD_CHECK(soft_limit(40));
	process_close_from(3);
	for (fd = 3; fd < 64; fd++)
		CHILD_CHECK(!is_open(fd));
	CHILD_CHECK(is_open(2));
	return 0;
}

static void descriptors_are_closed(void **state)
{
	struct process_fault plain = { .chunk = 0 }, listed = { .close_range = ENOSYS },
			     filtered = { .close_range = EPERM },
			     loop = { .close_range = ENOSYS, .no_proc = ENOENT };
	(void)state;

	assert_int_equal(scratch_child(close_act, &plain), 0);
	assert_int_equal(scratch_child(close_act, &listed), 0);
	assert_int_equal(scratch_child(close_act, &filtered), 0);
	assert_int_equal(scratch_child(close_act, &loop), 0);
	assert_int_equal(scratch_child(close_full_act, 0), 0);
}

/* --------------------------------------------------------------------------- surroundings */

static int boot_act(void *data)
{
	unsigned char id[16], zeros[16] = { 0 };
	char text[64] = "", hex[40];
	size_t n = 0;

	(void)data;
	memset(id, 7, sizeof id);
	process_boot_id(id);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	CHILD_CHECK(fd >= 0 && read(fd, text, sizeof text - 1) >= 36);
	for (int i = 0; i < 16; i++) {
		n += (size_t)snprintf(hex + n, sizeof hex - n, "%02x", id[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			n += (size_t)snprintf(hex + n, sizeof hex - n, "-");
	}
	CHILD_CHECK(!memcmp(hex, text, 36));
	fault.no_proc = ENOENT;
	process_boot_id(id);
	CHILD_CHECK(!memcmp(id, zeros, 16));
	/* half of it is nothing */
	fault.no_proc = 0;
	fault.chunk = 20;
	memset(id, 7, sizeof id);
	process_boot_id(id);
	CHILD_CHECK(!memcmp(id, zeros, 16));
	return 0;
}

static void boot_ids(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(boot_act, 0), 0);
}

static int reaper_act(void *data)
{
	int is = 0;

	(void)data;
	CHILD_CHECK(!process_subreaper());
	CHILD_CHECK(!prctl(PR_GET_CHILD_SUBREAPER, &is) && is == 1);
	return 0;
}

static void subreaper(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(reaper_act, 0), 0);
}

static int session_act(void *data)
{
	int gate;
	pid_t pid = world_child(&gate);

	(void)data;
	CHILD_CHECK(process_session(pid) == getsid(0));
	CHILD_CHECK(setsid() == getpid());
	CHILD_CHECK(process_session(getpid()) == getpid());
	world_end(pid, gate);
	CHILD_CHECK(process_session(pid) == -1 && errno == ESRCH);
	return 0;
}

static void sessions(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(session_act, 0), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(children_are_listed),
		cmocka_unit_test(no_children_without_proc),
		cmocka_unit_test(environments),
		cmocka_unit_test(descriptors_are_closed),
		cmocka_unit_test(boot_ids),
		cmocka_unit_test(subreaper),
		cmocka_unit_test(sessions),
	};
	return cmocka_run_group_tests_name("process_self", tests, 0, 0);
}
