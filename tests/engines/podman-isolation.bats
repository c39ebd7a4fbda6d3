#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# podman with coffer: user namespaces, mounts, privileges, namespaces shared with others, pods.

load ../cli/helpers
load engines

setup_file() { podman_setup_file; }
teardown() { podman_teardown; }

@test "userns: a map by hand, id-mapped volumes keep the host's owners" {
  mkdir "$BATS_TEST_TMPDIR/v"
  one --uidmap 0:100000:65536 --gidmap 0:100000:65536 -v "$BATS_TEST_TMPDIR/v:/v:idmap" bb:1 sh -c 'touch /v/f; stat -c %u /v; cat /proc/self/uid_map'
  assert_status 0
  assert_match '^ *0 +100000 +65536$'
  assert_line 0
  assert_same owner 0 "$(stat -c %u "$BATS_TEST_TMPDIR/v/f")"
  # Without the mapping the files belong to nobody in there.
  one --uidmap 0:100000:65536 --gidmap 0:100000:65536 -v "$BATS_TEST_TMPDIR/v:/v" bb:1 stat -c %u /v
  assert_line 65534
}

@test "userns=auto: two containers get different ids" {
  podman_up a --userns auto
  podman_up b --userns auto:size=2000
  local a b
  a=$(cat "/proc/$(podman_pid a)/uid_map")
  b=$(cat "/proc/$(podman_pid b)/uid_map")
  assert_differ maps "$(awk '{ print $2; exit }' <<<"$a")" "$(awk '{ print $2; exit }' <<<"$b")"
  [ "$(awk '{ print $2; exit }' <<<"$a")" -ge 1700000000 ]
  assert_same size 2000 "$(awk '{ n += $3 } END { print n }' <<<"$b")"
}

@test "userns: ports, sysctls, devices, terminal and limits in it" {
  one --uidmap 0:100000:65536 --gidmap 0:100000:65536 --sysctl net.ipv4.ip_unprivileged_port_start=80 --memory 64m \
    --device /dev/full:/dev/mine --tmpfs /scratch:size=1m bb:1 sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ls -l /dev/mine; touch /scratch/x && echo scratch'
  assert_status 0
  assert_line 80
  assert_has '1,   7'
  assert_line scratch
  run podman_tty run --rm -it --network none --uidmap 0:100000:65536 bb:1 tty
  assert_status 0
  assert_has /dev/pts/0
}

@test "userns of another container" {
  podman_up a --uidmap 0:300000:1000
  one --userns container:a bb:1 cat /proc/self/uid_map
  assert_status 0
  assert_match '^ *0 +300000 +1000$'
}

@test "read-only root file system; scratch directories stay writable" {
  one --read-only bb:1 sh -c 'touch /x; touch /tmp/y /run/y /dev/shm/y && echo scratch'
  assert_has 'Read-only file system'
  assert_line scratch
  one --read-only --read-only-tmpfs=false bb:1 touch /tmp/y
  assert_status 1
  assert_has 'Read-only file system'
}

@test "mounts: bind read-only, tmpfs, named volume with copied content, propagation, file on file" {
  mkdir -p "$BATS_TEST_TMPDIR/src/sub"
  echo hello >"$BATS_TEST_TMPDIR/src/file"
  one --mount "type=bind,src=$BATS_TEST_TMPDIR/src,dst=/m,ro" bb:1 sh -c 'cat /m/file; touch /m/new'
  assert_line hello
  assert_has 'Read-only file system'
  one -v "$BATS_TEST_TMPDIR/src:/m:rw,rslave" bb:1 sh -c 'touch /m/new; grep -c " /m .*master:" /proc/self/mountinfo'
  assert_status 0
  [ -e "$BATS_TEST_TMPDIR/src/new" ]
  one --tmpfs /t:size=64k,mode=1770 --mount type=tmpfs,dst=/u,tmpfs-size=64k,notmpcopyup bb:1 sh -c 'stat -c %a /t; dd if=/dev/zero of=/u/x bs=1k count=100 2>&1'
  assert_line 1770
  assert_has 'No space left'
  # A tmpfs over a directory of the image starts with what is in there.
  one --mount type=tmpfs,dst=/etc,tmpcopyup bb:1 sh -c 'grep -c root /etc/passwd; grep " /etc tmpfs " /proc/mounts'
  assert_status 0
  one -v named:/etc bb:1 sh -c 'grep root: /etc/passwd; echo kept >/etc/kept'
  assert_status 0
  one -v named:/n bb:1 cat /n/kept
  assert_line kept
  one -v "$BATS_TEST_TMPDIR/src/file:/etc/passwd:ro" bb:1 cat /etc/passwd
  assert_line hello
  one -v "$BATS_TEST_TMPDIR/src:/over:O" bb:1 sh -c 'touch /over/above && ls /over'
  assert_status 0
  assert_line above
  not test -e "$BATS_TEST_TMPDIR/src/above"
}

