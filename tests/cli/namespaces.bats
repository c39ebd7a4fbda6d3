#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Namespaces: each kind new, left out, and joined by path, looked at from inside and from outside.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

link_of() { # link_of KIND: the namespace that the container said it is in
  awk -v k="$1" '$1 == k { print $2 }' <<<"$output"
}

own_link() { readlink "/proc/self/ns/$1"; }

# A process of the host in new namespaces; its pid is in $HOLDER.
hold() { # hold KIND UNSHARE-OPTION...
  local kind=$1 mine
  shift
  mine=$(own_link "$kind")
  unshare "$@" sleep 600 3>&- >/dev/null 2>&1 &
  HOLDER=$!
  background "$HOLDER"
  wait_for 5 changed "/proc/$HOLDER/ns/$kind" "$mine"
}

changed() { [ -n "$(readlink "$1")" ] && [ "$(readlink "$1")" != "$2" ]; }

write_maps() { # write_maps PID MAP
  echo "$2" >"/proc/$1/uid_map"
  echo "$2" >"/proc/$1/gid_map"
}

@test "the default configuration: pid, net, ipc, uts, mnt are new, the others are the host's" {
  run_testinit nsids
  for kind in pid net ipc uts mnt; do
    assert_differ "$kind" "$(own_link $kind)" "$(link_of $kind)"
    assert_match "^$kind $kind:\[[0-9]+\]$"
  done
  for kind in user time; do
    assert_same "$kind" "$(own_link $kind)" "$(link_of $kind)"
  done
}

@test "what inside is called a namespace is that of the pid seen outside" {
  set_args testinit nsids + sleep
  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  output=$(cat "$BATS_TEST_TMPDIR/out")
  for kind in pid net ipc uts mnt user cgroup time; do
    assert_same "$kind" "$(readlink "/proc/$PID/ns/$kind")" "$(link_of $kind)"
  done
  assert_same 'pid inside' 1 "$(awk '/^NSpid:/ { print $NF }' "/proc/$PID/status")"
}

@test "every kind new at once" {
  setup_userns_bundle
  set_namespace cgroup
  set_namespace time
  run_testinit nsids
  for kind in pid net ipc uts mnt user cgroup time; do
    assert_differ "$kind" "$(own_link $kind)" "$(link_of $kind)"
  done
}

@test "a kind that is left out is the host's" {
  drop_namespace network
  drop_namespace ipc
  drop_namespace uts
  bundle_edit 'del(.hostname) | .mounts |= map(select(.type != "mqueue"))'
  run_testinit nsids + uts
  for kind in net ipc uts; do
    assert_same "$kind" "$(own_link $kind)" "$(link_of $kind)"
  done
  assert_line "hostname=$(hostname)"
}

@test "no pid namespace: the container sees the host's pids, its own is not 1" {
  drop_namespace pid
  set_args sh -c 'echo "pid $$"; readlink /proc/self/ns/pid; cat /proc/self/stat | cut -d" " -f1'
  run_bundle
  assert_status 0
  assert_line "$(own_link pid)"
  assert_match '^pid [0-9]{2,}$'
}

@test "hostname and domainname" {
  bundle_edit '.hostname = "inside-name" | .domainname = "inside.domain"'
  before=$(uname -n; cat /proc/sys/kernel/domainname)
  run_testinit uts
  assert_line 'hostname=inside-name'
  assert_line 'domainname=inside.domain'
  assert_same 'names of the host' "$before" "$(uname -n; cat /proc/sys/kernel/domainname)"
}

@test "hostname of 64 bytes; none given: the host's name is kept" {
  long=$(printf 'n%.0s' {1..64})
  bundle_edit '.hostname = $h' --arg h "$long"
  run_testinit uts
  assert_line "hostname=$long"
  bundle_edit 'del(.hostname)'
  run_testinit uts
  assert_line "hostname=$(uname -n)"
}

@test "loopback is up in a new network namespace, and the only interface" {
  run_script 'cat /sys/class/net/lo/operstate /sys/class/net/lo/flags; ls /sys/class/net; cat /proc/net/fib_trie'
  assert_line 0x9
  assert_has 127.0.0.1
  assert_same interfaces lo "$(grep -Ex '[a-z]+[0-9]*' <<<"$output" | grep -vx unknown)"
}

