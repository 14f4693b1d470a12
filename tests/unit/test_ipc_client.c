/* The FIFO pair, the client's side: sending and watching, and every way in which that fails. */
/* wrap: fstat */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc_pair.h"
#include "scratch.h"

#define NO_GROUP ((gid_t)-1)
#define USER     1000

static struct message const letter = { .command = 'u' };
static struct message const frame = { .command = 'u', .id = 42 };

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

/* What happens just after the client opened a FIFO, `times` times. */
static void (*meanwhile)(void);
static unsigned int times;

int __wrap_fstat(int fd, struct stat *st)
{
	if (meanwhile && times) {
		void (*act)(void) = meanwhile;
		meanwhile = NULL; /* it may come by here itself */
		times--;
		act();
		meanwhile = act;
	}
	return __real_fstat(fd, st);
}

static int setup(void **state)
{
	meanwhile = NULL;
	return pair_setup(state);
}

static int setup_empty(void **state)
{
	meanwhile = NULL;
	return pair_setup_empty(state);
}

/* ------------------------------------------------------------------------------------- sending */

static void a_missing_service_is_told_from_a_missing_supervisor(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_NO_SERVICE);
	c.path = "nowhere";
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_NO_SERVICE);
	scratch_text("file", "");
	c.path = "file";
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_NO_SERVICE);
	c.path = ".";
	/* cinit made the directory, and the supervisor is on its way */
	assert_int_equal(cinit_ipc_prepare(scratch_fd), 0);
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_NO_SUPERVISOR);
	/* it was there, and died */
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	cinit_ipc_close(&pair);
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_NO_SUPERVISOR);
	assert_int_equal(c.in, -1);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_SENT);
	assert_true(c.in >= 0);
	cinit_ipc_unsend(&c);
	assert_int_equal(c.in, -1);
	cinit_ipc_unsend(&c);
}

static void what_is_no_fifo_is_not_written_to(void **state)
{
	(void)state;
	char text[32] = { 0 };
	unsigned int before = pair_descriptors();
	for (size_t i = 0; i < PAIR_NO_FIFOS; i++) {
		struct cinit_client c = pair_client();
		pair_obstacle[i]("in");
		assert_int_equal(cinit_ipc_send(&c, &letter), CINIT_NOT_FIFO);
		assert_int_equal(c.in, -1);
		if (S_ISREG(pair_mode("in"))) {
			int fd = openat(scratch_fd, "in", O_RDONLY);
			assert_true(read(fd, text, sizeof text) > 0);
			assert_string_equal(text, "not a FIFO");
			close(fd);
		}
		unlinkat(scratch_fd, "in", S_ISDIR(pair_mode("in")) ? AT_REMOVEDIR : 0);
	}
	assert_int_equal(pair_descriptors(), before);
}

static void a_full_fifo_is_reported(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct message m;
	unsigned int sent = 0, heard = 0;
	enum cinit_sent last;
	while ((last = cinit_ipc_send(&c, &frame)) == CINIT_SENT)
		sent++;
	assert_int_equal(last, CINIT_FULL);
	assert_true(c.in >= 0);
	/* nothing was cut: what did not fit is not there in part */
	for (unsigned int quiet = 0; quiet < 2;) {
		int got = cinit_ipc_listen(&pair, &m);
		heard += got == 1;
		quiet = got == 1 ? 0 : quiet + 1;
	}
	assert_int_equal(heard, sent);
	assert_int_equal(pair.decoder.noise, 0);
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_SENT);
	cinit_ipc_release(&c);
}

static void a_reader_that_died_is_noticed(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct message m;
	assert_int_equal(cinit_ipc_send(&c, &letter), CINIT_SENT);
	cinit_ipc_close(&pair);
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_NO_SUPERVISOR);
	assert_int_equal(c.in, -1);
	/* its successor has another `in`: the client finds it */
	assert_int_equal(unlinkat(scratch_fd, "in", 0), 0);
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_SENT);
	assert_int_equal(cinit_ipc_listen(&pair, &m), 1);
	assert_true(m.id == frame.id);
	cinit_ipc_release(&c);
}

static int without_rights(void *data)
{
	struct cinit_client c = pair_client();
	struct status s;
	(void)data;
	CHILD_CHECK(scratch_become(USER) == 0);
	CHILD_CHECK(cinit_ipc_send(&c, &frame) == CINIT_DENIED);
	CHILD_CHECK(c.in == -1);
	/* to watch is everybody's right */
	CHILD_CHECK(cinit_ipc_watch(&c, &s, NULL) == STATUS_OK);
	CHILD_CHECK(!pair_hung_up(c.out));
	return 0;
}

static void who_may_not_send_is_denied_and_may_watch(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pair_publish(), 0);
	assert_int_equal(scratch_child(without_rights, NULL), 0);
}

static int with_the_group(void *data)
{
	struct cinit_client c = pair_client();
	(void)data;
	CHILD_CHECK(scratch_become(USER) == 0);
	CHILD_CHECK(cinit_ipc_send(&c, &frame) == CINIT_SENT);
	CHILD_CHECK(open(scratch_name("in"), O_RDONLY | O_NONBLOCK) < 0 && errno == EACCES);
	return 0;
}

static void a_control_group_may_send_and_not_listen(void **state)
{
	(void)state;
	struct message m;
	if (geteuid() != 0)
		skip();
	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, USER), 0);
	assert_int_equal(scratch_child(with_the_group, NULL), 0);
	/* the sender has gone; we held the FIFO all the time */
	assert_int_equal(cinit_ipc_listen(&pair, &m), 1);
	assert_true(m.id == frame.id);
}

