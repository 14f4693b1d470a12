/* The services: of every kind that there is. */
#include "chaos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUICK "300" /* ms: timeout-kill, where somebody does not go when told to */

struct kind const kinds[] = {
	{ "plain", "", LONELY, { { 0 } }, { 0 }, 0 },
	{ "shell", "", SHELL | LONELY, { { 0 } }, { 0 }, 0 },
	{ "user", "", USER | LONELY, { { "env/CHAOS", "1\n" }, { "run.env", "MORE=1\n" } }, { 0 },
		0 },
	{ "work", "worker\n", WORKS | LONELY, { { 0 } }, { 0 }, 0 },
	{ "work2", "worker\nslow\n", WORKS, { { 0 } }, { 0 }, 0 },
	{ "deaf", "deaf\n", 0, { { 0 } }, { 0 }, 0 },
	{ "deafwork", "deaf\nworker\n", WORKS | FINISH, { { 0 } }, { 0 }, 0 },
	{ "slow", "slow\n", 0, { { 0 } }, { 0 }, 0 },
	{ "finish", "", FINISH | LONELY, { { 0 } }, { 0 }, 0 },
	{ "scripts", "worker\n", SCRIPTS | WORKS, { { 0 } }, { 0 }, 0 },
	{ "once", "", ONCE, { { "restart", "never\n" } }, { 0 }, 0 },
	{ "hush", "", PAUSES, { { 0 } }, { 0 }, 0 },
	{ "frail", "", FRAIL, { { "max-deaths", "3/20\n" } }, { 0 }, 0 },
	{ "group", "worker\ngroup\n", WORKS, { { "kill-mode", "group\n" } }, { 0 }, 0 },
	{ "loose", "worker\nloose\n", LINGERS, { { "kill-mode", "process\n" } }, { 0 }, 0 },
	{ "shot", "", ONESHOT, { { 0 } }, { 0 }, 0 },
	{ "shotwork", "worker\n", ONESHOT | WORKS, { { 0 } }, { 0 }, 0 },
	{ "notify", "notify\n", LONELY, { { "notify", "" } }, { 0 }, 0 },
	{ "newline", "fd=5\n", FINISH, { { "notification-fd", "5\n" } }, { 0 }, 0 },
	{ "check", "", CHECKED, { { "check-interval", "20\n" } }, { 0 }, 0 },
	{ "asleep", "", DOWN, { { 0 } }, { 0 }, 0 },
	{ "signal", "", 0, { { "down-signal", "KILL\n" } }, { 0 }, 0 },
	{ "line", "talk\n", LOGGED, { { "ready-line", "is ready\n" } }, { 0 }, 0 },
	{ "log1", "talk\n", LOGGED | LONELY, { { 0 } }, { 0 }, 0 },
	{ "log2", "talk\n", LOGGED, { { 0 } }, { 0 }, 0 },
	{ "log3", "talk\nworker\n", LOGGED | WORKS | FINISH, { { 0 } }, { 0 }, 0 },
	{ "db", "notify\n", 0, { { "notify", "" } }, { 0 }, 0 },
	{ "cache", "", 0, { { 0 } }, { 0 }, 0 },
	{ "web", "talk\n", LOGGED, { { 0 } }, { "needs/db" }, "cache" },
	{ "edge", "fd=3\n", 0, { { "notification-fd", "3\n" } }, { "binds/web" }, 0 },
	{ "site", "", BUNDLE, { { 0 } }, { "needs/web", "needs/cache" }, 0 },
	{ "inst@", "", TEMPLATE, { { 0 } }, { 0 }, 0 },
	{ "inst@a", "", INSTANCE, { { 0 } }, { 0 }, 0 },
	{ "inst@b", "", INSTANCE, { { 0 } }, { 0 }, 0 },
};
int const kind_count = sizeof kinds / sizeof kinds[0];

struct service services[SERVICES_MAX];
int service_count;

/* The programs are where another user may execute them. */
static void install(char const *helper)
{
	char from[256];
	struct output o;

	snprintf(from, sizeof from, "%s/test/helper/%s", getenv("CINIT_BUILD"), helper);
	tree_run(&o, "/bin/cp", from, tree_name("bin/%s", helper), NULL);
	if (o.code)
		fail_msg("unable to copy %s: %s", from, o.err);
}

