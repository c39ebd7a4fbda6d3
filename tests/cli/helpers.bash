# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Functions for every bats file. tests/run sets COFFER, COFFER_TESTBIN and BUSYBOX.

: "${COFFER:?the binary under test}" "${COFFER_TESTBIN:?directory of the test programs}" "${BUSYBOX:?static busybox}"
TEST_UID=65501
TEST_NAME=coffertest

# A root file system with busybox and testinit; made once for each bats file, then copied.
make_rootfs() { # make_rootfs DIR
  local template=${BATS_FILE_TMPDIR:-}/rootfs-template
  if [ -z "${BATS_FILE_TMPDIR:-}" ]; then
    build_rootfs "$1"
    return
  fi
  [ -d "$template" ] || build_rootfs "$template"
  mkdir -p "$1"
  cp -a "$template/." "$1/"
}

build_rootfs() { # build_rootfs DIR
  local root=$1 applet
  mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root,run,mnt,usr/bin,var}
  chmod 1777 "$root/tmp"
  cp "$BUSYBOX" "$root/bin/busybox"
  for applet in sh true false cat ls id sleep echo env mount hostname touch mkdir rm ln chmod chown stat grep head tail \
    readlink test dd kill ps wc tty stty printf pwd sort uname umount cut tr sed awk find mknod nproc date expr; do
    ln -sf busybox "$root/bin/$applet"
  done
  [ ! -x "$COFFER_TESTBIN/testinit" ] || cp "$COFFER_TESTBIN/testinit" "$root/bin/testinit"
  printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
}

new_ids() {
  ROOT=$BATS_TEST_TMPDIR/state
  export IDS=$BATS_TEST_TMPDIR/ids # a ledger of their own: tests use the same ids
  CID=t$$-$BATS_TEST_NUMBER-$RANDOM
}

setup_bundle() { # setup_bundle [NAME]
  [ -n "${RESIDUE_BEFORE:-}" ] || residue_before
  BUNDLE=$BATS_TEST_TMPDIR/${1:-bundle}
  [ -n "${ROOT:-}" ] || new_ids
  mkdir -p "$BUNDLE"
  chmod 755 "$BATS_TEST_TMPDIR" "$BUNDLE"
  make_rootfs "$BUNDLE/rootfs"
  rm -f "$BUNDLE/config.json"
  "$COFFER" spec --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["/bin/true"]'
}

setup_userns_bundle() { # setup_userns_bundle [NAME] [HOSTID] [SIZE]
  local first=${2:-100000} size=${3:-65536}
  setup_bundle "${1:-bundle}"
  rm -f "$BUNDLE/config.json"
  "$COFFER" spec --bundle "$BUNDLE" --userns "$first:$size"
  bundle_edit '.process.terminal = false | .process.args = ["/bin/true"]'
  chown -R --no-dereference "$first:$first" "$BUNDLE/rootfs"
  # With hooks the root filesystem is opened by its path, by the container's root.
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
}

# A bundle of the unprivileged user, for containers in a state directory of its own.
setup_rootless_bundle() {
  requires root rootless userns
  as_user true || skip 'cannot become an ordinary user'
  as_user unshare --user true 2>/dev/null || skip 'ordinary users may not make user namespaces'
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test
  setup_bundle
  USER_ID=$(id -u "$TEST_NAME")
  USER_GID=$(id -g "$TEST_NAME")
  RUNDIR=$BATS_TEST_TMPDIR/user-run
  ROOT=$RUNDIR/coffer
  as_user true
  rm "$BUNDLE/config.json"
  chown "$TEST_NAME" "$BUNDLE"
  as_user "$COFFER" spec --rootless --bundle "$BUNDLE"
  bundle_edit '.process.terminal = false | .process.args = ["/bin/true"]'
  chown "$TEST_NAME" "$BUNDLE/config.json"
}

