/* Orphans: a dead supervisor's processes become our children, and their ends are ours to collect.
 * The next supervisor of the service, which adopts them, cannot wait for them; so we write down how
 * they ended, in RUNDIR/NAME/exited (and log/exited for the logger), and tell it to look. Records
 * of 16 bytes, big endian: pid 4, wait status 4, identity 8. The supervisor removes the file when
 * it has read it. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "../lib/bytes.h"
#include "../lib/path.h"
#include "../lib/process.h"
#include "init.h"
#include "message.h"

enum orphan_tag { ORPHAN_OF_SERVICE, ORPHAN_OF_LOGGER };

static void note(struct init *i, struct service *s, struct status const *st, enum orphan_tag tag)
{
	for (unsigned int n = 0; n < ROLE_COUNT; n++) {
		struct status_child const *c = st->child + n;
		/* what has been reaped already stays away: its pid may come back as another's */
		if (!c->pid || process_alive((pid_t)c->pid, c->identity) == PROCESS_GONE)
			continue;
		struct pidmap_entry *e = pidmap_put(&i->orphans, (pid_t)c->pid, s);
		if (!e) {
			warn_error("; their exit codes will be unknown", s->name,
				": unable to remember its processes");
			return;
		}
		e->tag = tag;
		e->identity = c->identity;
	}
}

/* Its supervisor has died with this record: remembers whose the processes in it are. */
void orphans_note(struct init *i, struct service *s, struct status const *st)
{
	char log[PATH_MAX];
	struct status of_log;

	note(i, s, st, ORPHAN_OF_SERVICE);
	if (st->flags & FLAG_HAS_LOG && !path_join(log, s->name, "log") &&
		status_read(i->run, log, &of_log, NULL) == STATUS_OK)
		note(i, s, &of_log, ORPHAN_OF_LOGGER);
}

/* After another program in our place: those of dead supervisors are our children still. A child of
 * a living one is noted when that dies. */
void orphans_resume(struct init *i)
{
	struct status st;

	for (size_t n = 0; n < i->tree.count; n++) {
		struct service *s = i->tree.list[n];
		if (status_read(i->run, s->name, &st, NULL) == STATUS_OK)
			orphans_note(i, s, &st);
	}
	/* a drop moves entries back, into the slot just looked at too: look at it again */
	for (size_t n = 0; n < i->orphans.size;) {
		pid_t pid = i->orphans.entry[n].pid;
		if (pid && !process_is_child(pid))
			pidmap_drop(&i->orphans, pid);
		else
			n++;
	}
}

static int append(int run, char const *path, struct pidmap_entry const *e, int wait_status)
{
	unsigned char record[16];
	int fd = openat(run, path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	put_be32(record, (uint32_t)e->pid);
	put_be32(record + 4, (uint32_t)wait_status);
	put_be64(record + 8, e->identity);
	/* one write of so few bytes is all or nothing */
	ssize_t n = fd_write(fd, (char const *)record, sizeof record);
	fd_close(fd); /* keeps errno */
	return n == sizeof record ? 0 : -1;
}

/* `pid` has ended and is still to be reaped. If it is an orphan that we know: writes down how it
 * ended, forgets it, and returns its service. Never a reason not to reap: where it cannot be
 * written, the code is lost, and that is said. */
struct service *orphans_record(struct init *i, pid_t pid, int wait_status)
{
	struct pidmap_entry const *e = pidmap_get(&i->orphans, pid);
	char path[PATH_MAX];

	if (!e)
		return NULL;
	struct service *s = e->value;
	char const *file = e->tag == ORPHAN_OF_LOGGER ? "log/exited" : "exited";
	if (path_join(path, s->name, file) < 0 || append(i->run, path, e, wait_status) < 0)
		warn_error(
			"; an exit code will be unknown", s->name, ": unable to write to ", file);
	pidmap_drop(&i->orphans, pid);
	return s;
}
