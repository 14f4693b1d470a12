/* Commands from our own pair. */
#include "../lib/command.h"

#include <errno.h>

#include "init.h"
#include "message.h"

#define BATCH 16 /* at most so many answers a publication: see cinit-ipc(7) */

struct answer {
	enum status_result result;
	enum status_why why;
};

static struct answer const done = { RESULT_DONE, WHY_NONE };
static struct answer const nothing = { RESULT_NOTHING, WHY_NONE };
static struct answer const unknown = { RESULT_REFUSED, WHY_UNKNOWN };
static struct answer const exiting = { RESULT_REFUSED, WHY_EXITING };
static struct answer const unreadable = { RESULT_REFUSED, WHY_CONFIG };

static struct answer obey_shutdown(struct init *i, struct message const *m)
{
	if (m->argument > SHUTDOWN_HALT)
		return unknown;
	shutdown_begin(i, (int)m->argument, 0);
	return done;
}

static struct answer obey_look(struct init *i, struct message const *m)
{
	struct service *s = tree_find(&i->tree, m->text);
	struct status st;

	if (!s)
		return unknown;
	if (status_read(i->run, s->name, &st, NULL) == STATUS_OK)
		reap_look(i, s->name, &st);
	return done;
}

static struct answer obey_wake(struct init *i, struct message const *m)
{
	struct service *s = tree_find(&i->tree, m->text);

	if (i->stop.phase != STOP_NOT)
		return exiting;
	if (!s || s->vanished)
		return unknown;
	return rescan_wake(i, s) ? done : nothing;
}

static struct answer obey(struct init *i, struct message const *m)
{
	switch (m->command) {
	case COMMAND_RESCAN:
		if (i->stop.phase != STOP_NOT)
			return exiting;
		return rescan(i) < 0 ? unreadable : done;
	case COMMAND_SHUTDOWN:
		return obey_shutdown(i, m);
	case COMMAND_LOOK:
		return obey_look(i, m);
	case COMMAND_WAKE:
		return obey_wake(i, m);
	default:
		return unknown;
	}
}

/* Takes a batch of commands. What they ask for is begun in this turn, and the turn ends with a
 * publication. */
void command_turn(struct init *i)
{
	struct message m;

	for (int n = 0; n < BATCH; n++) {
		int r = cinit_ipc_listen(&i->ipc, &m);
		if (r < 0)
			warn_error("", "unable to read ", i->run_path, "/" RUNDIR_TREE "/in");
		if (r <= 0) {
			i->more = 0;
			return;
		}
		struct answer a = { .result = RESULT_REFUSED, .why = WHY_DOUBT };
		switch (cinit_ipc_novelty(&m, &i->status, &i->ring)) {
		case CINIT_KNOWN: /* sent again by a client that was in doubt: it was done */
			continue;
		case CINIT_DOUBTFUL:
			break;
		case CINIT_NEW:
			a = obey(i, &m);
			break;
		}
		if (m.id) {
			status_acknowledge(&i->status, &i->ring, m.id, a.result, a.why);
			i->dirty = 1;
		}
	}
	i->more = 1;
}
