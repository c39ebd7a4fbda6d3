#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compiles everything for aarch64, with the headers of this machine's libraries, which do not depend on the
# processor; links coffer-init, which needs none; and, with an emulator, lets it refuse a plan without content.
# usage: run-cross.sh SOURCE BUILD
set -euo pipefail
source=$1 build=$2
if [ ! -e "$build/build.ninja" ]; then
  rm -rf "$build" && mkdir -p "$build/libraries/include"
  for name in yajl criterion libseccomp libsystemd; do
    dir=$(pkg-config --variable=includedir "$name") || continue
    for header in "$dir"/{yajl,criterion,seccomp.h,seccomp-syscalls.h,systemd}; do
      [ ! -e "$header" ] || ln -sf "$header" "$build/libraries/include/"
    done
    printf 'Name: %s\nDescription: headers only\nVersion: %s\nCflags: -I%s\n' \
      "$name" "$(pkg-config --modversion "$name")" "$build/libraries/include" >"$build/libraries/$name.pc"
  done
  printf "[properties]\npkg_config_libdir = ['%s']\n" "$build/libraries" >"$build/libraries/headers.ini"
  meson setup "$build" "$source" --cross-file "$source/contrib/cross/aarch64-linux-gnu.ini" \
    --cross-file "$build/libraries/headers.ini" -Dwerror=true -Dtests=enabled
fi
# Without libraries only what is static and of our own can be linked. Criterion programs are not compiled: they are
# about what the code does, and take longest.
ninja -C "$build" -t targets all | sed -nE '/^(tests|libocispec\/tests)\/(unit|priv|.*test-)/d; s/^(.*\.[cS]\.o): .*/\1/p' >"$build/objects"
[ -s "$build/objects" ]
mapfile -t objects <"$build/objects"
ninja -C "$build" "${objects[@]}" src/coffer-init tests/tools/{testinit,nolibc-true} tests/bench/{floor,micro}
echo "${#objects[@]} objects"

emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || { echo 'no emulator: coffer-init is not started'; exit 0; }
"$emulator" "$build/tests/tools/nolibc-true"
"$emulator" "$build/tests/tools/testinit" exit 0
python3 - "$emulator" "$build/src/coffer-init" <<'END'
import socket, struct, subprocess, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
BUILD, FAIL = 3, 11
init = subprocess.Popen([*sys.argv[1:], str(theirs.fileno())], pass_fds=[theirs.fileno()])
theirs.close()
ours.settimeout(30)
ours.send(struct.pack('=III', BUILD, 0, 0))
answer = ours.recv(8192)
assert answer[:4] == struct.pack('=I', FAIL) and b'plan is incomplete' in answer, answer
assert init.wait(30) == 1
END
echo 'coffer-init was started'
