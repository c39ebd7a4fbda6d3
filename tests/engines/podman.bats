#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# podman with coffer as its runtime: life of a container, streams, exit codes, resources.

load ../cli/helpers
load engines

setup_file() { podman_setup_file; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() { podman_teardown; }

@test "versions" {
  tested_version podman "$(podman version -f '{{.Client.Version}}')" '4.3.*' '5.4.*'
  tested_version conmon "$(conmon --version | awk '/version/ { print $3; exit }')" '2.1.*'
  run podman info -f '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
  assert_status 0
  assert_has "$RT_NAME $RT"
}

@test "the configuration that coffer ships" {
  [ "$RT_NAME" = coffer ] || skip 'it is for coffer'
  sed "s|/usr/bin/coffer|$RT|" "$BATS_TEST_DIRNAME/../../contrib/podman/coffer.conf" >conf
  run env CONTAINERS_CONF="$PWD/conf" timeout 60 podman --cgroup-manager cgroupfs --events-backend file run --rm --network none --ulimit nofile=100 \
    --ulimit nproc=100 --cgroups disabled bb:1 echo configured
  assert_status 0
  assert_line configured
  # An error comes from the log, so podman knows what was not found.
  run -127 env CONTAINERS_CONF="$PWD/conf" timeout 60 podman --cgroup-manager cgroupfs --events-backend file run --rm --network none --ulimit nofile=100 \
    --ulimit nproc=100 bb:1 /nope
  assert_has 'Error: coffer: process.args[0]: exec: "/nope": stat /nope: no such file or directory'
}

@test "run: exit status of the program, 126, 127, death by a signal" {
  one bb:1 true
  assert_status 0
  one bb:1 sh -c 'exit 7'
  assert_status 7
  run -127 podman run --rm --network none bb:1 /nope
  run -127 podman run --rm --network none bb:1 nope
  run -127 podman run --rm --network none bb:1 ''
  one bb:1 /etc/passwd
  assert_status 126
  one bb:1 /etc
  assert_status 126
  one --init bb:1 sh -c 'kill -9 $$'
  assert_status 137
}

@test "run: a terminal of its own, and standard input without one" {
  run podman_tty run --rm -it --network none bb:1 sh -c 'tty; stty size'
  assert_status 0
  assert_has /dev/pts/0
  run bash -c 'set -o pipefail; printf "a\nb\n" | "$@"' - timeout 60 podman run --rm -i --network none bb:1 wc -l
  assert_status 0
  assert_line 2
  one bb:1 sh -c 'echo out; echo err >&2'
  assert_has out
  assert_has err
}

@test "run: user, groups, directory, environment, host name, hosts file" {
  one -u 1000:1000 --group-add 2000 -w /tmp -e A=b --hostname h1 bb:1 sh -c 'id -u; id -G; pwd; echo $A; hostname; grep -c h1 /etc/hosts /etc/hostname'
  assert_status 0
  assert_line 1000
  assert_has 2000
  assert_line /tmp
  assert_line b
  assert_line h1
}

@test "create, init, start, attach, wait, logs" {
  podman create --name c --network none bb:1 sh -c 'echo started; echo oops >&2; exit 4' >/dev/null
  podman init c >/dev/null
  [ "$(podman_status c)" = initialized ]
  run podman start -a c
  assert_status 4
  assert_has started
  [ "$(podman wait c)" = 4 ]
  run podman logs c
  assert_has started
  assert_has oops
  # A second life of the same container.
  run podman start -a c
  assert_status 4
}

@test "rm -f of a container that was never started" {
  podman create --name c --network none bb:1 true >/dev/null
  podman init c >/dev/null
  podman rm -f -t 0 c >/dev/null
  not podman container exists c
}

@test "logs -f follows until the end" {
  podman run -d --name c --network none bb:1 sh -c 'for i in 1 2 3; do echo line $i; sleep 0.2; done' >/dev/null
  run podman logs -f c
  assert_status 0
  assert_line 'line 3'
}

@test "stop: SIGTERM first, SIGKILL when it is not heard; restart; kill with a signal" {
  podman run -d --name polite --network none bb:1 sh -c 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
  wait_for 10 podman_logged polite up
  podman stop -t 10 polite >/dev/null
  [ "$(podman wait polite)" = 5 ]
  podman_up deaf
  podman stop -t 1 deaf >/dev/null 2>&1
  [ "$(podman wait deaf)" = 137 ]
  podman restart -t 0 deaf >/dev/null
  [ "$(podman_status deaf)" = running ]
  podman kill -s KILL deaf >/dev/null
  [ "$(podman wait deaf)" = 137 ]
  podman run -d --name usr --network none bb:1 sh -c 'trap "exit 9" USR1; echo up; while :; do sleep 0.1; done' >/dev/null
  wait_for 10 podman_logged usr up
  podman kill -s USR1 usr >/dev/null
  [ "$(podman wait usr)" = 9 ]
}

@test "pause stops every process, unpause lets them go on, a paused one can be removed" {
  podman run -d --name c --network none bb:1 sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.05; done' >/dev/null
  local root a b
  root=$(podman_pid c)
  wait_for 10 test -s "/proc/$root/root/tmp/n"
  podman pause c >/dev/null
  [ "$(podman_status c)" = paused ]
  a=$(cat "/proc/$root/root/tmp/n")
  sleep 0.3
  b=$(cat "/proc/$root/root/tmp/n")
  assert_same 'count while paused' "$a" "$b"
  podman unpause c >/dev/null
  sleep 0.3
  b=$(cat "/proc/$root/root/tmp/n")
  assert_differ 'count after unpause' "$a" "$b"
  podman pause c >/dev/null
  podman rm -f -t 0 c >/dev/null
}

@test "resources: limits at the start, update, stats, top" {
  podman_up c --memory 64m --cpus 0.5 --pids-limit 50 --cpu-shares 512 --cpuset-cpus 0
  local mem cpu pids
  mem=$(podman_cgroup c memory) cpu=$(podman_cgroup c cpu) pids=$(podman_cgroup c pids)
  assert_same memory 67108864 "$(cat "$mem/memory.limit_in_bytes")"
  assert_same quota 50000 "$(cat "$cpu/cpu.cfs_quota_us")"
  assert_same shares 512 "$(cat "$cpu/cpu.shares")"
  assert_same pids 50 "$(cat "$pids/pids.max")"
  assert_same cpus 0 "$(cat "$(podman_cgroup c cpuset)/cpuset.cpus")"
  podman update --memory 128m --cpus 0.25 c >/dev/null
  assert_same memory 134217728 "$(cat "$mem/memory.limit_in_bytes")"
  assert_same quota 25000 "$(cat "$cpu/cpu.cfs_quota_us")"
  # The devices are still there after an update.
  sh -c "cat $(podman_cgroup c devices)/devices.list" | grep -q 'c 1:3'
  run podman top c pid comm
  assert_status 0
  assert_has sleep
  run podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c
  assert_status 0
  assert_match '^[0-9.]+[kM]B / .* 1$'
}

@test "out of memory: killed, and said so" {
  one --memory 16m --memory-swap 16m bb:1 tail -c 200m /dev/zero
  assert_status 137
  # conmon watches the cgroup that init is in when create has returned. It tells by a file in its directory, where
  # podman 4.3 does not look for it, with any runtime.
  podman run -d --name c --network none --memory 16m --memory-swap 16m bb:1 sh -c 'tail -c 200m /dev/zero; sleep 1000' >/dev/null
  wait_for 20 test -e oom
}

@test "limits of the program: ulimit, oom score, shm size" {
  one --ulimit nofile=100:200 --ulimit nproc=100 --ulimit core=0 --oom-score-adj 500 --shm-size 1m bb:1 \
    sh -c 'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; df -k /dev/shm | tail -n 1'
  assert_status 0
  assert_line 100
  assert_line 200
  assert_line 500
  assert_match '^shm +1024 '
}

@test "without cgroups, with a parent of one's own, without conmon's" {
  one --cgroups disabled bb:1 sh -c 'exit 6'
  assert_status 6
  podman_up c --cgroups no-conmon --cgroup-parent /mine
  [[ $(podman_cgroup c memory) == */mine/libpod-* ]]
}

@test "rm -f of a running container, and of one whose conmon was killed" {
  podman_up c
  podman rm -f -t 0 c >/dev/null
  podman_up d
  local conmon id
  conmon=$(podman inspect -f '{{.State.ConmonPid}}' d)
  kill -9 "$conmon"
  id=$(podman_id d)
  podman rm -f -t 0 d >/dev/null
  not podman container exists d
  # Without its conmon podman calls no delete, whatever the runtime.
  "$RT" delete --force "$id"
}

@test "kill -9 of conmon between create and start: delete --force cleans" {
  podman create --name c --network none bb:1 sleep 1000 >/dev/null
  podman init c >/dev/null
  local id conmon pid
  id=$(podman_id c)
  pid=$(podman_pid c)
  conmon=$(podman inspect -f '{{.State.ConmonPid}}' c)
  kill -9 "$conmon"
  assert_same state created "$("$RT" state "$id" | jq -r .status)"
  "$RT" delete --force "$id"
  not test -d "/proc/$pid"
  [ -z "$(podman_cgroup c memory)" ]
  run "$RT" state "$id"
  assert_status 1
  podman rm -f -t 0 c >/dev/null 2>&1
}

@test "restart policy" {
  podman run -d --name c --network none --restart on-failure:2 bb:1 sh -c 'echo life; exit 1' >/dev/null
  wait_for 20 podman_logged_times c life 3
  sleep 0.5
  assert_same lives 3 "$(podman logs c | grep -c life)"
}
