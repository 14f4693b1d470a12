/* Publishing when the system refuses: every call, each time it is made, with every error. */
/* wrap: openat write writev mkfifoat syscall renameat poll */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc_fault.h"
#include "ipc_pair.h"
#include "scratch.h"

#define NO_GROUP ((gid_t)-1)

static int setup(void **state)
{
	fault_heal();
	return pair_setup(state);
}

static int setup_empty(void **state)
{
	fault_heal();
	return pair_setup_empty(state);
}

static int teardown(void **state)
{
	fault_heal();
	return pair_teardown(state);
}

static uint64_t published(void)
{
	struct status s;
	struct status_ring r;
	assert_int_equal(status_read(scratch_fd, ".", &s, &r), STATUS_OK);
	return s.change;
}

static struct cinit_client watcher(void)
{
	struct cinit_client c = pair_client();
	struct status s;
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
	assert_true(c.out >= 0);
	return c;
}

static int const all_errors[] = { ENOSPC, EMFILE, ENOMEM, EIO, EINVAL, ENOSYS, EPERM, EACCES,
	ENOENT, 0 };

/* Publishes under a fault, watched, and checks what must hold whatever failed. 1: the
 * fault was reached. */
static int survives(enum call call, unsigned int nth, int error)
{
	struct cinit_client early = watcher();
	uint64_t before = published();
	fault_inject(call, nth, 0, error);
	int result = pair_publish();
	int reached = fault_made[call] >= nth;
	fault_heal();

	/* The record is the old one or the new one, and whole. */
	uint64_t now = published();
	assert_true(now == before || now == pair_status.change);
	if (result == 0)
		assert_true(now == pair_status.change);
	/* Nobody sleeps through a new record; nobody was told of a failure to write one. */
	assert_int_equal(pair_hung_up(early.out), now != before);

	/* Whoever comes now is told by the next publication. */
	struct cinit_client late = watcher();
	assert_int_equal(pair_publish(), 0);
	assert_true(pair_hung_up(early.out));
	assert_true(pair_hung_up(late.out));
	assert_true(published() == pair_status.change);
	assert_true(pair.out >= 0);
	cinit_ipc_release(&early);
	cinit_ipc_release(&late);
	return reached;
}

static void each_failure_of_each_call_is_survived(void **state)
{
	(void)state;
	unsigned int reached = 0;
	assert_int_equal(pair_publish(), 0);
	struct cinit_client c = watcher();
	assert_int_equal(pair_publish(), 0);
	cinit_ipc_release(&c);
	unsigned int descriptors = pair_descriptors();

	for (enum call call = 0; call < CALLS; call++)
		for (size_t e = 0; e < sizeof all_errors / sizeof *all_errors; e++)
			for (unsigned int nth = 1; nth <= 4; nth++) {
				if (all_errors[e] == 0 && call != WRITE)
					continue;
				/* with and without what is kept ready, and by a successor */
				for (int spares = 0; spares < 3; spares++) {
					if (spares == 1)
						unlinkat(scratch_fd, ".out", 0);
					if (spares == 2) {
						cinit_ipc_close(&pair);
						assert_int_equal(
							cinit_ipc_init(&pair, scratch_fd, NO_GROUP),
							0);
					}
					reached += (unsigned int)survives(call, nth, all_errors[e]);
				}
				pair.no_exchange = 0;
				assert_int_equal(pair_descriptors(), descriptors);
				assert_true(pair_entries() <= 5);
			}
	assert_true(reached > 100);
}

static void the_first_publication_may_fail_anywhere(void **state)
{
	(void)state;
	for (enum call call = 0; call < CALLS; call++)
		for (size_t e = 0; e < sizeof all_errors / sizeof *all_errors; e++)
			for (unsigned int nth = 1; nth <= 3; nth++) {
				struct status s;
				if (all_errors[e] == 0 && call != WRITE)
					continue;
				assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
				fault_inject(call, nth, 0, all_errors[e]);
				int result = pair_publish();
				fault_heal();
				if (result < 0) {
					assert_int_equal(status_read(scratch_fd, ".", &s, NULL),
						STATUS_SYSTEM);
					assert_int_equal(errno, ENOENT);
					assert_int_equal(pair_publish(), 0);
				}
				assert_true(published() == pair_status.change);
				assert_int_equal(pair_publish(), 0);
				assert_true(published() == pair_status.change);
				cinit_ipc_close(&pair);
				unlinkat(scratch_fd, "status", 0);
				unlinkat(scratch_fd, ".status", 0);
			}
}

