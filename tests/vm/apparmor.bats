#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# AppArmor profiles, on a kernel that has AppArmor switched on.

load ../cli/helpers

setup() { requires root apparmor; setup_bundle; }

teardown() {
  local status=0
  teardown_bundle || status=1
  for profile in ${PROFILES:-}; do
    printf 'profile %s {}\n' "$profile" | apparmor_parser --remove --skip-cache || status=1
  done
  return "$status"
}

CONTEXT=system_u:system_r:container_t:s0:c17,c42
FILE_CONTEXT=system_u:object_r:container_file_t:s0:c17,c42

# A profile of this test: everything, but no writing below /tmp.
load_profile() {
  PROFILE=coffer-$CID
  apparmor_parser --add --skip-cache <<END
profile $PROFILE flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  mount,
  umount,
  signal,
  ptrace,
  deny /tmp/** w,
}
END
  PROFILES="${PROFILES:-} $PROFILE"
}

@test "AppArmor: the profile is on the process, seen from inside and outside" {
  load_profile
  bundle_edit '.process.apparmorProfile = $p' --arg p "$PROFILE"
  set_args sh -c 'cat /proc/self/attr/apparmor/current; sleep 100'
  start_bundle >"$BATS_TEST_TMPDIR/out"
  assert_same outside "$PROFILE (enforce)" "$(cat "/proc/$PID/attr/apparmor/current")"
  wait_for 10 grep -Fx "$PROFILE (enforce)" "$BATS_TEST_TMPDIR/out"
}

@test "AppArmor: the profile confines: it denies what the modes of the file would allow" {
  load_profile
  bundle_edit '.root.readonly = false'
  set_args sh -c 'touch /root/yes && ! touch /tmp/no 2>/dev/null && test ! -e /tmp/no && echo denied'
  bundle_edit '.process.apparmorProfile = $p' --arg p "$PROFILE"
  run_bundle
  assert_status 0
  assert_line denied
  # The same without a profile may.
  bundle_edit 'del(.process.apparmorProfile)'
  set_args touch /tmp/no
  run_bundle
  assert_status 0
}

@test "AppArmor: it holds with no_new_privs, with a user namespace and for another user" {
  load_profile
  bundle_edit '.process.apparmorProfile = $p | .process.noNewPrivileges = true | .process.user = {uid: 1000, gid: 1000}' \
    --arg p "$PROFILE"
  set_args cat /proc/self/attr/apparmor/current
  run_bundle
  assert_status 0
  assert_line "$PROFILE (enforce)"
  setup_userns_bundle userns
  bundle_edit '.process.apparmorProfile = $p' --arg p "$PROFILE"
  set_args cat /proc/self/attr/apparmor/current
  run_bundle
  assert_status 0
  assert_line "$PROFILE (enforce)"
}

@test "AppArmor: no profile and unconfined are unconfined" {
  set_args cat /proc/self/attr/apparmor/current
  run_bundle
  assert_status 0
  assert_line unconfined
  bundle_edit '.process.apparmorProfile = "unconfined"'
  run_bundle
  assert_status 0
  assert_line unconfined
  bundle_edit '.process.apparmorProfile = ""'
  run_bundle
  assert_status 0
  assert_line unconfined
}

@test "AppArmor: a profile that is not loaded ends the start, with the field" {
  bundle_edit '.process.apparmorProfile = "coffer-not-loaded"'
  set_args touch /ran
  run_bundle
  assert_status 1
  assert_has 'apparmor failed to apply profile'
  assert_has process.apparmorProfile
  assert_same ran '' "$(ls "$BUNDLE/rootfs/ran" 2>/dev/null)"
}

@test "AppArmor: a profile name that is a command or two lines does nothing else" {
  for name in 'a b' 'unconfined
x'; do
    bundle_edit '.process.apparmorProfile = $p' --arg p "$name"
    run_bundle
    assert_status 1
    assert_has process.apparmorProfile
  done
}

@test "AppArmor: an SELinux label is refused where SELinux is off" {
  bundle_edit '.process.selinuxLabel = $l' --arg l "$CONTEXT"
  run_bundle
  assert_status 1
  assert_has 'selinux label is specified in config, but selinux is disabled or not supported'
  assert_has process.selinuxLabel
}

@test "AppArmor: linux.mountLabel is a warning where SELinux is off" {
  bundle_edit '.linux.mountLabel = $l' --arg l "$FILE_CONTEXT"
  run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'linux.mountLabel is ignored'
}

@test "AppArmor: the command's own profile loads, attaches to it and lets an ordinary user's container run" {
  local own=$BATS_TEST_TMPDIR/coffer name=coffer-own-$CID
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR"
  cp "$COFFER" "$own"
  sed "s,^profile coffer [^ ]*,profile $name $own," "$BATS_TEST_DIRNAME/../../contrib/apparmor/coffer" >"$BATS_TEST_TMPDIR/profile"
  grep -q "^profile $name $own flags" "$BATS_TEST_TMPDIR/profile"
  apparmor_parser --add --skip-cache "$BATS_TEST_TMPDIR/profile"
  PROFILES="${PROFILES:-} $name"
  rm "$BUNDLE/config.json"
  install -d -m 755 "$BATS_TEST_TMPDIR/user-bundle"
  cp -r "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/user-bundle/rootfs"
  chmod 777 "$BATS_TEST_TMPDIR/user-bundle"
  as_user "$own" spec --rootless --bundle "$BATS_TEST_TMPDIR/user-bundle"
  BUNDLE=$BATS_TEST_TMPDIR/user-bundle
  bundle_edit '.process.terminal = false'
  set_args cat /proc/self/attr/apparmor/current
  run as_user "$own" run --bundle "$BUNDLE" "own-$CID"
  assert_status 0
  assert_line "$name (unconfined)"
}
