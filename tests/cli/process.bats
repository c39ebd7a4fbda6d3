#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# process of config.json: what the program finds at its first instruction.

load helpers

setup() { requires root; setup_bundle; }
teardown() { teardown_bundle; }

set_caps() { # set_caps JSON: the whole object
  bundle_edit '.process.capabilities = $c' --argjson c "$1"
}

assert_caps() { # assert_caps INH PRM EFF BND AMB, each as hexadecimal number
  local name
  for name in CapInh CapPrm CapEff CapBnd CapAmb; do
    assert_same "$name" "$(printf '%016x' "0x$1")" "$(awk -v n="$name:" '$1 == n { print $2 }' <<<"$output")"
    shift
  done
}

assert_rlimit() { # assert_rlimit TYPE SOFT HARD
  assert_line "$1 soft=$2 hard=$3"
}

# ---- arguments, environment, directory ----

@test "args reach the program as they are" {
  set_args testinit args '' ' ' 'a b' $'tab\tnl\n' '"quoted"' 'ünï' '$HOME' '*' --flag
  run_bundle
  assert_status 0
  assert_line 'arg 1 ""'
  assert_line 'arg 2 " "'
  assert_line 'arg 3 "a b"'
  assert_line 'arg 4 "tab\x09nl\x0a"'
  assert_line 'arg 5 "\x22quoted\x22"'
  assert_line 'arg 6 "\xc3\xbcn\xc3\xaf"'
  assert_line 'arg 7 "$HOME"'
  assert_line 'arg 8 "*"'
  assert_line 'arg 9 "--flag"'
}

@test "many and long args" {
  bundle_edit '.process.args = ["testinit", "args"] + [range(3000) | tostring] + ["x" * 100000]'
  run_bundle
  assert_status 0
  assert_line 'arg 3000 "2999"'
  assert_same 'length of the last' 100002 "$(awk '/^arg 3001 / { print length($3) }' <<<"$output")"
}

@test "args[0] is looked up in the PATH of process.env and passed as given" {
  mkdir -p "$BUNDLE/rootfs/opt/tools" "$BUNDLE/rootfs/opt/first/prog"
  cp "$COFFER_TESTBIN/testinit" "$BUNDLE/rootfs/opt/tools/prog"
  bundle_edit '.process.env = ["PATH=/nowhere:/opt/first:/opt/tools:/bin"]'
  set_args prog cat /proc/self/cmdline
  run bash -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID | tr '\0' ' '"
  assert_status 0
  assert_same 'argument zero' 'prog cat /proc/self/cmdline ' "$output"
  set_args /opt/tools/prog exit 5
  run_bundle
  assert_status 5
}

@test "the caller's PATH is not used" {
  mkdir -p "$BUNDLE/rootfs/opt/tools"
  cp "$COFFER_TESTBIN/testinit" "$BUNDLE/rootfs/opt/tools/prog"
  bundle_edit '.process.env = ["PATH=/bin"]'
  set_args prog exit 0
  PATH=/opt/tools:$PATH run_bundle
  assert_status 1
  assert_has 'exec: \"prog\": executable file not found in $PATH'
}

@test "a path with a slash is relative to cwd" {
  mkdir -p "$BUNDLE/rootfs/opt/tools"
  cp "$COFFER_TESTBIN/testinit" "$BUNDLE/rootfs/opt/tools/prog"
  bundle_edit '.process.cwd = "/opt"'
  set_args tools/prog cwd
  run_bundle
  assert_status 0
  assert_line 'cwd="/opt"'
}

@test "the environment is exactly what is configured, plus HOME" {
  bundle_edit '.process.env = ["A=1", "EMPTY=", "B=x=y", "PATH=/bin", "ü=ö"]'
  set_args testinit getenv
  SECRET=leaked COFFER_LEAK=1 run_bundle
  assert_status 0
  assert_same environment '"A=1"
"B=x=y"
"EMPTY="
"HOME=/root"
"PATH=/bin"
"\xc3\xbc=\xc3\xb6"' "$(LC_ALL=C sort <<<"$output")"
}

