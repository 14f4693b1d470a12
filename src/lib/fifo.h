/* FIFOs with a name, in a state directory of ours. */
#ifndef CINIT_FIFO_H
#define CINIT_FIFO_H

/* Opens the FIFO `name` of the directory `dir`, made with mode 0600 where there is none; something
 * else in its place is debris and makes way. `access` is O_RDONLY or O_RDWR: neither waits. The
 * descriptor is non-blocking and close-on-exec. -1 with errno; a FIFO of ours is never removed, as
 * there may be something in it. */
int fifo_open(int dir, char const *name, int access);

#endif
