/* The command table, row by row. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "command.h"

#define S COMMAND_SERVICE
#define T COMMAND_TREE

static struct {
	char letter;
	enum command_target target;
	enum command_action action;
	int signal;
	char const *verb;
} const expected[] = {
	{ 'u', S, ACTION_UP, 0, "up" },
	{ 'd', S, ACTION_DOWN, 0, "down" },
	{ 'o', S, ACTION_ONCE, 0, "once" },
	{ 'x', S, ACTION_EXIT, 0, "exit" },
	{ 'r', S, ACTION_RESTART, 0, "restart" },
	{ 'p', S, ACTION_PAUSE, SIGSTOP, "pause" },
	{ 'c', S, ACTION_CONT, SIGCONT, "cont" },
	{ 'h', S, ACTION_SIGNAL, SIGHUP, "hup" },
	{ 'a', S, ACTION_SIGNAL, SIGALRM, "alarm" },
	{ 'i', S, ACTION_SIGNAL, SIGINT, "interrupt" },
	{ 'q', S, ACTION_SIGNAL, SIGQUIT, "quit" },
	{ '1', S, ACTION_SIGNAL, SIGUSR1, "1" },
	{ '2', S, ACTION_SIGNAL, SIGUSR2, "2" },
	{ 't', S, ACTION_SIGNAL, SIGTERM, "term" },
	{ 'k', S, ACTION_SIGNAL, SIGKILL, "kill" },
	{ 'y', S, ACTION_NONE, 0, "look" },
	{ 'r', T, ACTION_TREE, 0, "rescan" },
	{ 's', T, ACTION_TREE, 0, "shutdown" },
	{ 'y', T, ACTION_TREE, 0, "look" },
	{ 'w', T, ACTION_TREE, 0, "wake" },
	{ 'g', T, ACTION_TREE, 0, "upgrade" },
};

static size_t const expected_count = sizeof expected / sizeof *expected;

static void every_row_is_as_documented(void **state)
{
	(void)state;
	assert_int_equal(command_count, expected_count);
	for (size_t i = 0; i < expected_count; i++) {
		struct command const *c = command_by_letter(expected[i].target, expected[i].letter);
		assert_non_null(c);
		assert_int_equal(c->letter, expected[i].letter);
		assert_int_equal(c->target, expected[i].target);
		assert_int_equal(c->action, expected[i].action);
		assert_int_equal(c->signal, expected[i].signal);
		assert_string_equal(c->verb, expected[i].verb);
		assert_ptr_equal(command_by_verb(expected[i].target, expected[i].verb), c);
	}
}

static void no_letter_and_no_verb_occurs_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++)
		for (size_t j = 0; j < i; j++) {
			struct command const *a = command_table + i, *b = command_table + j;
			if (a->target != b->target)
				continue;
			assert_int_not_equal(a->letter, b->letter);
			assert_string_not_equal(a->verb, b->verb);
		}
}

static void rows_are_fit_to_print_and_to_send(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = command_table + i;
		/* printable, so `printf d > in` can send it and no frame begins with it */
		assert_true(isalnum((unsigned char)c->letter));
		assert_true(strlen(c->verb) > 0 && strlen(c->verb) <= 9);
		assert_true(strlen(c->help) > 0 && strlen(c->help) <= 60);
		assert_true(islower((unsigned char)c->help[0]));
		assert_null(strchr(c->help, '.'));
		assert_null(strchr(c->help, '\n'));
		assert_in_range(c->signal, 0, 31);
	}
}

static void a_signal_goes_with_the_actions_that_send_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		struct command const *c = command_table + i;
		int sends = c->action == ACTION_SIGNAL || c->action == ACTION_PAUSE ||
			    c->action == ACTION_CONT;
		assert_int_equal(c->signal != 0, sends);
		assert_int_equal(c->action == ACTION_TREE, c->target == COMMAND_TREE);
	}
}

static void what_is_not_in_the_table_is_not_found(void **state)
{
	(void)state;
	for (int letter = -300; letter <= 300; letter++) {
		int known = 0;
		for (size_t i = 0; i < expected_count; i++)
			known |= expected[i].target == S && expected[i].letter == letter;
		assert_int_equal(command_by_letter(S, letter) != NULL, known);
	}
	assert_null(command_by_letter(S, 's'));
	assert_null(command_by_letter(T, 'u'));
	assert_null(command_by_verb(S, ""));
	assert_null(command_by_verb(S, "u"));
	assert_null(command_by_verb(S, "UP"));
	assert_null(command_by_verb(S, "upp"));
	assert_null(command_by_verb(S, "rescan"));
	assert_null(command_by_verb(T, "up"));
}

/* The letters of the tree have names, because its loop names them. */
static void named_letters_are_those_of_the_table(void **state)
{
	(void)state;
	assert_string_equal(command_by_letter(T, COMMAND_RESCAN)->verb, "rescan");
	assert_string_equal(command_by_letter(T, COMMAND_SHUTDOWN)->verb, "shutdown");
	assert_string_equal(command_by_letter(T, COMMAND_LOOK)->verb, "look");
	assert_string_equal(command_by_letter(T, COMMAND_WAKE)->verb, "wake");
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(every_row_is_as_documented),
		cmocka_unit_test(no_letter_and_no_verb_occurs_twice),
		cmocka_unit_test(rows_are_fit_to_print_and_to_send),
		cmocka_unit_test(a_signal_goes_with_the_actions_that_send_one),
		cmocka_unit_test(what_is_not_in_the_table_is_not_found),
		cmocka_unit_test(named_letters_are_those_of_the_table),
	};
	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
