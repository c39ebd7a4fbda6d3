#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A user namespace without a network namespace of its own: the host's network, or one that was there before.

load helpers

setup() {
  requires root userns
  setup_userns_bundle
}
teardown() { teardown_bundle; }

link_of() { awk -v k="$1" '$1 == k { print $2 }' <<<"$output"; }

mount_of() { # mount_of POINT: options, type and options of the file system of the last mount there
  awk -v p="$1" '$5 == p { for (i = 7; $i != "-"; i++); found = $6 " " $(i + 1) " " $(i + 3) } END { print found }' <<<"$output"
}

below() { # below POINT: mount points inside it
  awk -v p="$1/" 'index($5, p) == 1 { print $5 }' <<<"$output"
}

# A network namespace of the host's root; its pid is in $HOLDER.
hold_net() {
  unshare --net "$@" sleep 600 3>&- >/dev/null 2>&1 &
  HOLDER=$!
  background "$HOLDER"
  wait_for 5 test "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$HOLDER/ns/net")"
}

@test "host network: an ordinary configuration without the namespace runs, /sys is the host's and read-only" {
  drop_namespace network
  run_testinit nsids + mountinfo
  assert_same net "$(readlink /proc/self/ns/net)" "$(link_of net)"
  assert_differ user "$(readlink /proc/self/ns/user)" "$(link_of user)"
  assert_match '^[0-9]+ [0-9]+ [^ ]+ / /sys ro,nosuid,nodev,noexec'
  assert_same 'type of /sys' sysfs "$(mount_of /sys | cut -d' ' -f2)"
  # Nothing of what the host has mounted there but what the configuration asks for.
  run grep -v '^/sys/fs/cgroup' <<<"$(below /sys)"
  assert_lacks /sys/kernel
  set_args sh -c 'ls /sys/class/net; echo x >/sys/kernel/mm/ksm/run'
  run_bundle
  assert_same interfaces "$(ls /sys/class/net)" "$(grep -vE 'ksm|^sh:' <<<"$output")"
  assert_has 'Read-only file system'
}

@test "host network: sysfs that was asked for writable is read-only, and it says so" {
  drop_namespace network
  bundle_edit '(.mounts[] | select(.type == "sysfs").options) = ["nosuid", "noexec", "nodev"]'
  set_args testinit mountinfo
  run cof --log-level warning --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  [[ $(mount_of /sys) == ro,* ]]
  grep -q 'sysfs is read-only' "$BATS_TEST_TMPDIR/log"
}

@test "host network: an automatic range for an ordinary bundle that has none" {
  setup_bundle plain
  drop_namespace network
  set_args testinit nsids + mountinfo
  run_bundle --userns auto
  assert_status 0
  assert_same net "$(readlink /proc/self/ns/net)" "$(link_of net)"
  assert_differ user "$(readlink /proc/self/ns/user)" "$(link_of user)"
  [[ $(mount_of /sys) == ro,*sysfs* ]]
}

@test "host network: the host's names of things stay: resolv.conf and hosts of the image, hostname" {
  drop_namespace network
  echo 'nameserver 192.0.2.1' >"$BUNDLE/rootfs/etc/resolv.conf"
  echo '192.0.2.2 example' >"$BUNDLE/rootfs/etc/hosts"
  before=$(cat /etc/resolv.conf /etc/hosts 2>/dev/null | sha256sum)
  run_script 'cat /etc/resolv.conf /etc/hosts; ls /etc'
  assert_line 'nameserver 192.0.2.1'
  assert_line '192.0.2.2 example'
  assert_same 'files of the host' "$before" "$(cat /etc/resolv.conf /etc/hosts 2>/dev/null | sha256sum)"
  # As an engine gives them: files of the host's root, id-mapped.
  echo 'nameserver 192.0.2.3' >"$BATS_TEST_TMPDIR/resolv"
  : >"$BUNDLE/rootfs/etc/resolv.conf"
  add_mount /etc/resolv.conf none "$BATS_TEST_TMPDIR/resolv" bind ro idmap
  run_script 'cat /etc/resolv.conf; stat -c %u /etc/resolv.conf'
  assert_line 'nameserver 192.0.2.3'
  assert_line 0
}

