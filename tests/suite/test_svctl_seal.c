/* svctl status of several services: three system calls for each while cinit lives, and the same
 * answer as for each of them alone, which asks its supervisor; whoever dies, and whatever is
 * missing. */
#include "init.h"
#include "svctl.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMES                                                                                      \
	{                                                                                          \
		"db", "logged", "web", "x@1"                                                       \
	}

static struct place web, db, logged, logger, instance, tree_of;
static pid_t cinit;

static void tree_of_all(void)
{
	web = init_service("web");
	db = init_service("db");
	logged = init_service("logged");
	place_script(&logged, "log/run", "exec cat >/dev/null");
	tree_script("services/x@/run", SLEEPS);
	tree_of = place_at(".cinit", tree_name("run/.cinit"));
}

static void all_up(void)
{
	UNTIL(&web, s->state == STATE_UP);
	UNTIL(&db, s->state == STATE_UP);
	UNTIL(&logged, s->state == STATE_UP);
	logger = place_at("logged/log", tree_name("run/logged/log"));
	UNTIL(&logger, s->state == STATE_UP);
	instance = place_at("x@1", tree_name("run/x@1"));
	UNTIL(&instance, s->state == STATE_UP);
}

static int booted(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	tree_of_all();
	cinit = svctl_boot();
	SVCTL(0, "", "up", "x@1");
	all_up();
	return 0;
}

/* Does its record end in a seal? */
static int is_sealed(struct place const *p)
{
	struct status s;
	return status_glance(AT_FDCWD, p->state, &s);
}

static void await_seal(struct place const *p, int sealed)
{
	AWAIT(is_sealed(p) == sealed);
}

/* Nobody has reaped it: it may be a zombie. */
static void await_end(struct place const *p)
{
	AWAIT(cinit_ipc_probe(AT_FDCWD, p->state) == CINIT_NO_SUPERVISOR);
}

static void all_sealed(void)
{
	struct place const *const all[] = { &web, &db, &logged, &logger, &instance, &tree_of };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		await_seal(all[i], 1);
}

/* What is said of all of them; and of each of them alone, one after another. */
static void says(char const *want)
{
	static char const *const name[] = NAMES;
	static struct output all, one;
	char each[4096] = "";
	int failed = 0;

	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		tree_run(&one, "svctl", "status", name[i], NULL);
		strcat(each, one.out);
		failed += one.code;
	}
	tree_run(&all, "svctl", "status", NULL);
	if (svctl_like(all.out, want) && svctl_like(each, want) && all.code == failed)
		return;
	print_message("all, %d:\n%sone by one, %d:\n%sinstead of:\n%s", all.code, all.out, failed,
		each, want);
	fail();
}

#define RUNS(name)  "run: " name ": (pid #) #s\n"
#define GONE(name)  "fail: " name ": supervisor not running\n"
#define GONE_LOGGED "fail: logged: supervisor not running; fail: log: supervisor not running\n"
#define LOGGED      "run: logged: (pid #) #s; run: log: (pid #) #s\n"
#define INSTANCE    "run: x@1: (pid #) #s, normally down\n"
#define ALL         RUNS("db") LOGGED RUNS("web") INSTANCE

static rlim_t limit(pid_t pid, rlim_t now)
{
	struct rlimit l;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &l), 0);
	rlim_t before = l.rlim_cur;
	l.rlim_cur = now;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &l, NULL), 0);
	return before;
}

/* ------------------------------------------------------------------------------------- deaths */

static void every_record_is_sealed(void **state)
{
	(void)state;
	all_sealed();
	says(ALL);
	SVCTL(0, "ok: " RUNS("web"), "restart", "web");
	all_sealed();
	/* a record of a program that knew no seals, and then another of one that does */
	assert_int_equal(status_unseal(db.state), 0);
	says(ALL);
	assert_int_equal(place_command(&db, 'r'), RESULT_DONE);
	await_seal(&db, 1);
	says(ALL);
}

/* While it is gone, cinit cannot start another one. */
static void db_goes_and_comes(void)
{
	rlim_t before = limit(cinit, 3);
	kill((pid_t)db.s.supervisor, SIGKILL);
	await_seal(&db, 0);
	says(GONE("db") LOGGED RUNS("web") INSTANCE);
	limit(cinit, before);
	await_seal(&db, 1);
	says(ALL);
}

