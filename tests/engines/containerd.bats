#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# containerd 2.x and its client ctr with coffer behind the runc v2 shim.
load cri

setup_file() {
  engine_begin
  DISABLED_PLUGINS='io.containerd.grpc.v1.cri io.containerd.cri.v1.runtime io.containerd.cri.v1.images' containerd_config </dev/null
  containerd_start
  image_root "$BATS_FILE_TMPDIR/bb"
  make_image "$BATS_FILE_TMPDIR/bb" "$I" "$BATS_FILE_TMPDIR/bb.tar"
  ctr images import "$BATS_FILE_TMPDIR/bb.tar" >"$BATS_FILE_TMPDIR/import" 2>&1 || { cat "$BATS_FILE_TMPDIR/import" >&2; return 1; }
}

teardown_file() {
  containerd_stop
  [ -z "${ENGINE_LOG:-}" ] || cp "$E/containerd.log" "$ENGINE_LOG"
}

setup() { T=t$BATS_TEST_NUMBER; }

teardown() {
  local c left=0
  [ -n "$BATS_TEST_COMPLETED" ] || { echo '-- containerd.log'; tail -n 20 "$E/containerd.log"; }
  for c in $(ctr c ls -q); do
    timeout -k 5 20 ctr t kill -a -s KILL "$c" >/dev/null 2>&1
    timeout -k 5 20 ctr t delete -f "$c" >/dev/null 2>&1
    timeout -k 5 20 ctr c rm "$c" >/dev/null 2>&1
  done
  no_residue
}

# ctr run with the runtime under test; -d containers write to files, so that bats has no pipe to wait for.
c_run() { timeout -k 5 60 ctr run --runc-binary "$RT" "$@" </dev/null; }
c_start() { c_run -d "$@" >"$BATS_TEST_TMPDIR/start" 2>&1 3>&- || { cat "$BATS_TEST_TMPDIR/start" >&2; return 1; }; }
pid_of() { ctr t ls | awk -v t="$1" '$1 == t { print $2 }'; }
state_of() { ctr t ls | awk -v t="$1" '$1 == t { print $3 }'; }
pids_of() { ctr t ps "$1" 2>/dev/null | awk 'NR > 1 { print $1 }'; }
processes() { [ "$(pids_of "$1" | wc -l)" = "$2" ]; } # processes CONTAINER COUNT
in_state() { [ "$(state_of "$1")" = "$2" ]; }
x() { timeout -k 5 60 ctr t exec --exec-id "e$RANDOM" "$@" </dev/null; }

@test "containerd is the pinned 2.x" {
  run ctr version
  local version
  version=$(cat "$COFFER_ENGINES/containerd.version")
  has "Version:  ${version#v}"
}

@test "run: output and exit code of the program" {
  run c_run --rm "$I" "$T" sh -c 'echo out; echo err >&2; exit 7'
  ended_with 7
  has out
  has err
}

@test "run: a program that a signal kills" {
  c_start "$I" "$T" sleep 1000
  ctr t kill -s KILL "$T"
  wait_for 10 in_state "$T" STOPPED
  run ctr t delete "$T"
  has 'exit code 137'
}

@test "run: a missing program, one that may not be run, a directory: the reason is told" {
  run c_run --rm "$I" "$T" /nope
  failed
  has 'no such file or directory'
  run c_run --rm "$I" "$T-b" nope
  has 'executable file not found in $PATH'
  run c_run --rm "$I" "$T-c" /etc/passwd
  has 'permission denied'
  run c_run --rm "$I" "$T-d" /etc
  [[ $output == *'is a directory'* || $output == *'permission denied'* ]]
}

@test "run: standard input reaches the program and ends" {
  # ctr misses an end of its input that comes before the task is there.
  run bash -c "{ printf 'one\ntwo\n'; sleep 2; } | timeout -k 5 60 ctr run --rm --runc-binary '$RT' $I $T wc -l"
  ended_with 0
  has 2
}

# ctr may lose what a terminal shows just before the program ends, with every runtime: hence the sleep.
@test "run: a terminal of its own" {
  run script -qec "timeout --foreground -k 5 60 ctr run --rm -t --runc-binary $RT $I $T sh -c 'tty; sleep 1; exit 5'" /dev/null
  ended_with 5
  has /dev/pts/0
}

