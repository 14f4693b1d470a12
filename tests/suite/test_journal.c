/* The proof of test_depend_random is worth something: journals that are in order pass, others do
 * not, and what is to become of services is worked out rightly. */
#include "tree.h"

#include <stdio.h>
#include <string.h>

#include "random_graph.h"

/* s00 <- s01 needs, s02 binds, s03 wants; s04 is a bundle of s01, which s05 needs; s06 is a oneshot
 * that s07 needs; s08 is ready by its exec, and s09 needs it. */
static struct graph small(void)
{
	struct graph g = { .node = { [4] = { .kind = NODE_BUNDLE },
				   [6] = { .kind = NODE_ONESHOT },
				   [8] = { .kind = NODE_EXEC } } };
	static struct {
		unsigned int from, to;
		enum edge_kind kind;
	} const edges[] = { { 1, 0, EDGE_NEEDS }, { 2, 0, EDGE_BINDS }, { 3, 0, EDGE_WANTS },
		{ 4, 1, EDGE_NEEDS }, { 5, 4, EDGE_NEEDS }, { 7, 6, EDGE_NEEDS },
		{ 9, 8, EDGE_NEEDS } };

	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		struct node *n = &g.node[edges[i].from];
		n->edge[n->edges].to = edges[i].to;
		n->edge[n->edges++].kind = edges[i].kind;
	}
	return g;
}

#define DB      "1 s00 start\n1.1 s00 ready\n"
#define WEB     "2 s01 start\n2.1 s01 ready\n"
#define BOUND   "2 s02 start\n2.1 s02 ready\n"
#define CRASHED "3 s00 crash\n"

static struct {
	char const *text, *wrong;
	unsigned int forgiven;
} const row[] = {
	{ "", 0, 0 },
	{ DB WEB, 0, 0 },
	{ DB WEB "3 s01 stop\n3.1 s01 gone\n3.2 s00 stop\n3.3 s00 gone\n", 0, 0 },
	{ "1 s01 start\n", "line 1: s01 starts without s00", 0 },
	{ "1 s00 start\n2 s01 start\n", "line 2: s01 starts without s00", 0 },
	{ DB "2 s00 stop\n3 s01 start\n", "line 4: s01 starts without s00", 0 },
	{ DB "2 s00 stop\n2.1 s00 gone\n3 s01 start\n", "line 5: s01 starts without s00", 0 },
	/* it may start without what it only wants */
	{ "1 s03 start\n", 0, 0 },
	/* dependents first */
	{ DB WEB "3 s00 stop\n", "line 5: s00 is told to go before s01", 0 },
	{ DB WEB "3 s01 stop\n3.1 s00 stop\n", "line 6: s00 is told to go before s01", 0 },
	{ DB "2 s01 start\n3 s00 stop\n", "line 4: s00 is told to go before s01", 0 },
	{ DB WEB "3 s01 crash\n3.1 s00 stop\n", 0, 0 },
	{ DB "2 s03 start\n2.1 s03 ready\n3 s00 stop\n", 0, 0 },
	/* crashes are forgiven for a moment */
	{ DB CRASHED "3.5 s01 start\n", 0, 1 },
	{ DB CRASHED "3.1 s00 start\n3.5 s01 start\n", 0, 1 },
	{ DB CRASHED "9 s01 start\n", "line 4: s01 starts without s00", 0 },
	{ DB CRASHED "3.1 s00 start\n3.2 s00 ready\n9 s01 start\n", 0, 0 },
	{ DB CRASHED "3.1 s00 start\n3.2 s00 stop\n3.5 s01 start\n",
		"line 6: s01 starts without s00", 0 },
	/* bound ones notice */
	{ DB BOUND CRASHED "3.1 s02 stop\n3.2 s02 gone\n", 0, 0 },
	{ DB BOUND CRASHED "3.1 s00 start\n3.2 s00 ready\n",
		"line 7: s02 is bound and has not noticed a crash of s00", 0 },
	{ DB WEB CRASHED "3.1 s00 start\n3.2 s00 ready\n", 0, 0 },
	/* through a bundle */
	{ DB WEB "3 s05 start\n", 0, 0 },
	{ DB "3 s05 start\n", "line 3: s05 starts without s01", 0 },
	{ DB WEB "3 s05 start\n4 s01 stop\n", "line 6: s01 is told to go before s05", 0 },
	/* a oneshot is up until off has ended */
	{ "1 s06 start\n1.1 s06 ready\n2 s07 start\n", 0, 0 },
	{ "1 s06 start\n2 s07 start\n", "line 2: s07 starts without s06", 0 },
	{ "1 s06 start\n1.1 s06 ready\n1.2 s06 stop\n1.3 s06 gone\n2 s06 start\n", 0, 0 },
	{ "1 s06 start\n1.1 s06 ready\n2 s06 start\n", "line 3: s06 starts beside s06", 0 },
	/* one that need not say that it is ready may be late to say that it starts */
	{ "1 s09 start\n1.5 s08 start\n1.5 s08 ready\n", 0, 0 },
	{ "1 s09 start\n4 s08 start\n", "line 1: s09 starts without s08", 0 },
	{ "1 s08 start\n1.1 s09 start\n1.2 s08 ready\n", 0, 0 },
	{ "1 s08 start\n1.1 s08 stop\n1.2 s09 start\n", "line 3: s09 starts without s08", 0 },
	/* twice */
	{ DB "2 s00 start\n", "line 3: s00 starts beside s00", 0 },
	{ DB "2 s00 stop\n3 s00 stop\n", "line 4: s00 stops and did not run: s00", 0 },
	/* what is no journal */
	{ "1 s00\n", "line 1: no such line", 0 },
	{ DB "2 s99 start\n", "line 3: no such line", 0 },
	{ "1 s00 begin\n", "line 1: no such line", 0 },
	{ "1 s00 start", "line 1: no such line", 0 },
};

