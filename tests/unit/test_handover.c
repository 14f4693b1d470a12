/* Handing over: what is written is read, what is not known is passed over, and what is broken is
 * not believed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handover.h"

struct thing {
	uint8_t small;
	uint16_t short_one;
	int32_t negative;
	uint64_t big;
	int fd, none;
	unsigned char bytes[5];
	char untouched;
};

#define ROW(TAG, TYPE, MEMBER) HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct thing, MEMBER)

static struct handover_member const rows[] = {
	ROW(1, NUMBER, small),
	ROW(2, NUMBER, short_one),
	ROW(3, NUMBER, negative),
	ROW(4, NUMBER, big),
	ROW(5, DESCRIPTOR, fd),
	ROW(6, DESCRIPTOR, none),
	ROW(7, BYTES, bytes),
};
#define ROWS (sizeof rows / sizeof *rows)

/* What was written so far, as the next program finds it: the memfd alone. */
static int written(struct handover *h)
{
	struct handover copy = *h;
	char const *const argv[] = { "nothing", NULL };
	int fd = fcntl(h->fd, F_DUPFD_CLOEXEC, 10);

	handover_execute(&copy, -1, "/nonexistent/program", (char *const *)argv);
	assert_int_equal(errno, ENOENT);
	return fd;
}

static struct thing const one = { .small = 200,
	.short_one = 60000,
	.negative = -7,
	.big = UINT64_MAX - 1,
	.fd = 0,
	.none = -1,
	.bytes = { 1, 0, 3, 0, 5 } };

