/* Memory that forks do not get: the tables of services. A supervisor has no use for them, yet fork
 * would copy the page tables of all of it for each, which for N services costs N times N; and each
 * page that is written to between two forks would be copied, and the old one stay with a supervisor
 * for good. */
#ifndef INIT_APART_H
#define INIT_APART_H

#include <stddef.h>
#include <sys/types.h>

#define APART_MAX  1024 /* bytes of a piece */
#define APART_KEPT 2

/* A piece of zeros, at most APART_MAX bytes. NULL with ENOMEM. */
void *apart_new(size_t size);

/* Gives it back; `size` as it was asked for. Keeps errno. */
void apart_free(void *piece, size_t size);

/* An array of zeros, of pages of its own. NULL with ENOMEM. */
void *apart_array(size_t count, size_t size);
void apart_array_free(void *array, size_t count, size_t size);

/* From now on forks do not get these whole pages either, but apart_fork's do: what is ours from the
 * beginning. At most APART_KEPT times. */
void apart_keep(void *start, size_t size);

/* fork(2) for a child that goes on in our frames. */
pid_t apart_fork(void);

#endif
