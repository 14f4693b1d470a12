/* A client that does not know what it wants: random commands to some services, one after the other,
 * each acknowledged before the next.
 *
 *   commander SEED COUNT KILLS NAME...
 *
 * Says for each what came of it, "NAME VERB RESULT"; VERB is up, down, force or restart, RESULT
 * done or refused. KILLS in a hundred times it kills the service's supervisor instead. Exits 1 when
 * an answer does not come in time, and says to what. */
#include <skalibs/nonposix.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../src/lib/clock.h"
#include "../../src/lib/ipc.h"

#define PATIENCE (30 * CLOCK_SECOND)

static uint64_t state;

static unsigned int any(unsigned int n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(state >> 33) % n;
}

static _Noreturn void fails(char const *name, char const *verb, char const *why)
{
	printf("%s %s %s\n", name, verb, why);
	exit(1);
}

/* Sends until somebody reads, and waits for the answer; again where the supervisor died. */
static enum status_result command(int run, char const *name, char const *verb, struct message *m)
{
	struct cinit_client c = { .base = run, .path = name, .in = -1, .out = -1 };
	uint64_t deadline = clock_boottime() + PATIENCE;
	struct status s;
	struct status_ring r;
	uint32_t sent_to = 0;
	int slot, sent = 0;

	for (;;) {
		enum status_error e = cinit_ipc_watch(&c, &s, &r);
		if (e == STATUS_OK && !m->id)
			m->id = cinit_ipc_id_after(s.acknowledged);
		if (e == STATUS_OK && (slot = status_answer(&r, m->id)) >= 0)
			break;
		if (e == STATUS_OK && (!sent || s.incarnation != sent_to)) {
			cinit_ipc_unsend(&c);
			sent = cinit_ipc_send(&c, m) == CINIT_SENT;
			sent_to = s.incarnation;
			m->flags |= MESSAGE_AGAIN;
		}
		struct pollfd p = { .fd = c.out };
		if (clock_poll(&p, 1, deadline) <= 0)
			fails(name, verb, sent ? "unanswered" : "unread");
	}
	cinit_ipc_release(&c);
	return (enum status_result)r.result[slot];
}

static void kill_supervisor(int run, char const *name)
{
	struct status s;
	if (status_read(run, name, &s, 0) == STATUS_OK && s.supervisor)
		kill((pid_t)s.supervisor, SIGKILL);
}

int main(int argc, char **argv)
{
	static struct {
		char const *verb;
		int letter, flags;
		unsigned int weight;
	} const verbs[] = {
		{ "up", 'u', 0, 35 },
		{ "down", 'd', 0, 30 },
		{ "force", 'd', MESSAGE_FORCE, 15 },
		{ "restart", 'r', 0, 20 },
	};
	if (argc < 5)
		return 100;
	state = strtoull(argv[1], 0, 10);
	unsigned int kills = (unsigned int)atoi(argv[3]);
	int run = open(getenv("CINIT_RUN"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	if (run < 0)
		return 111;
	for (int i = atoi(argv[2]); i > 0; i--) {
		char const *name = argv[4 + any((unsigned int)argc - 4)];
		struct timespec pause = { .tv_nsec = (long)(any(2) * any(40)) * 1000000 };
		struct message m = { .id = 0 };
		unsigned int k = 0, w = any(100);
		while (w >= verbs[k].weight)
			w -= verbs[k++].weight;
		m.command = (uint8_t)verbs[k].letter;
		m.flags = (uint8_t)verbs[k].flags;
		nanosleep(&pause, 0);
		if (any(100) < kills) {
			kill_supervisor(run, name);
			continue;
		}
		enum status_result result = command(run, name, verbs[k].verb, &m);
		printf("%s %s %s\n", name, verbs[k].verb,
			result == RESULT_DONE ? "done" : "refused");
		fflush(stdout);
	}
	return 0;
}
