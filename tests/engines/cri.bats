#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Kubernetes pods through containerd's CRI: two runtime handlers, user namespaces, streams, restarts.
load cri

setup_file() {
  engine_begin
  cri_containerd_config
  containerd_start
  cri_images
}

teardown_file() {
  containerd_stop
  [ -z "${ENGINE_LOG:-}" ] || cp "$E/containerd.log" "$ENGINE_LOG"
}

teardown() {
  [ -n "$BATS_TEST_COMPLETED" ] || { echo '-- containerd.log'; grep -v 'level=info' "$E/containerd.log" | tail -n 20; }
  [ -e "/proc/$(cat "$E/containerd.pid")" ] || containerd_start
  remove_pods
  no_residue
}

USERNS='.linux.security_context.namespace_options.userns_options = {mode: "POD", uids: [{host_id: 131072, container_id: 0, length: 65536}],
  gids: [{host_id: 131072, container_id: 0, length: 65536}]}'

# v1 and v2 names of a cgroup file of a process
cg() { # cg PID CONTROLLER FILE-OF-V1 FILE-OF-V2
  local dir
  dir=$(awk -F: -v c="$2" '{ n = split($2, a, ","); for (i = 1; i <= n; i++) if (a[i] == c) print $3 }' "/proc/$1/cgroup")
  if [ -n "$dir" ]; then cat "/sys/fs/cgroup/$2$dir/$3"; else cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")/$4"; fi
}

@test "both handlers are known, and coffer's can do user namespaces and recursive read-only mounts" {
  output=$(cri Status)
  is handlers 'coffer runc' "$(jq -r '[.runtime_handlers[] | select(.name != "") | .name] | sort | join(" ")' <<<"$output")"
  is 'user namespaces' true "$(jq '.runtime_handlers[] | select(.name == "coffer") | .features.user_namespaces' <<<"$output")"
  is 'recursive read-only mounts' true "$(jq '.runtime_handlers[] | select(.name == "coffer") | .features.recursive_read_only_mounts' <<<"$output")"
  is ready 'true true' "$(jq -r '[.status.conditions[] | select(.type | endswith("Ready")) | .status] | join(" ")' <<<"$output")"
}

@test "a pod of each handler at the same time, each by its own runtime" {
  local first second
  run_pod coffer
  first=$POD
  start_ctr .
  exec_sync sh -c 'echo one'
  is output one "$output"
  run_pod runc
  second=$POD
  script_ctr 'echo two'
  is 'log of the second' two "$(ctr_log)"
  [ -n "${ENGINE_RUNTIME:-}" ] || {
    is 'state of coffer' yes "$([ -e "/run/containerd/runc/k8s.io/$first" ] && "$RT" --root /run/containerd/runc/k8s.io state "$first" >/dev/null && echo yes)"
    is 'state of runc' running "$(runc --root /run/containerd/runc/k8s.io state "$second" | jq -r .status)"
  }
}

@test "an unknown handler is refused" {
  run run_pod nosuch
  failed
  has 'no runtime for'
}

@test "a container: created, running, its log, exited with its code" {
  run_pod coffer
  create_ctr '.command = ["sh", "-c", "echo out; echo err >&2; exit 7"]'
  ctr_is CONTAINER_CREATED
  cri StartContainer "{\"container_id\": \"$CTR\"}"
  wait_for 30 ctr_is CONTAINER_EXITED
  is 'exit code' 7 "$(ctr_field exit_code)"
  is reason Error "$(ctr_field reason)"
  output=$(cat "$LOG")
  has 'stdout F out'
  has 'stderr F err'
}

@test "a program that is missing: StartError, code 128, and the reason" {
  run_pod coffer
  create_ctr '.command = ["/nope"]'
  run cri StartContainer "{\"container_id\": \"$CTR\"}"
  failed
  has 'no such file or directory'
  is state CONTAINER_EXITED "$(ctr_field state)"
  is 'exit code' 128 "$(ctr_field exit_code)"
  is reason StartError "$(ctr_field reason)"
  output=$(ctr_field message)
  has 'no such file or directory'
}

@test "programs that are not in PATH, and not executable" {
  run_pod coffer
  create_ctr '.command = ["nope"]'
  run cri StartContainer "{\"container_id\": \"$CTR\"}"
  failed
  has 'executable file not found in $PATH'
  create_ctr '.command = ["/etc/passwd"]'
  run cri StartContainer "{\"container_id\": \"$CTR\"}"
  failed
  has 'permission denied'
}

