/* Starting a service and taking it over: the gate, adoption, exit codes, locks (src/supervise/take.c,
 * child.c, publish.c, reap.c; src/init/reap.c, orphans.c, takeover.c).
 *
 * A service that is wanted up, a process of it that may crash, its supervisor killed at any step
 * and followed by another, and (cinit is not process 1) cinit killed at any step and followed by
 * another. Proved, promise 1: no two instances run; what runs is written down, by the pid that it
 * has; in the end one runs, and a living supervisor knows it. And while one cinit lives, every
 * exit code arrives, every death is counted, nothing that did not run is counted as one.
 *
 *   with: -DKILLS=2
 *   with: -DKILLS=1 -DCINIT_KILLS=1
 *   with: -DKILLS=3 -DCRASHES=0
 */

#ifndef KILLS
#define KILLS 2         /* of supervisors */
#endif
#ifndef CINIT_KILLS
#define CINIT_KILLS 0
#endif
#ifndef CRASHES
#define CRASHES 1       /* of the service */
#endif
#define RUNS 7          /* array sizes: forks of `run`, numbered from 1; the number is its identity */
#define SUPERVISORS 7   /* likewise */
#define CODE 7          /* what the service exits with */
#define GATE_EXIT 108
#define OUTER 200       /* parents: a supervisor's number, cinit, and the reaper outside of it */
#define CINIT 100

mtype = { NONE, GATED, STARTED }                       /* enum status_phase */
mtype = { FREE, FORKED, AT_GATE, RUNNING, ZOMBIE, REAPED } /* a process, to the kernel */
mtype = { SHUT, OPENED, CLOSED }                       /* a gate: no byte yet, a byte, the end */

/* ---- the record: on disk, and in its supervisor's memory */
typedef record {
	byte child;          /* pid and identity; 0: none */
	mtype phase;
	byte deaths;
	byte supervisor
};
record disk;

/* ---- the kernel */
mtype process[RUNS] = FREE, gate[RUNS] = SHUT;
byte parent[RUNS], code[RUNS];
mtype supervisor[SUPERVISORS] = FREE;
byte supervisor_parent[SUPERVISORS];
byte lock_references = 0;  /* to the open file that holds the lock: supervisor, forked children */
byte exited = 0;           /* the file: the run it tells of, with the code */
byte exited_code;
bool pid_reused[RUNS];     /* another process has the pid of one that was reaped */

/* ---- cinit */
byte cinit = 1;            /* which; 0: none lives */
bool noted[RUNS];          /* orphans_note: pidmap i->orphans */
byte watched = 0;          /* the supervisor of the service, forked or taken over */
bit poked = 0;

/* ---- what is proved with */
byte running = 0, forks = 0, started = 0;
byte deaths = 0;           /* that happened */
byte cinit_deaths = 0;
byte crashes = CRASHES;
byte kill_target = 0;      /* supervisor that gets SIGKILL; its number */
bool kill_cinit = false;

inline become_zombie(k, c)
{
	d_step { process[k] = ZOMBIE; code[k] = c }
}

/* A run: child_main until it executes, then the program. */
proctype Run(byte k)
{
	/* drop_inherited: the lock goes first of all */
#ifndef MUTANT_CHILD_KEEPS_LOCK
	lock_references--;
#endif
	process[k] = AT_GATE;
	if
	:: gate[k] == CLOSED -> become_zombie(k, GATE_EXIT); goto done
	:: gate[k] == OPENED ->
		atomic {
			process[k] = RUNNING;
			running++;
			started++;
			assert(running == 1);   /* never two */
			assert(disk.child == k)   /* none that nobody has written down */
		}
	fi;
	atomic {
		crashes > 0 -> crashes--;
		running--; deaths++
	};
	become_zombie(k, CODE);
done:
#ifdef MUTANT_CHILD_KEEPS_LOCK
	lock_references--;
#endif
	/* once it is reaped, somebody else may get its pid */
	process[k] == REAPED;
	if
	:: pid_reused[k] = true
	:: true
	fi
}

/* process_alive: is it that very process, or its zombie? */
#ifdef MUTANT_NO_IDENTITY
#define ALIVE(k) (process[k] != REAPED || pid_reused[k])
#else
#define ALIVE(k) (process[k] != REAPED)
#endif

/* service_publish: one step here, publish.pml is about what it takes */
inline publish()
{
	d_step {
		disk.child = memory.child; disk.phase = memory.phase; disk.deaths = memory.deaths;
		disk.supervisor = memory.supervisor
	}
}

/* service_child_ended, run_ended, never_ran; the machine starts it again in any case */
inline run_ended(known, c)
{
	d_step {
		if
		:: memory.phase == GATED && (!known || c == GATE_EXIT) /* nothing ran */
		:: else ->
			assert(known || cinit_deaths > 0); /* the exit code arrives */
			assert(!known || c == CODE);
			memory.deaths++
		fi;
		memory.child = 0; memory.phase = NONE
	}
}

