/* Templates: a directory `name@` describes no service but how its instances are made, and
 * `name@arg` is an instance: of a directory or link of its own, else of the template. The argument
 * is what follows the first '@'. It may hold others, and does not begin with a dot: it may well
 * become part of a file's name. */
#ifndef CINIT_TEMPLATE_H
#define CINIT_TEMPLATE_H

#include <stddef.h>

/* Is this a template's name? */
int template_is(char const *name);

/* How many bytes of `name`, up to the '@' and with it, name its template: "db@" of "db@1". 0: it is
 * no instance's name. */
size_t template_length(char const *name);

#endif
