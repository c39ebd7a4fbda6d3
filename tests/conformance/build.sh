#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the validation programs of the OCI runtime tools, static, and says in which directory they are.
# usage: build.sh [--archive]
# They are kept under COFFER_CONFORMANCE_CACHE (default /var/cache/coffer-conformance), by the hash of what they are made
# from. With --archive: one compressed file of all of them beside that directory, and its name is said.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${COFFER_CONFORMANCE_CACHE:-/var/cache/coffer-conformance}
module=github.com/opencontainers/runtime-tools

key=$(cd "$here" && { cat go.mod go.sum build.sh; go version; } | sha256sum | cut -c1-16)
dir=$cache/$key
if [ ! -e "$dir/done" ]; then
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Only what go.sum has: never another version than the one that was looked at.
  cp "$here/go.mod" "$here/go.sum" "$here/programs.go" "$work/"
  cd "$work"
  mkdir programs
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off
  mapfile -t packages < <(go list "$module/validation/..." | grep -v '/util$')
  [ "${#packages[@]}" -gt 50 ] || { echo "only ${#packages[@]} programs in $module" >&2; exit 1; }
  go build -trimpath -ldflags '-s -w' -o programs/ "${packages[@]}" "$module/cmd/runtimetest"
  install -m 644 "$(go list -m -f '{{.Dir}}' "$module")/rootfs-$(go env GOARCH).tar.gz" programs/
  touch programs/done
  chmod 755 programs
  rm -rf "$dir"
  mv programs "$dir"
  cd /
  # Those of other versions.
  find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key*" ! -path "$work" -exec rm -rf {} +
fi
if [ "${1:-}" = --archive ]; then
  if [ ! -e "$dir.tar.xz" ]; then
    tar -C "$dir" -cf - . | xz -T1 --lzma2=preset=3,dict=256MiB >"$dir.tar.xz.new"
    mv "$dir.tar.xz.new" "$dir.tar.xz"
  fi
  echo "$dir.tar.xz"
else
  echo "$dir"
fi
