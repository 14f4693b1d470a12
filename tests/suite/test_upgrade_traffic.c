/* svctl upgrade again and again, while clients send and wait, services write to their loggers, and
 * while supervisors are killed. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"

enum { TALKERS = 3, OBEYERS = 3, SENDERS = 4, ROUNDS = 20, KILLED = 8 };

/* A service that is executed a second time says so. */
#define ONCE "mkdir $TREE/ran.$CINIT_SERVICE || say twice; "

/* Shared with the clients: told to end; what they did. */
struct book {
	_Atomic int over;
	_Atomic unsigned int sent, probed;
};

static struct book *book;
static _Noreturn void client_fails(char const *what, char const *name, int detail)
{
	fprintf(stderr, "client: %s: %s: %d\n", name, what, detail);
	_exit(1);
}

/* One command, sent once: it is to be answered by the very supervisor that it was sent to, as far
 * as a client can tell. */
static void command(int run, char const *name, int letter)
{
	struct cinit_client c = { .base = run, .path = name, .in = -1, .out = -1 };
	struct message m = { .command = (uint8_t)letter };
	uint64_t deadline = clock_boottime() + 60 * CLOCK_SECOND;
	struct status s;
	struct status_ring r;
	uint32_t incarnation = 0;

	for (;;) {
		enum status_error e = cinit_ipc_watch(&c, &s, &r);
		if (e != STATUS_OK)
			client_fails("no record", name, (int)e);
		if (!m.id) {
			m.id = cinit_ipc_id_after(s.acknowledged);
			incarnation = s.incarnation;
			enum cinit_sent sent = cinit_ipc_send(&c, &m);
			if (sent != CINIT_SENT)
				client_fails("not sent", name, (int)sent);
		}
		if (s.incarnation != incarnation)
			client_fails("another supervisor", name, (int)s.incarnation);
		int slot = status_answer(&r, m.id);
		if (slot >= 0 && r.result[slot] == RESULT_REFUSED)
			client_fails("refused", name, r.why[slot]);
		if (slot >= 0)
			break;
		struct pollfd p = { .fd = c.out };
		if (clock_poll(&p, 1, deadline) <= 0)
			client_fails("no answer", name, 0);
	}
	cinit_ipc_release(&c);
	book->sent++;
}

static _Noreturn void sender(unsigned int seed)
{
	static char const letters[] = "urdhu";
	int run = open(tree.run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (!book->over) {
		char name[16];
		seed = seed * 1103515245u + 12345u;
		snprintf(name, sizeof name, "obey%u", (seed >> 16) % OBEYERS);
		command(run, name, letters[(seed >> 20) % 5]);
	}
	_exit(0);
}

/* Everybody is to be reached at any time. */
static _Noreturn void prober(void)
{
	int run = open(tree.run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (!book->over) {
		for (int n = -1; n < OBEYERS; n++) {
			char name[16];
			snprintf(name, sizeof name, n < 0 ? ".cinit" : "obey%d", n);
			enum cinit_sent sent = cinit_ipc_probe(run, name);
			if (sent != CINIT_SENT)
				client_fails("not reached", name, (int)sent);
			book->probed++;
		}
		poll(NULL, 0, 1);
	}
	_exit(0);
}

static pid_t client(unsigned int n)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGPIPE, SIG_IGN);
		if (n)
			sender(n);
		prober();
	}
	return pid;
}

static void end_client(pid_t pid)
{
	int w;

	while (waitpid(pid, &w, 0) < 0 && errno == EINTR)
		;
	assert_int_equal(w, 0);
}

/* 1, 2, 3 and so on, and nothing else. How many. */
static unsigned long lines_in_order(char const *name)
{
	unsigned long n = 0, line;
	FILE *f = fopen(tree_name("%s", name), "re");

	assert_non_null(f);
	while (fscanf(f, "%lu", &line) == 1)
		assert_int_equal(line, ++n);
	assert_true(feof(f));
	fclose(f);
	return n;
}

static unsigned long all_lines(void)
{
	unsigned long lines = 0;
	char name[32];

	for (int n = 0; n < TALKERS; n++) {
		snprintf(name, sizeof name, "log.talk%d", n);
		unsigned long some = lines_in_order(name);
		assert_true(some > 0);
		lines += some;
	}
	return lines;
}

