#!/bin/sh
# What survives an upgrade: every member of what cinit and a supervisor are made of is handed over to the next program,
# or is listed as beginning anew; so a new member asks for a decision. And a tag keeps its number: the program before or
# after this one reads it, too.

source=${CINIT_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/cinit-carry.XXXXXX") || exit 111
trap 'rm -rf -- "$work"' EXIT
cd "$source/src" || exit 111
LC_ALL=C
export LC_ALL

# shellcheck source=tests/verdict.sh
. "$source/tests/verdict.sh"

# members HEADER STRUCT: one a line
members() {
	awk -v s="$2" '
	index($0, "struct " s " {") == 1 { inside = 1; next }
	inside && /^}/ { exit }
	!inside { next }
	{
		line = $0
		if (comment) { if (line !~ /\*\//) next; sub(/^.*\*\//, "", line); comment = 0 }
		gsub(/\/\*[^*]*\*\//, "", line)
		if (line ~ /\/\*/) { comment = 1; sub(/\/\*.*/, "", line) }
		if (line !~ /;/) next
		sub(/;.*/, "", line)
		n = split(line, part, ",")
		for (i = 1; i <= n; i++) {
			gsub(/\[[^]]*\]/, "", part[i])
			sub(/^.*[ \t*]/, "", part[i])
			print part[i]
		}
	}' "$1"
}

# rows FILE: the members that its tables hand over, as they are written there, and strings that it hands over
rows() {
	sed -n '
	s/^\t[A-Z]*(TAG_[A-Z_]*, \([A-Z]*, \)\{0,1\}\(struct [a-z_]*, \)\{0,1\}\([][a-z_.A-Z0-9]*\)).*/\3/p
	s/^\tHANDOVER_MEMBER(TAG_[A-Z_]*, [A-Z_]*, struct [a-z_]*, \([a-z_]*\)).*/\1/p
	s/^\thandover_string(&\{0,1\}h, TAG_[A-Z_]*, [a-z]*->\([a-z_]*\));/\1/p' "$1"
	# CONFIG is about a part of a service
	sed -n 's/^\tCONFIG(TAG_[A-Z_]*, \([a-z_]*\)).*/config.\1/p' "$1"
}

# anew FILE STRUCT: members that begin anew, by the comment there: ` *   struct NAME: MEMBER...`
anew() {
	awk -v s="$2:" '
	/^ \*   struct / { inside = $3 == s; $1 = $2 = $3 = "" }
	inside {
		last = sub(/\*\//, "")
		sub(/^ \*/, "")
		for (i = 1; i <= NF; i++)
			if ($i != "*") print $i
		if (last) exit
	}' "$1"
}

# covered FILE HEADER STRUCT PREFIX
covered() {
	members "$2" "$3" >"$work/sought"
	rows "$1" >"$work/rows"
	anew "$1" "$3" >"$work/anew"
	while read -r member; do
		whole=$4$member
		in_row=no
		listed=no
		! grep -q "^$(printf '%s' "$whole" | sed 's/\./\\./g')\([.[].*\)\{0,1\}\$" "$work/rows" || in_row=yes
		! grep -qx "$member" "$work/anew" || listed=yes
		case $in_row$listed in
		nono) echo "$3.$member ($2): no row in $1, and not listed there as beginning anew" ;;
		yesyes) echo "$3.$member ($2): has a row in $1, and is listed there as beginning anew" ;;
		esac
	done <"$work/sought" >"$work/wrong"
	while read -r member; do
		[ -z "$member" ] || grep -qx -e "$member" "$work/sought" || echo "$3.$member: listed in $1, and no member ($2)"
	done <"$work/anew" >>"$work/wrong"
	verdict "struct $3 of ${2%%/*}: handed over, or listed"
}

# tags FILE: NAME NUMBER
tags() {
	awk '
	/^enum \{/ { inside = 1; next }
	inside && /^\}/ { exit }
	inside && match($0, /TAG_[A-Z_0-9]+/) {
		name = substr($0, RSTART, RLENGTH)
		if (match($0, /= *(0x)?[0-9a-f]+/)) {
			text = substr($0, RSTART + 1, RLENGTH - 1)
			gsub(/ /, "", text)
			hex = sub(/^0x/, "", text)
			number = 0
			for (i = 1; i <= length(text); i++)
				number = number * (hex ? 16 : 10) + index("0123456789abcdef", substr(text, i, 1)) - 1
		}
		print name, number++
	}' "$1"
}

# same_tags FILE NAME
same_tags() {
	tags "$1" >"$work/sought"
	sed -n "s/^$2 //p" ../tests/unit/carry.tags >"$work/known"
	diff "$work/known" "$work/sought" | sed -n 's/^</was:/p; s/^>/is: /p' >"$work/wrong"
	cut -d ' ' -f 2 "$work/sought" | sort | uniq -d | sed 's/^/twice: /' >>"$work/wrong"
	verdict "tags of $1 are those of tests/unit/carry.tags"
}

printf '1..16\n'
covered init/carry.c init/init.h init ''
covered init/carry.c init/init.h cmd cmd.
covered init/carry.c init/init.h upgrade upgrade.
covered init/carry.c init/stop.h stop stop.
covered init/carry.c init/tree.h service ''
covered supervise/carry.c supervise/service.h supervisor ''
covered supervise/carry.c supervise/service.h service ''
covered supervise/carry.c supervise/service.h child ''
covered supervise/carry.c supervise/service.h job ''
covered supervise/carry.c supervise/supervise.h supervise_options ''
covered supervise/carry.c supervise/config.h config config.
covered supervise/carry.c supervise/lines.h lines lines.
covered supervise/carry.c supervise/needs.h needs needs.
same_tags init/carry.c init
same_tags supervise/carry.c supervise
same_tags lib/ipc_handover.c ipc
