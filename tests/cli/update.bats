#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# update on a v1/hybrid host: options, JSON, what stays, what is refused, what is put back. tests/vm/update.bats is v2.

load helpers

setup() {
  requires root cgroup-v1 cgroup-memory cgroup-pids cgroup-cpu
  setup_bundle
  set_args sleep 100
}
teardown() { teardown_bundle; }

# The text of a file of the container's cgroup; controller by the name of the file.
value() { # value FILE
  local controller=${1%%.*} path
  path=$(awk -F: -v c="$controller" '{ n = split($2, a, ","); for (i = 1; i <= n; i++) if (a[i] == c) print $3 }' "/proc/$PID/cgroup")
  cat "/sys/fs/cgroup/$controller$path/$1"
}

update_json() { # update_json TEXT [OPTION...]
  local text=$1; shift
  run cof update --resources - "$@" "$CID" <<<"$text"
}

stored() { jq -c "$1" "$ROOT/$CID/resources.json"; }

@test "every option, with suffixes" {
  start_bundle
  run cof update --memory 64m --memory-reservation=32M --memory-swap 1g --pids-limit 33 --cpu-period 50000 --cpu-quota 20000 \
    --cpu-share 512 --cpuset-cpus 0 --cpuset-mems 0 "$CID"
  assert_status 0
  assert_same output '' "$output"
  assert_same limit 67108864 "$(value memory.limit_in_bytes)"
  assert_same reservation 33554432 "$(value memory.soft_limit_in_bytes)"
  assert_same swap 1073741824 "$(value memory.memsw.limit_in_bytes)"
  assert_same pids 33 "$(value pids.max)"
  assert_same period 50000 "$(value cpu.cfs_period_us)"
  assert_same quota 20000 "$(value cpu.cfs_quota_us)"
  assert_same shares 512 "$(value cpu.shares)"
  assert_same cpus 0 "$(value cpuset.cpus)"
  assert_same stored '{"limit":67108864,"reservation":33554432,"swap":1073741824}' "$(stored .memory)"
  assert_same stored '{"shares":512,"quota":20000,"period":50000,"cpus":"0","mems":"0"}' "$(stored .cpu)"
  for bytes in 67108865b:67112960 70000k:71680000 70K:71680 1t:1099511627776; do
    run cof update --memory-swap -1 --memory "${bytes%:*}" "$CID"
    [ "$bytes" != 70K:71680 ] || continue # below what it uses, perhaps
    assert_status 0
  done
  cof update --memory -1 --pids-limit=-1 --cpu-quota=-1 "$CID"
  [ "$(value memory.limit_in_bytes)" -gt 1000000000000000 ]
  [ "$(value memory.memsw.limit_in_bytes)" -gt 1000000000000000 ]
  assert_same pids max "$(value pids.max)"
  assert_same quota -1 "$(value cpu.cfs_quota_us)"
}

@test "growing and shrinking, limit and swap in the order that the kernel accepts" {
  bundle_edit '.linux.resources.memory = {limit: 64000000, swap: 64000000}'
  start_bundle
  for pair in 128000000:204800000 30003200:30003200 500002816:500002816 64000000:128000000; do
    run cof update --memory "${pair%:*}" --memory-swap "${pair#*:}" "$CID"
    assert_status 0
    assert_same limit "${pair%:*}" "$(value memory.limit_in_bytes)"
    assert_same swap "${pair#*:}" "$(value memory.memsw.limit_in_bytes)"
  done
}

@test "created, paused: yes; stopped: container not running; unknown: does not exist" {
  bundle_edit '.process.args = ["sleep", "100"]'
  det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  PID=$(cat "$BATS_TEST_TMPDIR/pid")
  run cof update --pids-limit 50 "$CID"
  assert_status 0
  assert_same pids 50 "$(value pids.max)"
  cof start "$CID"
  cof pause "$CID"
  run cof update --pids-limit 51 "$CID"
  assert_status 0
  assert_same pids 51 "$(value pids.max)"
  status_is "$CID" paused
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
  run cof update --pids-limit 52 "$CID"
  assert_status 1
  assert_has 'container not running'
  run cof update --pids-limit 52 no-such-id
  assert_status 1
  assert_has 'container does not exist'
}

