/* One look at a service. */
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "goal.h"
#include "ipc.h"
#include "path.h"
#include "process.h"

int view_supervised(int base, char const *path, struct status const *s)
{
	if (!s->supervisor || status_exited(s))
		return 0;
	switch (cinit_ipc_probe(base, path)) {
	case CINIT_SENT:
	case CINIT_FULL:
		return 1;
	case CINIT_DENIED:
	case CINIT_SEND_ERROR:
		return process_alive((pid_t)s->supervisor, s->supervisor_identity) != PROCESS_GONE;
	case CINIT_NO_SERVICE:
	case CINIT_NO_SUPERVISOR:
	case CINIT_NOT_FIFO:
		break;
	}
	return 0;
}

int view_lives(struct status const *s)
{
	if (!s->supervisor || status_exited(s))
		return 0;
	int fd = process_pidfd((pid_t)s->supervisor);
	if (fd < 0)
		return 0;
	/* in this order: who was the supervisor when the descriptor was there already is meant by
	 * it; and it can be read from when he is a zombie */
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int lives = process_alive((pid_t)s->supervisor, s->supervisor_identity) == PROCESS_ALIVE &&
		    poll(&p, 1, 0) == 0;
	fd_close(fd);
	return lives;
}

/* A supervisor that cannot publish leaves the reason in its lock, for those who may read that: in
 * the first byte, or in the second one for its logger. The record tells of before. Not
 * inline: frames that hold a path shall lie at the same place, one after another. */
static __attribute__((noinline)) void note_unpublished(struct view *v, int base, char const *path)
{
	int is_log = (v->status.flags & FLAG_IS_LOG) != 0;
	char file[PATH_MAX], byte = 0;

	if (path_join(file, path, is_log ? "../lock" : "lock") < 0)
		return;
	int fd = openat(base, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (pread(fd, &byte, 1, is_log) == 1 && byte) {
		v->status.reason = REASON_PUBLISH;
		v->status.reason_detail = (unsigned char)byte;
		snprintf(v->status.reason_text, STATUS_TEXT,
			"its supervisor is unable to publish status: %s; this is from before",
			strerror((unsigned char)byte));
	}
	fd_close(fd);
}

void view_read(struct view *v, int base, char const *path, int kept)
{
	struct stat st;

	if (kept && status_glance(base, path, &v->status)) {
		v->seen = SEEN_RECORD;
		v->error = STATUS_OK;
		v->supervised = v->status.supervisor && !status_exited(&v->status);
		return;
	}
	v->supervised = 0;
	v->error = status_read(base, path, &v->status, NULL);
	v->error_number = errno;
	if (v->error == STATUS_OK) {
		v->seen = SEEN_RECORD;
		v->supervised = view_supervised(base, path, &v->status) || view_lives(&v->status);
		if (v->supervised)
			note_unpublished(v, base, path);
		return;
	}
	memset(&v->status, 0, sizeof v->status);
	if (v->error == STATUS_SYSTEM && (v->error_number == ENOENT || v->error_number == ENOTDIR))
		v->seen = fstatat(base, path, &st, 0) == 0 && S_ISDIR(st.st_mode) ? SEEN_NOTHING
										  : SEEN_NO_SERVICE;
	else
		v->seen = SEEN_UNREADABLE;
}

char const *view_error_text(enum status_error error, int error_number)
{
	switch (error) {
	case STATUS_OK:
		break;
	case STATUS_SHORT:
		return "it is too short to be a status record";
	case STATUS_FOREIGN:
		return "it is of another version";
	case STATUS_TORN:
		return "it is damaged";
	case STATUS_INVALID:
		return "it holds a value that means nothing";
	case STATUS_SYSTEM:
		return error_number == EACCES ? "access denied" : strerror(error_number);
	}
	return "no error";
}
