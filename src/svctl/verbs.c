/* The words that svctl knows: the table, and looking things up in it. */
#include "verbs.h"

#include <string.h>

#include "command.h"
#include "spell.h"

#define LETTER(LETTER_, WORD, GOAL, FLAGS)                                                         \
	{                                                                                          \
		.word = (WORD), .letter = (LETTER_)[0], .letters = (LETTER_),                      \
		.kind = VERB_SERVICE, .goal = (GOAL), .flags = (FLAGS)                             \
	}
#define WORD(WORD_, LETTERS, GOAL, FLAGS, HELP)                                                    \
	{                                                                                          \
		.word = (WORD_), .letters = (LETTERS), .kind = VERB_SERVICE, .goal = (GOAL),       \
		.flags = VERB_WAITS | (FLAGS), .help = (HELP)                                      \
	}
#define OTHER(WORD_, LETTER_, KIND, LETTERS, GOAL, FLAGS, HELP)                                    \
	{                                                                                          \
		.word = (WORD_), .letter = (LETTER_), .letters = (LETTERS), .kind = (KIND),        \
		.goal = (GOAL), .flags = (FLAGS), .help = (HELP)                                   \
	}
#define TREE(WORD_, LETTERS, ARGUMENT, HELP)                                                       \
	{                                                                                          \
		.word = (WORD_), .letters = (LETTERS), .kind = VERB_TREE, .goal = GOAL_ANSWER,     \
		.argument = (ARGUMENT), .help = (HELP)                                             \
	}
#define CONDITION(WORD_, GOAL)                                                                     \
	{                                                                                          \
		.word = (WORD_), .letters = "", .kind = VERB_WAIT, .goal = (GOAL),                 \
		.flags = VERB_WAITS | VERB_LIMIT, .help = ""                                       \
	}

struct verb const verb_table[] = {
	OTHER("status", 's', VERB_STATUS, "", GOAL_ANSWER, 0,
		"say how services are; all of them without a name"),
	OTHER("list", 0, VERB_LIST, "", GOAL_ANSWER, 0,
		"a table of the services; all of them without a name"),

	/* these return when the command is acknowledged */
	LETTER("u", "up", GOAL_UP, VERB_WAKES),
	LETTER("d", "down", GOAL_DOWN, VERB_FORCE),
	LETTER("o", "once", GOAL_ONCE, VERB_WAKES),
	LETTER("p", "pause", GOAL_PAUSED, 0),
	LETTER("c", "cont", GOAL_CONTINUED, 0),
	LETTER("h", "hup", GOAL_ANSWER, 0),
	LETTER("a", "alarm", GOAL_ANSWER, 0),
	LETTER("i", "interrupt", GOAL_ANSWER, 0),
	LETTER("q", "quit", GOAL_ANSWER, 0),
	LETTER("1", "1", GOAL_ANSWER, 0),
	LETTER("2", "2", GOAL_ANSWER, 0),
	LETTER("t", "term", GOAL_CYCLED, 0),
	LETTER("k", "kill", GOAL_CYCLED, 0),
	LETTER("x", "exit", GOAL_EXITED, 0),
	OTHER("e", 'e', VERB_SERVICE, "x", GOAL_EXITED, 0, "the same as exit"),

	/* these wait, and report */
	WORD("start", "u", GOAL_UP, VERB_WAKES, "up, then wait until it is up and ./check passes"),
	WORD("stop", "d", GOAL_DOWN, VERB_FORCE, "down, then wait until it is down"),
	WORD("restart", "r", GOAL_RESTARTED, VERB_WAKES,
		"stop it, start it, wait until the new one is up"),
	WORD("reload", "h", GOAL_ANSWER, 0, "hup, then report"),
	WORD("try-restart", "tc", GOAL_CYCLED, 0,
		"term and cont, then wait until it is up again; not if it is down"),
	WORD("shutdown", "x", GOAL_EXITED, 0, "exit, then wait until the supervisor has gone"),
	WORD("force-stop", "d", GOAL_DOWN, VERB_ESCALATES | VERB_FORCE,
		"stop; kill it when the time is up"),
	WORD("force-reload", "tc", GOAL_CYCLED, VERB_ESCALATES,
		"try-restart; kill it when the time is up"),
	WORD("force-restart", "r", GOAL_RESTARTED, VERB_ESCALATES | VERB_WAKES,
		"restart; kill it when the time is up"),
	WORD("force-shutdown", "x", GOAL_EXITED, VERB_ESCALATES,
		"shutdown; kill it when the time is up"),
	WORD("check", "", GOAL_HEALTHY, VERB_LIMIT,
		"succeed if it is up and ready and ./check passes"),
	OTHER("wait", 0, VERB_WAIT, "", GOAL_ANSWER, 0,
		"[-t SEC] up|down|ready|finished: wait for it"),

