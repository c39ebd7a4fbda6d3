#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Seccomp user notification: the listener and the container process state reach the program that answers.

load helpers

setup() { requires root seccomp; setup_bundle; SOCKET=$BATS_TEST_TMPDIR/agent.sock AGENT_OUT=$BATS_TEST_TMPDIR/agent.out; }

teardown() { teardown_bundle; }

agent() { # agent [OPTIONS]
  rm -f "$SOCKET"
  : >"$AGENT_OUT"
  "$COFFER_TESTBIN/seccomp-agent" "$SOCKET" "$@" >>"$AGENT_OUT" 2>&1 </dev/null 3>&- &
  AGENT=$!
  BACKGROUND_PIDS="${BACKGROUND_PIDS:-} $AGENT"
  wait_for 5 test -S "$SOCKET"
}

notify() { # notify CALL...: these are notified of, all else is allowed
  bundle_edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $l, listenerMetadata: "some text",
    syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_NOTIFY"}]}' --arg l "$SOCKET" --args -- "$@"
}

no_new_privs() { bundle_edit '.process.noNewPrivileges = $n' --argjson n "$1"; }

state_line() { grep -m1 '^{' "$AGENT_OUT"; }

@test "run: a call is answered, the state tells whose it is; with and without no_new_privs, user namespace" {
  for row in 'true plain' 'false plain' 'true userns' 'false userns'; do
    [ "${row#* }" = plain ] && setup_bundle "b-${row/ /-}" || setup_userns_bundle "b-${row/ /-}"
    agent
    notify mkdir mkdirat
    no_new_privs "${row% *}"
    bundle_edit '.annotations = {"a.b": "c"}'
    run_script 'mkdir /dev/shm/made && ls /dev/shm; readlink /proc/self; grep Seccomp_filters /proc/self/status'
    assert_line made-agent
    assert_match '^Seccomp_filters:\s1$'
    state_line | jq -e --arg id "$CID" --arg b "$BUNDLE" '.ociVersion == "1.3.0" and .fds == ["seccompFd"] and .pid > 1 and
      .metadata == "some text" and .state.id == $id and .state.status == "creating" and .state.pid == .pid and
      .state.bundle == $b and .state.annotations == {"a.b": "c"} and .state.ociVersion == "1.3.0"'
    grep -qx 'mkdir /dev/shm/made' "$AGENT_OUT"
    kill "$AGENT"
  done
}

@test "create and start: the listener is told at create, or with no_new_privs at start" {
  notify mkdir mkdirat
  set_args sh -c 'mkdir /dev/shm/made; sleep 60'
  for row in 'true created' 'false creating'; do
    agent
    no_new_privs "${row% *}"
    det create --bundle "$BUNDLE" "$CID"
    assert_status 0
    if [ "${row#* }" = created ]; then
      sleep 0.2
      not state_line
    else
      wait_for 5 state_line
    fi
    pid=$(cof state "$CID" | jq .pid)
    cof start "$CID"
    wait_for 5 grep -qx 'mkdir /dev/shm/made' "$AGENT_OUT"
    state_line | jq -e --argjson p "$pid" --arg s "${row#* }" '.pid == $p and .state.pid == $p and .state.status == $s'
    # Neither the runtime nor init keeps the listener: the agent sees the end of the container.
    cof delete --force "$CID"
    kill "$AGENT"
  done
}

@test "the process has no descriptor of the listener, and other calls are not touched" {
  agent
  notify getpid
  for nnp in true false; do
    no_new_privs $nnp
    run_testinit syscall getpid getcwd + fds
    assert_line getpid=EPROTO
    assert_line getcwd=OK
    assert_lacks seccomp
  done
}

@test "startContainer hooks are below a filter that is installed early" {
  agent
  notify mkdir mkdirat
  no_new_privs false
  bundle_edit '.hooks = {startContainer: [{path: "/bin/mkdir", args: ["mkdir", "/dev/shm/hook"]}]}'
  run_script 'ls /dev/shm'
  assert_line hook-agent
}

