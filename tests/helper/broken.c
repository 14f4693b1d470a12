/* cinit, with something wrong in it: $CINIT_BROKEN says where and what, as `resume-segv`. */
/* wrap: signal_init orphans_resume loop_prepare spawn_due supervisor_take */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/init.h"

struct supervisor;
struct supervise_options;

int __real_signal_init(struct init *i);
int __wrap_signal_init(struct init *i);
void __real_orphans_resume(struct init *i);
void __wrap_orphans_resume(struct init *i);
int __real_loop_prepare(struct init *i);
int __wrap_loop_prepare(struct init *i);
void __real_spawn_due(struct init *i, uint64_t now);
void __wrap_spawn_due(struct init *i, uint64_t now);
int __real_supervisor_take(struct supervisor *sup, struct supervise_options *o, int fd);
int __wrap_supervisor_take(struct supervisor *sup, struct supervise_options *o, int fd);

static int for_real; /* and no rehearsal: something is resumed */

/* What goes wrong here, or "". */
static char const *what(char const *place)
{
	char const *all = getenv("CINIT_BROKEN");
	size_t n = strlen(place);

	return all && !strncmp(all, place, n) && all[n] == '-' ? all + n + 1 : "";
}

/* A real one, that the sanitizers do not see coming. */
__attribute__((no_sanitize("undefined", "address"))) static void fault(void)
{
	*(int volatile *)4096 = 0;
}

static void go_wrong(char const *place)
{
	char const *how = what(place);

	if (!strcmp(how, "segv"))
		fault();
	if (!strcmp(how, "abrt"))
		abort();
	if (!strcmp(how, "exit"))
		_exit(1);
	while (!strcmp(how, "hang"))
		pause();
}

__attribute__((constructor)) static void start(void)
{
	go_wrong("start");
}

int __wrap_signal_init(struct init *i)
{
	int r = __real_signal_init(i);

	go_wrong("early");
	return r;
}

void __wrap_orphans_resume(struct init *i)
{
	for_real = 1;
	go_wrong("resume");
	__real_orphans_resume(i);
}

int __wrap_loop_prepare(struct init *i)
{
	errno = ENOMEM;
	return for_real && !strcmp(what("resume"), "fail") ? -1 : __real_loop_prepare(i);
}

void __wrap_spawn_due(struct init *i, uint64_t now)
{
	go_wrong("turn");
	__real_spawn_due(i, now);
}

int __wrap_supervisor_take(struct supervisor *sup, struct supervise_options *o, int fd)
{
	go_wrong("supervise");
	return __real_supervisor_take(sup, o, fd);
}
