#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What can be checked by reading: licence line, size of files, forbidden words and calls.
# usage: style.sh SOURCE_TREE
set -u
cd "$1" || exit 1
bad=0
complain() { echo "$1"; bad=1; }

while read -r file; do
  head -n 3 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' || complain "$file: no licence line"
  lines=$(wc -l <"$file")
  [ "$lines" -le 700 ] || complain "$file: $lines lines; it holds two ideas"
  grep -nE '[[:space:]]$' "$file" >/dev/null && complain "$file: blanks at the end of a line"
  grep -n $'\t' "$file" | grep -v 'config.json' >/dev/null && case $file in *.c | *.h) complain "$file: tabs" ;; esac
done < <(find src libocispec tests contrib -type f \( -name '*.c' -o -name '*.h' -o -name '*.py' -o -name '*.sh' -o -name '*.bash' -o -name '*.bats' \) ! -path '*/__pycache__/*')

grep -rnE --exclude=style.sh --exclude-dir=__pycache__ '\b(TODO|FIXME|XXX|HACK)\b' src libocispec contrib docs tests README.md meson.build && complain 'unfinished marks'
# One place for each kind of call.
grep -rnE '\bsyscall\(' src --include='*.c' --include='*.h' | grep -v '^src/sys/' && complain 'syscall() outside src/sys'
grep -rnE '[^_a-z](strcpy|strcat|strncpy|sprintf|strtok|gets|atoi|system|popen|alloca|mktemp|realpath)\(' src --include='*.c' && complain 'banned calls'
grep -rnE '\bgetenv\(' src --include='*.c' | grep -vE '^src/(cli|container/stop-point)' && complain 'getenv outside the command line'
# Container-side code uses the resolver, not strings.
grep -nE 'cf_sys_(mount|chown)\(' src/*/*-child.c && complain 'mount by path on the container side'
# In bats a plain `!` never fails a test (bash -e ignores it).
grep -nE '^ +! [^|]*$' tests/*/*.bats && complain 'a plain ! in a bats file: use not'
exit $bad
