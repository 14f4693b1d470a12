/* Senders: each plays by the rules of cinit-ipc(7), and holds the supervisor to its word.
 *
 * A sender has one command under way. What an acknowledgement is worth is seen where a sender is
 * alone with what it commands: then the record in which the answer stands tells the rest. */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* Some commands follow each other at once, some come to rest in between. */
static void breathe(void)
{
	if (chance_below(4) == 0)
		chance_pause(chance_below(4 * CLOCK_MILLISEC));
}

/* Sleeps until what a witness tells is (or is not) a number; fails when it does not come to that.
 */
static void hear(int where, _Atomic uint32_t *what, int equal, uint32_t number, char const *name)
{
	_Atomic uint32_t *bell = &witness[where]->bell;
	struct timespec t = { .tv_sec = 1 };
	uint64_t limit = clock_boottime() + PATIENCE;

	for (;;) {
		uint32_t rung = atomic_load(bell);
		if ((atomic_load(what) == number) == equal)
			return;
		syscall(SYS_futex, bell, FUTEX_WAIT, rung, &t, NULL, 0);
		if (clock_boottime() > limit)
			timeline_complain(where, "acknowledged, and not done: %s", name);
	}
}

/* -------------------------------------------------------------------------------- signals */

/* USR1 or USR2 to one of two services that count them. Alone with its signal, and with one at a
 * time on its way, a sender sees each of them arrive: none can hide behind another. */
static void send_signals(unsigned int self)
{
	int letter = self ? '2' : '1';
	struct view v[2];

	view_open(&v[0], BEAT);
	view_open(&v[1], BEEP);
	while (atomic_load(&stress->sending)) {
		struct view *to = &v[chance_below(2)];
		struct witness *w = witness[to->where];
		struct tally *tally = &stress->tally[to->where];
		_Atomic uint32_t *count = self ? &w->usr2 : &w->usr1;
		uint32_t before = atomic_load(count);
		struct outcome o = sender_ask_with(to, letter, "");
		atomic_fetch_add(&tally->maybe[self + 1], o.again);
		if (o.result == RESULT_REFUSED && o.why == WHY_DOUBT) {
			atomic_fetch_add(&tally->maybe[self + 1], 1);
			continue;
		}
		if (o.result != RESULT_DONE)
			timeline_complain(to->where, "a signal: result %d, why %d", (int)o.result,
				(int)o.why);
		atomic_fetch_add(&tally->done[self + 1], 1);
		hear(to->where, count, 0, before, "a signal");
		breathe();
	}
}

/* The state of a process as /proc has it, 0: it is gone. */
static char state_of(uint32_t pid)
{
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state;
}

/* STOP and CONT, alternately or twice. Only its parent is told when a process stops. */
static void pause_and_go_on(void)
{
	struct view v;
	int paused = 0;

	view_open(&v, HUSH);
	while (paused || atomic_load(&stress->sending)) {
		int stop = atomic_load(&stress->sending) && chance_below(8) ? !paused : paused;
		stop &= atomic_load(&stress->sending) != 0;
		if (!sender_ask(&v, stop ? 'p' : 'c'))
			continue;
		paused = stop;
		if (((v.s.flags & FLAG_PAUSED) != 0) != stop)
			timeline_complain(HUSH, "acknowledged, and not in the record: %s",
				stop ? "pause" : "cont");
		uint64_t limit = clock_boottime() + PATIENCE;
		while ((state_of(v.s.child[ROLE_RUN].pid) == 'T') != stop) {
			if (clock_boottime() > limit)
				timeline_complain(HUSH, "acknowledged, and not done: %s",
					stop ? "pause" : "cont");
			chance_pause(CLOCK_MILLISEC / 5);
		}
		breathe();
	}
}

/* --------------------------------------------------------------------------------- up and down */

struct alone {
	struct view v;
	int lock; /* of a service that is down: whoever starts it now is found out. -1: not ours */
};

