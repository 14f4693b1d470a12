/* Service directories: the files of one are made from the input, and all that reads them reads
 * them: the supervisor's config, arguments, environment, conditions, dependencies, accounts, and
 * lint.
 *
 * The input is files with 0xff between them: NAME=TEXT, and in a directory DIRECTORY/NAME=TEXT. A
 * name that no entry has stands for one of them: the fuzzer need not guess letters. */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

#include "account.h"
#include "condition.h"
#include "dependency.h"
#include "environment.h"
#include "graph.h"
#include "names.h"
#include "supervise/config.h"
#include "svctl/lint.h"

static char const *const directories[] = { "env", "needs", "wants", "binds", "control", "log" };
#define DIRECTORIES (sizeof directories / sizeof directories[0])

static struct {
	char name[300];
} made[64];
static unsigned int made_count;

static void empty(int dir)
{
	while (made_count)
		unlinkat(dir, made[--made_count].name, 0);
	for (size_t i = 0; i < DIRECTORIES; i++)
		unlinkat(dir, directories[i], AT_REMOVEDIR);
}

static void make(int dir, char const *name, uint8_t const *text, size_t size)
{
	if (made_count == sizeof made / sizeof made[0])
		return;
	if (fuzz_file(dir, name, text, size, size & 1 ? 0755 : 0644) == 0)
		strcpy(made[made_count++].name, name);
}

static void make_inside(
	int dir, char const *directory, char const *file, uint8_t const *text, size_t size)
{
	char name[300];

	mkdirat(dir, directory, 0755);
	if (!*file || strchr(file, '/') || !strcmp(file, ".") || !strcmp(file, ".."))
		return;
	snprintf(name, sizeof name, "%s/%s", directory, file);
	make(dir, name, text, size);
}

static int is_directory(char const *name)
{
	for (size_t i = 0; i < DIRECTORIES; i++)
		if (!strcmp(directories[i], name))
			return 1;
	return 0;
}

static void make_entry(int dir, uint8_t const *data, size_t size)
{
	char name[256];
	uint8_t const *end = memchr(data, '=', size);
	size_t len = end ? (size_t)(end - data) : size;

	if (!len || len >= sizeof name)
		return;
	memcpy(name, data, len);
	name[len] = 0;
	data += len + (end != NULL), size -= len + (end != NULL);
	char *slash = strchr(name, '/');
	if (slash) {
		*slash++ = 0;
		make_inside(dir, is_directory(name) ? name : directories[data[-1] % DIRECTORIES],
			slash, data, size);
		return;
	}
	char const *entry = name;
	if (lint_row(name) < 0)
		entry = lint_table[(unsigned char)name[0] % lint_rows].name;
	if (!is_directory(entry))
		make(dir, entry, data, size);
}

static void make_all(int dir, uint8_t const *data, size_t size)
{
	while (size) {
		uint8_t const *end = memchr(data, 0xff, size);
		size_t len = end ? (size_t)(end - data) : size;
		make_entry(dir, data, len);
		len += end != NULL;
		data += len, size -= len;
	}
}

static void read_environment(int dir)
{
	static char const *const envp[] = { "PATH=/bin", "A=1", 0 };
	stralloc changes = STRALLOC_ZERO, lines = STRALLOC_ZERO;
	char at[64];

	if (environment_dir(&changes, dir, "env", at) == 0 &&
		environment_file(&changes, dir, "run.env", at) == 0) {
		char const **merged = environment_merge(envp, &changes);
		for (char const **p = merged; p && *p; p++)
			EXPECT(strchr(*p, '=') && **p != '=');
		free(merged);
	}
	if (environment_lines(&lines, dir, "run.params") == 0)
		EXPECT(!lines.len || !lines.s[lines.len - 1]);
	stralloc_free(&changes);
	stralloc_free(&lines);
}

static void read_user(int dir)
{
	char spec[1024];
	struct account a;
	struct value_error e = { .text = "" };

	if (value_line(dir, "user", spec, sizeof spec, &e) > 0 && account_lookup(spec, &a, &e) == 0)
		EXPECT(a.group_count <= ACCOUNT_GROUPS);
	if (value_line(dir, "user", spec, sizeof spec, &e) > 0)
		account_group(spec, &a.gid, &e);
	EXPECT(memchr(e.text, 0, sizeof e.text));
}

static void read_dependencies(int dir)
{
	struct dependency *list = 0;
	struct value_error e;
	size_t count = 0;

	if (dependency_read(&list, &count, dir, "self", 0, &e) == 0)
		for (size_t i = 0; i + 1 < count; i++)
			EXPECT(strcmp(list[i].name, list[i + 1].name) < 0);
	else
		EXPECT(memchr(e.text, 0, sizeof e.text) && e.text[0]);
	free(list);
}

/* Whom the service may depend on */
static struct graph const *others(void)
{
	static struct graph g = GRAPH_ZERO;
	if (!g.count)
		EXPECT(graph_own(&g, "self") == 0 && graph_own(&g, "db") == 0 &&
			graph_own(&g, "cache@") == 0 && graph_close(&g) == 0);
	return &g;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	int dir = fuzz_scratch();
	struct config c;
	struct value_error e = { .text = "" };
	struct lint l = { .text = TEXT_ZERO };
	struct lint_place p = { .path = ".", .name = "self", .dir = dir };

	make_all(dir, data, size);
	int bad = config_load(&c, ".", &e);
	EXPECT(!bad || (memchr(e.text, 0, sizeof e.text) && e.text[0]));
	lint_service(&l, &p, others());
	/* what keeps a service from its start lint has seen */
	if (bad && !l.errors)
		fprintf(stderr, "config says: %s\nlint says: %.*s\n", e.text, (int)l.text.sa.len,
			l.text.sa.s);
	EXPECT(!bad || l.errors);
	for (size_t i = 0; i < l.text.sa.len; i++)
		EXPECT((unsigned char)l.text.sa.s[i] >= 0x20 || l.text.sa.s[i] == '\n');
	text_free(&l.text);
	condition_env(dir, "enable-if-env", &e);
	read_environment(dir);
	read_user(dir);
	read_dependencies(dir);
	empty(dir);
	return 0;
}
