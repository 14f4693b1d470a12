/* Accounts: user[:group...] row by row, and what the files hold. */
/* wrap: fopen */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account.h"
#include "scratch.h"

static int fopen_error; /* 0: files open */

FILE *__real_fopen(char const *path, char const *mode);
FILE *__wrap_fopen(char const *path, char const *mode);

/* The code's files are the scratch directory's. */
FILE *__wrap_fopen(char const *path, char const *mode)
{
	if (fopen_error) {
		errno = fopen_error;
		return 0;
	}
	if (strcmp(mode, "re") || strncmp(path, "/etc/", 5))
		abort();
	return __real_fopen(scratch_name(path + 5), mode);
}

static int setup(void **state)
{
	fopen_error = 0;
	if (scratch_setup(state) < 0)
		return -1;
	scratch_text("passwd", "+nis::::::\n"
			       "root:x:0:0:root:/root:/bin/sh\n"
			       "# a comment\n"
			       "\n"
			       "broken:x:abc:1:no number:/:/bin/sh\n"
			       "www:x:33:34:www:/var/www:/bin/false\n"
			       "www:x:66:66:a second one:/:/bin/false\n"
			       "log:*:1001:1002::/var/log:\n"
			       "1234:x:77:78:digits for a name:/:\n"
			       "minus:x:4294967295:1:nobody at all:/:\n"
			       "gminus:x:50:4294967295:no group:/:\n"
			       "wwwx:x:35:36:::\n"
			       "same:x:33:99:another name of 33:/same:\n");
	scratch_text("group", "+:::\n"
			      "root:x:0:\n"
			      "adm:x:4:www,log\n"
			      "www:x:34:\n"
			      "log:x:1002:\n"
			      "minus:x:4294967295:\n"
			      "adm:x:5:\n");
	return 0;
}

struct row {
	char const *spec;
	char const *error; /* "": none, NULL: any */
	uid_t uid;
	gid_t gid;
	unsigned int count;
	gid_t groups[4];
	char const *name, *home;
};

static void check_row(struct row const *row)
{
	struct value_error e = { .text = "" };
	struct account a;
	int good = row->error && !row->error[0];
	int r = account_lookup(row->spec, &a, &e);

	if (r != (good ? 0 : -1))
		fail_msg("`%s' gave %d (%s)", row->spec, r, e.text);
	if (!good) {
		if (row->error)
			assert_string_equal(e.text, row->error);
		else
			assert_memory_equal(e.text, "user: ", 6);
		return;
	}
	assert_int_equal(a.uid, row->uid);
	assert_int_equal(a.gid, row->gid);
	assert_int_equal(a.group_count, row->count);
	for (unsigned int i = 0; i < row->count; i++)
		assert_int_equal(a.groups[i], row->groups[i]);
	assert_string_equal(a.name, row->name);
	assert_string_equal(a.home, row->home);
}

