# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# A cgroup v2 handed to the container's root: who owns what, what can be done with it from inside, and that nothing
# of it outlives the container.

load ../cli/helpers

setup() {
  requires root cgroup-v2 userns
  setup_userns_bundle
}

teardown() { teardown_bundle; }

TOP=/sys/fs/cgroup
FIRST=100000

# The usual place becomes writable, and there are tools for it.
writable() {
  bundle_edit '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro"))'
  ln -sf busybox "$BUNDLE/rootfs/bin/rmdir"
}

at() { # at PATH: below the container's cgroup, which is /c-CID
  echo "$TOP/c-$CID${1:+/$1}"
}

place() { bundle_edit '.linux.cgroupsPath = $p' --arg p "/c-$CID"; }

annotate() { # annotate KEY VALUE
  bundle_edit '.annotations[$k] = $v' --arg k "$1" --arg v "$2"
}

# The names below a cgroup that belong to an id, in one line.
owned_by() { # owned_by UID DIR
  find "$2" -maxdepth 1 -uid "$1" -gid "$1" -printf '%P\n' | sort | tr '\n' ' '
}

# What the kernel lets a manager of a cgroup write, as far as this cgroup has it.
delegatable() { # delegatable DIR
  local name
  { echo; while read -r name; do [ ! -e "$1/$name" ] || echo "$name"; done </sys/kernel/cgroup/delegate; } | sort | tr '\n' ' '
}

@test "a writable mount in a user and cgroup namespace: the cgroup and the kernel's list belong to the mapped root" {
  writable
  place
  bundle_edit '.linux.resources.memory.limit = 268435456'
  set_args sleep 1000
  start_bundle
  assert_same 'files of the container' "$(delegatable "$(at)")" "$(owned_by $FIRST "$(at)")"
  assert_same 'directory' "$FIRST:$FIRST" "$(stat -c %u:%g "$(at)")"
  assert_same 'files of the host' 0:0 "$(stat -c %u:%g "$(at memory.max)")"
  assert_same 'pids.max' 0:0 "$(stat -c %u:%g "$(at pids.max)")"
  assert_same 'above' 0:0 "$(stat -c %u:%g $TOP/cgroup.procs)"
  grep -qx "0::/c-$CID" "/proc/$PID/cgroup"
}

@test "a host without the kernel's list: the three files of the specification" {
  writable
  place
  set_args sleep 1000
  # The kernel allows no new sysfs where a part of the old one is covered.
  bundle_edit '.mounts |= map(select(.type != "sysfs"))'
  timeout 60 unshare --mount --propagation private bash -c 'mount -t tmpfs tmpfs /sys/kernel/cgroup && exec "$@"' list \
    "$COFFER" --root "$ROOT" run --detach --bundle "$BUNDLE" "$CID" </dev/null >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- ||
    { cat "$BATS_TEST_TMPDIR/log" >&2; return 1; }
  # The empty name is the directory.
  assert_same 'files of the container' ' cgroup.procs cgroup.subtree_control cgroup.threads ' "$(owned_by $FIRST "$(at)")"
}

@test "the plan names the child and its owner" {
  writable
  annotate run.oci.delegate-cgroup payload
  run cof plan --bundle "$BUNDLE"
  assert_status 0
  assert_line 'host cgroup child payload'
  assert_line "host cgroup owner $FIRST $FIRST"
}

@test "every controller of the host can be used in what is delegated" {
  writable
  place
  set_args cat /sys/fs/cgroup/cgroup.controllers
  run_bundle
  assert_status 0
  assert_has memory
  assert_has pids
  assert_has io
}

@test "not delegated: read-only mount; no cgroup namespace; no user namespace" {
  place
  set_args sleep 1000
  start_bundle
  assert_same 'read-only mount' '' "$(owned_by $FIRST "$(at)")"
  det delete --force "$CID"
  writable
  drop_namespace cgroup
  start_bundle
  assert_same 'no cgroup namespace' '' "$(owned_by $FIRST "$(at)")"
  det delete --force "$CID"
  set_namespace cgroup
  drop_namespace user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  start_bundle
  assert_same 'no user namespace' '' "$(owned_by $FIRST "$(at)")"
  assert_same 'owner' 0 "$(stat -c %u "$(at cgroup.procs)")"
}