@test "joined pid namespace: the pid is that of the process that stays" {
  set_args sleep 60
  det run --detach --bundle "$BUNDLE" "a$CID"
  assert_status 0
  first=$(cof state "a$CID" | jq .pid)
  agent
  notify mkdir mkdirat
  bundle_edit '(.linux.namespaces[] | select(.type == "pid")).path = $p' --arg p "/proc/$first/ns/pid"
  for nnp in true false; do
    no_new_privs $nnp
    set_args sh -c 'mkdir /dev/shm/made; ls /dev/shm; sleep 60'
    : >"$AGENT_OUT"
    det run --detach --bundle "$BUNDLE" "$CID"
    assert_status 0
    wait_for 5 state_line
    assert_same pid "$(cof state "$CID" | jq .pid)" "$(state_line | jq .pid)"
    cof delete --force "$CID"
  done
  cof delete --force "a$CID"
}

@test "exec: a listener of its own, state running, the pid of the process" {
  agent
  notify mkdir mkdirat
  set_args sleep 60
  for nnp in true false; do
    for kind in plain userns; do
      [ $kind = plain ] && setup_bundle "x-$nnp" || setup_userns_bundle "x-$nnp-u"
      notify mkdir mkdirat
      set_args sleep 60
      no_new_privs $nnp
      det run --detach --bundle "$BUNDLE" "$CID"
      assert_status 0
      wait_for 5 state_line
      sleep 0.1
      : >"$AGENT_OUT"
      run cof exec "$CID" sh -c 'mkdir /dev/shm/made; ls /dev/shm'
      assert_status 0
      assert_line made-agent
      state_line | jq -e --arg id "$CID" '.state.status == "running" and .state.id == $id and .state.pid != .pid and .fds == ["seccompFd"]'
      det exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 50
      assert_status 0
      wait_for 5 grep -q '"pid":'"$(cat "$BATS_TEST_TMPDIR/pid")"',' "$AGENT_OUT"
      cof delete --force "$CID"
    done
  done
  # The user's own no_new_privs decides which calls may be notified of.
  no_new_privs true
  notify close
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  jq '.process.noNewPrivileges = false | .process.args = ["true"] | .process' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/p.json"
  run cof exec --process "$BATS_TEST_TMPDIR/p.json" "$CID"
  assert_status 255
  assert_match 'for .close. would stop container init'
  kill -9 "$AGENT"
  wait "$AGENT" || true
  run cof exec "$CID" true
  assert_status 255
  assert_match 'listenerPath.*connection refused'
  status_is "$CID" running
  cof delete --force "$CID"
}

@test "flags: WAIT_KILLABLE_RECV and TSYNC go together with a listener" {
  "$COFFER" features | jq -e '.linux.seccomp.actions | index("SCMP_ACT_NOTIFY")'
  "$COFFER" features | jq -e '.linux.seccomp.supportedFlags | index("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")' || skip 'the kernel lacks the flag'
  agent
  notify mkdir mkdirat
  bundle_edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"]'
  run_script 'mkdir /dev/shm/made; ls /dev/shm'
  assert_line made-agent
  # What the kernel was told: TSYNC | LOG | NEW_LISTENER | TSYNC_ESRCH | WAIT_KILLABLE_RECV
  strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=seccomp -e raw=seccomp "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID" || skip 'no strace'
  grep -q 'seccomp(0x1, 0x3b, 0x[0-9a-f]*) *= 0x[1-9a-f]' "$BATS_TEST_TMPDIR/trace"
}

@test "the program from the cache notifies as well" {
  agent
  notify mkdir mkdirat
  for i in 1 2 3; do
    run_script 'mkdir /dev/shm/made; ls /dev/shm'
    assert_line made-agent
  done
  assert_same entries 1 "$(find "$ROOT/.cache/seccomp" -type f | wc -l)"
  # The same calls with another action are another program.
  bundle_edit '.linux.seccomp.syscalls[0].action = "SCMP_ACT_ERRNO"'
  run_script 'mkdir /dev/shm/made || ls /dev/shm'
  assert_lacks made-agent
}