static void names_too_long_are_errors(void **state)
{
	(void)state;
	static char path[PATH_MAX + 1];
	struct cinit_client c = pair_client();
	struct status s;
	memset(path, 'x', PATH_MAX);
	c.path = path;
	assert_int_equal(cinit_ipc_send(&c, &frame), CINIT_SEND_ERROR);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void ids_are_random_and_never_zero(void **state)
{
	(void)state;
	uint64_t id[1000], all = 0, common = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		id[i] = cinit_ipc_id();
		assert_true(id[i] != 0);
		all |= id[i];
		common &= id[i];
		for (int j = 0; j < i; j++)
			assert_true(id[i] != id[j]);
	}
	assert_true(all == UINT64_MAX && common == 0); /* every bit takes part */
}

static void an_id_tells_what_its_client_had_seen(void **state)
{
	(void)state;
	static uint64_t const seen[] = { 0, 1, 0xffffff, 0x1000000, 0x123456789abcdef, UINT64_MAX };
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		uint64_t all = 0, common = UINT64_MAX;
		for (int n = 0; n < 1000; n++) {
			uint64_t id = cinit_ipc_id_after(seen[i]);
			assert_true(id != 0);
			assert_true((id & CINIT_ID_SEEN) == (seen[i] & CINIT_ID_SEEN));
			all |= id;
			common &= id;
		}
		assert_true((all | CINIT_ID_SEEN) == UINT64_MAX && !(common & ~CINIT_ID_SEEN));
	}
}

/* ------------------------------------------------------------------------------------ watching */

static void what_there_is_to_watch(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct status s;
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(c.out, -1); /* no such service */

	assert_int_equal(cinit_ipc_prepare(scratch_fd), 0);
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_true(c.out >= 0); /* nothing published yet: wait */
	assert_false(pair_hung_up(c.out));
	assert_int_equal(fcntl(c.out, F_GETFD), FD_CLOEXEC);

	assert_int_equal(cinit_ipc_init(&pair, scratch_fd, NO_GROUP), 0);
	assert_int_equal(pair_publish(), 0);
	assert_true(pair_hung_up(c.out));
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
	assert_true(s.change == 1);
	assert_false(pair_hung_up(c.out));

	scratch_text("status", "rubbish");
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SHORT);
	assert_true(c.out >= 0);
	cinit_ipc_release(&c);
	assert_int_equal(c.out, -1);
	cinit_ipc_release(&c);
}

static void what_is_no_fifo_is_not_watched(void **state)
{
	(void)state;
	unsigned int before = pair_descriptors();
	for (size_t i = 0; i < PAIR_NO_FIFOS; i++) {
		struct cinit_client c = pair_client();
		struct status s;
		pair_obstacle[i]("out");
		errno = 0;
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
		assert_true(errno == EINVAL || errno == ELOOP || errno == ENXIO);
		assert_int_equal(c.out, -1);
		unlinkat(scratch_fd, "out", S_ISDIR(pair_mode("out")) ? AT_REMOVEDIR : 0);
	}
	assert_int_equal(pair_descriptors(), before);
}

static int third; /* a watcher that makes every publication replace `out` */

static void publish(void)
{
	if (third >= 0)
		close(third);
	third = openat(scratch_fd, "out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	pair_publish();
}

/* The client has opened `out`, which is replaced before it looks further: the FIFO that it holds
 * would never be hung up on again if the hang-up came before its opening. It must hold the present
 * one. */
static void an_out_replaced_while_it_is_opened_is_let_go(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct status s;
	struct stat st;
	third = -1;
	unsigned int before = pair_descriptors();
	for (unsigned int n = 1; n <= 20; n++) {
		times = n;
		meanwhile = publish;
		assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_OK);
		meanwhile = NULL;
		assert_int_equal(times, 0);
		assert_true(s.change == pair_status.change);
		assert_int_equal(__real_fstat(c.out, &st), 0);
		assert_int_equal(st.st_ino, pair_inode("out"));
		assert_false(pair_hung_up(c.out));
		assert_int_equal(pair_publish(), 0);
		assert_true(pair_hung_up(c.out));
	}
	cinit_ipc_release(&c);
	close(third);
	assert_int_equal(pair_descriptors(), before);
}

static void an_owner_out_of_its_mind_does_not_hold_us_for_ever(void **state)
{
	(void)state;
	struct cinit_client c = pair_client();
	struct status s;
	third = -1;
	times = UINT_MAX;
	meanwhile = publish;
	assert_int_equal(cinit_ipc_watch(&c, &s, NULL), STATUS_SYSTEM);
	meanwhile = NULL;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(c.out, -1);
	close(third);
}

#define paired(test)   cmocka_unit_test_setup_teardown(test, setup, pair_teardown)
#define unpaired(test) cmocka_unit_test_setup_teardown(test, setup_empty, pair_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		unpaired(a_missing_service_is_told_from_a_missing_supervisor),
		unpaired(what_is_no_fifo_is_not_written_to),
		paired(a_full_fifo_is_reported),
		paired(a_reader_that_died_is_noticed),
		paired(who_may_not_send_is_denied_and_may_watch),
		unpaired(a_control_group_may_send_and_not_listen),
		unpaired(names_too_long_are_errors),
		cmocka_unit_test(ids_are_random_and_never_zero),
		cmocka_unit_test(an_id_tells_what_its_client_had_seen),
		unpaired(what_there_is_to_watch),
		unpaired(what_is_no_fifo_is_not_watched),
		paired(an_out_replaced_while_it_is_opened_is_let_go),
		paired(an_owner_out_of_its_mind_does_not_hold_us_for_ever),
	};
	return cmocka_run_group_tests_name("ipc_client", tests, NULL, NULL);
}