@test "a payload like systemd: own children, controllers and limits; its own limits stay out of reach" {
  writable
  place
  bundle_edit '.linux.resources.memory.limit = 268435456 | .linux.resources.pids.limit = 64'
  run_script 'cd /sys/fs/cgroup
    mkdir init.scope payload
    echo $$ >init.scope/cgroup.procs
    echo "self $(cat /proc/self/cgroup)"
    echo "+memory +pids" >cgroup.subtree_control
    echo 33554432 >payload/memory.max
    echo 5 >payload/pids.max
    echo "child $(cat payload/memory.max) $(cat payload/pids.max)"
    for file in memory.max memory.high pids.max cpu.max cgroup.freeze; do
      (echo max >$file) 2>&1
    done
    (echo 1 >cgroup.kill) 2>&1
    exit 0'
  assert_line 'self 0::/init.scope'
  assert_line 'child 33554432 5'
  assert_same refused 6 "$(grep -c 'Permission denied' <<<"$output")"
  [ ! -d "$(at)" ]
}

@test "run.oci.delegate-cgroup: processes and ownership in the child, limits on the parent" {
  local child
  writable
  place
  annotate run.oci.delegate-cgroup payload
  bundle_edit '.linux.resources.memory.limit = 268435456 | .linux.resources.pids.limit = 64'
  set_args sh -c 'cat /proc/self/cgroup; ls -a /sys/fs/cgroup | grep -c payload; cat /sys/fs/cgroup/memory.max
    cat /sys/fs/cgroup/cgroup.controllers; exec sleep 1000'
  det run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  PID=$(cat "$BATS_TEST_TMPDIR/pid")
  child=$(at payload)
  wait_for 20 grep -q pids "$BATS_TEST_TMPDIR/det.out"
  output=$(cat "$BATS_TEST_TMPDIR/det.out")
  assert_line '0::/'
  assert_line 0
  assert_line max
  assert_match '^.*memory.*pids'
  grep -qx "0::/c-$CID/payload" "/proc/$PID/cgroup"
  assert_same 'limit' 268435456 "$(cat "$(at memory.max)")"
  assert_same 'child' "$(delegatable "$child")" "$(owned_by $FIRST "$child")"
  assert_same 'child directory' "$FIRST:$FIRST" "$(stat -c %u:%g "$child")"
  assert_same 'parent' '/payload ' "$(find "$(at)" -maxdepth 1 -uid $FIRST -printf '/%P ')"
  cof state "$CID" | jq -e '.status == "running"'
  det kill "$CID" KILL
  wait_for 20 status_is "$CID" stopped
  det delete "$CID"
  assert_status 0
  [ ! -d "$(at)" ]
}

@test "run.oci.delegate-cgroup without a user namespace: the place alone" {
  drop_namespace user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  place
  annotate run.oci.delegate-cgroup payload
  set_args sleep 1000
  det --debug run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  assert_has 'nothing changes its owner'
  grep -qx "0::/c-$CID/payload" "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup"
  assert_same owner 0 "$(stat -c %u "$(at payload/cgroup.procs)")"
}

@test "run.oci.systemd.subgroup means nothing to the cgroupfs manager" {
  place
  annotate run.oci.systemd.subgroup container
  set_args sleep 1000
  start_bundle
  grep -qx "0::/c-$CID" "/proc/$PID/cgroup"
  not test -d "$(at container)"
}

@test "pause, resume, ps and kill --all reach everything below" {
  writable
  place
  annotate run.oci.delegate-cgroup payload
  set_args sh -c 'cd /sys/fs/cgroup && mkdir a && sh -c "echo \$\$ >a/cgroup.procs; echo moved; exec sleep 1000" & exec sleep 1000'
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  wait_for 20 grep -qx moved "$BATS_TEST_TMPDIR/det.out"
  "$COFFER" pause --help >/dev/null 2>&1 || skip 'no pause in this build'
  det pause "$CID"
  assert_status 0
  grep -qx 'frozen 1' "$(at payload/a/cgroup.events)"
  det resume "$CID"
  assert_status 0
  grep -qx 'frozen 0' "$(at payload/a/cgroup.events)"
  assert_same processes 2 "$(cof ps --format json "$CID" | jq length)"
  det kill --all "$CID" KILL
  wait_for 20 status_is "$CID" stopped
}

@test "events --stats counts what is below" {
  writable
  place
  annotate run.oci.delegate-cgroup payload
  "$COFFER" events --help >/dev/null 2>&1 || skip 'no events in this build'
  set_args sleep 1000
  start_bundle
  assert_same pids 1 "$(cof events --stats "$CID" | jq .data.pids.current)"
}

@test "/proc/self/cgroup: the root with a cgroup namespace, the host's path without" {
  local want
  place
  for want in plain child; do
    [ "$want" = plain ] || annotate run.oci.delegate-cgroup "$want"
    set_args cat /proc/self/cgroup
    run_bundle
    assert_status 0
    assert_line '0::/'
  done
  drop_namespace cgroup
  run_bundle
  assert_status 0
  assert_line "0::/c-$CID/child"
  bundle_edit 'del(.annotations)'
  run_bundle
  assert_status 0
  assert_line "0::/c-$CID"
}

