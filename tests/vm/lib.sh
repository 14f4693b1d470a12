# Shell functions for the tests of this directory: what the machine is made of, and the machine.
# WORK is the test's directory; ROOT is the machine's root file system; LOG is what its console shows.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # used by, and set by, those who read this file

ROOT=$WORK/root
LOG=$WORK/console
: >"$LOG"

# shellcheck source=tests/system.sh
. "${0%/*}/../system.sh"

## what the machine is made of

# image: the programs, and a shell with its tools. No directory is there that cinit has to make.
image() {
	mkdir -p "$ROOT/bin" "$ROOT/sbin" "$ROOT/etc/cinit/conf"
	install -m 755 "$CINIT_BUILD/cinit" "$ROOT/sbin/cinit"
	install -m 755 "$CINIT_BUILD/svctl" "$ROOT/bin/svctl"
	install -m 755 "$(command -v busybox)" "$ROOT/bin/busybox"
	for applet in $(busybox --list); do
		[ -e "$ROOT/bin/$applet" ] || ln -s busybox "$ROOT/bin/$applet"
	done
	rm -f "$ROOT/bin/init" "$ROOT/bin/reboot" "$ROOT/bin/poweroff" "$ROOT/bin/halt"
	ln -s /sbin/cinit "$ROOT/init"
	printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$ROOT/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$ROOT/etc/group"
}

# probe TEXT: a service that runs a script on the console once, when it is up
probe() {
	mkdir -p "$ROOT/etc/cinit/probe"
	{
		printf '#!/bin/sh\nexec >/dev/console 2>&1\n'
		printf 'fail() { echo "FAILED: $*"; svctl poweroff; exit 1; }\n'
		# field SERVICE NAME: of svctl's JSON
		# shellcheck disable=SC2016  # for the machine's shell
		printf '%s\n' 'field() { svctl --json status "$1" | sed -n "s/.*\"$2\": *\([^,}]*\).*/\1/p"; }'
		printf '%s\n' "$1"
	} >"$ROOT/etc/cinit/probe/on"
	chmod 755 "$ROOT/etc/cinit/probe/on"
}

# disk: an ext4 with ROOT in it, for a machine without initramfs
disk() {
	mkdir -p "$ROOT/dev" "$ROOT/proc" "$ROOT/sys" "$ROOT/run" "$ROOT/state"
	mke2fs -q -t ext4 -E root_owner=0:0 -d "$ROOT" "$WORK/disk" 32M || fail 'unable to make a disk'
}

# disk_is_clean: it was unmounted, or made read-only, and nothing is to be replayed
disk_is_clean() {
	dumpe2fs -h "$WORK/disk" 2>/dev/null >"$WORK/super"
	grep -q '^Filesystem state: *clean$' "$WORK/super" && ! grep -q needs_recovery "$WORK/super"
}

# on_disk PATH: what a file on the disk holds
on_disk() {
	debugfs -R "cat $1" "$WORK/disk" 2>/dev/null
}

## the machine

# boot WORD...: switches it on, with these on the kernel's command line behind the tests' own
boot() {
	rm -f "$WORK/qmp.in" "$WORK/qmp.out"
	: >"$LOG"
	mkfifo "$WORK/qmp.in" "$WORK/qmp.out" || fail 'unable to make FIFOs'
	if [ -e "$WORK/disk" ]; then
		set -- -drive "file=$WORK/disk,if=none,id=disk,format=raw,cache=writethrough" -device nvme,drive=disk,serial=1 \
			-append "console=ttyS0 loglevel=1 panic=-1 no_timer_check root=/dev/nvme0n1 rootfstype=ext4 rw init=/sbin/cinit $*"
	else
		(cd "$ROOT" && find . | cpio --quiet -o -H newc -R 0:0) >"$WORK/initramfs" || fail 'unable to make an initramfs'
		set -- -initrd "$WORK/initramfs" -append "console=ttyS0 loglevel=1 panic=-1 no_timer_check $*"
	fi
	qemu-system-x86_64 -accel tcg -cpu max -m 192 -nodefaults -display none -no-reboot -serial "file:$LOG" \
		-chardev "pipe,id=qmp,path=$WORK/qmp" -mon chardev=qmp,mode=control -kernel "$KERNEL" "$@" \
		>"$WORK/emulator" 2>&1 </dev/null &
	MACHINE=$!
	cat "$WORK/qmp.out" >"$WORK/events" &
	exec 5>"$WORK/qmp.in"
	monitor qmp_capabilities
}

# monitor COMMAND [ARGUMENTS]
monitor() {
	printf '{"execute":"%s"%s}\n' "$1" "${2:+,\"arguments\":$2}" >&5
}

ctrl_alt_del() {
	monitor send-key '{"keys":[{"type":"qcode","data":"ctrl"},{"type":"qcode","data":"alt"},{"type":"qcode","data":"delete"}]}'
}

machine_ended() {
	! kill -0 "$MACHINE" 2>/dev/null
}

# shown PATTERN: the console says it, sooner or later
shown_or_over() {
	grep -q -e "$1" "$LOG" || machine_ended
}

shown() {
	eventually 200 "the console says $1" shown_or_over "$1"
	says "$1"
}

# power_cut: nobody is told
power_cut() {
	monitor quit
	ends
}

ends() {
	eventually 200 'the machine ends' machine_ended
	wait "$MACHINE"
	MACHINE=
	exec 5>&-
	says_not 'Kernel panic'
	says_not FAILED
}

# ends_by WHAT: reboot, power off. The emulator tells them apart, and so does the kernel's last line.
ends_by() {
	ends
	case $1 in
	reboot)
		says 'reboot: Restarting system'
		expect 'a reset' grep -q '"reason": "guest-reset"' "$WORK/events"
		;;
	poweroff)
		says 'reboot: Power down'
		expect 'a power-off' grep -q '"reason": "guest-shutdown"' "$WORK/events"
		;;
	esac
}

# halts: it stays switched on, and nothing happens any more
halts() {
	shown 'reboot: System halted'
	machine_ended && fail 'a halt is no end'
	power_cut
}
