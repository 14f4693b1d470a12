/* Command lines: cinit's, the kernel's, which is cinit's where it is process 1 of a machine, and
 * names of services and templates. The input is words with newlines between them. */
#include "fuzz.h"

#include <unistd.h>

#include "init/option.h"
#include "rundir.h"
#include "template.h"

#define WORDS 32

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char *argv[WORDS + 2] = { (char[]){ "cinit" } }, *text = malloc(size + 1);
	struct options o;
	int argc = 1;

	EXPECT(text);
	memcpy(text, data, size);
	text[size] = 0;
	for (char *p = text; p && argc <= WORDS;) {
		argv[argc++] = p;
		p = strchr(p, '\n');
		if (p)
			*p++ = 0;
	}
	option_machine(&o, argc, argv);
	EXPECT(!o.wrong && !o.command && !o.run_dir && !o.service_dir);
	EXPECT(!o.profile || o.profile[0]);
	for (int i = 1; i < argc; i++) {
		size_t len = template_length(argv[i]);
		EXPECT(len <= strlen(argv[i]) && (!len || argv[i][len - 1] == '@'));
		EXPECT(!len || !template_is(argv[i]));
	}
	optind = 0; /* glibc: begin anew */
	option_parse(&o, argc, argv);
	EXPECT(!o.wrong || o.culprit);
	EXPECT(!o.command || o.command[0]);
	free(text);
	return 0;
}