@test "listener by annotation and by the environment; listenerPath counts first" {
  agent
  notify mkdir mkdirat
  bundle_edit 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata) | .annotations = {"run.oci.seccomp.receiver": $l}' --arg l "$SOCKET"
  run_script 'mkdir /dev/shm/made; ls /dev/shm'
  assert_line made-agent
  state_line | jq -e 'has("metadata") | not'
  bundle_edit 'del(.annotations)'
  RUN_OCI_SECCOMP_RECEIVER=$SOCKET run_script 'mkdir /dev/shm/made; ls /dev/shm'
  assert_line made-agent
  bundle_edit '.linux.seccomp.listenerPath = $l' --arg l "$SOCKET"
  RUN_OCI_SECCOMP_RECEIVER=/nonexistent run_script 'mkdir /dev/shm/made; ls /dev/shm'
  assert_line made-agent
}

@test "a path that is longer than an address of a socket" {
  long=$BATS_TEST_TMPDIR/$(printf 'd%.0s' {1..100})
  mkdir "$long"
  agent
  mv "$SOCKET" "$long/agent"
  SOCKET=$long/agent
  notify mkdir mkdirat
  run_script 'mkdir /dev/shm/made; ls /dev/shm'
  assert_line made-agent
}

# ---- bad input ----

refused() { # refused FIELD TEXT
  run_bundle
  assert_status 1
  assert_match "$2"
  cof --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$CID" 2>/dev/null || true
  grep -qF "$1" "$BATS_TEST_TMPDIR/log" || { cat "$BATS_TEST_TMPDIR/log"; return 1; }
  rm -f "$BATS_TEST_TMPDIR/log"
  assert_no_residue
}

@test "no listener: relative, missing, a file, nobody listening, no path at all; metadata alone" {
  for nnp in true false; do
    no_new_privs $nnp
    SOCKET=relative/path notify mkdir
    refused linux.seccomp.listenerPath 'relative/path. is not an absolute path'
    notify mkdir
    refused linux.seccomp.listenerPath 'no such file or directory'
    : >"$SOCKET"
    refused linux.seccomp.listenerPath 'connection refused'
    rm "$SOCKET"
    agent
    kill -9 "$AGENT"
    wait "$AGENT" || true
    refused linux.seccomp.listenerPath 'connection refused'
    bundle_edit '.linux.seccomp |= del(.listenerPath, .listenerMetadata)'
    refused linux.seccomp.listenerPath 'must be set, because a rule has the action .SCMP_ACT_NOTIFY'
    bundle_edit '.linux.seccomp.listenerMetadata = "x"'
    refused linux.seccomp.listenerMetadata 'must not be set without listenerPath'
    rm -f "$SOCKET"
  done
}

@test "create looks for the socket although only start needs it" {
  notify mkdir
  det create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_match 'listenerPath.*no such file or directory'
  : >"$SOCKET"
  det create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_match 'listenerPath.*socket operation on non-socket'
  assert_no_residue
}

@test "start: a listener that is gone leaves the container created, and a later start works" {
  agent
  notify mkdir mkdirat
  set_args sh -c 'mkdir /dev/shm/made; sleep 60'
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  kill -9 "$AGENT"
  wait "$AGENT" || true
  run cof start "$CID"
  assert_status 1
  assert_match 'listenerPath.*connection refused'
  status_is "$CID" created
  agent
  cof start "$CID"
  wait_for 5 grep -q mkdir "$AGENT_OUT"
  cof delete --force "$CID"
}

@test "an agent that closes at once: an error, or calls that nobody answers; never a program without filter" {
  agent --close early
  notify mkdir mkdirat
  for nnp in true false; do
    no_new_privs $nnp
    set_args sh -c 'mkdir /dev/shm/made 2>&1; ls /dev/shm; grep ^Seccomp: /proc/self/status'
    run_bundle
    if [ "$status" -eq 0 ]; then
      assert_match '[Ff]unction not implemented'
      assert_match '^Seccomp:\s2$'
    else
      assert_match 'listenerPath.*(broken pipe|connection reset)'
    fi
    not grep -qxE 'made(-agent)?' <<<"$output"
  done
}

@test "an agent that is slow to accept: nothing runs before it has the listener" {
  agent --delay 700
  notify mkdir mkdirat
  for nnp in true false; do
    no_new_privs $nnp
    run_script 'mkdir /dev/shm/made; ls /dev/shm'
    assert_line made-agent
  done
}

