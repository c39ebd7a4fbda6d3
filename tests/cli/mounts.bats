#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mounts: kinds, destinations, masks, propagation of the root. What counts is the container's own
# mountinfo and what its files do. The options: mount-options.bats.

load mounts

# ---- propagation ----

# Beside the host that $HOLDER plays, with the pipe that is open as 9 for input, until it has said that it is ready.
begin_there() {
  nsenter --target "$HOLDER" --mount "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID" \
    <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
  runner=$!
  background "$runner"
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/out"
}

@test "a mount made on the host later is seen through rslave, not through rprivate" {
  hold_mounts shared
  there mount --bind "$SRC" "$SRC"
  there mount --make-shared "$SRC"
  add_mount /mnt/slave none "$SRC" rbind rslave
  add_mount /mnt/private none "$SRC" rbind rprivate
  set_args sh -c 'echo ready; read x; cat /mnt/slave/sub/late 2>/dev/null && echo slave-sees; cat /mnt/private/sub/late 2>/dev/null && echo private-sees; echo end'
  mkfifo "$BATS_TEST_TMPDIR/in"
  exec 9<>"$BATS_TEST_TMPDIR/in"
  begin_there
  there mount -t tmpfs late "$SRC/sub"
  there sh -c "echo late-text >'$SRC/sub/late'"
  echo go >&9
  exec 9>&-
  wait "$runner"
  output=$(cat "$BATS_TEST_TMPDIR/out")
  assert_line slave-sees
  assert_lacks private-sees
}

@test "no mount of the container is visible on the host, whatever the propagation there" {
  hold_mounts shared
  before=$(there cat /proc/self/mountinfo)
  add_mount /mnt/t tmpfs tmpfs
  add_mount /mnt/b none "$SRC" rbind
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  mkdir "$BUNDLE/rootfs/mnt/own"
  set_args sh -c 'mount -t tmpfs mine /mnt/own && mount -t tmpfs mine /mnt/b/sub; grep -c " /mnt" /proc/self/mountinfo; echo ready; sleep 100'
  nsenter --target "$HOLDER" --mount "$COFFER" --root "$ROOT" run --detach --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/out"
  grep -qx 4 "$BATS_TEST_TMPDIR/out"
  assert_same 'mounts of the host' "$before" "$(there cat /proc/self/mountinfo)"
}

@test "rootfsPropagation" {
  for row in shared:^shared rshared:^shared slave:^$ rslave:^$ private:^$ rprivate:^$ unbindable:^unbindable$ runbindable:^unbindable$; do
    bundle_edit '.linux.rootfsPropagation = $p' --arg p "${row%%:*}"
    run_testinit mountinfo
    [[ $(optional_of /) =~ ${row#*:} ]] || {
      echo "${row%%:*}: $(optional_of /)" >&2
      false
    }
  done
}

@test "rootfsPropagation on a host whose root is shared: what comes in, and that nothing goes out" {
  local word root
  hold_mounts shared
  there mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs"
  there mount --make-shared "$BUNDLE/rootfs"
  mkdir "$BUNDLE/rootfs/mnt/own" "$BUNDLE/rootfs/mnt/late"
  bundle_edit '.root.readonly = false | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  set_args sh -c 'mount -t tmpfs mine /mnt/own; cat /proc/self/mountinfo; echo ready; read x; grep -c " /mnt/late " /proc/self/mountinfo; echo end'
  mkfifo "$BATS_TEST_TMPDIR/in"
  for word in shared rshared slave rslave private rprivate unbindable runbindable; do
    bundle_edit '.linux.rootfsPropagation = $p' --arg p "$word"
    exec 9<>"$BATS_TEST_TMPDIR/in"
    begin_there
    assert_same "$word: what the host sees" 0 "$(there grep -c 'mnt/own ' /proc/self/mountinfo || true)"
    there mount -t tmpfs late "$BUNDLE/rootfs/mnt/late"
    echo go >&9
    exec 9>&-
    wait "$runner"
    there umount "$BUNDLE/rootfs/mnt/late"
    output=$(cat "$BATS_TEST_TMPDIR/out")
    root=$(optional_of /)
    case $word in
      shared | rshared) [[ $root =~ ^shared:[0-9]+$ ]] || [[ $root =~ ^shared:[0-9]+\ master:[0-9]+$ ]] ;;
      slave | rslave) [[ $root =~ ^master:[0-9]+$ ]] ;;
      private | rprivate) [ -z "$root" ] ;;
      *) [ "$root" = unbindable ] ;;
    esac || { echo "$word: $root" >&2; return 1; }
    case $word in
      slave | rslave) assert_match '^1$' ;;
      private | rprivate | unbindable | runbindable) assert_match '^0$' ;;
    esac
  done
}

