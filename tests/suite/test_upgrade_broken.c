/* svctl upgrade to a program that is wrong in itself. Whatever can be found out before is refused;
 * what goes wrong in our place brings us back; and a supervisor that dies of it is followed by
 * another one, to which its service belongs. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"

static struct output o;

static ino_t program_of(pid_t pid)
{
	struct stat st;

	assert_int_equal(stat(tree_name("../../proc/%d/exe", (int)pid), &st), 0);
	return st.st_ino;
}

/* A tree with a service, and one that is to be the next cinit. */
static struct place web, cinit;
static pid_t started, process; /* by us; of cinit */

static void begin(int first, char const *how)
{
	setenv("CINIT_BROKEN", how, 1);
	web = init_seven("web");
	cinit = place_at(".cinit", tree_name("run/.cinit"));
	started = init_start_copy(first, NULL);
	event_is("up");
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&cinit, s->state == STATE_UP);
	process = first ? init_first(started) : started;
}

/* It works in every respect, has forgotten nothing, and can be upgraded. */
static void all_is_well(struct status const *before)
{
	place_look(&web);
	assert_int_equal(web.s.pid, before->pid);
	assert_int_equal(web.s.starts, 1);
	event_none();
	kill(process, SIGHUP);
	struct place later = init_service("later");
	assert_int_equal(init_command(COMMAND_RESCAN, "", 0, NULL), RESULT_DONE);
	UNTIL(&later, s->state == STATE_UP);
	assert_int_equal(place_command(&web, 't'), RESULT_DONE);
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	event_is("up");
	unsetenv("CINIT_BROKEN");
	init_install();
	init_upgrade();
	UNTIL(&cinit, s->state == STATE_UP && s->reason == REASON_NONE);
	assert_int_equal(kill(started, 0), 0);
	kill(process, SIGTERM);
	assert_int_equal(tree_end(started), 0);
	UNTIL(&web, s->state == STATE_DOWN && !s->supervisor);
}

/* ------------------------------------------------------------------------------------- before */

static void refused(char const *why)
{
	struct status before = web.s;
	ino_t program = program_of(process);

	tree_run(&o, "svctl", "-w", "20", "upgrade", NULL);
	if (o.code != 111 || !strstr(o.err, why) || o.out[0])
		fail_msg("%d: %s%s, and not: %s", o.code, o.out, o.err, why);
	place_look(&web);
	assert_memory_equal(&web.s, &before, sizeof before);
	UNTIL(&cinit, s->reason == REASON_UPGRADE && strstr(s->reason_text, why));
	assert_int_equal(program_of(process), program);
}

static void what_goes_wrong_at_its_start_is_refused(void **state)
{
	static char const *const how[][2] = { { "start-segv", "was killed by SEGV" },
		{ "start-abrt", "was killed by ABRT" }, { "start-exit", "exited 1" },
		{ "start-hang", "does not say which formats it understands" } };

	(void)state;
	for (size_t n = 0; n < sizeof how / sizeof *how; n++) {
		begin(0, how[n][0]);
		init_install_program("test/helper/broken");
		refused(how[n][1]);
		all_is_well(&web.s);
	}
}

