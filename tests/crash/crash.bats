#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The runtime is killed with SIGKILL, at named points (a build with -Dstop_points=true stops itself
# there) and at random moments. Whatever was done by then, `delete --force` must undo: no process, no
# mount, no cgroup, no state. Every test ends with that comparison.

load crash

CREATE_POINTS='create-published create-cgroup create-cloned create-spawned create-noted create-ready create-recorded create-announced'
# Of a container with ids of its own only.
IDS_POINTS='create-reserved create-published create-leased create-cgroup create-spawned create-announced'
START_POINTS='start-released'
EXEC_POINTS='exec-cloned exec-spawned exec-ready exec-executed'
DELETE_POINTS='delete-marked delete-killed delete-cgroup delete-hooks'
# Of what runs: running.bats.
RUNNING_POINTS='create-netdevs mounts-attached mounts-noted mounts-removed update-applied'

setup() { setup_crash; }
teardown() { teardown_crash; }

each_create_point() {
  local point
  for point in $CREATE_POINTS; do
    # Not every way passes create-noted: run writes its record once, when it knows everything, and so
    # does what joins a pid namespace.
    kill_at "$point" create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" || [ "$point" = create-noted ]
    repair || { echo "create, killed at $point" >&2; return 1; }
    kill_at "$point" run --detach --bundle "$BUNDLE" "$CID" || [ "$point" = create-noted ]
    repair || { echo "run, killed at $point" >&2; return 1; }
  done
}

many_hooks() {
  mkdir -p "$BATS_TEST_TMPDIR/hooks"
  printf '#!/bin/sh\ncat >/dev/null\n' >"$BATS_TEST_TMPDIR/hooks/hook"
  chmod 755 "$BATS_TEST_TMPDIR/hooks/hook"
  cp "$BATS_TEST_TMPDIR/hooks/hook" "$BUNDLE/rootfs/bin/hook"
  bundle_edit '.hooks = ({prestart: [{path: $p}]} | .createRuntime = .prestart | .createContainer = .prestart | .poststart = .prestart
    | .poststop = .prestart | .startContainer = [{path: "/bin/hook"}])' --arg p "$BATS_TEST_TMPDIR/hooks/hook"
}

@test "every stop point of the sources is tested here" {
  sources=$BATS_TEST_DIRNAME/../../src
  [ -d "$sources" ] || skip 'no sources'
  found=$(grep -rhE 'cf_stop_point\(.*"' "$sources" | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u | tr '\n' ' ')
  assert_same points "$(printf '%s\n' $CREATE_POINTS $IDS_POINTS delete-retired $START_POINTS $EXEC_POINTS $DELETE_POINTS $RUNNING_POINTS | sort -u | tr '\n' ' ')" "$found"
}

@test "killed in create and run" {
  each_create_point
}

@test "killed in create and run, with a user namespace" {
  setup_userns_bundle
  set_args sleep 100
  each_create_point
}

@test "killed with a lease of ids: the range is free as soon as the container is gone, and not before" {
  printf 'window = 1900000000:65536\n' >"$BATS_TEST_TMPDIR/ids.conf" # room for one
  for point in $IDS_POINTS; do
    kill_at "$point" --id-config "$BATS_TEST_TMPDIR/ids.conf" create --bundle "$BUNDLE" --userns auto "$CID"
    # Bound, it waits for delete; before, nothing has come of it.
    case $point in
      create-reserved) expected=0 ;;
      create-published) expected=0 ;;
      *) expected=1 ;;
    esac
    det --id-config "$BATS_TEST_TMPDIR/ids.conf" run --bundle "$BUNDLE" --userns auto "$CID-2"
    [ "$expected" = 0 ] || assert_has 'no free range of 65536 ids'
    repair
    set_args true
    det --id-config "$BATS_TEST_TMPDIR/ids.conf" run --bundle "$BUNDLE" --userns auto "$CID-2"
    assert_status 0
    [ "$(leases)" = 0 ] || { echo "leaked at $point" >&2; return 1; }
    set_args sleep 100
  done
  for point in $DELETE_POINTS delete-retired; do
    det --id-config "$BATS_TEST_TMPDIR/ids.conf" create --bundle "$BUNDLE" --userns auto "$CID"
    assert_status 0
    kill_at "$point" delete --force "$CID"
    repair
    set_args true
    det --id-config "$BATS_TEST_TMPDIR/ids.conf" run --bundle "$BUNDLE" --userns auto "$CID-2"
    assert_status 0
    [ "$(leases)" = 0 ] || { echo "leaked at $point" >&2; return 1; }
    set_args sleep 100
  done
}

