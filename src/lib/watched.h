/* Is this built for a tool that follows forks and stacks by itself, and knows no others? The
 * sanitizers; valgrind with -DCINIT_WATCHED=1. Then children are plain forks. */
#ifndef CINIT_WATCHED_H
#define CINIT_WATCHED_H

#if !defined(CINIT_WATCHED) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CINIT_WATCHED 1
#endif
#endif
#if !defined(CINIT_WATCHED) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define CINIT_WATCHED 1
#endif
#ifndef CINIT_WATCHED
#define CINIT_WATCHED 0
#endif

#endif
