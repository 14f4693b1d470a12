/* The command line that others see of us, where it does not lie in the area of argv. The kernel
 * wants to be told everything that it knows of our memory at once (PR_SET_MM_MAP; no capability).
 */
#include "process.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/uint64.h>

/* Fields of /proc/PID/stat, counted from 1 as proc(5) does. */
enum {
	FIELD_STATE = 3,
	FIELD_START_CODE = 26,
	FIELD_END_CODE,
	FIELD_START_STACK,
	FIELD_START_DATA = 45,
	FIELD_END_DATA,
	FIELD_START_BRK,
	FIELD_ARG_START,
	FIELD_ARG_END,
	FIELD_ENV_START,
	FIELD_ENV_END,
	FIELDS
};

static int set(struct process_layout const *l)
{
	struct prctl_mm_map map = {
		.start_code = l->start_code,
		.end_code = l->end_code,
		.start_data = l->start_data,
		.end_data = l->end_data,
		.start_brk = l->start_brk,
		.brk = (uint64_t)syscall(SYS_brk, 0),
		.start_stack = l->start_stack,
		.arg_start = l->arg_start,
		.arg_end = l->arg_end,
		.env_start = l->env_start,
		.env_end = l->env_end,
		.exe_fd = (uint32_t)-1,
	};

	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

int process_layout(struct process_layout *l)
{
	uint64_t *const field[FIELDS] = {
		[FIELD_START_CODE] = &l->start_code,
		[FIELD_END_CODE] = &l->end_code,
		[FIELD_START_STACK] = &l->start_stack,
		[FIELD_START_DATA] = &l->start_data,
		[FIELD_END_DATA] = &l->end_data,
		[FIELD_START_BRK] = &l->start_brk,
		[FIELD_ARG_START] = &l->arg_start,
		[FIELD_ARG_END] = &l->arg_end,
		[FIELD_ENV_START] = &l->env_start,
		[FIELD_ENV_END] = &l->env_end,
	};
	char text[1024];
	ssize_t n = openreadnclose("/proc/self/stat", text, sizeof text - 1);

	if (n <= 0)
		return -1;
	text[n] = 0;
	/* the name in parentheses may hold anything */
	char const *at = strrchr(text, ')');
	if (!at)
		return -1;
	at++;
	for (int i = FIELD_STATE; i < FIELDS; i++) {
		at = strchr(at, ' ');
		if (!at)
			return -1;
		at++;
		if (field[i] && !uint64_scan(at, field[i]))
			return -1;
	}
	return set(l);
}

void process_show_title(struct process_layout const *l, char const *title, size_t size)
{
	struct process_layout new = *l;

	new.arg_start = (uintptr_t)title;
	new.arg_end = new.env_start = new.env_end = new.arg_start + size;
	set(&new);
}
