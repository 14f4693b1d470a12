/* What happens to a way of talking: one question a function, each in a place of its own. What is
 * written before a dangerous step stands, if the step never ends. */
#include "ipc/ways.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WRITE(where, ...) snprintf(where, sizeof(where), __VA_ARGS__)
#define HELD_MOST         1100 /* more than 1,024 descriptors can reach */

static pid_t stopped_owner(struct way const *w)
{
	pid_t pid = owner_start(w, 0, 0);
	if (pid > 0) {
		kill(pid, SIGSTOP);
		waitpid(pid, 0, WUNTRACED);
	}
	return pid;
}

static int ask(struct way const *w, struct end *e)
{
	uint64_t id = next_id();
	return w->send(e, id) < 0 || w->await(e, id) < 0 ? -1 : 0;
}

/* A client is killed amid its command, another one asks, and only then does the owner look. */
static int after_half(void *data)
{
	struct fate *f = data;
	struct end e;
	if (!f->way->half) {
		WRITE(f->after_half, "cannot be: whole or not at all");
		return 0;
	}
	WRITE(f->after_half, "the next waits for ever");
	pid_t owner = stopped_owner(f->way), pid = owner < 0 ? -1 : fork();
	if (!pid) {
		end_begin(&e, 0);
		if (end_join(f->way, &e) == 0 && f->way->half(&e) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSIGNALED(status))
		return -1;
	end_begin(&e, 0);
	uint64_t id = next_id();
	if (end_join(f->way, &e) < 0)
		return -1;
	int sent = f->way->send(&e, id);
	kill(owner, SIGCONT);
	if (sent == 0 && f->way->await(&e, id) == 0)
		WRITE(f->after_half, "the next is answered");
	else
		WRITE(f->after_half, "the way is blocked for good");
	return 0;
}

/* A command lies unread at an owner that is killed. */
static pid_t unread(struct fate *f, struct end *e, uint64_t *id)
{
	pid_t pid = stopped_owner(f->way);
	if (pid < 0)
		return -1;
	end_begin(e, 0);
	*id = next_id();
	if (end_join(f->way, e) < 0 || f->way->send(e, *id) < 0)
		return -1;
	kill(pid, SIGKILL);
	waitpid(pid, 0, 0);
	return pid;
}

static int owner_killed(void *data)
{
	struct fate *f = data;
	struct end e;
	uint64_t id;
	if (unread(f, &e, &id) < 0)
		return -1;
	WRITE(f->owner_killed, "learns nothing");
	if (f->way->await(&e, id) < 0)
		WRITE(f->owner_killed, "learns it at once");
	return 0;
}

static int successor(void *data)
{
	struct fate *f = data;
	struct end e;
	uint64_t id;
	if (unread(f, &e, &id) < 0 || owner_start(f->way, 0, 0) < 0)
		return -1;
	WRITE(f->successor, "lost");
	if (f->way->await(&e, id) == 0)
		WRITE(f->successor, "done by the successor");
	return 0;
}

static int make_read_only(void)
{
	return mount(0, "/mnt", 0, MS_REMOUNT | MS_RDONLY, 0);
}

static int read_only_made(void *data)
{
	struct fate *f = data;
	struct end e;
	end_begin(&e, 0);
	close(end_directory(0));
	if (make_read_only() < 0)
		return -1;
	if (end_own(f->way, &e, 0) < 0)
		WRITE(f->read_only, "cannot be made");
	else
		WRITE(f->read_only, "can be made");
	return 0;
}

static int read_only_later(void *data)
{
	struct fate *f = data;
	size_t have = strlen(f->read_only);
	char *more = f->read_only + have;
	size_t room = sizeof f->read_only - have;
	struct end e;
	if (owner_start(f->way, 0, 0) < 0)
		return -1;
	if (make_read_only() < 0) {
		snprintf(more, room, "; is in the way of remounting");
		return 0;
	}
	snprintf(more, room, "; made before: no answer");
	end_begin(&e, 0);
	if (end_join(f->way, &e) == 0 && ask(f->way, &e) == 0)
		snprintf(more, room, "; made before: works");
	return 0;
}

/* Commands that wait at an owner that does not read. */
static int backlog(void *data)
{
	struct fate *f = data;
	struct end e;
	pid_t pid = stopped_owner(f->way);
	if (pid < 0)
		return -1;
	end_begin(&e, 0);
	if (end_join(f->way, &e) < 0)
		return -1;
	while (f->backlog < 100000 && f->way->send(&e, next_id()) == 0)
		f->backlog++;
	return 0;
}

/* ------------------------------------------------------------------------------------- many */

/* KiB of the machine: what the kernel keeps for itself, and files in memory. */
static double kernel_memory(void)
{
	char line[128];
	double sum = 0;
	FILE *f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "Slab:", 5) || !strncmp(line, "Shmem:", 6))
			sum += atof(strchr(line, ':') + 1);
	if (f)
		fclose(f);
	return sum;
}

static void allow_files(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static unsigned int make_many(struct way const *w, unsigned int most)
{
	unsigned int made = 0;
	for (int tries = 0; made < most;) {
		struct timespec const moment = { .tv_nsec = 100000000 };
		struct end e;
		end_begin(&e, made);
		int r = end_own(w, &e, 0), error = errno;
		close(e.dir);
		errno = error;
		if (r == 0)
			made++;
		else if (made || ++tries > 50)
			break;
		else /* a user's queues of former namespaces are counted until these have gone */
			nanosleep(&moment, 0);
	}
	return made;
}

/* With the limits that a process has by default, but for descriptors: owners are many processes. */
static int most_made(void *data)
{
	struct fate *f = data;
	struct rlimit const queues = { 819200, 819200 };
	allow_files();
	queues_allow(256);
	setrlimit(RLIMIT_MSGQUEUE, &queues);
	f->most_made = make_many(f->way, options.most);
	WRITE(f->refused, "%s", f->most_made < options.most ? strerror(errno) : "");
	return 0;
}

static int kernel_use(void *data)
{
	struct fate *f = data;
	unsigned int n = options.most / 2;
	allow_files();
	for (unsigned int i = 0; i < n; i++)
		close(end_directory(i));
	double before = kernel_memory();
	n = make_many(f->way, n);
	f->kernel = n ? (kernel_memory() - before) / n : 0;
	return 0;
}

/* How many services a client with 1,024 descriptors can have a command at. */
static int most_joined(void *data)
{
	struct fate *f = data;
	int ready[2];
	char byte;
	if (pipe(ready) < 0)
		return -1;
	pid_t pid = fork();
	if (!pid) {
		allow_files();
		byte = make_many(f->way, HELD_MOST) == HELD_MOST;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	if (pid < 0 || read(ready[0], &byte, 1) != 1 || !byte)
		return -1;
	close(ready[0]);
	close(ready[1]);
	for (; f->most_joined < HELD_MOST; f->most_joined++) {
		struct end e;
		end_begin(&e, f->most_joined);
		if (end_join(f->way, &e) < 0 || f->way->send(&e, next_id()) < 0)
			break;
	}
	return 0;
}

/* A question without an answer within a few seconds is one whose answer is "never". */
int fate(void *data)
{
	struct fate *f = data;
	int (*const questions[])(void *) = { after_half, owner_killed, successor, read_only_made,
		read_only_later, backlog };
	unsigned int patience = options.patience;
	options.patience = options.smoke ? 3 : 2;
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		apart(questions[i], f);
	options.patience = patience;
	apart(kernel_use, f);
	return apart(most_made, f) < 0 || apart(most_joined, f) < 0 ? -1 : 0;
}
