/* Services that depend on each other at random, without a cycle; what is to become of them; and the
 * proof, by what they wrote down, that they came and went in order. */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include <stdint.h>
#include <stddef.h>

#define GRAPH_SIZE  40
#define GRAPH_EDGES 4 /* of one service, at most */

enum node_kind {
	NODE_RUN,  /* tells by a descriptor that it is ready */
	NODE_EXEC, /* is ready when it is executed */
	NODE_ONESHOT,
	NODE_BUNDLE
};

enum edge_kind { EDGE_NEEDS, EDGE_WANTS, EDGE_BINDS };

struct node {
	enum node_kind kind;
	int normally_down;
	long delay, crash, last; /* ms, see tests/helper/member.c */
	unsigned int edges;
	struct {
		unsigned int to; /* smaller than its own number */
		enum edge_kind kind;
	} edge[GRAPH_EDGES];
};

struct graph {
	uint64_t seed, state;
	struct node node[GRAPH_SIZE];
};

/* The same for the same seed. */
void graph_make(struct graph *g, uint64_t seed);

/* 0 up to n - 1. */
unsigned int graph_any(struct graph *g, unsigned int n);

/* "s07"; static, of the next call but seven. */
char const *graph_name(unsigned int n);

/* The number of a name; -1: it is none. */
int graph_number(char const *name, size_t len);

/* For people. */
void graph_print(struct graph const *g);

/* What is to become of each when nothing crashes any more. One that was up when a need crashed is
 * left alone, even if that need cannot come back for now: it may be up. */
enum node_end { END_DOWN, END_WAITING, END_WAITING_OR_UP, END_UP };
void graph_ends(struct graph const *g, int const asked[GRAPH_SIZE], int const held[GRAPH_SIZE],
	enum node_end end[GRAPH_SIZE]);

/* Reads a journal, "TIME NAME EVENT" a line, and proves
 * - none starts before what it needs and is bound to is ready, bundles looked through;
 * - none is told to go before those that need it have gone;
 * - none starts twice;
 * - who is bound to another in the end started after that one was ready.
 * A need that crashed was ready when it was looked at: that is forgiven for a moment (seconds), and
 * counted in *forgiven. 0; or -1, and what is wrong is in `wrong`. */
int journal_check(struct graph const *g, char const *text, double moment, unsigned int *forgiven,
	char *wrong, size_t size);

#endif
