/* What the processes of a stress share. */
#include "stress.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "shared.h"

char const *const place_names[PLACES] = { "beat", "beep", "hush", "solo", "work", "web", "web/log",
	"duo", ".cinit" };

struct stress *stress;
struct witness *witness[PLACES];
unsigned int stress_self;
int stress_bell = -1;

/* ---------------------------------------------------------------------------------- memory */

void stress_begin(void)
{
	timeline_begin(place_names, PLACES);
	stress = shared_memory(sizeof *stress);
	for (int i = 0; i < CINIT; i++)
		witness[i] = shared_witness(place_names[i]);
	tree_write("journal", 0600, "");
	stress_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stress_bell < 0)
		fail_msg("no eventfd");
}

void stress_end(void)
{
	for (int i = 0; i < CINIT; i++)
		if (witness[i])
			munmap(witness[i], sizeof *witness[i]);
	memset(witness, 0, sizeof witness);
	if (stress)
		munmap(stress, sizeof *stress);
	stress = NULL;
	timeline_end();
}
