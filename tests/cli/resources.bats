#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# linux.resources on cgroup v1: every field that the host has, read back from the files of the running
# container; and what is refused before anything exists.

load helpers
load cgroup-v1

setup() { requires root cgroup-v1; setup_bundle; }

teardown() {
  local status=0
  teardown_bundle || status=1
  if [ -n "${LOOP:-}" ]; then
    echo none 2>/dev/null >"/sys/block/${LOOP##*/}/queue/scheduler" || true
    losetup --detach "$LOOP"
  fi
  remove_own_cgroups || status=1
  return "$status"
}

create() { det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"; PID=$(cat "$BATS_TEST_TMPDIR/pid" 2>/dev/null || true); }

# The container runs with these resources (JSON), or the test fails.
run_with() { # run_with RESOURCES
  bundle_edit '.linux.resources += $r' --argjson r "$1"
  set_args sleep 100
  create
  assert_status 0
}

needs_file() { # needs_file CONTROLLER FILE: new cgroups of this host have it
  local dir=$TREE/$1/probe-$CID found=0
  mkdir "$dir" 2>/dev/null || skip "controller $1 is not mounted"
  [ -e "$dir/$2" ] || found=1
  rmdir "$dir"
  [ "$found" = 0 ] || skip "the kernel has no $2"
}

cgroups_of_test() { find "$TREE" -mindepth 1 -type d -name "*$CID*" 2>/dev/null; }

# ---- one controller after the other ----

@test "memory: limit, reservation, swap, swappiness, OOM killer, hierarchy" {
  requires cgroup-memory
  needs_file memory memory.memsw.limit_in_bytes
  run_with '{"memory": {"limit": 104857600, "reservation": 52428800, "swap": 209715200, "swappiness": 10,
    "disableOOMKiller": true, "useHierarchy": true, "checkBeforeUpdate": true}}'
  assert_same limit 104857600 "$(file_of memory memory.limit_in_bytes)"
  assert_same reservation 52428800 "$(file_of memory memory.soft_limit_in_bytes)"
  assert_same swap 209715200 "$(file_of memory memory.memsw.limit_in_bytes)"
  assert_same swappiness 10 "$(file_of memory memory.swappiness)"
  assert_same hierarchy 1 "$(file_of memory memory.use_hierarchy)"
  file_of memory memory.oom_control | grep -qx 'oom_kill_disable 1'
}

@test "memory: limit and swap in both orders, in a cgroup that was there before" {
  requires cgroup-memory
  needs_file memory memory.memsw.limit_in_bytes
  local dir
  in_own_cgroup memory
  echo 33554432 >"$dir/memory.limit_in_bytes"
  echo 41943040 >"$dir/memory.memsw.limit_in_bytes"
  run_with '{"memory": {"limit": 104857600, "swap": 209715200}}'
  assert_same limit 104857600 "$(cat "$dir/memory.limit_in_bytes")"
  assert_same swap 209715200 "$(cat "$dir/memory.memsw.limit_in_bytes")"
  cof delete --force "$CID"
  run_with '{"memory": {"limit": 33554432, "swap": 33554432}}'
  assert_same limit 33554432 "$(cat "$dir/memory.limit_in_bytes")"
  assert_same swap 33554432 "$(cat "$dir/memory.memsw.limit_in_bytes")"
  cof delete --force "$CID"
  run_with '{"memory": {"limit": -1, "swap": 0}}'
  [ "$(cat "$dir/memory.limit_in_bytes")" -gt 1000000000000 ]
  [ "$(cat "$dir/memory.memsw.limit_in_bytes")" -gt 1000000000000 ]
}

@test "memory: kernelTCP" {
  requires cgroup-memory
  needs_file memory memory.kmem.tcp.limit_in_bytes
  run_with '{"memory": {"kernelTCP": 50003968}}'
  assert_same kernelTCP 50003968 "$(file_of memory memory.kmem.tcp.limit_in_bytes)"
}

@test "memory: kernel is a warning, not a limit" {
  requires cgroup-memory
  bundle_edit '.linux.resources.memory = {kernel: 50000000}'
  run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'linux.resources.memory.kernel is ignored'
}

