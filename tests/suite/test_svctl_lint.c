/* svctl lint on whole service directories: where it looks, what it exits with, and that it needs
 * no tree. */
#include "svctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN "#!/bin/sh\n"

static void good(char const *name)
{
	char path[512];
	snprintf(path, sizeof path, "services/%s/run", name);
	tree_write(path, 0755, RUN);
}

static void nothing_is_said_when_all_is_well(void **state)
{
	(void)state;
	good("web");
	good("db");
	tree_write("services/web/needs/db", 0644, "");
	tree_write("services/all/wants/web", 0644, "");
	tree_write("services/conf/stop-timeout", 0644, "3s\n");
	tree_write("services/README", 0644, "");
	SVCTL(0, "", "lint", tree.services);
	SVCTL(0, "", "-d", tree.services, "lint");
	SVCTL(0, "", "lint", tree_name("services/web"));
	setenv("SVDIR", tree.services, 1);
	SVCTL(0, "", "lint");
	unsetenv("SVDIR");
}

static void warnings_are_no_failure(void **state)
{
	(void)state;
	good("web");
	tree_write("services/web/tiemout-kill", 0644, "5s\n");
	tree_write("services/web\tof\tours/run", 0755, RUN);
	SVCTL(0,
		"@/services/web?of?ours: warning: is passed over: this cannot be a service's name\n"
		"@/services/web/tiemout-kill: warning: is passed over; did you mean "
		"`timeout-kill'?\n",
		"lint", tree.services);
}

static void descriptions_of_other_suites_are_known(void **state)
{
	(void)state;
	good("web");
	tree_write("services/boot", 0644, "# all\ntype = internal\nwaits-for.d = boot.d\n");
	tree_write("services/db.service", 0644, "[Service]\nExecStart=/bin/db\n");
	tree_write("services/notes", 0644, "type of command = none\n");
	SVCTL(0,
		"@/services/boot: warning: is passed over, it is dinit's: here a service is a "
		"directory with a program `run'\n"
		"@/services/db.service: warning: is passed over, it is systemd's: here a service "
		"is a directory with a program `run'\n",
		"lint", tree.services);
}

static void errors_are_one(void **state)
{
	(void)state;
	good("web");
	good("app");
	good("db");
	tree_write("services/app/needs/db", 0644, "");
	tree_write("services/app/run", 0755, "#!/bin/nosuch\n");
	tree_write("services/db/binds/app", 0644, "");
	tree_write("services/db/log/config", 0644, "");
	tree_write("services/web/needs/cache", 0644, "");
	tree_write("services/web/timeout-kill", 0644, "5x\n");
	assert_int_equal(symlink("/nowhere", tree_name("services/mail")), 0);
	SVCTL(1,
		"@/services/mail: a link that leads nowhere\n"
		"@/services/app/run:1: interpreter `/bin/nosuch': No such file or directory\n"
		"@/services/db/log: holds no `run': nobody reads the log\n"
		"@/services/web/needs/cache: no such service\n"
		"@/services/web/timeout-kill:1: `5x' is not a duration (a number, with ms, s, m or "
		"h, no blanks; bare numbers are ms)\n"
		"@/services/app/needs/db: a cycle, none of which can start: app -> db -> app\n",
		"lint", tree.services);
	/* as they are typed */
	assert_int_equal(chdir(tree.services), 0);
	SVCTL(1,
		"web/needs/cache: no such service\n"
		"web/timeout-kill:1: `5x' is not a duration (a number, with ms, s, m or h, "
		"no blanks; bare numbers are ms)\n",
		"lint", "web");
	SVCTL(1,
		"db/log: holds no `run': nobody reads the log\n"
		"@/services/app/needs/db: a cycle, none of which can start: app -> db -> app\n",
		"lint", "db");
	assert_int_equal(chdir("/"), 0);
}

static void what_cannot_be_looked_at_is_a_failure(void **state)
{
	(void)state;
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to read service directory @/nowhere: No such file or "
		"directory\n",
		"lint", tree_name("nowhere"));
	SVCTL_ERR(111, "",
		"svctl: fatal: unable to read service directory /dev/null: Not a directory\n",
		"lint", "/dev/null");
	/* and what was found before is told all the same */
	tree_write("web/run", 0644, "");
	SVCTL_ERR(111, "@/web/run: is not executable (chmod +x)\n",
		"svctl: fatal: unable to read service directory /dev/null: Not a directory\n",
		"lint", tree_name("web//"), "/dev/null");
}

/* The one that runs is looked at where nobody says otherwise; cinit does not mind. */
static void the_running_tree_is_the_default(void **state)
{
	(void)state;
	tree_script("services/web/run", "exec sleep 1000");
	svctl_boot();
	SVCTL(0, "", "lint");
	tree_write("services/web/restart", 0644, "sometimes\n");
	SVCTL(1,
		"@/services/web/restart:1: `sometimes' is none of always, on-failure, "
		"never\n",
		"lint");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(nothing_is_said_when_all_is_well),
		TREE_TEST(warnings_are_no_failure),
		TREE_TEST(descriptions_of_other_suites_are_known),
		TREE_TEST(errors_are_one),
		TREE_TEST(what_cannot_be_looked_at_is_a_failure),
		TREE_TEST(the_running_tree_is_the_default),
	};
	return cmocka_run_group_tests_name("svctl_lint", tests, NULL, NULL);
}
