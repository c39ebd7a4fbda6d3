#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# linux.netDevices: interfaces of the runtime's network namespace go into the container's. Here that of the runtime is
# a network namespace of the test's own.

load helpers

setup() {
  requires root
  command -v ip >/dev/null || skip 'no program ip (iproute2)'
  setup_bundle
  unshare --net sleep 600 3>&- >/dev/null 2>&1 &
  HOLDER=$!
  background "$HOLDER"
  wait_for 5 other_netns
  there ip link add here0 type veth peer name peer0 2>/dev/null || skip 'the kernel has no veth interfaces'
  there sh -c 'ip addr add 10.9.8.7/24 brd + dev here0; ip addr add 10.9.8.8/32 dev here0; ip addr add 10.9.9.1 peer 10.9.9.2/32 dev here0
    ip addr add 169.254.3.4/16 scope link dev here0; ip addr add fd00:9::7/64 nodad dev here0
    ip addr add 10.9.8.9/24 valid_lft 1000 preferred_lft 900 dev here0; ip link set here0 mtu 1400 address 02:11:22:33:44:55 up; ip link set peer0 up'
  bundle_edit 'del(.linux.sysctl)'
}
teardown() { teardown_bundle; }

other_netns() { [ -n "$(readlink "/proc/$HOLDER/ns/net")" ] && [ "$(readlink "/proc/$HOLDER/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
there() { nsenter --target "$HOLDER" --net "$@"; }

devices() { bundle_edit '.linux.netDevices = $d' --argjson d "$1"; }

create_there() { # create, from the test's network namespace; PID
  # Into a file: the container has it too, and lives longer than the command.
  status=0
  there timeout 60 "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" \
    >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- </dev/null || status=$?
  output=$(cat "$BATS_TEST_TMPDIR/out")
  PID=$(cat "$BATS_TEST_TMPDIR/pid" 2>/dev/null || true)
}
inside() { nsenter --target "$PID" --net "$@"; }

addresses() { # addresses COMMAND... of the interface in the last argument
  "$@" 2>/dev/null | jq -r '.[].addr_info[] | "\(.family) \(.local)/\(.prefixlen) \(.address // "-") \(.broadcast // "-") \(.scope)"' | sort
}

@test "moved, renamed, up, with its attributes and permanent global addresses" {
  set_args sleep 100
  devices '{"here0": {"name": "eth0"}}'
  create_there
  assert_same 'create said nothing' '0 ' "$status $output"
  run there ip link show here0
  [ "$status" -ne 0 ]
  assert_same 'name, state, mtu, MAC' 'eth0 UP 1400 02:11:22:33:44:55' \
    "$(inside ip -json link show eth0 | jq -r '.[] | "\(.ifname) \(if .flags | index("UP") then "UP" else "DOWN" end) \(.mtu) \(.address)"')"
  assert_same addresses 'inet 10.9.8.7/24 - 10.9.8.255 global
inet 10.9.8.8/32 - - global
inet 10.9.9.1/32 10.9.9.2 - global
inet6 fd00:9::7/64 - - global' "$(addresses inside ip -json addr show eth0 | grep -v ' link$')"
  # It works: the other end answers.
  there ip addr add 10.9.8.1/24 dev peer0
  if command -v ping >/dev/null; then inside ping -c 1 -W 5 10.9.8.1; fi
  cof start "$CID"
  inside ip link show eth0
}

@test "no new name: its own; a pattern: the kernel's choice" {
  there ip link add more0 type veth peer name more1
  devices '{"here0": {}, "more0": {"name": "net%d"}, "more1": {"name": "net%d"}}'
  set_args sleep 100
  create_there
  assert_same 'create said nothing' '0 ' "$status $output"
  assert_same names 'here0 lo net0 net1' "$(inside ip -json link show | jq -r '[.[].ifname] | sort | join(" ")')"
}

@test "hooks of the host see the interface in the container" {
  devices '{"here0": {"name": "eth0"}}'
  bundle_edit '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "nsenter -t $(jq .pid) -n ip -o link show eth0 >" + $o]}]' --arg o "$BATS_TEST_TMPDIR/seen"
  create_there
  assert_status 0
  grep -q 'eth0' "$BATS_TEST_TMPDIR/seen"
}

# The container joins the network namespace of a process; its pid is in $other.
join_network() {
  unshare --net sleep 600 3>&- >/dev/null 2>&1 &
  other=$!
  background "$other"
  wait_for 5 eval "[ \"\$(readlink /proc/$other/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
  bundle_edit '(.linux.namespaces[] | select(.type == "network")).path = $p' --arg p "/proc/$other/ns/net"
}

@test "a joined network namespace, a user namespace, and run" {
  devices '{"here0": {"name": "eth0"}}'
  local other
  join_network
  set_args ls /sys/class/net
  run there timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  nsenter -t "$other" -n ip link show eth0
  nsenter -t "$other" -n ip link set eth0 netns "$HOLDER" name here0
  setup_userns_bundle user
  devices '{"here0": {"name": "eth0"}}'
  set_args cat /proc/net/dev
  run there timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has eth0
}

@test "delete leaves the interface to the kernel" {
  devices '{"here0": {"name": "eth0"}}'
  local other
  join_network
  set_args sleep 100
  create_there
  assert_same 'create said nothing' '0 ' "$status $output"
  cof start "$CID"
  there "$COFFER" --root "$ROOT" delete --force "$CID"
  # In a namespace that goes on to live, it stays where it was; in one that ends, the kernel decides.
  nsenter -t "$other" -n ip link show eth0
  run there ip link show here0
  [ "$status" -ne 0 ]
}

@test "a failing create gives it back, as it was" {
  local before
  before=$(addresses there ip -json addr show here0 | grep ' global$' | grep -v 10.9.8.9)
  devices '{"here0": {"name": "eth0"}}'
  bundle_edit '.hooks.createRuntime = [{path: "/bin/false"}]'
  create_there
  assert_status 1
  assert_same addresses "$before" "$(addresses there ip -json addr show here0 | grep ' global$')"
  assert_same 'MAC and state' '02:11:22:33:44:55 true' "$(there ip -json link show here0 | jq -r '.[] | "\(.address) \(.flags | index("UP") != null)"')"
  # The second one does not exist: the first one comes back.
  bundle_edit 'del(.hooks)'
  devices '{"here0": {"name": "eth0"}, "nosuch0": {}}'
  create_there
  assert_status 1
  assert_has 'linux.netDevices.nosuch0'
  assert_same addresses "$before" "$(addresses there ip -json addr show here0 | grep ' global$')"
}

@test "errors: names, a name that is taken, no namespace, an interface that does not exist or cannot move" {
  local row
  while IFS='|' read -r row wanted; do
    devices "$row"
    create_there
    assert_status 1
    assert_has "$wanted"
    there ip link show here0 >/dev/null
  done <<'END'
{"here0": {"name": "lo"}}|linux.netDevices.here0: move the network interface `here0`: file exists
{"nosuch0": {}}|linux.netDevices.nosuch0: look for the network interface `nosuch0`: no such device
{"lo": {"name": "eth9"}}|linux.netDevices.lo: move the network interface `lo`: invalid argument
{"here0": {"name": "a/b"}}|linux.netDevices.here0: invalid network device name `a/b`
{"here0": {"name": "much-too-long-name"}}|invalid network device name
{"here0": {"name": "%d%d"}}|invalid network device name
{"here0": {"name": "x"}, "peer0": {"name": "x"}}|`x` is the new name of two interfaces
END
  devices '{"here0": {}}'
  bundle_edit '.linux.namespaces |= map(select(.type != "network"))'
  create_there
  assert_status 1
  assert_has 'linux.netDevices: unable to move network devices without a NET namespace'
}
