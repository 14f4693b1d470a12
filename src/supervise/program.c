/* What a child becomes; see program.h. */
#include <skalibs/nonposix.h>

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/posixplz.h>
#include <skalibs/stralloc.h>

#include "../lib/environment.h"
#include "config.h"
#include "rights.h"

#define TARGET_MAX 4096

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

/* argv[0] is the target of a symbolic link, so that a link to a binary needs no shell; else the
 * entry. */
static char const *argv_zero(struct program const *p)
{
	char target[TARGET_MAX];
	ssize_t n = readlink(p->path, target, sizeof target - 1);
	if (n <= 0)
		return p->path;
	target[n] = 0;
	char const *copy = strdup(target);
	return copy ? copy : p->path;
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

static int prepare_argv(struct program *p, struct ending const *e, struct program_failure *f)
{
	stralloc lines = STRALLOC_ZERO;
	char companion[32], pid[12];
	size_t n = 0, count = 0;

	if (has_companion(p, ".params", programs[p->entry].params, companion) &&
		environment_lines(&lines, AT_FDCWD, companion) < 0)
		return fails(f, STAGE_PARAMS, companion);
	for (size_t i = 0; i < lines.len; i++)
		count += !lines.s[i];
	p->argv = malloc((count + 5) * sizeof *p->argv);
	if (!p->argv)
		return fails(f, STAGE_PARAMS, companion);
	p->argv[n++] = argv_zero(p);
	char const *instance = instance_of(p);
	if (instance && !p->letter)
		p->argv[n++] = instance;
	for (size_t i = 0; i < lines.len; i += strlen(lines.s + i) + 1)
		p->argv[n++] = lines.s + i;
	if (p->entry == PROGRAM_FINISH) {
		p->argv[n++] = strdup(e->code);
		p->argv[n++] = strdup(e->sig);
	} else if (p->letter && p->pid) {
		snprintf(pid, sizeof pid, "%u", p->pid);
		p->argv[n++] = strdup(pid);
	}
	p->argv[n] = 0;
	return 0;
}

/* sd_notify(3): where to tell, and within which time it must say that it lives. */
static int prepare_notify(struct program const *p, stralloc *changes)
{
	char usec[24], pid[12];
	if (environment_set(changes, "NOTIFY_SOCKET", p->notify) < 0)
		return -1;
	if (!p->watchdog_ms)
		return 0;
	snprintf(usec, sizeof usec, "%llu", (unsigned long long)p->watchdog_ms * 1000);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	return environment_set(changes, "WATCHDOG_USEC", usec) < 0 ||
			       environment_set(changes, "WATCHDOG_PID", pid) < 0
		       ? -1
		       : 0;
}

static int prepare_env(struct program *p, struct ending const *e, struct program_failure *f)
{
	stralloc changes = STRALLOC_ZERO;
	char companion[32], at[64], letter[2] = { p->letter, 0 };

	if ((p->entries & ENTRY_ENV) && environment_dir(&changes, AT_FDCWD, "env", at) < 0)
		return fails(f, STAGE_ENV, at);
	if (has_companion(p, ".env", programs[p->entry].env, companion) &&
		environment_file(&changes, AT_FDCWD, companion, at) < 0)
		return fails(f, STAGE_ENV, at);
	if (environment_set(&changes, "CINIT_SERVICE", p->name) < 0)
		return fails(f, STAGE_ENV, "CINIT_SERVICE");
	char const *instance = instance_of(p);
	if (instance && environment_set(&changes, "CINIT_INSTANCE", instance) < 0)
		return fails(f, STAGE_ENV, "CINIT_INSTANCE");
	if (p->notify && prepare_notify(p, &changes) < 0)
		return fails(f, STAGE_ENV, "NOTIFY_SOCKET");
	if (p->letter && environment_set(&changes, "CINIT_CONTROL", letter) < 0)
		return fails(f, STAGE_ENV, "CINIT_CONTROL");
	if (p->entry == PROGRAM_FINISH &&
		(environment_set(&changes, "CINIT_EXIT_CODE", e->exit_code) < 0 ||
			environment_set(&changes, "CINIT_EXIT_SIGNAL", e->exit_signal) < 0))
		return fails(f, STAGE_ENV, "CINIT_EXIT_CODE");
	/* the merged vector points into `changes`, which lives until exec */
	p->envp = environment_merge((char const *const *)environ, &changes);
	return p->envp ? 0 : fails(f, STAGE_ENV, "env");
}

int program_prepare(struct program *p, struct program_failure *f)
{
	struct ending e;
	fill_ending(p, &e);
	if (p->letter)
		snprintf(p->path, sizeof p->path, "./control/%c", p->letter);
	else
		snprintf(p->path, sizeof p->path, "./%s", programs[p->entry].name);
	if (prepare_argv(p, &e, f) < 0 || prepare_env(p, &e, f) < 0)
		return -1;
	return programs[p->entry].as_user ? rights_apply(p->entries, f) : 0;
}

/* By the name that a link leads to, so that the process is called that, and not "run", in ps and
 * its like. A relative target may be relative to control/. */
void program_execute(struct program *p, struct program_failure *f)
{
	char const *file = p->argv[0][0] == '/' ? p->argv[0] : p->path;

	execve(file, (char *const *)p->argv, (char *const *)p->envp);
	fails(f, STAGE_EXEC, p->path + 2);
}
