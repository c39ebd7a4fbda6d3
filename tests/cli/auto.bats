#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Automatic ranges of ids for bundles that know nothing of user namespaces: a root on an overlay that somebody else
# has mounted, and bind mounts.

load helpers

setup() {
  requires root userns
  setup_bundle
  bundle_edit '.root.readonly = false
    | .process.capabilities |= with_entries(.value += ["CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER"] | .value |= unique)'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  O=$BATS_TEST_TMPDIR/o
  M=$O/merged
  mkdir -p "$O"/{base,one/etc,two/opt,upper,wd,merged}
  mv "$BUNDLE/rootfs"/* "$O/base/"
  rmdir "$BUNDLE/rootfs"
  ln -s ../o/merged "$BUNDLE/rootfs"
}

teardown() {
  local status=0
  umount -R "$M" 2>/dev/null || true
  umount -R "$BATS_TEST_TMPDIR/vol" 2>/dev/null || true
  teardown_bundle || status=1
  return "$status"
}

overlay() { # overlay [OPTIONS]: mounts it
  mount -t overlay overlay \
    -o "lowerdir=${LOWER:-$O/two:$O/one:$O/base},upperdir=$O/upper,workdir=$O/wd${1:+,$1}" "$M"
}

auto() { run cof --log-format json --log-level warning run --bundle "$BUNDLE" --userns auto "$CID"; }
auto_script() { # auto_script TEXT
  set_args sh -ec "$1"
  auto
  assert_status 0
}
code_is() { assert_same code "$1" "$(jq -rR 'fromjson? | .code // empty' <<<"$output" | head -1)"; }

# Options of the overlay that is mounted last, but for the directories.
features() { sed -n 's/.* - overlay overlay //p' | tail -1 | tr , '\n' | grep -vE '^(lower|upper|work)dir' | sort | xargs; }

# The work directory is as it was: nothing of ours is left in it.
no_work() { [ ! -e "$O/wd/coffer" ]; }

@test "overlay: files have the container's owners, and what it makes is on the disk as it says" {
  echo one >"$O/one/etc/thing"
  chown 33:44 "$O/one/etc/thing"
  overlay
  auto_script '
    stat -c "seen %u:%g" /etc/thing /bin/busybox
    touch /made; mkdir /dir; chown 7:8 /dir; echo more >>/etc/thing; cat /etc/thing
    cat /proc/self/uid_map; grep " / / " /proc/self/mountinfo'
  assert_line 'seen 33:44'
  assert_line 'seen 0:0'
  assert_line more
  assert_match '^ +0 +2000224256 +65536$'
  assert_same made 0:0 "$(stat -c %u:%g "$O/upper/made")"
  assert_same dir 7:8 "$(stat -c %u:%g "$O/upper/dir")"
  assert_same copied 33:44 "$(stat -c %u:%g "$O/upper/etc/thing")"
  assert_same layer one "$(cat "$O/one/etc/thing")"
  no_work
}

@test "overlay: whiteouts, opaque directories, and layers above layers" {
  mkdir -p "$O"/{base,one,two}/opt "$O/base/gone" "$O/base/opaque" "$O/two/opaque"
  touch "$O/base/opt/from-base" "$O/one/opt/from-one" "$O/two/opt/from-two" "$O/base/gone/f" "$O/base/opaque/hidden"
  touch "$O/two/opaque/shown"
  rm -rf "$O/two/gone"
  mknod "$O/two/gone" c 0 0
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")' "$O/two/opaque"
  overlay
  auto_script 'ls /opt /opaque; [ ! -e /gone ]; rm /opt/from-base; rm -r /opaque; mkdir /opaque; touch /opaque/mine'
  assert_line from-base
  assert_line from-one
  assert_line from-two
  assert_line shown
  not grep -q hidden <<<"$output"
  [ -c "$O/upper/opt/from-base" ]
  # The engine sees the same when the container is gone, and a new mount of the same directories too.
  assert_same engine mine "$(ls "$M/opaque")"
  assert_same opt 'from-one from-two' "$(ls "$M/opt" | xargs)"
  umount "$M"
  overlay
  assert_same engine mine "$(ls "$M/opaque")"
  assert_same opt 'from-one from-two' "$(ls "$M/opt" | xargs)"
}

@test "overlay: whoever mounted it sees what the container did, whatever was cached before" {
  echo old >"$O/base/etc/changed"
  touch "$O/base/etc/removed"
  overlay
  [ ! -e "$M/etc/made" ]
  cat "$M/etc/changed" "$M/etc/removed"
  ls "$M" "$M/etc" >/dev/null
  auto_script 'echo new >/etc/changed; rm /etc/removed; echo made >/etc/made; touch /top'
  assert_same changed new "$(cat "$M/etc/changed")"
  assert_same made made "$(cat "$M/etc/made")"
  [ ! -e "$M/etc/removed" ]
  [ -e "$M/top" ]
  # And it still writes there without a loss.
  echo again >>"$M/etc/changed"
  assert_same both 'new again' "$(xargs <"$O/upper/etc/changed")"
}

@test "overlay: again and again, and with the features that its mount has" {
  local options
  echo data >"$O/base/etc/meta"
  for options in '' metacopy=on,redirect_dir=on volatile xino=on redirect_dir=nofollow userxattr; do
    rm -rf "${O:?}/upper" "$O/wd"
    mkdir "$O/upper" "$O/wd"
    overlay "$options" || continue
    for _ in 1 2; do
      auto_script 'chown 5:6 /etc/meta; cat /etc/meta; stat -c "now %u:%g" /etc/meta; touch /made
        grep " / / " /proc/self/mountinfo'
      assert_line data
      assert_line 'now 5:6'
      no_work
    done
    assert_same options "$(features <"/proc/self/mountinfo" | tail -1)" "$(features <<<"$output")"
    assert_same owner 5:6 "$(stat -c %u:%g "$O/upper/etc/meta")"
    umount "$M"
  done
}

@test "overlay: names that need quoting, and relative ones" {
  local odd="$O/a,b:c\\d e=f"
  mkdir "$odd" "$O/l"
  echo x >"$odd/odd"
  ln -s "$odd" "$O/l/ONE"
  ln -s ../base "$O/l/TWO"
  # As engines do when there are many: links, from their own directory.
  (cd "$O" && mount -t overlay overlay -o "lowerdir=l/ONE:l/TWO,upperdir=$O/upper,workdir=$O/wd" merged)
  auto_script 'cat /odd; touch /made'
  assert_line x
  [ -e "$O/upper/made" ]
  umount "$M"
  (cd "$O" && mount -t overlay overlay -o "lowerdir=l/ONE:l/TWO,upperdir=upper,workdir=wd" merged)
  auto_script 'cat /odd; rm /made'
  assert_line x
  [ ! -e "$O/upper/made" ]
  umount "$M"
  LOWER=${odd//\\/\\\\}
  LOWER=${LOWER//:/\\:}
  LOWER=${LOWER//,/\\,}:$O/base overlay || skip 'mount(8) cannot quote a comma'
  auto_script 'cat /odd'
  assert_line x
}

@test "overlay: without an upper directory, and on a mount with flags of its own" {
  mount -t overlay overlay -o "lowerdir=$O/one:$O/base,nosuid" "$M"
  auto_script 'cat /proc/self/uid_map; touch /made 2>/dev/null || echo read-only; grep " / / " /proc/self/mountinfo'
  assert_match '2000224256'
  assert_line read-only
  assert_has nosuid
}

@test "overlay: the older system calls lead to the same" {
  [ "$(uname -m)" = x86_64 ] || skip 'numbers of x86-64'
  echo one >"$O/one/etc/thing"
  overlay
  set_args sh -ec 'stat -c "seen %u:%g" /etc/thing; rm -f /etc/thing; touch "/$0"' made
  # statmount and listmount; then open_tree_attr, without which layers must hang somewhere.
  for calls in 457,458 467 457,458,467; do
    rm -rf "$O/upper/etc" "$O/upper/made"
    echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
    umount "$M"
    overlay
    run env PATH="$PATH" "$COFFER_TESTBIN/without" "$calls" "$COFFER" --root "$ROOT" --id-ledger "$IDS" \
      run --bundle "$BUNDLE" --userns auto "$CID"
    assert_status 0
    assert_line 'seen 0:0'
    [ -c "$O/upper/etc/thing" ]
    assert_same made 0:0 "$(stat -c %u:%g "$O/upper/made")"
    no_work
  done
}

@test "overlay: two containers do not write to one upper directory" {
  overlay
  set_args sleep 1000
  det run --detach --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 0
  [ -d "$O/wd/coffer" ]
  set_args true
  run cof --log-format json run --bundle "$BUNDLE" --userns auto "$CID-2"
  assert_status 1
  code_is overlay-shared
  assert_has "$CID"
  # Refused without harm to the other.
  cof exec "$CID" true 2>/dev/null || true
  status_is "$CID" running
  cof delete --force "$CID"
  no_work
  auto
  assert_status 0
}

@test "overlay: what a container left that was never deleted is no obstacle" {
  overlay
  mkdir "$O/wd/coffer"
  (cd "$O/wd/coffer" && mkdir -p work/incompat/volatile && chmod 0 work)
  ln -s "$ROOT/of-a-container-that-is-gone" "$O/wd/coffer/owner"
  auto
  assert_status 0
  no_work
}

@test "overlay: refused: with index=on the kernel does not share the upper directory" {
  overlay index=on || skip 'no index here'
  auto
  assert_status 1
  code_is overlay-busy
  assert_has index=off
  no_work
}

@test "overlay: refused: a directory of one, and one with something mounted in it" {
  overlay
  cp -a "$O/base" "$M/sub"
  ln -sfn ../o/merged/sub "$BUNDLE/rootfs"
  auto
  assert_status 1
  code_is overlay-subdir
  mkdir "$BATS_TEST_TMPDIR/vol"
  mount --bind "$M/sub" "$BATS_TEST_TMPDIR/vol"
  ln -sfn ../vol "$BUNDLE/rootfs"
  auto
  assert_status 1
  code_is overlay-subdir
  ln -sfn ../o/merged "$BUNDLE/rootfs"
  mount -t tmpfs tmpfs "$M/mnt"
  auto
  assert_status 1
  code_is overlay-submount
  assert_has "$M/mnt"
  run env "$COFFER_TESTBIN/without" 457,458 "$COFFER" --root "$ROOT" --id-ledger "$IDS" --log-format json \
    run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  code_is overlay-submount
}

@test "overlay: refused: a layer that is another directory now" {
  local layer
  cp -a "$O/base" "$O/evil"
  mkdir "$O/evil/evil"
  for layer in base upper one; do
    touch "$O/$layer/of-$layer"
    overlay
    mv "$O/$layer" "$O/$layer.real"
    [ -e "$O/evil/of-$layer" ] || cp -a "$O/$layer.real/." "$O/evil/"
    ln -s evil "$O/$layer"
    auto
    assert_status 1
    code_is overlay-layers
    assert_has "$O/$layer"
    rm "$O/$layer"
    # An empty one, as in a mount namespace that lacks what is mounted there, or none at all.
    mkdir "$O/$layer"
    auto
    assert_status 1
    code_is overlay-layers
    rmdir "$O/$layer"
    auto
    assert_status 1
    code_is overlay-layers
    mv "$O/$layer.real" "$O/$layer"
    auto
    assert_status 0
    umount "$M"
  done
}

@test "overlay: with layers that are not its own nothing is executed, not even a hook" {
  local kind ran=$BATS_TEST_TMPDIR/all/ran
  mkdir "$O/fake"
  mkdir -m 777 "${ran%/*}"
  cp -a "$O/base/." "$O/fake/"
  for kind in '' createRuntime createContainer startContainer; do
    rm -f "$ran"
    bundle_edit 'del(.hooks)'
    if [ -n "$kind" ]; then
      bundle_edit '.hooks = {($k): [{path: "/bin/sh", args: ["sh", "-c", "touch " + $f]}]}' --arg k "$kind" \
        --arg f "$([ "$kind" = startContainer ] && echo /ran || echo "$ran")"
    fi
    set_args touch /ran
    overlay
    mv "$O/base" "$O/base.real"
    mv "$O/fake" "$O/base"
    auto
    mv "$O/base" "$O/fake"
    mv "$O/base.real" "$O/base"
    assert_status 1
    code_is overlay-layers
    [ ! -e "$ran" ]
    [ ! -e "$O/upper/ran" ]
    no_work
    auto
    assert_status 0
    case $kind in create*) [ -e "$ran" ] ;; esac
    rm "$O/upper/ran"
    umount "$M"
  done
}

@test "overlay: layers on mounts of their own below a common directory, and one of which nothing is to be seen" {
  mkdir -p "$O/two/etc" "$O/hidden/etc"
  mount -t tmpfs tmpfs "$O/one"
  mkdir "$O/one/etc"
  echo mounted >"$O/one/etc/thing"
  echo hidden >"$O/hidden/etc/thing"
  LOWER=$O/two:$O/one:$O/hidden:$O/base overlay
  set_args cat /etc/thing
  auto
  umount "$M" "$O/one"
  assert_status 0
  assert_line mounted
  LOWER=$O/two:$O/one:$O/hidden:$O/base overlay
  auto
  umount "$M"
  assert_status 0
  assert_line hidden
}

@test "overlay: refused: layers that are id-mapped already" {
  local tool=$COFFER_TESTBIN/idmap-mount
  mkdir "$O/mapped"
  "$tool" "$O/base" "$O/mapped" 0 300000 65536 || skip 'no id-mapped mounts here'
  LOWER=$O/mapped overlay
  auto
  umount "$M" "$O/mapped"
  assert_status 1
  code_is mount-idmap-mapped
}

# ---- bind mounts ----

warnings() { jq -rR 'fromjson? | select(.level == "warning") | .msg' <<<"$output"; }

volume() { # volume: a directory that no other user reaches, at $V
  V=$BATS_TEST_TMPDIR/closed/vol
  mkdir -p -m 700 "$BATS_TEST_TMPDIR/closed"
  mkdir "$V"
  touch "$V/of-0" "$V/of-33"
  chown 33:44 "$V/of-33"
}

# The root need not be an overlay for these.
plain_root() { ln -sfn ../o/base "$BUNDLE/rootfs"; }

@test "binds: volumes and files have the owners that they have without a user namespace" {
  plain_root
  volume
  echo 127.0.0.1 here >"$BATS_TEST_TMPDIR/closed/hosts"
  touch "$O/base/etc/hosts"
  add_mount /mnt none "$V" rbind rw
  add_mount /etc/hosts none "$BATS_TEST_TMPDIR/closed/hosts" bind
  auto_script 'stat -c "%n %u:%g" /mnt/* /etc/hosts; touch /mnt/new; echo more >>/etc/hosts'
  assert_line '/mnt/of-0 0:0'
  assert_line '/mnt/of-33 33:44'
  assert_line '/etc/hosts 0:0'
  assert_same new 0:0 "$(stat -c %u:%g "$V/new")"
  assert_same hosts more "$(tail -1 "$BATS_TEST_TMPDIR/closed/hosts")"
  assert_same warnings '' "$(warnings)"
  run cof plan --bundle "$BUNDLE"
  not grep -q 'if possible' <<<"$output"
  bundle_edit '.annotations["org.coffer.userns"] = "auto"'
  run cof plan --bundle "$BUNDLE"
  assert_match 'bind .*/vol map 0 recursive if possible'
}