@test "namespaces of a pod: containers share network, ipc and uts, not pid" {
  run_pod coffer
  local ns a b
  start_ctr .
  a=$(ctr_pid)
  start_ctr .
  b=$(ctr_pid)
  for ns in net ipc uts; do is "$ns" "$(readlink "/proc/$a/ns/$ns")" "$(readlink "/proc/$b/ns/$ns")"; done
  not is net "$(readlink /proc/self/ns/net)" "$(readlink "/proc/$a/ns/net")" 2>/dev/null
  not is pid "$(readlink "/proc/$a/ns/pid")" "$(readlink "/proc/$b/ns/pid")" 2>/dev/null
  not is mnt "$(readlink "/proc/$a/ns/mnt")" "$(readlink "/proc/$b/ns/mnt")" 2>/dev/null
}

@test "a pod has an address, its name, its resolv.conf" {
  run_pod coffer '.dns_config = {servers: ["192.0.2.1"], searches: ["example.test"]} | .hostname = "podname"'
  script_ctr 'hostname; ip -4 -o addr show eth0; cat /etc/resolv.conf; cat /etc/hostname'
  output=$(ctr_log)
  has podname
  has 10.117.
  has 'nameserver 192.0.2.1'
  is ip 10.117 "$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$POD\"}" | jq -r .status.network.ip | cut -d. -f1,2)"
}

@test "pod pid namespace: the containers see the pause process and each other" {
  run_pod coffer '.linux.security_context.namespace_options.pid = "POD"'
  start_ctr '.linux.security_context.namespace_options.pid = "POD" | .command = ["sleep", "991"]'
  local first=$CTR
  script_ctr 'ps; echo self $$' '.linux.security_context.namespace_options.pid = "POD"'
  output=$(ctr_log)
  has 'sleep 991'
  has 'trap exit'
  CTR=$first
  stop_ctr 0
  is 'exit code' 137 "$(ctr_field exit_code)"
}

@test "a container in the pod's pid namespace leaves no process behind" {
  run_pod coffer '.linux.security_context.namespace_options.pid = "POD"'
  start_ctr '.linux.security_context.namespace_options.pid = "POD" | .command = ["sh", "-c", "sleep 992 & sleep 992; :"]'
  wait_for 10 pgrep -f '^sleep 992'
  stop_ctr 0
  wait_for 10 eval '! pgrep -f "^sleep 992"'
}

@test "host pid and host network" {
  run_pod coffer 'del(.hostname) | .linux.security_context.namespace_options = {pid: "NODE", network: "NODE"}'
  start_ctr '.linux.security_context.namespace_options = {pid: "NODE", network: "NODE"} | .command = ["sh", "-c", "sleep 993 & sleep 993; :"]'
  local p
  p=$(ctr_pid)
  is pid "$(readlink /proc/self/ns/pid)" "$(readlink "/proc/$p/ns/pid")"
  is net "$(readlink /proc/self/ns/net)" "$(readlink "/proc/$p/ns/net")"
  stop_ctr 0
  wait_for 10 eval '! pgrep -f "^sleep 993"'
}

@test "a user namespace for the pod: mappings, ownership, and the volume is mapped" {
  mkdir -m 777 "$BATS_TEST_TMPDIR/v"
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*
  touch "$BATS_TEST_TMPDIR/v/old"
  run_pod coffer "$USERNS"
  start_ctr "$USERNS"' | .mounts = [{host_path: $v, container_path: "/v", uidMappings: [{host_id: 131072, container_id: 0, length: 65536}],
    gidMappings: [{host_id: 131072, container_id: 0, length: 65536}]}]' --arg v "$BATS_TEST_TMPDIR/v"
  local p
  p=$(ctr_pid)
  is uid_map '0 131072 65536' "$(tr -s ' ' <"/proc/$p/uid_map" | sed 's/^ //')"
  is 'uid on the host' 131072 "$(stat -c %u "/proc/$p")"
  is 'user namespace' "$(readlink "/proc/$(pod_pid)/ns/user")" "$(readlink "/proc/$p/ns/user")"
  exec_sync sh -c 'id -u; stat -c %u /v/old /bin/busybox; touch /v/new; cat /proc/self/uid_map | tr -s " "'
  is code 0 "$code"
  is output $'0\n0\n0\n 0 131072 65536' "$output"
  is 'owner of the new file on the host' 0 "$(stat -c %u "$BATS_TEST_TMPDIR/v/new")"
}

