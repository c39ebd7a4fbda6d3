# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Functions for the engines in a machine with systemd; what needs no systemd is in tests/engines.

# Two files run at the same time.
W=/root/engines-$(basename "$BATS_TEST_FILENAME" .bats)

engine_layer() { # engine_layer TAR
  local root=$W/layer applet
  rm -rf "$root"
  mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root,run,mnt,var}
  chmod 1777 "$root/tmp"
  cp "$BUSYBOX" "$root/bin/busybox"
  for applet in sh true false cat ls id sleep echo env mount touch grep head tail readlink test ps stat dd; do
    ln -sf busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
  tar --owner=0 --group=0 -cf "$1" -C "$root" .
}

# Output and status, with nothing that a process which stays could hold open.
with_output() { # with_output CMD...
  status=0
  "$@" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || status=$?
  output=$(cat "$BATS_TEST_TMPDIR/out")
}

must() { # must CMD...: it succeeds
  with_output "$@"
  assert_status 0
}

scope_of() { # scope_of PID: the directory of its cgroup
  echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"
}
