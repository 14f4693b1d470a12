/* One look at a service, for those who only want to know. */
#ifndef SVCTL_VIEW_H
#define SVCTL_VIEW_H

#include <stdint.h>

#include "status.h"

enum seen {
	SEEN_RECORD,  /* .status holds it */
	SEEN_NOTHING, /* the service is there, nothing is published yet */
	SEEN_NO_SERVICE,
	SEEN_UNREADABLE /* .error says why */
};

struct view {
	enum seen seen;
	enum status_error error;
	int error_number; /* of STATUS_SYSTEM */
	int supervised;   /* somebody keeps the record true, or is about to publish the first */
	struct status status;
};

/* Reads the record in PATH under `base`, and looks whether its supervisor lives. One that says in
 * its lock that it cannot publish has reason REASON_PUBLISH, whatever the record says. `kept`
 * (where_keeps): a record that is sealed says all that. */
void view_read(struct view *v, int base, char const *path, int kept);

/* Does its process live, and is no zombie? For when it does not answer at its pair; 0 where that
 * cannot be told. */
int view_lives(struct status const *s);

/* Does the supervisor that `s` tells of live? Asks the pair where that is permitted, else the
 * process table (which tells nothing of another PID namespace). */
int view_supervised(int base, char const *path, struct status const *s);

/* A phrase for people: why the record could not be read. */
char const *view_error_text(enum status_error error, int error_number);

#endif
