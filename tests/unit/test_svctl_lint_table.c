/* lint's table of entries against what the supervisor reads, which is a table in its source; and
 * words against words that were meant. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svctl/lint_foreign.h"
#include "svctl/lint_table.h"
#include "svctl/spell.h"

static char source[65536];

/* The supervisor's source; it is looked for beside this file where nobody says where. */
static void read_source(void)
{
	char const *root = getenv("CINIT_SOURCE");
	char path[512];

	if (root)
		snprintf(path, sizeof path, "%s/src/supervise/config.c", root);
	else
		snprintf(path, sizeof path, "%.*s../../src/supervise/config.c",
			(int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
	FILE *f = fopen(path, "re");
	if (!f)
		fail_msg("unable to open %s", path);
	size_t len = fread(source, 1, sizeof source - 1, f);
	fclose(f);
	source[len] = 0;
}

/* The next row: { "NAME", TYPE, ... or { "NAME", VALUE(TYPE, ...; NULL at the end of the table. */
static char *next_row(char *at, char name[64], char type[32])
{
	while ((at = strstr(at, "] = { \""))) {
		at += strlen("] = { ");
		if (sscanf(at, "\"%63[^\"]\", VALUE(%31[A-Z]", name, type) == 2 ||
			sscanf(at, "\"%63[^\"]\", %31[A-Z]", name, type) == 2)
			return at;
	}
	return NULL;
}

static int is_type(enum lint_type type, char const *word)
{
	static struct {
		char const *word;
		enum lint_type type;
	} const same[] = {
		{ "DURATION", LINT_DURATION },
		{ "NUMBER", LINT_NUMBER },
		{ "SIGNAL", LINT_SIGNAL },
		{ "LIMIT", LINT_LIMIT },
		{ "WORD", LINT_WORD },
		{ "CODES", LINT_CODES },
		{ "TEXTS", LINT_TEXTS },
	};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (!strcmp(same[i].word, word))
			return same[i].type == type;
	/* of others the supervisor only sees that they are there, and what executes reads them */
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (same[i].type == type)
			return 0;
	return !strcmp(word, "PRESENCE");
}

static void the_supervisor_reads_the_same_entries(void **state)
{
	char name[64], type[32];
	size_t rows = 0;
	(void)state;
	read_source();
	for (char *at = source; (at = next_row(at, name, type)); rows++) {
		int row = lint_row(name);
		if (row < 0)
			fail_msg("lint does not know `%s'", name);
		if (!is_type(lint_table[row].type, type))
			fail_msg("`%s' is a %s", name, type);
	}
	/* as many, and no name occurs twice in either: so they are the same */
	assert_int_equal(rows, lint_rows);
}

static void words_are_the_supervisors(void **state)
{
	(void)state;
	read_source();
	for (size_t i = 0; i < lint_rows; i++) {
		char list[256] = "{ ";
		if (lint_table[i].type != LINT_WORD)
			continue;
		for (char const *const *w = lint_table[i].words; *w; w++)
			snprintf(list + strlen(list), sizeof list - strlen(list), "\"%s\", ", *w);
		strcat(list, "0 }");
		if (!strstr(source, list))
			fail_msg("%s: the supervisor has no list %s", lint_table[i].name, list);
	}
}

static void rows_make_sense(void **state)
{
	(void)state;
	for (size_t i = 0; i < lint_rows; i++) {
		struct lint_row const *r = lint_table + i;
		assert_int_equal(lint_row(r->name), i);
		assert_int_equal(r->words != NULL, r->type == LINT_WORD);
		assert_int_equal(r->most != 0, r->type == LINT_NUMBER);
		if (r->with)
			assert_true(lint_row(r->with) >= 0);
		assert_null(lint_suggest(r->name) && !strcmp(lint_suggest(r->name), r->name)
				    ? r->name
				    : NULL);
	}
	assert_int_equal(lint_row("nothing"), -1);
	assert_int_equal(lint_row(""), -1);
}

static void slips_are_found(void **state)
{
	static char const *const pairs[][2] = { { "Run", "run" }, { "rnu", "run" },
		{ "log-", "log" }, { "finsh", "finish" }, { "need", "needs" }, { "wnats", "wants" },
		{ "timeout-kil", "timeout-kill" }, { "timeout_kill", "timeout-kill" },
		{ "run.parms", "run.params" }, { "killmode", "kill-mode" },
		{ "max-death", "max-deaths" }, { "notfication-fd", "notification-fd" } };
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		char const *found = lint_suggest(pairs[i][0]);
		if (!found || strcmp(found, pairs[i][1]) != 0)
			fail_msg("%s: %s", pairs[i][0], found ? found : "nothing");
	}
}

static void other_words_are_none(void **state)
{
	static char const *const words[] = { "", "r", "README", "data", "conf", "config", "main",
		"begin", "service", "nginx.conf", "run.sh", "run.old", "type", "up",
		"a-name-that-is-much-longer-than-any-entry" };
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (lint_suggest(words[i]))
			fail_msg("%s: %s", words[i], lint_suggest(words[i]));
}

static void slips_are_counted(void **state)
{
	(void)state;
	assert_int_equal(spell_slip("needs", "needs"), 0);
	assert_int_equal(spell_slip("neds", "needs"), 1);
	assert_int_equal(spell_slip("needss", "needs"), 1);
	assert_int_equal(spell_slip("nedes", "needs"), 1);
	assert_int_equal(spell_slip("nexds", "needs"), 1);
	assert_int_equal(spell_slip("ned", "needs"), 2);
	assert_int_equal(spell_slip("xyeds", "needs"), 2);
	assert_int_equal(spell_slip("xyzds", "needs"), 0);
	assert_int_equal(spell_slip("rux", "run"), 1);
	assert_int_equal(spell_slip("rxx", "run"), 0);
	assert_int_equal(spell_slip("n", "on"), 0);
}

static void what_is_ours_is_nobody_elses(void **state)
{
	(void)state;
	for (size_t i = 0; i < lint_rows; i++)
		assert_null(lint_foreign(lint_table[i].name));
	assert_null(lint_foreign("data"));
	assert_non_null(lint_foreign("max-death-tally"));
	assert_null(lint_foreign_file("type = nothing\n"));
	assert_non_null(lint_foreign_file("command=/bin/db\ntype  = process"));
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(the_supervisor_reads_the_same_entries),
		cmocka_unit_test(words_are_the_supervisors),
		cmocka_unit_test(rows_make_sense),
		cmocka_unit_test(slips_are_found),
		cmocka_unit_test(other_words_are_none),
		cmocka_unit_test(slips_are_counted),
		cmocka_unit_test(what_is_ours_is_nobody_elses),
	};
	return cmocka_run_group_tests_name("svctl_lint_table", tests, NULL, NULL);
}
