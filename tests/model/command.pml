/* Commands and their answers: frames through `in`, the ring of the record, incarnations, the rule
 * that keeps a command from being done twice (src/supervise/obey.c, publish.c, loop.c;
 * src/lib/ipc.c; src/svctl/job.c, flight.c).
 *
 * Clients send a command each and want an answer, others push answers out of the ring, which is
 * small here; the supervisor is killed at any step and followed by another. Proved, promise 2: who
 * is told "done" can rely on it; what was answered is never done again; without a death in between
 * a command is done once; nobody waits for ever, but where his answer left the ring before he
 * looked: then his time limit ends it, and he says that he does not know.
 *
 *   with: -DKILLS=2 -DCROWD=3
 *   with: -DKILLS=1 -DCROWD=4
 *   with: -DKILLS=1 -DCROWD=0 -DCLIENTS=2
 */

#ifndef CLIENTS
#define CLIENTS 1
#endif
#ifndef CROWD
#define CROWD 3         /* frames of others */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define RING 2          /* STATUS_RING: 256 */
#define BATCH 2         /* BATCH_MAX: 16; less than RING */
#define SLOTS 6         /* frames that `in` takes */
#define NOBODY 99       /* the id of a frame of the crowd, the same for all: nobody awaits it */

mtype = { NONE, DONE, REFUSED, UNKNOWN };

/* cinit_ipc_send: `in` outlives a supervisor, for its clients have it open. Id, the answers that its
 * client had seen, sent again. */
chan in = [SLOTS] of { byte, byte, bit };

typedef record {
	byte incarnation;
	byte acknowledged;
	byte id[RING];
	mtype result[RING];
	bit wanted[2]          /* what the command of each client asks for */
};
record disk;
byte change = 0;               /* publications; publish.pml shows that each is noticed */

/* ---- what is proved with */
byte done[2];                  /* how often the command of each client was acted on */
bit answered[2];               /* it was published as done */
byte answered_at[2];           /* acknowledged then */
byte deaths = 0;
bool kill = false;
byte finished = 0;

inline publish()               /* service_publish */
{
	d_step {
#ifdef MUTANT_KEEPS_INCARNATION
		disk.incarnation = 0;
#else
		disk.incarnation = memory.incarnation;
#endif
		disk.acknowledged = memory.acknowledged;
		for (i : 0 .. RING - 1) {
			disk.id[i] = memory.id[i];
			disk.result[i] = memory.result[i];
			if
			:: memory.result[i] == DONE && memory.id[i] != NOBODY && !answered[memory.id[i] - 1] ->
				answered[memory.id[i] - 1] = 1;
				answered_at[memory.id[i] - 1] = memory.acknowledged
			:: else
			fi
		};
		for (i : 0 .. 1) {
			disk.wanted[i] = memory.wanted[i]
		};
		i = 0;
		unpublished = 0;
		change++
	}
}

inline acknowledge(what)       /* status_acknowledge */
{
	d_step {
		memory.id[memory.acknowledged % RING] = id;
		memory.result[memory.acknowledged % RING] = what;
		memory.acknowledged++;
		unpublished++
	}
}

inline act()                   /* obey */
{
	d_step {
		if
		:: id != NOBODY ->
			assert(!answered[id - 1]);       /* what was answered is not done again */
			done[id - 1]++;
			memory.wanted[id - 1] = 1
		:: else
		fi
	}
}

active proctype Supervisor()
{
	record memory;
	byte id, seen, unpublished = 0, i;
	bit again;
start:
	{
		/* service_take: status_read; the incarnation is raised */
		d_step {
			memory.incarnation = disk.incarnation + 1;
			memory.acknowledged = disk.acknowledged;
			for (i : 0 .. RING - 1) {
				memory.id[i] = disk.id[i];
				memory.result[i] = disk.result[i]
			};
			for (i : 0 .. 1) {
				memory.wanted[i] = disk.wanted[i]
			};
			i = 0
		};
		/* settle_turn comes before the first wait */
#ifndef MUTANT_TAKES_SILENTLY
		publish();
#endif
		do
		:: atomic { unpublished < BATCH && nempty(in) -> in?id, seen, again }; /* cinit_ipc_listen */
			/* obey_once, cinit_ipc_novelty */
			if
#ifndef MUTANT_IGNORES_THE_RING
			:: id != NOBODY && (memory.id[0] == id || memory.id[1] == id) /* CINIT_KNOWN */
#endif
#ifndef MUTANT_NEVER_DOUBTS
			:: !(id != NOBODY && (memory.id[0] == id || memory.id[1] == id)) && again &&
				memory.acknowledged - seen > RING ->
				acknowledge(REFUSED) /* CINIT_DOUBTFUL */
#endif
			:: else ->
#ifdef MUTANT_ANSWERS_FIRST
				acknowledge(DONE);
				publish();
				act()
#else
				act();
				acknowledge(DONE)
#endif
			fi
		:: unpublished > 0 -> publish()
		od
	} unless { kill };
	d_step {
		deaths++;
		kill = false;
		id = 0; seen = 0; again = 0; unpublished = 0; i = 0
	};
	goto start
}

/* A client: cinit_ipc_watch, cinit_ipc_send, job.c's look for the answer */
proctype Client(byte me)
{
	byte incarnation, seen, looked;
	mtype answer = NONE;
	bit again = 0;

	d_step {
		change > 0; /* before there is a record there is no incarnation to compare */
		looked = change;
		incarnation = disk.incarnation;
		seen = disk.acknowledged; /* cinit_ipc_id_after */
	};
	in!me, seen, again;
	do
	:: atomic {
		change != looked ->
		/* one reading of the record; torn ones are read again */
		looked = change;
		if
		:: disk.id[0] == me -> answer = disk.result[0]
		:: disk.id[1] == me -> answer = disk.result[1]
		:: else
		fi };
		if
		:: answer != NONE -> break
		:: else
		fi;
#ifndef MUTANT_NEVER_SENDS_AGAIN
		if
		:: atomic { disk.incarnation != incarnation && change == looked ->
			incarnation = disk.incarnation };
#ifndef MUTANT_SENDS_AS_NEW
			again = 1;
#endif
			in!me, seen, again
		:: disk.incarnation == incarnation || change != looked
		fi
#endif
	:: timeout -> /* its time limit */
		answer = UNKNOWN;
		break
	od;
	atomic {
		if
		:: answer == DONE ->
			assert(done[me - 1] > 0);
			assert(disk.wanted[me - 1])
		:: answer == REFUSED -> assert(deaths > 0)
		:: answer == UNKNOWN ->
			/* answered, and pushed out of the ring before it looked; never lost */
			assert(answered[me - 1] && disk.acknowledged - answered_at[me - 1] > 0)
		:: else
		fi;
		/* twice only where a supervisor died with what it had not published */
		assert(done[me - 1] <= 1 + deaths)
	};
	finished++
}

/* Others, who push answers out of the ring */
active proctype Crowd()
{
	byte n = 0;
	do
	:: n < CROWD -> in!NOBODY, 0, 0; n++
	:: n == CROWD -> break
	od
}

active proctype Monkey()
{
	byte n = 0;
	do
	:: n < KILLS -> !kill; kill = true; n++
	:: break
	od
}

init {
	atomic {
		run Client(1);
#if CLIENTS > 1
		run Client(2)
#endif
	}
}

active proctype Check()
{
	timeout && finished == CLIENTS;
	assert(deaths > 0 || done[0] == 1);
#ifdef MUTANT_THAT_IS_NONE /* does the search come here at all? */
	assert(false)
#endif
}