@test "loopback of a joined network namespace is left as it is" {
  hold net --net
  set_namespace network "/proc/$HOLDER/ns/net"
  run_script 'cat /sys/class/net/lo/flags'
  assert_line 0x8
}

@test "network, ipc, uts joined by path: the same links, and what the holder has is seen" {
  hold uts --net --ipc --uts
  nsenter --target "$HOLDER" --uts hostname of-the-holder
  queue=$(nsenter --target "$HOLDER" --ipc ipcmk -Q | awk '{ print $NF }')
  for kind in net:network ipc:ipc uts:uts; do
    set_namespace "${kind#*:}" "/proc/$HOLDER/ns/${kind%:*}"
  done
  bundle_edit 'del(.hostname)'
  run_testinit nsids + uts + cat /proc/sysvipc/msg
  for kind in net ipc uts; do
    assert_same "$kind" "$(readlink "/proc/$HOLDER/ns/$kind")" "$(link_of $kind)"
  done
  assert_line 'hostname=of-the-holder'
  assert_match "^ +[0-9]+ +$queue "
}

@test "a hostname is set in a joined uts namespace and nowhere else" {
  hold uts --uts
  before=$(uname -n)
  set_namespace uts "/proc/$HOLDER/ns/uts"
  bundle_edit '.hostname = "by-coffer"'
  run_testinit uts
  assert_line 'hostname=by-coffer'
  assert_same holder by-coffer "$(nsenter --target "$HOLDER" --uts uname -n)"
  assert_same host "$before" "$(uname -n)"
}

@test "a path that is a bind mount of a namespace" {
  hold mnt --mount --propagation private
  touch "$BATS_TEST_TMPDIR/ns"
  nsenter --target "$HOLDER" --mount unshare --uts="$BATS_TEST_TMPDIR/ns" hostname pinned-name
  set_namespace uts "$BATS_TEST_TMPDIR/ns"
  bundle_edit 'del(.hostname)'
  set_args testinit uts
  run nsenter --target "$HOLDER" --mount "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line 'hostname=pinned-name'
}

@test "cgroup and time namespaces joined by path" {
  hold cgroup --cgroup --time --monotonic 7000 --boottime 90000 --fork
  wait_for 5 pgrep -P "$HOLDER"
  child=$(pgrep -P "$HOLDER")
  background "$child"
  set_namespace cgroup "/proc/$child/ns/cgroup"
  set_namespace time "/proc/$child/ns/time"
  run_testinit nsids + cat /proc/self/timens_offsets /proc/uptime
  for kind in cgroup time; do
    assert_same "$kind" "$(readlink "/proc/$child/ns/$kind")" "$(link_of $kind)"
  done
  assert_match '^monotonic +7000 +0$'
  inside=$(tail -n 1 <<<"$output" | cut -d. -f1)
  outside=$(cut -d. -f1 /proc/uptime)
  [ $((inside - outside)) -ge 89990 ]
  [ $((inside - outside)) -le 90010 ]
}

@test "a mount namespace joined by path" {
  hold mnt --mount --propagation private
  nsenter --target "$HOLDER" --mount mount -t tmpfs holder-tmpfs /mnt
  nsenter --target "$HOLDER" --mount mkdir /mnt/of-the-holder
  set_namespace mount "/proc/$HOLDER/ns/mnt"
  run_testinit nsids + statpath /bin/busybox
  assert_same mnt "$(readlink "/proc/$HOLDER/ns/mnt")" "$(link_of mnt)"
  assert_match '^/bin/busybox type=file'
}

@test "a pid namespace joined by path: /proc shows it, the holder's init is pid 1" {
  hold pid_for_children --pid --fork
  wait_for 5 pgrep -P "$HOLDER"
  child=$(pgrep -P "$HOLDER")
  background "$child"
  set_namespace pid "/proc/$child/ns/pid"
  set_args sh -c 'readlink /proc/self/ns/pid; cat /proc/1/comm; echo "pid $$"; for p in /proc/[0-9]*; do echo "seen ${p#/proc/}"; done'
  run_bundle
  assert_status 0
  assert_line "$(readlink "/proc/$child/ns/pid")"
  assert_line sleep
  assert_match '^pid [0-9]+$'
  run grep -c '^seen ' <<<"$output"
  # The holder's init and the shell: no helper process of the runtime is in there.
  [ "$output" -le 2 ]
}

