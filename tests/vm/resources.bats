#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# linux.resources on cgroup v2 with the cgroupfs manager: every field, read back from the files of the running
# container; controllers that must be enabled first; and what cannot be honoured.

load ../cli/helpers

setup() {
  requires root cgroup-v2
  setup_bundle
  bundle_edit '.linux.cgroupsPath = $p | .linux.resources = {}' --arg p "/res-$CID"
  set_args sleep 1000
}

teardown() {
  local status=0 pid
  for pid in ${OWN_PIDS:-}; do kill -9 "$pid" 2>/dev/null || true; done
  # Cgroups above the container's are not its own: a test removes those that it made or caused.
  if [ -d "$TOP/top-${CID:-none}" ]; then
    cof delete --force "$CID" || status=1
    wait_for 20 remove_tree || status=1
  fi
  teardown_bundle || status=1
  if [ -n "${LOOP:-}" ]; then losetup --detach "$LOOP"; fi
  return "$status"
}

TOP=/sys/fs/cgroup

remove_tree() { find "$TOP/top-$CID" -depth -type d -exec rmdir {} +; }

has() { grep -qw "$1" $TOP/cgroup.controllers || skip "the host has no controller $1"; }

create() { det create --bundle "$BUNDLE" "$CID"; }

run_with() { # run_with RESOURCES
  bundle_edit '.linux.resources = $r' --argjson r "$1"
  create
  assert_status 0
}

file() { cat "$TOP/res-$CID/$1"; }

expect() { # expect FILE VALUE
  assert_same "$1" "$2" "$(file "$1")"
}

refused() { # refused RESOURCES TEXT...
  bundle_edit '.linux.resources = $r' --argjson r "$1"
  shift
  create
  assert_status 1
  local text
  for text in "$@"; do assert_has "$text"; done
  assert_same left '' "$(find $TOP -mindepth 1 -maxdepth 1 -name "res-$CID")"
}

# A whole block device of the machine, MAJ:MIN.
disk() { lsblk -dnro MAJ:MIN,TYPE | awk '$2 == "disk" { print $1; exit }'; }
second_disk() { lsblk -dnro MAJ:MIN,TYPE | awk '$2 == "disk" && n++ { print $1; exit }'; }

@test "memory: limit, swap as the difference, reservation" {
  has memory
  run_with '{"memory": {"limit": 104857600, "swap": 209715200, "reservation": 52428800, "swappiness": 60,
    "disableOOMKiller": false, "useHierarchy": true, "checkBeforeUpdate": true}}'
  expect memory.max 104857600
  expect memory.swap.max 104857600
  expect memory.low 52428800
  cof delete --force "$CID"
  run_with '{"memory": {"limit": 104857600, "swap": 104857600}}'
  expect memory.swap.max 0
  cof delete --force "$CID"
  run_with '{"memory": {"limit": -1, "reservation": -1}}'
  expect memory.max max
  expect memory.swap.max max
  expect memory.low max
}

@test "cpu: shares as weight, quota, period, burst" {
  has cpu
  run_with '{"cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 10000}}'
  expect cpu.weight 59
  expect cpu.max '25000 50000'
  expect cpu.max.burst 10000
  cof delete --force "$CID"
  run_with '{"cpu": {"shares": 262144, "quota": 5000}}'
  expect cpu.weight 10000
  expect cpu.max '5000 100000'
  cof delete --force "$CID"
  run_with '{"cpu": {"quota": -1, "period": 20000}}'
  expect cpu.max 'max 20000'
}

@test "cpu: idle" {
  has cpu
  run_with '{"cpu": {"shares": 512, "idle": 1}}'
  expect cpu.idle 1
}

@test "cpu: CPUs and memory nodes" {
  has cpuset
  run_with '{"cpu": {"cpus": "0", "mems": "0"}}'
  expect cpuset.cpus 0
  expect cpuset.mems 0
  assert_same effective 0 "$(file cpuset.cpus.effective)"
}

@test "pids: a number, 0, -1, absent" {
  has pids
  while read -r limit wanted; do
    run_with "{\"pids\": $limit, \"cpu\": {\"shares\": 500}}"
    [ ! -e "$TOP/res-$CID/pids.max" ] || expect pids.max "$wanted"
    cof delete --force "$CID"
  done <<'END'
{"limit":77} 77
{"limit":0} 1
{"limit":-1} max
{} max
END
}

