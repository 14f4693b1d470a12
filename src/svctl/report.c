/* What svctl says of services. */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <skalibs/sig.h>

#include "clock.h"
#include "command.h"

/* Whole seconds; a stamp of another boot or time namespace may lie ahead. */
static uint64_t seconds_since(uint64_t stamp, uint64_t now)
{
	return stamp && stamp < now ? (now - stamp) / CLOCK_SECOND : 0;
}

/* runit's words for a service with a process */
static void add_run(struct text *t, char const *word, char const *name, uint32_t pid,
	struct status const *s, uint64_t now)
{
	text_add(t, word);
	text_add(t, name);
	text_add(t, ": (pid ");
	text_number(t, pid);
	text_add(t, ") ");
	text_number(t, seconds_since(s->started, now));
	text_add(t, "s");
	if (s->flags & FLAG_NORMALLY_DOWN)
		text_add(t, ", normally down");
	if (s->flags & FLAG_PAUSED)
		text_add(t, ", paused");
	if (s->want != WANT_UP)
		text_add(t, ", want down");
	if (s->flags & FLAG_GOT_TERM)
		text_add(t, ", got TERM");
}

/* Up without a process: a bundle, or a oneshot. runit knows no such thing. */
static void add_up(struct text *t, char const *name, struct status const *s, uint64_t now)
{
	text_add(t, "up: ");
	text_add(t, name);
	text_add(t, ": ");
	text_number(t, seconds_since(s->since, now));
	text_add(t, "s");
	if (s->flags & FLAG_NORMALLY_DOWN)
		text_add(t, ", normally down");
	if (s->want == WANT_DOWN || s->want == WANT_EXIT)
		text_add(t, ", want down");
}

static void add_down(struct text *t, char const *name, struct status const *s, uint64_t now)
{
	text_add(t, "down: ");
	text_add(t, name);
	text_add(t, ": ");
	text_number(t, seconds_since(s->since, now));
	text_add(t, "s");
	if (!(s->flags & FLAG_NORMALLY_DOWN))
		text_add(t, ", normally up");
	if (s->want == WANT_UP)
		text_add(t, ", want up");
}

int report_reason(struct status const *s)
{
	return s->reason != REASON_NONE && s->reason_text[0] &&
	       !(s->reason == REASON_REFUSED && s->reason_detail);
}

void report_state(struct text *t, char const *name, struct status const *s, uint64_t now)
{
	uint32_t run = s->child[ROLE_RUN].pid, finish = s->child[ROLE_FINISH].pid;

	if (run)
		add_run(t, "run: ", name, run, s, now);
	else if (finish)
		add_run(t, "finish: ", name, finish, s, now);
	else if (s->state == STATE_UP)
		add_up(t, name, s, now);
	else
		add_down(t, name, s, now);
	/* what runit does not know goes behind what its clients read */
	if (s->strays) {
		text_add(t, ", processes left: ");
		text_number(t, s->strays);
	}
	if (s->state == STATE_FAILED)
		text_add(t, ", failed");
	if (report_reason(s)) {
		text_add(t, ", ");
		text_foreign(t, s->reason_text);
	}
}

static void add_fail(struct text *t, char const *word, char const *name, char const *why)
{
	text_add(t, word);
	text_add(t, name);
	text_add(t, ": ");
	text_add(t, why);
}

int report_view(struct text *t, char const *name, struct view const *v, uint64_t now)
{
	switch (v->seen) {
	case SEEN_RECORD:
		if (v->supervised) {
			report_state(t, name, &v->status, now);
			return 0;
		}
		add_fail(t, "fail: ", name, REPORT_NO_SUPERVISOR);
		return 1;
	case SEEN_NOTHING:
		if (v->supervised)
			add_fail(t, "down: ", name, "0s, nothing is published yet");
		else
			add_fail(t, "fail: ", name, REPORT_NO_SUPERVISOR);
		return !v->supervised;
	case SEEN_NO_SERVICE:
		add_fail(t, "fail: ", name, "no such service");
		return 1;
	case SEEN_UNREADABLE:
		break;
	}
	add_fail(t, "warning: ", name, "unable to read status: ");
	text_add(t, view_error_text(v->error, v->error_number));
	return 1;
}

/* ----------------------------------------------------------------------------------------- jobs */

static char const *errno_text(int e)
{
	return e == EACCES || e == EPERM ? "access denied" : strerror(e);
}

/* The verb of the command that was sent, as the command table has it: "unable to send up". */
static char const *sent_verb(struct job const *j)
{
	enum command_target target =
		j->verb->kind == VERB_TREE || j->waking ? COMMAND_TREE : COMMAND_SERVICE;
	struct command const *c = command_by_letter(target, job_letter(j));
	return c && j->verb->kind != VERB_TREE ? c->verb : j->verb->word;
}

static void add_unable(struct text *t, struct job const *j, char const *why)
{
	text_add(t, "unable to send ");
	text_add(t, sent_verb(j));
	text_add(t, ": ");
	text_add(t, why);
}

