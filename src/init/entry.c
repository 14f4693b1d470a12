/* What happens before the C library begins, in a static program: it is not told of the kernel's
 * shared code (vdso).
 *
 * Forks get nothing of the region where that lies (cradle.c), so nothing may be called there: with
 * it each would get up to three page tables for that region, which are dear, and one more if glibc
 * had looked into it at its start. Clocks are asked by system call here (clock.h), and without
 * the vdso so does the library. configure makes this the entry of static programs on architectures
 * that are named here. */
#include <elf.h>
#include <stdint.h>

void entry_prepare(uintptr_t *stack);

/* From where the kernel laid it out: argc, argv, environment, auxiliary vector. There is no
 * thread's storage yet, which a stack protector would look into. */
__attribute__((used, no_stack_protector)) void entry_prepare(uintptr_t *stack)
{
	uintptr_t *p = stack + 1 + stack[0] + 1;

	while (*p++)
		;
	for (; *p != AT_NULL; p += 2)
		if (*p == AT_SYSINFO_EHDR)
			*p = AT_IGNORE;
}

#if defined __x86_64__ && defined __LP64__
/* %rdx is the C library's; at the call the stack is aligned to 16 bytes as it was. */
__asm__(".text\n"
	".globl cinit_entry\n"
	".type cinit_entry, @function\n"
	"cinit_entry:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	pushq %rdx\n"
	"	subq $8, %rsp\n"
	"	call entry_prepare\n"
	"	addq $8, %rsp\n"
	"	popq %rdx\n"
	"	jmp _start\n"
	".size cinit_entry, . - cinit_entry\n");
#endif
