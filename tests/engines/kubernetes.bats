#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A node of Kubernetes whose pods choose coffer by their RuntimeClass: API server, kubelet, containerd.
load cri
load kube

setup_file() {
  engine_begin
  cri_containerd_config
  containerd_start
  cri_images "$I"
  kube_begin
  control_plane_start
  kubelet_start
  kubectl apply -f "$BATS_TEST_DIRNAME/../../contrib/kubernetes/runtimeclass.yaml"
}

teardown_file() {
  daemon_stop kubelet
  daemon_stop apiserver
  daemon_stop etcd
  containerd_stop
  [ -z "${ENGINE_LOG:-}" ] || { mkdir -p "$ENGINE_LOG" && cp "$E/containerd.log" "$K"/*.log "$ENGINE_LOG"; }
}

teardown() {
  [ -n "$BATS_TEST_COMPLETED" ] || {
    echo '-- kubelet.log'; grep -E '^[EF]' "$K/kubelet.log" | tail -n 10 | cut -c1-500
    echo '-- containerd.log'; grep -v 'level=info' "$E/containerd.log" | tail -n 10
  }
  [ -e "/proc/$(cat "$E/containerd.pid")" ] || containerd_start
  [ -e "/proc/$(cat "$K/kubelet.pid")" ] || kubelet_start
  remove_all_pods
  no_kube_residue
}

# Is the container one of the runtime that the tests are about?
of_coffer() { "$RT" --root /run/containerd/runc/k8s.io state "$1" >"$BATS_TEST_TMPDIR/state"; }

# v1 and v2 names of a file of the container's cgroup
cg() { # cg CONTROLLER FILE-OF-V1 FILE-OF-V2
  local pid dir
  pid=$(main_pid)
  dir=$(awk -F: -v c="$1" '{ n = split($2, a, ","); for (i = 1; i <= n; i++) if (a[i] == c) print $3 }' "/proc/$pid/cgroup")
  if [ -n "$dir" ]; then cat "/sys/fs/cgroup/$1$dir/$2"; else cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/$3"; fi
}

@test "the node is ready, and the kubelet knows the handler and what it can" {
  output=$(kubectl get node "$NODE" -o json)
  is version "$(cat "$COFFER_KUBERNETES/kubernetes.version")" "$(jq -r .status.nodeInfo.kubeletVersion <<<"$output")"
  echo "# engine: kubernetes $(jq -r '.status.nodeInfo | .kubeletVersion + " on " + .containerRuntimeVersion' <<<"$output")" >&3
  is features '{"recursiveReadOnlyMounts":true,"userNamespaces":true}' \
    "$(jq -cS '.status.runtimeHandlers[] | select(.name == "coffer") | .features' <<<"$output")"
}

@test "the RuntimeClass and the pod of contrib" {
  # Nothing is pulled here.
  sed "s|^\( *\)image: busybox:latest|\1image: $I\n\1imagePullPolicy: Never|" "$BATS_TEST_DIRNAME/../../contrib/kubernetes/pod.yaml" |
    jq --raw-input --slurp -r '. + "  nodeName: " + $n + "\n"' --arg n "$NODE" >"$BATS_TEST_TMPDIR/pod.yaml"
  kubectl apply -f "$BATS_TEST_TMPDIR/pod.yaml"
  POD=isolated
  wait_for 40 pod_is 'main.ready' || { pod_tells; return 1; }
  of_coffer "$(main_id)"
  output=$(kubectl logs isolated | tr -s ' ')
  has ' 65536'
  [[ $output =~ ^\ 0\ ([0-9]+)\ 65536 ]]
  local first=${BASH_REMATCH[1]}
  not is 'first id' 0 "$first" 2>/dev/null
  [[ $output =~ \ 0\ 0\ .*made-by-root ]]
  is 'uid on the host' "$first" "$(stat -c %u "/proc/$(main_pid)")"
  kubectl delete pod isolated --grace-period=1
}

@test "pods of two runtimes side by side; without a RuntimeClass it is the default of the node" {
  local first second
  kubectl apply -f - <<<'{"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "runc"}, "handler": "runc"}'
  pod_up .
  first=$(main_id)
  of_coffer "$first"
  RUNTIME_CLASS=runc pod_up .
  second=$(main_id)
  is 'exec in the one of runc' two "$(in_pod echo two)"
  RUNTIME_CLASS='' pod_up .
  is 'exec in the one of the default' three "$(in_pod echo three)"
  [ -n "${ENGINE_RUNTIME:-}" ] || {
    is 'state of runc' running "$(runc --root /run/containerd/runc/k8s.io state "$second" | jq -r .status)"
    not runc --root /run/containerd/runc/k8s.io state "$first" 2>"$BATS_TEST_TMPDIR/refused"
    not of_coffer "$second" 2>"$BATS_TEST_TMPDIR/refused"
    of_coffer "$(main_id)"
  }
}

@test "a RuntimeClass that nobody made, and one with a handler that the node lacks" {
  RUNTIME_CLASS=nosuch run pod .
  failed
  has 'RuntimeClass "nosuch" not found'
  kubectl apply -f - <<<'{"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "elsewhere"}, "handler": "elsewhere"}'
  RUNTIME_CLASS=elsewhere pod .
  wait_for 20 pod_event FailedCreatePodSandBox 'no runtime for "elsewhere" is configured'
}

@test "a RuntimeClass for some nodes, with an overhead: both are added to the pod, and the kubelet goes by them" {
  kubectl apply -f - <<<'{"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "some"}, "handler": "coffer",
    "overhead": {"podFixed": {"memory": "16Mi"}}, "scheduling": {"nodeSelector": {"example.org/coffer": "true"}}}'
  RUNTIME_CLASS=some pod .
  wait_for 20 pod_is '.status.phase == "Failed" and .status.reason == "NodeAffinity"'
  kubectl label node "$NODE" example.org/coffer=true
  sleep 1 # the kubelet watches its node
  RUNTIME_CLASS=some pod_up 'main(.resources = {limits: {memory: "48Mi"}})'
  is 'limit of the container' 50331648 "$(cg memory memory.limit_in_bytes memory.max)"
  is 'limit of the pod' 67108864 "$(cg memory ../memory.limit_in_bytes ../memory.max)"
}

@test "a user namespace: ids of the kubelet's range, another one for each pod, the same in all of its containers" {
  local a b first count
  pod_up '.spec.hostUsers = false | .spec.containers += [.spec.containers[0] | .name = "second"]'
  a=$(in_pod cat /proc/self/uid_map | tr -s ' ')
  is 'of the second container' "$a" "$(kubectl exec "$POD" -c second -- cat /proc/self/uid_map | tr -s ' ')"
  is 'user namespace' "$(in_pod readlink /proc/self/ns/user)" "$(kubectl exec "$POD" -c second -- readlink /proc/self/ns/user)"
  pod_up '.spec.hostUsers = false'
  b=$(in_pod cat /proc/self/uid_map | tr -s ' ')
  not is 'ids of two pods' "$a" "$b" 2>/dev/null
  IFS=: read -r _ first count < <(kubelet_ids)
  for output in "$a" "$b"; do
    [[ $output =~ ^\ 0\ ([0-9]+)\ 65536$ ]]
    [ "${BASH_REMATCH[1]}" -ge "$first" ]
    [ "${BASH_REMATCH[1]}" -lt $((first + count)) ]
  done
  is 'uid on the host' "${BASH_REMATCH[1]}" "$(stat -c %u "/proc/$(main_pid)")"
}

@test "a user namespace: volumes of every kind belong to whom they belong without one" {
  mkdir -m 777 "$BATS_TEST_TMPDIR/v"
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*
  touch "$BATS_TEST_TMPDIR/v/old"
  kubectl create configmap settings --from-literal=a=b
  kubectl create secret generic words --from-literal=c=d
  pod_ends 'tr -s " " </proc/self/uid_map | cut -d" " -f4; cat /cm/a /s/c; echo; stat -L -c "%u:%g" /cm/a /s/c /api/name /empty /memory /host/old; touch /empty/x /memory/x /host/new && stat -c %u:%g /empty/x /memory/x /host/new
    touch /cm/x' '.spec.hostUsers = false | .spec.securityContext = {fsGroup: 3000} |
    .spec.volumes = [{name: "cm", configMap: {name: "settings"}}, {name: "s", secret: {secretName: "words"}}, {name: "empty", emptyDir: {}},
      {name: "memory", emptyDir: {medium: "Memory"}}, {name: "host", hostPath: {path: $v}},
      {name: "api", downwardAPI: {items: [{path: "name", fieldRef: {fieldPath: "metadata.name"}}]}}] |
    main(.volumeMounts = [("cm", "s", "empty", "memory", "host", "api") | {name: ., mountPath: ("/" + .)}])' --arg v "$BATS_TEST_TMPDIR/v"
  kubectl delete configmap settings
  kubectl delete secret words
  is output $'65536\nbd\n0:3000\n0:3000\n0:3000\n0:3000\n0:3000\n0:0\n0:3000\n0:3000\n0:0' "$(head -n 11 <<<"$output")"
  is 'owner on the host' 0 "$(stat -c %u "$BATS_TEST_TMPDIR/v/new")"
  has 'Read-only file system'
}

@test "a user namespace: another user, capabilities of its own, an unmasked /proc" {
  pod_ends 'cat /proc/self/uid_map; id -u; id -g; id -G; touch /root/x; touch /tmp/x && echo written' '.spec.hostUsers = false |
    .spec.securityContext = {runAsUser: 1000, runAsGroup: 2000, supplementalGroups: [3000], runAsNonRoot: true}'
  has $' 65536\n1000\n2000\n2000 3000'
  has 'Permission denied'
  has written
  pod_ends 'cat /proc/self/uid_map; hostname other && hostname; unshare -p -m -f sh -c "mount -t proc proc /proc && echo own proc"' \
    '.spec.hostUsers = false | main(.securityContext = {procMount: "Unmasked", capabilities: {add: ["SYS_ADMIN"]}})'
  has $' 65536\nother'
  has 'own proc'
}

@test "security context: user, groups, read-only root, capabilities, no new privileges, seccomp, sysctls" {
  pod_ends 'id -u; id -G; touch /x; grep -E "NoNewPrivs|CapBnd|Seccomp:" /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start' '
    .spec.securityContext = {runAsUser: 1000, runAsGroup: 2000, supplementalGroups: [3000], sysctls: [{name: "net.ipv4.ip_unprivileged_port_start", value: "77"}]} |
    main(.securityContext = {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"], add: ["NET_BIND_SERVICE"]},
      seccompProfile: {type: "RuntimeDefault"}})'
  has $'1000\n2000 3000'
  has 'Read-only file system'
  has $'CapBnd:\t0000000000000400'
  has $'NoNewPrivs:\t1'
  has $'Seccomp:\t2'
  is 'the sysctl' 77 "$(tail -n1 <<<"$output")"
}

@test "recursively read-only mounts" {
  mkdir -p "$BATS_TEST_TMPDIR/v/below"
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/v/below"
  pod_ends 'touch /v/x; touch /v/below/x' '.spec.volumes = [{name: "v", hostPath: {path: $v}}] |
    main(.volumeMounts = [{name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Enabled"}])' --arg v "$BATS_TEST_TMPDIR/v"
  umount "$BATS_TEST_TMPDIR/v/below"
  is 'lines' 2 "$(grep -c 'Read-only file system' <<<"$output")"
  is status Enabled "$(pod_field 'main.volumeMounts[] | select(.name == "v") | .recursiveReadOnly')"
}

@test "namespaces: process ids shared in the pod, the host's" {
  pod_up '.spec.shareProcessNamespace = true | .spec.containers += [.spec.containers[0] | .name = "second" | .command = ["sleep", "991"]]'
  output=$(in_pod ps)
  has 'sleep 991'
  has 'trap exit'
  pod_ends 'readlink /proc/self/ns/pid; readlink /proc/self/ns/net' '.spec += {hostPID: true, hostNetwork: true}'
  is namespaces "$(readlink /proc/self/ns/pid /proc/self/ns/net)" "$output"
}

@test "logs, exec with its code and its input, a terminal, copy" {
  pod_up 'main(.command = sh("echo out; echo err >&2; exec sleep 1000"))'
  is logs $'err\nout' "$(kubectl logs "$POD" | sort)"
  run in_pod sh -c 'echo told; exit 7'
  ended_with 7
  has told
  is input 3 "$(printf 'a\nb\nc\n' | kubectl exec -i "$POD" -- wc -l)"
  run script -qec "timeout --foreground 30 kubectl exec -it $POD -- sh -c 'tty; test -t 0 && echo terminal; exit 4'" /dev/null
  ended_with 4
  has /dev/pts/0
  has terminal
  run in_pod /nope
  failed
  has 'no such file or directory'
  echo content >"$BATS_TEST_TMPDIR/file"
  kubectl cp "$BATS_TEST_TMPDIR/file" "$POD:/tmp/file"
  is 'the copy' content "$(in_pod cat /tmp/file)"
}

@test "attach: input and output; port-forward" {
  pod 'main(. + {stdin: true, stdinOnce: true, command: sh("read a; echo got $a; exit 3")}) | .spec.restartPolicy = "Never"'
  wait_for 40 pod_is main.ready
  output=$(echo hello | kubectl attach -i "$POD" 2>&1)
  has 'got hello'
  wait_for 20 pod_is 'main.state.terminated.exitCode == 3'
  pod_up 'main(.command = sh("mkdir /www; echo page >/www/index.html; exec httpd -f -p 8080 -h /www"))'
  "$COFFER_KUBERNETES/kubectl" port-forward "pod/$POD" 18080:8080 >"$BATS_TEST_TMPDIR/forward" 2>&1 </dev/null 3>&- &
  local forward=$!
  wait_for 20 grep -q 'Forwarding from' "$BATS_TEST_TMPDIR/forward"
  wait_for 20 timeout 10 "$BUSYBOX" wget -qO "$BATS_TEST_TMPDIR/page" http://127.0.0.1:18080/index.html
  kill "$forward"
  wait "$forward" || true
  is page page "$(cat "$BATS_TEST_TMPDIR/page")"
}

@test "probes: startup and readiness by exec, and a failing liveness probe restarts the container" {
  pod 'main(. + {command: sh("sleep 1; touch /tmp/up /tmp/alive; exec sleep 1000"), startupProbe: {exec: {command: ["test", "-e", "/tmp/up"]}, periodSeconds: 1, failureThreshold: 30},
    readinessProbe: {exec: {command: ["test", "-e", "/tmp/up"]}, periodSeconds: 1},
    livenessProbe: {exec: {command: ["cat", "/tmp/alive"]}, periodSeconds: 1, failureThreshold: 2}})'
  wait_for 40 pod_is 'main.ready and main.started'
  in_pod rm /tmp/up
  wait_for 20 pod_is 'main.ready | not'
  is restarts 0 "$(pod_field main.restartCount)"
  in_pod rm /tmp/alive
  wait_for 40 pod_is 'main.restartCount == 1 and main.ready'
  is 'exit code' 137 "$(pod_field main.lastState.terminated.exitCode)"
  pod_event Unhealthy "can't open '/tmp/alive'"
}

@test "out of memory: OOMKilled, and the container is restarted" {
  pod 'main(. + {command: sh("test -e /keep/once && exec sleep 1000; touch /keep/once; exec dd if=/dev/zero of=/dev/null bs=200M"),
    resources: {limits: {memory: "32Mi"}}, volumeMounts: [{name: "keep", mountPath: "/keep"}]}) | .spec.volumes = [{name: "keep", emptyDir: {}}]'
  wait_for 40 pod_is 'main.restartCount == 1 and main.ready'
  is reason OOMKilled "$(pod_field main.lastState.terminated.reason)"
  is 'exit code' 137 "$(pod_field main.lastState.terminated.exitCode)"
}

@test "limits are in the cgroup, and change in place" {
  pod_up 'main(.resources = {requests: {cpu: "100m", memory: "32Mi"}, limits: {cpu: "500m", memory: "64Mi"}})'
  local id
  id=$(main_id)
  is memory 67108864 "$(cg memory memory.limit_in_bytes memory.max)"
  output=$(cg cpu cpu.cfs_quota_us cpu.max)
  is quota 50000 "${output%% *}"
  kubectl patch pod "$POD" --subresource resize --patch \
    '{"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "200m", "memory": "48Mi"}, "limits": {"cpu": "200m", "memory": "96Mi"}}}]}}'
  wait_for 40 pod_is 'main.resources.limits == {cpu: "200m", memory: "96Mi"} and ([.status.conditions[] | select(.type | startswith("PodResize"))] | length) == 0' ||
    { pod_tells; return 1; }
  is memory 100663296 "$(cg memory memory.limit_in_bytes memory.max)"
  output=$(cg cpu cpu.cfs_quota_us cpu.max)
  is quota 20000 "${output%% *}"
  is 'the same container' "$id 0" "$(main_id) $(pod_field main.restartCount)"
  in_pod true
}

@test "deletion: the hook before the stop, the signal, the time of grace, then the kill" {
  mkdir -m 777 "$BATS_TEST_TMPDIR/v"
  local began=$SECONDS
  pod_up '.spec.terminationGracePeriodSeconds = 30 | .spec.volumes = [{name: "v", hostPath: {path: $v}}] |
    main(. + {command: sh("trap \"echo term >>/v/said; exit 0\" TERM; while :; do sleep 0.1; done"), volumeMounts: [{name: "v", mountPath: "/v"}],
      lifecycle: {postStart: {exec: {command: sh("echo begun >>/v/said")}}, preStop: {exec: {command: sh("echo hook >>/v/said")}}}})' --arg v "$BATS_TEST_TMPDIR/v"
  kubectl delete pod "$POD" --timeout=50s
  is said $'begun\nhook\nterm' "$(cat "$BATS_TEST_TMPDIR/v/said")"
  [ $((SECONDS - began)) -lt 30 ]
  pod_up '.spec.terminationGracePeriodSeconds = 3 | main(.command = sh("trap : TERM; while :; do sleep 0.1; done"))'
  began=$SECONDS
  kubectl delete pod "$POD" --timeout=50s
  [ $((SECONDS - began)) -ge 3 ]
  [ $((SECONDS - began)) -lt 20 ]
}

@test "restart after a failure, until it succeeds; init containers in their order, and one that stays" {
  pod '.spec.restartPolicy = "OnFailure" | .spec.volumes = [{name: "v", emptyDir: {}}] | def v: .volumeMounts = [{name: "v", mountPath: "/v"}];
    main(v | .command = sh("cat /v/order; echo again >>/v/order; test $(grep -c again /v/order) = 2")) |
    .spec.initContainers = [.spec.containers[0] | (.name = "one" | .command = sh("echo one >>/v/order")), (.name = "side" | .restartPolicy = "Always"
      | .command = sh("echo side >>/v/order; trap exit TERM; sleep 1000 & wait") | .startupProbe = {exec: {command: ["grep", "side", "/v/order"]}, periodSeconds: 1}),
      (.name = "two" | .command = sh("echo two >>/v/order"))]'
  wait_for 60 pod_is '.status.phase == "Succeeded"' || { pod_tells; return 1; }
  is restarts 1 "$(pod_field main.restartCount)"
  is 'order at the second time' $'one\nside\ntwo\nagain' "$(kubectl logs "$POD" -c main)"
}

@test "a program that is missing: the reason is in the status of the pod" {
  pod 'main(.command = ["/nope"]) | .spec.restartPolicy = "Never"'
  wait_for 40 pod_is '.status.phase == "Failed"'
  is reason 'StartError 128' "$(pod_field 'main.state.terminated | .reason + " " + (.exitCode | tostring)')"
  output=$(pod_field main.state.terminated.message)
  has '/nope'
  has 'no such file or directory'
}

@test "kubectl debug: another container in the process namespace of the first one" {
  pod_up 'main(.command = ["sleep", "993"])'
  kubectl debug "$POD" --image "$I" --image-pull-policy=Never --target main --container look -- sh -c 'ps; readlink /proc/self/ns/pid; exec sleep 1000'
  wait_for 40 pod_is '.status.ephemeralContainerStatuses[0].state.running'
  output=$(kubectl logs "$POD" -c look)
  has 'sleep 993'
  has "$(in_pod readlink /proc/self/ns/pid)"
}

@test "statistics of a pod by the kubelet" {
  pod_up 'main(.resources = {limits: {memory: "64Mi"}})'
  wait_for 40 eval 'kubectl get --raw "/api/v1/nodes/$NODE/proxy/stats/summary" | jq -e ".pods[] | select(.podRef.name == \"$POD\") | .containers[0].memory.workingSetBytes > 0"'
}

@test "the kubelet restarts: pods go on, and are its own again" {
  local id
  pod_up '.spec.hostUsers = false | main(.livenessProbe = {exec: {command: ["true"]}, periodSeconds: 1})'
  id=$(main_id)
  for signal in TERM KILL; do
    daemon_stop kubelet "$signal"
    [ -e "/proc/$(main_pid)" ]
    kubelet_start
    wait_for 20 in_pod true
  done
  sleep 3
  is 'the same container' "$id 0" "$(main_id) $(pod_field main.restartCount)"
  [ "$(pod_field main.ready)" = true ]
  # What died meanwhile is found.
  daemon_stop kubelet
  kill -KILL "$(main_pid)"
  kubelet_start
  wait_for 40 pod_is 'main.restartCount == 1 and main.ready'
}

@test "containerd restarts, and is killed: pods go on" {
  local id
  pod_up '.spec.hostUsers = false | main(.livenessProbe = {exec: {command: ["true"]}, periodSeconds: 1, failureThreshold: 20})'
  id=$(main_id)
  for signal in TERM KILL; do
    containerd_stop "$signal"
    containerd_start
    wait_for 40 in_pod true
  done
  sleep 3
  is 'the same container' "$id 0" "$(main_id) $(pod_field main.restartCount)"
  pod_up .
  is 'exec in a new one' new "$(in_pod echo new)"
}

@test "the shim is killed: the kubelet starts the pod anew" {
  pod_up .
  local id pid
  id=$(sandbox_id)
  pid=$(pgrep -f "containerd-shim-runc-v2 .*-id $id")
  kill -KILL "$pid"
  wait_for 60 pod_is 'main.restartCount >= 1 and main.ready' || { pod_tells; return 1; }
  is exec anew "$(in_pod echo anew)"
  not is 'the sandbox' "$id" "$(sandbox_id)" 2>/dev/null
}

@test "thirty pods at once, half of them with user namespaces, and all are gone again" {
  local n
  for n in $(seq 30); do pod 'if $k % 2 == 0 then .spec.hostUsers = false else . end' --argjson k "$n"; done
  all_ready() { [ "$(kubectl get pods -o json | jq '[.items[] | select(.status.containerStatuses[0].ready)] | length')" = 30 ]; }
  wait_for 180 all_ready
  is 'different user namespaces' 15 "$(for n in $(cri ListContainers | jq -r '.containers[].id'); do cat "/proc/$(ctr_pid "$n")/uid_map"; done | awk '$2 > 0 { print $2 }' | sort -u | wc -l)"
}
