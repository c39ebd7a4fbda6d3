#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Readiness (NOTIFY_SOCKET), socket activation, preserved descriptors, the pidfd socket.

load helpers

setup() { requires root; setup_bundle; MANAGER=$BATS_TEST_TMPDIR/manager.sock TOLD=$BATS_TEST_TMPDIR/told TOOLS=$BATS_TEST_DIRNAME/../tools; }
teardown() { teardown_bundle; }

manager() { # manager [ADDRESS] [DELAY]
  : >"$TOLD"
  python3 "$TOOLS/notify-manager.py" "${1:-$MANAGER}" ${2:+"$2"} >>"$TOLD" 2>&1 </dev/null 3>&- &
  BACKGROUND_PIDS="${BACKGROUND_PIDS:-} $!"
  wait_for 10 grep -q listening "$TOLD"
}

told() { tail -n +2 "$TOLD"; }

# What the manager must have heard, in this order, of the process with this pid.
assert_told() { # assert_told PID [READY]
  wait_for 5 grep -q BARRIER "$TOLD"
  assert_same told "${2:-READY=1}\\n fds=0|MAINPID=$1\\n fds=0|BARRIER=1 fds=1" "$(told | paste -sd'|')"
}

@test "run in the foreground: readiness, the pid of the process, and a barrier" {
  manager
  run_sleeper='testinit notify; sleep 1; echo end'
  set_args sh -c "echo \$NOTIFY_SOCKET; $run_sleeper"
  NOTIFY_SOCKET=$MANAGER "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 &
  wait_for 5 status_is "$CID" running
  pid=$(cof state "$CID" | jq .pid)
  wait $!
  assert_told "$pid"
  grep -qx /run/notify/notify.sock "$BATS_TEST_TMPDIR/out"
  grep -qx end "$BATS_TEST_TMPDIR/out"
}

@test "run in the foreground: what was said right before the end was said; other states stay inside" {
  manager
  run_it() { set_args "$@"; NOTIFY_SOCKET=$MANAGER run_bundle; assert_status 0; }
  run_it testinit notify 'STATUS=working' + notify 'STOPPING=1' + notify $'X=1\nREADY=now\nMAINPID=1\nFDSTORE=1'
  wait_for 5 grep -q BARRIER "$TOLD"
  assert_same first 'READY=now\n fds=0' "$(told | head -1)"
  assert_same lines 3 "$(told | wc -l)"
  not grep -qE 'STATUS|STOPPING|FDSTORE|MAINPID=1$' "$TOLD"
}

@test "detached run waits for readiness; nobody else is kept waiting" {
  manager
  set_args sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; testinit notify; sleep 60'
  NOTIFY_SOCKET=$MANAGER "$COFFER" --root "$ROOT" run --detach --bundle "$BUNDLE" "$CID" >/dev/null 2>&1 </dev/null &
  runner=$!
  wait_for 5 status_is "$CID" running
  pid=$(cof state "$CID" | jq .pid)
  sleep 0.3
  kill -0 "$runner"
  touch "/proc/$pid/root/dev/shm/go"
  wait "$runner"
  assert_told "$pid"
  cof delete --force "$CID"
}

@test "create and start: start waits, and goes on when it is ready" {
  manager
  set_args sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; testinit notify; sleep 60'
  NOTIFY_SOCKET=$MANAGER det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  pid=$(cof state "$CID" | jq .pid)
  # Engines start with another environment.
  "$COFFER" --root "$ROOT" start "$CID" & starter=$!
  wait_for 5 status_is "$CID" running
  sleep 0.3
  kill -0 "$starter"
  cof kill "$CID" CONT
  cof pause "$CID" && cof resume "$CID"
  touch "/proc/$pid/root/dev/shm/go"
  wait "$starter"
  assert_told "$pid"
  cof delete --force "$CID"
}

@test "start gives up when the process ends, or the container is deleted meanwhile" {
  manager
  set_args sh -c 'exit 3'
  NOTIFY_SOCKET=$MANAGER det create --bundle "$BUNDLE" "$CID"
  cof start "$CID"
  cof delete "$CID"
  set_args sleep 60
  NOTIFY_SOCKET=$MANAGER det create --bundle "$BUNDLE" "$CID"
  "$COFFER" --root "$ROOT" start "$CID" & starter=$!
  wait_for 5 status_is "$CID" running
  cof delete --force "$CID"
  wait "$starter"
  assert_same told '' "$(told)"
}

@test "detached: the end waits until the manager has seen it, but not for ever" {
  manager "$MANAGER" 1
  set_args sh -c 'testinit notify; sleep 60'
  begin=$(date +%s%N)
  NOTIFY_SOCKET=$MANAGER det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  [ $(($(date +%s%N) - begin)) -ge 900000000 ]
  cof delete --force "$CID"
}

