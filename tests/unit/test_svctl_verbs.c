/* svctl's table of words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "command.h"
#include "svctl/verbs.h"

/* Every word, what it sends, what it waits for: the contract, written down a second time. */
static struct {
	char const *word;
	char letter;
	char const *letters;
	enum goal goal;
	unsigned int flags;
} const expected[] = {
	{ "up", 'u', "u", GOAL_UP, VERB_WAKES },
	{ "down", 'd', "d", GOAL_DOWN, VERB_FORCE },
	{ "once", 'o', "o", GOAL_ONCE, VERB_WAKES },
	{ "pause", 'p', "p", GOAL_PAUSED, 0 },
	{ "cont", 'c', "c", GOAL_CONTINUED, 0 },
	{ "hup", 'h', "h", GOAL_ANSWER, 0 },
	{ "alarm", 'a', "a", GOAL_ANSWER, 0 },
	{ "interrupt", 'i', "i", GOAL_ANSWER, 0 },
	{ "quit", 'q', "q", GOAL_ANSWER, 0 },
	{ "1", '1', "1", GOAL_ANSWER, 0 },
	{ "2", '2', "2", GOAL_ANSWER, 0 },
	{ "term", 't', "t", GOAL_CYCLED, 0 },
	{ "kill", 'k', "k", GOAL_CYCLED, 0 },
	{ "exit", 'x', "x", GOAL_EXITED, 0 },
	{ "e", 'e', "x", GOAL_EXITED, 0 },
	{ "start", 0, "u", GOAL_UP, VERB_WAITS | VERB_WAKES },
	{ "stop", 0, "d", GOAL_DOWN, VERB_WAITS | VERB_FORCE },
	{ "restart", 0, "r", GOAL_RESTARTED, VERB_WAITS | VERB_WAKES },
	{ "reload", 0, "h", GOAL_ANSWER, VERB_WAITS },
	{ "try-restart", 0, "tc", GOAL_CYCLED, VERB_WAITS },
	{ "shutdown", 0, "x", GOAL_EXITED, VERB_WAITS },
	{ "force-stop", 0, "d", GOAL_DOWN, VERB_WAITS | VERB_ESCALATES | VERB_FORCE },
	{ "force-reload", 0, "tc", GOAL_CYCLED, VERB_WAITS | VERB_ESCALATES },
	{ "force-restart", 0, "r", GOAL_RESTARTED, VERB_WAITS | VERB_ESCALATES | VERB_WAKES },
	{ "force-shutdown", 0, "x", GOAL_EXITED, VERB_WAITS | VERB_ESCALATES },
	{ "check", 0, "", GOAL_HEALTHY, VERB_WAITS | VERB_LIMIT },
};

static void every_word_does_what_is_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct verb const *v = verb_find(expected[i].word);
		assert_non_null(v);
		assert_string_equal(v->word, expected[i].word);
		assert_int_equal(v->kind, VERB_SERVICE);
		assert_int_equal(v->letter, expected[i].letter);
		assert_string_equal(v->letters, expected[i].letters);
		assert_int_equal(v->goal, expected[i].goal);
		assert_int_equal(v->flags, expected[i].flags);
	}
}

static void no_other_word_commands_a_service(void **state)
{
	size_t n = 0;
	(void)state;
	for (size_t i = 0; i < verb_count; i++)
		n += verb_table[i].kind == VERB_SERVICE;
	assert_int_equal(n, sizeof expected / sizeof *expected);
}

static void other_words_are_of_their_kinds(void **state)
{
	(void)state;
	assert_int_equal(verb_find("s")->kind, VERB_STATUS);
	assert_int_equal(verb_find("status")->kind, VERB_STATUS);
	assert_int_equal(verb_find("list")->kind, VERB_LIST);
	assert_int_equal(verb_find("wait")->kind, VERB_WAIT);
	assert_int_equal(verb_find("enable")->kind, VERB_ENABLE);
	assert_string_equal(verb_find("enable")->letters, "u");
	assert_int_equal(verb_find("disable")->kind, VERB_DISABLE);
	assert_string_equal(verb_find("disable")->letters, "d");
	assert_int_equal(verb_find("version")->kind, VERB_VERSION);
	assert_int_equal(verb_find("lint")->kind, VERB_LINT);
	assert_int_equal(verb_find("plan")->kind, VERB_PLAN);
	assert_int_equal(verb_find("tree")->kind, VERB_GRAPH);
	assert_int_equal(verb_find("why")->kind, VERB_WHY);
}

