#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Hooks: when, where, with what, and what their failure does.

load helpers

setup() {
  requires root
  setup_bundle
  LOG=$BATS_TEST_TMPDIR/hooks
  : >"$LOG"
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  write_hook
}
teardown() { teardown_bundle; }

HOST_KINDS='prestart createRuntime poststart poststop'
CREATE_KINDS='prestart createRuntime createContainer'
ALL_KINDS='prestart createRuntime createContainer startContainer poststart poststop'

# The hook of these tests: notes everything about itself in $LOG, as `TAG KEY VALUE`. startContainer
# hooks run the copy in the image and cannot reach $LOG: they write to a bind mount of it.
write_hook() {
  cat >"$BATS_TEST_TMPDIR/bin/hook" <<'END'
#!/bin/sh
tag=$1
log=$2
[ "$tag" != startContainer ] && [ "${tag#startContainer}" = "$tag" ] || log=/hooks-log
note() { echo "$tag $*" >>"$log"; }
note order "$tag"
# Standard input to its end: one JSON object.
state=$(cat)
note state "$state"
note cwd "$(pwd)"
note zero "$(tr '\0' '|' </proc/self/cmdline | cut -d'|' -f1)"
for ns in cgroup ipc mnt net pid user uts; do note "ns-$ns" "$(readlink /proc/self/ns/$ns)"; done
fds=
for fd in /proc/self/fd/*; do [ ! -e "$fd" ] || fds="$fds ${fd##*/}"; done
note fds $fds
env | sort | while read -r line; do note env "$line"; done
note uid "$(id -u)"
note caps "$(grep CapEff /proc/self/status | tr -d '\t')"
echo "hook out $tag"
echo "hook err $tag" >&2
END
  chmod 755 "$BATS_TEST_TMPDIR/bin/hook"
  cp "$BATS_TEST_TMPDIR/bin/hook" "$BUNDLE/rootfs/bin/hook"
  touch "$BUNDLE/rootfs/hooks-log"
  bundle_edit '.mounts += [{destination: "/hooks-log", source: $l, options: ["bind"]}]' --arg l "$LOG"
}

hook_path() { # hook_path KIND PROGRAM
  if [ "$1" = startContainer ]; then echo "/bin/$2"; else echo "$BATS_TEST_TMPDIR/bin/$2"; fi
}

add_hook() { # add_hook KIND TAG [JQ_OF_MORE_KEYS]
  bundle_edit '.hooks[$k] += [({path: $p, args: ["zero-\($t)", $t, $l]} + '"${3:-{\}}"')]' \
    --arg k "$1" --arg p "$(hook_path "$1" hook)" --arg t "$2" --arg l "$LOG"
}

add_program() { # add_program KIND NAME SCRIPT: a hook that is a shell script of its own
  printf '#!/bin/sh\n%s\n' "$3" >"$BATS_TEST_TMPDIR/bin/$2"
  chmod 755 "$BATS_TEST_TMPDIR/bin/$2"
  cp "$BATS_TEST_TMPDIR/bin/$2" "$BUNDLE/rootfs/bin/$2"
  bundle_edit '.hooks[$k] += [{path: $p}]' --arg k "$1" --arg p "$(hook_path "$1" "$2")"
}

all_hooks() { local kind; for kind in $ALL_KINDS; do add_hook "$kind" "$kind"; done; }

noted() { # noted TAG KEY: the values
  sed -n "s/^$1 $2 //p" "$LOG"
}

order() { sed -n 's/^[^ ]* order //p' "$LOG" | tr '\n' ' ' | sed 's/ $//'; }

no_processes() { [ -z "$(our_processes)" ]; }

@test "order: run" {
  all_hooks
  add_hook createRuntime createRuntime-2
  add_hook poststop poststop-2
  set_args sh -c 'echo "process order process" >>/hooks-log'
  run_bundle
  assert_status 0
  # The process runs beside the poststart hooks.
  assert_same order 'prestart createRuntime createRuntime-2 createContainer startContainer poststart poststop poststop-2' \
    "$(order | tr ' ' '\n' | grep -v process | tr '\n' ' ' | sed 's/ $//')"
  [ "$(order | tr ' ' '\n' | grep -n process | cut -d: -f1)" -gt "$(order | tr ' ' '\n' | grep -n startContainer | cut -d: -f1)" ]
}

