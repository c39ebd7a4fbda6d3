#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# create, start, state, kill, delete, run, list: what each does in each state.

load helpers

setup() { setup_bundle; }
teardown() { teardown_bundle; }

create() { det create --bundle "$BUNDLE" "$@" "$CID"; }

@test "run returns the exit status of the process" {
  set_args sh -c 'exit 7'
  run_bundle
  [ "$status" -eq 7 ]
}

@test "run returns 128 + n for a signal" {
  set_args sh -c 'kill -9 $$'
  bundle_edit 'del(.linux.namespaces[] | select(.type == "pid"))'
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  run_bundle
  [ "$status" -eq 137 ]
}

@test "run passes stdin, stdout and stderr through" {
  set_args sh -c 'read x; echo "out $x"; echo err >&2'
  run bash -c "echo hello | '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID 2>'$BATS_TEST_TMPDIR/err'"
  [ "$status" -eq 0 ]
  [ "$output" = 'out hello' ]
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
}

@test "run --keep leaves a stopped container" {
  run_bundle --keep
  [ "$status" -eq 0 ]
  status_is "$CID" stopped
  run cof delete "$CID"
  [ "$status" -eq 0 ]
}

@test "create, start, stop, delete" {
  set_args sleep 100
  create --pid-file "$BATS_TEST_TMPDIR/pid"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  status_is "$CID" created
  pid=$(cat "$BATS_TEST_TMPDIR/pid")
  [ "$(cof state "$CID" | jq .pid)" = "$pid" ]
  run cof start "$CID"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  status_is "$CID" running
  run cof start "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *'cannot start an already running container'* ]]
  run cof delete "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *"cannot delete container $CID that is not stopped: running"* ]]
  run cof kill "$CID" KILL
  [ "$status" -eq 0 ]
  wait_for 5 status_is "$CID" stopped
  [ "$(cof state "$CID" | jq .pid)" = 0 ]
  run cof start "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *'cannot start a container that has stopped'* ]]
  run cof kill "$CID" TERM
  [ "$status" -eq 1 ]
  [[ $output == *'container not running'* ]]
  run cof delete "$CID"
  [ "$status" -eq 0 ]
  run cof state "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *'container does not exist'* ]]
}

@test "create shows nothing of the program before start" {
  set_args sh -c 'echo begun; echo begun >/dev/shm/file; exec sleep 100'
  create --pid-file "$BATS_TEST_TMPDIR/pid"
  pid=$(cat "$BATS_TEST_TMPDIR/pid")
  sleep 0.3
  assert_same 'what it printed' '' "$(cat "$BATS_TEST_TMPDIR/det.out")"
  [ ! -e "/proc/$pid/root/dev/shm/file" ]
  not grep -q begun "/proc/$pid/cmdline"
  cof start "$CID"
  wait_for 5 grep -qx begun "$BATS_TEST_TMPDIR/det.out"
  wait_for 5 grep -qx begun "/proc/$pid/root/dev/shm/file"
  # The pid stays the same: it is the process that was made at create.
  wait_for 5 grep -q sleep "/proc/$pid/comm"
}

@test "kill sends the signal that it was given to the process" {
  local signal
  set_args sh -c 'for s in HUP INT QUIT USR1 USR2 TERM WINCH; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.05; done'
  create
  cof start "$CID"
  wait_for 5 grep -q ready "$BATS_TEST_TMPDIR/det.out"
  for signal in HUP SIGINT 3 usr1 12 TERM WINCH; do
    cof kill "$CID" "$signal"
    sleep 0.3
  done
  wait_for 5 grep -q WINCH "$BATS_TEST_TMPDIR/det.out"
  assert_same signals 'got HUP got INT got QUIT got USR1 got USR2 got TERM got WINCH' "$(grep got "$BATS_TEST_TMPDIR/det.out" | tr '\n' ' ' | sed 's/ $//')"
}

