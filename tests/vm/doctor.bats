#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# coffer doctor where systemd, cgroup v2 and a security module are.

load ../cli/helpers

setup() {
  requires root
  new_ids
  JSON=$BATS_TEST_TMPDIR/findings.json
}

verdict_of() { jq -r --arg id "$1" 'first(.[] | select(.id == $id) | .verdict) // "none"' "$JSON"; }

in_session() { # as after a login: in a cgroup that is not the user's
  setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all env -i PATH="$PATH" HOME=/tmp XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

needs_manager() {
  requires cgroup-v2
  [ -S /run/user/1000/systemd/private ] || skip 'no user manager of uid 1000 runs'
  USER_NAME=$(getent passwd 1000 | cut -d: -f1)
  chmod 755 "$(dirname "$COFFER")"
}

@test "root on cgroup v2 with systemd" {
  requires cgroup-v2
  [ -d /run/systemd/system ] || skip 'systemd does not run'
  cof doctor --format json >"$JSON" || true
  for check in cgroup.mode cgroup.controllers cgroup.delegation cgroup.kill cgroup.systemd kernel.clone-into-cgroup \
    kernel.bpf-device userns.create userns.namespaces userns.proc userns.sysfs; do
    assert_same "$check" ok "$(verdict_of "$check")"
  done
}

@test "a session of a user: the cgroup of the user manager is found" {
  needs_manager
  in_session "$COFFER" doctor --format json / >"$JSON" || true
  jq -e '.[] | select(.id == "cgroup.delegation")
    | .values.path == "/user.slice/user-1000.slice/user@1000.service" and (.fact | contains("systemd manager"))' "$JSON"
  assert_same systemd ok "$(verdict_of cgroup.systemd)"
  assert_same runtime-dir ok "$(verdict_of user.runtime-dir)"
}

@test "a service of a user: the same, from within" {
  needs_manager
  timeout 90 systemd-run --quiet --user -M "$USER_NAME@" --collect --wait --pipe -p Delegate=yes \
    "$COFFER" doctor --format json / </dev/null >"$JSON" || true
  jq -e '.[] | select(.id == "cgroup.delegation") | .values.path == "/user.slice/user-1000.slice/user@1000.service"
    and (.fact | contains("delegated to this user"))' "$JSON"
}

@test "the active security module is named" {
  if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
    key=apparmor
  elif [ -e /sys/fs/selinux/enforce ]; then
    key=selinux
  else
    skip 'neither AppArmor nor SELinux is active'
  fi
  cof doctor --format json >"$JSON" || true
  jq -e --arg key "$key" '.[] | select(.id == "lsm.active") | .values[$key]' "$JSON"
}

@test "kernel.unprivileged_userns_clone=0 is named as the reason" {
  sysctl=/proc/sys/kernel/unprivileged_userns_clone
  [ -e "$sysctl" ] || skip 'this kernel has no such sysctl'
  needs_manager
  before=$(cat "$sysctl")
  echo 0 >"$sysctl"
  in_session "$COFFER" doctor --format json / >"$JSON" || true
  echo "$before" >"$sysctl"
  assert_same create problem "$(verdict_of userns.create)"
  jq -e '.[] | select(.id == "userns.create") | .remedy | contains("kernel.unprivileged_userns_clone")' "$JSON"
}
