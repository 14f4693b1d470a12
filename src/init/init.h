/* cinit: the process that everything else descends from.
 *
 * It does fixed work only: it starts one supervisor for each service and gives a service whose
 * supervisor died another one; it reaps whatever ends; it holds the log pipes; it obeys its pair
 * and its signals; it stops the tree. What a service wants, needs and does is its supervisor's
 * business, and cinit learns of it from status records only.
 *
 * A turn of the loop (loop.c) goes: wait; signals (signal.c); commands (command.c); the dead
 * (reap.c, and orphans.c for those of a dead supervisor); supervisors that are due (spawn.c); CMD
 * (cmd.c); the stop (shutdown.c, which carries out what the machine in stop.h says); publish
 * (record.c).
 *
 *   main.c      options, the order of setting up
 *   boot.c      run directory, lock, pair; the table filled from the service directory
 *   rescan.c    the same again, while the tree runs; services that vanish
 *   instance.c  services that are made from a template when somebody asks for them
 *   cycles.c    a child that looks for needs in a circle
 *   state.c     what is taken away from a state directory
 *   takeover.c  supervisors that a former cinit left behind
 *   upgrade.c   another program in our place, when it has said that it can
 *   resume.c    that program's beginning; carry.c: what it is handed
 *   fault.c     PID 1 that got a fatal signal executes itself again
 *   apart.c     memory that supervisors do not get
 *   machine.c   the end of a machine; machine_mount.c: its beginning
 *   stop.c tree.c scan.c pidmap.c option.c message.c title.c   know nothing of all this
 *
 * Nothing here sleeps or blocks, and every delay is a deadline in an object. Memory is had at boot
 * and at a rescan; after that the tree runs on what it has.
 *
 * Descriptors: 0, 1, 2; run directory, `.cinit` and its lock; `in`, `out`; the signals; the `out`
 * of the service that CMD waits for: ten. PID 1 has one of its own program, too, and during an
 * upgrade there are two for a moment. One more for each FIFO that is held (enum service_hold), for
 * each supervisor that was taken over (a pidfd), and one with conf/cgroup. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <limits.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../lib/handover.h"
#include "../lib/ipc.h"
#include "../lib/rundir.h"
#include "../lib/status.h"
#include "pidmap.h"
#include "stop.h"
#include "tree.h"

#define RUN_DEFAULT "/run/cinit" /* services are not told of this one: clients find it */

#define EXIT_USAGE  100 /* also: another cinit has this run directory */
#define EXIT_SYSTEM 111

struct pollfd;

/* Was there another program in this process before? */
enum resumed { RESUMED_NOT, RESUMED_UPGRADE, RESUMED_FAULT };

#define UPGRADES_MAX 16 /* that may ask for one and the same */

/* An upgrade: the program that is there now is asked, and executed when it can take over. */
struct upgrade {
	pid_t asked;      /* the process that it answers from; 0: none */
	int answer;       /* what it says; -1: nobody is asked */
	uint64_t limit;   /* when it is not waited for any longer */
	uint8_t due;      /* it can: at the end of the turn */
	size_t services;  /* how many there were that it was to understand */
	struct stat file; /* what was asked; another one is not executed */
	unsigned int count;
	uint64_t id[UPGRADES_MAX]; /* frames to be answered */
};

enum cmd_phase {
	CMD_NONE,   /* there is none, or it has ended */
	CMD_AWAITS, /* some services have not yet been tried */
	CMD_DUE,    /* to be forked at `due` */
	CMD_RUNS
};

/* The command that cinit was given. */
struct cmd {
	char **argv;      /* NULL: none was given */
	uint8_t phase;    /* enum cmd_phase */
	uint8_t terminal; /* it was made the foreground of our terminal */
	pid_t pid;
	unsigned int row; /* forks that failed in a row */
	uint64_t due;
	uint64_t report; /* while it awaits: when to say whom */
	size_t next;     /* the service that is awaited, by its place in the tree */
	struct cinit_client watch;
};

