# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Containers that run coffer themselves; after helpers.bash.

# The binary under test with what it loads, at /usr/bin/coffer of a root file system.
install_coffer() { # install_coffer ROOTFS
  local lib
  mkdir -p "$1/usr/bin" "$1/inner"
  cp "$COFFER" "$1/usr/bin/coffer"
  for lib in $(ldd "$COFFER" | grep -oE '/[^ ]+'); do
    mkdir -p "$1${lib%/*}"
    cp -L "$lib" "$1$lib"
  done
  mkdir -p "$1/inner/rootfs"
}

# What a container needs for containers inside, and no more: capabilities, user namespaces, a /proc that is whole.
let_nest() {
  bundle_edit '.annotations["org.coffer.userns.nested"] = "64" | .root.readonly = false
    | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .process.env = ["PATH=/bin:/usr/bin"] + (if env.ASAN_OPTIONS then ["ASAN_OPTIONS=detect_leaks=0:abort_on_error=1"] else [] end)
    | .process.capabilities = (["CAP_SYS_ADMIN","CAP_SETUID","CAP_SETGID","CAP_KILL"] as $c | {bounding: $c, effective: $c, permitted: $c})'
}

# A bundle at /inner of another one, with ids as they are in there.
inner_bundle() { # inner_bundle OUTER-ROOTFS FIRST SIZE HOST-ID-OF-OUTER-0 [INSTALL]
  local rootfs=$1 first=$2 size=$3 base=$4
  BUNDLE=$rootfs/inner
  make_rootfs "$BUNDLE/rootfs"
  [ -z "${5:-}" ] || install_coffer "$BUNDLE/rootfs"
  rm -f "$BUNDLE/config.json"
  "$COFFER" spec --bundle "$BUNDLE" --userns "$first:$size"
  bundle_edit '.process.terminal = false | .linux.resources = {}'
  chown -R --no-dereference "$((base + first)):$((base + first))" "$BUNDLE/rootfs"
}
