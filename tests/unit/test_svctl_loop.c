/* svctl's event loop, with the system against it. */
/* wrap: fork epoll_ctl epoll_create1 calloc openat */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "clock.h"
#include "ipc.h"
#include "scratch.h"
#include "svctl/loop.h"

#define LIMIT (300 * CLOCK_MILLISEC)
#define MOST  3

/* ------------------------------------------------------------------------------------------ faults
 */

/* Calls to let pass, then calls to fail; -1: all. */
struct fault {
	int after, times, error;
};
static struct fault fork_fault, ctl_fault, create_fault, calloc_fault, openat_fault;

static int fails(struct fault *f)
{
	if (!f->error || f->after-- > 0)
		return 0;
	f->after = 0;
	if (!f->times)
		return 0;
	if (f->times > 0)
		f->times--;
	errno = f->error;
	return 1;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	return fails(&fork_fault) ? -1 : __real_fork();
}

int __real_epoll_ctl(int fd, int op, int of, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int op, int of, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int op, int of, struct epoll_event *e)
{
	return op == EPOLL_CTL_ADD && fails(&ctl_fault) ? -1 : __real_epoll_ctl(fd, op, of, e);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
	return fails(&create_fault) ? -1 : __real_epoll_create1(flags);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fails(&calloc_fault) ? NULL : __real_calloc(n, size);
}

int __real_openat(int base, char const *path, int flags, ...);
int __wrap_openat(int base, char const *path, int flags, ...);
int __wrap_openat(int base, char const *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = va_arg(args, mode_t);
	va_end(args);
	return fails(&openat_fault) ? -1 : __real_openat(base, path, flags, mode);
}

/* ---------------------------------------------------------------------------------------- services
 */

static struct cinit_ipc ipc[MOST];
static struct status record;
static struct status_ring ring;
static struct target list[MOST];
static struct targets targets;
static struct where where;
static char const *const names[MOST] = { "a", "b", "c" };

/* What the loop told us. */
static struct job told[MOST];
static unsigned int ends, kills, quiets;
static int had_record;

static void ended(void *data, struct target const *t, struct job const *j, struct status const *s,
	uint64_t now)
{
	(void)data, (void)t, (void)now;
	had_record = s != NULL;
	told[ends++] = *j;
}

static void killed(void *data, struct target const *t, struct status const *s, uint64_t now)
{
	(void)data, (void)t, (void)s, (void)now;
	kills++;
}

static void quiet(void *data)
{
	(void)data;
	quiets++;
}

static struct loop_request request(struct verb const *v, uint64_t limit)
{
	return (struct loop_request){
		.where = &where,
		.targets = &targets,
		.verb = v,
		.limit = limit,
		.waits = 1,
		.ended = ended,
		.killed = killed,
		.quiet = quiet,
	};
}

/* `n` services in this state, and somebody who reads their commands, but never answers. */
static void services(unsigned int n, enum status_state state)
{
	record = (struct status){ .state = (uint8_t)state, .want = WANT_UP, .incarnation = 1 };
	record.supervisor = (uint32_t)getpid();
	if (state == STATE_UP) {
		record.flags = FLAG_READY;
		record.child[ROLE_RUN] = (struct status_child){ .pid = 1, .phase = PHASE_STARTED };
	}
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(mkdir(scratch_name(names[i]), 0755), 0);
		int dir = open(scratch_name(names[i]), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(dir >= 0);
		assert_int_equal(cinit_ipc_init(&ipc[i], dir, (gid_t)-1), 0);
		assert_int_equal(cinit_ipc_publish(&ipc[i], &record, &ring), 0);
		list[i] = (struct target){ .typed = names[i],
			.base = scratch_fd,
			.state = (char *)(uintptr_t)names[i],
			.service = (char *)(uintptr_t)names[i] };
	}
	targets = (struct targets){ .list = list, .count = n };
	where = (struct where){ .fd = scratch_fd, .services = scratch_path, .alive = 1 };
}

static int setup(void **state)
{
	struct fault none = { 0, 0, 0 };
	PROG = "svctl";
	fork_fault = ctl_fault = create_fault = calloc_fault = openat_fault = none;
	ends = kills = quiets = 0;
	memset(told, 0, sizeof told);
	for (int i = 0; i < MOST; i++)
		ipc[i] = (struct cinit_ipc){ .dir = -1, .in = -1, .out = -1 };
	if (scratch_setup(state) < 0)
		return -1;
	umask(0);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < MOST; i++) {
		if (ipc[i].dir < 0)
			continue;
		cinit_ipc_close(&ipc[i]);
		close(ipc[i].dir);
	}
	return scratch_teardown(state);
}