@test "of several entries with one name the last one counts" {
  bundle_edit '.process.env = ["A=1", "PATH=/nowhere", "AB=3", "A=2", "PATH=/bin", "HOME=/mine", "HOME="]'
  run_testinit getenv
  assert_same environment '"A=2"
"AB=3"
"HOME=/root"
"PATH=/bin"' "$(LC_ALL=C sort <<<"$output")"
}

@test "HOME: from passwd by uid, else /; given ones are kept, empty ones replaced" {
  run_testinit getenv HOME
  assert_line 'HOME="/root"'
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  run_testinit getenv HOME
  assert_line 'HOME="/home/user"'
  bundle_edit '.process.user = {uid: 4321, gid: 4321}'
  run_testinit getenv HOME
  assert_line 'HOME="/"'
  bundle_edit '.process.env += ["HOME=/mine"]'
  run_testinit getenv HOME
  assert_line 'HOME="/mine"'
  bundle_edit '.process.user = {uid: 0, gid: 0} | .process.env[-1] = "HOME="'
  run_testinit getenv HOME
  assert_line 'HOME="/root"'
  rm "$BUNDLE/rootfs/etc/passwd"
  run_testinit getenv HOME
  assert_line 'HOME="/"'
}

@test "cwd: an existing directory, a missing one, one that only the user may enter" {
  bundle_edit '.process.cwd = "/usr/bin"'
  run_testinit cwd
  assert_line 'cwd="/usr/bin"'
  bundle_edit '.root.readonly = false | .process.cwd = "/new/deep/dir"'
  run_testinit cwd + statpath /new /new/deep /new/deep/dir
  assert_line 'cwd="/new/deep/dir"'
  for dir in /new /new/deep /new/deep/dir; do
    assert_match "^$dir type=dir mode=0755 uid=0 gid=0 "
  done
  mkdir -m 700 "$BUNDLE/rootfs/private"
  chown 1000:1000 "$BUNDLE/rootfs/private"
  bundle_edit '.process.cwd = "/private" | .process.user = {uid: 1000, gid: 1000}'
  run_testinit cwd
  assert_line 'cwd="/private"'
}

@test "cwd that only root may enter: entered before the user change" {
  mkdir -m 700 "$BUNDLE/rootfs/closed"
  bundle_edit '.process.cwd = "/closed" | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
  run_testinit cwd
  assert_line 'cwd="/closed"'
}

@test "the umask of the caller does not matter for a cwd that is made" {
  bundle_edit '.root.readonly = false | .process.cwd = "/made"'
  set_args testinit statpath /made
  run bash -c "umask 077; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_status 0
  assert_match '^/made type=dir mode=0755 '
}

# ---- ids ----

@test "uid, gid, additional groups" {
  bundle_edit '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 6, 4294967294]}'
  run_testinit ids
  assert_line 'uid ruid=1000 euid=1000 suid=1000'
  assert_line 'gid rgid=1001 egid=1001 sgid=1001'
  assert_line 'groups 5 6 4294967294'
  assert_match '^Uid:\s1000\s1000\s1000\s1000$'
  assert_match '^Gid:\s1001\s1001\s1001\s1001$'
}

@test "no additional groups: none, also when the caller has some" {
  set_args testinit ids
  run setpriv --groups 7,8,9 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_line groups
}

@test "no user: uid and gid 0" {
  bundle_edit 'del(.process.user)'
  run_testinit ids
  assert_line 'uid ruid=0 euid=0 suid=0'
}

@test "umask: 0022 when none is given, else what is given" {
  run_testinit status
  assert_match '^Umask:\s0022$'
  for mask in 0:0000 63:0077 511:0777 18:0022; do
    bundle_edit '.process.user.umask = $m' --argjson m "${mask%:*}"
    run_testinit status
    assert_match "^Umask:\s${mask#*:}$"
  done
}

@test "the umask of the caller does not reach the process" {
  set_args testinit status
  run bash -c "umask 0; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_match '^Umask:\s0022$'
}

# ---- capabilities ----

@test "capabilities: the default three, uid 0" {
  run_testinit caps
  assert_caps 0 20000420 20000420 20000420 0
}

