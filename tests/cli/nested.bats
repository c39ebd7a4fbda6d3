#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer inside containers of coffer: one and two levels deep, as root and as an ordinary user in there, with ids that
# the level above has passed on.

load helpers
load nest

setup() {
  requires root userns
  setup_userns_bundle outer 1800000000 300000
  OUTER=$BUNDLE
  install_coffer "$OUTER/rootfs"
}
teardown() { restore_subids; teardown_bundle; }

# The outer container runs this command, as its root; OUTER is its bundle.
outer_run() { # outer_run CMD...
  BUNDLE=$OUTER
  let_nest
  set_args "$@"
  run_bundle
}

@test "as root inside: ids, namespaces, mounts and devices of a container in a container" {
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  set_args sh -c 'cat /proc/self/uid_map; id -u; ls /sys/class/net; echo gone >/dev/null && head -c 3 /dev/zero | wc -c; touch /tmp/x 2>&1; stat -c %u /bin/busybox; for n in user net pid mnt ipc uts; do readlink /proc/self/ns/$n; done'
  outer_run sh -c 'for n in user net pid mnt ipc uts; do readlink /proc/self/ns/$n; done; coffer --log-level warning run --bundle /inner c; ls -A /run/coffer'
  assert_status 0
  assert_match '^ +0 +100000 +65536$'
  assert_line lo
  assert_line 3
  assert_has 'Read-only file system'
  assert_same 'namespaces' 12 "$(grep -E '^[a-z]+:\[[0-9]+\]$' <<<"$output" | sort -u | wc -l)"
  assert_lacks level=
}

@test "as root inside: the whole life, and nothing is left in there" {
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  set_args sleep 1000
  outer_run sh -c 'set -e; coffer create --bundle /inner c </dev/null >/dev/null; coffer state c | grep -w created
    coffer start c; coffer state c | grep -w running; coffer list; coffer ps c; ps -o pid,args | grep -c "slee[p] 1000"
    before=$(wc -l </proc/self/mountinfo)
    coffer kill c KILL; sleep 0.5; coffer delete c; coffer list --quiet; ls /run/coffer; echo "mounts $((before - $(wc -l </proc/self/mountinfo)))"
    ps -o args | grep "slee[p] 1000" || echo gone'
  assert_status 0
  assert_has '"created"'
  assert_has '"running"'
  assert_line gone
  assert_line 'mounts 0'
}

@test "as root inside: exec takes CAP_SYS_PTRACE and CAP_SYS_CHROOT, and says so without" {
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  set_args sleep 1000
  BUNDLE=$OUTER
  let_nest
  set_args sh -c 'coffer run --detach --bundle /inner c </dev/null >/dev/null; coffer --log-format json exec c sh -c "echo in; cat /proc/self/uid_map"; echo "status $?"; coffer delete --force c'
  run_bundle
  assert_has CAP_SYS_PTRACE
  assert_line 'status 255'
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
  run_bundle
  assert_has CAP_SYS_CHROOT
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])'
  run_bundle
  assert_line in
  assert_match '^ +0 +100000 +65536$'
  assert_line 'status 0'
}

@test "two levels: a container in a container in a container" {
  local one=$OUTER/rootfs two=$OUTER/rootfs/inner/rootfs
  inner_bundle "$one" 100000 131072 1800000000 install
  middle=$BUNDLE
  inner_bundle "$two" 65536 1000 1800100000
  set_args sh -c 'cat /proc/self/uid_map; touch /dev/shm/x && stat -c "owner %u" /dev/shm/x; readlink /proc/self/ns/user'
  BUNDLE=$middle
  let_nest
  set_args sh -c 'cat /proc/self/uid_map; readlink /proc/self/ns/user; coffer run --bundle /inner deep'
  chown -R --no-dereference 1800100000:1800100000 "$two/usr" "$two/inner" "$two/lib"* 2>/dev/null
  chown -R --no-dereference 1800165536:1800165536 "$two/inner/rootfs"
  outer_run sh -c 'readlink /proc/self/ns/user; coffer run --bundle /inner middle'
  assert_status 0
  assert_match '^ +0 +100000 +131072$'
  assert_match '^ +0 +65536 +1000$'
  assert_line 'owner 0'
  assert_same 'user namespaces' 3 "$(grep -E '^user:' <<<"$output" | sort -u | wc -l)"
}

