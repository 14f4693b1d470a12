/* What a service leaves behind: the sweep after the end of `run` and of `finish`, and `down` at last
 * (src/supervise/sweep.c, foreign.c, act.c, machine.c, reap.c, take.c; src/lib/process.c).
 *
 * A service whose processes fork, end and are deaf to TERM as they like is told to go; its
 * supervisor may be killed at any step and is followed by another, and what were its children are
 * cinit's then. Proved, promise 4: finish runs when nothing of run is left; `down` is published when
 * nothing of either is left; and that comes about.
 *
 *   with: -DKILLS=2 -DPROCESSES=3
 *   with: -DKILLS=1 -DPROCESSES=4
 *   with: -DKILLS=0 -DPROCESSES=5
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef PROCESSES
#define PROCESSES 4       /* that there ever are, at most 5; 1 is run, and finish is one of them */
#endif
#define N 6               /* array sizes: they are numbered from 1 */

#define SUPERVISOR 100    /* parents that are no process of the service */
#define CINIT 101

mtype = { NONE, EXECUTES, LIVES, ZOMBIE, REAPED }; /* EXECUTES: it has no environment now */
mtype = { UP, STOPPING, FINISHING, DOWN };

/* ---- the kernel */
mtype process[N] = NONE;
byte parent[N];
bit own[N];               /* a descendant of the supervisor that lives, and not of a former one */
bit termed[N], killed[N]; /* signals that wait */
byte last = 0;            /* pids are given in order */
bit kill_supervisor = 0;

/* ---- the record */
mtype state = UP;
byte run_pid = 1, finish_pid = 0;

#define ALIVE(k) (process[k] == LIVES || process[k] == EXECUTES)
#define GONE(k) (process[k] == ZOMBIE || process[k] == REAPED)

inline none_is_left()
{
	d_step {
		for (n : 1 .. PROCESSES) {
			assert(!ALIVE(n))
		};
		n = 0
	}
}

/* ---------------------------------------------------------------------------- the service */

/* The nearest subreaper gets the children: its supervisor, or cinit where that one was killed. */
inline die(k)
{
	d_step {
		for (n : 1 .. PROCESSES) {
			if
			:: parent[n] == k && (ALIVE(n) || process[n] == ZOMBIE) ->
#ifdef MUTANT_NO_SUBREAPER
				parent[n] = CINIT
#else
				parent[n] = (own[n] -> SUPERVISOR : CINIT)
#endif
			:: else
			fi
		};
		n = 0;
		process[k] = ZOMBIE; termed[k] = 0; killed[k] = 0
	}
}

/* One of its processes */
proctype Process(byte k)
{
	byte n;
	do
	:: process[k] == EXECUTES -> process[k] = LIVES
	:: ALIVE(k) && killed[k] -> die(k); break
	:: process[k] == LIVES && termed[k] ->
		if
		:: die(k); break
		:: termed[k] = 0 /* deaf */
		fi
	:: process[k] == LIVES -> die(k); break
	/* one is kept for finish */
	:: atomic {
			process[k] == LIVES && last < (state == FINISHING -> PROCESSES : PROCESSES - 1) ->
			last++;
			process[last] = EXECUTES; parent[last] = k; own[last] = own[k];
			run Process(last)
		}
	od
}

#define DEAD(k, whose) (process[k] == ZOMBIE && parent[k] == whose)
#define LEFT_TO(whose) (DEAD(1, whose) || DEAD(2, whose) || DEAD(3, whose) || DEAD(4, whose) || DEAD(5, whose))

inline reap_first_of(whose)
{
	d_step {
		n = 1;
		do
		:: DEAD(n, whose) -> break
		:: else -> n++
		od;
		process[n] = REAPED;
		n = 0
	}
}

/* reap.c of cinit: whoever it is. Nobody is told here: of a stray a pidfd tells. */
active proctype Cinit()
{
	byte n;
	do
	:: LEFT_TO(CINIT) -> reap_first_of(CINIT)
	od
}

/* ------------------------------------------------------------------------- the supervisor */

inline signal(k)
{
	if
	:: killing -> killed[k] = 1
	:: else -> termed[k] = 1
	fi
}

/* sweep_foreign, process_orphans: everybody is asked for his parent, one after the other. stray is
 * the first that is found: its end will be told. */