@test "capabilities: no lists, no object, an empty object: none at all" {
  set_caps '{}'
  run_testinit caps
  assert_caps 0 0 0 0 0
  bundle_edit 'del(.process.capabilities)'
  run_testinit caps
  assert_caps 0 0 0 0 0
  set_caps '{"bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []}'
  run_testinit caps
  assert_caps 0 0 0 0 0
}

@test "capabilities: missing lists are empty lists (uid 0)" {
  set_caps '{"bounding": ["CAP_KILL"]}'
  run_testinit caps
  assert_caps 0 0 0 20 0
  # Without no_new_privs, root has after an exec what the bounding set leaves.
  bundle_edit '.process.noNewPrivileges = false'
  run_testinit caps
  assert_caps 0 20 20 20 0
  set_caps '{"permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}'
  run_testinit caps
  assert_caps 0 0 0 0 0
  # The kernel takes nothing into the inheritable set that the bounding set lacks.
  set_caps '{"inheritable": ["CAP_KILL"], "permitted": ["CAP_KILL"], "bounding": []}'
  run_testinit caps
  assert_caps 0 0 0 0 0
}

@test "capabilities: uid 1000, nothing ambient: bounding only" {
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  run_testinit caps
  assert_caps 0 0 0 20000420 0
  set_caps '{"bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"]}'
  run_testinit caps
  assert_caps 20 0 0 21 0
}

@test "capabilities: uid 1000 with ambient ones" {
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  set_caps '{"bounding": ["CAP_KILL", "CAP_NET_BIND_SERVICE"], "effective": ["CAP_NET_BIND_SERVICE"], "permitted": ["CAP_NET_BIND_SERVICE"],
    "inheritable": ["CAP_NET_BIND_SERVICE"], "ambient": ["CAP_NET_BIND_SERVICE"]}'
  run_testinit caps
  assert_caps 400 400 400 420 400
}

@test "capabilities: ambient without inheritable is a warning, not a leak" {
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  set_caps '{"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
  set_args testinit caps
  run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'level=warning'
  assert_has CAP_KILL
  output=$(grep ^Cap <<<"$output")
  assert_caps 0 0 0 20 0
}

@test "capabilities: a name that is not known is a warning, the others hold" {
  set_caps '{"bounding": ["CAP_KILL", "CAP_OF_THE_FUTURE", "cap_chown"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}'
  set_args testinit caps
  run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_has 'level=warning'
  assert_has CAP_OF_THE_FUTURE
  output=$(grep ^Cap <<<"$output")
  assert_caps 0 20 20 20 0
  run cof run --bundle "$BUNDLE" "$CID"
  assert_lacks warning
}

@test "capabilities: nothing of the caller's ambient and inheritable sets" {
  set_args testinit caps
  run setpriv --inh-caps +net_raw,+chown --ambient-caps +net_raw,+chown \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_caps 0 20000420 20000420 20000420 0
}

@test "capabilities work: chown with and without CAP_CHOWN" {
  bundle_edit '.root.readonly = false'
  set_args sh -c 'touch /tmp/f && chown 5:5 /tmp/f'
  run_bundle
  [ "$status" -ne 0 ]
  bundle_edit '.process.capabilities |= map_values(. + ["CAP_CHOWN"])'
  run_bundle
  assert_status 0
  assert_same owner 5:5 "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/f")"
}

@test "no_new_privs on and off" {
  run_testinit status
  assert_match '^NoNewPrivs:\s1$'
  bundle_edit '.process.noNewPrivileges = false'
  run_testinit status
  assert_match '^NoNewPrivs:\s0$'
  bundle_edit 'del(.process.noNewPrivileges)'
  run_testinit status
  assert_match '^NoNewPrivs:\s0$'
}

@test "no_new_privs has its effect on a set-user-ID program" {
  cp "$COFFER_TESTBIN/testinit" "$BUNDLE/rootfs/bin/suid"
  chmod 4755 "$BUNDLE/rootfs/bin/suid"
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  set_args sh -c 'exec /bin/suid ids'
  run_bundle
  assert_line 'uid ruid=1000 euid=1000 suid=1000'
  bundle_edit '.process.noNewPrivileges = false'
  run_bundle
  assert_line 'uid ruid=1000 euid=0 suid=0'
}

# ---- limits ----

