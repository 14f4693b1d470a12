/* Telling of changes: the record, the FIFO `out`, and those who watch it (src/lib/ipc.c,
 * src/lib/ipc_client.c, src/lib/status_read.c; the steps are those of cinit-ipc(7), "OUT").
 *
 * An owner publishes versions 1 to GOAL of its record, is killed at any step, and followed by
 * another; making a FIFO may fail. Waiters want to see version GOAL. Proved: no waiter sleeps on
 * when it is published (promise 3), none reads what was not published or half of it, and none
 * reads an older record after a newer one.
 *
 * Memory is that of a processor with store buffers: what a process stores others see later, unless
 * it makes a fence. Only two stores matter: the exchange of the record, the opening of `out`.
 *
 *   with: -DWAITERS=1 -DKILLS=1 -DFAILURES=1
 *   with: -DWAITERS=2 -DKILLS=0 -DFAILURES=0
 *   with: -DWAITERS=1 -DKILLS=2 -DFAILURES=0 -DGOAL=1
 *   with: -DWAITERS=2 -DKILLS=1 -DFAILURES=0 -DGOAL=1
 */

#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef GOAL
#define GOAL 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef FAILURES
#define FAILURES 1
#endif
#define FIFOS 8
#define NONE 255

/* ---- the kernel: FIFOs by inode */
byte writers[FIFOS], readers[FIFOS];
byte came[FIFOS];        /* writers that ever opened it: what POLLHUP of a FIFO depends on */
byte out = 0;            /* the inode behind the name `out`; cinit_ipc_prepare made it */
byte dot_out = NONE;     /* behind `.out` */
byte made = 1;

/* ---- the files behind `status` and `.status`: two inodes that change places */
byte head[2], ring[2];   /* their halves, each with the version that its checksum goes with */
bit status = 0;          /* the inode behind `status`, as all see it */
bit exchanged = 0;       /* the same as its owner sees it: ahead while the store is buffered */

/* ---- what is proved with */
byte published = 0;      /* the newest version that ever was at `status` */
byte content = 0;        /* waiters that have seen what they want */

bool kill = false;
byte failures = FAILURES;
byte version;                              /* in the owner's memory */
byte fd_out = NONE, fd_both = NONE, fd_new = NONE; /* the owner's descriptors */
byte inherited = NONE;                     /* a copy of the first in a forked child */
bit forked = 0;

byte opening[WAITERS] = NONE;              /* an opening that is buffered */

#define DRAINED (status == exchanged)

/* Store buffers drain when they like. */
active proctype Memory()
{
	byte i;
	do
	:: status != exchanged -> d_step {
			status = exchanged;
			published = (head[status] > published -> head[status] : published)
		}
	:: atomic {
		opening[0] != NONE -> readers[opening[0]]++; opening[0] = NONE }
#if WAITERS > 1
	:: atomic {
		opening[1] != NONE -> readers[opening[1]]++; opening[1] = NONE }
#endif
	od
}

/* fifo_write_only: the name is opened O_RDWR (fifo_take), O_WRONLY, and the first is closed. */
inline write_only(name)
{
	d_step { fd_both = name; readers[name]++; writers[name]++; came[name]++ };
	d_step {
		fd_new = name; came[name]++;
		readers[name]--; fd_both = NONE /* one writer came, one went */
	}
}

/* spare_write: in place, not in one step */
inline spare_write()
{
	d_step { version++; head[1 - exchanged] = version };
	ring[1 - exchanged] = version
}

/* spare_swap: RENAME_EXCHANGE */
inline spare_swap()
{
	exchanged = 1 - exchanged
}

inline fence_of_owner()
{
#ifndef MUTANT_PUBLISHES_WITHOUT_FENCE
	DRAINED
#else
	skip
#endif
}

/* hang_up, somebody_reads, out_fresh. `done` is left as 0 where nothing could be made. */
inline hang_up(done)
{
	done = 1;
	if
	:: fd_out == NONE -> DRAINED -> write_only(out); d_step { fd_out = fd_new; fd_new = NONE }
	:: else
	fi;
	if
	:: readers[fd_out] == 0 /* POLLERR: nobody has it open */
	:: else ->
		DRAINED; /* any other system call takes locks */
		if
		:: dot_out == NONE && failures > 0 -> failures--; done = 0
		:: dot_out == NONE -> d_step { dot_out = made; made++ }
		:: dot_out != NONE
		fi;
		if
		:: done ->
			write_only(dot_out);
			/* renameat */
#ifdef MUTANT_REUSES_THE_FIFO
			d_step { fd_both = out; out = dot_out; dot_out = fd_both; fd_both = NONE }
#else
			d_step { out = dot_out; dot_out = NONE }
#endif
		:: else
		fi;
		d_step { writers[fd_out]--; fd_out = fd_new; fd_new = NONE };
		if
		:: done && dot_out == NONE ->
			if
			:: failures > 0 -> failures-- /* no error: it is tried again */
			:: dot_out = made; made++
			fi
		:: else
		fi
	fi
}

