# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Functions for the bats files that run podman, buildah, conmon and docker on coffer. They run inside a cell (see
# tests/engines/cell): all namespaces and the cgroups are their own, so that whatever an engine leaves goes with it.
# Loaded after ../cli/helpers, whose assert_* judge here too.

[ -n "${COFFER_CELL:-}" ] || { echo 'these tests run in a cell: tests/engines/cell bats FILE' >&2; exit 1; }
bats_require_minimum_version 1.5.0

# A place that every user may enter, in the cell's /run.
E=/run/engine
# Another runtime as the referee, to see whether a test or coffer is wrong: ENGINE_RUNTIME=/usr/sbin/runc
RT_NAME=$(basename "${ENGINE_RUNTIME:-$COFFER}")
RT=$E/bin/$RT_NAME
ENGINE_UID=65601

engine_begin() {
  local file
  mkdir -p "$E/bin" "$E/etc"
  chmod 755 "$E" "$E/bin"
  cp "${ENGINE_RUNTIME:-$COFFER}" "$RT"
  # Users and subordinate ids of the cell's own: `engine` is an ordinary user, `containers` is podman's for --userns=auto.
  for file in passwd group subuid subgid; do
    { cat "/etc/$file" 2>/dev/null || true; } | { grep -vE '^(engine|containers|dockremap):' || true; } >"$E/etc/$file"
    case $file in
      passwd) printf '%s\n' "engine:x:$ENGINE_UID:$ENGINE_UID::$E/home:/bin/sh" 'dockremap:x:65602:65602::/:/bin/false' ;;
      group) printf '%s\n' "engine:x:$ENGINE_UID:" 'dockremap:x:65602:' ;;
      *) printf 'engine:1600000000:65536\ncontainers:1700000000:1048576\ndockremap:1800000000:65536\n' ;;
    esac >>"$E/etc/$file"
    [ -e "/etc/$file" ] || : >"/etc/$file"
    mount --bind "$E/etc/$file" "/etc/$file"
  done
  install -d -m 755 -o "$ENGINE_UID" -g "$ENGINE_UID" "$E/home"
  mkdir /run/user
  install -d -m 700 -o "$ENGINE_UID" -g "$ENGINE_UID" "/run/user/$ENGINE_UID"
  install -d -m 1777 /run/lock
  mkdir -p /var/lib/containers
  # For everybody, as on other hosts.
  mount -t tmpfs -o mode=755 tmpfs /mnt
  for file in fuse:229 net/tun:200; do
    [ -e "/dev/${file%:*}" ] && mknod -m 666 "/mnt/${file#*:}" c 10 "${file#*:}" && mount --bind "/mnt/${file#*:}" "/dev/${file%:*}"
  done
  umount -l /mnt
}

# ---- versions ----
# What the suites were written against. Another version is told; it need not be worse.
tested_version() { # tested_version NAME VERSION PATTERN...
  local name=$1 version=$2 pattern; shift 2
  [ -n "$version" ]
  for pattern in "$@"; do
    # shellcheck disable=SC2053
    [[ $version != $pattern ]] || { echo "# engine: $name $version" >&3; return 0; }
  done
  echo "# engine: $name $version, which is none of the tested versions: $*" >&3
}

# ---- images ----
# A layer with busybox and testinit, and a user.
make_layer() { # make_layer TAR
  local root=$E/layer applet
  mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root,run,mnt,home/user,var}
  chmod 1777 "$root/tmp"
  cp "$BUSYBOX" "$root/bin/busybox"
  for applet in $("$BUSYBOX" --list); do
    [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
  done
  cp "$COFFER_TESTBIN/testinit" "$root/bin/testinit"
  printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$root/etc/group"
  tar --owner=0 --group=0 -cf "$1" -C "$root" .
}

# ---- judging ----
# Processes that are of a container, or of an engine's helpers.
engine_processes() {
  local p own; own=$(readlink /proc/self/ns/mnt)
  for p in /proc/[0-9]*; do
    case $(readlink "$p/ns/mnt") in "$own") ;; ?*) echo "${p#/proc/} $(tr '\0' ' ' <"$p/cmdline")" ;; esac
  done 2>/dev/null
  pgrep -ax conmon || true
  pgrep -ax containerd-shim || true
}

