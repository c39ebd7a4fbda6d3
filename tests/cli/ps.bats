#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# coffer ps: rows of ps(1) and JSON, in every state, with an awkward ps, for containers without a cgroup.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

HEADER='^UID +PID +PPID'

# A ps of our own, the only thing in PATH; the script gets its arguments.
fake_ps() { # fake_ps SCRIPT
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/bin/ps"
  chmod 755 "$BATS_TEST_TMPDIR/bin/ps"
}

with_path() { # with_path PATH ARGS...
  local path=$1
  shift
  env PATH="$path" "$COFFER" --root "$ROOT" "$@"
}

with_fake_ps() { with_path "$BATS_TEST_TMPDIR/bin" "$@"; }

start_three() { # init, and two children
  set_args sh -c 'sleep 101 & sleep 102 & wait'
  start_bundle
  wait_for 10 three_run
}

three_run() { [ "$(cof ps -f json "$CID" | jq length)" = 3 ] && ps -o args= -p "$(cof ps -f json "$CID" | jq -r 'map(tostring) | join(",")')" | grep -q 'sleep 102'; }

@test "table: the header and the rows of the container, nobody else's" {
  start_three
  run cof ps "$CID"
  assert_status 0
  assert_match "$HEADER"
  assert_same lines 4 "${#lines[@]}"
  assert_match " $PID "
  assert_has 'sleep 101'
  assert_has 'sleep 102'
  assert_lacks bats
}

@test "table: the options of ps are passed on; the PID column may be anywhere" {
  start_three
  run cof ps "$CID" -e -o ppid,pid,args
  assert_status 0
  assert_match '^ *PPID +PID +COMMAND$'
  assert_match "^ *$PID +[0-9]+ sleep 101$"
  assert_same lines 4 "${#lines[@]}"
}

@test "everything after the id belongs to ps" {
  start_three
  fake_ps 'echo PID; printf "%s\n" "$@" >"'"$BATS_TEST_TMPDIR"'/args"'
  run with_fake_ps ps "$CID" --format json -- -x 'a b' ''
  assert_status 0
  assert_same output PID "$output"
  assert_same arguments "$(printf '%s\n' --format json -- -x 'a b' '')" "$(cat "$BATS_TEST_TMPDIR/args")"
}

@test "json: pids in ascending order on one line" {
  start_three
  cof ps --format json "$CID" >"$BATS_TEST_TMPDIR/json"
  grep -Exq '\[[0-9]+,[0-9]+,[0-9]+\]' "$BATS_TEST_TMPDIR/json"
  assert_same lines 1 "$(wc -l <"$BATS_TEST_TMPDIR/json")"
  assert_same order "$(jq -c 'sort | unique' "$BATS_TEST_TMPDIR/json")" "$(cat "$BATS_TEST_TMPDIR/json")"
  jq -e "index($PID) != null" "$BATS_TEST_TMPDIR/json"
  cof ps -f=json "$CID" | cmp - "$BATS_TEST_TMPDIR/json"
}

@test "processes in cgroups below the container's are its own" {
  requires cgroup-v1
  start_three
  local controller dir child
  child=$(cof ps -f json "$CID" | jq ".[] | select(. != $PID)" | head -1)
  for controller in freezer pids memory cpu; do
    dir=$(awk -F: -v c="$controller" '$2 == c { print "/sys/fs/cgroup/" c $3 }' "/proc/$PID/cgroup")
    [ -n "$dir" ] || continue
    mkdir -p "$dir/below/deeper"
    echo "$child" >"$dir/below/deeper/cgroup.procs"
  done
  assert_same pids 3 "$(cof ps -f json "$CID" | jq length)"
  cof ps "$CID" | grep -q " $child "
}

@test "created: init; stopped: the header, and an empty array" {
  set_args sleep 100
  det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  PID=$(cat "$BATS_TEST_TMPDIR/pid")
  assert_same created "[$PID]" "$(cof ps -f json "$CID")"
  [ "$(cof ps "$CID" | wc -l)" = 2 ]
  cof kill "$CID" KILL
  wait_for 10 status_is "$CID" stopped
  wait_for 10 test "$(cof ps -f json "$CID")" = '[]'
  run cof ps "$CID"
  assert_status 0
  assert_match "$HEADER"
  assert_same lines 1 "${#lines[@]}"
}

