/* What cinit is told and what it says: the command line, the service directory, its messages, its
 * room for titles, its environment. */
/* wrap: fstatat */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "init/environs.h"
#include "init/message.h"
#include "init/option.h"
#include "init/scan.h"
#include "init/title.h"
#include "scratch.h"

/* ----------------------------------------------------------------------- command line */

static struct options parse(char const *const *argv)
{
	struct options o;
	int argc = 0;

	while (argv[argc])
		argc++;
	optind = 0; /* getopt begins anew */
	option_parse(&o, argc, (char **)(uintptr_t)argv);
	return o;
}
#define PARSE(...) parse((char const *const[]){ "cinit", __VA_ARGS__, NULL })

static void takes_options_up_to_the_command(void **state)
{
	struct options o = PARSE("-r", "/r", "--service-dir=/d", "--", "sh", "-r", "x");

	(void)state;
	assert_null(o.wrong);
	assert_string_equal(o.run_dir, "/r");
	assert_string_equal(o.service_dir, "/d");
	assert_string_equal(o.command[0], "sh");
	assert_string_equal(o.command[1], "-r");
	o = PARSE("-d/d", "sh", "--help");
	assert_string_equal(o.service_dir, "/d");
	assert_string_equal(o.command[1], "--help");
	assert_false(o.help);
	o = PARSE("--run-dir", "/r");
	assert_string_equal(o.run_dir, "/r");
	assert_null(o.command);
	assert_null(o.profile);
	o = PARSE("-p", "rescue", "sh", "-p", "x");
	assert_string_equal(o.profile, "rescue");
	assert_string_equal(o.command[1], "-p");
	o = PARSE("--profile=rescue");
	assert_string_equal(o.profile, "rescue");
	o = PARSE("--");
	assert_null(o.command);
	assert_null(o.wrong);
	o = PARSE("--help");
	assert_true(o.help);
	o = PARSE("-V");
	assert_true(o.version);
	o = parse((char const *const[]){ NULL });
	assert_null(o.wrong);
}

static void names_what_is_wrong(void **state)
{
	struct options o = PARSE("--foo", "sh");

	(void)state;
	assert_string_equal(o.wrong, "unknown option: ");
	assert_string_equal(o.culprit, "--foo");
	assert_null(o.command);
	o = PARSE("-r");
	assert_string_equal(o.wrong, "option needs a value: ");
	assert_string_equal(o.culprit, "-r");
	o = PARSE("--run-dir");
	assert_string_equal(o.wrong, "option needs a value: ");
	o = PARSE("-x");
	assert_string_equal(o.culprit, "-x");
	assert_non_null(strstr(option_usage, "-r RUNDIR"));
	assert_non_null(strstr(option_help, "--version"));
}

#define MACHINE(...)                                                                               \
	option_machine(&o, sizeof((char *[]){ "init", __VA_ARGS__, NULL }) / sizeof(char *) - 1,   \
		(char *[]){ "init", __VA_ARGS__, NULL })

static void a_machine_has_one_word_for_us(void **state)
{
	struct options o;

	(void)state;
	MACHINE("ro", "quiet", "-p", "x", "--help", "cprofile", "cprofil:x", "xcprofile:y");
	assert_null(o.profile);
	assert_false(o.help);
	assert_null(o.wrong);
	assert_null(o.command);
	MACHINE("ro", "cprofile:rescue", "quiet");
	assert_string_equal(o.profile, "rescue");
	MACHINE("cprofile:one", "cprofile:two:3", "cprofile:");
	assert_string_equal(o.profile, "two:3");
	option_machine(&o, 0, (char *[]){ NULL });
	assert_null(o.profile);
}

/* -------------------------------------------------------------------- service directory */

static char troubled[64];
static int trouble_errno;

static void trouble(char const *name)
{
	trouble_errno = errno;
	strncat(troubled, name, sizeof troubled - strlen(troubled) - 1);
}

static void make(char const *name)
{
	assert_int_equal(mkdirat(scratch_fd, name, 0755), 0);
}

static void reads_directories_and_links_to_them(void **state)
{
	struct scan s = { 0 };

	(void)state;
	troubled[0] = 0;
	make("web");
	make("web/log");
	make("app");
	make(".git");
	make("conf");
	make("two\nlines");
	scratch_text("README", "x");
	scratch_text("app/log", "a file is no logger");
	assert_int_equal(symlinkat("app", scratch_fd, "link"), 0);
	assert_int_equal(symlinkat("/nowhere", scratch_fd, "broken"), 0);
	assert_int_equal(symlinkat("loop", scratch_fd, "loop"), 0);
	assert_int_equal(symlinkat("README", scratch_fd, "file"), 0);
	assert_int_equal(scan_read(&s, scratch_path, trouble), 0);
	assert_int_equal(s.count, 4);
	assert_string_equal(s.entry[0].name, "app");
	assert_string_equal(s.entry[1].name, "link");
	assert_string_equal(s.entry[2].name, "loop");
	assert_string_equal(s.entry[3].name, "web");
	assert_true(s.entry[0].inode == s.entry[1].inode);
	assert_true(s.entry[0].device == s.entry[1].device);
	assert_true(
		s.entry[2].inode == 0); /* perhaps it comes back: nobody shall stop it for that */
	assert_false(s.entry[0].holds);
	assert_true(s.entry[3].holds);
	assert_non_null(strstr(troubled, "broken"));
	assert_non_null(strstr(troubled, "loop"));
	assert_non_null(strstr(troubled, "two\nlines")); /* which can be no service */
	assert_true(trouble_errno == ENOENT || trouble_errno == ELOOP || trouble_errno == EILSEQ);
	scan_free(&s);
	assert_int_equal(s.count, 0);
}

