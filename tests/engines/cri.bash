# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# Functions for the tests of containerd and CRI-O. They run inside a cell (see tests/engines/cell): all
# namespaces and the cgroups are their own. tests/run sets COFFER, BUSYBOX and COFFER_ENGINES, the
# directory with the programs that tests/engines/build made. ENGINE_RUNTIME names another runtime that
# takes coffer's place, to see whether a test or coffer is wrong.

: "${COFFER:?the binary under test}" "${BUSYBOX:?static busybox}"
[ -n "${COFFER_CELL:-}" ] || { echo 'these tests run in a cell: tests/engines/cell bats FILE' >&2; exit 1; }
RT=${ENGINE_RUNTIME:-$COFFER}
I=localhost/bb:latest

# ---- judging ----
not() { if "$@"; then return 1; fi; }

wait_for() { # wait_for SECONDS CMD...
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -le "$end" ] || { echo "gave up waiting for: $*" >&2; return 1; }
    sleep 0.1
  done
}

is() { # is WHAT EXPECTED FOUND
  [ "$2" = "$3" ] || { echo "$1: expected \`$2\`, found \`$3\`" >&2; return 1; }
}

has() { # has TEXT: it is somewhere in $output
  [[ $output == *"$1"* ]] || { printf '`%s` is missing in:\n%s\n' "$1" "$output" >&2; return 1; }
}

ended_with() { # ended_with STATUS
  [ "$status" = "$1" ] || { printf 'status %s instead of %s:\n%s\n' "$status" "$1" "$output" >&2; return 1; }
}

failed() { [ "$status" != 0 ] || { printf 'it did not fail:\n%s\n' "$output" >&2; return 1; }; }

gone() { not kill -0 "$1" 2>/dev/null; }

# ---- images, without any registry ----
image_root() { # image_root DIR
  local applet
  mkdir -p "$1"/{bin,etc,proc,sys,dev,tmp,root,home,var,mnt}
  chmod 1777 "$1/tmp"
  cp "$BUSYBOX" "$1/bin/busybox"
  for applet in $("$BUSYBOX" --list); do [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"; done
  printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1:daemon:/usr/sbin:/bin/false user:x:1000:1000:user:/home:/bin/sh >"$1/etc/passwd"
  printf '%s\n' root:x:0: daemon:x:1: wheel:x:10:root user:x:1000: >"$1/etc/group"
}

# An OCI archive of one layer; EXPR changes the image configuration (jq).
make_image() { # make_image ROOTFS NAME FILE [EXPR]
  local w diff size digest
  w=$(mktemp -d "$BATS_FILE_TMPDIR/image.XXXXXX")
  mkdir -p "$w/blobs/sha256"
  put() { digest=$(sha256sum <"$1" | cut -d' ' -f1); size=$(stat -c %s "$1"); mv "$1" "$w/blobs/sha256/$digest"; }
  tar --sort=name --numeric-owner ${IMAGE_KEEP_OWNER:---owner=0 --group=0} --mtime=@0 -cf "$w/layer" -C "$1" .
  diff=$(sha256sum <"$w/layer" | cut -d' ' -f1)
  put "$w/layer"
  local layer=$digest layer_size=$size
  jq -nc --arg d "sha256:$diff" '{architecture: "amd64", os: "linux", config: {Env: ["PATH=/bin"], Cmd: ["sh"]},
    rootfs: {type: "layers", diff_ids: [$d]}} | .architecture = $arch | '"${4:-.}" --arg arch "$(image_arch)" >"$w/c"
  put "$w/c"
  local m=application/vnd.oci.image config=$digest config_size=$size
  jq -nc --arg m $m --arg c "sha256:$config" --argjson cs "$config_size" --arg l "sha256:$layer" --argjson ls "$layer_size" \
    '{schemaVersion: 2, mediaType: ($m + ".manifest.v1+json"), config: {mediaType: ($m + ".config.v1+json"), digest: $c, size: $cs},
      layers: [{mediaType: ($m + ".layer.v1.tar"), digest: $l, size: $ls}]}' >"$w/m"
  put "$w/m"
  jq -nc --arg m $m --arg d "sha256:$digest" --argjson s "$size" --arg n "$2" '{schemaVersion: 2, manifests: [{mediaType:
    ($m + ".manifest.v1+json"), digest: $d, size: $s, annotations: {"io.containerd.image.name": $n}}]}' >"$w/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$w/oci-layout"
  tar -C "$w" -cf "$3" blobs index.json oci-layout
  rm -rf "$w"
}

image_arch() { case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac; }

PAUSE_ENTRY='.config.Entrypoint = ["sh", "-c", "trap exit TERM INT; while :; do sleep 3600 & wait $!; done"] | del(.config.Cmd)'

