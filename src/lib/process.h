/* Processes: who is who, and how to be sure of it.
 *
 * An identity tells one process from a later one with the same pid. It is the
 * inode of the pidfd where that is a pidfs (Linux 6.9: unique for as long as the
 * machine is up), else the start time in /proc with bit 63 set, else 0: unknown. The kinds are
 * never compared with each other: an identity is checked in the way it was got, or the answer is
 * "unsure". What is read in /proc counts only where /proc belongs to our own pid namespace. */
#ifndef CINIT_PROCESS_H
#define CINIT_PROCESS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A close-on-exec pidfd; -1 with errno. ENOSYS or EPERM: the kernel or a seccomp filter
 * has none (after the first such answer it is not asked again). ESRCH: no such process. */
int process_pidfd(pid_t pid);

/* The identity of a living or unreaped process; 0 where nothing tells. */
uint64_t process_identity(pid_t pid);

enum process_alive {
	PROCESS_GONE,  /* nobody, or somebody else, has this pid */
	PROCESS_ALIVE, /* it is that very process (or its zombie) */
	PROCESS_UNSURE /* somebody has this pid and nothing tells who */
};
enum process_alive process_alive(pid_t pid, uint64_t identity);

/* Is it that very process, and neither stopped, nor held up by a disk, nor a zombie? 0 also where
 * that cannot be told. */
int process_runs(pid_t pid, uint64_t identity);

/* Sends a signal to a process that is no child of ours, by pidfd, after comparing its
 * identity. 1: sent. 0: gone. -1: errno. Falls back on kill(2) where there are no pidfds. Identity
 * 0: whoever has the pid. One that cannot be compared: nothing is sent, -1 with ENOTSUP. */
int process_signal(pid_t pid, uint64_t identity, int sig);

/* The same by a pidfd of it that was opened before, -1: there is none. Needs no descriptor. */
int process_signal_by(int pidfd, pid_t pid, uint64_t identity, int sig);

/* Calls `each` for every child of the calling (single-threaded) process, from
 * /proc/thread-self/children, else by parent in /proc/PID/stat; zombies are among them. `each`
 * returns 0 to go on. Returns the number of children seen, or -1 with errno (no /proc). When `each`
 * reaps, or children end meanwhile, others can be left out: go on until a pass sees none (or waitid
 * says ECHILD). */
int process_children(int (*each)(pid_t pid, void *data), void *data);

/* The parent as /proc tells; 0: not to be told, or none in this PID namespace. */
pid_t process_parent(pid_t pid);

/* The same for the children of our parent, of its parent and so on, by looking at all processes:
 * one of these has what a process like us left behind. Who is there all the while is seen. *ended,
 * where it is not NULL, is counted up for each process that ended meanwhile: what it forked last
 * may not have been seen. */
int process_orphans(int (*each)(pid_t pid, void *data), void *data, unsigned int *ended);

/* Does /proc/PID/environ hold NAME=VALUE? 1 yes, 0 no, -1 not to be told; with EAGAIN: it has no
 * memory now, because it is a zombie or just executes a program. */
int process_has_env(pid_t pid, char const *name, char const *value);

/* Does it hold a variable of that name, whatever its value? */
int process_names_env(pid_t pid, char const *name);

/* Session of a process; -1 with errno. */
pid_t process_session(pid_t pid);

/* Closes every descriptor from `first` on: close_range(2), else those in /proc/self/fd, else all
 * up to the soft limit. */
void process_close_from(int first);

/* Did close_range(2) work when process_close_from was called last? 1 before that. */
int process_closes_ranges(void);

/* The kernel's boot id as 16 bytes; zeros where it cannot be read. */
void process_boot_id(unsigned char id[16]);

/* Is it our child, living or not yet reaped? */
int process_is_child(pid_t pid);

/* The path that we were executed by, absolute, to find another program under the same name later.
 * To be asked at the beginning, before the working directory changes. 0, or -1 with errno. */
int process_program(char path[PATH_MAX]);

/* What the kernel knows of our memory, for process_show_title. */
struct process_layout {
	uint64_t start_code, end_code, start_data, end_data, start_brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
};

/* 0, or -1: it is not to be told, or the kernel does not let us change it. */
int process_layout(struct process_layout *l);

/* Shows as our command line what is at `title`: in a fork of the process that `l` was asked for. */
void process_show_title(struct process_layout const *l, char const *title, size_t size);

/* Locks the file that `fd` is open on, for writing, as our process's own: we keep it when we
 * execute a program, and no child has it, which would keep a lock of flock(2) for a moment when we
 * are killed. Closing any descriptor of that file lets go of it. 0, or -1: EAGAIN says that
 * somebody has it. */
int process_lock(int fd);

/* Makes us the reaper of our descendants. 0, or -1 with errno. */
int process_subreaper(void);

#endif
