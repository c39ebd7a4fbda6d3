#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Working directory and program through /proc/self/fd: no descriptor may lead out of the container.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

# Going up as far as possible from the working directory must end at the container's root.
check_inside() {
  assert_lacks '(unreachable)'
  assert_lacks "$CANARY"
  assert_has '"inside-marker"'
}

@test "cwd-proc-self-fd-own: cwd = /proc/self/fd/N for N = 0..31" {
  local n
  set_args /bin/testinit cwd + ls ../../../../../../../../../../../..
  for n in $(seq 0 31); do
    bundle_edit '.process.cwd = $c' --arg c "/proc/self/fd/$n"
    run_bundle
    [ "$status" -ne 124 ]
    [ "$status" -ne 0 ] || check_inside || { echo "fd $n" >&2; return 1; }
    remove_container
  done
}

@test "cwd-argv0-caller-leaked-fd: cwd through the caller's descriptor" {
  local path
  set_args /bin/testinit cwd + ls . + ls ../../../../../../../../../../../..
  for path in /proc/self/fd/9 /proc/1/fd/9 /proc/thread-self/fd/9 /dev/fd/9 /proc/self/fd/9/dir; do
    bundle_edit '.process.cwd = $c' --arg c "$path"
    run cof run --bundle "$BUNDLE" "$CID" 9<"$CANARY"
    [ "$status" -ne 0 ] || check_inside || { echo "$path" >&2; return 1; }
    assert_lacks victim
    remove_container
  done
}

@test "cwd-argv0-caller-leaked-fd: args[0] through the caller's descriptor" {
  local path
  cp "$COFFER_TESTBIN/testinit" "$BATS_TEST_TMPDIR/prog"
  for path in /proc/self/fd/9/prog /proc/1/fd/9/prog /dev/fd/9/prog /proc/self/fd/8; do
    set_args "$path" args reached-the-host-program
    run cof run --bundle "$BUNDLE" "$CID" 9<"$BATS_TEST_TMPDIR" 8<"$BATS_TEST_TMPDIR/prog"
    assert_refused "$path"
    assert_lacks '"reached-the-host-program"'$'\n'
    remove_container
  done
}

@test "cwd-argv0-caller-leaked-fd: a cwd that links out of the root filesystem" {
  ln -s "$CANARY" "$BUNDLE/rootfs/link"
  bundle_edit '.process.cwd = "/link/new"'
  set_args /bin/testinit cwd
  run_bundle
  canary_same
  [ "$status" -ne 124 ]
}
