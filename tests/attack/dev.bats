#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# /dev of a hostile image: links where the runtime expects directories and devices.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

@test "dev-symlink-absolute-and-relative" {
  local link
  without_mounts /dev
  set_args /bin/testinit statpath /dev /dev/null
  for link in "$CANARY" ../../canary ../canary; do
    rm -rf "$BUNDLE/rootfs/dev"
    ln -s "$link" "$BUNDLE/rootfs/dev"
    run_bundle
    canary_same || { echo "link $link" >&2; return 1; }
    # An own tmpfs is as good as a refusal.
    [ "$status" -ne 0 ] || assert_null_device /dev/null
    remove_container
  done
}

@test "dev-symlink: in a user namespace" {
  without_mounts /dev
  set_args /bin/testinit statpath /dev /dev/null
  rm -rf "$BUNDLE/rootfs/dev"
  make_userns
  ln -s "$CANARY" "$BUNDLE/rootfs/dev"
  chown -R 100000:100000 "$CANARY"
  CANARY_BEFORE=$(canary_picture)
  run_bundle
  canary_same
  [ "$status" -ne 0 ] || assert_null_device /dev/null
}

# create with a terminal, start, wait; the terminal's output is in $output.
run_with_terminal() {
  local socket=$BATS_TEST_TMPDIR/tty.sock receiver
  "$COFFER_TESTBIN/recvtty" -t 10 "$socket" >"$BATS_TEST_TMPDIR/tty" 2>"$BATS_TEST_TMPDIR/tty.log" &
  receiver=$!
  BACKGROUND_PIDS="${BACKGROUND_PIDS:-} $receiver"
  wait_for 5 test -S "$socket"
  run cof create --console-socket "$socket" --bundle "$BUNDLE" "$CID" </dev/null
  if [ "$status" -ne 0 ]; then
    kill "$receiver" 2>/dev/null || true
    return 0
  fi
  run cof start "$CID"
  wait "$receiver" || true
  output=$(cat "$BATS_TEST_TMPDIR/tty")
}

@test "dev-console-symlink: /dev/console is a link, read-write and read-only root" {
  local ro link
  without_mounts /dev
  set_args /bin/testinit statpath /dev/console
  for ro in false true; do
    for link in "$CANARY/dir/victim" ../../../canary/dir/victim "$CANARY/new-console"; do
      rm -rf "$BUNDLE/rootfs/dev"
      mkdir -p "$BUNDLE/rootfs/dev/pts" "$BUNDLE/rootfs/dev/shm"
      ln -s "$link" "$BUNDLE/rootfs/dev/console"
      bundle_edit '.process.terminal = true | .root.readonly = $r
        | .mounts |= map(select(.destination != "/dev/pts"))' --argjson r "$ro"
      add_mount /dev/pts devpts devpts nosuid noexec newinstance ptmxmode=0666 mode=0620
      run_with_terminal
      canary_same || { echo "link $link, read-only root $ro" >&2; return 1; }
      if [ "$status" -eq 0 ]; then
        grep -q '^/dev/console type=char .* rdev=136:' <<<"$output" || { echo "$output" >&2; return 1; }
      fi
      remove_container
    done
  done
}

# A volume on /dev whose `null` is up to the attacker.
dev_volume() {
  VOLUME=$BATS_TEST_TMPDIR/volume
  rm -rf "$VOLUME"
  mkdir -p "$VOLUME"/{pts,shm,mqueue}
  without_mounts /dev
  add_mount /dev bind "$VOLUME" rbind rw
}

