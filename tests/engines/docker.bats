#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# dockerd with coffer as its default runtime.

load ../cli/helpers
load engines

setup_file() { docker_setup_file; }
teardown_file() { dockerd_stop; }
teardown() { docker_teardown; }

@test "versions" {
  tested_version docker "$(docker version -f '{{.Server.Version}}')" '20.10.*' '26.1.*'
  tested_version containerd "$(docker version -f '{{(index .Server.Components 1).Version}}')" '1.6.*' '1.7.*'
  run docker info -f '{{.DefaultRuntime}} {{.Runtimes.coffer.Path}}'
  assert_status 0
  assert_line "coffer $RT"
}

@test "run: exit statuses of program, daemon and client" {
  dock bb:1 true
  assert_status 0
  dock bb:1 sh -c 'exit 7'
  assert_status 7
  run -127 docker run --rm bb:1 /nope
  run -127 docker run --rm bb:1 nope
  dock bb:1 /etc/passwd
  assert_status 126
  dock bb:1 /etc
  [ "$status" -eq 126 ] || [ "$status" -eq 125 ]
  assert_match 'permission denied|is a directory'
  dock --init bb:1 sh -c 'kill -9 $$'
  assert_status 137
}

@test "run: streams, terminal, standard input" {
  dock bb:1 sh -c 'echo out; echo err >&2'
  assert_has out
  assert_has err
  run bash -c 'set -o pipefail; printf "a\nb\n" | timeout 60 /usr/bin/docker run --rm -i bb:1 wc -l'
  assert_status 0
  assert_line 2
  run docker_tty run --rm -it bb:1 sh -c 'tty; test -t 0 && test -t 1 && echo terminal'
  assert_status 0
  assert_has /dev/pts/0
  assert_has terminal
}

@test "run: what is bound on the wrong kind of file, and a missing source" {
  echo x >"$BATS_TEST_TMPDIR/file"
  dock -v "$BATS_TEST_TMPDIR/file:/etc" bb:1 true
  assert_status 125
  assert_match 'not a directory|directory onto a file'
  dock --mount "type=bind,source=$BATS_TEST_TMPDIR/nosuch,target=/m" bb:1 true
  assert_status 125
  dock -v "$BATS_TEST_TMPDIR/file:/f:ro" bb:1 sh -c 'cat /f; echo y >/f'
  assert_line x
  assert_has 'Read-only file system'
}

@test "run: user, groups, directory, environment, host name, network" {
  dock -u 1000:1000 --group-add 2000 -w /tmp -e A=b --hostname h1 bb:1 sh -c 'id -u; id -G; pwd; echo $A; hostname'
  assert_status 0
  assert_line 1000
  assert_has 2000
  assert_line /tmp
  assert_line b
  assert_line h1
  dock bb:1 sh -c 'ip -4 addr show eth0; ip route'
  assert_has 'inet 172.'
  assert_has 'default via'
  docker run -d --name web -p 18080:80 bb:1 sh -c 'mkdir /w; echo served >/w/index.html; httpd -f -p 80 -h /w' >/dev/null
  wait_for 10 busybox wget -q -O - http://127.0.0.1:18080/
  # From another container, by the network of the first.
  dock --network container:web bb:1 wget -q -O - http://127.0.0.1/
  assert_line served
  dock --network none bb:1 ip -o link
  assert_lacks eth0
}

@test "resources: at the start, updated, counted" {
  docker run -d --name cc --memory 64m --cpus 0.5 --pids-limit 50 --cpuset-cpus 0 --ulimit nofile=100:200 bb:1 sleep 1000 >/dev/null
  local mem cpu
  mem=$(docker_cgroup cc memory) cpu=$(docker_cgroup cc cpu)
  assert_same memory 67108864 "$(cat "$mem/memory.limit_in_bytes")"
  assert_same quota 50000 "$(cat "$cpu/cpu.cfs_quota_us")"
  assert_same pids 50 "$(cat "$(docker_cgroup cc pids)/pids.max")"
  assert_same nofile '100 200' "$(awk '/open files/ { print $4, $5 }' "/proc/$(docker_pid cc)/limits")"
  docker update --memory 128m --memory-swap -1 --cpus 0.25 --pids-limit 60 cc >/dev/null
  assert_same memory 134217728 "$(cat "$mem/memory.limit_in_bytes")"
  assert_same quota 25000 "$(cat "$cpu/cpu.cfs_quota_us")"
  assert_same pids 60 "$(cat "$(docker_cgroup cc pids)/pids.max")"
  run docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' cc
  assert_status 0
  assert_match '/ 128MiB 1$'
  run docker top cc
  assert_status 0
  assert_has 'sleep 1000'
}

