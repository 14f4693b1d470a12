/* Are we the init of a machine or of a container, and how a machine begins and ends. */
#ifndef INIT_MACHINE_H
#define INIT_MACHINE_H

/* Is this PID 1 of a machine? It is where it may decide what ctrl-alt-del does; from now on that
 * sends us INT. */
int machine_detect(void);

/* Before anything else on a machine: the kernel's file systems, standard input and output, PATH.
 * What fails is said, and no reason not to boot. (machine_mount.c) */
void machine_prepare(void);

/* Ends the machine: SHUTDOWN_REBOOT, SHUTDOWN_POWEROFF or SHUTDOWN_HALT (enum shutdown_how). Disks
 * are unmounted first, or made read-only where they are in use. Does not return. */
_Noreturn void machine_end(int how);

#endif
