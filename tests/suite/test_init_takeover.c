/* What another cinit finds when the one before it was killed. */
#include "init.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "trace.h"

static void another_cinit_takes_over(void **state)
{
	struct place web = init_seven("web"), gone = init_service("gone"), db = init_service("db");

	(void)state;
	pid_t pid = init_start(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&gone, s->state == STATE_UP);
	UNTIL(&db, s->state == STATE_UP);
	uint32_t run = web.s.pid, supervisor = web.s.supervisor;
	assert_int_equal(place_command(&db, 'd'), RESULT_DONE);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	/* meanwhile one vanished */
	init_move("services/gone", "gone.old");
	pid = init_start(NULL);
	init_gone("run/gone");
	assert_int_equal(kill((pid_t)gone.s.pid, 0), -1);
	assert_int_equal(init_command(COMMAND_LOOK, "web", 0, NULL), RESULT_DONE);
	place_look(&web);
	assert_int_equal(web.s.pid, run);
	assert_int_equal(web.s.supervisor, supervisor);
	place_look(&db);
	assert_int_equal(db.s.want, WANT_DOWN); /* the same life goes on */
	/* one of theirs dies: the next is ours */
	init_kill_supervisor(&web);
	UNTIL(&web, s->state == STATE_UP && s->pid == run);
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
	UNTIL(&db, !s->supervisor);
}

/* A oneshot that is up has no process, and yet `off` is due when the tree stops, whoever dies. What
 * its `on` left to somebody above cinit ends then. */