@test "delete of a created container kills and deletes it" {
  create
  run cof delete "$CID"
  [ "$status" -eq 0 ]
  run cof state "$CID"
  [ "$status" -eq 1 ]
}

@test "kill TERM reaches a created container" {
  create
  run cof kill "$CID"
  [ "$status" -eq 0 ]
  wait_for 5 status_is "$CID" stopped
}

@test "kill of a created container with a signal that does nothing by default leaves it" {
  create
  for s in CHLD URG WINCH CONT 0; do
    run cof kill "$CID" $s
    [ "$status" -eq 0 ]
  done
  status_is "$CID" created
}

@test "kill takes numbers and names in any case, refuses others" {
  set_args sleep 100
  create
  cof start "$CID"
  for s in 0 SIGCONT cont sigcont 18 RTMIN+1; do
    run cof kill "$CID" $s
    [ "$status" -eq 0 ] || [ "$s" = RTMIN+1 ]
  done
  for s in FOO 65 -1 SIG ''; do
    run cof kill -- "$CID" "$s"
    [ "$status" -eq 1 ]
  done
  run cof kill "$CID" FOO
  [[ $output == *'unknown signal \"FOO\"'* ]]
  run cof kill no-such-id FOO
  [[ $output == *'container does not exist'* ]]
}

@test "delete --force of an unknown container is silent success" {
  run cof delete --force nosuchcontainer
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  run cof delete nosuchcontainer
  [ "$status" -eq 1 ]
  [[ $output == *'container does not exist'* ]]
}

@test "delete --force kills a running container" {
  set_args sleep 100
  create
  cof start "$CID"
  run cof delete --force "$CID"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
}

@test "a taken id is refused, the container is untouched" {
  set_args sleep 100
  create
  det create --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *'container with given ID already exists'* ]]
  run cof run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 1 ]
  status_is "$CID" created
}

@test "ids: what is allowed" {
  for id in a a.b a_b A-1 x+y "$(printf 'n%.0s' {1..120})"; do
    run cof run --bundle "$BUNDLE" -- "$id"
    [ "$status" -eq 0 ] || { echo "$id: $output"; false; }
  done
  for id in '' . .. .hidden a/b 'a b' 'ä' "$(printf 'n%.0s' {1..300})"; do
    run cof run --bundle "$BUNDLE" -- "$id"
    [ "$status" -eq 1 ] || { echo "accepted: $id"; false; }
  done
  run cof run --bundle "$BUNDLE" ''
  [[ $output == *'container id cannot be empty'* ]]
  run cof run --bundle "$BUNDLE" a/b
  [[ $output == *'invalid container ID format'* ]]
}

@test "state prints the keys that callers parse" {
  bundle_edit '.annotations = {"org.example.key": "va\"lue", "b": "2"}'
  set_args sleep 100
  create
  state=$(cof state "$CID")
  [ "$(jq -r .ociVersion <<<"$state")" = 1.3.0 ]
  [ "$(jq -r .id <<<"$state")" = "$CID" ]
  [ "$(jq -r .bundle <<<"$state")" = "$BUNDLE" ]
  [ "$(jq -r .rootfs <<<"$state")" = "$BUNDLE/rootfs" ]
  [ "$(jq -r .owner <<<"$state")" = '' ]
  [ "$(jq -r '.annotations["org.example.key"]' <<<"$state")" = 'va"lue' ]
  [[ $(jq -r .created <<<"$state") =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z$ ]]
  date -d "$(jq -r .created <<<"$state")" >/dev/null
}

@test "list: table, quiet, json" {
  mkdir -p "$ROOT"
  run cof list --format json
  [ "$output" = '[]' ]
  set_args sleep 100
  create
  cof create --bundle "$BUNDLE" "a$CID"
  run cof list -q
  [ "${lines[0]}" = "a$CID" ]
  [ "${lines[1]}" = "$CID" ]
  run cof list
  [[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER$ ]]
  [[ ${lines[1]} == "a$CID"*created*"$BUNDLE"*root ]]
  [ "$(cof list -f json | jq -r '.[1].id')" = "$CID" ]
  [ "$(cof list -f=json | jq -r '.[1].status')" = created ]
  run cof list --format yaml
  [ "$status" -eq 1 ]
  [[ $output == *'invalid format option'* ]]
}

