/* Frames: how a command travels through a FIFO that many write to.
 *
 * A frame is
 *   0x01, two length bytes, body
 * and every byte after the first is >= 0x80: it carries seven bits, most
 * significant first. The length counts the body's bytes (14 bits). The body is,
 * unpacked to octets, all integers big endian:
 *   version 1, command 1, flags 1, argument 4, id 8, text 0..255
 * No byte of a frame but its first is a letter, and any byte < 0x80 starts
 * afresh, so the tail of a frame whose head was read by a supervisor that died
 * can never act as a command. Documented to the byte in cinit-ipc(7). */
#ifndef CINIT_FRAME_H
#define CINIT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION  1
#define FRAME_FIXED    15  /* octets before the text */
#define FRAME_TEXT_MAX 255 /* octets; as long as a file name */
#define FRAME_BODY_MAX (((FRAME_FIXED + FRAME_TEXT_MAX) * 8 + 6) / 7)
#define FRAME_MAX      (3 + FRAME_BODY_MAX) /* bytes; far below PIPE_BUF */

/* One command, with or without an id. */
struct message {
	uint64_t id;       /* random, never 0, of a frame; 0: a letter, nobody awaits its answer */
	uint32_t argument; /* the command's own */
	uint8_t command;   /* letter of the command table */
	uint8_t flags;     /* MESSAGE_* */
	uint8_t text_len;
	char text[FRAME_TEXT_MAX + 1]; /* NUL-terminated; holds no NUL before text_len */
};

#define MESSAGE_FORCE 0x01 /* down: stop the dependents first instead of refusing */
#define MESSAGE_AGAIN 0x02 /* it was sent before, see cinit_ipc_novelty */

/* Encodes `m` (id must not be 0) into `out`; returns the bytes written. */
size_t frame_encode(char out[FRAME_MAX], struct message const *m);

/* Decodes a byte stream. Zero it to begin; it holds at most one unfinished frame. */
struct frame_decoder {
	uint16_t have;    /* bytes of the unfinished frame, 0: none */
	uint16_t want;    /* its body's length once known */
	uint32_t noise;   /* bytes dropped since the start: part of no frame, no letter */
	uint32_t foreign; /* whole frames of an unknown version, skipped */
	unsigned char body[FRAME_BODY_MAX];
};

/* Takes one byte. 1: `*m` is a whole message (a letter has id 0; whether the
 * letter means anything is the caller's business). 0: nothing yet. Never fails,
 * whatever the bytes are. */
int frame_decode(struct frame_decoder *d, unsigned char byte, struct message *m);

#endif
