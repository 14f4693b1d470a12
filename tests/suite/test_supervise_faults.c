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

/* -------------------------------------------------------------------------- no space left */

/* Puts a small file system of ours under run/web. 0: not permitted here. */
static int small_file_system(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) < 0)
		return 0;
	return !mount("tmpfs", tree_name("run/web"), "tmpfs", 0, "size=64k,nr_inodes=40,mode=755");
}

static void fill(void)
{
	static char block[4096];
	int fd = open(tree_name("run/web/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

/* No inode is left, either. */
static void fill_up(void)
{
	int fd, n = 0;
	fill();
	while ((fd = open(tree_name("run/web/filler%d", n++), O_WRONLY | O_CREAT | O_CLOEXEC,
			0600)) >= 0)
		close(fd);
	assert_int_equal(errno, ENOSPC);
}

static char lock_byte(void)
{
	char byte = 0;
	int fd = open(tree_name("run/web/lock"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	return byte;
}

static int unmount_teardown(void **state)
{
	umount2(tree_name("run/web"), MNT_DETACH);
	return tree_teardown(state);
}

/* With the spare record in its place everything goes on. */
static void a_full_file_system(void **state)
{
	struct place web = place_with("web", SLEEPS);
	(void)state;
	if (!small_file_system())
		skip();
	web = place_make("web");
	place_up(&web);
	fill_up();
	for (uint32_t i = 2; i < 6; i++) {
		assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		event_is("up");
	}
	assert_string_equal(tree_read("web.err"), "");
}

/* Those who watch keep inodes from being free again. They learn of each change all the same, and
 * nothing waits for them to go. */
static void a_full_file_system_that_is_watched(void **state)
{
	struct place web = place_with("web", SLEEPS);
	struct pollfd p[4];
	(void)state;
	if (!small_file_system())
		skip();
	web = place_make("web");
	place_up(&web);
	fill_up();
	for (uint32_t i = 2; i < 6; i++) {
		struct pollfd *w = p + i - 2;
		*w = (struct pollfd){ .fd = open(tree_name("run/web/out"),
					      O_RDONLY | O_NONBLOCK | O_CLOEXEC) };
		assert_true(w->fd >= 0);
		assert_int_equal(place_command(&web, 'r'), RESULT_DONE);
		UNTIL(&web, s->state == STATE_UP && s->starts == i);
		event_is("up");
		assert_int_equal(poll(w, 1, 0), 1);
		assert_int_equal(w->revents, POLLHUP);
	}
	assert_non_null(strstr(tree_read("web.err"),
		"web: unable to make out: No space left on device; whoever waits may not notice"));
	assert_null(strstr(tree_read("web.err"), "unable to publish"));
	for (size_t i = 0; i < 4; i++)
		close(p[i].fd);
	/* there is room again: its end is noticed */
	assert_int_equal(unlink(tree_name("run/web/filler")), 0);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	place_look(&web);
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	p[0] = (struct pollfd){ .fd = web.client.out };
	assert_int_equal(poll(p, 1, 0), 1);
	place_supervise(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
}

/* Nothing is said for a while that would do for a script. */
static void expect_silence(void)
{
	uint64_t until = clock_boottime() + 400 * CLOCK_MILLISEC;
	while (tree_poll(0, 0, until) >= 0)
		;
	event_none();
}

static int count_descriptors(pid_t pid)
{
	char path[64];
	struct dirent const *e;
	int n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* The only child of a process, which is at rest. */
static pid_t child_of(pid_t pid)
{
	char path[64], list[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, list, sizeof list - 1);
	close(fd);
	assert_true(n > 0);
	list[n] = 0;
	char *end;
	pid_t child = (pid_t)strtol(list, &end, 10);
	assert_string_equal(end, " ");
	return child;
}

static void nothing_runs_that_is_not_written_down(void **state)
{
	struct place web = place_with("web", SLEEPS);
	(void)state;
	if (!small_file_system())
		skip();
	web = place_make("web");
	place_up(&web);
	assert_int_equal(unlink(tree_name("run/web/.status")), 0);
	fill();
	kill((pid_t)web.s.pid, SIGKILL);
	uint64_t id = place_send(&web, 'y');
	while (lock_byte() != ENOSPC) /* no event tells */
		assert_true(tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC) < 1);
	assert_non_null(strstr(
		tree_read("web.err"), "web: unable to publish status: No space left on device; "));
	/* the next one stands at its gate, and holds nothing of ours: standard descriptors, gate */
	expect_silence();
	assert_int_equal(count_descriptors(child_of(web.supervisor)), 4);
	place_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
	assert_true(status_answer(&web.r, id) < 0);
	assert_int_equal(unlink(tree_name("run/web/filler")), 0);
	assert_int_equal(place_answer(&web, id, 0), RESULT_DONE);
	UNTIL(&web, s->state == STATE_UP && s->starts == 2);
	event_is("up");
	assert_int_equal(lock_byte(), 0);
	assert_non_null(strstr(tree_read("web.err"), "web: status is published again\n"));
}

static void a_supervisor_killed_while_nothing_can_be_written(void **state)
{
	struct place web = place_with("web", SLEEPS);
	(void)state;
	if (!small_file_system())
		skip();
	web = place_make("web");
	place_up(&web);
	place_keep_exits(&web, 1);
	assert_int_equal(unlink(tree_name("run/web/.status")), 0);
	fill();
	kill((pid_t)web.s.pid, SIGKILL);
	while (lock_byte() != ENOSPC)
		assert_true(tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC) < 1);
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	expect_silence();
	assert_int_equal(unlink(tree_name("run/web/filler")), 0);
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP && s->supervisor == (uint32_t)p_->supervisor &&
			    s->starts == 2);
	event_is("up");
	expect_silence();
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

#define IN_SMALL_TREE(f) cmocka_unit_test_setup_teardown(f, tree_setup, unmount_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(a_second_supervisor_is_refused),
		TREE_TEST(a_lock_that_is_held),
		TREE_TEST(damaged_records),
		TREE_TEST(a_damaged_record_of_what_runs),
		TREE_TEST(a_removed_record_of_what_runs),
		TREE_TEST(other_things_in_place_of_the_record),
		IN_SMALL_TREE(a_full_file_system),
		IN_SMALL_TREE(a_full_file_system_that_is_watched),
		IN_SMALL_TREE(nothing_runs_that_is_not_written_down),
		IN_SMALL_TREE(a_supervisor_killed_while_nothing_can_be_written),
		TREE_TEST(a_directory_that_is_replaced),
		TREE_TEST(a_directory_that_is_gone),
		TREE_TEST(a_directory_that_cannot_be_read),
	};
	return cmocka_run_group_tests_name("supervise_faults", tests, 0, 0);
}