@test "order: create, start, delete" {
  all_hooks
  set_args sleep 100
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_same 'after create' 'prestart createRuntime createContainer' "$(order)"
  cof start "$CID"
  assert_same 'after start' 'prestart createRuntime createContainer startContainer poststart' "$(order)"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  assert_same 'after kill' 'prestart createRuntime createContainer startContainer poststart' "$(order)"
  cof delete "$CID"
  assert_same 'after delete' "$ALL_KINDS" "$(order)"
}

@test "state on standard input: one JSON object, status and pid by kind" {
  all_hooks
  bundle_edit '.annotations = {"org.example.a": "1"}'
  set_args sleep 100
  start_bundle
  cof delete --force "$CID"
  for row in prestart:creating:$PID createRuntime:creating:$PID createContainer:creating:1 startContainer:created:1 poststart:running:$PID poststop:stopped:null; do
    IFS=: read -r kind status pid <<<"$row"
    state=$(noted "$kind" state)
    assert_same "$kind lines" 1 "$(wc -l <<<"$state")"
    assert_same "$kind" "1.3.0 $CID $status $pid $BUNDLE 1" \
      "$(jq -r '"\(.ociVersion) \(.id) \(.status) \(.pid) \(.bundle) \(.annotations["org.example.a"])"' <<<"$state")"
  done
  assert_same root "$BUNDLE/rootfs" "$(noted prestart state | jq -r .root)"
}

@test "namespaces: the runtime's for host hooks, the container's for the others" {
  all_hooks
  set_args sleep 100
  start_bundle
  for kind in prestart createRuntime poststart; do
    for ns in cgroup ipc mnt net pid user uts; do
      assert_same "$kind $ns" "$(readlink /proc/self/ns/$ns)" "$(noted $kind ns-$ns)"
    done
  done
  for kind in createContainer startContainer; do
    for ns in ipc mnt net pid uts; do
      assert_same "$kind $ns" "$(readlink "/proc/$PID/ns/$ns")" "$(noted $kind ns-$ns)"
    done
  done
  cof delete --force "$CID"
  assert_same 'poststop mnt' "$(readlink /proc/self/ns/mnt)" "$(noted poststop ns-mnt)"
}

@test "namespaces with a user namespace: container hooks run as its root" {
  setup_userns_bundle
  write_hook
  chmod 666 "$LOG"
  for kind in createContainer startContainer createRuntime; do add_hook "$kind" "$kind"; done
  set_args sleep 100
  start_bundle
  for kind in createContainer startContainer; do
    assert_same "$kind user" "$(readlink "/proc/$PID/ns/user")" "$(noted $kind ns-user)"
    assert_same "$kind uid" 0 "$(noted $kind uid)"
  done
  assert_same 'createRuntime user' "$(readlink /proc/self/ns/user)" "$(noted createRuntime ns-user)"
}

@test "createRuntime sees the network namespace by pid and can set it up" {
  add_program createRuntime net 'pid=$(jq .pid) && nsenter --target "$pid" --net sh -c "echo 1 >/proc/sys/net/ipv4/ip_forward"'
  run_testinit cat /proc/sys/net/ipv4/ip_forward
  assert_line 1
}

@test "createRuntime sees the mounts of the container by pid, before the root is switched" {
  add_mount /mnt tmpfs of-the-container
  add_program createRuntime look "pid=\$(jq .pid); grep of-the-container /proc/\$pid/mountinfo >'$BATS_TEST_TMPDIR/seen'"
  run_bundle
  assert_status 0
  grep -q "$BUNDLE/rootfs/mnt" "$BATS_TEST_TMPDIR/seen"
}

