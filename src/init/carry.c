/* cinit as a list of items: pack and unpack side by side, by the same tables. */
#include "carry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include "../lib/handover.h"
#include "../lib/process.h"
#include "init.h"

/* Tags are never given twice; those of the pair begin at 0x100. */
enum {
	TAG_RUN_PATH = 1,
	TAG_SERVICE_PATH,
	TAG_PROFILE,
	TAG_PROGRAM,
	TAG_BOOT_ID,
	TAG_SOFT_LIMIT,
	TAG_HARD_LIMIT,
	TAG_UMASK,
	TAG_GROUP,
	TAG_STOP_LIMIT,
	TAG_RESUMED,
	TAG_FAULT_LAST,
	TAG_FAULT_BEFORE,
	TAG_RECORD,
	TAG_FORMER,   /* the program that hands over: to be executed again if this fails */
	TAG_RETURNED, /* why it was */
	TAG_WRITES_STATUS,
	/* what is held */
	TAG_RUN = 0x20,
	TAG_DIR,
	TAG_LOCK,
	TAG_TEMPLATES,
	TAG_CYCLES,
	TAG_CYCLES_AGAIN,
	TAG_PUBLISH_ROW,
	TAG_IDS,
	TAG_ID_COUNT,
	TAG_CGROUP,
	TAG_CGROUP_LOCK,
	TAG_UNWATCHED,
	/* CMD and the stop */
	TAG_CMD_PHASE = 0x40,
	TAG_CMD_TERMINAL,
	TAG_CMD_PID,
	TAG_CMD_ROW,
	TAG_CMD_DUE,
	TAG_CMD_REPORT,
	TAG_STOP_PHASE,
	TAG_HOW,
	TAG_CODE,
	/* a service begins, by its name */
	TAG_SERVICE = 0x60,
	TAG_DEVICE,
	TAG_INODE,
	TAG_SERVICE_PHASE,
	TAG_SAID,
	TAG_HOLDS,
	TAG_PREPARED,
	TAG_VANISHED,
	TAG_RENEW,
	TAG_MADE,
	TAG_SUPERVISOR,
	TAG_IDENTITY,
	TAG_PIDFD,
	TAG_TOLD,
	TAG_HELD_PIPE,
	TAG_HELD_READY,
	TAG_HELD_LINES,
	TAG_WRITES,
	TAG_ROW,
	TAG_SPAWNED,
	TAG_DUE,
	TAG_MARKED
};

/* What is in no row is handed over in another way, or begins anew:
 *   struct init: title title_size argv self former former_reads proved handed ready resumed first
 *   machine fresh keeps_exits signals ipc status ring dirty publish_due out_due more reap_first
 *   tree orphans spawning said_fork polls polls_taken swept childless
 *   struct cmd: argv next watch
 *   struct upgrade: asked answer limit due services file
 *   struct stop: end margin late report hurried
 *   struct service: name blank seen */

#define COUNT(array)               (sizeof(array) / sizeof *(array))
#define INIT(TAG, TYPE, MEMBER)    HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct init, MEMBER)
#define SERVICE(TAG, TYPE, MEMBER) HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct service, MEMBER)

static struct handover_member const of_init[] = {
	INIT(TAG_RUN_PATH, BYTES, run_path),
	INIT(TAG_PROGRAM, BYTES, program),
	INIT(TAG_BOOT_ID, BYTES, boot_id),
	INIT(TAG_SOFT_LIMIT, NUMBER, nofile.rlim_cur),
	INIT(TAG_HARD_LIMIT, NUMBER, nofile.rlim_max),
	INIT(TAG_UMASK, NUMBER, umask),
	INIT(TAG_GROUP, NUMBER, control_group),
	INIT(TAG_STOP_LIMIT, NUMBER, stop_limit),
	INIT(TAG_FAULT_LAST, NUMBER, faults[0]),
	INIT(TAG_FAULT_BEFORE, NUMBER, faults[1]),
	INIT(TAG_RETURNED, BYTES, returned),
	INIT(TAG_RUN, DESCRIPTOR, run),
	INIT(TAG_DIR, DESCRIPTOR, dir),
	INIT(TAG_LOCK, DESCRIPTOR, lock),
	INIT(TAG_CGROUP, BYTES, cgroup),
	INIT(TAG_CGROUP_LOCK, DESCRIPTOR, cgroup_lock),
	INIT(TAG_TEMPLATES, NUMBER, templates),
	INIT(TAG_CYCLES, NUMBER, cycles),
	INIT(TAG_CYCLES_AGAIN, NUMBER, cycles_again),
	INIT(TAG_PUBLISH_ROW, NUMBER, publish_row),
	INIT(TAG_UNWATCHED, NUMBER, unwatched),
	INIT(TAG_IDS, BYTES, upgrade.id),
	INIT(TAG_ID_COUNT, NUMBER, upgrade.count),
	INIT(TAG_CMD_PHASE, NUMBER, cmd.phase),
	INIT(TAG_CMD_TERMINAL, NUMBER, cmd.terminal),
	INIT(TAG_CMD_PID, NUMBER, cmd.pid),
	INIT(TAG_CMD_ROW, NUMBER, cmd.row),
	INIT(TAG_CMD_DUE, NUMBER, cmd.due),
	INIT(TAG_CMD_REPORT, NUMBER, cmd.report),
	INIT(TAG_STOP_PHASE, NUMBER, stop.phase),
	INIT(TAG_HOW, NUMBER, how),
	INIT(TAG_CODE, NUMBER, code),
};

