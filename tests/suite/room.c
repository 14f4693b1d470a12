/* A small file system; see room.h. */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

int room_make(char const *dir, char const *options)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) < 0)
		return 0;
	return !mount("tmpfs", tree_name("%s", dir), "tmpfs", 0, options);
}

void room_fill(char const *dir)
{
	static char block[4096];
	int fd = open(tree_name("%s/filler", dir), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

void room_fill_up(char const *dir)
{
	int fd, n = 0;
	room_fill(dir);
	while ((fd = open(tree_name("%s/filler%d", dir, n++), O_WRONLY | O_CREAT | O_CLOEXEC,
			0600)) >= 0)
		close(fd);
	assert_int_equal(errno, ENOSPC);
}

void room_empty(char const *dir)
{
	assert_int_equal(unlink(tree_name("%s/filler", dir)), 0);
}

void room_empty_up(char const *dir)
{
	room_empty(dir);
	for (int n = 0; unlink(tree_name("%s/filler%d", dir, n)) == 0; n++)
		;
}

void room_remove(char const *dir)
{
	umount2(tree_name("%s", dir), MNT_DETACH);
}
