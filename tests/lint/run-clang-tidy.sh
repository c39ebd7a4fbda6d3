#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# clang-tidy over the given sources (default: all of the library, the command and the container side),
# with the compile commands of a build directory that was set up with clang.
# usage: run-clang-tidy.sh BUILD [SOURCES...]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$1; shift
[ $# -gt 0 ] || mapfile -t sources < <(find src libocispec/runtime -name '*.c' | sort)
[ $# -eq 0 ] || sources=("$@")
# A file that is not in this build (an option is off) cannot be checked. analyzer.h says what functions
# of other files promise; it cannot stand before their definitions.
with=() without=()
for file in "${sources[@]}"; do
  grep -qF "/${file#./}\"" "$build/compile_commands.json" || continue
  case $file in
    src/base/err.c | src/base/str.c | src/wire/blob.c | src/init/libc.c | libocispec/*) without+=("$file") ;;
    *) with+=("$file") ;;
  esac
done
n=$((${#with[@]} + ${#without[@]}))
[ $n -gt 0 ] || { echo "no source of these is built in $build"; exit 1; }

tidy() { # tidy OPTIONS...: files on stdin
  xargs -r -P "$(nproc)" -n 4 clang-tidy -quiet -p "$build" "$@" 2>/dev/null
}

out=$(mktemp) && trap 'rm -f "$out"' EXIT
bad=0
if [ ${#with[@]} -gt 0 ]; then
  printf '%s\n' "${with[@]}" | tidy --extra-arg=-include "--extra-arg=$PWD/tests/lint/analyzer.h" >"$out" || bad=1
fi
if [ ${#without[@]} -gt 0 ]; then
  printf '%s\n' "${without[@]}" | tidy >>"$out" || bad=1
fi
grep -E '(error|warning):' "$out" | sort -u
[ $bad = 0 ] || grep -vE '^$' "$out"
[ $bad = 0 ] && echo "$n files are clean"
exit $bad
