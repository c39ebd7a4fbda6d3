#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer mounts add, coffer mounts remove: mounts in a container that runs.

load helpers

setup() { requires root; setup_bundle; D=$BATS_TEST_TMPDIR/data; mkdir "$D"; echo secret >"$D/file"; mkdir "$D/sub"; chmod -R a+rX "$D" "$BATS_TEST_TMPDIR"; }
teardown() { umount "$BATS_TEST_TMPDIR/tmpfs" 2>/dev/null || true; teardown_bundle; }

running() { # running: a container that does what is written into its FIFO-less mailbox /dev/shm/do
  bundle_edit '.root.readonly = false'
  set_args sh -c 'while :; do if [ -e /dev/shm/do ]; then mv /dev/shm/do /dev/shm/doing; sh /dev/shm/doing >/dev/shm/out 2>&1; mv /dev/shm/out /dev/shm/done; fi; sleep 0.02; done'
  det run --detach --bundle "$BUNDLE" "${1:-$CID}"
  assert_status 0
  PID=$(cof state "${1:-$CID}" | jq .pid)
  SHM=/proc/$PID/root/dev/shm
}

inside() { # inside SCRIPT: runs in the container as its own process; output in $output
  local enter=(nsenter -t "$PID" -m)
  [ -z "${USERNS:-}" ] || enter+=(-U -S 0 -G 0)
  "${enter[@]}" rm -f /dev/shm/done
  printf '%s\n' "$1" | "${enter[@]}" sh -c 'cat >/dev/shm/.do && mv /dev/shm/.do /dev/shm/do'
  wait_for 10 "${enter[@]}" test -e /dev/shm/done
  output=$("${enter[@]}" cat /dev/shm/done)
}

mounts() { # mounts add|remove JSON
  echo "$2" >"$BATS_TEST_TMPDIR/mounts.json"
  run cof mounts "$1" "$CID" "$BATS_TEST_TMPDIR/mounts.json"
}

table() { cut -d' ' -f5,6 "/proc/$PID/mountinfo"; }

@test "add and remove: bind of a directory, of a file, a tmpfs; host and others see nothing" {
  running
  before=$(table)
  host_before=$(cut -d' ' -f5- /proc/self/mountinfo)
  mounts add '[{"destination": "/data", "type": "bind", "source": "'"$D"'", "options": ["rbind", "ro", "nosuid"]},
    {"destination": "/etc/one", "source": "'"$D/file"'", "options": ["bind"]},
    {"destination": "/var/t", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "mode=0700", "noexec"]}]'
  assert_status 0
  assert_same silent '' "$output"
  inside 'cat /data/file /etc/one; touch /data/new; echo x >/var/t/x && stat -c %a /var/t; grep " /data " /proc/self/mounts'
  assert_match '^secret$'
  assert_match 'touch: /data/new: Read-only file system'
  assert_line 700
  assert_match ' /data .*ro,nosuid'
  assert_same host "$host_before" "$(cut -d' ' -f5- /proc/self/mountinfo)"
  jq -e '[.mounts[].destination] == ["/data", "/etc/one", "/var/t"]' "$ROOT/$CID/mounts.json"
  mounts remove '[{"destination": "/etc/one"}, {"destination": "/data"}]'
  assert_status 0
  inside 'ls /data /etc/one; cat /etc/one; cat /var/t/x'
  assert_lacks secret
  assert_line x
  mounts remove '[{"destination": "/var/t/"}]'
  assert_status 0
  assert_same table "$before" "$(table)"
  jq -e '.mounts == []' "$ROOT/$CID/mounts.json"
}

@test "user namespace: attached in its own, id-mapped where asked, unprivileged flags" {
  setup_userns_bundle u
  USERNS=1
  running
  chown 0:0 "$D/file"; chmod 600 "$D/file"
  mounts add '[{"destination": "/plain", "source": "'"$D"'", "options": ["bind"]},
    {"destination": "/mapped", "source": "'"$D"'", "options": ["bind", "idmap", "ro"]},
    {"destination": "/t", "type": "tmpfs"}]'
  assert_status 0
  inside 'stat -c "plain %u" /plain/file; stat -c "mapped %u" /mapped/file; cat /mapped/file; touch /t/x; stat -c "t %u" /t/x; grep " /plain " /proc/self/mounts'
  assert_line 'plain 65534'
  assert_line 'mapped 0'
  assert_line secret
  assert_line 't 0'
  assert_match ' /plain .*nosuid,nodev'
  mounts remove '[{"destination": "/plain"}, {"destination": "/mapped"}, {"destination": "/t"}]'
  assert_status 0
  not grep -qE ' (/plain|/mapped|/t) ' "/proc/$PID/mountinfo"
}

