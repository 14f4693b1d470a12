/* A client: svctl, again and again. What is acknowledged is written down as what was ordered, and
 * has to be in the record at once; who gives orders to a service has it for himself meanwhile. */
#include "chaos.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static void become_svctl(char const *const *words)
{
	char const *argv[16] = { "svctl" };
	char program[256];
	sigset_t none;
	int n = 1, in = open("/dev/null", O_RDWR);
	int out = open(tree_name("client.out"), O_WRONLY | O_CREAT | O_APPEND, 0644);

	while (n < 15 && words[n - 1]) {
		argv[n] = words[n - 1];
		n++;
	}
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(program, sizeof program, "%s/svctl", getenv("CINIT_BUILD"));
	execv(program, (char *const *)argv);
	_exit(127);
}

int client_run(char const *const *words)
{
	int w = 0;

	fflush(NULL);
	pid_t pid = fork();
	if (!pid)
		become_svctl(words);
	while (pid < 0 || (waitpid(pid, &w, 0) < 0 && errno == EINTR))
		if (pid < 0)
			return 111;
	return WIFSIGNALED(w) ? 128 + WTERMSIG(w) : WEXITSTATUS(w);
}

char const *client_undone(struct status const *s, enum order order)
{
	/* restart never: it has ended */
	if (order != ORDER_DOWN && order != ORDER_EXIT && s->want == WANT_DOWN &&
		s->reason == REASON_ENDED)
		return NULL;
	switch (order) {
	case ORDER_UP:
		return s->want == WANT_UP && s->flags & FLAG_ASKED ? NULL : "is not wanted up";
	case ORDER_DOWN:
		if (s->flags & FLAG_ASKED)
			return "is still asked for";
		return s->want == WANT_DOWN || s->flags & FLAG_IMPLIED ? NULL
								       : "is not wanted down";
	case ORDER_ONCE:
		/* or it has been, and was told to end */
		return s->want == WANT_ONCE || (s->want == WANT_DOWN && s->state == STATE_DOWN)
			       ? NULL
			       : "is not wanted once";
	case ORDER_EXIT:
		return s->want == WANT_EXIT ? NULL : "is not wanted to exit";
	case ORDER_UNKNOWN:
		break;
	}
	return NULL;
}

struct verb {
	char const *words[3];
	int order;               /* enum order, as it is when this is acknowledged; -1: none */
	int waits;               /* what fails may be the wait */
	unsigned int only, not ; /* kinds with one of these flags, with none of those */
};

static struct verb const verbs[] = {
	{ { "up" }, ORDER_UP, 0, 0, ONCE },
	{ { "up" }, ORDER_UP, 0, 0, ONCE },
	{ { "down" }, ORDER_DOWN, 0, 0, 0 },
	{ { "down" }, ORDER_DOWN, 0, 0, 0 },
	{ { "--force", "down" }, ORDER_DOWN, 0, 0, 0 },
	{ { "restart" }, ORDER_UP, 1, 0, ONCE },
	{ { "restart" }, ORDER_UP, 1, 0, ONCE },
	{ { "start" }, ORDER_UP, 1, 0, ONCE },
	{ { "start" }, ORDER_UP, 1, 0, ONCE },
	{ { "stop" }, ORDER_DOWN, 1, 0, 0 },
	{ { "once" }, ORDER_ONCE, 0, ONCE, 0 },
	{ { "once" }, ORDER_ONCE, 0, ONCE, 0 },
	{ { "exit" }, ORDER_EXIT, 0, LONELY, 0 },
	{ { "shutdown" }, ORDER_EXIT, 1, LONELY, 0 },
	{ { "pause" }, -1, 0, PAUSES, 0 },
	{ { "pause" }, -1, 0, PAUSES, 0 },
	{ { "cont" }, -1, 0, 0, 0 },
	{ { "try-restart" }, -1, 1, 0, 0 },
	{ { "term" }, -1, 0, 0, 0 },
	{ { "kill" }, -1, 0, 0, FRAIL },
	{ { "1" }, -1, 0, 0, 0 },
	{ { "hup" }, -1, 0, 0, 0 },
	{ { "status" }, -1, 1, 0, 0 },
	{ { "why" }, -1, 1, 0, 0 },
	{ { "-w", "0", "check" }, -1, 1, 0, 0 },
};

static int fits(struct verb const *v, struct kind const *k)
{
	return (!v->only || k->flags & v->only) && !(k->flags & v->not );
}

