/* bench [--quick] [--smoke] [-r ROUNDS] [-i SECONDS] [-p SECONDS] [-s SYSTEM,...] [-c CASE,...] -t
 * TOOLS -b BUILD
 *       [-m MUSLBUILD] [-o RESULTS]
 *
 * Measures everybody in turn, round after round, and writes table.md, results.json and chart.svg.
 */
#include "bench.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

struct settings settings = { .rounds = 5, .idle = 10, .patience = 60 };

#define BIT(m)   (1u << METRIC_##m)
#define ENDS     (BIT(BOOT) | BIT(STOP))
#define MEMORY   (BIT(PSS) | BIT(TABLES) | BIT(FILES) | BIT(FILES_ROOT))
#define COMMANDS (BIT(STATUS_ONE) | BIT(STATUS_ALL) | BIT(RESTART_ONE) | BIT(RESTART_ALL))

/* How many services, what is measured, in which of the rounds, and of whom. */
static struct plan {
	unsigned int n, what;
	int ours;                         /* only we, and the limit */
	unsigned int smoke, quick, every; /* each so manyth round; 0: never */
} const plans[] = {
	{ 1, ENDS | MEMORY, 0, 0, 2, 2 },
	{ 100, ENDS | MEMORY | COMMANDS | BIT(KILLED) | BIT(RESCAN), 0, 1, 1, 1 },
	{ 1000, ENDS | BIT(STATUS_ALL) | BIT(STATUS_ONE) | BIT(RESTART_ONE) | BIT(RESCAN), 0, 3, 2,
		2 },
	{ 5000, ENDS | BIT(STATUS_ALL) | BIT(RESCAN), 0, 0, 0, 5 },
	{ 10000, ENDS | BIT(STATUS_ALL) | BIT(STATUS_ONE) | BIT(RESTART_ONE) | BIT(RESCAN), 1, 0, 0,
		5 },
};
#define PLANS (sizeof plans / sizeof plans[0])

static char const *chosen; /* cases; NULL: as planned */

/* Each so manyth round; 0: never. */
static unsigned int spacing(struct plan const *p)
{
	return settings.smoke ? p->smoke : settings.quick ? p->quick : p->every;
}

/* In this round? */
static int is_planned(struct plan const *p, unsigned int round)
{
	char number[12];
	unsigned int every = spacing(p);
	if (!chosen)
		return every && round % every == 0;
	size_t len = (size_t)snprintf(number, sizeof number, "%u", p->n);
	for (char const *at = chosen; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : 0)
		if (!strncmp(at, number, len) && (!at[len] || at[len] == ','))
			return 1;
	return 0;
}

/* Peers take most of the time: every second time is enough, and one that needs minutes is asked
 * once. */
static int is_left_out(struct plan const *p, struct system const *s, unsigned int round)
{
	if (s == systems || s->own || chosen)
		return 0;
	return strcmp(s->name, "supervisor") ? round / spacing(p) % 2 != 0 : round != 0;
}

/* Whoever follows one that made no files meets the kernel less prepared: nobody always does. */
static size_t turn(size_t system, unsigned int round)
{
	return round % 2 ? system_count - 1 - system : system;
}

static void run_one(struct plan const *p, struct case_result *c, size_t system, unsigned int round)
{
	struct system const *s = systems + system;
	unsigned int what = p->what & ~s->left_out;
	double values[METRIC_COUNT];

	if (s->absent || p->n > s->most || (p->ours && system && !s->own))
		return;
	/* what failed twice is not waited for again */
	if (c->failures[system] >= 2)
		return;
	if (is_left_out(p, s, round))
		return;
	if (!round && p->n == 100)
		what |= BIT(WAKEUPS);
	fprintf(stderr, "\rbench: round %u of %u, %u services, %-12s", round + 1, settings.rounds,
		p->n, s->title);
	if (space_run(s, p->n, what, values) < 0)
		c->failures[system]++;
	/* one that fails in the end has told something before */
	if (result_add(c, system, values) < 0)
		exit(111);
}

static int prepare(struct outcome *o)
{
	struct utsname u;
	time_t now = time(0);
	strftime(o->when, sizeof o->when, "%Y-%m-%d", gmtime(&now));
	uname(&u);
	snprintf(o->kernel, sizeof o->kernel, "%.8s %.64s", u.sysname, u.release);
	o->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	o->cases = calloc(PLANS, sizeof *o->cases);
	for (size_t i = 0; o->cases && i < PLANS; i++) {
		struct case_result *c = o->cases + i;
		c->n = plans[i].n;
		c->cell = calloc(system_count * METRIC_COUNT, sizeof *c->cell);
		c->failures = calloc(system_count, sizeof *c->failures);
		if (!c->cell || !c->failures)
			return -1;
	}
	return o->cases ? 0 : -1;
}

/* Cases that were not measured are not told of. */
static void drop_empty(struct outcome *o)
{
	for (size_t i = 0; i < PLANS; i++)
		if (is_planned(plans + i, 0))
			o->cases[o->count++] = o->cases[i];
}

