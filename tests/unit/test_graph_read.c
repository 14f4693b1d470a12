/* The graph of services, read from a service directory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "graph.h"
#include "scratch.h"

static struct graph g;

static int setup(void **state)
{
	g = (struct graph)GRAPH_ZERO;
	return scratch_setup(state);
}

static int teardown(void **state)
{
	graph_free(&g);
	return scratch_teardown(state);
}

/* "web/needs/db": makes the directories and the last one's file. */
static void put(char const *path)
{
	char name[512];

	snprintf(name, sizeof name, "%s/%s", scratch_path, path);
	for (char *slash = name + strlen(scratch_path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(name, 0755) < 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
	if (path[strlen(path) - 1] != '/')
		scratch_text(path, "");
}

static void load(void)
{
	assert_int_equal(graph_scan(&g, scratch_path), 0);
	assert_int_equal(graph_load(&g), 0);
}

/* The names in the order of the nodes, and their edges: "a>b,~c d@". */
static void graph_is(char const *want)
{
	char text[2048] = "";
	size_t n = 0;

	for (uint32_t i = 0; i < g.count; i++) {
		n += (size_t)snprintf(
			text + n, sizeof text - n, "%s%s", i ? " " : "", g.node[i].name);
		for (struct graph_edge const *e = graph_out(&g, i); e < graph_out_end(&g, i); e++)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s",
				e == graph_out(&g, i) ? ">" : ",",
				e->kind == DEPENDENCY_WANTS   ? "~"
				: e->kind == DEPENDENCY_BINDS ? "="
							      : "",
				g.node[e->node].name);
	}
	assert_string_equal(text, want);
}

static void directories_are_services(void **state)
{
	(void)state;
	put("web/run");
	put("db/run");
	put("conf/wait");
	put(".hidden/run");
	put("README");
	assert_int_equal(symlink("db", scratch_name("alias")), 0);
	assert_int_equal(symlink("README", scratch_name("document")), 0);
	assert_int_equal(symlink("nowhere", scratch_name("broken")), 0);
	load();
	graph_is("alias db web");
}

static void all_kinds_are_read(void **state)
{
	(void)state;
	put("web/needs/db");
	put("web/wants/clock");
	put("web/binds/net");
	put("web/needs/.keep");
	put("db/needs/net");
	put("clock/run");
	put("net/run");
	load();
	graph_is("clock db>net net web>~clock,db,=net");
}

static void the_missing_come_last(void **state)
{
	(void)state;
	put("web/needs/nodb");
	put("zoo/wants/alpha");
	load();
	graph_is("web>nodb zoo>~alpha nodb alpha");
	assert_int_equal(g.node[2].origin, GRAPH_MISSING);
}

static void instances_have_what_their_templates_have(void **state)
{
	uint32_t n;
	(void)state;
	put("web/needs/db@1");
	put("db@/needs/disk@a");
	put("disk@/run");
	put("cache@/needs/db@1");
	put("cache@main/run");
	assert_int_equal(graph_scan(&g, scratch_path), 0);
	assert_int_equal(graph_add(&g, "cache@side", &n), 0);
	assert_int_equal(graph_load(&g), 0);
	graph_is("cache@>db@1 cache@main db@>disk@a disk@ web>db@1 cache@side>db@1 db@1>disk@a "
		 "disk@a");
	assert_int_equal(g.node[n].origin, GRAPH_INSTANCE);
}

static void a_template_may_need_an_instance_of_itself(void **state)
{
	(void)state;
	put("t@/needs/t@1");
	put("a/needs/t@2");
	load();
	graph_is("a>t@2 t@>t@1 t@2>t@1 t@1>t@1");
	assert_int_equal(graph_cycles(&g, GRAPH_NEEDS, NULL, NULL), 1);
}

static void a_bad_entry_is_told_and_the_others_are_read(void **state)
{
	(void)state;
	put("web/needs/conf");
	put("web/needs/db");
	put("db/needs/web");
	put("file/run");
	put("file/needs");
	load();
	graph_is("db>web file web");
	assert_null(g.node[0].error);
	assert_non_null(g.node[1].error);
	assert_string_equal(g.node[2].error, "needs/conf: is not a service's name");
}

static void a_service_directory_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(graph_scan(&g, scratch_name("nowhere")), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(graph_scan(&g, "/dev/null"), -1);
	assert_int_equal(errno, ENOTDIR);
}

static void an_empty_one_is_not(void **state)
{
	(void)state;
	load();
	assert_int_equal(g.count, 0);
	assert_int_equal(graph_cycles(&g, GRAPH_ALL, NULL, NULL), 0);
	assert_int_equal(graph_waves(&g, GRAPH_UP, NULL), 0);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double load_chain(unsigned int length)
{
	char path[64];
	double begin;

	for (unsigned int i = 0; i < length; i++) {
		snprintf(path, sizeof path, "c%06u/needs/c%06u", i, i + 1);
		put(path);
	}
	put("last/run");
	begin = seconds();
	load();
	assert_int_equal(graph_cycles(&g, GRAPH_ALL, NULL, NULL), 0);
	begin = seconds() - begin;
	assert_int_equal(g.count, length + 2);
	return begin;
}

/* Ten times as many take about ten times as long; a hundred times as long would be no line. */
static void time_is_linear(void **state)
{
	(void)state;
	double few = load_chain(200);
	graph_free(&g);
	double many = load_chain(2000);
	print_message("200: %.4f s, 2000: %.4f s\n", few, many);
	assert_true(many < 40 * (few + 0.001));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(directories_are_services),
		TEST(all_kinds_are_read),
		TEST(the_missing_come_last),
		TEST(instances_have_what_their_templates_have),
		TEST(a_template_may_need_an_instance_of_itself),
		TEST(a_bad_entry_is_told_and_the_others_are_read),
		TEST(a_service_directory_that_is_not_there_is_an_error),
		TEST(an_empty_one_is_not),
		TEST(time_is_linear),
	};
	return cmocka_run_group_tests_name("graph_read", tests, NULL, NULL);
}
