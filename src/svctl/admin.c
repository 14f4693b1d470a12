/* enable and disable, and the commands to the tree. */
#include "svctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include "clock.h"
#include "command.h"
#include "loop.h"
#include "path.h"
#include "report.h"
#include "view.h"

/* ---------------------------------------------------------------------------- enable and disable
 */

static int edit(int enable, char const *file)
{
	struct stat st;

	if (enable) {
		if (unlink(file) == 0 || errno == ENOENT)
			return 0;
		/* where nothing may be written, the kernel does not look whether it is there */
		int e = errno;
		if (lstat(file, &st) < 0 && errno == ENOENT)
			return 0;
		errno = e;
		return -1;
	}
	int fd =
		open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -1;
	fd_close(fd);
	return 0;
}

static void line(
	char const *prefix, struct target const *t, char const *a, char const *b, char const *c)
{
	struct text text = TEXT_ZERO;

	text_add(&text, prefix);
	text_add(&text, t->typed);
	text_add(&text, ": ");
	text_add(&text, a);
	text_add(&text, b);
	text_add(&text, c);
	text_add(&text, "\n");
	if (text_write(&text, 1) < 0)
		die_output();
	text_free(&text);
}

static char const *reason(int e)
{
	return e == EACCES || e == EPERM ? "access denied" : strerror(e);
}

/* 1: goes on to the tree. 0: done, as far as it can be. -1: failed. */
static int edit_one(struct target const *t, struct where *w, int enable)
{
	char directory[PATH_MAX], file[PATH_MAX];
	struct stat st;
	char const *done = enable ? "enabled" : "disabled";

	/* a name that can be no service's */
	if (!t->state || target_directory(t, w, directory) < 0 ||
		path_join(file, directory, "down") < 0) {
		line("fail: ", t, "no such service", "", "");
		return -1;
	}
	if (stat(directory, &st) < 0 || !S_ISDIR(st.st_mode)) {
		line("fail: ", t, "no such service directory: ", directory, "");
		return -1;
	}
	if (edit(enable, file) < 0) {
		struct text why = TEXT_ZERO;
		text_add(&why, ": ");
		text_add(&why, reason(errno));
		text_add(&why, "; nothing was sent");
		text_bytes(&why, "", 1);
		line("fail: ", t, enable ? "unable to remove " : "unable to make ", file,
			why.failed ? "" : why.sa.s);
		text_free(&why);
		return -1;
	}
	if (!t->missing)
		return 1;
	if (!where_alive(w)) {
		line("ok: ", t, done, " from the next start of cinit on; none runs now", "");
		return 0;
	}
	line("warning: ", t, done, ", but cinit does not have it yet: use `svctl rescan'", "");
	return -1;
}

void admin_edit(struct options const *o, struct where *w, struct targets *ts, unsigned long *failed)
{
	size_t kept = 0;

	for (size_t i = 0; i < ts->count; i++) {
		struct target t = ts->list[i];
		int r = edit_one(&t, w, o->verb->kind == VERB_ENABLE);
		if (r < 0)
			++*failed;
		if (r <= 0)
			continue;
		/* the others stay behind those that go on, for targets_free */
		ts->list[i] = ts->list[kept];
		ts->list[kept++] = t;
	}
	targets_keep(ts, kept);
}

/* ------------------------------------------------------------------------------------- the tree */

struct tree_end {
	struct job job;
	struct status status;
	int ended;
};

static void ended(void *data, struct target const *t, struct job const *j, struct status const *s,
	uint64_t now)
{
	struct tree_end *end = data;
	(void)t, (void)now;
	end->job = *j;
	if (s)
		end->status = *s;
	end->ended = 1;
}

static void killed(void *data, struct target const *t, struct status const *s, uint64_t now)
{
	(void)data, (void)t, (void)s, (void)now;
}

static void quiet(void *data)
{
	(void)data;
}

