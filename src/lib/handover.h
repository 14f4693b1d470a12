/* What a process hands over to the program that takes its place by execve: everything that is not
 * on disk, and the descriptors, which keep their numbers.
 *
 * It is a list of items in a memfd, which the environment names for the moment of the exec. Numbers
 * are 64 bits, big endian. An item that the reader does not know is passed over, one that is
 * missing leaves its target as it was: so a later program may have more of them, or fewer, and only
 * a change of meaning asks for another version. Tags are never given twice. */
#ifndef CINIT_HANDOVER_H
#define CINIT_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#define HANDOVER_VERSION 1
#define HANDOVER_ENV     "CINIT_HANDOVER"

/* Whose the items are, first of all. */
enum handover_kind { HANDOVER_CINIT = 1, HANDOVER_SUPERVISE = 2 };

enum handover_type {
	HANDOVER_NUMBER,
	HANDOVER_BYTES,
	HANDOVER_DESCRIPTOR /* stays open; in the new program it is close-on-exec again */
};

/* --------------------------------------------------------------------------------- writing */

/* Nothing here allocates memory: a handler of a fault writes, too. */
struct handover {
	int fd;
	int failed; /* errno of the first write that failed; 0: none did */
	int fault;  /* set by a handler of a fault: a descriptor that was just closed is no item */
	int show;   /* set where it is to be looked at only: descriptors stay close-on-exec */
	size_t used;
	unsigned char buffer[2048];
};

/* 0, or -1 with errno. */
int handover_begin(struct handover *h, enum handover_kind kind);

void handover_number(struct handover *h, unsigned int tag, uint64_t n);
void handover_bytes(struct handover *h, unsigned int tag, void const *bytes, size_t len);
void handover_string(struct handover *h, unsigned int tag, char const *text); /* NULL: no item */

/* -1: no item. Clears its close-on-exec flag. */
void handover_descriptor(struct handover *h, unsigned int tag, int fd);

/* Executes `program` with argv and our environment, and the items in hand. `file` is -1, or a
 * descriptor of the program, for who has no time for its path: a handler of a fault. Returns only
 * when that failed, with errno; where it was found by its path what was handed over is
 * close-on-exec again, and the memfd is closed. */
void handover_execute(struct handover *h, int file, char const *program, char *const *argv);

/* The items that were written so far, for a look at them: the memfd, rewound and close-on-exec, or
 * -1 with errno. */
int handover_finish(struct handover *h);

/* --------------------------------------------------------------------------------- reading */

struct handover_item {
	enum handover_type type;
	unsigned int tag;
	unsigned char const *bytes;
	size_t len;
	uint64_t number; /* of a descriptor too */
};

struct handover_reader {
	unsigned char *bytes; /* for free(), when no item is needed any more */
	size_t len, at;
	unsigned int kind;
};

/* Are we executed with items in hand? Their descriptor, or -1. Takes the word out of the
 * environment. */
int handover_inherited(void);

/* Whose they are (enum handover_kind); 0: they are not to be understood. */
unsigned int handover_kind(int fd);

/* Reads all of them, closes `fd`, and sets close-on-exec on every descriptor that is named. 0, or
 * -1 with errno (EPROTO: they are not to be understood). */
int handover_read(struct handover_reader *r, int fd);

/* 1: *item is the next one. 0: there are no more. */
int handover_next(struct handover_reader *r, struct handover_item *item);

/* The number of the first item with this tag, a number or a descriptor; -1: there is none. */
int64_t handover_first(struct handover_reader const *r, unsigned int tag);

/* Hands everything that was read back to `file`, a descriptor of the program that handed it over,
 * with `why` as an item more. For a program that cannot go on; needs no memory. Returns only when
 * that failed. */
void handover_return(struct handover_reader const *r, unsigned int tag, char const *why, int file,
	char *const *argv);

/* A copy of a BYTES item as a string, from malloc; NULL with ENOMEM. */
char *handover_copy(struct handover_item const *item);

/* ---------------------------------------------------------------------- members of a struct */

/* One row a member: numbers of 1, 2, 4 or 8 bytes, int descriptors, arrays of bytes. */
struct handover_member {
	uint16_t tag;
	uint8_t type; /* enum handover_type */
	uint16_t size;
	uint32_t offset;
};
#define HANDOVER_MEMBER(TAG, TYPE, STRUCT, MEMBER)                                                 \
	{                                                                                          \
		.tag = (TAG), .type = (TYPE), .size = sizeof((STRUCT *)0)->MEMBER,                 \
		.offset = offsetof(STRUCT, MEMBER)                                                 \
	}

void handover_members(
	struct handover *h, struct handover_member const *rows, size_t count, void const *object);

/* 1: the item is one of these, and was entered. Bytes of another length are cut, or filled up with
 * zeros. */
int handover_member(struct handover_item const *item, struct handover_member const *rows,
	size_t count, void *object);

#endif
