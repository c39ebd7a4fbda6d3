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
    {path: "/dev/u", type: "u", major: 1, minor: 5, fileMode: 8192},
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

@test "user namespace: the default devices belong to the container's root and work" {
  local before
  before=$(stat -c '%n %a %u %g %Z' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty)
  setup_userns_bundle
  run_testinit statpath /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty + \
    open /dev/null /dev/zero /dev/full /dev/random /dev/urandom
  for row in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$row"
    assert_match "^/dev/$name type=char mode=0666 uid=0 gid=0 rdev=$major:$minor "
  done
  for name in null zero full random urandom; do
    assert_line "open-read /dev/$name=OK"
    assert_line "open-write /dev/$name=OK"
  done
  run_script 'chmod 600 /dev/null /dev/zero && rm /dev/random'
  assert_same "the host's nodes" "$before" "$(stat -c '%n %a %u %g %Z' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty)"
}

@test "user namespace: /dev is one mount, as without" {
  setup_userns_bundle
  set_args awk '$5 ~ "^/dev" && / - (tmpfs|devtmpfs) / { print $5, $NF }' /proc/self/mountinfo
  run_bundle
  assert_status 0
  assert_same mounts '/dev /dev/shm' "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
  assert_match '^/dev rw,size=65536k,mode=755'
}

@test "user namespace: linux.devices: modes, owners, parents, and what the host does not have" {
  setup_userns_bundle
  bundle_edit '.linux.devices = [
    {path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 384, uid: 7, gid: 8},
    {path: "/dev/net/tun", type: "c", major: 10, minor: 200, fileMode: 432, uid: 0, gid: 5},
    {path: "/dev/mine/deep/c", type: "c", major: 1, minor: 3, fileMode: 0, uid: 1000, gid: 1000},
    {path: "/dev/no-such-device", type: "b", major: 7, minor: 200},
    {path: "/dev/mine/p", type: "p", uid: 5, gid: 6}]'
  set_args testinit statpath /dev/random /dev/net/tun /dev/mine/deep/c /dev/no-such-device /dev/mine/p /dev/net /dev/mine /dev/mine/deep
  for mask in 000 077; do
    run bash -c "umask $mask; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
    assert_status 0
    assert_match '^/dev/random type=char mode=0600 uid=7 gid=8 rdev=1:8 '
    assert_match '^/dev/net/tun type=char mode=0660 uid=0 gid=5 rdev=10:200 '
    assert_match '^/dev/mine/deep/c type=char mode=0000 uid=1000 gid=1000 rdev=1:3 '
    assert_match '^/dev/no-such-device type=block mode=0666 uid=0 gid=0 rdev=7:200 '
    assert_match '^/dev/mine/p type=fifo mode=0666 uid=5 gid=6 '
    assert_match '^/dev/net type=dir mode=0755 uid=0 gid=0 '
    assert_match '^/dev/mine type=dir mode=0755 uid=0 gid=0 '
    assert_match '^/dev/mine/deep type=dir mode=0755 uid=0 gid=0 '
  done
}

@test "user namespace: a device of mode 0600 is its owner's to use, nobody else's" {
  local fuse=ENODEV
  setup_userns_bundle
  if (exec 9<>/dev/fuse) 2>/dev/null; then fuse=OK; fi
  bundle_edit '.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 384, uid: $u, gid: 0},
      {path: "/dev/secret", type: "c", major: 1, minor: 5, fileMode: 384, uid: $u, gid: 0}]
    | .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 229, access: "rwm"}]
    | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}' --argjson u 1000
  run_testinit open /dev/secret /dev/fuse
  assert_line 'open-read /dev/secret=OK'
  assert_line 'open-write /dev/secret=OK'
  assert_match "^open-read /dev/fuse=($fuse|ENODEV|ENXIO)$"
  bundle_edit '.process.user = {uid: 1001, gid: 1001}'
  run_testinit open /dev/secret /dev/fuse
  assert_line 'open-read /dev/secret=EACCES'
  assert_line 'open-read /dev/fuse=EACCES'
}

# Before Linux 6.15 a node that goes onto a mount or out of /dev is the host's, which has it under that name.
kernel_clones_detached() {
  local major minor
  IFS=.- read -r major minor _ </proc/sys/kernel/osrelease
  [ $((major * 1000 + minor)) -ge 6015 ]
}

