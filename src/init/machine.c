/* The machine under us: ctrl-alt-del, and its end. */
#include "machine.h"

#include "apart.h"

#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include "../lib/clock.h"
#include "../lib/command.h"
#include "../lib/process.h"
#include "message.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define DISKS_LIMIT  30 /* seconds until a disk or a server that does not answer is given up */

int machine_detect(void)
{
	/* a PID namespace other than the first refuses it, whatever capabilities we have there */
	return getpid() == 1 && !reboot(RB_DISABLE_CAD);
}

/* ------------------------------------------------------------------------------- disks */

/* Nothing of these outlives the machine. */
static int is_memory(char const *type)
{
	static char const *const types[] = { "rootfs", "tmpfs", "ramfs", "devtmpfs", "devpts",
		"proc", "sysfs", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "bpf",
		"mqueue", "hugetlbfs", "pstore", "efivarfs", "configfs", "binfmt_misc", "autofs" };

	for (size_t n = 0; n < COUNT(types); n++)
		if (!strcmp(type, types[n]))
			return 1;
	return 0;
}

/* The next field of a line, ended by a NUL, with what the kernel writes as \ooo as it is. */
static char *next_field(char **line)
{
	char *field = *line, *out = field;

	for (char *in = field;; in++) {
		if (!*in || *in == ' ') {
			*line = in + (*in != 0);
			*out = 0;
			return field;
		}
		if (*in == '\\' && strspn(in + 1, "01234567") >= 3) {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
}

/* Every mount point of a disk, each with its NUL, as they were mounted. Not by getmntent(3): scanf,
 * and the reading of floating point numbers with it, would be a twentieth of a static cinit. */
static void list_disks(stralloc *list)
{
	stralloc table = STRALLOC_ZERO;

	if (!openslurpclose(&table, "/proc/self/mounts") || !stralloc_0(&table)) {
		warn_error("; leaving file systems mounted", "unable to read /proc/self/mounts");
		return;
	}
	for (char *line = table.s, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		next_field(&line);
		char const *point = next_field(&line);
		if (!is_memory(next_field(&line)))
			stralloc_catb(list, point, strlen(point) + 1);
	}
	stralloc_free(&table);
}

/* What cannot be unmounted, as the root, is made read-only: what was written is on the disk then,
 * and the file system says that it is clean. */
static void let_go(char const *path)
{
	if (!strcmp(path, "/") || umount2(path, UMOUNT_NOFOLLOW) < 0) {
		if (mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
			warn_error("; it stays as it is", "unable to unmount ", path,
				", or to make it read-only");
	}
}

/* The last that was mounted goes first. */
static void settle_disks(int unused)
{
	stralloc list = STRALLOC_ZERO;

	(void)unused;
	sync();
	list_disks(&list);
	for (size_t end = list.len; end;) {
		size_t from = end - 1;
		while (from && list.s[from - 1])
			from--;
		let_go(list.s + from);
		end = from;
	}
	sync();
}

/* --------------------------------------------------------------------------------- end */

static void restart(int how)
{
	int command = how == SHUTDOWN_REBOOT ? (int)RB_AUTOBOOT
		      : how == SHUTDOWN_HALT ? (int)RB_HALT_SYSTEM
					     : (int)RB_POWER_OFF;

	reboot(command);
	warn_error("; staying here", "unable to end the machine");
}

/* In a child: disks may hang, and where the kernel cannot do what it is asked for, it ends the
 * process that asked; the end of PID 1 is a panic. 0, or -1: it did not end in time. */
static int in_child(void (*what)(int), int how, unsigned int seconds)
{
	uint64_t end = clock_boottime() + seconds * CLOCK_SECOND, now;
	sigset_t children;
	pid_t pid = apart_fork();

	if (pid <= 0) {
		what(how);
		if (!pid)
			_exit(0);
		return 0;
	}
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	while (!waitpid(pid, NULL, WNOHANG)) {
		now = clock_boottime();
		if (now >= end)
			return -1;
		struct timespec left = { .tv_sec = (time_t)((end - now) / CLOCK_SECOND) + 1 };
		sigtimedwait(&children, NULL, &left);
	}
	return 0;
}

_Noreturn void machine_end(int how)
{
	/* our lock and all else that may lie on a disk: a file system that is written to stays so
	 */
	process_close_from(3);
	if (in_child(settle_disks, how, DISKS_LIMIT) < 0)
		warn("file systems do not let go; not waiting any longer");
	in_child(restart, how, DISKS_LIMIT);
	for (;;)
		pause();
}