struct init {
	/* what was asked for */
	char run_path[RUNDIR_PATH];
	char const *service_path; /* absolute */
	char const *profile;      /* the only service that is wanted at boot; NULL: all are */
	uint32_t stop_limit;      /* milliseconds; 0: none */
	/* what we were given, and what we are */
	struct rlimit nofile;
	mode_t umask;
	gid_t control_group;
	unsigned char boot_id[16];
	char *title;
	size_t title_size;
	char **argv;
	char program[PATH_MAX];        /* what we were executed as; "": unknown */
	int self;                      /* PID 1's own program; -1: not held */
	int former;                    /* the program before this one; -1: not held */
	uint8_t former_reads;          /* what we write */
	uint64_t proved;               /* until when it is held */
	struct handover_reader handed; /* by it; no bytes: nothing can be handed back */
	char returned[STATUS_TEXT];    /* why what we handed over came back; "": it did not */
	uint64_t faults[2];            /* the last two, CLOCK_BOOTTIME ns */
	uint8_t ready;                 /* all of this means something */
	uint8_t resumed;               /* enum resumed */
	uint8_t first;                 /* we are PID 1 */
	uint8_t machine;               /* of a machine, not of a container */
	uint8_t fresh;                 /* what the run directory tells is of another time */
	uint8_t keeps_exits; /* a former cinit's tree goes on, with those who were told to exit */
	/* what we hold */
	char cgroup[RUNDIR_PATH]; /* the subtree of services' control groups; "": they have none */
	int cgroup_lock;          /* of that; -1: none */
	int run, dir, lock, signals;
	struct cinit_ipc ipc;
	struct status status;
	struct status_ring ring;
	uint8_t dirty; /* our record is not yet published */
	unsigned int publish_row;
	uint64_t publish_due;
	uint64_t out_due;   /* when to try again to make `out`; 0: there is one */
	uint8_t more;       /* commands are left for the next turn */
	uint8_t reap_first; /* somebody may have ended while another program was here */
	struct tree tree;
	uint64_t templates;    /* what there was of them when the service directory was read */
	pid_t cycles;          /* looks for cycles; 0: none does */
	uint8_t cycles_again;  /* when it has ended, or boot has begun everything, one does */
	struct pidmap orphans; /* value: struct service; tag: enum orphan_tag */
	uint8_t spawning;      /* some are due at this moment, for the next turn */
	uint8_t said_fork;     /* that forking fails was said */
	struct pollfd *polls;
	uint8_t unwatched;  /* supervisors may live whose end we would not notice, or be dead and
			       their seals not broken: our own record has no seal, so that nobody
			       relies on those of others */
	size_t polls_taken; /* room in it for supervisors that were taken over */
	struct cmd cmd;
	struct upgrade upgrade;
	/* the end */
	struct stop stop;
	struct pidmap swept; /* processes that got TERM in the sweep */
	uint8_t childless;   /* the last wait said that we have no child at all */
	int how;             /* enum shutdown_how */
	int code;            /* to exit with */
};

/* boot.c: each returns 0, or the code to exit with after it has said why. */
int boot_directories(struct init *i, char const *run_dir, char const *service_dir);
int boot_profile(struct init *i, char const *given);
int boot_record(struct init *i);
int boot_services(struct init *i);
void boot_begin(struct init *i, struct service *s, uint64_t now);

/* upgrade.c: upgrade_begin: 0: the answer follows; -1: refused, and the record says why. */
int upgrade_begin(struct init *i, uint64_t id);
void upgrade_answered(struct init *i, int wait_status);
void upgrade_turn(struct init *i, uint64_t now);
void upgrade_done(struct init *i);
void upgrade_returned(struct init *i);
int upgrade_formats(struct init *i);

/* resume.c: instead of all of boot.c. */
int resume(struct init *i);

/* fault.c: fault_drop is for a child that does not execute. */
void fault_prepare(struct init *i);
void fault_settled(struct init *i);
int fault_taken(struct init const *i);
void fault_drop(struct init const *i);

