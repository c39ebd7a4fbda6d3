#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer events: statistics once and by interval, OOM, the end. What is particular to v2 is in tests/vm.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

MIB=1048576
EVENTS_PID=

# The directory of a v1 CONTROLLER for the container.
dir_of() { awk -F: -v c="$1" '{ n = split($2, k, ","); for (i = 1; i <= n; i++) if (k[i] == c) print "/sys/fs/cgroup/" c $3 }' "/proc/$PID/cgroup"; }

watch() { # watch OPTIONS...: in the background, into the file `events`
  "$COFFER" --root "$ROOT" events "$@" "$CID" >"$BATS_TEST_TMPDIR/events" 2>"$BATS_TEST_TMPDIR/events.err" &
  EVENTS_PID=$!
  background "$EVENTS_PID"
}

count_of() { grep -c "^{\"type\":\"$1\",\"id\":\"$CID\"" "$BATS_TEST_TMPDIR/events" || true; }
has_events() { [ "$(count_of "$1")" -ge "$2" ]; }
# It waits for events: no earlier than that must the container do what is to be seen.
watches() { [ "$(awk '{ print $3 }' "/proc/$EVENTS_PID/stat")" = S ] && [ -e "/proc/$EVENTS_PID/fd/$1" ]; }

# Waits for a file, then takes more memory than there is; init itself only watches.
hog_args() { set_args sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; testinit memhog 200; sleep 100'; }
go() { touch "/proc/$PID/root/tmp/go"; }

limited() { # limited MIB
  requires cgroup-memory
  bundle_edit '.linux.resources.memory = {limit: $n, swap: $n} | .root.readonly = false' --argjson n $(($1 * MIB))
}

# Swap accounting is a matter of the host's.
without_swap() { [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || bundle_edit 'del(.linux.resources.memory.swap)'; }

stats() { cof events --stats "$CID"; }

@test "--stats: one line, then the end" {
  set_args sleep 100
  start_bundle
  stats >"$BATS_TEST_TMPDIR/line"
  assert_same lines 1 "$(wc -l <"$BATS_TEST_TMPDIR/line")"
  grep -q "^{\"type\":\"stats\",\"id\":\"$CID\",\"data\":{" "$BATS_TEST_TMPDIR/line"
  assert_same keys '["type","id","data"]' "$(jq -c keys_unsorted "$BATS_TEST_TMPDIR/line")"
  assert_same parts '["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]' \
    "$(jq -c '.data | keys_unsorted' "$BATS_TEST_TMPDIR/line")"
  assert_same rest '[{},null]' "$(jq -c '[.data.intel_rdt, .data.network_interfaces]' "$BATS_TEST_TMPDIR/line")"
}

@test "v1: the numbers are those of the files" {
  requires cgroup-v1 cgroup-memory cgroup-pids cgroup-cpu
  bundle_edit '.root.readonly = false | .linux.resources |= . + {memory: {limit: 67108864, reservation: 33554432}, pids: {limit: 77}, cpu: {quota: 10000, period: 1000000}}'
  # As long as it takes: beside many others it does not get much of a processor.
  set_args sh -c 'until [ -e /tmp/go ]; do :; done; sleep 100 & wait'
  start_bundle
  wait_for 120 grep -qE 'nr_throttled [1-9]' "$(dir_of cpu)/cpu.stat"
  go
  wait_for 120 pgrep -P "$PID"
  # Nothing is done there any more, and longer than for a period.
  at_rest() { local before; before=$(cat "$(dir_of cpuacct)/cpuacct.usage"); sleep 1.5; [ "$before" = "$(cat "$(dir_of cpuacct)/cpuacct.usage")" ]; }
  wait_for 60 at_rest
  stats | jq .data >"$BATS_TEST_TMPDIR/data"
  local d=$BATS_TEST_TMPDIR/data memory
  memory=$(dir_of memory)
  assert_same limit 67108864 "$(jq .memory.usage.limit "$d")"
  assert_same 'pids limit' 77 "$(jq .pids.limit "$d")"
  assert_same pids 2 "$(jq .pids.current "$d")"
  assert_same throttled "$(awk '/nr_throttled/ { print $2 }' "$(dir_of cpu)/cpu.stat")" "$(jq .cpu.throttling.throttledPeriods "$d")"
  assert_same total "$(cat "$(dir_of cpuacct)/cpuacct.usage")" "$(jq .cpu.usage.total "$d")"
  assert_same percpu "$(cat "$(dir_of cpuacct)/cpuacct.usage_percpu" | xargs)" "$(jq -r '.cpu.usage.percpu | join(" ")' "$d")"
  assert_same 'percpu user' "$(awk 'NR > 1 { print $2 }' "$(dir_of cpuacct)/cpuacct.usage_all" | xargs)" "$(jq -r '.cpu.usage.percpu_user | join(" ")' "$d")"
  jq -e '.cpu.usage.total == (.cpu.usage.percpu | add)' "$d"
  assert_same raw "$(awk '{ print $1 }' "$memory/memory.stat" | sort)" "$(jq -r '.memory.raw | keys[]' "$d" | sort)"
  assert_same 'largest use' "$(cat "$memory/memory.max_usage_in_bytes")" "$(jq .memory.usage.max "$d")"
  jq -e '.memory.usage.usage > 0 and .memory.usage.failcnt == 0 and .memory.usage.usage <= .memory.usage.max' "$d"
  # No cgroup of v1 has pressure files.
  jq -e '[.cpu, .memory, .blkio] | all(has("psi") | not)' "$d"
}

@test "v1: 64 bit numbers are exact; cpuset lists are expanded" {
  requires cgroup-v1 cgroup-memory
  set_args sleep 100
  start_bundle
  local line cpus
  line=$(stats)
  [[ $line == *'"usage":{"limit":'"$(cat "$(dir_of memory)/memory.limit_in_bytes")"',"usage":'* ]]
  [[ $line == *'"hierarchical_memory_limit":'"$(awk '/^hierarchical_memory_limit/ { print $2 }' "$(dir_of memory)/memory.stat")"* ]]
  [ -n "$(dir_of cpuset)" ] || skip 'no cpuset controller'
  cpus=$(tr ',' '\n' <"$(dir_of cpuset)/cpuset.cpus" | while IFS=- read -r a b; do [ -z "$a" ] || seq "$a" "${b:-$a}"; done | xargs)
  assert_same cpus "$cpus" "$(jq -r '.data.cpuset.cpus // [] | join(" ")' <<<"$line")"
  assert_same level "$(cat "$(dir_of cpuset)/cpuset.sched_relax_domain_level")" "$(jq .data.cpuset.sched_relax_domain_level <<<"$line")"
}

@test "v1: block devices by operation" {
  requires cgroup-v1
  set_args sleep 100
  start_bundle
  [ -e "$(dir_of blkio)/blkio.throttle.io_serviced_recursive" ] || skip 'no throttling layer'
  local expected
  expected=$(awk 'NF == 3 { print $1, $2, $3 }' "$(dir_of blkio)/blkio.throttle.io_serviced_recursive")
  assert_same requests "$expected" "$(stats | jq -r '.data.blkio.ioServicedRecursive // [] | .[] | "\(.major // 0):\(.minor // 0) \(.op) \(.value // 0)"')"
}

@test "by interval: the first after one interval, each line at once, the end with the container" {
  set_args sleep 100
  start_bundle
  watch --interval 200ms
  wait_for 10 has_events stats 3
  cof kill "$CID" KILL
  wait "$EVENTS_PID"
  assert_same 'standard error' '' "$(cat "$BATS_TEST_TMPDIR/events.err")"
  jq -e -s 'all(.type == "stats")' "$BATS_TEST_TMPDIR/events"
}

@test "a container that ends by itself, before the first interval" {
  set_args sleep 1
  start_bundle
  run cof events "$CID"
  assert_status 0
  assert_same output '' "$output"
}

@test "lengths of time" {
  set_args sleep 100
  start_bundle
  for good in 1ns 0.1ms 10us 10µs .05s 1.m 1h2m3.5s +1h 100000h; do
    run timeout -s KILL 0.3 "$COFFER" --root "$ROOT" events --interval "$good" "$CID"
    assert_status 137
  done
  for bad in 0 0s -5s -1ns 0.0h; do
    run cof events --interval="$bad" "$CID"
    assert_status 1
    assert_has 'duration interval must be greater than 0'
  done
  for wrong in '' 5 5x s . .s 1s2 's5' '1 s' 1d 99999999999h 0x1s 1e3s --1s; do
    run cof events --interval="$wrong" "$CID"
    assert_status 1
    assert_has "invalid value \"$wrong\" for option '--interval'"
  done
}

@test "OOM of a child: told at once, and the watch goes on" {
  limited 32
  without_swap
  hog_args
  start_bundle
  watch --interval 1h
  wait_for 10 watches 6
  go
  wait_for 20 has_events oom 1
  grep -Fxq "{\"type\":\"oom\",\"id\":\"$CID\"}" "$BATS_TEST_TMPDIR/events"
  assert_same stats 0 "$(count_of stats)"
  kill -0 "$EVENTS_PID"
  stats | jq -e '.data.memory | .usage.limit == 33554432 and .usage.max > 30000000'
  cof kill "$CID" KILL
  wait "$EVENTS_PID"
}

@test "OOM of init: told before the end" {
  limited 32
  without_swap
  set_args sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exec testinit memhog 200'
  start_bundle
  watch --interval 1h
  wait_for 10 watches 6
  go
  wait "$EVENTS_PID"
  has_events oom 1
  wait_for 10 status_is "$CID" stopped
}

@test "the end of a container without OOM is none, also when it is deleted at once" {
  limited 32
  without_swap
  set_args sleep 100
  start_bundle
  watch --interval 1h
  wait_for 10 watches 6
  cof delete --force "$CID"
  wait "$EVENTS_PID"
  assert_same output '' "$(cat "$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/events.err")"
}

@test "a reader that goes away ends it quietly" {
  set_args sleep 100
  start_bundle
  local status
  status=$(
    set +o pipefail
    { "$COFFER" --root "$ROOT" events --interval 50ms "$CID" 2>"$BATS_TEST_TMPDIR/events.err"; echo $? >"$BATS_TEST_TMPDIR/rc"; } | head -1 >/dev/null
    wait_for 10 test -s "$BATS_TEST_TMPDIR/rc"
    cat "$BATS_TEST_TMPDIR/rc"
  )
  assert_same status 0 "$status"
  assert_same 'standard error' '' "$(cat "$BATS_TEST_TMPDIR/events.err")"
}

@test "standard output that takes nothing is an error" {
  [ -e /dev/full ] || skip 'no /dev/full'
  set_args sleep 100
  start_bundle
  run bash -c '"$0" --root "$1" events --stats "$2" 2>&1 >/dev/full' "$COFFER" "$ROOT" "$CID"
  assert_status 1
  assert_has 'no space left on device'
  run bash -c '"$0" --root "$1" events --interval 10ms "$2" 2>&1 >/dev/full' "$COFFER" "$ROOT" "$CID"
  assert_status 1
  assert_has 'no space left on device'
}

@test "states: created works; stopped and unknown do not" {
  set_args sleep 100
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  stats | jq -e '.type == "stats"'
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
  for options in --stats '--interval=1s' ''; do
    # shellcheck disable=SC2086
    run cof events $options "$CID"
    assert_status 1
    assert_has "container with id $CID is not running"
  done
  run cof events --stats nosuch
  assert_status 1
  assert_has 'container does not exist'
  run cof events --interval 0s nosuch
  assert_has 'container does not exist'
}

@test "without a cgroup: all zeros, no error, and the end is seen" {
  set_args sleep 3
  det --cgroup-manager disabled run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  stats | jq -e '.data | .cpu == {usage: {kernel: 0, user: 0}} and .pids == {} and .blkio == {} and .hugetlb == {} and
    .memory == {usage: {limit: 0, failcnt: 0}, swap: {limit: 0, failcnt: 0}}'
  run cof events --interval 1h "$CID"
  assert_status 0
}

@test "a process of the container cannot lead the reader away: names below its cgroup do not matter" {
  requires cgroup-v1 cgroup-memory
  set_args sleep 100
  start_bundle
  local before dir
  before=$(stats | jq -c '.data | [paths | map(tostring) | join(".")]')
  dir=$(dir_of memory)
  mkdir "$dir/memory.kmem.slab" "$dir/hugetlb.9EB.usage_in_bytes" "$dir/memory.stat.new"
  assert_same keys "$before" "$(stats | jq -c '.data | [paths | map(tostring) | join(".")]')"
}

@test "--stats is one process and few system calls" {
  command -v strace >/dev/null || skip 'strace is not installed'
  not grep -q __asan_init "$COFFER" || skip 'a sanitizer has system calls of its own'
  set_args sleep 100
  start_bundle
  strace -f -o "$BATS_TEST_TMPDIR/trace" "$COFFER" --root "$ROOT" events --stats "$CID" >/dev/null
  not grep -qE '(clone3?|v?fork|connect)\(' "$BATS_TEST_TMPDIR/trace"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/trace")" -lt 330 ]
}
