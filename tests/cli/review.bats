#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Corners of the life cycle: a runtime that is killed halfway, signals that count, hooks in odd surroundings.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

needs_stop_points() { grep -q COFFER_TEST_STOP_AT "$COFFER" || skip 'a build without stop points'; }

# Runs `create` in a build with stop points up to POINT and kills it there.
killed_at() { # killed_at POINT [OPTIONS...]
  local point=$1 pid n=0
  shift
  needs_stop_points
  COFFER_TEST_STOP_AT=$point "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$@" "$CID" \
    >"$BATS_TEST_TMPDIR/stop.out" 2>&1 </dev/null 3>&- &
  pid=$!
  until grep -q '^State:.T' "/proc/$pid/status" 2>/dev/null; do
    n=$((n + 1))
    [ "$n" -lt 200 ] || { cat "$BATS_TEST_TMPDIR/stop.out" >&2; return 1; }
    sleep 0.02
  done
  children=$(cat "/proc/$pid/task/$pid/children")
  # A process that may be traced belongs to its user, one that may not to root.
  clone_owner=$(stat -c %u "/proc/${children%% *}/mem" 2>/dev/null) || true
  kill -9 "$pid"
  wait "$pid" || true
}

cgroups_left() { find /sys/fs/cgroup -type d -name "*$CID*" 2>/dev/null; }
gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

@test "a process that waits for its runtime ends when the runtime was killed" {
  local child
  killed_at create-cloned
  [ -n "$children" ]
  for child in $children; do wait_for 3 gone "$child"; done
  run timeout 5 "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
}

@test "a joiner that waits for its runtime ends when the runtime was killed" {
  local child
  set_namespace network /proc/self/ns/net
  bundle_edit '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "/proc/$$/ns/net"
  killed_at create-cloned
  for child in $children; do wait_for 3 gone "$child"; done
  run timeout 5 "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
}

@test "delete --force removes the cgroup of a create that was killed, at each point" {
  local point
  for point in create-published create-cgroup create-cloned create-spawned create-noted create-ready create-recorded; do
    killed_at "$point"
    run timeout 20 "$COFFER" --root "$ROOT" delete --force "$CID"
    echo "$point"
    assert_status 0
    assert_same "cgroups after $point" '' "$(cgroups_left)"
  done
}

@test "delete --force leaves a cgroup alone that was there before a create that was killed" {
  requires cgroup-v1
  needs_stop_points
  local dir=/sys/fs/cgroup/freezer/pre-$CID
  mkdir "$dir"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/pre-$CID"
  killed_at create-published
  run timeout 20 "$COFFER" --root "$ROOT" delete --force "$CID"
  rmdir "$dir"
  assert_status 0
}

@test "delete --force ends a createContainer hook that outlived its runtime" {
  local pid
  printf '#!/bin/sh\nexec sleep 1000\n' >"$BUNDLE/hook"
  chmod 755 "$BUNDLE/hook"
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  bundle_edit '.hooks = {createContainer: [{path: $h}]}' --arg h "$BUNDLE/hook"
  "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID" >/dev/null 2>&1 </dev/null 3>&- &
  pid=$!
  wait_for 5 hook_runs
  status_is "$CID" creating
  run cof kill "$CID" TERM
  assert_status 1
  assert_has 'container not running'
  kill -9 "$pid"
  wait "$pid" || true
  run timeout 20 "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
  assert_same cgroups '' "$(cgroups_left)"
}

hook_runs() { [ -n "$(our_processes)" ] && grep -qs '^sleep' $(our_processes | sed -n 's/ .*//; s/$/\/comm/p'); }

@test "delete --force ends a create that hangs in a createContainer hook" {
  printf '#!/bin/sh\nexec sleep 1000\n' >"$BUNDLE/hook"
  chmod 755 "$BUNDLE/hook"
  bundle_edit '.hooks = {createContainer: [{path: $h}]}' --arg h "$BUNDLE/hook"
  "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID" >/dev/null 2>&1 </dev/null 3>&- &
  background $!
  wait_for 5 hook_runs
  run timeout 8 "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
}

@test "kill --all gives each process the signal once" {
  set_args testinit sigexit 15
  cof run --detach --bundle "$BUNDLE" "$CID" </dev/null >"$BATS_TEST_TMPDIR/out"
  sleep 0.3
  cof kill --all "$CID" 40
  sleep 0.3
  cof kill "$CID" TERM
  wait_for 5 status_is "$CID" stopped
  assert_same 'signals seen' 1 "$(grep -c 'signal=40' "$BATS_TEST_TMPDIR/out")"
}

@test "a frozen container can be killed and deleted by force" {
  requires cgroup-v1
  local freezer
  set_args sleep 1000
  start_bundle
  freezer=/sys/fs/cgroup/freezer$(sed -n 's/^[0-9]*:freezer://p' "/proc/$PID/cgroup")/freezer.state
  echo FROZEN >"$freezer"
  status_is "$CID" paused
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  cof delete "$CID"

  start_bundle
  freezer=/sys/fs/cgroup/freezer$(sed -n 's/^[0-9]*:freezer://p' "/proc/$PID/cgroup")/freezer.state
  echo FROZEN >"$freezer"
  run timeout 8 "$COFFER" --root "$ROOT" delete --force "$CID"
  assert_status 0
}

@test "a poststop hook runs though the bundle is gone" {
  printf '#!/bin/sh\ncat >"%s"\n' "$BATS_TEST_TMPDIR/seen" >"$BATS_TEST_TMPDIR/hook"
  chmod 755 "$BATS_TEST_TMPDIR/hook"
  bundle_edit '.hooks = {poststop: [{path: $h}]}' --arg h "$BATS_TEST_TMPDIR/hook"
  run_bundle --keep
  assert_status 0
  rm -rf "$BUNDLE"
  run cof delete "$CID"
  assert_status 0
  assert_same status stopped "$(jq -r .status "$BATS_TEST_TMPDIR/seen")"
}

@test "a run whose poststart hook fails leaves no pid file" {
  bundle_edit '.hooks = {poststart: [{path: "/bin/false"}]}'
  set_args sleep 1000
  det run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 1
  [ ! -e "$BATS_TEST_TMPDIR/pid" ]
}

@test "oomScoreAdj of the container does not become the runtime's" {
  printf '#!/bin/sh\ncat /proc/self/oom_score_adj >"%s"\n' "$BATS_TEST_TMPDIR/seen" >"$BUNDLE/hook"
  chmod 755 "$BUNDLE/hook"
  setup_userns_bundle bundle
  set_args cat /proc/self/oom_score_adj
  bundle_edit '.process.oomScoreAdj = 567 | .hooks = {createRuntime: [{path: $h}]}' --arg h "$BUNDLE/hook"
  run_bundle
  assert_status 0
  assert_line 567
  assert_same 'of a hook' "$(cat /proc/self/oom_score_adj)" "$(cat "$BATS_TEST_TMPDIR/seen")"
}

@test "the host user of the container's root cannot look into the clone of the runtime" {
  setup_userns_bundle bundle
  killed_at create-cloned
  assert_same 'owner of its memory' 0 "$clone_owner"
}
