/* Ways of talking to a supervisor, compared: a command goes to its owner, and an acknowledgement
 * comes back.
 *
 *   main.c     options, rounds, tables
 *   talk.c     one run: owners in processes of their own, and a client
 *   fate.c     what happens: no descriptors, no writing, somebody killed, nobody reading
 *   fifo.c     the pair as built, and a pair that carries answers as bytes
 *   socket.c   unix stream, unix datagram
 *   queue.c    message queues: POSIX, System V
 *   shared.c   shared memory and a futex */
#ifndef BENCH_IPC_WAYS_H
#define BENCH_IPC_WAYS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "ipc.h" /* the library's: the pair as built */

#define LETTER_SIZE 24

/* What travels where frames do not. */
struct letter {
	uint64_t id;
	uint32_t from; /* the client's number */
	char rest[LETTER_SIZE - 12];
};

/* One end of a way; what the fields mean is the way's affair. */
struct end {
	int dir; /* descriptor of the service's directory */
	unsigned int number;
	char name[12];
	int fd[3];
	void *memory;
	struct cinit_ipc *ipc; /* an owner's record, or NULL */
	struct cinit_client client;
	struct status status;
	struct status_ring *ring;
};

struct way {
	char const *name, *title;
	int files;     /* descriptors of a client for one service */
	int publishes; /* answering publishes the record by itself */
	/* 0, or -1 with errno */
	int (*own)(struct end *e);
	int (*take)(struct end *e, uint64_t *id); /* waits for a command */
	int (*answer)(struct end *e, uint64_t id);
	int (*join)(struct end *e);
	int (*send)(struct end *e, uint64_t id); /* does not wait: -1, EAGAIN */
	int (*half)(struct end *e);              /* sends half a command; NULL: no such thing */
	int (*await)(struct end *e, uint64_t id);
	void (*leave)(struct end *e);
};
extern struct way const way_fifo, way_bytes, way_stream, way_datagram, way_posix, way_sysv,
	way_shared;
extern struct way const *const ways[];
extern size_t const way_count;

struct options {
	unsigned int rounds, samples, many, most, patience;
	int smoke;
};
extern struct options options;

/* ---- talk.c */
void end_begin(struct end *e, unsigned int number);
/* Opens (and makes) the directory of service `number`. */
int end_directory(unsigned int number);
/* The owner's side with its record; 0, or -1. */
int end_own(struct way const *w, struct end *e, int record);
/* The client's side. */
int end_join(struct way const *w, struct end *e);
uint64_t next_id(void);
void queues_allow(unsigned int most);
/* Forks an owner that serves for ever; returns when it does. */
pid_t owner_start(struct way const *w, unsigned int number, int record);
/* Runs `job` as process 1 of namespaces of its own (PID, mounts, IPC), in an empty tmpfs. 0, or -1:
 * it failed or took longer than options.patience. */
int apart(int (*job)(void *), void *data);

struct talk {
	struct way const *way;
	int record;
	unsigned int n;           /* services at once */
	unsigned int count, room; /* samples */
	double *open, *anew;      /* microseconds: on an open way; opened for the command */
	double together;          /* milliseconds, all N, the median */
};
int talk(void *t);

/* ---- fate.c */
struct fate {
	struct way const *way;
	char after_half[48], owner_killed[48], successor[48], read_only[64], refused[64];
	unsigned int backlog, most_made, most_joined;
	double kernel; /* KiB a service */
};
int fate(void *f);

#endif
