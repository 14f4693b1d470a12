/* Where things are: the run directory, the service directory, and names.
 *
 * Run directory: the one given, else $CINIT_RUN, else /run/cinit; for owners who may not write
 * there, $XDG_RUNTIME_DIR/cinit, then /dev/shm/cinit-UID. */
#ifndef CINIT_RUNDIR_H
#define CINIT_RUNDIR_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/stat.h>

#define RUNDIR_PATH 512      /* room for a run directory's name, NUL included */
#define RUNDIR_TREE ".cinit" /* cinit's own pair, below the run directory */

enum rundir_error {
	RUNDIR_OK,
	RUNDIR_NONE, /* none exists (clients), none can be made (owners); errno says why, of several
		      * tries that of the last which failed with more than ENOENT */
	RUNDIR_FOREIGN, /* EPERM: a link, no directory, not ours, or others may write to it */
	RUNDIR_LONG     /* the name is too long */
};

/* For cinit: finds or makes the run directory, mode 0755, ours. `given` may be NULL. The name that
 * was used, or refused, is in `path`, absolute; as it was given where there is no such name.
 * Returns a directory descriptor in *fd (close-on-exec; -1 on failure). A name from `given` or
 * $CINIT_RUN stands alone: when it will not do, nothing else is tried. Without one, a candidate
 * that is foreign, cannot be made or cannot be written to is passed over, and RUNDIR_FOREIGN told
 * only when no later one serves. A good directory of root's that we may not fill is no foreign one
 * but EACCES. Another user's $XDG_RUNTIME_DIR is ignored. Missing parents are not made. */
enum rundir_error rundir_make(char path[RUNDIR_PATH], char const *given, int *fd);

/* For clients: the first that exists, belongs to root or to us, and is alive, as `lives` says of
 * its descriptor; where none is, the first that exists. Who was root once and is not now has a tree
 * that has ended before the one that runs. */
enum rundir_error rundir_find(
	char path[RUNDIR_PATH], char const *given, int (*lives)(int fd), int *fd);

/* Which of the reasons there are speaks against directory `name` under `base`, when RUNDIR_FOREIGN
 * or EPERM was the answer: "it is a link". */
#define RUNDIR_REFUSAL 64
char const *rundir_refusal(int base, char const *name, char text[RUNDIR_REFUSAL]);

/* Opens directory `name` under `base`, refusing links and directories that others than root and we
 * own or may write to. Makes it first with `mode` where mode is not 0 (exactly that mode, whatever
 * the umask). Only the directory itself is judged, and a sticky bit is no excuse. Descriptor or -1;
 * EPERM: foreign. */
int rundir_open(int base, char const *name, mode_t mode);

/* The same, and tells whether it was made just now: then nothing is in it. */
int rundir_enter(int base, char const *name, mode_t mode, int *is_new);

/* Is this a service's name: 1 to 255 bytes, no '/', no leading '.', not "conf", no control
 * characters? */
int service_name_valid(char const *name);

/* What an argument on a command line means. */
enum service_place {
	SERVICE_NAMED, /* state in RUNDIR/name */
	SERVICE_PATH   /* state in DIR/supervise */
};

#endif
