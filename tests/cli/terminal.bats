#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Terminals: handed out by --console-socket, and relayed by `run` in the foreground.

load helpers

setup() {
  requires root
  setup_bundle
  bundle_edit '.process.terminal = true'
  SOCK=$BATS_TEST_TMPDIR/console.sock
}
teardown() { teardown_bundle; }

# recvtty in the background: output in $TTY_OUT, its report in $TTY_REPORT, its pid in $RECVTTY.
receive() { # receive [RECVTTY OPTION...]
  TTY_OUT=$BATS_TEST_TMPDIR/tty.out
  TTY_REPORT=$BATS_TEST_TMPDIR/tty.report
  "$COFFER_TESTBIN/recvtty" -t 20 "$@" "$SOCK" >"$TTY_OUT" 2>"$TTY_REPORT" 3>&- &
  RECVTTY=$!
  background "$RECVTTY"
  wait_for 5 test -S "$SOCK"
}

# Runs to the end of the container and takes what was printed on the terminal as $output.
collect() {
  cof create --bundle "$BUNDLE" --console-socket "$SOCK" "$CID"
  cof start "$CID"
  rc=0
  wait "$RECVTTY" || rc=$?
  assert_same 'exit status of recvtty' 0 "$rc" || { cat "$TTY_REPORT" >&2; return 1; }
  output=$(tr -d '\r' <"$TTY_OUT")
}

