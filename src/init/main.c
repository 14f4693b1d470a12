/* cinit: PID 1 of a container or a machine, or a child subreaper. See init.h. */
#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>

#include "../lib/clock.h"
#include "../lib/handover.h"
#include "../lib/process.h"
#include "../supervise/supervise.h"
#include "carry.h"
#include "cradle.h"
#include "init.h"
#include "machine.h"
#include "message.h"
#include "option.h"
#include "title.h"

static int print(char const *a, char const *b)
{
	size_t na = strlen(a), nb = strlen(b);

	return allwrite(1, a, na) < na || allwrite(1, b, nb) < nb ? EXIT_SYSTEM : 0;
}

/* 0, or the code to exit with; -1: exit with 0. */
static int read_options(struct init *i, struct options *o, int argc, char **argv)
{
	if (i->machine) {
		option_machine(o, argc, argv);
		return 0;
	}
	option_parse(o, argc, argv);
	if (o->help)
		return print("usage: ", option_usage) || print(option_help, "") ? EXIT_SYSTEM : -1;
	if (o->version)
		return print("cinit " CINIT_VERSION, "\n") ? EXIT_SYSTEM : -1;
	if (o->formats)
		return upgrade_formats(i) < 0 ? EXIT_SYSTEM : -1;
	if (!o->wrong)
		return 0;
	strerr_warn(PROG, ": fatal: ", o->wrong, o->culprit);
	strerr_warn(PROG, ": usage: ", option_usage);
	return EXIT_USAGE;
}

/* What we were given, before anything of it is changed. */
static int become_init(struct init *i, int argc, char **argv)
{
	i->argv = argv;
	title_reserve(argc, argv, &i->title, &i->title_size);
	cradle_prepare(i);
	if (!i->resumed && process_program(i->program) < 0)
		i->program[0] = 0; /* there will be no upgrade, which is said then */
	i->umask = umask(0);
	if (getrlimit(RLIMIT_NOFILE, &i->nofile) < 0 || sig_altignore(SIGPIPE) < 0 ||
		signal_init(i) < 0) {
		strerr_warn(PROG, ": fatal: unable to set up signals: ", strerror(errno));
		return EXIT_SYSTEM;
	}
	if (!i->resumed)
		fault_prepare(i);
	if (!i->first && process_subreaper() < 0)
		strerr_warn(PROG, ": warning: unable to become a subreaper: ", strerror(errno),
			"; processes that leave their services are not stopped");
	return 0;
}

static void begin_cmd(struct init *i, struct options const *o)
{
	i->cmd.argv = o->command;
	i->cmd.phase = o->command ? CMD_AWAITS : CMD_NONE;
}

static int boot(struct init *i, struct options const *o)
{
	int r;

	begin_cmd(i, o);
	r = boot_directories(i, o->run_dir, o->service_dir);

	if (!r)
		r = boot_profile(i, o->profile);
	if (r)
		return r;
	settings_read(i);
	cgroup_prepare(i);
	r = boot_record(i);
	if (!r)
		r = boot_services(i);
	/* an essential service may have ended while no cinit was there */
	if (!r && i->stop.phase == STOP_NOT)
		record_state(i, STATE_UP);
	return r;
}

/* Boots, or goes on where the program before us was. 0, or the code to exit with. */
static int begin(struct init *i, struct options const *o)
{
	if (i->resumed) {
		begin_cmd(i, o); /* what became of it is in hand */
		return resume(i);
	}
	int r = boot(i, o);
	if (!r && loop_prepare(i) < 0) {
		strerr_warn(PROG, ": fatal: unable to set up: ", strerror(errno));
		r = EXIT_SYSTEM;
	}
	return r;
}

/* One file serves for both: most of cinit is the supervisor. */
static int is_supervise(char const *name)
{
	char const *slash = strrchr(name, '/');

	return !strcmp(slash ? slash + 1 : name, "supervise");
}

int main(int argc, char **argv)
{
	/* whole pages, which forks do not get (cradle.h) */
	static alignas(4096) union {
		struct init i;
		char pages[(sizeof(struct init) + 4095) / 4096][4096];
	} all;
	struct init *const i = &all.i;
	struct options o = { 0 };
	int handover = handover_inherited();

	i->cmd.watch = (struct cinit_client)CINIT_CLIENT_ZERO;
	i->self = i->former = i->cgroup_lock = i->upgrade.answer = -1;
	/* our supervisors are this program, too */
	if (handover >= 0 && handover_kind(handover) == HANDOVER_SUPERVISE)
		return supervise_resume(handover);
	if (argc > 0 && is_supervise(argv[0]))
		return supervise_main(argc, argv);
	PROG = "cinit";
	i->resumed = handover >= 0 ? RESUMED_UPGRADE : RESUMED_NOT;
	if (handover >= 0 && carry_read(i, handover) < 0) {
		strerr_warn(
			PROG, ": fatal: unable to read what was handed over: ", strerror(errno));
		return EXIT_SYSTEM;
	}
	i->first = getpid() == 1;
	i->machine = (uint8_t)machine_detect();
	if (i->machine && !i->resumed)
		machine_prepare();
	if (!fd_sanitize())
		return EXIT_SYSTEM;
	if (i->resumed)
		fault_prepare(i);
	int r = read_options(i, &o, argc, argv);
	if (r)
		return r < 0 ? 0 : r;
	r = become_init(i, argc, argv);
	if (!r)
		r = begin(i, &o);
	if (r)
		return r;
	loop_run(i);
	cgroup_leave(i);
	if (i->machine)
		machine_end(i->how);
	return i->code;
}