@test "root.readonly" {
  run_script 'touch /new 2>&1; touch /tmp/new 2>&1; true'
  assert_match '/new: Read-only file system'
  assert_match '/tmp/new: Read-only file system'
  run_testinit mountinfo
  [[ $(options_of /) =~ ^ro, ]]
  bundle_edit '.root.readonly = false'
  run_script 'touch /new && echo written'
  assert_line written
  [ -e "$BUNDLE/rootfs/new" ]
  bundle_edit 'del(.root.readonly)'
  run_testinit mountinfo
  [[ $(options_of /) =~ ^rw, ]]
}

@test "a read-only root keeps the flags of the mount it lies on" {
  hold_mounts private
  there mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs"
  there mount -o remount,bind,nosuid,nodev "$BUNDLE/rootfs"
  set_args testinit mountinfo
  run_there
  [[ $(options_of /) =~ ^ro,nosuid,nodev ]]
}

# ---- tmpfs ----

@test "tmpfs: mode from the directory, or as given, or 1777 for a new one" {
  mkdir "$BUNDLE/rootfs/sticky" "$BUNDLE/rootfs/closed" "$BUNDLE/rootfs/given"
  chmod 1777 "$BUNDLE/rootfs/sticky"
  chmod 0750 "$BUNDLE/rootfs/closed"
  chmod 0700 "$BUNDLE/rootfs/given"
  add_mount /sticky tmpfs tmpfs
  add_mount /closed tmpfs tmpfs nodev
  add_mount /given tmpfs tmpfs mode=0711
  add_mount /fresh/one tmpfs tmpfs
  run_testinit statpath /sticky /closed /given /fresh/one /fresh
  assert_match '^/sticky type=dir mode=1777 '
  assert_match '^/closed type=dir mode=0750 '
  assert_match '^/given type=dir mode=0711 '
  assert_match '^/fresh/one type=dir mode=1777 '
  assert_match '^/fresh type=dir mode=0755 '
}

@test "tmpfs, read-only, with mounts in it: places are made first; the directory keeps its mode for the next start" {
  mkdir "$BUNDLE/volume"
  add_mount /ro tmpfs tmpfs ro mode=755
  add_mount /ro/deep/volume bind "$BUNDLE/volume" bind
  add_mount /ro/inner tmpfs tmpfs ro size=64k
  add_mount /ro/inner/most tmpfs tmpfs
  run_script 'for f in /ro/x /ro/deep/x /ro/inner/x; do touch $f; done 2>&1 | grep -c Read-only; touch /ro/deep/volume/f /ro/inner/most/f && echo written'
  assert_line 3
  assert_line written
  [ -e "$BUNDLE/volume/f" ]
  add_mount /fresh tmpfs tmpfs
  local again
  for again in 1 2; do
    set_args stat -c %a /fresh
    run_bundle
    assert_line 1777
  done
}

fill_data() {
  local d=$BUNDLE/rootfs/data
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_DAC_OVERRIDE"])'
  mkdir -p "$d/dir/deep" "$d/empty"
  echo content >"$d/file"
  head -c 200000 /dev/urandom >"$d/dir/deep/large"
  chmod 640 "$d/file"
  chown 5:6 "$d/file"
  chmod 4711 "$d/dir/deep/large"
  chmod 2750 "$d/dir"
  chown 7:8 "$d/dir"
  ln -s file "$d/link"
  ln -s /nowhere/at/all "$d/dangling"
  ln "$d/file" "$d/second"
  mkfifo -m 600 "$d/fifo"
  touch -d '2001-02-03 04:05:06 UTC' "$d/file"
}

