/* A FIFO pair in a temporary directory. */
#include "ipc_pair.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "scratch.h"

struct cinit_ipc pair;
struct status pair_status;
struct status_ring pair_ring;

int pair_setup_empty(void **state)
{
	memset(&pair_status, 0, sizeof pair_status);
	memset(&pair_ring, 0, sizeof pair_ring);
	memset(&pair, 0, sizeof pair);
	pair.in = pair.out = -1;
	if (scratch_setup(state) < 0)
		return -1;
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int pair_setup(void **state)
{
	if (pair_setup_empty(state) < 0)
		return -1;
	return cinit_ipc_init(&pair, scratch_fd, (gid_t)-1);
}

int pair_teardown(void **state)
{
	cinit_ipc_close(&pair);
	return scratch_teardown(state);
}

int pair_publish(void)
{
	pair_status.change++;
	return cinit_ipc_publish(&pair, &pair_status, &pair_ring);
}

struct cinit_client pair_client(void)
{
	struct cinit_client c = CINIT_CLIENT_ZERO;
	c.base = scratch_fd;
	c.path = ".";
	return c;
}

int pair_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = 0 };
	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

ino_t pair_inode(char const *name)
{
	struct stat st;
	return fstatat(scratch_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

mode_t pair_mode(char const *name)
{
	struct stat st;
	return fstatat(scratch_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode : 0;
}

static unsigned int entries(char const *path)
{
	unsigned int n = 0;
	DIR *d = opendir(path);
	struct dirent *e;
	if (!d)
		return 0;
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

unsigned int pair_descriptors(void)
{
	return entries("/proc/self/fd");
}

unsigned int pair_entries(void)
{
	return entries(scratch_path);
}

static void must(int done)
{
	if (!done)
		abort();
}

static void put_file(char const *name)
{
	scratch_text(name, "not a FIFO");
}

static void put_link(char const *name)
{
	mkfifoat(scratch_fd, "elsewhere", 0600);
	must(symlinkat("elsewhere", scratch_fd, name) == 0);
}

static void put_dangling(char const *name)
{
	must(symlinkat("nowhere", scratch_fd, name) == 0);
}

static void put_directory(char const *name)
{
	must(mkdirat(scratch_fd, name, 0755) == 0);
}

static void put_socket(char const *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, scratch_name(name));
	must(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
	close(fd);
}

static void put_foreign(char const *name)
{
	must(mkfifoat(scratch_fd, name, 0666) == 0);
	if (geteuid() == 0)
		must(fchownat(scratch_fd, name, 1234, 1234, 0) == 0);
}

void (*const pair_obstacle[])(char const *) = {
	put_file,
	put_link,
	put_dangling,
	put_directory,
	put_socket,
	put_foreign,
	NULL,
};
