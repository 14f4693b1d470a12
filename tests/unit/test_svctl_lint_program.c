/* lint: what can be executed, and why not. What it foretells is compared with what execve does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "svctl/lint.h"
#include "svctl_lint.h"

/* 0: it was executed, whatever came of it. Else errno. */
static int execute(void *data)
{
	char *argv[] = { data, NULL }, *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || chdir(scratch_name("web")) < 0)
		return 254;
	execve(argv[0], argv, envp);
	return errno;
}

/* What lint says of web/run, and whether the kernel agrees. */
static void said_is(char const *want)
{
	static char run[] = "./run";
	char const *said = lint_of("web");

	assert_string_equal(said, want);
	if (*want)
		assert_int_not_equal(scratch_child(execute, run), 0);
	else
		assert_int_equal(scratch_child(execute, run), 0);
}

static void scripts(void **state)
{
	static struct {
		mode_t mode;
		char const *text, *said;
	} const rows[] = {
		{ 0755, "#!/bin/true\n", "" },
		{ 0755, "#!/bin/true", "" },
		{ 0755, "#! \t/bin/true -x\n", "" },
		{ 0100, "#!/bin/true\n", "" },
		{ 0644, "#!/bin/true\n", "web/run: is not executable (chmod +x)\n" },
		{ 0755, "#!/nowhere/sh -e\n",
			"web/run:1: interpreter `/nowhere/sh': No such file or directory\n" },
		{ 0755, "#!/etc/passwd\n",
			"web/run:1: interpreter `/etc/passwd' is not executable (chmod +x)\n" },
		{ 0755, "#!/etc\n", "web/run:1: interpreter `/etc' is no regular file\n" },
		{ 0755, "#!/bin/true\r\n",
			"web/run:1: the line ends with a carriage return, which is taken for a "
			"part "
			"of it\n" },
		{ 0755, "#!\n/bin/true\n", "web/run:1: no interpreter behind #!\n" },
		{ 0755, "#!   ", "web/run:1: no interpreter behind #!\n" },
		{ 0755, "echo hello\n",
			"web/run:1: neither a script, which begins with #!, nor a binary\n" },
		{ 0755, "\xef\xbb\xbf#!/bin/true\n",
			"web/run:1: neither a script, which begins with #!, nor a binary\n" },
		{ 0755, "", "web/run: is empty, so it cannot be executed\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		/* root reads what has no read permission, and others cannot look into it */
		remove(scratch_name("web/run"));
		lint_put("web/run", rows[i].mode, rows[i].text);
		said_is(rows[i].said);
	}
}

static void interpreters_may_be_relative(void **state)
{
	(void)state;
	lint_link("web/interpreter", "/bin/true");
	lint_put("web/run", 0755, "#!interpreter\n");
	said_is("");
}

static void long_first_lines(void **state)
{
	char text[600] = "#!/";
	(void)state;
	memset(text + 3, '/', 300);
	strcpy(text + 303, "bin/true\n");
	lint_put("web/run", 0755, text);
	said_is("web/run:1: the first line is too long (its interpreter must end within 256 "
		"bytes)\n");
	/* it is the interpreter that must end */
	snprintf(text, sizeof text, "#!/bin/true %0300d\n", 0);
	lint_put("web/run", 0755, text);
	said_is("");
}

static void links_are_followed(void **state)
{
	(void)state;
	lint_link("web/run", "/bin/true");
	said_is("");
	remove(scratch_name("web/run"));
	lint_link("web/run", "/nowhere/daemon");
	said_is("web/run: a link that leads nowhere\n");
	remove(scratch_name("web/run"));
	lint_link("web/run", "/etc");
	said_is("web/run: is no regular file\n");
	remove(scratch_name("web/run"));
	lint_link("web/run", "run");
	said_is("web/run: Too many levels of symbolic links\n");
}

/* A binary of this machine whose loader is another. */
static void make_binary(char const *loader)
{
	struct {
		ElfW(Ehdr) h;
		ElfW(Phdr) ph;
		char name[64];
	} file = {
		.h = { .e_ident = { 0x7f, 'E', 'L', 'F',
			       __SIZEOF_POINTER__ == 8 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB,
			       EV_CURRENT },
			.e_type = ET_DYN,
			.e_version = EV_CURRENT,
			.e_ehsize = sizeof(ElfW(Ehdr)),
			.e_phentsize = sizeof(ElfW(Phdr)),
			.e_phnum = 1,
			.e_phoff = sizeof(ElfW(Ehdr)) },
		.ph = { .p_type = PT_INTERP,
			.p_offset = sizeof(ElfW(Ehdr)) + sizeof(ElfW(Phdr)),
			.p_filesz = (ElfW(Word))(strlen(loader) + 1) },
	};
#if defined __x86_64__
	file.h.e_machine = EM_X86_64;
#elif defined __aarch64__
	file.h.e_machine = EM_AARCH64;
#endif
	snprintf(file.name, sizeof file.name, "%s", loader);
	lint_put("web/run", 0755, "");
	scratch_bytes("web/run", (char const *)&file, sizeof file);
}

static void the_loader_of_a_binary_must_be_there(void **state)
{
	(void)state;
	make_binary("/lib/ld-nowhere.so.1");
	said_is("web/run: its loader `/lib/ld-nowhere.so.1': No such file or directory\n");
	make_binary("/bin/true");
	assert_string_equal(lint_of("web"), "");
}

static void a_damaged_binary_is_no_reason_to_crash(void **state)
{
	char bytes[200];
	unsigned int seed = 7;
	(void)state;
	for (int round = 0; round < 200; round++) {
		make_binary("/bin/true");
		int fd = open(scratch_name("web/run"), O_RDWR | O_CLOEXEC);
		ssize_t len = read(fd, bytes, sizeof bytes);
		assert_true(len > 100);
		for (int i = 0; i < 8; i++)
			bytes[5 + rand_r(&seed) % (len - 5)] = (char)rand_r(&seed);
		assert_int_equal(pwrite(fd, bytes, (size_t)len, 0), len);
		close(fd);
		lint_of("web");
	}
}

static int look_as_nobody(void *data)
{
	(void)data;
	if (!geteuid())
		CHILD_CHECK(scratch_become(65534) == 0);
	CHILD_CHECK(!lint_of("web")[0]);
	return 0;
}

static void what_may_be_executed_need_not_be_readable(void **state)
{
	(void)state;
	lint_put("web/run", 0111, "no script");
	assert_int_equal(scratch_child(look_as_nobody, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lint_setup, lint_teardown)

int main(void)
{
	struct CMUnitTest const tests[] = {
		TEST(scripts),
		TEST(interpreters_may_be_relative),
		TEST(long_first_lines),
		TEST(links_are_followed),
		TEST(the_loader_of_a_binary_must_be_there),
		TEST(a_damaged_binary_is_no_reason_to_crash),
		TEST(what_may_be_executed_need_not_be_readable),
	};
	return cmocka_run_group_tests_name("svctl_lint_program", tests, NULL, NULL);
}