/* find_exited */
inline find_exited()
{
	d_step {
		known = (exited == memory.child);
		c = (known -> exited_code : 0)
	}
}

/* look_at, service_look_adopted */
inline look_adopted()
{
	find_exited();
	if
	:: !known && ALIVE(memory.child) ->
		/* look_at_gate: its mark appears with exec */
		if
		:: memory.phase == GATED && process[memory.child] == RUNNING ->
			memory.phase = STARTED; publish()
		:: else
		fi
	:: else ->
		if
		:: !known ->
#ifndef MUTANT_LOOKS_ONCE
			find_exited() /* it may have been written between our two looks */
#else
			skip
#endif
		:: else
		fi;
#ifdef MUTANT_FORGETS_EXITED_FIRST
		exited = 0;
#endif
		run_ended(known, c);
		publish();
		adopted = 0;
		exited = 0
	fi
}

/* A supervisor: take.c, then the turns of loop.c */
proctype Supervisor(byte me)
{
	record memory;
	bit adopted = 0, known;
	byte c, k;
	bool holds = false;
	byte gate_of = 0;     /* whose gate it holds the other end of */
	{
		/* take_lock. Busy: it waits, or ends with code 100 and is tried again, which is the same
		 * here. */
#ifndef MUTANT_NO_LOCK
		atomic { lock_references == 0 -> lock_references = 1; holds = true };
#endif
		/* service_take: status_read, adopt_children */
		d_step {
			memory.child = disk.child; memory.phase = disk.phase; memory.deaths = disk.deaths
		};
		memory.supervisor = me;
		adopted = (memory.child != 0);
		/* carry_on */
#ifndef MUTANT_DOES_NOT_ADOPT
		if
		:: adopted -> look_adopted()
		:: else
		fi;
#else
		memory.child = 0; adopted = 0;
#endif
		publish();
		do
		:: memory.child == 0 ->
			/* do_start, service_start_run, child_fork: the child has the lock, too */
			atomic {
				forks++;
				k = forks;
				process[k] = FORKED; parent[k] = me;
				lock_references = lock_references + (holds -> 1 : 0);
				gate_of = k;
				run Run(k)
			};
			memory.child = k; memory.phase = GATED;
#ifdef MUTANT_GATE_BEFORE_PUBLISHING
			gate[k] = OPENED;
			publish()
#else
			publish();
			/* service_open_gates */
			gate[k] = OPENED
#endif
		:: memory.child && !adopted && memory.phase == GATED && process[memory.child] == RUNNING ->
			/* child_report: the gate hangs up at exec */
			memory.phase = STARTED; gate_of = 0;
			publish()
		:: memory.child && !adopted && process[memory.child] == ZOMBIE ->
			/* supervisor_reap: peeked, published, reaped */
			c = code[memory.child];
			known = 1; k = memory.child;
			gate_of = 0;
#ifdef MUTANT_REAPS_BEFORE_PUBLISHING
			process[k] = REAPED;
			run_ended(known, c);
			publish()
#else
			run_ended(known, c);
			publish();
			process[k] = REAPED
#endif
		:: memory.child && adopted &&
			(poked || !ALIVE(memory.child) ||
			(memory.phase == GATED && process[memory.child] == RUNNING)) ->
			/* the letter y; a pidfd that hung up; the deadline of look_at_gate */
			poked = 0;
			look_adopted()
		od
	} unless { kill_target == me };
	/* SIGKILL: first the descriptors are closed */
	d_step {
		if
		:: holds -> lock_references--; holds = false
		:: else
		fi;
		if
		:: gate_of && gate[gate_of] == SHUT -> gate[gate_of] = CLOSED
		:: else
		fi
	};
	/* then the children get another parent, and its own is told */
	d_step {
		for (k : 1 .. RUNS - 1) {
			if
			:: parent[k] == me && (supervisor_parent[me] != CINIT || !cinit) -> parent[k] = OUTER
			:: parent[k] == me && supervisor_parent[me] == CINIT && cinit -> parent[k] = CINIT
			:: else
			fi
		};
		k = 0; c = 0; known = 0; gate_of = 0; adopted = 0;
		memory.child = 0; memory.phase = 0; memory.deaths = 0; memory.supervisor = 0;
		supervisor[me] = ZOMBIE;
		kill_target = 0
	}
}

byte supervisors = 0;

/* spawn.c: spawn */
inline spawn_supervisor()
{
	atomic {
		supervisors++;
		watched = supervisors;
		supervisor[watched] = RUNNING;
		supervisor_parent[watched] = CINIT;
		run Supervisor(watched)
	}
}