static void damage(void (*how)(int fd, off_t size))
{
	struct stat st;

	init_install();
	init_move("bin/cinit", "bin/bad");
	int fd = open(tree_name("bin/bad"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	how(fd, st.st_size);
	close(fd);
	init_move("bin/bad", "bin/cinit");
}

static void cut_off(int fd, off_t size)
{
	assert_true(size > 10000);
	assert_int_equal(ftruncate(fd, 10000), 0);
}

static void emptied(int fd, off_t size)
{
	(void)size;
	assert_int_equal(ftruncate(fd, 0), 0);
}

/* e_machine of the ELF header */
static void of_another_architecture(int fd, off_t size)
{
	(void)size;
	assert_int_equal(pwrite(fd, "\xee\xee", 2, 18), 2);
}

static void a_damaged_file_is_refused(void **state)
{
	(void)state;
	begin(0, "");
	damage(cut_off);
	refused(""); /* killed by SEGV or BUS, or not executed at all: as the kernel likes */
	damage(emptied);
	refused("Exec format error");
	damage(of_another_architecture);
	refused("Exec format error");
	all_is_well(&web.s);
}

/* It says that it can do everything; but it was not told what there is. */
static void who_only_says_so_is_refused(void **state)
{
	(void)state;
	begin(0, "");
	tree_write("bin/bad", 0755,
		"#!/bin/sh\n[ \"$1\" = --formats ] || kill -SEGV $$\n"
		"echo status 1; echo frame 1; echo handover 1; echo services 0\n");
	init_move("bin/bad", "bin/cinit");
	refused("does not understand what it would be handed");
	tree_write("bin/bad", 0755,
		"#!/bin/sh\n[ \"$1\" = --formats ] || kill -SEGV $$\n"
		"echo status 1; echo frame 1; echo handover 1; echo services 1\n"
		"mv $TREE/bin/other $TREE/bin/cinit\n");
	tree_write("bin/other", 0755, "#!/bin/sh\nkill -SEGV $$\n");
	init_move("bin/bad", "bin/cinit");
	refused("was replaced while it was asked");
	all_is_well(&web.s);
}

/* ------------------------------------------------------------------------------------- after */

static void comes_back(int first, char const *how, char const *why)
{
	begin(first, how);
	struct status before = web.s;
	uint64_t executed = cinit.s.executed;
	uint32_t incarnation = cinit.s.incarnation;
	ino_t program = program_of(process);

	init_install_program("test/helper/broken");
	tree_run(&o, "svctl", "-w", "30", "upgrade", NULL);
	if (o.code != 111 || !strstr(o.err, why))
		fail_msg("%s: %d: %s%s", how, o.code, o.err, tree_read("cinit.err"));
	UNTIL(&cinit, s->reason == REASON_UPGRADE && strstr(s->reason_text, why));
	assert_int_equal(cinit.s.executed, executed);
	assert_int_equal(cinit.s.incarnation, incarnation);
	assert_int_equal(program_of(process), program);
	place_look(&web);
	assert_memory_equal(&web.s, &before, sizeof before);
	all_is_well(&before);
}

static struct {
	char const *how, *why;
} const later[] = {
	{ "early-segv", "got a fatal signal" },
	{ "resume-segv", "got a fatal signal" },
	{ "resume-abrt", "got a fatal signal" },
	{ "resume-fail", "was unable to take over" },
};

static void what_fails_in_our_place_brings_us_back(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof later / sizeof *later; n++)
		comes_back(0, later[n].how, later[n].why);
}

static void and_process_1(void **state)
{
	(void)state;
	init_namespace();
	for (size_t n = 0; n < sizeof later / sizeof *later; n++)
		comes_back(1, later[n].how, later[n].why);
}

static void one_that_hangs_has_its_time(void **state)
{
	(void)state;
	comes_back(0, "resume-hang", "did not take over in time");
}

static void and_in_the_place_of_process_1(void **state)
{
	(void)state;
	init_namespace();
	comes_back(1, "resume-hang", "did not take over in time");
}

/* It took over, and everybody was told. */
static void a_fault_soon_after_brings_process_1_back(void **state)
{
	(void)state;
	init_namespace();
	begin(1, "turn-segv");
	struct status before = web.s;
	ino_t program = program_of(process);

	init_install_program("test/helper/broken");
	init_upgrade();
	UNTIL(&cinit, s->state == STATE_UP && s->reason == REASON_UPGRADE &&
			      strstr(s->reason_text, "got a fatal signal"));
	init_says("cinit: warning: fatal signal; executing the program before me\n");
	assert_int_equal(program_of(process), program);
	all_is_well(&before);
}

/* ------------------------------------------------------------------------------- supervisors */

static void a_supervisor_is_followed_by_another(char const *how, char const *end)
{
	begin(0, how);
	struct status before = web.s;

	init_install_program("test/helper/broken");
	tree_run(&o, "svctl", "-w", "30", "upgrade", NULL);
	if (o.code || o.err[0])
		fail_msg("%s: %d: %s%s", how, o.code, o.err, tree_read("cinit.err"));
	UNTIL(&web, s->supervisor && s->incarnation > before.incarnation);
	assert_true(web.s.supervisor != before.supervisor);
	init_says(end);
	all_is_well(&before);
}

static void one_that_dies_of_it(void **state)
{
	(void)state;
	a_supervisor_is_followed_by_another("supervise-segv", "web: supervisor was killed by SEGV");
	a_supervisor_is_followed_by_another("supervise-exit", "web: supervisor exited 1");
}

static void one_that_hangs(void **state)
{
	(void)state;
	a_supervisor_is_followed_by_another("supervise-hang", "web: supervisor was killed by ALRM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(what_goes_wrong_at_its_start_is_refused),
		TREE_TEST(a_damaged_file_is_refused),
		TREE_TEST(who_only_says_so_is_refused),
		TREE_TEST(what_fails_in_our_place_brings_us_back),
		TREE_TEST(and_process_1),
		TREE_TEST(one_that_hangs_has_its_time),
		TREE_TEST(and_in_the_place_of_process_1),
		TREE_TEST(a_fault_soon_after_brings_process_1_back),
		TREE_TEST(one_that_dies_of_it),
		TREE_TEST(one_that_hangs),
	};
	/* the sanitizers would make an exit of a fault */
	setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0", 1);
	return cmocka_run_group_tests_name("upgrade_broken", tests, NULL, NULL);
}
