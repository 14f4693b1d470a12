/* Commands: letters and frames, noise between them, and what becomes of `in`. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/sig.h>

#include "clock.h"
#include "command.h"
#include "frame.h"

#define LISTENS "listen up"

static void each_signal_arrives(void **state)
{
	struct place web = place_running("web", LISTENS);
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = &command_table[i];
		if (c->action != ACTION_SIGNAL || c->signal == SIGKILL)
			continue;
		assert_int_equal(place_command(&web, c->letter), RESULT_DONE);
		event_is(sig_name(c->signal));
		n++;
	}
	assert_int_equal(n, 7);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.starts, 1);
	/* it was told to go and may do so whenever it likes */
	assert_int_equal(web.s.flags & FLAG_GOT_TERM, FLAG_GOT_TERM);
	assert_int_equal(place_command(&web, 'k'), RESULT_DONE);
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	assert_int_equal(web.s.last_exit, SIGKILL);
}

static void each_letter_works_as_a_byte(void **state)
{
	struct place web = place_running("web", LISTENS);

	(void)state;
	place_letters(&web, "h");
	event_is("HUP");
	place_letters(&web, "12");
	char first[8];
	snprintf(first, sizeof first, "%s", event_next());
	if (strcmp(first, "USR1") != 0) /* two signals that wait have no order */
		assert_string_equal(first, "USR2");
	event_is(first[3] == '1' ? "USR2" : "USR1");
	place_letters(&web, "k");
	UNTIL(&web, s->starts == 2 && s->state == STATE_UP);
	event_is("up");
	place_letters(&web, "kd");
	UNTIL(&web, s->state == STATE_DOWN);
	assert_true(web.s.acknowledged == 0);
	place_letters(&web, "u");
	UNTIL(&web, s->state == STATE_UP);
	event_is("up");
	place_letters(&web, "kdu");
	UNTIL(&web, s->state == STATE_UP && s->starts == 4);
	place_letters(&web, "xk");
	assert_int_equal(tree_end(web.supervisor), 0);
}

static char process_state(uint32_t pid)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	char const *line = fgets(text, sizeof text, f);
	fclose(f);
	char const *paren = line ? strrchr(text, ')') : 0;
	return paren ? paren[2] : 0;
}

static void pause_and_cont(void **state)
{
	struct place web = place_running("web", LISTENS);

	(void)state;
	assert_int_equal(place_command(&web, 'p'), RESULT_DONE);
	assert_int_equal(web.s.flags & FLAG_PAUSED, FLAG_PAUSED);
	/* the signal is sent; that it has stopped takes the kernel a moment */
	uint64_t deadline = tree_patience();
	while (process_state(web.s.pid) != 'T' && clock_boottime() < deadline)
		assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(process_state(web.s.pid), 'T');
	assert_int_equal(place_command(&web, 'c'), RESULT_DONE);
	assert_int_equal(web.s.flags & FLAG_PAUSED, 0);
	event_is("CONT");
}

static void what_is_paused_can_be_stopped(void **state)
{
	struct place web = place_running("web", "say up; exec sleep 1000");

	(void)state;
	place_command(&web, 'p');
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	assert_int_equal(web.s.last_exit, SIGTERM);
	assert_int_equal(web.s.flags & FLAG_PAUSED, 0);
	assert_int_equal(web.s.reason, REASON_NONE);
}

static void signals_need_a_process(void **state)
{
	struct place web = place_running("web", "say up; exec sleep 1000");

	(void)state;
	place_command(&web, 'd');
	UNTIL(&web, s->state == STATE_DOWN);
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = &command_table[i];
		if (c->target != COMMAND_SERVICE ||
			(c->action != ACTION_SIGNAL && c->action != ACTION_PAUSE &&
				c->action != ACTION_CONT))
			continue;
		assert_int_equal(place_command(&web, c->letter), RESULT_NOTHING);
		assert_int_equal(web.s.flags & FLAG_PAUSED, 0);
		assert_int_equal(web.s.flags & FLAG_GOT_TERM, 0);
	}
	assert_int_equal(web.s.state, STATE_DOWN);
}

