/* Signals as a fresh process has them. */
#ifndef CINIT_SIGNALS_H
#define CINIT_SIGNALS_H

/* Sets every signal that is ignored to its default and empties the mask: what a caller (nohup, a
 * container runtime, a shell's background) ignored or blocked must not reach services. */
void signals_clean(void);

/* Only the former: what is blocked stays so, and what came meanwhile waits. */
void signals_default(void);

#endif