@test "run: environment, working directory, user, hostname, read-only root" {
  run c_run --rm --env A=b --cwd /tmp --user 1000:1000 --hostname inside --read-only "$I" "$T" \
    sh -c 'echo "$A $PWD $(id -u):$(id -g) $(hostname)"; touch /x'
  has 'b /tmp 1000:1000 inside'
  has 'Read-only file system'
}

@test "run: mounts, capabilities, no new privileges, rlimits" {
  mkdir "$BATS_TEST_TMPDIR/v"
  run c_run --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/v,dst=/v,options=rbind:rw" --cap-drop CAP_CHOWN "$I" "$T" \
    sh -c 'touch /v/f; chown 1000 /v/f; grep NoNewPrivs /proc/self/status; ulimit -n'
  has 'Operation not permitted'
  has $'NoNewPrivs:\t1'
  has 1024
  [ -e "$BATS_TEST_TMPDIR/v/f" ]
}

@test "run: the default seccomp profile" {
  run c_run --rm --seccomp "$I" "$T" sh -c 'grep -w Seccomp /proc/self/status; unshare -U true'
  has $'Seccomp:\t2'
  has 'Operation not permitted'
}

@test "run: a network namespace by path" {
  ip netns add "$T"
  run c_run --rm --with-ns "network:/run/netns/$T" "$I" "$T" ip -o link
  ip netns del "$T"
  ended_with 0
  has 'lo:'
  is 'number of links' 1 "$(grep -c 'link/' <<<"$output")"
}

@test "run: the network of the host" {
  run c_run --rm --net-host "$I" "$T" readlink /proc/self/ns/net
  has "$(readlink /proc/self/ns/net)"
}

@test "run: a user namespace, the root file system mapped" {
  run c_run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 "$I" "$T" \
    sh -c 'cat /proc/self/uid_map; id -u; stat -c %u:%g /bin/busybox; touch /tmp/f && echo written'
  ended_with 0
  [[ $output =~ 0\ +100000\ +65536 ]]
  has '0:0'
  has written
}

@test "run: privileged" {
  run c_run --rm --privileged "$I" "$T" sh -c 'grep CapEff /proc/self/status; mount -t tmpfs x /mnt && echo mounted'
  ended_with 0
  has mounted
}

@test "run: limits of memory and cpu stand in the cgroup" {
  c_start --memory-limit 67108864 --cpus 0.5 "$I" "$T" sleep 1000
  local p mem cpu
  p=$(pid_of "$T")
  mem=$(cg "$p" memory memory.limit_in_bytes memory.max)
  is memory 67108864 "$mem"
  cpu=$(cg "$p" cpu cpu.cfs_quota_us cpu.max)
  is cpu 50000 "${cpu%% *}"
}

# cg PID CONTROLLER FILE-OF-V1 FILE-OF-V2
cg() {
  local dir
  dir=$(awk -F: -v c="$2" '{ n = split($2, a, ","); for (i = 1; i <= n; i++) if (a[i] == c) print $3 }' "/proc/$1/cgroup")
  if [ -n "$dir" ]; then cat "/sys/fs/cgroup/$2$dir/$3"; else cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")/$4"; fi
}

@test "run: more memory than allowed is an OOM kill" {
  run c_run --rm --memory-limit 33554432 "$I" "$T" sh -c 'exec dd if=/dev/zero of=/dev/null bs=200M'
  ended_with 137
}

@test "exec: output, exit code, user and directory" {
  c_start "$I" "$T" sleep 1000
  run x "$T" sh -c 'echo hello; exit 3'
  ended_with 3
  has hello
  run x --user 1000 --cwd /tmp "$T" sh -c 'echo "$(id -u) $PWD"'
  ended_with 0
  has '1000 /tmp'
}

@test "exec: it shares the namespaces and the cgroup of the container" {
  c_start "$I" "$T" sleep 1000
  local p n
  p=$(pid_of "$T")
  for n in pid mnt net uts ipc; do
    run x "$T" readlink "/proc/self/ns/$n"
    has "$(readlink "/proc/$p/ns/$n")"
  done
  timeout -k 5 60 ctr t exec -d --exec-id sleeper "$T" sleep 900 </dev/null >/dev/null 2>&1 3>&-
  wait_for 10 processes "$T" 2
  local other
  other=$(pids_of "$T" | grep -vx "$p")
  is cgroup "$(cat "/proc/$p/cgroup")" "$(cat "/proc/$other/cgroup")"
}

