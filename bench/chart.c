/* The picture: one panel for each figure, one bar for each system, lengths on a logarithmic scale.
 */
#include "bench.h"

#include <math.h>

#define WIDTH 860
#define LABEL 130 /* where bars begin */
#define BAR   16
#define GAP   4
#define HEAD  30
#define ROOM  (WIDTH - LABEL - 110)

static struct {
	enum metric metric;
	unsigned int n;
} const panels[] = {
	{ METRIC_BOOT, 100 },
	{ METRIC_BOOT, 1000 },
	{ METRIC_STOP, 1000 },
	{ METRIC_PSS, 100 },
	{ METRIC_STATUS_ONE, 100 },
	{ METRIC_STATUS_ALL, 1000 },
	{ METRIC_RESTART_ONE, 100 },
	{ METRIC_RESTART_ALL, 100 },
	{ METRIC_KILLED, 100 },
};
#define PANELS (sizeof panels / sizeof panels[0])

static struct case_result const *find_case(struct outcome const *o, unsigned int n)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->cases[i].n == n)
			return o->cases + i;
	return 0;
}

/* Returns how high it is. */
static int draw_panel(FILE *f, struct case_result const *c, enum metric m, int top)
{
	double least = INFINITY, most = 0;
	int y = top + HEAD;

	for (size_t i = 0; i < system_count; i++) {
		double v = result_median(c, i, m);
		if (v > 0) {
			least = fmin(least, v);
			most = fmax(most, v);
		}
	}
	if (!(most > 0))
		return 0;
	double low = log10(least / 2), span = log10(most) - low;
	fprintf(f, "<text x=\"8\" y=\"%d\" class=\"head\">%s (%s), %u services</text>\n", top + 20,
		metrics[m].text, metrics[m].unit, c->n);
	for (size_t i = 0; i < system_count; i++) {
		double v = result_median(c, i, m);
		if (!(v > 0))
			continue;
		double length = (log10(v) - low) / span * ROOM;
		fprintf(f, "<text x=\"%d\" y=\"%d\" class=\"name\">%s</text>\n", LABEL - 8,
			y + BAR - 4, systems[i].title);
		fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
			LABEL, y, length, BAR,
			i == 0           ? "#888888"
			: systems[i].own ? "#1f6f8b"
					 : "#c9a66b");
		fprintf(f, "<text x=\"%.1f\" y=\"%d\">%.3g</text>\n", LABEL + length + 6,
			y + BAR - 4, v);
		y += BAR + GAP;
	}
	return y - top + GAP;
}

static int draw_all(FILE *f, struct outcome const *o)
{
	int y = 0;
	for (size_t i = 0; i < PANELS; i++) {
		struct case_result const *c = find_case(o, panels[i].n);
		if (c)
			y += draw_panel(f, c, panels[i].metric, y);
	}
	return y;
}

void chart_write(FILE *f, struct outcome const *o)
{
	/* drawn twice: how high it is must be said first */
	FILE *nowhere = fopen("/dev/null", "w");
	int height = nowhere ? draw_all(nowhere, o) : 2000;
	if (nowhere)
		fclose(nowhere);
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\">\n"
		"<style>text { font: 12px sans-serif; fill: #222222 } .head { font-weight: bold } "
		".name { text-anchor: end }</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		WIDTH, height + 24);
	draw_all(f, o);
	fprintf(f,
		"<text x=\"8\" y=\"%d\">%s, %s, %ld processors; logarithmic; shorter is "
		"better</text>"
		"\n</svg>\n",
		height + 14, o->when, o->kernel, o->cpus);
}
