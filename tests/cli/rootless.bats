#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Containers of an ordinary user: with the own id alone, and with subordinate ids.

load helpers

setup() { setup_rootless_bundle; }

teardown() {
  local status=0 entry
  for entry in "$ROOT"/*/; do
    [ ! -d "$entry" ] || as_user "$COFFER" delete --force "$(basename "$entry")" || status=1
  done
  restore_subids
  teardown_bundle || status=1
  return "$status"
}

user_run() { # user_run [OPTION...]
  run as_user timeout 60 "$COFFER" run --bundle "$BUNDLE" "$@" "$CID"
}

user_testinit() {
  set_args testinit "$@"
  user_run
  assert_status 0
}

map_subids() { # own id is root, 1... are the subordinate ones
  bundle_edit '.linux.uidMappings = [{containerID: 0, hostID: $u, size: 1}, {containerID: 1, hostID: $f, size: $s}]
    | .linux.gidMappings = [{containerID: 0, hostID: $g, size: 1}, {containerID: 1, hostID: $f, size: $s}]' \
    --argjson u "$USER_ID" --argjson g "$USER_GID" --argjson f "$1" --argjson s "$2"
}

@test "coffer spec --rootless runs as it is, with the own id alone" {
  user_testinit ids + nsids
  assert_line 'uid ruid=0 euid=0 suid=0'
  assert_match "^ +0 +$USER_ID +1$"
  assert_match "^ +0 +$USER_GID +1$"
  assert_line deny
}

@test "exit status, streams" {
  set_args sh -c 'read x; echo "got $x"; exit 7'
  run bash -c 'echo hello | "$@"' bash setpriv --reuid "$TEST_NAME" --regid "$USER_GID" --clear-groups env -i "XDG_RUNTIME_DIR=$RUNDIR" PATH=/usr/bin:/bin \
    "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 7
  assert_line 'got hello'
}

@test "the process is the user's outside" {
  set_args testinit sleep
  as_user "$COFFER" run --detach --bundle "$BUNDLE" --pid-file "$RUNDIR/pid" "$CID" >/dev/null </dev/null
  pid=$(cat "$RUNDIR/pid")
  assert_same uid "$USER_ID" "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")"
  for ns in user mnt pid ipc uts; do
    assert_differ "$ns" "$(readlink /proc/self/ns/$ns)" "$(readlink "/proc/$pid/ns/$ns")"
  done
}

@test "the whole life: create, state, start, kill, delete" {
  set_args sleep 100
  as_user "$COFFER" create --bundle "$BUNDLE" "$CID" >/dev/null </dev/null
  assert_same status created "$(as_user "$COFFER" state "$CID" | jq -r .status)"
  as_user "$COFFER" start "$CID"
  assert_same status running "$(as_user "$COFFER" state "$CID" | jq -r .status)"
  [[ $(as_user "$COFFER" list) == *"$CID"*running*"$TEST_NAME"* ]]
  as_user "$COFFER" kill "$CID" KILL
  wait_for 5 stopped
  as_user "$COFFER" delete "$CID"
  run as_user "$COFFER" state "$CID"
  assert_status 1
  assert_has 'container does not exist'
}
stopped() { [ "$(as_user "$COFFER" state "$CID" | jq -r .status)" = stopped ]; }

@test "state directory: coffer below XDG_RUNTIME_DIR, mode 01700" {
  user_run --keep
  assert_status 0
  assert_same directory "drwx-----T $TEST_NAME" "$(stat -c '%A %U' "$RUNDIR/coffer")"
  [ -d "$RUNDIR/coffer/$CID" ]
  as_user "$COFFER" delete "$CID"
}

@test "without XDG_RUNTIME_DIR: an error that names the variable" {
  run as_user env -u XDG_RUNTIME_DIR "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has XDG_RUNTIME_DIR
  assert_has /run/coffer
  run as_user env XDG_RUNTIME_DIR= "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has XDG_RUNTIME_DIR
}

@test "an explicit root" {
  run as_user "$COFFER" --root "$RUNDIR/my/root" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ] || { mkdir "$RUNDIR/my"; chown "$TEST_NAME" "$RUNDIR/my"; run as_user "$COFFER" --root "$RUNDIR/my/root" run --bundle "$BUNDLE" "$CID"; }
  assert_status 0
  assert_same mode 700 "$(stat -c %a "$RUNDIR/my/root")"
}

@test "another user's container cannot be touched, nor seen" {
  set_args sleep 100
  as_user "$COFFER" create --bundle "$BUNDLE" "$CID" >/dev/null </dev/null
  run setpriv --reuid 65533 --regid 65533 --clear-groups "$COFFER" --root "$ROOT" kill "$CID" KILL
  assert_status 1
  status=created
  assert_same status created "$(as_user "$COFFER" state "$CID" | jq -r .status)"
}

@test "mounts, devices, masks work" {
  mkdir "$BUNDLE/vol"
  echo of-the-user >"$BUNDLE/vol/f"
  chown -R "$TEST_NAME" "$BUNDLE/vol"
  bundle_edit '.mounts += [{destination: "/mnt", source: "vol", options: ["bind"]}, {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["noexec"]}]'
  set_args sh -c 'cat /mnt/f; echo new >/mnt/new; echo x >/tmp/x && cat /tmp/x; echo gone >/dev/null; head -c 2 /dev/zero | wc -c; echo y 2>&1 >/proc/sys/kernel/shmmax; touch /readonly-root 2>&1; ls /sys | wc -l'
  user_run
  assert_line of-the-user
  assert_line x
  assert_line 2
  assert_has 'Read-only file system'
  assert_same owner "$TEST_NAME" "$(stat -c %U "$BUNDLE/vol/new")"
}

@test "the host's tree is read-only below /sys" {
  requires cgroup-v1
  user_testinit mountinfo
  while read -r point options; do
    [[ $options =~ ^ro ]] || { echo "$point is $options" >&2; false; }
  done < <(awk '$5 == "/sys" || $5 ~ "^/sys/" { print $5, $6 }' <<<"$output")
}

@test "additional groups cannot be set with the own group alone" {
  bundle_edit '.process.user.additionalGids = [0]'
  user_run
  assert_status 1
  assert_has process.user.additionalGids
}

@test "no user namespace in the configuration" {
  bundle_edit 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings)'
  user_run
  assert_status 1
  assert_has 'rootless container requires user namespaces'
}

@test "a user inside that is not mapped" {
  bundle_edit '.process.user = {uid: 1000, gid: 0}'
  user_run
  assert_status 1
  assert_has 'process.user.uid'
  assert_has 1000
}

@test "subordinate ids: the whole range by newuidmap and newgidmap" {
  requires newuidmap
  give_subids 500000 65536
  map_subids 500000 65536
  bundle_edit '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 6]}'
  user_testinit ids + nsids
  assert_line 'uid ruid=1000 euid=1000 suid=1000'
  assert_line 'groups 5 6'
  assert_match "^ +0 +$USER_ID +1$"
  assert_match '^ +1 +500000 +65536$'
  assert_line allow
  set_args testinit sleep
  as_user "$COFFER" run --detach --bundle "$BUNDLE" --pid-file "$RUNDIR/pid" "$CID" >/dev/null </dev/null
  assert_same 'uid outside' 500999 "$(awk '/^Uid:/ { print $2 }' "/proc/$(cat "$RUNDIR/pid")/status")"
}

@test "subordinate ids: files, chown, tmpfs with other owners" {
  requires newuidmap
  give_subids 500000 65536
  map_subids 500000 65536
  mkdir "$BUNDLE/vol"
  chown "$TEST_NAME" "$BUNDLE/vol"
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_CHOWN"]) | .mounts += [{destination: "/mnt", source: "vol", options: ["bind"]}]'
  set_args sh -c 'touch /mnt/f && chown 33:33 /mnt/f && stat -c %u:%g /mnt/f'
  user_run
  assert_status 0
  assert_line 33:33
  assert_same outside 500032:500032 "$(stat -c %u:%g "$BUNDLE/vol/f")"
}

@test "a range that is not delegated: refused, the field, the user and the file are named" {
  requires newuidmap
  give_subids 500000 1000
  map_subids 500000 65536
  user_run
  assert_status 1
  assert_match 'linux.[ug]idMappings\[1\]'
  assert_has "$TEST_NAME"
  assert_match '/etc/sub[ug]id'
  assert_has 'not delegated'
  # Another user's ids.
  map_subids 100000 10
  user_run
  assert_status 1
  assert_match 'linux.[ug]idMappings\[1\]'
  run as_user "$COFFER" state "$CID"
  assert_has 'does not exist'
}

@test "host root or another user's id as own: refused" {
  for id in 0 1 $((USER_ID + 1)); do
    bundle_edit '.linux.uidMappings = [{containerID: 0, hostID: $i, size: 1}]' --argjson i "$id"
    user_run
    assert_status 1
    assert_has 'linux.uidMappings[0]'
  done
}

@test "newuidmap is missing: the error names it and the package" {
  requires newuidmap
  give_subids 500000 65536
  map_subids 500000 65536
  [ "$(readlink -f /bin)" = /usr/bin ] || skip '/bin is a directory of its own'
  # /usr/bin with next to nothing in it, for this process only.
  run unshare --mount --propagation private bash -c '
    set -e
    mkdir "$1/new"
    cp /usr/bin/env /usr/bin/setpriv "$1/new/"
    mount --bind "$1/new" /usr/bin
    shift
    exec "$@"' bash "$BATS_TEST_TMPDIR" \
    setpriv --reuid "$TEST_NAME" --regid "$USER_GID" --clear-groups env -i PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=$RUNDIR" "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_match 'new[ug]idmap'
  assert_match 'linux.[ug]idMappings'
}

@test "a helper in PATH is not believed" {
  requires newuidmap
  give_subids 500000 65536
  map_subids 500000 65536
  mkdir "$BATS_TEST_TMPDIR/evil"
  for name in newuidmap newgidmap; do
    printf '#!/bin/sh\ntouch %s/was-run\n' "$RUNDIR" >"$BATS_TEST_TMPDIR/evil/$name"
    chmod 755 "$BATS_TEST_TMPDIR/evil/$name"
  done
  run as_user env PATH="$BATS_TEST_TMPDIR/evil:/usr/bin:/bin" "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  [ ! -e "$RUNDIR/was-run" ]
}

@test "limits: ignored where permissions miss, an error when --rootless=false" {
  bundle_edit '.linux.resources.pids = {limit: 100}'
  user_run
  assert_status 0
  run as_user "$COFFER" --rootless=false run --bundle "$BUNDLE" "$CID"
  assert_status 1
}

@test "hooks run as the user" {
  printf '#!/bin/sh\nid -u >%s/hook-uid\n' "$RUNDIR" >"$BATS_TEST_TMPDIR/hook"
  chmod 755 "$BATS_TEST_TMPDIR/hook"
  bundle_edit '.hooks = {createRuntime: [{path: $p}], poststop: [{path: $p}]}' --arg p "$BATS_TEST_TMPDIR/hook"
  user_run
  assert_status 0
  assert_same uid "$USER_ID" "$(cat "$RUNDIR/hook-uid")"
}

@test "a terminal" {
  bundle_edit '.process.terminal = true'
  chown "$TEST_NAME" "$BUNDLE/config.json"
  set_args testinit tty
  chown "$TEST_NAME" "$RUNDIR"
  setpriv --reuid "$TEST_NAME" --regid "$USER_GID" --clear-groups "$COFFER_TESTBIN/recvtty" "$RUNDIR/sock" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/report" 3>&- &
  receiver=$!
  background "$receiver"
  wait_for 5 test -S "$RUNDIR/sock"
  as_user "$COFFER" create --bundle "$BUNDLE" --console-socket "$RUNDIR/sock" "$CID" </dev/null
  as_user "$COFFER" start "$CID"
  wait "$receiver"
  grep -q '^tty fd=0 name=/dev/pts/0 ' "$BATS_TEST_TMPDIR/out"
}

@test "a seccomp profile, and its cache in the user's own directory" {
  bundle_edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 71}]}'
  user_testinit syscall mkdirat
  assert_line mkdirat=EPROTO
  user_testinit syscall mkdirat
  assert_line mkdirat=EPROTO
  assert_same owner "$TEST_NAME" "$(find "$ROOT/.cache/seccomp" -type f -printf '%u\n')"
}

@test "root in a user namespace: the same commands, state below XDG_RUNTIME_DIR" {
  requires newuidmap
  give_subids 500000 65536
  # What podman does: everything happens as root of the user's own namespace.
  bundle_edit 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings)'
  set_args testinit ids + nsids
  run as_user unshare --user --map-root-user --mount timeout 60 "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line 'uid ruid=0 euid=0 suid=0'
  assert_match "^ +0 +$USER_ID +1$"
  [ -d "$RUNDIR/coffer" ]
}

@test "exec: the own id alone, then subordinate ids; only what is mapped" {
  set_args sleep 100
  as_user "$COFFER" run --detach --bundle "$BUNDLE" "$CID" >/dev/null </dev/null
  run as_user "$COFFER" exec "$CID" sh -c 'id -u; grep CapEff /proc/self/status; exit 4'
  assert_status 4
  assert_line 0
  run as_user "$COFFER" exec --user 1 "$CID" id
  assert_status 255
  assert_has 'unmapped uid 1'
  as_user "$COFFER" exec --detach --pid-file "$RUNDIR/pid" "$CID" sleep 90 >/dev/null </dev/null
  assert_same uid "$USER_ID" "$(awk '/^Uid:/ { print $2 }' "/proc/$(cat "$RUNDIR/pid")/status")"
  as_user "$COFFER" delete --force "$CID"
  wait_for 5 not test -e "/proc/$(cat "$RUNDIR/pid")/exe"
}

@test "exec with a terminal, OOM score and limits, as an ordinary user" {
  set_args sleep 100
  bundle_edit '.process.oomScoreAdj = 500 | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}]'
  as_user "$COFFER" run --detach --bundle "$BUNDLE" "$CID" >/dev/null </dev/null
  run as_user "$COFFER" exec "$CID" sh -c 'cat /proc/self/oom_score_adj; ulimit -n'
  assert_status 0
  assert_line 500
  assert_line 50
  run as_user "$COFFER" exec --tty "$CID" tty
  assert_status 0
  assert_match '^/dev/pts/'
}

@test "mounts add and remove, also a NOTIFY_SOCKET and a seccomp listener" {
  local data=$BATS_TEST_TMPDIR/data file=$BATS_TEST_TMPDIR/m.json
  mkdir "$data" && echo secret >"$data/f"
  echo '[{"destination": "/mnt/x", "type": "tmpfs"}, {"destination": "/mnt/y", "source": "'"$data"'", "options": ["rbind", "ro"]}, {"destination": "/mnt/f", "source": "'"$data/f"'", "options": ["bind"]}]' >"$file"
  chown -R "$TEST_NAME" "$BUNDLE/rootfs"
  bundle_edit '.root.readonly = false'
  set_args sleep 60
  as_user "$COFFER" run --detach --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
  pid=$(as_user "$COFFER" state "$CID" | jq .pid)
  run as_user "$COFFER" mounts add "$CID" "$file"
  assert_status 0
  grep -q secret "/proc/$pid/root/mnt/y/f"
  grep -q secret "/proc/$pid/root/mnt/f"
  run as_user "$COFFER" mounts remove "$CID" "$file"
  assert_status 0
  not grep -q ' /mnt/' "/proc/$pid/mountinfo"
  as_user "$COFFER" delete --force "$CID"
  python3 "$BATS_TEST_DIRNAME/../tools/notify-manager.py" "$RUNDIR/m" >"$BATS_TEST_TMPDIR/told" 2>&1 </dev/null 3>&- &
  BACKGROUND_PIDS=$!
  wait_for 10 test -S "$RUNDIR/m"
  chmod 777 "$RUNDIR/m"
  set_args testinit notify
  run as_user env NOTIFY_SOCKET="$RUNDIR/m" "$COFFER" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line notify=OK
  wait_for 5 grep -q BARRIER "$BATS_TEST_TMPDIR/told"
  as_user "$COFFER_TESTBIN/seccomp-agent" "$RUNDIR/a" >"$BATS_TEST_TMPDIR/told" 2>&1 </dev/null 3>&- &
  BACKGROUND_PIDS="$BACKGROUND_PIDS $!"
  wait_for 10 test -S "$RUNDIR/a"
  bundle_edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $l, syscalls: [{names: ["getpid"], action: "SCMP_ACT_NOTIFY"}]}' --arg l "$RUNDIR/a"
  for nnp in true false; do
    bundle_edit '.process.noNewPrivileges = $n' --argjson n $nnp
    user_testinit syscall getpid
    assert_line getpid=EPROTO
  done
}
