#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Budgets: what the kernel counts per user. Several containers use up everything at once; another container and
# the host keep all of theirs.

load helpers

HOGS=4
# Too large to be met by anything but a limit of the kernel.
ENDLESS=5000

setup() {
  requires root userns
  setup_userns_bundle
}

teardown() { teardown_bundle; }

# Runs `bash -c SCRIPT` as root of a user namespace that has every id of this host and small limits: the machine's
# own could not be met without hurting it. What coffer does there, it does as on the host.
small_host() { # small_host SCRIPT
  local go=$BATS_TEST_TMPDIR/go maker
  mkfifo "$go"
  timeout 300 unshare --user bash -c 'read -r _ <"$1"
    exec setpriv --reuid 0 --regid 0 --clear-groups unshare --mount --pid --fork --kill-child --mount-proc \
      bash -c "$2"' bash "$go" "
    for kind in user pid net ipc uts cgroup time; do echo 24 >/proc/sys/user/max_\${kind}_namespaces; done
    echo 120 >/proc/sys/user/max_mnt_namespaces # a detached mount counts as one, and the runtime makes many
    echo 12 >/proc/sys/user/max_inotify_instances; echo 200 >/proc/sys/user/max_inotify_watches
    # What all have together must be below the limit of the one who made this namespace.
    ulimit -S -i 300 -q 120000
    $1" 3>&- &
  maker=$!
  background "$maker"
  wait_for 10 is_apart "$maker"
  maker=$(pgrep -P "$maker" || echo "$maker")
  echo '0 0 4294967295' >"/proc/$maker/uid_map"
  echo '0 0 4294967295' >"/proc/$maker/gid_map"
  echo >"$go"
  wait "${BACKGROUND_PIDS##* }"
}

is_apart() { # the child of timeout(1)
  local child
  child=$(pgrep -P "$1") && [ "$(readlink "/proc/$child/ns/user")" != "$(readlink /proc/self/ns/user)" ]
}

# One bundle for each container, all with the rootfs of the first: it is read-only, so whose files they are is all one.
bundles() { # bundles LAST
  local i
  bundle_edit '.process.capabilities |= map_values(["CAP_SYS_ADMIN"]) | .process.args = ["testinit", "budget-take", $n, "/dev/shm"]' \
    --arg n "$ENDLESS"
  for i in $(seq 0 "$1"); do
    mkdir "$BATS_TEST_TMPDIR/b$i"
    jq '.root = {path: $r, readonly: true}
      | .linux.uidMappings[0].hostID = $id | .linux.gidMappings[0].hostID = $id
      | if $hog then .process.args += ["wait"] else . end' --arg r "$BUNDLE/rootfs" \
      --argjson id $((1000000 + i * 65536)) --argjson hog "$([ "$i" = 0 ] && echo false || echo true)" \
      "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/b$i/config.json"
  done
  chmod -R o+rX "$BUNDLE/rootfs"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
}

@test "neighbours: containers use up everything at once, another one and the host keep all of theirs" {
  local i kind
  bundles "$HOGS"
  mkdir "$BATS_TEST_TMPDIR/watched"
  cat >"$BATS_TEST_TMPDIR/scene" <<'END'
set -eu
cd "$1"
hogs=$2 endless=$3 cid=$4
# Without timeout(1), whose timer is a signal of the host's budget.
coffer() { "$COFFER" --root "$PWD/state" "$@"; }
host() { "$COFFER_TESTBIN/testinit" budget-take "$endless" "$PWD/watched"; }
host >host.before
coffer run --bundle b0 "v-$cid" >container.before
mkfifo in
exec 9<>in
for i in $(seq "$hogs"); do
  coffer run --bundle "b$i" "h$i-$cid" <in >"hog$i" 2>&1 9>&- &
done
for i in $(seq "$hogs"); do
  for _ in $(seq 600); do
    grep -q '^budget end' "hog$i" && break
    sleep 0.1
  done
  grep -q '^budget end' "hog$i" || { cat "hog$i"; exit 1; }
done
coffer run --bundle b0 "w-$cid" >container.during
host >host.during
exec 9>&-
echo done >in & # wakes who still waits for a writer
wait
END
  small_host "bash '$BATS_TEST_TMPDIR/scene' '$BATS_TEST_TMPDIR' $HOGS $ENDLESS '$CID'" >"$BATS_TEST_TMPDIR/log" 2>&1 ||
    { cat "$BATS_TEST_TMPDIR/log"; return 1; }
  cd "$BATS_TEST_TMPDIR"
  output=$(cat container.before)
  # Every kind ended at a limit, not at the end of our patience.
  for kind in inotify-watches inotify-instances mqueue-large mqueue-small signals keys ns-user ns-pid ns-mnt ns-net ns-ipc \
    ns-uts ns-cgroup ns-time; do
    assert_match "^budget $kind=[1-9][0-9]* last=E[A-Z]+$"
  done
  assert_same 'another container' "$(cat container.before)" "$(cat container.during)"
  assert_same 'the host' "$(cat host.before)" "$(cat host.during)"
  for i in $(seq "$HOGS"); do
    assert_same "container $i, all of them at once" "$(cat container.before)" "$(cat "hog$i")"
  done
}

# ---- limits inside ----

limits_inside() {
  run_script 'for k in user pid mnt net ipc uts cgroup time; do printf "%s " "$(cat /proc/sys/user/max_${k}_namespaces)"; done; echo
    cat /proc/sys/user/max_inotify_instances'
}

