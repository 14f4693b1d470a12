/* What /proc says of a tree: everything in the PID namespace but us and the services. */
#include "bench.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int is_service(char const *pid)
{
	char path[320], target[512];
	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n < 0)
		return 1; /* it has gone, or is a kernel's */
	target[n] = 0;
	char const *name = strrchr(target, '/');
	return name && !strcmp(name, "/service");
}

/* The number that follows `key` at the begin of a line of /proc/PID/FILE, added up over its lines.
 */
static double number_of(char const *pid, char const *file, char const *key)
{
	char path[320], text[256];
	double sum = 0;
	snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
	FILE *f = fopen(path, "r");
	while (f && fgets(text, sizeof text, f))
		if (!strncmp(text, key, strlen(key)))
			sum += atof(text + strlen(key));
	if (f)
		fclose(f);
	return sum;
}

static unsigned int count_files(char const *pid)
{
	char path[320];
	unsigned int n = 0;
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	for (struct dirent const *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

void census_take(struct census *c, pid_t root)
{
	DIR *d = opendir("/proc");
	*c = (struct census){ 0 };
	for (struct dirent const *e; d && (e = readdir(d));) {
		pid_t pid = (pid_t)atoi(e->d_name);
		if (pid <= 1 || is_service(e->d_name))
			continue;
		unsigned int files = count_files(e->d_name);
		c->processes++;
		c->pss += number_of(e->d_name, "smaps_rollup", "Pss:");
		c->tables += number_of(e->d_name, "status", "VmPTE:");
		c->switches +=
			(unsigned long)number_of(e->d_name, "status", "voluntary_ctxt_switches:");
		c->switches += (unsigned long)number_of(
			e->d_name, "status", "nonvoluntary_ctxt_switches:");
		if (pid == root)
			c->files_root = files;
		else if (files > c->files)
			c->files = files;
	}
	if (d)
		closedir(d);
}
