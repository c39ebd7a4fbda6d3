#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# The systemd cgroup manager: names, properties, what a reload of systemd changes, errors, and that neither unit
# nor directory is left.

load ../cli/helpers

setup() {
  requires root cgroup-v2
  [ -d /run/systemd/system ] || skip 'systemd does not run here'
  setup_bundle
  bundle_edit 'del(.linux.cgroupsPath) | del(.linux.resources.pids) | del(.linux.resources.memory)'
  set_args sleep 1000
  UNIT=coffer-$CID.scope
}

teardown() {
  local status=0 pid unit
  for pid in ${OWN_PIDS:-}; do kill -9 "$pid" 2>/dev/null || true; done
  for unit in ${OWN_UNITS:-}; do systemctl stop "$unit" 2>/dev/null || true; done
  teardown_bundle || status=1
  [ -z "$(units)" ] || {
    echo "left: $(units)" >&2
    status=1
  }
  return "$status"
}

units() { systemctl list-units --all --plain --no-legend "*$CID*"; }
property() { systemctl show --value --property "$1" "${2:-$UNIT}"; }
expect() { assert_same "$1" "$2" "$(property "$1")"; }
place() { echo "/sys/fs/cgroup$(property ControlGroup "${1:-$UNIT}")"; }
create() { det --systemd-cgroup create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"; PID=$(cat "$BATS_TEST_TMPDIR/pid" 2>/dev/null || true); }
run_unit() { create; assert_status 0; cof start "$CID"; }
gone() { [ ! -e "/run/systemd/transient/$UNIT" ] && [ -z "$(find /sys/fs/cgroup -type d -name "*$CID*")" ]; }
removed() {
  assert_same 'units left' '' "$(units)"
  assert_same 'cgroups left' '' "$(find /sys/fs/cgroup -type d -name "*$CID*")"
}

@test "default name: a delegated scope in system.slice with the container as its only process; delete leaves nothing" {
  run_unit
  expect ControlGroup "/system.slice/$UNIT"
  expect Delegate yes
  expect CollectMode inactive-or-failed
  expect DefaultDependencies no
  assert_same processes "$PID" "$(cat "$(place)/cgroup.procs")"
  cof kill "$CID" KILL
  cof delete --force "$CID"
  removed
}

@test "later commands need no option: pause, resume, kill and delete find the unit in the record" {
  run_unit
  det pause "$CID"
  assert_status 0
  assert_same frozen 'frozen 1' "$(grep frozen "$(place)/cgroup.events")"
  det resume "$CID"
  assert_status 0
  det delete --force "$CID"
  assert_status 0
  removed
}

@test "run in the foreground: the exit status, and nothing is left" {
  set_args sh -c 'exit 7'
  run cof --systemd-cgroup run --bundle "$BUNDLE" "$CID"
  assert_status 7
  removed
}

@test "slice:prefix:name: a slice of its own, no prefix, a slice as the container's unit" {
  bundle_edit '.linux.cgroupsPath = $p' --arg p "coffertest-sub.slice:pre:$CID"
  UNIT=pre-$CID.scope
  run_unit
  expect ControlGroup "/coffertest.slice/coffertest-sub.slice/$UNIT"
  cof delete --force "$CID"
  removed
  bundle_edit '.linux.cgroupsPath = $p' --arg p "-.slice::$CID"
  UNIT=$CID.scope
  run_unit
  expect ControlGroup "/$UNIT"
  cof delete --force "$CID"
  removed
  UNIT=cf${CID//-/}.slice
  bundle_edit '.linux.cgroupsPath = $p' --arg p "system.slice:x:$UNIT"
  run_unit
  expect ControlGroup "/$UNIT"
  assert_same processes "$PID" "$(cat "$(place)/cgroup.procs")"
  cof delete --force "$CID"
  assert_same 'slice left' '' "$(systemctl list-units --all --plain --no-legend "$UNIT")"
  [ ! -d "/sys/fs/cgroup/$UNIT" ]
}

@test "malformed paths are refused before anything exists" {
  local path
  for path in /a/b a:b a:b:c:d; do
    bundle_edit '.linux.cgroupsPath = $p' --arg p "$path"
    create
    assert_status 1
    assert_has "expected cgroupsPath to be of format \\\"slice:prefix:name\\\" for systemd cgroups, got \\\"$path\\\" instead"
  done
  for path in 'a/b.slice:x:y' 'noslice:x:y' 'a--b.slice:x:y' 'system.slice:x:y/z' 'system.slice:x:'; do
    bundle_edit '.linux.cgroupsPath = $p' --arg p "$path"
    create
    assert_status 1
    assert_has linux.cgroupsPath
  done
}

@test "limits are properties of the unit and values of the files, also after a reload of systemd" {
  bundle_edit '.linux.resources += {memory: {limit: 67108864, reservation: 33554432, swap: 100663296},
    cpu: {shares: 512, quota: 51234, period: 100000, cpus: "0"}, pids: {limit: 20},
    blockIO: {weight: 500}, unified: {"memory.high": "50331648"}}'
  run_unit
  limits() {
    expect MemoryMax 67108864
    expect MemoryLow 33554432
    expect MemorySwapMax 33554432
    expect MemoryHigh 50331648
    expect CPUWeight 59
    expect CPUQuotaPerSecUSec 520ms
    expect AllowedCPUs 0
    expect TasksMax 20
    expect IOWeight 4950
    (
      cd "$(place)"
      assert_same memory.max 67108864 "$(cat memory.max)"
      assert_same memory.low 33554432 "$(cat memory.low)"
      assert_same memory.swap.max 33554432 "$(cat memory.swap.max)"
      assert_same memory.high 50331648 "$(cat memory.high)"
      assert_same cpu.weight 59 "$(cat cpu.weight)"
      assert_same pids.max 20 "$(cat pids.max)"
      assert_same cpuset.cpus 0 "$(cat cpuset.cpus)"
    )
  }
  limits
  assert_same 'the exact quota' '51234 100000' "$(cat "$(place)/cpu.max")"
  systemctl daemon-reload
  limits
}

@test "one task is enough: a tight limit has room for the container's process alone" {
  bundle_edit '.linux.resources.pids = {limit: 1}'
  run_unit
  assert_same pids.max 1 "$(cat "$(place)/pids.max")"
  expect TasksMax 1
}

@test "a reload of systemd takes no device away, and gives none" {
  [ -c /dev/fuse ] || skip 'no /dev/fuse'
  bundle_edit '.linux.resources.devices = [{allow: false, access: "rwm"},
      {allow: true, type: "c", major: 10, minor: 229, access: "rw"}] |
    .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438},
      {path: "/dev/kmsg2", type: "c", major: 1, minor: 11, fileMode: 438}]'
  set_args sh -c 'probe() { for d in null zero tty0x fuse kmsg2; do [ ! -e /dev/$d ] || { (: </dev/$d) 2>/dev/null && echo $d; }; done; }
    probe >/tmp/first; mv /tmp/first /tmp/one; while [ ! -e /tmp/go ]; do sleep 0.2; done; probe >/tmp/second; mv /tmp/second /tmp/two; sleep 1000'
  bundle_edit '.root.readonly = false'
  run_unit
  wait_for 20 test -e "/proc/$PID/root/tmp/one"
  assert_same before $'null\nzero\nfuse' "$(cat "/proc/$PID/root/tmp/one")"
  expect DevicePolicy strict
  systemctl daemon-reload
  systemctl set-property --runtime "$UNIT" CPUWeight=60
  touch "/proc/$PID/root/tmp/go"
  wait_for 20 test -e "/proc/$PID/root/tmp/two"
  assert_same behind $'null\nzero\nfuse' "$(cat "/proc/$PID/root/tmp/two")"
}

