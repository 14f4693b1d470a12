/* Random services under random commands of several clients: all is in order at every moment, and in
 * the end everything is as it was asked for.
 *
 * CINIT_GRAPHS says how many (6; `make check-graphs` does 300), CINIT_SEED the seed of the first;
 * the seed is part of a test's name, and one that failed is printed. */
#include "depend.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"
#include "random_graph.h"
#include "shared.h"

#define CLIENTS  4
#define COMMANDS "25" /* of each client */

static struct graph graph;
static struct place place[GRAPH_SIZE];

/* What was asked for, as far as clients were told. */
static struct {
	int asked[GRAPH_SIZE], held[GRAPH_SIZE], may_be_held[GRAPH_SIZE];
} model;

/* The longest that it took the machine to make a process and to tell of its end: how far apart in
 * the journal may be what happened at once. */
static uint64_t *pulse;

static void start_pulse(void)
{
	pulse = pulse ? pulse : shared_memory(sizeof *pulse);
	*pulse = 0;
	if (fork())
		return;
	for (;;) {
		uint64_t before = clock_boottime();
		pid_t pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, 0, 0);
		uint64_t took = clock_boottime() - before;
		*pulse = took > *pulse ? took : *pulse;
		clock_poll(0, 0, clock_boottime() + 10 * CLOCK_MILLISEC);
	}
}

/* ---------------------------------------------------------------------------------- set-up */

static void write_node(unsigned int i)
{
	static char const *const kinds[] = { "needs", "wants", "binds" };
	struct node const *n = &graph.node[i];
	char words[128];
	size_t len = 0;

	if (n->delay)
		len += (size_t)snprintf(words, sizeof words, " delay=%ld", n->delay);
	if (n->last)
		len += (size_t)snprintf(words + len, sizeof words - len, " last=%ld", n->last);
	if (n->crash)
		len += (size_t)snprintf(words + len, sizeof words - len, " crash=%ld", n->crash);
	if (n->kind == NODE_RUN)
		len += (size_t)snprintf(words + len, sizeof words - len, " fd=%u", 3 + i % 3);
	words[len] = 0;
	place[i] = n->kind == NODE_BUNDLE    ? member_bundle(graph_name(i))
		   : n->kind == NODE_ONESHOT ? member_oneshot(graph_name(i), words)
					     : member_make(graph_name(i), words);
	for (unsigned int k = 0; k < n->edges; k++)
		depend_on(&place[i], kinds[n->edge[k].kind], graph_name(n->edge[k].to), NULL);
	if (n->normally_down)
		place_write(&place[i], "down", "");
	place_write(&place[i], "backoff-max", "200");
	model.asked[i] = !n->normally_down;
}

/* --------------------------------------------------------------------------------- clients */

static pid_t start_client(unsigned int c, char const *kills)
{
	char program[256], seed[24], title[16], names[GRAPH_SIZE][8];
	char const *argv[8 + GRAPH_SIZE] = { program, seed, COMMANDS, kills };
	unsigned int n = 4;

	snprintf(program, sizeof program, "%s/test/helper/commander", getenv("CINIT_BUILD"));
	snprintf(seed, sizeof seed, "%llu", (unsigned long long)graph.seed * CLIENTS + c);
	snprintf(title, sizeof title, "client%u", c);
	/* each has its own: so what was said last to a service is known */
	for (unsigned int i = c; i < GRAPH_SIZE; i += CLIENTS) {
		memcpy(names[i], graph_name(i), 4);
		argv[n++] = names[i];
	}
	return tree_start(title, argv);
}

/* Takes what a client was told into the model. */
static void take_answers(unsigned int c)
{
	char file[16], name[8], verb[12], result[16];
	snprintf(file, sizeof file, "client%u.out", c);
	char const *p = tree_read(file);

	while (sscanf(p, "%7s %11s %15s", name, verb, result) == 3) {
		int i = graph_number(name, strlen(name)), down = verb[0] == 'd' || verb[0] == 'f';
		assert_true(i >= 0);
		if (!strcmp(result, "done")) {
			model.asked[i] = !down;
			model.may_be_held[i] = down;
		} else if (strcmp(result, "refused") != 0 || strcmp(verb, "down") != 0) {
			fail_msg("%s: %s %s", name, verb, result);
		}
		p += strcspn(p, "\n") + 1;
	}
}

/* ------------------------------------------------------------------------------------- ends */

static int is_at(unsigned int i, enum node_end end)
{
	struct status const *s = &place[i].s;

	switch (end) {
	case END_DOWN:
		return s->state == STATE_DOWN && s->want == WANT_DOWN;
	case END_WAITING:
		return s->state == STATE_WAITING && s->want == WANT_UP;
	case END_WAITING_OR_UP:
		return (s->state == STATE_WAITING || s->state == STATE_UP) && s->want == WANT_UP;
	case END_UP:
		return s->state == STATE_UP && s->want == WANT_UP && (s->flags & FLAG_READY);
	}
	return 0;
}

