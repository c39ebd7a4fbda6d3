#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command line: syntax of options, help, versions, the state directory, spec, plan, features.

load helpers

setup() { setup_bundle; }
teardown() { teardown_bundle; }

# valgrind does not know openat2 and the other calls that containers and their state need.
no_valgrind() { [ -z "${COFFER_VALGRIND:-}" ] || skip 'not under valgrind'; }

COMMANDS='create start run state kill delete pause resume update list spec plan features'

# ---- help, version, usage ----

@test "help of every command: exit 0, on standard output, nothing on standard error" {
  for command in $COMMANDS; do
    for option in --help -h --usage -help; do
      "$COFFER" "$command" "$option" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
      grep -q "Usage: coffer .*$command" "$BATS_TEST_TMPDIR/out"
      [ ! -s "$BATS_TEST_TMPDIR/err" ]
    done
  done
  for option in --help -h '-?' --usage; do
    "$COFFER" "$option" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    for command in $COMMANDS; do grep -q "^  $command " "$BATS_TEST_TMPDIR/out"; done
    [ ! -s "$BATS_TEST_TMPDIR/err" ]
  done
}

@test "help wins over missing arguments, the help names every option" {
  run "$COFFER" start --help
  assert_status 0
  run "$COFFER" create --help
  for option in --bundle --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds; do
    assert_has "$option"
  done
  run "$COFFER" --help
  for option in --root --log --log-format --log-level --debug --systemd-cgroup --cgroup-manager --rootless --version; do
    assert_has "$option"
  done
}

@test "commands that this version lacks say so: callers probe checkpoint by its exit status" {
  for command in checkpoint restore; do
    run "$COFFER" "$command" --help
    assert_status 1
    assert_has "$command"
  done
}

@test "no command: help on standard error, exit 1" {
  rc=0
  "$COFFER" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
  assert_same status 1 "$rc"
  [ ! -s "$BATS_TEST_TMPDIR/out" ]
  grep -q '^Usage: coffer' "$BATS_TEST_TMPDIR/err"
}

@test "an unknown command, an unknown option, a missing value: exit 1, standard error, a hint" {
  for arguments in 'nonsense' '--nonsense state x' 'state --nonsense x' 'create --bundle' '--root' 'list -x' 'kill -q x' 'create --bundl=x y' '--log'; do
    rc=0
    # shellcheck disable=SC2086
    "$COFFER" $arguments >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
    assert_same "status of $arguments" 1 "$rc"
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    grep -q -- --help "$BATS_TEST_TMPDIR/err"
  done
  run "$COFFER" create --bundle
  assert_has "option '--bundle' requires an argument"
  run "$COFFER" nonsense
  assert_has nonsense
}

@test "wrong numbers of arguments" {
  for row in 'start:exactly 1' 'start a b:exactly 1' 'state:exactly 1' 'create:exactly 1' 'run a b:exactly 1' 'delete:exactly 1' 'kill:a minimum of 1' 'kill a b c:a maximum of 2'; do
    arguments=${row%%:*}
    # shellcheck disable=SC2086
    run "$COFFER" --root "$ROOT" $arguments
    assert_status 1
    assert_has "\"${arguments%% *}\\\" requires ${row#*:} argument(s)" || assert_has "\"${arguments%% *}\" requires ${row#*:} argument(s)"
  done
}

