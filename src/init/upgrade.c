/* An upgrade: the program that is there now under the name that we were executed by takes our
 * place, and supervisors are told to do the same.
 *
 * First it is asked, in a child, which formats it understands (`--formats`): one that cannot be
 * executed, says nothing, or does not understand what we hand over and what is on disk is refused,
 * and nothing was touched. It shows that it does by doing it: what it would be handed is its
 * standard input, and it takes it over as far as that can be done by another process. Then it is
 * executed in ours, with everything in hand (carry.h). It answers the frames that asked for it, so
 * that their answer means that it was done.
 *
 * What is wrong with it and was not found so comes back: until it has taken over, any fault, the
 * end of its time and any error executes us again, with what we handed over (fault.c, resume.c);
 * and for some seconds more a fault of PID 1 does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>
#include <skalibs/types.h>

#include "../lib/clock.h"
#include "../lib/frame.h"
#include "../lib/handover.h"
#include "../lib/process.h"
#include "../lib/signals.h"
#include "carry.h"
#include "apart.h"
#include "init.h"
#include "message.h"

#define PATIENCE   (5 * CLOCK_SECOND) /* for its answer */
#define LIMIT      10                 /* seconds to take over in */
#define PROOF      (10 * CLOCK_SECOND)
#define ANSWER_MAX 512
#define UNDERSTOOD "services"
#define EXIT_NOT   111 /* of the child: not executed; errno's text is the answer */

/* What we write is what the next program has to read. */
static struct {
	char const *name;
	unsigned int version;
} const formats[] = {
	{ "status", STATUS_VERSION },
	{ "frame", FRAME_VERSION },
	{ "handover", HANDOVER_VERSION },
};
#define FORMATS (sizeof formats / sizeof *formats)

/* Takes over what another program would hand to us, in a process that nobody knows. 1: it is all
 * there. */
static int rehearse(struct init *i)
{
	return handover_kind(0) == HANDOVER_CINIT && carry_read(i, 0) == 0 && carry_take(i) == 0 &&
	       tree_reserve(&i->tree, i->tree.count) == 0 && loop_prepare(i) == 0;
}

/* "status 1": a line for each, with all the versions that are understood; and how many services
 * are, of a state that is our input. 0, or -1. */
int upgrade_formats(struct init *i)
{
	char text[ANSWER_MAX];
	size_t n = 0;

	for (size_t k = 0; k < FORMATS; k++)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "%s %u\n", formats[k].name, formats[k].version);
	if (rehearse(i))
		n += (size_t)snprintf(
			text + n, sizeof text - n, UNDERSTOOD " %u\n", (unsigned int)i->tree.count);
	return allwrite(1, text, n) < n ? -1 : 0;
}

/* Is there a line of that name, and the version in it? */
static int understands(char const *answer, char const *name, unsigned int version)
{
	size_t len = strlen(name);

	for (char const *line = answer; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) || line[len] != ' ')
			continue;
		for (char const *p = line + len; *p == ' ';) {
			unsigned int one;
			size_t n = uint_scan(p + 1, &one);
			if (n && one == version)
				return 1;
			p += 1 + n;
			if (!n)
				break;
		}
	}
	return 0;
}

/* ----------------------------------------------------------------------------------- answers */

static void acknowledge(struct init *i, enum status_result result, enum status_why why)
{
	for (unsigned int n = 0; n < i->upgrade.count; n++)
		status_acknowledge(&i->status, &i->ring, i->upgrade.id[n], result, why);
	i->upgrade.count = 0;
	i->dirty = 1;
}

static void refuse(struct init *i, char const *what, char const *why)
{
	char text[STATUS_TEXT];

	snprintf(text, sizeof text, "%.100s %.80s", i->program[0] ? i->program : "the program",
		what);
	if (why)
		snprintf(text, sizeof text, "%s %.100s: %.60s", what, i->program, why);
	warn("upgrade refused: ", text, "; going on as before");
	record_reason(i, REASON_UPGRADE, text);
	acknowledge(i, RESULT_REFUSED, WHY_UPGRADE);
}

/* We have been the other program already: the one that we executed could not go on. */
void upgrade_returned(struct init *i)
{
	char what[STATUS_TEXT];

	memcpy(what, i->returned, sizeof what);
	i->returned[0] = 0;
	refuse(i, what, NULL);
}

/* We are the other program: everybody is told to follow. */
void upgrade_done(struct init *i)
{
	/* what came before us can go on after us only if it reads what we write */
	if (i->former >= 0 && i->first && i->former_reads) {
		i->proved = clock_boottime() + PROOF;
	} else if (i->former >= 0) {
		fd_close(i->former);
		i->former = -1;
	}
	if (i->status.reason == REASON_UPGRADE)
		record_reason(i, REASON_NONE, "");
	acknowledge(i, RESULT_DONE, WHY_NONE);
	for (size_t n = 0; n < i->tree.count; n++) {
		struct service const *s = i->tree.list[n];
		if (s->phase == SERVICE_RUNS)
			kill(s->supervisor, SIGUSR1);
		else if (s->phase == SERVICE_TAKEN)
			process_signal(s->supervisor, s->identity, SIGUSR1);
	}
}

