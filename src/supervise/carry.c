/* The supervisor as a list of items: pack and unpack side by side, by the same tables. Whatever is
 * not on disk, and would be different for a successor that adopts, is in here: a program that is
 * executed in place is still the parent of its children, still has the lock, and has forgotten
 * nothing. */
#include <skalibs/nonposix.h>

#include "carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/handover.h"
#include "service.h"

/* Tags are never given twice; those of the pair begin at 0x100. */
enum {
	TAG_NAME = 1,
	TAG_SERVICE_DIR,
	TAG_STATE_DIR,
	TAG_RUN_DIR,
	TAG_PROGRAM,
	TAG_BOOT_ID,
	TAG_NOFILE,
	TAG_UMASK,
	TAG_GROUP,
	TAG_BOOT_WANT,
	TAG_CGROUP,
	/* of the process */
	TAG_RUN = 0x20,
	TAG_PIPE,
	TAG_AT_ONCE,
	TAG_LOOK_PENDING,
	TAG_RETRY_LOOK,
	TAG_LOOK_DELAY,
	TAG_LAST_LINES,
	TAG_ENDING,
	/* a service begins: 0, or 1 for the logger; a child of it: its role; a job in its queue */
	TAG_SERVICE = 0x40,
	TAG_CHILD,
	TAG_JOB,
	TAG_RECORD,
	TAG_ENTRIES,
	/* of a service */
	TAG_DIR = 0x200,
	TAG_LOCK,
	TAG_READY,
	TAG_SWEEPING,
	TAG_KILLING,
	TAG_ASKED,
	TAG_END_OF_LOG,
	TAG_PUBLISH_FAILED,
	TAG_UNPUBLISHED,
	TAG_CONFIG_BAD,
	TAG_CONFIG_ERROR,
	TAG_FOREIGN_LEFT,
	TAG_LAST_GROUP,
	TAG_AFTER,
	TAG_RETRY_SWEEP,
	TAG_GATE_LIMIT,
	TAG_PUBLISH_DELAY,
	TAG_RETRY_ADOPTED,
	TAG_UNWELL,
	TAG_UNASKED,
	TAG_BLAMED,
	TAG_OFF,
	TAG_NEEDS_ENTERED,
	TAG_NEEDS_ASKED,
	TAG_NEEDS_ENTER,
	TAG_TERMED,
	TAG_TERMED_COUNT,
	TAG_CGROUP_EVENTS,
	TAG_CGROUP_WAITS,
	TAG_LINES,
	TAG_LINES_OUT,
	TAG_LINES_ARRIVALS,
	TAG_LINES_READ,
	TAG_LINES_WRITE,
	TAG_LINES_AHEAD,
	TAG_LINES_FULL,
	TAG_LINES_CUT,
	TAG_LINES_PLAIN,
	TAG_LINES_SAID,
	TAG_CHECK_LEFT,
	/* of its configuration, as it was when what runs was started */
	TAG_KIND = 0x280,
	TAG_READINESS,
	TAG_TIMEOUT_UP,
	TAG_TIMEOUT_DOWN,
	TAG_TIMEOUT_CHECK,
	TAG_CHECK_INTERVAL,
	TAG_HEALTH_INTERVAL,
	TAG_HEALTH_FAILURES,
	TAG_WATCHDOG,
	TAG_NOTIFICATION_FD,
	TAG_SUCCESS,
	TAG_TIMEOUT_KILL,
	TAG_TIMEOUT_FINISH,
	TAG_TIMEOUT_CONTROL,
	TAG_BACKOFF_MAX,
	TAG_MAX_DEATHS,
	TAG_MAX_DEATHS_MS,
	TAG_DOWN_SIGNAL,
	TAG_KILL_MODE,
	TAG_RESTART,
	TAG_READY_LINE,
	/* of a child */
	TAG_GATE = 0x300,
	TAG_PIDFD,
	TAG_ADOPTED,
	TAG_ENDED_AT,
	TAG_ENDED,
	TAG_OPENED,
	TAG_BAD_CONFIG,
	TAG_EXEC_FAILED,
	TAG_SHORTAGE,
	/* of a job */
	TAG_LETTER = 0x340,
	TAG_INSTEAD,
	TAG_STOP,
	TAG_GATED,
	TAG_START,
	TAG_SIGNAL,
	TAG_ID
};

