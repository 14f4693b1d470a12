/* sd_notify(3): what a service writes to its socket. The input is one datagram. Whatever it says,
 * the record can be published, and the text in it is one line. */
#include "fuzz.h"

#include "supervise/ready.c"

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static struct supervisor sup;
	static int sv[2] = { -1, -1 };
	struct service *x = &sup.service;
	int on = 1;

	if (sv[0] < 0) {
		EXPECT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sv) == 0);
		EXPECT(setsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
	}
	*x = (struct service){ .sup = &sup, .ready_fd = sv[0], .name = "web" };
	for (int i = 0; i < ROLE_COUNT; i++)
		x->child[i] = (struct child){ .gate = -1, .pidfd = -1 };
	x->s.child[ROLE_RUN].pid = (uint32_t)getpid();
	x->s.state = STATE_STARTING;
	x->s.want = WANT_UP;
	x->config.ready = READY_NOTIFY;
	x->config.watchdog = 1000;
	if (write(sv[1], data, size) != (ssize_t)size)
		return 0; /* more than a datagram takes */
	ready_read(x);
	EXPECT(memchr(x->s.reason_text, 0, STATUS_TEXT));
	for (char const *p = x->s.reason_text; *p; p++)
		EXPECT((unsigned char)*p >= 0x20 && *p != 0x7f);
	EXPECT(x->s.state == STATE_STARTING || x->s.state == STATE_UP);
	EXPECT((x->s.state == STATE_UP) == !!(x->s.flags & FLAG_READY));
	return 0;
}
