#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mounts: options, kinds, destinations, masks, propagation. What counts is the container's own
# mountinfo and what its files do.

load helpers

setup() {
  requires root
  setup_bundle
  SRC=$BATS_TEST_TMPDIR/src
  mkdir -p "$SRC/sub"
  echo of-the-host >"$SRC/file"
}
teardown() { teardown_bundle; }

# One field of mountinfo for the last mount at a path.
mount_at() { awk -v p="$1" '$5 == p { line = $0 } END { print line }' <<<"$output"; }
options_of() { mount_at "$1" | awk '{ print $6 }'; }
optional_of() { mount_at "$1" | awk '{ for (i = 7; $i != "-"; i++) printf "%s%s", (i > 7 ? " " : ""), $i; print "" }'; }
type_of() { mount_at "$1" | awk '{ for (i = 7; $i != "-"; i++); print $(i + 1) }'; }
super_of() { mount_at "$1" | awk '{ for (i = 7; $i != "-"; i++); print $(i + 3) }'; }

# A process in a mount namespace of its own where tests may mount: $HOLDER.
hold_mounts() { # hold_mounts PROPAGATION
  local mine
  mine=$(readlink /proc/self/ns/mnt)
  unshare --mount --propagation "$1" sleep 600 3>&- >/dev/null 2>&1 &
  HOLDER=$!
  background "$HOLDER"
  wait_for 5 other_mntns "$mine"
}
other_mntns() { [ -n "$(readlink "/proc/$HOLDER/ns/mnt")" ] && [ "$(readlink "/proc/$HOLDER/ns/mnt")" != "$1" ]; }
there() { nsenter --target "$HOLDER" --mount "$@"; }

run_there() { # the bundle, started in the holder's mount namespace
  run nsenter --target "$HOLDER" --mount timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
}