@test "annotations: values of every kind, seconds, precedence; what systemd or coffer refuses is named" {
  bundle_edit '.linux.resources.pids = {limit: 20} | .annotations += {
    "org.systemd.property.TasksMax": "uint64 33",
    "org.systemd.property.TimeoutStopSec": "7",
    "org.systemd.property.MemoryAccounting": "true",
    "org.systemd.property.OOMPolicy": "'"'continue'"'",
    "org.systemd.property.After": "['"'basic.target'"']",
    "org.systemd.property.IOReadBandwidthMax": "@a(st) []"}'
  run_unit
  expect TasksMax 33
  expect TimeoutStopUSec 7s
  expect OOMPolicy continue
  [[ $(property After) == *basic.target* ]]
  assert_same 'the file of the config' 20 "$(cat "$(place)/pids.max")"
  cof delete --force "$CID"
  removed
  bundle_edit '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
  create
  assert_status 1
  assert_has NoSuchThing
  removed
  bundle_edit '.annotations = {"org.systemd.property.Delegate": "false"}'
  create
  assert_status 1
  assert_has 'org.systemd.property.Delegate'
}

@test "a unit of that name in use is an error that names it; one that failed makes room" {
  OWN_UNITS=$UNIT
  systemd-run --quiet --scope --unit "$UNIT" sleep 500 >/dev/null 2>&1 3>&- &
  background $!
  wait_for 10 systemctl is-active "$UNIT"
  create
  assert_status 1
  assert_has "$UNIT"
  systemctl is-active "$UNIT"
  systemctl stop "$UNIT"
  systemd-run --quiet --scope --unit "$UNIT" -p RuntimeMaxSec=1 sleep 500 >/dev/null 2>&1 3>&- || true
  wait_for 20 systemctl is-failed "$UNIT"
  run_unit
  expect ActiveState active
}