@test "every kind at create finds the mounts there and the root not switched" {
  local kind
  add_mount /mnt tmpfs of-the-container
  for kind in prestart createRuntime; do
    add_program "$kind" "look-$kind" "pid=\$(jq .pid); { grep -c 'rootfs/mnt .* of-the-container ' /proc/\$pid/mountinfo; [ /proc/\$pid/root/. -ef /. ] && echo host; } >'$BATS_TEST_TMPDIR/$kind'"
  done
  add_program createContainer look "{ grep -c 'rootfs/mnt .* of-the-container ' /proc/self/mountinfo; [ -d '$BATS_TEST_TMPDIR/bin' ] && echo host; } >'$BATS_TEST_TMPDIR/createContainer'"
  run_bundle
  assert_status 0
  for kind in $CREATE_KINDS; do
    assert_same "$kind" $'1\nhost' "$(cat "$BATS_TEST_TMPDIR/$kind")"
  done
}

@test "poststart comes when the program has been executed" {
  add_program poststart look "tr '\\0' ' ' </proc/\$(jq .pid)/cmdline >'$BATS_TEST_TMPDIR/seen'"
  set_args sleep 100
  start_bundle
  assert_same program 'sleep 100 ' "$(cat "$BATS_TEST_TMPDIR/seen")"
}

@test "poststop comes when the container is gone" {
  add_program poststop look "{ '$COFFER' --root '$ROOT' state '$CID' | jq -c '[.status, .pid]'; find /sys/fs/cgroup -type d -name '*$CID*'; grep ^State: /proc/\$(cat '$BATS_TEST_TMPDIR/pid')/status; } >'$BATS_TEST_TMPDIR/seen'; exit 0"
  set_args sleep 100
  start_bundle
  cof delete --force "$CID"
  output=$(cat "$BATS_TEST_TMPDIR/seen")
  # Only the record is still there, for a delete that is killed meanwhile.
  assert_line '["stopped",0]'
  assert_lacks /sys/fs/cgroup
  [[ $output != *State* ]] || assert_has '(zombie)'
}

@test "createContainer: the container's mounts, the host's root" {
  add_mount /mnt tmpfs tmpfs
  add_program createContainer mount "touch '$BUNDLE/rootfs/mnt/made-by-hook'; [ -e '$BATS_TEST_TMPDIR/bin/mount' ]"
  run_testinit statpath /mnt/made-by-hook
  [ ! -e "$BUNDLE/rootfs/mnt/made-by-hook" ]
}

@test "startContainer: inside the container, as confined as its process" {
  all_hooks
  bundle_edit '.process.capabilities = {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}'
  set_args true
  run_bundle
  assert_status 0
  assert_same caps CapEff:0000000000000020 "$(noted startContainer caps)"
}

@test "working directory" {
  all_hooks
  bundle_edit '.process.cwd = "/usr/bin"'
  set_args true
  cd /
  run_bundle
  assert_status 0
  for row in "prestart:$BUNDLE" "createRuntime:$BUNDLE" "createContainer:$BUNDLE/rootfs" startContainer:/usr/bin "poststart:$BUNDLE" "poststop:$BUNDLE"; do
    assert_same "${row%%:*}" "${row#*:}" "$(noted "${row%%:*}" cwd)"
  done
}

@test "argument zero and the rest of args" {
  all_hooks
  bundle_edit '.hooks.createRuntime += [{path: $p}]' --arg p "$(hook_path createRuntime plain)"
  printf '#!/bin/sh\ntr "\\0" "|" </proc/self/cmdline >"%s"\n' "$BATS_TEST_TMPDIR/plain-args" >"$BATS_TEST_TMPDIR/bin/plain"
  chmod 755 "$BATS_TEST_TMPDIR/bin/plain"
  cat >"$BATS_TEST_TMPDIR/bin/bin.c" <<'END'
#include <stdio.h>
int main(int argc, char **argv) { FILE *f = fopen(argv[1], "w"); for (int i = 0; i < argc; i++) fprintf(f, "%s|", argv[i]); return fclose(f); }
END
  gcc -static -o "$BATS_TEST_TMPDIR/bin/binary" "$BATS_TEST_TMPDIR/bin/bin.c"
  bundle_edit '.hooks.createRuntime += [{path: $p, args: ["my-zero", $o, "", "a b"]}]' --arg p "$BATS_TEST_TMPDIR/bin/binary" --arg o "$BATS_TEST_TMPDIR/args"
  set_args true
  run_bundle
  assert_status 0
  assert_same args "my-zero|$BATS_TEST_TMPDIR/args||a b|" "$(cat "$BATS_TEST_TMPDIR/args")"
  grep -q "|$BATS_TEST_TMPDIR/bin/plain|" "$BATS_TEST_TMPDIR/plain-args"
}

