#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cgroups: where they are, what is in them, limits at work, what is removed and what is left alone.

load helpers
load cgroup-v1

setup() { requires root; setup_bundle; }

teardown() {
  local status=0 pid
  teardown_bundle || status=1
  # What tests made themselves.
  for pid in ${OWN_PIDS:-}; do kill -9 "$pid" 2>/dev/null || true; done
  remove_own_cgroups || status=1
  return "$status"
}

create() { rm -f "$BATS_TEST_TMPDIR/pid"; det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"; PID=$(cat "$BATS_TEST_TMPDIR/pid" 2>/dev/null || true); }

# Everything with the id in its name, in all hierarchies.
cgroups_of_test() { find /sys/fs/cgroup -mindepth 1 -type d -name "*$CID*" 2>/dev/null; }

# A shell command in a mount namespace whose /sys/fs/cgroup is the v2 tree. Where that is the host's already, it
# stays: a mount without its options would take them from the host as well.
on_v2() { # on_v2 SCRIPT [ARG...]
  unshare --mount --propagation private bash -c '
    if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount -R /sys/fs/cgroup 2>/dev/null
      mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 99
    fi
    cof() { timeout 60 "$COFFER" --root "$ROOT" "$@"; }
    eval "$1"' bash "$@"
}

without_controllers() { # no limits that need one: the v2 tree of a hybrid host has none
  bundle_edit 'del(.linux.resources.pids)'
}

export_test() { export ROOT BUNDLE CID BATS_TEST_TMPDIR; }

# ---- where ----

@test "no path: coffer-ID below the runtime's own cgroup, in every hierarchy; removed at delete" {
  requires cgroup-v1
  set_args sleep 100
  create
  for controller in pids memory devices freezer cpu; do
    [ -d "$TREE/$controller" ] || continue
    assert_same "path in $controller" "$(dir_of self $controller | sed 's|/$||')/coffer-$CID" "$(dir_of "$PID" $controller)"
    [ "$(cat "$(dir_of "$PID" $controller)/cgroup.procs")" = "$PID" ]
  done
  cof delete "$CID"
  assert_same left '' "$(cgroups_of_test)"
}

@test "an absolute path, a relative path, a nested path" {
  requires cgroup-v1
  set_args sleep 100
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/abs-$CID"
  create
  assert_same absolute "/abs-$CID" "$(awk -F: '$2 == "pids" { print $3 }' "/proc/$PID/cgroup")"
  cof delete --force "$CID"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "rel-$CID"
  create
  assert_same relative "$(dir_of self memory | sed 's|/$||')/rel-$CID" "$(dir_of "$PID" memory)"
  cof delete --force "$CID"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/middle/leaf"
  create
  assert_same nested "/top-$CID/middle/leaf" "$(awk -F: '$2 == "pids" { print $3 }' "/proc/$PID/cgroup")"
  cof delete --force "$CID"
  assert_same left '' "$(cgroups_of_test)"
}

@test "parents that were made with the cgroup go with it, others and used ones stay" {
  requires cgroup-v1
  set_args sleep 100
  mkdir "$TREE/pids/top-$CID"
  OWN_CGROUPS="$TREE/pids/top-$CID"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/a/b/first"
  det create --bundle "$BUNDLE" "$CID-1"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/a/second"
  det create --bundle "$BUNDLE" "$CID-2"
  cof delete --force "$CID-1"
  assert_same 'b is empty' '' "$(find /sys/fs/cgroup -type d -path "*top-$CID/a/b")"
  [ -d "$TREE/pids/top-$CID/a/second" ] && [ -d "$TREE/memory/top-$CID/a/second" ]
  cof delete --force "$CID-2"
  # The second one did not make these, and the first one could not remove them.
  rmdir_tree "$TREE/pids/top-$CID/a"
  assert_same 'not made by anybody here' "$TREE/pids/top-$CID" "$(find /sys/fs/cgroup/pids -name "*top-$CID")"
  rmdir_tree "$TREE/pids/top-$CID"
  for dir in "$TREE"/*/"top-$CID"; do rmdir_tree "$dir"; done
}

@test "containers that come and go below the same parent do not disturb each other" {
  requires cgroup-v1
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/top-$CID/one"
  cp -r "$BUNDLE" "$BUNDLE-2"
  jq --arg p "/top-$CID/two" '.linux.cgroupsPath = $p' "$BUNDLE/config.json" >"$BUNDLE-2/config.json"
  pids=()
  for n in 1 2; do
    suffix=$([ $n = 1 ] || echo -2)
    (for i in $(seq 15); do cof run --bundle "$BUNDLE$suffix" "$CID-$n" </dev/null || echo "$n: $i"; done) >"$BATS_TEST_TMPDIR/out$n" 2>&1 3>&- &
    pids+=($!)
  done
  wait "${pids[@]}" # not simply wait: bats has a process of its own that counts seconds
  assert_same failures '' "$(cat "$BATS_TEST_TMPDIR"/out?)"
  for dir in "$TREE"/*/"top-$CID"; do rmdir_tree "$dir"; done
}

@test "dots and doubled slashes in the path" {
  set_args sleep 100
  bundle_edit '.linux.cgroupsPath = $p' --arg p "//./odd-$CID//"
  create
  assert_status 0
  grep -q ":/odd-$CID$" "/proc/$PID/cgroup"
}

@test "paths that are refused leave nothing" {
  for path in / // /. "/a-$CID/../b" .. "../x-$CID" "$(printf 'a\nb')"; do
    bundle_edit '.linux.cgroupsPath = $p' --arg p "$path"
    create
    assert_status 1
    assert_has linux.cgroupsPath
    assert_same left '' "$(cgroups_of_test)"
  done
}

@test "the same path gives the same place: a second container is refused, the first goes on" {
  set_args sleep 100
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/shared-$CID"
  start_bundle
  det create --bundle "$BUNDLE" "b-$CID"
  assert_status 1
  assert_has "container's cgroup is not empty: 1 process(es) found"
  status_is "$CID" running
  kill -0 "$PID"
  run cof state "b-$CID"
  assert_status 1
}

@test "--cgroup-manager disabled: the runtime's own cgroup, limits are ignored, nothing is made" {
  set_args sleep 100
  bundle_edit '.linux.resources.memory = {limit: 50000000}'
  cof --cgroup-manager disabled create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  PID=$(cat "$BATS_TEST_TMPDIR/pid")
  assert_same cgroups "$(cat /proc/self/cgroup)" "$(cat "/proc/$PID/cgroup")"
  assert_same made '' "$(cgroups_of_test)"
  # Later commands know without being told.
  cof start "$CID"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  cof delete "$CID"
}

@test "--cgroup-manager: other names, systemd where there is none, the last one wins" {
  run cof --cgroup-manager nonsense create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'unknown cgroup manager specified'
  if [ ! -d /run/systemd/system ]; then
    det --systemd-cgroup create --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has systemd
  fi
  run cof --systemd-cgroup --cgroup-manager=cgroupfs run --bundle "$BUNDLE" "$CID"
  assert_status 0
}

# ---- limits at work ----

@test "a program that takes more memory than its limit is killed, its neighbour is not" {
  requires cgroup-memory
  bundle_edit '.linux.resources.memory = {limit: 33554432}'
  set_args testinit memhog 8
  run_bundle
  assert_status 0
  assert_line memhog=8
  set_args testinit memhog 200
  run_bundle
  assert_status 137
  assert_lacks memhog=200
}

@test "a memory limit too small for the start says so" {
  requires cgroup-memory
  bundle_edit '.linux.resources.memory = {limit: 8192}'
  create
  assert_status 1
  assert_has 'OOM-killed (memory limit too low?)'
  assert_same left '' "$(cgroups_of_test)"
}

@test "a fork bomb stops at the limit" {
  requires cgroup-pids
  bundle_edit '.linux.resources.pids = {limit: 20}'
  set_args testinit forkbomb 500
  run_bundle
  assert_status 0
  assert_line 'forkbomb=19 last=EAGAIN'
  bundle_edit '.linux.resources.pids = {limit: -1}'
  set_args testinit forkbomb 100
  run_bundle
  assert_line 'forkbomb=100 last=OK'
}

@test "the values are in the files (v1)" {
  requires cgroup-v1 cgroup-memory cgroup-cpu
  bundle_edit '.linux.resources += {pids: {limit: 77}, memory: {limit: 104857600, reservation: 52428800},
    cpu: {shares: 512, quota: 25000, period: 50000}}'
  set_args sleep 100
  start_bundle
  while read -r controller file value; do
    assert_same "$file" "$value" "$(cat "$(dir_of "$PID" "$controller")/$file")"
  done <<END
pids pids.max 77
memory memory.limit_in_bytes 104857600
memory memory.soft_limit_in_bytes 52428800
cpu cpu.shares 512
cpu cpu.cfs_quota_us 25000
cpu cpu.cfs_period_us 50000
END
}

