/* The status record: what a supervisor publishes, the only thing that clients,
 * cinit and the supervisor's own successor know of a service.
 *
 * One owner of the format: status_pack and status_unpack stand side by side in
 * status.c; offsets are listed there and in cinit-ipc(7). The first 20 bytes are
 * those of runit's supervise/status, little-endian pid and all; everything after
 * is big endian. The record is STATUS_SIZE bytes, a header and the ring; readers
 * accept longer ones, and refuse another version. Both parts carry a checksum,
 * because a spare file is written in place before it is exchanged in: a reader
 * that kept the old file open must notice. */
#ifndef CINIT_STATUS_H
#define CINIT_STATUS_H

#include <stddef.h>
#include <stdint.h>

#define STATUS_VERSION     1
#define STATUS_HEADER_SIZE 640
#define STATUS_RING        256
#define STATUS_SIZE        (STATUS_HEADER_SIZE + STATUS_RING * 10 + 8)
#define STATUS_TEXT        192

/* A record may be sealed: behind it stands the checksum of its header once more. While cinit lives
 * a seal says that somebody keeps the record true, so that a look at it needs no look at its
 * supervisor. It is broken, by cutting it off, when the supervisor has died or cannot publish; the
 * next publication brings another. */
#define STATUS_SEAL        8

enum status_state {
	STATE_DOWN,      /* nothing runs, nothing is about to */
	STATE_WAITING,   /* wants up, a need is not met */
	STATE_STARTING,  /* `run` is forked, not yet ready */
	STATE_UP,        /* `run` runs and is ready */
	STATE_STOPPING,  /* `run` was told to go, or went and left processes behind */
	STATE_FINISHING, /* `finish` runs */
	STATE_BACKOFF,   /* wants up, waits before the next start */
	STATE_FAILED,    /* gave up; latched until somebody says up */
	STATE_COUNT
};

enum status_want { WANT_DOWN, WANT_UP, WANT_ONCE, WANT_EXIT };

/* Children of a supervisor on behalf of one service, in the order of the record. */
enum status_role {
	ROLE_RUN,
	ROLE_FINISH,
	ROLE_CONTROL,
	ROLE_CHECK,
	ROLE_SPARE1,
	ROLE_SPARE2,
	ROLE_COUNT
};

enum status_phase {
	PHASE_NONE,   /* no such child */
	PHASE_GATED,  /* forked and waiting at its gate: has not executed anything */
	PHASE_STARTED /* has executed its program */
};

struct status_child {
	uint32_t pid;      /* 0: none */
	uint8_t phase;     /* enum status_phase */
	uint64_t identity; /* see process.h; 0: unknown */
};

/* Deadlines, CLOCK_BOOTTIME in nanoseconds; 0: none. */
enum status_deadline {
	DEADLINE_KILL,
	DEADLINE_BACKOFF,
	DEADLINE_START,
	DEADLINE_FINISH,
	DEADLINE_CONTROL,
	DEADLINE_CHECK,
	DEADLINE_COUNT
};

enum status_flag {
	FLAG_PAUSED = 1u << 0,
	FLAG_GOT_TERM = 1u << 1,      /* the present `run` was told to go */
	FLAG_NORMALLY_DOWN = 1u << 2, /* not started at boot of its own accord: a `down` file */
	FLAG_HAS_LOG = 1u << 3,       /* a logger has its own record in log/ */
	FLAG_ESSENTIAL = 1u << 4,
	FLAG_ENDED = 1u << 5, /* essential, and it ended for good: cinit acts on it */
	FLAG_READY = 1u << 6,
	FLAG_HAS_CHECK = 1u << 7,
	FLAG_EXITED = 1u << 8,        /* the supervisor was told to exit and did */
	FLAG_ADOPTED = 1u << 9,       /* `run` was started by a former supervisor */
	FLAG_EXIT_VALID = 1u << 10,   /* last_exit holds a wait status */
	FLAG_EXIT_UNKNOWN = 1u << 11, /* the last death's wait status was lost */
	FLAG_IS_LOG = 1u << 12,       /* this is the record of a logger */
	FLAG_RAN = 1u << 13,          /* `run` has ended, or runs: `finish` is due after it */
	FLAG_AGAIN = 1u << 14,        /* told to start while it stopped: it comes back */
	FLAG_ASKED = 1u << 15,      /* wanted up for its own sake: somebody said up, or boot did */
	FLAG_IMPLIED = 1u << 16,    /* wanted up because something that wants up depends on it */
	FLAG_HELD = 1u << 17,       /* made to go down: stays down although others depend on it */
	FLAG_CYCLING = 1u << 18,    /* goes down to come back: dependents leave first */
	FLAG_BUNDLE = 1u << 19,     /* nothing runs: it is up when what it depends on is */
	FLAG_BROUGHT_UP = 1u << 20, /* a oneshot whose `on` succeeded: `off` is due */
	FLAG_BLOCKED = 1u << 21,    /* waits in vain, until somebody does something */
	FLAG_AWAITS = 1u << 22      /* is to stop when those that depend on it have gone */
};

