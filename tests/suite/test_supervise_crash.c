/* A service that keeps dying: delays, limits, giving up, and ends that are the end of the tree. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

static void delays_grow(void **state)
{
	struct place web = place_with("web", "exit 1");
	uint64_t died = 0;
	uint32_t delay = 0, starts = 0;
	(void)state;
	place_supervise(&web);
	/* two starts at once, and then with 100, 200, 400, 800 ms between an end and a start; the
	 * shorter ones may pass unseen */
	for (uint32_t want = 800; want <= 1600; want *= 2) {
		UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms == want);
		if (died) {
			uint64_t ms = (web.s.started - died) / CLOCK_MILLISEC;
			assert_true(ms >= delay - delay / 10);
			assert_int_equal(web.s.starts, starts + 1);
		}
		assert_true(web.s.deadline[DEADLINE_BACKOFF] > web.s.died);
		uint64_t ahead = (web.s.deadline[DEADLINE_BACKOFF] - web.s.since) / CLOCK_MILLISEC;
		assert_true(ahead >= want - want / 10 - 50 && ahead <= want + want / 10 + 50);
		died = web.s.died;
		delay = want;
		starts = web.s.starts;
	}
	assert_int_equal(starts, 6);
	assert_int_equal(web.s.deaths, 6);
	assert_int_equal(web.s.restarts, 5);
	assert_int_equal(web.s.last_exit, 1 << 8);
}

static void commands_during_a_delay(void **state)
{
	struct place web =
		place_with("web", "say up; [ -e \"$TREE/good\" ] && exec sleep 1000; exit 1");
	(void)state;
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms >= 1600);
	uint32_t starts = web.s.starts;
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_DOWN);
	assert_true(web.s.deadline[DEADLINE_BACKOFF] == 0);
	assert_int_equal(web.s.starts, starts);
	tree_write("good", 0644, "");
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_UP && s->starts == starts + 1);
	assert_int_equal(web.s.backoff_ms, 0);
}

static void up_ends_a_delay(void **state)
{
	struct place web =
		place_with("web", "say up; [ -e \"$TREE/good\" ] && exec sleep 1000; exit 1");
	(void)state;
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms >= 1600);
	uint32_t starts = web.s.starts;
	tree_write("good", 0644, "");
	uint64_t deadline = web.s.deadline[DEADLINE_BACKOFF];
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->starts == starts + 1);
	assert_true(web.s.started < deadline);
	assert_true(web.s.deadline[DEADLINE_BACKOFF] == 0);
	assert_int_equal(web.s.backoff_ms, 0);
}

static void max_deaths(void **state)
{
	struct place web = place_with("web", "exit 9");
	(void)state;
	place_write(&web, "max-deaths", "3/60");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED);
	assert_int_equal(web.s.reason, REASON_DEATHS);
	assert_int_equal(web.s.starts, 3);
	assert_int_equal(web.s.deaths, 3);
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.last_exit, 9 << 8);
	/* latched on disk, too */
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	place_supervise(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_FAILED);
	assert_int_equal(web.s.starts, 3);
	/* up forgets */
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_FAILED && s->starts == 6);
	place_command(&web, 'd');
	assert_int_equal(web.s.state, STATE_DOWN);
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void asked_for_ends_do_not_count(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_write(&web, "max-deaths", "1/60");
	place_up(&web);
	for (unsigned int i = 2; i < 6; i++) {
		place_command(&web, i & 1 ? 'r' : 't');
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		event_is("up");
	}
	kill((pid_t)web.s.pid, SIGTERM); /* not by us */
	UNTIL(&web, s->state == STATE_FAILED);
}

static void restart_never(void **state)
{
	struct place web = place_with("web", "exit 4");
	(void)state;
	place_write(&web, "restart", "never");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_DOWN && s->starts == 1);
	assert_int_equal(web.s.reason, REASON_ENDED);
	assert_int_equal(web.s.want, WANT_UP);
	assert_int_equal(web.s.last_exit, 4 << 8);
	/* it does not come back with another supervisor either */
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	place_supervise(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
	place_command(&web, 'y');
	assert_int_equal(web.s.state, STATE_DOWN);
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_DOWN && s->starts == 2);
}

