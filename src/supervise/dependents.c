/* Who depends on a service; see dependents.h. */
#include <skalibs/nonposix.h>

#include "dependents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/direntry.h>
#include <skalibs/unix-transactional.h>

#include "../lib/clock.h"
#include "../lib/rundir.h"
#include "service.h"

/* It has its entry here because it wanted us; it may have rested since. */
static int wants_us(struct status const *s)
{
	return (s->want == WANT_UP || s->want == WANT_ONCE) && s->state != STATE_DOWN &&
	       s->state != STATE_FAILED;
}

static int runs(struct status const *s)
{
	return s->state == STATE_STARTING || s->state == STATE_UP || s->state == STATE_STOPPING ||
	       s->state == STATE_FINISHING || s->state == STATE_BACKOFF;
}

/* The next entry of a list of dependents; 0 at its end. */
static char const *next_name(DIR *d)
{
	for (;;) {
		struct dirent const *e = readdir(d);
		if (!e)
			return 0;
		if (service_name_valid(e->d_name))
			return e->d_name;
	}
}

static void read_later(struct service *x)
{
	x->dependents.unread = 1;
	if (x->s.flags & FLAG_AWAITS)
		service_retries(x, "look who needs it", errno);
	x->needs.retry = clock_boottime() + NEEDS_RETRY;
}

static int only_wants(DIR *d, char const *name)
{
	struct stat st;
	return !fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) &&
	       (st.st_mode & 0777) == DEPENDENT_WANTS;
}

/* NULL: there is nobody; or the list cannot be read for want of something that may come back. Then
 * who needs us is not passed over: it is read again. */
static DIR *open_list(struct service *x)
{
	x->dependents.unread = 0;
	if (!x->sup->o->run_dir || x->is_log)
		return 0;
	DIR *d = opendir_at(x->dir, "dependents");
	if (!d && value_shortage(errno))
		read_later(x);
	return d;
}

/* One that cannot be asked now may: it is not passed over. */
static int may_want_us(struct service const *x, char const *name)
{
	struct status s;
	int run = supervisor_run(x->sup);
	enum status_error e = run < 0 ? STATUS_SYSTEM : status_read(run, name, &s, 0);

	return e == STATUS_OK ? wants_us(&s) : status_unreadable(e, errno);
}

int dependents_want(struct service *x)
{
	char const *name;
	int some = 0;
	DIR *d = open_list(x);

	if (!d)
		return x->dependents.unread ? -1 : 0;
	while (!some && (name = next_name(d)))
		some = may_want_us(x, name);
	dir_close(d);
	return some;
}

int dependents_need(struct service *x, char *names, size_t size)
{
	char const *name;
	size_t used = 0;
	int some = 0;
	DIR *d = open_list(x);

	if (!d) {
		snprintf(names, size, "%s", strerror(errno));
		return x->dependents.unread;
	}
	while ((name = next_name(d))) {
		if (only_wants(d, name) || !may_want_us(x, name))
			continue;
		some = 1;
		int len = snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
		if (len < 0 || (size_t)len >= size - used)
			break;
		used += (size_t)len;
	}
	dir_close(d);
	return some;
}

void dependents_release(struct service *x)
{
	for (unsigned int i = 0; i < x->dependents.count; i++)
		cinit_ipc_release(&x->dependents.watch[i].client);
	x->dependents.count = 0;
	if (x->dependents.watch) /* as in needs.c */
		free(x->dependents.watch);
	x->dependents.watch = 0;
}

/* The tree ends: cinit publishes that before it tells anybody. */
static int tree_stops(struct service const *x)
{
	struct status s;
	return status_read(supervisor_run(x->sup), RUNDIR_TREE, &s, 0) == STATUS_OK &&
	       s.state == STATE_STOPPING;
}

static int goes_too(struct service const *x, struct status const *s)
{
	return x->s.want == WANT_EXIT &&
	       (s->want == WANT_EXIT || s->want == WANT_DOWN || tree_stops(x));
}

/* Watches one if it runs. */
static void await(struct service *x, char const *name, int only_wants)
{
	struct dependents *d = &x->dependents;
	struct dependent *dep = &d->watch[d->count];
	struct cinit_client *w = &dep->client;
	struct status s;

	strcpy(dep->name, name); /* a valid name fits */
	*w = (struct cinit_client){
		.base = supervisor_run(x->sup), .path = dep->name, .in = -1, .out = -1
	};
	enum status_error e = cinit_ipc_watch(w, &s, 0);
	if (e == STATUS_OK && runs(&s) && (!only_wants || goes_too(x, &s))) {
		d->count++;
		return;
	}
	if (e != STATUS_OK && value_shortage(errno))
		read_later(x);
	cinit_ipc_release(w);
}

int dependents_await(struct service *x)
{
	char const *name;
	DIR *d = open_list(x);

	dependents_release(x);
	x->dependents.stale = 0;
	if (!d)
		return x->dependents.unread;
	x->dependents.watch = malloc(DEPENDENTS_WINDOW * sizeof *x->dependents.watch);
	if (!x->dependents.watch)
		read_later(x);
	while (x->dependents.watch && x->dependents.count < DEPENDENTS_WINDOW &&
		(name = next_name(d)))
		await(x, name, only_wants(d, name));
	dir_close(d);
	if (!x->dependents.count)
		dependents_release(x);
	return x->dependents.count || x->dependents.unread;
}

unsigned int dependents_gather(struct service *x, struct pollfd *fds)
{
	for (unsigned int i = 0; i < x->dependents.count; i++)
		fds[i] = (struct pollfd){ .fd = x->dependents.watch[i].client.out };
	return x->dependents.count;
}

int dependents_dispatch(struct service *x, struct pollfd const *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (fds[i].revents)
			x->dependents.stale = 1;
	return x->dependents.stale;
}
