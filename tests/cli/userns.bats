#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# User namespaces: ids inside and outside, files, limits that neighbours must not share.

load helpers

setup() {
  requires root userns
  setup_userns_bundle
}
teardown() { teardown_bundle; }

host_ids() { # host_ids PID: real, effective, saved, fs uid as the host sees them
  awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$1/status"
}

@test "maps inside are those of the configuration" {
  run_script 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups'
  assert_same maps 2 "$(grep -Ec '^ +0 +100000 +65536$' <<<"$output")"
  assert_line allow
}

@test "root inside is an ordinary user outside" {
  set_args testinit ids + sleep
  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  grep -qx 'uid ruid=0 euid=0 suid=0' "$BATS_TEST_TMPDIR/out"
  assert_same 'uids outside' '100000 100000 100000 100000' "$(host_ids "$PID")"
  assert_same 'gids outside' 100000 "$(awk '/^Gid:/ { print $2 }' "/proc/$PID/status")"
}

@test "a user inside, with groups" {
  bundle_edit '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 1002]}'
  set_args testinit ids + sleep
  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  output=$(cat "$BATS_TEST_TMPDIR/out")
  assert_line 'uid ruid=1000 euid=1000 suid=1000'
  assert_line 'groups 5 1002'
  assert_same 'uids outside' '101000 101000 101000 101000' "$(host_ids "$PID")"
  assert_same 'groups outside' '100005 101002' "$(awk '/^Groups:/ { print $2, $3 }' "/proc/$PID/status")"
}

@test "several ranges, in the order of the configuration" {
  bundle_edit '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}, {containerID: 5000, hostID: 300000, size: 10}, {containerID: 1000, hostID: 200000, size: 1}]
    | .linux.gidMappings = [{containerID: 0, hostID: 110000, size: 6}]
    | .process.user = {uid: 5009, gid: 5}'
  chown -R --no-dereference 100000:110000 "$BUNDLE/rootfs"
  set_args testinit cat /proc/self/uid_map /proc/self/gid_map + sleep
  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  output=$(sed 's/ \+/ /g' "$BATS_TEST_TMPDIR/out")
  assert_line ' 0 100000 1000'
  assert_line ' 5000 300000 10'
  assert_line ' 1000 200000 1'
  assert_line ' 0 110000 6'
  assert_same 'uids outside' '300009 300009 300009 300009' "$(host_ids "$PID")"
}

@test "many ranges" {
  bundle_edit '.linux.uidMappings = [range(300) | {containerID: ., hostID: (. * 2 + 100000), size: 1}]'
  run_script 'wc -l </proc/self/uid_map; id -u'
  assert_line 300
  assert_line 0
}

@test "files made inside belong to the mapped ids outside, and the other way round" {
  mkdir "$BATS_TEST_TMPDIR/vol"
  chown 100000:100000 "$BATS_TEST_TMPDIR/vol"
  touch "$BATS_TEST_TMPDIR/vol/of-root" "$BATS_TEST_TMPDIR/vol/of-1000"
  chown 101000:101001 "$BATS_TEST_TMPDIR/vol/of-1000"
  add_mount /mnt none "$BATS_TEST_TMPDIR/vol" bind
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_CHOWN"])'
  run_script 'stat -c "%n %u:%g" /mnt/of-root /mnt/of-1000; touch /mnt/new; touch /mnt/given && chown 7:8 /mnt/given; chown 0:0 /mnt/of-root 2>&1; true'
  # The host's root is nobody inside.
  assert_line '/mnt/of-root 65534:65534'
  assert_line '/mnt/of-1000 1000:1001'
  assert_has 'Operation not permitted'
  assert_same 'new file' 100000:100000 "$(stat -c %u:%g "$BATS_TEST_TMPDIR/vol/new")"
  assert_same 'file given away' 100007:100008 "$(stat -c %u:%g "$BATS_TEST_TMPDIR/vol/given")"
  # Nobody has changed owners for the sake of the mapping.
  assert_same 'owners on the disk' '100000:100000 0:0 101000:101001 100000:100000' \
    "$(cd "$BATS_TEST_TMPDIR/vol" && echo $(stat -c %u:%g . of-root of-1000 "$BUNDLE/rootfs/bin/busybox"))"
}

@test "mounts, directories and tmpfs made at create belong to the container's root" {
  bundle_edit '.root.readonly = false | .process.cwd = "/made/cwd"'
  add_mount /made/tmpfs tmpfs tmpfs
  run_script 'stat -c "%n %u:%g" /made /made/cwd /made/tmpfs /dev /dev/shm /dev/pts'
  for path in /made /made/cwd /made/tmpfs /dev /dev/shm /dev/pts; do
    assert_line "$path 0:0"
  done
  assert_same 'outside' 100000:100000 "$(stat -c %u:%g "$BUNDLE/rootfs/made")"
}

@test "the namespace is owned by the host id of its root, not by the host's root" {
  set_args sleep 100
  start_bundle
  owner=$(python3 - "$PID" <<'END'
import fcntl, os, struct, sys
fd = os.open(f'/proc/{sys.argv[1]}/ns/user', os.O_RDONLY)
print(struct.unpack('I', fcntl.ioctl(fd, 0xb704, struct.pack('I', 0)))[0])
END
)
  assert_same owner 100000 "$owner"
}

