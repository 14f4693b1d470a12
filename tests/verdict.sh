# What tests that are shell scripts share: a line of TAP for each thing they look at. The caller makes the directory
# WORK.
# shellcheck shell=sh
# shellcheck disable=SC2154  # work: set by those who read this file

count=0
# verdict NAME: passes if $work/wrong is empty and $work/sought, what was looked at, is not
verdict() {
	count=$((count + 1))
	if [ ! -s "$work/sought" ]; then
		printf 'not ok %d - %s: nothing was found to look for\n' "$count" "$1"
	elif [ -s "$work/wrong" ]; then
		printf 'not ok %d - %s\n' "$count" "$1"
		sed 's/^/# /' "$work/wrong"
	else
		printf 'ok %d - %s\n' "$count" "$1"
	fi
}
