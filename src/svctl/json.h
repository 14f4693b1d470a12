/* --json: an array of one object a service. The fields are listed in json.c and in svctl(1). */
#ifndef SVCTL_JSON_H
#define SVCTL_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"
#include "view.h"

/* A string with its quotes. What is not UTF-8 becomes U+FFFD, a byte each. */
void json_string(struct text *t, char const *s, size_t len);

/* One object, without newline. `log`: the logger's record, NULL: it has none. `now` is
 * CLOCK_BOOTTIME, `wall` seconds since 1970. */
void json_service(struct text *t, char const *name, struct view const *v, struct view const *log,
	uint64_t now, int64_t wall);

#endif
