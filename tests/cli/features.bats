#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# `coffer features`: it fits the schema, and everything that it promises works on this host. A word that is
# advertised and has no row here is a failure.

load helpers

setup() {
  requires root
  setup_bundle
  "$COFFER" features >"$BATS_TEST_TMPDIR/features"
}
teardown() { teardown_bundle; }

advertised() { jq -r "$1 // [] | .[]" "$BATS_TEST_TMPDIR/features"; }

@test "state and features fit their schemas" {
  set_args sleep 100
  det create --bundle "$BUNDLE" "$CID"
  cof state "$CID" >"$BATS_TEST_TMPDIR/state.json"
  local dir=$BATS_TEST_DIRNAME/../../libocispec/schema
  [ -d "$dir" ] || skip 'the schemas are not here'
  python3 - "$dir/features.json" features "$BATS_TEST_TMPDIR/features" "$dir/state.json" state "$BATS_TEST_TMPDIR/state.json" <<'END'
import json, re, sys

OURS = {'state': {'rootfs', 'created', 'owner'}, 'features': set()}  # "The state MAY include additional properties."


def check(types, kind, value, path):
    kind = kind.split()[0].rstrip('!')
    if kind[0] in '[{':
        inner = kind[1:-1]
        assert isinstance(value, list if kind[0] == '[' else dict), path
        for key in value if kind[0] == '{' else range(len(value)):
            check(types, inner, value[key], '%s[%s]' % (path, key))
    elif kind in types:
        assert isinstance(value, dict), path
        unknown = set(value) - set(types[kind]) - OURS.get(path, set())
        assert not unknown, '%s has %s' % (path, unknown)
        for key, inner in types[kind].items():
            if key == '#':
                continue
            assert key in value or not inner.endswith('!'), '%s has no %s' % (path, key)
            # null would say that nobody knows.
            if key in value:
                check(types, inner, value[key], path + '.' + key)
    else:
        wanted = {'string': str, 'bool': bool}.get(kind, int)
        assert type(value) is wanted, '%s is no %s' % (path, kind)


for schema, root, document in zip(*[iter(sys.argv[1:])] * 3):
    types = json.load(open(schema))['types']
    check(types, root, json.load(open(document)), root)
END
}

@test "both versions are accepted as ociVersion" {
  for version in $(jq -r '.ociVersionMin, .ociVersionMax' "$BATS_TEST_TMPDIR/features"); do
    bundle_edit '.ociVersion = $v' --arg v "$version"
    run_bundle
    assert_status 0
  done
  # Max is not below Min.
  jq -r '.ociVersionMin, .ociVersionMax' "$BATS_TEST_TMPDIR/features" | sort --check --version-sort
}

# ---- mount options ----

