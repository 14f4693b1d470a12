/* Handing over to another program in the same process; see handover.h.
 *
 * The memfd holds "cinit", the version and the kind, and then items: type 1, tag 2, length 4,
 * bytes. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include "bytes.h"

#define MAGIC      "cinit"
#define HEAD       8 /* magic, version, kind, and a zero */
#define ITEM       7 /* type, tag, length */
#define ITEMS_MAX  (64 * 1024 * 1024)
#define ENV_MAX    4096
#define ENV_PREFIX HANDOVER_ENV "="

/* The same number on every architecture since 5.1, and on x86 before; libcs may be older. */
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* ----------------------------------------------------------------------------------- writing */

static void flush(struct handover *h)
{
	if (!h->failed && allwrite(h->fd, (char const *)h->buffer, h->used) < h->used)
		h->failed = errno;
	h->used = 0;
}

static void put(struct handover *h, void const *bytes, size_t len)
{
	unsigned char const *p = bytes;

	while (len) {
		size_t n = sizeof h->buffer - h->used;
		if (n > len)
			n = len;
		memcpy(h->buffer + h->used, p, n);
		h->used += n;
		p += n;
		len -= n;
		if (h->used == sizeof h->buffer)
			flush(h);
	}
}

int handover_begin(struct handover *h, enum handover_kind kind)
{
	unsigned char head[HEAD] = MAGIC;

	h->failed = h->fault = h->show = 0;
	h->used = 0;
	h->fd = (int)syscall(SYS_memfd_create, "cinit handover", 1u /* close-on-exec */);
	if (h->fd < 0)
		return -1;
	head[5] = HANDOVER_VERSION;
	head[6] = (unsigned char)kind;
	put(h, head, sizeof head);
	return 0;
}

static void item(struct handover *h, enum handover_type type, unsigned int tag, void const *bytes,
	size_t len)
{
	unsigned char head[ITEM] = { (unsigned char)type };

	put_be16(head + 1, (uint16_t)tag);
	put_be32(head + 3, (uint32_t)len);
	put(h, head, sizeof head);
	put(h, bytes, len);
}

void handover_number(struct handover *h, unsigned int tag, uint64_t n)
{
	unsigned char bytes[8];

	put_be64(bytes, n);
	item(h, HANDOVER_NUMBER, tag, bytes, sizeof bytes);
}

void handover_bytes(struct handover *h, unsigned int tag, void const *bytes, size_t len)
{
	item(h, HANDOVER_BYTES, tag, bytes, len);
}

void handover_string(struct handover *h, unsigned int tag, char const *text)
{
	if (text)
		item(h, HANDOVER_BYTES, tag, text, strlen(text));
}

void handover_descriptor(struct handover *h, unsigned int tag, int fd)
{
	unsigned char bytes[8];

	if (fd < 0)
		return;
	if (!h->show && fcntl(fd, F_SETFD, 0) < 0) {
		if (!h->fault && !h->failed)
			h->failed = errno;
		return;
	}
	put_be64(bytes, (uint64_t)fd);
	item(h, HANDOVER_DESCRIPTOR, tag, bytes, sizeof bytes);
}

/* What was to stay open is ours again. */
static void take_back(struct handover *h)
{
	struct handover_reader r;
	int error = errno;

	if (h->fd >= 0 && handover_read(&r, h->fd) == 0)
		free(r.bytes);
	h->fd = -1;
	errno = error;
}

/* Our environment and one more; static, because there may be no memory to be had. NULL: it does not
 * fit. */
static char **with_word(char *word)
{
	static char *envp[ENV_MAX];
	size_t n = 0;

	for (char **e = environ; e && *e; e++) {
		if (n == ENV_MAX - 2)
			return NULL;
		envp[n++] = *e;
	}
	envp[n++] = word;
	envp[n] = NULL;
	return envp;
}

void handover_execute(struct handover *h, int file, char const *program, char *const *argv)
{
	char word[sizeof ENV_PREFIX + UINT_FMT] = ENV_PREFIX;
	char **envp = with_word(word);

	flush(h);
	word[sizeof ENV_PREFIX - 1 + uint_fmt(word + sizeof ENV_PREFIX - 1, (unsigned int)h->fd)] =
		0;
	if (h->failed) {
		errno = h->failed;
	} else if (!envp) {
		errno = E2BIG;
	} else if (fcntl(h->fd, F_SETFD, 0) == 0) {
		if (file >= 0)
			syscall(SYS_execveat, file, "", argv, envp, AT_EMPTY_PATH);
		else
			execve(program, argv, envp);
	}
	if (file < 0)
		take_back(h);
}

int handover_finish(struct handover *h)
{
	flush(h);
	if (!h->failed && lseek(h->fd, 0, SEEK_SET) == 0)
		return h->fd;
	int e = h->failed ? h->failed : errno;
	fd_close(h->fd);
	errno = e;
	return -1;
}

/* ----------------------------------------------------------------------------------- reading */

int handover_inherited(void)
{
	char const *word = getenv(HANDOVER_ENV);
	unsigned int fd;

	if (!word)
		return -1;
	int good = uint0_scan(word, &fd) && fd > 2 && fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0;
	unsetenv(HANDOVER_ENV);
	return good ? (int)fd : -1;
}

static int is_head(unsigned char const head[HEAD])
{
	return !memcmp(head, MAGIC, 5) && head[5] == HANDOVER_VERSION;
}

