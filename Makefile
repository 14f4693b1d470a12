# GNU make; ./configure writes config.mk. Sources are found by wildcard, objects go to build/.

-include config.mk
srcdir ?= .

# make V=1 shows the commands in full
say = $(if $(V),,@printf '%-4s %s\n' '$1' $@; )

B := build
T := $(B)/test
LANGUAGE := -std=c11 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wswitch-enum -Wimplicit-fallthrough
# iquote: "status.h" is found in src/lib from everywhere, <status.h> never is
INCLUDES := -iquote $(srcdir)/src/lib -iquote $(srcdir)/src
PATHS = -DCINIT_VERSION='"$(CINIT_VERSION)"' -DCINIT_SYSCONFDIR='"$(sysconfdir)"' \
	-DCINIT_LIBEXECDIR='"$(libexecdir)"' -DCINIT_SBINDIR='"$(sbindir)"' -DCINIT_BINDIR='"$(bindir)"'
# glibc's fortify.h refuses to work without optimisation
OPTIMISED = $(filter-out -O0,$(filter -O%,$(CFLAGS)))

OUR_CFLAGS = $(LANGUAGE) $(WARNINGS) $(WERROR) $(INCLUDES) $(PATHS) $(SKALIBS_CPPFLAGS) $(SANITIZE)
COMPILE = $(CC) $(OUR_CFLAGS) $(HARDENING) $(if $(OPTIMISED),$(FORTIFY)) $(CPPFLAGS) $(CFLAGS) \
	$(MODE_CFLAGS) -MMD -MP
