#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# update, pause and concurrent commands on a pure cgroup v2 tree. tests/cli/update.bats has what is the same on v1.

load ../cli/helpers

setup() {
  requires root cgroup-v2 cgroup-memory cgroup-pids
  setup_bundle
  set_args sleep 100
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/update-$CID"
}
teardown() {
  local status=0
  teardown_bundle || status=1
  [ -z "${ON_DISK:-}" ] || rm -rf "$ON_DISK"
  return "$status"
}

value() { cat "/sys/fs/cgroup/update-$CID/$1"; } # value FILE
device_value() { value io.max | sed -n "s/^$1 .*$2=\([^ ]*\).*/\1/p"; } # device_value M:m KEY

update_json() { run cof update --resources - "$CID" <<<"$1"; }

# The program takes MIB of memory that cannot be reclaimed without swap, and says when it has it.
hog() { # hog MIB
  set_args sh -c "dd if=/dev/zero of=/dev/shm/x bs=1M count=$1 2>/dev/null; echo >/tmp/ready; sleep 100"
  bundle_edit '.root.readonly = false'
}
ready() { wait_for 60 test -e "$BUNDLE/rootfs/tmp/ready"; }

oom_kills() { value memory.events | awk '$1 == "oom_kill" { print $2 }'; }

@test "v2: every option; a controller that nobody had asked for is enabled" {
  bundle_edit 'del(.linux.resources.memory, .linux.resources.pids, .linux.resources.cpu)'
  start_bundle
  run cof update --memory 64m --memory-swap 96m --memory-reservation 16m --pids-limit 33 --cpu-quota 20000 --cpu-period 50000 \
    --cpu-share 512 --cpuset-cpus 0 --cpuset-mems 0 "$CID"
  assert_status 0
  assert_same max 67108864 "$(value memory.max)"
  assert_same swap 33554432 "$(value memory.swap.max)"
  assert_same low 16777216 "$(value memory.low)"
  assert_same pids 33 "$(value pids.max)"
  assert_same cpu '20000 50000' "$(value cpu.max)"
  assert_same weight 59 "$(value cpu.weight)"
  assert_same cpus 0 "$(value cpuset.cpus)"
  cof update --cpu-burst 10000 "$CID"
  assert_same burst 10000 "$(value cpu.max.burst)"
  cof update --cpu-quota 30000 --cpu-burst 0 "$CID"
  assert_same period '30000 50000' "$(value cpu.max)"
  assert_same burst 0 "$(value cpu.max.burst)"
  cof update --cpu-period 60000 "$CID"
  assert_same quota '30000 60000' "$(value cpu.max)"
  cof update --cpu-idle 1 "$CID"
  run cof update --cpu-idle 0 --cpu-share 1024 "$CID"
  assert_status 0
  assert_same weight 100 "$(value cpu.weight)"
  cof update --memory 128m "$CID"
  assert_same swap 33554432 "$(value memory.swap.max)"
  cof update --memory -1 --pids-limit -1 --cpu-quota -1 "$CID"
  assert_same max max "$(value memory.max)"
  assert_same swap max "$(value memory.swap.max)"
  assert_same pids max "$(value pids.max)"
  assert_same cpu 'max 60000' "$(value cpu.max)"
}

@test "v2: unified and io.max, merged with what is stored; put back when something else fails" {
  bundle_edit '.linux.resources.unified = {"memory.high": "100003840"}'
  start_bundle
  update_json '{"unified":{"memory.low":"8192"},"pids":{"limit":40}}'
  assert_status 0
  assert_same high 100003840 "$(value memory.high)"
  assert_same low 8192 "$(value memory.low)"
  assert_same stored 2 "$(jq '.unified | length' "$ROOT/$CID/resources.json")"
  dev=$(lsblk -dnro MAJ:MIN,TYPE | awk '$2 == "disk" { print $1; exit }')
  [ -n "$dev" ] || skip 'no disk'
  d="\"major\":${dev%:*},\"minor\":${dev#*:}"
  update_json "{\"blockIO\":{\"throttleReadBpsDevice\":[{$d,\"rate\":1048576}],\"throttleWriteIOPSDevice\":[{$d,\"rate\":77}]}}"
  assert_status 0
  assert_same rbps 1048576 "$(device_value "$dev" rbps)"
  assert_same wiops 77 "$(device_value "$dev" wiops)"
  update_json "{\"blockIO\":{\"throttleReadBpsDevice\":[{$d,\"rate\":2097152},{\"major\":4095,\"minor\":1,\"rate\":5}]},\"pids\":{\"limit\":41}}"
  assert_status 1
  assert_has blockIO.throttleReadBpsDevice
  assert_same rbps 1048576 "$(device_value "$dev" rbps)"
  assert_same wiops 77 "$(device_value "$dev" wiops)"
  assert_same pids 40 "$(value pids.max)"
  for json in '{"unified":{"../x":"1"}}' '{"unified":{"nothing.there":"1"}}' '{"memory":{"swappiness":10}}' '{"network":{"classID":5}}'; do
    update_json "$json"
    assert_status 1
    assert_has linux.resources
  done
}