@test "out of memory: OOMKilled" {
  run docker run --name cc --memory 16m --memory-swap 16m bb:1 tail -c 200m /dev/zero
  assert_status 137
  assert_same OOMKilled true "$(docker inspect -f '{{.State.OOMKilled}}' cc)"
}

@test "stop, kill, restart, wait, logs, start -a" {
  docker run -d --name cc bb:1 sh -c 'trap "exit 5" TERM; trap "echo usr" USR1; echo up; while :; do sleep 0.1; done' >/dev/null
  wait_for 10 docker_logged cc up
  docker kill -s USR1 cc >/dev/null
  wait_for 10 docker_logged cc usr
  docker stop -t 10 cc >/dev/null
  assert_same 'exit status' 5 "$(docker wait cc)"
  docker restart -t 1 cc >/dev/null
  assert_same status running "$(docker_status cc)"
  docker kill cc >/dev/null
  assert_same 'exit status' 137 "$(docker wait cc)"
  docker run -d --name deaf bb:1 sleep 1000 >/dev/null
  docker stop -t 1 deaf >/dev/null
  assert_same 'exit status' 137 "$(docker wait deaf)"
  docker create --name aa bb:1 sh -c 'echo again; exit 4' >/dev/null
  run docker start -a aa
  assert_status 4
  assert_line again
}

@test "pause and unpause" {
  docker run -d --name cc bb:1 sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.05; done' >/dev/null
  local file a
  file=/proc/$(docker_pid cc)/root/tmp/n
  wait_for 10 test -s "$file"
  docker pause cc >/dev/null
  assert_same status paused "$(docker_status cc)"
  a=$(cat "$file")
  sleep 0.3
  assert_same 'count while paused' "$a" "$(cat "$file")"
  docker unpause cc >/dev/null
  sleep 0.3
  assert_differ 'count after unpause' "$a" "$(cat "$file")"
}

@test "restart policies" {
  docker run -d --name cc --restart on-failure:2 bb:1 sh -c 'echo life; exit 1' >/dev/null
  wait_for 20 docker_is cc exited
  assert_same restarts 2 "$(docker inspect -f '{{.RestartCount}}' cc)"
  assert_same lives 3 "$(docker logs cc | grep -c life)"
  docker run -d --name always --restart always bb:1 sleep 1000 >/dev/null
  local pid; pid=$(docker_pid always)
  kill -9 "$pid"
  wait_for 20 restarted always "$pid"
}

restarted() { docker_is "$1" running && [ "$(docker_pid "$1")" != "$2" ]; }

@test "dockerd is started anew: restarted by its policy, or not even stopped with live-restore" {
  docker run -d --name cc --restart always bb:1 sh -c 'trap exit TERM; while :; do sleep 0.1; done' >/dev/null
  local pid; pid=$(docker_pid cc)
  dockerd_stop
  dockerd_start --live-restore
  wait_for 20 restarted cc "$pid"
  pid=$(docker_pid cc)
  dockerd_stop
  kill -0 "$pid"
  dockerd_start --live-restore
  wait_for 20 docker_is cc running
  assert_same pid "$pid" "$(docker_pid cc)"
  docker pause cc >/dev/null
  docker unpause cc >/dev/null
  docker stop -t 5 cc >/dev/null
  assert_same 'exit status' 0 "$(docker wait cc)"
}

@test "kill -9 of the shim: the container ends, nothing is left, it can be started again" {
  docker run -d --name cc bb:1 sh -c 'sleep 1001 & sleep 1001' >/dev/null
  kill -9 "$(pgrep -o containerd-shim)"
  wait_for 20 docker_is cc exited
  wait_for 5 not alive 'sleep 1001'
  docker start cc >/dev/null
  assert_same status running "$(docker_status cc)"
}