static void take_lock(struct alone *a)
{
	char file[80];
	snprintf(file, sizeof file, "%s.lock", place_names[a->v.where]);
	for (char *slash = file; (slash = strchr(slash, '/'));)
		*slash = '-';
	a->lock = open(tree_name("%s", file), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (a->lock < 0 || flock(a->lock, LOCK_EX | LOCK_NB) < 0)
		timeline_complain(a->v.where, "down, and process %u of it lives",
			atomic_load(&witness[a->v.where]->pid));
}

static void let_go(struct alone *a)
{
	if (a->lock >= 0)
		close(a->lock);
	a->lock = -1;
}

static int is_up(struct status const *s, uint32_t starts)
{
	return s->state == STATE_UP && !(s->flags & (FLAG_GOT_TERM | FLAG_AGAIN)) &&
	       s->starts >= starts;
}

/* Waits for what was asked, and looks whether it is so. */
static void see_it_done(struct alone *a, int letter, uint32_t starts)
{
	struct view *v = &a->v;
	uint64_t limit = clock_boottime() + PATIENCE;

	while (letter == 'd' ? v->s.state != STATE_DOWN : !is_up(&v->s, starts)) {
		view_wait(v, limit);
		view_look(v);
	}
	if (letter == 'd') {
		take_lock(a);
		return;
	}
	/* a logger may see the end of its input, and go, when supervisor and service are away */
	if (v->where != WEB_LOG)
		hear(v->where, &witness[v->where]->pid, 1, v->s.child[ROLE_RUN].pid, "a start");
}

/* A letter, which is lost when its reader dies, and nobody can tell whether it was read before. But
 * once the record says what is wanted it is carried out, whoever dies. */
static void say_letter(struct alone *a, char letter)
{
	struct message const m = { .command = (uint8_t)letter };
	struct view *v = &a->v;
	uint64_t limit = clock_boottime() + PATIENCE;
	uint32_t incarnation = v->s.incarnation;

	enum cinit_sent sent = cinit_ipc_send(&v->client, &m);
	timeline_note(v->where, "letter %c%s", letter, sent == CINIT_SENT ? "" : ": nobody");
	atomic_fetch_add(&stress->sends[v->where], 1);
	view_look(v);
	while (sent == CINIT_SENT && v->s.want != want_of(letter) &&
		v->s.incarnation == incarnation) {
		view_wait(v, limit);
		view_look(v);
	}
	cinit_ipc_unsend(&v->client);
	if (v->s.want == want_of(letter) && a->lock < 0)
		see_it_done(a, letter, 0);
}

static void command_alone(struct alone *a, char const *letters)
{
	struct view *v = &a->v;
	char letter = letters[chance_below(strlen(letters))];

	if (letter != 'd')
		let_go(a);
	view_look(v);
	if (v->where == SOLO && letter != 'r' && chance_below(3) == 0) {
		say_letter(a, letter);
		return;
	}
	uint32_t starts = v->s.starts + (letter == 'r');
	if (!sender_ask(v, letter))
		return;
	if (v->s.want != want_of(letter))
		timeline_complain(v->where, "%c is acknowledged, and it wants %s", letter,
			status_want_name(v->s.want));
	if (a->lock < 0 && chance_below(2))
		see_it_done(a, letter, starts);
}

static void command_solo(int where)
{
	struct alone a = { .lock = -1 };

	view_open(&a.v, where);
	while (atomic_load(&stress->sending)) {
		command_alone(&a, "uudddrrro");
		breathe();
	}
	let_go(&a);
}

/* Many who do not know of each other. What they get is for all to see, see stress_view.c. */
static void command_in_crowd(void)
{
	struct view v[2];

	view_open(&v[0], WEB);
	view_open(&v[1], DUO);
	while (atomic_load(&stress->sending)) {
		sender_ask(&v[chance_below(2)], "uuudddrr"[chance_below(8)]);
		breathe();
	}
}

/* ------------------------------------------------------------------------------ odds and ends */

static void expect_unknown(struct view *v)
{
	char letter = "Zz~"[chance_below(3)];
	struct outcome o = sender_ask_with(v, letter, "");
	if (o.result != RESULT_REFUSED || (o.why != WHY_UNKNOWN && o.why != WHY_DOUBT))
		timeline_complain(v->where, "%c, unknown: result %d, why %d", letter, (int)o.result,
			(int)o.why);
}

static void ask_cinit(struct view *v)
{
	char letter = "yw"[chance_below(2)];
	struct outcome o = sender_ask_with(v, letter, place_names[chance_below(WEB_LOG)]);
	if (o.result != RESULT_DONE && o.result != RESULT_NOTHING)
		timeline_complain(
			CINIT, "%c: result %d, why %d", letter, (int)o.result, (int)o.why);
}

/* Letters that change nothing, heads without tails, tails without heads; and for one service those
 * that change something, which nobody sends again. */
static void make_noise(struct view const *v)
{
	static struct {
		unsigned char bytes[4];
		size_t len;
	} const noise[] = {
		{ { 'y' }, 1 },
		{ { '\n' }, 1 },
		{ { 0x01 }, 1 },
		{ { 0x01, 0x80, 0x92, 0x80 }, 4 },
		{ { 0x80, 0xc8, 0xff }, 3 },
		{ { 'd' }, 1 },
		{ { 'u' }, 1 },
		{ { 'r' }, 1 },
		{ { 'd', 'u' }, 2 },
	};
	size_t i = (size_t)chance_below(v->where == DUO ? sizeof noise / sizeof noise[0] : 5);
	char path[TREE_PATH + 4];

	snprintf(path, sizeof path, "%s/in", v->path);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && write(fd, noise[i].bytes, noise[i].len) < 0 && errno != EPIPE &&
		errno != EAGAIN)
		timeline_complain(v->where, "unable to make noise: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The logger, cinit, and nonsense for everybody. The logger is up in the end. */
static void do_the_rest(void)
{
	struct alone log = { .lock = -1 };
	static struct view v[PLACES];

	view_open(&log.v, WEB_LOG);
	for (int i = 0; i < PLACES; i++)
		view_open(&v[i], i);
	while (atomic_load(&stress->sending)) {
		struct view *to = &v[chance_below(PLACES)];
		switch (chance_below(4)) {
		case 0:
			command_alone(&log, "uddrrr");
			break;
		case 1:
			ask_cinit(&v[CINIT]);
			break;
		case 2:
			expect_unknown(to);
			break;
		default:
			make_noise(chance_below(2) ? to : &v[DUO]);
		}
		breathe();
	}
	let_go(&log);
	while (!sender_ask(&log.v, 'u'))
		;
}

void sender_live(unsigned int self)
{
	switch (self) {
	case 0:
	case 1:
		send_signals(self);
		break;
	case 2:
		pause_and_go_on();
		break;
	case 3:
		command_solo(SOLO);
		break;
	case 4:
		command_solo(WORK);
		break;
	case 7:
		do_the_rest();
		break;
	default:
		command_in_crowd();
	}
}
