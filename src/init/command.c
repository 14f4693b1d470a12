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
static struct answer const stopping = { RESULT_REFUSED, WHY_STOPPING };
static struct answer const unmade = { RESULT_REFUSED, WHY_PUBLISH };
static struct answer const full = { RESULT_REFUSED, WHY_UPGRADE };
static struct answer const later = { RESULT_NONE, WHY_NONE };
static struct answer const unplaced = { RESULT_REFUSED, WHY_PUBLISH };
static struct answer const unreadable = { RESULT_REFUSED, WHY_SERVICES };

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
		reap_look(i, s, &st);
	return done;
}

static struct answer obey_wake(struct init *i, struct message const *m)
{
	struct service *s = tree_find(&i->tree, m->text);

	if (i->stop.phase != STOP_NOT)
		return stopping;
	if (s && s->vanished)
		return unknown;
	if (s)
		return rescan_wake(i, s) ? done : nothing;
	switch (instance_make(i, m->text)) {
	case INSTANCE_MADE:
		return done;
	case INSTANCE_REFUSED:
		return unmade;
	case INSTANCE_UNKNOWN:
		break;
	}
	return unknown;
}

/* The supervisor that asks for another is told to look when that is there: what it would watch did
 * not exist. */
static void poke_asker(struct init *i, pid_t pid)
{
	struct service const *s = tree_by_pid(&i->tree, pid);

	for (size_t n = 0; !s && i->tree.taken && n < i->tree.count; n++) {
		if (i->tree.list[n]->supervisor == pid)
			s = i->tree.list[n];
	}
	if (s)
		spawn_poke(i->run, s->name);
}

static struct answer obey(struct init *i, struct message const *m)
{
	struct answer a;
	int r;

	switch (m->command) {
	case COMMAND_RESCAN:
		if (i->stop.phase != STOP_NOT)
			return stopping;
		r = rescan(i);
		return r < 0 ? unreadable : r ? unplaced : done;
	case COMMAND_SHUTDOWN:
		return obey_shutdown(i, m);
	case COMMAND_LOOK:
		return obey_look(i, m);
	case COMMAND_WAKE:
		a = obey_wake(i, m);
		if (m->argument && a.result != RESULT_REFUSED)
			poke_asker(i, (pid_t)m->argument);
		return a;
	case COMMAND_UPGRADE:
		if (i->stop.phase != STOP_NOT)
			return stopping;
		return upgrade_begin(i, m->id) < 0 ? full : later;
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
		if (m.id && a.result != RESULT_NONE) {
			status_acknowledge(&i->status, &i->ring, m.id, a.result, a.why);
			i->dirty = 1;
		}
	}
	i->more = 1;
}