@test "namespaces of the host: pid, ipc, uts, network" {
  local what
  for what in pid ipc uts network; do
    dock "--$what" host bb:1 readlink "/proc/self/ns/${what/network/net}"
    assert_status 0
    assert_line "$(readlink "/proc/self/ns/${what/network/net}")"
  done
  docker run -d --name hh --pid host bb:1 sh -c 'sleep 1001 & sleep 1001' >/dev/null
  docker stop -t 1 hh >/dev/null
  wait_for 5 not alive 'sleep 1001'
}

@test "read-only, tmpfs, volumes, devices, sysctl, shm size" {
  dock --read-only --tmpfs /t:size=64k bb:1 sh -c 'touch /t/x && echo scratch; touch /x'
  assert_line scratch
  assert_has 'Read-only file system'
  dock -v vol:/etc bb:1 sh -c 'grep root: /etc/passwd; echo kept >/etc/kept'
  assert_status 0
  dock -v vol:/n:ro bb:1 sh -c 'cat /n/kept; touch /n/x'
  assert_line kept
  assert_has 'Read-only file system'
  dock --device /dev/fuse:/dev/mine:r bb:1 sh -c ': </dev/mine && echo opened; : >/dev/mine'
  assert_line opened
  assert_has 'Operation not permitted'
  dock --sysctl net.ipv4.ip_unprivileged_port_start=80 --shm-size 1m bb:1 sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; df -k /dev/shm | tail -n 1'
  assert_line 80
  assert_match '^shm +1024 '
  docker volume rm vol >/dev/null
}

@test "capabilities, no-new-privileges, seccomp, apparmor unconfined" {
  dock --cap-drop all --cap-add net_raw bb:1 grep Cap /proc/self/status
  assert_match 'CapEff:.0000000000002000'
  dock --security-opt no-new-privileges --security-opt apparmor=unconfined bb:1 grep NoNewPrivs /proc/self/status
  assert_match 'NoNewPrivs:.1'
  printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >"$BATS_TEST_TMPDIR/profile.json"
  dock --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb:1 mkdir /d
  assert_has 'Operation not permitted'
  dock --security-opt seccomp=unconfined bb:1 grep Seccomp: /proc/self/status
  assert_match 'Seccomp:.0'
  dock bb:1 grep Seccomp: /proc/self/status
  assert_match 'Seccomp:.2'
}

@test "privileged" {
  dock --privileged bb:1 sh -c 'ls /dev/fuse && echo x >/proc/sys/kernel/domainname && mount -t tmpfs t /mnt && echo mounted'
  assert_status 0
  assert_line mounted
}

@test "a cgroup parent of one's own" {
  docker run -d --name cc --cgroup-parent /mine bb:1 sleep 1000 >/dev/null
  [[ $(docker_cgroup cc memory) == */mine/* ]]
}

@test "build: the classic builder" {
  mkdir "$BATS_TEST_TMPDIR/ctx"
  printf 'FROM bb:1\nRUN echo made >/made\nUSER user\nRUN id -u >/tmp/who\nCMD ["cat", "/made", "/tmp/who"]\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
  DOCKER_BUILDKIT=0 run docker build -t built:1 "$BATS_TEST_TMPDIR/ctx"
  assert_status 0
  dock built:1
  [ "$output" = $'made\n1000' ]
  printf 'FROM bb:1\nRUN exit 3\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
  DOCKER_BUILDKIT=0 run docker build "$BATS_TEST_TMPDIR/ctx"
  [ "$status" -ne 0 ]
  assert_has 'returned a non-zero code: 3'
}

@test "build: BuildKit" {
  mkdir "$BATS_TEST_TMPDIR/ctx"
  printf 'FROM bb:1\nRUN echo made >/made && echo "in $(readlink /proc/self/ns/pid)"\nCMD ["cat", "/made"]\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
  DOCKER_BUILDKIT=1 run docker build --progress plain --no-cache -t built:2 "$BATS_TEST_TMPDIR/ctx"
  assert_status 0
  assert_has 'in pid:'
  dock built:2
  assert_line made
  printf 'FROM bb:1\nRUN echo reason >&2; exit 3\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
  DOCKER_BUILDKIT=1 run docker build --progress plain "$BATS_TEST_TMPDIR/ctx"
  [ "$status" -ne 0 ]
  assert_has reason
  assert_has 'exit code: 3'
}
