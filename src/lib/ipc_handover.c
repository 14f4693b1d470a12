/* The seam between processes: a pair of FIFOs that goes on to the program that takes our place.
 * Nobody who has one of them open notices, and a frame of which only a part was read is not cut. */
#include "ipc.h"

#include <string.h>

#include "handover.h"

/* Tags of items: never given twice. */
enum {
	TAG_IN = 0x100,
	TAG_OUT,
	TAG_NO_EXCHANGE,
	TAG_UNREAD,
	TAG_FRAME_HAVE,
	TAG_FRAME_WANT,
	TAG_FRAME_BODY,
	TAG_NOISE,
	TAG_FOREIGN
};

#define ROW(TAG, TYPE, MEMBER) HANDOVER_MEMBER(TAG, HANDOVER_##TYPE, struct cinit_ipc, MEMBER)

static struct handover_member const rows[] = {
	ROW(TAG_IN, DESCRIPTOR, in),
	ROW(TAG_OUT, DESCRIPTOR, out),
	ROW(TAG_NO_EXCHANGE, NUMBER, no_exchange),
	ROW(TAG_FRAME_HAVE, NUMBER, decoder.have),
	ROW(TAG_FRAME_WANT, NUMBER, decoder.want),
	ROW(TAG_FRAME_BODY, BYTES, decoder.body),
	ROW(TAG_NOISE, NUMBER, decoder.noise),
	ROW(TAG_FOREIGN, NUMBER, decoder.foreign),
};
#define ROWS (sizeof rows / sizeof *rows)

void cinit_ipc_hand_over(struct handover *h, struct cinit_ipc const *ipc)
{
	handover_members(h, rows, ROWS, ipc);
	handover_bytes(h, TAG_UNREAD, ipc->buffer + ipc->next, ipc->have - ipc->next);
}

void cinit_ipc_begin(struct cinit_ipc *ipc, int dir)
{
	memset(ipc, 0, sizeof *ipc);
	ipc->dir = dir;
	ipc->in = ipc->out = -1;
}

int cinit_ipc_take_over(struct cinit_ipc *ipc, struct handover_item const *item)
{
	if (item->tag == TAG_UNREAD && item->type == HANDOVER_BYTES &&
		item->len <= sizeof ipc->buffer) {
		memcpy(ipc->buffer, item->bytes, item->len);
		ipc->next = 0;
		ipc->have = item->len;
		return 1;
	}
	return handover_member(item, rows, ROWS, ipc);
}
