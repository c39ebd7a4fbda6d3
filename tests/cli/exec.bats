#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# exec: every option, every error, and that a further process is confined as the container's own is.

load helpers

setup() {
  requires root
  setup_bundle
  set_args sleep 1000
}
teardown() { teardown_bundle; }

up() { # a running container
  det run --detach --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
}

ex() { run cof exec "$@"; }

# exec must have failed with 255 and this text.
refused() { # refused TEXT
  [ "$status" -eq 255 ] && [[ ${output//\\\"/\"} == *"$1"* ]] || {
    echo "status $status: $output" >&2
    return 1
  }
}

ended() { not kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

process_file() { # process_file JQ_EXPR
  jq -n "{terminal: false, user: {uid: 0, gid: 0}, args: [\"/bin/true\"], cwd: \"/\",
    env: [\"PATH=/bin:/usr/bin\"]} | $1" >"$BATS_TEST_TMPDIR/process.json"
  PROCESS=$BATS_TEST_TMPDIR/process.json
}

@test "a command: output, arguments as they are, exit status, status of a signal" {
  up
  ex "$CID" echo 'a  b' '$HOME' --option
  [ "$status" -eq 0 ] && [ "$output" = 'a  b $HOME --option' ]
  ex "$CID" sh -c 'exit 7'
  [ "$status" -eq 7 ]
  ex "$CID" sh -c 'kill -TERM $$'
  [ "$status" -eq 143 ]
  ex "$CID" -- echo dashes
  [ "$output" = dashes ]
  [ "$(echo through | cof exec "$CID" cat)" = through ]
}

@test "a created container can be entered, and is created still" {
  det create --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  ex "$CID" echo here
  [ "$status" -eq 0 ] && [ "$output" = here ]
  status_is "$CID" created
}

@test "paused: refused; with --ignore-paused it begins when it is resumed, and nobody waits for its lock" {
  bundle_edit '.root.readonly = false'
  up
  cof pause "$CID" || skip 'no freezer'
  ex "$CID" true
  refused 'exec failed: cannot exec in a paused container (use --ignore-paused to override)'
  cof exec --ignore-paused "$CID" sh -c 'echo late >/tmp/late' 3>&- &
  background $!
  sleep 0.3
  [ ! -e "$BUNDLE/rootfs/tmp/late" ]
  run timeout 5 "$COFFER" --root "$ROOT" --id-ledger "$IDS" resume "$CID"
  [ "$status" -eq 0 ]
  wait_for 5 test -e "$BUNDLE/rootfs/tmp/late"
}

@test "paused and deleted: who waits in there is told" {
  up
  cof pause "$CID" || skip 'no freezer'
  cof exec --ignore-paused "$CID" true >"$BATS_TEST_TMPDIR/waiting" 2>&1 3>&- &
  local waiting=$!
  background "$waiting"
  sleep 0.3
  cof delete --force "$CID"
  status=0
  wait "$waiting" || status=$?
  [ "$status" -eq 255 ]
  grep -q 'exec failed: ' "$BATS_TEST_TMPDIR/waiting"
}

@test "stopped, unknown: the words that engines look for" {
  ex "$CID" true
  refused 'container does not exist'
  set_args true
  det run --detach --bundle "$BUNDLE" "$CID"
  wait_for 5 status_is "$CID" stopped
  ex "$CID" true
  refused 'exec failed: cannot exec in a stopped container'
}

@test "no command" {
  up
  ex "$CID"
  refused 'exec failed: exec args cannot be empty'
  ex "$CID" ''
  refused 'exec: "": executable file not found in $PATH'
  process_file '.args = []'
  ex --process "$PROCESS" "$CID"
  refused 'exec args cannot be empty'
}

@test "a program that is missing, a directory, not executable, no program" {
  up
  printf 'not a program' >"$BUNDLE/rootfs/bin/text"
  chmod 755 "$BUNDLE/rootfs/bin/text"
  ex "$CID" /no/such
  refused 'exec: "/no/such": stat /no/such: no such file or directory'
  refused 'exec failed: unable to start container process: '
  ex "$CID" nosuch
  refused 'exec: "nosuch": executable file not found in $PATH'
  ex "$CID" /etc/passwd
  refused 'exec: "/etc/passwd": permission denied'
  ex "$CID" /bin
  refused 'exec: "/bin": is a directory'
  ex "$CID" /bin/text
  refused 'exec: "/bin/text": exec format error'
  ex "$CID" /proc/1/exe
  refused 'a program may not be executed through /proc'
  ex "$CID" /proc/self/exe
  refused 'exec: "/proc/self/exe"'
}

@test "--cwd: absolute, there, and not made" {
  up
  ex --cwd /tmp "$CID" pwd
  [ "$output" = /tmp ]
  ex --cwd tmp "$CID" pwd
  refused 'exec failed: Cwd must be an absolute path'
  ex --cwd /not/there "$CID" pwd
  refused 'chdir to cwd ("/not/there") set in config.json failed: no such file or directory'
  [ ! -e "$BUNDLE/rootfs/not" ]
  process_file '.cwd = "/not/there"'
  ex --process "$PROCESS" "$CID"
  refused 'no such file or directory'
}

@test "environment: the container's, then --env, the last of a name; HOME by the user" {
  bundle_edit '.process.env += ["A=old", "B=kept"]'
  up
  ex --env A=1 -e A=2 --env EMPTY= "$CID" env
  [ "$(grep -c '^A=' <<<"$output")" -eq 1 ]
  grep -qx A=2 <<<"$output"
  grep -qx B=kept <<<"$output"
  grep -qx EMPTY= <<<"$output"
  grep -qx HOME=/root <<<"$output"
  ex --user 1000 "$CID" sh -c 'echo $HOME'
  [ "$output" = /home/user ]
  ex --env NOVALUE "$CID" env
  refused 'expected NAME=VALUE'
  not grep -q NOVALUE <<<"$output"
  ex --env =x "$CID" env
  refused 'expected NAME=VALUE'
}

@test "--user: the numbers that it says and no others" {
  bundle_edit '.process.user = {uid: 5, gid: 6, additionalGids: [7, 8]}'
  up
  ids() { cof exec "$@" "$CID" sh -c 'echo $(id -u):$(id -g):$(id -G)'; }
  [ "$(ids)" = '5:6:6 7 8' ]
  [ "$(ids -u 20:21)" = '20:21:21 7 8' ]
  [ "$(ids -u 22)" = '22:6:6 7 8' ]
  [ "$(ids -u 0:0 -g 9 --additional-gids 10)" = '0:0:0 7 8 9 10' ]
  [ "$(ids -u 4294967294:4294967294)" = '4294967294:4294967294:4294967294 7 8' ]
  local text
  for text in '' : 1: :1 -1 +1 ' 1' '1 ' 0x1 01 1:01 4294967295 4294967296 1:4294967295 1:4294967296 1:-5 \
    99999999999999999999 root 1:root 1:2:3; do
    ex -u "$text" "$CID" id
    [ "$status" -eq 255 ] && [[ $output == *'exec failed: bad '[ug]id:* ]] || {
      echo "\`$text\` gave $status: $output" >&2
      return 1
    }
  done
  ex -g 1x "$CID" id
  refused 'bad additional gid'
}

@test "capabilities: the container's; --cap adds to three sets, and never to the inheritable one" {
  up
  caps() { cof exec "$@" "$CID" sh -c 'grep ^Cap /proc/self/status'; }
  [ "$(caps)" = "$(cof exec "$CID" grep ^Cap /proc/1/status)" ]
  caps --cap CAP_SYS_CHROOT --cap CAP_CHOWN >"$BATS_TEST_TMPDIR/caps"
  grep -q '^CapEff:.*00020040421$\|^CapEff:.*20040421$' "$BATS_TEST_TMPDIR/caps"
  grep -q '^CapBnd:.*20040421$' "$BATS_TEST_TMPDIR/caps"
  grep -q '^CapInh:.0000000000000000$' "$BATS_TEST_TMPDIR/caps"
  grep -q '^CapAmb:.0000000000000000$' "$BATS_TEST_TMPDIR/caps"
  ex --cap CAP_NONSENSE "$CID" true
  refused 'unknown capability `CAP_NONSENSE`'
}

@test "a further process is confined as the first one is" {
  requires cgroup-v1
  bundle_edit '.process.noNewPrivileges = true | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}]
    | .process.oomScoreAdj = 321 | .process.user.umask = 63
    | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}
    | .process.scheduler = {policy: "SCHED_BATCH", nice: 5}'
  up
  local script='grep -E "^(Cap|NoNewPrivs|Seccomp|Uid|Gid|Groups|Umask)" /proc/$P/status; cat /proc/$P/limits /proc/$P/oom_score_adj
    /proc/$P/cgroup; readlink /proc/$P/ns/*; cut -d" " -f19,41 /proc/$P/stat'
  cof exec "$CID" sh -c "P=1; ${script//$'\n'/ }" >"$BATS_TEST_TMPDIR/first"
  cof exec "$CID" sh -c "P=\$\$; ${script//$'\n'/ }" >"$BATS_TEST_TMPDIR/further"
  grep -q 'NoNewPrivs:.1' "$BATS_TEST_TMPDIR/first"
  grep -q 'Seccomp:.2' "$BATS_TEST_TMPDIR/first"
  grep -qx 321 "$BATS_TEST_TMPDIR/first"
  grep -q "coffer-$CID" "$BATS_TEST_TMPDIR/first"
  diff "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/further"
  ex "$CID" mkdir /tmp/x
  [ "$status" -ne 0 ] && [ ! -e "$BUNDLE/rootfs/tmp/x" ]
}

@test "seccomp without no_new_privs, with a user that has no capabilities" {
  bundle_edit '.process.noNewPrivileges = false
    | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
  up
  ex -u 1000:1000 "$CID" sh -c 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status; mkdir /tmp/x'
  [[ $output == *'NoNewPrivs:	0'*'Seccomp:	2'* ]]
  [ "$status" -ne 0 ]
}

@test "--no-new-privs adds it, and nothing takes it away from a command" {
  bundle_edit '.process.noNewPrivileges = false'
  up
  [ "$(cof exec "$CID" grep NoNewPrivs /proc/self/status)" = 'NoNewPrivs:	0' ]
  [ "$(cof exec --no-new-privs "$CID" grep NoNewPrivs /proc/self/status)" = 'NoNewPrivs:	1' ]
}

@test "labels that this host does not have are refused" {
  up
  [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip 'AppArmor is active'
  ex --apparmor some-profile "$CID" true
  refused 'apparmor failed to apply profile'
  [ -e /sys/fs/selinux/enforce ] || {
    ex --process-label a:b:c:d "$CID" true
    refused 'selinux'
  }
}

@test "--process: as it is, silence about confinement means the container's" {
  bundle_edit '.process.env += ["A=old"] | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}]'
  up
  process_file '.args = ["/bin/sh", "-c", "id -u; id -G; env; pwd; grep Cap /proc/self/status; ulimit -n"] | .cwd = "/tmp"
    | .user = {uid: 3, gid: 4, additionalGids: [9]} | .env = ["ONLY=this"]'
  ex --process "$PROCESS" --user 77 --env X=y --cwd /etc "$CID" ignored command
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = 3 ] && [ "${lines[1]}" = '4 9' ]
  grep -qx ONLY=this <<<"$output"
  not grep -q '^A=\|^X=' <<<"$output"
  grep -qx /tmp <<<"$output"
  grep -q '^CapBnd:.*20000420$' <<<"$output"
  [ "${lines[-1]}" = 77 ]
  process_file '.args = ["/bin/grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status"] | .noNewPrivileges = false
    | .capabilities = {bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"]}'
  ex --process "$PROCESS" "$CID"
  grep -q '^CapEff:.0000000000000020$' <<<"$output"
  grep -q '^CapBnd:.0000000000000020$' <<<"$output"
  grep -q '^NoNewPrivs:.0$' <<<"$output"
}

@test "--process: broken files" {
  up
  ex --process "$BATS_TEST_TMPDIR/missing" "$CID"
  refused 'no such file or directory'
  echo '{' >"$BATS_TEST_TMPDIR/p"
  ex --process "$BATS_TEST_TMPDIR/p" "$CID"
  refused 'exec failed: '
  echo '{"args": ["true"]}' >"$BATS_TEST_TMPDIR/p"
  ex --process "$BATS_TEST_TMPDIR/p" "$CID"
  refused cwd
  process_file '.user.uid = -1'
  ex --process "$PROCESS" "$CID"
  refused 'user.uid'
  process_file '.user.uid = 4294967295'
  ex --process "$PROCESS" "$CID"
  refused 'process.user.uid'
  process_file '.rlimits = [{type: "RLIMIT_NONSENSE", soft: 1, hard: 1}]'
  ex --process "$PROCESS" "$CID"
  refused RLIMIT_NONSENSE
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  run timeout 5 "$COFFER" --root "$ROOT" --id-ledger "$IDS" exec --process "$BATS_TEST_TMPDIR/fifo" "$CID"
  refused 'not a regular file'
}

@test "--detach and --pid-file: the pid in our namespace, no line break, and it is in the container" {
  up
  local file=$BATS_TEST_TMPDIR/pid
  det exec --detach --pid-file "$file" "$CID" sleep 777
  [ "$status" -eq 0 ] && [ -z "$output" ]
  [ "$(wc -l <"$file")" -eq 0 ]
  [ "$(tr '\0' ' ' <"/proc/$(cat "$file")/cmdline")" = 'sleep 777 ' ]
  [ "$(readlink "/proc/$(cat "$file")/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]
  cof ps --format json "$CID" | jq -e "index($(cat "$file"))"
  [ "$(cof ps --format json "$CID" | jq length)" -eq 2 ]
  # A session of its own: who kills its process group kills nobody else.
  [ "$(cut -d' ' -f6 "/proc/$(cat "$file")/stat")" = "$(cat "$file")" ]
}

@test "after a failure there is no pid file" {
  up
  local file=$BATS_TEST_TMPDIR/pid
  det exec --detach --pid-file "$file" "$CID" /no/such
  [ "$status" -eq 255 ] && [ ! -e "$file" ]
  printf '#!/no/interpreter\n' >"$BUNDLE/rootfs/bin/script"
  chmod 755 "$BUNDLE/rootfs/bin/script"
  det exec --detach --pid-file "$file" "$CID" /bin/script
  [ "$status" -eq 255 ] && [ ! -e "$file" ]
  det exec --detach --pid-file "$BATS_TEST_TMPDIR/no/dir" "$CID" sleep 5
  [ "$status" -eq 255 ]
  [ "$(cof ps --format json "$CID" | jq length)" -eq 1 ]
}

@test "the process is our child, and what it leaves behind stays in the container" {
  up
  ex "$CID" sh -c 'sleep 900 >/dev/null 2>&1 & echo started'
  [ "$output" = started ]
  [ "$(cof ps --format json "$CID" | jq length)" -eq 2 ]
}

@test "signals are passed on" {
  bundle_edit '.root.readonly = false'
  up
  "$COFFER" --root "$ROOT" --id-ledger "$IDS" exec "$CID" sh -c 'trap "exit 9" USR1; echo >/tmp/ready; while :; do sleep 0.1; done' 3>&- &
  local pid=$!
  background "$pid"
  wait_for 5 test -e "$BUNDLE/rootfs/tmp/ready"
  kill -USR1 "$pid"
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 9 ]
}

@test "a signal while it begins is not lost" {
  up
  local i
  for i in 1 2 3; do
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" exec "$CID" sleep 30 3>&- &
    background $!
    kill -TERM $! || true
    status=0
    timeout 10 tail --pid=$! -f /dev/null
    wait $! || status=$?
    [ "$status" -eq 143 ]
  done
}

@test "descriptors: the streams, and with --preserve-fds those from 3 on" {
  up
  run bash -c "exec 3</etc/hostname 4</etc/passwd 9</; '$COFFER' --root '$ROOT' exec '$CID' ls /proc/self/fd"
  [ "$status" -eq 0 ]
  [ "$(tr '\n' ' ' <<<"$output")" = '0 1 2 3 ' ] # 3 is the directory that ls reads
  run bash -c "exec 3</etc/hostname 4</etc/passwd 9</; '$COFFER' --root '$ROOT' exec --preserve-fds 2 '$CID' sh -c 'cat <&3; ls /proc/self/fd'"
  [ "${lines[0]}" = "$(cat /etc/hostname)" ]
  [ "$(tail -n +2 <<<"$output" | tr '\n' ' ')" = '0 1 2 3 4 5 ' ]
  run bash -c "exec 3>&- 4>&-; '$COFFER' --root '$ROOT' exec --preserve-fds 2 '$CID' true"
  refused 'unable to stat preserved-fd'
  ex --preserve-fds -1 "$CID" true
  [ "$status" -eq 255 ]
}

@test "--preserve-fds with --process" {
  up
  jq '.process | .args = ["sh", "-c", "cat <&4; ls /proc/self/fd"] | .terminal = false' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process"
  run bash -c "exec 3</etc/hostname 4</etc/passwd 9</; '$COFFER' --root '$ROOT' exec --preserve-fds 2 --process '$BATS_TEST_TMPDIR/process' '$CID'"
  [ "$status" -eq 0 ]
  [ "$(head -1 <<<"$output")" = "$(head -1 /etc/passwd)" ]
  [ "$(tail -6 <<<"$output" | tr '\n' ' ')" = '0 1 2 3 4 5 ' ]
  # As conmon calls it.
  local det_output=$BATS_TEST_TMPDIR/conmon
  bash -c "exec 3</etc/hostname 4</etc/group; '$COFFER' --root '$ROOT' exec --detach --pid-file '$BATS_TEST_TMPDIR/pid' --preserve-fds 2 --process '$BATS_TEST_TMPDIR/process' '$CID'" >"$det_output" 2>&1 </dev/null
  wait_for 10 grep -qx 5 "$det_output"
  [ "$(head -1 "$det_output")" = "$(head -1 /etc/group)" ]
}

@test "a directory or a path among the preserved descriptors is refused" {
  up
  run bash -c "exec 3</etc/hostname 4</tmp; '$COFFER' --root '$ROOT' exec --preserve-fds 2 '$CID' true"
  refused 'cannot preserve descriptor 4: it is a directory'
  # One that is not passed does not matter.
  run bash -c "exec 3</etc/hostname 4</tmp; '$COFFER' --root '$ROOT' exec --preserve-fds 1 '$CID' true"
  [ "$status" -eq 0 ]
  for what in /etc/hostname /tmp; do
    run python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_PATH)
os.dup2(fd, 3)
os.execv(sys.argv[2], sys.argv[2:])' $what "$COFFER" --root "$ROOT" exec --preserve-fds 1 "$CID" true
    refused 'cannot preserve descriptor 3: it is a '
  done
}

@test "LISTEN_FDS is nothing to exec" {
  up
  run bash -c "exec 3</etc/hostname; LISTEN_FDS=1 LISTEN_PID=\$\$ exec '$COFFER' --root '$ROOT' exec '$CID' sh -c 'ls /proc/self/fd; echo [\$LISTEN_FDS]'"
  [ "$(tr '\n' ' ' <<<"$output")" = '0 1 2 3 [] ' ]
}

@test "standard streams that are the host's null device become the container's" {
  up
  ex "$CID" sh -c 'stat -L -c %d:%i /dev/null'
  local own=$output
  [ "$own" != "$(stat -L -c %d:%i /dev/null)" ]
  [ "$(cof exec "$CID" sh -c 'stat -L -c %d:%i /proc/self/fd/0' </dev/null)" = "$own" ]
}

@test "--tty in the foreground: a terminal of the container, its own session, size and modes put back" {
  up
  run timeout 30 python3 - "$COFFER" --root "$ROOT" exec --tty "$CID" sh -c 'tty; stty size; ps -o pid,sid,tty 2>/dev/null | tail -1' <<'END'
import fcntl, os, pty, struct, subprocess, sys, termios
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 77, 0, 0))
before = termios.tcgetattr(slave)
p = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                     preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
out = b''
os.set_blocking(master, False)
import select, time
end = time.monotonic() + 20
while time.monotonic() < end:
    r, _, _ = select.select([master], [], [], 0.1)
    if r:
        out += os.read(master, 4096)
    elif p.poll() is not None:
        break
print(out.decode().replace('\r', ''), end='')
print('status', p.wait(), 'modes', 'same' if termios.tcgetattr(slave) == before else 'changed')
END
  [[ $output == *'/dev/pts/0'* && $output == *'33 77'* && $output == *'status 0 modes same'* ]] || { echo "$output" >&2; return 1; }
}

@test "--tty of a process file, without console socket: as CRI-O streams it" {
  up
  process_file '.terminal = true | .args = ["/bin/sh", "-c", "test -t 0 && test -t 1 && tty && exit 5"]'
  run bash -c "script -qec \"'$COFFER' --root '$ROOT' exec --process '$PROCESS' '$CID'\" /dev/null </dev/null"
  [ "$status" -eq 5 ]
  [[ $output == */dev/pts/* ]]
}

@test "--console-socket: the master of a terminal of the container, size of the file" {
  up
  local sock=$BATS_TEST_TMPDIR/sock
  process_file '.terminal = true | .consoleSize = {height: 11, width: 22}
    | .args = ["/bin/sh", "-c", "tty; stty size; readlink /proc/self/fd/0"]'
  "$COFFER_TESTBIN/recvtty" -t 20 "$sock" >"$BATS_TEST_TMPDIR/tty" 2>"$BATS_TEST_TMPDIR/report" 3>&- &
  local receiver=$!
  background "$receiver"
  wait_for 5 test -S "$sock"
  det exec --process "$PROCESS" --detach --console-socket "$sock" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  [ "$status" -eq 0 ]
  wait "$receiver"
  grep -q '/dev/pts/' "$BATS_TEST_TMPDIR/tty"
  grep -q '11 22' "$BATS_TEST_TMPDIR/tty"
  grep -q 'payload=' "$BATS_TEST_TMPDIR/report"
}

@test "console socket: no socket, nobody there, closed early, without terminal, without detach" {
  up
  det exec --detach --tty --console-socket "$BATS_TEST_TMPDIR/none" "$CID" sleep 5
  refused 'console socket'
  : >"$BATS_TEST_TMPDIR/file"
  det exec --detach --tty --console-socket "$BATS_TEST_TMPDIR/file" "$CID" sleep 5
  refused 'console socket'
  python3 - "$BATS_TEST_TMPDIR/closed" 3>&- <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.close()
END
  det exec --detach --tty --console-socket "$BATS_TEST_TMPDIR/closed" "$CID" sleep 5
  refused 'connection refused'
  # Nobody ever reads: the message is in the socket, and that is all that is asked for.
  det exec --detach --tty "$CID" sleep 5
  refused 'cannot allocate tty if coffer will detach without setting console socket'
  det exec --detach --console-socket "$BATS_TEST_TMPDIR/none" "$CID" sleep 5
  refused 'cannot use console socket if coffer will not detach or allocate tty'
  det exec --tty --console-socket "$BATS_TEST_TMPDIR/none" "$CID" sleep 5
  refused 'cannot use console socket if coffer will not detach or allocate tty'
  [ "$(cof ps --format json "$CID" | jq length)" -eq 1 ]
}

@test "--pidfd-socket: setns and a pidfd of the process" {
  up
  local sock=$BATS_TEST_TMPDIR/sock
  python3 - "$sock" >"$BATS_TEST_TMPDIR/got" 3>&- <<'END' &
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1)
c, _ = s.accept()
data, fds, _, _ = socket.recv_fds(c, 4096, 4)
pid = [l.split()[1] for l in open('/proc/self/fdinfo/%d' % fds[0]) if l.startswith('Pid:')][0]
print(data.decode(), len(fds), pid)
END
  local receiver=$!
  background "$receiver"
  wait_for 5 test -S "$sock"
  det exec --detach --pidfd-socket "$sock" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 50
  wait "$receiver"
  [ "$(cat "$BATS_TEST_TMPDIR/got")" = "setns 1 $(cat "$BATS_TEST_TMPDIR/pid")" ]
}

@test "--cgroup: below the container's, must exist, and never above" {
  requires cgroup-v1
  up
  local dir=/sys/fs/cgroup/pids/coffer-$CID
  mkdir "$dir/below"
  [[ $(cof exec --cgroup pids:below "$CID" cat /proc/self/cgroup) == *"pids:/coffer-$CID/below"* ]]
  [[ $(cof exec --cgroup pids:/../../below "$CID" cat /proc/self/cgroup) == *"pids:/coffer-$CID/below"* ]]
  [[ $(cof exec --cgroup pids:/.. "$CID" cat /proc/self/cgroup) == *":pids:/coffer-$CID"* ]]
  ex --cgroup pids:none "$CID" true
  refused 'sub-cgroup `pids:none`'
  ex --cgroup nonsense:below "$CID" true
  refused 'no cgroup of controller `nonsense`'
  ex --cgroup below "$CID" true
  refused 'sub-cgroup `below`'
  cof delete --force "$CID"
  [ ! -e "$dir" ]
}

@test "execCPUAffinity: initial and final" {
  local cpus
  cpus=$(grep Cpus_allowed_list /proc/self/status | cut -f2)
  [[ $cpus == 0-* ]] || skip 'one CPU only'
  bundle_edit '.process.execCPUAffinity = {initial: "1", final: "0"}'
  up
  [ "$(cof exec "$CID" grep Cpus_allowed_list /proc/self/status | cut -f2)" = 0 ]
  [ "$(cof exec "$CID" grep Cpus_allowed_list /proc/1/status | cut -f2)" = "$cpus" ]
  process_file '.execCPUAffinity = {final: "8000"}'
  ex --process "$PROCESS" "$CID"
  refused 'CPU affinity'
  process_file '.execCPUAffinity = {final: "0-x"}'
  ex --process "$PROCESS" "$CID"
  refused 'CPUAffinity'
  process_file '.execCPUAffinity = {initial: "9999"}'
  ex --process "$PROCESS" "$CID"
  refused '9999'
  # Lists for machines with more than 1024 CPUs are no error; what is there counts.
  local look='.args = ["grep", "Cpus_allowed_list", "/proc/self/status"]' absent
  process_file "$look | "'.execCPUAffinity = {initial: "1,1024,5000-8191", final: "1,4000-8191"}'
  assert_same 'far beyond the CPUs of this machine' 1 "$(cof exec --process "$PROCESS" "$CID" | cut -f2)"
  # Empty is the same as absent: whatever the kernel makes of the caller's.
  process_file "$look | .execCPUAffinity = {}"
  absent=$(taskset -c 1 "$COFFER" --root "$ROOT" exec --process "$PROCESS" "$CID" | cut -f2)
  process_file "$look | "'.execCPUAffinity = {initial: "", final: ""}'
  assert_same 'empty lists' "$absent" "$(taskset -c 1 "$COFFER" --root "$ROOT" exec --process "$PROCESS" "$CID" | cut -f2)"
}

@test "user namespace: ids of the container, and only mapped ones" {
  requires userns
  setup_userns_bundle u 200000 1000
  set_args sleep 1000
  up
  ex "$CID" sh -c 'id -u; cat /proc/self/uid_map; stat -c %u /proc/self'
  [ "${lines[0]}" = 0 ] && [[ ${lines[1]} == *200000*1000* ]]
  det exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" -u 7:8 "$CID" sleep 50
  [ "$(stat -c %u:%g "/proc/$(cat "$BATS_TEST_TMPDIR/pid")")" = 200007:200008 ]
  [ "$(readlink "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/ns/user")" != "$(readlink /proc/self/ns/user)" ]
  ex -u 1000 "$CID" id
  refused 'process.user.uid: cannot setuid to unmapped uid 1000 in user namespace'
  ex -u 1:1000 "$CID" id
  refused 'process.user.gid: '
  ex -g 1000 "$CID" id
  refused 'process.user.additionalGids'
}

@test "a range that was picked: exec knows it from the kernel" {
  requires userns
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  det run --detach --userns auto --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ] || skip "no automatic range here: $output"
  ex -u 5:6 "$CID" id
  [[ $output == *uid=5*gid=6* ]]
  ex -u 70000 "$CID" id
  refused 'unmapped uid 70000'
}

@test "joined, host and missing namespaces" {
  up
  local first=$CID pid
  pid=$(cof state "$CID" | jq .pid)
  CID=$CID-b
  bundle_edit '.linux.namespaces |= map(if .type == "network" or .type == "ipc" then .path = ("/proc/" + $pid + "/ns/" + (if .type == "network" then "net" else .type end)) else . end)' --arg pid "$pid"
  up
  [ "$(cof exec "$CID" readlink /proc/self/ns/net)" = "$(readlink "/proc/$pid/ns/net")" ]
  cof delete --force "$CID"
  bundle_edit '.linux.namespaces |= map(select(.type == "mount" or .type == "uts"))'
  bundle_edit '.mounts |= map(select(.type != "sysfs" and .type != "mqueue" and .type != "cgroup"))'
  up
  [ "$(cof exec "$CID" readlink /proc/self/ns/pid)" = "$(readlink /proc/self/ns/pid)" ]
  [ "$(cof exec "$CID" readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
  [ "$(cof exec "$CID" readlink /proc/self/ns/uts)" != "$(readlink /proc/self/ns/uts)" ]
  cof delete --force "$CID"
  CID=$first
}

# The kernel lets nobody into a time namespace who shares memory.
@test "a time namespace" {
  bundle_edit '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 500000000}}'
  up
  [ "$(cof exec "$CID" cut -d . -f 1 /proc/uptime)" -gt 500000000 ]
  [ "$(cof exec "$CID" readlink /proc/self/ns/time)" != "$(readlink /proc/self/ns/time)" ]
  [ "$(cut -d . -f 1 /proc/uptime)" -lt 500000000 ]
}

@test "without a pid namespace of its own: kill and delete end what exec has started" {
  bundle_edit '.linux.namespaces |= map(select(.type != "pid"))'
  up
  det exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 778
  local pid
  pid=$(cat "$BATS_TEST_TMPDIR/pid")
  [ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ]
  cof kill --all "$CID" USR1
  wait_for 5 ended "$pid"
  wait_for 5 status_is "$CID" stopped
  cof delete "$CID"
  up
  det exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 778
  pid=$(cat "$BATS_TEST_TMPDIR/pid")
  cof delete --force "$CID"
  ended "$pid"
}

@test "without a mount namespace: the root is the directory" {
  bundle_edit '.linux.namespaces |= map(select(.type == "pid" or .type == "ipc")) | .mounts = []
    | del(.linux.maskedPaths, .linux.readonlyPaths, .hostname, .linux.sysctl) | .root.readonly = false'
  up
  ex "$CID" sh -c 'pwd; cat /etc/passwd | head -1; ls /'
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = / ] && [ "${lines[1]}" = 'root:x:0:0:root:/root:/bin/sh' ]
  not grep -qx boot <<<"$output"
}

@test "the bundle may be changed or gone" {
  up
  bundle_edit '.process.user.uid = 99 | .process.env = []'
  [ "$(cof exec "$CID" id -u)" = 0 ]
  rm "$BUNDLE/config.json"
  [ "$(cof exec "$CID" id -u)" = 0 ]
}

@test "an engine that waits: kill and delete are not kept waiting by a running exec" {
  up
  cof exec "$CID" sleep 60 3>&- &
  local waiting=$! before
  background "$waiting"
  wait_for 5 eval '[ "$(cof ps --format json "$CID" | jq length)" -eq 2 ]'
  before=$SECONDS
  cof delete --force "$CID"
  [ $((SECONDS - before)) -lt 5 ]
  status=0
  wait "$waiting" || status=$?
  [ "$status" -eq 137 ]
}

@test "init that ends while somebody enters is an error, or the end of the process: never a hang" {
  local i
  for i in 1 2 3 4 5; do
    det run --detach --bundle "$BUNDLE" "$CID"
    cof exec "$CID" sleep 20 >/dev/null 2>&1 3>&- &
    local waiting=$!
    background "$waiting"
    sleep "0.00$((i * 2))"
    cof kill "$CID" KILL || true
    status=0
    timeout 10 tail --pid="$waiting" -f /dev/null
    wait "$waiting" || status=$?
    [ "$status" -eq 255 ] || [ "$status" -eq 137 ]
    cof delete --force "$CID"
  done
}

@test "many at once" {
  up
  local i pids=()
  for i in 1 2 3 4 5 6 7 8 9 10; do
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" exec "$CID" sh -c "exit $i" 3>&- &
    pids+=($!)
  done
  for i in 1 2 3 4 5 6 7 8 9 10; do
    status=0
    wait "${pids[i - 1]}" || status=$?
    [ "$status" -eq "$i" ]
  done
}

@test "--log-format json: one object that names the step and the code" {
  up
  run "$COFFER" --root "$ROOT" --log "$BATS_TEST_TMPDIR/log" --log-format json exec "$CID" /no/such
  [ "$status" -eq 255 ]
  jq -e '.level == "error" and .code == "program-not-found" and (.msg | startswith("exec failed: "))' "$BATS_TEST_TMPDIR/log"
}
