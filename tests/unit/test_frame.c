/* Frames: what comes out is what went in, and what is no frame does nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "frame.h"

static struct message message_of(uint8_t command, char const *text)
{
	struct message m = {
		.id = 0x0123456789abcdef,
		.argument = 0xdeadbeef,
		.command = command,
		.flags = MESSAGE_FORCE,
		.text_len = (uint8_t)strlen(text),
	};
	memcpy(m.text, text, strlen(text));
	return m;
}

/* Feeds bytes; returns the messages seen, and keeps the last. */
static unsigned int feed(
	struct frame_decoder *d, void const *bytes, size_t len, struct message *last)
{
	unsigned char const *p = bytes;
	unsigned int seen = 0;
	struct message m;
	for (size_t i = 0; i < len; i++)
		if (frame_decode(d, p[i], &m)) {
			*last = m;
			seen++;
		}
	return seen;
}

static void assert_same(struct message const *a, struct message const *b)
{
	assert_true(a->id == b->id);
	assert_int_equal(a->argument, b->argument);
	assert_int_equal(a->command, b->command);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->text_len, b->text_len);
	assert_memory_equal(a->text, b->text, sizeof a->text);
}

/* A small generator of our own: the same bytes on every machine. */
static uint64_t seed;
static uint64_t next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return seed >> 33;
}

/* A frame with the octets given, as another version of the encoder might make it. */
static size_t frame_of(unsigned char *out, unsigned char const *octet, size_t octets, size_t body)
{
	memset(out, 0x80, 3 + body);
	out[0] = 0x01;
	out[1] = (unsigned char)(0x80 | body >> 7);
	out[2] = (unsigned char)(0x80 | (body & 0x7f));
	for (size_t bit = 0; bit < octets * 8 && bit / 7 < body; bit++)
		if (octet[bit / 8] >> (7 - bit % 8) & 1)
			out[3 + bit / 7] |= (unsigned char)(0x40 >> bit % 7);
	return 3 + body;
}

static void golden_bytes(void **state)
{
	(void)state;
	static unsigned char const golden[] = {
		0x01, 0x80, 0x94, /* 20 bytes follow, for 17 octets: */
		0x80, 0xd8, 0xa0, 0x9d, 0xf5, 0xb6, 0xfd, 0xef, 0x80, 0xc8, /* 01 61 01 deadbeef */
		0xe8, 0xd6, 0xbc, 0xa6, 0xd7, 0xcd, 0xf7, 0xd8, 0xac, 0xa0, /* the id, "ab" */
	};
	static unsigned char const octet[] = { 1, 'a', 1, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x23, 0x45,
		0x67, 0x89, 0xab, 0xcd, 0xef, 'a', 'b' };
	struct message m = message_of('a', "ab");
	unsigned char other[FRAME_MAX];
	char out[FRAME_MAX];

	assert_int_equal(frame_encode(out, &m), sizeof golden);
	assert_memory_equal(out, golden, sizeof golden);
	/* and the helper that the other tests forge frames with says the same */
	assert_int_equal(frame_of(other, octet, sizeof octet, 20), sizeof golden);
	assert_memory_equal(other, golden, sizeof golden);
}

static void a_frame_comes_out_as_it_went_in(void **state)
{
	(void)state;
	for (unsigned int len = 0; len <= FRAME_TEXT_MAX; len++) {
		struct frame_decoder d = { 0 };
		struct message m = { .command = 'u' }, back;
		char out[FRAME_MAX];
		m.id = next_random() << 32 | next_random() | 1;
		m.argument = (uint32_t)next_random();
		m.flags = (uint8_t)next_random();
		m.text_len = (uint8_t)len;
		for (unsigned int i = 0; i < len; i++)
			m.text[i] = (char)(1 + next_random() % 255);
		size_t bytes = frame_encode(out, &m);
		assert_true(bytes <= FRAME_MAX);
		assert_int_equal(feed(&d, out, bytes, &back), 1);
		assert_same(&m, &back);
		assert_int_equal(d.noise, 0);
		assert_int_equal(d.have, 0);
	}
}

static void extreme_values_survive(void **state)
{
	(void)state;
	static uint64_t const id[] = { 1, UINT64_MAX, UINT64_C(1) << 63, 0x8080808080808080 };
	static uint32_t const argument[] = { 0, 1, UINT32_MAX, UINT32_C(1) << 31 };
	for (int command = 0; command < 256; command++)
		for (size_t i = 0; i < 16; i++) {
			struct frame_decoder d = { 0 };
			struct message back, m = { .command = (uint8_t)command,
				.id = id[i / 4],
				.argument = argument[i % 4] };
			char out[FRAME_MAX];
			size_t bytes = frame_encode(out, &m);
			assert_int_equal(feed(&d, out, bytes, &back), 1);
			assert_same(&m, &back);
		}
}

