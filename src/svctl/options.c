/* The command line: options come before the command, or between it and the first name; from there
 * on all are names. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "clock.h"
#include "loop.h"
#include "report.h"

#define TRY_HELP     "; try `svctl --help'"
#define MOST_SECONDS 1000000000 /* some thirty years, and far from the end of 64 bits of ns */

enum long_only { OPT_JSON = 256, OPT_FORCE };

int options_seconds(char const *s, uint64_t *ns)
{
	unsigned int n;
	if (!uint0_scan(s, &n) || n > MOST_SECONDS)
		return 0;
	*ns = (uint64_t)n * CLOCK_SECOND;
	return 1;
}

static void print_and_exit(struct text *t) __attribute__((noreturn));
static void print_and_exit(struct text *t)
{
	if (text_write(t, 1) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "write to standard output");
	_exit(0);
}

static void pad_to(struct text *t, size_t from, size_t width)
{
	for (size_t n = t->sa.len - from; n < width; n++)
		text_add(t, " ");
}

static void add_verb(struct text *t, struct verb const *v)
{
	size_t from = t->sa.len;

	text_add(t, "  ");
	text_add(t, v->word);
	if (v->letter && v->word[1]) {
		text_add(t, ", ");
		text_bytes(t, &v->letter, 1);
	}
	pad_to(t, from, 18);
	text_add(t, verb_help(v));
	text_add(t, "\n");
}

void options_help(struct text *t)
{
	text_add(t,
		"usage: svctl [OPTION]... [COMMAND [NAME|PATH]...]\n"
		"\n"
		"Without a command: list. A NAME is a service of the tree, NAME/log its logger, a "
		"pattern\n"
		"such as '*' all that match; a PATH is a service directory.\n"
		"\n"
		"options:\n"
		"  -r, --run-dir=DIR      the run directory ($CINIT_RUN, /run/cinit)\n"
		"  -d, --service-dir=DIR  the service directory ($SVDIR, that of the tree)\n"
		"  -w, --wait=SEC         wait up to SEC seconds ($SVWAIT, 7), and report as with "
		"-v\n"
		"  -t, --timeout=SEC      time limit of the command wait (none)\n"
		"  -v, --verbose          wait and report after every command; list shows loggers\n"
		"      --json             status and list in JSON\n"
		"      --force            with down, stop, force-stop, disable: stop first what "
		"needs it\n"
		"  -h, --help             print this\n"
		"  -V, --version          print the version\n"
		"\n"
		"commands:\n");
	for (size_t i = 0; i < verb_count; i++)
		add_verb(t, verb_table + i);
	text_add(t, "\n"
		    "exit codes: 0 done; 1-99 so many services failed; 100 usage; 101 outcome "
		    "unknown;\n"
		    "102 a wait ran out; 111 the system refused\n");
}

