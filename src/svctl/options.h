/* The command line. */
#ifndef SVCTL_OPTIONS_H
#define SVCTL_OPTIONS_H

#include <stdint.h>

#include "text.h"
#include "verbs.h"

struct options {
	char const *run, *services; /* -r, -d; NULL: not given */
	uint64_t wait;              /* -w or $SVWAIT or the default, ns */
	uint64_t timeout;           /* -t, ns; valid with has_timeout */
	uint8_t has_wait, has_timeout, verbose, json, force;
	struct verb const *verb;
	struct verb const *condition; /* of the verb `wait` */
	char **names;                 /* NULL-terminated */
	int count;
};

/* Reads the command line and the environment. On a usage error it says what is wrong on stderr and
 * exits 100;
 * --help and --version print and exit 0. */
void options_parse(struct options *o, int argc, char **argv);

/* The text of --help. */
void options_help(struct text *t);

/* "7", "90": seconds as ns. 1, or 0: not a number of seconds, or more than a billion. */
int options_seconds(char const *s, uint64_t *ns);

#endif
