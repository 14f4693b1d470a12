/* What lies in the way of a supervisor: another one, a damaged record, a full file system, a
 * service directory that changes under it, a wrong command line. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define SLEEPS "alone; say up; exec sleep 1000"

/* ------------------------------------------------------------------------------ another one */

static void a_second_supervisor_is_refused(void **state)
{
	struct place web = place_running("web", SLEEPS);
	struct output o;
	(void)state;
	struct status before = web.s;
	for (int i = 0; i < 3; i++) {
		tree_run(&o, "supervise", "-r", tree.run, "-d", tree.services, "web", NULL);
		assert_int_equal(o.code, 100);
		assert_string_equal(
			o.err, "supervise: warning: web: already supervised by another process\n");
	}
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.supervisor, before.supervisor);
	assert_int_equal(web.s.pid, before.pid);
	assert_int_equal(web.s.incarnation, before.incarnation);
	event_none();
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
}

/* Held by somebody who is no supervisor: it waits, and nothing runs meanwhile. */
static void a_lock_that_is_held(void **state)
{
	struct place web = place_with("web", SLEEPS);
	(void)state;
	int lock = open(tree_name("run/web/lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	place_supervise(&web);
	uint64_t until = clock_boottime() + 200 * CLOCK_MILLISEC;
	while (tree_poll(0, 0, until) >= 0)
		assert_false(tree_ended(web.supervisor));
	event_none();
	place_look(&web);
	assert_int_equal(web.e, STATUS_SYSTEM);
	close(lock);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
}

/* ------------------------------------------------------------------------- a damaged record */

static void expect_afresh(struct place *web, char const *what)
{
	char want[128];
	place_supervise(web);
	UNTIL(web, s->state == STATE_UP && s->supervisor == (uint32_t)p_->supervisor);
	event_is("up");
	assert_int_equal(web->s.starts, 1);
	snprintf(want, sizeof want, "web: status is %s; set aside as status.bad", what);
	if (!strstr(tree_read("web.err"), want))
		fail_msg("not said: %s; but: %s", want, tree_read("web.err"));
	assert_int_equal(access(tree_name("run/web/status.bad"), F_OK), 0);
	place_send(web, 'x');
	assert_int_equal(tree_end(web->supervisor), 0);
	unlink(tree_name("web.err"));
	unlink(tree_name("run/web/status.bad"));
}

static void patch(unsigned int offset, unsigned char value)
{
	int fd = open(tree_name("run/web/status"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &value, 1, offset), 1);
	close(fd);
}

static void damaged_records(void **state)
{
	struct place web = place_with("web", SLEEPS);
	(void)state;
	tree_write("run/web/status", 0644, "");
	expect_afresh(&web, "cut short");
	assert_int_equal(truncate(tree_name("run/web/status"), 20), 0);
	expect_afresh(&web, "cut short");
	assert_int_equal(truncate(tree_name("run/web/status"), STATUS_SIZE - 1), 0);
	expect_afresh(&web, "cut short");
	patch(20, STATUS_VERSION + 1);
	expect_afresh(&web, "of another version");
	patch(200, 0xff);
	expect_afresh(&web, "damaged");
	patch(STATUS_SIZE - 9, 0xff); /* the ring */
	expect_afresh(&web, "damaged");
}

/* Its record is lost while it runs: never two. */
static void a_lost_record_of_what_runs(int damaged)
{
	struct place web = place_running("web", SLEEPS);
	uint32_t pid = web.s.pid;
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	if (damaged)
		assert_int_equal(truncate(tree_name("run/web/status"), 100), 0);
	else
		assert_int_equal(unlink(tree_name("run/web/status")), 0);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP && s->supervisor == (uint32_t)p_->supervisor);
	assert_int_equal(web.s.pid, pid);
	event_none();
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	place_command(&web, 'u');
	event_is("up");
}

static void a_damaged_record_of_what_runs(void **state)
{
	(void)state;
	a_lost_record_of_what_runs(1);
}

static void a_removed_record_of_what_runs(void **state)
{
	(void)state;
	a_lost_record_of_what_runs(0);
}

/* What cannot be read for lack of descriptors is not lost: whoever fails leaves it to the next. */
static void too_few_descriptors_lose_nothing(void **state)
{
	struct place web = place_running("web", "alone; say up; exec env -i sleep 1000");
	uint32_t pid = web.s.pid;
	char line[600];
	int gave_up = 0;
	(void)state;
	for (int n = 3; n < 30; n++) {
		kill(web.supervisor, SIGKILL);
		if (!tree_ended(web.supervisor))
			tree_end(web.supervisor);
		snprintf(line, sizeof line, "ulimit -n %d; exec %s/supervise -r %s -d %s web", n,
			getenv("CINIT_BUILD"), tree.run, tree.services);
		char const *argv[] = { "/bin/sh", "-c", line, 0 };
		web.supervisor = tree_start("web", argv);
		AWAIT((place_look(&web),
			tree_ended(web.supervisor) ||
				(web.e == STATUS_OK &&
					web.s.supervisor == (uint32_t)web.supervisor)));
		gave_up += tree_ended(web.supervisor);
		assert_int_equal(web.e, STATUS_OK);
		assert_int_equal(web.s.pid, pid);
	}
	assert_true(gave_up > 0);
	assert_int_equal(access(tree_name("run/web/status.bad"), F_OK), -1);
	event_none();
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
}

/* A directory, a FIFO and links are put aside; what a link leads to is not touched. */
static void other_things_in_place_of_the_record(void **state)
{
	struct place web = place_with("web", SLEEPS);
	char status[TREE_PATH + 16], spare[TREE_PATH + 16], bad[TREE_PATH + 16];
	struct output o;
	(void)state;
	tree_write("victim", 0644, "precious\n");
	snprintf(status, sizeof status, "%s/status", web.state);
	snprintf(spare, sizeof spare, "%s/.status", web.state);
	snprintf(bad, sizeof bad, "%s/status.bad", web.state);
	for (int i = 0; i < 3; i++) {
		if (i == 0) {
			assert_int_equal(mkdir(status, 0755), 0);
			assert_int_equal(mkdir(spare, 0755), 0);
		} else if (i == 1) {
			assert_int_equal(mkfifo(status, 0644), 0);
			assert_int_equal(mkfifo(spare, 0644), 0);
		} else {
			assert_int_equal(symlink(tree_name("victim"), status), 0);
			assert_int_equal(symlink(tree_name("victim"), spare), 0);
		}
		place_supervise(&web);
		UNTIL(&web, s->state == STATE_UP && s->supervisor == (uint32_t)p_->supervisor);
		event_is("up");
		place_send(&web, 'x');
		assert_int_equal(tree_end(web.supervisor), 0);
		tree_run(&o, "/bin/rm", "-rf", status, spare, bad, NULL);
	}
	assert_string_equal(tree_read("victim"), "precious\n");
}

/* -------------------------------------------------------------------- the service directory */

static void a_directory_that_is_replaced(void **state)
{
	struct place web = place_running("web", "alone; say up; exec sleep 1000");
	(void)state;
	assert_int_equal(rename(web.dir, tree_name("services/.old")), 0);
	place_script(&web, "run", "alone; say new; exec sleep 1000");
	place_write(&web, "env/A", "a");
	assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
	event_is("new");
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
}

static void a_directory_that_is_gone(void **state)
{
	struct place web = place_running("web", SLEEPS);
	enum status_why why;
	(void)state;
	assert_int_equal(rename(web.dir, tree_name("services/.old")), 0);
	assert_int_equal(place_answer(&web, place_send(&web, 'r'), &why), RESULT_REFUSED);
	assert_int_equal(why, WHY_CONFIG);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(place_command(&web, 'u'), RESULT_REFUSED);
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	assert_non_null(strstr(web.s.reason_text, "No such file or directory"));
	assert_int_equal(rename(tree_name("services/.old"), web.dir), 0);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
}

/* Of a supervisor that is not root. */
static void a_directory_that_cannot_be_read(void **state)
{
	struct place web = place_with("web", "say up; exec sleep 1000");
	char supervise[300], build[300];
	struct output o;
	(void)state;
	if (!tree_has_users())
		skip();
	snprintf(build, sizeof build, "%s/supervise", getenv("CINIT_BUILD"));
	snprintf(supervise, sizeof supervise, "%s/supervise", tree.path);
	tree_run(&o, "/bin/cp", build, supervise, NULL);
	tree_run(&o, "/bin/chown", "-R", "54321:54321", tree.run, NULL);
	assert_int_equal(o.code, 0);
	place_write(&web, "timeout-kill", "1s");
	assert_int_equal(chmod(web.dir, 0711), 0); /* may be searched */
	char const *argv[] = { "/usr/bin/setpriv", "--reuid=54321", "--regid=54321",
		"--clear-groups", supervise, "-r", tree.run, "-d", tree.services, "web", 0 };
	web.supervisor = tree_start("web", argv);
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	assert_int_equal(chmod(web.dir, 0700), 0); /* and now it may not */
	assert_int_equal(place_command(&web, 'r'), RESULT_REFUSED);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(place_command(&web, 'u'), RESULT_REFUSED);
	UNTIL(&web, s->state == STATE_FAILED && s->reason == REASON_CONFIG);
	assert_non_null(strstr(web.s.reason_text, "Permission denied"));
	assert_int_equal(chmod(web.dir, 0755), 0);
	assert_int_equal(place_command(&web, 'u'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_second_supervisor_is_refused),
		TREE_TEST(a_lock_that_is_held),
		TREE_TEST(damaged_records),
		TREE_TEST(a_damaged_record_of_what_runs),
		TREE_TEST(a_removed_record_of_what_runs),
		TREE_TEST(too_few_descriptors_lose_nothing),
		TREE_TEST(other_things_in_place_of_the_record),
		TREE_TEST(a_directory_that_is_replaced),
		TREE_TEST(a_directory_that_is_gone),
		TREE_TEST(a_directory_that_cannot_be_read),
	};
	return cmocka_run_group_tests_name("supervise_faults", tests, 0, 0);
}