@test "block I/O: the four throttles of a device are one line" {
  has io
  local dev more
  dev=$(disk) more=$(second_disk)
  [ -n "$dev" ] || skip 'no disk'
  run_with "$(jq -n --arg d "$dev" --arg m "${more:-$dev}" '
    def dev($s): $s | split(":") | {major: .[0] | tonumber, minor: .[1] | tonumber};
    {blockIO: {throttleReadBpsDevice: [dev($d) + {rate: 1048576}], throttleWriteBpsDevice: [dev($d) + {rate: 2097152}],
      throttleReadIOPSDevice: [dev($d) + {rate: 100}], throttleWriteIOPSDevice: [dev($d) + {rate: 200}, dev($m) + {rate: 300}]}}')"
  if [ -n "$more" ]; then
    file io.max | grep -qx "$dev rbps=1048576 wbps=2097152 riops=100 wiops=200"
    file io.max | grep -qx "$more rbps=max wbps=max riops=max wiops=300"
  else
    expect io.max "$dev rbps=1048576 wbps=2097152 riops=100 wiops=300"
  fi
  cof delete --force "$CID"
  # No rate is no limit.
  run_with "$(jq -n --arg d "$dev" '($d | split(":") | map(tonumber)) as [$a, $b]
    | {blockIO: {throttleReadBpsDevice: [{major: $a, minor: $b, rate: 0}], throttleWriteBpsDevice: [{major: $a, minor: $b, rate: 4096}]}}')"
  expect io.max "$dev rbps=max wbps=4096 riops=max wiops=max"
}

@test "block I/O: weights go to BFQ or to the cost model" {
  has io
  run_with '{"blockIO": {"weight": 500}}'
  if [ -e "$TOP/res-$CID/io.bfq.weight" ]; then
    file io.bfq.weight | grep -qw 500
  else
    expect io.weight 'default 4950'
  fi
  cof delete --force "$CID"
  # A device of its own with the scheduler that knows weights.
  truncate -s 1M "$BATS_TEST_TMPDIR/disk"
  modprobe bfq 2>/dev/null || true
  LOOP=$(losetup --find --show "$BATS_TEST_TMPDIR/disk" 2>/dev/null) || return 0
  echo bfq 2>/dev/null >"/sys/block/${LOOP##*/}/queue/scheduler" || return 0
  local numbers
  numbers=$(cat "/sys/block/${LOOP##*/}/dev")
  run_with "{\"blockIO\": {\"weight\": 100, \"weightDevice\": [{\"major\": ${numbers%:*}, \"minor\": ${numbers#*:}, \"weight\": 400}]}}"
  file io.bfq.weight | grep -qx 'default 100'
  file io.bfq.weight | grep -qx "$numbers 400"
}

@test "block I/O: unknown devices are named with their field" {
  has io
  refused '{"blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 9, "rate": 1000}]}}' \
    'linux.resources.blockIO.throttleReadBpsDevice[0]' 4000:9 'block device'
  refused '{"blockIO": {"weightDevice": [{"major": 4000, "minor": 9, "weight": 100}]}}' \
    'linux.resources.blockIO.weightDevice[0].weight' 4000:9
}

@test "huge pages: usage and reservation" {
  has hugetlb
  [ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || skip 'no huge pages of 2 MB'
  run_with '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
  expect hugetlb.2MB.max 4194304
  expect hugetlb.2MB.rsvd.max 4194304
  cof delete --force "$CID"
  refused '{"hugepageLimits": [{"pageSize": "3MB", "limit": 4194304}]}' 'linux.resources.hugepageLimits[0]' hugetlb.3MB.max hugetlb
}

@test "RDMA: a device" {
  has rdma
  local dev
  dev=$(find /sys/class/infiniband -mindepth 1 -printf '%f\n' 2>/dev/null | head -n 1)
  if [ -z "$dev" ]; then
    refused '{"rdma": {"nowhere0": {"hcaHandles": 3}}}' linux.resources.rdma.nowhere0 'RDMA device'
    skip 'no RDMA device: only the refusal was tested'
  fi
  run_with "{\"rdma\": {\"$dev\": {\"hcaHandles\": 3, \"hcaObjects\": 10000}}}"
  file rdma.max | grep -q "^$dev hca_handle=3 hca_object=10000 *$"
}

@test "unified: any file, its controller enabled; it wins over the fields" {
  has memory
  has pids
  has cpuset
  local dev more
  dev=$(disk) more=$(second_disk)
  run_with '{"memory": {"limit": 104857600}, "pids": {"limit": 5}, "unified": {"pids.max": "7", "memory.high": "83886080",
    "memory.oom.group": "1", "cgroup.max.depth": "3", "cpuset.cpus": "0", "cpu.weight.nice": "5"}}'
  expect memory.max 104857600
  expect memory.high 83886080
  expect memory.oom.group 1
  expect pids.max 7
  expect cgroup.max.depth 3
  expect cpuset.cpus 0
  expect cpu.weight.nice 5
  cof delete --force "$CID"
  if [ -z "$more" ] || ! grep -qw io $TOP/cgroup.controllers; then return; fi
  run_with "$(jq -n --arg d "$dev" --arg m "$more" '($d | split(":") | map(tonumber)) as [$a, $b]
    | {blockIO: {throttleReadBpsDevice: [{major: $a, minor: $b, rate: 4096}]},
       unified: {"io.max": ($d + " wiops=120\n" + $m + " rbps=8192 wiops=121")}}')"
  file io.max | grep -qx "$dev rbps=4096 wbps=max riops=max wiops=120"
  file io.max | grep -qx "$more rbps=8192 wbps=max riops=max wiops=121"
}