@test "binds: mappings of the entry win" {
  plain_root
  volume
  add_mount /mnt none "$V" bind 'idmap=uids=33-2000224256-1;gids=44-2000224256-1'
  auto_script 'stat -c "%n %u:%g" /mnt/*'
  assert_line '/mnt/of-33 0:0'
  assert_line '/mnt/of-0 65534:65534'
}

@test "binds: without a picked range nothing is mapped that did not ask for it" {
  setup_userns_bundle mapped
  volume
  add_mount /mnt none "$V" rbind
  set_args stat -c '%n %u:%g' /mnt/of-0
  run_bundle
  assert_line '/mnt/of-0 65534:65534'
}

@test "binds: a file system that cannot is left as it is, with a warning that names it" {
  plain_root
  volume
  mkdir "$BATS_TEST_TMPDIR/vol"
  mount -t ramfs ramfs "$BATS_TEST_TMPDIR/vol"
  touch "$BATS_TEST_TMPDIR/vol/f"
  add_mount /mnt none "$BATS_TEST_TMPDIR/vol" rbind
  auto_script 'stat -c "%n %u:%g" /mnt/f'
  assert_line '/mnt/f 65534:65534'
  assert_match 'mounts\[[0-9]+\].*nobody.*/vol` \(ramfs'
  assert_same warnings 1 "$(warnings | wc -l)"
}