@test "rlimits: exact values of every type" {
  bundle_edit '.process.rlimits = [
    {type: "RLIMIT_CPU", soft: 1000, hard: 2000}, {type: "RLIMIT_FSIZE", soft: 123456789, hard: 18446744073709551615},
    {type: "RLIMIT_DATA", soft: 1073741824, hard: 2147483648}, {type: "RLIMIT_STACK", soft: 4194304, hard: 8388608},
    {type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_RSS", soft: 5, hard: 6},
    {type: "RLIMIT_NPROC", soft: 500, hard: 501}, {type: "RLIMIT_NOFILE", soft: 100, hard: 200},
    {type: "RLIMIT_MEMLOCK", soft: 4096, hard: 8192}, {type: "RLIMIT_AS", soft: 9223372036854775807, hard: 18446744073709551615},
    {type: "RLIMIT_LOCKS", soft: 7, hard: 8}, {type: "RLIMIT_SIGPENDING", soft: 9, hard: 10},
    {type: "RLIMIT_MSGQUEUE", soft: 11, hard: 12}, {type: "RLIMIT_NICE", soft: 0, hard: 0},
    {type: "RLIMIT_RTPRIO", soft: 0, hard: 0}, {type: "RLIMIT_RTTIME", soft: 13, hard: 14}]'
  set_args testinit rlimits
  # jq rounds these.
  sed -i 's/18446744073709552000/18446744073709551615/; s/9223372036854776000/9223372036854775807/' "$BUNDLE/config.json"
  run_bundle
  assert_status 0
  assert_rlimit RLIMIT_CPU 1000 2000
  assert_rlimit RLIMIT_FSIZE 123456789 unlimited
  assert_rlimit RLIMIT_DATA 1073741824 2147483648
  assert_rlimit RLIMIT_STACK 4194304 8388608
  assert_rlimit RLIMIT_CORE 0 0
  assert_rlimit RLIMIT_RSS 5 6
  assert_rlimit RLIMIT_NPROC 500 501
  assert_rlimit RLIMIT_NOFILE 100 200
  assert_rlimit RLIMIT_MEMLOCK 4096 8192
  assert_rlimit RLIMIT_AS 9223372036854775807 unlimited
  assert_rlimit RLIMIT_LOCKS 7 8
  assert_rlimit RLIMIT_SIGPENDING 9 10
  assert_rlimit RLIMIT_MSGQUEUE 11 12
  assert_rlimit RLIMIT_NICE 0 0
  assert_rlimit RLIMIT_RTPRIO 0 0
  assert_rlimit RLIMIT_RTTIME 13 14
}

@test "rlimits: numbers of descriptors that are too low for the runtime itself" {
  for n in 3 1 0; do
    bundle_edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: $n, hard: $n}]' --argjson n "$n"
    run_testinit rlimits
    assert_rlimit RLIMIT_NOFILE "$n" "$n"
  done
  setup_userns_bundle
  bundle_edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1, hard: 1}, {type: "RLIMIT_FSIZE", soft: 0, hard: 0}]'
  run_testinit rlimits
  assert_rlimit RLIMIT_NOFILE 1 1
  assert_rlimit RLIMIT_FSIZE 0 0
}

@test "rlimits: create and start with low limits" {
  bundle_edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1, hard: 1}, {type: "RLIMIT_FSIZE", soft: 0, hard: 0}, {type: "RLIMIT_NPROC", soft: 1, hard: 1}]'
  set_args testinit rlimits + exit 0
  cof create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out"
  cof start "$CID"
  wait_for 5 status_is "$CID" stopped
}

@test "rlimits: those that are not listed are the caller's" {
  bundle_edit '.process.rlimits = []'
  set_args testinit rlimits
  run prlimit --nofile=77:99 --locks=5:6 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  assert_rlimit RLIMIT_NOFILE 77 99
  assert_rlimit RLIMIT_LOCKS 5 6
}

@test "rlimits: above the hard limit without the privilege is an error that names the entry" {
  if capsh --has-p=cap_sys_resource 2>/dev/null; then skip 'CAP_SYS_RESOURCE is there'; fi
  bundle_edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: 1000000}]'
  run_bundle
  assert_status 1
  assert_has 'process.rlimits[0]'
  assert_has 'operation not permitted'
}

