/* The names in a directory, without the memory that opendir(3) takes: a supervisor reads its
 * service directory at each start, and a C library's buffer is larger than all that it holds
 * otherwise. */
#ifndef CINIT_LISTING_H
#define CINIT_LISTING_H

/* Calls `each` for each name but `.` and `..`, from where the open directory `fd` stands, with the
 * type as readdir(3) has it (DT_...). 0, or -1 with errno: some may be missing. */
int listing_each(int fd, void (*each)(char const *name, unsigned int type, void *data), void *data);

#endif