static void users_and_groups(void **state)
{
	static struct row const rows[] = {
		{ "www", "", 33, 34, 0, { 0 }, "www", "/var/www" },
		{ "root", "", 0, 0, 0, { 0 }, "root", "/root" },
		{ "33", "", 33, 34, 0, { 0 }, "www", "/var/www" },
		{ "0", "", 0, 0, 0, { 0 }, "root", "/root" },
		{ "www:adm", "", 33, 4, 1, { 4 }, "www", "/var/www" },
		{ "www:adm:log:7", "", 33, 4, 3, { 4, 1002, 7 }, "www", "/var/www" },
		{ "log:4:4", "", 1001, 4, 2, { 4, 4 }, "log", "/var/log" },
		{ "5000:6000", "", 5000, 6000, 1, { 6000 }, "", "" },
		{ "5000:adm", "", 5000, 4, 1, { 4 }, "", "" },
		{ "33:6000:6001", "", 33, 6000, 2, { 6000, 6001 }, "www", "/var/www" },
		{ ":33:34", "", 33, 34, 1, { 34 }, "www", "/var/www" },
		{ ":33", "", 33, 34, 0, { 0 }, "www", "/var/www" },
		{ "4294967294:4294967294", "", 4294967294u, 4294967294u, 1, { 4294967294u }, "",
			"" },
		{ "same", "", 33, 99, 0, { 0 }, "same", "/same" },
		{ "wwwx", "", 35, 36, 0, { 0 }, "wwwx", "" },
		/* digits are a number, though an account has that name */
		{ "1234:1", "", 1234, 1, 1, { 1 }, "", "" },
		{ "gminus:5", "", 50, 5, 1, { 5 }, "gminus", "/" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(rows + i);
}

static void bad_users_and_groups(void **state)
{
	static struct row const rows[] = {
		{ .spec = "", .error = "user: names nobody (user[:group...] is wanted)" },
		{ .spec = ":" },
		{ .spec = "::5", .error = "user: names nobody (user[:group...] is wanted)" },
		{ .spec = "ww", .error = "user: no user `ww' in /etc/passwd" },
		{ .spec = "www ", .error = "user: no user `www ' in /etc/passwd" },
		{ .spec = "a\tb\033", .error = "user: no user `a?b?' in /etc/passwd" },
		{ .spec = "www:nix", .error = "user: no group `nix' in /etc/group" },
		{ .spec = "www:adm:nix", .error = "user: no group `nix' in /etc/group" },
		{ .spec = "www:",
			.error = "user: an empty group in `user:group...' (a colon too many)" },
		{ .spec = "www::adm" },
		{ .spec = "www:adm:" },
		{ .spec = "5000",
			.error = "user: no user `5000' in /etc/passwd to take the group from: "
				 "give it as well, as in 1000:1000" },
		{ .spec = "1234" },
		{ .spec = "4294967295:1",
			.error = "user: too large a number `4294967295' (at most 4294967294)" },
		{ .spec = "1:4294967295" },
		{ .spec = "4294967296:1" }, /* 0 in 32 bits: root */
		{ .spec = "18446744073709551616:1" },
		{ .spec = "99999999999999999999999999:1" },
		{ .spec = "-1:1", .error = "user: no user `-1' in /etc/passwd" },
		{ .spec = "0x10:1" },
		{ .spec = "+5:1" },
		{ .spec = "+nis", .error = "user: no user `+nis' in /etc/passwd" },
		{ .spec = "www:+" },
		{ .spec = "broken" },
		{ .spec = "minus",
			.error = "user: an impossible number for user `minus' in /etc/passwd" },
		{ .spec = "gminus",
			.error = "user: an impossible number for user `gminus' in /etc/passwd" },
		{ .spec = "www:minus",
			.error = "user: an impossible number for group `minus' in /etc/group" },
		{ .spec = ":www",
			.error = "user: a number must follow a leading colon, not `www'" },
		{ .spec = ":33:adm",
			.error = "user: a number must follow a leading colon, not `adm'" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(rows + i);
}

static void at_most_60_groups(void **state)
{
	struct value_error e;
	struct account a;
	char spec[1024] = "www";
	(void)state;

	for (int i = 0; i < 60; i++)
		sprintf(spec + strlen(spec), ":%d", 100 + i);
	assert_int_equal(account_lookup(spec, &a, &e), 0);
	assert_int_equal(a.group_count, 60);
	assert_int_equal(a.groups[59], 159);
	strcat(spec, ":160");
	assert_int_equal(account_lookup(spec, &a, &e), -1);
	assert_string_equal(e.text, "user: too many groups (at most 60) from `160' on");
}

static void long_names(void **state)
{
	static char text[2000];
	struct value_error e;
	struct account a;
	(void)state;

	memset(text, 'a', sizeof text - 1);
	assert_int_equal(account_lookup(text, &a, &e), -1);
	assert_memory_equal(e.text, "user: too long a name `aaa", 26);
	for (size_t len = 254; len < 258; len++) {
		text[len] = 0;
		assert_int_equal(account_lookup(text, &a, &e), -1);
		assert_memory_equal(
			e.text, len < 256 ? "user: no user `a" : "user: too long a", 16);
		text[len] = 'a';
	}
	memcpy(text, "www:", 4);
	assert_int_equal(account_lookup(text, &a, &e), -1);
	assert_memory_equal(e.text, "user: too long a name `aaa", 26);
	text[100] = 0;
	assert_int_equal(account_lookup(text, &a, &e), -1);
	assert_non_null(strstr(e.text, "aaa...' in /etc/group"));

	/* what does not fit is left out, not cut: half a home is another directory */
	memset(text, 'h', sizeof text - 1);
	memcpy(text, "far:x:5:5::/", 12);
	strcpy(text + 900, ":/bin/sh\n");
	scratch_text("passwd", text);
	assert_int_equal(account_lookup("far", &a, &e), 0);
	assert_int_equal(a.uid, 5);
	assert_string_equal(a.name, "far");
	assert_string_equal(a.home, "");
}

static void missing_files(void **state)
{
	struct value_error e;
	struct account a;
	gid_t gid;
	(void)state;

	assert_int_equal(unlink(scratch_name("passwd")), 0);
	assert_int_equal(unlink(scratch_name("group")), 0);
	assert_int_equal(account_lookup("1000:1001", &a, &e), 0);
	assert_int_equal(a.uid, 1000);
	assert_int_equal(a.gid, 1001);
	assert_string_equal(a.name, "");
	assert_int_equal(account_lookup("1000", &a, &e), -1);
	assert_string_equal(e.text, "user: no user `1000' in /etc/passwd to take the group from: "
				    "give it as well, as in 1000:1000");
	assert_int_equal(account_lookup("www", &a, &e), -1);
	assert_string_equal(e.text, "user: unable to read /etc/passwd: No such file or directory");
	assert_int_equal(account_lookup("1:adm", &a, &e), -1);
	assert_string_equal(e.text, "user: unable to read /etc/group: No such file or directory");
	assert_int_equal(account_group("7", &gid, &e), 0);
	assert_int_equal(gid, 7);

	/* a failure that passes is not "no such user" */
	fopen_error = EMFILE;
	assert_int_equal(account_lookup("1000", &a, &e), -1);
	assert_string_equal(e.text, "user: unable to read /etc/passwd: Too many open files");
	assert_int_equal(account_lookup("1000:1000", &a, &e), 0);
	fopen_error = 0;
	assert_int_equal(mkdirat(scratch_fd, "passwd", 0755), 0);
	assert_int_equal(account_lookup("www", &a, &e), -1);
	assert_string_equal(e.text, "user: unable to read /etc/passwd: Is a directory");
}

static void groups_alone(void **state)
{
	struct value_error e;
	gid_t gid = 9;
	(void)state;

	assert_int_equal(account_group("adm", &gid, &e), 0);
	assert_int_equal(gid, 4);
	assert_int_equal(account_group("12345", &gid, &e), 0);
	assert_int_equal(gid, 12345);
	assert_int_equal(account_group("nix", &gid, &e), -1);
	assert_string_equal(e.text, "control-group: no group `nix' in /etc/group");
	assert_int_equal(account_group("", &gid, &e), -1);
	assert_string_equal(e.text, "control-group: names no group");
	assert_int_equal(account_group("4294967295", &gid, &e), -1);
	assert_int_equal(account_group("adm:log", &gid, &e), -1);
	assert_int_equal(account_group("minus", &gid, &e), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		T(users_and_groups),
		T(bad_users_and_groups),
		T(at_most_60_groups),
		T(long_names),
		T(missing_files),
		T(groups_alone),
	};
	return cmocka_run_group_tests_name("account", tests, 0, 0);
}
