/* The supervisor: a part of cinit, which forks it without exec; under the name `supervise` it is a
 * program of its own. */
#ifndef CINIT_SUPERVISE_H
#define CINIT_SUPERVISE_H

#include <sys/resource.h>
#include <sys/types.h>

#define SUPERVISE_TITLE "supervise " /* and the name: the command line that others see */

struct process_layout;

/* What a cold start brings. */
enum boot_want {
	BOOT_OTHERS = -2,    /* down: a profile was given, and is not this service */
	BOOT_DIRECTORY = -1, /* what its directory says */
	BOOT_DOWN = 0,
	BOOT_UP = 1
};

struct supervise_options {
	char const *name;        /* the service's name: in messages, CINIT_SERVICE, command line */
	char const *service_dir; /* path of the service directory itself, absolute */
	char const *state_dir;   /* path of its state directory, absolute (RUNDIR/NAME or
				    DIR/supervise) */
	char const *run_dir; /* path of the run directory, absolute, or NULL: there is no cinit */
	char const *program; /* path of the program to execute when told to upgrade, absolute */
	unsigned char boot_id[16]; /* zeros: unknown */
	rlim_t nofile;             /* soft RLIMIT_NOFILE for services */
	mode_t umask;              /* umask for services */
	char const *cgroup;  /* subtree for the control groups of services, absolute; NULL: they
				have none */
	gid_t control_group; /* who may write to `in` beside the owner; (gid_t)-1: nobody */
	char *title;         /* where to write the command line to, or NULL */
	size_t title_size;
	struct process_layout const *layout; /* the title is not where our parent's was, and the
						kernel is to be told of it; else NULL */
	int boot_want;                       /* at a cold start: enum boot_want */
	int forked; /* we are a fork of cinit and drop what is its: descriptors, handlers, mask */
};

/* Supervises one service (and its logger) until told to exit. Returns the exit code of the process:
 * 0 told to exit; 111 the system refused; 100 another supervisor has this service. Everything the
 * caller holds but descriptors 0, 1 and 2 is closed where `forked` is set. */
int supervise_run(struct supervise_options const *o);

/* The program `supervise`: reads its command line, and supervises. */
int supervise_main(int argc, char **argv);

/* Goes on with what was handed over (handover_inherited) by the program that was executed here
 * before. As supervise_run. */
int supervise_resume(int handover);

#endif