LINK = $(CC) $(SANITIZE) $(HARDENING_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(MODE_LDFLAGS)

# Test objects are apart: faults are injected with --wrap, which sees neither what FORTIFY renames
# nor what link-time optimisation inlines.
TEST_COMPILE = $(CC) $(OUR_CFLAGS) -I$(srcdir)/tests $(CPPFLAGS) $(CFLAGS) \
	-O1 -g -U_FORTIFY_SOURCE -fno-lto -MMD -MP
TEST_LINK = $(CC) $(SANITIZE) $(CFLAGS) $(LDFLAGS)

# A program is a directory of src; what it is called when the two differ:
NAMES := cinit supervise svctl svlog svexec
directory = $(if $(filter cinit,$1),init,$1)
sources = $(sort $(wildcard $(srcdir)/src/$(call directory,$1)/*.c))
objects = $(patsubst $(srcdir)/src/%.c,$2/%.o,$(call sources,$1))
PROGRAMS := $(foreach name,$(NAMES),$(if $(filter %.c,$(call sources,$(name))),$(name)))

LIB_OBJECTS := $(call objects,lib,$(B)/obj)
SUPERVISE_OBJECTS := $(call objects,supervise,$(B)/obj)

TEST_LIB_OBJECTS := $(call objects,lib,$(T)/obj)
TEST_SUPERVISE_OBJECTS := $(call objects,supervise,$(T)/obj)
UNITS := $(patsubst $(srcdir)/tests/unit/%.c,$(T)/unit/%,$(sort $(wildcard $(srcdir)/tests/unit/test_*.c)))
SUITE := $(patsubst $(srcdir)/tests/suite/%.c,$(T)/suite/%,$(sort $(wildcard $(srcdir)/tests/suite/test_*.c)))
UNIT_SCRIPTS := $(sort $(wildcard $(srcdir)/tests/unit/test_*.sh))
SUITE_SCRIPTS := $(sort $(wildcard $(srcdir)/tests/suite/test_*.sh))
# What the tests of a directory share: its other .c files
shared = $(patsubst $(srcdir)/tests/%.c,$(T)/%.o,\
	$(filter-out $(srcdir)/tests/$1/test_%,$(sort $(wildcard $(srcdir)/tests/$1/*.c))))
# Programs that tests run as services, and what they share
HELPER_PARTS := $(sort $(wildcard $(srcdir)/tests/helper/part_*.c))
HELPERS := $(patsubst $(srcdir)/tests/helper/%.c,$(T)/helper/%,\
	$(filter-out $(HELPER_PARTS),$(sort $(wildcard $(srcdir)/tests/helper/*.c))))

MAN := $(sort $(wildcard $(srcdir)/man/*.[1578]))

all: programs

ifndef CONFIGURED
NEED_CONFIG := $(filter-out lint format clean distclean bench,$(or $(MAKECMDGOALS),all))
ifneq ($(NEED_CONFIG),)
$(error run ./configure first)
endif
endif

programs: $(addprefix $(B)/,$(PROGRAMS))

$(B)/obj/%.o: $(srcdir)/src/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -c -o $@ $<

# rm: a member whose source is gone must go too
define archive
@mkdir -p $(@D)
@rm -f $@
$(call say,AR)$(AR) rcs $@ $(filter %.o,$^)
endef

$(B)/libcinit.a: $(LIB_OBJECTS)
	$(archive)
$(B)/libsupervise.a: $(SUPERVISE_OBJECTS)
	$(archive)

define program
$(B)/$1: $2 $3 $(B)/libcinit.a
	$$(call say,LINK)$$(LINK) -o $$@ $$(filter-out %.ld,$$^) $$(SKALIBS_LIBS)
endef
$(foreach name,$(filter-out cinit supervise,$(PROGRAMS)),\
	$(eval $(call program,$(name),$(call objects,$(name),$(B)/obj),)))
ifneq ($(filter cinit,$(PROGRAMS)),)
$(eval $(call program,cinit,$(call objects,cinit,$(B)/obj),$(B)/libsupervise.a))
endif
$(B)/cinit: MODE_LDFLAGS += $(ENTRY_LDFLAGS)
# what supervisors run comes first, see src/order
ifneq ($(ORDER),)
$(B)/cinit: MODE_LDFLAGS += -Wl,-T,$(B)/order.ld
$(B)/cinit: $(B)/order.ld
endif
$(B)/order.ld: $(srcdir)/src/order $(srcdir)/tools/order config.mk
	$(call say,GEN)$(srcdir)/tools/order >$@
# cinit under another name
$(B)/supervise: $(B)/cinit
	$(call say,LN)ln -sf cinit $@

## tests

# -w: the build proper has shown the warnings, and at -O1 gcc invents others
$(T)/obj/%.o: $(srcdir)/src/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(TEST_COMPILE) -w -c -o $@ $<
$(T)/%.o: $(srcdir)/tests/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(TEST_COMPILE) -c -o $@ $<

$(T)/libcinit.a: $(TEST_LIB_OBJECTS)
	$(archive)
$(T)/libsupervise.a: $(TEST_SUPERVISE_OBJECTS)
	$(archive)
# The programs' own files but main.c, for tests of their parts. A test gets those of the program
# that it includes a header of: two programs may use one name for different functions.
define test_archive
$(T)/lib$1.a: $(filter-out %/main.o,$(patsubst $(srcdir)/src/%.c,$(T)/obj/%.o,$(sort $(wildcard $(srcdir)/src/$1/*.c))))
	$$(archive)
endef
PARTS := $(filter-out supervise,$(foreach name,$(PROGRAMS),$(call directory,$(name))))
$(foreach part,$(PARTS),$(eval $(call test_archive,$(part))))
$(T)/libunit.a: $(call shared,unit)
	$(archive)
$(T)/libsuite.a: $(call shared,suite)
	$(archive)

# wraps FILE...: the linker's options for the files' `/* wrap: open read */` comments
wraps = sed -n '1,10s,.*/\* *wrap: *\([^*]*\)\*/.*,\1,p' $1 | tr -s ' \n' '\n\n' | sed '/./!d; s/^/-Wl,--wrap=/' | sort -u
# helpers DIRECTORY,TEST: the objects behind the headers that the test includes. They come before the archive of all
# helpers, so that two helpers with the same names in them do not meet.
helpers = for name in $$(grep -o 'tests/$1/[A-Za-z0-9_]*\.h' $(T)/$1/$2.d | sort -u); do \
	name=$(T)/$${name\#tests/}; [ ! -e $${name%.h}.o ] || echo $${name%.h}.o; done
# parts FILE,DIRECTORY: the archives there of the programs that it includes headers of
parts = for part in $(PARTS); do \
	! grep -Eq "^\#include \"([^\"]*/)?$$part/[^\"]*\"" $1 || echo $2/lib$$part.a; done

$(T)/unit/%: $(T)/unit/%.o $(T)/libunit.a $(patsubst %,$(T)/lib%.a,$(PARTS)) $(T)/libsupervise.a $(T)/libcinit.a | $(T)/.cmocka
	$(call say,LINK)$(TEST_LINK) -o $@ $< $$($(call helpers,unit,$*)) \
		$$($(call wraps,$(srcdir)/tests/unit/$*.c)) $(T)/libunit.a \
		$$($(call parts,$(srcdir)/tests/unit/$*.c,$(T))) $(T)/libsupervise.a $(T)/libcinit.a $(SKALIBS_LIBS) -lcmocka
$(T)/suite/%: $(T)/suite/%.o $(T)/libsuite.a $(T)/libsupervise.a $(T)/libcinit.a | $(T)/.cmocka
	$(call say,LINK)$(TEST_LINK) -o $@ $< $$($(call helpers,suite,$*)) \
		$$($(call wraps,$(srcdir)/tests/suite/$*.c)) $(T)/libsuite.a \
		$(T)/libsupervise.a $(T)/libcinit.a $(SKALIBS_LIBS) -lcmocka
$(T)/libhelper.a: $(patsubst $(srcdir)/tests/%.c,$(T)/%.o,$(HELPER_PARTS))
	$(archive)
$(T)/helper/%: $(T)/helper/%.o $(T)/libhelper.a $(T)/libcinit.a
	$(call say,LINK)$(TEST_LINK) -o $@ $^ $(SKALIBS_LIBS)
# cinit itself, with something wrong in it; linked as that is, for machines without libraries
$(T)/helper/broken: $(T)/helper/broken.o $(T)/obj/init/main.o $(T)/libinit.a $(T)/libsupervise.a $(T)/libcinit.a
	$(call say,LINK)$(TEST_LINK) $(MODE_LDFLAGS) -o $@ $$($(call wraps,$(srcdir)/tests/helper/broken.c)) $^ $(SKALIBS_LIBS)

# One program of several files
CHAOS := $(T)/chaos/chaos
$(CHAOS): $(call shared,chaos) $(T)/libsuite.a $(T)/libsupervise.a $(T)/libcinit.a | $(T)/.cmocka
	$(call say,LINK)$(TEST_LINK) -o $@ $^ $(SKALIBS_LIBS) -lcmocka

$(T)/.cmocka: config.mk
	@mkdir -p $(T)
	@printf '%s\n' '#include <stdarg.h>' '#include <stddef.h>' '#include <stdint.h>' '#include <setjmp.h>' \
		'#include <cmocka.h>' 'int main(void) { return cmocka_run_group_tests_name("", (struct CMUnitTest *)0, 0, 0); }' >$@.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -w -o $@.out $@.c $(LDFLAGS) -lcmocka 2>$@.log || { \
		echo "cmocka is missing or does not work with $(CC): install the package libcmocka-dev (see $@.log)" >&2; exit 1; }
	@touch $@

tests: $(UNITS) $(SUITE) $(HELPERS) $(CHAOS)

RUN = CINIT_BUILD=$(CURDIR)/$(B) CINIT_SOURCE=$(abspath $(srcdir)) $(srcdir)/tests/run -l $(T)/log

# The longest come first, so that none of them is left to run alone in the end.
LONG := build.sh depend_many supervise_refused supervise_killed upgrade_broken svctl_many depend_steps upgrade_kinds strays init_fault
long = $(foreach name,$(LONG),$(filter %/test_$(name),$1))
in_order = $(call long,$1) $(filter-out $(call long,$1),$1)
check: programs tests
	@$(RUN) $(RUNFLAGS) $(call in_order,$(SUITE) $(SUITE_SCRIPTS) $(UNITS) $(UNIT_SCRIPTS))
# What does not depend on how the programs were built stays out: scripts that look at the sources or build them.
check-built: programs tests
	@$(RUN) $(RUNFLAGS) $(call in_order,$(SUITE) $(UNITS))
check-units: $(UNITS)
	@$(RUN) $(RUNFLAGS) $(UNITS) $(UNIT_SCRIPTS)
check-suite: programs $(SUITE) $(HELPERS)
	@$(RUN) $(RUNFLAGS) $(SUITE) $(SUITE_SCRIPTS)
# A unit with a comment `/* no valgrind: reason */` in its first ten lines stays out; the sanitizers still have it.
# Leaks are theirs to find: a forked child that ends with _exit leaks everything.
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=no --child-silent-after-fork=yes \
	--suppressions=$(abspath $(srcdir))/tests/valgrind.supp
NOT_VALGRIND = $(shell for file in $(wildcard $(srcdir)/tests/unit/test_*.c); do \
	! sed 10q "$$file" | grep -q '^/\* no valgrind: ' || echo "$(T)/unit/$$(basename "$$file" .c)"; done)
check-valgrind: $(UNITS)
	@for test in $(NOT_VALGRIND); do echo "not under valgrind: $$test"; done
	@$(RUN) -t 300 -w '$(VALGRIND)' $(RUNFLAGS) $(filter-out $(NOT_VALGRIND),$(UNITS))
# Of the random graphs `check` does six.
# 300 take five minutes of two processors
GRAPHS = 300
check-graphs: programs $(HELPERS) $(T)/suite/test_depend_random
	@CINIT_GRAPHS=$(GRAPHS) $(RUN) -t 5400 $(RUNFLAGS) $(T)/suite/test_depend_random
# Whoever is killed: never two, never lost. CHAOS_SEED=N repeats what everybody decides
CHAOS_TIME = 60
chaos: programs $(HELPERS) $(CHAOS)
	@CHAOS_TIME='$(CHAOS_TIME)' CHAOS_SEED='$(CHAOS_SEED)' $(RUN) -t $$(($(CHAOS_TIME) + 180)) $(RUNFLAGS) $(CHAOS); \
		code=$$?; sed -n '/^# [^o]/p' $(T)/log/chaos-chaos.tap; exit $$code
check-container: programs
	@if [ -x $(srcdir)/tests/container/run ]; then \
		CINIT_BUILD=$(CURDIR)/$(B) $(srcdir)/tests/container/run; \
	else \
		echo '0 passed, 0 failed, 0 skipped'; \
	fi
# TAP, like any test, but it boots a dozen machines
check-vm: programs $(T)/helper/broken
	@$(RUN) -t 900 $(RUNFLAGS) $(srcdir)/tests/vm/test_boot.sh $(srcdir)/tests/vm/test_end.sh \
		$(srcdir)/tests/vm/test_upgrade.sh

# The protocol's models, checked with spin; each mutation of them must be found.
model:
	@CC='$(CC)' $(srcdir)/tests/model/run $(T)/model

## fuzzing: all sources once more, for clang's libFuzzer, whatever CC is

FUZZ_CC := clang
FUZZ_TIME := 120
F := $(B)/fuzz
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_COMPILE = $(FUZZ_CC) $(LANGUAGE) -w $(INCLUDES) $(PATHS) $(SKALIBS_CPPFLAGS) $(CPPFLAGS) \
	$(FUZZ_SANITIZE) -O1 -g -MMD -MP
FUZZERS := $(patsubst $(srcdir)/tests/fuzz/%.c,$(F)/%,$(sort $(wildcard $(srcdir)/tests/fuzz/fuzz_*.c)))

$(F)/obj/%.o: $(srcdir)/src/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link -c -o $@ $<
$(F)/obj/%.o: $(srcdir)/tests/fuzz/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link -c -o $@ $<
define fuzz_archive
$(F)/lib$1.a: $(filter-out %/main.o,$(patsubst $(srcdir)/src/%.c,$(F)/obj/%.o,$(sort $(wildcard $(srcdir)/src/$1/*.c))))
	$$(archive)
endef
$(foreach room,lib supervise $(PARTS),$(eval $(call fuzz_archive,$(room))))
$(F)/fuzz_%: $(F)/obj/fuzz_%.o $(patsubst %,$(F)/lib%.a,$(PARTS) supervise lib)
	$(call say,LINK)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< \
		$$($(call parts,$(srcdir)/tests/fuzz/fuzz_$*.c,$(F))) $(F)/libsupervise.a $(F)/liblib.a $(SKALIBS_LIBS)

fuzzers: $(FUZZERS)
fuzz: $(FUZZERS)
	@FUZZ_SEED=$(FUZZ_SEED) $(srcdir)/tests/fuzz/run $(FUZZ_TIME) $(F)/out $(FUZZERS)

## measuring

BENCH_TOOLS := limit service
BENCH_OBJECTS := $(patsubst $(srcdir)/bench/%.c,$(B)/bench/%.o,\
	$(filter-out $(BENCH_TOOLS:%=$(srcdir)/bench/%.c),$(sort $(wildcard $(srcdir)/bench/*.c))))
$(B)/bench/%.o: $(srcdir)/bench/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(LANGUAGE) $(WARNINGS) $(WERROR) $(CPPFLAGS) $(CFLAGS) $(MODE_CFLAGS) -MMD -MP -c -o $@ $<
$(BENCH_TOOLS:%=$(B)/bench/%): $(B)/bench/%: $(B)/bench/%.o
	$(call say,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(MODE_LDFLAGS) -s -o $@ $<
$(B)/bench/bench: $(BENCH_OBJECTS)
	$(call say,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(MODE_LDFLAGS) -o $@ $^ -lm
# what the library itself does is compared with other ways of talking
IPC_OBJECTS := $(patsubst $(srcdir)/%.c,$(B)/%.o,$(sort $(wildcard $(srcdir)/bench/ipc/*.c))) $(B)/bench/namespace.o
$(B)/bench/ipc/%.o: $(srcdir)/bench/ipc/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(OUR_CFLAGS) -iquote $(srcdir)/bench $(CPPFLAGS) $(CFLAGS) $(MODE_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/bench/ipc/ipc: $(IPC_OBJECTS) $(B)/libcinit.a
	$(call say,LINK)$(LINK) -o $@ $^ $(SKALIBS_LIBS)
bench-programs: $(BENCH_TOOLS:%=$(B)/bench/%) $(B)/bench/bench $(B)/bench/ipc/ipc
bench:
	@$(srcdir)/tools/bench $(BENCHFLAGS)

lint:
	@$(srcdir)/tools/lint

format:
	@$(srcdir)/tools/lint format

## installation

INSTALL := install
INSTALL_PROGRAM = $(INSTALL) -m 755
INSTALL_DATA = $(INSTALL) -m 644
bashdir = $(datadir)/bash-completion/completions
zshdir = $(datadir)/zsh/site-functions
fishdir = $(datadir)/fish/vendor_completions.d
examplesdir = $(docdir)/examples
# where PROGRAM
where = $(if $(filter cinit,$1),$(sbindir),$(if $(filter supervise,$1),$(libexecdir)/cinit,$(bindir)))
# where-completion FILE: svctl.bash, _svctl, svctl.fish; the shells want them named as the command
completion = $(if $(filter %.bash,$1),$(bashdir)/$(notdir $(1:.bash=)),\
	$(if $(filter %.fish,$1),$(fishdir)/$(notdir $1),$(zshdir)/$(notdir $1)))
COMPLETIONS := $(sort $(wildcard $(srcdir)/completions/*))
EXAMPLES := $(shell cd $(srcdir) && [ ! -d examples ] || find examples ! -type d | LC_ALL=C sort)
DOCUMENTS := $(wildcard $(srcdir)/README.md $(srcdir)/LICENSE $(srcdir)/doc/*.md)

define install_line
$2 -D $1 '$(DESTDIR)$(strip $3)'

endef
manual = $(mandir)/man$(subst .,,$(suffix $1))/$(notdir $1)

# cp -P: an example may be a symlink, and stays one
install: programs
	$(foreach name,$(filter-out supervise,$(PROGRAMS)),$(call install_line,$(B)/$(name),$(INSTALL_PROGRAM),$(call where,$(name))/$(name)))
	@$(INSTALL) -d '$(DESTDIR)$(call where,supervise)'
	ln -f '$(DESTDIR)$(sbindir)/cinit' '$(DESTDIR)$(call where,supervise)/supervise' || \
		$(call install_line,$(B)/supervise,$(INSTALL_PROGRAM),$(call where,supervise)/supervise)
	$(foreach page,$(MAN),$(call install_line,$(page),$(INSTALL_DATA),$(call manual,$(page))))
	$(foreach file,$(COMPLETIONS),$(call install_line,$(file),$(INSTALL_DATA),$(call completion,$(file))))
	$(foreach file,$(DOCUMENTS),$(call install_line,$(file),$(INSTALL_DATA),$(docdir)/$(notdir $(file))))
	@for file in $(EXAMPLES); do \
		mkdir -p "$(DESTDIR)$(docdir)/$${file%/*}" && \
		cp -Pp $(srcdir)/"$$file" "$(DESTDIR)$(docdir)/$$file" || exit 1; \
	done
	@$(INSTALL) -d '$(DESTDIR)$(sysconfdir)/cinit' 2>/dev/null || \
		echo 'note: $(sysconfdir)/cinit cannot be made; cinit -d names another directory' >&2

install-strip:
	$(MAKE) install INSTALL_PROGRAM='$(INSTALL) -s -m 755'

# Configuration stays; directories go when they are empty.
uninstall:
	rm -f $(foreach name,$(PROGRAMS),'$(DESTDIR)$(call where,$(name))/$(name)')
	rm -f $(foreach page,$(MAN),'$(DESTDIR)$(call manual,$(page))')
	rm -f $(foreach file,$(COMPLETIONS),'$(DESTDIR)$(strip $(call completion,$(file)))')
	rm -f $(foreach file,$(DOCUMENTS),'$(DESTDIR)$(docdir)/$(notdir $(file))')
	rm -rf '$(DESTDIR)$(examplesdir)'
	-rmdir '$(DESTDIR)$(docdir)' '$(DESTDIR)$(libexecdir)/cinit' '$(DESTDIR)$(sysconfdir)/cinit' 2>/dev/null || :

clean:
	rm -rf $(B)
distclean: clean
	rm -f config.mk config.log

.PHONY: all programs tests check check-built check-units check-suite check-valgrind check-graphs chaos check-container check-vm bench \
	bench-programs model fuzzers fuzz lint format install install-strip uninstall clean distclean
.DELETE_ON_ERROR:
.SECONDARY:

-include $(shell find $(wildcard $(B)/obj $(B)/bench $(T) $(F)/obj) /dev/null -name '*.d')