int __real_fstatat(int dir, char const *name, struct stat *st, int flags);
int __wrap_fstatat(int dir, char const *name, struct stat *st, int flags);

static unsigned int until_refused; /* 0: never */

int __wrap_fstatat(int dir, char const *name, struct stat *st, int flags)
{
	if (!until_refused || --until_refused)
		return __real_fstatat(dir, name, st, flags);
	errno = ENOMEM;
	return -1;
}

/* A service that could not be looked at for want of memory would be missing until somebody asks for
 * another look, and one that has a logger would be taken for one without. */
static void without_memory_it_reads_nothing(void **state)
{
	struct scan s = { 0 };
	unsigned int calls = 0;

	(void)state;
	make("web");
	make("web/log");
	make("app");
	for (;;) {
		troubled[0] = 0;
		until_refused = ++calls;
		int r = scan_read(&s, scratch_path, trouble);
		if (until_refused)
			break;
		assert_int_equal(r, -1);
		assert_int_equal(errno, ENOMEM);
		assert_string_equal(troubled, "");
		scan_free(&s);
	}
	until_refused = 0;
	assert_true(calls > 4);
	assert_int_equal(s.count, 2);
	assert_true(s.entry[1].holds);
	scan_free(&s);
}

static void says_that_it_cannot_read(void **state)
{
	struct scan s = { 0 };

	(void)state;
	assert_int_equal(scan_read(&s, scratch_name("absent"), NULL), -1);
	assert_int_equal(errno, ENOENT);
	scratch_text("file", "");
	assert_int_equal(scan_read(&s, scratch_name("file"), NULL), -1);
	assert_int_equal(errno, ENOTDIR);
	scan_free(&s);
	make("empty");
	assert_int_equal(scan_read(&s, scratch_name("empty"), NULL), 0);
	assert_int_equal(s.count, 0);
	scan_free(&s);
}

static uint64_t templates(struct scan *s)
{
	scan_free(s);
	assert_int_equal(scan_read(s, scratch_path, NULL), 0);
	return scan_templates(s);
}

static void finds_templates_and_what_changes_among_them(void **state)
{
	struct scan s = { 0 };

	(void)state;
	uint64_t none = templates(&s);
	make("web");
	make("x@1");
	make("x");
	assert_true(templates(&s) == none);
	make("x@");
	uint64_t one = templates(&s);
	assert_true(one != none);
	assert_true(templates(&s) == one);
	make("x@2");
	make("x@1@");
	assert_true(templates(&s) == one); /* the first @ counts */
	make("y@");
	assert_true(templates(&s) != one);
	assert_int_equal(unlinkat(scratch_fd, "y@", AT_REMOVEDIR), 0);
	assert_true(templates(&s) == one);
	assert_int_equal(renameat(scratch_fd, "x@", scratch_fd, "old"), 0);
	assert_true(templates(&s) == none);
	make("x@");
	assert_true(templates(&s) != one); /* another directory */
	assert_string_equal(scan_find(&s, "x@17", 2)->name, "x@");
	assert_string_equal(scan_find(&s, "x@17", 1)->name, "x");
	assert_string_equal(scan_find(&s, "x@17", 3)->name, "x@1");
	assert_null(scan_find(&s, "x@17", 4));
	assert_null(scan_find(&s, "we", 2));
	assert_null(scan_find(&s, "", 0));
	scan_free(&s);
}

/* --------------------------------------------------------------------------- messages */

static void words_for_people(void **state)
{
	char t[MESSAGE_TIME], e[MESSAGE_END], n[MESSAGE_NUMBER];

	(void)state;
	assert_string_equal(message_time(t, 100), "0.1 s");
	assert_string_equal(message_time(t, 25600), "25.6 s");
	assert_string_equal(message_time(t, 30000), "30 s");
	assert_string_equal(message_time(t, UINT32_MAX), "4294967.2 s");
	assert_string_equal(message_end(e, 3 << 8), "exited 3");
	assert_string_equal(message_end(e, 255 << 8), "exited 255");
	assert_string_equal(message_end(e, SIGKILL), "was killed by KILL");
	assert_string_equal(message_end(e, SIGSEGV | 0x80), "was killed by SEGV");
	assert_string_equal(message_number(n, UINT32_MAX), "4294967295");
}

