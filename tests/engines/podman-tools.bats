#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What stands between engines and coffer: descriptors and sockets passed on, hooks; and conmon and buildah by themselves.

load ../cli/helpers
load engines

setup_file() { podman_setup_file; }

teardown() {
  local pid
  for pid in ${BACKGROUND_PIDS:-}; do kill -9 "$pid" 2>/dev/null; done
  "$RT" --root "$BATS_TEST_TMPDIR/state" delete --force t1 2>/dev/null || true
  podman_teardown
}

@test "preserve-fds: descriptors of the caller are the container's" {
  echo precious >"$BATS_TEST_TMPDIR/file"
  run timeout 60 podman run --rm --network none --preserve-fds 2 bb:1 sh -c 'cat <&3; cat <&4; ls /proc/self/fd | wc -l' 3<"$BATS_TEST_TMPDIR/file" 4<"$BATS_TEST_TMPDIR/file"
  assert_status 0
  assert_same lines 2 "$(grep -c precious <<<"$output")"
  # 0 to 4, and the directory that ls reads.
  assert_line 6
  run timeout 60 podman run --rm --network none bb:1 sh -c 'cat <&3' 3<"$BATS_TEST_TMPDIR/file"
  assert_lacks precious
}

@test "socket activation: LISTEN_FDS and the descriptors" {
  echo precious >"$BATS_TEST_TMPDIR/file"
  run timeout 60 bash -c 'LISTEN_FDS=1 LISTEN_PID=$BASHPID exec podman run --rm --network none bb:1 sh -c "env; cat <&3"' 3<"$BATS_TEST_TMPDIR/file"
  assert_status 0
  assert_line LISTEN_FDS=1
  assert_line LISTEN_PID=1
  assert_line precious
}

# Writes what comes to a datagram socket, a datagram a line.
listen() { # listen SOCKET FILE
  python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
out = open(sys.argv[2], "a", buffering=1)
while True:
    out.write(s.recv(4096).decode().replace("\n", " ") + "\n")' "$1" "$2" 3>&- &
  background $!
  wait_for 10 test -S "$1"
}

@test "sdnotify=conmon: the service manager learns conmon's pid and that it is ready" {
  listen "$E/notify1" "$BATS_TEST_TMPDIR/told"
  NOTIFY_SOCKET=$E/notify1 podman run -d --name c --sdnotify conmon --network none bb:1 sleep 1000 >/dev/null
  wait_for 10 grep -q READY=1 "$BATS_TEST_TMPDIR/told"
  grep -q "MAINPID=$(podman inspect -f '{{.State.ConmonPid}}' c)" "$BATS_TEST_TMPDIR/told"
}

# This podman has conmon relay what comes to a socket that it has mounted at the place where coffer would put its own;
# older ones leave it to the runtime: tests/cli/sockets.bats.
@test "sdnotify=container: the program says when it is ready, the manager learns it then, and whom to watch" {
  local go=$BATS_TEST_TMPDIR/go
  mkdir "$go"
  chmod 755 "$go" "$BATS_TEST_TMPDIR"
  listen "$E/notify2" "$BATS_TEST_TMPDIR/told"
  NOTIFY_SOCKET=$E/notify2 timeout 60 podman run -d --name c --sdnotify container --network none -v "$go:/go" \
    -v "$COFFER_TESTBIN/testinit:/bin/testinit:ro" bb:1 sh -c 'echo "$NOTIFY_SOCKET" >/go/env
      while [ ! -e /go/on ]; do sleep 0.05; done
      testinit notify READY=1; sleep 1000' >"$BATS_TEST_TMPDIR/out" 2>&1
  wait_for 20 test -s "$go/env"
  assert_same address /run/notify/notify.sock "$(cat "$go/env")"
  assert_same running true "$(podman inspect -f '{{.State.Running}}' c)"
  not grep -q READY "$BATS_TEST_TMPDIR/told"
  touch "$go/on"
  wait_for 10 grep -q READY=1 "$BATS_TEST_TMPDIR/told"
  assert_same times 1 "$(grep -c READY "$BATS_TEST_TMPDIR/told")"
  grep -q "MAINPID=$(podman inspect -f '{{.State.ConmonPid}}' c)" "$BATS_TEST_TMPDIR/told"
}

