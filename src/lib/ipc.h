/* The seam between processes: a pair of FIFOs for each service, and nothing outside
 * ipc.c knows that they are FIFOs.
 *
 * `in` takes commands: many writers, one reader. `out` carries no bytes: when it
 * hangs up, the record beside it has changed. See cinit-ipc(7) for the protocol and
 * for why no wake-up can be lost. */
#ifndef CINIT_IPC_H
#define CINIT_IPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"
#include "status.h"

/* ------------------------------------------------------------------ the owner's side */

struct cinit_ipc {
	int dir;              /* directory of the pair; the caller's, not closed here */
	int in;               /* O_RDWR, so that it never sees an end; -1: none */
	int out;              /* O_WRONLY; -1: could not be made, nobody is told of changes */
	uint8_t spare_status; /* `.status` lies ready for an exchange */
	uint8_t no_exchange;  /* this file system knows no RENAME_EXCHANGE */
	uint8_t seals;        /* records are sealed; the owner's to set */
	size_t have, next;    /* bytes read from `in`, bytes decoded of them */
	struct frame_decoder decoder;
	unsigned char buffer[512];
};

/* Makes `in` and `out` in directory `dir`, or takes over those that are there (ours, FIFOs, not
 * links; anything else in their place is removed and made anew), and opens them. `in` gets
 * mode 0600, or 0620 and the group where `group` is not (gid_t)-1. Frames that are
 * already in `in` stay there. The umask must be 0. 0, or -1 with errno. */
int cinit_ipc_init(struct cinit_ipc *ipc, int dir, gid_t group);

/* Makes just the FIFO `out` in `dir`, as cinit does before the first supervisor runs. 0, or -1
 * with errno; one that is there is no error. */
int cinit_ipc_prepare(int dir);

/* The descriptor to poll for reading. */
int cinit_ipc_fd(struct cinit_ipc const *ipc);

/* Takes the next message. 1: `*m` holds it. 0: none now. -1: errno. Never blocks. */
int cinit_ipc_listen(struct cinit_ipc *ipc, struct message *m);

/* Are there bytes read and not yet decoded? Whoever stops listening before it returns 0 must not
 * wait in poll(2) then: it knows nothing of them. */
int cinit_ipc_pending(struct cinit_ipc const *ipc);

/* Is a message to be obeyed? The rule that keeps a command from being done twice. */
#define CINIT_ID_SEEN_BITS 24 /* of an id: what its client had seen, see cinit_ipc_id_after */
#define CINIT_ID_SEEN      ((UINT64_C(1) << CINIT_ID_SEEN_BITS) - 1)
enum cinit_novelty {
	CINIT_NEW,     /* obey it */
	CINIT_KNOWN,   /* it is answered in the ring: do nothing */
	CINIT_DOUBTFUL /* it is sent again, and its answer may have left the ring since it was sent
			  first: refuse it with WHY_DOUBT */
};
enum cinit_novelty cinit_ipc_novelty(
	struct message const *m, struct status const *s, struct status_ring const *r);

/* Publishes: replaces the record, then hangs up on everybody who watches. The caller has counted
 * s->change up. 0. 1 with errno: it is published and everybody was hung up on, but no new `out`
 * could be made; it has no writer, so nobody would learn of our death, until a later call makes
 * one. -1 with errno: the old record stands, and nobody was told. */
int cinit_ipc_publish(struct cinit_ipc *ipc, struct status const *s, struct status_ring const *r);

/* Makes `in` and `out` anew where what lies there is not what we hold: somebody removed or replaced
 * it. 0: nothing was to be done. 1: something was; publish. -1 with errno. What was sent to the
 * former `in` is to be read before. */
int cinit_ipc_mend(struct cinit_ipc *ipc, gid_t group);

/* Closes both ends; removes nothing. */
void cinit_ipc_close(struct cinit_ipc *ipc);

/* Hands the pair over to the program that is executed next, with what was read of `in` and not yet
 * obeyed. */
struct handover;
struct handover_item;
void cinit_ipc_hand_over(struct handover *h, struct cinit_ipc const *ipc);

/* Before the first item of one: there is nothing in hand. */
void cinit_ipc_begin(struct cinit_ipc *ipc, int dir);

/* 1: the item is one of these, and was entered. */
int cinit_ipc_take_over(struct cinit_ipc *ipc, struct handover_item const *item);

/* ----------------------------------------------------------------- the client's side */

/* One service in flight: at most two descriptors. */
struct cinit_client {
	int base;         /* directory descriptor that `path` is relative to, or AT_FDCWD */
	char const *path; /* the state directory, e.g. "web" under the run directory; not copied */
	int in, out;      /* -1: not open */
};
#define CINIT_CLIENT_ZERO                                                                          \
	{                                                                                          \
		.base = -1, .path = 0, .in = -1, .out = -1                                         \
	}

enum cinit_sent {
	CINIT_SENT,
	CINIT_NO_SERVICE,    /* no such directory, or neither `in` nor `out` in it */
	CINIT_NO_SUPERVISOR, /* nobody reads (yet): wait on `out`, then send again */
	CINIT_FULL,          /* the FIFO is full: the supervisor is stopped or drowned */
	CINIT_DENIED,        /* not permitted */
	CINIT_NOT_FIFO,      /* something else lies in its place */
	CINIT_SEND_ERROR     /* errno */
};

/* Sends one frame (m->id != 0) or one letter (m->id == 0). Opens `in` when it is not open, and
 * keeps it open: an unread frame lives as long as somebody holds the FIFO. It is closed where
 * nobody reads it any more. Never blocks. The caller ignores SIGPIPE. */
enum cinit_sent cinit_ipc_send(struct cinit_client *c, struct message const *m);

/* Would a message be taken? Opens `in` of PATH under `base` and closes it again: CINIT_SENT says
 * that somebody reads, CINIT_NO_SUPERVISOR that nobody does. Never blocks. */
enum cinit_sent cinit_ipc_probe(int base, char const *path);

/* Are `in` and `out` of PATH under `base` those that somebody holds, for reading and for writing?
 * 0: one is missing, is something else, or has nobody behind it. Never blocks. */
int cinit_ipc_attended(int base, char const *path);

/* Has `out`, which is open, a writer, or had it one when it was opened? Otherwise it is never hung
 * up on. */
int cinit_ipc_held(struct cinit_client const *c);

/* Closes `in`, so that the next send opens the present one. */
void cinit_ipc_unsend(struct cinit_client *c);

/* Opens the present `out` (closing a former one) and then reads the record, so that whatever is
 * published after this read hangs up c->out. `r` may be NULL. STATUS_OK and STATUS_SYSTEM/ENOENT
 * (nothing published yet) leave c->out open: poll it with events = 0, and call again at POLLHUP.
 * Where `out` itself cannot be opened: STATUS_SYSTEM, c->out is -1; ENOENT: no such service,
 * EINVAL: it is no FIFO. */
enum status_error cinit_ipc_watch(struct cinit_client *c, struct status *s, struct status_ring *r);

/* Closes what is open. */
void cinit_ipc_release(struct cinit_client *c);

/* A fresh random id, never 0. Never blocks, not even at early boot. */
uint64_t cinit_ipc_id(void);

/* The same for a frame that may have to be sent again, then with MESSAGE_AGAIN: it carries how many
 * frames had been answered, as the record said that was read before it is sent first. */
uint64_t cinit_ipc_id_after(uint64_t acknowledged);

#endif
