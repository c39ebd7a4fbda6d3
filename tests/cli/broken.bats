#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Broken bundles: each ends with a failure, a message that names the field and the cause, one JSON log
# record, and leaves nothing behind: no process, mount, cgroup, state directory.

load helpers

# The whole table shares one pristine bundle per test; every row starts from a copy of its config.json.
setup() {
  setup_bundle
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
}
teardown() { teardown_bundle; }

# row NAME JQ_EXPR PATTERN...: config edited, run must fail, the message holds every pattern
row() {
  local name=$1 expr=$2; shift 2
  jq "$expr" "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json" || { echo "row $name: bad jq"; return 1; }
  judge "$name" "$@"
}

# text NAME CONTENT PATTERN...: config.json is this text
text() {
  local name=$1 content=$2; shift 2
  printf '%s' "$content" >"$BUNDLE/config.json"
  judge "$name" "$@"
}

judge() {
  local name=$1 pattern log=$BATS_TEST_TMPDIR/log.json; shift
  rm -f "$log"
  run cof --log "$log" --log-format json run --bundle "$BUNDLE" $CID
  [ "$status" -ne 0 ] || { echo "row $name: succeeded"; return 1; }
  [ "$status" -lt 124 ] || { echo "row $name: status $status: $output"; return 1; }
  for pattern in "$@"; do
    [[ $output == *"$pattern"* ]] || { echo "row $name: no \`$pattern' in: $output"; return 1; }
  done
  [ "$(wc -l <"$log")" -eq 1 ] || { echo "row $name: log: $(cat "$log")"; return 1; }
  [ "$(jq -r .level "$log")" = error ] || { echo "row $name: level"; return 1; }
  [[ $(jq -r .msg "$log") == *"${1:-}"* ]] || { echo "row $name: log message: $(cat "$log")"; return 1; }
  if [ "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name .cache 2>/dev/null)" ]; then
    echo "row $name: state left: $(ls -A "$ROOT")"; return 1
  fi
  same_picture || wait_for 5 same_picture || { echo "row $name: residue"; diff <(echo "$RESIDUE_BEFORE") <(picture); return 1; }
}

@test "the text is no config.json" {
  rm "$BUNDLE/config.json"; judge missing 'config.json not found'
  text empty '' 'config.json'
  text truncated '{"ociVersion": "1.0.0", "root": {' 'config.json'
  text trailing '{"ociVersion":"1.0.0","root":{"path":"rootfs"}} x' 'config.json'
  text comment '{"ociVersion":"1.0.0", /* no */ "root":{"path":"rootfs"}}' 'config.json'
  text bom $'\xef\xbb\xbf{}' 'config.json'
  text array '[]' 'config.json'
  text utf8 $'{"ociVersion":"1.0.0","hostname":"\xff"}' 'hostname' 'UTF-8'
  text nul '{"ociVersion":"1.0.0","root":{"path":"root\u0000fs"}}' 'root.path'
  text twice '{"ociVersion":"1.0.0","ociVersion":"1.0.0"}' 'twice'
  rm "$BUNDLE/config.json"; mkdir "$BUNDLE/config.json"; judge directory 'config.json'; rmdir "$BUNDLE/config.json"
  mkfifo "$BUNDLE/config.json"; judge fifo 'config.json'; rm "$BUNDLE/config.json"
  head -c 11000000 /dev/zero | tr '\0' ' ' >"$BUNDLE/config.json"; judge large '8 MiB'
  head -c 5000000 /dev/zero | tr '\0' '[' >"$BUNDLE/config.json"; judge deep 'config.json'
}

