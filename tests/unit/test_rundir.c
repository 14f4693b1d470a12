/* The run directory: which one is taken, under what name, and what it says when there is none. */
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

/* ---------------------------------------------------------------------------------- order */

static void the_given_one_is_made(void **state)
{
	char want[RUNDIR_PATH];
	(void)state;

	machine();
	snprintf(want, sizeof want, "%s/mine", scratch_path);
	assert_int_equal(setenv("CINIT_RUN", "/run/other", 1), 0);
	assert_int_equal(call(FIND, want), RUNDIR_NONE);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(got, want);
	assert_int_equal(call(MAKE, want), RUNDIR_OK);
	assert_string_equal(got, want);
	assert_int_equal(mode_of("mine"), 0755);
	assert_int_equal(mode_of("run/other"), 0);
	assert_int_equal(call(MAKE, want), RUNDIR_OK);
	assert_int_equal(call(FIND, want), RUNDIR_OK);
	assert_string_equal(got, want);
}

static void the_environment_is_next(void **state)
{
	(void)state;

	machine();
	assert_int_equal(setenv("CINIT_RUN", "/run/other", 1), 0);
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/other");
	assert_int_equal(mode_of("run/other"), 0755);
	assert_int_equal(mode_of("run/cinit"), 0);
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/other");
	/* an empty value counts as none */
	assert_int_equal(setenv("CINIT_RUN", "", 1), 0);
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");
}

static void candidates_are_tried_in_order(void **state)
{
	(void)state;

	machine();
	assert_int_equal(call(FIND, 0), RUNDIR_NONE);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(got, "/run/cinit");

	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");
	assert_int_equal(mode_of("run/cinit"), 0755);
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");

	assert_int_equal(rmdir(scratch_name("run/cinit")), 0);
	fault.path = "/run/cinit";
	fault.mkdir_error = EACCES;
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/user/cinit");
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/user/cinit");

	assert_int_equal(rmdir(scratch_name("run/user/cinit")), 0);
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, memory_dir());
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, memory_dir());
}

/* What root left behind does not hide a tree of our own that runs. */
static void the_living_go_before_the_first(void **state)
{
	(void)state;

	machine();
	assert_int_equal(call(MAKE, "/run/cinit"), RUNDIR_OK);
	assert_int_equal(call(MAKE, "/run/user/cinit"), RUNDIR_OK);
	assert_int_equal(call(MAKE, memory_dir()), RUNDIR_OK);
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");
	alive = memory_dir();
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, memory_dir());
	alive = "/run/user/cinit";
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/user/cinit");
	/* the name that was given stands alone, dead or alive */
	assert_int_equal(call(FIND, "/run/cinit"), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");
	/* and who makes one takes what is first */
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");
	/* one that cannot be looked at may be the one that lives */
	alive = NULL;
	fault.path = "/run/user/cinit";
	fault.open_error = EMFILE;
	assert_int_equal(call(FIND, 0), RUNDIR_NONE);
	assert_int_equal(errno, EMFILE);
}

static void failures_that_lead_on(void **state)
{
	static int const next[] = { EACCES, EROFS, ENOENT, EPERM, ENOTDIR };
	static int const final[] = { EMFILE, ENFILE, ENOMEM, ENOSPC, EIO };
	(void)state;

	machine();
	unsetenv("XDG_RUNTIME_DIR");
	fault.path = "/run/cinit";
	for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
		fault.mkdir_error = next[i];
		assert_int_equal(call(MAKE, 0), RUNDIR_OK);
		assert_string_equal(got, memory_dir());
	}
	/* with these the next call could find another place: a second tree */
	for (size_t i = 0; i < sizeof final / sizeof *final; i++) {
		fault.mkdir_error = final[i];
		assert_int_equal(call(MAKE, 0), RUNDIR_NONE);
		assert_int_equal(errno, final[i]);
		assert_string_equal(got, "/run/cinit");
	}
	fault.mkdir_error = 0;
	fault.open_error = EMFILE;
	assert_int_equal(call(FIND, 0), RUNDIR_NONE);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(call(MAKE, 0), RUNDIR_NONE);
	assert_int_equal(errno, EMFILE);
}