# Runs a command on a pseudo terminal and follows a script of steps, one per argument:
#   expect:TEXT  wait until it was printed     send:TEXT  type it (Python escapes)
#   size:RxC     change the size               signal:N   send the command a signal
# Prints what came from the terminal, then `status=N`, `modes=same|changed`.
drive() { # drive STEP... -- COMMAND...
  python3 - "$@" <<'END'
import fcntl, os, pty, select, signal, struct, subprocess, sys, termios, time
split = sys.argv.index('--')
steps, command = sys.argv[1:split], sys.argv[split + 1:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
before = termios.tcgetattr(slave)
p = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                     preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
seen, mark, end = b'', 0, time.monotonic() + 30
def pump(t):
    global seen
    if select.select([master], [], [], t)[0]:
        seen += os.read(master, 65536)
        return True
    return False
failed = None
for step in steps:
    kind, _, text = step.partition(':')
    if kind == 'expect':
        want = text.encode()
        while want not in seen[mark:]:
            if time.monotonic() > end or (p.poll() is not None and not pump(0)):
                failed = 'never came: %r' % text
                break
            pump(0.05)
        if failed:
            break
        mark = seen.index(want, mark) + len(want)
    elif kind == 'send':
        os.write(master, text.encode().decode('unicode_escape').encode('latin-1'))
    elif kind == 'size':
        r, c = map(int, text.split('x'))
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', r, c, 0, 0))
    elif kind == 'signal':
        p.send_signal(int(text))
while p.poll() is None and time.monotonic() < end and not failed:
    pump(0.05)
while pump(0.1):
    pass
if p.poll() is None:
    p.kill()
    failed = failed or 'the command did not end'
status = p.wait()
sys.stdout.write(seen.decode('utf-8', 'replace').replace('\r\n', '\n'))
print()
print('status=%d' % status)
print('modes=%s' % ('same' if termios.tcgetattr(slave) == before else 'changed'))
if failed:
    print('failed:', failed)
    sys.exit(1)
END
}

foreground() { # foreground STEP...: coffer run on a terminal
  run drive "$@" -- "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
}

@test "console socket: one message, one descriptor, a payload" {
  receive
  set_args testinit tty
  collect
  assert_match '^tty fd=0 name=/dev/pts/0 '
  output=$(cat "$TTY_REPORT")
  assert_line 'fds=1'
  assert_line 'payload=/dev/pts/0'
  assert_line 'payload-length=10'
  assert_line 'pts=0'
}

@test "console socket: the message came before create returns" {
  receive
  cof create --bundle "$BUNDLE" --console-socket "$SOCK" "$CID"
  wait_for 5 grep -q fds=1 "$TTY_REPORT"
  status_is "$CID" created
  kill "$RECVTTY"
  # Whoever closes the master hangs up: the waiting process ends as any other would.
  wait_for 5 status_is "$CID" stopped
}

@test "all three streams are the terminal, the controlling one of a session leader" {
  receive
  set_args testinit tty
  collect
  for fd in 0 1 2; do
    assert_match "^tty fd=$fd name=/dev/pts/0 .* rdev=136:0 controlling=yes$"
  done
  assert_line 'session-leader=yes sid=1 pgrp=1 pid=1'
}

@test "console size from the configuration" {
  bundle_edit '.process.consoleSize = {height: 33, width: 101}'
  receive
  set_args testinit tty
  collect
  assert_match '^tty fd=0 .* rows=33 cols=101 '
}

@test "the size that the holder of the master sets is seen" {
  receive -w 40x120
  # It may come a moment after the start.
  set_args sh -c 'i=0; until testinit tty | grep -q "rows=40"; do i=$((i + 1)); [ $i -lt 100 ] || break; sleep 0.05; done; testinit tty'
  collect
  assert_match '^tty fd=0 .* rows=40 cols=120 '
}

@test "input typed at the master is read" {
  receive -s 'some text\n'
  set_args sh -c 'read x; echo "got <$x>"'
  collect
  assert_line 'got <some text>'
}

@test "/dev/console is the terminal itself" {
  receive
  set_args testinit statpath /dev/console /dev/pts/0 /dev/ptmx + open /dev/console
  collect
  assert_match '^/dev/console type=char mode=0620 uid=0 gid=5 rdev=136:0 '
  assert_match '^/dev/pts/0 type=char mode=0620 uid=0 gid=5 rdev=136:0 '
  assert_match '^/dev/ptmx type=link .* target="pts/ptmx"$'
  assert_line 'open-write /dev/console=OK'
}

@test "without a terminal there is no /dev/console" {
  bundle_edit '.process.terminal = false'
  set_args testinit statpath /dev/console
  run_bundle
  assert_has '/dev/console error=ENOENT'
}

@test "a console size without a terminal is ignored" {
  bundle_edit '.process.terminal = false | .process.consoleSize = {height: 33, width: 101}'
  set_args testinit tty
  run_bundle
  assert_status 0
  assert_lacks 'rows=33'
}

@test "the terminal belongs to the user of the process" {
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  receive
  set_args testinit statpath /dev/pts/0 /dev/console + open /dev/tty /dev/console
  collect
  assert_match '^/dev/pts/0 type=char mode=0620 uid=1000 gid=5 '
  assert_match '^/dev/console type=char mode=0620 uid=1000 gid=5 '
  assert_line 'open-write /dev/tty=OK'
  assert_line 'open-read /dev/console=OK'
}

@test "a terminal in a user namespace" {
  setup_userns_bundle
  bundle_edit '.process.terminal = true | .process.user = {uid: 1000, gid: 1000}'
  receive
  set_args testinit tty + statpath /dev/pts/0 /dev/console
  collect
  assert_match '^tty fd=0 name=/dev/pts/0 .* controlling=yes$'
  assert_match '^/dev/pts/0 type=char mode=0620 uid=1000 gid=5 '
  assert_match '^/dev/console type=char .* rdev=136:0 '
}

@test "a terminal in a joined pid namespace" {
  unshare --pid --fork sleep 600 3>&- >/dev/null 2>&1 &
  holder=$!
  background "$holder"
  wait_for 5 pgrep -P "$holder"
  child=$(pgrep -P "$holder")
  background "$child"
  set_namespace pid "/proc/$child/ns/pid"
  receive
  set_args testinit tty
  collect
  assert_match '^tty fd=0 name=/dev/pts/0 .* controlling=yes$'
  assert_match '^session-leader=yes '
}

@test "a socket path of more than 108 bytes" {
  dir=$BATS_TEST_TMPDIR/$(printf 'd%.0s' {1..150})
  mkdir "$dir"
  cd "$dir"
  TTY_OUT=$BATS_TEST_TMPDIR/tty.out
  "$COFFER_TESTBIN/recvtty" -t 20 s >"$TTY_OUT" 2>"$BATS_TEST_TMPDIR/tty.report" 3>&- &
  RECVTTY=$!
  background "$RECVTTY"
  cd /
  wait_for 5 test -S "$dir/s"
  set_args echo through-a-long-path
  cof create --bundle "$BUNDLE" --console-socket "$dir/s" "$CID"
  cof start "$CID"
  wait "$RECVTTY"
  grep -q through-a-long-path "$TTY_OUT"
}

@test "nobody at the console socket: create fails, nothing is left" {
  det create --bundle "$BUNDLE" --console-socket "$SOCK" "$CID"
  assert_status 1
  assert_has 'no such file or directory'
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).bind(sys.argv[1])' "$SOCK"
  det create --bundle "$BUNDLE" --console-socket "$SOCK" "$CID"
  assert_status 1
  assert_has 'connection refused'
  run cof state "$CID"
  assert_has 'does not exist'
}