static void words_of_the_tree_send_its_frames(void **state)
{
	(void)state;
	assert_int_equal(verb_find("rescan")->letters[0], COMMAND_RESCAN);
	assert_int_equal(verb_find("reboot")->letters[0], COMMAND_SHUTDOWN);
	assert_int_equal(verb_find("reboot")->argument, SHUTDOWN_REBOOT);
	assert_int_equal(verb_find("poweroff")->letters[0], COMMAND_SHUTDOWN);
	assert_int_equal(verb_find("poweroff")->argument, SHUTDOWN_POWEROFF);
	assert_int_equal(verb_find("halt")->letters[0], COMMAND_SHUTDOWN);
	assert_int_equal(verb_find("halt")->argument, SHUTDOWN_HALT);
	for (size_t i = 0; i < verb_count; i++) {
		struct verb const *v = verb_table + i;
		if (v->kind == VERB_TREE || v->kind == VERB_UPGRADE)
			assert_non_null(command_by_letter(COMMAND_TREE, v->letters[0]));
	}
}

/* Every letter that is sent is one that a supervisor knows, and every one that it knows can be
 * sent, but for the one that programs say to each other. */
static void letters_are_those_of_the_command_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		struct verb const *v = verb_table + i;
		if (v->kind == VERB_TREE || v->kind == VERB_UPGRADE)
			continue;
		for (char const *l = v->letters; *l; l++)
			assert_non_null(command_by_letter(COMMAND_SERVICE, *l));
	}
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = command_table + i;
		if (c->target != COMMAND_SERVICE || c->action == ACTION_NONE)
			continue;
		struct verb const *v = verb_find(c->verb);
		assert_non_null(v);
		assert_int_equal(v->letters[0], c->letter);
		assert_int_equal(v->letters[1], 0);
	}
}

static void no_word_and_no_letter_occurs_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		assert_ptr_equal(verb_find(verb_table[i].word), verb_table + i);
		if (verb_table[i].letter) {
			char word[] = { verb_table[i].letter, 0 };
			assert_ptr_equal(verb_find(word), verb_table + i);
		}
	}
}

static void every_word_has_a_line_of_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		char const *help = verb_help(verb_table + i);
		assert_true(help[0]);
		assert_true(strlen(help) <= 80);
		assert_null(strchr(help, '\n'));
		assert_int_not_equal(help[strlen(help) - 1], '.');
	}
}

static void first_letters_are_no_words(void **state)
{
	static char const *const words[] = { "", "upp", "ups", "U", "UP", "disabled", "T", "stat",
		"y", "look", "w", "ready", "r", "enabled now", "-v" };
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_null(verb_find(words[i]));
}

static void conditions_are_four(void **state)
{
	(void)state;
	assert_int_equal(verb_condition_count, 4);
	assert_int_equal(verb_condition("up")->goal, GOAL_RUNNING);
	assert_int_equal(verb_condition("ready")->goal, GOAL_READY);
	assert_int_equal(verb_condition("down")->goal, GOAL_DOWN);
	assert_int_equal(verb_condition("finished")->goal, GOAL_DOWN);
	assert_null(verb_condition("started"));
	for (size_t i = 0; i < verb_condition_count; i++) {
		assert_string_equal(verb_conditions[i].letters, "");
		assert_int_equal(verb_conditions[i].kind, VERB_WAIT);
		assert_int_equal(verb_conditions[i].flags, VERB_WAITS | VERB_LIMIT);
	}
}

static void near_words_are_suggested(void **state)
{
	static char const *const pairs[][2] = { { "staus", "status" }, { "strat", "start" },
		{ "restrat", "restart" }, { "stopp", "stop" }, { "lsit", "list" }, { "pu", "up" },
		{ "forcestop", "force-stop" }, { "enabel", "enable" }, { "Status", "status" },
		{ "shutdwon", "shutdown" }, { "rscan", "rescan" }, { "stat", "status" },
		{ "upg", "upgrade" } };
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		char const *found = verb_suggest(pairs[i][0]);
		assert_non_null(found);
		assert_string_equal(found, pairs[i][1]);
	}
}

static void far_words_are_not(void **state)
{
	static char const *const words[] = { "", "z", "xy", "frobnicate", "help", "nginx", "re",
		"restart-everything-that-is-there" };
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_null(verb_suggest(words[i]));
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(every_word_does_what_is_documented),
		cmocka_unit_test(no_other_word_commands_a_service),
		cmocka_unit_test(other_words_are_of_their_kinds),
		cmocka_unit_test(words_of_the_tree_send_its_frames),
		cmocka_unit_test(letters_are_those_of_the_command_table),
		cmocka_unit_test(no_word_and_no_letter_occurs_twice),
		cmocka_unit_test(every_word_has_a_line_of_help),
		cmocka_unit_test(first_letters_are_no_words),
		cmocka_unit_test(conditions_are_four),
		cmocka_unit_test(near_words_are_suggested),
		cmocka_unit_test(far_words_are_not),
	};
	return cmocka_run_group_tests_name("svctl_verbs", tests, NULL, NULL);
}
