#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Seccomp: what a profile does to the process, and the cache of compiled programs.

load helpers

setup() { requires root seccomp; setup_bundle; }
teardown() { teardown_bundle; }

set_seccomp() { # set_seccomp JSON
  bundle_edit '.linux.seccomp = $s' --argjson s "$1"
}

deny() { # deny ACTION [ERRNO]: mkdirat and mkdir, all else allowed
  set_seccomp "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mkdirat\", \"mkdir\"], \"action\": \"SCMP_ACT_$1\"${2:+, \"errnoRet\": $2}}]}"
}

cache_files() { find "$ROOT/.cache/seccomp" -type f 2>/dev/null | sort; }

# Does a run of the bundle load libseccomp?
loads_library() {
  set_args testinit syscall mkdirat
  # Looking for leaks does not go together with being traced.
  ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=open,openat,openat2,mmap -y \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1
  output=$(cat "$BATS_TEST_TMPDIR/out")
  grep -q 'libseccomp' "$BATS_TEST_TMPDIR/trace"
}

@test "the filter is there, with and without no_new_privs, for root and for a user" {
  deny ERRNO
  for nnp in true false; do
    for uid in 0 1000; do
      bundle_edit '.process.noNewPrivileges = $n | .process.user = {uid: $u, gid: $u}' --argjson n "$nnp" --argjson u "$uid"
      run_testinit status + syscall mkdirat getpid
      assert_match '^Seccomp:\s2$'
      assert_match '^Seccomp_filters:\s1$'
      assert_match "^NoNewPrivs:\s$([ $nnp = true ] && echo 1 || echo 0)$"
      assert_line mkdirat=EPERM
      assert_line getpid=OK
    done
  done
}

@test "no profile, no filter" {
  run_testinit status
  assert_match '^Seccomp:\s0$'
}

@test "without capabilities and in a user namespace" {
  deny ERRNO
  bundle_edit '.process.capabilities = {}'
  run_testinit syscall mkdirat
  assert_line mkdirat=EPERM
  setup_userns_bundle
  deny ERRNO 13
  bundle_edit '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
  run_testinit syscall mkdirat
  assert_line mkdirat=EACCES
}

@test "ERRNO: EPERM when none is given, else what is given" {
  deny ERRNO
  run_testinit syscall mkdirat
  assert_line mkdirat=EPERM
  for row in 38:ENOSYS 71:EPROTO 0:OK; do
    deny ERRNO "${row%:*}"
    run_testinit syscall mkdirat
    assert_line "mkdirat=${row#*:}"
  done
}

@test "actions: KILL, KILL_THREAD, KILL_PROCESS, TRAP, LOG, ALLOW, TRACE" {
  for row in KILL:SIGNAL31 KILL_THREAD:SIGNAL31 KILL_PROCESS:SIGNAL31 TRAP:SIGNAL31 LOG:OK ALLOW:OK TRACE:ENOSYS; do
    deny "${row%:*}"
    run_testinit syscall mkdirat
    assert_line "mkdirat=${row#*:}"
  done
}

@test "a list of what is allowed: everything else gets the default" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 71, "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [
    "read", "write", "writev", "close", "fstat", "newfstatat", "stat", "lseek", "mmap", "munmap", "mprotect", "mremap", "brk", "rt_sigaction",
    "rt_sigprocmask", "clone", "fork", "vfork", "wait4", "exit", "exit_group", "set_tid_address", "set_robust_list", "rseq",
    "prlimit64", "readlink", "readlinkat", "getrandom", "arch_prctl", "execve", "futex", "getpid", "gettid", "tgkill", "uname"]}]}'
  for nnp in true false; do
    bundle_edit '.process.noNewPrivileges = $n' --argjson n "$nnp"
    [ "$nnp" = true ] || bundle_edit '.linux.seccomp.syscalls[0].names += ["execveat", "setgroups", "setresgid", "setresuid", "setgid", "setuid",
      "capset", "capget", "prctl", "chdir", "fchdir", "openat", "openat2", "close_range", "poll", "ppoll", "recvmsg", "sendmsg", "accept4",
      "fcntl", "dup3", "umask", "fchmod", "fchown", "statx", "faccessat2", "getresuid", "getresgid", "getgroups", "pidfd_open", "ioctl", "setsid", "getcwd"]'
    run_testinit syscall getpid getcwd mkdirat ptrace
    assert_line getpid=OK
    # Without no_new_privs the runtime itself works below the filter and needs it.
    [ "$nnp" = false ] || assert_line getcwd=EPROTO
    assert_line mkdirat=EPROTO
    assert_line ptrace=EPROTO
  done
}

