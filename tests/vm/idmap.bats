#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Id-mapped mounts on a disk file system, on cgroup v2 and on another kernel than the host's. The test directory may
# be a tmpfs there: the volumes are below /var/tmp.

load ../cli/helpers

setup() {
  requires root userns
  VOL=$(mktemp -d /var/tmp/coffer-idmap-XXXXXX)
  setup_userns_bundle
  touch "$VOL/of-0" "$VOL/of-1000"
  chown 1000:1001 "$VOL/of-1000"
  [ "$(stat -fc %T "$VOL")" != tmpfs ] || skip '/var/tmp is a tmpfs'
}
teardown() {
  umount -R "$VOL" 2>/dev/null || true
  rm -rf --one-file-system "$VOL"
  teardown_bundle
}

# A mount namespace of its own for TEXT.
in_private() { # in_private TEXT
  export VOL BUNDLE ROOT CID BATS_TEST_TMPDIR
  unshare -m --propagation private bash -c ". \"$BATS_TEST_DIRNAME/../cli/helpers.bash\"; set -e; $1"
}
has_open_tree_attr() { [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -1)" = 6.15 ]; }

@test "the container's own map on a disk file system" {
  add_mount /mnt none "$VOL" bind idmap
  run_script 'stat -c "%n %u:%g" /mnt/of-0 /mnt/of-1000; touch /mnt/new; grep " /mnt " /proc/self/mountinfo'
  assert_line '/mnt/of-0 0:0'
  assert_line '/mnt/of-1000 1000:1001'
  assert_match ' /mnt rw,nosuid,nodev,[a-z,]*idmapped'
  assert_same 'new file' 0:0 "$(stat -c %u:%g "$VOL/new")"
}

@test "a map of the entry's own, recursive" {
  mkdir "$VOL/sub"
  chown 1000:1001 "$VOL"
  add_mount /mnt none "$VOL" rbind 'ridmap=uids=1000-100000-1#0-@5-1;gids=1001-100000-1'
  bundle_edit '.mounts[-1].options[1] = "ridmap=uids=1000-100000-1#@0-5-1;gids=1001-100000-1#@0-6-1"'
  set_args sh -c 'stat -c "%n %u:%g" /mnt/of-0 /mnt/of-1000 /mnt/sub; touch /mnt/new'
  run in_private 'mount -t tmpfs none "$VOL/sub"; cof run --bundle "$BUNDLE" "$CID"'
  assert_status 0
  assert_line '/mnt/of-0 5:6'
  assert_line '/mnt/of-1000 0:0'
  assert_line '/mnt/sub 5:6'
  assert_same 'new file' 1000:1001 "$(stat -c %u:%g "$VOL/new")"
}

@test "a source that is id-mapped already: replaced since Linux 6.15, before that a clear error" {
  mkdir "$VOL/mapped"
  add_mount /mnt none "$VOL/mapped" bind idmap
  set_args stat -c '%n %u:%g' /mnt/of-0
  run in_private '"$COFFER_TESTBIN/idmap-mount" "$VOL" "$VOL/mapped" 0 7000 1; cof --log-format json --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"'
  if has_open_tree_attr; then
    assert_status 0
    assert_line '/mnt/of-0 0:0'
  else
    assert_status 1
    grep -q "$VOL/mapped. is id-mapped already" "$BATS_TEST_TMPDIR/log"
    grep -q 'mount-idmap-mapped' "$BATS_TEST_TMPDIR/log"
    grep -q 'Linux 6.15' "$BATS_TEST_TMPDIR/log"
  fi
}

@test "a network file system without id-mapped mounts is named" {
  local share
  share=$(awk '{ for (i = 6; i < NF; i++) if ($i == "-") { if ($(i + 1) == "9p") print $5; break } }' /proc/self/mountinfo | head -1)
  [ -n "$share" ] || skip 'no 9p file system is mounted'
  add_mount /mnt none "$share" bind idmap
  run_bundle
  assert_status 1
  assert_has 'the file system `9p` has no id-mapped mounts'
}
