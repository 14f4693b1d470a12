/* The service that everybody supervises in the benchmark: it notes that it runs, and waits.
 *
 * service [NUMBER]   without one: the digits that its working directory ends with */
#include "shared.h"

#include <linux/futex.h>
#include <sys/syscall.h>

static unsigned int number_at_end(char const *text)
{
	char const *digits = text;
	for (char const *p = text; *p; p++)
		if (*p < '0' || *p > '9')
			digits = p + 1;
	return (unsigned int)atoi(digits);
}

int main(int argc, char **argv)
{
	uint64_t started = now_ns();
	char here[4096];
	struct shared *shared = shared_map(getenv(SHARED_ENV));

	if (!shared || (argc < 2 && !getcwd(here, sizeof here)))
		return 1;
	unsigned int number = number_at_end(argc > 1 ? argv[1] : here);
	if (number >= SHARED_SLOTS)
		return 1;
	struct slot *slot = shared->slot + number;
	slot->pid = (uint32_t)getpid();
	slot->started = started;
	slot->starts++;
	if (__atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST) ==
		__atomic_load_n(&shared->target, __ATOMIC_SEQ_CST)) {
		shared->when = started;
		__atomic_store_n(&shared->reached, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &shared->reached, FUTEX_WAKE, 1000, 0, 0, 0);
	}
	munmap(shared, sizeof *shared);
	for (;;)
		pause();
}
