/* svctl and many services at once: the window of descriptors, and a price that does not grow with
 * their square. Their supervisor is one process that keeps the pairs of all of them. */
#include "svctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define MANY 300

struct kept {
	struct cinit_ipc ipc;
	struct status s;
	struct status_ring r;
};

static void obey(struct kept *k, struct message const *m)
{
	struct status_child *run = &k->s.child[ROLE_RUN];

	switch (m->command) {
	case 'd':
		k->s.want = WANT_DOWN;
		k->s.state = STATE_DOWN;
		k->s.flags = 0;
		run->pid = 0;
		break;
	case 'u':
	case 'r':
		k->s.want = WANT_UP;
		k->s.state = STATE_UP;
		k->s.flags = FLAG_READY;
		k->s.starts++;
		run->pid = 1000 + k->s.starts;
		run->phase = PHASE_STARTED;
		break;
	default:
		break;
	}
	k->s.since = k->s.started = clock_boottime();
	status_acknowledge(&k->s, &k->r, m->id, RESULT_DONE, WHY_NONE);
}

static int keep(struct kept *k, char const *path)
{
	if (mkdir(path, 0755) < 0)
		return -1;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || cinit_ipc_init(&k->ipc, dir, (gid_t)-1) < 0)
		return -1;
	k->s.supervisor = (uint32_t)getpid();
	k->s.supervisor_identity = process_identity(getpid());
	k->s.incarnation = 1;
	return cinit_ipc_publish(&k->ipc, &k->s, &k->r);
}

/* Serves for ever; does not return. Here no assertions may fail: this is a child. */
static void serve(unsigned int n, int ready)
{
	struct kept *all = calloc(n, sizeof *all);
	struct pollfd *p = calloc(n, sizeof *p);
	char path[TREE_PATH + 16];
	struct message m;

	umask(0);
	for (unsigned int i = 0; all && p && i < n; i++) {
		snprintf(path, sizeof path, "%s/s%05u", tree.run, i);
		if (keep(all + i, path) < 0)
			_exit(1);
		p[i] = (struct pollfd){ .fd = cinit_ipc_fd(&all[i].ipc), .events = POLLIN };
	}
	if (!all || !p || write(ready, "r", 1) != 1)
		_exit(1);
	close(ready);
	for (;;) {
		if (clock_poll(p, n, 0) < 0)
			_exit(1);
		for (unsigned int i = 0; i < n; i++) {
			int some = 0;
			while ((p[i].revents & POLLIN) && cinit_ipc_listen(&all[i].ipc, &m) > 0) {
				obey(all + i, &m);
				some = 1;
			}
			all[i].s.change += (unsigned int)some;
			if (some && cinit_ipc_publish(&all[i].ipc, &all[i].s, &all[i].r) < 0)
				_exit(1);
		}
	}
}

/* Before the tests, not in a set-up: that cannot skip. */
static int are_scarce(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max < 4 * MANY;
}

static int setup(void **state)
{
	struct rlimit limit;
	int pipes[2];
	char byte;

	if (tree_setup(state) < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0 || pipe(pipes) < 0)
		return -1;
	limit.rlim_cur = limit.rlim_max;
	pid_t pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_NOFILE, &limit);
		serve(MANY, pipes[1]);
	}
	close(pipes[1]);
	ssize_t n = pid < 0 ? -1 : read(pipes[0], &byte, 1);
	close(pipes[0]);
	return n == 1 ? 0 : -1;
}

static unsigned int count(char const *s, char const *what)
{
	unsigned int n = 0;
	for (; (s = strstr(s, what)); s++)
		n++;
	return n;
}

/* svctl under a hard limit of descriptors, so that it cannot raise it. */
static void under(unsigned int limit, char const *args)
{
	char line[256];
	snprintf(line, sizeof line, "ulimit -n %u; exec \"$CINIT_BUILD/svctl\" %s", limit, args);
	tree_run(&svctl_output, "/bin/sh", "-c", line, NULL);
}

static void all_of_them_within_the_limit(void **state)
{
	static unsigned int const limits[] = { 1024, 64, 24, 10 };
	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		under(limits[i], "-w 60 restart '*'");
		assert_string_equal(svctl_output.err, "");
		assert_int_equal(svctl_output.code, 0);
		assert_int_equal(count(svctl_output.out, "ok: run: s"), MANY);
		under(limits[i], "-w 60 stop '*'");
		assert_int_equal(svctl_output.code, 0);
		assert_int_equal(count(svctl_output.out, "ok: down: s"), MANY);
		under(limits[i], "list");
		assert_int_equal(svctl_output.code, 0);
		assert_int_equal(count(svctl_output.out, "\n"), MANY + 1);
	}
}

