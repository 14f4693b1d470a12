/* Frames: the codec. Encoder and decoder stand side by side; nothing else knows the bytes. */
#include "frame.h"

#include <string.h>

#include "bytes.h"

#define START      0x01
#define TAIL       0x80 /* set in every byte of a frame but its first, and in no letter */
#define HEAD       3    /* start and two length bytes */
#define OCTETS_MAX (FRAME_FIXED + FRAME_TEXT_MAX)

/* Where the octets of a body are. */
enum octet {
	AT_VERSION = 0,
	AT_COMMAND = 1,
	AT_FLAGS = 2,
	AT_ARGUMENT = 3,
	AT_ID = 7,
	AT_TEXT = 15
};

_Static_assert(AT_TEXT == FRAME_FIXED, "the text follows the fixed octets");
_Static_assert(FRAME_MAX <= 4096, "a frame is one write that never interleaves");

/* Bytes of seven bits that hold `octets` octets. */
static size_t sevens(size_t octets)
{
	return (octets * 8 + 6) / 7;
}

static void to_sevens(unsigned char *out, unsigned char const *octet, size_t octets)
{
	unsigned int bits = 0, held = 0;
	for (size_t i = 0; i < octets; i++) {
		bits = (bits << 8 | octet[i]) & 0x7fff;
		for (held += 8; held >= 7; held -= 7)
			*out++ = (unsigned char)(TAIL | (bits >> (held - 7) & 0x7f));
	}
	if (held)
		*out = (unsigned char)(TAIL | (bits << (7 - held) & 0x7f));
}

/* Returns 0 when the bits that pad the last byte are not all zero: no encoder wrote that. */
static int from_sevens(unsigned char *octet, unsigned char const *in, size_t bytes)
{
	unsigned int bits = 0, held = 0;
	for (size_t i = 0; i < bytes; i++) {
		bits = (bits << 7 | (in[i] & 0x7fu)) & 0x7fff;
		held += 7;
		if (held >= 8) {
			held -= 8;
			*octet++ = (unsigned char)(bits >> held);
		}
	}
	return (bits & ((1u << held) - 1)) == 0;
}

size_t frame_encode(char out[FRAME_MAX], struct message const *m)
{
	unsigned char octet[OCTETS_MAX], *p = (unsigned char *)out;
	size_t octets = FRAME_FIXED + (size_t)m->text_len;
	size_t body = sevens(octets);

	octet[AT_VERSION] = FRAME_VERSION;
	octet[AT_COMMAND] = m->command;
	octet[AT_FLAGS] = m->flags;
	put_be32(octet + AT_ARGUMENT, m->argument);
	put_be64(octet + AT_ID, m->id);
	memcpy(octet + AT_TEXT, m->text, m->text_len);

	p[0] = START;
	p[1] = (unsigned char)(TAIL | body >> 7);
	p[2] = (unsigned char)(TAIL | (body & 0x7f));
	to_sevens(p + HEAD, octet, octets);
	return HEAD + body;
}

/* Unpacks a whole body of version 1. 0: it is none that frame_encode makes. */
static int decode_body(struct frame_decoder const *d, struct message *m)
{
	unsigned char octet[OCTETS_MAX];
	size_t octets = (size_t)d->want * 7 / 8;

	if (octets < FRAME_FIXED || octets > OCTETS_MAX || sevens(octets) != d->want)
		return 0;
	if (!from_sevens(octet, d->body, d->want))
		return 0;

	memset(m, 0, sizeof *m);
	m->command = octet[AT_COMMAND];
	m->flags = octet[AT_FLAGS];
	m->argument = get_be32(octet + AT_ARGUMENT);
	m->id = get_be64(octet + AT_ID);
	m->text_len = (uint8_t)(octets - FRAME_FIXED);
	memcpy(m->text, octet + AT_TEXT, m->text_len);
	return m->id != 0 && !memchr(m->text, 0, m->text_len);
}

/* The frame is whole: a message, a foreign one, or rubbish. */
static int decode_whole(struct frame_decoder *d, struct message *m)
{
	unsigned int bytes = d->have;
	d->have = 0;
	/* The version is the first octet: one byte of seven bits and the top bit of the next. */
	if (d->want >= 2 && (d->body[0] << 1 | d->body[1] >> 6) != FRAME_VERSION) {
		d->foreign++;
		return 0;
	}
	if (decode_body(d, m))
		return 1;
	d->noise += bytes;
	return 0;
}

int frame_decode(struct frame_decoder *d, unsigned char byte, struct message *m)
{
	if (!(byte & TAIL)) {
		d->noise += d->have; /* a frame that never ended */
		d->have = byte == START;
		d->want = 0;
		if (byte == START)
			return 0;
		memset(m, 0, sizeof *m);
		m->command = byte;
		return 1;
	}
	if (!d->have) {
		d->noise++; /* the tail of a frame whose head somebody else read */
		return 0;
	}
	byte &= 0x7f;
	if (d->have < HEAD) {
		d->want = (uint16_t)(d->want << 7 | byte);
	} else if (d->have - HEAD < FRAME_BODY_MAX) {
		/* Longer bodies are counted, not kept: another version may have them. */
		d->body[d->have - HEAD] = byte;
	}
	d->have++;
	return d->have >= HEAD && d->have == HEAD + d->want ? decode_whole(d, m) : 0;
}
