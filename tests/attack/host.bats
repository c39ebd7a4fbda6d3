#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What passes between the caller's side and the container: hooks, descriptors, files, mounts.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

# A hook program on the host that writes what it was given; the rootfs has a trojan of that name.
make_hook() {
  HOOK=$BATS_TEST_TMPDIR/hook
  RECORDS=$BATS_TEST_TMPDIR/records
  mkdir -p "$RECORDS" "$BUNDLE/rootfs$BATS_TEST_TMPDIR" "$BUNDLE/rootfs$RECORDS"
  chmod 777 "$RECORDS"
  cat >"$HOOK" <<SCRIPT
#!/bin/sh
{
    echo genuine
    echo "cwd \$(pwd)"
    env | sed 's/^/env /'
    for fd in /proc/self/fd/*; do
        # The shell's own handle on this script is not the runtime's doing.
        case \$(readlink "\$fd") in "$HOOK" | "" | "$RECORDS"*) ;; *) echo "fd \${fd##*/}" ;; esac
    done
} >"$RECORDS/\$1" 2>/dev/null
cat >/dev/null
SCRIPT
  chmod 755 "$HOOK"
  printf '#!/bin/sh\necho trojan >"%s/$1"\n' "$RECORDS" >"$BUNDLE/rootfs$HOOK"
  chmod 755 "$BUNDLE/rootfs$HOOK"
}

HOST_HOOKS='prestart createRuntime createContainer poststart poststop'

run_with_hooks() { # run_with_hooks ENV-JSON
  local name
  for name in $HOST_HOOKS; do
    bundle_edit '.hooks[$n] = [{path: $h, args: ["hook", $n]} + (if $e == null then {} else {env: $e} end)]' \
      --arg n "$name" --arg h "$HOOK" --argjson e "$1"
  done
  bundle_edit '.process.env = ["PATH=/bin", "LD_PRELOAD=/evil.so", "FROM_PROCESS=1", "GCONV_PATH=/evil"]'
  run env LD_AUDIT= BASH_ENV=/evil FROM_CALLER_BASH=1 timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
}

@test "hook-env-fd-cwd: exactly the configured environment" {
  local name record
  make_hook
  run_with_hooks '["PATH=/usr/bin:/bin", "CONFIGURED=yes"]'
  for name in $HOST_HOOKS; do
    record=$RECORDS/$name
    grep -qx genuine "$record" || { echo "$name did not run, or the trojan did" >&2; cat "$record" >&2; return 1; }
    # The shell adds these three itself.
    run bash -c 'grep "^env " "$1" | grep -Ev "^env (PWD|SHLVL|_)=" | sort' env "$record"
    [ "$output" = $'env CONFIGURED=yes\nenv PATH=/usr/bin:/bin' ] || { echo "$name: $output" >&2; return 1; }
    run bash -c 'grep "^fd " "$1" | sort -u | tr "\n" " "' fds "$record"
    [[ $output =~ ^(fd [012] )*$ ]] || { echo "$name holds $output" >&2; return 1; }
  done
}

@test "hook-env-fd-cwd: without an env nothing of the process reaches a hook" {
  local name
  make_hook
  run_with_hooks null
  for name in $HOST_HOOKS; do
    grep -qx genuine "$RECORDS/$name"
    ! grep -E '^env (LD_|GCONV_PATH|FROM_PROCESS|BASH_ENV)' "$RECORDS/$name" || { echo "in $name" >&2; return 1; }
  done
}

@test "hook-env-fd-cwd: the caller's environment never reaches the process" {
  set_args /bin/testinit getenv
  bundle_edit '.process.env = ["PATH=/bin", "TERM=xterm"]'
  run env LEAK=1 LD_PRELOAD= timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  run bash -c 'grep -Ev "^\"(PATH|TERM|HOME)=" <<<"$1"' env "$output"
  [ -z "$output" ]
}

fd_numbers() {
  sed -n 's/^fd \([0-9]*\) .*/\1/p' <<<"$output" | tr '\n' ' '
}

@test "fd-leak-audit: the first process has 0, 1, 2 and nothing else" {
  set_args /bin/testinit fds
  run_bundle
  [ "$status" -eq 0 ]
  [ "$(fd_numbers)" = '0 1 2 ' ] || { echo "$output" >&2; return 1; }
}

@test "fd-leak-audit: in a user namespace" {
  make_userns
  set_args /bin/testinit fds
  run_bundle
  [ "$status" -eq 0 ]
  [ "$(fd_numbers)" = '0 1 2 ' ] || { echo "$output" >&2; return 1; }
}

