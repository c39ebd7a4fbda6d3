#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer doctor: what it finds on this node, as root, as a user and in namespaces; that it changes nothing.

load helpers
load nest

setup() {
  new_ids
  JSON=$BATS_TEST_TMPDIR/findings.json
}

doctor() { # doctor [OPTION...] [PATH...]: findings in $JSON, status in $status
  status=0
  cof doctor --format json "$@" >"$JSON" || status=$?
}

verdict_of() { # verdict_of ID [PATH]: of the first finding
  jq -r --arg id "$1" --arg path "${2:-}" \
    'first(.[] | select(.id == $id and ($path == "" or .values.path == $path)) | .verdict) // "none"' "$JSON"
}

fact_of() { jq -r --arg id "$1" '.[] | select(.id == $id) | .fact + " | " + .remedy' "$JSON"; }

# Runs CMD in a mount namespace in which these files of /etc are the test's own: NAME=FILE...
with_etc() { # with_etc NAME=FILE... -- CMD...
  local script='' pair
  while [ "$1" != -- ]; do
    pair=$1
    script+="[ -e /etc/${pair%%=*} ] && mount --bind '${pair#*=}' /etc/${pair%%=*} || exit 77; "
    shift
  done
  shift
  unshare -m sh -c "$script"'exec "$@"' sh "$@"
}

@test "the table has a row for each finding, remedies below, and a sum" {
  run cof doctor
  [ "$status" -le 1 ]
  assert_match '^ok +kernel.version +Linux [0-9]'
  assert_match '^ok +kernel.openat2 '
  assert_match '^[a-z]+ +userns.create '
  assert_match '^[0-9]+ problems?, [0-9]+ warnings?, [0-9]+ notes?, [0-9]+ ok$'
  [ "$(grep -cvE '^(ok|note|warning|problem) +[a-z0-9.-]+ |^ +-> [^ ]|^$|, [0-9]+ ok$' <<<"$output")" = 0 ]
  assert_lacks $'\e'
}

@test "the JSON has id, verdict, fact, remedy and values of every finding" {
  doctor
  jq -e 'length > 30 and all(.[]; (keys | sort) == ["fact", "id", "remedy", "values", "verdict"]
    and (.id | test("^[a-z]+([.][a-z0-9-]+)?$")) and (.fact | length > 0) and (.values | type == "object")
    and (.verdict | IN("ok", "note", "warning", "problem")))' "$JSON"
  jq -e 'all(.[]; .verdict == "ok" or .verdict == "note" or .remedy != "")' "$JSON"
}

@test "the exit status is 1 for a problem, with --fail-on warning for a warning too" {
  doctor /no/such/path
  assert_same status 1 "$status"
  assert_same verdict problem "$(verdict_of path.open)"
  doctor /
  # shellcheck disable=SC2016
  assert_same status "$(jq 'if any(.[]; .verdict == "problem") then 1 else 0 end' "$JSON")" "$status"
  # procfs can never be id-mapped.
  if [ "$(id -u)" = 0 ]; then
    doctor --fail-on warning /proc
    assert_same verdict warning "$(verdict_of path.idmap)"
    assert_same status 1 "$status"
  fi
  run cof doctor --fail-on note
  assert_status 1
  assert_match 'invalid value .*note.* for option .--fail-on'
  run cof doctor --format yaml
  assert_status 1
}

@test "no state directory is needed, and none is made" {
  doctor
  assert_same verdict ok "$(verdict_of state.directory)"
  [ ! -e "$ROOT" ]
}

@test "it changes nothing: mounts, processes, namespaces, modules, state" {
  requires root
  setup_bundle
  cp /proc/self/mountinfo "$BATS_TEST_TMPDIR/mounts"
  cut -d' ' -f1 /proc/modules | sort >"$BATS_TEST_TMPDIR/modules" || true
  mkdir -m 700 "$ROOT" "$ROOT/.tmp-0123456789abcdef"
  doctor "$BUNDLE"
  [ -d "$ROOT/.tmp-0123456789abcdef" ]
  diff "$BATS_TEST_TMPDIR/mounts" /proc/self/mountinfo
  diff "$BATS_TEST_TMPDIR/modules" <(cut -d' ' -f1 /proc/modules | sort || true)
  rmdir "$ROOT/.tmp-0123456789abcdef"
  assert_no_residue
}