@test "top level" {
  row no-version 'del(.ociVersion)' 'ociVersion' 'required'
  row version-text '.ociVersion = "one"' 'ociVersion' 'semantic version'
  row version-newer '.ociVersion = "2.0.0"' 'ociVersion' 'newer'
  row no-root 'del(.root)' 'root must be specified'
  row root-empty '.root.path = ""' 'root.path'
  row root-missing '.root.path = "nowhere"' 'root.path' 'invalid rootfs' 'no such file or directory'
  touch "$BUNDLE/afile"
  row root-file '.root.path = "afile"' 'root.path' 'not a directory'
  row hostname-long '.hostname = ("x" * 65)' 'hostname'
  row domainname-long '.domainname = ("x" * 65)' 'domainname'
  row domainname-no-uts 'del(.hostname) | .domainname = "d" | del(.linux.namespaces[] | select(.type == "uts"))' 'domainname' 'UTS'
  row no-process 'del(.process)' 'process'
  row hostname-no-uts 'del(.linux.namespaces[] | select(.type == "uts"))' 'hostname' 'UTS'
  row annotation-empty '.annotations = {"": "x"}' 'annotations'
  row annotation-number '.annotations = {"a": 1}' 'annotations.a' 'string'
}

@test "process" {
  row no-args '.process.args = []' 'args must not be empty'
  row args-type '.process.args = "sh"' 'process.args' 'array'
  row arg-null '.process.args = ["sh", null]' 'process.args[1]'
  row cwd-relative '.process.cwd = "tmp"' 'process.cwd' 'absolute'
  row cwd-missing-key 'del(.process.cwd)' 'process.cwd' 'required'
  row cwd-file '.process.cwd = "/etc/passwd"' 'etc/passwd' 'not a directory'
  row env-syntax '.process.env = ["PATH=/bin", "NONSENSE"]' 'process.env[1]'
  row env-name '.process.env = ["=x"]' 'process.env[0]'
  row uid-negative '.process.user.uid = -1' 'process.user.uid: expected an integer from 0 to 4294967295, got -1'
  row uid-fraction '.process.user.uid = 0.5' 'process.user.uid'
  row uid-string '.process.user.uid = "0"' 'process.user.uid'
  row uid-none '.process.user.uid = 4294967295' 'process.user.uid'
  row gid-none '.process.user.gid = 4294967295' 'process.user.gid'
  row group-none '.process.user.additionalGids = [1, 4294967295]' 'process.user.additionalGids[1]'
  row umask '.process.user.umask = 1024' 'process.user.umask'
  row rlimit-unknown '.process.rlimits[0].type = "RLIMIT_FOO"' 'process.rlimits[0]' 'RLIMIT_FOO'
  row rlimit-twice '.process.rlimits += .process.rlimits' 'process.rlimits[1]' 'RLIMIT_NOFILE'
  row rlimit-order '.process.rlimits[0] |= (.soft = 2000 | .hard = 1000)' 'process.rlimits[0]'
  row oom '.process.oomScoreAdj = 1001' 'process.oomScoreAdj'
  row caps-effective '.process.capabilities.effective += ["CAP_SYS_ADMIN"]' 'process.capabilities.effective' 'permitted'
  row sched-policy '.process.scheduler = {"policy": "SCHED_WRONG"}' 'process.scheduler.policy'
  row sched-nice '.process.scheduler = {"policy": "SCHED_OTHER", "nice": 20}' 'nice'
  row ioprio '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 8}' 'process.ioPriority'
  row ioprio-class '.process.ioPriority = {"class": "BEST", "priority": 1}' 'process.ioPriority'
  row apparmor '.process.apparmorProfile = "no-such-profile-\(1)"' 'apparmor'
  row selinux '.process.selinuxLabel = "system_u:system_r:x_t:s0"' 'selinux'
  row affinity '.process.execCPUAffinity = {"initial": "3-1"}' 'CPUAffinity'
  row terminal '.process.terminal = true | .process.consoleSize = {"height": -1, "width": 1}' 'process.consoleSize.height'
}

