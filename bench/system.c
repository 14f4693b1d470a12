/* Who is measured. Everybody supervises the same program, by a link named `run` where he knows of
 * such, and is told with the client of his own. */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------------------ command lines */

void line_add(struct line *l, char const *word)
{
	size_t len = strlen(word) + 1;
	if (l->count + 2 > l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->argv = realloc(l->argv, l->room * sizeof *l->argv);
	}
	/* words are small and few commands are long: none is ever moved or freed before all are */
	char *copy = l->argv ? malloc(len) : 0;
	if (!copy)
		abort();
	memcpy(copy, word, len);
	l->argv[l->count++] = copy;
	l->argv[l->count] = 0;
}

void line_addf(struct line *l, char const *format, ...)
{
	char word[512];
	va_list list;
	va_start(list, format);
	vsnprintf(word, sizeof word, format, list);
	va_end(list);
	line_add(l, word);
}

void line_free(struct line *l)
{
	for (size_t i = 0; i < l->count; i++)
		free((char *)l->argv[i]);
	free(l->argv);
	*l = (struct line){ 0 };
}

int make_directory(char const *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

/* -------------------------------------------------------------------------------- directories */

/* sNNNN/run, a link to the service. */
static int link_services(struct system const *s, struct place const *p)
{
	char path[256], service[512];
	(void)s;
	snprintf(service, sizeof service, "%s/service", settings.tools);
	for (unsigned int i = 0; i < p->n; i++) {
		snprintf(path, sizeof path, "%s/s%04u", p->services, i);
		if (make_directory(path) < 0)
			return -1;
		snprintf(path, sizeof path, "%s/s%04u/run", p->services, i);
		if (symlink(service, path) < 0)
			return -1;
	}
	return 0;
}

/* What `limit status` reads. */
static int write_records(struct system const *s, struct place const *p)
{
	char path[256];
	(void)s;
	for (unsigned int i = 0; i < p->n; i++) {
		snprintf(path, sizeof path, "%s/s%04u", p->services, i);
		if (make_directory(path) < 0)
			return -1;
		snprintf(path, sizeof path, "%s/s%04u/status", p->services, i);
		FILE *f = fopen(path, "w");
		if (!f || fwrite("12345678901234567890", 20, 1, f) != 1 || fclose(f))
			return -1;
	}
	return 0;
}

static int write_supervisor(struct system const *s, struct place const *p)
{
	char path[256];
	(void)s;
	snprintf(path, sizeof path, "%s/conf", p->root);
	FILE *f = fopen(path, "w");
	if (!f)
		return -1;
	fprintf(f,
		"[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/"
		"pid\n"
		"[unix_http_server]\nfile=%s/socket\n[supervisorctl]\nserverurl=unix://%s/socket\n"
		"[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = "
		"supervisor.rpcinterface:make_main_rpcinterface\n",
		p->root, p->root, p->root);
	for (unsigned int i = 0; i < p->n; i++)
		fprintf(f,
			"[program:s%04u]\ncommand=%s/service %u\nstdout_logfile=NONE\n"
			"stderr_logfile=NONE\n",
			i, settings.tools, i);
	return fclose(f);
}

/* --------------------------------------------------------------------------------------- ours */

/* Time to stop in order is what is measured; by default a container has 9 s until the rest is
 * killed, which on a busy machine is not enough for ten thousand. */
static int cinit_prepare(struct system const *s, struct place const *p)
{
	char path[256];
	snprintf(path, sizeof path, "%s/conf", p->services);
	if (link_services(s, p) < 0 || make_directory(path) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/conf/stop-timeout", p->services);
	FILE *f = fopen(path, "w");
	if (!f)
		return -1;
	fputs("0\n", f);
	return fclose(f);
}

static void cinit_boot(struct system const *s, struct place const *p, struct line *l)
{
	line_addf(l, "%s/cinit", s->directory);
	line_add(l, "-r");
	line_add(l, p->run);
	line_add(l, "-d");
	line_add(l, p->services);
}

static int cinit_tell(struct system const *s, struct place const *p, enum verb verb,
	unsigned int first, unsigned int count, struct line *l)
{
	static char const *const words[] = { "status", "restart", "rescan" };
	line_addf(l, "%s/svctl", s->directory);
	line_add(l, "-r");
	line_add(l, p->run);
	line_add(l, words[verb]);
	if (verb != VERB_RESCAN && !(verb == VERB_STATUS && count == p->n))
		for (unsigned int i = first; i < first + count; i++)
			line_addf(l, "s%04u", i);
	return 1;
}

/* ------------------------------------------------------------------------------------- others */

static void limit_boot(struct system const *s, struct place const *p, struct line *l)
{
	(void)s;
	line_addf(l, "%s/limit", settings.tools);
	line_add(l, "tree");
	line_addf(l, "%u", p->n);
	line_addf(l, "%s/service", settings.tools);
}

static int limit_tell(struct system const *s, struct place const *p, enum verb verb,
	unsigned int first, unsigned int count, struct line *l)
{
	(void)s, (void)first;
	if (verb != VERB_STATUS)
		return 0;
	line_addf(l, "%s/limit", settings.tools);
	line_add(l, "status");
	line_add(l, p->services);
	line_addf(l, "%u", count);
	return 1;
}

static void runit_boot(struct system const *s, struct place const *p, struct line *l)
{
	(void)s;
	line_add(l, "runsvdir");
	line_add(l, p->services);
}

static int runit_tell(struct system const *s, struct place const *p, enum verb verb,
	unsigned int first, unsigned int count, struct line *l)
{
	(void)s;
	if (verb == VERB_RESCAN)
		return 0;
	line_add(l, "sv");
	line_add(l, verb == VERB_STATUS ? "status" : "restart");
	for (unsigned int i = first; i < first + count; i++)
		line_addf(l, "%s/s%04u", p->services, i);
	return 1;
}

static void s6_boot(struct system const *s, struct place const *p, struct line *l)
{
	(void)s;
	line_add(l, "s6-svscan");
	line_add(l, "-c");
	line_addf(l, "%u", p->n + 100);
	line_add(l, p->services);
}

static int s6_tell(struct system const *s, struct place const *p, enum verb verb,
	unsigned int first, unsigned int count, struct line *l)
{
	(void)s, (void)count;
	if (verb == VERB_STATUS) {
		line_add(l, "s6-svstat");
	} else if (verb == VERB_RESTART) {
		line_add(l, "s6-svc");
		line_add(l, "-wr");
		line_add(l, "-T");
		line_add(l, "5000");
		line_add(l, "-r");
	} else {
		line_add(l, "s6-svscanctl");
		line_add(l, "-a");
		line_add(l, p->services);
		return 1;
	}
	line_addf(l, "%s/s%04u", p->services, first);
	return 1;
}

static void supervisor_boot(struct system const *s, struct place const *p, struct line *l)
{
	(void)s;
	line_add(l, "supervisord");
	line_add(l, "-c");
	line_addf(l, "%s/conf", p->root);
}

static int supervisor_tell(struct system const *s, struct place const *p, enum verb verb,
	unsigned int first, unsigned int count, struct line *l)
{
	(void)s;
	if (verb == VERB_RESCAN)
		return 0;
	line_add(l, "supervisorctl");
	line_add(l, "-c");
	line_addf(l, "%s/conf", p->root);
	line_add(l, verb == VERB_STATUS ? "status" : "restart");
	for (unsigned int i = first; i < first + count; i++)
		line_addf(l, "s%04u", i);
	return 1;
}

static void tini_boot(struct system const *s, struct place const *p, struct line *l)
{
	(void)s, (void)p;
	line_add(l, "tini");
	line_add(l, "-s");
	line_add(l, "--");
	line_addf(l, "%s/service", settings.tools);
	line_add(l, "0");
}

/* The limit comes first: the others are compared with it. */
struct system systems[] = {
	{ .name = "limit",
		.title = "limit",
		.stop = SIGTERM,
		.most = SHARED_SLOTS,
		.prepare = write_records,
		.boot = limit_boot,
		.tell = limit_tell },
	{ .name = "cinit",
		.title = "cinit",
		.stop = SIGTERM,
		.most = SHARED_SLOTS,
		.own = 1,
		.prepare = cinit_prepare,
		.boot = cinit_boot,
		.tell = cinit_tell },
	{ .name = "cinit-musl",
		.title = "cinit, musl",
		.stop = SIGTERM,
		.most = SHARED_SLOTS,
		.own = 1,
		.prepare = cinit_prepare,
		.boot = cinit_boot,
		.tell = cinit_tell },
	{ .name = "runit",
		.title = "runit",
		.needs = "runsvdir",
		.stop = SIGHUP,
		.most = 1000,
		.boot = runit_boot,
		.tell = runit_tell },
	{ .name = "s6",
		.title = "s6",
		.needs = "s6-svscan",
		.stop = SIGTERM,
		.most = 5000,
		.one_each = 1,
		.boot = s6_boot,
		.tell = s6_tell },
	{ .name = "supervisor",
		.title = "supervisor",
		.needs = "supervisord",
		.stop = SIGTERM,
		.most = 100,
		.left_out = 1u << METRIC_RESTART_ALL, /* one after another, a second each */
		.prepare = write_supervisor,
		.boot = supervisor_boot,
		.tell = supervisor_tell },
	{ .name = "tini",
		.title = "tini",
		.needs = "tini",
		.stop = SIGTERM,
		.most = 1,
		.prepare = write_records,
		.boot = tini_boot },
};
size_t const system_count = sizeof systems / sizeof systems[0];

static int in_path(char const *name)
{
	char const *path = getenv("PATH");
	char file[512];
	while (path && *path) {
		size_t len = strcspn(path, ":");
		snprintf(file, sizeof file, "%.*s/%s", (int)len, path, name);
		if (!access(file, X_OK))
			return 1;
		path += len + (path[len] == ':');
	}
	return 0;
}

/* Is it among the names that were asked for? The limit always is. */
static int is_wanted(char const *name)
{
	char const *at = settings.only;
	size_t len = strlen(name);
	if (!at || !strcmp(name, "limit"))
		return 1;
	for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : 0)
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return 1;
	return 0;
}

void system_find_all(void)
{
	for (size_t i = 0; i < system_count; i++) {
		struct system *s = systems + i;
		if (!s->prepare)
			s->prepare = link_services;
		if (s->own)
			s->directory = !strcmp(s->name, "cinit") ? settings.build : settings.musl;
		s->absent = (s->own && !s->directory) || (s->needs && !in_path(s->needs));
		if (s->absent)
			fprintf(stderr, "bench: not measured, it is not here: %s\n", s->title);
		if (!is_wanted(s->name))
			s->absent = 1;
	}
}