@test "cpu: shares, quota, period, burst" {
  requires cgroup-cpu
  needs_file cpu cpu.cfs_burst_us
  run_with '{"cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 10000}}'
  assert_same shares 512 "$(file_of cpu cpu.shares)"
  assert_same quota 25000 "$(file_of cpu cpu.cfs_quota_us)"
  assert_same period 50000 "$(file_of cpu cpu.cfs_period_us)"
  assert_same burst 10000 "$(file_of cpu cpu.cfs_burst_us)"
}

@test "cpu: quota, period and burst in a cgroup that has others" {
  requires cgroup-cpu
  needs_file cpu cpu.cfs_burst_us
  local dir
  in_own_cgroup cpu
  echo 1000000 >"$dir/cpu.cfs_period_us"
  echo 500000 >"$dir/cpu.cfs_quota_us"
  echo 400000 >"$dir/cpu.cfs_burst_us"
  # The burst must come down before the quota can.
  run_with '{"cpu": {"quota": 5000, "period": 10000, "burst": 1000}}'
  assert_same all '10000 5000 1000' "$(cat "$dir/cpu.cfs_period_us" "$dir/cpu.cfs_quota_us" "$dir/cpu.cfs_burst_us" | paste -sd' ')"
  cof delete --force "$CID"
  run_with '{"cpu": {"quota": 500000, "period": 1000000, "burst": 500000}}'
  assert_same all '1000000 500000 500000' "$(cat "$dir/cpu.cfs_period_us" "$dir/cpu.cfs_quota_us" "$dir/cpu.cfs_burst_us" | paste -sd' ')"
}

@test "cpu: idle, and back; shares outside of what the kernel has" {
  requires cgroup-cpu
  needs_file cpu cpu.idle
  local dir
  in_own_cgroup cpu
  run_with '{"cpu": {"shares": 300, "idle": 1}}'
  assert_same idle 1 "$(file_of cpu cpu.idle)"
  cof delete --force "$CID"
  bundle_edit '.linux.resources.cpu = {shares: 300}'
  create
  assert_status 1
  assert_has linux.resources.cpu.shares
  assert_has cpu.idle
  run_with '{"cpu": {"shares": 300, "idle": 0}}'
  assert_same idle '0 300' "$(file_of cpu cpu.idle) $(file_of cpu cpu.shares)"
  cof delete --force "$CID"
  bundle_edit '.linux.resources.cpu = {shares: 1}'
  create
  assert_status 1
  assert_has 'the minimum allowed cpu-shares is 2'
  bundle_edit '.linux.resources.cpu = {shares: 262145}'
  create
  assert_has 'the maximum allowed cpu-shares is 262144'
}

