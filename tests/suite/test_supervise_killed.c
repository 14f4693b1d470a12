/* A supervisor is killed before each of its system calls in turn, and another one takes over: what
 * was asked for happens all the same, once, and nothing ever runs twice. */
#include "trace.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define RUN    "alone; say up; exec sleep 1000"
#define STRIDE 11 /* each run takes every eleventh call, $CINIT_TEST_FULL all */
#define WORKER                                                                                     \
	"alone; exec 8>>\"$TREE/workers\"; flock -s 8; setsid sleep 1000 & say up; exec sleep "    \
	"1000"
#define FINISH "alone; say finish $1 $2"
#define READY  "alone; say up; echo >&3; exec sleep 1000"
/* One that needs it: complains when that does not run, at its start and when it is told to go. */
#define NEEDY                                                                                      \
	"exec 9>>\"$TREE/alone\"; look() { flock -n 9 && say it is two without one; }; look; "     \
	"trap 'look; exit' TERM; while :; do sleep 1000 & wait; done"

struct story {
	char const *finish; /* a script, NULL: none */
	int with_log;
	int ready;   /* it says when it is ready */
	int needs;   /* it needs another one, which is up */
	int needed;  /* another one needs it */
	int letter;  /* what it is told when it is up; 0: nothing */
	int workers; /* it has a child in a session of its own */
	int adopted; /* it was started by a supervisor before */
	int crashes; /* its process is killed when it is up */
	/* With neither of these the supervisor is watched from its start on. What shall come of it:
	 */
	enum status_state goal;
	uint32_t starts, deaths;
	unsigned int lines;
	char const *said; /* by the scripts, from the telling to the goal: sorted lines */
	char const *last; /* and when it was told to exit after that */
};

static int at_goal(struct place *p, void const *data)
{
	struct story const *story = data;
	place_look(p);
	return p->e == STATUS_OK && p->s.state == story->goal && p->s.starts == story->starts;
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

static struct place other; /* what it needs, or what needs it */

static void prepare_other(struct story const *story, struct place const *p)
{
	char name[80], entry[90];
	if (!story->needs && !story->needed)
		return;
	snprintf(name, sizeof name, "o%s", p->name);
	other = place_with(name, story->needed ? NEEDY : "exec sleep 1000");
	snprintf(entry, sizeof entry, "needs/%s", story->needed ? p->name : name);
	place_write(story->needed ? &other : p, entry, "");
	place_supervise(&other);
}

/* It is up, too, and goes. */
static void end_other(void)
{
	UNTIL(&other, s->state == STATE_UP);
	place_send(&other, 'x');
	tree_end(other.supervisor);
	cinit_ipc_release(&other.client);
}

static struct place prepare(struct story const *story, unsigned int n)
{
	static struct place both[2];
	char name[16];
	snprintf(name, sizeof name, "s%u", n);
	both[0] = place_with(name, story->workers ? WORKER : story->ready ? READY : RUN);
	place_keep_exits(both, story->with_log ? 2 : 1);
	if (story->finish)
		place_script(&both[0], "finish", story->finish);
	if (story->ready)
		place_write(&both[0], "notification-fd", "3");
	prepare_other(story, &both[0]);
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

/* Is none of the workers left? They hold a lock as long as they live. */
static void expect_no_worker(struct place *p)
{
	int fd = open(tree_name("workers"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		place_fail(p, "no worker is left", __FILE__, __LINE__);
	close(fd);
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
	if (story->workers && story->goal == STATE_DOWN)
		expect_no_worker(p);
	assert_true(p->s.starts <= story->starts + 2);
	assert_true(p->s.deaths <= 1);
	if (story->needed)
		end_other();
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
	if (story->needed)
		end_other();
	place_send(p, 'x');
	tree_end(p->supervisor);
	expect_said(p, n, 0, story->last);
}

/* What its predecessor started it takes over, before the story begins. */
static void succeed(struct place *p)
{
	place_kill_supervisor(p);
	UNTIL(p, s->supervisor == (uint32_t)p_->supervisor);
}

/* Returns 0 when the goal was reached before call number n. */
static int one(void const *data, unsigned int n)
{
	struct story const *story = data;
	struct message m = { .command = (uint8_t)story->letter };
	struct place p = prepare(story, n);
	if (story->letter || story->crashes) {
		place_up(&p);
		if (story->needed)
			UNTIL(&other, s->state == STATE_UP);
		if (story->adopted)
			succeed(&p);
		trace_seize(p.supervisor);
		m.id = cinit_ipc_id_after(p.s.acknowledged);
		if (story->letter)
			send(&p, &m);
		else
			kill((pid_t)p.s.pid, SIGKILL);
	} else {
		tree.before_exec = trace_me;
		place_supervise(&p);
		tree.before_exec = 0;
		trace_begun(p.supervisor);
	}
	int killed = trace_kill_at(p.supervisor, n, &p, at_goal, story);
	tree_end(p.supervisor);
	place_supervise(&p);
	UNTIL(&p, s->supervisor == (uint32_t)p_->supervisor);
	if (story->letter)
		expect_obeyed(&p, &m, story);
	else
		expect_the_same(&p, story, n);
	if (story->needs)
		end_other();
	if (story->workers)
		expect_no_worker(&p);
	cinit_ipc_release(&p.client);
	return killed;
}

#define STORY(...)                                                                                 \
	do {                                                                                       \
		struct story const story = { __VA_ARGS__ };                                        \
		(void)state;                                                                       \
		trace_story(one, STRIDE, &story);                                                  \
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

static void stop_with_workers(void **state)
{
	STORY(.workers = 1, .letter = 'd', .goal = STATE_DOWN, .starts = 1);
}

static void stop_of_what_was_adopted(void **state)
{
	STORY(.finish = FINISH, .adopted = 1, .letter = 'd', .goal = STATE_DOWN, .starts = 1);
}

static void stop_of_adopted_workers(void **state)
{
	STORY(.workers = 1, .adopted = 1, .letter = 'd', .goal = STATE_DOWN, .starts = 1);
}

static void restart_of_adopted_workers(void **state)
{
	STORY(.workers = 1, .adopted = 1, .letter = 'r', .goal = STATE_UP, .starts = 2);
}

static void death_of_what_was_adopted(void **state)
{
	STORY(.finish = FINISH, .adopted = 1, .crashes = 1, .goal = STATE_UP, .starts = 2,
		.deaths = 1, .lines = 2, .said = "finish -1 9, up", .last = "finish -1 15");
}

static void start_with_readiness(void **state)
{
	STORY(.ready = 1, .goal = STATE_UP, .starts = 1, .lines = 1, .said = "up", .last = "");
}

static void start_of_what_needs_another(void **state)
{
	STORY(.needs = 1, .goal = STATE_UP, .starts = 1, .lines = 1, .said = "up", .last = "");
}

static void restart_of_what_is_needed(void **state)
{
	STORY(.ready = 1, .needed = 1, .letter = 'r', .goal = STATE_UP, .starts = 2);
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
		TREE_TEST(stop_with_workers),
		TREE_TEST(stop_of_what_was_adopted),
		TREE_TEST(stop_of_adopted_workers),
		TREE_TEST(restart_of_adopted_workers),
		TREE_TEST(death_of_what_was_adopted),
		TREE_TEST(start_with_readiness),
		TREE_TEST(start_of_what_needs_another),
		TREE_TEST(restart_of_what_is_needed),
	};
	return cmocka_run_group_tests_name("supervise_killed", tests, 0, 0);
}
