# Shell functions that tests of whole systems share: verdicts, service directories. The caller sets WORK, the test's
# directory; ROOT, the root file system of the system under test; LOG, what that system says.
# shellcheck shell=sh
# shellcheck disable=SC2154  # set by those who read this file

## verdicts

fail() {
	printf 'FAILED: %s\n' "$*"
	if [ -s "$LOG" ]; then
		printf -- '--- what it said:\n'
		tail -n 80 "$LOG"
	fi
	exit 1
}

skip() {
	printf 'SKIP %s\n' "$*"
	exit 77
}

# expect WHAT COMMAND...
expect() {
	what=$1
	shift
	"$@" || fail "expected: $what ($*)"
}

# equal WHAT EXPECTED ACTUAL
equal() {
	[ "$2" = "$3" ] || fail "$1: expected \`$2', got \`$3'"
}

# says PATTERN, says_not PATTERN: its output
says() {
	grep -q -e "$1" "$LOG" || fail "expected in the output: $1"
}

says_not() {
	! grep -q -e "$1" "$LOG" || fail "not expected in the output: $1"
}

# eventually SECONDS WHAT COMMAND...: only for what gives no event: servers and runtimes of others
eventually() {
	end=$(($(now) + $1 * 1000))
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -lt "$end" ] || fail "expected in time: $what ($*)"
		sleep 0.1
	done
}

# now: milliseconds
now() {
	read -r up _ </proc/uptime
	printf '%s\n' "${up%.*}${up#*.}0"
}

## service directories

# service NAME TEXT: a script
service() {
	mkdir -p "$ROOT/etc/cinit/$1"
	printf '#!/bin/sh\n%s\n' "$2" >"$ROOT/etc/cinit/$1/run"
	chmod 755 "$ROOT/etc/cinit/$1/run"
}

# linked NAME PROGRAM ARGUMENT...: a link to a binary
linked() {
	directory=$ROOT/etc/cinit/$1
	mkdir -p "$directory"
	ln -s "$2" "$directory/run"
	shift 2
	printf '%s\n' "$@" >"$directory/run.params"
}

# setting NAME FILE VALUE
setting() {
	printf '%s\n' "$3" >"$ROOT/etc/cinit/$1/$2"
}
