/* Text under construction. */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/types.h>

#include "printable.h"

void text_bytes(struct text *t, char const *s, size_t len)
{
	/* twice as much each time: what is copied is touched once more */
	if (!t->failed && len > t->sa.a - t->sa.len &&
		!stralloc_ready(&t->sa, 2 * (t->sa.len + len)))
		t->failed = errno;
	if (!t->failed && !stralloc_catb(&t->sa, s, len))
		t->failed = errno;
}

void text_add(struct text *t, char const *s)
{
	text_bytes(t, s, strlen(s));
}

void text_number(struct text *t, uint64_t n)
{
	char digits[UINT64_FMT];
	text_bytes(t, digits, uint64_fmt(digits, n));
}

void text_signed(struct text *t, int64_t n)
{
	if (n < 0)
		text_add(t, "-");
	text_number(t, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void text_foreign(struct text *t, char const *s)
{
	while (*s) {
		int control;
		size_t len = printable_next(s, &control);
		text_bytes(t, control ? "?" : s, control ? 1 : len);
		s += len;
	}
}

int text_write(struct text *t, int fd)
{
	size_t len = t->sa.len;

	t->sa.len = 0;
	if (t->failed) {
		errno = t->failed;
		return -1;
	}
	return allwrite(fd, t->sa.s, len) < len ? -1 : 0;
}

void text_free(struct text *t)
{
	stralloc_free(&t->sa);
}
