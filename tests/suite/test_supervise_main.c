/* The program `supervise`: its command line, and services by their path. */
#include "tree.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------- the command line */

static void usage(void **state)
{
	struct output o;
	(void)state;
	tree_run(&o, "supervise", NULL);
	assert_int_equal(o.code, 100);
	assert_non_null(strstr(o.err, "usage"));
	tree_run(&o, "supervise", "one", "two", NULL);
	assert_int_equal(o.code, 100);
	tree_run(&o, "supervise", "-z", "one", NULL);
	assert_int_equal(o.code, 100);
	assert_string_equal(
		o.err, "supervise: fatal: unknown option: -z (supervise --help says more)\n");
	tree_run(&o, "supervise", "--run-dir", NULL);
	assert_int_equal(o.code, 100);
	assert_string_equal(o.err, "supervise: fatal: option needs a value: --run-dir (supervise "
				   "--help says more)\n");
	tree_run(&o, "supervise", "--help", NULL);
	assert_int_equal(o.code, 0);
	assert_ptr_equal(strstr(o.out, "usage: supervise "), o.out);
	assert_string_equal(o.err, "");
	tree_run(&o, "supervise", "-V", NULL);
	assert_int_equal(o.code, 0);
	assert_ptr_equal(strstr(o.out, "supervise "), o.out);
}

static void names_that_are_none(void **state)
{
	static char const *const names[] = { ".hidden", "conf", "a/b", "..", "" };
	struct output o;
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		tree_run(&o, "supervise", "-r", tree.run, "-d", tree.services, names[i], NULL);
		assert_int_equal(o.code, 100);
		assert_non_null(strstr(o.err, "is not a service name"));
	}
}

static void directories_that_will_not_do(void **state)
{
	struct output o;
	(void)state;
	place_with("web", "say never");
	tree_run(&o, "supervise", "-r", tree.run, "-d", tree_name("nowhere"), "web", NULL);
	assert_int_equal(o.code, 111);
	assert_non_null(strstr(o.err, "nowhere: No such file or directory"));
	assert_int_equal(chmod(tree.run, 0777), 0);
	tree_run(&o, "supervise", "-r", tree.run, "-d", tree.services, "web", NULL);
	assert_int_equal(o.code, 111);
	assert_non_null(strstr(o.err, "refused run directory"));
	assert_non_null(strstr(o.err, tree.run));
	assert_non_null(strstr(o.err, ": others may write to it (mode 0777)\n"));
	assert_int_equal(chmod(tree.run, 0755), 0);
	assert_int_equal(symlink("run", tree_name("link")), 0);
	tree_run(&o, "supervise", "-r", tree_name("link"), "-d", tree.services, "web", NULL);
	assert_int_equal(o.code, 111);
	assert_non_null(strstr(o.err, "link: it is a link\n"));
	tree_run(&o, "supervise", tree_name("nowhere"), NULL);
	assert_int_equal(o.code, 111);
	assert_non_null(strstr(o.err, "nowhere: No such file or directory"));
	event_none();
}

/* ------------------------------------------------------------------------------- by its path */

static struct place by_path(char const *dir, char const *state)
{
	struct place p = place_at("path", state);
	char const *argv[] = { "supervise", dir, 0 };
	p.supervisor = tree_start("path", argv);
	event_is("up path");
	return p;
}

static void a_service_by_its_path(void **state)
{
	(void)state;
	tree_script("services/path/run", "alone; say up $CINIT_SERVICE; exec sleep 1000");
	char const *dir = tree_name("services/path");
	struct place p = by_path(dir, tree_name("services/path/supervise"));
	UNTIL(&p, s->state == STATE_UP);
	struct output o;
	tree_run(&o, "supervise", dir, NULL);
	assert_int_equal(o.code, 100);
	place_command(&p, 'd');
	UNTIL(&p, s->state == STATE_DOWN);
	place_send(&p, 'x');
	assert_int_equal(tree_end(p.supervisor), 0);
}

/* As packages for a read-only /etc do it. */
static void state_behind_a_link_to_nowhere(void **state)
{
	(void)state;
	tree_script("services/path/run", "alone; say up $CINIT_SERVICE; exec sleep 1000");
	assert_int_equal(symlink(tree_name("elsewhere"), tree_name("services/path/supervise")), 0);
	struct place p = by_path(tree_name("services/path"), tree_name("elsewhere"));
	UNTIL(&p, s->state == STATE_UP);
	/* and when it is there already */
	place_send(&p, 'x');
	assert_int_equal(tree_end(p.supervisor), 0);
	p = by_path(tree_name("services/path"), tree_name("elsewhere"));
	UNTIL(&p, s->state == STATE_UP);
	place_send(&p, 'x');
	assert_int_equal(tree_end(p.supervisor), 0);
	unlink(tree_name("services/path/supervise"));
	assert_int_equal(symlink("../../relative", tree_name("services/path/supervise")), 0);
	p = by_path(tree_name("services/path"), tree_name("relative"));
	UNTIL(&p, s->state == STATE_UP);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(usage),
		TREE_TEST(names_that_are_none),
		TREE_TEST(directories_that_will_not_do),
		TREE_TEST(a_service_by_its_path),
		TREE_TEST(state_behind_a_link_to_nowhere),
	};
	return cmocka_run_group_tests_name("supervise_main", tests, 0, 0);
}
