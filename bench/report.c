/* The table, in Markdown: for each number of services one, figures and in parentheses how often the
 * limit's. */
#include "bench.h"

#include <math.h>
#include <string.h>

static int took_part(struct case_result const *c, size_t system)
{
	for (size_t m = 0; m < METRIC_COUNT; m++)
		if (c->cell[system * METRIC_COUNT + m].count)
			return 1;
	return c->failures[system] > 0;
}

static void write_figure(FILE *f, double v)
{
	fprintf(f, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : v == floor(v) ? "%.0f" : "%.2f", v);
}

static void write_cell(FILE *f, struct case_result const *c, size_t system, enum metric m)
{
	double v = result_median(c, system, m), limit = result_median(c, 0, m);
	if (isnan(v)) {
		fputs(c->failures[system] ? " failed |" : " - |", f);
		return;
	}
	fputc(' ', f);
	write_figure(f, v);
	if (system && limit > 0 && strcmp(metrics[m].unit, ""))
		fprintf(f, " (%.2f)", v / limit);
	fputs(" |", f);
}

static void write_case(FILE *f, struct case_result const *c)
{
	size_t columns = 0;
	fprintf(f, "\n## %u %s\n\n| |", c->n, c->n == 1 ? "service" : "services");
	for (size_t i = 0; i < system_count; i++)
		if (took_part(c, i)) {
			fprintf(f, " %s |", systems[i].title);
			columns++;
		}
	fputs("\n|---|", f);
	while (columns--)
		fputs("---|", f);
	fputc('\n', f);
	for (int m = 0; m < METRIC_COUNT; m++) {
		int some = 0;
		for (size_t i = 0; i < system_count; i++)
			some |= c->cell[i * METRIC_COUNT + (size_t)m].count > 0;
		if (!some)
			continue;
		fprintf(f, "| %s%s%s |", metrics[m].text, *metrics[m].unit ? ", " : "",
			metrics[m].unit);
		for (size_t i = 0; i < system_count; i++)
			if (took_part(c, i))
				write_cell(f, c, i, (enum metric)m);
		fputc('\n', f);
	}
}

void report_write(FILE *f, struct outcome const *o)
{
	fprintf(f,
		"# Measured\n\n%s, %s, %ld processors. Medians of %u rounds, interleaved, of "
		"larger trees and of others fewer; in parentheses: how often the limit's figure. "
		"Wake-ups: in %u s, of the whole tree.\n",
		o->when, o->kernel, o->cpus, settings.rounds, settings.idle);
	for (size_t i = 0; i < o->count; i++)
		write_case(f, o->cases + i);
	growth_write(f, o);
}