/* What does not fit waits its turn; a limit for all of them ends all of them. */
static void a_common_limit_ends_all(void **state)
{
	uint64_t before = clock_boottime();
	(void)state;
	under(64, "wait -t 1 up '*'");
	assert_int_equal(svctl_output.code, 102);
	assert_int_equal(count(svctl_output.out, "timeout: down: s"), MANY);
	assert_true(clock_boottime() - before < 10 * CLOCK_SECOND);
}

static void failures_are_counted_up_to_99(void **state)
{
	(void)state;
	under(1024, "status '*' >/dev/null");
	assert_int_equal(svctl_output.code, 0);
	under(1024, "-w 0 check '*'");
	assert_int_equal(svctl_output.code, 99);
	assert_int_equal(count(svctl_output.out, "fail: down: s"), MANY);
}

static void too_few_descriptors_are_said(void **state)
{
	(void)state;
	under(5, "up s00001");
	/* the reason in the words of this C library */
	assert_ptr_equal(
		strstr(svctl_output.out, "fail: s00001: unable to watch it: "), svctl_output.out);
	assert_string_equal(svctl_output.err, "");
	assert_int_equal(svctl_output.code, 1);
}

/* More than are woken at a time; their supervisors are real. */
#define WOKEN 40

static void all_of_them_come_back(void **state)
{
	char name[32];
	(void)state;
	for (unsigned int i = 0; i < WOKEN; i++) {
		snprintf(name, sizeof name, "services/w%02u/run", i);
		tree_script(name, "exec sleep 1000");
	}
	svctl_boot();
	tree_run(&svctl_output, "svctl", "wait", "-t", "60", "up", "*", NULL);
	assert_int_equal(svctl_output.code, 0);
	tree_run(&svctl_output, "svctl", "-w", "60", "shutdown", "*", NULL);
	assert_int_equal(svctl_output.code, 0);
	assert_int_equal(count(svctl_output.out, "supervisor not running\n"), WOKEN);
	under(64, "-w 60 start '*'");
	assert_int_equal(svctl_output.code, 0);
	assert_int_equal(count(svctl_output.out, "ok: run: w"), WOKEN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, tree_teardown)

/* --------------------------------------------------------------------------- a tree that boots */

/* Boots a tree when somebody watches it: until then it has no services. */
static void boot_late(int booting)
{
	static struct kept tree_, web;
	umask(0);
	if (keep(&tree_, tree_name("run/.cinit")) < 0)
		_exit(1);
	tree_.s.state = STATE_STARTING;
	tree_.s.change++;
	if (cinit_ipc_publish(&tree_.ipc, &tree_.s, &tree_.r) < 0)
		_exit(1);
	close(booting);
	/* opens when somebody else has it open for reading */
	if (open(tree_name("run/.cinit/out"), O_WRONLY) < 0 || keep(&web, tree_name("run/web")) < 0)
		_exit(1);
	tree_.s.state = STATE_UP;
	tree_.s.change++;
	if (cinit_ipc_publish(&tree_.ipc, &tree_.s, &tree_.r) < 0)
		_exit(1);
	pause();
	_exit(0);
}

static void a_tree_that_boots_is_waited_for(void **state)
{
	static char const *const first[][2] = { { "status", NULL }, { "status", "*" },
		{ "status", "web" } };
	int pipes[2];
	char byte;

	(void)state;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		assert_int_equal(pipe(pipes), 0);
		pid_t pid = fork();
		if (pid == 0) {
			close(pipes[0]);
			boot_late(pipes[1]);
		}
		close(pipes[1]);
		assert_int_equal(read(pipes[0], &byte, 1), 0);
		close(pipes[0]);
		SVCTL(0, "down: web: #s, normally up\n", first[i][0], first[i][1]);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		tree_run(&svctl_output, "/bin/rm", "-r", tree_name("run/.cinit"), NULL);
		tree_run(&svctl_output, "/bin/rm", "-r", tree_name("run/web"), NULL);
	}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(all_of_them_within_the_limit),
		TEST(a_common_limit_ends_all),
		TEST(failures_are_counted_up_to_99),
		TEST(too_few_descriptors_are_said),
		TREE_TEST(all_of_them_come_back),
		TREE_TEST(a_tree_that_boots_is_waited_for),
	};
	if (are_scarce()) {
		puts("1..0 # SKIP svctl_many: the hard limit of descriptors is too low for so many "
		     "services");
		return 0;
	}
	return cmocka_run_group_tests_name("svctl_many", tests, NULL, NULL);
}