/* Who is held is theirs to know, and was told to go at least. */
static void read_held(void)
{
	for (unsigned int i = 0; i < GRAPH_SIZE; i++) {
		place_look(&place[i]);
		model.held[i] = (place[i].s.flags & FLAG_HELD) != 0;
		if (model.held[i] && !model.may_be_held[i])
			place_fail(&place[i], "not held without being told", __FILE__, __LINE__);
		if (model.asked[i] != ((place[i].s.flags & FLAG_ASKED) != 0))
			place_fail(&place[i], model.asked[i] ? "asked for" : "not asked for",
				__FILE__, __LINE__);
	}
}

static char const *const end_words[] = { "down", "waiting", "waiting or up", "up and ready" };

static void show_all(enum node_end const *end)
{
	graph_print(&graph);
	for (unsigned int i = 0; i < GRAPH_SIZE; i++) {
		place_look(&place[i]);
		fprintf(stderr, "%s should be %s: %s, want %s, flags %#x, reason %s\n",
			place[i].name, end_words[end[i]], status_state_name(place[i].s.state),
			status_want_name(place[i].s.want), place[i].s.flags,
			place[i].s.reason_text);
	}
}

static void expect_end(unsigned int i, enum node_end const *end)
{
	struct place *p = &place[i];

	p->deadline = tree_patience();
	place_look(p);
	while (!is_at(i, end[i])) {
		if (tree_poll(p->client.out, 0, p->deadline) < 0) {
			show_all(end);
			place_fail(p, end_words[end[i]], __FILE__, __LINE__);
		}
		place_look(p);
	}
}

/* Looks twice: what was there may have gone since. */
static void expect_ends(void)
{
	enum node_end end[GRAPH_SIZE];

	read_held();
	graph_ends(&graph, model.asked, model.held, end);
	for (unsigned int i = 0; i < 2 * GRAPH_SIZE; i++)
		expect_end(i % GRAPH_SIZE, end);
}

static void expect_order(char const *when)
{
	char wrong[200];
	unsigned int forgiven = 0;
	struct stat st;
	int fd = open(tree_name("journal"), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		fail_msg("no journal");
	char *text = calloc(1, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	double moment = 2 + 5 * (double)*pulse / CLOCK_SECOND;
	int r = journal_check(&graph, text, moment, &forgiven, wrong, sizeof wrong);
	if (r < 0) {
		graph_print(&graph);
		fputs(text, stderr);
		fprintf(stderr, "forgiven is what is within %.3f s\n", moment);
	}
	free(text);
	if (r < 0)
		fail_msg("%s: %s", when, wrong);
}

static void one(uint64_t seed, char const *kills)
{
	pid_t client[CLIENTS];

	memset(&model, 0, sizeof model);
	graph_make(&graph, seed);
	for (unsigned int i = 0; i < GRAPH_SIZE; i++)
		write_node(i);
	tree_write("journal", 0666, "");
	setenv("JOURNAL", tree_name("journal"), 1);
	start_pulse();
	pid_t cinit = init_start(0);
	for (unsigned int c = 0; c < CLIENTS; c++)
		client[c] = start_client(c, kills);
	for (unsigned int c = 0; c < CLIENTS; c++) {
		int w = tree_end(client[c]);
		take_answers(c);
		assert_int_equal(w, 0);
	}
	tree_write("calm", 0644, "");
	expect_ends();
	expect_order("at rest");
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	expect_order("at the end");
}

static void without_kills(void **state)
{
	one(*(uint64_t const *)*state, "0");
}

static void with_kills(void **state)
{
	one(*(uint64_t const *)*state, "4");
}

/* Every sixth with supervisors that are killed, too. */
int main(void)
{
	char const *count = getenv("CINIT_GRAPHS"), *first = getenv("CINIT_SEED");
	size_t n = count ? strtoul(count, 0, 10) : 6;
	struct CMUnitTest *tests = calloc(n, sizeof *tests);
	uint64_t *seeds = calloc(n, sizeof *seeds);
	uint64_t seed = first ? strtoull(first, 0, 10) : cinit_ipc_id() % 1000000;

	for (size_t i = 0; tests && seeds && i < n; i++) {
		char *name = malloc(48);
		seeds[i] = seed + i;
		int kills = seeds[i] % 6 == 5;
		snprintf(name, 48, "graph_%llu%s", (unsigned long long)seeds[i],
			kills ? "_with_kills" : "");
		tests[i] = (struct CMUnitTest){ .name = name,
			.test_func = kills ? with_kills : without_kills,
			.setup_func = tree_setup,
			.teardown_func = tree_teardown,
			.initial_state = &seeds[i] };
	}
	return _cmocka_run_group_tests("depend_random", tests, n, 0, 0);
}