bundle_edit() { # bundle_edit JQ_EXPR [JQ OPTIONS, --args last...]
  local expr=$1; shift
  jq "$expr" "$BUNDLE/config.json" "$@" >"$BUNDLE/config.new" && mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

set_args() { # set_args ARG...
  bundle_edit '.process.args = $ARGS.positional' --args -- "$@"
}

cof() {
  if [ -n "${COFFER_VALGRIND:-}" ]; then
    timeout 60 valgrind -q --error-exitcode=98 --leak-check=full --show-leak-kinds=definite "$COFFER" --root "$ROOT" --id-ledger "$IDS" "$@"
  else
    timeout 60 "$COFFER" --root "$ROOT" --id-ledger "$IDS" "$@"
  fi
}

# A plain `! cmd` never fails a bats test; this does.
not() { # not CMD...
  if "$@"; then return 1; fi
}

# Like "run cof" for commands that leave a process behind: it holds stdout, so a pipe would never end.
det() {
  status=0
  cof "$@" >"$BATS_TEST_TMPDIR/det.out" 2>&1 </dev/null || status=$?
  output=$(cat "$BATS_TEST_TMPDIR/det.out")
}

run_bundle() { # run_bundle [OPTIONS...]
  run cof run --bundle "$BUNDLE" "$@" "$CID"
}

requires() {
  local what
  for what in "$@"; do
    case $what in
      root) [ "$(id -u)" = 0 ] || skip 'needs root' ;;
      userns) [ "$(cat /proc/sys/user/max_user_namespaces)" -gt 0 ] || skip 'user namespaces are off' ;;
      newuidmap) command -v newuidmap >/dev/null || skip 'newuidmap is not installed' ;;
      seccomp) grep -q '^Seccomp' /proc/self/status || skip 'the kernel has no seccomp' ;;
      apparmor) [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip 'AppArmor is not active' ;;
      selinux) [ -e /sys/fs/selinux/enforce ] || skip 'SELinux is not active' ;;
      cgroup-v2) [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || skip 'no pure cgroup v2 tree' ;;
      cgroup-v1) [ "$(stat -fc %T /sys/fs/cgroup)" = tmpfs ] || skip 'no cgroup v1 tree' ;;
      cgroup-memory | cgroup-pids | cgroup-cpu)
        has_controller "${what#cgroup-}" || skip "the ${what#cgroup-} controller is not available" ;;
      cap-sys-resource) capsh --has-p=cap_sys_resource 2>/dev/null || skip 'CAP_SYS_RESOURCE is missing' ;;
      rootless) id "$TEST_NAME" >/dev/null 2>&1 || [ "$(id -u)" = 0 ] || skip 'cannot become an ordinary user' ;;
      *) skip "unknown requirement $what" ;;
    esac
  done
}

has_controller() {
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    grep -qw "$1" /sys/fs/cgroup/cgroup.controllers
  else
    awk -v c="$1" '$1 == c && $4 == 1 && $2 != 0 { found = 1 } END { exit !found }' /proc/cgroups
  fi
}

wait_for() { # wait_for SECONDS CMD...
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -le "$end" ] || { echo "gave up waiting for: $*" >&2; return 1; }
    sleep 0.02
  done
}

status_is() { [ "$(cof state "$1" | jq -r .status)" = "$2" ]; }

# Slots in use in the id ledger, dead leases included.
leases() { # leases [DIR]
  local file=${1:-$IDS}/ledger n
  [ -s "$file" ] || { echo 0; return; }
  n=$(od -An -tu4 -j128 -N4 "$file" | tr -d ' ')
  od -An -v -tx8 -w128 -j4096 -N$((${n:-0} * 128)) "$file" | awk 'NF && $1 != "0000000000000000"' | wc -l
}

# ---- residue ----
# What of this test is on the machine, one thing a line, and its processes alone.
picture() { "$COFFER_TESTBIN/picture" "${CID:-no-id}" "$BATS_TEST_TMPDIR"; }
our_processes() { "$COFFER_TESTBIN/picture" --processes "$BATS_TEST_TMPDIR"; }