@test "JSON from a file and from standard input; then the options do not count" {
  start_bundle
  echo '{"pids": {"limit": 44}, "unknown": {"x": [1]}, "cpu": {"shares": 256}}' >"$BATS_TEST_TMPDIR/r.json"
  run cof update --resources="$BATS_TEST_TMPDIR/r.json" "$CID"
  assert_status 0
  assert_same pids 44 "$(value pids.max)"
  assert_same shares 256 "$(value cpu.shares)"
  run cof update -r - --pids-limit 99 "$CID" <<<'{"cpu": {"shares": 128}}'
  assert_status 0
  assert_same pids 44 "$(value pids.max)"
  assert_same shares 128 "$(value cpu.shares)"
  update_json '{}'
  assert_status 0
  run cof update "$CID"
  assert_status 0
  run cof update -r /no/such/file "$CID"
  assert_status 1
  assert_has '/no/such/file'
}

@test "what is absent or 0 stays; device rules are left alone" {
  bundle_edit '.linux.resources.memory = {limit: 64000000, swap: 128000000} | .linux.resources.cpu = {quota: 30000, period: 60000, shares: 300}'
  start_bundle
  devices=$(value devices.list)
  update_json '{"devices":[{"allow":false,"access":"rwm"}],"memory":{"limit":0,"swap":0,"reservation":0,"disableOOMKiller":false},
    "cpu":{"shares":0,"quota":0,"period":0,"cpus":"","mems":""},"blockIO":{"weight":0},"network":{},"hugepageLimits":[]}'
  assert_status 0
  assert_same limit 64000000 "$(value memory.limit_in_bytes)"
  assert_same swap 128000000 "$(value memory.memsw.limit_in_bytes)"
  assert_same shares 300 "$(value cpu.shares)"
  assert_same devices "$devices" "$(value devices.list)"
  cof update --cpu-quota 20000 "$CID"
  assert_same period 60000 "$(value cpu.cfs_period_us)"
  cof update --cpu-period 50000 "$CID"
  assert_same quota 20000 "$(value cpu.cfs_quota_us)"
  run cof --debug update -r - "$CID" <<<'{"devices":[{"allow":false,"access":"rwm"}]}'
  assert_status 0
  assert_has devices
}

