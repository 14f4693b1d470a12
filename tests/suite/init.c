/* cinit itself, for tests. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define UNSHARE "/usr/bin/unshare"

static pid_t start_words(char const *const *before, char const *program, char const *const *words)
{
	char const *argv[48];
	unsigned int n = 0;

	while (before && *before)
		argv[n++] = *before++;
	argv[n++] = program;
	argv[n++] = "-r";
	argv[n++] = tree.run;
	argv[n++] = "-d";
	argv[n++] = tree.services;
	while (*words && n < 47)
		argv[n++] = *words++;
	argv[n] = NULL;
	return tree_start("cinit", argv);
}

static pid_t start(char const *const *before, char const *program, char const *const *cmd)
{
	char const *words[40];
	unsigned int n = 0;

	if (cmd && *cmd)
		words[n++] = "--";
	while (cmd && *cmd && n < 39)
		words[n++] = *cmd++;
	words[n] = NULL;
	return start_words(before, program, words);
}

pid_t init_start_words(char const *const *words)
{
	return start_words(NULL, "cinit", words);
}

pid_t init_start(char const *const *cmd)
{
	return start(NULL, "cinit", cmd);
}

void init_install_program(char const *name)
{
	static char bytes[65536];
	char from[256];
	int n;

	snprintf(from, sizeof from, "%s/%s", getenv("CINIT_BUILD"), name);
	tree_write("bin/new", 0755, "");
	FILE *in = fopen(from, "re"), *out = fopen(tree_name("bin/new"), "we");
	if (!in || !out)
		fail_msg("unable to copy %s", from);
	while ((n = (int)fread(bytes, 1, sizeof bytes, in)) > 0)
		fwrite(bytes, 1, (size_t)n, out);
	fclose(in);
	if (fclose(out))
		fail_msg("unable to write %s", tree_name("bin/new"));
	init_move("bin/new", "bin/cinit");
}

void init_install(void)
{
	init_install_program("cinit");
}

static char const *const *namespace(void)
{
	static char const *const root[] = { UNSHARE, "--pid", "--fork", "--kill-child",
		"--mount-proc", NULL };
	static char const *const user[] = { UNSHARE, "-r", "--pid", "--fork", "--kill-child",
		"--mount-proc", NULL };

	return geteuid() ? user : root;
}

void init_namespace(void)
{
	char const *argv[16];
	unsigned int n = 0;

	for (char const *const *p = namespace(); *p; p++)
		argv[n++] = *p;
	argv[n++] = "/bin/true";
	argv[n] = NULL;
	if (tree_end(tree_start("namespace", argv))) {
		print_message("no PID namespaces here\n");
		skip();
	}
}

pid_t init_start_first(char const *const *cmd)
{
	char program[256];

	snprintf(program, sizeof program, "%s/cinit", getenv("CINIT_BUILD"));
	return start(namespace(), program, cmd);
}

pid_t init_first(pid_t pid)
{
	char path[64];
	int child = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &child) != 1)
		fail_msg("unshare has no child");
	fclose(f);
	return (pid_t)child;
}

int init_stop_at(pid_t pid, int sig, char const *file, int line)
{
	kill(pid, sig);
	return tree_end_at(pid, file, line);
}

pid_t init_start_copy(int first, char const *const *cmd)
{
	char program[256];

	init_install();
	snprintf(program, sizeof program, "%s", tree_name("bin/cinit"));
	return start(first ? namespace() : NULL, program, cmd);
}

void init_says_at(char const *text, char const *file, int line)
{
	uint64_t deadline = tree_patience();

	/* nothing tells when a file grows; the end of a child of ours, or a few milliseconds */
	while (!strstr(tree_read("cinit.err"), text)) {
		tree_poll(0, 0, clock_boottime() + 5 * CLOCK_MILLISEC);
		if (clock_boottime() < deadline)
			continue;
		print_error("%s:%d: cinit does not say `%s'; it says:\n%s", file, line, text,
			tree_read("cinit.err"));
		_fail(file, line);
	}
}

/* Nothing tells when a file comes or goes: the end of a child of ours, or a few milliseconds. */
static void await_file(char const *name, int there, char const *file, int line)
{
	uint64_t deadline = tree_patience();
	struct stat st;

	while ((lstat(tree_name("%s", name), &st) == 0) != there) {
		tree_poll(0, 0, clock_boottime() + 5 * CLOCK_MILLISEC);
		if (clock_boottime() < deadline)
			continue;
		print_error("%s:%d: %s does not %s\n", file, line, name, there ? "come" : "go");
		tree_messages();
		_fail(file, line);
	}
}

void init_there_at(char const *name, char const *file, int line)
{
	await_file(name, 1, file, line);
}

void init_gone_at(char const *name, char const *file, int line)
{
	await_file(name, 0, file, line);
}

void init_move(char const *from, char const *to)
{
	if (rename(tree_name("%s", from), tree_name("%s", to)) < 0)
		fail_msg("unable to rename %s to %s: %s", from, to, strerror(errno));
}

struct place init_service(char const *name)
{
	struct place p = place_make(name);

	place_script(&p, "run", SLEEPS);
	return p;
}

struct place init_seven(char const *name)
{
	struct place p = place_make(name);

	place_script(&p, "run", "alone; trap 'exit 7' USR1; say up; while :; do sleep 0.02; done");
	return p;
}

void init_kill_supervisor_at(struct place *p, char const *file, int line)
{
	place_look(p);
	pid_t old = (pid_t)p->s.supervisor;
	assert_true(old > 0);
	kill(old, SIGKILL);
	p->deadline = tree_patience();
	place_look(p);
	while (p->e != STATUS_OK || !p->s.supervisor || (pid_t)p->s.supervisor == old)
		place_wait_at(p, "another supervisor", file, line);
}

enum status_result init_command_at(int letter, char const *text, uint32_t argument,
	enum status_why *why, char const *file, int line)
{
	struct place cinit = place_at(".cinit", tree_name("run/.cinit"));
	struct message m = {
		.id = cinit_ipc_id(), .command = (uint8_t)letter, .argument = argument
	};

	m.text_len = (uint8_t)snprintf(m.text, sizeof m.text, "%s", text);
	cinit.client.path = cinit.state;
	enum cinit_sent sent = cinit_ipc_send(&cinit.client, &m);
	if (sent != CINIT_SENT) {
		print_error("%s:%d: cannot send to cinit: %d\n", file, line, (int)sent);
		tree_messages();
		_fail(file, line);
	}
	enum status_result r = place_answer_at(&cinit, m.id, why, file, line);
	cinit_ipc_release(&cinit.client);
	return r;
}

void init_upgrade_at(char const *file, int line)
{
	static struct output o;

	tree_run_at(&o, file, line, "svctl", "-w", "60", "upgrade", NULL);
	if (!o.code && !o.out[0] && !o.err[0])
		return;
	print_error("%s:%d: upgrade: %d: %s%s%s", file, line, o.code, o.out, o.err,
		tree_read("cinit.err"));
	_fail(file, line);
}

void init_alone_with_pipe(pid_t cinit, struct place *web, struct place const *log, char const *got)
{
	kill(cinit, SIGSTOP);
	kill((pid_t)web->s.supervisor, SIGKILL);
	kill((pid_t)log->s.pid, SIGKILL);
	kill((pid_t)web->s.pid, SIGKILL);
	kill(cinit, SIGCONT);
	UNTIL(web, s->starts == 2);
	int hold = open(tree_name("hold"), O_RDWR | O_CLOEXEC);
	assert_int_equal(write(hold, "\n", 1), 1);
	event_await(got);
	close(hold);
}
