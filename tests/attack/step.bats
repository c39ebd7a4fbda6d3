#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Races, made deterministic: one hostile action at every single stop of the runtime.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

# ---- the volume is exchanged with a link to the canary ----

reset_volume() {
  rm -rf "$BUNDLE/rootfs/vol" "$BUNDLE/rootfs/evil" "$BUNDLE/rootfs/tmp"
  mkdir -m 1777 "$BUNDLE/rootfs/tmp"
  mkdir -p "$BUNDLE/rootfs/vol"
  ln -s "$1" "$BUNDLE/rootfs/evil"
}
reset_absolute() { reset_volume "$CANARY"; }
reset_relative() { reset_volume ../../canary; }

check_volume() {
  local source
  [ "$status" = 0 ] || return 0
  # All or error: every source that the config lists must be mounted somewhere in the container.
  for source in source-a source-file source-d; do
    [[ $output == *"/$source "* ]] || {
      echo "the run succeeded without $source" >&2
      return 1
    }
  done
}

volume_config() {
  mkdir -p "$BATS_TEST_TMPDIR/source-a" "$BATS_TEST_TMPDIR/source-d"
  : >"$BATS_TEST_TMPDIR/source-file"
  add_mount /vol/a/b bind "$BATS_TEST_TMPDIR/source-a" bind
  add_mount /vol/f/file bind "$BATS_TEST_TMPDIR/source-file" bind
  add_mount /vol/d bind "$BATS_TEST_TMPDIR/source-d" bind
  bundle_edit '.linux.devices += [{path: "/vol/dev/n0", type: "c", major: 1, minor: 3, fileMode: 438, uid: 0, gid: 0}]'
  set_args /bin/testinit mountinfo
}

@test "step-swap-mount-targets: an absolute link" {
  volume_config
  step_all reset_absolute check_volume --exchange "$BUNDLE/rootfs/vol" "$BUNDLE/rootfs/evil" -- \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
}

relative_link() {
  volume_config
  step_all reset_relative check_volume --back "$1" --exchange "$BUNDLE/rootfs/vol" "$BUNDLE/rootfs/evil" -- \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
}

@test "step-swap-mount-targets: a relative link that two calls see" { relative_link 2; }

@test "step-swap-mount-targets: a relative link that three calls see" { relative_link 3; }

@test "step-swap-mount-targets: with a user namespace" {
  volume_config
  # Before Linux 6.15 a device outside /dev can only be the host's node of the same path there.
  bundle_edit '.linux.devices = []'
  make_userns
  reset_userns() {
    reset_absolute
    chown -R --no-dereference 100000:100000 "$BUNDLE/rootfs/vol" "$BUNDLE/rootfs/tmp"
  }
  step_all reset_userns check_volume --exchange "$BUNDLE/rootfs/vol" "$BUNDLE/rootfs/evil" -- \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
}

# ---- the API mount points are exchanged with links ----

reset_proc() {
  rm -rf "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/fake"
  mkdir -p "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/real/self/attr"
  ln -s /real "$BUNDLE/rootfs/fake"
}

check_proc() {
  [ "$status" = 0 ] || return 0
  assert_null_device /proc/keys
}

@test "step-swap-proc: /proc becomes a link to a fake tree" {
  set_args /bin/testinit statpath /proc/keys
  step_all reset_proc check_proc --exchange "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/fake" -- \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
}

# ---- a procfs file is covered by another procfs file ----

reset_nothing() { :; }

check_sysctl() {
  [ "$status" = 0 ] || return 0
  # Where the trap was set the visible file is the trap; elsewhere the value must be there.
  [ "$acted" = yes ] || assert_has 67
}

@test "step-procfs-redirect: the sentinel is bound over a namespaced sysctl" {
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "67"}'
  set_args /bin/cat /proc/sys/net/ipv4/ip_default_ttl
  step_all reset_nothing check_sysctl --nsbind "$SENTINEL" /proc/sys/net/ipv4/ip_default_ttl -- \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
}

@test "step-procfs-redirect: the same with a user namespace" {
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "67"}'
  make_userns
  set_args /bin/cat /proc/sys/net/ipv4/ip_default_ttl
  step_all reset_nothing check_sysctl --nsbind "$SENTINEL" /proc/sys/net/ipv4/ip_default_ttl -- \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
}