@test "mounts: a new tmpfs is open for everybody; a read-only one can have mounts in it" {
  one -u 1000 --tmpfs /scratch bb:1 sh -c 'touch /scratch/x && stat -c %a /scratch'
  assert_line 1777
  one --tmpfs /etc:ro bb:1 sh -c 'grep -c localhost /etc/hosts >/dev/null && echo hosts; touch /etc/x'
  assert_line hosts
  assert_has 'Read-only file system'
}

@test "mounts that cannot be: the message names what is wrong" {
  one -v "$BATS_TEST_TMPDIR/nosuch:/m" bb:1 true
  assert_status 125
  mkdir -p "$BATS_TEST_TMPDIR/dir"
  one -v "$BATS_TEST_TMPDIR/dir:/bin/testinit" bb:1 true
  [ "$status" -ge 125 ]
  assert_has 'not a directory'
}

@test "init: a process 1 that reaps" {
  one --init bb:1 sh -c 'cat /proc/1/comm; echo $$'
  assert_status 0
  assert_match 'catatonit|podman-init'
  assert_line 2
}

@test "seccomp: a profile of one's own, none, the default one" {
  printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >"$BATS_TEST_TMPDIR/profile.json"
  one --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb:1 sh -c 'mkdir /d; grep Seccomp: /proc/self/status'
  assert_has 'Operation not permitted'
  assert_match 'Seccomp:.*2'
  one --security-opt seccomp=unconfined bb:1 sh -c 'mkdir /d && grep Seccomp: /proc/self/status'
  assert_status 0
  assert_match 'Seccomp:.*0'
  one bb:1 grep Seccomp: /proc/self/status
  assert_match 'Seccomp:.*2'
}

@test "capabilities, no-new-privileges, apparmor unconfined, privileged, unmask" {
  one --cap-drop all bb:1 grep Cap /proc/self/status
  assert_match 'CapBnd:.0000000000000000'
  assert_match 'CapEff:.0000000000000000'
  one --cap-drop all --cap-add net_raw,chown bb:1 grep Cap /proc/self/status
  assert_match 'CapEff:.0000000000002001'
  one -u 1000 --cap-add net_raw bb:1 grep CapAmb /proc/self/status
  assert_match 'CapAmb:.0000000000002000'
  one --security-opt no-new-privileges --security-opt apparmor=unconfined bb:1 grep NoNewPrivs /proc/self/status
  assert_match 'NoNewPrivs:.1'
  one bb:1 sh -c 'wc -c </proc/keys; echo x >/proc/sys/kernel/domainname'
  assert_line 0
  assert_has 'Read-only file system'
  one --security-opt unmask=/proc/sys bb:1 sh -c 'echo x >/proc/sys/kernel/domainname'
  assert_status 0
  one --privileged bb:1 sh -c 'ls /dev/fuse && echo x >/proc/sys/kernel/domainname && grep Seccomp: /proc/self/status && mount -t tmpfs t /mnt'
  assert_status 0
  assert_match 'Seccomp:.*0'
}

@test "devices: added, and forbidden by the cgroup when they are not" {
  [ -c /dev/fuse ] || skip 'no /dev/fuse'
  one --device /dev/fuse:/dev/mine:r bb:1 sh -c ': </dev/mine && echo opened; : >/dev/mine'
  assert_line opened
  assert_has 'Operation not permitted'
  one --device /dev/fuse:/dev/mine bb:1 sh -c ': >/dev/mine'
  assert_status 0
  one --cap-add mknod bb:1 sh -c 'mknod /tmp/d c 10 229 && : </tmp/d'
  assert_has 'Operation not permitted'
  one --device-cgroup-rule 'c 10:229 r' --cap-add mknod bb:1 sh -c 'mknod /tmp/d c 10 229 && : </tmp/d && echo opened'
  assert_line opened
}

@test "namespaces: pid, network, ipc and uts of the host or of another container" {
  local host
  for host in pid ipc uts network; do
    run podman run --rm "--$host" host bb:1 readlink "/proc/self/ns/${host/network/net}"
    assert_status 0
    assert_line "$(readlink "/proc/self/ns/${host/network/net}")"
  done
  podman_up a --ipc shareable --hostname other
  one --pid container:a --ipc container:a bb:1 sh -c 'ps | grep -c "[s]leep 1000"; readlink /proc/1/ns/ipc >/tmp/a; readlink /proc/self/ns/ipc | cmp - /tmp/a'
  assert_status 0
  assert_line 1
  # Its processes are found by the cgroup, since there is no pid namespace that ends with it.
  podman run -d --name h --pid host --network none bb:1 sh -c 'sleep 1001 & sleep 1001' >/dev/null
  podman stop -t 1 h >/dev/null 2>&1
  not alive 'sleep 1001'
}

