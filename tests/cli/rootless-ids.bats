#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an ordinary user can map: many ranges, its own id in the middle of others, subordinate ids by name and by number,
# none at all; files that say nothing useful; settings of the host that forbid it.

load helpers

setup() { setup_rootless_bundle; }

teardown() {
  restore_subids
  teardown_bundle
}

user_run() { # user_run [OPTION...]
  run as_user timeout 60 "$COFFER" --log-format json run --bundle "$BUNDLE" "$@" "$CID"
}

nothing_left() {
  [ -z "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name .cache ! -name .ids 2>/dev/null)" ]
}

refused() { # refused CODE FIELD TEXT...
  user_run
  assert_status 1
  assert_same code "$1" "$(jq -r .code <<<"$output")"
  assert_match "\"field\":\"$2\""
  shift 2
  for text in "$@"; do assert_has "$text"; done
  nothing_left
}

both_maps() { # both_maps JQ: of [{containerID, hostID, size}]; $u and $g are the own ids
  bundle_edit ".linux.uidMappings = (\$u as \$own | $1) | .linux.gidMappings = (\$g as \$own | $1)" \
    --argjson u "$USER_ID" --argjson g "$USER_GID"
}

# Files of /etc as the user sees them: bound over in a mount namespace of the test.
with_subids() { # with_subids SUBUID-FILE SUBGID-FILE: sets status and output
  run unshare --mount --propagation private bash -c 'mount --bind "$1" /etc/subuid && mount --bind "$2" /etc/subgid && shift 2 && exec "$@"' bash "$1" "$2" \
    setpriv --reuid "$TEST_NAME" --regid "$USER_GID" --clear-groups env -i PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=$RUNDIR" \
    timeout 60 "$COFFER" --log-format json run --bundle "$BUNDLE" "$CID"
}

@test "as many ranges as the kernel takes, by the helpers; one more is refused" {
  requires newuidmap
  give_subids 5000 1000
  both_maps '[{containerID: 0, hostID: $own, size: 1}] + [range(1; 340) | {containerID: ., hostID: (. * 2 + 5000), size: 1}]'
  bundle_edit '.process.user = {uid: 339, gid: 338, additionalGids: [1, 200]}'
  set_args sh -c 'wc -l </proc/self/uid_map; wc -l </proc/self/gid_map; id; tail -n 1 /proc/self/uid_map'
  user_run
  assert_status 0
  assert_same 'two files' 2 "$(grep -cx 340 <<<"$output")"
  assert_has 'uid=339 gid=338 groups=1,200'
  both_maps '[{containerID: 0, hostID: $own, size: 1}] + [range(1; 341) | {containerID: ., hostID: (. * 2 + 5000), size: 1}]'
  refused idmap-too-many linux.uidMappings 340
}

@test "keep-id: the own id is itself inside, with subordinate ids below and above it" {
  requires newuidmap
  give_subids 500000 65536
  both_maps '[{containerID: 0, hostID: 500000, size: $own}, {containerID: $own, hostID: $own, size: 1},
    {containerID: ($own + 1), hostID: (500000 + $own), size: (65535 - $own)}]'
  bundle_edit '.process.user = {uid: $u, gid: $g}' --argjson u "$USER_ID" --argjson g "$USER_GID"
  mkdir "$BUNDLE/home"
  chown "$USER_ID:$USER_GID" "$BUNDLE/home"
  chmod 700 "$BUNDLE/home"
  bundle_edit '.mounts += [{destination: "/mnt", source: "home", options: ["rbind"]}]'
  set_args sh -c 'cat /proc/self/uid_map; id -u; id -g; echo mine >/mnt/file; stat -c "%u:%g" /mnt /mnt/file; cat /proc/self/setgroups; stat -c "root %u" /dev/shm'
  user_run
  assert_status 0
  assert_line "$USER_ID:$USER_GID"
  assert_line 'root 0'
  assert_line allow
  assert_same 'owner outside' "$USER_ID:$USER_GID" "$(stat -c %u:%g "$BUNDLE/home/file")"
  # Root inside is a subordinate id outside, and may look into what belongs to the user all the same.
  bundle_edit '.process.user = {uid: 0, gid: 0}'
  set_args testinit sleep
  as_user "$COFFER" run --detach --bundle "$BUNDLE" --pid-file "$RUNDIR/pid" "$CID" >/dev/null </dev/null
  assert_same 'root outside' 500000 "$(awk '/^Uid:/ { print $2 }' "/proc/$(cat "$RUNDIR/pid")/status")"
  as_user "$COFFER" delete --force "$CID"
}

@test "subordinate ids are found by the number of the user as well, and may be in pieces" {
  requires newuidmap
  give_subids 500000 1000
  sed -i "s/^$TEST_NAME:.*/$USER_ID:500000:1000/" /etc/subuid /etc/subgid
  printf '%s:501000:1000\n' "$USER_ID" | tee -a /etc/subuid >>/etc/subgid
  both_maps '[{containerID: 0, hostID: $own, size: 1}, {containerID: 1, hostID: 500000, size: 1000}, {containerID: 1001, hostID: 501000, size: 1000}]'
  set_args cat /proc/self/uid_map
  user_run
  assert_status 0
  assert_match '^ +1001 +501000 +1000$'
}