@test "an abstract address, and a path longer than an address" {
  manager "@coffer-test-$$-$RANDOM"
  address=$(tr '\0' ' ' </proc/"${BACKGROUND_PIDS##* }"/cmdline | grep -o '@[^ ]*')
  set_args testinit notify
  NOTIFY_SOCKET=$address run_bundle
  assert_status 0
  wait_for 5 grep -q BARRIER "$TOLD"
  long=$BATS_TEST_TMPDIR/$(printf 'd%.0s' {1..120})
  mkdir "$long"
  manager "$long/m"
  NOTIFY_SOCKET=$long/m run_bundle
  assert_status 0
  wait_for 5 grep -q BARRIER "$TOLD"
}

@test "user namespace, another user, read-only root, tmpfs on /run, umask" {
  setup_userns_bundle u
  manager
  bundle_edit '.process.user = {uid: 1000, gid: 1000} | .root.readonly = true | .mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]'
  set_args sh -c 'testinit notify; rm /run/notify/notify.sock || mv /run/notify /run/x || touch /run/notify/new || echo kept'
  (umask 077; NOTIFY_SOCKET=$MANAGER; export NOTIFY_SOCKET; run_bundle; assert_status 0; assert_line 'notify=OK'; assert_line kept)
  wait_for 5 grep -q BARRIER "$TOLD"
}

@test "the container's root cannot change the directory of the socket" {
  manager
  bundle_edit '.process.capabilities = {bounding: ["CAP_DAC_OVERRIDE"], effective: ["CAP_DAC_OVERRIDE"], permitted: ["CAP_DAC_OVERRIDE"]}'
  set_args sh -c 'rm /run/notify/notify.sock; touch /run/notify/new; ls /run/notify; testinit notify'
  NOTIFY_SOCKET=$MANAGER run_bundle
  assert_status 0
  assert_line notify.sock
  assert_lacks new$
  assert_line 'notify=OK'
  wait_for 5 grep -q BARRIER "$TOLD"
}

@test "nobody listens, or it is no address: a warning, and the container runs" {
  set_args sh -c 'testinit notify; echo ran'
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/nobody run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line ran
  assert_match 'was not told: no such file or directory'
  NOTIFY_SOCKET=relative run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line 'notify=UNSET'
  assert_match 'NOTIFY_SOCKET is ignored'
  NOTIFY_SOCKET='' run_bundle
  assert_status 0
  assert_line 'notify=UNSET'
}

@test "a configuration with a NOTIFY_SOCKET of its own is left alone" {
  manager
  bundle_edit '.process.env += ["NOTIFY_SOCKET=/own"]'
  set_args sh -c 'echo "$NOTIFY_SOCKET"; ls -d /run/notify'
  NOTIFY_SOCKET=$MANAGER run_bundle
  assert_line /own
  assert_match "/run/notify: No such file"
  det create --bundle "$BUNDLE" "$CID"
  cof start "$CID"
  cof delete --force "$CID"
}

@test "a hostile container: floods, long lines, zeros, descriptors; one clean line is told" {
  manager
  set_args sh -c 'for i in 1 2 3; do testinit notify "READY=$(head -c 3000 /dev/zero | tr "\0" x)"; testinit notify "READY="; testinit notify XREADY=1; done; testinit notify READY=1; sleep 0.2'
  NOTIFY_SOCKET=$MANAGER run_bundle
  assert_status 0
  wait_for 5 grep -q BARRIER "$TOLD"
  assert_same first 'READY=1\n fds=0' "$(told | head -1)"
  assert_same lines 3 "$(told | wc -l)"
}

@test "without NOTIFY_SOCKET there is no mount, no directory, no variable" {
  set_args sh -c 'echo "<$NOTIFY_SOCKET>"; grep -c notify /proc/self/mountinfo; sleep 60'
  "$COFFER" --root "$ROOT" run --detach --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
  wait_for 5 grep -qx 0 "$BATS_TEST_TMPDIR/out"
  grep -qx '<>' "$BATS_TEST_TMPDIR/out"
  not test -e "$ROOT/$CID/notify"
  cof delete --force "$CID"
}

# ---- descriptors ----