static void unknown_commands_are_refused(void **state)
{
	struct place web = place_running("web", LISTENS);
	enum status_why why;

	(void)state;
	for (int c = 0; c < 256; c++) {
		if (command_by_letter(COMMAND_SERVICE, c))
			continue;
		assert_int_equal(place_answer(&web, place_send(&web, c), &why), RESULT_REFUSED);
		assert_int_equal(why, WHY_UNKNOWN);
	}
	assert_int_equal(web.s.noise, 0);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.starts, 1);
	event_none();
}

/* A client that saw its supervisor die sends the same frame again. */
static void the_same_id_is_obeyed_once(void **state)
{
	struct place web = place_running("web", LISTENS);
	struct message m = { .id = cinit_ipc_id(), .command = '1' };
	char bytes[FRAME_MAX];
	size_t len = frame_encode(bytes, &m);

	(void)state;
	place_bytes(&web, bytes, len);
	assert_int_equal(place_answer(&web, m.id, 0), RESULT_DONE);
	event_is("USR1");
	place_bytes(&web, bytes, len);
	place_bytes(&web, bytes, len);
	assert_int_equal(place_command(&web, 'h'), RESULT_DONE);
	event_is("HUP");
	event_none();
	assert_true(web.s.acknowledged == 2);
}

/* ----------------------------------------------------------------------------- raw bytes */

static int open_in(struct place const *p)
{
	char path[TREE_PATH + 4];
	snprintf(path, sizeof path, "%s/in", p->state);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Writes as much as the pipe takes, again and again. */
static void pour(int fd, char const *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len > 4096 ? 4096 : len);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else {
			assert_int_equal(errno, EAGAIN);
			assert_true(tree_poll(fd, POLLOUT, tree_patience()) >= 0);
		}
	}
}

static void a_megabyte_of_noise(void **state)
{
	static char noise[1 << 20];
	struct place web = place_running("web", LISTENS);
	uint32_t first = web.s.pid;
	unsigned int seed = (unsigned int)getpid() * 2654435761u ^ (unsigned int)clock_boottime();

	(void)state;
	print_message("seed %u\n", seed);
	for (size_t i = 0; i < sizeof noise; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned char c = (unsigned char)(seed >> 16);
		/* letters would be obeyed, and rightly so; a frame's first byte begins one */
		noise[i] = command_by_letter(COMMAND_SERVICE, c) ? 'Z' : (char)c;
	}
	int fd = open_in(&web);
	pour(fd, noise, sizeof noise);
	while (!tree_poll(fd, POLLOUT, tree_patience()))
		;
	close(fd);
	assert_int_equal(place_command(&web, 'h'), RESULT_DONE);
	event_is("HUP");
	event_none();
	assert_true(web.s.noise > sizeof noise / 2);
	assert_int_equal(web.s.pid, first);
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
}

static void half_a_frame_and_then_a_letter(void **state)
{
	struct place web = place_running("web", LISTENS);
	struct message m = { .id = cinit_ipc_id(), .command = 'd' };
	char bytes[FRAME_MAX];
	size_t len = frame_encode(bytes, &m);

	(void)state;
	for (size_t cut = 1; cut < len; cut++) {
		place_bytes(&web, bytes, cut);
		place_bytes(&web, "h", 1);
		event_is("HUP");
	}
	/* and the tails, whose heads went to somebody who died */
	for (size_t cut = 1; cut < len; cut++)
		place_bytes(&web, bytes + cut, len - cut);
	assert_int_equal(place_command(&web, 'h'), RESULT_DONE);
	event_is("HUP");
	assert_int_equal(web.s.state, STATE_UP);
	assert_int_equal(web.s.want, WANT_UP);
	assert_true(web.s.acknowledged == 1);
}

static void a_frame_in_pieces(void **state)
{
	struct place web = place_running("web", LISTENS);
	struct message m = { .id = cinit_ipc_id(), .command = '2' };
	char bytes[FRAME_MAX];
	size_t len = frame_encode(bytes, &m);

	(void)state;
	int fd = open_in(&web);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(fd, bytes + i, 1), 1);
	close(fd);
	assert_int_equal(place_answer(&web, m.id, 0), RESULT_DONE);
	event_is("USR2");
}

