/* Before the first fork: the run directory, the lock, our own pair, and the table of services with
 * a state directory for each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>
#include <skalibs/uint32.h>

#include "../lib/clock.h"
#include "../lib/path.h"
#include "../lib/process.h"
#include "../lib/template.h"
#include "environs.h"
#include "init.h"
#include "message.h"
#include "scan.h"

/* ------------------------------------------------------------------------ directories */

static int make_run_directory(struct init *i, char const *given)
{
	int r = EXIT_SYSTEM;
	char why[RUNDIR_REFUSAL];

	switch (rundir_make(i->run_path, given, &i->run)) {
	case RUNDIR_OK:
		return 0;
	case RUNDIR_NONE:
		strerr_warn(PROG, ": fatal: unable to make run directory ", i->run_path, ": ",
			strerror(errno));
		break;
	case RUNDIR_FOREIGN:
		strerr_warn(PROG, ": fatal: unable to use run directory ", i->run_path, ": ",
			rundir_refusal(AT_FDCWD, i->run_path, why));
		break;
	case RUNDIR_LONG:
		strerr_warn(PROG, ": fatal: unable to use run directory ",
			given ? given : "$CINIT_RUN", ": its name is too long");
		r = EXIT_USAGE;
		break;
	}
	return r;
}

/* The service directory, as a name that does not depend on where we are. Links in it stay links. */
static int name_service_directory(struct init *i, char const *given)
{
	static char path[PATH_MAX]; /* not from malloc; see apart.h */
	char here[PATH_MAX];

	if (!given)
		given = CINIT_SYSCONFDIR "/cinit";
	if (!given[0]) {
		strerr_warn(PROG, ": fatal: the name of the service directory is empty");
		return EXIT_USAGE;
	}
	if (given[0] == '/')
		i->service_path = given;
	else if (getcwd(here, sizeof here) && !path_join(path, here, given))
		i->service_path = path;
	if (i->service_path)
		return 0;
	strerr_warn(
		PROG, ": fatal: unable to name service directory ", given, ": ", strerror(errno));
	return EXIT_SYSTEM;
}

/* Says why it cannot be read. 0: that is no reason not to boot. A machine must come up, and CMD can
 * do without services; but to sit there for ever with nothing to do serves nobody. */
static int cannot_read_services(struct init const *i)
{
	int fatal = !i->machine && !i->cmd.argv;

	strerr_warn(PROG, fatal ? ": fatal: " : ": warning: ", "unable to read service directory ",
		i->service_path, ": ", strerror(errno), fatal ? "" : "; there are no services");
	return fatal ? EXIT_SYSTEM : 0;
}