@test "user namespace: devices outside /dev and below another mount" {
  kernel_clones_detached || skip 'the kernel clones no detached mount (before 6.15)'
  setup_userns_bundle
  bundle_edit '.root.readonly = false | .linux.devices = [
    {path: "/opt/x", type: "c", major: 1, minor: 8, fileMode: 384, uid: 5, gid: 6},
    {path: "/dev/shm/zero", type: "c", major: 1, minor: 5, fileMode: 416, uid: 0, gid: 6}]'
  run_testinit statpath /opt/x /dev/shm/zero + open /opt/x /dev/shm/zero
  assert_match '^/opt/x type=char mode=0600 uid=5 gid=6 rdev=1:8 '
  assert_match '^/dev/shm/zero type=char mode=0640 uid=0 gid=6 rdev=1:5 '
  assert_line 'open-read /dev/shm/zero=OK'
}

@test "user namespace: /dev from nowhere, read-only, and with other options" {
  local options
  setup_userns_bundle
  bundle_edit '.mounts |= map(select(.destination != "/dev"))'
  run_testinit statpath /dev /dev/null /dev/fd + open /dev/null
  assert_match '^/dev type=dir mode=0755 uid=0 gid=0 '
  assert_match '^/dev/null type=char mode=0666 uid=0 gid=0 rdev=1:3 '
  assert_line 'open-write /dev/null=OK'

  setup_userns_bundle second
  bundle_edit '.mounts += [{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["remount", "ro", "nosuid"]}]'
  run_bundle
  kernel_clones_detached || return 0
  # Devices come after all mounts.
  [ "$status" -eq 0 ] || assert_has /dev

  for options in '["nosuid","mode=700","size=1m","nr_inodes=100"]' '["nosuid","uid=5","gid=6","mode=755"]' '["nosuid"]'; do
    setup_userns_bundle "third-$RANDOM"
    bundle_edit '(.mounts[] | select(.destination == "/dev")).options = $o' --argjson o "$options"
    run_testinit statpath /dev /dev/null + open /dev/null
    assert_match '^/dev/null type=char mode=0666 uid=0 gid=0 rdev=1:3 '
    assert_line 'open-write /dev/null=OK'
    case $options in
      *mode=700*) assert_match '^/dev type=dir mode=0700 uid=0 gid=0 ' ;;
      *uid=5*) assert_match '^/dev type=dir mode=0755 uid=5 gid=6 ' ;;
    esac
  done
}

@test "user namespace: a mount that the image leads to /dev/null does not become the null device" {
  local way
  for way in /led /dev/null; do
    setup_userns_bundle "bundle-${way##*/}"
    echo data >"$BATS_TEST_TMPDIR/volume"
    chown 100000:100000 "$BATS_TEST_TMPDIR/volume"
    ln -sfn /dev/null "$BUNDLE/rootfs/led"
    add_mount "$way" none "$BATS_TEST_TMPDIR/volume" bind
    set_args testinit statpath /dev/null + cat /proc/timer_list
    run_bundle
    if [ "$status" -eq 0 ]; then
      assert_match '^/dev/null type=char .* rdev=1:3 '
      assert_lacks data
    else
      assert_has /dev/null
    fi
    assert_same volume data "$(cat "$BATS_TEST_TMPDIR/volume")"
  done
}

@test "user namespace: a mount at a default device's place is kept when it is that device" {
  setup_userns_bundle
  add_mount /dev/zero none /dev/zero bind dev
  run_testinit statpath /dev/zero + open /dev/zero
  assert_match '^/dev/zero type=char mode=0666 .* rdev=1:5 '
  assert_line 'open-read /dev/zero=OK'
}

@test "user namespace: where the runtime may not make nodes, the host's are bound" {
  setup_userns_bundle
  bundle_edit '.linux.devices = [{path: "/dev/random", type: "c", major: 1, minor: 8}]'
  set_args testinit statpath /dev/random /dev/null + open /dev/null
  run capsh --drop=cap_mknod -- -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' '$CID'"
  assert_status 0
  assert_match '^/dev/random type=char .* rdev=1:8 '
  assert_line 'open-write /dev/null=OK'
  bundle_edit '.linux.devices = [{path: "/dev/no-such-device", type: "c", major: 1, minor: 8}]'
  run capsh --drop=cap_mknod -- -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' '$CID'"
  assert_status 1
  assert_has /dev/no-such-device
}

@test "user namespace: many containers at once leave no mount on the host" {
  local i before
  setup_userns_bundle
  before=$(cut -d' ' -f4- /proc/self/mountinfo | sort)
  set_args sleep 100
  start_bundle
  nsenter -t "$PID" -m true
  assert_same mounts "$before" "$(cut -d' ' -f4- /proc/self/mountinfo | sort)"
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
