/* A service that speaks sd_notify(3)'s language as the test tells it to, by lines in
 * $TREE/hold.orders:
 *
 *   send TEXT    in one datagram; \n in it is a newline, \0 a NUL
 *   child TEXT   from a child of its own, which stays
 *   away TEXT    from a child that has left its session, which stays
 *   big N        N bytes after READY=1 and a newline
 *   empty        nothing at all
 *   fds N        READY=1 with N descriptors
 *
 * Says `up` at its start, and `sent` after each. */
#include <skalibs/nonposix.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fd, events;
static struct sockaddr_un a = { .sun_family = AF_UNIX };

static void say(char const *line)
{
	if (write(events, line, strlen(line)) < 0)
		_exit(123);
}

static void send_bytes(char const *text, size_t len)
{
	if (sendto(fd, text, len, 0, (struct sockaddr *)&a, sizeof a) != (ssize_t)len)
		say("refused\n");
}

static void send_text(char const *text)
{
	char out[512];
	size_t n = 0;
	for (; *text && n < sizeof out; text++)
		if (text[0] == '\\' && (text[1] == 'n' || text[1] == '0'))
			out[n++] = *++text == 'n' ? '\n' : 0;
		else
			out[n++] = *text;
	send_bytes(out, n);
}

static void send_from_child(char const *text, int away)
{
	pid_t pid = fork();
	if (!pid) {
		if (away)
			setsid();
		send_text(text);
		say("sent\n");
		for (;;)
			pause();
	}
}

static void send_big(size_t n)
{
	char *text = calloc(1, n + 8);
	memset(text, 'x', n + 8);
	memcpy(text, "READY=1\n", 8);
	send_bytes(text, n + 8);
	free(text);
}

static void send_fds(size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(256 * sizeof(int))];
	} control;
	struct iovec v = { "READY=1", 7 };
	struct msghdr m = { .msg_name = &a,
		.msg_namelen = sizeof a,
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	memset(&control, 0, sizeof control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &(int){ 0 }, sizeof(int));
	if (sendmsg(fd, &m, 0) != 7)
		say("refused\n");
}

static int obey(char *line)
{
	char *text = strchr(line, ' ');
	text = text ? text + 1 : line + strlen(line);
	if (!strncmp(line, "send ", 5))
		send_text(text);
	else if (!strncmp(line, "big ", 4))
		send_big(strtoul(text, 0, 10));
	else if (!strcmp(line, "empty"))
		send_bytes("", 0);
	else if (!strncmp(line, "fds ", 4))
		send_fds(strtoul(text, 0, 10));
	else
		send_from_child(text, *line == 'a');
	return *line != 'a' && *line != 'c';
}

int main(void)
{
	char path[300], line[600];
	char const *to = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
	char const *pid = getenv("WATCHDOG_PID");

	events = open(getenv("EVENTS"), O_WRONLY | O_CLOEXEC);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", to ? to : "");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(line, sizeof line, "up%s%s%s\n", usec ? " " : "", usec ? usec : "",
		pid && atoi(pid) != getpid() ? " of another" : "");
	say(line);
	snprintf(path, sizeof path, "%s/hold.orders", getenv("TREE"));
	FILE *orders = fopen(path, "re");
	while (orders && fgets(line, sizeof line, orders)) {
		line[strcspn(line, "\n")] = 0;
		if (obey(line))
			say("sent\n");
	}
	return 1;
}
