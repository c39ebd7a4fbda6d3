#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Id mappings that would reach ids nobody meant to give away.
#
# userns-overlap-second-container has no test: it needs a registry of live ranges, which coffer
# does not keep.

load attack

setup() {
  attack_setup
  requires userns
}
teardown() { attack_teardown; }

map_refused() { # map_refused FIELD JSON: sets $output
  bundle_edit '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings | .linux[$f] = ($m | fromjson)' --arg f "$1" --arg m "$2"
  run_bundle
  assert_refused "$1 = ${2:0:120}"
  assert_has "$1"
  remove_container
}

@test "userns-map-validation-table: each refused with its own message" {
  local field maps messages=() extents
  make_userns
  extents=$(jq -nc '[range(341) | {containerID: ., hostID: (. + 100000), size: 1}]')
  for field in uidMappings gidMappings; do
    messages=()
    for maps in '[]' \
      '[{"containerID":0,"hostID":100000,"size":10},{"containerID":5,"hostID":200000,"size":10}]' \
      '[{"containerID":0,"hostID":100000,"size":10},{"containerID":10,"hostID":100005,"size":10}]' \
      '[{"containerID":0,"hostID":4294967290,"size":10}]' \
      '[{"containerID":0,"hostID":100000,"size":0}]' \
      "$extents" \
      '[{"containerID":1,"hostID":100000,"size":10}]'; do
      map_refused "$field" "$maps"
      messages+=("$output")
    done
    [ "$(printf '%s\n' "${messages[@]}" | sort -u | wc -l)" -eq "${#messages[@]}" ] || {
      printf '%s\n' 'two mistakes share a message:' "${messages[@]}" >&2
      return 1
    }
  done
}

@test "userns-map-validation-table: wraps and the id that means no change" {
  local maps
  make_userns
  for maps in '[{"containerID":0,"hostID":100000,"size":4294967295}]' \
    '[{"containerID":0,"hostID":4294967295,"size":1}]' \
    '[{"containerID":4294967295,"hostID":100000,"size":1},{"containerID":0,"hostID":200000,"size":1}]' \
    '[{"containerID":4294967000,"hostID":100000,"size":1000},{"containerID":0,"hostID":200000,"size":1}]' \
    '[{"containerID":0,"hostID":100000,"size":4294967296}]' \
    '[{"containerID":0,"hostID":100000,"size":-1}]'; do
    map_refused uidMappings "$maps"
  done
}

@test "userns-map-validation-table: a user namespace without mappings" {
  make_userns
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  run_bundle
  assert_refused
}

@test "userns-map-validation-table: the user of the process is not mapped" {
  make_userns
  bundle_edit '.linux.uidMappings[0].size = 1000 | .process.user = {uid: 1000, gid: 0}'
  run_bundle
  assert_refused
}

@test "idmap-setuid-plant: an id-mapped volume is refused with an error naming the field" {
  local options
  make_userns
  mkdir -p "$BATS_TEST_TMPDIR/volume"
  chmod 755 "$BATS_TEST_TMPDIR/volume"
  for options in idmap ridmap; do
    bundle_edit '.mounts |= map(select(.destination != "/mnt"))'
    add_mount /mnt bind "$BATS_TEST_TMPDIR/volume" rbind "$options"
    set_args /bin/sh -c 'cp /bin/busybox /mnt/su && chmod 4755 /mnt/su'
    run_bundle
    # Nothing that another user of the host could execute as root, whatever the answer was.
    [ -z "$(find "$BATS_TEST_TMPDIR/volume" -perm -4000 -uid 0)" ]
    assert_refused "$options"
    assert_has idmap
    remove_container
  done
}
