#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The id ledger: who has which host ids, what the policies say about ids that are shared, and ranges
# that coffer picks itself.

load helpers

setup() {
  requires root userns
  # Ids that nobody else on the node uses: that is what some of these tests look at.
  setup_userns_bundle bundle 1300000000
  CONF=$BATS_TEST_TMPDIR/ids.conf
}

teardown() {
  local status=0
  [ ! -d "$BATS_TEST_TMPDIR/state2" ] || (ROOT=$BATS_TEST_TMPDIR/state2 RESIDUE_BEFORE='' teardown_bundle) || status=1
  teardown_bundle || status=1
  return "$status"
}

# A plain bundle, without a user namespace.
plain_bundle() { # plain_bundle [NAME]
  setup_bundle "${1:-plain}"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
}

holder() { # holder ID [RUN OPTIONS...]: a container that stays
  local id=$1; shift
  set_args sleep 1000
  det run --detach --bundle "$BUNDLE" "$@" "$id"
  assert_status 0
  set_args true
}

enforced() { run cof --id-policy enforce "$@"; }
warned() { run cof --log-level warning "$@"; }
first_id() { awk 'NR == 1 { print $2 }' "/proc/$(cof state "$1" | jq .pid)/uid_map"; }
code_is() { assert_same code "$1" "$(jq -r .code <<<"$output")"; }

# ---- leases ----

@test "a container without a user namespace of its own has no lease, and makes no ledger" {
  plain_bundle
  run_bundle
  assert_status 0
  [ ! -e "$IDS" ]
}

@test "a lease comes with the container and goes with it" {
  holder "$CID"
  assert_same leases 1 "$(leases)"
  assert_same recorded "$IDS" "$(jq -r .idLease.ledger "$ROOT/$CID/state.json")"
  cof delete --force "$CID"
  assert_same leases 0 "$(leases)"
  run_bundle
  assert_status 0
  assert_same leases 0 "$(leases)"
}

@test "create that fails leaves no lease" {
  bundle_edit '.process.args = ["/no/such/program"]'
  run cof create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same leases 0 "$(leases)"
  run cof run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  plain_bundle
  bundle_edit '.linux.sysctl = {"kernel.no_such_thing": "1"}'
  run cof run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  assert_same leases 0 "$(leases)"
}

# ---- overlaps between containers ----

@test "warn: the same range twice runs, and is told to those who listen" {
  holder "$CID"
  warned run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  assert_has "level=warning"
  assert_has "linux.uidMappings[0].hostID: host uids 1300000000-1300065535 are in use by container \`$CID\` in \`$ROOT\`"
  # Said once: not for gids too, and not again for the user namespace that is found in /proc.
  assert_same lines 1 "$(grep -c hostID <<<"$output")"
  run_bundle_id "$CID-2"
  assert_status 0
  assert_same output '' "$output"
  # What an engine gives: the file holds errors only.
  run cof --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  [ ! -s "$BATS_TEST_TMPDIR/log" ]
}
run_bundle_id() { run cof run --bundle "$BUNDLE" "$1"; }

@test "enforce: the same range twice is refused, with the other container and the place" {
  holder "$CID"
  enforced --log-format json run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  code_is id-overlap-container
  assert_same field 'linux.uidMappings[0].hostID' "$(jq -r .field <<<"$output")"
  assert_has "in use by container \`$CID\` in \`$ROOT\`"
  assert_match 'hint.*userns auto'
  assert_same state "$CID" "$(cof list --quiet)"
  cof delete --force "$CID"
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
}

@test "enforce: parts of ranges, the second range, gids alone" {
  holder "$CID"
  bundle_edit '.linux.uidMappings = [{containerID: 0, hostID: 300000, size: 10}, {containerID: 10, hostID: 1300065535, size: 1}]
    | .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 10}]'
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  assert_has 'linux.uidMappings[1].hostID: host uid 1300065535 is in use by'
  bundle_edit '.linux.uidMappings |= .[0:1] | .linux.gidMappings[0].hostID = 1300000000'
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  assert_has 'linux.gidMappings[0].hostID: host gids 1300000000-1300000009 are in use by'
  bundle_edit '.linux.gidMappings[0].hostID = 300000'
  chown -R --no-dereference 300000:300000 "$BUNDLE/rootfs"
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
}

