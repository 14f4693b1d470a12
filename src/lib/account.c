/* Accounts: reading user[:group...] without NSS, and becoming it. */
#include "account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/uint64.h>

#define PASSWD_FILE "/etc/passwd"
#define GROUP_FILE  "/etc/group"
#define PART_SIZE   256              /* a user's or a group's name */
#define QUOTE_SIZE  49               /* as much of a bad part as a message shows */
#define OWN_GROUPS  1024             /* of ours that are looked at; the kernel allows 65536 */
#define ID_LAST     (UINT32_MAX - 1) /* the last one means "leave it" to the kernel */

enum notation { NOTATION_ANY, NOTATION_NUMBERS };
enum kind { KIND_USER, KIND_GROUP };

/* What the messages are about. */
struct source {
	char const *file;
	enum notation notation;
	struct value_error *e;
};

/* "FILE: WHAT `PART'REST", fit for a terminal. */
static int bad_part(struct source const *s, char const *what, char const *part, char const *rest)
{
	char quote[QUOTE_SIZE];
	size_t n = 0;

	for (; part[n] && n < QUOTE_SIZE - 1; n++)
		quote[n] = part[n] >= 0x20 && part[n] < 0x7f ? part[n] : '?';
	quote[n] = 0;
	snprintf(s->e->text, sizeof s->e->text, "%s: %s `%s%s'%s", s->file, what, quote,
		part[n] ? "..." : "", rest);
	return -1;
}

static int bad_open(struct source const *s, char const *verb, char const *path)
{
	snprintf(s->e->text, sizeof s->e->text, "%s: unable to %s %s: %s", s->file, verb, path,
		strerror(errno));
	return -1;
}

/* 1: a number, in *id. 0: not all digits, so a name. -1: a number too large, or no number where one
 * must be. */
static int id_scan(struct source const *s, char const *part, uint32_t *id)
{
	size_t len = strlen(part);
	uint64_t n;

	if (!len || strspn(part, "0123456789") != len) {
		if (s->notation == NOTATION_NUMBERS)
			return bad_part(s, "a number must follow a leading colon, not", part, "");
		return 0;
	}
	if (uint64_scan(part, &n) != len || n > ID_LAST)
		return bad_part(s, "too large a number", part, " (at most 4294967294)");
	*id = (uint32_t)n;
	return 1;
}

/* Copies what fits whole; a cut home would be another directory. */
static void text_copy(char *to, size_t size, char const *from)
{
	size_t len = from ? strlen(from) : 0;

	if (len >= size)
		len = 0;
	if (len)
		memcpy(to, from, len);
	to[len] = 0;
}

/* --------------------------------------------------------------------------- the files */

/* An entry for NIS ("+", "-name") describes nobody, and libcs read its empty numbers as 0: root. */
static int is_nis(char const *name)
{
	return name[0] == '+' || name[0] == '-';
}

/* Finds a user by name, or by a->uid where name is NULL; the first entry wins. 1: found, *a is
 * filled. 0: not there. -1: errno. */
static int passwd_find(char const *name, struct account *a)
{
	struct passwd *p;
	FILE *f = fopen(PASSWD_FILE, "re");
	int r = 0;

	if (!f)
		return -1;
	while (!r && (p = fgetpwent(f))) {
		if (is_nis(p->pw_name) ||
			(name ? strcmp(p->pw_name, name) != 0 : p->pw_uid != a->uid))
			continue;
		a->uid = p->pw_uid;
		a->gid = p->pw_gid;
		text_copy(a->name, sizeof a->name, p->pw_name);
		text_copy(a->home, sizeof a->home, p->pw_dir);
		r = 1;
	}
	if (!r && ferror(f))
		r = -1;
	int error = errno;
	fclose(f);
	errno = error;
	return r;
}

/* As passwd_find. */
static int group_find(char const *name, gid_t *gid)
{
	struct group *g;
	FILE *f = fopen(GROUP_FILE, "re");
	int r = 0;

	if (!f)
		return -1;
	while (!r && (g = fgetgrent(f))) {
		if (is_nis(g->gr_name) || strcmp(g->gr_name, name))
			continue;
		*gid = g->gr_gid;
		r = 1;
	}
	if (!r && ferror(f))
		r = -1;
	int error = errno;
	fclose(f);
	errno = error;
	return r;
}

/* --------------------------------------------------------------------------- the parts */

static int group_parse(struct source const *s, char const *part, gid_t *gid)
{
	int r = id_scan(s, part, gid);

	if (r)
		return r < 0 ? -1 : 0;
	r = group_find(part, gid);
	if (r < 0)
		return bad_open(s, "read", GROUP_FILE);
	if (!r)
		return bad_part(s, "no group", part, " in " GROUP_FILE);
	if (*gid > ID_LAST)
		return bad_part(s, "an impossible number for group", part, " in " GROUP_FILE);
	return 0;
}