static void restart_on_failure(void **state)
{
	struct place web = place_with("web", "read n <\"$TREE/n\"; echo 0 >\"$TREE/n\"; exit $n");
	(void)state;
	tree_write("n", 0644, "3\n");
	place_write(&web, "restart", "on-failure");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_DOWN && s->starts == 2);
	assert_int_equal(web.s.reason, REASON_ENDED);
	assert_int_equal(web.s.last_exit, 0);
}

/* ---------------------------------------------------------------------------- bad values */

static void bad_values_fail_one_service(void **state)
{
	static char const *const rows[][2] = {
		{ "timeout-kill", "soon" },
		{ "timeout-finish", "-1" },
		{ "timeout-control", "5 s" },
		{ "backoff-max", "1e3" },
		{ "max-deaths", "3" },
		{ "down-signal", "TERMINATE" },
		{ "kill-mode", "gently" },
		{ "restart", "perhaps" },
	};
	struct place good = place_running("good", "say up; exec sleep 1000");
	struct place web = place_with("web", "say never");
	(void)state;
	place_write(&web, "down", "");
	place_supervise(&web);
	UNTIL(&web, s->supervisor);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		place_write(&web, rows[i][0], rows[i][1]);
		assert_int_equal(place_command(&web, 'u'), RESULT_REFUSED);
		UNTIL(&web, s->state == STATE_FAILED);
		assert_int_equal(web.s.reason, REASON_CONFIG);
		assert_memory_equal(web.s.reason_text, rows[i][0], strlen(rows[i][0]));
		assert_non_null(strstr(web.s.reason_text, rows[i][1]));
		assert_non_null(strstr(tree_read("web.err"), web.s.reason_text));
		unlink(tree_name("services/web/%s", rows[i][0]));
	}
	assert_int_equal(web.s.starts, 0);
	event_none();
	place_look(&good);
	assert_int_equal(good.s.state, STATE_UP);
	assert_int_equal(good.s.starts, 1);
}

/* A restart that was refused for a bad value leaves nothing behind: what is there when it dies
 * counts.
 */
static void a_bad_value_that_was_mended(void **state)
{
	struct place web = place_running("web", "say up; exec sleep 1000");
	(void)state;
	place_write(&web, "max-deaths", "many\n");
	assert_int_equal(place_command(&web, 'r'), RESULT_REFUSED);
	place_write(&web, "max-deaths", "9/60\n");
	kill((pid_t)web.s.pid, SIGKILL);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
}

static void a_bad_value_at_the_start_of_the_supervisor(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	(void)state;
	place_write(&web, "timeout-kill", "5x");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	assert_int_equal(web.s.want, WANT_UP);
	assert_non_null(strstr(web.s.reason_text, "timeout-kill: `5x'"));
	unlink(tree_name("services/web/timeout-kill"));
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
}

/* ----------------------------------------------------------------------------- essential */