@test "environment: what is given, else the runtime's, nothing, or the process's" {
  for kind in $ALL_KINDS; do
    add_hook "$kind" "$kind"
    add_hook "$kind" "$kind-own" '{env: ["ONLY=this", "PATH=/usr/bin:/bin"]}'
  done
  bundle_edit '.process.env = ["OF_PROCESS=yes", "PATH=/bin"]'
  set_args true
  OF_RUNTIME=yes run_bundle
  assert_status 0
  for kind in $ALL_KINDS; do
    assert_same "$kind with env" 'ONLY=this PATH=/usr/bin:/bin' \
      "$(noted "$kind-own" env | grep -Ev '^(PWD|OLDPWD|SHLVL|_)=' | tr '\n' ' ' | sed 's/ $//')"
  done
  for kind in $HOST_KINDS; do
    assert_same "$kind" OF_RUNTIME=yes "$(noted $kind env | grep OF_)"
  done
  assert_same createContainer '' "$(noted createContainer env | grep OF_ || true)"
  assert_same startContainer OF_PROCESS=yes "$(noted startContainer env | grep OF_)"
}

@test "descriptors: 0, 1, 2 only, whatever the caller left open" {
  all_hooks
  set_args true
  run bash -c "exec 5</etc/passwd 8<>/dev/null; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_status 0
  for kind in $ALL_KINDS; do
    # A shell that runs a script holds it open above 9.
    assert_same "$kind" '0 1 2' "$(noted $kind fds | tr ' ' '\n' | awk '$1 < 10' | tr '\n' ' ' | sed 's/ $//')"
  done
}

@test "what hooks print does not reach the caller's streams when they succeed" {
  all_hooks
  set_args echo of-the-process
  run_bundle
  assert_same output of-the-process "$output"
}

@test "a failing hook at create: error with what it printed, nothing left, poststop runs" {
  for kind in $CREATE_KINDS; do
    bundle_edit 'del(.hooks)'
    : >"$LOG"
    add_program "$kind" fails 'echo said-on-stdout; echo said-on-stderr >&2; exit 3'
    add_hook "$kind" never
    add_hook poststop poststop
    set_args sleep 100
    det create --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has "error running $kind hook #0: exit status 3"
    assert_has said-on-stdout
    assert_has said-on-stderr
    assert_same "$kind order" poststop "$(order)"
    run cof state "$CID"
    assert_has 'container does not exist'
  done
}

fail_by() { # fail_by MODE KIND: the first hook of the kind fails that way; what must be said is in $WANTED
  bundle_edit '.hooks = {}'
  case $1 in
    status) add_program "$2" fails 'exit 42'; WANTED='exit status 42' ;;
    signal) add_program "$2" fails 'kill -9 $$'; WANTED=signal ;;
    missing) bundle_edit '.hooks[$k] = [{path: "/no/such/program"}]' --arg k "$2"; WANTED='no such file or directory' ;;
    no-program) bundle_edit '.hooks[$k] = [{path: "/etc/passwd"}]' --arg k "$2"; WANTED='permission denied' ;;
    timeout) add_program "$2" fails 'sleep 62.3 & sleep 62.3'; WANTED='timeout of 1.0s'
      bundle_edit '.hooks[$k][0].timeout = 1' --arg k "$2" ;;
  esac
}