/* Asked before anything is made: a tree that cannot boot leaves no run directory behind. */
static int try_service_directory(struct init const *i)
{
	int fd = i->machine || i->cmd.argv
			 ? 0
			 : open2(i->service_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cannot_read_services(i);
	if (fd)
		fd_close(fd);
	return 0;
}

/* Services and CMD find us by it, where clients would not look of their own accord. */
static int export_run_directory(struct init *i)
{
	int r = strcmp(i->run_path, RUN_DEFAULT) ? environs_set("CINIT_RUN", i->run_path)
						 : unsetenv("CINIT_RUN");
	if (!r)
		return 0;
	strerr_warn(PROG, ": fatal: unable to set CINIT_RUN: ", strerror(errno));
	return EXIT_SYSTEM;
}

static int take_lock(struct init *i)
{
	struct status s;
	char pid[PID_FMT + 7] = "";

	i->lock = openat(i->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (i->lock >= 0 && !process_lock(i->lock))
		return 0;
	if (i->lock < 0 || errno != EAGAIN) {
		strerr_warn(PROG, ": fatal: unable to lock ", i->run_path,
			"/" RUNDIR_TREE "/lock: ", strerror(errno));
		return EXIT_SYSTEM;
	}
	if (status_read(i->dir, ".", &s, NULL) == STATUS_OK && s.supervisor) {
		memcpy(pid, " (pid ", 6);
		size_t n = 6 + uint32_fmt(pid + 6, s.supervisor);
		memcpy(pid + n, ")", 2);
	}
	strerr_warn(PROG, ": fatal: unable to take run directory ", i->run_path, ": another cinit",
		pid, " has it");
	return EXIT_USAGE;
}

int boot_directories(struct init *i, char const *run_dir, char const *service_dir)
{
	int r = name_service_directory(i, service_dir);

	if (!r)
		r = try_service_directory(i);
	if (!r)
		r = make_run_directory(i, run_dir);
	if (!r)
		r = export_run_directory(i);
	if (r)
		return r;
	i->dir = rundir_open(i->run, RUNDIR_TREE, 0755);
	if (i->dir < 0) {
		strerr_warn(PROG, ": fatal: unable to make ", i->run_path, "/" RUNDIR_TREE ": ",
			strerror(errno));
		return EXIT_SYSTEM;
	}
	return take_lock(i);
}

/* The only service that is wanted, and what it needs. It is of this boot: a cinit that a service
 * starts boots as it is told itself. */
int boot_profile(struct init *i, char const *given)
{
	char const *name = given ? given : getenv("CINIT_PROFILE");

	if (!given && name && !name[0])
		name = NULL;
	unsetenv("CINIT_PROFILE"); /* what `name` points to stays where it is */
	if (!name || instance_described(i, name)) {
		i->profile = name;
		return 0;
	}
	strerr_warn(PROG, i->machine ? ": warning: " : ": fatal: ", "unable to boot profile ", name,
		": no such service in ", i->service_path,
		i->machine ? "; starting all of them" : "");
	return i->machine ? 0 : EXIT_USAGE;
}

/* ---------------------------------------------------------------------- our own record */

/* Is everybody that the run directory tells of long gone? At another boot of the machine, or of a
 * container (PID 1 was not there before everything else), and after an end in good order. */
static int is_fresh(struct init const *i, struct status const *former)
{
	static unsigned char const unknown[sizeof i->boot_id];
	size_t n = sizeof i->boot_id;

	if (i->resumed)
		return 0;
	if (i->first || !former || former->flags & FLAG_EXITED)
		return 1;
	return memcmp(former->boot_id, i->boot_id, n) && memcmp(former->boot_id, unknown, n) &&
	       memcmp(i->boot_id, unknown, n);
}

/* Clients find the configuration of the services through this link. */
static int link_services(struct init const *i)
{
	char now[PATH_MAX];
	ssize_t n = readlinkat(i->dir, "services", now, sizeof now);

	if (n > 0 && (size_t)n == strlen(i->service_path) &&
		!memcmp(now, i->service_path, (size_t)n))
		return 0;
	unlinkat(i->dir, ".services", 0);
	if (symlinkat(i->service_path, i->dir, ".services") < 0)
		return -1;
	return renameat(i->dir, ".services", i->dir, "services");
}

/* Not anew where it is there: the run directory may have no room. */
static int write_version(struct init const *i)
{
	static char const text[] = CINIT_VERSION "\n";
	char now[sizeof text];
	int fd = openat(i->dir, "version", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		size_t len = allread(fd, now, sizeof now);
		fd_close(fd);
		if (len == sizeof text - 1 && !memcmp(now, text, len))
			return 0;
	}
	fd = openat(
		i->dir, ".version", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return -1;
	size_t n = allwrite(fd, text, sizeof text - 1);
	fd_close(fd); /* keeps errno */
	return n < sizeof text - 1 ? -1 : renameat(i->dir, ".version", i->dir, "version");
}

/* A group that we may not give to `in` (we are not root, nor in it) is no reason not to boot. */
static int open_pair(struct init *i)
{
	if (!cinit_ipc_init(&i->ipc, i->dir, i->control_group))
		return 0;
	if (i->control_group == (gid_t)-1 || errno != EPERM)
		return -1;
	warn_error("; control is for the owner only", "unable to give the control group access");
	i->control_group = (gid_t)-1;
	return cinit_ipc_init(&i->ipc, i->dir, i->control_group);
}

int boot_record(struct init *i)
{
	struct status former;
	char const *what = "open the pair in ";
	enum status_error e = status_read(i->dir, ".", &former, &i->ring);
	int known = e == STATUS_OK;

	if (!i->first && status_unreadable(e, errno)) {
		what = "read the record in ";
		goto fail;
	}
	process_boot_id(i->boot_id);
	i->fresh = (uint8_t)is_fresh(i, known ? &former : NULL);
	if (open_pair(i) < 0)
		goto fail;
	what = "write to ";
	if (link_services(i) < 0 || write_version(i) < 0)
		goto fail;
	record_begin(i, known && !i->fresh ? &former : NULL);
	record_publish(i, clock_boottime());
	return 0;
fail:
	strerr_warn(PROG, ": fatal: unable to ", what, i->run_path, "/" RUNDIR_TREE ": ",
		strerror(errno));
	return EXIT_SYSTEM;
}

/* ---------------------------------------------------------------------------- services */

/* A service of which the run directory may know: its supervisor lives, or was told to exit, or it
 * gets one. */
void boot_begin(struct init *i, struct service *s, uint64_t now)
{
	if (s->blank) {
		tree_schedule(&i->tree, s, now);
		return;
	}
	struct status st;
	/* nobody can have been there before PID 1 */
	enum status_error e =
		i->first && !i->resumed ? STATUS_SYSTEM : status_read(i->run, s->name, &st, NULL);
	int known = e == STATUS_OK;
	int exited = i->keeps_exits && known && st.flags & FLAG_EXITED && !st.supervisor;

	int taken = !exited && known && takeover(i, s, &st);
	/* does another follow it, as a former cinit has promised? */
	int marked = (exited || (taken && st.want == WANT_EXIT)) && state_is_marked(i, s);

	if (taken && marked)
		s->renew = 1;
	if (taken || (exited && !marked)) {
		reap_look(i, s, &st);
		return;
	}
	if (i->fresh && (i->first || !status_unreadable(e, errno)) &&
		(!known || !takeover_lives(i, s)))
		state_begin(i, s);
	else
		state_unkept(i, s);
	tree_schedule(&i->tree, s, now);
}

static void trouble(char const *name)
{
	message_trouble(name, "");
}

/* 0, or -1 with errno: no memory. */
static int fill_table(struct init *i, struct scan const *found)
{
	if (tree_reserve(&i->tree, found->count) < 0 ||
		pidmap_reserve(&i->orphans, 2 * found->count) < 0)
		return -1;
	for (size_t n = 0; n < found->count; n++) {
		struct scan_entry const *e = found->entry + n;
		if (!e->inode || template_is(e->name))
			continue;
		struct service *s = tree_add(&i->tree, e->name);
		if (!s)
			return -1;
		s->device = e->device;
		s->inode = e->inode;
		s->holds = e->holds;
	}
	return 0;
}

/* The profile may be an instance. 0, or -1 with errno: no memory. */
static int add_profile(struct init *i)
{
	if (!i->profile || tree_find(&i->tree, i->profile))
		return 0;
	return instance_add(i, i->profile) || !errno ? 0 : -1;
}

static int read_services(struct init *i)
{
	struct scan found = { 0 };
	int r = 0;

	if (scan_read(&found, i->service_path, trouble) < 0) {
		r = cannot_read_services(i);
	} else if (fill_table(i, &found) < 0 || add_profile(i) < 0) {
		strerr_warn(
			PROG, ": fatal: unable to make the table of services: ", strerror(errno));
		r = EXIT_SYSTEM;
	}
	i->templates = scan_templates(&found);
	scan_free(&found);
	return r;
}

int boot_services(struct init *i)
{
	int r = read_services(i);
	if (r)
		return r;
	spawn_limit(i);
	uint64_t now = clock_boottime();
	for (size_t n = 0; n < i->tree.count; n++) {
		spawn_prepare(i, i->tree.list[n]);
		boot_begin(i, i->tree.list[n], now);
	}
	state_tidy(i);
	rescan_leftovers(i);
	/* what a supervisor asked of a former cinit may be lost */
	if (i->tree.taken)
		spawn_poke_all(i);
	i->cycles_again = 1; /* when the first supervisors are forked: it would take their time */
	return 0;
}
