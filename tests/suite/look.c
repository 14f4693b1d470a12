/* What a test sees of processes, its own and others, without their help. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int tree_has_users(void)
{
	unsigned int inside, outside, count = 0;
	FILE *map = fopen("/proc/self/uid_map", "r");
	if (geteuid() || !map)
		return 0;
	int n = fscanf(map, "%u %u %u", &inside, &outside, &count);
	fclose(map);
	return n == 3 && !inside && count >= 65536;
}

int tree_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static int thread_ended(char const *stat)
{
	char state = 'X';
	FILE *f = fopen(stat, "re");

	/* no program of ours has a parenthesis in its name */
	if (f && fscanf(f, "%*[^)]) %c", &state) != 1)
		state = 'X';
	if (f)
		fclose(f);
	return state == 'Z' || state == 'X';
}

int tree_over(pid_t pid)
{
	char path[64];
	glob_t threads;
	int over = 1;

	/* the first thread may have ended, and others live */
	snprintf(path, sizeof path, "/proc/%d/task/*/stat", (int)pid);
	if (glob(path, 0, NULL, &threads))
		return 1;
	for (size_t i = 0; i < threads.gl_pathc; i++)
		over &= thread_ended(threads.gl_pathv[i]);
	globfree(&threads);
	return over;
}

unsigned int tree_descriptors(pid_t pid)
{
	char path[64];
	unsigned int n = 0;
	struct dirent const *e;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

unsigned long tree_switches(pid_t pid)
{
	char path[64], line[256];
	unsigned long n, sum = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1 ||
			sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}
