/* The monkey: kills supervisors at bad moments, and looks whether a service is lost for long. */
#include "stress.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "clock.h"
#include "process.h"

#define KILLS      4                  /* of a supervisor in a round: cinit's patience has an end */
#define LAST_KILLS 2                  /* and again while the tree stops */
#define LOST       (2 * CLOCK_SECOND) /* a service that shall be up is not away longer */
#define LOOKS      100                /* and has been missed as often: the machine may be slow */

static int const victims[] = { BEAT, BEEP, HUSH, SOLO, SOLO, SOLO, WORK, WORK, WEB, WEB, DUO };
#define VICTIM victims[chance_below(sizeof victims / sizeof victims[0])]

/* A service that shall be up, and nobody lives who is it. */
void monkey_look_for_the_lost(void)
{
	uint64_t now = clock_boottime();
	struct status s;

	for (int i = 0; i < CINIT; i++) {
		if (atomic_load(&witness[i]->pid) ||
			status_read(AT_FDCWD, arena.place[i].state, &s, NULL) != STATUS_OK ||
			s.want != WANT_UP) {
			arena.missed[i] = 0;
			continue;
		}
		if (!arena.missed[i]) {
			arena.missed[i] = now;
			arena.looks[i] = 0;
		} else if (now - arena.missed[i] > LOST && ++arena.looks[i] > LOOKS) {
			timeline_object(i, "shall be up, and has been away for %llu ms: %s",
				(unsigned long long)((now - arena.missed[i]) / CLOCK_MILLISEC),
				status_state_name(s.state));
			arena_fail();
		}
	}
}

/* ---------------------------------------------------------------------------------- the monkey */

static void spin(uint64_t nanoseconds)
{
	uint64_t until = clock_boottime() + nanoseconds;
	while (clock_boottime() < until)
		;
}

static int signal_it(struct status const *s, int sig)
{
	return process_signal((pid_t)s->supervisor, s->supervisor_identity, sig) > 0;
}

/* Waits for the instant: any; when it has published; when it has been sent something; or it is held
 * back until several have sent, and then hurries through what they want. */
static void lie_in_wait(int where, struct status const *s)
{
	struct place *p = &arena.place[where];
	uint32_t sends = atomic_load(&stress->sends[where]);
	uint64_t limit = clock_boottime() + 20 * CLOCK_MILLISEC;

	switch (chance_below(8)) {
	case 0:
		return;
	case 1:
		place_look(p);
		tree_poll(p->client.out, 0, limit);
		break;
	case 2:
	case 3:
		while (atomic_load(&stress->sends[where]) == sends && clock_boottime() < limit)
			sched_yield();
		break;
	default:
		signal_it(s, SIGSTOP);
		chance_pause(chance_below(6 * CLOCK_MILLISEC));
		signal_it(s, SIGCONT);
	}
	spin(chance_below(chance_below(2) ? 500000 : 100000));
}

static void kill_supervisor(int where)
{
	struct place *p = &arena.place[where];
	struct status s;

	if (arena.killed[where] == KILLS ||
		status_read(AT_FDCWD, p->state, &s, NULL) != STATUS_OK || !s.supervisor ||
		(pid_t)s.supervisor == arena.last_killed[where])
		return;
	lie_in_wait(where, &s);
	if (!signal_it(&s, SIGKILL))
		return;
	timeline_note(where, "SIGKILL to supervisor %u", s.supervisor);
	arena.last_killed[where] = (pid_t)s.supervisor;
	arena.killed[where]++;
	totals.kills++;
}

void monkey_live(uint64_t until)
{
	while (clock_boottime() < until) {
		arena_turn(chance_below(8 * CLOCK_MILLISEC));
		monkey_look_for_the_lost();
		kill_supervisor(VICTIM);
	}
}

/* While the tree stops: who is killed now publishes no last record, unless another one follows. */
void monkey_live_on(pid_t cinit)
{
	struct status s;

	for (int bites = (int)chance_below(5); bites && !tree_ended(cinit); bites--) {
		int where = VICTIM;
		chance_pause(chance_below(2 * CLOCK_MILLISEC));
		if (arena.late[where] == LAST_KILLS ||
			status_read(AT_FDCWD, arena.place[where].state, &s, NULL) != STATUS_OK ||
			!s.supervisor || !signal_it(&s, SIGKILL))
			continue;
		timeline_note(where, "SIGKILL to supervisor %u, that stops", s.supervisor);
		arena.late[where]++;
		arena.late[WEB_LOG] += where == WEB;
		totals.kills++;
	}
}