@test "sub-delegated ids: an automatic range from /etc/subuid of the container, another one for the second" {
  inner_bundle "$OUTER/rootfs" 0 1 1800000000
  rm "$BUNDLE/config.json"
  "$COFFER" spec --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .linux.resources = {}'
  set_args sh -c 'cat /proc/self/uid_map; sleep 1; stat -c %u /bin/busybox'
  echo 'containers:131072:131072' >"$OUTER/rootfs/etc/subuid"
  cp "$OUTER/rootfs/etc/subuid" "$OUTER/rootfs/etc/subgid"
  # What belongs to the outer container can be id-mapped there only if that mounted it.
  outer_run sh -c 'mount -t tmpfs none /mnt && cp -a /inner /mnt/ && for i in 1 2; do coffer --log-level warning run --userns auto --bundle /mnt/inner c$i & done; wait; ls -A /run/coffer/.ids'
  assert_match '^ +0 +131072 +65536$'
  assert_match '^ +0 +196608 +65536$'
  assert_line ledger
}

@test "sub-delegated ids: the range of the outer container is all there is" {
  inner_bundle "$OUTER/rootfs" 400000 65536 1800000000
  outer_run coffer --log-format json run --bundle /inner c
  assert_status 1
  assert_has 'linux.uidMappings[0].hostID'
  assert_has 'are not all mapped in the user namespace the runtime is in'
}

@test "the limit on user namespaces forbids it: the message says which, and what to do" {
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  BUNDLE=$OUTER
  let_nest
  bundle_edit '.annotations["org.coffer.userns.nested"] = "0"'
  set_args coffer --log-format json run --bundle /inner c
  run_bundle
  assert_status 1
  assert_has 'user.max_user_namespaces'
  assert_has 'org.coffer.userns.nested'
}

@test "a /proc with covered places: the message says why a new one is refused" {
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  BUNDLE=$OUTER
  let_nest
  bundle_edit '.linux.readonlyPaths = ["/proc/sys"]'
  set_args coffer --log-format json run --bundle /inner c
  run_bundle
  assert_status 1
  assert_has '"field":"mounts[0]'
  assert_has 'covered'
}

@test "cgroups of the outer container: none is touched, and limits inside are an error if they are insisted on" {
  requires cgroup-v1 cgroup-pids
  inner_bundle "$OUTER/rootfs" 100000 65536 1800000000
  bundle_edit '.linux.resources = {pids: {limit: 10}}'
  set_args cat /proc/self/cgroup
  outer_run sh -c 'cat /proc/self/cgroup; coffer run --bundle /inner c; coffer --log-format json --rootless=false run --bundle /inner c'
  assert_status 1
  assert_same 'pids cgroups' 1 "$(grep -E '^[0-9]+:pids:' <<<"$output" | sort -u | wc -l)"
  assert_match '"step":"cgroup"'
}

file_capability() { # file_capability NUMBER FILE: permitted and effective, for who is root of the outer container
  python3 -c '
import os, struct, sys
os.setxattr(sys.argv[2], "security.capability", struct.pack("<6I", 0x03000001, 1 << int(sys.argv[1]), 0, 0, 0, 1800000000))' "$@"
}