/* Explicit names have no substitutes. */
static void no_fallback_from_a_given_name(void **state)
{
	(void)state;

	machine();
	fault.path = "/run/other";
	fault.mkdir_error = EROFS;
	assert_int_equal(call(MAKE, "/run/other"), RUNDIR_NONE);
	assert_int_equal(errno, EROFS);
	assert_string_equal(got, "/run/other");
	assert_int_equal(setenv("CINIT_RUN", "/run/other", 1), 0);
	assert_int_equal(call(MAKE, 0), RUNDIR_NONE);
	assert_int_equal(errno, EROFS);
	assert_int_equal(mode_of("run/cinit"), 0);
	/* an immutable parent is no foreign directory */
	fault.mkdir_error = EPERM;
	assert_int_equal(call(MAKE, 0), RUNDIR_NONE);
	assert_int_equal(errno, EACCES);
	fault.path = 0;
	assert_int_equal(call(MAKE, "/run/no/such"), RUNDIR_NONE);
	assert_int_equal(errno, ENOENT);
	scratch_text("run/file", "");
	assert_int_equal(call(MAKE, "/run/file/dir"), RUNDIR_NONE);
	assert_int_equal(errno, ENOTDIR);
}

static void a_read_only_run(void **state)
{
	(void)state;

	machine();
	make_dir("run/cinit", 0755);
	/* it exists, ours, but nothing can be written there: mkdir says EEXIST, access EROFS */
	fault.access_error = EROFS;
	assert_int_equal(call(MAKE, "/run/cinit"), RUNDIR_NONE);
	assert_int_equal(errno, EROFS);
	/* and when every place is read-only */
	assert_int_equal(call(MAKE, 0), RUNDIR_NONE);
	assert_int_equal(errno, EROFS);
	/* a client needs no right to write */
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	assert_string_equal(got, "/run/cinit");
	fault.access_error = EPERM;
	assert_int_equal(call(MAKE, "/run/cinit"), RUNDIR_NONE);
	assert_int_equal(errno, EACCES);
}

static void the_most_telling_failure(void **state)
{
	(void)state;

	machine();
	unsetenv("XDG_RUNTIME_DIR");
	fault.path = "/run/cinit";
	fault.mkdir_error = EROFS;
	assert_int_equal(rmdir(scratch_name("dev/shm")), 0);
	assert_int_equal(call(MAKE, 0), RUNDIR_NONE);
	assert_int_equal(errno, EROFS);
	assert_string_equal(got, "/run/cinit");
}

/* ---------------------------------------------------------------------------------- names */

static void relative_names_become_absolute(void **state)
{
	char want[RUNDIR_PATH];
	(void)state;

	assert_int_equal(chdir(scratch_path), 0);
	snprintf(want, sizeof want, "%s/a", scratch_path);
	static char const *const names[] = { "a", "./a", "a/", ".//a/.", "././a//" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(call(MAKE, names[i]), RUNDIR_OK);
		assert_string_equal(got, want);
	}
	assert_int_equal(call(FIND, "."), RUNDIR_OK);
	assert_string_equal(got, scratch_path);
	snprintf(want, sizeof want, "%s/a/../a", scratch_path);
	assert_int_equal(call(FIND, "a/../a"), RUNDIR_OK);
	assert_string_equal(got, want);
	assert_int_equal(setenv("CINIT_RUN", "a", 1), 0);
	assert_int_equal(call(FIND, 0), RUNDIR_OK);
	snprintf(want, sizeof want, "%s/a", scratch_path);
	assert_string_equal(got, want);

	assert_int_equal(call(FIND, ""), RUNDIR_NONE);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(got, "");
	assert_int_equal(call(MAKE, ""), RUNDIR_NONE);
	fault.cwd = "(unreachable)/x";
	assert_int_equal(call(MAKE, "a"), RUNDIR_NONE);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(got, "a"); /* for a message */
	fault.cwd = "/";
	assert_int_equal(call(FIND, "."), RUNDIR_OK);
	assert_string_equal(got, "/");
	assert_int_equal(call(FIND, "///"), RUNDIR_OK);
	assert_string_equal(got, "/");
}