@test "host network: ports below ip_unprivileged_port_start need rights that the container has not" {
  drop_namespace network
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_NET_BIND_SERVICE"] | unique)'
  set_args sh -c 'for port in 80 8080; do timeout 1 busybox nc -l -p $port 2>&1 </dev/null; echo "$port $?"; done'
  ln -s busybox "$BUNDLE/rootfs/bin/timeout"
  # In a network namespace of the test, so that no port of the machine is touched.
  run timeout 60 unshare --net "$COFFER" --root "$ROOT" --id-ledger "$IDS" run --bundle "$BUNDLE" "$CID"
  assert_has 'Permission denied'
  assert_line '80 1'
  assert_line '8080 143'
  # With the capability in a network of its own there is no such port.
  set_namespace network
  run_bundle
  assert_line '80 143'
  drop_namespace network
  run timeout 60 unshare --net bash -c 'echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start; exec "$@"' bash \
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" run --bundle "$BUNDLE" "$CID"
  assert_line '80 143'
}

@test "host network: sysctls of the host's network are refused by name, others work" {
  drop_namespace network
  bundle_edit '.linux.sysctl = {"kernel.msgmax": "4242"}'
  run_testinit cat /proc/sys/kernel/msgmax
  assert_line 4242
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "0"}'
  run_bundle
  assert_status 1
  assert_has 'linux.sysctl.net.ipv4.ip_unprivileged_port_start'
  assert_has 'not in a separate kernel namespace'
}

@test "a network that was there before: /sys shows that one, read-only; its sysctls are the host's to write, and names are not the container's" {
  hold_net
  nsenter --target "$HOLDER" --net ip link set lo mtu 12345
  set_namespace network "/proc/$HOLDER/ns/net"
  own=$(readlink /proc/self/ns/net)
  run_script 'cat /sys/class/net/lo/mtu; readlink /proc/self/ns/net'
  assert_line 12345
  assert_differ 'mtu of the host' 12345 "$(cat /sys/class/net/lo/mtu)"
  assert_line "$(readlink "/proc/$HOLDER/ns/net")"
  assert_same 'the runtime' "$own" "$(readlink /proc/self/ns/net)"
  # Its sysctls are written by who has the rights, in that namespace and no other.
  before=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/conf/lo/forwarding)
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.conf.lo.forwarding": "1", "kernel.msgmax": "4244"}'
  run cof plan --bundle "$BUNDLE"
  assert_line 'host sysctl net.ipv4.ip_unprivileged_port_start=0'
  run_script 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/conf/lo/forwarding /proc/sys/kernel/msgmax'
  assert_same values '0 1 4244' "${output//$'\n'/ }"
  assert_same holder 0 "$(nsenter --target "$HOLDER" --net cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
  assert_same 'values of the host' "$before" "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/conf/lo/forwarding)"
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "much"}'
  run_bundle
  assert_status 1
  assert_has 'linux.sysctl.net.ipv4.ip_unprivileged_port_start'
  bundle_edit 'del(.linux.sysctl)'
  # A name of the uts namespace of another owner.
  hold_net --uts
  set_namespace uts "/proc/$HOLDER/ns/uts"
  bundle_edit '.hostname = "other"'
  run_bundle
  assert_status 1
  assert_has 'hostname: the uts namespace that is joined belongs to another user namespace'
}

@test "an ipc namespace that was there before, and the host's: /dev/mqueue shows it" {
  hold_net --ipc --mount
  nsenter --target "$HOLDER" --ipc --mount bash -c 'mkdir -p /dev/mqueue; mount -t mqueue mqueue /dev/mqueue && touch /dev/mqueue/of-the-holder'
  set_namespace ipc "/proc/$HOLDER/ns/ipc"
  run_script 'ls /dev/mqueue; stat -f -c %T /dev/mqueue; touch /dev/mqueue/of-the-container'
  assert_line of-the-holder
  nsenter --target "$HOLDER" --mount test -e /dev/mqueue/of-the-container
  drop_namespace ipc
  run_script 'ls /dev/mqueue; readlink /proc/self/ns/ipc'
  assert_line "$(readlink /proc/self/ns/ipc)"
  assert_lacks of-the-holder
}

@test "a pid namespace of another owner: /proc is refused, with the reason and the way out" {
  drop_namespace pid
  run cof --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'mounts[0].type'
  assert_has 'without a pid namespace'
  assert_has 'bind mount /proc'
}

@test "inside a user namespace: the host's /sys is bound, all of it read-only" {
  drop_namespace network
  set_args testinit mountinfo
  # The runtime as root of a user namespace that does not own the network, as rootless engines have it.
  run in_userns '0 0 400000' 0 timeout 60 \
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" --cgroup-manager disabled run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_same 'type of /sys' sysfs "$(mount_of /sys | cut -d' ' -f2)"
  while read -r point options; do
    [[ $options =~ ^ro ]] || { echo "$point is $options" >&2; false; }
  done < <(awk '$5 == "/sys" || $5 ~ "^/sys/" { print $5, $6 }' <<<"$output")
}
