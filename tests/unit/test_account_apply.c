/* Becoming an account: the steps in their order, and each that fails. */
/* wrap: setgroups setresgid setresuid getgroups */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "scratch.h"

static struct {
	int setgroups;
	int setresgid;
	int setresuid;
	int fake_groups; /* getgroups tells these, and no other */
	char order[8];   /* which call came when, the first seven */
} fault;

int __real_setgroups(size_t n, gid_t const *list);
int __wrap_setgroups(size_t n, gid_t const *list);
int __real_setresgid(gid_t r, gid_t e, gid_t s);
int __wrap_setresgid(gid_t r, gid_t e, gid_t s);
int __real_setresuid(uid_t r, uid_t e, uid_t s);
int __wrap_setresuid(uid_t r, uid_t e, uid_t s);
int __real_getgroups(int n, gid_t *list);
int __wrap_getgroups(int n, gid_t *list);

static int noted(char c, int error)
{
	size_t n = strlen(fault.order);

	if (n < sizeof fault.order - 1)
		fault.order[n] = c;
	errno = error;
	return error ? -1 : 0;
}

int __wrap_setgroups(size_t n, gid_t const *list)
{
	return noted('s', fault.setgroups) < 0 ? -1 : __real_setgroups(n, list);
}

int __wrap_setresgid(gid_t r, gid_t e, gid_t s)
{
	return noted('g', fault.setresgid) < 0 ? -1 : __real_setresgid(r, e, s);
}

int __wrap_setresuid(uid_t r, uid_t e, uid_t s)
{
	return noted('u', fault.setresuid) < 0 ? -1 : __real_setresuid(r, e, s);
}

int __wrap_getgroups(int n, gid_t *list)
{
	if (!fault.fake_groups)
		return __real_getgroups(n, list);
	for (int i = 0; i < fault.fake_groups && i < n; i++)
		list[i] = (gid_t)(700 + i);
	return fault.fake_groups;
}

static int become_act(void *data)
{
	struct account a = { .uid = 54321, .gid = 700, .group_count = 2, .groups = { 700, 701 } };
	uid_t r, e, s;
	gid_t list[8];

	(void)data;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_APPLIED);
	CHILD_CHECK(!strcmp(fault.order, "sgu"));
	CHILD_CHECK(!getresuid(&r, &e, &s) && r == 54321 && e == 54321 && s == 54321);
	CHILD_CHECK(!getresgid(&r, &e, &s) && r == 700 && e == 700 && s == 700);
	CHILD_CHECK(getgroups(8, list) == 2 && list[0] == 700 && list[1] == 701);
	CHILD_CHECK(setuid(0) < 0);

	/* once more: no right to, no need to */
	CHILD_CHECK(account_apply(&a) == ACCOUNT_APPLIED);
	a.groups[1] = 702;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGROUPS && errno == EPERM);
	a.group_count = 1;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_APPLIED);
	a.gid = 701;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGROUPS && errno == EPERM);
	a.gid = 700;
	a.uid = 0;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGROUPS && errno == EPERM);
	return 0;
}

/* Half an account is none. */
static int half_act(void *data)
{
	struct account a = { .uid = 54321, .gid = 700 };

	CHILD_CHECK(!setgroups(0, 0));
	if (data)
		CHILD_CHECK(!setresgid(700, 700, 700) && !setresuid(54322, 54321, 54322));
	else
		CHILD_CHECK(!setresgid(701, 700, 701) && !setresuid(54321, 54321, 54321));
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGROUPS && errno == EPERM);
	return 0;
}

static int no_groups_act(void *data)
{
	struct account a = { .uid = 54321, .gid = 700 };
	gid_t list[8] = { 1, 2, 3 };

	(void)data;
	CHILD_CHECK(!setgroups(3, list));
	CHILD_CHECK(account_apply(&a) == ACCOUNT_APPLIED);
	CHILD_CHECK(getgroups(8, list) == 0);
	return 0;
}

static int impossible_act(void *data)
{
	struct account a = { .uid = (uid_t)-1, .gid = 700 }, b = { .uid = 5, .gid = (gid_t)-1 };

	(void)data;
	/* setresuid would leave the service what we are */
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETUID && errno == EINVAL);
	CHILD_CHECK(account_apply(&b) == ACCOUNT_SETGID && errno == EINVAL);
	CHILD_CHECK(!fault.order[0]);
	return 0;
}

static void becoming_somebody(void **state)
{
	(void)state;

	if (geteuid())
		skip();
	assert_int_equal(scratch_child(become_act, 0), 0);
	assert_int_equal(scratch_child(no_groups_act, 0), 0);
	assert_int_equal(scratch_child(half_act, 0), 0);
	assert_int_equal(scratch_child(half_act, &fault), 0);
}

static void becoming_nobody_at_all(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(impossible_act, 0), 0);
}

static int steps_act(void *data)
{
	struct account a = { .uid = getuid(), .gid = getgid() };

	(void)data;
	fault.setgroups = ENOMEM;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGROUPS && errno == ENOMEM);
	fault.setgroups = EPERM;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_APPLIED);
	fault.setresgid = EPERM;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGID && errno == EPERM);
	fault.setresgid = 0;
	fault.setresuid = EAGAIN;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETUID && errno == EAGAIN);
	/* already in all groups that are asked for, or not in one */
	fault.setresuid = 0;
	fault.fake_groups = 3;
	a.group_count = 2;
	a.groups[0] = 702;
	a.groups[1] = a.gid;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_APPLIED);
	a.groups[0] = 703;
	CHILD_CHECK(account_apply(&a) == ACCOUNT_SETGROUPS && errno == EPERM);
	return 0;
}

static void failing_steps(void **state)
{
	(void)state;

	assert_int_equal(scratch_child(steps_act, 0), 0);
}

static int setup(void **state)
{
	memset(&fault, 0, sizeof fault);
	return scratch_setup(state);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(becoming_somebody),
		T(becoming_nobody_at_all),
		T(failing_steps),
	};
	return cmocka_run_group_tests_name("account_apply", tests, 0, 0);
}
