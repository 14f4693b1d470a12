/* supervise: cinit under another name, which begins here.
 *
 *   supervise [-r RUNDIR] -d SERVICEDIR NAME   the service SERVICEDIR/NAME, state in RUNDIR/NAME
 *   supervise DIR                              the service DIR, state in DIR/supervise, runit's
 * place */
#include <skalibs/nonposix.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "../lib/process.h"
#include "../lib/rundir.h"
#include "../lib/signals.h"
#include "supervise.h"

#define USAGE    "supervise [-r RUNDIR] -d SERVICEDIR NAME, or supervise DIR"
#define TRY_HELP " (supervise --help says more)"

static char program[PATH_MAX], service_path[4096], state_path[4096 + 16], run_path[RUNDIR_PATH];

/* DIR/supervise may be a link to where state belongs on a read-only system; its target is made, one
 * level. */
static void make_state_dir(char const *dir)
{
	char target[4096];
	snprintf(state_path, sizeof state_path, "%s/supervise", dir);
	if (!mkdir(state_path, 0755) || errno != EEXIST)
		goto check;
	ssize_t n = readlink(state_path, target, sizeof target - 1);
	if (n < 0)
		return; /* a plain directory */
	target[n] = 0;
	if (chdir(dir) < 0 || (mkdir(target, 0755) < 0 && errno != EEXIST))
		strerr_diefu2sys(111, "make directory ", target);
	char *real = realpath(state_path, 0);
	if (!real || strlen(real) >= sizeof state_path)
		strerr_diefu2sys(111, "resolve ", state_path);
	strcpy(state_path, real);
	free(real);
	return;
check:
	if (access(state_path, F_OK) < 0)
		strerr_diefu2sys(111, "make directory ", state_path);
}

static void place_by_path(char const *dir, struct supervise_options *o)
{
	char *real = realpath(dir, 0);
	if (!real || strlen(real) >= sizeof service_path)
		strerr_diefu2sys(111, "find service directory ", dir);
	strcpy(service_path, real);
	free(real);
	char const *slash = strrchr(service_path, '/');
	o->name = slash[1] ? slash + 1 : "root";
	make_state_dir(service_path);
}

static void place_by_name(
	char const *name, char const *services, char const *run, struct supervise_options *o)
{
	int fd, dir;
	char why[RUNDIR_REFUSAL];
	char *real = realpath(services, 0);
	if (!real)
		strerr_diefu2sys(111, "find service directory ", services);
	if (!service_name_valid(name))
		strerr_dief3x(100, "`", name, "' is not a service name");
	snprintf(service_path, sizeof service_path, "%s/%s", real, name);
	free(real);
	switch (rundir_make(run_path, run, &fd)) {
	case RUNDIR_OK:
		break;
	case RUNDIR_FOREIGN:
		strerr_dief4x(111, "refused run directory ", run_path, ": ",
			rundir_refusal(AT_FDCWD, run_path, why));
	case RUNDIR_NONE:
		strerr_diefu2sys(111, "make run directory ", run_path);
	case RUNDIR_LONG:
		strerr_dief1x(111, "name of run directory is too long");
	}
	dir = rundir_open(fd, name, 0755);
	if (dir < 0 && errno == EPERM)
		strerr_dief(111, "refused state directory ", run_path, "/", name, ": ",
			rundir_refusal(fd, name, why));
	if (dir < 0)
		strerr_diefu4sys(111, "open state directory ", run_path, "/", name);
	snprintf(state_path, sizeof state_path, "%s/%s", run_path, name);
	fd_close(dir);
	fd_close(fd);
	o->name = name;
	o->run_dir = run_path;
}

static void print_and_exit(char const *text) __attribute__((noreturn));
static void print_and_exit(char const *text)
{
	if (allwrite(1, text, strlen(text)) < strlen(text))
		strerr_diefu1sys(111, "write to standard output");
	_exit(0);
}

/* What follows the options is in argv[optind]. */
static void take_options(int argc, char **argv, char const **run, char const **services)
{
	static struct option const longs[] = {
		{ "run-dir", required_argument, 0, 'r' },
		{ "service-dir", required_argument, 0, 'd' },
		{ "help", no_argument, 0, 'h' },
		{ "version", no_argument, 0, 'V' },
		{ 0, 0, 0, 0 },
	};
	int c;

	opterr = 0; /* it would say it under our whole path */
	while ((c = getopt_long(argc, argv, "+:r:d:hV", longs, 0)) >= 0) {
		if (c == 'r')
			*run = optarg;
		else if (c == 'd')
			*services = optarg;
		else if (c == 'h')
			print_and_exit(
				"usage: " USAGE "\n\n"
				"Keeps one service running, without cinit.\n\n"
				"  -d, --service-dir=SERVICEDIR  supervise SERVICEDIR/NAME\n"
				"  -r, --run-dir=RUNDIR          keep state in RUNDIR/NAME "
				"($CINIT_RUN, /run/cinit)\n"
				"  -h, --help                    print this and exit\n"
				"  -V, --version                 print the version and exit\n\n"
				"supervise DIR keeps state in DIR/supervise.\n");
		else if (c == 'V')
			print_and_exit("supervise " CINIT_VERSION "\n");
		else
			strerr_dief(100, c == ':' ? "option needs a value: " : "unknown option: ",
				argv[optind - 1], TRY_HELP);
	}
	if (argc - optind != 1)
		strerr_dieusage(100, USAGE);
}

int supervise_main(int argc, char **argv)
{
	struct supervise_options o = { .control_group = (gid_t)-1, .boot_want = BOOT_DIRECTORY };
	char const *run = 0, *services = 0;
	struct rlimit rl;

	PROG = "supervise";
	take_options(argc, argv, &run, &services);
	if (!fd_sanitize())
		strerr_diefu1sys(111, "open standard descriptors");
	process_close_from(3);
	signals_clean();
	o.umask = umask(0);
	if (!getrlimit(RLIMIT_NOFILE, &rl))
		o.nofile = rl.rlim_cur;
	process_boot_id(o.boot_id);
	if (!process_program(program))
		o.program = program;
	if (services)
		place_by_name(argv[optind], services, run, &o);
	else
		place_by_path(argv[optind], &o);
	o.service_dir = service_path;
	o.state_dir = state_path;
	return supervise_run(&o);
}
