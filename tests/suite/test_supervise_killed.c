/* A supervisor is killed before each of its system calls in turn, and another one takes over: what
 * was asked for happens all the same, once, and nothing ever runs twice. */
#include "tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define RUN    "alone; say up; exec sleep 1000"
#define STRIDE 11 /* each run takes every eleventh call, $CINIT_TEST_FULL all */
#define FINISH "alone; say finish $1 $2"

struct story {
	char const *finish; /* a script, NULL: none */
	int with_log;
	int letter;  /* what it is told when it is up; 0: nothing */
	int crashes; /* its process is killed when it is up */
	/* With neither of these the supervisor is watched from its start on. What shall come of it:
	 */
	enum status_state goal;
	uint32_t starts, deaths;
	unsigned int lines;
	char const *said; /* by the scripts, from the telling to the goal: sorted lines */
	char const *last; /* and when it was told to exit after that */
};

static void trace_me(void)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
		_exit(99);
}

static int in_poll(pid_t pid)
{
	char path[64], text[32] = "";
	snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	char const *line = fgets(text, sizeof text, f);
	fclose(f);
	return line && atol(text) == SYS_ppoll && strchr(text, ' ');
}

static int at_goal(struct place *p, struct story const *story)
{
	place_look(p);
	return p->e == STATUS_OK && p->s.state == story->goal && p->s.starts == story->starts;
}

/* Lets the supervisor run up to system call number n, and kills it there. 0: it came to the goal
 * before that. */
static int kill_at(struct place *p, struct story const *story, unsigned int n)
{
	unsigned int stops = 0;
	int w;
	for (;;) {
		pid_t r = waitpid(p->supervisor, &w, WNOHANG | __WALL);
		if (r == p->supervisor && WIFSTOPPED(w)) {
			int sig = WSTOPSIG(w);
			int call = sig == (SIGTRAP | 0x80);
			if (call && stops++ / 2 == n) { /* entries and exits */
				kill(p->supervisor, SIGKILL);
				return 1;
			}
			ptrace(PTRACE_SYSCALL, p->supervisor, 0,
				(void *)(intptr_t)(call || sig == SIGTRAP || sig == SIGSTOP ? 0
											    : sig));
			continue;
		}
		assert_int_equal(r, 0);
		int there = at_goal(p, story);
		if (there && in_poll(p->supervisor)) {
			kill(p->supervisor, SIGKILL);
			return 0;
		}
		/* nothing tells when it begins to wait */
		uint64_t soon = clock_boottime() + CLOCK_MILLISEC;
		if (tree_poll(p->client.out, 0, there ? soon : tree_patience()) < 0 && !there)
			place_fail(p, "the goal, or a system call", __FILE__, __LINE__);
	}
}

