#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# podman with coffer where systemd runs: its cgroup manager, split cgroups, notification, timers of health checks,
# containers with systemd in them, limits of an ordinary user, AppArmor. The rest is in tests/engines.

load ../cli/helpers
load engines

CONF=/etc/containers/containers.conf.d/coffer-tests.conf

teardown_file() { rm -f "$CONF"; }

setup_file() {
  command -v podman >/dev/null && [ -d /run/systemd/system ] || return 0
  mkdir -p "$W"
  chmod 755 /root "$W" "$(dirname "$COFFER")"
  engine_layer "$W/layer.tar"
  # In its place, since timers and users start podman too; what coffer ships, with this binary.
  mkdir -p /etc/containers/containers.conf.d
  sed "s|/usr/bin/coffer|$COFFER|" "$BATS_TEST_DIRNAME/../../contrib/podman/coffer.conf" >"$CONF"
  printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n' >>"$CONF"
  timeout 200 podman import -q "$W/layer.tar" bb:1 >"$W/import.log" 2>&1 || { cat "$W/import.log" >&2; return 1; }
}

setup() {
  requires root cgroup-v2
  command -v podman >/dev/null || skip 'podman is not installed'
  [ -d /run/systemd/system ] || skip 'systemd does not run here'
}

teardown() {
  local unit
  for unit in ${OWN_UNITS:-}; do systemctl stop "$unit" >/dev/null 2>&1 || true; done
  podman rm -fa -t 0 >/dev/null 2>&1 </dev/null || true
  wait_for 30 nothing_left || { leftovers >&2; return 1; }
}

leftovers() {
  find /run/coffer -mindepth 1 -maxdepth 1 ! -name .cache ! -name .ids 2>/dev/null
  systemctl list-units --all --plain --no-legend 'libpod-*.scope' | grep -v 'libpod-conmon' || true
  find /sys/fs/cgroup -type d -name 'libpod-*' ! -name 'libpod-conmon*' ! -path '*user@*'
}
nothing_left() { [ -z "$(leftovers)" ]; }

podman() { timeout "${ENGINE_LIMIT:-150}" podman "$@"; }
pid_of() { podman inspect -f '{{.State.Pid}}' "$1"; }

@test "systemd cgroup manager: exit status, a scope with the limits, update, pause, exec, stop" {
  with_output podman run --rm --network none bb:1 sh -c 'exit 7'
  assert_status 7
  with_output podman run --rm --network none bb:1 /nope
  assert_status 127
  must podman run -d --name c --network none --memory 64m --pids-limit 40 --cpus 0.5 bb:1 sleep 1000
  local dir
  dir=$(scope_of "$(pid_of c)")
  [[ $dir == */machine.slice/libpod-*.scope* ]]
  assert_same memory 67108864 "$(cat "$dir/memory.max")"
  assert_same pids 40 "$(cat "$dir/pids.max")"
  assert_same cpu '50000 100000' "$(cat "$dir/cpu.max")"
  must podman update --memory 128m c
  assert_same memory 134217728 "$(cat "$dir/memory.max")"
  # systemd writes all of its properties again: the update must be known to it.
  systemctl daemon-reload
  assert_same memory 134217728 "$(cat "$dir/memory.max")"
  must podman pause c
  grep -q 'frozen 1' "$dir/cgroup.events"
  must podman unpause c
  with_output podman exec c sh -c 'exit 3'
  assert_status 3
  must podman stop -t 0 c
  [ ! -d "$dir" ]
}

@test "out of memory: OOMKilled" {
  with_output podman run --name c --network none --memory 16m --memory-swap 16m bb:1 tail -c 200m /dev/zero
  assert_status 137
  assert_same OOMKilled true "$(podman inspect -f '{{.State.OOMKilled}}' c)"
}

@test "cgroups=split in a service of type notify: the container is in the service's cgroup, conmon is its main process" {
  OWN_UNITS=coffer-split.service
  must systemd-run --quiet --unit coffer-split --collect -p Type=notify -p NotifyAccess=all -p Delegate=yes \
    "$(command -v podman)" run --name s --replace --rm --sdnotify conmon --cgroups split --network none --memory 64m -d bb:1 sleep 1000
  local pid dir
  pid=$(pid_of s)
  dir=$(scope_of "$pid")
  [[ $dir == */system.slice/coffer-split.service/libpod-payload-* ]]
  assert_same memory 67108864 "$(cat "$dir/memory.max")"
  assert_same MainPID "$(podman inspect -f '{{.State.ConmonPid}}' s)" "$(systemctl show --value -p MainPID coffer-split)"
  with_output podman exec s sh -c 'exit 4'
  assert_status 4
  must systemctl stop coffer-split
  wait_for 20 not test -d "/proc/$pid"
}

