/* Service, logger and supervisor are killed at random, in any combination and any order: each line
 * that write(2) took reaches the file of a logger that moves data with splice(2) only, once and in
 * order (tests/helper/splicer.c).
 *
 * It goes in rounds, each with a tree of its own: cinit lets a supervisor that keeps dying wait
 * longer each time. CINIT_LOG_ROUNDS: how many (3). CINIT_LOG_SEED: as it was printed; each round
 * adds one. */
#include "init.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chance.h"
#include "clock.h"
#include "logbook.h"
#include "process.h"
#include "shared.h"

enum { SERVICES = 6, BITES = 20, SUPERVISORS = 4 /* killed, of a service in a round */ };
enum victim { SERVICE, LOGGER, SUPERVISOR, VICTIMS };

static uint64_t seed;
static struct {
	struct place service, log;
	struct witness *witness;
	struct logbook book;
	unsigned int supervisors; /* killed */
	pid_t last;               /* of them */
} one[SERVICES];
static unsigned long lines, kills[VICTIMS], ends;

static void link_helper(
	struct place const *p, char const *entry, char const *helper, char const *words)
{
	char program[256], params[40];

	snprintf(program, sizeof program, "%s/test/helper/%s", getenv("CINIT_BUILD"), helper);
	place_write(p, "backoff-max", "20");
	assert_int_equal(
		symlink(program, tree_name("%s/%s", p->dir + strlen(tree.path) + 1, entry)), 0);
	snprintf(params, sizeof params, "%s.params", entry);
	place_write(p, params, words);
}

/* One of them is ready by a line: there the supervisor is between service and logger. */
static void make(unsigned int n)
{
	char name[16], log[24], file[24];

	snprintf(name, sizeof name, "talk%u", n);
	snprintf(log, sizeof log, "%s/log", name);
	snprintf(file, sizeof file, "said.%u\n", n);
	one[n].service = place_make(name);
	one[n].log = place_make(log);
	one[n].supervisors = 0;
	one[n].witness = shared_witness(name);
	link_helper(&one[n].service, "run", "witness",
		n % 3 == 1 ? "talk\nworker\n"
		: n < 3    ? "talk\nfast\n"
			   : "talk\n");
	if (n % 3 == 2)
		place_write(&one[n].service, "ready-line", "is ready\n");
	link_helper(&one[n].log, "run", "splicer", file);
	file[strcspn(file, "\n")] = 0;
	logbook_open(&one[n].book, one[n].service.name, tree_name("%s", file), one[n].witness);
}

static void read_book(unsigned int n, char const *(*read)(struct logbook *b))
{
	char const *e = read(&one[n].book);

	if (!e)
		return;
	tree_messages();
	fail_msg("CINIT_LOG_SEED=%llu: %s", (unsigned long long)seed, e);
}

/* What its records say now, without waiting. */
static int victim_of(unsigned int n, enum victim v, struct status_child *who)
{
	struct place *p = v == LOGGER ? &one[n].log : &one[n].service;

	place_look(p);
	if (p->e != STATUS_OK)
		return 0;
	*who = p->s.child[ROLE_RUN];
	if (v == SUPERVISOR) {
		who->pid = p->s.supervisor;
		who->identity = p->s.supervisor_identity;
		if (one[n].supervisors == SUPERVISORS || (pid_t)who->pid == one[n].last)
			return 0;
	}
	return who->pid != 0;
}

/* Some of the three, one after the other, in any order. */
static void bite(unsigned int n)
{
	unsigned int which = 1 + (unsigned int)chance_below(7),
		     first = (unsigned int)chance_below(3);
	struct status_child who[VICTIMS];

	for (unsigned int v = 0; v < VICTIMS; v++)
		if (which & 1u << v && !victim_of(n, (enum victim)v, &who[v]))
			which &= ~(1u << v);
	for (unsigned int i = 0; i < VICTIMS; i++) {
		unsigned int v = (first + i) % VICTIMS;
		if (!(which & 1u << v) ||
			process_signal((pid_t)who[v].pid, who[v].identity, SIGKILL) != 1)
			continue;
		kills[v]++;
		if (v == SUPERVISOR) {
			one[n].supervisors++;
			one[n].last = (pid_t)who[v].pid;
		}
		if (chance_below(2))
			chance_pause(chance_below(500000));
	}
}

static void pass_time(uint64_t most)
{
	uint64_t until = clock_boottime() + chance_below(most);

	while (tree_poll(0, 0, until) >= 0)
		;
}

/* Everybody is there again, and something comes through. */
static void come_to_rest(unsigned int n)
{
	uint64_t deadline = tree_patience();

	UNTIL(&one[n].service, s->state == STATE_UP && s->supervisor != (uint32_t)one[n].last);
	UNTIL(&one[n].log, s->state == STATE_UP);
	uint64_t before = one[n].book.lines;
	while (one[n].book.lines == before) {
		tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC);
		read_book(n, logbook_read);
		if (clock_boottime() > deadline)
			place_fail(&one[n].service, "a line", __FILE__, __LINE__);
	}
}

