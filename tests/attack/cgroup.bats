#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cgroup paths and file names made from the configuration.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

# Runs a script as pid 1 of a pid namespace, in a cgroup namespace whose root is a cgroup of its own,
# with a cgroup2 tree of that root only: whatever a runtime kills there, nothing else is reached.
in_jail() { # in_jail SCRIPT ARG...
  local tree jail
  # The last mount that is still visible: another one may lie over the first.
  tree=$(awk '$3 == "cgroup2" { print $2 }' /proc/mounts | while read -r d; do
    [ "$(stat -fc %T "$d" 2>/dev/null)" != cgroup2fs ] || echo "$d"
  done | tail -1)
  [ -n "$tree" ] || skip 'no cgroup v2 tree'
  jail=$tree/coffer-attack-$CID
  mkdir "$jail" || skip 'the cgroup v2 tree is read-only'
  run timeout --signal=KILL 120 bash -c '
    echo $$ >"$1/cgroup.procs"
    shift
    exec unshare -C -m -p -f --mount-proc bash -c "
      while mountpoint -q /sys/fs/cgroup; do umount -R -l /sys/fs/cgroup; done
      mount -t cgroup2 none /sys/fs/cgroup || exit 99
      mkdir /sys/fs/cgroup/runner
      for p in \$(cat /sys/fs/cgroup/cgroup.procs); do echo \$p >/sys/fs/cgroup/runner/cgroup.procs; done 2>/dev/null
      $1" jail "${@:2}"' jail "$jail" "$@"
  wait_for 5 bash -c 'find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -d "$1" ]' gone "$jail" || true
}

@test "cgroup-path-escape: no process outside the container is killed" {
  local path
  set_args /bin/testinit sleep
  for path in '' / .. ../.. /.. /runner/.. /runner /../../outside ../outside; do
    bundle_edit '.linux.cgroupsPath = $p' --arg p "$path"
    # $1 runtime, $2 state root, $3 bundle, $4 id
    in_jail '
      sleep 1000 & bystander=$!
      timeout 20 "$1" --root "$2" create --bundle "$3" "$4" </dev/null >/dev/null 2>"$3/err"
      echo "created $?"
      timeout 20 "$1" --root "$2" start "$4" 2>/dev/null
      timeout 20 "$1" --root "$2" delete --force "$4" 2>>"$3/err"
      kill -0 $bystander && echo bystander-lives
      grep -q . /sys/fs/cgroup/runner/cgroup.procs && echo runner-lives' "$COFFER" "$ROOT" "$BUNDLE" "$CID"
    assert_has bystander-lives || { echo "cgroupsPath \`$path\`" >&2; return 1; }
    assert_has runner-lives
    canary_same
    [ ! -e "$BATS_TEST_TMPDIR/outside" ] && [ ! -e /sys/fs/outside ] && [ ! -e /outside ]
    # These three are refused: a root, and a cgroup that holds processes of somebody else.
    case $path in
      / | /runner | /.. | /runner/..) assert_lacks 'created 0' || { echo "cgroupsPath \`$path\`" >&2; return 1; } ;;
    esac
  done
}

@test "cgroup-file-name-injection: unified, hugetlb, rdma, closID" {
  local edit
  cp "$BUNDLE/config.json" "$BUNDLE/config.saved"
  for edit in '.linux.resources.unified = {"../x": "1"}' \
    '.linux.resources.unified = {"a/b": "1"}' \
    '.linux.resources.unified = {"..": "1"}' \
    '.linux.resources.unified = {"": "1"}' \
    '.linux.resources.unified = {"memory.max\n": "1"}' \
    '.linux.resources.unified = {("../" * 20 + $c + "/file"): "1"}' \
    '.linux.resources.hugepageLimits = [{pageSize: ("/../../../.." + $c + "/file"), limit: 1}]' \
    '.linux.resources.hugepageLimits = [{pageSize: "2MB/../x", limit: 1}]' \
    '.linux.resources.hugepageLimits = [{pageSize: "", limit: 1}]' \
    '.linux.resources.hugepageLimits = [{pageSize: "..", limit: 1}]' \
    '.linux.resources.rdma = {"mlx\nx": {hcaHandles: 1}}' \
    '.linux.resources.rdma = {"../x": {hcaHandles: 1}}' \
    '.linux.intelRdt = {closID: ".."}' \
    '.linux.intelRdt = {closID: "."}' \
    '.linux.intelRdt = {closID: "a/b"}' \
    '.linux.intelRdt = {closID: "../../x"}'; do
    cp "$BUNDLE/config.saved" "$BUNDLE/config.json"
    bundle_edit "$edit" --arg c "$CANARY"
    run_bundle
    assert_refused "$edit"
    canary_same
    remove_container
  done
}