@test "off: nothing is said" {
  holder "$CID"
  run cof --id-policy off --log-level warning run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  assert_same output '' "$output"
}

@test "the policy of ids.conf, and the option above it" {
  holder "$CID"
  printf '# the hardened node\n\n  policy = enforce\n' >"$CONF"
  run cof --id-config "$CONF" run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  assert_has 'in use by container'
  run cof --id-config "$CONF" --id-policy off run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  run cof --id-policy perhaps run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  assert_has 'invalid id-policy: perhaps'
}

@test "ids.conf with mistakes: file and line" {
  for text in 'policy = sometimes' 'window = 5' 'window = 2147483647:2' 'size = 0' 'unknown = 1' 'nothing'; do
    printf '# comment\n%s\n' "$text" >"$CONF"
    run cof --id-config "$CONF" --log-format json run --bundle "$BUNDLE" "$CID-2"
    assert_status 1
    code_is ids-conf
    assert_has "$CONF:2:"
  done
  # Who has no user namespace is not concerned.
  plain_bundle
  run cof --id-config "$CONF" run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
}

@test "enforce: across state roots" {
  holder "$CID"
  run timeout 60 "$COFFER" --root "$BATS_TEST_TMPDIR/state2" --id-ledger "$IDS" --id-policy enforce run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has "in use by container \`$CID\` in \`$ROOT\`"
}

@test "enforce: a stopped container keeps its ids until it is deleted" {
  holder "$CID"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  cof delete "$CID"
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
}

@test "a state directory that went without coffer frees the ids" {
  holder "$CID"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  mv "$ROOT/$CID" "$BATS_TEST_TMPDIR/aside"
  assert_same leases 1 "$(leases)"
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  assert_same leases 0 "$(leases)"
  mv "$BATS_TEST_TMPDIR/aside" "$ROOT/$CID"
  cof delete "$CID"
}

@test "declared sharing: the namespace of another container joined by path" {
  holder "$CID"
  set_namespace user "/proc/$(cof state "$CID" | jq .pid)/ns/user"
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  assert_same leases 1 "$(leases)"
}

@test "declared sharing: the same name in an annotation" {
  bundle_edit '.annotations["org.coffer.userns.share"] = "pod1"'
  holder "$CID"
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
  bundle_edit '.annotations["org.coffer.userns.share"] = "pod2"'
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  bundle_edit 'del(.annotations)'
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  bundle_edit '.annotations["org.coffer.userns.share"] = ""'
  run cof --log-format json run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  code_is userns-share
}

@test "a lease of another boot counts no more" {
  holder "$CID"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  enforced run --bundle "$BUNDLE" "$CID-2"
  assert_status 1
  # With something mounted in it, /proc cannot be made anew.
  bundle_edit '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  echo 00000000-1111-2222-3333-444444444444 >"$BATS_TEST_TMPDIR/boot_id"
  run unshare -m sh -c 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"' sh "$BATS_TEST_TMPDIR/boot_id" \
    timeout 60 "$COFFER" --root "$ROOT" --id-ledger "$IDS" --id-policy enforce run --bundle "$BUNDLE" "$CID-2"
  assert_status 0
}

# ---- others on the host ----

foreign_userns() { # foreign_userns FIRST COUNT: made by nobody of ours
  unshare --user sleep 1000 3>&- >/dev/null 2>&1 &
  FOREIGN=$!
  background "$FOREIGN"
  wait_for 5 sh -c '[ "$(readlink /proc/'"$FOREIGN"'/ns/user)" != "$(readlink /proc/self/ns/user)" ]'
  echo "0 $1 $2" >"/proc/$FOREIGN/uid_map"
  echo "0 $1 $2" >"/proc/$FOREIGN/gid_map"
}