@test "leftovers, broken and stopped containers are told, running ones counted" {
  requires root
  setup_bundle
  set_args sleep 100
  start_bundle
  local running=$CID
  det create --bundle "$BUNDLE" "$CID-x"
  assert_status 0
  mkdir "$ROOT/.tmp-0123456789abcdef" "$ROOT/broken-one"
  det kill "$CID-x" KILL
  wait_for 5 status_is "$CID-x" stopped
  doctor
  assert_same verdict note "$(verdict_of state.stopped)"
  [[ $(fact_of state.stopped) == *"$CID-x"* ]]
  assert_same verdict warning "$(verdict_of state.broken)"
  [[ $(fact_of state.broken) == *broken-one* ]]
  assert_same verdict note "$(verdict_of state.leftovers)"
  jq -e '.[] | select(.id == "state.containers") | .values.containers == 3 and .values.running == 1' "$JSON"
  status_is "$running" running
  cof delete --force "$CID-x"
  cof delete --force broken-one
  cof delete --force "$CID"
  run cof list
  [ ! -e "$ROOT/.tmp-0123456789abcdef" ]
  teardown_bundle
}

@test "an unsafe state directory is a problem" {
  requires root
  mkdir "$ROOT"
  chmod 777 "$ROOT"
  doctor
  assert_same verdict problem "$(verdict_of state.directory)"
  [[ $(fact_of state.directory) == *'can be written to by other users'* ]]
  assert_same status 1 "$status"
}

@test "paths: what can be id-mapped and what cannot, each by trying" {
  requires root
  local dir=$BATS_TEST_TMPDIR/tree
  mkdir "$dir"
  unshare -m sh -c 'mount -t tmpfs -o noexec tmpfs "$1" && mkdir "$1/sub" && exec "$2" --root "$3" doctor --format json "$1/sub" /proc /no/such' \
    sh "$dir" "$COFFER" "$ROOT" >"$JSON" || true
  jq -e --arg p "$dir/sub" '.[] | select(.id == "path.mount" and .values.path == $p)
    | .verdict == "warning" and .values.type == "tmpfs" and .values.noexec' "$JSON"
  assert_same proc warning "$(verdict_of path.idmap /proc)"
  assert_same missing problem "$(verdict_of path.open /no/such)"
  if [ "$(uname -r | awk -F. '{ print ($1 > 6 || ($1 == 6 && $2 >= 3)) }')" = 1 ]; then
    assert_same tmpfs ok "$(verdict_of path.idmap "$dir/sub")"
  fi
}

@test "relative paths and names with strange characters are taken as they are" {
  cd "$BATS_TEST_TMPDIR"
  mkdir $'a\tb "c"\e[1m'
  doctor $'a\tb "c"\e[1m' .
  jq -e '[.[] | select(.id == "path.mount") | .values.path] == ["a\tb \"c\"\u001b[1m", "."]' "$JSON"
  run cof doctor $'a\tb "c"\e[1m'
  assert_lacks $'\e'
}

@test "subordinate ids: overlaps, accounts, malformed lines by file and line" {
  requires root
  local s=$BATS_TEST_TMPDIR/subuid g=$BATS_TEST_TMPDIR/subgid
  [ -e /etc/subuid ] && [ -e /etc/subgid ] || skip '/etc/subuid or /etc/subgid does not exist'
  printf 'alice:200000:65536\nbob:250000:65536\n\nmallory:1\n' >"$s"
  printf 'alice:0:65536\n' >"$g"
  with_etc "subuid=$s" "subgid=$g" -- "$COFFER" --root "$ROOT" doctor --format json >"$JSON" || status=$?
  [[ $(fact_of subid.overlap) == '/etc/subuid:1 and /etc/subuid:2: alice and bob both have uids 250000 to 265535'* ]]
  [[ $(fact_of subid.syntax) == '/etc/subuid:4: '* ]]
  [[ $(fact_of subid.accounts) == '/etc/subgid:1: the range of alice has '*'the first is root (0)'* ]]
  assert_same status 1 "$status"
}

