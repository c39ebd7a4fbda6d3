# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# What user namespaces meet on a host with systemd, cgroup v2 and another kernel: settings that forbid them, containers
# in containers with limits of their own, a pod's cgroups, the host's network.

load ../cli/helpers
load ../cli/nest

setup() {
  requires root cgroup-v2 userns
  setup_userns_bundle outer 1800000000 300000
  OUTER=$BUNDLE
}

teardown() { restore_subids; teardown_bundle; }

@test "kernel.unprivileged_userns_clone=0: an ordinary user's container is refused with the sysctl and the remedy" {
  local sysctl=/proc/sys/kernel/unprivileged_userns_clone
  [ -e "$sysctl" ] || skip 'this kernel has no such sysctl'
  as_user true || skip 'cannot become an ordinary user'
  rm "$BUNDLE/config.json"
  chown "$TEST_NAME" "$BUNDLE"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["true"]'
  before=$(cat "$sysctl")
  echo 0 >"$sysctl"
  run as_user timeout 60 "$COFFER" --log-format json run --bundle "$BUNDLE" "$CID"
  echo "$before" >"$sysctl"
  assert_status 1
  assert_same code userns-forbidden "$(jq -r .code <<<"$output")"
  assert_has '`kernel.unprivileged_userns_clone` is 0'
  assert_has 'sysctl -w kernel.unprivileged_userns_clone=1'
}

@test "a container in a container, in the cgroup that was handed on: limits inside hold, those outside stay out of reach" {
  install_coffer "$OUTER/rootfs"
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  bundle_edit '.linux.resources = {pids: {limit: 17}, memory: {limit: 67108864}} | .linux.cgroupsPath = "/inner"'
  set_args sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max'
  BUNDLE=$OUTER
  let_nest
  set_namespace cgroup
  bundle_edit '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro")) | .linux.resources.pids.limit = 100
    | .linux.cgroupsPath = $p' --arg p "/c-$CID"
  set_args sh -c 'mkdir /sys/fs/cgroup/own && echo 1 >/sys/fs/cgroup/own/cgroup.procs; coffer --rootless=false run --bundle /inner c
    echo 5 >/sys/fs/cgroup/pids.max || echo refused; ls -d /sys/fs/cgroup/inner 2>&1'
  run_bundle
  assert_line 17
  assert_line 67108864
  assert_line refused
  assert_has 'No such file'
}

@test "the host's network and a pod's namespaces" {
  BUNDLE=$OUTER
  drop_namespace network
  run_script 'readlink /proc/self/ns/net; ls /sys/class/net; touch /sys/x 2>&1; true'
  assert_line "$(readlink /proc/self/ns/net)"
  assert_has 'Read-only file system'
  set_namespace network
  set_args testinit sleep
  start_bundle >/dev/null
  for kind in user:user network:net ipc:ipc uts:uts pid:pid; do
    set_namespace "${kind%:*}" "/proc/$PID/ns/${kind#*:}"
  done
  bundle_edit 'del(.hostname)'
  set_args testinit nsids
  run cof run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  for kind in user net ipc uts pid; do
    assert_line "$kind $(readlink "/proc/$PID/ns/$kind")"
  done
}