@test "several at one place and below each other; the newest goes first, whatever the order" {
  running
  for i in 1 2 3; do mkdir "$D/d$i"; echo "$i" >"$D/d$i/n"; done
  mounts add '[{"destination": "/a", "source": "'"$D/d1"'", "options": ["bind"]}, {"destination": "/a", "source": "'"$D/d2"'", "options": ["bind"]}, {"destination": "/a/b", "type": "tmpfs"}]'
  assert_status 0
  mounts add '[{"destination": "/a/b/c", "source": "'"$D/d3"'", "options": ["bind"]}]'
  assert_status 0
  inside 'cat /a/n /a/b/c/n'
  assert_same numbers '2 3' "$(echo $output)"
  mounts remove '[{"destination": "/a"}, {"destination": "/a/b"}, {"destination": "/a/b/c"}]'
  assert_status 0
  inside 'cat /a/n'
  assert_same number 1 "$output"
  mounts remove '[{"destination": "/a"}]'
  assert_status 0
  mounts remove '[{"destination": "/a"}]'
  assert_status 1
  assert_match 'mounts\[0\].destination: ./a. was not mounted by .mounts add.|./a. was not mounted by .mounts add.'
}

@test "a recursive bind with mounts below is one, also for remove" {
  running
  mkdir -p "$BATS_TEST_TMPDIR/tmpfs/in"
  unshare -m true || skip 'no mount namespaces'
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/tmpfs" && mkdir "$BATS_TEST_TMPDIR/tmpfs/in" && mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/tmpfs/in"
  echo deep >"$BATS_TEST_TMPDIR/tmpfs/in/f"
  mounts add '[{"destination": "/r", "source": "'"$BATS_TEST_TMPDIR/tmpfs"'", "options": ["rbind"]}]'
  assert_status 0
  inside 'cat /r/in/f'
  assert_line deep
  umount "$BATS_TEST_TMPDIR/tmpfs/in"
  mounts remove '[{"destination": "/r"}]'
  assert_status 0
  not grep -q ' /r' "/proc/$PID/mountinfo"
}

@test "standard input; an empty array; relative sources are relative to the bundle" {
  running
  mkdir "$BUNDLE/here"; echo hello >"$BUNDLE/here/f"
  run cof mounts add "$CID" - <<<'[{"destination": "/h", "source": "here", "options": ["bind"]}]'
  assert_status 0
  inside 'cat /h/f'
  assert_line hello
  mounts add ' [ ] '
  assert_status 0
  mounts remove '[]'
  assert_status 0
}

# ---- all or none ----

@test "all or none: a failure at the end takes everything back" {
  running
  before=$(table)
  for last in '{"destination": "/x", "source": "/nonexistent", "options": ["bind"]}' \
    '{"destination": "/etc/passwd/x", "source": "'"$D"'", "options": ["bind"]}' \
    '{"destination": "/etc/passwd", "source": "'"$D"'", "options": ["bind"]}' \
    '{"destination": "/x", "type": "nosuchfs"}' \
    '{"destination": "/x", "type": "tmpfs", "options": ["size=nonsense"]}' \
    '{"destination": "/proc/self", "type": "tmpfs"}' '{"destination": "/", "type": "tmpfs"}'; do
    mounts add '[{"destination": "/ok1", "source": "'"$D"'", "options": ["rbind"]}, {"destination": "/ok2", "type": "tmpfs"}, {"destination": "/etc/ok3", "source": "'"$D/file"'", "options": ["bind"]}, '"$last"']'
    assert_status 1
    assert_same "after $last" "$before" "$(table)"
    not grep -q destination "$ROOT/$CID/mounts.json"
  done
}

