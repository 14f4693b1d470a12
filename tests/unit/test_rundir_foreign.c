/* The run directory: what is not ours is refused, whoever we are and whoever was there before. */
/* wrap: openat mkdirat fstatat stat faccessat getcwd */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rundir_world.h"
#include "scratch.h"

/* --------------------------------------------------------------------------------- squats */

static void links_are_refused(void **state)
{
	(void)state;

	machine();
	make_dir("real", 0755);
	assert_int_equal(symlink(scratch_name("real"), scratch_name("run/link")), 0);
	assert_int_equal(symlink("nowhere", scratch_name("run/broken")), 0);
	static char const *const names[] = { "/run/link", "/run/link/", "/run/link/.",
		"/run/link/./", "/run//link", "/run/broken" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		for (int make = FIND; make <= MAKE; make++) {
			assert_int_equal(call(make, names[i]), RUNDIR_FOREIGN);
			assert_int_equal(errno, EPERM);
		}
	}
	assert_string_equal(got, "/run/broken");
	assert_int_equal(mode_of("run/nowhere"), 0);
	/* a link on the way is the owner's business */
	assert_int_equal(call(MAKE, "/run/link/cinit"), RUNDIR_OK);
	assert_string_equal(got, "/run/link/cinit");
}

static void other_things_are_refused(void **state)
{
	(void)state;

	machine();
	scratch_text("run/file", "");
	assert_int_equal(mkfifoat(scratch_fd, "run/fifo", 0600), 0);
	assert_int_equal(call(MAKE, "/run/file"), RUNDIR_FOREIGN);
	assert_int_equal(call(FIND, "/run/file"), RUNDIR_FOREIGN);
	alarm(5);
	assert_int_equal(call(MAKE, "/run/fifo"), RUNDIR_FOREIGN);
	assert_int_equal(call(FIND, "/run/fifo"), RUNDIR_FOREIGN);
	alarm(0);
}

static void directories_that_others_write_to(void **state)
{
	static mode_t const bad[] = { 0775, 0757, 0777, 01777, 0720, 0702, 02775 };
	static mode_t const good[] = { 0755, 0700, 0711, 0750, 02755, 01755 };
	(void)state;

	machine();
	make_dir("run/dir", 0755);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(chmod(scratch_name("run/dir"), bad[i]), 0);
		assert_int_equal(call(MAKE, "/run/dir"), RUNDIR_FOREIGN);
		assert_int_equal(call(FIND, "/run/dir"), RUNDIR_FOREIGN);
		assert_int_equal(mode_of("run/dir"), bad[i]);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(chmod(scratch_name("run/dir"), good[i]), 0);
		assert_int_equal(call(MAKE, "/run/dir"), RUNDIR_OK);
		assert_int_equal(call(FIND, "/run/dir"), RUNDIR_OK);
		assert_int_equal(mode_of("run/dir"), good[i]);
	}
}

static void a_squat_on_the_last_place(void **state)
{
	(void)state;

	machine();
	unsetenv("XDG_RUNTIME_DIR");
	fault.path = "/run/cinit";
	fault.mkdir_error = EACCES;
	make_dir(memory_dir() + 1, 0777);
	assert_int_equal(call(MAKE, 0), RUNDIR_FOREIGN);
	assert_int_equal(errno, EPERM);
	assert_string_equal(got, memory_dir());
	assert_int_equal(call(FIND, 0), RUNDIR_FOREIGN);
	assert_string_equal(got, memory_dir());
}

static void a_squat_before_a_good_place(void **state)
{
	(void)state;

	machine();
	make_dir("run/cinit", 0777);
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/user/cinit");
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/user/cinit");
	/* when nothing else serves it is what is told, even if a later place failed otherwise */
	assert_int_equal(rmdir(scratch_name("run/user/cinit")), 0);
	fault.path = "/run/user/cinit";
	fault.mkdir_error = ENOTDIR;
	assert_int_equal(rmdir(scratch_name("dev/shm")), 0);
	assert_int_equal(call(MAKE, 0), RUNDIR_FOREIGN);
	assert_int_equal(errno, EPERM);
	assert_string_equal(got, "/run/cinit");
}

/* Of the reasons, the one that there is. */
static void says_why(void **state)
{
	char text[RUNDIR_REFUSAL];
	(void)state;

	machine();
	make_dir("run/open", 0775);
	scratch_text("run/file", "");
	assert_int_equal(symlink("open", scratch_name("run/link")), 0);
	assert_string_equal(
		rundir_refusal(AT_FDCWD, "/run/open", text), "others may write to it (mode 0775)");
	assert_string_equal(rundir_refusal(AT_FDCWD, "/run/file", text), "it is no directory");
	assert_string_equal(rundir_refusal(AT_FDCWD, "/run/link", text), "it is a link");
	if (geteuid())
		return;
	make_dir("run/theirs", 0755);
	assert_int_equal(chown(scratch_name("run/theirs"), 12345, 12345), 0);
	assert_string_equal(
		rundir_refusal(AT_FDCWD, "/run/theirs", text), "it belongs to uid 12345");
}

