#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# Containers of an ordinary user with the systemd user manager, and with the cgroupfs manager in a delegated cgroup.

load ../cli/helpers

setup() {
  requires root cgroup-v2 userns newuidmap
  USER_NAME=$(getent passwd "${COFFER_VM_UID:-1000}" | cut -d: -f1)
  [ -n "$USER_NAME" ] || skip 'no user with uid 1000'
  RUNDIR=/run/user/1000
  [ -S "$RUNDIR/systemd/private" ] || skip 'no user manager of uid 1000 runs'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$(dirname "$COFFER")"
  setup_bundle
  ROOT=$RUNDIR/coffer-$CID
  UNIT=coffer-$CID.scope
  BASE=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
  rm "$BUNDLE/config.json"
  chown "$USER_NAME" "$BUNDLE"
  in_session "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.resources = {}'
  chown "$USER_NAME" "$BUNDLE/config.json"
}

teardown() {
  local status=0
  [ ! -d "$ROOT/$CID" ] || in_session "$COFFER" --root "$ROOT" delete --force "$CID" || status=1
  teardown_bundle || status=1
  rm -rf "$ROOT"
  [ -z "$(find /sys/fs/cgroup -type d -name "*$CID*")" ] || status=1
  return "$status"
}

# As after a login: in a cgroup that is not the user's.
in_session() {
  timeout 90 setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all env -i PATH="$PATH" HOME=/tmp USER="$USER_NAME" \
    XDG_RUNTIME_DIR="$RUNDIR" "$@"
}

# As a service of the user's: in a cgroup of the user manager.
in_service() {
  timeout 90 systemd-run --quiet --user -M "$USER_NAME@" --collect --wait --pipe -p Delegate=yes "$@"
}

with_output() { # with_output CMD...: as `det` does it, for a command of the user's
  status=0
  "$@" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || status=$?
  output=$(cat "$BATS_TEST_TMPDIR/out")
}

check_scope() { # the limit is real, and the container is where the user manager has its scopes
  local dir=$BASE/user.slice/$UNIT
  assert_status 0
  [ -d "$dir" ] || { find /sys/fs/cgroup -name "*$CID*" >&2; return 1; }
  assert_same memory.max 67108864 "$(cat "$dir/memory.max")"
  assert_same pids.max 40 "$(cat "$dir/pids.max")"
  assert_same processes 1 "$(wc -l <"$dir/cgroup.procs")"
}

removed() { assert_same 'left' '' "$(find /sys/fs/cgroup -type d -name "*$CID*"; ls "$RUNDIR/systemd/transient" | grep "$CID" || true)"; }

@test "from a login session: a scope of the user manager with real limits; nothing left" {
  bundle_edit '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 40}}'
  with_output in_session "$COFFER" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$CID"
  check_scope
  with_output in_session "$COFFER" --root "$ROOT" start "$CID"
  assert_status 0
  with_output in_session "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
  removed
}

@test "from a service of the user's: cloned straight into the scope" {
  bundle_edit '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 40}}'
  with_output in_service --setenv=XDG_RUNTIME_DIR="$RUNDIR" "$COFFER" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$CID"
  check_scope
  with_output in_session "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
  removed
}

@test "without the way to the user manager: an error that names the place" {
  with_output setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all env -i PATH="$PATH" \
    XDG_RUNTIME_DIR=/nonexistent "$COFFER" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has /nonexistent
  removed
}

@test "cgroupfs manager in a delegated cgroup: a sibling of the caller's, with limits" {
  bundle_edit '.linux.resources = {pids: {limit: 40}}'
  with_output in_service "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID"
  assert_status 0
  dir=$(find "$BASE" -type d -name "*$CID*")
  assert_same pids.max 40 "$(cat "$dir/pids.max")"
  with_output in_session "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
  removed
}

@test "cgroupfs manager from a login session: without limits it runs, with limits it is an error" {
  with_output in_session "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID"
  assert_status 0
  with_output in_session "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
  bundle_edit '.linux.resources = {memory: {limit: 67108864}}'
  with_output in_session "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has delegated
}