@test "remove is all or none as well" {
  running
  mounts add '[{"destination": "/one", "type": "tmpfs"}, {"destination": "/two", "type": "tmpfs"}]'
  assert_status 0
  mounts remove '[{"destination": "/one"}, {"destination": "/dev/shm"}]'
  assert_status 1
  assert_match './dev/shm. was not mounted by'
  # Covered by the container itself.
  bundle_edit '.' # nothing: the container has no CAP_SYS_ADMIN, so we do it for it
  nsenter -t "$PID" -m mount -t tmpfs over "/two"
  mounts remove '[{"destination": "/one"}, {"destination": "/two"}]'
  assert_status 1
  assert_match './two. is covered or was moved'
  table | grep -q '^/one '
  nsenter -t "$PID" -m umount /two
  # Unmounted by the container itself: done already.
  nsenter -t "$PID" -m umount /one
  mounts remove '[{"destination": "/one"}, {"destination": "/two"}]'
  assert_status 0
  not grep -qE ' /(one|two) ' "/proc/$PID/mountinfo"
  # What the container has mounted in its place is not ours.
  mounts add '[{"destination": "/one", "type": "tmpfs"}]'
  nsenter -t "$PID" -m umount /one
  nsenter -t "$PID" -m mount -t tmpfs own /proc/../etc
  nsenter -t "$PID" -m mount -t tmpfs own /one
  mounts remove '[{"destination": "/one"}]'
  grep -q ' /etc ' "/proc/$PID/mountinfo"
}

@test "a record that cannot be written: nothing stays" {
  running
  before=$(table)
  mkdir "$ROOT/$CID/mounts.json"
  mounts add '[{"destination": "/one", "type": "tmpfs"}]'
  assert_status 1
  assert_same table "$before" "$(table)"
  rmdir "$ROOT/$CID/mounts.json"
}

# ---- bad input ----

@test "not running: unknown, created, paused, stopped" {
  j='[{"destination": "/one", "type": "tmpfs"}]'
  CID=none mounts add "$j"
  assert_status 1
  assert_match 'container does not exist'
  set_args sleep 60
  det create --bundle "$BUNDLE" "$CID"
  for verb in add remove; do
    mounts $verb "$j"
    assert_status 1
    assert_match 'container not running'
  done
  cof start "$CID"
  if cof pause "$CID" 2>/dev/null; then
    mounts add "$j"
    assert_status 1
    assert_match 'container paused'
    cof resume "$CID"
  fi
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  mounts add "$j"
  assert_status 1
  assert_match 'container not running'
}

@test "malformed files name what is wrong" {
  running
  while IFS='|' read -r json text; do
    for verb in add remove; do
      mounts $verb "$json"
      assert_status 1
      assert_match "$text"
    done
  done <<'END'
|expected a JSON array
{}|expected a JSON array
"x"|expected a JSON array
[|expected a JSON array
[]]|expected a JSON array
[] , "process": []|expected a JSON array
[{]}|JSON
[{"destination": 1}]|mounts\[0\].destination
[{"destination": "/x"}, 7]|mounts\[1\]
[{"type": "tmpfs"}]|mounts\[0\].*destination
END
  run cof mounts add "$CID" "$BATS_TEST_TMPDIR/nosuch"
  assert_status 1
  assert_match 'open .*nosuch.*no such file or directory'
  run cof mounts add "$CID"
  assert_status 1
  run cof mounts change "$CID" -
  assert_status 1
  assert_match 'unknown subcommand'
  mounts add "$(jq -nc '[range(257) | {destination: "/x\(.)", type: "tmpfs"}]')"
  assert_status 1
  assert_match 'more than 256'
}

@test "what can only be mounted at creation is refused" {
  running
  for type in proc sysfs mqueue cgroup devpts; do
    mounts add '[{"destination": "/x", "type": "'$type'", "source": "'$type'"}]'
    assert_status 1
    assert_match 'shows a namespace'
  done
  for option in remount copy-symlink tmpcopyup; do
    mounts add '[{"destination": "/x", "type": "tmpfs", "options": ["'$option'"]}]'
    assert_status 1
    assert_match 'when a container is created only'
  done
  not test -e "$BUNDLE/rootfs/x"
}

@test "a container without a mount namespace of its own" {
  bundle_edit '.mounts = [] | del(.hostname) | .linux = {namespaces: [{type: "pid"}]} | .root.readonly = false'
  set_args sleep 60
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  mounts add '[{"destination": "/x", "type": "tmpfs"}]'
  assert_status 1
  assert_match 'mount namespace'
}