@test "the mount without a cgroup namespace shows the own cgroup, and is never writable" {
  place
  bundle_edit '.linux.resources.pids.limit = 77'
  drop_namespace cgroup
  drop_namespace user
  bundle_edit 'del(.linux.uidMappings, .linux.gidMappings)'
  chown -R --no-dereference 0:0 "$BUNDLE/rootfs"
  set_args sh -c 'cat /sys/fs/cgroup/pids.max; echo max >/sys/fs/cgroup/pids.max'
  run_bundle
  assert_line 77
  assert_has 'Read-only file system'
  writable
  run cof --debug run --bundle "$BUNDLE" "$CID"
  assert_has 'a writable one needs a cgroup namespace'
  assert_has 'Read-only file system'
}

@test "leftovers: a hundred cgroups deep, a hundred broad, odd names: delete leaves nothing" {
  writable
  place
  set_args sh -c 'cd /sys/fs/cgroup
    i=0; while [ $i -lt 100 ]; do mkdir "b$i"; i=$((i + 1)); done
    mkdir -- "-rf" " " "..." "*" "a b" "\$(x)" "ä" "cgroup" "$(printf "tab\there")"
    i=0; while [ $i -lt 100 ]; do mkdir d && cd d || exit 1; i=$((i + 1)); done
    cat /proc/self/cgroup; echo done; exec sleep 1000'
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  wait_for 60 grep -qx done "$BATS_TEST_TMPDIR/det.out"
  [ "$(find "$(at)" -type d | wc -l)" -eq 210 ]
  det delete --force "$CID"
  assert_status 0
  [ ! -d "$(at)" ]
}

@test "a container that keeps forking into new children dies with delete --force" {
  writable
  place
  bundle_edit '.linux.resources.pids.limit = 100'
  set_args sh -c 'cd /sys/fs/cgroup
    spread() { mkdir -p "$1" && { echo 0 >"$1/cgroup.procs"; while :; do (sleep 0.2) & wait $!; done; }; }
    i=0; while :; do i=$((i + 1)); (spread "x$((i % 40))") & [ $i -ne 30 ] || echo busy; [ $i -lt 60 ] || sleep 0.1; done'
  det run --detach --bundle "$BUNDLE" "$CID"
  assert_status 0
  wait_for 60 grep -qx busy "$BATS_TEST_TMPDIR/det.out"
  det delete --force "$CID"
  assert_status 0
  [ ! -d "$(at)" ]
}

@test "a cgroup that was there before: the child comes and goes, the rest stays" {
  mkdir "$(at)"
  writable
  place
  annotate run.oci.delegate-cgroup payload
  set_args sleep 1000
  start_bundle
  grep -qx "0::/c-$CID/payload" "/proc/$PID/cgroup"
  det delete --force "$CID"
  assert_status 0
  [ -d "$(at)" ]
  [ ! -d "$(at payload)" ]
  mkdir "$(at payload)"
  run cof create --bundle "$BUNDLE" "$CID" </dev/null
  [ "$status" -ne 0 ]
  assert_has payload
  [ -d "$(at payload)" ]
  rmdir "$(at payload)" "$(at)"
}

@test "a cgroup above that has processes does not become threaded for the sake of controllers" {
  local above=$TOP/c-$CID-above
  mkdir "$above"
  sleep 1000 3>&- &
  background $!
  echo $! >"$above/cgroup.procs"
  writable
  bundle_edit '.linux.cgroupsPath = $p | del(.linux.resources.pids)' --arg p "/c-$CID-above/in"
  set_args sleep 1000
  start_bundle
  assert_same type domain "$(cat "$above/cgroup.type")"
  assert_same controllers '' "$(cat "$above/cgroup.subtree_control")"
  assert_same owner $FIRST "$(stat -c %u "$above/in/cgroup.procs")"
  det delete --force "$CID"
  assert_status 0
  # A limit cannot do without the controller.
  bundle_edit '.linux.resources.pids.limit = 100'
  run cof create --bundle "$BUNDLE" "$CID" </dev/null
  assert_status 1
  assert_has "linux.resources.pids.limit: cannot enable controller \`pids\` below cgroup \`/c-$CID-above\`: it has processes"
  assert_same type domain "$(cat "$above/cgroup.type")"
  assert_same controllers '' "$(cat "$above/cgroup.subtree_control")"
  echo $! >"$TOP/cgroup.procs"
  rmdir "$above"
}

systemd_manager() {
  [ -S /run/systemd/private ] || skip 'systemd is not the init of this host'
  bundle_edit 'del(.linux.cgroupsPath)'
}