@test "a pid namespace joined by path: the container ends without its init's end; delete ends it all" {
  hold pid_for_children --pid --fork
  wait_for 5 pgrep -P "$HOLDER"
  child=$(pgrep -P "$HOLDER")
  background "$child"
  set_namespace pid "/proc/$child/ns/pid"
  set_args testinit children 3
  start_bundle >"$BATS_TEST_TMPDIR/out"
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  pidns=$(readlink "/proc/$child/ns/pid")
  # Zombies have no executable: the holder's init does not reap.
  count_in_ns() {
    local p n=0
    for p in /proc/[0-9]*; do
      [ "$(readlink "$p/ns/pid" 2>/dev/null)" != "$pidns" ] || ! readlink "$p/exe" >/dev/null || n=$((n + 1))
    done
    [ "$n" -eq "$1" ]
  }
  count_in_ns 5
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  wait_for 5 count_in_ns 1
  cof delete "$CID"
  kill -0 "$child"
}

@test "a container's pid is that of the runtime's namespace, also when the runtime is in another one" {
  set_args sleep 100
  run unshare --pid --fork --mount-proc bash -c '
    "$COFFER" --root "$1" run -d --bundle "$2" --pid-file "$2/pid" "$3" >/dev/null 2>&1 </dev/null || exit 1
    read -r pid <"$2/pid"
    [ "$pid" = "$("$COFFER" --root "$1" state "$3" | jq .pid)" ] || exit 2
    [ "$(tr "\0" " " <"/proc/$pid/cmdline")" = "sleep 100 " ] || exit 3
    "$COFFER" --root "$1" delete --force "$3"' bash "$ROOT" "$BUNDLE" "$CID"
  assert_status 0
}

@test "a user namespace joined by path, without mappings in the configuration" {
  setup_userns_bundle
  hold user --user
  write_maps "$HOLDER" '0 100000 65536'
  set_namespace user "/proc/$HOLDER/ns/user"
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  run_testinit nsids + ids
  assert_same user "$(readlink "/proc/$HOLDER/ns/user")" "$(link_of user)"
  assert_match '^ +0 +100000 +65536$'
  assert_line 'uid ruid=0 euid=0 suid=0'
}

@test "a user namespace joined by path, with equal mappings and with others" {
  setup_userns_bundle
  hold user --user
  write_maps "$HOLDER" '0 100000 65536'
  set_namespace user "/proc/$HOLDER/ns/user"
  run_testinit nsids
  assert_same user "$(readlink "/proc/$HOLDER/ns/user")" "$(link_of user)"
  bundle_edit '.linux.uidMappings[0].hostID = 200000'
  run_bundle
  assert_status 1
  assert_has 'linux.uidMappings'
  assert_has 'differs from the mappings of the user namespace'
}

@test "a user namespace joined together with the network namespace it owns" {
  setup_userns_bundle
  hold net --user --net
  write_maps "$HOLDER" '0 100000 65536'
  set_namespace user "/proc/$HOLDER/ns/user"
  set_namespace network "/proc/$HOLDER/ns/net"
  run_testinit nsids
  assert_same net "$(readlink "/proc/$HOLDER/ns/net")" "$(link_of net)"
  assert_same user "$(readlink "/proc/$HOLDER/ns/user")" "$(link_of user)"
}

@test "joined user namespaces that are refused: no mappings yet, our own" {
  setup_userns_bundle
  hold user --user
  set_namespace user "/proc/$HOLDER/ns/user"
  run_bundle
  assert_status 1
  assert_has 'mappings'
  set_namespace user /proc/self/ns/user
  run_bundle
  assert_status 1
  assert_has "the runtime's own"
}

@test "a namespace of another kind at the path, a fifo, a directory" {
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  for path in /proc/self/ns/ipc "$BATS_TEST_TMPDIR/fifo" "$BATS_TEST_TMPDIR" /dev/null; do
    set_namespace uts "$path"
    run_bundle
    assert_status 1
    assert_has 'linux.namespaces'
  done
}