@test "binds: of a tree all mounts are mapped, or the top alone with the culprits named" {
  plain_root
  V=$BATS_TEST_TMPDIR/vol
  mkdir "$V"
  mount -t tmpfs -o nosuid tmpfs "$V"
  mkdir "$V/good" "$V/bad" "$V/proc" "$V/mapped"
  mount -t tmpfs tmpfs "$V/good"
  mount -t ramfs ramfs "$V/bad"
  mount -t proc proc "$V/proc"
  mkdir "$V/good/deep" "$V/src"
  "$COFFER_TESTBIN/idmap-mount" "$V/src" "$V/mapped" 0 300000 65536
  touch "$V/f" "$V/good/f" "$V/bad/f" "$V/src/f"
  add_mount /mnt none "$V" rbind
  auto_script 'stat -c "%n %u:%g" /mnt/f /mnt/good/f /mnt/bad/f /mnt/mapped/f; [ -e /mnt/proc/self ]'
  assert_line '/mnt/f 0:0'
  assert_line '/mnt/bad/f 65534:65534'
  assert_line '/mnt/mapped/f 65534:65534'
  # The kernel maps a tree or its top.
  assert_line '/mnt/good/f 65534:65534'
  assert_match 'below its top.*/bad` \(ramfs'
  assert_match '/mapped` \(tmpfs: mapped already'
  not grep -q '/good`' <<<"$(warnings)"
  umount "$V/bad" "$V/mapped" "$V/proc"
  auto_script 'stat -c "%n %u:%g" /mnt/f /mnt/good/f'
  assert_line '/mnt/good/f 0:0'
  [ -z "$(warnings)" ]
  # Of a bind that is not recursive there is nothing to say.
  bundle_edit '.mounts[-1].options = ["bind"]'
  auto_script 'stat -c "%n %u:%g" /mnt/f'
  assert_line '/mnt/f 0:0'
  assert_same warnings '' "$(warnings)"
}

@test "binds: sockets and the kernel's file systems are used as before, devices are nobody's" {
  plain_root
  volume
  mknod -m 600 "$V/null" c 1 3
  touch "$O/base/mnt/null" "$O/base/mnt/cgroup"
  mkdir "$O/base/mnt/cg"
  add_mount /mnt/null none "$V/null" bind
  add_mount /mnt/cg none /sys/kernel bind
  auto_script 'stat -c "%n %u:%g" /mnt/null /mnt/cg'
  assert_line '/mnt/null 65534:65534'
  assert_line '/mnt/cg 65534:65534'
  assert_same warnings '' "$(warnings)"
}

@test "binds: a volume that any user of the host reaches is warned of" {
  plain_root
  V=$BATS_TEST_TMPDIR/vol
  mkdir "$V"
  add_mount /mnt none "$V" rbind
  auto_script true
  assert_match 'set-user-ID'
  bundle_edit '.mounts[-1].options += ["ro"]'
  auto_script true
  assert_same warnings '' "$(warnings)"
}