@test "a user namespace of somebody else is found" {
  foreign_userns 1300065000 1000
  enforced --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  code_is id-overlap-namespace
  assert_has "host uids 1300065000-1300065535 are in use by the user namespace of process $FOREIGN (sleep)"
  warned run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has "host uids 1300065000-1300065535 are in use by the user namespace of process $FOREIGN (sleep)"
  kill -9 "$FOREIGN"
  wait "$FOREIGN" 2>/dev/null || true
  enforced run --bundle "$BUNDLE" "$CID"
  assert_status 0
}

@test "a user namespace without an id of ours is nobody's business, nor is our own" {
  foreign_userns 165536 1000
  enforced run --bundle "$BUNDLE" "$CID"
  assert_status 0
  warned run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_lacks namespace
  det --log-level warning create --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_lacks namespace
}

with_file() { # with_file FILE CONTENT COMMAND...: in a mount namespace where FILE has that content
  local file=$1
  printf '%s' "$2" >"$BATS_TEST_TMPDIR/with"
  shift 2
  run unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$BATS_TEST_TMPDIR/with" "$file" \
    timeout 60 "$COFFER" --root "$ROOT" --id-ledger "$IDS" "$@"
}

@test "accounts and groups of the host" {
  with_file /etc/passwd $'root:x:0:0::/:/bin/sh\nalice:x:1300000500:1000::/:/bin/sh\n' --id-policy enforce --log-format json \
    run --bundle "$BUNDLE" "$CID"
  assert_status 1
  code_is id-overlap-account
  assert_has 'linux.uidMappings[0].hostID: host uid 1300000500 is of `alice` in `/etc/passwd`'
  with_file /etc/group $'root:x:0:\nusers:x:1300065535:\n' --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'linux.gidMappings[0].hostID: host gid 1300065535 is of `users` in `/etc/group`'
}

@test "the host's root" {
  bundle_edit '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
  enforced --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  code_is id-overlap-account
  assert_has 'host uid 0 is of `root`'
}

@test "subordinate ids: of a user, of those whom containers are for, malformed, too large" {
  [ -e /etc/subuid ] || skip 'no /etc/subuid'
  with_file /etc/subuid $'bob:1300065000:65536\n' --id-policy enforce --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  code_is id-overlap-subid
  assert_has 'host uids 1300065000-1300065535 are promised to user `bob` by `/etc/subuid`'
  with_file /etc/subuid $'containers:1300065000:65536\n' --id-policy enforce run --bundle "$BUNDLE" "$CID"
  assert_status 0
  printf 'trusted = bob eve\n' >"$CONF"
  with_file /etc/subuid $'bob:1300065000:65536\n' --id-config "$CONF" --id-policy enforce run --bundle "$BUNDLE" "$CID"
  assert_status 0
  with_file /etc/subuid $'# comment\nbob:1\n' --id-policy enforce --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has '/etc/subuid:2: malformed line, ignored'
  truncate -s 100M "$BATS_TEST_TMPDIR/large"
  run unshare -m sh -c 'mount --bind "$1" /etc/subuid && shift && exec timeout 5 "$@"' sh "$BATS_TEST_TMPDIR/large" \
    "$COFFER" --root "$ROOT" --id-ledger "$IDS" --id-policy enforce run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has '/etc/subuid'
}

# ---- automatic ranges ----

@test "auto: an ordinary bundle runs in a user namespace, and is not changed" {
  plain_bundle
  before=$(sha256sum "$BUNDLE/config.json")
  set_args sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -u'
  before=$(sha256sum "$BUNDLE/config.json")
  enforced run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 0
  assert_match '^ +0 +2000224256 +65536$'
  assert_same 'lines that agree' 2 "$(grep -c 2000224256 <<<"$output")"
  assert_line 0
  assert_same config "$before" "$(sha256sum "$BUNDLE/config.json")"
}

