/* What cinit hands over to the program that takes its place, and how that takes it. */
#ifndef INIT_CARRY_H
#define INIT_CARRY_H

struct init;

/* Executes i->program in our place. Returns only when that failed, with errno: then all is as
 * before. */
void carry_execute(struct init *i);

/* What it would hand over, for the next program to look at: a memfd, or -1 with errno. */
int carry_show(struct init const *i);

/* The same as carry_execute from a handler of a fault, by a descriptor, i->former or i->self: only
 * what needs no memory but *i is in hand, and the rest is on disk. */
void carry_execute_fault(struct init *i);

/* Reads what was handed over by the descriptor `fd`, which it closes: first of all, so that it can
 * be handed back. 0, or -1 with errno. */
int carry_read(struct init *i, int fd);

/* Enters it. 0, or -1 with errno. */
int carry_take(struct init *i);

/* It was entered, and all is well: there is nothing to hand back any more. */
void carry_taken(struct init *i);

/* We cannot go on: the program before us is executed again, with what it had. Needs no memory.
 * Returns where there is none, or that failed. */
void carry_return(struct init *i, char const *why);

#endif