@test "list shows other entries when one is broken" {
  create
  mkdir "$ROOT/broken"
  run cof list -q
  [ "$status" -eq 0 ]
  [[ $output == *"$CID"* ]]
  run cof delete --force broken
  [ "$status" -eq 0 ]
  [ ! -e "$ROOT/broken" ]
}

@test "list with a missing explicit root" {
  run "$COFFER" --root "$BATS_TEST_TMPDIR/none" state x
  [ "$status" -eq 1 ]
  [[ $output == *'container does not exist'* ]]
  [ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "a zombie init is stopped" {
  set_args sleep 100
  # This shell does not reap: the container's init stays a zombie of ours.
  python3 - "$COFFER" "$ROOT" "$BUNDLE" "$CID" <<'END'
import ctypes, subprocess, sys, json, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
coffer, root, bundle, cid = sys.argv[1:]
base = [coffer, '--root', root]
subprocess.check_call(base + ['create', '--bundle', bundle, cid])
subprocess.check_call(base + ['start', cid])
subprocess.check_call(base + ['kill', cid, 'KILL'])
for _ in range(100):
    state = json.loads(subprocess.check_output(base + ['state', cid]))
    if state['status'] == 'stopped':
        break
    time.sleep(0.05)
assert state['status'] == 'stopped' and state['pid'] == 0, state
subprocess.check_call(base + ['state', cid], stdout=subprocess.DEVNULL)
subprocess.check_call(base + ['delete', cid])
END
}

@test "two concurrent starts: exactly one wins" {
  set_args sleep 100
  create
  cof start "$CID" >/dev/null 2>&1 & a=$!
  cof start "$CID" >/dev/null 2>&1 & b=$!
  ra=0 rb=0
  wait $a || ra=$?
  wait $b || rb=$?
  [ $((ra + rb)) -eq 1 ]
  status_is "$CID" running
}

@test "config.json is read once" {
  set_args sh -c 'echo first'
  "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
  set_args sh -c 'echo second'
  rm "$BUNDLE/config.json"
  cof start "$CID"
  wait_for 5 status_is "$CID" stopped
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = first ]
}

@test "run forwards signals" {
  set_args sh -c 'trap "echo got; exit 9" USR1; echo ready; while :; do sleep 0.1; done'
  "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 & runner=$!
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/out"
  kill -USR1 $runner
  rc=0; wait $runner || rc=$?
  [ "$rc" -eq 9 ]
  grep -q got "$BATS_TEST_TMPDIR/out"
}

@test "run --detach returns while the process goes on" {
  set_args sleep 100
  det run --bundle "$BUNDLE" --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  [ "$status" -eq 0 ]
  status_is "$CID" running
  kill -0 "$(cat "$BATS_TEST_TMPDIR/pid")"
}

@test "unknown properties and annotations are no error" {
  bundle_edit '.unknown = {a: [1]} | .process.unknown = "x" | .linux.unknown = null | .mounts[0].unknown = 1 |
    .annotations["com.example.unknown"] = "" | .annotations["org.opencontainers.unknown"] = "y"'
  set_args sleep 100
  create
  [ "$status" -eq 0 ]
  assert_same 'said nothing' '' "$output"
  assert_same annotation y "$(cof state "$CID" | jq -r '.annotations["org.opencontainers.unknown"]')"
}

@test "no process in config.json: created, but start fails" {
  bundle_edit 'del(.process)'
  create
  [ "$status" -eq 0 ]
  run cof start "$CID"
  [ "$status" -eq 1 ]
  assert_has 'process must be specified in config.json to start'
  # As if it had not been tried.
  status_is "$CID" created
  cof delete "$CID"
  run cof state "$CID"
  [[ $output == *'does not exist'* ]]
}
