#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every header compiles alone; public ones also as C99 and without GNU extensions.
# usage: headers.sh SOURCE_TREE BUILD
set -u
top=$1 build=$2 bad=0
generated=$(find "$build/libocispec" -maxdepth 1 -type d | head -n 1)
cd "$top/src" || exit 1
while read -r header; do
  gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I. -Iinclude -I"$build" -I"$top/libocispec" -I"$generated" \
    -include "$header" -x c /dev/null || { echo "$header does not compile alone"; bad=1; }
done < <(find . -name '*.h' ! -path './include/*' ! -name banned.h | sed 's,^\./,,' | sort)
for header in include/coffer/*.h; do
  gcc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude -include "coffer/$(basename "$header")" -x c /dev/null ||
    { echo "$header is not plain C99"; bad=1; }
done
exit $bad