residue_before() { RESIDUE_BEFORE=$(picture); }

# What is different from before. A process of somebody else that has gone meanwhile is no residue of ours; anything else is.
residue() { diff <(echo "$RESIDUE_BEFORE") <(picture) | grep '^[<>]' | grep -v '^< /proc/[0-9]' | sort; }

same_picture() { [ -z "$(residue)" ]; }

# A process that was killed takes a moment to leave the list, and another test's container may be just
# starting: residue is what is there at every look.
assert_no_residue() {
  local left end=$((SECONDS + 10))
  left=$(residue)
  while [ -n "$left" ] && [ "$SECONDS" -lt "$end" ]; do
    sleep 0.1
    left=$(comm -12 <(echo "$left") <(residue))
  done
  if [ -n "$left" ]; then
    echo 'residue:' >&2
    echo "$left" >&2
    return 1
  fi
  if [ -d "$ROOT" ]; then
    left=$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name .cache ! -name .ids)
    [ -z "$left" ] || { echo "state left: $left" >&2; return 1; }
  fi
  # A lease of a container that was killed half-made may wait for somebody to find it; see tests/crash.
  [ -n "${LEASES_MAY_STAY:-}" ] || [ "$(leases)" = 0 ] || { echo "$(leases) leases left in $IDS" >&2; return 1; }
}

