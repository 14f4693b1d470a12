/* The short way to a child: it shares our memory until it executes. */
#ifndef SUPERVISE_LAUNCH_H
#define SUPERVISE_LAUNCH_H

#include <stdalign.h>
#include <stdint.h>
#include <sys/types.h>

#define LAUNCH_ROOM 1728 /* its stack, and above it what it executes with */

/* What a child says when it could not become its program. */
struct report {
	uint32_t stage; /* enum program_stage */
	int32_t error;  /* errno */
	char text[152]; /* more about it, "" for nothing */
};

/* All that such a child reads, made by its parent before it is there. It belongs to the child as
 * long as `taken` is set. */
struct launch {
	uint8_t taken;
	uint8_t below; /* it works in log/ */
	int gate;
	int input, output; /* for 0 and 1; -1: as they are */
	mode_t umask;
	char const *file, **argv, **envp;
	alignas(16) unsigned char room[LAUNCH_ROOM];
};

struct service;

/* Starts run that way: the pid; 0: the long way is to be gone; -1: errno. `gate` is the child's
 * end, and is closed by the caller. */
pid_t launch_run(struct service *x, char const *entry, int gate);

#endif