static int write_file(
	char const *name, void (*write)(FILE *, struct outcome const *), struct outcome const *o)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", settings.results, name);
	FILE *f = fopen(path, "w");
	if (f) {
		write(f, o);
		if (!fclose(f))
			return 0;
	}
	perror(path);
	return -1;
}

/* Margins so wide that what fails is no noise, between the best of each, which are what load
 * disturbs least; and counts, which do not vary. */
static struct demand {
	enum metric metric;
	int ratio; /* to the limit's */
	double most;
} const demands[] = {
	{ METRIC_BOOT, 1, 4 },
	{ METRIC_STOP, 1, 4 },
	{ METRIC_STATUS_ONE, 1, 5 },
	{ METRIC_STATUS_ALL, 1, 2.5 },
	{ METRIC_KILLED, 1, 4 },
	{ METRIC_PSS, 0, 90 },
	{ METRIC_TABLES, 1, 0.8 },
	{ METRIC_WAKEUPS, 0, 0 },
	{ METRIC_FILES, 0, 12 },
	{ METRIC_FILES_ROOT, 0, 11 },
};

/* 1: it fails. */
static int judge_one(struct case_result const *c, size_t system, struct demand const *d)
{
	double v = result_least(c, system, d->metric);
	if (d->ratio)
		v /= result_least(c, 0, d->metric);
	int bad = !(v <= d->most);
	printf("%s %s, %u services, %s: %.2f%s, at most %g\n", bad ? "not ok" : "ok",
		systems[system].name, c->n, metrics[d->metric].name, v,
		d->ratio ? " of the limit" : "", d->most);
	return bad;
}

static int judge(struct outcome const *o)
{
	int failed = 0, passed = 0;
	for (size_t k = 0; k < o->count * system_count; k++) {
		struct case_result const *c = o->cases + k / system_count;
		size_t s = k % system_count;
		if (!s || systems[s].absent || c->n != 100)
			continue;
		for (size_t d = 0; d < sizeof demands / sizeof demands[0]; d++)
			judge_one(c, s, demands + d) ? failed++ : passed++;
	}
	failed += growth_judge(o, &passed);
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed > 0;
}

/* Links to what is in there are made, and trees run elsewhere. */
static void make_absolute(char const **directory)
{
	char const *path = *directory ? realpath(*directory, 0) : 0;
	if (*directory && !path) {
		perror(*directory);
		exit(111);
	}
	*directory = path;
}

static void read_options(int argc, char **argv)
{
	static struct option const longs[] = { { "quick", 0, 0, 'q' }, { "smoke", 0, 0, 'k' },
		{ 0, 0, 0, 0 } };
	int c;
	while ((c = getopt_long(argc, argv, "qkr:i:p:s:c:t:b:m:o:", longs, 0)) >= 0)
		switch (c) {
		case 'q':
			settings.quick = 1;
			settings.rounds = 2;
			settings.idle = 2;
			break;
		case 'k':
			settings.smoke = 1;
			settings.rounds = 3;
			settings.idle = 1;
			settings.patience = 30;
			settings.only = "cinit,cinit-musl";
			break;
		case 'r':
			settings.rounds = (unsigned int)atoi(optarg);
			break;
		case 'i':
			settings.idle = (unsigned int)atoi(optarg);
			break;
		case 'p':
			settings.patience = (unsigned int)atoi(optarg);
			break;
		case 's':
			settings.only = optarg;
			break;
		case 'c':
			chosen = optarg;
			break;
		case 't':
			settings.tools = optarg;
			break;
		case 'b':
			settings.build = optarg;
			break;
		case 'm':
			settings.musl = optarg;
			break;
		case 'o':
			settings.results = optarg;
			break;
		default:
			exit(100);
		}
	if (settings.tools && settings.build && optind == argc) {
		make_absolute(&settings.tools);
		make_absolute(&settings.build);
		make_absolute(&settings.musl);
		return;
	}
	fputs("usage: bench [--quick] [-r ROUNDS] [-i SECONDS] [-p SECONDS] [-s SYSTEM,...] [-c "
	      "CASE,...] -t "
	      "TOOLS -b BUILD [-m MUSLBUILD] [-o RESULTS]\n",
		stderr);
	exit(100);
}

int main(int argc, char **argv)
{
	struct outcome o = { 0 };

	read_options(argc, argv);
	system_find_all();
	if (prepare(&o) < 0)
		return 111;
	for (unsigned int round = 0; round < settings.rounds; round++)
		for (size_t p = 0; p < PLANS; p++)
			for (size_t s = 0; s < system_count; s++)
				if (is_planned(plans + p, round))
					run_one(plans + p, o.cases + p, turn(s, round), round);
	fputc('\n', stderr);
	drop_empty(&o);
	if (settings.smoke)
		return judge(&o);
	report_write(stdout, &o);
	putchar('\n');
	int bad = growth_judge(&o, &(int){ 0 });
	if (!settings.results)
		return bad > 0;
	return write_file("table.md", report_write, &o) < 0 ||
			       write_file("results.json", json_write, &o) < 0 ||
			       write_file("chart.svg", chart_write, &o) < 0
		       ? 111
		       : bad > 0;
}
