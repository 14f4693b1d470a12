/* The parts of lint: lint.c walks over service directories, lint_service.c over one of them, and
 * the others look at what is there. What is wrong is written down as FILE[:LINE]: MESSAGE; a
 * warning says that it is one. */
#ifndef SVCTL_LINT_H
#define SVCTL_LINT_H

#include <limits.h>
#include <stdint.h>

#include "graph.h"
#include "lint_table.h"
#include "text.h"

struct lint {
	struct text text;
	unsigned long errors, warnings;
};

/* A service directory that is looked at. */
struct lint_place {
	char const *path; /* as the messages have it */
	char const *name; /* of the service */
	int dir;
	int is_log;
};

enum lint_weight { LINT_ERROR, LINT_WARNING };

/* Says what is wrong with `file` of `p` (NULL: with the directory itself), in its line `line` (0:
 * with all of it). */
void lint_say(struct lint *l, enum lint_weight weight, struct lint_place const *p, char const *file,
	unsigned long line, char const *format, ...) __attribute__((format(printf, 6, 7)));

/* All of one service directory, its logger's included. `g` (NULL: none is looked at) knows whom it
 * depends on. */
void lint_service(struct lint *l, struct lint_place const *p, struct graph const *g);

/* lint_program.c: can it be executed? `name` is relative to the directory. */
void lint_program(struct lint *l, struct lint_place const *p, char const *name);

/* lint_value.c: does the value parse? For all types but programs, loggers and dependencies. */
void lint_value(struct lint *l, struct lint_place const *p, struct lint_row const *row);

/* lint_depend.c: who is depended on, and by whose mistake? */
void lint_depend(struct lint *l, struct lint_place const *p, struct graph const *g,
	struct lint_row const *row);

/* Who waits for himself. `prefix` is the service directory as the messages have it; `only` a node
 * that must be in the cycle, or GRAPH_NONE. 0, or -1 with errno. */
int lint_cycles(struct lint *l, struct graph *g, char const *prefix, uint32_t only);

#endif