@test "subordinate ids: a file of 100 MB is refused, quickly" {
  requires root
  [ -e /etc/subuid ] || skip '/etc/subuid does not exist'
  truncate -s 100M "$BATS_TEST_TMPDIR/subuid"
  with_etc "subuid=$BATS_TEST_TMPDIR/subuid" -- "$COFFER" --root "$ROOT" doctor --format json >"$JSON" || true
  assert_same verdict problem "$(verdict_of subid.file)"
  [[ $(fact_of subid.file) == '/etc/subuid cannot be read: '* ]]
}

@test "ids.conf: mistakes by file and line, and the window" {
  requires root
  printf 'policy = enforce\nwindow = 1900000000:131072\n' >"$BATS_TEST_TMPDIR/ids.conf"
  cof --id-config "$BATS_TEST_TMPDIR/ids.conf" doctor --format json >"$JSON" || true
  jq -e '.[] | select(.id == "ids.config") | .verdict == "ok" and .values.policy == "enforce"' "$JSON"
  jq -e '.[] | select(.id == "ids.window") | .verdict == "note" and .values.ranges == 2 and .values.ids == 131072' "$JSON"
  printf '\nwindow = 7\n' >"$BATS_TEST_TMPDIR/ids.conf"
  cof --id-config "$BATS_TEST_TMPDIR/ids.conf" doctor --format json >"$JSON" || true
  assert_same verdict problem "$(verdict_of ids.config)"
  [[ $(fact_of ids.config) == *"ids.conf:2"* ]]
}

@test "the id ledger: who holds how many ids, what is left of the dead, and damage; nothing is changed" {
  requires root userns
  setup_userns_bundle bundle 1300000000
  ids() { cof --id-config "$BATS_TEST_TMPDIR/ids.conf" doctor --format json >"$JSON" || true; }
  value() { jq -r --arg id "$1" --arg v "$2" 'first(.[] | select(.id == $id)) | .values[$v]' "$JSON"; }
  printf 'window = 1300000000:131072\n' >"$BATS_TEST_TMPDIR/ids.conf"
  ids
  assert_same 'no ledger' ok "$(verdict_of ids.ledger)"
  [ ! -e "$IDS" ]
  set_args sleep 1000
  for i in 1 2; do det run --detach --bundle "$BUNDLE" "$CID-$i"; done
  before=$(sha256sum "$IDS/ledger")
  ids
  assert_same ledger ok "$(verdict_of ids.ledger)"
  assert_same leases 2 "$(value ids.ledger leases)"
  assert_same ids 131072 "$(value ids.ledger ids)"
  assert_same path "$IDS" "$(value ids.ledger path)"
  assert_same free 1 "$(value ids.window free)"
  assert_same stale none "$(verdict_of ids.stale)"
  # A state directory that vanished: its lease is dead, and stays for others to remove.
  cof delete --force "$CID-2"
  mv "$ROOT/$CID-1" "$BATS_TEST_TMPDIR/away"
  before=$(sha256sum "$IDS/ledger")
  ids
  mv "$BATS_TEST_TMPDIR/away" "$ROOT/$CID-1"
  assert_same stale note "$(verdict_of ids.stale)"
  assert_same leases 0 "$(value ids.ledger leases)"
  assert_same free 2 "$(value ids.window free)"
  assert_same unchanged "$before" "$(sha256sum "$IDS/ledger")"
  exec 9<"$IDS/ledger"
  flock -x 9
  ids
  flock -u 9
  assert_same busy note "$(verdict_of ids.ledger)"
  cp "$IDS/ledger" "$BATS_TEST_TMPDIR/saved"
  printf 'x' | dd of="$IDS/ledger" bs=1 seek=20 conv=notrunc 2>/dev/null
  ids
  cp "$BATS_TEST_TMPDIR/saved" "$IDS/ledger"
  assert_same damaged problem "$(verdict_of ids.ledger)"
  [[ $(fact_of ids.ledger) == *damaged* ]]
  teardown_bundle
}