/* ------------------------------------------------------------------------------ as others */

static void need_root(void)
{
	if (geteuid())
		skip();
}

static int squatted_act(void *data)
{
	(void)data;
	CHILD_CHECK(!scratch_become(54321));
	/* 12345 was here before us */
	CHILD_CHECK(call(MAKE, 0) == RUNDIR_FOREIGN);
	CHILD_CHECK(errno == EPERM && !strcmp(got, "/dev/shm/cinit-54321"));
	CHILD_CHECK(call(FIND, 0) == RUNDIR_FOREIGN);
	CHILD_CHECK(!strcmp(got, "/dev/shm/cinit-54321"));
	return 0;
}

static void another_users_squat(void **state)
{
	(void)state;

	need_root();
	machine();
	unsetenv("XDG_RUNTIME_DIR");
	make_dir("dev/shm/cinit-54321", 0755);
	assert_int_equal(chown(scratch_name("dev/shm/cinit-54321"), 12345, 12345), 0);
	assert_int_equal(scratch_child(squatted_act, 0), 0);
	/* for root as well: what a user owns, the user may change */
	assert_int_equal(call(MAKE, "/dev/shm/cinit-54321"), RUNDIR_FOREIGN);
	assert_int_equal(call(FIND, "/dev/shm/cinit-54321"), RUNDIR_FOREIGN);
}

/* A uid that no passwd file knows. */
static int plain_user_act(void *data)
{
	(void)data;
	CHILD_CHECK(!scratch_become(54321));
	/* root's is there: good to ask, not to fill */
	CHILD_CHECK(call(FIND, 0) == RUNDIR_OK && !strcmp(got, "/run/cinit"));
	CHILD_CHECK(call(MAKE, "/run/cinit") == RUNDIR_NONE && errno == EACCES);
	fault.access_grants = 1;
	CHILD_CHECK(call(MAKE, "/run/cinit") == RUNDIR_NONE && errno == EACCES);
	fault.access_grants = 0;
	CHILD_CHECK(call(MAKE, 0) == RUNDIR_OK && !strcmp(got, "/dev/shm/cinit-54321"));
	CHILD_CHECK(mode_of("dev/shm/cinit-54321") == 0755);
	/* root's XDG_RUNTIME_DIR, left over from su, is no candidate even where anybody may write
	 */
	CHILD_CHECK(!setenv("XDG_RUNTIME_DIR", "/run/user", 1));
	CHILD_CHECK(call(MAKE, 0) == RUNDIR_OK && !strcmp(got, "/dev/shm/cinit-54321"));
	CHILD_CHECK(!setenv("XDG_RUNTIME_DIR", "/run/mine", 1));
	CHILD_CHECK(call(MAKE, 0) == RUNDIR_OK && !strcmp(got, "/run/mine/cinit"));
	return 0;
}

static void a_plain_user(void **state)
{
	(void)state;

	need_root();
	machine();
	unsetenv("XDG_RUNTIME_DIR");
	make_dir("run/cinit", 0755);
	make_dir("run/mine", 0700);
	assert_int_equal(chown(scratch_name("run/mine"), 54321, 54321), 0);
	assert_int_equal(chmod(scratch_name("run/user"), 0777), 0);
	assert_int_equal(scratch_child(plain_user_act, 0), 0);
	assert_int_equal(call(FIND, "/run/mine/cinit"), RUNDIR_FOREIGN);
}

static int unwritable_act(void *data)
{
	(void)data;
	CHILD_CHECK(!scratch_become(54321));
	/* nothing can be made anywhere: the reason is the lack of rights, not the lack of files */
	CHILD_CHECK(call(MAKE, 0) == RUNDIR_NONE && errno == EACCES);
	CHILD_CHECK(call(FIND, 0) == RUNDIR_NONE && errno == ENOENT);
	CHILD_CHECK(!strcmp(got, "/run/cinit"));
	/* ours, but closed to ourselves */
	CHILD_CHECK(call(MAKE, "/run/closed") == RUNDIR_NONE && errno == EACCES);
	CHILD_CHECK(call(FIND, "/run/closed") == RUNDIR_OK);
	return 0;
}

static void no_place_for_a_plain_user(void **state)
{
	(void)state;

	need_root();
	machine();
	unsetenv("XDG_RUNTIME_DIR");
	make_dir("run/closed", 0555);
	assert_int_equal(chown(scratch_name("run/closed"), 54321, 54321), 0);
	assert_int_equal(chmod(scratch_name("dev/shm"), 0755), 0);
	assert_int_equal(scratch_child(unwritable_act, 0), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(links_are_refused),
		T(other_things_are_refused),
		T(directories_that_others_write_to),
		T(says_why),
		T(a_squat_on_the_last_place),
		T(a_squat_before_a_good_place),
		T(another_users_squat),
		T(a_plain_user),
		T(no_place_for_a_plain_user),
	};
	return cmocka_run_group_tests_name("rundir_foreign", tests, 0, 0);
}