/* Why a service is as it is: a class for programs, a text for people. */
enum status_reason {
	REASON_NONE,
	REASON_CONFIG,   /* a value of the service directory does not parse */
	REASON_EXEC,     /* a program could not be executed; reason_detail: errno */
	REASON_FORK,     /* no process could be made, for want of something; reason_detail: errno */
	REASON_DEATHS,   /* gave up: too many deaths */
	REASON_FINISH,   /* gave up: finish exited 125 */
	REASON_ENDED,    /* ended and is not to be restarted */
	REASON_STRAY,    /* processes are left that cannot be ended; reason_detail: a pid */
	REASON_TIMEOUT,  /* a time limit ran out */
	REASON_PUBLISH,  /* state could not be written; reason_detail: errno */
	REASON_NEEDS,    /* a need is not met */
	REASON_REFUSED,  /* a command was refused; reason_detail 0: a letter, whose sender nobody
			    told */
	REASON_STATUS,   /* none: what the service says of itself (sd_notify) */
	REASON_HEALTH,   /* it was found unwell: health check, watchdog */
	REASON_LEFT_OUT, /* not part of this boot: enable-if-env */
	REASON_UPGRADE,  /* of cinit: an upgrade was refused */
	REASON_PROFILE,  /* it rests since boot: cinit was given a profile that is another */
	REASON_COUNT
};

/* What became of an acknowledged command. */
enum status_result {
	RESULT_NONE,
	RESULT_DONE,
	RESULT_NOTHING, /* understood, and there was nothing to do (no process to signal) */
	RESULT_REFUSED  /* not done; `why` says why */
};

enum status_why {
	WHY_NONE,
	WHY_UNKNOWN,    /* no such command */
	WHY_SIGNAL,     /* kill(2) failed */
	WHY_DEPENDENTS, /* others need it */
	WHY_FORK,       /* no process could be made */
	WHY_CONFIG,     /* the service directory holds a bad value, or cannot be read */
	WHY_EXITING,    /* the supervisor is about to exit */
	WHY_PUBLISH,    /* state could not be written */
	WHY_BUSY,       /* the queue behind a control script is full */
	WHY_DOUBT,      /* sent again so late that nobody knows whether it was done before */
	WHY_LOGGER,     /* a logger ends with its service, and not by command */
	WHY_STOPPING,   /* the tree is being stopped */
	WHY_SERVICES,   /* the directory of service directories cannot be read */
	WHY_UPGRADE,    /* another program cannot take over; reason_text says why */
	WHY_COUNT
};

struct status_ring {
	uint64_t id[STATUS_RING];    /* slot = (acknowledged count before it) % STATUS_RING */
	uint8_t result[STATUS_RING]; /* enum status_result */
	uint8_t why[STATUS_RING];    /* enum status_why */
};

struct status {
	/* runit's part: label and pid are derived by the publisher */
	uint64_t label_sec; /* TAI64 by runit's epoch: unix + 2^62 + 10 */
	uint32_t label_nsec;
	uint32_t pid; /* of run, or of finish while it runs; 0 */