@test "sdnotify=container: a program that ends without a word is no hang" {
  listen "$E/notify3" "$BATS_TEST_TMPDIR/told"
  NOTIFY_SOCKET=$E/notify3 run timeout 60 podman run --name c --sdnotify container --network none bb:1 sh -c 'exit 7'
  assert_status 7
  not grep -q READY "$BATS_TEST_TMPDIR/told"
}

@test "sdnotify=ignore: the container has no socket" {
  NOTIFY_SOCKET=$E/nosuch run podman run --rm --sdnotify ignore --network none bb:1 env
  assert_status 0
  assert_lacks NOTIFY_SOCKET
}

@test "hooks: called with the state, at their times; a failing one is told" {
  mkdir "$BATS_TEST_TMPDIR/hooks"
  local stage
  for stage in prestart createRuntime poststart poststop; do
    jq -n --arg s "$stage" --arg d "$BATS_TEST_TMPDIR" '{version: "1.0.0", when: {always: true}, stages: [$s],
      hook: {path: "/bin/sh", args: ["sh", "-c", "cat >\($d)/\($s)"]}}' >"$BATS_TEST_TMPDIR/hooks/$stage.json"
  done
  one --annotation my.note=1 --name h --hooks-dir "$BATS_TEST_TMPDIR/hooks" bb:1 true
  assert_status 0
  for stage in prestart createRuntime; do
    assert_same "$stage" '1 true' "$(jq -r '"\(.annotations["my.note"]) \(.pid > 0)"' "$BATS_TEST_TMPDIR/$stage")"
  done
  [ -s "$BATS_TEST_TMPDIR/poststop" ]
  jq -n '{version: "1.0.0", when: {always: true}, stages: ["createRuntime"],
    hook: {path: "/bin/sh", args: ["sh", "-c", "echo no, says the hook >&2; exit 3"]}}' >"$BATS_TEST_TMPDIR/hooks/bad.json"
  one --hooks-dir "$BATS_TEST_TMPDIR/hooks" bb:1 true
  assert_status 126
  assert_has hook
}

# ---- conmon as CRI-O drives it ----
# A bundle by hand, in $BUNDLE, with what CRI-O gives.
conmon_bundle() { # conmon_bundle ARG...
  BUNDLE=$BATS_TEST_TMPDIR/bundle
  mkdir -p "$BUNDLE" "$BATS_TEST_TMPDIR"/{exits,sockets}
  [ -e "$BUNDLE/rootfs" ] || cp -a "$E/layer" "$BUNDLE/rootfs"
  "$COFFER" spec --bundle "$BUNDLE" 2>/dev/null || true
  bundle_edit '.process.terminal = false | .linux.cgroupsPath = "/engines-conmon/t1"'
  set_args "$@"
}

conmon_create() { # conmon_create [OPTION...]
  (cd "$BUNDLE" && _OCI_SYNCPIPE=7 timeout 60 conmon -b "$BUNDLE" -c t1 -u t1 -n t1 -r "$RT" --runtime-arg "--root=$BATS_TEST_TMPDIR/state" \
    -p "$BATS_TEST_TMPDIR/pidfile" -P "$BATS_TEST_TMPDIR/conmon.pid" --exit-dir "$BATS_TEST_TMPDIR/exits" --persist-dir "$BUNDLE" \
    -l "k8s-file:$BATS_TEST_TMPDIR/log" --socket-dir-path "$BATS_TEST_TMPDIR/sockets" --log-level warn --syslog=false "$@" \
    7>"$BATS_TEST_TMPDIR/sync" 3>&- >"$BATS_TEST_TMPDIR/conmon.out" 2>&1 </dev/null)
  wait_for 20 test -s "$BATS_TEST_TMPDIR/sync"
}

rt() { timeout 60 "$RT" --root "$BATS_TEST_TMPDIR/state" "$@"; }

@test "conmon as CRI-O uses it: create, state, start, log, exit file" {
  conmon_bundle sh -c 'echo hello; echo wrong >&2; exit 6'
  conmon_create
  local pid
  pid=$(jq -r '.pid // .data' "$BATS_TEST_TMPDIR/sync")
  [ "$pid" -gt 1 ]
  assert_same pidfile "$pid" "$(cat "$BATS_TEST_TMPDIR/pidfile")"
  assert_same status created "$(rt state t1 | jq -r .status)"
  rt start t1
  wait_for 10 test -e "$BATS_TEST_TMPDIR/exits/t1"
  assert_same 'exit file' 6 "$(cat "$BATS_TEST_TMPDIR/exits/t1")"
  grep -q 'stdout F hello' "$BATS_TEST_TMPDIR/log"
  grep -q 'stderr F wrong' "$BATS_TEST_TMPDIR/log"
  # After the exit file CRI-O asks again.
  assert_same status stopped "$(rt state t1 | jq -r .status)"
  rt delete --force t1
}

