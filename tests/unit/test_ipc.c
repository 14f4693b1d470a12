/* The FIFO pair, the owner's side: hearing commands, telling of changes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc_pair.h"
#include "scratch.h"

#define NO_GROUP ((gid_t)-1)

/* ---------------------------------------------------------------------------- hearing commands */

static void say(struct cinit_client *c, char letter, uint64_t id)
{
	struct message m = { .command = (uint8_t)letter, .id = id, .text = "web", .text_len = 3 };
	assert_int_equal(cinit_ipc_send(c, &m), CINIT_SENT);
}

static void commands_are_heard_in_order(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct message m;
	int waiting = 0;
	assert_int_equal(cinit_ipc_listen(&pair, &m), 0);
	for (uint64_t i = 0; i < 100; i++)
		say(&c, i % 3 ? 'u' : 'd', i % 2 ? i : 0);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(cinit_ipc_listen(&pair, &m), 1);
		/* 512 bytes are read at a time, poll(2) knows of the others only */
		assert_int_equal(cinit_ipc_pending(&pair), pair.next < pair.have);
		waiting += cinit_ipc_pending(&pair);
		assert_int_equal(m.command, i % 3 ? 'u' : 'd');
		assert_true(m.id == (i % 2 ? i : 0));
		assert_string_equal(m.text, i % 2 ? "web" : "");
	}
	assert_int_equal(cinit_ipc_listen(&pair, &m), 0);
	assert_in_range(waiting, 50, 99);
	assert_false(cinit_ipc_pending(&pair));
	cinit_ipc_release(&c);
	/* no client left: no end of file either */
	assert_int_equal(cinit_ipc_listen(&pair, &m), 0);
}

static void a_frame_may_come_in_pieces(void **state)
{
	(void)state;
	struct message m = { .command = 'u', .id = 77, .text = "web", .text_len = 3 }, got;
	char bytes[FRAME_MAX];
	size_t len = frame_encode(bytes, &m);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(cinit_ipc_listen(&pair, &got), 0);
		assert_int_equal(write(pair.in, bytes + i, 1), 1);
	}
	assert_int_equal(cinit_ipc_listen(&pair, &got), 1);
	assert_true(got.id == 77);
}

/* A megabyte that means nothing: each call takes a bounded bite, and the command behind is heard.
 */
static void noise_is_taken_in_bites(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct message m;
	char noise[4096];
	int left;
	memset(noise, 0xdd, sizeof noise);
	for (size_t total = 0; total < 1 << 20;) {
		while (write(pair.in, noise, sizeof noise) == sizeof noise)
			total += sizeof noise;
		assert_int_equal(errno, EAGAIN);
		for (int before = 65536; before > 0; before = left) {
			assert_int_equal(cinit_ipc_listen(&pair, &m), 0);
			assert_int_equal(ioctl(pair.in, FIONREAD, &left), 0);
			assert_in_range(before - left, 1, 512);
		}
	}
	assert_true(pair.decoder.noise >= 1 << 20);
	say(&c, 'u', 5);
	assert_int_equal(cinit_ipc_listen(&pair, &m), 1);
	assert_true(m.id == 5);
	cinit_ipc_release(&c);
}

/* A frame is sent again by a client that saw a supervisor die. */
static void a_command_is_not_obeyed_twice(void **state)
{
	(void)state;
	static struct {
		uint64_t seen, now; /* answers, when it was sent first and when it is heard */
		uint8_t flags;
		enum cinit_novelty novelty;
	} const row[] = {
		{ 0, 0, 0, CINIT_NEW },
		{ 0, 100000, 0, CINIT_NEW }, /* a first sending may take its time */
		{ 0, 0, MESSAGE_AGAIN, CINIT_NEW },
		{ 5000, 5256, MESSAGE_AGAIN, CINIT_NEW }, /* the ring still holds all since then */
		{ 5000, 5256, MESSAGE_AGAIN | MESSAGE_FORCE, CINIT_NEW },
		{ 5000, 5257, MESSAGE_AGAIN, CINIT_DOUBTFUL },
		{ 5000, 5257, MESSAGE_FORCE, CINIT_NEW },
		{ 5000, 90000, MESSAGE_AGAIN, CINIT_DOUBTFUL },
		{ 0xffffffff, 0x1000000ff, MESSAGE_AGAIN, CINIT_NEW },
		{ 0xffffffff, 0x100000100, MESSAGE_AGAIN, CINIT_DOUBTFUL },
		{ 5000, 0, MESSAGE_AGAIN,
			CINIT_DOUBTFUL }, /* the record was lost, and begins anew */
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct status s = { .acknowledged = row[i].now };
		struct status_ring r = { .id = { 0 } };
		struct message m = { .id = cinit_ipc_id_after(row[i].seen), .flags = row[i].flags };
		assert_int_equal(cinit_ipc_novelty(&m, &s, &r), row[i].novelty);
		status_acknowledge(&s, &r, m.id, RESULT_DONE, WHY_NONE);
		assert_int_equal(cinit_ipc_novelty(&m, &s, &r), CINIT_KNOWN);
		m.id = 0; /* a letter is never known */
		m.flags = 0;
		assert_int_equal(cinit_ipc_novelty(&m, &s, &r), CINIT_NEW);
	}
}