@test "create and start with a filter" {
  deny ERRNO 71
  for nnp in true false; do
    bundle_edit '.process.noNewPrivileges = $n' --argjson n "$nnp"
    set_args testinit syscall mkdirat
    cof create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
    cof start "$CID"
    wait_for 5 status_is "$CID" stopped
    cof delete "$CID"
    assert_same "no_new_privs $nnp" mkdirat=EPROTO "$(cat "$BATS_TEST_TMPDIR/out")"
  done
}

# Without no_new_privs the filter comes before the change of ids: what follows may need no call that a
# profile has a reason not to know.
@test "a filter that comes early may know no new calls, and refuse getcwd" {
  bundle_edit '.process.noNewPrivileges = false | .root.readonly = false'
  for action in '"SCMP_ACT_ERRNO", "errnoRet": 1' '"SCMP_ACT_ERRNO", "errnoRet": 38' '"SCMP_ACT_KILL_PROCESS"'; do
    set_seccomp "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [
      {\"names\": [\"close_range\", \"getcwd\"], \"action\": $action}]}"
    for uid in 0 1000; do
      for cwd in / /tmp /made; do
        bundle_edit '.process.user = {uid: $u, gid: $u} | .process.cwd = $c' --argjson u "$uid" --arg c "$cwd"
        # The shell itself asks for its directory.
        case $action in *KILL*) run_testinit fds ;; *) run_script 'stat -c cwd=%i .; exec testinit fds' ;; esac
        [[ $action = *KILL* ]] || assert_same "$action $uid $cwd" "$(stat -c %i "$BUNDLE/rootfs$cwd")" "$(printf '%s\n' "$output" | sed -n 's/^cwd=//p')"
        assert_same "$action $uid $cwd fds" '0 1 2' "$(printf '%s\n' "$output" | sed -n 's/^fd \([0-9]*\).*/\1/p' | sort -n | paste -sd ' ')"
        set_args testinit fds
        cof create --bundle "$BUNDLE" "$CID-gate" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
        cof start "$CID-gate"
        wait_for 5 status_is "$CID-gate" stopped
        cof delete "$CID-gate"
        assert_same 'behind the gate' "$(grep -c '^fd ' "$BATS_TEST_TMPDIR/out")" 3
      done
    done
  done
}

# ---- arguments ----

@test "conditions on arguments: EQ on one, several and-ed" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71, "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]},
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 77, "op": "SCMP_CMP_EQ"}]}]}'
  run_testinit syscall socket-alg socket-inet
  assert_line socket-alg=EPROTO
  assert_line socket-inet=OK
}

@test "conditions on the same argument are or-ed" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71, "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}'
  run_testinit syscall socket-alg socket-vsock socket-inet
  assert_line socket-alg=EPROTO
  assert_line socket-vsock=EPROTO
  assert_line socket-inet=OK
}

@test "every operator, with values of 64 bits" {
  [ "$(uname -m)" = x86_64 ] || skip 'the numbers are those of x86_64'
  # getpid takes no arguments, so any can be given. Columns: operator, value, hit, miss.
  while read -r op value hit miss; do
    set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71,
      "args": [{"index": 3, "value": 123454321, "op": "SCMP_CMP_'"$op"'"}]}]}'
    set_args testinit syscall-nr 39 0 0 0 "$hit" + syscall-nr 39 0 0 0 "$miss"
    # jq would round the number.
    sed -i "s/123454321/$value/" "$BUNDLE/config.json"
    run_bundle
    assert_status 0
    assert_same "$op $value" 'syscall=EPROTO syscall=OK' "$(echo $output)"
  done <<'END'
