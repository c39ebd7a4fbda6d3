#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# The runtime is killed while it changes a container that runs, or what lies outside of one: mounts, limits, network
# interfaces, the work directory of an overlay. What is said here about the state in between is what docs/state.md says.

load crash

setup() { setup_crash; }
teardown() {
  umount "$BATS_TEST_TMPDIR/o/merged" 2>/dev/null || true
  teardown_crash
}

# ---- mounts ----

up() { # up: a container that runs, and a directory for it
  bundle_edit '.root.readonly = false'
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  PID=$(cof state "$CID" | jq .pid)
  D=$BATS_TEST_TMPDIR/data
  mkdir -p "$D"
  echo text >"$D/file"
  printf '[{"destination": "/data", "type": "bind", "source": "%s", "options": ["bind"]}]\n' "$D" >"$BATS_TEST_TMPDIR/add.json"
  echo '[{"destination": "/data"}]' >"$BATS_TEST_TMPDIR/remove.json"
}

mounted() { grep -c ' /data ' "/proc/$PID/mountinfo"; }
is_mounted() { [ "$(mounted)" = "$1" ]; }
noted() { jq -r '.mounts | length' "$ROOT/$CID/mounts.json" 2>/dev/null || echo 0; }
alone() { [ "$(our_processes | grep -c .)" -eq 1 ]; }

each_mounts_point() {
  up
  for point in mounts-attached mounts-noted; do
    kill_at "$point" mounts add "$CID" "$BATS_TEST_TMPDIR/add.json"
    # The container's side takes them back, because nobody says that they may stay. The mount point is still there.
    wait_for 5 alone
    assert_same "$point: mounts" 0 "$(mounted)"
    assert_same "$point: noted" "$([ "$point" = mounts-noted ] && echo 1 || echo 0)" "$(noted)"
    [ -d "$BUNDLE/rootfs/data" ]
    # What is noted and not there is forgotten by the next remove; what is not noted is not known.
    run cof mounts remove "$CID" "$BATS_TEST_TMPDIR/remove.json"
    assert_same "$point: remove" "$([ "$point" = mounts-noted ] && echo 0 || echo 1)" "$status"
    assert_same "$point: noted afterwards" 0 "$(noted)"
    # And nothing is in the way of the next one.
    run cof mounts add "$CID" "$BATS_TEST_TMPDIR/add.json"
    assert_status 0
    assert_same "$point: again" '1 1' "$(mounted) $(noted)"
    run cof exec "$CID" cat /data/file
    assert_same "$point: seen" text "$output"
    run cof mounts remove "$CID" "$BATS_TEST_TMPDIR/remove.json"
    assert_status 0
    assert_same "$point: gone" '0 0' "$(mounted) $(noted)"
  done
  # Gone and noted: remove again succeeds, and add stays possible.
  cof mounts add "$CID" "$BATS_TEST_TMPDIR/add.json"
  kill_at mounts-removed mounts remove "$CID" "$BATS_TEST_TMPDIR/remove.json"
  assert_same 'removed' '0 1' "$(mounted) $(noted)"
  run cof mounts remove "$CID" "$BATS_TEST_TMPDIR/remove.json"
  assert_status 0
  assert_same 'forgotten' 0 "$(noted)"
  kill_at mounts-noted mounts add "$CID" "$BATS_TEST_TMPDIR/add.json"
  repair
}

@test "killed in mounts add and remove" {
  each_mounts_point
}

@test "killed in mounts add and remove, with a user namespace" {
  requires userns
  setup_userns_bundle userns
  set_args sleep 100
  each_mounts_point
}

@test "mounts add killed together with its process in the container: a mount that nobody knows" {
  up
  COFFER_TEST_STOP_AT=mounts-attached setsid "$COFFER" --root "$ROOT" --id-ledger "$IDS" mounts add "$CID" "$BATS_TEST_TMPDIR/add.json" \
    >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
  VICTIM=$!
  wait_for 10 stopped_process "$VICTIM"
  child=$(pgrep -P "$VICTIM")
  kill -9 "$child" "$VICTIM"
  wait "$VICTIM" 2>/dev/null || true
  wait_for 5 alone
  assert_same 'there, not noted' '1 0' "$(mounted) $(noted)"
  # Only what was noted is ever unmounted by us: the container may.
  run cof mounts remove "$CID" "$BATS_TEST_TMPDIR/remove.json"
  assert_status 1
  assert_has 'was not mounted by `mounts add`'
  # The next one is above it, and goes without it.
  cof mounts add "$CID" "$BATS_TEST_TMPDIR/add.json"
  cof mounts remove "$CID" "$BATS_TEST_TMPDIR/remove.json"
  assert_same 'there still' '1 0' "$(mounted) $(noted)"
  nsenter -t "$PID" -m umount /data
  assert_same 'unmounted' 0 "$(mounted)"
  repair
}

