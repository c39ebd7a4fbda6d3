#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer events and ps on cgroup v2 with all its controllers: numbers, pressure, OOM. The rest is in tests/cli.

load ../cli/helpers

setup() {
  requires root cgroup-v2
  setup_bundle
  bundle_edit '.root.readonly = false'
}

teardown() {
  local controller
  teardown_bundle || return
  for controller in ${ENABLED:-}; do echo "-$controller" >"$TOP/cgroup.subtree_control" 2>/dev/null || true; done
}

TOP=/sys/fs/cgroup

dir_of_container() { echo "$TOP$(awk -F: '$1 == 0 { print $3 }' "/proc/$PID/cgroup")"; }
number() { cat "$(dir_of_container)/$1"; }
key() { awk -v k="$2" '$1 == k { print $2 }' "$(dir_of_container)/$1"; }

# The root gives its children this controller, as it does when a limit asks for it.
enable() {
  grep -qw "$1" "$TOP/cgroup.controllers" || skip "the $1 controller is not available"
  grep -qw "$1" "$TOP/cgroup.subtree_control" && return
  echo "+$1" >"$TOP/cgroup.subtree_control"
  ENABLED="${ENABLED:-} $1"
}

place() { bundle_edit '.linux.cgroupsPath = $p' --arg p "/c-$CID"; }
limit() { bundle_edit '.linux.resources.memory = {limit: ($n * 1048576), swap: ($n * 1048576)}' --argjson n "$1"; }
stats() { cof events --stats "$CID"; }

watch() { # watch OPTIONS...
  "$COFFER" --root "$ROOT" events "$@" "$CID" >"$BATS_TEST_TMPDIR/events" 2>"$BATS_TEST_TMPDIR/events.err" &
  EVENTS_PID=$!
  background "$EVENTS_PID"
}

