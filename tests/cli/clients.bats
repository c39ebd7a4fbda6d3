#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What engines rely on: files, streams, log, process relations.

load helpers

setup() { setup_bundle; set_args sleep 100; }
teardown() { teardown_bundle; }

@test "pid file: digits only, no newline, replaced by rename, there when create returns" {
  ln -s "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/pid"
  echo precious >"$BATS_TEST_TMPDIR/victim"
  cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  [ ! -L "$BATS_TEST_TMPDIR/pid" ]
  [ "$(cat "$BATS_TEST_TMPDIR/victim")" = precious ]
  grep -Eqz '^[0-9]+$' "$BATS_TEST_TMPDIR/pid"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/pid")" -eq 0 ]
  kill -0 "$(cat "$BATS_TEST_TMPDIR/pid")"
  [ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '.pid*')" ]
}

@test "a relative pid file belongs to the caller's directory" {
  mkdir "$BATS_TEST_TMPDIR/here"
  cd "$BATS_TEST_TMPDIR/here"
  cof create --bundle "$BUNDLE" --pid-file my.pid "$CID"
  [ -s "$BATS_TEST_TMPDIR/here/my.pid" ]
}

@test "no pid file after a failure, an older one is left alone" {
  echo 1 >"$BATS_TEST_TMPDIR/pid"
  set_args /no/such/program
  run cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  [ "$status" -eq 1 ]
  [ "$(cat "$BATS_TEST_TMPDIR/pid")" = 1 ]
  run cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/new" "$CID"
  [ "$status" -eq 1 ]
  [ ! -e "$BATS_TEST_TMPDIR/new" ]
}

@test "log file: nothing on success, one JSON object on failure, appended" {
  log=$BATS_TEST_TMPDIR/log.json
  cof --log "$log" --log-format json create --bundle "$BUNDLE" "$CID"
  [ ! -s "$log" ]
  run cof --log "$log" --log-format json start nosuch
  [ "$status" -eq 1 ]
  [ "$output" = 'container does not exist' ]
  [ "$(wc -l <"$log")" -eq 1 ]
  [ "$(jq -r .level "$log")" = error ]
  [ "$(jq -r .msg "$log")" = 'container does not exist' ]
  date -d "$(jq -r .time "$log")" >/dev/null
  run cof --log "$log" --log-format json start nosuch
  [ "$(wc -l <"$log")" -eq 2 ]
}

