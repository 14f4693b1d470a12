/* Control characters; see printable.h. */
#include "printable.h"

#include <string.h>

/* Bytes of the UTF-8 character that begins with `c`; 1 where none does. */
static size_t length(unsigned char c)
{
	return c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
}

size_t printable_next(char const *s, int *control)
{
	unsigned char const *c = (unsigned char const *)s;
	size_t len = length(c[0]);

	for (size_t i = 1; i < len; i++)
		if ((c[i] & 0xc0) != 0x80)
			len = 1;
	*control = len > 1 ? c[0] == 0xc2 && c[1] < 0xa0
			   : c[0] < 0x20 || (c[0] >= 0x7f && c[0] < 0xa0);
	return len;
}

int printable_not(char const *s)
{
	int control = 0;

	while (*s && !control)
		s += printable_next(s, &control);
	return control;
}

char *printable_copy(char *to, size_t size, char const *from)
{
	size_t at = 0;

	while (*from) {
		int control;
		size_t len = printable_next(from, &control), need = control ? 1 : len;
		if (at + need >= size)
			break;
		memcpy(to + at, control ? "?" : from, need);
		at += need;
		from += len;
	}
	to[at] = 0;
	return to;
}
