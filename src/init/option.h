/* The command line. */
#ifndef INIT_OPTION_H
#define INIT_OPTION_H

struct options {
	char const *run_dir;     /* NULL: not given */
	char const *service_dir; /* NULL: not given */
	char const *profile;     /* NULL: not given */
	char **command;          /* NULL: not given */
	int help, version, formats;
	char const *wrong; /* what is wrong with `culprit`; NULL: nothing */
	char const *culprit;
};

extern char const option_usage[];
extern char const option_help[];

/* Reads the command line, once in the life of a process. Never prints. */
void option_parse(struct options *o, int argc, char **argv);

/* The command line of a machine, on which the kernel leaves every word that it does not know
 * itself: only `cprofile:NAME` is ours, the last of them. */
void option_machine(struct options *o, int argc, char **argv);

#endif