@test "network: a bridge with an address, a published port, none" {
  run podman run --rm bb:1 sh -c 'ip -4 addr show eth0; ip route'
  assert_status 0
  assert_has 'inet 10.88.0.'
  assert_has 'default via 10.88.0.1'
  podman run -d --name web -p 18080:80 bb:1 sh -c 'mkdir /w; echo served >/w/index.html; httpd -f -p 80 -h /w' >/dev/null
  wait_for 10 busybox wget -q -O - http://127.0.0.1:18080/
  assert_same page served "$(busybox wget -q -O - http://127.0.0.1:18080/)"
  one bb:1 ip -o link
  assert_lacks eth0
}

@test "sysctls of the container's namespaces" {
  one --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shm_rmid_forced=1 bb:1 cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced
  assert_status 0
  [ "$output" = $'1\n1' ]
  one --sysctl kernel.nosuch=1 bb:1 true
  [ "$status" -ne 0 ]
}

@test "pods: shared namespaces, a pid namespace for all, stop and remove" {
  podman pod create --name p --infra-image bb:1 --infra-command 'sleep 1000' --network none >/dev/null
  run podman run --rm --pod p bb:1 hostname
  assert_status 0
  assert_line p
  podman run -d --pod p --name p1 bb:1 sleep 1002 >/dev/null
  run podman run --rm --pod p bb:1 sh -c 'for n in net ipc uts; do readlink /proc/self/ns/$n; done'
  assert_status 0
  local pid ns
  pid=$(podman_pid p1)
  for ns in net ipc uts; do assert_line "$(readlink "/proc/$pid/ns/$ns")"; done
  podman pod stop -t 0 p >/dev/null 2>&1
  assert_same status exited "$(podman_status p1)"
  podman pod start p >/dev/null
  assert_same status running "$(podman_status p1)"
  podman pod pause p >/dev/null
  assert_same status paused "$(podman_status p1)"
  podman pod unpause p >/dev/null
  podman pod rm -f -t 0 p >/dev/null
  podman pod create --name q --infra-image bb:1 --infra-command 'sleep 1000' --network none --share pid,ipc,net,uts >/dev/null
  podman run -d --pod q --name q1 bb:1 sleep 1003 >/dev/null
  run podman run --rm --pod q bb:1 ps
  assert_has 'sleep 1003'
  podman stop -t 1 q1 >/dev/null 2>&1
  not alive 'sleep 1003'
  # The others of the pod live on.
  alive 'sleep 1000'
}

@test "pods: a user namespace for all of it" {
  podman pod create --name u --infra-image bb:1 --infra-command 'sleep 1000' --network none --uidmap 0:400000:65536 --gidmap 0:400000:65536 >/dev/null
  run podman run --rm --pod u bb:1 cat /proc/self/uid_map
  assert_status 0
  assert_match '^ *0 +400000 +65536$'
}

@test "play kube: a pod from a file, with its own infra image" {
  cat >"$BATS_TEST_TMPDIR/pod.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: k}
spec:
  hostNetwork: true
  containers:
  - name: one
    image: localhost/bb:1
    imagePullPolicy: Never
    command: [sh, -c, 'echo kube; sleep 1000']
    securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    resources: {limits: {memory: 32Mi}}
END
  podman play kube "$BATS_TEST_TMPDIR/pod.yaml" >/dev/null 2>"$BATS_TEST_TMPDIR/err" || { cat "$BATS_TEST_TMPDIR/err"; false; }
  wait_for 10 podman_logged k-one kube
  run sh -c "grep -E '^(Uid|NoNewPrivs|CapBnd):' /proc/$(podman_pid k-one)/status"
  assert_match 'Uid:.1000'
  assert_match 'NoNewPrivs:.1'
  assert_match 'CapBnd:.0000000000000000'
}

@test "systemd mode: what systemd expects is mounted" {
  one --systemd always bb:1 sh -c 'grep -E " (/run|/run/lock|/tmp|/sys/fs/cgroup[^ ]*) " /proc/mounts; touch /run/x /tmp/x && echo scratch; env'
  assert_status 0
  assert_match '^tmpfs /run tmpfs rw'
  assert_match '^tmpfs /tmp tmpfs rw'
  assert_match ' /sys/fs/cgroup'
  assert_line scratch
  assert_has container=
}
