#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# SELinux labels of processes, keyrings and mounts, on a kernel with SELinux and a policy; permissive is enough.

load ../cli/helpers

setup() { requires root selinux; setup_bundle; }
teardown() { teardown_bundle; }

CONTEXT=system_u:system_r:container_t:s0:c17,c42
FILE_CONTEXT=system_u:object_r:container_file_t:s0:c17,c42

# The context of a process, as the kernel tells it: with a zero byte at the end.
context_of() { tr -d '\0' <"/proc/$1/attr/current"; }

@test "SELinux: the label is on the process, seen from inside and outside" {
  bundle_edit '.process.selinuxLabel = $l' --arg l "$CONTEXT"
  set_args sh -c 'tr -d "\0" </proc/self/attr/current; echo; sleep 100'
  start_bundle >"$BATS_TEST_TMPDIR/out"
  assert_same outside "$CONTEXT" "$(context_of "$PID")"
  wait_for 10 grep -Fx "$CONTEXT" "$BATS_TEST_TMPDIR/out"
}

@test "SELinux: two containers with categories of their own" {
  set_args sleep 100
  bundle_edit '.process.selinuxLabel = $l' --arg l "$CONTEXT"
  start_bundle
  assert_same first "$CONTEXT" "$(context_of "$PID")"
  local other=${CONTEXT%:*}:c1,c2
  bundle_edit '.process.selinuxLabel = $l' --arg l "$other"
  cof run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid2" "b-$CID" </dev/null
  assert_same second "$other" "$(context_of "$(cat "$BATS_TEST_TMPDIR/pid2")")"
}

@test "SELinux: it holds with no_new_privs, with a user namespace and for another user" {
  bundle_edit '.process.selinuxLabel = $l | .process.noNewPrivileges = true | .process.user = {uid: 1000, gid: 1000}' \
    --arg l "$CONTEXT"
  set_args sh -c 'tr -d "\0" </proc/self/attr/current; echo'
  run_bundle
  assert_status 0
  assert_line "$CONTEXT"
  setup_userns_bundle userns
  bundle_edit '.process.selinuxLabel = $l' --arg l "$CONTEXT"
  set_args sh -c 'tr -d "\0" </proc/self/attr/current; echo'
  run_bundle
  assert_status 0
  assert_line "$CONTEXT"
}

@test "SELinux: without a label the caller's" {
  set_args sh -c 'tr -d "\0" </proc/self/attr/current; echo'
  run_bundle
  assert_status 0
  assert_lacks container_t
}

@test "SELinux: linux.mountLabel is on every tmpfs of the container, and on /dev" {
  bundle_edit '.linux.mountLabel = $l' --arg l "$FILE_CONTEXT"
  add_mount /mnt tmpfs tmpfs nosuid
  set_args sh -c 'touch /mnt/file; sleep 100'
  start_bundle
  for point in /mnt /dev /dev/shm; do
    awk -v p="$point" '$5 == p' "/proc/$PID/mountinfo" | grep -F "context=\"$FILE_CONTEXT\"" ||
      awk -v p="$point" '$5 == p' "/proc/$PID/mountinfo" | grep -E "context=$FILE_CONTEXT( |,|$)"
  done
  wait_for 10 test -e "/proc/$PID/root/mnt/file"
  assert_same file "$FILE_CONTEXT" "$(getfattr --only-values -n security.selinux "/proc/$PID/root/mnt/file" | tr -d '\0')"
}

@test "SELinux: a mount's own context= wins over linux.mountLabel" {
  local own=system_u:object_r:container_file_t:s0:c3,c4
  bundle_edit '.linux.mountLabel = $l' --arg l "$FILE_CONTEXT"
  add_mount /mnt tmpfs tmpfs "context=\"$own\""
  set_args sleep 100
  start_bundle
  assert_same directory "$own" "$(getfattr --only-values -n security.selinux "/proc/$PID/root/mnt" | tr -d '\0')"
}

@test "SELinux: run.oci.mount_context_type chooses the kind of context" {
  bundle_edit '.linux.mountLabel = $l | .annotations = {"run.oci.mount_context_type": "rootcontext"}' --arg l "$FILE_CONTEXT"
  add_mount /mnt tmpfs tmpfs nosuid
  set_args sleep 100
  start_bundle
  awk '$5 == "/mnt"' "/proc/$PID/mountinfo" | grep -F 'rootcontext='
  assert_same directory "$FILE_CONTEXT" "$(getfattr --only-values -n security.selinux "/proc/$PID/root/mnt" | tr -d '\0')"
}

@test "SELinux: the session keyring has the label of the process" {
  command -v gcc >/dev/null || skip 'no compiler for the test program'
  cat >"$BATS_TEST_TMPDIR/key.c" <<'END'
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char label[256] = "";
    long n = syscall(SYS_keyctl, KEYCTL_GET_SECURITY, KEY_SPEC_SESSION_KEYRING, label, sizeof(label) - 1);

    printf("%ld %s\n", n > 0 ? 1L : n, label);
    return n > 0 ? 0 : 1;
}
END
  gcc -O -static -o "$BUNDLE/rootfs/bin/key" "$BATS_TEST_TMPDIR/key.c"
  bundle_edit 'del(.linux.seccomp) | .process.selinuxLabel = $l' --arg l "$CONTEXT"
  set_args key
  run_bundle
  assert_status 0
  assert_line "1 $CONTEXT"
}

@test "SELinux: a label that the policy does not know ends the start, with the field" {
  # A permissive kernel takes some of these from a process with CAP_MAC_ADMIN, but no malformed one.
  bundle_edit '.process.selinuxLabel = "no-label-at-all"'
  set_args touch /ran
  run_bundle
  assert_status 1
  # Without the keyring, whose label comes first, it is the one of execve.
  assert_has 'set key label'
  assert_has process.selinuxLabel
  run_bundle --no-new-keyring
  assert_status 1
  assert_has 'set process label'
  assert_has process.selinuxLabel
  assert_same ran '' "$(ls "$BUNDLE/rootfs/ran" 2>/dev/null)"
  bundle_edit '.process.selinuxLabel = "system_u:system_r:coffer_no_such_t:s0"'
  run_bundle
  assert_status 1
  assert_has process.selinuxLabel
}

@test "SELinux: a mount label that the policy does not know is an error of the mount" {
  bundle_edit '.linux.mountLabel = "no-label-at-all"'
  run_bundle
  assert_status 1
  assert_has mount
}

@test "SELinux: an AppArmor profile is refused where AppArmor is off" {
  bundle_edit '.process.apparmorProfile = "some-profile"'
  run_bundle
  assert_status 1
  assert_has 'apparmor failed to apply profile'
  assert_has process.apparmorProfile
}
