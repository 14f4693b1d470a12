/* cinit while the service directory changes. */
#include "init.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "depend.h"
#include "room.h"
#include "svctl.h"
#include "trace.h"

static void directories_come_and_go(void **state)
{
	struct place web = init_service("web"), log, new;

	(void)state;
	place_script(&web, "log/run", "exec cat >/dev/null");
	log = place_at("web/log", tree_name("run/web/log"));
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&log, s->state == STATE_UP);
	new = init_service("new");
	kill(pid, SIGHUP);
	UNTIL(&new, s->state == STATE_UP);
	uint32_t kept = new.s.pid;
	init_move("services/web", "web.old");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	init_gone("run/web");
	assert_int_equal(kill((pid_t)web.s.pid, 0), -1);
	/* the same name again is another service */
	init_move("web.old", "services/web");
	struct place again = place_at("web", tree_name("run/web"));
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UNTIL(&again, s->state == STATE_UP && s->starts == 1);
	place_look(&new);
	assert_int_equal(new.s.pid, kept);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void another_directory_by_the_same_name_is_started_anew(void **state)
{
	struct place web = place_make("web");

	(void)state;
	place_script(&web, "run", "say first; exec sleep 1000");
	pid_t pid = init_start(NULL);
	event_is("first");
	UNTIL(&web, s->state == STATE_UP);
	init_move("services/web", "web.old");
	place_script(&web, "run", "say second; exec sleep 1000");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	event_is("second");
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
	event_none();
}

static void an_unreadable_directory_changes_nothing(void **state)
{
	struct place web = init_service("web");
	enum status_why why;

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	uint32_t run = web.s.pid;
	init_move("services", "elsewhere");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_SERVICES);
	assert_non_null(strstr(tree_read("cinit.err"),
		": No such file or directory; what runs goes on as it is\n"));
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.pid, run);
	init_move("elsewhere", "services");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* A rescan that could not do all that was asked says what it could not; and so does the list, until
 * it is done. */