unsigned int handover_kind(int fd)
{
	unsigned char head[HEAD];

	return pread(fd, head, sizeof head, 0) == sizeof head && is_head(head) ? head[6] : 0;
}

static void close_on_exec(struct handover_reader *r)
{
	struct handover_item i;

	while (handover_next(r, &i)) {
		if (i.type == HANDOVER_DESCRIPTOR)
			fcntl((int)i.number, F_SETFD, FD_CLOEXEC);
	}
	r->at = HEAD;
}

static int understood(struct handover_reader *r)
{
	if (r->len < HEAD || !is_head(r->bytes))
		return 0;
	r->kind = r->bytes[6];
	r->at = HEAD;
	close_on_exec(r);
	return 1;
}

int handover_read(struct handover_reader *r, int fd)
{
	struct stat st;

	*r = (struct handover_reader){ .bytes = NULL };
	errno = EPROTO;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
		st.st_size < ITEMS_MAX && lseek(fd, 0, SEEK_SET) == 0) {
		r->bytes = malloc((size_t)st.st_size);
		if (r->bytes)
			r->len = allread(fd, (char *)r->bytes, (size_t)st.st_size);
	}
	fd_close(fd); /* keeps errno */
	if (!r->bytes)
		return -1;
	if (understood(r))
		return 0;
	free(r->bytes);
	r->bytes = NULL;
	errno = EPROTO;
	return -1;
}

int handover_next(struct handover_reader *r, struct handover_item *i)
{
	if (r->len - r->at < ITEM)
		return 0;
	unsigned char const *p = r->bytes + r->at;
	size_t len = get_be32(p + 3);
	if (len > r->len - r->at - ITEM)
		return 0;
	i->type = p[0];
	i->tag = get_be16(p + 1);
	i->bytes = p + ITEM;
	i->len = len;
	i->number = i->type != HANDOVER_BYTES && len == 8 ? get_be64(p + ITEM) : 0;
	r->at += ITEM + len;
	return 1;
}

int64_t handover_first(struct handover_reader const *r, unsigned int tag)
{
	struct handover_reader again = *r;
	struct handover_item i;

	again.at = HEAD;
	while (handover_next(&again, &i)) {
		if (i.tag == tag && i.type != HANDOVER_BYTES)
			return (int64_t)i.number;
	}
	return -1;
}

void handover_return(struct handover_reader const *r, unsigned int tag, char const *why, int file,
	char *const *argv)
{
	struct handover_reader again = *r;
	struct handover_item i;
	struct handover h;

	if (handover_begin(&h, (enum handover_kind)r->kind) < 0)
		return;
	h.fault = 1;
	put(&h, r->bytes + HEAD, r->len - HEAD);
	handover_string(&h, tag, why);
	again.at = HEAD;
	while (handover_next(&again, &i)) {
		if (i.type == HANDOVER_DESCRIPTOR)
			fcntl((int)i.number, F_SETFD, 0);
	}
	handover_execute(&h, file, NULL, argv);
}

char *handover_copy(struct handover_item const *i)
{
	char *copy = malloc(i->len + 1);

	if (copy) {
		memcpy(copy, i->bytes, i->len);
		copy[i->len] = 0;
	}
	return copy;
}

/* -------------------------------------------------------------------------- members of a struct */

static uint64_t load(void const *from, size_t size)
{
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;

	switch (size) {
	case sizeof a:
		return memcpy(&a, from, size), a;
	case sizeof b:
		return memcpy(&b, from, size), b;
	case sizeof c:
		return memcpy(&c, from, size), c;
	default:
		return memcpy(&d, from, sizeof d), d;
	}
}

static void store(void *to, size_t size, uint64_t n)
{
	uint8_t a = (uint8_t)n;
	uint16_t b = (uint16_t)n;
	uint32_t c = (uint32_t)n;

	switch (size) {
	case sizeof a:
		memcpy(to, &a, size);
		break;
	case sizeof b:
		memcpy(to, &b, size);
		break;
	case sizeof c:
		memcpy(to, &c, size);
		break;
	default:
		memcpy(to, &n, sizeof n);
		break;
	}
}

void handover_members(
	struct handover *h, struct handover_member const *rows, size_t count, void const *object)
{
	for (struct handover_member const *m = rows; m < rows + count; m++) {
		unsigned char const *at = (unsigned char const *)object + m->offset;
		if (m->type == HANDOVER_BYTES)
			handover_bytes(h, m->tag, at, m->size);
		else if (m->type == HANDOVER_DESCRIPTOR)
			handover_descriptor(h, m->tag, (int)load(at, m->size));
		else
			handover_number(h, m->tag, load(at, m->size));
	}
}

int handover_member(struct handover_item const *i, struct handover_member const *rows, size_t count,
	void *object)
{
	for (struct handover_member const *m = rows; m < rows + count; m++) {
		unsigned char *at = (unsigned char *)object + m->offset;
		if (m->tag != i->tag || m->type != i->type)
			continue;
		if (m->type == HANDOVER_BYTES) {
			size_t len = i->len < m->size ? i->len : m->size;
			memcpy(at, i->bytes, len);
			memset(at + len, 0, m->size - len);
		} else {
			store(at, m->size, i->number);
		}
		return 1;
	}
	return 0;
}
