#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Commands that make no process and touch no state directory, in many variants. tests/run runs them with
# COFFER set to a wrapper around valgrind; what matters beside the status is that valgrind finds nothing.

load ../cli/helpers

setup() {
  BUNDLE=$BATS_TEST_TMPDIR/bundle
  mkdir -p "$BUNDLE/rootfs"
  "$COFFER" spec --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false'
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
}

# plan STATUS JQ_EXPR: the plan of an edited config
plan() {
  jq "$2" "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  run "$COFFER" plan --bundle "$BUNDLE"
  [ "$status" -eq "$1" ] || { echo "$2: status $status: $output"; return 1; }
}

@test "version, help, features" {
  "$COFFER" --version | grep -q spec
  "$COFFER" --help | grep -q Usage
  for command in create start state kill delete run list spec features plan; do
    "$COFFER" "$command" --help | grep -q Usage
  done
  "$COFFER" features | jq -e .linux.namespaces
}

@test "wrong command lines" {
  run "$COFFER"; [ "$status" -eq 1 ]
  run "$COFFER" no-such; [ "$status" -eq 1 ]
  run "$COFFER" --no-such; [ "$status" -eq 1 ]
  run "$COFFER" --log "$BATS_TEST_TMPDIR/log" --log-format json create --bundle; [ "$status" -eq 1 ]
  run "$COFFER" --log "$BATS_TEST_TMPDIR/log" --log-format json state; [ "$status" -eq 1 ]
  jq -es 'all(.level == "error")' "$BATS_TEST_TMPDIR/log"
}

@test "templates" {
  for options in '' --rootless '--userns 100000:65536'; do
    rm -f "$BUNDLE/config.json"
    # shellcheck disable=SC2086
    "$COFFER" spec --bundle "$BUNDLE" $options
    "$COFFER" plan --bundle "$BUNDLE" >/dev/null
  done
  run "$COFFER" spec --bundle "$BUNDLE"; [ "$status" -eq 1 ]
}

@test "plans of all kinds" {
  plan 0 '.'
  plan 0 '.process.args = ["a", "b"] | .process.env += ["X=\("y" * 500)"]'
  plan 0 '.mounts += [range(40) | {destination: "/m\(.)", type: "tmpfs", source: "x", options: ["ro", "size=1m"]}]'
  plan 0 '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
          | .linux.gidMappings = .linux.uidMappings'
  plan 0 '.linux.resources = {memory: {limit: 10000000}, pids: {limit: 10}, cpu: {shares: 100, quota: 5000, period: 10000}}'
  plan 0 '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
  plan 0 '.linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 3}]'
  plan 0 '.hooks = {prestart: [{path: "/bin/true"}], poststop: [{path: "/bin/true", timeout: 3}]}'
  plan 0 '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
          syscalls: [{names: ["mkdir", "no_such_call"], action: "SCMP_ACT_ERRNO", errnoRet: 5},
                     {names: ["personality"], action: "SCMP_ACT_KILL", args: [{index: 0, value: 8, op: "SCMP_CMP_EQ"}]}]}'
  plan 0 '.annotations = {"a": "b"} | .process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}]'
}

@test "refused configurations" {
  plan 1 'del(.ociVersion)'
  plan 1 '.ociVersion = "9.0.0"'
  plan 1 'del(.root)'
  plan 1 '.root.path = 7'
  plan 1 '.process.args = []'
  plan 1 '.process.cwd = "relative"'
  plan 1 '.process.capabilities.bounding += [7]'
  plan 1 '.mounts += [{destination: "x\u0000y"}]'
  plan 1 '.mounts += [{destination: "/x", type: "tmpfs", source: "x", options: ["ro", {}]}]'
  plan 1 '.linux.namespaces += [{type: "moon"}]'
  plan 1 '.linux.namespaces += [{type: "pid"}]'
  plan 1 '.linux.uidMappings = [{containerID: 0, hostID: 4294967295, size: 2}]'
  plan 1 '.linux.resources.cpu.shares = 99999999999999999999999999'
  plan 1 '.linux.sysctl = {"kernel.core_pattern": "|/x"}'
  plan 1 '.process.rlimits = [{type: "RLIMIT_MOON", soft: 0, hard: 0}]'
  for text in '' '{' '[]' '{"ociVersion":"1.0.0","ociVersion":"1.0.0"}' '{"a":"\ud800"}' 'null' "$(printf '[%.0s' $(seq 5000))"; do
    printf '%s' "$text" >"$BUNDLE/config.json"
    run "$COFFER" plan --bundle "$BUNDLE"
    [ "$status" -eq 1 ] || { echo "$text: status $status"; return 1; }
  done
}
