/* Making a pair, and being a client, when the system refuses. */
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

static int const all_errors[] = { ENOSPC, EMFILE, ENOMEM, EIO, EINVAL, ENOSYS, EPERM, EACCES,
	ENOENT, 0 };

static void init_fails_clean_or_succeeds(void **state)
{
	(void)state;
	unsigned int descriptors = pair_descriptors();
	for (int there = 0; there < 2; there++)
		for (enum call call = 0; call < CALLS; call++)
			for (size_t e = 0; all_errors[e]; e++)
				for (unsigned int nth = 1; nth <= 4; nth++) {
					if (!there) {
						unlinkat(scratch_fd, "in", 0);
						unlinkat(scratch_fd, "out", 0);
					}
					fault_inject(call, nth, 0, all_errors[e]);
					int result = cinit_ipc_init(&pair, scratch_fd, NO_GROUP);
					fault_heal();
					if (result < 0)
						assert_int_equal(pair_descriptors(), descriptors);
					cinit_ipc_close(&pair);
					assert_int_equal(
						cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
					assert_int_equal(pair_mode("in"), S_IFIFO | 0600);
					assert_int_equal(pair_mode("out"), S_IFIFO | 0644);
					cinit_ipc_close(&pair);
					assert_int_equal(pair_descriptors(), descriptors);
				}
}

static void want_of_descriptors_removes_nothing(void **state)
{
	(void)state;
	static int const error[] = { EMFILE, ENFILE, ENOMEM };
	ino_t in = pair_inode("in"), out = pair_inode("out");
	cinit_ipc_close(&pair);
	for (size_t e = 0; e < 3; e++) {
		fault_inject(OPENAT, 1, 1, error[e]);
		assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), -1);
		assert_int_equal(errno, error[e]);
		assert_int_equal(cinit_ipc_prepare(scratch_fd), 0);
		fault_heal();
		assert_int_equal(pair_inode("in"), in);
		assert_int_equal(pair_inode("out"), out);
	}
	unlinkat(scratch_fd, "out", 0);
	fault_inject(MKFIFOAT, 1, 1, ENOSPC);
	assert_int_equal(cinit_ipc_prepare(scratch_fd), -1);
	assert_int_equal(errno, ENOSPC);
}

static void clients_say_what_failed(void **state)
{
	(void)state;
	static struct {
		int error;
		enum cinit_sent sent;
	} const row[] = {
		{ EMFILE, CINIT_SEND_ERROR },
		{ ENOMEM, CINIT_SEND_ERROR },
		{ EACCES, CINIT_DENIED },
		{ EPERM, CINIT_DENIED },
		{ ENXIO, CINIT_NO_SUPERVISOR },
		{ ENOTDIR, CINIT_NO_SERVICE },
	};
	struct message m = { .command = 'u', .id = 1 };
	struct status s;
	assert_int_equal(pair_publish(), 0);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct cinit_client c = pair_client();
		fault_inject(OPENAT, 1, 0, row[i].error);
		assert_int_equal(cinit_ipc_send(&c, &m), row[i].sent);
		assert_int_equal(errno, row[i].error);
		fault_inject(OPENAT, 1, 0, row[i].error);
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
		assert_int_equal(errno, row[i].error);
		assert_int_equal(c.out, -1);
		fault_inject(OPENAT, 2, 0, row[i].error); /* the record */
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
		assert_int_equal(errno, row[i].error);
		cinit_ipc_release(&c);
	}
	struct cinit_client c = pair_client();
	fault_inject(WRITE, 1, 0, EIO);
	assert_int_equal(cinit_ipc_send(&c, &m), CINIT_SEND_ERROR);
	assert_int_equal(errno, EIO);
	fault_inject(WRITE, 1, 0, EINTR); /* is none */
	assert_int_equal(cinit_ipc_send(&c, &m), CINIT_SENT);
	cinit_ipc_release(&c);
}

#define paired(test)   cmocka_unit_test_setup_teardown(test, setup, teardown)
#define unpaired(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		unpaired(init_fails_clean_or_succeeds),
		paired(want_of_descriptors_removes_nothing),
		paired(clients_say_what_failed),
	};
	return cmocka_run_group_tests_name("ipc_refused", tests, NULL, NULL);
}
