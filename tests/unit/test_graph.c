/* The graph of services, made by hand: names, edges, cycles and waves. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "graph.h"

static struct graph g;

static int setup(void **state)
{
	(void)state;
	g = (struct graph)GRAPH_ZERO;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	graph_free(&g);
	return 0;
}

static void own(char const *name)
{
	assert_int_equal(graph_own(&g, name), 0);
}

static struct dependency on(enum dependency_kind kind, char const *name)
{
	struct dependency d = { .kind = (uint8_t)kind };
	snprintf(d.name, sizeof d.name, "%s", name);
	return d;
}

/* "a: b c" makes a depend on b and c, which need not be there; wants are ~b, binds =b. */
static void depends(char const *line)
{
	struct dependency list[16];
	size_t count = 0;
	char copy[256], *rest;

	snprintf(copy, sizeof copy, "%s", line);
	char *self = strtok_r(copy, ": ", &rest);
	for (char *name; (name = strtok_r(NULL, " ", &rest)); count++)
		list[count] = *name == '~'   ? on(DEPENDENCY_WANTS, name + 1)
			      : *name == '=' ? on(DEPENDENCY_BINDS, name + 1)
					     : on(DEPENDENCY_NEEDS, name);
	assert_int_equal(graph_depend(&g, graph_find(&g, self), list, count), 0);
}

static void make(char const *const *lines)
{
	char name[64];

	for (char const *const *l = lines; *l; l++) {
		snprintf(name, sizeof name, "%.*s", (int)strcspn(*l, ":"), *l);
		own(name);
	}
	for (char const *const *l = lines; *l; l++)
		depends(*l);
	assert_int_equal(graph_close(&g), 0);
}
#define MAKE(...) make((char const *const[]){ __VA_ARGS__, NULL })

/* ------------------------------------------------------------------------------------- names */

static void names_are_found(void **state)
{
	char name[16];
	(void)state;
	assert_int_equal(graph_find(&g, "a"), GRAPH_NONE);
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "s%u", i);
		own(name);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "s%u", i);
		assert_int_equal(graph_find(&g, name), i);
	}
	assert_int_equal(graph_find(&g, "s"), GRAPH_NONE);
	assert_int_equal(graph_find(&g, "s1000"), GRAPH_NONE);
	assert_int_equal(graph_find(&g, ""), GRAPH_NONE);
}

