/* cinit's tables: pids and services. */
/* wrap: mmap */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <string.h>
#include <unistd.h>

#include "init/apart.h"
#include "init/pidmap.h"
#include "init/tree.h"

#define PIDS 3000

void *__real_mmap(void *at, size_t size, int may, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int may, int flags, int fd, off_t offset);

static int no_memory;

void *__wrap_mmap(void *at, size_t size, int may, int flags, int fd, off_t offset)
{
	if (!no_memory)
		return __real_mmap(at, size, may, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

/* ------------------------------------------------------------------------------- pids */

static unsigned int seed = 12345;

static unsigned int chance(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void agrees_with_a_plain_array(void **state)
{
	static void *known[PIDS];
	static char marks[7];
	struct pidmap m = { 0 };
	size_t used = 0;

	(void)state;
	assert_null(pidmap_get(&m, 1));
	pidmap_drop(&m, 1);
	for (unsigned int n = 0; n < 40000; n++) {
		/* pids that share their low bits collide */
		unsigned int k = 1 + chance(PIDS - 1);
		pid_t pid = (pid_t)(k % 3 ? k : k * 4096);
		if (chance(5) < 3) {
			used += !known[k];
			known[k] = marks + chance(sizeof marks);
			assert_non_null(pidmap_put(&m, pid, known[k]));
		} else {
			used -= known[k] != NULL;
			known[k] = NULL;
			pidmap_drop(&m, pid);
		}
		assert_int_equal(m.used, used);
	}
	for (unsigned int k = 1; k < PIDS; k++) {
		struct pidmap_entry const *e = pidmap_get(&m, (pid_t)(k % 3 ? k : k * 4096));
		assert_ptr_equal(e ? e->value : NULL, known[k]);
	}
	pidmap_drop_value(&m, marks + 3);
	for (unsigned int k = 1; k < PIDS; k++) {
		struct pidmap_entry const *e = pidmap_get(&m, (pid_t)(k % 3 ? k : k * 4096));
		assert_ptr_equal(e ? e->value : NULL, known[k] == marks + 3 ? NULL : known[k]);
	}
	apart_array_free(m.entry, m.size, sizeof *m.entry);
}

static void goes_on_without_memory_until_it_is_full(void **state)
{
	struct pidmap m = { 0 };
	int mark;

	(void)state;
	no_memory = 1;
	assert_null(pidmap_put(&m, 1, &mark));
	no_memory = 0;
	assert_int_equal(pidmap_reserve(&m, 10), 0);
	no_memory = 1;
	pid_t pid = 1;
	while (pidmap_put(&m, pid, &mark))
		pid++;
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(pid, m.size); /* one slot stays free, or a search would not end */
	assert_null(pidmap_get(&m, pid));
	/* what is known can still be replaced, and dropped */
	assert_non_null(pidmap_put(&m, 1, NULL));
	pidmap_drop(&m, 2);
	assert_non_null(pidmap_put(&m, pid, &mark));
	no_memory = 0;
	assert_non_null(pidmap_put(&m, pid + 1, &mark));
	for (pid_t p = 3; p <= pid + 1; p++)
		assert_ptr_equal(pidmap_get(&m, p)->value, &mark);
	apart_array_free(m.entry, m.size, sizeof *m.entry);
}

/* --------------------------------------------------------------------------- services */

static void empty(struct tree *t)
{
	while (t->count)
		tree_remove(t, t->list[0]);
	apart_array_free(t->list, t->room, sizeof *t->list);
	apart_array_free(t->supervisors.entry, t->supervisors.size, sizeof *t->supervisors.entry);
	*t = (struct tree){ 0 };
}

static void keeps_services_by_name(void **state)
{
	static char const *const names[] = { "web", "db", "a", "zz", "db-1", "Web", "b" };
	size_t const n = sizeof names / sizeof *names;
	struct service *s[sizeof names / sizeof *names];
	struct tree t = { 0 };

	(void)state;
	assert_null(tree_find(&t, "web"));
	for (size_t i = 0; i < n; i++)
		s[i] = tree_add(&t, names[i]);
	assert_ptr_equal(tree_add(&t, "web"), s[0]);
	assert_int_equal(t.count, n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(tree_find(&t, names[i]), s[i]);
		assert_string_equal(s[i]->name, names[i]);
	}
	for (size_t i = 1; i < n; i++)
		assert_true(strcmp(t.list[i - 1]->name, t.list[i]->name) < 0);
	tree_remove(&t, s[1]);
	assert_null(tree_find(&t, "db"));
	assert_ptr_equal(tree_find(&t, "db-1"), s[4]);
	assert_int_equal(t.count, n - 1);
	empty(&t);
}

static void says_when_there_is_no_memory(void **state)
{
	struct tree t = { 0 };

	(void)state;
	no_memory = 1;
	assert_null(tree_add(&t, "web"));
	assert_int_equal(tree_reserve(&t, 10), -1);
	assert_int_equal(errno, ENOMEM);
	no_memory = 0;
	assert_int_equal(t.count, 0);
	apart_array_free(t.list, t.room, sizeof *t.list);
}

static void counts_who_lives_and_who_is_due(void **state)
{
	struct tree t = { 0 };
	struct service *a = tree_add(&t, "a"), *b = tree_add(&t, "b");

	(void)state;
	tree_schedule(&t, a, 50);
	tree_schedule(&t, b, 30);
	tree_schedule(&t, b, 40);
	assert_int_equal(t.due, 2);
	assert_true(t.earliest == 30); /* early is no harm, late would be */
	assert_int_equal(tree_runs(&t, a, 1234), 0);
	assert_ptr_equal(tree_by_pid(&t, 1234), a);
	assert_int_equal(a->phase, SERVICE_RUNS);
	assert_int_equal(t.due, 1);
	assert_int_equal(t.living, 1);
	tree_cancel(&t, a);
	assert_int_equal(a->phase, SERVICE_RUNS);
	int fd = open("/dev/null", O_RDONLY);
	tree_taken(&t, b, 77, fd);
	assert_null(tree_by_pid(&t, 77)); /* not our child */
	assert_int_equal(t.due, 0);
	assert_int_equal(t.living, 2);
	assert_int_equal(t.taken, 1);
	tree_ended(&t, b);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(b->phase, SERVICE_IDLE);
	assert_int_equal(t.taken, 0);
	tree_ended(&t, a);
	assert_null(tree_by_pid(&t, 1234));
	assert_int_equal(t.living, 0);
	assert_int_equal(a->supervisor, 0);
	tree_schedule(&t, a, 60);
	tree_remove(&t, a);
	assert_int_equal(t.due, 0);
	empty(&t);
}

static void closes_what_a_service_held(void **state)
{
	struct tree t = { 0 };
	struct service *a = tree_add(&t, "a");
	int pipe = open("/dev/null", O_RDONLY), told = open("/dev/null", O_RDONLY);

	(void)state;
	a->held[HOLD_PIPE] = pipe;
	a->told = told;
	assert_int_equal(tree_runs(&t, a, 5), 0);
	tree_ended(&t, a);
	assert_int_equal(fcntl(told, F_GETFD), -1);
	assert_int_equal(a->told, -1);
	assert_true(fcntl(pipe, F_GETFD) >= 0); /* what is in it is for the next supervisor */
	tree_remove(&t, a);
	assert_int_equal(fcntl(pipe, F_GETFD), -1);
	empty(&t);
}

static void waits_longer_each_time_but_not_for_ever(void **state)
{
	static unsigned int const ms[] = { 0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600,
		30000, 30000 };

	(void)state;
	for (unsigned int row = 0; row < sizeof ms / sizeof *ms; row++)
		assert_int_equal(tree_backoff(row), ms[row]);
	assert_int_equal(tree_backoff(UINT32_MAX), 30000);
}

static void ten_thousand_names(void **state)
{
	struct tree t = { 0 };
	char name[16];

	(void)state;
	assert_int_equal(tree_reserve(&t, 10000), 0);
	for (int n = 0; n < 10000; n++) {
		snprintf(name, sizeof name, "s%05d", n);
		struct service *s = tree_add(&t, name);
		assert_int_equal(tree_runs(&t, s, 100 + n), 0);
	}
	for (int n = 0; n < 10000; n++)
		assert_string_equal(tree_by_pid(&t, 100 + n)->name, t.list[n]->name);
	while (t.count) {
		struct service *s = t.list[t.count - 1];
		tree_ended(&t, s);
		tree_remove(&t, s);
	}
	assert_int_equal(t.supervisors.used, 0);
	empty(&t);
}

int main(void)
{
	struct CMUnitTest const tests[] = {
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(goes_on_without_memory_until_it_is_full),
		cmocka_unit_test(keeps_services_by_name),
		cmocka_unit_test(says_when_there_is_no_memory),
		cmocka_unit_test(counts_who_lives_and_who_is_due),
		cmocka_unit_test(closes_what_a_service_held),
		cmocka_unit_test(waits_longer_each_time_but_not_for_ever),
		cmocka_unit_test(ten_thousand_names),
	};
	return cmocka_run_group_tests_name("init/tables", tests, NULL, NULL);
}
