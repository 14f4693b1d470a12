/* The status record: its bytes, to each of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "status.h"

/* ------------------------------------------------------------------------------ a full record */

/* Where each field is, and what the sample holds there: big endian, in the order of the man page.
 */
/* clang-format off: a table is read by its columns */
static struct {
	size_t at, size;
	uint64_t value;
} const layout[] = {
	{ 0, 8, 0x400000006b027d7c },                /* label */
	{ 8, 4, 0x0cd6a4dc }, { 12, 4, 0x0c4b0000 }, /* pid, little endian */
	{ 16, 4, 0x01640101 },                       /* paused, want 'd', got TERM, run */
	{ 20, 1, 1 },                                /* version */
	{ 21, 1, STATE_STOPPING }, { 22, 1, WANT_EXIT }, { 23, 1, 0 }, { 24, 2, REASON_STRAY },
	{ 26, 2, 0 }, { 28, 4, 0x11121314 }, /* reason_detail */
	{ 32, 4, 0x00001fff },               /* flags */
	{ 36, 4, 0x21222324 },               /* incarnation */
	{ 40, 8, 0x3132333435363738 },       /* change */
	{ 48, 8, 0x4142434445464748 },       /* acknowledged */
	{ 56, 4, 0x51525354 },               /* supervisor */
	{ 60, 4, 0xfffffff7 },               /* last_exit */
	{ 64, 8, 0x6162636465666768 },       /* supervisor_identity */
	{ 72, 8, 0x7071727374757677 },       /* boot_id */
	{ 80, 8, 0x78797a7b7c7d7e7f }, { 88, 4, 0x00004b0c }, { 92, 1, PHASE_STARTED },
	{ 93, 3, 0 }, { 96, 8, 0xa1 }, { 104, 4, 0x00000102 }, { 108, 1, PHASE_GATED },
	{ 109, 3, 0 }, { 112, 8, 0xa2 }, { 120, 4, 0x00000103 }, { 124, 1, PHASE_STARTED },
	{ 125, 3, 0 }, { 128, 8, 0xa3 }, { 136, 4, 0x00000104 }, { 140, 1, PHASE_STARTED },
	{ 141, 3, 0 }, { 144, 8, 0xa4 }, { 152, 4, 0 }, { 156, 1, PHASE_NONE }, { 157, 3, 0 },
	{ 160, 8, 0 }, { 168, 4, 0 }, { 172, 1, PHASE_NONE }, { 173, 3, 0 }, { 176, 8, 0xa6 },
	{ 184, 8, 0xb1 }, { 192, 8, 0xb2 }, { 200, 8, 0xb3 }, /* deadlines */
	{ 208, 8, 0xb4 }, { 216, 8, 0xb5 }, { 224, 8, 0xb6 }, { 232, 4, 0xc1000001 }, /* starts */
	{ 236, 4, 0xc1000002 },                                                       /* deaths */
	{ 240, 4, 0xc1000003 },                                                       /* restarts */
	{ 244, 4, 0xc1000004 },         /* backoff_ms */
	{ 248, 4, 0xc1000005 },         /* strays */
	{ 252, 4, 0xc1000006 },         /* noise */
	{ 256, 4, 0xc1000007 },         /* foreign */
	{ 260, 4, 0xc1000008 },         /* window_deaths */
	{ 264, 8, 0xd100000000000001 }, /* since */
	{ 272, 8, 0xd100000000000002 }, /* started */
	{ 280, 8, 0xd100000000000003 }, /* ready */
	{ 288, 8, 0xd100000000000004 }, /* died */
	{ 296, 8, 0xd100000000000005 }, /* cgroup */
	{ 304, 8, 0xd100000000000006 }, /* window_start */
	{ 312, 8, 0xd100000000000007 }, /* watchdog */
	{ 320, 8, 0xd100000000000008 }, /* executed */
	{ 328, 8, 0xd100000000000009 }, /* refused */
	{ 336, 4, 0xc100000a },         /* refusal */
};
/* clang-format on */

static char const text[] = "3 processes are left, the first is 259";

