/* What entries of other suites' service directories are called here; see lint_foreign.h. */
#include "lint_foreign.h"

#include <stddef.h>
#include <string.h>

#define NEEDS "here `needs/' holds an entry for each service"
#define LOG   "here a service's logger is the directory `log' in its own"

static struct {
	char const *name, *says;
} const foreign[] = {
	{ "nosetsid", "s6's: here a service always leads a session of its own" },
	{ "max-death-tally", "s6's: here `max-deaths' says how many deaths are too many" },
	{ "lock-fd", "s6's: here no second instance is started beside one that lives" },
	{ "flag-newpidns",
		"s6's: here let `run' execute unshare(1) with --pid, --fork and --kill-child" },
	{ "template", "s6's: here a template is a service directory whose name ends in `@'" },
	{ "instance", "s6's: here an instance is made when somebody needs NAME@INSTANCE" },
	{ "type", "s6-rc's: here `run' makes a service, `on' a oneshot, `needs/' alone a bundle" },
	{ "up", "s6-rc's: here a oneshot is brought up by the program `on'" },
	{ "dependencies", "s6-rc's: " NEEDS },
	{ "dependencies.d", "s6-rc's: " NEEDS },
	{ "contents", "s6-rc's: " NEEDS " of a bundle" },
	{ "contents.d", "s6-rc's: " NEEDS " of a bundle" },
	{ "flag-essential",
		"s6-rc's: here what others need is stopped with --force only; `essential' means "
		"that the tree ends with the service" },
	{ "producer-for", "s6-rc's: " LOG },
	{ "consumer-for", "s6-rc's: " LOG },
	{ "pipeline-name", "s6-rc's: here service and logger have one name, NAME and NAME/log" },
	{ "depends", "minit's: " NEEDS },
	{ "params", "minit's: here the arguments of `run' are in `run.params'" },
	{ "sync", "minit's: here a program that others wait for is a oneshot, `on'" },
	{ "rc.main", "perp's: here `run' starts the service, `finish' follows its end" },
	{ "rc.log", "perp's: " LOG },
};

char const *lint_foreign(char const *name)
{
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (!strcmp(foreign[i].name, name))
			return foreign[i].says;
	return NULL;
}

/* Does one of the lines say KEY = VALUE? */
static int sets(char const *text, char const *key)
{
	size_t len = strlen(key);

	for (char const *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t blanks = strncmp(line, key, len) ? 0 : strspn(line + len, " \t");
		if (!strncmp(line, key, len) && line[len + blanks] == '=')
			return 1;
	}
	return 0;
}

char const *lint_foreign_file(char const *text)
{
	if (strstr(text, "[Service]") || strstr(text, "[Unit]"))
		return "systemd's: here a service is a directory with a program `run'";
	if (sets(text, "type") && (sets(text, "command") || sets(text, "depends-on") ||
					  sets(text, "waits-for") || sets(text, "waits-for.d")))
		return "dinit's: here a service is a directory with a program `run'";
	return NULL;
}