@test "killed in create and run, with a cgroup path and limits" {
  bundle_edit '.linux.cgroupsPath = $p | .linux.resources.pids = {limit: 50}' --arg p "/crash-$CID"
  each_create_point
}

@test "killed in create and run, with hooks of every kind" {
  many_hooks
  each_create_point
}

@test "killed in create and run, with namespaces joined by path" {
  unshare --pid --ipc --fork sleep 600 3>&- >/dev/null 2>&1 &
  holder=$!
  background "$holder"
  wait_for 5 pgrep -P "$holder"
  child=$(pgrep -P "$holder")
  background "$child"
  set_namespace pid "/proc/$child/ns/pid"
  set_namespace ipc "/proc/$child/ns/ipc"
  each_create_point
  kill -0 "$child"
}

@test "killed in create and run, without a pid namespace" {
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  set_args testinit children 3
  each_create_point
}

@test "killed in create without a cgroup" {
  for point in create-published create-spawned create-ready create-recorded create-announced; do
    kill_at "$point" --cgroup-manager disabled create --bundle "$BUNDLE" "$CID"
    repair
  done
}

@test "killed before the record of the pid: the process ends by itself" {
  kill_at create-spawned create --bundle "$BUNDLE" "$CID"
  wait_for 5 no_processes
  repair
  kill_at create-ready create --bundle "$BUNDLE" "$CID"
  wait_for 5 no_processes
  repair
}
no_processes() { [ -z "$(our_processes)" ]; }

@test "what state and list say of a container whose creator was killed" {
  for point in $CREATE_POINTS; do
    kill_at "$point" create --bundle "$BUNDLE" "$CID"
    wait_for 5 status_is "$CID" stopped
    assert_same pid 0 "$(cof state "$CID" | jq .pid)"
    run cof list -q
    assert_status 0
    assert_line "$CID"
    run cof start "$CID"
    assert_status 1
    det create --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has 'container with given ID already exists'
    repair
  done
}

@test "killed in create: the id can be used again at once after delete" {
  for point in $CREATE_POINTS; do
    kill_at "$point" create --bundle "$BUNDLE" "$CID"
    cof delete --force "$CID"
    det run --detach --bundle "$BUNDLE" "$CID"
    assert_status 0
    status_is "$CID" running
    cof delete --force "$CID"
  done
}

@test "killed in create: a pid file is complete or absent" {
  for point in $CREATE_POINTS; do
    rm -f "$BATS_TEST_TMPDIR/pid"
    kill_at "$point" create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
    [ ! -e "$BATS_TEST_TMPDIR/pid" ] || grep -Eqx '[0-9]+' "$BATS_TEST_TMPDIR/pid"
    repair
  done
}

@test "killed in start: the container runs, delete ends it" {
  for point in $START_POINTS; do
    det create --bundle "$BUNDLE" "$CID"
    kill_at "$point" start "$CID"
    wait_for 5 status_is "$CID" running
    repair
  done
}

@test "killed in delete: delete again" {
  many_hooks
  for point in $DELETE_POINTS; do
    det create --bundle "$BUNDLE" "$CID"
    cof start "$CID"
    kill_at "$point" delete --force "$CID"
    status_is "$CID" stopped
    repair
    det create --bundle "$BUNDLE" "$CID"
    kill_at "$point" delete "$CID"
    det delete "$CID"
    assert_status 0
    clean
  done
}