@test "a user namespace: another user, groups and the network are the container's" {
  run_pod coffer "$USERNS"
  script_ctr 'id; ip link add d0 type dummy && echo made; ip -4 -o addr show eth0; cat /proc/sys/net/ipv4/ip_unprivileged_port_start' \
    "$USERNS"' | .linux.security_context.capabilities = {add_capabilities: ["NET_ADMIN"]}'
  output=$(ctr_log)
  has uid=0
  has 10.117.
  [[ $output == *made* || $output == *'Not supported'* || $output == *'not supported'* ]]
  script_ctr 'id; touch /root/x; touch /tmp/x && echo tmp' "$USERNS"' | .linux.security_context.run_as_user = {value: 1000}
    | .linux.security_context.run_as_group = {value: 2000} | .linux.security_context.supplemental_groups = [3000]'
  output=$(ctr_log)
  has uid=1000
  has gid=2000
  has 3000
  has 'Permission denied'
  has tmp
}

@test "a pod with a user namespace and the host's network" {
  run_pod coffer 'del(.hostname) | .linux.security_context.namespace_options.network = "NODE" | '"$USERNS"
  script_ctr 'cat /proc/self/uid_map | tr -s " "; readlink /proc/self/ns/net; ls /sys/class/net >/dev/null && echo sysfs' \
    '.linux.security_context.namespace_options.network = "NODE" | '"$USERNS"
  output=$(ctr_log)
  has '0 131072 65536'
  has "$(readlink /proc/self/ns/net)"
  has sysfs
}

@test "two pods with different user namespaces write to the same volume" {
  local base
  mkdir -m 777 "$BATS_TEST_TMPDIR/v"
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*
  for base in 131072 196608; do
    run_pod coffer "${USERNS//131072/$base}"
    script_ctr "echo $base >/v/$base && stat -c %u /v/*" "${USERNS//131072/$base}"' | .mounts = [{host_path: "'"$BATS_TEST_TMPDIR/v"'", container_path: "/v",
      uidMappings: [{host_id: '$base', container_id: 0, length: 65536}], gidMappings: [{host_id: '$base', container_id: 0, length: 65536}]}]'
    is owners 0 "$(ctr_log | sort -u)"
    is 'owner on the host' 0 "$(stat -c %u "$BATS_TEST_TMPDIR/v/$base")"
  done
}

@test "exec sync: output, errors, code, a missing program" {
  run_pod coffer
  start_ctr .
  exec_sync sh -c 'echo out; echo err >&2; exit 3'
  is code 3 "$code"
  is stdout out "$output"
  is stderr err "$errors"
  exec_sync /nope
  is code -1 "$code"
  has 'no such file or directory'
}

@test "exec sync: the time limit" {
  run_pod coffer
  start_ctr .
  run cri ExecSync "{\"container_id\": \"$CTR\", \"timeout\": 1, \"cmd\": [\"sleep\", \"994\"]}"
  failed
  has DeadlineExceeded
  wait_for 10 eval '! pgrep -f "^sleep 994"'
}

@test "exec: streams, standard input, code" {
  run_pod coffer
  start_ctr .
  run cricli exec "$CTR" sh -c 'echo out; exit 5'
  ended_with 5
  has out
  output=$(printf 'a\nb\n' | cricli exec -i "$CTR" wc -l)
  is lines 2 "$output"
}

@test "exec: a terminal and its size" {
  run_pod coffer
  start_ctr .
  # The size comes as a message of its own, maybe after the program has begun.
  run cricli exec -t "$CTR" sh -c 'tty; for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(stty size)" = "31 91" ] && break; sleep 0.2; done; stty size; exit 4'
  ended_with 4
  has /dev/pts/0
  has '31 91'
}

@test "attach: output, input and a terminal" {
  run_pod coffer
  start_ctr '.stdin = true | .stdin_once = true | .command = ["sh", "-c", "read a; echo got $a; exit 3"]'
  output=$(echo hello | cricli attach -i "$CTR")
  has 'got hello'
  wait_for 10 ctr_is CONTAINER_EXITED
  is 'exit code' 3 "$(ctr_field exit_code)"
  start_ctr '.stdin = true | .tty = true | .command = ["sh", "-c", "read a; tty; echo got $a"]'
  output=$({ sleep 1; echo word; sleep 1; } | cricli attach -i -t "$CTR")
  has /dev/pts/0
  has 'got word'
}

