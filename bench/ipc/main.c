/* ipc [--smoke] [-r ROUNDS] [-n SAMPLES] [-o FILE]
 *
 * Compares ways of talking to a supervisor, round after round, and prints tables in Markdown; to
 * FILE, too. --smoke: little of it, and a verdict on what must hold. */
#include "ipc/ways.h"
#include "order.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

struct options options = {
	.rounds = 3, .samples = 1000, .many = 1000, .most = 5000, .patience = 60
};

struct way const *const ways[] = { &way_fifo, &way_bytes, &way_stream, &way_datagram, &way_posix,
	&way_sysv, &way_shared };
size_t const way_count = sizeof ways / sizeof ways[0];
#define WAYS  (sizeof ways / sizeof ways[0])

/* A way with or without the record: 2 * way + record. */
#define KINDS (2 * WAYS)

static struct kind {
	double *open, *anew, *hundred, *many;
	unsigned int samples, rounds, failures[3]; /* with one, with a hundred, with many */
} kinds[KINDS];

static struct fate *fates;

static int is_kind(size_t k)
{
	return !(ways[k / 2]->publishes && k % 2 == 0); /* which has the record in any case */
}

/* ----------------------------------------------------------------------------------- measuring */

static void *shared_memory(size_t size)
{
	void *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		perror("ipc: mmap");
		exit(111);
	}
	return p;
}

static void *memory(size_t count)
{
	void *p = calloc(count, sizeof(double));
	if (!p)
		exit(111);
	return p;
}

static void round_of(size_t k)
{
	struct kind *kind = kinds + k;
	unsigned int const numbers[] = { 1, 100, options.many };
	struct talk *t = shared_memory(sizeof *t);
	double *samples = shared_memory(2 * options.samples * sizeof *samples);

	for (size_t i = 0; i < 3; i++) {
		*t = (struct talk){ .way = ways[k / 2],
			.record = k % 2,
			.n = numbers[i],
			.room = options.samples,
			.open = samples,
			.anew = samples + options.samples };
		if (apart(talk, t) < 0) {
			fprintf(stderr, "ipc: %s, %u services: failed\n", t->way->title, t->n);
			kind->failures[i]++;
			continue;
		}
		if (i == 0) {
			memcpy(kind->open + kind->samples, t->open, t->count * sizeof(double));
			memcpy(kind->anew + kind->samples, t->anew, t->count * sizeof(double));
			kind->samples += t->count;
		} else {
			(i == 1 ? kind->hundred : kind->many)[kind->rounds] = t->together;
		}
	}
	kind->rounds++;
	munmap(samples, 2 * options.samples * sizeof *samples);
	munmap(t, sizeof *t);
}

static void measure_all(void)
{
	size_t all = (size_t)options.rounds * options.samples;
	for (size_t k = 0; k < KINDS; k++)
		kinds[k] = (struct kind){ memory(all), memory(all), memory(options.rounds),
			memory(options.rounds), 0, 0, { 0 } };
	for (unsigned int r = 0; r < options.rounds; r++)
		for (size_t k = 0; k < KINDS; k++)
			if (is_kind(k))
				round_of(k);
	fates = shared_memory(WAYS * sizeof *fates);
	for (size_t w = 0; w < (options.smoke ? 1 : WAYS); w++) {
		fates[w].way = ways[w];
		if (fate(fates + w) < 0)
			fprintf(stderr, "ipc: %s: not all of it could be found out\n",
				ways[w]->title);
	}
}

/* ------------------------------------------------------------------------------------- results */

static double part(double *value, unsigned int n, double at)
{
	if (!n)
		return 0;
	qsort(value, n, sizeof *value, number_order);
	return value[(unsigned int)((n - 1) * at)];
}

/* What failed once is no figure: it is a limit of the way. */
static void write_cell(FILE *f, double value, unsigned int failures)
{
	if (failures)
		fputs(" fails |", f);
	else
		fprintf(f, value < 100 ? " %.1f |" : " %.0f |", value);
}

static void write_times(FILE *f)
{
	fprintf(f,
		"\n| | open: median | p99 | opened anew: median | p99 | 100 at once | %u at once "
		"|\n|---|---|---|---|---|---|---|\n",
		options.many);
	for (size_t k = 0; k < KINDS; k++) {
		struct kind *kind = kinds + k;
		if (!is_kind(k))
			continue;
		fprintf(f, "| %s%s |", ways[k / 2]->title,
			k % 2 && !ways[k / 2]->publishes ? ", with the record" : "");
		write_cell(f, part(kind->open, kind->samples, 0.5), kind->failures[0]);
		write_cell(f, part(kind->open, kind->samples, 0.99), kind->failures[0]);
		write_cell(f, part(kind->anew, kind->samples, 0.5), kind->failures[0]);
		write_cell(f, part(kind->anew, kind->samples, 0.99), kind->failures[0]);
		write_cell(f, part(kind->hundred, kind->rounds, 0.5), kind->failures[1]);
		write_cell(f, part(kind->many, kind->rounds, 0.5), kind->failures[2]);
		fputc('\n', f);
	}
}

