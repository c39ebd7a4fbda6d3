#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# podman exec with coffer, and what is made of it: health checks, copies.

load ../cli/helpers
load engines

setup_file() { podman_setup_file; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() { podman_teardown; }

@test "exec: exit status, 126, 127, death by a signal" {
  podman_up c
  run podman exec c true
  assert_status 0
  run podman exec c sh -c 'exit 3'
  assert_status 3
  run -127 podman exec c /nope
  run -127 podman exec c nope
  run -127 podman exec c ''
  run podman exec c /etc/passwd
  assert_status 126
  run podman exec c sh -c 'kill -9 $$'
  assert_status 137
}

@test "exec: user, groups, directory, environment, streams" {
  podman_up c -e A=b
  run podman exec -u 1000:1000 -w /tmp -e C=d c sh -c 'id -u; id -g; pwd; echo $A$C'
  assert_status 0
  [ "$output" = $'1000\n1000\n/tmp\nbd' ]
  # podman appends what is overridden.
  run podman exec -e A=c c env
  assert_line A=c
  assert_lacks A=b
  # By name, with the groups of the image.
  run podman exec -u user c id -G
  assert_has 2000
  run podman exec c sh -c 'echo out; echo err >&2'
  assert_has out
  assert_has err
  run bash -c 'set -o pipefail; printf "a\nb\n" | timeout 60 podman exec -i c wc -l'
  assert_status 0
  assert_line 2
  run podman exec -w /nosuch c true
  [ "$status" -ge 126 ]
}

@test "exec: a terminal" {
  podman_up c
  run podman_tty exec -it c sh -c 'tty; test -t 0 && test -t 1 && echo terminal; exit 5'
  assert_status 5
  assert_has /dev/pts/
  assert_has terminal
}

@test "exec: detached" {
  podman_up c
  podman exec -d c sh -c 'touch /tmp/done; sleep 1004' >/dev/null
  wait_for 10 podman exec c test -e /tmp/done
  podman top c args | grep -q 'sleep 1004'
}

@test "exec: it has the namespaces, cgroup, seccomp profile and capabilities of the container" {
  podman_up c --cap-drop all --cap-add chown --memory 64m
  exec_is_at_home podman c "$(podman_pid c)" cgroup ipc mnt net pid user uts
}

@test "exec: in a user namespace" {
  podman_up c --uidmap 0:100000:65536 --gidmap 0:100000:65536
  run podman exec c sh -c 'id -u; cat /proc/self/uid_map'
  assert_status 0
  assert_line 0
  assert_match '^ *0 +100000 +65536$'
  run podman exec -u 1000 c id -u
  assert_line 1000
  run podman_tty exec -it c tty
  assert_has /dev/pts/
}

@test "exec: after stop, while paused, while the container ends" {
  podman_up c
  exec_needs_life podman c
}

@test "exec: twenty in a row and eight at once, none is left" {
  podman_up c
  local i
  for i in $(seq 20); do podman exec c true; done
  exec_at_once podman c
  assert_same processes 1 "$(podman top c pid | tail -n +2 | wc -l)"
}

@test "exec: preserve-fds" {
  podman_up c
  echo precious >file
  run timeout 60 podman exec --preserve-fds 1 c sh -c 'cat <&3' 3<file
  assert_status 0
  assert_line precious
}

@test "health check: healthy, unhealthy" {
  podman_up c --health-cmd 'test -e /tmp/well' --health-retries 1
  run podman healthcheck run c
  [ "$status" -ne 0 ]
  assert_same health unhealthy "$(podman inspect -f '{{.State.Healthcheck.Status}}' c)"
  podman exec c touch /tmp/well
  run podman healthcheck run c
  assert_status 0
  assert_same health healthy "$(podman inspect -f '{{.State.Healthcheck.Status}}' c)"
}

@test "exec in a pod, and with the host's pid namespace" {
  podman pod create --name p --infra-image bb:1 --infra-command 'sleep 1000' --network none --share pid,ipc,net,uts >/dev/null
  podman run -d --pod p --name p1 bb:1 sleep 1007 >/dev/null
  run podman exec p1 ps
  assert_has 'sleep 1000'
  podman_up h --pid host
  podman exec -d h sleep 1008 >/dev/null
  wait_for 5 alive 'sleep 1008'
  # It dies with the container, which nothing but the cgroup tells.
  # podman 4.3 may complain of an exec session whose conmon has not told its end yet.
  podman stop -t 0 h >/dev/null 2>&1 || true
  wait_for 5 not alive 'sleep 1008'
}

@test "cp into and out of a container" {
  podman_up c
  echo copied >file
  podman cp file c:/tmp/file
  assert_same content copied "$(podman exec c cat /tmp/file)"
  podman cp c:/etc/passwd out
  grep -q root out
}

@test "conmon's exec as CRI-O calls it: exit status, output, time limit" {
  BUNDLE=$BATS_TEST_TMPDIR/bundle
  mkdir -p "$BUNDLE"
  cp -a "$E/layer" "$BUNDLE/rootfs"
  "$COFFER" spec --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .linux.cgroupsPath = "/engines-conmon/t2" | .process.args = ["sleep", "1000"]'
  "$RT" --root "$BATS_TEST_TMPDIR/state" create --bundle "$BUNDLE" t2 >/dev/null 2>&1 </dev/null 3>&-
  "$RT" --root "$BATS_TEST_TMPDIR/state" start t2
  crio_exec 'echo answer; exit 3' 10
  assert_same 'exit code' 3 "$(jq -r .exit_code sync)"
  grep -q 'stdout F answer' log
  crio_exec 'sleep 1009' 1
  assert_same 'exit code' -1 "$(jq -r .exit_code sync)"
  not alive 'sleep 1009'
  crio_exec_args 10 /nope
  assert_same 'exit code' -1 "$(jq -r .exit_code sync)"
  "$RT" --root "$BATS_TEST_TMPDIR/state" delete --force t2
}

crio_exec() { crio_exec_args "$2" sh -c "$1"; }
crio_exec_args() { # crio_exec_args SECONDS ARG...
  local limit=$1; shift
  jq '.process | .args = $ARGS.positional' "$BUNDLE/config.json" --args -- "$@" >process.json
  rm -f sync log pid
  _OCI_SYNCPIPE=7 timeout 60 conmon -c t2 -u t2-exec -n t2 -r "$RT" -p "$PWD/pid" -e --sync -l "k8s-file:$PWD/log" --exec-process-spec "$PWD/process.json" \
    --runtime-arg "--root=$BATS_TEST_TMPDIR/state" --socket-dir-path "$PWD" -T "$limit" 7>sync 3>&- >conmon.out 2>&1 </dev/null || true
  wait_for 20 test -s sync
}
