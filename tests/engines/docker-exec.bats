#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# docker exec with coffer, and health checks.

load ../cli/helpers
load engines

setup_file() { docker_setup_file; }
teardown_file() { dockerd_stop; }
teardown() { docker_teardown; }

up() { docker run -d "$@" >/dev/null; }

@test "exec: exit status, 126, 127" {
  up --name cc bb:1 sleep 1000
  run docker exec cc sh -c 'exit 3'
  assert_status 3
  # Which of the two a client of this version makes of "not found" depends on the client.
  run docker exec cc /nope
  [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
  assert_has 'no such file or directory'
  run docker exec cc nope
  [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
  assert_has 'executable file not found'
  run docker exec cc /etc/passwd
  assert_status 126
  assert_has 'permission denied'
}

@test "exec: user, directory, environment, streams, terminal, detached" {
  up --name cc -e A=b bb:1 sleep 1000
  run docker exec -u 1000:1000 -w /tmp -e C=d cc sh -c 'id -u; pwd; echo $A$C'
  [ "$output" = $'1000\n/tmp\nbd' ]
  run bash -c 'set -o pipefail; printf "a\nb\n" | timeout 60 /usr/bin/docker exec -i cc wc -l'
  assert_line 2
  run docker_tty exec -it cc sh -c 'tty; exit 5'
  assert_status 5
  assert_has /dev/pts/
  docker exec -d cc sleep 1004
  wait_for 10 alive 'sleep 1004'
  run docker top cc
  assert_has 'sleep 1004'
}

@test "exec: namespaces, cgroup, capabilities, privileged" {
  up --name cc --cap-drop all --cap-add chown bb:1 sleep 1000
  exec_is_at_home docker cc "$(docker_pid cc)" ipc mnt net pid uts
}

@test "exec: paused, stopped, dying with the container" {
  up --name cc bb:1 sleep 1000
  exec_needs_life docker cc
}

@test "exec: eight at once" {
  up --name cc bb:1 sleep 1000
  exec_at_once docker cc
}

@test "health check" {
  up --name cc --health-cmd 'test -e /tmp/well' --health-interval 0.3s --health-retries 1 bb:1 sleep 1000
  wait_for 20 health cc unhealthy
  docker exec cc touch /tmp/well
  wait_for 20 health cc healthy
}

health() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }

@test "cp into and out of a container" {
  up --name cc bb:1 sleep 1000
  echo copied >"$BATS_TEST_TMPDIR/file"
  docker cp "$BATS_TEST_TMPDIR/file" cc:/tmp/file
  assert_same content copied "$(docker exec cc cat /tmp/file)"
}
