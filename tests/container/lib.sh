# Shell functions for the tests of this directory: images, containers.
# WORK is the test's directory, a tmpfs of its own; ROOT is the container's root file system.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # used by, and set by, those who read this file

ROOT=$WORK/root
LOG=$WORK/log
EXAMPLES=${0%/*}/../../examples
: >"$LOG"

# shellcheck source=tests/system.sh
. "${0%/*}/../system.sh"

## images

# debian_image: the servers' root file system, with the programs in it and no services
debian_image() {
	mkdir "$WORK/upper" "$WORK/overlay" "$ROOT"
	mount -t overlay overlay -o "lowerdir=$ROOTFS,upperdir=$WORK/upper,workdir=$WORK/overlay" "$ROOT" ||
		fail 'unable to mount an overlay'
	install -m 755 "$CINIT_BUILD/cinit" "$ROOT/usr/local/sbin/cinit"
	install -m 755 "$CINIT_BUILD/svctl" "$ROOT/usr/local/bin/svctl"
	mkdir "$ROOT/etc/cinit"
	CINIT=/usr/local/sbin/cinit
	SVCTL=/usr/local/bin/svctl
}

static_programs() {
	! LC_ALL=C readelf -l "$CINIT_BUILD/cinit" "$CINIT_BUILD/svctl" | grep -q INTERP
}

# static_tools NAME...: in /opt; each is a program of many that goes by one name only
static_tools() {
	mkdir -p "$ROOT/opt"
	for name; do
		install -m 755 "$ROOTFS/bin/busybox" "$ROOT/opt/$name"
	done
}

# scratch_image: nothing but the programs
scratch_image() {
	static_programs || skip 'the programs are not static'
	mkdir -p "$ROOT/etc/cinit" "$ROOT/proc" "$ROOT/dev" "$ROOT/run"
	install -m 755 "$CINIT_BUILD/cinit" "$CINIT_BUILD/svctl" "$ROOT/"
	CINIT=/cinit
	SVCTL=/svctl
}

## examples

# example NAME...: from examples/, with the release of PostgreSQL that is there
example() {
	for name; do
		cp -RP "$EXAMPLES/$name" "$ROOT/etc/cinit/"
	done
	[ -d "$ROOT/etc/cinit/postgresql" ] || return 0
	version=$(basename "$ROOT"/usr/lib/postgresql/*)
	ln -sfn "/usr/lib/postgresql/$version/bin/postgres" "$ROOT/etc/cinit/postgresql/run"
	sed -i "s,/15/,/$version/,g" "$ROOT/etc/cinit/postgresql/run.params" "$ROOT/etc/cinit/postgresql/check"
}

## containers

# What the next container is like; a test changes it before `start`.
UID_GID='0 0'
CAPABILITIES='CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
NO_NEW_PRIVILEGES=false
READ_ONLY=false
TERMINAL=false
ENVIRONMENT='PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
RUN_OPTIONS='"nosuid","nodev","mode=755"'
SHARE_PIDS=no
SECCOMP=

# strings ARGUMENT...: as JSON's strings, with commas
strings() {
	comma=
	for string; do
		printf '%s"%s"' "$comma" "$(printf '%s' "$string" | sed 's/[\\"]/\\&/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')"
		comma=,
	done
}

# mount_entry DESTINATION TYPE OPTIONS
mount_entry() {
	printf '{"destination":"%s","type":"%s","source":"%s","options":[%s]}' "$1" "$2" "$2" "$3"
}

configuration() {
	# shellcheck disable=SC2046,SC2086  # two numbers, a list
	set -- "$(strings "$@")" $UID_GID "$(strings $(printf 'CAP_%s ' $CAPABILITIES))"
	[ -n "$CAPABILITIES" ] || set -- "$1" "$2" "$3" ''
	printf '{"ociVersion":"1.0.2","hostname":"box","root":{"path":"%s","readonly":%s},\n' "$ROOT" "$READ_ONLY"
	printf '"process":{"terminal":%s,"args":[%s],"cwd":"/","user":{"uid":%s,"gid":%s},\n' "$TERMINAL" "$1" "$2" "$3"
	printf '"env":[%s],"noNewPrivileges":%s,\n' "$(strings "$ENVIRONMENT")" "$NO_NEW_PRIVILEGES"
	printf '"capabilities":{"bounding":[%s],"effective":[%s],"permitted":[%s]}},\n' "$4" "$4" "$4"
	printf '"mounts":[%s' "$(mount_entry /proc proc '')"
	printf ',%s' "$(mount_entry /dev tmpfs '"nosuid","mode=755"')" \
		"$(mount_entry /dev/pts devpts '"nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"')" \
		"$(mount_entry /dev/shm tmpfs '"nosuid","noexec","nodev","mode=1777"')"
	[ -z "$RUN_OPTIONS" ] || printf ',%s' "$(mount_entry /run tmpfs "$RUN_OPTIONS")"
	printf '],\n"linux":{"cgroupsPath":"/%s/box",%s' "$CGROUP" "${SECCOMP:+"\"seccomp\":$SECCOMP,"}"
	printf '"namespaces":[{"type":"mount"},{"type":"network"},{"type":"ipc"},{"type":"uts"}%s]}}\n' \
		"$([ "$SHARE_PIDS" = yes ] || printf ',{"type":"pid"}')"
}

# start ARGUMENT...: a container, in which cinit runs with these arguments
start() {
	configuration "$CINIT" "$@" >"$WORK/config.json"
	"$RUNC" --root "$WORK/state" run --pid-file "$WORK/pid" --bundle "$WORK" box >>"$LOG" 2>&1 </dev/null &
	RUNNER=$!
}

# box_state: created, running, stopped
box_state() {
	"$RUNC" --root "$WORK/state" state box 2>/dev/null | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p'
}

box_runs() {
	[ "$(box_state)" = running ]
}

box_began() {
	box_runs || [ ! -d "/proc/$RUNNER" ]
}

# booted: cinit knows all its services; before it obeys anybody it has made their directories
booted() {
	eventually 60 'the container runs, or has failed to' box_began
	box_runs || fail 'the container did not start'
	eventually 60 'cinit answers' inside "$SVCTL" rescan
}

# start_up ARGUMENT...: and all its services
start_up() {
	start "$@"
	booted
	expect 'all services are up' inside "$SVCTL" -w 60 start '*'
}

# inside COMMAND...: in the container
inside() {
	"$RUNC" --root "$WORK/state" exec box "$@" 2>&1 </dev/null
}

# stop [SIGNAL]: the container; sets CODE and TOOK (milliseconds)
stop() {
	began=$(now)
	"$RUNC" --root "$WORK/state" kill box "${1:-TERM}" || fail 'unable to send a signal to the container'
	await_end
	TOOK=$(($(now) - began))
}

await_end() {
	wait "$RUNNER"
	CODE=$?
}

# outcome ARGUMENT...: runs a container to its end; sets CODE
outcome() {
	start "$@"
	await_end
}

# field SERVICE NAME: of svctl's JSON
field() {
	inside "$SVCTL" --json status "$1" | sed -n "s/,\"log\":.*//; s/.*\"$2\": *\\([^,}]*\\).*/\\1/p"
}
