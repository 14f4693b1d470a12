/* The end of a round: what was told is held against what was done. */
#include "stress.h"

#include <stdio.h>
#include <string.h>

/* What an end of a round must find right; otherwise the timeline is shown. */
#define HOLDS(where, condition)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			timeline_object(where, "not so: %s", #condition);                          \
			arena_fail();                                                              \
		}                                                                                  \
	} while (0)

/* Every frame came to one outcome, every answer was to a frame. */
static void check_answers(int where)
{
	struct status const *s = &arena.place[where].s;
	struct tally const *t = &stress->tally[where];

	HOLDS(where, s->acknowledged == t->outcomes + t->doubles);
	for (uint64_t i = 0; i < s->acknowledged; i++)
		HOLDS(where, stress->answered[where][i]);
	totals.frames += t->outcomes;
	totals.doubts += t->doubts;
	totals.again += t->again;
	totals.changes += s->change;
}

static void check_signals(int where)
{
	struct tally const *t = &stress->tally[where];
	uint32_t usr1 = witness[where]->usr1, usr2 = witness[where]->usr2;

	HOLDS(where, usr1 >= t->done[1]);
	HOLDS(where, usr1 <= t->done[1] + t->maybe[1]);
	HOLDS(where, usr2 >= t->done[2]);
	HOLDS(where, usr2 <= t->done[2] + t->maybe[2]);
}

/* Each start is followed by the end of the same process, and there are not more than the record
 * knows. A supervisor that is killed between a signal and its publication may count a death. */
static void check_journal(int where)
{
	struct status const *s = &arena.place[where].s;
	FILE *f = fopen(tree_name("journal"), "re");
	char name[16], kind;
	int pid, lives = 0;
	uint32_t begun = 0;
	unsigned long long when;

	HOLDS(where, f);
	while (fscanf(f, "%15s %c %d %llu\n", name, &kind, &pid, &when) == 4) {
		if (strcmp(name, place_names[where]) != 0)
			continue;
		HOLDS(where, kind == '+' || kind == '-'); /* else: two, or one without a record */
		HOLDS(where, (kind == '+') == !lives && (kind == '+' || pid == lives));
		lives = kind == '+' ? pid : 0;
		begun += kind == '+';
	}
	fclose(f);
	HOLDS(where, !lives);
	HOLDS(where, begun <= s->starts);
	HOLDS(where, s->deaths <= arena.killed[where == WEB_LOG ? WEB : where] + arena.late[where]);
}

/* What `web` said is in the log, all of it and in order. */
static void check_log(void)
{
	FILE *said = fopen(tree_name("journal"), "re"), *log = fopen(tree_name("log"), "re");
	char line[128], copy[128];

	HOLDS(WEB_LOG, said && log);
	while (fgets(line, sizeof line, said)) {
		if (strncmp(line, "web ", 4) != 0)
			continue;
		HOLDS(WEB_LOG, fgets(copy, sizeof copy, log));
		HOLDS(WEB_LOG, !strcmp(line, copy));
	}
	HOLDS(WEB_LOG, !fgets(copy, sizeof copy, log));
	fclose(said);
	fclose(log);
}

/* A hang-up for each change and for each death, no more. */
static void check_wakes(unsigned int waiter)
{
	struct status const *s = &arena.place[waiter % PLACES].s;

	HOLDS((int)waiter % PLACES,
		stress->wakes[waiter] <=
			s->change - stress->first_change[waiter] +
				(s->incarnation - stress->first_incarnation[waiter]) + 1);
	totals.wakes += stress->wakes[waiter];
}

/* Whoever else died, or complained, says so there. */
static void check_messages(void)
{
	FILE *f = fopen(tree_name("cinit.err"), "re");
	char line[256];
	uint32_t kills = 0, said = 0;

	HOLDS(PLACES, f);
	while (fgets(line, sizeof line, f)) {
		said += strstr(line, ": supervisor was killed by KILL; another follows ") != NULL;
		if (strstr(line, "supervisor was killed by KILL") ||
			strstr(line, "still waiting for "))
			continue;
		timeline_object(PLACES, "somebody said: %s", line);
		arena_fail();
	}
	fclose(f);
	for (int i = 0; i < PLACES; i++)
		kills += arena.killed[i];
	HOLDS(PLACES, said == kills);
}

void arena_close(void)
{
	check_messages();
	for (int i = 0; i < PLACES; i++) {
		place_look(&arena.place[i]);
		HOLDS(i, arena.late[i] || view_is_over(i, &arena.place[i].s));
		check_answers(i);
	}
	for (int i = 0; i < CINIT; i++)
		check_journal(i);
	for (unsigned int i = 0; i < WAITERS; i++)
		if (!arena.late[i % PLACES])
			check_wakes(i);
	check_signals(BEAT);
	check_signals(BEEP);
	check_log();
}
