/* The FIFO pair under stress: an owner that is killed at random instants and replaced, fifty
 * waiters and eight senders. No acknowledgement and no wake-up is lost, and none is invented.
 *
 * What a command does here is to add its argument to a sum in the record: so that what was done and
 * what was answered stand and fall together, as a supervisor's wanted state does. At the end each
 * sum is compared with what its sender was told. CINIT_STRESS_SECONDS: how long (5);
 * CINIT_STRESS_SEED. */
/* long: those who play together are read together */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "ipc.h"

enum { WAITERS = 50, SENDERS = 8, WINDOW = 4, BATCH = 16 };
#define PATIENCE (20 * CLOCK_SECOND) /* who sleeps longer was forgotten */

/* What the processes tell each other outside of what is tested. */
static struct shared {
	_Atomic int senders; /* so many shall send */
	_Atomic unsigned int deaths;
	uint64_t sum[SENDERS];    /* of the arguments of commands that were acknowledged */
	uint64_t done[SENDERS];   /* such commands */
	uint64_t frames[SENDERS]; /* these and those in doubt */
	uint64_t letters[SENDERS];
	uint64_t resent[SENDERS];
	uint64_t doubt[SENDERS]; /* sum of those whose outcome is unknown */
	uint64_t wakes[WAITERS];
	uint64_t first_change[WAITERS];
	char complaint[200]; /* the first */
	_Atomic int complained;
} * shared;

static char directory[64];
static int dir = -1;
static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void sleep_for(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / CLOCK_SECOND),
		.tv_nsec = (long)(ns % CLOCK_SECOND) };
	nanosleep(&t, NULL);
}

/* In a child: says what is wrong, and ends it. */
static _Noreturn void complain(char const *format, ...)
{
	va_list args;
	if (!atomic_exchange(&shared->complained, 1)) {
		va_start(args, format);
		vsnprintf(shared->complaint, sizeof shared->complaint, format, args);
		va_end(args);
	}
	_exit(1);
}

static struct cinit_client client(void)
{
	struct cinit_client c = CINIT_CLIENT_ZERO;
	c.base = dir;
	c.path = ".";
	return c;
}

/* --------------------------------------------------------------------------------- the owner */

/* Fields of the record that a test may use as it likes. */
static uint64_t *sum_of(struct status *s, unsigned int sender)
{
	return sender < DEADLINE_COUNT    ? &s->deadline[sender]
	       : sender == DEADLINE_COUNT ? &s->ready
					  : &s->died;
}

static void obey(struct status *s, struct status_ring *r, struct message const *m)
{
	if (!m->id) {
		if (m->command != 'y')
			complain("a letter that nobody sent: 0x%02x", m->command);
		s->strays++;
		return;
	}
	enum cinit_novelty novelty = cinit_ipc_novelty(m, s, r);
	if (novelty == CINIT_KNOWN)
		return; /* the sender could not know that we have it */
	if (novelty == CINIT_DOUBTFUL) {
		status_acknowledge(s, r, m->id, RESULT_REFUSED, WHY_DOUBT);
		s->deaths++;
		return;
	}
	if (m->command == 'x')
		s->flags |= FLAG_ENDED;
	else if (m->command == 'u' && m->text_len == 1 && m->text[0] - '0' < SENDERS)
		*sum_of(s, (unsigned int)(m->text[0] - '0')) += m->argument;
	else
		complain("a frame that nobody sent");
	status_acknowledge(s, r, m->id, RESULT_DONE, WHY_NONE);
}

static void publish(struct cinit_ipc *ipc, struct status *s, struct status_ring const *r)
{
	s->change++;
	if (cinit_ipc_publish(ipc, s, r) < 0)
		complain("publish: %s", strerror(errno));
}