static void begin(void)
{
	book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(book != MAP_FAILED);
	memset(book, 0, sizeof *book);
}

static void nobody_notices(void **state)
{
	struct place talk[TALKERS], obey, late = init_service("late");
	uint32_t run[TALKERS];
	pid_t clients[SENDERS + 1];
	char name[32];

	(void)state;
	begin();
	for (int n = 0; n < TALKERS; n++) {
		snprintf(name, sizeof name, "talk%d", n);
		talk[n] = place_make(name);
		place_script(&talk[n], "run",
			ONCE "i=0; while i=$((i + 1)); do echo $i; sleep 0.01; done");
		place_script(&talk[n], "log/run", "exec cat >>$TREE/log.${CINIT_SERVICE%/log}");
	}
	for (int n = 0; n < OBEYERS; n++) {
		snprintf(name, sizeof name, "obey%d", n);
		obey = init_service(name);
		place_write(&obey, "control/h", "");
		place_script(&obey, "control/h", "exit 0");
	}
	pid_t pid = init_start_copy(0, NULL);
	for (int n = 0; n < TALKERS; n++) {
		UNTIL(&talk[n], s->state == STATE_UP);
		run[n] = talk[n].s.pid;
	}
	for (int n = 0; n < OBEYERS; n++) {
		snprintf(name, sizeof name, "obey%d", n);
		obey = place_at(name, tree_name("run/%s", name));
		UNTIL(&obey, s->state == STATE_UP);
	}
	UNTIL(&late, s->state == STATE_UP);
	for (unsigned int n = 0; n <= SENDERS; n++)
		clients[n] = client(n);
	char const *const wait[] = { "svctl", "wait", "down", "late", NULL };
	pid_t waiter = tree_start("waiter", wait);
	for (int n = 0; n < ROUNDS; n++) {
		init_install();
		init_upgrade();
	}
	book->over = 1;
	for (unsigned int n = 0; n <= SENDERS; n++)
		end_client(clients[n]);
	assert_false(tree_ended(waiter));
	assert_int_equal(place_command(&late, 'd'), RESULT_DONE);
	assert_int_equal(tree_end(waiter), 0);
	for (int n = 0; n < TALKERS; n++) {
		place_look(&talk[n]);
		assert_int_equal(talk[n].s.pid, run[n]);
		assert_int_equal(talk[n].s.starts, 1);
	}
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_string_equal(tree_read("cinit.err"), "");
	print_message("%d upgrades: %u commands, %u probes, %lu lines\n", ROUNDS, book->sent,
		book->probed, all_lines());
}

static void supervisors_that_are_killed_meanwhile_are_replaced(void **state)
{
	struct place p[KILLED], cinit = place_at(".cinit", tree_name("run/.cinit"));
	uint32_t run[KILLED];
	unsigned int seed = 1;
	char name[16];

	(void)state;
	for (int n = 0; n < KILLED; n++) {
		snprintf(name, sizeof name, "s%d", n);
		p[n] = place_make(name);
		place_script(&p[n], "run", ONCE SLEEPS);
	}
	pid_t pid = init_start_copy(0, NULL);
	for (int n = 0; n < KILLED; n++) {
		UNTIL(&p[n], s->state == STATE_UP);
		run[n] = p[n].s.pid;
	}
	for (int n = 0; n < 3 * KILLED; n++) {
		init_install();
		uint64_t id = place_send(&cinit, COMMAND_UPGRADE);
		place_look(&p[n % KILLED]);
		/* before, in and after the exec of either */
		seed = seed * 1103515245u + 12345u;
		poll(NULL, 0, (int)(seed >> 16) % 16);
		if (p[n % KILLED].s.supervisor)
			kill((pid_t)p[n % KILLED].s.supervisor, SIGKILL);
		assert_int_equal(place_answer(&cinit, id, NULL), RESULT_DONE);
	}
	init_upgrade();
	for (int n = 0; n < KILLED; n++) {
		UNTIL(&p[n], s->state == STATE_UP && s->executed >= cinit.s.executed);
		assert_int_equal(p[n].s.pid, run[n]);
		assert_int_equal(p[n].s.starts, 1);
	}
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(nobody_notices),
		TREE_TEST(supervisors_that_are_killed_meanwhile_are_replaced),
	};
	return cmocka_run_group_tests_name("upgrade_traffic", tests, NULL, NULL);
}