	uint8_t state;   /* enum status_state */
	uint8_t want;    /* enum status_want */
	uint16_t reason; /* enum status_reason */
	uint32_t reason_detail;
	uint32_t flags;        /* enum status_flag */
	uint32_t incarnation;  /* raised by each supervisor that takes the service */
	uint64_t change;       /* publications so far */
	uint64_t acknowledged; /* frames answered so far; the next goes to slot % STATUS_RING */
	uint32_t supervisor;   /* pid; 0: exited in good order */
	uint64_t supervisor_identity;
	unsigned char boot_id[16]; /* zeros: unknown */
	struct status_child child[ROLE_COUNT];
	uint64_t deadline[DEADLINE_COUNT];
	int32_t last_exit;      /* wait status of the last death of run */
	uint32_t starts;        /* how often run was started: its generation */
	uint32_t deaths;        /* how often run died unasked */
	uint32_t restarts;      /* starts that followed a death unasked */
	uint32_t backoff_ms;    /* last delay; 0: none yet */
	uint32_t strays;        /* processes of the service found left over, being ended */
	uint64_t since;         /* CLOCK_BOOTTIME ns: when `state` was entered */
	uint64_t started;       /* when the present or last run was started */
	uint64_t ready;         /* when it became ready; 0: not */
	uint64_t died;          /* when run last died; 0: never */
	uint64_t cgroup;        /* id (inode) of the service's own control group; 0: none */
	uint32_t noise;         /* bytes in `in` that meant nothing */
	uint32_t foreign;       /* frames of an unknown version */
	uint32_t window_deaths; /* deaths counted against max-deaths */
	uint64_t watchdog; /* CLOCK_BOOTTIME ns: it must say that it lives by then; 0: need not */
	uint64_t window_start; /* CLOCK_BOOTTIME ns; 0: none counted */
	uint64_t executed; /* CLOCK_BOOTTIME ns: since when its keeper runs the program it runs */
	uint64_t refused;  /* when it was last unable to execute another in its place; 0: never */
	uint32_t refusal;  /* errno of that; 0: none */
	char reason_text[STATUS_TEXT]; /* NUL-terminated, for people; "" with REASON_NONE */
};

/* Writes the record: header and ring, STATUS_SIZE bytes. */
void status_pack(
	unsigned char out[STATUS_SIZE], struct status const *s, struct status_ring const *r);

/* The same where no frame was ever acknowledged, and the ring is zeros: the header, and the
 * checksum that comes last. Between them belong STATUS_SIZE - STATUS_HEADER_SIZE - STATUS_SUM
 * zeros. */
#define STATUS_SUM 8
void status_pack_new(unsigned char header[STATUS_HEADER_SIZE], unsigned char sum[STATUS_SUM],
	struct status const *s);

/* The seal of a record with this header. */
void status_seal(unsigned char out[STATUS_SEAL], unsigned char const header[STATUS_HEADER_SIZE]);

enum status_error {
	STATUS_OK,
	STATUS_SHORT,   /* fewer bytes than a record has (a half-written or foreign file) */
	STATUS_FOREIGN, /* another version */
	STATUS_TORN,    /* a checksum is wrong: read while it was written, or damaged */
	STATUS_INVALID, /* a value out of its range */
	STATUS_SYSTEM   /* errno says what */
};

/* Reads `len` bytes into `*s`, and into `*r` unless it is NULL. On anything but
 * STATUS_OK the targets are indeterminate. */
enum status_error status_unpack(
	unsigned char const *in, size_t len, struct status *s, struct status_ring *r);

/* Does a seal of this very record follow it? */
int status_is_sealed(unsigned char const *in, size_t len);

/* Reads PATH/status under directory `base` (AT_FDCWD allowed). Never blocks; reads again
 * when it met a torn record, or one that is being written and not yet published. `r` may be NULL:
 * then only the header is read. STATUS_SYSTEM with ENOENT: not yet published. */
enum status_error status_read(int base, char const *path, struct status *s, struct status_ring *r);

/* The same for those who only show it, with three system calls. 1: *s is whole and sealed; it may
 * be what is about to be published just now. 0: none, or not that; ask status_read. */
int status_glance(int base, char const *path, struct status *s);

/* Breaks the seal of DIRECTORY/status. Takes no descriptor, memory or space: there may be none. 0,
 * or -1 with errno. */
int status_unseal(char const *directory);

/* After a read that failed with `error` in errno: may there be a record all the same, which could
 * not be read for lack of descriptors, memory or rights, or for a fault of the file system? Whoever
 * takes that for "there is none" forgets what runs. */
int status_unreadable(enum status_error e, int error);

/* Remembers an answer; advances s->acknowledged. */
void status_acknowledge(struct status *s, struct status_ring *r, uint64_t id,
	enum status_result result, enum status_why why);

/* The slot that answers `id`, or -1. */
int status_answer(struct status_ring const *r, uint64_t id);

/* Lower-case names for output and JSON; "unknown" out of range. */
char const *status_state_name(unsigned state);
char const *status_want_name(unsigned want);
char const *status_reason_name(unsigned reason);
/* A phrase for people ("others need it"). */
char const *status_why_text(unsigned why);

#endif
