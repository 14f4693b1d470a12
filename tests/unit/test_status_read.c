/* The status record: reading it while it changes; its ring and its words. */
/* wrap: read */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

/* ------------------------------------------------------------------------------------ the ring */

static void the_ring_remembers_the_last_256(void **state)
{
	(void)state;
	struct status s = { 0 };
	struct status_ring r = { 0 };

	assert_int_equal(status_answer(&r, 0), -1);
	assert_int_equal(status_answer(&r, 1), -1);
	for (uint64_t i = 1; i <= 1000; i++) {
		status_acknowledge(&s, &r, i << 40, i % 2 ? RESULT_DONE : RESULT_REFUSED,
			i % 2 ? WHY_NONE : WHY_BUSY);
		assert_true(s.acknowledged == i);
		int slot = status_answer(&r, i << 40);
		assert_int_equal(slot, (i - 1) % STATUS_RING);
		assert_int_equal(r.result[slot], i % 2 ? RESULT_DONE : RESULT_REFUSED);
		assert_int_equal(r.why[slot], i % 2 ? WHY_NONE : WHY_BUSY);
		for (uint64_t back = 0; back < i; back++)
			assert_int_equal(
				status_answer(&r, (i - back) << 40) >= 0, back < STATUS_RING);
	}
	assert_int_equal(status_answer(&r, 0), -1);
}

/* --------------------------------------------------------------------------- reading from disk */

static char directory[64];
static int dir = -1;

ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __wrap_read(int fd, void *buf, size_t n);

static void (*before_read)(void); /* what happens between a reader's open and its read */
static void (*after_read)(void);
static unsigned int reads;
static size_t asked;

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
	reads++;
	asked = n;
	if (before_read)
		before_read();
	ssize_t len = __real_read(fd, buf, n);
	if (after_read)
		after_read();
	return len;
}

static void put(char const *name, void const *bytes, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void put_sealed(char const *name, uint64_t change, size_t len)
{
	static struct status_ring const r;
	struct status s = { .change = change };
	unsigned char record[STATUS_SIZE + STATUS_SEAL];
	status_pack(record, &s, &r);
	status_seal(record + STATUS_SIZE, record);
	put(name, record, len);
}

static void put_record(char const *name, uint64_t change)
{
	put_sealed(name, change, STATUS_SIZE);
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/cinit-status-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before_read = after_read = NULL;
	reads = 0;
	return dir < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	(void)state;
	static char const *const name[] = { "status", ".status", "third" };
	before_read = after_read = NULL;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		if (unlinkat(dir, name[i], 0) < 0 && errno == EISDIR)
			unlinkat(dir, name[i], AT_REMOVEDIR);
	close(dir);
	return rmdir(directory);
}

static void a_record_is_read(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;

	put_record("status", 7);
	assert_int_equal(status_read(dir, ".", &s, &r), STATUS_OK);
	assert_true(s.change == 7);
	assert_true(asked >= STATUS_SIZE);
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_OK);
	assert_int_equal(asked, STATUS_HEADER_SIZE);
	assert_int_equal(status_read(AT_FDCWD, directory, &s, NULL), STATUS_OK);
	assert_int_equal(reads, 3);
}

static void what_cannot_be_opened_is_told_by_errno(void **state)
{
	(void)state;
	struct status s;
	char path[PATH_MAX + 10];

	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(status_read(dir, "nowhere", &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ENOENT);
	put_record("third", 1);
	assert_int_equal(symlinkat("third", dir, "status"), 0);
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(unlinkat(dir, "status", 0), 0);
	assert_int_equal(mkdirat(dir, "status", 0755), 0);
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, EISDIR);
	for (size_t len = PATH_MAX - 9; len <= PATH_MAX + 5; len++) {
		memset(path, '/', len);
		path[len] = 0;
		assert_int_equal(status_read(dir, path, &s, NULL), STATUS_SYSTEM);
		assert_int_equal(errno, len < PATH_MAX - 7 ? ENOENT : ENAMETOOLONG);
	}
}

/* Another instance of runit wrote it, or somebody by hand. */
static void what_is_no_record_is_refused_at_once(void **state)
{
	(void)state;
	struct status s;
	put("status", "\x40\0\0\0\x6b\x02\x7d\x7c\x0c\xd6\xa4\xdc\x0c\x4b\0\0\0u\0\1", 20);
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_SHORT);
	assert_int_equal(unlinkat(dir, "status", 0), 0);
	assert_int_equal(mkfifoat(dir, "status", 0644), 0);
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_SHORT);
	assert_int_equal(reads, 2);
}

static void damage_ends_the_reading(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	put_record("status", 1);
	int fd = openat(dir, "status", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xff", 1, 3000), 1);
	close(fd);
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_OK);
	reads = 0;
	assert_int_equal(status_read(dir, ".", &s, &r), STATUS_TORN);
	assert_in_range(reads, 2, 64);
}

static unsigned int turns;

static void exchange(void)
{
	assert_int_equal(renameat(dir, "status", dir, "third"), 0);
	assert_int_equal(renameat(dir, ".status", dir, "status"), 0);
	assert_int_equal(renameat(dir, "third", dir, ".status"), 0);
}

/* Our file became the spare, and its next content is half written. */
static void tear(void)
{
	if (turns++ >= 3)
		return;
	exchange();
	put(".status", "torn", 4);
}

static void a_torn_record_is_read_again(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	put_record("status", 1);
	put_record(".status", 2);
	turns = 2;
	before_read = tear;
	assert_int_equal(status_read(dir, ".", &s, &r), STATUS_OK);
	assert_true(s.change == 2);
	assert_int_equal(reads, 2);
}

/* Our file became the spare, and holds a whole record whose publication is yet to come. */
static void write_ahead(void)
{
	if (turns++)
		return;
	exchange();
	put_record(".status", 3);
}