@test "annotations that are none" {
  row list '.annotations = ["a"]' 'annotations'
  row text '.annotations = "a"' 'annotations'
  row value-list '.annotations = {"a": ["b"]}' 'annotations.a'
  row value-object '.annotations = {"a": {"b": "c"}}' 'annotations.a'
  row value-bool '.annotations = {"a": true}' 'annotations.a' 'string'
  text key-number '{"ociVersion":"1.0.0","root":{"path":"rootfs"},"annotations":{1:"x"}}' 'config.json'
}

# Each key that the specification calls REQUIRED of what an object has: with it left out there is no container.
@test "a required key is missing" {
  local path object key
  local required='
ociVersion|
root|
root.path|
process.cwd|
process.user.uid|{"gid": 0}
process.user.gid|{"uid": 0}
process.consoleSize.height|{"width": 1}
process.consoleSize.width|{"height": 1}
process.rlimits[0].type|{"soft": 1, "hard": 1}
process.rlimits[0].soft|{"type": "RLIMIT_CORE", "hard": 1}
process.rlimits[0].hard|{"type": "RLIMIT_CORE", "soft": 1}
process.scheduler.policy|{"nice": 1}
process.ioPriority.class|{"priority": 1}
process.ioPriority.priority|{"class": "IOPRIO_CLASS_BE"}
mounts[0].destination|{"type": "tmpfs", "source": "tmpfs"}
mounts[0].uidMappings[0].containerID|{"hostID": 1, "size": 1}
mounts[0].gidMappings[0].hostID|{"containerID": 1, "size": 1}
hooks.prestart[0].path|{"args": ["x"]}
hooks.createRuntime[0].path|{"args": ["x"]}
hooks.createContainer[0].path|{"args": ["x"]}
hooks.startContainer[0].path|{"args": ["x"]}
hooks.poststart[0].path|{"args": ["x"]}
hooks.poststop[0].path|{"args": ["x"]}
linux.namespaces[0].type|{"path": "/proc/self/ns/net"}
linux.uidMappings[0].containerID|{"hostID": 100000, "size": 1}
linux.uidMappings[0].hostID|{"containerID": 0, "size": 1}
linux.uidMappings[0].size|{"containerID": 0, "hostID": 100000}
linux.gidMappings[0].containerID|{"hostID": 100000, "size": 1}
linux.gidMappings[0].hostID|{"containerID": 0, "size": 1}
linux.gidMappings[0].size|{"containerID": 0, "hostID": 100000}
linux.devices[0].type|{"path": "/dev/x", "major": 1, "minor": 3}
linux.devices[0].path|{"type": "c", "major": 1, "minor": 3}
linux.devices[0].major|{"path": "/dev/x", "type": "c", "minor": 3}
linux.devices[0].minor|{"path": "/dev/x", "type": "b", "major": 1}
linux.resources.devices[0].allow|{"access": "rwm"}
linux.resources.blockIO.weightDevice[0].major|{"minor": 0, "weight": 10}
linux.resources.blockIO.weightDevice[0].minor|{"major": 8, "weight": 10}
linux.resources.blockIO.throttleReadBpsDevice[0].major|{"minor": 0, "rate": 1}
linux.resources.blockIO.throttleReadBpsDevice[0].minor|{"major": 8, "rate": 1}
linux.resources.blockIO.throttleReadBpsDevice[0].rate|{"major": 8, "minor": 0}
linux.resources.blockIO.throttleWriteBpsDevice[0].rate|{"major": 8, "minor": 0}
linux.resources.blockIO.throttleReadIOPSDevice[0].major|{"minor": 0, "rate": 1}
linux.resources.blockIO.throttleReadIOPSDevice[0].minor|{"major": 8, "rate": 1}
linux.resources.blockIO.throttleReadIOPSDevice[0].rate|{"major": 8, "minor": 0}
linux.resources.blockIO.throttleWriteIOPSDevice[0].rate|{"major": 8, "minor": 0}
linux.resources.hugepageLimits[0].pageSize|{"limit": 1}
linux.resources.hugepageLimits[0].limit|{"pageSize": "2MB"}
linux.resources.network.priorities[0].name|{"priority": 1}
linux.resources.network.priorities[0].priority|{"name": "lo"}
linux.memoryPolicy.mode|{"nodes": "0"}
linux.personality.domain|{"flags": []}
linux.seccomp.defaultAction|{"syscalls": []}
linux.seccomp.syscalls[0].names|{"action": "SCMP_ACT_ERRNO"}
linux.seccomp.syscalls[0].action|{"names": ["mkdir"]}
linux.seccomp.syscalls[0].args[0].index|{"value": 1, "op": "SCMP_CMP_EQ"}
linux.seccomp.syscalls[0].args[0].value|{"index": 1, "op": "SCMP_CMP_EQ"}
linux.seccomp.syscalls[0].args[0].op|{"index": 1, "value": 1}'
  while IFS='|' read -r path object; do
    [ -n "$path" ] || continue
    if [ -z "$object" ]; then
      row "$path" "del(.$path)" "$path"
      continue
    fi
    # What surrounds it is in order.
    case $path in
      linux.?idMappings*) key='.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1}] | .linux.gidMappings = .linux.uidMappings' ;;
      mounts*Mappings*) key='.mounts = [{"destination": "/mnt", "source": "/tmp", "options": ["bind"]}] | .mounts[0].uidMappings = [{"containerID": 0, "hostID": 1, "size": 1}] | .mounts[0].gidMappings = .mounts[0].uidMappings' ;;
      linux.seccomp.syscalls*) key='.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' ;;
      *) key=. ;;
    esac
    row "$path" "$key | .${path%.*} = $object" "$path"
  done <<<"$required"
}

