/* The status record: its bytes. status_pack and status_unpack are the only two that know them. */
#include "status.h"

#include <string.h>

#include "bytes.h"

/* Offsets. All integers are big endian but PID; what is not named is zero and ignored. */
enum at {
	/* runit's twenty bytes */
	AT_LABEL_SEC = 0,
	AT_LABEL_NSEC = 8,
	AT_PID = 12, /* little endian */
	AT_RUNIT_PAUSED = 16,
	AT_RUNIT_WANT = 17,
	AT_RUNIT_TERM = 18,
	AT_RUNIT_STATE = 19,
	/* ours */
	AT_VERSION = 20,
	AT_STATE = 21,
	AT_WANT = 22,
	AT_REASON = 24,
	AT_REASON_DETAIL = 28,
	AT_FLAGS = 32,
	AT_INCARNATION = 36,
	AT_CHANGE = 40,
	AT_ACKNOWLEDGED = 48,
	AT_SUPERVISOR = 56,
	AT_LAST_EXIT = 60,
	AT_SUPERVISOR_IDENTITY = 64,
	AT_BOOT_ID = 72,
	AT_CHILD = 88, /* ROLE_COUNT times CHILD_SIZE */
	AT_DEADLINE = 184,
	AT_STARTS = 232,
	AT_DEATHS = 236,
	AT_RESTARTS = 240,
	AT_BACKOFF = 244,
	AT_STRAYS = 248,
	AT_NOISE = 252,
	AT_FOREIGN = 256,
	AT_WINDOW_DEATHS = 260,
	AT_SINCE = 264,
	AT_STARTED = 272,
	AT_READY = 280,
	AT_DIED = 288,
	AT_CGROUP = 296,
	AT_WINDOW_START = 304,
	AT_WATCHDOG = 312,
	AT_EXECUTED = 320,
	AT_REFUSED = 328,
	AT_REFUSAL = 336,
	AT_SPARE = 340, /* up to the text: for fields to come */
	AT_REASON_TEXT = 440,
	AT_HEADER_SUM = 632,
	/* the ring */
	AT_RING_ID = 640,
	AT_RING_RESULT = 2688,
	AT_RING_WHY = 2944,
	AT_RING_SUM = 3200,
	/* behind the record */
	AT_SEAL = 3208
};

enum at_child { CHILD_PID = 0, CHILD_PHASE = 4, CHILD_IDENTITY = 8, CHILD_SIZE = 16 };

_Static_assert(AT_CHILD + (int)ROLE_COUNT * (int)CHILD_SIZE == AT_DEADLINE, "children fit");
_Static_assert(AT_DEADLINE + DEADLINE_COUNT * 8 == AT_STARTS, "deadlines fit");
_Static_assert(AT_REASON_TEXT + STATUS_TEXT == AT_HEADER_SUM, "the text fits");
_Static_assert(AT_HEADER_SUM + 8 == STATUS_HEADER_SIZE, "the header fits");
_Static_assert(AT_RING_ID == STATUS_HEADER_SIZE, "the ring follows");
_Static_assert(AT_RING_ID + STATUS_RING * 8 == AT_RING_RESULT, "ids fit");
_Static_assert(AT_RING_WHY + STATUS_RING == AT_RING_SUM, "the ring fits");
_Static_assert(AT_RING_SUM + 8 == STATUS_SIZE, "the record fits");
_Static_assert(AT_SEAL == STATUS_SIZE && STATUS_SEAL == 8, "the seal follows");

/* runit's byte 19 */
enum runit_state { RUNIT_DOWN, RUNIT_RUN, RUNIT_FINISH };

#define SUM_SEED UINT64_C(0x63696e6974303031) /* "cinit001" */
#define SUM_MULT UINT64_C(0x9e3779b97f4a7c15) /* odd, so that multiplying loses nothing */

/* Eight bytes a step. Each step maps 64 bits one to one, so a single wrong word never goes unseen;
 * a mixture of two records does with a chance of 2^-64. It protects from tearing, not from malice.
 */
static uint64_t checksum(unsigned char const *p, size_t len, uint64_t sum)
{
	for (; len >= 8; p += 8, len -= 8) {
		sum = (sum ^ get_be64(p)) * SUM_MULT;
		sum ^= sum >> 29;
	}
	return sum;
}

static enum runit_state runit_state(struct status const *s)
{
	if (s->child[ROLE_RUN].pid)
		return RUNIT_RUN;
	return s->child[ROLE_FINISH].pid ? RUNIT_FINISH : RUNIT_DOWN;
}

static void pack_runit(unsigned char *out, struct status const *s)
{
	put_be64(out + AT_LABEL_SEC, s->label_sec);
	put_be32(out + AT_LABEL_NSEC, s->label_nsec);
	put_le32(out + AT_PID, s->pid);
	out[AT_RUNIT_PAUSED] = (s->flags & FLAG_PAUSED) != 0;
	out[AT_RUNIT_WANT] = s->want == WANT_UP ? 'u' : 'd';
	out[AT_RUNIT_TERM] = (s->flags & FLAG_GOT_TERM) != 0;
	out[AT_RUNIT_STATE] = (unsigned char)runit_state(s);
}

