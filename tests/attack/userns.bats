#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Id mappings that would reach ids nobody meant to give away.
#
# userns-overlap-second-container: tests/cli/ledger.bats.

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

@test "idmap-setuid-plant: a set-user-ID program in an id-mapped volume is out of reach, or warned of" {
  local options volume=$BATS_TEST_TMPDIR/closed/volume log=$BATS_TEST_TMPDIR/log
  as_user true || skip 'cannot become an ordinary user'
  make_userns
  # Everything above is open: only the directory around the volume can be what protects.
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR"
  mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
  mkdir "$volume"
  for options in idmap ridmap; do
    bundle_edit '.mounts |= map(select(.destination != "/mnt"))'
    add_mount /mnt bind "$volume" rbind "$options"
    set_args /bin/sh -c 'cp /bin/busybox /mnt/su && chmod 4755 /mnt/su'
    run cof --log-level warning --log "$log" run --bundle "$BUNDLE" "$CID"
    [ "$status" -eq 0 ]
    not grep -q 'as user 0 of the file system' "$log"
    [ "$(stat -c '%u %a' "$volume/su")" = '0 4755' ]
    not as_user "$volume/su" true
    rm "$volume/su"
  done
  # The same where everybody passes: said before the container exists.
  chmod 755 "$BATS_TEST_TMPDIR/closed"
  run cof --log-level warning --log "$log" run --bundle "$BUNDLE" "$CID"
  grep -q 'as user 0 of the file system' "$log"
  rm "$volume/su"
  # Refused by the hardened preset, whoever asked for the mapping: the configuration, or nobody.
  jq '(.linux.uidMappings, .linux.gidMappings) |= map(.hostID = 1310000000)' "$BUNDLE/config.json" >"$BUNDLE/hard.json"
  run cof run --bundle "$BUNDLE" --config "$BUNDLE/hard.json" --preset hardened "$CID"
  assert_refused 'hardened preset'
  assert_has 'set-user-ID'
  [ ! -e "$volume/su" ]
  jq 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
    | .mounts[-1].options = ["rbind"]' "$BUNDLE/config.json" >"$BUNDLE/plain.json"
  run cof run --bundle "$BUNDLE" --config "$BUNDLE/plain.json" --preset hardened "$CID"
  assert_refused 'hardened preset, automatic range'
  assert_has 'set-user-ID'
  [ ! -e "$volume/su" ]
  # And with a map that does not lead to 0 there is nothing to warn of.
  chown 100000:100000 "$volume"
  bundle_edit '.mounts[-1].options = ["rbind", "ridmap=uids=100000-100000-65536;gids=100000-100000-65536"]'
  : >"$log"
  run cof --log-level warning --log "$log" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  not grep -q 'as user 0 of the file system' "$log"
  [ "$(stat -c %u "$volume/su")" = 100000 ]
}
