/* svctl upgrade that is refused, or that not everybody can follow: all goes on. */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"

static struct output o;

/* svctl upgrade is refused with this in the text, and nothing is touched. */
static void refused(char const *why)
{
	struct place web = place_at("web", tree_name("run/web"));
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));

	place_look(&web);
	place_look(&cinit);
	struct status before = web.s;
	uint64_t executed = cinit.s.executed;
	tree_run(&o, "svctl", "-w", "20", "upgrade", NULL);
	if (o.code != 111 || !strstr(o.err, why) || o.out[0])
		fail_msg("%d: %s%s, and not: %s", o.code, o.out, o.err, why);
	place_look(&web);
	place_look(&cinit);
	assert_memory_equal(&web.s, &before, sizeof before);
	assert_int_equal(cinit.s.executed, executed);
	assert_int_equal(cinit.s.reason, REASON_UPGRADE);
}

static void what_cannot_take_over_is_refused(void **state)
{
	static struct {
		mode_t mode;
		char const *text, *why;
	} const bad[] = {
		{ 0755, "#!/bin/sh\necho status 2; echo frame 1; echo handover 1\n",
			"does not understand status 1" },
		{ 0755, "#!/bin/sh\necho status 1; echo frame 2 3; echo handover 1\n",
			"does not understand frame 1" },
		{ 0755, "#!/bin/sh\necho status 1; echo frame 1; echo handover 11\n",
			"does not understand handover 1" },
		{ 0755, "#!/bin/sh\nexit 0\n", "does not understand status 1" },
		{ 0755, "#!/bin/sh\necho status 1; echo frame 1; echo handover 1; exit 3\n",
			"exited 3" },
		{ 0755, "#!/bin/sh\nkill -SEGV $$\n", "was killed by SEGV" },
		{ 0755, "\177ELF but not much of it", "unable to execute" },
		{ 0644, "no program", "Permission denied" },
	};
	struct place web = init_service("web");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&web, s->state == STATE_UP);
	for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
		tree_write("bin/bad", bad[n].mode, bad[n].text);
		chmod(tree_name("bin/bad"), bad[n].mode);
		init_move("bin/bad", "bin/cinit");
		refused(bad[n].why);
	}
	unlink(tree_name("bin/cinit"));
	refused("No such file or directory");
	init_install();
	init_upgrade();
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	UNTIL(&cinit, s->reason == REASON_NONE && !s->reason_text[0]);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void one_that_does_not_answer_is_refused(void **state)
{
	struct place web = init_service("web");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&web, s->state == STATE_UP);
	tree_write("bin/bad", 0755, "#!/bin/sh\ntrap '' TERM\nsleep 1000\n");
	init_move("bin/bad", "bin/cinit");
	/* two who ask get the same answer; meanwhile all goes on */
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	uint64_t id = place_send(&cinit, COMMAND_UPGRADE);
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	refused("does not say which formats it understands");
	enum status_why why;
	assert_int_equal(place_answer(&cinit, id, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_UPGRADE);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_supervisor_that_cannot_execute_goes_on(void **state)
{
	struct place web = init_seven("web");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	struct status before = web.s;
	unlink(tree_name("bin/cinit"));
	kill((pid_t)web.s.supervisor, SIGUSR1);
	UNTIL(&web, s->refusal == ENOENT && s->refused > before.executed);
	assert_int_equal(web.s.executed, before.executed);
	init_says("supervise: warning: web: unable to execute ");
	kill((pid_t)web.s.pid, SIGUSR1);
	UNTIL(&web, s->starts == 2 && s->last_exit == EXIT(7));
	event_is("up");
	init_install();
	kill((pid_t)web.s.supervisor, SIGUSR1);
	UNTIL(&web, s->executed > before.executed && !s->refusal);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void a_supervisor_that_stands_still_is_reported(void **state)
{
	struct place web = init_service("web"), db = init_service("db");

	(void)state;
	pid_t pid = init_start_copy(0, NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&db, s->state == STATE_UP);
	uint64_t executed = web.s.executed;
	kill((pid_t)web.s.supervisor, SIGSTOP);
	tree_run(&o, "svctl", "-w", "3", "upgrade", NULL); /* time enough for the other one */
	assert_int_equal(o.code, 1);
	assert_string_equal(o.out, "timeout: web: its supervisor has not executed the new program "
				   "within 3 s\n");
	place_look(&db);
	assert_true(db.s.executed > executed);
	kill((pid_t)web.s.supervisor, SIGCONT);
	UNTIL(&web, s->executed > executed);
	assert_int_equal(place_command(&web, 'x'), RESULT_DONE);
	UNTIL(&web, !s->supervisor);
	/* who has no supervisor has nothing to be replaced */
	init_upgrade();
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void not_while_the_tree_stops(void **state)
{
	struct place web = init_service("web");
	enum status_why why;

	(void)state;
	place_script(&web, "run", "listen up TERM=0");
	place_write(&web, "down-signal", "USR1\n");
	pid_t pid = init_start_copy(0, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	kill(pid, SIGTERM);
	event_is("USR1");
	event_is("CONT");
	assert_int_equal(init_command(COMMAND_UPGRADE, "", 0, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_STOPPING);
	kill((pid_t)web.s.pid, SIGTERM);
	assert_int_equal(tree_end(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(what_cannot_take_over_is_refused),
		TREE_TEST(one_that_does_not_answer_is_refused),
		TREE_TEST(a_supervisor_that_cannot_execute_goes_on),
		TREE_TEST(a_supervisor_that_stands_still_is_reported),
		TREE_TEST(not_while_the_tree_stops),
	};
	return cmocka_run_group_tests_name("upgrade_refused", tests, NULL, NULL);
}
