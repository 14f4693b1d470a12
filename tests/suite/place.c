/* Services as a test sees them: through the client's side of the library, and nothing else. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "process.h"

struct place place_at(char const *name, char const *state)
{
	struct place p = { .client = CINIT_CLIENT_ZERO };
	p.client.base = AT_FDCWD;
	snprintf(p.name, sizeof p.name, "%s", name);
	snprintf(p.state, sizeof p.state, "%s", state);
	snprintf(p.dir, sizeof p.dir, "%s/%.63s", tree.services, name);
	return p;
}

struct place place_make(char const *name)
{
	struct place p = place_at(name, tree_name("run/%s", name));

	if ((mkdir(p.dir, 0755) < 0 && errno != EEXIST) ||
		(mkdir(p.state, 0755) < 0 && errno != EEXIST))
		fail_msg("tree: unable to make directories of %s: %s", name, strerror(errno));
	int dir = open(p.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || cinit_ipc_prepare(dir) < 0)
		fail_msg("tree: unable to make out of %s: %s", name, strerror(errno));
	close(dir);
	return p;
}

static char const *entry_name(struct place const *p, char const *entry)
{
	/* names of the tree are relative to it */
	return tree_name("%s/%s", p->dir + strlen(tree.path) + 1, entry) + strlen(tree.path) + 1;
}

void place_script(struct place const *p, char const *entry, char const *body)
{
	tree_script(entry_name(p, entry), body);
}

void place_write(struct place const *p, char const *entry, char const *text)
{
	tree_write(entry_name(p, entry), 0644, text);
}

void place_supervise(struct place *p)
{
	char const *argv[] = { "supervise", "-r", tree.run, "-d", tree.services, p->name, 0 };
	p->supervisor = tree_start(p->name, argv);
}

struct place place_with(char const *name, char const *run)
{
	struct place p = place_make(name);
	place_script(&p, "run", run);
	return p;
}

void place_up_at(struct place *p, char const *file, int line)
{
	place_supervise(p);
	p->deadline = tree_patience();
	place_look(p);
	while (p->e != STATUS_OK || p->s.state != STATE_UP)
		place_wait_at(p, "state up", file, line);
	event_is_at("up", file, line);
}

struct place place_running_at(char const *name, char const *run, char const *file, int line)
{
	struct place p = place_with(name, run);
	place_up_at(&p, file, line);
	return p;
}

static struct place *kept;
static unsigned int kept_count;

/* A record of `exited`: process id, wait status, identity; see cinit-ipc(7). */
static void keep_exit(pid_t pid, int wstat)
{
	struct status s;
	unsigned char record[16];
	char path[TREE_PATH + 8];

	for (unsigned int i = 0; i < kept_count; i++)
		for (unsigned int role = 0; role < ROLE_COUNT; role++) {
			if (status_read(AT_FDCWD, kept[i].state, &s, 0) != STATUS_OK ||
				s.child[role].pid != (uint32_t)pid)
				continue;
			put_be32(record, (uint32_t)pid);
			put_be32(record + 4, (uint32_t)wstat);
			put_be64(record + 8, process_identity(pid));
			snprintf(path, sizeof path, "%s/exited", kept[i].state);
			int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			if (fd < 0 || write(fd, record, sizeof record) != sizeof record)
				print_error("tree: %s: %s\n", path, strerror(errno));
			close(fd);
			struct cinit_client c = CINIT_CLIENT_ZERO;
			struct message m = { .command = 'y' };
			c.base = AT_FDCWD;
			c.path = kept[i].state;
			cinit_ipc_send(&c, &m); /* nobody there: the next one looks by itself */
			cinit_ipc_release(&c);
		}
}

void place_keep_exits(struct place *places, unsigned int n)
{
	kept = places;
	kept_count = places ? n : 0;
	tree.orphan = keep_exit;
}

void place_kill_supervisor_at(struct place *p, char const *file, int line)
{
	kill(p->supervisor, SIGKILL);
	tree_end_at(p->supervisor, file, line);
	place_supervise(p);
}

/* ------------------------------------------------------------------------------ the record */

void place_look(struct place *p)
{
	p->client.path = p->state;
	p->e = cinit_ipc_watch(&p->client, &p->s, &p->r);
}