/* Every byte but the first has its top bit set: it can be no letter and start no frame. */
static void no_tail_of_a_frame_acts(void **state)
{
	(void)state;
	char text[FRAME_TEXT_MAX + 1];
	memset(text, 'd', FRAME_TEXT_MAX);
	text[FRAME_TEXT_MAX] = 0;
	struct message m = message_of('d', text), back;
	char out[FRAME_MAX];
	size_t bytes = frame_encode(out, &m);
	for (size_t cut = 1; cut <= bytes; cut++) {
		struct frame_decoder d = { 0 };
		assert_int_equal(feed(&d, out + cut, bytes - cut, &back), 0);
		assert_int_equal(d.noise, bytes - cut);
		/* and the next frame is understood */
		assert_int_equal(feed(&d, out, bytes, &back), 1);
		assert_same(&m, &back);
	}
}

static void a_truncated_frame_is_dropped_when_the_next_begins(void **state)
{
	(void)state;
	struct message a = message_of('d', "first"), b = message_of('u', "second"), back;
	char first[FRAME_MAX], second[FRAME_MAX];
	size_t len_a = frame_encode(first, &a), len_b = frame_encode(second, &b);
	for (size_t cut = 0; cut < len_a; cut++) {
		struct frame_decoder d = { 0 };
		assert_int_equal(feed(&d, first, cut, &back), 0);
		assert_int_equal(feed(&d, second, len_b, &back), 1);
		assert_same(&b, &back);
		assert_int_equal(d.noise, cut);

		memset(&d, 0, sizeof d);
		assert_int_equal(feed(&d, first, cut, &back), 0);
		assert_int_equal(feed(&d, "k", 1, &back), 1);
		assert_int_equal(back.command, 'k');
		assert_true(back.id == 0);
		assert_int_equal(d.noise, cut);
		assert_int_equal(d.have, 0);
	}
}

static void letters_are_messages_without_id(void **state)
{
	(void)state;
	for (int byte = 0; byte < 0x80; byte++) {
		struct frame_decoder d = { 0 };
		struct message m, none = { .command = (uint8_t)byte };
		unsigned char b = (unsigned char)byte;
		memset(&m, 0xaa, sizeof m);
		assert_int_equal(feed(&d, &b, 1, &m), byte != 0x01);
		if (byte != 0x01)
			assert_same(&m, &none);
		assert_int_equal(d.noise, 0);
	}
	struct frame_decoder d = { 0 };
	struct message m;
	assert_int_equal(feed(&d, "dududx", 6, &m), 6);
	assert_int_equal(m.command, 'x');
}

static void noise_between_frames_is_counted(void **state)
{
	(void)state;
	struct message m = message_of('u', "web"), back;
	struct frame_decoder d = { 0 };
	char out[FRAME_MAX];
	size_t bytes = frame_encode(out, &m);
	for (unsigned int i = 1; i <= 100; i++) {
		assert_int_equal(feed(&d, "\xff\x80\xc3", 3, &back), 0);
		assert_int_equal(d.noise, 3 * i);
		assert_int_equal(feed(&d, out, bytes, &back), 1);
		assert_same(&m, &back);
	}
}

/* Two frames whose bytes were mixed by a writer that is none of ours: nothing acts wrongly. */
static void a_frame_within_a_frame_starts_afresh(void **state)
{
	(void)state;
	struct message a = message_of('d', "aaaa"), b = message_of('u', "bbbb"), back;
	char first[FRAME_MAX], second[FRAME_MAX];
	size_t len_a = frame_encode(first, &a), len_b = frame_encode(second, &b);
	for (size_t at = 1; at < len_a; at++) {
		struct frame_decoder d = { 0 };
		assert_int_equal(feed(&d, first, at, &back), 0);
		assert_int_equal(feed(&d, second, len_b, &back), 1);
		assert_same(&b, &back);
		assert_int_equal(feed(&d, first + at, len_a - at, &back), 0);
		assert_int_equal(d.noise, len_a);
	}
}

static void an_unknown_version_is_skipped_whole(void **state)
{
	(void)state;
	static size_t const octets[] = { 2, 14, 15, 16, 270, 271, 400, 3000 };
	unsigned char octet[3000], out[3 + 3500];
	struct message m = message_of('u', "web"), back;
	char good[FRAME_MAX];
	size_t bytes = frame_encode(good, &m);
	for (int version = 0; version < 256; version++)
		for (size_t i = 0; i < sizeof octets / sizeof *octets; i++) {
			union {
				struct frame_decoder decoder;
				unsigned char bytes[sizeof(struct frame_decoder)];
			} u = { .bytes = { 0 } };
			struct frame_decoder *d = &u.decoder;
			if (version == FRAME_VERSION)
				continue;
			memset(octet, 'd', sizeof octet);
			octet[0] = (unsigned char)version;
			size_t len = frame_of(out, octet, octets[i], (octets[i] * 8 + 6) / 7);
			assert_int_equal(feed(d, out, len, &back), 0);
			assert_int_equal(d->foreign, 1);
			assert_int_equal(d->noise, 0);
			/* what is longer than our buffer went nowhere */
			for (size_t b = offsetof(struct frame_decoder, body) + FRAME_BODY_MAX;
				b < sizeof u; b++)
				assert_int_equal(u.bytes[b], 0);
			assert_int_equal(feed(d, good, bytes, &back), 1);
			assert_same(&m, &back);
		}
}