@test "without a cgroup: init alone is known" {
  set_args sh -c 'sleep 101 & wait'
  det --cgroup-manager disabled run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  assert_same pids "[$(cat "$BATS_TEST_TMPDIR/pid")]" "$(cof ps -f json "$CID")"
  [ "$(cof ps "$CID" | wc -l)" = 2 ]
}

@test "errors: format, id, missing id" {
  run cof ps nosuch
  assert_status 1
  assert_has 'container does not exist'
  run cof ps --format bad nosuch
  assert_has 'container does not exist'
  set_args sleep 100
  start_bundle
  run cof ps --format bad "$CID"
  assert_status 1
  assert_has 'invalid format option'
  run cof ps
  assert_status 1
  assert_has 'requires a minimum of 1 argument(s)'
}

@test "output without a PID column" {
  start_three
  run cof ps "$CID" -o args
  assert_status 1
  assert_has "couldn't find PID field in ps output"
  fake_ps 'exit 0'
  run with_fake_ps ps "$CID"
  assert_status 1
  assert_has "couldn't find PID field in ps output"
  fake_ps 'echo PIDS OPID; echo 1 1'
  run with_fake_ps ps "$CID"
  assert_status 1
  assert_has "couldn't find PID field in ps output"
}

@test "a ps that fails: its status and what it said" {
  start_three
  run cof ps "$CID" --no-such-option
  assert_status 1
  assert_match 'ps: exit status [0-9]+: [a-z]+'
  fake_ps 'echo PID; printf "two\nlines\033[31m\n" >&2; exit 3'
  run with_fake_ps ps "$CID"
  assert_status 1
  assert_has 'ps: exit status 3: two lines'
  assert_lacks $'\033'
  fake_ps 'kill -9 $$'
  run with_fake_ps ps "$CID"
  assert_status 1
  assert_has 'ps: ended by signal 9'
}

@test "where ps is looked for: PATH, or the usual directories without one; never the working directory" {
  start_three
  run env -i "$COFFER" --root "$ROOT" ps "$CID"
  assert_status 0
  assert_match "$HEADER"
  fake_ps 'echo PID of the wrong directory'
  cd "$BATS_TEST_TMPDIR/bin"
  for path in :/nosuch .:/nosuch /nosuch: nosuch; do
    run with_path "$path" ps "$CID"
    assert_status 1
    assert_has ': executable file not found in $PATH'
  done
  mkdir -p "$BATS_TEST_TMPDIR/other/ps"
  run with_path "$BATS_TEST_TMPDIR/other:$BATS_TEST_TMPDIR/bin" ps "$CID"
  assert_status 0
  assert_has 'wrong directory'
}

@test "ps gets /dev/null, two pipes and no other descriptor, and is not started for json" {
  start_three
  fake_ps 'echo PID; exec 9>"'"$BATS_TEST_TMPDIR"'/fds"; for f in /proc/$$/fd/*; do echo "${f##*/}" >&9; done
    [ "$(/bin/readlink /proc/$$/fd/0)" = /dev/null ] || exit 9'
  run with_fake_ps ps "$CID" 7</dev/null 8>/dev/null
  assert_status 0
  not grep -Ex '[78]' "$BATS_TEST_TMPDIR/fds"
  rm "$BATS_TEST_TMPDIR/fds"
  run with_fake_ps ps -f json "$CID"
  assert_status 0
  [ ! -e "$BATS_TEST_TMPDIR/fds" ]
}

@test "much output on both streams does not hang it; rows are shown escaped, or not at all" {
  start_three
  fake_ps 'echo "  PID NAME"
    for i in {1..3000}; do printf "%0200d\n" $i >&2; printf "1 %0100d\n" $i; done
    echo; echo x; echo "-1 minus"; echo "99999999999999999999 big"
    printf "'"$PID"' a\033[1mb\rc\n'"$PID"'x letters\n"'
  run timeout 30 env PATH="$BATS_TEST_TMPDIR/bin" "$COFFER" --root "$ROOT" ps "$CID"
  assert_status 0
  assert_same output "$(printf '  PID NAME\n%s a\\x1b[1mb\\x0dc' "$PID")" "$output"
}
