/* The owner of a FIFO pair is killed before each of its system calls, and replaced. */
/* wrap: openat write writev mkfifoat syscall renameat poll */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc_fault.h"
#include "ipc_pair.h"
#include "scratch.h"

#define NO_GROUP ((gid_t)-1)
#define KILLED   (1000 + SIGKILL) /* as scratch_child tells it */

static int setup(void **state)
{
	fault_heal();
	return pair_setup_empty(state);
}

/* The child has inherited the pair, and is the owner from now on. */
static int publish_and_die(void *nth)
{
	fault_die(*(unsigned int *)nth);
	CHILD_CHECK(pair_publish() == 0);
	return 0;
}

static int init_and_die(void *nth)
{
	fault_die(*(unsigned int *)nth);
	CHILD_CHECK(cinit_ipc_init(&pair, scratch_fd, NO_GROUP) == 0);
	return 0;
}

/* After a death: the record is whole, whoever watched is awake, and a successor carries on. */
static void carry_on(struct cinit_client *early, uint64_t before, int survived)
{
	struct cinit_client late = pair_client();
	struct status s;
	struct status_ring r;

	cinit_ipc_close(&pair); /* the test's own copy */
	if (early->out >= 0)
		assert_true(pair_hung_up(early->out));
	assert_int_equal(cinit_ipc_watch(&late, &s, &r), STATUS_OK);
	assert_true(s.change == before + 1 || (s.change == before && !survived));
	assert_false(pair_hung_up(late.out));

	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	pair_status = s;
	pair_ring = r;
	assert_int_equal(pair_publish(), 0);
	assert_true(pair_hung_up(late.out));
	if (early->out >= 0)
		assert_true(pair_hung_up(early->out));
	assert_int_equal(cinit_ipc_watch(&late, &s, &r), STATUS_OK);
	assert_true(s.change == pair_status.change);
	assert_true(status_answer(&r, before) >= 0);
	assert_true(pair_entries() <= 5);
	cinit_ipc_release(&late);
}

static void publishing_may_be_cut_off_anywhere(void **state)
{
	(void)state;
	unsigned int deaths = 0;
	for (unsigned int variant = 0; variant < 16; variant++)
		for (unsigned int nth = 1, code = KILLED; code == KILLED; nth++) {
			struct cinit_client early = pair_client();
			struct status s;
			assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
			status_acknowledge(&pair_status, &pair_ring, pair_status.change + 1,
				RESULT_DONE, WHY_NONE);
			assert_int_equal(pair_publish(), 0);
			if (variant & 1)
				assert_int_equal(cinit_ipc_watch(&early, &s, NULL), STATUS_OK);
			if (variant & 2)
				unlinkat(scratch_fd, ".out", 0);
			if (variant & 4)
				pair.spare_status = 0;
			pair.no_exchange = (variant & 8) != 0;
			code = (unsigned int)scratch_child(publish_and_die, &nth);
			assert_true(code == KILLED || code == 0);
			carry_on(&early, pair_status.change, code == 0);
			cinit_ipc_release(&early);
			cinit_ipc_close(&pair);
			deaths += code == KILLED;
		}
	assert_true(deaths > 50);
}

static void taking_over_may_be_cut_off_anywhere(void **state)
{
	(void)state;
	for (unsigned int there = 0; there < 4; there++)
		for (unsigned int nth = 1, code = KILLED; code == KILLED; nth++) {
			struct cinit_client early = pair_client();
			struct status s;
			assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
			assert_int_equal(pair_publish(), 0);
			if (!(there & 1))
				unlinkat(scratch_fd, "in", 0);
			if (!(there & 2))
				unlinkat(scratch_fd, "out", 0);
			else
				assert_int_equal(cinit_ipc_watch(&early, &s, NULL), STATUS_OK);
			cinit_ipc_close(&pair);
			code = (unsigned int)scratch_child(init_and_die, &nth);
			assert_true(code == KILLED || code == 0);
			assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
			assert_int_equal(pair_publish(), 0);
			if (early.out >= 0)
				assert_true(pair_hung_up(early.out));
			cinit_ipc_release(&early);
			cinit_ipc_close(&pair);
		}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup_teardown(
			publishing_may_be_cut_off_anywhere, setup, pair_teardown),
		cmocka_unit_test_setup_teardown(
			taking_over_may_be_cut_off_anywhere, setup, pair_teardown),
	};
	return cmocka_run_group_tests_name("ipc_death", tests, NULL, NULL);
}