/* What is in no row is handed over in another way, or begins anew:
 *   struct supervisor: o has_log signals reap_pending upgrade polls poll_room few service log
 *   mend
 *   struct service: sup s child launch is_log dirty config_read fresh stray retry_publish retry_out
 *   out_delay hung unsure dependents queued ipc ring queue
 *   struct child: pidfd_is_its
 *   struct supervise_options: title title_size layout forked
 *   struct config: entries
 *   struct needs: list count retry */

#define COUNT(array)               (sizeof(array) / sizeof *(array))
#define OPTION(TAG, MEMBER)        HANDOVER_MEMBER(TAG, HANDOVER_NUMBER, struct supervise_options, MEMBER)
#define PROCESS(TAG, TYPE, MEMBER) HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct supervisor, MEMBER)
#define SERVICE(TAG, TYPE, MEMBER) HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct service, MEMBER)
#define NUMBER(TAG, MEMBER)        SERVICE(TAG, NUMBER, MEMBER)
#define CONFIG(TAG, MEMBER)        SERVICE(TAG, NUMBER, config.MEMBER)
#define CHILD(TAG, TYPE, MEMBER)   HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct child, MEMBER)
#define JOB(TAG, MEMBER)           HANDOVER_MEMBER(TAG, HANDOVER_NUMBER, struct job, MEMBER)

static struct handover_member const options[] = {
	HANDOVER_MEMBER(TAG_BOOT_ID, HANDOVER_BYTES, struct supervise_options, boot_id),
	OPTION(TAG_NOFILE, nofile),
	OPTION(TAG_UMASK, umask),
	OPTION(TAG_GROUP, control_group),
	OPTION(TAG_BOOT_WANT, boot_want),
};

static struct handover_member const process[] = {
	PROCESS(TAG_RUN, DESCRIPTOR, run),
	PROCESS(TAG_PIPE, DESCRIPTOR, pipe),
	PROCESS(TAG_AT_ONCE, NUMBER, at_once),
	PROCESS(TAG_LOOK_PENDING, NUMBER, look_pending),
	PROCESS(TAG_RETRY_LOOK, NUMBER, retry_look),
	PROCESS(TAG_LOOK_DELAY, NUMBER, look_delay),
	PROCESS(TAG_LAST_LINES, NUMBER, last_lines),
	PROCESS(TAG_ENDING, NUMBER, ending),
};

/* What is not here begins anew: `stray` is looked for again by the sweep, needs and dependents are
 * watched again, a publication that is to be tried again is tried at once; a signal compares. */
static struct handover_member const service[] = {
	SERVICE(TAG_DIR, DESCRIPTOR, dir),
	SERVICE(TAG_LOCK, DESCRIPTOR, lock),
	SERVICE(TAG_READY, DESCRIPTOR, ready_fd),
	SERVICE(TAG_CGROUP_EVENTS, DESCRIPTOR, cgroup),
	NUMBER(TAG_CGROUP_WAITS, cgroup_waits),
	SERVICE(TAG_LINES, DESCRIPTOR, lines.fd),
	SERVICE(TAG_LINES_OUT, DESCRIPTOR, lines.out),
	SERVICE(TAG_LINES_ARRIVALS, DESCRIPTOR, lines.arrivals),
	SERVICE(TAG_LINES_READ, DESCRIPTOR, lines.scratch[0]),
	SERVICE(TAG_LINES_WRITE, DESCRIPTOR, lines.scratch[1]),
	NUMBER(TAG_LINES_AHEAD, lines.ahead),
	NUMBER(TAG_LINES_FULL, lines.full),
	NUMBER(TAG_LINES_CUT, lines.cut),
	NUMBER(TAG_LINES_PLAIN, lines.plain),
	NUMBER(TAG_LINES_SAID, lines.said),
	NUMBER(TAG_CHECK_LEFT, check_left),
	NUMBER(TAG_SWEEPING, sweeping),
	NUMBER(TAG_KILLING, killing),
	NUMBER(TAG_ASKED, asked),
	NUMBER(TAG_END_OF_LOG, end_of_log),
	NUMBER(TAG_PUBLISH_FAILED, publish_failed),
	NUMBER(TAG_UNPUBLISHED, unpublished),
	NUMBER(TAG_CONFIG_BAD, config_bad),
	SERVICE(TAG_CONFIG_ERROR, BYTES, config_error.text),
	NUMBER(TAG_FOREIGN_LEFT, foreign),
	NUMBER(TAG_LAST_GROUP, last_group),
	NUMBER(TAG_AFTER, after),
	NUMBER(TAG_RETRY_SWEEP, retry_sweep),
	NUMBER(TAG_GATE_LIMIT, gate_limit),
	NUMBER(TAG_PUBLISH_DELAY, publish_delay),
	NUMBER(TAG_RETRY_ADOPTED, retry_adopted),
	NUMBER(TAG_UNWELL, unwell),
	NUMBER(TAG_UNASKED, unasked),
	NUMBER(TAG_BLAMED, blamed),
	NUMBER(TAG_OFF, off),
	NUMBER(TAG_NEEDS_ENTERED, needs.entered),
	NUMBER(TAG_NEEDS_ASKED, needs.asked),
	NUMBER(TAG_NEEDS_ENTER, needs_enter),
	SERVICE(TAG_TERMED, BYTES, termed),
	NUMBER(TAG_TERMED_COUNT, termed_count),
	CONFIG(TAG_KIND, kind),
	CONFIG(TAG_READINESS, ready),
	CONFIG(TAG_TIMEOUT_UP, timeout_up),
	CONFIG(TAG_TIMEOUT_DOWN, timeout_down),
	CONFIG(TAG_TIMEOUT_CHECK, timeout_check),
	CONFIG(TAG_CHECK_INTERVAL, check_interval),
	CONFIG(TAG_HEALTH_INTERVAL, health_interval),
	CONFIG(TAG_HEALTH_FAILURES, health_failures),
	CONFIG(TAG_WATCHDOG, watchdog),
	CONFIG(TAG_NOTIFICATION_FD, notification_fd),
	SERVICE(TAG_SUCCESS, BYTES, config.success),
	CONFIG(TAG_TIMEOUT_KILL, timeout_kill),
	CONFIG(TAG_TIMEOUT_FINISH, timeout_finish),
	CONFIG(TAG_TIMEOUT_CONTROL, timeout_control),
	CONFIG(TAG_BACKOFF_MAX, backoff_max),
	CONFIG(TAG_MAX_DEATHS, max_deaths),
	CONFIG(TAG_MAX_DEATHS_MS, max_deaths_ms),
	CONFIG(TAG_DOWN_SIGNAL, down_signal),
	CONFIG(TAG_KILL_MODE, kill_mode),
	CONFIG(TAG_RESTART, restart),
	SERVICE(TAG_READY_LINE, BYTES, config.ready_line),
};

