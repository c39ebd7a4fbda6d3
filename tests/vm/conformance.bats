#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The validation programs of the OCI runtime tools (tests/conformance) on cgroup v2.

load ../cli/helpers

setup_file() {
  local archive=${BATS_TEST_DIRNAME%/*/*}/conformance.tar.xz
  [ -e "$archive" ] || return 0
  mkdir "$BATS_FILE_TMPDIR/programs"
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$archive" "$BATS_FILE_TMPDIR/programs"
  # The one thing that a program wants of its host.
  printf 'profile acme_secure_profile flags=(attach_disconnected, mediate_deleted) {\n  file, capability, mount, umount, pivot_root, network, signal, ptrace, unix,\n}\n' |
    apparmor_parser -r 2>/dev/null || true
}

teardown_file() {
  printf 'profile acme_secure_profile {\n}\n' | apparmor_parser -R 2>/dev/null || true
  rm -rf "$BATS_FILE_TMPDIR/programs"
}

programs() { # programs PATTERN...
  requires root
  [ -d "$BATS_FILE_TMPDIR/programs" ] || skip 'the programs were not built'
  cd "$BATS_FILE_TMPDIR/programs" || return 1
  run python3 -B "$BATS_TEST_DIRNAME/../conformance/run.py" --programs "$PWD" --runtime "$COFFER" $(printf '%s\n' $1 | grep -v rootfs)
  printf '%s\n' "$output"
  [ "$status" -eq 0 ]
}

@test "life cycle" { programs 'config* create default delete* kill* start state pidfile'; }
@test "hooks" { programs 'hook* pre* poststart* poststop*'; }
@test "cgroups" { programs 'linux_cgroups_*'; }
@test "namespaces" { programs 'linux_ns_* linux_uid_mappings hostname'; }
@test "mounts and paths" { programs 'linux_masked_paths linux_readonly_paths linux_rootfs_propagation mounts root_readonly_true linux_mount_label linux_devices'; }
@test "process" { programs 'process* misc_props linux_process_apparmor_profile linux_seccomp linux_sysctl'; }