/* Everybody else keeps away; so the record holds what was answered. */
static void check_acknowledged(int i, enum order order)
{
	struct status s;
	char const *undone;

	if (status_read(AT_FDCWD, services[i].place.state, &s, NULL) != STATUS_OK)
		timeline_complain(i, "acknowledged, and there is no record");
	if ((undone = client_undone(&s, order)))
		timeline_complain(i,
			"acknowledged, and %s: state %s, want %s, flags %#x, incarnation %u",
			undone, status_state_name(s.state), status_want_name(s.want), s.flags,
			s.incarnation);
}

/* By a monkey's TERM, which no client knows of. */
static int is_exiting(int i)
{
	struct status s;

	return status_read(AT_FDCWD, services[i].place.state, &s, NULL) == STATUS_OK &&
	       s.want == WANT_EXIT;
}

/* `rescans`: how many had ended before it was said; UINT_MAX: one had not. */
static void take_answer(int i, struct verb const *v, unsigned int rescans, int code)
{
	if (code >= 100 && code != 101 && code != 102 && code != 111)
		timeline_complain(i, "svctl %s: exit code %d", v->words[0], code);
	if (v->order < 0)
		return;
	if (!code && v->order == ORDER_EXIT && rescans != atomic_load(&chaos->rescans)) {
		atomic_store(&chaos->of[i].order, ORDER_UNKNOWN); /* it may have come back */
	} else if (!code && v->order == ORDER_DOWN && is_exiting(i)) {
		atomic_store(&chaos->of[i].order, ORDER_UNKNOWN); /* it goes down, and further */
	} else if (!code) {
		atomic_store(&chaos->of[i].order, v->order);
		atomic_store(&chaos->of[i].rescans, rescans);
		check_acknowledged(i, (enum order)v->order);
	} else if (code == 1 && !v->waits) {
		atomic_fetch_add(&chaos->refused, 1);
	} else {
		atomic_store(&chaos->of[i].order, ORDER_UNKNOWN);
		atomic_fetch_add(&chaos->unknown, 1);
	}
}

static void command(int i)
{
	struct kind const *k = services[i].kind;
	struct verb const *v;
	int none = 0, n = 0;

	do
		v = &verbs[chance_below(sizeof verbs / sizeof verbs[0])];
	while (!fits(v, k));
	if (!atomic_compare_exchange_strong(&chaos->of[i].taken, &none, 1))
		return;
	char const *words[8] = { 0 };
	while (n < 3 && v->words[n]) {
		words[n] = v->words[n];
		n++;
	}
	words[n] = k->name;
	unsigned int rescans =
		atomic_load(&chaos->rescanning) ? UINT_MAX : atomic_load(&chaos->rescans);
	timeline_note(i, "svctl %s %s", words[n - 1], n > 1 ? words[0] : "");
	int code = client_run(words);
	timeline_note(i, "svctl %s %s: %d", words[n - 1], n > 1 ? words[0] : "", code);
	atomic_fetch_add(&chaos->commands, 1);
	take_answer(i, v, rescans, code);
	atomic_store(&chaos->of[i].taken, 0);
}

/* What concerns the whole tree. */
static void look_around(void)
{
	static char const *const looks[][4] = {
		{ "list" },
		{ "--json", "list" },
		{ "tree" },
		{ "rescan" },
		{ "plan", "up", "site" },
		{ "status", "*" },
	};
	char const *const *words = looks[chance_below(sizeof looks / sizeof looks[0])];
	unsigned int rescan = !strcmp(words[0], "rescan");

	atomic_fetch_add(&chaos->rescanning, rescan);
	atomic_fetch_add(&chaos->rescans, rescan);
	timeline_note(TREE, "svctl %s", words[0]);
	int code = client_run(words);
	timeline_note(TREE, "svctl %s: %d", words[0], code);
	atomic_fetch_sub(&chaos->rescanning, rescan);
	if (code >= 100 && code != 101 && code != 102 && code != 111)
		timeline_complain(TREE, "svctl %s: exit code %d", words[0], code);
	atomic_fetch_add(&chaos->looks, 1);
}

_Noreturn void client_live(unsigned int self)
{
	signal(SIGCHLD, SIG_DFL);
	chance_seed(chance_pass_on(), self);
	while (atomic_load(&chaos->working)) {
		if (chance_below(12))
			command((int)chance_below((uint64_t)service_count));
		else
			look_around();
		chance_pause(chance_below(20 * CLOCK_MILLISEC));
	}
	_exit(0);
}
