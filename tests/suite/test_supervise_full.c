/* A run directory on a file system without room. */
#include "tree.h"

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
#include "room.h"

#define SLEEPS "alone; say up; exec sleep 1000"

/* Puts a small file system of ours under run/web. 0: not permitted here. */
static int small_file_system(void)
{
	return room_make("run/web", "size=64k,nr_inodes=40,mode=755");
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
	room_remove("run/web");
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
	room_fill_up("run/web");
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
	room_fill_up("run/web");
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
	room_empty("run/web");
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
	room_fill("run/web");
	kill((pid_t)web.s.pid, SIGKILL);
	uint64_t id = place_send(&web, 'y');
	AWAIT(lock_byte() == ENOSPC);
	assert_non_null(strstr(
		tree_read("web.err"), "web: unable to publish status: No space left on device; "));
	/* the next one stands at its gate, and holds nothing of ours: standard descriptors, gate */
	expect_silence();
	assert_int_equal(tree_descriptors(child_of(web.supervisor)), 4);
	place_look(&web);
	assert_int_equal(web.s.state, STATE_UP);
	assert_true(status_answer(&web.r, id) < 0);
	room_empty("run/web");
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
	room_fill("run/web");
	kill((pid_t)web.s.pid, SIGKILL);
	AWAIT(lock_byte() == ENOSPC);
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	expect_silence();
	room_empty("run/web");
	place_supervise(&web);
	UNTIL(&web, s->state == STATE_UP && s->supervisor == (uint32_t)p_->supervisor &&
			    s->starts == 2);
	event_is("up");
	AWAIT(!lock_byte());
	expect_silence();
}

#define IN_SMALL_TREE(f) cmocka_unit_test_setup_teardown(f, tree_setup, unmount_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		IN_SMALL_TREE(a_full_file_system),
		IN_SMALL_TREE(a_full_file_system_that_is_watched),
		IN_SMALL_TREE(nothing_runs_that_is_not_written_down),
		IN_SMALL_TREE(a_supervisor_killed_while_nothing_can_be_written),
	};
	return cmocka_run_group_tests_name("supervise_full", tests, 0, 0);
}