/* ------------------------------------------------------------------------------------ asking */

static _Noreturn void become(struct init const *i, int state, int out)
{
	static char word[] = "cinit", option[] = "--formats";
	char *const argv[] = { word, option, NULL };

	fault_drop(i);
	selfpipe_finish();
	signals_clean();
	dup2(state, 0);
	dup2(out, 1);
	process_close_from(3);
	setrlimit(RLIMIT_NOFILE, &i->nofile);
	execv(i->program, argv);
	char const *why = strerror(errno);
	fd_write(1, why, strlen(why));
	_exit(EXIT_NOT);
}

/* The pid, or -1 with errno. The state is written here, because a child has our tables no more. */
static pid_t ask(struct init const *i, int out)
{
	int state = carry_show(i);

	if (state < 0)
		return -1;
	pid_t pid = apart_fork();
	if (!pid)
		become(i, state, out);
	fd_close(state);
	return pid;
}

/* Somebody asks for an upgrade; `id` is that of a frame, or 0. 0: it is under way, and the answer
 * follows. -1: it was refused, and answered. */
int upgrade_begin(struct init *i, uint64_t id)
{
	struct upgrade *u = &i->upgrade;
	int p[2];

	for (unsigned int n = 0; n < u->count; n++) {
		if (u->id[n] == id)
			return 0; /* sent again: it will be answered */
	}
	if (u->count == UPGRADES_MAX)
		return -1;
	if (id)
		u->id[u->count++] = id;
	if (u->asked || u->due)
		return 0;
	if (!i->program[0]) {
		refuse(i, "that we were executed as has no name: it cannot be found", NULL);
		return 0;
	}
	if (stat(i->program, &u->file) < 0) {
		refuse(i, "unable to execute", strerror(errno));
		return 0;
	}
	if (pipecoe(p) < 0) {
		refuse(i, "unable to ask", strerror(errno));
		return 0;
	}
	u->services = i->tree.count;
	u->asked = ask(i, p[1]);
	int e = errno;
	fd_close(p[1]);
	if (u->asked < 0) {
		u->asked = 0;
		fd_close(p[0]);
		refuse(i, "unable to ask", strerror(e));
		return 0;
	}
	u->answer = p[0];
	u->limit = clock_boottime() + PATIENCE;
	return 0;
}

/* What it said is judged when it has ended: it is shorter than a pipe. */
void upgrade_answered(struct init *i, int wait_status)
{
	struct upgrade *u = &i->upgrade;
	char text[ANSWER_MAX], end[MESSAGE_END];

	ndelay_on(u->answer); /* a process that it left could have it open still */
	ssize_t n = fd_read(u->answer, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	fd_close(u->answer);
	u->answer = -1;
	u->asked = 0;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EXIT_NOT && text[0]) {
		refuse(i, "unable to execute", text);
		return;
	}
	if (wait_status) {
		refuse(i,
			u->limit ? message_end(end, wait_status)
				 : "does not say which formats it understands",
			NULL);
		return;
	}
	for (size_t k = 0; k < FORMATS; k++) {
		char what[64];
		if (understands(text, formats[k].name, formats[k].version))
			continue;
		snprintf(what, sizeof what, "does not understand %s %u", formats[k].name,
			formats[k].version);
		refuse(i, what, NULL);
		return;
	}
	if (!understands(text, UNDERSTOOD, (unsigned int)u->services)) {
		refuse(i, "does not understand what it would be handed", NULL);
		return;
	}
	u->due = 1;
}

/* Is it still the file that was asked? */
static int is_same(struct init const *i)
{
	struct stat const *a = &i->upgrade.file;
	struct stat b;

	return stat(i->program, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino &&
	       a->st_size == b.st_size && !memcmp(&a->st_mtim, &b.st_mtim, sizeof b.st_mtim) &&
	       !memcmp(&a->st_ctim, &b.st_ctim, sizeof b.st_ctim);
}

/* Long enough without a fault, or the end: the file system it is on may have to be given back. */
static void let_go_of_former(struct init *i, uint64_t now)
{
	if (!i->proved || (now < i->proved && i->stop.phase == STOP_NOT))
		return;
	fd_close(i->former);
	i->former = -1;
	i->proved = 0;
}

/* Carries out what is due, at the end of a turn. */
void upgrade_turn(struct init *i, uint64_t now)
{
	struct upgrade *u = &i->upgrade;

	let_go_of_former(i, now);
	if (u->asked && u->limit && now >= u->limit) {
		kill(u->asked, SIGKILL);
		u->limit = 0;
	}
	if (!u->due)
		return;
	u->due = 0;
	if (i->stop.phase != STOP_NOT) {
		acknowledge(i, RESULT_REFUSED, WHY_STOPPING);
		return;
	}
	if (!is_same(i)) {
		refuse(i, "was replaced while it was asked", NULL);
		return;
	}
	alarm(LIMIT); /* it is blocked here, and the time goes on there */
	carry_execute(i);
	int e = errno;
	alarm(0);
	refuse(i, "unable to execute", strerror(e));
}