static struct handover_member const child[] = {
	CHILD(TAG_GATE, DESCRIPTOR, gate),
	CHILD(TAG_PIDFD, DESCRIPTOR, pidfd),
	CHILD(TAG_ADOPTED, NUMBER, adopted),
	CHILD(TAG_ENDED_AT, NUMBER, ended_at),
	CHILD(TAG_ENDED, NUMBER, ended),
	CHILD(TAG_OPENED, NUMBER, opened),
	CHILD(TAG_BAD_CONFIG, NUMBER, bad_config),
	CHILD(TAG_EXEC_FAILED, NUMBER, exec_failed),
	CHILD(TAG_SHORTAGE, NUMBER, shortage),
};

static struct handover_member const job[] = {
	JOB(TAG_LETTER, letter),
	JOB(TAG_INSTEAD, instead),
	JOB(TAG_STOP, stop),
	JOB(TAG_GATED, gated),
	JOB(TAG_START, start),
	JOB(TAG_SIGNAL, signal),
	JOB(TAG_ID, id),
};

/* ------------------------------------------------------------------------------------ giving */

static void give_service(struct handover *h, struct service const *x)
{
	unsigned char record[STATUS_SIZE];
	char names[CONFIG_NAMES];

	handover_number(h, TAG_SERVICE, x->is_log);
	/* from memory: what is on disk is older where a publication failed */
	status_pack(record, &x->s, &x->ring);
	handover_bytes(h, TAG_RECORD, record, sizeof record);
	handover_bytes(h, TAG_ENTRIES, names, config_names(&x->config, names));
	handover_members(h, service, COUNT(service), x);
	cinit_ipc_hand_over(h, &x->ipc);
	for (unsigned int i = 0; i < ROLE_COUNT; i++) {
		if (!x->s.child[i].pid)
			continue;
		handover_number(h, TAG_CHILD, i);
		handover_members(h, child, COUNT(child), &x->child[i]);
	}
	for (unsigned int i = 0; i < x->queued; i++) {
		handover_number(h, TAG_JOB, i);
		handover_members(h, job, COUNT(job), &x->queue[i]);
	}
}