static void sample(struct status *s, struct status_ring *r)
{
	*s = (struct status){
		.label_sec = 0x400000006b027d7c,
		.label_nsec = 0x0cd6a4dc,
		.pid = 0x4b0c,
		.state = STATE_STOPPING,
		.want = WANT_EXIT,
		.reason = REASON_STRAY,
		.reason_detail = 0x11121314,
		.flags = 0x1fff,
		.incarnation = 0x21222324,
		.change = 0x3132333435363738,
		.acknowledged = 0x4142434445464748,
		.supervisor = 0x51525354,
		.supervisor_identity = 0x6162636465666768,
		.child = {
			[ROLE_RUN] = { 0x4b0c, PHASE_STARTED, 0xa1 },
			[ROLE_FINISH] = { 0x102, PHASE_GATED, 0xa2 },
			[ROLE_CONTROL] = { 0x103, PHASE_STARTED, 0xa3 },
			[ROLE_CHECK] = { 0x104, PHASE_STARTED, 0xa4 },
			[ROLE_SPARE2] = { 0, PHASE_NONE, 0xa6 },
		},
		.deadline = { 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6 },
		.last_exit = -9,
		.starts = 0xc1000001,
		.deaths = 0xc1000002,
		.restarts = 0xc1000003,
		.backoff_ms = 0xc1000004,
		.strays = 0xc1000005,
		.noise = 0xc1000006,
		.foreign = 0xc1000007,
		.window_deaths = 0xc1000008,
		.since = 0xd100000000000001,
		.started = 0xd100000000000002,
		.ready = 0xd100000000000003,
		.died = 0xd100000000000004,
		.cgroup = 0xd100000000000005,
		.window_start = 0xd100000000000006,
		.watchdog = 0xd100000000000007,
		.executed = 0xd100000000000008,
		.refused = 0xd100000000000009,
		.refusal = 0xc100000a,
	};
	for (unsigned int i = 0; i < sizeof s->boot_id; i++)
		s->boot_id[i] = (unsigned char)(0x70 + i);
	strcpy(s->reason_text, text);
	for (unsigned int i = 0; i < STATUS_RING; i++) {
		r->id[i] = 0x0101010101010101 * (uint64_t)i + 1;
		r->result[i] = (uint8_t)(i % 4);
		r->why[i] = (uint8_t)(i % 9);
	}
}

static uint64_t big(unsigned char const *p, size_t size)
{
	uint64_t v = 0;
	while (size--)
		v = v << 8 | *p++;
	return v;
}

static void golden_header(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];
	size_t end = 0;

	memset(record, 0xee, sizeof record);
	sample(&s, &r);
	memset(s.reason_text + sizeof text, 'x', STATUS_TEXT - sizeof text); /* must not get out */
	status_pack(record, &s, &r);
	for (size_t i = 0; i < sizeof layout / sizeof *layout; i++) {
		assert_int_equal(layout[i].at, end); /* the table has no hole */
		end += layout[i].size;
		if (big(record + layout[i].at, layout[i].size) != layout[i].value)
			fail_msg("wrong at offset %zu", layout[i].at);
	}
	assert_int_equal(end, 340);
	for (; end < 440; end++)
		assert_int_equal(record[end], 0);
	assert_memory_equal(record + 440, text, sizeof text);
	for (end = 440 + sizeof text; end < 632; end++)
		assert_int_equal(record[end], 0);
	assert_true(big(record + 632, 8) == 0x18144e476de770c2);
}

static void golden_ring(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];

	assert_int_equal(STATUS_SIZE, 3208);
	sample(&s, &r);
	status_pack(record, &s, &r);
	for (unsigned int i = 0; i < STATUS_RING; i++) {
		assert_true(big(record + 640 + 8 * i, 8) == r.id[i]);
		assert_int_equal(record[2688 + i], r.result[i]);
		assert_int_equal(record[2944 + i], r.why[i]);
	}
	assert_true(big(record + 3200, 8) == 0xad5a06755320f050);
}