# The limits in /proc/sys/fs/inotify and the like are counted per user of the parent namespace. A
# container must not use up what its neighbours or the host have.
@test "neighbours: one container takes all inotify instances, the other and the host keep theirs" {
  local host_before host_during second_alone second_during
  mkfifo "$BATS_TEST_TMPDIR/in"
  exec 9<>"$BATS_TEST_TMPDIR/in"
  host_before=$("$COFFER_TESTBIN/testinit" inotify-count)
  first=$BUNDLE
  set_args testinit inotify-hog
  setup_userns_bundle second 200000
  set_args testinit inotify-count
  second_alone=$(cof run --bundle "$BUNDLE" "b-$CID")
  [[ $second_alone =~ ^inotify-count=[1-9][0-9]*\ last=EMFILE$ ]]

  cof run --bundle "$first" "a-$CID" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
  runner=$!
  background "$runner"
  wait_for 10 grep -q inotify-hog= "$BATS_TEST_TMPDIR/out"
  [ "$(sed -n 's/^inotify-hog=//p' "$BATS_TEST_TMPDIR/out")" -gt 0 ]
  second_during=$(cof run --bundle "$BUNDLE" "b-$CID")
  host_during=$("$COFFER_TESTBIN/testinit" inotify-count)
  exec 9>&-
  wait "$runner" || true
  assert_same 'the second container' "$second_alone" "$second_during"
  assert_same 'root of the host' "$host_before" "$host_during"
}

@test "neighbours: a container's second start counts against its own range" {
  mkfifo "$BATS_TEST_TMPDIR/in"
  exec 9<>"$BATS_TEST_TMPDIR/in"
  set_args testinit inotify-hog
  cof run --bundle "$BUNDLE" "a-$CID" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
  runner=$!
  background "$runner"
  wait_for 10 grep -q inotify-hog= "$BATS_TEST_TMPDIR/out"
  set_args testinit inotify-count
  run cof run --bundle "$BUNDLE" "b-$CID"
  exec 9>&-
  wait "$runner" || true
  assert_status 0
  assert_line 'inotify-count=0 last=EMFILE'
}

# What root of the host has left while the container has taken all: host_during.
while_hogging() {
  exec 9<>"$BATS_TEST_TMPDIR/in"
  cof run --bundle "$BUNDLE" "$CID" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
  runner=$!
  background "$runner"
  wait_for 10 grep -q inotify-hog= "$BATS_TEST_TMPDIR/out"
  host_during=$("$COFFER_TESTBIN/testinit" inotify-count)
  exec 9>&-
  wait "$runner" || true
}

@test "the same when a namespace is joined and when there are time offsets" {
  set_namespace time
  bundle_edit '.linux.timeOffsets = {boottime: {secs: 10}}'
  mkfifo "$BATS_TEST_TMPDIR/in"
  host_before=$("$COFFER_TESTBIN/testinit" inotify-count)
  set_args testinit inotify-hog
  while_hogging
  assert_same 'root of the host' "$host_before" "$host_during"

  unshare --ipc sleep 600 3>&- >/dev/null 2>&1 &
  holder=$!
  background "$holder"
  wait_for 5 test "$(readlink /proc/self/ns/ipc)" != "$(readlink "/proc/$holder/ns/ipc")"
  bundle_edit 'del(.linux.timeOffsets) | .mounts |= map(select(.type != "mqueue"))'
  set_namespace ipc "/proc/$holder/ns/ipc"
  while_hogging
  assert_same 'root of the host, joined' "$host_before" "$host_during"
}

@test "after a container no budget of the host is used" {
  before=$("$COFFER_TESTBIN/testinit" inotify-count)
  set_args testinit inotify-count
  for _ in 1 2 3; do
    run_bundle
    assert_status 0
    assert_match '^inotify-count=[1-9][0-9]* '
  done
  assert_same count "$before" "$("$COFFER_TESTBIN/testinit" inotify-count)"
}

@test "a user namespace inside the user namespace" {
  bundle_edit '.linux.sysctl = {"user.max_user_namespaces": "10"}'
  run_testinit unshare-user
  assert_line 'unshare-user=OK'
  assert_line 'clone3-user=OK'
}

@test "a session keyring that the container's root may use" {
  run_testinit keyring
  assert_match "^keyring=keyring;0;0;[0-9a-f]+;_ses\.$CID$"
}

@test "capabilities are those of the namespace, the host's root is out of reach" {
  bundle_edit '.process.capabilities = ({"bounding":["CAP_SYS_ADMIN","CAP_KILL","CAP_DAC_OVERRIDE","CAP_SYS_TIME"]} | .effective = .bounding | .permitted = .bounding)'
  set_args testinit caps + syscall sethostname clock-settime mount
  run_bundle
  assert_status 0
  assert_match '^CapEff:\s0000000002200022$'
  assert_line sethostname=OK
  assert_match '^clock-settime=E(INVAL|FAULT|PERM)$'
  mkdir "$BATS_TEST_TMPDIR/closed"
  chmod 700 "$BATS_TEST_TMPDIR/closed"
  add_mount /mnt none "$BATS_TEST_TMPDIR/closed" bind
  run_script 'ls /mnt 2>&1; true'
  assert_has 'Permission denied'
}

@test "an image whose files belong to nobody inside: error or start, never as the host's root" {
  chown -R --no-dereference 0:0 "$BUNDLE/rootfs"
  set_args testinit statpath /bin/busybox + sleep
  status=0
  cof run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null || status=$?
  output=$(cat "$BATS_TEST_TMPDIR/out")
  if [ "$status" -eq 0 ]; then
    assert_same 'uids outside' '100000 100000 100000 100000' "$(host_ids "$(cat "$BATS_TEST_TMPDIR/pid")")"
  else
    assert_has /
  fi
}

@test "the root of the host mapped is a warning that names it" {
  chown -R --no-dereference 0:0 "$BUNDLE/rootfs"
  bundle_edit '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
  set_args testinit ids
  run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'level=warning'
  assert_has "the host's root"
}
