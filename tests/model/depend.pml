/* Two services that depend on each other: `db` is told to go down and up again, `shop` needs it
 * (src/supervise/depend.c, needs.c, dependents.c, publish.c).
 *
 * Both supervisors may be killed at any step and are followed by others. Proved: shop is never let
 * run without db, and db is never told to go while shop runs; in the end both are as they are
 * wanted: nobody waits for ever for one that waits for him.
 *
 *   with: -DCOMMANDS=3
 *   with: -DCOMMANDS=2 -DKILLS=2
 */

#ifndef COMMANDS
#define COMMANDS 2 /* to db: down, up, down */
#endif
#ifndef KILLS
#define KILLS 0
#endif

mtype = { DOWN, WAITING, STARTING, UP, STOPPING };

/* A record as it is published */
typedef record {
	mtype state;
	bit want;            /* up */
	bit awaits;          /* FLAG_AWAITS */
	bit hung_up          /* since the other one has opened its `out` */
};
record db, shop;             /* on disk */
bit entry = 0;               /* run/db/dependents/shop */

bit db_runs = 0, shop_runs = 0;
byte command = 0;            /* frames in db's `in` that are not acknowledged: 0 or 1 */
bit to_go = 0;               /* what it says: down */
bit kill_db = 0, kill_shop = 0;

/* service_publish: one step here, publish.pml is about what it takes */
inline publish(disk)
{
	d_step {
		disk.state = state; disk.want = want; disk.awaits = awaits;
		disk.hung_up = 1
	}
}

/* ---------------------------------------------------------------------------- the need */

#define RUNS(s) (s == STARTING || s == UP || s == STOPPING)

/* dependents_await: the list, then for each the watch and the record */
inline look_at_dependents()
{
	listed = entry;
	shop.hung_up = 0;
	awaited = listed && RUNS(shop.state)
}

inline tell_to_go()
{
	/* service_stop_run */
	atomic { assert(!shop_runs); db_runs = 0 };
	awaits = 0
}

active proctype Db()
{
	mtype state;
	bit want, awaits, listed, awaited, stale;
start:
	{
		/* service_take, carry_on: dependents are to be looked at */
		d_step { state = db.state; want = db.want; awaits = db.awaits; stale = 1; awaited = 0 };
		if
		:: state == 0 -> state = DOWN; want = 1; publish(db)
		:: else
		fi;
		do
		:: command && to_go ->
			/* service_want_down: what is wanted is out before anybody is looked at */
			want = 0;
#ifdef MUTANT_READS_DEPENDENTS_FIRST
			look_at_dependents();
#endif
			atomic { publish(db); command = 0 }
		:: command && !to_go ->
			/* service_want; in a stop FLAG_AGAIN */
			want = 1;
			atomic { publish(db); command = 0 }
		:: !want && state == UP ->
			/* do_stop, service_begin_stop */
			state = STOPPING; awaits = 1;
			publish(db);
#ifdef MUTANT_READS_DEPENDENTS_FIRST
			stale = 0;
			if
			:: !awaited -> tell_to_go()
			:: else
			fi
#else
			stale = 1
#endif
		:: state == STOPPING && awaits && stale ->
			/* service_depend_turn */
			stale = 0;
			look_at_dependents();
			if
			:: !awaited -> tell_to_go(); publish(db)
			:: else
			fi
		:: state == STOPPING && awaits && !stale && shop.hung_up ->
			stale = 1 /* dependents_dispatch */
		:: state == STOPPING && !awaits ->
			if
			:: db_runs -> tell_to_go() /* service_tell_again */
			:: else
			fi;
			/* settle */
			state = (want -> STARTING : DOWN);
			publish(db)
		:: state == DOWN && want ->
			state = STARTING;
			publish(db)
		:: state == STARTING ->
			db_runs = 1;
			state = UP; /* and FLAG_READY */
			publish(db)
		od
	} unless { kill_db };
	kill_db = 0;
	goto start
}

/* ----------------------------------------------------------------------- the dependent */

#ifdef MUTANT_IGNORES_AWAITS
#define GOES_DOWN (!db.want)
#else
#define GOES_DOWN (!db.want || db.awaits) /* goes_down */
#endif

/* needs_look, look_at: make_entry, cinit_ipc_watch, judge */
inline look_at_need()
{
	stale = 0;
#ifndef MUTANT_ENTERS_LATE
	entry = 1;
#endif
	db.hung_up = 0;
	d_step {
		lost = (db.state != 0 && GOES_DOWN);
		settled = (db.state == UP && !lost)
	};
	looked = 1
}

active proctype Shop()
{
	mtype state;
	bit want = 1, awaits, settled, lost, stale, looked;
start:
	{
		/* service_take, carry_on: what never came through its gate has not run */
		d_step { state = shop.state; stale = 1; looked = 0; settled = 0; lost = 0 };
		if
		:: state == 0 || (state == STARTING && !shop_runs) -> state = WAITING; publish(shop)
		:: else
		fi;
		do
		:: stale -> look_at_need()
		:: !stale && db.hung_up -> stale = 1 /* needs_dispatch */
		:: !stale && looked && state == WAITING && settled && !lost ->
			/* look_at_needs: run is forked, and stands at its gate */
			state = STARTING;
#ifdef MUTANT_GATE_BEFORE_PUBLISHING
			atomic { assert(db_runs); shop_runs = 1 };
#endif
			publish(shop)
		:: !stale && looked && state == STARTING && !shop_runs && (lost || !settled) ->
			/* has_not_begun */
			state = WAITING;
			publish(shop)
		:: looked && state == STARTING && !shop_runs && !stale && settled && !lost ->
			/* service_open_gates, needs_stirred */
			if
#ifndef MUTANT_DOES_NOT_LOOK_AGAIN
			:: db.hung_up -> stale = 1
#endif
			:: else -> atomic { assert(db_runs); shop_runs = 1 };
#ifdef MUTANT_ENTERS_LATE
				entry = 1
#endif
			fi
		:: state == STARTING && shop_runs ->
			/* child_report */
			state = UP;
			publish(shop)
		:: !stale && looked && lost && state == UP ->
			state = STOPPING;
			publish(shop)
		:: state == STOPPING ->
			shop_runs = 0;
			state = WAITING; /* settle, service_may_start */
			publish(shop)
		od
	} unless { kill_shop };
	kill_shop = 0;
	goto start
}

/* ------------------------------------------------------------------------- everybody else */

active proctype Client()
{
	byte n = 0;
	do
	:: n < COMMANDS && !command -> d_step { to_go = !(n & 1); command = 1; n++ }
	:: break
	od
}

active proctype Monkey()
{
	byte n = 0;
	do
	:: n < KILLS && !kill_db -> kill_db = 1; n++
	:: n < KILLS && !kill_shop -> kill_shop = 1; n++
	:: break
	od
}

/* When nothing more can happen */
active proctype Check()
{
	timeout;
	assert(db.state != 0 && shop.state != 0);
	if
	:: db.want ->
		assert(db.state == UP && db_runs && !db.awaits);
		assert(shop.state == UP && shop_runs)
	:: else ->
		assert(db.state == DOWN && !db_runs);
		assert(shop.state == WAITING && !shop_runs)
	fi;
#ifdef MUTANT_THAT_IS_NONE /* does the search come here at all? */
	assert(false)
#endif
}