@test "none at all: other users and groups are refused with the reason and the way" {
  # The files exist and name others.
  give_subids 500000 1
  sed -i "/^$TEST_NAME:/d" /etc/subuid /etc/subgid
  set_args sh -c 'cat /proc/self/setgroups; id -u'
  user_run
  assert_status 0
  assert_line deny
  bundle_edit '.process.user = {uid: 0, gid: 0, additionalGids: [5]}'
  refused idmap-uncovered 'process.user.additionalGids\[0\]' 'subordinate ids' usermod
  bundle_edit '.process.user = {uid: 0, gid: 0, additionalGids: [0]}'
  refused setgroups-denied process.user.additionalGids 'subordinate ids' usermod
  bundle_edit '.process.user = {uid: 33, gid: 0}'
  refused idmap-uncovered process.user.uid 'subordinate ids' usermod
  bundle_edit '.process.user = {uid: 0, gid: 0}'
  requires newuidmap
  both_maps '[{containerID: 0, hostID: $own, size: 1}, {containerID: 1, hostID: 500000, size: 10}]'
  refused idmap-subid 'linux.gidMappings\[1\].hostID' "not delegated to user \`$TEST_NAME\` ($USER_ID) in \`/etc/subgid\`" 'usermod --add-subgids'
}

@test "a line of the user that cannot be read is named, with its file" {
  requires newuidmap
  [ -e /etc/subuid ] && [ -e /etc/subgid ] || skip '/etc/subuid or /etc/subgid does not exist'
  both_maps '[{containerID: 0, hostID: $own, size: 1}, {containerID: 1, hostID: 500000, size: 10}]'
  local bad
  for bad in 500000 500000:ten 500000:10:10 4294967290:100 -1:10 :; do
    printf 'other:1:\n\n%s:%s\n' "$TEST_NAME" "$bad" >"$BATS_TEST_TMPDIR/bad"
    with_subids "$BATS_TEST_TMPDIR/bad" "$BATS_TEST_TMPDIR/bad"
    assert_status 1
    assert_same code idmap-subid "$(jq -r .code <<<"$output")"
    assert_has '/etc/subgid:3 cannot be read'
    nothing_left
  done
}

@test "a file of 100 MB is refused by its name, quickly, and one without an end of line is read" {
  requires newuidmap
  [ -e /etc/subuid ] && [ -e /etc/subgid ] || skip '/etc/subuid or /etc/subgid does not exist'
  both_maps '[{containerID: 0, hostID: $own, size: 1}, {containerID: 1, hostID: 500000, size: 10}]'
  truncate -s 100M "$BATS_TEST_TMPDIR/big"
  SECONDS=0
  with_subids "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/big"
  assert_status 1
  assert_has '/etc/subgid'
  assert_has 'too large'
  [ "$SECONDS" -lt 20 ]
  nothing_left
  printf '%s:500000:10' "$TEST_NAME" >"$BATS_TEST_TMPDIR/last"
  set_args cat /proc/self/uid_map
  with_subids "$BATS_TEST_TMPDIR/last" "$BATS_TEST_TMPDIR/last"
  assert_status 0
  assert_match '^ +1 +500000 +10$'
}

@test "XDG_RUNTIME_DIR: not absolute, not there, not writable: the variable and the directory are named" {
  set_args true
  mkdir -m 755 "$BATS_TEST_TMPDIR/not-mine"
  for value in relative/dir . "$BATS_TEST_TMPDIR/missing" "$BATS_TEST_TMPDIR/not-mine" /etc/passwd; do
    run as_user env XDG_RUNTIME_DIR="$value" "$COFFER" run --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has XDG_RUNTIME_DIR
    case $value in
      /*) assert_has "\`$value/coffer\`" ;;
      *) assert_has 'not an absolute path' ;;
    esac
  done
}

@test "limits of the host: the sysctl is named" {
  # In a user namespace of the test these are private.
  install -d -m 700 -o 100000 -g 100000 "$BATS_TEST_TMPDIR/in"
  rm "$BUNDLE/config.json"
  "$COFFER" spec --bundle "$BUNDLE" --userns 1000:1000
  bundle_edit '.process.terminal = false | .process.args = ["true"]'
  chown -R --no-dereference 101000:101000 "$BUNDLE/rootfs"
  for kind in user net; do
    run in_userns '0 100000 65536' 0 sh -c 'echo 0 >"/proc/sys/user/max_$1_namespaces" || exit 99; shift; exec "$@"' sh "$kind" \
      "$COFFER" --root "$BATS_TEST_TMPDIR/in" --id-ledger "$BATS_TEST_TMPDIR/in/ids" --cgroup-manager disabled --log-format json run --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has "user.max_${kind}_namespaces"
    assert_has "is 0"
  done
}