# ---- update ----

value() { # value FILE: of the container's cgroup
  local controller=${1%%.*} path
  path=$(awk -F: -v c="$controller" '{ n = split($2, a, ","); for (i = 1; i <= n; i++) if (a[i] == c) print $3 }' "/proc/$PID/cgroup")
  cat "/sys/fs/cgroup/$controller$path/$1"
}

@test "killed in update: the limits hold, the next update goes on from what was stored, and is exact" {
  requires cgroup-v1 cgroup-memory cgroup-pids
  bundle_edit '.linux.resources.memory = {limit: 67108864, swap: 67108864} | .linux.resources.pids = {limit: 40}'
  up
  kill_at update-applied update --memory 536870912 --memory-swap 536870912 --pids-limit 50 "$CID"
  assert_same 'in effect' '536870912 536870912 50' "$(value memory.limit_in_bytes) $(value memory.memsw.limit_in_bytes) $(value pids.max)"
  [ ! -e "$ROOT/$CID/resources.json" ]
  # The old one again: it is written, although it is what is stored.
  cof update --pids-limit 40 "$CID"
  assert_same 'put back' 40 "$(value pids.max)"
  # Smaller than what the killed one left, larger than what is stored: the kernel's order, not that of the record.
  run cof update --memory 134217728 --memory-swap 134217728 "$CID"
  assert_status 0
  assert_same 'smaller' '134217728 134217728' "$(value memory.limit_in_bytes) $(value memory.memsw.limit_in_bytes)"
  assert_same 'stored' '134217728 134217728 40' "$(jq -r '"\(.memory.limit) \(.memory.swap) \(.pids.limit)"' "$ROOT/$CID/resources.json")"
  # Killed with a file that was there: it is whole, and the old one.
  kill_at update-applied update --memory 268435456 --memory-swap 268435456 "$CID"
  assert_same 'stored still' 134217728 "$(jq -r .memory.limit "$ROOT/$CID/resources.json")"
  run cof update --memory 134217728 --memory-swap 134217728 "$CID"
  assert_status 0
  assert_same 'as stored' '134217728 134217728' "$(value memory.limit_in_bytes) $(value memory.memsw.limit_in_bytes)"
  kill_at update-applied update --pids-limit 60 "$CID"
  repair
}

# ---- overlay ----