static void a_oneshot_is_brought_down_whoever_dies(void **state)
{
	struct place net = place_make("net"), tree_of;

	(void)state;
	place_script(&net, "on", "setsid sleep 1000 & echo $! >>$EVENTS");
	place_script(&net, "off", "say off");
	pid_t pid = init_start(NULL), left = event_pid();
	UNTIL(&net, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	pid = init_start(NULL);
	tree_of = place_at(".cinit", tree_name("run/.cinit"));
	UNTIL(&tree_of, s->state == STATE_UP && (pid_t)s->supervisor == pid);
	kill((pid_t)net.s.supervisor, SIGSTOP);
	kill(pid, SIGTERM);
	UNTIL(&tree_of, s->state == STATE_STOPPING);
	kill((pid_t)net.s.supervisor, SIGKILL);
	event_is("off");
	assert_int_equal(tree_end(pid), 0);
	assert_true(tree_over(left));
}

/* Who was told to exit stays away from the next cinit, too; unless the one before was about to
 * bring it back, or had told it so itself because the tree stopped. */
static void who_was_told_to_exit_stays_away(void **state)
{
	struct place away = init_service("away"), back = init_service("back");
	struct place slow = place_make("slow"), tree_of;

	(void)state;
	place_script(&slow, "run", "trap '' TERM; say slow; while :; do sleep 1000; done");
	pid_t pid = init_start(NULL);
	event_is("slow");
	tree_of = place_at(".cinit", tree_name("run/.cinit"));
	UNTIL(&tree_of, s->state == STATE_UP);
	UNTIL(&away, s->state == STATE_UP);
	UNTIL(&back, s->state == STATE_UP);
	/* another directory took its name: it is told to exit and to come back, and does neither
	 * while it is stopped */
	kill((pid_t)back.s.supervisor, SIGSTOP);
	init_move("services/back", "back.old");
	place_script(&back, "run", SLEEPS);
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_there("run/back/renew");
	assert_int_equal(place_command(&away, 'x'), RESULT_DONE);
	UNTIL(&away, s->flags & FLAG_EXITED && !s->supervisor);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	kill((pid_t)back.s.supervisor, SIGCONT);
	UNTIL(&back, s->flags & FLAG_EXITED && !s->supervisor);
	pid = init_start(NULL);
	UNTIL(&tree_of, s->state == STATE_UP && (pid_t)s->supervisor == pid);
	UNTIL(&back, s->state == STATE_UP);
	init_gone("run/back/renew");
	assert_int_equal(init_command(COMMAND_LOOK, "away", 0, NULL), RESULT_DONE);
	place_look(&away);
	assert_true(away.s.flags & FLAG_EXITED && !away.s.supervisor);
	/* it is killed while it stops the tree */
	kill(pid, SIGTERM);
	UNTIL(&back, s->flags & FLAG_EXITED && !s->supervisor);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	pid = init_start(NULL);
	UNTIL(&back, s->state == STATE_UP);
	UNTIL(&away, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* A tree whose service `slow' was told by a rescan to go, because of what `what' did to its
 * directory, and is still stopping. */
static pid_t begin_to_go(struct place *slow, void (*what)(void))
{
	*slow = place_make("slow");
	assert_int_equal(mkfifo(tree_name("hold"), 0600), 0);
	place_script(slow, "run",
		"trap 'say stopping; read x <$TREE/hold; exit' TERM; say slow\n"
		"while :; do sleep 0.02; done");
	pid_t pid = init_start(NULL);
	event_is("slow");
	init_move("services/slow", "slow.old");
	if (what)
		what();
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	event_is("stopping");
	return pid;
}

/* Another cinit takes over; then it may end. */
static pid_t go_under_another(void)
{
	struct place tree_of = place_at(".cinit", tree_name("run/.cinit"));
	pid_t pid = init_start(NULL);

	UNTIL(&tree_of, s->state == STATE_UP && (pid_t)s->supervisor == pid);
	int hold = open(tree_name("hold"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(hold, "\n", 1), 1);
	close(hold);
	return pid;
}

static void another_in_its_place(void)
{
	struct place slow = place_make("slow");
	place_script(&slow, "run", "say new; exec sleep 1000");
}

/* A rescan was answered, and the service in the way is still stopping when cinit is killed: the
 * next one keeps the word, also when the supervisor was killed before. */
static void comes_back(int supervisor_dies)
{
	struct place slow;
	pid_t pid = begin_to_go(&slow, another_in_its_place);

	if (supervisor_dies)
		init_kill_supervisor(&slow);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	pid = go_under_another();
	event_is("new");
	UNTIL(&slow, s->state == STATE_UP);
	init_gone("run/slow/renew");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void who_was_to_come_back_does(void **state)
{
	(void)state;
	comes_back(0);
}

static void who_was_to_come_back_does_whoever_dies(void **state)
{
	(void)state;
	comes_back(1);
}

/* Its directory went, and is there again for the next cinit. */
static void who_is_back_is_started(void **state)
{
	struct place slow;
	(void)state;
	pid_t pid = begin_to_go(&slow, NULL);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	init_move("slow.old", "services/slow");
	pid = go_under_another();
	event_is("slow");
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

/* Somebody removed it from a living tree, and the supervisor is killed: the process is found, and
 * there are not two. */
enum went { WENT, WENT_BEFORE_A_RESCAN, WENT_INSIDE };

static void directory_went(enum went how)
{
	struct place web = init_seven("web");

	pid_t pid = init_start(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	uint32_t run = web.s.pid;
	pid_t supervisor = (pid_t)web.s.supervisor;
	init_move("run/web", "web.gone");
	if (how == WENT_INSIDE)
		assert_int_equal(mkdir(tree_name("run/web"), 0755), 0);
	if (how == WENT_BEFORE_A_RESCAN) {
		assert_int_equal(mkdir(tree_name("services/web/log"), 0755), 0);
		assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	}
	kill(supervisor, SIGKILL);
	init_there("run/web/status");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(web.s.pid, run);
	event_none();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_state_directory_that_went(void **state)
{
	(void)state;
	directory_went(WENT_BEFORE_A_RESCAN);
}

static void a_state_directory_that_nobody_looked_for(void **state)
{
	(void)state;
	directory_went(WENT);
}

static void a_state_directory_that_was_emptied(void **state)
{
	(void)state;
	directory_went(WENT_INSIDE);
}

/* cinit and a supervisor are both killed: what left the service's session is then the child of
 * somebody above them. It ends with the service all the same, and nothing else does. */
static void what_was_left_to_strangers_is_found(void **state)
{
	struct place web = place_make("web");
	struct orphans {
		pid_t ours, others;
	} p;

	(void)state;
	place_script(&web, "run",
		"setsid sh -c 'echo $$ >>$EVENTS; exec sleep 1000' &\n"
		"CINIT_RUN=/other setsid sh -c 'echo $$ >>$EVENTS; exec sleep 1000' &\n"
		"wait; exec sleep 1000");
	pid_t pid = init_start(NULL);
	p.ours = (pid_t)strtol(event_next(), NULL, 10);
	p.others = (pid_t)strtol(event_next(), NULL, 10);
	assert_true(p.ours > 0 && p.others > 0);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	pid_t supervisor = (pid_t)web.s.supervisor, run = (pid_t)web.s.pid;
	kill(supervisor, SIGKILL);
	pid = init_start(NULL);
	UNTIL(&web, s->supervisor && s->supervisor != (uint32_t)supervisor);
	assert_int_equal(web.s.pid, run);
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	/* one of the two says that it belongs to another tree */
	assert_int_equal(tree_over(p.ours) + tree_over(p.others), 1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	kill(p.ours, SIGKILL);
	kill(p.others, SIGKILL);
}

/* What cinit does for supervisors of its own it does for those that came later, too: exit codes,
 * and the pipe to the logger. */
static void the_next_cinit_lacks_nothing(void **state)
{
	struct place web = place_make("web"), log, one = init_seven("one");

	(void)state;
	place_script(&web, "run", "trap '' PIPE; echo line; say wrote; exec sleep 1000");
	place_script(&web, "log/run",
		"say log; read x <$TREE/hold; read line; say got $line; exec sleep 1000");
	assert_int_equal(mkfifo(tree_name("hold"), 0600), 0);
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start(NULL);
	for (int n = 0; n < 3; n++)
		event_next();
	UNTIL(&one, s->state == STATE_UP);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
	pid = init_start(NULL);
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	UNTIL(&cinit, s->state == STATE_UP && (pid_t)s->supervisor == pid);
	init_alone_with_pipe(pid, &web, &log, "got line");
	/* its second supervisor is ours, and so are that one's orphans */
	init_kill_supervisor(&one);
	assert_int_equal(place_command(&one, 'r'), RESULT_DONE);
	event_await("up");
	UNTIL(&one, s->starts == 2 && s->state == STATE_UP);
	init_kill_supervisor(&one);
	UNTIL(&one, s->state == STATE_UP);
	kill((pid_t)one.s.pid, SIGUSR1);
	UNTIL(&one, s->starts == 3);
	assert_int_equal(one.s.flags & (FLAG_EXIT_VALID | FLAG_EXIT_UNKNOWN), FLAG_EXIT_VALID);
	assert_int_equal(one.s.last_exit, EXIT(7));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static int is_locked(char const *lock)
{
	int fd = open(lock, O_RDONLY | O_CLOEXEC);
	int held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

	close(fd);
	return held;
}

/* A supervisor that a dead cinit forked at its end has the lock, and nothing of it is published
 * yet: the next cinit is told to stop now, waits for it, and stops its service. */
static void one_that_nobody_has_seen_is_stopped(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	trace_needed();
	tree.before_exec = trace_me;
	place_supervise(&web);
	tree.before_exec = NULL;
	trace_begun(web.supervisor);
	while (!is_locked(tree_name("run/web/lock")))
		assert_true(trace_step(&web));
	pid_t pid = init_start(NULL);
	init_there("run/.cinit/status");
	kill(pid, SIGTERM);
	UNTIL(&cinit, s->state == STATE_STOPPING);
	place_look(&web);
	assert_int_not_equal(web.e, STATUS_OK);
	trace_detach(&web);
	assert_int_equal(tree_end(pid), 0);
	assert_int_equal(tree_end(web.supervisor), 0);
	place_look(&web);
	assert_true(web.s.flags & FLAG_EXITED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(another_cinit_takes_over),
		TREE_TEST(what_was_left_to_strangers_is_found),
		TREE_TEST(who_was_told_to_exit_stays_away),
		TREE_TEST(who_was_to_come_back_does),
		TREE_TEST(who_was_to_come_back_does_whoever_dies),
		TREE_TEST(who_is_back_is_started),
		TREE_TEST(a_state_directory_that_went),
		TREE_TEST(a_state_directory_that_nobody_looked_for),
		TREE_TEST(a_state_directory_that_was_emptied),
		TREE_TEST(a_oneshot_is_brought_down_whoever_dies),
		TREE_TEST(the_next_cinit_lacks_nothing),
		TREE_TEST(one_that_nobody_has_seen_is_stopped),
	};
	return cmocka_run_group_tests_name("init_takeover", tests, NULL, NULL);
}