# table TYPE SOURCE ROW...; a row is `OPTIONS|per-mount options|superblock options (regular expression)`.
# All rows go into one container.
table() {
  local type=$1 source=$2 n=0 row list want
  shift 2
  for row in "$@"; do
    IFS='|' read -r list want _ <<<"$row"
    # shellcheck disable=SC2086 # a list of words
    add_mount "/mnt/$n" "$type" "$source" ${list//,/ }
    n=$((n + 1))
  done
  run_testinit mountinfo
  n=0
  for row in "$@"; do
    IFS='|' read -r list want super <<<"$row"
    assert_same "$type [$list]" "$want" "$(options_of "/mnt/$n")"
    [ -z "$super" ] || [[ $(super_of "/mnt/$n") =~ ^($super)$ ]] || {
      echo "$type [$list]: superblock options $(super_of "/mnt/$n")" >&2
      return 1
    }
    n=$((n + 1))
  done
}

# ---- options ----

@test "every option on a new file system" {
  table tmpfs tmpfs \
    'defaults|rw,relatime' \
    '|rw,relatime' \
    'ro|ro,relatime' \
    'rw|rw,relatime' \
    'ro,rw|rw,relatime' \
    'rw,ro|ro,relatime' \
    'nosuid|rw,nosuid,relatime' \
    'nosuid,suid|rw,relatime' \
    'suid,nosuid|rw,nosuid,relatime' \
    'nodev|rw,nodev,relatime' \
    'nodev,dev|rw,relatime' \
    'noexec|rw,noexec,relatime' \
    'noexec,exec|rw,relatime' \
    'nosuid,nodev,noexec,ro|ro,nosuid,nodev,noexec,relatime' \
    'noatime|rw,noatime' \
    'noatime,atime|rw,relatime' \
    'relatime|rw,relatime' \
    'noatime,relatime|rw,relatime' \
    'strictatime|rw' \
    'strictatime,noatime|rw,noatime' \
    'strictatime,nostrictatime|rw,relatime' \
    'norelatime|rw,relatime' \
    'nodiratime|rw,nodiratime,relatime' \
    'nodiratime,diratime|rw,relatime' \
    'nosymfollow|rw,relatime,nosymfollow' \
    'nosymfollow,symfollow|rw,relatime' \
    'sync|rw,relatime|rw,sync(,.*)?' \
    'sync,async|rw,relatime|rw(,mode=755)?(,inode64)?' \
    'dirsync|rw,relatime|rw,dirsync(,.*)?' \
    'lazytime|rw,relatime|rw,lazytime(,.*)?' \
    'lazytime,nolazytime|rw,relatime|rw(,mode=755)?(,inode64)?' \
    'mand|rw,relatime' \
    'nomand|rw,relatime' \
    'silent|rw,relatime' \
    'loud|rw,relatime' \
    'iversion|rw,relatime' \
    'noiversion|rw,relatime' \
    'rsync|rw,relatime' \
    'rasync|rw,relatime' \
    'rdirsync|rw,relatime' \
    'rmand|rw,relatime' \
    'rnomand|rw,relatime' \
    'size=64k|rw,relatime|rw,size=64k(,.*)?' \
    'size=64k,mode=700|rw,relatime|rw,size=64k,mode=700(,.*)?'
}

@test "every option on a bind mount" {
  table none "$SRC" \
    'bind|rw,relatime' \
    'rbind|rw,relatime' \
    'bind,defaults|rw,relatime' \
    'bind,ro|ro,relatime' \
    'bind,ro,rw|rw,relatime' \
    'bind,rw,ro|ro,relatime' \
    'bind,nosuid|rw,nosuid,relatime' \
    'bind,nosuid,suid|rw,relatime' \
    'bind,nodev|rw,nodev,relatime' \
    'bind,nodev,dev|rw,relatime' \
    'bind,noexec|rw,noexec,relatime' \
    'bind,noexec,exec|rw,relatime' \
    'bind,noatime|rw,noatime' \
    'bind,strictatime|rw' \
    'bind,relatime|rw,relatime' \
    'bind,noatime,atime|rw,relatime' \
    'bind,nodiratime|rw,nodiratime,relatime' \
    'bind,nosymfollow|rw,relatime,nosymfollow' \
    'bind,nosymfollow,symfollow|rw,relatime' \
    'bind,ro,nosuid,nodev,noexec,noatime|ro,nosuid,nodev,noexec,noatime' \
    'bind,silent,loud,mand,nomand,iversion,noiversion|rw,relatime' \
    'rbind,rro|ro,relatime' \
    'rbind,rro,rrw|rw,relatime' \
    'rbind,rnosuid,rnodev,rnoexec|rw,nosuid,nodev,noexec,relatime' \
    'ro,bind|ro,relatime'
}

@test "recursive options reach the mounts below, plain ones only the top" {
  hold_mounts private
  there mount -t tmpfs -o relatime below "$SRC/sub"
  local n=0 row list top below
  local rows=(
    'rbind,ro|ro,relatime|rw,relatime'
    'rbind,rro|ro,relatime|ro,relatime'
    'rbind,rro,rw|rw,relatime|ro,relatime'
    'rbind,rro,rrw|rw,relatime|rw,relatime'
    'rbind,rnosuid|rw,nosuid,relatime|rw,nosuid,relatime'
    'rbind,rnosuid,suid|rw,relatime|rw,nosuid,relatime'
    'rbind,nosuid,rsuid|rw,relatime|rw,relatime'
    'rbind,rnodev|rw,nodev,relatime|rw,nodev,relatime'
    'rbind,rdev|rw,relatime|rw,relatime'
    'rbind,rnoexec|rw,noexec,relatime|rw,noexec,relatime'
    'rbind,rexec|rw,relatime|rw,relatime'
    'rbind,rnoatime|rw,noatime|rw,noatime'
    'rbind,rnoatime,ratime|rw,relatime|rw,relatime'
    'rbind,rnodiratime|rw,nodiratime,relatime|rw,nodiratime,relatime'
    'rbind,rdiratime|rw,relatime|rw,relatime'
    'rbind,rstrictatime|rw|rw'
    'rbind,rnostrictatime|rw,relatime|rw,relatime'
    'rbind,rrelatime|rw,relatime|rw,relatime'
    'rbind,rnorelatime|rw,relatime|rw,relatime'
    'rbind,rnosymfollow|rw,relatime,nosymfollow|rw,relatime,nosymfollow'
    'rbind,rsymfollow|rw,relatime|rw,relatime'
    'rbind,noatime|rw,noatime|rw,relatime'
  )
  for row in "${rows[@]}"; do
    IFS='|' read -r list _ _ <<<"$row"
    # shellcheck disable=SC2086
    add_mount "/mnt/$n" none "$SRC" ${list//,/ }
    n=$((n + 1))
  done
  set_args testinit mountinfo
  run_there
  n=0
  for row in "${rows[@]}"; do
    IFS='|' read -r list top below <<<"$row"
    assert_same "[$list], top" "$top" "$(options_of "/mnt/$n")"
    assert_same "[$list], below" "$below" "$(options_of "/mnt/$n/sub")"
    n=$((n + 1))
  done
}

@test "attributes of the source stay unless the configuration says otherwise" {
  hold_mounts private
  there mount -t tmpfs -o nosuid,nodev,noexec,noatime flags "$SRC/sub"
  add_mount /mnt/0 none "$SRC/sub" bind
  add_mount /mnt/1 none "$SRC/sub" bind ro
  add_mount /mnt/2 none "$SRC/sub" bind exec suid
  set_args testinit mountinfo
  run_there
  assert_same plain rw,nosuid,nodev,noexec,noatime "$(options_of /mnt/0)"
  assert_same read-only ro,nosuid,nodev,noexec,noatime "$(options_of /mnt/1)"
  assert_same cleared rw,nodev,noatime "$(options_of /mnt/2)"
}

@test "options have their effect: ro, noexec, nosymfollow, nodev" {
  ln -s file "$SRC/link"
  cp "$COFFER_TESTBIN/testinit" "$SRC/prog"
  mknod -m 666 "$SRC/null" c 1 3
  add_mount /mnt/plain none "$SRC" bind
  add_mount /mnt/ro none "$SRC" bind ro
  add_mount /mnt/noexec none "$SRC" bind noexec
  add_mount /mnt/nosym none "$SRC" bind nosymfollow
  add_mount /mnt/nodev none "$SRC" bind nodev
  run_script 'for d in plain ro noexec nosym nodev; do
    echo x 2>/dev/null >/mnt/$d/new && echo "$d written"
    /mnt/$d/prog exit 0 2>/dev/null && echo "$d executed"
    cat /mnt/$d/link >/dev/null 2>&1 && echo "$d followed"
    cat /mnt/$d/null >/dev/null 2>&1 && echo "$d device"
  done; true'
  assert_same effects 'plain written
plain executed
plain followed
plain device
ro executed
ro followed
ro device
noexec written
noexec followed
noexec device
nosym written
nosym executed
nosym device
nodev written
nodev executed
nodev followed' "$output"
}

@test "sync on a bind mount is an option of the file system and refused or ignored, never data" {
  add_mount /mnt/0 none "$SRC" bind sync
  run_bundle
  assert_lacks 'invalid argument'
}

@test "propagation options" {
  hold_mounts shared
  there mount -t tmpfs shared-tmpfs "$SRC/sub"
  there mount --make-shared "$SRC/sub"
  local word
  for word in shared rshared slave rslave private rprivate unbindable runbindable; do
    add_mount "/mnt/t-$word" tmpfs tmpfs "$word"
    add_mount "/mnt/b-$word" none "$SRC/sub" rbind "$word"
  done
  add_mount /mnt/both none "$SRC/sub" rbind rslave rshared
  set_args testinit mountinfo
  run_there
  for word in shared rshared; do
    [[ $(optional_of "/mnt/t-$word") =~ ^shared:[0-9]+$ ]]
    [[ $(optional_of "/mnt/b-$word") =~ shared:[0-9]+ ]]
  done
  for word in slave rslave private rprivate; do
    assert_same "tmpfs $word" '' "$(optional_of "/mnt/t-$word")"
  done
  for word in slave rslave; do
    [[ $(optional_of "/mnt/b-$word") =~ ^master:[0-9]+$ ]]
  done
  for word in private rprivate; do
    assert_same "bind $word" '' "$(optional_of "/mnt/b-$word")"
  done
  for word in unbindable runbindable; do
    assert_same "tmpfs $word" unbindable "$(optional_of "/mnt/t-$word")"
    assert_same "bind $word" unbindable "$(optional_of "/mnt/b-$word")"
  done
  [[ $(optional_of /mnt/both) =~ ^shared:[0-9]+\ master:[0-9]+$ ]]
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
  nsenter --target "$HOLDER" --mount "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID" \
    <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
  runner=$!
  background "$runner"
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/out"
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
  assert_lacks secret-content
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
  assert_lacks secret-content
  assert_line 'open=EROFS'
}
