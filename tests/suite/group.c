/* A subtree of control groups for each test. */
#include <ftw.h>

#include "group.h"

#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char group_base[192];

static void find_subtree(void)
{
	FILE *f = setmntent("/proc/mounts", "r");
	struct mntent const *m;

	group_base[0] = 0;
	while (f && !group_base[0] && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2") && !access(m->mnt_dir, W_OK))
			snprintf(group_base, sizeof group_base, "%.150s%s", m->mnt_dir,
				strrchr(tree.path, '/')); /* pids are those of a namespace */
	if (f)
		endmntent(f);
}

static int remove_one(char const *path, struct stat const *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

int group_setup(void **state)
{
	int r = tree_setup(state);

	find_subtree();
	if (group_base[0]) {
		char line[200];
		snprintf(line, sizeof line, "%s\n", group_base);
		tree_write("services/conf/cgroup", 0644, line);
	}
	return r;
}

int group_teardown(void **state)
{
	int r = tree_teardown(state);

	if (group_base[0])
		nftw(group_base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return r;
}

void group_needed(void)
{
	if (!group_base[0]) {
		print_message("no cgroup2 that may be written to\n");
		skip();
	}
}

char const *group_path(char const *name)
{
	static char path[2][300];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", group_base, name);
	return path[turn];
}

int group_there(char const *name)
{
	return !access(group_path(name), F_OK);
}

unsigned int group_members(char const *name, pid_t pid)
{
	char path[320];
	unsigned int n = 0;
	int one, seen = 0;
	snprintf(path, sizeof path, "%s/cgroup.procs", group_path(name));
	FILE *f = fopen(path, "re");

	while (f && fscanf(f, "%d", &one) == 1) {
		n++;
		seen |= one == pid;
	}
	if (f)
		fclose(f);
	assert_true(!pid || seen);
	return n;
}
