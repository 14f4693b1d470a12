/* What a child becomes; see program.h. */
#include <skalibs/nonposix.h>

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/servicedir.h"
#include "config.h"
#include "rights.h"

char const *program_stage_text(unsigned int stage)
{
	static char const *const texts[] = {
		[STAGE_STDIO] = "open the log pipe of",
		[STAGE_CHDIR] = "change to directory of",
		[STAGE_CGROUP] = "join the control group for",
		[STAGE_PARAMS] = "read arguments of",
		[STAGE_ENV] = "read environment from",
		[STAGE_USER] = "become",
		[STAGE_RIGHTS] = "apply",
		[STAGE_EXEC] = "execute",
	};
	return stage < sizeof texts / sizeof texts[0] ? texts[stage] : "start";
}

static int fails(struct program_failure *f, enum program_stage stage, char const *text)
{
	f->stage = stage;
	snprintf(f->text, sizeof f->text, "%.151s", text);
	return -1;
}

/* The code and signal that runit's finish gets, and the same as words for everybody else. */
struct ending {
	char code[12], sig[12];              /* runit's arguments 1 and 2 */
	char exit_code[12], exit_signal[12]; /* "" where it does not apply */
};

static void fill_ending(struct program const *p, struct ending *e)
{
	int w = p->last_exit;
	*e = (struct ending){ .code = "-1", .sig = "0" };
	if (!p->exit_valid)
		return;
	snprintf(e->sig, sizeof e->sig, "%d", w & 0xff);
	if (WIFEXITED(w)) {
		snprintf(e->code, sizeof e->code, "%d", WEXITSTATUS(w));
		snprintf(e->exit_code, sizeof e->exit_code, "%d", WEXITSTATUS(w));
	} else {
		snprintf(e->exit_signal, sizeof e->exit_signal, "%d", WTERMSIG(w));
	}
}

/* One row a program: its entry, where its arguments and environment are listed, whether it runs as
 * the service's user. finish and control scripts clean up after run with the supervisor's rights.
 */
static struct {
	char const *name;
	uint64_t params, env;
	int as_user;
} const programs[] = {
	[PROGRAM_RUN] = { "run", ENTRY_RUN_PARAMS, ENTRY_RUN_ENV, 1 },
	[PROGRAM_ON] = { "on", ENTRY_ON_PARAMS, ENTRY_ON_ENV, 1 },
	[PROGRAM_OFF] = { "off", ENTRY_OFF_PARAMS, ENTRY_OFF_ENV, 1 },
	[PROGRAM_CHECK] = { "check", ENTRY_CHECK_PARAMS, ENTRY_CHECK_ENV, 1 },
	[PROGRAM_FINISH] = { "finish", ENTRY_FINISH_PARAMS, ENTRY_FINISH_ENV, 0 },
	[PROGRAM_CONTROL] = { "control", 0, 0, 0 },
};

char const *program_name(enum program_entry entry)
{
	return programs[entry].name;
}

static int has_companion(struct program const *p, char const *suffix, uint64_t bit, char name[32])
{
	snprintf(name, 32, "%s%s", p->path + 2, suffix);
	/* companions of control scripts are not listed: look */
	return p->letter ? entry_exists(AT_FDCWD, name) : (p->entries & bit) != 0;
}

/* What follows the @ in the name of an instance, without a logger's `/log'; 0: it is none. */
static char const *instance_of(struct program const *p)
{
	char const *at = strchr(p->name, '@');
	size_t len = at ? strcspn(at + 1, "/") : 0;
	return len ? strndup(at + 1, len) : 0;
}

/* Arguments beyond those of its companion: an instance's name before them, and behind them what
 * finish and control scripts are told. */
static int prepare_arguments(struct program *p, struct ending const *e)
{
	struct execution *x = &p->execution;
	char companion[32], pid[12];
	char const *instance = instance_of(p);

	if (instance && !p->letter && execution_argument(x, instance) < 0)
		return -1;
	if (has_companion(p, ".params", programs[p->entry].params, companion) &&
		execution_arguments(x, companion) < 0)
		return -1;
	if (p->entry == PROGRAM_FINISH)
		return execution_argument(x, e->code) < 0 ? -1 : execution_argument(x, e->sig);
	if (!p->letter || !p->pid)
		return 0;
	snprintf(pid, sizeof pid, "%u", p->pid);
	return execution_argument(x, pid);
}

static int set_number(struct execution *x, char const *name, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	return execution_variable(x, name, text);
}

/* sd_notify(3): where to tell, and within which time it must say that it lives. */
static int prepare_notify(struct program *p)
{
	struct execution *x = &p->execution;

	if (execution_variable(x, "NOTIFY_SOCKET", p->notify) < 0)
		return -1;
	if (!p->watchdog_ms)
		return 0;
	return set_number(x, "WATCHDOG_USEC", (uint64_t)p->watchdog_ms * 1000) < 0
		       ? -1
		       : set_number(x, "WATCHDOG_PID", (uint64_t)getpid());
}

static int prepare_environment(struct program *p, struct ending const *e)
{
	struct execution *x = &p->execution;
	char companion[32], letter[2] = { p->letter, 0 };
	int file = has_companion(p, ".env", programs[p->entry].env, companion);
	char const *instance = instance_of(p);

	if (execution_environment(x, p->entries & ENTRY_ENV ? "env" : 0, file ? companion : 0) < 0)
		return -1;
	if (execution_variable(x, "CINIT_SERVICE", p->name) < 0 ||
		(instance && execution_variable(x, "CINIT_INSTANCE", instance) < 0) ||
		(p->notify && prepare_notify(p) < 0) ||
		(p->letter && execution_variable(x, "CINIT_CONTROL", letter) < 0))
		return -1;
	/* by this its leavings are told from the service's */
	if (p->entry == PROGRAM_CHECK && set_number(x, PROGRAM_CHECK_MARK, (uint64_t)getpid()) < 0)
		return -1;
	if (p->entry != PROGRAM_FINISH)
		return 0;
	return execution_variable(x, "CINIT_EXIT_CODE", e->exit_code) < 0
		       ? -1
		       : execution_variable(x, "CINIT_EXIT_SIGNAL", e->exit_signal);
}

int program_prepare(struct program *p, struct program_failure *f)
{
	struct ending e;
	fill_ending(p, &e);
	if (p->letter)
		snprintf(p->path, sizeof p->path, "./control/%c", p->letter);
	else
		snprintf(p->path, sizeof p->path, "./%s", programs[p->entry].name);
	p->execution = (struct execution)EXECUTION_ZERO;
	p->execution.path = p->path;
	if (prepare_arguments(p, &e) < 0)
		return fails(f, STAGE_PARAMS, p->execution.blame);
	if (prepare_environment(p, &e) < 0 || execution_ready(&p->execution) < 0)
		return fails(f, STAGE_ENV, p->execution.blame);
	return programs[p->entry].as_user ? rights_apply(p->entries, f) : 0;
}

void program_execute(struct program *p, struct program_failure *f)
{
	execution_go(&p->execution);
	fails(f, STAGE_EXEC, p->path + 2);
}