@test "port-forward reaches a program in the pod" {
  run_pod coffer
  start_ctr '.command = ["sh", "-c", "mkdir /www; echo page >/www/index.html; exec httpd -f -p 8080 -h /www"]'
  exec_sync sh -c 'until wget -qO- http://127.0.0.1:8080/index.html; do sleep 0.1; done'
  is 'page in the pod' page "$output"
  mkfifo "$BATS_TEST_TMPDIR/hold"
  sleep 60 >"$BATS_TEST_TMPDIR/hold" 3>&- &
  local holder=$! forward
  "$COFFER_ENGINES/cricli" "$E/c.sock" forward "$POD" 18080:8080 <"$BATS_TEST_TMPDIR/hold" >"$BATS_TEST_TMPDIR/forward" 2>&1 3>&- &
  forward=$!
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/forward"
  run timeout -k 5 20 busybox wget -qO- http://127.0.0.1:18080/index.html
  kill "$holder"
  wait "$forward" || true
  is 'page through the forward' page "$output"
}

@test "out of memory: the reason, and the event" {
  run_pod coffer
  cricli events 25 >"$BATS_TEST_TMPDIR/events" 2>&1 3>&- &
  local watcher=$!
  start_ctr '.command = ["sh", "-c", "sleep 1; exec dd if=/dev/zero of=/dev/null bs=200M"] | .linux.resources.memory_limit_in_bytes = 33554432'
  wait_for 30 ctr_is CONTAINER_EXITED
  is reason OOMKilled "$(ctr_field reason)"
  is 'exit code' 137 "$(ctr_field exit_code)"
  kill "$watcher"
  wait "$watcher" || true
  grep -q CONTAINER_STOPPED_EVENT "$BATS_TEST_TMPDIR/events"
  grep -q '/tasks/oom\|TaskOOM' "$E/containerd.log"
}

@test "limits: set at create, changed by update, both in the cgroup" {
  run_pod coffer
  start_ctr '.linux.resources = {memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000, cpu_shares: 512}'
  local p
  p=$(ctr_pid)
  is memory 67108864 "$(cg "$p" memory memory.limit_in_bytes memory.max)"
  cri UpdateContainerResources "{\"container_id\": \"$CTR\", \"linux\": {\"memory_limit_in_bytes\": 134217728, \"cpu_quota\": 20000, \"cpu_period\": 100000}}"
  is memory 134217728 "$(cg "$p" memory memory.limit_in_bytes memory.max)"
  output=$(cg "$p" cpu cpu.cfs_quota_us cpu.max)
  is quota 20000 "${output%% *}"
  exec_sync sh -c 'echo x >/dev/null && echo devices still work'
  is output 'devices still work' "$output"
  is 'memory in the status' 134217728 "$(ctr_status | jq -r .status.resources.linux.memory_limit_in_bytes)"
}

@test "update of a created container counts when it starts" {
  run_pod coffer
  create_ctr '.linux.resources.memory_limit_in_bytes = 67108864'
  cri UpdateContainerResources "{\"container_id\": \"$CTR\", \"linux\": {\"memory_limit_in_bytes\": 100663296}}"
  cri StartContainer "{\"container_id\": \"$CTR\"}"
  is memory 100663296 "$(cg "$(ctr_pid)" memory memory.limit_in_bytes memory.max)"
}

@test "statistics" {
  run_pod coffer
  start_ctr '.linux.resources.memory_limit_in_bytes = 67108864'
  wait_for 20 eval '[ "$(cri ContainerStats "{\"container_id\": \"$CTR\"}" | jq -r ".stats.memory.working_set_bytes.value // 0")" -gt 0 ]'
}

@test "stop: the grace period is used, then it is killed" {
  run_pod coffer
  start_ctr '.command = ["sh", "-c", "trap \"exit 5\" TERM; while :; do sleep 0.1; done"]'
  sleep 0.5
  stop_ctr 20
  is 'exit code' 5 "$(ctr_field exit_code)"
  start_ctr '.command = ["sh", "-c", "trap : TERM; while :; do sleep 0.1; done"]'
  sleep 0.5
  local began=$SECONDS
  stop_ctr 2
  is 'exit code' 137 "$(ctr_field exit_code)"
  [ $((SECONDS - began)) -ge 2 ]
}

