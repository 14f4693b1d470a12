/* The FIFO pair, the owner's side: making it, or taking over what is there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc_pair.h"
#include "scratch.h"

#define NO_GROUP ((gid_t)-1)

static void a_pair_is_made(void **state)
{
	(void)state;
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(pair_mode("in"), S_IFIFO | 0600);
	assert_int_equal(pair_mode("out"), S_IFIFO | 0644);
	assert_int_equal(pair_entries(), 2);
	assert_int_equal(cinit_ipc_fd(&pair), pair.in);
	assert_int_equal(fcntl(pair.in, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
	assert_int_equal(
		fcntl(pair.out, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
	assert_int_equal(fcntl(pair.in, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(pair.out, F_GETFD), FD_CLOEXEC);
}

static void a_prepared_out_is_taken(void **state)
{
	(void)state;
	assert_int_equal(cinit_ipc_prepare(scratch_fd), 0);
	assert_int_equal(pair_mode("out"), S_IFIFO | 0644);
	assert_int_equal(pair_entries(), 1);
	ino_t out = pair_inode("out");
	assert_int_equal(cinit_ipc_prepare(scratch_fd), 0);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(pair_inode("out"), out);
}

static void a_predecessors_pair_is_taken_and_set_right(void **state)
{
	(void)state;
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	ino_t in = pair_inode("in"), out = pair_inode("out");
	cinit_ipc_close(&pair);
	assert_int_equal(pair.in, -1);
	assert_int_equal(pair.out, -1);
	assert_int_equal(fchmodat(scratch_fd, "in", 0666, 0), 0);
	assert_int_equal(fchmodat(scratch_fd, "out", 0600, 0), 0);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(pair_inode("in"), in);
	assert_int_equal(pair_inode("out"), out);
	assert_int_equal(pair_mode("in"), S_IFIFO | 0600);
	assert_int_equal(pair_mode("out"), S_IFIFO | 0644);
}

static void a_group_may_be_let_in(void **state)
{
	(void)state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	for (int round = 0; round < 3; round++) {
		assert_int_equal(cinit_ipc_init(&pair, scratch_fd, 4321), 0);
		assert_int_equal(fstatat(scratch_fd, "in", &st, 0), 0);
		assert_int_equal(st.st_gid, 4321);
		assert_int_equal(st.st_mode, S_IFIFO | 0620);
		assert_int_equal(pair_mode("out"), S_IFIFO | 0644);
		cinit_ipc_close(&pair);
		/* taken over; then made in the place of something else */
		if (round == 1) {
			assert_int_equal(unlinkat(scratch_fd, "in", 0), 0);
			assert_int_equal(mkdirat(scratch_fd, "in", 0755), 0);
		}
	}
	/* and shut out again */
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(pair_mode("in"), S_IFIFO | 0600);
}

static void what_is_not_ours_is_replaced(void **state)
{
	(void)state;
	static char const *const name[] = { "in", "out", ".out", ".status" };
	for (size_t n = 0; n < sizeof name / sizeof *name; n++)
		for (size_t p = 0; pair_obstacle[p]; p++) {
			struct cinit_client c = pair_client();
			struct status s;
			struct stat st;
			pair_obstacle[p](name[n]);
			assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
			assert_int_equal(pair_publish(), 0);
			assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
			int out = dup(c.out);
			assert_int_equal(pair_publish(), 0);
			assert_true(pair_hung_up(out));
			assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
			assert_true(s.change == pair_status.change);
			assert_int_equal(pair_mode("in"), S_IFIFO | 0600);
			assert_int_equal(pair_mode("out"), S_IFIFO | 0644);
			assert_int_equal(fstatat(scratch_fd, name[n], &st, 0), 0);
			assert_int_equal(st.st_uid, geteuid());
			assert_int_equal(pair_mode("status"), S_IFREG | 0644);
			close(out);
			cinit_ipc_release(&c);
			cinit_ipc_close(&pair);
			for (size_t i = 0; i < sizeof name / sizeof *name; i++)
				unlinkat(scratch_fd, name[i], 0);
			unlinkat(scratch_fd, "status", 0);
			unlinkat(scratch_fd, "elsewhere", 0);
			assert_int_equal(pair_entries(), 0);
		}
}

static void what_cannot_be_replaced_is_an_error(void **state)
{
	(void)state;
	unsigned int before = pair_descriptors();
	assert_int_equal(mkdirat(scratch_fd, "out", 0755), 0);
	assert_int_equal(mkdirat(scratch_fd, "out/full", 0755), 0);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), -1);
	assert_int_equal(errno, ENOTEMPTY);
	assert_int_equal(pair.in, -1);
	assert_int_equal(pair_descriptors(), before);
}

#define unpaired(test) cmocka_unit_test_setup_teardown(test, pair_setup_empty, pair_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		unpaired(a_pair_is_made),
		unpaired(a_prepared_out_is_taken),
		unpaired(a_predecessors_pair_is_taken_and_set_right),
		unpaired(a_group_may_be_let_in),
		unpaired(what_is_not_ours_is_replaced),
		unpaired(what_cannot_be_replaced_is_an_error),
	};
	return cmocka_run_group_tests_name("ipc_init", tests, NULL, NULL);
}
