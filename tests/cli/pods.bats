#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pods: a user namespace and what it owns are made by the engine, or by a first container, and further containers
# join them by path. Every kind, alone and together, from /proc and from files, with and without privileges; and
# namespaces of owners that do not fit.

load helpers

setup() { requires root userns; setup_userns_bundle; }
teardown() { teardown_bundle; }

KINDS=(network:net ipc:ipc uts:uts cgroup:cgroup time:time pid:pid)

link_of() { awk -v k="$1" '$1 == k { print $2 }' <<<"$output"; }

# A pod as an engine makes it: root's process in a new user namespace with everything in it. $POD is its pid.
engine_pod() { # engine_pod [MAP]
  rm -f "$BATS_TEST_TMPDIR/pod" # of another pod
  unshare --user --net --ipc --uts --cgroup --mount --pid --time --fork bash -c 'echo; exec sleep 600' >"$BATS_TEST_TMPDIR/pod" 3>&- &
  local outer=$!
  background "$outer"
  wait_for 5 test -s "$BATS_TEST_TMPDIR/pod"
  POD=$(pgrep -P "$outer")
  background "$POD"
  echo "${1:-0 100000 65536}" >"/proc/$POD/uid_map"
  echo "${1:-0 100000 65536}" >"/proc/$POD/gid_map"
}

# The sandbox of a pod: a container of ours with namespaces of its own.
sandbox() {
  local bundle=$BUNDLE
  setup_userns_bundle sandbox
  set_namespace cgroup
  set_namespace time
  set_args testinit sleep
  cof run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pod.pid" "pod-$CID" >/dev/null </dev/null
  POD=$(cat "$BATS_TEST_TMPDIR/pod.pid")
  BUNDLE=$bundle
}

join() { # join KIND... : the names of config.json
  local kind entry
  for kind in "$@"; do
    if [ "$kind" = user ]; then
      set_namespace user "/proc/$POD/ns/user"
      continue
    fi
    for entry in "${KINDS[@]}"; do
      [ "${entry%:*}" != "$kind" ] || set_namespace "$kind" "/proc/$POD/ns/${entry#*:}"
    done
  done
  case " $* " in *' uts '*) bundle_edit 'del(.hostname)' ;; esac
}

is_pods() { # is_pods LINK...: these are the pod's
  local link
  for link in "$@"; do
    assert_same "$link" "$(readlink "/proc/$POD/ns/$link")" "$(link_of "$link")"
  done
}

