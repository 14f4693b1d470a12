/* The service directory's reader: one function a type turns a small file into a checked value. */
#include "servicedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>
#include <skalibs/uint64.h>

#define VALUE_SIZE  256 /* room for a value and the white space behind it */
#define QUOTE_SIZE  48  /* as much of a bad value as a message shows */
#define SIGNAL_LAST 64

/* How much of a file is its value, and what behind it does not count. */
enum extent {
	EXTENT_FILE, /* all of it; white space */
	EXTENT_LINE, /* the first line; white space */
	EXTENT_EXACT /* all of it; newlines, which editors leave */
};

/* ------------------------------------------------------------------------------ errors */

int value_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ? error : 0;
}

/* "FILE: WHAT" */
static int bad_file(struct value_error *e, char const *file, char const *what)
{
	e->shortage = 0;
	snprintf(e->text, sizeof e->text, "%s: %s", file, what);
	return -1;
}

static int bad_system(struct value_error *e, char const *file, char const *verb)
{
	e->shortage = value_shortage(errno);
	snprintf(e->text, sizeof e->text, "%s: unable to %s: %s", file, verb, strerror(errno));
	return -1;
}

/* "FILE: `VALUE' WHAT", fit for a terminal. */
static int bad_value(struct value_error *e, char const *file, char const *value, char const *what)
{
	char quote[QUOTE_SIZE];
	size_t n = strlen(value);
	int cut = n >= QUOTE_SIZE;

	e->shortage = 0;
	if (!n) {
		snprintf(e->text, sizeof e->text, "%s: an empty file %s", file, what);
		return -1;
	}
	if (cut)
		n = QUOTE_SIZE - 1;
	for (size_t i = 0; i < n; i++)
		quote[i] = value[i] >= 0x20 && value[i] < 0x7f ? value[i] : '?';
	quote[n] = 0;
	snprintf(e->text, sizeof e->text, "%s: `%s%s' %s", file, quote, cut ? "..." : "", what);
	return -1;
}

/* ----------------------------------------------------------------------------- reading */

static int is_behind(char c, enum extent extent)
{
	return c == '\n' || (extent != EXTENT_EXACT && (c == ' ' || (c >= '\t' && c <= '\r')));
}

/* Opens for reading. 1: *fd. 0: no such entry. -1: *e says why. */
static int file_open(int dir, char const *file, int *fd, struct value_error *e)
{
	struct stat st;

	do
		*fd = openat(dir, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	while (*fd < 0 && errno == EINTR);
	if (*fd >= 0)
		return 1;
	if (errno != ENOENT)
		return bad_system(e, file, "open");
	/* whoever made a link meant something by it: a broken one is no default */
	if (!fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW))
		return bad_file(e, file, "a link that leads nowhere");
	return 0;
}

/* Reads at most `size` bytes. A FIFO without bytes says EAGAIN, or is at its end: empty. */
static int fd_contents(int fd, char *buf, size_t size, size_t *len)
{
	for (*len = 0; *len < size;) {
		ssize_t r = fd_read(fd, buf + *len, size - *len);
		if (r < 0 && errno != EAGAIN)
			return -1;
		if (r <= 0)
			break;
		*len += (size_t)r;
	}
	return 0;
}

/* Reads the value into buf as a string, without what is behind it. */
static int text_read(int dir, char const *file, char *buf, size_t size, enum extent extent,
	struct value_error *e)
{
	size_t len;
	int fd, r = file_open(dir, file, &fd, e);

	if (r <= 0)
		return r;
	r = fd_contents(fd, buf, size, &len);
	fd_close(fd);
	if (r < 0)
		return bad_system(e, file, "read");
	if (memchr(buf, 0, len))
		return bad_file(e, file, "holds a NUL byte");
	char *end = extent == EXTENT_LINE ? memchr(buf, '\n', len) : 0;
	if (end)
		len = (size_t)(end - buf);
	if (len == size) {
		snprintf(e->text, sizeof e->text, "%s: too long (at most %zu bytes)", file,
			size - 1);
		return -1;
	}
	while (len && is_behind(buf[len - 1], extent))
		len--;
	buf[len] = 0;
	return 1;
}

int value_line(int dir, char const *file, char *buf, size_t size, struct value_error *e)
{
	return text_read(dir, file, buf, size, EXTENT_LINE, e);
}

int value_texts(int dir, char const *file, char *buf, size_t size, struct value_error *e)
{
	size_t len = 0;
	int r = text_read(dir, file, buf, size, EXTENT_FILE, e);

	if (r <= 0)
		return r;
	for (char const *line = buf, *next; line; line = next) {
		size_t n = strcspn(line, "\n");
		next = line[n] ? line + n + 1 : 0;
		while (n && is_behind(line[n - 1], EXTENT_FILE))
			n--;
		if (n && len)
			buf[len++] = '\n';
		memmove(buf + len, line, n);
		len += n;
	}
	buf[len] = 0;
	return len ? r : bad_value(e, file, buf, "is no text to look for in a line");
}

static int value_read(int dir, char const *file, char buf[VALUE_SIZE], struct value_error *e)
{
	return text_read(dir, file, buf, VALUE_SIZE, EXTENT_FILE, e);
}

/* -------------------------------------------------------------------------- conversion */

/* Scans a decimal number up to `max`, and says how many bytes it has: 0 for none, and for too large
 * ones. */
static size_t number_scan(char const *s, uint64_t max, uint64_t *n)
{
	size_t digits = strspn(s, "0123456789");

	/* uint64_scan stops before the digit that would overflow */
	if (!digits || uint64_scan(s, n) != digits || *n > max)
		return 0;
	return digits;
}

