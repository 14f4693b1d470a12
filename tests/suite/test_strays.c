/* What does not want to go, in the ways that there are, each of them with the supervisor that
 * started it and after an adoption: sessions, orphans, deafness, forks without end; for each
 * kill-mode. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* Each writes its pid to $TREE/NAME before `up` is said. */
#define KEEPS(name) "echo $$ >\"$TREE/" name "\"; while :; do sleep 1000; done"
#define DEAF        "trap \"\" TERM HUP INT QUIT USR1 USR2 ALRM PIPE CHLD CONT TSTP TTIN TTOU; "
#define SCRIPTS                                                                                                                                                     \
	"sh -c '" KEEPS(                                                                                                                                            \
		"child") "' &\n"                                                                                                                                    \
			 "( sh -c '" KEEPS(                                                                                                                         \
				 "orphan") "' & )\n"                                                                                                                \
					   "setsid sh -c '" KEEPS(                                                                                                  \
						   "session") "' &\n"                                                                                               \
							      "( setsid sh -c '( setsid sh -c "                                                                     \
							      "\"echo \\$\\$ >$TREE/double; exec "                                                                  \
							      "sleep 1000\" & )' & )\n"                                                                             \
							      "sh -c '" DEAF KEEPS(                                                                                 \
								      "deaf") "' &\n"                                                                               \
									      "( setsid sh -c "                                                                     \
									      "'" DEAF KEEPS(                                                                       \
										      "deafer") "' & )\n"                                                           \
												"sh -c 'echo $$ >\"$TREE/stopped\"; kill -STOP $$; sleep 1000' &\n" \
												"for i in child orphan session double deaf deafer stopped; do\n"    \
												"until [ -s \"$TREE/$i\" ]; do :; done; done; say up; exec sleep 1000"

static char const *const all[] = { "child", "orphan", "session", "double", "deaf", "deafer",
	"stopped" };
#define ALL (sizeof all / sizeof *all)

static int lives(char const *name)
{
	char path[32], state = 'Z';
	snprintf(path, sizeof path, "/proc/%d/stat", atoi(tree_read(name)));
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	if (f)
		fclose(f);
	return state != 'Z';
}

static struct place begin(char const *mode, pid_t *pid)
{
	struct place web = place_with("web", SCRIPTS);
	place_write(&web, "kill-mode", mode);
	place_write(&web, "timeout-kill", "300");
	*pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	for (size_t i = 0; i < ALL; i++)
		assert_true(lives(all[i]));
	return web;
}

static void adopt(struct place *web)
{
	uint32_t first = web->s.incarnation;
	uint32_t run = web->s.child[ROLE_RUN].pid;
	assert_int_equal(kill((pid_t)web->s.supervisor, SIGKILL), 0);
	UNTIL(web, s->incarnation != first);
	assert_int_equal(web->s.child[ROLE_RUN].pid, run);
}

/* `down` is said when the last has gone, not before. */
static void goes(struct place *web)
{
	assert_int_equal(place_command(web, 'd'), RESULT_DONE);
	UNTIL(web, s->state == STATE_DOWN);
}

static void none_is_left(void)
{
	for (size_t i = 0; i < ALL; i++)
		if (lives(all[i]))
			fail_msg("%s is left", all[i]);
}

static void end(pid_t pid)
{
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	/* at the end of the tree nobody is left, whatever the mode */
	none_is_left();
}

static void all_of_them(void **state)
{
	pid_t pid;
	(void)state;
	struct place web = begin("all", &pid);
	goes(&web);
	none_is_left();
	end(pid);
}

static void all_of_them_after_an_adoption(void **state)
{
	pid_t pid;
	(void)state;
	struct place web = begin("all", &pid);
	adopt(&web);
	goes(&web);
	none_is_left();
	end(pid);
}

/* And again: twice adopted, and killed once more while they are swept. */
static void all_of_them_while_it_is_killed(void **state)
{
	pid_t pid;
	(void)state;
	struct place web = begin("all", &pid);
	adopt(&web);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->supervisor);
	uint32_t now = web.s.incarnation;
	kill((pid_t)web.s.supervisor, SIGKILL);
	UNTIL(&web, s->incarnation != now && s->state == STATE_DOWN);
	none_is_left();
	end(pid);
}

static int in_group(char const *name)
{
	return strcmp(name, "session") != 0 && strcmp(name, "double") != 0 &&
	       strcmp(name, "deafer") != 0;
}

static void the_group(int adopted)
{
	pid_t pid;
	struct place web = begin("group", &pid);
	if (adopted)
		adopt(&web);
	goes(&web);
	for (size_t i = 0; i < ALL; i++)
		if (lives(all[i]) != !in_group(all[i]))
			fail_msg("%s %s", all[i], lives(all[i]) ? "is left" : "is gone");
	end(pid);
}

static void only_the_group(void **state)
{
	(void)state;
	the_group(0);
}

static void only_the_group_after_an_adoption(void **state)
{
	(void)state;
	the_group(1);
}

static void the_process(int adopted)
{
	pid_t pid;
	struct place web = begin("process", &pid);
	if (adopted)
		adopt(&web);
	goes(&web);
	for (size_t i = 0; i < ALL; i++)
		if (!lives(all[i]))
			fail_msg("%s is gone", all[i]);
	end(pid);
}

static void only_the_process(void **state)
{
	(void)state;
	the_process(0);
}

static void only_the_process_after_an_adoption(void **state)
{
	(void)state;
	the_process(1);
}

/* --------------------------------------------------------------------------- without end */

/* Sixteen chains: each link forks the next one, in a session of its own, and ends. There are never
 * more than some forty processes at once, and never the same twice. */