/* cinit notices, and cannot start another one. The logger has the same supervisor. */
static void a_supervisor_that_does_not_come_back(void **state)
{
	(void)state;
	rlim_t before = limit(cinit, 3);
	kill((pid_t)web.s.supervisor, SIGKILL);
	kill((pid_t)logged.s.supervisor, SIGKILL);
	await_seal(&web, 0);
	await_seal(&logged, 0);
	await_seal(&logger, 0);
	assert_true(is_sealed(&db));
	says(RUNS("db") GONE_LOGGED GONE("web") INSTANCE);
	limit(cinit, before);
	all_sealed();
	says(ALL);
}

static void a_supervisor_that_was_told_to_exit(void **state)
{
	(void)state;
	SVCTL(0, "ok: web: supervisor not running\n", "shutdown", "web");
	says(RUNS("db") LOGGED GONE("web") INSTANCE);
	SVCTL(0, "ok: " RUNS("web"), "-w60", "start", "web");
	says(ALL);
}

/* Nobody breaks a seal then, and none is relied on. */
static void cinit_is_stopped(void **state)
{
	uint32_t incarnation = web.s.incarnation;
	(void)state;
	kill(cinit, SIGSTOP);
	says(ALL);
	kill((pid_t)web.s.supervisor, SIGKILL);
	await_end(&web);
	says(RUNS("db") LOGGED GONE("web") INSTANCE);
	assert_true(is_sealed(&web));
	kill(cinit, SIGCONT);
	UNTIL(&web, s->incarnation == incarnation + 1 && s->state == STATE_UP);
}

/* Killed, with its supervisors living and one dead; and followed by another. */
static void cinit_is_killed(void **state)
{
	(void)state;
	uint32_t incarnation = web.s.incarnation;
	assert_int_equal(init_stop(cinit, SIGKILL), SIGKILL);
	says(ALL);
	kill((pid_t)web.s.supervisor, SIGKILL);
	await_end(&web);
	says(RUNS("db") LOGGED GONE("web") INSTANCE);
	assert_true(is_sealed(&web));
	cinit = svctl_boot();
	UNTIL(&web, s->incarnation == incarnation + 1 && s->state == STATE_UP);
	all_sealed();
	says(ALL);
	/* one that it took over */
	db_goes_and_comes();
}

/* ------------------------------------------------------------------------------ want of things */

static void await_byte(char const *lock, int byte)
{
	AWAIT(tree_read(lock)[0] == byte);
}

/* Its record is of before, and says so. The others, its logger among them, are well. */
static void a_supervisor_without_descriptors(void **state)
{
	static char const unable[] =
		", its supervisor is unable to publish status: Too many open files; this is from "
		"before";
	char want[512];
	(void)state;

	rlim_t before = limit((pid_t)logged.s.supervisor, 3);
	place_send(&logged, 'r');
	await_seal(&logged, 0);
	await_byte("run/logged/lock", EMFILE);
	assert_true(is_sealed(&logger));
	snprintf(want, sizeof want,
		RUNS("db") "run: logged: (pid #) #s%s; run: log: (pid #) #s\n" RUNS("web") INSTANCE,
		unable);
	says(want);
	limit((pid_t)logged.s.supervisor, before);
	await_seal(&logged, 1);
	UNTIL(&logged, s->state == STATE_UP);
	says(ALL);
}

/* Blocks and inodes are used up under the whole tree. The spare is taken away, too: with it all
 * would go on. */
