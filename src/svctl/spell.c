/* What was probably meant. */
#include "spell.h"

#include <stddef.h>
#include <string.h>

#define LONGEST 24 /* bytes of a word that is worth a suggestion */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int distance(char const *a, size_t a_len, char const *b, size_t b_len)
{
	unsigned int row[3][LONGEST + 1];
	unsigned int *before = row[0], *above = row[1], *now = row[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = (unsigned int)j;
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(least(above[j], now[j - 1]) + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		unsigned int *spare = before;
		before = above;
		above = now;
		now = spare;
	}
	return above[b_len];
}

unsigned int spell_slip(char const *typed, char const *known)
{
	size_t typed_len = strlen(typed), known_len = strlen(known);

	if (typed_len < 2 || typed_len > LONGEST || known_len < 2 || known_len > LONGEST)
		return 0;
	/* two mistakes may be a slip, three are another word; and of a short word two letters are
	 * too much of it: `help' is not `halt' */
	unsigned int d = distance(typed, typed_len, known, known_len);
	return d < 2 || (d == 2 && known_len > 4) ? d : 0;
}