/* The owner: service_take, then cinit_ipc_publish until it has said all. */
active proctype Owner()
{
	bit done;
start:
	{
		/* service_take: cinit_ipc_init, status_read */
		write_only(out);
		d_step { fd_out = fd_new; fd_new = NONE };
		DRAINED;
		version = head[status];
		do
		:: /* service_publish; after a failure again, with another number */
#ifdef MUTANT_HANGS_UP_FIRST
			hang_up(done);
			spare_write();
			spare_swap();
			fence_of_owner();
#else
			spare_write();
			spare_swap();
			fence_of_owner();
			hang_up(done);
#endif
			DRAINED;
			/* child_fork: a child has all descriptors at first */
			if
			:: !forked && fd_out != NONE -> d_step {
				forked = 1; inherited = fd_out; writers[fd_out]++ }
			:: true
			fi;
			if
			:: version >= GOAL && done -> break
			:: else
			fi
		od;
		false
	} unless { kill };
	/* SIGKILL: the kernel closes what it had */
	d_step {
		if :: fd_out != NONE -> writers[fd_out]-- :: else fi;
		if :: fd_new != NONE -> writers[fd_new]-- :: else fi;
		if :: fd_both != NONE -> writers[fd_both]--; readers[fd_both]-- :: else fi;
		fd_out = NONE; fd_new = NONE; fd_both = NONE; done = 0; version = 0
	};
	DRAINED;
	kill = false;
	goto start
}

/* drop_inherited: a child's first act */
active proctype Child()
{
	inherited != NONE;
#ifdef MUTANT_CHILD_KEEPS_OUT
	false
#endif
	d_step { writers[inherited]--; inherited = NONE }
}

active proctype Monkey()
{
	byte n = 0;
	do
	:: n < KILLS -> !kill; kill = true; n++
	:: break
	od
}

/* cinit_ipc_watch and poll(2), as svctl's loop and needs.c do it */
proctype Waiter(byte me)
{
	byte fd, seen = 0, came_before, h, r;
	bit inode;
again:
#ifdef MUTANT_READS_STATUS_FIRST
	inode = status;
	h = head[inode]; r = ring[inode];
#endif
	/* open_out: the name is looked up, the FIFO is opened */
	fd = out;
	d_step {
		opening[me] = fd;
		came_before = (writers[fd] -> 0 : came[fd])
	};
#ifndef MUTANT_DOES_NOT_COMPARE
	if
	:: atomic { fd != out && opening[me] == NONE -> readers[fd]--; goto again }
	:: fd == out
	fi;
#endif
#ifndef MUTANT_WATCHES_WITHOUT_FENCE
	opening[me] == NONE;
#endif
#ifndef MUTANT_READS_STATUS_FIRST
read:	/* read_once */
	inode = status;
	h = head[inode];
	r = ring[inode];
#ifndef MUTANT_READS_THE_SPARE
	if
	:: inode != status -> goto read /* is_published */
	:: else
	fi;
#endif
#ifndef MUTANT_NO_CHECKSUM
	if
	:: h != r -> goto read /* STATUS_TORN */
	:: else
	fi;
#endif
#endif
	d_step {
		assert(h == r);         /* never half a record */
		assert(h <= published); /* never one that was not published */
		assert(h >= seen);      /* never back */
		seen = h;
		h = 0; r = 0; inode = 0
	};
	if
	:: atomic {
		seen >= GOAL && opening[me] == NONE ->
		readers[fd]--; fd = 0; came_before = 0; content++ }
	/* poll: Linux reports a hang-up of a FIFO when a writer has come and gone */
	:: atomic {
		seen < GOAL && opening[me] == NONE && writers[fd] == 0 && came_before != came[fd] ->
		readers[fd]--; goto again }
	fi
}

init {
	atomic {
		run Waiter(0);
#if WAITERS > 1
		run Waiter(1);
#endif
	}
}

/* When nothing more can happen, nobody sleeps. */
active proctype Check()
{
	timeout;
	assert(content == WAITERS);
#ifdef MUTANT_THAT_IS_NONE /* does the search come here at all? */
	assert(false)
#endif
}