static struct handover_member const of_service[] = {
	SERVICE(TAG_DEVICE, NUMBER, device),
	SERVICE(TAG_INODE, NUMBER, inode),
	SERVICE(TAG_SERVICE_PHASE, NUMBER, phase),
	SERVICE(TAG_SAID, NUMBER, said),
	SERVICE(TAG_HOLDS, NUMBER, holds),
	SERVICE(TAG_PREPARED, NUMBER, prepared),
	SERVICE(TAG_VANISHED, NUMBER, vanished),
	SERVICE(TAG_RENEW, NUMBER, renew),
	SERVICE(TAG_MARKED, NUMBER, marked),
	SERVICE(TAG_MADE, NUMBER, made),
	SERVICE(TAG_SUPERVISOR, NUMBER, supervisor),
	SERVICE(TAG_IDENTITY, NUMBER, identity),
	SERVICE(TAG_PIDFD, DESCRIPTOR, pidfd),
	SERVICE(TAG_TOLD, DESCRIPTOR, told),
	SERVICE(TAG_HELD_PIPE, DESCRIPTOR, held[HOLD_PIPE]),
	SERVICE(TAG_HELD_READY, DESCRIPTOR, held[HOLD_READY]),
	SERVICE(TAG_HELD_LINES, DESCRIPTOR, held[HOLD_LINES]),
	SERVICE(TAG_WRITES, NUMBER, writes),
	SERVICE(TAG_ROW, NUMBER, row),
	SERVICE(TAG_SPAWNED, NUMBER, spawned),
	SERVICE(TAG_DUE, NUMBER, due),
};

/* ------------------------------------------------------------------------------------ giving */

/* What a fault leaves us sure of: no pointer but those to words that were there from the start. */
static void give_init(struct handover *h, struct init const *i, unsigned int resumed)
{
	handover_number(h, TAG_RESUMED, resumed);
	handover_number(h, TAG_WRITES_STATUS, STATUS_VERSION);
	handover_string(h, TAG_SERVICE_PATH, i->service_path);
	handover_string(h, TAG_PROFILE, i->profile);
	handover_members(h, of_init, COUNT(of_init), i);
	cinit_ipc_hand_over(h, &i->ipc);
}

static int give(struct handover *h, struct init const *i, int show)
{
	unsigned char record[STATUS_SIZE];

	if (handover_begin(h, HANDOVER_CINIT) < 0)
		return -1;
	h->show = show;
	give_init(h, i, RESUMED_UPGRADE);
	status_pack(record, &i->status, &i->ring);
	handover_bytes(h, TAG_RECORD, record, sizeof record);
	for (size_t n = 0; n < i->tree.count; n++) {
		handover_string(h, TAG_SERVICE, i->tree.list[n]->name);
		handover_members(h, of_service, COUNT(of_service), i->tree.list[n]);
	}
	return 0;
}

void carry_execute(struct init *i)
{
	struct handover h;
	/* of this very program: another one may have its name */
	int self = i->self >= 0 ? i->self : open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (give(&h, i, 0) == 0) {
		handover_descriptor(&h, TAG_FORMER, self);
		handover_execute(&h, -1, i->program, i->argv);
	}
	if (i->self < 0 && self >= 0)
		fd_close(self); /* keeps errno */
}

int carry_show(struct init const *i)
{
	struct handover h;

	return give(&h, i, 1) < 0 ? -1 : handover_finish(&h);
}

