/* The proof, by what services wrote down, that they came and went in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_graph.h"

enum event { NONE, START, READY, STOP, GONE, CRASH, EVENTS };

struct life {
	enum event last;
	double at;         /* time of that */
	double crash;      /* of its last crash, while it is not ready again; 0: it did not crash */
	unsigned int line; /* of its last start */
	unsigned int ready; /* line where it was ready last */
};

struct journal {
	struct graph const *g;
	struct life life[GRAPH_SIZE];
	char const *next; /* the lines that follow */
	double moment;    /* from a crash to a start that was decided before it */
	unsigned int line, forgiven;
	char *wrong;
	size_t size;
};

static enum event event_of(char const *word, size_t len)
{
	static char const *const words[EVENTS] = { "", "start", "ready", "stop", "gone", "crash" };
	for (enum event e = START; e < EVENTS; e++)
		if (strlen(words[e]) == len && !memcmp(words[e], word, len))
			return e;
	return NONE;
}

static int runs(struct life const *l)
{
	return l->last == START || l->last == READY || l->last == STOP;
}

static int complain(struct journal *j, unsigned int a, char const *what, unsigned int b)
{
	snprintf(j->wrong, j->size, "line %u: %s %s %s", j->line, graph_name(a), what,
		graph_name(b));
	return -1;
}

/* Its exec was enough for it to be ready; it may not have come to say that it starts. */
static int says_so_soon(struct journal const *j, unsigned int i, double now)
{
	char const *p = j->next;
	while (*p) {
		char name[8], what[16];
		double at;
		if (sscanf(p, "%lf %7s %15s", &at, name, what) != 3 || at > now + j->moment)
			return 0;
		if (!strcmp(name, graph_name(i)))
			return !strcmp(what, "start");
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return 0;
}

/* Is what `a` depends on ready when it starts? */
static int check_needs(struct journal *j, unsigned int a, unsigned int through, double now)
{
	struct node const *n = &j->g->node[through];

	for (unsigned int k = 0; k < n->edges; k++) {
		unsigned int b = n->edge[k].to;
		struct life const *l = &j->life[b];
		if (n->edge[k].kind == EDGE_WANTS)
			continue;
		if (j->g->node[b].kind == NODE_BUNDLE) {
			if (check_needs(j, a, b, now) < 0)
				return -1;
			continue;
		}
		if (l->last == READY)
			continue;
		if (j->g->node[b].kind == NODE_EXEC &&
			(runs(l) ? l->last == START : says_so_soon(j, b, now)))
			continue;
		if (l->crash == 0 || now - l->crash > j->moment)
			return complain(j, a, "starts without", b);
		j->forgiven++;
	}
	return 0;
}

/* Has everybody gone that needs b, or needs a bundle that does? */
static int check_dependents(struct journal *j, unsigned int b, unsigned int through)
{
	for (unsigned int a = through + 1; a < GRAPH_SIZE; a++) {
		struct node const *n = &j->g->node[a];
		for (unsigned int k = 0; k < n->edges; k++) {
			if (n->edge[k].to != through || n->edge[k].kind == EDGE_WANTS)
				continue;
			if (n->kind == NODE_BUNDLE && check_dependents(j, b, a) < 0)
				return -1;
			if (runs(&j->life[a]))
				return complain(j, b, "is told to go before", a);
		}
	}
	return 0;
}

static int take(struct journal *j, unsigned int i, enum event e, double at)
{
	struct life *l = &j->life[i];
	int oneshot = j->g->node[i].kind == NODE_ONESHOT;

	switch (e) {
	case START:
		if (runs(l))
			return complain(j, i, "starts beside", i);
		if (check_needs(j, i, i, at) < 0)
			return -1;
		l->line = j->line;
		break;
	case READY:
		l->crash = 0;
		l->ready = j->line;
		break;
	case STOP:
		if (oneshot ? !runs(l) : l->last != START && l->last != READY)
			return complain(j, i, "stops and did not run:", i);
		if (check_dependents(j, i, i) < 0)
			return -1;
		l->crash = 0;
		break;
	case CRASH:
		l->crash = at;
		break;
	case GONE:
	case NONE:
	case EVENTS:
		break;
	}
	l->last = e;
	l->at = at;
	return 0;
}

/* Bound ones that run run beside what they were started beside. */
static int check_bound(struct journal *j)
{
	for (unsigned int a = 0; a < GRAPH_SIZE; a++)
		for (unsigned int k = 0; k < j->g->node[a].edges; k++) {
			struct life const *need = &j->life[j->g->node[a].edge[k].to];
			if (j->g->node[a].edge[k].kind != EDGE_BINDS || !runs(&j->life[a]) ||
				need->last == NONE)
				continue;
			if (j->g->node[j->g->node[a].edge[k].to].kind != NODE_EXEC &&
				j->life[a].line < need->ready)
				return complain(j, a, "is bound and has not noticed a crash of",
					j->g->node[a].edge[k].to);
		}
	return 0;
}

int journal_check(struct graph const *g, char const *text, double moment, unsigned int *forgiven,
	char *wrong, size_t size)
{
	struct journal j = { .g = g, .next = text, .moment = moment, .wrong = wrong, .size = size };

	while (*j.next) {
		char const *end = strchr(j.next, '\n');
		char name[8], what[16];
		double at;
		if (!end || sscanf(j.next, "%lf %7s %15s", &at, name, what) != 3 ||
			graph_number(name, strlen(name)) < 0 || !event_of(what, strlen(what))) {
			snprintf(wrong, size, "line %u: no such line", j.line + 1);
			return -1;
		}
		j.next = end + 1;
		j.line++;
		if (take(&j, (unsigned int)graph_number(name, strlen(name)),
			    event_of(what, strlen(what)), at) < 0)
			return -1;
	}
	*forgiven = j.forgiven;
	return check_bound(&j);
}