/* `alone`: no groups are given, the entry must tell. */
static int user_parse(struct source const *s, char const *part, int alone, struct account *a)
{
	int number = id_scan(s, part, &a->uid);

	if (number < 0)
		return -1;
	int r = passwd_find(number ? 0 : part, a);
	if (r > 0 && (a->uid > ID_LAST || (alone && a->gid > ID_LAST)))
		return bad_part(s, "an impossible number for user", part, " in " PASSWD_FILE);
	if (r > 0 || (number && !alone))
		return 0;
	if (r < 0 && !(number && errno == ENOENT))
		return bad_open(s, "read", PASSWD_FILE);
	if (!number)
		return bad_part(s, "no user", part, " in " PASSWD_FILE);
	return bad_part(s, "no user", part,
		" in " PASSWD_FILE " to take the group from: give it as well, as in 1000:1000");
}

/* Cuts the first part off *spec, which is NULL after the last one. 1, or 0: too long for a name. */
static int part_next(char const **spec, char part[PART_SIZE])
{
	size_t len = strcspn(*spec, ":");
	char const *rest = (*spec)[len] ? *spec + len + 1 : 0;

	if (len >= PART_SIZE)
		return 0;
	memcpy(part, *spec, len);
	part[len] = 0;
	*spec = rest;
	return 1;
}

static int groups_parse(struct source const *s, char const *spec, struct account *a)
{
	char part[PART_SIZE];

	while (spec) {
		if (!part_next(&spec, part))
			return bad_part(s, "too long a name", spec, "");
		if (!part[0])
			return bad_part(
				s, "an empty group in", "user:group...", " (a colon too many)");
		if (a->group_count == ACCOUNT_GROUPS)
			return bad_part(s, "too many groups (at most 60) from", part, " on");
		if (group_parse(s, part, a->groups + a->group_count) < 0)
			return -1;
		a->group_count++;
	}
	if (a->group_count)
		a->gid = a->groups[0];
	return 0;
}

int account_lookup(char const *spec, struct account *a, struct value_error *e)
{
	struct source s = { "user", NOTATION_ANY, e };
	char part[PART_SIZE];

	memset(a, 0, sizeof *a);
	if (spec[0] == ':') {
		s.notation = NOTATION_NUMBERS;
		spec++;
	}
	if (!part_next(&spec, part))
		return bad_part(&s, "too long a name", spec, "");
	if (!part[0]) {
		snprintf(e->text, sizeof e->text, "user: names nobody (user[:group...] is wanted)");
		return -1;
	}
	if (user_parse(&s, part, !spec, a) < 0)
		return -1;
	return groups_parse(&s, spec, a);
}

int account_group(char const *spec, gid_t *gid, struct value_error *e)
{
	struct source s = { "control-group", NOTATION_ANY, e };

	if (spec[0])
		return group_parse(&s, spec, gid);
	snprintf(e->text, sizeof e->text, "control-group: names no group");
	return -1;
}

/* ---------------------------------------------------------------------------- becoming */

/* Are we the account already, all its groups included? */
static int is_self(struct account const *a)
{
	gid_t list[OWN_GROUPS];
	int n = getgroups(OWN_GROUPS, list);

	if (getuid() != a->uid || geteuid() != a->uid || getgid() != a->gid || getegid() != a->gid)
		return 0;
	if (n < 0)
		return !a->group_count;
	for (unsigned int i = 0; i < a->group_count; i++) {
		int k = 0;
		while (k < n && list[k] != a->groups[i])
			k++;
		if (k == n && a->groups[i] != a->gid)
			return 0;
	}
	return 1;
}

enum account_step account_apply(struct account const *a)
{
	/* setresuid would take it for "as it is", and leave the service root */
	if (a->uid > ID_LAST || a->gid > ID_LAST) {
		errno = EINVAL;
		return a->uid > ID_LAST ? ACCOUNT_SETUID : ACCOUNT_SETGID;
	}
	if (setgroups(a->group_count, a->groups) < 0) {
		if (errno != EPERM)
			return ACCOUNT_SETGROUPS;
		if (!is_self(a)) {
			errno = EPERM;
			return ACCOUNT_SETGROUPS;
		}
	}
	if (setresgid(a->gid, a->gid, a->gid) < 0)
		return ACCOUNT_SETGID;
	if (setresuid(a->uid, a->uid, a->uid) < 0)
		return ACCOUNT_SETUID;
	return ACCOUNT_APPLIED;
}