/* The last of each service's loggers saw the end of its input (so did those whose service and
 * supervisor were dead at once), and nobody was there twice. */
static void check_journal(void)
{
	FILE *f = fopen(tree_name("journal"), "re");
	char name[32], kind, last[SERVICES] = { 0 };
	int pid;
	unsigned int n;
	unsigned long long when;

	assert_non_null(f);
	while (fscanf(f, "%31s %c %d %llu\n", name, &kind, &pid, &when) == 4) {
		if (kind == '!' || kind == '?')
			fail_msg("CINIT_LOG_SEED=%llu: %s %c %d", (unsigned long long)seed, name,
				kind, pid);
		if (strstr(name, "/log") && sscanf(name, "talk%u", &n) == 1 && n < SERVICES)
			last[n] = kind;
	}
	fclose(f);
	for (n = 0; n < SERVICES; n++)
		if (last[n] != '$')
			fail_msg("CINIT_LOG_SEED=%llu: talk%u/log did not see the end of its input",
				(unsigned long long)seed, n);
	ends += SERVICES;
}

static void a_round(void)
{
	memset(one, 0, sizeof one);
	tree_write("journal", 0666, "");
	for (unsigned int n = 0; n < SERVICES; n++)
		make(n);
	pid_t cinit = init_run(NULL);
	for (unsigned int n = 0; n < SERVICES; n++)
		come_to_rest(n);
	for (unsigned int i = 0; i < BITES * SERVICES; i++) {
		unsigned int n = (unsigned int)chance_below(SERVICES);
		bite(n);
		pass_time(25 * CLOCK_MILLISEC);
		read_book(n, logbook_read);
	}
	for (unsigned int n = 0; n < SERVICES; n++)
		come_to_rest(n);
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	for (unsigned int n = 0; n < SERVICES; n++) {
		read_book(n, logbook_close);
		lines += one[n].book.lines;
		munmap(one[n].witness, sizeof *one[n].witness);
	}
	check_journal();
}

static void every_line_once_and_in_order(void **state)
{
	char const *given = getenv("CINIT_LOG_SEED"), *rounds = getenv("CINIT_LOG_ROUNDS");

	seed = given ? strtoull(given, NULL, 10) : cinit_ipc_id() >> 40;
	for (unsigned long i = 0; i < (rounds ? strtoul(rounds, NULL, 10) : 3); i++, seed++) {
		if (i && (tree_teardown(state) || tree_setup(state)))
			fail_msg("unable to begin another round");
		print_message("# seed %llu\n", (unsigned long long)seed);
		chance_seed(seed, 0);
		a_round();
	}
	print_message("# %lu lines; killed: %lu services, %lu loggers, %lu supervisors; %lu ends "
		      "of input\n",
		lines, kills[SERVICE], kills[LOGGER], kills[SUPERVISOR], ends);
	assert_true(lines && kills[SERVICE] && kills[LOGGER] && kills[SUPERVISOR]);
}

/* cinit dies, too, at once with all but one of those who have the pipe open: that one is enough. */
static void one_is_enough(enum victim lives)
{
	struct place web = place_with("web", "echo one; say wrote; exec sleep 1000");
	struct place log = place_make("web/log");
	struct place tree_of = place_at(".cinit", tree_name("run/.cinit"));
	int go = tree_hold("go");

	place_script(&web, "log/run", "hold go; read -r line; say \"got $line\"; exec sleep 1000");
	pid_t cinit = init_run(NULL);
	event_is("wrote");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	kill(cinit, SIGSTOP);
	if (lives != SUPERVISOR)
		kill((pid_t)web.s.supervisor, SIGKILL);
	if (lives != LOGGER)
		kill((pid_t)log.s.pid, SIGKILL);
	if (lives != SERVICE)
		kill((pid_t)web.s.pid, SIGKILL);
	assert_int_equal(init_stop(cinit, SIGKILL), SIGKILL);
	cinit = init_run(NULL);
	UNTIL(&tree_of, s->state == STATE_UP && (pid_t)s->supervisor == cinit);
	UNTIL(&web, s->state == STATE_UP && s->starts == 1 + (lives != SERVICE));
	UNTIL(&log, s->state == STATE_UP && s->starts == 1 + (lives != LOGGER));
	/* the logger that was there, or the one that follows; one that was killed and has not
	 * noticed yet could still read */
	tree_pass(go);
	event_await("got one");
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
}

static void only_the_service_has_the_pipe(void **state)
{
	(void)state;
	one_is_enough(SERVICE);
}

static void only_the_logger_has_the_pipe(void **state)
{
	(void)state;
	one_is_enough(LOGGER);
}

static void only_the_supervisor_has_the_pipe(void **state)
{
	(void)state;
	one_is_enough(SUPERVISOR);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(every_line_once_and_in_order),
		TREE_TEST(only_the_service_has_the_pipe),
		TREE_TEST(only_the_logger_has_the_pipe),
		TREE_TEST(only_the_supervisor_has_the_pipe),
	};
	return cmocka_run_group_tests_name("log_killed", tests, NULL, NULL);
}
