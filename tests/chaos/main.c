/* make chaos: never two, never lost, whoever is killed. See chaos.h.
 *
 * CHAOS_TIME: seconds (60). CHAOS_SEED: as it was printed; what everybody decides is the same then,
 * what the machine makes of it is not. */
#include "chaos.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"

struct chaos *chaos;
uint64_t chaos_seed;
static pid_t clients[CLIENTS];
static int client_failed;
static char const *names[SERVICES_MAX + 1];

void chaos_fail(void)
{
	timeline_tell();
	tree_messages();
	fail_msg("CHAOS_SEED=%llu: %s", (unsigned long long)chaos_seed, timeline_complaint());
}

void chaos_turn(uint64_t nanoseconds)
{
	uint64_t until = clock_boottime() + nanoseconds;

	while (tree_poll(0, 0, until) >= 0)
		;
	if (client_failed && !timeline_complaint())
		timeline_object(TREE, "a client ended badly: %#x", (unsigned int)client_failed);
	if (timeline_complaint())
		chaos_fail();
}

/* ------------------------------------------------------------------------------- clients */

static void client_ended(pid_t pid, int wstat)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i] == pid) {
			clients[i] = 0;
			client_failed |= wstat;
		}
}

static void start_clients(void)
{
	for (unsigned int i = 0; i < CLIENTS; i++) {
		uint64_t seed = chance_pass_on();
		fflush(NULL);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			snprintf(timeline_who, sizeof timeline_who, "client %u", i);
			chance_seed(seed, i);
			client_live(i);
		}
		clients[i] = pid;
	}
}

static void end_clients(void)
{
	uint64_t limit = tree_patience();

	for (int i = 0; i < CLIENTS;) {
		if (!clients[i]) {
			i++;
			continue;
		}
		chaos_turn(10 * CLOCK_MILLISEC);
		if (clock_boottime() > limit)
			CHAOS_FAIL(TREE, "client %d does not end", i);
	}
}

static void run_phase(uint64_t until)
{
	timeline_note(TREE, "a phase begins");
	atomic_store(&chaos->working, 1);
	start_clients();
	monkey_live(until);
	atomic_store(&chaos->working, 0);
	timeline_note(TREE, "the clients shall end");
	monkey_rest();
	end_clients();
	rest();
}

/* ------------------------------------------------------------------------------ the end */

/* Each logger that lived in the end saw the end of its input. */
static void read_ends(void)
{
	static char last[SERVICES_MAX];
	FILE *f = fopen(tree_name("journal"), "re");
	char name[32], kind;
	int pid;
	unsigned long long when;

	while (f && fscanf(f, "%31s %c %d %llu\n", name, &kind, &pid, &when) == 4)
		for (int i = 0; i < service_count; i++)
			if (services[i].kind->flags & LOGGED && !strcmp(name, services[i].log.name))
				last[i] = kind;
	if (f)
		fclose(f);
	for (int i = 0; i < service_count; i++)
		if (last[i] && last[i] != '$')
			CHAOS_FAIL(i, "its last logger did not see the end of its input");
}

/* Nobody is left below us. What a service keeps on purpose (LINGERS) ends by itself, after a
 * second. */
static void wait_for_the_last(void)
{
	uint64_t limit = clock_boottime() + 3 * CLOCK_SECOND;
	char what[200];

	while (leaks_any(what, sizeof what)) {
		if (clock_boottime() > limit)
			CHAOS_FAIL(TREE, "the tree has ended, and %s", what);
		chaos_turn(10 * CLOCK_MILLISEC);
	}
}

static uint64_t end_tree(void)
{
	uint64_t lines = 0;

	timeline_note(TREE, "the tree stops");
	monkey_live_on();
	int w = tree_end(monkey_cinit);
	if (w)
		CHAOS_FAIL(TREE, "cinit ended with %#x", (unsigned int)w);
	wait_for_the_last();
	for (int i = 0; i < service_count; i++) {
		char const *e =
			services[i].kind->flags & LOGGED ? logbook_close(&services[i].book) : NULL;
		if (e)
			CHAOS_FAIL(i, "%s", e);
		lines += services[i].book.lines;
	}
	read_ends();
	return lines;
}

static void figures(uint64_t seconds, unsigned int rests, uint64_t lines)
{
	unsigned int most = 0;

	for (int i = 0; i < service_count; i++)
		most = services[i].most > most ? services[i].most : most;
	print_message(
		"# %d services, %llu s, %u rests; longest until all was as ordered: %llu ms\n",
		service_count, (unsigned long long)seconds, rests,
		(unsigned long long)(rest_longest / CLOCK_MILLISEC));
	print_message("# killed or ended: %u supervisors, %u services, %u loggers, %u scripts and "
		      "checks, %u cinits; %u times service, logger and supervisor at once\n",
		bites.supervisors, bites.services, bites.loggers, bites.others, bites.cinits,
		bites.all);
	print_message("# %u supervisors told to exit, %u processes stopped for a while, %u "
		      "supervisors executed anew, %u upgrades\n",
		bites.terms, bites.stops, bites.execs, bites.upgrades);
	print_message("# %u commands (%u refused, %u with unknown outcome), %u looks; %llu log "
		      "lines; most descriptors: cinit %u, supervisor %u\n",
		chaos->commands, chaos->refused, chaos->unknown, chaos->looks,
		(unsigned long long)lines, leaks_most_cinit, most);
}

static void never_two_never_lost(void **state)
{
	char const *given = getenv("CHAOS_TIME");
	uint64_t seconds = given && *given ? strtoull(given, NULL, 10) : 60;
	uint64_t begin = clock_boottime(), end = begin + seconds * CLOCK_SECOND;
	unsigned int rests = 0;

	(void)state;
	alarm((unsigned int)seconds + 120);
	chaos = shared_memory(sizeof *chaos);
	chance_seed(chaos_seed, 1000);
	kinds_make();
	for (int i = 0; i < service_count; i++)
		names[i] = services[i].kind->name;
	names[TREE] = "tree";
	timeline_begin(names, service_count);
	tree.orphan = client_ended;
	monkey_boot();
	rest();
	do {
		run_phase(clock_boottime() + CLOCK_SECOND + chance_below(4 * CLOCK_SECOND));
		rests++;
	} while (clock_boottime() < end);
	uint64_t lines = end_tree();
	figures((clock_boottime() - begin) / CLOCK_SECOND, rests, lines);
}

static int setup(void **state)
{
	char const *given = getenv("CHAOS_SEED");

	chaos_seed = given && *given ? strtoull(given, NULL, 10) : cinit_ipc_id() >> 40;
	print_message("# CHAOS_SEED=%llu\n", (unsigned long long)chaos_seed);
	return tree_setup(state);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup_teardown(never_two_never_lost, setup, tree_teardown),
	};
	return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