# Rows: option | options of the mount | a word at the mount | no word | a word at the mount below | no word there.
# Without `bind` or `rbind` it is a tmpfs. A word is a mount option, an optional field, or an option of the file system.
OPTION_ROWS='
async|sync,async||sync
atime|noatime,atime|relatime|noatime
bind|bind|rw
copy-symlink|
defaults|defaults|rw
dest-nofollow|
dev|nodev,dev||nodev
diratime|nodiratime,diratime||nodiratime
dirsync|dirsync|dirsync
exec|noexec,exec||noexec
idmap|bind,idmap|idmapped
iversion|iversion|rw
lazytime|lazytime|lazytime
loud|silent,loud|rw
mand|mand|rw
noatime|noatime|noatime
nodev|nodev|nodev
nodiratime|nodiratime|nodiratime
noexec|noexec|noexec
noiversion|iversion,noiversion|rw
nolazytime|lazytime,nolazytime||lazytime
nomand|mand,nomand|rw
norelatime|norelatime|rw
nostrictatime|strictatime,nostrictatime|relatime
nosuid|nosuid|nosuid
nosymfollow|nosymfollow|nosymfollow
private|shared,private||shared
ratime|rbind,rnoatime,ratime|relatime|noatime|relatime|noatime
rbind|rbind|rw||rw
rdev|rbind,rnodev,rdev||nodev|rw|nodev
rdiratime|rbind,rnodiratime,rdiratime||nodiratime|rw|nodiratime
relatime|strictatime,relatime|relatime
remount|remount,ro|ro
rexec|rbind,rnoexec,rexec||noexec|rw|noexec
ridmap|rbind,ridmap|idmapped||idmapped
rnoatime|rbind,rnoatime|noatime||noatime
rnodev|rbind,rnodev|nodev||nodev
rnodiratime|rbind,rnodiratime|nodiratime||nodiratime
rnoexec|rbind,rnoexec|noexec||noexec
rnorelatime|rbind,rnorelatime|rw||rw
rnostrictatime|rbind,rstrictatime,rnostrictatime|relatime||relatime
rnosuid|rbind,rnosuid|nosuid||nosuid
rnosymfollow|rbind,rnosymfollow|nosymfollow||nosymfollow
ro|ro|ro
rprivate|rbind,rprivate||shared master|rw|shared master
rrelatime|rbind,rstrictatime,rrelatime|relatime||relatime
rro|rbind,rro|ro||ro
rrw|rbind,rro,rrw|rw|ro|rw|ro
rshared|rbind,rshared|shared||shared
rslave|rbind,rslave|master||master
rstrictatime|rbind,rstrictatime|rw|relatime|rw|relatime
rsuid|rbind,rnosuid,rsuid||nosuid|rw|nosuid
rsymfollow|rbind,rnosymfollow,rsymfollow||nosymfollow|rw|nosymfollow
runbindable|rbind,runbindable|unbindable||unbindable
rw|ro,rw|rw
shared|shared|shared
silent|silent|rw
slave|bind,slave|master
src-nofollow|
strictatime|strictatime|rw|relatime
suid|nosuid,suid||nosuid
symfollow|nosymfollow,symfollow||nosymfollow
sync|sync|sync
tmpcopyup|
unbindable|unbindable|unbindable'

# Four words have an effect that mountinfo does not show.
check_special() {
  local src=$BATS_TEST_TMPDIR/special root=$BUNDLE/rootfs
  mkdir -p "$src" "$root/copyup" "$root/m"
  echo host >"$src/file"
  echo image | tee "$root/copyup/kept" "$root/target" >"$root/target2"
  ln -s "$src/file" "$src/link"
  ln -s target "$root/dest"
  bundle_edit '.root.readonly = false | .mounts += [
    {destination: "/m/copy-symlink", type: "none", source: ($s + "/link"), options: ["bind", "copy-symlink"]},
    {destination: "/copyup", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]},
    {destination: "/dest", type: "none", source: ($s + "/file"), options: ["bind", "dest-nofollow"]},
    {destination: "/target2", type: "none", source: ($s + "/file"), options: ["bind", "src-nofollow"]}]' --arg s "$src"
  run_script 'readlink /m/copy-symlink; cat /copyup/kept /target /target2'
  assert_same 'copy-symlink, tmpcopyup, dest-nofollow, src-nofollow of a file' "$src/file image image host" "$(echo $output)"
  bundle_edit '(.mounts[] | select(.destination == "/target2")).source = $s' --arg s "$src/link"
  run_bundle
  assert_status 1
  assert_has 'too many levels of symbolic links'
}

