/* --json: escaping, and the fields as they are documented. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "svctl/json.h"

#define NOW  (1000 * CLOCK_SECOND)
#define WALL 1700000000

static struct text text;

static int clear(void **state)
{
	(void)state;
	text.sa.len = 0;
	return 0;
}

static int forget(void **state)
{
	(void)state;
	text_free(&text);
	return 0;
}

static char const *result(void)
{
	text_bytes(&text, "", 1);
	assert_int_equal(text.failed, 0);
	text.sa.len = 0;
	return text.sa.s;
}

static void escapes(char const *in, size_t len, char const *out)
{
	json_string(&text, in, len);
	assert_string_equal(result(), out);
}
#define ESCAPES(in, out) escapes(in, sizeof(in) - 1, "\"" out "\"")

static void plain_text_stays(void **state)
{
	(void)state;
	ESCAPES("", "");
	ESCAPES("web server/1 ~", "web server/1 ~");
}

static void what_json_forbids_is_escaped(void **state)
{
	(void)state;
	ESCAPES("a\"b\\c", "a\\\"b\\\\c");
	ESCAPES("\n\t\r", "\\n\\t\\r");
	ESCAPES("\0\1\b\f\x1f\x7f", "\\u0000\\u0001\\u0008\\u000c\\u001f\\u007f");
}

static void utf8_stays(void **state)
{
	(void)state;
	ESCAPES("\xc2\x9b"
		"31m\xc2\xa0",
		"\\u009b31m\xc2\xa0");
	ESCAPES("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	ESCAPES("\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80");
	ESCAPES("\xf4\x8f\xbf\xbf\xef\xbf\xbf\xed\x9f\xbf",
		"\xf4\x8f\xbf\xbf\xef\xbf\xbf\xed\x9f\xbf");
}

#define BAD "\xef\xbf\xbd"

static void what_is_no_utf8_is_replaced(void **state)
{
	(void)state;
	ESCAPES("\xff", BAD);
	ESCAPES("a\x80z", "a" BAD "z");
	ESCAPES("\xc3", BAD);         /* cut short */
	ESCAPES("\xc3(", BAD "(");    /* not continued */
	ESCAPES("\xc0\xaf", BAD BAD); /* overlong */
	ESCAPES("\xe0\x80\xaf", BAD BAD BAD);
	ESCAPES("\xf0\x80\x80\xaf", BAD BAD BAD BAD);
	ESCAPES("\xed\xa0\x80", BAD BAD BAD);         /* a surrogate */
	ESCAPES("\xf4\x90\x80\x80", BAD BAD BAD BAD); /* behind the end */
	ESCAPES("\xe2\x82", BAD BAD);
	ESCAPES("\xe2\x82\"", BAD BAD "\\\"");
}

static struct view a_view(void)
{
	struct view v;

	memset(&v, 0, sizeof v);
	v.seen = SEEN_RECORD;
	v.supervised = 1;
	v.status.state = STATE_UP;
	v.status.want = WANT_UP;
	v.status.supervisor = 9;
	v.status.child[ROLE_RUN].pid = 21;
	v.status.started = 900 * CLOCK_SECOND;
	v.status.since = 901 * CLOCK_SECOND;
	v.status.flags = FLAG_READY | FLAG_EXIT_VALID;
	v.status.last_exit = 3 << 8;
	v.status.starts = 4;
	v.status.deaths = 2;
	v.status.restarts = 1;
	return v;
}

static char const *object(struct view const *v, struct view const *log)
{
	json_service(&text, "web", v, log, NOW, WALL);
	return result();
}

static void every_field_in_its_order(void **state)
{
	struct view v = a_view();
	(void)state;
	assert_string_equal(object(&v, NULL),
		"{\"name\":\"web\",\"state\":\"up\",\"want\":\"up\",\"supervised\":true,\"exited\":"
		"false,"
		"\"ready\":true,\"paused\":false,\"essential\":false,\"normally_down\":false,"
		"\"pid\":21,"
		"\"uptime_s\":100,\"since\":1699999901,\"since_s\":99,\"starts\":4,\"restarts\":1,"
		"\"deaths\":2,\"exit_code\":3,\"exit_signal\":null,\"exit_known\":true,\"reason\":"
		"\"none\","
		"\"reason_text\":\"\",\"strays\":0,\"supervisor_pid\":9,\"log\":null}");
}

