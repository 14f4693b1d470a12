#!/bin/sh
# The manual against the code: what the tables of the code hold is in the pages, and what the pages tell of
# the formats is what the code does.

source=${CINIT_SOURCE:?}
build=${CINIT_BUILD:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/cinit-man.XXXXXX") || exit 111
trap 'rm -rf -- "$work"' EXIT
cd "$source" || exit 111
LC_ALL=C
export LC_ALL

svctl=man/svctl.1
servicedir=man/servicedir.5
ipc=man/cinit-ipc.7
cinit=man/cinit.8
supervise=man/cinit-supervise.8

# shellcheck source=tests/verdict.sh
. "$source/tests/verdict.sh"

# same NAME: passes if the files `code` and `page` hold the same lines
same() {
	sort "$work/code" >"$work/sought"
	sort "$work/page" | diff "$work/sought" - >"$work/wrong"
	verdict "$1"
}

# tags PAGE: the words of all list tags, macros left out, one a line
tags() {
	sed -n 's/^\.It //p' "$1" | sed 's/\\-/-/g' | tr ' ' '\n' | grep -Ev '^(Cm|Pa|Fl|Ev|Va|Ar|Ns|Op|No|,|\||Sy|Li)$'
}

# rows MACRO: `letter verb help` of the command table
rows() {
	sed -n 's/^#define \(COMMAND_[A-Z]*\) *'"'"'\(.\)'"'"'.*/s,\1,'"'\\2'"',/p' src/lib/command.h >"$work/letters"
	sed -f "$work/letters" src/lib/command.c |
		sed -n 's/^	'"$1"'('"'"'\(.\)'"'"', "\([^"]*\)",.*"\([^"]*\)"),$/\1 Ta \2 Ta \3/p'
}

{
	rows SERVICE
	rows TREE
} >"$work/code"
sed -n '/^\.Ss Letters/,/^\.Ss Lines/s/^\.It \(. Ta .*\)/\1/p' $svctl >"$work/page"
same 'svctl.1 has the command table, and nothing else as such'

# the words of --help: `  word, l   help`
"$build/svctl" --help >"$work/help" || exit 111
sed -n '/^commands:/,/^$/s/^  \([a-z0-9-]*\),\{0,1\} \([a-z0-9]\{0,1\}\) .*/\1 \2/p' "$work/help" |
	tr ' ' '\n' | sed '/^$/d' >"$work/sought"
tags $svctl >"$work/tags"
grep -vxFf "$work/tags" "$work/sought" >"$work/wrong"
verdict 'svctl.1 has every word and letter of svctl'

# options PROGRAM: those of its --help
options() {
	"$build/$1" --help | sed -n '/^  *-.*  /p' | sed 's/  [a-z].*//; s/  [A-Z].*//' |
		tr ' ,=' '[\n*]' | sed -n 's/^-\(-*[a-zA-Z-]*\)$/\1/p' | sort -u
}
# has_options PROGRAM PAGE
has_options() {
	options "$1" >"$work/sought"
	tags "$2" | sort -u >"$work/tags"
	grep -vxFf "$work/tags" "$work/sought" >"$work/wrong"
	verdict "${2#man/} has every option of $1 --help"
}
has_options svctl $svctl
has_options cinit $cinit

has_options supervise $supervise

# Entries: NAME is a tag as it stands, or with something behind a slash; X.params and X.env are told of together.
# One without a value that is only in the table is not yet read.
sed -n 's/^	\[BIT_\([A-Z_]*\)\] = { "\([a-z.-]*\)", \([A-Z]*\).*},$/\1 \2 \3/p' src/supervise/config.c |
	while read -r bit name type; do
		if [ "$type" != PRESENCE ] || grep -rqw "ENTRY_$bit" --include='*.c' src ||
			grep -rq "\"${name}[\"/]" --include='*.c' --exclude=config.c src; then
			echo "$name"
		fi
	done >"$work/entries"
sed 's/^\(run\|on\|off\|check\|finish\)\(\.[a-z]*\)$/\2/' "$work/entries" | sort -u >"$work/sought"
sed -n '/^\.Ss Programs/,/^\.Ss The logger/p' $servicedir >"$work/part"
tags "$work/part" | sed 's,/.*,,' | sort -u >"$work/page"
grep -vxFf "$work/page" "$work/sought" >"$work/wrong"
verdict 'servicedir.5 has every entry that the supervisor reads'

# and no other: words, placeholders and values are no entries
sed -n '/^\.Ss Programs/,/^\.Ss The logger/s/^\.It Pa \([a-z-]*\).*/\1/p' "$work/part" | sort -u >"$work/sought"
grep -vxFf "$work/entries" "$work/sought" >"$work/wrong"
verdict 'servicedir.5 has no entry that the supervisor does not read'

# Defaults: milliseconds in the code, seconds in the page.
sed -n 's/^		\.\(timeout_[a-z]*\|backoff_max\) = \([0-9]*\)000,$/\1 \2/p' src/supervise/config.c | tr _ - >"$work/sought"
: >"$work/wrong"
while read -r name seconds; do
	sed -n "/^\\.It Pa $name\$/,/^Default: /p" $servicedir | grep -qx "Default: $seconds s\\." ||
		echo "$name: default $seconds s" >>"$work/wrong"
done <"$work/sought"
verdict 'servicedir.5 has the defaults of the time limits'

sed -n 's/.*value_[a-z]*(conf, "\([a-z-]*\)",.*/\1/p' src/init/settings.c src/init/cgroup.c >"$work/sought"
tags $cinit | sed 's,.*/conf/,,' >"$work/tags"
grep -vxFf "$work/tags" "$work/sought" >"$work/wrong"
verdict 'cinit.8 has every setting in conf/'

# Offsets: `.It OFFSET Ta BYTES Ta FIELD Ta ...`
sed -n '/^\.Sh STATUS/,/^\.El/s/^\.It \([0-9]*\) Ta \([0-9]*\) Ta \([a-z_]*\) Ta .*/\1 \2 \3/p' $ipc >"$work/fields"
sed -n '/^enum at {/,/^}/s/^	AT_\([A-Z_]*\) = \([0-9]*\).*/\2 \1/p' src/lib/status.c | tr '[:upper:]' '[:lower:]' >"$work/code"
awk '{ print $1, $3 }' "$work/fields" >"$work/page"
same 'cinit-ipc.7 has the offsets of the status record'

awk '$1 < end { print "overlaps: " $0 } $1 > end + 2 { print "gap: " $0 } { end = $1 + $2 } END { if (end != 3216) print "ends at " end }' \
	"$work/fields" >"$work/wrong"
cp "$work/fields" "$work/sought"
verdict 'cinit-ipc.7: the fields fill the record'

# numbers ENUM PREFIX: `N name` of an enum of status.h, by its order or by the bits
numbers() {
	sed -n "/^enum $1 {/,/}/p" src/lib/status.h | sed 's,/\*.*,,; s/.*{//; s/}.*//' | tr ',' '\n' |
		sed -n "s/^[[:space:]]*$2\\([A-Z_]*\\)\\( = 1u << \\([0-9]*\\)\\)\\{0,1\\}[[:space:]]*\$/\\1 \\3/p" |
		grep -v '^COUNT' | tr '[:upper:]' '[:lower:]' | awk '{ print (NF > 1 ? $2 : NR - 1), $1 }'
}
# told TAG: the `N name` pairs in the first paragraph behind `.It TAG`
told() {
	awk -v tag=".It $1" '
		$0 == tag { on = 1; next }
		on && /^\./ { exit }
		on { print }' $ipc | tr ',.:' '[\n*]' | sed -n 's/^ *\([0-9][0-9]*\) \([a-z_]*\)$/\1 \2/p'
}
# enumeration NAME PREFIX TAG
enumeration() {
	numbers "$1" "$2" >"$work/code"
	told "$3" >"$work/page"
	same "cinit-ipc.7 has the numbers of enum $1"
}
enumeration status_state STATE_ 'Va state'
enumeration status_want WANT_ 'Va want'
enumeration status_reason REASON_ 'Va reason'
enumeration status_flag FLAG_ 'Va flags'
enumeration status_result RESULT_ 'Em result'
enumeration status_why WHY_ 'Em why'

sed -n 's/.*\(add_[a-z_]*\|key\)(t, "\([a-z_]*\)".*/\2/p; s/.*{\\"\(name\)\\".*/\1/p' src/svctl/json.c | sort -u >"$work/sought"
sed -n '/^\.Ss JSON/,/^\.Ss Perm/s/^\.It Va //p' $svctl | tr -d ' ' | tr ',' '\n' >"$work/tags"
grep -vxFf "$work/tags" "$work/sought" >"$work/wrong"
verdict 'svctl.1 has every field of --json'

sed -n 's/^#define EXIT_[A-Z_]* *\([0-9]*\).*/\1/p' src/svctl/report.h | sort -u >"$work/sought"
sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/s/^\.It //p' $svctl | tr '-' '\n' >"$work/tags"
grep -vxFf "$work/tags" "$work/sought" >"$work/wrong"
verdict 'svctl.1 has every exit code'

grep -ohE '(getenv|setenv)\("[A-Z_]*"|environment_set\(&changes, "[A-Z_]*"' -r src | sed 's/.*"\([A-Z_]*\)".*/\1/' | sort -u >"$work/sought"
cat man/*.[1578] | sed -n 's/^\.\(It \)\{0,1\}Ev //p' | tr -d '$,;' | tr ' ' '\n' | sort -u >"$work/tags"
grep -vxFf "$work/tags" "$work/sought" >"$work/wrong"
verdict 'the pages have every environment variable'

sed -n 's/^\.Xr \(cinit[a-z-]*\|svctl\|servicedir\) \([0-9]\).*/man\/\1.\2/p' man/*.[1578] | sort -u >"$work/sought"
: >"$work/wrong"
while read -r page; do
	[ -e "$page" ] || echo "$page" >>"$work/wrong"
done <"$work/sought"
verdict 'the pages refer to pages that exist'

printf '1..%d\n' "$count"
