/* Lines on standard error: `supervise: warning: NAME: ...`. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <string.h>

#include <skalibs/strerr.h>

/* Only who has something to say writes its name down: the page is shared with cinit until then. */
static void name_ourselves(void)
{
	PROG = "supervise";
}

void say(struct service const *x, char const *text)
{
	name_ourselves();
	strerr_warnw(x->name, ": ", text);
}

void say_then(struct service const *x, char const *text, char const *consequence)
{
	strerr_warnw(x->name, ": ", text, consequence[0] ? "; " : "", consequence);
}

void say_errno(
	struct service const *x, char const *verb, char const *object, char const *consequence)
{
	int e = errno;
	name_ourselves();
	strerr_warnw(x->name, ": unable to ", verb, " ", object, ": ", strerror(e),
		consequence ? "; " : "", consequence ? consequence : "");
	errno = e;
}
