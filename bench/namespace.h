/* Namespaces of one's own. */
#ifndef BENCH_NAMESPACE_H
#define BENCH_NAMESPACE_H

/* `flags` as of unshare(2). Without rights of its own a user namespace gives them. 0, or -1. */
int namespaces_enter(int flags);

#endif