/* What was read into memory dies with the reader; what was not, as long as a client holds on, does
 * not. */
static void frames_survive_the_death_of_the_reader(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct message m;
	say(&c, 'u', 5);
	cinit_ipc_close(&pair);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	say(&c, 'd', 6);
	assert_int_equal(cinit_ipc_listen(&pair, &m), 1);
	assert_true(m.id == 5);
	assert_int_equal(cinit_ipc_listen(&pair, &m), 1);
	assert_true(m.id == 6);
	cinit_ipc_release(&c);
}

/* --------------------------------------------------------------------------- telling of changes */

static void the_record_is_published(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct status s;
	struct status_ring r;
	for (unsigned int i = 1; i <= 600; i++) {
		status_acknowledge(&pair_status, &pair_ring, i, RESULT_DONE, WHY_NONE);
		assert_int_equal(pair_publish(), 0);
		assert_int_equal(cinit_ipc_watch(&c, &s, &r), STATUS_OK);
		assert_true(s.change == i && s.acknowledged == i);
		assert_true(status_answer(&r, i) >= 0);
		assert_int_equal(pair_mode("status"), S_IFREG | 0644);
	}
	cinit_ipc_release(&c);
}

static void a_change_that_nobody_watches_keeps_out(void **state)
{
	(void)state;
	ino_t out = pair_inode("out");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pair_publish(), 0);
		assert_int_equal(pair_inode("out"), out);
	}
	assert_int_equal(pair_mode(".out"), 0);
}

static void everybody_who_watches_is_hung_up_on(void **state)
{
	(void)state;
	enum { WATCHERS = 50 };
	struct cinit_client c[WATCHERS];
	struct status s;
	assert_int_equal(pair_publish(), 0);
	for (int i = 0; i < WATCHERS; i++) {
		c[i] = pair_client();
		assert_int_equal(cinit_ipc_watch(&c[i], &s, NULL), STATUS_OK);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < WATCHERS; i++)
			assert_false(pair_hung_up(c[i].out));
		assert_int_equal(pair_publish(), 0);
		for (int i = 0; i < WATCHERS; i++) {
			assert_true(pair_hung_up(c[i].out));
			assert_int_equal(cinit_ipc_watch(&c[i], &s, NULL), STATUS_OK);
			assert_true(s.change == pair_status.change);
		}
	}
	for (int i = 0; i < WATCHERS; i++)
		cinit_ipc_release(&c[i]);
}

/* A waiter that is not scheduled for long must find its hang-up whenever it looks. */
static void a_hang_up_lasts(void **state)
{
	(void)state;
	struct cinit_client late = pair_client(), other = pair_client();
	struct status s;
	assert_int_equal(cinit_ipc_watch(&late, &s, NULL), STATUS_SYSTEM);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pair_publish(), 0);
		assert_true(pair_hung_up(late.out));
		assert_int_equal(cinit_ipc_watch(&other, &s, NULL), STATUS_OK);
	}
	cinit_ipc_release(&late);
	cinit_ipc_release(&other);
}

static void a_death_and_its_successor_wake_too(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct status s;
	assert_int_equal(pair_publish(), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
		assert_false(pair_hung_up(c.out));
		cinit_ipc_close(&pair);
		assert_true(pair_hung_up(c.out));
		/* one that comes while there is nobody is not woken for nothing, */
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
		assert_false(pair_hung_up(c.out));
		/* but by what a successor says */
		assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
		assert_int_equal(pair_publish(), 0);
		assert_true(pair_hung_up(c.out));
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
		assert_true(s.change == pair_status.change);
	}
	cinit_ipc_release(&c);
}

static void nothing_accumulates(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct status s;
	assert_int_equal(pair_publish(), 0);
	assert_int_equal(pair_publish(), 0);
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
	unsigned int descriptors = pair_descriptors();
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pair_publish(), 0);
		if (i % 2)
			assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
	}
	assert_int_equal(pair_descriptors(), descriptors);
	assert_int_equal(pair_entries(), 5); /* in, out, status, .status, .out */
	cinit_ipc_release(&c);
}

static void from_the_second_record_on_no_file_is_made(void **state)
{
	(void)state;
	assert_int_equal(pair_publish(), 0);
	ino_t a = pair_inode("status"), b = pair_inode(".status");
	assert_true(a && b && a != b);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pair_publish(), 0);
		assert_int_equal(pair_inode("status"), i % 2 ? a : b);
		assert_int_equal(pair_inode(".status"), i % 2 ? b : a);
	}
	/* a successor goes on with the same two */
	cinit_ipc_close(&pair);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(pair_publish(), 0);
	assert_int_equal(pair_inode("status"), b);
	assert_int_equal(pair_inode(".status"), a);
}