@test "systemd manager: the scope is handed over, what systemd made above it is not" {
  local scope
  systemd_manager
  writable
  bundle_edit '.linux.resources.memory.limit = 268435456'
  set_args sh -c 'cat /proc/self/cgroup; exec sleep 1000'
  det --systemd-cgroup run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  wait_for 20 grep -qx '0::/' "$BATS_TEST_TMPDIR/det.out"
  scope=$TOP$(sed -n 's/^0:://p' "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
  assert_same 'files of the container' "$(delegatable "$scope")" "$(owned_by $FIRST "$scope")"
  assert_same 'limit' 0:268435456 "$(stat -c %u "$scope/memory.max"):$(cat "$scope/memory.max")"
  assert_same 'slice' 0 "$(stat -c %u "$scope/..")"
  det delete --force "$CID"
  assert_status 0
  [ ! -d "$scope" ]
}

@test "systemd manager: run.oci.systemd.subgroup is the place alone, run.oci.delegate-cgroup with its controllers" {
  local place
  systemd_manager
  annotate run.oci.systemd.subgroup container
  set_args sleep 1000
  det --systemd-cgroup run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  place=$TOP$(sed -n 's/^0:://p' "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
  [[ $place == */coffer-$CID.scope/container ]]
  assert_same 'owner' 0 "$(stat -c %u "$place/cgroup.procs")"
  assert_same 'processes above' '' "$(cat "$place/../cgroup.procs")"
  det delete --force "$CID"
  assert_status 0
  [ ! -d "${place%/*}" ]
  writable
  bundle_edit '.annotations = {"run.oci.delegate-cgroup": "payload"} | .linux.resources.pids.limit = 64'
  set_args sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup; mkdir own && echo $$ >own/cgroup.procs &&
    echo +pids +memory >cgroup.subtree_control && echo 5 >own/pids.max && cat own/pids.max; exec sleep 1000'
  det --systemd-cgroup run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  assert_status 0
  wait_for 20 grep -qx 5 "$BATS_TEST_TMPDIR/det.out"
  grep -qx '0::/' "$BATS_TEST_TMPDIR/det.out"
  place=$TOP$(sed -n 's/^0:://p' "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
  [[ $place == */coffer-$CID.scope/payload/own ]]
  assert_same 'limit of the scope' 64 "$(cat "$place/../../pids.max")"
  det delete --force "$CID"
  assert_status 0
  [ ! -d "${place%/payload/own}" ]
}

@test "a user namespace that is joined counts as well" {
  local holder
  set_args sleep 1000
  start_bundle
  holder=$PID
  writable
  set_namespace user "/proc/$holder/ns/user"
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/c-$CID-2"
  det run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid2" "$CID-2"
  assert_status 0
  assert_same owner "$FIRST:$FIRST" "$(stat -c %u:%g "$TOP/c-$CID-2/cgroup.procs")"
  assert_same limits 0 "$(stat -c %u "$TOP/c-$CID-2/pids.max")"
  det delete --force "$CID-2"
}

@test "without user privileges: a delegated user manages a cgroup of its container" {
  local bin=$BATS_TEST_TMPDIR/coffer
  id vmrun >/dev/null 2>&1 || skip 'no user with a manager of its own'
  [ -S /run/user/1000/bus ] || skip 'no user manager is running'
  install -m 755 "$COFFER" "$bin"
  rm "$BUNDLE/config.json"
  chown -R --no-dereference 1000:1000 "$BUNDLE"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  run runuser -u vmrun -- env XDG_RUNTIME_DIR=/run/user/1000 bash -c 'cd "$2" && "$1" spec --rootless &&
    jq ".process.terminal = false | .process.args = [\"sh\", \"-c\", \$s] | .linux.namespaces += [{type: \"cgroup\"}]
      | .linux.namespaces |= unique | .linux.resources.pids.limit = 50
      | .mounts += [{destination: \"/sys/fs/cgroup\", type: \"cgroup\", source: \"cgroup\", options: [\"nosuid\"]}]
      | .annotations[\"run.oci.delegate-cgroup\"] = \"payload\"" \
      --arg s "$4" config.json >c && mv c config.json &&
    systemd-run --user --scope -q --unit "coffer-$3-runtime" "$1" --root "$2/state" run "$3"' \
    - "$bin" "$BUNDLE" "$CID" 'cat /proc/self/cgroup; cd /sys/fs/cgroup && mkdir own && echo $$ >own/cgroup.procs &&
      echo +pids >cgroup.subtree_control && echo 7 >own/pids.max && cat own/pids.max'
  assert_status 0
  assert_line '0::/'
  assert_line 7
}