static int duration_parse(char const *s, uint32_t *ms)
{
	static struct {
		char const *unit;
		uint32_t ms;
	} const units[] = {
		{ "", 1 },
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60000 },
		{ "h", 3600000 },
	};
	uint64_t n;
	size_t len = number_scan(s, UINT32_MAX, &n);

	if (!len)
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(s + len, units[i].unit))
			continue;
		n *= units[i].ms; /* below 2^54 */
		if (n > UINT32_MAX)
			return 0;
		*ms = (uint32_t)n;
		return 1;
	}
	return 0;
}

/* Digits and a unit that would do, if only there were fewer digits. */
static int duration_is_large(char const *s)
{
	uint32_t ms;
	size_t digits = strspn(s, "0123456789");
	char one[VALUE_SIZE];

	if (!digits)
		return 0;
	one[0] = '1';
	memcpy(one + 1, s + digits, strlen(s + digits) + 1);
	return duration_parse(one, &ms);
}

int value_duration(int dir, char const *file, uint32_t *ms, struct value_error *e)
{
	char buf[VALUE_SIZE];
	/* a blank in it may be a slip before a unit that was meant: nobody is to guess */
	int r = text_read(dir, file, buf, sizeof buf, EXTENT_EXACT, e);

	if (r <= 0 || duration_parse(buf, ms))
		return r;
	if (duration_is_large(buf))
		return bad_value(e, file, buf, "is too long (at most 4294967295 ms, 1193 h)");
	return bad_value(e, file, buf,
		"is not a duration (a number, with ms, s, m or h, no blanks; bare numbers are ms)");
}

int value_unsigned(int dir, char const *file, uint32_t *n, struct value_error *e)
{
	char buf[VALUE_SIZE];
	uint64_t value;
	int r = value_read(dir, file, buf, e);

	if (r <= 0)
		return r;
	size_t len = number_scan(buf, UINT32_MAX, &value);
	if (!len || buf[len])
		return bad_value(e, file, buf, "is not a number from 0 to 4294967295");
	*n = (uint32_t)value;
	return 1;
}

/* A name that skalibs knows, with or without SIG, in capitals; or a number. */
static int signal_parse(char const *s)
{
	uint64_t n;
	size_t len = number_scan(s, SIGNAL_LAST, &n);

	if (len)
		return s[len] ? 0 : (int)n;
	for (char const *p = s; *p; p++) {
		if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
			return 0;
	}
	return sig_number(strncmp(s, "SIG", 3) ? s : s + 3);
}

int value_signal(int dir, char const *file, int *sig, struct value_error *e)
{
	char buf[VALUE_SIZE];
	int r = value_read(dir, file, buf, e);

	if (r <= 0)
		return r;
	int n = signal_parse(buf);
	if (n < 1 || n > SIGNAL_LAST)
		return bad_value(
			e, file, buf, "is not a signal (TERM, SIGTERM, or a number from 1 to 64)");
	*sig = n;
	return 1;
}

int value_word(int dir, char const *file, char const *const *words, unsigned int *index,
	struct value_error *e)
{
	char buf[VALUE_SIZE], what[sizeof e->text] = "is none of";
	int r = value_read(dir, file, buf, e);

	if (r <= 0)
		return r;
	for (unsigned int i = 0; words[i]; i++) {
		if (!strcmp(buf, words[i])) {
			*index = i;
			return 1;
		}
		size_t len = strlen(what);
		snprintf(what + len, sizeof what - len, "%s %s", i ? "," : "", words[i]);
	}
	return bad_value(e, file, buf, what);
}

int value_limit(int dir, char const *file, uint32_t *n, uint32_t *ms, struct value_error *e)
{
	char buf[VALUE_SIZE];
	uint64_t count, seconds;
	int r = value_read(dir, file, buf, e);

	if (r <= 0)
		return r;
	size_t len = number_scan(buf, UINT32_MAX, &count);
	if (len && buf[len] == '/') {
		char const *rest = buf + len + 1;
		len = number_scan(rest, UINT32_MAX / 1000, &seconds);
		if (len && !rest[len] && seconds) {
			*n = (uint32_t)count;
			*ms = (uint32_t)seconds * 1000;
			return 1;
		}
	}
	return bad_value(e, file, buf,
		"is not a limit (COUNT/SECONDS, as in 5/60; at most 4294967 seconds)");
}

int value_codes(int dir, char const *file, unsigned char set[32], struct value_error *e)
{
	static char const between[] = " \t\r\n,";
	char buf[VALUE_SIZE];
	uint64_t code;
	int r = value_read(dir, file, buf, e);

	if (r <= 0)
		return r;
	for (char const *s = buf; *(s += strspn(s, between));) {
		size_t len = number_scan(s, 255, &code);
		if (!len || (s[len] && !strchr(between, s[len])))
			return bad_value(e, file, buf,
				"is not a list of exit codes (numbers from 0 to 255)");
		set[code / 8] |= (unsigned char)(1u << code % 8);
		s += len;
	}
	return 1;
}

/* ----------------------------------------------------------------------------- entries */

int entry_exists(int dir, char const *file)
{
	struct stat st;

	return !fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) || errno != ENOENT;
}

int entry_executable(int dir, char const *file)
{
	struct stat st;

	return !fstatat(dir, file, &st, 0) && S_ISREG(st.st_mode) && (st.st_mode & S_IXUSR);
}
