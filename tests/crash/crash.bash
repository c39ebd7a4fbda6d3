# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of this directory share: killing coffer at a stop point, and the only repair there is.

load ../cli/helpers

setup_crash() {
  requires root
  grep -q COFFER_TEST_STOP_AT "$COFFER" || skip 'the binary was built without stop points'
  setup_bundle
  set_args sleep 100
}

teardown_crash() {
  local status=0 dir
  # The first comparison is the test: nothing may need the help of teardown_bundle.
  clean || status=1
  teardown_bundle || status=1
  return "$status"
}

clean() {
  [ -z "${RESIDUE_BEFORE:-}" ] || assert_no_residue
}

# A reservation that a kill has left is nobody's; it is removed when somebody meets it.
LEASES_MAY_STAY=1

stopped_process() { grep -q '^State:.T' "/proc/$1/status" 2>/dev/null; }
stopped_or_gone() { not kill -0 "$1" 2>/dev/null || stopped_process "$1"; }

# Runs coffer in the background up to the point, and kills it there.
kill_at() { # kill_at POINT ARG...
  local point=$1
  shift
  COFFER_TEST_STOP_AT=$point "$COFFER" --root "$ROOT" --id-ledger "$IDS" "$@" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 </dev/null 3>&- &
  VICTIM=$!
  wait_for 10 stopped_or_gone "$VICTIM"
  stopped_process "$VICTIM" || {
    echo "$point was not reached: $(cat "$BATS_TEST_TMPDIR/killed.out")" >&2
    return 1
  }
  kill -9 "$VICTIM"
  wait "$VICTIM" 2>/dev/null || true
}

# The only repair there is: silent, successful, complete, and the id is free again.
repair() {
  det delete --force "$CID"
  [ "$status" -eq 0 ] && [ -z "$output" ] || {
    echo "delete --force: status $status: $output" >&2
    return 1
  }
  clean || return 1
  run cof state "$CID"
  assert_status 1
  assert_has 'container does not exist'
}