@test "every way to fail, in every kind: told, the rest of the kind is not run, all is undone, poststop runs" {
  local kind mode failed
  for kind in $CREATE_KINDS startContainer poststart; do
    for mode in status signal missing no-program timeout; do
      fail_by "$mode" "$kind"
      add_hook "$kind" never
      add_hook poststop poststop
      : >"$LOG"
      set_args sh -c 'echo "process order process" >>/hooks-log; exec sleep 100'
      det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
      failed=create
      if [[ " $CREATE_KINDS " != *" $kind "* ]]; then
        assert_status 0
        run cof start "$CID"
        failed=start
      fi
      [ "$status" -eq 1 ] || { echo "$kind $mode: $failed gave $status" >&2; return 1; }
      assert_has "error running $kind hook #0"
      assert_has "$WANTED"
      # The process runs beside poststart hooks, and never with another kind.
      if [ "$kind" = poststart ]; then sed -i '/^process /d' "$LOG"; fi
      assert_same "$kind $mode: what ran" poststop "$(order)"
      assert_same "$kind $mode: state for poststop" stopped "$(noted poststop state | jq -r .status)"
      run cof state "$CID"
      assert_has 'container does not exist'
      wait_for 5 no_processes
    done
  done
  wait_for 5 not pgrep -f 'sleep 62.3'
}

@test "every way to fail of poststop: a warning that names it, the others run, delete succeeds" {
  local mode
  for mode in status signal missing no-program timeout; do
    fail_by "$mode" poststop
    add_hook poststop second
    : >"$LOG"
    set_args true
    run_bundle --keep
    run cof --log-level warning delete "$CID"
    [ "$status" -eq 0 ] || { echo "$mode: $output" >&2; return 1; }
    assert_has level=warning
    assert_has 'poststop hook #0'
    assert_has "$WANTED"
    assert_same "$mode: what ran" second "$(order)"
    run cof state "$CID"
    assert_has 'container does not exist'
  done
  wait_for 5 not pgrep -f 'sleep 62.3'
}

@test "hooks are those of config.json at create, whatever it says later" {
  local kind
  all_hooks
  set_args sleep 100
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  bundle_edit '.hooks = {}'
  for kind in $ALL_KINDS; do add_hook "$kind" "edited-$kind"; done
  cof start "$CID"
  cof kill "$CID" KILL
  wait_for 5 status_is "$CID" stopped
  rm "$BUNDLE/config.json"
  cof delete "$CID"
  assert_same order "$ALL_KINDS" "$(order)"
}

@test "a hook killed by a signal, and one that is no program" {
  add_program createRuntime dies 'kill -9 $$'
  det create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'error running createRuntime hook #0'
  assert_has 'signal'
  bundle_edit 'del(.hooks)'
  for kind in $CREATE_KINDS; do
    bundle_edit '.hooks = {}'
    bundle_edit '.hooks[$k] = [{path: "/etc/passwd"}]' --arg k "$kind"
    det create --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has "error running $kind hook #0"
    assert_has 'permission denied'
  done
}

@test "the second hook fails: its number is told" {
  add_hook createRuntime first
  add_program createRuntime fails 'exit 9'
  det create --bundle "$BUNDLE" "$CID"
  assert_status 1
  assert_has 'error running createRuntime hook #1: exit status 9'
  assert_same order first "$(order)"
}

@test "a failing startContainer hook: start fails, the process never runs, all is undone" {
  add_program startContainer fails 'echo inside >&2; exit 4'
  add_hook poststop poststop
  set_args sh -c 'echo "process order process" >>/hooks-log'
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  run cof start "$CID"
  assert_status 1
  assert_has 'error running startContainer hook #0: exit status 4'
  assert_has inside
  assert_same order poststop "$(order)"
  run cof state "$CID"
  assert_has 'container does not exist'
  run_bundle
  assert_status 1
  assert_has 'error running startContainer hook #0'
  assert_same 'order after run' 'poststop poststop' "$(order)"
}

@test "a failing poststart hook: start fails, the process is killed, all is undone" {
  add_program poststart fails 'exit 5'
  add_hook poststop poststop
  set_args sleep 100
  det create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
  run cof start "$CID"
  assert_status 1
  assert_has 'error running poststart hook #0: exit status 5'
  assert_same order poststop "$(order)"
  wait_for 5 no_processes
  run cof delete "$CID"
  assert_has 'container does not exist'
}

