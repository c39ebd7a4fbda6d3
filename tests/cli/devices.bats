#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Device nodes and device access: the default ones, linux.devices, the device policy of the cgroup.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

with_mknod() {
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
}

# On a machine with cgroup v1 the v2 policy is tried in a mount namespace that has only cgroup2. Where it is the
# host's, it stays: a mount without its options would take them from the host as well.
run_on_v2() {
  run unshare --mount --propagation private bash -c '
    set -e
    if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount -R /sys/fs/cgroup
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi
    exec timeout 60 "$COFFER" --root "$1" run --bundle "$2" "$3"' bash "$ROOT" "$BUNDLE" "$CID"
  [ -z "$(find /sys/fs/cgroup -type d -name "*$CID*" 2>/dev/null)" ]
}

@test "the default devices: type, numbers, mode, owner" {
  run_testinit statpath /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
  for row in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$row"
    assert_match "^/dev/$name type=char mode=0666 uid=0 gid=0 rdev=$major:$minor "
  done
}

@test "the links of /dev" {
  run_testinit statpath /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/ptmx
  assert_match '^/dev/fd type=link .* target="/proc/self/fd"$'
  assert_match '^/dev/stdin type=link .* target="/proc/self/fd/0"$'
  assert_match '^/dev/stdout type=link .* target="/proc/self/fd/1"$'
  assert_match '^/dev/stderr type=link .* target="/proc/self/fd/2"$'
  assert_match '^/dev/ptmx type=link .* target="pts/ptmx"$'
}

@test "nothing else is in /dev" {
  run_testinit ls /dev
  assert_same names '"core" "fd" "full" "mqueue" "null" "ptmx" "pts" "random" "shm" "stderr" "stdin" "stdout" "tty" "urandom" "zero"' \
    "$({ echo '"core"'; cat <<<"$output"; } | LC_ALL=C sort -u | tr '\n' ' ' | sed 's/ $//')"
}

@test "the default devices work, also for a user and without capabilities" {
  for user in 0 1000; do
    bundle_edit '.process.user = {uid: $u, gid: $u} | .process.capabilities = {}' --argjson u "$user"
    run_script 'echo gone >/dev/null && head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c; echo x 2>&1 >/dev/full; echo via-stdout >/dev/stdout; cat /dev/fd/0 </dev/null'
    assert_line 3
    assert_line 5
    assert_line via-stdout
    assert_has 'No space left on device'
  done
}

@test "linux.devices: character, block, fifo, u; modes, owners, parents" {
  bundle_edit '.linux.devices = [
    {path: "/dev/mine/deep/c", type: "c", major: 1, minor: 3, fileMode: 416, uid: 5, gid: 6},
    {path: "/dev/u", type: "u", major: 1, minor: 5, fileMode: 0},
    {path: "/dev/b", type: "b", major: 7, minor: 200, fileMode: 511, uid: 1000, gid: 1000},
    {path: "/dev/p", type: "p", fileMode: 384},
    {path: "/dev/plain", type: "c", major: 4095, minor: 1048575},
    {path: "/outside-dev", type: "c", major: 1, minor: 8, uid: 4294967294, gid: 4294967294}]'
  run_testinit statpath /dev/mine/deep/c /dev/u /dev/b /dev/p /dev/plain /outside-dev /dev/mine
  assert_match '^/dev/mine/deep/c type=char mode=0640 uid=5 gid=6 rdev=1:3 '
  assert_match '^/dev/u type=char mode=0000 uid=0 gid=0 rdev=1:5 '
  assert_match '^/dev/b type=block mode=0777 uid=1000 gid=1000 rdev=7:200 '
  assert_match '^/dev/p type=fifo mode=0600 uid=0 gid=0 '
  assert_match '^/dev/plain type=char mode=0666 uid=0 gid=0 rdev=4095:1048575 '
  assert_match '^/outside-dev type=char mode=0666 uid=4294967294 gid=4294967294 rdev=1:8 '
  assert_match '^/dev/mine type=dir mode=0755 '
}

@test "modes are exact, whatever the umask of the caller" {
  bundle_edit '.linux.devices = [{path: "/dev/a", type: "c", major: 1, minor: 3, fileMode: 438}]'
  set_args testinit statpath /dev/a /dev/null
  run bash -c "umask 077; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_match '^/dev/a type=char mode=0666 '
  assert_match '^/dev/null type=char mode=0666 '
}