@test "no devpts in the configuration: an error that says so" {
  bundle_edit '.mounts |= map(select(.destination != "/dev/pts"))'
  receive
  det create --bundle "$BUNDLE" --console-socket "$SOCK" "$CID"
  assert_status 1
  assert_has /dev/pts
}

# ---- run in the foreground ----

@test "run on a terminal: both directions, exit status, modes restored" {
  set_args sh -c 'echo ready; read line; echo "got <$line>"; exit 42'
  foreground expect:ready 'send:typed text\n' 'expect:got <typed text>'
  assert_line 'status=42'
  assert_line 'modes=same'
}

@test "run on a terminal: the container has one of its own with the caller's size" {
  set_args testinit tty
  foreground
  assert_match '^tty fd=0 name=/dev/pts/0 rows=24 cols=80 rdev=136:0 controlling=yes$'
  assert_line 'status=0'
}

@test "run on a terminal: raw while it runs, so the container does the echo and ctrl-c" {
  set_args sh -c 'trap "echo interrupted; exit 3" INT; stty -echo; echo ready; while :; do sleep 0.1; done'
  foreground expect:ready 'send:\x03' expect:interrupted
  assert_line 'status=3'
  assert_line 'modes=same'
}

@test "run on a terminal: a change of the window size is passed on" {
  set_args sh -c 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.1; done'
  foreground expect:ready size:50x132 'expect:50 132'
  assert_line 'status=0'
}

@test "run on a terminal: signals are forwarded, modes restored when the process is killed" {
  set_args sh -c 'trap "echo terminated; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
  foreground expect:ready signal:15 expect:terminated
  assert_line 'status=9'
  assert_line 'modes=same'
  set_args sh -c 'echo ready; kill -9 $$; exit 1'
  drop_namespace pid
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  foreground expect:ready
  assert_line 'status=137'
  assert_line 'modes=same'
}

@test "run on a terminal: a lot of output comes out whole" {
  set_args sh -c 'seq() { i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo "line $i"; done; }; seq; echo the-end'
  foreground expect:the-end
  assert_same lines 5000 "$(grep -c '^line [0-9]*$' <<<"$output")"
}

@test "run with a terminal in the configuration but standard input from a pipe" {
  set_args sh -c 'stty -echo; echo ready; read x; echo "got <$x>"; cat; echo eof'
  run bash -c "echo hello | '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID | tr -d '\r'"
  assert_status 0
  assert_line ready
  assert_line 'got <hello>'
  assert_line eof
}

@test "a closed standard input does not keep run from working" {
  set_args sh -c 'stty size; echo done'
  run bash -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID </dev/null | tr -d '\r'"
  assert_status 0
  assert_line done
}