static void own(unsigned int self)
{
	(void)self;
	static struct cinit_ipc ipc;
	static struct status s;
	static struct status_ring r;
	struct message m;

	if (cinit_ipc_init(&ipc, dir, (gid_t)-1) < 0)
		complain("init: %s", strerror(errno));
	enum status_error e = status_read(dir, ".", &s, &r);
	if (e == STATUS_SYSTEM && errno == ENOENT) {
		memset(&s, 0, sizeof s);
		memset(&r, 0, sizeof r);
	} else if (e != STATUS_OK) {
		complain("a successor could not read the record: %d", e);
	}
	s.incarnation++;
	publish(&ipc, &s,
		&r); /* before the first command is read: its sender can tell who had it */
	for (;;) {
		int heard = 0;
		while (heard < BATCH && cinit_ipc_listen(&ipc, &m) == 1) {
			obey(&s, &r, &m);
			heard++;
		}
		s.noise += ipc.decoder.noise;
		ipc.decoder.noise = 0;
		if (heard)
			publish(&ipc, &s, &r);
		struct pollfd p = { .fd = cinit_ipc_fd(&ipc), .events = POLLIN };
		if (!cinit_ipc_pending(&ipc))
			clock_poll(&p, 1, 0);
	}
}

/* ------------------------------------------------------------------------------- the waiters */

/* What was read once may not be taken back, whoever was killed in between. */
static void only_forward(struct status *now, struct status *before)
{
	if (now->change < before->change || now->incarnation < before->incarnation ||
		now->acknowledged < before->acknowledged)
		complain("a record was taken back: change %llu, then %llu",
			(unsigned long long)before->change, (unsigned long long)now->change);
	for (unsigned int i = 0; i < SENDERS; i++)
		if (*sum_of(now, i) < *sum_of(before, i))
			complain("a sum was taken back");
	if (now->change == before->change && now->acknowledged != before->acknowledged)
		complain("two records with one number");
	*before = *now;
}

/* Sleeps until `out` is hung up. */
static void await(struct cinit_client const *c, struct status const *s)
{
	struct pollfd p = { .fd = c->out, .events = 0 };
	struct status now;
	int n = clock_poll(&p, 1, clock_boottime() + PATIENCE);
	if (n == 1 && p.revents & POLLHUP)
		return;
	if (status_read(dir, ".", &now, NULL) != STATUS_OK)
		now.change = 0;
	complain("a wake-up was lost: change is %llu, read %llu, poll said %d/%x",
		(unsigned long long)now.change, (unsigned long long)s->change, n, p.revents);
}

static void watch(struct cinit_client *c, struct status *s, struct status_ring *r)
{
	enum status_error e = cinit_ipc_watch(c, s, r);
	if (e != STATUS_OK)
		complain("watch: %d, %s", e, strerror(errno));
}

static void await_the_end(unsigned int self)
{
	struct cinit_client c = client();
	struct status s, before;
	static struct status_ring r;

	watch(&c, &before, NULL);
	shared->first_change[self] = before.change;
	for (;;) {
		/* every other reads all of it */
		watch(&c, &s, self % 2 ? &r : NULL);
		only_forward(&s, &before);
		if (s.flags & FLAG_ENDED)
			return;
		if (random_below(8) == 0)
			sleep_for(random_below(5 * CLOCK_MILLISEC)); /* a hang-up lasts */
		await(&c, &s);
		shared->wakes[self]++;
	}
}

/* ------------------------------------------------------------------------------- the senders */

struct pending {
	struct message m;
	int sent;             /* by the present `incarnation` as far as we know */
	uint32_t incarnation; /* published when it was sent */
};

static void fill(struct pending *p, struct status const *s, unsigned int self)
{
	memset(p, 0, sizeof *p);
	p->m.id = cinit_ipc_id_after(s->acknowledged);
	p->m.command = 'u';
	p->m.argument = (uint32_t)random_below(1000000);
	p->m.text_len = 1;
	p->m.text[0] = (char)('0' + self);
}

