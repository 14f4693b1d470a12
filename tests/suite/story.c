/* A supervisor's stories; see story.h. */
#include "story.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define RUN "alone; say up; exec sleep 1000"
#define WORKER                                                                                     \
	"alone; exec 8>>\"$TREE/workers\"; flock -s 8; setsid sleep 1000 & say up; exec sleep "    \
	"1000"
#define FINISH "alone; say finish $1 $2"
#define READY  "alone; say up; echo >&3; exec sleep 1000"
/* One that needs it: complains when that does not run, at its start and when it is told to go. */
#define NEEDY                                                                                      \
	"exec 9>>\"$TREE/alone\"; look() { flock -n 9 && say it is two without one; }; look; "     \
	"trap 'look; exit' TERM; while :; do sleep 1000 & wait; done"
#define LOGGER "exec 8>>\"$TREE/alone-log\"; flock -n 8 || say two loggers; exec cat >/dev/null"

struct story const stories[STORY_COUNT] = {
	{ "start", .finish = FINISH, .goal = STATE_UP, .starts = 1, .lines = 1, .said = "up",
		.last = "finish -1 15" },
	{ "start_with_a_logger", .with_log = 1, .goal = STATE_UP, .starts = 1, .lines = 1,
		.said = "up", .last = "" },
	{ "stop", .finish = FINISH, .letter = 'd', .goal = STATE_DOWN, .starts = 1 },
	{ "stop_without_finish", .letter = 'd', .goal = STATE_DOWN, .starts = 1 },
	{ "restart", .finish = FINISH, .letter = 'r', .goal = STATE_UP, .starts = 2 },
	{ "restart_with_control_scripts", .controls = 1, .letter = 'r', .goal = STATE_UP,
		.starts = 2 },
	{ "death", .finish = FINISH, .crashes = 1, .goal = STATE_UP, .starts = 2, .deaths = 1,
		.lines = 2, .said = "finish -1 9, up", .last = "finish -1 15" },
	{ "stop_with_workers", .workers = 1, .letter = 'd', .goal = STATE_DOWN, .starts = 1 },
	{ "adoption", .finish = FINISH, .heir = 1, .goal = STATE_UP, .starts = 1, .said = "",
		.last = "finish -1 15" },
	{ "stop_of_what_was_adopted", .finish = FINISH, .adopted = 1, .letter = 'd',
		.goal = STATE_DOWN, .starts = 1 },
	{ "stop_of_adopted_workers", .workers = 1, .adopted = 1, .letter = 'd', .goal = STATE_DOWN,
		.starts = 1 },
	{ "restart_of_adopted_workers", .workers = 1, .adopted = 1, .letter = 'r', .goal = STATE_UP,
		.starts = 2 },
	{ "death_of_what_was_adopted", .finish = FINISH, .adopted = 1, .crashes = 1,
		.goal = STATE_UP, .starts = 2, .deaths = 1, .lines = 2, .said = "finish -1 9, up",
		.last = "finish -1 15" },
	{ "start_with_readiness", .ready = 1, .goal = STATE_UP, .starts = 1, .lines = 1,
		.said = "up", .last = "" },
	{ "start_of_what_needs_another", .needs = 1, .goal = STATE_UP, .starts = 1, .lines = 1,
		.said = "up", .last = "" },
	{ "start_of_a_oneshot", .oneshot = 1, .goal = STATE_UP, .starts = 1, .lines = 1,
		.said = "up", .last = "off" },
	{ "stop_of_a_oneshot", .oneshot = 1, .letter = 'd', .goal = STATE_DOWN, .starts = 1 },
	{ "restart_of_what_is_needed", .ready = 1, .needed = 1, .letter = 'r', .goal = STATE_UP,
		.starts = 2 },
};

/* ----------------------------------------------------------------------------- what is said */

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
	print_error("at call %u: said: %s\n", n, text);
	place_look(p);
	place_fail(p, want, __FILE__, __LINE__);
}

/* -------------------------------------------------------------------------------- beginning */

static void prepare_other(struct course *c)
{
	struct story const *story = c->story;
	char name[80], entry[90];
	if (!story->needs && !story->needed)
		return;
	snprintf(name, sizeof name, "o%s", c->p.name);
	c->other = place_with(name, story->needed ? NEEDY : "exec sleep 1000");
	snprintf(entry, sizeof entry, "needs/%s", story->needed ? c->p.name : name);
	place_write(story->needed ? &c->other : &c->p, entry, "");
	place_supervise(&c->other);
}