@test "every advertised mount option works here" {
  local option row opts n=0 src=$BATS_TEST_TMPDIR/src
  local -A rows
  while IFS='|' read -r option row; do
    [ -z "$option" ] || rows[$option]=$row
  done <<<"$OPTION_ROWS"
  mkdir -p "$src/sub" "$BUNDLE/rootfs/m"
  # A shared mount with another one below, in a mount namespace of its own.
  unshare --mount --propagation private sleep 600 3>&- >/dev/null 2>&1 &
  local holder=$! mine
  background "$holder"
  mine=$(readlink /proc/self/ns/mnt)
  wait_for 5 eval "[ -n \"\$(readlink /proc/$holder/ns/mnt)\" ] && [ \"\$(readlink /proc/$holder/ns/mnt)\" != '$mine' ]"
  nsenter -t "$holder" -m sh -c "mount -t tmpfs -o relatime top '$src' && mkdir '$src/sub' && mount -t tmpfs -o relatime below '$src/sub' && mount --make-rshared '$src'"
  for option in $(advertised .mountOptions); do
    [ -n "${rows[$option]+there}" ] || { echo "advertised, and no row for it: $option"; return 1; }
    opts=${rows[$option]%%|*}
    case $option in
      copy-symlink | dest-nofollow | src-nofollow | tmpcopyup) continue ;; # check_special
    esac
    [ -n "$opts" ] || { echo "an empty row: $option"; return 1; }
    n=$((n + 1))
    [ "$option" != remount ] || bundle_edit '.mounts += [{destination: "/m/remount", type: "tmpfs", source: "tmpfs"}]'
    bundle_edit '($o | split(",")) as $words | .mounts += [{destination: ("/m/" + $n), options: $words} +
      if $words[0] == "bind" or $words[0] == "rbind" then {type: "none", source: $s} else {type: "tmpfs", source: "tmpfs"} end +
      if $words[1] // "" | test("idmap") then {uidMappings: [{containerID: 0, hostID: 100000, size: 65536}],
        gidMappings: [{containerID: 0, hostID: 100000, size: 65536}]} else {} end]' --arg n "$option" --arg o "$opts" --arg s "$src"
  done
  [ "$n" -ge 50 ]
  bundle_edit '.root.readonly = false'
  set_args cat /proc/self/mountinfo
  run nsenter -t "$holder" -m timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  assert_status 0
  printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/mountinfo"
  export OPTION_ROWS
  python3 - "$BATS_TEST_TMPDIR/features" "$BATS_TEST_TMPDIR/mountinfo" <<'END'
import json, os, sys

seen = {}
for line in open(sys.argv[2]):
    head, _, tail = line.partition(' - ')
    words = head.split()
    seen[words[4]] = set(words[5].split(',')) | {w.split(':')[0] for w in words[6:]} | set(tail.split()[2].split(',')) - {'rw', 'ro'}
bad = []
rows = dict(r.split('|', 1) for r in os.environ['OPTION_ROWS'].split('\n') if r)
for option in json.load(open(sys.argv[1]))['mountOptions']:
    cells = (rows[option].split('|') + [''] * 5)[:5]
    if not cells[0]:
        continue
    for path, has, lacks in ('/m/' + option, cells[1], cells[2]), ('/m/%s/sub' % option, cells[3], cells[4]):
        if path not in seen:
            if has or path == '/m/' + option:
                bad.append('%s: nothing at %s' % (option, path))
            continue
        if path.endswith('/sub') and not cells[0].startswith('rbind'):
            bad.append('%s: the mount below came along' % option)
        bad += ['%s: no `%s` at %s: %s' % (option, w, path, ','.join(sorted(seen[path]))) for w in has.split() if w not in seen[path]]
        bad += ['%s: `%s` at %s' % (option, w, path) for w in lacks.split() if w in seen[path]]
print('\n'.join(bad))
sys.exit(bool(bad))
END
  setup_bundle special
  check_special
}

# ---- hooks, namespaces, capabilities ----

@test "every advertised hook is called" {
  local hook path log=$BUNDLE/rootfs/log
  bundle_edit '.root.readonly = false'
  for hook in $(advertised .hooks); do
    path=$log
    [ "$hook" != startContainer ] || path=/log
    bundle_edit '.hooks[$h] = [{path: "/bin/sh", args: ["sh", "-c", ("echo " + $h + " >>" + $p)]}]' --arg h "$hook" --arg p "$path"
  done
  run_bundle
  assert_status 0
  assert_same 'what was called' "$(advertised .hooks)" "$(cat "$log")"
}