@test "the program" {
  row missing '.process.args = ["/no/such"]' 'exec: "/no/such": stat /no/such: no such file or directory'
  row not-in-path '.process.args = ["nosuchprogram"]' 'exec: "nosuchprogram": executable file not found in $PATH'
  row not-executable '.process.args = ["/etc/passwd"]' 'exec: "/etc/passwd": permission denied'
  row directory '.process.args = ["/bin"]' 'exec: "/bin": is a directory'
  printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"; chmod 755 "$BUNDLE/rootfs/bin/script"
  row interpreter '.process.args = ["/bin/script"]' 'no such file or directory'
  printf 'garbage' >"$BUNDLE/rootfs/bin/garbage"; chmod 755 "$BUNDLE/rootfs/bin/garbage"
  row format '.process.args = ["/bin/garbage"]' 'exec format error'
  ln -s /etc/hostname-outside "$BUNDLE/rootfs/bin/dangling"
  row dangling '.process.args = ["/bin/dangling"]' 'no such file or directory'
}

@test "namespaces and id mappings" {
  row ns-unknown '.linux.namespaces += [{"type": "bogus"}]' 'linux.namespaces' 'does not exist'
  row ns-twice '.linux.namespaces += [{"type": "ipc"}]' 'duplicated ns'
  row ns-relative '.linux.namespaces[0].path = "ns/pid"' 'linux.namespaces[0].path' 'absolute'
  row ns-missing '(.linux.namespaces[] | select(.type == "ipc")).path = "/no/such"' 'path' 'no such file or directory'
  row ns-wrong-type "(.linux.namespaces[] | select(.type == \"ipc\")).path = \"/proc/$$/ns/uts\"" 'linux.namespaces' 'path'
  row ns-file '(.linux.namespaces[] | select(.type == "ipc")).path = "/etc/passwd"' 'linux.namespaces' 'path'
  row map-no-ns '.linux.uidMappings = [{"containerID":0,"hostID":100000,"size":10}]' 'linux.uidMappings' "user namespace isn't enabled"
  local user='.linux.namespaces += [{"type":"user"}]' good='[{"containerID":0,"hostID":100000,"size":65536}]'
  row map-missing "$user" 'no uid mappings found'
  row map-no-gid "$user | .linux.uidMappings = $good" 'no gid mappings found'
  row map-no-uid "$user | .linux.gidMappings = $good" 'linux.uidMappings' 'no uid mappings found'
  row gid-map-no-ns ".linux.gidMappings = $good" 'linux.gidMappings' "user namespace isn't enabled"
  row map-size "$user | .linux.gidMappings = $good | .linux.uidMappings = [{containerID:0,hostID:100000,size:0}]" 'linux.uidMappings[0].size'
  row map-wrap "$user | .linux.gidMappings = $good | .linux.uidMappings = [{containerID:0,hostID:4294967290,size:10}]" 'linux.uidMappings[0]'
  row map-overlap-in "$user | .linux.gidMappings = $good | .linux.uidMappings = [{containerID:0,hostID:100000,size:10},{containerID:5,hostID:200000,size:10}]" 'linux.uidMappings[1].containerID' 'mapped by entry 0'
  row map-overlap-host "$user | .linux.uidMappings = $good | .linux.gidMappings = [{containerID:0,hostID:100000,size:10},{containerID:10,hostID:100005,size:10}]" 'linux.gidMappings[1].hostID' 'entry 0'
  row map-many "$user | .linux.gidMappings = $good | .linux.uidMappings = [range(341) | {containerID: ., hostID: (. + 100000), size: 1}]" 'linux.uidMappings' '340'
  row map-no-root "$user | .linux.gidMappings = $good | .linux.uidMappings = [{containerID:1,hostID:100000,size:10}]" 'linux.uidMappings'
  row user-unmapped "$user | .linux.gidMappings = $good | .linux.uidMappings = $good | .process.user.uid = 70000" 'process.user.uid' '70000'
  row group-unmapped "$user | .linux.gidMappings = $good | .linux.uidMappings = $good | .process.user.additionalGids = [70000]" 'process.user.additionalGids[0]'
  row time-offset '.linux.timeOffsets = {"monotonic": {"secs": 1}}' "time namespace isn't enabled"
  row time-clock '.linux.namespaces += [{"type":"time"}] | .linux.timeOffsets = {"wallclock": {"secs": 1}}' 'linux.timeOffsets'
  row time-nanos '.linux.namespaces += [{"type":"time"}] | .linux.timeOffsets = {"monotonic": {"nanosecs": 1000000000}}' 'linux.timeOffsets'
}

