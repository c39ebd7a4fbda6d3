#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A container must not be able to type into its caller's terminal.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

on_terminal() {
  run python3 "$BATS_TEST_DIRNAME/pty-run.py" timeout 30 "$@"
}

check_nothing_typed() {
  assert_has "INJECTED b''"
  assert_has 'tioclinux fd=0'
  not grep -E '^(tiocsti|tioclinux).*=OK' <<<"$output"
  assert_lacks 'open-dev-tty=OK'
}

@test "terminal-injection: the harness itself sees a typed byte" {
  [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] || skip 'the kernel forbids TIOCSTI to everybody'
  on_terminal "$COFFER_TESTBIN/testinit" tiocsti X
  assert_has "INJECTED b'X"
}

@test "terminal-injection: run attached to the caller's terminal" {
  set_args /bin/testinit tiocsti
  on_terminal "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  check_nothing_typed
}

@test "terminal-injection: the same in a user namespace" {
  make_userns
  set_args /bin/testinit tiocsti
  on_terminal "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  check_nothing_typed
}

@test "terminal-injection: with a terminal of its own" {
  bundle_edit '.process.terminal = true'
  set_args /bin/testinit tiocsti
  on_terminal "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  # Typing into its own terminal is its own affair; the caller's stays untouched.
  assert_has "INJECTED b''"
}