@test "a failing poststop hook is a warning, the others run, delete succeeds" {
  add_program poststop fails 'exit 6'
  add_hook poststop second
  set_args sleep 100
  start_bundle
  run cof --log-level warning delete --force "$CID"
  assert_status 0
  assert_has 'level=warning'
  assert_has 'poststop hook #0'
  assert_same order second "$(order)"
}

@test "poststop runs once, also when delete is called twice" {
  add_hook poststop poststop
  set_args true
  run_bundle --keep
  assert_same 'order after run' '' "$(order)"
  cof delete "$CID"
  cof delete --force "$CID"
  assert_same order poststop "$(order)"
}

@test "timeouts: the hook and what it started are killed" {
  for kind in prestart createContainer; do
    bundle_edit '.hooks = {}'
    add_program "$kind" hangs "sleep 61.7 & sleep 61.7"
    bundle_edit '.hooks[$k][0].timeout = 1' --arg k "$kind"
    before=$(date +%s)
    det create --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has "error running $kind hook #0: hook ran past specified timeout of 1.0s"
    [ $(($(date +%s) - before)) -le 5 ]
    wait_for 5 not pgrep -f 'sleep 61.7'
  done
}

@test "a hook that is quick enough is left alone by its timeout; one that leaves a child behind does not block" {
  add_program createRuntime leaves 'sleep 3.14 & exit 0'
  bundle_edit '.hooks.createRuntime[0].timeout = 60'
  before=$(date +%s)
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  [ $(($(date +%s) - before)) -le 2 ]
}

OUT=run.oci.hooks.stdout
ERR=run.oci.hooks.stderr

annotate() { bundle_edit '.annotations[$k] = $v' --arg k "$1" --arg v "$2"; }

@test "annotations: the output of every kind of hook is appended to files" {
  local out=$BATS_TEST_TMPDIR/hooks.out err=$BATS_TEST_TMPDIR/hooks.err kind
  all_hooks
  annotate $OUT "$out"
  annotate $ERR "$err"
  echo before >"$out"
  run_bundle
  assert_status 0
  assert_lacks 'hook out'
  { echo before; for kind in $ALL_KINDS; do echo "hook out $kind"; done; } | diff - "$out"
  for kind in $ALL_KINDS; do echo "hook err $kind"; done | diff - "$err"
  [ "$(stat -c %a "$err")" = 600 ]
  # The hook has nothing more of it than its streams.
  for kind in $ALL_KINDS; do [ "$(noted "$kind" fds)" = "$(noted prestart fds)" ]; done

  # create and start; both streams in one file.
  rm "$out" "$err"
  annotate $ERR "$out"
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  [ "$(grep -c ^hook "$out")" = 6 ]
  cof start "$CID"
  [ "$(grep -c ^hook "$out")" = 10 ]
  wait_for 10 status_is "$CID" stopped
  cof delete "$CID"
  [ "$(grep -c ^hook "$out")" = 12 ]
  [ "$(sed -n 1,2p "$out" | sort | tr '\n' ,)" = 'hook err prestart,hook out prestart,' ]
}

@test "annotations: files of hooks with a user namespace, preserved descriptors and a seccomp filter" {
  local out
  setup_userns_bundle other 100000 65536
  touch "$BUNDLE/rootfs/hooks-log"
  cp "$BATS_TEST_TMPDIR/bin/hook" "$BUNDLE/rootfs/bin/hook"
  chmod 711 "$BATS_TEST_TMPDIR"
  add_program createContainer create 'echo from create'
  add_program startContainer start 'echo from start; echo more >&2'
  mkdir "$BATS_TEST_TMPDIR/only-root"
  chmod 700 "$BATS_TEST_TMPDIR/only-root"
  out=$BATS_TEST_TMPDIR/only-root/out
  annotate $OUT "$out"
  annotate $ERR "$out"
  bundle_edit '.process.noNewPrivileges = false | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{names: ["reboot"], action: "SCMP_ACT_ERRNO"}]}'
  set_args sh -c 'cat <&3; ls /proc/self/fd | wc -l'
  echo kept >"$BATS_TEST_TMPDIR/kept"
  run bash -c "exec 3<'$BATS_TEST_TMPDIR/kept'; '$COFFER' --root '$ROOT' --id-ledger '$IDS' run --preserve-fds 1 --bundle '$BUNDLE' $CID"
  assert_status 0
  [ "$output" = "$(printf 'kept\n5')" ] # 0, 1, 2, 3, and that of ls
  [ "$(tr '\n' ' ' <"$out")" = 'from create from start more ' ]
}

