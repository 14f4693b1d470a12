/* Listing a directory by the system call itself; see listing.h. */
#include "listing.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's, the same on every architecture. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length; /* of the whole entry */
	uint8_t type;
	char name[];
};
_Static_assert(offsetof(struct entry, name) == 19, "as getdents64(2) has it");

static int is_dots(char const *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int listing_each(int fd, void (*each)(char const *name, unsigned int type, void *data), void *data)
{
	alignas(struct entry) char buf[1024]; /* the longest entry has 280 bytes */

	for (;;) {
		long n = syscall(SYS_getdents64, fd, buf, sizeof buf);
		if (n <= 0)
			return n < 0 ? -1 : 0;
		for (long at = 0; at < n;) {
			struct entry const *e = (struct entry const *)(void *)(buf + at);
			if (!is_dots(e->name))
				each(e->name, e->type, data);
			at += e->length;
		}
	}
}