static void write_entry(char const *dir, char const *entry, char const *text)
{
	char name[200];

	snprintf(name, sizeof name, "services/%s/%s", dir, entry);
	tree_write(name, 0644, text);
}

/* A program entry: a link to a helper, which gets these words. */
static void link_entry(char const *dir, char const *entry, char const *helper, char const *words)
{
	char name[80];

	snprintf(name, sizeof name, "%s.params", entry);
	write_entry(dir, name, words);
	if (symlink(tree_name("bin/%s", helper), tree_name("services/%s/%s", dir, entry)) < 0)
		fail_msg("unable to make %s/%s", dir, entry);
}

static void write_script(char const *dir, char const *entry, char const *body)
{
	char name[200];

	snprintf(name, sizeof name, "services/%s/%s", dir, entry);
	tree_script(name, body);
}

static void write_programs(struct kind const *k)
{
	char words[80];

	if (k->flags & SHELL)
		write_script(k->name, "run", "exec \"$TREE/bin/witness\"");
	else if (k->flags & ONESHOT)
		snprintf(words, sizeof words, "brief\n%s", k->words),
			link_entry(k->name, "on", "witness", words);
	else if (!(k->flags & BUNDLE))
		link_entry(k->name, "run", "witness", k->words);
	if (k->flags & ONESHOT) {
		link_entry(k->name, "off", "witness", "off\n");
		write_entry(k->name, "restart", "always\n");
	}
	if (k->flags & FINISH)
		link_entry(k->name, "finish", "witness", "brief\nslow\n");
	if (k->flags & CHECKED)
		link_entry(k->name, "check", "witness", "check\n");
	if (k->flags & SCRIPTS) {
		write_script(k->name, "control/t", "sleep 0.1; exit 1");
		write_script(k->name, "control/u", "exit 0");
		write_script(k->name, "control/d", "exit 0");
	}
}

static void write_logger(struct service *s, char const *name)
{
	char log[40], file[40];

	snprintf(log, sizeof log, "%s/log", name);
	snprintf(file, sizeof file, "said.%s\n", name);
	link_entry(log, "run", "splicer", file);
	write_entry(log, "backoff-max", "100\n");
	s->log = place_at(log, tree_name("run/%s", log));
	file[strcspn(file, "\n")] = 0;
	logbook_open(&s->book, name, tree_name("%s", file), s->witness);
}

static void write_kind(struct kind const *k)
{
	write_entry(k->name, "backoff-max", "100\n");
	write_entry(k->name, "timeout-kill", QUICK);
	for (int i = 0; i < ENTRIES && k->entries[i][0]; i++)
		write_entry(k->name, k->entries[i][0], k->entries[i][1]);
	for (int i = 0; i < EDGES && k->needs[i]; i++)
		write_entry(k->name, k->needs[i], "");
	if (k->wants) {
		char want[40];
		snprintf(want, sizeof want, "wants/%s", k->wants);
		write_entry(k->name, want, "");
	}
	if (k->flags & DOWN)
		write_entry(k->name, "down", "");
	if (k->flags & USER && tree_has_users())
		write_entry(k->name, "user", "65534:65534\n");
	write_programs(k);
}

static void make(struct kind const *k)
{
	struct service *s = &services[service_count];

	if (k->flags & INSTANCE) {
		if (symlink("inst@", tree_name("services/%s", k->name)) < 0)
			fail_msg("unable to make %s", k->name);
	} else {
		write_kind(k);
	}
	if (k->flags & TEMPLATE)
		return;
	*s = (struct service){ .kind = k };
	s->place = place_at(k->name, tree_name("run/%s", k->name));
	s->witness = shared_witness(k->name);
	tree_write(shared_name(k->name, ".lock") + strlen(tree.path) + 1, 0666, "");
	if (k->flags & LOGGED)
		write_logger(s, k->name);
	chaos->of[service_count].order = k->flags & DOWN ? ORDER_DOWN : ORDER_UP;
	service_count++;
}

void kinds_make(void)
{
	tree_write("bin/.keep", 0644, "");
	install("witness");
	install("splicer");
	tree_write("journal", 0666, "");
	service_count = 0;
	for (int i = 0; i < kind_count; i++)
		make(&kinds[i]);
}
