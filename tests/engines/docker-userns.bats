#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# dockerd with userns-remap and coffer: every container in a user namespace.

load ../cli/helpers
load engines

setup_file() { docker_setup_file --userns-remap dockremap; }
teardown_file() { dockerd_stop; }
teardown() { docker_teardown; }

@test "userns-remap: ids, terminal, network, limits, init" {
  dock bb:1 sh -c 'id -u; cat /proc/self/uid_map; touch /x && stat -c %u /x'
  assert_status 0
  assert_line 0
  assert_match '^ *0 +1800000000 +65536$'
  run docker_tty run --rm -it --init bb:1 tty
  assert_status 0
  assert_has /dev/pts/0
  dock --memory 64m bb:1 sh -c 'ip -4 addr show eth0; exit 3'
  assert_status 3
  assert_has 'inet 172.'
}

@test "userns-remap: volumes belong to the range; the host's stay out of reach; userns=host" {
  dock -v vol:/v bb:1 sh -c 'touch /v/f && stat -c %u /v/f'
  assert_status 0
  assert_line 0
  mkdir "$BATS_TEST_TMPDIR/mine"
  dock -v "$BATS_TEST_TMPDIR/mine:/m" bb:1 touch /m/f
  assert_status 1
  assert_has 'Permission denied'
  dock --userns host bb:1 cat /proc/self/uid_map
  assert_status 0
  assert_match '^ *0 +0 +4294967295$'
  docker volume rm vol >/dev/null
}

@test "userns-remap: life of a container" {
  docker run -d --name cc bb:1 sleep 1000 >/dev/null
  assert_same 'host uid' 1800000000 "$(stat -c %u "/proc/$(docker_pid cc)")"
  docker pause cc >/dev/null
  docker unpause cc >/dev/null
  docker stop -t 1 cc >/dev/null
  assert_same 'exit status' 137 "$(docker wait cc)"
}

@test "userns-remap: build" {
  mkdir "$BATS_TEST_TMPDIR/ctx"
  printf 'FROM bb:1\nRUN echo made >/made && chown user /made\nCMD ["stat", "-c", "%%U", "/made"]\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
  DOCKER_BUILDKIT=0 run docker build -t built:1 "$BATS_TEST_TMPDIR/ctx"
  assert_status 0
  dock built:1
  assert_line user
}
