# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# What is asked of a cgroup that the container is to manage itself, on any host; and that v1 never is handed on.
# The v2 part is in tests/vm/delegate.bats.

load helpers

setup() {
  requires root userns
  setup_userns_bundle
}

teardown() { teardown_bundle; }

annotate() { # annotate KEY VALUE
  bundle_edit '.annotations[$k] = $v' --arg k "$1" --arg v "$2"
}

refused() { # refused KEY VALUE TEXT
  annotate "$1" "$2"
  run cof create --bundle "$BUNDLE" "$CID"
  [ "$status" -ne 0 ]
  assert_has 'annotations['
  assert_has "$1"
  assert_has "$3"
  [ ! -e "$ROOT/$CID" ]
}

@test "the name of the child is one harmless name, or nothing is made" {
  local key=run.oci.delegate-cgroup
  refused $key '' 'names no cgroup'
  refused $key a/b 'has a slash'
  refused $key /a 'has a slash'
  refused $key .. 'may lead elsewhere'
  refused $key . 'may lead elsewhere'
  refused $key a..b 'may lead elsewhere'
  refused $key $'a\nb' 'has a control character'
  refused $key cgroup.procs 'could be a file of the kernel'
  refused $key memory.max 'could be a file of the kernel'
  refused $key "$(printf 'n%.0s' {1..256})" 'is longer than a file name can be'
  bundle_edit 'del(.annotations)'
  refused run.oci.systemd.subgroup ../x 'has a slash'
}

@test "two annotations that disagree about the child" {
  annotate run.oci.delegate-cgroup one
  refused run.oci.systemd.subgroup two 'is not the cgroup that'
}

@test "an empty run.oci.systemd.subgroup asks for nothing" {
  annotate run.oci.systemd.subgroup ''
  run_bundle
  assert_status 0
}

@test "v1: a sub-cgroup to manage is refused" {
  requires cgroup-v1
  refused run.oci.delegate-cgroup payload 'v1 cannot be delegated safely'
  assert_same made '' "$(find /sys/fs/cgroup -mindepth 1 -type d -name "*$CID*")"
}

@test "v1: a writable mount is read-only all the same, and nothing changes its owner" {
  local dir
  requires cgroup-v1 cgroup-pids
  bundle_edit '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro"))'
  set_namespace cgroup
  set_args sh -c 'for f in /sys/fs/cgroup/*/cgroup.procs; do (echo $$ >"$f") 2>&1; done
    mkdir /sys/fs/cgroup/pids/x 2>&1; exec sleep 1000'
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  wait_for 20 grep -q "mkdir" "$BATS_TEST_TMPDIR/det.out"
  not grep -vi 'Read-only file system' "$BATS_TEST_TMPDIR/det.out"
  for dir in $(find /sys/fs/cgroup -mindepth 1 -type d -name "*$CID*"); do
    assert_same "owned in $dir" '' "$(find "$dir" ! -uid 0)"
  done
}

@test "v1: the plan of a writable mount names no owner" {
  requires cgroup-v1
  bundle_edit '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro"))'
  set_namespace cgroup
  run cof plan --bundle "$BUNDLE"
  assert_status 0
  assert_match '^host cgroup v1 '
  assert_lacks 'host cgroup owner'
  assert_lacks 'host cgroup child'
}

@test "--cgroup-manager disabled: nothing to delegate, and it says so" {
  annotate run.oci.delegate-cgroup payload
  run cof --debug --cgroup-manager disabled run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'is ignored: cgroups are disabled'
}

@test "features: what an engine should not let an image set" {
  run "$COFFER" features
  assert_status 0
  jq -e '.potentiallyUnsafeConfigAnnotations | contains(["run.oci.delegate-cgroup", "run.oci.systemd.subgroup"])' <<<"$output"
}
