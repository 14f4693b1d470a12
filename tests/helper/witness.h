/* What a witness tells a test while both live: a file that they map, $TREE/NAME.witness, with '-'
 * for '/' in NAME. See witness.c. */
#ifndef TESTS_WITNESS_H
#define TESTS_WITNESS_H

#include <stdatomic.h>
#include <stdint.h>

enum { WITNESS_LIVES = 4096 }; /* remembered: the last ones */

struct witness {
	_Atomic uint32_t bell; /* counted up, and rung (futex), when one of the others changes */
	_Atomic uint32_t pid;  /* the instance that lives, or was killed; 0: none */
	_Atomic uint32_t usr1, usr2; /* how often each came */
	_Atomic uint64_t identity;   /* of pid, see process.h */
	/* of one that talks: how often it began to, and how many lines of each life write(2) has
	 * taken; the last one of a life that was killed may have been taken without being counted
	 */
	_Atomic uint32_t lives;
	_Atomic uint32_t taken[WITNESS_LIVES];
};

#endif
