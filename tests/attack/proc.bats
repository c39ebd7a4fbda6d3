#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# /proc and /sys of a hostile image, mounts laid over procfs, and sysctls that are not namespaced.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

check_masks() {
  assert_null_device /proc/keys
  grep -q ' / /proc .* - proc ' <<<"$output" || { echo 'no procfs on /proc' >&2; return 1; }
  grep -q ' / /sys .* - sysfs ' <<<"$output" || { echo 'no sysfs on /sys' >&2; return 1; }
}

@test "proc-sys-symlink-rootfs: link, file, FIFO, directory with a fake self" {
  local name kind
  set_args /bin/testinit statpath /proc/keys + mountinfo
  mkdir -p "$BUNDLE/rootfs/real/self/attr" "$BUNDLE/rootfs/real/self/fd"
  for name in proc sys; do
    for kind in link-absolute link-relative link-canary file fifo fake; do
      rm -rf "${BUNDLE:?}/rootfs/$name"
      case $kind in
        link-absolute) ln -s /real "$BUNDLE/rootfs/$name" ;;
        link-relative) ln -s tmp/../real "$BUNDLE/rootfs/$name" ;;
        link-canary) ln -s "$CANARY" "$BUNDLE/rootfs/$name" ;;
        file) : >"$BUNDLE/rootfs/$name" ;;
        fifo) mkfifo "$BUNDLE/rootfs/$name" ;;
        fake) mkdir -p "$BUNDLE/rootfs/$name/self/attr" "$BUNDLE/rootfs/$name/self/fd" ;;
      esac
      run_bundle
      canary_same
      case $kind in
        fake) [ "$status" -eq 0 ] && check_masks || { echo "$name $kind: $output" >&2; return 1; } ;;
        *) assert_refused "$name $kind" ;;
      esac
      remove_container
    done
    rm -rf "${BUNDLE:?}/rootfs/$name"
    mkdir "$BUNDLE/rootfs/$name"
  done
}

@test "mount-over-proc-matrix: refused with an error naming the destination" {
  local target type before
  mkdir -p "$BATS_TEST_TMPDIR/fake/self/attr" "$BATS_TEST_TMPDIR/fake/self/fd" "$BATS_TEST_TMPDIR/fake/thread-self/attr"
  : >"$BATS_TEST_TMPDIR/fake/self/attr/exec"
  ln -s proc/self "$BUNDLE/rootfs/to-self"
  before=$(cat "$BUNDLE/config.json")
  for target in /proc /proc/self /proc/self/attr /proc/sys/kernel //proc//1 /proc/./self /dev/../proc/self /to-self/attr; do
    for type in bind tmpfs; do
      echo "$before" >"$BUNDLE/config.json"
      if [ "$type" = bind ]; then
        add_mount "$target" bind "$BATS_TEST_TMPDIR/fake" rbind
      else
        add_mount "$target" tmpfs tmpfs
      fi
      run_bundle
      assert_refused "$type on $target"
      remove_container
    done
  done
}

sysctl_refused() { # sysctl_refused NAME [VALUE]
  bundle_edit '.linux.sysctl = {($n): $v}' --arg n "$1" --arg v "${2:-67}"
  run_bundle
  canary_same || { echo "sysctl $1" >&2; return 1; }
  assert_refused "sysctl $1"
  remove_container
}

@test "sysctl-namespacing-table: spellings that would reach a global sysctl" {
  local name
  for name in kernel.printk_ratelimit_burst kernel/printk_ratelimit_burst \
    net/../kernel/printk_ratelimit_burst net.ipv4/../../kernel/printk_ratelimit_burst \
    net//../kernel/printk_ratelimit_burst net/./../kernel/printk_ratelimit_burst \
    net.ipv4.conf.../../../kernel/printk_ratelimit_burst /kernel/printk_ratelimit_burst \
    /proc/sys/kernel/printk_ratelimit_burst ./kernel/printk_ratelimit_burst \
    fs.mqueue/../../kernel/printk_ratelimit_burst fs/mqueue/../../kernel/printk_ratelimit_burst \
    kernel.shm/../printk_ratelimit_burst kernel.shmmax/../printk_ratelimit_burst \
    kernel.msg/../printk_ratelimit_burst kernel.sem/../printk_ratelimit_burst \
    kernel.domainname/../printk_ratelimit_burst KERNEL.printk_ratelimit_burst \
    kernel.core_pattern vm.overcommit_memory net. net . .. '' "net.ipv4.ip_forward"$'\n'"x"; do
    sysctl_refused "$name"
  done
}

@test "sysctl-namespacing-table: a newline in the value" {
  sysctl_refused net.ipv4.ip_default_ttl "67"$'\n'"68"
}

@test "sysctl-namespacing-table: without the namespace that makes it harmless" {
  bundle_edit '.linux.namespaces |= map(select(.type != "network"))
    | .mounts |= map(select(.type != "sysfs" and .type != "cgroup"))
    | .linux.maskedPaths |= map(select(startswith("/sys") | not))'
  sysctl_refused net.core.somaxconn
  sysctl_refused net.ipv4.ip_default_ttl
  bundle_edit '.linux.namespaces |= map(select(.type != "ipc")) | .mounts |= map(select(.type != "mqueue"))'
  sysctl_refused kernel.shmmax
  sysctl_refused fs.mqueue.msg_max
  sysctl_refused user.max_user_namespaces
}

@test "sysctl-namespacing-table: a namespaced one is applied to the container only" {
  local before
  before=$(cat /proc/sys/net/ipv4/ip_default_ttl)
  bundle_edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "67"}'
  set_args /bin/cat /proc/sys/net/ipv4/ip_default_ttl
  run_bundle
  [ "$status" -eq 0 ]
  [ "$output" = 67 ]
  [ "$(cat /proc/sys/net/ipv4/ip_default_ttl)" = "$before" ]
}
