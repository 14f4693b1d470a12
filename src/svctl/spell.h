/* What was probably meant. */
#ifndef SVCTL_SPELL_H
#define SVCTL_SPELL_H

/* How many letters were left out, put in, mistaken or swapped with their neighbour, if it may be a
 * slip: 1 or 2. 0: it is the same word, or another one altogether; two mistakes are too many for a
 * word of four letters. */
unsigned int spell_slip(char const *typed, char const *known);

#endif
