/* Accounts: whom a service runs as.
 *
 * The notation is that of runit's chpst -u: user[:group...], each a number or a name. Names are
 * looked up in /etc/passwd and /etc/group, in this process, and nowhere else: no NSS, which a
 * static program cannot have and which may block on the network. What is all digits is a number,
 * even where an account has that name; a leading colon (":1000:1000") forbids names altogether.
 *
 * Without groups the gid is that of the user's entry; a numeric user without an entry must be given
 * one, as in 1000:1000: a guess could be somebody's group. With groups, a numeric user needs no
 * file. */
#ifndef CINIT_ACCOUNT_H
#define CINIT_ACCOUNT_H

#include <sys/types.h>

#include "servicedir.h"

#define ACCOUNT_GROUPS 60 /* chpst's limit */

struct account {
	uid_t uid;
	gid_t gid;                /* the first group given, else the user's own */
	unsigned int group_count; /* supplementary groups: all that were given, or none */
	gid_t groups[ACCOUNT_GROUPS];
	char name[64];  /* of the user; "" where there is no entry */
	char home[512]; /* "" where there is no entry, or it does not fit */
};

/* Reads `spec`, the value of a `user` file. May read /etc/passwd and /etc/group. 0, or -1: *e says
 * why ("user: no user `www' in /etc/passwd"), *a is indeterminate. */
int account_lookup(char const *spec, struct account *a, struct value_error *e);

/* A group alone, number or name, as in conf/control-group. 0, or -1 with *e. */
int account_group(char const *spec, gid_t *gid, struct value_error *e);

enum account_step { ACCOUNT_APPLIED, ACCOUNT_SETGROUPS, ACCOUNT_SETGID, ACCOUNT_SETUID };

/* Becomes the account for good: supplementary groups, then real, effective and saved gid, then uid.
 * ACCOUNT_APPLIED, or the step that failed, with errno. Who is that account already and may not set
 * groups (EPERM) keeps those he has, provided that all the given ones are among them. */
enum account_step account_apply(struct account const *a);

#endif
