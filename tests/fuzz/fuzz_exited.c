/* The file `exited`: wait statuses that cinit has left for a supervisor. Whatever lies there, the
 * supervisor finds the first record of the process that it asks for, and nothing else. */
#include "fuzz.h"

/* find_exited is nobody's business but this file's */
#include "supervise/reap.c"

#include "bytes.h"

/* As cinit-ipc(7) has it. */
static int expected(uint8_t const *data, size_t size, struct status_child const *c, int *wstat)
{
	for (; size >= 16; data += 16, size -= 16) {
		uint64_t identity = get_be64(data + 8);
		if (get_be32(data) == c->pid &&
			(!identity || !c->identity || identity == c->identity)) {
			*wstat = (int)get_be32(data + 4);
			return 1;
		}
	}
	return 0;
}

/* The input: pid 4 and identity 8 of whom is asked for, then the file. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static struct service x;
	struct status_child c = { .phase = PHASE_STARTED };
	int found, theirs = 0, ours = 0;

	if (size < 12)
		return 0;
	x.dir = fuzz_scratch();
	c.pid = get_be32(data);
	c.identity = get_be64(data + 4);
	EXPECT(fuzz_file(x.dir, "exited", data + 12, size - 12, 0600) == 0);
	found = find_exited(&x, &c, &theirs);
	EXPECT(found == expected(data + 12, size - 12, &c, &ours));
	EXPECT(!found || theirs == ours);
	if (found && theirs >= 0) { /* what waitid could have said of it is decoded everywhere */
		never_ran(&x, ROLE_RUN, theirs, 1);
		is_success(&x, theirs);
	}
	return 0;
}
