# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# A cluster of one node in the cell: etcd, the API server and a kubelet on containerd, which has the handlers of
# cri.bash. tests/run sets COFFER_KUBERNETES, the directory with the programs that `tests/engines/build kubernetes`
# made. There is no scheduler and no controller: pods name their node. Loaded after cri.bash.

: "${COFFER_KUBERNETES:?the directory with kubelet, kube-apiserver, kubectl and etcd}"
NODE=cell-node
NODE_IP=10.119.0.1

# ---- the programs ----
kube_begin() {
  export K=$E/kube PATH=$COFFER_KUBERNETES:$PATH KUBECONFIG=$E/kube/config HOME=$E/kube/home
  mkdir -p "$K/home" /var/lib/kubelet
  mount -t tmpfs -o mode=755 tmpfs /var/log # the kubelet writes there
  # An address of its own: the node's may not be on the loopback.
  ip link add kube0 type bridge && ip addr add "$NODE_IP/24" dev kube0 && ip link set kube0 up
  # The ids of pods, as docs/kubernetes.md has it.
  # All of /etc is the cell's own: who replaces a file of the host's takes away what is mounted on it.
  local file line
  cp -a /etc "$K/etc" && mount --bind "$K/etc" /etc || return 1
  for file in passwd subuid subgid; do
    case $file in passwd) line='kubelet:x:65603:65603::/:/bin/false' ;; *) line=$(kubelet_ids) ;; esac
    { grep -v '^kubelet:' "/etc/$file"; echo "$line"; } >"$K/$file" || return 1
    cp "$K/$file" "/etc/$file" || return 1
  done
  echo 'nameserver 192.0.2.1' >"$K/resolv.conf"
  jq -n --arg s "https://$NODE_IP:6443" '{apiVersion: "v1", kind: "Config", clusters: [{name: "c", cluster: {server: $s, "insecure-skip-tls-verify": true}}],
    users: [{name: "u", user: {token: "cell"}}], contexts: [{name: "x", context: {cluster: "c", user: "u"}}], "current-context": "x"}' >"$KUBECONFIG"
  echo 'cell,admin,1,"system:masters"' >"$K/tokens"
  openssl genrsa -out "$K/accounts.key" 2048 2>/dev/null
}

kubelet_ids() { grep -m1 -x 'kubelet:[0-9]*:[0-9]*' "$BATS_TEST_DIRNAME/../../docs/kubernetes.md"; }

daemon() { # daemon NAME COMMAND...: in the background, its pid and its log are files
  local name=$1; shift
  "$@" >>"$K/$name.log" 2>&1 </dev/null 3>&- &
  echo $! >"$K/$name.pid"
}

daemon_stop() { # daemon_stop NAME [SIGNAL]
  local pid
  pid=$(cat "$K/$1.pid") && kill -s "${2:-TERM}" "$pid" 2>/dev/null || return 0
  wait_for 30 gone "$pid" || kill -KILL "$pid"
}

control_plane_start() {
  daemon etcd etcd --data-dir "$BATS_FILE_TMPDIR/etcd" --unsafe-no-fsync --log-level warn
  daemon apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --bind-address "$NODE_IP" --advertise-address "$NODE_IP" \
    --cert-dir "$K/certs" --service-cluster-ip-range 10.118.0.0/24 --endpoint-reconciler-type none --token-auth-file "$K/tokens" \
    --authorization-mode AlwaysAllow --disable-admission-plugins ServiceAccount --service-account-issuer https://cell \
    --service-account-key-file "$K/accounts.key" --service-account-signing-key-file "$K/accounts.key" --kubelet-preferred-address-types InternalIP
  wait_for 120 kubectl get namespace default || { tail -n 30 "$K/etcd.log" "$K/apiserver.log" >&2; return 1; }
}

# The kubelet wants some settings of the whole kernel, which are not the cell's to change: it sees files in their
# place that have what it wants, and nobody else does.
kubelet_start() {
  jq -n --arg k "$K" --arg a "$NODE_IP" --arg s "unix://$E/c.sock" '{apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration",
    address: $a, containerRuntimeEndpoint: $s, cgroupDriver: "cgroupfs", failSwapOn: false, failCgroupV1: false, oomScoreAdj: 0,
    authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}, authorization: {mode: "AlwaysAllow"}, protectKernelDefaults: true,
    makeIPTablesUtilChains: false, resolvConf: ($k + "/resolv.conf"), evictionHard: {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
    imageGCHighThresholdPercent: 100, volumePluginDir: "/var/lib/kubelet/volume-plugins", syncFrequency: "2s", nodeStatusUpdateFrequency: "2s"}' >"$K/kubelet.json"
  local text='mount --make-private /proc || exit
    for f in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
      mkdir -p "$K/sys/${f%/*}" && echo "${f#*=}" >"$K/sys/${f%=*}" && mount --bind "$K/sys/${f%=*}" "/proc/sys/${f%=*}" || exit
    done
    exec kubelet "$@"'
  daemon kubelet unshare --mount --propagation unchanged bash -c "$text" kubelet --config "$K/kubelet.json" --kubeconfig "$KUBECONFIG" \
    --hostname-override "$NODE" --node-ip "$NODE_IP" --root-dir /var/lib/kubelet --v "${KUBELET_VERBOSE:-2}"
  wait_for 60 node_is_ready || { grep -E '^[EF]' "$K/kubelet.log" | tail -n 30 >&2; return 1; }
}