@test "calls of container init itself are refused, with the place of the rule" {
  agent
  for call in sendmsg recvmsg execve write; do
    for nnp in true false; do
      notify mkdir
      bundle_edit '.linux.seccomp.syscalls += [{names: ["chown", $c], action: "SCMP_ACT_NOTIFY"}]' --arg c "$call"
      no_new_privs $nnp
      refused 'linux.seccomp.syscalls[1]' ".SCMP_ACT_NOTIFY. for .$call. would stop container init"
    done
  done
  notify mkdir
  bundle_edit '.linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY"'
  refused linux.seccomp.defaultAction 'cannot be the default'
}

@test "calls that init makes only without no_new_privs: refused there, notified of here" {
  [ "$(uname -m)" = x86_64 ] || skip 'not every call exists on every architecture'
  agent
  # Every one that the runtime says it needs; the program does not survive most of them, init must.
  for call in close openat chdir setresuid prctl capset ppoll accept4 fcntl close_range umask; do
    notify "$call"
    no_new_privs false
    refused 'linux.seccomp.syscalls[0]' "for .$call. would stop container init"
    no_new_privs true
    set_args true
    run_bundle
    assert_lacks 'container init'
  done
}

# The list of calls in the runtime is complete: a profile that is notified of everything else starts.
@test "whatever is not refused does not stop init: every other call is notified of" {
  [ "$(uname -m)" = x86_64 ] || skip 'not every call exists on every architecture'
  agent
  for nnp in true false; do
    no_new_privs $nnp
    for user in 0 1000; do
      notify mkdir
      bundle_edit '.process.user = {uid: $u, gid: $u, additionalGids: [7]} | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 64}]' --argjson u $user
      bundle_edit '.linux.seccomp.syscalls[0].names = (["mkdirat", "setuid", "setgid", "setreuid", "setregid", "setfsuid", "getppid", "dup", "dup2", "poll", "select", "pselect6",
        "accept", "sendto", "recvfrom", "sendmmsg", "recvmmsg", "open", "creat", "stat", "lstat", "access", "faccessat", "readv", "pread64", "writev", "pwrite64", "lseek",
        "pipe", "fork", "vfork", "clone3", "execveat", "getpid", "gettid", "tkill", "tgkill", "kill", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "unshare", "setns", "mount",
        "umount2", "pivot_root", "chroot", "fchdir", "keyctl", "socket", "socketpair", "connect", "bind", "listen", "shutdown", "futex", "nanosleep", "clock_nanosleep", "sched_yield",
        "getrlimit", "setrlimit", "waitid", "exit", "ioctl", "fchown", "fchmod", "readlink", "readlinkat", "getdents64", "munmap", "brk", "mprotect",
        "rt_sigtimedwait", "sigaltstack", "personality", "setpriority", "sched_setattr", "ioprio_set", "set_mempolicy", "getuid", "geteuid", "getgid", "getegid", "capset"]
        - (if $n then [] else ["capset", "ioctl"] end))' --argjson n $nnp
      set_args nosuch
      run_bundle
      assert_status 1
      # As far as looking for the program, under the filter or not.
      assert_match 'executable file not found'
      cp "$COFFER_TESTBIN/nolibc-true" "$BUNDLE/rootfs/bin/nolibc-true"
      bundle_edit '.linux.seccomp.syscalls[0].names -= ["exit"]'
      set_args nolibc-true
      run_bundle
      assert_status 0
      det create --bundle "$BUNDLE" "$CID"
      assert_status 0
      cof start "$CID"
      wait_for 5 status_is "$CID" stopped
      cof delete "$CID"
    done
  done
}

@test "a death in the middle leaves nothing: start is killed while the agent does not read" {
  agent
  notify mkdir mkdirat
  set_args sleep 60
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  kill -STOP "$AGENT"
  cof start "$CID" # a socket takes one message although nobody reads
  status_is "$CID" running
  kill -CONT "$AGENT"
  wait_for 5 state_line
  cof delete --force "$CID"
}