/* orphans_note: what the record of the dead one names, and has not been reaped */
inline orphans_note()
{
	orphan = disk.child;
	if
	:: orphan && ALIVE(orphan) -> noted[orphan] = true
	:: else
	fi
}

#define MINE(k) (parent[k] == CINIT && process[k] == ZOMBIE)
#define DEAD_CHILD (watched && supervisor_parent[watched] == CINIT && supervisor[watched] == ZOMBIE)

/* cinit: reap.c, orphans.c, takeover.c */
active proctype Cinit()
{
	byte k, orphan;
start:
	{
		/* boot: a record that names a living supervisor is taken over */
		if
		:: disk.supervisor && supervisor[disk.supervisor] == RUNNING -> watched = disk.supervisor
		:: else -> spawn_supervisor()
		fi;
		do
		:: DEAD_CHILD ->
			/* reap_one, reap_supervisor: it stands before its orphans in the kernel's list, for
			 * they were put at the end when it died */
			supervisor[watched] = REAPED;
			orphans_note();
			spawn_supervisor()
		:: watched && supervisor_parent[watched] == OUTER && supervisor[watched] == REAPED ->
			/* takeover_ended: its orphans are not ours */
			spawn_supervisor()
#ifdef MUTANT_ORPHANS_FIRST
		:: MINE(1) || MINE(2) || MINE(3) || MINE(4) || MINE(5) || MINE(6) ->
#else
		:: !DEAD_CHILD && (MINE(1) || MINE(2) || MINE(3) || MINE(4) || MINE(5) || MINE(6)) ->
#endif
			d_step {
				k = 1;
				do
				:: MINE(k) -> break
				:: else -> k++
				od
			};
			/* reap_one: orphans_record, waitpid, spawn_poke */
#ifdef MUTANT_REAPS_BEFORE_RECORDING
			process[k] = REAPED;
			if
			:: noted[k] -> d_step { exited = k; exited_code = code[k] }; noted[k] = false; poked = 1
			:: else
			fi
#else
			if
			:: noted[k] -> d_step { exited = k; exited_code = code[k] };
				process[k] = REAPED; noted[k] = false; poked = 1
			:: else -> process[k] = REAPED
			fi
#endif
		od
	} unless { kill_cinit };
	d_step {
		for (k : 1 .. RUNS - 1) {
			if :: parent[k] == CINIT -> parent[k] = OUTER :: else fi;
			noted[k] = false
		};
		for (k : 1 .. SUPERVISORS - 1) {
			if :: supervisor_parent[k] == CINIT -> supervisor_parent[k] = OUTER :: else fi
		};
		k = 0; orphan = 0;
		cinit_deaths++;
		kill_cinit = false;
		watched = 0
	};
	/* the lock in .cinit is free now: the next one starts */
	goto start
}

#define LEFT_RUN(k) (parent[k] == OUTER && process[k] == ZOMBIE)
#define LEFT(k) (supervisor_parent[k] == OUTER && supervisor[k] == ZOMBIE)

/* Whoever reaps what cinit leaves behind; it tells nobody. */
active proctype Outer()
{
	byte k;
	do
	:: LEFT_RUN(1) || LEFT_RUN(2) || LEFT_RUN(3) || LEFT_RUN(4) || LEFT_RUN(5) || LEFT_RUN(6) -> d_step {
		for (k : 1 .. RUNS - 1) {
			if
			:: LEFT_RUN(k) -> process[k] = REAPED
			:: else
			fi
		}; k = 0 }
	:: LEFT(1) || LEFT(2) || LEFT(3) || LEFT(4) || LEFT(5) || LEFT(6) -> d_step {
		for (k : 1 .. SUPERVISORS - 1) {
			if
			:: LEFT(k) -> supervisor[k] = REAPED
			:: else
			fi
		}; k = 0 }
	od
}

active proctype Monkey()
{
	byte n = 0, m = 0;
	do
	:: n < KILLS -> atomic {
		watched && supervisor[watched] == RUNNING && !kill_target -> kill_target = watched; n++ }
	:: m < CINIT_KILLS -> !kill_cinit; kill_cinit = true; m++
	:: break
	od
}

/* When nothing more can happen */
active proctype Check()
{
	timeout;
	assert(running == 1);                                   /* none lost */
	assert(disk.child && process[disk.child] == RUNNING);
	assert(disk.phase == STARTED);
	assert(disk.supervisor && supervisor[disk.supervisor] == RUNNING);
	assert(watched == disk.supervisor || cinit_deaths);
	assert(disk.deaths == deaths || cinit_deaths);          /* none twice, none forgotten */
#ifdef MUTANT_THAT_IS_NONE /* does the search come here at all? */
	assert(false)
#endif
}
