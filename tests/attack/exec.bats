#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# exec into a hostile container: what enters must give nothing away, and take nothing from within at its word.

load attack

setup() {
  attack_setup
  set_args /bin/testinit enter-watch 6
}
teardown() { attack_teardown; }

# The container watches while EXECS processes enter it. $output: what it got.
EXECS=${ATTACK_EXECS:-30}
watch_execs() { # watch_execs [EXEC OPTION...]
  local i
  cof create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/watch" 2>&1 </dev/null
  cof start "$CID"
  wait_for 5 grep -q watching "$BATS_TEST_TMPDIR/watch"
  for i in $(seq "$EXECS"); do
    cof exec "$@" "$CID" /bin/testinit exit 0 >/dev/null 2>"$BATS_TEST_TMPDIR/exec.err" </dev/null || {
      echo "exec $i: $(cat "$BATS_TEST_TMPDIR/exec.err")" >&2
      return 1
    }
    grep -q '^seen=' "$BATS_TEST_TMPDIR/watch" && break
  done
  wait_for 15 grep -q '^seen=' "$BATS_TEST_TMPDIR/watch"
  output=$(cat "$BATS_TEST_TMPDIR/watch")
  echo "$output" | tail -1 >&2
  # A watcher that met nobody has watched nothing.
  [[ $output != *'strangers=0'* ]] || { echo 'nobody was met on the way in' >&2; return 1; }
}

more_caps() {
  bundle_edit '.process.capabilities |= with_entries(select(.key == "bounding" or .key == "effective" or .key == "permitted"))
    | .process.capabilities |= map_values(. + $ARGS.positional | unique)' --args "$@"
}

got_nothing() {
  not grep '^got ' <<<"$output"
}

@test "exec-hostile-init-probe: default capabilities get nothing, not even with root's descriptors beside them" {
  watch_execs
  got_nothing
}

@test "exec-hostile-init-probe: with descriptors that the caller leaks" {
  watch_execs 5<"$CANARY" 6<"$CANARY/file" 7<"$CANARY/dir"
  got_nothing
}

@test "exec-hostile-init-probe: in a user namespace, with every capability in it" {
  make_userns
  more_caps CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER
  watch_execs
  got_nothing
}

@test "exec-visible-privilege-window: CAP_SYS_PTRACE sees its own capabilities only, nothing of the host" {
  more_caps CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_DAC_OVERRIDE
  watch_execs
  assert_lacks 'got privilege'
  assert_lacks writable=yes
  assert_lacks "ino=$(stat -c %i "$COFFER") "
  # The wire is all that it holds.
  not grep -E '^got fd .* "(/|memfd|anon_inode)' <<<"$output"
}

@test "exec-visible-privilege-window: in the pid namespace of the host, with a user namespace" {
  make_userns
  bundle_edit '.linux.namespaces |= map(select(.type != "pid"))'
  without_mounts /proc
  add_mount /proc bind /proc rbind ro
  bundle_edit '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
  more_caps CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_DAC_OVERRIDE
  set_args /bin/testinit sleep
  det run --detach --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  # What may be seen is not dumpable before it is the container's: its memory is the runtime's.
  cof exec --detach "$CID" /bin/testinit enter-watch 3 >"$BATS_TEST_TMPDIR/watch" 2>&1 </dev/null
  wait_for 5 grep -q watching "$BATS_TEST_TMPDIR/watch"
  for _ in 1 2 3 4 5; do cof exec "$CID" /bin/testinit exit 0 </dev/null; done
  wait_for 15 grep -q '^seen=' "$BATS_TEST_TMPDIR/watch"
  not grep -E "^got (exe|environ|mem|ptrace|getfd|fd)" "$BATS_TEST_TMPDIR/watch"
}

@test "exe-overwrite: #!/proc/self/exe and #!/proc/1/exe as the program of exec" {
  printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/entry"
  chmod 755 "$BUNDLE/rootfs/entry"
  more_caps CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_DAC_OVERRIDE
  set_args /bin/testinit exe-watch 3
  cof create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/watch" 2>&1 </dev/null
  cof start "$CID"
  for _ in 1 2 3 4 5; do run timeout 20 "$COFFER" --root "$ROOT" exec "$CID" /entry </dev/null; [ "$status" -ne 124 ]; done
  wait_for 10 grep -q '^seen=' "$BATS_TEST_TMPDIR/watch"
  sleep 0.5
  not grep -E "writable=yes|ino=$(stat -c %i "$COFFER") " "$BATS_TEST_TMPDIR/watch"
}

