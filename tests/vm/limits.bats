#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# Five programs that take too much, each stopped by its limit: seen from inside (what the program gets told) and
# from outside (what the kernel counted).

load ../cli/helpers

setup() {
  requires root cgroup-v2
  setup_bundle
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/lim-$CID"
  OUT=$BATS_TEST_TMPDIR/out
}

teardown() {
  local status=0
  teardown_bundle || status=1
  [ -z "${DATA:-}" ] || rm -rf "$DATA"
  return "$status"
}

TOP=/sys/fs/cgroup

has() { grep -qw "$1" $TOP/cgroup.controllers || skip "the host has no controller $1"; }

# A shell that ends with "done" on a line of its own and then waits, so that the cgroup can be looked at.
start_shell() { # start_shell SCRIPT
  set_args sh -c "$1; echo done; sleep 1000"
  cof run --detach --bundle "$BUNDLE" "$CID" >"$OUT" 2>&1 </dev/null
}

wait_done() { # wait_done SECONDS
  wait_for "$1" grep -qx 'done' "$OUT" || { cat "$OUT"; cat "$TOP/lim-$CID/cgroup.events"; return 1; }
}

key() { awk -v k="$2" '$1 == k { print $2 }' "$TOP/lim-$CID/$1"; } # key FILE KEY

@test "a memory hog is killed at its limit; the shell beside it lives" {
  has memory
  bundle_edit '.linux.resources.memory = {limit: 33554432, swap: 33554432}'
  start_shell 'testinit memhog 8; echo "small=$?"; testinit memhog 200; echo "large=$?"'
  wait_done 60
  output=$(cat "$OUT")
  assert_line small=0
  assert_line large=137
  assert_lacks memhog=200
  assert_same oom_kill 1 "$(key memory.events oom_kill)"
  [ "$(key memory.events max)" -gt 0 ]
  [ "$(cat "$TOP/lim-$CID/memory.peak")" -le 33554432 ]
  status_is "$CID" running
}

@test "a fork bomb stops at its limit" {
  has pids
  bundle_edit '.linux.resources.pids = {limit: 20}'
  start_shell 'testinit forkbomb 500'
  wait_done 60
  output=$(cat "$OUT")
  # The shell and the bomb itself are two of them.
  assert_line 'forkbomb=18 last=EAGAIN'
  [ "$(key pids.events max)" -gt 0 ]
  assert_same peak 20 "$(cat "$TOP/lim-$CID/pids.peak" 2>/dev/null || echo 20)"
}

@test "a CPU spinner gets its quota and no more" {
  has cpu
  bundle_edit '.linux.resources.cpu = {quota: 10000, period: 100000}'
  start_shell 'end=$(($(date +%s) + 5)); while [ "$(date +%s)" -lt "$end" ]; do i=0; while [ $i -lt 100 ]; do i=$((i + 1)); done; done; times'
  local before after began ended
  began=$(date +%s%N); before=$(key cpu.stat usage_usec)
  sleep 3
  after=$(key cpu.stat usage_usec); ended=$(date +%s%N)
  # A tenth is allowed; a fifth is what an unlucky sample can be.
  [ $(((after - before) * 1000 * 5)) -lt $((ended - began)) ] || { echo "$((after - before)) us in $((ended - began)) ns" >&2; return 1; }
  [ "$(key cpu.stat nr_throttled)" -gt 0 ]
  wait_done 60
  # What the shell and its children were told of their own time, minutes and seconds: below two of five.
  awk '/^[0-9]+m/ { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += t[1] * 60 + t[2] } } END { exit !(sum > 0 && sum < 2) }' "$OUT" || {
    cat "$OUT" >&2
    return 1
  }
}

@test "a device that was not allowed cannot be opened, whatever its node says" {
  local numbers
  numbers=$(lsblk -dnro MAJ:MIN,TYPE | awk '$2 == "disk" { print $1; exit }')
  [ -n "$numbers" ] || skip 'no disk'
  bundle_edit '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"}]
    | .process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"] | unique)'
  start_shell "mknod /dev/disk b ${numbers%:*} ${numbers#*:} && echo made; dd if=/dev/disk of=/dev/null bs=512 count=1; echo \"disk=\$?\";
    mknod /dev/mem c 1 1; dd if=/dev/mem of=/dev/null bs=1 count=1; echo \"mem=\$?\";
    mknod /dev/kmsg c 1 11; ( : </dev/kmsg ); echo \"kmsg=\$?\"; dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null; echo \"zero=\$?\""
  wait_done 30
  output=$(cat "$OUT")
  assert_line made
  assert_line disk=1
  assert_has "can't open '/dev/disk': Operation not permitted"
  assert_has "can't open '/dev/mem': Operation not permitted"
  assert_line kmsg=0
  assert_line zero=0
  # The same node outside: no problem with the host's privileges, refused to a shell that joins the cgroup.
  DATA=$(mktemp -d /var/tmp/coffer-limit.XXXXXX)
  mknod "$DATA/disk" b "${numbers%:*}" "${numbers#*:}"
  head -c 512 "$DATA/disk" >/dev/null || skip 'device nodes do not work in /var/tmp: seen from inside only'
  run bash -c 'echo $$ >"$1/cgroup.procs" && head -c 512 "$2"' bash "$TOP/lim-$CID" "$DATA/disk"
  assert_status 1
  assert_has 'Operation not permitted'
}

@test "a writer gets its rate and no more" {
  has io
  local numbers name began elapsed
  DATA=$(mktemp -d /var/tmp/coffer-limit.XXXXXX)
  numbers=$(findmnt -nro MAJ:MIN -T "$DATA")
  [ -e "/sys/dev/block/$numbers" ] || skip "the file system of $DATA is on no block device"
  if [ -e "/sys/dev/block/$numbers/partition" ]; then numbers=$(cat "/sys/dev/block/$numbers/../dev"); fi
  name=$(basename "$(readlink "/sys/dev/block/$numbers")")
  echo "on $name"
  bundle_edit '.mounts += [{destination: "/mnt", type: "bind", source: $d, options: ["rbind", "rw"]}]
    | ($n | split(":") | map(tonumber)) as [$a, $b]
    | .linux.resources.blockIO = {throttleWriteBpsDevice: [{major: $a, minor: $b, rate: 1048576}]}' --arg d "$DATA" --arg n "$numbers"
  start_shell 'began=$(date +%s); dd if=/dev/zero of=/mnt/data bs=1024k count=8 conv=fsync 2>/dev/null; echo "dd=$?"; echo "seconds=$(($(date +%s) - began))"'
  began=$(date +%s)
  wait_done 120
  elapsed=$(($(date +%s) - began))
  output=$(cat "$OUT")
  assert_line dd=0
  # Eight megabytes at one a second, less what the first second gives away.
  [ "$(sed -n 's/^seconds=//p' "$OUT")" -ge 5 ]
  [ "$elapsed" -ge 5 ]
  [ "$(sed -n "s/^$numbers .*wbytes=\([0-9]*\).*/\1/p" "$TOP/lim-$CID/io.stat")" -ge 8000000 ]
  # The same without a limit is faster, so it was the limit.
  began=$(date +%s%N)
  dd if=/dev/zero of="$DATA/data2" bs=1024k count=8 conv=fsync 2>/dev/null
  [ $((($(date +%s%N) - began) / 1000000)) -lt $((elapsed * 1000)) ]
}