@test "fd-leak-audit: the caller leaks files, directories and sockets" {
  set_args /bin/testinit fds
  run python3 -c '
import os, socket, subprocess, sys
kept = [socket.socketpair() for _ in range(10)]
for pair in kept:
    for s in pair:
        os.set_inheritable(s.fileno(), True)
for _ in range(15):
    os.set_inheritable(os.open(sys.argv[1], os.O_RDONLY), True)
    os.set_inheritable(os.open("/proc/self/status", os.O_RDONLY), True)
sys.exit(subprocess.run(sys.argv[2:], close_fds=False).returncode)' \
    "$CANARY" "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  [ "$(fd_numbers)" = '0 1 2 ' ] || { echo "$output" >&2; return 1; }
}

@test "fd-leak-audit: created and started apart, the caller leaks" {
  set_args /bin/testinit fds
  cof create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 7<"$CANARY" 8</proc/version
  cof start "$CID" 7<"$CANARY"
  wait_for 5 status_is "$CID" stopped
  output=$(cat "$BATS_TEST_TMPDIR/out")
  [ "$(fd_numbers)" = '0 1 2 ' ] || { echo "$output" >&2; return 1; }
}

@test "fd-leak-audit: standard input, output and error closed by the caller" {
  set_args /bin/testinit fds
  run bash -c '"$@" <&-' closed "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  [ "$(fd_numbers)" = '0 1 2 ' ] || { echo "$output" >&2; return 1; }
  assert_has '"/dev/null"'
  set_args /bin/sh -c '/bin/testinit fds >/tmp/fds'
  run bash -c '"$@" <&- >&- 2>&-' closed "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  output=$(cat "$BUNDLE/rootfs/tmp/fds")
  [ "$(fd_numbers)" = '0 1 2 ' ] || { echo "$output" >&2; return 1; }
}

@test "fd-leak-audit: --preserve-fds keeps exactly so many" {
  set_args /bin/testinit fds
  run bash -c 'exec 3</proc/version 4</proc/uptime 5</proc/loadavg 9<"$1"; shift; exec "$@"' keep "$CANARY" \
    "$COFFER" --root "$ROOT" run --preserve-fds 2 --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  [ "$(fd_numbers)" = '0 1 2 3 4 ' ] || { echo "$output" >&2; return 1; }
  remove_container
  # A gap is an error: no descriptor of the runtime may fill it.
  run bash -c 'exec 3</proc/version 4<&-; exec "$@"' gap \
    "$COFFER" --root "$ROOT" run --preserve-fds 2 --bundle "$BUNDLE" "$CID"
  assert_refused
}

@test "pidfile-and-log-symlink: neither follows a link" {
  ln -s "$CANARY/file" "$BATS_TEST_TMPDIR/pid"
  ln -s "$CANARY/dir/victim" "$BATS_TEST_TMPDIR/log"
  ln -s "$CANARY/created-by-log" "$BATS_TEST_TMPDIR/log-new"
  ln -s "$CANARY/created-by-pid" "$BATS_TEST_TMPDIR/pid-new"
  cof run --pid-file "$BATS_TEST_TMPDIR/pid" --bundle "$BUNDLE" "$CID" || true
  canary_same
  remove_container
  cof run --pid-file "$BATS_TEST_TMPDIR/pid-new" --bundle "$BUNDLE" "$CID" || true
  canary_same
  remove_container
  cof --log "$BATS_TEST_TMPDIR/log" run --bundle "$BATS_TEST_TMPDIR/no-bundle" "$CID" || true
  canary_same
  cof --log "$BATS_TEST_TMPDIR/log-new" run --bundle "$BATS_TEST_TMPDIR/no-bundle" "$CID" || true
  canary_same
}

@test "propagation-no-leak: every value, the host's root shared, parallel starts" {
  local value
  for value in private rprivate slave rslave shared rshared unbindable runbindable; do
    bundle_edit '.linux.rootfsPropagation = $v' --arg v "$value"
    # The inner namespace plays a host whose whole tree is shared.
    run unshare -m bash -c '
      mount --make-rshared /
      before=$(cut -d" " -f3- /proc/self/mountinfo | sort)
      for i in 1 2 3 4 5; do
        timeout 60 "$1" --root "$2" run --bundle "$3" "$4-$i" >/dev/null 2>"$5.$i" </dev/null &
      done
      wait
      after=$(cut -d" " -f3- /proc/self/mountinfo | sort)
      diff <(echo "$before") <(echo "$after")' shared "$COFFER" "$ROOT" "$BUNDLE" "$CID" "$BATS_TEST_TMPDIR/err"
    [ "$status" -eq 0 ] || { echo "propagation $value: $output" >&2; return 1; }
    # unbindable cannot be combined with a bind of the root; the others must work.
    [[ $value == *unbindable ]] || [ -z "$(cat "$BATS_TEST_TMPDIR"/err.*)" ] || { cat "$BATS_TEST_TMPDIR"/err.* >&2; return 1; }
  done
}