void place_fail(struct place const *p, char const *what, char const *file, int line)
{
	struct status const *s = &p->s;
	char err[80];

	print_error("tree: %s:%d: %s: in vain: %s\n", file, line, p->name, what);
	if (p->e == STATUS_OK)
		print_error(
			"tree: state %s, want %s, reason %s `%s', flags %#x, run %u (phase %u), "
			"finish %u, control %u, starts %u, deaths %u, restarts %u, backoff %u ms, "
			"last exit %#x, strays %u, supervisor %u, change %llu, acknowledged %llu\n",
			status_state_name(s->state), status_want_name(s->want),
			status_reason_name(s->reason), s->reason_text, s->flags,
			s->child[ROLE_RUN].pid, s->child[ROLE_RUN].phase, s->child[ROLE_FINISH].pid,
			s->child[ROLE_CONTROL].pid, s->starts, s->deaths, s->restarts,
			s->backoff_ms, (unsigned int)s->last_exit, s->strays, s->supervisor,
			(unsigned long long)s->change, (unsigned long long)s->acknowledged);
	else
		print_error("tree: its record cannot be read (%d, %s)\n", p->e, strerror(errno));
	snprintf(err, sizeof err, "%s.err", p->name);
	print_error("tree: %s: %s", err, tree_read(err));
	_fail(file, line);
}

void place_wait_at(struct place *p, char const *what, char const *file, int line)
{
	if (p->client.out < 0)
		place_fail(p, what, file, line);
	for (;;) {
		int r = tree_poll(p->client.out, 0, p->deadline);
		if (r > 0)
			break;
		if (r < 0)
			place_fail(p, what, file, line);
	}
	place_look(p);
}

/* ------------------------------------------------------------------------------- commands */

static enum cinit_sent try_send(struct place *p, struct message const *m)
{
	p->client.path = p->state;
	return cinit_ipc_send(&p->client, m);
}

/* Watches before each try, so that the coming of a supervisor is not missed. */
void place_message_at(struct place *p, struct message const *m, char const *file, int line)
{
	enum cinit_sent sent;

	p->deadline = tree_patience();
	place_look(p);
	while ((sent = try_send(p, m)) == CINIT_NO_SUPERVISOR)
		place_wait_at(p, "somebody to read a command", file, line);
	if (sent != CINIT_SENT) {
		print_error("tree: %s:%d: %s: sending %c: %d (%s)\n", file, line, p->name,
			m->command, (int)sent, strerror(errno));
		_fail(file, line);
	}
}

uint64_t place_send_at(struct place *p, int letter, char const *file, int line)
{
	struct message m = { .id = cinit_ipc_id(), .command = (uint8_t)letter };
	place_message_at(p, &m, file, line);
	return m.id;
}

enum status_result place_answer_at(
	struct place *p, uint64_t id, enum status_why *why, char const *file, int line)
{
	int slot;

	p->deadline = tree_patience();
	place_look(p);
	while (p->e != STATUS_OK || (slot = (int)status_answer(&p->r, id)) < 0)
		place_wait_at(p, "an acknowledgement", file, line);
	if (why)
		*why = (enum status_why)p->r.why[slot];
	return (enum status_result)p->r.result[slot];
}

enum status_result place_command_at(struct place *p, int letter, char const *file, int line)
{
	uint64_t id = place_send_at(p, letter, file, line);
	enum status_result result = place_answer_at(p, id, 0, file, line);
	cinit_ipc_unsend(&p->client);
	return result;
}

void place_bytes_at(struct place *p, void const *bytes, size_t len, char const *file, int line)
{
	char path[TREE_PATH + 4];

	snprintf(path, sizeof path, "%s/in", p->state);
	p->deadline = tree_patience();
	for (;;) {
		place_look(p);
		int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0) {
			ssize_t n = write(fd, bytes, len);
			close(fd);
			if (n == (ssize_t)len)
				return;
		}
		if (fd < 0 && errno != ENXIO && errno != ENOENT) {
			print_error("tree: %s: %s\n", path, strerror(errno));
			_fail(file, line);
		}
		place_wait_at(p, "somebody to read bytes", file, line);
	}
}