@test "annotations: the error of a hook does not quote what is in the file" {
  local out=$BATS_TEST_TMPDIR/out kind
  annotate $OUT "$out"
  for kind in createRuntime createContainer; do
    add_program "$kind" bad 'echo to the file; echo to the error >&2; exit 3'
    run_bundle
    assert_status 1
    assert_has "error running $kind hook #0: exit status 3, stdout: (in the file), stderr: to the error"
    assert_lacks 'to the file'
    bundle_edit 'del(.hooks)'
  done
  [ "$(grep -c 'to the file' "$out")" = 2 ]
}

@test "annotations: a file that cannot be opened is an error of create, before any hook runs" {
  local target=$BATS_TEST_TMPDIR/target
  add_hook prestart prestart
  add_hook poststart poststart
  refused_output() { # refused_output VALUE TEXT
    annotate $ERR "$1"
    det --log-format json create --bundle "$BUNDLE" "$CID"
    assert_status 1
    assert_has "$2"
    assert_has 'run.oci.hooks.stderr'
    assert_has hook-output
    [ -z "$(order)" ]
    [ ! -e "$ROOT/$CID" ]
  }
  refused_output relative 'expected an absolute path'
  refused_output '' 'expected an absolute path'
  refused_output "$BATS_TEST_TMPDIR/none/file" 'no such file or directory'
  refused_output "$BATS_TEST_TMPDIR" 'is a directory'
  ln -s "$target" "$BATS_TEST_TMPDIR/link"
  refused_output "$BATS_TEST_TMPDIR/link" 'a symbolic link is not followed'
  [ ! -e "$target" ]
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  refused_output "$BATS_TEST_TMPDIR/fifo" 'no such device or address'
  # Only for a later hook.
  bundle_edit 'del(.hooks.prestart)'
  refused_output "$BATS_TEST_TMPDIR" 'is a directory'
  # Nobody asks without hooks.
  bundle_edit 'del(.hooks)'
  run_bundle
  assert_status 0
}

@test "annotations: a file that is gone at the end is a warning, the poststop hooks run" {
  local dir=$BATS_TEST_TMPDIR/logs
  mkdir "$dir"
  annotate $OUT "$dir/out"
  add_hook poststop one
  add_hook poststop two
  det create --bundle "$BUNDLE" "$CID"
  assert_status 0
  rm -r "$dir"
  det --log-level warning delete --force "$CID"
  assert_status 0
  assert_has 'for the output of hooks'
  [ "$(order)" = 'one two' ]
}

@test "a hook that reads nothing, one that prints a lot" {
  add_program createRuntime blind 'exec <&-; exit 0'
  add_program createRuntime loud 'head -c 3000000 /dev/zero | tr "\0" x; head -c 3000000 /dev/zero | tr "\0" y >&2'
  add_program createContainer loud2 'head -c 3000000 /dev/zero | tr "\0" x; head -c 3000000 /dev/zero | tr "\0" y >&2'
  bundle_edit '.annotations = {big: ("z" * 200000)}'
  run_bundle
  assert_status 0
}

@test "a hook may ask for the state of its container" {
  add_program createRuntime asks "'$COFFER' --root '$ROOT' state '$CID' | jq -r .status >'$BATS_TEST_TMPDIR/asked'"
  add_program poststart asks2 "'$COFFER' --root '$ROOT' state '$CID' | jq -r .status >>'$BATS_TEST_TMPDIR/asked'"
  set_args sleep 100
  start_bundle
  assert_same answers $'creating\nrunning' "$(cat "$BATS_TEST_TMPDIR/asked")"
}