@test "every advertised namespace is made and joined" {
  local kind file listed='[]' holder names=()
  unshare --mount --propagation private --net --ipc --uts --cgroup --pid --fork --time --kill-child sleep 600 3>&- >/dev/null 2>&1 &
  holder=$!
  background "$holder"
  for kind in $(advertised .linux.namespaces); do
    case $kind in
      cgroup | ipc | pid | time | user | uts) file=$kind ;;
      mount) file=mnt ;;
      network) file=net ;;
      *) echo "no row for $kind"; return 1 ;;
    esac
    [ -e "/proc/self/ns/$file" ] || skip "the kernel has no $kind namespaces"
    names+=("$file")
    listed=$(jq -c '. + [{type: $k}]' --arg k "$kind" <<<"$listed")
  done
  setup_userns_bundle all
  bundle_edit '.linux.namespaces = $l' --argjson l "$listed"
  run_script 'for f in '"${names[*]}"'; do echo $f=$(readlink /proc/self/ns/$f); done'
  for file in "${names[@]}"; do
    assert_has "$file=$file:["
    assert_lacks "=$(readlink "/proc/self/ns/$file")"
  done
  wait_for 5 eval "[ \"\$(readlink /proc/$holder/ns/pid_for_children)\" != \"\$(readlink /proc/self/ns/pid)\" ]"
  setup_bundle join
  for kind in $(advertised .linux.namespaces); do
    # Ours may not be entered once more; and without a mount namespace of its own the container has no mounts.
    case $kind in user | mount) continue ;; network) file=net ;; pid | time) file=${kind}_for_children ;; *) file=$kind ;; esac
    bundle_edit '.linux.namespaces |= (map(select(.type != $k)) + [{type: $k, path: $p}]) | del(.hostname, .domainname, .linux.sysctl)' \
      --arg k "$kind" --arg p "/proc/$holder/ns/$file"
    run_script "readlink /proc/self/ns/${file%_for_children}"
    assert_same "$kind" "$(readlink "/proc/$holder/ns/$file")" "$output"
  done
}

@test "every advertised capability is given" {
  bundle_edit '.process.capabilities = ({} | .bounding = $c | .permitted = $c | .effective = $c | .inheritable = $c | .ambient = $c)' \
    --argjson c "$(jq -c .linux.capabilities "$BATS_TEST_TMPDIR/features")"
  set_args grep '^Cap' /proc/self/status
  run cof --log-level warning run --bundle "$BUNDLE" "$CID"
  assert_status 0
  local own last set
  own=$((16#$(awk '/^CapBnd/ { print $2 }' /proc/self/status)))
  last=$(cat /proc/sys/kernel/cap_last_cap)
  assert_same 'as many names as the kernel has' $((last + 1)) "$(advertised .linux.capabilities | wc -l)"
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    assert_same "$set" "$(printf '%016x' "$own")" "$(printf '%s\n' "$output" | awk -v s="$set:" '$1 == s { print $2 }')"
  done
  # What this host does not give is said.
  [ "$own" = $(((1 << (last + 1)) - 1)) ] || assert_has warning
}

# ---- seccomp ----

seccomp_with() { bundle_edit '.linux.seccomp = $s' --argjson s "$1"; }

@test "every advertised seccomp action, operator, architecture and flag works" {
  requires seccomp
  local word wanted answer
  for word in $(advertised .linux.seccomp.actions); do
    case ${word#SCMP_ACT_} in
      KILL | KILL_THREAD | KILL_PROCESS | TRAP) wanted=SIGNAL31 ;;
      LOG | ALLOW) wanted=OK ;;
      ERRNO) wanted=EPERM ;;
      TRACE) wanted=ENOSYS ;;
      NOTIFY) continue ;; # needs somebody who answers: it has a file of its own
      *) echo "no row for $word"; return 1 ;;
    esac
    seccomp_with "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mkdirat\"], \"action\": \"$word\"}]}"
    run_testinit syscall mkdirat
    assert_line "mkdirat=$wanted"
  done
  for word in $(advertised .linux.seccomp.operators); do
    # getpid with 4, 5 and 6 in an argument that it does not have, compared with 5 (of MASKED_EQ the mask: the left bit is 4).
    case ${word#SCMP_CMP_} in
      NE) wanted='x - x' ;; LT) wanted='x - -' ;; LE) wanted='x x -' ;; EQ) wanted='- x -' ;;
      GE) wanted='- x x' ;; GT) wanted='- - x' ;; MASKED_EQ) wanted='x - x' ;;
      *) echo "no row for $word"; return 1 ;;
    esac
    seccomp_with '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71,
      "args": [{"index": 2, "value": 5, "valueTwo": 4, "op": "'"$word"'"}]}]}'
    number=$(python3 -c 'import platform; print({"x86_64": 39}.get(platform.machine(), 172))')
    run_testinit syscall-nr "$number" 0 0 4 + syscall-nr "$number" 0 0 5 + syscall-nr "$number" 0 0 6
    answer=$(echo $output | sed 's/syscall=EPROTO/x/g; s/syscall=OK/-/g')
    assert_same "$word" "$wanted" "$answer"
  done
  for word in $(advertised .linux.seccomp.archs); do
    seccomp_with "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_$(uname -m | tr a-z A-Z)\", \"$word\"],
      \"syscalls\": [{\"names\": [\"mkdirat\"], \"action\": \"SCMP_ACT_ERRNO\"}]}"
    run_testinit syscall mkdirat getpid
    assert_line mkdirat=EPERM
    assert_line getpid=OK
  done
  jq -e '.linux.seccomp | .supportedFlags - .knownFlags == []' "$BATS_TEST_TMPDIR/features" >/dev/null
  for word in $(advertised .linux.seccomp.knownFlags); do
    case ${word#SECCOMP_FILTER_FLAG_} in
      TSYNC | LOG | SPEC_ALLOW | WAIT_KILLABLE_RECV) ;;
      *) echo "no row for $word"; return 1 ;;
    esac
    seccomp_with "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"$word\"], \"syscalls\": [{\"names\": [\"mkdirat\"], \"action\": \"SCMP_ACT_ERRNO\"}]}"
    set_args testinit syscall mkdirat
    run_bundle
    if jq -e '.linux.seccomp.supportedFlags | index($f)' --arg f "$word" "$BATS_TEST_TMPDIR/features" >/dev/null; then
      assert_line mkdirat=EPERM
    else
      # Known, but not to this kernel.
      assert_status 1
      assert_has "$word"
      assert_lacks unknown
    fi
  done
}

