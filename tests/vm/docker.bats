#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# dockerd with coffer where systemd runs, on cgroup v2: its cgroup driver is systemd's there. The rest is in tests/engines.

load ../cli/helpers
load engines

setup_file() {
  command -v dockerd >/dev/null && [ -d /run/systemd/system ] || return 0
  mkdir -p "$W"
  engine_layer "$W/layer.tar"
  systemd-run --quiet --unit coffer-dockerd --collect -p Delegate=yes -p KillMode=process dockerd --bridge none --iptables=false --ip-forward=false \
    --ip-masq=false --add-runtime "coffer=$COFFER" --default-runtime coffer -H unix:///run/coffer-docker.sock
  export DOCKER_HOST=unix:///run/coffer-docker.sock
  wait_for 200 timeout 60 docker version || { journalctl -u coffer-dockerd | tail -n 20 >&2; return 1; }
  timeout 150 docker import "$W/layer.tar" bb:1 >"$W/import.log" 2>&1 || { cat "$W/import.log" >&2; return 1; }
}

teardown_file() { systemctl stop coffer-dockerd 2>/dev/null || true; }

setup() {
  requires root cgroup-v2
  command -v dockerd >/dev/null || skip 'docker is not installed'
  [ -d /run/systemd/system ] || skip 'systemd does not run here'
}

teardown() {
  local list
  list=$(docker ps -aq)
  # shellcheck disable=SC2086
  [ -z "$list" ] || docker rm -f $list >/dev/null 2>&1
  wait_for 30 nothing_left || { leftovers >&2; return 1; }
}

leftovers() {
  find /run/docker/runtime-runc/moby -mindepth 1 -maxdepth 1 ! -name .cache ! -name .ids 2>/dev/null
  systemctl list-units --all --plain --no-legend 'docker-*.scope'
}
nothing_left() { [ -z "$(leftovers)" ]; }

docker() { timeout "${ENGINE_LIMIT:-150}" docker "$@"; }
pid_of() { docker inspect -f '{{.State.Pid}}' "$1"; }

@test "systemd cgroup driver: exit status, a scope with the limits, update, pause, exec, stop" {
  assert_same driver systemd "$(docker info -f '{{.CgroupDriver}}')"
  with_output docker run --rm --network none bb:1 sh -c 'exit 7'
  assert_status 7
  with_output docker run --rm --network none bb:1 /nope
  assert_status 127
  must docker run -d --name cc --network none --memory 64m --pids-limit 40 --cpus 0.5 bb:1 sleep 1000
  local dir
  dir=$(scope_of "$(pid_of cc)")
  [[ $dir == */system.slice/docker-*.scope ]]
  assert_same memory 67108864 "$(cat "$dir/memory.max")"
  assert_same pids 40 "$(cat "$dir/pids.max")"
  assert_same cpu '50000 100000' "$(cat "$dir/cpu.max")"
  must docker update --memory 128m --memory-swap -1 cc
  assert_same memory 134217728 "$(cat "$dir/memory.max")"
  must docker pause cc
  grep -q 'frozen 1' "$dir/cgroup.events"
  must docker unpause cc
  with_output docker exec cc sh -c 'exit 3'
  assert_status 3
  must docker stop -t 0 cc
  [ ! -d "$dir" ]
}

@test "out of memory: OOMKilled" {
  # systemd removes the cgroup of a scope with its last process, and with it the count that the shim wants to read.
  with_output docker run --name cc --network none --memory 16m --memory-swap 16m bb:1 sh -c 'tail -c 200m /dev/zero; sleep 5; exit 9'
  assert_status 9
  assert_same OOMKilled true "$(docker inspect -f '{{.State.OOMKilled}}' cc)"
}

@test "AppArmor: docker-default; a read-only bind mount is so with all below it" {
  requires apparmor
  with_output docker run --rm --network none bb:1 cat /proc/self/attr/current
  assert_line 'docker-default (enforce)'
  mkdir -p "$W/tree/below"
  mount -t tmpfs tmpfs "$W/tree/below"
  with_output docker run --rm --network none -v "$W/tree:/t:ro" bb:1 touch /t/below/x
  umount "$W/tree/below"
  assert_status 1
  assert_has 'Read-only file system'
}