@test "killed in delete: poststop hooks run at least once" {
  printf '#!/bin/sh\necho ran >>%s\n' "$BATS_TEST_TMPDIR/poststop" >"$BATS_TEST_TMPDIR/hook"
  chmod 755 "$BATS_TEST_TMPDIR/hook"
  bundle_edit '.hooks = {poststop: [{path: $p}]}' --arg p "$BATS_TEST_TMPDIR/hook"
  for point in $DELETE_POINTS; do
    rm -f "$BATS_TEST_TMPDIR/poststop"
    det create --bundle "$BUNDLE" "$CID"
    kill_at "$point" delete "$CID"
    repair
    [ -s "$BATS_TEST_TMPDIR/poststop" ]
  done
}

@test "killed in the rollback of a failed create" {
  set_args /no/such/program
  for point in delete-marked delete-killed delete-cgroup delete-hooks; do
    kill_at "$point" create --bundle "$BUNDLE" "$CID"
    repair
  done
}

@test "killed while a hook hangs" {
  # The hook of the runtime's side outlives its killed parent; its sleep is ours to end.
  for kind in prestart createRuntime createContainer; do
    printf '#!/bin/sh\necho $$ >%s\nexec sleep 600\n' "$BATS_TEST_TMPDIR/hook-pid" >"$BATS_TEST_TMPDIR/hang"
    chmod 755 "$BATS_TEST_TMPDIR/hang"
    rm -f "$BATS_TEST_TMPDIR/hook-pid"
    bundle_edit '.hooks = {}'
    bundle_edit '.hooks[$k] = [{path: $p}]' --arg k "$kind" --arg p "$BATS_TEST_TMPDIR/hang"
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
    victim=$!
    wait_for 10 test -s "$BATS_TEST_TMPDIR/hook-pid"
    status_is "$CID" creating
    kill -9 "$victim"
    wait "$victim" 2>/dev/null || true
    [ $kind = createContainer ] || kill -9 "$(cat "$BATS_TEST_TMPDIR/hook-pid")" 2>/dev/null || true
    repair || { echo "killed in $kind" >&2; false; }
  done
}

@test "killed while a startContainer or poststart hook hangs" {
  for kind in startContainer poststart; do
    printf '#!/bin/sh\necho $$ >%s\nexec sleep 600\n' "$BATS_TEST_TMPDIR/hook-pid" >"$BATS_TEST_TMPDIR/hang"
    printf '#!/bin/sh\nexec sleep 600\n' >"$BUNDLE/rootfs/bin/hang"
    chmod 755 "$BATS_TEST_TMPDIR/hang" "$BUNDLE/rootfs/bin/hang"
    rm -f "$BATS_TEST_TMPDIR/hook-pid"
    bundle_edit '.hooks = {}'
    bundle_edit '.hooks[$k] = [{path: $p}]' --arg k "$kind" --arg p "$([ $kind = startContainer ] && echo /bin/hang || echo "$BATS_TEST_TMPDIR/hang")"
    det create --bundle "$BUNDLE" "$CID"
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" start "$CID" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
    victim=$!
    if [ $kind = poststart ]; then
      wait_for 10 test -s "$BATS_TEST_TMPDIR/hook-pid"
    else
      wait_for 10 hook_in_container
    fi
    kill -9 "$victim"
    wait "$victim" 2>/dev/null || true
    [ $kind = startContainer ] || kill -9 "$(cat "$BATS_TEST_TMPDIR/hook-pid")" 2>/dev/null || true
    repair || { echo "killed in $kind" >&2; false; }
  done
}
hook_in_container() { our_processes | grep -q 'sleep 600'; }