static void a_service_that_failed(void **state)
{
	struct view v = a_view();
	(void)state;
	v.status.state = STATE_FAILED;
	v.status.child[ROLE_RUN].pid = 0;
	v.status.flags = FLAG_EXIT_VALID | FLAG_ESSENTIAL | FLAG_NORMALLY_DOWN;
	v.status.last_exit = 9;
	v.status.reason = REASON_DEATHS;
	strcpy(v.status.reason_text, "5 deaths \"in\"\n60 s");
	assert_string_equal(object(&v, NULL),
		"{\"name\":\"web\",\"state\":\"failed\",\"want\":\"up\",\"supervised\":true,"
		"\"exited\":false,"
		"\"ready\":false,\"paused\":false,\"essential\":true,\"normally_down\":true,"
		"\"pid\":null,"
		"\"uptime_s\":null,\"since\":1699999901,\"since_s\":99,\"starts\":4,\"restarts\":1,"
		"\"deaths\":2,\"exit_code\":null,\"exit_signal\":9,\"exit_known\":true,\"reason\":"
		"\"deaths\","
		"\"reason_text\":\"5 deaths \\\"in\\\"\\n60 "
		"s\",\"strays\":0,\"supervisor_pid\":9,\"log\":null}");
}

static void one_that_nobody_keeps(void **state)
{
	struct view v = a_view();
	(void)state;
	v.supervised = 0;
	v.status.state = STATE_DOWN;
	v.status.want = WANT_EXIT;
	v.status.supervisor = 0;
	v.status.child[ROLE_RUN].pid = 0;
	v.status.child[ROLE_FINISH].pid = 22;
	v.status.started = 2000 * CLOCK_SECOND; /* of another boot */
	v.status.flags = FLAG_EXITED | FLAG_EXIT_UNKNOWN | FLAG_PAUSED;
	assert_string_equal(object(&v, NULL),
		"{\"name\":\"web\",\"state\":\"down\",\"want\":\"exit\",\"supervised\":false,"
		"\"exited\":true,"
		"\"ready\":false,\"paused\":true,\"essential\":false,\"normally_down\":false,"
		"\"pid\":22,"
		"\"uptime_s\":0,\"since\":1699999901,\"since_s\":99,\"starts\":4,\"restarts\":1,"
		"\"deaths\":2,\"exit_code\":null,\"exit_signal\":null,\"exit_known\":false,"
		"\"reason\":\"none\","
		"\"reason_text\":\"\",\"strays\":0,\"supervisor_pid\":null,\"log\":null}");
}

static void a_logger_is_an_object_without_a_logger(void **state)
{
	struct view v = a_view(), log = a_view();
	char const *s;
	(void)state;
	log.status.child[ROLE_RUN].pid = 33;
	s = object(&v, &log);
	s = strstr(s, ",\"log\":{\"name\":\"log\",\"state\":\"up\"");
	assert_non_null(s);
	assert_non_null(strstr(s, "\"pid\":33"));
	assert_null(strstr(s + 1, "\"log\":null"));
	assert_string_equal(s + strlen(s) - 2, "}}");
}

static void errors_are_objects(void **state)
{
	struct view v = a_view();
	(void)state;
	v.seen = SEEN_NO_SERVICE;
	assert_string_equal(object(&v, NULL), "{\"name\":\"web\",\"error\":\"no such service\"}");
	v.seen = SEEN_NOTHING;
	assert_string_equal(
		object(&v, NULL), "{\"name\":\"web\",\"error\":\"nothing is published yet\"}");
	v.seen = SEEN_UNREADABLE;
	v.error = STATUS_FOREIGN;
	assert_string_equal(
		object(&v, NULL), "{\"name\":\"web\",\"error\":\"it is of another version\"}");
	v.error = STATUS_SYSTEM;
	v.error_number = EACCES;
	assert_string_equal(object(&v, NULL), "{\"name\":\"web\",\"error\":\"access denied\"}");
}

#define TEST(f) cmocka_unit_test_setup(f, clear)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(plain_text_stays),
		TEST(what_json_forbids_is_escaped),
		TEST(utf8_stays),
		TEST(what_is_no_utf8_is_replaced),
		TEST(every_field_in_its_order),
		TEST(a_service_that_failed),
		TEST(one_that_nobody_keeps),
		TEST(a_logger_is_an_object_without_a_logger),
		TEST(errors_are_objects),
	};
	return cmocka_run_group_tests_name("svctl_json", tests, NULL, forget);
}
