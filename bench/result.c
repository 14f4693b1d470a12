/* Samples and medians. */
#include "bench.h"
#include "order.h"

#include <math.h>
#include <stdlib.h>

struct metric_about const metrics[METRIC_COUNT] = {
	[METRIC_BOOT] = { "boot", "ms", "boot, until the last service runs" },
	[METRIC_STOP] = { "stop", "ms", "stop, until no process is left" },
	[METRIC_PSS] = { "pss", "KiB", "memory (PSS) a service" },
	[METRIC_TABLES] = { "tables", "KiB", "page tables a service" },
	[METRIC_WAKEUPS] = { "wakeups", "", "wake-ups while idle" },
	[METRIC_STATUS_ONE] = { "status-one", "ms", "status of one" },
	[METRIC_STATUS_ALL] = { "status-all", "ms", "status of all" },
	[METRIC_RESTART_ONE] = { "restart-one", "ms", "restart of one, until it runs again" },
	[METRIC_RESTART_ALL] = { "restart-100", "ms", "restart of 100, until they run again" },
	[METRIC_KILLED] = { "killed", "ms", "a killed service is back" },
	[METRIC_RESCAN] = { "rescan", "ms", "rescan" },
	[METRIC_FILES] = { "files", "", "descriptors of a supervisor" },
	[METRIC_FILES_ROOT] = { "files-root", "", "descriptors of the root" },
};

static int add(struct samples *s, double value)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 8;
		double *more = realloc(s->value, room * sizeof *more);
		if (!more)
			return -1;
		s->value = more;
		s->room = room;
	}
	s->value[s->count++] = value;
	return 0;
}

int result_add(struct case_result *c, size_t system, double const values[METRIC_COUNT])
{
	for (size_t m = 0; m < METRIC_COUNT; m++)
		if (!isnan(values[m]) && add(c->cell + system * METRIC_COUNT + m, values[m]) < 0)
			return -1;
	return 0;
}

double samples_median(struct samples const *s)
{
	if (!s->count)
		return NAN;
	qsort(s->value, s->count, sizeof *s->value, number_order);
	double high = s->value[s->count / 2];
	return s->count % 2 ? high : (s->value[s->count / 2 - 1] + high) / 2;
}

double result_median(struct case_result const *c, size_t system, enum metric metric)
{
	return samples_median(c->cell + system * METRIC_COUNT + (size_t)metric);
}

double result_least(struct case_result const *c, size_t system, enum metric metric)
{
	struct samples const *s = c->cell + system * METRIC_COUNT + (size_t)metric;
	double least = NAN;
	for (size_t i = 0; i < s->count; i++)
		least = fmin(least, s->value[i]); /* of a number and none the number */
	return least;
}