static void journals(void **state)
{
	struct graph g = small();
	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		char wrong[200] = "";
		unsigned int forgiven = 0;
		int r = journal_check(&g, row[i].text, 2, &forgiven, wrong, sizeof wrong);
		if (r != (row[i].wrong ? -1 : 0) || strcmp(wrong, row[i].wrong ? row[i].wrong : ""))
			fail_msg("%s-- %d, `%s', not `%s'", row[i].text, r, wrong,
				row[i].wrong ? row[i].wrong : "");
		if (!r)
			assert_int_equal(forgiven, row[i].forgiven);
	}
}

static void ends(void **state)
{
	struct graph g = small();
	int asked[GRAPH_SIZE] = { 0 }, held[GRAPH_SIZE] = { 0 };
	enum node_end end[GRAPH_SIZE];
	(void)state;
	asked[5] = asked[2] = asked[3] = 1;
	graph_ends(&g, asked, held, end);
	for (unsigned int i = 0; i <= 5; i++)
		assert_int_equal(end[i], END_UP);
	assert_int_equal(end[6], END_DOWN);
	held[0] = 1;
	graph_ends(&g, asked, held, end);
	assert_int_equal(end[0], END_DOWN);
	assert_int_equal(end[1], END_WAITING);
	assert_int_equal(end[2], END_WAITING);
	assert_int_equal(end[3], END_UP);
	assert_int_equal(end[4], END_WAITING);
	assert_int_equal(end[5], END_WAITING);
	/* one whose need crashed may be up although that cannot come back */
	g.node[1].crash = 1;
	graph_ends(&g, asked, held, end);
	assert_int_equal(end[1], END_WAITING);
	assert_int_equal(end[4], END_WAITING_OR_UP);
	assert_int_equal(end[5], END_WAITING_OR_UP);
	assert_int_equal(end[2], END_WAITING);
}

/* The same seed is the same graph, without a cycle; another one is another. */
static void graphs(void **state)
{
	static struct graph a, b;
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		unsigned int edges = 0;
		graph_make(&a, seed);
		graph_make(&b, seed);
		assert_memory_equal(&a, &b, sizeof a);
		for (unsigned int i = 0; i < GRAPH_SIZE; i++) {
			edges += a.node[i].edges;
			if (a.node[i].kind == NODE_BUNDLE)
				assert_true(a.node[i].edges > 0);
			for (unsigned int k = 0; k < a.node[i].edges; k++) {
				assert_true(a.node[i].edge[k].to < i);
				for (unsigned int l = 0; l < k; l++)
					assert_int_not_equal(
						a.node[i].edge[k].to, a.node[i].edge[l].to);
			}
		}
		assert_in_range(edges, 20, 120);
		graph_make(&b, seed + 1);
		assert_memory_not_equal(a.node, b.node, sizeof a.node);
	}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(journals),
		cmocka_unit_test(ends),
		cmocka_unit_test(graphs),
	};
	return cmocka_run_group_tests_name("journal", tests, 0, 0);
}
