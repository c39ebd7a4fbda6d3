#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hardened preset: what it sets, what it refuses, and the words that allow it after all.

load helpers

setup() {
  requires root userns
  setup_bundle
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  # Of the template, what an engine gives.
  bundle_edit '.process.noNewPrivileges = false'
}
teardown() { teardown_bundle; }

hardened() { run cof --log-format json run --bundle "$BUNDLE" --preset "hardened${1:-}" "$CID"; }
code_is() { assert_same code "$1" "$(jq -rR 'fromjson? | .code // empty' <<<"$output" | head -1)"; }
field_is() { assert_same field "$1" "$(jq -rR 'fromjson? | .field // empty' <<<"$output" | head -1)"; }
refused() { # refused CODE FIELD WORD: and allowed by the word
  hardened
  assert_status 1
  code_is "$1"
  field_is "$2"
  assert_has "hardened:$3"
  hardened ":$3"
  assert_status 0
}

@test "a user namespace with a range of its own, no_new_privs, and nothing changed on the disk" {
  before=$(sha256sum "$BUNDLE/config.json")
  set_args sh -c 'cat /proc/self/uid_map; grep NoNewPrivs /proc/self/status; stat -c "%u" /bin'
  before=$(sha256sum "$BUNDLE/config.json")
  hardened
  assert_status 0
  assert_match '^ +0 +2000224256 +65536$'
  assert_match 'NoNewPrivs:.1'
  assert_line 0
  assert_same config "$before" "$(sha256sum "$BUNDLE/config.json")"
  hardened :new-privileges
  assert_match 'NoNewPrivs:.0'
  run cof run --bundle "$BUNDLE" "$CID"
  assert_match '^ +0 +0 +4294967295$'
  assert_match 'NoNewPrivs:.0'
}

@test "exec: a later process has no_new_privs too" {
  set_args sleep 1000
  det run --detach --bundle "$BUNDLE" --preset hardened "$CID"
  run cof exec "$CID" grep NoNewPrivs /proc/self/status
  assert_status 0
  assert_match 'NoNewPrivs:.1'
  cof delete --force "$CID"
  det run --detach --bundle "$BUNDLE" "$CID"
  run cof exec "$CID" grep NoNewPrivs /proc/self/status
  assert_match 'NoNewPrivs:.0'
}

@test "mappings of the configuration are kept, and judged as with --id-policy enforce" {
  bundle_edit '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  run cof --id-policy off --log-format json run --bundle "$BUNDLE" --preset hardened "$CID"
  assert_status 1
  code_is id-overlap-account
  run cof --id-policy off --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 0
}

@test "the host's namespaces are not shared: missing in the list" {
  local type
  for type in pid ipc network; do
    saved=$(cat "$BUNDLE/config.json")
    drop_namespace "$type"
    [ "$type" != network ] || bundle_edit '.mounts |= map(select(.type != "sysfs"))'
    [ "$type" != ipc ] || bundle_edit '.mounts |= map(select(.type != "mqueue"))'
    [ "$type" != pid ] || bundle_edit '.mounts |= map(if .type == "proc" then .options = ["rbind"] | .type = "bind" | .source = "/proc" else . end)'
    refused preset-namespace linux.namespaces "host-$type"
    printf '%s' "$saved" >"$BUNDLE/config.json"
  done
}

@test "the host's namespaces are not shared: joined by path" {
  set_namespace network /proc/self/ns/net
  hardened
  assert_status 1
  code_is preset-namespace
  assert_has 'linux.namespaces['
  assert_has hardened:host-network
}

@test "capabilities beyond the usual ones" {
  bundle_edit '.process.capabilities.bounding += ["CAP_NET_ADMIN"]'
  local index
  index=$(jq '.process.capabilities.bounding | index("CAP_NET_ADMIN")' "$BUNDLE/config.json")
  refused preset-capability "process.capabilities.bounding[$index]" CAP_NET_ADMIN
  hardened :CAP_SYS_ADMIN
  code_is preset-capability
}

@test "devices, and rules that allow them" {
  mkdir -p "$BUNDLE/rootfs/dev"
  bundle_edit '.linux.devices = [{path: "/dev/null2", type: "c", major: 1, minor: 3},
    {path: "/dev/fuse", type: "c", major: 10, minor: 229}]'
  refused preset-device 'linux.devices[1]' devices
  bundle_edit 'del(.linux.devices) | .linux.resources.devices =
    [{allow: false, access: "rwm"}, {allow: true, type: "c", access: "m"}, {allow: true, type: "c", major: 136, access: "rwm"},
     {allow: true, access: "rwm"}]'
  refused preset-device 'linux.resources.devices[3]' devices
}

@test "a set-user-ID program cannot be left where users of the host reach it" {
  mkdir "$BATS_TEST_TMPDIR/vol"
  add_mount /mnt none "$BATS_TEST_TMPDIR/vol" rbind
  index=$(jq '.mounts | length - 1' "$BUNDLE/config.json")
  refused preset-setuid-volume "mounts[$index].source" setuid-volumes
  # Each of the ways out that the hint names.
  chmod 700 "$BATS_TEST_TMPDIR"
  hardened
  chmod 755 "$BATS_TEST_TMPDIR"
  assert_status 0
  bundle_edit '.mounts[-1].options += ["ro"]'
  hardened
  assert_status 0
}

@test "the annotation, and the option that wins" {
  set_args cat /proc/self/uid_map
  bundle_edit '.annotations["org.coffer.preset"] = "hardened:host-network" | .mounts |= map(select(.type != "sysfs"))'
  drop_namespace network
  run_bundle
  assert_status 0
  assert_match 2000224256
  hardened
  assert_status 1
  code_is preset-namespace
  run_bundle --preset default
  assert_match '^ +0 +0 +4294967295$'
  run cof plan --bundle "$BUNDLE"
  assert_line 'host preset hardened'
  assert_has 2000224256
  bundle_edit '.annotations["org.coffer.preset"] = "hardened"'
  run cof --log-format json plan --bundle "$BUNDLE"
  assert_status 1
  code_is preset-namespace
}

@test "words that mean nothing" {
  local word
  for word in strict hardened: hardenedx hardened:all hardened:devices, hardened:CAP_NOTHING ''; do
    run cof --log-format json run --bundle "$BUNDLE" --preset "$word" "$CID"
    assert_status 1
    code_is preset
  done
  bundle_edit '.annotations["org.coffer.preset"] = "strict"'
  run cof --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  code_is preset
  field_is 'annotations["org.coffer.preset"]'
}
