/* One command, by the rules of cinit-ipc(7): watch, send, look for the answer, send again when a
 * supervisor has died. */
#include "stress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

/* Sends what the present supervisor may not have. 1: it has been sent. */
static int send_to(struct view *v, struct message *m, struct outcome *o)
{
	if (m->flags & MESSAGE_AGAIN) {
		o->again++;
		atomic_fetch_add(&stress->tally[v->where].again, 1);
	}
	enum cinit_sent sent = cinit_ipc_send(&v->client, m);
	timeline_note(v->where, "%c %llx%s%s", m->command, (unsigned long long)m->id,
		m->flags & MESSAGE_AGAIN ? " again" : "", sent == CINIT_SENT ? "" : ": nobody");
	atomic_fetch_add(&stress->sends[v->where], 1);
	if (sent == CINIT_NO_SUPERVISOR || sent == CINIT_FULL)
		return 0;
	if (sent != CINIT_SENT)
		timeline_complain(v->where, "unable to send: %d, %s", (int)sent, strerror(errno));
	m->flags = MESSAGE_AGAIN;
	return 1;
}

struct outcome sender_ask_with(struct view *v, int letter, char const *text)
{
	struct outcome o = { 0 };
	struct message m = { .command = (uint8_t)letter };
	uint64_t limit = clock_boottime() + PATIENCE;
	uint32_t incarnation = 0;
	int slot, sent = 0;

	view_look(v);
	m.id = cinit_ipc_id_after(v->s.acknowledged);
	m.text_len = (uint8_t)snprintf(m.text, sizeof m.text, "%s", text);
	book_enter(m.id, v->where, letter);
	while ((slot = status_answer(&v->r, m.id)) < 0) {
		int wrapped = ((v->s.acknowledged - m.id) & CINIT_ID_SEEN) > STATUS_RING;
		if (!sent || incarnation != v->s.incarnation || wrapped) {
			incarnation = v->s.incarnation;
			sent = send_to(v, &m, &o);
		}
		view_wait(v, limit);
		view_look(v);
	}
	o.result = (enum status_result)v->r.result[slot];
	o.why = (enum status_why)v->r.why[slot];
	cinit_ipc_unsend(&v->client);
	timeline_note(v->where, "%c %llx: result %d, why %d", letter, (unsigned long long)m.id,
		(int)o.result, (int)o.why);
	atomic_fetch_add(&stress->tally[v->where].outcomes, 1);
	if (o.result == RESULT_REFUSED && o.why == WHY_DOUBT)
		atomic_fetch_add(&stress->tally[v->where].doubts, 1);
	return o;
}

int sender_ask(struct view *v, int letter)
{
	struct outcome o = sender_ask_with(v, letter, "");
	if (o.result == RESULT_REFUSED && o.why == WHY_DOUBT)
		return 0;
	if (o.result != RESULT_DONE)
		timeline_complain(
			v->where, "%c: result %d, why %d", letter, (int)o.result, (int)o.why);
	return 1;
}
