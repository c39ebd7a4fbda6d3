# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the files about mounts share: mountinfo of the container, and a mount namespace where tests may mount.

load helpers

setup() {
  requires root
  setup_bundle
  SRC=$BATS_TEST_TMPDIR/src
  mkdir -p "$SRC/sub"
  echo of-the-host >"$SRC/file"
}
teardown() { teardown_bundle; }

# One field of mountinfo for the last mount at a path, in the output of bats' run.
# shellcheck disable=SC2154
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

new_mounts() { bundle_edit '.mounts |= map(select(.destination | startswith("/mnt/") | not))'; }
