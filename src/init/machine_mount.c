/* A machine as the kernel hands it over has a root file system and perhaps a console. What every
 * service takes for granted is made here, before anything else: the kernel's own file systems, a
 * place for state, standard input and output, a search path. What is there already, from an
 * initramfs or a boot loader's parameters, stays as it is. Disks are the business of services. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "message.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define SEARCH_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Each below those before it. */
static struct {
	char const *path, *above, *type, *options;
	unsigned long flags;
} const mounts[] = {
	{ "/dev", "/", "devtmpfs", "mode=0755", MS_NOSUID },
	{ "/proc", "/", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "/sys", "/", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "/sys/fs/cgroup", "/sys/fs", "cgroup2", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "/dev/pts", "/dev", "devpts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC },
	{ "/dev/shm", "/dev", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
	{ "/run", "/", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV },
};

/* What device managers make beside devtmpfs, and shells rely on. */
static struct {
	char const *name, *target;
} const links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
};

static int is_mounted(char const *path, char const *above)
{
	struct stat here, there;

	return !stat(path, &here) && !stat(above, &there) && here.st_dev != there.st_dev;
}

/* 0, or -1 with errno. */
static int mount_all(size_t n)
{
	if (is_mounted(mounts[n].path, mounts[n].above))
		return 0;
	if (mkdir(mounts[n].path, 0755) < 0 && errno != EEXIST && errno != EROFS)
		return -1;
	return mount(
		mounts[n].type, mounts[n].path, mounts[n].type, mounts[n].flags, mounts[n].options);
}

/* The kernel opens it for us, where its node is in the root file system. Else it is in the /dev
 * that we have just mounted. */
static void open_console(void)
{
	int fd = -1;

	for (int n = 0; n < 3; n++) {
		if (fcntl(n, F_GETFD) >= 0)
			continue;
		/* non-blocking only for the open: a line that has no carrier must not hold us up */
		if (fd < 0) {
			fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);
			if (fd < 0 || fcntl(fd, F_SETFL, O_RDWR) < 0)
				return;
		}
		if (fd != n)
			dup2(fd, n);
	}
	if (fd > 2)
		fd_close(fd);
}

void machine_prepare(void)
{
	int error[COUNT(mounts)];

	for (size_t n = 0; n < COUNT(mounts); n++)
		error[n] = mount_all(n) < 0 ? errno : 0;
	open_console();
	for (size_t n = 0; n < COUNT(mounts); n++) {
		errno = error[n];
		if (error[n])
			warn_error("; going on without it", "unable to mount ", mounts[n].type,
				" on ", mounts[n].path);
	}
	for (size_t n = 0; n < COUNT(links); n++)
		if (symlink(links[n].target, links[n].name) < 0 && errno != EEXIST)
			warn_error("; going on without it", "unable to make ", links[n].name);
	if (setenv("PATH", SEARCH_PATH, 0) < 0)
		warn_error("; services have none", "unable to set PATH");
}