@test "an ordinary user inside: its own id, and ids of /etc/subuid through the helpers" {
  requires newuidmap
  inner_bundle "$OUTER/rootfs" 0 1 1800000000
  rm "$BUNDLE/config.json"
  "$COFFER" spec --bundle "$BUNDLE" --rootless
  bundle_edit '.process.terminal = false | (.linux.uidMappings[0], .linux.gidMappings[0]).hostID = 1000'
  set_args sh -c 'cat /proc/self/uid_map; id -u; cat /proc/self/setgroups'
  chown -R 1800001000:1800001000 "$BUNDLE"
  for tool in newuidmap newgidmap; do
    cp "/usr/bin/$tool" "$OUTER/rootfs/usr/bin/"
    for lib in $(ldd "/usr/bin/$tool" | grep -oE '/[^ ]+'); do cp -L "$lib" "$OUTER/rootfs$lib"; done
    chown 1800000000:1800000000 "$OUTER/rootfs/usr/bin/$tool"
  done
  echo 'user:150000:65536' >"$OUTER/rootfs/etc/subuid"
  cp "$OUTER/rootfs/etc/subuid" "$OUTER/rootfs/etc/subgid"
  BUNDLE=$OUTER
  let_nest
  bundle_edit '.process.user = {uid: 1000, gid: 1000} | .process.env += ["XDG_RUNTIME_DIR=/tmp"] | .process.capabilities = {bounding: ["CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"]} | .process.noNewPrivileges = false'
  set_args coffer run --bundle /inner c
  run_bundle
  assert_status 0
  assert_match '^ +0 +1000 +1$'
  assert_line deny
  BUNDLE=$OUTER/rootfs/inner
  bundle_edit '.linux.uidMappings += [{containerID: 1, hostID: 150000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  BUNDLE=$OUTER
  # As distributions install them: with the capabilities of an ordinary container that is not enough, and it says why.
  chmod 4755 "$OUTER"/rootfs/usr/bin/new[ug]idmap
  bundle_edit '.process.args = ["coffer", "--log-format", "json", "run", "--bundle", "/inner", "c"]'
  run_bundle
  assert_status 1
  assert_has 'setcap cap_setgid=ep /usr/bin/newgidmap'
  # With file capabilities, of the container's own namespace, it is.
  chmod 755 "$OUTER"/rootfs/usr/bin/new[ug]idmap
  file_capability 7 "$OUTER/rootfs/usr/bin/newuidmap"
  file_capability 6 "$OUTER/rootfs/usr/bin/newgidmap"
  run_bundle
  assert_status 0
  assert_match '^ +1 +150000 +65536$'
  assert_line allow
}

# ---- the outer container is an ordinary user's ----

@test "an ordinary user's container with subordinate ids: containers in it, one and two levels deep" {
  requires newuidmap
  as_user true && as_user unshare --user true 2>/dev/null || skip 'ordinary users may not make user namespaces'
  local gid one=$OUTER/rootfs two=$OUTER/rootfs/inner/rootfs
  gid=$(id -g "$TEST_NAME")
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  give_subids 1700000001 299999
  chown -R --no-dereference "$TEST_NAME:$gid" "$OUTER"
  inner_bundle "$one" 100000 131072 1700000000 install
  middle=$BUNDLE
  inner_bundle "$two" 65536 1000 1700100000
  set_args sh -c 'cat /proc/self/uid_map; echo deep >/dev/shm/x && cat /dev/shm/x'
  BUNDLE=$middle
  let_nest
  set_args sh -c 'cat /proc/self/uid_map; coffer run --bundle /inner deep'
  chown -R --no-dereference 1700100000:1700100000 "$two"
  chown -R --no-dereference 1700165536:1700165536 "$two/inner/rootfs"
  BUNDLE=$OUTER
  rm "$BUNDLE/config.json"
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .linux.uidMappings += [{containerID: 1, hostID: 1700000001, size: 299999}]
    | .linux.gidMappings += [{containerID: 1, hostID: 1700000001, size: 299999}]'
  let_nest
  set_args sh -c 'cat /proc/self/uid_map; coffer run --bundle /inner middle'
  run as_user timeout 60 "$COFFER" run --bundle "$BUNDLE" "$CID"
  restore_subids
  assert_status 0
  assert_match '^ +1 1700000001 +299999$'
  assert_match '^ +0 +100000 +131072$'
  assert_match '^ +0 +65536 +1000$'
  assert_line deep
}
