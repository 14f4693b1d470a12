/* A program that the kernel does not execute for want of something: no files, no memory, no process
 * left. Nothing ran, so nothing died. */
/* wrap: fork clone */
#include "forked.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

#define RUN "say up; exec sleep 1000"

/* In a child: from here on every exec is refused with this error, by the kernel. It may share our
 * memory, on a small stack. */
static int refuse_exec(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	       syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0;
}

/* What the supervisor sees of the world. */
static struct world {
	int error; /* errno of every exec; 0: they work */
	int forks; /* the long way was gone so often */
} * world;
static int (*cloned)(void *);

static int refused_exec(void *data)
{
	if (refuse_exec(world->error))
		syscall(SYS_exit_group, 99);
	return cloned(data);
}

int __real_clone(int (*f)(void *), void *stack, int flags, void *data, ...);
int __wrap_clone(int (*f)(void *), void *stack, int flags, void *data);
int __wrap_clone(int (*f)(void *), void *stack, int flags, void *data)
{
	cloned = f;
	return __real_clone(world->error ? refused_exec : f, stack, flags, data);
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	if (!forked_supervisor)
		return __real_fork();
	world->forks++;
	pid_t pid = __real_fork();
	if (!pid && world->error && refuse_exec(world->error))
		_exit(99);
	return pid;
}

enum way { SHORT_WAY, LONG_WAY };

/* The short one is not there everywhere (launch.c). */
static int is_short(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return 0;
#endif
#endif
	return process_closes_ranges();
}

/* Neither a death nor a reason to give up, for whoever is wanted up or once; `finish` has nothing
 * to do; it is tried again, later each time, and then it runs. */
static void no_exec(char const *name, int error, enum way way, int letter)
{
	struct place web = place_with(name, RUN);

	place_write(&web, "down", "");
	place_write(&web, "max-deaths", "1/60\n");
	place_script(&web, "finish", "say finish");
	if (way == LONG_WAY)
		place_write(&web, "env/COLOUR", "green\n");
	forked_supervise(&web);
	UNTIL(&web, s->state == STATE_DOWN && s->supervisor);
	world->forks = 0;
	world->error = error;
	assert_int_equal(place_command(&web, letter), RESULT_DONE);
	UNTIL(&web, s->state == STATE_BACKOFF && s->reason == REASON_EXEC);
	assert_int_equal(web.s.reason_detail, error);
	assert_int_equal(world->forks > 0, way == LONG_WAY || !is_short());
	uint32_t delay = web.s.backoff_ms;
	char text[128];
	snprintf(text, sizeof text, "unable to execute run: %s", strerror(error));
	assert_string_equal(web.s.reason_text, text);
	UNTIL(&web, s->state == STATE_BACKOFF && s->backoff_ms > delay);
	world->error = 0;
	UNTIL(&web, s->state == STATE_UP && s->reason == REASON_NONE);
	event_is("up");
	event_none();
	assert_int_equal(web.s.deaths, 0);
	assert_int_equal(web.s.window_deaths, 0);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	event_is("finish");
	UNTIL(&web, s->state == STATE_DOWN);
	forked_end(&web);
}

static void an_exec_that_is_refused(void **state)
{
	(void)state;
	world = mmap(0, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(world != MAP_FAILED);
	no_exec("file", ENFILE, SHORT_WAY, 'u');
	no_exec("memory", ENOMEM, LONG_WAY, 'u');
	no_exec("process", EAGAIN, SHORT_WAY, 'o');
	no_exec("table", ENFILE, LONG_WAY, 'o');
}

int main(void)
{
	const struct CMUnitTest tests[] = { TREE_TEST(an_exec_that_is_refused) };

	return cmocka_run_group_tests_name("exec_refused", tests, NULL, NULL);
}