@test "auto: the root is id-mapped, and nothing changes on the disk" {
  plain_bundle
  bundle_edit '.root.readonly = false'
  mkdir "$BUNDLE/rootfs/data"
  chown 33:44 "$BUNDLE/rootfs/data"
  set_args sh -c 'stat -c "seen %u:%g" /data /bin/busybox; touch /made; head -n1 /proc/self/mountinfo'
  run_bundle --userns auto
  assert_status 0
  assert_line 'seen 33:44'
  assert_line 'seen 0:0'
  assert_match idmapped
  assert_same made 0:0 "$(stat -c %u:%g "$BUNDLE/rootfs/made")"
  assert_same data 33:44 "$(stat -c %u:%g "$BUNDLE/rootfs/data")"
}

@test "auto: a root whose file system has no id-mapped mounts is refused by name" {
  plain_bundle
  mkdir "$BUNDLE/ram"
  bundle_edit '.root.path = "ram"'
  run unshare --mount --propagation private bash -c '
    mount -t ramfs ramfs "$1/ram" && mkdir "$1/ram/etc" || exit 77
    shift; exec "$@"' bash "$BUNDLE" "$COFFER" --root "$ROOT" --id-ledger "$IDS" --log-format json \
    run --bundle "$BUNDLE" --userns auto "$CID"
  [ "$status" -ne 77 ] || skip 'no ramfs here'
  assert_status 1
  assert_has mount-idmap-fs
  assert_has ramfs
  assert_has 'id-mapped'
}

@test "auto: by annotation, with a size, in a namespace that is listed without mappings" {
  plain_bundle
  set_args cat /proc/self/gid_map
  bundle_edit '.annotations["org.coffer.userns"] = "auto:1000"'
  run_bundle
  assert_status 0
  assert_match ' 1000$'
  bundle_edit '.linux.namespaces += [{type: "user"}]'
  run_bundle
  assert_status 0
  assert_match ' 1000$'
  run_bundle --userns auto:2000
  assert_status 0
  assert_match ' 2000$'
}

@test "auto: requests that make no sense" {
  for value in auto: auto:0 auto:x auto:4294967295 automatic ''; do
    run cof --log-format json run --bundle "$BUNDLE" --userns "$value" "$CID"
    assert_status 1
    code_is userns-auto
  done
  run cof --log-format json run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  code_is userns-auto
  assert_has 'mappings'
  set_namespace user /proc/self/ns/user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  run cof --log-format json run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  code_is userns-auto
  plain_bundle
  bundle_edit '.annotations["org.coffer.userns"] = "yes"'
  run cof --log-format json run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_same field 'annotations["org.coffer.userns"]' "$(jq -r .field <<<"$output")"
}

@test "auto: ranges of containers that live at once differ, and are used again" {
  plain_bundle
  set_args sleep 1000
  for i in 1 2 3 4 5 6; do
    cof run --detach --bundle "$BUNDLE" --userns auto "$CID-$i" </dev/null >/dev/null 2>&1 3>&- &
  done
  wait
  for i in 1 2 3 4 5 6; do first_id "$CID-$i"; done | sort >"$BATS_TEST_TMPDIR/firsts"
  assert_same 'different ranges' 6 "$(uniq "$BATS_TEST_TMPDIR/firsts" | wc -l)"
  gap=$(first_id "$CID-4")
  cof delete --force "$CID-4"
  det run --detach --bundle "$BUNDLE" --userns auto "$CID-7"
  assert_status 0
  assert_same range "$gap" "$(first_id "$CID-7")"
  # Explicit mappings meet them too.
  setup_userns_bundle explicit "$gap" 10
  enforced run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has "in use by container \`$CID-7\`"
}

