/* What a witness tells a test while both live: a file that they map, $TREE/NAME.witness, with '-'
 * for '/' in NAME. See witness.c. */
#ifndef TESTS_WITNESS_H
#define TESTS_WITNESS_H

#include <stdatomic.h>
#include <stdint.h>

struct witness {
	_Atomic uint32_t bell; /* counted up, and rung (futex), when one of the others changes */
	_Atomic uint32_t pid;  /* the instance that lives; 0: none */
	_Atomic uint32_t usr1, usr2; /* how often each came */
};

#endif