@test "stopping and removing twice is no error" {
  run_pod coffer
  start_ctr .
  stop_ctr 0
  stop_ctr 0
  cri RemoveContainer "{\"container_id\": \"$CTR\"}"
  cri RemoveContainer "{\"container_id\": \"$CTR\"}"
  cri StopPodSandbox "{\"pod_sandbox_id\": \"$POD\"}"
  cri StopPodSandbox "{\"pod_sandbox_id\": \"$POD\"}"
}

@test "security: read-only root, dropped and added capabilities, no new privileges, masked paths" {
  run_pod coffer
  script_ctr 'touch /x; chown 1000 /tmp; grep -E "NoNewPrivs|CapEff" /proc/self/status; cat /proc/keys | wc -c' \
    '.linux.security_context += {readonly_rootfs: true, no_new_privs: true, capabilities: {drop_capabilities: ["ALL"], add_capabilities: ["NET_ADMIN"]},
      masked_paths: ["/proc/keys"], readonly_paths: ["/proc/sys"]}'
  output=$(ctr_log)
  has 'Read-only file system'
  has $'NoNewPrivs:\t1'
  has $'CapEff:\t0000000000001000'
  is 'bytes of /proc/keys' 0 "$(tail -n1 <<<"$output")"
}

@test "security: seccomp of the runtime, unconfined, privileged" {
  run_pod coffer
  script_ctr 'grep -w Seccomp: /proc/self/status' '.linux.security_context.seccomp = {profile_type: "RuntimeDefault"}'
  is 'runtime default' $'Seccomp:\t2' "$(ctr_log)"
  script_ctr 'grep -w Seccomp: /proc/self/status' '.linux.security_context.seccomp = {profile_type: "Unconfined"}'
  is unconfined $'Seccomp:\t0' "$(ctr_log)"
  run_pod coffer '.linux.security_context.privileged = true'
  script_ctr 'mount -t tmpfs x /mnt && echo mounted; ls /dev/ | wc -l' '.linux.security_context.privileged = true'
  output=$(ctr_log)
  has mounted
}

@test "mounts: read-only, recursively read-only, propagation both ways" {
  mkdir -p "$BATS_TEST_TMPDIR/v/sub"
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/v/sub"
  run_pod coffer '.linux.security_context.privileged = true'
  script_ctr 'touch /ro/x; touch /ro/sub/x && echo sub; touch /rro/sub/y; mount -t tmpfs made /both/sub && echo ok' \
    '.linux.security_context.privileged = true | .mounts = [{host_path: "'"$BATS_TEST_TMPDIR/v"'", container_path: "/ro", readonly: true},
      {host_path: "'"$BATS_TEST_TMPDIR/v"'", container_path: "/rro", readonly: true, recursive_read_only: true},
      {host_path: "'"$BATS_TEST_TMPDIR/v"'", container_path: "/both", propagation: "PROPAGATION_BIDIRECTIONAL"}]'
  output=$(ctr_log)
  has '/ro/x: Read-only file system'
  has sub
  has '/rro/sub/y: Read-only file system'
  is 'mounts on the host' 2 "$(grep -c " $BATS_TEST_TMPDIR/v/sub " /proc/self/mountinfo)"
  umount "$BATS_TEST_TMPDIR/v/sub" "$BATS_TEST_TMPDIR/v/sub" || umount "$BATS_TEST_TMPDIR/v/sub"
}

@test "sysctls of the pod, and devices of a container" {
  run_pod coffer '.linux.sysctls = {"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"}'
  script_ctr 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced; ls -l /dev/mynull; echo x >/dev/mynull && echo written' \
    '.devices = [{container_path: "/dev/mynull", host_path: "/dev/null", permissions: "rwm"}]'
  output=$(ctr_log)
  has $'1\n1\n'
  has /dev/mynull
  has written
}

@test "containerd is restarted while pods run: they live on, with streams, stop and codes" {
  run_pod coffer
  local first=$POD p
  start_ctr '.command = ["sh", "-c", "trap \"exit 6\" TERM; while :; do sleep 0.1; done"]'
  p=$(ctr_pid)
  local plain=$CTR
  containerd_stop KILL
  kill -0 "$p"
  containerd_start
  ctr_is CONTAINER_RUNNING
  is pid "$p" "$(ctr_pid)"
  is 'state of the pod' SANDBOX_READY "$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$first\"}" | jq -r .status.state)"
  exec_sync sh -c 'exit 3'
  is code 3 "$code"
  POD=$first
  start_ctr .
  ctr_is CONTAINER_RUNNING
  CTR=$plain
  stop_ctr 20
  is 'exit code' 6 "$(ctr_field exit_code)"
}