@test "time namespace with offsets" {
  set_namespace time
  bundle_edit '.linux.timeOffsets = {monotonic: {secs: 86400, nanosecs: 500}, boottime: {secs: 172800}}'
  run_testinit nsids + cat /proc/self/timens_offsets /proc/uptime
  assert_differ time "$(own_link time)" "$(link_of time)"
  assert_match '^monotonic +86400 +500$'
  assert_match '^boottime +172800 +0$'
  inside=$(tail -n 1 <<<"$output" | cut -d. -f1)
  outside=$(cut -d. -f1 /proc/uptime)
  [ $((inside - outside)) -ge 172790 ]
  [ $((inside - outside)) -le 172810 ]
}

@test "time offsets below zero, with a user namespace, and seen by children too" {
  setup_userns_bundle
  set_namespace time
  bundle_edit '.linux.timeOffsets = {boottime: {secs: -60}}'
  run_script 'cat /proc/self/timens_offsets; readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children; cat /proc/uptime'
  assert_match '^boottime +-60 +0$'
  assert_same 'time of children' 1 "$(grep '^time:' <<<"$output" | sort -u | wc -l)"
  inside=$(tail -n 1 <<<"$output" | cut -d. -f1)
  outside=$(cut -d. -f1 /proc/uptime)
  [ $((outside - inside)) -ge 50 ]
  [ $((outside - inside)) -le 70 ]
}

@test "two containers share the namespaces of the first" {
  set_args testinit sleep
  start_bundle >/dev/null
  for kind in net:network ipc:ipc uts:uts pid:pid; do
    set_namespace "${kind#*:}" "/proc/$PID/ns/${kind%:*}"
  done
  bundle_edit 'del(.hostname)'
  set_args testinit nsids
  run cof run --bundle "$BUNDLE" "second-$CID"
  assert_status 0
  for kind in net ipc uts pid; do
    assert_same "$kind" "$(readlink "/proc/$PID/ns/$kind")" "$(link_of $kind)"
  done
  assert_differ mnt "$(readlink "/proc/$PID/ns/mnt")" "$(link_of mnt)"
}

@test "sysctls reach the container's namespaces only" {
  before=$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242", "net/ipv4/ping_group_range": "1 2"}'
  run_testinit cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ping_group_range
  assert_line 1
  assert_line 4242
  assert_match '^1\s+2$'
  assert_same 'values of the host' "$before" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)"
}

@test "sysctls of every namespace that owns some: set in the container, as before on the host" {
  local key row before wanted
  values() { for key in "$@"; do echo "$key=$(cat "/proc/sys/${key//.//}")"; done; }
  rows=(net.core.somaxconn=567:network kernel.shmmni=4000:ipc $'kernel.sem=250\t32000\t100\t128:ipc' kernel.shm_rmid_forced=1:ipc
    kernel.msgmnb=5555:ipc fs.mqueue.msg_max=77:ipc kernel.domainname=of.the.container:uts)
  before=$(values "${rows[@]%%=*}" user.max_inotify_instances)
  for row in "${rows[@]}"; do
    key=${row%%=*} row=${row#*=}
    bundle_edit '.linux.sysctl[$k] = $v' --arg k "$key" --arg v "${row%:*}"
  done
  run_script 'cd /proc/sys; for f in '"$(printf '%s\n' "${rows[@]%%=*}" | tr . / | tr '\n' ' ')"'; do echo "$(echo $f | tr / .)=$(cat $f)"; done'
  for row in "${rows[@]}"; do assert_line "${row%:*}"; done
  # Each of them is an error without its namespace.
  set_args true
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/all.json"
  for row in "${rows[@]}"; do
    key=${row%%=*}
    cp "$BATS_TEST_TMPDIR/all.json" "$BUNDLE/config.json"
    drop_namespace "${row##*:}"
    bundle_edit '.linux.sysctl |= {($k): .[$k]} | .mounts |= map(select(.type != "mqueue")) | del(.hostname)' --arg k "$key"
    run_bundle
    assert_status 1
    assert_has "sysctl \\\"$key\\\" is not in a separate kernel namespace"
  done
  # Those of the user namespace.
  bundle_edit '.linux.sysctl = {"user.max_inotify_instances": "99"}'
  run_bundle
  assert_status 1
  assert_has 'is not in a separate kernel namespace'
  setup_userns_bundle
  bundle_edit '.linux.sysctl = {"user.max_inotify_instances": "99"}'
  run_script 'cat /proc/sys/user/max_inotify_instances'
  assert_line 99
  assert_same 'values of the host' "$before" "$(values "${rows[@]%%=*}" user.max_inotify_instances)"
}