@test "conmon with NOTIFY_SOCKET, which it leaves to coffer: start waits for the program, the manager learns it" {
  local pid
  conmon_bundle sh -c 'while [ ! -e /tmp/on ]; do sleep 0.05; done; testinit notify STATUS=busy; testinit notify READY=1; sleep 1000'
  bundle_edit '.root.readonly = false'
  cp "$COFFER_TESTBIN/testinit" "$BUNDLE/rootfs/bin/"
  listen "$E/notify4" "$BATS_TEST_TMPDIR/told"
  NOTIFY_SOCKET=$E/notify4 conmon_create
  rt start t1 3>&- &
  pid=$!
  background "$pid"
  wait_for 10 eval '[ "$(rt state t1 | jq -r .status)" = running ]'
  sleep 0.3
  kill -0 "$pid"
  [ ! -s "$BATS_TEST_TMPDIR/told" ]
  rt exec t1 touch /tmp/on
  wait "$pid"
  grep -q READY=1 "$BATS_TEST_TMPDIR/told"
  not grep -q STATUS "$BATS_TEST_TMPDIR/told"
  grep -q "MAINPID=$(cat "$BATS_TEST_TMPDIR/pidfile")" "$BATS_TEST_TMPDIR/told"
  rt delete --force t1
}

@test "kill -9 of conmon while it has something executed: the process goes with the container, others can be entered" {
  local pid
  conmon_bundle sleep 1000
  conmon_create
  rt start t1
  jq '.process | .args = ["sleep", "999"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process"
  (cd "$BUNDLE" && timeout 60 conmon -b "$BUNDLE" -c t1 -u t1-exec -n t1 -r "$RT" --runtime-arg "--root=$BATS_TEST_TMPDIR/state" \
    -p "$BATS_TEST_TMPDIR/exec.pid" -P "$BATS_TEST_TMPDIR/exec.conmon" -e --exec-process-spec "$BATS_TEST_TMPDIR/process" \
    --exit-dir "$BATS_TEST_TMPDIR/exits" -l none --socket-dir-path "$BATS_TEST_TMPDIR/sockets" --syslog=false 3>&- >/dev/null 2>&1 </dev/null)
  wait_for 20 test -s "$BATS_TEST_TMPDIR/exec.pid"
  pid=$(cat "$BATS_TEST_TMPDIR/exec.pid")
  kill -9 "$(cat "$BATS_TEST_TMPDIR/exec.conmon")"
  grep -q 999 "/proc/$pid/cmdline"
  rt exec t1 true
  assert_same status running "$(rt state t1 | jq -r .status)"
  rt delete --force t1
  wait_for 10 eval "not kill -0 $pid 2>/dev/null"
}

@test "conmon as CRI-O uses it: a terminal" {
  conmon_bundle sh -c 'tty; exit 8'
  bundle_edit '.process.terminal = true'
  conmon_create -t
  rt start t1
  wait_for 10 test -e "$BATS_TEST_TMPDIR/exits/t1"
  assert_same 'exit file' 8 "$(cat "$BATS_TEST_TMPDIR/exits/t1")"
  grep -q /dev/pts/0 "$BATS_TEST_TMPDIR/log"
  rt delete --force t1
}

@test "conmon as CRI-O uses it: the reason of a failed create reaches the engine at once" {
  conmon_bundle /no/such/program
  conmon_create || true
  assert_same pid -1 "$(jq -r '.pid // .data' "$BATS_TEST_TMPDIR/sync")"
  jq -r .message "$BATS_TEST_TMPDIR/sync" | grep -q 'no such file or directory'
}

@test "conmon as CRI-O uses it: stop with SIGTERM, then SIGKILL, kill of what is gone" {
  conmon_bundle sleep 1000
  conmon_create
  rt start t1
  rt kill t1 15
  rt kill t1 KILL
  wait_for 10 test -e "$BATS_TEST_TMPDIR/exits/t1"
  assert_same 'exit file' 137 "$(cat "$BATS_TEST_TMPDIR/exits/t1")"
  run rt kill t1 KILL
  assert_status 1
  assert_has 'container not running'
  rt delete --force t1
}