static struct option const long_options[] = {
	{ "run-dir", required_argument, NULL, 'r' },
	{ "service-dir", required_argument, NULL, 'd' },
	{ "wait", required_argument, NULL, 'w' },
	{ "timeout", required_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static uint64_t seconds_or_die(char const *what, char const *s)
{
	uint64_t ns;
	if (!options_seconds(s, &ns))
		strerr_dief(EXIT_USAGE, what, ": `", s, "' is not a number of seconds", TRY_HELP);
	return ns;
}

static void unknown_option(char **argv, int at) __attribute__((noreturn));
static void unknown_option(char **argv, int at)
{
	char letter[] = { '-', (char)optopt, 0 };
	/* a letter in a cluster, or a long option, which getopt has passed already */
	char const *given = optopt > 0 && optopt < 256 ? letter : argv[at > 1 ? at - 1 : at];
	strerr_dief(EXIT_USAGE, "unknown option, or one that lacks its value: ", given, TRY_HELP);
}

static void take_option(struct options *o, int c, char **argv)
{
	struct text t = TEXT_ZERO;

	switch (c) {
	case 'r':
		o->run = optarg;
		return;
	case 'd':
		o->services = optarg;
		return;
	case 'w':
		o->wait = seconds_or_die("-w", optarg);
		o->has_wait = 1;
		return;
	case 't':
		o->timeout = seconds_or_die("-t", optarg);
		o->has_timeout = 1;
		return;
	case 'v':
		o->verbose = 1;
		return;
	case OPT_JSON:
		o->json = 1;
		return;
	case OPT_FORCE:
		o->force = 1;
		return;
	case 'h':
		options_help(&t);
		print_and_exit(&t);
	case 'V':
		text_add(&t, "svctl " CINIT_VERSION "\n");
		print_and_exit(&t);
	default:
		unknown_option(argv, optind);
	}
}

/* The options of argv[1...]; the index of what follows them. */
static int scan(struct options *o, int argc, char **argv)
{
	int c;

	opterr = 0;
	optind = 0; /* begin afresh: glibc and musl agree on this */
	while ((c = getopt_long(argc, argv, "+r:d:w:t:vhV", long_options, NULL)) >= 0)
		take_option(o, c, argv);
	return optind;
}

static void unknown_command(char const *word) __attribute__((noreturn));
static void unknown_command(char const *word)
{
	char const *near = verb_suggest(word);
	if (near)
		strerr_dief(EXIT_USAGE, "unknown command `", word, "'; did you mean `", near, "'?");
	strerr_dief(EXIT_USAGE, "unknown command `", word, "'", TRY_HELP);
}

static void take_condition(struct options *o)
{
	if (!o->count)
		strerr_dief(EXIT_USAGE, "wait: for up, down, ready or finished?", TRY_HELP);
	o->condition = verb_condition(o->names[0]);
	if (!o->condition)
		strerr_dief(EXIT_USAGE, "wait: `", o->names[0],
			"' is not up, down, ready or finished", TRY_HELP);
	o->names++;
	o->count--;
}

/* What does not go together is said, not passed over. */
static void check_sense(struct options const *o)
{
	struct verb const *v = o->verb;
	int shows = v->kind == VERB_STATUS || v->kind == VERB_LIST;
	int tree = v->kind == VERB_TREE || v->kind == VERB_VERSION;

	if (o->json && !shows)
		strerr_dief(EXIT_USAGE, v->word, ": --json goes with status and list only");
	if (o->has_timeout && v->kind != VERB_WAIT)
		strerr_dief(
			EXIT_USAGE, v->word, ": -t goes with wait only; -w is for all that wait");
	if (o->force && !(v->flags & VERB_FORCE))
		strerr_dief(EXIT_USAGE, v->word,
			": --force goes with down, stop, force-stop and disable only");
	if (tree && o->count)
		strerr_dief(EXIT_USAGE, v->word, ": takes no names");
	if (v->kind == VERB_PLAN && !o->count)
		strerr_dief(EXIT_USAGE, v->word, ": up or down?", TRY_HELP);
	if (!tree && !shows && v->kind != VERB_LINT && v->kind != VERB_GRAPH && !o->count)
		strerr_dief(
			EXIT_USAGE, v->word, ": of which service? '*' means all of them", TRY_HELP);
	for (int i = 0; i < o->count; i++) {
		if (!o->names[i][0])
			strerr_dief(EXIT_USAGE, v->word, ": an empty name");
	}
}

/* Scripts that were written for runit know of no dependents, and mean what they say. */
static int called_as_sv(char const *name)
{
	char const *slash = name ? strrchr(name, '/') : NULL;

	return name && !strcmp(slash ? slash + 1 : name, "sv");
}

void options_parse(struct options *o, int argc, char **argv)
{
	static char list[] = "list";
	char const *env = getenv("SVWAIT");
	int first, as_sv = called_as_sv(argv[0]);

	memset(o, 0, sizeof *o);
	o->wait = LIMIT_DEFAULT;
	if (env && *env)
		o->wait = seconds_or_die("$SVWAIT", env);
	first = scan(o, argc, argv);
	char const *word = first < argc ? argv[first] : list;
	o->verb = verb_find(word);
	if (!o->verb)
		unknown_command(word);
	if (first < argc) {
		/* the command stands where the program's name did */
		argc -= first;
		argv += first;
		first = scan(o, argc, argv);
	}
	o->names = argv + first;
	o->count = argc - first;
	if (o->verb->kind == VERB_WAIT)
		take_condition(o);
	check_sense(o);
	o->force |= as_sv && (o->verb->flags & VERB_FORCE);
}