@test "exec: a missing program and a program without permission" {
  c_start "$I" "$T" sleep 1000
  run x "$T" /nope
  failed
  has 'no such file or directory'
  run x "$T" nope
  has 'executable file not found in $PATH'
  run x "$T" /etc/passwd
  has 'permission denied'
}

@test "exec: a terminal" {
  c_start "$I" "$T" sleep 1000
  run script -qec "timeout --foreground -k 5 60 ctr t exec -t --exec-id e1 $T sh -c 'tty; sleep 1; exit 4'" /dev/null
  ended_with 4
  has /dev/pts/
}

@test "exec: standard input is passed on" {
  c_start "$I" "$T" sleep 1000
  run bash -c "{ printf 'a\nb\nc\n'; sleep 2; } | timeout -k 5 60 ctr t exec --exec-id e1 $T wc -l"
  ended_with 0
  has 3
}

@test "exec: twenty at once, each with its own code" {
  c_start "$I" "$T" sleep 1000
  local i pids=()
  for i in $(seq 20); do
    timeout -k 5 60 ctr t exec --exec-id "m$i" "$T" sh -c "exit $i" </dev/null >"$BATS_TEST_TMPDIR/m$i" 2>&1 3>&- &
    pids+=($!)
  done
  for i in $(seq 20); do
    status=0
    wait "${pids[i - 1]}" || status=$?
    output=$(cat "$BATS_TEST_TMPDIR/m$i")
    ended_with "$i"
  done
}

@test "exec into a user namespace" {
  c_start --uidmap 0:100000:65536 --gidmap 0:100000:65536 "$I" "$T" sleep 1000
  run x "$T" sh -c 'id -u; cat /proc/self/uid_map; exit 6'
  ended_with 6
  [[ $output =~ 0\ +100000\ +65536 ]]
}

@test "tasks: list, processes, metrics" {
  c_start "$I" "$T" sh -c 'sleep 1000 & sleep 1000; :'
  wait_for 10 processes "$T" 3
  in_state "$T" RUNNING
  run ctr t metrics --format json "$T"
  ended_with 0
  is 'processes in the metrics' 3 "$(grep -v '^time=' <<<"$output" | jq -r '.. | .pids? // empty | .current' | head -n1)"
}

@test "tasks: pause and resume" {
  c_start "$I" "$T" sleep 1000
  ctr t pause "$T"
  wait_for 10 in_state "$T" PAUSED
  ctr t resume "$T"
  wait_for 10 in_state "$T" RUNNING
}

@test "tasks: a signal, and one for every process" {
  c_start "$I" "$T" sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
  sleep 0.5
  ctr t kill -s USR1 "$T"
  wait_for 10 in_state "$T" STOPPED
  run ctr t delete "$T"
  has 'exit code 9'
  c_start "$I" "$T-b" sh -c 'sleep 1000 & sleep 1000; :'
  wait_for 10 processes "$T-b" 3
  local pids
  pids=$(pids_of "$T-b")
  ctr t kill -a -s KILL "$T-b"
  local p
  for p in $pids; do wait_for 10 gone "$p"; done
}

@test "tasks: killing one that has ended says so" {
  c_start "$I" "$T" sleep 1000
  ctr t kill -s KILL "$T"
  wait_for 10 in_state "$T" STOPPED
  run ctr t kill -s KILL "$T"
  failed
  has 'not found'
}

@test "tasks: deleting one that runs is refused, then it is killed and deleted" {
  c_start "$I" "$T" sleep 1000
  run ctr t delete "$T"
  failed
  in_state "$T" RUNNING
  run ctr t delete -f "$T"
  ctr c rm "$T"
  is containers '' "$(ctr c ls -q)"
}

@test "a container without a pid namespace of its own leaves no process" {
  c_start --with-ns "pid:/proc/$$/ns/pid" "$I" "$T" sh -c 'sleep 997 & sleep 997; :'
  wait_for 10 processes "$T" 3
  local p pids
  pids=$(pids_of "$T")
  is 'pid namespace' "$(readlink /proc/self/ns/pid)" "$(readlink "/proc/$(pid_of "$T")/ns/pid")"
  ctr t kill -s KILL "$T"
  for p in $pids; do wait_for 15 gone "$p"; done
}

