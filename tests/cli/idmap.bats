#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Id-mapped mounts: who owns what on both sides, which mounts can have them, what is said where they cannot.

load helpers

setup() {
  requires root userns
  setup_userns_bundle
  VOL=$BATS_TEST_TMPDIR/vol
  mkdir "$VOL"
  touch "$VOL/of-0" "$VOL/of-1000"
  chown 1000:1001 "$VOL/of-1000"
}
teardown() {
  local pid
  for pid in ${HOLDERS:-}; do kill "$pid" 2>/dev/null || true; done
  umount -R "$BATS_TEST_TMPDIR/vol" 2>/dev/null || true
  teardown_bundle
}

SHOW='stat -c "%n %u:%g" /mnt /mnt/*'

add_map() { # add_map KEY CONTAINERID HOSTID SIZE: to the last mount
  bundle_edit '.mounts[-1][$k] += [{containerID: ($c | tonumber), hostID: ($h | tonumber), size: ($s | tonumber)}]' \
    --arg k "$1" --arg c "$2" --arg h "$3" --arg s "$4"
}

outside() { stat -c '%n %u:%g' "$@"; }

has_open_tree_attr() { [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -1)" = 6.15 ]; }

# This test in a mount namespace of its own, where it may mount what it likes: in_private TEXT.
in_private() {
  unshare -m --propagation private bash -c ". \"$BATS_TEST_DIRNAME/helpers.bash\"; set -e; $1"
}
export_test() {
  local v
  for v in VOL BUNDLE ROOT CID BATS_TEST_TMPDIR; do export "${v?}"; done
}

@test "option idmap: the container's own map" {
  add_mount /mnt none "$VOL" bind idmap
  run_script "$SHOW; touch /mnt/new; grep ' /mnt ' /proc/self/mountinfo"
  assert_line '/mnt 0:0'
  assert_line '/mnt/of-0 0:0'
  assert_line '/mnt/of-1000 1000:1001'
  assert_has idmapped
  # On the disk as the container says it, not as the host's ids of the container.
  assert_same 'new file' 0:0 "$(stat -c %u:%g "$VOL/new")"
  assert_same 'old file' 1000:1001 "$(stat -c %u:%g "$VOL/of-1000")"
}

@test "a user of the container writes with its own id" {
  chmod 777 "$VOL"
  add_mount /mnt none "$VOL" bind idmap
  bundle_edit '.process.user = {uid: 1000, gid: 1001}'
  run_script 'touch /mnt/new; echo x >>/mnt/of-1000; touch /mnt/of-0 2>/dev/null || echo refused'
  assert_line refused
  assert_same 'new file' 1000:1001 "$(stat -c %u:%g "$VOL/new")"
}

@test "mappings of the entry, with and without the option" {
  local option
  for option in bind idmap; do
    bundle_edit 'del(.mounts[] | select(.destination == "/mnt"))'
    add_mount /mnt none "$VOL" bind "$option"
    add_map uidMappings 1000 100000 1
    add_map uidMappings 0 100007 1
    add_map gidMappings 1001 100000 1
    run_script "$SHOW; touch /mnt/of-1000"
    assert_line '/mnt/of-0 7:65534'
    assert_line '/mnt/of-1000 0:0'
  done
}

@test "crun's form of the option, absolute and relative to the container's map" {
  chown 1000:1001 "$VOL"
  add_mount /mnt none "$VOL" bind 'idmap=uids=1000-100000-1#0-@5-1;gids=@1001-0-1'
  set_args true
  run_bundle
  assert_status 1
  assert_has 'expected ranges like'
  bundle_edit '.mounts[-1].options[1] = "idmap=uids=1000-100000-1#@0-5-1;gids=@1001-0-1"'
  run_script "$SHOW; touch /mnt/new"
  assert_line '/mnt/of-0 5:65534'
  assert_line '/mnt/of-1000 0:0'
  assert_same 'new file' 1000:1001 "$(stat -c %u:%g "$VOL/new")"
}

@test "without a user namespace" {
  drop_namespace user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  add_mount /mnt none "$VOL" bind idmap
  add_map uidMappings 0 1000 1
  add_map uidMappings 1000 0 1
  add_map gidMappings 0 1000 1002
  run_script "$SHOW; touch /mnt/of-1000"
  assert_line '/mnt/of-0 1000:1000'
  assert_line '/mnt/of-1000 0:2001'
}

@test "equal maps are one namespace" {
  add_mount /mnt none "$VOL" bind idmap
  add_mount /run none "$VOL" bind
  add_map uidMappings 0 100000 60000
  add_map uidMappings 60000 160000 5536
  add_map gidMappings 0 100000 65536
  add_mount /var none "$VOL" bind
  add_map uidMappings 0 100001 1
  add_map gidMappings 0 100001 1
  add_mount /tmp none "$VOL" bind 'idmap=uids=@0-1-1;gids=@0-1-1'
  run cof plan "$BUNDLE"
  assert_status 0
  assert_line 'host mount map 0 container'
  assert_line 'host mount map 1 uid 0 100001 1'
  assert_lacks 'mount map 2'
  run_script 'stat -c "%n %u:%g" /mnt/of-0 /run/of-0 /var/of-0 /tmp/of-0'
  assert_line '/mnt/of-0 0:0'
  assert_line '/run/of-0 0:0'
  assert_line '/var/of-0 1:1'
  assert_line '/tmp/of-0 1:1'
}

@test "a single file" {
  add_mount /etc/of-1000 none "$VOL/of-1000" bind idmap ro
  run_script 'stat -c "%u:%g" /etc/of-1000; echo x >/etc/of-1000 || true'
  assert_line 1000:1001
  assert_has 'Read-only'
}

@test "together with attributes and propagation" {
  export_test
  mkdir "$VOL/sub"
  add_mount /mnt none "$VOL" rbind ridmap rro noexec suid rslave noatime
  set_args sh -c 'cat /proc/self/mountinfo; stat -c "%n %u:%g" /mnt/sub /mnt/sub/*'
  run in_private 'mount --make-rshared /; mount -t tmpfs none "$VOL/sub"; touch "$VOL/sub/file"; chown 5:6 "$VOL/sub/file"; cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_match ' /mnt ro,nodev,noexec,noatime,idmapped master:'
  assert_match ' /mnt/sub ro,nodev,[a-z,]*idmapped'
  assert_line '/mnt/sub 0:0'
  assert_line '/mnt/sub/file 5:6'
}

@test "idmap maps the top only, ridmap what is mounted below as well" {
  export_test
  mkdir "$VOL/sub"
  add_mount /mnt none "$VOL" rbind idmap
  set_args sh -c 'stat -c "%n %u:%g" /mnt/of-0 /mnt/sub'
  run in_private 'mount -t tmpfs none "$VOL/sub"; cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_line '/mnt/of-0 0:0'
  assert_line '/mnt/sub 65534:65534'
  bundle_edit '.mounts[-1].options = ["rbind", "ridmap=uids=0-100003-1;gids=0-100004-1"]'
  run in_private 'mount -t tmpfs none "$VOL/sub"; cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_line '/mnt/of-0 3:4'
  assert_line '/mnt/sub 3:4'
  bundle_edit '.mounts[-1].options = ["rbind", "idmap=uids=0-100003-1;gids=0-100004-1"]'
  run in_private 'mount -t tmpfs none "$VOL/sub"; cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_line '/mnt/of-0 3:4'
  assert_line '/mnt/sub 65534:65534'
}

@test "a source that is id-mapped already gets the new map" {
  export_test
  mkdir "$VOL/mapped"
  in_private '"$COFFER_TESTBIN/idmap-mount" "$VOL" "$VOL/mapped" 0 7000 1' || skip 'the file system has no id-mapped mounts'
  add_mount /mnt none "$VOL/mapped" bind idmap
  set_args sh -c 'stat -c "%n %u:%g" /mnt/of-0 /mnt/of-1000'
  local try='"$COFFER_TESTBIN/idmap-mount" "$VOL" "$VOL/mapped" 0 7000 1; stat -c "outside %u" "$VOL/mapped/of-0"; cof run --bundle "$BUNDLE" "$CID"'
  run in_private "$try"
  assert_line 'outside 7000'
  if ! has_open_tree_attr; then
    assert_status 1
    # Before Linux 6.15 there is no way.
    assert_has "\`$VOL/mapped\` is id-mapped already"
    assert_has 'mounts['
    return
  fi
  assert_line '/mnt/of-0 0:0'
  assert_line '/mnt/of-1000 1000:1001'
  # A map of its own, recursive, and set in one call.
  bundle_edit '.mounts[-1].options = ["rbind", "ridmap=uids=@0-5-1;gids=@0-6-1"]'
  run in_private "$try"
  assert_status 0
  assert_line '/mnt/of-0 5:6'
  # The top alone cannot be replaced in a tree.
  bundle_edit '.mounts[-1].options = ["rbind", "idmap"]'
  run in_private "$try"
  assert_status 1
  assert_has 'is id-mapped already'
}

@test "a new tmpfs" {
  add_mount /mnt tmpfs tmpfs idmap mode=711 uid=5
  run_script 'stat -c "%n %u:%g %a" /mnt; touch /mnt/new && stat -c "%n %u:%g" /mnt/new || true'
  assert_line '/mnt 5:0 711'
  # With another map the host makes it: ids in its options are those on the file system.
  bundle_edit '.mounts[-1].options = ["idmap=uids=8-100000-1#0-100009-1;gids=0-100000-1", "uid=8", "mode=711"]'
  run_script 'stat -c "%n %u:%g %a" /mnt; touch /mnt/new && stat -c "%n %u:%g" /mnt/new; grep " /mnt " /proc/self/mountinfo'
  assert_line '/mnt 0:0 711'
  assert_line '/mnt/new 0:0'
  assert_match ' /mnt rw,nosuid,nodev,relatime,idmapped - tmpfs'
}

@test "a new tmpfs takes mode and content of the directory below" {
  mkdir "$BUNDLE/rootfs/data"
  echo content >"$BUNDLE/rootfs/data/file"
  chown -R 100000:100000 "$BUNDLE/rootfs/data"
  chmod 750 "$BUNDLE/rootfs/data"
  chmod 640 "$BUNDLE/rootfs/data/file"
  add_mount /data tmpfs tmpfs tmpcopyup ro 'idmap=uids=0-100000-10;gids=0-100000-10'
  run_script 'stat -c "%n %u:%g %a" /data /data/file; cat /data/file; touch /data/new || true'
  assert_line '/data 0:0 750'
  assert_line '/data/file 0:0 640'
  assert_line content
  assert_has 'Read-only'
}

@test "a file system that only the host may mount" {
  command -v mkfs.ext4 >/dev/null || skip 'mkfs.ext4 is not installed'
  local image=$BATS_TEST_TMPDIR/image loop
  truncate -s 8M "$image"
  mkfs.ext4 -q "$image"
  loop=$(losetup --find --show "$image" 2>/dev/null) || skip 'no loop devices'
  add_mount /mnt ext4 "$loop" idmap errors=continue
  set_args sh -c 'stat -c "%n %u:%g" /mnt; touch /mnt/new; stat -c "%n %u:%g" /mnt/new'
  run_bundle
  losetup -d "$loop"
  assert_status 0
  assert_line '/mnt 0:0'
  assert_line '/mnt/new 0:0'
}

@test "file systems that have none: which one, where, and what to do" {
  add_mount /mnt none /proc/self bind idmap
  run_bundle
  assert_status 1
  assert_has 'id-map the mount at `/mnt`'
  assert_has 'the file system `proc` has no id-mapped mounts'
  bundle_edit '.mounts[-1] = {destination: "/mnt", type: "ramfs", source: "none", options: ["idmap"]}'
  run_bundle
  assert_status 1
  assert_has 'the file system `ramfs` has no id-mapped mounts'
  bundle_edit '.mounts[-1] = {destination: "/mnt", type: "mqueue", source: "none", options: ["idmap"]}'
  run_bundle
  assert_status 1
  assert_has '`mqueue` at `/mnt`'
  run cof --log-format json --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"
  grep -q mount-idmap-fs "$BATS_TEST_TMPDIR/log"
}

@test "below the source: the mount that cannot is named" {
  export_test
  mkdir "$VOL/good" "$VOL/bad one"
  add_mount /mnt none "$VOL" rbind ridmap
  run in_private 'mount -t tmpfs none "$VOL/good"; mount -t sysfs none "$VOL/bad one"; cof run --bundle "$BUNDLE" "$CID"'
  assert_status 1
  assert_has "the file system \`sysfs\` mounted at \`$VOL/bad one\` has no id-mapped mounts"
}

@test "overlay: the layers can be mapped, the overlay cannot" {
  export_test
  mkdir "$VOL/merged" "$VOL/u" "$VOL/w" "$VOL/l" "$VOL/lower"
  touch "$VOL/lower/file"
  in_private 'mount -t overlay none -o "lowerdir=$VOL/lower,upperdir=$VOL/u,workdir=$VOL/w" "$VOL/merged"' || skip 'no overlay'
  add_mount /mnt none "$VOL/merged" bind idmap
  run in_private 'mount -t overlay none -o "lowerdir=$VOL/lower,upperdir=$VOL/u,workdir=$VOL/w" "$VOL/merged"
    cof --log-format json --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"'
  assert_status 1
  grep -q 'the file system `overlay` has no id-mapped mounts' "$BATS_TEST_TMPDIR/log"
  grep -q 'layers' "$BATS_TEST_TMPDIR/log"
  set_args stat -c '%n %u:%g' /mnt/file
  run in_private '"$COFFER_TESTBIN/idmap-mount" "$VOL/lower" "$VOL/l" 0 100000 10
    mount -t overlay none -o "lowerdir=$VOL/l" "$VOL/merged" 2>/dev/null || mount -t overlay none -o "lowerdir=$VOL/l:$VOL/u" "$VOL/merged"
    jq "del(.mounts[-1].options[1])" "$BUNDLE/config.json" >"$BUNDLE/c" && mv "$BUNDLE/c" "$BUNDLE/config.json"
    cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_line '/mnt/file 0:0'
}

@test "mappings that are wrong: the entry is named and nothing is left" {
  add_mount /mnt none "$VOL" bind idmap
  local n
  n=$(jq '.mounts | length - 1' "$BUNDLE/config.json")
  add_map uidMappings 0 100000 10
  run_bundle
  assert_status 1
  assert_has "mounts[$n].gidMappings: id-mapped mounts must have both uid and gid mappings specified"
  add_map gidMappings 0 100000 10
  add_map gidMappings 5 200000 10
  run_bundle
  assert_status 1
  assert_has "mounts[$n].gidMappings[1].containerID: id 5 is mapped by entry 0 already"
  bundle_edit '.mounts[-1].gidMappings = [{containerID: 0, hostID: 4294967295, size: 1}]'
  run_bundle
  assert_status 1
  assert_has "mounts[$n].gidMappings[0].hostID"
  bundle_edit '.mounts[-1].gidMappings = [range(341) | {containerID: ., hostID: (. + 1), size: 1}]'
  run_bundle
  assert_status 1
  assert_has "mounts[$n].gidMappings: 341 entries"
  drop_namespace user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings, .mounts[-1].uidMappings, .mounts[-1].gidMappings)'
  run_bundle
  assert_status 1
  assert_has "mounts[$n].options[1]: an id-mapped mount needs mappings of its own, or a user namespace"
}