static void pack_header(unsigned char *out, struct status const *s)
{
	out[AT_VERSION] = STATUS_VERSION;
	out[AT_STATE] = s->state;
	out[AT_WANT] = s->want;
	put_be16(out + AT_REASON, s->reason);
	put_be32(out + AT_REASON_DETAIL, s->reason_detail);
	put_be32(out + AT_FLAGS, s->flags);
	put_be32(out + AT_INCARNATION, s->incarnation);
	put_be64(out + AT_CHANGE, s->change);
	put_be64(out + AT_ACKNOWLEDGED, s->acknowledged);
	put_be32(out + AT_SUPERVISOR, s->supervisor);
	put_be32(out + AT_LAST_EXIT, (uint32_t)s->last_exit);
	put_be64(out + AT_SUPERVISOR_IDENTITY, s->supervisor_identity);
	memcpy(out + AT_BOOT_ID, s->boot_id, sizeof s->boot_id);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		unsigned char *child = out + AT_CHILD + i * CHILD_SIZE;
		put_be32(child + CHILD_PID, s->child[i].pid);
		child[CHILD_PHASE] = s->child[i].phase;
		put_be64(child + CHILD_IDENTITY, s->child[i].identity);
	}
	for (size_t i = 0; i < DEADLINE_COUNT; i++)
		put_be64(out + AT_DEADLINE + i * 8, s->deadline[i]);
	put_be32(out + AT_STARTS, s->starts);
	put_be32(out + AT_DEATHS, s->deaths);
	put_be32(out + AT_RESTARTS, s->restarts);
	put_be32(out + AT_BACKOFF, s->backoff_ms);
	put_be32(out + AT_STRAYS, s->strays);
	put_be32(out + AT_NOISE, s->noise);
	put_be32(out + AT_FOREIGN, s->foreign);
	put_be32(out + AT_WINDOW_DEATHS, s->window_deaths);
	put_be64(out + AT_SINCE, s->since);
	put_be64(out + AT_STARTED, s->started);
	put_be64(out + AT_READY, s->ready);
	put_be64(out + AT_DIED, s->died);
	put_be64(out + AT_CGROUP, s->cgroup);
	put_be64(out + AT_WINDOW_START, s->window_start);
	put_be64(out + AT_WATCHDOG, s->watchdog);
	put_be64(out + AT_EXECUTED, s->executed);
	put_be64(out + AT_REFUSED, s->refused);
	put_be32(out + AT_REFUSAL, s->refusal);
	/* What stood behind the text's end in memory is nobody's business. */
	memcpy(out + AT_REASON_TEXT, s->reason_text, strnlen(s->reason_text, STATUS_TEXT - 1));
}

static uint64_t pack_whole_header(unsigned char *out, struct status const *s)
{
	memset(out, 0, STATUS_HEADER_SIZE);
	pack_runit(out, s);
	pack_header(out, s);
	uint64_t sum = checksum(out, AT_HEADER_SUM, SUM_SEED);
	put_be64(out + AT_HEADER_SUM, sum);
	return sum;
}

void status_pack_new(unsigned char header[STATUS_HEADER_SIZE], unsigned char sum[STATUS_SUM],
	struct status const *s)
{
	static unsigned char const zeros[8];
	uint64_t n = pack_whole_header(header, s);
	for (size_t i = AT_RING_ID; i < AT_RING_SUM; i += sizeof zeros)
		n = checksum(zeros, sizeof zeros, n);
	put_be64(sum, n);
}

void status_pack(
	unsigned char out[STATUS_SIZE], struct status const *s, struct status_ring const *r)
{
	uint64_t sum = pack_whole_header(out, s);

	for (size_t i = 0; i < STATUS_RING; i++)
		put_be64(out + AT_RING_ID + i * 8, r->id[i]);
	memcpy(out + AT_RING_RESULT, r->result, STATUS_RING);
	memcpy(out + AT_RING_WHY, r->why, STATUS_RING);
	/* Seeded with the header's: a new header never goes with an old ring. */
	put_be64(out + AT_RING_SUM, checksum(out + AT_RING_ID, AT_RING_SUM - AT_RING_ID, sum));
}