teardown_bundle() {
  local entry pid
  for pid in ${BACKGROUND_PIDS:-}; do kill -9 "$pid" 2>/dev/null; done
  if [ -n "${ROOT:-}" ] && [ -d "$ROOT" ]; then
    for entry in "$ROOT"/*/; do
      [ -d "$entry" ] || continue
      timeout 60 "$COFFER" --root "$ROOT" delete --force "$(basename "$entry")" || true
    done
  fi
  [ -z "${RESIDUE_BEFORE:-}" ] || assert_no_residue
}

# Runs CMD as an ordinary user with its own runtime directory.
as_user() {
  local dir=$BATS_TEST_TMPDIR/user-run
  if ! id "$TEST_NAME" >/dev/null 2>&1; then
    useradd --system --no-create-home --uid "$TEST_UID" --shell /bin/sh "$TEST_NAME" 2>/dev/null || true
  fi
  [ -d "$dir" ] || install -d -m 700 -o "$TEST_NAME" "$dir"
  setpriv --reuid "$TEST_NAME" --regid "$(id -g "$TEST_NAME")" --clear-groups --inh-caps=-all \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp USER="$TEST_NAME" XDG_RUNTIME_DIR="$dir" COFFER="$COFFER" \
    ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} ${UBSAN_OPTIONS:+"UBSAN_OPTIONS=$UBSAN_OPTIONS"} "$@"
}

# The subordinate ids of the test user for the time of one test.
give_subids() { # give_subids FIRST COUNT
  local file
  for file in subuid subgid; do
    [ -e "$BATS_TEST_TMPDIR/$file.before" ] || cp -a "/etc/$file" "$BATS_TEST_TMPDIR/$file.before" 2>/dev/null || : >"$BATS_TEST_TMPDIR/$file.none"
    sed -i "/^$TEST_NAME:/d" "/etc/$file" 2>/dev/null || true
    echo "$TEST_NAME:$1:$2" >>"/etc/$file"
  done
}

restore_subids() {
  local file
  for file in subuid subgid; do
    if [ -e "$BATS_TEST_TMPDIR/$file.before" ]; then
      cat "$BATS_TEST_TMPDIR/$file.before" >"/etc/$file"
    elif [ -e "$BATS_TEST_TMPDIR/$file.none" ]; then
      rm -f "/etc/$file"
    fi
  done
}

# Runs CMD as root of a new user namespace with this map (of uids and of gids; lines "INSIDE OUTSIDE COUNT"), which
# the host's root owns and writes, and a mount namespace; with FLAGS of unshare(2) in addition.
in_userns() { # in_userns MAP FLAGS CMD...
  python3 -c '
import ctypes, os, sys
new, flags = sys.argv[1], int(sys.argv[2], 0)
ready, go = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10020000 | flags) != 0:
        sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    libc.mount(None, b"/", None, 0x44000, None)
    if flags & 0x20000000:
        inner = os.fork()
        if inner:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
        libc.mount(b"proc", b"/proc", b"proc", 0, None)
    os.execvp(sys.argv[3], sys.argv[3:])
if os.read(ready[0], 1) == b"x":
    for kind in "gid", "uid":
        with open(f"/proc/{child}/{kind}_map", "w") as f:
            f.write(new)
    os.write(go[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)' "$@"
}

# ---- judging ----
# Each of these ends a test by its status, wherever it stands; `! cmd` and a `&&` list would not.
assert_has() { # assert_has TEXT: it is somewhere in $output
  [[ $output == *"$1"* ]] || {
    echo "\`$1\` is missing in:" >&2
    echo "$output" >&2
    return 1
  }
}

assert_lacks() { # assert_lacks TEXT
  [[ $output != *"$1"* ]] || {
    echo "\`$1\` is in:" >&2
    echo "$output" >&2
    return 1
  }
}

assert_line() { # assert_line LINE: a whole line of $output
  grep -Fxq -- "$1" <<<"$output" || {
    echo "no line \`$1\` in:" >&2
    echo "$output" >&2
    return 1
  }
}

assert_match() { # assert_match ERE: a line of $output matches
  grep -Eq -- "$1" <<<"$output" || {
    echo "no line matches \`$1\` in:" >&2
    echo "$output" >&2
    return 1
  }
}

assert_status() { # assert_status N
  [ "$status" -eq "$1" ] || {
    echo "status $status instead of $1:" >&2
    echo "$output" >&2
    return 1
  }
}

assert_same() { # assert_same WHAT EXPECTED FOUND
  [ "$2" = "$3" ] || {
    echo "$1: expected \`$2\`, found \`$3\`" >&2
    return 1
  }
}

assert_differ() { # assert_differ WHAT A B
  [ "$2" != "$3" ] || {
    echo "$1: both are \`$2\`" >&2
    return 1
  }
}

# ---- shorter bundles ----
# Runs the container with testinit and these arguments; it must end with 0.
run_testinit() { # run_testinit COMMAND [ARG...] [+ COMMAND...]
  set_args testinit "$@"
  run_bundle
  assert_status 0
}

# Runs the container with a shell script; it must end with 0.
run_script() { # run_script TEXT
  set_args sh -c "$1"
  run_bundle
  assert_status 0
}

add_mount() { # add_mount DESTINATION TYPE SOURCE [OPTION...]
  local d=$1 t=$2 s=$3
  shift 3
  bundle_edit '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' \
    --arg d "$d" --arg t "$t" --arg s "$s" --args "$@"
}

drop_namespace() { # drop_namespace TYPE
  bundle_edit 'del(.linux.namespaces[] | select(.type == $t))' --arg t "$1"
}

set_namespace() { # set_namespace TYPE [PATH]: new, or joined by path
  drop_namespace "$1"
  if [ -n "${2:-}" ]; then
    bundle_edit '.linux.namespaces += [{type: $t, path: $p}]' --arg t "$1" --arg p "$2"
  else
    bundle_edit '.linux.namespaces += [{type: $t}]' --arg t "$1"
  fi
}

# Starts the container detached and waits until it runs; its pid is in $PID.
start_bundle() { # start_bundle [RUN OPTIONS...]
  cof run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$@" "$CID" </dev/null
  PID=$(cat "$BATS_TEST_TMPDIR/pid")
}

# Notes a process of the test that teardown ends.
background() { # background PID...
  BACKGROUND_PIDS="${BACKGROUND_PIDS:-} $*"
}