@test "a pod with a user namespace survives a restart of containerd" {
  run_pod coffer "$USERNS"
  start_ctr "$USERNS"
  containerd_stop TERM
  containerd_start
  exec_sync sh -c 'cat /proc/self/uid_map | tr -s " "; exit 3'
  is code 3 "$code"
  has '0 131072 65536'
  start_ctr "$USERNS"
  ctr_is CONTAINER_RUNNING
}

@test "a container that dies while containerd is away has exited afterwards" {
  run_pod coffer
  start_ctr '.command = ["sh", "-c", "sleep 2; exit 8"]'
  local p
  p=$(ctr_pid)
  containerd_stop KILL
  wait_for 20 gone "$p"
  containerd_start
  # containerd 2.4 does not always ask the shim for the code of the past.
  wait_for 10 ctr_is CONTAINER_EXITED
  output=$(ctr_field exit_code)
  [ "$output" = 8 ] || [ "$output" = 255 ]
}

@test "kill -9 of the shim: the pod is not ready any more and can be removed" {
  run_pod coffer
  start_ctr .
  local p pause shim
  p=$(ctr_pid) pause=$(pod_pid)
  shim=$(ps -o ppid= -p "$pause" | tr -d ' ')
  is 'parent of the pause process' containerd-shim "$(cat "/proc/$shim/comm")"
  kill -9 "$shim"
  wait_for 20 gone "$p"
  wait_for 20 gone "$pause"
  wait_for 20 ctr_is CONTAINER_EXITED
  is 'state of the pod' SANDBOX_NOTREADY "$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$POD\"}" | jq -r .status.state)"
}

@test "kill -9 of the shim between create and start: delete --force cleans everything" {
  run_pod coffer
  # From here on the runtime stops at its start command, and goes on with the next.
  cat >"$E/bin/stopping" <<SH
#!/bin/sh
case " \$* " in *" start "*) : >$BATS_TEST_TMPDIR/at-start; sleep 1000 ;; *) exec $RT "\$@" ;; esac
SH
  chmod 755 "$E/bin/stopping"
  create_ctr .
  ln -sfn stopping "$E/bin/coffer"
  timeout -k 5 30 "$COFFER_ENGINES/cricli" "$E/c.sock" call StartContainer "{\"container_id\": \"$CTR\"}" >"$BATS_TEST_TMPDIR/started" 2>&1 3>&- &
  local client=$! state=/run/containerd/runc/k8s.io p shim
  wait_for 20 test -e "$BATS_TEST_TMPDIR/at-start"
  ln -sfn "$RT" "$E/bin/coffer"
  is status created "$("$RT" --root "$state" state "$CTR" | jq -r .status)"
  p=$("$RT" --root "$state" state "$CTR" | jq -r .pid)
  shim=$(ps -o ppid= -p "$p" | tr -d ' ')
  kill -STOP "$(cat "$E/containerd.pid")"
  kill -9 "$shim"
  wait_for 10 gone "$shim"
  "$RT" --root "$state" delete --force "$CTR"
  wait_for 10 gone "$p"
  not test -e "$state/$CTR"
  is 'cgroups left' '' "$(find /sys/fs/cgroup -type d -name "$CTR")"
  kill -CONT "$(cat "$E/containerd.pid")"
  wait "$client" || true
  pkill -9 -f '^sleep 1000' || true
}

@test "eight pods with user namespaces at once" {
  local i pids=()
  for i in $(seq 8); do
    (
      N=$((i * 10)) BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$i
      mkdir -p "$BATS_TEST_TMPDIR"
      base=$((131072 + i * 65536))
      run_pod coffer "${USERNS//131072/$base}"
      script_ctr "exit $i" "${USERNS//131072/$base}"
      [ "$(ctr_field exit_code)" = "$i" ]
    ) >"$BATS_TEST_TMPDIR/p$i" 2>&1 3>&- &
    pids+=($!)
  done
  for i in $(seq 8); do wait "${pids[i - 1]}" || { cat "$BATS_TEST_TMPDIR/p$i" >&2; return 1; }; done
}
