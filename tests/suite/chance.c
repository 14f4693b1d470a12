/* Chance: xorshift, seeded so that neighbouring seeds differ. */
#include "chance.h"

#include <time.h>

#include "clock.h"

static uint64_t state = 1;

uint64_t chance_below(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % n;
}

void chance_seed(uint64_t seed, uint64_t self)
{
	state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^
		(self + 1) * UINT64_C(0xbf58476d1ce4e5b9);
	state |= !state;
	for (int i = 0; i < 8; i++)
		chance_below(2);
}

uint64_t chance_pass_on(void)
{
	return chance_below(UINT64_MAX >> 12);
}

void chance_pause(uint64_t nanoseconds)
{
	struct timespec t = { .tv_sec = (time_t)(nanoseconds / CLOCK_SECOND),
		.tv_nsec = (long)(nanoseconds % CLOCK_SECOND) };
	nanosleep(&t, NULL);
}
