/* A supervisor in a fork of the test; see forked.h. */
#include "forked.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "process.h"
#include "supervise/supervise.h"

int forked_supervisor;

void forked_supervise(struct place *p)
{
	fflush(0);
	p->supervisor = fork();
	assert_true(p->supervisor >= 0);
	if (p->supervisor)
		return;
	forked_supervisor = 1;
	int err = open(tree_name("%s.err", p->name), O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(err, 2);
	process_close_from(3);
	signal(SIGALRM, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	struct supervise_options o = {
		.name = p->name,
		.service_dir = p->dir,
		.state_dir = p->state,
		.run_dir = tree.run,
		.nofile = 1024,
		.umask = 022,
		.control_group = (gid_t)-1,
		.boot_want = -1,
	};
	_exit(supervise_run(&o));
}

void forked_end(struct place *p)
{
	place_send(p, 'x');
	AWAIT(tree_gone(p->supervisor));
}
