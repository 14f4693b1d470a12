/* Commands and deaths at random: of the service, of its workers, of its supervisor. Never two,
 * never lost, and it does what it was told last. $CINIT_TEST_SEED repeats a run. */
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define ROUNDS 100

/* It, a worker in its session and one in another, all behind the lock that the next one wants. */
#define RUN                                                                                        \
	"alone; sleep 1000 & ( setsid sleep 1000 & )\n"                                            \
	"trap 'kill $!; exit 0' TERM; say up; while :; do sleep 1000 & wait; done"

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void begin(void)
{
	char const *given = getenv("CINIT_TEST_SEED");
	seed = given ? (uint32_t)strtoul(given, 0, 10)
		     : (uint32_t)clock_boottime() ^ (uint32_t)getpid() << 16;
	print_message("seed %u\n", seed);
}

/* Everybody there is: for whoever reads why the test failed. */
static void show_all(void)
{
	char path[64], line[512], mark[64];
	for (int pid = 1; pid < 32768; pid++) {
		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			continue;
		snprintf(path, sizeof path, "/proc/%d/fd/9", pid);
		ssize_t l = readlink(path, mark, sizeof mark - 1);
		mark[l > 0 ? l : 0] = 0;
		print_message("%.*s marked %d; 9: %s\n", n < 60 ? (int)n : 60, line,
			process_has_env(pid, "CINIT_SERVICE", "web"), mark);
	}
	print_message("%s\n", tree_read("web.err"));
}

/* Goes on after at most that time. What scripts said is looked through. */
static void let_pass(uint32_t us)
{
	uint64_t until = clock_boottime() + us * UINT64_C(1000);
	char const *line;
	while (tree_poll(0, 0, until) >= 0)
		;
	while ((line = event_poll()))
		if (strcmp(line, "up") != 0 && strcmp(line, "finish") != 0) {
			show_all();
			fail_msg("a script said: %s", line);
		}
}

static void kill_something(struct place *p)
{
	place_look(p);
	if (p->e == STATUS_OK && p->s.child[ROLE_RUN].pid)
		kill((pid_t)p->s.child[ROLE_RUN].pid, random_below(2) ? SIGKILL : SIGTERM);
}

/* As somebody who does not wait: where nobody reads at the moment, nothing was said. */
static void say_letter(struct place *p, char letter)
{
	struct message m = { .command = (uint8_t)letter };
	cinit_ipc_unsend(&p->client);
	p->client.path = p->state;
	cinit_ipc_send(&p->client, &m);
	cinit_ipc_unsend(&p->client);
}

static void one_round(struct place *p)
{
	static char const letters[] = "uuudrrrotthy";
	switch (random_below(6)) {
	case 0:
		kill_something(p);
		break;
	case 1:
	case 2:
		place_kill_supervisor(p);
		break;
	default:
		say_letter(p, letters[random_below(sizeof letters - 1)]);
		break;
	}
	let_pass(random_below(3) ? random_below(5000) : random_below(60000));
}

/* Counts our children, and names them in what is shown when the count is wrong. */
static int count_child(pid_t pid, void *data)
{
	char path[64], what[128];
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, what, sizeof what - 1);
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		if (!what[i])
			what[i] = ' ';
	what[n > 0 ? n : 0] = 0;
	print_message("child %d of session %d: %s\n", (int)pid, (int)getsid(pid), what);
	(*(unsigned int *)data)++;
	return 0;
}

static void expect_order(struct place *p)
{
	int has_log = (p->s.flags & FLAG_HAS_LOG) != 0;
	unsigned int children = 0;
	/* it may have lived without a supervisor for a moment: two more to be sure of the last one
	 */
	place_command(p, 'u');
	UNTIL(p, s->state == STATE_UP);
	place_command(p, 'd');
	UNTIL(p, s->state == STATE_DOWN);
	let_pass(0);
	int fd = open(tree_name("alone"), O_RDWR | O_CLOEXEC);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		show_all();
		fail_msg("it is down, and something of it lives");
	}
	close(fd);
	process_children(count_child, &children);
	/* the supervisor, and a logger that is none of its children */
	assert_in_range(children, 1, has_log ? 2 : 1);
	place_send(p, 'x');
	assert_int_equal(tree_end(p->supervisor), 0);
	let_pass(0);
	children = 0;
	process_children(count_child, &children);
	assert_int_equal(children, 0);
}

static void torture(struct place *p)
{
	place_write(p, "timeout-kill", "500");
	place_write(p, "backoff-max", "20");
	place_supervise(p);
	for (int i = 0; i < ROUNDS; i++)
		one_round(p);
	expect_order(p);
}

static void a_service(void **state)
{
	struct place web = place_with("web", RUN);
	(void)state;
	begin();
	place_keep_exits(&web, 1);
	torture(&web);
}

static void with_finish_and_scripts(void **state)
{
	struct place web = place_with("web", RUN);
	(void)state;
	begin();
	place_keep_exits(&web, 1);
	place_script(&web, "finish", "alone; say finish");
	place_script(&web, "control/u", "alone");
	place_script(&web, "control/t", "exit 1");
	place_script(&web, "control/d", "exit 0");
	torture(&web);
}

static void with_a_logger(void **state)
{
	static struct place both[2];
	(void)state;
	begin();
	both[0] = place_with("web", RUN);
	both[1] = place_make("web/log");
	place_keep_exits(both, 2);
	place_script(&both[0], "log/run",
		"exec 8>>\"$TREE/alone-log\"; flock -n 8 || say two loggers; exec cat >/dev/null");
	torture(&both[0]);
}

/* Without a cinit that keeps exit codes. */
static void without_exit_codes(void **state)
{
	struct place web = place_with("web", RUN);
	(void)state;
	begin();
	place_script(&web, "finish", "alone; say finish");
	torture(&web);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_service),
		TREE_TEST(with_finish_and_scripts),
		TREE_TEST(with_a_logger),
		TREE_TEST(without_exit_codes),
	};
	return cmocka_run_group_tests_name("supervise_torture", tests, 0, 0);
}