@test "a joined user namespace serves for its map too" {
  set_args sleep 100
  start_bundle
  add_mount /mnt none "$VOL" bind idmap
  bundle_edit '(.linux.namespaces[] | select(.type == "user")).path = $p' --arg p "/proc/$PID/ns/user"
  set_args sh -c "$SHOW"
  run cof run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  assert_line '/mnt/of-1000 1000:1001'
  # The same with the namespaces that belong to it, and with time offsets, where init comes later.
  bundle_edit 'del(.linux.namespaces[] | select(.type == "user").path) | .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 5}}'
  run cof run --bundle "$BUNDLE" "$CID-3"
  assert_status 0
  assert_line '/mnt/of-1000 1000:1001'
}

@test "a joined network namespace and a new user namespace" {
  unshare -n sleep 100 &
  background $!
  local pid=$!
  wait_for 5 test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$pid/ns/net)"
  set_namespace network "/proc/$pid/ns/net"
  bundle_edit 'del(.mounts[] | select(.type == "sysfs"))'
  add_mount /mnt none "$VOL" bind idmap
  run_script "$SHOW"
  assert_line '/mnt/of-1000 1000:1001'
}

@test "writing as user 0 of a file system that everybody reaches is warned of (U4)" {
  local d
  for d in "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"; do chmod 755 "$d"; done
  add_mount /mnt none "$VOL" bind idmap
  run cof --log-level warning --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  grep -q "writes to .$VOL. as user 0 of the file system" "$BATS_TEST_TMPDIR/log"
  # Not when it is read-only, or closed, or the map leads elsewhere.
  local change=('.mounts[-1].options += ["ro"]' '.mounts[-1].options[1:] = ["idmap=uids=1-100000-9;gids=1-100000-9"]')
  for d in "${change[@]}"; do
    bundle_edit "$d"
    : >"$BATS_TEST_TMPDIR/log"
    run cof --log-level warning --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"
    assert_status 0
    not grep -q 'as user 0' "$BATS_TEST_TMPDIR/log"
  done
  bundle_edit '.mounts[-1].options[1:] = ["idmap"]'
  mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
  mv "$VOL" "$BATS_TEST_TMPDIR/closed/vol"
  bundle_edit '.mounts[-1].source = $s' --arg s "$BATS_TEST_TMPDIR/closed/vol"
  run cof --log-level warning --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  not grep -q 'as user 0' "$BATS_TEST_TMPDIR/log"
}