without_maps() { bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'; }

@test "a pod of the engine's making: every kind alone with the user namespace" {
  engine_pod
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/first.json"
  for entry in "${KINDS[@]}"; do
    cp "$BATS_TEST_TMPDIR/first.json" "$BUNDLE/config.json"
    join user "${entry%:*}"
    run_testinit nsids
    is_pods user "${entry#*:}"
  done
}

@test "a pod of the engine's making: all kinds at once, with equal mappings and without" {
  engine_pod
  join user network ipc uts pid cgroup time
  run_testinit nsids + ids
  is_pods user net ipc uts pid cgroup time
  assert_line 'uid ruid=0 euid=0 suid=0'
  without_maps
  run_testinit nsids + ids
  is_pods user net ipc uts pid cgroup time
}

@test "a sandbox container: the others join its namespaces, alone and together" {
  sandbox
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/first.json"
  for set in 'network' 'ipc' 'uts' 'pid' 'network ipc uts' 'network ipc uts pid' 'network ipc uts pid cgroup time'; do
    cp "$BATS_TEST_TMPDIR/first.json" "$BUNDLE/config.json"
    # shellcheck disable=SC2086
    join user $set
    run_testinit nsids
    # shellcheck disable=SC2086
    is_pods user ${set//network/net}
  done
}

@test "exec into a container of a pod: root's, and an ordinary user's" {
  engine_pod
  join user network ipc uts pid
  set_args sleep 1000
  start_bundle
  run cof exec "$CID" testinit nsids
  assert_status 0
  is_pods user net ipc uts pid
  assert_same mnt "$(readlink "/proc/$PID/ns/mnt")" "$(link_of mnt)"
  cof delete --force "$CID"
  user_pod
  join user network ipc uts pid
  set_args sleep 1000
  as_user "$COFFER" run --detach --bundle "$BUNDLE" "$CID" </dev/null >/dev/null
  run as_user timeout 60 "$COFFER" exec "$CID" testinit nsids
  as_user "$COFFER" delete --force "$CID"
  assert_status 0
  is_pods user net ipc uts pid
}

@test "the mount namespace of a pod" {
  engine_pod
  join user mount
  set_namespace mount "/proc/$POD/ns/mnt"
  run_testinit nsids + statpath /bin/busybox
  is_pods user mnt
  assert_match '^/bin/busybox type=file'
}

@test "what the pod owns is the container's to use: /sys, /dev/mqueue, sysctls, hostname, loopback" {
  engine_pod
  join user network ipc uts
  bundle_edit '.hostname = "of-the-pod" | .linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "7", "kernel.msgmax": "4243"}'
  run_script 'touch /dev/mqueue/q && ls /dev/mqueue; ls /sys/class/net; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; hostname'
  for line in q lo 7 4243 of-the-pod; do assert_line "$line"; done
  assert_same 'name of the host' "$(uname -n)" "$(hostname)"
}

@test "pinned namespaces: files that engines bind them to" {
  engine_pod
  mkdir "$BATS_TEST_TMPDIR/pins"
  unshare --mount --propagation private bash -c '
    mount --bind "$1" "$1"
    for n in user net ipc uts; do touch "$1/$n"; mount --bind "/proc/$2/ns/$n" "$1/$n"; done
    echo pinned >"$1.done"; exec sleep 600' bash "$BATS_TEST_TMPDIR/pins" "$POD" 3>&- &
  holder=$!
  background "$holder"
  wait_for 5 test -s "$BATS_TEST_TMPDIR/pins.done"
  links=$(for n in user net ipc uts; do readlink "/proc/$POD/ns/$n"; done)
  # The process that made them is gone.
  kill -9 "$POD"
  wait_for 5 not kill -0 "$POD"
  set_namespace user "$BATS_TEST_TMPDIR/pins/user"
  set_namespace network "$BATS_TEST_TMPDIR/pins/net"
  set_namespace ipc "$BATS_TEST_TMPDIR/pins/ipc"
  set_namespace uts "$BATS_TEST_TMPDIR/pins/uts"
  bundle_edit 'del(.hostname)'
  set_args testinit nsids
  run nsenter --target "$holder" --mount "$COFFER" --root "$ROOT" --id-ledger "$IDS" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_same links "$links" "$(for n in user net ipc uts; do link_of "$n"; done)"
}

@test "a pod's range is shared on purpose: enforced policies allow it, and nobody else" {
  engine_pod '0 1900000000 65536'
  chown -R --no-dereference 1900000000:1900000000 "$BUNDLE/rootfs"
  bundle_edit '(.linux.uidMappings[0], .linux.gidMappings[0]).hostID = 1900000000'
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/own.json"
  join user network
  for n in 1 2; do
    run cof --id-policy enforce run --bundle "$BUNDLE" --detach "$CID-$n" </dev/null
    assert_status 0
  done
  assert_same leases 0 "$(leases)"
  cp "$BATS_TEST_TMPDIR/own.json" "$BUNDLE/config.json"
  run cof --id-policy enforce --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same code id-overlap-namespace "$(jq -r .code <<<"$output")"
  assert_has 'linux.uidMappings[0].hostID'
}

refused() { # refused CODE FIELD TEXT...
  run cof --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same code "$1" "$(jq -r .code <<<"$output")"
  assert_same field "$2" "$(jq -r .field <<<"$output")"
  [ -n "$(jq -r .hint <<<"$output")" ]
  shift 2
  for text in "$@"; do assert_has "$text"; done
}

index_of() { jq --arg t "$1" '[.linux.namespaces[].type] | index($t)' "$BUNDLE/config.json"; }

wrong_owner() { # wrong_owner PID: each kind of namespace that this process has, with the pod's user namespace
  local entry kind
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/first.json"
  for entry in "${KINDS[@]}"; do
    kind=${entry%:*}
    # The runtime's own network, ipc and uts are the exception: a later test.
    case $1-$kind in self-network | self-ipc | self-uts) continue ;; esac
    cp "$BATS_TEST_TMPDIR/first.json" "$BUNDLE/config.json"
    join user uts
    set_namespace "$kind" "/proc/$1/ns/${entry#*:}"
    refused namespace-owner "linux.namespaces[$(index_of "$kind")].path" "$kind namespace" 'of user 0, not by the one that is joined'
  done
}

@test "owners that do not fit: each kind of the host's, with the pod's user namespace" {
  engine_pod
  wrong_owner self
}

@test "owners that do not fit: each kind of another pod's, with the pod's user namespace" {
  engine_pod
  first=$POD
  engine_pod '0 200000 65536'
  other=$POD POD=$first
  wrong_owner "$other"
}

# An engine names what the first process of the pod is in; for a pod in the host's network that is the host's.
@test "a pod in the host's network: the runtime's own network, ipc and uts by path, with the pod's user namespace" {
  engine_pod
  join user pid
  set_namespace network /proc/self/ns/net
  set_namespace uts "/proc/$$/ns/uts"
  set_namespace ipc /proc/self/ns/ipc
  bundle_edit 'del(.hostname)'
  run_testinit nsids + ids
  is_pods user pid
  for link in net ipc uts; do assert_same "$link" "$(readlink "/proc/self/ns/$link")" "$(link_of "$link")"; done
  assert_line 'uid ruid=0 euid=0 suid=0'
  # No right in them is gained by that.
  run_script 'hostname changed; ip link set lo down; touch /dev/mqueue/q; cat /sys/class/net/lo/mtu; echo x >/sys/kernel/mm/ksm/run; uname -n'
  assert_lacks changed
  assert_line "$(cat /sys/class/net/lo/mtu)"
  assert_line "$(uname -n)"
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
  run_bundle
  assert_status 1
  assert_has 'linux.sysctl would change the host'
}

@test "the user namespace of an ordinary user, the runtime's own, one above it: refused before anything exists" {
  as_user true || skip 'cannot become an ordinary user'
  user_sleeps unshare --user --map-root-user
  holder=$POD
  set_namespace user "/proc/$holder/ns/user"
  without_maps
  refused userns-foreign "linux.namespaces[$(index_of user)].path" "belongs to user $(id -u "$TEST_NAME"), not to the caller (0)"
  set_namespace user /proc/self/ns/user
  refused userns-own "linux.namespaces[$(index_of user)].path"
  # From within a user namespace: that of the host, and what only the host owns.
  set_namespace user /proc/self/fd/9
  exec 9</proc/self/ns/user
  run in_userns '0 0 400000' 0 "$COFFER" --root "$ROOT" --id-ledger "$IDS" --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same code userns-foreign "$(jq -r .code <<<"$output")"
  set_namespace user /proc/1/ns/user
  run in_userns '0 0 400000' 0 "$COFFER" --root "$ROOT" --id-ledger "$IDS" --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'permission denied'
  assert_has 'only who may trace a process'
  drop_namespace user
  without_maps
  set_namespace network /proc/self/fd/9
  exec 9</proc/self/ns/net
  run in_userns '0 0 400000' 0 "$COFFER" --root "$ROOT" --id-ledger "$IDS" --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same code namespace-owner "$(jq -r .code <<<"$output")"
  assert_has 'owned by a user namespace outside'
  exec 9<&-
}

# ---- ordinary users ----

# Its process as the ordinary user's, which nobody else's is taken for. $POD is its pid.
user_sleeps() { # user_sleeps COMMAND THAT EXECUTES ITS ARGUMENTS...
  local seconds=6$RANDOM.$RANDOM
  as_user "$@" sleep "$seconds" 3>&- &
  background $!
  wait_for 5 pgrep -xf "sleep $seconds"
  POD=$(pgrep -xf "sleep $seconds")
  background "$POD"
}

user_pod() { # the pod of an ordinary user, and a bundle that it may read
  as_user true && as_user unshare --user true 2>/dev/null || skip 'ordinary users may not make user namespaces'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  user_sleeps unshare --user --map-root-user --net --ipc --uts --cgroup --mount --pid --fork
  rm "$BUNDLE/config.json"
  chown "$TEST_NAME" "$BUNDLE"
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false'
  chown -R --no-dereference "$TEST_NAME" "$BUNDLE/rootfs"
}

user_run() { run as_user timeout 60 "$COFFER" --log-format json run --bundle "$BUNDLE" "$CID"; }

@test "an ordinary user's pod: kinds alone and together, with mappings and without" {
  user_pod
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/first.json"
  for set in network ipc uts pid cgroup 'network ipc uts' 'network ipc uts pid cgroup'; do
    cp "$BATS_TEST_TMPDIR/first.json" "$BUNDLE/config.json"
    # shellcheck disable=SC2086
    join user $set
    set_args testinit nsids
    user_run
    assert_status 0
    # shellcheck disable=SC2086
    is_pods user ${set//network/net}
  done
  without_maps
  user_run
  assert_status 0
  is_pods user net
}

@test "an ordinary user and namespaces of others: which one, whose, and what to do" {
  user_pod
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/first.json"
  # The pod's network without its user namespace: nobody has rights in both.
  join network
  user_run
  assert_status 1
  assert_same code namespace-owner "$(jq -r .code <<<"$output")"
  assert_has "network namespace \`/proc/$POD/ns/net\`"
  assert_has "of user $(id -u "$TEST_NAME")"
  assert_has 'join that user namespace too'
  # The host's, with its own user namespace new.
  cp "$BATS_TEST_TMPDIR/first.json" "$BUNDLE/config.json"
  set_namespace ipc /proc/self/ns/ipc
  user_run
  assert_status 1
  assert_has 'of user 0'
  # Root's pod.
  engine_pod
  chmod 755 "$BATS_TEST_TMPDIR"
  mkdir "$BATS_TEST_TMPDIR/pins"
  touch "$BATS_TEST_TMPDIR/pins/user"
  cp "$BATS_TEST_TMPDIR/first.json" "$BUNDLE/config.json"
  set_namespace user "$BATS_TEST_TMPDIR/pins/user"
  run unshare --mount --propagation private bash -c 'mount --bind "/proc/$1/ns/user" "$2"; shift 2; exec setpriv "$@"' bash "$POD" "$BATS_TEST_TMPDIR/pins/user" \
    --reuid "$TEST_NAME" --regid "$(id -g "$TEST_NAME")" --clear-groups \
    "$COFFER" --root "$BATS_TEST_TMPDIR/user-run/coffer" --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same code userns-foreign "$(jq -r .code <<<"$output")"
  assert_has "belongs to user 0, not to the caller ($(id -u "$TEST_NAME"))"
}