node_is_ready() {
  kill -0 "$(cat "$K/kubelet.pid")" && timeout 5 "$BUSYBOX" wget -qO- http://127.0.0.1:10248/healthz &&
    [ "$(kubectl get node "$NODE" -o json | jq -r '.status.conditions[] | select(.type == "Ready") | .status')" = True ]
}

# ---- pods ----
kubectl() { timeout -k 5 "${KUBECTL_LIMIT:-60}" "$COFFER_KUBERNETES/kubectl" "$@" 3>&-; }

# A pod of one container called "main", changed by the jq expression; its name in $POD. Without RUNTIME_CLASS it is coffer's.
pod() { # pod EXPR [JQ OPTIONS]
  local expr=$1; shift
  N=$((${N:-0} + 1)) POD=pod-$BATS_TEST_NUMBER-$N
  jq -n --arg n "$POD" --arg node "$NODE" --arg i "$I" --arg r "${RUNTIME_CLASS-coffer}" '{apiVersion: "v1", kind: "Pod", metadata: {name: $n}, spec: {nodeName: $node,
    runtimeClassName: $r, terminationGracePeriodSeconds: 1, dnsPolicy: "Default", containers: [{name: "main", image: $i, imagePullPolicy: "Never", command: ["sleep", "1000"]}]}}
    | if $r == "" then del(.spec.runtimeClassName) else . end | def sh(t): ["sh", "-c", t]; def main(f): .spec.containers[0] |= f; '"$expr" "$@" >"$BATS_TEST_TMPDIR/$POD.json"
  kubectl create -f "$BATS_TEST_TMPDIR/$POD.json" >"$BATS_TEST_TMPDIR/created" 2>&1 || { cat "$BATS_TEST_TMPDIR/created" >&2; return 1; }
}

pod_up() { # the same, and every container is ready
  pod "$@" && wait_for 40 pod_is 'all(.status.containerStatuses[]; .ready)' || { pod_tells >&2; return 1; }
}

# The pod comes to its end; its output is in $output.
pod_ends() { # pod_ends SCRIPT [EXPR [JQ OPTIONS]]
  local text=$1 expr=${2:-.}
  shift; [ $# = 0 ] || shift
  pod 'main(.command = sh("exec 2>&1; " + $text)) | .spec.restartPolicy = "Never" | '"$expr" --arg text "$text" "$@"
  wait_for 40 pod_is '.status.phase == "Succeeded" or .status.phase == "Failed"' || { pod_tells >&2; return 1; }
  output=$(kubectl logs "$POD" -c main)
}

pod_json() { kubectl get pod "${1:-$POD}" -o json; }
pod_is() { # pod_is JQ-CONDITION
  pod_json >"$BATS_TEST_TMPDIR/now.json" && jq -e "def main: .status.containerStatuses[0]; $1" "$BATS_TEST_TMPDIR/now.json"
}
pod_field() { pod_json | jq -r "def main: .status.containerStatuses[0]; $1"; } # pod_field EXPR
pod_tells() { kubectl get pod "$POD" -o json | jq -c .status; kubectl get events --field-selector "involvedObject.name=$POD" -o json | jq -r '.items[] | "\(.reason): \(.message)"'; }
pod_event() { # pod_event REASON TEXT
  kubectl get events --field-selector "involvedObject.name=$POD,reason=$1" -o json | jq -r '.items[].message' | grep -F "$2"
}
in_pod() { kubectl exec "$POD" -c main -- "$@"; }
# The first process of a container, for the cell.
main_id() { pod_field 'main.containerID' | sed 's|.*//||'; }
main_pid() { ctr_pid "$(main_id)"; }
sandbox_id() { cri ListPodSandbox | jq -r --arg n "$POD" '.items[] | select(.metadata.name == $n and .state == "SANDBOX_READY") | .id'; }

pods_gone() { [ "$(kubectl get pods -o json | jq '.items | length')" = 0 ]; }

remove_all_pods() {
  kubectl delete pods --all --wait=false >"$BATS_TEST_TMPDIR/deleted" 2>&1 || { cat "$BATS_TEST_TMPDIR/deleted"; return 1; }
  wait_for 60 pods_gone
}

# What pods left in the kubelet's directories and cgroups, beside what cri.bash looks for.
kube_residue() {
  residue | grep -vE '^mount .*/sandboxes/[0-9a-f]+/(shm|pinned-namespaces/user)$' # they go with the record of the sandbox
  find /sys/fs/cgroup -type d -path '*/kubepods/*' -name 'pod*' -printf 'cgroup %p\n' 2>/dev/null
  find /var/lib/kubelet/pods -mindepth 1 -maxdepth 1 -printf 'directory %p\n' 2>/dev/null
}

# The kubelet forgets sandboxes that it has stopped once a minute: here it is done for it.
no_kube_residue() {
  wait_for 30 eval '[ -z "$(kube_residue)" ]' || { echo 'residue:' >&2; kube_residue >&2; return 1; }
  remove_pods
  no_residue
}