@test "a scope that went by itself needs no call; a stranger's of the same name is left alone" {
  run_unit
  kill -9 "$PID"
  wait_for 10 gone
  OWN_UNITS=$UNIT
  systemd-run --quiet --scope --unit "$UNIT" sleep 500 >/dev/null 2>&1 3>&- &
  background $!
  wait_for 10 systemctl is-active "$UNIT"
  det delete --force "$CID"
  assert_status 0
  systemctl is-active "$UNIT"
  systemctl stop "$UNIT"
}

@test "create killed at different times: delete --force leaves neither unit nor cgroup" {
  local after
  for after in 0.05 0.2 0.4 0.8; do
    cof --systemd-cgroup create --bundle "$BUNDLE" "$CID" </dev/null >/dev/null 2>&1 3>&- &
    sleep "$after"
    pkill -9 -P $! 2>/dev/null || true
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    det delete --force "$CID"
    assert_status 0
    wait_for 5 gone
    removed
  done
}

@test "a bus that never answers: a clear error at the deadline; none at all: at once; nothing is left" {
  python3 - "$BATS_TEST_TMPDIR/mute" 3>&- <<'PY' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
kept = []
while True:
    kept.append(s.accept())
PY
  background $!
  wait_for 10 test -S "$BATS_TEST_TMPDIR/mute"
  DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BATS_TEST_TMPDIR/mute create
  assert_status 1
  assert_has 'systemd did not answer within 20 seconds'
  removed
  det state "$CID"
  assert_has 'container does not exist'
  DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BATS_TEST_TMPDIR/nobody create
  assert_status 1
  assert_has 'cannot talk to systemd'
  DBUS_SYSTEM_BUS_ADDRESS=unixexec:path=/bin/true create
  assert_status 1
  det state "$CID"
  assert_has 'container does not exist'
}

@test "the message bus instead of the manager's own socket" {
  [ -S /run/dbus/system_bus_socket ] || skip 'no message bus'
  DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket create
  assert_status 0
  expect ControlGroup "/system.slice/$UNIT"
  det delete --force "$CID"
  assert_status 0
  removed
}

@test "one message starts the unit; none is sent by state, and at most one stops it" {
  command -v strace >/dev/null || skip 'no strace'
  set_args true
  strace -f -e trace=connect,sendmsg -s 4000 -o "$BATS_TEST_TMPDIR/trace" \
    "$COFFER" --root "$ROOT" --systemd-cgroup run --bundle "$BUNDLE" "$CID" </dev/null
  assert_same 'starts' 1 "$(grep -ac StartTransientUnit "$BATS_TEST_TMPDIR/trace")"
  [ "$(grep -ac StopUnit "$BATS_TEST_TMPDIR/trace")" -le 1 ]
  assert_same 'other calls' 0 "$(grep -ac -e GetUnit -e LoadUnit -e SetUnitProperties -e AddMatch "$BATS_TEST_TMPDIR/trace")"
  removed
}