# ---- containerd ----
# Files of an engine: the socket and the state in the cell's /run, images and layers on a real file system.
engine_begin() {
  export E=/run/engine
  mkdir -p "$E" "$BATS_FILE_TMPDIR/root" "$E/bin"
  export PATH=$COFFER_ENGINES:$PATH
  export CONTAINERD_ADDRESS=$E/c.sock TMPDIR=$BATS_FILE_TMPDIR
  ln -sf "$RT" "$E/bin/coffer"
}

containerd_config() { # containerd_config [EXTRA TOML] <- standard input
  cat >"$E/config.toml" <<TOML
version = 3
imports = [${IMPORTS:-}]
root = "$BATS_FILE_TMPDIR/root"
state = "$E/state"
oom_score = 0
disabled_plugins = [$(printf '"%s",' io.containerd.internal.v1.opt ${DISABLED_PLUGINS:-})]
[grpc]
  address = "$E/c.sock"
[ttrpc]
  address = "$E/c.sock.ttrpc"
TOML
  cat >>"$E/config.toml"
}

containerd_start() {
  containerd -c "$E/config.toml" -l "${CONTAINERD_LOG_LEVEL:-info}" >>"$E/containerd.log" 2>&1 </dev/null 3>&- &
  echo $! >"$E/containerd.pid"
  wait_for 60 containerd_answers_or_died
  containerd_answers >/dev/null 2>&1 || { tail -n 30 "$E/containerd.log" >&2; return 1; }
}

containerd_answers_or_died() { containerd_answers || gone "$(cat "$E/containerd.pid")"; }
containerd_answers() { timeout -k 5 20 ctr version; }

containerd_stop() { # containerd_stop [SIGNAL]
  local pid
  pid=$(cat "$E/containerd.pid")
  kill -s "${1:-TERM}" "$pid" || return 0
  wait_for 30 gone "$pid"
}

# What an engine has left when all its containers are removed. Only of this cell: nobody else is in it.
residue() {
  grep -E "$E/state|/root/io.containerd.snapshotter|/netns/cni-" /proc/self/mountinfo | cut -d' ' -f5 | sed 's/^/mount /'
  local f
  for f in /run/containerd/runc/*/* /run/coffer/* "$E"/state/io.containerd.runtime.v2.task/*/*; do
    [ ! -e "$f" ] || echo "file $f"
  done
  find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/exe' \( -lname '*containerd-shim*' -o -lname '*memfd:*' -o -lname "*$RT" \) \
    -printf 'process %h %l\n' 2>/dev/null
  find /sys/fs/cgroup -mindepth 3 -type d -regextype posix-extended -regex '.*/(default|k8s\.io|pods/[^/]*)/.+' \
    -printf 'cgroup %p\n' 2>/dev/null
  find /run/netns -mindepth 1 2>/dev/null | sed 's/^/netns /'
  ip -o link show type veth 2>/dev/null | sed 's/^/link /'
}

no_residue() {
  wait_for 15 eval '[ -z "$(residue)" ]' || { echo 'residue:' >&2; residue >&2; return 1; }
}

# ---- CRI ----
# containerd with its CRI plugin: the handlers "coffer", as contrib/containerd has it, and "runc"; pods on a bridge
# of the cell.
cri_containerd_config() {
  sed "s|'/usr/bin/coffer'|'$E/bin/coffer'|; s|SystemdCgroup = true|SystemdCgroup = false|" \
    "$BATS_TEST_DIRNAME/../../contrib/containerd/config-2.x.toml" >"$E/coffer.toml"
  mkdir -p "$E/cni"
  jq -n '{cniVersion: "1.0.0", name: "cell", plugins: [{type: "bridge", bridge: "cellbr0", isGateway: true,
    ipam: {type: "host-local", ranges: [[{subnet: "10.117.0.0/16"}]], routes: [{dst: "0.0.0.0/0"}]}}]}' >"$E/cni/10-cell.conflist"
  IMPORTS="\"$E/coffer.toml\"" containerd_config <<TOML
[plugins.'io.containerd.nri.v1.nri']
  disable = false
  socket_path = '/run/nri-test.sock'
  plugin_path = '$E/no-nri-plugins'
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = 'localhost/pause:latest'
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = '${REGISTRY_CONFIG:-}'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  drain_exec_sync_io_timeout = '10s'
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['/usr/lib/cni']
    conf_dir = '$E/cni'
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = 'coffer'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = 'io.containerd.runc.v2'
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        BinaryName = '$(command -v runc)'
TOML
}

cri_images() { # cri_images [NAME...]: busybox under these names, and the pause image
  local name
  image_root "$BATS_FILE_TMPDIR/bb"
  for name in "${@:-$I}"; do
    make_image "$BATS_FILE_TMPDIR/bb" "$name" "$BATS_FILE_TMPDIR/bb.tar"
    ctr -n k8s.io images import "$BATS_FILE_TMPDIR/bb.tar" >"$BATS_FILE_TMPDIR/import" 2>&1 || { cat "$BATS_FILE_TMPDIR/import" >&2; return 1; }
  done
  make_image "$BATS_FILE_TMPDIR/bb" localhost/pause:latest "$BATS_FILE_TMPDIR/pause.tar" "$PAUSE_ENTRY"
  ctr -n k8s.io images import "$BATS_FILE_TMPDIR/pause.tar" >"$BATS_FILE_TMPDIR/import" 2>&1 || { cat "$BATS_FILE_TMPDIR/import" >&2; return 1; }
}

