/* Chance, by a seed, the same in every run; each process of a test has its own. */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include <stdint.h>

/* Begins anew: by a seed of 64 bits, and whoever of many draws. */
void chance_seed(uint64_t seed, uint64_t self);

/* 0 up to n - 1. */
uint64_t chance_below(uint64_t n);

/* A seed for a child's own chance. */
uint64_t chance_pass_on(void);

/* Sleeps; no signal ends it early enough to matter. */
void chance_pause(uint64_t nanoseconds);

#endif