@test "tmpcopyup: content, owners, modes, links, times" {
  fill_data
  add_mount /data tmpfs tmpfs tmpcopyup
  set_args sh -c 'cd /data; cat file; md5sum dir/deep/large 2>/dev/null || cat dir/deep/large | wc -c
    for f in . file dir dir/deep dir/deep/large empty link dangling second fifo; do stat -c "%n %F %a %u:%g" $f 2>&1; done
    readlink link; readlink dangling; stat -c "time %Y" file; echo changed >file; echo new >new; grep " /data " /proc/self/mounts'
  run_bundle
  assert_status 0
  assert_line content
  assert_line 'file regular file 640 5:6'
  assert_line 'dir directory 2750 7:8'
  assert_line 'dir/deep directory 755 0:0'
  assert_line 'dir/deep/large regular file 4711 0:0'
  assert_line 'empty directory 755 0:0'
  assert_line 'link symbolic link 777 0:0'
  assert_line file
  assert_line /nowhere/at/all
  # Devices, FIFOs and sockets stay behind.
  assert_match "fifo.*No such file"
  assert_line 'time 981173106'
  assert_match '^tmpfs /data tmpfs rw'
  # Nothing of what was written reached the root filesystem.
  assert_same 'file below' content "$(cat "$BUNDLE/rootfs/data/file")"
  [ ! -e "$BUNDLE/rootfs/data/new" ]
}

@test "tmpcopyup with ro: filled, then read-only" {
  fill_data
  add_mount /data tmpfs tmpfs tmpcopyup ro
  run_script 'cat /data/file; echo x 2>&1 >/data/file; true'
  assert_line content
  assert_has 'Read-only file system'
}

@test "tmpcopyup in a user namespace keeps the container's owners" {
  setup_userns_bundle
  fill_data
  chown -R --no-dereference 100000:100000 "$BUNDLE/rootfs/data"
  chown 100005:100006 "$BUNDLE/rootfs/data/file"
  add_mount /data tmpfs tmpfs tmpcopyup
  run_script 'cat /data/file; stat -c "%n %a %u:%g" /data/file /data/dir'
  assert_line content
  assert_line '/data/file 640 5:6'
  assert_line '/data/dir 2750 0:0'
}

@test "tmpcopyup: a destination that does not exist is just empty" {
  add_mount /not/there tmpfs tmpfs tmpcopyup
  run_script 'ls -A /not/there; echo end'
  assert_same content end "$output"
}

# ---- destinations and sources ----

@test "bind of a directory and of a file; missing destinations are made" {
  add_mount /mnt/deep/dir none "$SRC" bind
  add_mount /mnt/deep/file none "$SRC/file" bind
  add_mount /etc/hostname none "$SRC/file" bind ro
  run_script 'cat /mnt/deep/dir/file /mnt/deep/file /etc/hostname; stat -c "%n %F" /mnt/deep/dir /mnt/deep/file; echo changed >/mnt/deep/file'
  assert_same lines 3 "$(grep -cx of-the-host <<<"$output")"
  assert_line '/mnt/deep/file regular file'
  assert_same source changed "$(cat "$SRC/file")"
  assert_same 'made directory' '755 directory' "$(stat -c '%a %F' "$BUNDLE/rootfs/mnt/deep/dir")"
  assert_same 'made file' 'regular empty file' "$(stat -c '%F' "$BUNDLE/rootfs/mnt/deep/file")"
}

@test "bind does not take what is mounted below, rbind does" {
  hold_mounts private
  there mount -t tmpfs below "$SRC/sub"
  there touch "$SRC/sub/of-the-submount"
  add_mount /mnt/bind none "$SRC" bind
  add_mount /mnt/rbind none "$SRC" rbind
  set_args sh -c 'for d in bind rbind; do ls /mnt/$d/sub; echo "$d end"; done'
  run_there
  assert_same 'what is seen' $'bind end\nof-the-submount\nrbind end' "$output"
}

@test "a source relative to the bundle; the type of a bind mount is ignored" {
  mkdir "$BUNDLE/volume"
  echo volume-file >"$BUNDLE/volume/f"
  add_mount /mnt/a bind volume bind
  add_mount /mnt/b no-such-type ./volume/../volume rbind
  run_script 'cat /mnt/a/f /mnt/b/f'
  assert_same content $'volume-file\nvolume-file' "$output"
}

@test "a source that is a symlink is followed, or copied with copy-symlink" {
  ln -s "$SRC/file" "$BATS_TEST_TMPDIR/link"
  add_mount /mnt/followed none "$BATS_TEST_TMPDIR/link" bind
  add_mount /mnt/copied none "$BATS_TEST_TMPDIR/link" bind copy-symlink
  run_script 'cat /mnt/followed; readlink /mnt/copied'
  assert_line of-the-host
  assert_line "$SRC/file"
}