static void a_full_disk_keeps_the_old_record(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(pair_publish(), 0);
	struct cinit_client c = watcher();
	for (int error = 0; error <= ENOSPC; error += ENOSPC) { /* 0: half of it was written */
		fault_inject(WRITE, 1, 1, error);
		for (int i = 0; i < 5; i++) {
			assert_int_equal(pair_publish(), -1);
			assert_int_equal(errno, ENOSPC);
			assert_true(published() == 1);
			assert_false(pair_hung_up(c.out));
			/* what room there is, is kept */
			assert_int_equal(fstatat(scratch_fd, ".status", &st, 0), 0);
			assert_int_equal(st.st_size, STATUS_SIZE);
		}
	}
	fault_heal();
	assert_int_equal(pair_publish(), 0);
	assert_true(published() == 11 + 1);
	assert_true(pair_hung_up(c.out));
	cinit_ipc_release(&c);
}

static void where_files_cannot_be_exchanged_they_are_renamed(void **state)
{
	(void)state;
	static int const error[] = { EINVAL, ENOSYS, EPERM };
	for (size_t e = 0; e < sizeof error / sizeof *error; e++) {
		fault_inject(RENAMEAT2, 1, 1, error[e]);
		for (int i = 0; i < 5; i++) {
			struct cinit_client c = pair_client();
			struct status s;
			cinit_ipc_watch(&c, &s, NULL);
			assert_int_equal(pair_publish(), 0);
			assert_true(published() == pair_status.change);
			assert_true(pair_hung_up(c.out));
			assert_int_equal(pair_mode("status"), S_IFREG | 0644);
			assert_int_equal(pair_mode(".status"), 0);
			assert_true(pair.no_exchange);
			cinit_ipc_release(&c);
		}
		assert_int_equal(fault_made[RENAMEAT2], 1); /* asked once, and believed */
		pair.no_exchange = 0;
	}
}

/* Without a new `out` everybody is hung up on all the same; who comes then waits for the next. */
static void when_no_fifo_can_be_made_the_old_one_is_closed(void **state)
{
	(void)state;
	static enum call const call[] = { MKFIFOAT, OPENAT };
	static int const error[] = { ENOSPC, EMFILE };
	assert_int_equal(pair_publish(), 0);
	for (size_t i = 0; i < 2; i++) {
		unlinkat(scratch_fd, ".out", 0);
		struct cinit_client a = watcher();
		fault_inject(
			call[i], call[i] == OPENAT ? 2 : 1, 1, error[i]); /* 1 is for the record */
		assert_int_equal(pair_publish(), 1);
		assert_int_equal(errno, error[i]);
		fault_heal();
		assert_true(published() == pair_status.change);
		assert_true(pair_hung_up(a.out));
		assert_int_equal(pair.out, -1);

		/* Those who come meanwhile sleep, until the next attempt, even if that fails as
		 * well. */
		for (int again = 0; again < 3; again++) {
			struct cinit_client b = watcher();
			assert_false(pair_hung_up(b.out));
			fault_inject(MKFIFOAT, 1, 1, ENOSPC);
			assert_int_equal(pair_publish(), 1);
			fault_heal();
			assert_true(pair_hung_up(a.out) && pair_hung_up(b.out));
			cinit_ipc_release(&b);
		}
		struct cinit_client b = watcher();
		assert_int_equal(pair_publish(), 0);
		assert_true(pair_hung_up(a.out) && pair_hung_up(b.out));
		assert_true(pair.out >= 0);
		cinit_ipc_release(&a);
		cinit_ipc_release(&b);
	}
}

static void a_poll_that_fails_counts_as_watched(void **state)
{
	(void)state;
	assert_int_equal(pair_publish(), 0);
	ino_t out = pair_inode("out");
	fault_inject(POLL, 1, 1, ENOMEM);
	assert_int_equal(pair_publish(), 0);
	fault_heal();
	assert_true(pair_inode("out") != out);
}

#define paired(test)   cmocka_unit_test_setup_teardown(test, setup, teardown)
#define unpaired(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		paired(each_failure_of_each_call_is_survived),
		unpaired(the_first_publication_may_fail_anywhere),
		paired(a_full_disk_keeps_the_old_record),
		paired(where_files_cannot_be_exchanged_they_are_renamed),
		paired(when_no_fifo_can_be_made_the_old_one_is_closed),
		paired(a_poll_that_fails_counts_as_watched),
	};
	return cmocka_run_group_tests_name("ipc_faults", tests, NULL, NULL);
}