/* state.c: state directories of services. */
void state_begin(struct init const *i, struct service const *s);
void state_mark(struct init const *i, struct service *s);
void state_unmark(struct init const *i, struct service *s);
int state_is_marked(struct init const *i, struct service *s);
void state_unkept(struct init *i, struct service const *s);
void state_remove(struct init const *i, char const *name);
void state_tidy(struct init const *i);

/* instance.c: services that have no directory of their own. */
enum instance_made { INSTANCE_MADE, INSTANCE_UNKNOWN, INSTANCE_REFUSED };
enum instance_made instance_make(struct init *i, char const *name);
struct service *instance_add(struct init *i, char const *name);
int instance_directory(struct init const *i, struct service const *s, char out[PATH_MAX]);
int instance_described(struct init const *i, char const *name);

/* cycles.c: looks for needs that form a cycle, in a child. */
void cycles_look(struct init *i);
void cycles_turn(struct init *i);
void cycles_ended(struct init *i, int wait_status);

/* settings.c: conf/ in the service directory. */
void settings_read(struct init *i);

/* cgroup.c: conf/cgroup, once. */
void cgroup_prepare(struct init *i);
void cgroup_leave(struct init *i);

/* record.c: cinit's own status record. */
void record_begin(struct init *i, struct status const *former);
void record_reason(struct init *i, unsigned int reason, char const *text);
void record_prepared(struct init *i, struct service *s, int error);
void record_state(struct init *i, unsigned int state);
void record_publish(struct init *i, uint64_t now);
void record_unseal(struct init *i);

/* spawn.c */
int spawn_prepare(struct init *i, struct service *s);
void spawn_due(struct init *i, uint64_t now);
void spawn_again(struct init *i, struct service *s, uint64_t now);
void spawn_limit(struct init *i);
void spawn_let_go(struct init *i, struct service *s);
void spawn_poke(int run, char const *name);
void spawn_poke_all(struct init const *i);

/* takeover.c */
int takeover(struct init *i, struct service *s, struct status const *st);
int takeover_lives(struct init const *i, struct service const *s);
int takeover_unseen(struct init const *i, struct service const *s);
int takeover_polls(struct init *i, size_t others);
size_t takeover_fill(struct init const *i, struct pollfd *fds);
void takeover_ended(struct init *i, struct pollfd const *fds, size_t n);

/* rescan.c: 0, or -1 where the service directory could not be read: then nothing has changed. 1: a
 * service could not be given a state directory, and the record says which. */
int rescan(struct init *i);
int rescan_wake(struct init *i, struct service *s);
void rescan_forget(struct init *i, struct service *s);
void rescan_leftovers(struct init *i);

/* reap.c */
int reap(struct init *i);
void reap_supervisor(struct init *i, struct service *s, int const *wait_status);
void reap_look(struct init *i, struct service *s, struct status const *st);

/* orphans.c */
void orphans_note(struct init *i, struct service *s, struct status const *st);
void orphans_resume(struct init *i);
struct service *orphans_record(struct init *i, pid_t pid, int wait_status);

/* command.c */
void command_turn(struct init *i);

/* signal.c: 0, or -1 with errno. */
int signal_init(struct init *i);
int signal_trap(int limited);
int signal_turn(struct init *i);

/* cmd.c */
void cmd_turn(struct init *i, uint64_t now, int hung_up);
void cmd_await_anew(struct init *i);
void cmd_passes(struct init *i, struct service const *s);
void cmd_look_stopped(struct init *i);
void cmd_ended(struct init *i, int wait_status);
void cmd_kill(struct init *i, int sig);

/* shutdown.c */
void shutdown_begin(struct init *i, int how, int code);
void shutdown_hurry(struct init *i);
void shutdown_tell(struct init *i, struct service const *s);
void shutdown_turn(struct init *i, int reaped);

/* loop.c: loop_prepare comes first: 0, or -1 with errno. loop_run returns when all is over. */
int loop_prepare(struct init *i);
void loop_run(struct init *i);

#endif
