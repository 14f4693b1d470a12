/* svctl's job machine in a test's hands: a record, a ring of answers, and the steps between them.
 */
#ifndef TESTS_SVCTL_JOB_H
#define TESTS_SVCTL_JOB_H

#include "svctl/job.h"

#define ID 77

extern struct job job;
extern struct status record;
extern struct status_ring ring;

/* A service that is up, in its third generation. cmocka's set-up. */
int job_reset(void **state);

/* One event, with the record and the ring as they are. */
enum job_act step(enum job_event event);

/* A new job, up to its first look. */
void begin(char const *word, unsigned int options);

/* The event makes the job send this letter, with this id (or the one that it kept). */
void sends(enum job_event event, char letter, uint64_t id);

/* The supervisor has answered. */
void answer(uint64_t id, enum status_result result, enum status_why why);

/* The act is the end, with this outcome. */
void ends(enum job_act act, enum job_outcome outcome);

/* What becomes of the service. */
void is_down(void);
void has_exited(void);

#endif