count_of() { grep -c "^{\"type\":\"$1\",\"id\":\"$CID\"" "$BATS_TEST_TMPDIR/events" || true; }
has_events() { [ "$(count_of "$1")" -ge "$2" ]; }
watches() { readlink "/proc/$EVENTS_PID"/fd/* | grep -q 'memory\.events$' && [ "$(awk '{ print $3 }' "/proc/$EVENTS_PID/stat")" = S ]; }
go() { touch "/proc/$PID/root/tmp/go"; }

@test "the numbers are those of the files" {
  requires cgroup-memory cgroup-pids cgroup-cpu
  place
  limit 64
  bundle_edit '.linux.resources |= . + {pids: {limit: 77}, cpu: {quota: 20000, period: 100000}}'
  set_args sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done; sleep 100 & wait'
  start_bundle
  throttled() { [ "$(key cpu.stat nr_throttled)" -gt 0 ]; }
  wait_for 60 throttled
  wait_for 60 pgrep -P "$PID"
  sleep 1
  local d=$BATS_TEST_TMPDIR/data
  stats | jq .data >"$d"
  assert_same parts '["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]' "$(jq -c keys_unsorted "$d")"
  assert_same limit 67108864 "$(jq .memory.usage.limit "$d")"
  assert_same 'limit with swap' 67108864 "$(jq .memory.swap.limit "$d")"
  jq -e '.memory.usage.usage > 0 and .memory.swap.usage >= .memory.usage.usage and .memory.usage.failcnt == 0' "$d"
  assert_same peak "$(number memory.peak)" "$(jq .memory.usage.max "$d")"
  assert_same 'pids limit' 77 "$(jq .pids.limit "$d")"
  assert_same pids 2 "$(jq .pids.current "$d")"
  assert_same total "$(($(key cpu.stat usage_usec) * 1000))" "$(jq .cpu.usage.total "$d")"
  assert_same user "$(($(key cpu.stat user_usec) * 1000))" "$(jq .cpu.usage.user "$d")"
  assert_same kernel "$(($(key cpu.stat system_usec) * 1000))" "$(jq .cpu.usage.kernel "$d")"
  assert_same throttled "$(key cpu.stat nr_throttled)" "$(jq .cpu.throttling.throttledPeriods "$d")"
  assert_same 'throttled time' "$(($(key cpu.stat throttled_usec) * 1000))" "$(jq .cpu.throttling.throttledTime "$d")"
  assert_same raw "$(awk '{ print $1 }' "$(dir_of_container)/memory.stat" | sort)" "$(jq -r '.memory.raw | keys[]' "$d" | sort)"
  assert_same cache "$(key memory.stat file)" "$(jq '.memory.cache // 0' "$d")"
  assert_same 'only v1' '[false,false,false]' "$(jq -c '[(.cpu.usage | has("percpu")), (.memory | has("kernel")), (.cpuset | has("cpus"))]' "$d")"
}

@test "without limits: max is the largest number, in memory and in the sum with swap" {
  requires cgroup-memory
  place
  set_args sleep 100
  start_bundle
  [ "$(number memory.max)" = max ]
  local line
  line=$(stats)
  [[ $line == *'"memory":{'*'"usage":{"limit":18446744073709551615,"usage":'* ]]
  [[ $line == *'"swap":{"limit":18446744073709551615,"usage":'* ]]
}

@test "pressure of cpu, memory and io" {
  [ -e "$TOP/system.slice/cpu.pressure" ] || skip 'the kernel has no pressure files'
  place
  set_args sh -c 'i=0; while :; do i=$((i + 1)); done'
  bundle_edit '.linux.resources.cpu = {quota: 10000, period: 100000}'
  start_bundle
  felt() { [ "$(sed -n 's/^some.*total=//p' "$(dir_of_container)/cpu.pressure")" -gt 100000 ]; }
  wait_for 60 felt
  local d=$BATS_TEST_TMPDIR/data part
  stats | jq .data >"$d"
  for part in cpu memory blkio; do
    assert_same "keys of $part" '{"full":["avg10","avg300","avg60","total"],"some":["avg10","avg300","avg60","total"]}' "$(jq -c ".$part.psi | {full: (.full | keys), some: (.some | keys)}" "$d")"
  done
  jq -e '.cpu.psi.some.total > 100000 and ([.. | .avg10? // empty] | all(. >= 0 and . <= 100))' "$d"
}

@test "io by device and operation" {
  local disk major minor expected
  disk=$(find /dev -maxdepth 1 -type b -name '[sv]d[a-z]' | sort | head -1)
  [ -n "$disk" ] || skip 'no disk'
  enable io
  place
  set_args sleep 100
  start_bundle
  # Opened first: the container's device rules would forbid it.
  bash -c 'exec 3<"$2" && echo $$ >"$1/cgroup.procs" && exec dd of=/dev/null bs=64k count=16 iflag=direct <&3' bash "$(dir_of_container)" "$disk"
  stats | jq -c .data.blkio >"$BATS_TEST_TMPDIR/blkio"
  major=$((0x$(stat -c %t "$disk"))) minor=$((0x$(stat -c %T "$disk")))
  expected=$(awk -v d="$major:$minor" '$1 == d { sub("rbytes=", "", $2); print $2 }' "$(dir_of_container)/io.stat")
  assert_same bytes "$expected" "$(jq --argjson m "$major" --argjson n "$minor" \
    '.ioServiceBytesRecursive[] | select(.major == $m and (.minor // 0) == $n and .op == "Read") | .value' "$BATS_TEST_TMPDIR/blkio")"
  jq -e '[.ioServicedRecursive[] | select(.op == "Read") | .value] | add >= 16' "$BATS_TEST_TMPDIR/blkio"
  jq -e '[.ioServiceBytesRecursive[] | .op] | unique == ["Read", "Write"]' "$BATS_TEST_TMPDIR/blkio"
}

@test "huge pages: every size of the host" {
  enable hugetlb
  place
  set_args sleep 100
  start_bundle
  assert_same sizes "$(find "$(dir_of_container)" -maxdepth 1 -name 'hugetlb.*.max' -not -name '*rsvd*' -printf '%f\n' | cut -d. -f2 | sort)" \
    "$(stats | jq -r '.data.hugetlb | keys[]' | sort)"
  stats | jq -e '.data.hugetlb | length > 0 and all(.failcnt == 0)'
}

@test "OOM of a child: told at once, and the watch goes on" {
  requires cgroup-memory
  place
  limit 32
  set_args sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done; testinit memhog 200; sleep 0.5; testinit memhog 200; sleep 100'
  start_bundle
  watch --interval 1h
  wait_for 30 watches
  go
  wait_for 60 has_events oom 2
  grep -Fxq "{\"type\":\"oom\",\"id\":\"$CID\"}" "$BATS_TEST_TMPDIR/events"
  assert_same oom "$(key memory.events oom_kill)" "$(count_of oom)"
  assert_same stats 0 "$(count_of stats)"
  kill -0 "$EVENTS_PID"
  cof kill "$CID" KILL
  wait "$EVENTS_PID"
  assert_same 'standard error' '' "$(cat "$BATS_TEST_TMPDIR/events.err")"
}

@test "OOM kills from before the watch are not told" {
  requires cgroup-memory
  place
  limit 32
  set_args sh -c 'testinit memhog 200; touch /tmp/done; sleep 100'
  start_bundle
  wait_for 60 test -e "/proc/$PID/root/tmp/done"
  [ "$(key memory.events oom_kill)" -ge 1 ]
  watch --interval 500ms
  wait_for 60 has_events stats 2
  assert_same oom 0 "$(count_of oom)"
}

@test "OOM of init: told before the end" {
  requires cgroup-memory
  place
  limit 32
  set_args sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done; exec testinit memhog 200'
  start_bundle
  watch --interval 1h
  wait_for 30 watches
  go
  wait "$EVENTS_PID"
  assert_same oom 1 "$(count_of oom)"
}

@test "the end of a container without OOM is none, also when it is deleted at once" {
  requires cgroup-memory
  place
  limit 32
  set_args sleep 100
  start_bundle
  watch --interval 1h
  wait_for 30 watches
  cof delete --force "$CID"
  wait "$EVENTS_PID"
  assert_same output '' "$(cat "$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/events.err")"
}

@test "ps: processes in cgroups below the container's are its own" {
  place
  set_args sh -c 'sleep 101 & wait'
  start_bundle
  wait_for 30 pgrep -P "$PID"
  local child dir
  child=$(pgrep -P "$PID")
  dir=$(dir_of_container)
  mkdir -p "$dir/below/deeper"
  echo "$child" >"$dir/below/deeper/cgroup.procs"
  assert_same pids "$(jq -cn "[$PID, $child] | sort")" "$(cof ps -f json "$CID")"
  cof ps "$CID" | grep -q 'sleep 101'
  assert_same rows 3 "$(cof ps "$CID" | wc -l)"
}

@test "names below the container's cgroup do not matter" {
  requires cgroup-memory
  place
  set_args sleep 100
  start_bundle
  local before
  before=$(stats | jq -c '.data | [paths | map(tostring) | join(".")]')
  mkdir "$(dir_of_container)/hugetlb.9EB.events" "$(dir_of_container)/memory.stat.new"
  assert_same keys "$before" "$(stats | jq -c '.data | [paths | map(tostring) | join(".")]')"
}

@test "--stats is one process and few system calls" {
  command -v strace >/dev/null || skip 'strace is not installed'
  not grep -q __asan_init "$COFFER" || skip 'a sanitizer has system calls of its own'
  place
  set_args sleep 100
  start_bundle
  strace -f -o "$BATS_TEST_TMPDIR/trace" "$COFFER" --root "$ROOT" events --stats "$CID" >/dev/null
  not grep -qE '(clone3?|v?fork|connect)\(' "$BATS_TEST_TMPDIR/trace"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/trace")" -lt 250 ]
}