@test "limits: user.max_user_namespaces=0 is named, with the sysctl" {
  requires root userns
  # Limits of a user namespace of its own, so that the host's stay.
  unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$1" --root "$2" doctor --format json' \
    sh "$COFFER" "$ROOT" >"$JSON" || status=$?
  assert_same verdict problem "$(verdict_of userns.create)"
  [[ $(fact_of userns.create) == *'user.max_user_namespaces is 0'* ]]
  assert_same verdict problem "$(verdict_of userns.limits)"
  assert_same status 1 "${status:-0}"
}

@test "/dev/null that is no device is a problem" {
  requires root
  touch "$BATS_TEST_TMPDIR/null"
  unshare -m sh -c 'mount --bind "$1" /dev/null && exec "$2" --root "$3" doctor --format json' \
    sh "$BATS_TEST_TMPDIR/null" "$COFFER" "$ROOT" >"$JSON" || true
  assert_same verdict problem "$(verdict_of node.dev-null)"
}

@test "rootless: works, tells what is missing for this user" {
  requires root rootless
  as_user true || skip 'cannot become an ordinary user'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR"
  status=0
  as_user "$COFFER" doctor --format json / >"$JSON" || status=$?
  jq -e --argjson uid "$(id -u "$TEST_NAME")" '.[] | select(.id == "caller") | .values.uid == $uid and .values.privileged == false' "$JSON"
  assert_same runtime-dir ok "$(verdict_of user.runtime-dir)"
  assert_same state ok "$(verdict_of state.directory)"
  [[ $(verdict_of subid.own) != none ]]
  assert_same idmap note "$(verdict_of path.idmap)"
  [ ! -e "$BATS_TEST_TMPDIR/user-run/coffer" ]
  as_user env -u XDG_RUNTIME_DIR "$COFFER" doctor --format json / >"$JSON" || true
  assert_same runtime-dir warning "$(verdict_of user.runtime-dir)"
}

@test "in a container: works, with and without user namespace" {
  requires root
  setup_userns_bundle
  install_coffer "$BUNDLE/rootfs"
  set_args coffer doctor --format json /
  cof run --bundle "$BUNDLE" "$CID" >"$JSON" || true
  assert_same nested true "$(jq -r '.[] | select(.id == "caller") | .values.userns' "$JSON")"
  assert_same proc ok "$(verdict_of node.proc)"
  assert_same null ok "$(verdict_of node.dev-null)"
  [ "$(jq length "$JSON")" -gt 25 ]
  drop_namespace user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  cof run --bundle "$BUNDLE" "$CID" >"$JSON" || true
  assert_same nested false "$(jq -r '.[] | select(.id == "caller") | .values.userns' "$JSON")"
  [ "$(jq length "$JSON")" -gt 25 ]
  teardown_bundle
}

@test "without /proc it says so" {
  requires root
  unshare -m sh -c 'umount -R -l /proc && exec "$1" --root "$2" doctor --format json' sh "$COFFER" "$ROOT" >"$JSON" || status=$?
  assert_same verdict problem "$(verdict_of caller)"
  [[ $(fact_of caller) == *'mount -t proc'* ]]
  assert_same status 1 "${status:-0}"
}