@test "zero and absent values leave the files alone (v1)" {
  requires cgroup-v1 cgroup-memory cgroup-cpu
  bundle_edit '.linux.resources += {memory: {limit: 0, disableOOMKiller: false, swappiness: 60}, cpu: {shares: 0, quota: -1}}'
  set_args sleep 100
  start_bundle
  assert_same cpu.shares 1024 "$(cat "$(dir_of "$PID" cpu)/cpu.shares")"
  assert_same cpu.cfs_quota_us -1 "$(cat "$(dir_of "$PID" cpu)/cpu.cfs_quota_us")"
  [ "$(cat "$(dir_of "$PID" memory)/memory.limit_in_bytes")" -gt 1000000000000 ]
}

@test "cpusets (v1)" {
  requires cgroup-v1
  [ -d "$TREE/cpuset" ] || skip 'no cpuset hierarchy'
  bundle_edit '.linux.resources.cpu = {cpus: "0", mems: "0"} | .linux.cgroupsPath = $p' --arg p "/set-$CID"
  set_args testinit sched
  run_bundle
  assert_status 0
  assert_line 'affinity 0'
  bundle_edit '.linux.resources.cpu = {cpus: "4095"}'
  run_bundle
  assert_status 1
  assert_has linux.resources.cpu.cpus
}

