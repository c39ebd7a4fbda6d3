#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The runtime's own binary must be out of the container's reach, for writing and for reading.

load attack

setup() {
  attack_setup
  # A copy, so that a successful attack harms nothing else.
  COPY=$BATS_TEST_TMPDIR/runtime-copy
  cp "$COFFER" "$COPY"
  chmod 755 "$COPY"
  COPY_BEFORE=$(sha256sum <"$COPY")
  COPY_ID=$(stat -c '%Hd:%Ld ino=%i' "$COPY")
}

teardown() {
  local result=0
  [ "$(sha256sum <"$COPY")" = "$COPY_BEFORE" ] || {
    echo 'the copy of the runtime was written' >&2
    result=1
  }
  attack_teardown || result=1
  return "$result"
}

copy() { timeout 60 "$COPY" --root "$ROOT" "$@"; }

# Container A watches /proc; container B joins its pid namespace with the given entry point.
watch_and_join() {
  local watcher=$CID-a joiner=$CID-b pid i
  set_args /bin/testinit exe-watch 3
  copy create --bundle "$BUNDLE" "$watcher" >"$BATS_TEST_TMPDIR/watch" 2>&1 </dev/null
  copy start "$watcher"
  pid=$(copy state "$watcher" | jq .pid)
  cp -r "$BUNDLE" "$BATS_TEST_TMPDIR/second"
  BUNDLE=$BATS_TEST_TMPDIR/second
  printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/entry"
  chmod 755 "$BUNDLE/rootfs/entry"
  set_args /entry
  bundle_edit '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)' \
    --arg p "/proc/$pid/ns/pid"
  if grep -q '"user"' "$BUNDLE/config.json"; then
    # A pid namespace of another user namespace can only be joined together with it.
    bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)
      | .linux.namespaces |= map(if .type == "user" then .path = $p else . end)' --arg p "/proc/$pid/ns/user"
  fi
  for i in 1 2 3 4 5; do
    copy run --bundle "$BUNDLE" "$joiner$i" >>"$BATS_TEST_TMPDIR/joined" 2>&1 </dev/null || true
  done
  wait_for 10 grep -q '^seen=' "$BATS_TEST_TMPDIR/watch"
  sleep 0.5
  output=$(cat "$BATS_TEST_TMPDIR/watch")
  echo "$output"
  cat "$BATS_TEST_TMPDIR/joined"
}

check_watch() {
  assert_lacks writable=yes
  assert_lacks "dev=$COPY_ID"
  assert_lacks "$(stat -c 'dev=%Hd:%Ld ino=%i' "$COFFER")"
}

@test "exe-overwrite-proc-self-exe: entry point #!/proc/self/exe, default capabilities" {
  watch_and_join
  check_watch
}

@test "exe-overwrite-proc-self-exe: the watcher has CAP_SYS_PTRACE and CAP_SYS_ADMIN" {
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"] | unique)
    | .process.capabilities |= with_entries(select(.key == "bounding" or .key == "effective" or .key == "permitted"))'
  watch_and_join
  check_watch
}

@test "exe-overwrite-proc-self-exe: in a user namespace" {
  make_userns
  watch_and_join
  check_watch
}

@test "exe-overwrite-proc-self-exe: as the only process" {
  printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/entry"
  chmod 755 "$BUNDLE/rootfs/entry"
  set_args /entry
  run copy run --bundle "$BUNDLE" "$CID"
  [ "$status" -ne 124 ]
}
