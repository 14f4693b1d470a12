/* ./check of a service: run as a child, never waited for. */
#ifndef SVCTL_CHECK_H
#define SVCTL_CHECK_H

#include <sys/resource.h>
#include <sys/types.h>

/* Is there a ./check in `directory`? What cannot be told counts as yes: running it tells. */
int check_exists(char const *directory);

/* Runs ./check in `directory`: stdin is /dev/null, stdout is closed, in a process group of its own.
 * It gets check.params, env/ and check.env, and where they are not NULL `name` as CINIT_SERVICE,
 * `instance` as CINIT_INSTANCE and first argument; `nofile` is its soft limit of descriptors. The
 * pid, or -1 with errno. A child that cannot run it says so on stderr, writes its pid to descriptor
 * `told`, which is close-on-exec, and exits 111. */
pid_t check_start(
	char const *directory, char const *name, char const *instance, rlim_t nofile, int told);

/* Kills it and what it started. */
void check_kill(pid_t pid);

#endif