@test "auto: the window of ids.conf, its end, and its accounts" {
  plain_bundle
  set_args cat /proc/self/uid_map
  printf 'window = 1900000000:10\nwindow = 1910000000:8192\nsize = 4096\n' >"$CONF"
  run cof --id-config "$CONF" run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 0
  assert_match '^ +0 +1910000000 +4096$'
  for i in 2 3; do
    set_args sleep 1000
    det --id-config "$CONF" run --detach --bundle "$BUNDLE" --userns auto "$CID-$i"
    assert_status 0
  done
  run cof --id-config "$CONF" --log-format json run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  code_is id-window-full
  cof delete --force "$CID-2"
  # An account in the free one.
  with_file /etc/passwd $'root:x:0:0::/:/bin/sh\nalice:x:1910000001:0::/:/bin/sh\n' --id-config "$CONF" \
    run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  assert_has 'no free range'
}

@test "auto: from the subordinate ids of a dedicated user" {
  [ -e /etc/subuid ] && [ -e /etc/subgid ] || skip 'no /etc/subuid'
  plain_bundle
  set_args cat /proc/self/uid_map
  printf 'alice:100000:65536\ncontainers:1000000:131072\n' >"$BATS_TEST_TMPDIR/sub"
  for user in containers alice nobody; do
    printf 'user = %s\n' "$user" >"$CONF"
    [ "$user" != containers ] || : >"$CONF"
    run unshare -m sh -c 'mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && exec "$@"' sh \
      "$BATS_TEST_TMPDIR/sub" timeout 60 "$COFFER" --root "$ROOT" --id-ledger "$IDS" --id-config "$CONF" --log-format json \
      run --bundle "$BUNDLE" --userns auto "$CID"
    case $user in
      containers) assert_match '^ +0 +1000000 +65536$' ;;
      alice) assert_match '^ +0 +100000 +65536$' ;;
      nobody) code_is id-window-none ;;
    esac
  done
}

@test "auto, enforce: a range that a foreign namespace has is passed over" {
  plain_bundle
  set_args cat /proc/self/uid_map
  foreign_userns 2000224256 10
  enforced run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 0
  assert_match '^ +0 +2000289792 +65536$'
}

@test "plan shows an automatic range and takes none" {
  plain_bundle
  bundle_edit '.annotations["org.coffer.userns"] = "auto"'
  run cof plan --bundle "$BUNDLE"
  assert_status 0
  assert_line 'host uid map 0 2000224256 65536'
  [ ! -e "$IDS" ]
}

# ---- the ledger itself ----

@test "a ledger that others can write to, or that is none" {
  mkdir "$IDS"
  chmod 777 "$IDS"
  warned run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has "the container's ids are not in the ledger"
  enforced run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'id ledger: '
  plain_bundle
  run cof run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  chmod 700 "$IDS"
  printf 'nonsense%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 >"$IDS/ledger"
  run cof --log-format json run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
  code_is id-ledger-broken
  rm -rf "$IDS"
  run cof --id-ledger relative run --bundle "$BUNDLE" "$CID"
  assert_status 1
}

@test "an ordinary user: the own id is no overlap, and the ledger is below XDG_RUNTIME_DIR" {
  requires rootless
  as_user true
  uid=$(id -u "$TEST_NAME") gid=$(id -g "$TEST_NAME")
  mkdir -p "$BATS_TEST_TMPDIR/rl"
  make_rootfs "$BATS_TEST_TMPDIR/rl/rootfs"
  chown -R "$TEST_NAME" "$BATS_TEST_TMPDIR/rl"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  as_user "$COFFER" spec --rootless --bundle "$BATS_TEST_TMPDIR/rl"
  BUNDLE=$BATS_TEST_TMPDIR/rl
  bundle_edit '.process.terminal = false | .process.args = ["/bin/true"]'
  run as_user timeout 60 "$COFFER" --id-policy enforce --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_same output '' "$output"
  run as_user timeout 60 "$COFFER" --id-policy enforce run --bundle "$BUNDLE" --userns auto "$CID"
  assert_status 1
}