static void what_is_not_there_becomes_a_node(void **state)
{
	uint32_t n;
	(void)state;
	MAKE("a: nowhere db@1 cache@1", "db@:");
	assert_int_equal(g.count, 5);
	assert_int_equal(g.node[graph_find(&g, "a")].origin, GRAPH_SERVICE);
	assert_int_equal(g.node[graph_find(&g, "db@")].origin, GRAPH_TEMPLATE);
	assert_int_equal(g.node[graph_find(&g, "db@1")].origin, GRAPH_INSTANCE);
	assert_int_equal(g.node[graph_find(&g, "nowhere")].origin, GRAPH_MISSING);
	assert_int_equal(g.node[graph_find(&g, "cache@1")].origin, GRAPH_MISSING);
	assert_int_equal(graph_add(&g, "a", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(graph_add(&g, "db@a@b", &n), 0);
	assert_int_equal(g.node[n].origin, GRAPH_INSTANCE);
}

static void directories_are_those_of_templates(void **state)
{
	char directory[256];
	uint32_t n;
	(void)state;
	MAKE("a: nowhere db@1@x", "db@:", "db@2:");
	assert_int_equal(graph_directory(&g, graph_find(&g, "a"), directory), 0);
	assert_string_equal(directory, "a");
	assert_int_equal(graph_directory(&g, graph_find(&g, "db@1@x"), directory), 0);
	assert_string_equal(directory, "db@");
	assert_int_equal(graph_directory(&g, graph_find(&g, "db@2"), directory), 0);
	assert_string_equal(directory, "db@2");
	assert_int_equal(graph_directory(&g, graph_find(&g, "db@"), directory), 0);
	assert_string_equal(directory, "db@");
	assert_int_equal(graph_directory(&g, graph_find(&g, "nowhere"), directory), -1);
	(void)n;
}

static void edges_have_two_ends(void **state)
{
	(void)state;
	MAKE("a: b ~c", "b: =c", "c:", "t@: c");
	uint32_t a = graph_find(&g, "a"), b = graph_find(&g, "b"), c = graph_find(&g, "c");
	assert_int_equal(graph_out_end(&g, a) - graph_out(&g, a), 2);
	assert_int_equal(graph_out(&g, a)[0].node, b);
	assert_int_equal(graph_out(&g, a)[0].kind, DEPENDENCY_NEEDS);
	assert_int_equal(graph_out(&g, a)[1].node, c);
	assert_int_equal(graph_out(&g, a)[1].kind, DEPENDENCY_WANTS);
	assert_int_equal(graph_out_end(&g, c) - graph_out(&g, c), 0);
	assert_int_equal(graph_in_end(&g, a) - graph_in(&g, a), 0);
	/* a template is no service that could need one */
	assert_int_equal(graph_in_end(&g, c) - graph_in(&g, c), 2);
	assert_int_equal(graph_in(&g, c)[0].node, a);
	assert_int_equal(graph_in(&g, c)[0].kind, DEPENDENCY_WANTS);
	assert_int_equal(graph_in(&g, c)[1].node, b);
	assert_int_equal(graph_in(&g, c)[1].kind, DEPENDENCY_BINDS);
}

/* ------------------------------------------------------------------------------------ cycles */

static char told[4096];
static unsigned int told_count;

static int tell(void *data, uint32_t const *path, size_t count)
{
	char *text = graph_cycle_text(&g, path, count);
	(void)data;
	assert_non_null(text);
	told_count++;
	if (strlen(told) + strlen(text) + 2 < sizeof told)
		strcat(strcat(told, text), "\n");
	free(text);
	return 0;
}

static void cycles_are(unsigned int kinds, long nodes, char const *text)
{
	told[0] = 0;
	told_count = 0;
	assert_int_equal(graph_cycles(&g, kinds, tell, NULL), nodes);
	assert_string_equal(told, text);
}

static void no_cycle_in_a_diamond(void **state)
{
	(void)state;
	MAKE("a: b c", "b: d", "c: d", "d:");
	cycles_are(GRAPH_ALL, 0, "");
}

static void a_need_on_itself_is_a_cycle(void **state)
{
	(void)state;
	MAKE("a: a b", "b:");
	cycles_are(GRAPH_NEEDS, 1, "a -> a\n");
	assert_true(g.node[0].cyclic);
	assert_false(g.node[1].cyclic);
}

static void each_cycle_is_told_once_by_its_first_name(void **state)
{
	(void)state;
	MAKE("x: c", "c: b", "b: a", "a: c", "p: q", "q: p", "z: x");
	cycles_are(GRAPH_NEEDS, 5, "a -> c -> b -> a\np -> q -> p\n");
	/* who waits for a cycle is in none */
	assert_false(g.node[graph_find(&g, "x")].cyclic);
	assert_false(g.node[graph_find(&g, "z")].cyclic);
	/* and asked again it says the same */
	cycles_are(GRAPH_NEEDS, 5, "a -> c -> b -> a\np -> q -> p\n");
}

static void kinds_count_as_asked(void **state)
{
	(void)state;
	MAKE("a: ~b", "b: a", "c: =d", "d: c");
	cycles_are(GRAPH_NEEDS, 2, "c -> d -> c\n");
	cycles_are(GRAPH_ALL, 4, "a -> b -> a\nc -> d -> c\n");
	cycles_are(1u << DEPENDENCY_WANTS, 0, "");
}

static void cycles_with_a_node_in_common_are_told_both(void **state)
{
	(void)state;
	MAKE("a: b", "b: a c", "c: b d", "d:");
	cycles_are(GRAPH_NEEDS, 3, "a -> b -> a\nb -> c -> b\n");
}

static void the_shortest_is_told(void **state)
{
	(void)state;
	MAKE("a: b", "b: c", "c: d a", "d: a");
	cycles_are(GRAPH_NEEDS, 4, "a -> b -> c -> a\na -> b -> c -> d -> a\n");
}

static void cycles_through_instances_are_found(void **state)
{
	(void)state;
	own("t@");
	own("a");
	depends("t@: a");
	depends("a: t@1");
	depends("t@1: a");
	assert_int_equal(graph_close(&g), 0);
	cycles_are(GRAPH_NEEDS, 2, "a -> t@1 -> a\n");
}

static void a_tangle_is_not_told_for_ever(void **state)
{
	struct dependency list[40];
	char name[16];
	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "s%02u", i);
		own(name);
		list[i] = on(DEPENDENCY_NEEDS, name);
	}
	/* all of the others need the first, and it needs them */
	assert_int_equal(graph_depend(&g, 0, list + 1, 39), 0);
	for (uint32_t i = 1; i < 40; i++)
		assert_int_equal(graph_depend(&g, i, list, 1), 0);
	assert_int_equal(graph_close(&g), 0);
	told[0] = 0;
	told_count = 0;
	assert_int_equal(graph_cycles(&g, GRAPH_NEEDS, tell, NULL), 40);
	assert_int_equal(told_count, GRAPH_CYCLES);
	assert_non_null(strstr(told, "s00 -> s01 -> s00\n"));
	assert_non_null(strstr(told, "s00 -> s02 -> s00\n"));
}

/* ------------------------------------------------------------------------------------- waves */

static uint32_t wave[16];

static void all_in(void)
{
	for (size_t i = 0; i < 16; i++)
		wave[i] = 1;
}

static void waves_go_up_and_down(void **state)
{
	(void)state;
	MAKE("a: b c", "b: d", "c: ~d", "d:", "e:");
	all_in();
	assert_int_equal(graph_waves(&g, GRAPH_UP, wave), 3);
	assert_memory_equal(wave, ((uint32_t[]){ 3, 2, 2, 1, 1 }), 5 * sizeof *wave);
	all_in();
	assert_int_equal(graph_waves(&g, GRAPH_DOWN, wave), 3);
	assert_memory_equal(wave, ((uint32_t[]){ 1, 2, 2, 3, 1 }), 5 * sizeof *wave);
}