/* As runit's own runsv wrote them. */
static void golden_first_twenty(void **state)
{
	(void)state;
	static struct {
		unsigned char want;
		uint32_t flags, pid, run, finish;
		char const *tail; /* the last eight of the twenty */
	} const row[] = {
		{ WANT_UP, 0, 0x4b0c, 0x4b0c, 0, "\x0c\x4b\0\0\0u\0\1" },
		{ WANT_DOWN, FLAG_GOT_TERM, 0x4b0c, 0x4b0c, 0, "\x0c\x4b\0\0\0d\1\1" },
		{ WANT_DOWN, 0, 0, 0, 0, "\0\0\0\0\0d\0\0" },
		{ WANT_ONCE, 0, 0x4b0c, 0x4b0c, 0, "\x0c\x4b\0\0\0d\0\1" },
		{ WANT_EXIT, FLAG_GOT_TERM, 0x4b0c, 0x4b0c, 0, "\x0c\x4b\0\0\0d\1\1" },
		{ WANT_UP, FLAG_PAUSED, 0x4b0c, 0x4b0c, 0, "\x0c\x4b\0\0\1u\0\1" },
		{ WANT_UP, 0, 0x4b0c, 0, 0x4b0c, "\x0c\x4b\0\0\0u\0\2" },
		{ WANT_UP, 0, 0x01020304, 0x01020304, 0, "\4\3\2\1\0u\0\1" },
		/* the others' flags are nothing to runit */
		{ WANT_UP, ~(uint32_t)(FLAG_PAUSED | FLAG_GOT_TERM), 0, 0, 0, "\0\0\0\0\0u\0\0" },
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		static struct status_ring r;
		unsigned char record[STATUS_SIZE];
		struct status s = {
			.label_sec = 0x400000006b027d7c,
			.label_nsec = 0x0cd6a4dc,
			.pid = row[i].pid,
			.want = row[i].want,
			.flags = row[i].flags,
			.child = { [ROLE_RUN].pid = row[i].run, [ROLE_FINISH].pid = row[i].finish },
		};
		status_pack(record, &s, &r);
		assert_memory_equal(record, "\x40\0\0\0\x6b\x02\x7d\x7c\x0c\xd6\xa4\xdc", 12);
		assert_memory_equal(record + 12, row[i].tail, 8);
	}
}

/* -------------------------------------------------------------------------------- and back */

static void what_is_packed_is_unpacked(void **state)
{
	(void)state;
	struct status s, s2;
	struct status_ring r, r2;
	unsigned char record[STATUS_SIZE], again[STATUS_SIZE];

	sample(&s, &r);
	status_pack(record, &s, &r);
	memset(&s2, 0xaa, sizeof s2);
	memset(&r2, 0xaa, sizeof r2);
	assert_int_equal(status_unpack(record, sizeof record, &s2, &r2), STATUS_OK);
	assert_memory_equal(&r, &r2, sizeof r);
	assert_string_equal(s2.reason_text, text);
	assert_int_equal(s2.last_exit, -9);
	assert_true(s2.pid == s.pid && s2.label_sec == s.label_sec);
	assert_memory_equal(s2.boot_id, s.boot_id, sizeof s.boot_id);
	/* all fields at once: golden_header says that packing loses none */
	status_pack(again, &s2, &r2);
	assert_memory_equal(record, again, sizeof record);
}

static void the_header_can_be_read_alone(void **state)
{
	(void)state;
	struct status s, s2;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];

	sample(&s, &r);
	status_pack(record, &s, &r);
	assert_int_equal(status_unpack(record, STATUS_HEADER_SIZE, &s2, NULL), STATUS_OK);
	assert_int_equal(s2.incarnation, s.incarnation);
	memset(record + STATUS_HEADER_SIZE, 0xff, STATUS_SIZE - STATUS_HEADER_SIZE);
	assert_int_equal(status_unpack(record, STATUS_SIZE, &s2, NULL), STATUS_OK);
	assert_int_equal(status_unpack(record, STATUS_SIZE, &s2, &r), STATUS_TORN);
}

static void fewer_bytes_are_short(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];

	sample(&s, &r);
	status_pack(record, &s, &r);
	for (size_t len = 0; len < STATUS_SIZE; len++) {
		unsigned char *exact =
			malloc(len ? len : 1); /* so that a sanitizer sees reads past it */
		memcpy(exact, record, len);
		assert_int_equal(status_unpack(exact, len, &s, &r), STATUS_SHORT);
		assert_int_equal(status_unpack(exact, len, &s, NULL),
			len < STATUS_HEADER_SIZE ? STATUS_SHORT : STATUS_OK);
		free(exact);
	}
}

static void longer_records_are_accepted(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char record[STATUS_SIZE + 500];

	sample(&s, &r);
	memset(record, 0xff, sizeof record);
	status_pack(record, &s, &r);
	assert_int_equal(status_unpack(record, sizeof record, &s, &r), STATUS_OK);
}

static void another_version_is_refused(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];

	sample(&s, &r);
	status_pack(record, &s, &r);
	for (int version = 0; version < 256; version++) {
		record[20] = (unsigned char)version;
		assert_int_equal(status_unpack(record, sizeof record, &s, &r),
			version == STATUS_VERSION ? STATUS_OK : STATUS_FOREIGN);
	}
}

static void every_wrong_byte_is_noticed(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];

	sample(&s, &r);
	status_pack(record, &s, &r);
	for (size_t i = 0; i < sizeof record; i++)
		for (int bit = 0; bit < 8; bit++) {
			record[i] ^= (unsigned char)(1 << bit);
			assert_int_equal(status_unpack(record, sizeof record, &s, &r),
				i == 20 ? STATUS_FOREIGN : STATUS_TORN);
			if (i >= STATUS_HEADER_SIZE)
				assert_int_equal(
					status_unpack(record, sizeof record, &s, NULL), STATUS_OK);
			record[i] ^= (unsigned char)(1 << bit);
		}
}

