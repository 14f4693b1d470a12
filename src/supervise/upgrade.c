/* Another program in our place: told by a signal, at the end of a turn, with everything in hand
 * (carry.h). Same process, so same pid, lock, children and signals that wait; for clients nothing
 * has happened but that the record says since when this program runs. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/rundir.h"
#include "carry.h"

/* Seconds to take over in: a program that hangs is killed by ALRM then, which exec leaves running,
 * and cinit gives the service another supervisor. */
#define LIMIT 10

/* 1: it was tried, and we are still the old one. */
int supervisor_upgrade(struct supervisor *sup)
{
	if (!sup->upgrade)
		return 0;
	sup->upgrade = 0;
	errno = ENOENT;
	alarm(LIMIT);
	if (sup->o->program)
		supervisor_execute(sup);
	int e = errno;
	alarm(0);
	say_errno(&sup->service, "execute", sup->o->program ? sup->o->program : "another program",
		"going on with this one");
	SERVICE_EACH (sup, x) {
		x->s.refused = clock_boottime();
		x->s.refusal = (uint32_t)e;
		x->dirty = 1;
	}
	return 1;
}

/* Is our parent the cinit of this tree? Then it breaks the seals of our records when we die. */
static int is_kept(struct supervisor *sup)
{
	struct status s;

	return supervisor_run(sup) >= 0 &&
	       status_read(sup->run, RUNDIR_TREE, &s, NULL) == STATUS_OK &&
	       (pid_t)s.supervisor == getppid();
}

static void resume(struct service *x, int kept)
{
	uint8_t asked = x->needs.asked;

	x->ipc.seals = kept != 0;

	x->s.executed = clock_boottime();
	x->s.refused = 0;
	x->s.refusal = 0;
	x->dirty = 1;
	/* what is watched is watched anew, and what was looked for */
	x->dependents.stale = 1;
	x->sweeping = 1;
	if (!x->needs.entered && !x->needs_enter)
		return;
	x->needs.entered = 0;
	x->needs_enter = !needs_load(x, &x->config_error);
	x->needs.asked = asked;
}

int supervise_resume(int handover)
{
	static struct supervise_options o = {
		.name = "?", .control_group = (gid_t)-1, .boot_want = BOOT_DIRECTORY
	};

	struct supervisor *sup = supervisor_begin(&o);
	if (setup_process_anew(sup) < 0 || supervisor_take(sup, &o, handover) < 0) {
		say_errno(&sup->service, "take over from", "the program before this one",
			"another supervisor is to take over");
		return EXIT_REFUSED;
	}
	alarm(0);
	service_enter(&sup->service);
	int kept = is_kept(sup);
	SERVICE_EACH (sup, x)
		resume(x, kept);
	sup->reap_pending = 1;
	return supervisor_live(sup);
}
