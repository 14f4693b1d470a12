/* Services that depend on each other, for tests: members (tests/helper/member.c) whose lives are
 * lines. */
#ifndef TESTS_DEPEND_H
#define TESTS_DEPEND_H

#include "tree.h"

/* A service whose run is a member; `words` are more words for it, "fd=3 delay=20". Where they hold
 * fd=N there is a file notification-fd, too; where they hold `notify`, a file of that name. */
struct place member_make(char const *name, char const *words);

/* A oneshot whose `on` and `off` are members; words for `on`. */
struct place member_oneshot(char const *name, char const *words);

/* A directory with nothing to execute. */
struct place member_bundle(char const *name);

/* NAME/KIND/ gets entries: depend_on(&web, "needs", "db", "cache", NULL). */
void depend_on(struct place const *p, char const *kind, ...) __attribute__((sentinel));

/* Takes one away. */
void depend_no_more(struct place const *p, char const *kind, char const *name);

/* Is there RUNDIR/NEED/dependents/NAME? */
int depend_has_entry(struct place const *need, char const *name);

/* `d`, by force or not; *why (may be NULL) where it is refused. */
enum status_result depend_down_at(
	struct place *p, int force, enum status_why *why, char const *file, int line);
#define depend_down(p)  depend_down_at(p, 0, 0, __FILE__, __LINE__)
#define depend_force(p) depend_down_at(p, 1, 0, __FILE__, __LINE__)

/* Supervises them in this order, NULL behind the last. */
void depend_supervise(struct place *p, ...) __attribute__((sentinel));

/* Kills the supervisor and waits for its end; another one may be started then. */
void depend_kill(struct place *p);

/* Waits until it has a supervisor and that has looked at its needs: its own answer says so. */
void depend_look_at(struct place *p, char const *file, int line);
#define depend_look(p) depend_look_at(p, __FILE__, __LINE__)

/* The next lines, in any order: event_are("a stop", "b stop", NULL). */
void event_are_at(char const *file, int line, ...) __attribute__((sentinel));
#define event_are(...) event_are_at(__FILE__, __LINE__, __VA_ARGS__)

/* The next lines, in this order. */
void events_at(char const *file, int line, ...) __attribute__((sentinel));
#define events(...)        events_at(__FILE__, __LINE__, __VA_ARGS__, NULL)

/* The reason of a place that has been read. */
#define reason_is(p, text) assert_string_equal((p)->s.reason_text, text)

/* Wants up, waits for what it needs. */
#define WAITS(p)                                                                                   \
	UNTIL(p, s->state == STATE_WAITING && s->want == WANT_UP && s->reason == REASON_NEEDS)
#define UP(p)   UNTIL(p, s->state == STATE_UP && (s->flags & FLAG_READY))
#define DOWN(p) UNTIL(p, s->state == STATE_DOWN)

#endif
