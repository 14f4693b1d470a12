/* How a helper tells that it is ready. */
#ifndef TESTS_PART_TELL_H
#define TESTS_PART_TELL_H

/* A newline on this descriptor; 0: there is none, -1 with errno. */
int tell_fd(int fd);

/* READY=1 to $NOTIFY_SOCKET; -1 with errno. */
int tell_notify(void);

#endif
