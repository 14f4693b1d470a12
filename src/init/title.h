/* Room for the command lines of our supervisors. */
#ifndef INIT_TITLE_H
#define INIT_TITLE_H

#include <stddef.h>

/* The area that ps(1) shows: argv and, where memory for a copy of it can be had, the environment
 * behind it. Moves `environ`. The strings of argv stay where they are. */
void title_reserve(int argc, char **argv, char **title, size_t *size);

#endif