@test "health check by a timer of systemd" {
  must podman run -d --name c --network none --health-cmd 'test -e /tmp/well' --health-interval 5s --health-retries 1 bb:1 sleep 1000
  wait_for 90 health c unhealthy
  must podman exec c touch /tmp/well
  wait_for 150 health c healthy || { podman inspect -f '{{json .State.Health}}' c; systemctl list-timers --all | head; false; }
}

health() { [ "$(podman inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }

# The machine's own system over again, with nothing but one unit to start.
@test "systemd in a container: it has a cgroup tree of its own, makes services in it, and stops when it is told" {
  local root=$W/system
  mkdir -p "$root"/{up,work,merged} "$W/units"
  cat >"$W/units/probe.service" <<'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /proc/self/cgroup >/run/probe; findmnt -no OPTIONS /sys/fs/cgroup >>/run/probe; systemctl is-active probe.service >>/run/probe || true; mv /run/probe /run/probed'
END
  printf '[Unit]\nDefaultDependencies=no\nWants=probe.service\n' >"$W/units/probe.target"
  mount -t overlay -o "lowerdir=/,upperdir=$root/up,workdir=$root/work" overlay "$root/merged"
  BACKGROUND_MOUNT=$root/merged
  must podman run -d --name sys --network none --systemd always -v "$W/units:/etc/systemd/system:ro" --rootfs "$root/merged" /lib/systemd/systemd --unit=probe.target
  local pid dir
  pid=$(pid_of sys)
  wait_for 90 test -e "/proc/$pid/root/run/probed" || podman logs sys
  output=$(cat "/proc/$pid/root/run/probed")
  assert_match '^0::/system.slice/probe.service$'
  assert_match '^rw'
  dir=$(scope_of "$pid")
  [[ $dir == */machine.slice/libpod-* ]]
  must podman stop -t 60 sys
  [ ! -d "/proc/$pid" ]
  podman rm -f -t 0 sys >/dev/null
  umount "$root/merged"
}

@test "AppArmor: the engine's profile, unconfined, in exec too" {
  requires apparmor
  with_output podman run --rm --network none bb:1 cat /proc/self/attr/current
  assert_status 0
  assert_match '^containers-default-.* \(enforce\)$'
  with_output podman run --rm --network none --security-opt apparmor=unconfined bb:1 cat /proc/self/attr/current
  assert_line unconfined
  must podman run -d --name c --network none bb:1 sleep 1000
  with_output podman exec c cat /proc/self/attr/current
  assert_match '^containers-default-.* \(enforce\)$'
}

@test "rootless: a scope of the user manager with real limits; exec, pause, stop" {
  requires newuidmap
  local name
  name=$(getent passwd 1000 | cut -d: -f1)
  [ -n "$name" ] && [ -S /run/user/1000/systemd/private ] || skip 'no user manager of uid 1000 runs'
  cp "$W/layer.tar" /tmp/layer.tar
  chmod 644 /tmp/layer.tar
  must user podman import -q /tmp/layer.tar bb:1
  must user podman run -d --name c --network none --memory 64m --pids-limit 40 bb:1 sleep 1000
  local dir
  dir=$(find /sys/fs/cgroup/user.slice/user-1000.slice -type d -name 'libpod-*.scope' ! -name '*conmon*')
  assert_same memory 67108864 "$(cat "$dir/memory.max")"
  assert_same pids 40 "$(cat "$dir/pids.max")"
  with_output user podman exec c sh -c 'exit 5'
  assert_status 5
  must user podman pause c
  must user podman unpause c
  must user podman rm -f -t 0 c
  [ ! -d "$dir" ]
  with_output user podman run --rm --network none --userns keep-id bb:1 id -u
  assert_line 1000
  # The process that keeps the user's namespaces.
  must user podman system migrate
}

# As after a login.
user() {
  (cd /tmp && exec timeout 150 setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all env -i PATH="$PATH" HOME="/home/$name" USER="$name" \
    XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@")
}
