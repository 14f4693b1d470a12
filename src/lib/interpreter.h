/* What the kernel executes in the name of a program: the interpreter of a script, the loader of a
 * dynamic binary. When that is missing, execve reports as if the program itself were. */
#ifndef CINIT_INTERPRETER_H
#define CINIT_INTERPRETER_H

#include <limits.h>

#define INTERPRETER_HEAD 256 /* bytes of a script's first line that the kernel looks at */

enum interpreter {
	INTERPRETER_SCRIPT,   /* name: what is behind #! */
	INTERPRETER_LOADER,   /* name: of a dynamic binary */
	INTERPRETER_NONE,     /* a binary that stands alone, or that we do not know */
	INTERPRETER_LONG,     /* a script: the name does not end within INTERPRETER_HEAD bytes */
	INTERPRETER_RETURN,   /* a script: the name ends with a carriage return */
	INTERPRETER_NAMELESS, /* a script: there is nothing behind #! */
	INTERPRETER_EMPTY,    /* an empty file */
	INTERPRETER_UNKNOWN   /* neither a script nor a binary */
};

/* Of the program that is open for reading. */
enum interpreter interpreter_find(int fd, char name[PATH_MAX]);

/* Is it that one's fault that program `file` below `dir` cannot be executed, with `error`? 1, and
 * `name`: the program may be executed, but not what executes it. */
int interpreter_is_to_blame(int dir, char const *file, int error, char name[PATH_MAX]);

#endif