# What coffer, cgroups and processes show of containers.
leftovers() {
  find /run/coffer /run/user/*/coffer /run/docker/runtime-runc/moby -mindepth 1 -maxdepth 1 ! -name .cache ! -name .ids 2>/dev/null
  find /sys/fs/cgroup -type d \( -name 'libpod-[0-9a-f]*' -o -path '*/docker/*' ! -name buildkit -o -name 'buildah*' \)
  engine_processes
}

nothing_left() { [ -z "$(leftovers)" ]; }

no_leftovers() {
  wait_for 10 nothing_left && return
  # What is needed to say where something hung: in coffer, in the container, or in the engine.
  { leftovers; ps -eo pid,ppid,pgid,sid,stat,wchan:24,args --forest | grep -v ' ps -eo '; } >&2
  return 1
}

alive() { # alive CMDLINE: any process with this command line
  pgrep -xf "$1" >/dev/null
}

# ---- podman ----
podman_conf() {
  cat >"$E/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "$RT_NAME"
runtime_supports_json = ["coffer", "crun", "runc"]
runtime_supports_nocgroup = ["coffer", "crun"]
[engine.runtimes]
$RT_NAME = ["$RT"]
[network]
network_backend = "netavark"
END
}

podman() { timeout -k 5 "${ENGINE_LIMIT:-60}" podman "$@" 3>&-; }

# The same with a terminal.
podman_tty() {
  local command
  printf -v command '%q ' timeout --foreground 60 podman "$@"
  script -qec "$command" /dev/null 3>&-
}

# One short container.
one() { run podman run --rm --network none "$@"; }

# A container that stays.
podman_up() { # podman_up NAME [OPTION...]
  local name=$1; shift
  podman run -d --name "$name" --network none "$@" bb:1 sleep 1000 >/dev/null
}

podman_is() { [ "$(podman inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
podman_status() { podman inspect -f '{{.State.Status}}' "$1"; }
podman_id() { podman inspect -f '{{.Id}}' "$1"; }
podman_pid() { podman inspect -f '{{.State.Pid}}' "$1"; }
podman_logged() { podman logs "$1" 2>&1 | grep -q "$2"; }
podman_logged_times() { [ "$(podman logs "$1" 2>&1 | grep -c "$2")" -ge "$3" ]; }

# Directory of a container's cgroup.
podman_cgroup() { # podman_cgroup NAME CONTROLLER
  local top=/sys/fs/cgroup
  [ ! -d /sys/fs/cgroup/memory ] || top=/sys/fs/cgroup/$2
  find "$top" -type d -name "libpod-$(podman_id "$1")"
}

podman_setup_file() {
  engine_begin
  podman_conf
  export CONTAINERS_CONF=$E/containers.conf DISABLE_HC_SYSTEMD=true # health checks by hand: no timers
  make_layer "$E/layer.tar"
  podman import -q "$E/layer.tar" bb:1 >"$E/import.log" 2>&1 || { cat "$E/import.log" >&2; return 1; }
}

# Nothing of the runtime may be left once the engine has removed its containers.
podman_teardown() {
  { podman pod rm -fa -t 0; podman rm -fa -t 0; podman volume rm -fa; } >"$BATS_TEST_TMPDIR/teardown" 2>&1 || cat "$BATS_TEST_TMPDIR/teardown"
  no_leftovers
}

# ---- docker ----
# Of the distribution, not what else may be called docker.
docker() { PATH=/usr/sbin:/usr/bin:/sbin:/bin timeout -k 5 "${ENGINE_LIMIT:-60}" docker "$@" 3>&-; }

# dockerd's builder runs whatever `runc` is in its PATH.
dockerd_start() { # dockerd_start [OPTION...]
  local path=$E/bin:/usr/sbin:/usr/bin:/sbin:/bin pid
  mkdir -p "$E/docker"
  # The configuration that coffer ships, with this binary.
  sed "s|/usr/bin/coffer|$RT|" "$BATS_TEST_DIRNAME/../../contrib/docker/daemon.json" >"$E/docker.json"
  [ "$RT_NAME" = runc ] || ln -sf "$RT_NAME" "$E/bin/runc"
  # Without CAP_SYS_RESOURCE neither it nor containers get a lower oom_score_adj.
  PATH=$path setsid dockerd --config-file "$E/docker.json" \
    --oom-score-adjust 0 --ipv6=false "$@" >>"$E/dockerd.log" 2>&1 </dev/null 3>&- &
  wait_for 60 docker version || { tail -n 30 "$E/dockerd.log" >&2; return 1; }
}

dockerd_stop() {
  local pid
  pid=$(cat /run/docker.pid) || return 0
  kill "$pid"
  wait_for 30 not kill -0 "$pid" || kill -9 "$pid"
}

docker_setup_file() {
  engine_begin
  export HOME=$E/home DOCKER_HOST=unix:///run/docker.sock
  make_layer "$E/layer.tar"
  dockerd_start "$@"
  docker import "$E/layer.tar" bb:1 >"$E/import.log" 2>&1 || { cat "$E/import.log" >&2; return 1; }
}

dock() { run docker run --rm "$@"; }
docker_status() { docker inspect -f '{{.State.Status}}' "$1"; }
docker_is() { [ "$(docker_status "$1")" = "$2" ]; }
docker_pid() { docker inspect -f '{{.State.Pid}}' "$1"; }
docker_logged() { docker logs "$1" 2>&1 | grep -q "$2"; }
docker_cgroup() { # docker_cgroup NAME CONTROLLER
  local top=/sys/fs/cgroup
  [ ! -d /sys/fs/cgroup/memory ] || top=/sys/fs/cgroup/$2
  find "$top" -type d -name "$(docker inspect -f '{{.Id}}' "$1")"
}

# With a terminal.
docker_tty() {
  local command
  printf -v command '%q ' timeout --foreground 60 /usr/bin/docker "$@"
  script -qec "$command" /dev/null 3>&-
}

docker_teardown() {
  local list
  [ -n "$BATS_TEST_COMPLETED" ] || grep -v level=info "$E/dockerd.log" | tail -n 10
  list=$(docker ps -aq)
  # shellcheck disable=SC2086
  [ -z "$list" ] || docker rm -fv $list >"$BATS_TEST_TMPDIR/teardown" 2>&1 || cat "$BATS_TEST_TMPDIR/teardown"
  no_leftovers
}

# ---- exec, the same for podman and docker ----
# Each with its own exit status.
exec_at_once() { # exec_at_once ENGINE CONTAINER
  local i pids=()
  for i in $(seq 8); do
    "$1" exec "$2" sh -c "sleep 0.1; exit $i" >/dev/null 2>&1 &
    pids+=($!)
  done
  for i in $(seq 8); do
    status=0
    wait "${pids[i - 1]}" || status=$?
    assert_same 'exit status' "$i" "$status"
  done
}

# In the namespaces and the cgroup of the container, with its seccomp profile and, if it has no other, CAP_CHOWN.
exec_is_at_home() { # exec_is_at_home ENGINE CONTAINER PID NAMESPACE...
  local engine=$1 name=$2 pid=$3 ns
  shift 3
  for ns in "$@"; do
    assert_same "$ns" "$(readlink "/proc/$pid/ns/$ns")" "$("$engine" exec "$name" readlink "/proc/self/ns/$ns")"
  done
  "$engine" exec -d "$name" sleep 1005 >/dev/null
  wait_for 5 alive 'sleep 1005'
  assert_same cgroups "$(cat "/proc/$pid/cgroup")" "$(cat "/proc/$(pgrep -xf 'sleep 1005')/cgroup")"
  run "$engine" exec "$name" grep -E 'Cap(Eff|Bnd)|Seccomp:' /proc/self/status
  assert_match 'CapEff:.0000000000000001'
  assert_match 'CapBnd:.0000000000000001'
  assert_match 'Seccomp:.2'
  run "$engine" exec --privileged "$name" grep CapEff /proc/self/status
  assert_status 0
  assert_lacks 'CapEff:	0000000000000001'
}

# Not while it is paused, not after its end, which ends what was executed.
exec_needs_life() { # exec_needs_life ENGINE CONTAINER
  "$1" pause "$2" >/dev/null
  run "$1" exec "$2" true
  [ "$status" -ne 0 ]
  "$1" unpause "$2" >/dev/null
  run "$1" exec "$2" true
  assert_status 0
  "$1" exec -d "$2" sleep 1006 >/dev/null
  wait_for 5 alive 'sleep 1006'
  "$1" stop -t 0 "$2" >/dev/null 2>&1 || true
  wait_for 5 not alive 'sleep 1006'
  run "$1" exec "$2" true
  [ "$status" -ne 0 ]
}
