/* --json. The output is an array; an object has, in this order:
 *
 *   name           string   as it was typed; from the tree: the name
 *   error          string   only where there is no record: why; then no other field follows
 *   state          string   down waiting starting up stopping finishing backoff failed
 *   want           string   down up once exit
 *   supervised     boolean  its supervisor lives; if not, the rest is the last that was known
 *   exited         boolean  the supervisor was told to exit, and did
 *   ready          boolean
 *   paused         boolean
 *   essential      boolean
 *   normally_down  boolean  not started at boot of its own accord
 *   pid            number   of run, or of finish while it runs; null: none
 *   uptime_s       number   seconds since run was started, while pid is there; else null
 *   since          number   when the state was entered, seconds since 1970
 *   since_s        number   the same, seconds ago
 *   starts         number   times run was started
 *   restarts       number   those that followed a death nobody asked for
 *   deaths         number   deaths that nobody asked for
 *   exit_code      number   of the last run that ended; null: none did, or it was killed
 *   exit_signal    number   signal that ended it; null: none
 *   exit_known     boolean  false: a run ended, and its exit code was lost
 *   reason         string   none config exec fork deaths finish ended stray timeout publish needs
 * refused reason_text    string   the same for people; "" for none strays         number processes
 * left over from the service supervisor_pid number   null: none log            object   the logger:
 * all fields but this one; null: the service has none
 *
 * Fields may be added at the end; none is taken away or changes its type. */
#include "json.h"

#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "goal.h"

static int continues(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 sequence at `s`, 0 where there is none: overlong forms, surrogates and what
 * lies behind U+10FFFF are none. */
static size_t sequence(unsigned char const *s, size_t len)
{
	unsigned char c = s[0];

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return len >= 2 && continues(s[1]) ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef) {
		if (len < 3 || !continues(s[1]) || !continues(s[2]))
			return 0;
		if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (len < 4 || !continues(s[1]) || !continues(s[2]) || !continues(s[3]))
			return 0;
		if ((c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

static void add_control(struct text *t, unsigned char c)
{
	static char const hex[] = "0123456789abcdef";
	char escape[] = "\\u0000";

	switch (c) {
	case '\n':
		text_add(t, "\\n");
		return;
	case '\t':
		text_add(t, "\\t");
		return;
	case '\r':
		text_add(t, "\\r");
		return;
	default:
		escape[4] = hex[c >> 4];
		escape[5] = hex[c & 15];
		text_add(t, escape);
	}
}

void json_string(struct text *t, char const *s, size_t len)
{
	text_add(t, "\"");
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t n = sequence((unsigned char const *)s + i, len - i);
		if (c < 0x20 || c == 0x7f) {
			add_control(t, c);
		} else if (n == 2 && c == 0xc2 && (unsigned char)s[i + 1] < 0xa0) {
			add_control(t, (unsigned char)s[i + 1]); /* U+0080-U+009F */
		} else if (c == '"' || c == '\\') {
			text_add(t, "\\");
			text_bytes(t, s + i, 1);
		} else if (n) {
			text_bytes(t, s + i, n);
		} else {
			text_add(t, "\xef\xbf\xbd");
		}
		i += n ? n : 1;
	}
	text_add(t, "\"");
}

static void key(struct text *t, char const *name)
{
	text_add(t, ",\"");
	text_add(t, name);
	text_add(t, "\":");
}

static void add_string(struct text *t, char const *name, char const *value)
{
	key(t, name);
	json_string(t, value, strlen(value));
}

static void add_boolean(struct text *t, char const *name, int value)
{
	key(t, name);
	text_add(t, value ? "true" : "false");
}

static void add_number(struct text *t, char const *name, int64_t value)
{
	key(t, name);
	text_signed(t, value);
}

static void add_number_or_null(struct text *t, char const *name, int there, int64_t value)
{
	key(t, name);
	if (there)
		text_signed(t, value);
	else
		text_add(t, "null");
}

static int64_t seconds(uint64_t stamp, uint64_t now)
{
	return stamp && stamp < now ? (int64_t)((now - stamp) / CLOCK_SECOND) : 0;
}

static void add_flags(struct text *t, struct view const *v)
{
	uint32_t flags = v->status.flags;

	add_boolean(t, "supervised", v->supervised);
	add_boolean(t, "exited", status_exited(&v->status));
	add_boolean(t, "ready", (flags & FLAG_READY) != 0);
	add_boolean(t, "paused", (flags & FLAG_PAUSED) != 0);
	add_boolean(t, "essential", (flags & FLAG_ESSENTIAL) != 0);
	add_boolean(t, "normally_down", (flags & FLAG_NORMALLY_DOWN) != 0);
}

static void add_exit(struct text *t, struct status const *s)
{
	int valid = (s->flags & FLAG_EXIT_VALID) != 0;

	add_number_or_null(
		t, "exit_code", valid && WIFEXITED(s->last_exit), WEXITSTATUS(s->last_exit));
	add_number_or_null(
		t, "exit_signal", valid && WIFSIGNALED(s->last_exit), WTERMSIG(s->last_exit));
	add_boolean(t, "exit_known", !(s->flags & FLAG_EXIT_UNKNOWN));
}

static char const *error_text(struct view const *v)
{
	switch (v->seen) {
	case SEEN_RECORD:
		break;
	case SEEN_NOTHING:
		return "nothing is published yet";
	case SEEN_NO_SERVICE:
		return "no such service";
	case SEEN_UNREADABLE:
		return view_error_text(v->error, v->error_number);
	}
	return NULL;
}

/* All but the closing brace. */
static void open_object(
	struct text *t, char const *name, struct view const *v, uint64_t now, int64_t wall)
{
	struct status const *s = &v->status;
	uint32_t run = s->child[ROLE_RUN].pid, pid = run ? run : s->child[ROLE_FINISH].pid;
	char const *error = error_text(v);

	text_add(t, "{\"name\":");
	json_string(t, name, strlen(name));
	if (error) {
		add_string(t, "error", error);
		return;
	}
	add_string(t, "state", status_state_name(s->state));
	add_string(t, "want", status_want_name(s->want));
	add_flags(t, v);
	add_number_or_null(t, "pid", pid != 0, pid);
	add_number_or_null(t, "uptime_s", pid != 0, seconds(s->started, now));
	add_number(t, "since", wall - seconds(s->since, now));
	add_number(t, "since_s", seconds(s->since, now));
	add_number(t, "starts", s->starts);
	add_number(t, "restarts", s->restarts);
	add_number(t, "deaths", s->deaths);
	add_exit(t, s);
	add_string(t, "reason", status_reason_name(s->reason));
	add_string(t, "reason_text", s->reason_text);
	add_number(t, "strays", s->strays);
	add_number_or_null(t, "supervisor_pid", s->supervisor != 0, s->supervisor);
}

void json_service(struct text *t, char const *name, struct view const *v, struct view const *log,
	uint64_t now, int64_t wall)
{
	open_object(t, name, v, now, wall);
	if (!error_text(v)) {
		key(t, "log");
		if (log) {
			open_object(t, "log", log, now, wall);
			text_add(t, "}");
		} else {
			text_add(t, "null");
		}
	}
	text_add(t, "}");
}
