/* What a supervisor hands over to the program that takes its place, and how that takes it. */
#ifndef SUPERVISE_CARRY_H
#define SUPERVISE_CARRY_H

struct supervisor;
struct supervise_options;

/* Executes o->program in our place. Returns only when that failed, with errno: then all is as
 * before. */
void supervisor_execute(struct supervisor *sup);

/* Enters what was handed over by the descriptor `fd`, which it closes. 0, or -1 with errno. */
int supervisor_take(struct supervisor *sup, struct supervise_options *o, int fd);

#endif
