/* What a process says and does about itself: descriptors, reaping, and the boot it lives in. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/uint64.h>

#include "path.h"

/* The same number on every architecture; headers may be older than the kernel. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define DESCRIPTORS 1048576 /* fs.nr_open unless somebody raised it */

static int no_ranges; /* the kernel, or a filter, has no close_range */

static int close_listed(int first)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	uint64_t fd;

	if (!dir)
		return 0;
	/* the list goes by number, so that closing while reading skips nobody */
	while ((d = readdir(dir))) {
		if (uint64_scan(d->d_name, &fd) && (int)fd >= first && (int)fd != dirfd(dir))
			close((int)fd);
	}
	closedir(dir);
	return 1;
}

void process_close_from(int first)
{
	struct rlimit limit;

	if (!syscall(SYS_close_range, (unsigned int)first, ~0u, 0))
		return;
	no_ranges = 1;
	if (close_listed(first))
		return;
	/* the table may be full: all from `first` on go anyway */
	close(first);
	if (close_listed(first))
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > DESCRIPTORS)
		limit.rlim_cur = DESCRIPTORS;
	for (int fd = first; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

int process_closes_ranges(void)
{
	return !no_ranges;
}

void process_boot_id(unsigned char id[16])
{
	char buf[64];
	size_t digits = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	memset(id, 0, 16);
	if (fd < 0)
		return;
	ssize_t r = fd_read(fd, buf, sizeof buf);
	fd_close(fd);
	for (ssize_t i = 0; i < r && digits < 32; i++) {
		char const *hex = "0123456789abcdef", *p = buf[i] ? strchr(hex, buf[i]) : 0;
		if (!p)
			continue;
		id[digits / 2] = (unsigned char)(id[digits / 2] << 4 | (p - hex));
		digits++;
	}
	if (digits != 32)
		memset(id, 0, 16);
}

int process_lock(int fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r = fcntl(fd, F_SETLK, &all);

	if (r < 0 && errno == EACCES)
		errno = EAGAIN;
	return r;
}

int process_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -1 : 0;
}

int process_is_child(pid_t pid)
{
	siginfo_t si;

	return pid > 0 && waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Who was executed by a descriptor has no path but the kernel's word. */
static int program_by_link(char path[PATH_MAX])
{
	static char const gone[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n < 0)
		return -1;
	path[n] = 0;
	size_t len = (size_t)n, tail = sizeof gone - 1;
	if (len > tail && !strcmp(path + len - tail, gone))
		path[len - tail] = 0;
	return 0;
}

int process_program(char path[PATH_MAX])
{
	char const *name = (char const *)getauxval(AT_EXECFN);
	char here[PATH_MAX];

	/* the name and not what it leads to: an upgrade may put another link in its place */
	if (!name || !name[0] || !strncmp(name, "/dev/fd/", 8))
		return program_by_link(path);
	if (name[0] != '/')
		return getcwd(here, sizeof here) ? path_join(path, here, name) : -1;
	if (strlen(name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(path, name);
	return 0;
}
