/* What /proc says of processes; for process.c and process_kin.c. */
#ifndef CINIT_PROC_H
#define CINIT_PROC_H

#include <stdint.h>
#include <sys/types.h>

#define PROC_STAT_SIZE 1024 /* /proc/PID/stat: 52 numbers and a name */

/* Is what is mounted on /proc about our pid namespace? In another one's the numbers mean other
 * processes, and acting on them would hit bystanders. 0 with errno. */
int proc_is_ours(void);

/* A close-on-exec descriptor for reading, or -1 with errno. */
int proc_open(char const *path);

/* The same of /proc/PID/FILE, where /proc is ours. */
int proc_open_pid(pid_t pid, char const *file);

/* Field `n` (3: state, 4: parent, 22: start time) of /proc/PID/stat, in `buf`. NULL: not to be had.
 */
char const *proc_field(pid_t pid, unsigned int n, char buf[PROC_STAT_SIZE]);

/* As a number. 1, or 0. */
int proc_stat(pid_t pid, unsigned int n, uint64_t *value);

#endif
