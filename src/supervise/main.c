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

#include <skalibs/djbunix.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "../lib/process.h"
#include "../lib/rundir.h"
#include "../lib/signals.h"
#include "supervise.h"

#define USAGE "supervise [-r RUNDIR] -d SERVICEDIR NAME, or supervise DIR"

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
		strerr_dief3x(111, "refused run directory ", run_path,
			": it is a link, or others may write to it");
	case RUNDIR_NONE:
		strerr_diefu2sys(111, "make run directory ", run_path);
	case RUNDIR_LONG:
		strerr_dief1x(111, "name of run directory is too long");
	}
	dir = rundir_open(fd, name, 0755);
	if (dir < 0)
		strerr_diefu4sys(111, "open state directory ", run_path, "/", name);
	snprintf(state_path, sizeof state_path, "%s/%s", run_path, name);
	fd_close(dir);
	fd_close(fd);
	o->name = name;
	o->run_dir = run_path;
}

int supervise_main(int argc, char **argv)
{
	struct supervise_options o = { .control_group = (gid_t)-1, .boot_want = -1 };
	char const *run = 0, *services = 0;
	struct rlimit rl;
	int c;

	PROG = "supervise";
	while ((c = getopt(argc, argv, "+r:d:")) >= 0) {
		if (c == 'r')
			run = optarg;
		else if (c == 'd')
			services = optarg;
		else
			strerr_dieusage(100, USAGE);
	}
	if (argc - optind != 1)
		strerr_dieusage(100, USAGE);
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
