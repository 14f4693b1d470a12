/* How cost grows with the number of services: what one of them costs among few and among many. */
#include "bench.h"

#include <math.h>

/* From one number to the next, which is five times as many or ten. What grows with the square
 * doubles at least. A single command among many takes milliseconds, and what else the machine does
 * as long; one whose cost depended on their number would take many times as long. */
#define STEP_EACH 1.8
#define STEP_ONE  3.0

static struct {
	enum metric metric;
	int each; /* it is done for every service; else it must not depend on their number */
} const grown[] = {
	{ METRIC_BOOT, 1 },
	{ METRIC_STATUS_ALL, 1 },
	{ METRIC_STOP, 1 },
	{ METRIC_RESCAN, 1 },
	{ METRIC_STATUS_ONE, 0 },
	{ METRIC_RESTART_ONE, 0 },
};
#define GROWN (sizeof grown / sizeof grown[0])

/* Microseconds, or NAN. */
static double cost(struct case_result const *c, size_t system, size_t g)
{
	double (*figure)(struct case_result const *, size_t, enum metric) =
		settings.smoke ? result_least : result_median;
	return 1000 * figure(c, system, grown[g].metric) / (grown[g].each ? c->n : 1);
}

/* Fewer than that tell of constant costs only. */
static int counts(struct case_result const *c)
{
	return c->n >= 100;
}

static int is_shown(size_t system)
{
	return !systems[system].absent && (!system || systems[system].own);
}

static unsigned int cases_that_count(struct outcome const *o)
{
	unsigned int n = 0;
	for (size_t i = 0; i < o->count; i++)
		n += (unsigned int)counts(o->cases + i);
	return n;
}

static void write_row(FILE *f, struct outcome const *o, size_t system, size_t g)
{
	int some = 0;
	for (size_t i = 0; i < o->count; i++)
		some |= !isnan(cost(o->cases + i, system, g));
	if (!some)
		return;
	fprintf(f, "| %s, %s%s |", metrics[grown[g].metric].text, systems[system].title,
		grown[g].each ? ", a service" : "");
	for (size_t i = 0; i < o->count; i++)
		if (counts(o->cases + i)) {
			double v = cost(o->cases + i, system, g);
			fprintf(f, isnan(v) ? " - |" : v < 100 ? " %.1f |" : " %.0f |", v);
		}
	fputc('\n', f);
}

void growth_write(FILE *f, struct outcome const *o)
{
	if (cases_that_count(o) < 2)
		return;
	fputs("\n## Growth\n\nMicroseconds.\n\n| services |", f);
	for (size_t i = 0; i < o->count; i++)
		if (counts(o->cases + i))
			fprintf(f, " %u |", o->cases[i].n);
	fputs("\n|---|", f);
	for (unsigned int i = cases_that_count(o); i; i--)
		fputs("---|", f);
	fputc('\n', f);
	for (size_t g = 0; g < GROWN; g++)
		for (size_t s = 0; s < system_count; s++)
			if (is_shown(s))
				write_row(f, o, s, g);
}

/* The worst step from one number of services to the next, where the limit's own is not counted
 * against us: the kernel's tables grow, too. NAN: there was nothing to compare. */
static double worst_step(struct outcome const *o, size_t system, size_t g)
{
	double worst = NAN, former = NAN, former_limit = NAN;
	for (size_t i = 0; i < o->count; i++) {
		struct case_result const *c = o->cases + i;
		double v = cost(c, system, g), limit = cost(c, 0, g);
		if (!counts(c) || isnan(v))
			continue;
		double kernel = limit / former_limit;
		worst = fmax(worst, v / former / (kernel > 1 ? kernel : 1));
		former = v;
		former_limit = limit;
	}
	return worst;
}

int growth_judge(struct outcome const *o, int *passed)
{
	int failed = 0;
	for (size_t s = 1; s < system_count; s++)
		for (size_t g = 0; g < GROWN; g++) {
			double step = is_shown(s) ? worst_step(o, s, g) : NAN;
			if (isnan(step))
				continue;
			double most = grown[g].each ? STEP_EACH : STEP_ONE;
			int bad = step > most;
			printf("%s %s, growth of %s%s: %.2f from one number of services to the "
			       "next, at most %.1f\n",
				bad ? "not ok" : "ok", systems[s].name,
				metrics[grown[g].metric].name, grown[g].each ? " a service" : "",
				step, most);
			bad ? failed++ : ++*passed;
		}
	return failed;
}