@test "run in the foreground killed: the container runs on, delete ends it" {
  "$COFFER" --root "$ROOT" --id-ledger "$IDS" run --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
  victim=$!
  wait_for 10 status_is "$CID" running
  kill -9 "$victim"
  wait "$victim" 2>/dev/null || true
  status_is "$CID" running
  repair
}

@test "run killed at its end, while it deletes" {
  set_args true
  for point in $DELETE_POINTS; do
    kill_at "$point" run --bundle "$BUNDLE" "$CID"
    repair
  done
}

@test "the process of a container killed from outside, then the runtime" {
  det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  kill -9 "$(cat "$BATS_TEST_TMPDIR/pid")"
  wait_for 5 status_is "$CID" stopped
  kill_at delete-cgroup delete "$CID"
  repair
}

@test "leftovers of a killed publication are swept by later commands" {
  mkdir -p "$ROOT" && chmod 700 "$ROOT"
  mkdir -m 700 "$ROOT/.tmp-abandoned" "$ROOT/.dead-abandoned"
  touch "$ROOT/.tmp-abandoned/lock" "$ROOT/.tmp-abandoned/state.json" "$ROOT/.dead-abandoned/lock"
  run cof list -q
  assert_status 0
  assert_same list '' "$output"
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  cof delete "$CID"
  [ ! -e "$ROOT/.dead-abandoned" ]
  rm -rf "$ROOT/.tmp-abandoned"
}

# Milliseconds after which a whole command would be through, to spread the shots over it.
@test "30 rounds of create, start, delete killed at random moments" {
  local round delay
  RANDOM=20
  for round in $(seq 30); do
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
    victim=$!
    delay=$((RANDOM % 12))
    sleep "0.00$(printf '%02d' $delay)"
    kill -9 "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
    case $((round % 3)) in
      0)
        timeout -s KILL "0.00$((RANDOM % 9 + 1))" "$COFFER" --root "$ROOT" --id-ledger "$IDS" start "$CID" >/dev/null 2>&1 </dev/null || true
        ;;
      1)
        timeout -s KILL "0.00$((RANDOM % 9 + 1))" "$COFFER" --root "$ROOT" --id-ledger "$IDS" delete --force "$CID" >/dev/null 2>&1 </dev/null || true
        ;;
    esac
    det delete --force "$CID"
    [ "$status" -eq 0 ] || { echo "round $round, delay $delay: $output" >&2; false; }
    clean || { echo "round $round, delay $delay" >&2; false; }
  done
}

@test "30 rounds of run with a user namespace and hooks killed at random moments" {
  local round delay
  setup_userns_bundle
  many_hooks
  set_args sleep 100
  RANDOM=30
  for round in $(seq 30); do
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" run --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
    victim=$!
    delay=$((RANDOM % 30))
    sleep "0.0$(printf '%02d' $delay)"
    kill -9 "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
    det delete --force "$CID"
    [ "$status" -eq 0 ] || { echo "round $round, delay $delay: $output" >&2; false; }
    clean || { echo "round $round, delay $delay" >&2; false; }
  done
}

# What is killed before COMMIT leaves no process; what is killed after it, the program.
each_exec_point() {
  local point n
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  for point in $EXEC_POINTS; do
    kill_at "$point" exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 200
    [ ! -e "$BATS_TEST_TMPDIR/pid" ]
    n=1
    [ "$point" != exec-executed ] || n=2
    wait_for 5 has_processes "$n"
    # Its lock died with it.
    run timeout 5 "$COFFER" --root "$ROOT" --id-ledger "$IDS" exec "$CID" true
    assert_status 0
  done
  repair
}
has_processes() { [ "$(our_processes | grep -c .)" -eq "$1" ]; }

@test "killed in exec" {
  each_exec_point
}

@test "killed in exec, with a user namespace" {
  requires userns
  setup_userns_bundle userns
  set_args sleep 100
  each_exec_point
}

@test "killed in exec, in the pid namespace of the host" {
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  each_exec_point
}
