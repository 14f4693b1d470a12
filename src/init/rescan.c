/* Reading the service directory again while the tree runs, and taking leave of services that
 * vanished. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "../lib/clock.h"
#include "../lib/listing.h"
#include "../lib/path.h"
#include "../lib/process.h"
#include "../lib/template.h"
#include "init.h"
#include "message.h"
#include "scan.h"

/* ----------------------------------------------------------------------- taking leave */

/* Its directory is gone, and its supervisor too: it has never been. */
void rescan_forget(struct init *i, struct service *s)
{
	pidmap_drop_value(&i->orphans, s);
	state_remove(i, s->name);
	tree_remove(&i->tree, s);
	cmd_await_anew(i);
}

/* TERM: to stop it, and to end. HUP: to look after its FIFOs. */
static void tell_supervisor(struct service const *s, int sig)
{
	if (s->phase == SERVICE_RUNS)
		kill(s->supervisor, sig);
	else if (s->phase == SERVICE_TAKEN)
		process_signal(s->supervisor, s->identity, sig);
}

/* Its directory is gone. */
static void vanish(struct init *i, struct service *s, uint64_t now)
{
	s->vanished = 1;
	s->renew = 0;
	if (s->supervisor) {
		/* it comes back with its directory, should that be there again for another cinit */
		state_mark(i, s);
		tell_supervisor(s, SIGTERM);
	} else if (takeover_lives(i, s))
		tree_schedule(&i->tree, s, now); /* a supervisor, to stop what runs */
	else
		rescan_forget(i, s);
}

/* --------------------------------------------------------------------- what was found */

static void trouble(char const *name)
{
	message_trouble(name, "; leaving it as it is");
}

/* Has its supervisor said good-bye? It is about to exit, or we have not yet reaped it. One that we
 * have only just forked may not have published anything: the record is that of the one before. */
static int is_leaving(struct init const *i, struct service const *s)
{
	struct status st;

	return s->supervisor && status_read(i->run, s->name, &st, NULL) == STATUS_OK &&
	       st.flags & FLAG_EXITED && !st.supervisor && st.executed >= s->spawned;
}

/* When its supervisor has ended, it gets another one. */
static void renew(struct init const *i, struct service *s)
{
	s->renew = 1;
	state_mark(i, s);
}

/* A service without supervisor gets one. 1, or 0: it has one, or is about to. */
int rescan_wake(struct init *i, struct service *s)
{
	if (s->vanished || s->phase == SERVICE_DUE)
		return 0;
	if (s->phase != SERVICE_IDLE) {
		if (is_leaving(i, s))
			renew(i, s);
		return s->renew;
	}
	s->row = 0;
	state_mark(i, s);
	tree_schedule(&i->tree, s, clock_boottime());
	return 1;
}

/* A service that we knew is there. */
static void still_there(struct init *i, struct service *s, struct scan_entry const *e)
{
	int other = s->device != e->device || s->inode != e->inode;

	s->seen = 1;
	s->made = (uint8_t)template_is(e->name);
	s->device = e->device;
	s->inode = e->inode;
	if (s->vanished) {
		/* it was on its way out; in its place comes the new one */
		s->vanished = 0;
		renew(i, s);
	} else if (other && s->supervisor) {
		renew(i, s);
		tell_supervisor(s, SIGTERM);
	}
	if (e->holds & ~s->holds || !s->prepared) {
		s->holds |= e->holds;
		spawn_prepare(i, s);
	}
	rescan_wake(i, s);
}

/* An instance without a directory of its own lives as long as its template; told to exit, and asked
 * for by nobody since, it is not given a supervisor again but forgotten. */
static void still_made(struct init *i, struct service *s, struct scan const *found)
{
	struct scan_entry const *e = scan_find(found, s->name, template_length(s->name));

	if (!e || (!s->vanished && (s->phase == SERVICE_IDLE || is_leaving(i, s))))
		return;
	if (e->inode)
		still_there(i, s, e);
	s->seen = 1;
}

/* 0, or -1 with errno: no memory. */
static int newly_there(struct init *i, struct scan_entry const *e, uint64_t now)
{
	struct service *s = tree_add(&i->tree, e->name);

	if (!s)
		return -1;
	s->seen = 1;
	s->device = e->device;
	s->inode = e->inode;
	s->holds = e->holds;
	spawn_prepare(i, s);
	tree_schedule(&i->tree, s, now);
	return 0;
}