@test "cpu: a realtime budget, also below cgroups that have none" {
  requires cgroup-cpu
  needs_file cpu cpu.rt_runtime_us
  run_with '{"cpu": {"realtimePeriod": 500000, "realtimeRuntime": 1000}}'
  assert_same runtime 1000 "$(file_of cpu cpu.rt_runtime_us)"
  assert_same period 500000 "$(file_of cpu cpu.rt_period_us)"
  cof delete --force "$CID"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/rt-$CID/middle/leaf"
  OWN_CGROUPS=$(for dir in "$TREE"/*/; do echo "$dir/rt-$CID"; done)
  create
  for dir in "" /middle /middle/leaf; do
    assert_same "runtime of $dir" 1000 "$(cat "$TREE/cpu/rt-$CID$dir/cpu.rt_runtime_us")"
  done
  cof delete --force "$CID"
  for dir in $OWN_CGROUPS; do rmdir_tree "$dir"; done
}

@test "cpu: a realtime budget of a kernel without any is an error that says so" {
  requires cgroup-cpu
  [ ! -e "$TREE/cpu/cpu.rt_runtime_us" ] || skip 'this kernel has cpu.rt_runtime_us'
  bundle_edit '.linux.resources.cpu = {realtimeRuntime: 1000}'
  create
  assert_status 1
  assert_has linux.resources.cpu.realtimeRuntime
  assert_has cpu.rt_runtime_us
}

@test "cpusets" {
  [ -d "$TREE/cpuset" ] || skip 'no cpuset hierarchy'
  run_with '{"cpu": {"cpus": "0", "mems": "0"}}'
  assert_same cpus 0 "$(file_of cpuset cpuset.cpus)"
  assert_same mems 0 "$(file_of cpuset cpuset.mems)"
  bundle_edit '.linux.resources.cpu = {cpus: "4000"}'
  det create --bundle "$BUNDLE" "b-$CID"
  assert_status 1
  assert_has linux.resources.cpu.cpus
}

@test "pids: a number, 0, -1, absent" {
  requires cgroup-pids
  set_args sleep 100
  while read -r limit wanted; do
    bundle_edit '.linux.resources.pids = $p' --argjson p "$limit"
    create
    assert_status 0
    assert_same "pids $limit" "$wanted" "$(file_of pids pids.max)"
    cof delete --force "$CID"
  done <<'END'
{"limit":77} 77
{"limit":0} 1
{"limit":-1} max
{} max
null max
END
}

@test "pids: room for one process, in namespaces that are entered by a further one" {
  requires cgroup-pids
  bundle_edit '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1}} | .linux.resources.pids = {limit: 1}'
  set_args true
  run_bundle
  assert_status 0
  set_args sleep 100
  create
  assert_status 0
  assert_same 'pids.max' 1 "$(file_of pids pids.max)"
}

@test "block I/O: throttles of a device" {
  needs_file blkio blkio.throttle.read_bps_device
  local device major minor
  device=$(awk '$2 == 0 || $4 ~ /^(vd|sd)[a-z]$|^nvme[0-9]+n1$/ { print $1 ":" $2; exit }' <(tail -n +3 /proc/partitions))
  [ -n "$device" ] || skip 'no block device'
  major=${device%:*} minor=${device#*:}
  run_with "$(jq -n --argjson ma "$major" --argjson mi "$minor" '{blockIO: {
    throttleReadBpsDevice: [{major: $ma, minor: $mi, rate: 1048576}],
    throttleWriteBpsDevice: [{major: $ma, minor: $mi, rate: 2097152}],
    throttleReadIOPSDevice: [{major: $ma, minor: $mi, rate: 100}],
    throttleWriteIOPSDevice: [{major: $ma, minor: $mi, rate: 200}]}}')"
  assert_same rbps "$device 1048576" "$(file_of blkio blkio.throttle.read_bps_device)"
  assert_same wbps "$device 2097152" "$(file_of blkio blkio.throttle.write_bps_device)"
  assert_same riops "$device 100" "$(file_of blkio blkio.throttle.read_iops_device)"
  assert_same wiops "$device 200" "$(file_of blkio blkio.throttle.write_iops_device)"
}

@test "block I/O: a weight for a device whose I/O scheduler knows none" {
  needs_file blkio blkio.bfq.weight_device
  local name
  name=$(grep -L '\[bfq\]' /sys/block/*/queue/scheduler | head -n 1 | cut -d/ -f4)
  [ -n "$name" ] || skip 'every block device has the scheduler bfq'
  bundle_edit '($n | split(":") | map(tonumber)) as [$a, $b]
    | .linux.resources.blockIO = {weightDevice: [{major: $a, minor: $b, weight: 300}]}' --arg n "$(cat "/sys/block/$name/dev")"
  create
  assert_status 1
  assert_has 'linux.resources.blockIO.weightDevice[0].weight'
  assert_has 'I/O scheduler `bfq`'
  assert_same left '' "$(cgroups_of_test)"
}

@test "block I/O: a device that is not there" {
  needs_file blkio blkio.throttle.read_bps_device
  bundle_edit '.linux.resources.blockIO = {throttleWriteBpsDevice: [{major: 4000, minor: 7, rate: 5}]}'
  create
  assert_status 1
  assert_has 'linux.resources.blockIO.throttleWriteBpsDevice[0]'
  assert_has '4000:7'
  assert_same left '' "$(cgroups_of_test)"
}

@test "block I/O: weights" {
  needs_file blkio blkio.bfq.weight
  run_with '{"blockIO": {"weight": 300}}'
  file_of blkio blkio.bfq.weight | grep -q 300
  cof delete --force "$CID"
  bfq_device || return 0
  run_with "{\"blockIO\": {\"weightDevice\": [{\"major\": ${NUMBERS%:*}, \"minor\": ${NUMBERS#*:}, \"weight\": 400}]}}"
  file_of blkio blkio.bfq.weight_device | grep -qx "$NUMBERS 400"
}

