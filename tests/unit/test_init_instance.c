/* cinit's profiles and instances where nothing runs yet: names, what a machine does with a wrong
 * one, and a system that refuses. */
/* wrap: apart_new mkdirat fork */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "init/apart.h"
#include "init/init.h"
#include "scratch.h"

void *__real_apart_new(size_t size);
void *__wrap_apart_new(size_t size);
int __real_mkdirat(int dir, char const *name, mode_t mode);
int __wrap_mkdirat(int dir, char const *name, mode_t mode);
pid_t __wrap_fork(void);

static struct init init;
static int no_memory, no_directory, forks, fork_errno;

void *__wrap_apart_new(size_t size)
{
	if (!no_memory)
		return __real_apart_new(size);
	errno = ENOMEM;
	return NULL;
}

int __wrap_mkdirat(int dir, char const *name, mode_t mode)
{
	if (!no_directory)
		return __real_mkdirat(dir, name, mode);
	errno = ENOSPC;
	return -1;
}

/* Nothing is ever started here. */
pid_t __wrap_fork(void)
{
	if (fork_errno) {
		errno = fork_errno;
		return -1;
	}
	return 1000 + ++forks;
}

static void make(char const *name)
{
	assert_int_equal(mkdir(scratch_name(name), 0755), 0);
}

/* SCRATCH/s holds services, SCRATCH/r is the run directory. */
static int set_up(void **state)
{
	if (scratch_setup(state) < 0)
		return -1;
	PROG = "test";
	make("s");
	make("r");
	init = (struct init){ 0 };
	init.run = open(scratch_name("r"), O_RDONLY | O_DIRECTORY);
	strcpy(init.run_path, scratch_name("r"));
	init.service_path = strdup(scratch_name("s"));
	init.nofile.rlim_cur = 1024;
	init.control_group = (gid_t)-1;
	init.cmd.watch = (struct cinit_client)CINIT_CLIENT_ZERO;
	unsetenv("CINIT_PROFILE");
	return 0;
}

static int tear_down(void **state)
{
	while (init.tree.count)
		tree_remove(&init.tree, init.tree.list[0]);
	apart_array_free(init.tree.list, init.tree.room, sizeof *init.tree.list);
	apart_array_free(init.tree.supervisors.entry, init.tree.supervisors.size,
		sizeof *init.tree.supervisors.entry);
	free((char *)init.service_path);
	close(init.run);
	no_memory = no_directory = forks = fork_errno = 0;
	return scratch_teardown(state);
}

/* ----------------------------------------------------------------------------- profiles */

static void who_says_which_profile(void **state)
{
	(void)state;
	make("s/one");
	make("s/two");
	assert_int_equal(boot_profile(&init, NULL), 0);
	assert_null(init.profile);
	setenv("CINIT_PROFILE", "one", 1);
	assert_int_equal(boot_profile(&init, NULL), 0);
	assert_string_equal(init.profile, "one");
	assert_null(getenv("CINIT_PROFILE"));
	setenv("CINIT_PROFILE", "one", 1);
	assert_int_equal(boot_profile(&init, "two"), 0);
	assert_string_equal(init.profile, "two");
	assert_null(getenv("CINIT_PROFILE"));
}

static void a_machine_boots_all_the_same(void **state)
{
	(void)state;
	init.machine = 1;
	assert_int_equal(boot_profile(&init, "nosuch"), 0);
	assert_null(init.profile);
	init.machine = 0;
	assert_int_equal(boot_profile(&init, "nosuch"), EXIT_USAGE);
	assert_null(init.profile);
}

/* ---------------------------------------------------------------------------- instances */

static void an_instance_has_its_templates_directory(void **state)
{
	char path[PATH_MAX];

	(void)state;
	make("s/x@");
	make("s/x@/log");
	make("s/x@own");
	assert_int_equal(instance_make(&init, "x@1"), INSTANCE_MADE);
	struct service *s = tree_find(&init.tree, "x@1");
	assert_non_null(s);
	assert_int_equal(s->made, 1);
	assert_int_equal(s->holds, 1 << HOLD_PIPE);
	assert_int_equal(s->phase, SERVICE_DUE);
	assert_int_equal(instance_directory(&init, s, path), 0);
	assert_string_equal(path, scratch_name("s/x@"));
	assert_int_equal(access(scratch_name("r/x@1/out"), F_OK), 0);
	assert_int_equal(access(scratch_name("r/x@1/log/out"), F_OK), 0);
	assert_int_equal(instance_make(&init, "x@own"), INSTANCE_MADE);
	s = tree_find(&init.tree, "x@own");
	assert_int_equal(s->made, 0);
	assert_int_equal(s->holds, 0);
	assert_int_equal(instance_directory(&init, s, path), 0);
	assert_string_equal(path, scratch_name("s/x@own"));
}

