/* A cinit that is not process 1 is killed before each of its system calls in turn, and started
 * again on the same run directory: what it was about to do happens all the same, no service runs
 * twice, none is lost, and exit codes are known or said to be unknown. The tree has a logger, and a
 * service that says when it is ready, without which the other one does not start. */
#include "init.h"
#include "trace.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

#define RUN    "alone; say up; exec sleep 1000"
#define DB     "exec 7>>\"$TREE/alone-db\"; flock -n 7 || say two; echo >&3; exec sleep 1000"
#define LOGGER "exec 8>>\"$TREE/alone-log\"; flock -n 8 || say two loggers; exec cat >/dev/null"

enum act {
	BOOT,    /* from its first system call on */
	RESPAWN, /* a supervisor was killed */
	RELAY    /* and its successor has taken over, and what it took over is killed */
};

struct story {
	enum act act;
	uint32_t starts, deaths;
};

static struct place db, web, web_log, tree_of;
static struct status before; /* the record when cinit is killed, or when its time began */

static int supervised(struct status const *s)
{
	return s->supervisor &&
	       process_alive((pid_t)s->supervisor, s->supervisor_identity) == PROCESS_ALIVE;
}

static int is_up(struct place *p, uint32_t starts)
{
	place_look(p);
	return p->e == STATUS_OK && p->s.state == STATE_UP && p->s.starts >= starts &&
	       supervised(&p->s);
}

static int at_goal(struct place *p, void const *data)
{
	struct story const *story = data;
	if (!is_up(p, story->starts) || !is_up(&web_log, 1))
		return 0;
	return story->act != RESPAWN || p->s.supervisor != before.supervisor;
}

static pid_t begin_traced(void)
{
	tree.before_exec = trace_me;
	pid_t pid = init_start(NULL);
	tree.before_exec = 0;
	trace_begun(pid);
	return pid;
}

static void kill_supervisor(void)
{
	uint32_t former = web.s.supervisor;
	kill((pid_t)former, SIGKILL);
	UNTIL(&web, s->supervisor && s->supervisor != former && s->state == STATE_UP);
}

static pid_t begin(struct story const *story)
{
	if (story->act == BOOT)
		return begin_traced();
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&web_log, s->state == STATE_UP);
	event_is("up");
	if (story->act == RELAY)
		kill_supervisor();
	before = web.s;
	trace_seize(pid);
	kill((pid_t)(story->act == RELAY ? web.s.pid : web.s.supervisor), SIGKILL);
	return pid;
}

/* The one who ran runs on, or what ended was counted, and its end is known or said not to be. */
static void expect_no_loss(struct story const *story)
{
	struct status const *s = &web.s;
	uint32_t gates = story->act == BOOT; /* a start that ended at the gate is counted as one */

	if (s->starts < story->starts || s->starts > story->starts + gates)
		place_fail(&web, "the number of starts", __FILE__, __LINE__);
	if (s->deaths != story->deaths)
		place_fail(&web, "the number of deaths", __FILE__, __LINE__);
	if (story->act == RESPAWN)
		assert_int_equal(s->pid, before.pid);
	if (story->act == RELAY && !(s->flags & FLAG_EXIT_UNKNOWN)) {
		assert_true(s->flags & FLAG_EXIT_VALID);
		assert_int_equal(s->last_exit, SIGKILL);
	}
	if (story->act != RESPAWN)
		event_is("up");
	event_none();
	if (db.s.deaths || db.s.starts > 1 + gates)
		place_fail(&db, "one start", __FILE__, __LINE__);
}

/* A stop by the next cinit stops what the former one started. */
static void expect_an_end(pid_t cinit)
{
	pid_t run = (pid_t)web.s.pid, log = (pid_t)web_log.s.pid;
	pid_t need = (pid_t)db.s.pid;
	int w = init_stop(cinit, SIGTERM);
	if (w) {
		print_error("cinit ended with %#x, and said: %s\n", (unsigned int)w,
			tree_read("cinit.err"));
		place_fail(&web, "a good end", __FILE__, __LINE__);
	}
	if (!tree_gone(run) || !tree_gone(log) || !tree_gone(need))
		place_fail(&web, "the end of its processes", __FILE__, __LINE__);
	event_none();
}

static int one(void const *data, unsigned int n)
{
	struct story const *story = data;
	db = place_with("db", DB);
	place_write(&db, "notification-fd", "3");
	web = place_with("web", RUN);
	place_write(&web, "needs/db", "");
	place_script(&web, "log/run", LOGGER);
	web_log = place_make("web/log");
	pid_t cinit = begin(story);
	int killed = trace_kill_at(cinit, n, &web, at_goal, story);
	if (getenv("CINIT_TEST_FULL"))
		print_message("call %u\n", n);
	tree_end(cinit);

	cinit = init_start(NULL);
	init_there("run/.cinit/status");
	tree_of = place_at(".cinit", tree_name("run/.cinit"));
	UNTIL(&tree_of, s->supervisor == (uint32_t)cinit && s->state == STATE_UP);
	UNTIL(&web, s->state == STATE_UP && s->starts >= story->starts && supervised(s));
	UNTIL(&web_log, s->state == STATE_UP && supervised(s));
	UNTIL(&db, s->state == STATE_UP && s->flags & FLAG_READY && supervised(s));
	if (story->act == RESPAWN)
		UNTIL(&web, s->supervisor != before.supervisor);
	expect_no_loss(story);
	expect_an_end(cinit);
	cinit_ipc_release(&db.client);
	cinit_ipc_release(&web.client);
	cinit_ipc_release(&web_log.client);
	cinit_ipc_release(&tree_of.client);
	return killed;
}

static void boot(void **state)
{
	(void)state;
	trace_story(one, 11, "killed", &(struct story){ .act = BOOT, .starts = 1 });
}

static void respawn(void **state)
{
	(void)state;
	trace_story(one, 3, "killed", &(struct story){ .act = RESPAWN, .starts = 1 });
}

static void relay(void **state)
{
	(void)state;
	trace_story(one, 3, "killed", &(struct story){ .act = RELAY, .starts = 2, .deaths = 1 });
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(boot),
		TREE_TEST(respawn),
		TREE_TEST(relay),
	};
	return cmocka_run_group_tests_name("init_killed", tests, 0, 0);
}