@test "limits hold for the process from its first instruction, also with a user namespace" {
  requires cgroup-pids
  setup_userns_bundle
  bundle_edit '.linux.resources.pids = {limit: 5}'
  set_args testinit forkbomb 50
  run_bundle
  assert_line 'forkbomb=4 last=EAGAIN'
}

@test "a value that the kernel refuses is an error that names the field, and leaves nothing" {
  requires cgroup-cpu
  bundle_edit '.linux.resources.cpu = {quota: 1, period: 100000}'
  create
  assert_status 1
  assert_has linux.resources.cpu.quota
  assert_same left '' "$(cgroups_of_test)"
}

# ---- what belongs to whom ----

@test "an empty cgroup that was there before is used and kept" {
  local dir
  OWN_CGROUPS=
  for dir in "$TREE"/*/; do
    mkdir "$dir/mine-$CID" 2>/dev/null || continue
    OWN_CGROUPS="$OWN_CGROUPS $dir/mine-$CID"
  done
  RESIDUE_BEFORE=$(picture)
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/mine-$CID"
  set_args sleep 100
  create
  assert_status 0
  grep -q ":/mine-$CID$" "/proc/$PID/cgroup"
  cof delete --force "$CID"
  for dir in $OWN_CGROUPS; do
    [ -d "$dir" ] || { echo "$dir was removed" >&2; return 1; }
  done
}

@test "a cgroup with somebody else's process is refused; the process lives, the cgroup stays" {
  local dir=$TREE/pids/mine-$CID
  [ -d "$TREE/pids" ] || dir=$TREE/mine-$CID
  mkdir "$dir"
  OWN_CGROUPS=$dir
  sleep 600 3>&- &
  OWN_PIDS=$!
  echo "$OWN_PIDS" >"$dir/cgroup.procs"
  RESIDUE_BEFORE=$(picture)
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/mine-$CID"
  create
  assert_status 1
  assert_has "container's cgroup is not empty: 1 process(es) found"
  run cof delete --force "$CID"
  kill -0 "$OWN_PIDS"
  [ -d "$dir" ]
  grep -qx "$OWN_PIDS" "$dir/cgroup.procs"
}

@test "a process that came into our cgroup from elsewhere dies with the container; one that left lives" {
  requires cgroup-v1
  set_args sleep 100
  start_bundle
  sleep 600 3>&- &
  joined=$!
  OWN_PIDS=$joined
  for controller in pids freezer memory; do
    echo "$joined" >"$(dir_of "$PID" $controller)/cgroup.procs"
  done
  cof delete --force "$CID"
  wait_for 5 not_alive "$joined"
}
not_alive() { [ ! -e "/proc/$1/exe" ] || ! readlink "/proc/$1/exe" >/dev/null; }

@test "leftovers: children in a shared pid namespace are killed by kill KILL, kill --all and delete" {
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  set_args testinit children 5
  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  assert_same processes 6 "$(our_processes | wc -l)"
  # SIGTERM to init only: its children ignore it.
  cof kill "$CID" TERM
  wait_for 5 status_is "$CID" stopped
  [ "$(our_processes | wc -l)" -eq 5 ]
  run cof kill --all "$CID" KILL
  assert_status 0
  wait_for 5 no_processes
  run cof kill --all "$CID" 9
  assert_status 0
  cof delete "$CID"

  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  cof kill "$CID" KILL
  wait_for 5 no_processes
  cof delete "$CID"

  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  cof kill "$CID" TERM
  wait_for 5 status_is "$CID" stopped
  cof delete "$CID"
  wait_for 5 no_processes
}
no_processes() { [ -z "$(our_processes)" ]; }

@test "a frozen container is killed and deleted" {
  requires cgroup-v1
  set_args sleep 100
  start_bundle
  echo FROZEN >"$(dir_of "$PID" freezer)/freezer.state"
  wait_for 5 grep -q FROZEN "$(dir_of "$PID" freezer)/freezer.state"
  status_is "$CID" paused
  cof delete --force "$CID"
  start_bundle
  echo FROZEN >"$(dir_of "$PID" freezer)/freezer.state"
  wait_for 5 grep -q FROZEN "$(dir_of "$PID" freezer)/freezer.state"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  cof delete "$CID"
  assert_same left '' "$(cgroups_of_test)"
}

@test "a cgroup that was removed meanwhile does not keep delete from working" {
  requires cgroup-v1
  set_args sleep 100
  create
  kill -9 "$PID"
  wait_for 5 status_is "$CID" stopped
  wait_for 5 rmdir "$(dir_of self pids | sed 's|/$||')/coffer-$CID"
  cof delete "$CID"
  assert_same left '' "$(cgroups_of_test)"
}

@test "cgroups that the container's engine made below ours are removed too" {
  requires cgroup-v1
  set_args sleep 100
  start_bundle
  mkdir -p "$(dir_of "$PID" pids)/sub/deep" "$(dir_of "$PID" memory)/other"
  cof delete --force "$CID"
  assert_same left '' "$(cgroups_of_test)"
}

@test "a failed create leaves no cgroup" {
  set_args /no/such/program
  create
  assert_status 1
  assert_same left '' "$(cgroups_of_test)"
  bundle_edit '.hooks = {createRuntime: [{path: "/bin/false"}]}'
  set_args sleep 1
  create
  assert_status 1
  assert_same left '' "$(cgroups_of_test)"
}

# ---- version 2 ----

@test "v2: default path, attributes of the processes, removed at delete" {
  export_test
  without_controllers
  set_args sleep 100
  run on_v2 '
    set -e
    cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" >/dev/null </dev/null
    read -r pid <"$BATS_TEST_TMPDIR/pid" || [ -n "$pid" ]
    path=$(sed -n "s/^0:://p" "/proc/$pid/cgroup")
    echo "path=$path"
    [ "$(cat "/sys/fs/cgroup$path/cgroup.procs")" = "$pid" ]
    cof start "$CID"
    cof kill "$CID" KILL
    cof delete --force "$CID"
    [ ! -e "/sys/fs/cgroup$path" ] && echo gone'
  assert_status 0
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  parent=${own%/*}
  assert_line "path=$parent/coffer-$CID"
  assert_line gone
}

@test "v2: absolute, relative and nested paths" {
  export_test
  without_controllers
  set_args sleep 100
  local own place
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  for path in "/abs-$CID" "rel-$CID" "/top-$CID/leaf"; do
    # Relative: beside the runtime's own cgroup, which has processes.
    place=$path
    [ "${path#/}" != "$path" ] || place=${own%/*}/$path
    bundle_edit '.linux.cgroupsPath = $p' --arg p "$path"
    run on_v2 '
      set -e
      cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" >/dev/null </dev/null
      sed -n "s/^0:://p" "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup"
      cof delete --force "$CID"
      find /sys/fs/cgroup -name "*$CID*"'
    assert_status 0
    assert_same "place of $path" "$place" "$output"
  done
}

@test "v2: the container's own cgroup is all that it sees, with and without a cgroup namespace" {
  export_test
  without_controllers
  set_args testinit cgroup + mountinfo + ls /sys/fs/cgroup
  run on_v2 'cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_match ' /sys/fs/cgroup ro,nosuid,nodev,noexec.* - cgroup2 '
  assert_line '"cgroup.procs"'
  assert_lacks "\"coffer-$CID\""
  set_namespace cgroup
  run on_v2 'cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_line '0::/'
  assert_line '"cgroup.procs"'
  assert_lacks "\"coffer-$CID\""
}

@test "v2: kill --all and delete end leftovers of a shared pid namespace" {
  export_test
  without_controllers
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc" and .type != "cgroup")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  set_args testinit children 5
  run on_v2 '
    count() { cat "/sys/fs/cgroup$path/cgroup.procs" 2>/dev/null | wc -l; }
    waitcount() { for _ in $(seq 100); do [ "$(count)" = "$1" ] && return 0; sleep 0.05; done; echo "count $(count), not $1"; return 1; }
    go() {
      cof run -d --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" >/dev/null 2>&1 </dev/null
      path=$(sed -n "s/^0:://p" "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
      waitcount 6
    }
    set -e
    go; cof kill "$CID" TERM; waitcount 5; cof kill --all "$CID" KILL; waitcount 0; cof delete "$CID"; [ ! -e "/sys/fs/cgroup$path" ]
    go; cof kill "$CID" KILL; waitcount 0; cof delete "$CID"; [ ! -e "/sys/fs/cgroup$path" ]
    go; mkdir -p "/sys/fs/cgroup$path/sub/deep"; cof delete --force "$CID"; [ ! -e "/sys/fs/cgroup$path" ]
    echo fine'
  assert_status 0
  assert_line fine
}

@test "v2: a used cgroup is refused, an empty one is taken and kept" {
  export_test
  without_controllers
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/mine-$CID"
  set_args sleep 100
  run on_v2 '
    dir=/sys/fs/cgroup/mine-$CID
    mkdir "$dir" || exit 1
    sleep 600 & other=$!
    echo "$other" >"$dir/cgroup.procs"
    cof create --bundle "$BUNDLE" "$CID" 2>&1 && echo accepted
    cof delete --force "$CID"
    kill -0 "$other" && echo alive
    kill -9 "$other"; wait "$other" 2>/dev/null
    cof create --bundle "$BUNDLE" "$CID" >/dev/null 2>"$BATS_TEST_TMPDIR/err" </dev/null || { cat "$BATS_TEST_TMPDIR/err"; }
    cof delete --force "$CID"
    [ -d "$dir" ] && echo kept
    rmdir "$dir"'
  assert_has "container's cgroup is not empty: 1 process(es) found"
  assert_lacks accepted
  assert_line alive
  assert_line kept
}

@test "v2: a frozen container is paused, killed and deleted" {
  export_test
  without_controllers
  set_args sleep 100
  run on_v2 '
    set -e
    cof run -d --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" >/dev/null 2>&1 </dev/null
    path=$(sed -n "s/^0:://p" "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
    echo 1 >"/sys/fs/cgroup$path/cgroup.freeze"
    for _ in $(seq 100); do grep -q "frozen 1" "/sys/fs/cgroup$path/cgroup.events" && break; sleep 0.05; done
    cof state "$CID" | jq -r .status
    cof delete --force "$CID"
    [ ! -e "/sys/fs/cgroup$path" ] && echo gone'
  assert_status 0
  assert_line paused
  assert_line gone
}

@test "v2: a limit whose controller is not there is an error that names it" {
  grep -qw memory /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null && skip 'the memory controller is there'
  export_test
  without_controllers
  bundle_edit '.linux.resources.memory = {limit: 50000000}'
  run on_v2 'grep -qw memory /sys/fs/cgroup/cgroup.controllers && exit 77; cof run --bundle "$BUNDLE" "$CID"'
  [ "$status" -ne 77 ] || skip 'the memory controller is there'
  assert_status 1
  assert_has memory
  assert_has linux.resources
}

@test "no cgroup file system at all: a container without limits runs, one with limits is refused" {
  export_test
  without_controllers
  bundle_edit '.mounts |= map(select(.type != "cgroup"))'
  set_args testinit cgroup
  run unshare --mount --propagation private bash -c 'umount -R /sys/fs/cgroup; "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  bundle_edit '.linux.resources.pids = {limit: 10}'
  run unshare --mount --propagation private bash -c 'umount -R /sys/fs/cgroup; "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"'
  assert_status 1
  assert_has linux.resources
}
