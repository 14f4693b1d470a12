/* All samples, for programs. */
#include "bench.h"

#include <math.h>

static void write_samples(FILE *f, struct samples const *s)
{
	fprintf(f, "{\"median\": %.6g, \"samples\": [", samples_median(s));
	for (size_t i = 0; i < s->count; i++)
		fprintf(f, "%s%.6g", i ? ", " : "", s->value[i]);
	fputs("]}", f);
}

static void write_system(FILE *f, struct case_result const *c, size_t system)
{
	char const *comma = "";
	fprintf(f, "\"%s\": {\"failures\": %u", systems[system].name, c->failures[system]);
	comma = ", ";
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		struct samples const *s = c->cell + system * METRIC_COUNT + m;
		if (!s->count)
			continue;
		fprintf(f, "%s\n      \"%s\": ", comma, metrics[m].name);
		write_samples(f, s);
	}
	fputc('}', f);
}

void json_write(FILE *f, struct outcome const *o)
{
	fprintf(f, "{\"when\": \"%s\", \"kernel\": \"%s\", \"processors\": %ld, \"rounds\": %u,\n",
		o->when, o->kernel, o->cpus, settings.rounds);
	fprintf(f, " \"idle_seconds\": %u, \"cases\": [", settings.idle);
	for (size_t i = 0; i < o->count; i++) {
		fprintf(f, "%s\n  {\"services\": %u, \"systems\": {", i ? "," : "", o->cases[i].n);
		for (size_t k = 0; k < system_count; k++) {
			fprintf(f, "%s\n    ", k ? "," : "");
			write_system(f, o->cases + i, k);
		}
		fputs("}}", f);
	}
	fputs("\n]}\n", f);
}