@test "unified: what cannot be written" {
  has memory
  refused '{"unified": {"nosuch.max": "5"}}' linux.resources.unified.nosuch.max 'controller `nosuch` is not available'
  refused '{"unified": {"memory.nosuch": "5"}}' linux.resources.unified.memory.nosuch 'no file `memory.nosuch`'
  refused '{"unified": {"memory.high": "five"}}' linux.resources.unified.memory.high five
  refused '{"unified": {"../memory.high": "5"}}' 'linux.resources.unified.../memory.high'
  refused '{"unified": {"cgroup.procs": "1"}}' linux.resources.unified.cgroup.procs
  refused '{"unified": {"cgroup.freeze": "1"}}' linux.resources.unified.cgroup.freeze
}

@test "fields of v1 are errors, unless they ask for nothing" {
  run_with '{"memory": {"swappiness": 60, "disableOOMKiller": false, "useHierarchy": true}, "cpu": {"realtimeRuntime": 0,
    "realtimePeriod": 0}, "blockIO": {"weight": 0, "leafWeight": 0}, "network": {"classID": 0, "priorities": []}}'
  cof delete --force "$CID"
  while IFS='|' read -r field resources; do
    refused "$resources" "linux.resources.$field"
  done <<'END'
memory.swappiness|{"memory": {"swappiness": 10}}
memory.disableOOMKiller|{"memory": {"disableOOMKiller": true}}
memory.useHierarchy|{"memory": {"useHierarchy": false}}
cpu.realtimeRuntime|{"cpu": {"realtimeRuntime": 1000}}
cpu.realtimePeriod|{"cpu": {"realtimePeriod": 1000}}
blockIO.leafWeight|{"blockIO": {"leafWeight": 100}}
blockIO.weightDevice[0].leafWeight|{"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 100}]}}
network.classID|{"network": {"classID": 1}}
network.priorities|{"network": {"priorities": [{"name": "lo", "priority": 1}]}}
END
}

@test "limits that depend on each other, in a cgroup that has others" {
  has cpu
  grep -qw cpu $TOP/cgroup.subtree_control || echo +cpu >$TOP/cgroup.subtree_control
  local dir=$TOP/top-$CID
  mkdir "$dir"
  RESIDUE_BEFORE=$(picture)
  echo '500000 1000000' >"$dir/cpu.max"
  echo 400000 >"$dir/cpu.max.burst"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID"
  run_with '{"cpu": {"quota": 5000, "period": 10000, "burst": 1000}}'
  assert_same cpu.max '5000 10000' "$(cat "$dir/cpu.max")"
  assert_same burst 1000 "$(cat "$dir/cpu.max.burst")"
  cof delete --force "$CID"
  RESIDUE_BEFORE=
}

# ---- controllers ----

@test "controllers are enabled down to a nested cgroup" {
  has memory
  has io
  has hugetlb
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/middle/leaf"
  run_with '{"memory": {"limit": 104857600}, "blockIO": {"weight": 100}, "pids": {"limit": 9},
    "hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}'
  assert_same memory 104857600 "$(cat "$TOP/top-$CID/middle/leaf/memory.max")"
  assert_same hugetlb 0 "$(cat "$TOP/top-$CID/middle/leaf/hugetlb.2MB.max")"
  for c in memory io pids hugetlb; do grep -qw $c "$TOP/top-$CID/middle/cgroup.subtree_control"; done
  cof delete --force "$CID"
}

@test "a cgroup above with processes of its own is named" {
  has memory
  mkdir "$TOP/top-$CID"
  sleep 600 3>&- &
  OWN_PIDS=$!
  echo "$OWN_PIDS" >"$TOP/top-$CID/cgroup.procs"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/leaf"
  refused '{"memory": {"limit": 104857600}}' linux.resources.memory.limit 'controller `memory`' "\`/top-$CID\`" 'processes of its own'
  not test -e "$TOP/top-$CID/leaf"
}

@test "threaded cgroups above, below and at the path" {
  mkdir -p "$TOP/top-$CID/threads"
  echo threaded >"$TOP/top-$CID/threads/cgroup.type"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/leaf"
  refused '{}' "cgroup \`/top-$CID/leaf\` is \`domain invalid\`" "since \`/top-$CID\` above it is \`domain threaded\`" linux.cgroupsPath
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/threads"
  refused '{}' 'is `threaded`' linux.cgroupsPath
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID"
  refused '{}' 'is `domain threaded`' linux.cgroupsPath
  [ -d "$TOP/top-$CID/threads" ]
}

@test "a controller that the cgroup above was not given" {
  has memory
  # The mounts of a v1 tree take a controller away; here one that is not in use on v2 does.
  refused '{"unified": {"perf_event.nothing": "1"}}' linux.resources.unified.perf_event.nothing
}