@test "a file system that does not answer costs a fraction of a second" {
  requires root
  [ -e /dev/fuse ] && command -v python3 >/dev/null || skip 'no /dev/fuse or python3'
  local dir=$BATS_TEST_TMPDIR/dead
  mkdir "$dir"
  # A FUSE file system whose server never answers; it dies with the namespace's last process.
  timeout -s KILL 30 unshare -mpf --kill-child --mount-proc python3 - "$dir" "$COFFER" "$ROOT" "$JSON" <<'PY' || true
import ctypes, os, subprocess, sys, time
where, coffer, root, out = sys.argv[1:]
fd = os.open('/dev/fuse', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b'dead', where.encode(), b'fuse', 0, f'fd={fd},rootmode=40000,user_id=0,group_id=0'.encode()):
    sys.exit(9)
started = time.monotonic()
with open(out, 'w') as f:
    subprocess.run([coffer, '--root', root, 'doctor', '--format', 'json', where + '/x', '/'], stdout=f)
with open(out + '.time', 'w') as f:
    f.write(str(int((time.monotonic() - started) * 1000)))
os.close(fd)
PY
  [ -e "$JSON.time" ] || skip 'FUSE cannot be mounted'
  assert_same verdict problem "$(verdict_of path.open "$dir/x")"
  [[ $(fact_of path.open) == *'no answer in time'* ]]
  [ "$(verdict_of path.mount /)" != none ]
  [ "$(cat "$JSON.time")" -lt 2000 ] # a busy machine included
}

@test "under a filter: what it refuses is named, and what it kills for ends no check" {
  requires root seccomp
  setup_bundle
  install_coffer "$BUNDLE/rootfs"
  bundle_edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
    {names: ["close_range", "landlock_create_ruleset"], action: "SCMP_ACT_KILL_PROCESS"},
    {names: ["pidfd_open", "unshare"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}
    | (.process.capabilities | .bounding, .effective, .permitted) += ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETFCAP"]'
  set_args coffer doctor --format json /
  cof run --bundle "$BUNDLE" "$CID" >"$JSON" || true
  assert_same close_range problem "$(verdict_of kernel.close-range)"
  assert_same landlock note "$(verdict_of kernel.landlock)"
  assert_same pidfd problem "$(verdict_of kernel.pidfd)"
  assert_same openat2 ok "$(verdict_of kernel.openat2)"
  assert_same namespaces problem "$(verdict_of userns.namespaces)"
  jq -e '.[] | select(.id == "kernel.seccomp") | .verdict == "ok" and .values.filtered' "$JSON"
  [ "$(jq length "$JSON")" -gt 25 ]
  teardown_bundle
}

@test "cgroup v2: a delegated directory is found, and which controllers it lacks" {
  requires root rootless
  as_user true || skip 'cannot become an ordinary user'
  local top=/sys/fs/cgroup
  [ "$(stat -fc %T "$top")" = cgroup2fs ] || top=/sys/fs/cgroup/unified
  [ "$(stat -fc %T "$top" 2>/dev/null)" = cgroup2fs ] || skip 'no cgroup v2 tree'
  local own dir
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  dir=$top${own%/}/coffer-doctor-$$
  mkdir "$dir" 2>/dev/null || skip 'no cgroup can be made beside this one'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR"
  as_user true
  chown "$TEST_NAME" "$dir" "$dir"/cgroup.{procs,subtree_control}
  status=0
  (
    echo "$BASHPID" >"$dir/cgroup.procs" || exit 77
    export TOP=$top
    unshare -m bash -c '[ "$TOP" = /sys/fs/cgroup ] || mount --bind "$TOP" /sys/fs/cgroup; exec setpriv --reuid "$1" --clear-groups "$2" --root "$3" doctor --format json /' \
      sh "$TEST_NAME" "$COFFER" "$ROOT" >"$JSON"
  ) || status=$?
  wait_for 5 rmdir "$dir"
  [ "$status" != 77 ] || skip 'this process cannot be moved'
  jq -e --arg p "${own%/}/coffer-doctor-$$" '.[] | select(.id == "cgroup.delegation") | .values.path == $p' "$JSON"
  assert_same mode ok "$(verdict_of cgroup.mode)"
}
