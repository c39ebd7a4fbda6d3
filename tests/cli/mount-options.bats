#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Options of mounts: each word alone, with its opposite, on new file systems, binds and trees, and what it does.

load mounts

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

# Each word alone, and each pair in both orders: the last one counts. The words are the flags of mountinfo.
@test "every word alone and with its opposite, on new file systems, binds and trees" {
  local pair on off flag rows=() bind=() tree=()
  for pair in ro/rw/ro nosuid/suid nodev/dev noexec/exec nodiratime/diratime nosymfollow/symfollow; do
    IFS=/ read -r on off flag <<<"$pair"
    flag=$(with_flag "$on")
    rows+=("$on|$flag" "$off|rw,relatime" "$on,$off|rw,relatime" "$off,$on|$flag")
    bind+=("bind,$on|$flag" "bind,$off|rw,relatime" "bind,$on,$off|rw,relatime" "bind,$off,$on|$flag")
    tree+=("rbind,r$on|$flag" "rbind,r$off|rw,relatime" "rbind,r$on,r$off|rw,relatime" "rbind,r$off,r$on|$flag"
      "rbind,r$on,$off|rw,relatime" "rbind,$on,r$off|rw,relatime")
  done
  # The four words of access times exclude each other; the opposites give back the default.
  for pair in 'noatime|rw,noatime' 'atime|rw,relatime' 'relatime|rw,relatime' 'norelatime|rw,relatime' 'strictatime|rw' 'nostrictatime|rw,relatime' \
    'noatime,atime|rw,relatime' 'atime,noatime|rw,noatime' 'relatime,norelatime|rw,relatime' 'norelatime,relatime|rw,relatime' \
    'strictatime,nostrictatime|rw,relatime' 'nostrictatime,strictatime|rw' 'noatime,strictatime|rw' 'strictatime,noatime|rw,noatime' \
    'noatime,relatime|rw,relatime' 'relatime,noatime|rw,noatime' 'strictatime,relatime|rw,relatime' 'relatime,strictatime|rw'; do
    rows+=("$pair")
    bind+=("bind,$pair")
    IFS='|' read -r on flag <<<"$pair"
    tree+=("rbind,r${on//,/,r}|$flag")
  done
  table tmpfs tmpfs "${rows[@]}"
  new_mounts
  table none "$SRC" "${bind[@]}"
  new_mounts
  table none "$SRC" "${tree[@]}"
  new_mounts
  table tmpfs tmpfs \
    'sync|rw,relatime|rw,sync(,.*)?' 'async|rw,relatime|rw(,mode=755)?(,inode64)?' 'async,sync|rw,relatime|rw,sync(,.*)?' \
    'lazytime|rw,relatime|rw,lazytime(,.*)?' 'nolazytime|rw,relatime|rw(,mode=755)?(,inode64)?' \
    'nolazytime,lazytime|rw,relatime|rw,lazytime(,.*)?' 'lazytime,nolazytime|rw,relatime|rw(,mode=755)?(,inode64)?' \
    'silent,loud|rw,relatime' 'loud,silent|rw,relatime' 'mand,nomand|rw,relatime' 'nomand,mand|rw,relatime' \
    'iversion,noiversion|rw,relatime' 'noiversion,iversion|rw,relatime' 'dirsync,rdirsync|rw,relatime|rw,dirsync(,.*)?'
}
with_flag() { # with_flag WORD: as mountinfo has it
  case $1 in
    ro) echo ro,relatime ;;
    nosymfollow) echo rw,relatime,nosymfollow ;;
    *) echo "rw,$1,relatime" ;;
  esac
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