@test "log file in text form, and without --log" {
  log=$BATS_TEST_TMPDIR/log
  run cof --log="$log" start nosuch
  grep -Eq '^time="[0-9TZ:-]+" level=error msg="container does not exist"$' "$log"
  run cof start nosuch
  [[ $output =~ ^time=\"[0-9TZ:-]+\"\ level=error\ msg=\"container\ does\ not\ exist\"$ ]]
  run cof --log-format json start nosuch
  [ "$(jq -r .msg <<<"$output")" = 'container does not exist' ]
  run cof --log-format xml start nosuch
  [ "$status" -eq 1 ]
  [[ $output == *'invalid log-format: xml'* ]]
  run cof --log /no/such/dir/log state x
  [ "$status" -eq 1 ]
  [[ $output == */no/such/dir/log* ]]
}

@test "the message on stderr is one write" {
  set_args /no/such/program
  strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=write "$COFFER" --root "$ROOT" --log "$BATS_TEST_TMPDIR/l" create --bundle "$BUNDLE" "$CID" || true
  [ "$(grep -c 'write(2,' "$BATS_TEST_TMPDIR/trace")" -eq 1 ]
}

@test "init is an orphaned session leader when create returns" {
  python3 - "$COFFER" "$ROOT" "$BUNDLE" "$CID" <<'END'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # subreaper, as engines are
coffer, root, bundle, cid = sys.argv[1:]
subprocess.check_call([coffer, '--root', root, 'create', '--bundle', bundle, '--pid-file', bundle + '/pid', cid])
pid = int(open(bundle + '/pid').read())
fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
assert int(fields[1]) == os.getpid(), 'init is not our child now'
assert int(fields[3]) == pid, 'init is no session leader'
os.kill(pid, 9)
done, status = os.waitpid(pid, 0)
assert done == pid and os.WIFSIGNALED(status)
END
}

@test "the runtime may die right after create: PDEATHSIG of the caller does not reach init" {
  python3 - "$COFFER" "$ROOT" "$BUNDLE" "$CID" <<'END'
import ctypes, subprocess, sys
libc = ctypes.CDLL(None)
coffer, root, bundle, cid = sys.argv[1:]
subprocess.check_call([coffer, '--root', root, 'create', '--bundle', bundle, cid], preexec_fn=lambda: libc.prctl(1, 9))
END
  status_is "$CID" created
  cof start "$CID"
  status_is "$CID" running
}

@test "later commands need none of the options that create had" {
  cof --systemd-cgroup=false --log "$BATS_TEST_TMPDIR/log" --log-format json --rootless=auto --debug=false create --bundle "$BUNDLE" "$CID"
  run env -i "$COFFER" --root "$ROOT" state "$CID"
  [ "$status" -eq 0 ]
  run env -i "$COFFER" --root "$ROOT" start "$CID"
  [ "$status" -eq 0 ]
  run env -i "$COFFER" --root "$ROOT" kill "$CID" KILL
  [ "$status" -eq 0 ]
  run env -i "$COFFER" --root "$ROOT" delete --force "$CID"
  [ "$status" -eq 0 ]
}

@test "stdio of create is the container's; nothing of it stays open in coffer" {
  set_args sh -c 'echo from-container; echo to-stderr >&2'
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  cat "$BATS_TEST_TMPDIR/fifo" >"$BATS_TEST_TMPDIR/out" & reader=$!
  "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/fifo" 2>&1 </dev/null
  cof start "$CID"
  wait $reader # end of file: the container's process held the last copies
  grep -q from-container "$BATS_TEST_TMPDIR/out"
  grep -q to-stderr "$BATS_TEST_TMPDIR/out"
}

@test "after a failed create nobody holds stderr" {
  set_args /no/such/program
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  timeout 10 cat "$BATS_TEST_TMPDIR/fifo" >/dev/null & reader=$!
  "$COFFER" --root "$ROOT" create --bundle "$BUNDLE" "$CID" >/dev/null 2>"$BATS_TEST_TMPDIR/fifo" || true
  wait $reader
}

@test "only 0, 1, 2 and the preserved descriptors reach the process" {
  set_args testinit fds
  local run="exec '$COFFER' --root '$ROOT' run --bundle '$BUNDLE'"
  run bash -c "exec 7</etc/passwd 8</tmp 9</etc/group; $run $CID"
  [ "$status" -eq 0 ]
  not grep -Eq '^fd ([3-9]|[1-9][0-9]+) ' <<<"$output"
  run bash -c "exec 3</etc/passwd 4</etc/group 7</etc/passwd 8</tmp; $run --preserve-fds 2 $CID"
  [ "$status" -eq 0 ]
  grep -Eq '^fd 3 .*passwd' <<<"$output"
  grep -Eq '^fd 4 .*group' <<<"$output"
  not grep -Eq '^fd ([5-9]|[1-9][0-9]+) ' <<<"$output"
}

@test "preserve-fds with a hole is refused before anything exists" {
  run bash -c "exec 3<&- 4<&- 5<&-; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' --preserve-fds 3 $CID"
  [ "$status" -eq 1 ]
  [[ $output == *'unable to stat preserved-fd'* ]]
}

@test "socket activation: LISTEN_FDS reach the process with LISTEN_PID=1" {
  set_args sh -c 'echo "$LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES"; testinit fds'
  run bash -c "exec 3</etc/passwd; LISTEN_FDS=1 LISTEN_FDNAMES=web exec env LISTEN_PID=\$\$ '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = '1 1 web' ]
  [[ $output == *passwd* ]]
}

@test "closed standard streams are replaced by /dev/null" {
  set_args testinit fds
  run bash -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID <&- | cat"
  [ "$status" -eq 0 ]
  grep -Eq '^fd 0 .*/dev/null' <<<"$output"
}

@test "the environment of the runtime does not reach the process" {
  set_args env
  SECRET=1 LD_PRELOAD= run_bundle
  [ "$status" -eq 0 ]
  not grep -q SECRET <<<"$output"
  grep -q '^HOME=/root$' <<<"$output"
  grep -q '^TERM=xterm$' <<<"$output"
}

@test "features: JSON on stdout, nothing on stderr, no root needed" {
  run bash -c "'$COFFER' features 2>'$BATS_TEST_TMPDIR/err'"
  [ "$status" -eq 0 ]
  [ ! -s "$BATS_TEST_TMPDIR/err" ]
  [ "$(jq -r .ociVersionMin <<<"$output")" = 1.0.0 ]
  [ "$(jq -r .ociVersionMax <<<"$output")" = 1.3.0 ]
  jq -e '.linux.namespaces | index("user") != null' <<<"$output"
  jq -e '.mountOptions | index("rro") != null' <<<"$output"
  jq -e '.hooks | length == 6' <<<"$output"
}

@test "--version: the word version once, commit line" {
  run "$COFFER" --version
  [ "$status" -eq 0 ]
  [[ ${lines[0]} =~ ^coffer\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
  [ "$(grep -c version <<<"$output")" -eq 1 ]
  grep -q '^commit: ' <<<"$output"
  grep -q '^spec: 1.3.0$' <<<"$output"
  run "$COFFER" -v
  [ "$status" -eq 0 ]
}

@test "delete twice, the second by force with the bundle gone" {
  cof create --bundle "$BUNDLE" "$CID"
  cof start "$CID"
  cof kill "$CID" 9
  wait_for 5 status_is "$CID" stopped
  mv "$BUNDLE" "$BUNDLE.gone"
  run cof delete "$CID"
  [ "$status" -eq 0 ]
  run cof --log /proc/nowhere/log delete --force "$CID"
  [ "$status" -le 1 ]
  run cof delete --force "$CID"
  [ "$status" -eq 0 ]
}

@test "kill --all after init has gone, shared pid namespace" {
  bundle_edit 'del(.linux.namespaces[] | select(.type == "pid"))'
  set_args sh -c 'sleep 100 & sleep 100 & exec sleep 100'
  cof create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  cof start "$CID"
  sleep 0.3
  kill -9 "$(cat "$BATS_TEST_TMPDIR/pid")"
  run cof kill --all "$CID" 9
  [ "$status" -eq 0 ]
  run cof kill -a "$CID" 9
  [ "$status" -eq 0 ]
  run cof delete "$CID"
  [ "$status" -eq 0 ]
}

@test "kill KILL ends everything when the pid namespace is shared" {
  bundle_edit 'del(.linux.namespaces[] | select(.type == "pid"))'
  set_args sh -c 'sleep 4321 & exec sleep 4321'
  cof create --bundle "$BUNDLE" "$CID"
  cof start "$CID"
  sleep 0.3
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  not pgrep -f 'sleep 4321' >/dev/null
}
