/* The benchmark. Every figure of ours is measured beside those of the others and beside the limit
 * (limit.c), round after round, because on a machine that does other things too only ratios mean
 * anything.
 *
 *   main.c      options, rounds: each case of each system in turn
 *   system.c    who is measured: directories, how each is started and told
 *   space.c     a run: a PID namespace with one tree in it, which ends with the run
 *   namespace.c namespaces, also for ipc/
 *   measure.c   what is measured in it
 *   wait.c      its waits, each with a limit
 *   process.c   what /proc says of a tree
 *   result.c    samples, medians
 *   report.c    the table; growth.c: cost by number of services;
 *               json.c, chart.c: the same for programs, and as a picture */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "shared.h"

enum metric {
	METRIC_BOOT,
	METRIC_STOP,
	METRIC_PSS,
	METRIC_TABLES,
	METRIC_WAKEUPS,
	METRIC_STATUS_ONE,
	METRIC_STATUS_ALL,
	METRIC_RESTART_ONE,
	METRIC_RESTART_ALL,
	METRIC_KILLED,
	METRIC_RESCAN,
	METRIC_FILES,
	METRIC_FILES_ROOT,
	METRIC_COUNT
};

struct metric_about {
	char const *name, *unit, *text;
};
extern struct metric_about const metrics[METRIC_COUNT];

/* A command line under construction. */
struct line {
	char const **argv;
	size_t count, room;
	char *text;
	size_t used, size;
};
void line_add(struct line *l, char const *word);
void line_addf(struct line *l, char const *format, ...) __attribute__((format(printf, 2, 3)));
void line_free(struct line *l);

/* Where a run has its things; all are paths. */
struct place {
	char root[160];     /* everything is in it, and it goes with the run */
	char services[176]; /* one directory a service, named s0000 and so on */
	char run[176];      /* state, where it is apart */
	char log[176];      /* what the tree and its clients say */
	unsigned int n;
};

enum verb { VERB_STATUS, VERB_RESTART, VERB_RESCAN, VERB_COUNT };

struct system {
	char const *name, *title;
	char const *needs;     /* a program that must be there */
	int stop;              /* signal that ends the tree */
	unsigned int most;     /* services it is asked to run at most */
	int one_each;          /* its client takes one service: more are asked one by one */
	int own;               /* it is ours */
	unsigned int left_out; /* bits by enum metric: what would take it minutes */
	int (*prepare)(struct system const *s, struct place const *p); /* NULL: directories */
	void (*boot)(struct system const *s, struct place const *p, struct line *l);
	/* 0: it has no such word */
	int (*tell)(struct system const *s, struct place const *p, enum verb verb,
		unsigned int first, unsigned int count, struct line *l);
	char const *directory; /* ours: of the programs */
	int absent;
};

/* Where the measuring programs are, and ours. */
struct settings {
	char const *tools, *build, *musl; /* directories; musl may be NULL */
	char const *results, *only;       /* only: NULL, or names with commas between them */
	int quick, smoke;
	unsigned int rounds, idle, patience; /* seconds, but rounds */
};
extern struct settings settings;

extern struct system systems[];
extern size_t const system_count;
void system_find_all(void);
int make_directory(char const *path);

/* ---- space.c: values[METRIC_COUNT], NAN where there is none. 0, or -1: the tree did not come up.
 */
int space_run(struct system const *s, unsigned int n, unsigned int what, double *values);

/* ---- measure.c: in the namespace, as its process 1 */
struct run {
	struct system const *system;
	struct place place;
	struct shared *shared;
	unsigned int what; /* bits by enum metric */
	double *values;
	uint64_t launched, booted;
	pid_t root;
	char const *output; /* file for what clients print; NULL: none */
	int unable;         /* the last figure is not to be had of this system */
};
int measure(struct run *r);

/* ---- wait.c */

/* From here on there are settings.patience seconds, and more for many services, until every wait
 * fails, and says so with this name. */
void step_begin(struct run *r, char const *name);
void step_failed(char const *format, ...) __attribute__((format(printf, 1, 2)));

/* The next `count` starts are those of the services from `first` on. */
void expect_starts(struct run *r, unsigned int first, unsigned int count);
/* When the last one that was expected began; 0: it did not come, which was said. */
uint64_t await_starts(struct run *r);

/* -1: it was not executed, which was said. */
pid_t start_program(struct run *r, struct line *l);
/* waitpid; 0: the limit has passed. */
pid_t await_child(pid_t pid, int *w);
/* Its wait status; what is not 0 was told of. */
int run_program(struct run *r, struct line *l);
/* Until nobody is left; of ours the root must be the last. 0, or -1, which was said. */
int await_end(struct run *r);

/* ---- process.c */
struct census {
	unsigned int processes; /* that are not services */
	double pss, tables;     /* KiB, of these */
	unsigned long switches;
	unsigned int files, files_root; /* most of any but the root; of the root */
};
void census_take(struct census *c, pid_t root);

/* ---- result.c */
struct samples {
	double *value;
	size_t count, room;
};
struct case_result {
	unsigned int n;
	struct samples *cell;   /* [system * METRIC_COUNT + metric] */
	unsigned int *failures; /* [system] */
};
int result_add(struct case_result *c, size_t system, double const values[METRIC_COUNT]);
double samples_median(struct samples const *s);
double result_median(struct case_result const *c, size_t system, enum metric metric);
double result_least(struct case_result const *c, size_t system, enum metric metric); /* or NAN */

/* ---- report.c, growth.c, json.c, chart.c */
struct outcome {
	struct case_result *cases;
	size_t count;
	char when[32], kernel[96];
	long cpus;
};
void report_write(FILE *f, struct outcome const *o);
void growth_write(FILE *f, struct outcome const *o);
/* Prints a line for each demand of ours; counts those that hold, and returns how many do not. */
int growth_judge(struct outcome const *o, int *passed);
void json_write(FILE *f, struct outcome const *o);
void chart_write(FILE *f, struct outcome const *o);

#endif
