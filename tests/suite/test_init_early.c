/* A large tree that is told to stop when it has hardly begun: what has not been started is not
 * started any more, and what has been is stopped. */
#include "init.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SERVICES 1000
#define TRIES    5

static char const *name_of(int n)
{
	static char name[16];

	snprintf(name, sizeof name, "s%04d", n);
	return name;
}

/* The first of them ends it all: its supervisor's parent is cinit. */
#define ENDS                                                                                       \
	"while read -r what whose; do [ $what != PPid: ] || kill -TERM $whose; done "              \
	"</proc/$PPID/status; exec sleep 1000"

static void describe(void)
{
	tree_script("services/a/run", ENDS);
	for (int n = 0; n < SERVICES; n++)
		tree_write(tree_name("services/%s/run", name_of(n)) + strlen(tree.path) + 1, 0755,
			"#!/bin/sh\nexec sleep 1000\n");
}

/* How many supervisors have ever published, each of which says that its service is down. */
static int begun(void)
{
	int count = 0;

	for (int n = 0; n < SERVICES; n++) {
		if (access(tree_name("run/%s/status", name_of(n)), F_OK) < 0)
			continue;
		struct place p = place_at(name_of(n), tree_name("run/%s", name_of(n)));
		place_look(&p);
		assert_int_equal(p.e, STATUS_OK);
		assert_int_equal(p.s.supervisor, 0);
		assert_int_equal(p.s.pid, 0);
		cinit_ipc_release(&p.client);
		count++;
	}
	return count;
}

static void what_has_not_begun_does_not(void **state)
{
	int count = SERVICES;

	(void)state;
	describe();
	/* all may have begun where the signal takes too long to arrive; but not each time */
	for (int n = 0; n < TRIES && count == SERVICES; n++) {
		assert_int_equal(tree_end(init_start(NULL)), 0);
		count = begun();
		print_message("%d of %d had begun\n", count, SERVICES);
	}
	assert_true(count < SERVICES);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TREE_TEST(what_has_not_begun_does_not) };

	return cmocka_run_group_tests_name("init_early", tests, NULL, NULL);
}