static void waves_are_of_the_set_only(void **state)
{
	(void)state;
	MAKE("a: b", "b: c", "c: d", "d:");
	all_in();
	wave[1] = 0;
	assert_int_equal(graph_waves(&g, GRAPH_UP, wave), 2);
	assert_memory_equal(wave, ((uint32_t[]){ 1, 0, 2, 1 }), 4 * sizeof *wave);
	memset(wave, 0, sizeof wave);
	assert_int_equal(graph_waves(&g, GRAPH_UP, wave), 0);
}

static void a_cycle_and_what_waits_for_it_never_starts(void **state)
{
	(void)state;
	MAKE("a: b", "b: c", "c: b", "d:", "e: d");
	all_in();
	assert_int_equal(graph_waves(&g, GRAPH_UP, wave), 2);
	assert_memory_equal(wave, ((uint32_t[]){ GRAPH_NEVER, GRAPH_NEVER, GRAPH_NEVER, 1, 2 }),
		5 * sizeof *wave);
}

static void wants_in_cycles_are_loose(void **state)
{
	(void)state;
	/* b and c lead to each other, and a to them; d wants itself */
	MAKE("a: ~b", "b: c", "c: ~b ~d", "d: ~d", "e: ~a");
	assert_int_equal(graph_loosen(&g), 0);
	static unsigned char const loose[] = { 0, 0, 1, 0, 1, 0 };
	for (size_t i = 0; i < g.edges; i++)
		assert_int_equal(g.out[i].loose, loose[i]);
	assert_true(graph_in(&g, 1)[1].loose); /* c wants b */
	assert_false(graph_in(&g, 1)[0].loose);
	all_in();
	assert_int_equal(graph_waves(&g, GRAPH_UP, wave), 5);
	assert_memory_equal(wave, ((uint32_t[]){ 4, 3, 2, 1, 5 }), 5 * sizeof *wave);
	all_in();
	assert_int_equal(graph_waves(&g, GRAPH_DOWN, wave), 5);
	assert_memory_equal(wave, ((uint32_t[]){ 2, 3, 4, 5, 1 }), 5 * sizeof *wave);
}

/* ------------------------------------------------------------------------------------ length */

#define LONG 20000

/* s0 needs s1 needs s2 and so on; the last needs `back`, or nothing. */
static void chain(char const *back)
{
	char name[16];
	struct dependency d;

	for (unsigned int i = 0; i < LONG; i++) {
		snprintf(name, sizeof name, "s%05u", i);
		own(name);
	}
	for (uint32_t i = 0; i < LONG; i++) {
		d = on(DEPENDENCY_NEEDS, i + 1 < LONG ? g.node[i + 1].name : back ? back : "");
		assert_int_equal(graph_depend(&g, i, &d, i + 1 < LONG || back ? 1 : 0), 0);
	}
	assert_int_equal(graph_close(&g), 0);
}

static void long_chains_need_no_stack(void **state)
{
	struct rlimit old, small;
	uint32_t *in = malloc(LONG * sizeof *in);
	(void)state;
	getrlimit(RLIMIT_STACK, &old);
	small = old;
	small.rlim_cur = 256 * 1024;
	chain(NULL);
	setrlimit(RLIMIT_STACK, &small);
	assert_int_equal(graph_cycles(&g, GRAPH_ALL, NULL, NULL), 0);
	for (size_t i = 0; i < LONG; i++)
		in[i] = 1;
	assert_int_equal(graph_waves(&g, GRAPH_UP, in), LONG);
	assert_int_equal(in[0], LONG);
	setrlimit(RLIMIT_STACK, &old);
	free(in);
}

static void a_long_cycle_is_told_in_short(void **state)
{
	(void)state;
	chain("s00000");
	cycles_are(GRAPH_NEEDS, LONG,
		"s00000 -> s00001 -> s00002 -> s00003 -> s00004 -> s00005 -> s00006 -> s00007 -> "
		"s00008 -> s00009 -> (19989 more) -> s19999 -> s00000\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(names_are_found),
		TEST(what_is_not_there_becomes_a_node),
		TEST(directories_are_those_of_templates),
		TEST(edges_have_two_ends),
		TEST(no_cycle_in_a_diamond),
		TEST(a_need_on_itself_is_a_cycle),
		TEST(each_cycle_is_told_once_by_its_first_name),
		TEST(kinds_count_as_asked),
		TEST(cycles_with_a_node_in_common_are_told_both),
		TEST(the_shortest_is_told),
		TEST(cycles_through_instances_are_found),
		TEST(a_tangle_is_not_told_for_ever),
		TEST(waves_go_up_and_down),
		TEST(waves_are_of_the_set_only),
		TEST(a_cycle_and_what_waits_for_it_never_starts),
		TEST(wants_in_cycles_are_loose),
		TEST(long_chains_need_no_stack),
		TEST(a_long_cycle_is_told_in_short),
	};
	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
