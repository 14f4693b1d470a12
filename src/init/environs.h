/* Our environment, which services get, in memory of our own: what setenv(3) takes from malloc every
 * fork would get page tables for. */
#ifndef INIT_ENVIRONS_H
#define INIT_ENVIRONS_H

/* Moves `environ`, array and strings, away from where the kernel laid them out. 0, or -1: no
 * memory, and nothing has changed. */
int environs_move(void);

/* Sets a variable. 0, or -1 with errno. */
int environs_set(char const *name, char const *value);

#endif