static void unpack_header(unsigned char const *in, struct status *s)
{
	s->label_sec = get_be64(in + AT_LABEL_SEC);
	s->label_nsec = get_be32(in + AT_LABEL_NSEC);
	s->pid = get_le32(in + AT_PID);
	s->state = in[AT_STATE];
	s->want = in[AT_WANT];
	s->reason = get_be16(in + AT_REASON);
	s->reason_detail = get_be32(in + AT_REASON_DETAIL);
	s->flags = get_be32(in + AT_FLAGS);
	s->incarnation = get_be32(in + AT_INCARNATION);
	s->change = get_be64(in + AT_CHANGE);
	s->acknowledged = get_be64(in + AT_ACKNOWLEDGED);
	s->supervisor = get_be32(in + AT_SUPERVISOR);
	s->last_exit = (int32_t)get_be32(in + AT_LAST_EXIT);
	s->supervisor_identity = get_be64(in + AT_SUPERVISOR_IDENTITY);
	memcpy(s->boot_id, in + AT_BOOT_ID, sizeof s->boot_id);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		unsigned char const *child = in + AT_CHILD + i * CHILD_SIZE;
		s->child[i].pid = get_be32(child + CHILD_PID);
		s->child[i].phase = child[CHILD_PHASE];
		s->child[i].identity = get_be64(child + CHILD_IDENTITY);
	}
	for (size_t i = 0; i < DEADLINE_COUNT; i++)
		s->deadline[i] = get_be64(in + AT_DEADLINE + i * 8);
	s->starts = get_be32(in + AT_STARTS);
	s->deaths = get_be32(in + AT_DEATHS);
	s->restarts = get_be32(in + AT_RESTARTS);
	s->backoff_ms = get_be32(in + AT_BACKOFF);
	s->strays = get_be32(in + AT_STRAYS);
	s->noise = get_be32(in + AT_NOISE);
	s->foreign = get_be32(in + AT_FOREIGN);
	s->window_deaths = get_be32(in + AT_WINDOW_DEATHS);
	s->since = get_be64(in + AT_SINCE);
	s->started = get_be64(in + AT_STARTED);
	s->ready = get_be64(in + AT_READY);
	s->died = get_be64(in + AT_DIED);
	s->cgroup = get_be64(in + AT_CGROUP);
	s->window_start = get_be64(in + AT_WINDOW_START);
	s->watchdog = get_be64(in + AT_WATCHDOG);
	s->executed = get_be64(in + AT_EXECUTED);
	s->refused = get_be64(in + AT_REFUSED);
	s->refusal = get_be32(in + AT_REFUSAL);
	memcpy(s->reason_text, in + AT_REASON_TEXT, STATUS_TEXT);
}

/* Reasons, flags and whys that we do not know are let through: a newer supervisor of the same
 * version may have more of them, and nothing is decided by them but words. */
static int header_valid(struct status const *s)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->child[i].phase > PHASE_STARTED || s->child[i].pid > INT32_MAX)
			return 0;
	return s->state < STATE_COUNT && s->want <= WANT_EXIT && s->label_nsec < 1000000000 &&
	       s->pid <= INT32_MAX && s->supervisor <= INT32_MAX &&
	       memchr(s->reason_text, 0, STATUS_TEXT) != NULL;
}

static enum status_error unpack_ring(unsigned char const *in, struct status_ring *r)
{
	uint64_t sum =
		checksum(in + AT_RING_ID, AT_RING_SUM - AT_RING_ID, get_be64(in + AT_HEADER_SUM));
	if (sum != get_be64(in + AT_RING_SUM))
		return STATUS_TORN;
	for (size_t i = 0; i < STATUS_RING; i++)
		r->id[i] = get_be64(in + AT_RING_ID + i * 8);
	memcpy(r->result, in + AT_RING_RESULT, STATUS_RING);
	memcpy(r->why, in + AT_RING_WHY, STATUS_RING);
	for (size_t i = 0; i < STATUS_RING; i++)
		if (r->result[i] > RESULT_REFUSED)
			return STATUS_INVALID;
	return STATUS_OK;
}

enum status_error status_unpack(
	unsigned char const *in, size_t len, struct status *s, struct status_ring *r)
{
	if (len < (r ? STATUS_SIZE : STATUS_HEADER_SIZE))
		return STATUS_SHORT;
	/* The version first: what another version sums up, and where, we cannot know. */
	if (in[AT_VERSION] != STATUS_VERSION)
		return STATUS_FOREIGN;
	if (checksum(in, AT_HEADER_SUM, SUM_SEED) != get_be64(in + AT_HEADER_SUM))
		return STATUS_TORN;
	unpack_header(in, s);
	if (!header_valid(s))
		return STATUS_INVALID;
	return r ? unpack_ring(in, r) : STATUS_OK;
}

void status_seal(unsigned char out[STATUS_SEAL], unsigned char const header[STATUS_HEADER_SIZE])
{
	memcpy(out, header + AT_HEADER_SUM, STATUS_SEAL);
}

int status_is_sealed(unsigned char const *in, size_t len)
{
	return len >= AT_SEAL + STATUS_SEAL &&
	       memcmp(in + AT_SEAL, in + AT_HEADER_SUM, STATUS_SEAL) == 0;
}

void status_acknowledge(struct status *s, struct status_ring *r, uint64_t id,
	enum status_result result, enum status_why why)
{
	size_t slot = (size_t)(s->acknowledged % STATUS_RING);
	r->id[slot] = id;
	r->result[slot] = (uint8_t)result;
	r->why[slot] = (uint8_t)why;
	s->acknowledged++;
}

int status_answer(struct status_ring const *r, uint64_t id)
{
	if (!id)
		return -1; /* no frame has it: it is what an unused slot holds */
	for (int i = 0; i < STATUS_RING; i++)
		if (r->id[i] == id)
			return i;
	return -1;
}
