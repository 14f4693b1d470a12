/* We were executed in the place of another program: of our own will (an upgrade), and then nothing
 * is lost and clients notice nothing; or because PID 1 got a fatal signal, and then what is on disk
 * counts, as it does for a cinit that follows one that was killed. If we cannot, the program before
 * us is executed again, and has what it handed over. */
#include <errno.h>
#include <string.h>

#include "../lib/clock.h"
#include "carry.h"
#include "init.h"
#include "message.h"

/* The turn of a stop that was under way is taken again, from its beginning. */
static void stop_again(struct init *i, unsigned int phase)
{
	if (phase == STOP_NOT)
		record_state(i, STATE_UP);
	else
		shutdown_begin(i, i->how, i->code);
}

/* Everything but the descriptors of the pair and the run directory is found on disk. */
static int resume_from_disk(struct init *i)
{
	unsigned int phase = i->stop.phase;
	struct status former;

	i->stop = (struct stop){ .phase = STOP_NOT };
	i->upgrade.count = 0; /* they are sent again */
	settings_read(i);
	int known = status_read(i->dir, ".", &former, &i->ring) == STATUS_OK;
	/* the pair is what it was; what was read of `in` and not done is sent again */
	int in = i->ipc.in, out = i->ipc.out;
	cinit_ipc_begin(&i->ipc, i->dir);
	i->ipc.in = in;
	i->ipc.out = out;
	record_begin(i, known ? &former : NULL);
	/* who waits for an upgrade compares with when that was, and this is none */
	if (known)
		i->status.executed = former.executed;
	int r = boot_services(i);
	if (r)
		return r;
	orphans_resume(i);
	stop_again(i, phase);
	if (i->returned[0])
		upgrade_returned(i);
	if (loop_prepare(i) < 0)
		return EXIT_SYSTEM;
	fault_settled(i);
	return 0;
}

static int resume_in_hand(struct init *i)
{
	if (tree_reserve(&i->tree, i->tree.count) < 0 ||
		pidmap_reserve(&i->orphans, 2 * i->tree.count) < 0)
		return EXIT_SYSTEM;
	spawn_limit(i);
	/* the program before us may not have known of seals */
	for (size_t n = 0; n < i->tree.count; n++)
		if (!i->tree.list[n]->supervisor)
			state_unkept(i, i->tree.list[n]);
	orphans_resume(i);
	if (loop_prepare(i) < 0)
		return EXIT_SYSTEM;
	fault_settled(i);
	/* nothing was said or done so far that the program before us would have to know */
	if (i->returned[0]) {
		upgrade_returned(i);
		return 0;
	}
	i->status.executed = clock_boottime();
	upgrade_done(i);
	return 0;
}

/* 0, or the code to exit with, where no program before us could be executed again: then supervisors
 * go on by themselves. */
int resume(struct init *i)
{
	int r = carry_take(i) < 0             ? EXIT_SYSTEM
		: i->resumed == RESUMED_FAULT ? resume_from_disk(i)
					      : resume_in_hand(i);

	if (r) {
		char const *why = strerror(errno);
		strerr_warn(PROG,
			": fatal: unable to take over from the program before this one: ", why);
		carry_return(i, "was unable to take over");
		return r;
	}
	record_publish(i, clock_boottime());
	return 0;
}
