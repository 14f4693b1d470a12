/* svctl's job machine in a test's hands. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "svctl_job.h"

struct job job;
struct status record;
struct status_ring ring;

int job_reset(void **state)
{
	(void)state;
	memset(&record, 0, sizeof record);
	memset(&ring, 0, sizeof ring);
	record.state = STATE_UP;
	record.want = WANT_UP;
	record.flags = FLAG_READY;
	record.incarnation = 5;
	record.supervisor = 10;
	record.starts = 3;
	record.child[ROLE_RUN] = (struct status_child){ .pid = 20, .phase = PHASE_STARTED };
	return 0;
}

enum job_act step(enum job_event event)
{
	return job_step(&job, event, &record, &ring);
}

void begin(char const *word, unsigned int options)
{
	struct verb const *v = verb_find(word);
	assert_non_null(v);
	job_init(&job, v, options);
	assert_int_equal(step(JOB_BEGIN), JOB_DO_WATCH);
}

/* As the loop does, and the frame goes out. */
void sends(enum job_event event, char letter, uint64_t id)
{
	assert_int_equal(step(event), JOB_DO_SEND);
	assert_int_equal(job_letter(&job), letter);
	if (!*job_id(&job))
		*job_id(&job) = id;
	assert_int_equal(*job_id(&job), id);
}

void answer(uint64_t id, enum status_result result, enum status_why why)
{
	status_acknowledge(&record, &ring, id, result, why);
	record.change++;
}

void ends(enum job_act act, enum job_outcome outcome)
{
	assert_int_equal(act, JOB_DO_END);
	assert_int_equal(job.phase, JOB_OVER);
	assert_int_equal(job.outcome, outcome);
}

void is_down(void)
{
	record.state = STATE_DOWN;
	record.child[ROLE_RUN] = (struct status_child){ 0 };
	record.flags = 0;
}

void has_exited(void)
{
	is_down();
	record.flags = FLAG_EXITED;
	record.supervisor = 0;
}