/* Every length that two bytes can carry, with a body of our version. */
static void a_length_out_of_range_is_noise(void **state)
{
	(void)state;
	static unsigned char octet[14400], out[3 + 16383];
	struct message m = message_of('u', "web"), back;
	char good[FRAME_MAX];
	size_t bytes = frame_encode(good, &m);
	memset(octet, 0xff, sizeof octet);
	octet[0] = FRAME_VERSION;
	/* downwards, so that what a long body left on the stack would pass for a short one's */
	for (size_t body = 16384; body-- > 0;) {
		struct frame_decoder d = { 0 };
		if (body > 400 && body % 997 != 431)
			continue; /* some of the long ones */
		size_t octets = body * 7 / 8;
		int whole = octets >= FRAME_FIXED && octets <= FRAME_FIXED + FRAME_TEXT_MAX &&
			    (octets * 8 + 6) / 7 == body;
		size_t len = frame_of(out, octet, octets, body);
		assert_int_equal(feed(&d, out, len, &back), whole);
		assert_int_equal(d.noise, whole ? 0 : len);
		assert_int_equal(d.foreign, 0);
		assert_int_equal(feed(&d, good, bytes, &back), 1);
		assert_same(&m, &back);
	}
}

static void a_body_that_no_encoder_makes_is_noise(void **state)
{
	(void)state;
	struct message m = message_of('u', "web"), back;
	struct frame_decoder d = { 0 };
	char out[FRAME_MAX];

	size_t bytes = frame_encode(out, &m);
	out[bytes - 1] |= 1; /* padding: 18 octets are 144 bits in 21 bytes of 147 */
	assert_int_equal(feed(&d, out, bytes, &back), 0);
	assert_int_equal(d.noise, bytes);

	m.text[1] = 0;
	bytes = frame_encode(out, &m);
	memset(&d, 0, sizeof d);
	assert_int_equal(feed(&d, out, bytes, &back), 0);
	assert_int_equal(d.noise, bytes);

	/* an id of 0 would be taken for a letter */
	m = message_of('u', "web");
	m.id = 0;
	bytes = frame_encode(out, &m);
	memset(&d, 0, sizeof d);
	assert_int_equal(feed(&d, out, bytes, &back), 0);
	assert_int_equal(d.noise, bytes);
}

/* Whatever comes, every byte is accounted for: a letter, part of a message, foreign, or noise. */
static void random_bytes_do_no_harm(void **state)
{
	(void)state;
	struct frame_decoder d = { 0 };
	struct message m = message_of('u', "web"), back;
	char out[FRAME_MAX];
	size_t bytes = frame_encode(out, &m);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned char junk[16];
		size_t len = next_random() % sizeof junk;
		for (size_t i = 0; i < len; i++) {
			junk[i] = (unsigned char)next_random();
			if (next_random() % 4 == 0)
				junk[i] = 0x01;
		}
		feed(&d, junk, len, &back);
		assert_int_equal(feed(&d, out, bytes, &back), 1);
		assert_same(&m, &back);
		assert_int_equal(d.have, 0);
	}
}

static void a_flipped_bit_makes_no_letter_of_a_frame(void **state)
{
	(void)state;
	struct message m = message_of('u', "web"), back;
	char out[FRAME_MAX];
	size_t bytes = frame_encode(out, &m);
	for (size_t i = 1; i < bytes; i++)
		for (int bit = 0; bit < 7; bit++) {
			struct frame_decoder d = { 0 };
			out[i] = (char)(out[i] ^ 1 << bit);
			unsigned int seen = feed(&d, out, bytes, &back);
			assert_true(seen == 0 || back.id != 0);
			out[i] = (char)(out[i] ^ 1 << bit);
		}
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(a_frame_comes_out_as_it_went_in),
		cmocka_unit_test(extreme_values_survive),
		cmocka_unit_test(no_tail_of_a_frame_acts),
		cmocka_unit_test(a_truncated_frame_is_dropped_when_the_next_begins),
		cmocka_unit_test(letters_are_messages_without_id),
		cmocka_unit_test(noise_between_frames_is_counted),
		cmocka_unit_test(a_frame_within_a_frame_starts_afresh),
		cmocka_unit_test(an_unknown_version_is_skipped_whole),
		cmocka_unit_test(a_length_out_of_range_is_noise),
		cmocka_unit_test(a_body_that_no_encoder_makes_is_noise),
		cmocka_unit_test(random_bytes_do_no_harm),
		cmocka_unit_test(a_flipped_bit_makes_no_letter_of_a_frame),
	};
	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
