/* The graph of services against a second opinion: cycles and waves of random graphs, compared with
 * what a slow search finds. $SEED gives the seed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph.h"

static struct graph g = GRAPH_ZERO;
static unsigned int told_count;

#define RANDOM 12 /* nodes */

static int reaches[RANDOM][RANDOM];

static struct dependency need(char const *name)
{
	struct dependency d = { .kind = DEPENDENCY_NEEDS };
	snprintf(d.name, sizeof d.name, "%s", name);
	return d;
}

static void close_reach(void)
{
	for (int k = 0; k < RANDOM; k++)
		for (int i = 0; i < RANDOM; i++)
			for (int j = 0; j < RANDOM; j++)
				reaches[i][j] |= reaches[i][k] && reaches[k][j];
}

static void random_graph(unsigned int *seed)
{
	struct dependency list[RANDOM];
	char name[8];
	int dense = 4 + rand_r(seed) % 30;

	memset(reaches, 0, sizeof reaches);
	for (int i = 0; i < RANDOM; i++) {
		snprintf(name, sizeof name, "%c", 'a' + i);
		assert_int_equal(graph_own(&g, name), 0);
	}
	for (int i = 0; i < RANDOM; i++) {
		size_t count = 0;
		for (int j = 0; j < RANDOM; j++) {
			if (rand_r(seed) % dense)
				continue;
			reaches[i][j] = 1;
			list[count++] = need(g.node[j].name);
		}
		assert_int_equal(graph_depend(&g, (uint32_t)i, list, count), 0);
	}
	assert_int_equal(graph_close(&g), 0);
	close_reach();
}

/* Is it a cycle, once round, that begins with the first of its names? */
static int examine(void *data, uint32_t const *path, size_t count)
{
	(void)data;
	for (size_t i = 0; i < count; i++) {
		struct graph_edge const *e = graph_out(&g, path[i]);
		while (e < graph_out_end(&g, path[i]) && e->node != path[(i + 1) % count])
			e++;
		assert_true(e < graph_out_end(&g, path[i]));
		assert_true(i == 0 || path[0] < path[i]);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(path[k], path[i]);
	}
	told_count++;
	return 0;
}

static void examine_waves(void)
{
	uint32_t w[RANDOM];
	for (int i = 0; i < RANDOM; i++)
		w[i] = 1;
	assert_true(graph_waves(&g, GRAPH_UP, w) >= 0);
	for (int i = 0; i < RANDOM; i++) {
		int never = reaches[i][i];
		uint32_t last = 0;
		for (int j = 0; j < RANDOM; j++)
			never |= reaches[i][j] && reaches[j][j];
		assert_int_equal(w[i] == GRAPH_NEVER, never);
		for (struct graph_edge const *e = graph_out(&g, (uint32_t)i);
			e < graph_out_end(&g, (uint32_t)i); e++)
			last = w[e->node] > last ? w[e->node] : last;
		if (!never)
			assert_int_equal(w[i], last + 1);
	}
}

static void random_graphs_agree_with_a_slow_search(void **state)
{
	char const *given = getenv("SEED");
	unsigned int seed =
		given ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)time(NULL);
	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 2000; round++) {
		random_graph(&seed);
		told_count = 0;
		long cyclic = graph_cycles(&g, GRAPH_NEEDS, examine, NULL);
		for (int i = 0; i < RANDOM; i++) {
			assert_int_equal(g.node[i].cyclic, reaches[i][i]);
			cyclic -= reaches[i][i];
		}
		assert_int_equal(cyclic, 0);
		examine_waves();
		graph_free(&g);
	}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(random_graphs_agree_with_a_slow_search),
	};
	return cmocka_run_group_tests_name("graph_random", tests, NULL, NULL);
}
