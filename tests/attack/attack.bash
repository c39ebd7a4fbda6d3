# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the attack tests share: a canary directory outside the bundle and a host-global sysctl that
# no test may change, both compared after every test, and the loop over all stops of the step
# adversary. Every attack test passes when the runtime refuses or when the attack has no effect;
# it fails when something outside the container changed or a protection is silently missing.
#
# ATTACK_STRIDE=N acts at every N-th stop only (default 1: at all of them).
# ATTACK_MEMORY_KB limits the address space of the runtime in the tests about bombs.

load ../cli/helpers

SENTINEL=/proc/sys/kernel/printk_ratelimit_burst
TOOLS_SOURCE=$BATS_TEST_DIRNAME/../tools

attack_setup() {
  requires root
  SENTINEL_VALUE=$(cat "$SENTINEL")
  BINARY_BEFORE=$(sha256sum <"$COFFER")
  # The mapped root of a user namespace must be able to reach the root filesystem.
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test 2>/dev/null || true
  make_canary
  setup_bundle
  bundle_edit '.root.readonly = false'
  : >"$BUNDLE/rootfs/inside-marker"
}

make_canary() {
  CANARY=$BATS_TEST_TMPDIR/canary
  mkdir -p "$CANARY/dir"
  echo secret-of-the-host >"$CANARY/file"
  echo other >"$CANARY/ptmx"
  echo victim >"$CANARY/dir/victim"
  chmod 600 "$CANARY/dir/victim"
  CANARY_BEFORE=$(canary_picture)
  grep -q '^sysctl ' <<<"$CANARY_BEFORE" && grep -q '^hash ' <<<"$CANARY_BEFORE"
}

# Names, owners, modes, contents of the canary and the value of the sentinel.
canary_picture() {
  sh "$TOOLS_SOURCE/snapshot" --no-mounts --canary "$CANARY" --sysctl "$SENTINEL"
}

canary_same() {
  local now
  now=$(canary_picture)
  [ "$now" = "$CANARY_BEFORE" ] || {
    echo 'the canary or the sentinel changed:' >&2
    diff <(echo "$CANARY_BEFORE") <(echo "$now") >&2
    return 1
  }
}

# The same much faster, after each of hundreds of runs: whatever was done to the canary has left a change time, and the
# sentinel its value.
canary_times() { find "$CANARY" -printf '%P %y %U:%G %m %l %C@\n'; echo "$(<"$SENTINEL")"; }
canary_untouched() { [ "$(canary_times)" = "$CANARY_TIMES" ] || { canary_same; false; }; }

attack_teardown() {
  local status=0
  canary_same || status=1
  [ "$(cat "$SENTINEL")" = "$SENTINEL_VALUE" ] || echo "$SENTINEL_VALUE" >"$SENTINEL"
  [ "$(sha256sum <"$COFFER")" = "$BINARY_BEFORE" ] || {
    echo 'the runtime binary changed' >&2
    status=1
  }
  teardown_bundle || status=1
  return "$status"
}

# The last `run` ended with an error of the runtime: no success, no signal, no timeout.
assert_refused() {
  if [ "$status" -eq 0 ] || [ "$status" -ge 124 ]; then
    echo "not refused${1:+ ($1)}: status $status" >&2
    echo "$output" >&2
    return 1
  fi
}

assert_has() {
  [[ $output == *"$1"* ]] || {
    echo "\`$1\` is missing in:" >&2
    echo "$output" >&2
    return 1
  }
}

assert_lacks() {
  [[ $output != *"$1"* ]] || {
    echo "\`$1\` is in:" >&2
    echo "$output" >&2
    return 1
  }
}

# In the output of testinit statpath: a path that is the null device.
assert_null_device() {
  grep -Eq "^$1 type=char .* rdev=1:3( |$)" <<<"$output" || {
    echo "$1 is not masked by the null device:" >&2
    echo "$output" >&2
    return 1
  }
}

remove_container() {
  [ ! -d "$ROOT/$CID" ] || cof delete --force "$CID" >/dev/null 2>&1 || true
}

# The mounts of the default configuration without those at or below PATH.
without_mounts() {
  bundle_edit '.mounts |= map(select((.destination == $p or (.destination | startswith($p + "/"))) | not))' \
    --arg p "$1"
}

add_mount() { # add_mount DESTINATION TYPE SOURCE OPTION...
  local d=$1 t=$2 s=$3
  shift 3
  bundle_edit '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' \
    --arg d "$d" --arg t "$t" --arg s "$s" --args "$@"
}

# Appends a user namespace to the present config and gives the root filesystem to its root.
make_userns() {
  bundle_edit '.linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  chown -R --no-dereference 100000:100000 "$BUNDLE/rootfs"
}

# step_all RESET CHECK ADVERSARY-OPTIONS... -- PROGRAM ARG...
# Acts at every stop in turn. RESET restores the bundle before each run; CHECK judges each run from
# $status (of the program), $acted, $output. Stops at the first failure.
step_all() {
  local reset=$1 check=$2 options=() n total report=$BATS_TEST_TMPDIR/report line
  shift 2
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  CANARY_TIMES=$(canary_times)
  $reset
  "$COFFER_TESTBIN/step-adversary" --count --report "$report" -- "$@" >"$BATS_TEST_TMPDIR/out" 2>&1
  total=$(sed -n 's/^stops=\([0-9]*\) .*/\1/p' "$report")
  grep -q 'status=exit:0' "$report" || {
    echo "the run without an attack failed: $(cat "$report" "$BATS_TEST_TMPDIR/out")" >&2
    return 1
  }
  [ "$total" -gt 0 ]
  for ((n = 1; n <= total; n += ${ATTACK_STRIDE:-1})); do
    remove_container
    $reset
    "$COFFER_TESTBIN/step-adversary" --at "$n" "${options[@]}" --report "$report" -- "$@" \
      >"$BATS_TEST_TMPDIR/out" 2>&1 || {
      echo "stop $n: the adversary: $(cat "$report")" >&2
      return 1
    }
    line=$(<"$report")
    output=$(<"$BATS_TEST_TMPDIR/out")
    acted=${line#*acted=} acted=${acted%% *}
    status=${line##*status=} status=${status#*:}
    canary_untouched && $check || {
      echo "stop $n: $line" >&2
      echo "$output" >&2
      return 1
    }
  done
  canary_same
  echo "$total stops" >&2
}