static void what_is_described_and_what_is_not(void **state)
{
	(void)state;
	make("s/web");
	make("s/x@");
	make("s/y@1");
	make("s/a@b@");
	assert_true(instance_described(&init, "web"));
	assert_true(instance_described(&init, "x@1"));
	assert_true(instance_described(&init, "x@1@2"));
	assert_true(instance_described(&init, "y@1"));
	assert_true(instance_described(&init, "a@b@"));
	assert_false(instance_described(&init, "a@b@c"));
	assert_false(instance_described(&init, "x@"));
	assert_false(instance_described(&init, "x@.1"));
	assert_false(instance_described(&init, "y@2"));
	assert_false(instance_described(&init, "x"));
	assert_false(instance_described(&init, "."));
	assert_false(instance_described(&init, ".."));
	assert_false(instance_described(&init, "../s/web"));
	assert_false(instance_described(&init, ""));
	/* a service that a rescan would find is no instance */
	assert_int_equal(instance_make(&init, "web"), INSTANCE_UNKNOWN);
	assert_int_equal(instance_make(&init, "y@2"), INSTANCE_UNKNOWN);
	assert_int_equal(init.tree.count, 0);
}

static void a_system_that_refuses(void **state)
{
	(void)state;
	make("s/x@");
	no_memory = 1;
	assert_int_equal(instance_make(&init, "x@1"), INSTANCE_REFUSED);
	no_memory = 0;
	no_directory = 1;
	assert_int_equal(instance_make(&init, "x@1"), INSTANCE_REFUSED);
	assert_int_equal(init.tree.count, 0);
	assert_int_not_equal(access(scratch_name("r/x@1"), F_OK), 0);
}

static void a_command_that_waits_is_not_led_astray(void **state)
{
	(void)state;
	make("s/x@");
	struct service *a = tree_add(&init.tree, "a"), *z = tree_add(&init.tree, "z");
	init.cmd.next = 1; /* it looks at z */
	assert_int_equal(instance_make(&init, "x@1"), INSTANCE_MADE);
	assert_ptr_equal(init.tree.list[init.cmd.next], z);
	init.cmd.next = 0;
	assert_int_equal(instance_make(&init, "x@2"), INSTANCE_MADE);
	assert_ptr_equal(init.tree.list[init.cmd.next], a);
	init.cmd.next = init.tree.count; /* it has seen them all */
	assert_int_equal(instance_make(&init, "x@3"), INSTANCE_MADE);
	assert_int_equal(init.cmd.next, init.tree.count);
}

/* ------------------------------------------------------------------------------- cycles */

static void one_search_at_a_time(void **state)
{
	(void)state;
	/* of nothing */
	cycles_look(&init);
	assert_int_equal(forks, 0);
	assert_non_null(tree_add(&init.tree, "a"));
	cycles_look(&init);
	assert_int_equal(forks, 1);
	cycles_look(&init);
	cycles_look(&init);
	assert_int_equal(forks, 1);
	cycles_ended(&init, 0);
	assert_int_equal(forks, 2);
	cycles_ended(&init, 0);
	assert_int_equal(forks, 2);
	assert_int_equal(init.cycles, 0);
	/* a stop needs none */
	cycles_look(&init);
	cycles_look(&init);
	init.stop.phase = STOP_TERM;
	cycles_ended(&init, 0);
	assert_int_equal(forks, 3);
}

static void a_search_that_cannot_be_begun(void **state)
{
	(void)state;
	assert_non_null(tree_add(&init.tree, "a"));
	fork_errno = EAGAIN;
	cycles_look(&init);
	assert_int_equal(init.cycles, 0);
	fork_errno = 0;
	cycles_look(&init);
	assert_int_equal(forks, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(who_says_which_profile),
		TEST(a_machine_boots_all_the_same),
		TEST(an_instance_has_its_templates_directory),
		TEST(what_is_described_and_what_is_not),
		TEST(a_system_that_refuses),
		TEST(a_command_that_waits_is_not_led_astray),
		TEST(one_search_at_a_time),
		TEST(a_search_that_cannot_be_begun),
	};
	return cmocka_run_group_tests_name("init/instance", tests, NULL, NULL);
}