@test "no set-user-ID programs and devices through it, unless asked for" {
  mknod "$VOL/null" c 1 3
  chmod 666 "$VOL/null"
  cp "$COFFER_TESTBIN/testinit" "$VOL/su"
  chown 1000 "$VOL/su"
  chmod 4755 "$VOL/su"
  add_mount /mnt none "$VOL" bind idmap
  bundle_edit '.process.noNewPrivileges = false'
  run_script '/mnt/su ids; grep " /mnt " /proc/self/mountinfo; echo >/mnt/null || echo refused'
  assert_line 'uid ruid=0 euid=0 suid=0'
  assert_match ' /mnt rw,nosuid,nodev,'
  assert_line refused
  bundle_edit '.mounts[-1].options += ["suid", "dev"]'
  run_script '/mnt/su ids; grep " /mnt " /proc/self/mountinfo; echo >/mnt/null && echo written'
  assert_line 'uid ruid=0 euid=1000 suid=1000'
  assert_match ' /mnt rw,relatime,idmapped'
}

@test "an ordinary user is told why not" {
  requires rootless
  as_user true || skip 'cannot become an ordinary user'
  as_user unshare --user true 2>/dev/null || skip 'ordinary users may not make user namespaces'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  ROOT=$BATS_TEST_TMPDIR/user-run/coffer
  as_user true
  rm "$BUNDLE/config.json"
  chown "$TEST_NAME" "$BUNDLE"
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["stat", "-c", "%n %u:%g", "/mnt"]'
  add_mount /mnt none "$VOL" bind idmap
  chmod 644 "$BUNDLE/config.json"
  run as_user "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'id-mapped mounts need CAP_SYS_ADMIN over the file system'
  bundle_edit '.mounts[-1] = {destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["idmap"]}'
  chmod 644 "$BUNDLE/config.json"
  run as_user "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line '/mnt 0:0'
}