cricli() { timeout -k 5 60 "$COFFER_ENGINES/cricli" "${CRI_SOCKET:-$E/c.sock}" "$@"; }
cri() { cricli call "$@"; } # cri METHOD [JSON]

# The sandbox's configuration is in pod.json, changed by the jq expression; its id in $POD.
run_pod() { # run_pod HANDLER [EXPR [JQ OPTIONS]]
  local handler=$1 expr=${2:-.}
  shift; [ $# = 0 ] || shift
  N=$((${N:-0} + 1))
  jq -n --arg n "pod-$BATS_TEST_NUMBER-$N" --arg l "$BATS_TEST_TMPDIR/logs" '{metadata: {name: $n, uid: ($n + "-uid"), namespace: "test"},
    hostname: $n, log_directory: $l, dns_config: {}, linux: {cgroup_parent: ("/pods/" + $n), security_context: {namespace_options: {}}}} | '"$expr" \
    "$@" >"$BATS_TEST_TMPDIR/pod.json"
  mkdir -p "$BATS_TEST_TMPDIR/logs"
  cri RunPodSandbox "$(jq -c --arg h "$handler" '{config: ., runtime_handler: $h}' "$BATS_TEST_TMPDIR/pod.json")" >"$BATS_TEST_TMPDIR/run-pod" || return 1
  POD=$(jq -r .pod_sandbox_id "$BATS_TEST_TMPDIR/run-pod")
}

# Creates a container in $POD; its id is in $CTR, its log in $LOG.
create_ctr() { # create_ctr EXPR [JQ OPTIONS]
  local expr=$1; shift
  N=$((${N:-0} + 1))
  jq -n --arg n "c$N" --arg i "$I" '{metadata: {name: $n}, image: {image: $i}, log_path: ($n + ".log"), command: ["sleep", "1000"],
    linux: {resources: {}, security_context: {namespace_options: {pid: "CONTAINER"}}}} | '"$expr" "$@" >"$BATS_TEST_TMPDIR/ctr.json"
  LOG=$BATS_TEST_TMPDIR/logs/c$N.log
  cri CreateContainer "$(jq -c --arg p "$POD" --slurpfile s "$BATS_TEST_TMPDIR/pod.json" '{pod_sandbox_id: $p, config: ., sandbox_config: $s[0]}' \
    "$BATS_TEST_TMPDIR/ctr.json")" >"$BATS_TEST_TMPDIR/create" || return 1
  CTR=$(jq -r .container_id "$BATS_TEST_TMPDIR/create")
}

start_ctr() { create_ctr "$@" && cri StartContainer "{\"container_id\": \"$CTR\"}" >/dev/null; }
# A container that runs a script to its end.
script_ctr() { # script_ctr TEXT [EXPR]
  start_ctr '.command = ["sh", "-c", $t] | '"${2:-.}" --arg t "$1"
  wait_for 30 ctr_is CONTAINER_EXITED
}

ctr_status() { cri ContainerStatus "{\"container_id\": \"${1:-$CTR}\", \"verbose\": true}"; }
ctr_field() { ctr_status | jq -r ".status.$1"; }
ctr_pid() { ctr_status "$@" | jq -r '.info.info | fromjson | .pid'; }
pod_pid() { cri PodSandboxStatus "{\"pod_sandbox_id\": \"${1:-$POD}\", \"verbose\": true}" | jq -r '.info.info | fromjson | .pid'; }
ctr_is() { [ "$(ctr_status "${2:-$CTR}" | jq -r .status.state)" = "$1" ]; }
# What the container wrote, without what the log puts before each line.
ctr_log() { cut -d' ' -f4- "$LOG"; }
exec_sync() { # exec_sync CMD...: $output, $errors, $code
  local r
  r=$(cri ExecSync "$(jq -nc --arg c "$CTR" '{container_id: $c, timeout: 20, cmd: $ARGS.positional}' --args -- "$@")" 2>&1) || { output=$r code=-1; return 0; }
  output=$(jq -r .stdout <<<"$r" | base64 -d) errors=$(jq -r .stderr <<<"$r" | base64 -d) code=$(jq -r .exit_code <<<"$r")
}

stop_ctr() { cri StopContainer "{\"container_id\": \"$CTR\", \"timeout\": ${1:-0}}" >/dev/null; } # stop_ctr [SECONDS]

remove_pods() {
  local p
  for p in $(cri ListPodSandbox | jq -r '.items[].id'); do
    cri StopPodSandbox "{\"pod_sandbox_id\": \"$p\"}" >/dev/null || return 1
    cri RemovePodSandbox "{\"pod_sandbox_id\": \"$p\"}" >/dev/null || return 1
  done
}