void supervisor_execute(struct supervisor *sup)
{
	static char word[] = "supervise";
	struct supervise_options const *o = sup->o;
	struct handover h;
	char name[256 + 1];
	char *const argv[] = { word, name, NULL };

	if (handover_begin(&h, HANDOVER_SUPERVISE) < 0)
		return;
	handover_string(&h, TAG_NAME, o->name);
	handover_string(&h, TAG_SERVICE_DIR, o->service_dir);
	handover_string(&h, TAG_STATE_DIR, o->state_dir);
	handover_string(&h, TAG_RUN_DIR, o->run_dir);
	handover_string(&h, TAG_PROGRAM, o->program);
	handover_string(&h, TAG_CGROUP, o->cgroup);
	handover_members(&h, options, COUNT(options), o);
	handover_members(&h, process, COUNT(process), sup);
	SERVICE_EACH (sup, x)
		give_service(&h, x);
	strncpy(name, o->name, sizeof name - 1);
	name[sizeof name - 1] = 0;
	handover_execute(&h, -1, o->program, argv);
}

/* ------------------------------------------------------------------------------------ taking */

/* What the items that follow are of. */
struct place {
	struct supervisor *sup;
	struct supervise_options *o;
	struct service *x;
	struct child *child;
	struct job *job;
};

static int take_string(struct supervise_options *o, struct handover_item const *i)
{
	char const **to;

	switch (i->tag) {
	case TAG_NAME:
		to = &o->name;
		break;
	case TAG_SERVICE_DIR:
		to = &o->service_dir;
		break;
	case TAG_STATE_DIR:
		to = &o->state_dir;
		break;
	case TAG_RUN_DIR:
		to = &o->run_dir;
		break;
	case TAG_PROGRAM:
		to = &o->program;
		break;
	case TAG_CGROUP:
		to = &o->cgroup;
		break;
	default:
		return 0;
	}
	if (i->type == HANDOVER_BYTES)
		*to = handover_copy(i);
	return *to ? 1 : -1;
}

/* A marker: what follows belongs to something else. */
static int take_place(struct place *p, struct handover_item const *i)
{
	switch (i->tag) {
	case TAG_SERVICE:
		p->child = NULL;
		p->job = NULL;
		p->x = i->number ? &p->sup->log : &p->sup->service;
		if (i->number)
			setup_service(p->sup, p->x, 1);
		p->sup->has_log |= i->number != 0;
		return 1;
	case TAG_CHILD:
		p->child = p->x && i->number < ROLE_COUNT ? &p->x->child[i->number] : NULL;
		return 1;
	case TAG_JOB:
		p->child = NULL;
		p->job = p->x && i->number < QUEUE_MAX ? &p->x->queue[i->number] : NULL;
		if (p->job)
			p->x->queued = (unsigned int)i->number + 1;
		return 1;
	default:
		return 0;
	}
}

static int take_of_service(struct place *p, struct handover_item const *i)
{
	struct service *x = p->x;

	if (i->tag == TAG_RECORD)
		return status_unpack(i->bytes, i->len, &x->s, &x->ring) == STATUS_OK ? 1 : -1;
	if (i->tag == TAG_ENTRIES) {
		config_enter_names(&x->config, (char const *)i->bytes, i->len);
		return 1;
	}
	return (p->job && handover_member(i, job, COUNT(job), p->job)) ||
	       (p->child && handover_member(i, child, COUNT(child), p->child)) ||
	       cinit_ipc_take_over(&x->ipc, i) || handover_member(i, service, COUNT(service), x);
}

/* -1: it is not to be understood. */
static int take(struct place *p, struct handover_item const *i)
{
	int r = take_place(p, i);

	if (!r)
		r = take_string(p->o, i);
	if (!r && p->x)
		return take_of_service(p, i);
	return r ? r
		 : handover_member(i, options, COUNT(options), p->o) ||
			       handover_member(i, process, COUNT(process), p->sup);
}

static int is_whole(struct service const *x)
{
	return x->dir >= 0 && x->lock >= 0 && x->ipc.in >= 0 && x->s.supervisor;
}

int supervisor_take(struct supervisor *sup, struct supervise_options *o, int fd)
{
	struct place p = { .sup = sup, .o = o };
	struct handover_reader r;
	struct handover_item i;
	int bad = 0;

	if (handover_read(&r, fd) < 0)
		return -1;
	while (handover_next(&r, &i))
		bad |= take(&p, &i) < 0;
	free(r.bytes);
	if (!o->name || !o->service_dir || !o->state_dir || !o->program)
		bad = 1;
	SERVICE_EACH (sup, x) {
		setup_name(x);
		x->ipc.dir = x->dir;
		bad |= !is_whole(x);
	}
	errno = EPROTO;
	return bad ? -1 : 0;
}