static void a_record_that_was_removed_comes_back(void **state)
{
	(void)state;
	struct status s;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pair_publish(), 0);
		assert_int_equal(unlinkat(scratch_fd, "status", 0), 0);
		assert_int_equal(pair_publish(), 0);
		assert_int_equal(status_read(scratch_fd, ".", &s, NULL), STATUS_OK);
		assert_true(s.change == pair_status.change);
		assert_true(pair_inode(".status") != 0);
	}
}

static int is_sealed(void)
{
	struct status s;
	return status_glance(scratch_fd, ".", &s) && s.change == pair_status.change;
}

static void who_seals_seals_every_record(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pair_publish(), 0);
		assert_false(is_sealed());
	}
	pair.seals = 1;
	for (int i = 0; i < 6; i++) {
		if (i == 3) /* from now on there is a ring */
			status_acknowledge(&pair_status, &pair_ring, 77, RESULT_DONE, WHY_NONE);
		assert_int_equal(pair_publish(), 0);
		assert_true(is_sealed());
	}
	/* broken, it is back with the next record, whichever file is the spare one */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(status_unseal(scratch_path), 0);
		assert_false(is_sealed());
		assert_int_equal(pair_publish(), 0);
		assert_true(is_sealed());
	}
	/* a successor that does not seal writes into the same files */
	pair.seals = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pair_publish(), 0);
		assert_false(is_sealed());
	}
}

/* In a file system that is full in blocks and inodes, and really so. */
static int full(void *data)
{
	struct cinit_client c = CINIT_CLIENT_ZERO;
	struct status s;
	char name[16], junk[4096] = { 0 };
	(void)data;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", scratch_path, "tmpfs", 0, "size=256k,nr_inodes=20") < 0)
		return 77;
	int dir = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHILD_CHECK(cinit_ipc_init(&pair, dir, NO_GROUP) == 0);
	pair.seals = 1;
	CHILD_CHECK(pair_publish() == 0);
	c.base = dir;
	c.path = ".";
	CHILD_CHECK(cinit_ipc_watch(&c, &s, NULL) == STATUS_OK);
	CHILD_CHECK(pair_publish() == 0); /* leaves a spare `out` */
	int fd = openat(dir, "filler", O_WRONLY | O_CREAT, 0600);
	while (write(fd, junk, sizeof junk) > 0)
		;
	CHILD_CHECK(errno == ENOSPC);
	for (int i = 0; snprintf(name, sizeof name, "i%d", i), mkfifoat(dir, name, 0600) == 0; i++)
		;
	CHILD_CHECK(errno == ENOSPC);

	/* records: as often as you like; watchers: the first is told by the spare */
	CHILD_CHECK(cinit_ipc_watch(&c, &s, NULL) == STATUS_OK);
	CHILD_CHECK(pair_publish() == 0);
	CHILD_CHECK(pair_hung_up(c.out));
	cinit_ipc_release(&c);
	for (int i = 0; i < 10; i++) {
		CHILD_CHECK(status_unseal(scratch_path) == 0 && !status_glance(dir, ".", &s));
		CHILD_CHECK(pair_publish() == 0 && status_glance(dir, ".", &s));
	}
	CHILD_CHECK(status_read(dir, ".", &s, NULL) == STATUS_OK && s.change == pair_status.change);

	/* each replaced `out` gives its inode back: the next spare could be made after all */
	CHILD_CHECK(cinit_ipc_watch(&c, &s, NULL) == STATUS_OK);
	CHILD_CHECK(pair_publish() >= 0);
	CHILD_CHECK(pair_hung_up(c.out));
	CHILD_CHECK(status_read(dir, ".", &s, NULL) == STATUS_OK && s.change == pair_status.change);
	return 0;
}

static void a_full_file_system_does_not_matter(void **state)
{
	(void)state;
	int code = scratch_child(full, NULL);
	if (code == 77)
		skip();
	assert_int_equal(code, 0);
}

#define paired(test) cmocka_unit_test_setup_teardown(test, pair_setup, pair_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		paired(commands_are_heard_in_order),
		paired(a_frame_may_come_in_pieces),
		cmocka_unit_test(a_command_is_not_obeyed_twice),
		paired(noise_is_taken_in_bites),
		paired(frames_survive_the_death_of_the_reader),
		paired(the_record_is_published),
		paired(a_change_that_nobody_watches_keeps_out),
		paired(everybody_who_watches_is_hung_up_on),
		paired(a_hang_up_lasts),
		paired(a_death_and_its_successor_wake_too),
		paired(nothing_accumulates),
		paired(from_the_second_record_on_no_file_is_made),
		paired(a_record_that_was_removed_comes_back),
		paired(who_seals_seals_every_record),
		paired(a_full_file_system_does_not_matter),
	};
	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