@test "values that are refused before anything is written, with their field" {
  start_bundle
  before=$(value memory.limit_in_bytes)
  while read -r json field; do
    update_json "$json"
    assert_status 1
    assert_has "$field"
    assert_same memory "$before" "$(value memory.limit_in_bytes)"
  done <<'LIST'
{"memory":{"limit":64000000},"cpu":{"cpus":"9-3"}} cpu.cpus
{"memory":{"limit":-5}} memory.limit
{"memory":{"swap":64000000}} memory.swap
{"memory":{"limit":64000000,"swap":32000000}} memory.swap
{"memory":{"limit":64000000,"swappiness":101}} memory.swappiness
{"memory":{"limit":64000000},"pids":{"limit":-2}} pids.limit
{"memory":{"limit":64000000},"cpu":{"period":5}} cpu.period
{"memory":{"limit":64000000},"unified":{"memory.high":"1"}} unified
{"memory":{"limit":"64000000"}} memory.limit
{"memory":{"limit":1.5}} memory.limit
{"memory":[]} memory
{"memory":{"limit":64000000},"hugepageLimits":[{"pageSize":"3MB","limit":1}]} hugepageLimits
{"memory":{"limit":64000000 resources
[] object
LIST
  for option in '--memory 12x' '--memory -2' '--memory 99999999p' '--pids-limit ten' '--cpu-quota 1.5' '--cpu-period -' '--memory 1.5g' '--blkio-weight x'; do
    # shellcheck disable=SC2086
    run cof update $option "$CID"
    assert_status 1
    assert_has "${option% *}"
  done
  [ ! -e "$ROOT/$CID/resources.json" ]
}

@test "a swap limit that does not fit the stored memory limit" {
  bundle_edit '.linux.resources.memory = {limit: 64000000}'
  start_bundle
  run cof update --memory-swap 32000000 "$CID"
  assert_status 1
  assert_has 'memory+swap limit should be >= memory limit'
  run cof update --memory-swap 96002048 "$CID"
  assert_status 0
  assert_same swap 96002048 "$(value memory.memsw.limit_in_bytes)"
  assert_same limit 64000000 "$(value memory.limit_in_bytes)"
}

@test "a memory limit below the use: refused by the kernel, everything else put back" {
  set_args sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=30 2>/dev/null; echo >/tmp/ready; sleep 100'
  bundle_edit '.root.readonly = false | .linux.resources.memory = {limit: 100003840, swap: 100003840} | .linux.resources.pids.limit = 70 |
    .linux.resources.cpu = {shares: 300, quota: 30000, period: 60000}'
  start_bundle
  wait_for 10 test -e "$BUNDLE/rootfs/tmp/ready"
  for check in true false; do
    update_json '{"memory":{"limit":5001216,"swap":5001216,"reservation":4001792,"checkBeforeUpdate":'$check'},"pids":{"limit":50},
      "cpu":{"shares":600,"quota":10000,"period":100000,"cpus":"0"}}'
    assert_status 1
    assert_match 'unable to set memory limit to 5001216 \(current usage: [0-9]+, peak usage: [0-9]+\)'
    assert_has memory.limit
    assert_same limit 100003840 "$(value memory.limit_in_bytes)"
    assert_same swap 100003840 "$(value memory.memsw.limit_in_bytes)"
    assert_same pids 70 "$(value pids.max)"
    assert_same shares 300 "$(value cpu.shares)"
    assert_same quota 30000 "$(value cpu.cfs_quota_us)"
    assert_same period 60000 "$(value cpu.cfs_period_us)"
    [ "$(value memory.soft_limit_in_bytes)" -gt 100000000000 ]
    [ ! -e "$ROOT/$CID/resources.json" ]
    status_is "$CID" running
  done
}

@test "a field that this host cannot do: its name, and nothing has changed" {
  start_bundle
  before=$(value pids.max)
  update_json '{"pids":{"limit":50},"cpu":{"cpus":"4000"}}'
  assert_status 1
  assert_has cpu.cpus
  assert_same pids "$before" "$(value pids.max)"
  update_json '{"pids":{"limit":50},"blockIO":{"throttleReadBpsDevice":[{"major":4095,"minor":7,"rate":1000}]}}'
  assert_status 1
  assert_has blockIO.throttleReadBpsDevice
  assert_same pids "$before" "$(value pids.max)"
}

@test "no cgroup: an error; nothing asked: success" {
  cof --cgroup-manager disabled run --detach --bundle "$BUNDLE" "$CID" </dev/null
  run cof update --pids-limit 5 "$CID"
  assert_status 1
  assert_has 'it has no cgroup'
  run cof update "$CID"
  assert_status 0
}

@test "kernel memory is ignored with a warning; RDT needs a container that has it" {
  start_bundle
  run cof --log-level warning update --kernel-memory 5m --kernel-memory-tcp 6m --pids-limit 40 "$CID"
  assert_status 0
  assert_has memory.kernel
  run cof update --kernel-memory 5m "$CID"
  assert_same output '' "$output"
  run cof update --l3-cache-schema 'L3:0=f' "$CID"
  assert_status 1
  assert_has 'updating a non-existent Intel RDT configuration is not supported'
  run cof update -r - --mem-bw-schema 'MB:0=10' "$CID" <<<'{}'
  assert_status 1
  run cof update --l3-cache-schema '' --mem-bw-schema='' --pids-limit 41 "$CID"
  assert_status 0
}

@test "block devices are merged by number: what was stored for another one stays" {
  dev=$(lsblk -dnro MAJ:MIN,TYPE 2>/dev/null | awk '$2 == "disk" || $2 == "loop" { print $1; exit }')
  [ -n "$dev" ] || skip 'no block device'
  start_bundle
  d="\"major\":${dev%:*},\"minor\":${dev#*:}"
  update_json "{\"blockIO\":{\"throttleReadBpsDevice\":[{$d,\"rate\":1048576}]}}"
  assert_status 0
  assert_same bps "$dev 1048576" "$(value blkio.throttle.read_bps_device)"
  update_json "{\"blockIO\":{\"throttleReadBpsDevice\":[{$d,\"rate\":2097152}]},\"pids\":{\"limit\":20},\"cpu\":{\"cpus\":\"4000\"}}"
  assert_status 1
  assert_same 'put back' "$dev 1048576" "$(value blkio.throttle.read_bps_device)"
  update_json "{\"blockIO\":{\"throttleWriteIOPSDevice\":[{$d,\"rate\":100}]}}"
  assert_status 0
  assert_same bps "$dev 1048576" "$(value blkio.throttle.read_bps_device)"
  assert_same stored 1 "$(stored '.blockIO.throttleReadBpsDevice | length')"
}

@test "one process, no bus, few system calls" {
  command -v strace >/dev/null || skip 'no strace'
  [ -z "${ASAN_OPTIONS:-}" ] || skip 'an instrumented build makes calls of its own'
  start_bundle
  strace -f -o "$BATS_TEST_TMPDIR/trace" "$COFFER" --root "$ROOT" update --memory 64m --pids-limit 30 "$CID"
  not grep -Eq 'clone|fork|execve.*= 0.*execve|connect\(|socket\(' "$BATS_TEST_TMPDIR/trace"
  assert_same processes 1 "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/trace" | sort -u | wc -l)"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/trace")" -le 180 ]
}