/* ------------------------------------------------------------------------------------------- tests
 */

static void what_the_loop_itself_needs_is_refused(void **state)
{
	(void)state;
	services(1, STATE_DOWN);
	struct loop_request q = request(verb_condition("up"), LIMIT);
	create_fault = (struct fault){ 0, -1, EMFILE };
	assert_int_equal(loop_run(&q), -1);
	assert_int_equal(errno, EMFILE);
	create_fault.error = 0;
	calloc_fault = (struct fault){ 0, -1, ENOMEM };
	assert_int_equal(loop_run(&q), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(ends, 0);
}

static void one_that_cannot_be_watched_fails_alone(void **state)
{
	(void)state;
	services(2, STATE_DOWN);
	struct loop_request q = request(verb_condition("up"), LIMIT);
	ctl_fault = (struct fault){ 0, 1, ENOSPC };
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 2);
	assert_int_equal(told[0].outcome, OUTCOME_FAILED);
	assert_int_equal(told[0].error, JOB_ERROR_WATCH);
	assert_int_equal(told[0].detail, ENOSPC);
	assert_int_equal(told[1].outcome, OUTCOME_TIMEOUT);
}

/* The first holds descriptors that the second waits for. */
static void what_finds_no_descriptor_waits_its_turn(void **state)
{
	uint64_t before;
	(void)state;
	services(3, STATE_DOWN);
	struct loop_request q = request(verb_condition("up"), LIMIT);
	/* `out`, the record, `in` for a moment: three of the first */
	openat_fault = (struct fault){ 3, 1, EMFILE };
	before = clock_boottime();
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(told[i].outcome, OUTCOME_TIMEOUT);
	/* from then on one at a time, each with its own limit */
	assert_true(clock_boottime() - before >= 3 * LIMIT);
}

static void the_first_that_finds_none_fails(void **state)
{
	(void)state;
	services(1, STATE_DOWN);
	struct loop_request q = request(verb_condition("up"), LIMIT);
	openat_fault = (struct fault){ 0, -1, EMFILE };
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 1);
	assert_int_equal(told[0].outcome, OUTCOME_FAILED);
	assert_int_equal(told[0].detail, EMFILE);
}

static void a_fork_that_fails_is_tried_again(void **state)
{
	(void)state;
	services(1, STATE_UP);
	scratch_text("a/check", "#!/bin/sh\nexit 0\n");
	assert_int_equal(chmod(scratch_name("a/check"), 0755), 0);
	struct loop_request q = request(verb_find("check"), 20 * CLOCK_SECOND);
	fork_fault = (struct fault){ 0, 1, EAGAIN };
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 1);
	assert_int_equal(told[0].outcome, OUTCOME_OK);
	assert_int_equal(had_record, 1);
}

static void a_fork_that_goes_on_failing_is_a_time_out(void **state)
{
	(void)state;
	services(1, STATE_UP);
	scratch_text("a/check", "");
	struct loop_request q = request(verb_find("check"), LIMIT);
	fork_fault = (struct fault){ 0, -1, EAGAIN };
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 1);
	assert_int_equal(told[0].outcome, OUTCOME_TIMEOUT);
	assert_int_equal(told[0].check_failed, 1);
}

static void nobody_answers(void **state)
{
	(void)state;
	services(2, STATE_UP);
	struct loop_request q = request(verb_find("force-stop"), LIMIT);
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 2);
	assert_int_equal(told[0].outcome, OUTCOME_UNKNOWN);
	assert_int_equal(told[1].outcome, OUTCOME_UNKNOWN);
	assert_int_equal(kills, 0);
	/* what was buffered went out before the wait */
	assert_true(quiets >= 1);
}

static void no_services_are_no_work(void **state)
{
	(void)state;
	services(0, STATE_UP);
	struct loop_request q = request(verb_find("stop"), LIMIT);
	assert_int_equal(loop_run(&q), 0);
	assert_int_equal(ends, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(what_the_loop_itself_needs_is_refused),
		TEST(one_that_cannot_be_watched_fails_alone),
		TEST(what_finds_no_descriptor_waits_its_turn),
		TEST(the_first_that_finds_none_fails),
		TEST(a_fork_that_fails_is_tried_again),
		TEST(a_fork_that_goes_on_failing_is_a_time_out),
		TEST(nobody_answers),
		TEST(no_services_are_no_work),
	};
	return cmocka_run_group_tests_name("svctl_loop", tests, NULL, NULL);
}
