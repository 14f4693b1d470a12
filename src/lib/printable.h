/* What a terminal would obey instead of showing it: control characters, in UTF-8 and out of it. */
#ifndef CINIT_PRINTABLE_H
#define CINIT_PRINTABLE_H

#include <stddef.h>

/* How many bytes the character at `s`, which is not "", takes; what is no UTF-8 is taken byte by
 * byte. *control: it is a control character, one of U+0000-U+001F, U+007F-U+009F, or a byte that is
 * one of these where characters are bytes. */
size_t printable_next(char const *s, int *control);

/* Does it hold a control character? */
int printable_not(char const *s);

/* Copies what there is room for, with '?' for each control character. Returns `to`. */
char *printable_copy(char *to, size_t size, char const *from);

#endif
