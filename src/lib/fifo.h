/* FIFOs with a name, in a state directory of ours. */
#ifndef CINIT_FIFO_H
#define CINIT_FIFO_H

#include <sys/types.h>

/* Opens the FIFO `name` of the directory `dir`, made with mode 0600 where there is none; something
 * else in its place is debris and makes way. `access` is O_RDONLY or O_RDWR: neither waits. The
 * descriptor is non-blocking and close-on-exec. -1 with errno; a FIFO of ours is never removed, as
 * there may be something in it. */
int fifo_open(int dir, char const *name, int access);

/* Up to `size` bytes of what is at the head of a FIFO, where they stay. `scratch`: both ends of an
 * empty pipe that does not block; it is empty afterwards, too. As read(2); does not wait. */
ssize_t fifo_peek(int fd, int const scratch[2], void *buf, size_t size);

#endif
