/* Reading a service directory: one function a type turns a small file into a range-checked value.
 * Nothing here prints; a bad value is described in `struct value_error`. All reads are relative to
 * a directory descriptor, never block (a FIFO planted as a file reads as empty), and never write. A
 * link that leads nowhere is an error, not an absent file. */
#ifndef CINIT_SERVICEDIR_H
#define CINIT_SERVICEDIR_H

#include <stddef.h>
#include <stdint.h>

/* What is wrong with a value: "timeout-kill: `5x' is not a duration (a number, with ms, ...)". */
struct value_error {
	char text[160]; /* NUL-terminated, cut if longer */
	int shortage;   /* errno, where it could not be read for want of something that may come
			   back: nothing is to be mended, and it may be tried again. 0: no */
};

/* The errno of a shortage: of descriptors or memory; 0 for any other. */
int value_shortage(int error);

/* 1: read. 0: no such file, *value untouched. -1: bad, *e says why.
 * Trailing white space is allowed (behind a duration only newlines), nothing else is. */

/* A bare number is milliseconds; units ms, s, m, h; at most UINT32_MAX ms. */
int value_duration(int dir, char const *file, uint32_t *ms, struct value_error *e);

int value_unsigned(int dir, char const *file, uint32_t *n, struct value_error *e);

/* TERM, SIGTERM or 15; 1..64; KILL and STOP are allowed. */
int value_signal(int dir, char const *file, int *sig, struct value_error *e);

/* One of a NULL-terminated list. */
int value_word(int dir, char const *file, char const *const *words, unsigned int *index,
	struct value_error *e);

/* N/SECONDS, as in max-deaths: count (0 allowed) and window (1 s at least). */
int value_limit(int dir, char const *file, uint32_t *n, uint32_t *ms, struct value_error *e);

/* Numbers from 0 to 255 with white space or commas between them: a bit of `set` is set for each,
 * none is cleared. */
int value_codes(int dir, char const *file, unsigned char set[32], struct value_error *e);

/* Reads a line of text (up to the first newline, trailing white space off) into buf,
 * NUL-terminated. As above; too long is an error. */
int value_line(int dir, char const *file, char *buf, size_t size, struct value_error *e);

/* Texts, one a line, trailing white space and empty lines off: into buf, each but the last with a
 * newline behind it. None at all is an error. */
int value_texts(int dir, char const *file, char *buf, size_t size, struct value_error *e);

/* Does the entry exist? 1, 0; anything but ENOENT counts as existing: its use will tell. */
int entry_exists(int dir, char const *file);

/* May its owner execute it (runit's test for control/X)? */
int entry_executable(int dir, char const *file);

#endif
