/* What a witness said (its word `talk`) and a logger wrote down, held against what write(2) took:
 * every line once, and in order. */
#ifndef TESTS_LOGBOOK_H
#define TESTS_LOGBOOK_H

#include <stddef.h>
#include <stdint.h>

struct witness;

struct logbook {
	char const *name; /* of the service */
	char path[192];   /* of the file that the logger writes */
	struct witness const *witness;
	int fd;                /* -1: the file is not there yet */
	uint32_t life, number; /* of the last line read */
	uint64_t lines;
	size_t have;
	char rest[4096]; /* begins with the line that is not yet complete */
};

/* The file need not be there yet. */
void logbook_open(struct logbook *b, char const *name, char const *path, struct witness const *w);

/* Reads what has come since. NULL, or what is wrong with it; static. */
char const *logbook_read(struct logbook *b);

/* The same when nobody writes any more and the logger has seen the end: nothing is missing. */
char const *logbook_close(struct logbook *b);

#endif