@test "kill -9 of conmon between create and start: state tells, delete --force cleans" {
  conmon_bundle sleep 1000
  conmon_create
  kill -9 "$(cat "$BATS_TEST_TMPDIR/conmon.pid")"
  assert_same status created "$(rt state t1 | jq -r .status)"
  rt delete --force t1
  not kill -0 "$(cat "$BATS_TEST_TMPDIR/pidfile")" 2>/dev/null
  run rt state t1
  assert_status 1
}

@test "kill -9 of conmon while it creates: delete --force cleans" {
  local delay pid first
  for delay in 0.005 0.01 0.02 0.03; do
    conmon_bundle sleep 1000
    : >"$BATS_TEST_TMPDIR/sync"
    (cd "$BUNDLE" && _OCI_SYNCPIPE=7 exec conmon -b "$BUNDLE" -c t1 -u t1 -n t1 -r "$RT" --runtime-arg "--root=$BATS_TEST_TMPDIR/state" \
      -p "$BATS_TEST_TMPDIR/pidfile" --exit-dir "$BATS_TEST_TMPDIR/exits" --persist-dir "$BUNDLE" -l "k8s-file:$BATS_TEST_TMPDIR/log" \
      --socket-dir-path "$BATS_TEST_TMPDIR/sockets" 7>"$BATS_TEST_TMPDIR/sync" 3>&- >/dev/null 2>&1 </dev/null) &
    first=$!
    sleep "$delay"
    # Whichever of its two processes there are; no others are in the cell. The first may end by itself meanwhile.
    for pid in $(pgrep -x conmon); do kill -9 "$pid" 2>/dev/null || :; done
    wait "$first" || :
    sleep 0.2
    rt delete --force t1
    no_leftovers
    [ ! -e "$BATS_TEST_TMPDIR/state/t1" ]
  done
}

# ---- buildah ----
@test "buildah run: exit status, terminal, volume, user" {
  requires_program buildah
  local c
  c=$(buildah from --pull-never localhost/bb:1)
  run timeout 60 buildah run --runtime "$RT" --isolation oci --network none "$c" sh -c 'echo built; exit 9'
  assert_status 9
  assert_line built
  # Whatever a runtime writes lands in the output of a build.
  run timeout 60 buildah run --runtime "$RT" --isolation oci --network none "$c" true
  assert_same output '' "$output"
  run script -qec "timeout --foreground 60 buildah run --runtime $RT --isolation oci --network none -t $c tty" /dev/null
  assert_status 0
  assert_has /dev/pts/0
  run timeout 60 buildah run --runtime "$RT" --isolation oci --network none --user 1000 -v "$E:/e:ro" "$c" sh -c 'id -u; ls /e/bin'
  assert_status 0
  assert_line 1000
  assert_line "$RT_NAME"
  run timeout 60 buildah run --runtime "$RT" --isolation oci --network none "$c" /nope
  [ "$status" -ne 0 ]
  assert_has 'no such file or directory'
  buildah rm "$c" >/dev/null
}

@test "buildah bud and podman build: RUN steps, caching, a failing step" {
  requires_program buildah
  mkdir "$BATS_TEST_TMPDIR/ctx"
  printf 'FROM localhost/bb:1\nRUN echo made >/made && chown user /made\nUSER user\nWORKDIR /tmp\nRUN id -u >/tmp/who\nCMD ["cat", "/made", "/tmp/who"]\n' >"$BATS_TEST_TMPDIR/ctx/Containerfile"
  run timeout 60 buildah bud --runtime "$RT" --isolation oci --network none --pull-never -t built:1 "$BATS_TEST_TMPDIR/ctx"
  assert_status 0
  one localhost/built:1
  assert_status 0
  [ "$output" = $'made\n1000' ]
  run podman build --network none --pull-never -t built:2 "$BATS_TEST_TMPDIR/ctx"
  assert_status 0
  printf 'FROM localhost/bb:1\nRUN exit 3\n' >"$BATS_TEST_TMPDIR/ctx/Containerfile"
  run timeout 60 buildah bud --runtime "$RT" --isolation oci --network none --pull-never "$BATS_TEST_TMPDIR/ctx"
  assert_status 3
}

requires_program() { command -v "$1" >/dev/null || skip "$1 is not installed"; }