/* Sends what is unsent, and again what a dead owner may have had. 0: there is no owner now. */
static int send_all(
	struct cinit_client *c, struct pending *p, struct status const *s, unsigned int self)
{
	for (int i = 0; i < WINDOW; i++) {
		int wrapped = ((s->acknowledged - p[i].m.id) & CINIT_ID_SEEN) > STATUS_RING;
		if (!p[i].m.id || (p[i].sent && p[i].incarnation == s->incarnation && !wrapped))
			continue;
		shared->resent[self] += (unsigned int)p[i].sent;
		enum cinit_sent sent = cinit_ipc_send(c, &p[i].m);
		if (sent == CINIT_NO_SUPERVISOR || sent == CINIT_FULL)
			return 0;
		if (sent != CINIT_SENT)
			complain("send: %d, %s", sent, strerror(errno));
		p[i].sent = 1;
		p[i].incarnation = s->incarnation;
		p[i].m.flags = MESSAGE_AGAIN;
	}
	return 1;
}

/* Takes the answers there are, and thinks of new commands. Returns how many are under way. */
static int collect(
	struct pending *p, struct status const *s, struct status_ring const *r, unsigned int self)
{
	int open = 0;
	for (int i = 0; i < WINDOW; i++) {
		int slot = status_answer(r, p[i].m.id);
		if (slot >= 0) {
			if (r->result[slot] == RESULT_DONE)
				shared->sum[self] += p[i].m.argument, shared->done[self]++;
			else if (r->why[slot] == WHY_DOUBT)
				shared->doubt[self] += p[i].m.argument;
			else
				complain("an answer that nobody gave");
			shared->frames[self]++;
			p[i].m.id = 0;
		}
		if (!p[i].m.id && (int)self < atomic_load(&shared->senders))
			fill(&p[i], s, self);
		open += p[i].m.id != 0;
	}
	return open;
}

static void send_on(unsigned int self)
{
	static struct message const letter = { .command = 'y' };
	static struct pending p[WINDOW];
	struct cinit_client c = client();
	struct status s, before;
	static struct status_ring r;

	signal(SIGPIPE, SIG_IGN);
	watch(&c, &before, NULL);
	for (;;) {
		watch(&c, &s, &r);
		only_forward(&s, &before);
		if (!collect(p, &s, &r, self))
			return;
		if (send_all(&c, p, &s, self) && random_below(4) == 0)
			shared->letters[self] += cinit_ipc_send(&c, &letter) == CINIT_SENT;
		await(&c, &s);
	}
}

/* -------------------------------------------------------------------------------- the keeper */

/* Forks a child that does not outlive us. `self` chooses its random numbers. */
static pid_t start(void (*act)(unsigned int), unsigned int self)
{
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	seed += (uint64_t)self * UINT64_C(0x9e3779b97f4a7c15);
	act(self);
	_exit(0);
}