@test "a default device in linux.devices: its mode and owner count, another number is refused" {
  bundle_edit '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 432, uid: 7, gid: 8}]'
  run_testinit statpath /dev/null
  assert_match '^/dev/null type=char mode=0660 uid=7 gid=8 rdev=1:3 '
  bundle_edit '.linux.devices[0].minor = 5'
  run_bundle
  assert_status 1
  assert_has 'linux.devices[0]'
}

@test "an existing file at the path: the same device is taken, another one refused" {
  mknod -m 600 "$BUNDLE/rootfs/there" c 1 3
  bundle_edit '.root.readonly = false | .linux.devices = [{path: "/there", type: "c", major: 1, minor: 3}]'
  run_testinit statpath /there
  assert_match '^/there type=char .* rdev=1:3 '
  bundle_edit '.linux.devices[0].minor = 5'
  run_bundle
  assert_status 1
  assert_has '/there'
  assert_same 'what was there' '1:3' "$(stat -c '%t:%T' "$BUNDLE/rootfs/there")"
}

@test "no mount on /dev: the devices are made in the image's own directory" {
  bundle_edit '.root.readonly = false | .mounts |= map(select(.destination | startswith("/dev") | not))'
  run_testinit statpath /dev/null /dev/fd
  assert_match '^/dev/null type=char mode=0666 .* rdev=1:3 '
  assert_match '^/dev/fd type=link '
}

@test "/dev bound from the host is left alone" {
  mkdir "$BATS_TEST_TMPDIR/dev"
  mknod -m 666 "$BATS_TEST_TMPDIR/dev/null" c 1 3
  bundle_edit '.mounts |= map(select(.destination | startswith("/dev") | not)) + [{destination: "/dev", type: "none", source: $s, options: ["bind"]}]' \
    --arg s "$BATS_TEST_TMPDIR/dev"
  run_testinit ls /dev
  assert_same names '"null"' "$output"
  assert_same 'names outside' null "$(ls "$BATS_TEST_TMPDIR/dev")"
}

@test "user namespace: the default devices are the host's nodes and work" {
  setup_userns_bundle
  run_testinit statpath /dev/null /dev/zero /dev/tty + open /dev/null /dev/zero /dev/full /dev/random /dev/urandom
  for row in null:1:3 zero:1:5 tty:5:0; do
    IFS=: read -r name major minor <<<"$row"
    assert_match "^/dev/$name type=char mode=0666 uid=[0-9]+ gid=[0-9]+ rdev=$major:$minor "
  done
  for name in null zero full random urandom; do
    assert_line "open-read /dev/$name=OK"
    assert_line "open-write /dev/$name=OK"
  done
}

@test "user namespace: linux.devices, one that the host lacks is an error" {
  setup_userns_bundle
  bundle_edit '.linux.devices = [{path: "/dev/random", type: "c", major: 1, minor: 8}, {path: "/dev/p", type: "p", uid: 5, gid: 6}]'
  run_testinit statpath /dev/random /dev/p
  assert_match '^/dev/random type=char .* rdev=1:8 '
  assert_match '^/dev/p type=fifo mode=0666 uid=5 gid=6 '
  bundle_edit '.linux.devices = [{path: "/dev/no-such-device", type: "c", major: 1, minor: 8}]'
  run_bundle
  assert_status 1
  assert_has /dev/no-such-device
}

@test "user namespace: no device nodes can be made, none on a volume can be opened" {
  setup_userns_bundle
  with_mknod
  mkdir "$BATS_TEST_TMPDIR/vol"
  mknod -m 666 "$BATS_TEST_TMPDIR/vol/zero" c 1 5
  bundle_edit '.mounts += [{destination: "/mnt", source: $s, options: ["bind"]}]' --arg s "$BATS_TEST_TMPDIR/vol"
  run_testinit mknod-open c 1 5 /dev/node + open /mnt/zero
  assert_line mknod=EPERM
  assert_line 'open-read /mnt/zero=EACCES'
}

# ---- policy ----

