#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# Commands on one container at the same time: whoever comes first, nothing hangs and nothing is left.
# ROUNDS: how often, for slow machines and instrumented builds.

load helpers

setup() {
  requires root
  setup_bundle
  : "${ROUNDS:=$([ -n "${ASAN_OPTIONS:-}${COFFER_VALGRIND:-}" ] && echo 20 || echo 100)}"
}
teardown() { teardown_bundle; }

quiet() { cof "$@" >/dev/null 2>&1 </dev/null; }

# Rounds with these commands at once, until the container is gone. Any may be too late; none may take long.
rounds() { # rounds N COMMAND...
  local n=$1 i command began pids; shift
  for ((i = 0; i < n; i++)); do
    began=$(date +%s)
    start_bundle >/dev/null 2>&1
    pids=()
    for command; do
      # shellcheck disable=SC2086
      quiet ${command/ID/$CID} &
      pids+=($!)
    done
    for pid in "${pids[@]}"; do
      wait "$pid" || [ $? -eq 1 ] || { echo "round $i: a command took too long or crashed" >&2; return 1; }
    done
    quiet delete --force "$CID"
    [ ! -e "$ROOT/$CID" ] || { echo "round $i: the state is left" >&2; return 1; }
    [ $(($(date +%s) - began)) -le "${ROUND_LIMIT:-9}" ] || { echo "round $i took too long" >&2; return 1; }
  done
  assert_no_residue
}

@test "update, pause, resume, kill and delete --force at once" {
  set_args sleep 100
  rounds "$ROUNDS" 'update --pids-limit 50 --memory 64m ID' 'pause ID' 'resume ID' 'kill ID KILL' 'delete --force ID'
}

@test "the same with signals to all processes, in a pid namespace that is shared" {
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  set_args sh -c 'sleep 100 & sleep 100 & sleep 100'
  rounds $((ROUNDS / 4)) 'pause ID' 'kill --all ID USR2' 'resume ID' 'kill --all ID KILL' 'pause ID' 'update --cpu-share 512 ID'
}

@test "updates at once: each as a whole, the last one wins" {
  set_args sleep 100
  start_bundle
  for i in 1 2 3 4 5 6 7 8; do
    quiet update --pids-limit "4$i" --cpu-share "40$i" "$CID" &
  done
  wait
  local pids
  pids=$(jq .pids.limit "$ROOT/$CID/resources.json")
  assert_same 'one of them' "40${pids#4}" "$(jq .cpu.shares "$ROOT/$CID/resources.json")"
}

@test "pause and resume at once: paused or running in the end, and never anything else" {
  set_args sleep 100
  start_bundle
  for _ in 1 2 3 4 5 6; do
    quiet pause "$CID" & quiet resume "$CID" &
    quiet pause "$CID" & quiet resume "$CID" &
    wait
    run cof state "$CID"
    assert_status 0
    assert_match '"status": "(paused|running)"'
  done
  quiet resume "$CID" || true
  status_is "$CID" running
}