static void begin_traced(struct place *p)
{
	int w;
	tree.before_exec = trace_me;
	place_supervise(p);
	tree.before_exec = 0;
	assert_int_equal(waitpid(p->supervisor, &w, __WALL), p->supervisor);
	if (!WIFSTOPPED(w))
		fail_msg("the supervisor cannot be traced: %#x", (unsigned int)w);
	ptrace(PTRACE_SETOPTIONS, p->supervisor, 0,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	ptrace(PTRACE_SYSCALL, p->supervisor, 0, 0);
}

static void attach(struct place *p)
{
	int w;
	assert_int_equal(ptrace(PTRACE_SEIZE, p->supervisor, 0,
				 (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)),
		0);
	ptrace(PTRACE_INTERRUPT, p->supervisor, 0, 0);
	assert_int_equal(waitpid(p->supervisor, &w, __WALL), p->supervisor);
	ptrace(PTRACE_SYSCALL, p->supervisor, 0, 0);
}

static int compare(void const *a, void const *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Waits for some lines, and gives all that was said up to now, sorted: processes of a dead
 * supervisor and of the next one say things in any order. */
static char const *said(unsigned int wait)
{
	static char text[512];
	char *lines[32];
	unsigned int n = 0;
	char const *line;
	text[0] = 0;
	uint64_t deadline = tree_patience();
	while (n < 32) {
		line = event_poll();
		if (line)
			lines[n++] = strdup(line);
		else if (n >= wait || tree_poll(tree.events, POLLIN, deadline) < 0)
			break;
	}
	qsort(lines, n, sizeof *lines, compare);
	for (unsigned int i = 0; i < n; i++) {
		strcat(strcat(text, i ? ", " : ""), lines[i]);
		free(lines[i]);
	}
	return text;
}

static void expect_said(struct place *p, unsigned int n, unsigned int lines, char const *want)
{
	char const *text = said(lines);
	if (!strcmp(text, want))
		return;
	print_error("killed at call %u: said: %s\n", n, text);
	place_look(p);
	place_fail(p, want, __FILE__, __LINE__);
}

static struct place prepare(struct story const *story, unsigned int n)
{
	static struct place both[2];
	char name[16];
	snprintf(name, sizeof name, "s%u", n);
	both[0] = place_with(name, RUN);
	place_keep_exits(both, story->with_log ? 2 : 1);
	if (story->finish)
		place_script(&both[0], "finish", story->finish);
	if (story->with_log) {
		snprintf(name, sizeof name, "s%u/log", n);
		both[1] = place_make(name);
		place_script(&both[0], "log/run",
			"exec 8>>\"$TREE/alone-log\"; flock -n 8 || say two loggers; exec cat "
			">/dev/null");
	}
	return both[0];
}

/* As svctl sends: the same frame again when its supervisor died before it was answered. */
static void send(struct place *p, struct message *m)
{
	enum cinit_sent sent;
	cinit_ipc_unsend(&p->client);
	p->client.path = p->state;
	sent = cinit_ipc_send(&p->client, m);
	if (sent != CINIT_SENT)
		place_fail(p, "to send a frame", __FILE__, __LINE__);
	m->flags |= MESSAGE_AGAIN;
}

/* What is acted on and not yet published when the supervisor dies is done again for the client, who
 * sends it again: then it may have been restarted twice, or ended once unasked; but it was done. */
static void expect_obeyed(struct place *p, struct message *m, struct story const *story)
{
	enum status_why why;
	if (p->s.incarnation && status_answer(&p->r, m->id) < 0)
		send(p, m);
	assert_int_equal(place_answer(p, m->id, &why), RESULT_DONE);
	UNTIL(p, s->state == story->goal && s->starts >= story->starts);
	assert_true(p->s.starts <= story->starts + 2);
	assert_true(p->s.deaths <= 1);
	place_send(p, 'x');
	tree_end(p->supervisor);
	char const *text = said(0);
	assert_null(strstr(text, "two"));
	if (story->finish)
		assert_non_null(strstr(text, "finish -1 15"));
}

static void expect_the_same(struct place *p, struct story const *story, unsigned int n)
{
	UNTIL(p, s->state == story->goal && s->starts >= story->starts);
	/* a start that ended at the gate is counted as one, but its end is no death */
	if (p->s.starts > story->starts + 1)
		place_fail(p, "the number of starts", __FILE__, __LINE__);
	if (p->s.deaths != story->deaths)
		place_fail(p, "the number of deaths", __FILE__, __LINE__);
	expect_said(p, n, story->lines, story->said);
	place_send(p, 'x');
	tree_end(p->supervisor);
	expect_said(p, n, 0, story->last);
}

/* Returns 0 when the goal was reached before call number n. */
static int one(struct story const *story, unsigned int n)
{
	struct message m = { .command = (uint8_t)story->letter };
	struct place p = prepare(story, n);
	if (story->letter || story->crashes) {
		place_up(&p);
		attach(&p);
		m.id = cinit_ipc_id_after(p.s.acknowledged);
		if (story->letter)
			send(&p, &m);
		else
			kill((pid_t)p.s.pid, SIGKILL);
	} else {
		begin_traced(&p);
	}
	int killed = kill_at(&p, story, n);
	tree_end(p.supervisor);
	place_supervise(&p);
	UNTIL(&p, s->supervisor == (uint32_t)p_->supervisor);
	if (story->letter)
		expect_obeyed(&p, &m, story);
	else
		expect_the_same(&p, story, n);
	cinit_ipc_release(&p.client);
	return killed;
}

static int can_trace(void)
{
	struct output o;
	tree.before_exec = trace_me;
	char const *argv[] = { "/bin/true", 0 };
	pid_t pid = tree_start(".true", argv);
	tree.before_exec = 0;
	int w;
	(void)o;
	if (waitpid(pid, &w, __WALL) == pid && WIFSTOPPED(w)) {
		kill(pid, SIGKILL);
		tree_end(pid);
		return 1;
	}
	return 0;
}

static void tell(struct story const *story)
{
	char const *full = getenv("CINIT_TEST_FULL");
	unsigned int stride = full ? 1 : STRIDE, n, kills = 0;
	if (!can_trace())
		skip();
	for (n = (unsigned int)clock_boottime() % stride; one(story, n); n += stride)
		kills++;
	print_message("killed at %u of %u system calls, from %u on\n", kills, n, n % stride);
}

#define STORY(...)                                                                                 \
	do {                                                                                       \
		struct story const story = { __VA_ARGS__ };                                        \
		(void)state;                                                                       \
		tell(&story);                                                                      \
	} while (0)

static void start(void **state)
{
	STORY(.finish = FINISH, .goal = STATE_UP, .starts = 1, .lines = 1, .said = "up",
		.last = "finish -1 15");
}

static void start_with_a_logger(void **state)
{
	STORY(.with_log = 1, .goal = STATE_UP, .starts = 1, .lines = 1, .said = "up", .last = "");
}

static void stop(void **state)
{
	STORY(.finish = FINISH, .letter = 'd', .goal = STATE_DOWN, .starts = 1);
}

static void stop_without_finish(void **state)
{
	STORY(.letter = 'd', .goal = STATE_DOWN, .starts = 1);
}

static void restart(void **state)
{
	STORY(.finish = FINISH, .letter = 'r', .goal = STATE_UP, .starts = 2);
}

static void death(void **state)
{
	STORY(.finish = FINISH, .crashes = 1, .goal = STATE_UP, .starts = 2, .deaths = 1,
		.lines = 2, .said = "finish -1 9, up", .last = "finish -1 15");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(start),
		TREE_TEST(start_with_a_logger),
		TREE_TEST(stop),
		TREE_TEST(stop_without_finish),
		TREE_TEST(restart),
		TREE_TEST(death),
	};
	return cmocka_run_group_tests_name("supervise_killed", tests, 0, 0);
}
