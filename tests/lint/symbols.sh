#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Container-side objects allocate nothing and call no library; planners do no I/O; the library exports
# exactly what its map and its public headers name.
# usage: symbols.sh SOURCE_TREE BUILD
set -uo pipefail
top=$1 build=$2 bad=0

complain() { echo "$1"; bad=$((bad + 1)); }

# --- coffer-init: everything resolved, nothing dynamic, no allocator
init=$build/src/coffer-init
[ -x "$init" ] || complain "no coffer-init in $build"
undefined=$(nm -u "$init" 2>/dev/null)
[ -z "$undefined" ] || complain "coffer-init has undefined symbols: $undefined"
readelf -lW "$init" | grep -q INTERP && complain 'coffer-init asks for a dynamic loader'
forbidden='malloc|calloc|realloc|free|fopen|fdopen|printf|fprintf|snprintf|vsnprintf|puts|exit|abort|pthread_.*|getpw.*|getgr.*|dlopen|getenv|system|strerror|setlocale|__errno_location'
found=$(nm "$init" | awk '{print $NF}' | grep -Ex "$forbidden")
[ -z "$found" ] || complain "coffer-init contains: $found"

# --- the same sources compiled hosted: what do they want from outside?
hosted=$build/src/libcoffer-init-hosted.a
if [ -e "$hosted" ]; then
  found=$(nm -u "$hosted" 2>/dev/null | awk '{print $NF}' | grep -Ex "$forbidden" | sort -u)
  [ -z "$found" ] || complain "container-side objects refer to: $found"
fi

# --- planners: no I/O at all
for object in $(find "$build/src" -path '*coffer-core*' -name '*-plan.c.o'); do
  found=$(nm -u "$object" | awk '{print $NF}' |
    grep -Ex 'open|openat|read|write|stat|fstat|lstat|getenv|time|clock_gettime|socket|fopen|opendir|syscall|getpid|getuid|geteuid')
  [ -z "$found" ] || complain "$(basename "$object") does I/O: $found"
done

# --- exported symbols == map == headers
lib=$(find "$build/src" -maxdepth 1 -name 'libcoffer.so*' -type f | head -n 1)
exported=$(nm -D --defined-only "$lib" | awk '$2 ~ /[TDBR]/ {print $3}' | sed 's/@.*//' | grep -v '^COFFER_' | sort -u)
map=$(grep -oE 'coffer_[a-z0-9_]+' "$top/src/libcoffer.map" | sort -u)
headers=$(sed 's,/\*.*\*/,,' "$top"/src/include/coffer/*.h | tr '\n' ' ' | grep -oE 'COFFER_PUBLIC[^;]*;' |
  grep -oE 'coffer_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)
[ "$exported" = "$map" ] || complain "exported and map differ: $(diff <(echo "$exported") <(echo "$map"))"
[ "$map" = "$headers" ] || complain "map and headers differ: $(diff <(echo "$map") <(echo "$headers"))"

# --- the command needs libc and yajl only
extra=$(readelf -dW "$build/src/cli/coffer" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libyajl|libasan|libubsan|ld-linux.*)\.so' )
[ -z "$extra" ] || complain "the command links $extra"

[ $bad = 0 ] && echo 'symbols are as they should be'
exit $((bad > 0))