@test "--version: the lines that callers parse, one with the word version" {
  for option in --version -v -V; do
    run "$COFFER" "$option"
    assert_status 0
    [[ ${lines[0]} =~ ^coffer\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
    [[ ${lines[1]} == 'commit: '* ]]
    assert_same spec 'spec: 1.3.0' "${lines[2]}"
    assert_same 'lines with version' 1 "$(grep -c version <<<"$output")"
  done
  assert_same 'standard error' '' "$("$COFFER" --version 2>&1 >/dev/null)"
}

# ---- syntax ----

@test "forms of an option with a value" {
  no_valgrind
  for form in "--bundle $BUNDLE" "--bundle=$BUNDLE" "-b $BUNDLE" "-b$BUNDLE" "-b=$BUNDLE" "-bundle $BUNDLE" "-bundle=$BUNDLE"; do
    # shellcheck disable=SC2086
    run cof run $form "$CID"
    [ "$status" -eq 0 ] || { echo "$form: $output"; false; }
    # shellcheck disable=SC2086
    run cof run "$CID" $form
    [ "$status" -eq 0 ] || { echo "ID $form: $output"; false; }
  done
}

@test "flags: words of truth, clusters, repetition" {
  no_valgrind
  for word in 1 t T TRUE true True; do
    det run --bundle "$BUNDLE" --detach=$word "$CID"
    assert_status 0
    cof delete --force "$CID"
  done
  set_args sh -c 'exit 5'
  for word in 0 f F FALSE false False; do
    run cof run --bundle "$BUNDLE" --detach=$word "$CID"
    assert_status 5
  done
  run cof run --bundle "$BUNDLE" --detach=maybe "$CID"
  assert_status 1
  assert_has maybe
  run cof run --detach --bundle /nowhere --detach=false --bundle "$BUNDLE" "$CID"
  assert_status 5
  set_args sleep 100
  det run -db "$BUNDLE" "$CID"
  assert_status 0
  status_is "$CID" running
  run cof list -qf json
  assert_status 0
}

@test "two dashes end the options; a single dash is an argument" {
  no_valgrind
  run cof run --bundle "$BUNDLE" -- "$CID"
  assert_status 0
  run cof run --bundle "$BUNDLE" -- -x-"$CID"
  assert_status 0
  run cof state -- --help
  assert_status 1
  assert_lacks Usage
  run cof kill -- -
  assert_status 1
}

@test "after the id kill takes no more options" {
  no_valgrind
  set_args sleep 100
  start_bundle
  run cof kill "$CID" --all
  assert_status 1
  run cof kill --all "$CID" KILL
  assert_status 0
  run cof kill -a "$CID" 9
  assert_status 0
}

@test "no abbreviations of long options" {
  for option in --bund --pid --det --forc; do
    run cof run $option x "$CID"
    assert_status 1
    assert_has "$option"
  done
}

@test "global options: repeated, in any order, both forms; those of others are accepted" {
  run "$COFFER" --root /nonsense --log-format=text --root="$ROOT" --debug=false --criu /usr/sbin/criu --rootless=false --cgroup-manager cgroupfs run --bundle "$BUNDLE" "$CID"
  assert_status 0
  run "$COFFER" --root "$ROOT" --rootless=auto list
  assert_status 0
  run "$COFFER" --root "$ROOT" --rootless=perhaps list
  assert_status 1
  assert_has perhaps
  run "$COFFER" --root "$ROOT" --log-level loud list
  assert_status 1
  assert_has loud
}

@test "options that go-runc and conmon send are accepted" {
  no_valgrind
  run cof run -no-subreaper --no-pivot=false --no-new-keyring --preserve-fds 0 --bundle "$BUNDLE" "$CID"
  assert_status 0
  det create --detach --bundle "$BUNDLE" --no-new-keyring "$CID"
  assert_status 0
  for value in -1 x 99999999999 ''; do
    det create --bundle "$BUNDLE" --preserve-fds "$value" "x$CID"
    assert_status 1
  done
}

@test "bundle: default is the working directory; --config names another file" {
  no_valgrind
  cd "$BUNDLE"
  run cof run "$CID"
  assert_status 0
  mv config.json other.json
  run cof run "$CID"
  assert_status 1
  assert_has 'JSON specification file config.json not found'
  run cof run --config other.json "$CID"
  assert_status 0
  run cof run -f "$BUNDLE/other.json" "$CID"
  assert_status 0
  # A relative name counts from the caller's directory.
  cd "$BATS_TEST_TMPDIR"
  run cof run --bundle "$BUNDLE" --config bundle/other.json "$CID"
  assert_status 0
}

@test "closed streams and a full device" {
  for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
    bash -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID $closed"
  done
  rc=0
  "$COFFER" features >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
  assert_same status 1 "$rc"
  grep -qi 'no space left' "$BATS_TEST_TMPDIR/err"
  rc=0
  bash -c "'$COFFER' --help >&-" 2>/dev/null || rc=$?
  [ "$rc" -le 1 ]
}

@test "no environment at all" {
  run env -i "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  run env -i "$COFFER" --root "$ROOT" list
  assert_status 0
}

@test "without argument zero" {
  run python3 -c 'import os, sys; os.execv(sys.argv[1], [])' "$COFFER" 2>/dev/null
  [ "$status" -ne 139 ]
  run bash -c 'exec -a "" "$COFFER" --version'
  assert_status 0
}

# ---- state directory ----

@test "root: empty, /, ways to write it, links to it" {
  ln -s / "$BATS_TEST_TMPDIR/to-root"
  for root in '' / // /. /tmp/.. /../ "$BATS_TEST_TMPDIR/to-root"; do
    run "$COFFER" --root "$root" run --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has 'Option --root argument should not be set to /'
  done
  cd /
  run "$COFFER" --root . run --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'should not be set to /'
}

@test "root: relative, made with mode 0700, parents too" {
  cd "$BATS_TEST_TMPDIR"
  mkdir parent
  run "$COFFER" --root parent/state run --keep --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_same mode 700 "$(stat -c %a parent/state)"
  [ -d "parent/state/$CID" ]
  cd /
  run "$COFFER" --root "$BATS_TEST_TMPDIR/parent/../parent/./state" delete "$CID"
  assert_status 0
}

@test "root: read-only commands do not make it" {
  run "$COFFER" --root "$BATS_TEST_TMPDIR/none" list
  [ ! -e "$BATS_TEST_TMPDIR/none" ]
  run "$COFFER" --root "$BATS_TEST_TMPDIR/none" state x
  assert_status 1
  assert_has 'container does not exist'
  run "$COFFER" --root "$BATS_TEST_TMPDIR/none" delete --force x
  assert_status 0
  [ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "root: a file, a link, somebody else's, writable by others: refused" {
  requires root
  touch "$BATS_TEST_TMPDIR/file"
  mkdir -m 700 "$BATS_TEST_TMPDIR/foreign" "$BATS_TEST_TMPDIR/open"
  chown 65533 "$BATS_TEST_TMPDIR/foreign"
  chmod 777 "$BATS_TEST_TMPDIR/open"
  mkdir "$BATS_TEST_TMPDIR/link-owner"
  chmod 1777 "$BATS_TEST_TMPDIR/link-owner"
  ln -s "$BATS_TEST_TMPDIR/foreign" "$BATS_TEST_TMPDIR/link-owner/link"
  chown -h 65533 "$BATS_TEST_TMPDIR/link-owner/link"
  for root in file foreign open link-owner/link; do
    run "$COFFER" --root "$BATS_TEST_TMPDIR/$root" run --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has "$BATS_TEST_TMPDIR/$root"
  done
  assert_same 'names in the foreign one' '' "$(ls -A "$BATS_TEST_TMPDIR/foreign")"
}

@test "default root: /run/coffer for root, the variable is ignored" {
  requires root
  run unshare --mount --propagation private bash -c '
    mount -t tmpfs tmpfs /run
    for xdg in "" /nowhere "$1"; do
      env -i XDG_RUNTIME_DIR="$xdg" "$COFFER" run --keep --bundle "$2" a || exit 1
      [ -d /run/coffer/a ] || exit 2
      [ "$(stat -c %a /run/coffer)" = 700 ] || exit 3
      env -i "$COFFER" delete a || exit 4
    done
    [ ! -e "$1/coffer" ]' bash "$BATS_TEST_TMPDIR" "$BUNDLE"
  assert_status 0
}

@test "default root: root inside a user namespace, by XDG_RUNTIME_DIR and USER" {
  requires root userns
  mkdir "$BATS_TEST_TMPDIR/xdg"
  bundle_edit '.mounts |= map(select(.type == "proc" or .type == "tmpfs" and .destination == "/dev")) | del(.linux.resources)'
  chown -R --no-dereference 100000:100000 "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/xdg"
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
  inside() { # inside ENV...: coffer list as root of a namespace
    python3 - "$BATS_TEST_TMPDIR/sync" "$@" <<'END'
import os, subprocess, sys
r, w = os.pipe()
r2, w2 = os.pipe()
pid = os.fork()
if pid == 0:
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x10000000 | 0x20000) == 0
    os.write(w, b'x')
    os.read(r2, 1)
    os.setresgid(0, 0, 0); os.setresuid(0, 0, 0)
    os.execvp('env', ['env', '-i'] + sys.argv[2:])
os.read(r, 1)
for kind in 'ug':
    open(f'/proc/{pid}/{kind}id_map', 'w').write('0 100000 65536')
os.write(w2, b'x')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
  }
  run inside XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" "$COFFER" run --keep --bundle "$BUNDLE" a
  [ -d "$BATS_TEST_TMPDIR/xdg/coffer" ] || { echo "$output"; false; }
  assert_same mode 1700 "$(stat -c %a "$BATS_TEST_TMPDIR/xdg/coffer")"
  run inside XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" "$COFFER" delete --force a
  # USER=root: the system's directory, which does not exist or cannot be read here.
  run inside USER=root XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" "$COFFER" state a
  assert_lacks xdg
}

# ---- spec ----

@test "spec: valid JSON, runs as it is but for terminal" {
  rm "$BUNDLE/config.json"
  cof spec --bundle "$BUNDLE"
  jq -e '.process.terminal == true and .process.args == ["sh"] and .root.readonly == true and .ociVersion == "1.3.0"' "$BUNDLE/config.json"
  grep -q $'^\t"ociVersion"' "$BUNDLE/config.json"
  bundle_edit '.process.terminal = false'
  run bash -c "echo 'echo from-sh' | '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_status 0
  assert_line from-sh
}

@test "spec: an existing file is kept" {
  echo precious >"$BUNDLE/config.json"
  run cof spec --bundle "$BUNDLE"
  assert_status 1
  assert_has 'File config.json exists. Remove it first'
  assert_same content precious "$(cat "$BUNDLE/config.json")"
  run cof spec --bundle "$BUNDLE" --file other.json
  assert_status 0
  [ -s "$BUNDLE/other.json" ]
  run cof spec --bundle /no/such/dir
  assert_status 1
  assert_has /no/such/dir
  ln -s "$BATS_TEST_TMPDIR/victim" "$BUNDLE/link.json"
  run cof spec --bundle "$BUNDLE" --file link.json
  assert_status 1
  [ ! -e "$BATS_TEST_TMPDIR/victim" ]
}

@test "spec: default directory, mode by umask" {
  mkdir "$BATS_TEST_TMPDIR/here"
  cd "$BATS_TEST_TMPDIR/here"
  (umask 027 && "$COFFER" spec)
  assert_same mode 640 "$(stat -c %a config.json)"
}

@test "spec --userns: the mapping, and it runs" {
  no_valgrind
  requires root userns
  setup_userns_bundle b 300000 1000
  jq -e '.linux.uidMappings == [{containerID: 0, hostID: 300000, size: 1000}] and .linux.gidMappings == .linux.uidMappings
    and ([.linux.namespaces[].type] | index("user"))' "$BUNDLE/config.json"
  run_testinit ids
  for value in x -1 5: 5:0 4294967295 5:4294967295 '' 1:2:3; do
    run cof spec --file "f$RANDOM" --bundle "$BUNDLE" --userns "$value"
    assert_status 1
  done
}

@test "spec --rootless: a user namespace for the caller, no network namespace" {
  rm "$BUNDLE/config.json"
  cof spec --rootless --bundle "$BUNDLE"
  jq -e --argjson u "$(id -u)" '.linux.uidMappings == [{containerID: 0, hostID: $u, size: 1}] and ([.linux.namespaces[].type] | index("network") | not)
    and (.linux.resources == null) and ([.mounts[] | select(.destination == "/dev/pts").options[] | select(startswith("gid="))] == [])' "$BUNDLE/config.json"
}

# ---- plan, features ----

@test "plan: shows what create would do, and does nothing" {
  before=$(picture)
  run cof plan --bundle "$BUNDLE"
  assert_status 0
  for text in 'namespace new pid' 'namespace new mount' /proc /dev/pts /bin/true; do assert_has "$text"; done
  assert_same picture "$before" "$(picture)"
  [ ! -e "$ROOT" ]
  run cof plan "$BUNDLE"
  assert_status 0
  cd "$BUNDLE"
  run cof plan
  assert_status 0
  bundle_edit '.process.cwd = "relative"'
  run cof plan
  assert_status 1
  assert_has process.cwd
}

@test "plan: maps and cgroup of a user namespace" {
  requires root userns
  setup_userns_bundle
  run cof plan "$BUNDLE"
  assert_status 0
  assert_has 'uid map 0 100000 65536'
  assert_has 'host cgroup'
}

@test "features: one JSON object, what callers read of it, nothing on standard error" {
  "$COFFER" features >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  [ ! -s "$BATS_TEST_TMPDIR/err" ]
  jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0" and (.hooks | length == 6) and (.mountOptions | index("rro"))
    and (.linux.namespaces | length == 8) and (.linux.capabilities | index("CAP_SYS_ADMIN")) and .linux.cgroup.v1 and .linux.cgroup.v2
    and (.linux.seccomp | has("enabled"))' "$BATS_TEST_TMPDIR/out"
  # The options that are listed are those that work: each is tried.
  for option in $(jq -r '.mountOptions[]' "$BATS_TEST_TMPDIR/out"); do
    grep -Eqw -- "$option" "$BATS_TEST_DIRNAME"/{mounts,mount-options,idmap}.bats || { echo "no test for mount option $option"; false; }
  done
  run env -i "$COFFER" --root /no/such/root features
  assert_status 0
}
