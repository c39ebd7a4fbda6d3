#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# podman as an ordinary user, with coffer. On cgroup v1 such a user has no limits; tests/vm/podman.bats has those.

load ../cli/helpers
load engines

setup_file() {
  podman_setup_file
  requires newuidmap
  chmod 644 "$E/layer.tar" "$E/containers.conf"
  user_podman import -q "$E/layer.tar" bb:1 >"$E/import.log" 2>&1 || { cat "$E/import.log" >&2; return 1; }
}

setup() { command -v newuidmap >/dev/null || skip 'newuidmap is not installed'; }

teardown() {
  local pid
  { user_podman pod rm -fa -t 0; user_podman rm -fa -t 0; user_podman volume rm -fa; } >/dev/null 2>&1 || true
  # The pause process keeps the user's namespaces.
  user_podman system migrate >/dev/null 2>&1 || true
  for pid in $(pgrep -u "$ENGINE_UID" -x 'podman( pause)?|catatonit'); do kill -9 "$pid" 2>/dev/null; done
  no_leftovers
}

user() {
  (cd "$E/home" && exec setpriv --reuid "$ENGINE_UID" --regid "$ENGINE_UID" --clear-groups --inh-caps=-all env -i HOME="$E/home" USER=engine \
    PATH=/usr/bin:/bin:/usr/sbin:/sbin XDG_RUNTIME_DIR="/run/user/$ENGINE_UID" CONTAINERS_CONF="$E/containers.conf" DISABLE_HC_SYSTEMD=true "$@" 3>&-)
}
user_podman() { user timeout -k 5 60 podman "$@"; }
mine() { run user_podman run --rm --network none "$@"; }

@test "rootless run: exit statuses, identity, terminal" {
  mine bb:1 sh -c 'exit 7'
  assert_status 7
  run -127 user_podman run --rm --network none bb:1 /nope
  mine bb:1 /etc/passwd
  assert_status 126
  mine bb:1 sh -c 'id -u; cat /proc/self/uid_map'
  assert_line 0
  assert_match "^ *0 +$ENGINE_UID +1$"
  assert_match '^ *1 +1600000000 +65536$'
  run user script -qec 'timeout --foreground 60 podman run --rm -it --network none bb:1 tty' /dev/null
  assert_status 0
  assert_has /dev/pts/0
}

@test "rootless userns=keep-id: the same user inside, files keep the owner" {
  user mkdir -p "$E/home/v"
  mine --userns keep-id -v "$E/home/v:/v" bb:1 sh -c 'id -u; touch /v/f'
  assert_status 0
  assert_line "$ENGINE_UID"
  assert_same owner "$ENGINE_UID" "$(stat -c %u "$E/home/v/f")"
  mine --userns nomap bb:1 id -u
  assert_line 0
}

@test "rootless life of a container: detached, logs, kill, stop, restart, pod" {
  user_podman run -d --name c --network none bb:1 sh -c 'echo up; trap "exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
  wait_for 10 user_logged c up
  user_podman stop -t 10 c >/dev/null
  assert_same 'exit status' 5 "$(user_podman wait c)"
  user_podman restart -t 0 c >/dev/null
  user_podman kill -s KILL c >/dev/null
  assert_same 'exit status' 137 "$(user_podman wait c)"
  user_podman pod create --name p --infra-image bb:1 --infra-command 'sleep 1000' --network none >/dev/null
  run user_podman run --rm --pod p bb:1 hostname
  assert_status 0
  assert_line p
}

user_logged() { user_podman logs "$1" 2>&1 | grep -q "$2"; }

@test "rootless exec: exit status, user, terminal, health check" {
  user_podman run -d --name c --network none --userns keep-id --health-cmd 'test -e /tmp/well' --health-retries 1 bb:1 sleep 1000 >/dev/null
  run user_podman exec c sh -c 'id -u; exit 3'
  assert_status 3
  assert_line "$ENGINE_UID"
  run user_podman exec -u 0 c id -u
  assert_line 0
  run -127 user_podman exec c /nope
  run user script -qec 'timeout --foreground 60 podman exec -it c tty' /dev/null
  assert_has /dev/pts/
  run user_podman healthcheck run c
  [ "$status" -ne 0 ]
  user_podman exec c touch /tmp/well
  run user_podman healthcheck run c
  assert_status 0
}

@test "rootless: the host's network, volumes, tmpfs, read-only, devices by bind" {
  run user_podman run --rm --network host -v named:/n --tmpfs /t --read-only --device /dev/fuse bb:1 sh -c \
    'touch /n/x /t/x && readlink /proc/self/ns/net && ls /dev/fuse && touch /x'
  assert_line "$(readlink /proc/self/ns/net)"
  assert_has 'Read-only file system'
  assert_line /dev/fuse
}

@test "rootless: a network by a helper in user mode" {
  command -v slirp4netns >/dev/null || skip 'slirp4netns is not installed'
  [ -c /dev/net/tun ] || skip 'no /dev/net/tun'
  run user_podman run --rm --network slirp4netns bb:1 ip -4 addr show tap0
  assert_status 0
  assert_has 'inet 10.0.2.'
}

@test "rootless: supplementary groups kept, seccomp, capabilities" {
  mine --group-add keep-groups bb:1 id
  assert_status 0
  mine --cap-drop all bb:1 grep -E 'CapEff|Seccomp:' /proc/self/status
  assert_match 'CapEff:.0000000000000000'
  assert_match 'Seccomp:.2'
}