@test "oomScoreAdj: set, and left alone when absent" {
  bundle_edit '.process.oomScoreAdj = 500'
  run_testinit oom
  assert_line 500
  bundle_edit '.process.oomScoreAdj = 1000'
  run_testinit oom
  assert_line 1000
  bundle_edit 'del(.process.oomScoreAdj)'
  set_args testinit oom
  run bash -c "echo 123 >/proc/self/oom_score_adj; exec '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_status 0
  assert_line 123
}

@test "oomScoreAdj in a user namespace" {
  setup_userns_bundle
  bundle_edit '.process.oomScoreAdj = 321'
  run_testinit oom
  assert_line 321
}

# ---- scheduling ----

@test "scheduler: batch, idle, other with nice" {
  bundle_edit '.process.scheduler = {policy: "SCHED_BATCH", nice: 7}'
  run_testinit sched
  assert_match '^sched policy=3 flags=0 nice=7 '
  bundle_edit '.process.scheduler = {policy: "SCHED_IDLE"}'
  run_testinit sched
  assert_match '^sched policy=5 '
  bundle_edit '.process.scheduler = {policy: "SCHED_OTHER", nice: 19, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
  run_testinit sched
  assert_match '^sched policy=0 flags=1 nice=19 '
}

@test "scheduler: flags have their effect" {
  bundle_edit '.process.scheduler = {policy: "SCHED_BATCH", flags: ["SCHED_FLAG_KEEP_POLICY"]}'
  run_testinit sched
  assert_match '^sched policy=0 '
  bundle_edit '.process.scheduler = {policy: "SCHED_OTHER", nice: 7, flags: ["SCHED_FLAG_KEEP_PARAMS"]}'
  run_testinit sched
  assert_match "^sched policy=0 flags=0 nice=$(nice) "
  # The configuration has no values for clamps: they are zero, or the kernel has none.
  local flag
  for flag in SCHED_FLAG_UTIL_CLAMP_MIN SCHED_FLAG_UTIL_CLAMP_MAX; do
    bundle_edit '.process.scheduler = {policy: "SCHED_OTHER", flags: [$f]}' --arg f "$flag"
    set_args testinit sched
    run_bundle
    [ "$status" -eq 0 ] || assert_has process.scheduler
  done
}

realtime() { # a policy of real time needs a budget of its own on v1
  bundle_edit 'del(.linux.resources)'
  [ ! -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] || bundle_edit '.linux.resources.cpu = {realtimeRuntime: 10000, realtimePeriod: 1000000}'
}

@test "scheduler: real-time policies" {
  chrt -f 1 true 2>/dev/null || skip 'real-time policies are not permitted here'
  realtime
  bundle_edit '.process.scheduler = {policy: "SCHED_FIFO", priority: 3}'
  run_testinit sched
  assert_match '^sched policy=1 .* priority=3 '
  bundle_edit '.process.scheduler = {policy: "SCHED_RR", priority: 99, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
  run_testinit sched
  assert_match '^sched policy=2 flags=1 .* priority=99 '
}

@test "scheduler: deadline, with its three times and its flags" {
  chrt -d --sched-runtime 1000000 --sched-deadline 5000000 --sched-period 10000000 0 true 2>/dev/null ||
    skip 'deadlines are not permitted here'
  realtime
  local row
  for row in '[]:0' '["SCHED_FLAG_RECLAIM"]:2' '["SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_RESET_ON_FORK"]:5'; do
    bundle_edit '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 2000000, deadline: 5000000, period: 10000000, flags: $f}' --argjson f "${row%:*}"
    run_testinit sched
    assert_match "^sched policy=6 flags=${row##*:} nice=0 priority=0 runtime=2000000 deadline=5000000 period=10000000\$"
  done
  # What the kernel refuses is said, and nothing is left.
  bundle_edit '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 5000000, deadline: 2000000, period: 10000000}'
  run_bundle
  assert_status 1
  assert_has process.scheduler
}

