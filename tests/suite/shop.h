/* Services that depend on each other and keep a diary, for tests of svctl. */
#ifndef TESTS_SHOP_H
#define TESTS_SHOP_H

#include "tree.h"

/* Says "NAME up" and is ready then, and "NAME down" when it is told to go. */
#define SHOP_DIARY                                                                                 \
	"trap 'say $CINIT_SERVICE down; exit 0' TERM\n"                                            \
	"say $CINIT_SERVICE up\n"                                                                  \
	"echo >&3\n"                                                                               \
	"exec 3>&-\n"                                                                              \
	"sleep 1000 & wait"

/* A file of a service directory. */
void shop_write(char const *name, char const *entry, char const *text);

/* Makes a service depend on others: "needs/db wants/clock". */
void shop_depends(char const *name, char const *entries);

/* A service with a diary that depends on others. */
void shop_service(char const *name, char const *entries);

/* One that exits 3 and gives up at once; it is never ready. */
void shop_lame(char const *name);

/* Wait for a service of the tree. */
void shop_ready(char const *name);
void shop_down(char const *name);

/* A service of the tree, for UNTIL. */
struct place shop_place(char const *name);

#endif