@test "dev-null-symlink-stdio: /dev/null leads to a file of the host" {
  local before input where saved
  echo "content of the host" >"$BATS_TEST_TMPDIR/host-file"
  chmod 600 "$BATS_TEST_TMPDIR/host-file"
  before=$(stat -c '%u:%g %a' "$BATS_TEST_TMPDIR/host-file"; cat "$BATS_TEST_TMPDIR/host-file")
  : >"$BUNDLE/rootfs/victim"
  add_mount /victim bind "$BATS_TEST_TMPDIR/host-file" bind
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  set_args /bin/testinit fds
  saved=$(cat "$BUNDLE/config.json")
  for where in volume image; do
    echo "$saved" >"$BUNDLE/config.json"
    if [ "$where" = volume ]; then
      dev_volume
      ln -sfn /victim "$VOLUME/null"
    else
      without_mounts /dev
      rm -rf "$BUNDLE/rootfs/dev"
      mkdir -p "$BUNDLE/rootfs/dev"
      ln -sfn /victim "$BUNDLE/rootfs/dev/null"
    fi
    for input in pipe null created; do
      case $input in
        pipe) echo input | cof run --bundle "$BUNDLE" "$CID" 2>&1 | cat >"$BATS_TEST_TMPDIR/out" || true ;;
        null) cof run --bundle "$BUNDLE" "$CID" </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/out" || true ;;
        created)
          echo input | cof create --bundle "$BUNDLE" "$CID" 2>&1 | cat >"$BATS_TEST_TMPDIR/out" &
          BACKGROUND_PIDS="${BACKGROUND_PIDS:-} $!"
          if wait_for 2 status_is "$CID" created 2>/dev/null; then
            cof start "$CID" || true
            wait_for 5 status_is "$CID" stopped
          fi
          ;;
      esac
      [ "$(stat -c '%u:%g %a' "$BATS_TEST_TMPDIR/host-file"; cat "$BATS_TEST_TMPDIR/host-file")" = "$before" ] || {
        echo "the host's file changed ($where, $input):" >&2
        stat "$BATS_TEST_TMPDIR/host-file" >&2
        return 1
      }
      run cat "$BATS_TEST_TMPDIR/out"
      assert_lacks '"/victim"'
      remove_container
    done
  done
}

@test "mask-source-hijack: null is a link, absent, a FIFO, a file" {
  local kind
  bundle_edit '.linux.maskedPaths = ["/proc/timer_list", "/proc/keys"]'
  set_args /bin/testinit statpath /proc/timer_list /proc/keys
  for kind in link link-inside absent fifo file; do
    dev_volume
    case $kind in
      link) ln -s /proc/sys/kernel/hostname "$VOLUME/null" ;;
      link-inside) ln -s /inside-marker "$VOLUME/null" ;;
      fifo) mkfifo "$VOLUME/null" ;;
      file) echo hijacked >"$VOLUME/null" ;;
    esac
    run_bundle
    [ "$status" -ne 124 ] || { echo "$kind hangs" >&2; return 1; }
    if [ "$status" -eq 0 ]; then
      assert_null_device /proc/timer_list && assert_null_device /proc/keys || { echo "null: $kind" >&2; return 1; }
    fi
    remove_container
  done
}

device() { # device PATH
  bundle_edit '.linux.devices = [{path: $p, type: "c", major: 1, minor: 3, fileMode: 438, uid: 7, gid: 7}]' --arg p "$1"
}

# The cases of a device path that would leave the root filesystem or hit something that exists.
device_paths() {
  local path
  ln -sfn "$CANARY" "$BUNDLE/rootfs/vol"
  ln -sfn "$CANARY/dir/victim" "$BUNDLE/rootfs/final"
  ln -sfn "$CANARY/new-node" "$BUNDLE/rootfs/final-new"
  echo regular >"$BUNDLE/rootfs/regular"
  for path in /vol/n0 /vol/dir/victim /../canary/n0 ../../canary/n0 "..$CANARY/n0" /dev/../../../canary/n0 \
    relative-node /final /final-new /regular ../regular; do
    device "$path"
    run_bundle
    canary_same || { echo "device path $path" >&2; return 1; }
    [ "$status" -ne 124 ]
    remove_container
    # A file that is already there is neither replaced nor given away.
    [ "$(cat "$BUNDLE/rootfs/regular")" = regular ] || { echo "regular file, path $path" >&2; return 1; }
    [ "$(stat -c %u "$BUNDLE/rootfs/regular")" -ne 7 ] || { echo "owner, path $path" >&2; return 1; }
    [ ! -e "$BATS_TEST_TMPDIR/relative-node" ] && [ ! -e relative-node ] && [ ! -e "$BUNDLE/relative-node" ]
  done
}

@test "device-path-escape: without a user namespace" {
  device_paths
}

@test "device-path-escape: with a user namespace" {
  make_userns
  device_paths
}