static void members_come_back(void **state)
{
	struct thing a = one, b = { .none = -1, .untouched = 9 };
	struct handover h;
	struct handover_reader r;
	struct handover_item i;
	unsigned int known = 0, unknown = 0;

	(void)state;
	a.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(handover_begin(&h, HANDOVER_SUPERVISE), 0);
	handover_number(&h, 100, 1);
	handover_members(&h, rows, ROWS, &a);
	handover_string(&h, 101, "later");
	handover_string(&h, 102, NULL);
	int fd = written(&h);
	/* it failed: nobody else shall get it */
	assert_int_equal(fcntl(a.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(handover_kind(fd), HANDOVER_SUPERVISE);
	assert_int_equal(handover_read(&r, fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	while (handover_next(&r, &i)) {
		if (handover_member(&i, rows, ROWS, &b))
			known++;
		else
			unknown++;
	}
	assert_int_equal(known, ROWS - 1); /* a descriptor that is none is no item */
	assert_int_equal(unknown, 2);
	free(r.bytes);
	assert_int_equal(b.small, a.small);
	assert_int_equal(b.short_one, a.short_one);
	assert_int_equal(b.negative, a.negative);
	assert_true(b.big == a.big);
	assert_int_equal(b.fd, a.fd);
	assert_int_equal(b.none, -1);
	assert_memory_equal(b.bytes, a.bytes, sizeof b.bytes);
	assert_int_equal(b.untouched, 9);
	close(a.fd);
}

/* Nothing of what is shown leaves us; what is handed back is what was handed over, and one more. */
static void shown_and_handed_back(void **state)
{
	struct thing a = one, b = { .none = -1 };
	struct handover h;
	struct handover_reader r, back;
	struct handover_item i;
	char word[] = "nobody", *const argv[] = { word, NULL };
	int w;

	(void)state;
	a.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(handover_begin(&h, HANDOVER_CINIT), 0);
	h.show = 1;
	handover_members(&h, rows, ROWS, &a);
	int fd = handover_finish(&h);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(a.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(handover_read(&r, fd), 0);
	assert_int_equal(handover_first(&r, 5), a.fd);
	assert_int_equal(handover_first(&r, 3), (uint32_t)a.negative);
	assert_int_equal(handover_first(&r, 6), -1);
	assert_int_equal(handover_first(&r, 7), -1); /* bytes */
	/* to nobody: a file that cannot be executed, so that we see what it would have got */
	pid_t pid = fork();
	if (!pid) {
		int next = dup(0);
		close(next);
		handover_return(&r, 99, "because", a.fd, argv);
		if (errno != EACCES || fcntl(a.fd, F_GETFD) || handover_read(&back, next) < 0)
			_exit(1);
		int known = 0;
		while (handover_next(&back, &i) && i.tag != 99)
			known += handover_member(&i, rows, ROWS, &b);
		_exit(known == ROWS - 1 && b.fd == a.fd && b.big == a.big && i.len == 7 &&
					!memcmp(i.bytes, "because", 7) && !handover_next(&back, &i)
				? 0
				: 2);
	}
	assert_int_equal(waitpid(pid, &w, 0), pid);
	assert_int_equal(w, 0);
	free(r.bytes);
	close(a.fd);
}

static void much_of_it_comes_back_too(void **state)
{
	static unsigned char bytes[100000];
	struct handover h;
	struct handover_reader r;
	struct handover_item i;

	(void)state;
	for (size_t n = 0; n < sizeof bytes; n++)
		bytes[n] = (unsigned char)(n * 7 >> 3);
	assert_int_equal(handover_begin(&h, HANDOVER_CINIT), 0);
	handover_bytes(&h, 1, bytes, sizeof bytes);
	handover_string(&h, 2, "behind it");
	assert_int_equal(handover_read(&r, written(&h)), 0);
	assert_int_equal(handover_next(&r, &i), 1);
	assert_int_equal(i.len, sizeof bytes);
	assert_memory_equal(i.bytes, bytes, sizeof bytes);
	assert_int_equal(handover_next(&r, &i), 1);
	char *copy = handover_copy(&i);
	assert_string_equal(copy, "behind it");
	free(copy);
	assert_int_equal(handover_next(&r, &i), 0);
	free(r.bytes);
}

/* Bytes of another length than ours: a later program may have more room, or less. */
static void lengths_may_differ(void **state)
{
	struct thing b = { .bytes = { 9, 9, 9, 9, 9 } };
	struct handover_item i = { .type = HANDOVER_BYTES,
		.tag = 7,
		.bytes = (unsigned char const *)"abcdefgh",
		.len = 2 };

	(void)state;
	assert_int_equal(handover_member(&i, rows, ROWS, &b), 1);
	assert_memory_equal(b.bytes, "ab\0\0\0", 5);
	i.len = 8;
	assert_int_equal(handover_member(&i, rows, ROWS, &b), 1);
	assert_memory_equal(b.bytes, "abcde", 5);
	assert_int_equal(b.untouched, 0);
	/* a number in the place of bytes is not ours */
	i.type = HANDOVER_NUMBER;
	assert_int_equal(handover_member(&i, rows, ROWS, &b), 0);
}

static void what_is_broken_is_not_believed(void **state)
{
	struct handover h;
	struct handover_reader r;
	struct handover_item i;

	(void)state;
	assert_int_equal(handover_begin(&h, HANDOVER_CINIT), 0);
	handover_number(&h, 1, 1);
	int fd = written(&h), copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	/* cut: the item is not there */
	assert_int_equal(ftruncate(fd, 8 + 7 + 7), 0);
	assert_int_equal(handover_read(&r, fd), 0);
	assert_int_equal(handover_next(&r, &i), 0);
	free(r.bytes);
	/* of another version */
	assert_int_equal(pwrite(copy, "\377", 1, 5), 1);
	assert_int_equal(handover_kind(copy), 0);
	assert_int_equal(handover_read(&r, copy), -1);
	assert_int_equal(errno, EPROTO);
	/* no list at all */
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(handover_kind(fd), 0);
	assert_int_equal(handover_read(&r, fd), -1);
}

static void the_word_is_taken_out_of_the_environment(void **state)
{
	(void)state;
	unsetenv(HANDOVER_ENV);
	assert_int_equal(handover_inherited(), -1);
	static char const *const bad[] = { "", "x", "-1", "1", "999999", "5x" };
	for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
		setenv(HANDOVER_ENV, bad[n], 1);
		assert_int_equal(handover_inherited(), -1);
		assert_null(getenv(HANDOVER_ENV));
	}
}

/* A program really gets it, under the same number, and nothing else. */
static void a_program_is_executed(void **state)
{
	struct handover h;
	char const *const argv[] = { "sh", "-c",
		"test -n \"$CINIT_HANDOVER\" && test -e /proc/self/fd/$CINIT_HANDOVER && "
		"test -e /proc/self/fd/77 && ! test -e /proc/self/fd/78 && exit 42",
		NULL };
	int w, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	pid_t pid = fork();
	if (!pid) {
		if (fcntl(fd, F_DUPFD_CLOEXEC, 77) != 77 || fcntl(fd, F_DUPFD_CLOEXEC, 78) != 78 ||
			handover_begin(&h, HANDOVER_CINIT) < 0)
			_exit(1);
		handover_descriptor(&h, 1, 77);
		handover_execute(&h, -1, "/bin/sh", (char *const *)argv);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &w, 0), pid);
	assert_int_equal(w, 42 << 8);
	close(fd);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(members_come_back),
		cmocka_unit_test(shown_and_handed_back),
		cmocka_unit_test(much_of_it_comes_back_too),
		cmocka_unit_test(lengths_may_differ),
		cmocka_unit_test(what_is_broken_is_not_believed),
		cmocka_unit_test(the_word_is_taken_out_of_the_environment),
		cmocka_unit_test(a_program_is_executed),
	};
	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