static void frames_of_another_version(void **state)
{
	struct place web = place_running("web", LISTENS);
	struct message m = { .id = cinit_ipc_id(), .command = 'd' };
	char bytes[FRAME_MAX];
	size_t len = frame_encode(bytes, &m);

	(void)state;
	/* the version is the first octet: seven of its bits are in byte 3, the last is in byte 4 */
	bytes[3] = (char)(bytes[3] | 0x40);
	place_bytes(&web, bytes, len);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(web.s.foreign, 1);
	assert_int_equal(web.s.want, WANT_UP);
	assert_true(status_answer(&web.r, m.id) < 0);
}

/* More frames than the ring holds, at once: each is answered, and the last ones are in the ring. */
static void a_flood_of_frames(void **state)
{
	enum { FRAMES = 1000 };
	static uint64_t ids[FRAMES];
	struct place web = place_running("web", "say up; exec sleep 1000");

	uint64_t before = web.s.change;
	(void)state;
	int fd = open_in(&web);
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct message m = { .id = ids[i] = cinit_ipc_id(), .command = 'y' };
		char bytes[FRAME_MAX];
		size_t len = frame_encode(bytes, &m);
		while (write(fd, bytes, len) < 0) {
			assert_int_equal(errno, EAGAIN);
			assert_true(tree_poll(fd, POLLOUT, tree_patience()) >= 0);
		}
	}
	close(fd);
	UNTIL(&web, s->acknowledged == FRAMES);
	assert_true(web.s.change - before >= FRAMES / 16); /* a publication for 16 of them */
	for (unsigned int i = 0; i < FRAMES; i++) {
		int64_t slot = status_answer(&web.r, ids[i]);
		if (i < FRAMES - STATUS_RING)
			assert_true(slot < 0);
		else
			assert_true(slot == i % STATUS_RING);
	}
}

/* ------------------------------------------------------------------------- what lies in its place
 */

static enum cinit_sent try_to_send(struct place *p)
{
	struct message m = { .id = cinit_ipc_id(), .command = 'y' };
	cinit_ipc_unsend(&p->client);
	p->client.path = p->state;
	return cinit_ipc_send(&p->client, &m);
}

static void in_is_a_regular_file(void **state)
{
	struct place web = place_running("web", "alone; say up; exec sleep 1000");
	uint32_t first = web.s.pid;
	char path[TREE_PATH + 4];
	struct stat st;

	(void)state;
	snprintf(path, sizeof path, "%s/in", web.state);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(try_to_send(&web), CINIT_NO_SUPERVISOR);
	tree_write("run/web/in", 0600, "d");
	assert_int_equal(try_to_send(&web), CINIT_NOT_FIFO);
	/* what runs goes on, and the next supervisor puts it right */
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	place_supervise(&web);
	UNTIL(&web, s->supervisor == (uint32_t)p_->supervisor);
	assert_int_equal(place_command(&web, 'y'), RESULT_DONE);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(web.s.pid, first);
	assert_int_equal(web.s.state, STATE_UP);
	event_none();
}

/* Nobody can watch it; commands are obeyed all the same. */
static void out_is_gone(void **state)
{
	struct place web = place_running("web", "alone; say up; exec sleep 1000");

	(void)state;
	assert_int_equal(unlink(tree_name("run/web/out")), 0);
	assert_int_equal(try_to_send(&web), CINIT_SENT);
	kill(web.supervisor, SIGKILL);
	tree_end(web.supervisor);
	web = place_make("web"); /* as cinit does, before another supervisor */
	place_supervise(&web);
	assert_int_equal(place_command(&web, 'd'), RESULT_DONE);
	UNTIL(&web, s->state == STATE_DOWN);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		TREE_TEST(each_signal_arrives),
		TREE_TEST(each_letter_works_as_a_byte),
		TREE_TEST(pause_and_cont),
		TREE_TEST(what_is_paused_can_be_stopped),
		TREE_TEST(signals_need_a_process),
		TREE_TEST(unknown_commands_are_refused),
		TREE_TEST(the_same_id_is_obeyed_once),
		TREE_TEST(a_megabyte_of_noise),
		TREE_TEST(half_a_frame_and_then_a_letter),
		TREE_TEST(a_frame_in_pieces),
		TREE_TEST(frames_of_another_version),
		TREE_TEST(a_flood_of_frames),
		TREE_TEST(in_is_a_regular_file),
		TREE_TEST(out_is_gone),
	};
	return cmocka_run_group_tests_name("supervise_commands", tests, 0, 0);
}