@test "mounts" {
  local add='.mounts +='
  row source-missing "$add [{destination:\"/mnt\",source:\"/no/such/source\",options:[\"bind\"]}]" 'mounts[' '/no/such/source' 'no such file or directory'
  row type-unknown "$add [{destination:\"/mnt\",type:\"bogusfs\",source:\"none\"}]" 'mounts[' 'no such device'
  row option-on-bind "$add [{destination:\"/mnt\",source:\"/tmp\",options:[\"bind\",\"size=1\"]}]" 'mounts[' 'bind mounts cannot have any filesystem-specific options applied'
  row option-unknown "$add [{destination:\"/mnt\",type:\"tmpfs\",source:\"tmpfs\",options:[\"nonsense=1\"]}]" 'mounts['
  row destination-empty "$add [{destination:\"\",type:\"tmpfs\"}]" 'mounts['
  row destination-root "$add [{destination:\"/\",type:\"tmpfs\"}]" 'mounts['
  row destination-proc "$add [{destination:\"/proc/1\",type:\"tmpfs\"}]" 'mounts['
  row file-on-directory "$add [{destination:\"/mnt\",source:\"/etc/passwd\",options:[\"bind\"]}]" 'mounts[' 'not a directory'
  row idmap "$add [{destination:\"/mnt\",source:\"/tmp\",options:[\"bind\",\"idmap\"]}]" 'mounts['
  row no-mount-ns 'del(.linux.namespaces[] | select(.type == "mount"))' 'MNT namespace'
  row masked-relative '.linux.maskedPaths += ["proc/x"]' 'linux.maskedPaths'
  row readonly-relative '.linux.readonlyPaths += ["proc/x"]' 'linux.readonlyPaths'
  row propagation '.linux.rootfsPropagation = "sideways"' 'rootfsPropagation=sideways is not supported'
  ln -s /etc "$BUNDLE/rootfs/escape"
  rm -rf "$BUNDLE/rootfs/dev"; ln -s /tmp "$BUNDLE/rootfs/dev"
  row dev-symlink . '/dev'
  rm "$BUNDLE/rootfs/dev"; mkdir "$BUNDLE/rootfs/dev"
  rm -rf "$BUNDLE/rootfs/proc"; ln -s /tmp "$BUNDLE/rootfs/proc"
  row proc-symlink . '/proc'
}