static void names_that_are_too_long(void **state)
{
	static char name[2000];
	(void)state;

	machine();
	name[0] = '/';
	memset(name + 1, 'a', sizeof name - 2);
	assert_int_equal(chdir(scratch_path), 0);
	for (size_t len = 509; len < 515; len++) {
		for (size_t slash = 0; slash < len; slash += 100)
			name[slash] = '/';
		name[len] = 0;
		assert_int_equal(call(FIND, name), len < RUNDIR_PATH ? RUNDIR_NONE : RUNDIR_LONG);
		assert_int_equal(call(MAKE, name + 1), RUNDIR_LONG);
		name[len] = 'a';
	}
	assert_int_equal(call(MAKE, name), RUNDIR_LONG);
	/* slashes and dots that are dropped do not count */
	memset(name, '/', 1000);
	strcpy(name + 1000, "run/./other/.");
	assert_int_equal(call(MAKE, name), RUNDIR_OK);
	assert_string_equal(got, "/run/other");
	/* a deep XDG_RUNTIME_DIR is passed over */
	snprintf(name, sizeof name, "%s", scratch_path);
	for (int i = 0; i < 3; i++) {
		size_t n = strlen(name);

		memset(name + n, 'd', 201);
		name[n] = '/';
		name[n + 201] = 0;
		assert_int_equal(mkdir(name, 0755), 0);
	}
	assert_int_equal(setenv("XDG_RUNTIME_DIR", name, 1), 0);
	fault.path = "/run/cinit";
	fault.mkdir_error = EACCES;
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, memory_dir());
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "run/user", 1), 0);
	assert_int_equal(call(MAKE, 0), RUNDIR_OK);
	assert_string_equal(got, memory_dir());
}

static void modes_do_not_depend_on_the_umask(void **state)
{
	(void)state;

	machine();
	umask(077);
	assert_int_equal(call(MAKE, "/run/a"), RUNDIR_OK);
	assert_int_equal(mode_of("run/a"), 0755);
	umask(0);
	int fd = rundir_open(scratch_fd, "b", 0700);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(mode_of("b"), 0700);
	umask(022);
	/* one that is there keeps its mode */
	assert_int_equal(call(MAKE, "/run/a"), RUNDIR_OK);
	int is_new = -1;
	fd = rundir_enter(scratch_fd, "b", 0755, &is_new);
	assert_true(fd >= 0 && !is_new);
	close(fd);
	assert_int_equal(mode_of("b"), 0700);
	fd = rundir_enter(scratch_fd, "new", 0755, &is_new);
	assert_true(fd >= 0 && is_new);
	close(fd);
	assert_int_equal(rundir_open(scratch_fd, "c", 0), -1);
	assert_int_equal(errno, ENOENT);
}

static void service_names(void **state)
{
	static char const *const good[] = { "a", "web", "a b", "getty@tty1", "\xc3\xa9t\xc3\xa9",
		"-x", "conf2", "Conf", "log", "supervise", "a.b" };
	static char const *const bad[] = { "", ".", "..", ".cinit", ".a", "conf", "a/b", "/", "a\n",
		"\t", "a\x7f", "\x1b[m",
		("a\xc2\x9b"
		 "31m"),
		"a\x9b" };
	char name[258];
	(void)state;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(service_name_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(service_name_valid(bad[i]));
	memset(name, 'n', sizeof name);
	name[256] = 0;
	assert_false(service_name_valid(name));
	name[255] = 0;
	assert_true(service_name_valid(name));
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(the_given_one_is_made),
		T(the_environment_is_next),
		T(candidates_are_tried_in_order),
		T(the_living_go_before_the_first),
		T(failures_that_lead_on),
		T(no_fallback_from_a_given_name),
		T(a_read_only_run),
		T(the_most_telling_failure),
		T(relative_names_become_absolute),
		T(names_that_are_too_long),
		T(modes_do_not_depend_on_the_umask),
		T(service_names),
	};
	return cmocka_run_group_tests_name("rundir", tests, 0, 0);
}
