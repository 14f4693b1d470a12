/* An upgrade: the program that is there now under the name that we were executed by takes our
 * place, and supervisors are told to do the same.
 *
 * First it is asked, in a child, which formats it understands (`--formats`): one that cannot be
 * executed, says nothing, or does not understand what we hand over and what is on disk is refused,
 * and nothing was touched. Then it is executed in our process, with everything in hand (carry.h).
 * It answers the frames that asked for it, so that their answer means that it was done. */
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
#define ANSWER_MAX 512
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

/* "status 1": a line for each, with all the versions that are understood. 0, or -1. */
int upgrade_formats(void)
{
	char text[ANSWER_MAX];
	size_t n = 0;

	for (size_t k = 0; k < FORMATS; k++)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "%s %u\n", formats[k].name, formats[k].version);
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

/* We are the other program: everybody is told to follow. */
void upgrade_done(struct init *i)
{
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

static _Noreturn void ask(struct init const *i, int out)
{
	static char word[] = "cinit", option[] = "--formats";
	char *const argv[] = { word, option, NULL };

	selfpipe_finish();
	signals_clean();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, 0);
	dup2(out, 1);
	process_close_from(3);
	setrlimit(RLIMIT_NOFILE, &i->nofile);
	execv(i->program, argv);
	char const *why = strerror(errno);
	fd_write(1, why, strlen(why));
	_exit(EXIT_NOT);
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
	if (pipecoe(p) < 0) {
		refuse(i, "unable to ask", strerror(errno));
		return 0;
	}
	u->asked = apart_fork();
	if (!u->asked)
		ask(i, p[1]);
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
	u->due = 1;
}

/* Carries out what is due, at the end of a turn. */
void upgrade_turn(struct init *i, uint64_t now)
{
	struct upgrade *u = &i->upgrade;

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
	carry_execute(i);
	refuse(i, "unable to execute", strerror(errno));
}
