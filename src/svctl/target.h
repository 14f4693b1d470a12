/* What a name on the command line means: where a service's state is, and where its configuration.
 */
#ifndef SVCTL_TARGET_H
#define SVCTL_TARGET_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rundir.h"

struct names;
struct place; /* a service directory by device and inode */

/* The tree that we look at. */
struct where {
	char run[RUNDIR_PATH];   /* run directory: the one in use, or the one that is missing or
				    refused */
	int fd;                  /* of it; -1: there is none */
	enum rundir_error error; /* why there is none; errno of it in .error_number */
	int error_number;
	char const *services; /* -d or $SVDIR; NULL: neither */
	int8_t alive;         /* does cinit live? -1: not yet asked */
	int8_t keeps;         /* where_keeps; -1: not yet asked */
	uint8_t settled;      /* where_settle was called */
	uint64_t patience;    /* of where_settle, ns */
	struct place *places; /* the services' directories, sorted; NULL: not yet read */
	size_t place_count;
};

struct target {
	char const *typed; /* what the user calls it; every line of output uses this */
	int base;          /* directory that .state is relative to, or AT_FDCWD */
	char *state;       /* state directory; may be .service */
	char *directory; /* service directory; NULL: a service of the tree, see target_directory */
	char *service; /* name in the tree; NULL: it is given by path and no service of the tree */
	uint8_t is_log;
	uint8_t missing; /* there is no such service */
	uint8_t listed;  /* its name belongs to .names of the targets */
	uint8_t maker;   /* it is missing, but perhaps the tree can make it, from a template */
};

struct targets {
	struct target *list;
	size_t count;        /* in use */
	size_t all, room;    /* to be freed; allocated */
	struct names *names; /* what patterns have found */
	size_t names_count;
};

/* Finds the run directory. `given` is -r's, `services` -d's; each may be NULL. That there is none
 * is no error yet: services may be given by path. */
void where_find(struct where *w, char const *given, char const *services);

/* Does a cinit live that brings supervisors back? Asks once. */
int where_alive(struct where *w);

/* Does cinit break the seals of records that nobody keeps true? Not while it begins, nor one that
 * is stopped. Asks once. */
int where_keeps(struct where *w);

/* While the tree boots, which services it has is not known yet: waits until it is, .patience at
 * most. 1: look again. 0: it was called before, or there is no tree. */
int where_settle(struct where *w);

/* The directory that holds the service directories, into `out`. 0, or -1 with errno. */
int where_services(struct where const *w, char out[PATH_MAX]);

void where_close(struct where *w);

/* Adds what `typed` names: one service, or with a pattern (*, ?, [) all of the tree that match,
 * sorted. One that does not exist is added with .missing. `typed` is not copied. Number added, or
 * -1 with errno; ENOENT: there is no run directory that a pattern could match in. */
long targets_add(struct targets *ts, struct where *w, char const *typed);

/* Adds every service of the tree, sorted by name. As above. */
long targets_all(struct targets *ts, struct where *w);

/* Keeps the first `count` in the list; targets_free frees the others, too. */
void targets_keep(struct targets *ts, size_t count);

void targets_free(struct targets *ts);

/* The service directory of a target. 0, or -1 with errno. */
int target_directory(struct target const *t, struct where const *w, char out[PATH_MAX]);

/* The same, or its template's for an instance that has none of its own. */
int target_programs(struct target const *t, struct where const *w, char out[PATH_MAX]);

/* Its name as its supervisor knows it, NAME or NAME/log; NULL: it is given by path. */
char const *target_name(struct target const *t);

/* The argument of an instance, or NULL. */
char const *target_instance(struct target const *t);

#endif