@test "v2: a limit below the use with checkBeforeUpdate: refused, nobody is killed" {
  hog 40
  bundle_edit '.linux.resources.memory = {limit: 200003584, swap: 200003584} | .linux.resources.pids = {limit: 70}'
  start_bundle
  ready
  update_json '{"memory":{"limit":10002432,"swap":10002432,"checkBeforeUpdate":true},"pids":{"limit":50},"cpu":{"shares":300}}'
  assert_status 1
  assert_match 'rejecting memory limit 10002432 <= usage [0-9]+'
  assert_same max 200003584 "$(value memory.max)"
  assert_same high max "$(value memory.high)"
  assert_same pids 70 "$(value pids.max)"
  assert_same kills 0 "$(oom_kills)"
  status_is "$CID" running
  update_json '{"memory":{"limit":100003840,"swap":100003840,"checkBeforeUpdate":true}}'
  assert_status 0
  assert_same max 100003840 "$(value memory.max)"
  # Stored, so that it holds for the next one too.
  run cof update --memory 10002432 --memory-swap 10002432 "$CID"
  assert_status 1
  assert_has 'rejecting memory limit'
}

@test "v2: what can be reclaimed is reclaimed before the limit, nobody is killed" {
  ON_DISK=$(mktemp -d /var/tmp/coffer-update.XXXXXX)
  [ "$(stat -fc %T "$ON_DISK")" != tmpfs ] || skip '/var/tmp is in memory'
  set_args sh -c 'dd if=/dev/zero of=/mnt/file bs=1M count=60 conv=fsync 2>/dev/null; echo >/tmp/ready; sleep 100'
  bundle_edit '.root.readonly = false'
  add_mount /mnt bind "$ON_DISK" bind rw
  start_bundle
  ready
  [ "$(value memory.current)" -gt 30000000 ]
  update_json '{"memory":{"limit":16777216,"checkBeforeUpdate":true}}'
  assert_status 0
  assert_same max 16777216 "$(value memory.max)"
  [ "$(value memory.current)" -le 16777216 ]
  assert_same kills 0 "$(oom_kills)"
  status_is "$CID" running
}

@test "v2: paused and created containers; pause, resume, kill and delete --force of a paused one" {
  det create --bundle "$BUNDLE" "$CID"
  cof pause "$CID"
  status_is "$CID" paused
  run cof update --memory 80m --pids-limit 20 "$CID"
  assert_status 0
  assert_same max 83886080 "$(value memory.max)"
  cof resume "$CID"
  status_is "$CID" created
  cof start "$CID"
  cof pause "$CID"
  run cof pause "$CID"
  assert_has 'container not running'
  cof kill --all "$CID" TERM
  status_is "$CID" paused
  cof kill "$CID" KILL
  wait_for 20 status_is "$CID" stopped
  run cof update --pids-limit 9 "$CID"
  assert_status 1
  assert_has 'container not running'
  run cof kill --all "$CID" KILL
  assert_status 0
  cof delete "$CID"
  start_bundle
  cof pause "$CID"
  cof delete --force "$CID"
}

@test "v2: kill --all reaches every process, in cgroups below its own too" {
  drop_namespace pid
  set_args sh -c 'for i in 1 2 3; do sh -c "trap \"echo x >>/tmp/got\" USR1; echo x >>/tmp/ready; while :; do sleep 0.1; done" & done
    trap "echo x >>/tmp/got" USR1; echo x >>/tmp/ready; while :; do sleep 0.1; done'
  bundle_edit '.root.readonly = false'
  start_bundle
  all_ready() { [ "$(wc -l <"$BUNDLE/rootfs/tmp/ready")" = 4 ]; }
  wait_for 30 all_ready
  mkdir "/sys/fs/cgroup/update-$CID/below"
  echo "$PID" >"/sys/fs/cgroup/update-$CID/below/cgroup.procs"
  cof kill --all "$CID" USR1
  got() { [ "$(wc -l <"$BUNDLE/rootfs/tmp/got")" = 4 ]; }
  wait_for 30 got
  cof kill --all "$CID" KILL
  wait_for 30 status_is "$CID" stopped
}

@test "systemd: files and properties of the unit, kept by daemon-reload; pause and kill" {
  [ -d /run/systemd/system ] || skip 'no systemd'
  bundle_edit '.linux.cgroupsPath = $p' --arg p "system.slice:update:$CID"
  cof --systemd-cgroup run --detach --bundle "$BUNDLE" "$CID" </dev/null
  local unit=update-$CID.scope dir
  dir=/sys/fs/cgroup/system.slice/$unit
  cof update --memory 64m --memory-swap 128m --pids-limit 33 --cpu-quota 20000 "$CID"
  for _ in before after; do
    assert_same memory 67108864 "$(cat "$dir/memory.max")"
    assert_same swap 67108864 "$(cat "$dir/memory.swap.max")"
    assert_same pids 33 "$(cat "$dir/pids.max")"
    assert_same cpu '20000 100000' "$(cat "$dir/cpu.max")"
    systemctl daemon-reload
  done
  assert_same property MemoryMax=67108864 "$(systemctl show "$unit" -p MemoryMax)"
  assert_same property TasksMax=33 "$(systemctl show "$unit" -p TasksMax)"
  cof pause "$CID"
  status_is "$CID" paused
  cof kill --all "$CID" KILL
  wait_for 20 status_is "$CID" stopped
}

@test "v2: update, pause, resume, kill and delete --force at once, ${ROUNDS:-5} rounds" {
  for ((i = 0; i < ${ROUNDS:-5}; i++)); do
    start_bundle >/dev/null 2>&1
    pids=()
    for command in 'update --pids-limit 50 --memory 64m' pause resume 'kill --all' 'kill' 'delete --force'; do
      # shellcheck disable=SC2086
      cof $command "$CID" >/dev/null 2>&1 </dev/null &
      pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || [ $? -eq 1 ]; done
    cof delete --force "$CID"
    [ ! -e "/sys/fs/cgroup/update-$CID" ]
  done
}