@test "inside: no user namespaces, a bounded number of the others, inotify is left to the host" {
  limits_inside
  assert_line '0 1024 1024 1024 1024 1024 1024 1024 '
  assert_line 2147483647
  run_testinit unshare-user
  assert_line unshare-user=ENOSPC
  assert_line clone3-user=ENOSPC
}

@test "inside: with CAP_SYS_ADMIN, an annotation or a sysctl there are user namespaces" {
  bundle_edit '.process.capabilities.bounding += ["CAP_SYS_ADMIN"]'
  limits_inside
  assert_line '1024 1024 1024 1024 1024 1024 1024 1024 '
  run_testinit unshare-user
  assert_line unshare-user=OK
  bundle_edit '.annotations["org.coffer.userns.nested"] = "3" | .linux.sysctl["user.max_net_namespaces"] = "7"'
  limits_inside
  assert_line '3 1024 1024 7 1024 1024 1024 1024 '
  bundle_edit '.linux.sysctl["user.max_user_namespaces"] = "12"'
  limits_inside
  assert_line '12 1024 1024 7 1024 1024 1024 1024 '
}

@test "inside: an annotation that is no number" {
  bundle_edit '.annotations["org.coffer.userns.nested"] = "many"'
  run_bundle
  assert_status 1
  assert_has 'org.coffer.userns.nested'
  assert_has many
}

@test "inside: without /proc the limits are written all the same" {
  bundle_edit '.mounts |= map(select(.destination != "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  run_testinit unshare-user
  assert_line unshare-user=ENOSPC
}

@test "without a user namespace nothing is written" {
  local before
  setup_bundle plain
  before=$(cat /proc/sys/user/max_*_namespaces)
  run_bundle
  assert_status 0
  assert_same limits "$before" "$(cat /proc/sys/user/max_*_namespaces)"
}

@test "keys: a restart right after a container that took them all" {
  local i
  set_args testinit budget-take 200 /dev/shm
  for i in 1 2 3 4 5 6; do
    run_bundle
    assert_status 0
    assert_match '^budget keys=[0-9]+ last=EDQUOT$'
  done
}

# ---- resource limits ----

@test "limits that count for the whole namespace can be above the caller's soft ones" {
  local before after
  [ "$(ulimit -H -q)" = unlimited ] || [ "$(ulimit -H -q)" -ge 800000 ] || skip 'the hard limit of message queues is too low'
  set_args testinit budget-take 200 /dev/shm
  run bash -c "ulimit -S -q 100000; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' '$CID'"
  assert_status 0
  before=$(sed -n 's/^budget mqueue-large=\([0-9]*\) .*/\1/p' <<<"$output")
  bundle_edit '.process.rlimits += [{type: "RLIMIT_MSGQUEUE", soft: 800000, hard: 800000}]'
  run bash -c "ulimit -S -q 100000; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' '$CID'"
  assert_status 0
  after=$(sed -n 's/^budget mqueue-large=\([0-9]*\) .*/\1/p' <<<"$output")
  [ "$after" -ge $((before * 5)) ] || { echo "before $before, after $after" >&2; return 1; }
}

@test "the same for an ordinary user, up to its own hard limit" {
  requires rootless
  as_user unshare --user true 2>/dev/null || skip 'ordinary users may not make user namespaces'
  [ "$(ulimit -H -q)" = unlimited ] || [ "$(ulimit -H -q)" -ge 800000 ] || skip 'the hard limit of message queues is too low'
  local before after
  rm "$BUNDLE/config.json"
  chown -R "$TEST_NAME" "$BUNDLE"
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["testinit", "budget-take", "200", "/dev/shm"]'
  chmod 644 "$BUNDLE/config.json"
  run as_user bash -c "ulimit -S -q 100000; '$COFFER' run --bundle '$BUNDLE' '$CID'"
  assert_status 0
  before=$(sed -n 's/^budget mqueue-large=\([0-9]*\) .*/\1/p' <<<"$output")
  bundle_edit '.process.rlimits += [{type: "RLIMIT_MSGQUEUE", soft: 800000, hard: 800000}]'
  chmod 644 "$BUNDLE/config.json"
  run as_user bash -c "ulimit -S -q 100000; '$COFFER' run --bundle '$BUNDLE' '$CID'"
  assert_status 0
  after=$(sed -n 's/^budget mqueue-large=\([0-9]*\) .*/\1/p' <<<"$output")
  [ "$after" -ge $((before * 5)) ] || { echo "before $before, after $after" >&2; return 1; }
}

@test "hard limits above the caller's need CAP_SYS_RESOURCE of the host: raised, or refused by name" {
  bundle_edit '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_MSGQUEUE", soft: 900000, hard: 900000}]'
  set_args sh -c 'ulimit -a; grep -i msgqueue /proc/self/limits'
  run bash -c "ulimit -q 100000; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' '$CID'"
  if capsh --has-p=cap_sys_resource 2>/dev/null; then
    assert_status 0
    assert_match '^Max msgqueue size +900000 +900000 '
  else
    assert_status 1
    assert_has 'process.rlimits[1]'
    assert_has 'operation not permitted'
  fi
}

@test "keys are charged to the container's own root" {
  local before
  before=$(awk '$1 == "100000:" { print $2 }' /proc/key-users)
  set_args sleep 100
  start_bundle
  [ "$(awk '$1 == "100000:" { print $2 }' /proc/key-users)" -gt "${before:-0}" ]
}
