/* What happened, in order, told by all processes of a test; and the first of them that complains.
 * It lies in memory that they share, so it is begun before they are forked. */
#ifndef TESTS_TIMELINE_H
#define TESTS_TIMELINE_H

#include <stdatomic.h>
#include <stdint.h>

#define TIMELINE_LINES 8192

struct timeline_line {
	uint64_t when;
	int where;
	char who[12];
	char text[108];
};

struct timeline {
	_Atomic int complained; /* 1: it is being written; 2: it is there */
	int about;              /* a place; as many as there are: the whole tree */
	uint64_t when;
	char complaint[300];
	_Atomic uint32_t lines;
	struct timeline_line line[TIMELINE_LINES];
};
extern struct timeline *timeline;
extern char timeline_who[12]; /* who we are */

/* Maps it, empty. Places are numbers; these are their names. "web/log" is told with "web". */
void timeline_begin(char const *const *names, int count);
/* Unmaps. */
void timeline_end(void);

/* A line in it. */
void timeline_note(int where, char const *format, ...) __attribute__((format(printf, 2, 3)));
/* Something is wrong; the first one counts. */
void timeline_object(int where, char const *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, and ends the process. */
_Noreturn void timeline_complain(int where, char const *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The complaint; NULL: there is none. */
char const *timeline_complaint(void);
/* Prints the complaint and what happened before it, with the lines of witnesses in $TREE/journal.
 */
void timeline_tell(void);

#endif