static int full_pipe(void *data)
{
	int p[2];
	char page[4096] = "", text[256] = "";

	(void)data;
	PROG = "test";
	CHILD_CHECK(pipe(p) == 0 && dup2(p[1], 2) == 2);
	CHILD_CHECK(fcntl(2, F_SETFL, O_NONBLOCK) == 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
	CHILD_CHECK(message_room());
	while (write(2, page, sizeof page) > 0)
		;
	CHILD_CHECK(fcntl(2, F_SETFL, 0) == 0);
	errno = ENOSPC;
	for (int n = 0; n < 3; n++)
		warn("nobody reads this");
	CHILD_CHECK(errno == ENOSPC);
	while (read(p[0], page, sizeof page) > 0)
		;
	warn("now they do");
	CHILD_CHECK(read(p[0], text, sizeof text - 1) > 0);
	CHILD_CHECK(!strcmp(text, "test: info: 3 lines were dropped: standard error was full\n"
				  "test: warning: now they do\n"));
	return 0;
}

static void never_waits_for_a_reader(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(full_pipe, NULL), 0);
}

/* ----------------------------------------------------------------------------- titles */

static int moves_environment(void *data)
{
	/* as the kernel lays them out */
	char area[] = "cinit\0-r\0/run\0A=1\0B=2\0";
	char *argv[] = { area, area + 6, area + 9, NULL };
	char *env[] = { area + 14, area + 18, NULL };
	char *title;
	size_t size;

	(void)data;
	environ = env;
	title_reserve(3, argv, &title, &size);
	CHILD_CHECK(title == area && size == 22);
	memset(title, 'x', size);
	CHILD_CHECK(!strcmp(getenv("A"), "1") && !strcmp(getenv("B"), "2"));
	CHILD_CHECK(!setenv("C", "3", 1) && !strcmp(getenv("C"), "3"));
	return 0;
}

static int stops_at_a_gap(void *data)
{
	char area[] = "cinit\0?-r\0", elsewhere[] = "A=1";
	char *argv[] = { area, area + 7, NULL };
	char *env[] = { elsewhere, NULL };
	char *title;
	size_t size;

	(void)data;
	environ = env;
	title_reserve(2, argv, &title, &size);
	CHILD_CHECK(title == area && size == 6);
	CHILD_CHECK(!strcmp(getenv("A"), "1"));
	title_reserve(0, argv + 2, &title, &size);
	CHILD_CHECK(!title && !size);
	return 0;
}

/* More than cinit adds, and more than there is room for: then libc does it. */
static int sets_variables(void *data)
{
	char area[] = "A=1\0CINIT_RUN=/x\0B=2", name[] = "N0", *large;
	char *env[] = { area, area + 4, area + 17, NULL };

	(void)data;
	environ = env;
	CHILD_CHECK(!environs_move() && environ != env);
	memset(area, 'x', sizeof area - 1);
	CHILD_CHECK(!environs_set("CINIT_RUN", "/some/where/else") && !environ[3]);
	CHILD_CHECK(!strcmp(environ[1], "CINIT_RUN=/some/where/else"));
	for (; name[1] < '9'; name[1]++)
		CHILD_CHECK(!environs_set(name, name));
	CHILD_CHECK(!strcmp(getenv("N0"), "N0") && !strcmp(getenv("N8"), "N8"));
	large = malloc(100000);
	CHILD_CHECK(large);
	memset(large, 'y', 99999);
	large[99999] = 0;
	CHILD_CHECK(!environs_set("B", large) && !strcmp(getenv("B"), large));
	CHILD_CHECK(!environs_set("B", "3") && !strcmp(getenv("B"), "3"));
	CHILD_CHECK(!strcmp(getenv("A"), "1") && !strcmp(getenv("CINIT_RUN"), "/some/where/else"));
	return 0;
}

static int moves_a_large_environment(void *data)
{
	char large[40000] = "L=";
	char *env[] = { large, NULL };

	(void)data;
	memset(large + 2, 'z', sizeof large - 3);
	environ = env;
	CHILD_CHECK(!environs_move() && environ != env);
	CHILD_CHECK(strlen(getenv("L")) == sizeof large - 3);
	CHILD_CHECK(!environs_set("M", "1") && !strcmp(getenv("M"), "1"));
	return 0;
}

static void variables_for_services(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(sets_variables, NULL), 0);
	assert_int_equal(scratch_child(moves_a_large_environment, NULL), 0);
}

static void room_for_titles(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(moves_environment, NULL), 0);
	assert_int_equal(scratch_child(stops_at_a_gap, NULL), 0);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(takes_options_up_to_the_command),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(a_machine_has_one_word_for_us),
		cmocka_unit_test_setup_teardown(
			reads_directories_and_links_to_them, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			says_that_it_cannot_read, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			without_memory_it_reads_nothing, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(finds_templates_and_what_changes_among_them,
			scratch_setup, scratch_teardown),
		cmocka_unit_test(words_for_people),
		cmocka_unit_test_setup_teardown(
			never_waits_for_a_reader, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(room_for_titles, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			variables_for_services, scratch_setup, scratch_teardown),
	};
	return cmocka_run_group_tests_name("init/parts", tests, NULL, NULL);
}
