/* Message queues. POSIX: one of each service for commands, one of each client for the answers.
 * System V: one of each service, with types that tell commands from answers. */
#include "ipc/ways.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/msg.h>
#include <unistd.h>

/* --------------------------------------------------------------------------------------- POSIX */

static struct mq_attr const attributes = { .mq_maxmsg = 10, .mq_msgsize = sizeof(struct letter) };

static void posix_name(char name[32], char kind, unsigned int number)
{
	snprintf(name, 32, "/bench-%c%u", kind, number);
}

static int posix_own(struct end *e)
{
	char name[32];
	posix_name(name, 's', e->number);
	e->fd[0] = mq_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, &attributes);
	e->fd[1] = -1;
	return e->fd[0] < 0 ? -1 : 0;
}

/* Clients come and go: the queue of each is opened for each answer, as an owner would have to. */
static int posix_take(struct end *e, uint64_t *id)
{
	char name[32];
	struct letter l;
	while (mq_receive(e->fd[0], (char *)&l, sizeof l, 0) < 0)
		;
	posix_name(name, 'c', l.from);
	e->fd[1] = mq_open(name, O_WRONLY | O_CLOEXEC);
	*id = l.id;
	return 0;
}

static int posix_answer(struct end *e, uint64_t id)
{
	struct letter l = { .id = id };
	int r = mq_send(e->fd[1], (char const *)&l, sizeof l, 0);
	mq_close(e->fd[1]);
	return r;
}

static int posix_join(struct end *e)
{
	char name[32];
	posix_name(name, 's', e->number);
	e->fd[0] = mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	posix_name(name, 'c', e->number);
	e->fd[1] =
		e->fd[0] < 0 ? -1 : mq_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, &attributes);
	return e->fd[1] < 0 ? -1 : 0;
}

static int posix_send(struct end *e, uint64_t id)
{
	struct letter l = { .id = id, .from = e->number };
	return mq_send(e->fd[0], (char const *)&l, sizeof l, 0);
}

static int posix_await(struct end *e, uint64_t id)
{
	struct letter l;
	do
		if (mq_receive(e->fd[1], (char *)&l, sizeof l, 0) < 0)
			return -1;
	while (l.id != id);
	return 0;
}

static void posix_leave(struct end *e)
{
	char name[32];
	posix_name(name, 'c', e->number);
	mq_close(e->fd[0]);
	mq_close(e->fd[1]);
	mq_unlink(name);
}

struct way const way_posix = { "posix", "POSIX message queue", 2, 0, posix_own, posix_take,
	posix_answer, posix_join, posix_send, 0, posix_await, posix_leave };

/* ------------------------------------------------------------------------------------ System V */

struct sysv_letter {
	long type; /* 1: a command; an answer: its id */
	struct letter letter;
};

static int sysv_open(struct end *e, int flags)
{
	e->fd[0] = msgget((key_t)(0x63690000 + e->number), flags | 0600);
	return e->fd[0] < 0 ? -1 : 0;
}

static int sysv_own(struct end *e)
{
	return sysv_open(e, IPC_CREAT);
}

static int sysv_take(struct end *e, uint64_t *id)
{
	struct sysv_letter l;
	while (msgrcv(e->fd[0], &l, sizeof l.letter, 1, 0) < 0)
		;
	*id = l.letter.id;
	return 0;
}

static int sysv_answer(struct end *e, uint64_t id)
{
	struct sysv_letter l = { .type = (long)id, .letter.id = id };
	return msgsnd(e->fd[0], &l, sizeof l.letter, 0);
}

static int sysv_join(struct end *e)
{
	return sysv_open(e, 0);
}

static int sysv_send(struct end *e, uint64_t id)
{
	struct sysv_letter l = { .type = 1, .letter.id = id };
	return msgsnd(e->fd[0], &l, sizeof l.letter, IPC_NOWAIT);
}

static int sysv_await(struct end *e, uint64_t id)
{
	struct sysv_letter l;
	return msgrcv(e->fd[0], &l, sizeof l.letter, (long)id, 0) < 0 ? -1 : 0;
}

static void sysv_leave(struct end *e)
{
	(void)e;
}

struct way const way_sysv = { "sysv", "System V message queue", 0, 0, sysv_own, sysv_take,
	sysv_answer, sysv_join, sysv_send, 0, sysv_await, sysv_leave };