@test "policy (v1): every device but the default ones is denied, mknod is allowed" {
  requires cgroup-v1
  with_mknod
  run_testinit mknod-open c 240 0 /dev/node + mknod-open b 240 0 /dev/node + mknod-open c 1 5 /dev/node
  assert_same mknod 3 "$(grep -cx mknod=OK <<<"$output")"
  # Denied is EPERM; ENXIO would mean that the kernel was asked for a driver.
  assert_same denied 4 "$(grep -Ec '^open-(read|write)=EPERM$' <<<"$output")"
  assert_same allowed 2 "$(grep -Ec '^open-(read|write)=OK$' <<<"$output")"
}

@test "policy (v1): rules of the configuration, in their order" {
  requires cgroup-v1
  with_mknod
  bundle_edit '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 240, minor: 0, access: "r"},
    {allow: true, type: "c", major: 241, access: "rw"}, {allow: true, type: "c", major: 242, minor: 1, access: "rw"},
    {allow: false, type: "c", major: 242, minor: 1, access: "w"}]'
  set_args testinit mknod-open c 240 0 /dev/a + mknod-open c 240 1 /dev/b + mknod-open c 241 7 /dev/c + mknod-open c 242 1 /dev/d
  run_bundle
  assert_status 0
  assert_same 'answers' 'ENXIO EPERM EPERM EPERM ENXIO ENXIO ENXIO EPERM' \
    "$(sed -n 's/^open-[a-z]*=//p' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "policy (v1): what the container's devices.list says" {
  requires cgroup-v1
  set_args sleep 100
  start_bundle
  list=/sys/fs/cgroup/devices$(awk -F: '$2 == "devices" { print $3 }' "/proc/$PID/cgroup")/devices.list
  output=$(cat "$list")
  for line in 'c *:* m' 'b *:* m' 'c 1:3 rwm' 'c 1:5 rwm' 'c 1:7 rwm' 'c 1:8 rwm' 'c 1:9 rwm' 'c 5:0 rwm' 'c 5:2 rwm' 'c 136:* rwm'; do
    assert_line "$line"
  done
  assert_lacks 'a *:* rwm'
}

@test "policy (v2): every device but the default ones is denied, mknod is allowed" {
  with_mknod
  bundle_edit '.mounts |= map(select(.type != "cgroup")) | del(.linux.resources.pids)'
  set_args testinit mknod-open c 240 0 /dev/node + mknod-open b 240 0 /dev/node + mknod-open c 1 5 /dev/node
  run_on_v2
  assert_status 0
  assert_same mknod 3 "$(grep -cx mknod=OK <<<"$output")"
  assert_same denied 4 "$(grep -Ec '^open-(read|write)=EPERM$' <<<"$output")"
  assert_same allowed 2 "$(grep -Ec '^open-(read|write)=OK$' <<<"$output")"
}

@test "policy (v2): rules of the configuration, the last that fits decides" {
  with_mknod
  bundle_edit '.mounts |= map(select(.type != "cgroup")) | del(.linux.resources.pids) | .linux.resources.devices = [
    {allow: false, access: "rwm"}, {allow: true, type: "c", major: 240, minor: 0, access: "r"},
    {allow: true, type: "c", major: 241, access: "rw"}, {allow: false, type: "c", major: 241, minor: 1, access: "rwm"}]'
  set_args testinit mknod-open c 240 0 /dev/a + mknod-open c 240 1 /dev/b + mknod-open c 241 7 /dev/c + mknod-open c 241 1 /dev/d
  run_on_v2
  assert_status 0
  assert_same 'answers' 'ENXIO EPERM EPERM EPERM ENXIO ENXIO EPERM EPERM' \
    "$(sed -n 's/^open-[a-z]*=//p' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "policy (v2): everything allowed when the configuration says so" {
  with_mknod
  bundle_edit '.mounts |= map(select(.type != "cgroup")) | del(.linux.resources.pids) | .linux.resources.devices = [{allow: true, access: "rwm"}]'
  set_args testinit mknod-open c 240 0 /dev/a + mknod-open b 240 0 /dev/b
  run_on_v2
  assert_status 0
  assert_same 'answers' 'ENXIO ENXIO ENXIO ENXIO' "$(sed -n 's/^open-[a-z]*=//p' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}