void carry_execute_fault(struct init *i)
{
	static struct handover h;

	if (handover_begin(&h, HANDOVER_CINIT) < 0)
		return;
	h.fault = 1;
	give_init(&h, i, RESUMED_FAULT);
	/* what has just come is the first to be suspected */
	handover_execute(&h, i->former >= 0 ? i->former : i->self, NULL, i->argv);
}

/* ------------------------------------------------------------------------------------ taking */

/* A service whose items are being read. */
struct taking {
	char *name; /* NULL: none is */
	struct service s;
};

/* All that was handed over of it is there: into the table. 0, or -1 with errno: no memory. */
static int enter(struct init *i, struct taking *t)
{
	if (!t->name)
		return 0;
	struct service *s = tree_add(&i->tree, t->name);
	free(t->name);
	t->name = NULL;
	if (!s)
		return -1;
	char *name = s->name;
	*s = t->s;
	s->name = name;
	s->phase = SERVICE_IDLE;
	s->supervisor = 0;
	s->pidfd = -1;
	if (t->s.phase == SERVICE_RUNS && process_is_child(t->s.supervisor))
		return tree_runs(&i->tree, s, t->s.supervisor);
	if (t->s.phase == SERVICE_TAKEN && t->s.pidfd >= 0)
		tree_taken(&i->tree, s, t->s.supervisor, t->s.pidfd);
	else if (t->s.phase != SERVICE_IDLE)
		tree_schedule(&i->tree, s, t->s.due ? t->s.due : 1);
	return 0;
}

static int begin(struct init *i, struct taking *t, struct handover_item const *item)
{
	if (enter(i, t) < 0)
		return -1;
	t->s = (struct service){ .pidfd = -1, .told = -1, .held = { -1, -1, -1 } };
	t->name = handover_copy(item);
	return t->name ? 0 : -1;
}

/* 0, or -1: it cannot be. */
static int take(struct init *i, struct handover_item const *item)
{
	switch (item->tag) {
	case TAG_SERVICE_PATH:
		i->service_path = handover_copy(item);
		return i->service_path ? 0 : -1;
	case TAG_PROFILE:
		i->profile = handover_copy(item);
		return i->profile ? 0 : -1;
	case TAG_RESUMED:
		i->resumed = (uint8_t)item->number;
		return 0;
	case TAG_WRITES_STATUS:
		i->former_reads = item->number == STATUS_VERSION;
		return 0;
	case TAG_RECORD:
		return status_unpack(item->bytes, item->len, &i->status, &i->ring) == STATUS_OK
			       ? 0
			       : -1;
	default:
		break;
	}
	if (!cinit_ipc_take_over(&i->ipc, item))
		handover_member(item, of_init, COUNT(of_init), i);
	return 0;
}

int carry_read(struct init *i, int fd)
{
	if (handover_read(&i->handed, fd) < 0)
		return -1;
	i->former = (int)handover_first(&i->handed, TAG_FORMER);
	return 0;
}

int carry_take(struct init *i)
{
	struct handover_reader r = i->handed;
	struct handover_item item;
	struct taking t = { .name = NULL };
	int bad = 0;

	i->run = i->dir = i->lock = -1;
	cinit_ipc_begin(&i->ipc, -1);
	while (!bad && handover_next(&r, &item)) {
		if (item.tag == TAG_SERVICE && item.type == HANDOVER_BYTES)
			bad = begin(i, &t, &item) < 0;
		else if (!t.name || !handover_member(&item, of_service, COUNT(of_service), &t.s))
			bad = take(i, &item) < 0;
	}
	bad |= enter(i, &t) < 0;
	i->ipc.dir = i->dir;
	i->run_path[sizeof i->run_path - 1] = 0;
	i->cgroup[sizeof i->cgroup - 1] = 0;
	i->program[sizeof i->program - 1] = 0;
	i->returned[sizeof i->returned - 1] = 0;
	if (!bad && i->service_path && i->run >= 0 && i->dir >= 0 && i->lock >= 0 && i->ipc.in >= 0)
		return 0;
	errno = EPROTO;
	return -1;
}

void carry_taken(struct init *i)
{
	free(i->handed.bytes);
	i->handed.bytes = NULL;
}

void carry_return(struct init *i, char const *why)
{
	if (i->handed.bytes && i->former >= 0)
		handover_return(&i->handed, TAG_RETURNED, why, i->former, i->argv);
}