@test "src-nofollow and dest-nofollow: a link is not followed" {
  ln -s "$SRC/file" "$BATS_TEST_TMPDIR/link"
  echo of-the-image >"$BUNDLE/rootfs/target"
  ln -s target "$BUNDLE/rootfs/dest"
  set_args cat /target
  add_mount /dest none "$SRC/file" bind dest-nofollow
  run_bundle
  assert_lacks of-the-host
  bundle_edit '.mounts |= map(select(.destination != "/dest"))'
  add_mount /target none "$BATS_TEST_TMPDIR/link" bind src-nofollow
  run_bundle
  assert_lacks of-the-host
}

@test "destinations: relative, with dots, with a trailing slash" {
  mkdir "$BUNDLE/rootfs/a"
  add_mount mnt/rel tmpfs one
  add_mount /../../mnt/../mnt/dots tmpfs two
  add_mount /a/./b//c/ tmpfs three
  run_testinit mountinfo
  for path in /mnt/rel /mnt/dots /a/b/c; do
    assert_same "$path" tmpfs "$(type_of "$path")"
  done
}

@test "symlinks in a destination stay inside the root" {
  mkdir -p "$BUNDLE/rootfs/data" "$BATS_TEST_TMPDIR/outside"
  ln -s /data "$BUNDLE/rootfs/inside"
  ln -s ../../../../../../.."$BATS_TEST_TMPDIR/outside" "$BUNDLE/rootfs/relative"
  ln -s "$BATS_TEST_TMPDIR/outside" "$BUNDLE/rootfs/absolute"
  before=$(cat /proc/self/mountinfo)
  add_mount /inside/x tmpfs tmpfs
  add_mount /relative/y tmpfs tmpfs
  add_mount /absolute/z none "$SRC/file" bind
  run_testinit mountinfo
  assert_same inside tmpfs "$(type_of /data/x)"
  assert_same relative tmpfs "$(type_of "$BATS_TEST_TMPDIR/outside/y")"
  [ -n "$(mount_at "$BATS_TEST_TMPDIR/outside/z")" ]
  assert_same 'names outside' '' "$(ls -A "$BATS_TEST_TMPDIR/outside")"
  assert_same 'mounts outside' "$before" "$(cat /proc/self/mountinfo)"
}

@test "a file on a file, a directory on a file, a file on a directory" {
  echo of-the-image >"$BUNDLE/rootfs/there"
  add_mount /there none "$SRC/file" bind
  run_script 'cat /there; echo changed >>/there'
  assert_line of-the-host
  assert_same 'the file below' of-the-image "$(cat "$BUNDLE/rootfs/there")"
  assert_same 'the source' changed "$(tail -n 1 "$SRC/file")"
  local row
  for row in "/there $SRC" "/mnt $SRC/file"; do
    new_mounts
    bundle_edit '.mounts |= map(select(.destination != "/there" and .destination != "/mnt"))'
    add_mount "${row% *}" none "${row#* }" bind
    run_bundle
    assert_status 1
    assert_has 'mounts['
    assert_has 'ot a directory'
  done
}

@test "a dangling link as destination: its target is made inside, or it is refused; never outside" {
  local outside=$BATS_TEST_TMPDIR/outside
  mkdir "$outside"
  ln -s /missing/dir "$BUNDLE/rootfs/link-dir"
  ln -s missing-file "$BUNDLE/rootfs/link-file"
  ln -s "$outside/missing" "$BUNDLE/rootfs/link-out"
  ln -s link-loop "$BUNDLE/rootfs/link-loop"
  local row before
  before=$(cat /proc/self/mountinfo)
  bundle_edit '.root.readonly = false'
  for row in "/link-dir tmpfs tmpfs" "/link-dir/sub tmpfs tmpfs" "/link-file none $SRC/file bind" "/link-out none $SRC bind" \
    "/link-out/deep tmpfs tmpfs"; do
    bundle_edit '.mounts |= map(select(.destination | startswith("/link") | not))'
    # shellcheck disable=SC2086
    add_mount $row
    set_args testinit mountinfo
    run_bundle
    if [ "$status" -eq 0 ]; then
      [ "$(awk '$5 ~ /missing/' <<<"$output" | wc -l)" -eq 1 ] || { echo "$row: $output" >&2; return 1; }
    else
      assert_has 'mounts['
    fi
  done
  bundle_edit '.mounts |= map(select(.destination | startswith("/link") | not))'
  add_mount /link-loop tmpfs tmpfs
  run_bundle
  assert_status 1
  assert_has 'too many levels of symbolic links'
  assert_same 'names outside' '' "$(ls -A "$outside")"
  assert_same 'mounts outside' "$before" "$(cat /proc/self/mountinfo)"
}