static void a_record_is_not_seen_before_it_is_published(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	put_record("status", 1);
	put_record(".status", 2);
	turns = 0;
	before_read = write_ahead;
	assert_int_equal(status_read(dir, ".", &s, &r), STATUS_OK);
	assert_true(s.change == 2);
	assert_int_equal(reads, 2);
}

/* The record is taken away for good while we read: that is no torn record. */
static void take_away(void)
{
	unlinkat(dir, "status", 0);
}

static void a_record_removed_is_absent(void **state)
{
	(void)state;
	struct status s;
	put_record("status", 1);
	after_read = take_away;
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ENOENT);
}

/* ---------------------------------------------------------------------------------------- a look
 */

#define SEALED (STATUS_SIZE + STATUS_SEAL)

static void golden_seal(void **state)
{
	static struct status_ring const r;
	struct status s = { .change = 1 };
	unsigned char record[SEALED + 1];
	(void)state;
	status_pack(record, &s, &r);
	status_seal(record + STATUS_SIZE, record);
	assert_memory_equal(record + 3208, record + 632, 8);
	assert_true(status_is_sealed(record, 3217));
	for (size_t len = 0; len <= 3216; len++)
		assert_int_equal(status_is_sealed(record, len), len == 3216);
	/* it is that record's only: a program that knows no seals leaves what was there */
	s.change++;
	status_pack(record, &s, &r);
	assert_false(status_is_sealed(record, 3216));
}

static void a_look_takes_what_is_sealed(void **state)
{
	(void)state;
	struct status s;
	assert_false(status_glance(dir, ".", &s));
	assert_int_equal(reads, 0);
	put_record("status", 1); /* as former programs wrote it */
	assert_false(status_glance(dir, ".", &s));
	put_sealed("status", 2, SEALED);
	assert_true(status_glance(dir, ".", &s));
	assert_true(s.change == 2);
	assert_true(status_glance(AT_FDCWD, directory, &s));
	assert_int_equal(reads, 3);
	/* a former program writes in place */
	put_record("status", 3);
	assert_false(status_glance(dir, ".", &s));
	assert_int_equal(status_read(dir, ".", &s, NULL), STATUS_OK);
	assert_true(s.change == 3);
}

static void a_broken_seal_leaves_the_record(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	struct stat st;
	assert_int_equal(status_unseal(directory), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(fstatat(dir, "status", &st, 0), -1);
	put_sealed("status", 7, SEALED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(status_unseal(directory), 0);
		assert_false(status_glance(dir, ".", &s));
		assert_int_equal(status_read(dir, ".", &s, &r), STATUS_OK);
		assert_true(s.change == 7);
	}
	put_sealed("status", 8, SEALED);
	assert_true(status_glance(dir, ".", &s));
}

/* Half of another record, in any place: what is shown is one or the other, or nothing. */
static void a_look_sees_no_mixture(void **state)
{
	(void)state;
	unsigned char old[SEALED], new[SEALED];
	struct status s;
	put_sealed("status", 1, SEALED);
	int fd = openat(dir, "status", O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, old, sizeof old, 0), sizeof old);
	put_sealed("status", 0x0101010101010101, SEALED);
	assert_int_equal(pread(fd, new, sizeof new, 0), sizeof new);
	for (size_t cut = 0; cut <= SEALED; cut++) {
		assert_int_equal(pwrite(fd, new, cut, 0), cut);
		assert_int_equal(pwrite(fd, old + cut, SEALED - cut, (off_t)cut), SEALED - cut);
		int whole = status_glance(dir, ".", &s);
		assert_int_equal(whole, cut <= 40 || cut >= SEALED);
		if (whole)
			assert_true(s.change == (cut <= 40 ? 1 : 0x0101010101010101));
	}
	close(fd);
}

/* --------------------------------------------------------------------------------------- names */

static void every_number_has_a_name_of_its_own(void **state)
{
	(void)state;
	static struct {
		char const *(*name)(unsigned);
		unsigned count;
	} const table[] = {
		{ status_state_name, STATE_COUNT },
		{ status_want_name, WANT_EXIT + 1 },
		{ status_reason_name, REASON_COUNT },
		{ status_why_text, WHY_COUNT },
	};
	for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
		for (unsigned i = 0; i < table[t].count; i++) {
			assert_non_null(table[t].name(i));
			assert_string_not_equal(table[t].name(i), "unknown");
			for (unsigned j = 0; j < i; j++)
				assert_string_not_equal(table[t].name(i), table[t].name(j));
		}
		assert_string_equal(table[t].name(table[t].count), "unknown");
		assert_string_equal(table[t].name(UINT_MAX), "unknown");
	}
	assert_string_equal(status_state_name(STATE_BACKOFF), "backoff");
	assert_string_equal(status_want_name(WANT_ONCE), "once");
	assert_string_equal(status_reason_name(REASON_EXEC), "exec");
	assert_string_equal(status_why_text(WHY_DEPENDENTS), "others need it");
}

#define on_disk(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(the_ring_remembers_the_last_256),
		on_disk(a_record_is_read),
		on_disk(what_cannot_be_opened_is_told_by_errno),
		on_disk(what_is_no_record_is_refused_at_once),
		on_disk(damage_ends_the_reading),
		on_disk(a_torn_record_is_read_again),
		on_disk(a_record_is_not_seen_before_it_is_published),
		on_disk(a_record_removed_is_absent),
		cmocka_unit_test(golden_seal),
		on_disk(a_look_takes_what_is_sealed),
		on_disk(a_broken_seal_leaves_the_record),
		on_disk(a_look_sees_no_mixture),
		cmocka_unit_test(every_number_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests_name("status_read", tests, NULL, NULL);
}
