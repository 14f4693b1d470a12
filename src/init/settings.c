/* conf/ in the service directory: what people may set of cinit itself. A value that does not parse
 * is said, and what would hold without it holds: init does not refuse to boot over a typing
 * mistake. */
#include <errno.h>
#include <fcntl.h>

#include <skalibs/djbunix.h>

#include "../lib/account.h"
#include "../lib/path.h"
#include "../lib/servicedir.h"
#include "init.h"
#include "message.h"

/* A container's runtime sends KILL ten seconds after TERM, if nobody told it otherwise. */
#define CONTAINER_LIMIT 9000

static void read_stop_timeout(struct init *i, int conf)
{
	struct value_error e;

	i->stop_limit = i->machine ? 0 : CONTAINER_LIMIT;
	if (conf >= 0 && value_duration(conf, "stop-timeout", &i->stop_limit, &e) < 0)
		warn("conf/", e.text, "; using ", i->machine ? "none" : "9 s");
}

static void read_control_group(struct init *i, int conf)
{
	struct value_error e;
	char group[64];

	i->control_group = (gid_t)-1;
	int r = conf < 0 ? 0 : value_line(conf, "control-group", group, sizeof group, &e);
	if (r > 0 && group[0])
		r = account_group(group, &i->control_group, &e);
	if (r < 0)
		warn("conf/", e.text, "; control is for the owner only");
}

void settings_read(struct init *i)
{
	char path[PATH_MAX];
	int conf = -1;

	if (!path_join(path, i->service_path, "conf")) {
		conf = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (conf < 0 && errno != ENOENT)
			warn_error("; using the defaults", "unable to open ", path);
	}
	read_stop_timeout(i, conf);
	read_control_group(i, conf);
	if (conf >= 0)
		fd_close(conf);
}