@test "root of a user namespace: its own file systems can be mapped, the host's cannot" {
  export_test
  command -v setpriv >/dev/null
  unshare -Ur true || skip 'cannot make a user namespace'
  mkdir "$BATS_TEST_TMPDIR/fs"
  bundle_edit '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings
    | .mounts |= map(select(.type != "cgroup" and .type != "sysfs" and .type != "mqueue")) | del(.linux.resources)
    | (.mounts[] | select(.destination == "/dev/pts").options) |= map(select(startswith("gid=") | not))
    | .mounts |= map(select(.type != "proc"))  | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  chown -R --no-dereference 0:0 "$BUNDLE/rootfs"
  add_mount /mnt none "$BATS_TEST_TMPDIR/fs" bind idmap
  set_args stat -c '%n %u:%g' /mnt
  run unshare -Urm --propagation private bash -c '. "$0/helpers.bash"; cof run --bundle "$BUNDLE" "$CID"' "$BATS_TEST_DIRNAME"
  assert_status 1
  assert_has 'belongs to another user namespace than the runtime'
  run unshare -Urm --propagation private bash -c '. "$0/helpers.bash"; mount -t tmpfs none "$BATS_TEST_TMPDIR/fs"; cof run --bundle "$BUNDLE" "$CID"' "$BATS_TEST_DIRNAME"
  assert_status 0
  assert_line '/mnt 0:0'
}

@test "features says so" {
  run cof features
  assert_status 0
  jq -e '.linux.mountExtensions.idmap.enabled and (.mountOptions | index("idmap") and index("ridmap"))' <<<"$output"
}