@test "mounts are made in their order" {
  add_mount /mnt tmpfs first
  add_mount /mnt/below tmpfs second
  add_mount /mnt/below tmpfs third
  add_mount /mnt/below/deep none "$SRC" bind
  run_testinit mountinfo
  assert_same order 'first second third' "$(awk '$5 ~ /^\/mnt(\/below)?$/ { for (i = 7; $i != "-"; i++); printf "%s%s", sep, $(i + 2); sep = " " }' <<<"$output")"
  [ -n "$(mount_at /mnt/below/deep)" ]
}

@test "a later mount hides an earlier one" {
  add_mount /mnt/a/b tmpfs hidden
  add_mount /mnt/a tmpfs above
  run_script 'ls /mnt/a; echo end'
  assert_same 'what is seen' end "$output"
}

@test "remount changes what is there" {
  add_mount /mnt/t tmpfs tmpfs nosuid
  add_mount /mnt/t tmpfs tmpfs remount ro
  add_mount /mnt/b none "$SRC" bind
  add_mount /mnt/b none none remount bind ro nodev
  run_testinit mountinfo
  assert_same 'mounts at /mnt/t' 1 "$(awk '$5 == "/mnt/t"' <<<"$output" | wc -l)"
  assert_same 'mounts at /mnt/b' 1 "$(awk '$5 == "/mnt/b"' <<<"$output" | wc -l)"
  [[ $(options_of /mnt/t) =~ ^ro ]]
  assert_same bind ro,nodev,relatime "$(options_of /mnt/b)"
  [ -w "$SRC/file" ]
}

@test "blanks and other characters in paths" {
  mkdir "$SRC/with blank"
  echo blank >"$SRC/with blank/ünï"
  add_mount '/mnt/a b\c' none "$SRC/with blank" bind
  set_args sh -c 'cat "/mnt/a b\\c/ünï"'
  run_bundle
  assert_status 0
  assert_line blank
}

@test "a bind source that vanishes or is a dangling link is an error that names it" {
  ln -s "$BATS_TEST_TMPDIR/nowhere" "$BATS_TEST_TMPDIR/dangling"
  add_mount /mnt/x none "$BATS_TEST_TMPDIR/dangling" bind
  run_bundle
  assert_status 1
  assert_has "$BATS_TEST_TMPDIR/dangling"
  assert_has 'no such file or directory'
}

# ---- the file systems of the default configuration ----

@test "types and options of the default mounts" {
  run_testinit mountinfo
  for row in /proc:proc:rw,nosuid,nodev,noexec,relatime /dev:tmpfs:rw,nosuid /dev/pts:devpts:rw,nosuid,noexec,relatime \
    /dev/shm:tmpfs:rw,nosuid,nodev,noexec,relatime,nosymfollow /dev/mqueue:mqueue:rw,nosuid,nodev,noexec,relatime,nosymfollow \
    /sys:sysfs:ro,nosuid,nodev,noexec,relatime; do
    IFS=: read -r path type options <<<"$row"
    assert_same "type of $path" "$type" "$(type_of "$path")"
    assert_same "options of $path" "$options" "$(options_of "$path")"
  done
  [[ $(super_of /dev/pts) =~ gid=5,mode=620,ptmxmode=666 ]]
  [[ $(super_of /dev/shm) =~ size=65536k ]]
}

@test "devpts is a new instance, shm is sticky and empty" {
  run_testinit statpath /dev/pts/ptmx /dev/shm + ls /dev/shm /dev/pts
  assert_match '^/dev/pts/ptmx type=char mode=0666 '
  assert_match '^/dev/shm type=dir mode=1777 '
  assert_same 'names in devpts and shm' '"ptmx"' "$(grep '^"' <<<"$output")"
}

