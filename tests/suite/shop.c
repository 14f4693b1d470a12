/* Services that depend on each other and keep a diary. */
#include "shop.h"

#include <stdio.h>
#include <string.h>

#include "svctl.h"

void shop_write(char const *name, char const *entry, char const *text)
{
	char path[512];
	snprintf(path, sizeof path, "services/%s/%s", name, entry);
	tree_write(path, 0644, text);
}

void shop_depends(char const *name, char const *entries)
{
	char copy[256], *rest;

	snprintf(copy, sizeof copy, "%s", entries);
	for (char *e = strtok_r(copy, " ", &rest); e; e = strtok_r(NULL, " ", &rest))
		shop_write(name, e, "");
}

void shop_service(char const *name, char const *entries)
{
	char path[512];

	snprintf(path, sizeof path, "services/%s/run", name);
	tree_script(path, SHOP_DIARY);
	shop_write(name, "notification-fd", "3\n");
	shop_depends(name, entries);
}

void shop_lame(char const *name)
{
	char path[512];

	snprintf(path, sizeof path, "services/%s/run", name);
	tree_script(path, "exit 3");
	shop_write(name, "notification-fd", "3\n");
	shop_write(name, "max-deaths", "1/60\n");
}

void shop_ready(char const *name)
{
	tree_run(&svctl_output, "svctl", "wait", "-t", "20", "ready", name, NULL);
	if (svctl_output.code)
		fail_msg("%s is not ready: %s", name, svctl_output.out);
}

void shop_down(char const *name)
{
	tree_run(&svctl_output, "svctl", "wait", "-t", "20", "down", name, NULL);
	if (svctl_output.code)
		fail_msg("%s is not down: %s", name, svctl_output.out);
}

struct place shop_place(char const *name)
{
	return place_at(name, tree_name("run/%s", name));
}
