#!/bin/sh
# configure, install and uninstall as a packager meets them: what is found, what is said, what is left.

# The source tree, and the programs that are built already (the real ones are not built twice).
source=${CINIT_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/cinit-build.XXXXXX") || exit 111
trap 'rm -rf -- "$work"' EXIT
cd "$work" || exit 111
unset CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS

count=0
# verdict NAME: of the command before
verdict() {
	code=$?
	count=$((count + 1))
	if [ "$code" -eq 0 ]; then
		printf 'ok %d - %s\n' "$count" "$1"
	else
		printf 'not ok %d - %s\n' "$count" "$1"
		sed 's/^/# /' "$work/output" 2>/dev/null
	fi
}

# configure ARGUMENT...: in a directory of its own
configure() {
	rm -rf "$work/build"
	mkdir "$work/build"
	(cd "$work/build" && "$source/configure" "$@") >"$work/output" 2>&1
}

has() {
	grep -q -- "$1" "$work/build/config.mk"
}

says() {
	grep -q -- "$1" "$work/output"
}

one_line() {
	[ "$(grep -c '^configure: ' "$work/output")" -eq 1 ]
}

configure
verdict 'configure succeeds without options'

has '^SKALIBS_LIBS = -l:libskarnet.a'
verdict 'the archive of skalibs comes first'

configure --disable-static && has '^MODE_LDFLAGS = -pie' && ! has '^MODE_LDFLAGS = .*static'
verdict '--disable-static makes a position independent executable'

configure --enable-static --enable-sanitizers
[ $? -eq 1 ] && one_line && says 'exclude each other'
verdict 'static and sanitizers are refused together'

configure --with-skalibs=/nonexistent
[ $? -eq 1 ] && one_line && says 'skalibs not found: no /nonexistent/include/skalibs/skalibs.h'
verdict 'a wrong --with-skalibs is named'

mkdir -p "$work/empty/skalibs"
echo '#error not here' >"$work/empty/skalibs/config.h"
cp "$work/empty/skalibs/config.h" "$work/empty/skalibs/nonposix.h"
configure CPPFLAGS="-I$work/empty"
[ $? -eq 1 ] && one_line && says 'install the package skalibs-dev'
verdict 'without skalibs the package is named'

configure CC=/nonexistent/cc
[ $? -eq 1 ] && one_line && says 'compiler /nonexistent/cc does not work'
verdict 'a wrong CC is named'

configure CFLAGS=--no-such-flag
[ $? -eq 1 ] && one_line && says 'CFLAGS=.--no-such-flag'
verdict 'flags that do not work are named'

configure --no-such-option
[ $? -eq 1 ] && one_line && says 'unknown option --no-such-option'
verdict 'an unknown option is refused'

configure --prefix=relative
[ $? -eq 1 ] && one_line && says 'absolute'
verdict 'a relative prefix is refused'

(CFLAGS='-O1 -DX=1' configure LDFLAGS=-Wl,-O1) && has '^CFLAGS = -O1 -DX=1$' && has '^LDFLAGS = -Wl,-O1$'
verdict 'variables come from the environment and from arguments'

configure && cp -p build/config.mk before && (cd build && sleep 0.01 && "$source/configure" >"$work/output") &&
	[ "$(stat -c %y before)" = "$(stat -c %y build/config.mk)" ]
verdict 'configuring again the same way rebuilds nothing'

# The installed tree, from the build under test.
install() {
	make -C "${CINIT_BUILD%/build}" --no-print-directory "$@" DESTDIR="$work/root" prefix=/usr \
		libexecdir=/usr/libexec sysconfdir=/etc >"$work/output" 2>&1
}

install install && [ -x root/usr/sbin/cinit ] && [ -x root/usr/libexec/cinit/supervise ] &&
	[ -x root/usr/bin/svctl ] && [ -d root/etc/cinit ]
verdict 'install puts programs under DESTDIR'

for page in "$source"/man/*.[1578]; do
	[ ! -e "$page" ] || [ -e "root/usr/share/man/man${page##*.}/${page##*/}" ] || printf '%s\n' "$page"
done >output
[ ! -s output ]
verdict 'install puts every manual page in its section'

touch root/usr/kept
install uninstall
find root ! -type d ! -name kept >output
[ ! -s output ] && [ -e root/usr/kept ]
verdict 'uninstall leaves no file behind'

printf '1..%d\n' "$count"