@test "read-only root: a missing target is an error, one that is there works" {
  bundle_edit '.root.readonly = true'
  set_args sleep 60
  det run --detach --bundle "$BUNDLE" "$CID"
  PID=$(cof state "$CID" | jq .pid)
  mounts add '[{"destination": "/missing", "type": "tmpfs"}]'
  assert_status 1
  assert_match 'read-only file system'
  mounts add '[{"destination": "/mnt", "type": "tmpfs"}]'
  assert_status 0
  table | grep -q '^/mnt '
}

# ---- hostile containers ----

@test "links out of the root: everything stays inside" {
  running
  canary=$BATS_TEST_TMPDIR/canary
  mkdir "$canary"; touch "$canary/host"
  host_before=$(cut -d' ' -f5- /proc/self/mountinfo)
  inside "ln -s $canary /abs; ln -s ../../../../../..$canary /rel; ln -s /proc/1/root$canary /magic; ln -s /proc/self /p; ln -s /proc/1/cwd /cwd"
  mounts add '[{"destination": "/abs", "type": "tmpfs"}, {"destination": "/rel/x", "type": "tmpfs"}]'
  # Resolved in the root of the container, where it is made, or an error; never on the host.
  assert_same host "$host_before" "$(cut -d' ' -f5- /proc/self/mountinfo)"
  assert_same canary host "$(ls "$canary")"
  for target in /magic /p/x /cwd /p; do
    mounts add '[{"destination": "'$target'", "type": "tmpfs"}]'
    assert_status 1
  done
  assert_same canary host "$(ls "$canary")"
  assert_same host "$host_before" "$(cut -d' ' -f5- /proc/self/mountinfo)"
}

@test "targets that are exchanged all the time, while mounts come and go" {
  running
  canary=$BATS_TEST_TMPDIR/canary
  mkdir "$canary"
  cat >"$SHM/swap" <<END
mkdir -p /v/w; (while :; do mv /v /v2; ln -s $canary /v; rm /v; mv /v2 /v; done) >/dev/null 2>&1 &
echo started
END
  inside 'sh /dev/shm/swap & sleep 0.1'
  host_before=$(cut -d' ' -f5- /proc/self/mountinfo)
  for i in {1..15}; do
    mounts add '[{"destination": "/v/w", "source": "'"$D"'", "options": ["bind"]}]'
    [ "$status" -ne 0 ] || mounts remove '[{"destination": "/v/w"}]'
  done
  assert_same host "$host_before" "$(cut -d' ' -f5- /proc/self/mountinfo)"
  assert_same canary '' "$(ls -A "$canary")"
}

@test "nobody in the container sees the process that mounts, nor a descriptor of it" {
  running
  cat >"$SHM/watch" <<'END'
n=0; while [ ! -e /dev/shm/stop ]; do for p in /proc/[0-9]*; do case $(readlink $p/exe 2>/dev/null) in *coffer*) echo "saw $p";; esac; done; n=$((n+1)); done; echo "looked $n"
END
  inside 'sh /dev/shm/watch >/dev/shm/watched 2>&1 & echo'
  for i in {1..10}; do
    mounts add '[{"destination": "/w", "type": "tmpfs"}]'
    assert_status 0
    mounts remove '[{"destination": "/w"}]'
    assert_status 0
  done
  touch "$SHM/stop"
  wait_for 5 grep -q looked "$SHM/watched"
  not grep -q saw "$SHM/watched"
}

@test "two at a time, and delete in the middle" {
  running
  for i in 1 2 3 4; do
    echo '[{"destination": "/p'$i'", "type": "tmpfs"}]' >"$BATS_TEST_TMPDIR/p$i.json"
    cof mounts add "$CID" "$BATS_TEST_TMPDIR/p$i.json" & pids="$pids $!"
  done
  for p in $pids; do wait "$p"; done
  assert_same stored 4 "$(jq '.mounts | length' "$ROOT/$CID/mounts.json")"
  for i in 1 2 3 4; do table | grep -q "^/p$i "; done
  (for i in {1..20}; do cof mounts remove "$CID" "$BATS_TEST_TMPDIR/p1.json"; cof mounts add "$CID" "$BATS_TEST_TMPDIR/p1.json"; done) >/dev/null 2>&1 &
  loop=$!
  sleep 0.3
  cof delete --force "$CID"
  wait $loop || true
  assert_no_residue
}