/* Cinit's own pair, as cinit has it. */
static struct cinit_ipc cinit_pair(void)
{
	struct cinit_ipc ipc;
	assert_int_equal(mkdir(tree_name("run/.cinit"), 0755), 0);
	int dir = open(tree_name("run/.cinit"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mode_t before = umask(0);
	assert_int_equal(cinit_ipc_init(&ipc, dir, (gid_t)-1), 0);
	umask(before);
	return ipc;
}

static void expect_look(struct cinit_ipc *ipc, char const *name)
{
	struct message m;
	int r;
	while (!(r = cinit_ipc_listen(ipc, &m)))
		assert_true(tree_poll(cinit_ipc_fd(ipc), POLLIN, tree_patience()) >= 0);
	assert_int_equal(r, 1);
	assert_int_equal(m.command, 'y');
	assert_string_equal(m.text, name);
	assert_true(m.id != 0);
}

static void the_end_of_an_essential_service(void **state)
{
	struct cinit_ipc ipc = cinit_pair();
	struct place web = place_with("web", "exit 23");
	struct message m;
	(void)state;
	place_write(&web, "essential", "");
	place_supervise(&web);
	expect_look(&ipc, "web");
	place_look(&web);
	assert_int_equal(web.s.state, STATE_DOWN);
	assert_int_equal(web.s.flags & (FLAG_ESSENTIAL | FLAG_ENDED | FLAG_EXIT_VALID),
		FLAG_ESSENTIAL | FLAG_ENDED | FLAG_EXIT_VALID);
	assert_int_equal(web.s.last_exit, 23 << 8);
	assert_int_equal(web.s.starts, 1);
	/* the supervisor is still there, and up takes it back */
	place_script(&web, "run", "say up; exec sleep 1000");
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(web.s.flags & FLAG_ENDED, 0);
	/* a stop that somebody asked for is no end */
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.flags & FLAG_ENDED, 0);
	assert_int_equal(cinit_ipc_listen(&ipc, &m), 0);
}

static void an_essential_service_that_gives_up(void **state)
{
	struct cinit_ipc ipc = cinit_pair();
	struct place web = place_with("web", "kill -KILL $$");
	(void)state;
	place_write(&web, "essential", "");
	place_write(&web, "restart", "always");
	place_write(&web, "max-deaths", "2/60");
	place_supervise(&web);
	expect_look(&ipc, "web");
	place_look(&web);
	assert_int_equal(web.s.state, STATE_FAILED);
	assert_int_equal(web.s.flags & FLAG_ENDED, FLAG_ENDED);
	assert_int_equal(web.s.starts, 2);
	assert_int_equal(web.s.last_exit, SIGKILL);
}

static void cinit_is_told_when_it_comes(void **state)
{
	struct place web = place_with("web", "exit 0");
	(void)state;
	place_write(&web, "essential", "");
	place_supervise(&web);
	UNTIL(&web, s->flags & FLAG_ENDED);
	struct cinit_ipc ipc = cinit_pair();
	expect_look(&ipc, "web");
}

/* ---------------------------------------------------------------------------- no processes */

/* A uid that nobody has: its limit of processes concerns only what we start with it. */
#define LONELY "--reuid=54321", "--regid=54321", "--clear-groups"

static void limit_processes(pid_t pid, char const *nproc)
{
	struct output o;
	char target[32], limit[48];
	snprintf(target, sizeof target, "--pid=%d", (int)pid);
	snprintf(limit, sizeof limit, "--nproc=%s:", nproc);
	tree_run(&o, "/usr/bin/setpriv", LONELY, "/usr/bin/prlimit", target, limit, NULL);
	if (o.code)
		fail_msg("prlimit: %s", o.err);
}

static void fork_fails(void **state)
{
	struct place web = place_with("web", "say up; hold crash");
	char supervise[300], build[300];
	struct output o;
	int crash = tree_hold("crash");
	(void)state;
	if (!tree_has_users())
		skip();
	snprintf(build, sizeof build, "%s/supervise", getenv("CINIT_BUILD"));
	snprintf(supervise, sizeof supervise, "%s/supervise", tree.path);
	tree_run(&o, "/bin/cp", build, supervise, NULL);
	tree_run(&o, "/bin/chown", "-R", "54321:54321", tree.run, NULL);
	assert_int_equal(o.code, 0);
	char const *argv[] = { "/usr/bin/setpriv", LONELY, supervise, "-r", tree.run, "-d",
		tree.services, "web", 0 };
	web.supervisor = tree_start("web", argv);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	limit_processes(web.supervisor, "1");
	tree_pass(crash);
	UNTIL(&web, s->state == STATE_BACKOFF && s->reason == REASON_FORK);
	assert_int_equal(web.s.reason_detail, EAGAIN);
	assert_true(web.s.backoff_ms >= 1000);
	assert_int_equal(web.s.starts, 1);
	assert_non_null(strstr(tree_read("web.err"), "web: unable to fork: "));
	/* it listens meanwhile, and tries again when told to */
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	assert_int_equal(web.s.state, STATE_DOWN);
	place_command(&web, 'u');
	UNTIL(&web, s->state == STATE_BACKOFF);
	limit_processes(web.supervisor, "100");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2 && s->reason == REASON_NONE);
	event_is("up");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(delays_grow),
		TREE_TEST(commands_during_a_delay),
		TREE_TEST(up_ends_a_delay),
		TREE_TEST(max_deaths),
		TREE_TEST(asked_for_ends_do_not_count),
		TREE_TEST(restart_never),
		TREE_TEST(restart_on_failure),
		TREE_TEST(bad_values_fail_one_service),
		TREE_TEST(a_bad_value_that_was_mended),
		TREE_TEST(a_bad_value_at_the_start_of_the_supervisor),
		TREE_TEST(the_end_of_an_essential_service),
		TREE_TEST(an_essential_service_that_gives_up),
		TREE_TEST(cinit_is_told_when_it_comes),
		TREE_TEST(fork_fails),
	};
	return cmocka_run_group_tests_name("supervise_crash", tests, 0, 0);
}