@test "devices, sysctl, resources, seccomp" {
  local dev='.linux.devices ='
  row device-type "$dev [{path:\"/dev/x\",type:\"x\",major:1,minor:1}]" 'linux.devices[0].type'
  row device-numbers "$dev [{path:\"/dev/x\",type:\"c\"}]" 'linux.devices[0].major'
  row device-relative "$dev [{path:\"dev/x\",type:\"c\",major:1,minor:3}]" 'linux.devices[0].path'
  row device-mode "$dev [{path:\"/dev/x\",type:\"c\",major:1,minor:3,fileMode:65535}]" 'linux.devices[0].fileMode'
  row device-exists "$dev [{path:\"/etc/passwd\",type:\"c\",major:1,minor:3}] | .root.readonly = false" '/etc/passwd'
  row sysctl-global '.linux.sysctl = {"kernel.panic": "1"}' 'sysctl "kernel.panic" is not in a separate kernel namespace'
  row sysctl-climb '.linux.sysctl = {"net/../kernel/panic": "1"}' 'sysctl'
  row sysctl-no-ns 'del(.linux.namespaces[] | select(.type == "network")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}' 'sysctl "net.ipv4.ip_forward"'
  row sysctl-missing '.linux.sysctl = {"net.ipv4.no_such_key": "1"}' 'net.ipv4.no_such_key'
  row cgroups-climb '.linux.cgroupsPath = "/a/../../b"' 'linux.cgroupsPath'
  row cgroups-root '.linux.cgroupsPath = "/"' 'linux.cgroupsPath'
  row cgroups-dots '.linux.cgroupsPath = "//.//"' 'linux.cgroupsPath'
  row memory-swap '.linux.resources.memory = {limit: 1000000, swap: 10}' 'linux.resources.memory.swap'
  row pids-negative '.linux.resources.pids = {limit: -2}' 'linux.resources.pids.limit'
  row blockio-weight '.linux.resources.blockIO = {weight: 9}' 'linux.resources.blockIO.weight'
  row blockio-device '.linux.resources.blockIO = {weightDevice: [{major: 8, minor: 0}]}' 'linux.resources.blockIO.weightDevice[0]'
  row blockio-number '.linux.resources.blockIO = {throttleReadBpsDevice: [{major: -1, minor: 0, rate: 1}]}' 'linux.resources.blockIO.throttleReadBpsDevice[0].major'
  row cpuset '.linux.resources.cpu = {cpus: "9-3"}' 'linux.resources.cpu.cpus'
  row hugepages '.linux.resources.hugepageLimits = [{pageSize: "/../../../..", limit: 1}]' 'linux.resources.hugepageLimits[0].pageSize'
  row network '.linux.resources.network = {priorities: [{name: "a/b", priority: 1}]}' 'linux.resources.network.priorities[0].name'
  row rdma '.linux.resources.rdma = {"mlx5_0": {}}' 'linux.resources.rdma'
  row unified '.linux.resources.unified = {"../memory.max": "1"}' 'linux.resources.unified'
  row device-rule '.linux.resources.devices = [{allow: true, type: "z"}]' 'linux.resources.devices[0].type'
  row device-access '.linux.resources.devices = [{allow: true, access: "q"}]' 'linux.resources.devices[0].access'
  row seccomp-action '.linux.seccomp = {defaultAction: "SCMP_ACT_MAYBE"}' 'linux.seccomp.defaultAction'
  row seccomp-empty '.linux.seccomp = {}' 'linux.seccomp.defaultAction'
  row seccomp-errno '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1}' 'linux.seccomp.defaultErrnoRet'
  row seccomp-names '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]}' 'linux.seccomp.syscalls[0].names'
  row seccomp-op '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, op: "LIKE"}]}]}' 'linux.seccomp.syscalls[0].args[0].op'
  row seccomp-index '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 6, value: 1, op: "SCMP_CMP_EQ"}]}]}' 'linux.seccomp.syscalls[0].args[0].index'
  row seccomp-arch '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_PDP11"]}' 'linux.seccomp.architectures[0]'
  row seccomp-notify '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}' 'linux.seccomp.listenerPath'
  row personality '.linux.personality = {domain: "SOLARIS"}' 'personality'
  row mempolicy '.linux.memoryPolicy = {mode: "MPOL_WRONG"}' 'memory'
  row netdevices '.linux.netDevices = {"eth9": {}}' 'linux.netDevices'
  row rdt '.linux.intelRdt = {}' 'linux.intelRdt'
  row rdt-name '.linux.intelRdt = {closID: "a/b"}' 'linux.intelRdt.closID'
  row rdt-bandwidth '.linux.intelRdt = {memBwSchema: "L3:0=1"}' 'linux.intelRdt.memBwSchema'
}

