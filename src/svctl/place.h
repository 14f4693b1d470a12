/* Service directories by device and inode: which service of the tree a path means. */
#ifndef SVCTL_PLACE_H
#define SVCTL_PLACE_H

#include <sys/stat.h>

#include "target.h"

struct place {
	dev_t device;
	ino_t inode;
	char *name;
};

/* The name of the service that cinit runs from directory `path`, whose stat is `st`; NULL: none.
 * Valid as long as `path` and `w` are. */
char const *place_name(struct where *w, char const *path, struct stat const *st);

#endif
