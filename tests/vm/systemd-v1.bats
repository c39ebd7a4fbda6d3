#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# The systemd cgroup manager on hierarchy v1: systemd makes the unit in its own hierarchies, the values are in the
# files of the controllers, and nothing is left in any of them.

load ../cli/helpers

setup() {
  requires root cgroup-v1
  [ -d /run/systemd/system ] || skip 'systemd does not run here'
  setup_bundle
  set_args sleep 1000
  UNIT=coffer-$CID.scope
}

teardown() { teardown_bundle; }

create() { det --systemd-cgroup create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"; PID=$(cat "$BATS_TEST_TMPDIR/pid" 2>/dev/null || true); }
units() { systemctl list-units --all --plain --no-legend "*$CID*"; }
property() { systemctl show --value --property "$1" "$UNIT"; }
directories() { find /sys/fs/cgroup -type d -name "*$CID*"; }
path_in() { awk -F: -v c="$1" '{ n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == c) print $3 }' "/proc/$PID/cgroup"; }
file() { cat "/sys/fs/cgroup/$1$(path_in "$1")/$2"; }

@test "a scope in system.slice, the same place in every hierarchy; delete leaves no unit and no directory" {
  create
  assert_status 0
  assert_same 'place of systemd' "/system.slice/$UNIT" "$(path_in name=systemd)"
  for controller in memory pids cpu devices freezer; do
    assert_same "place of $controller" "/system.slice/$UNIT" "$(path_in $controller)"
    assert_same "processes of $controller" "$PID" "$(file $controller cgroup.procs)"
  done
  cof start "$CID"
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
  cof delete "$CID"
  assert_same units '' "$(units)"
  assert_same directories '' "$(directories)"
}

@test "limits are in the files and, where systemd has a property, there as well" {
  bundle_edit '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50}, cpu: {shares: 512, quota: 50000, period: 100000}}'
  create
  assert_status 0
  assert_same 'memory file' 67108864 "$(file memory memory.limit_in_bytes)"
  assert_same 'pids file' 50 "$(file pids pids.max)"
  assert_same 'shares file' 512 "$(file cpu cpu.shares)"
  assert_same 'quota file' 50000 "$(file cpu cpu.cfs_quota_us)"
  assert_same 'memory property' 67108864 "$(property MemoryLimit)"
  assert_same 'pids property' 50 "$(property TasksMax)"
  assert_same 'shares property' 512 "$(property CPUShares)"
}

@test "a daemon-reload changes no value and takes no device away" {
  bundle_edit '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50}}'
  set_args sh -c 'while [ ! -e /go ]; do sleep 0.2; done; dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null && echo works >/went; sleep 1000'
  bundle_edit '.root.readonly = false'
  create
  assert_status 0
  cof start "$CID"
  local before after
  before=$(file devices devices.list | sort)
  systemctl daemon-reload
  after=$(file devices devices.list | sort)
  assert_same devices "$before" "$after"
  assert_same memory 67108864 "$(file memory memory.limit_in_bytes)"
  assert_same pids 50 "$(file pids pids.max)"
  touch "$BUNDLE/rootfs/go"
  wait_for 20 grep -x works "$BUNDLE/rootfs/went"
}

@test "slice:prefix:name" {
  bundle_edit '.linux.cgroupsPath = $p' --arg p "system.slice:pre:$CID"
  create
  assert_status 0
  UNIT=pre-$CID.scope
  assert_same place "/system.slice/$UNIT" "$(path_in memory)"
  assert_same state active "$(property ActiveState)"
  cof delete --force "$CID"
  assert_same units '' "$(units)"
}
