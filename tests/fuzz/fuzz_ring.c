/* The ring and the rule of who is obeyed, under clients that send, send again, read late, or not at
 * all: nothing is obeyed twice, and what is said to be known was obeyed. */
#include "fuzz.h"

#include "ipc.h"

#define CLIENTS 8

struct client {
	uint64_t id;
	int sent, obeyed;
};

static struct status s;
static struct status_ring r;
static uint64_t next;

static void crowd(unsigned int n)
{
	while (n--)
		status_acknowledge(&s, &r, ++next << CINIT_ID_SEEN_BITS, RESULT_DONE, WHY_NONE);
}

static void send(struct client *c)
{
	struct message m = { .id = c->id, .command = 'u' };
	m.flags = c->sent ? MESSAGE_AGAIN : 0;
	switch (cinit_ipc_novelty(&m, &s, &r)) {
	case CINIT_KNOWN:
		EXPECT(c->obeyed);
		return;
	case CINIT_DOUBTFUL:
		EXPECT(c->sent);
		status_acknowledge(&s, &r, c->id, RESULT_REFUSED, WHY_DOUBT);
		c->obeyed = 1; /* that is its answer: it will not be sent again */
		break;
	case CINIT_NEW:
		EXPECT(!c->obeyed);
		c->obeyed = 1;
		status_acknowledge(&s, &r, c->id, RESULT_DONE, WHY_NONE);
	}
	EXPECT(status_answer(&r, c->id) >= 0);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct client clients[CLIENTS] = { 0 };

	s = (struct status){ 0 };
	r = (struct status_ring){ 0 };
	next = 1;
	if (size) /* also where the 24 bits of an id run over */
		s.acknowledged = (uint64_t)data[0] << 17;
	for (size_t i = 1; i < size; i++) {
		struct client *c = &clients[data[i] % CLIENTS];
		switch (data[i] >> 6) {
		case 0: /* reads the record and makes an id */
			*c = (struct client){ .id = ++next << CINIT_ID_SEEN_BITS |
						    (s.acknowledged & CINIT_ID_SEEN) };
			break;
		case 1:
			if (c->id)
				send(c);
			c->sent = 1;
			break;
		case 2: /* its frame is lost with a supervisor */
			c->sent = 1;
			break;
		default:
			crowd((data[i] & 63u) * 5);
		}
	}
	return 0;
}
