/* upgrade: cinit executes the program that is there now, in place, and so does every supervisor.
 *
 * cinit is told, and refuses where that program cannot take over. Its answer comes from the new
 * program; its record says since when that runs. Then we wait until every supervisor's record says
 * that its program is no older. So it does not matter who told them, or whether one died meanwhile:
 * the next one is a fork of the new cinit. */
#include "svctl.h"

#include <string.h>

#include <skalibs/strerr.h>

#include "clock.h"
#include "loop.h"
#include "report.h"

static struct verb const follows = {
	.word = "upgrade",
	.letters = "",
	.kind = VERB_UPGRADE,
	.goal = GOAL_EXECUTED,
	.flags = VERB_WAITS,
	.help = "",
};

struct upgrade {
	struct options const *o;
	struct text text;
	struct tally tally;
};

static void ended(void *data, struct target const *t, struct job const *j, struct status const *s,
	uint64_t now)
{
	struct upgrade *u = data;
	int late = j->outcome == OUTCOME_TIMEOUT, never = j->outcome == OUTCOME_NEVER && s;

	tally_add(&u->tally, j);
	if (!late && !never) {
		if (j->outcome != OUTCOME_OK || u->o->verbose)
			report_job(&u->text, j, t->typed, s, now, u->o->wait);
		return;
	}
	text_add(&u->text, late ? "timeout: " : "fail: ");
	text_add(&u->text, t->typed);
	text_add(&u->text, ": its supervisor ");
	if (late) {
		text_add(&u->text, "has not executed the new program within ");
		text_number(&u->text, u->o->wait / CLOCK_SECOND);
		text_add(&u->text, " s\n");
	} else {
		text_add(&u->text, "was unable to execute the new program, and goes on: ");
		text_add(&u->text, strerror((int)s->refusal));
		text_add(&u->text, "\n");
	}
}

static void killed(void *data, struct target const *t, struct status const *s, uint64_t now)
{
	(void)data, (void)t, (void)s, (void)now;
}

static void quiet(void *data)
{
	struct upgrade *u = data;

	if ((u->text.sa.len || u->text.failed) && text_write(&u->text, 1) < 0)
		die_output();
}

int upgrade_run(struct options const *o, struct where *w)
{
	struct upgrade u = { .o = o, .text = TEXT_ZERO };
	struct targets ts = { .list = NULL };
	struct status cinit;
	struct loop_request q = {
		.where = w,
		.targets = &ts,
		.verb = &follows,
		.limit = o->wait,
		.waits = 1,
		.ended = ended,
		.killed = killed,
		.quiet = quiet,
		.data = &u,
	};

	admin_tell(o, w, &cinit);
	q.since = cinit.executed;
	if (targets_all(&ts, w) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "look for services");
	if (loop_run(&q) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "wait for supervisors; cinit has upgraded");
	quiet(&u);
	text_free(&u.text);
	targets_free(&ts);
	return tally_code(&u.tally);
}