/* A reader may see the beginning of a new record and the end of an old one, cut anywhere. */
static void every_mixture_of_two_records_is_noticed(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char a[STATUS_SIZE], b[STATUS_SIZE], mixed[STATUS_SIZE];

	sample(&s, &r);
	status_pack(a, &s, &r);
	s.change++;
	status_acknowledge(&s, &r, 0xfeedfacecafebeef, RESULT_DONE, WHY_NONE);
	status_pack(b, &s, &r);
	for (size_t cut = 0; cut <= STATUS_SIZE; cut++) {
		memcpy(mixed, b, cut);
		memcpy(mixed + cut, a + cut, STATUS_SIZE - cut);
		int same = memcmp(mixed, a, STATUS_SIZE) == 0 || memcmp(mixed, b, STATUS_SIZE) == 0;
		assert_int_equal(
			status_unpack(mixed, STATUS_SIZE, &s, &r), same ? STATUS_OK : STATUS_TORN);
	}
}

/* Only the counter differs, and the ring not at all: it must not pass for the new header's. */
static void a_ring_goes_with_its_header_only(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	unsigned char a[STATUS_SIZE], b[STATUS_SIZE];

	sample(&s, &r);
	status_pack(a, &s, &r);
	s.change++;
	status_pack(b, &s, &r);
	memcpy(a, b, STATUS_HEADER_SIZE);
	assert_int_equal(status_unpack(a, STATUS_SIZE, &s, &r), STATUS_TORN);
}

static enum status_error repacked(struct status const *s, struct status_ring const *r)
{
	struct status s2;
	struct status_ring r2;
	unsigned char record[STATUS_SIZE];
	status_pack(record, s, r);
	return status_unpack(record, sizeof record, &s2, &r2);
}

static void values_out_of_range_are_invalid(void **state)
{
	(void)state;
	struct status s, good;
	struct status_ring r;

	sample(&good, &r);
#define REFUSED(field, value)                                                                      \
	(s = good, s.field = (value), assert_int_equal(repacked(&s, &r), STATUS_INVALID))
	REFUSED(state, STATE_COUNT);
	REFUSED(state, 255);
	REFUSED(want, WANT_EXIT + 1);
	REFUSED(label_nsec, 1000000000);
	REFUSED(pid, 0x80000000);
	REFUSED(supervisor, 0xffffffff);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		REFUSED(child[i].pid, 0x80000000);
		REFUSED(child[i].phase, PHASE_STARTED + 1);
	}
	r.result[255] = RESULT_REFUSED + 1;
	assert_int_equal(repacked(&good, &r), STATUS_INVALID);
	r.result[255] = RESULT_REFUSED;
	assert_int_equal(repacked(&good, &r), STATUS_OK);
}

/* A newer supervisor may know more of these; its record is readable all the same. */
static void unknown_reasons_flags_and_whys_are_let_through(void **state)
{
	(void)state;
	struct status s;
	struct status_ring r;
	sample(&s, &r);
	s.reason = 60000;
	s.flags = UINT32_MAX;
	r.why[3] = 200;
	assert_int_equal(repacked(&s, &r), STATUS_OK);
}

static void a_text_without_end_gets_one(void **state)
{
	(void)state;
	struct status s, s2;
	struct status_ring r;
	unsigned char record[STATUS_SIZE];
	sample(&s, &r);
	memset(s.reason_text, 'x', STATUS_TEXT);
	status_pack(record, &s, &r);
	assert_int_equal(status_unpack(record, sizeof record, &s2, &r), STATUS_OK);
	assert_int_equal(strlen(s2.reason_text), STATUS_TEXT - 1);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(golden_header),
		cmocka_unit_test(golden_ring),
		cmocka_unit_test(golden_first_twenty),
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(the_header_can_be_read_alone),
		cmocka_unit_test(fewer_bytes_are_short),
		cmocka_unit_test(longer_records_are_accepted),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(every_wrong_byte_is_noticed),
		cmocka_unit_test(every_mixture_of_two_records_is_noticed),
		cmocka_unit_test(a_ring_goes_with_its_header_only),
		cmocka_unit_test(values_out_of_range_are_invalid),
		cmocka_unit_test(unknown_reasons_flags_and_whys_are_let_through),
		cmocka_unit_test(a_text_without_end_gets_one),
	};
	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