EQ 1 1 2
EQ 4294967297 0x100000001 1
EQ 9007199254740993 0x20000000000001 0x20000000000000
EQ 9223372036854775807 0x7fffffffffffffff 0x7ffffffffffffffe
EQ 18446744073709551615 -1 0xffffffff
NE 4294967297 1 0x100000001
LT 4294967296 0xffffffff 0x100000000
LE 4294967296 0x100000000 0x100000001
GE 4294967296 0x100000000 0xffffffff
GT 4294967295 0x100000000 0xffffffff
END
}

@test "MASKED_EQ: value is the mask, valueTwo what must be left" {
  [ "$(uname -m)" = x86_64 ] || skip 'the numbers are those of x86_64'
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71,
      "args": [{"index": 5, "value": 1095216660480, "valueTwo": 73014444032, "op": "SCMP_CMP_MASKED_EQ"}]}]}'
  run_testinit syscall-nr 39 0 0 0 0 0 0x1100000000 + syscall-nr 39 0 0 0 0 0 0x1111223344 + syscall-nr 39 0 0 0 0 0 0x1000000000 + syscall-nr 39 0 0 0 0 0 0xff1100000000
  assert_same answers 'syscall=EPROTO syscall=EPROTO syscall=OK syscall=EPROTO' "$(echo $output)"
}

@test "all six arguments" {
  [ "$(uname -m)" = x86_64 ] || skip 'the numbers are those of x86_64'
  bundle_edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpid"], action: "SCMP_ACT_ERRNO", errnoRet: 71,
    args: [range(6) | {index: ., value: (. + 1), op: "SCMP_CMP_EQ"}]}]}'
  run_testinit syscall-nr 39 1 2 3 4 5 6 + syscall-nr 39 1 2 3 4 5 7 + syscall-nr 39 0 2 3 4 5 6
  assert_same answers 'syscall=EPROTO syscall=OK syscall=OK' "$(echo $output)"
}

# ---- names and architectures ----

@test "names that the library does not know are left out, the others hold" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["call_of_the_future", "mkdirat", "another_one"], "action": "SCMP_ACT_ERRNO"},
    {"names": ["only_unknown"], "action": "SCMP_ACT_KILL"}]}'
  run_testinit syscall mkdirat getpid
  assert_line mkdirat=EPERM
  assert_line getpid=OK
  run cof run --bundle "$BUNDLE" "$CID"
  assert_lacks call_of_the_future
  bundle_edit '.annotations = {"run.oci.seccomp_fail_unknown_syscall": "1"}'
  run_bundle
  assert_status 1
  assert_match 'unknown system call .(call_of_the_future|another_one)'
}

@test "several architectures" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    "syscalls": [{"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71}]}'
  run_testinit syscall mkdirat getpid
  assert_line mkdirat=EPROTO
  assert_line getpid=OK
}

@test "calls of 32-bit programs: filtered when listed, killed or refused when not" {
  [ "$(uname -m)" = x86_64 ] || skip 'x86_64 only'
  printf 'int main(void) { return 0; }' | gcc -m32 -x c -o "$BATS_TEST_TMPDIR/probe" -nostdlib -static -Wl,-e,main - 2>/dev/null || skip 'no compiler for 32 bit'
  # mkdir(".", 0) by int 0x80, exit status is the errno.
  cat >"$BATS_TEST_TMPDIR/m.s" <<'END'
.globl _start
_start:
  mov $39, %eax
  mov $name, %ebx
  xor %ecx, %ecx
  int $0x80
  neg %eax
  mov %eax, %ebx
  mov $1, %eax
  int $0x80
name: .asciz "."
END
  gcc -m32 -nostdlib -static -o "$BUNDLE/rootfs/bin/mkdir32" "$BATS_TEST_TMPDIR/m.s"
  "$BUNDLE/rootfs/bin/mkdir32" || [ $? -eq 17 ] || skip 'the kernel runs no 32-bit programs'
  set_args /bin/mkdir32
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71}]}'
  run_bundle
  assert_status 71
  bundle_edit 'del(.linux.seccomp.architectures)'
  run_bundle
  [ "$status" -ne 17 ] # never past the filter
}

