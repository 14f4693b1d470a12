/* Templates and their instances, by name. */
#include "template.h"

#include <string.h>

int template_is(char const *name)
{
	char const *at = strchr(name, '@');
	return at && !at[1];
}

size_t template_length(char const *name)
{
	char const *at = strchr(name, '@');
	return at && at[1] && at[1] != '.' ? (size_t)(at - name) + 1 : 0;
}
