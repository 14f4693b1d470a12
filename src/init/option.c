/* The command line. */
#include "option.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

char const option_usage[] =
	"cinit [-r RUNDIR] [-d SERVICEDIR] [-p NAME] [--help] [--version] [--formats] "
	"[--] [CMD ARG...]";

char const option_help[] =
	"\n"
	"Starts and supervises the services of SERVICEDIR, then runs CMD.\n"
	"\n"
	"  -r, --run-dir=RUNDIR          keep state in RUNDIR ($CINIT_RUN, /run/cinit)\n"
	"  -d, --service-dir=SERVICEDIR  read services in SERVICEDIR (" CINIT_SYSCONFDIR "/cinit)\n"
	"  -p, --profile=NAME            start NAME and what it needs, nothing else\n"
	"  -h, --help                    print this and exit\n"
	"  -V, --version                 print the version and exit\n"
	"      --formats                 print the formats of state that are understood, and exit\n"
	"\n"
	"With CMD, the tree stops when CMD ends, and cinit exits with its code.\n"
	"Without, TERM and INT stop the tree, and HUP reads SERVICEDIR again.\n"
	"Control it with svctl(1).\n";

static struct option const longs[] = {
	{ "run-dir", required_argument, NULL, 'r' },
	{ "service-dir", required_argument, NULL, 'd' },
	{ "profile", required_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "formats", no_argument, NULL, 'F' },
	{ NULL, 0, NULL, 0 },
};

void option_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ 0 };
	opterr = 0;
	/* `+': what follows the first word that is no option belongs to CMD */
	while (!o->wrong && (c = getopt_long(argc, argv, "+:r:d:p:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->run_dir = optarg;
			break;
		case 'd':
			o->service_dir = optarg;
			break;
		case 'p':
			o->profile = optarg;
			break;
		case 'h':
			o->help = 1;
			break;
		case 'V':
			o->version = 1;
			break;
		case 'F':
			o->formats = 1;
			break;
		default:
			o->wrong = c == ':' ? "option needs a value: " : "unknown option: ";
			o->culprit = argv[optind - 1];
		}
	}
	if (!o->wrong && optind < argc)
		o->command = argv + optind;
}

void option_machine(struct options *o, int argc, char **argv)
{
	static char const word[] = "cprofile:";

	*o = (struct options){ 0 };
	for (int n = 1; n < argc; n++) {
		if (!strncmp(argv[n], word, sizeof word - 1) && argv[n][sizeof word - 1])
			o->profile = argv[n] + sizeof word - 1;
	}
}
