# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For build-deb and build-rpm: a source archive of the tree that this file is in.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -n "s/^  version : '\(.*\)',$/\1/p" "$top/meson.build")

# Makes $work with coffer-VERSION and coffer-VERSION.tar.gz in it; removed when the script ends.
make_source() {
  [ -n "$version" ] || { echo "no version in $top/meson.build" >&2; exit 1; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/coffer-$version"
  # What git knows, as it is now; without git, everything but what a build leaves.
  if git -C "$top" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    (cd "$top" && git ls-files -z --cached --others --exclude-standard |
      tar --null --ignore-failed-read --files-from=- -cf - 2>/dev/null) | tar -xf - -C "$work/coffer-$version"
  else
    (cd "$top" && tar --exclude=./.build --exclude='./build*' --exclude=__pycache__ -cf - .) |
      tar -xf - -C "$work/coffer-$version"
  fi
  tar -C "$work" -czf "$work/coffer-$version.tar.gz" "coffer-$version"
}
