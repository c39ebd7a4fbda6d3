#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# pause and resume in each state, and what other commands do to a paused container; kill --all in each state.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

# A program that counts; when it is frozen the number stays.
counter() {
  set_args sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count; sleep 0.02; done'
  bundle_edit '.root.readonly = false'
}
count() { cat "$BUNDLE/rootfs/tmp/count"; }
counts() { local a; a=$(count); sleep 0.3; [ "$(count)" != "$a" ]; }

@test "a running container: paused, stands still, resumed, goes on" {
  counter
  start_bundle
  wait_for 10 test -s "$BUNDLE/rootfs/tmp/count"
  run cof pause "$CID"
  assert_status 0
  assert_same output '' "$output"
  status_is "$CID" paused
  not counts
  run cof resume "$CID"
  assert_status 0
  status_is "$CID" running
  counts
}

@test "a created container: paused, not started, resumed to created, started" {
  set_args sleep 100
  det create --bundle "$BUNDLE" "$CID"
  cof pause "$CID"
  status_is "$CID" paused
  run cof start "$CID"
  assert_status 1
  assert_has 'cannot start a container in the paused state'
  cof resume "$CID"
  status_is "$CID" created
  cof start "$CID"
  status_is "$CID" running
}

@test "twice, in the wrong state, unknown id: exit 1 and the texts that engines know" {
  set_args sleep 100
  start_bundle
  run cof resume "$CID"
  assert_status 1
  assert_has 'container not paused'
  cof pause "$CID"
  run cof pause "$CID"
  assert_status 1
  assert_has 'container not running'
  status_is "$CID" paused
  cof resume "$CID"
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
  run cof pause "$CID"
  assert_status 1
  assert_has 'container not running'
  run cof resume "$CID"
  assert_status 1
  assert_has 'container not paused'
  for command in pause resume; do
    run cof $command no-such-id
    assert_status 1
    assert_has 'container does not exist'
  done
}

@test "delete refuses a paused container, delete --force ends it" {
  set_args sleep 100
  start_bundle
  cof pause "$CID"
  run cof delete "$CID"
  assert_status 1
  assert_has "cannot delete container $CID that is not stopped: paused"
  cof delete --force "$CID"
}

@test "kill of a paused container: TERM waits for the thaw, KILL thaws" {
  set_args sh -c 'trap "exit 7" TERM; while :; do sleep 0.05; done'
  start_bundle
  cof pause "$CID"
  cof kill "$CID" TERM
  sleep 0.3
  status_is "$CID" paused
  cof resume "$CID"
  wait_for 10 status_is "$CID" stopped
  cof delete "$CID"
  start_bundle
  cof pause "$CID"
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
}

@test "kill --all: running, created, paused, stopped" {
  set_args sh -c 'sleep 100 & sleep 100 & trap "exit 0" TERM; while :; do sleep 0.05; done'
  start_bundle
  cof kill --all "$CID" TERM
  wait_for 10 status_is "$CID" stopped
  run cof kill --all "$CID" TERM
  assert_status 0
  run cof kill -a "$CID" KILL
  assert_status 0
  cof delete "$CID"

  det create --bundle "$BUNDLE" "$CID"
  cof kill --all "$CID" TERM
  wait_for 10 status_is "$CID" stopped
  cof delete "$CID"

  start_bundle
  cof pause "$CID"
  cof kill --all "$CID" TERM
  status_is "$CID" paused
  cof kill --all "$CID" KILL
  wait_for 10 status_is "$CID" stopped
}

@test "kill --all with a signal reaches every process, each once" {
  drop_namespace pid
  set_args sh -c 'for i in 1 2 3; do sh -c "trap \"echo x >>/tmp/got\" USR1; echo x >>/tmp/ready; while :; do sleep 0.05; done" & done
    trap "echo x >>/tmp/got" USR1; echo x >>/tmp/ready; while :; do sleep 0.05; done'
  bundle_edit '.root.readonly = false'
  start_bundle
  all_ready() { [ "$(wc -l <"$BUNDLE/rootfs/tmp/ready")" = 4 ]; }
  wait_for 10 all_ready
  cof kill --all "$CID" 10
  got() { [ "$(wc -l <"$BUNDLE/rootfs/tmp/got")" = 4 ]; }
  wait_for 10 got
  sleep 0.3
  got
  cof pause "$CID"
  cof kill --all "$CID" KILL
  wait_for 10 status_is "$CID" stopped
}

@test "without a cgroup there is nothing to freeze" {
  set_args sleep 100
  cof --cgroup-manager disabled run --detach --bundle "$BUNDLE" "$CID" </dev/null
  run cof pause "$CID"
  assert_status 1
  assert_has cgroup
  status_is "$CID" running
  run cof kill --all "$CID" KILL
  assert_status 0
}

@test "a cgroup that was there before is not frozen" {
  requires cgroup-v1
  local dir=/sys/fs/cgroup/freezer/mine-$CID
  mkdir "$dir"
  set_args sleep 100
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/mine-$CID"
  for c in /sys/fs/cgroup/*/; do [ ! -e "$c/cgroup.procs" ] || mkdir -p "${c}mine-$CID"; done
  det run --detach --bundle "$BUNDLE" "$CID"
  status0=$status
  run cof pause "$CID"
  local result=$status text=$output
  cof delete --force "$CID"
  for c in /sys/fs/cgroup/*/; do
    [ ! -d "${c}mine-$CID" ] || wait_for 5 rmdir "${c}mine-$CID"
  done
  assert_same create 0 "$status0"
  assert_same status 1 "$result"
  output=$text
  assert_has 'it was there before the container'
}

@test "a container that is killed while it is being paused does not stay frozen" {
  set_args sleep 100
  for _ in 1 2 3 4 5 6; do
    start_bundle
    cof pause "$CID" >/dev/null 2>&1 &
    local pauser=$!
    kill -9 "$PID"
    wait "$pauser" || true
    # Paused before the kill: then it is a paused one, which kill ends.
    cof kill "$CID" KILL >/dev/null 2>&1 || true
    wait_for 10 status_is "$CID" stopped
    cof delete "$CID"
  done
}
