# Shell functions that the tools share. The caller sets `tool` to its own name.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # used by, and set by, those who read this file

# What each task needs beyond a bare Debian or Ubuntu, as PACKAGE=WITNESS: a command, a header in <>, or a file's
# path with * in it.
packages_build='gcc=gcc libc6-dev=<stdio.h> make=make skalibs-dev=<skalibs/skalibs.h>'
packages_test='libcmocka-dev=<cmocka.h> util-linux=unshare procps=ps'
packages_lint='clang-format=clang-format shellcheck=shellcheck mandoc=mandoc'
packages_model='spin=spin'
packages_fuzz='clang=clang libclang-rt-dev=/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer*.a'
packages_musl='musl-tools=musl-gcc dpkg-dev=dpkg-source'
packages_peers='runit=runsvdir s6=s6-svscan supervisor=supervisord tini=tini'
packages_container='runc=runc mmdebstrap=mmdebstrap'
packages_vm='qemu-system-x86=qemu-system-x86_64 cpio=cpio busybox-static=busybox e2fsprogs=mke2fs'

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: fatal: %s\n' "$tool" "$*" >&2
	exit 111
}

# has_header NAME: does the machine's compiler find it?
has_header() {
	printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\n' "$1" |
		"${CC:-gcc}" -E -x c - >/dev/null 2>&1
}

# missing_packages PACKAGE=WITNESS...: prints the packages whose witness is absent
missing_packages() {
	for pair; do
		witness=${pair#*=}
		case $witness in
		'<'*)
			witness=${witness#<}
			has_header "${witness%>}" || printf '%s ' "${pair%%=*}"
			;;
		/*)
			# shellcheck disable=SC2086  # a pattern
			ls $witness >/dev/null 2>&1 || printf '%s ' "${pair%%=*}"
			;;
		*) command -v "$witness" >/dev/null 2>&1 || printf '%s ' "${pair%%=*}" ;;
		esac
	done
}

# as_root COMMAND...: as root, or through sudo when it asks for nothing
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

can_be_root() {
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 install -qq -y --no-install-recommends "$@" >/dev/null
}

# install_packages PACKAGE=WITNESS...: installs what is missing and says so, or says the one command
# that would and exits. The lists are refreshed only when the first attempt fails: they may be absent.
install_packages() {
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null 2>&1 ||
		die "missing here, and there is no apt-get: install what Debian calls $missing"
	if ! can_be_root; then
		printf '%s: missing packages; run this and try again:\n  sudo apt-get install -y --no-install-recommends %s\n' \
			"$tool" "$missing" >&2
		exit 111
	fi
	say "$tool: installing $missing"
	# shellcheck disable=SC2086  # a list of packages
	apt_install $missing 2>/dev/null || { as_root apt-get -qq update && apt_install $missing; } ||
		die "unable to install $missing"
	missing=$(missing_packages "$@")
	[ -z "$missing" ] || die "still missing after installation: $missing"
}