static void add_error(struct text *t, struct job const *j)
{
	switch ((enum job_error)j->error) {
	case JOB_ERROR_NONE:
	case JOB_ERROR_NO_SERVICE:
		text_add(t, "no such service");
		break;
	case JOB_ERROR_NO_SUPERVISOR:
		text_add(t, REPORT_NO_SUPERVISOR);
		break;
	case JOB_ERROR_FULL:
		add_unable(t, j, "its FIFO is full; the supervisor is stopped or busy");
		break;
	case JOB_ERROR_DENIED:
		add_unable(t, j, "access denied");
		break;
	case JOB_ERROR_NOT_FIFO:
		add_unable(t, j, "`in' is not a FIFO");
		break;
	case JOB_ERROR_CUT_IN:
		add_unable(t, j,
			j->waking ? "cinit lives, but " REPORT_CUT_IN REPORT_MEND_CINIT
				  : "its supervisor lives, but " REPORT_CUT_IN REPORT_MEND);
		break;
	case JOB_ERROR_CUT_OUT:
		text_add(t, "unable to watch it: its supervisor lives, but `out' is "
			    "gone; " REPORT_MEND);
		break;
	case JOB_ERROR_SEND:
		add_unable(t, j, errno_text(j->detail));
		break;
	case JOB_ERROR_RECORD:
		text_add(t, "unable to read status: ");
		text_add(t, view_error_text((enum status_error)j->detail, 0));
		text_add(t, j->verb->letters[0] && !j->letter ? "; nothing was sent" : "");
		break;
	case JOB_ERROR_WATCH:
		text_add(t, "unable to watch it: ");
		text_add(t, errno_text(j->detail));
		break;
	}
}

static void add_refused(struct text *t, struct job const *j, struct status const *s)
{
	text_add(t, sent_verb(j));
	text_add(t, " refused: ");
	text_add(t, status_why_text((unsigned int)j->detail));
	if (s && s->reason_text[0]) {
		text_add(t, ": ");
		text_foreign(t, s->reason_text);
	}
}

static void add_unknown(struct text *t, struct job const *j, uint64_t limit)
{
	if (j->error == JOB_ERROR_WATCH) {
		add_error(t, j);
		text_add(t, "; outcome of ");
		text_add(t, sent_verb(j));
		text_add(t, " unknown");
		return;
	}
	if (j->detail == WHY_DOUBT) {
		text_add(t, sent_verb(j));
		text_add(t, ": ");
		text_add(t, status_why_text(WHY_DOUBT));
		text_add(t, "; outcome unknown");
		return;
	}
	text_add(t, "no answer to ");
	text_add(t, sent_verb(j));
	text_add(t, j->waking ? " from cinit within " : " within ");
	text_number(t, limit / CLOCK_SECOND);
	text_add(t, " s; outcome unknown");
}

static void add_state(struct text *t, char const *word, struct job const *j, char const *name,
	struct status const *s, uint64_t now)
{
	text_add(t, word);
	if (s)
		report_state(t, name, s, now);
	else
		add_fail(t, "", name, "status unknown");
	if (j->check_failed)
		text_add(t, j->not_run ? ", ./check was not run" : ", ./check failed");
}

void report_kill(struct text *t, char const *name, struct status const *s, uint64_t now)
{
	text_add(t, "kill: ");
	if (s)
		report_state(t, name, s, now);
	else
		add_fail(t, "", name, "status unknown");
	text_add(t, "\n");
}

void report_job(struct text *t, struct job const *j, char const *name, struct status const *s,
	uint64_t now, uint64_t limit)
{
	switch ((enum job_outcome)j->outcome) {
	case OUTCOME_OK:
		add_state(t, "ok: ", j, name, s, now);
		break;
	case OUTCOME_GONE:
		add_fail(t, "ok: ", name, REPORT_NO_SUPERVISOR);
		break;
	case OUTCOME_TIMEOUT:
		add_state(t, "timeout: ", j, name, s, now);
		break;
	case OUTCOME_KILLED:
		return; /* said when it was sent */
	case OUTCOME_NEVER:
		add_state(t, "fail: ", j, name, s, now);
		break;
	case OUTCOME_FAILED:
		add_fail(t, "fail: ", name, "");
		add_error(t, j);
		break;
	case OUTCOME_REFUSED:
		add_fail(t, "fail: ", name, "");
		add_refused(t, j, s);
		break;
	case OUTCOME_UNKNOWN:
		add_fail(t, "warning: ", name, "");
		add_unknown(t, j, limit);
		break;
	}
	text_add(t, "\n");
}

void report_exit(struct text *t, struct status const *s)
{
	if (s->flags & FLAG_EXIT_UNKNOWN) {
		text_add(t, "exit code unknown");
	} else if (!(s->flags & FLAG_EXIT_VALID)) {
		return;
	} else if (WIFSIGNALED(s->last_exit)) {
		text_add(t, "signal ");
		text_signed(t, WTERMSIG(s->last_exit));
		text_add(t, " (");
		text_add(t, sig_name(WTERMSIG(s->last_exit)));
		text_add(t, ")");
	} else {
		text_add(t, "exit ");
		text_signed(t, WEXITSTATUS(s->last_exit));
	}
}

/* ---------------------------------------------------------------------------------- exit codes */

void tally_add(struct tally *y, struct job const *j)
{
	switch ((enum job_outcome)j->outcome) {
	case OUTCOME_OK:
	case OUTCOME_GONE:
		break;
	case OUTCOME_UNKNOWN:
		y->unknown++;
		break;
	case OUTCOME_TIMEOUT:
		if (j->verb->flags & VERB_LIMIT)
			y->late++;
		else
			y->failed++;
		break;
	case OUTCOME_KILLED:
	case OUTCOME_NEVER:
	case OUTCOME_FAILED:
	case OUTCOME_REFUSED:
		y->failed++;
		break;
	}
}

int tally_code(struct tally const *y)
{
	if (y->unknown)
		return EXIT_UNKNOWN;
	if (y->late)
		return EXIT_LATE;
	return y->failed < EXIT_FAILED_MAX ? (int)y->failed : EXIT_FAILED_MAX;
}