inline sweep_foreign()
{
	stray = 0;
	k = 1;
	do
	:: k <= last ->
		/* end_foreign, is_left: by its mark */
		d_step {
			if
			:: parent[k] == CINIT && process[k] == LIVES ->
				found = 1;
				stray = (stray -> stray : k);
				signal(k)
			:: parent[k] == CINIT && process[k] == EXECUTES ->
#ifdef MUTANT_PASSES_OVER_WHO_EXECUTES
				if
				:: !killing -> found = 1; unsure = 1
				:: else
				fi
#else
				found = 1; unsure = 1
#endif
			:: else
			fi;
			k++
		}
	:: else -> break
	od
}

/* run_pass, process_children, end_stray: one list, and ours stay ours until they are reaped */
inline sweep_own()
{
	d_step {
		for (k : 1 .. last) {
			if
			:: parent[k] == SUPERVISOR && (ALIVE(k) || process[k] == ZOMBIE) ->
				found = 1;
				signal(k)
			:: else
			fi
		}
	}
}

inline start_finish()
{
	none_is_left();
	/* service_start_finish; adopt.pml is about gates */
	atomic {
		last++;
		process[last] = EXECUTES; parent[last] = SUPERVISOR; own[last] = 1;
		finish_pid = last; state = FINISHING;
		run Process(last)
	}
}

/* service_sweep */
inline sweep()
{
	found = 0; unsure = 0; look = 0;
#ifndef MUTANT_ONLY_ITS_OWN
	if
	:: foreign -> sweep_foreign()
	:: else
	fi;
#endif
	sweep_own();
#ifdef MUTANT_SWEEPS_ONCE
	found = 0;
#endif
	if
	:: !found && state == STOPPING -> start_finish(); killing = 0; stray = 0
	:: !found && state == FINISHING ->
		none_is_left();
		state = DOWN
	:: else
	fi
}

active proctype Supervisor()
{
	bit foreign, killing, look, found, unsure;
	byte k, n, stray;

	atomic {
		last = 1;
		process[1] = EXECUTES; parent[1] = SUPERVISOR; own[1] = 1;
		run Process(1)
	};
start:
	{
		look = 1;
		do
		:: state == UP ->
			/* do_stop, service_stop_run; what is told again does no harm */
			termed[1] = ALIVE(1);
			state = STOPPING
		:: (state == STOPPING || state == FINISHING) && !killing ->
			/* do_kill: the kill deadline */
			killing = 1;
			look = 1;
			d_step {
				if
				:: run_pid && ALIVE(run_pid) -> killed[run_pid] = 1
				:: finish_pid && ALIVE(finish_pid) -> killed[finish_pid] = 1
				:: else
				fi
			}
		:: run_pid && GONE(run_pid) && state != UP ->
			/* supervisor_reap, or service_look_adopted; adopt.pml is about exit codes */
			k = run_pid;
			run_pid = 0;
			if
			:: parent[k] == SUPERVISOR -> process[k] = REAPED
			:: else
			fi;
			look = 1;
#ifdef MUTANT_FINISH_FIRST
			start_finish()
#endif
		:: finish_pid && GONE(finish_pid) ->
			k = finish_pid;
			finish_pid = 0;
			if
			:: parent[k] == SUPERVISOR -> process[k] = REAPED
			:: else
			fi;
			look = 1
		:: !run_pid && !finish_pid && look && state != DOWN -> sweep()
		:: !look && (unsure || (stray && GONE(stray))) ->
			/* retry_sweep, service_forget_stray */
			look = 1
		:: !run_pid && !finish_pid && LEFT_TO(SUPERVISOR) ->
			/* supervisor_reap: a stray went */
			reap_first_of(SUPERVISOR);
			look = 1
		od
	} unless { kill_supervisor };
	/* what it had is cinit's */
	d_step {
		for (n : 1 .. PROCESSES) {
			own[n] = 0;
			if
			:: parent[n] == SUPERVISOR -> parent[n] = CINIT
			:: else
			fi
		};
		n = 0; k = 0; stray = 0; unsure = 0; found = 0; killing = 0;
		foreign = 1; /* carry_on */
		kill_supervisor = 0
	};
	goto start
}

active proctype Monkey()
{
	byte n = 0;
	do
	:: n < KILLS && !kill_supervisor -> kill_supervisor = 1; n++
	:: break
	od
}

/* When nothing more can happen */
active proctype Check()
{
	timeout;
	assert(state == DOWN)
#ifdef MUTANT_THAT_IS_NONE /* does the search come here at all? */
	; assert(false)
#endif
}
