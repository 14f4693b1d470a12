/* Capabilities, by the kernel's own calls: there is nothing in them that would need a library. */
#include "capability.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <skalibs/stralloc.h>

#include "environment.h"

#define NAME_MAX_LEN 32
#define BETWEEN      " \t,"

/* By number; the kernel never gives one away again. */
static char const *const names[] = { "cap_chown", "cap_dac_override", "cap_dac_read_search",
	"cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid", "cap_setuid", "cap_setpcap",
	"cap_linux_immutable", "cap_net_bind_service", "cap_net_broadcast", "cap_net_admin",
	"cap_net_raw", "cap_ipc_lock", "cap_ipc_owner", "cap_sys_module", "cap_sys_rawio",
	"cap_sys_chroot", "cap_sys_ptrace", "cap_sys_pacct", "cap_sys_admin", "cap_sys_boot",
	"cap_sys_nice", "cap_sys_resource", "cap_sys_time", "cap_sys_tty_config", "cap_mknod",
	"cap_lease", "cap_audit_write", "cap_audit_control", "cap_setfcap", "cap_mac_override",
	"cap_mac_admin", "cap_syslog", "cap_wake_alarm", "cap_block_suspend", "cap_audit_read",
	"cap_perfmon", "cap_bpf", "cap_checkpoint_restore" };

#define KNOWN (sizeof names / sizeof *names)

char const *capability_name(unsigned int n)
{
	return n < KNOWN ? names[n] : "an unknown one";
}

/* -1: there is none of that name. */
static int number(char const *name, size_t len)
{
	char text[NAME_MAX_LEN] = "cap_";

	if (len < 4 || strncasecmp(name, text, 4)) {
		if (len + 5 > sizeof text)
			return -1;
		memcpy(text + 4, name, len);
	} else {
		if (len + 1 > sizeof text)
			return -1;
		memcpy(text, name, len);
	}
	for (unsigned int n = 0; n < KNOWN; n++)
		if (!strcasecmp(text, names[n]))
			return (int)n;
	return -1;
}

static int add_line(char const *file, char const *line, uint64_t *set, struct value_error *e)
{
	for (line += strspn(line, BETWEEN); *line; line += strspn(line, BETWEEN)) {
		size_t len = strcspn(line, BETWEEN);
		int n = number(line, len);
		if (n < 0) {
			snprintf(e->text, sizeof e->text, "%s: `%.*s' is not a capability", file,
				len > 48 ? 48 : (int)len, line);
			return -1;
		}
		*set |= CAPABILITY(n);
		line += len;
	}
	return 0;
}

int value_capabilities(int dir, char const *file, uint64_t *set, struct value_error *e)
{
	stralloc lines = STRALLOC_ZERO;
	uint64_t all = 0;
	int r = 1;

	if (environment_lines(&lines, dir, file) < 0) {
		if (errno == ENOENT && !entry_exists(dir, file)) {
			stralloc_free(&lines);
			return 0;
		}
		snprintf(e->text, sizeof e->text, "%s: %s", file, strerror(errno));
		r = -1;
	}
	for (size_t i = 0; r > 0 && i < lines.len; i += strlen(lines.s + i) + 1)
		if (add_line(file, lines.s + i, &all, e) < 0)
			r = -1;
	stralloc_free(&lines);
	if (r > 0)
		*set = all;
	return r;
}

/* --------------------------------------------------------------------------- this process */

static int get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &h, data) < 0 ? -1 : 0;
}

static int set_all(uint64_t set)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned int n = 0; n < 2; n++) {
		data[n].effective = (uint32_t)(set >> 32 * n);
		data[n].permitted = data[n].inheritable = data[n].effective;
	}
	return syscall(SYS_capset, &h, data) < 0 ? -1 : 0;
}

int capability_permitted(uint64_t *set)
{
	struct __user_cap_data_struct data[2];

	if (get(data) < 0)
		return -1;
	*set = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

int capability_bound(uint64_t set)
{
	/* the kernel says which is its last; one that nobody has need not be dropped, which may not
	 * be permitted */
	for (unsigned long n = 0; n < 64; n++) {
		int has = prctl(PR_CAPBSET_READ, n, 0, 0, 0);
		if (has < 0)
			break;
		if (has && !(set & CAPABILITY(n)) && prctl(PR_CAPBSET_DROP, n, 0, 0, 0) < 0)
			return -1;
	}
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

int capability_take(uint64_t set)
{
	if (set_all(set) < 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	for (unsigned long n = 0; n < 64; n++)
		if ((set & CAPABILITY(n)) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0)
			return -1;
	return 0;
}