static void prepare(struct course *c, unsigned int n)
{
	struct story const *story = c->story;
	char name[16];
	snprintf(name, sizeof name, "s%u", n);
	c->p = place_with(name, story->workers ? WORKER : story->ready ? READY : RUN);
	if (story->finish)
		place_script(&c->p, "finish", story->finish);
	if (story->oneshot) {
		unlink(tree_name("services/%s/run", name));
		place_script(&c->p, "on", "alone; say up");
		place_script(&c->p, "off", "alone; say off");
	}
	if (story->ready)
		place_write(&c->p, "notification-fd", "3");
	if (story->controls) {
		place_script(&c->p, "control/u", "exit 0");
		place_script(&c->p, "control/t", "kill $1");
		place_script(&c->p, "control/d", "exit 0");
	}
	prepare_other(c);
	if (story->with_log) {
		snprintf(name, sizeof name, "s%u/log", n);
		c->both[1] = place_make(name);
		place_script(&c->both[1], "log/run", LOGGER);
	}
	c->both[0] = c->p;
	place_keep_exits(c->both, story->with_log ? 2 : 1);
}

void story_send(struct course *c)
{
	enum cinit_sent sent;
	cinit_ipc_unsend(&c->p.client);
	c->p.client.path = c->p.state;
	sent = cinit_ipc_send(&c->p.client, &c->m);
	if (sent != CINIT_SENT)
		place_fail(&c->p, "to send a frame", __FILE__, __LINE__);
	c->m.flags |= MESSAGE_AGAIN;
}

/* What its predecessor started it takes over, before the story begins. */
static void succeed(struct place *p)
{
	place_kill_supervisor(p);
	UNTIL(p, s->supervisor == (uint32_t)p_->supervisor);
}

static void supervise_traced(struct place *p)
{
	tree.before_exec = trace_me;
	place_supervise(p);
	tree.before_exec = 0;
	trace_begun(p->supervisor);
}

int story_told(struct story const *story)
{
	return story->letter || story->crashes;
}

void story_begin(struct course *c, struct story const *story, unsigned int n)
{
	*c = (struct course){ .story = story, .m = { .command = (uint8_t)story->letter } };
	struct place *p = &c->p;
	prepare(c, n);
	if (story_told(story) || story->heir) {
		place_up(p);
		if (story->needed)
			UNTIL(&c->other, s->state == STATE_UP);
		if (story->adopted)
			succeed(p);
	}
	if (story->heir) {
		kill(p->supervisor, SIGKILL);
		tree_end(p->supervisor);
	}
	if (!story_told(story)) {
		supervise_traced(p);
		return;
	}
	trace_seize(p->supervisor);
	c->m.id = cinit_ipc_id_after(p->s.acknowledged);
	if (story->letter)
		story_send(c);
	else
		kill((pid_t)p->s.pid, SIGKILL);
}

int story_at_goal(struct place *p, void const *data)
{
	struct course const *c = data;
	place_look(p);
	return p->e == STATUS_OK && p->s.state == c->story->goal &&
	       p->s.starts == c->story->starts && p->s.supervisor == (uint32_t)p->supervisor;
}

/* ------------------------------------------------------------------------------------ ending */

/* It is up, too, and goes. */
static void end_other(struct place *other)
{
	UNTIL(other, s->state == STATE_UP);
	place_send(other, 'x');
	tree_end(other->supervisor);
	cinit_ipc_release(&other->client);
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
static void expect_obeyed(struct course *c)
{
	struct story const *story = c->story;
	struct place *p = &c->p;
	enum status_why why;
	if (p->s.incarnation && status_answer(&p->r, c->m.id) < 0)
		story_send(c);
	assert_int_equal(place_answer(p, c->m.id, &why), RESULT_DONE);
	UNTIL(p, s->state == story->goal && s->starts >= story->starts);
	if (story->workers && story->goal == STATE_DOWN)
		expect_no_worker(p);
	assert_true(p->s.starts <= story->starts + 2);
	assert_true(p->s.deaths <= 1);
	if (story->needed)
		end_other(&c->other);
	place_send(p, 'x');
	tree_end(p->supervisor);
	char const *text = said(0);
	assert_null(strstr(text, "two"));
	if (story->finish && !strstr(text, "finish -1 15"))
		place_fail(p, "finish", __FILE__, __LINE__);
	if (story->oneshot && !strstr(text, "off"))
		place_fail(p, "off", __FILE__, __LINE__);
}

static void expect_the_same(struct course *c, unsigned int n)
{
	struct story const *story = c->story;
	struct place *p = &c->p;
	UNTIL(p, s->state == story->goal && s->starts >= story->starts);
	/* a start that ended at the gate is counted as one, but its end is no death */
	if (p->s.starts > story->starts + 1)
		place_fail(p, "the number of starts", __FILE__, __LINE__);
	if (p->s.deaths != story->deaths)
		place_fail(p, "the number of deaths", __FILE__, __LINE__);
	expect_said(p, n, story->lines, story->said);
	if (story->needed)
		end_other(&c->other);
	place_send(p, 'x');
	tree_end(p->supervisor);
	expect_said(p, n, 0, story->last);
}

void story_end(struct course *c, unsigned int n)
{
	if (c->story->letter)
		expect_obeyed(c);
	else
		expect_the_same(c, n);
	if (c->story->needs)
		end_other(&c->other);
	if (c->story->workers)
		expect_no_worker(&c->p);
	cinit_ipc_release(&c->p.client);
}