static char const *send_reason(struct job const *j)
{
	switch ((enum job_error)j->error) {
	case JOB_ERROR_NONE:
	case JOB_ERROR_NO_SERVICE:
	case JOB_ERROR_NO_SUPERVISOR:
		return "it does not run";
	case JOB_ERROR_FULL:
		return "its FIFO is full; it is stopped or busy";
	case JOB_ERROR_DENIED:
		return "access denied";
	case JOB_ERROR_NOT_FIFO:
		return "`in' is not a FIFO";
	case JOB_ERROR_CUT_IN:
		return "it lives, but " REPORT_CUT_IN REPORT_MEND_CINIT;
	case JOB_ERROR_CUT_OUT:
		return "it lives, but `out' is gone; " REPORT_MEND_CINIT;
	case JOB_ERROR_RECORD:
		return view_error_text((enum status_error)j->detail, 0);
	case JOB_ERROR_SEND:
	case JOB_ERROR_WATCH:
		break;
	}
	return reason(j->detail);
}

static void judge(struct options const *o, struct where const *w, struct tree_end const *end)
{
	struct job const *j = &end->job;
	char const *word = o->verb->word;
	int says = j->detail == WHY_UPGRADE && end->status.reason == REASON_UPGRADE;
	int partly = j->detail == WHY_PUBLISH && end->status.reason == REASON_PUBLISH;

	switch ((enum job_outcome)j->outcome) {
	case OUTCOME_OK:
	case OUTCOME_GONE:
		return;
	case OUTCOME_UNKNOWN:
		if (j->error == JOB_ERROR_WATCH)
			strerr_dief(EXIT_UNKNOWN, "unable to watch cinit in ", w->run, ": ",
				strerror(j->detail), "; outcome of ", word, " unknown");
		strerr_dief(EXIT_UNKNOWN, "no answer to ", word, " from cinit in ", w->run,
			" in time; outcome unknown");
	case OUTCOME_REFUSED:
		if (partly)
			strerr_dief(EXIT_SYSTEM, "cinit in ", w->run, " did not do all of ", word,
				": ", end->status.reason_text);
		strerr_dief(EXIT_SYSTEM, "cinit in ", w->run, " refused ", word, ": ",
			status_why_text((unsigned int)j->detail), says ? ": " : "",
			says ? end->status.reason_text : "");
	case OUTCOME_TIMEOUT:
	case OUTCOME_KILLED:
	case OUTCOME_NEVER:
	case OUTCOME_FAILED:
		break;
	}
	strerr_dief(EXIT_SYSTEM, "unable to send ", word, " to cinit in ", w->run, ": ",
		send_reason(j));
}

void admin_tell(struct options const *o, struct where *w, struct status *s)
{
	static char state[] = RUNDIR_TREE;
	struct target t = { .typed = "cinit", .state = state, .base = w->fd };
	struct targets ts = { .list = &t, .count = 1 };
	struct tree_end end = { .ended = 0 };
	struct loop_request q = {
		.where = w,
		.targets = &ts,
		.verb = o->verb,
		.limit = o->wait,
		.ended = ended,
		.killed = killed,
		.quiet = quiet,
		.data = &end,
	};

	if (w->fd < 0)
		die_no_run(w);
	if (loop_run(&q) < 0 || !end.ended)
		strerr_diefu2sys(EXIT_SYSTEM, "send ", o->verb->word);
	judge(o, w, &end);
	*s = end.status;
}

int admin_tree(struct options const *o, struct where *w)
{
	struct status s;

	admin_tell(o, w, &s);
	return 0;
}

int admin_version(struct where *w)
{
	struct text t = TEXT_ZERO;
	char version[128];
	char path[PATH_MAX];
	ssize_t n = -1;

	text_add(&t, "svctl " CINIT_VERSION "\n");
	if (w->fd >= 0 && where_alive(w) && path_join(path, w->run, RUNDIR_TREE "/version") == 0)
		n = (ssize_t)openreadnclose_nb(path, version, sizeof version - 1);
	if (n > 0) {
		version[n] = 0;
		version[strcspn(version, "\n")] = 0;
		text_add(&t, "cinit ");
		text_foreign(&t, version);
		text_add(&t, " in ");
		text_add(&t, w->run);
		text_add(&t, "\n");
	} else {
		text_add(&t, "cinit: not running\n");
	}
	if (text_write(&t, 1) < 0)
		die_output();
	text_free(&t);
	return 0;
}
