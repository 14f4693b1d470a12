/* Whom a program runs as, and what it may do: the last that a child gives up before its gate. */
#include <skalibs/nonposix.h>

#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "../lib/account.h"
#include "../lib/capability.h"
#include "config.h"

struct rights {
	int has_account, has_capabilities;
	struct account account;
	uint64_t capabilities;
	char user[512]; /* as the file has it */
};

static int fails(struct program_failure *f, enum program_stage stage, char const *text)
{
	f->stage = stage;
	snprintf(f->text, sizeof f->text, "%.151s", text);
	return -1;
}

/* The text says it all, and another try would not mend it. */
static int is_bad(struct program_failure *f, enum program_stage stage, char const *text)
{
	errno = 0;
	return fails(f, stage, text);
}

static int read_user(struct rights *r, struct program_failure *f)
{
	struct value_error e;
	int got = value_line(AT_FDCWD, "user", r->user, sizeof r->user, &e);

	if (got < 0 || (got && account_lookup(r->user, &r->account, &e) < 0))
		return is_bad(f, STAGE_USER, e.text);
	r->has_account = got;
	return 0;
}

static int read_capabilities(struct rights *r, struct program_failure *f)
{
	struct value_error e;
	uint64_t ours;
	int got = value_capabilities(AT_FDCWD, "capabilities", &r->capabilities, &e);

	if (got < 0)
		return is_bad(f, STAGE_RIGHTS, e.text);
	r->has_capabilities = got;
	if (!got)
		return 0;
	if (capability_permitted(&ours) < 0)
		return fails(f, STAGE_RIGHTS, "capabilities");
	for (unsigned int n = 0; n < 64; n++)
		if (r->capabilities & ~ours & CAPABILITY(n)) {
			snprintf(e.text, sizeof e.text,
				"capabilities: %s is not among the supervisor's own",
				capability_name(n));
			return is_bad(f, STAGE_RIGHTS, e.text);
		}
	return 0;
}

int rights_apply(uint64_t entries, struct program_failure *f)
{
	struct rights r = { 0 };

	if ((entries & ENTRY_USER) && read_user(&r, f) < 0)
		return -1;
	if ((entries & ENTRY_CAPABILITIES) && read_capabilities(&r, f) < 0)
		return -1;
	if (r.has_capabilities && capability_bound(r.capabilities) < 0)
		return fails(f, STAGE_RIGHTS, "capabilities");
	if (r.has_account && account_apply(&r.account) != ACCOUNT_APPLIED)
		return fails(f, STAGE_USER, r.user);
	if (r.has_capabilities && capability_take(r.capabilities) < 0)
		return fails(f, STAGE_RIGHTS, "capabilities");
	/* last: it also forbids what a security module would do at an exec, and nothing above */
	if ((entries & ENTRY_NO_NEW_PRIVS) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fails(f, STAGE_RIGHTS, "no-new-privs");
	return 0;
}