static struct place chains(pid_t *pid)
{
	struct place web = place_with("web", "");
	place_script(&web, "chain", "trap '' TERM HUP; setsid ./chain & exit");
	place_script(&web, "run",
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do ./chain; done\n"
		"say up; exec sleep 1000");
	place_write(&web, "timeout-kill", "100");
	*pid = init_run(NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	return web;
}

/* Does any process carry the service's mark? Theirs are the only ones. */
static void no_link_is_left(pid_t pid)
{
	static struct output o;
	tree_run(&o, "/bin/sh", "-c", "grep -lz '^CINIT_SERVICE=web$' /proc/[0-9]*/environ 2>&1",
		NULL);
	if (strstr(o.out, "environ\n"))
		fail_msg("%s", o.out);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void chains_are_caught(void **state)
{
	pid_t pid;
	(void)state;
	struct place web = chains(&pid);
	goes(&web);
	no_link_is_left(pid);
}

static void chains_are_caught_after_an_adoption(void **state)
{
	pid_t pid;
	(void)state;
	struct place web = chains(&pid);
	adopt(&web);
	goes(&web);
	no_link_is_left(pid);
}

/* It cannot be told whose it is, see tests/helper/headless.c. */
static struct place headless(pid_t *pid, pid_t *left, char const *timeout, char const *logger)
{
	struct place web = place_with("web",
		"( setsid sh -c 'echo $$ >>\"$EVENTS\"; exec \"$CINIT_BUILD/test/helper/headless\" "
		"\"$TREE/hold.go\" sleep 1000' & )\nexec sleep 1000");
	place_write(&web, "timeout-kill", timeout);
	if (logger)
		place_script(&web, "log/run", logger);
	*pid = init_run(NULL);
	*left = event_pid();
	event_is("headless");
	UNTIL(&web, s->state == STATE_UP);
	return web;
}

/* Now the time for TERM is over. */
static struct place begin_headless(pid_t *pid, pid_t *left, char const *timeout)
{
	struct place web = headless(pid, left, timeout, NULL);
	adopt(&web);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_STOPPING && s->strays && !s->deadline[DEADLINE_KILL]);
	return web;
}

/* On a busy machine it takes a while to execute a program. */
static void one_that_just_executes_after_an_adoption(void **state)
{
	int go = tree_hold("go");
	pid_t pid, left;
	(void)state;
	struct place web = begin_headless(&pid, &left, "100");
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(tree_over(left));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Looks that others cause, as each end of a process does, say nothing of how long it takes. */
static void one_that_executes_while_much_happens(void **state)
{
	int go = tree_hold("go");
	pid_t pid, left;
	(void)state;
	struct place web = begin_headless(&pid, &left, "100");
	for (int i = 0; i < 25; i++)
		place_command(&web, 'k');
	tree_pass(go);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(tree_over(left));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* It may be somebody else's, too: it does not keep the service for ever. */
static void is_named(char const *timeout)
{
	char text[STATUS_TEXT];
	pid_t pid, left;
	tree_hold("go");
	struct place web = begin_headless(&pid, &left, timeout);
	UNTIL(&web, s->state == STATE_DOWN);
	snprintf(text, sizeof text,
		"may have left process %d behind: it has no environment that could tell",
		(int)left);
	assert_string_equal(web.s.reason_text, text);
	assert_false(tree_over(left));
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	assert_true(tree_over(left));
}

static void one_that_cannot_be_told_is_named(void **state)
{
	(void)state;
	is_named("100");
}

static void and_where_nothing_is_killed(void **state)
{
	(void)state;
	is_named("0");
}

/* While there is time left for TERM it is awaited, and not looked at again and again. */
static void one_that_cannot_be_told_is_not_polled(void **state)
{
	pid_t pid, left;
	(void)state;
	tree_hold("go");
	struct place web = headless(&pid, &left, "1h", NULL);
	adopt(&web);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_STOPPING && s->strays == 1 && !s->pid);
	pid_t supervisor = (pid_t)web.s.supervisor;
	unsigned long before;
	int tries = 0;
	do {
		before = tree_switches(supervisor);
		tree_poll(0, 0, clock_boottime() + CLOCK_SECOND);
	} while (tree_switches(supervisor) != before && ++tries < 20);
	assert_int_not_equal(tries, 20);
	kill(left, SIGKILL);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* A child of the supervisor: the service's or its logger's, and the logger is as it was. */
static void one_that_cannot_be_told_beside_a_logger(void **state)
{
	pid_t pid, left;
	(void)state;
	tree_hold("go");
	struct place web = headless(&pid, &left, "100", "exec cat >/dev/null");
	struct place log = place_at("web/log", tree_name("run/web/log"));
	UNTIL(&log, s->state == STATE_UP);
	uint32_t logger = log.s.pid;
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(tree_over(left));
	place_look(&log);
	assert_int_equal(log.s.pid, logger);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(all_of_them),
		TREE_TEST(all_of_them_after_an_adoption),
		TREE_TEST(all_of_them_while_it_is_killed),
		TREE_TEST(only_the_group),
		TREE_TEST(only_the_group_after_an_adoption),
		TREE_TEST(only_the_process),
		TREE_TEST(only_the_process_after_an_adoption),
		TREE_TEST(chains_are_caught),
		TREE_TEST(chains_are_caught_after_an_adoption),
		TREE_TEST(one_that_just_executes_after_an_adoption),
		TREE_TEST(one_that_executes_while_much_happens),
		TREE_TEST(one_that_cannot_be_told_is_named),
		TREE_TEST(and_where_nothing_is_killed),
		TREE_TEST(one_that_cannot_be_told_is_not_polled),
		TREE_TEST(one_that_cannot_be_told_beside_a_logger),
	};
	return cmocka_run_group_tests_name("strays", tests, NULL, NULL);
}
