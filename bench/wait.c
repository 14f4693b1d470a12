/* Waiting, in the process that measures. Every step has a limit; when it runs out, the run ends
 * with a message that says what was waited for, what was missing, and what the tree said. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define SECOND   UINT64_C(1000000000)
#define NAMED    8    /* of what is missing, by name */
#define LOG_TAIL 2000 /* bytes */

extern char **environ;

static struct run *running;
static char const *step = "begin";
static unsigned int step_seconds;
static volatile sig_atomic_t late;

/* ------------------------------------------------------------------------------------- limits */

static void on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

/* The clock goes on ringing: a wait that begins just after the first ring is interrupted, too. And
 * a handler there must be: process 1 of a namespace does not die of an alarm. */
void step_begin(struct run *r, char const *name)
{
	struct sigaction act = { .sa_handler = on_alarm };
	unsigned int seconds = settings.patience + r->place.n / 50;
	struct itimerval clock = { .it_value.tv_sec = (time_t)seconds,
		.it_interval.tv_usec = 100000 };
	running = r;
	step = name;
	step_seconds = seconds;
	late = 0;
	sigaction(SIGALRM, &act, 0);
	setitimer(ITIMER_REAL, &clock, 0);
}

/* ------------------------------------------------------------------------------------ messages */

static void begin_message(void)
{
	fprintf(stderr, "\nbench: %s, %u services: %s: ", running->system->title, running->place.n,
		step);
}

/* What the tree and its clients said last. */
static void show_log(void)
{
	char text[LOG_TAIL + 1];
	FILE *f = fopen(running->place.log, "r");
	if (!f)
		return;
	if (fseek(f, -LOG_TAIL, SEEK_END) < 0)
		rewind(f);
	text[fread(text, 1, LOG_TAIL, f)] = 0;
	fclose(f);
	if (*text)
		fprintf(stderr, "bench: they said last:\n%s", text);
}

void step_failed(char const *format, ...)
{
	va_list list;
	begin_message();
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	show_log();
}

/* ------------------------------------------------------------------------- starts of services */

static uint32_t before[SHARED_SLOTS];
static unsigned int expected_first, expected_count;

void expect_starts(struct run *r, unsigned int first, unsigned int count)
{
	struct shared *s = r->shared;
	expected_first = first;
	expected_count = count;
	for (unsigned int i = first; i < first + count; i++)
		before[i] = s->slot[i].starts;
	__atomic_store_n(&s->reached, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(
		&s->target, __atomic_load_n(&s->count, __ATOMIC_SEQ_CST) + count, __ATOMIC_SEQ_CST);
}

static void report_starts(struct shared const *s)
{
	char names[NAMED * 8 + 8] = "";
	unsigned int missing = 0;
	for (unsigned int i = expected_first; i < expected_first + expected_count; i++) {
		if (s->slot[i].starts != before[i])
			continue;
		if (missing++ < NAMED)
			snprintf(names + strlen(names), sizeof names - strlen(names), " s%04u", i);
	}
	step_failed("%u of %u services did not start within %u s:%s%s", missing, expected_count,
		step_seconds, names, missing > NAMED ? " ..." : "");
}

uint64_t await_starts(struct run *r)
{
	struct shared *s = r->shared;
	while (!__atomic_load_n(&s->reached, __ATOMIC_SEQ_CST)) {
		if (late) {
			report_starts(s);
			return 0;
		}
		syscall(SYS_futex, &s->reached, FUTEX_WAIT, 0, 0, 0, 0);
	}
	return s->when;
}

/* ------------------------------------------------------------------------------------ programs */

pid_t start_program(struct run *r, struct line *l)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int const flags = O_WRONLY | O_CREAT | O_APPEND;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(
		&actions, 1, r->output ? r->output : "/dev/null", flags, 0600);
	posix_spawn_file_actions_addopen(&actions, 2, r->place.log, flags, 0600);
	int error = posix_spawnp(&pid, l->argv[0], &actions, 0, (char **)l->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (!error)
		return pid;
	step_failed("unable to execute %s: %s", l->argv[0], strerror(error));
	return -1;
}

pid_t await_child(pid_t pid, int *w)
{
	for (;;) {
		pid_t got = waitpid(pid, w, 0);
		if (got >= 0 || errno != EINTR)
			return got;
		if (late)
			return 0;
	}
}

int run_program(struct run *r, struct line *l)
{
	int w = -1;
	pid_t pid = start_program(r, l);
	if (pid < 0)
		return -1;
	if (!await_child(pid, &w))
		step_failed("%s did not end within %u s", l->argv[0], step_seconds);
	else if (w)
		step_failed("%s failed, wait status 0x%x", l->argv[0], (unsigned int)w);
	return w;
}

/* ----------------------------------------------------------------------------------------- end */

static void report_left(void)
{
	char names[NAMED * 32 + 8] = "";
	unsigned int left = 0;
	DIR *d = opendir("/proc");
	for (struct dirent const *e; d && (e = readdir(d));) {
		char path[300], name[20] = "";
		if (atoi(e->d_name) <= 1)
			continue;
		if (left++ >= NAMED)
			continue;
		snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
		FILE *f = fopen(path, "r");
		if (f && fgets(name, sizeof name, f))
			name[strcspn(name, "\n")] = 0;
		if (f)
			fclose(f);
		snprintf(names + strlen(names), sizeof names - strlen(names), " %.8s (%s)",
			e->d_name, name);
	}
	if (d)
		closedir(d);
	step_failed("%u processes are left after %u s:%s%s", left, step_seconds, names,
		left > NAMED ? " ..." : "");
}

/* Process 1 gets whatever loses its parent: no child is left means that nobody is. */
int await_end(struct run *r)
{
	unsigned int outlived = 0;
	int w = 0, root_status = -1, root_gone = 0;
	pid_t pid;

	while ((pid = await_child(-1, &w)) > 0) {
		outlived += (unsigned int)root_gone;
		if (pid == r->root) {
			root_gone = 1;
			root_status = w;
		}
	}
	if (!pid) {
		report_left();
		return -1;
	}
	if (!r->system->own || (!root_status && !outlived))
		return 0;
	step_failed("it ended with wait status 0x%x, and %u processes outlived it",
		(unsigned int)root_status, outlived);
	return -1;
}