static void write_fates(FILE *f)
{
	fputs("\n| | a client is killed amid a command | its owner is killed: the client | and the "
	      "command | read-only file system |\n|---|---|---|---|---|\n",
		f);
	for (size_t w = 0; w < WAYS; w++)
		fprintf(f, "| %s | %s | %s | %s | %s |\n", ways[w]->title, fates[w].after_half,
			fates[w].owner_killed, fates[w].successor, fates[w].read_only);
	fputs("\n| | commands that wait unread | services at once with 1,024 descriptors | "
	      "services in "
	      "all | kernel memory of one, KiB |\n|---|---|---|---|---|\n",
		f);
	for (size_t w = 0; w < WAYS; w++)
		fprintf(f, "| %s | %u | %u%s | %u%s%s | %.1f |\n", ways[w]->title, fates[w].backlog,
			fates[w].most_joined, fates[w].most_joined >= 1100 ? " and more" : "",
			fates[w].most_made, *fates[w].refused ? ": " : " and more",
			fates[w].refused, fates[w].kernel);
}

static void write_limits(FILE *f)
{
	static char const *const files[] = { "fs/pipe-max-size", "fs/pipe-user-pages-soft",
		"net/unix/max_dgram_qlen", "net/core/wmem_default", "fs/mqueue/queues_max",
		"fs/mqueue/msg_max", "fs/mqueue/msgsize_max", "kernel/msgmni", "kernel/msgmnb",
		"kernel/msgmax" };
	char path[64], value[64];
	fputs("\n| limit of this machine | |\n|---|---|\n", f);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "/proc/sys/%s", files[i]);
		FILE *in = fopen(path, "r");
		if (in && fgets(value, sizeof value, in))
			fprintf(f, "| %s | %.*s |\n", files[i], (int)strcspn(value, "\n"), value);
		if (in)
			fclose(in);
	}
}

static void write_all(FILE *f)
{
	struct utsname u;
	char when[32];
	time_t now = time(0);
	strftime(when, sizeof when, "%Y-%m-%d", gmtime(&now));
	uname(&u);
	fprintf(f,
		"%s, %s %.64s, %ld processors. Medians of %u rounds, interleaved, %u commands "
		"each. "
		"Microseconds for one, milliseconds for many.\n",
		when, u.sysname, u.release, sysconf(_SC_NPROCESSORS_ONLN), options.rounds,
		options.samples);
	write_times(f);
	write_fates(f);
	write_limits(f);
}

/* --------------------------------------------------------------------------------------- smoke */

static int passed, failed;

static void demand(char const *what, int holds)
{
	printf("%s ipc: %s\n", holds ? "ok" : "not ok", what);
	holds ? passed++ : failed++;
}

static int judge(void)
{
	struct fate const *f = fates;
	double least = part(kinds[1].open, kinds[1].samples, 0), other;
	demand("the pair as built is answered after half a command",
		!strcmp(f->after_half, "the next is answered"));
	demand("who waits at the pair learns of its owner's death",
		!strcmp(f->owner_killed, "learns it at once"));
	demand("an unread command is done by the successor",
		!strcmp(f->successor, "done by the successor"));
	demand("400 services at once with 1,024 descriptors", f->most_joined >= 400);
	demand("more than 1,000 commands wait unread", f->backlog > 1000);
	for (size_t k = 1; k < KINDS; k++)
		if (is_kind(k) && (kinds[k].failures[0] || kinds[k].failures[1]))
			demand(ways[k / 2]->title, 0);
	other = part(kinds[5].open, kinds[5].samples, 0);
	printf("ipc: the pair as built: %.1f us; a stream and the record: %.1f us\n", least, other);
	demand("the pair costs at most 5 times what a stream and the record do",
		least <= 5 * other);
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed > 0;
}

int main(int argc, char **argv)
{
	static struct option const longs[] = { { "smoke", 0, 0, 'k' }, { 0, 0, 0, 0 } };
	char const *file = 0;
	int c;
	while ((c = getopt_long(argc, argv, "kr:n:o:", longs, 0)) >= 0)
		if (c == 'k')
			options = (struct options){ 1, 200, 200, 1000, 30, 1 };
		else if (c == 'r')
			options.rounds = (unsigned int)atoi(optarg);
		else if (c == 'n')
			options.samples = (unsigned int)atoi(optarg);
		else if (c == 'o')
			file = optarg;
		else
			return 100;
	if (!options.rounds || !options.samples || optind != argc)
		return 100;
	measure_all();
	if (options.smoke)
		return judge();
	write_all(stdout);
	FILE *f = file ? fopen(file, "w") : 0;
	if (f)
		write_all(f);
	if (file && (!f || fclose(f))) {
		perror(file);
		return 111;
	}
	/* of others it is a finding */
	return kinds[1].failures[0] || kinds[1].failures[1] || kinds[1].failures[2];
}