@test "killed between the work directory of an overlay and the record of it: delete removes it, the next container too" {
  requires userns
  local o=$BATS_TEST_TMPDIR/o point
  mkdir -p "$o"/{base,upper,wd,merged}
  mv "$BUNDLE/rootfs"/* "$o/base/"
  rmdir "$BUNDLE/rootfs"
  ln -s ../o/merged "$BUNDLE/rootfs"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  mount -t overlay overlay -o "lowerdir=$o/base,upperdir=$o/upper,workdir=$o/wd" "$o/merged"
  for point in create-spawned create-noted; do
    kill_at "$point" create --bundle "$BUNDLE" --userns auto "$CID"
    [ -L "$o/wd/coffer/owner" ]
    if [ "$point" = create-spawned ]; then not grep -q overlayWork "$ROOT/$CID/state.json"; fi
    det delete --force "$CID" # not repair(): that wants no mount of the test
    assert_same "$point: delete" '0 ' "$status $output"
    [ ! -e "$o/wd/coffer" ]
    [ ! -e "$ROOT/$CID" ]
  done
  # Not deleted: its directory says that it may come back; without it the next one takes over.
  kill_at create-spawned create --bundle "$BUNDLE" --userns auto "$CID"
  set_args true
  det run --bundle "$BUNDLE" --userns auto "$CID-2"
  assert_status 1
  assert_has 'writes to the same overlay'
  rm -r "${ROOT:?}/$CID"
  det run --bundle "$BUNDLE" --userns auto "$CID-2"
  assert_status 0
  [ ! -e "$o/wd/coffer" ]
  # What only that directory knew of.
  find /sys/fs/cgroup -depth -type d -name "*$CID*" -exec rmdir {} +
}

# ---- network interfaces ----

netns() { # netns VAR: a process with a network namespace of its own
  unshare --net sleep 600 3>&- >/dev/null 2>&1 &
  background $!
  printf -v "$1" %s $!
  wait_for 5 eval "[ \"\$(readlink /proc/$!/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
}
there() { nsenter --target "$HOLDER" --net "$@"; }
other() { nsenter --target "$OTHER" --net "$@"; }
addresses() { "$@" ip -json addr show dev "$WHAT" | jq -r '.[].addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"' | sort | xargs; }

interfaces() { # interfaces: here0 and here1 in the namespace that create is called from
  command -v ip >/dev/null || skip 'no program ip (iproute2)'
  netns HOLDER
  there ip link add here0 type veth peer name here1 2>/dev/null || skip 'the kernel has no veth interfaces'
  there sh -c 'ip addr add 10.9.8.7/24 dev here0; ip addr add fd00:9::7/64 nodad dev here0; ip link set here0 up; ip link set here1 up'
  bundle_edit 'del(.linux.sysctl) | .linux.netDevices = {here0: {name: "eth0"}, here1: {}}'
}

kill_there_at() { # kill_there_at POINT
  COFFER_TEST_STOP_AT=$1 nsenter --target "$HOLDER" --net "$COFFER" --root "$ROOT" --id-ledger "$IDS" create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
  VICTIM=$! # nsenter becomes coffer
  wait_for 10 stopped_process "$VICTIM" || { cat "$BATS_TEST_TMPDIR/killed.out" >&2; return 1; }
  kill -9 "$VICTIM"
  wait "$VICTIM" 2>/dev/null || true
}

joins_other() { bundle_edit '(.linux.namespaces[] | select(.type == "network")).path = $p' --arg p "/proc/$OTHER/ns/net"; }

@test "killed with interfaces in a joined network namespace: delete gives them back as they were" {
  local point before
  interfaces
  netns OTHER
  joins_other
  WHAT=here0
  before=$(addresses there)
  assert_same before '10.9.8.7/24 fd00:9::7/64' "$before"
  for point in create-netdevs create-ready; do
    kill_there_at "$point"
    wait_for 5 no_processes
    other ip link show eth0 >/dev/null
    not there ip link show here0 2>/dev/null
    run there timeout 20 "$COFFER" --root "$ROOT" --id-ledger "$IDS" delete --force "$CID"
    assert_same "$point: delete" '0 ' "$status $output"
    assert_same "$point: addresses" "$before" "$(addresses there)"
    assert_same "$point: names" 'here0 here1 lo' "$(there ip -json link show | jq -r '[.[].ifname] | sort | join(" ")')"
    assert_same "$point: up" true "$(there ip -json link show here0 | jq '.[].flags | index("UP") != null')"
    clean
  done
}
no_processes() { [ -z "$(our_processes)" ]; }

@test "interfaces are given back only where they came from, and only of a container that was being created" {
  interfaces
  netns OTHER
  joins_other
  # Created: they belong to the namespace.
  kill_there_at create-recorded
  not grep -q netDevices "$ROOT/$CID/state.json"
  run there timeout 20 "$COFFER" --root "$ROOT" --id-ledger "$IDS" delete --force "$CID"
  assert_same delete '0 ' "$status $output"
  other ip link show eth0 >/dev/null
  other ip link set eth0 down
  other ip link set eth0 name here0
  other ip link set here0 netns "$HOLDER"
  other ip link set here1 netns "$HOLDER"
  # From another network namespace: left where they are.
  kill_there_at create-netdevs
  grep -q netDevices "$ROOT/$CID/state.json"
  cof delete --force "$CID"
  other ip link show eth0 >/dev/null
  not ip link show here0 2>/dev/null
  other ip link show here1 >/dev/null
}

@test "killed before interfaces move: an interface of the container's namespace that has the new name stays there" {
  interfaces
  netns OTHER
  joins_other
  other ip link add eth0 type veth peer name eth1
  kill_there_at create-noted
  there ip link set here0 down
  there ip link set here0 name gone0
  run there timeout 20 "$COFFER" --root "$ROOT" --id-ledger "$IDS" delete --force "$CID"
  assert_same delete '0 ' "$status $output"
  other ip link show eth0 >/dev/null
  not there ip link show here0 2>/dev/null
}

@test "killed with virtual interfaces in a new network namespace: they end with it, and nothing is in the way" {
  interfaces
  kill_there_at create-netdevs
  wait_for 5 no_processes
  wait_for 10 eval 'not there ip link show here0 2>/dev/null'
  not grep -q netDevices "$ROOT/$CID/state.json"
  repair
  there ip link add here0 type veth peer name here1
  kill_there_at create-netdevs
  repair
}
