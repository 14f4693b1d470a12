/* Are we the init of a machine or of a container, and how a machine ends. */
#ifndef INIT_MACHINE_H
#define INIT_MACHINE_H

/* Is this PID 1 of a machine? It is where it may decide what ctrl-alt-del does; from now on that
 * sends us INT. */
int machine_detect(void);

/* Ends the machine: SHUTDOWN_REBOOT, SHUTDOWN_POWEROFF or SHUTDOWN_HALT (enum shutdown_how). Does
 * not return. */
_Noreturn void machine_end(int how);

#endif
