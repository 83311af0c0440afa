#!/bin/sh
# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
#
# Collects the counters of a running kernel that was built with CONFIG_GCOV_KERNEL, as one .tar.gz. Needs a POSIX shell
# and the usual tools (busybox has them all); no Python. Run it as root.
#
#   collect.sh -o FILE [-r] [-s SECONDS | -- COMMAND [ARGUMENT...]]
#
#   -o FILE     where the archive goes; - for standard output
#   -r          reset the counters first, so that only what follows counts
#   -s SECONDS  collect after so many seconds (default 0: at once)
#   COMMAND     collect when this has ended; nothing is collected where it fails
#
# Exit codes: 0 collected, 1 the command failed, 2 wrong usage, 3 the machine cannot do it.

set -u
umask 077
gcov=${PUMPHOUSE_GCOV:-/sys/kernel/debug/gcov}
out='' reset=no seconds=0 work=''

say() { printf 'collect.sh: %s\n' "$*" >&2; }
die() {
	code=$1
	shift
	say "$*"
	exit "$code"
}
clean() { [ -z "$work" ] || rm -rf "$work"; }
trap clean EXIT
trap 'exit 3' HUP INT TERM

while getopts o:rs: option; do
	case $option in
	o) out=$OPTARG ;;
	r) reset=yes ;;
	s) seconds=$OPTARG ;;
	*) die 2 'usage: collect.sh -o FILE [-r] [-s SECONDS | -- COMMAND...]' ;;
	esac
done
shift $((OPTIND - 1))
[ -n "$out" ] || die 2 'no -o: where shall the archive go? (-o - for standard output)'
case $seconds in '' | *[!0-9]*) die 2 "-s $seconds: give whole seconds" ;; esac
[ "$#" -eq 0 ] || [ "$seconds" -eq 0 ] || die 2 'give -s or a command, not both'

if [ ! -d "$gcov" ]; then
	[ "$(id -u)" -eq 0 ] || die 3 "$gcov cannot be seen: run this as root"
	[ -d "${gcov%/*}/" ] && [ -n "$(ls -A "${gcov%/*}" 2>/dev/null)" ] ||
		die 3 "debugfs is not there: mount -t debugfs none ${gcov%/*}"
	die 3 "$gcov is not there: this kernel counts nothing; boot the instrumented one"
fi
[ -w "$gcov/reset" ] || die 3 "$gcov/reset cannot be written: run this as root"

work=$(mktemp -d "${TMPDIR:-/tmp}/pumphouse-collect.XXXXXX") || die 3 'no room for a temporary folder: set TMPDIR'

[ "$reset" = no ] || echo 0 >"$gcov/reset" || die 3 'the counters could not be reset'
began=$(date +%s)
if [ "$#" -gt 0 ]; then
	"$@" >&2 || die 1 "$1 ended with $?: nothing is collected"
else
	sleep "$seconds"
fi
duration=$(($(date +%s) - began))

# Files of debugfs say that they are empty until they are read: cat copies them, tar and cp -a would not.
mkdir "$work/counters" || die 3 'no room: set TMPDIR'
find "$gcov" -type f -name '*.gcda' >"$work/list" || die 3 "$gcov cannot be read"
while IFS= read -r path; do
	copy=$work/counters${path#"$gcov"}
	mkdir -p "${copy%/*}" && cat "$path" >"$copy" || die 3 "$path could not be copied: no room? Set TMPDIR"
	[ -s "$copy" ] || die 3 "$path was empty"
done <"$work/list" || exit
files=$(($(wc -l <"$work/list")))
[ "$files" -gt 0 ] || die 3 "$gcov has no counters: this kernel was built without CONFIG_GCOV_PROFILE_ALL"
printf 'pumphouse-collected 1\nfiles %s\nreset %s\nduration_s %s\n' "$files" "$reset" "$duration" >"$work/collected"

(cd "$work" && tar -cf archive.tar collected counters && gzip -1 archive.tar) || die 3 'no room: set TMPDIR'
if [ "$out" = - ]; then
	cat "$work/archive.tar.gz" || exit 3
else
	cp "$work/archive.tar.gz" "$out.part" && mv "$out.part" "$out" || die 3 "$out cannot be written"
fi
say "$files files of counters after $duration s: $out"