@test "the same name again while it is in use is refused, afterwards it works" {
  c_start "$I" "$T" sleep 1000
  run c_run "$I" "$T" true
  failed
  has 'already exists'
  ctr t kill -s KILL "$T"
  wait_for 10 in_state "$T" STOPPED
  ctr t delete "$T" || true
  ctr c rm "$T"
  run c_run --rm "$I" "$T" sh -c 'exit 2'
  ended_with 2
}

@test "containerd is restarted: the containers live on and can be used" {
  c_start "$I" "$T" sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
  local p
  p=$(pid_of "$T")
  containerd_stop TERM
  kill -0 "$p"
  containerd_start
  is pid "$p" "$(pid_of "$T")"
  in_state "$T" RUNNING
  containerd_stop KILL
  containerd_start
  in_state "$T" RUNNING
  run x "$T" sh -c 'exit 3'
  ended_with 3
  ctr t kill -s USR1 "$T"
  wait_for 10 in_state "$T" STOPPED
  run ctr t delete "$T"
  has 'exit code 9'
}

@test "containerd is killed, and so is the container before it comes back: it is found dead" {
  c_start "$I" "$T" sleep 1000
  local p
  p=$(pid_of "$T")
  containerd_stop KILL
  kill -9 "$p"
  wait_for 10 gone "$p"
  containerd_start
  wait_for 20 eval 'not in_state '"$T"' RUNNING'
  ctr t delete -f "$T" || true
  ctr c rm "$T"
}

@test "kill -9 of the shim: containerd has everything cleaned" {
  c_start "$I" "$T" sleep 1000
  local p shim
  p=$(pid_of "$T")
  shim=$(ps -o ppid= -p "$p" | tr -d ' ')
  is 'parent of the container' containerd-shim "$(cat "/proc/$shim/comm")"
  kill -9 "$shim"
  wait_for 15 gone "$p"
  wait_for 20 eval 'not in_state '"$T"' RUNNING'
}

@test "kill -9 of the shim between create and start: delete --force cleans everything" {
  timeout -k 5 60 ctr c create --runc-binary "$RT" "$I" "$T"
  # The runtime is stopped at its start command, by a program of the same name in front of it.
  printf '#!/bin/sh\ncase " $* " in *" start "*) : >%s; sleep 1000 ;; *) exec %s "$@" ;; esac\n' \
    "$BATS_TEST_TMPDIR/at-start" "$RT" >"$BATS_TEST_TMPDIR/runtime"
  chmod 755 "$BATS_TEST_TMPDIR/runtime"
  ctr c rm "$T"
  timeout -k 5 30 ctr run -d --runc-binary "$BATS_TEST_TMPDIR/runtime" "$I" "$T" sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
  local client=$! state=/run/containerd/runc/default p shim
  wait_for 20 test -e "$BATS_TEST_TMPDIR/at-start"
  is 'status before the kill' created "$("$RT" --root "$state" state "$T" | jq -r .status)"
  p=$("$RT" --root "$state" state "$T" | jq -r .pid)
  shim=$(ps -o ppid= -p "$p" | tr -d ' ')
  # Without containerd, or it would clean up itself before anybody can look.
  kill -STOP "$(cat "$E/containerd.pid")"
  pkill -9 -P "$shim" sleep || true
  kill -9 "$shim"
  wait_for 10 gone "$shim"
  "$RT" --root "$state" delete --force "$T"
  wait_for 10 gone "$p"
  not test -e "$state/$T"
  is 'cgroups left' '' "$(find /sys/fs/cgroup -type d -name "$T")"
  "$RT" --root "$state" delete --force "$T"
  kill -CONT "$(cat "$E/containerd.pid")"
  wait "$client" || true
  wait_for 20 eval 'not in_state '"$T"' RUNNING'
}

@test "ten containers at once" {
  local i pids=()
  for i in $(seq 10); do
    c_run --rm "$I" "$T-$i" sh -c "exit $i" >"$BATS_TEST_TMPDIR/o$i" 2>&1 3>&- &
    pids+=($!)
  done
  for i in $(seq 10); do
    status=0
    wait "${pids[i - 1]}" || status=$?
    output=$(cat "$BATS_TEST_TMPDIR/o$i")
    ended_with "$i"
  done
}

@test "the runtime's own log tells nothing at level error when all went well" {
  c_start "$I" "$T" sleep 1000
  local log=$E/state/io.containerd.runtime.v2.task/default/$T/log.json
  [ ! -s "$log" ] || not grep '"level":"error"' "$log"
}