@test "what is for Windows is ignored: commandLine, username" {
  bundle_edit '.process.commandLine = "false" | .process.user.username = "nobody"'
  run_testinit ids
  assert_line 'uid ruid=0 euid=0 suid=0'
  # And it is no substitute for args.
  bundle_edit 'del(.process.args)'
  run_bundle
  assert_status 1
  assert_has 'args must not be empty'
}

# What takes privileges of the host: a container may have it although its own root has none of them.
privileged_scheduling() { # privileged_scheduling COMMAND...: runs it for each kind; it prints `testinit sched + ioprio`
  chrt -f 1 true 2>/dev/null || skip 'real-time policies are not permitted here'
  bundle_edit '.process.scheduler = {policy: "SCHED_OTHER", nice: -7} | .process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 2}'
  "$@"
  assert_match '^sched policy=0 flags=0 nice=-7 '
  assert_line 'ioprio class=1 data=2'
  bundle_edit 'del(.process.ioPriority) | .process.scheduler = {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 20000000, period: 20000000}'
  "$@"
  assert_match '^sched policy=6 flags=0 .* runtime=1000000 deadline=20000000 period=20000000'
  bundle_edit '.process.scheduler = {policy: "SCHED_RR", priority: 9, flags: ["SCHED_FLAG_RESET_ON_FORK"]} | .linux.resources = {}'
  if [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]; then
    bundle_edit '.linux.resources.cpu = {realtimeRuntime: 10000, realtimePeriod: 1000000}'
  fi
  "$@"
  assert_match '^sched policy=2 flags=1 .* priority=9 '
}

created_sched() { # by create and start
  set_args testinit sched + ioprio
  cof create --bundle "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" </dev/null
  cof start "$CID"
  wait_for 5 status_is "$CID" stopped
  output=$(cat "$BATS_TEST_TMPDIR/out")
  cof delete "$CID"
}

entered_sched() { # by exec, with the scheduler of the container
  set_args testinit sleep
  start_bundle
  run cof exec "$CID" testinit sched + ioprio
  assert_status 0
  cof delete --force "$CID"
}

@test "scheduler and I/O priority that take the privileges of the host" {
  privileged_scheduling run_testinit sched + ioprio
}

@test "scheduler and I/O priority that take the privileges of the host, in a user namespace" {
  setup_userns_bundle
  privileged_scheduling run_testinit sched + ioprio
}

@test "scheduler and I/O priority that take the privileges of the host, in a user namespace, by create and start" {
  setup_userns_bundle
  privileged_scheduling created_sched
}

@test "scheduler and I/O priority of a further process" {
  privileged_scheduling entered_sched
}

@test "scheduler and I/O priority of a further process in a user namespace" {
  setup_userns_bundle
  privileged_scheduling entered_sched
}

@test "scheduler: of a process that appears in a joined pid namespace" {
  local first=$CID pid
  set_args testinit sleep
  start_bundle
  pid=$PID
  setup_bundle second
  CID=$first-second
  bundle_edit '(.linux.namespaces[] | select(.type == "pid")).path = $p' --arg p "/proc/$pid/ns/pid"
  privileged_scheduling run_testinit sched + ioprio
}

without_nice() { # without_nice PROPERTY VALUE: refused by its name, with the reason
  bundle_edit ".process.$1 = $2"
  run setpriv --bounding-set -sys_nice --inh-caps -sys_nice \
    "$COFFER" --log-format json --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  if grep -q cpuset <<<"$output"; then skip 'moving a process between cpusets of cgroup v1 takes CAP_SYS_NICE itself'; fi
  assert_status 1
  assert_has "process.$1"
  assert_has 'CAP_SYS_NICE on the host'
}

@test "scheduler that the caller may not give: refused by name, with the reason" {
  without_nice scheduler '{policy: "SCHED_OTHER", nice: -7}'
}

@test "scheduler and I/O priority that the caller may not give, in a user namespace" {
  setup_userns_bundle
  without_nice scheduler '{policy: "SCHED_OTHER", nice: -7}'
  bundle_edit 'del(.process.scheduler)'
  without_nice ioPriority '{class: "IOPRIO_CLASS_RT", priority: 0}'
}