# ---- the rest ----

@test "every advertised memory policy works" {
  "$COFFER_TESTBIN/testinit" mempolicy | grep -q 'mode=' || skip 'the kernel has no NUMA memory policies'
  local word number
  for word in $(advertised .linux.memoryPolicy.modes); do
    case ${word#MPOL_} in
      DEFAULT) number=0 nodes='' ;; PREFERRED) number=1 nodes=0 ;; BIND) number=2 nodes=0 ;; INTERLEAVE) number=3 nodes=0 ;;
      LOCAL) number=4 nodes='' ;; PREFERRED_MANY) number=5 nodes=0 ;; WEIGHTED_INTERLEAVE) number=6 nodes=0 ;;
      *) echo "no row for $word"; return 1 ;;
    esac
    bundle_edit '.linux.memoryPolicy = {mode: $m, nodes: $n}' --arg m "$word" --arg n "$nodes"
    set_args testinit mempolicy
    run_bundle
    if [ "$word" = MPOL_WEIGHTED_INTERLEAVE ] && [ "$status" != 0 ]; then
      assert_has 'invalid argument' # before Linux 6.9
    else
      assert_match "^mempolicy mode=$number "
    fi
  done
  for word in $(advertised .linux.memoryPolicy.flags); do
    case ${word#MPOL_F_} in
      STATIC_NODES) number=0x8000 ;; RELATIVE_NODES) number=0x4000 ;; NUMA_BALANCING) number=0x2000 ;;
      *) echo "no row for $word"; return 1 ;;
    esac
    bundle_edit '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: [$f]}' --arg f "$word"
    set_args testinit mempolicy
    run_bundle
    if [ "$word" = MPOL_F_NUMA_BALANCING ] && [ "$status" != 0 ]; then
      assert_has 'linux.memoryPolicy' # a kernel without CONFIG_NUMA_BALANCING
    else
      assert_has "flags=$number"
    fi
  done
}

