#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer audit and whois: what the kernel says of running containers, whatever their configuration says.

load helpers

FIRST=730000000 # far from what others on this machine map

setup() { requires root; residue_before; }
teardown() { teardown_bundle; }

userns_container() { # userns_container [JQ_EXPR]
  setup_userns_bundle bundle "$FIRST"
  set_args sleep 600
  [ $# -eq 0 ] || bundle_edit "$1"
  start_bundle
}

plain_container() { # plain_container [JQ_EXPR]
  setup_bundle
  set_args sleep 600
  [ $# -eq 0 ] || bundle_edit "$1"
  start_bundle
}

# A second one beside it; its id is in $OTHER.
second_container() { # second_container FIRST [JQ_EXPR]
  local first=$1
  OTHER=$CID-b CID=$CID-b
  setup_userns_bundle other "$first"
  set_args sleep 600
  [ $# -lt 2 ] || bundle_edit "$2"
  cof run --detach --bundle "$BUNDLE" "$OTHER" </dev/null
  CID=${CID%-b}
}

audit() { run cof audit "$@"; }

# The levels and reasons of one check.
of_check() { # of_check CHECK [ID]
  cof audit --format json "${2:-$CID}" | jq -r --arg c "$1" '.[0].findings[] | select(.check == $c) | "\(.level) \(.reason)"'
}

expect() { # expect CHECK LEVEL PATTERN
  local found
  found=$(of_check "$1")
  grep -Eq "^$2 .*$3" <<<"$found" || {
    echo "$1: no \`$2 ... $3\` in: $found" >&2
    return 1
  }
}

@test "audit: a container with a user namespace of its own has no problem" {
  userns_container
  audit
  assert_status 0
  assert_match "^$CID \(pid $PID\): (note|warning)$"
  assert_lacks problem
  expect user-namespace ok "its own, made by host uid $FIRST; its root is host uid $FIRST"
  expect id-ranges ok "$FIRST-$((FIRST + 65535)) .*nobody else's"
  expect capabilities ok 'in its user namespace only'
  expect no-new-privs ok set
  expect sysctls ok 'not writable'
  expect masked-paths ok masked
  expect devices ok default
  expect processes ok '1, all with ids of the container'
  expect mounts ok 'none of a sensitive place'
}

@test "audit: json has every check of the table" {
  userns_container
  run cof audit --format json
  assert_status 0
  assert_same containers 1 "$(jq length <<<"$output")"
  assert_same id "$CID" "$(jq -r '.[0].id' <<<"$output")"
  assert_same pid "$PID" "$(jq '.[0].pid' <<<"$output")"
  jq -r '.[0].findings[] | [.level, .check, .reason] | join(" ")' <<<"$output" | tr -s ' ' >"$BATS_TEST_TMPDIR/json"
  cof audit "$CID" | tail -n +2 | sed 's/^ *//' | tr -s ' ' >"$BATS_TEST_TMPDIR/table"
  cmp "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/table"
  assert_same worst "$(jq -r '.[0].verdict' <<<"$output")" "$(cof audit "$CID" | sed -n '1s/.*: //p')"
}

@test "audit: --fail-on" {
  userns_container
  audit --fail-on problem
  assert_status 0
  audit --fail-on warning
  assert_status 1
  assert_has 'no filter'
  audit --fail-on note "$CID" -f json
  assert_status 1
  audit --fail-on some
  assert_status 1
  assert_has 'none of note, warning, problem'
}

@test "audit: without a user namespace" {
  plain_container '.process.noNewPrivileges = false
    | .process.capabilities |= (.bounding += ["CAP_SYS_ADMIN"] | .effective += ["CAP_SYS_ADMIN"] | .permitted += ["CAP_SYS_ADMIN"])
    | .linux.readonlyPaths = [] | .linux.maskedPaths = []'
  audit --fail-on problem
  assert_status 1
  expect user-namespace problem "the host's"
  expect id-ranges note 'no map'
  expect capabilities problem 'over the host: CAP_SYS_ADMIN'
  expect no-new-privs warning 'not set'
  expect sysctls problem '/proc/sys is writable'
  [ ! -e /proc/sysrq-trigger ] || expect sysctls problem '/proc/sysrq-trigger is writable'
  expect masked-paths warning 'not masked: .*/sys/firmware'
}

@test "audit: namespaces of the host, host mounts, a socket, shared propagation" {
  mkdir -p "$BATS_TEST_TMPDIR/vol"
  plain_container "$(printf '.linux.namespaces |= map(select(.type != "network" and .type != "pid" and .type != "ipc"))
    | .mounts += [{destination: "/host", type: "bind", source: "/etc", options: ["rbind", "rw"]},
                  {destination: "/ro", type: "bind", source: "/", options: ["bind", "ro"]},
                  {destination: "/vol", type: "bind", source: "%s", options: ["bind", "rw"]}]' "$BATS_TEST_TMPDIR/vol")"
  expect namespaces problem 'the pid namespace'
  expect namespaces warning 'the network namespace'
  expect namespaces warning 'the ipc namespace'
  expect mounts problem "\`/host\` is the host's \`/etc\`, writable"
  expect mounts warning "\`/ro\` is the host's \`/\`, read-only"
  output=$(of_check mounts)
  assert_lacks /vol
}

@test "audit: what the container mounts itself is seen, whatever it is called" {
  plain_container '.process.capabilities |= (.bounding += ["CAP_SYS_ADMIN"] | .effective += ["CAP_SYS_ADMIN"] | .permitted += ["CAP_SYS_ADMIN"])
    | .root.readonly = false | .mounts += [{destination: "/host", type: "bind", source: "/etc", options: ["bind", "ro"]}]
    | .process.args = ["sh", "-c", "d=\"/tmp/a\nb - tmpfs x rw\u001b[31m\"; mkdir \"$d\" && mount -o bind /host \"$d\" && touch /tmp/done; exec sleep 600"]'
  wait_for 10 test -e "$BUNDLE/rootfs/tmp/done"
  audit
  assert_status 0
  assert_has 'is the host'"'"'s `/etc`, read-only'
  assert_has '/tmp/a\x0ab - tmpfs x rw\x1b[31m'
  run cof audit --format json
  jq -e '.[0].findings | length > 0' <<<"$output"
}

@test "audit: overlap with a neighbour, with somebody else's namespace, and neither" {
  userns_container
  second_container $((FIRST + 65536))
  expect id-ranges ok "nobody else's"
  cof delete --force "$OTHER"
  second_container $((FIRST + 65535))
  expect id-ranges problem "host uid $((FIRST + 65535)) is also in the map of container \`$OTHER\`"
  cof delete --force "$OTHER"
  unshare --user sleep 600 &
  background $!
  wait_for 10 not test /proc/$!/ns/user -ef /proc/self/ns/user
  echo "0 $((FIRST + 5)) 1" >/proc/$!/uid_map
  expect id-ranges problem "host uid $((FIRST + 5)) is also in the map of the user namespace of process $! "
}

@test "audit: a user namespace that the container made is no stranger" {
  # Not as root: mapping that again would need CAP_SETFCAP.
  setup_userns_bundle bundle "$FIRST"
  ln -s busybox "$BUNDLE/rootfs/bin/unshare"
  bundle_edit '.annotations["org.coffer.userns.nested"] = "8" | .process.user = {uid: 1000, gid: 1000} | .process.args = ["sh", "-c", "unshare -Ur sleep 600 & wait"]'
  start_bundle
  wait_for 10 has_inner
  expect id-ranges ok "nobody else's"
}

has_inner() { # a process of the container in another user namespace
  local p
  for p in $(cof ps -f json "$CID" | jq '.[]'); do
    [ "$(readlink "/proc/$p/ns/user")" = "$(readlink "/proc/$PID/ns/user")" ] || return 0
  done
  return 1
}

@test "audit: a pod shares namespaces, not ids by accident" {
  userns_container
  second_container "$FIRST" "$(printf '.linux.namespaces |= map(if .type == "user" then .path = "/proc/%s/ns/user" elif .type == "ipc" then .path = "/proc/%s/ns/ipc" else . end)' "$PID" "$PID")"
  expect id-ranges ok "nobody else's"
  expect namespaces note "container \`$OTHER\` has the same user, ipc"
  run cof whois $((FIRST + 3))
  assert_status 0
  assert_has "container $CID: uid 3 inside, pid $PID, shared user namespace"
  assert_has "container $OTHER: uid 3 inside"
}

@test "audit: ids of host accounts and a root that is the host's" {
  local nobody
  nobody=$(id -u nobody)
  userns_container
  cof delete --force "$CID"
  bundle_edit '.linux.uidMappings += [{containerID: 65536, hostID: $u, size: 1}]' --argjson u "$nobody"
  start_bundle
  expect id-ranges warning "uids of host accounts: \`nobody\` \($nobody\)"
  cof delete --force "$CID"
  bundle_edit '.linux.uidMappings[1].hostID = 0'
  start_bundle
  expect user-namespace problem 'host uid 0 is its uid 65536'
}

@test "audit: a process of the host in the container's control group" {
  requires cgroup-pids
  local dir
  userns_container
  sleep 600 &
  background $!
  for dir in $(find /sys/fs/cgroup -type d -name "*$CID*"); do echo $! >"$dir/cgroup.procs"; done
  expect processes problem "process $! in its control group has the host's uid 0"
  kill -9 $!
}

@test "audit: a writable id-mapped volume, where setuid files work on the host" {
  mkdir -p "$BATS_TEST_TMPDIR/disk"
  setup_userns_bundle bundle "$FIRST"
  set_args sleep 600
  bundle_edit '.mounts += [{destination: "/tmp", type: "bind", source: $v, options: ["bind", "rw", "idmap"],
    uidMappings: [{containerID: 0, hostID: 0, size: 65536}], gidMappings: [{containerID: 0, hostID: 0, size: 65536}]}]' \
    --arg v "$BATS_TEST_TMPDIR/disk"
  det run --detach --bundle "$BUNDLE" "$CID"
  [[ $output != *id-mapped* ]] || skip "no id-mapped mounts: $output"
  assert_status 0
  expect setuid-files warning "\`/tmp\` is id-mapped and writable, the host's \`.*/disk\` not nosuid"
}

@test "audit: devices beyond the default ones" {
  plain_container '.linux.devices = [{path: "/dev/loopy", type: "b", major: 7, minor: 200}, {path: "/dev/x/fuse", type: "c", major: 10, minor: 229}]'
  expect devices problem '`/dev/loopy` is a block device \(7:200\)'
  expect devices note '`/dev/x/fuse` is a device \(10:229\)'
}

@test "audit: a created container, a paused one, a stopped one, none" {
  setup_userns_bundle bundle "$FIRST"
  set_args sleep 600
  det create --bundle "$BUNDLE" "$CID"
  expect capabilities note 'not known before start'
  expect user-namespace ok 'its own'
  cof start "$CID"
  expect capabilities ok 'in its user namespace only'
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
  audit "$CID"
  assert_status 1
  assert_has "container with id $CID is not running"
  audit
  assert_status 0
  assert_same output '' "$output"
  run cof audit --format json
  assert_same output '[]' "$output"
  audit nobody-here
  assert_status 1
  assert_has 'container does not exist'
  audit 'a/b'
  assert_status 1
}

@test "audit: containers that come and go meanwhile" {
  local n
  userns_container
  (while :; do cof run --bundle "$BUNDLE" "$CID-x" -d </dev/null >/dev/null 2>&1 3>&-; cof delete --force "$CID-x" >/dev/null 2>&1 3>&-; done) &
  background $!
  for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
    run cof audit --format json
    assert_status 0
    jq -e --arg c "$CID" 'map(.id) | index($c) != null' <<<"$output" >/dev/null
    jq -e 'all(.[]; .findings | all(.check != "facts"))' <<<"$output" >/dev/null
  done
  kill -9 $! && wait $! 2>/dev/null || true
}

@test "audit: another container costs some hundred system calls" {
  command -v strace >/dev/null || skip 'no strace'
  local one two
  userns_container
  one=$(calls_of_audit)
  second_container $((FIRST + 65536))
  two=$(calls_of_audit)
  [ $((two - one)) -lt 350 ] || { echo "$one, then $two" >&2; false; }
}

calls_of_audit() { # the fewest of three: others start and end processes meanwhile
  local n
  for n in 1 2 3; do
    strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$COFFER" --root "$ROOT" audit >/dev/null
    wc -l <"$BATS_TEST_TMPDIR/trace"
  done | sort -n | head -n 1
}

@test "audit: a state directory that is not there" {
  run "$COFFER" --root "$BATS_TEST_TMPDIR/none" audit
  assert_status 1
  assert_has 'no such file or directory'
  run "$COFFER" --root "$BATS_TEST_TMPDIR/none" whois 4294967294
  assert_status 1
  assert_has 'nobody has uid 4294967294'
}

@test "audit and whois without privileges" {
  requires rootless userns
  setup_bundle
  rm "$BUNDLE/config.json"
  chmod 777 "$BUNDLE"
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["sleep", "600"]'
  chown -R "$TEST_NAME" "$BUNDLE/rootfs"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  as_user "$COFFER" run --detach --bundle "$BUNDLE" "$CID" </dev/null >"$BATS_TEST_TMPDIR/log" 2>&1
  run as_user "$COFFER" audit
  as_user "$COFFER" whois "$(id -u "$TEST_NAME")" >"$BATS_TEST_TMPDIR/whois" || true
  as_user "$COFFER" delete --force "$CID"
  assert_status 0
  assert_match "user-namespace +its own, made by host uid $(id -u "$TEST_NAME"); its root is host uid $(id -u "$TEST_NAME")"
  assert_match '^ +ok +id-ranges '
  assert_lacks 'could not be read'
  grep -q "^container $CID: uid 0 inside" "$BATS_TEST_TMPDIR/whois"
}

@test "whois: containers, accounts, nobody, bad ids" {
  userns_container
  run cof whois $((FIRST + 65535))
  assert_status 0
  assert_line "container $CID: uid 65535 inside, pid $PID, own user namespace, 0-65535 is $FIRST-$((FIRST + 65535)) on the host"
  run cof whois --gid --format json "$FIRST"
  assert_status 0
  assert_same json "[{\"kind\":\"container\",\"name\":\"$CID\",\"mapping\":\"own\",\"idInside\":0,\"pid\":$PID,\"range\":{\"hostID\":$FIRST,\"size\":65536,\"containerID\":0}}]" "$output"
  run cof whois 0
  assert_line 'account root'
  run cof whois --gid 0
  assert_line 'group root'
  run cof whois $((FIRST + 65536))
  assert_status 1
  assert_line "nobody has uid $((FIRST + 65536))"
  run cof whois -f json $((FIRST + 65536))
  assert_status 1
  assert_same json '[]' "$output"
  for bad in x -1 '' 4294967295 99999999999999999999 1x; do
    run cof whois -- "$bad"
    assert_status 1
    assert_has 'is no id'
  done
}

@test "whois: a container without a map, and another user namespace" {
  plain_container '.process.user = {uid: 730999, gid: 730998}'
  run cof whois 730999
  assert_status 0
  assert_line "container $CID: uid 730999 inside, pid $PID, no user namespace of its own"
  unshare --user sleep 600 &
  background $!
  wait_for 10 not test /proc/$!/ns/user -ef /proc/self/ns/user
  echo "0 731000 5" >/proc/$!/uid_map
  run cof whois 731004
  assert_status 0
  assert_line "user namespace of process $! (sleep), which maps 731000-731004"
}