static void a_full_run_directory(void **state)
{
	static char block[4096];
	char name[32];
	int fd, n = 0;

	(void)state;
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) < 0 ||
		mount("tmpfs", tree.run, "tmpfs", 0, "size=512k,nr_inodes=200,mode=755"))
		skip();
	cinit = svctl_boot();
	SVCTL(0, "", "up", "x@1");
	all_up();
	all_sealed();
	fd = open(tree_name("run/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
	while (snprintf(name, sizeof name, "run/filler%d", n++),
		(fd = open(tree_name("%s", name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0)
		close(fd);
	assert_int_equal(errno, ENOSPC);
	/* with the spare files everything goes on */
	SVCTL(0, "ok: " RUNS("web"), "restart", "web");
	db_goes_and_comes();
	/* without them, and their room used up */
	assert_int_equal(unlink(tree_name("run/web/.status")), 0);
	fd = open(tree_name("run/filler"), O_WRONLY | O_APPEND | O_CLOEXEC);
	while (write(fd, block, sizeof block) > 0)
		;
	close(fd);
	place_send(&web, 'r');
	await_seal(&web, 0);
	await_byte("run/web/lock", ENOSPC);
	says(RUNS("db") LOGGED "run: web: (pid #) #s, its supervisor is unable to publish status: "
			       "No space left on "
			       "device; this is from before\n" INSTANCE);
	assert_int_equal(unlink(tree_name("run/filler")), 0);
	assert_int_equal(unlink(tree_name("run/filler0")), 0);
	await_seal(&web, 1);
	UNTIL(&web, s->state == STATE_UP);
	says(ALL);
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	umount2(tree.run, MNT_DETACH);
}

/* ------------------------------------------------------------------------------- comings, goings
 */

static void what_comes_and_what_goes(void **state)
{
	struct place later = place_make("later");
	(void)state;

	/* made and not yet supervised; and what is no service */
	tree_write("run/zzz", 0644, "");
	assert_int_equal(symlink("web", tree_name("run/zz")), 0);
	SVCTL(0,
		RUNS("db") "down: later: 0s, nothing is published yet\n" LOGGED RUNS("web") INSTANCE
		"run: zz: (pid #) #s\n",
		"status");
	assert_int_equal(unlink(tree_name("run/zz")), 0);
	place_script(&later, "run", SLEEPS);
	init_move("services/db", "db.old");
	SVCTL(0, "", "rescan");
	init_gone("run/db");
	UNTIL(&later, s->state == STATE_UP);
	await_seal(&later, 1);
	SVCTL(0, RUNS("later") LOGGED RUNS("web") INSTANCE, "status");
	SVCTL(2,
		"fail: db: no such service\n" RUNS("web") "fail: zzz: no such service\n" RUNS(
			"later"),
		"status", "db", "web", "zzz", "later");
}

/* Somebody else supervises a service in cinit's run directory: cinit knows nothing of it. */
static void who_is_not_cinits_does_not_seal(void **state)
{
	struct place own = place_with("own", "say own; " SLEEPS);
	(void)state;

	place_supervise(&own);
	event_is("own");
	UNTIL(&own, s->state == STATE_UP);
	assert_false(is_sealed(&own));
	SVCTL(0, RUNS("own") RUNS("web"), "status", "own", "web");
	kill(own.supervisor, SIGKILL);
	tree_end(own.supervisor);
	SVCTL(1, GONE("own") RUNS("web"), "status", "own", "web");
	kill((pid_t)own.s.pid, SIGKILL);
}

/* Not root, nor the owner: may read the records, and no more. */
static int become_another(void)
{
	return setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0 ? -1 : 0;
}

static void drop_rights(void)
{
	if (become_another() < 0)
		_exit(99);
}

static void another_user(void **state)
{
	(void)state;
	if (!tree_has_users())
		skip();
	assert_int_equal(chmod(tree.path, 0755), 0);
	tree.before_exec = drop_rights;
	says(ALL);
	tree.before_exec = NULL;
	rlim_t before = limit(cinit, 3);
	kill((pid_t)web.s.supervisor, SIGKILL);
	await_seal(&web, 0);
	tree.before_exec = drop_rights;
	says(RUNS("db") LOGGED GONE("web") INSTANCE);
	tree.before_exec = NULL;
	limit(cinit, before);
}

/* The kernel refuses it, to us and to whom we start, from here on: the last test. cinit's own
 * record has no seal then, and nobody relies on the others. */
static void a_seal_that_cannot_be_broken(void **state)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_truncate, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	(void)state;
	assert_int_equal(init_stop(cinit, SIGTERM), 0);
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	cinit = svctl_boot();
	SVCTL(0, "", "up", "x@1");
	all_up();
	await_seal(&web, 1);
	kill((pid_t)web.s.supervisor, SIGKILL);
	await_seal(&tree_of, 0);
	says(ALL);
}

#define BOOTED(f) cmocka_unit_test_setup_teardown(f, booted, tree_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		BOOTED(every_record_is_sealed),
		BOOTED(a_supervisor_that_does_not_come_back),
		BOOTED(a_supervisor_that_was_told_to_exit),
		BOOTED(cinit_is_stopped),
		BOOTED(cinit_is_killed),
		BOOTED(a_supervisor_without_descriptors),
		BOOTED(a_full_run_directory),
		BOOTED(what_comes_and_what_goes),
		BOOTED(who_is_not_cinits_does_not_seal),
		BOOTED(another_user),
		BOOTED(a_seal_that_cannot_be_broken),
	};
	return cmocka_run_group_tests_name("svctl_seal", tests, NULL, NULL);
}
