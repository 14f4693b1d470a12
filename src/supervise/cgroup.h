/* A control group of the service's own, where conf/cgroup names a subtree for them. */
#ifndef SUPERVISE_CGROUP_H
#define SUPERVISE_CGROUP_H

struct service;
struct pass;

/* Before a start: makes the group, with the limits of the service directory. 0. -1: what the
 * directory says cannot be done, and x->config_error says why. -2: try again later, errno says
 * why; EBUSY: processes were in it that nobody knows, and they get KILL. */
int cgroup_begin(struct service *x);

/* After a predecessor: its group, if it is still there. */
void cgroup_adopt(struct service *x);

/* In a child, after it has closed what it inherited: joins. 0, or -1 with errno. */
int cgroup_join(struct service const *x);

/* Ends what is in the group: TERM, once to each, or KILL to all. 1: somebody is, and an event of
 * x->cgroup tells when that has changed. */
int cgroup_sweep(struct pass *p);

/* The service is down: removes the group, unless somebody may stay in it. */
void cgroup_end(struct service *x);

/* Where it is. */
char const *cgroup_path(struct service const *x, char const *file, char path[], unsigned long size);

#endif