@test "mqueue belongs to the container's ipc namespace" {
  set_args sh -c 'echo >/dev/mqueue/of-the-container; ls /dev/mqueue'
  run_bundle
  assert_line of-the-container
  run_script 'ls /dev/mqueue; echo end'
  assert_same 'in the next container' end "$output"
}

@test "the cgroup mount: v1 hierarchies, each the container's own, read-only" {
  requires cgroup-v1
  run_testinit mountinfo + cgroup + ls /sys/fs/cgroup
  assert_same type tmpfs "$(type_of /sys/fs/cgroup)"
  [[ $(options_of /sys/fs/cgroup) =~ ^ro, ]]
  for controller in pids memory devices freezer; do
    [ -d "/sys/fs/cgroup/$controller" ] || continue
    assert_line "\"$controller\""
    assert_same "type of $controller" cgroup "$(type_of "/sys/fs/cgroup/$controller")"
    [[ $(options_of "/sys/fs/cgroup/$controller") =~ ^ro,nosuid,nodev,noexec ]]
    # The fourth field of mountinfo is where in the hierarchy the mount starts.
    assert_has "$CID"
    [[ $(mount_at "/sys/fs/cgroup/$controller" | awk '{ print $4 }') == */"coffer-$CID" ]]
  done
}

# ---- masks ----

@test "masked paths: a file is empty, a directory is empty, a missing one is skipped, a link stays inside" {
  mkdir -p "$BUNDLE/rootfs/secret-dir" "$BUNDLE/rootfs/link-target"
  echo secret >"$BUNDLE/rootfs/secret-file"
  echo secret >"$BUNDLE/rootfs/secret-dir/f"
  echo secret >"$BUNDLE/rootfs/link-target/f"
  ln -s /link-target "$BUNDLE/rootfs/a-link"
  bundle_edit '.linux.maskedPaths += ["/secret-file", "/secret-dir", "/not/there", "/a-link"]'
  set_args testinit statpath /secret-file /secret-dir + cat /secret-file + ls /secret-dir /link-target + write-file /secret-dir/new x
  run_bundle
  assert_status 0
  assert_match '^/secret-file type=char .* rdev=1:3 '
  assert_match '^/secret-dir type=dir '
  not grep -x secret <<<"$output"
  assert_lacks '"f"'
  assert_match '^open=(EROFS|EACCES|ENOSPC)$'
  assert_same 'file below' secret "$(cat "$BUNDLE/rootfs/secret-file")"
}

@test "the default masks: empty inside" {
  run_script 'for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do [ ! -e $f ] || echo "$f $(cat $f | wc -c)"; done
    for d in /proc/acpi /proc/scsi /sys/firmware; do [ ! -d $d ] || echo "$d $(ls -A $d | wc -l)"; done'
  while read -r path size; do
    assert_same "$path" 0 "$size"
  done <<<"$output"
  assert_has /proc/keys
}

@test "read-only paths: the default ones and others" {
  mkdir "$BUNDLE/rootfs/data"
  echo x >"$BUNDLE/rootfs/data/f"
  bundle_edit '.root.readonly = false | .linux.readonlyPaths += ["/data", "/not/there"]'
  set_args testinit write-file /data/f y + write-file /data/new y + poke /proc/sys/kernel/shmmax 1 + cat /data/f + write-file /writable y + mountinfo
  run_bundle
  assert_status 0
  assert_same refusals 3 "$(grep -cx open=EROFS <<<"$output")"
  assert_line 'write=OK'
  assert_line x
  # The flags of procfs stay.
  [[ $(options_of /proc/sys) =~ ^ro,nosuid,nodev,noexec ]]
}

@test "masks with a user namespace, and for a container without capabilities" {
  setup_userns_bundle
  mkdir "$BUNDLE/rootfs/secret-dir"
  echo secret >"$BUNDLE/rootfs/secret-file"
  bundle_edit '.linux.maskedPaths += ["/secret-file", "/secret-dir"]'
  set_args testinit statpath /secret-file + cat /secret-file /proc/kcore + ls /secret-dir + poke /proc/sys/kernel/shmmax 1
  run_bundle
  assert_match '^/secret-file type=char .* rdev=1:3 '
  not grep -x secret <<<"$output"
  assert_line 'open=EROFS'
}