# What is said to be there or not, by path: the files whose tests show it where a host has it (`no`: without it).
SWITCH_ROWS='
linux.cgroup.v1|cli/cgroups.bats: v1|
linux.cgroup.v2|cli/cgroups.bats: v2: default path|
linux.cgroup.systemd|vm/systemd.bats: default name|cli/cgroups.bats: systemd where there is none
linux.cgroup.systemdUser|vm/rootless.bats: a scope of the user manager|cli/cgroups.bats: systemd where there is none
linux.cgroup.rdma|vm/resources.bats: RDMA|
linux.seccomp.enabled|cli/seccomp.bats: the filter is there|
linux.apparmor.enabled|vm/apparmor.bats: the profile is on the process|
linux.selinux.enabled|vm/selinux.bats: the label is on the process|
linux.intelRdt.enabled|unit/test-rdt.c: a_class_of_its_own|
linux.intelRdt.schemata|unit/test-rdt.c: order_of_writes|
linux.intelRdt.monitoring|unit/test-rdt.c: mon_groups|
linux.mountExtensions.idmap.enabled|cli/idmap.bats: @test|
linux.netDevices.enabled|cli/netdev.bats: moved, renamed, up|'

@test "every switch has tests, and nothing is left unsaid" {
  local path value yes no file text all=
  while IFS='|' read -r path yes no; do
    [ -n "$path" ] || continue
    all+=$path$'\n'
    value=$(jq -r --arg p "$path" 'getpath($p | split(".")) | tostring' "$BATS_TEST_TMPDIR/features")
    case $value in
      true) yes=$yes ;;
      false) yes=$no; [ -n "$no" ] || continue ;;
      *) echo "$path: $value"; return 1 ;;
    esac
    file=${yes%%: *} text=${yes#*: }
    grep -qF -- "$text" "$BATS_TEST_DIRNAME/../$file" || { echo "$path: no test \`$text\` in $file"; return 1; }
  done <<<"$SWITCH_ROWS"
  assert_same switches "$(sort <<<"$all" | grep .)" "$(jq -r 'paths(booleans) | join(".")' "$BATS_TEST_TMPDIR/features" | sort)"
  # Seccomp is the one whose switch depends on the library at hand.
  assert_same 'seccomp and its library' "$(jq .linux.seccomp.enabled "$BATS_TEST_TMPDIR/features")" \
    "$(if "$COFFER" --version | grep -q '^libseccomp: '; then echo true; else echo false; fi)"
}

@test "annotations say the truth, and the unsafe ones have an effect" {
  local key
  for key in $(jq -r '.annotations | keys[]' "$BATS_TEST_TMPDIR/features"); do
    value=$(jq -r '.annotations[$k]' --arg k "$key" "$BATS_TEST_TMPDIR/features")
    case $key in
      io.github.seccomp.libseccomp.version) "$COFFER" --version | grep -qF "libseccomp: $value" ;;
      org.opencontainers.runc.checkpoint.enabled) [ "$value" = "$("$COFFER" checkpoint --help >/dev/null 2>&1 && echo true || echo false)" ] ;;
      run.oci.coffer.version) "$COFFER" --version | grep -qF "coffer version $value" ;;
      run.oci.coffer.commit) "$COFFER" --version | grep -qF "commit: $value" ;;
      *) echo "no row for $key"; return 1 ;;
    esac
  done
  for key in $(advertised .potentiallyUnsafeConfigAnnotations); do
    case $key in
      run.oci.keep_original_groups)
        bundle_edit '.annotations[$k] = "1" | .process.user = {uid: 0, gid: 0}' --arg k "$key"
        set_args id -G
        run setpriv --groups 4711 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
        assert_status 0
        assert_has 4711
        bundle_edit 'del(.annotations)'
        ;;
      # tests/cli/delegate.bats, tests/vm/delegate.bats, tests/vm/systemd.bats
      run.oci.delegate-cgroup | run.oci.systemd.subgroup | org.systemd.property.) ;;
      *) grep -qF "$key" "$BATS_TEST_DIRNAME"/*.bats "$BATS_TEST_DIRNAME"/../vm/*.bats || { echo "no row for $key"; return 1; } ;;
    esac
  done
}