/* 1: there are new ones; 0; or -1 with errno: no memory. */
static int apply(struct init *i, struct scan const *found)
{
	uint64_t now = clock_boottime(), templates = i->templates;
	int news = 0;

	if (tree_reserve(&i->tree, i->tree.count + found->count) < 0 ||
		pidmap_reserve(&i->orphans, 2 * (i->tree.count + found->count)) < 0)
		return -1;
	for (size_t n = 0; n < i->tree.count; n++)
		i->tree.list[n]->seen = 0;
	for (size_t n = 0; n < found->count; n++) {
		struct scan_entry const *e = found->entry + n;
		struct service *s = tree_find(&i->tree, e->name);
		if (template_is(e->name))
			continue;
		if (s && !e->inode)
			s->seen = 1;
		else if (s)
			still_there(i, s, e);
		else if (e->inode && newly_there(i, e, now) < 0)
			return -1;
		news |= !s && e->inode;
	}
	/* from the end: one that leaves at once moves those behind it */
	for (size_t n = i->tree.count; n-- > 0;) {
		struct service *s = i->tree.list[n];
		if (!s->seen && s->made)
			still_made(i, s, found);
		if (!s->seen && !s->vanished)
			vanish(i, s, now);
	}
	i->templates = scan_templates(found);
	return news || i->templates != templates;
}

/* Ours, and those of services: what was removed or replaced by hand is made anew. */
static void mend_pairs(struct init *i)
{
	char log[PATH_MAX];
	int r = cinit_ipc_mend(&i->ipc, i->control_group);

	if (r < 0)
		warn_error("", "unable to make anew in and out of ", i->run_path, "/" RUNDIR_TREE);
	else if (r)
		warn("in or out of ", i->run_path,
			"/" RUNDIR_TREE " was removed or replaced; made anew");
	i->dirty |= r > 0;
	for (size_t n = 0; n < i->tree.count; n++) {
		struct service const *s = i->tree.list[n];
		if (!s->supervisor)
			continue;
		if (!cinit_ipc_attended(i->run, s->name) ||
			(s->holds & 1u << HOLD_PIPE && !path_join(log, s->name, "log") &&
				!cinit_ipc_attended(i->run, log)))
			tell_supervisor(s, SIGHUP);
	}
}

int rescan(struct init *i)
{
	struct scan found = { 0 };
	int r = scan_read(&found, i->service_path, trouble);

	if (i->status.reason == REASON_PUBLISH)
		record_reason(i, REASON_NONE, ""); /* who has no place yet is tried again */
	if (!r) {
		settings_read(i);
		r = apply(i, &found);
	}
	if (r < 0)
		warn_error("; what runs goes on as it is", "unable to read service directory ",
			i->service_path);
	scan_free(&found);
	spawn_limit(i);
	cmd_await_anew(i);
	/* somebody may need one that there was not */
	if (r > 0)
		spawn_poke_all(i);
	if (r >= 0)
		cycles_look(i);
	mend_pairs(i);
	return r < 0 ? -1 : i->status.reason == REASON_PUBLISH;
}

/* -------------------------------------------------------------------------- leftovers */

/* A directory of the run directory without a service. Only what certainly is a state directory of
 * ours is touched. */
static void leftover(char const *name, unsigned int type, void *data)
{
	struct init *i = data;
	(void)type;
	char path[PATH_MAX];
	struct status st;
	struct stat out;

	if (!service_name_valid(name) || tree_find(&i->tree, name) ||
		path_join(path, name, "out") < 0 ||
		fstatat(i->run, path, &out, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISFIFO(out.st_mode))
		return;
	if (i->first && !i->resumed) {
		state_remove(i, name);
		return;
	}
	struct service *s = i->fresh ? NULL : instance_add(i, name);
	if (s) {
		/* it was made on demand, and lives on */
		spawn_prepare(i, s);
		boot_begin(i, s, clock_boottime());
		return;
	}
	s = tree_add(&i->tree, name);
	if (!s)
		return; /* no memory */
	s->prepared = 1;
	if (status_read(i->run, name, &st, NULL) != STATUS_OK || !takeover(i, s, &st))
		state_unkept(i, s);
	vanish(i, s, clock_boottime());
}

/* Services that vanished while nobody looked: what still runs is stopped, and their state goes. */
void rescan_leftovers(struct init *i)
{
	int fd = openat(i->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || listing_each(fd, leftover, i) < 0)
		warn_error("; what is left over in it stays", "unable to read run directory ",
			i->run_path);
	if (fd >= 0)
		fd_close(fd);
}
