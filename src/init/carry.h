/* What cinit hands over to the program that takes its place, and how that takes it. */
#ifndef INIT_CARRY_H
#define INIT_CARRY_H

struct init;

/* Executes i->program in our place. Returns only when that failed, with errno: then all is as
 * before. */
void carry_execute(struct init *i);

/* The same from a handler of a fault, by the descriptor i->self: only what needs no memory but
 * *i is in hand, and the rest is on disk. */
void carry_execute_fault(struct init *i);

/* Enters what was handed over by the descriptor `fd`, which it closes. 0, or -1 with errno. */
int carry_read(struct init *i, int fd);

#endif
