/* The machine under us: ctrl-alt-del and reboot(2). */
#include "machine.h"

#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/command.h"
#include "message.h"

int machine_detect(void)
{
	/* a PID namespace other than the first refuses it, whatever capabilities we have there */
	return getpid() == 1 && !reboot(RB_DISABLE_CAD);
}

static int reboot_command(int how)
{
	switch (how) {
	case SHUTDOWN_REBOOT:
		return (int)RB_AUTOBOOT;
	case SHUTDOWN_HALT:
		return (int)RB_HALT_SYSTEM;
	default:
		return (int)RB_POWER_OFF;
	}
}

_Noreturn void machine_end(int how)
{
	sync();
	/* in a child: where the kernel cannot do it, it ends the process that asked, and the end of
	 * PID 1 is a panic */
	pid_t pid = fork();
	if (pid <= 0) {
		reboot(reboot_command(how));
		warn_error("; staying here", "unable to end the machine");
		if (!pid)
			_exit(1);
	} else {
		waitpid(pid, NULL, 0);
	}
	for (;;)
		pause();
}