	/* these explain */
	OTHER("why", 0, VERB_WHY, "", GOAL_ANSWER, 0,
		"say why it is not up: the need at the root of it"),
	OTHER("tree", 0, VERB_GRAPH, "", GOAL_ANSWER, 0,
		"show who depends on whom; all of them without a name"),
	OTHER("plan", 0, VERB_PLAN, "", GOAL_ANSWER, 0,
		"up|down: say what would start or stop, and do nothing"),
	OTHER("lint", 0, VERB_LINT, "", GOAL_ANSWER, 0,
		"[DIR...]: say what is wrong in service directories; needs no tree"),

	/* these edit the service directory */
	OTHER("enable", 0, VERB_ENABLE, "u", GOAL_UP, VERB_WAKES,
		"remove its file `down', then up"),
	OTHER("disable", 0, VERB_DISABLE, "d", GOAL_DOWN, VERB_FORCE,
		"make its file `down', then down"),

	/* the tree */
	TREE("rescan", "r", 0, "read the service directory again"),
	OTHER("upgrade", 0, VERB_UPGRADE, "g", GOAL_ANSWER, 0,
		"execute the programs that are installed now, in place; no service restarts"),
	TREE("reboot", "s", SHUTDOWN_REBOOT, "stop every service, then restart the machine"),
	TREE("poweroff", "s", SHUTDOWN_POWEROFF, "stop every service, then switch the machine off"),
	TREE("halt", "s", SHUTDOWN_HALT, "stop every service, then halt the machine"),
	OTHER("version", 0, VERB_VERSION, "", GOAL_ANSWER, 0,
		"print the versions of svctl and of the running cinit"),
};

struct verb const verb_conditions[] = {
	CONDITION("up", GOAL_RUNNING),
	CONDITION("down", GOAL_DOWN),
	CONDITION("ready", GOAL_READY),
	CONDITION("finished", GOAL_DOWN),
};

size_t const verb_count = sizeof verb_table / sizeof *verb_table;
size_t const verb_condition_count = sizeof verb_conditions / sizeof *verb_conditions;

struct verb const *verb_find(char const *word)
{
	for (size_t i = 0; i < verb_count; i++) {
		struct verb const *v = verb_table + i;
		if (strcmp(v->word, word) == 0 || (v->letter && word[0] == v->letter && !word[1]))
			return v;
	}
	return NULL;
}

struct verb const *verb_condition(char const *word)
{
	for (size_t i = 0; i < verb_condition_count; i++) {
		if (strcmp(verb_conditions[i].word, word) == 0)
			return verb_conditions + i;
	}
	return NULL;
}

/* The only word that begins like this, if it is a beginning worth the name. */
static char const *completion(char const *word)
{
	size_t len = strlen(word);
	char const *found = NULL;

	for (size_t i = 0; i < verb_count && len > 2; i++) {
		if (strncmp(verb_table[i].word, word, len))
			continue;
		if (found)
			return NULL;
		found = verb_table[i].word;
	}
	return found;
}

char const *verb_suggest(char const *word)
{
	unsigned int best = 3;
	char const *found = completion(word);

	if (found)
		return found;
	for (size_t i = 0; i < verb_count; i++) {
		unsigned int slip = spell_slip(word, verb_table[i].word);
		if (slip && slip < best) {
			best = slip;
			found = verb_table[i].word;
		}
	}
	return found;
}

char const *verb_help(struct verb const *v)
{
	if (v->help)
		return v->help;
	struct command const *c = command_by_letter(COMMAND_SERVICE, v->letters[0]);
	return c ? c->help : "";
}