@test "hooks that fail, hang or do not exist, each kind" {
  printf '#!/bin/sh\necho told-you >&2\nexit 3\n' >"$BATS_TEST_TMPDIR/fail"; chmod 755 "$BATS_TEST_TMPDIR/fail"
  printf '#!/bin/sh\nexec sleep 60\n' >"$BATS_TEST_TMPDIR/hang"; chmod 755 "$BATS_TEST_TMPDIR/hang"
  cp "$BATS_TEST_TMPDIR/fail" "$BATS_TEST_TMPDIR/hang" "$BUNDLE/rootfs/bin/"
  local kind where
  for kind in prestart createRuntime createContainer startContainer poststart poststop; do
    where=$BATS_TEST_TMPDIR; [ $kind != startContainer ] || where=/bin
    row "$kind-relative" ".hooks = {$kind: [{path: \"fail\"}]}" "hooks.$kind[0].path"
    row "$kind-timeout-zero" ".hooks = {$kind: [{path: \"$where/fail\", timeout: 0}]}" "hooks.$kind[0].timeout"
    row "$kind-timeout-negative" ".hooks = {$kind: [{path: \"$where/fail\", timeout: -1}]}" "hooks.$kind[0].timeout"
    [ $kind != poststop ] || continue
    row "$kind-fails" ".hooks = {$kind: [{path: \"$where/fail\"}]} | .process.args = [\"sleep\", \"50\"]" "$kind hook #0" 'exit status 3' 'told-you'
    row "$kind-missing" ".hooks = {$kind: [{path: \"/no/such/hook\"}]} | .process.args = [\"sleep\", \"50\"]" "$kind hook #0" 'no such file or directory'
    row "$kind-hangs" ".hooks = {$kind: [{path: \"$where/hang\", timeout: 1}]} | .process.args = [\"sleep\", \"50\"]" "$kind hook #0" 'timeout of 1.0s'
  done
}

@test "options that make no sense together" {
  jq '.process.terminal = true' "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  run cof create --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *'cannot allocate tty if coffer will detach without setting console socket'* ]]
  run cof create --bundle "$BUNDLE" --console-socket /no/such.sock "$CID"
  [ "$status" -eq 1 ]
  cp "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
  run cof create --bundle "$BUNDLE" --console-socket /no/such.sock "$CID"
  [ "$status" -eq 1 ]
  [[ $output == *'cannot use console socket if coffer will not detach or allocate tty'* ]]
}