@test "LISTEN_FDS first, then preserved ones; names; the configuration wins; create and start" {
  set_args sh -c 'echo "$LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES"; testinit fds'
  local go="exec 3</etc/passwd 4</etc/group 5</etc/hostname 6</tmp; LISTEN_FDS=2 LISTEN_FDNAMES=a:b exec env LISTEN_PID=\$\$ '$COFFER' --root '$ROOT'"
  run bash -c "$go run --preserve-fds 1 --bundle '$BUNDLE' $CID"
  assert_status 0
  assert_line '2 1 a:b'
  assert_match '^fd 3 .*passwd'
  assert_match '^fd 4 .*group'
  assert_match '^fd 5 .*hostname'
  not grep -Eq '^fd ([6-9]|[1-9][0-9]+) ' <<<"$output"
  bash -c "$go create --preserve-fds 1 --bundle '$BUNDLE' $CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
  cof start "$CID"
  wait_for 5 status_is "$CID" stopped
  cof delete "$CID"
  grep -qx '2 1 a:b' "$BATS_TEST_TMPDIR/out"
  grep -q '^fd 5 .*hostname' "$BATS_TEST_TMPDIR/out"
  bundle_edit '.process.env += ["LISTEN_FDS=9", "LISTEN_PID=77"]'
  run bash -c "$go run --bundle '$BUNDLE' $CID"
  assert_status 0
  assert_line '9 77 '
}

@test "a directory among the descriptors is refused before anything exists; what to do is told" {
  local command
  for command in create run; do
    run bash -c "exec 3</etc/passwd 4</tmp; '$COFFER' --root '$ROOT' --log-format json $command --preserve-fds 2 --bundle '$BUNDLE' $CID"
    assert_status 1
    assert_has 'cannot preserve descriptor 4: it is a directory'
    assert_has 'mount the directory in the container'
    assert_has '"preserved-path"'
    run bash -c "exec 3</tmp; LISTEN_FDS=1 exec env LISTEN_PID=\$\$ '$COFFER' --root '$ROOT' $command --bundle '$BUNDLE' $CID"
    assert_status 1
    assert_has 'cannot preserve descriptor 3: it is a directory'
    [ ! -e "$ROOT/$CID" ]
  done
}

@test "LISTEN_FDS of somebody else, or that are none, are not taken" {
  set_args sh -c 'echo "<$LISTEN_FDS>"; testinit fds'
  for pid in 1 '' 'x' '$$x'; do
    run bash -c "exec 3</etc/passwd; LISTEN_FDS=1 exec env LISTEN_PID=$pid '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
    assert_status 0
    assert_line '<>'
    assert_lacks passwd
  done
  for n in 0 -1 x 99999; do
    run bash -c "exec 3</etc/passwd; LISTEN_FDS=$n exec env LISTEN_PID=\$\$ '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
    assert_status 0
    assert_lacks passwd
  done
  run bash -c "exec 3<&- 4<&-; LISTEN_FDS=2 exec env LISTEN_PID=\$\$ '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_status 1
  assert_match 'unable to stat LISTEN_FDS descriptor'
}

take_fd() { # take_fd: someone who listens on $MANAGER
  rm -f "$MANAGER"
  python3 "$TOOLS/take-fd.py" "$MANAGER" >"$TOLD" 2>&1 </dev/null 3>&- &
  BACKGROUND_PIDS="${BACKGROUND_PIDS:-} $!"
  wait_for 10 test -S "$MANAGER"
}

@test "pidfd socket: option and annotation, create and run" {
  set_args sleep 60
  for how in option annotation; do
    for command in create 'run --detach'; do
      take_fd
      if [ $how = option ]; then
        det $command --pidfd-socket "$MANAGER" --bundle "$BUNDLE" "$CID"
        want='payload=[standard]'
      else
        bundle_edit '.annotations = {"run.oci.pidfd_receiver": $p}' --arg p "$MANAGER"
        det $command --bundle "$BUNDLE" "$CID"
        want='payload=[ ]'
      fi
      assert_status 0
      wait_for 5 grep -q '^pid=' "$TOLD"
      grep -qxF "$want" "$TOLD"
      grep -Eqx 'fd=(anon_inode:\[pidfd\]|pidfd:\[[0-9]+\])' "$TOLD"
      assert_same pid "pid=$(cof state "$CID" | jq .pid)" "$(grep '^pid=' "$TOLD")"
      cof delete --force "$CID"
    done
  done
}

@test "pidfd socket: nobody there, or no socket: an error, and nothing is left" {
  set_args sleep 60
  det create --pidfd-socket "$BATS_TEST_TMPDIR/none" --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_match 'pidfd socket.*no such file or directory'
  : >"$BATS_TEST_TMPDIR/file"
  det run --detach --pidfd-socket "$BATS_TEST_TMPDIR/file" --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_match 'pidfd socket.*connection refused'
  bundle_edit '.annotations = {"run.oci.pidfd_receiver": "/nonexistent"}'
  run cof run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_match 'pidfd socket.*no such file or directory'
  assert_no_residue
}