# A loop device of this test with the I/O scheduler that knows weights, in LOOP and NUMBERS.
bfq_device() {
  truncate -s 1M "$BATS_TEST_TMPDIR/disk"
  LOOP=$(losetup --find --show "$BATS_TEST_TMPDIR/disk" 2>/dev/null) || return 1
  echo bfq 2>/dev/null >"/sys/block/${LOOP##*/}/queue/scheduler" || return 1
  NUMBERS=$(cat "/sys/block/${LOOP##*/}/dev")
}

@test "block I/O: leaf weights of a kernel without them" {
  [ -d "$TREE/blkio" ] || skip 'no blkio hierarchy'
  bundle_edit '.linux.resources.blockIO = {leafWeight: 300}'
  create
  assert_status 1
  assert_has linux.resources.blockIO.leafWeight
  assert_has blkio.leaf_weight
  assert_has blkio
}

in_use() { [ -e "$TREE/$1/cgroup.procs" ]; }

# Where hierarchies are mounted, or in a mount namespace with those that the host has but does not use; the last
# command's status. `dir CONTROLLER` is the container's directory.
with_hierarchies() { # with_hierarchies "CONTROLLER..." SCRIPT
  local status=0 c mounted=1
  export ROOT BUNDLE CID BATS_TEST_TMPDIR TREE
  dir() { echo "$TREE/$1$(sed -nE "s/^[0-9]*:(.*,)?$1(,.*)?://p" "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")"; }
  export -f dir
  for c in $1; do in_use "$c" || mounted=0; done
  if [ $mounted = 1 ]; then
    bash -c 'cof() { timeout 60 "$COFFER" --root "$ROOT" "$@"; }; eval "$1"' bash "$2"
    return
  fi
  unshare --mount --propagation private bash -c '
    for c in $1; do
      grep -q "^$c[[:space:]]0[[:space:]].*1$" /proc/cgroups || exit 77
      mkdir -p "$TREE/$c" 2>/dev/null || exit 77
      mount -t cgroup -o "$c" cgroup "$TREE/$c" || exit 77
    done
    cof() { timeout 60 "$COFFER" --root "$ROOT" "$@"; }
    eval "$2"
    status=$?
    # A hierarchy goes away at an unmount without cgroups in it; those end a moment after rmdir(2).
    for c in $1; do
      umount "$TREE/$c"
      for _ in $(seq 50); do
        grep -q "^$c[[:space:]]0[[:space:]]" /proc/cgroups && break
        sleep 0.1
        mount -t cgroup -o "$c" cgroup "$TREE/$c" && umount "$TREE/$c"
      done
    done
    exit $status' bash "$1" "$2" || status=$?
  for c in $1; do rmdir "$TREE/$c" 2>/dev/null || true; done
  return "$status"
}

@test "network: class and priorities" {
  bundle_edit '.linux.resources.network = {classID: 1048577, priorities: [{name: "lo", priority: 7}]}'
  set_args sleep 100
  run with_hierarchies 'net_cls net_prio' '
    cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" >/dev/null </dev/null || exit 1
    echo "class=$(cat "$(dir net_cls)/net_cls.classid")"
    grep "^lo " "$(dir net_prio)/net_prio.ifpriomap"
    cof delete --force "$CID"'
  [ "$status" -ne 77 ] || skip 'net_cls or net_prio is not there, or is in use'
  assert_status 0
  assert_line class=1048577
  assert_line 'lo 7'
}

@test "network: an interface that is not there, a controller that is not mounted" {
  bundle_edit '.linux.resources.network = {priorities: [{name: "lo", priority: 7}, {name: "nowhere0", priority: 7}]}'
  run with_hierarchies net_prio 'cof create --bundle "$BUNDLE" "$CID" </dev/null'
  [ "$status" -ne 77 ] || skip 'net_prio is not there, or is in use'
  assert_status 1
  assert_has 'linux.resources.network.priorities[1].name'
  assert_has nowhere0
  assert_same left '' "$(cgroups_of_test)"
  ! in_use net_prio || return 0
  create
  assert_status 1
  assert_has 'linux.resources.network.priorities[0].name: controller `net_prio` is not mounted'
  bundle_edit '.linux.resources.network = {classID: 5}'
  create
  assert_has 'linux.resources.network.classID: controller `net_cls` is not mounted'
  assert_same left '' "$(cgroups_of_test)"
}

@test "huge pages: a limit for usage and for reservations" {
  local size
  size=$(basename "$(find /sys/kernel/mm/hugepages -name 'hugepages-2048kB')")
  [ -n "$size" ] || skip 'no huge pages of 2 MB'
  # The v2 tree of a hybrid host may hold the controller: then it is an error that says so.
  bundle_edit '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
  set_args sleep 100
  if grep -qw hugetlb "$TREE"/unified/cgroup.controllers 2>/dev/null || [ ! -d "$TREE/hugetlb" ]; then
    create
    assert_status 1
    assert_has 'linux.resources.hugepageLimits[0]: controller `hugetlb` is not mounted'
    return
  fi
  create
  assert_status 0
  assert_same usage 4194304 "$(file_of hugetlb hugetlb.2MB.limit_in_bytes)"
  assert_same reserved 4194304 "$(file_of hugetlb hugetlb.2MB.rsvd.limit_in_bytes)"
}

# ---- refused ----

@test "what is malformed is refused with its path, before anything exists" {
  local n=0
  while IFS='|' read -r field resources; do
    bundle_edit '.linux.resources = $r' --argjson r "$resources"
    create
    [ "$status" -eq 1 ] || { echo "accepted: $resources" >&2; return 1; }
    assert_has "linux.resources.$field"
    assert_same "left of $field" '' "$(cgroups_of_test)"
    not test -e "$ROOT/$CID"
    n=$((n + 1))
  done <<'END'
memory.limit|{"memory": {"limit": -2}}
memory.swap|{"memory": {"swap": 5}}
memory.swappiness|{"memory": {"swappiness": 101}}
memory.useHierarchy|{"memory": {"useHierarchy": false}}
cpu.period|{"cpu": {"period": 999}}
cpu.burst|{"cpu": {"quota": 5000, "burst": 6000}}
cpu.realtimeRuntime|{"cpu": {"realtimePeriod": 5, "realtimeRuntime": 6}}
cpu.cpus|{"cpu": {"cpus": "9-3"}}
cpu.mems|{"cpu": {"mems": "a"}}
cpu.idle|{"cpu": {"idle": 2}}
pids.limit|{"pids": {"limit": -2}}
blockIO.weight|{"blockIO": {"weight": 9}}
blockIO.leafWeight|{"blockIO": {"leafWeight": 1001}}
blockIO.weightDevice[1].weight|{"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 10}, {"major": 8, "minor": 0}]}}
blockIO.weightDevice[0].major|{"blockIO": {"weightDevice": [{"minor": 0, "weight": 10}]}}
blockIO.throttleReadBpsDevice[0].major|{"blockIO": {"throttleReadBpsDevice": [{"major": -8, "minor": 0, "rate": 5}]}}
blockIO.throttleReadIOPSDevice[0].rate|{"blockIO": {"throttleReadIOPSDevice": [{"major": 8, "minor": 0}]}}
hugepageLimits[0].pageSize|{"hugepageLimits": [{"pageSize": "2MB/../x", "limit": 1}]}
network.priorities[0].name|{"network": {"priorities": [{"name": "eth0\nlo", "priority": 1}]}}
rdma.mlx|{"rdma": {"mlx": {}}}
rdma.a/b|{"rdma": {"a/b": {"hcaHandles": 1}}}
unified|{"unified": {"memory.high": "5"}}
devices[0].type|{"devices": [{"allow": true, "type": "x"}]}
devices[1].major|{"devices": [{"allow": true}, {"allow": true, "major": -2}]}
devices[0].allow|{"devices": [{"type": "c"}]}
END
  [ "$n" -eq 25 ]
}

@test "a string with a NUL in it is refused" {
  printf '%s' "$(jq -c '.linux.resources.cpu = {cpus: "0NUL"}' "$BUNDLE/config.json")" | sed 's/0NUL/0\\u0000/' >"$BUNDLE/config.new"
  mv "$BUNDLE/config.new" "$BUNDLE/config.json"
  create
  assert_status 1
  assert_has linux.resources.cpu.cpus
}