static void one_that_finds_no_room_is_told(void **state)
{
	struct place web = init_service("web"), fresh;

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	tree_script("services/fresh/run", SLEEPS);
	tree_write("run/fresh", 0644, ""); /* in its place */
	SVCTL_ERR(111, "",
		"svctl: fatal: cinit in @/run did not do all of rescan: fresh: unable to make its "
		"state directory: it is no directory; not supervised, trying again\n",
		"rescan");
	SVCTL_ERR(0, "NAME  STATE~PID  FOR  WHY\nweb   up~#~#s\n",
		"svctl: warning: cinit in @/run: fresh: unable to make its state directory: it is "
		"no directory; not supervised, trying again\n",
		"list");
	init_says("fresh: unable to make state directory ");
	assert_int_equal(unlink(tree_name("run/fresh")), 0);
	SVCTL(0, "", "rescan");
	fresh = place_at("fresh", tree_name("run/fresh"));
	UNTIL(&fresh, s->state == STATE_UP);
	SVCTL(0, "NAME   STATE~PID  FOR  WHY\nfresh  up~#~#s\nweb    up~#~#s\n", "list");
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Neither a byte nor an inode. What runs goes on, and what cannot be done is not said to be. */
static void a_full_run_directory_is_told(void **state)
{
	struct place web, fresh;

	(void)state;
	if (!room_make("run", "size=512k,nr_inodes=80,mode=755"))
		skip();
	web = init_service("web");
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	room_fill_up("run");
	tree_script("services/fresh/run", SLEEPS);
	SVCTL_ERR(111, "",
		"svctl: fatal: cinit in @/run did not do all of rescan: fresh: unable to make its "
		"state directory: No space left on device; not supervised, trying again\n",
		"rescan");
	SVCTL(0, "ok: run: web: (pid #) #s\n", "restart", "web");
	/* while it is tried again its directory may be there for a moment */
	char const *only_web = "NAME  STATE~PID  FOR  WHY\nweb   up~#~#s\n";
	AWAIT((tree_run(&svctl_output, "svctl", "list", NULL),
		svctl_like(svctl_output.out, only_web)));
	svctl_said(0, only_web,
		"svctl: warning: cinit in @/run: fresh: unable to make its state directory: No "
		"space left on device; not supervised, trying again\n",
		__FILE__, __LINE__);
	room_empty_up("run");
	SVCTL(0, "", "rescan");
	fresh = place_at("fresh", tree_name("run/fresh"));
	UNTIL(&fresh, s->state == STATE_UP);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Else the next one would take it for killed, and its services for ended for good. */
static void an_end_is_told_though_nothing_could_be_a_moment_ago(void **state)
{
	struct place slow, cinit = place_at(".cinit", tree_name("run/.cinit"));

	(void)state;
	if (!room_make("run", "size=512k,nr_inodes=80,mode=755"))
		skip();
	slow = init_service("slow");
	place_script(&slow, "run", "listen up USR1=0");
	pid_t pid = init_start(NULL);
	event_is("up");
	UNTIL(&slow, s->state == STATE_UP);
	UNTIL(&cinit, s->state == STATE_UP);
	assert_int_equal(unlink(tree_name("run/.cinit/.status")), 0);
	room_fill("run");
	kill(pid, SIGTERM);
	event_is("TERM");
	init_says("unable to publish status");
	room_empty("run");
	kill((pid_t)slow.s.pid, SIGUSR1);
	assert_int_equal(tree_end(pid), 0);
	place_look(&cinit);
	assert_int_equal(cinit.s.state, STATE_DOWN);
	assert_true(cinit.s.flags & FLAG_EXITED);
}

static int leave_room(void **state)
{
	room_remove("run");
	return tree_teardown(state);
}

/* U+009B is what makes a terminal obey, as ESC [ does. */
static void names_that_can_be_no_service_are_told(void **state)
{
	struct place web = init_service("web");

	(void)state;
	tree_script("services/a\xc2\x9b"
		    "b/run",
		SLEEPS);
	tree_script("services/c\033d/run", SLEEPS);
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	init_says("cinit: warning: a?b: a control character in its name; this can be no service\n");
	init_says("cinit: warning: c?d: a control character in its name; this can be no service\n");
	SVCTL(0, "NAME  STATE~PID  FOR  WHY\nweb   up~#~#s\n", "list");
	assert_int_equal(access(tree_name("run/a\xc2\x9b"
					  "b"),
				 F_OK),
		-1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

static void one_that_returns_while_it_leaves_is_started_again(void **state)
{
	struct place slow = place_make("slow");

	(void)state;
	place_script(&slow, "run",
		"trap 'say stopping; read x <$TREE/hold; exit' TERM; say up\n"
		"while :; do sleep 0.02; done");
	assert_int_equal(mkfifo(tree_name("hold"), 0600), 0);
	pid_t pid = init_start(NULL);
	event_is("up");
	init_move("services/slow", "slow.old");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	event_is("stopping");
	init_move("slow.old", "services/slow");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	int hold = open(tree_name("hold"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(hold, "\n", 1), 1);
	close(hold);
	event_is("up");
	assert_int_equal(init_stop(pid, SIGKILL), SIGKILL);
}

/* Who watches a service that vanishes is told, and who depends on it sees that there is none. */
static void who_watches_it_is_told(void **state)
{
	struct place web = init_service("web"), db = init_service("db");

	(void)state;
	depend_on(&web, "needs", "db", NULL);
	pid_t pid = init_start(NULL);
	UP(&web);
	for (int n = 0; n < 8; n++) {
		place_look(&db);
		init_move("services/db", "db.old");
		assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
		while (db.client.out >= 0) {
			assert_int_not_equal(tree_poll(db.client.out, 0, tree_patience()), -1);
			place_look(&db);
		}
		init_gone("run/db");
		UNTIL(&web, s->state == STATE_WAITING && s->flags & FLAG_BLOCKED);
		assert_string_equal(web.s.reason_text, "needs db: no such service");
		init_move("db.old", "services/db");
		assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
		UP(&web);
	}
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* Whoever begins to watch a service while its directory is being removed is told that it has gone,
 * too: cinit stands at one of its system calls after the other, and somebody looks. */
static int looked_at(struct place *cinit, pid_t pid, unsigned int n)
{
	struct place slow = member_make("slow", "fd=3 leave=slow");
	int hold = tree_hold("slow"), stands = 1;

	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UP(&slow);
	init_move("services/slow", "slow.old");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	event_await("slow stop");
	cinit_ipc_release(&slow.client);
	cinit->supervisor = pid;
	trace_attach(cinit);
	tree_pass(hold);
	for (unsigned int i = 0; i <= n && stands; i++)
		while (!trace_step(cinit) && (stands = !access(tree_name("run/slow"), F_OK)))
			;
	if (stands)
		place_look(&slow);
	trace_detach(cinit);
	init_gone("run/slow");
	uint64_t deadline = tree_patience();
	int told = slow.client.out < 0;
	while (!told && (told = tree_poll(slow.client.out, 0, deadline)) == 0)
		;
	if (told < 0)
		fail_msg("who looked at stop %u is not told", n);
	cinit_ipc_release(&slow.client);
	close(hold);
	unlink(tree_name("hold.slow"));
	init_move("slow.old", tree_name("old.%u", n) + strlen(tree.path) + 1);
	return stands;
}

static void who_looks_while_it_goes_is_told(void **state)
{
	struct place web = init_service("web"), cinit = place_at(".cinit", tree_name("run/.cinit"));
	unsigned int n = 0;

	(void)state;
	trace_needed();
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	while (looked_at(&cinit, pid, n))
		n++;
	print_message("%u stops\n", n);
	assert_true(n > 10);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

/* One that was woken has no record of its own yet when a rescan comes: it reads that of the one
 * before, which has ended as it was told. */
static void who_came_a_moment_ago_is_not_leaving(void **state)
{
	struct place web = init_service("web");
	struct output o;

	(void)state;
	pid_t pid = init_start(NULL);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(place_command(&web, 'x'), RESULT_DONE);
	UNTIL(&web, s->flags & FLAG_EXITED);
	tree_run(&o, "/bin/cp", tree_name("run/web/status"), tree_name("former"), NULL);
	assert_int_equal(init_command(COMMAND_WAKE, "web", 0, NULL), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	assert_int_equal(access(tree_name("run/web/renew"), F_OK), -1);
	init_move("former", "run/web/status");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	assert_int_equal(access(tree_name("run/web/renew"), F_OK), -1);
	assert_int_equal(init_stop(pid, SIGTERM), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(directories_come_and_go),
		TREE_TEST(another_directory_by_the_same_name_is_started_anew),
		TREE_TEST(an_unreadable_directory_changes_nothing),
		TREE_TEST(one_that_finds_no_room_is_told),
		cmocka_unit_test_setup_teardown(
			a_full_run_directory_is_told, tree_setup, leave_room),
		cmocka_unit_test_setup_teardown(an_end_is_told_though_nothing_could_be_a_moment_ago,
			tree_setup, leave_room),
		TREE_TEST(names_that_can_be_no_service_are_told),
		TREE_TEST(one_that_returns_while_it_leaves_is_started_again),
		TREE_TEST(who_watches_it_is_told),
		TREE_TEST(who_looks_while_it_goes_is_told),
		TREE_TEST(who_came_a_moment_ago_is_not_leaving),
	};
	return cmocka_run_group_tests_name("init_rescan", tests, NULL, NULL);
}