/* 1: the child ended as it should. */
static int ended_well(pid_t pid)
{
	int w;
	while (waitpid(pid, &w, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(w) && WEXITSTATUS(w) == 0;
}

static void no_complaint(void)
{
	if (atomic_load(&shared->complained))
		fail_msg("%s", shared->complaint);
}

/* Kills owners, and replaces each, until `deadline`. */
static pid_t hunt(pid_t owner, uint64_t deadline)
{
	while (clock_boottime() < deadline && !atomic_load(&shared->complained)) {
		/* mostly in the midst of work; now and then let it come to rest */
		sleep_for(
			random_below(random_below(10) ? 4 * CLOCK_MILLISEC : 60 * CLOCK_MILLISEC));
		atomic_fetch_add(&shared->deaths, 1);
		kill(owner, SIGKILL);
		assert_false(ended_well(owner));
		if (random_below(4) == 0)
			sleep_for(random_below(3 * CLOCK_MILLISEC));
		owner = start(own, 0);
	}
	return owner;
}

static void check_the_sums(void)
{
	static struct status_ring r;
	struct status s;
	uint64_t frames = 0, done = 0, letters = 0, resent = 0, wakes = 0;
	unsigned int deaths = atomic_load(&shared->deaths);

	assert_int_equal(status_read(dir, ".", &s, &r), STATUS_OK);
	for (unsigned int i = 0; i < SENDERS; i++) {
		if (*sum_of(&s, i) < shared->sum[i] ||
			*sum_of(&s, i) > shared->sum[i] + shared->doubt[i])
			fail_msg("sender %u was told of %llu, and in doubt about %llu; done was "
				 "%llu",
				i, (unsigned long long)shared->sum[i],
				(unsigned long long)shared->doubt[i],
				(unsigned long long)*sum_of(&s, i));
		frames += shared->frames[i];
		done += shared->done[i];
		letters += shared->letters[i];
		resent += shared->resent[i];
	}
	/* each frame was obeyed once, and `x`; letters may be lost, not multiplied */
	assert_in_range(s.acknowledged - s.deaths - 1, done, frames);
	assert_true(s.strays <= letters);
	for (unsigned int i = 0; i < WAITERS; i++) {
		/* a hang-up for each change and for each death, no more */
		assert_true(shared->wakes[i] <= s.change - shared->first_change[i] + deaths + 1);
		wakes += shared->wakes[i];
	}
	print_message("# %u owners killed, %llu changes, %llu frames (%llu sent again, %llu of "
		      "%llu in doubt), %llu of "
		      "%llu letters, "
		      "%llu wake-ups\n",
		deaths, (unsigned long long)s.change, (unsigned long long)frames,
		(unsigned long long)resent, (unsigned long long)(frames - done),
		(unsigned long long)s.deaths, (unsigned long long)s.strays,
		(unsigned long long)letters, (unsigned long long)wakes);
	assert_true(deaths > 0 && frames > 0 && wakes > 0);
}

static void nothing_is_lost_and_nothing_invented(void **state)
{
	(void)state;
	char const *seconds = getenv("CINIT_STRESS_SECONDS");
	struct message const end = { .id = cinit_ipc_id(), .command = 'x' };
	struct cinit_client c = client();
	uint64_t duration = (seconds ? strtoull(seconds, NULL, 10) : 5) * CLOCK_SECOND;
	pid_t waiter[WAITERS], sender[SENDERS], owner = start(own, 0);
	int well = 1;

	for (struct status s; status_read(dir, ".", &s, NULL) != STATUS_OK;)
		sleep_for(CLOCK_MILLISEC);
	atomic_store(&shared->senders, SENDERS);
	for (unsigned int i = 0; i < WAITERS; i++)
		waiter[i] = start(await_the_end, i);
	for (unsigned int i = 0; i < SENDERS; i++)
		sender[i] = start(send_on, i);

	owner = hunt(owner, clock_boottime() + duration / 4 * 3);
	/* One alone, and no more deaths: if its hang-up were forgotten, nothing else would wake it.
	 */
	atomic_store(&shared->senders, 1);
	for (unsigned int i = 1; i < SENDERS; i++)
		well &= ended_well(sender[i]);
	sleep_for(well ? duration / 4 : 0);
	atomic_store(&shared->senders, 0);
	well &= ended_well(sender[0]);
	no_complaint();
	assert_true(well);
	assert_int_equal(cinit_ipc_send(&c, &end), CINIT_SENT);
	for (unsigned int i = 0; i < WAITERS; i++)
		well &= ended_well(waiter[i]);
	no_complaint();
	assert_true(well);
	kill(owner, SIGKILL);
	ended_well(owner);
	cinit_ipc_release(&c);
	check_the_sums();
}

static int setup(void **state)
{
	(void)state;
	char const *given = getenv("CINIT_STRESS_SEED");
	char const *tmp = getenv("TMPDIR");
	umask(0);
	snprintf(directory, sizeof directory, "%s/cinit-stress.XXXXXX",
		tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	seed = given ? strtoull(given, NULL, 10) : cinit_ipc_id() >> 32;
	print_message("# seed %llu\n", (unsigned long long)seed);
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	return dir < 0 || shared == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	static char const *const name[] = { "in", "out", ".out", "status", ".status" };
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		unlinkat(dir, name[i], 0);
	close(dir);
	return rmdir(directory);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_is_lost_and_nothing_invented, setup, teardown),
	};
	return cmocka_run_group_tests_name("stress_ipc", tests, NULL, NULL);
}