@test "a rule equal to the default is no error" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ALLOW"}, {"names": ["getcwd"], "action": "SCMP_ACT_ERRNO"}]}'
  run_testinit syscall mkdirat getcwd
  assert_line mkdirat=OK
  assert_line getcwd=EPERM
}

@test "flags" {
  set_seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"], "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
  run_testinit syscall mkdirat
  assert_line mkdirat=EPERM
  bundle_edit '.linux.seccomp.flags = []'
  run_testinit syscall mkdirat
  assert_line mkdirat=EPERM
}

# ---- cache ----

@test "cache: the second run neither loads the library nor differs" {
  deny ERRNO 71
  loads_library
  assert_line mkdirat=EPROTO
  first=$(cache_files)
  [ "$(wc -l <<<"$first")" -eq 1 ]
  sum=$(sha256sum <"$first")
  assert_same mode 600 "$(stat -c %a "$first")"
  not loads_library
  assert_line mkdirat=EPROTO
  assert_same files "$first" "$(cache_files)"
  assert_same content "$sum" "$(sha256sum <"$first")"
}

@test "cache: no profile, no library" {
  not loads_library
  assert_same files '' "$(cache_files)"
}

@test "cache: another profile is another entry" {
  deny ERRNO 71
  run_testinit syscall mkdirat
  deny ERRNO 38
  run_testinit syscall mkdirat
  assert_line mkdirat=ENOSYS
  deny ERRNO 71
  run_testinit syscall mkdirat
  assert_line mkdirat=EPROTO
  assert_same entries 2 "$(cache_files | wc -l)"
}

@test "cache: a damaged entry is made anew" {
  deny ERRNO 71
  run_testinit syscall mkdirat
  file=$(cache_files)
  good=$(sha256sum <"$file")
  size=$(stat -c %s "$file")
  for damage in empty short long flip-begin flip-middle flip-end zeros garbage; do
    case $damage in
      empty) : >"$file" ;;
      short) truncate -s $((size - 8)) "$file" ;;
      long) echo more >>"$file" ;;
      flip-begin) printf '\377' | dd of="$file" bs=1 seek=0 conv=notrunc status=none ;;
      flip-middle) printf '\377' | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc status=none ;;
      flip-end) printf '\377' | dd of="$file" bs=1 seek=$((size - 1)) conv=notrunc status=none ;;
      zeros) head -c "$size" /dev/zero >"$file" ;;
      garbage) head -c "$size" /dev/urandom >"$file" ;;
    esac
    run_testinit syscall mkdirat getpid
    assert_line mkdirat=EPROTO
    assert_line getpid=OK
    assert_same "after $damage" "$good" "$(sha256sum <"$(cache_files)")"
  done
}

@test "cache: something else in the place of the entry is not believed" {
  deny ERRNO 71
  run_testinit syscall mkdirat
  file=$(cache_files)
  cp "$file" "$BATS_TEST_TMPDIR/copy"
  for kind in link directory fifo foreign writable; do
    rm -rf "$file"
    case $kind in
      link) ln -s "$BATS_TEST_TMPDIR/copy" "$file" ;;
      directory) mkdir "$file" ;;
      fifo) mkfifo "$file" ;;
      foreign) cp "$BATS_TEST_TMPDIR/copy" "$file"; chown 1000 "$file" ;;
      writable) cp "$BATS_TEST_TMPDIR/copy" "$file"; chmod 666 "$file" ;;
    esac
    run_testinit syscall mkdirat
    assert_line mkdirat=EPROTO
  done
}

@test "cache: a root that cannot be written for it does not matter" {
  deny ERRNO 71
  mkdir -p "$ROOT" && chmod 700 "$ROOT"
  touch "$ROOT/.cache"
  run_testinit syscall mkdirat
  assert_line mkdirat=EPROTO
}

@test "a large profile" {
  bundle_edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [range(500) | {names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 71,
    args: [{index: 0, value: (. + 100), op: "SCMP_CMP_EQ"}]}]}'
  run_testinit syscall socket-inet getpid
  assert_line socket-inet=OK
  set_args testinit syscall getpid
  run_bundle
  assert_status 0
}