@test "ioPriority" {
  for row in 'IOPRIO_CLASS_BE 5 2' 'IOPRIO_CLASS_IDLE 0 3' 'IOPRIO_CLASS_RT 0 1'; do
    read -r class priority number <<<"$row"
    bundle_edit '.process.ioPriority = {class: $c, priority: $p}' --arg c "$class" --argjson p "$priority"
    run_testinit ioprio
    assert_line "ioprio class=$number data=$priority"
  done
}

@test "personality LINUX32 and LINUX" {
  bundle_edit '.linux.personality = {domain: "LINUX32"}'
  run_testinit personality
  assert_line 'personality=0x8'
  assert_match '^machine=i[3-6]86$|^machine=armv8l$'
  bundle_edit '.linux.personality = {domain: "LINUX"}'
  run setarch --addr-no-randomize "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_line 'personality=0x0'
}

@test "memoryPolicy" {
  "$COFFER_TESTBIN/testinit" mempolicy | grep -q 'mode=' || skip 'the kernel has no NUMA memory policies'
  bundle_edit '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
  run_testinit mempolicy
  assert_line 'mempolicy mode=2 flags=0x0 nodes=0x1'
  bundle_edit '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
  run_testinit mempolicy
  assert_line 'mempolicy mode=3 flags=0x8000 nodes=0x1'
  # No nodes with MPOL_PREFERRED: those of the CPU at hand, which the kernel calls local.
  bundle_edit '.linux.memoryPolicy = {mode: "MPOL_PREFERRED", nodes: ""}'
  run_testinit mempolicy
  assert_match '^mempolicy mode=[14] flags=0x0 nodes=0x0$'
}

# ---- signals ----

@test "no signal is blocked, ignored or pending, whatever the caller does" {
  set_args testinit status
  run python3 - "$COFFER" "$ROOT" "$BUNDLE" "$CID" <<'END'
import os, signal, sys
for s in (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD):
    signal.signal(s, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2, signal.SIGRTMIN + 5, signal.SIGCHLD})
os.execv(sys.argv[1], [sys.argv[1], '--root', sys.argv[2], 'run', '--bundle', sys.argv[3], sys.argv[4]])
END
  assert_status 0
  for name in SigPnd ShdPnd SigBlk SigIgn SigCgt; do
    assert_match "^$name:\s0000000000000000$"
  done
}

@test "the same by create and start" {
  set_args testinit status + sleep
  python3 - "$COFFER" "$ROOT" "$BUNDLE" "$CID" >"$BATS_TEST_TMPDIR/out" <<'END'
import signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
base = [sys.argv[1], '--root', sys.argv[2]]
subprocess.check_call(base + ['create', '--bundle', sys.argv[3], sys.argv[4]], restore_signals=False)
subprocess.check_call(base + ['start', sys.argv[4]], restore_signals=False)
END
  wait_for 5 grep -q sleeping "$BATS_TEST_TMPDIR/out"
  output=$(cat "$BATS_TEST_TMPDIR/out")
  for name in SigPnd ShdPnd SigBlk SigIgn; do
    assert_match "^$name:\s0000000000000000$"
  done
}

@test "only the descriptors 0, 1, 2 are open, whatever the caller left open" {
  set_args testinit fds
  run bash -c "exec 5</etc/passwd 7</ 9<>/dev/null; '$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID"
  assert_status 0
  assert_same descriptors '0 1 2' "$(awk '/^fd / { printf "%s%s", sep, $2; sep = " " }' <<<"$output")"
}

@test "streams that the caller closed are the null device" {
  set_args testinit fds
  run bash -c "'$COFFER' --root '$ROOT' run --bundle '$BUNDLE' $CID <&-"
  assert_status 0
  assert_match '^fd 0 .* "/dev/null"$'
}

@test "pid 1, session leader, no controlling terminal" {
  run_script 'cut -d" " -f1,4,5,6,7 /proc/self/stat; cut -d" " -f1,4,5,6,7 /proc/1/stat'
  assert_match '^1 0 1 1 0$'
}

@test "a session keyring of its own, or the caller's on request" {
  run_testinit keyring
  assert_match "^keyring=keyring;0;0;[0-9a-f]+;_ses\.$CID$"
  set_args testinit keyring
  run_bundle --no-new-keyring
  assert_lacks "_ses.$CID"
}