@test "cwd-proc-self-fd: --cwd and the program through descriptors, ours and the caller's" {
  local n path
  set_args /bin/testinit sleep
  det run --detach --bundle "$BUNDLE" "$CID"
  for n in $(seq 0 12); do
    for path in "/proc/self/fd/$n" "/proc/1/fd/$n" "/proc/thread-self/fd/$n" "/dev/fd/$n"; do
      run cof exec --cwd "$path" "$CID" /bin/testinit cwd + ls ../../../../../../../.. 9<"$CANARY"
      [ "$status" -eq 255 ] || { assert_lacks '(unreachable)' && assert_lacks "$CANARY" && assert_has '"inside-marker"'; } || {
        echo "$path: $output" >&2
        return 1
      }
      assert_lacks victim
    done
  done
  cp "$COFFER_TESTBIN/testinit" "$BATS_TEST_TMPDIR/prog"
  for path in /proc/self/fd/9/prog /proc/self/fd/8 /dev/fd/8 /proc/1/fd/8; do
    run cof exec "$CID" "$path" args reached-the-host-program 9<"$BATS_TEST_TMPDIR" 8<"$BATS_TEST_TMPDIR/prog"
    [ "$status" -eq 255 ] && assert_lacks reached-the-host-program$'\n' || { echo "$path: $output" >&2; return 1; }
  done
}

@test "a cwd that links out of the root, or is a file, or hangs" {
  ln -s "$CANARY" "$BUNDLE/rootfs/link"
  mkfifo "$BUNDLE/rootfs/fifo"
  set_args /bin/testinit sleep
  det run --detach --bundle "$BUNDLE" "$CID"
  for path in /link /link/dir /fifo /etc/passwd; do
    run timeout 10 "$COFFER" --root "$ROOT" exec --cwd "$path" "$CID" /bin/testinit cwd
    [ "$status" -eq 255 ]
  done
  [ ! -e "$BUNDLE/rootfs$CANARY" ]
}

@test "hostile-passwd-file-types: HOME of exec" {
  local kind
  for kind in fifo zero huge line dir link nul; do
    make_bad_passwd "$kind"
    set_args /bin/testinit sleep
    det run --detach --bundle "$BUNDLE" "$CID"
    run timeout 10 "$COFFER" --root "$ROOT" exec "$CID" /bin/busybox sh -c 'echo [$HOME]'
    [ "$status" -eq 0 ] && [[ $output == '[/'*']' ]] || { echo "$kind: $status $output" >&2; return 1; }
    assert_lacks secret
    remove_container
  done
}
make_bad_passwd() {
  local file=$BUNDLE/rootfs/etc/passwd
  rm -rf "$file"
  case $1 in
    fifo) mkfifo "$file" ;;
    zero) ln -s /dev/zero "$file" ;;
    huge) truncate -s 10G "$file" ;;
    line) head -c 20000000 /dev/zero | tr '\0' a >"$file" ;;
    dir) mkdir "$file" ;;
    link) ln -s "$CANARY/file" "$file" ;;
    nul) printf 'root:x:0:0:\0:/se\0cret:/bin/sh\n' >"$file" ;;
  esac
}

@test "a procfs that is none: labels and descriptors are not looked for in it" {
  set_args /bin/busybox sleep 100
  without_mounts /proc
  bundle_edit '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
  mkdir -p "$BUNDLE/rootfs/proc/self/fd" "$BUNDLE/rootfs/proc/thread-self/attr"
  ln -s /etc/passwd "$BUNDLE/rootfs/proc/self/exe"
  echo fake >"$BUNDLE/rootfs/proc/self/status"
  det run --detach --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  run cof exec "$CID" /bin/busybox sh -c 'cat /proc/self/status; echo $HOME'
  [ "$status" -eq 0 ] && [ "${lines[0]}" = fake ] && [ "${lines[1]}" = /root ]
}

@test "/dev/null of the container is something else: not opened for us, not waited for" {
  set_args /bin/busybox sleep 100
  bundle_edit '.mounts |= map(select(.destination != "/dev")) | .root.readonly = false'
  det run --detach --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ] || skip "$output"
  cof exec --cap CAP_MKNOD --cap CAP_DAC_OVERRIDE "$CID" /bin/busybox sh -c 'rm -f /dev/null; mkfifo /dev/null' </dev/zero || true
  run timeout 10 "$COFFER" --root "$ROOT" exec "$CID" /bin/busybox sh -c 'stat -L -c %t:%T /proc/self/fd/0' </dev/null
  [ "$status" -eq 0 ] && [ "$output" = 1:3 ]
}

@test "exec-into-nested: init that has entered another user namespace gives no way up" {
  requires userns
  more_caps CAP_SYS_ADMIN
  bundle_edit '.process.noNewPrivileges = false'
  command -v unshare >/dev/null || skip 'no unshare'
  cp "$(command -v unshare)" "$BUNDLE/rootfs/bin/unshare" && ldd "$BUNDLE/rootfs/bin/unshare" >/dev/null 2>&1 || true
  set_args /bin/busybox unshare -U /bin/busybox sleep 100
  det run --detach --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ] || skip "$output"
  sleep 0.3
  run timeout 10 "$COFFER" --root "$ROOT" exec "$CID" /bin/busybox sh -c 'cat /proc/self/uid_map; grep CapEff /proc/self/status'
  # Its namespace has no ids: nobody can be root in it.
  [ "$status" -eq 255 ]
}

@test "container-root writes to what exec says: no word of it makes the runtime signal a stranger" {
  more_caps CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_KILL
  set_args /bin/testinit enter-watch 5
  sleep 300 3>&- &
  local stranger=$!
  background "$stranger"
  watch_execs
  kill -0 "$stranger"
}
